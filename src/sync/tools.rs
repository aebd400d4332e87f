//! The tools of a project: a row of envtool.lock each, built from source where neither the environment nor the store
//! has them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Session;
use super::closure::{self, Row};
use crate::cargo_lock::{CargoLock, crates_io};
use crate::compile::{Compiler, Crate, Made, Source, Toolchain};
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::{BIN, CARGO_LOCK, LOCK};
use crate::lock::{Lock, ToolRow};
use crate::manifest::ToolPin;
use crate::package::{PackageId, PackageName};
use crate::receipt::{How, ToolReceipt};
use crate::resolve;
use crate::store::{Built, Tree};
use crate::tool_plan::{self, ToolPlan, Venvs, WantedTool};

/// A tool that came in.
#[derive(Debug)]
pub struct ToolDone {
    /// Its name and version.
    pub package: PackageId,
    /// Its executables.
    pub bins: Vec<String>,
    /// How it came.
    pub how: Came,
}

/// How a tool came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// It was built, and that took so long.
    Built(Duration),
    /// The store had it.
    Stored,
    /// Its executables were taken over from the machine.
    Adopted,
}

/// The tools, ready to be put into the environment.
pub(super) struct Tools {
    /// Their rows, sorted by name.
    pub(super) rows: Vec<ToolRow>,
    wanted: Vec<WantedTool>,
    receipts: Vec<ToolReceipt>,
    pub(super) done: Vec<ToolDone>,
}

impl Tools {
    /// What they and the venvs mean for `bin/`.
    pub(super) fn plan(&mut self, session: &Session<'_>, venvs: &Venvs) -> Result<ToolPlan> {
        let wanted = std::mem::take(&mut self.wanted);
        let mut bin = session.environment.bin()?;
        let aside = session.fixing.iter().flat_map(|fixing| &fixing.put_aside);
        let mut aside: Vec<String> =
            aside.filter(|(at, _)| at == BIN).map(|(_, name)| name.clone()).collect();
        aside.extend(adopted_without_receipt(session, &wanted, &self.receipts, &bin));
        bin.retain(|name, _| !aside.iter().any(|gone| name == gone.as_str()));
        let mut plan = tool_plan::plan(wanted, &self.receipts, venvs, &bin)?;
        plan.changed |= !aside.is_empty();
        plan.ours.extend(aside);
        Ok(plan)
    }
}

/// Locks, fetches and builds what `[tools]` asks for. Nothing of the environment has changed after it.
pub(super) fn make_ready(session: &Session<'_>, before: &Lock) -> Result<Tools> {
    let _step = tracing::debug_span!("tools").entered();
    let pins = &session.project.manifest.tools;
    // 1. The rows: as they are where they serve, else made.
    let mut tools = Making::new(session);
    let serving =
        |name: &PackageName, pin: &ToolPin| before.tool(name).filter(|row| row.serves(pin)).cloned();
    let unserved = pins.iter().find(|(name, pin)| serving(name, pin).is_none()).map(|(name, _)| name);
    let dropped = before.tools.iter().map(|row| &row.name).find(|name| !pins.contains_key(*name));
    if let Some(name) = unserved.or(dropped)
        && session.context.flags.locked
    {
        return Err(would_change(name, "its row is not what envtool.toml asks for"));
    }
    let admitted = |name: &PackageName| session.fixing.as_ref()?.admitted.get(name);
    let mut rows = Vec::new();
    for (name, pin) in pins {
        let tried = || admitted(name).map(|admitted| admitted.row.clone()).filter(|row| row.serves(pin));
        rows.push(match serving(name, pin).or_else(tried) {
            Some(row) => row,
            None => tools.lock(name, pin)?,
        });
    }
    // 2. What is installed stays; the rest comes from the store, or is built.
    let receipts = session.environment.tool_receipts()?;
    // Of an environment that came from another platform no executable runs here.
    let here = session.environment.record().is_of_this_platform();
    let (mut wanted, mut done) = (Vec::new(), Vec::new());
    for row in &mut rows {
        let digest = row.digest()?;
        let installed = receipts.iter().find(|receipt| receipt.package == row.id() && receipt.row == digest);
        let installed = installed.filter(|_| here);
        let there = installed.map(|receipt| lie_at(session, receipt)).transpose()?.flatten();
        if let (Some(receipt), Some(files)) = (installed, there) {
            wanted.push(WantedTool { receipt: receipt.clone(), files, installed: true });
            continue;
        }
        let offered = session.fixing.iter().find_map(|fixing| fixing.adopted.get(&row.name));
        let offered = offered.or_else(|| session.prebuilt.get(&row.name));
        if let Some(adopted) = offered.map(|files| adopt(session, row, files)).transpose()? {
            let bins = adopted.files.keys().cloned().collect();
            done.push(ToolDone { package: row.id(), bins, how: Came::Adopted });
            wanted.push(adopted);
            continue;
        }
        let (built, took) = tools.built(row)?;
        let took = took.or_else(|| admitted(&row.name)?.took);
        let bins: Vec<String> = built.record.bins.keys().cloned().collect();
        done.push(ToolDone { package: row.id(), bins, how: took.map_or(Came::Stored, Came::Built) });
        wanted.push(WantedTool {
            receipt: receipt(row, row.digest()?, &built),
            files: files(&built),
            installed: false,
        });
    }
    Ok(Tools { rows, wanted, receipts, done })
}

/// The links of `bin/` to what was once taken over, in the place of what is wanted: nobody but envtool makes such a link,
/// so it is ours though its receipt was lost.
fn adopted_without_receipt(
    session: &Session<'_>,
    wanted: &[WantedTool],
    receipts: &[ToolReceipt],
    bin: &BTreeMap<OsString, Option<PathBuf>>,
) -> Vec<String> {
    let has_receipt = |name: &&String| receipts.iter().any(|receipt| receipt.bins.contains_key(*name));
    let names = wanted.iter().flat_map(|one| one.files.keys()).filter(|name| !has_receipt(name));
    let is_adopted = |name: &&String| {
        let target = bin.get(OsStr::new(name.as_str())).and_then(Option::as_ref);
        let digest = target.and_then(|target| target.parent()?.file_name()?.to_str()?.parse::<Digest>().ok());
        digest.is_some_and(|digest| target == Some(&session.store.layout().adopted(&digest, name)))
    };
    names.filter(is_adopted).cloned().collect()
}

/// Where the executables of a receipt lie; `None` where the store lost one.
fn lie_at(session: &Session<'_>, receipt: &ToolReceipt) -> Result<Option<BTreeMap<String, PathBuf>>> {
    // A receipt may come from a stranger, and name what was built for another tool.
    if receipt.how == How::Built {
        let built =
            session.store.built(&receipt.key)?.filter(|built| built.record.package == receipt.package);
        return Ok(built.as_ref().map(files));
    }
    let adopted =
        |(name, digest): (&String, &Digest)| (name.clone(), session.store.layout().adopted(digest, name));
    let files: BTreeMap<String, PathBuf> = receipt.bins.iter().map(adopted).collect();
    for file in files.values() {
        if !fs::is_file(file)? {
            return Ok(None);
        }
    }
    Ok(Some(files))
}

/// Takes the executables of a tool over from the machine.
fn adopt(session: &Session<'_>, row: &ToolRow, from: &BTreeMap<String, PathBuf>) -> Result<WantedTool> {
    let (mut bins, mut files) = (BTreeMap::new(), BTreeMap::new());
    for (name, file) in from {
        let digest = session.store.adopt(name, file, &session.store_lock)?;
        files.insert(name.clone(), session.store.layout().adopted(&digest, name));
        bins.insert(name.clone(), digest);
    }
    let key = Digest::of(format!("{bins:?}").as_bytes());
    let receipt = ToolReceipt {
        package: row.id(),
        source: crates_io().to_string(),
        checksum: row.checksum,
        row: row.digest()?,
        how: How::Adopted,
        key,
        bins,
        rustc: String::new(),
    };
    Ok(WantedTool { receipt, files, installed: false })
}

fn files(built: &Built) -> BTreeMap<String, PathBuf> {
    built.record.bins.keys().map(|name| (name.clone(), built.executable(name))).collect()
}

fn receipt(row: &ToolRow, digest: Digest, built: &Built) -> ToolReceipt {
    ToolReceipt {
        package: row.id(),
        source: crates_io().to_string(),
        checksum: row.checksum,
        row: digest,
        how: How::Built,
        key: built.key,
        bins: built.record.bins.clone(),
        rustc: built.record.rustc.clone(),
    }
}

/// What making a tool needs, found once and only where it is needed.
pub(super) struct Making<'s, 'a> {
    session: &'s Session<'a>,
    /// One for each toolchain that a pin names; `None` is the machine's default.
    compilers: BTreeMap<Option<String>, Compiler<'s>>,
}

impl<'s, 'a> Making<'s, 'a> {
    pub(super) fn new(session: &'s Session<'a>) -> Self {
        Self { session, compilers: BTreeMap::new() }
    }

    /// Makes the row of a pin: its checksum is the registry's, its closure that of the lock in its archive, or cargo's.
    pub(super) fn lock(&mut self, name: &PackageName, pin: &ToolPin) -> Result<ToolRow> {
        let package = PackageId { name: name.clone(), version: pin.pin.version.clone() };
        let asked = [Row { package: package.clone(), source: crates_io(), checksum: None }];
        let rows = closure::with_checksums(self.session, &asked)?;
        let checksum =
            rows.first().and_then(|row| row.checksum).ok_or_else(|| closure::no_checksum(&package))?;
        let tree = self.session.trees(&[(package.clone(), checksum)])?.remove(0);
        let row = ToolRow::new(name, pin, checksum);
        match self.shipped_lock(&row, &tree)? {
            Some(_) => Ok(row),
            None => self.resolve(row, &tree, None),
        }
    }

    /// Gives a tool a closure of its own. What `before` names stays where it can.
    fn resolve(&self, row: ToolRow, tree: &Tree, before: Option<&str>) -> Result<ToolRow> {
        let Session { store, store_lock, .. } = self.session;
        let package = row.id();
        let scratch = store.scratch(store_lock)?;
        let folder = scratch.path().join(package.folder());
        crate::compile::copy_source(&tree.path, &folder)?;
        fs::remove_file(&folder.join(CARGO_LOCK))?;
        let made = resolve::lock_folder(&folder, before, self.session.cargo()?, self.session.surroundings()?)
            .map_err(|fault| fault.while_doing(format!("could not lock what {package} needs")))?;
        row.with_closure(&made)
    }

    /// The tool of a row: from the store, else built. Where cargo does not build with its lock, the row gets another.
    pub(super) fn built(&mut self, row: &mut ToolRow) -> Result<(Built, Option<Duration>)> {
        let begun = Instant::now();
        let key = self.compiler(row)?.key(row)?;
        if let Some(built) = self.session.store.built_whole(&key, &row.id())? {
            return Ok((built, None));
        }
        let tree = self.session.trees(&[(row.id(), row.checksum)])?.remove(0);
        let lock = match row.closure.is_empty() {
            true => self.shipped_lock(row, &tree)?,
            false => None,
        };
        let lock = lock.unwrap_or_else(|| row.cargo_lock());
        let made = self.build(row, &key, &tree, &lock)?;
        let why = match made {
            Made::Built(built) => return Ok((built, Some(begun.elapsed()))),
            Made::Stale(why) => why,
        };
        if self.session.context.flags.locked {
            return Err(would_change(&row.name, "cargo does not build it with the lock that it has"));
        }
        // As `cargo install --locked` does it: the lock is a start, and not the last word.
        self.session
            .context
            .progress
            .warn(&format!("the Cargo.lock of {} does not serve its manifest: locked anew", row.id()));
        *row = self.resolve(row.clone(), &tree, Some(&lock))?;
        let key = self.compiler(row)?.key(row)?;
        match self.build(row, &key, &tree, &row.cargo_lock())? {
            Made::Built(built) => Ok((built, Some(begun.elapsed()))),
            Made::Stale(_) => Err(why),
        }
    }

    fn build(&mut self, row: &ToolRow, key: &Digest, tree: &Tree, lock: &str) -> Result<Made> {
        let crates = self.crates(row, lock)?;
        self.compiler(row)?.build(row, key, &mut Source { tree: &tree.path, lock, crates })
    }

    fn crates(&self, row: &ToolRow, lock: &str) -> Result<Vec<Crate>> {
        let lock = CargoLock::parse(lock, &format!("the Cargo.lock of {}", row.id()))?;
        let rows: Vec<Row> = lock
            .external()
            .map(|(package, source)| Row {
                package: package.id.clone(),
                source: source.clone(),
                checksum: package.checksum,
            })
            .collect();
        let rows = closure::with_checksums(self.session, &rows)?;
        let asked: Vec<(PackageId, Digest)> = rows
            .into_iter()
            .map(|row| {
                row.checksum
                    .map(|digest| (row.package.clone(), digest))
                    .ok_or_else(|| closure::no_checksum(&row.package))
            })
            .collect::<Result<_>>()?;
        let trees = self.session.trees(&asked)?;
        let crates = asked.into_iter().zip(trees);
        Ok(crates.map(|((package, checksum), tree)| Crate { package, checksum, tree: tree.path }).collect())
    }

    /// The lock that a tool ships, where it can be read and names nothing but crates of crates.io.
    fn shipped_lock(&self, row: &ToolRow, tree: &Tree) -> Result<Option<String>> {
        let Some(bytes) = fs::read(&tree.path.join(CARGO_LOCK))? else { return Ok(None) };
        let package = row.id();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let why = match CargoLock::parse(&text, &format!("the Cargo.lock of {package}")) {
            Err(fault) => fault.to_string(),
            Ok(lock) => match lock.external().find(|(_, source)| **source != crates_io()) {
                None => return Ok(Some(text)),
                Some((other, source)) => format!("it takes {} from {source}", other.id),
            },
        };
        self.session
            .context
            .progress
            .warn(&format!("the Cargo.lock that {package} ships is not used: {why}"));
        Ok(None)
    }

    fn compiler(&mut self, row: &ToolRow) -> Result<&Compiler<'s>> {
        let name = row.asked.toolchain.clone();
        if !self.compilers.contains_key(&name) {
            let Session { store, store_lock, context, .. } = self.session;
            let toolchain = Toolchain::find(context, name.as_deref())
                .map_err(|fault| fault.while_doing(format!("could not build {}", row.id())))?;
            self.compilers.insert(name.clone(), Compiler { store, lock: store_lock, context, toolchain });
        }
        self.compilers.get(&name).ok_or_else(|| Fault::bug("a toolchain that was found is gone"))
    }
}

/// What `--locked` says where the row of a tool has to change.
pub(super) fn would_change(name: &PackageName, why: &str) -> Fault {
    Fault::new(format!("{LOCK} would change, and `--locked` forbids it"))
        .why(format!("the tool {name}: {why}"))
        .help(format!("run it again without `--locked`, and commit the {LOCK} that it makes"))
}
