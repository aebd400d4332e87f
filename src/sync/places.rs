//! What lies where a sync makes venvs and `python`: ours, or somebody else's.

use std::collections::BTreeSet;

use super::Session;
use crate::distribution::Place;
use crate::environment::{PYTHON_NAMES, PYTHON_SCRIPT, Venv};
use crate::fault::{Fault, Result};
use crate::fs;
use crate::python::{installed, site};
use crate::receipt::ModuleReceipt;

/// Whether `python` in `bin/` is what envtool puts there, whatever became of the receipts.
pub(super) fn has_our_python(session: &Session<'_>) -> Result<bool> {
    for name in PYTHON_NAMES {
        if fs::read_lossy(&session.environment.layout().bin().join(name))? == PYTHON_SCRIPT {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether what lies in the place of a venv is envtool's: it says so itself, or it says nothing and there are receipts
/// of it. Receipts of what was there before do not make ours a venv that somebody else put there since.
pub(super) fn is_ours(session: &Session<'_>, name: &str) -> Result<bool> {
    let environment = &session.environment;
    let folder = environment.layout().folder(name);
    if fs::kind(&folder)? != fs::Kind::Folder {
        return Ok(false);
    }
    if let Some(venv) = environment.venv(name)? {
        return Ok(venv.ours);
    }
    Ok(!environment.module_receipts(name)?.is_empty()
        || fs::names(&folder)?.is_some_and(|names| names.is_empty()))
}

/// The fault of what lies in the place of a venv and is not ours.
pub(super) fn in_the_way(session: &Session<'_>, name: &str) -> Fault {
    let folder = shown_folder(session, name);
    Fault::new(format!("could not make {folder}"))
        .why("something else lies there, and envtool did not put it there")
        .help(format!("move it away (`mv {folder} /tmp`), then run it again"))
}

/// The folder of a venv, from the project's.
pub(super) fn shown_folder(session: &Session<'_>, name: &str) -> String {
    let folder = session.environment.layout().folder(name);
    folder.strip_prefix(session.project.layout.root()).unwrap_or(&folder).display().to_string()
}

/// What others put among the modules of a venv: packages, and names that belong to none.
pub(super) fn strays(venv: &Venv, receipts: &[ModuleReceipt]) -> Result<BTreeSet<String>> {
    let own: BTreeSet<&String> = receipts.iter().flat_map(|receipt| &receipt.names).collect();
    let mut names = installed::names(venv)?;
    names.retain(|name| !own.contains(name));
    let mut strays = BTreeSet::new();
    for one in site::read(&venv.site())?.installed {
        let info = one.info.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if names.remove(&info) {
            for provided in one.distribution.files.iter().filter_map(|file| match &file.place {
                Place::Inside(path) => path.as_str().split('/').next(),
                Place::Outside(_) => None,
            }) {
                names.remove(provided);
            }
            strays.insert(one.distribution.id.to_string());
        }
    }
    strays.extend(names);
    Ok(strays)
}

/// What is in a venv's folder without being a package's or the venv's own.
#[derive(Debug, Default)]
pub(super) struct Theirs {
    /// Names in the folder: they are taken over into the venv that comes in its place.
    pub(super) beside: BTreeSet<String>,
    /// Executables, as `bin/NAME`: they go with the venv.
    pub(super) in_bin: BTreeSet<String>,
}

/// What `uv venv` makes.
const MADE: [&str; 10] =
    ["bin", "lib", "lib64", "include", "pyvenv.cfg", "CACHEDIR.TAG", ".gitignore", ".lock", "Scripts", "Lib"];

/// Looks for what others put into a venv, modules apart.
pub(super) fn theirs(venv: &Venv) -> Result<Theirs> {
    let packages = site::read(&venv.site())?.installed;
    let recorded: BTreeSet<String> =
        packages.iter().flat_map(|one| installed::recorded(venv, &one.distribution).into_keys()).collect();
    let folders: BTreeSet<&str> = recorded.iter().filter_map(|path| path.split('/').next()).collect();
    let names = |folder| -> Result<Vec<String>> {
        let names = fs::names(folder)?.unwrap_or_default();
        Ok(names.into_iter().filter_map(|name| name.into_string().ok()).collect())
    };
    let mut theirs = Theirs::default();
    let is_other = |name: &String| !MADE.contains(&name.as_str()) && !folders.contains(name.as_str());
    theirs.beside.extend(names(&venv.root)?.into_iter().filter(is_other));
    let is_made =
        |name: &str| ["python", "activate", "deactivate", "pydoc"].iter().any(|made| name.starts_with(made));
    let bin = names(&venv.bin())?.into_iter().filter(|name| !is_made(name)).map(|name| format!("bin/{name}"));
    theirs.in_bin.extend(bin.filter(|path| !recorded.contains(path)));
    Ok(theirs)
}
