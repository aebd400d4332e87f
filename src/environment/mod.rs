//! An environment: the folder `.envtool/` of a project, opened, made, listed and changed.
//!
//! Whoever changes it holds its [`EnvironmentLock`]; a change is made ready in `staging/` and carried out by
//! [`Environment::commit`], which another envtool can finish. Its shape on disk stands in [`crate::layout`].

mod activate;
mod carrying;
mod change;
mod fixes;
mod journal;
mod line;
mod link;
mod record;
mod trust;
mod undo;
mod variables;
mod venv;

pub use activate::{SCRIPTS, Script, is_reserved, is_script};
pub use change::Change;
pub use journal::Beside;
pub use line::{Line, first_line};
pub use link::place;
pub use record::{PythonRecord, Record};
pub use undo::{Rewrite, changed_meanwhile};
pub use variables::{path_inside, variables};
pub use venv::{PYTHON_NAMES, PYTHON_SCRIPT, Venv};

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::digest::{Digest, Hasher};
use crate::fault::{Fault, Result};
use crate::fs::{self, Kind};
use crate::layout::{EnvironmentLayout, PYTHON, ProjectLayout, RESOLVING, TOOLS, is_crate_folder};
use crate::parallel;
use crate::receipt::{Receipt, ToolReceipt};

/// An environment that is there.
#[derive(Debug)]
pub struct Environment {
    project: ProjectLayout,
    layout: EnvironmentLayout,
    record: Record,
    /// Exchanges two folders in one step, or says that it cannot.
    exchange: fn(&Path, &Path) -> Result<bool>,
}

/// Shows that nobody else changes the environment while it is held.
#[derive(Debug)]
pub struct EnvironmentLock {
    lock: fs::Lock,
    path: PathBuf,
}

impl EnvironmentLock {
    /// Whether the file that is locked is still the environment's: it may have been removed before it was locked.
    pub fn is_there(&self) -> Result<bool> {
        self.lock.is_at(&self.path)
    }
}

/// The names in an environment's folders of crates.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Folder (`vendor`, `vendor-ID`) → name → where it points, for a link.
    pub folders: BTreeMap<String, BTreeMap<OsString, Option<PathBuf>>>,
    /// Links whose end is gone.
    pub dangling: usize,
}

/// Whether a folder holds no more than what envtool puts into a new environment: one that was killed while it made
/// it leaves that.
fn is_skeleton(layout: &EnvironmentLayout) -> Result<bool> {
    for name in fs::names(layout.root())?.unwrap_or_default() {
        let path = layout.root().join(&name);
        let known = match name.to_str() {
            Some("bin") => fs::kind(&path)? == Kind::Folder && activate::is_all(&path)?,
            Some("receipts" | "journal") => {
                fs::kind(&path)? == Kind::Folder && fs::names(&path)?.is_none_or(|names| names.is_empty())
            }
            Some("env.toml" | ".gitignore" | ".lock") => fs::kind(&path)? == Kind::File,
            Some(name) => name.starts_with(fs::ASIDE) || name.starts_with(RESOLVING),
            None => false,
        };
        if !known {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Environment {
    /// Opens the environment of a project; `None` where there is none. What is called `.envtool` and is no
    /// environment is never touched: it is an error.
    pub fn open(project: &ProjectLayout) -> Result<Option<Self>> {
        let layout = project.environment();
        let root = layout.root();
        let not_one = |what: &str| {
            Fault::new(format!("{} is not an environment", root.display()))
                .why(what.to_owned())
                .help(format!("move it away (`mv {0} {0}.old`), then run `envtool init`", root.display()))
        };
        match fs::kind(root)? {
            Kind::Absent => return Ok(None),
            Kind::Folder => {}
            Kind::Link if fs::is_folder(root)? => {}
            Kind::Link => return Err(not_one("it is a link that leads nowhere, or not to a folder")),
            Kind::File | Kind::Other => return Err(not_one("it is not a folder")),
        }
        let mut text = fs::read_text(&layout.record())?;
        if text.is_none() {
            if is_skeleton(&layout)? {
                return Ok(None);
            }
            // Another envtool may have finished it since, and begun to fill it.
            text = fs::read_text(&layout.record())?;
        }
        let text = text.ok_or_else(|| {
            not_one("it has no env.toml: somebody else's folder, or an environment that lost it")
        })?;
        let record = Record::parse(&text, &layout.record().display().to_string())?;
        Ok(Some(Self { project: project.clone(), layout, record, exchange: fs::exchange }))
    }

    /// Removes it again where it holds nothing yet: for a first sync that failed.
    pub fn remove_if_new(&self, _lock: &EnvironmentLock) -> Result<()> {
        if is_skeleton(&self.layout)? { fs::remove_tree(self.layout.root()) } else { Ok(()) }
    }

    /// The environment of a project, made where there is none, and locked. It is made under the lock: whoever holds that
    /// clears away what others have not finished.
    pub fn make_and_lock(
        project: &ProjectLayout,
        waiting: &fs::Waiting<'_>,
    ) -> Result<(Self, EnvironmentLock)> {
        let layout = project.environment();
        for _ in 0..100 {
            // What is somebody else's gets no lock either.
            if Self::open(project)?.is_none() && !fs::is_folder(layout.root())? {
                fs::create_folders(layout.root())?;
            }
            let path = layout.lock();
            let lock = match fs::lock(&path, true, waiting) {
                Ok(lock) => EnvironmentLock { lock, path },
                // Another envtool has removed the folder again.
                Err(_) if !fs::is_folder(layout.root())? => continue,
                Err(fault) => return Err(fault),
            };
            if lock.is_there()? {
                return Ok((Self::create(project)?, lock));
            }
        }
        Err(Fault::new(format!("{} is removed again and again", layout.root().display()))
            .help("see what else works on it, and try again"))
    }

    /// Makes the environment of a project where there is none.
    pub(crate) fn create(project: &ProjectLayout) -> Result<Self> {
        if let Some(found) = Self::open(project)? {
            return Ok(found);
        }
        let layout = project.environment();
        for folder in [layout.root().to_owned(), layout.bin(), layout.receipts(), layout.journals()] {
            if !fs::is_folder(&folder)? {
                fs::create_folders(&folder)?;
            }
        }
        activate::write(&layout)?;
        fs::write(&layout.gitignore(), b"*\n")?;
        let record = Record::new();
        // Last, since it is what makes the folder an environment.
        fs::write(&layout.record(), record.to_text()?.as_bytes())?;
        Ok(Self { project: project.clone(), layout, record, exchange: fs::exchange })
    }

    /// Its paths.
    pub fn layout(&self) -> &EnvironmentLayout {
        &self.layout
    }

    /// What it is known by.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Notes with which cargo it was made.
    pub fn note_cargo(&self, version: &str, _lock: &EnvironmentLock) -> Result<()> {
        self.note(|record| record.cargo = Some(version.to_owned()))
    }

    /// Changes what it is known by, as that lies on disk now.
    fn note(&self, change: impl FnOnce(&mut Record)) -> Result<()> {
        let path = self.layout.record();
        let text = fs::read_text(&path)?.unwrap_or_default();
        let mut record = Record::parse(&text, &path.display().to_string())?;
        change(&mut record);
        fs::write_if_changed(&path, record.to_text()?.as_bytes()).map(drop)
    }

    /// Notes for which Python its modules are installed; `None` where it has none.
    pub fn note_python(&self, python: Option<PythonRecord>, _lock: &EnvironmentLock) -> Result<()> {
        self.note(|record| record.python = python)
    }

    /// Notes that what it holds is for this platform.
    pub fn note_platform(&self, _lock: &EnvironmentLock) -> Result<()> {
        if self.record.is_of_this_platform() {
            return Ok(());
        }
        self.note(|record| record.platform = Record::new().platform)
    }

    /// Gives it an id of its own: it is a copy of another one.
    pub fn renew_id(&mut self, _lock: &EnvironmentLock) -> Result<()> {
        self.record.id = Record::new().id;
        fs::write(&self.layout.record(), self.record.to_text()?.as_bytes())
    }

    /// Whether cargo has anything to read here.
    pub fn has_cargo_toml(&self) -> Result<bool> {
        fs::is_file(&self.layout.cargo_toml())
    }

    /// Locks it against other changes.
    pub fn lock(&self, waiting: &fs::Waiting<'_>) -> Result<EnvironmentLock> {
        let path = self.layout.lock();
        Ok(EnvironmentLock { lock: fs::lock(&path, true, waiting)?, path })
    }

    /// Locks it where nobody else has; `None` where somebody has.
    pub fn try_lock(&self) -> Result<Option<EnvironmentLock>> {
        let path = self.layout.lock();
        Ok(fs::try_lock(&path)?.map(|lock| EnvironmentLock { lock, path }))
    }

    /// The folders of crates that are there: `vendor`, `vendor-ID`.
    pub fn folders(&self) -> Result<Vec<String>> {
        let names = fs::names(self.layout.root())?.unwrap_or_default();
        let mut folders = Vec::new();
        for name in
            names.into_iter().filter_map(|name| name.into_string().ok()).filter(|name| is_crate_folder(name))
        {
            match fs::kind(&self.layout.folder(&name))? {
                Kind::Folder => folders.push(name),
                Kind::Absent => {}
                Kind::Link | Kind::File | Kind::Other => {
                    let path = self.layout.folder(&name);
                    return Err(Fault::new(format!("could not use {}", path.display()))
                        .why("it is not a folder, and envtool did not put it there")
                        .help(format!(
                            "move it away (`mv {} /tmp`), then run `envtool sync`",
                            path.display()
                        )));
                }
            }
        }
        Ok(folders)
    }

    /// The names in its folders of crates.
    pub fn listing(&self) -> Result<Listing> {
        let mut listing = Listing::default();
        for folder in self.folders()? {
            let path = self.layout.folder(&folder);
            let names = fs::names(&path)?.unwrap_or_default();
            // Two looks an entry, at a microsecond or two each: a second thread halves what a sync with nothing to do
            // takes in a large environment.
            let (first, second) = names.split_at(names.len() / 2);
            let looked = std::thread::scope(|scope| {
                let other = scope.spawn(|| look(&path, second));
                let first = look(&path, first);
                (first, other.join())
            });
            let mut entries = BTreeMap::new();
            for half in [looked.0, looked.1.unwrap_or_else(|_| look(&path, second))] {
                let (half, dangling) = half?;
                entries.extend(half);
                listing.dangling += dangling;
            }
            listing.folders.insert(folder, entries);
        }
        Ok(listing)
    }

    /// The digest of the names alone, of crates and of receipts: what can be looked at before every command.
    pub fn names(&self) -> Result<Digest> {
        let mut hasher = Hasher::default();
        let crates = self.folders()?.into_iter();
        let folders = crates.flat_map(|name| [self.layout.folder(&name), self.layout.receipts().join(name)]);
        let mut folders: Vec<PathBuf> = folders.chain([self.layout.receipts().join(TOOLS)]).collect();
        for name in self.venvs()? {
            folders.push(self.layout.receipts().join(&name));
            let Some(venv) = self.venv(&name)? else { continue };
            folders.push(venv.site());
            // Its interpreter may go with the machine's.
            hasher.update(&[u8::from(fs::is_file(&venv.python())?)]);
            for name in PYTHON_NAMES.iter().filter(|_| name == PYTHON) {
                hasher.update(&[u8::from(fs::is_file(&self.layout.bin().join(name))?)]);
            }
        }
        for path in folders {
            for name in fs::names(&path)?.unwrap_or_default().into_iter().filter(|name| name != CACHES) {
                hasher.update(name.as_encoded_bytes());
                hasher.update(b"\0");
            }
            hasher.update(b"\0");
        }
        Ok(hasher.finish())
    }

    /// Every receipt, with the folder it belongs to.
    pub fn receipts(&self) -> Result<Vec<(String, Receipt)>> {
        let mut files = Vec::new();
        let root = self.layout.receipts();
        for folder in fs::names(&root)?.unwrap_or_default() {
            let path = root.join(&folder);
            let Some(folder) = folder.to_str().filter(|name| is_crate_folder(name)) else { continue };
            let names = fs::names(&path)?.unwrap_or_default();
            files.extend(names.into_iter().map(|name| (folder.to_owned(), path.join(name))));
        }
        let receipts = parallel::each(files, |(folder, file)| {
            let Some(bytes) = fs::read(&file)? else { return Ok(None) };
            let receipt = Receipt::parse(&bytes, &file.display().to_string())?;
            Ok(Some((folder, receipt)))
        })?;
        let mut receipts: Vec<(String, Receipt)> = receipts.into_iter().flatten().collect();
        receipts.sort_by(|(a, one), (b, other)| (a, &one.package).cmp(&(b, &other.package)));
        Ok(receipts)
    }

    /// The receipt of every tool, by name.
    pub fn tool_receipts(&self) -> Result<Vec<ToolReceipt>> {
        let folder = self.layout.receipts().join(TOOLS);
        let mut receipts = Vec::new();
        for name in fs::names(&folder)?.unwrap_or_default() {
            let file = folder.join(name);
            if let Some(bytes) = fs::read(&file)? {
                receipts.push(ToolReceipt::parse(&bytes, &file.display().to_string())?);
            }
        }
        receipts.sort_by(|a, b| a.package.cmp(&b.package));
        Ok(receipts)
    }

    /// What lies in `bin/`: each name, and where it points for a link.
    pub fn bin(&self) -> Result<BTreeMap<OsString, Option<PathBuf>>> {
        let folder = self.layout.bin();
        let names = fs::names(&folder)?.unwrap_or_default();
        names
            .into_iter()
            .map(|name| fs::link_target(&folder.join(&name)).map(|target| (name, target)))
            .collect()
    }
}

/// What Python compiles lies in folders of this name: never a change.
const CACHES: &str = "__pycache__";

/// The entries of a folder: where each points, for a link, and how many lead nowhere.
type Looked = (Vec<(OsString, Option<PathBuf>)>, usize);

fn look(folder: &Path, names: &[OsString]) -> Result<Looked> {
    let (mut entries, mut dangling) = (Vec::with_capacity(names.len()), 0);
    let folder = fs::Folder::open(folder)?;
    for name in names {
        let target = folder.link_target(name)?;
        if target.is_some() && !folder.leads_somewhere(name)? {
            dangling += 1;
        }
        entries.push((name.clone(), target));
    }
    Ok((entries, dangling))
}

impl Listing {
    /// One digest of all names and links.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::default();
        for (folder, entries) in &self.folders {
            hasher.update(format!("{folder}\0\0").as_bytes());
            for (name, target) in entries {
                hasher.update(name.as_encoded_bytes());
                hasher.update(b"\0");
                hasher.update(target.as_deref().unwrap_or("".as_ref()).as_os_str().as_encoded_bytes());
                hasher.update(b"\0");
            }
        }
        hasher.finish()
    }
}
