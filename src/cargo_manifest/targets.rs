//! What a crate makes: a library, executables, or both, and which of these its features build (cargo reference,
//! "Cargo Targets", "Target auto-discovery"; "Features").
//!
//! Tried with cargo 1.95: a file that is found becomes no executable where `[[bin]]` has its name or its path; in
//! edition 2015 a `[[bin]]` ends the search where `autobins` is not set; a file whose name begins with `.` is none.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::parse;

/// One executable of a crate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Binary {
    /// Its name, a stranger's text: [`crate::package::is_executable_name`] says whether it may be a file's name.
    pub name: String,
    /// The features without which it is not built.
    pub required_features: Vec<String>,
}

/// What a crate makes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Targets {
    /// Whether it has a library; a procedural macro is one.
    pub library: bool,
    /// Its executables, sorted by name.
    pub binaries: Vec<Binary>,
}

impl Targets {
    /// The executables that are built with these features and no others.
    pub fn built_with<'t>(&'t self, enabled: &'t BTreeSet<String>) -> impl Iterator<Item = &'t Binary> {
        self.binaries.iter().filter(|binary| binary.required_features.iter().all(|f| enabled.contains(f)))
    }
}

/// What a crate makes, by its manifest and the paths of its files, relative to its folder and with `/`. `None` where
/// the manifest cannot be read.
pub fn targets<'f>(manifest: &[u8], files: impl IntoIterator<Item = &'f str>) -> Option<Targets> {
    let table = parse(manifest)?;
    let package = table.get("package")?.as_table()?;
    let name = package.get("name")?.as_str()?;
    let switch = |key: &str| package.get(key).and_then(Value::as_bool);
    let found: BTreeSet<&str> = files.into_iter().collect();
    let library =
        table.contains_key("lib") || (switch("autolib").unwrap_or(true) && found.contains("src/lib.rs"));

    let declared = table.get("bin").and_then(Value::as_array);
    let mut binaries: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    for bin in declared.into_iter().flatten().filter_map(Value::as_table) {
        taken.extend(bin.get("path").and_then(Value::as_str).map(|path| path.trim_start_matches("./")));
        if let Some(name) = bin.get("name").and_then(Value::as_str) {
            binaries.entry(name.to_owned()).or_insert_with(|| strings(bin.get("required-features")));
        }
    }
    let oldest = package.get("edition").and_then(Value::as_str).unwrap_or("2015") == "2015";
    if switch("autobins").unwrap_or(!(oldest && declared.is_some())) {
        for path in found.difference(&taken) {
            if let Some(name) = discovered(path, name) {
                binaries.entry(name.to_owned()).or_default();
            }
        }
    }
    let binaries = binaries.into_iter().map(|(name, required_features)| Binary { name, required_features });
    Some(Targets { library, binaries: binaries.collect() })
}

/// The name of the executable that cargo finds at `path`.
fn discovered<'p>(path: &'p str, package: &'p str) -> Option<&'p str> {
    if path == "src/main.rs" {
        return Some(package);
    }
    let rest = path.strip_prefix("src/bin/")?;
    let name = rest.strip_suffix("/main.rs").or_else(|| rest.strip_suffix(".rs"))?;
    (!name.is_empty() && !name.starts_with('.') && !name.contains('/')).then_some(name)
}

/// The features that are on where `asked` are asked for, and the default ones with them where `default` says so: all
/// that follow from these, and `dependency/feature` where one asks that of a dependency that is used. What the
/// manifest has not is left out. Empty where the manifest cannot be read.
pub fn enabled_features(manifest: &[u8], asked: &[String], default: bool) -> BTreeSet<String> {
    let Some(table) = parse(manifest) else { return BTreeSet::new() };
    let features = Features::read(&table);
    let mut on = BTreeSet::new();
    let mut used = BTreeSet::new();
    let mut weak = BTreeSet::new();
    let mut next: Vec<&str> = asked.iter().map(String::as_str).chain(default.then_some("default")).collect();
    while let Some(value) = next.pop() {
        if let Some(dependency) = value.strip_prefix("dep:") {
            used.insert(dependency);
        } else if let Some((dependency, _)) = value.split_once("?/") {
            weak.insert((dependency, value));
        } else if let Some((dependency, _)) = value.split_once('/') {
            used.insert(dependency);
            on.insert(value.to_owned());
            if features.optional.contains(dependency) {
                next.push(dependency);
            }
        } else if let Some(more) = features.named.get(value) {
            if on.insert(value.to_owned()) {
                next.extend(more);
            }
        } else if features.implicit.contains(value) {
            used.insert(value);
            on.insert(value.to_owned());
        }
    }
    for (dependency, value) in weak {
        if used.contains(dependency) || features.always.contains(dependency) {
            on.insert(value.replacen("?/", "/", 1));
        }
    }
    on
}

/// The features of a manifest.
struct Features<'m> {
    /// `[features]`.
    named: BTreeMap<&'m str, Vec<&'m str>>,
    /// The optional dependencies.
    optional: BTreeSet<&'m str>,
    /// The others.
    always: BTreeSet<&'m str>,
    /// The optional dependencies that are features too, since no feature names them by `dep:`.
    implicit: BTreeSet<&'m str>,
}

impl<'m> Features<'m> {
    fn read(table: &'m Table) -> Self {
        let named: BTreeMap<&str, Vec<&str>> = table
            .get("features")
            .and_then(Value::as_table)
            .into_iter()
            .flatten()
            .map(|(name, values)| (name.as_str(), list(Some(values)).collect()))
            .collect();
        let targets = table.get("target").and_then(Value::as_table).into_iter().flatten();
        let places = std::iter::once(table).chain(targets.filter_map(|(_, target)| target.as_table()));
        let keys = ["dependencies", "build-dependencies", "build_dependencies"];
        let dependencies = places
            .flat_map(|place| keys.iter().filter_map(|key| place.get(*key)?.as_table()))
            .flatten()
            .map(|(name, dependency)| (name.as_str(), is_optional(dependency)));
        let (mut optional, mut always) = (BTreeSet::new(), BTreeSet::new());
        for (name, is_optional) in dependencies {
            if is_optional { &mut optional } else { &mut always }.insert(name);
        }
        let hidden: BTreeSet<&str> =
            named.values().flatten().filter_map(|value| value.strip_prefix("dep:")).collect();
        let implicit = optional.difference(&hidden).copied().collect();
        Self { named, optional, always, implicit }
    }
}

fn is_optional(dependency: &Value) -> bool {
    dependency.get("optional").and_then(Value::as_bool).unwrap_or(false)
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn strings(value: Option<&Value>) -> Vec<String> {
    list(value).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{enabled_features, targets};

    /// The library as `lib`, and the executables, a `?` behind those that want features.
    fn made(manifest: &str, files: &str) -> String {
        let targets = targets(manifest.as_bytes(), files.split_whitespace()).unwrap();
        let library = targets.library.then(|| "lib".to_owned()).into_iter();
        let binaries = targets.binaries.iter().map(|binary| {
            format!("{}{}", binary.name, if binary.required_features.is_empty() { "" } else { "?" })
        });
        library.chain(binaries).collect::<Vec<String>>().join(" ")
    }

    #[test]
    fn a_crate_makes_what_cargo_says_it_makes() {
        let all = "src/lib.rs src/main.rs src/x.rs src/bin/x.rs src/bin/z.rs src/bin/y/main.rs src/bin/y/more.rs \
                   src/bin/empty/none.rs src/bin/.hidden.rs src/bin/t.txt src/bin/q/r/main.rs tests/a.rs";
        let new = "[package]\nname = 'p'\nversion = '1.0.0'\nedition = '2021'\n";
        let old = "[package]\nname = 'p'\nversion = '1.0.0'\n";
        let bin = "[[bin]]\nname = 'x'\npath = 'src/x.rs'\n";
        for (manifest, files, expected) in [
            (new.to_owned(), all, "lib p x y z"),
            (old.to_owned(), all, "lib p x y z"),
            (format!("{new}{bin}"), all, "lib p x y z"),
            (format!("{old}{bin}"), all, "lib x"),
            (format!("{old}autobins = true\n{bin}"), all, "lib p x y z"),
            (format!("{new}autobins = false\n{bin}[[bin]]\nname = 'p'\n"), all, "lib p x"),
            (format!("{new}autobins = false\n"), all, "lib"),
            (format!("{new}autolib = false\n"), all, "p x y z"),
            (format!("{new}autolib = false\n[lib]\nproc-macro = true\n"), all, "lib p x y z"),
            (format!("{new}[[bin]]\nname = 'renamed'\npath = 'src/main.rs'\n"), all, "lib renamed x y z"),
            (format!("{new}[[bin]]\nname = 'y'\nrequired-features = ['f']\n"), all, "lib p x y? z"),
            (format!("{new}[lib]\npath = 'a.rs'\n"), "a.rs", "lib"),
            (new.to_owned(), "src/main.rs", "p"),
            (new.to_owned(), "", ""),
        ] {
            assert_eq!(made(&manifest, files), expected, "{manifest}");
        }
        for bad in ["[broken", "", "[package]\n", "[package]\nname = 1\n"] {
            assert_eq!(targets(bad.as_bytes(), ["src/main.rs"]), None);
        }
    }

    #[test]
    fn an_executable_is_built_where_its_features_are_on() {
        let manifest = "[package]\nname = 'p'\nversion = '1.0.0'\nedition = '2021'\n\
                        [[bin]]\nname = 'cli'\nrequired-features = ['clap']\n\
                        [[bin]]\nname = 'deep'\nrequired-features = ['clap', 'tls/ring']\n\
                        [dependencies]\nclap = { version = '4', optional = true }\ntls = '1'\n\
                        [features]\nfull = ['clap', 'tls/ring']\n";
        let targets = targets(manifest.as_bytes(), ["src/main.rs"]).unwrap();
        let built = |asked: &[&str]| {
            let asked: Vec<String> = asked.iter().map(|f| (*f).to_owned()).collect();
            let enabled = enabled_features(manifest.as_bytes(), &asked, true);
            targets.built_with(&enabled).map(|binary| binary.name.clone()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(built(&[]), "p");
        assert_eq!(built(&["clap"]), "cli p");
        assert_eq!(built(&["full"]), "cli deep p");
        assert_eq!(built(&["clap", "tls/ring"]), "cli deep p");
    }

    #[test]
    fn features_follow_from_features() {
        let manifest = "[package]\nname = 'p'\n\
            [dependencies]\na = { version = '1', optional = true }\nb = { version = '1', optional = true }\nd = '1'\n\
            [target.'cfg(unix)'.build-dependencies]\nc = { version = '1', optional = true }\n\
            [features]\ndefault = ['std']\nstd = ['alloc', 'c?/std', 'd?/std']\nalloc = []\nround = ['trip']\ntrip = ['round']\n\
            use-a = ['dep:a', 'a?/std']\nuse-b = ['b/fast']\nuse-c = ['c', 'c?/x']\nodd = 1\n";
        let on = |asked: &str, default: bool| {
            let asked: Vec<String> = asked.split_whitespace().map(ToOwned::to_owned).collect();
            enabled_features(manifest.as_bytes(), &asked, default).into_iter().collect::<Vec<_>>().join(" ")
        };
        for (asked, default, expected) in [
            ("", false, ""),
            ("", true, "alloc d/std default std"),
            ("default", false, "alloc d/std default std"),
            ("round", false, "round trip"),
            ("a", false, ""),
            ("use-a", false, "a/std use-a"),
            ("use-b", false, "b b/fast use-b"),
            ("use-c std", false, "alloc c c/std c/x d/std std use-c"),
            ("c", false, "c"),
            ("nothing dep:a odd", false, "odd"),
            ("a/std", false, "a/std"),
        ] {
            assert_eq!(on(asked, default), expected, "{asked}");
        }
        assert_eq!(enabled_features(b"[broken", &["x".to_owned()], true), BTreeSet::new());
    }
}
