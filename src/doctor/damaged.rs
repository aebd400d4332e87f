//! `store`: damaged, half-written entries in the store that this environment uses. A tree that the environment links to
//! is `modified`; here are the archives behind them, by which a doubtful tree is judged.

use super::{Check, Finding, Remedy, Scene, Severity, Step};
use crate::digest::{self, Digest};
use crate::fault::{Fault, Result};
use crate::fs;
use crate::parallel;
use crate::receipt::Identity;

/// The check.
pub(super) struct Damaged;

impl Check for Damaged {
    fn id(&self) -> &'static str {
        "store"
    }

    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let Some(survey) = scene.survey() else { return Ok(Vec::new()) };
        if scene.quick {
            return Ok(Vec::new());
        }
        let mut archives: Vec<(String, Digest)> = survey
            .wanted
            .iter()
            .filter_map(|one| match one.identity {
                Identity::Checksum(checksum) => Some((one.package.to_string(), checksum)),
                Identity::Commit(_) | Identity::Tree(_) => None,
            })
            .collect();
        archives.extend(survey.tools.iter().map(|row| (row.id().to_string(), row.checksum)));
        let store = &scene.store;
        let looked = parallel::each(archives, |(package, checksum)| {
            let Some(path) = store.archive(&checksum)? else { return Ok(None) };
            let Some(file) = fs::open(&path)? else { return Ok(None) };
            let now = digest::of_reader(file)
                .map_err(|error| Fault::new(format!("could not read {}", path.display())).because(&error))?;
            Ok((now != checksum).then_some((package, checksum)))
        })?;
        let mut found: Vec<Finding> = looked
            .into_iter()
            .flatten()
            .map(|(package, checksum)| Finding {
                check: self.id(),
                severity: Severity::Error,
                subject: package,
                message: "its archive in the store is damaged: it does not have the SHA-256 in its name"
                    .to_owned(),
                remedy: Remedy::Steps(vec![Step::DropArchive(checksum), Step::Sync]),
            })
            .collect();
        found.sort_by(|a, b| a.subject.cmp(&b.subject));
        Ok(found)
    }
}
