//! What an environment is to hold, beside what it holds, without changing anything and without a network: for whoever
//! looks and does not mend.

use std::collections::BTreeMap;

use super::closure::Row;
use super::session::read_lock;
use crate::cargo_config::CargoConfig;
use crate::cargo_lock::{CargoLock, Source, crates_io};
use crate::environment::{Environment, Listing};
use crate::export;
use crate::fault::Result;
use crate::fs;
use crate::lock::{Lock, ModuleRow, ModuleToolRow, ToolRow, serve};
use crate::package::PackageId;
use crate::plan::{self, Plan, Wanted};
use crate::project::Project;
use crate::receipt::{Identity, ModuleReceipt, Receipt, ToolReceipt};
use crate::sources::{self, Bypass};
use crate::store::Store;
use crate::stub;

/// What an environment is to hold, and what it holds.
pub struct Survey {
    /// Every crate that the lock names.
    pub wanted: Vec<Wanted>,
    /// Every tool that it names.
    pub tools: Vec<ToolRow>,
    /// The receipts of crates, with the folder of each.
    pub receipts: Vec<(String, Receipt)>,
    /// The receipts of tools.
    pub tool_receipts: Vec<ToolReceipt>,
    /// Every Python package that the lock names for the project's own venv.
    pub modules: Vec<ModuleRow>,
    /// Every tool from PyPI that it names.
    pub module_tools: Vec<ModuleToolRow>,
    /// The receipts of Python packages, with the venv of each.
    pub module_receipts: Vec<(String, ModuleReceipt)>,
    /// The names in the folders of crates.
    pub listing: Listing,
    /// What a sync would do to the crates; a fault where something is in its way.
    pub plan: Result<Plan>,
    /// The sources that the lock names.
    pub sources: Vec<Source>,
    /// Whether the locks serve the pins of envtool.toml, as far as can be told without cargo.
    pub serves: bool,
}

/// Looks at an environment. A lock that cannot be read is the fault.
pub fn survey(project: &Project, environment: &Environment, store: &Store) -> Result<Survey> {
    let lock = read_lock(project)?;
    let rows = rows(project, lock.as_ref())?;
    let lock = lock.unwrap_or_default();
    let receipts = environment.receipts()?;
    let listing = environment.listing()?;
    let by_name: BTreeMap<(&str, &PackageId), &Receipt> =
        receipts.iter().map(|(folder, receipt)| ((folder.as_str(), &receipt.package), receipt)).collect();
    let wanted: Vec<Wanted> = rows
        .iter()
        .filter_map(|row| {
            wanted(row, by_name.get(&(row.source.folder().as_str(), &row.package)).copied(), store)
        })
        .collect();
    let link = project.manifest.env.link;
    let plan = plan::plan(wanted.clone(), receipts.clone(), &listing, link);
    let mut sources: Vec<Source> = rows.iter().map(|row| row.source.clone()).collect();
    sources.sort();
    sources.dedup();
    let pins = &project.manifest;
    let serves = (project.is_cargo || lock.serves(&pins.crates))
        && pins.tools.len() == lock.tools.len()
        && pins.tools.iter().all(|(name, pin)| lock.tool(name).is_some_and(|row| row.serves(pin)))
        && serve(&lock.modules, &pins.modules)
        && pins.module_tools.len() == lock.module_tools.len()
        && pins
            .module_tools
            .iter()
            .all(|(name, pin)| lock.module_tool(name).is_some_and(|row| row.serves(pin)));
    Ok(Survey {
        wanted,
        tools: lock.tools,
        receipts,
        tool_receipts: environment.tool_receipts()?,
        modules: lock.modules,
        module_tools: lock.module_tools,
        module_receipts: environment.all_module_receipts()?,
        listing,
        plan,
        sources,
        serves,
    })
}

impl Survey {
    /// The lines of cargo's configuration that lead past the environment.
    pub fn bypasses(
        &self,
        config: &CargoConfig,
        project: &Project,
        home: &std::path::Path,
    ) -> Result<Vec<Bypass>> {
        sources::bypasses(config, &self.sources, project.layout.root(), home)
    }
}

fn rows(project: &Project, lock: Option<&Lock>) -> Result<Vec<Row>> {
    if !project.is_cargo {
        let rows = lock.iter().flat_map(|lock| &lock.packages);
        return Ok(rows
            .map(|row| Row { package: row.id(), source: crates_io(), checksum: Some(row.checksum) })
            .collect());
    }
    let path = project.layout.cargo_lock();
    let Some(bytes) = fs::read(&path)? else { return Ok(Vec::new()) };
    let lock = CargoLock::read(&bytes, &path.display().to_string())?;
    let rows = lock.external().map(|(package, source)| Row {
        package: package.id.clone(),
        source: source.clone(),
        checksum: package.checksum,
    });
    Ok(rows.collect())
}

/// What one row leads to. Where a receipt says that a stub was installed, that is what is wanted.
fn wanted(row: &Row, receipt: Option<&Receipt>, store: &Store) -> Option<Wanted> {
    let (identity, key) = match &row.source {
        Source::Git { url, commit, .. } => {
            (Identity::Commit(commit.clone()), export::key(&row.package, url, commit))
        }
        Source::Registry(_) => {
            // A lock without checksums: what the registry said is in the receipt.
            let checksum = row.checksum.or(receipt.and_then(|receipt| receipt.checksum))?;
            (Identity::Checksum(checksum), checksum)
        }
    };
    let whole = receipt.is_none_or(|receipt| receipt.whole);
    let key = if whole { key } else { stub::key(&key) };
    Some(Wanted {
        package: row.package.clone(),
        source: row.source.clone(),
        identity,
        tree: store.layout().tree(&key, &row.package),
        whole,
    })
}
