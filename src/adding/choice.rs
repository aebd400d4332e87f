//! Which release a spec means, and whether that is a crate or a tool.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use semver::Version;

use super::manifests::Next;
use super::{Asked, Kind, pinned_version};
use crate::cargo_edit::Standing;
use crate::cargo_lock::{CargoLock, Source, crates_io};
use crate::cargo_manifest::targets::{Targets, enabled_features, targets};
use crate::choose::{self, Wish};
use crate::compile::Toolchain;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::CARGO_MANIFEST;
use crate::lock::Row;
use crate::near;
use crate::package::{PackageId, PackageName};
use crate::registry::cargo::SparseIndex;
use crate::registry::releases::{Release, releases};
use crate::sources::{self, Reach};
use crate::spec::{CrateSpec, Version as AskedVersion};
use crate::sync::Session;
use crate::sync::admit::deciding_files;

/// A release that was chosen.
pub(super) struct Chosen {
    pub(super) name: PackageName,
    pub(super) version: Version,
    pub(super) kind: Kind,
    /// The registry of cargo's configuration that it comes from; `None` for crates.io.
    pub(super) registry: Option<String>,
    /// Whether it is a tool by its executables alone, none of which bears its name, and has a library.
    pub(super) doubtful: bool,
}

impl Chosen {
    pub(super) fn id(&self) -> PackageId {
        PackageId { name: self.name.clone(), version: self.version.clone() }
    }
}

/// Chooses a release for each spec.
pub(super) fn choose(session: &Session<'_>, asked: &Asked, next: &Next<'_>) -> Result<Vec<Chosen>> {
    Choosing::new(session, asked, next)?.all()
}

struct Choosing<'a> {
    session: &'a Session<'a>,
    asked: &'a Asked,
    next: &'a Next<'a>,
    /// What Cargo.lock and envtool.lock name.
    locked: Vec<PackageId>,
    /// What of it the project names itself.
    direct: Vec<PackageId>,
    /// The Rust that the project is for.
    rust: Option<Version>,
    /// That of the machine's default toolchain, once it is asked for.
    machine: OnceCell<Option<Version>>,
}

impl<'a> Choosing<'a> {
    fn new(session: &'a Session<'a>, asked: &'a Asked, next: &'a Next<'a>) -> Result<Self> {
        let layout = &session.project.layout;
        let path = layout.cargo_lock();
        let lock = match session.project.is_cargo {
            true => fs::read(&path)?
                .map(|bytes| CargoLock::read(&bytes, &path.display().to_string()))
                .transpose()?,
            false => None,
        };
        let locked = lock.iter().flat_map(CargoLock::external).map(|(package, _)| package.id.clone());
        Ok(Self {
            session,
            asked,
            next,
            direct: lock.iter().flat_map(CargoLock::direct).map(|package| package.id.clone()).collect(),
            locked: locked
                .chain(session.lock_before.iter().flat_map(|lock| lock.packages.iter().map(Row::id)))
                .collect(),
            rust: Some(next.rust_version()?.map_or_else(|| session.cargo_version().cloned(), Ok)?),
            machine: OnceCell::new(),
        })
    }

    /// The Rust of the toolchain that builds a tool: the one that its pin names, else the machine's default.
    fn builder(&self, name: &PackageName) -> Result<Option<Version>> {
        let pin = self.session.project.manifest.tools.get(name);
        if let Some(toolchain) = pin.and_then(|pin| pin.toolchain.as_deref()) {
            return Ok(Toolchain::find(self.session.context, Some(toolchain))?.version());
        }
        if let Some(known) = self.machine.get() {
            return Ok(known.clone());
        }
        let version = Toolchain::find(self.session.context, None)?.version();
        Ok(self.machine.get_or_init(|| version).clone())
    }

    fn all(&self) -> Result<Vec<Chosen>> {
        let wanted = self.asked.specs.iter().map(|spec| self.wanted(spec)).collect::<Result<Vec<_>>>()?;
        let names: Vec<_> =
            wanted.iter().map(|wanted| (wanted.spec.name.clone(), wanted.index.clone())).collect();
        let rows = self.session.fetching(|fetcher| fetcher.rows(&names))?;
        let mut chosen: Vec<Chosen> = Vec::new();
        for (wanted, rows) in wanted.iter().zip(rows) {
            let Some(rows) = rows else { return Err(self.unknown(wanted)) };
            let (name, releases) = releases(&rows, &wanted.spec.name)?;
            let one = self.one(wanted, name, &releases)?;
            if let Some(other) = chosen.iter().find(|other| other.name == one.name && other.kind == one.kind)
            {
                let versions = match other.version == one.version {
                    true => String::new(),
                    false => format!(", as {} and as {}", other.version, one.version),
                };
                return Err(Fault::usage(format!("{} is asked for twice{versions}", one.name))
                    .help("name each package once"));
            }
            chosen.push(one);
        }
        Ok(chosen)
    }

    /// Where a package is asked for, and what is pinned of it already.
    fn wanted(&self, spec: &'a CrateSpec) -> Result<Wanted<'a>> {
        let standing = self.next.standing(&spec.name, self.asked.table)?;
        let registry = standing.as_ref().and_then(|standing| standing.registry.clone());
        let source = match &registry {
            Some(name) => self.registry(&spec.name, name)?,
            None => crates_io(),
        };
        let Reach::Sparse(index) = sources::reach(&self.session.config, &source)? else {
            let shown =
                registry.as_ref().map_or("crates.io".to_owned(), |name| format!("the registry `{name}`"));
            let fault =
                Fault::new(format!("could not ask {shown} which releases of {} there are", spec.name));
            return Err(match registry {
                Some(_) => fault.why("it has no sparse index, and cargo alone asks others"),
                None => fault.why("cargo's configuration replaces it by a registry that has no sparse index"),
            }
            .help("write the pin yourself (envtool.toml or Cargo.toml), then run `envtool sync`"));
        };
        Ok(Wanted { spec, standing, registry, source, index })
    }

    fn registry(&self, package: &PackageName, name: &str) -> Result<Source> {
        let known = self.session.config.registry(name)?;
        known.and_then(|registry| registry.index).map(|(index, _)| Source::Registry(index)).ok_or_else(|| {
            Fault::new(format!("could not add {package}"))
                .why(format!(
                    "Cargo.toml takes it from the registry `{name}`, and cargo's configuration does not say where that is"
                ))
                .help(format!("add `registries.{name}.index` to a configuration of cargo's"))
        })
    }

    /// As what it is pinned already, where that is one thing.
    fn kind_now(&self, wanted: &Wanted<'_>, name: &PackageName) -> Option<Kind> {
        let is_tool = pinned_version(self.session.project, Kind::Tool, name).is_some();
        let is_crate = pinned_version(self.session.project, Kind::Crate, name).is_some()
            || wanted
                .standing
                .as_ref()
                .is_some_and(|standing| standing.is_own || standing.registry.is_some());
        match (is_tool, is_crate) {
            (true, false) => Some(Kind::Tool),
            (false, true) if self.asked.bins.is_empty() => Some(Kind::Crate),
            _ => None,
        }
    }

    /// The version that is pinned already, where no other is asked for.
    fn kept(&self, wanted: &Wanted<'_>, name: &PackageName, kind: Kind) -> Option<Version> {
        if wanted.spec.names_version {
            return None;
        }
        let written = wanted.standing.as_ref().and_then(|standing| standing.requirement.as_deref());
        let found = match (kind, written) {
            (Kind::Crate, Some(written)) => {
                let requirement: semver::VersionReq = written.parse().ok()?;
                let locked = self.direct.iter().filter(|package| package.name == *name);
                let fitting =
                    locked.map(|package| &package.version).filter(|version| requirement.matches(version));
                fitting.max().cloned().or_else(|| written.trim().strip_prefix('=')?.trim().parse().ok())
            }
            _ => pinned_version(self.session.project, kind, name),
        };
        found.filter(|version| self.asked.requirement.as_ref().is_none_or(|one| one.allows.matches(version)))
    }

    fn one(&self, wanted: &Wanted<'_>, name: PackageName, releases: &[Release]) -> Result<Chosen> {
        let asked = &wanted.spec.version;
        let kind = if let Some(kind) = self.asked.kind.or_else(|| self.kind_now(wanted, &name)) {
            kind
        } else {
            // What this machine can build says best what it is; what it cannot is refused below. One whose own
            // compiler does not answer can still take crates: the project may name another.
            let builder = self.builder(&name).ok().flatten();
            let machine = self.release(asked, &name, (Kind::Tool, builder.as_ref()), releases);
            let release = machine.or_else(|_| self.release(asked, &name, (Kind::Tool, None), releases))?;
            self.kind_of(wanted, &name, release)?
        };
        let kept = self.kept(wanted, &name, kind).map(AskedVersion::Exact);
        let rust = match kind {
            _ if kept.is_some() => None,
            Kind::Crate => self.rust.clone(),
            Kind::Tool => self.builder(&name)?,
        };
        let version = kept.as_ref().unwrap_or(asked);
        let release = self.release(version, &name, (kind, rust.as_ref()), releases)?;
        choose::check_features(&name, release, &self.asked.features)?;
        let targets = self.targets(wanted, &name, release)?;
        match kind {
            Kind::Crate if !targets.all.library => return Err(no_library(&name, release, &targets)),
            Kind::Tool => self.check_binaries(&name, release, &targets)?,
            Kind::Crate => {}
        }
        let registry = wanted.registry.clone();
        let doubtful = kind == Kind::Tool
            && self.asked.kind.is_none()
            && targets.all.library
            && !targets.built.contains(name.as_str());
        Ok(Chosen { name, version: release.version.clone(), kind, registry, doubtful })
    }

    fn release<'r>(
        &self,
        version: &AskedVersion,
        name: &PackageName,
        (kind, rust): (Kind, Option<&Version>),
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
            version,
            requirement: self.asked.requirement.as_ref().map(|one| &one.allows),
            rust,
            is_tool: kind == Kind::Tool,
            locked: &locked,
        };
        choose::choose(&wish, releases)
    }

    /// What a package is where nobody says: a tool, if it has executables that build with what is asked for.
    fn kind_of(&self, wanted: &Wanted<'_>, name: &PackageName, release: &Release) -> Result<Kind> {
        let targets = self.targets(wanted, name, release)?;
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
    fn targets(&self, wanted: &Wanted<'_>, name: &PackageName, release: &Release) -> Result<Made> {
        let package = PackageId { name: name.clone(), version: release.version.clone() };
        let tree = self.session.trees_from(&wanted.source, &[(package.clone(), release.checksum)])?.remove(0);
        let manifest = fs::read(&tree.path.join(CARGO_MANIFEST))?.unwrap_or_default();
        let files = deciding_files(&tree.path)?;
        let all = targets(&manifest, files.iter().map(String::as_str)).ok_or_else(|| {
            Fault::new(format!("could not read the manifest of {package}"))
                .why("it is no Cargo.toml that names a package")
                .help(format!("name another release: `envtool add {name}@VERSION`"))
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
                        false => format!("ask for one that it has: `--bin {}`", known.join("` or `--bin ")),
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
    fn unknown(&self, Wanted { spec, index, registry, .. }: &Wanted<'_>) -> Fault {
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
        let place =
            registry.as_ref().map_or("on crates.io".to_owned(), |name| format!("in the registry `{name}`"));
        let fault = Fault::new(format!("there is no package {} {place}", spec.name));
        if near.is_empty() {
            fault.help(format!("see that the name is the right one: `cargo search {}`", spec.name))
        } else {
            fault.help(format!("did you mean {}?", near.join(" or ")))
        }
    }
}

/// A package that is asked for.
struct Wanted<'a> {
    spec: &'a CrateSpec,
    /// What Cargo.toml says of it already.
    standing: Option<Standing>,
    /// The registry of cargo's configuration that it comes from; `None` for crates.io.
    registry: Option<String>,
    source: Source,
    index: SparseIndex,
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
        .why(format!("what it has are executables: {}", names.join(", ")))
        .help(format!("add it as a tool: `envtool add --tool {name}@{}`", release.version))
}

fn needs_features(package: &PackageId, bin: &str, features: &[String]) -> Fault {
    Fault::new(format!(
        "the executable `{bin}` of {package} is not built without the features {}",
        features.join(", ")
    ))
    .help(format!("ask for them: `--features {}`", features.join(",")))
}
