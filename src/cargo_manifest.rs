//! `Cargo.toml`, read only as far as a lock depends on it (cargo reference, "The Manifest Format"); [`targets`] reads
//! what a crate makes.

pub mod targets;

use std::path::PathBuf;

use toml::{Table, Value};

use crate::digest::Digest;

/// The tables that decide what a lock holds.
const TABLES: [&str; 10] = [
    "dependencies",
    "dev-dependencies",
    "dev_dependencies",
    "build-dependencies",
    "build_dependencies",
    "target",
    "features",
    "workspace",
    "patch",
    "replace",
];
/// The keys of `[package]` that do.
const KEYS: [&str; 8] =
    ["name", "version", "edition", "rust-version", "resolver", "links", "workspace", "build"];

/// The digest of what counts in a manifest: dependencies, features, members, name and version. A manifest that cannot
/// be read counts as a whole.
pub fn meaning(bytes: &[u8]) -> Digest {
    let Some(mut table) = parse(bytes) else {
        return Digest::of(bytes);
    };
    if let Some(Value::Table(workspace)) = table.get_mut("workspace") {
        workspace.remove("metadata");
        workspace.remove("lints");
    }
    let mut counts = Table::new();
    for (key, value) in table {
        match value {
            Value::Table(package) if key == "package" => {
                let kept = package.into_iter().filter(|(key, _)| KEYS.contains(&key.as_str()));
                counts.insert(key, Value::Table(kept.collect()));
            }
            value if TABLES.contains(&key.as_str()) => {
                counts.insert(key, value);
            }
            _ => {}
        }
    }
    Digest::of(counts.to_string().as_bytes())
}

/// The folders that a manifest names by `path`: dependencies, patches and replacements, relative to its own folder.
pub fn paths(bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if let Some(table) = parse(bytes) {
        for (_, value) in table.iter().filter(|(key, _)| TABLES.contains(&key.as_str())) {
            collect(value, &mut found);
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The editions that every cargo reads which can include an environment (since 1.94).
const EDITIONS: [&str; 4] = ["2015", "2018", "2021", "2024"];

/// A manifest that says as much of a crate as a resolver needs.
#[derive(Debug, PartialEq, Eq)]
pub struct Stub {
    /// Its text: name, version, dependencies and features, with nothing that a cargo could fail to read.
    pub text: String,
    /// Whether the manifest that it was made from is one that every cargo reads.
    pub plain: bool,
}

/// The stub of a crate's manifest; `None` where even its tables cannot be read.
pub fn stub(bytes: &[u8]) -> Option<Stub> {
    let mut table = parse(bytes)?;
    let package = table.get("package")?.as_table()?;
    let edition = package.get("edition").map_or(Some(EDITIONS[0]), Value::as_str);
    let plain =
        edition.is_some_and(|edition| EDITIONS.contains(&edition)) && !table.contains_key("cargo-features");
    let mut kept: Table = package
        .iter()
        .filter(|(key, _)| ["name", "version", "links"].contains(&key.as_str()))
        .map(own)
        .collect();
    // `links` asks for a build script.
    kept.insert(
        "build".to_owned(),
        if kept.contains_key("links") { "src/lib.rs".into() } else { false.into() },
    );
    kept.insert("edition".to_owned(), "2021".into());
    kept.insert("autobins".to_owned(), false.into());
    let resolved = ["dependencies", "dev-dependencies", "build-dependencies", "target", "features"];
    let mut stub: Table = resolved.iter().filter_map(|key| table.remove_entry(*key)).collect();
    stub.insert("package".to_owned(), kept.into());
    stub.insert("lib".to_owned(), Table::from_iter([("path".to_owned(), "src/lib.rs".into())]).into());
    Some(Stub { text: stub.to_string(), plain })
}

fn own((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

fn collect(value: &Value, found: &mut Vec<PathBuf>) {
    let Value::Table(table) = value else { return };
    for (key, value) in table {
        match value {
            Value::String(path) if key == "path" => found.push(PathBuf::from(path)),
            _ => collect(value, found),
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Table> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{meaning, paths};

    const MANIFEST: &str = "\
[package]
name = 'a'
version = '0.1.0'
description = 'one'
[lib]
path = 'odd.rs'
[dependencies]
b = { path = '../b' }
serde = '1'
[target.'cfg(unix)'.dependencies.c]
path = 'c'
[patch.crates-io]
d = { path = 'd' }
[profile.release]
lto = true
";

    #[test]
    fn only_what_a_lock_depends_on_counts() {
        let same = MANIFEST.replace("'one'", "'two'").replace("lto = true", "lto = false") + "# a comment\n";
        assert_eq!(meaning(MANIFEST.as_bytes()), meaning(same.as_bytes()));
        for (from, to) in
            [("serde = '1'", "serde = '2'"), ("0.1.0", "0.2.0"), ("patch.", "patch.x"), ("'../b'", "'b'")]
        {
            assert_ne!(meaning(MANIFEST.as_bytes()), meaning(MANIFEST.replace(from, to).as_bytes()), "{to}");
        }
        assert_ne!(meaning(b"[broken"), meaning(b"[broken too"));
    }

    #[test]
    fn a_stub_says_what_a_resolver_asks() {
        let made = super::stub(MANIFEST.as_bytes()).unwrap();
        let stub: toml::Table = made.text.parse().unwrap();
        assert!(made.plain);
        assert_eq!(stub["package"]["edition"].as_str(), Some("2021"));
        assert_eq!(stub["dependencies"]["serde"].as_str(), Some("1"));
        assert!(stub.contains_key("target") && !stub.contains_key("profile"));
        let newer = MANIFEST.replace("version = '0.1.0'", "version = '0.1.0'\nedition = '2099'");
        assert!(!super::stub(newer.as_bytes()).unwrap().plain);
        assert!(super::stub(b"[broken").is_none() && super::stub(b"").is_none());
    }

    #[test]
    fn paths_are_found_wherever_a_dependency_can_stand() {
        assert_eq!(paths(MANIFEST.as_bytes()), ["../b", "c", "d"].map(PathBuf::from));
        assert!(paths(b"[broken").is_empty());
    }
}
