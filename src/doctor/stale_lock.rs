//! `stale-lock`: manifest and lock differ, or the lock cannot be read.

use super::{Check, Finding, Remedy, Scene, Severity, Step};
use crate::cargo::program::{Agreement, Surroundings};
use crate::fault::Result;
use crate::fs;
use crate::layout::{CARGO_LOCK, ENVIRONMENT, LOCK};
use crate::resolve;
use crate::sync::Survey;
use crate::sync::relock::{self, LockFile};
use crate::sync::session::find_cargo_to_look;

/// The check.
pub(super) struct StaleLock;

impl Check for StaleLock {
    fn id(&self) -> &'static str {
        "stale-lock"
    }

    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let finding = |subject: &str, message: String, remedy: Remedy| Finding {
            check: self.id(),
            severity: Severity::Error,
            subject: subject.to_owned(),
            message,
            remedy,
        };
        let unreadable = relock::unreadable(scene.project);
        if !unreadable.is_empty() {
            return unreadable
                .into_iter()
                .map(|one| {
                    let remedy = match &one.text {
                        Some(text) => again(scene, one.file, text)?,
                        None => Remedy::User(one.fault.help_text().unwrap_or("see what it says").to_owned()),
                    };
                    Ok(finding(one.file.name(), one.fault.to_string(), remedy))
                })
                .collect();
        }
        if let Some(why) = scene.unreadable() {
            return Ok(vec![finding(
                ENVIRONMENT,
                why.to_owned(),
                Remedy::User(
                    "remove the file that cannot be read, and run `envtool sync`, which makes it again"
                        .to_owned(),
                ),
            )]);
        }
        let Some(survey) = scene.survey() else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        if !survey.serves {
            found.push(finding(
                LOCK,
                "it is not what envtool.toml asks for".to_owned(),
                Remedy::step(Step::Sync),
            ));
        }
        if scene.project.is_cargo && !fs::is_file(&scene.project.layout.cargo_lock())? {
            found.push(finding(CARGO_LOCK, "it is not there".to_owned(), Remedy::step(Step::Sync)));
        } else if let Some(why) = differs(scene, survey)? {
            found.push(finding(
                CARGO_LOCK,
                format!("it is not what the manifests ask for{why}"),
                Remedy::step(Step::Sync),
            ));
        }
        Ok(found)
    }
}

/// The steps that make a lock again of which this text is left.
fn again(scene: &Scene<'_>, file: LockFile, text: &str) -> Result<Remedy> {
    let moves = relock::rebuilt(file, text, scene.project, &scene.environment)?.moves;
    Ok(Remedy::Steps(vec![Step::Relock { file, moves }, Step::Sync]))
}

/// Whether Cargo.lock does not serve the manifests, with what cargo says of it where that is more. cargo is asked only where something changed since the
/// last sync, and where the environment holds all that is locked: else `missing` says it.
fn differs(scene: &Scene<'_>, survey: &Survey) -> Result<Option<String>> {
    let layout = &scene.project.layout;
    let held = survey.plan.as_ref().is_ok_and(|plan| plan.added.is_empty());
    if !scene.project.is_cargo || scene.quick || !held {
        return Ok(None);
    }
    let known = scene.store.known(&scene.environment.record().id)?;
    if let Some(stamp) = known.stamp
        && resolve::changed(layout.root(), &stamp.inputs)?.is_none()
    {
        return Ok(None);
    }
    let replacement = scene.environment.layout().cargo_toml();
    if !fs::is_file(&replacement)? {
        return Ok(None);
    }
    let cargo = find_cargo_to_look(layout.root(), scene.context)?;
    let Agreement::Differs(why) =
        cargo.agrees(&layout.cargo_manifest(), &Surroundings::default(), &replacement)?
    else {
        return Ok(None);
    };
    // That it may not change the lock is the answer and no reason.
    let why = why.lines().next().filter(|line| !line.contains("--locked"));
    Ok(Some(why.map_or(String::new(), |why| format!(": {why}"))))
}
