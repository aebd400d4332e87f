//! A file that is written aside and renamed into place once it is whole.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::failed;
use crate::fault::Result;

/// How the name of a file begins that is written aside.
pub const ASIDE: &str = ".envtool-";

/// A file that is being written, piece by piece. Where it is dropped, nothing has changed.
#[derive(Debug)]
pub struct Aside {
    file: NamedTempFile,
    target: PathBuf,
}

impl Aside {
    /// Begins a file that is to lie at `target`.
    pub fn new(target: &Path) -> Result<Self> {
        Self::begin(target).map_err(|error| failed("write", target, &error))
    }

    /// The same for this door itself, which may have another name for the file.
    pub(super) fn begin(target: &Path) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(ASIDE);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(target.parent().unwrap_or(Path::new(".")))?;
        Ok(Self { file, target: target.to_owned() })
    }

    /// Where to write.
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Puts it into place, over what was there.
    pub fn keep(self) -> Result<()> {
        let target = self.target.clone();
        self.put().map_err(|error| failed("write", &target, &error))
    }

    pub(super) fn put(self) -> io::Result<()> {
        self.file.persist(&self.target).map(drop).map_err(|error| error.error)
    }
}
