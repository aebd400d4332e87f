//! The toolchain that builds tools: the machine's default and not the project's, unless the pin names one.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::cargo::config;
use crate::cargo::program::{Cargo, root_folder};
use crate::cargo_config::CargoConfig;
use crate::context::Context;
use crate::digest::{Digest, Hasher};
use crate::fault::{Fault, Result};
use crate::fs;
use crate::process::{self, Program};

/// The tables of cargo's configuration that decide on code.
const TABLES: [&str; 7] = ["build", "env", "host", "patch", "profile", "target", "unstable"];
/// What of them does not.
const NOT: [(&str, &str); 5] = [
    ("build", "build-dir"),
    ("build", "dep-info-basedir"),
    ("build", "incremental"),
    ("build", "jobs"),
    ("build", "target-dir"),
];
/// Variables that do not, whatever their names begin with.
const NOT_VARIABLES: [&str; 7] = [
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_BUILD_DEP_INFO_BASEDIR",
    "CARGO_BUILD_INCREMENTAL",
    "CARGO_BUILD_JOBS",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_TARGET_DIR",
    "CARGO_TARGET_TMPDIR",
];

/// A toolchain, with everything of the machine that decides on the code it makes.
pub struct Toolchain {
    /// Its cargo.
    pub cargo: Cargo,
    /// cargo's configuration where tools are built: that of its home.
    pub config: CargoConfig,
    /// What `rustc -vV` says.
    pub verbose: String,
    rustc: Program,
    variables: BTreeMap<String, OsString>,
    /// Its name, where one was chosen.
    name: Option<OsString>,
}

impl Toolchain {
    /// Finds it; `name` is what a pin says.
    pub fn find(context: &Context<'_>, name: Option<&str>) -> Result<Self> {
        let rustup = || process::find(OsStr::new("rustup"), &context.path, &context.folder);
        if let Some(name) = name
            && rustup().is_none()
        {
            return Err(Fault::new(format!("could not use the toolchain {name}"))
                .why("there is no rustup on PATH, which toolchains are chosen with")
                .help("install rustup, or take `toolchain` out of envtool.toml"));
        }
        let name = name.map(OsStr::new).or(context.toolchain.as_deref());
        let home = context.cargo_home()?;
        let cargo = Cargo::find(&context.path, &context.folder, Some(home), context.rustc.as_deref())?
            .with_toolchain(name);
        let config = config::load(root_folder(), home, context.cargo_variables(), &|_| false)?;
        let rustc = context
            .rustc
            .clone()
            .map(PathBuf::from)
            .or(config.build_rustc()?)
            .unwrap_or_else(|| "rustc".into());
        let path = process::find(rustc.as_os_str(), &context.path, &context.folder).ok_or_else(|| {
            Fault::new(format!("could not find the compiler {}", rustc.display()))
                .help("install Rust with rustup, and see that `rustc -V` answers; where RUSTC or cargo's configuration names another, correct that")
        })?;
        let mut rustc = Program::new(path).within(root_folder());
        if let Some(name) = name {
            rustc = rustc.set("RUSTUP_TOOLCHAIN", name);
        }
        let verbose = ask(&rustc.clone().arg("-vV"), name)?;
        Ok(Self {
            name: name.map(OsStr::to_owned),
            cargo,
            config,
            verbose,
            rustc,
            variables: context.variables(decides),
        })
    }

    /// The compiler in one line.
    pub fn rustc(&self) -> &str {
        self.verbose.lines().next().unwrap_or_default()
    }

    /// The compiler's version.
    pub fn version(&self) -> Option<semver::Version> {
        self.field("release").and_then(|text| text.parse().ok())
    }

    /// The platform that it runs on.
    pub fn host(&self) -> &str {
        self.field("host").unwrap_or_default()
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.verbose.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The digest of all that decides on the code of any tool.
    pub fn digest(&self) -> Result<Digest> {
        let mut hasher = Hasher::default();
        hasher.update(self.verbose.as_bytes());
        hasher.update(self.config.text_of(&TABLES, &NOT)?.as_bytes());
        for (name, value) in &self.variables {
            hasher.update(format!("{name}\0").as_bytes());
            hasher.update(value.as_encoded_bytes());
            hasher.update(b"\0");
        }
        Ok(hasher.finish())
    }

    /// Where the sources of the standard library lie, and what stands for that in executables.
    fn sources(&self) -> Result<(PathBuf, String)> {
        let sysroot = ask(&self.rustc.clone().args(["--print", "sysroot"]), self.name.as_deref())?;
        let commit = self.field("commit-hash").unwrap_or("unknown");
        Ok((Path::new(sysroot.trim()).join("lib/rustlib/src/rust"), format!("/rustc/{commit}")))
    }

    /// Has a build present what lies in `folders` under names that are the same on every machine, besides the flags
    /// that the user gives. cargo takes flags from one place only: variables, else `[target]`, else `[build]`. A
    /// variable of ours takes the place of all, and says what the user's said: a list cannot be joined to a setting
    /// that is a text (tried).
    pub fn remap(&self, program: Program, folders: &[(&Path, &str)]) -> Result<Program> {
        let (sources, name) = self.sources()?;
        let flag = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
        let mut flags = self.flags()?;
        for (folder, name) in folders {
            // Where a compiler works is known by the path without links.
            let real = fs::canonical(folder)?;
            flags.push(flag(&real, name));
            if real != *folder {
                flags.push(flag(folder, name));
            }
        }
        flags.push(flag(&sources, &name));
        Ok(program.set("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}")))
    }

    /// The flags that the user gives rustc.
    fn flags(&self) -> Result<Vec<String>> {
        let text = |name: &str| self.variables.get(name).map(|value| value.to_string_lossy().into_owned());
        let words = |text: &str, end: char| {
            text.split(end).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
        };
        if let Some(encoded) = text("CARGO_ENCODED_RUSTFLAGS") {
            return Ok(words(&encoded, '\u{1f}'));
        }
        if let Some(flags) = text("RUSTFLAGS") {
            return Ok(words(&flags, ' '));
        }
        self.config
            .rustflags(self.host(), &ask(&self.rustc.clone().args(["--print", "cfg"]), self.name.as_deref())?)
    }
}

/// Whether a variable can decide on code: cargo's own, the compiler's, and those that build scripts of C libraries
/// follow (crates cc, pkg-config, openssl-sys).
fn decides(name: &str) -> bool {
    const STARTS: [&str; 10] = [
        "CARGO_BUILD_",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_PROFILE_",
        "CARGO_TARGET_",
        "CARGO_UNSTABLE_",
        "LIBCLANG_",
        "OPENSSL_",
        "PKG_CONFIG",
        "RUSTC",
        "RUSTFLAGS",
    ];
    const C: [&str; 9] =
        ["AR", "ARFLAGS", "CC", "CFLAGS", "CPPFLAGS", "CXX", "CXXFLAGS", "LDFLAGS", "RANLIB"];
    const ENDS: [&str; 6] =
        ["_NO_VENDOR", "_STATIC", "_LIB_DIR", "_INCLUDE_DIR", "_USE_PKG_CONFIG", "DEPLOYMENT_TARGET"];
    let bare = name.strip_prefix("HOST_").or(name.strip_prefix("TARGET_")).unwrap_or(name);
    let is_c = |text: &str| {
        C.iter().any(|c| text == *c || text.strip_prefix(c).is_some_and(|rest| rest.starts_with('_')))
    };
    !NOT_VARIABLES.contains(&name)
        && (STARTS.iter().any(|start| name.starts_with(start))
            || is_c(bare)
            || ENDS.iter().any(|end| name.ends_with(end))
            || name == "SDKROOT")
}

/// Asks a compiler, or cargo, of a toolchain.
fn ask(program: &Program, toolchain: Option<&OsStr>) -> Result<String> {
    let output = program.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let help = match toolchain {
        Some(name) => format!("`rustup toolchain install {}`, or name another", name.display()),
        None => "see that `rustc -vV` answers".to_owned(),
    };
    Err(Fault::new("the compiler does not answer")
        .why(String::from_utf8_lossy(&output.stderr).trim().to_owned())
        .help(help))
}

#[cfg(test)]
mod tests {
    use super::decides;

    #[test]
    fn what_can_change_code_counts_and_nothing_else() {
        for name in [
            "RUSTFLAGS",
            "CC",
            "CFLAGS_x86_64_unknown_linux_gnu",
            "HOST_CC",
            "PKG_CONFIG_PATH",
            "OPENSSL_DIR",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER",
            "RUSTC_WRAPPER",
            "LIBGIT2_NO_VENDOR",
        ] {
            assert!(decides(name), "{name}");
        }
        for name in [
            "HOME",
            "PATH",
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "CARGO_TERM_COLOR",
            "CCACHE_DIR",
            "ARCH",
            "RUST_BACKTRACE",
            "CARGO_REGISTRY_TOKEN",
            "RUSTUP_HOME",
        ] {
            assert!(!decides(name), "{name}");
        }
    }
}
