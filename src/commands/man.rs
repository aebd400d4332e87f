//! `envtool man`: the manual pages, made from the command line's own definition.

use std::path::PathBuf;

use clap_mangen::Man;

use super::Outcome;
use crate::context::Context;
use crate::fault::{Fault, Result};
use crate::fs;

/// What every page belongs to.
const SOURCE: &str = concat!("envtool ", env!("CARGO_PKG_VERSION"));

/// The arguments of `man`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The page of this verb; without it, that of envtool
    #[arg(value_name = "VERB", conflicts_with = "dir")]
    verb: Option<String>,
    /// Write every page into this folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Prints a page as roff, or writes all of them. `command` is the whole command line.
pub fn run(arguments: &Arguments, mut command: clap::Command, context: &Context<'_>) -> Result<Outcome> {
    command = command.disable_help_subcommand(true);
    command.build();
    if let Some(dir) = &arguments.dir {
        let dir = context.folder.join(dir);
        fs::create_folders(&dir)?;
        let pages = pages(&command);
        for page in &pages {
            fs::write(&dir.join(format!("{}.1", name(page))), render(page)?.as_bytes())?;
        }
        let note = format!("Wrote {} pages into {}", pages.len(), dir.display());
        return Ok(Outcome { notes: vec![note], ..Outcome::default() });
    }
    let page = match &arguments.verb {
        None => &command,
        Some(verb) => {
            pages(&command).into_iter().find(|page| name(page) == format!("envtool-{verb}")).ok_or_else(
                || Fault::usage(format!("there is no verb {verb:?}")).help("`envtool --help` lists them"),
            )?
        }
    };
    let mut outcome = Outcome::data(render(page)?);
    if context.progress.columns().is_some() {
        let verb = arguments.verb.as_ref().map_or(String::new(), |verb| format!(" {verb}"));
        outcome.notes.push(format!("to read it: `envtool man{verb} | man -l -`"));
    }
    Ok(outcome)
}

/// Each page: the command itself, and what stands below it as far as users are told of it.
fn pages(command: &clap::Command) -> Vec<&clap::Command> {
    let below = command.get_subcommands().filter(|verb| !verb.is_hide_set()).flat_map(pages);
    [command].into_iter().chain(below).collect()
}

/// The name of a page: `envtool-add`.
fn name(page: &clap::Command) -> String {
    page.get_display_name().unwrap_or_else(|| page.get_name()).to_owned()
}

fn render(page: &clap::Command) -> Result<String> {
    let mut text = Vec::new();
    Man::new(page.clone()).title(name(page)).source(SOURCE).manual("envtool").render(&mut text).map_err(
        |error| Fault::new("could not write the manual page").because(&error).help("run it again"),
    )?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
