//! A package spec, as the command line takes it: `[REGISTRY:]NAME[@VERSION]`.
//!
//! The registries have the names of the package-url standard. Of a crate VERSION is exact (`1.0.219`, `=1.0.219`), a
//! requirement as cargo reads it (`^1`, `1.2`, `>=1, <3`: cargo reference, "Version Requirements") or `latest`. Of a
//! Python package it is exact (`2.32.3`), specifiers of PEP 440 (`>=2,<3`, `~=2.1`) or `latest`, and its name may have
//! extras behind it (`pypi:requests[socks]`: PEP 508).

mod module;

pub use module::{AskedVersion, ModuleSpec};

use std::fmt;
use std::str::FromStr;

use semver::VersionReq;

use crate::fault::{Fault, Result};
use crate::package::PackageName;

/// How much of a text that could not be read is shown, in characters.
const SHOWN: usize = 60;

/// A registry, by its name in a spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Registry {
    /// `cargo`: crates.io, or what cargo has in its place.
    Cargo,
    /// `pypi`: PyPI, or what pip and uv have in its place.
    Pypi,
}

/// What the user asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spec {
    /// A package of crates.io.
    Crate(CrateSpec),
    /// A package of PyPI.
    Module(ModuleSpec),
}

impl Spec {
    /// Whether a version was named.
    pub fn names_version(&self) -> bool {
        match self {
            Self::Crate(spec) => spec.names_version,
            Self::Module(spec) => spec.names_version,
        }
    }

    /// The registry and the name, without a version.
    pub fn without_version(&self) -> String {
        match self {
            Self::Crate(spec) => spec.name.to_string(),
            Self::Module(spec) => format!("pypi:{}", spec.name),
        }
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crate(spec) => spec.fmt(f),
            Self::Module(spec) => spec.fmt(f),
        }
    }
}

/// Which version is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// None was given, or `latest`.
    Newest,
    /// One: `1.0.219` or `=1.0.219`.
    Exact(semver::Version),
    /// One of those that match, and the text as it was written.
    Matching(VersionReq, String),
}

/// What the user asks for of crates.io.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrateSpec {
    /// Which package. How its registry spells it is not known yet.
    pub name: PackageName,
    /// Which version.
    pub version: Version,
    /// Whether a version was named: where none was, what is pinned already will do.
    pub names_version: bool,
}

impl fmt::Display for CrateSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        match &self.version {
            Version::Newest => Ok(()),
            Version::Exact(version) => write!(f, "@{version}"),
            Version::Matching(_, written) => write!(f, "@{written}"),
        }
    }
}

impl FromStr for Spec {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |why: String, help: String| {
            Fault::usage(format!("could not read the package `{}`", shown(text))).why(why).help(help)
        };
        if let Some((why, help)) = something_else(text) {
            return Err(bad(why, help));
        }
        let (before, version) = match text.split_once('@') {
            Some((before, version)) => (before, Some(version)),
            None => (text, None),
        };
        let (registry, name) = match before.split_once(':') {
            Some((registry, name)) => {
                (registry_named(registry, name).map_err(|(why, help)| bad(why, help))?, name)
            }
            None => (Registry::Cargo, before),
        };
        if name.is_empty() {
            return Err(bad(
                "it has no name".to_owned(),
                "write the package's name first: `NAME`, or `NAME@VERSION`".to_owned(),
            ));
        }
        let names_version = version.is_some();
        let read = match registry {
            Registry::Cargo => read_crate(name, version)
                .map(|(name, version)| Self::Crate(CrateSpec { name, version, names_version })),
            Registry::Pypi => module::read(name, version).map(|(name, extras, version)| {
                Self::Module(ModuleSpec { name, extras, version, names_version })
            }),
        };
        read.map_err(|(why, help)| bad(why, help))
    }
}

fn read_crate(name: &str, version: Option<&str>) -> std::result::Result<(PackageName, Version), Why> {
    let name = read_name(name)?;
    let version = version.map_or(Ok(Version::Newest), |version| read_version(&name, version))?;
    Ok((name, version))
}

/// Why a text cannot be read, and what to do.
type Why = (String, String);

/// What it is, where it was never meant as a spec.
fn something_else(text: &str) -> Option<Why> {
    let name = text.split('@').next().unwrap_or_default();
    if text.trim().is_empty() {
        return Some((
            "it is empty".to_owned(),
            "write a package's name: `NAME`, or `NAME@VERSION`".to_owned(),
        ));
    }
    if text.contains("://") || ["git@", "git+", "git:", "gh:", "github:"].iter().any(|p| text.starts_with(p))
    {
        return Some((
            "it is an address, and packages are asked for by name".to_owned(),
            "a dependency from git is written in Cargo.toml by hand, `NAME = { git = \"ADDRESS\" }`; \
             `envtool sync` installs it"
                .to_owned(),
        ));
    }
    let registry = ["npm:", "pypi:", "cargo:"].iter().any(|prefix| name.starts_with(prefix));
    if name.starts_with(['.', '/', '~', '\\']) || (!registry && name.contains(['/', '\\'])) {
        return Some((
            "it is a path, and packages are asked for by name".to_owned(),
            "a path dependency is written in Cargo.toml by hand, `NAME = { path = \"FOLDER\" }`; \
             `envtool sync` installs what it needs"
                .to_owned(),
        ));
    }
    None
}

/// The registry that `prefix:` means.
fn registry_named(prefix: &str, name: &str) -> std::result::Result<Registry, Why> {
    let name = if name.is_empty() { "NAME".to_owned() } else { shown(name) };
    let unknown = format!("there is no registry `{}`", shown(prefix));
    match prefix.to_ascii_lowercase().as_str() {
        "cargo" => Ok(Registry::Cargo),
        "pypi" => Ok(Registry::Pypi),
        "npm" => Err((
            "packages from npm are planned, and not there yet".to_owned(),
            "a crate is asked for by `NAME`, a Python package by `pypi:NAME`".to_owned(),
        )),
        "pip" | "pip3" | "pipx" | "uv" | "python" | "py" => {
            Err((unknown, format!("a Python package is asked for by `pypi:{name}`")))
        }
        "crate" | "crates" | "crates.io" | "crates-io" | "rust" => {
            Err((unknown, format!("a crate is asked for by `{name}` or `cargo:{name}`")))
        }
        "" => Err((
            "there is no registry before the `:`".to_owned(),
            format!("a crate is asked for by `{name}`, a Python package by `pypi:{name}`"),
        )),
        _ => Err((
            unknown,
            format!(
                "the registries are `cargo:`, which may be left out, and `pypi:`; between name and version stands `@`: `{}@VERSION`",
                shown(prefix)
            ),
        )),
    }
}

fn read_name(name: &str) -> std::result::Result<PackageName, Why> {
    name.parse().map_err(|_| {
        let why = format!("`{}` is not a package name", shown(name));
        let rule =
            "a name has letters, digits, `-` and `_`, begins with a letter, and is not longer than 200 bytes";
        let mut words = name.split([' ', '=']).filter(|word| !word.is_empty());
        let help = match (words.next(), words.next()) {
            (Some(first), Some(second))
                if first.parse::<PackageName>().is_ok() && read_requirement(second).is_some() =>
            {
                format!("between name and version stands `@`: `{}@{}`", shown(first), shown(second))
            }
            (Some(first), Some(_)) if first.parse::<PackageName>().is_ok() && name.contains(' ') => {
                "each package is an argument of its own, without quotes around all of them".to_owned()
            }
            _ => rule.to_owned(),
        };
        (why, help)
    })
}

fn read_version(name: &PackageName, text: &str) -> std::result::Result<Version, Why> {
    let short = shown(name.as_str());
    let forms =
        format!("a version is exact (`{short}@1.2.3`), a requirement (`{short}@^1.2`), or `{short}@latest`");
    let text = text.trim();
    if text.is_empty() {
        return Err((
            "there is no version after the `@`".to_owned(),
            format!("leave the `@` out for the newest, or write a version behind it: `{short}@VERSION`"),
        ));
    }
    if let Some((first, _)) = text.split_once('@') {
        return Err((
            "it has two versions".to_owned(),
            match read_requirement(first) {
                Some(_) => format!("ask for one: `{short}@{}`", shown(first)),
                None => forms,
            },
        ));
    }
    if text == "latest" {
        return Ok(Version::Newest);
    }
    read_requirement(text).ok_or_else(|| {
        let why = format!("`{}` is no version", shown(text));
        match text.strip_prefix(['v', 'V']).filter(|rest| read_requirement(rest).is_some()) {
            Some(rest) => (why, format!("write it without the `v`: `{short}@{}`", shown(rest))),
            None => (why, forms),
        }
    })
}

/// An exact version or a requirement.
fn read_requirement(text: &str) -> Option<Version> {
    let exact = text.strip_prefix('=').unwrap_or(text).trim_start();
    if let Ok(version) = semver::Version::parse(exact) {
        return Some(Version::Exact(version));
    }
    let requirement = VersionReq::parse(text).ok()?;
    Some(Version::Matching(requirement, text.to_owned()))
}

/// A text that may be anything, short and without anything that a terminal would obey.
fn shown(text: &str) -> String {
    let mut escaped = text.escape_debug();
    let mut shown: String = escaped.by_ref().take(SHOWN).collect();
    if escaped.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{CrateSpec, Spec, Version};

    fn any(text: &str) -> Spec {
        text.parse().unwrap_or_else(|fault| panic!("{text}: {fault}"))
    }

    fn read(text: &str) -> CrateSpec {
        match any(text) {
            Spec::Crate(spec) => spec,
            Spec::Module(_) => panic!("{text} is a module"),
        }
    }

    #[test]
    fn what_the_command_line_page_promises_is_read() {
        let spec = read("serde");
        assert_eq!(spec.name.as_str(), "serde");
        assert_eq!(spec.version, Version::Newest);
        assert!(!spec.names_version);
        assert_eq!(read("cargo:serde@latest"), CrateSpec { names_version: true, ..spec });
        for text in ["a@1.0.219", "a@=1.0.219", "a@= 1.0.219"] {
            assert_eq!(read(text).version, Version::Exact("1.0.219".parse().unwrap()), "{text}");
        }
        assert_eq!(read("a@1.0.0-rc.1+b").version, Version::Exact("1.0.0-rc.1+b".parse().unwrap()));
        for (text, matching, other) in [
            ("a@1", "1.9.9", "2.0.0"),
            ("a@1.2", "1.3.0", "1.1.0"),
            ("a@^1", "1.0.0", "2.0.0"),
            ("a@=1.2", "1.2.9", "1.3.0"),
            ("a@~1.2", "1.2.9", "1.3.0"),
            ("a@>=2,<3", "2.5.0", "3.0.0"),
            ("a@>=2, <3", "2.5.0", "3.0.0"),
            ("a@1.*", "1.5.0", "2.0.0"),
            ("a@*", "9.9.9", "1.0.0-a"),
        ] {
            let Version::Matching(requirement, written) = read(text).version else { panic!("{text}") };
            assert_eq!(format!("a@{written}"), text);
            assert!(requirement.matches(&matching.parse().unwrap()), "{text}");
            assert!(!requirement.matches(&other.parse().unwrap()), "{text}");
            assert_eq!(read(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_spec_is_refused_with_a_way_out() {
        let long = "a".repeat(10_000);
        let long_version = format!("a@{}", "1".repeat(10_000));
        let escapes = "\u{1b}".repeat(10_000);
        for (text, why, help) in [
            ("", "it is empty", "`NAME@VERSION`"),
            ("  ", "it is empty", "`NAME@VERSION`"),
            ("serde@", "no version after the `@`", "leave the `@` out"),
            ("@1", "it has no name", "`NAME@VERSION`"),
            ("@types/node", "it has no name", "`NAME`"),
            ("cargo:", "it has no name", "`NAME`"),
            ("cargo:@1", "it has no name", "`NAME`"),
            (":serde", "no registry before the `:`", "`serde`"),
            ("../x@1", "it is a path", "{ path = \"FOLDER\" }"),
            ("./x", "it is a path", "written in Cargo.toml by hand"),
            ("a/b", "it is a path", "by hand"),
            ("C:\\x", "it is a path", "by hand"),
            (".", "it is a path", "by hand"),
            ("https://h.invalid/x", "it is an address", "{ git = \"ADDRESS\" }"),
            ("git@h.invalid:x/y", "it is an address", "{ git = "),
            ("pip:x@1", "there is no registry `pip`", "`pypi:x`"),
            ("npm:x", "planned, and not there yet", "`pypi:NAME`"),
            ("npm:@a/b@1", "planned, and not there yet", "`pypi:NAME`"),
            ("crates.io:x", "no registry `crates.io`", "`cargo:x`"),
            ("serde:1", "no registry `serde`", "`serde@VERSION`"),
            ("serde@1@2", "two versions", "`serde@1`"),
            ("serde@banana@2", "two versions", "`serde@^1.2`"),
            ("serde@banana", "`banana` is no version", "`serde@latest`"),
            ("serde@v1.0.0", "`v1.0.0` is no version", "`serde@1.0.0`"),
            ("serde@1.0.0.0", "`1.0.0.0` is no version", "`serde@1.2.3`"),
            ("cargo:../x", "`../x` is not a package name", "letters, digits"),
            ("serde 1.0", "`serde 1.0` is not a package name", "`serde@1.0`"),
            ("serde=1.0.1", "`serde=1.0.1` is not a package name", "`serde@1.0.1`"),
            ("serde itoa", "`serde itoa` is not a package name", "an argument of its own"),
            ("1x", "`1x` is not a package name", "begins with a letter"),
            ("-x", "`-x` is not a package name", "begins with a letter"),
            ("a\u{1b}[31m", "`a\\u{1b}[31m` is not a package name", "letters"),
            ("a@\u{7}1", "`\\u{7}1` is no version", "`a@latest`"),
            (&long, "is not a package name", "200 bytes"),
            (&long_version, "is no version", "`a@latest`"),
            (&escapes, "is not a package name", "letters"),
        ] {
            let fault = text.parse::<Spec>().unwrap_err();
            let (message, shown) = (fault.to_string(), fault.help_text().unwrap());
            assert!(message.contains(why), "{text:.40}: {message}");
            assert!(shown.contains(help), "{text:.40}: {shown}");
            assert_eq!(fault.exit_code(), 2);
            assert!(message.len() < 300 && shown.len() < 300, "{message}\n{shown}");
            assert!(!format!("{message}{shown}").contains(char::is_control), "{message}");
        }
    }
}
