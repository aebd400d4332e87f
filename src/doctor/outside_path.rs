//! `outside-path`: dependencies, patches and configuration that leave the project: another machine does not have them.

use super::{Check, Finding, Remedy, Scene, Severity};
use crate::cargo_manifest;
use crate::fault::Result;
use crate::fs;
use crate::resolve;

/// The check.
pub(super) struct OutsidePath;

impl Check for OutsidePath {
    fn id(&self) -> &'static str {
        "outside-path"
    }

    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let root = scene.project.layout.root();
        if !scene.project.is_cargo {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for manifest in resolve::manifests(root, &[])? {
            let file = root.join(&manifest);
            if !file.starts_with(root) {
                continue;
            }
            let folder = file.parent().unwrap_or(root);
            for path in cargo_manifest::paths(&fs::read(&file)?.unwrap_or_default()) {
                let target = fs::lexical(&folder.join(&path));
                if !target.starts_with(root) {
                    found.push(Finding {
                        check: self.id(),
                        severity: Severity::Info,
                        subject: format!("{}: {}", manifest.display(), path.display()),
                        message: format!(
                            "it leads out of the project, to {}: a clone on another machine does not have it",
                            target.display()
                        ),
                        remedy: Remedy::User(
                            "bring it into the project, or depend on it by git or by a release".to_owned(),
                        ),
                    });
                }
            }
        }
        Ok(found)
    }
}
