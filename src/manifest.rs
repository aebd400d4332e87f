//! `envtool.toml`, read: what a project asks for.
//!
//! A key that this envtool does not know is an error and not a silence: a pin that nobody installs, or a setting that
//! nobody heeds, is worse than a message.

use std::collections::BTreeMap;

use semver::Version;
use serde::{Deserialize, Deserializer, Serialize, de};

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
    pub crates: BTreeMap<PackageName, CratePin>,
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

/// One pin of `[crates]`: a version, or a table with a version and features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CratePin {
    /// The exact version.
    pub version: Version,
    /// The features that are asked for.
    pub features: Vec<String>,
    /// Whether the default features are.
    pub default_features: bool,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a version such as \"1.0.219\", or a table with `version`")]
enum RawPin {
    Version(String),
    Table(RawPinTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawPinTable {
    version: String,
    #[serde(default)]
    features: Vec<String>,
    #[serde(default = "yes")]
    default_features: bool,
}

fn yes() -> bool {
    true
}

impl<'de> Deserialize<'de> for CratePin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let table = match RawPin::deserialize(deserializer)? {
            RawPin::Version(version) => RawPinTable { version, features: Vec::new(), default_features: true },
            RawPin::Table(table) => table,
        };
        let text = table.version.trim_start_matches('=').trim();
        let version = Version::parse(text).map_err(|error| {
            de::Error::custom(format!(
                "{:?} is not an exact version such as \"1.0.219\" ({error})",
                table.version
            ))
        })?;
        let mut features = table.features;
        features.sort();
        features.dedup();
        if let Some(bad) = features.iter().find(|f| !is_feature(f)) {
            return Err(de::Error::custom(format!("{bad:?} is not the name of a feature")));
        }
        Ok(Self { version, features, default_features: table.default_features })
    }
}

/// Whether `text` can name a feature (cargo reference, "Features"; `dep/feature` included).
fn is_feature(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_+./?:".contains(c))
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
    fn what_is_wrong_is_shown_with_its_place() {
        let cases = [
            ("[env\n", "line 1, column 5"),
            ("[crates]\nserde = \"1\"\n", "line 2, column 9"),
            ("[crates]\nserde = 1\n", "expected a version such as"),
            ("[crates]\n\"../x\" = \"1.0.0\"\n", "not a package name"),
            ("[crates]\na = { version = \"1.0.0\", features = [\"x\\ny\"] }\n", "not the name of a feature"),
            ("[env]\nisolated = false\n", "unknown field `isolated`"),
            ("[env]\nlink = \"junction\"\n", "unknown variant `junction`"),
            ("[tools]\njust = \"1.42.4\"\n", "unknown field `tools`"),
        ];
        for (text, expected) in cases {
            let fault = Manifest::parse(text, "envtool.toml").unwrap_err();
            assert!(fault.to_string().contains(expected), "{expected}: {fault}");
            assert!(fault.help_text().is_some());
        }
    }
}
