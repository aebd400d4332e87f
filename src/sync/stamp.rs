//! The stamp of a sync: what makes the next one cheap, and what lets `run` say in a millisecond that something changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Session;
use crate::cargo::{config, entry};
use crate::cargo_include::State;
use crate::context::Context;
use crate::digest::Digest;
use crate::environment::Environment;
use crate::fault::Result;
use crate::fs;
use crate::layout::{LOCK, MANIFEST, ProjectLayout};
use crate::project::Project;
use crate::python::Interpreter;
use crate::resolve;
use crate::store::{Input, Known, Stamp, Store};

/// How an environment differs from what it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// It does not.
    None,
    /// It was never synced here, as far as the store knows.
    Never,
    /// Something in it came or went.
    Environment,
    /// This file has changed since.
    Changed(PathBuf),
}

/// Whether a sync has nothing to do: the inputs are what they were, and every name is in its place.
pub fn is_current(project: &Project, context: &Context<'_>) -> Result<bool> {
    let Some(environment) = Environment::open(&project.layout)? else {
        return Ok(false);
    };
    if environment.is_interrupted()? || !environment.has_scripts()? {
        return Ok(false);
    }
    let store = Store::new(context.cache()?);
    let known = store.known(&environment.record().id)?;
    let here = place(&project.layout)?;
    let Some(stamp) = known.stamp.filter(|_| known.places.contains(&here)) else {
        return Ok(false);
    };
    if stamp.version != env!("CARGO_PKG_VERSION")
        || !stamp.complete
        || resolve::changed(project.layout.root(), &stamp.inputs)?.is_some()
    {
        return Ok(false);
    }
    for (folder, names) in &stamp.member_folders {
        if resolve::names_in(folder)? != *names {
            return Ok(false);
        }
    }
    if !has_tools(&environment, &stamp)? || !has_python(&environment, &store)? {
        return Ok(false);
    }
    let listing = environment.listing()?;
    Ok(environment.names()? == stamp.names
        && listing.dangling == 0
        && listing.digest() == stamp.listing
        && environment.has_cargo_toml()? == stamp.cargo_toml)
}

/// Whether each executable of a tool leads where it led, and lies there.
fn has_tools(environment: &Environment, stamp: &Stamp) -> Result<bool> {
    for (name, file) in &stamp.links {
        let bin = environment.layout().bin();
        // What leads into a venv counts from `bin/`.
        if fs::link_target(&bin.join(name))?.as_ref() != Some(file) || !fs::is_file(&bin.join(file))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the Python that the modules are for is the one that it was: a machine's update replaces it in its place.
fn has_python(environment: &Environment, store: &Store) -> Result<bool> {
    environment
        .record()
        .python
        .as_ref()
        .map_or(Ok(true), |python| Interpreter::is_known(store, &python.executable, &python.version))
}

/// Whether the environment, or what it was made from, has changed since: by names, not by contents.
pub fn drift(project: &Project, environment: &Environment, context: &Context<'_>) -> Result<Drift> {
    let store = Store::new(context.cache()?);
    let Some(stamp) = store.known(&environment.record().id)?.stamp else {
        return Ok(Drift::Never);
    };
    if let Some(file) = resolve::changed(project.layout.root(), &stamp.inputs)? {
        return Ok(Drift::Changed(file));
    }
    let whole = environment.names()? == stamp.names
        && has_tools(environment, &stamp)?
        && environment.has_cargo_toml()? == stamp.cargo_toml;
    Ok(if whole { Drift::None } else { Drift::Environment })
}

/// What an environment is made from, as it was read when it was made: what changes meanwhile is a change.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// The files that count.
    pub(super) inputs: Vec<Input>,
    /// The folders that hold members of a workspace.
    pub(super) member_folders: Vec<(PathBuf, Digest)>,
    /// What `bin/` holds for tools: name, and where it leads.
    pub(super) links: Vec<(String, PathBuf)>,
    /// Whether all is as it should be.
    pub(super) complete: bool,
}

impl Made {
    /// From the manifest, envtool.lock, cargo's configuration and the choice of a toolchain, besides `inputs`.
    pub(super) fn from(session: &Session<'_>, mut inputs: Vec<Input>) -> Result<Self> {
        let Session { project, .. } = session;
        let root = project.layout.root();
        inputs.push(Input::of(Path::new(MANIFEST), Some(project.text.as_bytes()), Digest::of));
        // Files that are absent count too: one that appears is a change.
        let toolchain = [LOCK, "rust-toolchain.toml", "rust-toolchain"].map(|name| root.join(name));
        let mut files: BTreeSet<PathBuf> =
            config::candidates(root, session.context.cargo_home()?).into_iter().collect();
        files.extend(toolchain.into_iter().chain(session.config.files().iter().cloned()));
        for file in files {
            inputs.push(Input::look(root, file.strip_prefix(root).unwrap_or(&file), Digest::of)?);
        }
        Ok(Self { inputs, complete: true, ..Self::default() })
    }

    /// Notes what the change itself writes to a file.
    pub(super) fn will_write(&mut self, session: &Session<'_>, file: &Path, bytes: &[u8]) {
        let path = file.strip_prefix(session.project.layout.root()).unwrap_or(file);
        self.inputs.retain(|input| input.path != path);
        self.inputs.push(Input::of(path, Some(bytes), Digest::of));
    }
}

/// Leaves a stamp: what the environment was made from, and what it holds.
pub(super) fn leave(session: &Session<'_>, made: Made) -> Result<()> {
    let Session { environment, project, store, .. } = session;
    let stamp = Stamp {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        inputs: made.inputs,
        listing: environment.listing()?.digest(),
        names: environment.names()?,
        complete: made.complete && entry::state(&project.layout)?.1 == State::Present
            || !environment.has_cargo_toml()?,
        cargo_toml: environment.has_cargo_toml()?,
        member_folders: made.member_folders,
        links: made.links,
    };
    let id = &environment.record().id;
    let mut places = store.known(id)?.places;
    let here = place(&project.layout)?;
    if !places.contains(&here) {
        places.push(here);
    }
    store.remember(id, &Known { places, stamp: Some(stamp) })
}

/// The place of an environment, links resolved.
fn place(layout: &ProjectLayout) -> Result<PathBuf> {
    fs::canonical(layout.environment().root())
}

/// Whether a copy of this environment lies elsewhere too: the same id in two places that are both there.
pub(super) fn is_copy(layout: &ProjectLayout, id: &str, store: &Store) -> Result<bool> {
    let (here, known) = (place(layout)?, store.known(id)?);
    if known.places.contains(&here) {
        return Ok(false);
    }
    for other in &known.places {
        let project = other.parent().unwrap_or(Path::new("/"));
        if let Ok(Some(found)) = Environment::open(&ProjectLayout::new(project.to_owned()))
            && found.record().id == id
        {
            return Ok(true);
        }
    }
    Ok(false)
}
