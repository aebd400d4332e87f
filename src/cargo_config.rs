//! cargo's configuration, merged as cargo merges it, every value with the line it comes from.
//!
//! The format is cargo's: the chapters "Configuration", "Source Replacement" and "Registry Authentication" of the
//! cargo reference. The crate cargo-config2 was weighed and not taken: it follows no `include` and does not say where
//! a source was replaced. Nothing here reads a file: `cargo::config` finds the files and hands them over as [`Layer`]s.
//!
//! What was tried with cargo 1.95 and is not in its reference: no variable reaches `[source]`
//! (`CARGO_SOURCE_CRATES_IO_REPLACE_WITH` has no effect); `replace-with` may name an entry of `[registries]`;
//! a list in a variable is split at white space and joined behind the files' list.

mod access;
mod paths;
mod platform;
mod source;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

pub use access::{Http, Net};
pub use paths::Named;
pub use source::{Followed, Source, SourceKind};
pub use tree::Place;
use tree::{Node, Scalar};

use crate::fault::{Fault, Result};
use crate::mirror::Mirror;

/// The name of the source and the registry that cargo knows by itself.
pub const CRATES_IO: &str = "crates-io";

/// A text that no log may show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the header that carries it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The environment variables whose names begin with `CARGO_`.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .filter(|(name, _): &(String, String)| name.starts_with("CARGO_"))
                .collect(),
        )
    }
}

/// One entry of `include`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    /// The path as written, which counts from the folder of the file that has the entry.
    pub path: String,
    /// Whether the file may be absent.
    pub optional: bool,
    /// Where it is written.
    pub place: Place,
}

/// One configuration file.
pub struct Layer {
    file: PathBuf,
    root: Node,
}

impl Layer {
    /// Reads the text of `file`. Broken TOML is a failure with line and column.
    pub fn parse(file: impl Into<PathBuf>, text: &str) -> Result<Self> {
        let file = file.into();
        let root = tree::parse(&file, text)?;
        Ok(Self { file, root })
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The other files that this one names, lowest precedence first. What cargo refuses is refused.
    pub fn includes(&self) -> Result<Vec<Include>> {
        match self.root.at(&["include"])? {
            None => Ok(Vec::new()),
            Some(Node::List(list, _)) => list.iter().map(include).collect(),
            Some(other) => Err(other.unexpected("include", "a list of strings or of tables")),
        }
    }
}

fn include(node: &Node) -> Result<Include> {
    let (path, optional) = match node {
        Node::Scalar(Scalar::Text(path), _) => (path, false),
        Node::Table(..) => {
            let optional = match node.at(&["optional"])? {
                None => false,
                Some(Node::Scalar(Scalar::Boolean(flag), _)) => *flag,
                Some(other) => return Err(other.unexpected("include.optional", "true or false")),
            };
            match node.at(&["path"])? {
                Some(Node::Scalar(Scalar::Text(path), _)) => (path, optional),
                Some(other) => return Err(other.unexpected("include.path", "a string")),
                None => return Err(node.unexpected("include", "a table with a `path`")),
            }
        }
        _ => return Err(node.unexpected("include", "a string or a table")),
    };
    let plain = !path.contains(['*', '?', '[', ']', '{', '}']);
    if plain && Path::new(path).extension().is_some_and(|ending| ending == "toml") {
        return Ok(Include { path: path.clone(), optional, place: node.place().clone() });
    }
    Err(Fault::new(format!("{}: cargo includes no `{path}`", node.place()))
        .why("a path there ends in `.toml` and has no wildcards or braces")
        .help("name each file in full"))
}

/// A program that knows tokens: its words, with aliases not yet looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The program and its arguments, or a name of cargo's own such as `cargo:token`.
    pub words: Vec<String>,
    /// Where it was written.
    pub place: Place,
}

/// One registry as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    /// Its name.
    pub name: String,
    /// The URL of its index, and where that was written.
    pub index: Option<(String, Place)>,
    /// The token from a configuration file or a variable (not from the credentials file), and where it was written.
    pub token: Option<(Secret, Place)>,
    /// The provider for this registry.
    pub credential_provider: Option<Provider>,
}

/// The merged configuration.
pub struct CargoConfig {
    root: Node,
    variables: Variables,
    files: Vec<PathBuf>,
    mirror: Option<Mirror>,
}

impl CargoConfig {
    /// Merges files, lowest precedence first, with the environment above them.
    pub fn merge(layers: Vec<Layer>, variables: Variables) -> Result<Self> {
        let mut root = Node::empty();
        let mut files = Vec::new();
        for layer in layers {
            root.merge(layer.root)?;
            files.push(layer.file);
        }
        Ok(Self { root, variables, files, mirror: None })
    }

    /// The same where a mirror stands in for crates.io, whatever the files say of that. What they say stays to be seen:
    /// cargo in the environment knows nothing of the mirror.
    #[must_use]
    pub fn with_mirror(self, mirror: Option<Mirror>) -> Self {
        Self { mirror, ..self }
    }

    /// That mirror.
    pub fn mirror(&self) -> Option<&Mirror> {
        self.mirror.as_ref()
    }

    /// A failure with what can be done about the mirror, where it is the mirror's.
    pub fn explain(&self, fault: Fault) -> Fault {
        match &self.mirror {
            Some(mirror) => mirror.explain(fault),
            None => fault,
        }
    }

    /// Every file that was read, lowest precedence first.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The configured registries other than crates.io, by name. A registry that only variables speak of has
    /// its name in lower case with `_`, as cargo takes it from there.
    pub fn registries(&self) -> Result<Vec<Registry>> {
        let mut names: Vec<String> = self
            .root
            .names(&["registries"])?
            .into_iter()
            .filter(|name| *name != CRATES_IO)
            .map(str::to_owned)
            .collect();
        for name in self.variable_registries() {
            if !names.iter().any(|known| variable_part(known) == name) {
                names.push(name.to_lowercase());
            }
        }
        names.iter().filter_map(|name| self.registry(name).transpose()).collect()
    }

    /// The registry of this name; for `crates-io` the table `[registry]`, whose index is cargo's own.
    pub fn registry(&self, name: &str) -> Result<Option<Registry>> {
        let table: &[&str] = if name == CRATES_IO { &["registry"] } else { &["registries", name] };
        let key = |last| [table, &[last]].concat();
        let registry = Registry {
            name: name.to_owned(),
            index: if name == CRATES_IO { None } else { self.text(&key("index"))? },
            token: self.text(&key("token"))?.map(|(token, place)| (Secret::new(token), place)),
            credential_provider: self.words(&key("credential-provider"))?,
        };
        let absent = registry.index.is_none()
            && registry.token.is_none()
            && registry.credential_provider.is_none()
            && self.root.at(table)?.is_none();
        Ok((!absent || name == CRATES_IO).then_some(registry))
    }

    /// The registry with this index, as cargo finds it: by `CARGO_REGISTRIES_*_INDEX`, else by the files.
    /// Two of them are a failure.
    pub fn registry_by_index(&self, url: &str) -> Result<Option<Registry>> {
        if is_crates_io(url) {
            return self.registry(CRATES_IO);
        }
        let mut names: Vec<String> = self
            .variable_registries()
            .filter(|name| {
                let index = self.variables.0.get(&format!("CARGO_REGISTRIES_{name}_INDEX"));
                index.is_some_and(|index| same_url(index, url))
            })
            .map(str::to_lowercase)
            .collect();
        if names.is_empty() {
            for name in self.root.names(&["registries"])? {
                let index = self.file_text(&["registries", name, "index"])?;
                if index.is_some_and(|(index, _)| same_url(&index, url)) {
                    names.push(name.to_owned());
                }
            }
        }
        match names.as_slice() {
            [] => Ok(None),
            [name] => self.registry(name),
            several => {
                Err(Fault::new(format!("more than one registry has the index {url}: {}", several.join(", ")))
                    .help("keep one of them in `[registries]` of cargo's configuration"))
            }
        }
    }

    fn variable_registries(&self) -> impl Iterator<Item = &str> {
        self.variables.0.keys().filter_map(|name| {
            name.strip_prefix("CARGO_REGISTRIES_")?.strip_suffix("_INDEX").filter(|name| !name.is_empty())
        })
    }
}

/// Whether an index is that of crates.io, by either protocol.
pub fn is_crates_io(url: &str) -> bool {
    same_url(url, tame_index::CRATES_IO_HTTP_INDEX) || same_url(url, tame_index::CRATES_IO_INDEX)
}

/// Whether two URLs lead to the same index for cargo: a `/` or `.git` at the end does not count, nor the `registry+`
/// that a lock puts before the URL of a git index.
fn same_url(one: &str, other: &str) -> bool {
    fn bare(url: &str) -> &str {
        let url = url.strip_prefix("registry+").unwrap_or(url);
        let url = url.strip_suffix('/').unwrap_or(url);
        url.strip_suffix(".git").unwrap_or(url)
    }
    bare(one) == bare(other)
}

/// A part of a key as it stands in a variable's name.
fn variable_part(part: &str) -> String {
    part.replace('-', "_").to_uppercase()
}
