//! From what is wanted and what is there to what is to be done: pure, so that a dry run prints what a real one does.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::cargo_lock::Source;
use crate::digest::Digest;
use crate::environment::Listing;
use crate::fault::{Fault, Result};
use crate::manifest::Link;
use crate::package::PackageId;
use crate::receipt::{Identity, Receipt};

/// One crate that the environment is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name and version.
    pub package: PackageId,
    /// Where it comes from.
    pub source: Source,
    /// What tells it from another release of the same name and version.
    pub identity: Identity,
    /// Its tree in the store.
    pub tree: PathBuf,
    /// Whether that is the whole crate, or a stub of one that this cargo cannot read.
    pub whole: bool,
}

impl Wanted {
    /// The name of its folder in the environment.
    pub fn entry(&self) -> String {
        self.identity.entry(&self.package)
    }

    /// The key of its tree in the store: the name of the folder that the tree lies in.
    pub fn key(&self) -> Option<Digest> {
        self.tree.parent()?.file_name()?.to_str()?.parse().ok()
    }
}

/// What is to be done to an environment.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The folders that are made anew, with all that each is to hold.
    pub folders: BTreeMap<String, FolderPlan>,
    /// Folders that nothing names any more.
    pub folders_gone: Vec<String>,
    /// Crates that come in.
    pub added: Vec<PackageId>,
    /// Crates that go.
    pub removed: Vec<PackageId>,
    /// How many stay as they are.
    pub kept: usize,
}

/// What a folder of crates is to hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FolderPlan {
    /// Every crate, and whether it needs a new receipt.
    pub crates: Vec<(Wanted, bool)>,
    /// What of the folder as it is has a receipt; everything else in it stays.
    pub ours: BTreeSet<String>,
    /// Receipts that go.
    pub receipts_gone: Vec<PackageId>,
}

impl Plan {
    /// Leaves an entry without receipt behind when its folder is made anew, which it is for that. `wanted` and `receipts`
    /// are those that the plan was made from.
    pub fn put_aside(
        &mut self,
        folder: &str,
        entry: &str,
        wanted: &[Wanted],
        receipts: &[(String, Receipt)],
    ) {
        // What goes as a whole takes the entry along.
        if self.folders_gone.iter().any(|gone| gone == folder) {
            return;
        }
        let as_it_is = || {
            let here = wanted.iter().filter(|one| one.source.folder() == folder);
            let owned =
                receipts.iter().filter(|(at, _)| at == folder).flat_map(|(_, receipt)| entries(receipt));
            FolderPlan {
                crates: here.clone().map(|one| (one.clone(), false)).collect(),
                ours: owned.chain(here.map(Wanted::entry)).collect(),
                receipts_gone: Vec::new(),
            }
        };
        let next = self.folders.entry(folder.to_owned()).or_insert_with(as_it_is);
        next.ours.insert(entry.to_owned());
    }
}

/// Decides what leads from what is there to `wanted`.
pub fn plan(
    wanted: Vec<Wanted>,
    receipts: Vec<(String, Receipt)>,
    listing: &Listing,
    link: Link,
) -> Result<Plan> {
    let mut by_folder: BTreeMap<String, Vec<Wanted>> = BTreeMap::new();
    for one in wanted {
        by_folder.entry(one.source.folder()).or_default().push(one);
    }
    let mut receipts_of: BTreeMap<String, BTreeMap<PackageId, Receipt>> = BTreeMap::new();
    for (folder, receipt) in receipts {
        receipts_of.entry(folder).or_default().insert(receipt.package.clone(), receipt);
    }
    let known = receipts_of.keys().chain(listing.folders.keys()).chain(by_folder.keys());
    let names: BTreeSet<String> = known.cloned().collect();
    let mut plan = Plan::default();
    for folder in names {
        let here = Folder {
            wanted: by_folder.remove(&folder),
            receipts: receipts_of.remove(&folder).unwrap_or_default(),
            entries: listing.folders.get(&folder),
            link,
        };
        here.plan(&folder, &mut plan)?;
    }
    Ok(plan)
}

/// One folder of crates, as it is and as it is wanted.
struct Folder<'a> {
    wanted: Option<Vec<Wanted>>,
    receipts: BTreeMap<PackageId, Receipt>,
    entries: Option<&'a BTreeMap<OsString, Option<PathBuf>>>,
    link: Link,
}

impl Folder<'_> {
    fn plan(self, name: &str, plan: &mut Plan) -> Result<()> {
        let carried = self.without_receipt();
        let mut changed = self.entries.is_none();
        let mut next = FolderPlan::default();
        let is_wanted = self.wanted.is_some();
        let mut still: BTreeSet<PackageId> = BTreeSet::new();
        for one in self.wanted.iter().flatten() {
            let entry = OsString::from(one.entry());
            if carried.contains(&entry) {
                return Err(in_the_way(name, &one.package));
            }
            let stays = self.stays(one, &entry);
            if stays {
                plan.kept += 1;
            } else {
                plan.added.push(one.package.clone());
                changed = true;
            }
            still.insert(one.package.clone());
            next.crates.push((one.clone(), !stays));
        }
        for package in self.receipts.keys().filter(|package| !still.contains(*package)) {
            plan.removed.push(package.clone());
            next.receipts_gone.push(package.clone());
            changed = true;
        }
        if !is_wanted && carried.is_empty() && !self.receipts.is_empty() {
            plan.folders_gone.push(name.to_owned());
        } else if (is_wanted || !self.receipts.is_empty()) && changed {
            next.ours = self.receipts.values().flat_map(entries).collect();
            next.ours.extend(self.wanted.iter().flatten().map(Wanted::entry));
            plan.folders.insert(name.to_owned(), next);
        }
        Ok(())
    }

    /// What lies here and has no receipt.
    fn without_receipt(&self) -> Vec<OsString> {
        let ours: BTreeSet<OsString> = self.receipts.values().flat_map(entries).map(OsString::from).collect();
        let entries = self.entries.into_iter().flat_map(BTreeMap::keys);
        entries.filter(|name| !ours.contains(*name) && !self.lost_receipt(name)).cloned().collect()
    }

    /// Whether an entry is the very link that is wanted: its receipt was lost, and is written again.
    fn lost_receipt(&self, entry: &OsStr) -> bool {
        let target = self.entries.and_then(|entries| entries.get(entry)).and_then(Option::as_deref);
        let is_it = |one: &Wanted| OsStr::new(&one.entry()) == entry && target == Some(one.tree.as_path());
        self.wanted.iter().flatten().any(is_it)
    }

    /// Whether a crate lies here as it is wanted.
    fn stays(&self, one: &Wanted, entry: &OsStr) -> bool {
        let Some(receipt) = self.receipts.get(&one.package) else {
            return false;
        };
        let Some(found) = self.entries.and_then(|entries| entries.get(entry)) else {
            return false;
        };
        let placed = match self.link {
            Link::Symlink => found.as_deref() == Some(one.tree.as_path()),
            _ => found.is_none(),
        };
        placed
            && receipt.link == self.link
            && receipt.whole == one.whole
            && receipt.identity() == one.identity
    }
}

/// The names that the folder of a crate may have in an environment: an earlier envtool left the commit out.
fn entries(receipt: &Receipt) -> [String; 2] {
    [receipt.entry(), receipt.package.folder()]
}

fn in_the_way(folder: &str, package: &PackageId) -> Fault {
    let path = format!(".envtool/{folder}/{}", package.folder());
    Fault::new(format!("could not install {package}"))
        .why(format!("{path} is there, and envtool did not put it there"))
        .help(format!("move it away (`mv {path} /tmp`), then run `envtool sync`"))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::PathBuf;

    use super::{Plan, Wanted, plan};
    use crate::cargo_lock::{Source, crates_io};
    use crate::digest::Digest;
    use crate::environment::Listing;
    use crate::manifest::Link;
    use crate::package::{GitReference, PackageId};
    use crate::receipt::{Identity, Receipt};

    fn wanted(name: &str, archive: &str) -> Wanted {
        Wanted {
            package: PackageId { name: name.parse().unwrap(), version: "1.0.0".parse().unwrap() },
            source: crates_io(),
            identity: Identity::Checksum(Digest::of(archive.as_bytes())),
            tree: PathBuf::from(format!("/store/{archive}/{name}-1.0.0")),
            whole: true,
        }
    }

    fn git(name: &str, commit: &str) -> Wanted {
        let source = Source::Git {
            url: "file:///r".into(),
            reference: GitReference::Default,
            commit: commit.repeat(40),
        };
        Wanted { identity: Identity::Commit(commit.repeat(40)), source, ..wanted(name, commit) }
    }

    /// What an environment holds after `wanted` was installed.
    fn installed(wanted: &[Wanted]) -> (Vec<(String, Receipt)>, Listing) {
        let mut listing = Listing::default();
        let mut receipts = Vec::new();
        for one in wanted {
            let (checksum, commit) = match &one.identity {
                Identity::Checksum(digest) => (Some(*digest), None),
                Identity::Commit(commit) => (None, Some(commit.clone())),
                Identity::Tree(_) => (None, None),
            };
            let receipt = Receipt {
                package: one.package.clone(),
                source: one.source.to_string(),
                checksum,
                commit,
                tree: Digest::of(b""),
                link: Link::Symlink,
                whole: true,
            };
            let folder = one.source.folder();
            let entries = listing.folders.entry(folder.clone()).or_default();
            entries.insert(one.entry().into(), Some(one.tree.clone()));
            receipts.push((folder, receipt));
        }
        (receipts, listing)
    }

    fn names(packages: &[PackageId]) -> Vec<String> {
        packages.iter().map(|p| p.name.to_string()).collect()
    }

    #[test]
    fn what_is_there_already_needs_nothing() {
        let all = vec![wanted("a", "1"), git("g", "a")];
        let (receipts, listing) = installed(&all);
        let plan = plan(all, receipts, &listing, Link::Symlink).unwrap();
        assert!(plan.folders.is_empty() && plan.folders_gone.is_empty());
        assert_eq!(plan.kept, 2);
    }

    #[test]
    fn what_differs_in_any_way_is_installed_again() {
        let all = vec![wanted("a", "1"), wanted("b", "1")];
        let run = |wanted: Vec<Wanted>, link| {
            let (receipts, listing) = installed(&all);
            plan(wanted, receipts, &listing, link).unwrap()
        };
        let changed = run(vec![wanted("a", "1"), wanted("b", "2")], Link::Symlink);
        assert_eq!(
            (names(&changed.added), names(&changed.removed), changed.kept),
            (vec!["b".into()], vec![], 1)
        );
        let fewer = run(vec![wanted("a", "1")], Link::Symlink);
        assert_eq!((names(&fewer.added), names(&fewer.removed), fewer.kept), (vec![], vec!["b".into()], 1));
        assert_eq!(fewer.folders["vendor"].receipts_gone.len(), 1);
        assert_eq!(run(all.clone(), Link::Copy).added.len(), 2, "another link mode");

        let (receipts, mut listing) = installed(&all);
        listing.folders.get_mut("vendor").unwrap().remove(&OsString::from("a-1.0.0"));
        assert_eq!(names(&plan(all.clone(), receipts, &listing, Link::Symlink).unwrap().added), ["a"]);
    }

    #[test]
    fn a_moved_commit_is_another_release() {
        let (receipts, listing) = installed(&[git("g", "a")]);
        assert_eq!(plan(vec![git("g", "b")], receipts, &listing, Link::Symlink).unwrap().added.len(), 1);
    }

    #[test]
    fn what_has_no_receipt_stays_or_is_in_the_way() {
        let (receipts, mut listing) = installed(&[wanted("a", "1"), git("g", "a")]);
        for folder in listing.folders.values_mut() {
            folder.insert("mine".into(), None);
        }
        let found = plan(vec![wanted("b", "1")], receipts.clone(), &listing, Link::Symlink).unwrap();
        assert_eq!(found.folders_gone, Vec::<String>::new());
        assert!(found.folders.values().all(|folder| !folder.ours.contains("mine")), "{found:?}");
        assert_eq!(found.folders.len(), 2);

        listing.folders.get_mut("vendor").unwrap().insert("b-1.0.0".into(), None);
        let fault = plan(vec![wanted("b", "1")], receipts, &listing, Link::Symlink).unwrap_err();
        assert!(fault.to_string().contains(".envtool/vendor/b-1.0.0 is there"), "{fault}");
    }

    #[test]
    fn a_source_that_the_lock_no_longer_names_goes_whole() {
        let (receipts, listing) = installed(&[wanted("a", "1"), git("g", "a")]);
        let found: Plan = plan(vec![wanted("a", "1")], receipts, &listing, Link::Symlink).unwrap();
        assert_eq!(found.folders_gone.len(), 1);
        assert_eq!(names(&found.removed), ["g"]);
    }
}
