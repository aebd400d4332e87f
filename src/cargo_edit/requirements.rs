//! What a manifest asks of registries, and moving one requirement wherever it stands.

use super::{Dependency, Kind, moved, read};
use crate::fault::Result;
use crate::package::PackageName;

/// A requirement on a package of a registry, as it stands in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Required {
    /// The package.
    pub package: String,
    /// The registry of cargo's configuration that it names; `None` for crates.io.
    pub registry: Option<String>,
    /// The requirement.
    pub requirement: String,
}

/// What a manifest itself asks for in any of its tables, `[workspace.dependencies]` among them, each once and in order.
pub fn required(text: &str) -> Result<Vec<Required>> {
    let mut found: Vec<Required> = entries(text)?.iter().filter_map(of).collect();
    found.sort();
    found.dedup();
    Ok(found)
}

/// The text with another requirement wherever it asks for `from`; `None` where it does nowhere.
pub fn move_requirement(text: &str, from: &Required, name: &PackageName, to: &str) -> Result<Option<String>> {
    let dependency = Dependency {
        package: name.clone(),
        requirement: to.to_owned(),
        features: Vec::new(),
        default_features: None,
        registry: None,
        kind: Kind::Normal,
    };
    let mut next = text.to_owned();
    for entry in entries(text)?.iter().filter(|entry| of(entry).as_ref() == Some(from)) {
        next = moved(&next, entry, &dependency, &[])?;
    }
    Ok((next != text).then_some(next))
}

fn entries(text: &str) -> Result<Vec<read::Entry>> {
    let mut tables = read::all_tables(text)?;
    tables.push(read::shared_table());
    read::entries(text, &tables, &[])
}

fn of(entry: &read::Entry) -> Option<Required> {
    let (requirement, _) = entry.version.as_ref().filter(|_| entry.elsewhere.is_none())?;
    Some(Required {
        package: entry.package.clone(),
        registry: entry.registry.clone().filter(|name| name != "crates-io"),
        requirement: requirement.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Required, move_requirement, required};

    const TEXT: &str = "[package]\nname = \"a\" # mine\n\n[dependencies]\nb = \"=1.0.0\" # why\nc = { path = \"../c\", version = \"1\" }\nd.workspace = true\nold = { package = \"b\", version = \"0.9\" }\n\n[target.'cfg(unix)'.dev-dependencies.b]\nversion = '=1.0.0'\n\n[workspace.dependencies]\nd = { registry = \"own\", version = \"^2\" }\n";

    #[test]
    fn requirements_are_found_and_moved_wherever_they_stand() {
        let found = required(TEXT).unwrap();
        let shown: Vec<String> = found
            .iter()
            .map(|one| format!("{} {:?} {}", one.package, one.registry, one.requirement))
            .collect();
        assert_eq!(shown, ["b None 0.9", "b None =1.0.0", "d Some(\"own\") ^2"]);
        let name = |one: &Required| one.package.parse().unwrap();
        let text = move_requirement(TEXT, &found[1], &name(&found[1]), "=1.2.0").unwrap().unwrap();
        assert_eq!(text, TEXT.replace("=1.0.0", "=1.2.0"));
        let text = move_requirement(TEXT, &found[2], &name(&found[2]), "^3").unwrap().unwrap();
        assert_eq!(text, TEXT.replace("^2", "^3"));
        let other = Required { requirement: "7".to_owned(), ..found[0].clone() };
        assert_eq!(move_requirement(TEXT, &other, &name(&other), "8").unwrap(), None);
        assert_eq!(move_requirement(TEXT, &found[0], &name(&found[0]), "0.9").unwrap(), None);
    }
}
