//! `bypassed`: a line of cargo's configuration leads past the environment, or its own entry is not where it belongs.

use super::{Check, Finding, Remedy, Scene, Severity, Step};
use crate::cargo::entry;
use crate::cargo_include::State;
use crate::fault::Result;

/// The check.
pub(super) struct Bypassed;

impl Check for Bypassed {
    fn id(&self) -> &'static str {
        "bypassed"
    }

    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let Some(survey) = scene.survey() else { return Ok(Vec::new()) };
        let finding = |subject: String, message: String, remedy: Remedy| Finding {
            check: self.id(),
            severity: Severity::Warning,
            subject,
            message,
            remedy,
        };
        let mut found = Vec::new();
        if !scene.project.manifest.env.isolate || survey.sources.is_empty() {
            return Ok(found);
        }
        let (file, state) = entry::state(&scene.project.layout)?;
        let why = match state {
            State::Present => None,
            State::Absent => Some("does not include the environment".to_owned()),
            State::NotLast => Some("includes something after the environment, which counts more".to_owned()),
            State::NotOptional => Some(
                "includes the environment without `optional = true`: where it is absent, cargo stops"
                    .to_owned(),
            ),
            State::Twice => Some("includes the environment twice, which cargo takes for a cycle".to_owned()),
            State::InTable(table) => {
                Some(format!("includes the environment in the table [{table}], where cargo does not see it"))
            }
        };
        if let Some(why) = why {
            let message = format!("{why}: cargo builds from its own registry");
            found.push(finding(file.display().to_string(), message, Remedy::step(Step::ConfigEntry)));
        }
        let home = scene.context.cargo_home()?;
        for bypass in survey.bypasses(scene.config()?, scene.project, home)? {
            let message = format!(
                "replaces the source `{}` by `{}`: cargo takes its crates from there and not from the environment",
                bypass.source, bypass.by
            );
            let words = format!("remove that `replace-with` ({})", bypass.place);
            found.push(finding(bypass.place.to_string(), message, Remedy::User(words)));
        }
        Ok(found)
    }
}
