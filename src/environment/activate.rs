//! The scripts in `bin/` that put a shell into the environment, as those of a Python venv do.
//!
//! A row a family of shells. What a script sets is what [`super::variables`] sets for one command, and `deactivate`
//! takes it back. A script is the same bytes in every environment: it finds its own folder, so nothing is to be done
//! where a project moves.

use std::path::Path;

use super::{Environment, EnvironmentLock};
use crate::fault::{Fault, Result};
use crate::fs::{self, Kind};
use crate::layout::EnvironmentLayout;

/// What the shells of one family read.
#[derive(Debug)]
pub struct Script {
    /// Its name in `bin/`.
    pub name: &'static str,
    /// The shells that read it.
    pub shells: &'static [&'static str],
    /// Its text.
    pub text: &'static str,
}

/// Every script.
pub const SCRIPTS: &[Script] = &[
    Script {
        name: "activate",
        shells: &["bash", "zsh", "dash", "ksh"],
        text: include_str!("activate/activate.sh"),
    },
    Script { name: "activate.fish", shells: &["fish"], text: include_str!("activate/activate.fish") },
    Script { name: "activate.csh", shells: &["tcsh", "csh"], text: include_str!("activate/activate.csh") },
    Script { name: "activate.nu", shells: &["nu"], text: include_str!("activate/activate.nu") },
];

/// Whether one of the scripts has this name.
pub fn is_script(name: &str) -> bool {
    SCRIPTS.iter().any(|script| script.name == name)
}

/// Whether no executable may have this name: the scripts of all shells, those of later versions among them, lie
/// beside the executables, also where a file system takes `Activate` for `activate`.
pub fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("activate") || name == "deactivate"
}

impl Environment {
    /// Writes the scripts that are missing or not what they should be. Says whether it wrote any.
    pub fn write_scripts(&self, _lock: &EnvironmentLock) -> Result<bool> {
        write(&self.layout)
    }

    /// Whether every script is there, and what this envtool writes.
    pub fn has_these_scripts(&self) -> Result<bool> {
        for script in SCRIPTS {
            let path = self.layout.bin().join(script.name);
            if fs::kind(&path)? != Kind::File || fs::read(&path)?.as_deref() != Some(script.text.as_bytes()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether every script is there; what it holds is not looked at.
    pub fn has_scripts(&self) -> Result<bool> {
        for script in SCRIPTS {
            if fs::kind(&self.layout.bin().join(script.name))? != Kind::File {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Writes the scripts into an environment, where they differ. A link is replaced and never followed: an environment may
/// have been sent by a stranger.
pub(super) fn write(layout: &EnvironmentLayout) -> Result<bool> {
    let bin = layout.bin();
    match fs::kind(&bin)? {
        Kind::Folder => {}
        Kind::Absent => fs::create_folders(&bin)?,
        Kind::Link | Kind::File | Kind::Other => return Err(in_the_way(&bin, "it is not a folder")),
    }
    let mut wrote = false;
    for script in SCRIPTS {
        let path = bin.join(script.name);
        match fs::kind(&path)? {
            Kind::File | Kind::Absent => {}
            Kind::Link => fs::remove_file(&path)?,
            Kind::Folder | Kind::Other => return Err(in_the_way(&path, "it is not a file")),
        }
        wrote |= fs::write_if_changed(&path, script.text.as_bytes())?;
    }
    Ok(wrote)
}

fn in_the_way(path: &Path, why: &str) -> Fault {
    Fault::new(format!("could not write the scripts that activate: {} is in the way", path.display()))
        .why(format!("{why}, and envtool did not put it there"))
        .help(format!("move it away (`mv {} /tmp`), then run `envtool sync`", path.display()))
}

/// Whether a folder `bin` holds nothing but scripts, and what was being written when an envtool was killed.
pub(super) fn is_all(bin: &Path) -> Result<bool> {
    for name in fs::names(bin)?.unwrap_or_default() {
        let known = name.to_str().is_some_and(|name| is_script(name) || name.starts_with(fs::ASIDE));
        // What is written aside gets its own name while others look.
        if !known || !matches!(fs::kind(&bin.join(&name))?, Kind::File | Kind::Absent) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::{SCRIPTS, is_all, is_reserved, is_script};
    use crate::fs;

    #[test]
    fn scripts_that_are_just_being_written_are_nothing_else() {
        let bin = tempfile::tempdir().unwrap();
        let written = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..300 {
                    fs::write(&bin.path().join("activate"), b"x").unwrap();
                }
                written.store(true, Ordering::Relaxed);
            });
            while !written.load(Ordering::Relaxed) {
                assert!(is_all(bin.path()).unwrap());
            }
        });
        fs::write(&bin.path().join("notes"), b"x").unwrap();
        assert!(!is_all(bin.path()).unwrap());
    }

    #[test]
    fn the_scripts_names_are_reserved_and_others_are_not() {
        for script in SCRIPTS {
            assert!(is_script(script.name) && is_reserved(script.name), "{}", script.name);
            assert!(!script.shells.is_empty(), "{}", script.name);
        }
        for name in ["activate.elv", "Activate.ps1", "ACTIVATE", "activate-x", "deactivate", "DeActivate"] {
            assert!(is_reserved(name) && !is_script(name), "{name}");
        }
        for name in ["deactivate.nu", "reactivate", "act", "", "cargo-activate"] {
            assert!(!is_reserved(name) && !is_script(name), "{name}");
        }
    }

    #[test]
    fn a_script_names_no_folder_of_its_own() {
        for script in SCRIPTS {
            assert!(script.text.is_ascii() && script.text.ends_with('\n'), "{}", script.name);
            assert!(!script.text.contains("/home") && !script.text.contains(env!("CARGO_MANIFEST_DIR")));
        }
    }
}
