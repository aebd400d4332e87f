//! `modified`: a file added, changed or missing inside something that has a receipt.
//!
//! Every file is hashed again. The receipt says what the tree was when it was unpacked; where that differs, the archive,
//! checked against the lock, is unpacked in memory and decides.

use super::{Check, Finding, Remedy, Scene, Severity, Step};
use crate::archive::{Contents, Limits, read_crate};
use crate::digest::{self, Digest};
use crate::fault::{Fault, Result};
use crate::fs;
use crate::manifest::Link;
use crate::parallel;
use crate::plan::Wanted;
use crate::receipt::{Identity, Receipt, ToolReceipt};
use crate::store::{Found, names_and_sizes};

/// The check.
pub(super) struct Modified;

/// cargo's own blindness, for everybody who wonders why the build went through.
const UNNOTICED: &str = "cargo itself does not notice a file that changed after the crate was built";

impl Check for Modified {
    fn id(&self) -> &'static str {
        "modified"
    }

    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let Some(survey) = scene.survey() else { return Ok(Vec::new()) };
        let layout = scene.environment.layout();
        let (store, quick) = (&scene.store, scene.quick);
        let linked = matches!(scene.project.manifest.env.link, Link::Symlink | Link::Hardlink);
        let crates: Vec<(&Wanted, &Receipt, std::path::PathBuf)> = survey
            .wanted
            .iter()
            .filter_map(|one| {
                let folder = one.source.folder();
                let same =
                    |(at, receipt): &&(String, Receipt)| *at == folder && receipt.package == one.package;
                let (_, receipt) = survey.receipts.iter().find(same)?;
                Some((one, receipt, layout.folder(&folder).join(one.entry())))
            })
            .collect();
        let looked = parallel::each(crates, |(one, receipt, path)| {
            if !fs::is_folder(&path)? || receipt.identity() != one.identity {
                return Ok(None);
            }
            let why = match quick {
                true => quick_look(store, one, &path)?,
                false => look(store, one, receipt, &path)?,
            };
            let Some(why) = why else { return Ok(None) };
            // A copy of its own leaves the store's tree as it is, and is made anew from that.
            let from_store =
                linked || (fs::is_folder(&one.tree)? && look(store, one, receipt, &one.tree)?.is_some());
            Ok(Some((one.clone(), why, from_store)))
        })?;
        let mut found: Vec<Finding> = looked
            .into_iter()
            .flatten()
            .map(|(one, why, from_store)| {
                let mut steps = vec![Step::TakeAway { folder: one.source.folder(), entry: one.entry() }];
                if let Some(key) = key_of(&one).filter(|_| from_store) {
                    steps.push(Step::DropTree(key));
                }
                steps.push(Step::Sync);
                Finding {
                    check: self.id(),
                    severity: Severity::Error,
                    subject: one.package.to_string(),
                    message: format!("{why}; {UNNOTICED}"),
                    remedy: Remedy::Steps(steps),
                }
            })
            .collect();
        for receipt in survey.tool_receipts.iter().filter(|_| !quick) {
            found.extend(executable(scene, receipt)?);
        }
        found.sort_by(|a, b| a.subject.cmp(&b.subject));
        Ok(found)
    }
}

/// The key of a tree in the store is the name of its folder's parent.
fn key_of(one: &Wanted) -> Option<Digest> {
    one.tree.parent()?.file_name()?.to_str()?.parse().ok()
}

fn quick_look(store: &crate::store::Store, one: &Wanted, path: &std::path::Path) -> Result<Option<String>> {
    let Some(key) = key_of(one) else { return Ok(None) };
    let Some(record) = store.record(&key)? else { return Ok(None) };
    let (files, bytes) = names_and_sizes(path)?;
    Ok((files != record.files || bytes != record.bytes).then(|| {
        format!(
            "it holds {files} files of {bytes} bytes, and was unpacked to {} of {}",
            record.files, record.bytes
        )
    }))
}

fn look(
    store: &crate::store::Store,
    one: &Wanted,
    receipt: &Receipt,
    path: &std::path::Path,
) -> Result<Option<String>> {
    let found = Found::look(path)?;
    let checksum = match (&one.identity, one.whole) {
        (Identity::Checksum(checksum), true) => Some(*checksum),
        _ => None,
    };
    let says = |(file, what): (String, &str)| format!("{file} {what}");
    // The words of the receipt and of the store's record are enough where both agree. Else the archive decides, which
    // nobody can change along with them.
    let now = found.contents.tree_digest();
    let recorded = key_of(one).map(|key| store.record(&key)).transpose()?.flatten();
    if now == receipt.tree && recorded.is_none_or(|record| record.tree == now) {
        return Ok(found.differs(&found.contents, checksum).map(says));
    }
    let Some(checksum) = checksum else {
        return Ok(Some("its files are not those that were installed".to_owned()));
    };
    let Some(expected) = archived(store, one, checksum)? else {
        return Ok(Some("its files are not those that were installed".to_owned()));
    };
    Ok(found.differs(&expected, Some(checksum)).map(says))
}

/// What the archive holds that the lock's checksum names; `None` where the store lacks it or it is damaged, which
/// `store` reports.
fn archived(store: &crate::store::Store, one: &Wanted, checksum: Digest) -> Result<Option<Contents>> {
    let Some(path) = store.archive(&checksum)? else { return Ok(None) };
    let Some(bytes) = fs::read(&path)? else { return Ok(None) };
    if Digest::of(&bytes) != checksum {
        return Ok(None);
    }
    read_crate(bytes.as_slice(), &one.package, &Limits::for_archive(bytes.len() as u64)).map(Some)
}

/// The executables of a tool, against its receipt.
fn executable(scene: &Scene<'_>, receipt: &ToolReceipt) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for (name, expected) in &receipt.bins {
        let path = scene.environment.layout().bin().join(name);
        let Some(file) = fs::open(&path)? else { continue };
        let now = digest::of_reader(file)
            .map_err(|error| Fault::new(format!("could not read {}", path.display())).because(&error))?;
        if now != *expected {
            found.push(Finding {
                check: "modified",
                severity: Severity::Error,
                subject: format!("{} ({name})", receipt.package),
                message: format!("its executable `{name}` is not the one that was installed"),
                remedy: Remedy::Steps(Step::again(receipt)),
            });
        }
    }
    Ok(found)
}
