//! Receipts: what one pin put into this environment, and how it came. One JSON file a pin.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::manifest::Link;
use crate::module::ModuleId;
use crate::package::{PackageId, is_executable_name};

/// What one crate put into an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Its name and version.
    #[serde(flatten)]
    pub package: PackageId,
    /// Where it comes from, for people.
    pub source: String,
    /// The SHA-256 of its archive, for a package of a registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Digest>,
    /// The commit, for a package from git.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The digest of the unpacked tree: of every file's name, mode, size and content.
    pub tree: Digest,
    /// How it came from the store into the environment.
    pub link: Link,
    /// Whether it is whole: a stub stands for a crate whose manifest this cargo cannot read.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub whole: bool,
}

fn yes() -> bool {
    true
}

/// What one tool put into an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolReceipt {
    /// Its name and version.
    #[serde(flatten)]
    pub package: PackageId,
    /// Where it comes from, for people.
    pub source: String,
    /// The SHA-256 of its archive.
    pub checksum: Digest,
    /// The digest of the row of the lock that it was installed for.
    pub row: Digest,
    /// How its executables came.
    pub how: How,
    /// Under which key they lie in the store.
    pub key: Digest,
    /// Its executables in `bin/`, with the SHA-256 of each.
    pub bins: BTreeMap<String, Digest>,
    /// What built it: the first line of `rustc -vV`; empty for what was taken over.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rustc: String,
}

/// How executables came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// Built from source, on this machine.
    Built,
    /// Taken over from the machine: nobody vouches that they are what the source would become.
    Adopted,
}

/// What one Python package put into a venv.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleReceipt {
    /// Its name and version.
    #[serde(flatten)]
    pub module: ModuleId,
    /// Where it comes from, for people.
    pub source: String,
    /// The digest of what the lock's row says of its files.
    pub row: Digest,
    /// The SHA-256 of the file of that row which was installed; absent where its tags fit several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Digest>,
    /// Whether its source distribution was built here; else its wheel was downloaded.
    #[serde(default)]
    pub built: bool,
    /// The digest of every file that it put into the venv: of name and content.
    pub files: Digest,
    /// The names that it has among the venv's modules.
    pub names: BTreeSet<String>,
    /// Its executables in `bin/`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub bins: BTreeSet<String>,
}

impl ModuleReceipt {
    /// Reads a receipt, as [`ToolReceipt::parse`] does.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self> {
        let receipt: Self = parse(bytes, name)?;
        refuse_paths(&receipt.bins, name)?;
        Ok(receipt)
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        to_bytes(self, &self.module)
    }

    /// The name of its file.
    pub fn file_name(&self) -> String {
        format!("{}-{}.json", self.module.name, self.module.version)
    }
}

impl ToolReceipt {
    /// Reads a receipt. `name` is how errors name the file. A receipt may come from a stranger, and its names become
    /// paths: one that is no name of an executable is refused.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self> {
        let receipt: Self = parse(bytes, name)?;
        refuse_paths(receipt.bins.keys(), name)?;
        Ok(receipt)
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        to_bytes(self, &self.package)
    }
}

/// What to do about a receipt that cannot be read.
const UNREADABLE: &str = "remove that file and run `envtool sync`, which makes it again";

fn refuse_paths<'a>(bins: impl IntoIterator<Item = &'a String>, name: &str) -> Result<()> {
    match bins.into_iter().find(|bin| !is_executable_name(bin)) {
        None => Ok(()),
        Some(bad) => Err(Fault::new(format!("could not read the receipt {name}"))
            .why(format!("{bad:?} is no name of an executable"))
            .help(UNREADABLE)),
    }
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8], name: &str) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        Fault::new(format!("could not read the receipt {name}")).because(&error).help(UNREADABLE)
    })
}

fn to_bytes(receipt: &impl Serialize, package: &impl fmt::Display) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(receipt)
        .map_err(|error| Fault::bug(format!("could not write the receipt of {package}")).because(&error))?;
    bytes.push(b'\n');
    Ok(bytes)
}

impl Receipt {
    /// Reads a receipt. `name` is how errors name the file.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self> {
        parse(bytes, name)
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        to_bytes(self, &self.package)
    }

    /// What tells this package from another release of it: its checksum or its commit.
    pub fn identity(&self) -> Identity {
        match (&self.checksum, &self.commit) {
            (Some(checksum), _) => Identity::Checksum(*checksum),
            (None, Some(commit)) => Identity::Commit(commit.clone()),
            (None, None) => Identity::Tree(self.tree),
        }
    }
}

impl Receipt {
    /// The name of its folder in the environment.
    pub fn entry(&self) -> String {
        self.identity().entry(&self.package)
    }
}

/// What tells one release of a package from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The SHA-256 of its archive.
    Checksum(Digest),
    /// Its commit.
    Commit(String),
    /// Only what was unpacked.
    Tree(Digest),
}

impl Identity {
    /// The name of a crate's folder in an environment: `NAME-VERSION`, and the commit for one from git. cargo compiles a
    /// folder's crate anew where its path is another, and takes it for the same where only its content is.
    pub fn entry(&self, package: &PackageId) -> String {
        match self {
            Self::Commit(commit) => {
                format!("{}-{}", package.folder(), commit.chars().take(8).collect::<String>())
            }
            Self::Checksum(_) | Self::Tree(_) => package.folder(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Identity, Receipt, ToolReceipt};
    use crate::digest::Digest;
    use crate::manifest::Link;

    #[test]
    fn a_receipt_comes_back_as_it_was_written() {
        let receipt = Receipt {
            package: crate::package::PackageId {
                name: "a".parse().unwrap(),
                version: "1.0.0".parse().unwrap(),
            },
            source: "crates.io".into(),
            checksum: Some(Digest::of(b"a")),
            commit: None,
            tree: Digest::of(b"t"),
            link: Link::Symlink,
            whole: true,
        };
        let bytes = receipt.to_bytes().unwrap();
        assert_eq!(Receipt::parse(&bytes, "r").unwrap(), receipt);
        assert_eq!(receipt.identity(), Identity::Checksum(Digest::of(b"a")));
        assert!(Receipt::parse(b"{", "r").unwrap_err().to_string().contains("the receipt r"));
    }

    #[test]
    fn a_tool_has_no_executable_that_is_a_path() {
        for (name, is_fine) in
            [("a", true), ("cargo-a.exe", true), ("../a", false), ("/a", false), ("a/b", false), ("", false)]
        {
            let digest = Digest::of(b"a");
            let bytes = serde_json::json!({
                "name": "a", "version": "1.0.0", "source": "crates.io", "checksum": digest, "row": digest,
                "how": "adopted", "key": digest, "bins": {(name): digest},
            });
            let read = ToolReceipt::parse(bytes.to_string().as_bytes(), "r");
            assert_eq!(read.is_ok(), is_fine, "{name}");
        }
    }
}
