//! What a sync holds while it works: the locks, the store, cargo and its configuration.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::admit::Admitted;
use super::relock::Start;
use crate::cargo::config;
use crate::cargo::credentials::{self, Asked, Runner, Token as Found};
use crate::cargo::program::{Cargo, StandIn, Surroundings};
use crate::cargo_config::CargoConfig;
use crate::cargo_include::{self, State};
use crate::cargo_installed::Origin;
use crate::cargo_lock::{Source, crates_io};
use crate::context::Context;
use crate::digest::Digest;
use crate::environment::{Environment, EnvironmentLock, Line};
use crate::fault::{Fault, Result};
use crate::fetch::{DOWNLOADS, Fetched, Fetcher};
use crate::fs;
use crate::http::Settings;
use crate::lock::Lock;
use crate::mirror::{self, Mirror};
use crate::module::ModuleName;
use crate::package::{PackageId, PackageName};
use crate::process::{self, Program};
use crate::project::Project;
use crate::python::Interpreter;
use crate::registry::Token;
use crate::registry::cargo::SparseIndex;
use crate::signals;
use crate::sources;
use crate::store::{Store, StoreLock, Tree};

/// Where crates came from. A sync may fetch more than once; each crate counts where it came from first.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many were downloaded.
    pub downloaded: u64,
    /// The bytes that were downloaded.
    pub bytes: u64,
    /// How many came from cargo's own cache.
    pub from_cargo: u64,
    /// How many lay in the store.
    pub from_store: u64,
    seen: BTreeSet<PathBuf>,
}

impl Tally {
    /// Counts what was fetched.
    pub fn count(&mut self, fetched: &Fetched) {
        let again = fetched.trees.keys().filter(|tree| self.seen.contains(*tree)).count() as u64;
        self.downloaded += fetched.downloaded;
        self.bytes += fetched.bytes;
        self.from_cargo += fetched.from_nearby;
        self.from_store += fetched.from_store.saturating_sub(again);
        self.seen.extend(fetched.trees.keys().cloned());
    }
}

/// What a sync holds while it works.
pub struct Session<'a> {
    /// What the command found around it.
    pub context: &'a Context<'a>,
    /// The project.
    pub project: &'a Project,
    /// Its environment.
    pub environment: Environment,
    /// Whether it was there before.
    pub was_there: bool,
    /// Held while the environment changes.
    pub lock: EnvironmentLock,
    /// The store.
    pub store: Store,
    /// Held while the store is used.
    pub store_lock: StoreLock,
    /// cargo's configuration as it is in the project, without that of environments.
    pub config: CargoConfig,
    /// What a fix of `doctor` does besides a sync; `None` for a plain one.
    pub fixing: Option<Fixing>,
    /// Executables that tools come with, by tool and by name, where they are not in the environment yet: they are taken
    /// over, and nothing is built.
    pub prebuilt: BTreeMap<PackageName, BTreeMap<String, PathBuf>>,
    /// What envtool.lock says; `None` where it is absent.
    pub lock_before: Option<Lock>,
    /// Where the crates came from so far.
    pub tally: RefCell<Tally>,
    cargo: OnceCell<Cargo>,
    version: OnceCell<semver::Version>,
    /// With the files that go when the session ends.
    surroundings: OnceCell<(Surroundings, Vec<TempPath>)>,
    /// The Python that modules are for. A shim of pyenv's takes long to ask, and is asked each time.
    pub(super) python: OnceCell<Interpreter>,
}

/// What a fix of `doctor` does besides a sync. It is kept, so that it can be taken back.
#[derive(Debug, Default)]
pub struct Fixing {
    /// Entries of folders of crates that are not what they should be: they are put there anew.
    pub distrusted: BTreeSet<(String, String)>,
    /// Entries of folders of crates and of `bin/` that have no receipt, and go.
    pub put_aside: BTreeSet<(String, String)>,
    /// What `cargo install` put into the environment and its records are to forget.
    pub forgotten: BTreeSet<(PackageId, Origin)>,
    /// Files of others in the environment that are to hold another text, by their path in it.
    pub files: BTreeMap<PathBuf, String>,
    /// Executables that tools take over from the machine, by tool and by name.
    pub adopted: BTreeMap<PackageName, BTreeMap<String, PathBuf>>,
    /// Venvs that are made anew, each with the packages in it that are not taken from uv's cache either.
    pub venvs: BTreeMap<String, BTreeSet<ModuleName>>,
    /// First lines of scripts of the project that are replaced.
    pub lines: Vec<Line>,
    /// Whether the entry in cargo's configuration is put right.
    pub config_entry: bool,
    /// What Cargo.lock held before: cargo may have written another by the time that the change is decided.
    pub cargo_lock: Option<Vec<u8>>,
    /// Where cargo begins to make a Cargo.lock in place of one that cannot be read.
    pub start: Option<Start>,
    /// Whether envtool.lock is written whatever it says: what is there cannot be read.
    pub relocks: bool,
    /// Tools whose pins come in with the fix, and were tried: their rows, and how long each took to build.
    pub admitted: BTreeMap<PackageName, Admitted>,
}

impl<'a> Session<'a> {
    /// Takes the locks, makes the environment where it is absent and finishes what an earlier change left.
    pub fn open(project: &'a Project, context: &'a Context<'a>) -> Result<Self> {
        Self::open_with(project, context, |_| read_lock(project))
    }

    /// The same where `lock` gives what envtool.lock says, once nobody else changes the environment: for whoever mends
    /// one that cannot be read.
    pub fn open_with(
        project: &'a Project,
        context: &'a Context<'a>,
        lock_before: impl FnOnce(&Environment) -> Result<Option<Lock>>,
    ) -> Result<Self> {
        let store = Store::new(context.cache()?);
        let config =
            config::of_project(project.layout.root(), context)?.with_mirror(project.mirror(context)?);
        let tell = || context.tell_waiting();
        refuse_home_in_project(project, context)?;
        let store_lock = store.lock(&context.waiting(&tell))?;
        let was_there = fs::kind(project.layout.environment().root())? != fs::Kind::Absent;
        let (mut environment, lock) = Environment::make_and_lock(&project.layout, &context.waiting(&tell))?;
        environment.recover(&lock)?;
        environment.clear_leftovers(&lock)?;
        environment.write_scripts(&lock)?;
        if super::stamp::is_copy(&project.layout, &environment.record().id, &store)? {
            environment.renew_id(&lock)?;
        }
        let lock_before = lock_before(&environment)?;
        Ok(Self {
            context,
            project,
            environment,
            was_there,
            lock,
            store,
            store_lock,
            config,
            fixing: None,
            prebuilt: BTreeMap::new(),
            lock_before,
            tally: RefCell::default(),
            cargo: OnceCell::new(),
            version: OnceCell::new(),
            surroundings: OnceCell::new(),
            python: OnceCell::new(),
        })
    }

    /// The same session for the same project with other manifests.
    #[must_use]
    pub fn of<'b>(self, project: &'b Project) -> Session<'b>
    where
        'a: 'b,
    {
        Session { project, ..self }
    }

    /// Takes the environment away again where this session made it and nothing came into it.
    pub fn leave(&self) -> Result<()> {
        if self.was_there { Ok(()) } else { self.environment.remove_if_new(&self.lock) }
    }

    /// The user's cargo, with the toolchain that the project chooses.
    pub fn cargo(&self) -> Result<&Cargo> {
        if let Some(cargo) = self.cargo.get() {
            return Ok(cargo);
        }
        let cargo = find_cargo(self.project.layout.root(), self.context)?;
        Ok(self.cargo.get_or_init(|| cargo))
    }

    /// Its version.
    pub fn cargo_version(&self) -> Result<&semver::Version> {
        if let Some(version) = self.version.get() {
            return Ok(version);
        }
        let version = self.cargo()?.version()?;
        Ok(self.version.get_or_init(|| version))
    }

    /// What cargo is handed to resolve the project: the configurations from the outermost folder down, each without
    /// the entry that includes an environment. Such a copy lies in the project's own environment, since cargo counts
    /// relative paths from the folder above the one that holds the file.
    pub fn surroundings(&self) -> Result<&Surroundings> {
        if let Some(prepared) = self.surroundings.get() {
            return Ok(&prepared.0);
        }
        let prepared = self.prepare_surroundings()?;
        Ok(&self.surroundings.get_or_init(|| prepared).0)
    }

    fn prepare_surroundings(&self) -> Result<(Surroundings, Vec<TempPath>)> {
        let root = self.project.layout.root();
        let (mut configs, mut copies) = (Vec::new(), Vec::new());
        for file in config::files(root, self.context.cargo_home()?)? {
            let text = fs::read_text(&file)?.unwrap_or_default();
            if cargo_include::state(&text)? == State::Absent {
                configs.push(file);
                continue;
            }
            let text = cargo_include::for_resolving(&text, file.parent().unwrap_or(root))?;
            let copy =
                fs::temporary(self.environment.layout().root(), "resolving-", ".toml", text.as_bytes())?;
            configs.push(copy.to_path_buf());
            copies.push(copy);
        }
        let mirror = self.config.mirror().map(|mirror| stand_in(&self.config, mirror)).transpose()?;
        Ok((Surroundings { configs, offline: self.context.flags.offline, mirror }, copies))
    }

    /// Brings crates of crates.io into the store. Gives their trees, in this order.
    pub fn trees(&self, packages: &[(PackageId, Digest)]) -> Result<Vec<Tree>> {
        self.trees_from(&crates_io(), packages)
    }

    /// Brings crates of a registry into the store. Gives their trees, in this order.
    pub fn trees_from(&self, source: &Source, packages: &[(PackageId, Digest)]) -> Result<Vec<Tree>> {
        super::closure::fetch_trees(self, source, packages)
    }

    /// Sees that the store has the archives of these crates, and that they are what the lock says.
    pub fn archives_from(&self, source: &Source, packages: &[(PackageId, Digest)]) -> Result<()> {
        super::closure::fetch_archives(self, source, packages)
    }

    /// Does what is shown as a stretch of work while it goes on. Ctrl-C ends the programs that it starts, so that what
    /// is shown on a terminal goes before envtool ends.
    pub(super) fn shown<T>(&self, what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let _held = signals::hold()?;
        self.context.progress.begin(what, 0, "");
        let done = work();
        self.context.progress.end();
        done
    }

    /// Fetches with `work`, which is handed what fetching needs.
    pub fn fetching<T>(&self, work: impl FnOnce(&Fetcher<'_>) -> Result<T>) -> Result<T> {
        fetching(self.context, &self.config, (&self.store, &self.store_lock), work)
    }
}

/// A mirror as cargo is told of it: by the name that its configuration may have for it, since one address under two
/// names is a mistake to it.
fn stand_in(config: &CargoConfig, mirror: &Mirror) -> Result<StandIn> {
    let name = sources::name_of(config, &Source::Registry(mirror.url().crates()))?;
    Ok(StandIn { mirror: mirror.clone(), name: name.unwrap_or_else(|| mirror::NAME.to_owned()) })
}

/// Fetches with `work` as the user's configuration has it, for whoever holds the store and no environment.
pub fn fetching<T>(
    context: &Context<'_>,
    config: &CargoConfig,
    (store, lock): (&Store, &StoreLock),
    work: impl FnOnce(&Fetcher<'_>) -> Result<T>,
) -> Result<T> {
    let home = context.cargo_home()?;
    let token = |index: &SparseIndex| token_for(config, index, home, context);
    let done = work(&Fetcher {
        store,
        lock,
        http: http_settings(config, context)?,
        token: &token,
        downloads: context.flags.jobs.unwrap_or(DOWNLOADS),
        offline: context.flags.offline || config.net()?.offline.unwrap_or(false),
        progress: context.progress,
    });
    done.map_err(|fault| config.explain(fault))
}

/// A home of cargo that is the project's own `.cargo` is read by every cargo, also by the one that must not see the
/// environment.
fn refuse_home_in_project(project: &Project, context: &Context<'_>) -> Result<()> {
    let (home, own) = (context.cargo_home()?, project.layout.root().join(".cargo"));
    if !fs::is_folder(home)? || !fs::is_folder(&own)? || fs::canonical(home)? != fs::canonical(&own)? {
        return Ok(());
    }
    Err(Fault::new(format!("could not use {} as cargo's home", home.display()))
        .why("it is the project's own .cargo, whose configuration includes the environment")
        .help("set CARGO_HOME to another folder"))
}

/// What envtool.lock says; `None` where it is absent.
pub fn read_lock(project: &Project) -> Result<Option<Lock>> {
    let path = project.layout.lock();
    fs::read(&path)?.map(|bytes| Lock::read(&bytes, &path.display().to_string())).transpose()
}

/// The user's cargo, with the toolchain that the project in `root` chooses.
pub fn find_cargo(root: &Path, context: &Context<'_>) -> Result<Cargo> {
    Cargo::find(&context.path, &context.folder, context.cargo_home().ok(), context.rustc.as_deref())?
        .as_in(root, context.toolchain.as_deref())
}

/// The same for whoever only looks: no toolchain is installed for it.
pub fn find_cargo_to_look(root: &Path, context: &Context<'_>) -> Result<Cargo> {
    Cargo::find(&context.path, &context.folder, context.cargo_home().ok(), context.rustc.as_deref())?
        .installing_nothing()
        .as_in(root, context.toolchain.as_deref())
}

/// How the client is set up, as cargo's configuration has it.
pub fn http_settings(config: &CargoConfig, context: &Context<'_>) -> Result<Settings> {
    let (http, net) = (config.http()?, config.net()?);
    let default = Settings::default();
    Ok(Settings {
        proxy: http.proxy.map(|(proxy, _)| proxy),
        cainfo: http.cainfo.map(|(file, _)| file),
        system_certificates: context.certificates.clone(),
        timeout: http.timeout.map_or(default.timeout, std::time::Duration::from_secs),
        slowest: http.low_speed_limit.unwrap_or(default.slowest),
        user_agent: http.user_agent.unwrap_or(default.user_agent),
        multiplexing: http.multiplexing.unwrap_or(default.multiplexing),
        retries: net.retry.unwrap_or(default.retries),
    })
}

/// The token for an index that wants one.
pub fn token_for(
    config: &CargoConfig,
    index: &SparseIndex,
    home: &Path,
    context: &Context<'_>,
) -> Result<Token> {
    let url = format!("sparse+{}", index.url());
    if let Some(mirror) = config.mirror().filter(|mirror| mirror.url().crates() == url)
        && let Some(token) = mirror.token()
    {
        return Ok(Token::new(token.to_owned()));
    }
    let name = config.registry_by_index(&url)?.map(|registry| registry.name);
    let fault = || match &name {
        Some(name) => Fault::new(format!("the registry `{name}` at {} wants a token", index.url())),
        None => Fault::new(format!("the registry at {} wants a token", index.url())),
    };
    match credentials::token_for(config, Asked::Index(&url), home, &Providers { context })? {
        Found::Known(secret) => Ok(Token::new(secret.reveal().to_owned())),
        Found::Absent => Err(fault()
            .why("cargo's config and credentials hold none for it")
            .help(format!("`cargo login --registry {}`", name.as_deref().unwrap_or("NAME")))),
        Found::AskCargo(provider) => {
            Err(fault().why(format!("it is kept by `{provider}`, which only cargo itself can ask")).help(
                "run `cargo fetch` outside the environment: envtool then takes the crates from cargo's cache",
            ))
        }
    }
}

/// Starts credential providers.
struct Providers<'a> {
    context: &'a Context<'a>,
}

impl Runner for Providers<'_> {
    fn talk(&self, argv: &[String], envs: &[(String, String)], input: &str) -> Result<String> {
        let Some((name, arguments)) = argv.split_first() else {
            return Err(Fault::new("a credential provider of cargo's configuration has no name")
                .help("name one, such as \"cargo:token\", in `global-credential-providers` of [registry], or remove the empty one"));
        };
        let path =
            process::find(name.as_ref(), &self.context.path, &self.context.folder).ok_or_else(|| {
                Fault::new(format!("could not find the credential provider `{name}`"))
                    .help("install it, or correct its name in cargo's configuration")
            })?;
        let program = envs
            .iter()
            .fold(Program::new(path).args(arguments), |program, (name, value)| program.set(name, value));
        program.talk(input)
    }
}
