//! Takes dependencies out, with what the manifest's features say of them.

use super::change;
use super::read::{self, Entry};
use crate::fault::Result;
use crate::package::PackageName;

/// What a removal made of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The new text.
    pub text: String,
    /// The keys that went.
    pub keys: Vec<String>,
}

/// Takes every dependency on a package out of one manifest, of all kinds and for all targets. `None` where there is
/// none. `root` is the manifest of the workspace's root where it is another one: an inherited entry is renamed there.
pub fn remove(text: &str, root: Option<&str>, package: &PackageName) -> Result<Option<Removed>> {
    let shared = read::shared(root.unwrap_or(text))?;
    let tables = read::all_tables(text)?;
    let entries = read::entries(text, &tables, &shared)?;
    let Some(mut removed) = without(text, &tables, entries, package)? else { return Ok(None) };
    let left = read::keys(&read::entries(&removed.text, &tables, &[])?);
    for key in removed.keys.iter().filter(|key| !left.contains(*key)) {
        removed.text = without_activations(removed.text, key)?;
    }
    Ok(Some(removed))
}

/// Takes a package out of `[workspace.dependencies]`. `None` where it is not there.
pub fn remove_from_workspace(text: &str, package: &PackageName) -> Result<Option<Removed>> {
    without(text, &[read::shared_table()], read::shared(text)?, package)
}

fn without(
    text: &str,
    tables: &[Vec<String>],
    entries: Vec<Entry>,
    package: &PackageName,
) -> Result<Option<Removed>> {
    let gone: Vec<Entry> = entries.into_iter().filter(|entry| entry.package == package.as_str()).collect();
    if gone.is_empty() {
        return Ok(None);
    }
    let mut text = text.to_owned();
    for entry in &gone {
        text = change::take(&text, &change::below(&entry.table, &[&entry.key]))?;
    }
    for table in tables.iter().filter(|table| gone.iter().any(|entry| entry.table == **table)) {
        text = change::take_empty(&text, table)?;
    }
    Ok(Some(Removed { text, keys: read::keys(&gone).into_iter().collect() }))
}

/// Takes out of `[features]` what names a dependency that is gone. A feature of the same name that is defined there
/// is not the dependency, and stays.
fn without_activations(mut text: String, key: &str) -> Result<String> {
    let features = read::features(&text)?;
    let is_feature = features.iter().any(|(name, _)| name == key);
    let is_of = |value: &str| match (value.strip_prefix("dep:"), value.split_once('/')) {
        (Some(name), _) => name == key,
        (None, Some((name, _))) => name.strip_suffix('?').unwrap_or(name) == key,
        (None, None) => value == key && !is_feature,
    };
    for (name, values) in &features {
        let path = ["features".to_owned(), name.clone()];
        // From the end, so that the places before stay.
        for at in (0..values.len()).rev().filter(|at| is_of(&values[*at])) {
            text = change::take_element(&text, &path, at)?;
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::super::inherits;
    use super::super::tests::PACKAGE;
    use super::{remove, remove_from_workspace};

    /// The tables before and after `serde` is removed.
    const REMOVED: &[(&str, &str)] = &[
        ("[dependencies]\nserde = \"1\" # why\nzed = \"1\"\n", "[dependencies]\nzed = \"1\"\n"),
        (
            "[dependencies]\nabc = \"1\"\nserde = \"1\"\n\n[features]\n",
            "[dependencies]\nabc = \"1\"\n\n[features]\n",
        ),
        (
            "[dependencies]\nabc = \"1\"\n\nserde = \"1\"\n\nzed = \"1\"\n",
            "[dependencies]\nabc = \"1\"\n\nzed = \"1\"\n",
        ),
        ("[dependencies]\nabc = \"1\"\n\nserde = \"1\"\n", "[dependencies]\nabc = \"1\"\n"),
        ("[dependencies]\nabc = \"1\"\nserde = \"1\"", "[dependencies]\nabc = \"1\""),
        // The comment directly above goes, as with `cargo remove`; one that stands apart stays.
        (
            "[dependencies]\n# apart\n\n# its own\n# and more\nserde = \"1\"\n# of zed\nzed = \"1\"\n",
            "[dependencies]\n# apart\n\n# of zed\nzed = \"1\"\n",
        ),
        ("[dependencies]\nabc = '''\n1\n#'''\nserde = \"1\"\n", "[dependencies]\nabc = '''\n1\n#'''\n"),
        // Every form, kind and target.
        (
            "[dependencies]\nabc = \"1\"\nserde.version = \"1\"\nzed = \"1\"\nserde.features = [\n  'a',\n]\n",
            "[dependencies]\nabc = \"1\"\nzed = \"1\"\n",
        ),
        (
            "[dependencies.abc]\nversion = \"1\"\n\n# its own\n[dependencies.serde]\nversion = \"1\"\npath = \"x\"\n\n[features]\n",
            "[dependencies.abc]\nversion = \"1\"\n\n[features]\n",
        ),
        ("[lib]\n\n[dependencies.serde]\nversion = \"1\"\n", "[lib]\n"),
        (
            "[dependencies]\njson = { package = \"serde\", git = \"x\" }\nserde = \"1\"\nother = { package = \"serde-x\", version = \"1\" }\n",
            "[dependencies]\nother = { package = \"serde-x\", version = \"1\" }\n",
        ),
        (
            "[dependencies]\nserde = { package = \"other\", version = \"1\" }\nx = { package = \"serde\", version = \"1\" }\n",
            "[dependencies]\nserde = { package = \"other\", version = \"1\" }\n",
        ),
        (
            "[dependencies]\nserde = \"1\"\n\n[dev_dependencies]\nserde.workspace = true\nabc = \"1\"\n\n[target.'cfg(unix)'.build-dependencies]\nserde = \"1\"\n\n[lib]\n",
            "[dev_dependencies]\nabc = \"1\"\n\n[lib]\n",
        ),
        // A table that is empty now stays for its comments.
        (
            "[dependencies]\nserde = \"1\"\n# serde_json = \"1\"\n\n[lib]\n",
            "[dependencies]\n# serde_json = \"1\"\n\n[lib]\n",
        ),
        ("# mine\n[dependencies]\nserde = \"1\"\n", "# mine\n[dependencies]\n"),
        ("[dependencies] # mine\nserde = \"1\"\n", "[dependencies] # mine\n"),
        ("[dependencies]\nserde = \"1\"\n\n# of the library\n[lib]\n", "# of the library\n[lib]\n"),
        // Tables below it need no header above them.
        (
            "[dependencies]\nserde = \"1\"\n\n[dependencies.abc]\nversion = \"1\"\n",
            "[dependencies.abc]\nversion = \"1\"\n",
        ),
        // One that was empty before stays.
        ("[dependencies]\n\n[dev-dependencies]\nserde = \"1\"\n", "[dependencies]\n"),
        // What features say of it.
        (
            "[dependencies]\nserde = { version = \"1\", optional = true }\n\n[features]\ndefault = [\"serde\", \"std\"]\nstd = [\n  \"serde/std\",\n  \"serde?/alloc\", # why\n  \"serde_json/std\",\n]\nx = [\n  \"dep:serde\",\n]\n",
            "[features]\ndefault = [\"std\"]\nstd = [\n  \"serde_json/std\",\n]\nx = []\n",
        ),
        (
            "[dependencies]\nserde = { version = \"1\", optional = true }\n[features]\ndefault = [\"serde\"]\nserde = [\"dep:serde\", \"other\"]\n",
            "[features]\ndefault = [\"serde\"]\nserde = [\"other\"]\n",
        ),
        // The name stands for another package elsewhere, and features may mean that one.
        (
            "[dependencies]\nserde = \"1\"\n[dev-dependencies]\nserde = { package = \"other\", version = \"1\" }\n[features]\na = [\"serde/std\"]\n",
            "[dev-dependencies]\nserde = { package = \"other\", version = \"1\" }\n[features]\na = [\"serde/std\"]\n",
        ),
    ];

    #[test]
    fn a_package_goes_with_all_that_speaks_of_it() {
        let package = "serde".parse().unwrap();
        for (before, after) in REMOVED {
            for crlf in [false, true] {
                let ends = |text: &str| {
                    let text = format!("{PACKAGE}\n{text}");
                    if crlf { text.replace('\n', "\r\n") } else { text }
                };
                let removed = remove(&ends(before), None, &package).unwrap().unwrap();
                assert_eq!(removed.text, ends(after), "{before}");
                assert!(!removed.keys.is_empty());
                assert_eq!(remove(&removed.text, None, &package).unwrap(), None);
            }
        }
    }

    #[test]
    fn an_inherited_entry_is_removed_by_its_package() {
        let package = "serde_json".parse().unwrap();
        let member = format!("{PACKAGE}[dependencies]\njson.workspace = true\nserde_json.workspace = true\n");
        let root = "[workspace]\n\n[workspace.dependencies]\njson = { package = \"serde_json\", version = \"1\" }\nserde_json = { package = \"other\", version = \"1\" }\n";
        let removed = remove(&member, Some(root), &package).unwrap().unwrap();
        assert_eq!(removed.keys, ["json"]);
        assert_eq!(removed.text, format!("{PACKAGE}[dependencies]\nserde_json.workspace = true\n"));
        let removed = remove_from_workspace(root, &package).unwrap().unwrap();
        assert_eq!(removed.keys, ["json"]);
        assert!(!removed.text.contains("json = { package = \"serde_json\""));
        assert_eq!(remove_from_workspace(&removed.text, &package).unwrap(), None);
        let removed = remove_from_workspace(&removed.text, &"other".parse().unwrap()).unwrap().unwrap();
        assert_eq!(removed.text, "[workspace]\n");
        assert!(inherits(&member, "json").unwrap() && inherits(&member, "serde_json").unwrap());
        assert!(!inherits(&member, "other").unwrap() && !inherits(root, "json").unwrap());
    }
}
