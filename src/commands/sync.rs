//! `envtool sync`: makes the environment exactly what the lock says.

use super::Outcome;
use super::done::Done;
use crate::context::Context;
use crate::fault::Result;
use crate::project::Project;
use crate::sync::{self, Came, Report, ToolDone};
use crate::trusted;

/// The arguments of `sync`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Fetch what other platforms need too (crates: always so)
    #[arg(long)]
    all_platforms: bool,
}

/// Makes the environment exactly what the lock says.
pub fn run(_: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    // 1. Which project.
    let project = Project::find_or_fault(&context.folder)?;
    // 2. Make its environment what the lock says.
    let report = trusted::keeping(&project.layout, context, || sync::sync(&project, context))?;
    // 3. Say what was done.
    if context.flags.json {
        return Done::of(&project.layout, Vec::new(), &report).outcome();
    }
    Ok(Outcome { notes: notes(&report, context), ..Outcome::default() })
}

/// What was done, in a line or two; each crate on a line of its own with `--verbose`.
pub(super) fn notes(report: &Report, context: &Context<'_>) -> Vec<String> {
    let took = format!("{:.2} s", report.took.as_secs_f64());
    if report.nothing {
        return vec![format!("nothing to do ({took})")];
    }
    let mut notes = Vec::new();
    if context.flags.verbose > 0 {
        notes.extend(report.removed.iter().map(|package| format!("- {package}")));
        notes.extend(report.added.iter().map(|package| format!("+ {package}")));
        notes.extend(report.modules_removed.iter().map(|module| format!("- {module}")));
        notes.extend(report.modules.iter().map(|module| format!("+ {module}")));
    }
    if report.locked {
        notes.push("Locked".to_owned());
    }
    let mut from = Vec::new();
    if report.downloaded > 0 {
        from.push(format!("{} downloaded, {:.1} MB", report.downloaded, megabytes(report.bytes)));
    }
    if report.from_cargo > 0 {
        from.push(format!("{} from cargo's cache", report.from_cargo));
    }
    if report.from_store > 0 {
        from.push(format!("{} from the store", report.from_store));
    }
    notes.extend(report.tools_removed.iter().map(|package| format!("Removed {package}")));
    notes.extend(report.tools.iter().map(tool));
    let (came, went) = (report.modules.len(), report.modules_removed.len());
    if came + went > 0 {
        let modules = if came == 1 { "module" } else { "modules" };
        notes.push(format!("Installed {came} {modules}, removed {went}"));
    }
    notes.extend(report.venvs_remade.iter().map(|(folder, modules)| match modules {
        1 => format!("Made {folder} anew: 1 module"),
        modules => format!("Made {folder} anew: {modules} modules"),
    }));
    let strays = report.strays.iter().map(|(folder, what)| {
        format!("Took {what} out of {folder}, since the lock does not name it (`envtool add` pins it)")
    });
    let remade = report.venvs_remade.len() + report.strays.len();
    let no_crates = report.packages == 0 && report.added.is_empty() && report.removed.is_empty();
    let no_others = report.tools.is_empty() && report.tools_removed.is_empty() && came + went + remade == 0;
    if no_crates && !no_others {
        // How long a tool took stands in its own line.
        if let Some(line) = notes.last_mut().filter(|_| came + went + report.venvs_remade.len() > 0) {
            line.push_str(&format!(" in {took}"));
        }
        notes.extend(strays);
        return notes;
    }
    let mut line = match report.packages {
        1 => "Synced 1 crate".to_owned(),
        packages => format!("Synced {packages} crates"),
    };
    if !report.added.is_empty() || !report.removed.is_empty() {
        line.push_str(&format!(": {} added, {} removed", report.added.len(), report.removed.len()));
    }
    if !from.is_empty() {
        line.push_str(&format!(" ({})", from.join("; ")));
    }
    notes.push(format!("{line} in {took}"));
    notes.extend(strays);
    notes
}

fn tool(done: &ToolDone) -> String {
    let ToolDone { package, bins, how } = done;
    let bins = bins.join(", ");
    match how {
        Came::Built(time) => format!("Built {package} in {:.1} s: {bins}", time.as_secs_f64()),
        Came::Adopted => format!("Took {package} over from this machine: {bins}"),
        Came::Stored => format!("Installed {package} from the store: {bins}"),
    }
}

/// Bytes in megabytes, for people.
#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub(super) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
