//! What an installed Python distribution says of itself: `NAME-VERSION.dist-info` (Python packaging specifications,
//! "Recording installed projects", "Entry points specification", "Direct URL"; PEP 376, 427, 610) and the older
//! `.egg-info` of setuptools.
//!
//! All of it was written by strangers. A path of theirs is an [`Inside`] only where it stays in the folder that they
//! are installed in.

mod entry_point;
mod record;

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

pub use entry_point::EntryPoint;
pub use record::{Inside, Place, Recorded};

use crate::module::{ModuleId, ModuleName, ModuleVersion};

/// The files that speak of a distribution, as far as they are there.
#[derive(Debug, Default, Clone)]
pub struct Texts {
    /// `METADATA`, or `PKG-INFO`.
    pub metadata: String,
    /// `RECORD`.
    pub record: Option<String>,
    /// `installed-files.txt`, which setuptools wrote before there was a `RECORD`.
    pub installed_files: Option<String>,
    /// `top_level.txt`.
    pub top_level: Option<String>,
    /// `namespace_packages.txt`.
    pub namespace_packages: Option<String>,
    /// `entry_points.txt`.
    pub entry_points: Option<String>,
    /// `direct_url.json`.
    pub direct_url: Option<String>,
    /// `INSTALLER`.
    pub installer: Option<String>,
}

/// A distribution that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Its name and version.
    pub id: ModuleId,
    /// Its name as it writes it itself.
    pub written: String,
    /// What can be imported from it.
    pub provides: Provides,
    /// The commands that it makes.
    pub entry_points: Vec<EntryPoint>,
    /// The files that it consists of, as far as that was recorded.
    pub files: Vec<Recorded>,
    /// Where it came from, where that was no index.
    pub direct: Option<Direct>,
    /// The program that installed it.
    pub installer: Option<String>,
}

/// Where a distribution came from that is of no index: no pin leads to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Direct {
    /// The address, without a password.
    pub url: String,
    /// What that is.
    pub kind: &'static str,
}

impl fmt::Display for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.url)
    }
}

/// The names that a distribution can be imported by: its modules and packages, and of a namespace that several share
/// the deeper names that are its own (`google.protobuf`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provides(BTreeSet<String>);

impl Provides {
    /// These names.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().collect())
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a module, dotted, is in one of them or is one.
    pub fn holds(&self, module: &str) -> bool {
        let ends = module.match_indices('.').map(|(at, _)| at).chain([module.len()]);
        ends.into_iter().any(|end| self.0.contains(&module[..end]))
    }

    /// Whether a module is a namespace above one of them.
    pub fn is_below(&self, module: &str) -> bool {
        self.0.iter().any(|name| name.strip_prefix(module).is_some_and(|rest| rest.starts_with('.')))
    }
}

impl Distribution {
    /// Reads a distribution, or says why that cannot be.
    pub fn read(texts: &Texts) -> Result<Self, String> {
        let written = header(&texts.metadata, "name").ok_or("its metadata names no package")?.to_owned();
        let version = header(&texts.metadata, "version").ok_or("its metadata names no version")?;
        let name: ModuleName =
            written.parse().map_err(|error: crate::module::BadModule| error.to_string())?;
        let version: ModuleVersion =
            version.parse().map_err(|error: crate::module::BadModule| error.to_string())?;
        let mut files = texts.record.as_deref().map(record::parse).unwrap_or_default();
        if files.is_empty() {
            files = texts.installed_files.as_deref().map(record::installed_files).unwrap_or_default();
        }
        let namespaces: BTreeSet<&str> = words(texts.namespace_packages.as_deref()).collect();
        let mut provides = record::provides(&files, &namespaces);
        // Of a shared namespace this names what is everybody's, so it counts only where no file is known.
        if provides.is_empty() {
            let is_name = |name: &&str| record::is_module_name(name) && !namespaces.contains(name);
            let top_level = words(texts.top_level.as_deref()).filter(is_name);
            provides = Provides::new(top_level.map(str::to_owned));
        }
        let installer = words(texts.installer.as_deref()).next().map(str::to_owned);
        // conda writes the folder there that it was built in; what was built is a release.
        let direct =
            texts.direct_url.as_deref().filter(|_| installer.as_deref() != Some("conda")).map(direct);
        // Of an editable install the files lie elsewhere; mostly they are called like the package.
        if provides.is_empty() && direct.as_ref().is_some_and(|direct| direct.kind == EDITABLE) {
            provides = Provides::new([name.as_str().replace('-', "_")]);
        }
        let entry_points = texts.entry_points.as_deref().map(entry_point::parse).unwrap_or_default();
        Ok(Self { id: ModuleId { name, version }, written, provides, entry_points, files, direct, installer })
    }
}

/// The lines of a text, trimmed, without those that are empty.
fn words(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty())
}

/// The first header of a name ("Core metadata specifications": as in mail). A line that goes on is never a name or a
/// version, so it is passed over.
fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let headers = text.lines().take_while(|line| !line.trim().is_empty());
    headers
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
        .filter(|value| !value.is_empty())
}

/// What an editable install came from.
const EDITABLE: &str = "the folder of an editable install,";

#[derive(Deserialize)]
struct DirectUrl {
    url: String,
    dir_info: Option<DirInfo>,
    vcs_info: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct DirInfo {
    #[serde(default)]
    editable: bool,
}

/// What a `direct_url.json` says. One that cannot be read still says that it came from no index.
fn direct(text: &str) -> Direct {
    let Ok(DirectUrl { url, dir_info, vcs_info }) = serde_json::from_str(text) else {
        return Direct { url: String::new(), kind: "an address that cannot be read" };
    };
    let kind = match (dir_info, vcs_info) {
        (Some(DirInfo { editable: true }), _) => EDITABLE,
        (Some(_), _) => "the folder",
        (_, Some(_)) => "the repository",
        _ => "the archive",
    };
    let plain: String = url.chars().filter(|c| !c.is_control()).collect();
    let url = match plain.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.find('/').unwrap_or(rest.len());
            let user = rest[..host].rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[user..])
        }
        None => plain,
    };
    Direct { url, kind }
}

#[cfg(test)]
mod tests;
