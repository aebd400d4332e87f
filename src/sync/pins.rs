//! A project without a Cargo.toml: its crates stand in `[crates]` of envtool.toml, their closure in envtool.lock.

use std::path::Path;

use super::closure::{Row, make_ready};
use super::stamp::{self, Made};
use super::{Report, Session};
use crate::cargo::entry;
use crate::cargo_lock::crates_io;
use crate::digest::Digest;
use crate::environment::Beside;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::LOCK;
use crate::lock::Lock;
use crate::resolve;
use crate::store::Input;

/// Makes the environment what the pins of `[crates]` ask for.
pub(super) fn sync(session: &Session<'_>) -> Result<Report> {
    let layout = &session.project.layout;
    let pins = &session.project.manifest.crates;
    // 1. The lock: as it is where it serves the pins, else from cargo's resolver.
    let path = layout.lock();
    let text = fs::read_text(&path)?;
    let before = match &text {
        Some(text) => Lock::parse(text, &path.display().to_string())?,
        None => Lock::default(),
    };
    let serves = before.serves(pins) && (text.is_some() || pins.is_empty());
    if !serves && session.context.flags.locked {
        return Err(Fault::new(format!("{LOCK} would change, and `--locked` forbids it"))
            .why("the pins of [crates] are not those that it was made from")
            .help(format!("run `envtool sync` without `--locked`, and commit the {LOCK} that it makes")));
    }
    let lock = if serves {
        before
    } else {
        let store = (&session.store, &session.store_lock);
        let packages =
            resolve::lock_pins(pins, &before.packages, session.cargo()?, session.surroundings()?, store)?;
        Lock { packages, tools: before.tools }
    };
    // 2. What it names, fetched and made ready.
    let rows: Vec<Row> = lock
        .packages
        .iter()
        .map(|row| Row { package: row.id(), source: crates_io(), checksum: Some(row.checksum) })
        .collect();
    let mut ready = make_ready(session, &rows, &[])?;
    // 3. Beside the environment: the lock, and the entry in cargo's config once there is something to build against.
    let mut made = Made::from(
        session,
        vec![Input::of(Path::new(LOCK), text.as_deref().map(str::as_bytes), Digest::of)],
    )?;
    let mut writes = Vec::new();
    if !serves {
        writes.push((Beside::Lock, lock.to_text()?));
    }
    if !pins.is_empty()
        && let Some((path, text)) = entry::to_write(layout)?
    {
        let is_legacy = path == layout.legacy_cargo_config();
        writes.push((if is_legacy { Beside::LegacyCargoConfig } else { Beside::CargoConfig }, text));
    }
    for (file, text) in writes {
        ready.change.file(file, text.as_bytes())?;
        made.will_write(session, &file.path(layout), text.as_bytes());
    }
    // 4. Carry it out.
    let mut report = stamp::commit(session, ready, made)?;
    report.locked = !serves;
    Ok(report)
}
