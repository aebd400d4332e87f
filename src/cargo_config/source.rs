//! The tables of `[source]`, and the way through their `replace-with`.

use std::path::PathBuf;

use super::{CRATES_IO, CargoConfig, Place};
use crate::fault::{Fault, Result};
use crate::package::GitReference;

/// What a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A registry, by the URL of its index as written.
    Registry(String),
    /// A git repository.
    Git {
        /// Its URL.
        url: String,
        /// What is taken of it.
        reference: GitReference,
    },
    /// A folder of unpacked packages (`cargo vendor` makes one).
    Directory(PathBuf),
    /// A folder of archives with an index.
    LocalRegistry(PathBuf),
}

/// One table of `[source]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// What it is; `None` where the table does not say (cargo allows that for `crates-io` only).
    pub kind: Option<SourceKind>,
    /// The source asked in its place, and where that was written.
    pub replace_with: Option<(String, Place)>,
    /// Where the table is.
    pub place: Place,
}

/// Where the packages of a source really come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Each replacement on the way: the name replaced with, and where that was written. Empty where nothing is replaced.
    pub chain: Vec<(String, Place)>,
    /// The name of the source that is asked.
    pub name: String,
    /// What it is.
    pub kind: SourceKind,
}

impl CargoConfig {
    /// The sources that are configured, by name.
    pub fn sources(&self) -> Result<Vec<Source>> {
        let names = self.root.names(&["source"])?;
        names.into_iter().map(|name| self.source(name)).collect()
    }

    fn source(&self, name: &str) -> Result<Source> {
        let table = ["source", name];
        let place =
            self.root.at(&table)?.map_or_else(|| Place::Variable(String::new()), |node| node.place().clone());
        let text = |key| self.file_text(&["source", name, key]);
        let mut kinds = Vec::new();
        if let Some((url, _)) = text("registry")? {
            kinds.push(SourceKind::Registry(url));
        }
        if let Some((path, place)) = text("local-registry")? {
            kinds.push(SourceKind::LocalRegistry(place.resolve(&path)));
        }
        if let Some((path, place)) = text("directory")? {
            kinds.push(SourceKind::Directory(place.resolve(&path)));
        }
        if let Some((url, _)) = text("git")? {
            let reference = match (text("branch")?, text("tag")?, text("rev")?) {
                (Some((branch, _)), _, _) => GitReference::Branch(branch),
                (_, Some((tag, _)), _) => GitReference::Tag(tag),
                (_, _, Some((rev, _))) => GitReference::Rev(rev),
                _ => GitReference::Default,
            };
            kinds.push(SourceKind::Git { url, reference });
        }
        if kinds.len() > 1 {
            return Err(Fault::new(format!("{place}: source `{name}` is two things at once"))
                .why("cargo takes one of `registry`, `local-registry`, `directory` and `git`")
                .help("remove all but one of them; `cargo` says the same"));
        }
        Ok(Source { name: name.to_owned(), kind: kinds.pop(), replace_with: text("replace-with")?, place })
    }

    /// Follows `replace-with` from a source, or a registry, to the one that is really asked.
    pub fn follow(&self, name: &str) -> Result<Followed> {
        let mut chain: Vec<(String, Place)> = Vec::new();
        loop {
            let current = chain.last().map_or(name, |(name, _)| name.as_str());
            let known = self.root.at(&["source", current])?.is_some();
            let source = if known { Some(self.source(current)?) } else { None };
            let (kind, next) = source.map_or((None, None), |s| (s.kind, s.replace_with));
            if let Some((next, place)) = next {
                if next == name || chain.iter().any(|(seen, _)| *seen == next) {
                    return Err(Fault::new(format!("{place}: source `{next}` is replaced with itself"))
                        .why(format!("the way from `{name}` leads back to it"))
                        .help(format!("remove the `replace-with` in {place}")));
                }
                chain.push((next, place));
                continue;
            }
            let kind = match kind {
                Some(kind) => Some(kind),
                None if current == CRATES_IO => {
                    Some(SourceKind::Registry(self.crates_io_index()?.to_owned()))
                }
                None if known => None,
                None => {
                    self.registry(current)?.and_then(|r| r.index).map(|(url, _)| SourceKind::Registry(url))
                }
            };
            let current = current.to_owned();
            return match kind {
                Some(kind) => Ok(Followed { chain, name: current, kind }),
                None => Err(unknown(name, &current, chain.last().map(|(_, place)| place))),
            };
        }
    }
}

fn unknown(from: &str, name: &str, place: Option<&Place>) -> Fault {
    let what = match place {
        Some(place) => format!("{place}: there is no source `{name}`, which `{from}` is replaced with"),
        None => format!("cargo's configuration has no source `{name}`"),
    };
    Fault::new(what)
        .why("neither `[source]` nor `[registries]` says where it is")
        .help(format!(
            "add `registry`, `local-registry`, `directory` or `git` to [source.{name}], or remove the `replace-with`"
        ))
}
