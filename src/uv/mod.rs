//! The `uv` program, by which Python is driven.
//!
//! It is the one that `ENVTOOL_UV` names, one on PATH whose version was tried, or one that the user's own pip brings,
//! checked against digests that are written here (`bring`). What it does must not depend on what lies around: it is
//! started in an empty folder of the store, with `--no-config` and without any `UV_*` of the surroundings, and is told
//! what the user has said of indexes ([`crate::python_index`]). Tried without that: the `[tool.uv.pip] target` of a
//! pyproject.toml made it install elsewhere.
//!
//! Its cache is its own (`python/cache` of the store). Modules are reflinked from it or copied, never hard-linked: a
//! change in one environment went through the link into the cache, and past `--require-hashes` into the next.

mod bring;
mod install;
mod known;
mod newest;
mod places;
mod resolve;
mod settings;
mod wheels;

pub use bring::{digests_here, is_of_uv, take_in};
pub use install::Locked;
pub use known::known_index;
pub use newest::Newest;
pub use places::{Place, Placed};
pub use resolve::{File, Requirement, Resolved};
pub use wheels::VERSION as BROUGHT;

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::context::Context;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::ENVIRONMENT;
use crate::mirror::Mirror;
use crate::module::ModuleName;
use crate::process::{self, Program};
use crate::python::Interpreter;
use crate::python_index::IndexSettings;
use crate::store::{Store, StoreLock};
use crate::uv_words::{self, Said};

/// The versions of uv that are used: from the first, below the second. Tried were 0.12.0, 0.12.24, 0.13.0 and 0.13.9, by
/// all of `tests/cli/python_uv.rs`. 0.9.0 is not good enough: it keeps a wheel with a wrong digest in its cache, and
/// meets it again.
const TRIED: (Version, Version) = (Version(0, 12, 0), Version(0, 14, 0));

/// The version of a uv.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32, u32, u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Version {
    /// Reads what `uv --version` prints: `uv 0.13.9 (x86_64-unknown-linux-gnu)`.
    fn read(text: &str) -> Option<Self> {
        let word = text.trim().strip_prefix("uv ")?.split_whitespace().next()?;
        let mut parts = word.split(['.', '-', '+']).map(|part| part.parse().ok());
        Some(Self(parts.next()??, parts.next()??, parts.next()??))
    }

    fn is_tried(self) -> bool {
        TRIED.0 <= self && self < TRIED.1
    }
}

/// A uv that can be used. While it is held, the store is not emptied.
#[derive(Debug)]
pub struct Uv {
    program: PathBuf,
    version: Version,
    settings: IndexSettings,
    mirror: Option<Mirror>,
    /// `UV_*` and the like of the surroundings, which it does not get.
    foreign: Vec<String>,
    offline: bool,
    /// Where it looks for passwords.
    credentials: PathBuf,
    store: Store,
    lock: StoreLock,
}

impl Uv {
    /// Finds one, or has pip bring one. Where there is a mirror, it is asked in place of PyPI.
    pub fn find(context: &Context, store: &Store, mirror: Option<&Mirror>) -> Result<Self> {
        let lock = store.lock(&context.waiting(&|| context.tell_waiting()))?;
        let (program, version) = program(context, store, &lock, mirror)?;
        tracing::debug!(?program, %version, "uses this uv");
        let foreign = |name: &str| {
            name.starts_with("UV_")
                || name.starts_with("PIP_")
                || ["PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV"]
                    .contains(&name)
        };
        Ok(Self {
            program,
            version,
            settings: settings::read(context)?.with_mirror(mirror),
            mirror: mirror.cloned(),
            foreign: context.variables(foreign).into_keys().collect(),
            offline: context.flags.offline,
            credentials: match settings::credentials(context)? {
                Some(folder) => folder,
                None => store.layout().python_cache().with_file_name("credentials"),
            },
            store: store.clone(),
            lock,
        })
    }

    /// Where it lies.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// What it is told of indexes.
    pub fn settings(&self) -> &IndexSettings {
        &self.settings
    }

    /// A call of it, to be started in a folder that holds nothing of others. What is said of indexes is for the calls
    /// that ask one (`asking`): other verbs know no such arguments.
    pub fn run(&self, verb: &[&str]) -> Program {
        self.run_aloud(verb).arg("--quiet")
    }

    /// The same that says what it warns of.
    fn run_aloud(&self, verb: &[&str]) -> Program {
        let mut program = Program::new(&self.program);
        for name in &self.foreign {
            program = program.unset(name);
        }
        program = program
            .args(verb.iter().copied())
            .args(["--no-config", "--no-python-downloads", "--no-progress", "--color", "never"])
            .arg("--cache-dir")
            .arg(self.store.layout().python_cache())
            // Where the user has no passwords for it, it would make a folder for them.
            .set("UV_CREDENTIALS_DIR", &self.credentials)
            // What it says of errors is read, and must not be broken into lines.
            .set("UV_NO_WRAP", "1");
        if self.offline { program.arg("--offline") } else { program }
    }

    /// A call that may ask an index.
    fn asking(&self, verb: &[&str]) -> Program {
        self.asking_aloud(verb).arg("--quiet")
    }

    /// The same that says what it warns of.
    fn asking_aloud(&self, verb: &[&str]) -> Program {
        let program = self.run_aloud(verb).args(self.settings.arguments());
        self.settings.variables().into_iter().fold(program, |program, (name, value)| program.set(name, value))
    }

    /// An empty folder for one call.
    fn scratch(&self) -> Result<tempfile::TempDir> {
        self.store.scratch(&self.lock)
    }

    /// What uv said when it failed.
    fn said(&self, output: &Output) -> Said {
        let said = uv_words::read(&String::from_utf8_lossy(&output.stderr), &self.settings.places());
        match (said, &self.mirror) {
            (Said::Trouble { why, help }, Some(mirror)) => {
                Said::Trouble { help: mirror.help(&why).unwrap_or(help), why }
            }
            (said, _) => said,
        }
    }

    /// Makes a virtual environment at `folder`, which is not there yet. It can be moved; it holds no packages.
    pub fn venv(&self, interpreter: &Interpreter, folder: &Path, system_site: bool) -> Result<()> {
        let scratch = self.scratch()?;
        let mut call = self.run(&["venv"]).args(["--relocatable", "--no-project"]);
        if system_site {
            call = call.arg("--system-site-packages");
        }
        let call = call.arg("--python").arg(&interpreter.executable).arg("--").arg(folder);
        let output = call.within(scratch.path()).output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(self.said(&output).fault(format!("could not make a Python environment in {}", folder.display())))
    }

    /// Drops all that is cached of a package, where it is no longer what it should be.
    pub fn forget(&self, name: &ModuleName) -> Result<()> {
        let scratch = self.scratch()?;
        let output = self.run(&["cache", "clean"]).arg(name.as_str()).within(scratch.path()).output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(self.said(&output).fault(format!("could not drop {name} from the store")))
    }
}

/// What the user and the machine say of indexes.
pub fn index_settings(context: &Context) -> Result<IndexSettings> {
    settings::read(context)
}

/// The program, and its version.
fn program(
    context: &Context,
    store: &Store,
    lock: &StoreLock,
    mirror: Option<&Mirror>,
) -> Result<(PathBuf, Version)> {
    let own = context.variables(|name| name == "ENVTOOL_UV").remove("ENVTOOL_UV");
    if let Some(own) = own.filter(|own| !own.is_empty()) {
        let path = context.current.join(own);
        let wrong = |why: String| {
            Fault::new(format!("could not use the uv that ENVTOOL_UV names, {}", path.display()))
                .why(why)
                .help(format!("name one from {} to below {} with ENVTOOL_UV, or unset it", TRIED.0, TRIED.1))
        };
        return match version(store, &path) {
            Ok(found) if found.is_tried() => Ok((path, found)),
            Ok(found) => Err(wrong(format!("it is uv {found}, which was not tried"))),
            Err(fault) => Err(wrong(fault.to_string())),
        };
    }
    for path in process::find_all(OsStr::new("uv"), &context.path, &context.current) {
        let in_environment = path.components().any(|part| part.as_os_str() == ENVIRONMENT);
        // One that does not run is passed by, as one that was not tried.
        if !in_environment
            && let Ok(found) = version(store, &path)
            && found.is_tried()
        {
            return Ok((path, found));
        }
    }
    Ok((bring::brought(context, store, lock, mirror)?, wheels::VERSION))
}

/// The version of the uv at `path`, asked once.
fn version(store: &Store, path: &Path) -> Result<Version> {
    const QUESTION: &str = "uv --version";
    if !fs::is_file(path)? {
        return Err(Fault::new("there is no such file"));
    }
    let text = if let Some(text) = store.program_said::<String>(QUESTION, path)? {
        text
    } else {
        let output = Program::new(path).arg("--version").output()?;
        if !output.status.success() {
            return Err(Fault::new("`uv --version` failed").why(output.status.to_string()));
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        store.remember_program(QUESTION, path, &text)?;
        text
    };
    Version::read(&text).ok_or_else(|| {
        Fault::new("it is no uv").why(format!(
            "it says of its version: {}",
            text.chars().take(60).collect::<String>().escape_debug()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn the_version_is_read_and_judged() {
        for (text, version, tried) in [
            ("uv 0.13.9 (x86_64-unknown-linux-gnu)\n", Version(0, 13, 9), true),
            ("uv 0.12.0\n", Version(0, 12, 0), true),
            ("uv 0.11.33\n", Version(0, 11, 33), false),
            ("uv 0.14.0\n", Version(0, 14, 0), false),
            ("uv 0.14.0-rc.1 (abc)\n", Version(0, 14, 0), false),
            ("uv 1.0.0\n", Version(1, 0, 0), false),
        ] {
            assert_eq!(Version::read(text), Some(version), "{text}");
            assert_eq!(version.is_tried(), tried, "{text}");
        }
        for bad in ["", "uv", "uv x", "cargo 1.95.0", "uv 0.13"] {
            assert_eq!(Version::read(bad), None, "{bad}");
        }
    }
}
