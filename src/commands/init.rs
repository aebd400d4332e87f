//! `envtool init`: makes the manifest, the environment and, in a cargo project, the one entry in cargo's config.

use std::path::{Path, PathBuf};

use super::Outcome;
use super::done::Done;
use crate::cargo::{config, entry};
use crate::cargo_lock::crates_io;
use crate::context::Context;
use crate::doctor::{self, Scene, Severity};
use crate::environment::Environment;
use crate::fault::Result;
use crate::fs;
use crate::layout::{CARGO_MANIFEST, MANIFEST, ProjectLayout};
use crate::manifest;
use crate::project::Project;
use crate::sources;
use crate::sync::Report;
use crate::sync::session::find_cargo;
use crate::trusted;

/// The arguments of `init`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The project's folder; made where it is absent. Without it, the current folder
    dir: Option<PathBuf>,
}

/// Makes a project and its environment; where they are there, it says so and changes nothing.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    let made = make(arguments.dir.as_deref(), context)?;
    if context.flags.json {
        return Done::of(&made.layout, Vec::new(), &Report::default()).or_changed(made.is_new).outcome();
    }
    let mut notes = made.notes;
    if made.is_new {
        notes.extend(installed_before(&made.layout, context));
        notes.push("next: envtool sync".to_owned());
    }
    Ok(Outcome { notes, ..Outcome::default() })
}

/// What doctor finds of tools that were there first, in a line. Where it cannot look, it says so when it is asked.
fn installed_before(layout: &ProjectLayout, context: &Context<'_>) -> Option<String> {
    let project = Project::at(layout.root()).ok()?;
    let environment = Environment::open(layout).ok()??;
    let scene = Scene::new(&project, environment, context, true).ok()?;
    let found = doctor::examine(&scene, &["global-tool".to_owned()]);
    let tools = match found.iter().filter(|finding| finding.severity == Severity::Warning).count() {
        0 => return None,
        1 => "1 tool that this project calls was".to_owned(),
        count => format!("{count} tools that this project calls were"),
    };
    Some(format!("{tools} installed before this environment: envtool doctor"))
}

/// A project that was made.
pub(super) struct Made {
    layout: ProjectLayout,
    notes: Vec<String>,
    is_new: bool,
    undo: Undo,
}

impl Made {
    /// What is to be told of it.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Its folder.
    pub(super) fn root(&self) -> &Path {
        self.layout.root()
    }

    /// Takes it away again, unless another envtool has put something into it meanwhile.
    pub(super) fn undo(self) -> Result<()> {
        let folder = self.layout.environment();
        if self.undo.made.iter().any(|made| made == folder.root())
            && let Some(environment) = Environment::open(&self.layout)?
        {
            let Some(lock) = environment.try_lock()? else { return Ok(()) };
            if fs::read_text(&self.layout.manifest())?.is_none_or(|text| text == manifest::NEW) {
                environment.remove_if_new(&lock)?;
            }
            if Environment::open(&self.layout)?.is_some() {
                return Ok(());
            }
        }
        self.undo.run();
        Ok(())
    }
}

/// Makes a project and its environment in `dir`, or where the current folder belongs.
pub(super) fn make(dir: Option<&Path>, context: &Context<'_>) -> Result<Made> {
    // 1. Where.
    let mut notes = Vec::new();
    let asked = match dir {
        Some(dir) => context.folder.join(dir),
        None => home_of(&context.folder, &mut notes)?,
    };
    let place = Place::choose(&asked, context, &mut notes)?;
    // 2. What would be written, and whether it may be.
    let config = place.config_entry()?;
    place.refuse_bypasses(context)?;
    let had_environment = Environment::open(&place.layout)?.is_some();
    let has_manifest = fs::is_file(&place.layout.manifest())?;
    let is_new_project = !has_manifest && place.is_bare()?;
    let mut undo = Undo::default();
    if had_environment && has_manifest && config.is_none() {
        Project::at(place.layout.root())?;
        notes.push(format!("{} is an environment already; nothing changed", place.shown()));
        return Ok(Made { layout: place.layout, notes, is_new: false, undo });
    }
    // 3. Write; what was made goes again where a later step fails.
    let done = place.write(config.as_ref(), context, &mut undo).and_then(|()| place.still_loads(context));
    if let Err(fault) = done {
        undo.run();
        return Err(fault);
    }
    // 4. What is there now. A project that was made just now holds nothing of others.
    if is_new_project {
        // Where that fails nothing is lost: the hook says that it is not trusted.
        let _ = trusted::give(&place.layout, context);
    }
    if !had_environment || !has_manifest {
        notes.push(format!("Made the environment {}", place.shown()));
    }
    if let Some((path, _)) = &config {
        notes.push(format!("{} includes it from the first `envtool sync` on", path.display()));
    }
    Ok(Made { layout: place.layout, notes, is_new: true, undo })
}

/// Where an environment belongs that is made from `folder`: in the cargo package that this folder is a part of, unless
/// a project lies between.
fn home_of(folder: &Path, notes: &mut Vec<String>) -> Result<PathBuf> {
    for above in folder.ancestors() {
        if fs::is_file(&above.join(CARGO_MANIFEST))? {
            if above != folder {
                notes.push(format!("{} belongs to the cargo project {}", folder.display(), above.display()));
            }
            return Ok(above.to_owned());
        }
        if fs::is_file(&above.join(MANIFEST))? {
            break;
        }
    }
    Ok(folder.to_owned())
}

/// Where an environment is made.
struct Place {
    layout: ProjectLayout,
    /// The manifests of the cargo project; empty where it is none.
    members: Vec<PathBuf>,
}

impl Place {
    fn choose(asked: &Path, context: &Context<'_>, notes: &mut Vec<String>) -> Result<Self> {
        let mut root = match fs::is_folder(asked)? {
            true => fs::canonical(asked)?,
            false => fs::lexical(asked),
        };
        let mut members = Vec::new();
        if fs::is_file(&root.join(CARGO_MANIFEST))? {
            let cargo = find_cargo(&root, context)?;
            let workspace = cargo.workspace(&root.join(CARGO_MANIFEST))?;
            if workspace.root != root {
                notes.push(format!(
                    "{} is a member of a workspace: the environment is made at its root, {}",
                    root.display(),
                    workspace.root.display()
                ));
                root = workspace.root;
            }
            members = workspace.manifests;
        }
        for above in root.ancestors().skip(1) {
            if fs::is_file(&above.join(MANIFEST))? {
                notes.push(format!("{} is a project too: this environment is nested in it", above.display()));
                break;
            }
        }
        Ok(Self { layout: ProjectLayout::new(root), members })
    }

    fn shown(&self) -> String {
        self.layout.environment().root().display().to_string()
    }

    /// Whether neither an environment nor a lock is there.
    fn is_bare(&self) -> Result<bool> {
        let kinds = [fs::kind(self.layout.environment().root())?, fs::kind(&self.layout.lock())?];
        Ok(kinds == [fs::Kind::Absent; 2])
    }

    fn is_cargo(&self) -> bool {
        !self.members.is_empty()
    }

    /// cargo's config with the entry, and the text to write; `None` where there is nothing to write.
    fn config_entry(&self) -> Result<Option<(PathBuf, String)>> {
        if self.is_cargo() { entry::to_write(&self.layout) } else { Ok(None) }
    }

    /// Refuses where a config of the project replaces crates.io otherwise, or would with a folder that a member has.
    fn refuse_bypasses(&self, context: &Context<'_>) -> Result<()> {
        let mut found = Vec::new();
        for manifest in &self.members {
            let folder = manifest.parent().unwrap_or(manifest);
            let config = config::of_project(folder, context)?;
            for bypass in
                sources::bypasses(&config, &[crates_io()], self.layout.root(), context.cargo_home()?)?
            {
                if !found.contains(&bypass) {
                    found.push(bypass);
                }
            }
        }
        sources::refuse(&found)
    }

    fn write(
        &self,
        config: Option<&(PathBuf, String)>,
        context: &Context<'_>,
        undo: &mut Undo,
    ) -> Result<()> {
        let root = self.layout.root();
        undo.made_by(root, || fs::create_folders(root))?;
        let environment = self.layout.environment().root().to_owned();
        let tell = || context.tell_waiting();
        let mut lock = None;
        undo.made_by(&environment, || {
            lock = Some(Environment::make_and_lock(&self.layout, &context.waiting(&tell))?);
            Ok(())
        })?;
        // Looked at again under the lock: another envtool may have made it, and pinned something in it.
        let manifest = self.layout.manifest();
        if !fs::is_file(&manifest)? {
            undo.made_by(&manifest, || fs::write(&manifest, manifest::NEW.as_bytes()))?;
        }
        drop(lock);
        Project::at(root)?;
        if let Some((path, text)) = config {
            let folder = path.parent().unwrap_or(root).to_owned();
            undo.made_by(&folder, || fs::create_folders(&folder))?;
            undo.kept(path)?;
            fs::write(path, text.as_bytes())?;
        }
        Ok(())
    }

    /// Asks cargo once more: a workspace whose members are `*` takes the new folders for members.
    fn still_loads(&self, context: &Context<'_>) -> Result<()> {
        if !self.is_cargo() {
            return Ok(());
        }
        let root = self.layout.root();
        find_cargo(root, context)?.workspace(&root.join(CARGO_MANIFEST)).map(drop).map_err(|fault| {
            fault.while_doing("could not make the environment").help(format!(
                "add `exclude = [\".cargo\", \".envtool\"]` to [workspace] in {}",
                self.layout.cargo_manifest().display()
            ))
        })
    }
}

/// What was made, to be taken away again where a later step fails.
#[derive(Default)]
struct Undo {
    made: Vec<PathBuf>,
    kept: Vec<(PathBuf, Vec<u8>)>,
}

impl Undo {
    fn made_by(&mut self, path: &Path, make: impl FnOnce() -> Result<()>) -> Result<()> {
        let was_there = fs::kind(path)? != fs::Kind::Absent;
        let done = make();
        if !was_there {
            self.made.push(path.to_owned());
        }
        done
    }

    /// Keeps a file's bytes that are about to be changed.
    fn kept(&mut self, path: &Path) -> Result<()> {
        match fs::read(path)? {
            Some(bytes) => self.kept.push((path.to_owned(), bytes)),
            None => self.made.push(path.to_owned()),
        }
        Ok(())
    }

    // The fault that led here is the one to tell.
    fn run(self) {
        for (path, bytes) in &self.kept {
            let _ = fs::write(path, bytes);
        }
        for path in self.made.iter().rev() {
            let _ = fs::remove_tree(path);
        }
    }
}
