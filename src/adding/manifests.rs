//! What the manifests say next: envtool.toml, and the Cargo.toml of a member and of its workspace's root.

use std::path::{Path, PathBuf};

use semver::Version;

use super::choice::Chosen;
use super::{Asked, Kind, Pinned, pinned_version};
use crate::cargo_edit::{self, Dependency, Facts, Kind as Table, Manifests, Standing};
use crate::cargo_manifest::targets::targets;
use crate::context::Context;
use crate::environment::Rewrite;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::{CARGO_LOCK, CARGO_MANIFEST, MANIFEST};
use crate::manifest::{Pin, Section, ToolPin, with_pin};
use crate::package::PackageName;
use crate::project::Project;
use crate::registry::releases::rust_version;
use crate::sync::session::find_cargo;

/// The manifests as they are to be.
pub(super) struct Next<'a> {
    project: &'a Project,
    /// envtool.toml.
    text: String,
    cargo: Option<Cargo>,
    /// Whether an exact version went into Cargo.toml, for more than tests.
    exact: bool,
}

/// The manifests of cargo that a dependency is written to.
struct Cargo {
    member: PathBuf,
    text: String,
    before: String,
    /// The manifest of the workspace's root, where it is another.
    root: Option<(String, String)>,
    /// The manifests of all members.
    members: Vec<PathBuf>,
}

impl<'a> Next<'a> {
    /// The manifests as they are. Which member of a workspace is meant: the one that was named, else the one that the
    /// current folder belongs to.
    pub(super) fn of(project: &'a Project, asked: &Asked, context: &Context<'_>) -> Result<Self> {
        let cargo = match project.is_cargo && asked.kind != Some(Kind::Tool) {
            true => Some(Cargo::of(project, asked.member.as_deref(), context)?),
            false => None,
        };
        Ok(Self { project, text: project.text.clone(), cargo, exact: false })
    }

    /// Sets what envtool.toml says next.
    pub(super) fn begin_with(&mut self, text: String) {
        self.text = text;
    }

    /// What Cargo.toml says already of the package of this name, however that is spelled.
    pub(super) fn standing(&self, name: &PackageName, table: Table) -> Result<Option<Standing>> {
        let Some(cargo) = &self.cargo else { return Ok(None) };
        let plain = |name: &str| name.to_lowercase().replace('-', "_");
        let name = plain(name.as_str());
        cargo_edit::standing(&cargo.manifests(), table, |package| plain(package) == name)
    }

    /// The Rust that the package promises to work with.
    pub(super) fn rust_version(&self) -> Result<Option<Version>> {
        let Some(cargo) = &self.cargo else { return Ok(None) };
        let root = cargo.root.as_ref().map(|(text, _)| text.as_str());
        Ok(cargo_edit::facts(&cargo.text, root)?.rust_version.as_deref().and_then(rust_version))
    }

    /// Writes a pin.
    pub(super) fn pin(&mut self, chosen: &Chosen, asked: &Asked) -> Result<Pinned> {
        match chosen.kind {
            Kind::Tool => self.pin_in(Section::Tools, chosen, asked),
            Kind::Crate if self.project.is_cargo => self.depend(chosen, asked),
            Kind::Crate => {
                refuse_cut_off(self.project.layout.root())?;
                self.pin_in(Section::Crates, chosen, asked)
            }
        }
    }

    fn pin_in(&mut self, section: Section, chosen: &Chosen, asked: &Asked) -> Result<Pinned> {
        let manifest = &self.project.manifest;
        let before = pinned_version(self.project, chosen.kind, &chosen.name);
        let plain = |pin: &Pin| ToolPin { pin: pin.clone(), bins: Vec::new(), toolchain: None };
        let known = match section {
            Section::Tools => manifest.tools.get(&chosen.name).cloned(),
            Section::Crates => manifest.crates.get(&chosen.name).map(plain),
        };
        let old = known.clone().unwrap_or_else(|| plain(&Pin::new(chosen.version.clone())));
        let mut pin = old;
        pin.pin.version = chosen.version.clone();
        pin.pin.features.extend(asked.features.iter().cloned());
        pin.pin.features.sort();
        pin.pin.features.dedup();
        pin.pin.default_features &= !asked.no_default_features;
        if !asked.bins.is_empty() {
            pin.bins.clone_from(&asked.bins);
            pin.bins.sort();
            pin.bins.dedup();
        }
        let unchanged = known.as_ref() == Some(&pin);
        if !unchanged {
            self.text = with_pin(&self.text, section, &chosen.name, &pin)?;
        }
        Ok(Pinned {
            package: chosen.id(),
            kind: chosen.kind,
            before: before.map(|v| v.to_string()),
            unchanged,
            doubtful: chosen.doubtful,
        })
    }

    fn depend(&mut self, chosen: &Chosen, asked: &Asked) -> Result<Pinned> {
        let cargo =
            self.cargo.as_mut().ok_or_else(|| Fault::bug("could not find the Cargo.toml to write to"))?;
        let dependency = Dependency {
            package: chosen.name.clone(),
            requirement: asked
                .requirement
                .as_ref()
                .map_or_else(|| format!("={}", chosen.version), |one| one.text.clone()),
            features: asked.features.clone(),
            default_features: asked.no_default_features.then_some(false),
            registry: chosen.registry.clone(),
            kind: asked.table,
        };
        cargo.refuse_no_package()?;
        let added = cargo_edit::add(&cargo.manifests(), &dependency).map_err(|fault| {
            fault.while_doing(format!("could not add {} to {}", chosen.name, cargo.member.display()))
        })?;
        let unchanged = added.member.is_none() && added.root.is_none();
        if let Some(text) = added.member {
            cargo.text = text;
        }
        if let (Some(text), Some(root)) = (added.root, cargo.root.as_mut()) {
            root.0 = text;
        }
        // Nobody who depends on a library builds what its tests need.
        self.exact |= asked.requirement.is_none() && asked.table != Table::Dev;
        Ok(Pinned {
            package: chosen.id(),
            kind: Kind::Crate,
            before: added.before,
            unchanged,
            doubtful: false,
        })
    }

    /// Whether an exact version went into the manifest of a library that is to be published.
    pub(super) fn ties_users(&self) -> bool {
        let Some(cargo) = self.cargo.as_ref().filter(|_| self.exact) else { return false };
        let root = cargo.root.as_ref().map(|(text, _)| text.as_str());
        let publish = cargo_edit::facts(&cargo.text, root).is_ok_and(|facts| facts.publish);
        let folder = self.project.layout.root().join(&cargo.member);
        let library =
            folder.parent().is_some_and(|folder| fs::is_file(&folder.join("src/lib.rs")).unwrap_or(false));
        let files = if library { vec!["src/lib.rs"] } else { Vec::new() };
        publish && targets(cargo.text.as_bytes(), files).is_some_and(|made| made.library)
    }

    /// The project with its next manifest, and the manifests of cargo that change.
    pub(super) fn finish(self) -> Result<(Project, Vec<Rewrite>)> {
        let project = self.project.with_manifest(self.text)?;
        let mut manifests = Vec::new();
        if let Some(Cargo { member, text, before, root, .. }) = self.cargo {
            manifests.push(Rewrite { path: member, before, text });
            manifests.extend(root.map(|(text, before)| Rewrite {
                path: CARGO_MANIFEST.into(),
                before,
                text,
            }));
        }
        manifests.retain(|rewrite| rewrite.text != rewrite.before);
        Ok((project, manifests))
    }
}

impl Cargo {
    fn of(project: &Project, member: Option<&str>, context: &Context<'_>) -> Result<Self> {
        let root = project.layout.root();
        let all = members(project, context)?;
        let root_text = text_of(&project.layout.cargo_manifest())?;
        let path = if let Some(name) = member {
            by_name(&all, name, &root_text)?
        } else {
            nearest(&all, &context.folder)?.unwrap_or_else(|| project.layout.cargo_manifest())
        };
        let inside = path.strip_prefix(root).unwrap_or(&path).to_owned();
        if inside == Path::new(CARGO_MANIFEST) {
            return Ok(Self {
                member: inside,
                text: root_text.clone(),
                before: root_text,
                root: None,
                members: all,
            });
        }
        let text = text_of(&path)?;
        let root = Some((root_text.clone(), root_text));
        Ok(Self { member: inside, before: text.clone(), text, root, members: all })
    }

    fn manifests(&self) -> Manifests<'_> {
        Manifests { member: &self.text, root: self.root.as_ref().map(|(text, _)| text.as_str()) }
    }

    /// Refuses where the root of a workspace is meant that is no package.
    fn refuse_no_package(&self) -> Result<()> {
        let root = self.root.as_ref().map(|(text, _)| text.as_str());
        if cargo_edit::facts(&self.text, root)?.name.is_some() {
            return Ok(());
        }
        let names = names(&self.members, root.unwrap_or(&self.text))?;
        let fault = Fault::new("could not tell whose dependency it is to be")
            .why(format!("{} is a workspace without a package of its own", self.member.display()));
        Err(match names.first() {
            Some(first) => fault.help(format!(
                "name a member: `-p {first}`{}",
                if names.len() > 1 { format!(" (there are {})", names.join(", ")) } else { String::new() }
            )),
            None => fault.help("make a member first: `cargo new NAME`"),
        })
    }
}

/// The member that a folder belongs to.
fn nearest(members: &[PathBuf], folder: &Path) -> Result<Option<PathBuf>> {
    // The folder may have been reached through a link.
    let folder = fs::canonical(folder)?;
    for above in folder.ancestors() {
        let path = above.join(CARGO_MANIFEST);
        if !fs::is_file(&path)? {
            continue;
        }
        for member in members {
            if fs::canonical(member)? == path {
                return Ok(Some(member.clone()));
            }
        }
    }
    Ok(None)
}

/// The names of members.
fn names(manifests: &[PathBuf], root: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for path in manifests {
        names.extend(cargo_edit::facts(&text_of(path)?, Some(root))?.name);
    }
    Ok(names)
}

/// The manifests of every member of a project's workspace, its own among them.
pub(super) fn members(project: &Project, context: &Context<'_>) -> Result<Vec<PathBuf>> {
    let cargo = find_cargo(project.layout.root(), context)?;
    Ok(cargo.workspace(&project.layout.cargo_manifest())?.manifests)
}

/// The member of this name.
pub(super) fn by_name(manifests: &[PathBuf], name: &str, root: &str) -> Result<PathBuf> {
    for path in manifests {
        let Facts { name: found, .. } = cargo_edit::facts(&text_of(path)?, Some(root))?;
        if found.as_deref() == Some(name) {
            return Ok(path.clone());
        }
    }
    Err(Fault::new(format!("the workspace has no member {name:?}"))
        .help(format!("its members are {}", names(manifests, root)?.join(", "))))
}

pub(super) fn text_of(path: &Path) -> Result<String> {
    fs::read_text(path)?.ok_or_else(|| {
        Fault::new(format!("could not find {}", path.display()))
            .why("it was there when cargo was asked for the members of the workspace")
            .help("restore it (git may have it), or take its folder out of `members` in [workspace]")
    })
}

/// Refuses where a cargo project below has a lock of its own: it would see the pins of [crates] and nothing else.
fn refuse_cut_off(root: &Path) -> Result<()> {
    let found = walkdir::WalkDir::new(root).into_iter().filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        let skip = name.starts_with('.') || ["target", "node_modules"].contains(&name.as_ref());
        entry.depth() == 0 || (entry.file_type().is_dir() && !skip) || name == CARGO_LOCK
    });
    for entry in found.flatten().filter(|entry| entry.file_name() == CARGO_LOCK && entry.depth() > 1) {
        let folder = entry.path().parent().unwrap_or(root);
        let mut between = folder.ancestors().take_while(|above| *above != root);
        let is_project = between
            .try_fold(false, |found, above| Ok::<_, Fault>(found || fs::is_file(&above.join(MANIFEST))?))?;
        if !is_project && fs::is_file(&folder.join(CARGO_MANIFEST))? {
            return Err(Fault::new(format!("could not add a crate to {}", root.display()))
                .why(format!(
                    "the cargo project {} below it has a lock of its own, and would be cut off from it",
                    folder.display()
                ))
                .help(format!(
                    "make an environment there (`envtool init {0}`), and add the crate in it",
                    folder.display()
                )));
        }
    }
    Ok(())
}
