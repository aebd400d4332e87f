//! What the locks of a project name: what has to be in its pack, and what of a pack they vouch for.

use std::collections::{BTreeMap, BTreeSet};

use crate::cargo_lock::{CargoLock, Source, crates_io};
use crate::digest::Digest;
use crate::export;
use crate::fault::{Fault, Result};
use crate::layout::{CARGO_LOCK, LOCK};
use crate::lock::{Lock, ModuleRow, ToolRow};
use crate::package::PackageId;

/// The locks of a project.
#[derive(Debug, Default)]
pub(super) struct Locks {
    /// `Cargo.lock`, of a cargo project.
    pub(super) cargo: Option<CargoLock>,
    /// `envtool.lock`.
    pub(super) own: Lock,
}

/// An archive of a crate: where it comes from, and the SHA-256 that a lock gives.
pub(super) type Archived = (Source, PackageId, Digest);

impl Locks {
    /// Reads them from their bytes.
    pub(super) fn read(cargo: Option<&[u8]>, own: Option<&[u8]>) -> Result<Self> {
        Ok(Self {
            cargo: cargo.map(|bytes| CargoLock::read(bytes, CARGO_LOCK)).transpose()?,
            own: own.map(|bytes| Lock::read(bytes, LOCK)).transpose()?.unwrap_or_default(),
        })
    }

    /// The archives of crates, and of tools themselves.
    pub(super) fn archives(&self) -> Result<BTreeSet<Archived>> {
        let mut all = BTreeSet::new();
        for (package, source) in self.cargo.iter().flat_map(CargoLock::external) {
            if let Source::Registry(_) = source {
                all.insert(archived(source, &package.id, package.checksum)?);
            }
        }
        let own = self.own.packages.iter().map(|row| (crates_io(), row.id(), row.checksum));
        let tools = self.own.tools.iter().map(|row| (crates_io(), row.id(), row.checksum));
        let closures = self.own.tools.iter().flat_map(|tool| &tool.closure);
        let closures = closures.map(|row| (crates_io(), row.id(), row.checksum));
        all.extend(own.chain(tools).chain(closures));
        Ok(all)
    }

    /// The tools whose closure is the lock in their archive.
    pub(super) fn with_shipped_locks(&self) -> impl Iterator<Item = &ToolRow> {
        self.own.tools.iter().filter(|row| row.closure.is_empty())
    }

    /// The crates from git, by their keys in a store.
    pub(super) fn git(&self) -> BTreeMap<Digest, PackageId> {
        let all = self.cargo.iter().flat_map(CargoLock::external);
        all.filter_map(|(package, source)| match source {
            Source::Git { url, commit, .. } => {
                Some((export::key(&package.id, url, commit), package.id.clone()))
            }
            Source::Registry(_) => None,
        })
        .collect()
    }

    /// The rows of Python packages.
    pub(super) fn modules(&self) -> impl Iterator<Item = &ModuleRow> {
        self.own.modules.iter().chain(self.own.module_tools.iter().flat_map(|tool| &tool.modules))
    }

    /// Every file of theirs.
    pub(super) fn wheels(&self) -> BTreeMap<Digest, &str> {
        let files = self.modules().flat_map(|row| &row.files);
        files.map(|(file, digest)| (*digest, file.as_str())).collect()
    }

    /// The first way in which `other` is not the same; `None` where both say the same.
    pub(super) fn differs(&self, other: &Self) -> Option<String> {
        let cargo = |locks: &Self| -> Vec<(String, String)> {
            let all = locks.cargo.iter().flat_map(CargoLock::external);
            all.map(|(package, source)| {
                (package.id.to_string(), format!("{source:?} {:?}", package.checksum))
            })
            .collect()
        };
        let own = |locks: &Self| -> Vec<(String, String)> {
            let lock = &locks.own;
            let crates = lock.packages.iter().map(|row| (row.id().to_string(), format!("{row:?}")));
            let tools = lock.tools.iter().map(|row| (format!("the tool {}", row.id()), format!("{row:?}")));
            let modules = lock.modules.iter().map(|row| (row.id().to_string(), format!("{row:?}")));
            let module_tools =
                lock.module_tools.iter().map(|row| (format!("the tool {}", row.id()), format!("{row:?}")));
            crates.chain(tools).chain(modules).chain(module_tools).collect()
        };
        first_difference(CARGO_LOCK, cargo(self), cargo(other))
            .or_else(|| first_difference(LOCK, own(self), own(other)))
    }
}

/// `ours` is the pack's.
fn first_difference(
    lock: &str,
    ours: Vec<(String, String)>,
    theirs: Vec<(String, String)>,
) -> Option<String> {
    let (ours, theirs): (BTreeSet<_>, BTreeSet<_>) =
        (ours.into_iter().collect(), theirs.into_iter().collect());
    let (only, other) = (ours.difference(&theirs).next(), theirs.difference(&ours).next());
    Some(match (only, other) {
        (None, None) => return None,
        (Some((one, _)), Some((other, _))) if one == other => {
            format!("{lock} of the pack and of the project say different things of {one}")
        }
        (Some((one, _)), Some((other, _))) => {
            format!("{lock} of the pack has {one}, and that of the project has {other}")
        }
        (Some((one, _)), None) => format!("{lock} of the pack has {one}, and that of the project has not"),
        (None, Some((other, _))) => {
            format!("{lock} of the project has {other}, and that of the pack has not")
        }
    })
}

/// The crates that a lock in the archive of `tool` names.
pub(super) fn shipped(tool: &ToolRow, text: &[u8]) -> Result<Vec<Archived>> {
    let lock = CargoLock::read(text, &format!("the Cargo.lock of {}", tool.id()))?;
    lock.external().map(|(package, source)| archived(source, &package.id, package.checksum)).collect()
}

fn archived(source: &Source, package: &PackageId, checksum: Option<Digest>) -> Result<Archived> {
    let checksum = checksum.ok_or_else(|| {
        Fault::new(format!("could not pack {package}"))
            .why("its lock gives no checksum, so nobody could verify what is in the pack")
            .help("take it from a registry that gives one")
    })?;
    Ok((source.clone(), package.clone(), checksum))
}

#[cfg(test)]
mod tests {
    use super::Locks;

    const DIGITS: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn locks(rows: &[(&str, &str)]) -> Locks {
        let index = tame_index::CRATES_IO_INDEX;
        let rows: Vec<String> = rows
            .iter()
            .map(|(name, version)| {
                format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = \"registry+{index}\"\nchecksum = \"{DIGITS}\"\n")
            })
            .collect();
        Locks::read(Some(format!("version = 4\n{}", rows.concat()).as_bytes()), None).unwrap()
    }

    #[test]
    fn the_first_difference_is_named() {
        let one = locks(&[("a", "1.0.0"), ("b", "1.0.0")]);
        assert_eq!(one.differs(&locks(&[("b", "1.0.0"), ("a", "1.0.0")])), None);
        for (rows, said) in [
            (
                &[("a", "1.0.0"), ("b", "1.1.0")][..],
                "of the pack has b 1.0.0, and that of the project has b 1.1.0",
            ),
            (&[("a", "1.0.0")], "of the pack has b 1.0.0, and that of the project has not"),
            (
                &[("a", "1.0.0"), ("b", "1.0.0"), ("c", "1.0.0")],
                "of the project has c 1.0.0, and that of the pack has not",
            ),
        ] {
            let differs = one.differs(&locks(rows)).unwrap();
            assert!(differs.contains(said), "{differs}");
        }
        let other = DIGITS.replace('e', "f");
        let text = format!(
            "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry+{}\"\nchecksum = \"{other}\"\n",
            tame_index::CRATES_IO_INDEX
        );
        let other = Locks::read(Some(text.as_bytes()), None).unwrap();
        assert!(locks(&[("a", "1.0.0")]).differs(&other).unwrap().contains("different things of a 1.0.0"));
    }
}
