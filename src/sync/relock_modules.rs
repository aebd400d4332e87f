//! The rows of Python packages in a lock that is made again.
//!
//! A side of the broken lock that is what the receipts were installed for, and serves the pins, is taken as it is. Else
//! what is installed, and what only the broken lock names, is where the resolver begins: rows without files, which no
//! sync takes for an answer, since they say of nothing that it was asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::relock::{Versions, moves, versions};
use crate::layout::{PYTHON, tool_venv};
use crate::lock::{Lock, ModuleRow, ModuleToolRow, serve};
use crate::manifest::{Manifest, ModulePin};
use crate::module::{ModuleId, ModuleName};
use crate::receipt::ModuleReceipt;

/// Puts the rows into `lock`. Gives what moves, a line each.
pub(super) fn rebuild(
    lock: &mut Lock,
    sides: &[Lock],
    manifest: &Manifest,
    receipts: &[(String, ModuleReceipt)],
) -> Vec<String> {
    let mut moved = Vec::new();
    lock.python = sides.iter().find_map(|side| side.python.clone());
    let mut closure = |venv: &str, rows: Vec<&[ModuleRow]>, pins: &BTreeMap<ModuleName, ModulePin>| {
        let receipts: Vec<&ModuleReceipt> =
            receipts.iter().filter(|(at, _)| at == venv).map(|(_, receipt)| receipt).collect();
        let (begun, lines) = begin(&rows, pins, &receipts);
        moved.extend(lines);
        begun
    };
    if !manifest.modules.is_empty() {
        let rows = sides.iter().map(|side| side.modules.as_slice()).collect();
        lock.modules = closure(PYTHON, rows, &manifest.modules);
    }
    for (name, pin) in &manifest.module_tools {
        let rows = sides.iter().filter_map(|side| Some(side.module_tool(name)?.modules.as_slice())).collect();
        let pins = BTreeMap::from([(name.clone(), pin.clone())]);
        let modules = closure(&tool_venv(name), rows, &pins);
        lock.module_tools.push(ModuleToolRow { name: name.clone(), version: pin.version.clone(), modules });
    }
    moved
}

/// The rows of one closure, as the sides have it.
fn begin(
    sides: &[&[ModuleRow]],
    pins: &BTreeMap<ModuleName, ModulePin>,
    receipts: &[&ModuleReceipt],
) -> (Vec<ModuleRow>, Vec<String>) {
    let was_installed = |rows: &[ModuleRow]| {
        let digests: BTreeSet<_> = rows.iter().map(|row| (row.id(), row.digest())).collect();
        receipts.iter().all(|receipt| digests.contains(&(receipt.module.clone(), receipt.row)))
    };
    if let Some(rows) = sides.iter().find(|rows| serve(rows, pins) && was_installed(rows)) {
        return (rows.to_vec(), Vec::new());
    }
    let installed: BTreeSet<ModuleId> = receipts.iter().map(|receipt| receipt.module.clone()).collect();
    let known = |name: &ModuleName| installed.iter().any(|id| id.name == *name);
    let of_sides = sides.iter().flat_map(|rows| rows.iter()).map(ModuleRow::id);
    let named: BTreeSet<ModuleId> = of_sides.filter(|id| !known(&id.name)).collect();
    let label = |id: &ModuleId| (id.name.clone(), id.version.to_string());
    let of_sides: Vec<Versions<ModuleName>> =
        sides.iter().map(|rows| versions(rows.iter().map(|row| label(&row.id())))).collect();
    let moved = moves(&of_sides, &versions(installed.iter().map(label)), &versions(named.iter().map(label)));
    let start = |id: ModuleId| ModuleRow {
        name: id.name,
        version: id.version,
        marker: None,
        dependencies: Vec::new(),
        asked: None,
        files: BTreeMap::new(),
    };
    (installed.into_iter().chain(named).map(start).collect(), moved)
}
