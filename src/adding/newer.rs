//! The crates and tools that a project pins, and which newer releases of them there are.
//!
//! What *matches* is what a requirement takes; to an exact pin it is what cargo calls compatible, as if it were written
//! without the `=`. As for `add`, nothing counts that was yanked, is a pre-release that nobody named, or needs a newer
//! Rust than the one that builds it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use semver::{Comparator, Op, Version, VersionReq};

use super::Kind;
use super::manifests::{members, text_of};
use crate::cargo_config::CargoConfig;
use crate::cargo_edit::{self, Required};
use crate::cargo_lock::{CargoLock, Source, crates_io};
use crate::choose::{Wish, choose};
use crate::compile::Toolchain;
use crate::context::Context;
use crate::fault::{Fault, Result};
use crate::fetch::Fetcher;
use crate::fs;
use crate::layout::CARGO_MANIFEST;
use crate::package::PackageName;
use crate::project::Project;
use crate::registry::releases::{Release, releases, rust_version};
use crate::sources::{self, Reach};
use crate::spec::Version as Asked;
use crate::sync::session::find_cargo;

/// A crate or a tool that a project pins.
#[derive(Debug, Clone)]
pub(super) struct Pin {
    pub(super) name: PackageName,
    pub(super) kind: Kind,
    pub(super) source: Source,
    pub(super) pinned: Version,
    /// How Cargo.toml asks for it; `None` for a pin of envtool.toml.
    pub(super) required: Option<Required>,
    /// Whether what asks for it names one release.
    pub(super) is_exact: bool,
    /// What matches.
    allows: VersionReq,
    /// The Rust that builds it.
    rust: Option<Version>,
}

/// The newer releases of one pin.
#[derive(Debug, Clone, Default)]
pub(super) struct Newer {
    /// The newest that matches.
    pub(super) matching: Option<Release>,
    /// The newest of all.
    pub(super) newest: Option<Release>,
    /// One that is newer still, and needs a newer Rust.
    pub(super) too_new: Option<Release>,
}

/// The manifests of cargo that pins stand in: path and text.
pub(super) type Texts = BTreeMap<PathBuf, String>;

/// The crates and tools that a project pins, in order, and the manifests of cargo.
pub(super) fn pins(
    project: &Project,
    config: &CargoConfig,
    context: &Context<'_>,
) -> Result<(Vec<Pin>, Texts)> {
    let (mut pins, mut texts) = (Vec::new(), Texts::new());
    if project.is_cargo {
        texts = manifests(project, context)?;
        pins = of_cargo(project, config, &texts, context)?;
    }
    if !project.manifest.crates.is_empty() {
        let rust = find_cargo(project.layout.root(), context).and_then(|cargo| cargo.version()).ok();
        let crates = project.manifest.crates.iter();
        pins.extend(crates.map(|(name, pin)| exact(name, Kind::Crate, &pin.version, rust.clone())));
    }
    let mut builders: BTreeMap<Option<&str>, Option<Version>> = BTreeMap::new();
    for (name, tool) in &project.manifest.tools {
        let chosen = tool.toolchain.as_deref();
        // Whoever has no compiler is told so once something is to be built.
        let rust = builders
            .entry(chosen)
            .or_insert_with(|| Toolchain::find(context, chosen).ok().and_then(|found| found.version()));
        pins.push(exact(name, Kind::Tool, &tool.pin.version, rust.clone()));
    }
    Ok((pins, texts))
}

fn exact(name: &PackageName, kind: Kind, pinned: &Version, rust: Option<Version>) -> Pin {
    Pin {
        name: name.clone(),
        kind,
        source: crates_io(),
        pinned: pinned.clone(),
        required: None,
        is_exact: true,
        allows: compatible(pinned),
        rust,
    }
}

/// What cargo takes for an update of a version.
fn compatible(version: &Version) -> VersionReq {
    let Version { major, minor, patch, pre, .. } = version.clone();
    VersionReq {
        comparators: vec![Comparator { op: Op::Caret, major, minor: Some(minor), patch: Some(patch), pre }],
    }
}

/// Whether cargo takes one version for an update of the other.
pub(super) fn are_compatible(one: &Version, other: &Version) -> bool {
    compatible(one.min(other)).matches(one.max(other))
}

/// The one version that a requirement names.
fn named(requirement: &VersionReq) -> Option<Version> {
    let [Comparator { op: Op::Exact, major, minor: Some(minor), patch: Some(patch), pre }] =
        requirement.comparators.as_slice()
    else {
        return None;
    };
    Some(Version { pre: pre.clone(), ..Version::new(*major, *minor, *patch) })
}

fn manifests(project: &Project, context: &Context<'_>) -> Result<Texts> {
    let mut paths = members(project, context)?;
    // That of a workspace without a package of its own has what its members inherit.
    paths.push(project.layout.cargo_manifest());
    let root = project.layout.root();
    let inside = |path: PathBuf| path.strip_prefix(root).map(ToOwned::to_owned).unwrap_or(path);
    paths.into_iter().map(|path| Ok((inside(path.clone()), text_of(&path)?))).collect()
}

fn of_cargo(
    project: &Project,
    config: &CargoConfig,
    texts: &Texts,
    context: &Context<'_>,
) -> Result<Vec<Pin>> {
    let path = project.layout.cargo_lock();
    let lock =
        fs::read(&path)?.map(|bytes| CargoLock::read(&bytes, &path.display().to_string())).transpose()?;
    let direct = lock.as_ref().map(CargoLock::direct).unwrap_or_default();
    let root = texts.get(&PathBuf::from(CARGO_MANIFEST)).map(String::as_str);
    let (mut all, mut rust): (Vec<Required>, Option<Version>) = (Vec::new(), None);
    for (path, text) in texts {
        let in_file = |fault: Fault| fault.while_doing(format!("could not read {}", path.display()));
        all.extend(cargo_edit::required(text).map_err(in_file)?);
        let facts = cargo_edit::facts(text, root).map_err(in_file)?;
        let promised = facts.rust_version.as_deref().and_then(rust_version);
        rust = [rust, promised].into_iter().flatten().min();
    }
    all.sort();
    all.dedup();
    let rust = match rust {
        Some(rust) => Some(rust),
        None => find_cargo(project.layout.root(), context)?.version().ok(),
    };
    let mut pins = Vec::new();
    for required in all {
        // What cargo does not take it refuses itself.
        let (Ok(name), Ok(allows)) = (required.package.parse(), required.requirement.parse::<VersionReq>())
        else {
            continue;
        };
        let source = match &required.registry {
            None => crates_io(),
            Some(registry) => match config.registry(registry)?.and_then(|known| known.index) {
                Some((index, _)) => Source::Registry(index),
                None => continue,
            },
        };
        let named = named(&allows);
        let fits = direct.iter().filter(|package| {
            package.id.name == name
                && package.source.as_ref().is_some_and(|found| found.folder() == source.folder())
                && allows.matches(&package.id.version)
        });
        let locked = fits.map(|package| package.id.version.clone()).max();
        // What nothing says the version of is not pinned: no lock, or nobody inherits it.
        let Some(pinned) = locked.or_else(|| named.clone()) else { continue };
        pins.push(Pin {
            name,
            kind: Kind::Crate,
            source,
            is_exact: named.is_some(),
            allows: if named.is_some() { compatible(&pinned) } else { allows },
            pinned,
            required: Some(required),
            rust: rust.clone(),
        });
    }
    Ok(pins)
}

/// Asks every registry at once which newer releases there are.
pub(super) fn ask(fetcher: &Fetcher<'_>, pins: &[Pin], config: &CargoConfig) -> Result<Vec<Result<Newer>>> {
    let reached: Vec<Result<_>> = pins.iter().map(|pin| index_of(pin, config)).collect();
    let asked: Vec<_> = reached.iter().flatten().cloned().collect();
    let mut rows = fetcher.rows_of_each(&asked)?.into_iter();
    let mut answers = Vec::new();
    for (pin, index) in pins.iter().zip(reached) {
        let rows = match index {
            Ok(_) => rows.next().unwrap_or(Ok(None)).map_err(|fault| config.explain(fault)),
            Err(fault) => Err(fault),
        };
        answers.push(rows.and_then(|rows| {
            match rows {
                Some(rows) => Ok(pin.newer(&releases(&rows, &pin.name)?.1)),
                None => Err(Fault::new(format!("there is no package {} in its registry", pin.name))
                    .help("see that the name is the right one, or take the pin out (`envtool remove`)")),
            }
        }));
    }
    Ok(answers)
}

fn index_of(pin: &Pin, config: &CargoConfig) -> Result<(PackageName, crate::registry::cargo::SparseIndex)> {
    match sources::reach(config, &pin.source)? {
        Reach::Sparse(index) => Ok((pin.name.clone(), index)),
        _ => Err(Fault::new(format!("could not ask which releases of {} there are", pin.name))
            .why("its registry has no sparse index, and cargo alone asks others")
            .help("`cargo update` outside the environment moves it")),
    }
}

impl Pin {
    /// Which of the releases are newer.
    fn newer(&self, releases: &[Release]) -> Newer {
        let pick = |allows: Option<&VersionReq>, rust: Option<&Version>| {
            let wish = Wish {
                name: &self.name,
                version: &Asked::Newest,
                requirement: allows,
                rust,
                is_tool: self.kind == Kind::Tool,
                locked: &[],
            };
            choose(&wish, releases).ok().filter(|release| release.version > self.pinned)
        };
        let rust = self.rust.as_ref();
        let matching = pick(Some(&self.allows), rust);
        let newest = pick(None, rust).into_iter().chain(matching).max_by(|a, b| a.version.cmp(&b.version));
        let than = newest.map_or(&self.pinned, |newest| &newest.version);
        let too_new = pick(None, None).filter(|release| release.version > *than);
        Newer { matching: matching.cloned(), newest: newest.cloned(), too_new: too_new.cloned() }
    }

    /// As what it is asked for in a requirement of Cargo.toml, for a newer release: with the same operator, and as
    /// exactly as it stands there. `None` where it is more than one such word.
    pub(super) fn moved_requirement(&self, to: &Version) -> Option<String> {
        let written = self.required.as_ref()?.requirement.trim();
        if self.is_exact {
            return Some(format!("={to}"));
        }
        let requirement: VersionReq = written.parse().ok()?;
        let [one] = requirement.comparators.as_slice() else { return None };
        let sign = match (one.op, written.starts_with('^')) {
            (Op::Caret, true) => "^",
            (Op::Caret, false) => "",
            (Op::Tilde, _) => "~",
            _ => return None,
        };
        let Version { major, minor, .. } = to;
        Some(match (one.minor, one.patch) {
            (None, _) if to.pre.is_empty() => format!("{sign}{major}"),
            (_, None) if to.pre.is_empty() => format!("{sign}{major}.{minor}"),
            _ => format!("{sign}{to}"),
        })
    }

    /// Whether what asks for it takes this release.
    pub(super) fn takes(&self, version: &Version) -> bool {
        !self.is_exact && self.allows.matches(version)
    }
}

impl Newer {
    /// Why a release that there is was not chosen.
    pub(super) fn held(&self) -> Option<String> {
        let release = self.too_new.as_ref()?;
        let rust = release.rust_version.as_ref()?;
        Some(format!("{} needs Rust {rust}", release.version))
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Pin, Release, compatible, crates_io, named};
    use crate::cargo_edit::Required;
    use crate::registry::releases::{rust_version, written as releases};

    fn pin(pinned: &str, requirement: Option<&str>) -> Pin {
        let pinned: semver::Version = pinned.parse().unwrap();
        let allows: Option<semver::VersionReq> = requirement.map(|text| text.parse().unwrap());
        let named = allows.as_ref().and_then(named);
        Pin {
            name: "x".parse().unwrap(),
            kind: Kind::Crate,
            source: crates_io(),
            required: requirement.map(|text| Required {
                package: "x".to_owned(),
                registry: None,
                requirement: text.to_owned(),
            }),
            is_exact: requirement.is_none() || named.is_some(),
            allows: allows.filter(|_| named.is_none()).unwrap_or_else(|| compatible(&pinned)),
            pinned,
            rust: rust_version("1.70"),
        }
    }

    #[test]
    fn what_matches_and_what_is_newest() {
        for (pinned, requirement, of, expected) in [
            ("1.0.0", None, "1.0.0 1.2.0 2.0.0", "1.2.0 2.0.0 -"),
            ("1.0.0", Some("=1.0.0"), "1.0.0 1.2.0 !1.3.0 2.0.0-rc.1", "1.2.0 1.2.0 -"),
            ("0.3.1", None, "0.3.1 0.3.2 0.4.0", "0.3.2 0.4.0 -"),
            ("1.0.0", Some("1"), "1.0.0 1.2.0/1.80 1.1.0 3.0.0/1.60", "1.1.0 3.0.0 -"),
            ("1.0.0", Some("~1.0"), "1.0.0 1.0.7 1.2.0 4.0.0/1.90", "1.0.7 1.2.0 4.0.0 needs Rust 1.90.0"),
            ("1.0.0", None, "1.0.0 0.9.0", "- - -"),
            ("2.0.0-rc.1", None, "2.0.0-rc.1 2.0.0-rc.2 1.9.0", "2.0.0-rc.2 2.0.0-rc.2 -"),
            ("2.0.0-rc.1", None, "2.0.0-rc.1 1.9.0", "- - -"),
            // It is gone from the registry, or was yanked.
            ("1.0.0", None, "!1.0.0", "- - -"),
            ("1.0.0", None, "", "- - -"),
        ] {
            let newer = pin(pinned, requirement).newer(&releases(of));
            let shown =
                |one: &Option<Release>| one.as_ref().map_or("-".to_owned(), |one| one.version.to_string());
            let shown = format!(
                "{} {} {}",
                shown(&newer.matching),
                shown(&newer.newest),
                newer.held().unwrap_or("-".to_owned())
            );
            assert_eq!(shown, expected, "{pinned} {requirement:?} of {of}");
        }
    }

    #[test]
    fn a_requirement_moves_in_the_form_that_it_has() {
        let to = "2.3.4".parse().unwrap();
        for (written, moved) in [
            ("1", Some("2")),
            ("^1.0", Some("^2.3")),
            ("1.0.0", Some("2.3.4")),
            ("~1.0", Some("~2.3")),
            ("=1.0.0", Some("=2.3.4")),
            (">=1, <2", None),
            ("1.*", None),
            (">=1", None),
        ] {
            assert_eq!(pin("1.0.0", Some(written)).moved_requirement(&to).as_deref(), moved, "{written}");
        }
        let pre = "2.0.0-rc.1".parse().unwrap();
        assert_eq!(pin("1.0.0", Some("1")).moved_requirement(&pre).as_deref(), Some("2.0.0-rc.1"));
    }
}
