//! `envtool hook`: what a shell's rc file evaluates, so that entering a trusted project's folder activates it.

use std::ffi::OsString;

use super::Outcome;
use crate::context::Context;
use crate::environment::Environment;
use crate::fault::{Fault, Result};
use crate::hook::{Hook, Place, State, at_prompt, entering};
use crate::layout::ProjectLayout;

/// The arguments of `hook`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The shell: bash, zsh or fish
    shell: String,
    /// What the hook calls before a prompt, with what this shell was told the last time
    #[arg(long, hide = true, value_name = "STATE", allow_hyphen_values = true)]
    prompt: Option<OsString>,
    /// What a shell of `envtool shell` calls once it has read its user's rc file
    #[arg(long, hide = true, conflicts_with = "prompt")]
    enter: bool,
}

/// Prints the code.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    let hook = Hook::of(&arguments.shell)?;
    if let Some(state) = &arguments.prompt {
        return Ok(Outcome::data(hook.code(&at_prompt(&State::parse(state), context))?));
    }
    if arguments.enter {
        return Ok(Outcome::data(hook.code(&entering(&place(context)?, context))?));
    }
    Ok(Outcome::data(hook.install(&context.program()?)?))
}

/// The environment that the variables name.
fn place(context: &Context<'_>) -> Result<Place> {
    let none = || Fault::new("this shell is in no environment").help("`envtool shell` starts one that is");
    let root = context.active.as_ref().and_then(|root| root.parent()).ok_or_else(none)?;
    Place::of(&Environment::open(&ProjectLayout::new(root.to_owned()))?.ok_or_else(none)?)
}
