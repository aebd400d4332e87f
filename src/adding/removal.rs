//! Taking pins away.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::manifests::{by_name, members, text_of};
use crate::cargo_edit;
use crate::cargo_lock::CargoLock;
use crate::context::Context;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::manifest::{Section, without_pin};
use crate::near;
use crate::package::PackageName;
use crate::project::Project;
use crate::sync::{self, Edits, Report};

/// What a removal did.
#[derive(Debug)]
pub struct Removed {
    /// A line for each pin that went: its name, and where it stood.
    pub pins: Vec<(PackageName, String)>,
    /// What the sync did.
    pub report: Report,
}

/// Takes pins away, and everything that nothing else needs: from envtool.toml, and from the Cargo.toml of every member
/// or of the one that is named.
pub fn remove(
    project: &Project,
    names: &[PackageName],
    member: Option<&str>,
    context: &Context<'_>,
) -> Result<Removed> {
    // 1. What the manifests say next.
    let mut text = project.text.clone();
    let mut cargo = Manifests::of(project, member, context)?;
    let mut pins = Vec::new();
    for name in names {
        let before = pins.len();
        if member.is_none() {
            for (section, shown) in [(Section::Tools, "[tools]"), (Section::Crates, "[crates]")] {
                if let Some(next) = without_pin(&text, section, name)? {
                    text = next;
                    pins.push((name.clone(), format!("{shown} of envtool.toml")));
                }
            }
        }
        let places = cargo.as_mut().map(|cargo| cargo.remove(name)).transpose()?.unwrap_or_default();
        pins.extend(places.into_iter().map(|place| (name.clone(), place)));
        if pins.len() == before {
            return Err(unknown(project, name));
        }
    }
    // 2. Make it so.
    let project = project.with_manifest(text)?;
    let report = sync::sync_with(
        &project,
        &Edits { manifests: cargo.map(Manifests::changed).unwrap_or_default(), precise: Vec::new() },
        context,
    )?;
    Ok(Removed { pins, report })
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
        let meant = |path: &Path, only: &Option<PathBuf>| only.as_ref().is_none_or(|only| only == path);
        for member in self.members.iter_mut().filter(|member| meant(&member.path, &self.only)) {
            if member.remove(Some(&self.root.now), name)? {
                places.push(member.path.display().to_string());
            }
        }
        if meant(&self.root.path, &self.only) && self.root.remove(None, name)? {
            places.push(self.root.path.display().to_string());
        }
        // What every member inherited from, once none does.
        if self.only.is_none()
            && let Some(removed) = cargo_edit::remove_from_workspace(&self.root.now, name)?
        {
            self.root.now = removed.text;
            places.push("[workspace.dependencies]".to_owned());
        }
        Ok(places)
    }

    fn changed(self) -> Vec<(PathBuf, String)> {
        let all = self.members.into_iter().chain([self.root]);
        all.filter(|text| text.before != text.now).map(|text| (text.path, text.now)).collect()
    }
}

/// A name that is no pin, with those that are near.
fn unknown(project: &Project, name: &PackageName) -> Fault {
    let mut pins: BTreeSet<String> = project
        .manifest
        .tools
        .keys()
        .chain(project.manifest.crates.keys())
        .map(ToString::to_string)
        .collect();
    if project.is_cargo
        && let Ok(Some(text)) = fs::read_text(&project.layout.cargo_lock())
        && let Ok(lock) = CargoLock::parse(&text, "Cargo.lock")
    {
        pins.extend(lock.direct().iter().map(|package| package.id.name.to_string()));
    }
    let fault = Fault::new(format!("{name} is not pinned here"));
    let near = near::nearest(name.as_str(), pins.iter().map(String::as_str));
    if !near.is_empty() {
        return fault.help(format!("did you mean {}?", near.join(" or ")));
    }
    if pins.is_empty() {
        return fault.help("nothing is pinned here; `envtool add NAME` pins something");
    }
    fault.help(format!("pinned are {}", pins.into_iter().collect::<Vec<_>>().join(", ")))
}
