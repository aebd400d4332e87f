//! The service behind `envtool upgrade`: pins move to newer releases, all of them or none.
//!
//! Which release a crate or a tool moves to says its registry; what a requirement of Cargo.toml takes says cargo's
//! resolver, and of Python packages uv's. The rest is a sync with the manifests as they are to be.

use std::collections::BTreeSet;

use semver::Version;

use super::newer::{self, Pin};
use super::newer_modules::{self, ModulePin};
use super::outdated::{of, of_module};
use super::{Kind, Named, Of, modules};
use crate::cargo_edit;
use crate::cargo_lock::CargoLock;
use crate::context::Context;
use crate::environment::Rewrite;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::manifest::{Section, ToolPin, with_pin};
use crate::near;
use crate::package::PackageId;
use crate::project::Project;
use crate::registry::releases::Release;
use crate::signals;
use crate::spec::{AskedVersion, ModuleSpec};
use crate::sync::{self, Edits, Report, Session};

/// What is to move, and how far.
#[derive(Debug)]
pub struct Upgrade {
    /// Which pins; none named: all.
    pub names: Vec<Named>,
    /// Which of them not.
    pub exclude: Vec<Named>,
    /// Whether also to releases that are not compatible.
    pub latest: bool,
    /// Whether nothing is to be done.
    pub dry_run: bool,
}

/// A package that moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The package.
    pub of: Of,
    /// From where.
    pub from: String,
    /// To where.
    pub to: String,
}

/// A package that stays, though there is a newer release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// The package.
    pub of: Of,
    /// At which version.
    pub at: String,
    /// Why.
    pub why: String,
}

/// What an upgrade did, or would do.
#[derive(Debug, Default)]
pub struct Upgraded {
    /// What moved.
    pub moved: Vec<Move>,
    /// What stayed.
    pub stays: Vec<Stay>,
    /// Whether a crate or a tool has a newer release that is not compatible with what is pinned.
    pub beyond: bool,
    /// Whether cargo's resolver has the last word on some, and was not asked.
    pub open: bool,
    /// What the sync did; `None` where nothing was to be done.
    pub report: Option<Report>,
}

/// Moves pins, locks and installs.
pub fn upgrade(project: &Project, asked: &Upgrade, context: &Context<'_>) -> Result<Upgraded> {
    // 1. Nobody else changes the project from here on. It is read again: somebody may have been at work, or have been
    //    killed at it.
    let session = Session::open(project, context)?;
    let _held = signals::hold()?;
    let project = Project::at(project.layout.root())?;
    let session = session.of(&project);
    // 2. What the manifests say next.
    let decided = decide(&session, asked);
    if decided.is_err() || asked.dry_run {
        session.leave()?;
        signals::check()?;
    }
    let Decided { project, edits, mut upgraded, updates } = decided?;
    if asked.dry_run {
        upgraded.open = !updates.is_empty();
        upgraded.moved.extend(updates.into_iter().map(|update| update.planned()));
        return Ok(upgraded);
    }
    // 3. Make it so.
    let session = session.of(&project);
    if upgraded.moved.is_empty() && updates.is_empty() {
        upgraded.report = Some(sync::sync_unchanged(&session)?);
        return Ok(upgraded);
    }
    // What moves within a requirement excludes nothing: it comes as far as it can.
    let is_only = upgraded.moved.len() + updates.len() == 1;
    let blamed = |fault| if is_only { fault } else { blame(fault, &upgraded.moved) };
    upgraded.report = Some(sync::sync_with(&session, &edits).map_err(blamed)?);
    // 4. What became of those that cargo has the last word on.
    let lock = read_cargo_lock(&project)?;
    for update in updates {
        update.told(lock.as_ref(), &mut upgraded);
    }
    Ok(upgraded)
}

/// A package of Cargo.lock that moves within what asks for it.
struct Update {
    id: PackageId,
    /// The pin that asks for it; `None` for one that only others need.
    pin: Option<Pin>,
    /// The newest that matches.
    to: Option<Version>,
}

impl Update {
    fn of(&self) -> Of {
        self.pin
            .as_ref()
            .map_or_else(|| Of { kind: "crate", registry: "cargo", name: self.id.name.to_string() }, of)
    }

    fn planned(&self) -> Move {
        let to =
            self.to.as_ref().map_or("the newest that what needs it takes".to_owned(), ToString::to_string);
        Move { of: self.of(), from: self.id.version.to_string(), to }
    }

    /// Says what became of it.
    fn told(self, lock: Option<&CargoLock>, upgraded: &mut Upgraded) {
        let of = self.of();
        let same = |id: &&PackageId| {
            id.name == self.id.name
                && self.pin.as_ref().map_or(newer::are_compatible(&id.version, &self.id.version), |pin| {
                    pin.takes(&id.version)
                })
        };
        let now = lock.iter().flat_map(|lock| lock.external()).map(|(package, _)| &package.id);
        let Some(now) = now.filter(same).map(|id| id.version.clone()).max() else { return };
        let at = now.to_string();
        if now > self.id.version {
            let moved = Move { of: of.clone(), from: self.id.version.to_string(), to: at.clone() };
            upgraded.moved.push(moved);
        } else if self.pin.is_none() {
            let why = "what needs it takes no newer one".to_owned();
            upgraded.stays.push(Stay { of: of.clone(), at: at.clone(), why });
        }
        if let Some(to) = self.to.filter(|to| *to > now) {
            let why = format!("{to} matches too, and does not go with what else is locked");
            upgraded.stays.push(Stay { of, at, why });
        }
    }
}

/// What an upgrade comes to.
struct Decided {
    /// The project with its next manifest.
    project: Project,
    edits: Edits,
    /// As far as it is known before cargo locks.
    upgraded: Upgraded,
    /// What cargo has the last word on.
    updates: Vec<Update>,
}

fn decide(session: &Session<'_>, asked: &Upgrade) -> Result<Decided> {
    let project = session.project;
    // 1. Which pins.
    let (pins, before) = newer::pins(project, &session.config, session.context)?;
    let chosen = Chosen::of(asked, pins, newer_modules::pins(project), read_cargo_lock(project)?.as_ref())?;
    let mut next = Next {
        texts: before.clone(),
        manifest: project.text.clone(),
        edits: Edits::default(),
        upgraded: Upgraded::default(),
        updates: chosen.closure,
    };
    // 2. Crates and tools: their registries say which releases there are.
    let answers = session.fetching(|fetcher| newer::ask(fetcher, &chosen.pins, &session.config))?;
    for (pin, newer) in chosen.pins.iter().zip(answers) {
        let newer = newer.map_err(|fault| leave_out(fault, &of(pin)))?;
        next.take(project, pin, &newer, asked.latest)?;
    }
    // 3. Python packages: uv chooses, all of them together.
    if !chosen.modules.is_empty() {
        next.take_modules(session, &chosen.modules, asked.latest)?;
    }
    // 4. What that makes of the manifests.
    let Next { texts, manifest, mut edits, upgraded, mut updates } = next;
    updates.sort_by(|a, b| a.id.cmp(&b.id));
    updates.dedup_by(|a, b| a.id == b.id);
    edits.updates = updates.iter().map(|update| update.id.clone()).collect();
    edits.manifests = texts
        .into_iter()
        .filter_map(|(path, text)| {
            let before = before.get(&path)?.clone();
            (text != before).then_some(Rewrite { path, before, text })
        })
        .collect();
    Ok(Decided { project: project.with_manifest(manifest)?, edits, upgraded, updates })
}

/// The pins that are to move.
struct Chosen {
    pins: Vec<Pin>,
    modules: Vec<ModulePin>,
    /// Packages of Cargo.lock that were named, and that only others need.
    closure: Vec<Update>,
}

impl Chosen {
    fn of(
        asked: &Upgrade,
        pins: Vec<Pin>,
        modules: Vec<ModulePin>,
        lock: Option<&CargoLock>,
    ) -> Result<Self> {
        let is_pin = |name: &Named, pin: &Pin| matches!(name, Named::Any(name) if *name == pin.name);
        let has_pin = |name: &Named| pins.iter().any(|pin| is_pin(name, pin));
        // A bare name is a Python package's where nothing else has it.
        let is_module = |name: &Named, module: &ModulePin| match name {
            Named::Module(name) => *name == module.name,
            Named::Any(bare) => {
                !has_pin(name)
                    && bare.as_str().parse().is_ok_and(|bare: crate::module::ModuleName| bare == module.name)
            }
        };
        let has = |name: &Named| has_pin(name) || modules.iter().any(|module| is_module(name, module));
        let mut closure = Vec::new();
        for name in asked.names.iter().filter(|name| !has(name)) {
            let before = closure.len();
            if let Named::Any(bare) = name {
                let found = lock
                    .iter()
                    .flat_map(|lock| lock.external())
                    .filter(|(package, _)| package.id.name == *bare);
                closure.extend(found.map(|(package, _)| Update {
                    id: package.id.clone(),
                    pin: None,
                    to: None,
                }));
            }
            if closure.len() == before {
                return Err(unknown(name, &pins, &modules));
            }
        }
        if let Some(name) = asked.exclude.iter().find(|name| !has(name)) {
            return Err(unknown(name, &pins, &modules));
        }
        let any = |names: &[Named], is: &dyn Fn(&Named) -> bool| names.iter().any(is);
        let wanted = |is: &dyn Fn(&Named) -> bool| {
            (asked.names.is_empty() || any(&asked.names, is)) && !any(&asked.exclude, is)
        };
        let chosen: BTreeSet<usize> =
            (0..pins.len()).filter(|at| wanted(&|name| is_pin(name, &pins[*at]))).collect();
        let chosen_modules: BTreeSet<usize> =
            (0..modules.len()).filter(|at| wanted(&|name| is_module(name, &modules[*at]))).collect();
        let kept = |all: &BTreeSet<usize>, at: usize| all.contains(&at);
        Ok(Self {
            pins: pins
                .into_iter()
                .enumerate()
                .filter(|(at, _)| kept(&chosen, *at))
                .map(|(_, pin)| pin)
                .collect(),
            modules: modules
                .into_iter()
                .enumerate()
                .filter(|(at, _)| kept(&chosen_modules, *at))
                .map(|(_, module)| module)
                .collect(),
            closure,
        })
    }
}

fn unknown(name: &Named, pins: &[Pin], modules: &[ModulePin]) -> Fault {
    let known: Vec<String> = pins
        .iter()
        .map(|pin| pin.name.to_string())
        .chain(modules.iter().map(|module| format!("pypi:{}", module.name)))
        .collect();
    let bare = known.iter().map(|name| name.trim_start_matches("pypi:"));
    let text = name.to_string();
    let near = near::nearest(text.trim_start_matches("pypi:"), bare);
    let fault = Fault::new(format!("nothing is pinned as {name}"));
    match near.is_empty() {
        false => fault.help(format!("did you mean {}?", near.join(" or "))),
        true => fault.help("`envtool outdated --all` shows what is pinned"),
    }
}

/// The manifests as they are to be.
struct Next {
    texts: newer::Texts,
    /// envtool.toml.
    manifest: String,
    edits: Edits,
    upgraded: Upgraded,
    updates: Vec<Update>,
}

impl Next {
    /// Moves a crate or a tool.
    fn take(&mut self, project: &Project, pin: &Pin, newer: &newer::Newer, latest: bool) -> Result<()> {
        let target = if latest { &newer.newest } else { &newer.matching };
        let stay = |why: String| Stay { of: of(pin), at: pin.pinned.to_string(), why };
        let version = |one: &Option<Release>| one.as_ref().map(|one| one.version.clone());
        self.upgraded.beyond |= !latest && version(&newer.newest) != version(&newer.matching);
        let Some(release) = target else {
            self.upgraded.stays.extend(newer.held().map(stay));
            return Ok(());
        };
        let to = &release.version;
        if pin.takes(to) {
            let id = PackageId { name: pin.name.clone(), version: pin.pinned.clone() };
            self.updates.push(Update { id, pin: Some(pin.clone()), to: Some(to.clone()) });
            return Ok(());
        }
        match (&pin.required, pin.moved_requirement(to)) {
            (Some(required), Some(text)) => {
                for (path, manifest) in &mut self.texts {
                    let moved = cargo_edit::move_requirement(manifest, required, &pin.name, &text)
                        .map_err(|fault| fault.while_doing(format!("could not change {}", path.display())))?;
                    if let Some(moved) = moved {
                        *manifest = moved;
                    }
                }
                if !pin.is_exact {
                    self.edits.precise.push(PackageId { name: pin.name.clone(), version: to.clone() });
                }
            }
            (Some(required), None) => {
                let requirement = &required.requirement;
                self.upgraded.stays.push(stay(format!(
                    "`{requirement}` in Cargo.toml is for you to change (`envtool add {}@{to}` pins the newest)",
                    pin.name
                )));
                return Ok(());
            }
            (None, _) => self.move_pin(project, pin, to)?,
        }
        self.upgraded.moved.push(Move { of: of(pin), from: pin.pinned.to_string(), to: to.to_string() });
        Ok(())
    }

    /// Moves a pin of envtool.toml.
    fn move_pin(&mut self, project: &Project, pin: &Pin, to: &Version) -> Result<()> {
        let manifest = &project.manifest;
        let (section, known) = match pin.kind {
            Kind::Tool => (Section::Tools, manifest.tools.get(&pin.name).cloned()),
            Kind::Crate => (
                Section::Crates,
                manifest.crates.get(&pin.name).map(|pin| ToolPin {
                    pin: pin.clone(),
                    bins: Vec::new(),
                    toolchain: None,
                }),
            ),
        };
        if let Some(mut next) = known {
            next.pin.version = to.clone();
            self.manifest = with_pin(&self.manifest, section, &pin.name, &next)?;
        }
        Ok(())
    }

    fn take_modules(&mut self, session: &Session<'_>, pins: &[ModulePin], latest: bool) -> Result<()> {
        let specs: Vec<(ModuleSpec, bool)> =
            pins.iter().map(|pin| Ok((spec(pin, latest)?, pin.is_tool))).collect::<Result<_>>()?;
        let asked: Vec<Move> = pins
            .iter()
            .map(|pin| Move { of: of_module(pin), from: pin.pinned.to_string(), to: String::new() })
            .collect();
        let (decided, stay) = modules::move_up(session, &specs, std::mem::take(&mut self.manifest))
            .map_err(|fault| if asked.len() == 1 { fault } else { blame(fault, &asked) })?;
        self.manifest = decided.text;
        self.edits.closures = decided.closures;
        self.upgraded.moved.extend(decided.pinned.iter().filter_map(|one| {
            let kind = if one.is_tool { "tool" } else { "module" };
            Some(Move {
                of: Of { kind, registry: "pypi", name: one.module.name.to_string() },
                from: one.before.as_ref()?.to_string(),
                to: one.module.version.to_string(),
            })
        }));
        let stays = pins.iter().filter(|pin| stay.contains(&pin.name));
        self.upgraded.stays.extend(stays.map(|pin| Stay {
            of: of_module(pin),
            at: pin.pinned.to_string(),
            why: "its newer releases differ by Python or by platform, and a pin is one release".to_owned(),
        }));
        Ok(())
    }
}

fn spec(pin: &ModulePin, latest: bool) -> Result<ModuleSpec> {
    let text = newer_modules::compatible(&pin.pinned);
    let text = if latest { text.split(',').next().unwrap_or_default() } else { &text };
    let specifiers = text.parse().map_err(|error: pep440_rs::VersionSpecifiersParseError| {
        Fault::bug(format!("could not ask for what is newer than {} {}", pin.name, pin.pinned))
            .because(&error)
    })?;
    Ok(ModuleSpec {
        name: pin.name.clone(),
        extras: BTreeSet::new(),
        version: AskedVersion::Matching(specifiers),
        names_version: true,
    })
}

fn read_cargo_lock(project: &Project) -> Result<Option<CargoLock>> {
    if !project.is_cargo {
        return Ok(None);
    }
    let path = project.layout.cargo_lock();
    fs::read(&path)?.map(|bytes| CargoLock::read(&bytes, &path.display().to_string())).transpose()
}

/// Says which of the moves a failure is about, and how the others go on without it: one whose next release it names,
/// else the first that it names at all.
fn blame(fault: Fault, moved: &[Move]) -> Fault {
    let text = fault.to_string();
    let named = |one: &&Move| named_at(&text, &one.of.name).is_some();
    let is_next = |one: &&Move| {
        ["", "v", "=="].iter().any(|sign| {
            let space = if *sign == "==" { "" } else { " " };
            !one.to.is_empty()
                && named_at(&text, &format!("{}{space}{sign}{}", one.of.name, one.to)).is_some()
        })
    };
    let first = || moved.iter().filter(named).min_by_key(|one| named_at(&text, &one.of.name));
    match moved.iter().find(is_next).or_else(first) {
        Some(one) => leave_out(fault, &one.of),
        None => fault,
    }
}

/// Where a text names a package.
fn named_at(text: &str, name: &str) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    text.match_indices(name).map(|(at, _)| at).find(|at| {
        !text[..*at].chars().next_back().is_some_and(is_part)
            && !text[at + name.len()..].chars().next().is_some_and(is_part)
    })
}

fn leave_out(fault: Fault, of: &Of) -> Fault {
    let name = of.typed();
    let help = match fault.help_text() {
        Some(help) => format!("{help}; or leave {name} out: `envtool upgrade --exclude {name}`"),
        None => format!("leave it out: `envtool upgrade --exclude {name}`"),
    };
    fault.while_doing(format!("could not upgrade {name}, and so nothing was upgraded")).help(help)
}

#[cfg(test)]
mod tests {
    use super::{Fault, Move, Of, blame};

    #[test]
    fn a_failure_names_the_move_that_it_is_about() {
        let moved = |name: &str, registry: &'static str| Move {
            of: Of { kind: "crate", registry, name: name.to_owned() },
            from: "1".to_owned(),
            to: "2".to_owned(),
        };
        let all = [moved("serde", "cargo"), moved("alpha", "cargo"), moved("six", "pypi")];
        for (text, expected) in [
            ("failed to select a version for `alpha`, required by `serde v1`", Some("alpha")),
            ("for `serde`: satisfies `alpha = \"=2\"` of `x`, and `alpha v2`", Some("alpha")),
            ("serde_json alphabet my-alpha", None),
            ("because six==2 is there", Some("pypi:six")),
        ] {
            let fault = blame(Fault::new("x").why(text).help("y"), &all);
            let help =
                expected.map(|name| format!("y; or leave {name} out: `envtool upgrade --exclude {name}`"));
            assert_eq!(fault.help_text(), Some(help.as_deref().unwrap_or("y")), "{text}");
        }
    }
}
