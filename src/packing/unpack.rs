//! From a pack to an environment: read, compare with what lies here, fill the store, sync without a network.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::fill::{Filled, Filling};
use super::locks::Locks;
use super::take::Opened;
use crate::context::{Context, Flags};
use crate::digest::Digest;
use crate::environment::Record;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::{CARGO_LOCK, CARGO_MANIFEST, LOCK, MANIFEST, ProjectLayout};
use crate::pack_list::{PackList, What};
use crate::package::PackageId;
use crate::project::Project;
use crate::store::Store;
use crate::sync::{self, Report, Session};

/// How to vouch for a pack.
const VOUCH: &str = "give `--sha256`, with the digest that `envtool pack` printed where the pack was made";

/// What is asked for.
#[derive(Debug)]
pub struct Asked {
    /// The pack.
    pub file: PathBuf,
    /// The project's folder; `None` for the one that the current folder belongs to, or the current folder.
    pub dir: Option<PathBuf>,
    /// The SHA-256 that the pack is to have: with it the user vouches for all of it.
    pub sha256: Option<Digest>,
}

/// What was done.
#[derive(Debug)]
pub struct Unpacked {
    /// The project.
    pub layout: ProjectLayout,
    /// What the pack says of itself.
    pub list: PackList,
    /// What the sync did.
    pub report: Report,
    /// Files of the project that were written.
    pub written: Vec<PathBuf>,
    /// How many archives of crates came into the store.
    pub archives: usize,
    /// How many files of Python packages.
    pub wheels: usize,
}

/// Makes an environment from a pack.
pub fn unpack(asked: &Asked, context: &Context<'_>) -> Result<Unpacked> {
    // 1. The list, and what of the project is in the pack: nothing is written until these agree with what lies here.
    let mut pack = Opened::open(&asked.file)?;
    let place = Place::choose(asked, context)?;
    let texts = pack.project()?;
    let locks = place.agree(&pack, &texts, asked.sha256.is_some())?;
    let store = Store::new(context.cache()?);
    let tell = || context.tell_waiting();
    let lock = store.lock(&context.waiting(&tell))?;
    if asked.sha256.is_none() {
        refuse_git(&pack, &store)?;
    }
    let use_executables = say_what_serves(&pack.list, asked.sha256.is_some(), context);
    // 2. All files, aside; then the whole pack is known.
    let (list, name) = (pack.list.clone(), pack.name.clone());
    let (taken, digest) = pack.rest(&store, &lock, context)?;
    if let Some(wanted) = asked.sha256.filter(|wanted| *wanted != digest) {
        return Err(Fault::new(format!("refused the pack {name}"))
            .why(format!("its SHA-256 is {digest}, and `--sha256` says {wanted}"))
            .help("fetch it once more, and compare with what `envtool pack` printed where it was made"));
    }
    // 3. Into the store, what is vouched for.
    let vouched = asked.sha256.is_some();
    let filling = Filling { store: &store, lock: &lock, context, locks: &locks, pack: &name, vouched };
    let filled = filling.fill(taken, use_executables)?;
    // 4. The project's files where they are absent, and an ordinary sync. What was made goes again where that fails.
    let made = place.write(&texts)?;
    let done = make(&place, &filled, context);
    let report = match done {
        Ok(report) => report,
        Err(fault) => {
            made.undo();
            return Err(explained(fault, &list, use_executables));
        }
    };
    let (archives, wheels) = (filled.archives, filled.wheels);
    Ok(Unpacked { layout: place.layout, list, report, written: made.files, archives, wheels })
}

/// The sync: nothing is fetched, and no lock changes.
fn make(place: &Place, filled: &Filled, context: &Context<'_>) -> Result<Report> {
    let context = &context.with_flags(Flags { offline: true, locked: true, ..context.flags.clone() });
    let project = Project::at(place.layout.root())?;
    let mut session = Session::open(&project, context)?;
    session.prebuilt = filled.prebuilt();
    let now = Project::at(place.layout.root())?;
    sync::sync_unchanged(&session.of(&now))
}

/// The same fault where the pack is the likely cause.
fn explained(fault: Fault, list: &PackList, use_executables: bool) -> Fault {
    let here = Record::new().platform;
    let fault = fault.while_doing("could not make the environment from the pack");
    if list.platform != here {
        return fault
            .why(format!("the pack was made on {}, and this is {here}", list.platform))
            .or_help("`envtool pack --all-platforms` also takes the wheels of other platforms along");
    }
    if fault.to_string().contains("`--locked` forbids it") {
        // Nobody gave that flag; unpack never locks.
        return fault
            .help("bring the project here as it was packed, with its locks, or pack it anew as it is here");
    }
    let has_executables = list.files.iter().any(|file| matches!(file.what, What::Executable { .. }));
    if has_executables && !use_executables { fault.or_help(VOUCH) } else { fault }
}

/// Says which parts of the pack serve here. Gives whether its executables are to be used.
fn say_what_serves(list: &PackList, vouched: bool, context: &Context<'_>) -> bool {
    let here = Record::new().platform;
    let mut tools: BTreeMap<&PackageId, Vec<&str>> = BTreeMap::new();
    for file in &list.files {
        if let What::Executable { package, executable, .. } = &file.what {
            tools.entry(package).or_default().push(executable);
        }
    }
    let names: Vec<String> = tools.keys().map(ToString::to_string).collect();
    let names = names.join(", ");
    let warn = |line: &str| context.progress.warn(line);
    if list.platform != here {
        warn(&format!(
            "the pack was made on {}, and this is {here}: crates serve everywhere, of wheels only those for this platform or for any",
            list.platform
        ));
    }
    match (tools.is_empty(), list.platform == here, vouched) {
        (true, ..) => false,
        (_, false, _) => {
            warn(&format!(
                "built for {} and not used: {names}. Built here from their sources in the pack",
                list.platform
            ));
            false
        }
        (_, true, false) => {
            warn(&format!(
                "no lock vouches for what was built: {names} of the pack not used, and built here from the sources in it ({VOUCH}, to use them)"
            ));
            false
        }
        (_, true, true) => true,
    }
}

/// Refuses a pack with crates from git that nobody vouches for.
fn refuse_git(pack: &Opened, store: &Store) -> Result<()> {
    for file in &pack.list.files {
        if let What::Git { package, key, .. } = &file.what
            && store.tree(key, package)?.is_none()
        {
            return Err(Fault::new(format!("refused to take {package} from the pack {}", pack.name))
                .why("it comes from git, and a lock names its commit and no SHA-256 that it could be compared with")
                .help(VOUCH));
        }
    }
    Ok(())
}

/// Where the environment is made.
struct Place {
    layout: ProjectLayout,
    is_cargo: bool,
}

/// What was written beside the environment.
struct Written {
    files: Vec<PathBuf>,
    /// The folder, where it was made.
    folder: Option<PathBuf>,
}

impl Written {
    // The fault that led here is the one to tell.
    fn undo(self) {
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        if let Some(folder) = self.folder {
            let _ = fs::remove_tree(&folder);
        }
    }
}

impl Place {
    fn choose(asked: &Asked, context: &Context<'_>) -> Result<Self> {
        let root = match &asked.dir {
            Some(dir) => context.folder.join(dir),
            None => match Project::find(&context.folder)? {
                Some(project) => project.layout.root().to_owned(),
                None => context.folder.clone(),
            },
        };
        let root = match fs::kind(&root)? {
            fs::Kind::Absent => fs::lexical(&root),
            _ if fs::is_folder(&root)? => fs::canonical(&root)?,
            _ => {
                return Err(Fault::new(format!("could not unpack to {}", root.display()))
                    .why("it is not a folder")
                    .help("name the project's folder, or one that is not there yet"));
            }
        };
        let layout = ProjectLayout::new(root);
        let is_cargo = fs::is_file(&layout.cargo_manifest())?;
        Ok(Self { layout, is_cargo })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.layout.root().join(name)
    }

    /// The locks that count: the project's own, with which those of the pack must agree; the pack's where it has none
    /// and the user vouches for the pack.
    fn agree(&self, pack: &Opened, texts: &[(String, Vec<u8>)], vouched: bool) -> Result<Locks> {
        let root = self.layout.root().display();
        let refuse = |why: String| Fault::new(format!("could not unpack {} to {root}", pack.name)).why(why);
        if pack.list.cargo_project != self.is_cargo {
            return Err(match self.is_cargo {
                false => refuse(format!("the pack is of a cargo project, whose sources are not in it, and there is no {CARGO_MANIFEST} there"))
                    .help("bring the project's files there first (git, a copy), and name its folder: `envtool unpack FILE DIR`"),
                true => refuse(format!("the pack is of a project without a {CARGO_MANIFEST}, and there is one there"))
                    .help("name the folder of the project that it was made of, or one that is empty"),
            });
        }
        let text =
            |name: &str| texts.iter().find(|(file, _)| file == name).map(|(_, bytes)| bytes.as_slice());
        let of_pack = Locks::read(text(CARGO_LOCK), text(LOCK))?;
        let cargo = if self.is_cargo { fs::read(&self.path(CARGO_LOCK))? } else { None };
        let (manifest, own) = (fs::read(&self.path(MANIFEST))?, fs::read(&self.path(LOCK))?);
        let absent: Vec<&str> = [(MANIFEST, &manifest), (LOCK, &own), (CARGO_LOCK, &cargo)]
            .into_iter()
            .filter(|(name, bytes)| bytes.is_none() && text(name).is_some())
            .map(|(name, _)| name)
            .collect();
        if !vouched && !absent.is_empty() {
            return Err(refuse(format!(
                "there is no {} there that would vouch for what is in the pack",
                absent.join(", no ")
            ))
            .help(format!("{VOUCH}; or bring the project's own files there first")));
        }
        let here = Locks::read(cargo.as_deref().or(text(CARGO_LOCK)), own.as_deref().or(text(LOCK)))?;
        if let Some(why) = of_pack.differs(&here) {
            return Err(
                refuse(why).help("pack the project as it is here, or bring it to the state that was packed")
            );
        }
        Ok(here)
    }

    /// Writes the project's files that are absent.
    fn write(&self, texts: &[(String, Vec<u8>)]) -> Result<Written> {
        let root = self.layout.root();
        let is_new = !fs::is_folder(root)?;
        let mut made = Written { files: Vec::new(), folder: None };
        let mut write = || -> Result<()> {
            fs::create_folders(root)?;
            made.folder = is_new.then(|| root.to_owned());
            for (name, bytes) in texts {
                let path = self.path(name);
                if fs::kind(&path)? == fs::Kind::Absent {
                    made.files.push(path.clone());
                    fs::write(&path, bytes)?;
                }
            }
            Ok(())
        };
        match write() {
            Ok(()) => Ok(made),
            Err(fault) => {
                made.undo();
                Err(fault)
            }
        }
    }
}
