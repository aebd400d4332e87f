//! Filling the store from a pack: each thing only where a lock names its SHA-256, or the user vouches for the pack.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::locks::{Locks, shipped};
use super::take::Taken;
use crate::archive::{CHECKSUM_FILE, Limits, checksum_json, unpack_crate};
use crate::context::Context;
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::CARGO_LOCK;
use crate::pack_list::{PackFile, What};
use crate::package::{PackageId, PackageName};
use crate::store::{Incoming, Store, StoreLock};
use crate::uv;

/// What fills a store.
pub(super) struct Filling<'a> {
    pub(super) store: &'a Store,
    pub(super) lock: &'a StoreLock,
    pub(super) context: &'a Context<'a>,
    pub(super) locks: &'a Locks,
    /// How errors name the pack.
    pub(super) pack: &'a str,
    /// Whether the user vouches for it.
    pub(super) vouched: bool,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Filled {
    /// How many archives and wheels are in the store now.
    pub(super) archives: usize,
    pub(super) wheels: usize,
    /// The executables that may be taken over, by tool and by name; they go with this value.
    pub(super) executables: BTreeMap<PackageId, BTreeMap<String, Incoming>>,
}

impl Filled {
    /// The same as a sync wants them.
    pub(super) fn prebuilt(&self) -> BTreeMap<PackageName, BTreeMap<String, PathBuf>> {
        let files = |files: &BTreeMap<String, Incoming>| {
            files.iter().map(|(name, file)| (name.clone(), file.path().to_owned())).collect()
        };
        self.executables.iter().map(|(tool, all)| (tool.name.clone(), files(all))).collect()
    }
}

impl Filling<'_> {
    /// Takes all of it in. `takes_executables` says whether those of the pack run here and are to be used.
    pub(super) fn fill(&self, taken: Vec<Taken>, takes_executables: bool) -> Result<Filled> {
        let mut filled = Filled::default();
        let wheels = self.locks.wheels();
        let mut archives: BTreeMap<Digest, (PackFile, Incoming)> = BTreeMap::new();
        for Taken { file, incoming } in taken {
            match &file.what {
                What::Crate { .. } => {
                    archives.insert(file.sha256, (file, incoming));
                }
                What::Git { package, key, tree } => self.git(&file, &incoming, package, *key, *tree)?,
                What::Wheel { file: name } => {
                    if wheels.get(&file.sha256) != Some(&name.as_str()) {
                        return Err(self.not_named(&file));
                    }
                    self.store.keep_wheel(incoming, &file.sha256, name, self.lock)?;
                    filled.wheels += 1;
                }
                What::Uv { file: name } => self.uv(incoming, name, file.sha256)?,
                What::Executable { package, executable, .. } if takes_executables => {
                    if !self.locks.own.tools.iter().any(|row| row.id() == *package) {
                        return Err(self.not_named(&file));
                    }
                    let of_tool = filled.executables.entry(package.clone()).or_default();
                    of_tool.insert(executable.clone(), incoming);
                }
                What::Executable { .. } | What::Project { .. } => {}
            }
        }
        filled.archives = self.archives(archives)?;
        Ok(filled)
    }

    /// Takes the archives in that the locks name, and then those that the locks in the archives of tools name.
    fn archives(&self, mut archives: BTreeMap<Digest, (PackFile, Incoming)>) -> Result<usize> {
        let mut count = 0;
        let mut accept = |named: BTreeSet<(PackageId, Digest)>,
                          archives: &mut BTreeMap<Digest, (PackFile, Incoming)>| {
            for (package, digest) in named {
                let Some((file, incoming)) = archives.remove(&digest) else { continue };
                if !matches!(&file.what, What::Crate { package: said } if *said == package) {
                    return Err(self.not_named(&file));
                }
                self.store.accept(incoming, &digest)?;
                count += 1;
            }
            Ok(())
        };
        let named = self.locks.archives()?.into_iter().map(|(_, package, digest)| (package, digest));
        accept(named.collect(), &mut archives)?;
        for row in self.locks.with_shipped_locks() {
            let (package, checksum) = (row.id(), row.checksum);
            let tree = match self.store.tree(&checksum, &package)? {
                Some(tree) => tree,
                None if self.store.archive(&checksum)?.is_some() => {
                    self.store.unpack(&package, &checksum, self.lock)?
                }
                None => continue,
            };
            if let Some(text) = fs::read(&tree.path.join(CARGO_LOCK))? {
                let named = shipped(row, &text)?.into_iter().map(|(_, package, digest)| (package, digest));
                accept(named.collect(), &mut archives)?;
            }
        }
        match archives.into_values().next() {
            Some((file, _)) => Err(self.not_named(&file)),
            None => Ok(count),
        }
    }

    /// Takes a crate from git in. A lock names its commit and nothing of its content.
    fn git(
        &self,
        file: &PackFile,
        incoming: &Incoming,
        package: &PackageId,
        key: Digest,
        tree: Digest,
    ) -> Result<()> {
        if self.locks.git().get(&key) != Some(package) {
            return Err(self.not_named(file));
        }
        if self.store.tree(&key, package)?.is_some() {
            return Ok(());
        }
        if !self.vouched {
            return Err(Fault::bug(format!("took {package} from a pack that nobody vouches for")));
        }
        let gone = || Fault::new(format!("{} is gone", incoming.path().display())).help("run it again");
        let archive = fs::open(incoming.path())?.ok_or_else(gone)?;
        self.store.make_tree(&key, package, |dest| {
            let limits = Limits::for_archive(file.size);
            let contents = unpack_crate(archive, package, file.sha256, dest, &limits)?;
            if contents.tree_digest() != tree {
                return Err(self.refuse(&format!("its {:?} is not the tree that its list names", file.path)));
            }
            // A crate from git has no checksum of an archive: cargo refuses a folder that gives one.
            let (given, none) = (format!("\"package\":\"{}\"", file.sha256), "\"package\":null");
            let list = checksum_json(&contents, file.sha256).replace(&given, none);
            fs::write(&dest.join(CHECKSUM_FILE), list.as_bytes())?;
            Ok(contents)
        })?;
        Ok(())
    }

    /// Takes uv in, where it is one whose digest is written in this program.
    fn uv(&self, incoming: Incoming, name: &str, sha256: Digest) -> Result<()> {
        if !uv::is_of_uv(name, &sha256) {
            self.context.progress.warn(&format!(
                "{name} of the pack is not used: this envtool brings uv {}, and knows the digest of no other",
                uv::BROUGHT
            ));
            return Ok(());
        }
        let wheel = self.store.keep_wheel(incoming, &sha256, name, self.lock)?;
        let scratch = self.store.scratch(self.lock)?;
        uv::take_in(self.store, scratch.path(), &wheel).map(drop)
    }

    fn not_named(&self, file: &PackFile) -> Fault {
        let what = match &file.what {
            What::Crate { package } | What::Git { package, .. } | What::Executable { package, .. } => {
                package.to_string()
            }
            What::Wheel { file } | What::Uv { file } | What::Project { file } => file.clone(),
        };
        self.refuse(&format!(
            "it holds {what} with the SHA-256 {}, which no lock of the project names",
            file.sha256
        ))
    }

    fn refuse(&self, why: &str) -> Fault {
        Fault::new(format!("refused the pack {}", self.pack)).why(why).help(
            "it was not made from this project as it is, or was made to do harm: have it made anew, and do not use this one",
        )
    }
}
