//! `envtool which`: the file that would run inside the environment, and why.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use serde::Serialize;

use super::{Outcome, candidates, environment_of, no_such_command, refuse_lost};
use crate::context::Context;
use crate::environment::{Environment, PYTHON_NAMES, path_inside};
use crate::fault::Result;
use crate::fs;
use crate::layout::PYTHON;
use crate::process;
use crate::project::Project;

/// The arguments of `which`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The command
    #[arg(add = candidates::executables())]
    name: OsString,
}

/// What runs, as `--json` shows it. Fields are added, never renamed or taken away.
#[derive(Serialize)]
struct Found {
    name: String,
    path: String,
    in_environment: bool,
    /// Where the link leads to that it is.
    target: Option<String>,
    why: Vec<String>,
    /// The files of that name behind it on PATH.
    before: Vec<String>,
}

/// Says which file runs inside the environment: its path on standard output, the reason on standard error.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    // 1. Which environment.
    let project = Project::find_or_fault(&context.folder)?;
    let environment = environment_of(&project, context)?;
    refuse_lost(&arguments.name, &environment).map_err(|fault| fault.with_exit_code(1))?;
    // 2. Every file of that name that PATH leads to inside it.
    let path = path_inside(environment.layout().root(), &context.path, context.cargo_home().ok());
    let found = process::find_all(&arguments.name, &path, &context.current);
    let first = found.first().ok_or_else(|| no_such_command(&arguments.name))?;
    // 3. The first one runs; say why.
    let bin = environment.layout().bin();
    let mut notes = Vec::new();
    if first.parent() == Some(&bin) {
        let name = first.file_name().unwrap_or_default();
        let tools = environment.tool_receipts()?;
        let owner = tools.iter().find(|tool| tool.bins.keys().any(|bin| name == bin.as_str()));
        let owner = match owner {
            Some(tool) => format!(" ({}, {})", tool.package, tool.source),
            None => of_python(name, &environment)?,
        };
        let target =
            fs::link_target(first)?.map_or(String::new(), |to| format!(", a link to {}", to.display()));
        notes.push(format!("from the environment{owner}, whose bin comes first on PATH{target}"));
    } else {
        notes.push(format!(
            "from the machine: {} has no such command, and this is the first on PATH",
            bin.display()
        ));
    }
    if context.flags.json {
        let shown = |path: &Path| path.display().to_string();
        return Outcome::json(&Found {
            name: arguments.name.display().to_string(),
            path: shown(first),
            in_environment: first.parent() == Some(&bin),
            target: fs::link_target(first)?.as_deref().map(shown),
            why: notes,
            before: found.iter().skip(1).map(|path| shown(path)).collect(),
        });
    }
    notes.extend(found.iter().skip(1).map(|other| format!("before {}", other.display())));
    Ok(Outcome { data: format!("{}\n", first.display()), notes, ..Outcome::default() })
}

/// Whose an executable is that comes with Python.
fn of_python(name: &OsStr, environment: &Environment) -> Result<String> {
    let receipts = environment.all_module_receipts()?;
    let owner = receipts.iter().find(|(_, receipt)| receipt.bins.iter().any(|bin| name == bin.as_str()));
    if let Some((_, receipt)) = owner {
        return Ok(format!(" ({}, {})", receipt.module, receipt.source));
    }
    Ok(match environment.venv(PYTHON)? {
        Some(venv) if PYTHON_NAMES.iter().any(|python| name == *python) => {
            format!(" (Python {})", venv.version)
        }
        _ => String::new(),
    })
}
