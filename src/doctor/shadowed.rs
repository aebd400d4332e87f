//! `shadowed`: inside the environment a name does not run the environment's copy.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::{Check, Finding, Remedy, Scene, Severity, shadowed_module};
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
        let searched_by_cargo = searched_by_cargo(scene);
        let again = "activate again (`deactivate`, then `. .envtool/bin/activate`), and look for what changes PATH in your shell's start-up files";
        let mut found = Vec::new();
        let modules = shadowed_module::names(scene)?;
        for name in survey.tool_receipts.iter().flat_map(|receipt| receipt.bins.keys()).chain(&modules) {
            let ours = bin.join(name);
            if !fs::is_file(&ours)? {
                continue;
            }
            let other = |path: &OsStr| other(name, path, root, &bin);
            if let Some(other) = other(&inside)? {
                found.push(finding(
                    name.clone(),
                    format!("`envtool run -- {name}` runs {other} and not the environment's"),
                    "give the project a folder whose name holds no separator of PATH".to_owned(),
                ));
            } else if active && let Some(other) = other(&scene.context.path)? {
                found.push(finding(
                    name.clone(),
                    format!("in this shell, where the environment is activated, it runs {other}: something came before it on PATH"),
                    again.to_owned(),
                ));
            } else if active
                && let Some(command) = name.strip_prefix("cargo-")
                && let Some(other) = other(&searched_by_cargo)?
            {
                found.push(finding(
                    format!("cargo {command}"),
                    format!("in this shell, where the environment is activated, it runs {other}: cargo's own folder is not on PATH, and so counts more"),
                    again.to_owned(),
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
        found.extend(shadowed_module::findings(self.id(), scene)?);
        Ok(found)
    }
}

/// What a name runs where that is not in the environment's `bin`, by whichever path that is reached.
fn other(name: &str, path: &OsStr, root: &Path, bin: &Path) -> Result<Option<String>> {
    let Some(first) = process::find(OsStr::new(name), path, root) else {
        return Ok(Some("nothing".to_owned()));
    };
    let folder = first.parent().unwrap_or(root);
    let is_ours = folder == bin || fs::canonical(folder)? == fs::canonical(bin)?;
    Ok((!is_ours).then(|| first.display().to_string()))
}

/// Where cargo looks for `cargo-NAME`: in its home first, unless that folder is on PATH.
fn searched_by_cargo(scene: &Scene<'_>) -> OsString {
    let path = &scene.context.path;
    let Ok(home) = scene.context.cargo_home() else { return path.clone() };
    let own = home.join("bin");
    let mut folders: Vec<PathBuf> = std::env::split_paths(path).collect();
    if !folders.contains(&own) {
        folders.insert(0, own);
    }
    std::env::join_paths(folders).unwrap_or_else(|_| path.clone())
}
