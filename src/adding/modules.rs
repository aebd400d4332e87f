//! Python packages: which release a spec means says uv's resolver, together with all that is pinned already.

use std::collections::{BTreeMap, BTreeSet};

use super::{Asked, Kind};
use crate::fault::{Fault, Result};
use crate::manifest::{ModulePin, ModuleSection, with_module};
use crate::module::{ModuleId, ModuleName, ModuleVersion};
use crate::spec::{AskedVersion, ModuleSpec};
use crate::sync::Session;
use crate::sync::modules::{Asking, Closure, requirement};
use crate::uv::Requirement;

/// One Python package that was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedModule {
    /// Its name and version.
    pub module: ModuleId,
    /// Whether it is a tool.
    pub is_tool: bool,
    /// The version that was pinned before.
    pub before: Option<ModuleVersion>,
    /// Whether the manifest says nothing else than before.
    pub unchanged: bool,
}

/// What pinning Python packages comes to.
#[derive(Debug, Default)]
pub(super) struct Decided {
    pub(super) pinned: Vec<PinnedModule>,
    /// Closures that the sync need not resolve again.
    pub(super) closures: BTreeMap<Option<ModuleName>, Closure>,
    /// envtool.toml.
    pub(super) text: String,
}

/// Chooses a release for each spec, and pins it in `text`.
pub(super) fn decide(session: &Session<'_>, asked: &Asked, text: String) -> Result<Decided> {
    let mut decided = Decided { text, ..Decided::default() };
    if asked.modules.is_empty() {
        return Ok(decided);
    }
    refuse_doubles(&asked.modules)?;
    let mut pinning = Pinning { session, asking: None };
    if asked.kind == Some(Kind::Tool) {
        for spec in &asked.modules {
            pinning.tool(spec, &mut decided)?;
        }
    } else {
        pinning.modules(&asked.modules, &mut decided)?;
    }
    Ok(decided)
}

/// Pins the newest that `specs` allow: of each tool, and of all modules together. Those whose releases differ by Python
/// or by platform stay as they are; their names come second.
pub(super) fn move_up(
    session: &Session<'_>,
    specs: &[(ModuleSpec, bool)],
    text: String,
) -> Result<(Decided, Vec<ModuleName>)> {
    let mut decided = Decided { text, ..Decided::default() };
    let (mut pinning, mut stay) = (Pinning { session, asking: None }, Vec::new());
    for (spec, _) in specs.iter().filter(|(_, is_tool)| *is_tool) {
        pinning.tool_up(spec, &mut decided, &mut stay)?;
    }
    let modules: Vec<ModuleSpec> =
        specs.iter().filter(|(_, is_tool)| !is_tool).map(|(spec, _)| spec.clone()).collect();
    pinning.modules_up(&modules, &mut decided, &mut stay)?;
    decided.pinned.retain(|one| !one.unchanged);
    Ok((decided, stay))
}

fn refuse_doubles(specs: &[ModuleSpec]) -> Result<()> {
    let mut names = BTreeSet::new();
    match specs.iter().find(|spec| !names.insert(&spec.name)) {
        None => Ok(()),
        Some(spec) => {
            Err(Fault::usage(format!("pypi:{} is asked for twice", spec.name)).help("name it once"))
        }
    }
}

struct Pinning<'s, 'a> {
    session: &'s Session<'a>,
    asking: Option<Asking<'s, 'a>>,
}

impl<'s, 'a> Pinning<'s, 'a> {
    fn asking(&mut self) -> Result<&Asking<'s, 'a>> {
        let session = self.session;
        match &mut self.asking {
            Some(asking) => Ok(asking),
            none => Ok(none.insert(Asking::new(session)?)),
        }
    }

    fn lowest(&self) -> Option<&'s str> {
        Some(self.session.lock_before.as_ref()?.python.as_ref()?.lowest.as_str())
    }

    /// A tool has a closure for itself.
    fn tool(&mut self, spec: &ModuleSpec, decided: &mut Decided) -> Result<()> {
        let session = self.session;
        let known = session.project.manifest.module_tools.get(&spec.name);
        if let Some(pin) = standing(spec, known) {
            decided.pinned.push(unchanged(spec, pin, true));
            return Ok(());
        }
        let asked = BTreeMap::from([(spec.name.clone(), asked_for(spec, known))]);
        let build = builds(known.map(|pin| (&spec.name, pin)));
        let before = session.lock_before.as_ref().and_then(|lock| lock.module_tool(&spec.name));
        let rows = before.map(|row| row.modules.as_slice()).unwrap_or_default();
        let lowest = self.lowest();
        let closure = self.asking()?.closure(&asked, &build, rows, lowest)?;
        pin(spec, &closure, known, true, decided)?;
        decided.closures.insert(Some(spec.name.clone()), closure);
        Ok(())
    }

    /// Modules share one closure.
    fn modules(&mut self, specs: &[ModuleSpec], decided: &mut Decided) -> Result<()> {
        let session = self.session;
        let pins = &session.project.manifest.modules;
        let mut asked: BTreeMap<ModuleName, Requirement> =
            pins.iter().map(|(name, pin)| (name.clone(), requirement(name, pin))).collect();
        let mut new = Vec::new();
        for spec in specs {
            let known = pins.get(&spec.name);
            if let Some(pin) = standing(spec, known) {
                decided.pinned.push(unchanged(spec, pin, false));
            } else {
                asked.insert(spec.name.clone(), asked_for(spec, known));
                new.push(spec);
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        let rows = session.lock_before.as_ref().map(|lock| lock.modules.as_slice()).unwrap_or_default();
        // What moves is not to be held back by what the lock says of it.
        let moved: Vec<_> =
            rows.iter().filter(|row| !new.iter().any(|spec| spec.name == row.name)).cloned().collect();
        let lowest = self.lowest();
        let closure = self.asking()?.closure(&asked, &builds(pins), &moved, lowest)?;
        for spec in new {
            pin(spec, &closure, pins.get(&spec.name), false, decided)?;
        }
        decided.closures.insert(None, closure);
        Ok(())
    }
}

impl Pinning<'_, '_> {
    fn tool_up(
        &mut self,
        spec: &ModuleSpec,
        decided: &mut Decided,
        stay: &mut Vec<ModuleName>,
    ) -> Result<()> {
        let known = self.session.project.manifest.module_tools.get(&spec.name);
        let build = builds(known.map(|pin| (&spec.name, pin)));
        let lowest = self.lowest();
        let mut up = vec![spec.clone()];
        while let Some(spec) = up.first().cloned() {
            let asked = BTreeMap::from([(spec.name.clone(), asked_for(&spec, known))]);
            // Nothing of the lock is preferred: what a tool stands on moves with it.
            let closure = self.asking()?.closure(&asked, &build, &[], lowest)?;
            if is_forked(&closure, &spec.name) {
                narrow(&mut up, &closure, stay);
                continue;
            }
            pin(&spec, &closure, known, true, decided)?;
            if decided.pinned.last().is_some_and(|one| !one.unchanged) {
                decided.closures.insert(Some(spec.name.clone()), closure);
            }
            break;
        }
        Ok(())
    }

    fn modules_up(
        &mut self,
        specs: &[ModuleSpec],
        decided: &mut Decided,
        stay: &mut Vec<ModuleName>,
    ) -> Result<()> {
        let session = self.session;
        let pins = &session.project.manifest.modules;
        let rows = session.lock_before.as_ref().map(|lock| lock.modules.as_slice()).unwrap_or_default();
        let lowest = self.lowest();
        let mut up = specs.to_vec();
        while !up.is_empty() {
            let mut asked: BTreeMap<ModuleName, Requirement> =
                pins.iter().map(|(name, pin)| (name.clone(), requirement(name, pin))).collect();
            asked.extend(up.iter().map(|spec| (spec.name.clone(), asked_for(spec, pins.get(&spec.name)))));
            let kept: Vec<_> =
                rows.iter().filter(|row| !up.iter().any(|spec| spec.name == row.name)).cloned().collect();
            let closure = self.asking()?.closure(&asked, &builds(pins), &kept, lowest)?;
            if up.iter().any(|spec| is_forked(&closure, &spec.name)) {
                narrow(&mut up, &closure, stay);
                continue;
            }
            let before = decided.pinned.len();
            for spec in &up {
                pin(spec, &closure, pins.get(&spec.name), false, decided)?;
            }
            if decided.pinned[before..].iter().any(|one| !one.unchanged) {
                decided.closures.insert(None, closure);
            }
            break;
        }
        Ok(())
    }
}

/// Whether the releases of a package differ by Python or by platform: a pin is one release.
fn is_forked(closure: &Closure, name: &ModuleName) -> bool {
    closure.rows.iter().filter(|row| row.name == *name).count() > 1
}

/// Asks for the oldest of the releases that a package came in, since that serves all; one that differs then too stays.
fn narrow(up: &mut Vec<ModuleSpec>, closure: &Closure, stay: &mut Vec<ModuleName>) {
    up.retain_mut(|spec| {
        if !is_forked(closure, &spec.name) {
            return true;
        }
        let rows = closure.rows.iter().filter(|row| row.name == spec.name);
        let oldest = rows.map(|row| row.version.clone()).min();
        match oldest {
            Some(oldest) if !matches!(spec.version, AskedVersion::Exact(_)) => {
                spec.version = AskedVersion::Exact(oldest);
                true
            }
            _ => {
                stay.push(spec.name.clone());
                false
            }
        }
    });
}

/// The pin that is there already, where it is what is asked for.
fn standing<'p>(spec: &ModuleSpec, pin: Option<&'p ModulePin>) -> Option<&'p ModulePin> {
    let same = |pin: &&ModulePin| match &spec.version {
        AskedVersion::Newest => !spec.names_version,
        AskedVersion::Exact(version) => *version == pin.version,
        AskedVersion::Matching(_) => false,
    };
    pin.filter(same).filter(|pin| spec.extras.is_subset(&pin.extras))
}

fn unchanged(spec: &ModuleSpec, pin: &ModulePin, is_tool: bool) -> PinnedModule {
    let module = ModuleId { name: spec.name.clone(), version: pin.version.clone() };
    PinnedModule { module, is_tool, before: Some(pin.version.clone()), unchanged: true }
}

/// What a resolver is asked for. A bare name keeps the version that is pinned, with more extras.
fn asked_for(spec: &ModuleSpec, known: Option<&ModulePin>) -> Requirement {
    let mut extras = known.map(|pin| pin.extras.clone()).unwrap_or_default();
    extras.extend(spec.extras.iter().cloned());
    let specifier = match known.filter(|_| !spec.names_version) {
        Some(pin) => format!("=={}", pin.version),
        None => spec.version.specifier(),
    };
    Requirement {
        name: spec.name.clone(),
        extras: extras.iter().map(ToString::to_string).collect(),
        specifier,
    }
}

fn builds<'p>(pins: impl IntoIterator<Item = (&'p ModuleName, &'p ModulePin)>) -> BTreeSet<ModuleName> {
    pins.into_iter().filter(|(_, pin)| pin.build).map(|(name, _)| name.clone()).collect()
}

fn pin(
    spec: &ModuleSpec,
    closure: &Closure,
    known: Option<&ModulePin>,
    is_tool: bool,
    decided: &mut Decided,
) -> Result<()> {
    let mut rows = closure.rows.iter().filter(|row| row.name == spec.name);
    let (row, None) = (rows.next(), rows.next()) else {
        return Err(Fault::new(format!("could not add {spec}"))
            .why("its releases differ by platform or by Python, and a pin is one release")
            .help(format!("name the version: `pypi:{}@VERSION`", spec.name)));
    };
    let row =
        row.ok_or_else(|| Fault::bug(format!("could not add {spec}")).why("the resolver left it out"))?;
    let extras = row.asked.as_ref().map(|asked| asked.extras.clone()).unwrap_or_default();
    let next = ModulePin { version: row.version.clone(), extras, build: known.is_some_and(|pin| pin.build) };
    let unchanged = known == Some(&next);
    if !unchanged {
        let section = if is_tool { ModuleSection::Tools } else { ModuleSection::Modules };
        decided.text = with_module(&decided.text, section, &spec.name, &next)?;
    }
    let before = known.map(|pin| pin.version.clone());
    decided.pinned.push(PinnedModule { module: row.id(), is_tool, before, unchanged });
    Ok(())
}
