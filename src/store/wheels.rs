//! Files of Python packages as they were published: for packs and from them, and for the clients of a mirror. (What is installed otherwise lies in uv's
//! own cache, unpacked.) They lie under their digests; each digest has a folder, since a lock may call one file by a name
//! that another lock does not.

use std::path::PathBuf;

use super::{Incoming, Store, StoreLock};
use crate::digest::Digest;
use crate::fault::Result;
use crate::fs;

impl Store {
    /// The file with this digest, under this name; `None` where it is absent.
    pub fn wheel(&self, digest: &Digest, name: &str) -> Result<Option<PathBuf>> {
        let path = self.layout.wheel(digest).join(name);
        Ok(fs::is_file(&path)?.then_some(path))
    }

    /// The file with this digest, under every name that it was ever given.
    pub fn wheels(&self, digest: &Digest) -> Result<Vec<PathBuf>> {
        let folder = self.layout.wheel(digest);
        let mut names = fs::names(&folder)?.unwrap_or_default();
        names.sort();
        Ok(names.into_iter().map(|name| folder.join(name)).collect())
    }

    /// Takes a file in whose bytes have `digest` and whose name is a plain one.
    pub fn keep_wheel(
        &self,
        incoming: Incoming,
        digest: &Digest,
        name: &str,
        _lock: &StoreLock,
    ) -> Result<PathBuf> {
        let path = self.layout.wheel(digest).join(name);
        self.keep(incoming, &path)?;
        Ok(path)
    }
}
