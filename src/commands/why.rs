//! `envtool why`: what a package is there for, from the locks.

use serde::Serialize;

use super::{Outcome, candidates, tree};
use crate::context::Context;
use crate::fault::Result;
use crate::graph::{Drawing, Graph, Kind, ways};
use crate::project::Project;

/// How many ways to one package are shown at most.
const SHOWN: usize = 10;
/// How many more are counted for people.
const COUNTED: u64 = 1_000_000;

/// The arguments of `why`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The package: NAME, NAME@VERSION, pypi:NAME
    #[arg(value_name = "NAME", add = candidates::locked())]
    name: String,
}

/// One package, as `--json` shows it. Fields are added, never renamed or taken away.
#[derive(Serialize)]
struct Package<'a> {
    #[serde(flatten)]
    shown: tree::Shown<'a>,
    ways: Vec<Vec<tree::Shown<'a>>>,
    more: u64,
}

#[derive(Serialize)]
struct Packages<'a> {
    packages: Vec<Package<'a>>,
}

/// Shows the shortest ways from what the project names itself to a package.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    // 1. Which packages are meant.
    let project = Project::find_or_fault(&context.folder)?;
    let graph = tree::read(&project, context)?;
    let found = graph.find(&arguments.name)?;
    // 2. The ways to each.
    if context.flags.json {
        return Outcome::json(&Packages { packages: found.iter().map(|at| as_json(&graph, *at)).collect() });
    }
    let lines: Vec<String> = found.iter().map(|at| as_lines(&graph, *at)).collect();
    Ok(Outcome::data(lines.join("\n")))
}

fn as_json(graph: &Graph, (part, at): (usize, usize)) -> Package<'_> {
    let part = &graph.parts[part];
    let found = ways(part, at, SHOWN);
    let shown = |way: &Vec<usize>| way.iter().map(|at| tree::Shown::of(part, *at)).collect();
    Package {
        shown: tree::Shown::of(part, at),
        ways: found.ways.iter().map(shown).collect(),
        more: found.more,
    }
}

fn as_lines(graph: &Graph, (part, at): (usize, usize)) -> String {
    let part = &graph.parts[part];
    let (node, found) = (&part.nodes[at], ways(part, at, SHOWN));
    let label = node.label();
    match found.ways.as_slice() {
        [] if node.kind == Kind::Own => format!("{label}: a package of the project itself\n"),
        [] => format!("{label}: in the lock, and nothing that the project names leads to it\n"),
        [way] if way.len() == 1 => format!("{label}: pinned as a {}\n", part.kind.word()),
        ways => {
            let mut text = format!("{label} ({})\n", part.kind.word());
            text.push_str(&Drawing::of_ways(part, ways).lines(usize::MAX));
            match found.more {
                0 => {}
                // A lock that was made to have as many has more than can be counted.
                more if more > COUNTED => text.push_str(&format!("and more than {COUNTED} more\n")),
                more => text.push_str(&format!("and {more} more\n")),
            }
            text
        }
    }
}
