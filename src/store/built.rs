//! Tools that were built: their executables, under the digest of all that decided on them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use semver::Version;
use serde::{Deserialize, Serialize};

use super::{Store, StoreLock};
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::StoreLayout;
use crate::package::{PackageId, PackageName};

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
    /// The tool under `key`; `None` where it is absent, or lost a part: entries are renamed into place whole, so
    /// somebody took it away. That one stays until another takes its place: another envtool may have put a whole one
    /// there by the time that it would be removed.
    pub fn built(&self, key: &Digest) -> Result<Option<Built>> {
        let Some(record) = self.built_record(key)? else { return Ok(None) };
        let built = Built { key: *key, folder: self.layout.built(key), record };
        for name in built.record.bins.keys() {
            if !fs::is_file(&built.executable(name))? {
                return Ok(None);
            }
        }
        Ok(Some(built))
    }

    /// The same for a tool that is about to be installed: every executable is read, and the record is of `package`.
    pub fn built_whole(&self, key: &Digest, package: &PackageId) -> Result<Option<Built>> {
        let Some(built) = self.built(key)?.filter(|built| built.record.package == *package) else {
            return Ok(None);
        };
        for (name, recorded) in &built.record.bins {
            if digest(&built.executable(name))? != *recorded {
                return Ok(None);
            }
        }
        Ok(Some(built))
    }

    /// What the tool under `key` was when it was built; `None` where that is absent or cannot be read.
    pub fn built_record(&self, key: &Digest) -> Result<Option<BuiltRecord>> {
        let bytes = fs::read(&StoreLayout::built_record(&self.layout.built(key)))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// The newest version of a tool that was ever built here; what cannot be read does not count.
    pub fn newest_built(&self, name: &PackageName) -> Result<Option<Version>> {
        let keys = fs::names(&self.layout.bucket("built"))?.unwrap_or_default();
        let mut newest = None;
        for key in keys.iter().filter_map(|key| key.to_str()?.parse().ok()) {
            let record = self.built_record(&key)?.filter(|record| record.package.name == *name);
            newest = newest.max(record.map(|record| record.package.version));
        }
        Ok(newest)
    }

    /// Takes an executable over from the machine: a copy of it, under its own digest and never among what was built.
    pub fn adopt(&self, name: &str, file: &Path, _lock: &StoreLock) -> Result<Digest> {
        let aside = tempfile::Builder::new().prefix("adopted-").tempdir_in(self.layout.tmp());
        let aside = aside.map_err(|error| self.cannot_write(&error))?;
        let copy = aside.path().join(name);
        fs::copy(file, &copy)?;
        fs::set_mode(&copy, 0o555)?;
        let digest = digest(&copy)?;
        let to = self.layout.adopted(&digest, name);
        fs::create_folders(to.parent().unwrap_or(&to))?;
        fs::rename(&copy, &to)?;
        Ok(digest)
    }

    /// Takes a tool in whose executables lie at `files`, by name. Whoever builds under this key holds the lock of its
    /// workshop, so that nobody else does meanwhile.
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
        tracing::debug!(%package, %key, bins = ?bins.keys(), "keeps a built tool");
        let record = BuiltRecord { package: package.clone(), rustc: rustc.to_owned(), bins };
        let text = serde_json::to_vec_pretty(&record)
            .map_err(|error| Fault::bug("could not write a record").because(&error))?;
        fs::write_new(&StoreLayout::built_record(aside.path()), &text)?;
        fs::set_mode(aside.path(), 0o755)?;
        let folder = self.layout.built(key);
        if self.built_whole(key, package)?.is_none() {
            fs::remove_tree(&folder)?;
        }
        // Where another was quicker, its executables count, and ours go with the folder.
        fs::rename_unless_there(aside.path(), &folder)?;
        self.built(key)?.ok_or_else(|| {
            Fault::new(format!("could not keep {package} in the store"))
                .why(format!("{} is not what was just put there", folder.display()))
                .help("somebody else changes the store; run it again")
        })
    }
}

fn digest(file: &Path) -> Result<Digest> {
    let gone = || {
        Fault::new(format!("could not read {}", file.display()))
            .why("somebody took it away while envtool looked at it")
            .help("run it again")
    };
    let open = fs::open(file)?.ok_or_else(gone)?;
    crate::digest::of_reader(open).map_err(|error| fs::failed("read", file, &error))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use crate::digest::Digest;
    use crate::fs::{self, Waiting};
    use crate::layout::StoreLayout;
    use crate::package::PackageId;
    use crate::store::Store;

    #[test]
    fn a_damaged_tool_is_absent_and_gives_way_to_a_whole_one() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        let lock = store.lock(&Waiting { at_most: Duration::ZERO, tell: &|| {} }).unwrap();
        let key = Digest::of(b"key");
        let folder = store.layout().built(&key);
        // Looking takes nothing away: this may be what another is about to make whole.
        fs::create_folders(&StoreLayout::executable(&folder, "tool")).unwrap();
        assert_eq!(store.built(&key).unwrap(), None);
        assert!(fs::is_folder(&folder).unwrap());

        let file = dir.path().join("file");
        fs::write(&file, b"new").unwrap();
        let files = BTreeMap::from([("tool".to_owned(), file)]);
        let package = PackageId { name: "tool".parse().unwrap(), version: "1.0.0".parse().unwrap() };
        let kept = store.keep_built(&key, (&package, "rustc"), &files, &lock).unwrap();
        assert_eq!(kept.record.bins["tool"], Digest::of(b"new"));
        assert_eq!(store.built(&key).unwrap(), Some(kept.clone()));
        let again = store.keep_built(&key, (&package, "other"), &files, &lock).unwrap();
        assert_eq!(again, kept, "the first one stays");
    }
}
