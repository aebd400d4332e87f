//! A change of an environment that is being made ready in `staging/`: what it puts in place, and what goes. How it is
//! decided and carried out says [`super::carrying`].

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::journal::{Beside, Folder, Journal};
use super::line::Line;
use super::{Environment, EnvironmentLock};
use crate::fault::Result;
use crate::fs;
use crate::layout::TOOLS;
use crate::package::PackageId;
use crate::receipt::{ModuleReceipt, Receipt, ToolReceipt};

/// A change that is being made ready.
#[derive(Debug)]
pub struct Change {
    pub(super) staging: PathBuf,
    pub(super) journal: Journal,
    /// Entries without receipt that go: folder and name.
    aside: Vec<(String, String)>,
    /// Whether the journal is written: from then on `staging/` belongs to it.
    pub(super) decided: bool,
}

impl Drop for Change {
    fn drop(&mut self) {
        if !self.decided {
            // What stays behind is removed by the next change.
            let _ = fs::remove_tree(&self.staging);
        }
    }
}

impl Change {
    /// The folder below which a new `vendor` or `vendor-ID` is filled.
    pub fn folder(&mut self, name: &str) -> Result<PathBuf> {
        let path = self.staging.join(name);
        if !self.journal.folders.iter().any(|folder| folder.name == name) {
            fs::create_folders(&path)?;
            self.journal.folders.push(Folder {
                name: name.to_owned(),
                identity: None,
                ours: BTreeSet::new(),
            });
        }
        Ok(path)
    }

    /// Where a new folder lies while the change is made ready; `None` where the change leaves it as it is.
    pub fn staged_folder(&self, name: &str) -> Option<PathBuf> {
        self.journal.folders.iter().any(|folder| folder.name == name).then(|| self.staging.join(name))
    }

    /// Says what of the old folder of the same name is ours; the rest is taken over.
    pub fn ours(&mut self, folder: &str, entries: impl IntoIterator<Item = String>) {
        if let Some(folder) = self.journal.folders.iter_mut().find(|f| f.name == folder) {
            folder.ours.extend(entries);
        }
    }

    /// Removes a folder that nothing names any more.
    pub fn drop_folder(&mut self, name: &str) {
        self.journal.folders_gone.push(name.to_owned());
    }

    /// Writes the receipt of a crate.
    pub fn receipt(&self, folder: &str, receipt: &Receipt) -> Result<()> {
        self.receipt_file(folder, &receipt_name(&receipt.package), &receipt.to_bytes()?)
    }

    /// Writes the receipt of a tool.
    pub fn tool_receipt(&self, receipt: &ToolReceipt) -> Result<()> {
        self.receipt_file(TOOLS, &receipt_name(&receipt.package), &receipt.to_bytes()?)
    }

    /// Writes the receipt of a Python package in a venv.
    pub fn module_receipt(&self, venv: &str, receipt: &ModuleReceipt) -> Result<()> {
        self.receipt_file(venv, &receipt.file_name(), &receipt.to_bytes()?)
    }

    /// Removes the receipt of a Python package in a venv.
    pub fn drop_module_receipt(&mut self, venv: &str, receipt: &ModuleReceipt) {
        self.drop_receipt(venv, &receipt.file_name());
    }

    /// Writes a receipt of this name.
    pub(super) fn receipt_file(&self, folder: &str, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.staging.join("receipts").join(folder);
        if !fs::is_folder(&path)? {
            fs::create_folders(&path)?;
        }
        fs::write_new(&path.join(name), bytes)
    }

    /// Removes a receipt of this name.
    pub(super) fn drop_receipt(&mut self, folder: &str, name: &str) {
        self.journal.receipts_gone.push((folder.to_owned(), name.to_owned()));
    }

    /// Removes the receipt of a package.
    pub fn drop_receipt_of(&mut self, folder: &str, package: &PackageId) {
        self.drop_receipt(folder, &receipt_name(package));
    }

    /// Removes a folder of receipts, if it is empty then.
    pub(super) fn drop_receipt_folder(&mut self, folder: &str) {
        self.journal.receipt_folders_gone.push(folder.to_owned());
    }

    /// Takes a file beside the environment away.
    pub(super) fn drop_file(&mut self, file: Beside) {
        self.journal.files_gone.push(file);
    }

    /// Takes the folder `.cargo` away, if it is empty then.
    pub(super) fn drop_cargo_folder(&mut self) {
        self.journal.cargo_folder_gone = true;
    }

    /// Puts a folder in place that a fix has kept.
    pub(super) fn restore(&mut self, folder: Folder) {
        self.journal.folders.push(folder);
    }

    /// The folders that are made anew or go.
    pub(super) fn folders_replaced(&self) -> Vec<String> {
        let anew = self.journal.folders.iter().map(|folder| folder.name.clone());
        anew.chain(self.journal.folders_gone.iter().cloned()).collect()
    }

    /// Says that an entry without receipt goes: what stands at its place later is somebody's new one.
    pub fn put_aside(&mut self, folder: &str, entry: &str) {
        self.aside.push((folder.to_owned(), entry.to_owned()));
    }

    /// The entries without receipt that go.
    pub(super) fn aside(&self) -> Vec<(String, String)> {
        self.aside.clone()
    }

    /// The files beside the environment that a fix keeps.
    pub(super) fn kept_files(&self) -> Vec<Beside> {
        self.journal.kept_files()
    }

    /// Keeps what is replaced, as fix `number`.
    pub(super) fn keep_old(&mut self, number: u32) {
        self.journal.keep = Some(number);
    }

    /// Takes its folders from what fix `number` has kept, and forgets that in the end.
    pub(super) fn take_from(&mut self, number: u32) {
        self.journal.from = Some(number);
    }

    /// Sets `cargo.toml`, or takes it away.
    pub fn cargo_toml(&mut self, text: Option<&str>) -> Result<()> {
        self.journal.drop_cargo_toml = text.is_none();
        text.map_or(Ok(()), |text| fs::write_new(&self.staging.join("cargo.toml"), text.as_bytes()))
    }

    /// Replaces the first line of a script of the project.
    pub fn line(&mut self, line: Line) {
        self.journal.lines.push(line);
    }

    /// The first lines that are replaced.
    pub(super) fn lines(&self) -> &[Line] {
        &self.journal.lines
    }

    /// Writes a file beside the environment, or one of others in it, last of all.
    pub fn file(&mut self, file: Beside, bytes: &[u8]) -> Result<()> {
        fs::write_new(&self.staging.join(file.staged()), bytes)?;
        self.journal.files.push(file);
        Ok(())
    }
}

/// The file that a package's receipt is.
fn receipt_name(package: &PackageId) -> String {
    format!("{}.json", package.folder())
}

impl Environment {
    /// Begins a change. What an earlier one left behind is finished or removed first; manifests that stand changed for
    /// this one stay.
    pub fn begin(&self, lock: &EnvironmentLock) -> Result<Change> {
        self.finish(lock)?;
        let staging = self.layout.staging();
        fs::create_folders(&staging)?;
        Ok(Change { staging, journal: Journal::default(), aside: Vec::new(), decided: false })
    }
}
