//! The venvs of an environment, each looked at once: what the lock says of it beside what lies there. No network is
//! asked and uv is not started; the Python behind a venv is known from the store, and is asked once where it is another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Finding, Remedy, Scene, Severity, Step};
use crate::environment::{PYTHON_NAMES, Venv};
use crate::fault::Result;
use crate::fs::{self, Kind};
use crate::layout::{BIN, ENVIRONMENT, PYTHON, PYTHON_TOOL, tool_venv};
use crate::lock::ModuleRow;
use crate::module::{ModuleId, ModuleName};
use crate::python::Interpreter;
use crate::python::installed;
use crate::python::site::{self, Installed};
use crate::receipt::ModuleReceipt;
use crate::sync::Survey;
use crate::tool_plan::reserved;

/// A venv of the environment: one that is there, or one that the lock names packages for.
#[derive(Debug)]
pub struct Held {
    /// Its name, as folders of receipts have it.
    pub name: String,
    /// The rows of the lock that are for this machine's Python; all of them where that cannot be told.
    pub rows: Vec<ModuleRow>,
    /// Its receipts.
    pub receipts: Vec<ModuleReceipt>,
    /// What lies there; `None` where it is gone.
    pub venv: Option<Venv>,
    /// The packages in it.
    pub installed: Vec<Installed>,
    /// Why its Python is not the one that it should be.
    pub wrong: Option<String>,
    /// What the lock names and it does not hold.
    pub absent: Vec<Absent>,
    /// Names in `bin/` that are another's, in lower case: some file systems know no other.
    taken: BTreeSet<String>,
}

/// What is not there.
#[derive(Debug)]
pub struct Absent {
    /// The package whose files these are; `None` for the whole venv and for what leads into it.
    pub module: Option<ModuleName>,
    /// What it is.
    pub subject: String,
    /// What that means.
    pub message: String,
}

/// A path in the environment, as a finding names it.
pub(super) fn shown(path: &Path) -> String {
    Path::new(ENVIRONMENT).join(path).display().to_string()
}

/// A venv's folder in the environment.
pub(super) fn folder(name: &str) -> PathBuf {
    match name.strip_prefix(PYTHON_TOOL) {
        Some(tool) => Path::new("tools").join(tool),
        None => name.into(),
    }
}

impl Held {
    /// Its folder, as a finding names it.
    pub fn shown(&self) -> String {
        shown(&folder(&self.name))
    }

    /// Whether it is that of a tool.
    pub fn is_tools(&self) -> bool {
        self.name != PYTHON
    }

    /// A package of it, as a finding names it.
    pub fn subject(&self, module: &ModuleId) -> String {
        match self.name.strip_prefix(PYTHON_TOOL) {
            Some(tool) if tool != module.name.as_str() => format!("{module} (of {tool})"),
            _ => module.to_string(),
        }
    }

    /// Whether all of it is gone or to be made anew, so that nothing else is said of it.
    pub fn is_gone(&self) -> bool {
        self.venv.is_none() || self.wrong.is_some() || self.rows.is_empty()
    }

    /// The receipt of a package, at whatever version.
    pub fn receipt(&self, name: &ModuleName) -> Option<&ModuleReceipt> {
        self.receipts.iter().find(|receipt| receipt.module.name == *name)
    }

    /// What the user has to do where a venv lies there that somebody else made: a sync does not replace it.
    pub fn foreign(&self) -> Option<Remedy> {
        self.venv.as_ref().filter(|venv| !venv.ours)?;
        let words = format!(
            "it is not envtool's: move it away (`mv {} /tmp`), then run `envtool sync`",
            self.shown()
        );
        Some(Remedy::User(words))
    }

    /// The remedy for packages whose files are not what they should be: not even uv's cache is trusted with them.
    pub fn again(&self, modules: Vec<ModuleName>) -> Remedy {
        let steps = || vec![Step::RemakeVenv { venv: self.name.clone(), forget: modules }, Step::Sync];
        self.foreign().unwrap_or_else(|| Remedy::Steps(steps()))
    }

    /// The names in `bin/` that are to lead into it: each with its package.
    pub fn links(&self) -> impl Iterator<Item = (&str, &ModuleReceipt)> {
        let all = self.receipts.iter().flat_map(|one| one.bins.iter().map(move |name| (name.as_str(), one)));
        let is_free = |name: &str| reserved(name).is_none() && !self.taken.contains(&name.to_lowercase());
        all.filter(move |(name, _)| self.is_tools() || is_free(name))
    }

    /// Where such a name leads, from `bin/`.
    pub fn target(&self, name: &str) -> PathBuf {
        Path::new("..").join(folder(&self.name)).join(BIN).join(name)
    }
}

/// Looks at every venv.
pub(super) fn look(scene: &Scene<'_>, survey: &Survey) -> Result<Vec<Held>> {
    let environment = &scene.environment;
    let mut wanted: BTreeMap<String, &[ModuleRow]> = BTreeMap::new();
    if !survey.modules.is_empty() {
        wanted.insert(PYTHON.to_owned(), &survey.modules);
    }
    wanted.extend(survey.module_tools.iter().map(|tool| (tool_venv(&tool.name), tool.modules.as_slice())));
    let mut names: BTreeSet<String> = environment.venvs()?.into_iter().collect();
    names.extend(wanted.keys().cloned());
    names.extend(survey.module_receipts.iter().map(|(name, _)| name.clone()));
    let python = if wanted.is_empty() { Python::default() } else { Python::of(scene)? };
    let mut found = Vec::new();
    for name in names {
        let mut rows = Vec::new();
        for row in wanted.get(&name).copied().unwrap_or_default() {
            let applies = |interpreter: &Interpreter| interpreter.applies(row.marker.as_deref());
            if python.interpreter.as_ref().map_or(Ok(true), applies)? {
                rows.push(row.clone());
            }
        }
        let receipts = survey.module_receipts.iter().filter(|(at, _)| *at == name);
        let receipts: Vec<ModuleReceipt> = receipts.map(|(_, receipt)| receipt.clone()).collect();
        let venv = environment.venv(&name)?;
        let wrong = match &venv {
            Some(venv) if !rows.is_empty() => python.wrong(venv)?,
            _ => None,
        };
        let installed = match &venv {
            Some(venv) if wrong.is_none() => site::read(&venv.site())?.installed,
            _ => Vec::new(),
        };
        let of_tools = survey.module_receipts.iter().filter(|(at, _)| at != PYTHON);
        let taken = of_tools.flat_map(|(_, receipt)| &receipt.bins);
        let taken = taken.chain(survey.tool_receipts.iter().flat_map(|receipt| receipt.bins.keys()));
        let taken = taken.map(|name| name.to_lowercase()).collect();
        let mut held = Held { name, rows, receipts, venv, installed, wrong, absent: Vec::new(), taken };
        held.absent = absent(&held, scene)?;
        found.push(held);
    }
    Ok(found)
}

/// The Python that the venvs are for.
#[derive(Default)]
struct Python {
    interpreter: Option<Interpreter>,
    /// Why it is not the one that they were made for.
    wrong: Option<String>,
}

impl Python {
    fn of(scene: &Scene<'_>) -> Result<Self> {
        let wanted = scene.project.manifest.env.python;
        let wrong = |why: String| Ok(Self { interpreter: None, wrong: Some(why) });
        let Some(record) = &scene.environment.record().python else {
            // Nothing was installed yet: what is found is what a sync takes.
            let wanted = wanted.map(|wanted| wanted.to_string());
            let found = Interpreter::find(scene.context, &scene.store, wanted.as_deref());
            return Ok(Self { interpreter: found.ok(), wrong: None });
        };
        let (path, version) = (record.executable.display(), &record.version);
        if !fs::is_file(&record.executable)? {
            return wrong(format!(
                "it was made for Python {version}, {path}, which is gone from this machine"
            ));
        }
        // As in a sync, nothing is started for being named in an environment: it may come from a stranger.
        let known = if Interpreter::is_known(&scene.store, &record.executable, version)? {
            Interpreter::at(scene.context, &scene.store, &record.executable)
        } else {
            let wanted = wanted.map(|wanted| wanted.to_string());
            Interpreter::find(scene.context, &scene.store, wanted.as_deref())
        };
        let known = match known {
            Ok(known) if known.executable == record.executable => known,
            Ok(_) => {
                return wrong(format!(
                    "it was made for Python {version}, {path}, which is not the one on PATH"
                ));
            }
            Err(fault) => return wrong(fault.to_string()),
        };
        let now = known.version;
        let wrong = if now.to_string() == *version {
            let other = wanted.filter(|wanted| !wanted.takes((now.0, now.1, now.2)));
            other.map(|asks| format!("it was made for Python {version}, and envtool.toml asks for {asks}"))
        } else {
            Some(format!("it was made for Python {version}, and {path} is {now} by now"))
        };
        Ok(Self { interpreter: Some(known), wrong })
    }

    /// Why a venv does not stand on this Python.
    fn wrong(&self, venv: &Venv) -> Result<Option<String>> {
        if self.wrong.is_some() {
            return Ok(self.wrong.clone());
        }
        let Some(interpreter) = &self.interpreter else { return Ok(None) };
        if venv.version != interpreter.version.to_string() {
            let (now, path) = (interpreter.version, interpreter.executable.display());
            return Ok(Some(format!("it was made for Python {}, and {path} is {now}", venv.version)));
        }
        let program = venv.python();
        if fs::kind(&program)? == Kind::Absent {
            return Ok(None);
        }
        let leads =
            fs::is_file(&program)? && fs::canonical(&program)? == fs::canonical(&interpreter.executable)?;
        Ok((!leads).then(|| format!("its bin/python is not {}", interpreter.executable.display())))
    }
}

/// What the lock names and a venv does not hold, by names.
fn absent(held: &Held, scene: &Scene<'_>) -> Result<Vec<Absent>> {
    if held.rows.is_empty() || held.wrong.is_some() {
        return Ok(Vec::new());
    }
    let count = match held.rows.len() {
        1 => "a Python package".to_owned(),
        count => format!("{count} Python packages"),
    };
    let whole = |why: String| {
        let message = format!("the lock names {count} for it, and {why}");
        vec![Absent { module: None, subject: held.shown(), message }]
    };
    let isolate = scene.project.manifest.env.isolate;
    let Some(venv) = &held.venv else {
        let folder = scene.environment.layout().folder(&held.name);
        return Ok(match fs::kind(&folder)? {
            Kind::Absent => whole("it is not there".to_owned()),
            _ => whole("it is no Python environment: its pyvenv.cfg is gone".to_owned()),
        });
    };
    if fs::kind(&venv.python())? == Kind::Absent {
        return Ok(whole("its bin/python is gone".to_owned()));
    }
    if venv.sees_system == isolate {
        return Ok(whole(format!("it was made with `isolate = {}`", !isolate)));
    }
    let mut absent = Vec::new();
    let names = installed::names(venv)?;
    for row in &held.rows {
        let receipt = held.receipts.iter().find(|one| one.module == row.id() && one.row == row.digest());
        let other = held.installed.iter().find(|one| one.distribution.id.name == row.name);
        let other = other.map(|one| &one.distribution.id.version).filter(|version| **version != row.version);
        let message = match (receipt, other) {
            (_, Some(other)) => format!("the lock names it, and the environment holds {other} of it"),
            (None, None) => "the lock names it, and the environment does not hold it".to_owned(),
            (Some(receipt), None) => match receipt.names.iter().find(|name| !names.contains(*name)) {
                Some(name) => format!("the lock names it, and its {name} is gone from the environment"),
                None => continue,
            },
        };
        absent.push(Absent { module: Some(row.name.clone()), subject: held.subject(&row.id()), message });
    }
    let bin = scene.environment.layout().bin();
    let is_there = |module: &ModuleName| !absent.iter().any(|one| one.module.as_ref() == Some(module));
    let mut links = Vec::new();
    for (name, receipt) in held.links().filter(|(_, receipt)| is_there(&receipt.module.name)) {
        // One that leads nowhere lacks a file of its package, which is `modified`.
        if fs::kind(&bin.join(name))? != Kind::Absent {
            continue;
        }
        links.push(Absent {
            module: Some(receipt.module.name.clone()),
            subject: format!("{} ({name})", receipt.module),
            message: format!("its executable `{name}` is gone from .envtool/bin"),
        });
    }
    for name in PYTHON_NAMES.iter().filter(|_| !held.is_tools()) {
        if fs::kind(&bin.join(name))? == Kind::Absent {
            links.push(Absent {
                module: None,
                subject: shown(&Path::new(BIN).join(name)),
                message: "it starts the Python of the environment, and is not there".to_owned(),
            });
        }
    }
    absent.extend(links);
    Ok(absent)
}

/// The findings of `toolchain`: a Python that is gone or another, once for all venvs that stand on it.
pub(super) fn wrong_pythons(check: &'static str, scene: &Scene<'_>) -> Result<Vec<Finding>> {
    let mut by_message: BTreeMap<&str, Vec<&Held>> = BTreeMap::new();
    for held in scene.venvs()? {
        if let Some(why) = &held.wrong {
            by_message.entry(why).or_default().push(held);
        }
    }
    let wanted = scene.project.manifest.env.python.map(|wanted| wanted.to_string());
    let mut found = Vec::new();
    for (message, held) in by_message {
        let all: Vec<String> = held.iter().map(|held| held.shown()).collect();
        let remedy = match Interpreter::find(scene.context, &scene.store, wanted.as_deref()) {
            Ok(_) => {
                let anew = |held: &&Held| Step::RemakeVenv { venv: held.name.clone(), forget: Vec::new() };
                Remedy::Steps(held.iter().map(anew).chain([Step::Sync]).collect())
            }
            Err(fault) => Remedy::User(fault.help_text().unwrap_or("install Python").to_owned()),
        };
        let remedy = held.iter().find_map(|held| held.foreign()).unwrap_or(remedy);
        found.push(Finding {
            check,
            severity: Severity::Warning,
            subject: all.join(", "),
            message: message.to_owned(),
            remedy,
        });
    }
    Ok(found)
}
