//! `Cargo.lock`, read: versions 1 to 4 (cargo reference, "The Cargo.lock file"; cargo's `core/resolver/encode.rs`).
//!
//! Ours and not the crate `cargo-lock`: a git branch such as `feat/x+y` stands as it is in version 3 and
//! percent-encoded in version 4, and the replacement of a git source needs it exactly as cargo writes it in a manifest.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write as _};

use semver::Version;
use serde::Deserialize;

use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::layout::VENDOR;
use crate::package::{GitReference, PackageId, PackageName};

/// The newest version of the format that is read.
pub const NEWEST: u32 = 4;

/// What a Cargo.lock says.
#[derive(Debug, PartialEq, Eq)]
pub struct CargoLock {
    /// Its packages, as they stand in the file.
    pub packages: Vec<LockedPackage>,
}

/// One package of a Cargo.lock.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct LockedPackage {
    /// Its name and version.
    pub id: PackageId,
    /// Where it comes from; `None` for a package of the workspace or a path dependency.
    pub source: Option<Source>,
    /// The SHA-256 of its archive, for a registry's package.
    pub checksum: Option<Digest>,
    /// What it depends on, as the lock writes it: `name`, `name version` or `name version (source)`.
    dependencies: Vec<String>,
}

impl LockedPackage {
    /// A package of which no more is known.
    pub fn new(id: PackageId, source: Source, checksum: Option<Digest>) -> Self {
        Self { id, source: Some(source), checksum, dependencies: Vec::new() }
    }
}

/// Where a package comes from.
#[derive(Debug, PartialEq, Eq, Clone, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A registry, by the address of its index as cargo's config writes it (`sparse+` before a sparse one).
    Registry(String),
    /// A git repository.
    Git {
        /// Its address.
        url: String,
        /// What the manifest asks of it.
        reference: GitReference,
        /// The commit that is locked, 40 hexadecimal digits.
        commit: String,
    },
}

/// The address by which a lock names crates.io, whichever protocol was used.
pub fn crates_io() -> Source {
    Source::Registry(tame_index::CRATES_IO_INDEX.to_owned())
}

impl Source {
    /// Reads the `source` of a row. `encoded` says whether git references are percent-encoded (version 4 on).
    fn parse(text: &str, encoded: bool) -> Option<Self> {
        if let Some(url) = text.strip_prefix("registry+") {
            return Some(Self::Registry(url.to_owned()));
        }
        if text.starts_with("sparse+") {
            return Some(Self::Registry(text.to_owned()));
        }
        let (address, commit) = text.strip_prefix("git+")?.split_once('#')?;
        if !is_commit(commit) {
            return None;
        }
        let (url, query) = address.split_once('?').unwrap_or((address, ""));
        let reference = match git_query(query, encoded) {
            None if query.is_empty() => GitReference::Default,
            None => return None,
            Some((key, value)) => reference(&key, &value)?,
        };
        Some(Self::Git { url: url.to_owned(), reference, commit: commit.to_owned() })
    }

    /// The `source` of a row: what [`Source::parse`] reads.
    fn written(&self, encoded: bool) -> String {
        match self {
            Self::Registry(url) if url.starts_with("sparse+") => url.clone(),
            Self::Registry(url) => format!("registry+{url}"),
            Self::Git { url, reference, commit } => {
                let query = reference.key_value().map(|(key, value)| match encoded {
                    true => format!(
                        "?{}",
                        form_urlencoded::Serializer::new(String::new()).append_pair(key, value).finish()
                    ),
                    false => format!("?{key}={value}"),
                });
                format!("git+{url}{}#{commit}", query.unwrap_or_default())
            }
        }
    }

    /// The source that is shown so (its `Display`), `commit` being the whole of a git source's commit.
    pub fn from_shown(text: &str, commit: Option<&str>) -> Option<Self> {
        if let Some(url) = text.strip_prefix("registry ") {
            return Some(Self::Registry(url.to_owned()));
        }
        let Some(text) = text.strip_prefix("git ") else {
            return (text == crates_io().to_string()).then(crates_io);
        };
        let commit = commit.filter(|commit| is_commit(commit))?;
        let (text, _) = text.rsplit_once(" at ")?;
        let asked = text.strip_suffix(')').and_then(|text| text.rsplit_once(" ("));
        let (url, reference) = match asked {
            None => (text, GitReference::Default),
            Some((url, asked)) => {
                (url, asked.split_once(' ').and_then(|(key, value)| reference(key, value))?)
            }
        };
        Some(Self::Git { url: url.to_owned(), reference, commit: commit.to_owned() })
    }

    /// Whether this is crates.io.
    pub fn is_crates_io(&self) -> bool {
        matches!(self, Self::Registry(url) if url == tame_index::CRATES_IO_INDEX || url == tame_index::CRATES_IO_HTTP_INDEX)
    }

    /// The folder of an environment that replaces this source: `vendor` for crates.io, else `vendor-` and the last
    /// word of the address with eight digits of the digest of address and reference. The commit is no part of it:
    /// cargo's replacement does not know it.
    pub fn folder(&self) -> String {
        if self.is_crates_io() {
            return VENDOR.to_owned();
        }
        let (url, reference) = match self {
            Self::Registry(url) => (url, String::new()),
            Self::Git { url, reference, .. } => (url, format!("{reference:?}")),
        };
        let word = url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let word = word.trim_end_matches(".git");
        let word: String = word.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
        let word = if word.is_empty() { "source" } else { &word };
        format!("{VENDOR}-{word}-{}", Digest::of(format!("{url}\0{reference}").as_bytes()).short(8))
    }
}

impl fmt::Display for Source {
    /// For people: `crates.io`, the address of a registry, or `git URL (branch X) at 12345678`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            _ if self.is_crates_io() => f.write_str("crates.io"),
            Self::Registry(url) => write!(f, "registry {url}"),
            Self::Git { url, reference, commit } => {
                write!(f, "git {url}")?;
                if let Some((key, value)) = reference.key_value() {
                    write!(f, " ({key} {value})")?;
                }
                write!(f, " at {}", commit.get(..8).unwrap_or(commit))
            }
        }
    }
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn reference(key: &str, value: &str) -> Option<GitReference> {
    let value = value.to_owned();
    match key {
        "branch" => Some(GitReference::Branch(value)),
        "tag" => Some(GitReference::Tag(value)),
        "rev" | "ref" => Some(GitReference::Rev(value)),
        _ => None,
    }
}

/// The key and value of a git source's query; from version 4 on cargo encodes it as a form.
fn git_query(query: &str, encoded: bool) -> Option<(String, String)> {
    if encoded {
        return form_urlencoded::parse(query.as_bytes()).into_owned().next();
    }
    query.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()))
}

#[derive(Deserialize)]
struct RawLock {
    version: Option<u32>,
    #[serde(default)]
    package: Vec<RawPackage>,
    root: Option<RawPackage>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct RawPackage {
    name: PackageName,
    version: Version,
    source: Option<String>,
    checksum: Option<Digest>,
    #[serde(default)]
    dependencies: Vec<String>,
}

/// The text of a lock, which is UTF-8. `name` is how errors name the file.
pub fn text_of<'b>(bytes: &'b [u8], name: &str) -> Result<&'b str> {
    std::str::from_utf8(bytes).map_err(|error| {
        Fault::new(format!("could not read {name}")).because(&error).help(format!(
            "`envtool doctor --fix` rebuilds it from what is installed; or restore it with `git checkout {name}`"
        ))
    })
}

impl CargoLock {
    /// Reads a Cargo.lock. `name` is how errors name the file.
    pub fn read(bytes: &[u8], name: &str) -> Result<Self> {
        Self::parse(text_of(bytes, name)?, name)
    }

    /// Reads the text of a Cargo.lock. `name` is how errors name the file.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let bad = |why: String| Fault::new(format!("could not read {name}")).why(why);
        if let Some(line) = conflict_line(text) {
            return Err(bad(format!("line {line} is a mark of a merge conflict")).help(format!(
                "`envtool doctor --fix` rebuilds it from what is installed; or take one side (`git checkout --theirs {name}`), then run `envtool sync`, which completes it"
            )));
        }
        let raw: RawLock = toml::from_str(text).map_err(|error| {
            bad(error.to_string().trim_end().to_owned()).help(format!(
                "`envtool doctor --fix` rebuilds it from what is installed; or restore it with `git checkout {name}`"
            ))
        })?;
        let version = raw.version.unwrap_or(1);
        if version > NEWEST {
            return Err(bad(format!("it is of version {version}, and this envtool reads up to {NEWEST}"))
                .help("install a newer envtool"));
        }
        let packages = raw
            .package
            .into_iter()
            .chain(raw.root)
            .map(|row| {
                locked(row, version, &raw.metadata)
                    .map_err(|why| bad(why).help(format!("`envtool doctor --fix` rebuilds it from what is installed; or restore it with `git checkout {name}`")))
            })
            .collect::<Result<Vec<_>>>()?;
        if packages.is_empty() {
            // cargo always writes the project's own package: nothing at all is a file that was cut off.
            return Err(bad("it names no package, not even the project's own".to_owned()).help(format!(
                "`envtool doctor --fix` rebuilds it from what is installed; or restore it with `git checkout {name}`"
            )));
        }
        Ok(Self { packages })
    }

    /// The packages that an environment holds: those with a source.
    pub fn external(&self) -> impl Iterator<Item = (&LockedPackage, &Source)> {
        self.packages.iter().filter_map(|package| Some((package, package.source.as_ref()?)))
    }

    /// What each of the packages depends on: places in `packages`, in the same order. All at once, since a lock that a
    /// stranger sent may have 100,000 of them.
    pub fn dependencies(&self) -> Vec<Vec<usize>> {
        let mut known: HashMap<(&str, Option<String>), Vec<usize>> = HashMap::new();
        for (at, LockedPackage { id, .. }) in self.packages.iter().enumerate() {
            for version in [None, Some(id.version.to_string())] {
                known.entry((id.name.as_str(), version)).or_default().push(at);
            }
        }
        let find = |dependency: &String| {
            let mut words = dependency.splitn(3, ' ');
            let named = (words.next()?, words.next().map(str::to_owned));
            let source = words.next().map(|s| s.trim_start_matches('(').trim_end_matches(')'));
            known.get(&named)?.iter().copied().find(|at| {
                let found = self.packages[*at].source.as_ref();
                source.is_none_or(|text| found.is_some_and(|found| same_source(found, text)))
            })
        };
        self.packages.iter().map(|package| package.dependencies.iter().filter_map(find).collect()).collect()
    }

    /// The external packages that those of the workspace name themselves.
    pub fn direct(&self) -> Vec<&LockedPackage> {
        let needs = self.dependencies();
        let members = self.packages.iter().zip(needs).filter(|(package, _)| package.source.is_none());
        let named = members.flat_map(|(_, needs)| needs).map(|at| &self.packages[at]);
        let mut direct: Vec<_> = named.filter(|package| package.source.is_some()).collect();
        direct.sort_by(|a, b| (&a.id, &a.source).cmp(&(&b.id, &b.source)));
        direct.dedup();
        direct
    }

    /// The text of a lock of these packages, without what they depend on: a start for cargo's resolver, which keeps to
    /// these versions where it can.
    pub fn start(packages: &[LockedPackage], version: u32) -> String {
        let mut text = format!("version = {version}\n");
        for package in packages {
            let source = package.source.as_ref().map(|source| source.written(version >= 4));
            let values = [
                ("name", Some(package.id.name.to_string())),
                ("version", Some(package.id.version.to_string())),
                ("source", source),
                ("checksum", package.checksum.map(|checksum| checksum.to_string())),
            ];
            text.push_str("\n[[package]]\n");
            for (key, value) in values {
                if let Some(value) = value {
                    // Writing to a string cannot fail.
                    let _ = writeln!(text, "{key} = {}", toml::Value::from(value));
                }
            }
        }
        text
    }
}

/// Whether `text`, the source that a dependency names (a git one without its commit), is `source`.
fn same_source(source: &Source, text: &str) -> bool {
    let with_commit = match source {
        Source::Git { commit, .. } if !text.contains('#') => format!("{text}#{commit}"),
        _ => text.to_owned(),
    };
    [true, false].iter().any(|encoded| Source::parse(&with_commit, *encoded).as_ref() == Some(source))
}

fn locked(
    row: RawPackage,
    version: u32,
    metadata: &BTreeMap<String, String>,
) -> std::result::Result<LockedPackage, String> {
    let id = PackageId { name: row.name, version: row.version };
    let source = row
        .source
        .as_deref()
        .map(|text| {
            Source::parse(text, version >= 4).ok_or_else(|| {
                format!("the source of {id} is neither a registry nor a git repository at a commit: {text:?}")
            })
        })
        .transpose()?;
    let checksum = match (row.checksum, row.source) {
        (None, Some(text)) => metadata
            .get(&format!("checksum {} {} ({text})", id.name, id.version))
            .filter(|digits| *digits != "<none>")
            .map(|digits| digits.parse().map_err(|error| format!("the checksum of {id}: {error}")))
            .transpose()?,
        (checksum, _) => checksum,
    };
    Ok(LockedPackage { id, source, checksum, dependencies: row.dependencies })
}

/// The first line that is a mark of git's merge conflicts, counted from 1.
pub fn conflict_line(text: &str) -> Option<usize> {
    let mark = |line: &str| {
        ["<<<<<<< ", ">>>>>>> ", "||||||| "].iter().any(|m| line.starts_with(m)) || line == "======="
    };
    text.lines().position(mark).map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::{CargoLock, GitReference, LockedPackage, Source, conflict_line, crates_io};

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn lock(version: u32, source: &str) -> String {
        format!(
            "version = {version}\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"{source}\"\n"
        )
    }

    fn reference(version: u32, query: &str) -> GitReference {
        let text = lock(version, &format!("git+http://h.invalid/r.git{query}#{COMMIT}"));
        let parsed = CargoLock::parse(&text, "Cargo.lock").unwrap();
        match parsed.packages[0].source.clone().unwrap() {
            Source::Git { reference, .. } => reference,
            Source::Registry(_) => panic!("a registry"),
        }
    }

    #[test]
    fn git_references_are_decoded_as_their_version_encodes_them() {
        assert_eq!(reference(4, "?branch=feat%2Fx%2By"), GitReference::Branch("feat/x+y".into()));
        assert_eq!(reference(3, "?branch=feat/x+y"), GitReference::Branch("feat/x+y".into()));
        assert_eq!(reference(4, "?tag=v1"), GitReference::Tag("v1".into()));
        assert_eq!(reference(4, "?rev=abc"), GitReference::Rev("abc".into()));
        assert_eq!(reference(4, ""), GitReference::Default);
    }

    #[test]
    fn folders_tell_sources_apart_and_are_plain_names() {
        let git = |branch: &str| Source::Git {
            url: "file:///x/../we ird.git".into(),
            reference: GitReference::Branch(branch.into()),
            commit: COMMIT.into(),
        };
        assert_eq!(crates_io().folder(), "vendor");
        assert_ne!(git("a").folder(), git("b").folder());
        for source in [
            git("../.."),
            Source::Registry("sparse+http://127.0.0.1/".into()),
            Source::Registry(String::new()),
        ] {
            let folder = source.folder();
            assert!(folder.starts_with("vendor-"), "{folder}");
            assert!(folder.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{folder}");
        }
    }

    #[test]
    fn what_a_source_shows_and_a_start_says_leads_back_to_it() {
        let git = |reference| Source::Git {
            url: "file:///x/we (ird) at.git".into(),
            reference,
            commit: COMMIT.into(),
        };
        let sources = [
            crates_io(),
            Source::Registry("sparse+http://127.0.0.1/".into()),
            Source::Registry("http://h.invalid/index".into()),
            git(GitReference::Default),
            git(GitReference::Branch("feat/x+y".into())),
            git(GitReference::Tag("v1".into())),
            git(GitReference::Rev("abc".into())),
        ];
        for source in sources {
            let shown = Source::from_shown(&source.to_string(), Some(COMMIT));
            assert_eq!(shown.as_ref(), Some(&source), "{source}");
            for version in [3, 4] {
                let id = crate::package::PackageId {
                    name: "a".parse().unwrap(),
                    version: "1.0.0".parse().unwrap(),
                };
                let package = LockedPackage::new(id, source.clone(), None);
                let text = CargoLock::start(std::slice::from_ref(&package), version);
                assert_eq!(CargoLock::parse(&text, "l").unwrap().packages, [package], "{text}");
            }
        }
        for bad in ["", "git x", "git x at 01234567 y", "git x (y z) at 01234567"] {
            assert_eq!(Source::from_shown(bad, Some("short")), None, "{bad}");
        }
        assert_eq!(Source::from_shown("git x (y z) at 01234567", Some(COMMIT)), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            (lock(5, "registry+x"), "version 5"),
            (lock(4, "bogus+x"), "neither a registry nor a git"),
            (lock(4, "git+http://h.invalid/r#main"), "neither a registry nor a git"),
            (lock(4, "registry+x").replace("\"a\"", "\"../a\""), "not a package name"),
            (lock(4, "registry+x").replace("\"1.0.0\"", "\"1\""), "line 4"),
            ("[[package]]\nname = \"a".to_owned(), "line 2"),
            ("<<<<<<< HEAD\nversion = 4\n".to_owned(), "line 1 is a mark of a merge conflict"),
        ];
        for (text, expected) in cases {
            let fault = CargoLock::parse(&text, "Cargo.lock").unwrap_err();
            assert!(fault.to_string().contains(expected), "{expected}: {fault}");
            assert!(fault.help_text().is_some(), "{fault}");
        }
        assert_eq!(conflict_line("a\n=======\n"), Some(2));
    }

    #[test]
    fn dependencies_lead_to_the_package_that_is_meant() {
        let text = format!(
            "version = 4\n\
             [[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\"a 1.0.0\", \"b\", \"g 1.0.0 (git+http://h.invalid/r)\"]\n\
             [[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry+x\"\n\
             [[package]]\nname = \"a\"\nversion = \"2.0.0\"\nsource = \"registry+x\"\n\
             [[package]]\nname = \"b\"\nversion = \"0.1.0\"\nsource = \"registry+x\"\ndependencies = [\"a 2.0.0\"]\n\
             [[package]]\nname = \"g\"\nversion = \"1.0.0\"\nsource = \"registry+x\"\n\
             [[package]]\nname = \"g\"\nversion = \"1.0.0\"\nsource = \"git+http://h.invalid/r#{COMMIT}\"\n"
        );
        let lock = CargoLock::parse(&text, "Cargo.lock").unwrap();
        let direct: Vec<_> =
            lock.direct().iter().map(|p| format!("{} {}", p.id, p.source.as_ref().unwrap())).collect();
        assert_eq!(
            direct,
            ["a 1.0.0 registry x", "b 0.1.0 registry x", "g 1.0.0 git http://h.invalid/r at 01234567"]
        );
        assert_eq!(lock.dependencies(), [vec![1, 3, 5], vec![], vec![], vec![2], vec![], vec![]]);
    }

    #[test]
    fn version_one_has_its_checksums_at_the_end() {
        let digits = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let text = format!(
            "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry+x\"\n\n[metadata]\n\"checksum a 1.0.0 (registry+x)\" = \"{digits}\"\n"
        );
        assert_eq!(CargoLock::parse(&text, "Cargo.lock").unwrap().packages[0].checksum, digits.parse().ok());
    }
}
