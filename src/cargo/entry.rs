//! The entry that includes an environment, in the configuration file of its project.

use std::path::{Path, PathBuf};

use crate::cargo_include::{self, State};
use crate::fault::Result;
use crate::fs;
use crate::layout::ProjectLayout;

/// Whether an `include` leads to the file of an environment.
pub fn is_of_an_environment(file: &Path) -> bool {
    file.ends_with(".envtool/cargo.toml")
}

/// The configuration file of a project: the legacy one where it is there, since cargo prefers it.
pub fn file(project: &ProjectLayout) -> Result<PathBuf> {
    let legacy = project.legacy_cargo_config();
    Ok(if fs::is_file(&legacy)? { legacy } else { project.cargo_config() })
}

/// How the entry stands in that file.
pub fn state(project: &ProjectLayout) -> Result<(PathBuf, State)> {
    let file = file(project)?;
    let text = fs::read_text(&file)?.unwrap_or_default();
    let state = cargo_include::state(&text)
        .map_err(|fault| fault.while_doing(format!("could not read {}", file.display())))?;
    Ok((file, state))
}

/// That file and its text with the entry; `None` where the entry stands there as it should.
pub fn to_write(project: &ProjectLayout) -> Result<Option<(PathBuf, String)>> {
    let (file, state) = state(project)?;
    if state == State::Present {
        return Ok(None);
    }
    let text = fs::read_text(&file)?.unwrap_or_default();
    let text = cargo_include::with_entry(&text)
        .map_err(|fault| fault.while_doing(format!("could not add the environment to {}", file.display())))?;
    Ok(Some((file, text)))
}
