//! What a check reports, and what is to be done about it: data, so that `--dry-run` prints what `--fix` does.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::cargo_installed::Origin;
use crate::digest::Digest;
use crate::layout::{ENVIRONMENT, PYTHON_TOOL};
use crate::module::{ModuleId, ModuleName};
use crate::package::PackageId;
use crate::receipt::{How, ToolReceipt};
use crate::sync::relock::LockFile;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The environment is not what the lock says.
    Error,
    /// It is, and something else may be used in its place.
    Warning,
    /// Worth knowing.
    Info,
}

/// One thing that is not as it should be: a subject and a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The id of the check that found it.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: a package, a file, a name.
    pub subject: String,
    /// What it means, in a sentence.
    pub message: String,
    /// What to do about it.
    pub remedy: Remedy,
}

/// What to do about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// What `--fix` does.
    Steps(Vec<Step>),
    /// The user chooses one of these, or none: nobody else knows what the thing is for.
    Choice(Vec<Way>),
    /// What the user alone can do, in words.
    User(String),
}

/// One of several things that may be done about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The word that chooses it.
    pub answer: &'static str,
    /// What it does with the thing, as in "pin it".
    pub words: &'static str,
    /// What `--fix` does; nothing where only the command does it.
    pub steps: Vec<Step>,
    /// What to type for it.
    pub command: String,
}

impl Remedy {
    /// One step.
    pub fn step(step: Step) -> Self {
        Self::Steps(vec![step])
    }

    /// The steps that `--fix` takes without a question; none where the user has to choose, or to help.
    pub fn steps(&self) -> &[Step] {
        match self {
            Self::Steps(steps) => steps,
            Self::Choice(_) | Self::User(_) => &[],
        }
    }

    /// What the user can be asked to choose from.
    pub fn ways(&self) -> Vec<&Way> {
        match self {
            Self::Choice(ways) => ways.iter().filter(|way| !way.steps.is_empty()).collect(),
            Self::Steps(_) | Self::User(_) => Vec::new(),
        }
    }

    /// Whether envtool can do something about it, if only after a question.
    pub fn mends(&self) -> bool {
        !self.steps().is_empty() || !self.ways().is_empty()
    }

    /// In words.
    pub fn words(&self) -> String {
        match self {
            Self::Steps(steps) => steps.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
            Self::Choice(ways) => {
                let said = ways.iter().map(|way| format!("{}: `{}`", way.words, way.command));
                said.collect::<Vec<_>>().join("; or ")
            }
            Self::User(words) => words.clone(),
        }
    }
}

/// One step of a fix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Take a damaged tree out of the store.
    DropTree(Digest),
    /// Take a damaged archive out of the store.
    DropArchive(Digest),
    /// Take a damaged tool out of the store.
    DropBuilt(Digest),
    /// Take a damaged executable that was taken over from the machine out of the store.
    DropAdopted {
        /// Under which digest it lies.
        digest: Digest,
        /// Its name.
        name: String,
    },
    /// Take an entry of a folder of crates away, so that it is put there anew.
    TakeAway {
        /// The folder in the environment.
        folder: String,
        /// Its entry.
        entry: String,
    },
    /// Pin a tool, and take over the executables that lie on the machine.
    Adopt {
        /// The tool.
        package: PackageId,
        /// The features that it was built with.
        features: Vec<String>,
        /// Whether the default features were on.
        default_features: bool,
        /// Where its executables lie, by name.
        files: BTreeMap<String, PathBuf>,
    },
    /// Pin a crate in `[crates]`.
    PinCrate(PackageId),
    /// Take away what has no receipt. It is kept, as all is that a fix replaces.
    PutAside {
        /// The folder in the environment.
        folder: String,
        /// Its entry.
        entry: String,
    },
    /// Take a package out of cargo's own records of the environment.
    Forget {
        /// The package.
        package: PackageId,
        /// Where it came from.
        source: Origin,
    },
    /// Write another place in a file that somebody else put into the environment.
    Rewrite {
        /// The file, by its path in the environment.
        file: PathBuf,
        /// What it names.
        from: PathBuf,
        /// What it is to name.
        to: PathBuf,
    },
    /// Pin a Python package.
    PinModule {
        /// The package.
        id: ModuleId,
    },
    /// Make a venv anew.
    RemakeVenv {
        /// Its name, as folders of receipts have it.
        venv: String,
        /// The packages that are downloaded again: what uv keeps of them is not trusted either.
        forget: Vec<ModuleName>,
    },
    /// Write another first line into a script of the project.
    Shebang {
        /// The script, from the project's folder.
        file: PathBuf,
        /// Its first line.
        from: String,
        /// What is to stand there.
        to: String,
    },
    /// Put the entry of the environment into cargo's configuration where it belongs.
    ConfigEntry,
    /// Make a lock that cannot be read again, from what is installed.
    Relock {
        /// Which.
        file: LockFile,
        /// What moves by it, a line each.
        moves: Vec<String>,
    },
    /// Make the environment what the lock says.
    Sync,
}

impl Step {
    /// The steps that install a tool again whose executables are not what they were. One that was taken over from the
    /// machine is built: what lies there may be the same by now.
    pub(super) fn again(receipt: &ToolReceipt) -> Vec<Self> {
        let mut steps = match receipt.how {
            How::Built => vec![Self::DropBuilt(receipt.key)],
            How::Adopted => receipt
                .bins
                .iter()
                .map(|(name, digest)| Self::DropAdopted { digest: *digest, name: name.clone() })
                .collect(),
        };
        steps.push(Self::Sync);
        steps
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DropTree(key) => write!(f, "drop the unpacked tree {}… from the store", key.short(12)),
            Self::DropArchive(key) => write!(f, "drop the archive {}… from the store", key.short(12)),
            Self::DropBuilt(key) => write!(f, "drop the built tool {}… from the store", key.short(12)),
            Self::DropAdopted { digest, name } => {
                write!(f, "drop the executable {name} ({}…) from the store", digest.short(12))
            }
            Self::PinCrate(package) => write!(f, "pin {package}"),
            Self::Forget { package, .. } => write!(f, "take {package} out of cargo's records in .envtool"),
            Self::TakeAway { folder, entry } | Self::PutAside { folder, entry } => {
                write!(f, "take {} away", PathBuf::from(".envtool").join(folder).join(entry).display())
            }
            Self::Adopt { package, files, .. } => {
                let names: Vec<&str> = files.keys().map(String::as_str).collect();
                write!(f, "pin {package}, and take over {}", names.join(", "))
            }
            Self::Rewrite { file, from, to } => {
                let file = PathBuf::from(".envtool").join(file);
                write!(f, "write {} for {} in {}", to.display(), from.display(), file.display())
            }
            Self::PinModule { id } => write!(f, "pin the Python package {id}"),
            Self::RemakeVenv { venv, forget } => {
                let folder = match venv.strip_prefix(PYTHON_TOOL) {
                    Some(tool) => format!("tools/{tool}"),
                    None => venv.clone(),
                };
                write!(f, "make {ENVIRONMENT}/{folder} anew")?;
                match forget.as_slice() {
                    [] => Ok(()),
                    names => {
                        let names: Vec<&str> = names.iter().map(ModuleName::as_str).collect();
                        write!(f, ", without what the store has of {}", names.join(", "))
                    }
                }
            }
            Self::Shebang { file, from, to } => {
                write!(f, "write `{to}` for `{from}` in {}", file.display())
            }
            Self::ConfigEntry => write!(f, "put the environment's entry right in cargo's configuration"),
            Self::Relock { file, moves } => {
                write!(f, "make {} again from the receipts of what is installed: ", file.name())?;
                match moves.as_slice() {
                    [] => write!(f, "no version moves"),
                    moves => write!(f, "\n    {}", moves.join("\n    ")),
                }
            }
            Self::Sync => write!(f, "make the environment what the lock says"),
        }
    }
}
