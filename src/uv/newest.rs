//! The newest release of packages, whatever they need.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Uv;
use super::resolve::{Requirement, broken, only_wheels, text};
use crate::fault::Result;
use crate::fs;
use crate::module::{ModuleName, ModuleVersion};
use crate::python::Interpreter;
use crate::uv_words::{NoSolution, Said};

/// A release that an index has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// Its version.
    pub version: ModuleVersion,
    /// When it was published, where the index says so, as RFC 3339 writes a time.
    pub published: Option<String>,
}

/// What counts in a `pylock.toml` (PEP 751).
#[derive(Deserialize)]
struct Pylock {
    #[serde(default)]
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: ModuleName,
    version: Option<ModuleVersion>,
    #[serde(default)]
    wheels: Vec<File>,
    sdist: Option<File>,
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "upload-time")]
    uploaded: Option<toml::Value>,
}

impl Uv {
    /// The newest release of each that its requirement allows and every Python from `lowest` on takes; packages in
    /// `build` may be sources. uv asks about all of them at once; `hastily` it tries nothing twice. That one of them has
    /// no such release is a value and not an error.
    pub fn newest(
        &self,
        asked: &[Requirement],
        interpreter: &Interpreter,
        lowest: &str,
        build: &BTreeSet<ModuleName>,
        hastily: bool,
    ) -> Result<std::result::Result<BTreeMap<ModuleName, Newest>, NoSolution>> {
        let scratch = self.scratch()?;
        let folder = scratch.path();
        let lines: String = asked.iter().flat_map(|one| [one.to_string(), "\n".to_owned()]).collect();
        fs::write_new(&folder.join("in.txt"), lines.as_bytes())?;
        let call = self.asking(&["pip", "compile"]).args(["--universal", "--no-deps", "--no-header"]);
        let call = only_wheels(call, build).args(["--python-version", lowest, "--python"]);
        let call = call.arg(&interpreter.executable);
        let mut call = call.args(["--format", "pylock.toml", "in.txt", "-o", "pylock.toml"]).within(folder);
        if hastily {
            call = call.set("UV_HTTP_RETRIES", "0");
        }
        let output = call.output()?;
        if !output.status.success() {
            let names: Vec<&str> = asked.iter().map(|one| one.name.as_str()).collect();
            let what = format!("could not ask the index about {}", names.join(", "));
            return match self.said(&output) {
                Said::NoSolution(none) => Ok(Err(none)),
                other => Err(other.fault(what)),
            };
        }
        read(&text(folder, "pylock.toml")?).map(Ok)
    }
}

/// Where releases differ by Python or by platform, the oldest of them: it serves all.
fn read(pylock: &str) -> Result<BTreeMap<ModuleName, Newest>> {
    let pylock: Pylock = toml::from_str(pylock).map_err(|error| broken(&error.to_string()))?;
    let mut found: BTreeMap<ModuleName, Newest> = BTreeMap::new();
    for package in pylock.packages {
        let Some(version) = package.version else { continue };
        let files = package.wheels.iter().chain(&package.sdist);
        let published =
            files.filter_map(|file| Some(file.uploaded.as_ref()?.as_datetime()?.to_string())).min();
        let new = Newest { version, published };
        found
            .entry(package.name)
            .and_modify(|known| {
                if new.version < known.version {
                    known.clone_from(&new);
                }
            })
            .or_insert(new);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn the_release_that_serves_all_is_taken_with_its_first_time() {
        let text = "lock-version = \"1.0\"\n[[packages]]\nname = \"numpy\"\nversion = \"2.3.0\"\nwheels = [{ url = \"x\", upload-time = 2025-06-07T14:36:35Z }]\n\
                    [[packages]]\nname = \"numpy\"\nversion = \"2.2.6\"\nwheels = [{ url = \"x\", upload-time = 2025-05-18T00:00:00Z }, { url = \"y\", upload-time = 2025-05-17T21:29:27Z }, { url = \"z\" }]\n\
                    [[packages]]\nname = \"plain\"\nversion = \"1.0\"\nsdist = { url = \"x\", upload-time = \"odd\" }\n[[packages]]\nname = \"folder\"\n";
        let found = read(text).unwrap();
        let shown: Vec<String> = found
            .iter()
            .map(|(name, one)| format!("{name} {} {}", one.version, one.published.as_deref().unwrap_or("-")))
            .collect();
        assert_eq!(shown, ["numpy 2.2.6 2025-05-17T21:29:27Z", "plain 1.0 -"]);
        assert!(read("[[packages]]\nname = \"../x\"\n").is_err() && read("x").is_err());
    }
}
