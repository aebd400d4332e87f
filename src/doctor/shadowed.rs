//! `shadowed`: inside the environment a name does not run the environment's copy.

use std::ffi::OsStr;

use super::{Check, Finding, Remedy, Scene, Severity};
use crate::environment::path_inside;
use crate::fault::Result;
use crate::fs;
use crate::process;

/// The check.
pub(super) struct Shadowed;

impl Check for Shadowed {
    fn id(&self) -> &'static str {
        "shadowed"
    }

    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let Some(survey) = scene.survey() else { return Ok(Vec::new()) };
        let finding = |subject: String, message: String, words: String| Finding {
            check: self.id(),
            severity: Severity::Warning,
            subject,
            message,
            remedy: Remedy::User(words),
        };
        let root = scene.environment.layout().root();
        let bin = scene.environment.layout().bin();
        let inside = path_inside(root, &scene.context.path, scene.context.cargo_home().ok());
        let active = match &scene.context.active {
            Some(folder) if fs::is_folder(folder)? => fs::canonical(folder)? == fs::canonical(root)?,
            _ => false,
        };
        let mut found = Vec::new();
        for name in survey.tool_receipts.iter().flat_map(|receipt| receipt.bins.keys()) {
            let ours = bin.join(name);
            if !fs::is_file(&ours)? {
                continue;
            }
            let runs = |path: &OsStr| process::find(OsStr::new(name), path, root);
            let first = runs(&inside);
            if first.as_deref() != Some(ours.as_path()) {
                let other = first.map_or("nothing".to_owned(), |path| path.display().to_string());
                found.push(finding(
                    name.clone(),
                    format!("`envtool run -- {name}` runs {other} and not the environment's"),
                    "give the project a folder whose name holds no separator of PATH".to_owned(),
                ));
            } else if active && runs(&scene.context.path).as_deref() != Some(ours.as_path()) {
                let other =
                    runs(&scene.context.path).map_or("nothing".to_owned(), |path| path.display().to_string());
                found.push(finding(
                    name.clone(),
                    format!("in this shell, where the environment is activated, it runs {other}: something came before it on PATH"),
                    "activate again (`deactivate`, then `. .envtool/bin/activate`), and look for what changes PATH in your shell's start-up files".to_owned(),
                ));
            }
            if let Some(command) = name.strip_prefix("cargo-")
                && let Some(place) = scene.config()?.alias(command)?
            {
                found.push(finding(
                    format!("cargo {command}"),
                    format!("it is an alias ({place}), which counts more than the environment's `{name}`"),
                    format!("rename the alias, or call `{name}` itself"),
                ));
            }
        }
        Ok(found)
    }
}
