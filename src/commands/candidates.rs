//! What a shell offers where a user presses Tab: names of the project that the current folder belongs to, or the one that
//! `-C` names. What cannot be read is not offered.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

use crate::cargo_lock::CargoLock;
use crate::context::variable;
use crate::doctor::CHECKS;
use crate::environment::is_reserved;
use crate::fs;
use crate::lock::Lock;
use crate::package::is_executable_name;
use crate::project::Project;

/// What the project pins.
pub(super) fn pins() -> ArgValueCandidates {
    ArgValueCandidates::new(|| of_project(|project| pinned(project, Which::All)))
}

/// The tools that it pins.
pub(super) fn tools() -> ArgValueCandidates {
    ArgValueCandidates::new(|| of_project(|project| pinned(project, Which::Tools)))
}

/// Everything that its locks name.
pub(super) fn locked() -> ArgValueCandidates {
    ArgValueCandidates::new(|| of_project(locks))
}

/// The executables of its environment.
pub(super) fn executables() -> ArgValueCandidates {
    ArgValueCandidates::new(|| of_project(bins))
}

/// The checks of doctor.
pub(super) fn checks() -> ArgValueCandidates {
    ArgValueCandidates::new(|| CHECKS.iter().map(|check| CompletionCandidate::new(check.id())).collect())
}

fn of_project(names: impl Fn(&Project) -> BTreeSet<String>) -> Vec<CompletionCandidate> {
    let folder = fs::canonical(&folder()).ok();
    let project = folder.and_then(|here| Project::find(&here).ok().flatten());
    project.iter().flat_map(names).map(CompletionCandidate::new).collect()
}

/// The folder that the line to complete names, as `--directory` is read elsewhere; else the current one.
fn folder() -> PathBuf {
    let words: Vec<OsString> = env::args_os().collect();
    let next = |flag: &&str| words.iter().position(|word| word == flag).and_then(|at| words.get(at + 1));
    let named = ["-C", "--directory"].iter().find_map(next).cloned();
    named.or_else(|| variable("ENVTOOL_DIRECTORY")).map_or_else(|| PathBuf::from("."), PathBuf::from)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    Tools,
}

fn pinned(project: &Project, which: Which) -> BTreeSet<String> {
    let manifest = &project.manifest;
    let mut names: BTreeSet<String> = manifest.tools.keys().map(ToString::to_string).collect();
    names.extend(manifest.module_tools.keys().map(|name| format!("pypi:{name}")));
    if which == Which::All {
        names.extend(manifest.crates.keys().map(ToString::to_string));
        names.extend(manifest.modules.keys().map(|name| format!("pypi:{name}")));
        let lock = cargo_lock(project);
        names.extend(lock.iter().flat_map(CargoLock::direct).map(|package| package.id.name.to_string()));
    }
    names
}

fn locks(project: &Project) -> BTreeSet<String> {
    let mut names = pinned(project, Which::All);
    let lock = cargo_lock(project);
    names.extend(lock.iter().flat_map(CargoLock::external).map(|(package, _)| package.id.name.to_string()));
    let own = fs::read(&project.layout.lock()).ok().flatten();
    if let Some(lock) = own.and_then(|bytes| Lock::read(&bytes, "envtool.lock").ok()) {
        names.extend(lock.packages.iter().map(|row| row.name.to_string()));
        let of_tools = lock.module_tools.iter().flat_map(|tool| &tool.modules);
        names.extend(lock.modules.iter().chain(of_tools).map(|row| format!("pypi:{}", row.name)));
    }
    names
}

fn cargo_lock(project: &Project) -> Option<CargoLock> {
    let bytes = fs::read(&project.layout.cargo_lock()).ok().flatten().filter(|_| project.is_cargo)?;
    CargoLock::read(&bytes, "Cargo.lock").ok()
}

fn bins(project: &Project) -> BTreeSet<String> {
    let names = fs::names(&project.layout.environment().bin()).ok().flatten().unwrap_or_default();
    let names = names.into_iter().filter_map(|name| name.into_string().ok());
    names.filter(|name| is_executable_name(name) && !is_reserved(name)).collect()
}
