//! The rows of Python packages.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::manifest::ModulePin;
use crate::module::{ModuleId, ModuleName, ModuleVersion};

/// One Python package of a closure. The closure is that of every platform, and of every Python from the one that it was
/// locked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleRow {
    /// Its name.
    pub name: ModuleName,
    /// Its version.
    pub version: ModuleVersion,
    /// Where it is needed (PEP 508, "Environment Markers"); absent: everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
    /// What it depends on, somewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<ModuleName>,
    /// What the manifest asks of it, where it names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<AskedOfModule>,
    /// Every file that may be installed, with its SHA-256: wheels, and the source distribution where it may be built.
    pub files: BTreeMap<String, Digest>,
}

/// What the manifest asks of a Python package, beyond its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedOfModule {
    /// The extras.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub extras: BTreeSet<ModuleName>,
    /// Whether its source distribution may be built.
    pub build: bool,
}

impl AskedOfModule {
    /// What a pin asks.
    pub fn of(pin: &ModulePin) -> Self {
        Self { extras: pin.extras.clone(), build: pin.build }
    }
}

impl ModuleRow {
    /// Its name and version.
    pub fn id(&self) -> ModuleId {
        ModuleId { name: self.name.clone(), version: self.version.clone() }
    }

    /// Whether its source distribution may be built.
    pub fn build(&self) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.build)
    }

    /// A row that says no more than which release it is: a start for the resolver.
    pub fn start(id: ModuleId) -> Self {
        let ModuleId { name, version } = id;
        Self { name, version, marker: None, dependencies: Vec::new(), asked: None, files: BTreeMap::new() }
    }

    /// The digest of the file that was installed: of the wheel that has these compatibility tags (`py3-none-any`), or of
    /// the source that one was built from. `None` where more than one will do.
    pub fn installed_file(&self, tags: &BTreeSet<String>) -> Option<Digest> {
        let is_wheel = |name: &str| name.strip_suffix(".whl").is_some();
        let files = || self.files.iter().filter(|(name, _)| is_wheel(name) != self.build());
        let only = |all: Vec<(&String, &Digest)>| match all.as_slice() {
            [(_, digest)] => Some(**digest),
            _ => None,
        };
        let all: Vec<_> = files().collect();
        if self.build() || all.len() == 1 {
            return only(all);
        }
        // Some tools write them into it as they stand in the name.
        let tags: BTreeSet<String> = tags.iter().flat_map(|tag| wheel_tags(tag)).collect();
        only(files().filter(|(name, _)| wheel_tags(name) == tags).collect())
    }

    /// The digest of what decides on its files.
    pub fn digest(&self) -> Digest {
        let mut text = format!("{} {}\n", self.name, self.version);
        for digest in self.files.values() {
            text.push_str(&format!("{digest}\n"));
        }
        Digest::of(text.as_bytes())
    }
}

/// The compatibility tags in the name of a wheel, or in one tag, one by one (Python packaging specifications, "Platform compatibility
/// tags": of each part the name may hold several, with dots between them).
fn wheel_tags(name: &str) -> BTreeSet<String> {
    let mut parts = name.strip_suffix(".whl").unwrap_or(name).rsplitn(4, '-');
    let (platforms, abis) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let pythons = parts.next().unwrap_or_default();
    let mut tags = BTreeSet::new();
    for python in pythons.split('.') {
        for abi in abis.split('.') {
            tags.extend(platforms.split('.').map(|platform| format!("{python}-{abi}-{platform}")));
        }
    }
    tags
}

/// One tool from PyPI, with the closure that it has for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleToolRow {
    /// Its name.
    pub name: ModuleName,
    /// Its version.
    pub version: ModuleVersion,
    /// Itself and all that it needs, sorted.
    #[serde(rename = "module")]
    pub modules: Vec<ModuleRow>,
}

impl ModuleToolRow {
    /// Its name and version.
    pub fn id(&self) -> ModuleId {
        ModuleId { name: self.name.clone(), version: self.version.clone() }
    }

    /// Whether this row is what `pin` asks for.
    pub fn serves(&self, pin: &ModulePin) -> bool {
        let pins = BTreeMap::from([(self.name.clone(), pin.clone())]);
        self.version == pin.version && serve(&self.modules, &pins)
    }
}

/// Whether rows are what `pins` ask for, with all that they need and nothing else.
pub fn serve(rows: &[ModuleRow], pins: &BTreeMap<ModuleName, ModulePin>) -> bool {
    let asked: Vec<_> = rows.iter().filter_map(|row| Some((row, row.asked.as_ref()?))).collect();
    let names: BTreeSet<&ModuleName> = rows.iter().map(|row| &row.name).collect();
    let mut reached: BTreeSet<&ModuleName> = asked.iter().map(|(row, _)| &row.name).collect();
    let mut next: Vec<&ModuleName> = reached.iter().copied().collect();
    while let Some(name) = next.pop() {
        let needed = rows.iter().filter(|row| row.name == *name).flat_map(|row| &row.dependencies);
        next.extend(needed.filter(|needed| reached.insert(needed)));
    }
    reached == names
        && asked.len() == pins.len()
        && asked.iter().all(|(row, asked)| {
            pins.get(&row.name)
                .is_some_and(|pin| pin.version == row.version && **asked == AskedOfModule::of(pin))
        })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{AskedOfModule, ModuleRow, serve};
    use crate::digest::Digest;
    use crate::manifest::ModulePin;
    use crate::module::ModuleId;

    fn row(name: &str, needs: &[&str], is_asked: bool) -> ModuleRow {
        let id = ModuleId { name: name.parse().unwrap(), version: "1.0".parse().unwrap() };
        let asked = is_asked.then(|| AskedOfModule::of(&ModulePin::new(id.version.clone())));
        let dependencies = needs.iter().map(|name| name.parse().unwrap()).collect();
        ModuleRow { dependencies, asked, ..ModuleRow::start(id) }
    }

    #[test]
    fn rows_serve_pins_with_all_that_they_need_and_nothing_else() {
        let pins = BTreeMap::from([("a".parse().unwrap(), ModulePin::new("1.0".parse().unwrap()))]);
        let (a, b, c) = (row("a", &["b"], true), row("b", &["a"], false), row("c", &[], false));
        assert!(serve(&[a.clone(), b.clone()], &pins));
        assert!(!serve(std::slice::from_ref(&a), &pins), "b is missing");
        assert!(!serve(&[a.clone(), b.clone(), c.clone()], &pins), "nobody needs c");
        assert!(!serve(&[a, b, row("c", &[], true)], &pins), "c is no pin");
        assert!(!serve(&[c], &BTreeMap::new()) && serve(&[], &BTreeMap::new()));
    }

    #[test]
    fn the_wheel_that_was_installed_is_the_one_with_its_tags() {
        let mut row = row("numpy", &[], true);
        let names = [
            "numpy-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            "numpy-1.0-1-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            "numpy-1.0-cp311-cp311-win_amd64.whl",
            "numpy-1.0-py2.py3-none-any.whl",
            "numpy-1.0.tar.gz",
        ];
        row.files = names.iter().map(|name| ((*name).to_owned(), Digest::of(name.as_bytes()))).collect();
        let of = |row: &ModuleRow, tags: &[&str]| {
            let tags: BTreeSet<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
            let digest = row.installed_file(&tags)?;
            names.into_iter().find(|name| Digest::of(name.as_bytes()) == digest)
        };
        let linux = ["cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux2014_x86_64"];
        assert_eq!(of(&row, &linux), Some(names[0]));
        assert_eq!(of(&row, &["cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64"]), Some(names[0]));
        assert_eq!(
            of(&row, &["cp312-cp312-manylinux_2_17_x86_64", "cp312-cp312-manylinux2014_x86_64"]),
            Some(names[1])
        );
        assert_eq!(of(&row, &["py3-none-any", "py2-none-any"]), Some(names[3]));
        assert_eq!(of(&row, &["cp311-cp311-linux_x86_64"]), None);
        row.asked.as_mut().unwrap().build = true;
        assert_eq!(of(&row, &["cp311-cp311-linux_x86_64"]), Some(names[4]));
        row.asked = None;
        row.files.retain(|name, _| name.contains("win"));
        assert_eq!(of(&row, &linux), Some(names[2]), "it is the only one");
    }
}
