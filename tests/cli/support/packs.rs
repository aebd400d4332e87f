//! Packs, taken apart and put together again with something else in them.

use std::io::Read as _;
use std::path::Path;

use serde_json::{Value, json};
use tar::{EntryType, Header};

use super::crates::sha256;

/// What a pack holds: its list, and its files behind that, in their order.
#[derive(Clone)]
pub(crate) struct Pack {
    pub(crate) list: Value,
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

impl Pack {
    pub(crate) fn read(path: &Path) -> Self {
        let stream = zstd::Decoder::new(std::fs::File::open(path).unwrap()).unwrap();
        let mut archive = tar::Archive::new(stream);
        let mut files = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let header = entry.header();
            let plain = (header.mtime().unwrap(), header.uid().unwrap(), header.gid().unwrap());
            assert_eq!(plain, (0, 0, 0), "times and users have no place in a pack");
            let mut bytes = Vec::new();
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            entry.read_to_end(&mut bytes).unwrap();
            files.push((name, bytes));
        }
        let (name, list) = files.remove(0);
        assert_eq!(name, "envtool-pack.json");
        Self { list: serde_json::from_slice(&list).unwrap(), files }
    }

    /// The rows of its list of this kind.
    pub(crate) fn rows(&self, kind: &str) -> Vec<&Value> {
        self.list["files"].as_array().unwrap().iter().filter(|row| row["kind"] == kind).collect()
    }

    /// Puts other bytes in the place of a file, and the list says so.
    pub(crate) fn replace(&mut self, path: &str, bytes: &[u8]) {
        let at = self.files.iter().position(|(name, _)| name == path).unwrap();
        self.files[at].1 = bytes.to_vec();
        let row = &mut self.list["files"][at];
        assert_eq!(row["path"], path);
        row["size"] = json!(bytes.len());
        row["sha256"] = json!(sha256(bytes));
    }

    /// Its tar archive.
    pub(crate) fn tar(&self) -> Vec<u8> {
        let mut tar = entry(EntryType::Regular, "envtool-pack.json", self.list.to_string().as_bytes());
        for (name, bytes) in &self.files {
            tar.extend(entry(EntryType::Regular, name, bytes));
        }
        tar
    }

    /// The whole file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        compressed(&self.tar())
    }
}

/// One entry of a tar archive; its name goes in as it is.
pub(crate) fn entry(kind: EntryType, name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    let mut out = Vec::new();
    if name.len() > 100 {
        out = entry(EntryType::GNULongName, "././@LongLink", format!("{name}\0").as_bytes());
    }
    let short = &name.as_bytes()[..name.len().min(100)];
    header.as_mut_bytes()[..short.len()].copy_from_slice(short);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(bytes.len() as u64);
    if kind == EntryType::Symlink || kind == EntryType::Link {
        header.set_link_name_literal("/etc/passwd").unwrap();
    }
    header.set_cksum();
    out.extend(header.as_bytes());
    out.extend(bytes);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

/// These entries with the end of an archive behind them, compressed.
pub(crate) fn compressed(tar: &[u8]) -> Vec<u8> {
    zstd::encode_all(&[tar, &[0; 1024]].concat()[..], 1).unwrap()
}
