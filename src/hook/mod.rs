//! What a shell's prompt does: entering a trusted project's folder enters its environment, leaving takes all of it back.
//!
//! The shell runs `envtool hook SHELL --prompt` before each prompt and evaluates what that prints; nothing else, and
//! above all no file of a project, is ever read by it. One program decides for all shells: a check in each shell's own
//! words would save the start of a process, some 2 ms, and would be three more truths of what a project is.
//!
//! What was before stands in the shell itself: the variables' old values in [`SAVED`], which is exported, so that a
//! shell that is started inside can leave too; what this one shell shows and has said in [`State`], which is not.

mod code;
mod saved;

pub use code::{Change, Hook, SHELLS, State};
pub use saved::{SAVED, Variables};

use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::digest::Digest;
use crate::environment::Environment;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::{ENVIRONMENT, MANIFEST, PYTHON, ProjectLayout};
use crate::quote::{is_obeyed, shown};
use crate::trusted::{self, Trust};
use saved::Saved;

/// The variable that holds the environment's folder.
const ACTIVE: &str = "ENVTOOL_ENV";

/// An environment to be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its folder.
    pub root: PathBuf,
    /// Whether it holds a venv.
    pub has_python: bool,
    /// What stands for its executables: another one where any of them came or went.
    stamp: String,
}

impl Place {
    /// An environment that lies there.
    pub fn of(environment: &Environment) -> Result<Self> {
        let layout = environment.layout();
        let changed = fs::metadata(&layout.bin())?.and_then(|bin| bin.modified().ok());
        Ok(Self {
            root: layout.root().to_owned(),
            has_python: environment.venv(PYTHON)?.is_some(),
            stamp: changed.map(|time| format!("{time:?}")).unwrap_or_default(),
        })
    }

    /// What stands before a prompt inside: the project's name, without what a prompt would expand.
    fn prefix(&self) -> String {
        let name = self.root.parent().and_then(Path::file_name).unwrap_or("/".as_ref());
        let plain = |c: char| if is_obeyed(c) || "$`\\'\"%!".contains(c) { '_' } else { c };
        format!("({}) ", name.to_string_lossy().chars().map(plain).collect::<String>())
    }
}

/// What a shell does before its prompt, from its variables and what it showed before.
pub fn at_prompt(before: &State, context: &Context<'_>) -> Vec<Change> {
    let now = Variables::of(context);
    let saved = now.get(SAVED).and_then(Saved::parse);
    let saved = saved.filter(|saved| now.get(ACTIVE) == Some(saved.root.as_os_str()));
    let is_inside = now.get(ACTIVE).is_some_and(|root| !root.is_empty());
    if is_inside && saved.is_none() {
        // Somebody activated it by hand, or `run` or `shell` did: it is not for us to take back.
        return code::changes(&now, &now, before, &State::default(), None);
    }
    let (place, said) = match wanted(&context.current, context) {
        Ok(Ok(place)) => (place, None),
        Ok(Err(line)) => (None, Some(line)),
        Err(fault) => (None, Some(line_of(&fault))),
    };
    let home = context.cargo_home().ok();
    let next = match (&saved, &place) {
        // Inside already: what the user has changed since stays.
        (Some(saved), Some(place)) if saved.is_in(place) => now.clone(),
        (saved, place) => {
            let outside =
                saved.as_ref().map_or_else(|| now.without(SAVED), |saved| saved.restore(&now, home));
            match place {
                Some(place) => Saved::of(place, &outside).keep_in(outside.inside(place, home)),
                None => outside,
            }
        }
    };
    let after = State {
        prefix: place.as_ref().map(Place::prefix).unwrap_or_default(),
        said: said.as_ref().map(|line| Digest::of(line.as_bytes()).short(16)).unwrap_or_default(),
        stamp: place.map(|place| place.stamp).unwrap_or_default(),
    };
    code::changes(&now, &next, before, &after, said)
}

/// What a shell does that is to stay in an environment wherever it goes.
pub fn entering(place: &Place, context: &Context<'_>) -> Vec<Change> {
    let now = Variables::of(context);
    let next = now.without(SAVED).inside(place, context.cargo_home().ok());
    let mut changes = code::changes(&now, &next, &State::default(), &State::default(), None);
    changes.push(Change::Prefix { old: String::new(), new: place.prefix() });
    changes
}

/// The environment that a folder wants to be in: that of the innermost project, where it is trusted; or a line that
/// says why not.
fn wanted(folder: &Path, context: &Context<'_>) -> Result<std::result::Result<Option<Place>, String>> {
    let mut root = None;
    for above in folder.ancestors() {
        if fs::is_file(&above.join(MANIFEST))? {
            root = Some(above);
            break;
        }
    }
    let Some(root) = root else { return Ok(Ok(None)) };
    let (layout, name) = (ProjectLayout::new(root.to_owned()), shown(root.as_os_str()));
    match trusted::look(&layout, context)? {
        Trust::Given => {}
        Trust::Never => {
            return Ok(Err(format!("{name} is not trusted, so it is not activated (help: envtool trust)")));
        }
        Trust::Changed(file) => {
            return Ok(Err(format!(
                "{file} of {name} has changed since it was trusted, so it is not activated (help: envtool trust)"
            )));
        }
    }
    if std::env::join_paths([root.join(ENVIRONMENT)]).is_err() {
        return Ok(Err(format!("{name} cannot stand on PATH, since its name holds a separator")));
    }
    Ok(match Environment::open(&layout)? {
        Some(environment) => Ok(Some(Place::of(&environment)?)),
        None => Err(format!("there is no environment in {name} (help: envtool sync)")),
    })
}

fn line_of(fault: &Fault) -> String {
    let help = fault.help_text().map(|help| format!(" (help: {help})")).unwrap_or_default();
    shown(format!("{fault}{help}").as_ref())
}
