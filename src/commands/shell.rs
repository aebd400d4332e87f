//! `envtool shell`: a shell of its own in the environment.
//!
//! Its variables are those of `run`. A user's rc file may set PATH anew, so a bash, zsh or fish enters the environment
//! once more when it has read that. bash and zsh are told so by rc files of ours, which lie in the store and read the
//! user's first: they hold nothing of a project, so there is none to be taken away afterwards.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::run::{become_it, drifted, in_environment};
use super::{Outcome, environment_of};
use crate::context::Context;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::hook::{Hook, SAVED};
use crate::process::{self, Program};
use crate::project::Project;
use crate::quote::{Syntax, shown};
use crate::store::Store;

/// The arguments of `shell`.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// The files that a bash and a zsh read, by their names.
const FILES: [(&str, &str); 3] = [
    ("bashrc", include_str!("shell/bashrc")),
    (".zshenv", include_str!("shell/zshenv")),
    (".zshrc", include_str!("shell/zshrc")),
];

/// The variable that tells those where envtool lies.
const PROGRAM: &str = "ENVTOOL_SHELL";

/// Starts a shell in the environment. On Unix it returns only where that cannot be done.
pub fn run(_: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    // 1. Which environment.
    let project = Project::find_or_fault(&context.folder)?;
    let environment = environment_of(&project, context)?;
    let root = environment.layout().root();
    // (One that the hook has entered is left with its folder; this one is not.)
    let by_hook = !context.variables(|name| name == SAVED).is_empty();
    if context.active.as_deref() == Some(root) && !by_hook {
        return Err(Fault::new(format!(
            "this shell is in the environment {} already",
            shown(root.as_os_str())
        ))
        .help("`exit` leaves a shell of `envtool shell`, `deactivate` one that was activated"));
    }
    if let Some(line) = drifted(&project, &environment, context)? {
        context.progress.warn(&line);
    }
    // 2. Which shell.
    let asked = context.shell.clone().unwrap_or_else(|| OsString::from("/bin/sh"));
    let shell = process::find(&asked, &context.path, &context.current).ok_or_else(|| no_shell(&asked))?;
    let name = Path::new(&asked).file_name().unwrap_or(&asked).to_owned();
    // 3. What it reads first.
    let program = in_environment(Program::new(shell).named(&name), &environment, context)?;
    let program = prepared(program, &name, context)?;
    // 4. Become it.
    context.progress.note(&format!(
        "{} in the environment {}; `exit` leaves it",
        shown(&name),
        shown(root.as_os_str())
    ));
    become_it(&program, &name)
}

/// The shell with what has it enter the environment once more, where it knows such a thing.
fn prepared(program: Program, name: &OsStr, context: &Context<'_>) -> Result<Program> {
    let Some(shell) = name.to_str().filter(|name| Hook::of(name).is_ok()) else { return Ok(program) };
    let envtool = context.program()?;
    if shell == "fish" {
        let word = Syntax::Fish.quote(envtool.as_os_str()).unwrap_or_default();
        return Ok(program.arg("-C").arg(format!("{word} hook fish --enter 2>/dev/null | source")));
    }
    let folder = write_files(context)?;
    let program = program.set(PROGRAM, envtool);
    if shell == "bash" {
        return Ok(program.arg("--rcfile").arg(folder.join("bashrc")));
    }
    let theirs = context.variables(|name| name == "ZDOTDIR").into_values().next();
    let program = theirs.into_iter().fold(program, |program, theirs| program.set("ENVTOOL_ZDOTDIR", theirs));
    Ok(program.set("ZDOTDIR", folder))
}

fn write_files(context: &Context<'_>) -> Result<PathBuf> {
    let store = Store::new(context.cache()?);
    let folder = store.layout().shells();
    let tell = || context.tell_waiting();
    let _lock = store.lock(&context.waiting(&tell))?;
    for (name, text) in FILES {
        fs::write_if_changed(&folder.join(name), text.as_bytes())?;
    }
    Ok(folder)
}

fn no_shell(asked: &OsStr) -> Fault {
    Fault::new(format!("could not find the shell {:?}", asked.display().to_string()))
        .why("SHELL names it")
        .help("set SHELL to a shell that is there: `SHELL=/bin/sh envtool shell`")
        .with_exit_code(127)
}
