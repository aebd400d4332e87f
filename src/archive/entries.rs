//! From compressed bytes to entries: gzip or zstd, then tar.
//!
//! The `tar` crate reads the fields of a header; the walk from header to header is our own. Its walk keeps a long
//! name of any length in memory and lets a PAX record decide where the next header lies. A `.crate` needs little of
//! tar: files, folders, long names as GNU or as PAX write them. Where two readers of tar could disagree
//! (CVE-2025-62518), the archive is refused.
//!
//! Bytes come through one window on the decompressed stream: headers are read in it, and a file's data is hashed
//! and written straight from it, in one piece where it fits.

use std::io::{BufRead as _, BufReader, ErrorKind, Read};

use flate2::bufread::GzDecoder;
use tar::{Header, PaxExtensions};

use super::Limits;
use super::safe_path::shown;

/// tar counts in blocks of so many bytes.
const BLOCK: usize = 512;
/// The window on the decompressed stream: most files fit, and it stays in the processor's cache.
const WINDOW: usize = 256 * 1024;
/// Compressed bytes are read in pieces of this length.
const PIECE: usize = 64 * 1024;
/// The longest long-name or PAX record that is taken: 60 times what the longest path needs.
const LONGEST_RECORD: u64 = 64 * 1024;

/// What is wrong with an archive, in words that follow its name.
#[derive(Debug)]
pub(super) struct Flaw(pub(super) String);

type Result<T> = std::result::Result<T, Flaw>;

fn flaw<T>(what: impl Into<String>) -> Result<T> {
    Err(Flaw(what.into()))
}

/// A plain file or a folder: no other entry gets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    File,
    Folder,
}

/// One entry; of its name nothing is checked yet.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) kind: EntryKind,
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) mtime: u64,
}

/// What long-name and PAX records say about the entry that follows them.
#[derive(Default)]
struct Announced {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    anything: bool,
}

/// A stream that was compressed, and what lies behind it.
pub(super) trait Compressed: Read {
    /// What it is called.
    const NAME: &'static str;
    /// Whether its head was read.
    fn has_begun(&self) -> bool;
    /// What follows behind its end, a piece of it.
    fn behind(&mut self) -> std::io::Result<&[u8]>;
}

/// gzip, as a `.crate` has it.
pub(super) type Gzip<R> = GzDecoder<BufReader<R>>;

impl<R: Read> Compressed for Gzip<R> {
    const NAME: &'static str = "gzip";

    fn has_begun(&self) -> bool {
        self.header().is_some()
    }

    fn behind(&mut self) -> std::io::Result<&[u8]> {
        self.get_mut().fill_buf()
    }
}

/// zstd, as a pack has it.
pub(super) type Zstd<R> = zstd::stream::read::Decoder<'static, BufReader<R>>;

impl<R: Read> Compressed for Zstd<R> {
    const NAME: &'static str = "zstd";

    fn has_begun(&self) -> bool {
        false
    }

    fn behind(&mut self) -> std::io::Result<&[u8]> {
        self.get_mut().fill_buf()
    }
}

/// The most that a zstd stream may ask for as its window, as a power of two: what every decoder has to support
/// (RFC 8878, 3.1.1.1.2).
const LARGEST_WINDOW: u32 = 23;

/// The stream in `archive`.
pub(super) fn zstd<R: Read>(archive: R) -> std::io::Result<Zstd<R>> {
    let mut stream = Zstd::with_buffer(BufReader::with_capacity(PIECE, archive))?.single_frame();
    stream.window_log_max(LARGEST_WINDOW)?;
    Ok(stream)
}

/// The entries of a compressed tar archive, in their order.
pub(super) struct Entries<S: Compressed> {
    window: Window<S>,
    limits: Limits,
    seen: u64,
    /// Bytes of the current entry's data that were not handed out yet, and of the padding behind them.
    data: u64,
    padding: usize,
}

impl<R: Read> Entries<Gzip<R>> {
    pub(super) fn new(archive: R, limits: &Limits) -> Self {
        Self::of(GzDecoder::new(BufReader::with_capacity(PIECE, archive)), limits)
    }
}

impl<S: Compressed> Entries<S> {
    pub(super) fn of(stream: S, limits: &Limits) -> Self {
        Self { window: Window::new(stream, limits.bytes), limits: *limits, seen: 0, data: 0, padding: 0 }
    }

    /// From here on these limits count, for the whole archive.
    pub(super) fn limit(&mut self, limits: &Limits) {
        self.limits = *limits;
        self.window.most = limits.bytes;
    }

    /// The next file or folder; `None` when the archive ended as it should, to its last byte.
    pub(super) fn next(&mut self) -> Result<Option<Entry>> {
        while self.data()?.is_some() {}
        let mut announced = Announced::default();
        loop {
            let Some(header) = self.header()? else {
                if announced.anything {
                    return flaw("it ends between a long name and its file");
                }
                return Ok(None);
            };
            self.begin(&header)?;
            match header.as_bytes()[156] {
                b'L' => self.long_name(&mut announced)?,
                b'x' => self.pax(&mut announced)?,
                b'g' => self.pax_global()?,
                _ => return self.entry(&header, announced).map(Some),
            }
        }
    }

    /// The next piece of the current entry's data; `None` behind the last.
    pub(super) fn data(&mut self) -> Result<Option<&[u8]>> {
        if self.data == 0 {
            let padding = std::mem::take(&mut self.padding);
            self.window.take(padding)?;
            return Ok(None);
        }
        let piece = usize::try_from(self.data).unwrap_or(WINDOW).min(WINDOW);
        self.data -= piece as u64;
        self.window.take(piece).map(Some)
    }

    /// The next header; `None` at the end of the archive, which was then checked.
    fn header(&mut self) -> Result<Option<Header>> {
        let block = self.window.take(BLOCK)?;
        if is_zero(block) {
            self.end()?;
            return Ok(None);
        }
        let mut header = Header::new_old();
        header.as_mut_bytes().copy_from_slice(block);
        if header.cksum().ok() != Some(sum(header.as_bytes())) {
            return flaw(if self.seen == 0 { "it is no tar archive" } else { "a header in it is damaged" });
        }
        self.seen += 1;
        if self.seen > self.limits.entries {
            return flaw(format!("it has more than {} entries", self.limits.entries));
        }
        Ok(Some(header))
    }

    /// Takes the header's size as the distance to the next header, whatever else says something about sizes.
    fn begin(&mut self, header: &Header) -> Result<()> {
        let Ok(size) = header.entry_size() else {
            return flaw(format!("the entry {} has no readable size", shown(&header.path_bytes())));
        };
        if size > self.limits.bytes {
            return flaw(self.window.too_much());
        }
        self.data = size;
        // Less than a block, so it fits.
        self.padding = usize::try_from(size.wrapping_neg() % BLOCK as u64).unwrap_or_default();
        Ok(())
    }

    fn entry(&self, header: &Header, announced: Announced) -> Result<Entry> {
        let mut name = announced.name.unwrap_or_else(|| header.path_bytes().into_owned());
        let kind = match header.as_bytes()[156] {
            b'0' | 0 => EntryKind::File,
            b'5' => EntryKind::Folder,
            other => return flaw(format!("the entry {} is {}", shown(&name), in_words(other))),
        };
        if announced.size.is_some_and(|size| size != self.data) {
            return flaw(format!("the entry {} has two sizes", shown(&name)));
        }
        if kind == EntryKind::Folder {
            if self.data != 0 {
                return flaw(format!("the entry {} is a folder that holds data", shown(&name)));
            }
            if name.last() == Some(&b'/') {
                name.pop();
            }
        }
        let Ok(mode) = header.mode() else {
            return flaw(format!("the entry {} has no readable mode", shown(&name)));
        };
        // No time is no harm; cargo does without it too.
        let mtime = header.mtime().unwrap_or(0);
        Ok(Entry { name, kind, size: self.data, mode, mtime })
    }

    /// GNU: the data is the name.
    fn long_name(&mut self, announced: &mut Announced) -> Result<()> {
        let mut name = self.record()?;
        if name.last() == Some(&0) {
            name.pop();
        }
        announced.anything = true;
        announce(&mut announced.name, name)
    }

    /// PAX: the data is lines of `LENGTH KEY=VALUE`.
    fn pax(&mut self, announced: &mut Announced) -> Result<()> {
        let record = self.record()?;
        announced.anything = true;
        for (key, value) in pax_lines(&record)? {
            match key {
                b"path" => announce(&mut announced.name, value.to_vec())?,
                b"size" => match std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()) {
                    Some(size) => announce(&mut announced.size, size)?,
                    None => return flaw("a PAX record in it has no readable size"),
                },
                key if key.starts_with(b"GNU.sparse.") => return flaw("it has a sparse file"),
                _ => {}
            }
        }
        Ok(())
    }

    /// PAX for all that follows: a comment (git writes the commit there) is skipped; anything that renames or
    /// resizes is obeyed by some readers only.
    fn pax_global(&mut self) -> Result<()> {
        let record = self.record()?;
        for (key, _) in pax_lines(&record)? {
            if key == b"path" || key == b"size" || key.starts_with(b"GNU.sparse.") {
                return flaw("a global PAX record in it changes names or sizes");
            }
        }
        Ok(())
    }

    /// The data of a record, whole.
    fn record(&mut self) -> Result<Vec<u8>> {
        if self.data > LONGEST_RECORD {
            return flaw(format!("a name or PAX record in it is longer than {LONGEST_RECORD} bytes"));
        }
        let mut record = Vec::new();
        while let Some(piece) = self.data()? {
            record.extend_from_slice(piece);
        }
        Ok(record)
    }

    /// Behind the first empty block: a second one, zeros to the end of the stream, and nothing behind the stream.
    /// Reading to the end is also what makes gzip compare its checksum.
    fn end(&mut self) -> Result<()> {
        if !is_zero(self.window.take(BLOCK)?) {
            return flaw("it has a single empty block where an archive ends with two");
        }
        loop {
            let rest = self.window.rest()?;
            if rest.is_empty() {
                return self.window.nothing_behind();
            }
            if !is_zero(rest) {
                return flaw("it goes on behind its end");
            }
        }
    }
}

fn announce<T: PartialEq>(place: &mut Option<T>, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => flaw("it names one entry twice"),
    }
}

fn pax_lines(record: &[u8]) -> Result<Vec<(&[u8], &[u8])>> {
    PaxExtensions::new(record)
        .map(|line| line.map(|line| (line.key_bytes(), line.value_bytes())))
        .collect::<std::io::Result<_>>()
        .or_else(|_| flaw("a PAX record in it is damaged"))
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}

/// The checksum of a header: the sum of its bytes, those of the checksum itself counted as spaces.
fn sum(header: &[u8; BLOCK]) -> u32 {
    let whole: u32 = header.iter().copied().map(u32::from).sum();
    let own: u32 = header[148..156].iter().copied().map(u32::from).sum();
    whole - own + 8 * u32::from(b' ')
}

fn in_words(kind: u8) -> String {
    match kind {
        b'1' => "a hard link".to_owned(),
        b'2' => "a symbolic link".to_owned(),
        b'3' | b'4' => "a device".to_owned(),
        b'6' => "a pipe".to_owned(),
        b'K' => "a link with a long target".to_owned(),
        b'S' => "a sparse file".to_owned(),
        other => format!("of the unknown type {:?}", char::from(other)),
    }
}

/// A window on the decompressed stream.
struct Window<S: Compressed> {
    stream: S,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes that came out of the stream, and how many may.
    seen: u64,
    most: u64,
}

impl<S: Compressed> Window<S> {
    fn new(stream: S, most: u64) -> Self {
        Self { stream, buffer: vec![0; WINDOW], start: 0, end: 0, seen: 0, most }
    }

    /// The next `count` bytes, which must be there; not more than [`WINDOW`].
    fn take(&mut self, count: usize) -> Result<&[u8]> {
        if self.end - self.start < count {
            if self.start + count > self.buffer.len() {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            while self.end - self.start < count {
                if !self.fill()? {
                    return flaw("it ends in the middle");
                }
            }
        }
        let from = self.start;
        self.start += count;
        Ok(&self.buffer[from..self.start])
    }

    /// Some of the bytes that are left; none at the end.
    fn rest(&mut self) -> Result<&[u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.fill()?;
        }
        let from = self.start;
        self.start = self.end;
        Ok(&self.buffer[from..self.end])
    }

    /// Gets more bytes into the free part of the buffer. Says whether there were any.
    fn fill(&mut self) -> Result<bool> {
        loop {
            match self.stream.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.end += count;
                    self.seen += count as u64;
                    return if self.seen > self.most { flaw(self.too_much()) } else { Ok(true) };
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    return flaw("it ends in the middle");
                }
                Err(error) if error.raw_os_error().is_some() => {
                    return flaw(format!("it could not be read: {error}"));
                }
                Err(_) if self.seen == 0 && !self.stream.has_begun() => {
                    return flaw(format!("it is not {}", S::NAME));
                }
                Err(error) => return flaw(format!("it is damaged: {error}")),
            }
        }
    }

    fn too_much(&self) -> String {
        format!("it unpacks to more than {} bytes", self.most)
    }

    fn nothing_behind(&mut self) -> Result<()> {
        match self.stream.behind() {
            Ok([]) => Ok(()),
            Ok(_) => flaw("something follows behind its compressed stream"),
            Err(error) => flaw(format!("it could not be read: {error}")),
        }
    }
}
