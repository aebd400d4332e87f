//! A pin: one package at one exact version, and what is asked of it.

use std::collections::BTreeSet;

use semver::Version;
use serde::{Deserialize, Deserializer, de};

use crate::module::{ModuleName, ModuleVersion};
use crate::package::is_executable_name;

/// One pin: a version, or a table with a version and features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The exact version.
    pub version: Version,
    /// The features that are asked for.
    pub features: Vec<String>,
    /// Whether the default features are.
    pub default_features: bool,
}

impl Pin {
    /// A pin that asks for nothing but a version.
    pub fn new(version: Version) -> Self {
        Self { version, features: Vec::new(), default_features: true }
    }
}

/// One pin of `[tools]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolPin {
    /// The version and the features.
    pub pin: Pin,
    /// Which of its executables it is for; none named: all that build.
    pub bins: Vec<String>,
    /// The toolchain that builds it, as rustup names it; absent: the machine's default.
    pub toolchain: Option<String>,
}

/// One pin of a Python package, in `[modules]` or `[tools]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModulePin {
    /// The exact version.
    pub version: ModuleVersion,
    /// The extras that are asked for.
    pub extras: BTreeSet<ModuleName>,
    /// Whether its source distribution may be built, which runs its code.
    pub build: bool,
}

impl ModulePin {
    /// A pin that asks for nothing but a version.
    pub fn new(version: ModuleVersion) -> Self {
        Self { version, extras: BTreeSet::new(), build: false }
    }
}

enum Written<T> {
    Version(String),
    Table(T),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CrateTable {
    version: String,
    #[serde(default)]
    features: Vec<String>,
    #[serde(default = "yes")]
    default_features: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ToolTable {
    version: String,
    #[serde(default)]
    features: Vec<String>,
    #[serde(default = "yes")]
    default_features: bool,
    #[serde(default)]
    bins: Vec<String>,
    toolchain: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModuleTable {
    version: String,
    #[serde(default)]
    extras: BTreeSet<ModuleName>,
    #[serde(default)]
    build: bool,
}

fn yes() -> bool {
    true
}

/// Reads one of two shapes and keeps what is wrong with the second: serde's own word on an untagged enum is that
/// nothing fits.
fn read<'de, D: Deserializer<'de>, T: de::DeserializeOwned>(deserializer: D) -> Result<Written<T>, D::Error> {
    match toml::Value::deserialize(deserializer)? {
        toml::Value::String(version) => Ok(Written::Version(version)),
        toml::Value::Table(table) => {
            T::deserialize(table).map(Written::Table).map_err(|error| de::Error::custom(error.message()))
        }
        _ => Err(de::Error::custom("expected a version such as \"1.0.219\", or a table with `version`")),
    }
}

impl<'de> Deserialize<'de> for Pin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match read::<D, CrateTable>(deserializer)? {
            Written::Version(version) => pin(&version, Vec::new(), true),
            Written::Table(table) => pin(&table.version, table.features, table.default_features),
        }
    }
}

impl<'de> Deserialize<'de> for ToolPin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = match read::<D, ToolTable>(deserializer)? {
            Written::Version(version) => {
                return Ok(Self { pin: pin(&version, Vec::new(), true)?, bins: Vec::new(), toolchain: None });
            }
            Written::Table(table) => table,
        };
        let mut bins = table.bins;
        if let Some(bad) = bins.iter().find(|name| !is_executable_name(name)) {
            return Err(de::Error::custom(format!("{bad:?} is not the name of an executable")));
        }
        bins.sort();
        bins.dedup();
        if let Some(bad) = table.toolchain.as_ref().filter(|name| !is_toolchain(name)) {
            return Err(de::Error::custom(format!("{bad:?} is not the name of a toolchain")));
        }
        let pin = pin(&table.version, table.features, table.default_features)?;
        Ok(Self { pin, bins, toolchain: table.toolchain })
    }
}

impl<'de> Deserialize<'de> for ModulePin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let exact = |text: &str| text.trim_start_matches("==").trim().parse().map_err(de::Error::custom);
        match read::<D, ModuleTable>(deserializer)? {
            Written::Version(version) => exact(&version).map(Self::new),
            Written::Table(ModuleTable { version, extras, build }) => {
                Ok(Self { version: exact(&version)?, extras, build })
            }
        }
    }
}

fn pin<E: de::Error>(version: &str, mut features: Vec<String>, default_features: bool) -> Result<Pin, E> {
    let text = version.trim_start_matches('=').trim();
    let version = Version::parse(text).map_err(|error| {
        E::custom(format!("{version:?} is not an exact version such as \"1.0.219\" ({error})"))
    })?;
    features.sort();
    features.dedup();
    if let Some(bad) = features.iter().find(|f| !is_feature(f)) {
        return Err(E::custom(format!("{bad:?} is not the name of a feature")));
    }
    Ok(Pin { version, features, default_features })
}

/// Whether `text` can name a feature (cargo reference, "Features"; `dep/feature` included).
fn is_feature(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_+./?:".contains(c))
}

/// Whether `text` can name a toolchain: what rustup takes, and no flag.
fn is_toolchain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}
