//! From the rows of a lock to what the environment is to hold, and the way of that into it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{Report, Session};
use crate::apply;
use crate::cargo::cache;
use crate::cargo_lock::Source;
use crate::cargo_replacement;
use crate::digest::{self, Digest};
use crate::environment::Change;
use crate::export::{self, Exporter};
use crate::fault::{Fault, Result};
use crate::fetch::{Archive, Fetched};
use crate::fs;
use crate::layout::{BIN, ENVIRONMENT};
use crate::manifest::Link;
use crate::package::PackageId;
use crate::parallel;
use crate::plan::{self, Plan, Wanted};
use crate::receipt::Identity;
use crate::sources::{self, Reach};
use crate::store::{Tree, TreeRecord};
use crate::stub;

/// One row of a lock.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) package: PackageId,
    pub(super) source: Source,
    pub(super) checksum: Option<Digest>,
}

/// A change that is ready, with the plan behind it.
pub(super) struct Ready {
    pub(super) change: Change,
    pub(super) plan: Plan,
    pub(super) sources: Vec<Source>,
    /// Every crate that the environment is to hold.
    pub(super) wanted: Vec<Wanted>,
}

impl Ready {
    /// The change, and what is to be told once it is carried out.
    pub(super) fn split(self) -> (Change, Report) {
        let packages = self.plan.kept + self.plan.added.len();
        (
            self.change,
            Report { added: self.plan.added, removed: self.plan.removed, packages, ..Report::default() },
        )
    }
}

/// Fetches what `rows` name and makes the change ready that leads to it. For each crate of `unreadable` a stub is
/// installed.
pub(super) fn make_ready(session: &Session<'_>, rows: &[Row], unreadable: &[PackageId]) -> Result<Ready> {
    let _step = tracing::debug_span!("crates").entered();
    let sources: BTreeSet<Source> = rows.iter().map(|row| row.source.clone()).collect();
    let sources: Vec<Source> = sources.into_iter().collect();
    let (root, home) = (session.project.layout.root(), session.context.cargo_home()?);
    sources::refuse(&sources::bypasses(&session.config, &sources, root, home)?)?;

    let rows = with_checksums(session, rows)?;
    let mut wanted: Vec<Wanted> = rows.iter().map(|row| wanted(session, row)).collect::<Result<_>>()?;
    let stubs = put_stubs(session, &mut wanted, unreadable)?;
    let link = session.project.manifest.env.link;
    let receipts = session.environment.receipts()?;
    let mut listing = session.environment.listing()?;
    let fixing = session.fixing.as_ref();
    let aside: Vec<_> = fixing.iter().flat_map(|fixing| &fixing.put_aside).collect();
    let distrusted = fixing.iter().flat_map(|fixing| &fixing.distrusted);
    for (folder, entry) in distrusted.chain(aside.iter().copied()) {
        if let Some(entries) = listing.folders.get_mut(folder) {
            entries.remove(std::ffi::OsStr::new(entry));
        }
    }
    let mut plan = plan::plan(wanted.clone(), receipts.clone(), &listing, link)?;
    for (folder, entry) in aside.into_iter().filter(|(folder, _)| folder != BIN) {
        plan.put_aside(folder, entry, &wanted, &receipts);
    }

    let needed = needed(&plan, &wanted, link)?;
    let (git, registry): (Vec<&Wanted>, Vec<&Wanted>) =
        needed.into_iter().partition(|wanted| matches!(wanted.source, Source::Git { .. }));
    let git = missing_from_git(session, &git)?;
    let registry = if git.1.is_empty() {
        registry
    } else {
        // cargo resolves what it exports, and needs every manifest for it.
        wanted.iter().filter(|wanted| wanted.whole && matches!(wanted.source, Source::Registry(_))).collect()
    };
    let mut fetched = fetch(session, &registry)?;
    fetched.trees.extend(stubs.into_iter().map(|tree| (tree.path.clone(), tree)));
    for tree in git.0.into_iter().chain(export(session, &git.1, &registry)?) {
        fetched.trees.insert(tree.path.clone(), tree);
    }

    let records: BTreeMap<PathBuf, TreeRecord> =
        fetched.trees.iter().map(|(path, tree)| (path.clone(), tree.record.clone())).collect();
    let mut change = apply::stage(&session.environment, &plan, &records, link, &session.lock)?;
    let isolate = session.project.manifest.env.isolate && !sources.is_empty();
    let text = isolate
        .then(|| replacement(session, &sources, |source| format!("{ENVIRONMENT}/{}", source.folder())));
    change.cargo_toml(text.transpose()?.as_deref())?;
    Ok(Ready { change, plan, sources, wanted })
}

/// A configuration that replaces each source by `folder`.
pub(super) fn replacement(
    session: &Session<'_>,
    sources: &[Source],
    folder: impl Fn(&Source) -> String,
) -> Result<String> {
    Ok(cargo_replacement::text(&sources::replaced(&session.config, sources, folder)?))
}

/// Asks the registries for the checksums that the lock does not give.
pub(super) fn with_checksums(session: &Session<'_>, rows: &[Row]) -> Result<Vec<Row>> {
    let mut rows = rows.to_vec();
    let mut asked = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        if matches!(row.source, Source::Registry(_))
            && row.checksum.is_none()
            && let Reach::Sparse(index) = sources::reach(&session.config, &row.source)?
        {
            asked.push((number, (row.package.clone(), index)));
        }
    }
    let (numbers, asked): (Vec<usize>, Vec<_>) = asked.into_iter().unzip();
    let found = session.fetching(|fetcher| fetcher.checksums(&asked))?;
    for (number, checksum) in numbers.into_iter().zip(found) {
        rows[number].checksum = Some(checksum);
    }
    Ok(rows)
}

fn wanted(session: &Session<'_>, row: &Row) -> Result<Wanted> {
    let (identity, key) = match (&row.source, row.checksum) {
        (Source::Git { url, commit, .. }, _) => {
            (Identity::Commit(commit.clone()), export::key(&row.package, url, commit))
        }
        (Source::Registry(_), Some(checksum)) => (Identity::Checksum(checksum), checksum),
        (Source::Registry(_), None) => return Err(no_checksum(&row.package)),
    };
    let tree = session.store.layout().tree(&key, &row.package);
    Ok(Wanted { package: row.package.clone(), source: row.source.clone(), identity, tree, whole: true })
}

/// Puts a stub in the place of each crate of a registry that is unreadable.
fn put_stubs(session: &Session<'_>, wanted: &mut [Wanted], unreadable: &[PackageId]) -> Result<Vec<Tree>> {
    let mut stubs = Vec::new();
    for one in wanted.iter_mut().filter(|one| unreadable.contains(&one.package)) {
        let Identity::Checksum(checksum) = one.identity else { continue };
        fetch(session, &[&*one])?;
        let tree = stub::make(&session.store, &one.package, &checksum, &one.tree)?;
        one.tree.clone_from(&tree.path);
        one.whole = false;
        stubs.push(tree);
    }
    Ok(stubs)
}

pub(super) fn no_checksum(package: &PackageId) -> Fault {
    Fault::new(format!("could not install {package}"))
        .why("its lock gives no checksum, so nothing that is fetched for it could be verified")
        .help("remove its lock and run `envtool sync`, which locks again")
}

/// The crates whose trees are needed in the store: all of a folder that is made anew, and, where a crate is a link,
/// each whose end is gone.
fn needed<'w>(plan: &Plan, wanted: &'w [Wanted], link: Link) -> Result<Vec<&'w Wanted>> {
    let mut needed = Vec::new();
    for one in wanted {
        let remade = plan.folders.contains_key(&one.source.folder());
        if !one.whole {
            continue;
        }
        if remade || (link == Link::Symlink && !fs::is_folder(&one.tree)?) {
            needed.push(one);
        }
    }
    Ok(needed)
}

/// Brings crates of a registry into the store. Gives their trees, in this order.
pub(super) fn fetch_trees(
    session: &Session<'_>,
    source: &Source,
    asked: &[(PackageId, Digest)],
) -> Result<Vec<Tree>> {
    let row = |(package, checksum): &(PackageId, Digest)| Row {
        package: package.clone(),
        source: source.clone(),
        checksum: Some(*checksum),
    };
    let wanted = asked.iter().map(|one| wanted(session, &row(one))).collect::<Result<Vec<_>>>()?;
    let mut fetched = fetch(session, &wanted.iter().collect::<Vec<_>>())?;
    wanted
        .iter()
        .map(|one| fetched.trees.remove(&one.tree).ok_or_else(|| no_checksum(&one.package)))
        .collect()
}

/// Sees that the store has the archives of crates of a registry as they are locked: who only syncs has no use for one
/// whose tree is there, and does not look at it.
pub(super) fn fetch_archives(
    session: &Session<'_>,
    source: &Source,
    asked: &[(PackageId, Digest)],
) -> Result<()> {
    let store = &session.store;
    let lacking = parallel::each(asked.iter().collect(), |(package, checksum)| {
        let path = store.layout().archive(checksum);
        let Some(file) = fs::open(&path)? else { return Ok(Some((package, checksum))) };
        let found = digest::of_reader(file).map_err(|error| fs::failed("read", &path, &error))?;
        Ok((found != *checksum).then_some((package, checksum)))
    })?;
    let lacking: Vec<_> = lacking.into_iter().flatten().collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let reach = sources::reach(&session.config, source)?;
    let mut archives = Vec::new();
    for (package, checksum) in lacking {
        let mut nearby = cache::cached_archive(session.context.cargo_home()?, package)?;
        let index = match &reach {
            Reach::Sparse(index) => Some(index.clone()),
            Reach::Folder(folder) => {
                nearby.push(folder.join(format!("{}.crate", package.folder())));
                None
            }
            Reach::Cargo => None,
        };
        archives.push(Archive { package: package.clone(), checksum: *checksum, nearby, index });
    }
    session.fetching(|fetcher| fetcher.archives(archives))
}

fn fetch(session: &Session<'_>, wanted: &[&Wanted]) -> Result<Fetched> {
    let mut reaches: BTreeMap<&Source, Reach> = BTreeMap::new();
    for one in wanted {
        if !reaches.contains_key(&one.source) {
            reaches.insert(&one.source, sources::reach(&session.config, &one.source)?);
        }
    }
    let archives = || wanted.iter().map(|one| archive(session, one, &reaches)).collect::<Result<Vec<_>>>();
    let mut first = archives()?;
    let by_cargo = reaches.values().any(|reach| *reach == Reach::Cargo);
    if by_cargo && session.project.is_cargo && left_to_cargo(session, &first)? {
        let manifest = session.project.layout.cargo_manifest();
        session.cargo()?.fetch(&manifest, session.surroundings()?)?;
        first = archives()?;
    }
    let fetched = session.fetching(|fetcher| fetcher.fetch(first))?;
    session.tally.borrow_mut().count(&fetched);
    Ok(fetched)
}

fn archive(session: &Session<'_>, wanted: &Wanted, reaches: &BTreeMap<&Source, Reach>) -> Result<Archive> {
    let Identity::Checksum(checksum) = wanted.identity else {
        return Err(no_checksum(&wanted.package));
    };
    let mut nearby = Vec::new();
    let mut index = None;
    match reaches.get(&wanted.source) {
        Some(Reach::Sparse(found)) => index = Some(found.clone()),
        Some(Reach::Folder(folder)) => nearby.push(folder.join(format!("{}.crate", wanted.package.folder()))),
        Some(Reach::Cargo) | None => {}
    }
    // A look at the store first saves a look into every folder of cargo's cache.
    if !fs::is_folder(&wanted.tree)? {
        nearby.extend(cache::cached_archive(session.context.cargo_home()?, &wanted.package)?);
    }
    Ok(Archive { package: wanted.package.clone(), checksum, nearby, index })
}

/// Whether an archive that no index serves lies nowhere on this machine.
fn left_to_cargo(session: &Session<'_>, archives: &[Archive]) -> Result<bool> {
    for archive in archives.iter().filter(|archive| archive.index.is_none() && archive.nearby.is_empty()) {
        if session.store.tree(&archive.checksum, &archive.package)?.is_none()
            && session.store.archive(&archive.checksum)?.is_none()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Which of the crates from git lie in the store, and which do not.
fn missing_from_git<'w>(
    session: &Session<'_>,
    wanted: &[&'w Wanted],
) -> Result<(Vec<Tree>, Vec<&'w Wanted>)> {
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    for one in wanted {
        let Source::Git { url, commit, .. } = &one.source else {
            continue;
        };
        match session.store.tree(&export::key(&one.package, url, commit), &one.package)? {
            Some(tree) => there.push(tree),
            None => missing.push(*one),
        }
    }
    Ok((there, missing))
}

/// Exports the crates from git, one source after the other.
fn export(session: &Session<'_>, wanted: &[&Wanted], registry: &[&Wanted]) -> Result<Vec<Tree>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let registry: Vec<_> =
        registry.iter().map(|one| (one.source.clone(), one.package.clone(), one.tree.clone())).collect();
    let manifest = session.project.layout.cargo_manifest();
    let surroundings = session.surroundings()?;
    let exporter = Exporter {
        store: &session.store,
        lock: &session.store_lock,
        cargo: session.cargo()?,
        surroundings,
        manifest: &manifest,
        registry: &registry,
        name_of: &|source| sources::name_of(&session.config, source),
    };
    let mut by_source: BTreeMap<&Source, Vec<PackageId>> = BTreeMap::new();
    for one in wanted {
        by_source.entry(&one.source).or_default().push(one.package.clone());
    }
    let mut trees = Vec::new();
    for (source, packages) in by_source {
        trees.extend(exporter.export(source, &packages)?);
    }
    Ok(trees)
}
