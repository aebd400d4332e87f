//! The user's cargo, started as a program: what it would choose is what it says itself.
//!
//! It runs in the root folder, so that no configuration is found on the way up from where envtool stands, and each
//! configuration of the project is passed by name: so the environment's own replacement of sources, without which a
//! new dependency could not be found, is left out. Wrappers of the compiler are switched off: to look at a project
//! must not run what the project names.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::fault::{Fault, Result};
use crate::mirror::Mirror;
use crate::package::PackageId;
use crate::process::{self, Program};

/// The first cargo whose configuration can include files (`include`, stable since 1.94), on which isolation stands.
pub const ISOLATES_FROM: (u64, u64) = (1, 94);

/// The user's cargo.
#[derive(Debug, Clone)]
pub struct Cargo {
    program: PathBuf,
    rustup: Option<PathBuf>,
    /// `RUSTUP_TOOLCHAIN` for it; `None` leaves the choice to rustup.
    toolchain: Option<OsString>,
    /// cargo's home.
    home: Option<PathBuf>,
    /// What the user's `RUSTC` says.
    rustc: OsString,
    /// Whether rustup may install the toolchain that the project names, as it does by itself.
    may_install: bool,
}

/// What cargo is told besides the project.
#[derive(Debug, Default, Clone)]
pub struct Surroundings {
    /// Configurations, lowest precedence first.
    pub configs: Vec<PathBuf>,
    /// Whether the network may be used.
    pub offline: bool,
    /// What stands in for crates.io.
    pub mirror: Option<StandIn>,
}

/// A mirror that stands in for crates.io, and the name that it has as a source of cargo's configuration.
#[derive(Debug, Clone)]
pub struct StandIn {
    /// The mirror.
    pub mirror: Mirror,
    /// cargo wants one name for one address.
    pub name: String,
}

impl StandIn {
    /// Tells cargo. The token stands in a variable: the arguments of a program can be read by every user of the machine.
    fn tell(&self, program: Program) -> Program {
        let index = self.mirror.url().crates();
        let value = |text: &str| toml::Value::from(text).to_string();
        let name = value(&self.name);
        let program = program
            .arg("--config")
            .arg(format!("source.crates-io.replace-with={name}"))
            .arg("--config")
            .arg(format!("source.{name}.registry={}", value(&index)));
        // A registry that variables name counts more than one of the files with the same index.
        match self.mirror.token() {
            None => program,
            Some(token) => program
                .set("CARGO_REGISTRIES_ENVTOOL_MIRROR_INDEX", index)
                .set("CARGO_REGISTRIES_ENVTOOL_MIRROR_TOKEN", token)
                .set("CARGO_REGISTRIES_ENVTOOL_MIRROR_CREDENTIAL_PROVIDER", "cargo:token"),
        }
    }
}

/// A cargo workspace, or a package on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// The folder of its root manifest.
    pub root: PathBuf,
    /// The manifests of its members.
    pub manifests: Vec<PathBuf>,
}

/// cargo's answer to "does this lock serve these manifests".
#[derive(Debug, PartialEq, Eq)]
pub enum Agreement {
    /// It does.
    Agreed,
    /// It does not, and why in cargo's words.
    Differs(String),
}

impl Cargo {
    /// Finds cargo on `path`, the value of PATH.
    pub fn find(path: &OsStr, folder: &Path, home: Option<&Path>, rustc: Option<&OsStr>) -> Result<Self> {
        let program = process::find(OsStr::new("cargo"), path, folder).ok_or_else(|| {
            Fault::new("could not find cargo").why("there is no program `cargo` on PATH").help(
                "install Rust with rustup (or your system's package, such as `apt install cargo`), and see that `cargo -V` answers",
            )
        })?;
        let rustup = process::find(OsStr::new("rustup"), path, folder);
        tracing::debug!(?program, ?rustup, ?home, "uses this cargo");
        Ok(Self {
            program,
            rustup,
            toolchain: None,
            home: home.map(Path::to_owned),
            rustc: rustc.unwrap_or(OsStr::new("rustc")).to_owned(),
            may_install: true,
        })
    }

    /// The same for whoever only looks: rustup then installs no toolchain for it.
    #[must_use]
    pub fn installing_nothing(self) -> Self {
        Self { may_install: false, ..self }
    }

    /// Chooses the toolchain that rustup chooses in `project`: cargo is started elsewhere, where it would not see the
    /// project's rust-toolchain.toml. `chosen` is the user's own `RUSTUP_TOOLCHAIN`.
    pub fn as_in(mut self, project: &Path, chosen: Option<&OsStr>) -> Result<Self> {
        if let Some(chosen) = chosen {
            self.toolchain = Some(chosen.to_owned());
        } else if let Some(rustup) = &self.rustup {
            let program = Program::new(rustup).args(["show", "active-toolchain"]).within(project);
            let output = self.held_back(program).output()?;
            let text = String::from_utf8_lossy(&output.stdout);
            if !output.status.success() {
                return Err(Fault::new(format!("rustup has no toolchain for {}", project.display()))
                    .why(words(&output.stderr))
                    .help("install the one that the project names (`rustup toolchain install` in it)"));
            }
            self.toolchain = text.split_whitespace().next().map(OsString::from);
        }
        Ok(self)
    }

    /// Chooses a toolchain by name; `None` leaves the choice to rustup, which takes the machine's default in the root
    /// folder.
    #[must_use]
    pub fn with_toolchain(mut self, toolchain: Option<&OsStr>) -> Self {
        self.toolchain = toolchain.map(OsStr::to_owned);
        self
    }

    /// Its version.
    pub fn version(&self) -> Result<semver::Version> {
        let output = self.program().arg("-V").output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        text.split_whitespace().nth(1).and_then(|word| word.parse().ok()).ok_or_else(|| {
            Fault::new(format!("could not tell the version of {}", self.program.display()))
                .why(words(&output.stderr))
                .help("see that `cargo -V` answers")
        })
    }

    fn held_back(&self, program: Program) -> Program {
        if self.may_install { program } else { program.set("RUSTUP_AUTO_INSTALL", "0") }
    }

    fn program(&self) -> Program {
        let mut program = self.held_back(Program::new(&self.program).within(root_folder()));
        // A relative home counts from where the user stands, and not from the root folder.
        if let Some(home) = &self.home {
            program = program.set("CARGO_HOME", home);
        }
        match &self.toolchain {
            Some(toolchain) => program.set("RUSTUP_TOOLCHAIN", toolchain),
            None => program,
        }
    }

    /// A command of cargo for the project of `manifest`.
    fn command(&self, command: &str, manifest: &Path, surroundings: &Surroundings) -> Program {
        let mut rustc = OsString::from("build.rustc=");
        rustc.push(toml::Value::from(self.rustc.to_string_lossy().into_owned()).to_string());
        let mut program = self.program().arg(command).arg("--manifest-path").arg(manifest);
        for config in &surroundings.configs {
            program = program.arg("--config").arg(config);
        }
        if let Some(mirror) = &surroundings.mirror {
            program = mirror.tell(program);
        }
        program = program.arg("--config").arg(rustc);
        for wrapper in ["build.rustc-wrapper=\"\"", "build.rustc-workspace-wrapper=\"\""] {
            program = program.args(["--config", wrapper]);
        }
        if surroundings.offline { program.arg("--offline") } else { program }
    }

    /// The workspace that the package of `manifest` belongs to.
    pub fn workspace(&self, manifest: &Path) -> Result<Workspace> {
        // Registries that the manifest names are known from the folder that it lies in; nothing is resolved, so the
        // environment does not matter.
        let surroundings = Surroundings { offline: true, ..Surroundings::default() };
        let output = self
            .command("metadata", manifest, &surroundings)
            .args(["--no-deps", "--format-version", "1"])
            .within(manifest.parent().unwrap_or(root_folder()))
            .output()?;
        if !output.status.success() {
            return Err(Fault::new(format!("cargo could not read {}", manifest.display()))
                .why(words(&output.stderr))
                .help("correct it until `cargo metadata` answers"));
        }
        let metadata: Metadata = serde_json::from_slice(&output.stdout).map_err(|error| {
            Fault::new(format!("could not read what `cargo metadata` answered for {}", manifest.display()))
                .because(&error)
                .help(
                    "see that `cargo` on PATH is cargo itself: `cargo metadata --no-deps --format-version 1`",
                )
        })?;
        let manifests = metadata.packages.into_iter().map(|package| package.manifest_path).collect();
        Ok(Workspace { root: metadata.workspace_root, manifests })
    }

    /// Asks whether the lock beside `manifest` serves it, without a network: `replacement` is a configuration that
    /// replaces every source by folders.
    pub fn agrees(
        &self,
        manifest: &Path,
        surroundings: &Surroundings,
        replacement: &Path,
    ) -> Result<Agreement> {
        let offline = Surroundings { offline: true, ..surroundings.clone() };
        let program =
            self.command("update", manifest, &offline).args(["--workspace", "--locked", "--config"]);
        let output = program.arg(replacement).output()?;
        Ok(if output.status.success() {
            Agreement::Agreed
        } else {
            Agreement::Differs(words(&output.stderr))
        })
    }

    /// Locks: what the lock names stays where it can, and an absent lock is made.
    pub fn lock(&self, manifest: &Path, has_lock: bool, surroundings: &Surroundings) -> Result<()> {
        let program = match has_lock {
            true => self.command("update", manifest, surroundings).arg("--workspace"),
            false => self.command("generate-lockfile", manifest, surroundings),
        };
        run(&program, "could not lock", manifest, surroundings)
    }

    /// Moves one package of the lock beside `manifest` to a version, and nothing else where that can be.
    pub fn precise(
        &self,
        manifest: &Path,
        package: &PackageId,
        version: &semver::Version,
        surroundings: &Surroundings,
    ) -> Result<()> {
        let program = self
            .command("update", manifest, surroundings)
            .arg(format!("{}@{}", package.name, package.version))
            .args(["--precise".to_owned(), version.to_string()]);
        run(&program, "could not lock", manifest, surroundings)
    }

    /// Moves packages of the lock beside `manifest` as far as what asks for them allows, and nothing else where that can
    /// be. As for `envtool add`, what needs a newer Rust than the project has does not come where an older one will do.
    pub fn update(&self, manifest: &Path, packages: &[PackageId], surroundings: &Surroundings) -> Result<()> {
        let program = self
            .command("update", manifest, surroundings)
            .args(["--config", "resolver.incompatible-rust-versions=\"fallback\""])
            .args(packages.iter().map(|package| format!("{}@{}", package.name, package.version)));
        run(&program, "could not lock", manifest, surroundings)
    }

    /// The program that builds the executables of the package of `manifest`, without a network, from a lock that must
    /// serve. What it prints is JSON, a line for each thing that was built (cargo reference, "External tools"); what
    /// it says of errors is for people. No configuration counts but that of cargo's home, wrappers of the user's among
    /// it.
    pub fn build(&self, manifest: &Path, target: &Path, configs: &[OsString]) -> Program {
        let mut program = self
            .program()
            .args(["build", "--release", "--locked", "--offline", "--message-format=json-render-diagnostics"])
            .arg("--manifest-path")
            .arg(manifest)
            .arg("--target-dir")
            .arg(target);
        for config in configs {
            program = program.arg("--config").arg(config);
        }
        // Folders of the user's do not count, and what lies in them is not ours to remap. Crates of the registry gain
        // nothing from incremental builds, and come out otherwise with them.
        // (`build.build-dir` is a template: a folder with a brace in its name cannot be said.)
        program = match target.as_os_str().as_encoded_bytes().contains(&b'{') {
            true => program.unset("CARGO_BUILD_BUILD_DIR"),
            false => program.set("CARGO_BUILD_BUILD_DIR", target),
        };
        program
            .set("CARGO_INCREMENTAL", "0")
            .set("CARGO_TERM_COLOR", "never")
            // How far it is, on a line that ends with a carriage return, and is as wide as names of crates want.
            .set("CARGO_TERM_PROGRESS_WHEN", "always")
            .set("CARGO_TERM_PROGRESS_WIDTH", "200")
            .set("CARGO_TERM_PROGRESS_TERM_INTEGRATION", "false")
            .set("CARGO_TERM_QUIET", "false")
    }

    /// Has cargo fetch what the lock beside `manifest` names into its own cache.
    pub fn fetch(&self, manifest: &Path, surroundings: &Surroundings) -> Result<()> {
        let program = self.command("fetch", manifest, surroundings).arg("--locked");
        run(&program, "could not fetch the crates of", manifest, surroundings)
    }

    /// Has cargo export every crate that the package of `manifest` needs to `folder`, `replacement` being a
    /// configuration that replaces some sources by folders.
    pub fn vendor(
        &self,
        manifest: &Path,
        surroundings: &Surroundings,
        replacement: &Path,
        folder: &Path,
    ) -> Result<()> {
        let program = self
            .command("vendor", manifest, surroundings)
            .args(["--versioned-dirs", "--respect-source-config", "--quiet", "--config"])
            .arg(replacement)
            .arg(folder);
        run(&program, "could not export the git crates of", manifest, surroundings)
    }
}

/// Runs a command of cargo to its end.
fn run(program: &Program, what: &str, manifest: &Path, surroundings: &Surroundings) -> Result<()> {
    let output = program.output()?;
    if output.status.success() {
        return Ok(());
    }
    let why = words(&output.stderr);
    // What is no word of the reason may say that the network was forbidden.
    let said = String::from_utf8_lossy(&output.stderr);
    let help = if said.contains("--offline") || said.contains("offline mode") {
        "run it again without `--offline`"
    } else if why.contains("failed to select a version") {
        "two pins exclude each other: move both in one command (`envtool upgrade A B`, or `envtool add A@VERSION B@VERSION`), or ask for another release"
    } else {
        "cargo said so; correct the manifest, or check the network and the registry's address"
    };
    let fault = Fault::new(format!("{what} {}", manifest.display())).why(why).help(help);
    Err(surroundings.mirror.iter().fold(fault, |fault, known| known.mirror.explain(fault)))
}

/// The folder with the fewest above it: no configuration is found on the way up from there.
pub fn root_folder() -> &'static Path {
    Path::new(if cfg!(windows) { "C:\\" } else { "/" })
}

/// cargo's error without its progress and its own help on flags that the user did not give.
fn words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let kept: Vec<&str> = text.lines().filter(|line| !is_noise(line)).collect();
    kept.join("\n").trim().trim_start_matches("error: ").to_owned()
}

/// Whether a line of cargo's is progress, or advice on flags that the user did not give.
fn is_noise(line: &str) -> bool {
    let progress = ["Updating", "Locking", "Adding", "Removing", "Downloading", "Downloaded", "Blocking"];
    let first = line.split_whitespace().next().unwrap_or_default();
    let advice = [
        "note: pass `--verbose`",
        "help: to generate the lock file without",
        "As a reminder, you're using offline mode",
        // Of the folders that stand in for the registries when cargo is asked.
        "location searched: directory source",
        "perhaps a crate was updated and forgotten to be re-vendored?",
    ];
    (line.starts_with("   ") && progress.contains(&first))
        || advice.iter().any(|start| line.trim_start().starts_with(start))
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct MetadataPackage {
    manifest_path: PathBuf,
}
