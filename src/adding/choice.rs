//! Which release a spec means, and whether that is a crate or a tool.

use std::collections::BTreeSet;

use semver::Version;

use super::{Asked, Kind, pinned_version};
use crate::cargo_edit;
use crate::cargo_lock::{CargoLock, crates_io};
use crate::cargo_manifest::targets::{Targets, enabled_features, targets};
use crate::choose::{self, Wish};
use crate::compile::Toolchain;
use crate::context::Context;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::CARGO_MANIFEST;
use crate::lock::Row;
use crate::near;
use crate::package::{PackageId, PackageName};
use crate::project::Project;
use crate::registry::releases::{Release, releases, rust_version};
use crate::sources::{self, Reach};
use crate::spec::Spec;
use crate::sync::Session;

/// A release that was chosen.
pub(super) struct Chosen {
    pub(super) name: PackageName,
    pub(super) version: Version,
    pub(super) kind: Kind,
}

impl Chosen {
    pub(super) fn id(&self) -> PackageId {
        PackageId { name: self.name.clone(), version: self.version.clone() }
    }
}

/// Chooses a release for each spec.
pub(super) fn choose(project: &Project, asked: &Asked, context: &Context<'_>) -> Result<Vec<Chosen>> {
    let session = Session::open(project, context)?;
    let done = Choosing::new(&session, asked).and_then(|choosing| choosing.all());
    if done.is_err() && !session.was_there {
        session.environment.remove_if_new(&session.lock)?;
    }
    done
}

struct Choosing<'a> {
    session: &'a Session<'a>,
    asked: &'a Asked,
    /// What Cargo.lock names.
    locked: Vec<PackageId>,
    /// The Rust that the project is for, and that of the toolchain that builds tools.
    rust: Option<Version>,
    machine: Option<Version>,
}

impl<'a> Choosing<'a> {
    fn new(session: &'a Session<'a>, asked: &'a Asked) -> Result<Self> {
        let layout = &session.project.layout;
        let path = layout.cargo_lock();
        let lock = match session.project.is_cargo {
            true => fs::read_text(&path)?
                .map(|text| CargoLock::parse(&text, &path.display().to_string()))
                .transpose()?,
            false => None,
        };
        let locked = lock.iter().flat_map(CargoLock::external).map(|(package, _)| package.id.clone());
        let wants_tool = asked.kind != Some(Kind::Crate);
        let machine = wants_tool.then(|| Toolchain::find(session.context, None)).transpose()?;
        Ok(Self {
            session,
            asked,
            locked: locked
                .chain(session.lock_before.iter().flat_map(|lock| lock.packages.iter().map(Row::id)))
                .collect(),
            rust: project_rust(session)?,
            machine: machine.and_then(|toolchain| toolchain.version()),
        })
    }

    fn all(&self) -> Result<Vec<Chosen>> {
        let source = crates_io();
        let Reach::Sparse(index) = sources::reach(&self.session.config, &source)? else {
            return Err(Fault::new("could not ask crates.io which releases there are")
                .why("cargo's configuration replaces it by a registry that has no sparse index")
                .help("write the pin yourself (envtool.toml or Cargo.toml), then run `envtool sync`"));
        };
        let names: Vec<_> = self.asked.specs.iter().map(|spec| (spec.name.clone(), index.clone())).collect();
        let rows = self.session.fetching(|fetcher| fetcher.rows(&names))?;
        let mut chosen: Vec<Chosen> = Vec::new();
        for (spec, rows) in self.asked.specs.iter().zip(rows) {
            let Some(rows) = rows else { return Err(self.unknown(spec, &index)) };
            let (name, releases) = releases(&rows, &spec.name)?;
            let one = self.one(spec, name, &releases)?;
            if let Some(other) = chosen.iter().find(|other| other.name == one.name && other.kind == one.kind)
            {
                return Err(Fault::usage(format!(
                    "{} is asked for twice, as {} and as {}",
                    one.name, other.version, one.version
                ))
                .help("name each package once"));
            }
            chosen.push(one);
        }
        Ok(chosen)
    }

    fn one(&self, spec: &Spec, name: PackageName, releases: &[Release]) -> Result<Chosen> {
        let kind = match self.asked.kind {
            Some(kind) => kind,
            None => self.kind_of(&name, self.release(spec, &name, None, releases)?)?,
        };
        let rust = match kind {
            Kind::Crate => self.rust.as_ref(),
            Kind::Tool => self.machine.as_ref(),
        };
        let release = self.release(spec, &name, rust, releases)?;
        choose::check_features(&name, release, &self.asked.features)?;
        let targets = self.targets(&name, release)?;
        match kind {
            Kind::Crate if !targets.all.library => return Err(no_library(&name, release, &targets)),
            Kind::Tool => self.check_binaries(&name, release, &targets)?,
            Kind::Crate => {}
        }
        Ok(Chosen { name, version: release.version.clone(), kind })
    }

    fn release<'r>(
        &self,
        spec: &Spec,
        name: &PackageName,
        rust: Option<&Version>,
        releases: &'r [Release],
    ) -> Result<&'r Release> {
        let mut locked: Vec<Version> = self
            .locked
            .iter()
            .filter(|package| package.name == *name)
            .map(|package| package.version.clone())
            .collect();
        locked.extend(pinned_version(self.session.project, Kind::Tool, name));
        let wish = Wish {
            name,
            version: &spec.version,
            requirement: self.asked.requirement.as_ref().map(|one| &one.allows),
            rust,
            locked: &locked,
        };
        choose::choose(&wish, releases)
    }

    /// What a package is where nobody says: a tool, if it has executables that build with what is asked for.
    fn kind_of(&self, name: &PackageName, release: &Release) -> Result<Kind> {
        let targets = self.targets(name, release)?;
        let builds = !targets.built.is_empty();
        if !builds && !targets.all.library {
            let PackageId { name, version } =
                PackageId { name: name.clone(), version: release.version.clone() };
            let fault = Fault::new(format!("{name} {version} has neither a library nor an executable"));
            return Err(match targets.all.binaries.iter().find(|bin| !bin.required_features.is_empty()) {
                Some(bin) => fault
                    .why(format!(
                        "its executable {} is built with the features {} only",
                        bin.name,
                        bin.required_features.join(", ")
                    ))
                    .help(format!("ask for them: `--features {}`", bin.required_features.join(","))),
                None => fault.help("there is nothing in it to install; see that the name is the right one"),
            });
        }
        Ok(if builds || !self.asked.bins.is_empty() { Kind::Tool } else { Kind::Crate })
    }

    /// What a release makes: its archive is brought into the store for it.
    fn targets(&self, name: &PackageName, release: &Release) -> Result<Made> {
        let package = PackageId { name: name.clone(), version: release.version.clone() };
        let tree = self.session.trees(&[(package.clone(), release.checksum)])?.remove(0);
        let manifest = fs::read(&tree.path.join(CARGO_MANIFEST))?.unwrap_or_default();
        let files = files(&tree.path)?;
        let all = targets(&manifest, files.iter().map(String::as_str)).ok_or_else(|| {
            Fault::new(format!("could not read the manifest of {package}"))
                .why("it is no Cargo.toml that names a package")
                .help("add another release of it")
        })?;
        let enabled = enabled_features(&manifest, &self.asked.features, !self.asked.no_default_features);
        let built = all.built_with(&enabled).map(|bin| bin.name.clone()).collect();
        Ok(Made { all, built })
    }

    fn check_binaries(&self, name: &PackageName, release: &Release, made: &Made) -> Result<()> {
        let package = PackageId { name: name.clone(), version: release.version.clone() };
        let known: Vec<&str> = made.all.binaries.iter().map(|bin| bin.name.as_str()).collect();
        for bin in &self.asked.bins {
            let Some(found) = made.all.binaries.iter().find(|one| one.name == *bin) else {
                return Err(Fault::new(format!("{package} has no executable `{bin}`")).help(
                    match known.is_empty() {
                        true => "it has none at all: leave `--bin` and `--tool` out".to_owned(),
                        false => format!("it has {}", known.join(", ")),
                    },
                ));
            };
            if !made.built.contains(bin) {
                return Err(needs_features(&package, &found.name, &found.required_features));
            }
        }
        if made.built.is_empty() {
            return Err(match made.all.binaries.first() {
                Some(bin) => needs_features(&package, &bin.name, &bin.required_features),
                None => Fault::new(format!("{package} has no executable"))
                    .why("only a package with executables is a tool")
                    .help(format!("add it as a crate: `envtool add --lib {name}@{}`", release.version)),
            });
        }
        Ok(())
    }

    /// A name that the registry does not know, with those that are near.
    fn unknown(&self, spec: &Spec, index: &crate::registry::cargo::SparseIndex) -> Fault {
        let mut known: BTreeSet<String> =
            self.locked.iter().map(|package| package.name.to_string()).collect();
        if !self.session.context.flags.offline {
            let variants: Vec<_> =
                near::variants(spec.name.as_str()).into_iter().map(|name| (name, index.clone())).collect();
            // Where the registry does not answer now, what is known already has to do.
            let rows = self.session.fetching(|fetcher| fetcher.rows(&variants)).unwrap_or_default();
            for ((name, _), rows) in variants.iter().zip(rows) {
                if let Some(Ok((name, _))) = rows.map(|rows| releases(&rows, name)) {
                    known.insert(name.to_string());
                }
            }
        }
        let near = near::nearest(spec.name.as_str(), known.iter().map(String::as_str));
        let fault = Fault::new(format!("there is no package {} on crates.io", spec.name));
        if near.is_empty() {
            fault.help(format!("see that the name is the right one: `cargo search {}`", spec.name))
        } else {
            fault.help(format!("did you mean {}?", near.join(" or ")))
        }
    }
}

/// What a release makes with what is asked for.
struct Made {
    /// All that it could.
    all: Targets,
    /// The executables that are built.
    built: BTreeSet<String>,
}

fn no_library(name: &PackageName, release: &Release, made: &Made) -> Fault {
    let names: Vec<&str> = made.all.binaries.iter().map(|bin| bin.name.as_str()).collect();
    let fault = Fault::new(format!("{name} {} has no library", release.version));
    if names.is_empty() {
        return fault.help("there is nothing in it to depend on; see that the name is the right one");
    }
    fault
        .why(format!("it has the executables {}", names.join(", ")))
        .help(format!("add it as a tool: `envtool add --tool {name}@{}`", release.version))
}

fn needs_features(package: &PackageId, bin: &str, features: &[String]) -> Fault {
    Fault::new(format!(
        "the executable `{bin}` of {package} is not built without the features {}",
        features.join(", ")
    ))
    .help(format!("ask for them: `--features {}`", features.join(",")))
}

/// The files of a tree that decide on what a package makes.
fn files(tree: &std::path::Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for file in ["src/lib.rs", "src/main.rs", "build.rs"] {
        if fs::is_file(&tree.join(file))? {
            found.push(file.to_owned());
        }
    }
    let folder = tree.join("src/bin");
    for name in fs::names(&folder)?.unwrap_or_default() {
        let Some(name) = name.to_str() else { continue };
        if fs::is_file(&folder.join(name))? {
            found.push(format!("src/bin/{name}"));
        } else if fs::is_file(&folder.join(name).join("main.rs"))? {
            found.push(format!("src/bin/{name}/main.rs"));
        }
    }
    Ok(found)
}

/// The Rust that a project is for: the `rust-version` of its manifest, else that of its toolchain.
fn project_rust(session: &Session<'_>) -> Result<Option<Version>> {
    if session.project.is_cargo {
        let text = fs::read_text(&session.project.layout.cargo_manifest())?.unwrap_or_default();
        let said = cargo_edit::facts(&text, None)?.rust_version;
        if let Some(version) = said.as_deref().and_then(rust_version) {
            return Ok(Some(version));
        }
    }
    Ok(Some(session.cargo_version()?.clone()))
}
