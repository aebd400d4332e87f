//! Walking a tree of many small files, where each call of the system counts: every file is looked at from the folder
//! that it lies in, and never from the root.

use std::fs::File;
use std::path::Path;

use super::Kind;
use crate::fault::Result;

/// What lies in a tree and is no folder.
pub struct Entry<'a> {
    path: &'a [u8],
    kind: Kind,
    at: place::At<'a>,
}

impl Entry<'_> {
    /// Its path from the folder that is walked, with `/`.
    pub fn path(&self) -> &[u8] {
        self.path
    }

    /// What it is, links not followed.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its size in bytes, links not followed.
    pub fn size(&self) -> Result<u64> {
        self.at.size()
    }

    /// Opens it.
    pub fn open(&self) -> Result<File> {
        self.at.open()
    }
}

/// Visits everything in `folder`, a link to one among it, that is no folder; in no order. Says `false` where no folder
/// is there.
pub fn walk(folder: &Path, visit: &mut dyn FnMut(&Entry<'_>) -> Result<()>) -> Result<bool> {
    place::walk(folder, visit)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod place {
    use std::ffi::{CStr, CString, OsStr};
    use std::fs::File;
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, open, openat, statat};
    use rustix::io::Errno;

    use super::super::fault;
    use super::{Entry, Kind};
    use crate::fault::{Fault, Result};

    /// What a folder's names are read into.
    const BUFFER: usize = 32 * 1024;
    const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

    /// A name in an open folder.
    pub(super) struct At<'a> {
        folder: BorrowedFd<'a>,
        name: &'a CStr,
        root: &'a Path,
        path: &'a [u8],
    }

    impl At<'_> {
        pub(super) fn size(&self) -> Result<u64> {
            let about = statat(self.folder, self.name, AtFlags::SYMLINK_NOFOLLOW);
            let about = about.map_err(|error| failed("look at", self.root, self.path, error))?;
            Ok(u64::try_from(about.st_size).unwrap_or_default())
        }

        pub(super) fn open(&self) -> Result<File> {
            // What was a file a moment ago may be a pipe by now, which is not waited for.
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = openat(self.folder, self.name, flags, Mode::empty());
            file.map(File::from).map_err(|error| failed("open", self.root, self.path, error))
        }
    }

    pub(super) fn walk(root: &Path, visit: &mut dyn FnMut(&Entry<'_>) -> Result<()>) -> Result<bool> {
        let folder = match open(root, FOLDER, Mode::empty()) {
            Ok(folder) => folder,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(false),
            Err(error) => return Err(failed("open the folder", root, b"", error)),
        };
        let mut walk = Walk { root, path: Vec::new(), buffer: Vec::with_capacity(BUFFER) };
        walk.folder(&folder, visit).map(|()| true)
    }

    struct Walk<'r> {
        root: &'r Path,
        /// Where it is, from the root.
        path: Vec<u8>,
        buffer: Vec<u8>,
    }

    impl Walk<'_> {
        fn folder(
            &mut self,
            folder: &OwnedFd,
            visit: &mut dyn FnMut(&Entry<'_>) -> Result<()>,
        ) -> Result<()> {
            let here = self.path.len();
            let (root, path) = (self.root, &mut self.path);
            // Gone into when all names are read, so that one buffer serves every level.
            let mut folders: Vec<CString> = Vec::new();
            let mut names = RawDir::new(folder, self.buffer.spare_capacity_mut());
            while let Some(found) = names.next() {
                let found = found.map_err(|error| failed("read the folder", root, path, error))?;
                let name = found.file_name();
                if matches!(name.to_bytes(), b"." | b"..") {
                    continue;
                }
                path.extend_from_slice(name.to_bytes());
                let kind = match found.file_type() {
                    // Not every file system says it with the name.
                    FileType::Unknown => {
                        let about = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
                        let about = about.map_err(|error| failed("look at", root, path, error))?;
                        kind_of(FileType::from_raw_mode(about.st_mode))
                    }
                    known => kind_of(known),
                };
                if kind == Kind::Folder {
                    folders.push(name.to_owned());
                } else {
                    visit(&Entry { path, kind, at: At { folder: folder.as_fd(), name, root, path } })?;
                }
                path.truncate(here);
            }
            for name in folders {
                self.path.extend_from_slice(name.as_bytes());
                let inner = openat(folder, &name, FOLDER | OFlags::NOFOLLOW, Mode::empty());
                let inner = inner.map_err(|error| failed("open the folder", root, &self.path, error))?;
                self.path.push(b'/');
                self.folder(&inner, visit)?;
                self.path.truncate(here);
            }
            Ok(())
        }
    }

    fn kind_of(kind: FileType) -> Kind {
        match kind {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            FileType::Symlink => Kind::Link,
            _ => Kind::Other,
        }
    }

    fn failed(action: &str, root: &Path, path: &[u8], error: Errno) -> Fault {
        fault(action, &root.join(OsStr::from_bytes(path)), &error.into())
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod place {
    use std::fs::File;
    use std::path::Path;

    use super::super::{fault, is_folder, open};
    use super::{Entry, Kind};
    use crate::fault::{Fault, Result};

    /// A file of a walk.
    pub(super) struct At<'a>(&'a walkdir::DirEntry);

    impl At<'_> {
        pub(super) fn size(&self) -> Result<u64> {
            self.0.metadata().map(|about| about.len()).map_err(|error| failed(self.0.path(), error))
        }

        pub(super) fn open(&self) -> Result<File> {
            let gone = || {
                Fault::new(format!("could not read {}", self.0.path().display()))
                    .why("somebody took it away while envtool looked at it")
                    .help("run it again")
            };
            open(self.0.path())?.ok_or_else(gone)
        }
    }

    pub(super) fn walk(root: &Path, visit: &mut dyn FnMut(&Entry<'_>) -> Result<()>) -> Result<bool> {
        if !is_folder(root)? {
            return Ok(false);
        }
        for entry in walkdir::WalkDir::new(root).min_depth(1).follow_root_links(true) {
            let entry = entry.map_err(|error| failed(root, error))?;
            let kind = match entry.file_type() {
                kind if kind.is_dir() => continue,
                kind if kind.is_file() => Kind::File,
                kind if kind.is_symlink() => Kind::Link,
                _ => Kind::Other,
            };
            let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
            let path = path.to_string_lossy().replace('\\', "/");
            visit(&Entry { path: path.as_bytes(), kind, at: At(&entry) })?;
        }
        Ok(true)
    }

    fn failed(path: &Path, error: walkdir::Error) -> Fault {
        fault("read the folder", path, &error.into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read;

    use super::walk;
    use crate::fs::{self, Kind};

    #[test]
    fn everything_but_folders_comes_once_with_its_path_and_size() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!walk(&dir.path().join("none"), &mut |_| panic!("nothing is there")).unwrap());
        let root = dir.path().join("root");
        let mut expected = BTreeMap::new();
        // More names than one buffer holds.
        for number in 0..900_u64 {
            let path = format!("a/{}{number}", "long ".repeat(12));
            fs::create_folders(root.join(&path).parent().unwrap()).unwrap();
            fs::write_new(&root.join(&path), "x".repeat(usize::try_from(number).unwrap()).as_bytes())
                .unwrap();
            expected.insert(path, (Kind::File, number));
        }
        fs::create_folders(&root.join("a/b/ü/empty")).unwrap();
        fs::write_new(&root.join("a/b/ü/.hidden"), b"12").unwrap();
        expected.insert("a/b/ü/.hidden".to_owned(), (Kind::File, 2));
        fs::link_folder("b".as_ref(), &root.join("a/link")).unwrap();
        expected.insert("a/link".to_owned(), (Kind::Link, 1));
        fs::link_folder(&root, &dir.path().join("to root")).unwrap();
        for at in [root.clone(), dir.path().join("to root")] {
            let mut found = BTreeMap::new();
            let there = walk(&at, &mut |entry| {
                let path = String::from_utf8(entry.path().to_vec()).unwrap();
                if entry.kind() == Kind::File {
                    let mut bytes = Vec::new();
                    entry.open()?.read_to_end(&mut bytes).unwrap();
                    assert_eq!(bytes.len() as u64, entry.size()?);
                } else {
                    assert!(
                        entry.open().is_err() || cfg!(not(target_os = "linux")),
                        "links are not followed"
                    );
                }
                assert!(found.insert(path, (entry.kind(), entry.size()?)).is_none());
                Ok(())
            });
            assert!(there.unwrap());
            assert_eq!(found, expected);
        }
        assert!(!walk(&root.join("a/b/ü/.hidden"), &mut |_| panic!("a file is no folder")).unwrap());
        let fault = walk(&root, &mut |_| Err(crate::fault::Fault::new("enough")));
        assert_eq!(fault.unwrap_err().to_string(), "enough");
    }
}
