//! Every release in an answer of a sparse index (cargo reference, "Registry Index", "Index Format").
//!
//! A row is one line of JSON. cargo passes over a row that it cannot read, and over one whose format (`v`) is newer
//! than 2, so that old cargos go on with new indexes; envtool hands pins to cargo and does the same. tame-index reads
//! these rows too, but fails on the first that is odd, and does not show `v`.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use semver::Version;
use serde::Deserialize;

use super::cargo::senseless;
use crate::digest::Digest;
use crate::fault::Result;
use crate::package::PackageName;

/// The newest format of a row that cargo 1.95 reads.
const NEWEST_FORMAT: u32 = 2;

/// One release of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its version.
    pub version: Version,
    /// The SHA-256 of its archive.
    pub checksum: Digest,
    /// Whether it was taken back: nobody is to choose it anew.
    pub yanked: bool,
    /// The Rust that it needs. What was left out of `1.70` is 0.
    pub rust_version: Option<Version>,
    /// The names of its features, those of optional dependencies that no feature names by `dep:` included.
    pub features: BTreeSet<String>,
    /// When it was published, where the registry says so (`pubtime`, as RFC 3339 writes a time).
    pub published: Option<String>,
}

/// As much of a row as says what it is about.
#[derive(Deserialize)]
struct Head {
    name: String,
    v: Option<u32>,
}

#[derive(Deserialize)]
struct Row {
    vers: Version,
    cksum: String,
    #[serde(default)]
    deps: Vec<Dependency>,
    #[serde(default)]
    features: BTreeMap<String, Vec<String>>,
    features2: Option<BTreeMap<String, Vec<String>>>,
    yanked: Option<bool>,
    rust_version: Option<String>,
    /// Whatever stands there: an odd time is no reason to pass over a release.
    pubtime: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    #[serde(default)]
    optional: bool,
}

/// The releases in an index's answer about `asked`, in its order, and the name as the registry spells it: an index may
/// find `serde_json` under `Serde-JSON`, and cargo takes only the former in the end.
pub fn releases(rows: &[u8], asked: &PackageName) -> Result<(PackageName, Vec<Release>)> {
    let mut name: Option<PackageName> = None;
    let (mut found, mut versions): (Vec<Release>, HashSet<Version>) = Default::default();
    for line in rows.split(|byte| *byte == b'\n') {
        let Ok(head) = serde_json::from_slice::<Head>(line) else { continue };
        let about = match head.name.parse::<PackageName>() {
            Ok(about) if is_same(&about, asked) => about,
            _ => return Err(senseless(asked, about_another(&head.name))),
        };
        name.get_or_insert(about);
        if head.v.is_some_and(|format| format > NEWEST_FORMAT) {
            continue;
        }
        let release = serde_json::from_slice::<Row>(line).ok().and_then(Row::read);
        if let Some(release) = release.filter(|new| versions.insert(new.version.clone())) {
            found.push(release);
        }
    }
    match name {
        Some(name) => Ok((name, found)),
        None => Err(senseless(asked, "it has no row that can be read".to_owned())),
    }
}

/// What is wrong with an answer about `name`.
pub(super) fn about_another(name: &str) -> String {
    let shown: String = name.chars().take(60).collect();
    format!("it is about {shown:?}")
}

/// Whether two spellings are one name to a registry.
fn is_same(one: &PackageName, other: &PackageName) -> bool {
    let plain = |name: &PackageName| name.as_str().to_lowercase().replace('-', "_");
    plain(one) == plain(other)
}

impl Row {
    fn read(self) -> Option<Release> {
        let rust_version = match &self.rust_version {
            Some(text) => Some(rust_version(text)?),
            None => None,
        };
        Some(Release {
            checksum: self.cksum.to_ascii_lowercase().parse().ok()?,
            yanked: self.yanked.unwrap_or(false),
            rust_version,
            features: self.feature_names(),
            published: self.pubtime.as_ref().and_then(|time| time.as_str()).map(str::to_owned),
            version: self.vers,
        })
    }

    fn feature_names(&self) -> BTreeSet<String> {
        let tables = || std::iter::once(&self.features).chain(&self.features2).flatten();
        let hidden: BTreeSet<&str> =
            tables().flat_map(|(_, values)| values).filter_map(|value| value.strip_prefix("dep:")).collect();
        let implicit = self
            .deps
            .iter()
            .filter(|dependency| dependency.optional && !hidden.contains(dependency.name.as_str()))
            .map(|dependency| &dependency.name);
        let names = tables().map(|(name, _)| name).chain(implicit);
        names.filter(|name| is_feature(name)).cloned().collect()
    }
}

/// Whether cargo takes `text` as the name of a feature (cargo reference, "The `[features]` section"). The others are
/// left out, as nobody can ask for them.
fn is_feature(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_+.".contains(c))
}

/// A `rust-version`: `1.70` or `1.70.0` (cargo reference, "The `rust-version` field").
pub fn rust_version(text: &str) -> Option<Version> {
    let mut parts = text.split('.').map(|part| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<u64>().ok()).flatten()
    });
    let mut next = || parts.next().unwrap_or(Some(0));
    let version = Version::new(next()?, next()?, next()?);
    parts.next().is_none().then_some(version)
}

/// Releases, as tests write them: `1.0.0`, `!1.0.0` for a yanked one, `1.0.0/1.80` for one that needs a Rust.
#[cfg(test)]
pub(crate) fn written(text: &str) -> Vec<Release> {
    let release = |word: &str| {
        let (version, rust) = word.split_once('/').unwrap_or((word, ""));
        Release {
            version: version.trim_start_matches('!').parse().unwrap(),
            checksum: Digest::of(b""),
            yanked: version.starts_with('!'),
            rust_version: rust_version(rust),
            features: BTreeSet::new(),
            published: None,
        }
    };
    text.split_whitespace().map(release).collect()
}

#[cfg(test)]
mod tests {
    use super::{Release, releases, rust_version};
    use crate::digest::Digest;
    use crate::package::PackageName;

    fn row(name: &str, version: &str, more: &str) -> String {
        format!(
            "{{\"name\":\"{name}\",\"vers\":\"{version}\",\"deps\":[],\"cksum\":\"{}\",\"features\":{{}},\"yanked\":false{more}}}\n",
            Digest::of(b"")
        )
    }

    fn read(rows: &str, asked: &str) -> (PackageName, Vec<Release>) {
        releases(rows.as_bytes(), &asked.parse().unwrap()).unwrap()
    }

    #[test]
    fn rows_that_cargo_passes_over_are_passed_over() {
        let rows = row("a", "1.0.0", ",\"v\":2")
            + "not json\n\n{}\n"
            + &row("a", "banana", "")
            + &row("a", "1.1.0", ",\"v\":3")
            + &row("a", "1.2.0", ",\"rust_version\":\"^1\"")
            + &row("a", "1.3.0", ",\"vv\":[{}]").replace("\"deps\":[]", "\"deps\":[{\"name\":1}]")
            + &row("a", "1.4.0", "").replace("\"cksum\":\"e", "\"cksum\":\"x")
            + &row("a", "1.0.0", ",\"v\":1")
            + row("a", "1.5.0", ",\"rust_version\":\"1.70\",\"links\":null,\"pubtime\":\"x\"").trim_end();
        let (name, found) = read(&rows, "a");
        let versions: Vec<String> = found.iter().map(|release| release.version.to_string()).collect();
        assert_eq!((name.as_str(), versions.join(" ").as_str()), ("a", "1.0.0 1.5.0"));
        assert_eq!(found[0].checksum, Digest::of(b""));
        assert_eq!(found[1].rust_version, Some("1.70.0".parse().unwrap()));
        let (_, found) = read(&row("a", "1.0.0", "").replace("false", "true"), "a");
        assert!(found[0].yanked);
        assert!(!read(&row("a", "1.0.0", "").replace("false", "null"), "a").1[0].yanked);
        assert_eq!(read(&row("a", "1.0.0", ",\"v\":9"), "a").1, []);
    }

    #[test]
    fn an_answer_of_many_releases_is_read_in_a_while() {
        const MANY: u64 = 100_000;
        let rows: String = (0..MANY).map(|at| row("a", &format!("{at}.0.0"), "")).collect();
        let since = std::time::Instant::now();
        assert_eq!(read(&rows, "a").1.len() as u64, MANY);
        // One by one compared with all before it takes minutes.
        assert!(since.elapsed() < std::time::Duration::from_secs(30), "{:?}", since.elapsed());
    }

    #[test]
    fn the_name_is_the_registrys_and_another_package_is_refused() {
        for asked in ["serde_json", "Serde-JSON", "serde-json", "SERDE_json"] {
            assert_eq!(read(&row("serde_json", "1.0.0", ""), asked).0.as_str(), "serde_json");
        }
        let asked = "a".parse().unwrap();
        for (rows, why) in [
            (row("b", "1.0.0", ""), "it is about \"b\""),
            (row("a", "1.0.0", "") + &row("b", "1.0.0", ""), "it is about \"b\""),
            (row("../a", "1.0.0", ""), "it is about \"../a\""),
            (row("a\\u001b[31m", "1.0.0", ""), "it is about \"a\\u{1b}[31m\""),
            (String::new(), "no row"),
            ("<html>".to_owned(), "no row"),
            ("{}".to_owned(), "no row"),
        ] {
            let fault = releases(rows.as_bytes(), &asked).unwrap_err().to_string();
            assert!(fault.contains(why) && fault.contains("makes no sense"), "{fault}");
        }
        assert!(releases(b"\xff\xfe{\"name\":\"a\"}", &asked).is_err());
    }

    #[test]
    fn features_are_those_that_can_be_asked_for() {
        let text =
            row("a", "1.0.0", ",\"features2\":{\"json\":[\"dep:serde_json\",\"std\"],\"x\":[\"y?/z\"]}")
                .replace(
                    "\"deps\":[]",
                    "\"deps\":[{\"name\":\"serde_json\",\"optional\":true,\"kind\":\"normal\"},\
                 {\"name\":\"rayon\",\"optional\":true,\"req\":\"1\",\"package\":\"other\"},\
                 {\"name\":\"itoa\",\"optional\":false},{\"name\":\"y\",\"optional\":true}]",
                )
                .replace("\"features\":{}", "\"features\":{\"default\":[\"std\"],\"std\":[],\"a\\nb\":[]}");
        let (_, found) = read(&text, "a");
        let features: Vec<&str> = found[0].features.iter().map(String::as_str).collect();
        assert_eq!(features, ["default", "json", "rayon", "std", "x", "y"]);
    }

    #[test]
    fn a_rust_version_may_be_short() {
        for (text, version) in [("1", "1.0.0"), ("1.70", "1.70.0"), ("1.70.1", "1.70.1")] {
            assert_eq!(rust_version(text), version.parse().ok(), "{text}");
        }
        for bad in ["", "1.", "1.70.0.0", "^1", "1.70-nightly", "1.x", " 1", "+1"] {
            assert_eq!(rust_version(bad), None, "{bad}");
        }
    }
}
