//! The words for packages: which registry, which name, which version.
//!
//! A name comes from a manifest, a lock, an index or the command line, and becomes a path of the environment and of
//! the store. So it is checked once, here, and whoever holds a [`PackageName`] may use it as a file name.

use std::fmt;
use std::str::FromStr;

use semver::Version;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest `NAME-VERSION` that is taken, in bytes: what one file name may hold on the usual file systems,
/// less room for an ending.
const LONGEST: usize = 200;

/// A package's name, safe as a file name: letters, digits, `-` and `_`, a letter or `_` first
/// (what cargo accepts in `package.name`: cargo reference, "The `name` field").
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName(String);

impl PackageName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no package name.
#[derive(Debug, PartialEq, Eq)]
pub struct BadName(String);

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.0.chars().take(60).collect();
        write!(
            f,
            "{shown:?} is not a package name: letters, digits, `-` and `_` make one, {LONGEST} bytes at most"
        )
    }
}

impl std::error::Error for BadName {}

impl FromStr for PackageName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let first = text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
        let rest = text.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
        if first && rest && text.len() <= LONGEST {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName(text.to_owned()))
        }
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for PackageName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PackageName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One package at one exact version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PackageId {
    /// Its name.
    pub name: PackageName,
    /// Its version (semver.org 2.0, as cargo reads it).
    pub version: Version,
}

impl PackageId {
    /// `NAME-VERSION`: the folder that cargo unpacks a `.crate` to, and its folder in `vendor/`.
    pub fn folder(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }
}

impl fmt::Display for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// Whether a stranger's name may become a file among the environment's executables: letters and digits of ASCII, `-`,
/// `_` and `.`, neither `.` nor `-` first, no `.` last (Windows drops it), 100 bytes at most.
pub fn is_executable_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !name.is_empty()
        && name.len() <= 100
        && name.chars().all(plain)
        && !name.starts_with(['.', '-'])
        && !name.ends_with('.')
}

/// What a manifest asks of a git repository.
#[derive(Debug, PartialEq, Eq, Clone, PartialOrd, Ord, Hash)]
pub enum GitReference {
    /// Nothing: the default branch.
    Default,
    /// A branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// A commit or any other name.
    Rev(String),
}

impl GitReference {
    /// The key and value, as a manifest and a `[source]` table write it.
    pub fn key_value(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Default => None,
            Self::Branch(name) => Some(("branch", name)),
            Self::Tag(name) => Some(("tag", name)),
            Self::Rev(name) => Some(("rev", name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PackageName, is_executable_name};

    #[test]
    fn names_that_are_paths_or_worse_are_no_names() {
        for good in ["serde", "serde_json", "_x", "Inflector", "proc-macro2", "größe"] {
            assert_eq!(good.parse::<PackageName>().map(|n| n.to_string()), Ok(good.to_owned()));
        }
        let long = "a".repeat(10_000);
        for bad in [
            "",
            ".",
            "..",
            "../x",
            "/x",
            "a/b",
            "a\\b",
            "C:x",
            "-x",
            "1x",
            "a b",
            "a\n",
            "a\u{1b}[31m",
            "a\0",
            "a@b",
            &long,
        ] {
            assert!(bad.parse::<PackageName>().is_err(), "{bad:?}");
        }
        let shown = long.parse::<PackageName>().unwrap_err().to_string();
        assert!(shown.len() < 200, "{shown}");
        assert!(!"a\u{1b}[31m".parse::<PackageName>().unwrap_err().to_string().contains('\u{1b}'));
    }

    #[test]
    fn a_strangers_name_is_a_files_name_only_where_it_is_plain() {
        let long = "a".repeat(100);
        for good in ["rg", "cargo-nextest", "a_b.c", "7z", &long] {
            assert!(is_executable_name(good), "{good}");
        }
        let long = "a".repeat(101);
        for bad in [
            "", ".", "..", ".hidden", "-x", "a/b", "a\\b", "a b", "a\n", "a:b", "C:x", "größe", "cargo.",
            &long,
        ] {
            assert!(!is_executable_name(bad), "{bad:?}");
        }
    }
}
