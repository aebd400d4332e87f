//! A tool that was installed on the machine is to be pinned: whether that can be locked, and what the pin has to say.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::Session;
use super::tools::{Making, would_change};
use crate::cargo_manifest::targets::{enabled_features, targets};
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::CARGO_MANIFEST;
use crate::lock::ToolRow;
use crate::manifest::ToolPin;
use crate::package::PackageId;

/// A tool that can come in.
#[derive(Debug)]
pub struct Admitted {
    /// Its pin, with the executables named where it is for some of them only.
    pub pin: ToolPin,
    /// Its row.
    pub row: ToolRow,
    /// How long it took to build; `None` where it was not built, or the store had it.
    pub took: Option<Duration>,
}

/// Tries a pin before it is written: locks it, sees that its features are there, and builds it where `build` says so.
/// `bins` are the executables that were installed of it.
pub fn admit(
    session: &Session<'_>,
    package: &PackageId,
    mut pin: ToolPin,
    bins: &BTreeSet<String>,
    build: bool,
) -> Result<Admitted> {
    if session.context.flags.locked {
        return Err(would_change(&package.name, "it has no row yet"));
    }
    // What its sources cost does not count among the crates.
    let tally = session.tally.take();
    let mut tools = Making::new(session);
    let admitted = tools.lock(&package.name, &pin).and_then(|row| {
        let tree = session.trees(&[(package.clone(), row.checksum)])?.remove(0);
        let manifest = fs::read(&tree.path.join(CARGO_MANIFEST))?.unwrap_or_default();
        let enabled = enabled_features(&manifest, &pin.pin.features, pin.pin.default_features);
        if let Some(absent) = pin.pin.features.iter().find(|feature| !enabled.contains(*feature)) {
            return Err(Fault::new(format!("{package} has no feature `{absent}`"))
                .help(format!("correct `features` of {} in [tools] of envtool.toml", package.name)));
        }
        let files = deciding_files(&tree.path)?;
        let made = targets(&manifest, files.iter().map(String::as_str)).unwrap_or_default();
        let all: BTreeSet<String> = made.built_with(&enabled).map(|binary| binary.name.clone()).collect();
        if !bins.is_empty() && bins.is_subset(&all) && *bins != all {
            pin.bins = bins.iter().cloned().collect();
        }
        let mut row = row.asked_by(&pin);
        let took = if build { tools.built(&mut row)?.1 } else { None };
        Ok(Admitted { pin, row, took })
    });
    session.tally.replace(tally);
    admitted
}

/// The files of a tree that decide on what a package makes.
pub fn deciding_files(tree: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for file in ["src/lib.rs", "src/main.rs", "build.rs"] {
        if fs::is_file(&tree.join(file))? {
            found.push(file.to_owned());
        }
    }
    let folder = tree.join("src/bin");
    for name in fs::names(&folder)?.unwrap_or_default() {
        let Some(name) = name.to_str() else { continue };
        if fs::is_file(&folder.join(name))? {
            found.push(format!("src/bin/{name}"));
        } else if fs::is_file(&folder.join(name).join("main.rs"))? {
            found.push(format!("src/bin/{name}/main.rs"));
        }
    }
    Ok(found)
}
