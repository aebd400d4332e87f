//! A lock that cannot be read, made again from what is installed.
//!
//! A receipt says which release a pin brought, and so what the lock named when it could be read. cargo's resolver begins
//! with these releases and keeps to them where the manifests let it. Rows of the broken lock that can be read whole stand
//! beside them where no receipt knows the crate: most often a colleague's row, on the other side of a conflict.
//!
//! A receipt of a tool holds the digest of its row: the row that has it is the very one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{broken_lock, relock_modules};
use crate::cargo_lock::{self, CargoLock, LockedPackage, Source};
use crate::environment::Environment;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::{CARGO_LOCK, LOCK, VENDOR};
use crate::lock::{self, Lock, Row, ToolRow};
use crate::manifest::ToolPin;
use crate::package::{PackageId, PackageName};
use crate::project::Project;
use crate::receipt::{ModuleReceipt, Receipt, ToolReceipt};

/// One of the two locks of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockFile {
    /// `envtool.lock`.
    Envtool,
    /// `Cargo.lock`.
    Cargo,
}

impl LockFile {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Envtool => LOCK,
            Self::Cargo => CARGO_LOCK,
        }
    }

    /// The bytes of it; `None` where it is absent.
    fn read(self, project: &Project) -> Result<Option<Vec<u8>>> {
        fs::read(&project.layout.root().join(self.name()))
    }

    /// The newest version of its format that is read.
    fn newest(self) -> u32 {
        match self {
            Self::Envtool => lock::VERSION,
            Self::Cargo => cargo_lock::NEWEST,
        }
    }
}

/// A lock that cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// Which.
    pub file: LockFile,
    /// Why.
    pub fault: Fault,
    /// What is there of it; `None` where it is of a newer version, or not even its bytes can be had: nothing is rebuilt.
    pub text: Option<String>,
}

/// The locks of a project that cannot be read.
pub fn unreadable(project: &Project) -> Vec<Unreadable> {
    let files = [Some(LockFile::Envtool), project.is_cargo.then_some(LockFile::Cargo)];
    files.into_iter().flatten().filter_map(|file| look(file, project)).collect()
}

fn look(file: LockFile, project: &Project) -> Option<Unreadable> {
    let bytes = match file.read(project) {
        Ok(bytes) => bytes?,
        Err(fault) => return Some(Unreadable { file, fault, text: None }),
    };
    let name = project.layout.root().join(file.name()).display().to_string();
    let fault = match file {
        LockFile::Envtool => Lock::read(&bytes, &name).err()?,
        LockFile::Cargo => CargoLock::read(&bytes, &name).err()?,
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let newer = broken_lock::version(&text).is_some_and(|version| version > file.newest());
    Some(Unreadable { file, fault, text: (!newer).then_some(text) })
}

/// What a lock is made from.
#[derive(Debug, Default)]
pub struct Rebuilt {
    /// What moves by it, a line each.
    pub moves: Vec<String>,
    /// For `envtool.lock`: the lock, as far as it is known.
    pub lock: Lock,
    /// For `Cargo.lock`: where cargo begins.
    pub start: Start,
}

/// Where cargo begins to make a `Cargo.lock`.
#[derive(Debug, Default)]
pub struct Start {
    /// What is installed.
    pub installed: Vec<LockedPackage>,
    /// What only the broken lock names.
    pub named: Vec<LockedPackage>,
    /// The version of the format.
    pub version: u32,
}

impl Start {
    /// Whether this very package is installed.
    pub fn has(&self, package: &LockedPackage, source: &Source) -> bool {
        self.installed.iter().any(|one| {
            one.id == package.id && one.source.as_ref() == Some(source) && one.checksum == package.checksum
        })
    }
}

/// Decides what a lock of which `text` is left is made from.
pub fn rebuilt(file: LockFile, text: &str, project: &Project, environment: &Environment) -> Result<Rebuilt> {
    let receipts = environment.receipts()?;
    match file {
        LockFile::Cargo => Ok(cargo(text, &receipts)),
        LockFile::Envtool => {
            let modules = environment.all_module_receipts()?;
            envtool(text, project, &receipts, &environment.tool_receipts()?, &modules)
        }
    }
}

/// What a receipt installed, as a lock names it. The folder says whether the words of the source were understood.
fn locked((folder, receipt): &(String, Receipt)) -> Option<LockedPackage> {
    let source = Source::from_shown(&receipt.source, receipt.commit.as_deref())?;
    let known = matches!(source, Source::Git { .. }) || receipt.checksum.is_some();
    (known && source.folder() == *folder)
        .then(|| LockedPackage::new(receipt.package.clone(), source, receipt.checksum))
}

fn cargo(text: &str, receipts: &[(String, Receipt)]) -> Rebuilt {
    let installed: Vec<LockedPackage> = receipts.iter().filter_map(locked).collect();
    let sides: Vec<Vec<LockedPackage>> = broken_lock::cargo_rows(text)
        .into_iter()
        .map(|side| side.into_iter().filter(|row| row.source.is_some()).collect())
        .collect();
    let known: BTreeSet<&PackageName> = installed.iter().map(|row| &row.id.name).collect();
    let mut named: Vec<LockedPackage> = Vec::new();
    for row in sides.iter().flatten() {
        let whole = matches!(row.source, Some(Source::Git { .. })) || row.checksum.is_some();
        let there = known.contains(&row.id.name)
            || named.iter().any(|other| other.id == row.id && other.source == row.source);
        if whole && !there {
            named.push(row.clone());
        }
    }
    let label = |row: &LockedPackage| {
        let commit = match &row.source {
            Some(Source::Git { commit, .. }) => format!(" at {}", commit.get(..8).unwrap_or(commit)),
            _ => String::new(),
        };
        (row.id.name.clone(), format!("{}{commit}", row.id.version))
    };
    let sides: Vec<Versions> = sides.iter().map(|side| versions(side.iter().map(label))).collect();
    let moves = moves(&sides, &versions(installed.iter().map(label)), &versions(named.iter().map(label)));
    let version = match broken_lock::version(text) {
        Some(3) => 3,
        _ => cargo_lock::NEWEST,
    };
    Rebuilt { moves, start: Start { installed, named, version }, ..Rebuilt::default() }
}

fn envtool(
    text: &str,
    project: &Project,
    receipts: &[(String, Receipt)],
    tools: &[ToolReceipt],
    modules: &[(String, ModuleReceipt)],
) -> Result<Rebuilt> {
    let sides = broken_lock::envtool_rows(text);
    let (mut lock, mut moved) = (Lock::default(), Vec::new());
    if !project.is_cargo && !project.manifest.crates.is_empty() {
        let of_crates_io = receipts.iter().filter(|(folder, _)| folder == VENDOR);
        let installed: Vec<Row> = of_crates_io
            .filter_map(|(_, receipt)| Some(Row::start(&receipt.package, receipt.checksum?)))
            .collect();
        let known = |row: &Row| installed.iter().any(|other| other.name == row.name);
        let mut named: Vec<Row> = Vec::new();
        for row in sides.iter().flat_map(|side| &side.packages) {
            if !known(row) && !named.iter().any(|other| other.id() == row.id()) {
                named.push(Row::start(&row.id(), row.checksum));
            }
        }
        let label = |row: &Row| (row.name.clone(), row.version.to_string());
        let of_sides: Vec<Versions> =
            sides.iter().map(|side| versions(side.packages.iter().map(label))).collect();
        moved = moves(&of_sides, &versions(installed.iter().map(label)), &versions(named.iter().map(label)));
        // A side that is what is installed, and all of it, needs no resolver.
        let ids = |rows: &[Row]| rows.iter().map(|row| (row.id(), row.checksum)).collect::<BTreeSet<_>>();
        let whole = sides
            .iter()
            .find(|side| side.serves(&project.manifest.crates) && ids(&side.packages) == ids(&installed));
        lock.packages = match whole {
            Some(side) => side.packages.clone(),
            None => installed.into_iter().chain(named).collect(),
        };
    }
    for (name, pin) in &project.manifest.tools {
        let package = PackageId { name: name.clone(), version: pin.pin.version.clone() };
        let receipt = tools.iter().find(|receipt| receipt.package == package);
        let rows = sides.iter().filter_map(|side| side.tool(name)).cloned().collect::<Vec<_>>();
        let versions: BTreeSet<String> = rows.iter().map(|row| row.version.to_string()).collect();
        if !versions.is_empty() && versions != BTreeSet::from([package.version.to_string()]) {
            let versions: Vec<String> = versions.into_iter().collect();
            moved.push(format!("{name} {} → {}, which is pinned", versions.join(" or "), package.version));
        }
        match tool(name, pin, receipt, rows)? {
            Some(row) => lock.tools.push(row),
            None => moved.push(format!(
                "{package} is locked again, and what it is built from may move to the newest that fits: {}",
                match receipt {
                    Some(_) => "its receipt does not hold its closure",
                    None => "no receipt knows it",
                }
            )),
        }
    }
    moved.extend(relock_modules::rebuild(&mut lock, &sides, &project.manifest, modules));
    Ok(Rebuilt { moves: moved, lock, ..Rebuilt::default() })
}

/// The row of a tool: the one that it was installed for, or one of the broken lock that serves the pin; `None` where
/// it has to be made.
fn tool(
    name: &PackageName,
    pin: &ToolPin,
    receipt: Option<&ToolReceipt>,
    rows: Vec<ToolRow>,
) -> Result<Option<ToolRow>> {
    let Some(receipt) = receipt else {
        return Ok(rows.into_iter().find(|row| row.serves(pin) && row.is_whole()));
    };
    let plain = ToolRow::new(name, pin, receipt.checksum);
    for row in std::iter::once(plain).chain(rows) {
        if row.digest()? == receipt.row {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// The versions of each package.
pub(super) type Versions<N = PackageName> = BTreeMap<N, BTreeSet<String>>;

pub(super) fn versions<N: Ord>(rows: impl Iterator<Item = (N, String)>) -> Versions<N> {
    let mut found = Versions::new();
    for (name, version) in rows {
        found.entry(name).or_default().insert(version);
    }
    found
}

/// What moves between a broken lock, as its sides have it, and what is installed, a line each. `named` is what comes
/// in as the lock says, since no receipt knows it.
pub(super) fn moves<N: Ord + fmt::Display>(
    sides: &[Versions<N>],
    installed: &Versions<N>,
    named: &Versions<N>,
) -> Vec<String> {
    let (mut lines, mut unread) = (Vec::new(), Vec::new());
    let all: BTreeSet<&N> = sides.iter().chain([installed]).flat_map(BTreeMap::keys).collect();
    let words = |set: Option<&BTreeSet<String>>| match set {
        None => "none".to_owned(),
        Some(set) => set.iter().cloned().collect::<Vec<_>>().join(" and "),
    };
    for name in all {
        let locked: Vec<Option<&BTreeSet<String>>> = sides.iter().map(|side| side.get(name)).collect();
        let here = installed.get(name);
        if locked.iter().all(Option::is_none) {
            unread.push(format!("{name} {}", words(here)));
            continue;
        }
        if locked.iter().all(|side| *side == here) {
            continue;
        }
        let mut said: Vec<String> = locked.into_iter().map(words).collect();
        said.dedup();
        let said = said.join(" or ");
        lines.push(match (here, named.get(name)) {
            (Some(_), _) => format!("{name} {said} → {}", words(here)),
            (None, Some(_)) => {
                format!("{name} {said}: not installed, and kept where the manifests ask for it")
            }
            (None, None) => {
                format!("{name} {said} → the newest that fits: its row is not whole, and no receipt knows it")
            }
        });
    }
    if installed.is_empty() && named.is_empty() {
        lines.push(
            "neither a receipt nor a row says what it named: all versions may move to the newest that fit"
                .to_owned(),
        );
    }
    if !unread.is_empty() {
        lines.push(format!("as installed, since it has no row that can be read: {}", unread.join(", ")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Versions, moves, versions};

    fn of(text: &str) -> Versions {
        let row = |text: &str| {
            let (name, version) = text.split_once(' ').unwrap();
            (name.parse().unwrap(), version.to_owned())
        };
        versions(text.split(", ").filter(|text| !text.is_empty()).map(row))
    }

    #[test]
    fn every_version_that_moves_is_said() {
        for (sides, installed, named, expected) in [
            (&["a 1, b 2"][..], "a 1, b 2", "", &[][..]),
            (&["a 1"], "a 2", "", &["a 1 → 2"]),
            (&["a 1", "a 2"], "a 1", "", &["a 1 or 2 → 1"]),
            (&["a 1, a 2", "a 1"], "a 1", "", &["a 1 and 2 or 1 → 1"]),
            (&["", "b 1"], "b 1", "", &["b none or 1 → 1"]),
            (
                &["", "b 1"],
                "",
                "b 1",
                &["b none or 1: not installed, and kept where the manifests ask for it"],
            ),
            (
                &["b 1"],
                "c 1",
                "",
                &[
                    "b 1 → the newest that fits: its row is not whole, and no receipt knows it",
                    "as installed, since it has no row that can be read: c 1",
                ],
            ),
            (
                &["a 1"],
                "a 1, b 1, c 2",
                "",
                &["as installed, since it has no row that can be read: b 1, c 2"],
            ),
            (
                &[""],
                "",
                "",
                &[
                    "neither a receipt nor a row says what it named: all versions may move to the newest that fit",
                ],
            ),
        ] {
            let sides: Vec<Versions> = sides.iter().map(|side| of(side)).collect();
            assert_eq!(moves(&sides, &of(installed), &of(named)), expected);
        }
    }
}
