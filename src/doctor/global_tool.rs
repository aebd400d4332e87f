//! `global-tool`: a tool that this project calls, installed on the machine and not in the environment.
//!
//! What is installed is known from cargo's own records, in every home of cargo that can be told of. What the project
//! calls is known from its scripts, justfiles, makefiles, aliases and CI files ([`crate::calls`]).
//!
//! What no record names and PATH leads to (put there by hand, or by the system's packages) is reported where it is a
//! tool of cargo for sure: the project calls it by `cargo NAME`, and it is `cargo-NAME`; or the project says
//! `cargo install NAME` itself. Which release it is nobody but the program knows, and a check starts no program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Check, Finding, Remedy, Scene, Severity, Step, age};
use crate::calls::{self, Form, Kind};
use crate::cargo::installed::records;
use crate::cargo_installed::{Installed, Origin};
use crate::fault::Result;
use crate::fs;
use crate::package::is_executable_name;
use crate::process;
use crate::progress::Progress;
use crate::tool_plan::reserved;

/// The check.
pub(super) struct GlobalTool;

/// The largest file that is read for calls, and how many files are looked at.
const LARGEST: u64 = 1_000_000;
const MOST: usize = 50_000;

impl Check for GlobalTool {
    fn id(&self) -> &'static str {
        "global-tool"
    }

    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let machine = installed(scene)?;
        let called = Called::by(scene.project.layout.root(), scene.context.progress);
        let made_here = packages(scene)?;
        // A receipt that cannot be read `stale-lock` reports.
        let own: BTreeSet<String> = scene
            .environment
            .tool_receipts()
            .unwrap_or_default()
            .into_iter()
            .flat_map(|receipt| receipt.bins.into_keys())
            .collect();
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for (root, tool) in &machine {
            let name = &tool.package.name;
            let Some(place) = called.of(tool) else { continue };
            // The environment's own is what runs inside it, and a pin without one is `missing`.
            // Nor is the program that the project itself is.
            if scene.project.manifest.tools.contains_key(name)
                || made_here.contains(name.as_str())
                || tool.bins.iter().any(|bin| own.contains(bin))
                || !seen.insert(name.clone())
            {
                continue;
            }
            let lies = tool.bins.first().map_or(root.join("bin"), |bin| root.join("bin").join(bin));
            found.push(Finding {
                check: self.id(),
                severity: Severity::Warning,
                subject: tool.package.to_string(),
                message: format!(
                    "{place} calls it, and what runs is {}{}: another machine has another version, or none",
                    lies.display(),
                    age::of_file(&lies, scene.environment.record().created)?
                ),
                remedy: remedy(root, tool),
            });
        }
        let known: BTreeSet<&str> = machine.iter().flat_map(|(_, tool)| tool.names()).collect();
        for (name, place) in called.for_cargo() {
            let pins = &scene.project.manifest.tools;
            let pinned =
                pins.iter().any(|(package, pin)| package.as_str() == name || pin.bins.contains(&name));
            if pinned || made_here.contains(&name) || own.contains(&name) || known.contains(name.as_str()) {
                continue;
            }
            let Some(lies) = on_path(&name, scene)? else { continue };
            found.push(Finding {
                check: self.id(),
                severity: Severity::Warning,
                message: format!(
                    "{place} calls it, and what runs is {}{}, which no record of cargo knows: another machine has another version, or none",
                    lies.display(),
                    age::of_file(&lies, scene.environment.record().created)?
                ),
                remedy: Remedy::User(format!(
                    "`envtool add {name}@VERSION`, where the crate has that name; `{}` may say which version it is",
                    version_of(&name)
                )),
                subject: name,
            });
        }
        Ok(found)
    }
}

/// How a tool is asked for its version.
fn version_of(name: &str) -> String {
    let name = name.strip_prefix("cargo-").map_or(name.to_owned(), |name| format!("cargo {name}"));
    format!("{name} --version")
}

/// What rustup links to itself, and brings with a toolchain: no tools of cargo.
const OF_RUSTUP: [&str; 3] = ["cargo-clippy", "cargo-fmt", "cargo-miri"];

/// Where a tool lies on PATH that is no part of a toolchain and of no environment.
fn on_path(name: &str, scene: &Scene<'_>) -> Result<Option<PathBuf>> {
    let find = |name: &str| process::find(name.as_ref(), &scene.context.path, &scene.context.folder);
    if OF_RUSTUP.contains(&name) {
        return Ok(None);
    }
    let Some(lies) = find(name) else { return Ok(None) };
    let real = fs::canonical(&lies)?;
    // By a link or a hard link: a proxy.
    let identity = |path: &Path| fs::identity(path);
    if let Some(rustup) = find("rustup")
        && identity(&fs::canonical(&rustup)?)? == identity(&real)?
    {
        return Ok(None);
    }
    let folders: BTreeSet<&str> = [&lies, &real]
        .into_iter()
        .flat_map(|path| path.ancestors().filter_map(|folder| folder.file_name()?.to_str()))
        .collect();
    let inside = [".envtool", "toolchains"].iter().any(|name| folders.contains(name))
        || real.starts_with(scene.project.layout.root());
    Ok((!inside).then_some(lies))
}

/// What is to be done with a tool that cargo installed into `root`: taken over where a pin can say what it is.
pub(super) fn remedy(root: &Path, tool: &Installed) -> Remedy {
    let name = &tool.package.name;
    let from = match &tool.source {
        Origin::CratesIo => {
            let files = tool.bins.iter().map(|bin| (bin.clone(), root.join("bin").join(bin))).collect();
            let build = tool.build.as_ref();
            let features = build.map(|build| build.features.clone()).unwrap_or_default();
            let default_features = build.is_none_or(|build| build.default_features);
            if let Some((bin, why)) = tool.bins.iter().find_map(|bin| Some((bin, reserved(bin)?))) {
                return Remedy::User(format!(
                    "`envtool add {name}@{} --bin NAME` for the executables that you want, without `{bin}`: {why}",
                    tool.package.version
                ));
            }
            if let Some(bin) = tool.bins.iter().find(|bin| !is_executable_name(bin)) {
                return Remedy::User(format!(
                    "`envtool add {name}@{} --bin NAME` for the executables that you want, without {bin:?}: envtool installs none of that name",
                    tool.package.version
                ));
            }
            // Which features that were is not known, or is more than a pin can say: the user decides.
            if build.is_none_or(|build| build.all_features) {
                return Remedy::User(format!(
                    "cargo's record does not say with which features it was built; `envtool add {name}@{}`",
                    tool.package.version
                ));
            }
            return Remedy::Steps(vec![
                Step::Adopt { package: tool.package.clone(), features, default_features, files },
                Step::Sync,
            ]);
        }
        Origin::Registry(url) => format!("the registry {url}"),
        Origin::Git { url, .. } => format!("the repository {url}"),
        Origin::Path(path) => format!("the folder {path}"),
        Origin::Other(text) => text.clone(),
    };
    Remedy::User(format!(
        "it came from {from}, and envtool builds tools of crates.io: `envtool add {name}` where that has it"
    ))
}

/// The names of the packages that a cargo project consists of.
fn packages(scene: &Scene<'_>) -> Result<BTreeSet<String>> {
    let root = scene.project.layout.root();
    let mut names = BTreeSet::new();
    for manifest in scene.manifests()? {
        let text = fs::read_lossy(&root.join(manifest))?;
        let package = text.parse::<toml::Table>().ok().and_then(|table| table.get("package").cloned());
        let name = package.as_ref().and_then(|package| package.get("name")).and_then(toml::Value::as_str);
        names.extend(name.map(ToOwned::to_owned));
    }
    Ok(names)
}

/// Every tool in cargo's records, with the root that it is installed in. The nearest home first.
fn installed(scene: &Scene<'_>) -> Result<Vec<(PathBuf, Installed)>> {
    let mut found = Vec::new();
    for root in scene.context.install_roots() {
        let records = records(&root);
        for line in records.unread {
            scene.context.progress.warn(&line);
        }
        for tool in records.installed {
            // A record whose executable somebody removed is no tool.
            let there = tool
                .bins
                .iter()
                .map(|bin| fs::is_file(&root.join("bin").join(bin)))
                .collect::<Result<Vec<_>>>()?;
            if there.contains(&true) {
                found.push((root.clone(), tool));
            }
        }
    }
    Ok(found)
}

/// What the files of a project call: by form and name, the first place.
struct Called {
    commands: BTreeMap<String, String>,
    subcommands: BTreeMap<String, String>,
    packages: BTreeMap<String, String>,
}

impl Called {
    fn by(root: &Path, progress: &dyn Progress) -> Self {
        let mut called =
            Self { commands: BTreeMap::new(), subcommands: BTreeMap::new(), packages: BTreeMap::new() };
        let mut aliases = BTreeSet::new();
        for path in files(root) {
            let inside = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let read = read(&path, &inside).unwrap_or_else(|fault| {
                // One that the user may not read hides no other.
                progress.warn(&format!("{fault}: it is not looked into for calls"));
                None
            });
            let Some((kind, text)) = read else { continue };
            if kind == Kind::CargoConfig {
                aliases.extend(calls::cargo_aliases(&text));
            }
            for call in calls::calls(kind, &text) {
                let into = match call.form {
                    Form::Command => &mut called.commands,
                    Form::CargoSubcommand => &mut called.subcommands,
                    Form::CargoInstall => &mut called.packages,
                };
                into.entry(call.name).or_insert_with(|| format!("{inside}:{}", call.line));
            }
        }
        called.subcommands.retain(|name, _| !aliases.contains(name));
        called
    }

    /// The executables that are tools of cargo by the way in which they are called, with the first place of each.
    fn for_cargo(&self) -> BTreeMap<String, &str> {
        let subcommands =
            self.subcommands.iter().map(|(name, place)| (format!("cargo-{name}"), place.as_str()));
        let packages = self.packages.iter().map(|(name, place)| (name.clone(), place.as_str()));
        packages.chain(subcommands).filter(|(name, _)| is_executable_name(name)).collect()
    }

    /// Where a tool is called; `None` where it is not.
    fn of(&self, tool: &Installed) -> Option<&str> {
        let by_bin = tool.bins.iter().find_map(|bin| {
            let bin = bin.strip_suffix(".exe").unwrap_or(bin);
            let subcommand = bin.strip_prefix("cargo-").and_then(|name| self.subcommands.get(name));
            subcommand.or_else(|| self.commands.get(bin))
        });
        by_bin.or_else(|| self.packages.get(tool.package.name.as_str())).map(String::as_str)
    }
}

fn files(root: &Path) -> Vec<PathBuf> {
    let own = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        // Data of tests is read by nobody but tests.
        let data = ["fixtures", "snapshots", "testdata", "test-data"].contains(&name.as_ref());
        entry.depth() == 0 || !data && !calls::is_foreign(&name)
    };
    let walk = walkdir::WalkDir::new(root).into_iter().filter_entry(own).flatten().take(MOST);
    walk.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}

/// A file that may call, with its text.
fn read(path: &Path, inside: &str) -> Result<Option<(Kind, String)>> {
    // What a name does not decide its first line does, and that is only read where there is no ending.
    let by_name = calls::kind_of(inside, "");
    if by_name.is_none() && path.extension().is_some() {
        return Ok(None);
    }
    if fs::metadata(path)?.is_none_or(|about| about.len() > LARGEST) {
        return Ok(None);
    }
    let Some(text) = fs::read(path)?.and_then(|bytes| String::from_utf8(bytes).ok()) else { return Ok(None) };
    let first = text.lines().next().unwrap_or_default();
    Ok(calls::kind_of(inside, first).map(|kind| (kind, text)))
}
