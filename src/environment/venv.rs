//! The venvs of an environment: `python/` for the modules that the project imports, `tools/NAME/` for each tool from
//! PyPI. What a venv is for says its `pyvenv.cfg` (PEP 405).

use std::path::PathBuf;

use super::Environment;
use crate::fault::Result;
use crate::fs;
use crate::layout::{PYTHON, is_venv_folder};
use crate::receipt::ModuleReceipt;

/// What stands for `python` and `python3` in `bin/`. A link would not do: Python looks for its `pyvenv.cfg` beside the
/// path that it was called by.
pub const PYTHON_SCRIPT: &str = include_str!("activate/python.sh");
/// The names that [`PYTHON_SCRIPT`] has in `bin/`.
pub const PYTHON_NAMES: [&str; 2] = ["python", "python3"];

/// A venv, as its `pyvenv.cfg` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Venv {
    /// Its folder.
    pub root: PathBuf,
    /// The version of its Python, as `3.11.7`.
    pub version: String,
    /// The folder of the interpreter that it was made from.
    pub home: PathBuf,
    /// Whether modules of the user and the system are visible in it.
    pub sees_system: bool,
    /// Whether envtool made it: another one in its place is somebody's own.
    pub ours: bool,
}

/// The key in the `pyvenv.cfg` of a venv that envtool made.
const MARK: &str = "envtool";

impl Venv {
    /// Reads the venv in a folder; `None` where there is none.
    pub fn read(root: PathBuf) -> Result<Option<Self>> {
        let Some(text) = fs::read_text(&root.join("pyvenv.cfg"))? else { return Ok(None) };
        let value = |key: &str| {
            let line = text.lines().filter_map(|line| line.split_once('=')).find(|(k, _)| k.trim() == key);
            line.map(|(_, value)| value.trim().to_owned())
        };
        Ok(Some(Self {
            version: value("version_info").or_else(|| value("version")).unwrap_or_default(),
            home: value("home").unwrap_or_default().into(),
            sees_system: value("include-system-site-packages").is_some_and(|value| value == "true"),
            ours: value(MARK).is_some(),
            root,
        }))
    }

    /// Notes in it that envtool made it. Python passes over keys that it does not know.
    pub fn mark(&self) -> Result<()> {
        let path = self.root.join("pyvenv.cfg");
        let text = fs::read_text(&path)?.unwrap_or_default();
        fs::write(&path, format!("{}\n{MARK} = {}\n", text.trim_end(), env!("CARGO_PKG_VERSION")).as_bytes())
    }

    /// Its interpreter.
    pub fn python(&self) -> PathBuf {
        self.bin().join("python")
    }

    /// The folder of its executables.
    pub fn bin(&self) -> PathBuf {
        self.root.join(if cfg!(windows) { "Scripts" } else { "bin" })
    }

    /// The folder of its modules.
    pub fn site(&self) -> PathBuf {
        let mut numbers = self.version.split('.');
        let minor = format!("{}.{}", numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        match cfg!(windows) {
            true => self.root.join("Lib/site-packages"),
            false => self.root.join(format!("lib/python{minor}/site-packages")),
        }
    }
}

impl Environment {
    /// The names of its venvs, as folders of receipts have them: `python`, `python-NAME` for that of a tool.
    pub fn venvs(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        if fs::is_folder(&self.layout.folder(PYTHON))? {
            names.push(PYTHON.to_owned());
        }
        for tool in fs::names(&self.layout.tool_venvs())?.unwrap_or_default() {
            let name = tool.to_str().map(|tool| format!("{}{tool}", crate::layout::PYTHON_TOOL));
            names.extend(name.filter(|name| is_venv_folder(name)));
        }
        Ok(names)
    }

    /// A venv of this environment; `None` where it is not there.
    pub fn venv(&self, name: &str) -> Result<Option<Venv>> {
        Venv::read(self.layout.folder(name))
    }

    /// The receipts of a venv, by name.
    pub fn module_receipts(&self, venv: &str) -> Result<Vec<ModuleReceipt>> {
        let folder = self.layout.receipts().join(venv);
        let mut receipts = Vec::new();
        for name in fs::names(&folder)?.unwrap_or_default() {
            let file = folder.join(name);
            if let Some(bytes) = fs::read(&file)? {
                receipts.push(ModuleReceipt::parse(&bytes, &file.display().to_string())?);
            }
        }
        receipts.sort_by(|a, b| a.module.cmp(&b.module));
        Ok(receipts)
    }

    /// The receipts of every venv, with its name.
    pub fn all_module_receipts(&self) -> Result<Vec<(String, ModuleReceipt)>> {
        let mut all = Vec::new();
        for name in fs::names(&self.layout.receipts())?.unwrap_or_default() {
            let Some(venv) = name.to_str().filter(|name| is_venv_folder(name)) else { continue };
            all.extend(self.module_receipts(venv)?.into_iter().map(|receipt| (venv.to_owned(), receipt)));
        }
        Ok(all)
    }
}
