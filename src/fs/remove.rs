//! Taking files and folders away.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Kind, kind, optional, set_mode};
use crate::fault::Result;

/// How long a program may go on writing into a folder that is being removed.
const OUTLIVED: Duration = Duration::from_secs(2);

/// Removes a file or a link; nothing there is fine.
pub fn remove_file(path: &Path) -> Result<()> {
    optional("remove", path, fs::remove_file(path)).map(drop)
}

/// Removes a file, a link (never what it points to) or a whole folder, also one whose folders are read-only.
pub fn remove_tree(path: &Path) -> Result<()> {
    match kind(path)? {
        Kind::Absent => return Ok(()),
        Kind::Folder => {}
        Kind::File | Kind::Link | Kind::Other => return remove_file(path),
    }
    if optional("remove", path, fs::remove_dir_all(path)).is_ok() {
        return Ok(());
    }
    for entry in walkdir::WalkDir::new(path).into_iter().flatten().filter(|e| e.file_type().is_dir()) {
        set_mode(entry.path(), 0o755)?;
    }
    let begun = Instant::now();
    loop {
        match fs::remove_dir_all(path) {
            // A program whose envtool was killed writes on for a moment, until it finds its folder gone.
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty && begun.elapsed() < OUTLIVED => {
                std::thread::sleep(OUTLIVED / 100);
            }
            done => return optional("remove", path, done).map(drop),
        }
    }
}
