//! `envtool list`: what is installed.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Outcome, environment_of};
use crate::cargo_lock::{CargoLock, crates_io};
use crate::context::Context;
use crate::fault::Result;
use crate::fs;
use crate::layout::{PYTHON, tool_venv};
use crate::lock::Lock;
use crate::package::PackageId;
use crate::project::Project;
use crate::receipt::{ModuleReceipt, Receipt, ToolReceipt};

/// The arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The whole closure, not only what the project names itself
    #[arg(long)]
    all: bool,
}

/// One package, as `--json` shows it. Fields are added, never renamed or taken away.
#[derive(Serialize)]
struct Shown<'a> {
    name: String,
    version: String,
    registry: &'static str,
    kind: &'static str,
    checksum: Option<String>,
    bins: Vec<String>,
    source: &'a str,
}

#[derive(Serialize)]
struct Packages<'a> {
    packages: Vec<Shown<'a>>,
}

/// Lists what is installed.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    // 1. What is installed.
    let project = Project::find_or_fault(&context.folder)?;
    let environment = environment_of(&project, context)?;
    let mut crates = environment.receipts()?;
    let tools = environment.tool_receipts()?;
    let mut modules = environment.all_module_receipts()?;
    // 2. What of it was asked for. Tools always are.
    if !arguments.all {
        let asked = asked_for(&project)?;
        crates.retain(|(folder, receipt)| asked.contains(&(folder.clone(), receipt.package.clone())));
        modules.retain(|(venv, receipt)| is_tool(venv, receipt) || is_pinned(&project, venv, receipt));
    }
    crates.sort_by(|a, b| (&a.1.package, &a.0).cmp(&(&b.1.package, &b.0)));
    // 3. Show it: crates, then tools, then modules.
    let mut shown: Vec<Shown<'_>> = crates.iter().map(|(_, receipt)| of_crate(receipt)).collect();
    shown.extend(tools.iter().map(of_tool));
    modules.sort_by_key(|(venv, receipt)| (!is_tool(venv, receipt), receipt.module.clone()));
    shown.extend(modules.iter().map(|(venv, receipt)| of_module(receipt, is_tool(venv, receipt))));
    if context.flags.json {
        return Outcome::json(&Packages { packages: shown });
    }
    let mut outcome = Outcome::data(as_lines(&shown));
    if shown.is_empty() {
        outcome.notes.push("nothing is installed (`envtool sync` installs what the lock names)".to_owned());
    }
    Ok(outcome)
}

/// The packages that the project names itself, with the folder each lies in.
fn asked_for(project: &Project) -> Result<BTreeSet<(String, PackageId)>> {
    if project.is_cargo {
        let path = project.layout.cargo_lock();
        let Some(bytes) = fs::read(&path)? else {
            return Ok(BTreeSet::new());
        };
        let lock = CargoLock::read(&bytes, &path.display().to_string())?;
        let direct = lock.direct();
        return Ok(direct.iter().filter_map(|p| Some((p.source.as_ref()?.folder(), p.id.clone()))).collect());
    }
    let path = project.layout.lock();
    let Some(bytes) = fs::read(&path)? else {
        return Ok(BTreeSet::new());
    };
    let lock = Lock::read(&bytes, &path.display().to_string())?;
    let asked = lock.packages.iter().filter(|row| row.asked.is_some());
    Ok(asked.map(|row| (crates_io().folder(), row.id())).collect())
}

fn of_crate(receipt: &Receipt) -> Shown<'_> {
    Shown {
        name: receipt.package.name.to_string(),
        version: receipt.package.version.to_string(),
        registry: "cargo",
        kind: "crate",
        checksum: receipt.checksum.map(|checksum| checksum.prefixed()),
        bins: Vec::new(),
        source: &receipt.source,
    }
}

fn of_tool(receipt: &ToolReceipt) -> Shown<'_> {
    Shown {
        name: receipt.package.name.to_string(),
        version: receipt.package.version.to_string(),
        registry: "cargo",
        kind: "tool",
        checksum: Some(receipt.checksum.prefixed()),
        bins: receipt.bins.keys().cloned().collect(),
        source: &receipt.source,
    }
}

/// Whether a venv is the one that this package has as a tool.
fn is_tool(venv: &str, receipt: &ModuleReceipt) -> bool {
    venv == tool_venv(&receipt.module.name)
}

fn is_pinned(project: &Project, venv: &str, receipt: &ModuleReceipt) -> bool {
    venv == PYTHON && project.manifest.modules.contains_key(&receipt.module.name)
}

fn of_module(receipt: &ModuleReceipt, is_tool: bool) -> Shown<'_> {
    Shown {
        name: receipt.module.name.to_string(),
        version: receipt.module.version.to_string(),
        registry: "pypi",
        kind: if is_tool { "tool" } else { "module" },
        checksum: receipt.checksum.map(|checksum| checksum.prefixed()),
        bins: receipt.bins.iter().cloned().collect(),
        source: &receipt.source,
    }
}

fn as_lines(packages: &[Shown<'_>]) -> String {
    let width = packages.iter().map(|package| package.name.chars().count()).max().unwrap_or(0);
    let mut lines = String::new();
    for Shown { name, version, source, bins, .. } in packages {
        let mut remarks = bins.join(", ");
        if *source != "crates.io" {
            let gap = if remarks.is_empty() { "" } else { " " };
            remarks.push_str(&format!("{gap}({source})"));
        }
        lines.push_str(format!("{name:width$}  {version}  {remarks}").trim_end());
        lines.push('\n');
    }
    lines
}
