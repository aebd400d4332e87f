//! `envtool doctor`: finds what is wrong, and mends it.

use serde::Serialize;

use super::{Outcome, environment_of, sync as sync_verb};
use crate::context::Context;
use crate::doctor::{self, CHECKS, Finding, Remedy, Scene, Severity, fix};
use crate::fault::{Fault, Result};
use crate::project::Project;

/// The arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Arguments {
    /// Mend what can be mended
    #[arg(long)]
    fix: bool,
    /// With --fix: say what would be done, and do nothing
    #[arg(long, requires = "fix")]
    dry_run: bool,
    /// With --fix: build tools that are installed on the machine, and do not take them over
    #[arg(long, requires = "fix")]
    rebuild: bool,
    /// Take the last fix back
    #[arg(long, conflicts_with_all = ["fix", "check", "quick"])]
    undo: bool,
    /// Only this check; may be given again
    #[arg(long, value_name = "ID")]
    check: Vec<String>,
    /// Look at names and sizes, not at contents
    #[arg(long)]
    quick: bool,
}

/// One finding, as `--json` shows it. Fields are added, never renamed or taken away.
#[derive(Serialize)]
struct Shown<'a> {
    check: &'static str,
    severity: Severity,
    subject: &'a str,
    message: &'a str,
    remedy: String,
    fixed: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    findings: Vec<Shown<'a>>,
    fixed: usize,
    remaining: usize,
}

/// Looks, and mends where that is asked for. Exit code 1 while an error or a warning remains.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    refuse_unknown(&arguments.check)?;
    // 1. Look.
    let project = Project::find_or_fault(&context.folder)?;
    if arguments.undo {
        // Where no environment is, none is made to look for a fix in.
        environment_of(&project, context)?;
        return match fix::undo(&project, context)? {
            true => Ok(Outcome { notes: vec!["Took the last fix back".to_owned()], ..Outcome::default() }),
            false => Err(Fault::new("there is no fix to take back").help(
                "`envtool doctor --fix` makes one; the last ten can be taken back, one after the other",
            )),
        };
    }
    let found = examine(&project, arguments, context)?;
    let steps = fix::plan(&found);
    // 2. Mend.
    let remaining = if arguments.fix && !arguments.dry_run && !steps.is_empty() {
        for step in &steps {
            context.progress.note(&format!("fix: {step}"));
        }
        let report = fix::carry_out(&steps, arguments.rebuild, &project, context)?;
        for note in sync_verb::notes(&report, context) {
            context.progress.note(&note);
        }
        examine(&Project::at(project.layout.root())?, arguments, context)?
    } else {
        found.clone()
    };
    // 3. Say what is left, and what was mended.
    let is_fixed = |finding: &Finding| {
        !remaining.iter().any(|left| left.check == finding.check && left.subject == finding.subject)
    };
    let new = remaining.iter().filter(|left| {
        !found.iter().any(|finding| finding.check == left.check && finding.subject == left.subject)
    });
    let all: Vec<(&Finding, bool)> = found
        .iter()
        .map(|finding| (finding, is_fixed(finding)))
        .chain(new.map(|finding| (finding, false)))
        .collect();
    let open = |finding: &Finding| finding.severity != Severity::Info;
    let code = u8::from(remaining.iter().any(open));
    let fixed = all.iter().filter(|(_, fixed)| *fixed).count();
    if context.flags.json {
        let findings = all
            .iter()
            .map(|(finding, fixed)| Shown {
                check: finding.check,
                severity: finding.severity,
                subject: &finding.subject,
                message: &finding.message,
                remedy: finding.remedy.words(),
                fixed: *fixed,
            })
            .collect();
        return Ok(Outcome {
            code,
            ..Outcome::json(&Answer { findings, fixed, remaining: remaining.len() })?
        });
    }
    let mut outcome = Outcome::data(as_text(&all));
    outcome.code = code;
    if arguments.dry_run {
        outcome.notes.extend(steps.iter().map(|step| format!("would {step}")));
    }
    outcome.notes.push(summary(&all, &remaining));
    Ok(outcome)
}

fn examine(project: &Project, arguments: &Arguments, context: &Context<'_>) -> Result<Vec<Finding>> {
    let environment = environment_of(project, context)?;
    let scene = Scene::new(project, environment, context, arguments.quick)?;
    Ok(doctor::examine(&scene, &arguments.check))
}

fn refuse_unknown(ids: &[String]) -> Result<()> {
    let known: Vec<&str> = CHECKS.iter().map(|check| check.id()).collect();
    match ids.iter().find(|id| !known.contains(&id.as_str())) {
        None => Ok(()),
        Some(id) => Err(Fault::usage(format!("there is no check {id:?}"))
            .help(format!("the checks are {}", known.join(", ")))),
    }
}

fn as_text(findings: &[(&Finding, bool)]) -> String {
    let mut text = String::new();
    for (finding, fixed) in findings {
        let severity = match (fixed, finding.severity) {
            (true, _) => "fixed",
            (_, Severity::Error) => "error",
            (_, Severity::Warning) => "warning",
            (_, Severity::Info) => "info",
        };
        text.push_str(&format!("{severity}[{}] {}\n  {}\n", finding.check, finding.subject, finding.message));
        if !fixed {
            let who = match finding.remedy {
                Remedy::Steps(_) => "--fix would",
                Remedy::User(_) => "you can",
            };
            text.push_str(&format!("  {who}: {}\n", finding.remedy.words()));
        }
    }
    text
}

fn summary(all: &[(&Finding, bool)], remaining: &[Finding]) -> String {
    if all.is_empty() {
        return "nothing is wrong".to_owned();
    }
    let count = |severity: Severity| remaining.iter().filter(|finding| finding.severity == severity).count();
    let fixed = all.iter().filter(|(_, fixed)| *fixed).count();
    let (errors, warnings, infos) = (count(Severity::Error), count(Severity::Warning), count(Severity::Info));
    let can = remaining.iter().filter(|finding| !finding.remedy.steps().is_empty()).count();
    let some = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let mut line = [some(errors, "error"), some(warnings, "warning"), some(infos, "info")].join(", ");
    if fixed > 0 {
        line.push_str(&format!("; {fixed} fixed"));
    }
    if can > 0 {
        line.push_str(&format!("; `envtool doctor --fix` mends {can}"));
    }
    line
}
