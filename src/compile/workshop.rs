//! The folder that a tool is built in: `building/KEY/` of the store, with `source/`, `vendor/` and `target/`.
//!
//! Every tool that is built with the same toolchain and settings is built in the same folder, so what was compiled for
//! one serves the next: cargo keys a dependency by the path of its source, and that is the same each time.
//!
//! A crate without a build script is a link to its tree in the store. One with a build script is a copy, since such
//! scripts write into their own source. The copy keeps the times of its files, by which cargo tells whether a build
//! script has to run again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Crate;
use crate::archive::CHECKSUM_FILE;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::{CARGO_LOCK, CARGO_MANIFEST, VENDOR};
use crate::package::PackageId;

/// The folder that a tool is built in, locked.
pub(super) struct Workshop {
    pub(super) folder: PathBuf,
    _lock: fs::Lock,
}

/// The size and the time of each file below a folder.
type Snapshot = BTreeMap<PathBuf, (u64, SystemTime)>;

/// A copy that a build script may have written into.
pub(super) struct Copy {
    package: PackageId,
    folder: PathBuf,
    before: Snapshot,
}

impl Workshop {
    /// Makes the folder where it is absent, and locks it.
    pub(super) fn open(folder: PathBuf, waiting: &fs::Waiting<'_>) -> Result<Self> {
        fs::create_folders(&folder)?;
        let lock = fs::lock(&folder.join(".lock"), true, waiting)?;
        Ok(Self { folder, _lock: lock })
    }

    pub(super) fn vendor(&self) -> PathBuf {
        self.folder.join(VENDOR)
    }

    pub(super) fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// Where the log of a build lies.
    pub(super) fn log(&self, package: &PackageId) -> PathBuf {
        self.folder.join(format!("{}.log", package.folder()))
    }

    /// Copies the source of a tool, with a lock.
    pub(super) fn put_source(&self, package: &PackageId, tree: &Path, lock: &str) -> Result<Copy> {
        let all = self.folder.join("source");
        fs::remove_tree(&all)?;
        let folder = all.join(package.folder());
        copy_source(tree, &folder)?;
        fs::write(&folder.join(CARGO_LOCK), lock.as_bytes())?;
        Copy::of(package, folder)
    }

    /// Makes `vendor/` hold exactly these crates. Gives the copies.
    pub(super) fn put_crates(&self, crates: &[Crate]) -> Result<Vec<Copy>> {
        let vendor = self.vendor();
        fs::create_folders(&vendor)?;
        let wanted: BTreeMap<String, &Crate> = crates.iter().map(|one| (one.folder(), one)).collect();
        let mut there = BTreeSet::new();
        for name in fs::names(&vendor)?.unwrap_or_default() {
            let path = vendor.join(&name);
            let one = name.to_str().and_then(|name| wanted.get(name));
            if one.is_some_and(|one| {
                fs::link_target(&path).is_ok_and(|target| target.as_ref() == Some(&one.tree))
            }) {
                there.insert(name);
            } else {
                fs::remove_tree(&path)?;
            }
        }
        let mut copies = Vec::new();
        for (name, one) in wanted {
            let path = vendor.join(&name);
            if there.contains(name.as_ref() as &std::ffi::OsStr) {
                continue;
            }
            if one.has_build_script()? {
                copy_tree(&one.tree, &path)?;
                copies.push(Copy::of(&one.package, path)?);
            } else {
                fs::link_folder(&one.tree, &path)?;
            }
        }
        Ok(copies)
    }

    /// Takes the source away.
    pub(super) fn tidy(&self) -> Result<()> {
        fs::remove_tree(&self.folder.join("source"))
    }
}

impl Copy {
    fn of(package: &PackageId, folder: PathBuf) -> Result<Self> {
        let before = snapshot(&folder)?;
        Ok(Self { package: package.clone(), folder, before })
    }

    /// What was written into it since; `None` where nothing was.
    pub(super) fn changed(&self) -> Result<Option<String>> {
        let now = snapshot(&self.folder)?;
        let mut files =
            now.iter().filter(|(path, seen)| self.before.get(*path) != Some(seen)).map(|(path, _)| path);
        let gone = || self.before.keys().find(|path| !now.contains_key(*path));
        let Some(first) = files.next().or_else(gone) else { return Ok(None) };
        Ok(Some(format!(
            "the build script of {} wrote into its own source ({}): that was a copy, and the store is as it was",
            self.package,
            first.display()
        )))
    }
}

impl Crate {
    /// Its folder in `vendor/`. The checksum is part of it: another archive under the same name is another path, and so
    /// another crate for cargo.
    pub(super) fn folder(&self) -> String {
        format!("{}-{}", self.package.folder(), self.checksum.short(8))
    }

    fn has_build_script(&self) -> Result<bool> {
        let manifest = fs::read_text(&self.tree.join(CARGO_MANIFEST))?.unwrap_or_default();
        let manifest = manifest.parse::<toml::Table>().unwrap_or_default();
        match manifest.get("package").and_then(|package| package.get("build")) {
            Some(toml::Value::Boolean(false)) => Ok(false),
            Some(_) => Ok(true),
            None => fs::is_file(&self.tree.join("build.rs")),
        }
    }
}

/// Copies the source of a package, and cuts it off from any workspace above it.
pub fn copy_source(tree: &Path, folder: &Path) -> Result<()> {
    copy_tree(tree, folder)?;
    let path = folder.join(CARGO_MANIFEST);
    let manifest = fs::read_text(&path)?.ok_or_else(|| {
        Fault::new(format!("could not use {}", tree.display()))
            .why("it holds no Cargo.toml")
            .help("pin another release of it")
    })?;
    fs::write(&path, cut_off(&manifest).as_bytes())
}

/// A manifest as the root of a workspace that has no other members: those are not in the archive. `cargo install` does
/// not look for them either.
fn cut_off(manifest: &str) -> String {
    let Ok(mut document) = manifest.parse::<toml_edit::DocumentMut>() else { return manifest.to_owned() };
    match document.get_mut("workspace").and_then(toml_edit::Item::as_table_like_mut) {
        Some(workspace) => {
            for key in ["members", "default-members"] {
                workspace.remove(key);
            }
            document.to_string()
        }
        None => format!("{}\n\n[workspace]\n", manifest.trim_end()),
    }
}

fn walk(folder: &Path) -> impl Iterator<Item = Result<(walkdir::DirEntry, PathBuf)>> + '_ {
    walkdir::WalkDir::new(folder).into_iter().map(move |entry| {
        let entry = entry.map_err(|error| fs::failed("read", folder, &error.into()))?;
        let inside = entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_owned();
        Ok((entry, inside))
    })
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    for entry in walk(from) {
        let (entry, inside) = entry?;
        let target = to.join(inside);
        if entry.file_type().is_dir() {
            fs::create_folders(&target)?;
        } else {
            fs::copy_with_time(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn snapshot(folder: &Path) -> Result<Snapshot> {
    let mut found = Snapshot::new();
    for entry in walk(folder) {
        let (entry, inside) = entry?;
        let about = entry.metadata().map_err(|error| fs::failed("read", folder, &error.into()))?;
        // cargo may bring the lock into its own form.
        if about.is_file() && inside != Path::new(CARGO_LOCK) && inside != Path::new(CHECKSUM_FILE) {
            found.insert(inside, (about.len(), about.modified().unwrap_or(SystemTime::UNIX_EPOCH)));
        }
    }
    Ok(found)
}
