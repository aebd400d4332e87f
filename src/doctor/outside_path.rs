//! `outside-path`: dependencies, patches and configuration that leave the project: another machine does not have them.

use std::path::Path;

use super::{Check, Finding, Remedy, Scene, Severity};
use crate::cargo_manifest;
use crate::fault::Result;
use crate::fs;

/// The check.
pub(super) struct OutsidePath;

impl Check for OutsidePath {
    fn id(&self) -> &'static str {
        "outside-path"
    }

    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let root = scene.project.layout.root();
        let finding = |subject: String, target: &Path, words: &str| Finding {
            check: self.id(),
            severity: Severity::Info,
            subject,
            message: format!(
                "it leads out of the project, to {}: a clone on another machine does not have it",
                target.display()
            ),
            remedy: Remedy::User(words.to_owned()),
        };
        let mut found = Vec::new();
        for manifest in scene.manifests()?.into_iter().filter(|manifest| manifest.is_relative()) {
            let file = root.join(&manifest);
            let folder = file.parent().unwrap_or(root);
            let bytes = fs::read(&file)?.unwrap_or_default();
            for path in cargo_manifest::paths(&bytes) {
                let target = fs::lexical(&folder.join(&path));
                if !target.starts_with(root) {
                    let place = place(&manifest, &bytes, &path.to_string_lossy());
                    let words = "bring it into the project, or depend on it by git or by a release";
                    found.push(finding(format!("{place}: {}", path.display()), &target, words));
                }
            }
        }
        for named in scene.config()?.named_paths()? {
            let target = fs::lexical(&named.path);
            let inside = named.place.file().and_then(|file| file.strip_prefix(root).ok());
            // Where the crates come from the environment, a source that does not is what `bypassed` says.
            let is_source = named.key.starts_with("source.") && scene.project.manifest.env.isolate;
            if inside.is_none() || target.starts_with(root) || is_source {
                continue;
            }
            let place = named.place.to_string();
            let place = place.strip_prefix(&format!("{}/", root.display())).unwrap_or(&place);
            let words = "bring it into the project, or set it in the configuration of your own cargo home";
            found.push(finding(format!("{place}: {}", named.key), &target, words));
        }
        Ok(found)
    }
}

/// A manifest and the line that names a path, where that is written as it is.
fn place(manifest: &Path, bytes: &[u8], path: &str) -> String {
    let text = String::from_utf8_lossy(bytes);
    let quoted = [format!("\"{path}\""), format!("'{path}'")];
    match text.lines().position(|line| quoted.iter().any(|quoted| line.contains(quoted))) {
        Some(at) => format!("{}:{}", manifest.display(), at + 1),
        None => manifest.display().to_string(),
    }
}
