//! A file that one writes while others read it.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use super::fault;
use crate::fault::Result;

/// Opens a file that is there to write it anew and to read it meanwhile.
pub fn read_and_write(path: &Path) -> Result<File> {
    let file = OpenOptions::new().read(true).write(true).truncate(true).open(path);
    file.map_err(|error| fault("write", path, &error))
}

/// Reads from a place in a file, wherever others are reading or writing it.
#[cfg(unix)]
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

/// Reads from a place in a file, wherever others are reading or writing it.
#[cfg(windows)]
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}
