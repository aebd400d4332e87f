//! The door to files: every error names its action and its path, absent is a value and not an error,
//! and what replaces a file is written aside and renamed.
#![expect(clippy::disallowed_methods, reason = "this is the door that the other files are sent to")]

mod aside;
mod lock;
mod remove;
mod shared;
mod walk;

pub use aside::{ASIDE, Aside};
pub use lock::{Lock, Waiting, lock, try_lock};
pub use remove::{remove_file, remove_tree};
pub use shared::{read_and_write, read_at};
pub use walk::{Entry, walk};

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Component, Path, PathBuf};

use crate::fault::{Fault, Result};

/// What lies at a path, links not followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Nothing.
    Absent,
    /// A plain file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, whatever it points to.
    Link,
    /// A device, a socket, a pipe.
    Other,
}

fn fault(action: &str, path: &Path, error: &io::Error) -> Fault {
    let fault = Fault::new(format!("could not {action} {}", path.display()));
    match error.kind() {
        ErrorKind::PermissionDenied => fault.because(error).help(format!(
            "check who owns {} and whether you may write there",
            path.parent().unwrap_or(path).display()
        )),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            fault.because(error).help("free some space (`envtool cache size` shows what the store holds)")
        }
        ErrorKind::ReadOnlyFilesystem => {
            fault.because(error).help("the file system is mounted read-only; work on one that can be written")
        }
        ErrorKind::NotFound => fault
            .why("there is no such file or folder")
            .help(format!("see that {} is there", path.parent().unwrap_or(path).display())),
        ErrorKind::NotADirectory => {
            fault.because(error).help("a part of that path is a file and not a folder: choose another place")
        }
        ErrorKind::InvalidFilename => fault.because(error).help("choose a shorter path"),
        _ => fault
            .because(error)
            .help(format!("look at {} with `ls -la`", path.parent().unwrap_or(path).display())),
    }
}

/// The failure of an action on a file that a caller opened here, in the words of this door.
pub fn failed(action: &str, path: &Path, error: &io::Error) -> Fault {
    fault(action, path, error)
}

/// Turns "not found" into `None`.
fn optional<T>(action: &str, path: &Path, result: io::Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(fault(action, path, &error)),
    }
}

/// What lies at `path`, links not followed.
pub fn kind(path: &Path) -> Result<Kind> {
    Ok(match optional("look at", path, fs::symlink_metadata(path))? {
        None => Kind::Absent,
        Some(found) if found.is_symlink() => Kind::Link,
        Some(found) if found.is_dir() => Kind::Folder,
        Some(found) if found.is_file() => Kind::File,
        Some(_) => Kind::Other,
    })
}

/// A path without `.` and `..`, by its words alone: nothing is looked up, and links are not followed.
pub fn lexical(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                tidied.pop();
            }
            other => tidied.push(other),
        }
    }
    tidied
}

/// The metadata of what `path` leads to, links followed; `None` where that is absent.
pub fn metadata(path: &Path) -> Result<Option<Metadata>> {
    optional("look at", path, fs::metadata(path))
}

/// Whether `path` leads to a folder, links followed.
pub fn is_folder(path: &Path) -> Result<bool> {
    Ok(metadata(path)?.is_some_and(|m| m.is_dir()))
}

/// Whether `path` leads to a plain file, links followed.
pub fn is_file(path: &Path) -> Result<bool> {
    Ok(metadata(path)?.is_some_and(|m| m.is_file()))
}

/// A number that tells one file or folder from another on its file system, links not followed; `None` where absent.
/// Where the system has no such number, every one is the same.
#[cfg(not(unix))]
pub fn identity(path: &Path) -> Result<Option<u64>> {
    Ok((kind(path)? != Kind::Absent).then_some(0))
}

/// A number that tells one file or folder from another on its file system, links not followed; `None` where absent.
#[cfg(unix)]
pub fn identity(path: &Path) -> Result<Option<u64>> {
    use std::os::unix::fs::MetadataExt;
    Ok(optional("look at", path, fs::symlink_metadata(path))?.map(|m| m.ino()))
}

/// Whether a file is the user's own, links not followed; what is absent is nobody's.
#[cfg(unix)]
pub fn is_the_users(path: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let found = optional("look at", path, fs::symlink_metadata(path))?;
    Ok(found.is_some_and(|found| found.uid() == rustix::process::geteuid().as_raw()))
}

/// Whether a file is the user's own: this platform does not tell it so.
#[cfg(not(unix))]
pub fn is_the_users(path: &Path) -> Result<bool> {
    is_file(path)
}

/// The bytes of a file; `None` where it is absent.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    optional("read", path, read_plain(path))
}

/// The most that is read into memory at once, in bytes: more than any file holds that is read as a whole, and less than
/// a machine has. A stranger's folder may hold a file of terabytes that takes no space.
const WHOLE: u64 = 1 << 30;

/// Reads a file and waits for nobody: a pipe or a device that a stranger put in a file's place has no end.
fn read_plain(path: &Path) -> io::Result<Vec<u8>> {
    let file = open_plain(path)?;
    let mut bytes = Vec::new();
    // What is larger is not even begun.
    if file.metadata()?.len() <= WHOLE && file.take(WHOLE + 1).read_to_end(&mut bytes)? as u64 <= WHOLE {
        return Ok(bytes);
    }
    Err(io::Error::other("it is larger than 1 GiB"))
}

#[cfg(unix)]
fn open_plain(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let kind = file.metadata()?.file_type();
    match () {
        () if kind.is_fifo() => Err(io::Error::other("it is a pipe and no file")),
        // (/dev/null stands for an empty file in many a setting.)
        () if (kind.is_char_device() || kind.is_block_device())
            && !matches!((&file).read(&mut [0]), Ok(0)) =>
        {
            Err(io::Error::other("it is a device and no file"))
        }
        () => Ok(file),
    }
}

#[cfg(not(unix))]
fn open_plain(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// The content of a file as text, what is none replaced; empty where the file is absent.
pub fn read_lossy(path: &Path) -> Result<String> {
    Ok(read(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default())
}

/// The text of a file; `None` where it is absent.
pub fn read_text(path: &Path) -> Result<Option<String>> {
    match read_plain(path) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|error| {
            Fault::new(format!("could not read {}", path.display()))
                .why(format!("it is not UTF-8 text (byte {})", error.utf8_error().valid_up_to()))
                .help("save it as UTF-8, or restore it from version control")
        }),
        Err(error) => optional("read", path, Err(error)),
    }
}

/// Opens a file for reading; `None` where it is absent.
pub fn open(path: &Path) -> Result<Option<File>> {
    optional("open", path, open_plain(path))
}

/// Makes a file that must not be there yet; never through a link. `mode` counts on Unix, less the umask.
pub fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(mode);
    }
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path)
}

/// Makes one folder that must not be there yet, mode 0755 less the umask.
pub fn create_folder_new(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o755);
    }
    builder.create(path)
}

/// Makes a folder and those above it.
pub fn create_folders(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| fault("make the folder", path, &error))
}

/// Writes a file aside and renames it into place, so that a reader sees the old bytes or the new ones.
/// A link at `path` is followed, and the mode of what is there is kept.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let target = match fs::canonicalize(path) {
        Ok(target) => target,
        Err(error) if error.kind() == ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(fault("write", path, &error)),
    };
    let write = || -> io::Result<()> {
        let aside = Aside::begin(&target)?;
        aside.file().write_all(bytes)?;
        if let Ok(found) = fs::metadata(&target) {
            aside.file().set_permissions(found.permissions())?;
        }
        aside.put()
    };
    write().map_err(|error| fault("write", path, &error))
}

/// Fails where the user may not write to a file, though its folder would let it be replaced.
pub fn may_be_changed(path: &Path) -> Result<()> {
    match OpenOptions::new().append(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(fault("write", path, &error)),
    }
}

/// Writes only where the bytes differ from what is there. Says whether it wrote.
pub fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<bool> {
    if read(path)?.as_deref() == Some(bytes) {
        return Ok(false);
    }
    write(path, bytes)?;
    Ok(true)
}

/// Renames within one file system; replaces a file, not a folder.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|error| fault(&format!("rename to {}", to.display()), from, &error))
}

/// Renames a complete folder to a place where another process may have put the same one first.
/// Says whether this one is the one that lies there now.
pub fn rename_unless_there(from: &Path, to: &Path) -> Result<bool> {
    match fs::rename(from, to) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => {
            Ok(false)
        }
        Err(error) => Err(fault(&format!("rename to {}", to.display()), from, &error)),
    }
}

/// Exchanges two folders in one step (`renameat2` with `RENAME_EXCHANGE`, `renamex_np` with `RENAME_SWAP`).
/// Says `false`, and has done nothing, where the file system cannot.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub fn exchange(one: &Path, other: &Path) -> Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
        Err(error) => Err(fault(&format!("exchange with {}", other.display()), one, &error.into())),
    }
}

/// Exchanges two folders in one step: this platform has no such call, so it says `false`.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub fn exchange(_: &Path, _: &Path) -> Result<bool> {
    Ok(false)
}

/// The names in a folder, sorted; `None` where the folder is absent.
pub fn names(path: &Path) -> Result<Option<Vec<OsString>>> {
    let Some(entries) = optional("read the folder", path, fs::read_dir(path))? else {
        return Ok(None);
    };
    let mut names = entries
        .map(|entry| entry.map(|e| e.file_name()).map_err(|error| fault("read the folder", path, &error)))
        .collect::<Result<Vec<_>>>()?;
    names.sort();
    Ok(Some(names))
}

/// Where a link points; `None` where there is nothing or no link.
pub fn link_target(path: &Path) -> Result<Option<PathBuf>> {
    match fs::read_link(path) {
        Ok(target) => Ok(Some(target)),
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(None),
        Err(error) => optional("read the link", path, Err(error)),
    }
}

/// A folder that is looked into many times: on Unix each look starts from it, and not from the root.
pub struct Folder<'a> {
    path: &'a Path,
    #[cfg(unix)]
    descriptor: std::os::fd::OwnedFd,
}

impl<'a> Folder<'a> {
    /// Opens a folder that is there.
    pub fn open(path: &'a Path) -> Result<Self> {
        #[cfg(unix)]
        {
            use rustix::fs::{Mode, OFlags};
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let descriptor = rustix::fs::open(path, flags, Mode::empty());
            let descriptor = descriptor.map_err(|error| fault("open the folder", path, &error.into()))?;
            Ok(Self { path, descriptor })
        }
        #[cfg(not(unix))]
        Ok(Self { path })
    }

    /// Where the link of this name points; `None` where it is no link.
    pub fn link_target(&self, name: &OsStr) -> Result<Option<PathBuf>> {
        #[cfg(unix)]
        {
            use rustix::io::Errno;
            use std::os::unix::ffi::OsStringExt;
            match rustix::fs::readlinkat(&self.descriptor, name, Vec::new()) {
                Ok(target) => Ok(Some(OsString::from_vec(target.into_bytes()).into())),
                Err(Errno::INVAL | Errno::NOENT) => Ok(None),
                Err(error) => Err(fault("read the link", &self.path.join(name), &error.into())),
            }
        }
        #[cfg(not(unix))]
        link_target(&self.path.join(name))
    }

    /// Whether the name leads to something, links followed.
    pub fn leads_somewhere(&self, name: &OsStr) -> Result<bool> {
        #[cfg(unix)]
        {
            use rustix::fs::{Access, AtFlags};
            use rustix::io::Errno;
            match rustix::fs::accessat(&self.descriptor, name, Access::EXISTS, AtFlags::empty()) {
                Ok(()) => Ok(true),
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(false),
                Err(error) => Err(fault("look at", &self.path.join(name), &error.into())),
            }
        }
        #[cfg(not(unix))]
        metadata(&self.path.join(name)).map(|found| found.is_some())
    }
}

/// Makes a symbolic link to a file.
pub fn link_file(target: &Path, link: &Path) -> Result<()> {
    #[cfg(unix)]
    let made = std::os::unix::fs::symlink(target, link);
    #[cfg(windows)]
    let made = std::os::windows::fs::symlink_file(target, link);
    made.map_err(|error| fault("make the link", link, &error))
}

/// Makes a symbolic link to a folder.
pub fn link_folder(target: &Path, link: &Path) -> Result<()> {
    #[cfg(unix)]
    let made = std::os::unix::fs::symlink(target, link);
    #[cfg(windows)]
    let made = std::os::windows::fs::symlink_dir(target, link);
    made.map_err(|error| fault("make the link", link, &error))
}

/// Makes a hard link.
pub fn hard_link(original: &Path, link: &Path) -> Result<()> {
    fs::hard_link(original, link).map_err(|error| {
        fault(&format!("hard-link {} as", original.display()), link, &error)
            .or_help("set `link = \"symlink\"` or `link = \"copy\"` in [env] of envtool.toml")
    })
}

/// Copies a file with its mode.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(drop).map_err(|error| fault(&format!("copy {} to", from.display()), to, &error))
}

/// Copies a file with its mode and the time of its last change.
pub fn copy_with_time(from: &Path, to: &Path) -> Result<()> {
    copy(from, to)?;
    let set = || File::open(to)?.set_modified(fs::metadata(from)?.modified()?);
    set().map_err(|error| fault("set the time of", to, &error))
}

/// The path with every link resolved; it must be there.
pub fn canonical(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(|error| fault("find", path, &error))
}

/// Sets the mode of a file or folder (Unix only; elsewhere there is nothing to do).
pub fn set_mode(path: &Path, mode: u32) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .map_err(|error| fault("set the mode of", path, &error))?;
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
    Ok(())
}

/// Writes a file that must not be there yet.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || create_new(path, 0o644)?.write_all(bytes);
    write().map_err(|error| fault("write", path, &error))
}

/// Makes a file that shares its blocks with another, mode and all. Says `false`, and has made nothing, where the file
/// system cannot.
pub fn reflink(from: &Path, to: &Path) -> Result<bool> {
    if reflink_copy::reflink(from, to).is_err() {
        return Ok(false);
    }
    let mode = || fs::set_permissions(to, fs::metadata(from)?.permissions());
    mode().map_err(|error| fault("set the mode of", to, &error)).map(|()| true)
}

/// The permission bits of a file (Unix; elsewhere a plain file's).
pub fn mode(metadata: &Metadata) -> u32 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        metadata.permissions().mode() & 0o777
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        0o644
    }
}

/// Writes a file that is removed when what is given back is dropped.
pub fn temporary(folder: &Path, prefix: &str, suffix: &str, bytes: &[u8]) -> Result<tempfile::TempPath> {
    let write = || {
        let mut file = tempfile::Builder::new().prefix(prefix).suffix(suffix).tempfile_in(folder)?;
        file.write_all(bytes)?;
        Ok(file.into_temp_path())
    };
    write().map_err(|error| fault("write a file in", folder, &error))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::time::Duration;

    use super::{Waiting, lock, open, read, read_text, try_lock, write};

    #[test]
    fn what_has_no_end_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let (zero, null, huge) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("c"));
        symlink("/dev/zero", &zero).unwrap();
        symlink("/dev/null", &null).unwrap();
        File::create(&huge).unwrap().set_len(1 << 40).unwrap();
        for (path, why) in [(&zero, "a device and no file"), (&huge, "larger than 1 GiB")] {
            for fault in [read(path).unwrap_err(), read_text(path).unwrap_err()] {
                assert!(fault.to_string().contains(why), "{fault}");
            }
        }
        assert!(open(&zero).is_err());
        // Many a setting names it for an empty file.
        assert_eq!(read(&null).unwrap().unwrap(), b"");
        write(&huge, b"small").unwrap();
        assert_eq!(read(&huge).unwrap().unwrap(), b"small");
    }

    #[test]
    fn a_lock_is_not_made_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join(".lock");
        symlink(folder.path().join("elsewhere"), &link).unwrap();
        let waiting = Waiting { at_most: Duration::ZERO, tell: &|| () };
        for fault in [lock(&link, true, &waiting).unwrap_err(), try_lock(&link).unwrap_err()] {
            assert!(fault.to_string().contains("it is a link"), "{fault}");
        }
        assert!(!Path::exists(&folder.path().join("elsewhere")));
    }
}
