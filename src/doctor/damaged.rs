//! `store`: damaged, half-written entries in the store that this environment uses.
//!
//! What a file of a crate or an executable is, `modified` says, and `missing` that one is gone: here is what stands
//! behind them. The archives, by which a doubtful tree is judged; the records of trees and of tools, without which an
//! entry is half-written. What an index answered is asked for again where it cannot be read, and what a killed envtool
//! left in `tmp/` the next one removes: neither is anything that an environment uses.

use std::path::Path;

use super::modified::archived;
use super::scene::Crate;
use super::{Check, Finding, Remedy, Scene, Severity, Step};
use crate::digest::{self, Digest};
use crate::fault::Result;
use crate::fs;
use crate::layout::StoreLayout;
use crate::manifest::Link;
use crate::parallel;
use crate::receipt::{How, Identity, ToolReceipt};
use crate::store::{Found, Store};
use crate::sync::Survey;

/// The check.
pub(super) struct Damaged;

impl Check for Damaged {
    fn id(&self) -> &'static str {
        "store"
    }

    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let Some(survey) = scene.survey() else { return Ok(Vec::new()) };
        let mut found = trees(scene)?;
        for receipt in survey.tool_receipts.iter().filter(|receipt| receipt.how == How::Built) {
            found.extend(tool(scene, receipt)?.map(|why| {
                let steps = Remedy::Steps(Step::again(receipt));
                finding(receipt.package.to_string(), why.to_owned(), steps)
            }));
        }
        if !scene.quick {
            found.extend(archives(&scene.store, survey)?);
        }
        found.sort_by(|a, b| a.subject.cmp(&b.subject));
        Ok(found)
    }
}

fn finding(subject: String, message: String, remedy: Remedy) -> Finding {
    Finding { check: Damaged.id(), severity: Severity::Error, subject, message, remedy }
}

/// The archives that the locks name.
fn archives(store: &Store, survey: &Survey) -> Result<Vec<Finding>> {
    let mut archives: Vec<(String, Digest)> = survey
        .wanted
        .iter()
        .filter_map(|one| match one.identity {
            Identity::Checksum(checksum) => Some((one.package.to_string(), checksum)),
            Identity::Commit(_) | Identity::Tree(_) => None,
        })
        .collect();
    archives.extend(survey.tools.iter().map(|row| (row.id().to_string(), row.checksum)));
    let looked = parallel::each(archives, |(package, checksum)| {
        let now = digest_of(&store.layout().archive(&checksum))?;
        Ok(now.is_some_and(|now| now != checksum).then_some((package, checksum)))
    })?;
    let why = "its archive in the store is damaged: it does not have the SHA-256 in its name";
    let steps = |checksum| Remedy::Steps(vec![Step::DropArchive(checksum), Step::Sync]);
    let damaged = looked.into_iter().flatten();
    Ok(damaged.map(|(package, checksum)| finding(package, why.to_owned(), steps(checksum))).collect())
}

/// The digest of a file; `None` where it is absent.
fn digest_of(path: &Path) -> Result<Option<Digest>> {
    let Some(file) = fs::open(path)? else { return Ok(None) };
    digest::of_reader(file).map(Some).map_err(|error| fs::failed("read", path, &error))
}

/// The trees of the crates that are installed: for one that is not, a sync makes what is half-written anew.
fn trees(scene: &Scene<'_>) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for one in scene.crates()? {
        if let (Some(key), Some(why)) = (one.wanted.key(), tree(scene, &one)?) {
            let steps = Remedy::Steps(vec![Step::DropTree(key), Step::Sync]);
            found.push(finding(one.wanted.package.to_string(), why.to_owned(), steps));
        }
    }
    Ok(found)
}

/// What is wrong with the entry of one tree, where nobody else says so.
fn tree(scene: &Scene<'_>, one: &Crate<'_>) -> Result<Option<&'static str>> {
    let Some(receipt) = one.receipt else { return Ok(None) };
    let tree = &one.wanted.tree;
    match (&one.stored.record, one.stored.folder) {
        (None, true) => {
            Ok(Some("its entry in the store is half-written: its record is gone or cannot be read"))
        }
        (Some(_), false) => {
            // A link that leads nowhere is `missing`; an entry that holds another package is that one's.
            let names = tree.parent().map(fs::names).transpose()?.flatten().unwrap_or_default();
            let said = names.len() > 1 || scene.project.manifest.env.link == Link::Symlink;
            Ok((!said)
                .then_some("its entry in the store is half-written: its record is there without its files"))
        }
        (Some(record), true) if !scene.quick && record.tree != receipt.tree => {
            // Where the files are not those of the archive, or there is none to ask, `modified` says so.
            let Identity::Checksum(checksum) = one.wanted.identity else { return Ok(None) };
            let expected = match one.wanted.whole {
                true => archived(&scene.store, one.wanted, checksum)?,
                false => None,
            };
            let Some(expected) = expected.map(|contents| contents.tree_digest()) else { return Ok(None) };
            let now = Found::look(tree)?.map(|found| found.contents.tree_digest());
            let wrong = now == Some(expected) && record.tree != expected;
            Ok(wrong.then_some("its record in the store is damaged: it does not say what lies beside it"))
        }
        (None, false) | (Some(_), true) => Ok(None),
    }
}

/// What is wrong with the entry of a tool that was built, where nobody else says so.
fn tool(scene: &Scene<'_>, receipt: &ToolReceipt) -> Result<Option<&'static str>> {
    for name in receipt.bins.keys() {
        // One that is gone is `missing`.
        if !fs::is_file(&scene.environment.layout().bin().join(name))? {
            return Ok(None);
        }
    }
    let record = scene.store.built_record(&receipt.key)?.filter(|record| record.package == receipt.package);
    let Some(record) = record else {
        return Ok(Some(
            "what was built of it lies half-written in the store: its record is gone or cannot be read",
        ));
    };
    let folder = scene.store.layout().built(&receipt.key);
    for (name, recorded) in &record.bins {
        let file = StoreLayout::executable(&folder, name);
        let installed = receipt.bins.get(name);
        if !fs::is_file(&file)? {
            return Ok(Some("what was built of it lies half-written in the store: an executable is gone"));
        }
        // One that is not what the receipt says is `modified`.
        if scene.quick || installed == Some(recorded) {
            continue;
        }
        let now = digest_of(&file)?;
        if installed.map_or(now != Some(*recorded), |installed| now == Some(*installed)) {
            return Ok(Some(
                "what was built of it is damaged in the store: an executable is not what its record says",
            ));
        }
    }
    Ok(None)
}
