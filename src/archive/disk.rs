//! Puts files and folders below one destination, with as few calls to the system as that takes.
//!
//! One `mkdir` a folder, one `open` a file, one `write` where it fits the window, one call for its time. What a mode
//! becomes under the umask (or under the folder's default ACL) is looked up once a mode, and set only where it is
//! not what was asked for. Nothing is synced: a tree that a crash cut short has no receipt and is unpacked again.

use std::fs::{File, FileTimes};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::crate_archive::Sink;
use super::safe_path::SafePath;
use crate::fault::{Fault, Result};
use crate::fs;

/// A destination that is being filled.
pub(super) struct Disk<'a> {
    dest: &'a Path,
    folders: Vec<SafePath>,
    files: Vec<SafePath>,
    open: Option<(File, PathBuf)>,
    modes: Modes,
}

impl<'a> Disk<'a> {
    /// Makes the destination, which must not be there yet.
    pub(super) fn new(dest: &'a Path) -> Result<Self> {
        fs::create_folder_new(dest).map_err(|error| fs::failed("make the folder", dest, &error))?;
        Ok(Self { dest, folders: Vec::new(), files: Vec::new(), open: None, modes: Modes::default() })
    }

    /// Writes one more file at the root, then closes the folders below the destination against changes.
    pub(super) fn finish(mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = SafePath::new(name.as_bytes())
            .map_err(|why| Fault::bug(format!("could not write {name:?}")).because(&why))?;
        self.begin(&path, 0o644)?;
        self.write(bytes)?;
        self.open = None;
        for folder in &self.folders {
            fs::set_mode(&folder.below(self.dest), 0o555)?;
        }
        fs::set_mode(self.dest, 0o755)
    }

    /// Says which other name the file system takes `path` for: it folds case or Unicode forms.
    fn collision(&self, path: &SafePath) -> Fault {
        let other = self.files.iter().chain(&self.folders).find(|other| is_same(other, path, self.dest));
        let why = match other {
            Some(other) => {
                format!("{:?} and {:?} are one name on this file system", path.as_str(), other.as_str())
            }
            None => "another entry has the same name on this file system".to_owned(),
        };
        Fault::new(format!("could not make {}", path.below(self.dest).display())).why(why).help(
            "put the store on a file system that tells upper from lower case (`envtool cache dir` says where it is)",
        )
    }

    fn not_made(&self, path: &SafePath, action: &str, error: &std::io::Error) -> Fault {
        if error.kind() == ErrorKind::AlreadyExists {
            self.collision(path)
        } else {
            fs::failed(action, &path.below(self.dest), error)
        }
    }
}

impl Sink for Disk<'_> {
    fn folder(&mut self, path: &SafePath) -> Result<()> {
        fs::create_folder_new(&path.below(self.dest))
            .map_err(|error| self.not_made(path, "make the folder", &error))?;
        self.folders.push(path.clone());
        Ok(())
    }

    fn begin(&mut self, path: &SafePath, mode: u32) -> Result<()> {
        let at = path.below(self.dest);
        let file = fs::create_new(&at, mode).map_err(|error| self.not_made(path, "make", &error))?;
        self.modes.settle(&file, mode).map_err(|error| fs::failed("set the mode of", &at, &error))?;
        self.files.push(path.clone());
        self.open = Some((file, at));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let Some((file, at)) = &mut self.open else {
            return Ok(());
        };
        file.write_all(bytes).map_err(|error| fs::failed("write", at, &error))
    }

    fn end(&mut self, mtime: u64) -> Result<()> {
        let Some((file, at)) = self.open.take() else {
            return Ok(());
        };
        file.set_times(FileTimes::new().set_modified(time(mtime)))
            .map_err(|error| fs::failed("set the time of", &at, &error))
    }
}

/// Whether two paths lead to one file or folder.
#[cfg(unix)]
fn is_same(one: &SafePath, other: &SafePath, dest: &Path) -> bool {
    let identity = |path: &SafePath| fs::identity(&path.below(dest)).ok().flatten();
    identity(one).is_some_and(|found| identity(other) == Some(found))
}

/// Whether two paths lead to one file or folder: they differ in case only.
#[cfg(not(unix))]
fn is_same(one: &SafePath, other: &SafePath, _: &Path) -> bool {
    one.as_str().to_lowercase() == other.as_str().to_lowercase()
}

/// The time that a file gets. Not 0, as cargo has it: some programs take it for "no time". Not after 2106, so that
/// no file system refuses it.
fn time(mtime: u64) -> SystemTime {
    let seconds = mtime.clamp(1, u64::from(u32::MAX));
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Which modes a new file gets as they were asked for. One destination, one umask.
#[derive(Default)]
struct Modes(#[cfg_attr(not(unix), expect(dead_code, reason = "only Unix has modes"))] Vec<(u32, bool)>);

impl Modes {
    #[cfg(unix)]
    fn settle(&mut self, file: &File, mode: u32) -> std::io::Result<()> {
        use std::fs::Permissions;
        use std::os::unix::fs::PermissionsExt;
        let known = self.0.iter().find(|(known, _)| *known == mode).map(|(_, as_asked)| *as_asked);
        let as_asked = match known {
            Some(as_asked) => as_asked,
            None => file.metadata()?.permissions().mode() & 0o7777 == mode,
        };
        if known.is_none() {
            self.0.push((mode, as_asked));
        }
        if as_asked { Ok(()) } else { file.set_permissions(Permissions::from_mode(mode)) }
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "the Unix one can fail")]
    fn settle(&mut self, _: &File, _: u32) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(all(test, unix))]
#[expect(clippy::disallowed_methods, reason = "the test does what another program would do")]
mod tests {
    use super::{Disk, Sink};
    use crate::archive::SafePath;

    #[test]
    fn two_names_that_the_file_system_takes_for_one_are_both_named() {
        let folder = tempfile::tempdir().unwrap();
        let dest = folder.path().join("dest");
        let mut disk = Disk::new(&dest).unwrap();
        let path = |text: &str| SafePath::new(text.as_bytes()).unwrap();
        disk.begin(&path("README"), 0o644).unwrap();
        disk.end(0).unwrap();
        // What a file system that folds case shows.
        std::fs::hard_link(dest.join("README"), dest.join("Readme")).unwrap();
        let fault = disk.begin(&path("Readme"), 0o644).unwrap_err();
        assert!(fault.to_string().contains(r#""Readme" and "README" are one name"#), "{fault}");
        disk.folder(&path("src")).unwrap();
        let fault = disk.begin(&path("src"), 0o644).unwrap_err();
        assert!(fault.to_string().contains("are one name"), "{fault}");
        std::fs::write(dest.join("somebody's"), "").unwrap();
        let fault = disk.folder(&path("somebody's")).unwrap_err();
        assert!(fault.to_string().contains("the same name"), "{fault}");
    }
}
