//! One-off tools, for `envtool exec`: run without a pin of the project.
//!
//! Each is the only pin of a small project of its own in the store, so it is pinned, locked, built, linked and kept up as
//! every tool is, and the second call has nothing to do. What the project pins is taken as it is pinned, its row of the
//! lock included.

use std::path::PathBuf;

use crate::adding::{self, Asked, Kind};
use crate::cargo_edit::Kind as Table;
use crate::context::{Context, Flags};
use crate::digest::Digest;
use crate::environment::Environment;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::MANIFEST;
use crate::lock::Lock;
use crate::manifest::{Manifest, ModuleSection, PythonVersion, Section, with_module, with_pin};
use crate::mirror::{Mirror, MirrorUrl};
use crate::near;
use crate::package::PackageName;
use crate::project::Project;
use crate::spec::{AskedVersion, CrateSpec, ModuleSpec, Spec, Version};
use crate::store::Store;
use crate::sync::{self, Report};

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The package.
    pub spec: Spec,
    /// The features that it is built with.
    pub features: Vec<String>,
    /// Whether the default features are left out.
    pub no_default_features: bool,
}

/// A tool that is there to be run.
pub struct OneOff {
    environment: Environment,
    name: String,
    /// What had to be done for it; `None` where nothing had.
    pub report: Option<Report>,
}

/// A project of the store: what its files hold, or what is to be added to it.
enum Source {
    /// What a project pins, and its lock.
    Pinned { manifest: String, lock: String },
    /// What was run this way before.
    There(PathBuf),
    /// What the user asks for.
    Asked(Wanted),
}

/// Brings a tool, where it is not there.
pub fn bring(wanted: Wanted, context: &Context<'_>) -> Result<OneOff> {
    // A lock that nobody commits may change.
    let context = context.with_flags(Flags { locked: false, ..context.flags.clone() });
    let store = Store::new(context.cache()?);
    let name = wanted.spec.without_version();
    let mirror = mirror_of_project(&context)?;
    // The failure of one names the project's manifest, and not the one in the store.
    let context = &mirror.iter().fold(context, |context, mirror| context.with_mirror(mirror.clone()));
    let mirror = mirror.as_ref().map(Mirror::url).cloned();
    let source = source(wanted, mirror.as_ref(), &store, context)?;
    let project = project_of(&source, mirror.as_ref(), &store, context)?;
    let report = match &source {
        Source::Asked(wanted) if !is_pinned(&project, &wanted.spec) => {
            adding::add(&project, &asked(wanted), context)?.report
        }
        _ => sync::sync(&project, context)?,
    };
    let gone = || Fault::new(format!("{} is gone", project.layout.root().display())).help("run it again");
    let environment = Environment::open(&project.layout)?.ok_or_else(gone)?;
    Ok(OneOff { environment, name, report: Some(report).filter(|report| !report.nothing) })
}

/// The mirror that the project in whose folder this is names, where the user names none. What came from it is kept by
/// itself: it is not what another project, or none, is given.
fn mirror_of_project(context: &Context<'_>) -> Result<Option<Mirror>> {
    match context.mirror()? {
        Some(_) => Ok(None),
        None => {
            Ok(Project::find(&context.folder)?.map(|project| project.mirror(context)).transpose()?.flatten())
        }
    }
}

/// `[env]` of a project of the store.
fn env_of(python: Option<&PythonVersion>, mirror: Option<&MirrorUrl>) -> String {
    let lines: String = [
        python.map(|python| format!("python = \"{python}\"\n")),
        mirror.map(|mirror| format!("mirror = \"{mirror}\"\n")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if lines.is_empty() { lines } else { format!("[env]\n{lines}") }
}

/// Where the tool comes from: as asked; without a version what the project pins, else the newest of the store, else
/// the registry's.
fn source(
    wanted: Wanted,
    mirror: Option<&MirrorUrl>,
    store: &Store,
    context: &Context<'_>,
) -> Result<Source> {
    if wanted.spec.names_version() {
        return Ok(Source::Asked(wanted));
    }
    let plain = wanted.features.is_empty() && !wanted.no_default_features;
    if plain
        && let Some(project) = Project::find(&context.folder)?
        && let Some(source) = pinned(&project, &wanted.spec, mirror)?
    {
        return Ok(source);
    }
    let spec = match &wanted.spec {
        Spec::Crate(spec) => store
            .newest_built(&spec.name)?
            .map(|version| Spec::Crate(CrateSpec { version: Version::Exact(version), ..spec.clone() })),
        Spec::Module(spec) => {
            return Ok(newest_module(spec, mirror, store)?.map_or(Source::Asked(wanted), Source::There));
        }
    };
    Ok(Source::Asked(Wanted { spec: spec.unwrap_or_else(|| wanted.spec.clone()), ..wanted }))
}

/// What a project pins of a tool; `None` where it does not.
fn pinned(project: &Project, spec: &Spec, mirror: Option<&MirrorUrl>) -> Result<Option<Source>> {
    // A lock that cannot be read hinders nobody who asks for what the project does not pin.
    let lock = || {
        let path = project.layout.lock();
        let lock = fs::read(&path)?.map(|bytes| Lock::read(&bytes, &path.display().to_string()));
        lock.transpose().map(Option::unwrap_or_default)
    };
    let (manifest, kept) = match spec {
        Spec::Crate(spec) => {
            let Some(pin) = project.manifest.tools.get(&spec.name) else { return Ok(None) };
            let lock = lock()?;
            let tools = lock.tool(&spec.name).filter(|row| row.serves(pin)).cloned();
            let kept = Lock { tools: tools.into_iter().collect(), ..Lock::default() };
            (with_pin(&env_of(None, mirror), Section::Tools, &spec.name, pin)?, kept)
        }
        Spec::Module(spec) => {
            let Some(pin) = project.manifest.module_tools.get(&spec.name) else { return Ok(None) };
            let lock = lock()?;
            let env = env_of(project.manifest.env.python.as_ref(), mirror);
            let rows = lock.module_tool(&spec.name).filter(|row| row.serves(pin)).cloned();
            let module_tools: Vec<_> = rows.into_iter().collect();
            let python = lock.python.clone().filter(|_| !module_tools.is_empty());
            let kept = Lock { python, module_tools, ..Lock::default() };
            (with_module(&env, ModuleSection::Tools, &spec.name, pin)?, kept)
        }
    };
    Ok(Some(Source::Pinned { manifest, lock: kept.to_text()? }))
}

/// Where the newest version lies of a tool from PyPI that was run this way before.
fn newest_module(spec: &ModuleSpec, mirror: Option<&MirrorUrl>, store: &Store) -> Result<Option<PathBuf>> {
    let bucket = store.layout().bucket("one-off");
    let mut newest = None;
    for folder in fs::names(&bucket)?.unwrap_or_default() {
        let folder = bucket.join(folder);
        // One that failed half way pins nothing.
        let Manifest { env, mut module_tools, .. } = Project::at(&folder)?.manifest;
        let pin = module_tools.remove(&spec.name).filter(|_| env.mirror.as_ref() == mirror);
        let pin = pin.filter(|pin| pin.extras == spec.extras);
        newest = newest.max(pin.map(|pin| (pin.version, folder)));
    }
    Ok(newest.map(|(_, folder)| folder))
}

/// The project of the store that holds a tool.
fn project_of(
    source: &Source,
    mirror: Option<&MirrorUrl>,
    store: &Store,
    context: &Context<'_>,
) -> Result<Project> {
    let key = match source {
        Source::There(folder) => return Project::at(folder),
        Source::Pinned { manifest, lock } => format!("pinned\n{manifest}\n{lock}"),
        Source::Asked(Wanted { spec, features, no_default_features }) => {
            let mirror = mirror.map(|mirror| format!("\n{mirror}")).unwrap_or_default();
            format!("asked\n{spec}\n{}\n{no_default_features}{mirror}", features.join(","))
        }
    };
    let folder = store.layout().one_off(&Digest::of(key.as_bytes()));
    let path = folder.join(MANIFEST);
    if !fs::is_file(&path)? {
        if let Some(mirror) = mirror {
            // It comes with a checkout, and gives what is run next.
            context.progress.note(&format!("asking the mirror {mirror}, which this project names"));
        }
        let tell = || context.tell_waiting();
        let _held = store.lock(&context.waiting(&tell))?;
        fs::create_folders(&folder)?;
        if let Source::Pinned { manifest, lock } = source {
            // The manifest last: with it the project is there.
            fs::write(&folder.join(crate::layout::LOCK), lock.as_bytes())?;
            fs::write(&path, manifest.as_bytes())?;
        } else {
            fs::write(&path, env_of(None, mirror).as_bytes())?;
        }
    }
    Project::at(&folder)
}

/// Whether the project pins exactly what is asked for: then nobody is asked again.
fn is_pinned(project: &Project, spec: &Spec) -> bool {
    let manifest = &project.manifest;
    match spec {
        Spec::Crate(spec) => match (&spec.version, manifest.tools.get(&spec.name)) {
            (Version::Exact(version), Some(pin)) => pin.pin.version == *version,
            _ => false,
        },
        Spec::Module(spec) => match (&spec.version, manifest.module_tools.get(&spec.name)) {
            (AskedVersion::Exact(version), Some(pin)) => pin.version == *version,
            _ => false,
        },
    }
}

fn asked(wanted: &Wanted) -> Asked {
    let (specs, modules) = match wanted.spec.clone() {
        Spec::Crate(spec) => (vec![spec], Vec::new()),
        Spec::Module(spec) => (Vec::new(), vec![spec]),
    };
    Asked {
        specs,
        modules,
        kind: Some(Kind::Tool),
        features: wanted.features.clone(),
        no_default_features: wanted.no_default_features,
        table: Table::Normal,
        member: None,
        bins: Vec::new(),
        requirement: None,
    }
}

impl OneOff {
    /// Its folder of executables.
    pub fn bin(&self) -> PathBuf {
        self.environment.layout().bin()
    }

    /// The executable that is meant: the one that is named, else the only one, else that of the package's name.
    pub fn executable(&self, asked: Option<&str>) -> Result<PathBuf> {
        let tools = self.environment.tool_receipts()?;
        let mut names: Vec<String> = tools.into_iter().flat_map(|tool| tool.bins.into_keys()).collect();
        for (_, receipt) in self.environment.all_module_receipts()? {
            names.extend(receipt.bins);
        }
        choose(&names, &self.name, asked).map(|name| self.bin().join(name))
    }
}

/// Which of a package's executables is meant.
fn choose<'n>(names: &'n [String], package: &str, asked: Option<&str>) -> Result<&'n str> {
    let list = || names.join(", ");
    if let Some(asked) = asked {
        return names.iter().find(|name| *name == asked).map(String::as_str).ok_or_else(|| {
            let near = near::nearest(asked, names.iter().map(String::as_str));
            let help =
                near.first().map_or_else(|| format!("it has {}", list()), |near| format!("--bin {near}"));
            Fault::new(format!("{package} has no executable {asked:?}")).help(help)
        });
    }
    let plain = package.strip_prefix("pypi:").unwrap_or(package);
    let is_named = |name: &&String| name.parse::<PackageName>().is_ok_and(|name| name.as_str() == plain);
    match names {
        [] => Err(Fault::new(format!("{package} has no executable"))
            .why("what it holds is there to be built upon, or imported")
            .help(format!("`envtool add {package}` adds it to a project"))),
        [only] => Ok(only),
        _ => names.iter().find(is_named).map(String::as_str).ok_or_else(|| {
            Fault::new(format!("{package} has more than one executable"))
                .why(format!("they are {}, and none has the package's name", list()))
                .help(format!("name one: `envtool exec --bin NAME {package} -- …`"))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::choose;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn the_executable_is_the_named_the_only_or_the_packages() {
        let only = names(&["rg"]);
        assert_eq!(choose(&only, "ripgrep", None).unwrap(), "rg");
        let three = names(&["black", "blackd", "black-primer"]);
        assert_eq!(choose(&three, "pypi:black", None).unwrap(), "black");
        assert_eq!(choose(&three, "pypi:black", Some("blackd")).unwrap(), "blackd");
        for (names, package, asked, words) in [
            (&three[..], "pypi:black", Some("blakd"), "blackd"),
            (&three[1..], "pypi:black", None, "more than one"),
            (&[][..], "serde", None, "no executable"),
            (&three[..], "pypi:black", Some("../sh"), "no executable"),
        ] {
            let fault = format!("{:?}", choose(names, package, asked).unwrap_err());
            assert!(fault.contains(words), "{fault}");
        }
    }
}
