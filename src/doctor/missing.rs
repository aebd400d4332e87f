//! `missing`: in the lock and not in the environment, or there at another release.

use super::{Check, Finding, Remedy, Scene, Severity, Step};
use crate::fault::Result;
use crate::fs;
use crate::manifest::Link;
use crate::receipt::Identity;

/// The check.
pub(super) struct Missing;

impl Check for Missing {
    fn id(&self) -> &'static str {
        "missing"
    }

    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let Some(survey) = scene.survey() else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        let mut report = |subject: String, message: String| {
            found.push(Finding {
                check: self.id(),
                severity: Severity::Error,
                subject,
                message,
                remedy: Remedy::step(Step::Sync),
            });
        };
        let added = survey.plan.as_ref().map(|plan| plan.added.clone()).unwrap_or_default();
        for package in &added {
            let is_wanted = |held: &Identity| {
                survey.wanted.iter().any(|wanted| wanted.package == *package && wanted.identity == *held)
            };
            let receipt = survey.receipts.iter().find(|(_, receipt)| receipt.package == *package);
            let message = match receipt.map(|(_, receipt)| receipt.identity()) {
                None => "the lock names it, and the environment does not hold it",
                Some(held) if is_wanted(&held) => "its place in .envtool is empty, or holds something else",
                Some(_) => "the lock names another release of it than the environment holds",
            };
            report(package.to_string(), message.to_owned());
        }
        if scene.project.manifest.env.link == Link::Symlink {
            for one in scene.crates()? {
                if !one.stored.folder && !added.contains(&one.wanted.package) {
                    report(
                        one.wanted.package.to_string(),
                        "its link leads nowhere: the store no longer holds it".to_owned(),
                    );
                }
            }
        }
        for row in &survey.tools {
            let receipt = survey.tool_receipts.iter().find(|receipt| receipt.package == row.id());
            let Some(receipt) =
                receipt.filter(|receipt| row.digest().is_ok_and(|digest| digest == receipt.row))
            else {
                report(
                    row.id().to_string(),
                    "the lock names this tool, and the environment does not hold it".to_owned(),
                );
                continue;
            };
            for name in receipt.bins.keys() {
                let link = scene.environment.layout().bin().join(name);
                if !fs::is_file(&link)? {
                    report(
                        format!("{} ({name})", row.id()),
                        format!(
                            "its executable `{name}` is gone from .envtool/bin, or from the store behind it"
                        ),
                    );
                }
            }
        }
        for held in scene.venvs()? {
            for one in &held.absent {
                report(one.subject.clone(), one.message.clone());
            }
        }
        Ok(found)
    }
}
