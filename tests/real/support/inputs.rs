//! The real projects that envtool is held to: published sources that come with their Cargo.lock.
//!
//! They are brought by envtool's own library, so that no address is written down here, and kept below `target/tmp`
//! for the next run. What is used has the SHA-256 that stands in this file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use envtool::fetch::{Archive, Fetcher};
use envtool::fs::Waiting;
use envtool::http::Settings;
use envtool::package::PackageId;
use envtool::progress::{Line, Progress};
use envtool::registry::cargo::{CRATES_IO, SparseIndex};
use envtool::store::Store;

/// A project that was published with its lock.
pub(crate) struct Input {
    pub(crate) name: &'static str,
    version: &'static str,
    checksum: &'static str,
    /// How many packages its lock names that are not its own.
    pub(crate) packages: usize,
}

pub(crate) const RIPGREP: Input = Input {
    name: "ripgrep",
    version: "15.1.0",
    checksum: "f388c4955f85477c28a8667355819844a06614b083c23517f0e86bd1d6d82b73",
    packages: 55,
};

pub(crate) const CARGO_NEXTEST: Input = Input {
    name: "cargo-nextest",
    version: "0.9.143",
    checksum: "82c78e1bf2be79fd08f8665d9760dd9f954e4c62ae5d8d08f70a1741347a295b",
    packages: 489,
};

pub(crate) const MISE: Input = Input {
    name: "mise",
    version: "2026.10.25",
    checksum: "a7a3f8ba972882209319cd5a908362fa1db667edd0bdc86e50e3fc34b4a002e7",
    packages: 1160,
};

impl Input {
    /// Writes the published files to `dir`, which must not be there yet.
    pub(crate) fn write_to(&self, dir: &Path) {
        copy(&self.fetched(), dir);
    }

    /// Where the published files lie.
    fn fetched(&self) -> PathBuf {
        let store = Store::new(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("inputs"));
        let lock = store.lock(&Waiting { at_most: Duration::from_mins(5), tell: &|| {} }).unwrap();
        let archive = Archive {
            package: PackageId { name: self.name.parse().unwrap(), version: self.version.parse().unwrap() },
            checksum: self.checksum.parse().unwrap(),
            nearby: Vec::new(),
            index: Some(SparseIndex::new(CRATES_IO).unwrap()),
        };
        let fetcher = Fetcher {
            store: &store,
            lock: &lock,
            http: Settings::default(),
            token: &|index| panic!("{} wants a token", index.url()),
            downloads: 1,
            offline: false,
            progress: &Silent,
        };
        let found = fetcher
            .fetch(vec![archive])
            .unwrap_or_else(|fault| panic!("could not bring {}: {fault}", self.name));
        found.trees.into_keys().next().unwrap()
    }
}

/// Tells nobody.
struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: u64, _: &str) {}
    fn begin_build(&self, _: &str) {}
    fn far(&self, _: u64, _: u64, _: &str) {}
    fn log(&self, _: &str) {}
    fn bytes(&self, _: u64) {}
    fn step(&self) {}
    fn end(&self) {}
    fn note(&self, _: &str) {}
    fn warn(&self, _: &str) {}
    fn show(&self, _: &[Line]) -> envtool::fault::Result<()> {
        Ok(())
    }
    fn columns(&self) -> Option<usize> {
        None
    }
    fn can_ask(&self) -> bool {
        false
    }
    fn ask(&self, _: &str, answers: &[&str]) -> usize {
        answers.len() - 1
    }
}

/// Copies the files of an unpacked archive into folders that can be written to, without what envtool added to it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_name() != ".cargo-checksum.json" {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
