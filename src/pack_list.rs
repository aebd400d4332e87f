//! The list at the head of a pack: what made it, and every file that follows, one after the other.
//!
//! JSON, the first entry of the archive, under the name [`LIST`]. It is read before anything else is taken, and it is a
//! stranger's: a path in it is compared with the one that follows from the rest of the row, and never used as one.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::layout::{CARGO_LOCK, LOCK, MANIFEST};
use crate::package::{PackageId, is_executable_name};
use crate::quote::is_obeyed;

/// The name of the list in the archive.
pub const LIST: &str = "envtool-pack.json";
/// The version of the format.
pub const FORMAT: u32 = 1;
/// The most bytes that a list may have: thirty times what 1,160 crates need.
pub const LARGEST_LIST: u64 = 16 << 20;
/// The platform of a wheel that serves them all.
const ANY: &str = "any";

/// What a pack says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackList {
    /// The version of the format.
    pub format: u32,
    /// The platform that it was made on, as `ARCH-OS`.
    pub platform: String,
    /// The version of cargo that the environment was made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cargo: Option<String>,
    /// The version of Python that its modules were installed for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Whether it is of a cargo project, whose sources are not in it.
    pub cargo_project: bool,
    /// Whether the wheels of other platforms are in it.
    pub all_platforms: bool,
    /// Every file, in the order in which they follow.
    pub files: Vec<PackFile>,
}

/// One file of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackFile {
    /// Its path in the archive.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its bytes.
    pub sha256: Digest,
    /// The platform that it serves; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// What it is.
    #[serde(flatten)]
    pub what: What,
}

/// What a file of a pack is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum What {
    /// A manifest or a lock of the project.
    Project {
        /// Its name.
        file: String,
    },
    /// An archive of a crate, as its registry has it.
    Crate {
        /// Which crate.
        #[serde(flatten)]
        package: PackageId,
    },
    /// A crate from git, as cargo exported it, as an archive that was made here.
    Git {
        /// Which crate.
        #[serde(flatten)]
        package: PackageId,
        /// Its key in a store: the digest of repository, commit and crate.
        key: Digest,
        /// The digest of its tree.
        tree: Digest,
    },
    /// A wheel, or the source of a Python package that may be built.
    Wheel {
        /// Its file name.
        file: String,
    },
    /// The uv program, as its wheel.
    Uv {
        /// Its file name.
        file: String,
    },
    /// An executable of a tool.
    Executable {
        /// Which tool.
        #[serde(flatten)]
        package: PackageId,
        /// The name of the executable.
        executable: String,
        /// Whether it was taken over from the machine, and not built for this environment.
        adopted: bool,
        /// Under which key it lay in the store there: the digest of all that decided on it.
        key: Digest,
        /// What built it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        rustc: String,
    },
}

impl What {
    /// Its path in the archive; `None` where a name in it is none.
    fn path(&self, sha256: &Digest) -> Option<String> {
        let path = match self {
            Self::Project { file } => {
                [MANIFEST, LOCK, CARGO_LOCK].contains(&file.as_str()).then(|| format!("project/{file}"))?
            }
            Self::Crate { .. } => format!("crates/{sha256}.crate"),
            Self::Git { key, .. } => format!("git/{key}.crate"),
            Self::Wheel { file } => is_file_name(file).then(|| format!("wheels/{sha256}/{file}"))?,
            Self::Uv { file } => is_file_name(file).then(|| format!("uv/{sha256}/{file}"))?,
            Self::Executable { package, executable, .. } => is_executable_name(executable)
                .then(|| format!("executables/{}/{executable}", package.folder()))?,
        };
        Some(path)
    }

    /// Small and decisive things first: who reads the pack can stop early.
    fn rank(&self) -> u8 {
        match self {
            Self::Project { .. } => 0,
            Self::Crate { .. } => 1,
            Self::Git { .. } => 2,
            Self::Wheel { .. } => 3,
            Self::Uv { .. } => 4,
            Self::Executable { .. } => 5,
        }
    }
}

/// Whether a text is the name of a wheel or of a source distribution: nothing else than letters, digits and what their
/// versions are written with.
pub fn is_file_name(name: &str) -> bool {
    name.len() <= 255
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+!".contains(c))
        && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && [".whl", ".tar.gz", ".zip"].iter().any(|ending| name.ends_with(ending))
}

/// Whether a text may be a platform or a version: one short line.
fn is_plain(text: &str) -> bool {
    (1..=200).contains(&text.len()) && !text.contains(is_obeyed)
}

/// The platform in the name of a wheel; `None` where it serves all, and for what is no wheel.
fn platform_of(file: &str) -> Option<String> {
    let tag = file.strip_suffix(".whl")?.rsplit('-').next()?;
    (tag != ANY).then(|| tag.to_owned())
}

impl PackFile {
    /// The row of a file that serves `platform` where it is one that is run.
    pub fn new(what: What, size: u64, sha256: Digest, platform: &str) -> Result<Self> {
        let path = what.path(&sha256).ok_or_else(|| {
            Fault::new("could not pack the environment")
                .why(format!("{what:?} has a name that is none of a file"))
                .help("pin another release of it")
        })?;
        let platform = match &what {
            What::Wheel { file } | What::Uv { file } => platform_of(file),
            What::Executable { .. } => Some(platform.to_owned()),
            What::Project { .. } | What::Crate { .. } | What::Git { .. } => None,
        };
        Ok(Self { path, size, sha256, platform, what })
    }

    /// Where it stands among the others.
    pub fn order(&self) -> (u8, &str) {
        (self.what.rank(), &self.path)
    }
}

/// Read first, since a newer format may hold what this one cannot read.
#[derive(Deserialize)]
struct OnlyFormat {
    format: u32,
}

impl PackList {
    /// Reads a list. `name` is how errors name the pack.
    pub fn read(bytes: &[u8], name: &str) -> Result<Self> {
        let bad = |why: String| {
            Fault::new(format!("refused the pack {name}"))
                .why(why)
                .help("nothing of it was used; make it anew with `envtool pack` where the environment is")
        };
        let broken = |error: serde_json::Error| bad(format!("its list cannot be read: {error}"));
        let OnlyFormat { format } = serde_json::from_slice(bytes).map_err(broken)?;
        if format != FORMAT {
            return Err(bad(format!("it is of format {format}, and this envtool reads {FORMAT}"))
                .help("install a newer envtool, or make the pack with this one"));
        }
        let list: Self = serde_json::from_slice(bytes).map_err(broken)?;
        // They are shown, each in the middle of a line.
        let said = [Some(&list.platform), list.cargo.as_ref(), list.python.as_ref()];
        if let Some(odd) = said.into_iter().flatten().find(|text| !is_plain(text)) {
            return Err(bad(format!("its list has {odd:.60?} where a platform or a version belongs")));
        }
        for file in &list.files {
            if file.what.path(&file.sha256).as_deref() != Some(file.path.as_str()) {
                return Err(bad(format!("its list has {:?} where that does not belong", file.path)));
            }
        }
        if let Some(pair) = list.files.windows(2).find(|pair| pair[0].order() >= pair[1].order()) {
            return Err(bad(format!("its list has {:?} twice, or out of its order", pair[1].path)));
        }
        if list.bytes().is_none() {
            return Err(bad("its list has sizes that no disk has".to_owned()));
        }
        Ok(list)
    }

    /// The bytes of the list.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| Fault::bug("could not write the list of a pack").because(&error))?;
        Ok([text, b"\n".to_vec()].concat())
    }

    /// The bytes of all files; `None` for more than there can be.
    pub fn bytes(&self) -> Option<u64> {
        const MOST: u64 = 1 << 50;
        let all = self.files.iter().try_fold(0u64, |sum, file| sum.checked_add(file.size))?;
        (all <= MOST).then_some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::{PackFile, PackList, What, is_file_name};
    use crate::digest::Digest;

    fn list() -> PackList {
        let id = |name: &str| crate::package::PackageId {
            name: name.parse().unwrap(),
            version: "1.0.0".parse().unwrap(),
        };
        let digest = Digest::of(b"x");
        let executable = What::Executable {
            package: id("tool"),
            executable: "tool".to_owned(),
            adopted: false,
            key: digest,
            rustc: "rustc 1.95.0".to_owned(),
        };
        let all = [
            What::Project { file: "envtool.lock".to_owned() },
            What::Crate { package: id("a") },
            What::Git { package: id("g"), key: digest, tree: digest },
            What::Wheel { file: "a-1.0-py3-none-any.whl".to_owned() },
            What::Wheel { file: "n-1.0-cp311-cp311-win_amd64.whl".to_owned() },
            executable,
        ];
        let files = all.map(|what| PackFile::new(what, 1, digest, "x86_64-linux").unwrap()).into();
        PackList {
            format: 1,
            platform: "x86_64-linux".to_owned(),
            cargo: None,
            python: None,
            cargo_project: false,
            all_platforms: false,
            files,
        }
    }

    #[test]
    fn a_list_comes_back_as_it_was_written_and_says_whom_each_file_serves() {
        let list = list();
        let bytes = list.to_bytes().unwrap();
        assert_eq!(PackList::read(&bytes, "p").unwrap(), list);
        let platforms: Vec<_> = list.files.iter().map(|file| file.platform.as_deref()).collect();
        assert_eq!(platforms, [None, None, None, None, Some("win_amd64"), Some("x86_64-linux")]);
    }

    #[test]
    fn a_list_that_says_anything_odd_is_refused() {
        let text = String::from_utf8(list().to_bytes().unwrap()).unwrap();
        let digest = Digest::of(b"x").to_string();
        for (from, to, why) in [
            ("\"format\": 1", "\"format\": 2", "format 2"),
            ("\"executable\": \"tool\"", "\"executable\": \"../tool\"", "does not belong"),
            ("executables/tool-1.0.0/tool", "executables/tool-1.0.0/../../x", "does not belong"),
            ("\"name\": \"tool\"", "\"name\": \"../x\"", "cannot be read"),
            ("\"file\": \"envtool.lock\"", "\"file\": \"../.bashrc\"", "does not belong"),
            ("project/envtool.lock", "/etc/passwd", "does not belong"),
            ("\"kind\": \"git\"", "\"kind\": \"link\"", "cannot be read"),
            ("\"size\": 1,", "\"size\": 18446744073709551615,", "no disk has"),
            ("\"size\": 1,", "\"size\": -1,", "cannot be read"),
            (digest.as_str(), "xyz", "cannot be read"),
            ("n-1.0-cp311-cp311-win_amd64.whl", "a-1.0-py3-none-any.whl", "twice"),
            ("{\n", "[", "cannot be read"),
            ("\"x86_64-linux\"", "\"x\\nhelp: run `evil`\"", "where a platform"),
            ("\"x86_64-linux\"", "\"\"", "where a platform"),
        ] {
            let bad = text.replace(from, to);
            assert_ne!(bad, text, "{from}");
            let fault = PackList::read(bad.as_bytes(), "env.pack").unwrap_err();
            assert!(fault.to_string().contains(why), "{from} → {to}: {fault}");
            assert!(fault.to_string().contains("env.pack") && fault.help_text().is_some());
        }
    }

    #[test]
    fn names_of_python_files_are_plain() {
        for good in ["a-1.0-py3-none-any.whl", "a-1.0+cpu.tar.gz", "_x-1!2.zip"] {
            assert!(is_file_name(good), "{good}");
        }
        for bad in
            ["", "x", ".whl", "../a.whl", "a/b.whl", "a\\b.whl", "a\n.whl", "-a.whl", "C:a.whl", "a b.whl"]
        {
            assert!(!is_file_name(bad), "{bad:?}");
        }
    }
}
