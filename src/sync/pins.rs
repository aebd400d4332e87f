//! A project without a Cargo.toml: its crates stand in `[crates]` of envtool.toml, their closure in envtool.lock.

use super::closure::{Row, make_ready};
use super::commit::{Others, commit};
use super::stamp::Made;
use super::{Report, Session};
use crate::cargo_lock::crates_io;
use crate::fault::{Fault, Result};
use crate::layout::LOCK;
use crate::resolve;

/// Makes the environment what the pins of `[crates]` ask for.
pub(super) fn sync(session: &Session<'_>, others: Others<'_, '_>) -> Result<Report> {
    let pins = &session.project.manifest.crates;
    // 1. The rows: as they are where they serve the pins, else from cargo's resolver.
    let before = session.lock_before.as_ref();
    let serves = before.map_or(pins.is_empty(), |lock| lock.serves(pins));
    if !serves && session.context.flags.locked {
        return Err(Fault::new(format!("{LOCK} would change, and `--locked` forbids it"))
            .why("the pins of [crates] are not those that it was made from")
            .help(format!("run it again without `--locked`, and commit the {LOCK} that it makes")));
    }
    let before = before.map(|lock| lock.packages.clone()).unwrap_or_default();
    let packages = if serves {
        before
    } else {
        let store = (&session.store, &session.store_lock);
        resolve::lock_pins(pins, &before, session.cargo()?, session.surroundings()?, store)?
    };
    // 2. What they name, fetched and made ready.
    let rows: Vec<Row> = packages
        .iter()
        .map(|row| Row { package: row.id(), source: crates_io(), checksum: Some(row.checksum) })
        .collect();
    let ready = make_ready(session, &rows, &[])?;
    // 3. Carry it out.
    commit(session, ready, Made::from(session, Vec::new())?, others, packages)
}
