//! `envtool exec`: runs a tool without adding it to the project.

use std::ffi::OsString;

use super::run::become_it;
use super::{Outcome, candidates, sync as sync_verb};
use crate::context::Context;
use crate::environment::path_inside;
use crate::fault::{Fault, Result};
use crate::one_off::{self, Wanted};
use crate::process::Program;
use crate::sync::Report;

/// The arguments of `exec`.
#[derive(Debug, clap::Args)]
#[command(override_usage = "envtool exec [OPTIONS] SPEC [--] [ARG]...")]
pub struct Arguments {
    /// Run this one of the package's executables
    #[arg(long, value_name = "NAME")]
    bin: Option<String>,
    /// Features that it is built with, separated by commas
    #[arg(short = 'F', long, value_name = "F", value_delimiter = ',')]
    features: Vec<String>,
    /// Build it without the default features
    #[arg(long)]
    no_default_features: bool,
    /// The package, and what its executable is given: NAME, NAME@1.2.3, pypi:NAME. Without a version: what the project
    /// pins, else the newest in the store, else the registry's newest
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "SPEC", add = candidates::tools())]
    command: Vec<OsString>,
}

/// Runs a tool. On Unix it returns only where that cannot be done.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    // 1. Which.
    let Some((spec, rest)) = arguments.command.split_first() else {
        return Ok(Outcome::default());
    };
    let spec = spec.to_str().ok_or_else(|| {
        Fault::usage(format!("could not read the package {:?}", spec.display().to_string()))
            .why("it is not UTF-8")
            .help("name a package: `envtool exec just@1.42.4 -- --version`")
    })?;
    let wanted = Wanted {
        spec: spec.parse()?,
        features: arguments.features.clone(),
        no_default_features: arguments.no_default_features,
    };
    // 2. Bring it, where it is not there.
    let tool = one_off::bring(wanted, context)?;
    let file = tool.executable(arguments.bin.as_deref())?;
    let path = path_inside(tool.bin().parent().unwrap_or(&tool.bin()), &context.path, None);
    // Its lock is nobody's.
    let report = tool.report.map(|report| Report { locked: false, ..report });
    for note in report.iter().flat_map(|report| sync_verb::notes(report, context)) {
        context.progress.note(&note);
    }
    // 3. Become it. Its own programs find one another; all else is as it was.
    let rest = if rest.first().is_some_and(|first| first == "--") { &rest[1..] } else { rest };
    let name = file.file_name().unwrap_or_default().to_owned();
    become_it(&Program::new(file).args(rest).set("PATH", path).named(&name), &name)
}
