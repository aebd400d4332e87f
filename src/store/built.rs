//! Tools that were built: their executables, under the digest of all that decided on them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Store, StoreLock};
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::StoreLayout;
use crate::package::PackageId;

/// A tool that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Under which key it lies.
    pub key: Digest,
    /// Its folder.
    pub folder: PathBuf,
    /// What it was when it was built.
    pub record: BuiltRecord,
}

impl Built {
    /// Where one of its executables lies.
    pub fn executable(&self, name: &str) -> PathBuf {
        StoreLayout::executable(&self.folder, name)
    }
}

/// What a tool was when it was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltRecord {
    /// Its name and version.
    #[serde(flatten)]
    pub package: PackageId,
    /// What built it: the first line of `rustc -vV`.
    pub rustc: String,
    /// Its executables, with the SHA-256 of each.
    pub bins: BTreeMap<String, Digest>,
}

impl Store {
    /// The tool under `key`; `None` where it is absent. One that lost a part is dropped: entries are renamed into
    /// place whole, so somebody took the part away.
    pub fn built(&self, key: &Digest) -> Result<Option<Built>> {
        let folder = self.layout.built(key);
        let Some(bytes) = fs::read(&StoreLayout::built_record(&folder))? else {
            fs::remove_tree(&folder)?;
            return Ok(None);
        };
        if let Ok(record) = serde_json::from_slice::<BuiltRecord>(&bytes) {
            let built = Built { key: *key, folder: folder.clone(), record };
            let mut whole = true;
            for name in built.record.bins.keys() {
                whole = whole && fs::is_file(&built.executable(name))?;
            }
            if whole {
                return Ok(Some(built));
            }
        }
        fs::remove_tree(&folder)?;
        Ok(None)
    }

    /// Takes a tool in whose executables lie at `files`, by name.
    pub fn keep_built(
        &self,
        key: &Digest,
        (package, rustc): (&PackageId, &str),
        files: &BTreeMap<String, PathBuf>,
        _lock: &StoreLock,
    ) -> Result<Built> {
        let aside = tempfile::Builder::new().prefix("built-").tempdir_in(self.layout.tmp());
        let aside = aside.map_err(|error| self.cannot_write(&error))?;
        fs::create_folders(&StoreLayout::executable(aside.path(), ""))?;
        let mut bins = BTreeMap::new();
        for (name, file) in files {
            let to = StoreLayout::executable(aside.path(), name);
            fs::copy(file, &to)?;
            fs::set_mode(&to, 0o555)?;
            bins.insert(name.clone(), digest(&to)?);
        }
        let record = BuiltRecord { package: package.clone(), rustc: rustc.to_owned(), bins };
        let text = serde_json::to_vec_pretty(&record)
            .map_err(|error| Fault::new("could not write a record").because(&error))?;
        fs::write_new(&StoreLayout::built_record(aside.path()), &text)?;
        fs::set_mode(aside.path(), 0o755)?;
        let folder = self.layout.built(key);
        // Where another was quicker, its executables count, and ours go with the folder.
        fs::rename_unless_there(aside.path(), &folder)?;
        self.built(key)?.ok_or_else(|| {
            Fault::new(format!("{} is not what was just put there", folder.display())).help("run it again")
        })
    }
}

fn digest(file: &Path) -> Result<Digest> {
    let gone = || Fault::new(format!("{} is gone", file.display())).help("run it again");
    let open = fs::open(file)?.ok_or_else(gone)?;
    crate::digest::of_reader(open).map_err(|error| fs::failed("read", file, &error))
}
