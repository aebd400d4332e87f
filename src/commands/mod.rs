//! The verbs: one file each, its arguments, its numbered steps, its [`Outcome`].

pub mod activate;
pub mod add;
pub mod cache;
mod candidates;
pub mod completions;
pub mod doctor;
mod done;
pub mod exec;
pub mod hook;
pub mod init;
pub mod list;
pub mod man;
pub mod outdated;
pub mod pack;
pub mod remove;
pub mod run;
pub mod serve;
pub mod shell;
pub mod sync;
pub mod tree;
pub mod trust;
pub mod unpack;
pub mod upgrade;
pub mod which;
pub mod why;

use std::ffi::OsStr;
use std::path::Path;

use serde::Serialize;

use crate::context::Context;
use crate::environment::Environment;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::project::Project;
use crate::quote::is_obeyed;

/// What a verb has to say once it is done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Data, for standard output.
    pub data: String,
    /// What was done, for standard error; `--quiet` leaves it out.
    pub notes: Vec<String>,
    /// The exit code.
    pub code: u8,
    /// Whether the data is JSON, which escapes what a terminal would obey by itself.
    pub is_json: bool,
}

impl Outcome {
    /// Data and nothing else.
    pub fn data(data: String) -> Self {
        Self { data, ..Self::default() }
    }

    /// A value as JSON and nothing else.
    pub fn json(value: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Fault::bug("could not write JSON").because(&error))?;
        // In JSON they stand in strings alone, but for the ends of lines.
        let written = |c: char| {
            if is_obeyed(c) && c != '\n' { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }
        };
        let data = text.chars().map(written).collect::<String>() + "\n";
        Ok(Self { data, is_json: true, ..Self::default() })
    }
}

/// The environment of a project, for the verbs that need one. An interrupted change is finished first.
fn environment_of(project: &Project, context: &Context<'_>) -> Result<Environment> {
    let environment = Environment::open(&project.layout)?.ok_or_else(|| {
        Fault::new(format!("there is no environment in {}", project.layout.root().display()))
            .help("envtool sync")
    })?;
    if environment.is_interrupted()? {
        let tell = || context.tell_waiting();
        let lock = environment.lock(&context.waiting(&tell))?;
        environment.recover(&lock)?;
    } else if environment.has_leftovers()?
        && let Some(lock) = environment.try_lock()?
    {
        // Nobody is at work: whoever began that was killed.
        environment.recover(&lock)?;
    }
    Ok(environment)
}

/// What a command that nobody has ends with.
fn no_such_command(name: &OsStr) -> Fault {
    Fault::new(format!("could not find the command {:?}", name.display().to_string()))
        .why("it is neither in the environment nor on PATH")
        .help("`envtool list` shows what the environment holds")
}

/// Refuses a command whose executable in the environment is gone from the store: what PATH leads to behind it is
/// another one.
fn refuse_lost(name: &OsStr, environment: &Environment) -> Result<()> {
    let is_name = Path::new(name).file_name() == Some(name);
    let file = environment.layout().bin().join(name);
    if !is_name || fs::kind(&file)? != fs::Kind::Link || fs::metadata(&file)?.is_some() {
        return Ok(());
    }
    let target = fs::link_target(&file)?.unwrap_or_default();
    Err(Fault::new(format!("could not find the command {:?}", name.display().to_string()))
        .why(format!("{} leads to {}, which is gone", file.display(), target.display()))
        .help("envtool sync")
        .with_exit_code(127))
}
