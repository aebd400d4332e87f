//! `modified`: a file added, changed or missing inside something that has a receipt.
//!
//! Every file is hashed again. The receipt says what the tree was when it was unpacked; where that differs, the archive,
//! checked against the lock, is unpacked in memory and decides.

use std::path::{Path, PathBuf};

use super::{Check, Finding, Remedy, Scene, Severity, Step, modified_module};
use crate::archive::{Contents, Limits, read_crate};
use crate::digest::{self, Digest};
use crate::fault::Result;
use crate::fs;
use crate::manifest::Link;
use crate::parallel;
use crate::plan::Wanted;
use crate::receipt::{Identity, Receipt, ToolReceipt};
use crate::store::{Found, Outline, Store, TreeRecord};

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
        let installed = scene.crates()?.into_iter().filter_map(|one| {
            let path = layout.folder(&one.wanted.source.folder()).join(one.wanted.entry());
            let record = one.stored.record.as_ref();
            Some(Installed { one: one.wanted, receipt: one.receipt?, record, path })
        });
        let mut crates: Vec<Installed<'_>> = installed.collect();
        // The large ones first, so that no thread is left with one at the end.
        let work = |record: &TreeRecord| if quick { record.files } else { record.bytes };
        crates.sort_by_cached_key(|one| std::cmp::Reverse(one.record.map(work)));
        let looked = parallel::each(crates, |installed| {
            let one = installed.one;
            let why = match quick {
                true => installed.outline()?,
                false => installed.look(store, &installed.path)?,
            };
            let Some(why) = why else { return Ok(None) };
            // A copy of its own leaves the store's tree as it is, and is made anew from that.
            let from_store = linked || installed.look(store, &one.tree)?.is_some();
            Ok(Some((one, why, from_store)))
        })?;
        let mut found: Vec<Finding> = looked
            .into_iter()
            .flatten()
            .map(|(one, why, from_store)| {
                let mut steps = vec![Step::TakeAway { folder: one.source.folder(), entry: one.entry() }];
                if let Some(key) = one.key().filter(|_| from_store) {
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
        found.extend(modified_module::findings(self.id(), scene)?);
        found.sort_by(|a, b| a.subject.cmp(&b.subject));
        Ok(found)
    }
}

/// A crate that the environment holds as the lock names it.
struct Installed<'a> {
    one: &'a Wanted,
    receipt: &'a Receipt,
    /// What the store recorded of it.
    record: Option<&'a TreeRecord>,
    /// Where it lies.
    path: PathBuf,
}

impl Installed<'_> {
    /// How its names and sizes differ; `None` where they do not, or nothing is there.
    fn outline(&self) -> Result<Option<String>> {
        let Some(record) = self.record else { return Ok(None) };
        Ok(Outline::look(&self.path)?.and_then(|outline| outline.differs(record)))
    }

    /// How the files at `path` differ; `None` where they do not, or nothing is there.
    fn look(&self, store: &Store, path: &Path) -> Result<Option<String>> {
        let Some(found) = Found::look(path)? else { return Ok(None) };
        let one = self.one;
        let checksum = match (&one.identity, one.whole) {
            (Identity::Checksum(checksum), true) => Some(*checksum),
            _ => None,
        };
        let says = |(file, what): (String, &str)| format!("{file} {what}");
        // The words of the receipt and of the store's record are enough where both agree. Else the archive decides,
        // which nobody can change along with them.
        let now = found.contents.tree_digest();
        if now == self.receipt.tree && self.record.is_none_or(|record| record.tree == now) {
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
}

/// What the archive holds that the lock's checksum names; `None` where the store lacks it or it is damaged, which
/// `store` reports.
pub(super) fn archived(store: &Store, one: &Wanted, checksum: Digest) -> Result<Option<Contents>> {
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
        let now = digest::of_reader(file).map_err(|error| fs::failed("read", &path, &error))?;
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
