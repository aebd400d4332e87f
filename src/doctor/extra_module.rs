//! The half of `extra` that looks at venvs: a package that pip or uv put there and nothing pins, and what nobody owns.
//!
//! A sync makes a venv what the lock says, so each of these would go with the next one: here it is asked first.

use std::collections::BTreeSet;

use super::extra::{Found, quoted, take_away};
use super::venvs::Held;
use super::{Remedy, Scene, Step, Way, global_module};
use crate::distribution::Place;
use crate::environment::{PYTHON_NAMES, Venv};
use crate::fault::Result;
use crate::python::installed;
use crate::python::site::Installed;

/// The names in `bin/` that are of Python packages, or start Python.
pub(super) fn in_bin(scene: &Scene<'_>) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for held in scene.venvs()? {
        names.extend(held.links().map(|(name, _)| name.to_owned()));
        // Of a package whose receipt is gone the links are there still; that one is `missing`.
        if held.rows.iter().any(|row| held.receipt(&row.name).is_none()) {
            let links = scene.environment.bin()?.into_iter();
            let links = links.filter_map(|(name, target)| Some((name.into_string().ok()?, target?)));
            names.extend(links.filter(|(name, target)| *target == held.target(name)).map(|(name, _)| name));
        }
        if !held.is_tools() {
            names.extend(PYTHON_NAMES.map(str::to_owned));
        }
    }
    Ok(names)
}

/// What is in the venvs and should not be.
pub(super) fn found(scene: &Scene<'_>) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for held in scene.venvs()? {
        let locked = |receipt: &&crate::receipt::ModuleReceipt| {
            held.rows.iter().any(|row| row.name == receipt.module.name)
        };
        for receipt in held.receipts.iter().filter(|receipt| !locked(receipt)) {
            let why = "the lock no longer names this Python package".to_owned();
            found.push((held.subject(&receipt.module), why, Remedy::step(Step::Sync)));
        }
        if let Some(venv) = &held.venv
            && held.wrong.is_none()
        {
            found.extend(in_venv(held, venv)?);
        }
    }
    Ok(found)
}

fn in_venv(held: &Held, venv: &Venv) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let anew = || vec![Step::RemakeVenv { venv: held.name.clone(), forget: Vec::new() }, Step::Sync];
    if held.rows.is_empty() && held.receipts.is_empty() {
        let message = "nothing that is pinned needs it, and envtool did not make it".to_owned();
        let remove = format!("rm -r {}", quoted(&held.shown()));
        return Ok(vec![(held.shown(), message, Remedy::Choice(vec![take_away(vec![Step::Sync], remove)]))]);
    }
    let is_ours = |one: &&Installed| {
        let name = &one.distribution.id.name;
        held.receipt(name).is_some() || held.rows.iter().any(|row| row.name == *name)
    };
    let mut names: BTreeSet<String> =
        held.receipts.iter().flat_map(|one| one.names.iter().cloned()).collect();
    for one in &held.installed {
        names.extend(top_names(one));
    }
    for one in held.installed.iter().filter(|one| !is_ours(one)) {
        let id = &one.distribution.id;
        let mut ways = Vec::new();
        if !held.is_tools() && global_module::pinnable(one).is_ok() {
            let command = format!("envtool add pypi:{}@{}", id.name, id.version);
            let steps = vec![Step::PinModule { id: id.clone() }, Step::Sync];
            ways.push(Way { answer: "pin", words: "pin it", steps, command });
        }
        ways.push(take_away(anew(), "envtool sync".to_owned()));
        let who = one.distribution.installer.as_deref().unwrap_or("something");
        let who: String = who.chars().filter(char::is_ascii_graphic).take(20).collect();
        let message = format!(
            "{who} put it into {}, and nothing pins it: a clone of the project will not have it",
            held.shown()
        );
        found.push((held.subject(id), message, Remedy::Choice(ways)));
    }
    let inside = venv.site().strip_prefix(&venv.root).unwrap_or(&venv.root).display().to_string();
    for name in installed::names(venv)?.difference(&names) {
        let path = format!("{}/{inside}/{name}", held.shown());
        let remove = format!("rm -r {}", quoted(&path));
        let message = "no package owns it: a clone of the project will not have it".to_owned();
        found.push((path, message, Remedy::Choice(vec![take_away(anew(), remove)])));
    }
    Ok(found)
}

/// The names that a package has among the venv's modules.
fn top_names(one: &Installed) -> BTreeSet<String> {
    let info = one.info.file_name().map(|name| name.to_string_lossy().into_owned());
    let inside = one.distribution.files.iter().filter_map(|file| match &file.place {
        Place::Inside(path) => path.parts().next().map(str::to_owned),
        Place::Outside(_) => None,
    });
    inside.chain(info).collect()
}
