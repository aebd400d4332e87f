//! How a tree of the store comes into an environment: as one link, or file by file.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::fault::Result;
use crate::fs;
use crate::manifest::Link;

/// Whether the file systems at hand share blocks; found out with the first file, since trying each is slower than
/// copying.
static REFLINKS: AtomicBool = AtomicBool::new(true);

/// Puts the tree `from` at `to`, which is not there yet.
pub fn place(from: &Path, to: &Path, link: Link) -> Result<()> {
    if link == Link::Symlink {
        return fs::link_folder(from, to);
    }
    let broken = |error: walkdir::Error| fs::failed("read", from, &error.into());
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.map_err(broken)?;
        let inside = entry.path().strip_prefix(from).unwrap_or(entry.path());
        let target = to.join(inside);
        if entry.file_type().is_dir() {
            fs::create_folders(&target)?;
        } else {
            place_file(entry.path(), &target, link)?;
        }
    }
    Ok(())
}

fn place_file(from: &Path, to: &Path, link: Link) -> Result<()> {
    if link == Link::Hardlink {
        return fs::hard_link(from, to);
    }
    if link == Link::Reflink && REFLINKS.load(Ordering::Relaxed) {
        if fs::reflink(from, to)? {
            return Ok(());
        }
        REFLINKS.store(false, Ordering::Relaxed);
    }
    fs::copy(from, to)
}
