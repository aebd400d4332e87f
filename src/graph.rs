//! Who needs whom, from the locks alone: neither the network nor cargo, uv or an environment is asked.
//!
//! A *part* is one graph: the crates of a project, what one tool is made of, the modules. What two parts have in common
//! stands in each, since a tool brings its own releases. A way from a package to what it needs is an edge; a lock may
//! hold cycles (dev-dependencies, Python packages that need each other), and whatever walks here ends all the same.

mod draw;
mod ways;

pub use draw::Drawing;
pub use ways::{Ways, ways};

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::cargo_lock::CargoLock;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::lock::{Lock, ModuleRow, ModuleToolRow, Row, ToolRow};
use crate::module::ModuleName;
use crate::project::Project;
use crate::quote::shown;
use crate::spec::{AskedVersion, Spec, Version};

/// What a package is to the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A package of the project itself.
    Own,
    /// Its source is built against.
    Crate,
    /// Its executables are run.
    Tool,
    /// It is imported.
    Module,
}

impl Kind {
    /// Its word, as `list --json` has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Crate => "crate",
            Self::Tool => "tool",
            Self::Module => "module",
        }
    }
}

/// One package of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is.
    pub kind: Kind,
    /// The registry, as package URLs name it; `None` for a package of the project itself.
    pub registry: Option<&'static str>,
    /// Where it comes from, where that is neither crates.io nor PyPI.
    pub source: Option<String>,
    /// Where it is needed (PEP 508); `None` is everywhere.
    pub marker: Option<String>,
    /// What it needs: places in the part, sorted by name and version.
    pub needs: Vec<usize>,
}

impl Node {
    /// How it is shown: one line without anything that a terminal would obey.
    pub fn label(&self) -> String {
        let mut text = format!("{} {}", self.name, self.version);
        if let Some(source) = &self.source {
            text.push_str(&format!(" ({source})"));
        }
        if let Some(marker) = &self.marker {
            text.push_str(&format!(" (where {marker})"));
        }
        shown(text.as_ref())
    }
}

/// One graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What its roots are: crates, tools or modules.
    pub kind: Kind,
    /// Its packages.
    pub nodes: Vec<Node>,
    /// What the project names itself.
    pub roots: Vec<usize>,
}

/// What the locks of a project say.
#[derive(Debug)]
pub struct Graph {
    /// Crates, then tools, then modules.
    pub parts: Vec<Part>,
    /// Locks that the project is to have and has not.
    pub absent: Vec<PathBuf>,
}

impl Graph {
    /// Reads the locks of a project.
    pub fn read(project: &Project) -> Result<Self> {
        let (layout, manifest) = (&project.layout, &project.manifest);
        let (mut parts, mut absent) = (Vec::new(), Vec::new());
        if project.is_cargo {
            let path = layout.cargo_lock();
            match fs::read(&path)? {
                Some(bytes) => {
                    let lock = CargoLock::read(&bytes, &path.display().to_string())?;
                    parts.push(of_cargo_lock(&lock));
                }
                None => absent.push(path),
            }
        }
        let path = layout.lock();
        match fs::read(&path)? {
            Some(bytes) => parts.extend(of_lock(&Lock::read(&bytes, &path.display().to_string())?)),
            None if manifest.needs_python() || !manifest.tools.is_empty() || !manifest.crates.is_empty() => {
                absent.push(path);
            }
            None => {}
        }
        if parts.is_empty()
            && let Some(path) = absent.first()
        {
            return Err(Fault::new(format!("there is no {}", path.display()))
                .why("what depends on what stands in the lock")
                .help("`envtool sync` makes it"));
        }
        Ok(Self { parts, absent })
    }

    /// The packages that `text`, a package spec, means: the place of the part, and that in it. A bare name is a Python
    /// package's where nothing else has it.
    pub fn find(&self, text: &str) -> Result<Vec<(usize, usize)>> {
        let spec: Spec = text.parse()?;
        let mut found = self.places(&spec);
        if found.is_empty()
            && let Spec::Crate(_) = spec
            && let Ok(module) = format!("pypi:{text}").parse()
        {
            found = self.places(&module);
        }
        if found.is_empty() { Err(self.unknown(&spec)) } else { Ok(found) }
    }

    fn places(&self, spec: &Spec) -> Vec<(usize, usize)> {
        let parts = self.parts.iter().enumerate();
        let nodes = parts.flat_map(|(at, part)| part.nodes.iter().enumerate().map(move |node| (at, node)));
        nodes.filter(|(_, (_, node))| node.is(spec)).map(|(part, (node, _))| (part, node)).collect()
    }

    fn unknown(&self, spec: &Spec) -> Fault {
        let nodes = || self.parts.iter().flat_map(|part| &part.nodes);
        let name = match spec {
            Spec::Crate(spec) => spec.name.to_string(),
            Spec::Module(spec) => spec.name.to_string(),
        };
        let versions: BTreeSet<String> =
            nodes().filter(|node| node.name == name).map(|node| node.version.clone()).collect();
        let versions: Vec<String> = versions.into_iter().collect();
        let near = crate::near::nearest(&name, nodes().map(|node| node.name.as_str()));
        let help = match (versions.is_empty(), near.is_empty()) {
            (false, _) => format!("there is {name} {}", versions.join(" and ")),
            (true, true) => "`envtool tree` shows all that the lock holds".to_owned(),
            (true, false) => format!("did you mean {}?", near.join(" or ")),
        };
        Fault::new(format!("nothing in the lock is {spec}")).help(help)
    }
}

impl Node {
    /// Whether it is what a spec means.
    fn is(&self, spec: &Spec) -> bool {
        match spec {
            Spec::Crate(spec) => {
                let version = || self.version.parse().ok();
                self.kind != Kind::Module
                    && self.registry != Some("pypi")
                    && self.name == spec.name.as_str()
                    && match &spec.version {
                        Version::Newest => true,
                        Version::Exact(exact) => {
                            version().is_some_and(|version: semver::Version| version == *exact)
                        }
                        Version::Matching(wanted, _) => {
                            version().is_some_and(|version| wanted.matches(&version))
                        }
                    }
            }
            Spec::Module(spec) => {
                let version = || self.version.parse::<crate::module::ModuleVersion>().ok();
                self.registry == Some("pypi")
                    && self.name == spec.name.as_str()
                    && match &spec.version {
                        AskedVersion::Newest => true,
                        AskedVersion::Exact(exact) => version().is_some_and(|version| version == *exact),
                        AskedVersion::Matching(wanted) => {
                            version().is_some_and(|version| wanted.contains(version.as_pep440()))
                        }
                    }
            }
        }
    }
}

impl Part {
    /// Sorts what each node needs, each once.
    fn of(kind: Kind, mut nodes: Vec<Node>, mut roots: Vec<usize>) -> Self {
        let order: Vec<(String, String)> =
            nodes.iter().map(|node| (node.name.clone(), node.version.clone())).collect();
        for node in &mut nodes {
            node.needs.sort_by(|a, b| (&order[*a], a).cmp(&(&order[*b], b)));
            node.needs.dedup();
        }
        roots.sort_by(|a, b| (&order[*a], a).cmp(&(&order[*b], b)));
        Self { kind, nodes, roots }
    }

    /// The part as far as it can be reached from `roots` in `depth` steps, which are its roots then.
    #[must_use]
    pub fn from(&self, roots: &[usize], depth: usize) -> Self {
        let mut place: BTreeMap<usize, usize> = BTreeMap::new();
        let mut reached: Vec<usize> = Vec::new();
        let mut next: Vec<usize> = roots.to_vec();
        for step in 0..=depth {
            let mut below = Vec::new();
            for at in next {
                if place.contains_key(&at) {
                    continue;
                }
                place.insert(at, reached.len());
                reached.push(at);
                below.extend(&self.nodes[at].needs);
            }
            next = below;
            if next.is_empty() || step == depth {
                break;
            }
        }
        let here = |all: &[usize]| all.iter().filter_map(|at| place.get(at).copied()).collect();
        let nodes =
            reached.iter().map(|at| Node { needs: here(&self.nodes[*at].needs), ..self.nodes[*at].clone() });
        Self { kind: self.kind, nodes: nodes.collect(), roots: here(roots) }
    }
}

/// The graph of a Cargo.lock. Its roots are the packages of the project itself that no other of them needs.
fn of_cargo_lock(lock: &CargoLock) -> Part {
    let nodes: Vec<Node> = lock
        .packages
        .iter()
        .zip(lock.dependencies())
        .map(|(package, needs)| Node {
            name: package.id.name.to_string(),
            version: package.id.version.to_string(),
            kind: if package.source.is_some() { Kind::Crate } else { Kind::Own },
            registry: package.source.as_ref().map(|_| "cargo"),
            source: package.source.as_ref().filter(|source| !source.is_crates_io()).map(ToString::to_string),
            marker: None,
            needs,
        })
        .collect();
    let own: Vec<usize> = (0..nodes.len()).filter(|at| nodes[*at].kind == Kind::Own).collect();
    let needed: BTreeSet<usize> =
        own.iter().flat_map(|at| nodes[*at].needs.iter().copied().filter(move |need| need != at)).collect();
    let mut roots: Vec<usize> = own.iter().copied().filter(|at| !needed.contains(at)).collect();
    // Members that need each other (dev-dependencies) are below no root: the first of them is one then.
    let mut reached = BTreeSet::new();
    let mut next = roots.clone();
    for at in std::iter::once(None).chain(own.into_iter().map(Some)) {
        if let Some(at) = at.filter(|at| !reached.contains(at)) {
            roots.push(at);
            next.push(at);
        }
        while let Some(at) = next.pop() {
            if reached.insert(at) {
                next.extend(&nodes[at].needs);
            }
        }
    }
    Part::of(Kind::Crate, nodes, roots)
}

/// The graphs of an envtool.lock.
fn of_lock(lock: &Lock) -> Vec<Part> {
    let mut parts = Vec::new();
    if !lock.packages.is_empty() {
        let (nodes, _) = of_rows(&lock.packages, Vec::new());
        let roots = (0..nodes.len()).filter(|at| lock.packages[*at].asked.is_some()).collect();
        parts.push(Part::of(Kind::Crate, nodes, roots));
    }
    parts.extend(lock.tools.iter().map(of_tool));
    parts.extend(lock.module_tools.iter().map(of_module_tool));
    if !lock.modules.is_empty() {
        let nodes = of_modules(&lock.modules);
        let roots = (0..nodes.len()).filter(|at| lock.modules[*at].asked.is_some()).collect();
        parts.push(Part::of(Kind::Module, nodes, roots));
    }
    parts
}

/// The nodes of rows, behind those of `before`, and where each stands by its `name version`.
fn of_rows(rows: &[Row], before: Vec<Node>) -> (Vec<Node>, BTreeMap<String, usize>) {
    let mut nodes = before;
    let first = nodes.len();
    let places: BTreeMap<String, usize> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| (format!("{} {}", row.name, row.version), first + at))
        .collect();
    nodes.extend(rows.iter().map(|row| Node {
        name: row.name.to_string(),
        version: row.version.to_string(),
        kind: Kind::Crate,
        registry: Some("cargo"),
        source: None,
        marker: None,
        needs: row.dependencies.iter().filter_map(|need| places.get(need).copied()).collect(),
    }));
    (nodes, places)
}

/// A tool, with its closure where that stands in the lock: else it is the Cargo.lock in the tool's archive.
fn of_tool(tool: &ToolRow) -> Part {
    let own = Node {
        name: tool.name.to_string(),
        version: tool.version.to_string(),
        kind: Kind::Tool,
        registry: Some("cargo"),
        source: None,
        marker: None,
        needs: Vec::new(),
    };
    let (mut nodes, places) = of_rows(&tool.closure, vec![own]);
    nodes[0].needs = tool.dependencies.iter().filter_map(|need| places.get(need).copied()).collect();
    Part::of(Kind::Tool, nodes, vec![0])
}

fn of_module_tool(tool: &ModuleToolRow) -> Part {
    let mut nodes = of_modules(&tool.modules);
    let is_it = |node: &Node| node.name == tool.name.as_str();
    let roots: Vec<usize> = (0..nodes.len()).filter(|at| is_it(&nodes[*at])).collect();
    nodes.iter_mut().filter(|node| is_it(node)).for_each(|node| node.kind = Kind::Tool);
    Part::of(Kind::Tool, nodes, roots)
}

fn of_modules(rows: &[ModuleRow]) -> Vec<Node> {
    let mut places: BTreeMap<&ModuleName, Vec<usize>> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        places.entry(&row.name).or_default().push(at);
    }
    let of = |row: &ModuleRow| Node {
        name: row.name.to_string(),
        version: row.version.to_string(),
        kind: Kind::Module,
        registry: Some("pypi"),
        source: None,
        marker: row.marker.clone(),
        needs: row.dependencies.iter().filter_map(|need| places.get(need)).flatten().copied().collect(),
    };
    rows.iter().map(of).collect()
}

#[cfg(test)]
mod tests;
