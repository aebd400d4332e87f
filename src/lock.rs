//! `envtool.lock`: the closure of the pins of `[crates]`, for a project without a Cargo.toml, the closure of
//! `[modules]`, and one row for each tool. A tool's closure is the Cargo.lock in its archive, whose SHA-256 the row
//! gives; where it ships none that cargo builds with, the closure that cargo's resolver found stands with the row. A
//! tool from PyPI has its closure in its row.
//!
//! TOML, sorted, and the same bytes for the same input on every machine: no path, no time and no address of a
//! registry stands in it. [`to_cargo_lock`] hands rows to cargo's resolver, [`from_cargo_lock`] takes the answer.

mod modules;

pub use modules::{AskedOfModule, ModuleRow, ModuleToolRow, serve};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::cargo_lock::{CargoLock, LockedPackage, conflict_line, crates_io, text_of};
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::manifest::{Pin, ToolPin};
use crate::module::ModuleName;
use crate::package::{PackageId, PackageName};

/// The version of the format.
pub const VERSION: u32 = 1;
/// The first lines of the file.
const HEAD: &str = "# Written by envtool, read by envtool: change envtool.toml and run `envtool sync`.\n";

/// What an envtool.lock says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// The rows of crates, sorted by name and version.
    pub packages: Vec<Row>,
    /// The rows of tools, sorted by name.
    pub tools: Vec<ToolRow>,
    /// The oldest Python that the rows of modules are for: `3.10`. `None` where there are none.
    pub python: Option<Python>,
    /// The rows of modules, sorted by name and version.
    pub modules: Vec<ModuleRow>,
    /// The rows of tools from PyPI, sorted by name.
    pub module_tools: Vec<ModuleToolRow>,
}

/// The Pythons that the rows of modules are for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Python {
    /// The oldest, as `3.10`.
    pub lowest: String,
}

/// One tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolRow {
    /// The registry, as package URLs name it.
    registry: RegistryId,
    /// Its name.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// The SHA-256 of its archive.
    pub checksum: Digest,
    /// What of its closure it depends on itself: `name version`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<String>,
    /// What the manifest asks of it.
    pub asked: AskedOfTool,
    /// Its closure, where that is not the lock in its archive: there is none, or cargo does not build with it.
    #[serde(default, rename = "package", skip_serializing_if = "Vec::is_empty")]
    pub closure: Vec<Row>,
}

/// What the manifest asks of a tool, beyond its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AskedOfTool {
    /// The features.
    pub features: Vec<String>,
    /// Whether the default features.
    pub default_features: bool,
    /// Which of its executables; none named: all that build.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bins: Vec<String>,
    /// The toolchain that builds it; absent: the machine's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toolchain: Option<String>,
}

impl AskedOfTool {
    fn of(pin: &ToolPin) -> Self {
        Self {
            features: pin.pin.features.clone(),
            default_features: pin.pin.default_features,
            bins: pin.bins.clone(),
            toolchain: pin.toolchain.clone(),
        }
    }
}

impl ToolRow {
    /// The row of a tool of crates.io.
    pub fn new(name: &PackageName, pin: &ToolPin, checksum: Digest) -> Self {
        Self {
            registry: RegistryId::Cargo,
            name: name.clone(),
            version: pin.pin.version.clone(),
            checksum,
            asked: AskedOfTool::of(pin),
            dependencies: Vec::new(),
            closure: Vec::new(),
        }
    }

    /// The same with a closure of its own: what cargo's resolver found for it.
    pub fn with_closure(self, cargo: &CargoLock) -> Result<Self> {
        let name = |package: &&LockedPackage| format!("{} {}", package.id.name, package.id.version);
        let dependencies = cargo.direct().iter().map(name).collect();
        Ok(Self { dependencies, closure: from_cargo_lock(cargo, &BTreeMap::new())?, ..self })
    }

    /// The same for a pin that asks for something else of this release.
    #[must_use]
    pub fn asked_by(self, pin: &ToolPin) -> Self {
        Self { asked: AskedOfTool::of(pin), ..self }
    }

    /// Whether every crate that its closure needs stands in it.
    pub fn is_whole(&self) -> bool {
        let needed = self.dependencies.iter().chain(self.closure.iter().flat_map(|row| &row.dependencies));
        holds(&self.closure, needed)
    }

    /// The Cargo.lock of the closure that stands here.
    pub fn cargo_lock(&self) -> String {
        let mut text = to_cargo_lock(&self.closure);
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n[[package]]\nname = \"{}\"\nversion = \"{}\"\ndependencies = {:?}\n",
            self.name, self.version, self.dependencies
        );
        text
    }

    /// Its name and version.
    pub fn id(&self) -> PackageId {
        PackageId { name: self.name.clone(), version: self.version.clone() }
    }

    /// The digest of all that it says.
    pub fn digest(&self) -> Result<Digest> {
        let text = toml::to_string(self).map_err(|error| {
            Fault::bug(format!("could not write the row of {}", self.name)).because(&error)
        })?;
        Ok(Digest::of(text.as_bytes()))
    }

    /// Whether this row is what `pin` asks for.
    pub fn serves(&self, pin: &ToolPin) -> bool {
        self.version == pin.pin.version && self.asked == AskedOfTool::of(pin)
    }
}

/// One package of the closure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The registry, as package URLs name it.
    registry: RegistryId,
    /// Its name.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// The SHA-256 of its archive.
    pub checksum: Digest,
    /// What it depends on: `name version`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<String>,
    /// What the manifest asks of it, where it names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
}

/// The registries that a row can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RegistryId {
    Cargo,
}

/// What the manifest asks of a package, beyond its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Asked {
    features: Vec<String>,
    default_features: bool,
}

impl Row {
    /// A row that says no more than which release it is: a start for cargo's resolver.
    pub fn start(package: &PackageId, checksum: Digest) -> Self {
        Self {
            registry: RegistryId::Cargo,
            name: package.name.clone(),
            version: package.version.clone(),
            checksum,
            dependencies: Vec::new(),
            asked: None,
        }
    }

    /// Its name and version.
    pub fn id(&self) -> PackageId {
        PackageId { name: self.name.clone(), version: self.version.clone() }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawLock {
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    python: Option<Python>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    package: Vec<Row>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    module: Vec<ModuleRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tool: Vec<ToolRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    module_tool: Vec<ModuleToolRow>,
}

/// Read first, since a newer version may hold what this one cannot read.
#[derive(Deserialize)]
struct OnlyVersion {
    version: u32,
}

impl Lock {
    /// Reads an envtool.lock. `name` is how errors name the file.
    pub fn read(bytes: &[u8], name: &str) -> Result<Self> {
        Self::parse(text_of(bytes, name)?, name)
    }

    /// Reads the text of an envtool.lock. `name` is how errors name the file.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let bad = |why: String| Fault::new(format!("could not read {name}")).why(why);
        if let Some(line) = conflict_line(text) {
            return Err(bad(format!("line {line} is a mark of a merge conflict"))
                .help(format!("`envtool doctor --fix` rebuilds it from what is installed; or take one side (`git checkout --theirs {name}`), then run `envtool sync`")));
        }
        let broken = |error: toml::de::Error| {
            bad(error.to_string().trim_end().to_owned()).help(format!(
                "`envtool doctor --fix` rebuilds it from what is installed; or restore it with `git checkout {name}`"
            ))
        };
        let OnlyVersion { version } = toml::from_str(text).map_err(broken)?;
        if version != VERSION {
            return Err(bad(format!("it is of version {version}, and this envtool reads version {VERSION}"))
                .help("install a newer envtool"));
        }
        let raw: RawLock = toml::from_str(text).map_err(broken)?;
        Ok(Self {
            packages: raw.package,
            tools: raw.tool,
            python: raw.python,
            modules: raw.module,
            module_tools: raw.module_tool,
        })
    }

    /// The text of the file.
    pub fn to_text(&self) -> Result<String> {
        let raw = RawLock {
            version: VERSION,
            python: self.python.clone(),
            package: self.packages.clone(),
            module: self.modules.clone(),
            tool: self.tools.clone(),
            module_tool: self.module_tools.clone(),
        };
        let body = toml::to_string(&raw)
            .map_err(|error| Fault::bug("could not write envtool.lock").because(&error))?;
        Ok(format!("{HEAD}{body}"))
    }

    /// Whether this lock is what `pins` ask for.
    pub fn serves(&self, pins: &BTreeMap<PackageName, Pin>) -> bool {
        let asked: Vec<_> = self.packages.iter().filter_map(|row| Some((row, row.asked.as_ref()?))).collect();
        holds(&self.packages, self.packages.iter().flat_map(|row| &row.dependencies))
            && asked.len() == pins.len()
            && asked.iter().all(|(row, asked)| {
                pins.get(&row.name).is_some_and(|pin| pin.version == row.version && **asked == Asked::of(pin))
            })
    }

    /// The row of a tool.
    pub fn tool(&self, name: &PackageName) -> Option<&ToolRow> {
        self.tools.iter().find(|row| row.name == *name)
    }

    /// The row of a tool from PyPI.
    pub fn module_tool(&self, name: &ModuleName) -> Option<&ModuleToolRow> {
        self.module_tools.iter().find(|row| row.name == *name)
    }
}

/// Whether each of `needed`, `name version`, is one of `rows`.
fn holds<'r>(rows: &[Row], mut needed: impl Iterator<Item = &'r String>) -> bool {
    let rows: BTreeSet<String> = rows.iter().map(|row| format!("{} {}", row.name, row.version)).collect();
    needed.all(|needed| rows.contains(needed))
}

/// The text of a Cargo.lock that names all of `rows`, for cargo's resolver to keep to.
pub fn to_cargo_lock(rows: &[Row]) -> String {
    let mut text = "version = 4\n".to_owned();
    for row in rows {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n[[package]]\nname = \"{}\"\nversion = \"{}\"\nsource = \"registry+{}\"\nchecksum = \"{}\"\ndependencies = {:?}\n",
            row.name,
            row.version,
            tame_index::CRATES_IO_INDEX,
            row.checksum,
            row.dependencies
        );
    }
    text
}

/// The rows of a lock that cargo made. What `pins` name is marked as asked for.
pub fn from_cargo_lock(cargo: &CargoLock, pins: &BTreeMap<PackageName, Pin>) -> Result<Vec<Row>> {
    let mut packages = Vec::new();
    for (package, needs) in cargo.packages.iter().zip(cargo.dependencies()) {
        let Some(source) = &package.source else { continue };
        let bad = |why: String| Fault::new(format!("could not lock {}", package.id)).why(why);
        if *source != crates_io() {
            return Err(bad(format!("it comes from {source}"))
                .help("envtool.lock holds packages of crates.io; make a Cargo.toml for others"));
        }
        let checksum = package.checksum.ok_or_else(|| {
            bad("its registry gives no checksum".to_owned()).help("use a registry that does")
        })?;
        let mut dependencies: Vec<_> = needs.iter().map(|at| cargo.packages[*at].id.to_string()).collect();
        dependencies.sort();
        packages.push(Row {
            registry: RegistryId::Cargo,
            name: package.id.name.clone(),
            version: package.id.version.clone(),
            checksum,
            dependencies,
            asked: pins.get(&package.id.name).filter(|pin| pin.version == package.id.version).map(Asked::of),
        });
    }
    packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(packages)
}

impl Asked {
    fn of(pin: &Pin) -> Self {
        Self { features: pin.features.clone(), default_features: pin.default_features }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{
        AskedOfModule, Lock, ModuleRow, ModuleToolRow, Python, ToolRow, from_cargo_lock, serve, to_cargo_lock,
    };
    use crate::cargo_lock::CargoLock;
    use crate::manifest::{Manifest, ModulePin};
    use crate::module::ModuleName;

    const DIGITS: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn cargo_lock() -> CargoLock {
        let index = tame_index::CRATES_IO_INDEX;
        let row = |name: &str, version: &str, dependencies: &str| {
            format!(
                "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = \"registry+{index}\"\nchecksum = \"{DIGITS}\"\ndependencies = [{dependencies}]\n"
            )
        };
        let text = format!(
            "version = 4\n{}{}{}",
            row("b", "2.0.0", "\"a 1.0.0\""),
            row("a", "2.0.0", ""),
            row("a", "1.0.0", "")
        );
        CargoLock::parse(&text, "Cargo.lock").unwrap()
    }

    #[test]
    fn the_lock_comes_back_as_it_was_written() {
        let manifest = Manifest::parse(
            "[crates]\nb = { version = \"2.0.0\", features = [\"x\"] }\na = \"2.0.0\"\n",
            "m",
        )
        .unwrap();
        let packages = from_cargo_lock(&cargo_lock(), &manifest.crates).unwrap();
        let lock = Lock { packages, ..Lock::default() };
        let text = lock.to_text().unwrap();
        assert_eq!(Lock::parse(&text, "envtool.lock").unwrap(), lock);
        assert!(lock.serves(&manifest.crates));
        assert!(!lock.serves(&BTreeMap::new()));
        let mut cut = Lock { packages: lock.packages.clone(), ..Lock::default() };
        cut.packages.retain(|row| row.id().to_string() != "a 1.0.0");
        assert!(!cut.serves(&manifest.crates), "a row that another needs is gone");
        let other = Manifest::parse("[crates]\nb = \"2.0.0\"\na = \"2.0.0\"\n", "m").unwrap();
        assert!(!lock.serves(&other.crates), "other features");
        let names: Vec<_> = lock.packages.iter().map(|r| r.id().to_string()).collect();
        assert_eq!(names, ["a 1.0.0", "a 2.0.0", "b 2.0.0"]);
        assert!(!text.contains("http"), "{text}");
        let again = CargoLock::parse(&to_cargo_lock(&lock.packages), "Cargo.lock").unwrap();
        assert_eq!(from_cargo_lock(&again, &manifest.crates).unwrap(), lock.packages);
    }

    #[test]
    fn a_tool_has_a_row_and_its_closure_where_it_ships_none() {
        let text =
            "[tools]\njust = { version = \"1.0.0\", features = [\"x\"], bins = [\"j\"] }\nrg = \"2.0.0\"\n";
        let tools = Manifest::parse(text, "m").unwrap().tools;
        let row = |name: &str, closure: bool| {
            let name = name.parse().unwrap();
            let row = ToolRow::new(&name, &tools[&name], DIGITS.parse().unwrap());
            if closure { row.with_closure(&cargo_lock()).unwrap() } else { row }
        };
        let lock = Lock { tools: vec![row("just", false), row("rg", true)], ..Lock::default() };
        let text = lock.to_text().unwrap();
        assert_eq!(Lock::parse(&text, "envtool.lock").unwrap(), lock, "{text}");
        let (just, rg) = ("just".parse().unwrap(), "rg".parse().unwrap());
        assert!(lock.tool(&just).unwrap().serves(&tools[&just]));
        assert!(!lock.tool(&just).unwrap().serves(&tools[&rg]));
        assert_eq!(lock.tool(&rg).unwrap().closure.len(), 3);
        let again = CargoLock::parse(&lock.tool(&rg).unwrap().cargo_lock(), "Cargo.lock").unwrap();
        assert_eq!(again.packages.len(), 4);
    }

    #[test]
    fn modules_have_rows_with_every_file_that_may_be_installed() {
        let text = "[modules]\nrequests = \"2.32.3\"\n[tools]\n\"pypi:ruff\" = { version = \"0.12.0\", build = true }\n";
        let manifest = Manifest::parse(text, "m").unwrap();
        let row = |name: &str, version: &str, pins: &BTreeMap<ModuleName, ModulePin>, needs: &[&str]| {
            let name: ModuleName = name.parse().unwrap();
            ModuleRow {
                version: version.parse().unwrap(),
                marker: (needs.is_empty()).then(|| "sys_platform == 'win32'".to_owned()),
                dependencies: needs.iter().map(|name| name.parse().unwrap()).collect(),
                asked: pins.get(&name).map(AskedOfModule::of),
                files: BTreeMap::from([(format!("{name}.whl"), DIGITS.parse().unwrap())]),
                name,
            }
        };
        let modules = vec![
            row("idna", "3.10", &manifest.modules, &[]),
            row("requests", "2.32.3", &manifest.modules, &["idna"]),
        ];
        let ruff: ModuleName = "ruff".parse().unwrap();
        let tool = ModuleToolRow {
            name: ruff.clone(),
            version: "0.12.0".parse().unwrap(),
            modules: vec![row("ruff", "0.12.0", &manifest.module_tools, &[])],
        };
        let lock = Lock {
            python: Some(Python { lowest: "3.10".to_owned() }),
            modules,
            module_tools: vec![tool],
            ..Lock::default()
        };
        let text = lock.to_text().unwrap();
        assert_eq!(Lock::parse(&text, "envtool.lock").unwrap(), lock, "{text}");
        assert!(serve(&lock.modules, &manifest.modules) && !serve(&lock.modules, &BTreeMap::new()));
        assert!(!serve(&lock.modules[1..], &manifest.modules), "a row that another needs is gone");
        let tool = lock.module_tool(&ruff).unwrap();
        let mut pin = manifest.module_tools[&ruff].clone();
        assert!(tool.serves(&pin) && tool.modules[0].build());
        pin.build = false;
        assert!(!tool.serves(&pin));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("version = 2\nnews = true\n", "version 2"),
            ("version = 1\n[[package]]\nname = \"a", "line 3"),
            ("<<<<<<< HEAD\n", "merge conflict"),
            ("", "missing field `version`"),
            (
                "version = 1\n[[package]]\nregistry = \"cargo\"\nname = \"..\"\nversion = \"1.0.0\"\nchecksum = \"DIGITS\"\n",
                "not a package name",
            ),
        ];
        for (text, expected) in cases {
            let fault = Lock::parse(&text.replace("DIGITS", DIGITS), "envtool.lock").unwrap_err();
            assert!(fault.to_string().contains(expected), "{expected}: {fault}");
            assert!(fault.help_text().is_some());
        }
    }
}
