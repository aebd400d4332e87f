//! What the package of a manifest is, its workspace's own table read with it (cargo reference, "The `package` table").

use toml_edit::{Document, Item, Key, TableLike};

use super::change::parse;
use super::read::{odd, table_like};
use crate::fault::{Fault, Result};

/// Facts of a package manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The package's name; `None` for a workspace without a package of its own.
    pub name: Option<String>,
    /// The oldest Rust that it promises to work with.
    pub rust_version: Option<String>,
    /// Whether it may be published: false with `publish = false`, with an empty list, and without a version.
    pub publish: bool,
}

/// Reads the facts. `root` is the manifest of the workspace's root where it is another one.
pub fn facts(text: &str, root: Option<&str>) -> Result<Facts> {
    let document = parse(text)?;
    // `[project]` is what cargo called it once, and still reads.
    let Some((name, item)) = document.get_key_value("package").or_else(|| document.get_key_value("project"))
    else {
        return Ok(Facts { name: None, rust_version: None, publish: false });
    };
    let package = table_like(text, name, item)?;
    let root_text = root.unwrap_or(text);
    let root = parse(root_text)?;
    let read = |key: &str| -> Result<Option<(Item, &str)>> {
        let Some(item) = package.get(key) else { return Ok(None) };
        if item.get("workspace").and_then(Item::as_bool) == Some(true) {
            let origin = shared(&root, key).ok_or_else(|| {
                Fault::new(format!("the package inherits `{key}`, and its workspace has none"))
                    .help(format!("set `{key}` in [workspace.package], or in the package itself"))
            })?;
            return Ok(Some((origin.clone(), root_text)));
        }
        Ok(Some((item.clone(), text)))
    };
    let string = |key: &str| -> Result<Option<String>> {
        let Some((item, text)) = read(key)? else { return Ok(None) };
        let value = item.as_str().map(str::to_owned);
        value.map(Some).ok_or_else(|| odd(text, &item, &format!("`{key}` of the package is no string")))
    };
    let publish = match read("publish")? {
        None => package.contains_key("version"),
        Some((item, text)) => match (item.as_bool(), item.as_array()) {
            (Some(publish), _) => publish,
            (None, Some(registries)) => !registries.is_empty(),
            (None, None) => return Err(odd(text, &item, "`publish` is neither true, false nor a list")),
        },
    };
    let name = string("name")?.ok_or_else(|| odd(text, item, "the package has no name"))?;
    Ok(Facts { name: Some(name), rust_version: string("rust-version")?, publish })
}

/// Whether a manifest is that of a package.
pub(super) fn is_package(text: &str) -> Result<bool> {
    Ok(own(&parse(text)?).is_some())
}

fn own<'a>(document: &'a Document<&str>) -> Option<(&'a Key, &'a Item)> {
    // `[project]` is what cargo called it once, and still reads.
    document.get_key_value("package").or_else(|| document.get_key_value("project"))
}

fn shared<'a>(root: &'a Document<&str>, key: &str) -> Option<&'a Item> {
    let above = root.get("workspace")?.as_table_like()?.get("package")?;
    TableLike::get(above.as_table_like()?, key)
}

#[cfg(test)]
mod tests {
    use super::super::tests::PACKAGE;
    use super::{Facts, facts};

    #[test]
    fn facts_are_read_with_those_of_the_workspace() {
        let read = |text: &str, root: Option<&str>| facts(text, root).unwrap();
        let of = |name: &str, rust: Option<&str>, publish: bool| Facts {
            name: Some(name.to_owned()),
            rust_version: rust.map(str::to_owned),
            publish,
        };
        assert_eq!(read(PACKAGE, None), of("a", None, true));
        assert_eq!(read("[project]\nname = 'a'\n", None), of("a", None, false));
        assert_eq!(read("[workspace]\n", None), Facts { name: None, rust_version: None, publish: false });
        for (said, publish) in [("false", false), ("true", true), ("[]", false), ("[\"own\"]", true)] {
            let text = format!("{PACKAGE}rust-version = \"1.70\"\npublish = {said}\n");
            assert_eq!(read(&text, None), of("a", Some("1.70"), publish));
            let root = format!("[workspace.package]\nrust-version = '1.71'\npublish = {said}\n");
            let text = format!("{PACKAGE}rust-version.workspace = true\npublish = {{ workspace = true }}\n");
            assert_eq!(read(&text, Some(&root)), of("a", Some("1.71"), publish));
            assert_eq!(read(&format!("{text}{root}"), None), of("a", Some("1.71"), publish));
            assert!(facts(&text, None).unwrap_err().to_string().contains("its workspace has none"));
        }
        for broken in
            ["[package]\n", "package = 1\n", "[package]\nname = 1\n", "[package]\nname = 'a'\npublish = 1\n"]
        {
            assert!(facts(broken, None).is_err(), "{broken}");
        }
    }
}
