//! The services behind `envtool add` and `envtool remove`: which release is meant, whether it is a crate or a tool,
//! what the manifests say next. The rest is a sync with these manifests: where it fails, they are what they were.

mod choice;
mod manifests;
mod modules;
mod newer;
mod newer_modules;
mod outdated;
mod removal;
mod upgrade;

pub use modules::PinnedModule;
pub use outdated::{Compared, Of, Outdated, outdated};
pub use removal::{Gone, Named, Removed, remove};
pub use upgrade::{Move, Stay, Upgrade, Upgraded, upgrade};

use std::str::FromStr;

use semver::{Version, VersionReq};

use crate::cargo_edit::Kind as Table;
use crate::context::Context;
use crate::fault::{Fault, Result};
use crate::package::{PackageId, PackageName};
use crate::project::Project;
use crate::signals;
use crate::spec::{CrateSpec, ModuleSpec};
use crate::sync::{self, Edits, Report, Session};
use choice::Chosen;
use manifests::Next;

/// What a package is added as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Its source, for builds.
    Crate,
    /// Its executables.
    Tool,
}

/// What is to be added, and how.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Packages of crates.io.
    pub specs: Vec<CrateSpec>,
    /// Packages of PyPI.
    pub modules: Vec<ModuleSpec>,
    /// As what; `None` leaves it to what the package has.
    pub kind: Option<Kind>,
    /// The features.
    pub features: Vec<String>,
    /// Whether the default features are left out.
    pub no_default_features: bool,
    /// Which table of dependencies a crate goes to.
    pub table: Table,
    /// The member of the workspace whose dependency it is to be.
    pub member: Option<String>,
    /// Which executables of a tool.
    pub bins: Vec<String>,
    /// The requirement that Cargo.toml is to hold in place of the exact version.
    pub requirement: Option<Requirement>,
}

/// A requirement, and how it was written.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// What it allows.
    pub allows: VersionReq,
    /// Its text.
    pub text: String,
}

impl FromStr for Requirement {
    type Err = semver::Error;

    fn from_str(text: &str) -> std::result::Result<Self, semver::Error> {
        Ok(Self { allows: text.parse()?, text: text.trim().to_owned() })
    }
}

/// One package that was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// Its name and version.
    pub package: PackageId,
    /// As what.
    pub kind: Kind,
    /// What stood there before: a version, or a requirement of Cargo.toml. `None` where nothing did.
    pub before: Option<String>,
    /// Whether the manifests say nothing else than before.
    pub unchanged: bool,
    /// Whether it is a tool by its executables alone, none of which bears its name, and has a library: whoever asked for
    /// it may have meant that.
    pub doubtful: bool,
}

/// What an addition did.
#[derive(Debug)]
pub struct Added {
    /// The packages of crates.io, in the order in which they were asked for.
    pub pinned: Vec<Pinned>,
    /// Those of PyPI.
    pub modules: Vec<PinnedModule>,
    /// Whether an exact version went into the manifest of a library that others may depend on.
    pub ties_users: bool,
    /// What the sync did.
    pub report: Report,
}

/// Pins packages, locks and installs them.
pub fn add(project: &Project, asked: &Asked, context: &Context<'_>) -> Result<Added> {
    refuse_what_does_not_fit(project, asked)?;
    // 1. Nobody else changes the project from here on. It is read again: somebody may have been at work, or have been
    //    killed at it.
    let session = Session::open(project, context)?;
    let _held = signals::hold()?;
    let project = Project::at(project.layout.root())?;
    let session = session.of(&project);
    // 2. What the manifests say next.
    let decided = decide(&session, asked);
    if decided.is_err() {
        session.leave()?;
        signals::check()?;
    }
    let Decided { project, edits, pinned, modules, ties_users } = decided?;
    // 3. Make it so.
    let session = session.of(&project);
    let nothing = pinned.iter().all(|one| one.unchanged)
        && modules.iter().all(|one| one.unchanged)
        && edits.precise.is_empty();
    let report = match nothing {
        true => sync::sync_unchanged(&session)?,
        false => sync::sync_with(&session, &edits)?,
    };
    Ok(Added { pinned, modules, ties_users, report })
}

/// What an addition comes to.
struct Decided {
    /// The project with its next manifest.
    project: Project,
    edits: Edits,
    pinned: Vec<Pinned>,
    modules: Vec<PinnedModule>,
    ties_users: bool,
}

fn decide(session: &Session<'_>, asked: &Asked) -> Result<Decided> {
    let mut next = Next::of(session.project, asked, session.context)?;
    // Python has a resolver of its own, and its pins a table of their own.
    let modules::Decided { pinned: modules, closures, text } =
        modules::decide(session, asked, session.project.text.clone())?;
    next.begin_with(text);
    let chosen = match asked.specs.is_empty() {
        true => Vec::new(),
        false => choice::choose(session, asked, &next)?,
    };
    let pinned = chosen.iter().map(|one| next.pin(one, asked)).collect::<Result<_>>()?;
    let ties_users = next.ties_users();
    let (project, manifests) = next.finish()?;
    let precise = match &asked.requirement {
        Some(_) => chosen.iter().filter(|one| one.kind == Kind::Crate).map(Chosen::id).collect(),
        None => Vec::new(),
    };
    Ok(Decided {
        project,
        edits: Edits { manifests, precise, closures, ..Edits::default() },
        pinned,
        modules,
        ties_users,
    })
}

fn refuse_what_does_not_fit(project: &Project, asked: &Asked) -> Result<()> {
    if let Some(spec) = asked.modules.first() {
        let only = [
            (
                !asked.features.is_empty(),
                "--features is for crates",
                format!("extras stand behind the name: `'pypi:{}[EXTRA]'`", spec.name),
            ),
            (asked.no_default_features, "--no-default-features is for crates", "leave it out".to_owned()),
            (
                asked.kind == Some(Kind::Crate),
                "--lib, --dev, --build, --package and --requirement are for crates",
                "leave them out: a Python package is a module unless `--tool` is given".to_owned(),
            ),
            (
                !asked.bins.is_empty(),
                "--bin is for tools of crates.io",
                "a tool from PyPI brings all of its executables".to_owned(),
            ),
        ];
        if let Some((_, why, help)) = only.into_iter().find(|(given, ..)| *given) {
            return Err(Fault::usage(format!("{why}, and {spec} comes from PyPI")).help(help));
        }
    }
    if asked.kind != Some(Kind::Tool) && !project.is_cargo {
        let only = [
            (asked.table != Table::Normal, "--dev and --build choose a table of Cargo.toml"),
            (asked.member.is_some(), "--package names a member of a cargo workspace"),
            (asked.requirement.is_some(), "--requirement writes a requirement into Cargo.toml"),
        ];
        if let Some((_, why)) = only.iter().find(|(given, _)| *given) {
            return Err(Fault::usage(format!("{why}, and {} has none", project.layout.root().display()))
                .help("leave it out: [crates] of envtool.toml holds exact versions"));
        }
    }
    Ok(())
}

/// The names of `[tools]` or `[crates]`, with their versions.
fn pinned_version(project: &Project, kind: Kind, name: &PackageName) -> Option<Version> {
    match kind {
        Kind::Tool => project.manifest.tools.get(name).map(|pin| pin.pin.version.clone()),
        Kind::Crate => project.manifest.crates.get(name).map(|pin| pin.version.clone()),
    }
}
