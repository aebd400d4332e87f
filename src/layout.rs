//! Every path and file name that envtool itself decides on, once.
//!
//! ```text
//! PROJECT/                         STORE/v1/
//!   envtool.toml                     .lock                       shared by who uses it, exclusive to prune
//!   envtool.lock                     archives/SHA256.crate       as downloaded
//!                                    files/SHA256/FILE           of Python packages as published, for packs and a mirror
//!                                    mirror/REGISTRY/NAME.json   what a mirror was told of a package
//!   .cargo/config.toml               trees/KEY/NAME-VERSION/     unpacked, folders 0555
//!   .envtool/                        trees/KEY/record.json       what the tree was when it was unpacked
//!     env.toml                       index/HOST-SHA/…            index answers with their ETags
//!     cargo.toml                     agreed/SHA256               manifests that cargo found to agree with a lock
//!     vendor/NAME-VERSION            environments/ID.json        where an environment was seen; its stamp
//!     vendor-ID/NAME-VERSION         built/KEY/bin/NAME          executables of a tool, with record.json
//!     receipts/vendor/NAME-VERSION.json  building/KEY/           what tools are built in
//!     receipts/tools/NAME-VERSION.json   python/uv/VERSION-SHA/uv  a uv that was brought
//!     bin/NAME                       python/cache/               uv's own
//!      (executables of tools, and    python/known/KEY.json       what a uv or a Python said of itself
//!      what users put there)         tmp/                        being written
//!     bin/activate                   one-off/KEY/                a project with one tool, for `exec`
//!     journal/undo.json                what manifests were, while cargo resolves others
//!     journal/sync.json              a change that was decided and is being carried out
//!     staging/                       what it needs
//!     .lock                          trusted/KEY.json            what a project held when it was trusted
//!                                    shells/                     what a shell of `envtool shell` reads first
//! ```

use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::module::ModuleName;
use crate::package::PackageId;

/// The manifest's file name.
pub const MANIFEST: &str = "envtool.toml";
/// The lock's file name.
pub const LOCK: &str = "envtool.lock";
/// The environment's folder name.
pub const ENVIRONMENT: &str = ".envtool";
/// The folder of executables in an environment.
pub const BIN: &str = "bin";
/// The folder of the receipts of tools, below that of all receipts.
pub const TOOLS: &str = "tools";
/// The folder of crates from crates.io in an environment.
pub const VENDOR: &str = "vendor";
/// Whether a name is one that a folder of crates can have: `vendor`, or `vendor-` with what a source's folder is
/// called.
pub fn is_crate_folder(name: &str) -> bool {
    let rest = name.strip_prefix("vendor-").unwrap_or("x");
    (name == VENDOR || name.starts_with("vendor-"))
        && !rest.is_empty()
        && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// The environment's own venv.
pub const PYTHON: &str = "python";
/// How the folder of a venv begins that one tool from PyPI has for itself.
pub const PYTHON_TOOL: &str = "python-";

/// The folder of a tool's own venv.
pub fn tool_venv(name: &ModuleName) -> String {
    format!("{PYTHON_TOOL}{name}")
}

/// Whether a name is one that a venv of an environment can have, and its folder of receipts.
pub fn is_venv_folder(name: &str) -> bool {
    name == PYTHON
        || name
            .strip_prefix(PYTHON_TOOL)
            .is_some_and(|tool| tool.parse::<ModuleName>().is_ok_and(|parsed| parsed.as_str() == tool))
}

/// Whether a name in an environment's folder is envtool's own, what lies below it included.
pub fn is_own(name: &str) -> bool {
    let own = [BIN, TOOLS, "receipts", "journal", "staging", "env.toml", "cargo.toml", ".gitignore", ".lock"];
    own.contains(&name) || name.starts_with(RESOLVING) || is_crate_folder(name) || is_venv_folder(name)
}

/// How the names of cargo's configurations begin that lie in an environment while cargo resolves. They lie there
/// since cargo counts relative paths from the folder above the one that holds the file.
pub const RESOLVING: &str = "resolving-";
/// cargo's manifest.
pub const CARGO_MANIFEST: &str = "Cargo.toml";
/// cargo's lock.
pub const CARGO_LOCK: &str = "Cargo.lock";

/// The paths of one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectLayout {
    root: PathBuf,
}

impl ProjectLayout {
    /// The project whose folder is `root`.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The project's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `envtool.toml`.
    pub fn manifest(&self) -> PathBuf {
        self.root.join(MANIFEST)
    }

    /// `envtool.lock`.
    pub fn lock(&self) -> PathBuf {
        self.root.join(LOCK)
    }

    /// `Cargo.toml`.
    pub fn cargo_manifest(&self) -> PathBuf {
        self.root.join(CARGO_MANIFEST)
    }

    /// `Cargo.lock`.
    pub fn cargo_lock(&self) -> PathBuf {
        self.root.join(CARGO_LOCK)
    }

    /// `.cargo`.
    pub fn cargo_folder(&self) -> PathBuf {
        self.root.join(".cargo")
    }

    /// `.cargo/config.toml`.
    pub fn cargo_config(&self) -> PathBuf {
        self.root.join(".cargo/config.toml")
    }

    /// `.cargo/config`, the name before `config.toml`; cargo prefers it where both are there.
    pub fn legacy_cargo_config(&self) -> PathBuf {
        self.root.join(".cargo/config")
    }

    /// The environment's paths.
    pub fn environment(&self) -> EnvironmentLayout {
        EnvironmentLayout { root: self.root.join(ENVIRONMENT) }
    }
}

/// The paths of one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentLayout {
    root: PathBuf,
}

impl EnvironmentLayout {
    /// `.envtool`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What an environment is known by.
    pub fn record(&self) -> PathBuf {
        self.root.join("env.toml")
    }

    /// The file that the project's cargo config includes.
    pub fn cargo_toml(&self) -> PathBuf {
        self.root.join("cargo.toml")
    }

    /// A folder that changes as a whole: `bin`, one of crates (`vendor`, `vendor-ID`), or a venv: `python`, and
    /// `tools/NAME` for `python-NAME`.
    pub fn folder(&self, name: &str) -> PathBuf {
        match name.strip_prefix(PYTHON_TOOL) {
            Some(tool) => self.tool_venvs().join(tool),
            None => self.root.join(name),
        }
    }

    /// The folder of the venvs of tools from PyPI.
    pub fn tool_venvs(&self) -> PathBuf {
        self.root.join("tools")
    }

    /// cargo's own record of what `cargo install` put here.
    pub fn cargo_record(&self) -> PathBuf {
        self.root.join(".crates2.json")
    }

    /// The same, in its older form.
    pub fn old_cargo_record(&self) -> PathBuf {
        self.root.join(".crates.toml")
    }

    /// The executables, and the scripts that activate.
    pub fn bin(&self) -> PathBuf {
        self.root.join(BIN)
    }

    /// All receipts.
    pub fn receipts(&self) -> PathBuf {
        self.root.join("receipts")
    }

    /// Held while the environment changes.
    pub fn lock(&self) -> PathBuf {
        self.root.join(".lock")
    }

    /// Its `*` keeps git out.
    pub fn gitignore(&self) -> PathBuf {
        self.root.join(".gitignore")
    }

    /// The folder of journals.
    pub fn journals(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// There while a change that was decided is being carried out.
    pub fn journal(&self) -> PathBuf {
        self.journals().join("sync.json")
    }

    /// There while files of the project stand changed for cargo to resolve them: what they held before.
    pub fn undo(&self) -> PathBuf {
        self.journals().join("undo.json")
    }

    /// What is being made ready.
    pub fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }
}

/// The paths of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreLayout {
    root: PathBuf,
}

impl StoreLayout {
    /// The store below `cache`, the folder that `envtool cache dir` prints. The format's version is part of the path,
    /// so two versions of envtool never read each other's.
    pub fn new(cache: &Path) -> Self {
        Self { root: cache.join("v1") }
    }

    /// The folder of this format.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every folder that the store consists of.
    pub fn buckets() -> [&'static str; 15] {
        [
            "archives",
            "files",
            "mirror",
            "trees",
            "built",
            "adopted",
            "building",
            "index",
            "agreed",
            "python",
            "one-off",
            "environments",
            "trusted",
            "shells",
            "tmp",
        ]
    }

    /// One of [`StoreLayout::buckets`].
    pub fn bucket(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Shared by who uses the store, exclusive to who takes things away.
    pub fn lock(&self) -> PathBuf {
        self.root.join(".lock")
    }

    /// A `.crate` as it was downloaded.
    pub fn archive(&self, digest: &Digest) -> PathBuf {
        self.root.join("archives").join(format!("{digest}.crate"))
    }

    /// What a mirror keeps of the answers of one registry.
    pub fn mirror(&self, registry: &str) -> PathBuf {
        self.root.join("mirror").join(registry)
    }

    /// What belongs to one tree: the tree and its record.
    pub fn tree_entry(&self, key: &Digest) -> PathBuf {
        self.root.join("trees").join(key.to_string())
    }

    /// The unpacked tree.
    pub fn tree(&self, key: &Digest, package: &PackageId) -> PathBuf {
        self.tree_entry(key).join(package.folder())
    }

    /// The record of a tree in the folder of its entry.
    pub fn tree_record(entry: &Path) -> PathBuf {
        entry.join("record.json")
    }

    /// What belongs to one tool that was built: its executables in `bin/`, and its record.
    pub fn built(&self, key: &Digest) -> PathBuf {
        self.root.join("built").join(key.to_string())
    }

    /// The record in the folder of a built tool.
    pub fn built_record(entry: &Path) -> PathBuf {
        entry.join("record.json")
    }

    /// An executable in the folder of a built tool.
    pub fn executable(entry: &Path, name: &str) -> PathBuf {
        entry.join(BIN).join(name)
    }

    /// An executable that was taken over from the machine.
    pub fn adopted(&self, digest: &Digest, name: &str) -> PathBuf {
        self.root.join("adopted").join(digest.to_string()).join(name)
    }

    /// Where tools are built that have all that decides on code in common but their own source.
    pub fn workshop(&self, key: &Digest) -> PathBuf {
        self.root.join("building").join(key.short(16))
    }

    /// A cached index answer.
    pub fn index(&self, registry: &str, file: &str) -> PathBuf {
        self.root.join("index").join(registry).join(file)
    }

    /// There where cargo found the manifests and the lock behind `key` to agree.
    pub fn agreed(&self, key: &Digest) -> PathBuf {
        self.root.join("agreed").join(key.to_string())
    }

    /// uv's own cache.
    pub fn python_cache(&self) -> PathBuf {
        self.root.join("python/cache")
    }

    /// A uv that was brought as the wheel of this digest.
    pub fn uv(&self, version: &str, wheel: &Digest) -> PathBuf {
        let name = if cfg!(windows) { "uv.exe" } else { "uv" };
        self.root.join("python/uv").join(format!("{version}-{}", wheel.short(16))).join(name)
    }

    /// The folder of a file of a Python package that is kept as it was published: a wheel, a source distribution, or
    /// metadata of one. It holds that file under its own name.
    pub fn wheel(&self, digest: &Digest) -> PathBuf {
        self.root.join("files").join(digest.to_string())
    }

    /// What a program said of itself.
    pub fn known_program(&self, key: &Digest) -> PathBuf {
        self.root.join("python/known").join(format!("{key}.json"))
    }

    /// The project of a tool that is run without a project's pin.
    pub fn one_off(&self, key: &Digest) -> PathBuf {
        self.root.join("one-off").join(key.short(32))
    }

    /// What is known of one environment.
    pub fn environment(&self, id: &str) -> PathBuf {
        self.root.join("environments").join(format!("{id}.json"))
    }

    /// What a project held when the user trusted it; `key` is the digest of its path.
    pub fn trusted(&self, key: &Digest) -> PathBuf {
        self.root.join("trusted").join(format!("{key}.json"))
    }

    /// What the shells of `envtool shell` read when they start.
    pub fn shells(&self) -> PathBuf {
        self.root.join("shells")
    }

    /// Where things are made before they are renamed into place.
    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }
}
