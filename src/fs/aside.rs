//! A large file that is written aside, piece by piece, and renamed into place once it is whole.

use std::fs::File;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{ASIDE, failed};
use crate::fault::Result;

/// A file that is being written. Where it is dropped, nothing has changed.
#[derive(Debug)]
pub struct Aside {
    file: NamedTempFile,
    target: PathBuf,
}

impl Aside {
    /// Begins a file that is to lie at `target`.
    pub fn new(target: &Path) -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(ASIDE);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let parent = target.parent().unwrap_or(Path::new("."));
        let file = builder.tempfile_in(parent).map_err(|error| failed("write", target, &error))?;
        Ok(Self { file, target: target.to_owned() })
    }

    /// Where to write.
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Puts it into place, over what was there.
    pub fn keep(self) -> Result<()> {
        let Self { file, target } = self;
        file.persist(&target).map(drop).map_err(|error| failed("write", &target, &error.error))
    }
}
