//! `envtool.toml`, read: what a project asks for.
//!
//! A key that this envtool does not know is an error and not a silence: a pin that nobody installs, or a setting that
//! nobody heeds, is worse than a message.

mod edit;
mod pin;

pub use edit::{Section, with_pin, without_pin};
pub use pin::{Pin, ToolPin};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Result};
use crate::package::PackageName;

/// What `init` writes.
pub const NEW: &str = "\
# What this project runs on. envtool puts exactly this into .envtool/; see `envtool --help`.

[env]
";

/// What a project asks for.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `[env]`.
    #[serde(default)]
    pub env: Settings,
    /// `[crates]`: the pins of a project without a Cargo.toml.
    #[serde(default)]
    pub crates: BTreeMap<PackageName, Pin>,
    /// `[tools]`: packages whose executables lie in the environment's `bin`.
    #[serde(default)]
    pub tools: BTreeMap<PackageName, ToolPin>,
}

/// `[env]`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Whether cargo sees the environment's crates only.
    pub isolate: bool,
    /// How a crate comes from the store into the environment.
    pub link: Link,
}

impl Default for Settings {
    fn default() -> Self {
        Self { isolate: true, link: Link::Symlink }
    }
}

/// How a crate comes from the store into the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// One symbolic link to the folder in the store.
    #[default]
    Symlink,
    /// Folders of its own, every file a hard link.
    Hardlink,
    /// Files that share their blocks with the store's until one is written; copies where the file system cannot.
    Reflink,
    /// Plain copies.
    Copy,
}

impl Manifest {
    /// Reads the text of an envtool.toml. `name` is how errors name the file.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            Fault::new(format!("could not read {name}"))
                .why(error.to_string().trim_end().to_owned())
                .help(format!("correct {name}; `envtool init` in an empty folder shows a valid one"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Link, Manifest, NEW};

    #[test]
    fn what_init_writes_is_the_default() {
        assert_eq!(Manifest::parse(NEW, "envtool.toml").unwrap(), Manifest::default());
    }

    #[test]
    fn pins_are_exact() {
        let text = "[env]\nlink = \"copy\"\n[crates]\nserde = { version = \"=1.0.219\", features = [\"derive\", \"alloc\"] }\nitoa = \"1.0.0\"\n";
        let manifest = Manifest::parse(text, "envtool.toml").unwrap();
        assert_eq!(manifest.env.link, Link::Copy);
        let serde = &manifest.crates[&"serde".parse().unwrap()];
        assert_eq!((serde.version.to_string().as_str(), serde.features.len()), ("1.0.219", 2));
        assert!(serde.default_features);
    }

    #[test]
    fn a_tool_may_say_which_of_its_executables_it_is_for() {
        let text = "[tools]\njust = \"1.42.4\"\nripgrep = { version = \"15.1.0\", bins = [\"rg\"], toolchain = \"1.90\" }\n";
        let manifest = Manifest::parse(text, "envtool.toml").unwrap();
        let rg = &manifest.tools[&"ripgrep".parse().unwrap()];
        assert_eq!((rg.bins.as_slice(), rg.toolchain.as_deref()), (&["rg".to_owned()][..], Some("1.90")));
        assert!(manifest.tools[&"just".parse().unwrap()].bins.is_empty());
    }

    #[test]
    fn what_is_wrong_is_shown_with_its_place() {
        let cases = [
            ("[env\n", "line 1, column 5"),
            ("[crates]\nserde = \"1\"\n", "line 2, column 9"),
            ("[crates]\nserde = 1\n", "expected a version such as"),
            ("[crates]\n\"../x\" = \"1.0.0\"\n", "not a package name"),
            ("[crates]\na = { version = \"1.0.0\", features = [\"x\\ny\"] }\n", "not the name of a feature"),
            ("[env]\nisolated = false\n", "unknown field `isolated`"),
            ("[env]\nlink = \"junction\"\n", "unknown variant `junction`"),
            ("[modules]\nrequests = \"2.32.3\"\n", "unknown field `modules`"),
            ("[tools]\njust = \"1\"\n", "line 2, column 8"),
            ("[tools]\njust = { version = \"1.0.0\", bins = [\"../x\"] }\n", "not the name of an executable"),
            ("[tools]\njust = { version = \"1.0.0\", toolchain = \"--x\" }\n", "not the name of a toolchain"),
            ("[crates]\nserde = { version = \"1.0.0\", bins = [\"x\"] }\n", "unknown field `bins`"),
        ];
        for (text, expected) in cases {
            let fault = Manifest::parse(text, "envtool.toml").unwrap_err();
            assert!(fault.to_string().contains(expected), "{expected}: {fault}");
            assert!(fault.help_text().is_some());
        }
    }
}
