//! A cargo project: its crates stand in Cargo.toml, its closure in Cargo.lock, and cargo decides whether the two agree.

use std::cell::RefCell;
use std::path::PathBuf;

use super::closure::{Ready, Row, make_ready};
use super::commit::{Others, commit};
use super::relock::Start;
use super::stamp::Made;
use super::{Edits, Report, Session, agreement};
use crate::cargo::program::{Agreement, Surroundings};
use crate::cargo_lock::{CargoLock, LockedPackage};
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::CARGO_LOCK;
use crate::package::PackageId;
use crate::resolve::{self, CargoProject};
use crate::signals;
use crate::store::Input;
use crate::stub;

/// Makes the environment of a cargo project what its Cargo.lock says, once that holds the versions of these edits.
pub(super) fn sync(session: &Session<'_>, others: Others<'_, '_>, edits: &Edits) -> Result<Report> {
    let before = fs::read(&session.project.layout.cargo_lock())?;
    let attempt = Attempt::new(session)?;
    let done = attempt.run(others, edits);
    if done.is_err() {
        attempt.put_back(before.as_deref())?;
    }
    done
}

struct Attempt<'a> {
    session: &'a Session<'a>,
    surroundings: &'a Surroundings,
    /// The files that count, relative to the project where they lie below it.
    files: Vec<PathBuf>,
    /// What cargo made of Cargo.lock meanwhile.
    written: RefCell<Option<Vec<u8>>>,
}

impl<'a> Attempt<'a> {
    fn new(session: &'a Session<'a>) -> Result<Self> {
        let layout = &session.project.layout;
        let workspace = session.cargo()?.workspace(&layout.cargo_manifest())?;
        if workspace.root != layout.root() && fs::canonical(&workspace.root)? != fs::canonical(layout.root())?
        {
            return Err(Fault::new(format!("could not sync {}", layout.root().display()))
                .why(format!("it is a member of the workspace {}", workspace.root.display()))
                .help(format!("make the environment there: `envtool init {}`", workspace.root.display())));
        }
        let mut files = resolve::manifests(layout.root(), &workspace.manifests)?;
        files.push(CARGO_LOCK.into());
        Ok(Self { session, surroundings: session.surroundings()?, files, written: RefCell::new(None) })
    }

    fn project(&self) -> Result<CargoProject<'_>> {
        let Session { project, store, .. } = self.session;
        let (cargo, version) = (self.session.cargo()?, self.session.cargo_version()?);
        Ok(CargoProject {
            layout: &project.layout,
            cargo,
            version,
            surroundings: self.surroundings,
            configs: self.session.config.files(),
            store,
        })
    }

    fn inputs(&self) -> Result<Vec<Input>> {
        resolve::inputs(self.session.project.layout.root(), &self.files)
    }

    /// Locks where there is no lock, installs what the lock names, and asks cargo whether that serves: where it does
    /// not, a crate that cargo cannot read becomes a stub, or cargo locks again, once.
    fn run(&self, others: Others<'_, '_>, Edits { precise, updates, .. }: &Edits) -> Result<Report> {
        let project = self.project()?;
        let start = self.session.fixing.as_ref().and_then(|fixing| fixing.start.as_ref());
        let mut locked = start.is_some();
        if let Some(start) = start {
            self.relock(&project, start)?;
        } else if project.read_lock()?.is_none() {
            locked = true;
            self.lock(&project, "there is no Cargo.lock")?;
        }
        let there = self.session.context.flags.locked && holds(&project, precise)?;
        if !precise.is_empty() && !there {
            self.lock(&project, "the manifest names another release")?;
            self.move_to(&project, precise)?;
            locked = true;
        }
        if !updates.is_empty() {
            self.update(&project, updates)?;
            locked = true;
        }
        let mut asked_to_lock = locked;
        let mut unreadable = project.agreed(&self.inputs()?)?.unwrap_or_default();
        loop {
            // Looked at before they are read: what changes in between is found by the next sync.
            let inputs = self.inputs()?;
            let rows = rows(&read(&project)?);
            let ready = make_ready(self.session, &rows, &unreadable)?;
            let Agreement::Differs(why) = self.agreement(&project, &ready, &inputs, &unreadable)? else {
                self.warn_of(&unreadable);
                return self.commit((ready, others), inputs, locked, unreadable.is_empty());
            };
            if let Some(package) = named_crate(&why, &rows).filter(|package| !unreadable.contains(package)) {
                unreadable.push(package);
            } else if asked_to_lock {
                self.session
                    .context
                    .progress
                    .warn(&format!("cargo cannot use the environment as it is: {why}"));
                return self.commit((ready, others), inputs, locked, false);
            } else {
                let path = self.session.project.layout.cargo_lock();
                let before = fs::read(&path)?;
                self.lock(&project, &why)?;
                asked_to_lock = true;
                locked = fs::read(&path)? != before;
            }
        }
    }

    fn warn_of(&self, unreadable: &[PackageId]) {
        for package in unreadable {
            self.session.context.progress.warn(&format!(
                "this cargo cannot read the manifest of {package}: what does not build it works (`rustup update` brings a newer cargo)"
            ));
        }
    }

    /// Has cargo lock, where that is allowed.
    fn lock(&self, project: &CargoProject<'_>, why: &str) -> Result<()> {
        self.may_lock(why)?;
        let has_lock = project.read_lock()?.is_some();
        let done = project.lock(has_lock);
        if done.is_ok() {
            self.wrote()?;
        }
        done
    }

    fn may_lock(&self, why: &str) -> Result<()> {
        if self.session.context.flags.locked {
            return Err(Fault::new("Cargo.lock would change, and `--locked` forbids it")
                .why(why.to_owned())
                .help("run it again without `--locked`, and commit the Cargo.lock that it makes"));
        }
        Ok(())
    }

    /// Has cargo make the lock anew where it cannot be read, beginning with `start`.
    fn relock(&self, project: &CargoProject<'_>, start: &Start) -> Result<()> {
        self.may_lock("it cannot be read")?;
        // 1. From the folders of the environment, without a network: nothing but what is installed can come of it.
        let replacement = self.session.environment.layout().cargo_toml();
        if !start.installed.is_empty() && fs::is_file(&replacement)? {
            self.write(&CargoLock::start(&start.installed, start.version))?;
            let mut surroundings = self.surroundings.clone();
            surroundings.configs.push(replacement);
            surroundings.offline = true;
            let done = project.cargo.lock(&project.layout.cargo_manifest(), true, &surroundings);
            signals::check()?;
            self.wrote()?;
            if done.is_ok()
                && let Some(lock) = project.read_lock()?
                && lock.external().all(|(package, source)| start.has(package, source))
            {
                return Ok(());
            }
        }
        // 2. From the registries, where the manifests ask for more than is installed. What only the broken lock named may
        //    not go with what is installed.
        let all: Vec<LockedPackage> = start.installed.iter().chain(&start.named).cloned().collect();
        let mut begins = vec![all, start.installed.clone()];
        begins.dedup();
        let mut failed = None;
        for begin in begins.into_iter().filter(|begin| !begin.is_empty()) {
            self.write(&CargoLock::start(&begin, start.version))?;
            let done = project.lock(true);
            signals::check()?;
            self.wrote()?;
            match done {
                Ok(()) => return Ok(()),
                Err(fault) => failed = Some(fault),
            }
        }
        if let Some(fault) = failed {
            return Err(fault);
        }
        // 3. From the manifests alone.
        self.write(&CargoLock::start(&[], start.version))?;
        project.lock(false)?;
        self.wrote()
    }

    fn write(&self, text: &str) -> Result<()> {
        fs::write(&self.session.project.layout.cargo_lock(), text.as_bytes())?;
        self.wrote()
    }

    /// Notes what Cargo.lock is now: ours, until the change is decided.
    fn wrote(&self) -> Result<()> {
        *self.written.borrow_mut() = fs::read(&self.session.project.layout.cargo_lock())?;
        Ok(())
    }

    /// Has cargo move packages of the lock as far as what asks for them allows.
    fn update(&self, project: &CargoProject<'_>, updates: &[PackageId]) -> Result<()> {
        self.may_lock("a newer release is asked for")?;
        // What a manifest says anew may have moved one of them already.
        let lock = read(project)?;
        let there = |wanted: &&PackageId| lock.external().any(|(package, _)| package.id == **wanted);
        let updates: Vec<PackageId> = updates.iter().filter(there).cloned().collect();
        if updates.is_empty() {
            return Ok(());
        }
        project.cargo.update(&self.session.project.layout.cargo_manifest(), &updates, self.surroundings)?;
        self.wrote()
    }

    /// Has cargo move packages of the lock to these versions.
    fn move_to(&self, project: &CargoProject<'_>, precise: &[PackageId]) -> Result<()> {
        let manifest = self.session.project.layout.cargo_manifest();
        for wanted in precise {
            let lock = read(project)?;
            let mut found: Vec<PackageId> = lock.direct().iter().map(|package| package.id.clone()).collect();
            found.retain(|package| package.name == wanted.name);
            // Of several, the one that cargo would put this one in the place of.
            let found = match found.as_slice() {
                [one] => Some(one),
                several => several
                    .iter()
                    .find(|one| *one == wanted)
                    .or_else(|| several.iter().find(|one| are_compatible(&one.version, &wanted.version))),
            };
            if let Some(found) = found.filter(|found| *found != wanted) {
                project.cargo.precise(&manifest, found, &wanted.version, self.surroundings)?;
                self.wrote()?;
            }
        }
        Ok(())
    }

    /// Cargo.lock as it was: a sync that fails changes nothing. What somebody else wrote there meanwhile stays.
    fn put_back(&self, before: Option<&[u8]>) -> Result<()> {
        let path = self.session.project.layout.cargo_lock();
        let written = self.written.take();
        // A change that was decided is finished by the next command, and its lock belongs to it.
        if written.is_none() || self.session.environment.is_interrupted()? || fs::read(&path)? != written {
            return Ok(());
        }
        match before {
            Some(bytes) => fs::write_if_changed(&path, bytes).map(drop),
            None => fs::remove_file(&path),
        }
    }

    /// Whether cargo agrees that the lock serves the manifests, asked with what is ready.
    fn agreement(
        &self,
        project: &CargoProject<'_>,
        ready: &Ready,
        inputs: &[Input],
        unreadable: &[PackageId],
    ) -> Result<Agreement> {
        if project.agreed(inputs)?.is_some_and(|known| known == unreadable) {
            return Ok(Agreement::Agreed);
        }
        let answer = agreement::ask(self.session, project, ready)?;
        if answer == Agreement::Agreed {
            project.remember(inputs, unreadable)?;
        }
        Ok(answer)
    }

    fn commit(
        &self,
        (ready, others): (Ready, Others<'_, '_>),
        inputs: Vec<Input>,
        locked: bool,
        complete: bool,
    ) -> Result<Report> {
        let mut made = Made::from(self.session, inputs)?;
        made.complete = complete;
        let root = self.session.project.layout.root();
        made.member_folders = resolve::member_folders(root, &self.files)?;
        let mut report = commit(self.session, ready, made, others, Vec::new())?;
        report.locked |= locked;
        Ok(report)
    }
}

/// Whether the lock holds these versions already.
fn holds(project: &CargoProject<'_>, precise: &[PackageId]) -> Result<bool> {
    let Some(lock) = project.read_lock()? else { return Ok(false) };
    let direct = lock.direct();
    Ok(precise.iter().all(|wanted| direct.iter().any(|package| package.id == *wanted)))
}

/// Whether cargo takes one version for an update of the other.
fn are_compatible(one: &semver::Version, other: &semver::Version) -> bool {
    let significant = |version: &semver::Version| match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
    };
    significant(one) == significant(other)
}

fn read(project: &CargoProject<'_>) -> Result<CargoLock> {
    project.read_lock()?.ok_or_else(|| {
        Fault::new(format!("could not read {}", project.layout.cargo_lock().display()))
            .why("somebody took it away while envtool was at work")
            .help("run `envtool sync` again: it locks anew")
    })
}

/// The crate of the lock that cargo says it cannot read.
fn named_crate(why: &str, rows: &[Row]) -> Option<PackageId> {
    let folder = stub::named_in(why)?;
    rows.iter().map(|row| &row.package).find(|package| package.folder() == folder).cloned()
}

fn rows(lock: &CargoLock) -> Vec<Row> {
    lock.external()
        .map(|(package, source)| Row {
            package: package.id.clone(),
            source: source.clone(),
            checksum: package.checksum,
        })
        .collect()
}
