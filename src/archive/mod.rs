//! Unpacking: from an archive's bytes to files on disk, or to the list of what would lie there.
//!
//! An archive comes from strangers. Whoever publishes a package chooses every byte of it, and its checksum only says
//! that these are the bytes that were published. So everything that an archive says is checked before it touches
//! the disk, and what `cargo package` never writes is refused rather than repaired: a repair is where two readers
//! of one archive begin to see two different trees.
//!
//! Words: an *archive* is the compressed file, an *entry* is one header in it with its data, a *tree* is what lies
//! on disk afterwards, [`Contents`] is the tree as a value.
//!
//! Shape, from the bytes upwards:
//!
//! - `entries` undoes gzip and tar and hands out files and folders with their raw names; nothing else gets through
//! - [`SafePath`] is a name that was checked, and the only thing that is ever joined to a destination
//! - `crate_archive` walks the entries of a `.crate`: `NAME-VERSION/` above everything, no name twice, [`Limits`] kept
//! - `disk` puts files and folders below the destination, with their modes and times
//!
//! - `pack_archive` walks a file of `envtool pack`, whose entries its list names one after the other
//!
//! Another format (a wheel, an npm tarball) brings its own walk and shares the rest.

mod crate_archive;
mod disk;
mod entries;
mod pack_archive;
mod safe_path;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::digest::{Digest, Hasher};

pub use crate_archive::{CHECKSUM_FILE, checksum_json, read_crate, unpack_crate};
pub use pack_archive::PackEntries;
pub use safe_path::{SafePath, UnsafePath};

/// One file of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRecord {
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// Its permission bits as they lie on disk (Unix): the archive's, less what no tree of ours has.
    pub mode: u32,
    /// Its length in bytes.
    pub size: u64,
}

/// What an archive holds: every file, and nothing about folders, which come into being with their files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Path inside `NAME-VERSION/`, separated by `/`, to file; sorted by the path's bytes.
    pub files: BTreeMap<String, FileRecord>,
}

impl Contents {
    /// One digest for the whole tree: the SHA-256 over `MODE SHA256 SIZE PATH\0` for each file in the order of the
    /// map, mode in octal, size in decimal, SHA-256 in lower-case hexadecimal. No path holds a NUL, so two different
    /// trees never give the same bytes.
    pub fn tree_digest(&self) -> Digest {
        let mut hasher = Hasher::default();
        let mut line = String::new();
        for (path, file) in &self.files {
            line.clear();
            // Writing to a String cannot fail.
            let _ = write!(line, "{:o} {} {} {path}\0", file.mode, file.digest, file.size);
            hasher.update(line.as_bytes());
        }
        hasher.finish()
    }

    /// How many bytes the files hold together.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.size).sum()
    }
}

/// How much an archive may ask for before it is taken for a bomb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes that may come out of the compression, headers and padding included.
    pub bytes: u64,
    /// The most entries, folders and long-name records included.
    pub entries: u64,
    /// The most names in one path.
    pub depth: usize,
}

impl Limits {
    /// The limits for an archive of `compressed_len` bytes.
    ///
    /// For bytes they are cargo's own: 512 MiB or 20 times the archive, whichever is more. cargo counts no entries
    /// and no depth; of the 1,160 crates that mise 2026.10.25 locks, the largest holds 9,332 files and the deepest
    /// path has nine names, so 100,000 and 128 leave room.
    pub fn for_archive(compressed_len: u64) -> Self {
        const LEAST: u64 = 512 * 1024 * 1024;
        Self { bytes: compressed_len.saturating_mul(20).max(LEAST), entries: 100_000, depth: 128 }
    }
}
