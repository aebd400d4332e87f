//! What a verb that changes an environment did, as `--json` shows it: one shape for `init`, `add`, `remove` and `sync`.

use serde::Serialize;

use super::Outcome;
use crate::adding::{Gone, Kind, Named, Pinned, PinnedModule};
use crate::fault::Result;
use crate::layout::ProjectLayout;
use crate::sync::{Came, Report};

/// What was done. Fields are added, never renamed or taken away.
#[derive(Serialize)]
pub(super) struct Done {
    project: String,
    environment: String,
    /// Whether anything is otherwise than before.
    changed: bool,
    /// The pins that the verb was about.
    pins: Vec<Pin>,
    /// Whether a lock was made or changed.
    locked: bool,
    /// Packages that came into the environment.
    added: usize,
    /// Packages that went.
    removed: usize,
    /// Tools that were built from source.
    built: usize,
    /// Archives of crates that were downloaded.
    downloaded: u64,
    downloaded_bytes: u64,
    seconds: f64,
}

/// A pin that came, moved, stayed or went.
#[derive(Debug, Serialize)]
pub(super) struct Pin {
    name: String,
    registry: &'static str,
    kind: &'static str,
    /// The version before; `null` where nothing was pinned, or Cargo.toml held no exact one.
    from: Option<String>,
    /// The version now; `null` where it went.
    to: Option<String>,
}

impl From<&Pinned> for Pin {
    fn from(pinned: &Pinned) -> Self {
        let Pinned { package, kind, before, .. } = pinned;
        Self {
            name: package.name.to_string(),
            registry: "cargo",
            kind: match kind {
                Kind::Crate => "crate",
                Kind::Tool => "tool",
            },
            from: before.as_ref().map(|before| before.trim_start_matches('=').to_owned()),
            to: Some(package.version.to_string()),
        }
    }
}

impl From<&PinnedModule> for Pin {
    fn from(pinned: &PinnedModule) -> Self {
        Self {
            name: pinned.module.name.to_string(),
            registry: "pypi",
            kind: if pinned.is_tool { "tool" } else { "module" },
            from: pinned.before.as_ref().map(ToString::to_string),
            to: Some(pinned.module.version.to_string()),
        }
    }
}

impl From<&Gone> for Pin {
    fn from(gone: &Gone) -> Self {
        let (name, registry) = match &gone.name {
            Named::Any(name) => (name.to_string(), "cargo"),
            Named::Module(name) => (name.to_string(), "pypi"),
        };
        Self { name, registry, kind: gone.kind, from: gone.version.clone(), to: None }
    }
}

impl Done {
    /// What a sync did, and which pins it was for.
    pub(super) fn of(layout: &ProjectLayout, pins: Vec<Pin>, report: &Report) -> Self {
        let moved = report.venvs_remade.len() + report.strays.len();
        Self {
            project: layout.root().display().to_string(),
            environment: layout.environment().root().display().to_string(),
            changed: report.locked
                || pins.iter().any(|pin| pin.from != pin.to)
                || came(report) + went(report) + moved > 0,
            pins,
            locked: report.locked,
            added: came(report),
            removed: went(report),
            built: report.tools.iter().filter(|tool| matches!(tool.how, Came::Built(_))).count(),
            downloaded: report.downloaded,
            downloaded_bytes: report.bytes,
            seconds: report.took.as_secs_f64(),
        }
    }

    /// The same, where files were made too.
    pub(super) fn or_changed(self, changed: bool) -> Self {
        Self { changed: self.changed || changed, ..self }
    }

    /// As what the verb has to say.
    pub(super) fn outcome(&self) -> Result<Outcome> {
        Outcome::json(self)
    }
}

fn came(report: &Report) -> usize {
    report.added.len() + report.tools.len() + report.modules.len()
}

fn went(report: &Report) -> usize {
    report.removed.len() + report.tools_removed.len() + report.modules_removed.len()
}
