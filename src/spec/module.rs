//! A Python package of the command line: `pypi:NAME[EXTRA]@VERSION`.

use std::collections::BTreeSet;
use std::fmt;

use pep440_rs::VersionSpecifiers;

use super::{Why, shown};
use crate::module::{BadModule, ModuleName, ModuleVersion};

/// The longest version of a Python package that is read, in bytes.
const LONGEST_VERSION: usize = 300;

/// Which version of a Python package is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedVersion {
    /// None was given, or `latest`.
    Newest,
    /// One: `2.32.3` or `==2.32.3`.
    Exact(ModuleVersion),
    /// One of those that these specifiers of PEP 440 allow.
    Matching(VersionSpecifiers),
}

impl AskedVersion {
    /// As a resolver of Python reads it; nothing where any will do.
    pub fn specifier(&self) -> String {
        match self {
            Self::Newest => String::new(),
            Self::Exact(version) => format!("=={version}"),
            Self::Matching(specifiers) => specifiers.to_string(),
        }
    }
}

/// What the user asks for of PyPI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleSpec {
    /// Which package.
    pub name: ModuleName,
    /// Its extras, normalized as names are.
    pub extras: BTreeSet<ModuleName>,
    /// Which version.
    pub version: AskedVersion,
    /// Whether a version was named: where none was, what is pinned already will do.
    pub names_version: bool,
}

impl fmt::Display for ModuleSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pypi:{}", self.name)?;
        if !self.extras.is_empty() {
            let extras: Vec<&str> = self.extras.iter().map(ModuleName::as_str).collect();
            write!(f, "[{}]", extras.join(","))?;
        }
        match &self.version {
            AskedVersion::Newest => Ok(()),
            AskedVersion::Exact(version) => write!(f, "@{version}"),
            AskedVersion::Matching(specifiers) => write!(f, "@{specifiers}"),
        }
    }
}

/// A Python package's name, its extras and its version.
pub(super) type Module = (ModuleName, BTreeSet<ModuleName>, AskedVersion);

pub(super) fn read(text: &str, version: Option<&str>) -> Result<Module, Why> {
    let (name, extras) = match text.split_once('[') {
        Some((name, extras)) => (name, extras.strip_suffix(']').unwrap_or(extras)),
        None => (text, ""),
    };
    // Whoever knows pip writes the version as pip takes it.
    if version.is_none()
        && let Some(at) = name.find(['=', '<', '>', '~', '!', ' '])
        && let Ok(name) = name[..at].parse::<ModuleName>()
    {
        let version = shown(text[at..].trim_start_matches("==").trim());
        return Err((
            format!("`{}` is not the name of a Python package", shown(text)),
            format!("between name and version stands `@`: `'pypi:{name}@{version}'`"),
        ));
    }
    let rule = |error: BadModule| {
        (
            error.to_string(),
            "write it as its page on PyPI does: `pypi:NAME`, or `pypi:NAME@VERSION`".to_owned(),
        )
    };
    let name: ModuleName = name.parse().map_err(rule)?;
    let extras = extras.split(',').map(str::trim).filter(|extra| !extra.is_empty());
    let extras = extras.map(str::parse).collect::<Result<_, _>>().map_err(rule)?;
    let version = version.map_or(Ok(AskedVersion::Newest), |version| read_version(&name, version))?;
    Ok((name, extras, version))
}

fn read_version(name: &ModuleName, text: &str) -> Result<AskedVersion, Why> {
    let text = text.trim();
    if text == "latest" {
        return Ok(AskedVersion::Newest);
    }
    let exact = text.strip_prefix("==").unwrap_or(text).trim();
    if let Ok(version) = exact.parse() {
        return Ok(AskedVersion::Exact(version));
    }
    let specifiers = (text.len() <= LONGEST_VERSION).then(|| text.parse().ok()).flatten();
    specifiers.filter(|_| !text.is_empty()).map(AskedVersion::Matching).ok_or_else(|| {
        (
            format!("`{}` is no version of a Python package", shown(text)),
            format!("a version is exact (`pypi:{name}@1.2.3`), a requirement (`'pypi:{name}@>=1,<2'`), or `pypi:{name}@latest`"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{AskedVersion, ModuleSpec};
    use crate::spec::Spec;

    fn any(text: &str) -> Spec {
        text.parse().unwrap_or_else(|fault| panic!("{text}: {fault}"))
    }

    fn module(text: &str) -> ModuleSpec {
        match any(text) {
            Spec::Module(spec) => spec,
            Spec::Crate(_) => panic!("{text} is a crate"),
        }
    }

    #[test]
    fn modules_have_names_versions_and_extras_of_their_own() {
        let spec = module("pypi:ruff@0.12.0");
        assert_eq!(spec.version, AskedVersion::Exact("0.12.0".parse().unwrap()));
        assert_eq!(any("PyPI:Ruff").to_string(), "pypi:ruff");
        assert!(!module("pypi:ruff").names_version && module("pypi:ruff@latest").names_version);
        assert_eq!(module("pypi:zope.interface").name.as_str(), "zope-interface");
        assert_eq!(module("pypi:x@==1.0").version, module("pypi:x@1.0").version);
        assert_eq!(module("pypi:x@2").version.specifier(), "==2");
        assert_eq!(module("pypi:x@>=2,<3").version.specifier(), ">=2, <3");
        assert_eq!(module("pypi:x@~=2.1").version.specifier(), "~=2.1");
        assert_eq!(
            any("pypi:requests[socks, Use_Chardet]@2.32.3").to_string(),
            "pypi:requests[socks,use-chardet]@2.32.3"
        );
        for (text, why, help) in [
            ("pypi:../x", "not the name of a Python package", "`pypi:NAME`"),
            ("pypi:requests==2.32.3", "not the name", "'pypi:requests@2.32.3'"),
            ("pypi:requests>=2", "not the name", "'pypi:requests@>=2'"),
            ("pypi:requests@banana", "`banana` is no version", "`pypi:requests@latest`"),
            ("pypi:requests@^2", "`^2` is no version", "@>=1,<2"),
            ("pypi:requests@", "`` is no version", "`pypi:requests@1.2.3`"),
            ("pypi:x[../y]", "not the name", "`pypi:NAME`"),
            ("pypi:", "it has no name", "`NAME@VERSION`"),
        ] {
            let fault = text.parse::<Spec>().unwrap_err();
            assert!(fault.to_string().contains(why), "{text}: {fault}");
            assert!(fault.help_text().unwrap().contains(help), "{text}: {:?}", fault.help_text());
        }
    }
}
