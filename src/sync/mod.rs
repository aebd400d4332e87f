//! The service behind `envtool sync`: makes an environment exactly what its lock says.
//!
//! [`is_current`] is the cheap way: nothing that counts has changed since the last sync and every name is in its place.
//! [`sync`] is the whole way: lock, fetch, plan, stage, ask cargo whether the lock serves, carry out.

pub mod admit;
mod agreement;
mod broken_lock;
mod cargo_project;
mod closure;
mod commit;
pub mod modules;
mod pins;
mod places;
pub mod relock;
mod relock_modules;
pub mod session;
mod stamp;
mod survey;
mod tools;

pub use session::Session;
pub use stamp::{Drift, drift, is_current};
pub use survey::{Survey, survey};
pub use tools::{Came, ToolDone};

use commit::Others;
use modules::Closure;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::cargo::entry;
use crate::cargo::program::ISOLATES_FROM;
use crate::cargo_include::State;
use crate::context::Context;
use crate::environment::Rewrite;
use crate::fault::Result;
use crate::lock::Lock;
use crate::module::{ModuleId, ModuleName};
use crate::package::PackageId;
use crate::project::Project;
use crate::signals;

/// What a sync did.
#[derive(Debug, Default)]
pub struct Report {
    /// Whether there was nothing to do.
    pub nothing: bool,
    /// Crates that came in.
    pub added: Vec<PackageId>,
    /// Crates that went.
    pub removed: Vec<PackageId>,
    /// Tools that came in.
    pub tools: Vec<ToolDone>,
    /// Tools that went.
    pub tools_removed: Vec<PackageId>,
    /// Python packages that came in.
    pub modules: Vec<ModuleId>,
    /// Python packages that went.
    pub modules_removed: Vec<ModuleId>,
    /// Venvs that were made anew for what they held already: the folder of each, and how many packages.
    pub venvs_remade: Vec<(String, usize)>,
    /// What others had put into a venv, and went with it: the folder, and what.
    pub strays: Vec<(String, String)>,
    /// How many crates the environment holds.
    pub packages: usize,
    /// How many were downloaded.
    pub downloaded: u64,
    /// The bytes that were downloaded.
    pub bytes: u64,
    /// How many came from cargo's own cache.
    pub from_cargo: u64,
    /// How many lay in the store.
    pub from_store: u64,
    /// Whether the lock was made or changed.
    pub locked: bool,
    /// How long it took.
    pub took: Duration,
}

/// Makes the environment of `project` what its lock says.
pub fn sync(project: &Project, context: &Context<'_>) -> Result<Report> {
    let begun = Instant::now();
    if is_current(project, context)? {
        return Ok(Report { nothing: true, took: begun.elapsed(), ..Report::default() });
    }
    let session = Session::open(project, context)?;
    // As it is now that nobody else changes it, and what an earlier change left is finished.
    let project = Project::at(project.layout.root())?;
    sync_with(&session.of(&project), &Edits::default())
}

/// What a sync changes of a cargo project first. Where it fails, all of it is what it was.
#[derive(Debug, Default)]
pub struct Edits {
    /// Manifests of cargo.
    pub manifests: Vec<Rewrite>,
    /// The versions that Cargo.lock is to hold of packages that the manifests do not say exactly.
    pub precise: Vec<PackageId>,
    /// Packages of Cargo.lock that are to move as far as what asks for them allows.
    pub updates: Vec<PackageId>,
    /// Closures of Python packages that were resolved just now: of `[modules]` under `None`, of a tool under its name.
    pub closures: BTreeMap<Option<ModuleName>, Closure>,
}

/// As [`sync_with`], where the manifests say nothing new: most often there is nothing to do.
pub fn sync_unchanged(session: &Session<'_>) -> Result<Report> {
    let begun = Instant::now();
    if is_current(session.project, session.context)? {
        return Ok(Report { nothing: true, took: begun.elapsed(), ..Report::default() });
    }
    sync_with(session, &Edits::default())
}

/// Makes the environment of the session's project what that asks for, with these edits.
pub fn sync_with(session: &Session<'_>, edits: &Edits) -> Result<Report> {
    let _step = tracing::debug_span!("sync").entered();
    let begun = Instant::now();
    let done = carry_out(session, edits);
    if done.is_err() {
        // While the lock is held: whoever waits for it looks again.
        if !session.environment.is_interrupted()? {
            session.environment.put_back(&session.lock)?;
        }
        session.leave()?;
        // Whatever it interrupted: that is what is told.
        signals::check()?;
    }
    let report = done?;
    if let Err(fault) = warn_where_not_isolated(session) {
        session.context.progress.warn(&fault.to_string());
    }
    let tally = session.tally.borrow();
    Ok(Report {
        downloaded: tally.downloaded,
        bytes: tally.bytes,
        from_cargo: tally.from_cargo,
        from_store: tally.from_store,
        took: begun.elapsed(),
        ..report
    })
}

fn carry_out(session: &Session<'_>, edits: &Edits) -> Result<Report> {
    // Tools first: they take longest, and nothing has changed until they are there.
    // What their sources cost is in the time of each, and does not count among the crates.
    let tally = session.tally.take();
    let tools = tools::make_ready(session, session.lock_before.as_ref().unwrap_or(&Lock::default()))?;
    session.tally.replace(tally);
    let mut asking = None;
    let none = Lock::default();
    let before = session.lock_before.as_ref().unwrap_or(&none);
    let locked = modules::lock(session, before, &edits.closures, &mut asking)?;
    let others = Others { tools, locked, asking };
    if !session.project.is_cargo {
        return pins::sync(session, others);
    }
    let relocks = session.fixing.as_ref().is_some_and(|fixing| fixing.start.is_some());
    if edits.manifests.is_empty() && edits.precise.is_empty() && edits.updates.is_empty() && !relocks {
        return cargo_project::sync(session, others, edits);
    }
    // Also where no manifest is written: it keeps what Cargo.lock holds, should this envtool be killed.
    session.environment.write_manifests(&edits.manifests, &session.lock)?;
    cargo_project::sync(session, others, edits)
}

/// Says so where cargo will not use what was installed.
fn warn_where_not_isolated(session: &Session<'_>) -> Result<()> {
    let progress = session.context.progress;
    if !session.environment.has_cargo_toml()? {
        return Ok(());
    }
    let version = session.cargo_version()?;
    session.environment.note_cargo(&version.to_string(), &session.lock)?;
    if (version.major, version.minor) < ISOLATES_FROM {
        let (major, minor) = ISOLATES_FROM;
        progress.warn(&format!(
            "cargo {version} is older than {major}.{minor} and does not read the environment: crates are not isolated (`rustup update` brings a newer one)"
        ));
    }
    let (file, state) = entry::state(&session.project.layout)?;
    let why = match state {
        State::Present => return Ok(()),
        State::Absent => "does not include the environment",
        _ => "includes the environment where cargo does not heed it",
    };
    progress
        .warn(&format!("{} {why}: cargo goes on without it (`envtool init` puts it right)", file.display()));
    Ok(())
}
