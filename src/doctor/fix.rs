//! Carrying remedies out: the steps of all findings, each once, as one change that can be taken back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use super::{Finding, Step, moved};
use crate::context::Context;
use crate::environment::changed_meanwhile;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::manifest::{Pin, Section, ToolPin, with_pin};
use crate::process::Program;
use crate::project::Project;
use crate::sync::session::Fixing;
use crate::sync::{self, Edits, Report, Session};

/// What is to be done, each step once: what is dropped first, the sync last.
pub fn plan(findings: &[Finding]) -> Vec<Step> {
    let steps: BTreeSet<Step> = findings.iter().flat_map(|finding| finding.remedy.steps()).cloned().collect();
    steps.into_iter().collect()
}

/// Carries steps out. What is dropped from the store is not brought back by [`undo`]: it was damaged.
/// `rebuild`: tools are built and not taken over.
pub fn carry_out(steps: &[Step], rebuild: bool, project: &Project, context: &Context<'_>) -> Result<Report> {
    let mut session = Session::open(project, context)?;
    let mut next = project.text.clone();
    let layout = session.store.layout();
    let cargo_lock = fs::read_text(&project.layout.cargo_lock())?;
    let mut fixing = Fixing { cargo_lock, ..Fixing::default() };
    for step in steps {
        match step {
            Step::DropTree(key) => fs::remove_tree(&layout.tree_entry(key))?,
            Step::DropArchive(key) => fs::remove_file(&layout.archive(key))?,
            Step::DropBuilt(key) => fs::remove_tree(&layout.built(key))?,
            Step::DropAdopted { digest, name } => fs::remove_file(&layout.adopted(digest, name))?,
            Step::TakeAway { folder, entry } => {
                fixing.distrusted.insert((folder.clone(), entry.clone()));
            }
            Step::Adopt { package, features, default_features, files } => {
                let pin = Pin {
                    version: package.version.clone(),
                    features: features.clone(),
                    default_features: *default_features,
                };
                let pin = ToolPin { pin, bins: Vec::new(), toolchain: None };
                next = with_pin(&next, Section::Tools, &package.name, &pin)?;
                if !rebuild {
                    match starts(files, context) {
                        Ok(()) => drop(fixing.adopted.insert(package.name.clone(), files.clone())),
                        Err(fault) => context
                            .progress
                            .warn(&format!("{package} cannot be taken over, and is built: {fault}")),
                    }
                }
            }
            Step::Rewrite { file, from, to } => {
                let path = project.layout.environment().root().join(file);
                let text = fs::read_text(&path)?.unwrap_or_default();
                let next = moved::rewritten(&text, from, to).ok_or_else(|| changed_meanwhile(&path))?;
                fixing.files.insert(file.clone(), next);
            }
            Step::ConfigEntry => fixing.config_entry = true,
            Step::Sync => {}
        }
    }
    session.fixing = Some(fixing);
    let project = project.with_manifest(next)?;
    sync::sync_with(&session.of(&project), &Edits::default())
}

/// How long a program has to say its version: what takes longer has started.
const LONG_ENOUGH: Duration = Duration::from_secs(3);

/// Whether each executable starts on this machine: what it needs is there, and it answers.
fn starts(files: &BTreeMap<String, PathBuf>, context: &Context<'_>) -> Result<()> {
    for (name, file) in files {
        let ended =
            Program::new(file).arg("--version").set("PATH", &context.path).ends_within(LONG_ENOUGH)?;
        // Not every program knows `--version`, and one that goes on has started; the loader's own failure is 127, and
        // a signal has no code.
        if let Some(status) =
            ended.filter(|status| status.code().is_none_or(|code| code == 126 || code == 127))
        {
            return Err(Fault::new(format!("{name} does not start")).why(status.to_string()));
        }
    }
    Ok(())
}

/// Takes the last fix back. Says whether there was one.
pub fn undo(project: &Project, context: &Context<'_>) -> Result<bool> {
    let session = Session::open(project, context)?;
    session.environment.undo(&session.lock)
}
