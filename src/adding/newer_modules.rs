//! The Python packages that a project pins, and which newer releases of them there are: uv is asked.

use std::collections::{BTreeMap, BTreeSet};

use crate::context::Context;
use crate::fault::Result;
use crate::lock::Lock;
use crate::module::{ModuleName, ModuleVersion};
use crate::parallel;
use crate::project::Project;
use crate::python::Interpreter;
use crate::store::Store;
use crate::uv::{Newest, Requirement, Uv};
use crate::uv_words::NoSolution;

/// A Python package that a project pins.
#[derive(Debug, Clone)]
pub(super) struct ModulePin {
    pub(super) name: ModuleName,
    pub(super) is_tool: bool,
    pub(super) pinned: ModuleVersion,
    build: bool,
}

/// The newer releases of one pin.
#[derive(Debug, Clone, Default)]
pub(super) struct Newer {
    /// The newest that matches.
    pub(super) matching: Option<Newest>,
    /// The newest of all.
    pub(super) newest: Option<Newest>,
}

/// The Python packages that a project pins: tools, then modules.
pub(super) fn pins(project: &Project) -> Vec<ModulePin> {
    let (tools, modules) = (&project.manifest.module_tools, &project.manifest.modules);
    let pins = tools.iter().map(|pin| (pin, true)).chain(modules.iter().map(|pin| (pin, false)));
    let one = |((name, pin), is_tool): ((&ModuleName, &crate::manifest::ModulePin), bool)| ModulePin {
        name: name.clone(),
        is_tool,
        pinned: pin.version.clone(),
        build: pin.build,
    };
    pins.map(one).collect()
}

/// What matches a pin, as PEP 440 says it: what cargo would call compatible, since most packages of PyPI count so too.
pub(super) fn compatible(version: &ModuleVersion) -> String {
    let version = version.as_pep440();
    let epoch = match version.epoch() {
        0 => String::new(),
        epoch => format!("{epoch}!"),
    };
    let release: Vec<u64> = version.release().to_vec();
    let first = release.iter().position(|part| *part > 0).unwrap_or(release.len().saturating_sub(1));
    let mut below: Vec<String> = release.iter().take(first).map(ToString::to_string).collect();
    let last = release.get(first).copied().unwrap_or_default();
    below.push(last.saturating_add(1).to_string());
    // A local version is no bound.
    format!(">={},<{epoch}{}", version.clone().without_local(), below.join("."))
}

/// What is asked of one pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Matching,
    Newest,
}

/// Asks the index which newer releases of `pins` there are, about all of them at once.
pub(super) fn ask(
    project: &Project,
    lock: Option<&Lock>,
    pins: &[ModulePin],
    context: &Context<'_>,
) -> Result<Vec<Result<Newer>>> {
    if pins.is_empty() {
        return Ok(Vec::new());
    }
    let store = Store::new(context.cache()?);
    let wanted = project.manifest.env.python;
    let interpreter = Interpreter::find(context, &store, wanted.map(|wanted| wanted.to_string()).as_deref())?;
    let known = lock.and_then(|lock| lock.python.as_ref()).map(|python| python.lowest.as_str());
    let lowest = interpreter.lowest(known, wanted);
    let asking = Asking {
        uv: Uv::find(context, &store, project.mirror(context)?.as_ref())?,
        interpreter,
        lowest,
        pins,
    };
    // A name may be pinned as a tool and as a module: in one question it can stand once.
    let (mut batches, mut names): (Vec<Vec<usize>>, Vec<BTreeSet<&ModuleName>>) = (Vec::new(), Vec::new());
    for (at, pin) in pins.iter().enumerate() {
        let free = names.iter().position(|names| !names.contains(&pin.name));
        let batch = free.unwrap_or(batches.len());
        if batch == batches.len() {
            batches.push(Vec::new());
            names.push(BTreeSet::new());
        }
        batches[batch].push(at);
        names[batch].insert(&pin.name);
    }
    let jobs = batches.iter().flat_map(|batch| [(batch, Wish::Matching), (batch, Wish::Newest)]).collect();
    let answers = parallel::each(jobs, |(batch, wish)| Ok((wish, asking.batch(batch, wish))))?;
    let mut found: Vec<Result<Newer>> = pins.iter().map(|_| Ok(Newer::default())).collect();
    for (wish, answers) in answers {
        for (at, answer) in answers {
            let is_newer = |newest: &Newest| newest.version > pins[at].pinned;
            match (answer, &mut found[at]) {
                (Err(fault), known) => *known = Err(fault),
                (Ok(newest), Ok(known)) => match wish {
                    Wish::Matching => known.matching = newest.filter(is_newer),
                    Wish::Newest => known.newest = newest.filter(is_newer),
                },
                (Ok(_), Err(_)) => {}
            }
        }
    }
    // A pre-release that matches a pinned one is newer than what nobody named.
    for newer in found.iter_mut().flatten() {
        let both = [newer.newest.take(), newer.matching.clone()];
        newer.newest = both.into_iter().flatten().max_by(|a, b| a.version.cmp(&b.version));
    }
    Ok(found)
}

struct Asking<'p> {
    uv: Uv,
    interpreter: Interpreter,
    lowest: String,
    pins: &'p [ModulePin],
}

/// What came of one pin: its place, and the release.
type Answer = (usize, Result<Option<Newest>>);

impl Asking<'_> {
    /// All of them in one question, and where that has no answer one by one: then one of them is to blame.
    fn batch(&self, batch: &[usize], wish: Wish) -> Vec<Answer> {
        if batch.len() > 1
            && let Ok(Ok(found)) = self.question(batch, wish, false)
        {
            return batch.iter().map(|at| (*at, Ok(found.get(&self.pins[*at].name).cloned()))).collect();
        }
        let hastily = batch.len() > 1;
        batch.iter().map(|at| (*at, self.one(*at, wish, hastily))).collect()
    }

    fn one(&self, at: usize, wish: Wish, hastily: bool) -> Result<Option<Newest>> {
        let name = &self.pins[at].name;
        match self.question(&[at], wish, hastily)? {
            Ok(mut found) => Ok(found.remove(name)),
            // Nothing that matches may be left in the index.
            Err(_) if wish == Wish::Matching => Ok(None),
            Err(none) => Err(none.fault(format!("could not ask the index about {name}"))),
        }
    }

    fn question(&self, batch: &[usize], wish: Wish, hastily: bool) -> Result<Question> {
        let pins = || batch.iter().map(|at| &self.pins[*at]);
        let asked: Vec<Requirement> = pins()
            .map(|pin| Requirement {
                name: pin.name.clone(),
                extras: Vec::new(),
                specifier: match wish {
                    Wish::Matching => compatible(&pin.pinned),
                    Wish::Newest => String::new(),
                },
            })
            .collect();
        let build = pins().filter(|pin| pin.build).map(|pin| pin.name.clone()).collect();
        self.uv.newest(&asked, &self.interpreter, &self.lowest, &build, hastily)
    }
}

/// What the index says, or why it has nothing.
type Question = std::result::Result<BTreeMap<ModuleName, Newest>, NoSolution>;

#[cfg(test)]
mod tests {
    use super::compatible;

    #[test]
    fn what_is_compatible_is_what_cargo_would_take() {
        for (version, specifier) in [
            ("2.31.0", ">=2.31.0,<3"),
            ("0.12.3", ">=0.12.3,<0.13"),
            ("0.0.4", ">=0.0.4,<0.0.5"),
            ("0", ">=0,<1"),
            ("2024.7.4", ">=2024.7.4,<2025"),
            ("1!2.0rc1", ">=1!2.0rc1,<1!3"),
            ("1.0+cpu", ">=1.0,<2"),
        ] {
            assert_eq!(compatible(&version.parse().unwrap()), specifier);
        }
    }
}
