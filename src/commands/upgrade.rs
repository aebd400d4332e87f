//! `envtool upgrade`: moves pins to newer releases.

use serde::Serialize;

use super::{Outcome, candidates, sync as sync_verb};
use crate::adding::{self, Move, Named, Stay, Upgrade, Upgraded};
use crate::context::Context;
use crate::fault::{Fault, Result};
use crate::project::Project;
use crate::spec::Spec;
use crate::trusted;

/// The arguments of `upgrade`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Which pins, NAME or REGISTRY:NAME; none named: all
    #[arg(value_name = "NAME", add = candidates::pins())]
    names: Vec<String>,
    /// Not this one; may be given again
    #[arg(long, value_name = "NAME", add = candidates::pins())]
    exclude: Vec<String>,
    /// Also to releases that are not compatible with what is pinned
    #[arg(long)]
    latest: bool,
    /// Say what would move, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// One that moved, as `--json` shows it. Fields are added, never renamed or taken away.
#[derive(Serialize)]
struct Moved<'a> {
    name: &'a str,
    registry: &'static str,
    kind: &'static str,
    from: &'a str,
    to: &'a str,
}

/// One that stays, though there is a newer release.
#[derive(Serialize)]
struct Stayed<'a> {
    name: &'a str,
    registry: &'static str,
    kind: &'static str,
    at: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct Told<'a> {
    moved: Vec<Moved<'a>>,
    stays: Vec<Stayed<'a>>,
    dry_run: bool,
}

/// Moves pins, all of them or none.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    // 1. Which pins, and how far.
    let names = |all: &[String]| all.iter().map(|text| name(text)).collect::<Result<Vec<_>>>();
    let asked = Upgrade {
        names: names(&arguments.names)?,
        exclude: names(&arguments.exclude)?,
        latest: arguments.latest,
        dry_run: arguments.dry_run,
    };
    let project = Project::find_or_fault(&context.folder)?;
    // 2. Move, lock, install.
    let upgrade = || adding::upgrade(&project, &asked, context);
    let upgraded = trusted::keeping(&project.layout, context, upgrade)?;
    // 3. Say what was done.
    let lines: Vec<String> = upgraded.moved.iter().map(line).collect();
    let mut notes = Vec::new();
    let mut outcome = match (context.flags.json, asked.dry_run) {
        (true, _) => Outcome::json(&told(&upgraded, asked.dry_run))?,
        (false, true) => Outcome::data(lines.iter().flat_map(|line| [line, "\n"]).collect()),
        (false, false) => {
            notes = lines;
            Outcome::default()
        }
    };
    notes.extend(upgraded.stays.iter().map(stays));
    notes.extend(advice(&upgraded, &asked));
    if let Some(report) = &upgraded.report {
        notes.extend(sync_verb::notes(report, context));
    }
    outcome.notes = notes;
    Ok(outcome)
}

fn name(text: &str) -> Result<Named> {
    let spec: Spec = text.parse()?;
    if spec.names_version() {
        return Err(Fault::usage(format!("{spec} names a version")).help(format!(
            "`envtool add {spec}` pins that one; `envtool upgrade {}` the newest",
            spec.without_version()
        )));
    }
    Ok(match spec {
        Spec::Crate(spec) => Named::Any(spec.name),
        Spec::Module(spec) => Named::Module(spec.name),
    })
}

fn line(one: &Move) -> String {
    format!("{} {} → {} ({})", one.of.typed(), one.from, one.to, one.of.kind)
}

fn stays(one: &Stay) -> String {
    format!("{} stays at {} ({}): {}", one.of.typed(), one.at, one.of.kind, one.why)
}

fn told(upgraded: &Upgraded, dry_run: bool) -> Told<'_> {
    let moved = upgraded.moved.iter().map(|one| Moved {
        name: &one.of.name,
        registry: one.of.registry,
        kind: one.of.kind,
        from: &one.from,
        to: &one.to,
    });
    let stays = upgraded.stays.iter().map(|one| Stayed {
        name: &one.of.name,
        registry: one.of.registry,
        kind: one.of.kind,
        at: &one.at,
        why: &one.why,
    });
    Told { moved: moved.collect(), stays: stays.collect(), dry_run }
}

fn advice(upgraded: &Upgraded, asked: &Upgrade) -> Vec<String> {
    let mut notes = Vec::new();
    if upgraded.moved.is_empty() {
        let what = if asked.latest { "newer" } else { "newer that matches" };
        notes.push(format!("there is nothing {what} to move to"));
    }
    if upgraded.beyond {
        notes.push("there are newer releases that are not compatible: `envtool outdated` shows them, `envtool upgrade --latest` takes them".to_owned());
    }
    if asked.dry_run {
        let word = match upgraded.open {
            false => "",
            true => " (cargo's resolver has the last word on what a requirement of Cargo.toml takes)",
        };
        notes.push(format!("nothing was changed: this is a dry run{word}"));
    }
    notes
}
