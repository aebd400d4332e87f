//! cargo's own records of what `cargo install` put into a root: `.crates2.json` and `.crates.toml` beside its `bin`.
//!
//! The formats are cargo's (`ops/common_for_install_and_uninstall.rs`, tried with 1.95). `.crates.toml` is the older: a
//! table `v1` from package to executables. `.crates2.json` adds how each was built. cargo writes both, and where they
//! differ it believes the older one (`CrateListingV2::sync_v1`): a package that only it has is installed, how is not
//! known; one that it does not have is gone; its executables count. So does envtool, with one difference: where
//! `.crates.toml` is absent or can't be read, `.crates2.json` counts alone, since what is asked here is what may lie in
//! `bin`, and not what cargo would do next.
//!
//! A key is `NAME VERSION (SOURCE)`; SOURCE may hold spaces, since cargo decodes the query of a git address when it reads
//! its record and does not encode it again (the branch `feat/x+y` is `feat/x y` after the next install: tried).

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde::Deserialize;
use serde_json::Value;

use crate::package::{PackageId, PackageName};

/// What the records of one root say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// What is installed, by name and version.
    pub installed: Vec<Installed>,
    /// What could not be read, each a sentence that names the file.
    pub unread: Vec<String>,
}

/// One package that cargo installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its name and version.
    pub package: PackageId,
    /// Where it came from.
    pub source: Origin,
    /// The names of its executables, as they lie in `bin` (`.exe` included on Windows).
    pub bins: Vec<String>,
    /// How it was built; `None` where only `.crates.toml` knows it.
    pub build: Option<Build>,
}

impl Installed {
    /// The names by which it is known: its own, and those of its executables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let bins = self.bins.iter().map(|bin| bin.strip_suffix(".exe").unwrap_or(bin));
        bins.chain([self.package.name.as_str()])
    }
}

/// How a package was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The features that were asked for.
    pub features: Vec<String>,
    /// Whether the default features were left on.
    pub default_features: bool,
    /// Whether all features were asked for.
    pub all_features: bool,
    /// The profile, such as `release`.
    pub profile: Option<String>,
    /// The platform that it was built for.
    pub target: Option<String>,
    /// What `rustc -vV` said (old cargos: `rustc -V`).
    pub rustc: Option<String>,
    /// The version that was asked for, as cargo read it: `=0.16.0`.
    pub version_req: Option<String>,
}

/// Where an installed package came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// crates.io, by whichever protocol.
    CratesIo,
    /// Another registry, by the address of its index (`sparse+` before a sparse one).
    Registry(String),
    /// A git repository.
    Git {
        /// Its address, without what was asked of it.
        url: String,
        /// The commit that was built; `None` in records of old cargos.
        commit: Option<String>,
    },
    /// A folder.
    Path(String),
    /// A kind of source that no cargo had until now, as the record writes it.
    Other(String),
}

impl Origin {
    fn parse(text: &str) -> Self {
        if let Some(url) = text.strip_prefix("registry+") {
            return if url == tame_index::CRATES_IO_INDEX {
                Self::CratesIo
            } else {
                Self::Registry(url.to_owned())
            };
        }
        if text.starts_with("sparse+") {
            let is_crates_io = text == tame_index::CRATES_IO_HTTP_INDEX;
            return if is_crates_io { Self::CratesIo } else { Self::Registry(text.to_owned()) };
        }
        if let Some(address) = text.strip_prefix("git+") {
            let (address, commit) = match address.rsplit_once('#') {
                Some((address, commit)) => (address, Some(commit.to_owned())),
                None => (address, None),
            };
            let url = address.split_once('?').map_or(address, |(url, _)| url);
            return Self::Git { url: url.to_owned(), commit };
        }
        match text.strip_prefix("path+") {
            Some(path) => Self::Path(path.strip_prefix("file://").unwrap_or(path).to_owned()),
            None => Self::Other(text.to_owned()),
        }
    }
}

#[derive(Deserialize)]
struct RawInfo {
    #[serde(default)]
    bins: Vec<String>,
    #[serde(default)]
    features: Vec<String>,
    #[serde(default)]
    all_features: bool,
    #[serde(default)]
    no_default_features: bool,
    profile: Option<String>,
    target: Option<String>,
    rustc: Option<String>,
    version_req: Option<String>,
}

/// A key that names a package, and what a record has for it.
type Listing<T> = BTreeMap<String, T>;

/// From a text and the name of its file to what it lists; entries that can't be read go to the last argument.
type Reading<T> = fn(&str, &str, &mut Vec<String>) -> Result<Listing<T>, String>;

/// Reads the texts of `.crates2.json` and of `.crates.toml`; `None` where a file is absent. `root` is how messages name
/// their folder. An entry that can't be read costs itself and no other.
pub fn parse(crates2: Option<&str>, crates: Option<&str>, root: &str) -> Records {
    let mut records = Records::default();
    let newer = crates2.and_then(|text| {
        let name = format!("{root}/.crates2.json");
        read(text, &name, newer_listing, &mut records.unread)
    });
    let older = crates.and_then(|text| {
        let name = format!("{root}/.crates.toml");
        read(text, &name, older_listing, &mut records.unread)
    });
    for (key, (bins, build)) in merged(newer, older) {
        // These names become paths: what is none of a file would lead out of `bin`.
        if let Some(bad) = bins.iter().find(|bin| !is_file_name(bin)) {
            records.unread.push(format!(
                "{root}: the records of cargo install name the executable {bad:?} of {key:?}, which is no file's name"
            ));
            continue;
        }
        match key_of(&key) {
            Some((package, source)) => {
                records.installed.push(Installed { package, source, bins, build });
            }
            None => records.unread.push(format!(
                "{root}: the records of cargo install name {key:?}, which is not NAME VERSION (SOURCE)"
            )),
        }
    }
    records.installed.sort_by(|a, b| (&a.package, &a.source).cmp(&(&b.package, &b.source)));
    records
}

fn is_file_name(name: &str) -> bool {
    !name.is_empty() && ![".", ".."].contains(&name) && !name.contains(['/', '\\', '\0', ':'])
}

/// Reads a file; one that is empty says nothing, as in cargo.
fn read<T>(text: &str, name: &str, listing: Reading<T>, unread: &mut Vec<String>) -> Option<Listing<T>> {
    if text.is_empty() {
        return Some(Listing::new());
    }
    listing(text, name, unread).map_err(|why| unread.push(format!("could not read {name}: {why}"))).ok()
}

fn newer_listing(text: &str, name: &str, unread: &mut Vec<String>) -> Result<Listing<RawInfo>, String> {
    let root: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let installs = root.get("installs").and_then(Value::as_object).ok_or("it has no table `installs`")?;
    let mut listing = Listing::new();
    for (key, info) in installs {
        match RawInfo::deserialize(info) {
            Ok(info) => {
                listing.insert(key.clone(), info);
            }
            Err(error) => unread.push(format!("could not read {name}: {key:?}: {error}")),
        }
    }
    Ok(listing)
}

fn older_listing(text: &str, name: &str, unread: &mut Vec<String>) -> Result<Listing<Vec<String>>, String> {
    let root: toml::Table = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let table = root.get("v1").and_then(toml::Value::as_table).ok_or("it has no table `v1`")?;
    let mut listing = Listing::new();
    for (key, bins) in table {
        match bins.clone().try_into::<Vec<String>>() {
            Ok(bins) => {
                listing.insert(key.clone(), bins);
            }
            Err(error) => unread.push(format!("could not read {name}: {key:?}: {}", error.message())),
        }
    }
    Ok(listing)
}

/// Both records as one, as cargo joins them.
fn merged(
    newer: Option<Listing<RawInfo>>,
    older: Option<Listing<Vec<String>>>,
) -> Listing<(Vec<String>, Option<Build>)> {
    let mut newer = newer.unwrap_or_default();
    let sorted = |mut bins: Vec<String>| {
        bins.sort();
        bins.dedup();
        bins
    };
    let Some(older) = older else {
        let alone = newer.into_iter().map(|(key, mut info)| {
            let bins = std::mem::take(&mut info.bins);
            (key, (sorted(bins), Some(build(info))))
        });
        return alone.collect();
    };
    let both = older.into_iter().map(|(key, bins)| {
        let build = newer.remove(&key).map(build);
        (key, (sorted(bins), build))
    });
    both.collect()
}

fn build(info: RawInfo) -> Build {
    Build {
        features: info.features,
        default_features: !info.no_default_features,
        all_features: info.all_features,
        profile: info.profile,
        target: info.target,
        rustc: info.rustc,
        version_req: info.version_req,
    }
}

/// `NAME VERSION (SOURCE)`.
fn key_of(key: &str) -> Option<(PackageId, Origin)> {
    let mut parts = key.splitn(3, ' ');
    let name: PackageName = parts.next()?.parse().ok()?;
    let version: Version = parts.next()?.parse().ok()?;
    let source = parts.next()?.strip_prefix('(')?.strip_suffix(')')?;
    Some((PackageId { name, version }, Origin::parse(source)))
}

/// The text of `.crates2.json` without these packages; `None` where it can't be read, or has none of them.
pub fn without(text: &str, gone: &BTreeSet<(PackageId, Origin)>) -> Option<String> {
    let mut root: Value = serde_json::from_str(text).ok()?;
    let installs = root.get_mut("installs")?.as_object_mut()?;
    let before = installs.len();
    installs.retain(|key, _| key_of(key).is_none_or(|key| !gone.contains(&key)));
    (installs.len() < before).then(|| root.to_string())
}

/// The same for `.crates.toml`.
pub fn without_in_old(text: &str, gone: &BTreeSet<(PackageId, Origin)>) -> Option<String> {
    let mut root: toml_edit::DocumentMut = text.parse().ok()?;
    let table = root.get_mut("v1")?.as_table_like_mut()?;
    let is_gone = |key: &&str| key_of(key).is_some_and(|key| gone.contains(&key));
    let keys: Vec<String> = table.iter().map(|(key, _)| key).filter(is_gone).map(str::to_owned).collect();
    for key in &keys {
        table.remove(key);
    }
    (!keys.is_empty()).then(|| root.to_string())
}

#[cfg(test)]
mod tests {
    use super::{Origin, Records, parse, without, without_in_old};

    const RUSTC: &str =
        "rustc 1.95.0 (59807616e 2026-04-14)\\nbinary: rustc\\nhost: x86_64-unknown-linux-gnu\\n";

    /// Written by cargo 1.95: `--path … --features b --no-default-features`, `--git … --branch feat/x+y --debug`,
    /// `hexyl@0.16.0`. Folders are made up, and the lines of rustc fewer.
    fn newer() -> String {
        let rest = format!(r#""target":"x86_64-unknown-linux-gnu","rustc":"{RUSTC}""#);
        format!(
            r#"{{"installs":{{"git-tool 0.3.1 (git+file:///srv/g1?branch=feat/x y#889d7506662b87c32d5d32e7756f0f6109b04be4)":{{"version_req":null,"bins":["gtiny","gtiny-two"],"features":[],"all_features":false,"no_default_features":false,"profile":"dev",{rest}}},"hexyl 0.16.0 (registry+{})":{{"version_req":"=0.16.0","bins":["hexyl"],"features":[],"all_features":false,"no_default_features":false,"profile":"release",{rest}}},"tiny-tool 0.3.1 (path+file:///srv/p1)":{{"version_req":null,"bins":["tiny","tiny-two"],"features":["b"],"all_features":false,"no_default_features":true,"profile":"release",{rest}}}}}}}"#,
            tame_index::CRATES_IO_INDEX
        )
    }

    fn older() -> String {
        format!(
            "[v1]\n\"git-tool 0.3.1 (git+file:///srv/g1?branch=feat/x y#889d7506662b87c32d5d32e7756f0f6109b04be4)\" = [\n    \"gtiny\",\n    \"gtiny-two\",\n]\n\"hexyl 0.16.0 (registry+{})\" = [\"hexyl\"]\n\"tiny-tool 0.3.1 (path+file:///srv/p1)\" = [\n    \"tiny\",\n    \"tiny-two\",\n]\n",
            tame_index::CRATES_IO_INDEX
        )
    }

    fn names(records: &Records) -> Vec<String> {
        records.installed.iter().map(|one| format!("{} {:?}", one.package, one.bins)).collect()
    }

    #[test]
    fn what_cargo_wrote_is_read() {
        let records = parse(Some(&newer()), Some(&older()), "/r");
        assert_eq!(records.unread, Vec::<String>::new());
        let [git, hexyl, tiny] = records.installed.as_slice() else { panic!("{records:?}") };
        let commit = Some("889d7506662b87c32d5d32e7756f0f6109b04be4".to_owned());
        assert_eq!(git.source, Origin::Git { url: "file:///srv/g1".to_owned(), commit });
        assert_eq!(git.bins, ["gtiny", "gtiny-two"]);
        assert_eq!(hexyl.source, Origin::CratesIo);
        assert_eq!(tiny.source, Origin::Path("/srv/p1".to_owned()));
        let build = tiny.build.as_ref().unwrap();
        assert_eq!(build.features, ["b"]);
        assert!(!build.default_features && !build.all_features);
        assert_eq!(git.build.as_ref().unwrap().profile.as_deref(), Some("dev"));
        let build = hexyl.build.as_ref().unwrap();
        assert!(build.default_features);
        assert_eq!(build.version_req.as_deref(), Some("=0.16.0"));
        assert_eq!(build.target.as_deref(), Some("x86_64-unknown-linux-gnu"));
        assert!(build.rustc.as_ref().unwrap().starts_with("rustc 1.95.0 "));
        assert_eq!(parse(Some(&newer()), None, "/r"), records, "the newer record alone says the same");
        let alone = parse(None, Some(&older()), "/r");
        assert_eq!(names(&alone), names(&records));
        assert!(alone.installed.iter().all(|one| one.build.is_none()));
    }

    #[test]
    fn where_the_records_differ_the_older_counts() {
        let older = "[v1]\n\"tiny-tool 0.3.1 (path+file:///srv/p1)\" = [\"tiny\"]\n\"new 1.0.0 (sparse+http://r.test/)\" = [\"new\"]\n";
        let records = parse(Some(&newer()), Some(older), "/r");
        assert_eq!(names(&records), [r#"new 1.0.0 ["new"]"#, r#"tiny-tool 0.3.1 ["tiny"]"#]);
        assert_eq!(records.installed[0].source, Origin::Registry("sparse+http://r.test/".to_owned()));
        assert!(records.installed[0].build.is_none() && records.installed[1].build.is_some());
        assert!(
            parse(Some(&newer()), Some(""), "/r").installed.is_empty(),
            "an empty file is an empty record"
        );
    }

    #[test]
    fn a_bad_entry_costs_itself_and_a_bad_file_the_other_does_not() {
        let text = r#"{"installs":{"a 1.0.0 (path+file:///a)":{"bins":["a"]},"b":{"bins":[]},"c x (y)":{"bins":[]},
            "../d 1.0.0 (path+file:///d)":{"bins":[]},"e 1.0.0 (path+file:///e)":{"bins":3},"f 1.0.0 (new+thing)":{}},"other":1}"#;
        let records = parse(Some(text), None, "/r");
        assert_eq!(names(&records), [r#"a 1.0.0 ["a"]"#, "f 1.0.0 []"]);
        assert_eq!(records.installed[1].source, Origin::Other("new+thing".to_owned()));
        assert_eq!(records.unread.len(), 4, "{:?}", records.unread);
        assert!(records.unread.iter().all(|why| why.contains("/r")));

        for bad in ["{", "[]", "{}", "\0", "{\"installs\":[]}"] {
            let records = parse(Some(bad), Some(&older()), "/r");
            assert_eq!((records.installed.len(), records.unread.len()), (3, 1), "{bad}");
        }
        for bad in ["[v1", "x = 1", "v1 = 3", "\0"] {
            let records = parse(Some(&newer()), Some(bad), "/r");
            assert_eq!((records.installed.len(), records.unread.len()), (3, 1), "{bad}");
        }
        assert_eq!(parse(None, None, "/r"), Records::default());
    }

    #[test]
    fn an_executable_that_is_a_path_costs_its_package() {
        for name in ["/home/me/notes", "../../x", "a/b", "..", "", "C:x", "a\\b"] {
            let new = newer().replace("\"hexyl\"]", &format!("\"hexyl\",{name:?}]"));
            assert_ne!(new, newer());
            let records = parse(Some(&new), None, "/r");
            assert!(records.installed.iter().all(|tool| tool.package.name.as_str() != "hexyl"), "{name}");
            assert_eq!((records.installed.len(), records.unread.len()), (2, 1), "{records:?}");
        }
    }

    #[test]
    fn every_cut_of_a_record_is_read_or_reported() {
        for text in [newer(), older()] {
            for end in 1..text.len() {
                let cut = &text[..end];
                let json = parse(Some(cut), None, "/r");
                let toml = parse(None, Some(cut), "/r");
                assert!(json.installed.is_empty() && !json.unread.is_empty(), "{cut}");
                assert!(toml.installed.len() <= 3);
            }
        }
    }

    #[test]
    fn what_is_forgotten_goes_from_both_and_nothing_else() {
        let records = parse(Some(&newer()), Some(&older()), "/r");
        let [git, hexyl, tiny] = records.installed.as_slice() else { panic!("{records:?}") };
        let key = |one: &super::Installed| (one.package.clone(), one.source.clone());
        let gone = [key(hexyl), key(git)].into();
        let (new, old) = (without(&newer(), &gone).unwrap(), without_in_old(&older(), &gone).unwrap());
        assert_eq!(parse(Some(&new), Some(&old), "/r").installed, std::slice::from_ref(tiny));
        assert!(newer().contains(new.trim_start_matches("{\"installs\":{")), "{new}");
        assert!(older().contains(old.trim_start_matches("[v1]\n")), "{old}");
        // Of another source it is another package.
        let other = [(hexyl.package.clone(), tiny.source.clone())].into();
        assert_eq!((without(&newer(), &other), without_in_old(&older(), &other)), (None, None));
        assert_eq!((without("{", &gone), without_in_old("[", &gone)), (None, None));
        let all = [key(git), key(hexyl), key(tiny)].into();
        assert_eq!(without(&newer(), &all).unwrap(), "{\"installs\":{}}");
        assert_eq!(without_in_old(&older(), &all).unwrap(), "[v1]\n");
    }

    #[test]
    fn sources_of_all_kinds() {
        for (text, wanted) in [
            (format!("registry+{}", tame_index::CRATES_IO_INDEX), Origin::CratesIo),
            (tame_index::CRATES_IO_HTTP_INDEX.to_owned(), Origin::CratesIo),
            ("registry+https://r.test/index".to_owned(), Origin::Registry("https://r.test/index".to_owned())),
            (
                "git+https://g.test/x?rev=a%2Fb#0123".to_owned(),
                Origin::Git { url: "https://g.test/x".to_owned(), commit: Some("0123".to_owned()) },
            ),
            (
                "git+https://g.test/x".to_owned(),
                Origin::Git { url: "https://g.test/x".to_owned(), commit: None },
            ),
            ("path+file:///C:/x y".to_owned(), Origin::Path("/C:/x y".to_owned())),
        ] {
            assert_eq!(Origin::parse(&text), wanted, "{text}");
        }
    }
}
