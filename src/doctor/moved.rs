//! `moved`: paths of others that point to where the environment used to be.
//!
//! Nothing of envtool's own holds an absolute path. What others put into `bin/` may: a script whose first line names an
//! interpreter in the old place, one with a path in its text.

use std::path::Path;

use super::{Check, Finding, Remedy, Scene, Severity, Step};
use crate::fault::Result;
use crate::fs;

/// The check.
pub(super) struct Moved;

/// The longest file that is read for a path: scripts are short.
const LONGEST: u64 = 1_000_000;

impl Check for Moved {
    fn id(&self) -> &'static str {
        "moved"
    }

    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let layout = scene.environment.layout();
        let here = fs::canonical(layout.root())?;
        let known = scene.store.known(&scene.environment.record().id)?;
        let before: Vec<_> =
            known.places.iter().filter(|place| **place != here && !place.starts_with(&here)).collect();
        let mut found = Vec::new();
        if before.is_empty() {
            return Ok(found);
        }
        for (name, target) in scene.environment.bin()? {
            let path = layout.bin().join(&name);
            if target.is_some()
                || !fs::metadata(&path)?.is_some_and(|about| about.is_file() && about.len() <= LONGEST)
            {
                continue;
            }
            let Some(text) = fs::read(&path)?.and_then(|bytes| String::from_utf8(bytes).ok()) else {
                continue;
            };
            let Some(old) = before.iter().find(|place| holds(&text, place)) else { continue };
            // One that is there is another environment, and may be meant.
            if fs::is_folder(old)? {
                continue;
            }
            let name = name.to_string_lossy().into_owned();
            found.push(Finding {
                check: self.id(),
                severity: Severity::Warning,
                subject: format!(".envtool/bin/{name}"),
                message: format!("it names {}, where this environment used to be", old.display()),
                remedy: Remedy::Steps(vec![
                    Step::Rewrite { name, from: (*old).clone(), to: here.clone() },
                    Step::Sync,
                ]),
            });
        }
        Ok(found)
    }
}

/// Whether a text names a place, and not one whose name only begins like it.
fn holds(text: &str, place: &Path) -> bool {
    let Some(place) = place.to_str() else { return false };
    text.match_indices(place).any(|(at, _)| {
        !text[at + place.len()..].starts_with(|c: char| c.is_alphanumeric() || "-_.".contains(c))
    })
}
