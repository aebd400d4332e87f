//! `envtool run`: runs a command in the environment, in our own place.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::{Outcome, candidates, environment_of, no_such_command, refuse_lost, sync as sync_verb};
use crate::calls;
use crate::cargo::installed::records;
use crate::cargo_installed::{Installed, Origin};
use crate::context::Context;
use crate::environment::{Environment, path_inside, variables};
use crate::fault::{Fault, Result};
use crate::fs;
use crate::hook::SAVED;
use crate::layout::PYTHON;
use crate::manifest::ToolPin;
use crate::package::PackageName;
use crate::process::{self, Program};
use crate::project::Project;
use crate::sync::{self, Drift};
use crate::trusted;

/// The arguments of `run`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Make the environment what the lock says first
    #[arg(long)]
    sync: bool,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD", add = candidates::executables())]
    command: Vec<OsString>,
}

/// Runs a command in the environment. On Unix it returns only where that cannot be done.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    // 1. Which environment.
    let project = Project::find_or_fault(&context.folder)?;
    if arguments.sync {
        let report = trusted::keeping(&project.layout, context, || sync::sync(&project, context))?;
        for note in sync_verb::notes(&report, context) {
            context.progress.note(&note);
        }
    }
    let environment = environment_of(&project, context)?;
    // 2. What is not as it should be, in a line.
    if let Some(line) = remark(&project, &environment, &arguments.command, context)? {
        context.progress.warn(&line);
    }
    // 3. The command, as the environment finds it.
    let (root, home) = (environment.layout().root(), context.cargo_home().ok());
    let Some((name, rest)) = arguments.command.split_first() else {
        return Ok(Outcome::default());
    };
    refuse_lost(name, &environment)?;
    let path = path_inside(root, &context.path, home);
    let program = locate(name, &path, &context.current)?;
    if let Some(line) = of_the_machine(&project, &environment, &arguments.command, &program, &path, context)?
    {
        context.progress.warn(&line);
    }
    // 4. Become it.
    let program = in_environment(Program::new(program).args(rest), &environment, context)?;
    become_it(&program.named(name), name)
}

/// A program with the variables of the environment. What a hook keeps is not for it: it stays inside wherever it goes.
pub(super) fn in_environment(
    program: Program,
    environment: &Environment,
    context: &Context<'_>,
) -> Result<Program> {
    let has_python = environment.venv(PYTHON)?.is_some();
    let set = variables(environment.layout().root(), &context.path, context.cargo_home().ok(), has_python);
    Ok(set.into_iter().fold(program.unset(SAVED), |program, (name, value)| match value {
        Some(value) => program.set(name, value),
        None => program.unset(name),
    }))
}

/// Where the command lies. What a shell answers with 127 and 126 is answered here.
fn locate(name: &OsStr, path: &OsStr, folder: &Path) -> Result<PathBuf> {
    if let Some(found) = process::find(name, path, folder) {
        return Ok(found);
    }
    // A name with a separator is a path and not looked up, as in a shell.
    let is_path = name.as_encoded_bytes().contains(&b'/') || Path::new(name).components().count() > 1;
    let candidates = if is_path {
        vec![folder.join(name)]
    } else {
        std::env::split_paths(path).map(|place| place.join(name)).collect()
    };
    for file in candidates {
        let there = if is_path { fs::metadata(&file)?.is_some() } else { fs::is_file(&file)? };
        if there {
            return Err(not_executable(&file));
        }
    }
    Err(no_such_command(name).with_exit_code(127))
}

fn not_executable(file: &Path) -> Fault {
    Fault::new(format!("could not run {}", file.display()))
        .why("it is not an executable file")
        .help(format!("make it one (`chmod +x {}`), or run what interprets it", file.display()))
        .with_exit_code(126)
}

/// Puts a program in our own place.
#[cfg(unix)]
pub(super) fn become_it(program: &Program, name: &OsStr) -> Result<Outcome> {
    let error = program.exec();
    let code = if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 };
    Err(Fault::new(format!("could not run {:?}", name.display().to_string()))
        .because(&error)
        .help("see that it is a program for this machine, and that its interpreter is there")
        .with_exit_code(code))
}

/// Runs a program to its end.
#[cfg(not(unix))]
pub(super) fn become_it(program: &Program, name: &OsStr) -> Result<Outcome> {
    let code = program.run().map_err(|error| {
        Fault::new(format!("could not run {:?}", name.display().to_string()))
            .because(&error)
            .help("see that it is a program for this machine")
            .with_exit_code(126)
    })?;
    Ok(Outcome { code, ..Outcome::default() })
}

/// The one line that is said before the command runs, where something is not as it should be.
fn remark(
    project: &Project,
    environment: &Environment,
    command: &[OsString],
    context: &Context<'_>,
) -> Result<Option<String>> {
    if let Some(line) = drifted(project, environment, context)? {
        return Ok(Some(line));
    }
    let bin = environment.layout().bin();
    if std::env::join_paths([&bin]).is_err() {
        return Ok(Some(format!("{} cannot stand on PATH, since its name holds a separator", bin.display())));
    }
    let is_cargo =
        command.first().is_some_and(|name| Path::new(name).file_stem() == Some(OsStr::new("cargo")));
    let root = fs::canonical(project.layout.root())?;
    if is_cargo && !fs::canonical(&context.current)?.starts_with(&root) {
        return Ok(Some(format!(
            "{} lies outside the project: cargo reads its configuration from the current folder up, and does not see the environment",
            context.current.display()
        )));
    }
    Ok(None)
}

/// A line where what runs is the machine's though it could be the environment's: a pin names it, or `cargo install` put
/// it there. The project's files are not looked into, as doctor does: that takes longer than most commands.
fn of_the_machine(
    project: &Project,
    environment: &Environment,
    command: &[OsString],
    program: &Path,
    path: &OsStr,
    context: &Context<'_>,
) -> Result<Option<String>> {
    let words: Vec<&str> = command.iter().filter_map(|word| word.to_str()).collect();
    let Some((name, arguments)) = words.split_first().filter(|(name, _)| !name.contains(['/', '\\'])) else {
        return Ok(None);
    };
    let subcommand = if *name == "cargo" { calls::cargo_subcommand(arguments) } else { None };
    let (called, file) = match subcommand {
        Some(subcommand) => {
            let called = format!("cargo-{subcommand}");
            match process::find(OsStr::new(&called), path, &context.current) {
                Some(file) => (called, file),
                None => return Ok(None),
            }
        }
        None => ((*name).to_owned(), program.to_owned()),
    };
    if file.parent() == Some(&environment.layout().bin()) {
        return Ok(None);
    }
    let help = if is_pinned(&called, project, environment)? {
        "envtool sync".to_owned()
    } else {
        match recorded(&called, &file, project, context) {
            Some(tool) if tool.source == Origin::CratesIo => {
                format!("envtool add {}@{}", tool.package.name, tool.package.version)
            }
            Some(_) => "envtool doctor".to_owned(),
            None => return Ok(None),
        }
    };
    let said = subcommand.map_or(called, |subcommand| format!("cargo {subcommand}"));
    Ok(Some(format!("`{said}` runs {}, which is not the environment's (help: {help})", file.display())))
}

/// Whether a tool that is pinned has this executable, as far as its receipt or else its pin says.
fn is_pinned(called: &str, project: &Project, environment: &Environment) -> Result<bool> {
    let tools = &project.manifest.tools;
    let by_pin = |name: &PackageName, pin: &ToolPin| {
        pin.bins.iter().any(|bin| bin == called) || (pin.bins.is_empty() && name.as_str() == called)
    };
    if tools.is_empty() {
        return Ok(false);
    }
    let receipts = environment.tool_receipts()?;
    Ok(tools.iter().any(|(name, pin)| match receipts.iter().find(|receipt| receipt.package.name == *name) {
        Some(receipt) => receipt.bins.contains_key(called),
        None => by_pin(name, pin),
    }))
}

/// The tool that cargo's records name for a file in the `bin` of one of its roots, the project's own program left out.
fn recorded(called: &str, file: &Path, project: &Project, context: &Context<'_>) -> Option<Installed> {
    let roots = context.install_roots();
    let root = roots.iter().find(|root| file.parent() == Some(&root.join("bin")))?;
    let is_it = |tool: &Installed| {
        let has = tool.bins.iter().any(|bin| bin.strip_suffix(".exe").unwrap_or(bin) == called);
        let own =
            matches!(&tool.source, Origin::Path(path) if Path::new(path).starts_with(project.layout.root()));
        has && !own
    };
    records(root).installed.into_iter().find(is_it)
}

/// A line where manifest, lock and environment differ.
pub(super) fn drifted(
    project: &Project,
    environment: &Environment,
    context: &Context<'_>,
) -> Result<Option<String>> {
    let what = match sync::drift(project, environment, context)? {
        Drift::None => return Ok(None),
        Drift::Never => "the environment was never synced on this machine".to_owned(),
        Drift::Environment => "something in the environment came or went since it was synced".to_owned(),
        Drift::Changed(file) => format!("{} has changed since the environment was synced", file.display()),
    };
    Ok(Some(format!("{what} (help: envtool sync)")))
}
