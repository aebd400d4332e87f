//! Finding the machine's Python, and what it is.
//!
//! A Python is asked by one run of `describe.py`, isolated (`-I -S`), and the answer is remembered in the store. What
//! is found may be the Python of some virtual environment: what is used is the one that it was made from, since an
//! environment must not stand on another that goes away.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder, MarkerTree};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::fault::{Fault, Result};
use crate::layout::ENVIRONMENT;
use crate::manifest::PythonVersion;
use crate::process::{self, Program};
use crate::store::Store;

/// The oldest Python that is used: uv's own lower bound is 3.8.
pub const OLDEST: Version = Version(3, 8, 0);

/// The oldest Python that a lock is made for, where nothing needs a newer one: the oldest that its makers still care for.
const CARED_FOR: (u32, u32) = (3, 10);

/// The minor versions that are looked for by name where `python3` is none, newest first.
const MINORS: std::ops::RangeInclusive<u32> = 8..=20;

/// The script that a Python is asked with. It is a part of the question, so another one is asked anew.
const SCRIPT: &str = include_str!("describe.py");

/// The version of a Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version(pub u32, pub u32, pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Version {
    /// Whether it is the one that `wanted` names: `3`, `3.11` or `3.11.7`.
    pub fn is(self, wanted: &str) -> bool {
        let own = [self.0, self.1, self.2];
        let mut parts = wanted.split('.');
        let fits = own.iter().all(|own| parts.next().is_none_or(|part| part.parse() == Ok(*own)));
        fits && parts.next().is_none()
    }
}

/// A Python of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpreter {
    /// The interpreter itself, never that of a virtual environment.
    pub executable: PathBuf,
    /// Its version.
    pub version: Version,
    /// `cpython`, `pypy`.
    pub implementation: String,
    /// `sysconfig.get_platform()`: `linux-x86_64`, `macosx-11.0-arm64`, `win-amd64`.
    pub platform: String,
    /// What its extension modules are named after: `cpython-311-x86_64-linux-gnu`.
    pub abi: String,
    /// The C library and its version: `glibc 2.36`; empty where Python does not know.
    pub libc: String,
    /// The modules of its standard library, top names only.
    pub modules: BTreeSet<String>,
    /// Where packages of the machine are installed.
    pub site_folders: Vec<PathBuf>,
    /// The variables of environment markers (PEP 508).
    pub markers: BTreeMap<String, String>,
}

/// What every Python answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Answer {
    /// The interpreter that it stands on.
    executable: PathBuf,
    /// The one that answered.
    own: PathBuf,
    version: Version,
    /// The rest, where it is not too old to be asked.
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

impl Interpreter {
    /// Finds the Python that `wanted` names (`3.11` or `3.11.7`), or the first one of PATH.
    pub fn find(context: &Context, store: &Store, wanted: Option<&str>) -> Result<Self> {
        let mut passed: Vec<String> = Vec::new();
        let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
        for name in names(wanted) {
            for program in process::find_all(OsStr::new(&name), &context.path, &context.current) {
                if is_in_environment(&program) || !seen.insert(program.clone()) {
                    continue;
                }
                match look(context, store, &program) {
                    Ok(found) if wanted.is_none_or(|wanted| found.version.is(wanted)) => return Ok(found),
                    Ok(found) => passed.push(format!("{} is Python {}", program.display(), found.version)),
                    Err(fault) => passed.push(fault.to_string()),
                }
            }
        }
        Err(absent(wanted, passed))
    }

    /// Asks the Python at `program`, whatever its version.
    pub fn at(context: &Context, store: &Store, program: &Path) -> Result<Self> {
        look(context, store, program)
    }

    /// Whether the program at `executable` is the one that said it is this version: nothing is started.
    pub fn is_known(store: &Store, executable: &Path, version: &str) -> Result<bool> {
        let answer: Option<Answer> = store.program_said(SCRIPT, executable)?;
        Ok(answer.is_some_and(|answer| answer.version.to_string() == version))
    }

    /// The oldest Python that a lock is for: the one that the project wants, that the lock was made for (`known`), or
    /// the oldest that its makers still care for.
    pub fn lowest(&self, known: Option<&str>, wanted: Option<PythonVersion>) -> String {
        let text = |(major, minor): (u32, u32)| format!("{major}.{minor}");
        match (known, wanted) {
            (_, Some(python)) => text(python.minor),
            (Some(known), None) => known.to_owned(),
            (None, None) => text((self.version.0, self.version.1).min(CARED_FOR)),
        }
    }

    /// Whether a row with this marker is for this Python.
    pub fn applies(&self, marker: Option<&str>) -> Result<bool> {
        let Some(marker) = marker else { return Ok(true) };
        let broken = |error: &dyn fmt::Display| {
            Fault::new(format!("could not read the marker `{}`", marker.escape_debug()))
                .why(error.to_string())
                .help("run `envtool sync` after removing that row from envtool.lock")
        };
        let tree: MarkerTree = marker.parse().map_err(|error| broken(&error))?;
        Ok(tree.evaluate(&self.marker_environment().map_err(|error| broken(&error))?, &[]))
    }

    /// Its markers, as the library reads them.
    fn marker_environment(&self) -> std::result::Result<MarkerEnvironment, pep440_rs::VersionParseError> {
        let get = |name: &str| self.markers.get(name).map_or("", String::as_str);
        MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
            implementation_name: get("implementation_name"),
            implementation_version: get("implementation_version"),
            os_name: get("os_name"),
            platform_machine: get("platform_machine"),
            platform_python_implementation: get("platform_python_implementation"),
            platform_release: get("platform_release"),
            platform_system: get("platform_system"),
            platform_version: get("platform_version"),
            // A build from a checkout says `3.13.0+`.
            python_full_version: get("python_full_version").trim_end_matches('+'),
            python_version: get("python_version"),
            sys_platform: get("sys_platform"),
        })
    }
}

/// The names to look for, in order.
fn names(wanted: Option<&str>) -> Vec<String> {
    let plain = ["python3".to_owned(), "python".to_owned()];
    let mut parts = wanted.unwrap_or_default().split('.');
    if let (Some(major), Some(minor)) = (parts.next(), parts.next()) {
        return std::iter::once(format!("python{major}.{minor}")).chain(plain).collect();
    }
    plain.into_iter().chain(MINORS.rev().map(|minor| format!("python3.{minor}"))).collect()
}

/// Whether a program lies in an environment of ours: what is in there stands on what is looked for.
fn is_in_environment(program: &Path) -> bool {
    program.components().any(|part| part.as_os_str() == ENVIRONMENT)
}

/// Asks the Python at `program`, and the one that it stands on.
fn look(context: &Context, store: &Store, program: &Path) -> Result<Interpreter> {
    let mut answer = ask(context, store, program)?;
    if answer.version < OLDEST {
        return Err(Fault::new(format!("{} is Python {}", program.display(), answer.version))
            .why(format!("the oldest that is served is {}.{}", OLDEST.0, OLDEST.1))
            .help("install a newer one, and see that `python3 -V` answers with it"));
    }
    if answer.executable != answer.own {
        answer = ask(context, store, &answer.executable.clone())?;
    }
    let broken = |error: serde_json::Error| {
        Fault::new(format!("could not read what {} says of itself", program.display()))
            .because(&error)
            .help("see that `python3 -I -c 'import sysconfig, site'` runs")
    };
    let value = serde_json::to_value(answer).map_err(broken)?;
    serde_json::from_value(value).map_err(broken)
}

/// One run of the script, or what is remembered of it.
fn ask(context: &Context, store: &Store, program: &Path) -> Result<Answer> {
    if let Some(answer) = store.program_said(SCRIPT, program)? {
        return Ok(answer);
    }
    // Where the user stands: a shim of pyenv's goes by the folder.
    let run = |isolated: &str| {
        let call = Program::new(program).args([isolated, "-S", "-c", SCRIPT]).within(&context.folder);
        call.unset("PYTHONHOME").unset("PYTHONPATH").output()
    };
    let mut output = run("-I")?;
    if !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("nknown option: -I") {
        // Python 2 has to say that it is one.
        output = run("-E")?;
    }
    let answer = serde_json::from_slice::<Answer>(&output.stdout);
    match answer {
        Ok(answer) if output.status.success() => {
            store.remember_program(SCRIPT, program, &answer)?;
            Ok(answer)
        }
        _ => {
            let text = String::from_utf8_lossy(&output.stderr);
            let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
            Err(Fault::new(format!("{} does not run", program.display()))
                .why(last.trim())
                .help(format!("see what `{} -V` says, and install it again", program.display())))
        }
    }
}

fn absent(wanted: Option<&str>, passed: Vec<String>) -> Fault {
    let which = wanted.map_or_else(|| "Python".to_owned(), |wanted| format!("Python {wanted}"));
    let fault = Fault::new(format!("could not find {which}"));
    let fault = match passed.is_empty() {
        true => fault.why("there is no `python3` or `python` on PATH"),
        false => passed.into_iter().fold(fault, Fault::why),
    };
    let minor = wanted
        .map_or_else(|| "3".to_owned(), |wanted| wanted.split('.').take(2).collect::<Vec<_>>().join("."));
    fault.help(format!(
        "install it (`apt install python{minor}`, `brew install python@{minor}`, `pyenv install {minor}` or from \
         Python's own site), and see that `python{minor} -V` answers"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Version, names};

    #[test]
    fn versions_are_compared_part_by_part() {
        let version = Version(3, 11, 7);
        for wanted in ["3", "3.11", "3.11.7"] {
            assert!(version.is(wanted), "{wanted}");
        }
        for other in ["3.1", "3.12", "3.11.70", "2", "3.11.7.1", "x", ""] {
            assert!(!version.is(other), "{other}");
        }
    }

    #[test]
    fn the_named_version_is_looked_for_first() {
        assert_eq!(names(Some("3.11.7")), ["python3.11", "python3", "python"]);
        let all = names(None);
        assert_eq!(all[..3], ["python3", "python", "python3.20"]);
    }
}
