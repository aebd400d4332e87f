//! What `cargo install` put into a folder of this machine.

use std::path::Path;

use crate::cargo_installed::{self, Records};
use crate::fault::Result;
use crate::fs;

/// cargo's records of a root; nothing for one that is an environment, as `CARGO_INSTALL_ROOT` of an activated shell.
///
/// A home that may not be read is a line of its own, and hides no other.
pub fn records(root: &Path) -> Records {
    read(root).unwrap_or_else(|fault| Records { unread: vec![fault.to_string()], ..Records::default() })
}

fn read(root: &Path) -> Result<Records> {
    if !fs::is_folder(root)? || fs::canonical(root)?.ends_with(".envtool") {
        return Ok(Records::default());
    }
    let text = |name: &str| {
        fs::read(&root.join(name)).map(|bytes| bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
    };
    Ok(cargo_installed::parse(
        text(".crates2.json")?.as_deref(),
        text(".crates.toml")?.as_deref(),
        &root.display().to_string(),
    ))
}
