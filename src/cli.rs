//! The command line: verbs, global flags, and which verb does what.

use std::path::PathBuf;

use clap::builder::styling::{Effects, Style, Styles};
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::commands::{self, Outcome};
use crate::context::{self, Context, Flags};
use crate::fault::Result;
use crate::progress::{Manner, When};

/// No yellow and no green, which are clap's own: they vanish on a white terminal.
const STYLES: Styles =
    Styles::styled().invalid(Style::new().effects(Effects::BOLD)).valid(Style::new().effects(Effects::BOLD));

/// The virtual environment for everything a project runs on.
#[derive(Debug, Parser)]
#[command(name = "envtool", version, styles = STYLES, max_term_width = 100, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    global: Global,
}

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Global {
    /// Start from this folder instead of the current one
    #[arg(short = 'C', long, global = true, value_name = "DIR", env = "ENVTOOL_DIRECTORY")]
    directory: Option<PathBuf>,
    /// Say errors and warnings only
    #[arg(short, long, global = true, env = "ENVTOOL_QUIET", value_parser = clap::builder::FalseyValueParser::new())]
    quiet: bool,
    /// Say each package that comes or goes; twice: every program, request and setting
    #[arg(short, long, global = true, action = ArgAction::Count, env = "ENVTOOL_VERBOSE")]
    verbose: u8,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, env = "ENVTOOL_COLOR")]
    color: Color,
    /// Show no progress bar
    #[arg(long, global = true, env = "ENVTOOL_NO_PROGRESS", value_parser = clap::builder::FalseyValueParser::new())]
    no_progress: bool,
    /// Report as JSON
    #[arg(long, global = true, env = "ENVTOOL_JSON", value_parser = clap::builder::FalseyValueParser::new())]
    json: bool,
    /// How many downloads run at once
    #[arg(short, long, global = true, value_name = "N", env = "ENVTOOL_JOBS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Use what the machine holds, and no network
    #[arg(long, global = true, env = "ENVTOOL_OFFLINE", value_parser = clap::builder::FalseyValueParser::new())]
    offline: bool,
    /// Fail where the lock would change
    #[arg(long, global = true, env = "ENVTOOL_LOCKED", value_parser = clap::builder::FalseyValueParser::new())]
    locked: bool,
    /// `--locked` and `--offline`
    #[arg(long, global = true, env = "ENVTOOL_FROZEN", value_parser = clap::builder::FalseyValueParser::new())]
    frozen: bool,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a project's manifest and environment
    Init(commands::init::Arguments),
    /// Pin packages, lock and install them
    Add(commands::add::Arguments),
    /// Take pins away, and what nothing else needs
    Remove(commands::remove::Arguments),
    /// Make the environment exactly what the lock says
    Sync(commands::sync::Arguments),
    /// Run a command in the environment
    Run(commands::run::Arguments),
    /// Run a tool without adding it to the project
    Exec(commands::exec::Arguments),
    /// Start a shell in the environment
    Shell(commands::shell::Arguments),
    /// Print the code that puts a shell into the environment
    Activate(commands::activate::Arguments),
    /// Print the code that has a shell activate trusted projects on entering them
    Hook(commands::hook::Arguments),
    /// Let the hook activate this project
    Trust(commands::trust::Arguments),
    /// Let it do so no more
    Untrust(commands::trust::Untrust),
    /// List what is installed
    List(commands::list::Arguments),
    /// Show what depends on what, from the locks
    Tree(commands::tree::Arguments),
    /// Show which of the pins need a package
    Why(commands::why::Arguments),
    /// Show which pins have newer releases
    Outdated(commands::outdated::Arguments),
    /// Move pins to newer releases
    Upgrade(commands::upgrade::Arguments),
    /// Say which file a command runs, and why
    Which(commands::which::Arguments),
    /// Find what is wrong, and mend it
    Doctor(commands::doctor::Arguments),
    /// Write the whole environment into one file, for a machine without a network
    Pack(commands::pack::Arguments),
    /// Make an environment from a pack, without a network
    Unpack(commands::unpack::Arguments),
    /// Look into the store that every environment draws from
    Cache(commands::cache::Arguments),
    /// Be a mirror of the registries for other machines
    Serve(commands::serve::Arguments),
    /// Print what makes a shell complete envtool's command lines
    Completions(commands::completions::Arguments),
    /// Print the manual page
    Man(commands::man::Arguments),
}

/// What `-vv` shows.
const DEBUG: &str = "envtool=debug";

impl Verb {
    /// What is logged where nobody asks for more.
    fn log(&self) -> Option<&'static str> {
        // The requests that a server answers: what they are filtered by is the name of their log.
        matches!(self, Self::Serve(_)).then_some("envtool::access=info")
    }

    /// Whether standard output is that of another program, or is read by a shell: no report may stand there.
    fn owns_output(&self) -> bool {
        let child = matches!(self, Self::Run(_) | Self::Exec(_) | Self::Shell(_));
        let read = matches!(self, Self::Activate(_) | Self::Hook(_) | Self::Completions(_) | Self::Man(_));
        child || read
    }
}

impl Cli {
    /// Reads the command line, or ends with what is wrong with it. An empty variable stands for none, as with cargo.
    pub fn read() -> Self {
        let command = Self::command().mut_args(|argument| match argument.get_env() {
            Some(name) if context::variable(name).is_none() => argument.env(None::<&str>),
            _ => argument,
        });
        let read = command.try_get_matches().and_then(|mut found| Self::from_arg_matches_mut(&mut found));
        read.unwrap_or_else(|error| error.exit())
    }

    /// How what is said is to be said. What `run` starts has standard output for itself.
    pub fn manner(&self) -> Manner {
        let Global { quiet, verbose, color, no_progress, json, .. } = self.global;
        Manner {
            color: match color {
                Color::Auto => When::Auto,
                Color::Always => When::Always,
                Color::Never => When::Never,
            },
            quiet,
            log: (!quiet && verbose > 1).then_some(DEBUG).or_else(|| self.verb.log().filter(|_| !quiet)),
            bars: !no_progress && !quiet && !json,
            json: json && !self.verb.owns_output(),
        }
    }

    /// What the verbs need of the global flags.
    pub fn flags(&self) -> Flags {
        let Global { directory, verbose, json, jobs, offline, locked, frozen, .. } = &self.global;
        Flags {
            directory: directory.clone(),
            jobs: jobs.map(usize::from),
            offline: *offline || *frozen,
            locked: *locked || *frozen,
            json: *json,
            verbose: *verbose,
        }
    }

    /// Does what the verb says.
    pub fn run(&self, context: &Context<'_>) -> Result<Outcome> {
        match &self.verb {
            Verb::Init(arguments) => commands::init::run(arguments, context),
            Verb::Add(arguments) => commands::add::run(arguments, context),
            Verb::Remove(arguments) => commands::remove::run(arguments, context),
            Verb::Sync(arguments) => commands::sync::run(arguments, context),
            Verb::Run(arguments) => commands::run::run(arguments, context),
            Verb::Exec(arguments) => commands::exec::run(arguments, context),
            Verb::Shell(arguments) => commands::shell::run(arguments, context),
            Verb::Activate(arguments) => commands::activate::run(arguments, context),
            Verb::Hook(arguments) => commands::hook::run(arguments, context),
            Verb::Trust(arguments) => commands::trust::run(arguments, context),
            Verb::Untrust(arguments) => commands::trust::forget(arguments, context),
            Verb::List(arguments) => commands::list::run(arguments, context),
            Verb::Tree(arguments) => commands::tree::run(arguments, context),
            Verb::Why(arguments) => commands::why::run(arguments, context),
            Verb::Outdated(arguments) => commands::outdated::run(arguments, context),
            Verb::Upgrade(arguments) => commands::upgrade::run(arguments, context),
            Verb::Which(arguments) => commands::which::run(arguments, context),
            Verb::Doctor(arguments) => commands::doctor::run(arguments, context),
            Verb::Pack(arguments) => commands::pack::run(arguments, context),
            Verb::Unpack(arguments) => commands::unpack::run(arguments, context),
            Verb::Cache(arguments) => commands::cache::run(arguments, context),
            Verb::Serve(arguments) => commands::serve::run(arguments, context),
            Verb::Completions(arguments) => commands::completions::run(arguments),
            Verb::Man(arguments) => commands::man::run(arguments, Self::command(), context),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
