//! The store: one cache a machine, keyed by SHA-256, that every environment draws from.
//!
//! An entry is complete or absent: it is made below `tmp/` and renamed into place, so a reader needs no lock, and two
//! who make the same entry do not meet. Who uses the store holds its [`StoreLock`] shared, who takes things away holds
//! it exclusively. The shape on disk stands in [`crate::layout`].
//!
//! Words: an *archive* is a `.crate` as it was downloaded; a *tree* is what was unpacked from it (or exported from git);
//! a tree's *key* is the SHA-256 of its archive, or of repository, commit and package for one from git.

mod built;
mod programs;
mod stamp;
mod trusted;
mod vouch;
mod wheels;

pub use built::{Built, BuiltRecord};
pub use stamp::{Input, Known, Stamp};
pub use trusted::Trusted;
pub use vouch::{Found, Outline};

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::archive::{self, Contents, Limits};
use crate::digest::{Digest, Hasher};
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::StoreLayout;
use crate::package::PackageId;

/// The store.
#[derive(Debug, Clone)]
pub struct Store {
    layout: StoreLayout,
}

/// Shows that the store is not being emptied while it is held.
#[derive(Debug)]
pub struct StoreLock {
    _lock: fs::Lock,
}

/// An unpacked tree in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Its folder.
    pub path: PathBuf,
    /// What it was when it was unpacked.
    pub record: TreeRecord,
}

/// What a tree was when it was unpacked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeRecord {
    /// The digest of every file's name, mode, size and content.
    pub tree: Digest,
    /// How many files it holds, `.cargo-checksum.json` not counted.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// The digest of their names and sizes; `None` where an earlier envtool unpacked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Digest>,
}

/// The size of one bucket of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// The bucket.
    pub bucket: &'static str,
    /// Its entries.
    pub entries: u64,
    /// The bytes of its files, as their names say (blocks may be more).
    pub bytes: u64,
}

/// A file below `tmp/` that becomes an archive once its digest is known.
#[derive(Debug)]
pub struct Incoming {
    path: tempfile::TempPath,
}

impl Incoming {
    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Store {
    /// The store below `cache`. Makes nothing.
    pub fn new(cache: &Path) -> Self {
        Self { layout: StoreLayout::new(cache) }
    }

    /// Its paths.
    pub fn layout(&self) -> &StoreLayout {
        &self.layout
    }

    /// Makes the store's folders where they are absent, and locks it against being emptied.
    pub fn lock(&self, waiting: &fs::Waiting<'_>) -> Result<StoreLock> {
        for bucket in StoreLayout::buckets() {
            let folder = self.layout.bucket(bucket);
            if !fs::is_folder(&folder)? {
                fs::create_folders(&folder)
                    .and_then(|()| fs::set_mode(&folder, 0o755))
                    .and_then(|()| fs::set_mode(self.layout.root(), 0o755))
                    .map_err(|fault| {
                        fault.or_help("choose another place for the store with ENVTOOL_CACHE_DIR")
                    })?;
            }
        }
        self.clear_tmp()?;
        Ok(StoreLock { _lock: fs::lock(&self.layout.lock(), false, waiting)? })
    }

    /// Removes what killed processes left in `tmp/`, where nobody else is at work.
    fn clear_tmp(&self) -> Result<()> {
        let tmp = self.layout.tmp();
        let left = fs::names(&tmp)?.unwrap_or_default();
        if left.is_empty() {
            return Ok(());
        }
        let Some(_alone) = fs::try_lock(&self.layout.lock())? else { return Ok(()) };
        left.iter().try_for_each(|name| fs::remove_tree(&tmp.join(name)))
    }

    /// The tree under `key`; `None` where it is absent or its record cannot be read, for then it is made anew.
    pub fn tree(&self, key: &Digest, package: &PackageId) -> Result<Option<Tree>> {
        let entry = self.layout.tree_entry(key);
        let path = self.layout.tree(key, package);
        let record = fs::read(&StoreLayout::tree_record(&entry))?;
        let record = record.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        match record {
            Some(record) if fs::is_folder(&path)? => Ok(Some(Tree { path, record })),
            // Another package's: a lock that gives this one its checksum must not cost others theirs.
            Some(_) if fs::names(&entry)?.is_some_and(|names| names.len() > 1) => Ok(None),
            _ => {
                // Absent, or a part is: an entry is renamed into place whole, so somebody took the part away.
                fs::remove_tree(&entry)?;
                Ok(None)
            }
        }
    }

    /// What the store recorded of the tree under `key`; `None` where it has none.
    pub fn record(&self, key: &Digest) -> Result<Option<TreeRecord>> {
        let bytes = fs::read(&StoreLayout::tree_record(&self.layout.tree_entry(key)))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// The archive of this digest; `None` where it is absent.
    pub fn archive(&self, digest: &Digest) -> Result<Option<PathBuf>> {
        let path = self.layout.archive(digest);
        Ok(fs::is_file(&path)?.then_some(path))
    }

    /// A place to write an archive to.
    pub fn incoming(&self, _lock: &StoreLock) -> Result<Incoming> {
        let file = tempfile::Builder::new().prefix("archive-").tempfile_in(self.layout.tmp());
        file.map(|file| Incoming { path: file.into_temp_path() }).map_err(|error| self.cannot_write(&error))
    }

    /// Takes an archive in whose bytes have `digest`.
    pub fn accept(&self, incoming: Incoming, digest: &Digest) -> Result<PathBuf> {
        let path = self.layout.archive(digest);
        self.keep(incoming, &path)?;
        Ok(path)
    }

    /// Gives what arrived its place in the store, once its bytes are known to be what belongs there.
    pub fn keep(&self, incoming: Incoming, path: &Path) -> Result<()> {
        fs::create_folders(path.parent().unwrap_or(path))?;
        incoming.path.persist(path).map_err(|error| self.cannot_write(&error.error))?;
        tracing::debug!(?path, "keeps an archive");
        Ok(())
    }

    /// Takes an archive in from a file, if that file has `digest`.
    pub fn accept_copy(&self, from: &Path, digest: &Digest, lock: &StoreLock) -> Result<Option<PathBuf>> {
        let Some(mut file) = fs::open(from)? else {
            return Ok(None);
        };
        let cannot_read = |error: &std::io::Error| fs::failed("read", from, error);
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|error| cannot_read(&error))?;
        if Digest::of(&bytes) != *digest {
            return Ok(None);
        }
        let incoming = self.incoming(lock)?;
        fs::write(incoming.path(), &bytes)?;
        self.accept(incoming, digest).map(Some)
    }

    /// Unpacks an archive of the store. An archive that is no longer what it was is dropped, and said.
    pub fn unpack(&self, package: &PackageId, digest: &Digest, _lock: &StoreLock) -> Result<Tree> {
        let path = self.layout.archive(digest);
        let file = fs::open(&path)?.ok_or_else(|| {
            Fault::new(format!("the archive of {package} is gone from the store"))
                .help("run `envtool sync` again")
        })?;
        let size = file.metadata().map_err(|error| self.cannot_write(&error))?.len();
        let mut reader = HashingReader { file, hasher: Hasher::default() };
        self.make_tree(digest, package, |dest| {
            let contents =
                archive::unpack_crate(&mut reader, package, *digest, dest, &Limits::for_archive(size));
            // The archive was checked when it came in; what a disk did to it since is found here, before the tree
            // has its name.
            std::io::copy(&mut reader, &mut std::io::sink()).map_err(|error| self.cannot_write(&error))?;
            if reader.hasher.finish() == *digest {
                return contents;
            }
            fs::remove_file(&path)?;
            tracing::debug!(?path, "drops a damaged archive");
            Err(Fault::new(format!("the archive of {package} in the store was damaged"))
                .why(format!("{} does not have the SHA-256 in its name; it was dropped", path.display()))
                .help("run `envtool sync` again: it is fetched once more"))
        })
    }

    /// Makes the tree under `key` by `fill`, which is given a folder that does not exist yet.
    pub fn make_tree(
        &self,
        key: &Digest,
        package: &PackageId,
        fill: impl FnOnce(&Path) -> Result<Contents>,
    ) -> Result<Tree> {
        let aside = tempfile::Builder::new().prefix("tree-").tempdir_in(self.layout.tmp());
        let aside = aside.map_err(|error| self.cannot_write(&error))?.keep();
        let made = self.make_tree_in(&aside, key, package, fill);
        if made.is_err() {
            // The first fault is the one to tell; what is left of the half-made tree lies below tmp/.
            let _ = fs::remove_tree(&aside);
        }
        made
    }

    fn make_tree_in(
        &self,
        aside: &Path,
        key: &Digest,
        package: &PackageId,
        fill: impl FnOnce(&Path) -> Result<Contents>,
    ) -> Result<Tree> {
        let dest = aside.join(package.folder());
        let contents = fill(&dest)?;
        fs::set_mode(&dest, 0o555)?;
        let Outline { files, bytes, names } = Outline::of_contents(&contents);
        let record = TreeRecord { tree: contents.tree_digest(), files, bytes, names: Some(names) };
        let text = serde_json::to_vec(&record)
            .map_err(|error| Fault::bug("could not write a record").because(&error))?;
        fs::write_new(&StoreLayout::tree_record(aside), &text)?;
        fs::set_mode(aside, 0o755)?;
        let entry = self.layout.tree_entry(key);
        if !fs::rename_unless_there(aside, &entry)? {
            fs::remove_tree(aside)?;
        }
        let path = self.layout.tree(key, package);
        tracing::debug!(?path, files, bytes, "keeps a tree");
        Ok(Tree { path, record })
    }

    /// What cargo said when it found the lock behind `key` to serve: the crates that it could not read.
    /// `None` where it was not asked yet.
    pub fn agreed(&self, key: &Digest) -> Result<Option<Vec<PackageId>>> {
        Ok(fs::read(&self.layout.agreed(key))?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Remembers that cargo found the lock behind `key` to serve, with the crates that it could not read.
    pub fn remember_agreed(&self, key: &Digest, unreadable: &[PackageId]) -> Result<()> {
        let text = serde_json::to_vec(unreadable)
            .map_err(|error| Fault::bug("could not note what cargo agreed to").because(&error))?;
        fs::write(&self.layout.agreed(key), &text)
    }

    /// A folder below `tmp/`, removed when it is dropped.
    pub fn scratch(&self, _lock: &StoreLock) -> Result<tempfile::TempDir> {
        let made = tempfile::Builder::new().prefix("scratch-").tempdir_in(self.layout.tmp());
        made.map_err(|error| self.cannot_write(&error))
    }

    /// How much each bucket holds. An absent store holds nothing.
    pub fn usage(&self) -> Result<Vec<Usage>> {
        StoreLayout::buckets().into_iter().map(|bucket| self.usage_of(bucket)).collect()
    }

    /// How much one of its buckets holds.
    pub fn usage_of(&self, bucket: &'static str) -> Result<Usage> {
        let folder = self.layout.bucket(bucket);
        let entries = fs::names(&folder)?.map_or(0, |names| names.len() as u64);
        let files =
            walkdir::WalkDir::new(&folder).into_iter().flatten().filter(|entry| entry.file_type().is_file());
        let bytes = files.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum();
        Ok(Usage { bucket, entries, bytes })
    }

    fn cannot_write(&self, error: &std::io::Error) -> Fault {
        Fault::new(format!("could not write to the store {}", self.layout.root().display()))
            .because(error)
            .help("check its owner and the free space, or choose another place with ENVTOOL_CACHE_DIR")
    }
}

/// Digests what is read through it.
struct HashingReader {
    file: File,
    hasher: Hasher,
}

impl Read for HashingReader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}
