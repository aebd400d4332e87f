//! `envtool cache`: the store.

use serde::Serialize;

use super::Outcome;
use super::sync::megabytes;
use crate::context::Context;
use crate::fault::Result;
use crate::store::{Store, Usage};

/// The arguments of `cache`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Where the store lies
    Dir,
    /// How much it holds
    Size,
}

#[derive(Serialize)]
struct Dir {
    dir: String,
}

#[derive(Serialize)]
struct Size {
    bytes: u64,
    buckets: Vec<Usage>,
}

/// Says where the store lies or how much it holds.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    let cache = context.cache()?;
    match arguments.command {
        Command::Dir if context.flags.json => Outcome::json(&Dir { dir: cache.display().to_string() }),
        Command::Dir => Ok(Outcome::data(format!("{}\n", cache.display()))),
        Command::Size => size(&Store::new(cache), context.flags.json),
    }
}

fn size(store: &Store, json: bool) -> Result<Outcome> {
    let buckets = store.usage()?;
    let bytes = buckets.iter().map(|usage| usage.bytes).sum();
    if json {
        return Outcome::json(&Size { bytes, buckets });
    }
    let line = |name: &str, entries: &str, bytes: u64| {
        format!("{name:<12}  {entries:>13}  {:>8.1} MB\n", megabytes(bytes))
    };
    let mut lines: String = buckets
        .iter()
        .filter(|usage| usage.entries > 0)
        .map(|Usage { bucket, entries, bytes }| {
            let word = if *entries == 1 { "entry" } else { "entries" };
            line(bucket, &format!("{entries} {word}"), *bytes)
        })
        .collect();
    lines.push_str(&line("total", "", bytes));
    Ok(Outcome::data(lines))
}
