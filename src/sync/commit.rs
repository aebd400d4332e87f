//! The end of a sync: everything that is ready becomes one change of the environment and of the files beside it.

use std::collections::BTreeSet;

use super::closure::Ready;
use super::modules::{self, Asking, Locked};
use super::stamp::{self, Made};
use super::tools::Tools;
use super::{Report, Session};
use crate::apply;
use crate::cargo::entry;
use crate::cargo_installed::{self, Origin};
use crate::environment::{Beside, changed_meanwhile};
use crate::fault::Result;
use crate::fs;
use crate::lock::{Lock, Row};
use crate::package::PackageId;
use crate::signals;

/// What an environment holds beside crates.
pub(super) struct Others<'s, 'a> {
    pub(super) tools: Tools,
    /// The rows of modules.
    pub(super) locked: Locked,
    /// Who was asked for them, where anybody was.
    pub(super) asking: Option<Asking<'s, 'a>>,
}

/// Carries out what is ready, and leaves a stamp. `packages` are the rows of crates that envtool.lock is to hold.
pub(super) fn commit(
    session: &Session<'_>,
    mut ready: Ready,
    mut made: Made,
    others: Others<'_, '_>,
    packages: Vec<Row>,
) -> Result<Report> {
    let _step = tracing::debug_span!("commit").entered();
    let Session { environment, project, .. } = session;
    let Others { mut tools, locked: modules, mut asking } = others;
    // 1. Modules, since what they show in `bin/` is known once they lie there; then tools.
    let staged = modules::stage(session, &modules, &mut asking, &mut ready.change)?;
    let mut plan = tools.plan(session, &staged.venvs)?;
    // With a venv that is made anew comes what starts it.
    plan.changed |= session.fixing.as_ref().is_some_and(|fixing| !fixing.venvs.is_empty());
    apply::stage_tools(&mut ready.change, &plan)?;
    made.links = plan.links.into_iter().collect();
    // 2. Beside the environment: the entry in cargo's config once there is something to build against, the lock, and
    //    last the manifest.
    let mut writes = Vec::new();
    let fixes_entry = session.fixing.as_ref().is_some_and(|fixing| fixing.config_entry);
    if (!packages.is_empty() || fixes_entry)
        && let Some((path, text)) = entry::to_write(&project.layout)?
    {
        let is_legacy = path == project.layout.legacy_cargo_config();
        writes.push((if is_legacy { Beside::LegacyCargoConfig } else { Beside::CargoConfig }, text));
    }
    let lock = Lock {
        packages,
        tools: tools.rows,
        python: modules.python,
        modules: modules.modules,
        module_tools: modules.tools,
    };
    let locked = match &session.lock_before {
        _ if session.fixing.as_ref().is_some_and(|fixing| fixing.relocks) => true,
        Some(before) => lock != *before,
        None => lock != Lock::default(),
    };
    if locked {
        writes.push((Beside::Lock, lock.to_text()?));
    }
    if let Some(before) = &project.before {
        let now = fs::read_text(&project.layout.manifest())?.unwrap_or_default();
        // Another envtool may have written the very same.
        if now != *before && now != project.text {
            return Err(changed_meanwhile(&project.layout.manifest()));
        }
        writes.push((Beside::Manifest, project.text.clone()));
    }
    environment.manifests_stand(&session.lock)?;
    for (file, text) in writes {
        let path = file.path(&project.layout);
        fs::may_be_changed(&path)?;
        ready.change.file(file, text.as_bytes())?;
        made.will_write(session, &path, text.as_bytes());
    }
    for (path, text) in session.fixing.iter().flat_map(|fixing| &fixing.files) {
        let file = Beside::Theirs(path.clone());
        fs::may_be_changed(&file.path(&project.layout))?;
        ready.change.file(file, text.as_bytes())?;
    }
    for (folder, entry) in session.fixing.iter().flat_map(|fixing| &fixing.put_aside) {
        ready.change.put_aside(folder, entry);
    }
    for (file, text) in cargo_records(session)? {
        ready.change.file(file, text.as_bytes())?;
    }
    for line in session.fixing.iter().flat_map(|fixing| &fixing.lines) {
        environment.line_stands(line, &session.lock)?;
        ready.change.line(line.clone());
    }
    // 3. Carry it out: from here on Ctrl-C comes too late.
    signals::check()?;
    let (change, report) = ready.split();
    match &session.fixing {
        Some(fixing) => environment.commit_kept(change, fixing.cargo_lock.as_deref(), &session.lock)?,
        None => environment.commit(change, &session.lock)?,
    }
    for line in &plan.hidden {
        session.context.progress.warn(line);
    }
    let noted = environment.note_platform(&session.lock);
    let noted = noted.and_then(|()| environment.note_python(staged.python, &session.lock));
    // From here on the environment is what it is to be: a stamp that cannot be left only costs the next sync time.
    if let Err(fault) = noted.and_then(|()| stamp::leave(session, made)) {
        session.context.progress.warn(&format!("the next sync will look at everything again: {fault}"));
    }
    Ok(Report {
        locked,
        tools: tools.done,
        tools_removed: plan.removed,
        modules: staged.added,
        modules_removed: staged.removed,
        venvs_remade: staged.remade,
        strays: staged.strays,
        ..report
    })
}

/// cargo's own records of the environment, without what they are to forget.
fn cargo_records(session: &Session<'_>) -> Result<Vec<(Beside, String)>> {
    let Some(fixing) = session.fixing.as_ref().filter(|fixing| !fixing.forgotten.is_empty()) else {
        return Ok(Vec::new());
    };
    let mut writes = Vec::new();
    let without: [(_, Without); 2] = [
        (Beside::CargoRecord, cargo_installed::without),
        (Beside::OldCargoRecord, cargo_installed::without_in_old),
    ];
    for (file, without) in without {
        // One that is no text says nothing, and stays.
        let before = fs::read(&file.path(&session.project.layout))?.map(String::from_utf8);
        if let Some(Ok(before)) = before
            && let Some(text) = without(&before, &fixing.forgotten)
        {
            writes.push((file, text));
        }
    }
    Ok(writes)
}

/// From a record to the same without some packages.
type Without = fn(&str, &BTreeSet<(PackageId, Origin)>) -> Option<String>;
