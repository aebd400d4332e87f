//! How each source that a lock names is reached on this machine, as the user's cargo configuration has it, and which
//! lines of it would lead past the environment.

use std::path::{Path, PathBuf};

use crate::cargo_config::{CargoConfig, Place, SourceKind};
use crate::cargo_lock::Source;
use crate::cargo_replacement::{CRATES_IO, Replaced};
use crate::fault::{Fault, Result};
use crate::registry::cargo::SparseIndex;

/// How the archives of a registry are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Over its sparse index, or that of the mirror that stands in for it.
    Sparse(SparseIndex),
    /// They lie in a folder (`local-registry`).
    Folder(PathBuf),
    /// By a protocol that is left to cargo (an index in git).
    Cargo,
}

/// A line of the user's configuration that leads past the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bypass {
    /// Where it stands.
    pub place: Place,
    /// What it replaces.
    pub source: String,
    /// By what.
    pub by: String,
}

/// How the archives of `source` are reached.
pub fn reach(config: &CargoConfig, source: &Source) -> Result<Reach> {
    let Source::Registry(url) = source else {
        return Ok(Reach::Cargo);
    };
    if let (true, Some(mirror)) = (source.is_crates_io(), config.mirror()) {
        return Ok(SparseIndex::new(&mirror.url().crates()).map_or(Reach::Cargo, Reach::Sparse));
    }
    let kind = match name_of(config, source)? {
        Some(name) => config.follow(&name)?.kind,
        None if source.is_crates_io() => config.follow(CRATES_IO)?.kind,
        None => SourceKind::Registry(url.clone()),
    };
    Ok(match kind {
        SourceKind::Registry(url) => SparseIndex::new(&url).map_or(Reach::Cargo, Reach::Sparse),
        SourceKind::LocalRegistry(folder) => Reach::Folder(folder),
        SourceKind::Git { .. } => Reach::Cargo,
        SourceKind::Directory(folder) => {
            return Err(Fault::new(format!("could not take the archives of {source}"))
                .why(format!(
                    "cargo's configuration replaces it by the folder {}, which holds unpacked crates and no archives",
                    folder.display()
                ))
                .help("remove that `replace-with` from cargo's configuration (`cargo vendor` told you to add it)"));
        }
    })
}

/// The name that the user's configuration gives to `source`.
pub fn name_of(config: &CargoConfig, source: &Source) -> Result<Option<String>> {
    let found = config.sources()?.into_iter().find(|known| match (&known.kind, source) {
        (Some(SourceKind::Registry(url)), Source::Registry(wanted)) => same_url(url, wanted),
        (Some(SourceKind::Git { url, reference }), Source::Git { url: wanted, reference: asked, .. }) => {
            same_url(url, wanted) && reference == asked
        }
        (None, Source::Registry(_)) => known.name == CRATES_IO && source.is_crates_io(),
        _ => false,
    });
    Ok(found.map(|known| known.name))
}

/// Whether cargo takes two addresses for one: a `/` or `.git` at the end does not count.
fn same_url(one: &str, other: &str) -> bool {
    let bare = |url: &str| url.trim_end_matches('/').trim_end_matches(".git").to_owned();
    bare(one) == bare(other)
}

/// Each source with the name that the user's configuration gives it and the folder that replaces it.
pub fn replaced(
    config: &CargoConfig,
    sources: &[Source],
    folder: impl Fn(&Source) -> String,
) -> Result<Vec<Replaced>> {
    let one = |source: &Source| {
        Ok(Replaced { source: source.clone(), name: name_of(config, source)?, folder: folder(source) })
    };
    sources.iter().map(one).collect()
}

/// The lines in files of the project (at or below `root`), or in variables, that replace one of `sources` otherwise:
/// they win over the file that the project's configuration includes. What lies in cargo's `home` counts least. `config` is read from where cargo would start.
pub fn bypasses(config: &CargoConfig, sources: &[Source], root: &Path, home: &Path) -> Result<Vec<Bypass>> {
    let mut found = Vec::new();
    for known in config.sources()? {
        let Some((by, place)) = known.replace_with else {
            continue;
        };
        let in_project = place.file().is_none_or(|file| file.starts_with(root) && !file.starts_with(home));
        let named = if known.name == CRATES_IO { sources.iter().any(Source::is_crates_io) } else { false };
        let named = named
            || sources
                .iter()
                .map(|s| name_of(config, s))
                .any(|n| matches!(n, Ok(Some(n)) if n == known.name));
        if in_project && named {
            found.push(Bypass { place, source: known.name, by });
        }
    }
    Ok(found)
}

/// The failure that names such lines.
pub fn refuse(bypasses: &[Bypass]) -> Result<()> {
    let Some(first) = bypasses.first() else {
        return Ok(());
    };
    let lines: Vec<String> = bypasses
        .iter()
        .map(|found| format!("{}: source `{}` is replaced with `{}`", found.place, found.source, found.by))
        .collect();
    Err(Fault::new("cargo's configuration would lead past the environment").why(lines.join("\n")).help(
        format!(
            "remove the `replace-with` at {} (left over from `cargo vendor`?), then run it again",
            first.place
        ),
    ))
}
