//! `global-module`: a Python package that this project imports, installed on the machine and not in the environment;
//! and scripts of the project whose first line starts a Python outside.
//!
//! What a project imports is known from its files ([`crate::python_imports`]), what the machine has from the records of
//! its packages, in the folders where `python3` of PATH looks. That Python is asked only where something is imported
//! that is neither of a standard library nor of the project.
//!
//! What is imported and found nowhere is no finding: it may be for another platform or never be run, and which package
//! would provide it nobody but an index could say. Nor is what only a `setup.py` imports, since pip builds apart from
//! the project's environment, nor what a virtual environment in the project provides. With `isolate = false` the project
//! says that it wants the machine's packages: then only the scripts are looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{Check, Finding, Remedy, Scene, Severity, Step, age, shebang};
use crate::environment::first_line;
use crate::fault::Result;
use crate::fs;
use crate::layout::{ENVIRONMENT, PYTHON};
use crate::module::ModuleName;
use crate::parallel;
use crate::process;
use crate::python::machine::{self, Facts};
use crate::python::own::{self, Own};
use crate::python::site::{self, Installed, Site};
use crate::python_imports::{Import, Imports, imports};

/// The check.
pub(super) struct GlobalModule;

impl Check for GlobalModule {
    fn id(&self) -> &'static str {
        "global-module"
    }

    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let root = scene.project.layout.root();
        let sources = own::sources(root)?;
        let files = read(root, &sources.files)?;
        let asked = files.iter().any(|file| !file.imports.is_empty());
        let facts = if asked { ask(scene) } else { None };
        let machine = match &facts {
            Some(facts) => Machine::read(scene, facts, &sources.venvs)?,
            None => Machine::default(),
        };
        let mut findings = BTreeMap::new();
        let mut scripts = Vec::new();
        for file in &files {
            let outside = file.imports.iter().filter(|import| {
                let is_stdlib = |facts: &Facts| facts.stdlib.contains(top(&import.module));
                !facts.as_ref().is_some_and(is_stdlib)
            });
            let outside: Vec<&Import> = outside.collect();
            let mut only_here = false;
            for import in &outside {
                let Some(at) = machine.provider(import) else { continue };
                only_here |= pinnable(&machine.sites[at.0].1.installed[at.1]).is_err();
                if scene.project.manifest.env.isolate {
                    let used: &mut Vec<(&Path, &Import)> = findings.entry(at).or_default();
                    used.push((&file.path, *import));
                }
            }
            let first = outside.first().filter(|_| !only_here);
            scripts.extend(shebang::finding(self.id(), file, first.copied(), scene)?);
        }
        let made = scene.environment.record().created;
        let mut found: Vec<Finding> =
            findings.into_iter().map(|(at, used)| machine.finding(self.id(), at, &used, made)).collect();
        found.extend(scripts);
        Ok(found)
    }
}

/// A Python file of the project.
pub(super) struct File {
    /// Its path from the root.
    pub(super) path: PathBuf,
    /// Its first line, where that calls a program.
    pub(super) first_line: Option<String>,
    /// Whether it may be started.
    pub(super) is_executable: bool,
    /// Whether it is no Python 3.
    pub(super) is_broken: bool,
    /// What it imports that is neither of a standard library nor the project's own.
    pub(super) imports: Vec<Import>,
}

fn top(module: &str) -> &str {
    module.split('.').next().unwrap_or(module)
}

/// Reads the Python files of a project.
fn read(root: &Path, paths: &[PathBuf]) -> Result<Vec<File>> {
    let read = parallel::each(paths.to_vec(), |path| {
        let full = root.join(&path);
        let Some(bytes) = fs::read(&full)? else { return Ok(None) };
        let mode = fs::metadata(&full)?.map_or(0, |about| fs::mode(&about));
        let line = first_line(&bytes).map(str::to_owned);
        // No Python 3 runs it, or a program that installs what it needs.
        let is_apart =
            |line: &str| ["python2", "uv run", "pipx run"].iter().any(|words| line.contains(words));
        let is_apart = line.as_deref().is_some_and(is_apart);
        let is_setup = path.file_name() == Some(OsStr::new("setup.py"));
        let read = if is_apart { Imports::default() } else { imports(&bytes) };
        let imports = if is_setup { Vec::new() } else { read.found };
        let is_broken = read.broken.is_some();
        Ok(Some(File { path, first_line: line, is_executable: mode & 0o111 != 0, is_broken, imports }))
    })?;
    let mut files: Vec<File> = read.into_iter().flatten().collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let own = Own::new(root);
    for file in &mut files {
        let mut outside = Vec::new();
        for import in std::mem::take(&mut file.imports) {
            if !machine::is_stdlib(top(&import.module)) && !own.holds(&full_name(&import), &file.path)? {
                outside.push(import);
            }
        }
        file.imports = outside;
    }
    Ok(files)
}

/// The module that an import may name at most.
fn full_name(import: &Import) -> String {
    match &import.member {
        Some(member) => format!("{}.{member}", import.module),
        None => import.module.clone(),
    }
}

/// What the Python says that runs outside of environments; `None` where there is none, or it cannot say.
fn ask(scene: &Scene<'_>) -> Option<Facts> {
    let root = scene.project.layout.root();
    let all = process::find_all(OsStr::new("python3"), &scene.context.path, root);
    // Neither an environment's, nor anything else that came with the project.
    let is_outside = |python: &PathBuf| {
        let folder = python.parent().and_then(|folder| fs::canonical(folder).ok());
        folder.is_some_and(|folder| {
            !folder.starts_with(root) && !folder.components().any(|part| part.as_os_str() == ENVIRONMENT)
        })
    };
    let python = all.into_iter().find(is_outside)?;
    match machine::ask(&python, root) {
        Ok(facts) => Some(facts),
        Err(fault) => {
            scene.context.progress.warn(&format!("modules on the machine are not looked at: {fault}"));
            None
        }
    }
}

/// What is installed around a project. A place is the number of a folder, and of a package in it.
#[derive(Default)]
struct Machine {
    /// Folders in the order in which Python looks, with whose each is.
    sites: Vec<(&'static str, Site)>,
    /// What the environment has, or a virtual environment in the project.
    inside: Vec<Installed>,
    /// What is pinned.
    pinned: BTreeSet<ModuleName>,
    root: PathBuf,
}

type At = (usize, usize);

impl Machine {
    fn read(scene: &Scene<'_>, facts: &Facts, venvs: &[PathBuf]) -> Result<Self> {
        let root = scene.project.layout.root();
        let mut inside = Vec::new();
        let own = venvs.iter().map(|venv| root.join(venv)).chain([scene.environment.layout().folder(PYTHON)]);
        for place in own {
            for version in fs::names(&place.join("lib"))?.unwrap_or_default() {
                inside.extend(site::read(&place.join("lib").join(version).join("site-packages"))?.installed);
            }
        }
        let path = facts.path.iter().map(|folder| ("PYTHONPATH's", folder));
        let user = facts.user.iter().map(|folder| ("the user's", folder));
        let system = facts.system.iter().map(|folder| ("the system's", folder));
        let mut sites = Vec::new();
        let mut seen = BTreeSet::new();
        for (whose, folder) in path.chain(user).chain(system) {
            // What lies in the project is the project's.
            let is_new = fs::is_folder(folder)? && seen.insert(fs::canonical(folder)?);
            if is_new && !fs::canonical(folder)?.starts_with(root) {
                let site = site::read(folder)?;
                for line in &site.unread {
                    scene.context.progress.warn(line);
                }
                sites.push((whose, site));
            }
        }
        let pinned = scene.project.manifest.modules.keys().cloned().collect();
        Ok(Self { sites, inside, pinned, root: root.to_owned() })
    }

    /// The package that an import comes from outside; `None` where the environment has it, or nobody.
    fn provider(&self, import: &Import) -> Option<At> {
        let name = full_name(import);
        if self.inside.iter().any(|one| one.distribution.provides.holds(&name)) {
            return None;
        }
        let all = || {
            let sites = self.sites.iter().enumerate();
            sites.flat_map(|(at, (_, site))| {
                site.installed.iter().enumerate().map(move |(n, one)| ((at, n), one))
            })
        };
        let direct = all().find(|(_, one)| one.distribution.provides.holds(&name));
        let (at, one) = direct.or_else(|| {
            // A namespace by itself says nothing where several share it.
            let below: Vec<_> = all().filter(|(_, one)| one.distribution.provides.is_below(&name)).collect();
            <[_; 1]>::try_from(below).ok().map(|[only]| only)
        })?;
        let id = &one.distribution.id;
        // An editable install of this very project is the project.
        let here = one.distribution.direct.as_ref().and_then(|direct| direct.url.strip_prefix("file://"));
        let is_here = here.is_some_and(|path| Path::new(path).starts_with(&self.root));
        (!is_here && !self.pinned.contains(&id.name)).then_some(at)
    }

    fn finding(&self, check: &'static str, at: At, used: &[(&Path, &Import)], made: u64) -> Finding {
        let (whose, site) = &self.sites[at.0];
        let installed = &site.installed[at.1];
        let distribution = &installed.distribution;
        let (file, import) = used.iter().find(|(_, import)| !import.guarded).unwrap_or(&used[0]);
        let files: BTreeSet<&Path> = used.iter().map(|(file, _)| *file).collect();
        let more = match files.len() - 1 {
            0 => String::new(),
            1 => " (and another file)".to_owned(),
            count => format!(" (and {count} other files)"),
        };
        let optional = if import.guarded { " (optional)" } else { "" };
        Finding {
            check,
            severity: Severity::Warning,
            subject: format!("{} {}", distribution.written, distribution.id.version),
            message: format!(
                "{}:{} imports {}{optional}{more}, and what it gets is {whose}, in {}{}: another machine has another \
                 version, or none",
                file.display(),
                import.line,
                import.module,
                installed.folder.display(),
                age::since(installed.since, made)
            ),
            remedy: match pinnable(installed) {
                Ok(()) => Remedy::Steps(vec![Step::PinModule { id: distribution.id.clone() }, Step::Sync]),
                Err(why) => Remedy::User(format!(
                    "{why}; `envtool add pypi:{}` pins what the index has",
                    distribution.id.name
                )),
            },
        }
    }
}

/// Whether a pin can lead to what is installed, or why not.
pub(super) fn pinnable(installed: &Installed) -> std::result::Result<(), String> {
    let distribution = &installed.distribution;
    match &distribution.direct {
        Some(direct) => Err(format!("it came from {direct}, and no pin leads there")),
        // Made on the way to this machine: an index refuses such versions.
        None if distribution.id.version.as_pep440().is_local() => {
            Err(format!("{} is a version that no index has", distribution.id.version))
        }
        None => Ok(()),
    }
}
