//! `broken-executable`: an executable whose interpreter or shared library is gone.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::venvs::Held;
use super::{Check, Finding, Remedy, Scene, Severity, Step};
use crate::environment::path_inside;
use crate::executable::{self, Needs};
use crate::fault::Result;
use crate::fs;
use crate::process;
use crate::python::installed;
use crate::receipt::ModuleReceipt;

/// The check.
pub(super) struct BrokenExecutable;

impl Check for BrokenExecutable {
    fn id(&self) -> &'static str {
        "broken-executable"
    }

    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let bin = scene.environment.layout().bin();
        // One that cannot be read `stale-lock` reports.
        let receipts = scene.environment.tool_receipts().unwrap_or_default();
        let libraries = library_folders()?;
        let mut found = Vec::new();
        for name in scene.environment.bin()?.into_keys() {
            let path = bin.join(&name);
            if !fs::is_file(&path)? {
                continue;
            }
            let Some(needs) = fs::read(&path)?.as_deref().and_then(executable::needs) else { continue };
            let Some(gone) = gone(&needs, &fs::canonical(&path)?, &libraries, scene)? else { continue };
            let name = name.to_string_lossy().into_owned();
            if let Some((held, receipt)) = module_of(&name, scene)? {
                if is_as_installed(held, receipt)? {
                    found.push(Finding {
                        check: self.id(),
                        severity: Severity::Error,
                        subject: format!("{} ({name})", receipt.module),
                        message: format!("`{name}` cannot start: {gone} is gone from this machine"),
                        remedy: Remedy::User(format!("install {gone}: `{name}` is as the package brings it")),
                    });
                }
                continue;
            }
            let owner = receipts.iter().find(|receipt| receipt.bins.contains_key(&name));
            let remedy = match owner {
                Some(receipt) => Remedy::Steps(Step::again(receipt)),
                None => Remedy::User(format!("install {gone}, or put `{name}` there anew: envtool did not")),
            };
            found.push(Finding {
                check: self.id(),
                severity: Severity::Error,
                subject: owner.map_or(name.clone(), |receipt| format!("{} ({name})", receipt.package)),
                message: format!("`{name}` cannot start: {gone} is gone from this machine"),
                remedy,
            });
        }
        Ok(found)
    }
}

/// PATH as an executable of the environment finds it: its interpreter may be another tool of that.
fn inside(scene: &Scene<'_>) -> OsString {
    let home = scene.context.cargo_home().ok();
    path_inside(scene.environment.layout().root(), &scene.context.path, home)
}

/// The venv and the package that an executable is of.
fn module_of<'s>(name: &str, scene: &'s Scene<'_>) -> Result<Option<(&'s Held, &'s ModuleReceipt)>> {
    let of = |held: &'s Held| {
        let (_, receipt) = held.links().find(|(link, _)| *link == name)?;
        Some((held, receipt))
    };
    Ok(scene.venvs()?.iter().find_map(of))
}

/// Whether a package's files are those that were installed: what is not is `modified`, or gone with its venv.
fn is_as_installed(held: &Held, receipt: &ModuleReceipt) -> Result<bool> {
    let Some(venv) = held.venv.as_ref().filter(|_| !held.is_gone()) else { return Ok(false) };
    let found = installed::look(venv)?;
    let one = found.iter().find(|one| one.distribution.id == receipt.module);
    Ok(one.is_some_and(|one| one.digest == receipt.files))
}

/// What an executable needs and this machine has not.
fn gone(needs: &Needs, file: &Path, folders: &[PathBuf], scene: &Scene<'_>) -> Result<Option<String>> {
    if let Some(interpreter) = &needs.interpreter {
        let there = match interpreter.contains('/') {
            true => fs::is_file(Path::new(interpreter))?,
            false => process::find(OsStr::new(interpreter), &inside(scene), Path::new("/")).is_some(),
        };
        if !there {
            return Ok(Some(interpreter.clone()));
        }
    }
    let own = file.parent().unwrap_or(file).display().to_string();
    let first = needs
        .folders
        .iter()
        .map(|folder| PathBuf::from(folder.replace("${ORIGIN}", &own).replace("$ORIGIN", &own)));
    let all: Vec<PathBuf> = first.chain(folders.iter().cloned()).collect();
    for library in &needs.libraries {
        let mut there = library.contains('/') && fs::is_file(Path::new(library))?;
        for folder in &all {
            there = there || fs::is_file(&folder.join(library))?;
        }
        if !there {
            return Ok(Some(library.clone()));
        }
    }
    Ok(None)
}

/// Where the loader looks for libraries: the folders of ld.so.conf(5), then its own.
fn library_folders() -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    let parts = Path::new("/etc/ld.so.conf.d");
    let names = fs::names(parts)?.unwrap_or_default();
    let files =
        std::iter::once(PathBuf::from("/etc/ld.so.conf")).chain(names.iter().map(|name| parts.join(name)));
    for file in files {
        let text = fs::read_lossy(&file)?;
        let lines = text.lines().map(str::trim).filter(|line| line.starts_with('/'));
        folders.extend(lines.map(PathBuf::from));
    }
    let machine = std::env::consts::ARCH;
    let own = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"].map(PathBuf::from);
    folders.extend(own);
    folders.extend(
        [format!("/lib/{machine}-linux-gnu"), format!("/usr/lib/{machine}-linux-gnu")].map(PathBuf::from),
    );
    Ok(folders)
}
