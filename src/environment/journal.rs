//! What a change that was decided does, as it lies in `journal/sync.json` until it is done.
//!
//! It names folders, receipts, the kinds of file beside the environment, files of others inside it and scripts of the
//! project whose first line changes, never a path that leads out: an environment may have been moved, copied or sent by a
//! stranger since. [`Journal::is_ours`] refuses every other name.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::line::Line;
use crate::digest::Digest;
use crate::layout::{BIN, ProjectLayout, TOOLS, is_crate_folder, is_own, is_venv_folder};

/// What is to be done, in order.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Journal {
    /// Whether `cargo.toml` goes, without another in its place.
    pub(super) drop_cargo_toml: bool,
    /// Folders that take the place of those of the same name.
    pub(super) folders: Vec<Folder>,
    /// Receipts to remove: folder and file.
    pub(super) receipts_gone: Vec<(String, String)>,
    /// Folders that nothing names any more.
    pub(super) folders_gone: Vec<String>,
    /// Files beside the environment that are written last.
    pub(super) files: Vec<Beside>,
    /// Folders of receipts that go where they are empty.
    #[serde(default)]
    pub(super) receipt_folders_gone: Vec<String>,
    /// Files beside the environment that go.
    #[serde(default)]
    pub(super) files_gone: Vec<Beside>,
    /// First lines of scripts of the project that are replaced.
    #[serde(default)]
    pub(super) lines: Vec<Line>,
    /// Whether the folder `.cargo` goes where it is empty.
    #[serde(default)]
    pub(super) cargo_folder_gone: bool,
    /// Which fix this is: what it replaces is kept.
    #[serde(default)]
    pub(super) keep: Option<u32>,
    /// Which fix this takes back.
    #[serde(default)]
    pub(super) from: Option<u32>,
}

/// A folder that takes the place of the one of the same name.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Folder {
    pub(super) name: String,
    /// The new folder's identity on its file system: which of the two lies where.
    pub(super) identity: Option<u64>,
    /// What has a receipt in the old one. Everything else in it is somebody else's, and is taken over.
    pub(super) ours: BTreeSet<String>,
}

/// A file of the project beside its environment. The journal names it by what it is and not by its path: an
/// environment may have been moved, copied or sent by a stranger since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Beside {
    /// `envtool.toml`.
    Manifest,
    /// `envtool.lock`.
    Lock,
    /// `Cargo.lock`.
    CargoLock,
    /// `.cargo/config.toml`.
    CargoConfig,
    /// `.cargo/config`.
    LegacyCargoConfig,
    /// `.envtool/.crates2.json`, which is cargo's.
    CargoRecord,
    /// `.envtool/.crates.toml`, which is cargo's.
    OldCargoRecord,
    /// A file that somebody else put into the environment, by its path in there.
    Theirs(PathBuf),
}

impl Beside {
    /// Those that any fix may change. cargo's records are kept by the fix that changes them: whoever installs something
    /// later writes them too, and that stands in no other's way.
    pub(super) const ALL: [Self; 5] =
        [Self::Manifest, Self::Lock, Self::CargoLock, Self::CargoConfig, Self::LegacyCargoConfig];

    /// Where it lies in a project.
    pub fn path(&self, project: &ProjectLayout) -> PathBuf {
        match self {
            Self::Manifest => project.manifest(),
            Self::Lock => project.lock(),
            Self::CargoLock => project.cargo_lock(),
            Self::CargoConfig => project.cargo_config(),
            Self::LegacyCargoConfig => project.legacy_cargo_config(),
            Self::Theirs(path) => project.environment().root().join(path),
            Self::CargoRecord => project.environment().cargo_record(),
            Self::OldCargoRecord => project.environment().old_cargo_record(),
        }
    }

    pub(super) fn staged(&self) -> String {
        let name = match self {
            Self::Manifest => "beside-manifest",
            Self::Lock => "beside-lock",
            Self::CargoLock => "beside-cargo-lock",
            Self::CargoConfig => "beside-cargo-config",
            Self::LegacyCargoConfig => "beside-legacy-cargo-config",
            Self::CargoRecord => "beside-cargo-record",
            Self::OldCargoRecord => "beside-old-cargo-record",
            Self::Theirs(path) => {
                return format!("theirs-{}", Digest::of(path.as_os_str().as_encoded_bytes()).short(32));
            }
        };
        name.to_owned()
    }

    /// Whether it is not a path that leads to what is envtool's own, or out of the environment.
    pub(super) fn is_ours(&self) -> bool {
        let Self::Theirs(path) = self else { return true };
        let first = path.components().next().and_then(|first| first.as_os_str().to_str());
        path.components().all(|part| matches!(part, Component::Normal(_)))
            && first.is_some_and(|first| first == BIN && path != Path::new(BIN) || !is_own(first))
    }
}

/// What a file held: text, or bytes where it is none.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|error| Self::Bytes(error.into_bytes()), Self::Text)
    }
}

impl Content {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl Journal {
    /// The files beside the environment that a fix keeps, or has to find again to be taken back.
    pub(super) fn kept_files(&self) -> Vec<Beside> {
        let more = self.files.iter().chain(&self.files_gone).filter(|file| !Beside::ALL.contains(file));
        Beside::ALL.iter().chain(more).cloned().collect()
    }

    /// Whether every name in it is one that envtool writes: what lies on disk may come from a stranger.
    pub(super) fn is_ours(&self) -> bool {
        let changed = self.folders.iter().map(|folder| &folder.name).filter(|name| *name != BIN);
        self.receipts_gone.iter().all(|(folder, file)| is_receipt(folder, file))
            && self.receipt_folders_gone.iter().all(|name| is_receipts(name))
            && self.lines.iter().all(Line::is_ours)
            && changed.chain(&self.folders_gone).all(|name| is_crate_folder(name) || is_venv_folder(name))
            && self.files.iter().chain(&self.files_gone).all(Beside::is_ours)
    }
}

/// Whether a folder of receipts has a name that is ours.
pub(super) fn is_receipts(name: &str) -> bool {
    name == TOOLS || is_crate_folder(name) || is_venv_folder(name)
}

/// Whether a receipt's folder and file have names that are ours.
pub(super) fn is_receipt(folder: &str, file: &str) -> bool {
    is_receipts(folder) && !file.contains(['/', '\\']) && file.strip_suffix(".json").is_some()
}
