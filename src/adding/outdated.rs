//! The service behind `envtool outdated`: what is pinned beside what there is. It takes no lock of the environment and
//! changes nothing of the project: only the answers of indexes are kept, in the store.

use super::Kind;
use super::newer::{self, Pin};
use super::newer_modules::{self, ModulePin};
use crate::cargo::config;
use crate::cargo_config::CargoConfig;
use crate::context::Context;
use crate::fault::{Fault, Result};
use crate::lock::Lock;
use crate::project::Project;
use crate::store::Store;
use crate::sync::session::{fetching, read_lock};

/// One pin beside what there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The package.
    pub of: Of,
    /// The version that is locked, or pinned.
    pub pinned: String,
    /// What Cargo.toml asks for, where that is no exact version.
    pub requirement: Option<String>,
    /// The newest that matches: `pinned` where there is none that is newer.
    pub matching: String,
    /// The newest of all.
    pub newest: String,
    /// When that one was published, where the registry says so.
    pub published: Option<String>,
    /// Which release there is besides, and what it needs.
    pub held: Option<String>,
}

impl Compared {
    /// Whether there is anything newer.
    pub fn is_outdated(&self) -> bool {
        self.matching != self.pinned || self.newest != self.pinned
    }
}

/// A package that is pinned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Of {
    /// `crate`, `tool` or `module`.
    pub kind: &'static str,
    /// The registry, as package URLs name it.
    pub registry: &'static str,
    /// Its name.
    pub name: String,
}

impl Of {
    /// Its name as the command line takes it.
    pub fn typed(&self) -> String {
        match self.registry {
            "pypi" => format!("pypi:{}", self.name),
            _ => self.name.clone(),
        }
    }
}

/// All pins.
#[derive(Debug, Default)]
pub struct Outdated {
    /// Those that could be asked about: crates, tools, modules.
    pub compared: Vec<Compared>,
    /// Those that could not, and why.
    pub failed: Vec<(Of, Fault)>,
}

/// Asks all registries at once what there is of what a project pins.
pub fn outdated(project: &Project, context: &Context<'_>) -> Result<Outdated> {
    // 1. What is pinned.
    let lock = read_lock(project)?;
    let config = config::of_project(project.layout.root(), context)?.with_mirror(project.mirror(context)?);
    let (pins, _) = newer::pins(project, &config, context)?;
    let module_pins = newer_modules::pins(project);
    // 2. What there is.
    let (crates, modules) = std::thread::scope(|scope| {
        let modules = scope.spawn(|| ask_modules(project, lock.as_ref(), &module_pins, context));
        let crates = ask_crates(&pins, &config, context);
        let early = |_| Err(Fault::bug("a thread of envtool ended early"));
        (crates, modules.join().unwrap_or_else(early))
    });
    // 3. Side by side.
    let mut found = Outdated::default();
    for (pin, answer) in pins.iter().zip(crates?) {
        match answer {
            Ok(newer) => found.compared.push(compared(pin, &newer)),
            Err(fault) => found.failed.push((of(pin), fault)),
        }
    }
    for (pin, answer) in module_pins.iter().zip(modules?) {
        match answer {
            Ok(newer) => found.compared.push(compared_module(pin, &newer)),
            Err(fault) => found.failed.push((of_module(pin), fault)),
        }
    }
    // Two members may ask for one crate alike.
    found.compared.sort_by(|a, b| (order(&a.of), &a.pinned).cmp(&(order(&b.of), &b.pinned)));
    found.compared.dedup();
    found.failed.sort_by(|a, b| order(&a.0).cmp(&order(&b.0)));
    found.failed.dedup_by(|a, b| a.0 == b.0);
    Ok(found)
}

fn order(of: &Of) -> (usize, &str) {
    (["crate", "tool", "module"].iter().position(|kind| *kind == of.kind).unwrap_or_default(), &of.name)
}

fn ask_crates(
    pins: &[Pin],
    config: &CargoConfig,
    context: &Context<'_>,
) -> Result<Vec<Result<newer::Newer>>> {
    let store = Store::new(context.cache()?);
    let lock = store.lock(&context.waiting(&|| context.tell_waiting()))?;
    fetching(context, config, (&store, &lock), |fetcher| newer::ask(fetcher, pins, config))
}

/// Where neither Python nor uv is to be had, no package can be asked about.
fn ask_modules(
    project: &Project,
    lock: Option<&Lock>,
    pins: &[ModulePin],
    context: &Context<'_>,
) -> Result<Vec<Result<newer_modules::Newer>>> {
    let asked = newer_modules::ask(project, lock, pins, context);
    crate::signals::check()?;
    Ok(asked.unwrap_or_else(|fault| pins.iter().map(|_| Err(fault.clone())).collect()))
}

pub(super) fn of(pin: &Pin) -> Of {
    let kind = match pin.kind {
        Kind::Crate => "crate",
        Kind::Tool => "tool",
    };
    Of { kind, registry: "cargo", name: pin.name.to_string() }
}

pub(super) fn of_module(pin: &ModulePin) -> Of {
    Of { kind: if pin.is_tool { "tool" } else { "module" }, registry: "pypi", name: pin.name.to_string() }
}

fn compared(pin: &Pin, newer: &newer::Newer) -> Compared {
    let version = |release: &Option<crate::registry::releases::Release>| {
        release.as_ref().map_or_else(|| pin.pinned.to_string(), |release| release.version.to_string())
    };
    Compared {
        of: of(pin),
        pinned: pin.pinned.to_string(),
        requirement: pin.required.as_ref().filter(|_| !pin.is_exact).map(|one| one.requirement.clone()),
        matching: version(&newer.matching),
        newest: version(&newer.newest),
        published: newer.newest.as_ref().and_then(|release| release.published.clone()),
        held: newer.held(),
    }
}

fn compared_module(pin: &ModulePin, newer: &newer_modules::Newer) -> Compared {
    let version = |newest: &Option<crate::uv::Newest>| {
        newest.as_ref().map_or_else(|| pin.pinned.to_string(), |newest| newest.version.to_string())
    };
    Compared {
        of: of_module(pin),
        pinned: pin.pinned.to_string(),
        requirement: None,
        matching: version(&newer.matching),
        newest: version(&newer.newest),
        published: newer.newest.as_ref().and_then(|newest| newest.published.clone()),
        held: None,
    }
}
