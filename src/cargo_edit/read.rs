//! What a manifest says of its dependencies (cargo reference, "Specifying Dependencies", "Inheriting a dependency from
//! a workspace").

use std::collections::BTreeSet;
use std::ops::Range;

use toml_edit::{Item, TableLike};

use super::Kind;
use super::change::{below, find, line_of, parse};
use crate::fault::{Fault, Result};

/// The tables of the workspace that an entry with `workspace = true` takes its version from.
const SHARED: [&str; 2] = ["workspace", "dependencies"];

/// One entry of a table of dependencies.
pub(super) struct Entry {
    /// The table in which it stands.
    pub(super) table: Vec<String>,
    /// The name under which it stands.
    pub(super) key: String,
    /// The package that it names.
    pub(super) package: String,
    /// Whether it is only a requirement: `serde = "1"`.
    pub(super) plain: bool,
    /// The requirement, and how it is written.
    pub(super) version: Option<(String, String)>,
    /// `path` or `git`, where the package comes from there.
    pub(super) elsewhere: Option<&'static str>,
    /// Whether it inherits from the workspace.
    pub(super) inherited: bool,
    /// The registry that it names.
    pub(super) registry: Option<String>,
    /// What it says of default features, and the spelling of the key.
    pub(super) default_features: Option<(bool, &'static str)>,
    /// Its features; `None` where it has no such list.
    pub(super) features: Option<Vec<String>>,
}

/// The names that the table of a kind may have, the legacy one last.
pub(super) fn names(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Normal => &["dependencies"],
        Kind::Dev => &["dev-dependencies", "dev_dependencies"],
        Kind::Build => &["build-dependencies", "build_dependencies"],
    }
}

/// The tables of a kind that stand in a manifest: its own first, then those of targets.
pub(super) fn tables(text: &str, kind: Kind) -> Result<Vec<Vec<String>>> {
    let document = parse(text)?;
    let root: &dyn TableLike = document.as_table();
    let mut above = vec![(Vec::new(), root)];
    if let Some(targets) = document.get("target") {
        let targets = table_like(text, "target", targets)?;
        for (target, item) in targets.iter() {
            above.push((vec!["target".to_owned(), target.to_owned()], table_like(text, target, item)?));
        }
    }
    let mut found = Vec::new();
    for (path, table) in above {
        let named = names(kind).iter().filter(|name| table.contains_key(name));
        found.extend(named.map(|name| below(&path, &[name])));
    }
    Ok(found)
}

/// The tables of every kind.
pub(super) fn all_tables(text: &str) -> Result<Vec<Vec<String>>> {
    let mut found = Vec::new();
    for kind in [Kind::Normal, Kind::Dev, Kind::Build] {
        found.extend(tables(text, kind)?);
    }
    Ok(found)
}

/// The path of `[workspace.dependencies]`.
pub(super) fn shared_table() -> Vec<String> {
    below(&[], &SHARED)
}

/// The entries of `[workspace.dependencies]`.
pub(super) fn shared(text: &str) -> Result<Vec<Entry>> {
    entries(text, &[shared_table()], &[])
}

/// The entries of some tables. `shared` is what an inherited one may be renamed by.
pub(super) fn entries(text: &str, tables: &[Vec<String>], shared: &[Entry]) -> Result<Vec<Entry>> {
    let document = parse(text)?;
    let mut found = Vec::new();
    for path in tables {
        let Some((_, item)) = find(document.as_table(), path) else { continue };
        for (key, item) in table_like(text, &path.join("."), item)?.iter() {
            let mut entry = entry(text, path, key, item)?;
            if entry.inherited
                && let Some(origin) = shared.iter().find(|origin| origin.key == entry.key)
            {
                entry.package.clone_from(&origin.package);
            }
            found.push(entry);
        }
    }
    Ok(found)
}

/// The names of the features that `[features]` defines, each with its list.
pub(super) fn features(text: &str) -> Result<Vec<(String, Vec<String>)>> {
    let document = parse(text)?;
    let Some(item) = document.get("features") else { return Ok(Vec::new()) };
    let table = table_like(text, "features", item)?;
    table.iter().map(|(name, item)| Ok((name.to_owned(), strings(text, name, item)?))).collect()
}

/// The keys of some entries, each once.
pub(super) fn keys(entries: &[Entry]) -> BTreeSet<String> {
    entries.iter().map(|entry| entry.key.clone()).collect()
}

fn entry(text: &str, path: &[String], key: &str, item: &Item) -> Result<Entry> {
    let written = |span: Option<Range<usize>>| span.and_then(|span| text.get(span)).unwrap_or("").to_owned();
    let mut entry = Entry {
        table: path.to_vec(),
        key: key.to_owned(),
        package: key.to_owned(),
        plain: true,
        version: None,
        elsewhere: None,
        inherited: false,
        registry: None,
        default_features: None,
        features: None,
    };
    if let Some(version) = item.as_str() {
        entry.version = Some((version.to_owned(), written(item.span())));
        return Ok(entry);
    }
    let table = item.as_table_like().ok_or_else(|| {
        odd(text, item, &format!("the dependency `{key}` is neither a version nor a table"))
    })?;
    let string = |name: &str| {
        let item = table.get(name);
        let found = item.map(|item| {
            let value = item.as_str().map(str::to_owned);
            value.ok_or_else(|| odd(text, item, &format!("`{name}` of the dependency `{key}` is no string")))
        });
        found.transpose()
    };
    let flag = |name: &'static str| {
        let found = table.get(name).map(|item| {
            let value = item.as_bool().map(|value| (value, name));
            value.ok_or_else(|| {
                odd(text, item, &format!("`{name}` of the dependency `{key}` is neither true nor false"))
            })
        });
        found.transpose()
    };
    entry.plain = false;
    entry.version =
        string("version")?.map(|version| (version, written(table.get("version").and_then(Item::span))));
    entry.package = string("package")?.unwrap_or_else(|| key.to_owned());
    entry.registry = string("registry")?;
    entry.elsewhere = ["path", "git"].into_iter().find(|name| table.contains_key(name));
    entry.inherited = match flag("workspace")? {
        Some((false, _)) => {
            return Err(odd(text, item, &format!("cargo knows no `{key}.workspace = false`")));
        }
        inherited => inherited.is_some(),
    };
    entry.default_features = flag("default-features")?.or(flag("default_features")?);
    entry.features = table.get("features").map(|item| strings(text, key, item)).transpose()?;
    Ok(entry)
}

fn strings(text: &str, name: &str, item: &Item) -> Result<Vec<String>> {
    let list = item.as_array().and_then(|list| {
        list.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    list.ok_or_else(|| odd(text, item, &format!("the features of `{name}` are no list of strings")))
}

/// An item as a table, or the fault that it is none.
pub(super) fn table_like<'a>(text: &str, name: &str, item: &'a Item) -> Result<&'a dyn TableLike> {
    item.as_table_like().ok_or_else(|| odd(text, item, &format!("`{name}` is no table")))
}

/// A manifest that is TOML and says what cargo does not take.
pub(super) fn odd(text: &str, item: &Item, what: &str) -> Fault {
    let line = line_of(text, item.span());
    Fault::new(format!("line {line} of the manifest: {what}")).help(format!("correct line {line}"))
}
