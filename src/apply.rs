//! Carries plans out: the only writer of an environment's crates and tools.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::environment::{Change, Environment, EnvironmentLock, PYTHON_NAMES, PYTHON_SCRIPT, SCRIPTS, place};
use crate::fault::Result;
use crate::fs;
use crate::layout::{BIN, TOOLS};
use crate::manifest::Link;
use crate::plan::{FolderPlan, Plan, Wanted};
use crate::receipt::{Identity, Receipt};
use crate::store::TreeRecord;
use crate::tool_plan::ToolPlan;

/// Makes a plan ready in the environment's staging folder. `records` holds what the store knows of each tree.
pub fn stage(
    environment: &Environment,
    plan: &Plan,
    records: &BTreeMap<PathBuf, TreeRecord>,
    link: Link,
    lock: &EnvironmentLock,
) -> Result<Change> {
    let mut change = environment.begin(lock)?;
    for (name, folder) in &plan.folders {
        stage_folder(&mut change, name, folder, records, link)?;
    }
    for name in &plan.folders_gone {
        change.drop_folder(name);
    }
    Ok(change)
}

fn stage_folder(
    change: &mut Change,
    name: &str,
    folder: &FolderPlan,
    records: &BTreeMap<PathBuf, TreeRecord>,
    link: Link,
) -> Result<()> {
    let path = change.folder(name)?;
    for (wanted, is_new) in &folder.crates {
        place(&wanted.tree, &path.join(wanted.entry()), link)?;
        if let (true, Some(record)) = (is_new, records.get(&wanted.tree)) {
            change.receipt(name, &receipt(wanted, record, link))?;
        }
    }
    for package in &folder.receipts_gone {
        change.drop_receipt_of(name, package);
    }
    change.ours(name, folder.ours.iter().cloned());
    Ok(())
}

fn receipt(wanted: &Wanted, record: &TreeRecord, link: Link) -> Receipt {
    let (checksum, commit) = match &wanted.identity {
        Identity::Checksum(digest) => (Some(*digest), None),
        Identity::Commit(commit) => (None, Some(commit.clone())),
        Identity::Tree(_) => (None, None),
    };
    Receipt {
        package: wanted.package.clone(),
        source: wanted.source.to_string(),
        checksum,
        commit,
        tree: record.tree,
        link,
        whole: wanted.whole,
    }
}

/// Makes a new `bin/` ready, with the links of all tools.
pub fn stage_tools(change: &mut Change, plan: &ToolPlan) -> Result<()> {
    for receipt in &plan.added {
        change.tool_receipt(receipt)?;
    }
    for package in &plan.removed {
        change.drop_receipt_of(TOOLS, package);
    }
    if plan.changed {
        let folder = change.folder(BIN)?;
        for (name, file) in &plan.links {
            fs::link_file(file, &folder.join(name))?;
        }
        // With them, so that a shell finds them at every moment.
        for script in SCRIPTS {
            fs::write_new(&folder.join(script.name), script.text.as_bytes())?;
        }
        for name in PYTHON_NAMES.iter().filter(|_| plan.python) {
            let path = folder.join(name);
            fs::write_new(&path, PYTHON_SCRIPT.as_bytes())?;
            fs::set_mode(&path, 0o755)?;
        }
        let scripts = SCRIPTS.iter().map(|script| script.name.to_owned());
        let python = PYTHON_NAMES.iter().filter(|_| plan.python).map(|name| (*name).to_owned());
        change.ours(BIN, plan.ours.iter().cloned().chain(scripts).chain(python));
    }
    Ok(())
}

/// Where each folder of crates lies once a change is staged: new ones in staging, others where they are.
pub fn folder_now(environment: &Environment, change: &Change, name: &str) -> PathBuf {
    change.staged_folder(name).unwrap_or_else(|| environment.layout().folder(name))
}
