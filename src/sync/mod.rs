//! The service behind `envtool sync`: makes an environment exactly what its lock says.
//!
//! [`is_current`] is the cheap way: nothing that counts has changed since the last sync and every name is in its place.
//! [`sync`] is the whole way: lock, fetch, plan, stage, ask cargo whether the lock serves, carry out.

mod agreement;
mod cargo_project;
mod closure;
mod pins;
pub mod session;
mod stamp;

pub use session::Session;
pub use stamp::{Drift, drift, is_current};

use std::time::{Duration, Instant};

use crate::cargo::entry;
use crate::cargo::program::ISOLATES_FROM;
use crate::cargo_include::State;
use crate::context::Context;
use crate::fault::Result;
use crate::package::PackageId;
use crate::project::Project;

/// What a sync did.
#[derive(Debug, Default)]
pub struct Report {
    /// Whether there was nothing to do.
    pub nothing: bool,
    /// Crates that came in.
    pub added: Vec<PackageId>,
    /// Crates that went.
    pub removed: Vec<PackageId>,
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
    let done = match project.is_cargo {
        true => cargo_project::sync(&session),
        false => pins::sync(&session),
    };
    if done.is_err() && !session.was_there {
        // While the lock is held: whoever waits for it looks again.
        session.environment.remove_if_new(&session.lock)?;
    }
    let report = done?;
    if let Err(fault) = warn_where_not_isolated(&session) {
        context.progress.warn(&fault.to_string());
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
