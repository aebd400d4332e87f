//! Which projects the user trusts: what their manifest and their lock held when trust was given.
//!
//! A small file a project, named after its path. Only one counts that the user owns: a store may be shared.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Store, StoreLock};
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::fs;

/// What a project held when it was trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trusted {
    /// Its folder, for who reads the file.
    pub project: String,
    /// The digest of `envtool.toml`; `None` where it was absent.
    pub manifest: Option<Digest>,
    /// The digest of `envtool.lock`.
    pub lock: Option<Digest>,
}

impl Store {
    /// What the project in `root`, links resolved, held when it was trusted; `None` where it is not.
    pub fn trusted(&self, root: &Path) -> Result<Option<Trusted>> {
        let path = self.layout.trusted(&key(root));
        if fs::kind(&path)? != fs::Kind::File || !fs::is_the_users(&path)? {
            return Ok(None);
        }
        Ok(fs::read(&path)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Trusts the project in `root` with what it holds.
    pub fn trust(&self, root: &Path, trusted: &Trusted, _lock: &StoreLock) -> Result<()> {
        let text = serde_json::to_vec(trusted)
            .map_err(|error| Fault::bug("could not note what is trusted").because(&error))?;
        let path = self.layout.trusted(&key(root));
        // Never through a link, nor into a file that somebody else put there.
        fs::remove_file(&path)?;
        fs::write(&path, &text)?;
        fs::set_mode(&path, 0o600)
    }

    /// Trusts the project in `root` no more. Says whether it was.
    pub fn distrust(&self, root: &Path) -> Result<bool> {
        let was = self.trusted(root)?.is_some();
        fs::remove_file(&self.layout.trusted(&key(root)))?;
        Ok(was)
    }
}

fn key(root: &Path) -> Digest {
    Digest::of(root.as_os_str().as_encoded_bytes())
}
