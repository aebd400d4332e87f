//! `envtool outdated`: what is pinned beside what there is.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::Outcome;
use crate::adding::{self, Compared, Outdated};
use crate::context::Context;
use crate::fault::Result;
use crate::progress::{Line, Tone};
use crate::project::Project;

/// The arguments of `outdated`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Also what is at its newest
    #[arg(long)]
    all: bool,
}

/// One pin, as `--json` shows it. Fields are added, never renamed or taken away.
#[derive(Serialize)]
struct Package<'a> {
    name: &'a str,
    registry: &'static str,
    kind: &'static str,
    pinned: &'a str,
    requirement: Option<&'a str>,
    matching: &'a str,
    newest: &'a str,
    published: Option<&'a str>,
    held: Option<&'a str>,
}

/// One that could not be asked about.
#[derive(Serialize)]
struct Failed<'a> {
    name: &'a str,
    registry: &'static str,
    kind: &'static str,
    message: String,
}

#[derive(Serialize)]
struct Packages<'a> {
    packages: Vec<Package<'a>>,
    failed: Vec<Failed<'a>>,
}

/// Shows which pins have newer releases.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    // 1. What is pinned, and what there is.
    let project = Project::find_or_fault(&context.folder)?;
    let Outdated { compared, failed } = adding::outdated(&project, context)?;
    let count = compared.len();
    let shown: Vec<&Compared> = compared.iter().filter(|one| arguments.all || one.is_outdated()).collect();
    // 2. Show it.
    let code = u8::from(!failed.is_empty());
    if context.flags.json {
        let failed = failed.iter().map(|(of, fault)| Failed {
            name: &of.name,
            registry: of.registry,
            kind: of.kind,
            message: fault.to_string(),
        });
        let packages = shown.into_iter().map(as_json).collect();
        return Ok(Outcome { code, ..Outcome::json(&Packages { packages, failed: failed.collect() })? });
    }
    if !shown.is_empty() {
        let table = table(&shown, today());
        let is_wide = |width| table.iter().flat_map(|line| &line.pieces).any(|(_, row)| row.width() > width);
        let lines =
            if context.progress.columns().is_some_and(is_wide) { blocks(&shown, today()) } else { table };
        context.progress.show(&lines)?;
    }
    // 3. What is not in the table.
    for (of, fault) in &failed {
        let help = fault.help_text().map_or(String::new(), |help| format!(" (help: {help})"));
        context.progress.warn(&format!("{}: {fault}{help}", of.typed()));
    }
    let mut notes = Vec::new();
    if context.flags.offline && count > 0 {
        notes.push("offline: as the registries answered when they were last asked".to_owned());
    }
    if shown.is_empty() && failed.is_empty() {
        notes.push(match count {
            0 => "nothing is pinned (`envtool add NAME` pins a package)".to_owned(),
            1 => "the one pin is at its newest".to_owned(),
            count => format!("all {count} pins are at their newest"),
        });
    }
    Ok(Outcome { notes, code, ..Outcome::default() })
}

fn as_json(one: &Compared) -> Package<'_> {
    Package {
        name: &one.of.name,
        registry: one.of.registry,
        kind: one.of.kind,
        pinned: &one.pinned,
        requirement: one.requirement.as_deref(),
        matching: &one.matching,
        newest: &one.newest,
        published: one.published.as_deref(),
        held: one.held.as_deref(),
    }
}

/// Two lines a package, for a terminal that is too narrow for the table.
fn blocks(packages: &[&Compared], today: u64) -> Vec<Line> {
    let block = |one: &&Compared| {
        let Compared { of, pinned, matching, newest, .. } = one;
        let matching = match () {
            () if matching == newest => ", matches".to_owned(),
            () if matching == pinned => String::new(),
            () => format!(", matching {matching}"),
        };
        let age = aged(one, today).map_or(String::new(), |age| format!(" ({age})"));
        let held = one.held.as_ref().map_or(String::new(), |held| format!(" ({held})"));
        let name = (Tone::Subject, of.typed());
        [
            Line { indent: 0, pieces: vec![name, (Tone::Plain, format!(" {pinned} ({})", of.kind))] },
            Line { indent: 2, pieces: vec![(Tone::Plain, format!("newest {newest}{age}{matching}{held}"))] },
        ]
    };
    packages.iter().flat_map(block).collect()
}

/// How old the newest release is.
fn aged(one: &Compared, today: u64) -> Option<String> {
    one.published.as_deref().and_then(day).map(|day| age(today, day))
}

/// The lines, columns under one another.
fn table(packages: &[&Compared], today: u64) -> Vec<Line> {
    let titles = ["name", "pinned", "matching", "newest", "age", "kind"].map(str::to_owned);
    let rows = packages.iter().map(|one| {
        let age = aged(one, today).unwrap_or_default();
        let kind = match &one.held {
            Some(held) => format!("{} ({held})", one.of.kind),
            None => one.of.kind.to_owned(),
        };
        [one.of.typed(), one.pinned.clone(), one.matching.clone(), one.newest.clone(), age, kind]
    });
    let rows: Vec<[String; 6]> = std::iter::once(titles).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..6).map(width).collect();
    let line = |(number, row): (usize, &[String; 6])| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.width()) + 2)));
        let tone = if number == 0 { Tone::Aside } else { Tone::Plain };
        Line { indent: 0, pieces: vec![(tone, cells.collect::<String>().trim_end().to_owned())] }
    };
    rows.iter().enumerate().map(line).collect()
}

/// The number of today, counted from 1970.
fn today() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 86_400
}

/// The number of the day that a time of RFC 3339 names, counted from 1970 (Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms"); `None` where it is no such time.
fn day(text: &str) -> Option<u64> {
    let mut parts = text.get(..10)?.split('-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    days.checked_sub(719_468)
}

/// How long ago a day was, in the largest unit that fits.
fn age(today: u64, day: u64) -> String {
    let days = today.saturating_sub(day);
    let (count, unit) = match days {
        0 => return "today".to_owned(),
        1..=59 => (days, "day"),
        60..=729 => (days / 30, "month"),
        _ => (days / 365, "year"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::{age, day};

    #[test]
    fn days_are_those_of_the_calendar_and_ages_are_short() {
        for (text, number) in [
            ("1970-01-01", Some(0)),
            ("2000-02-29T00:00:00Z", Some(951_782_400 / 86_400)),
            ("2025-12-31", Some(1_767_225_599 / 86_400)),
            ("2026-11-23T23:59:59.5+00:00", Some(1_795_392_000 / 86_400)),
            ("yesterday", None),
            ("2026-13-01", None),
            ("2026", None),
            ("1969-12-31", None),
            ("größer als", None),
        ] {
            assert_eq!(day(text), number, "{text}");
        }
        let shown = |days: u64| age(1000, 1000 - days);
        assert_eq!(
            [0, 1, 59, 60, 400, 729, 730].map(shown),
            ["today", "1 day", "59 days", "2 months", "13 months", "24 months", "2 years"]
        );
        assert_eq!(age(0, 9), "today");
    }
}
