//! `extra`: in the environment without a receipt, or with one that the lock no longer names.

use std::collections::BTreeSet;
use std::ffi::OsString;

use super::{Check, Finding, Remedy, Scene, Severity, Step};
use crate::environment;
use crate::fault::Result;

/// The check.
pub(super) struct Extra;

impl Check for Extra {
    fn id(&self) -> &'static str {
        "extra"
    }

    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let Some(survey) = scene.survey() else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        let mut report = |subject: String, message: &str, remedy: Remedy| {
            found.push(Finding {
                check: self.id(),
                severity: Severity::Warning,
                subject,
                message: message.to_owned(),
                remedy,
            });
        };
        // 1. What a sync would take away.
        let gone = survey.plan.as_ref().map(|plan| plan.removed.clone()).unwrap_or_default();
        for package in gone {
            report(package.to_string(), "the lock no longer names it", Remedy::step(Step::Sync));
        }
        for receipt in &survey.tool_receipts {
            if !survey.tools.iter().any(|row| row.name == receipt.package.name) {
                report(
                    receipt.package.to_string(),
                    "the lock no longer names this tool",
                    Remedy::step(Step::Sync),
                );
            }
        }
        // 2. What nobody put there.
        for (folder, entries) in &survey.listing.folders {
            let ours: BTreeSet<OsString> = survey
                .receipts
                .iter()
                .filter(|(at, _)| at == folder)
                .map(|(_, receipt)| receipt.entry().into())
                .chain(
                    survey
                        .wanted
                        .iter()
                        .filter(|one| one.source.folder() == *folder)
                        .map(|one| one.entry().into()),
                )
                .collect();
            for name in entries.keys().filter(|name| !ours.contains(*name)) {
                let path = format!(".envtool/{folder}/{}", name.display());
                let words =
                    format!("take it away: `rm -r {path}`; to depend on it, `envtool add NAME@VERSION`");
                report(
                    path,
                    "it lies among the crates, and envtool did not put it there: cargo reads it",
                    Remedy::User(words),
                );
            }
        }
        let tools: BTreeSet<&str> =
            survey.tool_receipts.iter().flat_map(|receipt| receipt.bins.keys().map(String::as_str)).collect();
        for name in scene.environment.bin()?.keys() {
            let text = name.to_string_lossy();
            if !tools.contains(text.as_ref()) && !environment::is_script(&text) {
                let path = format!(".envtool/bin/{text}");
                let words = format!(
                    "pin it: `envtool add PACKAGE` (after `rm {path}`); or take it away: `rm {path}`"
                );
                report(
                    path,
                    "nothing that is pinned owns it: a clone of the project will not have it",
                    Remedy::User(words),
                );
            }
        }
        Ok(found)
    }
}
