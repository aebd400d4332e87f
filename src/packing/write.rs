//! Writing a pack: sorted, without times, users and places, at one level of compression, so that the same environment
//! gives the same bytes.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use super::gather::{Content, Item};
use crate::context::Context;
use crate::digest::{Digest, Hasher};
use crate::fault::{Fault, Result};
use crate::fs::{self, Aside};
use crate::pack_list::{LIST, PackList};
use crate::quote::shown;
use crate::signals;

/// How hard it is compressed. Most of a pack is archives, which are compressed already.
const LEVEL: i32 = 3;

/// Writes the pack. Gives the SHA-256 of the file and its size.
pub(super) fn write(
    target: &Path,
    list: &PackList,
    items: &[Item],
    context: &Context<'_>,
) -> Result<(Digest, u64)> {
    let target = &place_of(target)?;
    let held = signals::hold()?;
    context.progress.begin("Packing", items.len() as u64, "files");
    let done = write_aside(target, list, items, context);
    context.progress.end();
    signals::check()?;
    drop(held);
    done
}

/// The file that a pack is to become: absent, or a plain file, which a link may lead to. A device or a pipe would be
/// replaced by it, and not written to.
fn place_of(target: &Path) -> Result<PathBuf> {
    let refuse = |what: &str| {
        Err(Fault::new(format!("could not write the pack {}", shown(target.as_os_str())))
            .why(what)
            .help("name a file, such as env.tar.zst"))
    };
    match fs::kind(target)? {
        fs::Kind::Absent | fs::Kind::File => Ok(target.to_owned()),
        fs::Kind::Link if fs::is_file(target)? => fs::canonical(target),
        fs::Kind::Link => refuse("it is a link that leads to no file"),
        fs::Kind::Folder => refuse("it is a folder"),
        fs::Kind::Other => refuse("it is a device or a pipe, and no file"),
    }
}

fn write_aside(
    target: &Path,
    list: &PackList,
    items: &[Item],
    context: &Context<'_>,
) -> Result<(Digest, u64)> {
    let cannot = |error: &io::Error| {
        fs::failed("write", target, error).or_help("see how much space is left there, or name another file")
    };
    let aside = Aside::new(target)?;
    let mut digesting = Digesting { inner: aside.file(), hasher: Hasher::default(), bytes: 0 };
    let out = BufWriter::with_capacity(1 << 20, &mut digesting);
    let mut stream = zstd::Encoder::new(out, LEVEL).map_err(|error| cannot(&error))?;
    stream.include_checksum(true).map_err(|error| cannot(&error))?;
    let mut archive = Builder::new(stream);
    let bytes = list.to_bytes()?;
    append(&mut archive, LIST, bytes.len() as u64, &bytes[..]).map_err(|error| cannot(&error))?;
    for item in items {
        signals::check()?;
        let digest = match &item.content {
            Content::Bytes(bytes) => append(&mut archive, &item.file.path, item.file.size, &bytes[..]),
            Content::File(path) => {
                let file = fs::open(path)?.ok_or_else(|| item.damaged())?;
                append(&mut archive, &item.file.path, item.file.size, Exactly::new(file, item.file.size))
            }
        };
        match digest {
            Ok(digest) if digest == item.file.sha256 => {}
            Ok(_) => return Err(item.damaged()),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(item.damaged()),
            Err(error) => return Err(cannot(&error)),
        }
        context.progress.step();
    }
    let stream = archive.into_inner().map_err(|error| cannot(&error))?;
    let mut out = stream.finish().map_err(|error| cannot(&error))?;
    out.flush().map_err(|error| cannot(&error))?;
    drop(out);
    let Digesting { hasher, bytes, .. } = digesting;
    signals::check()?;
    aside.keep()?;
    Ok((hasher.finish(), bytes))
}

/// Appends a file; gives the digest of what was read.
fn append(archive: &mut Builder<impl Write>, path: &str, size: u64, data: impl Read) -> io::Result<Digest> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    let mut data = Digesting { inner: data, hasher: Hasher::default(), bytes: 0 };
    archive.append_data(&mut header, path, &mut data)?;
    Ok(data.hasher.finish())
}

/// Digests what goes through it.
struct Digesting<T> {
    inner: T,
    hasher: Hasher,
    bytes: u64,
}

impl<T: Read> Read for Digesting<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

impl<T: Write> Write for Digesting<T> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A file that has as many bytes as were announced, or fails: its header is written by then.
struct Exactly {
    file: File,
    left: u64,
}

impl Exactly {
    fn new(file: File, size: u64) -> Self {
        Self { file, left: size }
    }
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read(&mut buffer[..most])?;
        self.left -= count as u64;
        if count == 0 && most > 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(count)
    }
}
