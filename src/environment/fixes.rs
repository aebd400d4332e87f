//! What a fix of `doctor` replaced: `journal/fix-N/`, so that it can be taken back.
//!
//! ```text
//! fix-N/fix.json    files beside the environment, cargo.toml and receipts as they were; which folders were replaced
//! fix-N/NAME        the old folder of crates, or the old bin/
//! fix-N/done        what the files beside the environment were afterwards: the fix is complete
//! ```
//!
//! To take a fix back is a change like any other: decided by the journal, and finished by the next envtool where this
//! one is killed. Where a file was changed since the fix, it is refused: that text is the user's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::change::Change;
use super::journal::{Beside, Content, Folder, Journal, is_receipt, is_receipts};
use super::line::Line;
use super::{Environment, EnvironmentLock, PYTHON_NAMES, PythonRecord, is_script};
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::{BIN, PYTHON, is_crate_folder, is_venv_folder};

/// How many fixes are kept.
const KEPT: usize = 10;

/// What a fix replaced.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Before {
    /// Folders that lie here as they were.
    folders: Vec<String>,
    /// Folders that were not there.
    new: Vec<String>,
    files: Vec<(Beside, Option<Content>)>,
    cargo_toml: Option<String>,
    /// Entries without receipt that were taken away: folder and name.
    #[serde(default)]
    aside: Vec<(String, String)>,
    /// Whether there was no folder `.cargo`.
    #[serde(default)]
    no_cargo_folder: bool,
    /// Folder of receipts, file, text.
    receipts: BTreeMap<String, BTreeMap<String, String>>,
    /// First lines of scripts that were replaced.
    #[serde(default)]
    lines: Vec<Line>,
    /// The Python that modules were installed for.
    #[serde(default)]
    python: Option<PythonRecord>,
    /// The platform that the environment was for.
    #[serde(default)]
    platform: Option<String>,
}

/// What files beside the environment were after a fix.
type After = Vec<(Beside, Option<Digest>)>;

impl Environment {
    pub(super) fn fix_folder(&self, number: u32) -> PathBuf {
        self.layout.journals().join(format!("fix-{number}"))
    }

    /// The numbers of the fixes that can be taken back, the oldest first.
    fn fixes(&self) -> Result<Vec<u32>> {
        let mut found = Vec::new();
        for name in fs::names(&self.layout.journals())?.unwrap_or_default() {
            let number = name.to_str().and_then(|name| name.strip_prefix("fix-")?.parse().ok());
            if let Some(number) = number
                && fs::is_file(&self.fix_folder(number).join("done"))?
            {
                found.push(number);
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Removes what a fix left that was never decided.
    pub(super) fn clear_unfinished_fixes(&self) -> Result<()> {
        for name in fs::names(&self.layout.journals())?.unwrap_or_default() {
            let folder = self.layout.journals().join(&name);
            if name.to_string_lossy().starts_with("fix-") && !fs::is_file(&folder.join("done"))? {
                fs::remove_tree(&folder)?;
            }
        }
        Ok(())
    }

    /// Carries a change out in a way that [`Environment::undo`] takes back. `cargo_lock` is what Cargo.lock held before
    /// cargo resolved.
    pub fn commit_kept(
        &self,
        mut change: Change,
        cargo_lock: Option<&[u8]>,
        lock: &EnvironmentLock,
    ) -> Result<()> {
        self.refuse_writes_outside(&change)?;
        let fixes = self.fixes()?;
        for old in fixes.iter().rev().skip(KEPT - 1) {
            fs::remove_tree(&self.fix_folder(*old))?;
        }
        let number = fixes.last().map_or(1, |last| last.saturating_add(1));
        let folder = self.fix_folder(number);
        fs::remove_tree(&folder)?;
        fs::create_folders(&folder)?;
        let mut before =
            Before { cargo_toml: fs::read_text(&self.layout.cargo_toml())?, ..Before::default() };
        for name in change.folders_replaced() {
            match fs::is_folder(&self.layout.folder(&name))? {
                true => before.folders.push(name),
                false => before.new.push(name),
            }
        }
        for file in change.kept_files() {
            let bytes = match file {
                Beside::CargoLock => cargo_lock.map(<[u8]>::to_vec),
                _ => fs::read(&file.path(&self.project))?,
            };
            before.files.push((file, bytes.map(Content::from)));
        }
        before.aside = change.aside();
        before.no_cargo_folder = fs::kind(&self.project.cargo_folder())? == fs::Kind::Absent;
        before.receipts = self.receipt_texts()?;
        before.lines = change.lines().to_vec();
        before.python.clone_from(&self.record.python);
        before.platform = Some(self.record.platform.clone());
        let text = serde_json::to_vec(&before)
            .map_err(|error| Fault::bug("could not write the journal").because(&error))?;
        fs::write(&folder.join("fix.json"), &text)?;
        change.keep_old(number);
        self.commit(change, lock)
    }

    fn receipt_texts(&self) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
        let mut texts = BTreeMap::new();
        let root = self.layout.receipts();
        // What else lies there is somebody else's: no change touches it, and no undo has to.
        for folder in fs::names(&root)?.unwrap_or_default() {
            let path = root.join(&folder);
            let Some(folder) = folder.to_str().filter(|name| is_receipts(name)) else { continue };
            let mut files = BTreeMap::new();
            for name in fs::names(&path)?.unwrap_or_default() {
                let Some(name) = name.to_str().filter(|name| is_receipt(folder, name)) else { continue };
                if let Some(text) = fs::read_text(&path.join(name))? {
                    files.insert(name.to_owned(), text);
                }
            }
            texts.insert(folder.to_owned(), files);
        }
        Ok(texts)
    }

    /// The last step of a fix: what lay in staging is kept, and the fix is complete.
    pub(super) fn keep(&self, number: u32, journal: &Journal) -> Result<()> {
        let folder = self.fix_folder(number);
        let staging = self.layout.staging();
        // Where two renames took the place of an exchange, the old folder lies beside.
        let places = |name: &String| [staging.join(format!("old-{name}")), staging.join(name)];
        let staged = journal.folders.iter().map(|folder| &folder.name);
        let from_staging = staged.flat_map(|name| places(name).map(|place| (place, name)));
        let from_here = journal.folders_gone.iter().map(|name| (self.layout.folder(name), name));
        for (from, name) in from_staging.chain(from_here) {
            if fs::is_folder(&from)? && !fs::is_folder(&folder.join(name))? {
                fs::rename(&from, &folder.join(name))?;
            }
        }
        let digest = |file: &Beside| Ok(fs::read(&file.path(&self.project))?.as_deref().map(Digest::of));
        let after: After = journal
            .kept_files()
            .into_iter()
            .map(|file| digest(&file).map(|digest| (file, digest)))
            .collect::<Result<_>>()?;
        let text = serde_json::to_vec(&after)
            .map_err(|error| Fault::bug("could not write the journal").because(&error))?;
        fs::write(&folder.join("done"), &text)
    }

    /// Takes the last fix back. Says whether there was one.
    pub fn undo(&self, lock: &EnvironmentLock) -> Result<bool> {
        let Some(number) = self.fixes()?.pop() else { return Ok(false) };
        let folder = self.fix_folder(number);
        let before: Before = read(&folder.join("fix.json"))?;
        let after: After = read(&folder.join("done"))?;
        self.refuse_strange(&folder, &before)?;
        let has_changed = |path: &Path| {
            Fault::new(format!("could not take the last fix back: {} has changed since", path.display()))
                .help("bring that file back to what the fix left (git may have it), or change it by hand")
        };
        for (file, digest) in &after {
            let path = file.path(&self.project);
            if fs::read(&path)?.as_deref().map(Digest::of) != *digest {
                return Err(has_changed(&path));
            }
        }
        for line in &before.lines {
            if self.line_now(&line.file)?.is_some_and(|now| now != line.to.as_bytes()) {
                return Err(has_changed(&line.file));
            }
        }
        for (at, name) in &before.aside {
            let path = self.layout.folder(at).join(name);
            if fs::kind(&path)? != fs::Kind::Absent && !self.ours(at)?.contains(name) {
                let what =
                    format!("could not take the last fix back: {} was put there since", path.display());
                return Err(Fault::new(what).help("move it away, then run `envtool doctor --undo` again"));
            }
        }
        let mut change = self.begin(lock)?;
        let now = self.receipt_texts()?;
        for name in &before.folders {
            let ours = self.ours(name)?;
            change.restore(Folder { name: name.clone(), identity: fs::identity(&folder.join(name))?, ours });
        }
        for name in &before.new {
            let ours = self.ours(name)?;
            let entries = fs::names(&self.layout.folder(name))?.unwrap_or_default();
            if entries.iter().all(|entry| entry.to_str().is_some_and(|entry| ours.contains(entry))) {
                change.drop_folder(name);
            }
        }
        for (at, files) in &now {
            if !before.receipts.contains_key(at) {
                change.drop_receipt_folder(at);
            }
            for name in files.keys() {
                if !before.receipts.get(at).is_some_and(|files| files.contains_key(name)) {
                    change.drop_receipt(at, name);
                }
            }
        }
        for (at, files) in &before.receipts {
            for (name, text) in files {
                change.receipt_file(at, name, text.as_bytes())?;
            }
        }
        change.cargo_toml(before.cargo_toml.as_deref())?;
        let changed = before.files.iter().filter(|(file, content)| {
            let now = content.as_ref().map(|content| Digest::of(content.bytes()));
            !after.iter().any(|(other, digest)| other == file && *digest == now)
        });
        for (file, content) in changed {
            match content {
                Some(content) => change.file(file.clone(), content.bytes())?,
                None => change.drop_file(file.clone()),
            }
        }
        before.lines.into_iter().for_each(|line| change.line(line.back()));
        if before.no_cargo_folder {
            change.drop_cargo_folder();
        }
        change.take_from(number);
        self.commit(change, lock)?;
        self.note_python(before.python, lock)?;
        if let Some(platform) = before.platform {
            self.note(|record| record.platform = platform)?;
        }
        Ok(true)
    }

    /// What lies on disk may come from a stranger: nothing is followed that names, or leads to, what is not ours.
    fn refuse_strange(&self, folder: &Path, before: &Before) -> Result<()> {
        let folders = before.folders.iter().chain(&before.new);
        let aside = before.aside.iter().map(|(at, _)| at);
        let names = folders
            .clone()
            .chain(aside)
            .all(|name| name == BIN || is_crate_folder(name) || is_venv_folder(name));
        let receipts = before
            .receipts
            .iter()
            .all(|(at, files)| is_receipts(at) && files.keys().all(|file| is_receipt(at, file)));
        let lines = before.lines.iter().all(Line::is_ours);
        if !names || !receipts || !lines || !before.files.iter().all(|(file, _)| file.is_ours()) {
            return Err(Fault::new(format!("could not take back the fix in {}", folder.display()))
                .why("its record names what envtool never puts into an environment: somebody else wrote it")
                .help(format!(
                    "remove it: `rm -r {}`; `envtool sync` makes the environment what the lock says",
                    folder.display()
                )));
        }
        self.refuse_links()?;
        self.refuse_link(folder)?;
        before.folders.iter().try_for_each(|name| self.refuse_link(&folder.join(name)))?;
        before.lines.iter().try_for_each(|line| self.refuse_link_on_the_way(&line.file))
    }

    /// Brings the folders that a fix replaced back to where a change finds them. May be repeated.
    pub(super) fn bring_back(&self, number: u32, folders: &[Folder]) -> Result<()> {
        for Folder { name, .. } in folders {
            let kept = self.fix_folder(number).join(name);
            if fs::is_folder(&kept)? {
                fs::create_folders(&self.layout.staging())?;
                fs::rename(&kept, &self.layout.staging().join(name))?;
            }
        }
        Ok(())
    }

    /// Forgets a fix that was taken back.
    pub(super) fn forget(&self, number: u32) -> Result<()> {
        fs::remove_tree(&self.fix_folder(number))
    }

    /// What of a folder belongs to receipts, or is the environment's own.
    fn ours(&self, name: &str) -> Result<BTreeSet<String>> {
        if is_venv_folder(name) {
            // A venv is made and replaced as a whole.
            let names = fs::names(&self.layout.folder(name))?.unwrap_or_default();
            return Ok(names.into_iter().filter_map(|name| name.into_string().ok()).collect());
        }
        if name != BIN {
            let receipts = self.receipts()?.into_iter().filter(|(at, _)| at == name);
            return Ok(receipts.map(|(_, receipt)| receipt.entry()).collect());
        }
        let tools = self.tool_receipts()?.into_iter().flat_map(|receipt| receipt.bins.into_keys());
        let scripts =
            self.bin()?.into_keys().filter_map(|name| name.into_string().ok()).filter(|name| is_script(name));
        let modules = self.all_module_receipts()?;
        let python = modules.iter().any(|(venv, _)| venv == PYTHON);
        let python = PYTHON_NAMES.iter().filter(|_| python).map(|name| (*name).to_owned());
        let shown = modules.iter().flat_map(|(_, receipt)| receipt.bins.iter().cloned());
        Ok(tools.chain(scripts).chain(python).chain(shown).collect())
    }
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    let unreadable = || {
        Fault::new(format!("could not read {}", path.display()))
            .help("this fix cannot be taken back; `envtool sync` makes the environment what the lock says")
    };
    let bytes = fs::read(path)?.ok_or_else(unreadable)?;
    serde_json::from_slice(&bytes).map_err(|error| unreadable().because(&error))
}
