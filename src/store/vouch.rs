//! What really lies in a tree: every file hashed again, or looked at by name and size, for whoever does not take a
//! record's word for it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use super::TreeRecord;
use crate::archive::{CHECKSUM_FILE, Contents, FileRecord, checksum_json};
use crate::digest::{self, Digest};
use crate::fault::Result;
use crate::fs::{self, Entry, Kind};

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
    /// Looks at `folder`, a link to one among it; every file is hashed. `None` where no folder is there.
    pub fn look(folder: &Path) -> Result<Option<Self>> {
        let mut found = Self { contents: Contents { files: BTreeMap::new() }, list: None, odd: Vec::new() };
        let there = fs::walk(folder, &mut |entry| {
            let name = String::from_utf8_lossy(entry.path()).into_owned();
            if entry.kind() != Kind::File {
                found.odd.push(name);
                return Ok(());
            }
            let mut file = entry.open()?;
            let failed = |error: std::io::Error| fs::failed("read", &folder.join(&name), &error);
            if name == CHECKSUM_FILE {
                let mut list = Vec::new();
                file.read_to_end(&mut list).map_err(failed)?;
                found.list = Some(list);
                return Ok(());
            }
            let about = file.metadata().map_err(failed)?;
            // As far as it said it goes: so the end need not be asked for, which counts with many small files.
            let digest = digest::of_reader(file.take(about.len())).map_err(failed)?;
            found
                .contents
                .files
                .insert(name, FileRecord { digest, mode: fs::mode(&about), size: about.len() });
            Ok(())
        })?;
        found.odd.sort();
        Ok(there.then_some(found))
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

/// The names and sizes of a tree's files, cargo's list of checksums not counted: what can be told without reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline {
    /// How many files there are.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// One digest of all names and sizes.
    pub names: Digest,
}

impl Outline {
    /// Looks at `folder`, a link to one among it. `None` where no folder is there.
    pub fn look(folder: &Path) -> Result<Option<Self>> {
        // All names one after the other, and where each begins and ends: a name of its own would cost an allocation.
        let (mut names, mut found) = (Vec::new(), Vec::new());
        let there = fs::walk(folder, &mut |entry: &Entry<'_>| {
            if entry.path() == CHECKSUM_FILE.as_bytes() {
                return Ok(());
            }
            let begin = names.len();
            names.extend_from_slice(entry.path());
            // What is no file is none of an archive's, whatever its size.
            let size = if entry.kind() == Kind::File { Some(entry.size()?) } else { None };
            found.push((begin..names.len(), size));
            Ok(())
        })?;
        found.sort_unstable_by(|(a, _), (b, _)| names[a.clone()].cmp(&names[b.clone()]));
        let files = found.into_iter().map(|(name, size)| (&names[name], size));
        Ok(there.then(|| Self::of(files)))
    }

    /// The outline of what was unpacked.
    pub(super) fn of_contents(contents: &Contents) -> Self {
        Self::of(contents.files.iter().map(|(path, file)| (path.as_bytes(), Some(file.size))))
    }

    /// The digest is over `PATH\0SIZE` for each file in the order of their paths' bytes, the size as eight bytes, the
    /// largest there is for what is no file. No path holds a NUL.
    fn of<'n>(files: impl Iterator<Item = (&'n [u8], Option<u64>)>) -> Self {
        let mut outline = Self { files: 0, bytes: 0, names: Digest::of(b"") };
        let mut lines = Vec::new();
        for (name, size) in files {
            lines.extend_from_slice(name);
            lines.push(0);
            lines.extend_from_slice(&size.unwrap_or(u64::MAX).to_be_bytes());
            outline.files += u64::from(size.is_some());
            outline.bytes += size.unwrap_or_default();
        }
        outline.names = Digest::of(&lines);
        outline
    }

    /// How this is not what was unpacked; `None` where nothing differs.
    pub fn differs(&self, record: &TreeRecord) -> Option<String> {
        if (self.files, self.bytes) != (record.files, record.bytes) {
            return Some(format!(
                "it holds {} files of {} bytes, and was unpacked to {} of {}",
                self.files, self.bytes, record.files, record.bytes
            ));
        }
        let same = record.names.is_none_or(|names| names == self.names);
        (!same).then(|| "its files have other names or sizes than what was unpacked".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::Outline;
    use crate::archive::{Contents, FileRecord};
    use crate::digest::Digest;
    use crate::fs;
    use crate::store::TreeRecord;

    #[test]
    fn an_outline_tells_names_and_sizes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let write = |name: &str, text: &str| fs::write(&at(name), text.as_bytes()).unwrap();
        fs::create_folders(&at("a")).unwrap();
        let mut contents = Contents::default();
        for (name, text) in [("a/b", "1"), ("a-b", "22"), ("a.b", "")] {
            write(name, text);
            let digest = Digest::of(text.as_bytes());
            contents
                .files
                .insert(name.to_owned(), FileRecord { digest, mode: 0o644, size: text.len() as u64 });
        }
        write(".cargo-checksum.json", "{}");
        let Outline { files, bytes, names } = Outline::of_contents(&contents);
        let record = TreeRecord { tree: contents.tree_digest(), files, bytes, names: Some(names) };
        let old = TreeRecord { names: None, ..record.clone() };
        let differs = |record: &TreeRecord| Outline::look(dir.path()).unwrap().unwrap().differs(record);
        assert_eq!((differs(&record), differs(&old)), (None, None));
        write("a-b", "33");
        assert_eq!(differs(&record), None, "contents are not read");
        // Sizes that change places are as many files of as many bytes.
        write("a-b", "1");
        write("a/b", "22");
        assert_eq!(differs(&old), None);
        assert!(differs(&record).unwrap().contains("other names or sizes"));
        write("a-b", "333");
        assert!(differs(&record).unwrap().contains("3 files of 5 bytes"));
        assert_eq!(Outline::look(&at("none")).unwrap(), None);
    }
}
