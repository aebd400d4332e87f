//! `envtool doctor`: finds what is wrong, and mends it.

use serde::Serialize;

use super::{Outcome, candidates, environment_of, sync as sync_verb};
use crate::context::Context;
use crate::doctor::{self, CHECKS, Finding, Remedy, Scene, Severity, Step, fix};
use crate::fault::{Fault, Result};
use crate::progress::{Line, Tone};
use crate::project::Project;
use crate::trusted;

/// The arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Arguments {
    /// Mend what can be mended
    #[arg(long)]
    fix: bool,
    /// Mend without a question, and leave what wants an answer
    #[arg(long)]
    yes: bool,
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
    #[arg(long, value_name = "ID", add = candidates::checks())]
    check: Vec<String>,
    /// Look at names and sizes, not at contents
    #[arg(long)]
    quick: bool,
}

/// One finding, as `--json` shows it. Fields are added, never renamed or taken away.
#[derive(Serialize)]
struct Shown {
    check: &'static str,
    severity: Severity,
    subject: String,
    message: String,
    remedy: String,
    fixed: bool,
}

#[derive(Serialize)]
struct Answer {
    findings: Vec<Shown>,
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
        return match trusted::keeping(&project.layout, context, || fix::undo(&project, context))? {
            true => Ok(Outcome { notes: vec!["Took the last fix back".to_owned()], ..Outcome::default() }),
            false => Err(Fault::new("there is no fix to take back").help(
                "`envtool doctor --fix` makes one; the last ten can be taken back, one after the other",
            )),
        };
    }
    let found = examine(&project, arguments, context)?;
    // 2. Decide, and mend.
    let Decision { steps, told } = decide(&found, arguments, context)?;
    let remaining = if steps.is_empty() || arguments.dry_run {
        found.clone()
    } else {
        for step in &steps {
            context.progress.note(&format!("fix: {}", words(step, arguments.rebuild)));
        }
        let report = trusted::keeping(&project.layout, context, || {
            fix::carry_out(&steps, arguments.rebuild, &project, context)
        })?;
        for note in sync_verb::notes(&report, context) {
            context.progress.note(&note);
        }
        examine(&Project::at(project.layout.root())?, arguments, context)?
    };
    // 3. Say what is left, and what was mended.
    let all = compared(&found, &remaining);
    let open = |finding: &Finding| finding.severity != Severity::Info;
    let code = u8::from(remaining.iter().any(open));
    if context.flags.json {
        return Ok(Outcome { code, ..as_json(&all)? });
    }
    if told && steps.is_empty() {
        return Ok(Outcome { code, ..Outcome::default() });
    }
    let news: Vec<(&Finding, State)> =
        all.iter().copied().filter(|(_, state)| !told || *state != State::Left).collect();
    context.progress.show(&lines(&news))?;
    let mut notes = Vec::new();
    if arguments.dry_run {
        notes.extend(steps.iter().map(|step| format!("would {}", words(step, arguments.rebuild))));
        let choices = found.iter().filter(|finding| !finding.remedy.ways().is_empty());
        notes.extend(choices.map(|finding| format!("would ask: {}", question(finding))));
    }
    notes.push(summary(&all, true));
    Ok(Outcome { notes, code, ..Outcome::default() })
}

/// What a step does: with `--rebuild` nothing is taken over.
fn words(step: &Step, rebuild: bool) -> String {
    match step {
        Step::Adopt { package, .. } if rebuild => format!("pin {package}, and build it"),
        _ => step.to_string(),
    }
}

/// What was made of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is as it was.
    Left,
    /// It is gone.
    Fixed,
    /// It came with the fix.
    New,
}

/// What is to be done.
struct Decision {
    steps: Vec<Step>,
    /// Whether the findings were shown on the way: nobody is asked about what they have not seen.
    told: bool,
}

/// Decides what is to be done: what `--fix` and `--yes` say, or whoever sits at the terminal.
fn decide(found: &[Finding], arguments: &Arguments, context: &Context<'_>) -> Result<Decision> {
    let progress = context.progress;
    let mends = arguments.fix || arguments.yes;
    let choices: Vec<&Finding> = found.iter().filter(|finding| !finding.remedy.ways().is_empty()).collect();
    let mendable = found.iter().filter(|finding| finding.remedy.mends()).count();
    let is_question = if mends { !choices.is_empty() } else { mendable > 0 };
    let may_ask = !arguments.yes && !arguments.dry_run && !context.flags.json && !context.is_ci;
    let mut steps = fix::plan(found);
    if !is_question || !may_ask || !progress.can_ask() {
        return Ok(Decision { steps: if mends { steps } else { Vec::new() }, told: false });
    }
    let all = compared(found, found);
    progress.show(&lines(&all))?;
    progress.note(&summary(&all, false));
    let which = match (mendable, found.len()) {
        (1, 1) => "this".to_owned(),
        (some, all) if some == all => format!("these {all}"),
        (some, all) => format!("{some} of these {all}"),
    };
    if !mends && progress.ask(&format!("Mend {which}?"), &["yes", "no"]) != 0 {
        return Ok(Decision { steps: Vec::new(), told: true });
    }
    for finding in choices {
        let ways = finding.remedy.ways();
        let answers: Vec<&str> = ways.iter().map(|way| way.answer).chain(["leave"]).collect();
        if let Some(way) = ways.get(progress.ask(&question(finding), &answers)) {
            steps.extend(way.steps.iter().cloned());
        }
    }
    Ok(Decision { steps: fix::each_once(steps), told: true })
}

/// The question that a choice is put as.
fn question(finding: &Finding) -> String {
    let ways: Vec<&str> = finding.remedy.ways().iter().map(|way| way.words).collect();
    format!("{}: {}, or leave it?", finding.subject, ways.join(", "))
}

/// What was found with what was made of it, and what came with the fix.
fn compared<'a>(found: &'a [Finding], remaining: &'a [Finding]) -> Vec<(&'a Finding, State)> {
    let among = |list: &[Finding], one: &Finding| {
        list.iter().any(|other| other.check == one.check && other.subject == one.subject)
    };
    let old = found.iter().map(|finding| match among(remaining, finding) {
        true => (finding, State::Left),
        false => (finding, State::Fixed),
    });
    let new = remaining.iter().filter(|left| !among(found, left)).map(|finding| (finding, State::New));
    old.chain(new).collect()
}

fn as_json(all: &[(&Finding, State)]) -> Result<Outcome> {
    let shown = |(finding, state): &(&'_ Finding, State)| Shown {
        check: finding.check,
        severity: finding.severity,
        subject: finding.subject.clone(),
        message: finding.message.clone(),
        remedy: finding.remedy.words(),
        fixed: *state == State::Fixed,
    };
    let findings: Vec<Shown> = all.iter().map(shown).collect();
    let fixed = findings.iter().filter(|finding| finding.fixed).count();
    Outcome::json(&Answer { remaining: findings.len() - fixed, fixed, findings })
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

/// The findings below one another, by what was made of them and by severity.
fn lines(findings: &[(&Finding, State)]) -> Vec<Line> {
    let groups = [
        ("Errors", Tone::Error, Some(Severity::Error)),
        ("Warnings", Tone::Warning, Some(Severity::Warning)),
        ("Worth knowing", Tone::Info, Some(Severity::Info)),
        ("Fixed", Tone::Done, None),
    ];
    let mut lines = Vec::new();
    for (heading, tone, severity) in groups {
        let group = findings
            .iter()
            .filter(|(finding, state)| (*state != State::Fixed).then_some(finding.severity) == severity);
        let mut group = group.peekable();
        if group.peek().is_none() {
            continue;
        }
        if !lines.is_empty() {
            lines.push(line(0, Vec::new()));
        }
        lines.push(line(0, vec![(tone, heading)]));
        for (finding, state) in group {
            lines.push(line(
                2,
                vec![(tone, finding.check), (Tone::Plain, ": "), (Tone::Subject, &finding.subject)],
            ));
            if *state == State::Fixed {
                continue;
            }
            lines.push(line(4, vec![(Tone::Plain, &finding.message)]));
            let mut remedy = |who: &str, what: &str| {
                lines.push(line(4, vec![(Tone::Aside, who), (Tone::Plain, what)]));
            };
            match &finding.remedy {
                Remedy::Steps(_) => remedy("--fix would: ", &finding.remedy.words()),
                Remedy::User(words) => remedy("you can: ", words),
                Remedy::Choice(ways) => {
                    for way in ways {
                        remedy(&format!("to {}: ", way.words), &format!("`{}`", way.command));
                    }
                }
            }
        }
    }
    lines
}

fn line(indent: usize, pieces: Vec<(Tone, &str)>) -> Line {
    Line { indent, pieces: pieces.into_iter().map(|(tone, text)| (tone, text.to_owned())).collect() }
}

/// The line that counts. `hints`: it says how to mend what can be mended.
fn summary(all: &[(&Finding, State)], hints: bool) -> String {
    if all.is_empty() {
        return "nothing is wrong".to_owned();
    }
    let left: Vec<&Finding> =
        all.iter().filter(|(_, state)| *state != State::Fixed).map(|(finding, _)| *finding).collect();
    let some =
        |severity: Severity, what: &str| match left.iter().filter(|one| one.severity == severity).count() {
            1 => format!("1 {what}"),
            count => format!("{count} {what}s"),
        };
    let mut line =
        [some(Severity::Error, "error"), some(Severity::Warning, "warning"), some(Severity::Info, "info")]
            .join(", ");
    let fixed = all.len() - left.len();
    if fixed > 0 {
        line.push_str(&format!("; {fixed} fixed"));
    }
    let can = left.iter().filter(|finding| !finding.remedy.steps().is_empty()).count();
    if can > 0 && hints {
        line.push_str(&format!("; `envtool doctor --fix` mends {can}"));
    }
    line
}
