//! Where an index has the files of packages. uv keeps no wheel as it was published, and has no way to download one: it
//! is asked where they lie, in the words of a `pylock.toml`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::resolve::{Pylock, PylockFile, broken, decoded, only_wheels, text};
use super::{BROUGHT, Uv, wheels};
use crate::fault::{Fault, Result};
use crate::fs;
use crate::module::{ModuleId, ModuleName};
use crate::python::Interpreter;
use crate::uv::File;

/// Where a file lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At this address.
    Url(String),
    /// On this machine.
    Here(PathBuf),
}

/// A file of a package, and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Its name and digest, as the index gives them.
    pub file: File,
    /// Where it lies.
    pub place: Place,
}

impl Uv {
    /// Where the files of these releases lie. Packages in `build` are taken as sources, and all others as wheels.
    pub fn places(
        &self,
        ids: &[ModuleId],
        build: &BTreeSet<ModuleName>,
        interpreter: &Interpreter,
        lowest: &str,
    ) -> Result<Vec<Placed>> {
        // Under different markers one package may be locked in two versions: never two of one name in one question.
        let mut rounds: Vec<Vec<&ModuleId>> = Vec::new();
        for id in ids {
            match rounds.iter_mut().find(|round| round.iter().all(|other| other.name != id.name)) {
                Some(round) => round.push(id),
                None => rounds.push(vec![id]),
            }
        }
        let mut placed = Vec::new();
        for round in rounds {
            let lines: Vec<String> = round.iter().map(|id| format!("{}=={}", id.name, id.version)).collect();
            placed.extend(self.ask_places(&lines.join("\n"), build, interpreter, lowest)?);
        }
        Ok(placed)
    }

    /// Where the wheels of the uv that is brought lie which may run here, the likeliest first.
    pub fn places_of_uv(&self, interpreter: &Interpreter) -> Result<Vec<Placed>> {
        let lowest = format!("{}.{}", interpreter.version.0, interpreter.version.1);
        let placed = self.ask_places(&format!("uv=={BROUGHT}\n"), &BTreeSet::new(), interpreter, &lowest)?;
        let here = wheels::here().filter_map(|digest| {
            placed.iter().find(|placed| placed.file.sha256.to_string() == digest).cloned()
        });
        Ok(here.collect())
    }

    fn ask_places(
        &self,
        lines: &str,
        build: &BTreeSet<ModuleName>,
        interpreter: &Interpreter,
        lowest: &str,
    ) -> Result<Vec<Placed>> {
        let scratch = self.scratch()?;
        fs::write_new(&scratch.path().join("in.txt"), lines.as_bytes())?;
        let call = self.asking(&["pip", "compile"]).args(["--universal", "--no-header", "--no-deps"]);
        let call = only_wheels(call, build)
            .args(["--no-annotate", "--format", "pylock.toml", "in.txt", "-o", "pylock.toml"])
            .args(["--python-version", lowest, "--python"])
            .arg(&interpreter.executable)
            .within(scratch.path());
        let output = call.output()?;
        if !output.status.success() {
            return Err(self.said(&output).fault("could not find out where the Python packages lie"));
        }
        let pylock: Pylock = toml::from_str(&text(scratch.path(), "pylock.toml")?)
            .map_err(|error| broken(&error.to_string()))?;
        let mut placed = Vec::new();
        for row in pylock.packages.iter().flat_map(|package| package.wheels.iter().chain(&package.sdist)) {
            if let Some(file) = row.file()? {
                placed.push(Placed { file, place: row.place(scratch.path())? });
            }
        }
        Ok(placed)
    }
}

impl PylockFile {
    fn place(&self, folder: &Path) -> Result<Place> {
        match (&self.url, &self.path) {
            (Some(url), _) => Ok(match url.strip_prefix("file://") {
                Some(path) => Place::Here(
                    decoded(if cfg!(windows) { path.trim_start_matches('/') } else { path }).into(),
                ),
                None => Place::Url(url.clone()),
            }),
            (None, Some(path)) => Ok(Place::Here(folder.join(path))),
            (None, None) => Err(Fault::new("could not find out where the Python packages lie")
                .why("uv gives a file without its place")
                .help("report it, with the version that `uv --version` says")),
        }
    }
}
