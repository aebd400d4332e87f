//! `envtool tree`: what depends on what, from the locks.

use serde::Serialize;

use super::{Outcome, candidates};
use crate::context::Context;
use crate::fault::Result;
use crate::graph::{Drawing, Graph, Kind, Part};
use crate::project::Project;

/// The arguments of `tree`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only what this package needs: NAME, NAME@VERSION, pypi:NAME
    #[arg(value_name = "NAME", add = candidates::locked())]
    name: Option<String>,
    /// No more than so many steps down
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
}

/// One package, as `--json` shows it. Fields are added, never renamed or taken away.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    name: &'a str,
    version: &'a str,
    registry: Option<&'static str>,
    kind: &'static str,
    source: Option<&'a str>,
    marker: Option<&'a str>,
}

impl<'a> Shown<'a> {
    pub(super) fn of(part: &'a Part, at: usize) -> Self {
        let node = &part.nodes[at];
        Self {
            name: &node.name,
            version: &node.version,
            registry: node.registry,
            kind: node.kind.word(),
            source: node.source.as_deref(),
            marker: node.marker.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct Package<'a> {
    #[serde(flatten)]
    shown: Shown<'a>,
    dependencies: &'a [usize],
}

/// One graph: the numbers are places in `packages`.
#[derive(Serialize)]
struct Tree<'a> {
    kind: &'static str,
    roots: &'a [usize],
    packages: Vec<Package<'a>>,
}

#[derive(Serialize)]
struct Trees<'a> {
    trees: Vec<Tree<'a>>,
}

/// Shows what depends on what.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    // 1. What the locks say.
    let project = Project::find_or_fault(&context.folder)?;
    let graph = read(&project, context)?;
    // 2. From where on, and how far.
    let depth = arguments.depth.unwrap_or(usize::MAX);
    let parts: Vec<Part> = match &arguments.name {
        None => graph.parts.iter().map(|part| part.from(&part.roots, usize::MAX)).collect(),
        Some(name) => {
            let found = graph.find(name)?;
            let roots = |at: usize| -> Vec<usize> {
                found.iter().filter(|(part, _)| *part == at).map(|(_, node)| *node).collect()
            };
            let parts = graph.parts.iter().enumerate().map(|(at, part)| part.from(&roots(at), usize::MAX));
            parts.filter(|part| !part.roots.is_empty()).collect()
        }
    };
    // 3. Show it.
    if context.flags.json {
        let parts: Vec<Part> = parts.iter().map(|part| part.from(&part.roots, depth)).collect();
        return Outcome::json(&Trees { trees: parts.iter().map(as_json).collect() });
    }
    let mut outcome = Outcome::data(as_lines(&parts, depth));
    if parts.is_empty() {
        outcome.notes.push("nothing is locked (`envtool add NAME` pins a package)".to_owned());
    }
    Ok(outcome)
}

/// What the locks say; the absence of one is told.
pub(super) fn read(project: &Project, context: &Context<'_>) -> Result<Graph> {
    let graph = Graph::read(project)?;
    for path in &graph.absent {
        context.progress.warn(&format!("there is no {}: `envtool sync` makes it", path.display()));
    }
    Ok(graph)
}

fn as_json(part: &Part) -> Tree<'_> {
    let packages = part.nodes.iter().enumerate();
    let packages =
        packages.map(|(at, node)| Package { shown: Shown::of(part, at), dependencies: &node.needs });
    Tree { kind: part.kind.word(), roots: &part.roots, packages: packages.collect() }
}

fn as_lines(parts: &[Part], depth: usize) -> String {
    let groups = [(Kind::Crate, "crates"), (Kind::Tool, "tools"), (Kind::Module, "modules")];
    let group = |(kind, heading): (Kind, &str)| {
        let drawn: String = parts
            .iter()
            .filter(|part| part.kind == kind)
            .map(|part| Drawing::of(part).lines(depth))
            .collect();
        (!drawn.is_empty()).then(|| format!("{heading}\n{drawn}"))
    };
    groups.into_iter().filter_map(group).collect::<Vec<_>>().join("\n")
}
