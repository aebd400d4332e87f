//! `envtool add`: pins packages, locks and installs them.

use semver::Version;

use super::done::{Done, Pin};
use super::{Outcome, init, sync as sync_verb};
use crate::adding::{self, Added, Asked, Kind, Pinned, PinnedModule, Requirement};
use crate::cargo_edit::Kind as Table;
use crate::context::Context;
use crate::fault::{Fault, Result};
use crate::package::PackageId;
use crate::project::Project;
use crate::signals;
use crate::spec::Spec;
use crate::trusted;

/// The arguments of `add`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Arguments {
    /// Packages: NAME, NAME@1.2.3, NAME@1, pypi:NAME
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<String>,
    /// Add the library, also where there are executables
    #[arg(long, conflicts_with = "tool")]
    lib: bool,
    /// Add the executables, also where there is a library
    #[arg(long)]
    tool: bool,
    /// Features to switch on, separated by commas
    #[arg(short = 'F', long, value_name = "F", value_delimiter = ',')]
    features: Vec<String>,
    /// Leave the default features out
    #[arg(long)]
    no_default_features: bool,
    /// A crate for tests, examples and benchmarks
    #[arg(long, conflicts_with_all = ["build", "tool"])]
    dev: bool,
    /// A crate for the build script
    #[arg(long, conflicts_with = "tool")]
    build: bool,
    /// The member of the workspace whose dependency it is
    #[arg(short, long, value_name = "MEMBER", conflicts_with = "tool")]
    package: Option<String>,
    /// Only this executable of a tool; may be given again
    #[arg(long, value_name = "NAME", conflicts_with_all = ["lib", "dev", "build", "package", "requirement"])]
    bin: Vec<String>,
    /// Write this requirement to Cargo.toml, and leave the exact version to Cargo.lock
    #[arg(long, value_name = "REQ", conflicts_with = "tool")]
    requirement: Option<Requirement>,
}

/// Adds packages; the environment is made first where there is none.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    // 1. What is asked for.
    let asked = asked(arguments)?;
    // 2. In which project; a new one goes again where nothing can be added to it.
    let mut outcome = Outcome::default();
    let mut made = None;
    let mut held = None;
    let mut is_new = false;
    let project = if let Some(project) = Project::find(&context.folder)? {
        project
    } else {
        // Nobody else is at work in it: Ctrl-C may wait until it is taken away again.
        held = Some(signals::hold()?);
        let new = init::make(None, context)?;
        outcome.notes.extend(new.notes().iter().cloned());
        let project = Project::at(new.root())?;
        is_new = true;
        made = Some(new);
        project
    };
    // 3. Pin, lock, install.
    let added = trusted::keeping(&project.layout, context, || adding::add(&project, &asked, context));
    if let (Err(_), Some(new)) = (&added, made) {
        new.undo()?;
    }
    drop(held);
    let added = added?;
    // 4. Say what was done.
    if context.flags.json {
        for advice in advice(&added, arguments) {
            context.progress.warn(&advice);
        }
        let pins = added.pinned.iter().map(Pin::from).chain(added.modules.iter().map(Pin::from)).collect();
        return Done::of(&project.layout, pins, &added.report).or_changed(is_new).outcome();
    }
    outcome.notes.extend(added.pinned.iter().map(line).chain(added.modules.iter().map(module_line)));
    outcome.notes.extend(advice(&added, arguments));
    outcome.notes.extend(sync_verb::notes(&added.report, context));
    Ok(outcome)
}

fn asked(arguments: &Arguments) -> Result<Asked> {
    let (mut specs, mut modules) = (Vec::new(), Vec::new());
    for text in &arguments.specs {
        match text.parse()? {
            Spec::Crate(spec) => specs.push(spec),
            Spec::Module(spec) => modules.push(spec),
        }
    }
    let crate_only = arguments.lib
        || arguments.dev
        || arguments.build
        || arguments.package.is_some()
        || arguments.requirement.is_some();
    let kind = match (crate_only, arguments.tool || !arguments.bin.is_empty()) {
        (true, _) => Some(Kind::Crate),
        (false, true) => Some(Kind::Tool),
        (false, false) => None,
    };
    if arguments.requirement.is_some() && arguments.specs.len() > 1 {
        return Err(Fault::usage("--requirement is for one package, and several are named")
            .help("add them one by one"));
    }
    Ok(Asked {
        specs,
        modules,
        kind,
        features: arguments.features.iter().map(|f| f.trim().to_owned()).filter(|f| !f.is_empty()).collect(),
        no_default_features: arguments.no_default_features,
        table: match (arguments.dev, arguments.build) {
            (true, _) => Table::Dev,
            (_, true) => Table::Build,
            _ => Table::Normal,
        },
        member: arguments.package.clone(),
        bins: arguments.bin.clone(),
        requirement: arguments.requirement.clone(),
    })
}

fn line(pinned: &Pinned) -> String {
    let Pinned { package, kind, before, unchanged, .. } = pinned;
    let kind = match kind {
        Kind::Crate => "crate",
        Kind::Tool => "tool",
    };
    match before {
        _ if *unchanged => format!("{package} is pinned already ({kind})"),
        Some(before) if before.trim_start_matches('=') != package.version.to_string() => {
            let before = before.trim_start_matches('=');
            format!("Moved {} from {before} to {} ({kind})", package.name, package.version)
        }
        _ => format!("Pinned {package} ({kind})"),
    }
}

fn module_line(pinned: &PinnedModule) -> String {
    let PinnedModule { module, is_tool, before, unchanged } = pinned;
    let kind = if *is_tool { "tool" } else { "module" };
    match before {
        _ if *unchanged => format!("{module} is pinned already ({kind})"),
        Some(before) if *before != module.version => {
            format!("Moved {} from {before} to {} ({kind})", module.name, module.version)
        }
        _ => format!("Pinned {module} ({kind})"),
    }
}

/// What whoever added something may want to do otherwise.
fn advice(added: &Added, arguments: &Arguments) -> Vec<String> {
    let doubtful = added.pinned.iter().filter(|pinned| pinned.doubtful && !pinned.unchanged);
    let doubtful = doubtful.map(|Pinned { package, .. }| {
        let PackageId { name, version } = package;
        format!("{name} has a library too: `envtool remove {name}`, then `envtool add --lib {name}@{version}` builds against it")
    });
    doubtful.chain(ties(added, arguments)).collect()
}

fn ties(added: &Added, arguments: &Arguments) -> Option<String> {
    let pinned = added.pinned.iter().find(|pinned| pinned.kind == Kind::Crate)?;
    let PackageId { name, version } = &pinned.package;
    let build = if arguments.build { " --build" } else { "" };
    let member = arguments.package.as_ref().map_or(String::new(), |member| format!(" -p {member}"));
    (added.ties_users && !pinned.unchanged).then(|| {
        format!(
            "this library's users are tied to {name} {version} exactly; `envtool add {name}{build}{member} --requirement {}` leaves the exactness to Cargo.lock",
            compatible(version)
        )
    })
}

/// The shortest requirement that cargo reads as "compatible with this version".
fn compatible(version: &Version) -> String {
    let Version { major, minor, patch, .. } = version;
    match (major, minor) {
        _ if !version.pre.is_empty() => version.to_string(),
        (0, 0) => format!("0.0.{patch}"),
        (0, _) => format!("0.{minor}"),
        _ => major.to_string(),
    }
}
