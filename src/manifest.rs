//! `envtool.toml`, read: what a project asks for.
//!
//! A key that this envtool does not know is an error and not a silence: a pin that nobody installs, or a setting that
//! nobody heeds, is worse than a message.

mod edit;
mod pin;

pub use edit::{ModuleSection, Section, with_module, with_pin, without_module, without_pin};
pub use pin::{ModulePin, Pin, ToolPin};

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::fault::{Fault, Result};
use crate::mirror::MirrorUrl;
use crate::module::ModuleName;
use crate::near::key_meant;
use crate::package::PackageName;
use crate::secret::without_credentials;

/// What `init` writes.
pub const NEW: &str = "\
# What this project runs on. envtool puts exactly this into .envtool/; see `envtool --help`.

[env]
";

/// What a project asks for.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Raw")]
pub struct Manifest {
    /// `[env]`.
    pub env: Settings,
    /// `[crates]`: the pins of a project without a Cargo.toml.
    pub crates: BTreeMap<PackageName, Pin>,
    /// `[tools]`: packages whose executables lie in the environment's `bin`.
    pub tools: BTreeMap<PackageName, ToolPin>,
    /// What of `[tools]` comes from PyPI: `"pypi:NAME"`.
    pub module_tools: BTreeMap<ModuleName, ModulePin>,
    /// `[modules]`: Python packages that the environment's `python` imports.
    pub modules: BTreeMap<ModuleName, ModulePin>,
}

impl Manifest {
    /// Whether anything in it needs Python.
    pub fn needs_python(&self) -> bool {
        !self.modules.is_empty() || !self.module_tools.is_empty()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    env: Settings,
    #[serde(default)]
    crates: BTreeMap<PackageName, Pin>,
    #[serde(default)]
    tools: Tools,
    #[serde(default, deserialize_with = "each_once")]
    modules: BTreeMap<ModuleName, ModulePin>,
}

impl From<Raw> for Manifest {
    fn from(Raw { env, crates, tools, modules }: Raw) -> Self {
        Self { env, crates, tools: tools.crates, module_tools: tools.modules, modules }
    }
}

/// `[tools]`: what a pin is depends on its key.
#[derive(Default)]
struct Tools {
    crates: BTreeMap<PackageName, ToolPin>,
    modules: BTreeMap<ModuleName, ModulePin>,
}

impl<'de> Deserialize<'de> for Tools {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Tools;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of pins")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> std::result::Result<Tools, A::Error> {
                let mut tools = Tools::default();
                while let Some(key) = map.next_key::<String>()? {
                    if let Some(name) = key.strip_prefix("pypi:") {
                        let name = name.parse().map_err(de::Error::custom)?;
                        if tools.modules.insert(name, map.next_value()?).is_some() {
                            return Err(de::Error::custom(format!("`{key}` is pinned twice")));
                        }
                    } else {
                        let name = key.strip_prefix("cargo:").unwrap_or(&key);
                        let name = name.parse().map_err(de::Error::custom)?;
                        tools.crates.insert(name, map.next_value()?);
                    }
                }
                Ok(tools)
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

/// `[modules]`: `PyYAML` and `pyyaml` are two keys of TOML, and one package.
fn each_once<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<BTreeMap<ModuleName, ModulePin>, D::Error> {
    struct Visitor;

    impl<'de> de::Visitor<'de> for Visitor {
        type Value = BTreeMap<ModuleName, ModulePin>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table of pins")
        }

        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
            let mut modules = BTreeMap::new();
            while let Some(name) = map.next_key::<ModuleName>()? {
                let pin: ModulePin = map.next_value()?;
                if modules.insert(name.clone(), pin).is_some() {
                    return Err(de::Error::custom(format!("`{name}` is pinned twice")));
                }
            }
            Ok(modules)
        }
    }

    deserializer.deserialize_map(Visitor)
}

/// `[env]`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Whether cargo sees the environment's crates only.
    pub isolate: bool,
    /// How a crate comes from the store into the environment.
    pub link: Link,
    /// Which Python: its version as far as it matters. `None`: what is found.
    pub python: Option<PythonVersion>,
    /// The mirror that stands in for crates.io and PyPI.
    pub mirror: Option<MirrorUrl>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { isolate: true, link: Link::Symlink, python: None, mirror: None }
    }
}

/// A version of Python as far as it matters: `3.11` or `3.11.7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PythonVersion {
    /// The `3` and the `11` of `3.11`.
    pub minor: (u32, u32),
    /// The `7` of `3.11.7`.
    pub patch: Option<u32>,
}

impl PythonVersion {
    /// Whether an interpreter of this version is one.
    pub fn takes(&self, version: (u32, u32, u32)) -> bool {
        self.minor == (version.0, version.1) && self.patch.is_none_or(|patch| patch == version.2)
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.minor.0, self.minor.1)?;
        self.patch.map_or(Ok(()), |patch| write!(f, ".{patch}"))
    }
}

impl<'de> Deserialize<'de> for PythonVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = |part: &str| (part.len() <= 4).then(|| part.parse().ok()).flatten();
        let numbers: Option<Vec<u32>> = text.split('.').map(number).collect();
        match numbers.as_deref() {
            Some([major @ 3, minor]) => Ok(Self { minor: (*major, *minor), patch: None }),
            Some([major @ 3, minor, patch]) => Ok(Self { minor: (*major, *minor), patch: Some(*patch) }),
            _ => Err(de::Error::custom(format!("{text:?} is not a version of Python 3, such as \"3.11\""))),
        }
    }
}

/// How a crate comes from the store into the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// One symbolic link to the folder in the store.
    #[default]
    Symlink,
    /// Folders of its own, every file a hard link.
    Hardlink,
    /// Files that share their blocks with the store's until one is written; copies where the file system cannot.
    Reflink,
    /// Plain copies.
    Copy,
}

impl Manifest {
    /// Reads the text of an envtool.toml. `name` is how errors name the file.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            let help = key_meant(error.message()).unwrap_or_else(|| {
                "correct that line; `envtool add NAME@VERSION` writes a pin as it has to be".to_owned()
            });
            Fault::new(format!("could not read {name}"))
                .why(without_credentials(error.to_string().trim_end()))
                .help(help)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Link, Manifest, NEW};

    #[test]
    fn what_init_writes_is_the_default() {
        assert_eq!(Manifest::parse(NEW, "envtool.toml").unwrap(), Manifest::default());
    }

    #[test]
    fn a_slip_in_a_key_is_answered_with_the_key() {
        let fault =
            Manifest::parse("[env]\nmirorr = \"http://mirror.example\"\n", "envtool.toml").unwrap_err();
        assert_eq!(fault.help_text(), Some("did you mean `mirror`?"));
    }

    #[test]
    fn pins_are_exact() {
        let text = "[env]\nlink = \"copy\"\n[crates]\nserde = { version = \"=1.0.219\", features = [\"derive\", \"alloc\"] }\nitoa = \"1.0.0\"\n";
        let manifest = Manifest::parse(text, "envtool.toml").unwrap();
        assert_eq!(manifest.env.link, Link::Copy);
        let serde = &manifest.crates[&"serde".parse().unwrap()];
        assert_eq!((serde.version.to_string().as_str(), serde.features.len()), ("1.0.219", 2));
        assert!(serde.default_features);
    }

    #[test]
    fn a_tool_may_say_which_of_its_executables_it_is_for() {
        let text = "[tools]\njust = \"1.42.4\"\nripgrep = { version = \"15.1.0\", bins = [\"rg\"], toolchain = \"1.90\" }\n";
        let manifest = Manifest::parse(text, "envtool.toml").unwrap();
        let rg = &manifest.tools[&"ripgrep".parse().unwrap()];
        assert_eq!((rg.bins.as_slice(), rg.toolchain.as_deref()), (&["rg".to_owned()][..], Some("1.90")));
        assert!(manifest.tools[&"just".parse().unwrap()].bins.is_empty());
    }

    #[test]
    fn python_has_modules_and_tools_of_its_own() {
        let text = "[env]\npython = \"3.11\"\n[tools]\njust = \"1.42.4\"\n\"pypi:Ruff\" = \"0.12.0\"\n[modules]\nPyYAML = \"==6.0.2\"\nlegacy-thing = { version = \"1.2\", build = true, extras = [\"A_b\"] }\n";
        let manifest = Manifest::parse(text, "envtool.toml").unwrap();
        let python = manifest.env.python.unwrap();
        assert!(python.takes((3, 11, 7)) && !python.takes((3, 12, 0)) && python.to_string() == "3.11");
        assert_eq!((manifest.tools.len(), manifest.module_tools.len()), (1, 1));
        assert_eq!(manifest.module_tools[&"ruff".parse().unwrap()].version.to_string(), "0.12.0");
        assert_eq!(manifest.modules[&"pyyaml".parse().unwrap()].version.to_string(), "6.0.2");
        let legacy = &manifest.modules[&"legacy-thing".parse().unwrap()];
        assert!(legacy.build && legacy.extras.contains(&"a-b".parse().unwrap()));
        assert!(manifest.needs_python());
    }

    #[test]
    fn a_mirror_is_an_address_without_a_password() {
        let manifest = Manifest::parse("[env]\nmirror = \"http://h.invalid:1\"\n", "envtool.toml").unwrap();
        assert_eq!(manifest.env.mirror.unwrap().to_string(), "http://h.invalid:1");
        let text = "[env]\nmirror = \"http://me:s3cret@h.invalid\"\n";
        let fault = Manifest::parse(text, "envtool.toml").unwrap_err().to_string();
        assert!(fault.contains("line 2") && fault.contains("ENVTOOL_MIRROR_TOKEN"), "{fault}");
        assert!(!fault.contains("s3cret"), "{fault}");
    }

    #[test]
    fn what_is_wrong_is_shown_with_its_place() {
        let cases = [
            ("[env\n", "line 1, column 5"),
            ("[crates]\nserde = \"1\"\n", "line 2, column 9"),
            ("[crates]\nserde = 1\n", "expected a version such as"),
            ("[crates]\n\"../x\" = \"1.0.0\"\n", "not a package name"),
            ("[crates]\na = { version = \"1.0.0\", features = [\"x\\ny\"] }\n", "not the name of a feature"),
            ("[env]\nisolated = false\n", "unknown field `isolated`"),
            ("[env]\nlink = \"junction\"\n", "unknown variant `junction`"),
            ("[modules]\nrequests = \"^2\"\n", "line 2, column 12"),
            ("[modules]\nrequests = \"latest\"\n", "not a version of a Python package"),
            ("[modules]\nPyYAML = \"6.0\"\npyyaml = \"6.1\"\n", "`pyyaml` is pinned twice"),
            ("[tools]\n\"pypi:ruff\" = \"0.1\"\n\"pypi:Ruff\" = \"0.2\"\n", "is pinned twice"),
            ("[modules]\n\"../x\" = \"1\"\n", "not the name of a Python package"),
            ("[modules]\nx = { version = \"1\", features = [] }\n", "unknown field `features`"),
            ("[tools]\n\"pypi:../x\" = \"1\"\n", "not the name of a Python package"),
            ("[tools]\n\"npm:x\" = \"1.0.0\"\n", "not a package name"),
            ("[env]\nmirror = \"mirror:7878\"\n", "not the address of a mirror"),
            ("[env]\nmirror = \"file:///tmp\"\n", "neither http:// nor https://"),
            ("[env]\nmirror = 7878\n", "line 2, column 10"),
            ("[env]\npython = \"2.7\"\n", "not a version of Python 3"),
            ("[env]\npython = \"3\"\n", "not a version of Python 3"),
            ("[env]\npython = \">=3.11\"\n", "not a version of Python 3"),
            ("[tools]\njust = \"1\"\n", "line 2, column 8"),
            ("[tools]\njust = { version = \"1.0.0\", bins = [\"../x\"] }\n", "not the name of an executable"),
            ("[tools]\njust = { version = \"1.0.0\", toolchain = \"--x\" }\n", "not the name of a toolchain"),
            ("[crates]\nserde = { version = \"1.0.0\", bins = [\"x\"] }\n", "unknown field `bins`"),
        ];
        for (text, expected) in cases {
            let fault = Manifest::parse(text, "envtool.toml").unwrap_err();
            assert!(fault.to_string().contains(expected), "{expected}: {fault}");
            assert!(fault.help_text().is_some());
        }
    }
}
