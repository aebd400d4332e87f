//! The Simple API of PyPI, for a mirror: an upstream's answer is read, the mirror's own is written.
//!
//! Python packaging specifications, "Simple repository API" (PEP 503, 592, 629, 658, 691, 700, 714 and 792). Of an
//! answer only what can be checked is taken over: a file with a name that is no plain name, or with an address that is
//! not of the web, is left out, and so is a digest that is not SHA-256. Everything else of an answer stays behind.

mod accept;
mod read;
mod write;

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::module::{ModuleName, ModuleVersion};

pub use accept::{ACCEPT, Format};
pub use read::read;
pub use write::{names_to_html, names_to_json};

/// What a release is marked with when the upstream no longer lists it and the mirror still holds it.
pub const REMOVED: &str = "removed from the upstream index";

/// What archives of Python packages end in: those that pip and uv install from, and eggs.
const ENDINGS: [&str; 10] =
    [".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar.zst", ".tbz", ".tar", ".egg"];

/// What the address of a file's metadata ends in (PEP 658).
const METADATA: &str = ".metadata";

/// The longest name of a file, in bytes: with `.metadata` behind it, it is still one for a file system.
const LONGEST: usize = 246;

/// The name of an archive of a release: letters and digits of ASCII, `-`, `_`, `.`, `+` and `!`, with an ending that
/// is known. So it is one segment of a path and a plain file name on every system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileName(String);

impl FileName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the last segment of a request's path asks for, once it is percent-decoded. `None`: nothing that a mirror
    /// has.
    pub fn asked(segment: &str) -> Option<(Self, Part)> {
        match segment.strip_suffix(METADATA) {
            Some(name) => Some((name.parse().ok()?, Part::Metadata)),
            None => Some((segment.parse().ok()?, Part::Archive)),
        }
    }

    /// The version in the name, where there is one.
    fn version(&self) -> Option<ModuleVersion> {
        let ending = ENDINGS.iter().find(|ending| self.0.ends_with(**ending))?;
        let stem = self.0.strip_suffix(ending)?;
        let version = match *ending {
            ".whl" | ".egg" => stem.split('-').nth(1)?,
            _ => stem.rsplit_once('-')?.1,
        };
        version.parse().ok()
    }
}

/// Which part of a file is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The archive.
    Archive,
    /// The METADATA of a wheel, on its own (PEP 658).
    Metadata,
}

/// Why a text is no [`FileName`].
#[derive(Debug, PartialEq, Eq)]
pub struct NotAFile;

impl fmt::Display for NotAFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("that is not the name of an archive of a Python package")
    }
}

impl std::error::Error for NotAFile {}

impl FromStr for FileName {
    type Err = NotAFile;

    fn from_str(text: &str) -> Result<Self, NotAFile> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+!".contains(c);
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let ends = ENDINGS.iter().any(|ending| text.ends_with(ending));
        match text.len() <= LONGEST && begins && ends && text.chars().all(plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(NotAFile),
        }
    }
}

impl TryFrom<String> for FileName {
    type Error = NotAFile;

    fn try_from(text: String) -> Result<Self, NotAFile> {
        text.parse()
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One file of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name.
    pub name: FileName,
    /// Where the upstream has it: `http` or `https`, absolute, without a fragment. Where that is the index's own
    /// server, user and password are left out: who asks it has them, and a cache need not.
    pub url: String,
    /// Its SHA-256. Without one a mirror could not verify the file, and does not offer it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// Its size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Which Pythons it is for, as its author wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires_python: Option<String>,
    /// Taken back, and why; the reason may be empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<String>,
    /// The SHA-256 of its METADATA, which then lies beside it. One without a digest is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Digest>,
    /// When it was uploaded: UTC, as RFC 3339 writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploaded: Option<String>,
}

impl File {
    /// Where the upstream has its METADATA. `None`: nowhere, or nobody could verify it.
    pub fn metadata_url(&self) -> Option<String> {
        self.metadata?;
        let (path, query) = self.url.split_once('?').map_or((self.url.as_str(), None), |(p, q)| (p, Some(q)));
        Some(match query {
            Some(query) => format!("{path}{METADATA}?{query}"),
            None => format!("{path}{METADATA}"),
        })
    }
}

/// How a project is, beside active (PEP 792).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing new is to be expected.
    Archived,
    /// Unsafe: none of its files may be offered.
    Quarantined,
    /// Another project should be used instead.
    Deprecated,
}

impl State {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Archived => "archived",
            Self::Quarantined => "quarantined",
            Self::Deprecated => "deprecated",
        }
    }
}

/// A [`State`] and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// How the project is.
    pub state: State,
    /// Why, where somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What an index says of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its name.
    pub name: ModuleName,
    /// Its files, in the upstream's order, each name once.
    pub files: Vec<File>,
    /// Its versions, where the upstream lists them.
    #[serde(default)]
    pub versions: Vec<String>,
    /// How it is; `None`: active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

impl Project {
    /// A project without files: what is left of one that the upstream does not have any more.
    pub fn empty(name: ModuleName) -> Self {
        Self { name, files: Vec::new(), versions: Vec::new(), status: None }
    }

    /// The files that a mirror offers: those that it can verify, and none of a project in quarantine.
    pub fn offered(&self) -> impl Iterator<Item = &File> {
        let safe = self.status.as_ref().is_none_or(|status| status.state != State::Quarantined);
        self.files.iter().filter(move |file| safe && file.sha256.is_some())
    }

    /// The file of that name, where it is offered.
    pub fn file(&self, name: &FileName) -> Option<&File> {
        self.offered().find(|file| file.name == *name)
    }

    /// This answer, with those files of the one before it that the upstream no longer lists and the mirror holds: a
    /// lock that names one goes on working, and nobody chooses it anew.
    #[must_use]
    pub fn keeping(mut self, before: Self, held: impl Fn(&File) -> bool) -> Self {
        let listed: HashSet<FileName> = self.files.iter().map(|file| file.name.clone()).collect();
        let mut kept = HashSet::new();
        for mut file in before.files.into_iter().filter(|file| !listed.contains(&file.name) && held(file)) {
            kept.extend(file.name.version());
            file.yanked = Some(REMOVED.to_owned());
            self.files.push(file);
        }
        let known: HashSet<String> = self.versions.iter().cloned().collect();
        let of_kept = |version: &str| version.parse().is_ok_and(|version| kept.contains(&version));
        let again =
            before.versions.into_iter().filter(|version| !known.contains(version) && of_kept(version));
        self.versions.extend(again);
        self
    }
}

#[cfg(test)]
mod tests;
