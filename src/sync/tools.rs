//! The tools of a project: a row of envtool.lock each, built from source where neither the environment nor the store
//! has them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Session;
use super::closure::{self, Row};
use crate::cargo_lock::{CargoLock, crates_io};
use crate::compile::{Compiler, Crate, Source, Toolchain};
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::{CARGO_LOCK, LOCK};
use crate::lock::{self, Lock, ToolRow};
use crate::manifest::ToolPin;
use crate::package::{PackageId, PackageName};
use crate::receipt::{How, ToolReceipt};
use crate::resolve;
use crate::store::{Built, Tree};
use crate::tool_plan::{self, ToolPlan, WantedTool};

/// A tool that came in.
#[derive(Debug)]
pub struct ToolDone {
    /// Its name and version.
    pub package: PackageId,
    /// Its executables.
    pub bins: Vec<String>,
    /// How long it was built; `None` where the store had it.
    pub built: Option<Duration>,
}

/// The tools, ready to be put into the environment.
pub(super) struct Tools {
    /// Their rows, sorted by name.
    pub(super) rows: Vec<ToolRow>,
    pub(super) plan: ToolPlan,
    pub(super) done: Vec<ToolDone>,
}

/// Locks, fetches and builds what `[tools]` asks for. Nothing of the environment has changed after it.
pub(super) fn make_ready(session: &Session<'_>, before: &Lock) -> Result<Tools> {
    let pins = &session.project.manifest.tools;
    // 1. The rows: as they are where they serve, else made.
    let mut tools = Making { session, compilers: BTreeMap::new() };
    let serving =
        |name: &PackageName, pin: &ToolPin| before.tool(name).filter(|row| row.serves(pin)).cloned();
    let unserved = pins.iter().find(|(name, pin)| serving(name, pin).is_none()).map(|(name, _)| name);
    let dropped = before.tools.iter().map(|row| &row.name).find(|name| !pins.contains_key(*name));
    if let Some(name) = unserved.or(dropped)
        && session.context.flags.locked
    {
        return Err(Fault::new(format!("{LOCK} would change, and `--locked` forbids it"))
            .why(format!("what it says of the tool {name} is not what envtool.toml asks for"))
            .help(format!("run `envtool sync` without `--locked`, and commit the {LOCK} that it makes")));
    }
    let mut rows = Vec::new();
    for (name, pin) in pins {
        rows.push(match serving(name, pin) {
            Some(row) => row,
            None => tools.lock(name, pin)?,
        });
    }
    // 2. What is installed stays; the rest comes from the store, or is built.
    let receipts = session.environment.tool_receipts()?;
    let (mut wanted, mut done) = (Vec::new(), Vec::new());
    for row in &rows {
        let digest = row.digest()?;
        let installed = receipts.iter().find(|receipt| receipt.package == row.id() && receipt.row == digest);
        let built = installed.map(|receipt| session.store.built(&receipt.key)).transpose()?.flatten();
        if let (Some(receipt), Some(built)) = (installed, built) {
            wanted.push(WantedTool { receipt: receipt.clone(), files: files(&built), installed: true });
            continue;
        }
        let (built, took) = tools.built(row)?;
        let bins: Vec<String> = built.record.bins.keys().cloned().collect();
        done.push(ToolDone { package: row.id(), bins, built: took });
        wanted.push(WantedTool {
            receipt: receipt(row, digest, &built),
            files: files(&built),
            installed: false,
        });
    }
    // 3. What that means for `bin/`.
    let plan = tool_plan::plan(wanted, &receipts, &session.environment.bin()?)?;
    Ok(Tools { rows, plan, done })
}

fn files(built: &Built) -> BTreeMap<String, std::path::PathBuf> {
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
struct Making<'s, 'a> {
    session: &'s Session<'a>,
    /// One for each toolchain that a pin names; `None` is the machine's default.
    compilers: BTreeMap<Option<String>, Compiler<'s>>,
}

impl<'s> Making<'s, '_> {
    /// Makes the row of a pin: its checksum is the registry's, its closure that of the lock in its archive, or cargo's.
    fn lock(&mut self, name: &PackageName, pin: &ToolPin) -> Result<ToolRow> {
        let package = PackageId { name: name.clone(), version: pin.pin.version.clone() };
        let asked = [Row { package: package.clone(), source: crates_io(), checksum: None }];
        let rows = closure::with_checksums(self.session, &asked)?;
        let checksum =
            rows.first().and_then(|row| row.checksum).ok_or_else(|| closure::no_checksum(&package))?;
        let tree = self.session.trees(&[(package.clone(), checksum)])?.remove(0);
        let closure = match shipped_lock(&tree)? {
            Some(_) => Vec::new(),
            None => self.resolve(&package, &tree)?,
        };
        Ok(ToolRow::new(name, pin, checksum, closure))
    }

    /// The closure of a tool that ships no lock.
    fn resolve(&self, package: &PackageId, tree: &Tree) -> Result<Vec<lock::Row>> {
        let Session { store, store_lock, .. } = self.session;
        let scratch = store.scratch(store_lock)?;
        let folder = scratch.path().join(package.folder());
        crate::compile::copy_source(&tree.path, &folder)?;
        let made = resolve::lock_folder(&folder, None, self.session.cargo()?, self.session.surroundings()?)
            .map_err(|fault| fault.while_doing(format!("could not lock what {package} needs")))?;
        lock::from_cargo_lock(&made, &BTreeMap::new())
    }

    /// The tool of a row: from the store, else built.
    fn built(&mut self, row: &ToolRow) -> Result<(Built, Option<Duration>)> {
        let begun = Instant::now();
        let key = self.compiler(row)?.key(row)?;
        if let Some(built) = self.session.store.built(&key)? {
            return Ok((built, None));
        }
        let tree = self.session.trees(&[(row.id(), row.checksum)])?.remove(0);
        let lock = match shipped_lock(&tree)? {
            Some(text) if row.closure.is_empty() => text,
            _ => lock::to_cargo_lock(&row.closure),
        };
        let crates = self.crates(row, &lock)?;
        let mut source = Source { tree: &tree.path, lock: &lock, crates };
        let built = self.compiler(row)?.build(row, &key, &mut source)?;
        Ok((built, Some(begun.elapsed())))
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

    fn compiler(&mut self, row: &ToolRow) -> Result<&Compiler<'s>> {
        let name = row.asked.toolchain.clone();
        if !self.compilers.contains_key(&name) {
            let Session { store, store_lock, context, .. } = self.session;
            let toolchain = Toolchain::find(context, name.as_deref())?;
            self.compilers.insert(name.clone(), Compiler { store, lock: store_lock, context, toolchain });
        }
        self.compilers
            .get(&name)
            .ok_or_else(|| Fault::new("a toolchain that was found is gone").help("report this"))
    }
}

/// The lock that a tool ships, where it names nothing but crates of crates.io.
fn shipped_lock(tree: &Tree) -> Result<Option<String>> {
    let path = tree.path.join(CARGO_LOCK);
    let Some(text) = fs::read_text(&path)? else { return Ok(None) };
    let lock = CargoLock::parse(&text, &path.display().to_string())?;
    let usable = lock.external().all(|(_, source)| *source == crates_io());
    Ok(usable.then_some(text))
}
