//! What a command finds around it, read once: the current folder, the variables, the global flags.
#![expect(clippy::disallowed_methods, reason = "this is the door to the process's surroundings")]

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cargo_config::Variables;
use crate::fault::{Fault, Result};
use crate::fs::Waiting;
use crate::mirror::{self, Mirror};
use crate::progress::Progress;
use crate::secret::without_secrets;

/// How long a lock is waited for, in seconds, where `ENVTOOL_LOCK_TIMEOUT` does not say.
const LOCK_TIMEOUT: u64 = 300;
/// The same for an envtool that builds a tool: that may take long.
const BUILD_TIMEOUT: u64 = 3 * 60 * 60;

/// The flags that every command takes.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--directory`.
    pub directory: Option<PathBuf>,
    /// `--jobs`.
    pub jobs: Option<usize>,
    /// `--offline`.
    pub offline: bool,
    /// `--locked`.
    pub locked: bool,
    /// `--json`.
    pub json: bool,
    /// How often `--verbose` was given.
    pub verbose: u8,
}

/// What a command finds around it.
#[derive(Clone)]
pub struct Context<'a> {
    /// The folder to start from: `--directory`, or the current one.
    pub folder: PathBuf,
    /// The current folder.
    pub current: PathBuf,
    /// The flags.
    pub flags: Flags,
    /// Who is told what is going on.
    pub progress: &'a dyn Progress,
    /// `PATH`.
    pub path: OsString,
    /// `SSL_CERT_FILE`.
    pub certificates: Option<PathBuf>,
    /// `RUSTC`.
    pub rustc: Option<OsString>,
    /// `RUSTUP_TOOLCHAIN`.
    pub toolchain: Option<OsString>,
    /// `CI`: whether a service runs this, and nobody answers.
    pub is_ci: bool,
    /// `ENVTOOL_ENV`: the environment that is activated in the user's shell.
    pub active: Option<PathBuf>,
    /// `SHELL`: the shell that the user logs in with.
    pub shell: Option<OsString>,
    cache: Option<PathBuf>,
    cargo_home: Option<PathBuf>,
    home: Option<PathBuf>,
    install_root: Option<PathBuf>,
    lock_timeout: Option<Duration>,
    mirror: Option<OsString>,
    projects_mirror: Option<Mirror>,
    mirror_token: Option<OsString>,
}

/// A variable of the surroundings. An empty one stands for none.
pub fn variable(name: impl AsRef<OsStr>) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

impl<'a> Context<'a> {
    /// Reads the surroundings.
    pub fn read(flags: Flags, progress: &'a dyn Progress) -> Result<Self> {
        let current = std::env::current_dir().map_err(|error| {
            Fault::new("could not find the current folder")
                .because(&error)
                .help("change to a folder that is there")
        })?;
        let folder = match &flags.directory {
            Some(directory) => existing(&current.join(directory))?,
            None => current.clone(),
        };
        let var = |name: &str| variable(name);
        let home = dirs::home_dir().filter(|home| home.is_absolute());
        let cargo_home =
            var("CARGO_HOME").map(|at| current.join(at)).or_else(|| Some(home.as_ref()?.join(".cargo")));
        let cache = var("ENVTOOL_CACHE_DIR").map(|at| current.join(at));
        let cache = cache.or_else(|| Some(dirs::cache_dir().filter(|at| at.is_absolute())?.join("envtool")));
        let install_root = var("CARGO_INSTALL_ROOT").map(|at| current.join(at));
        let said_by = |name: &'static str| if var(name).is_some() { name } else { "default" };
        tracing::debug!(?folder, ?flags, "starts");
        if tracing::enabled!(tracing::Level::DEBUG) {
            for (name, value) in std::env::vars_os().filter(|(name, _)| is_ours(name)) {
                tracing::debug!(
                    said = without_secrets(&format!("{}={}", name.display(), value.display())),
                    "a variable"
                );
            }
        }
        tracing::debug!(?cache, from = said_by("ENVTOOL_CACHE_DIR"), "the store");
        tracing::debug!(?cargo_home, from = said_by("CARGO_HOME"), "cargo's home");
        Ok(Self {
            folder,
            current,
            flags,
            progress,
            path: var("PATH").unwrap_or_default(),
            certificates: var("SSL_CERT_FILE").map(PathBuf::from),
            rustc: var("RUSTC"),
            toolchain: var("RUSTUP_TOOLCHAIN"),
            is_ci: var("CI").is_some_and(|value| value != "false" && value != "0"),
            active: var("ENVTOOL_ENV").map(PathBuf::from),
            shell: var("SHELL"),
            cache,
            cargo_home,
            install_root,
            home,
            lock_timeout: lock_timeout(var("ENVTOOL_LOCK_TIMEOUT"))?,
            mirror: var(mirror::VARIABLE),
            projects_mirror: None,
            mirror_token: var(mirror::TOKEN_VARIABLE),
        })
    }

    /// The same with other flags.
    #[must_use]
    pub fn with_flags(&self, flags: Flags) -> Self {
        Self { flags, ..self.clone() }
    }

    /// The same for a project of the store, which is to ask the mirror of another.
    #[must_use]
    pub fn with_mirror(&self, mirror: Mirror) -> Self {
        Self { projects_mirror: Some(mirror), ..self.clone() }
    }

    /// The folder of the store.
    pub fn cache(&self) -> Result<&Path> {
        self.cache.as_deref().ok_or_else(|| {
            Fault::new("could not find a place for the store")
                .why("there is neither HOME nor XDG_CACHE_HOME")
                .help("set ENVTOOL_CACHE_DIR to a folder that you may write to")
        })
    }

    /// This program.
    pub fn program(&self) -> Result<PathBuf> {
        std::env::current_exe().map_err(|error| {
            Fault::new("could not find out where this envtool lies")
                .because(&error)
                .help("call it by its full path")
        })
    }

    /// The user's home.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// cargo's home.
    pub fn cargo_home(&self) -> Result<&Path> {
        self.cargo_home.as_deref().ok_or_else(|| {
            Fault::new("could not find cargo's home")
                .why("there is neither HOME nor CARGO_HOME")
                .help("set HOME, or set CARGO_HOME to a folder that cargo may keep its files in")
        })
    }

    /// Every folder that `cargo install` may have installed into, each once.
    pub fn install_roots(&self) -> Vec<PathBuf> {
        let home = self.home.as_ref().map(|home| home.join(".cargo"));
        let mut roots: Vec<PathBuf> = Vec::new();
        for root in [self.install_root.clone(), self.cargo_home.clone(), home].into_iter().flatten() {
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        roots
    }

    /// The mirror that the user names; `None` where nobody says, `Some(None)` where there is to be none.
    pub fn mirror(&self) -> Result<Option<Option<Mirror>>> {
        let Some(value) = &self.mirror else { return Ok(self.projects_mirror.clone().map(Some)) };
        if value == mirror::OFF {
            return Ok(Some(None));
        }
        let url = value.to_string_lossy().parse().map_err(|fault: Fault| {
            fault
                .while_doing(format!("could not use the mirror that {} names", mirror::VARIABLE))
                .with_exit_code(2)
        })?;
        let token = self.mirror_token.as_ref().map(|token| mirror::token(&token.to_string_lossy()));
        Ok(Some(Some(Mirror::of_the_user(url, token.transpose()?))))
    }

    /// cargo's variables.
    pub fn cargo_variables(&self) -> Variables {
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        std::env::vars_os().filter_map(text).filter(|(name, _)| name.starts_with("CARGO_")).collect()
    }

    /// The variables whose names `wanted` takes.
    pub fn variables(&self, wanted: impl Fn(&str) -> bool) -> BTreeMap<String, OsString> {
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
        std::env::vars_os().filter_map(text).filter(|(name, _)| wanted(name)).collect()
    }

    /// How locks are waited for.
    pub fn waiting<'w>(&self, tell: &'w dyn Fn()) -> Waiting<'w> {
        Waiting { at_most: self.lock_timeout.unwrap_or(Duration::from_secs(LOCK_TIMEOUT)), tell }
    }

    /// How the end of a build is waited for.
    pub fn waiting_for_build<'w>(&self, tell: &'w dyn Fn()) -> Waiting<'w> {
        Waiting { at_most: self.lock_timeout.unwrap_or(Duration::from_secs(BUILD_TIMEOUT)), tell }
    }

    /// Says on standard error that another envtool is waited for.
    pub fn tell_waiting(&self) {
        self.progress.warn("waiting for another envtool to finish");
    }
}

fn is_ours(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("ENVTOOL_"))
}

fn existing(folder: &Path) -> Result<PathBuf> {
    if crate::fs::is_folder(folder)? {
        return crate::fs::canonical(folder);
    }
    Err(Fault::usage(format!("there is no folder {}", folder.display()))
        .help("name one that is there with --directory"))
}

fn lock_timeout(value: Option<OsString>) -> Result<Option<Duration>> {
    let Some(value) = value else {
        return Ok(None);
    };
    let seconds = value.to_str().and_then(|text| text.parse().ok());
    seconds.map(Duration::from_secs).map(Some).ok_or_else(|| {
        Fault::usage(format!("ENVTOOL_LOCK_TIMEOUT is no number of seconds: {}", value.display()))
            .help("set it to a whole number, such as 60")
    })
}
