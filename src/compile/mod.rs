//! From a tool's source to its executables in the store: `cargo build --release --locked --offline`, with the machine's
//! default toolchain, on a copy that no configuration but that of cargo's home reaches.
//!
//! What was built is kept under the digest of everything that decided on it: source, closure, features, toolchain,
//! cargo's settings, and the variables that compilers and build scripts follow. So another project gets it without a
//! compile, and nobody gets it who would have built something else. The paths of this machine are mapped away.

mod toolchain;
mod workshop;

pub use toolchain::Toolchain;
pub use workshop::copy_source;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::cargo_lock::crates_io;
use crate::cargo_replacement;
use crate::compile_log;
use crate::context::Context;
use crate::digest::{Digest, Hasher};
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::CARGO_MANIFEST;
use crate::lock::ToolRow;
use crate::package::{PackageId, is_executable_name};
use crate::sources;
use crate::store::{Built, Store, StoreLock};
use crate::stub;
use workshop::{Copy, Workshop};

/// One crate of a tool's closure, in the store.
#[derive(Debug, Clone)]
pub struct Crate {
    /// Its name and version.
    pub package: PackageId,
    /// The SHA-256 of its archive.
    pub checksum: Digest,
    /// Its tree.
    pub tree: PathBuf,
}

/// Builds tools with one toolchain.
pub struct Compiler<'a> {
    /// Where the executables go.
    pub store: &'a Store,
    /// Shows that nobody empties it meanwhile.
    pub lock: &'a StoreLock,
    /// What the command found around it.
    pub context: &'a Context<'a>,
    /// The toolchain.
    pub toolchain: Toolchain,
}

/// What a tool is built from.
pub struct Source<'a> {
    /// Its tree.
    pub tree: &'a Path,
    /// The lock that it is built with.
    pub lock: &'a str,
    /// What that names.
    pub crates: Vec<Crate>,
}

impl Compiler<'_> {
    /// The key of a tool in the store: the digest of everything that decides on its code.
    pub fn key(&self, row: &ToolRow) -> Result<Digest> {
        let mut hasher = Hasher::default();
        let mut add = |text: &str| {
            hasher.update(text.as_bytes());
            hasher.update(b"\0");
        };
        add("tool 1");
        add(&row.id().folder());
        add(&row.checksum.to_string());
        for one in &row.dependencies {
            add(one);
        }
        for one in &row.closure {
            add(&format!("{} {}", one.id().folder(), one.checksum));
        }
        add(&format!("{:?} {} {:?}", row.asked.features, row.asked.default_features, row.asked.bins));
        add(&self.toolchain.digest()?.to_string());
        Ok(hasher.finish())
    }

    /// Builds a tool, unless another envtool has meanwhile.
    pub fn build(&self, row: &ToolRow, key: &Digest, source: &mut Source<'_>) -> Result<Made> {
        let tell = || self.context.progress.warn("waiting for another envtool that builds");
        let folder = self.store.layout().workshop(&self.toolchain.digest()?);
        let workshop = Workshop::open(folder, &self.context.waiting_for_build(&tell))?;
        if let Some(built) = self.store.built_whole(key, &row.id())? {
            return Ok(Made::Built(built));
        }
        let package = row.id();
        let own = workshop.put_source(&package, source.tree, source.lock)?;
        let (files, copies) = loop {
            let copies = workshop.put_crates(&source.crates)?;
            match self.run(row, &workshop)? {
                Ran::Built(files) => break (files, copies),
                Ran::Failed(log) if is_stale(&log) => {
                    return Ok(Made::Stale(self.failed(row, &workshop, &log)));
                }
                Ran::Failed(log) => {
                    self.replace_unreadable(&log, source)?
                        .ok_or_else(|| self.failed(row, &workshop, &log))?;
                }
            }
        };
        self.tell_of_writes(copies.iter().chain([&own]))?;
        if files.is_empty() {
            return Err(Fault::new(format!("{package} has no executable with these features"))
                .help("ask for the features that it needs (`--features`), or for its library (`--lib`)"));
        }
        if let Some(bad) = files.keys().find(|name| !is_executable_name(name)) {
            return Err(Fault::new(format!("could not install {package}"))
                .why(format!("{bad:?} is not the name of an executable"))
                .help("name the executables that you want with `--bin`"));
        }
        let built = self.store.keep_built(key, (&package, self.toolchain.rustc()), &files, self.lock)?;
        workshop.tidy()?;
        Ok(Made::Built(built))
    }

    fn run(&self, row: &ToolRow, workshop: &Workshop) -> Result<Ran> {
        let package = row.id();
        let manifest = workshop.folder.join("source").join(package.folder()).join(CARGO_MANIFEST);
        let replacement = workshop.folder.join("replacement.toml");
        let replaced = sources::replaced(&self.toolchain.config, &[crates_io()], |_| {
            workshop.vendor().display().to_string()
        })?;
        fs::write_if_changed(&replacement, cargo_replacement::text(&replaced).as_bytes())?;
        let configs: [OsString; 1] = [replacement.into()];
        let mut program =
            self.toolchain.cargo.build(&manifest, &workshop.target(), &configs).args(flags(row));
        if self.toolchain.config.builds_for()? {
            program = program.arg("--target").arg(self.toolchain.host());
        }
        // A repository that the store lies in is not the tool's: its build script finds none, as in an archive.
        program = program.set("GIT_CEILING_DIRECTORIES", &workshop.folder);
        for name in ["GIT_DIR", "GIT_WORK_TREE"] {
            program = program.unset(name);
        }
        // Most crates in the workshop are links to their trees.
        let trees = self.store.layout().bucket("trees");
        let folders = [(trees.as_path(), "/envtool/trees"), (workshop.folder.as_path(), "/envtool")];
        let program = self.toolchain.remap(program, &folders)?;
        let _step = tracing::debug_span!("build", tool = %package).entered();
        let log = workshop.log(&package);
        let (mut files, mut said) = (BTreeMap::new(), String::new());
        let progress = self.context.progress;
        progress.begin_build(&format!("Building {package}"));
        let status = program.watch(
            &mut |line| {
                if let Ok(Message { target: Some(target), executable: Some(file) }) =
                    serde_json::from_str(line)
                {
                    files.insert(target.name, file);
                }
            },
            &mut |line| {
                if let Some((done, count, at)) = compile_log::progress(line) {
                    progress.far(done, count, at);
                } else {
                    progress.log(line.trim_end_matches(['\r', '\n']));
                    said.push_str(line);
                }
            },
        );
        progress.end();
        if status?.success() {
            fs::remove_file(&log)?;
            return Ok(Ran::Built(files));
        }
        fs::write(&log, said.as_bytes())?;
        Ok(Ran::Failed(said))
    }

    /// Where cargo could not read the manifest of a crate of the closure, puts a stub in its place: it may be one that
    /// this platform does not build.
    fn replace_unreadable(&self, log: &str, source: &mut Source<'_>) -> Result<Option<()>> {
        let Some(folder) = stub::named_in(log) else { return Ok(None) };
        let Some(one) = source.crates.iter_mut().find(|one| one.folder() == folder) else {
            return Ok(None);
        };
        let tree = stub::make(self.store, &one.package, &one.checksum, &one.tree)?;
        if one.tree == tree.path {
            return Ok(None);
        }
        one.tree = tree.path;
        Ok(Some(()))
    }

    fn tell_of_writes<'c>(&self, copies: impl Iterator<Item = &'c Copy>) -> Result<()> {
        for copy in copies {
            if let Some(line) = copy.changed()? {
                self.context.progress.warn(&line);
            }
        }
        Ok(())
    }

    fn failed(&self, row: &ToolRow, workshop: &Workshop, log: &str) -> Fault {
        let (package, toolchain) = (row.id(), &self.toolchain);
        let flags = flags(row).join(" ");
        let wrong = ["does not contain this feature", "no bin target named", "requires the features"];
        let help = compile_log::cure(log).unwrap_or_else(|| match wrong.iter().any(|words| log.contains(words)) {
            true if !log.contains("   Compiling ") => {
                format!("correct `features` and `bins` of {} in [tools] of envtool.toml", package.name)
            }
            _ => format!(
                "see the log; where it is the crate itself, pin another release (`envtool add {}@VERSION`)",
                package.name
            )
        });
        Fault::new(format!("could not build {package}"))
            .why(compile_log::last_error(log))
            .why(format!(
                "tried: cargo build --release --locked --offline {flags}, with {}",
                toolchain.rustc()
            ))
            .why(format!("the whole log: {}", workshop.log(&package).display()))
            .help(help)
    }
}

/// What came of a build.
pub enum Made {
    /// The tool.
    Built(Built),
    /// Nothing: its lock does not serve its manifest.
    Stale(Fault),
}

/// What cargo says where a lock does not serve a manifest: it would name another version, or one that `vendor/`,
/// which holds what the lock names, does not have. Tried with cargo 1.95.
const STALE: [&str; 3] = [
    "--locked was passed to prevent this",
    "failed to select a version for",
    "location searched: directory source",
];

/// Whether a build failed for its lock, before anything was compiled.
fn is_stale(log: &str) -> bool {
    !log.contains("   Compiling ") && STALE.iter().any(|words| log.contains(words))
}

/// How a build ended.
enum Ran {
    /// With these executables, by name.
    Built(BTreeMap<String, PathBuf>),
    /// With this log.
    Failed(String),
}

/// What cargo is asked for.
fn flags(row: &ToolRow) -> Vec<String> {
    let asked = &row.asked;
    let mut flags = Vec::new();
    if asked.bins.is_empty() {
        flags.push("--bins".to_owned());
    }
    for name in &asked.bins {
        flags.extend(["--bin".to_owned(), name.clone()]);
    }
    if !asked.features.is_empty() {
        flags.extend(["--features".to_owned(), asked.features.join(",")]);
    }
    if !asked.default_features {
        flags.push("--no-default-features".to_owned());
    }
    flags
}

/// A line that cargo prints for something that was built (cargo reference, "External tools").
#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}
