//! Taking pins away.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use super::manifests::{by_name, members, text_of};
use crate::cargo_edit;
use crate::cargo_lock::CargoLock;
use crate::context::Context;
use crate::environment::Rewrite;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::manifest::{ModulePin, ModuleSection, Section, without_module, without_pin};
use crate::module::ModuleName;
use crate::near;
use crate::package::PackageName;
use crate::project::Project;
use crate::signals;
use crate::sync::{self, Edits, Report, Session};

/// What is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// What has this name, wherever it comes from.
    Any(PackageName),
    /// A package of PyPI.
    Module(ModuleName),
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any(name) => name.fmt(f),
            Self::Module(name) => write!(f, "pypi:{name}"),
        }
    }
}

/// A pin that was taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// What it named.
    pub name: Named,
    /// As what: `crate`, `tool` or `module`.
    pub kind: &'static str,
    /// Where it stood.
    pub place: String,
    /// The version that envtool.toml gave it; Cargo.toml may hold another requirement.
    pub version: Option<String>,
}

/// What a removal did.
#[derive(Debug)]
pub struct Removed {
    /// What went.
    pub pins: Vec<Gone>,
    /// What the sync did.
    pub report: Report,
}

/// Takes pins away, and everything that nothing else needs: from envtool.toml, and from the Cargo.toml of every member
/// or of the one that is named.
pub fn remove(
    project: &Project,
    names: &[Named],
    member: Option<&str>,
    context: &Context<'_>,
) -> Result<Removed> {
    // 1. Nobody else changes the project from here on. It is read again: somebody may have been at work, or have been
    //    killed at it.
    let session = Session::open(project, context)?;
    let _held = signals::hold()?;
    let project = Project::at(project.layout.root())?;
    let session = session.of(&project);
    // 2. What the manifests say next.
    let decided = decide(&project, names, member, context);
    if decided.is_err() {
        session.leave()?;
        signals::check()?;
    }
    let (project, edits, pins) = decided?;
    // 3. Make it so.
    let report = sync::sync_with(&session.of(&project), &edits)?;
    Ok(Removed { pins, report })
}

/// The project and cargo's manifests without some packages, and where these stood.
fn decide(
    project: &Project,
    names: &[Named],
    member: Option<&str>,
    context: &Context<'_>,
) -> Result<(Project, Edits, Vec<Gone>)> {
    let mut text = project.text.clone();
    let mut cargo = Manifests::of(project, member, context)?;
    let mut pins = Vec::new();
    for name in names {
        let before = pins.len();
        if let (Named::Any(package), None) = (name, member) {
            let tool = project.manifest.tools.get(package).map(|pin| pin.pin.version.to_string());
            let source = project.manifest.crates.get(package).map(|pin| pin.version.to_string());
            for (section, shown, kind, version) in
                [(Section::Tools, "[tools]", "tool", tool), (Section::Crates, "[crates]", "crate", source)]
            {
                if let Some(next) = without_pin(&text, section, package)? {
                    text = next;
                    let place = format!("{shown} of envtool.toml");
                    pins.push(Gone { name: name.clone(), kind, place, version });
                }
            }
        }
        if let Named::Any(package) = name {
            let places = cargo.as_mut().map(|cargo| cargo.remove(package)).transpose()?.unwrap_or_default();
            let gone = |place| Gone { name: name.clone(), kind: "crate", place, version: None };
            pins.extend(places.into_iter().map(gone));
        }
        let module = match name {
            Named::Module(module) => Some(module.clone()),
            // A bare name is a Python package's where nothing else has it.
            Named::Any(package) if pins.len() == before && member.is_none() => package.as_str().parse().ok(),
            Named::Any(_) => None,
        };
        if let Some(module) = module {
            let version =
                |pins: &BTreeMap<ModuleName, ModulePin>| Some(pins.get(&module)?.version.to_string());
            for (section, shown, kind, version) in [
                (ModuleSection::Tools, "[tools]", "tool", version(&project.manifest.module_tools)),
                (ModuleSection::Modules, "[modules]", "module", version(&project.manifest.modules)),
            ] {
                if let Some(next) = without_module(&text, section, &module)? {
                    text = next;
                    let place = format!("{shown} of envtool.toml");
                    pins.push(Gone { name: Named::Module(module.clone()), kind, place, version });
                }
            }
        }
        if pins.len() == before {
            return Err(unknown(project, name));
        }
    }
    let manifests = cargo.map(Manifests::changed).unwrap_or_default();
    Ok((project.with_manifest(text)?, Edits { manifests, ..Edits::default() }, pins))
}

/// A manifest of cargo: its path in the project, what it holds, and what it is to hold.
struct Text {
    path: PathBuf,
    before: String,
    now: String,
}

impl Text {
    fn read(path: &Path, project: &Project) -> Result<Self> {
        let text = text_of(path)?;
        let path = path.strip_prefix(project.layout.root()).unwrap_or(path).to_owned();
        Ok(Self { path, before: text.clone(), now: text })
    }

    /// Whether it inherits one of these keys.
    fn inherits(&self, keys: &[String]) -> Result<bool> {
        keys.iter().try_fold(false, |found, key| Ok(found || cargo_edit::inherits(&self.now, key)?))
    }

    /// Takes a package out, `root` being the manifest of the workspace's root where it is another. Says whether it
    /// was there.
    fn remove(&mut self, root: Option<&str>, name: &PackageName) -> Result<bool> {
        let removed = cargo_edit::remove(&self.now, root, name)
            .map_err(|fault| fault.while_doing(format!("could not change {}", self.path.display())))?;
        let found = removed.is_some();
        if let Some(removed) = removed {
            self.now = removed.text;
        }
        Ok(found)
    }
}

/// The manifests of a cargo project that a package is taken out of.
struct Manifests {
    root: Text,
    members: Vec<Text>,
    /// Which member alone, where one is named.
    only: Option<PathBuf>,
}

impl Manifests {
    fn of(project: &Project, member: Option<&str>, context: &Context<'_>) -> Result<Option<Self>> {
        if !project.is_cargo {
            return match member {
                None => Ok(None),
                Some(_) => Err(Fault::usage(
                    "--package names a member of a cargo workspace, and this project has none",
                )
                .help("leave it out")),
            };
        }
        let path = project.layout.cargo_manifest();
        let root = Text::read(&path, project)?;
        let all = members(project, context)?;
        let only = member.map(|name| by_name(&all, name, &root.before)).transpose()?;
        let others = all.iter().filter(|other| **other != path);
        let members = others.map(|path| Text::read(path, project)).collect::<Result<_>>()?;
        let only = only.map(|path| path.strip_prefix(project.layout.root()).unwrap_or(&path).to_owned());
        Ok(Some(Self { root, members, only }))
    }

    /// Takes a package out of them. Gives where it stood.
    fn remove(&mut self, name: &PackageName) -> Result<Vec<String>> {
        let mut places = Vec::new();
        // What members inherit from, and whether those that are meant do.
        let shared = cargo_edit::remove_from_workspace(&self.root.now, name)?;
        let mut inherited = self.only.is_none();
        let meant = |path: &Path, only: &Option<PathBuf>| only.as_ref().is_none_or(|only| only == path);
        for member in self.members.iter_mut().filter(|member| meant(&member.path, &self.only)) {
            if let Some(shared) = &shared {
                inherited |= member.inherits(&shared.keys)?;
            }
            if member.remove(Some(&self.root.now), name)? {
                places.push(member.path.display().to_string());
            }
        }
        if meant(&self.root.path, &self.only) {
            if let Some(shared) = &shared {
                inherited |= self.root.inherits(&shared.keys)?;
            }
            if self.root.remove(None, name)? {
                places.push(self.root.path.display().to_string());
            }
        }
        // What they inherited from goes once nobody does.
        if inherited && let Some(removed) = cargo_edit::remove_from_workspace(&self.root.now, name)? {
            let all = self.members.iter().chain([&self.root]);
            let still = all.map(|text| text.inherits(&removed.keys)).collect::<Result<Vec<_>>>()?;
            if !still.contains(&true) {
                self.root.now = removed.text;
                places.push("[workspace.dependencies]".to_owned());
            }
        }
        Ok(places)
    }

    fn changed(self) -> Vec<Rewrite> {
        let all = self.members.into_iter().chain([self.root]);
        all.filter(|text| text.before != text.now)
            .map(|Text { path, before, now }| Rewrite { path, before, text: now })
            .collect()
    }
}

/// A name that is no pin, with those that are near.
fn unknown(project: &Project, name: &Named) -> Fault {
    let mut pins: BTreeSet<String> = project
        .manifest
        .tools
        .keys()
        .chain(project.manifest.crates.keys())
        .map(ToString::to_string)
        .chain(project.manifest.modules.keys().map(ToString::to_string))
        .chain(project.manifest.module_tools.keys().map(ToString::to_string))
        .collect();
    if project.is_cargo
        && let Ok(Some(text)) = fs::read_text(&project.layout.cargo_lock())
        && let Ok(lock) = CargoLock::parse(&text, "Cargo.lock")
    {
        pins.extend(lock.direct().iter().map(|package| package.id.name.to_string()));
    }
    let fault = Fault::new(format!("{name} is not pinned here"));
    let plain = match name {
        Named::Any(name) => name.as_str(),
        Named::Module(name) => name.as_str(),
    };
    let near = near::nearest(plain, pins.iter().map(String::as_str));
    if !near.is_empty() {
        return fault.help(format!("did you mean {}?", near.join(" or ")));
    }
    if pins.is_empty() {
        return fault.help("nothing is pinned here; `envtool add NAME` pins something");
    }
    fault.help(format!("pinned are {}", pins.into_iter().collect::<Vec<_>>().join(", ")))
}
