//! Which Python packages a fix can pin: all of them with one question to the resolver, since they share one closure; and
//! where that has no answer, those that have one. What cannot come in hinders no other.

use std::collections::BTreeMap;

use super::Step;
use crate::fault::{Fault, Result};
use crate::manifest::ModulePin;
use crate::module::{ModuleId, ModuleName};
use crate::signals;
use crate::sync::Session;
use crate::sync::modules::{Asking, Closure, requirement};
use crate::uv_words::{Kind, NoSolution};

/// What was decided.
#[derive(Default)]
pub(super) struct Pinning {
    /// The packages that are pinned.
    pub(super) accepted: Vec<ModuleId>,
    /// The closure of all pins, these among them.
    pub(super) closures: BTreeMap<Option<ModuleName>, Closure>,
    /// Why the first of the others cannot.
    pub(super) why: Option<Fault>,
}

impl Pinning {
    /// Asks for the packages that `steps` pin.
    pub(super) fn decide(session: &Session<'_>, steps: &[Step]) -> Result<Self> {
        let ids = steps.iter().filter_map(|step| match step {
            Step::PinModule { id } => Some(id.clone()),
            _ => None,
        });
        let mut left: Vec<ModuleId> = ids.collect();
        let mut pinning = Self::default();
        if left.is_empty() {
            return Ok(pinning);
        }
        let asking = Asking::new(session)?;
        // 1. All; and again without one of which there is nothing to be had.
        while !left.is_empty() {
            signals::check()?;
            let none = match attempt(&asking, session, &left)? {
                Ok(closure) => {
                    pinning.accept(left, closure);
                    return Ok(pinning);
                }
                Err(none) => none,
            };
            let culprit = culprit(&none).and_then(|name| left.iter().position(|id| id.name == name));
            let Some(at) = culprit.or((left.len() == 1).then_some(0)) else { break };
            let id = left.remove(at);
            pinning.refuse(&id, none, session);
        }
        // 2. They exclude each other: one after the other, in their order.
        for id in left {
            signals::check()?;
            let mut all = pinning.accepted.clone();
            all.push(id.clone());
            match attempt(&asking, session, &all)? {
                Ok(closure) => pinning.accept(all, closure),
                Err(none) => pinning.refuse(&id, none, session),
            }
        }
        Ok(pinning)
    }

    fn accept(&mut self, ids: Vec<ModuleId>, closure: Closure) {
        self.accepted = ids;
        self.closures.insert(None, closure);
    }

    fn refuse(&mut self, id: &ModuleId, none: NoSolution, session: &Session<'_>) {
        let fault = none.fault(format!("could not pin {id}"));
        let help = fault.help_text().map(|help| format!(" ({help})")).unwrap_or_default();
        let why = fault.causes().join(": ");
        session
            .context
            .progress
            .warn(&format!("{id} stays as it is, since it cannot be pinned: {why}{help}"));
        self.why.get_or_insert(fault);
    }
}

/// The package that there is no way to have, whatever else is asked for.
fn culprit(none: &NoSolution) -> Option<ModuleName> {
    match &none.kind {
        Kind::UnknownName(name) | Kind::UnknownVersion(name) | Kind::NoWheel(name) | Kind::Yanked(name) => {
            name.clone()
        }
        Kind::Python(_) | Kind::Conflict => None,
    }
}

/// The closure of what is pinned and of `ids`.
fn attempt(
    asking: &Asking<'_, '_>,
    session: &Session<'_>,
    ids: &[ModuleId],
) -> Result<std::result::Result<Closure, NoSolution>> {
    let pins = &session.project.manifest.modules;
    let mut asked: BTreeMap<_, _> =
        pins.iter().map(|(name, pin)| (name.clone(), requirement(name, pin))).collect();
    for id in ids {
        asked.insert(id.name.clone(), requirement(&id.name, &ModulePin::new(id.version.clone())));
    }
    let builds = pins.iter().filter(|(_, pin)| pin.build).map(|(name, _)| name.clone()).collect();
    let before = session.lock_before.as_ref();
    let rows = before.map(|lock| lock.modules.as_slice()).unwrap_or_default();
    // What is pinned now is not to be held back by what the lock says of it.
    let rows: Vec<_> = rows.iter().filter(|row| !ids.iter().any(|id| id.name == row.name)).cloned().collect();
    let lowest = before.and_then(|lock| lock.python.as_ref()).map(|python| python.lowest.as_str());
    asking.attempt(&asked, &builds, &rows, lowest)
}
