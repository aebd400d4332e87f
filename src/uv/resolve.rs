//! Resolving: from what is asked for to exact versions, for every platform and every Python from the lowest on.
//!
//! uv is asked twice. `pip compile --universal` chooses, and says in comments who needs what; with what is preferred
//! in its output file it keeps that. Then `pip compile --no-deps --format pylock.toml` of that answer names the files
//! of each (PEP 751), of which name and SHA-256 are taken.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::Uv;
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::module::{ModuleId, ModuleName, ModuleVersion};
use crate::process::Program;
use crate::python::Interpreter;
use crate::uv_words::{self, NoSolution, Said};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The package.
    pub name: ModuleName,
    /// Its extras.
    pub extras: Vec<String>,
    /// The versions that will do: `==2.32.3`, `>=2,<3`, or nothing for all.
    pub specifier: String,
}

impl std::fmt::Display for Requirement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.name)?;
        if !self.extras.is_empty() {
            write!(f, "[{}]", self.extras.join(","))?;
        }
        f.write_str(&self.specifier)
    }
}

/// One package as it was resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Name and version. A name may come more than once, each time under another marker.
    pub id: ModuleId,
    /// Where it is wanted; `None` is everywhere.
    pub marker: Option<String>,
    /// The files that may be installed, by name.
    pub files: Vec<File>,
    /// What it needs itself. Where a name came more than once, each has what any of them needs.
    pub dependencies: Vec<ModuleName>,
    /// Whether it was asked for.
    pub asked: bool,
    /// Whether who published it took it back, and why: only where it was named exactly or preferred.
    pub yanked: Option<String>,
}

/// A wheel, or the source of a package that may be built.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its digest.
    pub sha256: Digest,
}

/// What counts in a `pylock.toml`.
#[derive(Deserialize)]
pub(super) struct Pylock {
    #[serde(default)]
    pub(super) packages: Vec<PylockPackage>,
}

#[derive(Deserialize)]
pub(super) struct PylockPackage {
    name: String,
    version: Option<String>,
    #[serde(default)]
    pub(super) wheels: Vec<PylockFile>,
    pub(super) sdist: Option<PylockFile>,
}

#[derive(Deserialize)]
pub(super) struct PylockFile {
    name: Option<String>,
    pub(super) url: Option<String>,
    pub(super) path: Option<String>,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

impl Uv {
    /// Resolves `asked`. `prefer` stays where it can; `lowest` is the lowest Python to serve (`3.10`); packages in
    /// `build` are taken as sources, and all others as wheels. What cannot be had is a value and not an error.
    pub fn resolve(
        &self,
        asked: &[Requirement],
        prefer: &[ModuleId],
        interpreter: &Interpreter,
        lowest: &str,
        build: &BTreeSet<ModuleName>,
    ) -> Result<std::result::Result<Vec<Resolved>, NoSolution>> {
        if asked.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let scratch = self.scratch()?;
        let folder = scratch.path();
        let lines = |lines: Vec<String>| lines.join("\n") + "\n";
        fs::write_new(
            &folder.join("in.txt"),
            lines(asked.iter().map(ToString::to_string).collect()).as_bytes(),
        )?;
        let kept = prefer.iter().map(|id| format!("{}=={}", id.name, id.version)).collect();
        fs::write_new(&folder.join("out.txt"), lines(kept).as_bytes())?;
        let call = |words: &[&str]| {
            let call = self.asking_aloud(&["pip", "compile"]).args(["--universal", "--no-header"]);
            let call = only_wheels(call, build).args(["--python-version", lowest, "--python"]);
            call.arg(&interpreter.executable).args(words.iter().copied()).within(folder)
        };
        let mut yanked = Vec::new();
        let choose = call(&["in.txt", "--output-file", "out.txt"]);
        let files = ["--no-deps", "--no-annotate", "--format", "pylock.toml", "out.txt", "-o", "pylock.toml"];
        let files = call(&files);
        // Pins that went, and none that came: what is left was chosen before. And what the first call was told lies in
        // the cache, so the second one need not ask an index again.
        let is_chosen = |one: &Requirement| {
            prefer.iter().any(|id| id.name == one.name && one.specifier == format!("=={}", id.version))
        };
        for (call, is_known) in [(choose, asked.iter().all(is_chosen)), (files, true)] {
            let known = match is_known && !self.offline {
                true => Some(call.clone().arg("--offline").output()?).filter(|known| known.status.success()),
                false => None,
            };
            let output = known.map_or_else(|| call.output(), Ok)?;
            yanked.extend(uv_words::yanked(&String::from_utf8_lossy(&output.stderr)));
            if !output.status.success() {
                return match self.said(&output) {
                    Said::NoSolution(none) => Ok(Err(none)),
                    other => Err(other.fault("could not resolve the Python packages")),
                };
            }
        }
        let mut resolved = join(&text(folder, "out.txt")?, &text(folder, "pylock.toml")?)?;
        for one in &mut resolved {
            let package = format!("{}=={}", one.id.name, one.id.version);
            let warned = yanked.iter().find(|(yanked, _)| *yanked == package);
            one.yanked =
                warned.map(|(_, why)| why.clone().unwrap_or_else(|| "no reason is given".to_owned()));
        }
        Ok(Ok(resolved))
    }
}

/// Says which packages may be sources.
pub(super) fn only_wheels<'a>(call: Program, build: impl IntoIterator<Item = &'a ModuleName>) -> Program {
    build
        .into_iter()
        .fold(call.args(["--only-binary", ":all:"]), |call, name| call.args(["--no-binary", name.as_str()]))
}

pub(super) fn text(folder: &Path, name: &str) -> Result<String> {
    fs::read_text(&folder.join(name))?.ok_or_else(|| broken(&format!("it wrote no {name}")))
}

pub(super) fn broken(why: &str) -> Fault {
    Fault::new("could not read what uv resolved")
        .why(why)
        .help("report it, with the version that `uv --version` says")
}

/// Joins who needs what with the files.
fn join(rows: &str, pylock: &str) -> Result<Vec<Resolved>> {
    let pylock: Pylock = toml::from_str(pylock).map_err(|error| broken(&error.to_string()))?;
    let name = |text: &str| text.parse::<ModuleName>().map_err(|error| broken(&error.to_string()));
    let version = |text: &str| text.parse::<ModuleVersion>().map_err(|error| broken(&error.to_string()));
    let mut files: BTreeMap<ModuleId, Vec<File>> = BTreeMap::new();
    for package in &pylock.packages {
        let Some(of) = &package.version else { continue };
        let id = ModuleId { name: name(&package.name)?, version: version(of)? };
        let found = files.entry(id).or_default();
        for file in package.wheels.iter().chain(&package.sdist) {
            found.extend(file.file()?);
        }
    }
    let rows = uv_words::rows(rows);
    let mut needs: BTreeMap<ModuleName, BTreeSet<ModuleName>> = BTreeMap::new();
    for row in &rows {
        for parent in &row.via {
            needs.entry(name(parent)?).or_default().insert(name(&row.name)?);
        }
    }
    let mut resolved = Vec::new();
    for row in rows {
        let id = ModuleId { name: name(&row.name)?, version: version(&row.version)? };
        let mut own = files.get(&id).cloned().unwrap_or_default();
        own.sort();
        own.dedup();
        if own.is_empty() {
            return Err(Fault::new(format!("could not lock {id}"))
                .why("the index gives no SHA-256 for its files")
                .help("take it from an index that does; without a digest nobody knows what is installed"));
        }
        let dependencies = needs.get(&id.name).into_iter().flatten().cloned().collect();
        let (marker, asked) = (row.marker, row.asked);
        resolved.push(Resolved { id, marker, files: own, dependencies, asked, yanked: None });
    }
    Ok(resolved)
}

impl PylockFile {
    /// Its name and digest, where it has both.
    pub(super) fn file(&self) -> Result<Option<File>> {
        let Some(place) = self.name.as_ref().or(self.url.as_ref()).or(self.path.as_ref()) else {
            return Ok(None);
        };
        let bare = place.split(['?', '#']).next().unwrap_or(place);
        let name = decoded(bare.rsplit(['/', '\\']).next().unwrap_or(bare));
        let said = self.hashes.get("sha256").and_then(|text| text.parse().ok());
        let sha256 = match said {
            Some(digest) => Some(digest),
            None => self.own_digest()?,
        };
        Ok(sha256.map(|sha256| File { name, sha256 }))
    }

    /// The digest of a file in a folder of this machine: uv 0.12.0 names none there.
    fn own_digest(&self) -> Result<Option<Digest>> {
        let Some(path) = self.url.as_ref().and_then(|url| url.strip_prefix("file://")) else {
            return Ok(None);
        };
        // `file:///C:/…` on Windows.
        let path = decoded(if cfg!(windows) { path.trim_start_matches('/') } else { path });
        Ok(fs::read(Path::new(&path))?.map(|bytes| Digest::of(&bytes)))
    }
}

/// A part of an address with its `%2B` decoded.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|two| *first == b'%' && two.iter().all(u8::is_ascii_hexdigit));
        let byte = digits.and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Requirement, decoded, join};

    #[test]
    fn rows_and_files_become_one() {
        let digest = |digit: &str| digit.repeat(64);
        let rows = "idna==3.10\n    # via\n    #   requests\nnumpy==1.0+cpu ; python_full_version < '3.11'\n    # via -r \
                    in.txt\nnumpy==2.0 ; python_full_version >= '3.11'\n    # via -r in.txt\nrequests==2.32.3\n    # via -r \
                    in.txt\n";
        let pylock = format!(
            "lock-version = \"1.0\"\n[[packages]]\nname = \"idna\"\nversion = \"3.10\"\nwheels = [{{ url = \
             \"http://x/idna-3.10-py3-none-any.whl\", hashes = {{ sha256 = \"{a}\" }} }}]\n[[packages]]\nname = \
             \"numpy\"\nversion = \"1.0+cpu\"\nwheels = [{{ url = \"http://x/numpy-1.0%2Bcpu-a.whl#b\", hashes = {{ sha256 \
             = \"{b}\" }} }}]\n[[packages]]\nname = \"numpy\"\nversion = \"2.0\"\nmarker = \"x\"\nsdist = {{ path = \
             \"/w/numpy-2.0.tar.gz\", hashes = {{ sha256 = \"{a}\" }} }}\n[[packages]]\nname = \"requests\"\nversion = \
             \"2.32.3\"\nwheels = [{{ name = \"requests-2.32.3-py3-none-any.whl\", hashes = {{ md5 = \"0\", sha256 = \
             \"{a}\" }} }}]\n",
            a = digest("a"),
            b = digest("b"),
        );
        let resolved = join(rows, &pylock).unwrap();
        let shown: Vec<String> = resolved
            .iter()
            .map(|one| {
                let files: Vec<&str> = one.files.iter().map(|file| file.name.as_str()).collect();
                format!("{} {:?} {files:?} {:?} {}", one.id, one.marker, one.dependencies, one.asked)
            })
            .collect();
        assert_eq!(
            shown,
            [
                r#"idna 3.10 None ["idna-3.10-py3-none-any.whl"] [] false"#,
                r#"numpy 1.0+cpu Some("python_full_version < '3.11'") ["numpy-1.0+cpu-a.whl"] [] true"#,
                r#"numpy 2.0 Some("python_full_version >= '3.11'") ["numpy-2.0.tar.gz"] [] true"#,
                r#"requests 2.32.3 None ["requests-2.32.3-py3-none-any.whl"] ["idna"] true"#,
            ]
        );
        let none = join("idna==3.10\n", "[[packages]]\nname = \"idna\"\nversion = \"3.10\"\n").unwrap_err();
        assert!(none.to_string().contains("no SHA-256"), "{none}");
    }

    #[test]
    fn a_name_is_decoded() {
        for (text, name) in
            [("a%2Bb%21", "a+b!"), ("a%", "a%"), ("a%zz%2", "a%zz%2"), ("gr%C3%B6", "gr\u{f6}")]
        {
            assert_eq!(decoded(text), name);
        }
    }

    #[test]
    fn a_requirement_is_written_as_pip_reads_it() {
        let requirement = |extras: &[&str], specifier: &str| Requirement {
            name: "requests".parse().unwrap(),
            extras: extras.iter().map(|extra| (*extra).to_owned()).collect(),
            specifier: specifier.to_owned(),
        };
        assert_eq!(requirement(&[], "").to_string(), "requests");
        assert_eq!(requirement(&["socks", "x"], ">=2,<3").to_string(), "requests[socks,x]>=2,<3");
    }
}
