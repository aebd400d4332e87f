//! The half of `shadowed` that looks at Python: what is imported before the environment's modules.
//!
//! Python looks beside the script first, then in `PYTHONPATH`, then in its environment. Only a plain file beside a script
//! that imports its name is reported (a script called `requests.py` is the classic): a package of that name is a project
//! that means its own, and what nothing imports does no harm.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Finding, Remedy, Scene, Severity};
use crate::environment::PYTHON_NAMES;
use crate::fault::Result;
use crate::fs;
use crate::module::ModuleId;
use crate::python::own;
use crate::python_imports::imports;

/// The names in `bin/` that are of Python packages, or start Python.
pub(super) fn names(scene: &Scene<'_>) -> Result<Vec<String>> {
    let mut names = BTreeSet::new();
    for held in scene.venvs()? {
        names.extend(held.links().map(|(name, _)| name.to_owned()));
        if !held.is_tools() && !held.is_gone() {
            names.extend(PYTHON_NAMES.map(str::to_owned));
        }
    }
    Ok(names.into_iter().collect())
}

/// What hides modules of the environment.
pub(super) fn findings(check: &'static str, scene: &Scene<'_>) -> Result<Vec<Finding>> {
    let modules = modules(scene)?;
    if modules.is_empty() {
        return Ok(Vec::new());
    }
    let finding = |subject: String, message: String, words: String| Finding {
        check,
        severity: Severity::Warning,
        subject,
        message,
        remedy: Remedy::User(words),
    };
    let mut found = Vec::new();
    let path = scene.context.variables(|name| name == "PYTHONPATH").remove("PYTHONPATH").unwrap_or_default();
    let mut seen = BTreeSet::new();
    for folder in std::env::split_paths(&path).filter(|folder| folder.is_absolute()) {
        if folder.starts_with(scene.environment.layout().root()) || !seen.insert(folder.clone()) {
            continue;
        }
        let mut hidden = Vec::new();
        for (name, id) in &modules {
            if has_module(&folder, name)? {
                hidden.push(format!("{name} ({id})"));
            }
        }
        if !hidden.is_empty() {
            let shown = folder.display();
            found.push(finding(
                "PYTHONPATH".to_owned(),
                format!("it names {shown}, where Python finds {} before it looks into the environment", hidden.join(", ")),
                format!("take {shown} out of PYTHONPATH, for which your shell's start-up files may be the place; `unset PYTHONPATH` in this one"),
            ));
        }
    }
    for (file, name, (by, line)) in beside_scripts(scene.project.layout.root(), &modules)? {
        let id = &modules[&name];
        found.push(finding(
            file.display().to_string(),
            format!("{}:{line} imports {name}, and gets this file and not {id}: Python looks beside the script first", by.display()),
            "give that file another name".to_owned(),
        ));
    }
    Ok(found)
}

/// The modules of the environment by their top names, each with its package.
fn modules(scene: &Scene<'_>) -> Result<BTreeMap<String, ModuleId>> {
    let mut modules = BTreeMap::new();
    for held in scene.venvs()?.iter().filter(|held| !held.is_tools() && !held.is_gone()) {
        for receipt in &held.receipts {
            for name in &receipt.names {
                // `x.py`, `x.cpython-311-x86_64-linux-gnu.so`, or a folder.
                let stem = name.strip_suffix(".py").or_else(|| name.strip_suffix(".so")?.split('.').next());
                let stem = stem.unwrap_or(name);
                let is_name = stem.chars().all(|c| c.is_alphanumeric() || c == '_');
                if is_name {
                    modules.insert(stem.to_owned(), receipt.module.clone());
                }
            }
        }
    }
    Ok(modules)
}

fn has_module(folder: &Path, name: &str) -> Result<bool> {
    Ok(fs::is_file(&folder.join(format!("{name}.py")))?
        || fs::is_file(&folder.join(name).join("__init__.py"))?)
}

/// A file, the module that it hides, and the script beside it that imports that, with the line.
type Hiding = (PathBuf, String, (PathBuf, usize));

/// Files of the project that hide a module from a script beside them.
fn beside_scripts(root: &Path, modules: &BTreeMap<String, ModuleId>) -> Result<Vec<Hiding>> {
    let files = own::sources(root)?.files;
    let mut found = Vec::new();
    for file in &files {
        let name = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let folder = file.parent().unwrap_or(Path::new(""));
        // What lies in a package is imported by its whole name.
        let is_plain = file.extension().is_some() && !fs::is_file(&root.join(folder).join("__init__.py"))?;
        if !is_plain || !modules.contains_key(name) {
            continue;
        }
        for other in files.iter().filter(|other| other.parent().unwrap_or(Path::new("")) == folder) {
            let bytes = fs::read(&root.join(other))?.unwrap_or_default();
            let import = imports(&bytes)
                .found
                .into_iter()
                .find(|import| import.module.split('.').next() == Some(name));
            if let Some(import) = import {
                found.push((file.clone(), name.to_owned(), (other.clone(), import.line)));
                break;
            }
        }
    }
    Ok(found)
}
