//! A machine of its own for one test: home, cargo home, store and projects in a temporary folder. Of the surroundings
//! it keeps only what leads to the registry: the programs, the certificates and the proxies.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wait4::Wait4 as _;

use super::inputs::Input;

/// The variables by which a machine reaches the registries, and by which rustup finds its toolchains.
const KEPT: &[&str] = &[
    "PATH",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CARGO_HTTP_CAINFO",
    "CARGO_HTTP_PROXY",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
];

/// How variables begin that tell pip where packages come from.
const KEPT_OF_PIP: &str = "PIP_";

pub(crate) struct Sandbox {
    /// Kept for its end: the folder goes with it.
    _dir: TempDir,
    root: PathBuf,
    envtool: &'static str,
}

impl Sandbox {
    /// A machine with nothing on it but the programs. `envtool` is the one under test.
    pub(crate) fn with(envtool: &'static str) -> Self {
        let dir = tempfile::Builder::new().prefix("envtool-real-").tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let sandbox = Self { _dir: dir, root, envtool };
        for folder in ["home/work", "home/.cargo", "outputs"] {
            fs::create_dir_all(sandbox.root.join(folder)).unwrap();
        }
        sandbox
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// A new empty folder outside HOME.
    pub(crate) fn empty(&self, name: &str) -> PathBuf {
        let path = self.root.join(name);
        fs::create_dir(&path).unwrap();
        path
    }

    /// The published files of `input` in a folder below `HOME/work` of this name.
    pub(crate) fn project(&self, input: &Input, name: &str) -> PathBuf {
        let path = self.home().join("work").join(name);
        input.write_to(&path);
        path
    }

    /// A call of `program` in `dir`.
    pub(crate) fn call(&self, program: &str, args: &[&str], dir: &Path) -> Call {
        let mut vars: BTreeMap<OsString, OsString> =
            KEPT.iter().filter_map(|name| Some((name.into(), std::env::var_os(name)?))).collect();
        vars.extend(std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with(KEPT_OF_PIP)));
        vars.insert("HOME".into(), self.home().into());
        vars.insert("CARGO_HOME".into(), self.home().join(".cargo").into());
        if let (None, Some(home)) = (std::env::var_os("RUSTUP_HOME"), std::env::var_os("HOME")) {
            // `cargo` on PATH may be rustup's, which looks for its toolchains there.
            vars.insert("RUSTUP_HOME".into(), Path::new(&home).join(".rustup").into());
        }
        let words = std::iter::once(program).chain(args.iter().copied()).map(OsString::from).collect();
        Call { outputs: self.root.join("outputs"), words, dir: dir.to_owned(), vars }
    }

    pub(crate) fn envtool(&self, args: &[&str], dir: &Path) -> Call {
        self.call(self.envtool, args, dir)
    }

    pub(crate) fn cargo(&self, args: &[&str], dir: &Path) -> Call {
        self.call("cargo", args, dir)
    }

    /// `init` and `sync` in `dir`; what `sync` said.
    pub(crate) fn set_up(&self, dir: &Path) -> Output {
        self.envtool(&["init"], dir).ok();
        self.envtool(&["sync"], dir).ok()
    }
}

/// A program about to be started.
pub(crate) struct Call {
    outputs: PathBuf,
    words: Vec<OsString>,
    dir: PathBuf,
    vars: BTreeMap<OsString, OsString>,
}

impl Call {
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.vars.insert(name.into(), value.as_ref().to_owned());
        self
    }

    /// Starts it in a network namespace of its own, which has no way out.
    pub(crate) fn without_network(mut self) -> Self {
        let prefix = no_network();
        self.words.splice(0..0, prefix.iter().map(OsString::from));
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(&self) -> Output {
        // Files, since one thread cannot read two pipes and wait; the largest output here is a few megabytes.
        let [out, err] = [(), ()].map(|()| tempfile::NamedTempFile::new_in(&self.outputs).unwrap());
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).current_dir(&self.dir).env_clear().envs(&self.vars);
        command.stdin(Stdio::null()).stdout(open(out.path())).stderr(open(err.path()));
        let begun = Instant::now();
        let child = command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", self.words));
        let used = child.wait4().unwrap();
        let took = begun.elapsed();
        let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        Output {
            call: self.words.join(OsStr::new(" ")).display().to_string(),
            code: used.status.code(),
            stdout: text(out.path()),
            stderr: text(err.path()),
            took,
            peak: used.rusage.maxrss,
        }
    }

    /// Runs it; anything but exit code 0 ends the test with all that it printed.
    pub(crate) fn ok(&self) -> Output {
        let output = self.run();
        assert_eq!(output.code, Some(0), "{output}");
        output
    }
}

fn open(path: &Path) -> File {
    File::options().append(true).open(path).unwrap()
}

/// How a program ended.
pub(crate) struct Output {
    call: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
    /// The most memory, in bytes, that it or a program it started and waited for has used. (The memory of the process
    /// that started it is a lower bound of what the kernel counts.)
    pub(crate) peak: u64,
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "$ {}\nexit: {:?} after {:.1?}\n--- stdout\n{}\n--- stderr\n{}",
            self.call, self.code, self.took, self.stdout, self.stderr
        )
    }
}

impl Output {
    /// Standard error must hold this.
    pub(crate) fn says(&self, words: &str) -> &Self {
        assert!(self.stderr.contains(words), "it does not say {words:?}\n{self}");
        self
    }

    /// Standard error must not hold this.
    pub(crate) fn does_not_say(&self, words: &str) -> &Self {
        assert!(!self.stderr.contains(words), "it says {words:?}\n{self}");
        self
    }
}

/// The words that start a program without a network: as root, else as the root of a user namespace.
fn no_network() -> &'static [&'static str] {
    static WORDS: OnceLock<&'static [&'static str]> = OnceLock::new();
    WORDS.get_or_init(|| {
        let ways: [&[&str]; 2] = [&["unshare", "-n"], &["unshare", "-rn"]];
        let works = |way: &&&[&str]| {
            let tried = Command::new(way[0]).args(&way[1..]).arg("true").stderr(Stdio::null()).status();
            tried.is_ok_and(|status| status.success())
        };
        ways.iter().find(works).unwrap_or_else(|| {
            panic!(
                "`unshare -n` and `unshare -rn` do not work here: these tests want root or user namespaces"
            )
        })
    })
}
