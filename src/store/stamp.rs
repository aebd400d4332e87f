//! What the store knows of an environment: the places where it was seen, and the stamp of its last sync.
//!
//! A stamp says: with these inputs (manifests, locks, configs) the environment held these names. While the inputs and
//! the names are the same, a sync has nothing to do and does not need to read a lock, ask cargo or look into crates.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Store;
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::fs;

/// What the store knows of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Known {
    /// Every place where it was seen.
    pub places: Vec<PathBuf>,
    /// The stamp of its last sync.
    pub stamp: Option<Stamp>,
}

/// What a sync left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The version of envtool that made it: another one looks for itself.
    pub version: String,
    /// What the environment was made from.
    pub inputs: Vec<Input>,
    /// The digest of the names and links in the environment.
    pub listing: Digest,
    /// The digest of the names alone, of crates and receipts.
    pub names: Digest,
    /// Whether all was as it should be: where something was warned of, the next sync looks again.
    pub complete: bool,
    /// Whether it held `cargo.toml`.
    pub cargo_toml: bool,
    /// The folders that hold members of the workspace, with the digest of the names in each: a new member changes no
    /// file that was there.
    pub member_folders: Vec<(PathBuf, Digest)>,
    /// What `bin/` held for tools: name, and where it led.
    #[serde(default)]
    pub links: Vec<(String, PathBuf)>,
}

/// One file that an environment is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The file, relative to the project where it lies below it.
    pub path: PathBuf,
    /// The digest of its bytes; `None` where it was absent.
    bytes: Option<Digest>,
    /// The digest of what counts in it: a new description in a Cargo.toml is no new input.
    pub meaning: Option<Digest>,
}

impl Input {
    /// Looks at a file of the project in `root`; `meaning` gives what counts in it.
    pub fn look(root: &Path, path: &Path, meaning: impl Fn(&[u8]) -> Digest) -> Result<Self> {
        Ok(Self::of(path, fs::read(&root.join(path))?.as_deref(), meaning))
    }

    /// A file whose bytes are known already.
    pub fn of(path: &Path, bytes: Option<&[u8]>, meaning: impl Fn(&[u8]) -> Digest) -> Self {
        Self { path: path.to_owned(), bytes: bytes.map(Digest::of), meaning: bytes.map(meaning) }
    }

    /// Whether the file still says what it said. Its bytes are compared and not its times: a lock that a pull wrote
    /// within the clock's grain would pass for the old one.
    pub fn holds(&self, root: &Path, meaning: impl Fn(&[u8]) -> Digest) -> Result<bool> {
        let bytes = fs::read(&root.join(&self.path))?;
        if bytes.as_deref().map(Digest::of) == self.bytes {
            return Ok(true);
        }
        Ok(bytes.as_deref().map(meaning) == self.meaning)
    }
}

impl Store {
    /// What is known of the environment `id`. What cannot be read counts as nothing: a stamp only saves work.
    pub fn known(&self, id: &str) -> Result<Known> {
        let bytes = fs::read(&self.layout().environment(id))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }

    /// Remembers what is known of the environment `id`.
    pub fn remember(&self, id: &str, known: &Known) -> Result<()> {
        let bytes = serde_json::to_vec(known)
            .map_err(|error| Fault::bug(format!("could not note the environment {id}")).because(&error))?;
        fs::write(&self.layout().environment(id), &bytes)
    }
}
