//! `envtool activate`: the code that puts a shell into the environment, to be evaluated.

use std::ffi::OsString;
use std::path::Path;

use super::{Outcome, environment_of};
use crate::context::Context;
use crate::environment::SCRIPTS;
use crate::fault::{Fault, Result};
use crate::project::Project;
use crate::quote::{Syntax, shown};

/// The arguments of `activate`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The shell that evaluates it; without it, the one that `SHELL` names
    shell: Option<OsString>,
}

/// Prints a line that sources the environment's own script.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    // 1. For which shell.
    let shell = arguments.shell.as_ref().or(context.shell.as_ref()).ok_or_else(|| {
        unknown("could not tell for which shell".to_owned(), "it is not named, and SHELL is not set")
    })?;
    let name = Path::new(shell).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let script = SCRIPTS.iter().find(|script| script.shells.contains(&name)).ok_or_else(|| {
        let what = format!("there is no script for the shell {:?}", shell.display().to_string());
        unknown(what, "of its activation nothing is known")
    })?;
    // 2. Which environment; its scripts are this envtool's.
    let project = Project::find_or_fault(&context.folder)?;
    let environment = environment_of(&project, context)?;
    if !environment.has_these_scripts()? {
        let tell = || context.tell_waiting();
        environment.write_scripts(&environment.lock(&context.waiting(&tell))?)?;
    }
    // 3. The line.
    let path = environment.layout().bin().join(script.name);
    let cannot = |why: &str| {
        Fault::new(format!("could not write code for {name} that sources {}", shown(path.as_os_str())))
            .why(why.to_owned())
    };
    let Some(syntax) = Syntax::of(name) else {
        return Err(cannot(&format!("{name} evaluates no code"))
            .help(format!("`overlay use {}`", shown(path.as_os_str()))));
    };
    let word = syntax.quote(path.as_os_str()).ok_or_else(|| {
        cannot("its name holds what that shell cannot be told").help("`envtool shell`, or another shell")
    })?;
    let source = if syntax == Syntax::Posix { "." } else { "source" };
    Ok(Outcome::data(format!("{source} {word}\n")))
}

fn unknown(what: String, why: &str) -> Fault {
    let known: Vec<&str> = SCRIPTS.iter().flat_map(|script| script.shells).copied().collect();
    Fault::usage(what).why(why.to_owned()).help(format!("name one of {}", known.join(", ")))
}
