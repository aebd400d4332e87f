//! `.envtool/cargo.toml`: each source that a lock names, replaced by a folder (cargo reference, "Source Replacement").
//!
//! cargo stops when two names stand for one address. So where the user's configuration names a source already, that
//! name is used, and every name of envtool's own begins with `envtool-`. A git source needs its reference exactly as
//! the manifest writes it, or the replacement is silently not used.

use toml_edit::{DocumentMut, Item, Table, value};

use crate::cargo_lock::Source;

/// The name of crates.io in cargo's configuration.
pub const CRATES_IO: &str = "crates-io";

/// One source and the folder that replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The source.
    pub source: Source,
    /// The name that the user's configuration gives it.
    pub name: Option<String>,
    /// The folder, as cargo is to read it: relative to the project, or absolute.
    pub folder: String,
}

/// The text of the file.
pub fn text(replaced: &[Replaced]) -> String {
    let mut document = DocumentMut::new();
    let mut sources = Table::new();
    sources.set_implicit(true);
    for one in replaced {
        let id = one.source.folder();
        let by =
            if one.source.is_crates_io() { "envtool-crates-io".to_owned() } else { format!("envtool-{id}") };
        let mut from = Table::new();
        let name = match (&one.name, one.source.is_crates_io()) {
            (Some(name), _) => name.clone(),
            (None, true) => CRATES_IO.to_owned(),
            (None, false) => {
                describe(&one.source, &mut from);
                format!("envtool-from-{id}")
            }
        };
        from.insert("replace-with", value(&by));
        let mut folder = Table::new();
        folder.insert("directory", value(&one.folder));
        sources.insert(&name, Item::Table(from));
        sources.insert(&by, Item::Table(folder));
    }
    document.insert("source", Item::Table(sources));
    format!("# Written by `envtool sync`; included by .cargo/config.toml of the project.\n{document}")
}

/// Says which source a name stands for.
fn describe(source: &Source, table: &mut Table) {
    match source {
        Source::Registry(url) => {
            table.insert("registry", value(url));
        }
        Source::Git { url, reference, .. } => {
            table.insert("git", value(url));
            if let Some((key, name)) = reference.key_value() {
                table.insert(key, value(name));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Replaced, text};
    use crate::cargo_lock::{Source, crates_io};
    use crate::package::GitReference;

    #[test]
    fn each_source_is_replaced_under_its_own_name() {
        let git = Source::Git {
            url: "file:///a \"b\".git".into(),
            reference: GitReference::Branch("feat/x+y".into()),
            commit: "0".repeat(40),
        };
        let corp = Source::Registry("sparse+http://127.0.0.1:1/".into());
        let replaced = [
            Replaced { source: crates_io(), name: None, folder: ".envtool/vendor".into() },
            Replaced { source: git.clone(), name: None, folder: "v".into() },
            Replaced { source: corp, name: Some("corp".into()), folder: "c".into() },
        ];
        let table: toml::Table = text(&replaced).parse().unwrap();
        let sources = table["source"].as_table().unwrap();
        assert_eq!(sources["crates-io"]["replace-with"].as_str(), Some("envtool-crates-io"));
        assert_eq!(sources["envtool-crates-io"]["directory"].as_str(), Some(".envtool/vendor"));
        let from = &sources[&format!("envtool-from-{}", git.folder())];
        assert_eq!(from["git"].as_str(), Some("file:///a \"b\".git"));
        assert_eq!(from["branch"].as_str(), Some("feat/x+y"));
        assert_eq!(sources["corp"].as_table().unwrap().len(), 1);
        assert!(text(&[]).parse::<toml::Table>().is_ok());
    }
}
