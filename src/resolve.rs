//! From manifests to a lock that serves them. cargo decides; envtool remembers what it decided, and asks again only
//! when something that counts has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::cargo::program::{Agreement, Cargo, Surroundings};
use crate::cargo_lock::CargoLock;
use crate::cargo_manifest;
use crate::digest::{Digest, Hasher};
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::{CARGO_LOCK, CARGO_MANIFEST, ProjectLayout};
use crate::lock::{self, Row};
use crate::manifest::Pin;
use crate::package::{PackageId, PackageName};
use crate::store::{Input, Store, StoreLock};

/// What counts in a file that an environment is made from.
pub fn meaning(path: &Path, bytes: &[u8]) -> Digest {
    if path.file_name() == Some(OsStr::new(CARGO_MANIFEST)) {
        cargo_manifest::meaning(bytes)
    } else {
        Digest::of(bytes)
    }
}

/// The manifests that a lock depends on: those of the members and of every folder that one of them names by `path`,
/// relative to `root` where they lie below it.
pub fn manifests(root: &Path, members: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut next: Vec<PathBuf> = members.to_vec();
    next.push(root.join(CARGO_MANIFEST));
    while let Some(manifest) = next.pop() {
        let manifest = fs::lexical(&manifest);
        let relative = manifest.strip_prefix(root).unwrap_or(&manifest).to_owned();
        if !found.insert(relative) {
            continue;
        }
        let folder = manifest.parent().unwrap_or(root);
        for path in cargo_manifest::paths(&fs::read(&manifest)?.unwrap_or_default()) {
            next.push(folder.join(path).join(CARGO_MANIFEST));
        }
    }
    Ok(found.into_iter().collect())
}

/// The folders in which members of a workspace lie side by side, with the digest of the names in each. The project's
/// own folder is left out: its names change with every build.
pub fn member_folders(root: &Path, manifests: &[PathBuf]) -> Result<Vec<(PathBuf, Digest)>> {
    let parents = manifests.iter().filter_map(|manifest| Some(root.join(manifest.parent()?.parent()?)));
    let parents: BTreeSet<PathBuf> = parents.filter(|parent| parent != root).collect();
    parents.into_iter().map(|parent| names_in(&parent).map(|digest| (parent, digest))).collect()
}

/// The digest of the names in a folder.
pub fn names_in(folder: &Path) -> Result<Digest> {
    let mut hasher = Hasher::default();
    for name in fs::names(folder)?.unwrap_or_default() {
        hasher.update(name.as_encoded_bytes());
        hasher.update(b"\0");
    }
    Ok(hasher.finish())
}

/// The inputs of a project's environment, looked at.
pub fn inputs(root: &Path, files: &[PathBuf]) -> Result<Vec<Input>> {
    files.iter().map(|file| Input::look(root, file, |bytes| meaning(file, bytes))).collect()
}

/// The first input that is no longer what it was.
pub fn changed(root: &Path, inputs: &[Input]) -> Result<Option<PathBuf>> {
    for input in inputs {
        if !input.holds(root, |bytes| meaning(&input.path, bytes))? {
            return Ok(Some(input.path.clone()));
        }
    }
    Ok(None)
}

/// A cargo project whose lock is asked about.
pub struct CargoProject<'a> {
    /// Its paths.
    pub layout: &'a ProjectLayout,
    /// The user's cargo.
    pub cargo: &'a Cargo,
    /// Its version.
    pub version: &'a semver::Version,
    /// What cargo is told besides the project.
    pub surroundings: &'a Surroundings,
    /// Every file of cargo's configuration that counts here.
    pub configs: &'a [PathBuf],
    /// Where agreements are remembered.
    pub store: &'a Store,
}

impl CargoProject<'_> {
    /// The lock as it stands; `None` where there is none.
    pub fn read_lock(&self) -> Result<Option<CargoLock>> {
        let path = self.layout.cargo_lock();
        fs::read(&path)?.map(|bytes| CargoLock::read(&bytes, &path.display().to_string())).transpose()
    }

    /// Makes the lock serve the manifests, as cargo does it.
    pub fn lock(&self, has_lock: bool) -> Result<()> {
        self.cargo.lock(&self.layout.cargo_manifest(), has_lock, self.surroundings)
    }

    /// Whether the lock serves the manifests: cargo is asked, with `replacement`, a configuration that replaces every
    /// source by folders.
    pub fn agrees(&self, replacement: &Path) -> Result<Agreement> {
        self.cargo.agrees(&self.layout.cargo_manifest(), self.surroundings, replacement)
    }

    /// What is remembered of an agreement on these inputs: the crates that cargo could not read.
    pub fn agreed(&self, inputs: &[Input]) -> Result<Option<Vec<PackageId>>> {
        self.store.agreed(&self.key(inputs)?)
    }

    /// Remembers that this cargo agrees on these inputs.
    pub fn remember(&self, inputs: &[Input], unreadable: &[PackageId]) -> Result<()> {
        self.store.remember_agreed(&self.key(inputs)?, unreadable)
    }

    fn key(&self, inputs: &[Input]) -> Result<Digest> {
        let mut hasher = Hasher::default();
        hasher.update(format!("{}\0", self.version).as_bytes());
        for input in inputs {
            hasher.update(input.path.as_os_str().as_encoded_bytes());
            hasher.update(format!("\0{:?}\0", input.meaning).as_bytes());
        }
        for config in self.configs {
            hasher.update(format!("{:?}\0", fs::read(config)?.as_deref().map(Digest::of)).as_bytes());
        }
        Ok(hasher.finish())
    }
}

/// Locks the pins of `[crates]` with cargo's own resolver: a project that depends on them and on nothing else. What
/// `before` names stays where it can.
pub fn lock_pins(
    pins: &BTreeMap<PackageName, Pin>,
    before: &[Row],
    cargo: &Cargo,
    surroundings: &Surroundings,
    store: (&Store, &StoreLock),
) -> Result<Vec<Row>> {
    if pins.is_empty() {
        return Ok(Vec::new());
    }
    let scratch = store.0.scratch(store.1)?;
    fs::write_new(&scratch.path().join(CARGO_MANIFEST), manifest_for(pins).as_bytes())?;
    fs::write_new(&scratch.path().join("lib.rs"), b"")?;
    let before = (!before.is_empty()).then(|| lock::to_cargo_lock(before));
    let made = lock_folder(scratch.path(), before.as_deref(), cargo, surroundings).map_err(|fault| {
        let fault = fault
            .while_doing("could not lock the pins of [crates]")
            .help("check their names, versions and features in envtool.toml");
        surroundings.mirror.iter().fold(fault, |fault, known| known.mirror.explain(fault))
    })?;
    lock::from_cargo_lock(&made, pins)
}

/// Has cargo lock the package in `folder`.
pub fn lock_folder(
    folder: &Path,
    before: Option<&str>,
    cargo: &Cargo,
    surroundings: &Surroundings,
) -> Result<CargoLock> {
    let lock = folder.join(CARGO_LOCK);
    if let Some(before) = before {
        fs::write_new(&lock, before.as_bytes())?;
    }
    cargo.lock(&folder.join(CARGO_MANIFEST), before.is_some(), surroundings)?;
    let text = fs::read_text(&lock)?
        .ok_or_else(|| Fault::bug(format!("cargo made no lock in {}", folder.display())))?;
    CargoLock::parse(&text, CARGO_LOCK)
}

fn manifest_for(pins: &BTreeMap<PackageName, Pin>) -> String {
    let mut text = "[package]\nname = \"envtool-pins\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[lib]\npath = \"lib.rs\"\n\n[workspace]\n\n[dependencies]\n".to_owned();
    for (name, pin) in pins {
        let Pin { version, features, default_features } = pin;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{name} = {{ version = \"={version}\", features = {features:?}, default-features = {default_features} }}"
        );
    }
    text
}
