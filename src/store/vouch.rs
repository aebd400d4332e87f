//! What really lies in a tree: every file hashed again, for whoever does not take a record's word for it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::archive::{CHECKSUM_FILE, Contents, FileRecord, checksum_json};
use crate::digest::{self, Digest};
use crate::fault::{Fault, Result};
use crate::fs;

/// What lies in a folder of a crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its files but cargo's list of checksums.
    pub contents: Contents,
    /// That list; `None` where it is absent.
    pub list: Option<Vec<u8>>,
    /// What is neither a file nor a folder: nothing of that kind was ever unpacked.
    pub odd: Vec<String>,
}

impl Found {
    /// Looks at `folder`, a link to one among it; every file is hashed.
    pub fn look(folder: &Path) -> Result<Self> {
        let mut found = Self { contents: Contents { files: BTreeMap::new() }, list: None, odd: Vec::new() };
        for entry in walk(folder) {
            let (entry, name) = entry?;
            if entry.file_type().is_dir() {
                continue;
            }
            if !entry.file_type().is_file() {
                found.odd.push(name);
            } else if name == CHECKSUM_FILE {
                found.list = fs::read(entry.path())?;
            } else {
                let record = record(entry.path())?;
                found.contents.files.insert(name, record);
            }
        }
        Ok(found)
    }

    /// The first way in which this is not what an archive with `checksum` holds, as a path and what is wrong with it.
    pub fn differs(&self, expected: &Contents, checksum: Option<Digest>) -> Option<(String, &'static str)> {
        if let Some(odd) = self.odd.first() {
            return Some((odd.clone(), "is a link or something else that no archive of a crate holds"));
        }
        for (path, file) in &expected.files {
            match self.contents.files.get(path) {
                None => return Some((path.clone(), "is missing")),
                Some(now) if now.digest != file.digest => return Some((path.clone(), "was changed")),
                Some(now) if now.mode != file.mode => return Some((path.clone(), "has another mode")),
                Some(_) => {}
            }
        }
        if let Some(path) = self.contents.files.keys().find(|path| !expected.files.contains_key(*path)) {
            return Some((path.clone(), "was added"));
        }
        let list = checksum.map(|checksum| checksum_json(expected, checksum).into_bytes());
        let same = list.is_none() || self.list == list;
        (!same).then(|| (CHECKSUM_FILE.to_owned(), "was changed"))
    }
}

/// How many files lie in a folder but cargo's list of checksums, and their size: what can be told without reading.
pub fn names_and_sizes(folder: &Path) -> Result<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    for entry in walk(folder) {
        let (entry, name) = entry?;
        if entry.file_type().is_file() && name != CHECKSUM_FILE {
            files += 1;
            bytes += entry.metadata().map_err(|error| unreadable(entry.path(), &error))?.len();
        }
    }
    Ok((files, bytes))
}

fn walk(folder: &Path) -> impl Iterator<Item = Result<(walkdir::DirEntry, String)>> + '_ {
    walkdir::WalkDir::new(folder).min_depth(1).follow_root_links(true).into_iter().map(move |entry| {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        let inside = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let name = inside.to_string_lossy().replace('\\', "/");
        Ok((entry, name))
    })
}

fn record(path: &Path) -> Result<FileRecord> {
    let gone = || Fault::new(format!("{} is gone", path.display())).help("run it again");
    let file = fs::open(path)?.ok_or_else(gone)?;
    let about = file.metadata().map_err(|error| unreadable(path, &error))?;
    let digest = digest::of_reader(file).map_err(|error| unreadable(path, &error))?;
    Ok(FileRecord { digest, mode: fs::mode(&about), size: about.len() })
}

fn unreadable(path: &Path, error: &(dyn std::error::Error + 'static)) -> Fault {
    Fault::new(format!("could not read {}", path.display())).because(error).help("see that you may read it")
}
