//! Crates from git, as `cargo vendor` exports them: with their manifests completed from their workspace.
//!
//! cargo clones and checks out, so that the user's credentials and caches hold. It is given a project that depends on
//! the crates of one repository at the locked commit and on nothing else: two branches of one repository may hold the
//! same name and version, which one `cargo vendor` of the whole project refuses. Where the repository's crates cannot
//! be resolved that way (a `[patch]` of the project counts for them), the project itself is exported.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use crate::archive::{Contents, FileRecord};
use crate::cargo::program::{Cargo, Surroundings};
use crate::cargo_lock::Source;
use crate::cargo_replacement::{self, Replaced};
use crate::digest::{self, Digest};
use crate::fault::{Fault, Result};
use crate::fs;
use crate::package::PackageId;
use crate::store::{Store, StoreLock, Tree};

/// What exporting needs.
pub struct Exporter<'a> {
    /// Where trees go.
    pub store: &'a Store,
    /// Shows that nobody empties it meanwhile.
    pub lock: &'a StoreLock,
    /// The user's cargo.
    pub cargo: &'a Cargo,
    /// What cargo is told besides the project.
    pub surroundings: &'a Surroundings,
    /// The project's manifest; its lock lies beside it.
    pub manifest: &'a Path,
    /// The trees of every package of a registry that the lock names.
    pub registry: &'a [(Source, PackageId, PathBuf)],
    /// The name that the user's configuration gives to a source.
    pub name_of: &'a dyn Fn(&Source) -> Result<Option<String>>,
}

/// The key of a tree from git in the store.
pub fn key(package: &PackageId, url: &str, commit: &str) -> Digest {
    Digest::of(format!("git\0{url}\0{commit}\0{package}").as_bytes())
}

impl Exporter<'_> {
    /// Brings the `packages` of one git source into the store.
    pub fn export(&self, source: &Source, packages: &[PackageId]) -> Result<Vec<Tree>> {
        let Source::Git { url, commit, .. } = source else {
            return Ok(Vec::new());
        };
        let mut trees = Vec::new();
        for package in packages {
            trees.extend(self.store.tree(&key(package, url, commit), package)?);
        }
        if trees.len() == packages.len() {
            return Ok(trees);
        }
        let scratch = self.store.scratch(self.lock)?;
        let replacement = self.replacement(scratch.path())?;
        let out = scratch.path().join("out");
        if let Err(first) = self.export_alone(source, packages, scratch.path(), &replacement, &out) {
            fs::remove_tree(&out)?;
            let whole = self.cargo.vendor(self.manifest, self.surroundings, &replacement, &out);
            whole.map_err(|_| first.while_doing(format!("could not bring the crates of {source}")))?;
        }
        packages.iter().map(|package| self.take(package, &key(package, url, commit), &out)).collect()
    }

    /// Writes a configuration that replaces every registry by the trees of the store.
    fn replacement(&self, scratch: &Path) -> Result<PathBuf> {
        let mut sources = BTreeMap::new();
        for (source, package, tree) in self.registry {
            let folder = scratch.join(source.folder());
            if sources.insert(source, folder.clone()).is_none() {
                fs::create_folders(&folder)?;
            }
            fs::link_folder(tree, &folder.join(package.folder()))?;
        }
        let mut replaced = Vec::new();
        for (source, folder) in sources {
            let name = (self.name_of)(source)?;
            replaced.push(Replaced { source: source.clone(), name, folder: folder.display().to_string() });
        }
        let path = scratch.join("replacement.toml");
        fs::write_new(&path, cargo_replacement::text(&replaced).as_bytes())?;
        Ok(path)
    }

    fn export_alone(
        &self,
        source: &Source,
        packages: &[PackageId],
        scratch: &Path,
        replacement: &Path,
        out: &Path,
    ) -> Result<()> {
        let project = scratch.join("project");
        fs::create_folders(&project)?;
        let manifest = project.join("Cargo.toml");
        fs::write_new(&manifest, manifest_for(source, packages).as_bytes())?;
        fs::write_new(&project.join("lib.rs"), b"")?;
        fs::copy(&self.manifest.with_file_name("Cargo.lock"), &project.join("Cargo.lock"))?;
        self.cargo.vendor(&manifest, self.surroundings, replacement, out)
    }

    fn take(&self, package: &PackageId, key: &Digest, out: &Path) -> Result<Tree> {
        let from = out.join(package.folder());
        if !fs::is_folder(&from)? {
            return Err(Fault::new(format!("could not export {package}"))
                .why("`cargo vendor` left it out")
                .help(
                    "see what `cargo vendor` in the project says of it; where it exports it, report this",
                ));
        }
        self.store.make_tree(key, package, |dest| {
            fs::rename(&from, dest)?;
            contents(dest)
        })
    }
}

/// A manifest that depends on `packages` of a git source and on nothing else.
fn manifest_for(source: &Source, packages: &[PackageId]) -> String {
    let mut text = "[package]\nname = \"envtool-export\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[lib]\npath = \"lib.rs\"\n\n[workspace]\n".to_owned();
    let Source::Git { url, reference, .. } = source else {
        return text;
    };
    for (number, package) in packages.iter().enumerate() {
        let mut table = toml::Table::new();
        table.insert("package".into(), package.name.to_string().into());
        table.insert("git".into(), url.clone().into());
        if let Some((key, name)) = reference.key_value() {
            table.insert(key.into(), name.into());
        }
        table.insert("default-features".into(), false.into());
        // Writing to a string cannot fail.
        let _ = write!(text, "\n[dependencies.d{number}]\n{table}");
    }
    text
}

/// Looks at a tree that cargo exported, and closes its folders as those of archives are.
fn contents(root: &Path) -> Result<Contents> {
    let mut files = BTreeMap::new();
    let mut folders = Vec::new();
    for entry in walkdir::WalkDir::new(root) {
        let entry = entry.map_err(|error| fs::failed("read", root, &error.into()))?;
        if entry.file_type().is_dir() {
            folders.push(entry.into_path());
            continue;
        }
        let inside = entry.path().strip_prefix(root).unwrap_or(entry.path());
        let name = inside.to_str().map(|name| name.replace('\\', "/")).ok_or_else(|| {
            Fault::new(format!(
                "refused {:?}, which a git repository holds",
                entry.path().display().to_string()
            ))
            .why("its name is not UTF-8, and Cargo's list of checksums cannot hold it")
            .help("ask its makers to rename it, or depend on another revision")
        })?;
        if name != ".cargo-checksum.json" {
            files.insert(name, record(entry.path())?);
        }
    }
    for folder in folders {
        fs::set_mode(&folder, 0o555)?;
    }
    Ok(Contents { files })
}

fn gone(path: &Path) -> Fault {
    Fault::new(format!("{} was taken away while it was read", path.display()))
        .help("run `envtool sync` again")
}

fn record(path: &Path) -> Result<FileRecord> {
    let broken = |error: &std::io::Error| fs::failed("read", path, error);
    let file = fs::open(path)?.ok_or_else(|| gone(path))?;
    let found = file.metadata().map_err(|error| broken(&error))?;
    let digest = digest::of_reader(BufReader::new(file)).map_err(|error| broken(&error))?;
    Ok(FileRecord { digest, mode: fs::mode(&found), size: found.len() })
}
