//! Where pip's and uv's settings lie on this machine.

use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::fault::Result;
use crate::fs;
use crate::python_index::{self, IndexSettings, Sources};

/// Reads what the user and the machine say of indexes; never what a project says.
pub(super) fn read(context: &Context) -> Result<IndexSettings> {
    let folders = Folders::new(context);
    let variables = context.variables(python_index::is_wanted);
    let named = |name: &str| {
        let value = variables.get(name).filter(|value| !value.is_empty())?;
        Some(context.current.join(value))
    };
    let is_on = |name: &str| {
        variables.get(name).is_some_and(|value| !["", "0", "false"].contains(&&*value.to_string_lossy()))
    };
    IndexSettings::read(&Sources {
        pip: texts(&folders.pip(named("PIP_CONFIG_FILE").as_deref())?)?,
        uv: match (is_on("UV_NO_CONFIG"), named("UV_CONFIG_FILE")) {
            (true, _) => Vec::new(),
            (false, Some(only)) => texts(&[only])?,
            (false, None) => texts(&folders.uv()?)?,
        },
        folder: context.current.clone(),
        variables,
    })
}

/// The folder of the passwords that `uv auth login` keeps; `None` where it keeps none.
pub(super) fn credentials(context: &Context) -> Result<Option<PathBuf>> {
    let wanted = ["UV_CREDENTIALS_DIR", "XDG_DATA_HOME", "APPDATA"];
    let variables = context.variables(|name| wanted.contains(&name));
    let named = |name: &str| variables.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = match cfg!(windows) {
        true => named("APPDATA").map(|folder| folder.join("uv/data")),
        false => named("XDG_DATA_HOME")
            .filter(|folder| folder.is_absolute())
            .or_else(|| Some(context.home()?.join(".local/share")))
            .map(|folder| folder.join("uv")),
    };
    let folder = match named("UV_CREDENTIALS_DIR") {
        Some(own) => Some(context.current.join(own)),
        None => data.map(|data| data.join("credentials")),
    };
    let Some(folder) = folder else { return Ok(None) };
    Ok(fs::is_file(&folder.join("credentials.toml"))?.then_some(folder))
}

/// The files that are there.
fn texts(paths: &[PathBuf]) -> Result<Vec<(PathBuf, String)>> {
    let mut texts = Vec::new();
    for path in paths {
        if let Some(text) = fs::read_text(path)? {
            tracing::debug!(?path, "reads what pip or uv was told");
            texts.push((path.clone(), text));
        }
    }
    Ok(texts)
}

/// Where configuration lies on each system.
struct Folders {
    home: Option<PathBuf>,
    /// The user's: `$XDG_CONFIG_HOME`, or what the system has in its place.
    config: Option<PathBuf>,
    /// The machine's, most precedence first.
    machine: Vec<PathBuf>,
    /// `%APPDATA%` and `%ProgramData%`.
    windows: (Option<PathBuf>, Option<PathBuf>),
}

impl Folders {
    fn new(context: &Context) -> Self {
        let wanted = ["XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "APPDATA", "PROGRAMDATA", "ProgramData"];
        let variables = context.variables(|name| wanted.contains(&name));
        let absolute = |name: &str| variables.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = context.home().map(Path::to_owned);
        let config = absolute("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")));
        let machine = variables.get("XDG_CONFIG_DIRS").filter(|value| !value.is_empty());
        let machine = machine.map_or_else(
            || vec![PathBuf::from("/etc/xdg")],
            |value| std::env::split_paths(value).filter(|path| path.is_absolute()).collect(),
        );
        let windows = (absolute("APPDATA"), absolute("PROGRAMDATA").or_else(|| absolute("ProgramData")));
        Self { home, config, machine, windows }
    }

    /// pip's files, least precedence first (`_internal/configuration.py`, `iter_config_files`). `named` is what
    /// `PIP_CONFIG_FILE` names: the null device stands for no file at all, and a file that is there for the user's.
    fn pip(&self, named: Option<&Path>) -> Result<Vec<PathBuf>> {
        if named == Some(Path::new(if cfg!(windows) { "nul" } else { "/dev/null" })) {
            return Ok(Vec::new());
        }
        let mut files: Vec<PathBuf> = Vec::new();
        if cfg!(windows) {
            files.extend(self.windows.1.iter().map(|folder| folder.join("pip/pip.ini")));
        } else if cfg!(target_os = "macos") {
            files.push("/Library/Application Support/pip/pip.conf".into());
        } else {
            files.extend(self.machine.iter().map(|folder| folder.join("pip/pip.conf")));
            files.push("/etc/pip.conf".into());
        }
        let replaced = match named {
            Some(named) => fs::is_file(named)?,
            None => false,
        };
        if !replaced && cfg!(windows) {
            files.extend(self.home.iter().map(|home| home.join("pip/pip.ini")));
            files.extend(self.windows.0.iter().map(|folder| folder.join("pip/pip.ini")));
        } else if !replaced {
            files.extend(self.home.iter().map(|home| home.join(".pip/pip.conf")));
            let mac = self.home.as_ref().map(|home| home.join("Library/Application Support/pip"));
            match mac {
                Some(mac) if cfg!(target_os = "macos") && fs::is_folder(&mac)? => {
                    files.push(mac.join("pip.conf"));
                }
                _ => files.extend(self.config.iter().map(|folder| folder.join("pip/pip.conf"))),
            }
        }
        files.extend(named.map(Path::to_owned));
        Ok(files)
    }

    /// uv's files, most precedence first: the user's and one of the machine's.
    fn uv(&self) -> Result<Vec<PathBuf>> {
        let (user, machine) = match cfg!(windows) {
            true => (&self.windows.0, self.windows.1.iter().cloned().collect()),
            false => (&self.config, self.machine.clone()),
        };
        let mut files: Vec<PathBuf> = user.iter().map(|folder| folder.join("uv/uv.toml")).collect();
        let mut machine: Vec<PathBuf> = machine.iter().map(|folder| folder.join("uv/uv.toml")).collect();
        if !cfg!(windows) {
            machine.push("/etc/uv/uv.toml".into());
        }
        for file in machine {
            if fs::is_file(&file)? {
                files.push(file);
                break;
            }
        }
        Ok(files)
    }
}
