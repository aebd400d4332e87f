//! The Python packages of a project: rows of envtool.lock that uv's resolver found, installed by hash into venvs that
//! are made anew as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::Session;
use super::places::{has_our_python, in_the_way, is_ours, shown_folder, strays, theirs};
use crate::environment::{Change, PythonRecord, Venv};
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::{LOCK, PYTHON, tool_venv};
use crate::lock::{AskedOfModule, Lock, ModuleRow, ModuleToolRow, Python, serve};
use crate::manifest::{ModulePin, PythonVersion};
use crate::module::{ModuleId, ModuleName};
use crate::python::Interpreter;
use crate::python::installed::{self, Base};
use crate::receipt::ModuleReceipt;
use crate::tool_plan::{VenvBins, Venvs};
use crate::uv::{Locked as Wanted, Placed, Requirement, Resolved, Uv};
use crate::uv_words::{Kind, NoSolution};

/// What the rows of a lock say of Python.
#[derive(Debug, Default, Clone)]
pub(super) struct Locked {
    pub(super) python: Option<Python>,
    pub(super) modules: Vec<ModuleRow>,
    pub(super) tools: Vec<ModuleToolRow>,
}

/// The closure of some pins, resolved before the sync began.
#[derive(Debug, Clone)]
pub struct Closure {
    /// Its rows, sorted.
    pub rows: Vec<ModuleRow>,
    /// The oldest Python that they are for.
    pub lowest: String,
}

/// What asks uv: found once, and only where it is needed.
pub struct Asking<'s, 'a> {
    session: &'s Session<'a>,
    /// The uv program.
    pub uv: Uv,
    interpreter: &'s Interpreter,
}

impl<'s, 'a> Asking<'s, 'a> {
    /// Finds uv and Python.
    pub fn new(session: &'s Session<'a>) -> Result<Self> {
        let interpreter = interpreter(session)?;
        let uv = Uv::find(session.context, &session.store, session.config.mirror())?;
        Ok(Self { session, uv, interpreter })
    }

    /// Where the index has the files of these rows.
    pub fn places(&self, rows: &[&ModuleRow], lowest: &str) -> Result<Vec<Placed>> {
        let builds = rows.iter().filter(|row| row.build()).map(|row| row.name.clone()).collect();
        let ids: Vec<ModuleId> = rows.iter().map(|row| row.id()).collect();
        self.uv.places(&ids, &builds, self.interpreter, lowest)
    }

    /// Where the index has the wheels of the uv that is brought.
    pub fn places_of_uv(&self) -> Result<Vec<Placed>> {
        self.uv.places_of_uv(self.interpreter)
    }

    /// The closure of `asked`; what `before` names keeps its version where it can. `builds` may be built from source.
    pub fn closure(
        &self,
        asked: &BTreeMap<ModuleName, Requirement>,
        builds: &BTreeSet<ModuleName>,
        before: &[ModuleRow],
        lowest: Option<&str>,
    ) -> Result<Closure> {
        self.attempt(asked, builds, before, lowest)?
            .map_err(|none| none.fault("could not choose releases of the Python packages"))
    }

    /// The same, where that there is none is an answer.
    pub fn attempt(
        &self,
        asked: &BTreeMap<ModuleName, Requirement>,
        builds: &BTreeSet<ModuleName>,
        before: &[ModuleRow],
        lowest: Option<&str>,
    ) -> Result<std::result::Result<Closure, NoSolution>> {
        let own = (self.interpreter.version.0, self.interpreter.version.1);
        let text = |(major, minor): (u32, u32)| format!("{major}.{minor}");
        let lowest = self.interpreter.lowest(lowest, self.session.project.manifest.env.python);
        let prefer: Vec<ModuleId> = before.iter().map(ModuleRow::id).collect();
        let requirements: Vec<Requirement> = asked.values().cloned().collect();
        let resolve = |lowest: &str| {
            let _step = tracing::debug_span!("resolve", lowest).entered();
            self.session.shown("Resolving Python packages", || {
                self.uv.resolve(&requirements, &prefer, self.interpreter, lowest, builds)
            })
        };
        let mut found = resolve(&lowest)?;
        let mut used = lowest.clone();
        // A package for newer Pythons alone: then the lock is for those from this one on.
        if matches!(&found, Err(none) if matches!(none.kind, Kind::Python(_))) && lowest != text(own) {
            used = text(own);
            found = resolve(&used)?;
        }
        let resolved = match found {
            Ok(resolved) => resolved,
            Err(none) => return Ok(Err(none)),
        };
        if let Some(none) = resolved.iter().find_map(|one| self.yanked(one)) {
            return Ok(Err(none));
        }
        let mut rows: Vec<ModuleRow> = resolved.into_iter().map(|one| row(one, asked, builds)).collect();
        rows.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        Ok(Ok(Closure { rows, lowest: used }))
    }

    /// Refuses what was taken back by who published it, unless it is in the lock.
    fn yanked(&self, resolved: &Resolved) -> Option<NoSolution> {
        let why = resolved.yanked.as_ref()?;
        let mut locked = self.session.lock_before.iter().flat_map(|lock| {
            lock.modules.iter().chain(lock.module_tools.iter().flat_map(|tool| &tool.modules))
        });
        if locked.any(|row| row.id() == resolved.id) {
            return None;
        }
        let ModuleId { name, version } = &resolved.id;
        Some(NoSolution {
            kind: Kind::Yanked(Some(name.clone())),
            why: vec![format!("who published {name} {version} has yanked it: {}", why.escape_debug())],
            help: format!(
                "choose another version: `envtool add pypi:{name}@latest` takes the newest that is not yanked"
            ),
        })
    }
}

fn row(
    resolved: Resolved,
    asked: &BTreeMap<ModuleName, Requirement>,
    builds: &BTreeSet<ModuleName>,
) -> ModuleRow {
    let ModuleId { name, version } = resolved.id;
    let asked = asked.get(&name).map(|requirement| AskedOfModule {
        extras: requirement.extras.iter().filter_map(|extra| extra.parse().ok()).collect(),
        build: builds.contains(&name),
    });
    ModuleRow {
        asked,
        name,
        version,
        marker: resolved.marker,
        dependencies: resolved.dependencies,
        files: resolved.files.into_iter().map(|file| (file.name, file.sha256)).collect(),
    }
}

/// What a pin asks of a resolver.
pub fn requirement(name: &ModuleName, pin: &ModulePin) -> Requirement {
    Requirement {
        name: name.clone(),
        extras: pin.extras.iter().map(ToString::to_string).collect(),
        specifier: format!("=={}", pin.version),
    }
}

/// The Python of the environment: the one that its modules are installed for where that is still there and wanted, else
/// what is found.
fn interpreter<'s>(session: &'s Session<'_>) -> Result<&'s Interpreter> {
    if let Some(found) = session.python.get() {
        return Ok(found);
    }
    let found = find_interpreter(session)?;
    Ok(session.python.get_or_init(|| found))
}

fn find_interpreter(session: &Session<'_>) -> Result<Interpreter> {
    let wanted = session.project.manifest.env.python;
    // Nothing is started for being named in an environment, which may come from a stranger: what the store does not
    // know as that Python is looked for on PATH.
    if let Some(record) = &session.environment.record().python
        && Interpreter::is_known(&session.store, &record.executable, &record.version)?
    {
        let known = Interpreter::at(session.context, &session.store, &record.executable)?;
        let takes = |wanted: PythonVersion| wanted.takes((known.version.0, known.version.1, known.version.2));
        if wanted.is_none_or(takes) {
            return Ok(known);
        }
    }
    let wanted = wanted.map(|wanted| wanted.to_string());
    let found = Interpreter::find(session.context, &session.store, wanted.as_deref())?;
    // By the path that the environment knows it by: the next sync compares what it said of itself.
    Interpreter::at(session.context, &session.store, &found.executable)
}

/// Who is asked, found where nobody was asked yet.
fn found<'x, 's, 'a>(
    asking: &'x mut Option<Asking<'s, 'a>>,
    session: &'s Session<'a>,
) -> Result<&'x Asking<'s, 'a>> {
    match asking {
        Some(asking) => Ok(asking),
        none => Ok(none.insert(Asking::new(session)?)),
    }
}

/// Locks what `[modules]` and the tools from PyPI ask for. `known` are closures that were resolved just now: of
/// `[modules]` under `None`, of a tool under its name.
pub(super) fn lock<'s, 'a>(
    session: &'s Session<'a>,
    before: &Lock,
    known: &BTreeMap<Option<ModuleName>, Closure>,
    asking: &mut Option<Asking<'s, 'a>>,
) -> Result<Locked> {
    let manifest = &session.project.manifest;
    let mut lowest = before.python.as_ref().map(|python| python.lowest.clone());
    let gone = before.module_tools.iter().find(|row| !manifest.module_tools.contains_key(&row.name));
    if let Some(row) = gone.filter(|_| session.context.flags.locked) {
        return Err(would_change(Some(&row.name)));
    }
    let mut closure = |which: Option<&ModuleName>,
                       pins: &BTreeMap<ModuleName, ModulePin>,
                       rows: &[ModuleRow]| {
        if serve(rows, pins) {
            return Ok(rows.to_vec());
        }
        if session.context.flags.locked {
            return Err(would_change(which));
        }
        let made = match known.get(&which.cloned()).filter(|known| serve(&known.rows, pins)) {
            Some(known) => known.clone(),
            None if pins.is_empty() => return Ok(Vec::new()),
            None => {
                let asked = pins.iter().map(|(name, pin)| (name.clone(), requirement(name, pin))).collect();
                let builds = pins.iter().filter(|(_, pin)| pin.build).map(|(name, _)| name.clone()).collect();
                found(asking, session)?.closure(&asked, &builds, rows, lowest.as_deref())?
            }
        };
        let minor = |text: &str| text.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u32>>();
        if lowest.as_ref().is_none_or(|lowest| minor(lowest) < minor(&made.lowest)) {
            lowest = Some(made.lowest);
        }
        Ok(made.rows)
    };
    let modules = closure(None, &manifest.modules, &before.modules)?;
    let mut tools = Vec::new();
    for (name, pin) in &manifest.module_tools {
        let rows = before.module_tool(name).map(|row| row.modules.as_slice()).unwrap_or_default();
        let modules = closure(Some(name), &BTreeMap::from([(name.clone(), pin.clone())]), rows)?;
        tools.push(ModuleToolRow { name: name.clone(), version: pin.version.clone(), modules });
    }
    let python = lowest.filter(|_| manifest.needs_python()).map(|lowest| Python { lowest });
    Ok(Locked { python, modules, tools })
}

/// What `--locked` says where the rows of `[modules]`, or of a tool, have to change.
fn would_change(tool: Option<&ModuleName>) -> Fault {
    let what = tool.map_or("the pins of [modules]".to_owned(), |tool| format!("the pin of pypi:{tool}"));
    Fault::new(format!("{LOCK} would change, and `--locked` forbids it"))
        .why(format!("it was not made from {what} as envtool.toml has them now"))
        .help(format!("run it again without `--locked`, and commit the {LOCK} that it makes"))
}

/// What came of the venvs.
#[derive(Debug, Default)]
pub(super) struct Staged {
    /// What they show in `bin/`.
    pub(super) venvs: Venvs,
    /// The Python that they are for.
    pub(super) python: Option<PythonRecord>,
    /// Packages that came in.
    pub(super) added: Vec<ModuleId>,
    /// Packages that went.
    pub(super) removed: Vec<ModuleId>,
    /// Venvs that were made anew for what they held already: the folder of each, and how many packages.
    pub(super) remade: Vec<(String, usize)>,
    /// What others had put into a venv, and went with it: the folder, and what.
    pub(super) strays: Vec<(String, String)>,
}

/// Makes the venvs ready that are not what their rows say.
pub(super) fn stage<'s, 'a>(
    session: &'s Session<'a>,
    locked: &Locked,
    asking: &mut Option<Asking<'s, 'a>>,
    change: &mut Change,
) -> Result<Staged> {
    let environment = &session.environment;
    let mut staged = Staged::default();
    let before = environment.all_module_receipts()?;
    staged.venvs.shown = before.iter().flat_map(|(_, receipt)| receipt.bins.iter().cloned()).collect();
    staged.venvs.had_python = before.iter().any(|(venv, _)| venv == PYTHON) || has_our_python(session)?;
    staged.venvs.python = !locked.modules.is_empty();
    let mut wanted: Vec<(String, Option<&ModuleToolRow>, &[ModuleRow])> = Vec::new();
    wanted
        .extend(locked.tools.iter().map(|tool| (tool_venv(&tool.name), Some(tool), tool.modules.as_slice())));
    if !locked.modules.is_empty() {
        wanted.push((PYTHON.to_owned(), None, &locked.modules));
    }
    for name in environment.venvs()? {
        let is_wanted = wanted.iter().any(|(wanted, ..)| *wanted == name);
        match (is_wanted, is_ours(session, &name)?) {
            (false, true) => {
                if let Some(venv) = environment.venv(&name)? {
                    let folder = shown_folder(session, &name);
                    let mut gone = strays(&venv, &environment.module_receipts(&name)?)?;
                    let theirs = theirs(&venv)?;
                    gone.extend(theirs.beside.into_iter().chain(theirs.in_bin));
                    staged.strays.extend(gone.into_iter().map(|stray| (folder.clone(), stray)));
                }
                change.drop_folder(&name);
            }
            (true, false) => return Err(in_the_way(session, &name)),
            // What somebody else put there stays; what is wanted is looked at below.
            (false, false) | (true, true) => {}
        }
    }
    let mut now: Vec<(String, ModuleReceipt)> = Vec::new();
    for (name, tool, rows) in &wanted {
        let receipts = environment.module_receipts(name)?;
        let interpreter = interpreter(session)?;
        staged.python = Some(PythonRecord {
            version: interpreter.version.to_string(),
            executable: interpreter.executable.clone(),
        });
        let mut here = Vec::new();
        for row in *rows {
            if interpreter.applies(row.marker.as_deref())? {
                here.push(row);
            }
        }
        let rows = here;
        let distrusted = session.fixing.as_ref().is_some_and(|fixing| fixing.venvs.contains_key(name));
        let held = environment.venv(name)?.filter(|_| !distrusted);
        let receipts = match held {
            Some(venv) if is_as_wanted(session, &venv, &rows, &receipts, interpreter)? => receipts,
            held => {
                let made = make(found(asking, session)?, name, *tool, &rows, &receipts, change)?;
                let folder = shown_folder(session, name);
                let mut strays = held.as_ref().map_or(Ok(BTreeSet::new()), |venv| strays(venv, &receipts))?;
                if let Some(venv) = &held {
                    strays.extend(theirs(venv)?.in_bin);
                }
                // Whose receipt was lost comes back.
                strays.retain(|stray| !rows.iter().any(|row| row.id().to_string() == *stray));
                let rows = |receipts: &[ModuleReceipt]| -> BTreeSet<_> {
                    receipts.iter().map(|receipt| (receipt.module.clone(), receipt.row)).collect()
                };
                if strays.is_empty() && rows(&made) == rows(&receipts) {
                    staged.remade.push((folder.clone(), made.len()));
                }
                staged.strays.extend(strays.into_iter().map(|stray| (folder.clone(), stray)));
                made
            }
        };
        staged.venvs.bins.extend(shown(name, *tool, &receipts));
        now.extend(receipts.into_iter().map(|receipt| (name.clone(), receipt)));
    }
    let ids = |all: &[(String, ModuleReceipt)]| -> BTreeSet<(String, ModuleId)> {
        all.iter().map(|(venv, receipt)| (venv.clone(), receipt.module.clone())).collect()
    };
    let (before, now) = (ids(&before), ids(&now));
    staged.added = now.difference(&before).map(|(_, id)| id.clone()).collect();
    staged.removed = before.difference(&now).map(|(_, id)| id.clone()).collect();
    Ok(staged)
}

/// Whether a venv holds what its rows say, by names.
fn is_as_wanted(
    session: &Session<'_>,
    venv: &Venv,
    rows: &[&ModuleRow],
    receipts: &[ModuleReceipt],
    interpreter: &Interpreter,
) -> Result<bool> {
    let wanted: BTreeSet<_> = rows.iter().map(|row| (row.id(), row.digest())).collect();
    let held: BTreeSet<_> = receipts.iter().map(|receipt| (receipt.module.clone(), receipt.row)).collect();
    Ok(wanted == held
        && venv.version == interpreter.version.to_string()
        && venv.sees_system != session.project.manifest.env.isolate
        && fs::is_file(&venv.python())?
        && installed::names(venv)?
            == receipts.iter().flat_map(|receipt| receipt.names.iter().cloned()).collect())
}

/// Makes a venv in staging. Gives the receipts of what it holds.
fn make(
    asking: &Asking<'_, '_>,
    name: &str,
    tool: Option<&ModuleToolRow>,
    rows: &[&ModuleRow],
    before: &[ModuleReceipt],
    change: &mut Change,
) -> Result<Vec<ModuleReceipt>> {
    let _step = tracing::debug_span!("install", venv = name).entered();
    let Asking { session, uv, interpreter } = asking;
    // 1. What a fix does not trust is not taken from uv's cache either.
    for module in session.fixing.iter().filter_map(|fixing| fixing.venvs.get(name)).flatten() {
        uv.forget(module)?;
    }
    // 2. An empty venv, and what is to lie in it.
    let folder = change.folder(name)?;
    let modules = if rows.len() == 1 { "module" } else { "modules" };
    let found = session.shown(&format!("Installing {} {modules}", rows.len()), || {
        // uv makes the folder itself.
        fs::remove_tree(&folder)?;
        uv.venv(interpreter, &folder, !session.project.manifest.env.isolate)?;
        let venv = Venv::read(folder.clone())?
            .ok_or_else(|| Fault::bug(format!("uv made no venv in {}", folder.display())))?;
        venv.mark()?;
        let base = Base::of(&venv)?;
        // Those of other platforms were left out already.
        let wanted: Vec<Wanted> = rows
            .iter()
            .map(|row| Wanted {
                id: row.id(),
                marker: None,
                sha256s: row.files.values().copied().collect(),
                build: row.build(),
            })
            .collect();
        uv.install(&wanted, &venv.root, true)?;
        // 3. What lies in it: nothing that a wheel put where it must not.
        base.look(&venv)
    })?;
    let mut receipts = Vec::new();
    for row in rows {
        let one = found
            .iter()
            .find(|one| one.distribution.id == row.id())
            .ok_or_else(|| Fault::bug(format!("uv did not install {}", row.id())))?;
        let is_entry = |name: &str| one.distribution.entry_points.iter().any(|entry| entry.name == name);
        let wants = |name: &str| match tool {
            Some(tool) => tool.id() == row.id(),
            None => row.asked.is_some() && is_entry(name),
        };
        for (name, other) in one.doubled.iter().filter(|(name, _)| wants(name)) {
            session
                .context
                .progress
                .warn(&format!("`{name}` of {} is not in .envtool/bin: {other} brings one too", row.id()));
        }
        // Of a tool its own executables, of the other venv the entry points of what was asked for.
        let bins = match (tool, &row.asked) {
            (Some(tool), _) if tool.id() == row.id() => one.executables.clone(),
            (None, Some(_)) => one.entry_points.clone(),
            _ => BTreeSet::new(),
        };
        if tool.is_some_and(|tool| tool.id() == row.id()) && bins.is_empty() {
            return Err(Fault::new(format!("could not install {} as a tool", row.id()))
                .why("it has no executable")
                .help(format!("add it as a module: `envtool add pypi:{}`", row.name)));
        }
        receipts.push(ModuleReceipt {
            module: row.id(),
            source: "PyPI".to_owned(),
            row: row.digest(),
            checksum: row.installed_file(&one.tags),
            built: row.build(),
            files: one.digest,
            names: one.names.clone(),
            bins,
        });
    }
    // 4. Receipts; those of before go with their venv.
    for old in before.iter().filter(|old| !receipts.iter().any(|new| new.file_name() == old.file_name())) {
        change.drop_module_receipt(name, old);
    }
    for receipt in &receipts {
        change.module_receipt(name, receipt)?;
    }
    // What somebody else put beside them is taken over.
    let beside = match session.environment.venv(name)? {
        Some(old) => theirs(&old)?.beside,
        None => BTreeSet::new(),
    };
    let old = fs::names(session.environment.layout().folder(name).as_path())?.unwrap_or_default();
    let old = old.into_iter().filter_map(|name| name.into_string().ok());
    change.ours(name, old.filter(|name| !beside.contains(name)));
    Ok(receipts)
}

/// What a venv shows in `bin/`.
fn shown(venv: &str, tool: Option<&ModuleToolRow>, receipts: &[ModuleReceipt]) -> Vec<VenvBins> {
    let from_bin = match tool {
        Some(tool) => PathBuf::from("../tools").join(tool.name.as_str()).join("bin"),
        None => PathBuf::from("..").join(venv).join("bin"),
    };
    receipts
        .iter()
        .filter(|receipt| !receipt.bins.is_empty())
        .map(|receipt| VenvBins {
            owner: receipt.module.to_string(),
            is_tool: tool.is_some(),
            links: receipt.bins.iter().map(|name| (name.clone(), from_bin.join(name))).collect(),
        })
        .collect()
}
