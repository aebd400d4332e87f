//! Taking a pack apart: every file goes aside into the store's `tmp/`, under a name of its own, and is compared with the
//! list while it comes. What is left over where that fails goes with it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::archive::{Limits, PackEntries};
use crate::context::Context;
use crate::digest::{Digest, Hasher};
use crate::fault::{Fault, Result};
use crate::fs;
use crate::pack_list::{LARGEST_LIST, LIST, PackFile, PackList, What};
use crate::quote::shown;
use crate::signals;
use crate::store::{Incoming, Store, StoreLock};

/// A pack whose list was read.
pub(super) struct Opened {
    pub(super) list: PackList,
    pub(super) name: String,
    entries: PackEntries<Reading>,
    digest: std::rc::Rc<std::cell::RefCell<Hasher>>,
    /// The file after the last that was taken.
    next: usize,
}

/// A file of a pack that is what the list says.
pub(super) struct Taken {
    pub(super) file: PackFile,
    pub(super) incoming: Incoming,
}

impl Opened {
    /// Opens a pack and reads its list.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let name = shown(path.as_os_str());
        let file = fs::open(path)?.ok_or_else(|| {
            Fault::new(format!("there is no pack {name}")).help("name the file that `envtool pack` wrote")
        })?;
        if fs::is_folder(path)? {
            return Err(Fault::new(format!("could not read the pack {name}"))
                .why("it is a folder")
                .help("name the file that `envtool pack` wrote; the project's folder comes behind it"));
        }
        // A pipe has no length.
        let found = file.metadata().map_err(|error| fs::failed("look at", path, &error))?;
        let length = found.is_file().then_some(found.len());
        let digest = std::rc::Rc::default();
        let reading = Reading { file, digest: std::rc::Rc::clone(&digest) };
        // The list, its header, and as much as is read ahead of it.
        let limits = Limits { bytes: LARGEST_LIST + (1 << 20), entries: 1, depth: 8 };
        let mut entries = PackEntries::new(reading, &name, &limits)?;
        let first = entries.next_file()?;
        let size = match first {
            Some((path, size)) if path.as_str() == LIST => size,
            _ => return Err(entries.refuse(format!("it does not begin with {LIST}: no envtool wrote it"))),
        };
        if size > LARGEST_LIST {
            return Err(entries.refuse(format!("its list is larger than {LARGEST_LIST} bytes")));
        }
        let mut bytes = Vec::new();
        while let Some(piece) = entries.data()? {
            bytes.extend_from_slice(piece);
        }
        let list = PackList::read(&bytes, &name)?;
        // For each file its blocks, a header, and two records for a long name; and the end of the archive.
        let files = list.files.len() as u64;
        let all = list.bytes().unwrap_or(u64::MAX);
        // Else a small file of a stranger's would fill the disk with what is compared with the locks only then.
        if let Some(length) = length.filter(|length| Limits::for_archive(*length).bytes < all) {
            return Err(entries.refuse(format!("it would unpack to {all} bytes, and has {length}")));
        }
        let most =
            all.saturating_add(size).saturating_add(files.saturating_mul(4 * 512)).saturating_add(64 << 10);
        entries.limit(&Limits { bytes: most, entries: files.saturating_mul(2) + 1, depth: 8 });
        Ok(Self { list, name, entries, digest, next: 0 })
    }

    /// Takes the files of the project itself, which come first: their names and bytes.
    pub(super) fn project(&mut self) -> Result<Vec<(String, Vec<u8>)>> {
        const LARGEST: u64 = 64 << 20;
        let mut all = Vec::new();
        while let Some(PackFile { what: What::Project { file }, size, .. }) = self.list.files.get(self.next) {
            if *size > LARGEST {
                return Err(self.entries.refuse(format!("its {file} is larger than {LARGEST} bytes")));
            }
            let (file, mut bytes) = (file.clone(), Vec::new());
            self.take_one(&mut bytes, Path::new(&file.clone()))?;
            all.push((file, bytes));
        }
        Ok(all)
    }

    /// Takes all that is left, to the last byte of the pack. Gives the SHA-256 of the whole as well.
    pub(super) fn rest(
        mut self,
        store: &Store,
        lock: &StoreLock,
        context: &Context<'_>,
    ) -> Result<(Vec<Taken>, Digest)> {
        let left = self.list.files.len() - self.next;
        let _held = signals::hold()?;
        context.progress.begin("Unpacking", left as u64, "files");
        let done = self.take_rest(store, lock, context);
        context.progress.end();
        signals::check()?;
        let taken = done?;
        let digest = self.digest.borrow().clone().finish();
        Ok((taken, digest))
    }

    fn take_rest(&mut self, store: &Store, lock: &StoreLock, context: &Context<'_>) -> Result<Vec<Taken>> {
        let mut taken = Vec::new();
        while let Some(file) = self.list.files.get(self.next).cloned() {
            signals::check()?;
            let incoming = store.incoming(lock)?;
            fs::remove_file(incoming.path())?;
            let mut to = fs::create_new(incoming.path(), 0o644)
                .map_err(|error| fs::failed("make", incoming.path(), &error))?;
            let at = incoming.path().to_owned();
            self.take_one(&mut to, &at)?;
            taken.push(Taken { file, incoming });
            context.progress.step();
        }
        if let Some((path, _)) = self.entries.next_file()? {
            return Err(self
                .entries
                .refuse(format!("it holds {:?}, which its list does not name", path.as_str())));
        }
        Ok(taken)
    }

    /// Takes the next file, which must be the next of the list.
    fn take_one(&mut self, to: &mut impl io::Write, at: &Path) -> Result<()> {
        let row = &self.list.files[self.next];
        let (wanted, size, sha256) = (row.path.clone(), row.size, row.sha256);
        match self.entries.next_file()? {
            None => return Err(self.entries.refuse(format!("{wanted:?} is in its list and not in it"))),
            Some((path, found)) if path.as_str() == wanted && found == size => {}
            Some((path, found)) if path.as_str() == wanted => {
                return Err(self
                    .entries
                    .refuse(format!("its {wanted:?} has {found} bytes, and {size} in the list")));
            }
            Some((path, _)) => {
                return Err(self
                    .entries
                    .refuse(format!("it holds {:?} where its list has {wanted:?}", path.as_str())));
            }
        }
        let mut hasher = Hasher::default();
        while let Some(piece) = self.entries.data()? {
            hasher.update(piece);
            to.write_all(piece).map_err(|error| {
                fs::failed("write", at, &error)
                    .or_help("free some space, or move the store with ENVTOOL_CACHE_DIR")
            })?;
        }
        let found = hasher.finish();
        if found != sha256 {
            return Err(self
                .entries
                .refuse(format!("its {wanted:?} has the SHA-256 {found}, and {sha256} in the list")));
        }
        self.next += 1;
        Ok(())
    }
}

/// The file, digested while it is read.
struct Reading {
    file: File,
    digest: std::rc::Rc<std::cell::RefCell<Hasher>>,
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.digest.borrow_mut().update(&buffer[..count]);
        Ok(count)
    }
}
