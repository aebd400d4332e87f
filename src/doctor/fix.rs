//! Carrying remedies out: the steps of all findings, each once, as one change that can be taken back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::pinning::Pinning;
use super::{Finding, Step, moved};
use crate::cargo::program::root_folder;
use crate::context::Context;
use crate::environment::{Environment, Line, changed_meanwhile};
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::BIN;
use crate::lock::Lock;
use crate::manifest::{ModulePin, ModuleSection, Pin, Section, ToolPin, with_module, with_pin};
use crate::package::PackageId;
use crate::process::Program;
use crate::project::Project;
use crate::signals;
use crate::sync::admit::admit;
use crate::sync::relock::{self, LockFile};
use crate::sync::session::Fixing;
use crate::sync::{self, Edits, Report, Session};

/// What is to be done, each step once: what is dropped first, the sync last.
pub fn plan(findings: &[Finding]) -> Vec<Step> {
    each_once(findings.iter().flat_map(|finding| finding.remedy.steps()).cloned())
}

/// Steps in the order in which they are taken, each once.
pub fn each_once(steps: impl IntoIterator<Item = Step>) -> Vec<Step> {
    let steps: BTreeSet<Step> = steps.into_iter().collect();
    steps.into_iter().collect()
}

/// Carries steps out. What is dropped from the store is not brought back by [`undo`]: it was damaged.
/// `rebuild`: tools are built and not taken over.
pub fn carry_out(steps: &[Step], rebuild: bool, project: &Project, context: &Context<'_>) -> Result<Report> {
    let mut fixing = Fixing::default();
    let mut session = Session::open_with(project, context, |environment| {
        lock_before(project, environment, steps, &mut fixing)
    })?;
    fixing.cargo_lock = fs::read(&project.layout.cargo_lock())?;
    let mut next = project.text.clone();
    let mut refused = Refused::default();
    let modules = Pinning::decide(&session, steps)?;
    refused.others |= !modules.accepted.is_empty();
    refused.why = modules.why;
    let layout = session.store.layout();
    let bin = project.layout.environment().bin();
    for step in steps {
        // What was to make room for a tool that does not come in stays.
        if refused.holds(step, &bin) {
            continue;
        }
        refused.others |= !matches!(step, Step::Adopt { .. } | Step::PinModule { .. } | Step::Sync);
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
                let taken = !rebuild && can_be_taken(package, files, context);
                let bins = files.keys().map(|name| name.trim_end_matches(".exe").to_owned()).collect();
                let admitted = match admit(&session, package, pin, &bins, !taken) {
                    Ok(admitted) => admitted,
                    Err(fault) => {
                        signals::check()?;
                        // One that cannot come in hinders no other step: it stays what it is, and is found again.
                        context
                            .progress
                            .warn(&format!("{package} stays as it is, since it cannot be pinned: {fault}"));
                        refused.tools.push((package, files));
                        refused.why.get_or_insert(fault);
                        continue;
                    }
                };
                next = with_pin(&next, Section::Tools, &package.name, &admitted.pin)?;
                if taken {
                    fixing.adopted.insert(package.name.clone(), files.clone());
                }
                fixing.admitted.insert(package.name.clone(), admitted);
            }
            Step::PinCrate(package) => {
                let pin =
                    Pin { version: package.version.clone(), features: Vec::new(), default_features: true };
                let pin = ToolPin { pin, bins: Vec::new(), toolchain: None };
                next = with_pin(&next, Section::Crates, &package.name, &pin)?;
            }
            Step::PutAside { folder, entry } => {
                fixing.put_aside.insert((folder.clone(), entry.clone()));
            }
            Step::Forget { package, source } => {
                fixing.forgotten.insert((package.clone(), source.clone()));
            }
            Step::Rewrite { file, from, to } => {
                let path = project.layout.environment().root().join(file);
                let text = fs::read_text(&path)?.unwrap_or_default();
                let next = moved::rewritten(&text, from, to).ok_or_else(|| changed_meanwhile(&path))?;
                fixing.files.insert(file.clone(), next);
            }
            Step::PinModule { id } => {
                if modules.accepted.contains(id) {
                    let pin = ModulePin::new(id.version.clone());
                    next = with_module(&next, ModuleSection::Modules, &id.name, &pin)?;
                }
            }
            Step::RemakeVenv { venv, forget } => {
                fixing.venvs.entry(venv.clone()).or_default().extend(forget.iter().cloned());
            }
            Step::Shebang { file, from, to } => {
                fixing.lines.push(Line { file: file.clone(), from: from.clone(), to: to.clone() });
            }
            Step::ConfigEntry => fixing.config_entry = true,
            Step::Relock { .. } | Step::Sync => {}
        }
    }
    // Where that one was all there was to do, it is the answer, and no fix to take back is left.
    if let Some(fault) = refused.why
        && fixing.admitted.is_empty()
        && !refused.others
        && sync::is_current(project, context)?
    {
        return Err(fault.or_help("`envtool doctor` says what else can be done"));
    }
    session.fixing = Some(fixing);
    let project = project.with_manifest(next)?;
    let edits = Edits { closures: modules.closures, ..Edits::default() };
    sync::sync_with(&session.of(&project), &edits)
}

/// Tools that were to be adopted and cannot be pinned.
#[derive(Default)]
struct Refused<'s> {
    tools: Vec<(&'s PackageId, &'s BTreeMap<String, PathBuf>)>,
    /// Why the first of them cannot.
    why: Option<Fault>,
    /// Whether a step has anything to do beside them.
    others: bool,
}

impl Refused<'_> {
    /// Whether a step only makes room in `bin` for one of them.
    fn holds(&self, step: &Step, bin: &Path) -> bool {
        self.tools.iter().any(|(package, files)| match step {
            Step::PutAside { folder, entry } => {
                folder == BIN && files.get(entry).is_some_and(|file| file.parent() == Some(bin))
            }
            Step::Forget { package: forgotten, .. } => forgotten == *package,
            _ => false,
        })
    }
}

/// What envtool.lock says. A lock that a step makes again is not read: what it is made from goes into `fixing`. One that
/// somebody has put right meanwhile stands.
fn lock_before(
    project: &Project,
    environment: &Environment,
    steps: &[Step],
    fixing: &mut Fixing,
) -> Result<Option<Lock>> {
    let mut before = None;
    for relock::Unreadable { file, fault, text } in relock::unreadable(project) {
        let asked =
            steps.iter().any(|step| matches!(step, Step::Relock { file: asked, .. } if *asked == file));
        let Some(text) = text.filter(|_| asked) else { return Err(fault) };
        let rebuilt = relock::rebuilt(file, &text, project, environment)?;
        match file {
            LockFile::Envtool => before = Some(rebuilt.lock),
            LockFile::Cargo => fixing.start = Some(rebuilt.start),
        }
    }
    fixing.relocks = before.is_some();
    match before {
        Some(lock) => Ok(Some(lock)),
        None => sync::session::read_lock(project),
    }
}

/// Whether executables can be taken over from the machine; says why not.
fn can_be_taken(package: &PackageId, files: &BTreeMap<String, PathBuf>, context: &Context<'_>) -> bool {
    let started = starts(files, context);
    if let Err(fault) = &started {
        context.progress.warn(&format!("{package} cannot be taken over, and is built: {fault}"));
    }
    started.is_ok()
}

/// How long a program has to say its version: what takes longer has started.
const LONG_ENOUGH: Duration = Duration::from_secs(3);

/// Whether each executable starts on this machine: what it needs is there, and it answers.
fn starts(files: &BTreeMap<String, PathBuf>, context: &Context<'_>) -> Result<()> {
    for (name, file) in files {
        // Not in the project: what does not know `--version` may do what it does where it stands.
        let ended = Program::new(context.current.join(file))
            .within(root_folder())
            .arg("--version")
            .set("PATH", &context.path)
            .ends_within(LONG_ENOUGH)?;
        // Not every program knows `--version`, and one that goes on has started; the loader's own failure is 127, and
        // a signal has no code.
        if let Some(status) =
            ended.filter(|status| status.code().is_none_or(|code| code == 126 || code == 127))
        {
            return Err(Fault::new(format!("{} does not start", file.display()))
                .why(format!("`{name} --version` ended with {status}"))
                .help("install it again, then run `envtool doctor --fix`; or `envtool add` builds it here"));
        }
    }
    Ok(())
}

/// Takes the last fix back. Says whether there was one.
pub fn undo(project: &Project, context: &Context<'_>) -> Result<bool> {
    // What the locks say now does not matter.
    let session = Session::open_with(project, context, |_| Ok(None))?;
    session.environment.undo(&session.lock)
}
