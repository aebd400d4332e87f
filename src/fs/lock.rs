//! Locks on files. The kernel lets go of one when its holder dies, so none is ever stale.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

#[cfg(unix)]
use rustix::fs::OFlags;

use super::{Kind, fault, kind, metadata};
use crate::fault::{Fault, Result};

/// How long a lock is waited for, and what is said meanwhile.
pub struct Waiting<'a> {
    /// After this time the wait is given up.
    pub at_most: Duration,
    /// Called once, when the lock turns out to be held.
    pub tell: &'a dyn Fn(),
}

/// A lock on a file, held until it is dropped. The kernel lets go of it when its holder dies.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Whether the file that is locked is the one at `path`.
    #[cfg(unix)]
    pub fn is_at(&self, path: &Path) -> Result<bool> {
        use std::os::unix::fs::MetadataExt;
        let held = self.file.metadata().map_err(|error| fault("look at", path, &error))?;
        Ok(metadata(path)?.is_some_and(|found| (found.dev(), found.ino()) == (held.dev(), held.ino())))
    }

    /// Whether the file that is locked is the one at `path`: a locked file cannot be removed here.
    #[cfg(not(unix))]
    pub fn is_at(&self, path: &Path) -> Result<bool> {
        let _ = &self.file;
        is_file(path)
    }
}

/// Never through a link: one that a stranger sent would make a file elsewhere.
fn open_lock(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed(),
    );
    options.open(path).map_err(|error| match kind(path) {
        Ok(Kind::Link) => Fault::new(format!("could not open the lock {}", path.display()))
            .why("it is a link, and envtool made none there")
            .help(format!("see where it leads, and take it away (`rm {}`)", path.display())),
        _ => fault("open the lock", path, &error),
    })
}

/// Locks `path` exclusively; `None` where somebody holds it.
pub fn try_lock(path: &Path) -> Result<Option<Lock>> {
    let file = open_lock(path)?;
    Ok(file.try_lock().is_ok().then_some(Lock { file }))
}

/// Locks `path`, which is made where it is absent. Shared locks do not exclude each other.
pub fn lock(path: &Path, exclusive: bool, waiting: &Waiting<'_>) -> Result<Lock> {
    let file = open_lock(path)?;
    let attempt = || {
        if exclusive { file.try_lock() } else { file.try_lock_shared() }
    };
    let until = Instant::now() + waiting.at_most;
    let mut pause = Duration::from_millis(1);
    let mut told = false;
    loop {
        match attempt() {
            Ok(()) => return Ok(Lock { file }),
            Err(fs::TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
                return Ok(Lock { file });
            }
            Err(fs::TryLockError::Error(error)) => return Err(fault("lock", path, &error)),
            Err(fs::TryLockError::WouldBlock) if Instant::now() >= until => {
                return Err(Fault::new(format!("could not lock {}", path.display()))
                    .why(format!("another envtool held it for {} s", waiting.at_most.as_secs()))
                    .help("wait for it to end, or set ENVTOOL_LOCK_TIMEOUT to more seconds"));
            }
            Err(fs::TryLockError::WouldBlock) => {
                if !told && pause > Duration::from_millis(60) {
                    (waiting.tell)();
                    told = true;
                }
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(100));
            }
        }
    }
}
