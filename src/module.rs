//! The words for Python packages: a module's name and its version.
//!
//! As with crates ([`crate::package`]) they come from manifests, locks, indexes and the command line and become paths:
//! so they are checked once, here. A name is kept as an index compares it: `Foo.Bar_baz` and `foo-bar-baz` are one
//! (Python packaging specifications, "Names and normalization", PEP 503), and versions are those of PEP 440.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest name that is taken, in bytes.
const LONGEST: usize = 150;

/// The name of a Python package, normalized; safe as a file name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleName(String);

impl ModuleName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no name or no version of a Python package.
#[derive(Debug, PartialEq, Eq)]
pub struct BadModule(String);

impl fmt::Display for BadModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadModule {}

/// A text that may be anything, short and without anything that a terminal would obey.
fn shown(text: &str) -> String {
    text.chars().take(60).collect::<String>().escape_debug().to_string()
}

impl FromStr for ModuleName {
    type Err = BadModule;

    fn from_str(text: &str) -> Result<Self, BadModule> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        if text.len() > LONGEST
            || !text.chars().all(plain)
            || !edge(text.chars().next())
            || !edge(text.chars().last())
        {
            return Err(BadModule(format!(
                "`{}` is not the name of a Python package: letters and digits of ASCII, `-`, `_` and `.` between \
                 them, {LONGEST} bytes at most",
                shown(text)
            )));
        }
        let mut name = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '-' | '_' | '.' if name.ends_with('-') => {}
                '-' | '_' | '.' => name.push('-'),
                c => name.push(c.to_ascii_lowercase()),
            }
        }
        Ok(Self(name))
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A version of a Python package (PEP 440), in its normal form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleVersion(pep440_rs::Version);

impl ModuleVersion {
    /// The version as the library knows it.
    pub fn as_pep440(&self) -> &pep440_rs::Version {
        &self.0
    }
}

impl FromStr for ModuleVersion {
    type Err = BadModule;

    fn from_str(text: &str) -> Result<Self, BadModule> {
        let version = (text.len() <= LONGEST).then(|| text.parse().ok()).flatten();
        version.map(Self).ok_or_else(|| {
            BadModule(format!("`{}` is not a version of a Python package, such as `2.32.3`", shown(text)))
        })
    }
}

impl fmt::Display for ModuleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for ModuleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One Python package at one version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ModuleId {
    /// Its name.
    pub name: ModuleName,
    /// Its version.
    pub version: ModuleVersion,
}

impl fmt::Display for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

macro_rules! as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(ModuleName);
as_text!(ModuleVersion);

#[cfg(test)]
mod tests {
    use super::{ModuleName, ModuleVersion};

    #[test]
    fn names_are_compared_as_an_index_compares_them() {
        for (written, name) in [
            ("requests", "requests"),
            ("PyYAML", "pyyaml"),
            ("zope.interface", "zope-interface"),
            ("Foo.-_.Bar__baz", "foo-bar-baz"),
            ("7zip", "7zip"),
            ("a", "a"),
        ] {
            assert_eq!(written.parse::<ModuleName>().unwrap().as_str(), name);
        }
        let long = "a".repeat(10_000);
        for bad in
            ["", "../x", "a/b", "-a", "a-", ".a", "a.", "a b", "größe", "C:x", "a\0", "\u{1b}[31m", &long]
        {
            let error = bad.parse::<ModuleName>().unwrap_err().to_string();
            assert!(error.len() < 600 && !error.contains(char::is_control), "{error}");
        }
    }

    #[test]
    fn versions_are_those_of_pep_440() {
        for (written, normal) in [
            ("2.32.3", "2.32.3"),
            ("v1.0-alpha.1", "1.0a1"),
            ("1!2.0.post3.dev4+Local-1", "1!2.0.post3.dev4+local.1"),
        ] {
            assert_eq!(written.parse::<ModuleVersion>().unwrap().to_string(), normal);
        }
        let read = |text: &str| text.parse::<ModuleVersion>().unwrap();
        assert!(read("1.0rc1") < read("1.0") && read("1.0") == read("1.0.0") && read("1.10") > read("1.9"));
        for bad in ["", "x", "1.0/../..", "latest", "1..0"] {
            assert!(bad.parse::<ModuleVersion>().is_err(), "{bad}");
        }
    }
}
