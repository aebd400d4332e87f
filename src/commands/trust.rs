//! `envtool trust` and `envtool untrust`: whether entering a project's folder may activate it.

use super::Outcome;
use crate::context::Context;
use crate::environment::{Environment, is_script};
use crate::fault::Result;
use crate::layout::{LOCK, MANIFEST};
use crate::project::Project;
use crate::quote::shown;
use crate::trusted::{self, Trust};

/// The arguments of `trust`.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// The arguments of `untrust`.
#[derive(Debug, clap::Args)]
pub struct Untrust {}

/// How many names are shown.
const SHOWN: usize = 12;

/// Trusts the project as it is now.
pub fn run(_: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    // 1. Which project, and what comes first on PATH with it.
    let project = Project::find_or_fault(&context.folder)?;
    let name = shown(project.layout.root().as_os_str());
    let environment = Environment::open(&project.layout)?;
    // 2. Trust it.
    if trusted::look(&project.layout, context)? == Trust::Given {
        return Ok(Outcome { notes: vec![format!("{name} is trusted already")], ..Outcome::default() });
    }
    trusted::give(&project.layout, context)?;
    // 3. Say what that means.
    let mut notes = vec![format!("Trusted {name}, with the {MANIFEST} and the {LOCK} that it has now")];
    notes.push(match environment {
        Some(environment) => first_on_path(&environment)?,
        None => "there is no environment in it yet (help: envtool sync)".to_owned(),
    });
    Ok(Outcome { notes, ..Outcome::default() })
}

/// What a shell finds first from now on: who trusts a folder that somebody sent may want to know.
fn first_on_path(environment: &Environment) -> Result<String> {
    let names = environment.bin()?.into_keys();
    let mut names: Vec<String> =
        names.filter(|name| !name.to_str().is_some_and(is_script)).map(|name| shown(&name)).collect();
    let bin = shown(environment.layout().bin().as_os_str());
    if names.is_empty() {
        return Ok(format!("{bin} comes first on PATH inside; it holds no executable"));
    }
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Ok(format!("{bin} comes first on PATH inside: {}{more}", names.join(", ")))
}

/// Trusts the project no more.
pub fn forget(_: &Untrust, context: &Context<'_>) -> Result<Outcome> {
    let project = Project::find_or_fault(&context.folder)?;
    let name = shown(project.layout.root().as_os_str());
    let note = match trusted::take(&project.layout, context)? {
        true => format!("{name} is not trusted any more"),
        false => format!("{name} was not trusted"),
    };
    Ok(Outcome { notes: vec![note], ..Outcome::default() })
}
