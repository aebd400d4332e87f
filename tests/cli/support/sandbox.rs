//! A machine of its own for one test: home, cargo home, store and projects in a temporary folder, no other variable
//! of the surroundings, and crates.io replaced by a registry on this machine, so that nothing asks the network.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::files::fingerprint;
use super::pypi::{Pypi, uv_for_tests};
use super::registry::Registry;

/// The room in memory from which on the tests lie there, in bytes.
const ROOM: u64 = 4 << 30;

/// Where sandboxes lie: as TMPDIR says, else in memory where that has room, since ext4 is slow where files come and go
/// all the time and takes half of the suite's time there.
fn place() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let room = rustix::fs::statvfs(memory).map_or(0, |about| about.f_bavail * about.f_frsize);
    match std::env::var_os("TMPDIR").is_none() && room >= ROOM && tempfile::tempfile_in(memory).is_ok() {
        true => memory.to_owned(),
        false => std::env::temp_dir(),
    }
}

/// The program under test.
const ENVTOOL: &str = env!("CARGO_BIN_EXE_envtool");

pub(crate) struct Sandbox {
    /// Kept for its end: the folder goes with it.
    _dir: TempDir,
    root: PathBuf,
    registry: RefCell<Registry>,
    pypi: OnceCell<RefCell<Pypi>>,
    path: OsString,
    rustup_home: Option<PathBuf>,
}

impl Sandbox {
    /// A fresh home whose cargo takes crates.io from [`Sandbox::registry`].
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("envtool-test-").tempdir_in(place()).unwrap();
        let sandbox = Self {
            // macOS and some machines of ours reach the temporary folder through a link.
            root: dir.path().canonicalize().unwrap(),
            _dir: dir,
            registry: RefCell::new(Registry::start()),
            pypi: OnceCell::new(),
            path: path_of_programs(),
            rustup_home: rustup_home(),
        };
        for folder in ["home/work", "home/.cargo", "empty"] {
            fs::create_dir_all(sandbox.root.join(folder)).unwrap();
        }
        sandbox.configure_cargo("");
        write(
            &sandbox.home().join(".gitconfig"),
            "[user]\nname = Tester\nemail = tester@example.invalid\n[commit]\ngpgsign = false\n",
        );
        sandbox
    }

    /// Writes `HOME/.cargo/config.toml`: crates.io from the local registry, then `more`.
    pub(crate) fn configure_cargo(&self, more: &str) {
        let index = self.registry().index();
        write(
            &self.home().join(".cargo/config.toml"),
            &format!(
                "[source.crates-io]\nreplace-with = \"local\"\n\n[source.local]\nregistry = {index:?}\n\n{more}"
            ),
        );
    }

    /// `HOME`.
    pub(crate) fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// The folder of the store where nothing moves it.
    pub(crate) fn store(&self) -> PathBuf {
        self.home().join(".cache/envtool")
    }

    /// An empty folder outside HOME. As PATH it is a machine without programs, as HOME one without files.
    pub(crate) fn empty(&self) -> PathBuf {
        self.root.join("empty")
    }

    /// A folder outside HOME that is made here.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        let path = self.root.join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// The registry that stands for crates.io.
    pub(crate) fn registry(&self) -> std::cell::Ref<'_, Registry> {
        self.registry.borrow()
    }

    /// The index that stands for PyPI: from the first call on the user's pip.conf names it, and the calls of the
    /// sandbox have a uv.
    pub(crate) fn pypi(&self) -> std::cell::Ref<'_, Pypi> {
        let started = self.pypi.get_or_init(|| {
            let pypi = Pypi::start();
            self.configure_pip(&format!("[global]\nindex-url = {}\n", pypi.index()));
            RefCell::new(pypi)
        });
        started.borrow()
    }

    /// Writes the user's pip.conf.
    pub(crate) fn configure_pip(&self, text: &str) {
        write(&self.home().join(".config/pip/pip.conf"), text);
    }

    /// Stops the registry and the index: from here on the network is gone.
    pub(crate) fn cut_network(&self) {
        self.registry.borrow_mut().stop();
        if let Some(pypi) = self.pypi.get() {
            pypi.borrow_mut().stop();
        }
    }

    /// A project below `HOME/work`; its folder is made.
    pub(crate) fn project(&self, name: &str) -> Project<'_> {
        let dir = self.home().join("work").join(name);
        fs::create_dir_all(&dir).unwrap();
        Project { sandbox: self, dir }
    }

    /// PATH as every program of the sandbox gets it.
    pub(crate) fn path(&self) -> &OsStr {
        &self.path
    }

    /// A call of `program` in `dir`, with the sandbox's variables and no others.
    pub(crate) fn call<S: AsRef<OsStr>>(&self, program: &str, args: &[S], dir: &Path) -> Call<'_> {
        let mut vars: BTreeMap<OsString, OsString> = BTreeMap::new();
        let mut set = |name: &str, value: &OsStr| vars.insert(name.into(), value.to_owned());
        set("HOME", self.home().as_os_str());
        set("CARGO_HOME", self.home().join(".cargo").as_os_str());
        set("PATH", &self.path);
        set("GIT_CONFIG_NOSYSTEM", OsStr::new("1"));
        set("GIT_AUTHOR_DATE", OsStr::new("2026-01-02T03:04:05Z"));
        set("GIT_COMMITTER_DATE", OsStr::new("2026-01-02T03:04:05Z"));
        if let Some(home) = &self.rustup_home {
            set("RUSTUP_HOME", home.as_os_str());
        }
        if self.pypi.get().is_some() {
            set("ENVTOOL_UV", uv_for_tests().as_os_str());
        }
        Call {
            sandbox: self,
            program: program.into(),
            args: args.iter().map(|arg| arg.as_ref().to_owned()).collect(),
            dir: dir.to_owned(),
            vars,
        }
    }

    /// A call of envtool in `dir`.
    pub(crate) fn envtool<S: AsRef<OsStr>>(&self, args: &[S], dir: &Path) -> Call<'_> {
        self.call(ENVTOOL, args, dir)
    }

    /// Runs git in `dir`; what it prints, trimmed.
    pub(crate) fn git(&self, dir: &Path, args: &[&str]) -> String {
        self.call("git", args, dir).ok().stdout.trim().to_owned()
    }

    /// A folder with one program, to be put first on PATH.
    pub(crate) fn program(&self, name: &str, script: &str) -> PathBuf {
        let folder = self.outside(&format!("programs-{name}"));
        let path = folder.join(name);
        write(&path, script);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    /// PATH with `folder` before all else.
    pub(crate) fn path_after(&self, folder: &Path) -> OsString {
        let rest = std::env::split_paths(&self.path);
        std::env::join_paths(std::iter::once(folder.to_owned()).chain(rest)).unwrap()
    }

    /// Where the program `name` lies on the sandbox's PATH.
    pub(crate) fn which(&self, name: &str) -> PathBuf {
        find_program(&self.path, name).unwrap()
    }

    /// Whether the program `name` lies on the sandbox's PATH.
    pub(crate) fn has_program(&self, name: &str) -> bool {
        find_program(&self.path, name).is_some()
    }

    /// The prefix that starts a program as a user who has no entry in the machine's list of users and may not write
    /// where modes forbid it; `None`, with a printed reason, where the machine has no such means.
    pub(crate) fn as_stranger(&self) -> Option<Vec<OsString>> {
        let prefix = ["unshare", "--map-user=54321"];
        let works = find_program(&self.path, prefix[0]).is_some()
            && self.call(prefix[0], &[prefix[1], "true"], &self.root).run().code == Some(0);
        if !works {
            skipped("`unshare --map-user` does not work here, so modes and users cannot be tried");
        }
        works.then(|| prefix.map(OsString::from).to_vec())
    }

    /// All of HOME but the store and what cargo keeps of registries: what a command that fails may not change.
    pub(crate) fn fingerprint(&self) -> String {
        let without = [
            ".cache",
            ".cargo/registry",
            ".cargo/git",
            ".cargo/.global-cache",
            ".cargo/.package-cache",
            ".cargo/.package-cache-mutate",
        ];
        fingerprint(&self.home(), &without)
    }

    /// Puts a word in place of what differs from run to run: the sandbox's folder, ports, digests, times.
    pub(crate) fn normalize(&self, text: &str) -> String {
        let text = text
            .replace(&self.home().display().to_string(), "[HOME]")
            .replace(&self.root.display().to_string(), "[SANDBOX]");
        normalize_words(&text)
    }
}

/// A folder of a user that a tool is called in.
pub(crate) struct Project<'a> {
    sandbox: &'a Sandbox,
    dir: PathBuf,
}

impl<'a> Project<'a> {
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.join(path)
    }

    /// Whether something lies there, a link that leads nowhere among it.
    pub(crate) fn has(&self, path: &str) -> bool {
        fs::symlink_metadata(self.path(path)).is_ok()
    }

    pub(crate) fn read(&self, path: &str) -> String {
        let path = self.path(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Writes a file, making its folders.
    pub(crate) fn write(&self, path: &str, text: &str) -> &Self {
        write(&self.path(path), text);
        self
    }

    /// Makes it a cargo package `app` with these lines below `[dependencies]`, whose program prints what `main` makes.
    pub(crate) fn app(&self, dependencies: &str, main: &str) -> &Self {
        self.write(
            "Cargo.toml",
            &format!(
                "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\n{dependencies}"
            ),
        )
        .write("src/main.rs", &format!("fn main() {{\n{main}\n}}\n"))
    }

    /// Locks with cargo, which must succeed.
    pub(crate) fn lock(&self) -> &Self {
        self.cargo(&["generate-lockfile"]).ok();
        self
    }

    /// A call of envtool in the project.
    pub(crate) fn envtool<S: AsRef<OsStr>>(&self, args: &[S]) -> Call<'a> {
        self.sandbox.envtool(args, &self.dir)
    }

    /// `init` and `sync`, which must both succeed; what `sync` said.
    pub(crate) fn set_up(&self) -> Output {
        self.envtool(&["init"]).ok();
        self.envtool(&["sync"]).ok()
    }

    /// A call of the real cargo in the project.
    pub(crate) fn cargo<S: AsRef<OsStr>>(&self, args: &[S]) -> Call<'a> {
        self.sandbox.call("cargo", args, &self.dir)
    }

    /// What the project's program prints when cargo builds it with no network and an empty home of cargo, so that
    /// only the environment can have given the crates. It fails the test where cargo fails.
    pub(crate) fn run_isolated(&self) -> String {
        self.isolated(&["run", "--quiet", "--offline", "--locked"]).ok().stdout
    }

    /// A call of cargo with an empty home of cargo.
    pub(crate) fn isolated(&self, args: &[&str]) -> Call<'a> {
        let home = tempfile::Builder::new()
            .prefix("cargo-home-")
            .tempdir_in(self.sandbox.outside("cargo-homes"))
            .unwrap()
            .keep();
        // HOME too: a config of HOME/.cargo stands above the project.
        self.cargo(args).env("CARGO_HOME", &home)
    }

    pub(crate) fn fingerprint(&self) -> String {
        fingerprint(&self.dir, &[])
    }
}

/// A program about to be started.
pub(crate) struct Call<'a> {
    sandbox: &'a Sandbox,
    program: OsString,
    args: Vec<OsString>,
    dir: PathBuf,
    vars: BTreeMap<OsString, OsString>,
}

impl Call<'_> {
    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.vars.insert(name.into(), value.as_ref().to_owned());
        self
    }

    /// Takes a variable away.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.vars.remove(OsStr::new(name));
        self
    }

    /// Starts it through another program (see [`Sandbox::as_stranger`]).
    pub(crate) fn through(mut self, prefix: &[OsString]) -> Self {
        let mut words = prefix.to_vec();
        words.push(std::mem::take(&mut self.program));
        words.append(&mut self.args);
        self.program = words.remove(0);
        self.args = words;
        self
    }

    /// Runs it elsewhere.
    pub(crate) fn in_dir(mut self, dir: &Path) -> Self {
        dir.clone_into(&mut self.dir);
        self
    }

    /// The command, for a test that needs the child itself. `program` is looked for on the call's own PATH.
    pub(crate) fn command(&self) -> Command {
        let path = self.vars.get(OsStr::new("PATH")).map_or(OsStr::new(""), |p| p);
        let program = if Path::new(&self.program).is_absolute() {
            PathBuf::from(&self.program)
        } else {
            find_program(path, self.program.to_str().unwrap())
                .unwrap_or_else(|| panic!("{} is not on {}", self.program.display(), path.display()))
        };
        let mut command = Command::new(program);
        command.args(&self.args).current_dir(&self.dir).env_clear().envs(&self.vars).stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self) -> Output {
        let output = self.command().output().unwrap();
        Output {
            call: format!(
                "{} {}",
                Path::new(&self.program).file_name().unwrap_or_default().display(),
                self.args.join(OsStr::new(" ")).display()
            ),
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs it; anything but exit code 0 fails the test with all that it printed.
    pub(crate) fn ok(&self) -> Output {
        let output = self.run();
        assert_eq!(output.code, Some(0), "{output}");
        output
    }

    /// Runs it, holds it to what every refusal must keep (exit code, an `error` and a `help:` line, nothing changed
    /// outside the store), and gives what it said.
    pub(crate) fn refused(&self, code: i32) -> Output {
        let before = self.sandbox.fingerprint();
        let output = self.run();
        assert_eq!(output.code, Some(code), "{output}");
        output.must_help();
        assert_eq!(before, self.sandbox.fingerprint(), "it changed something\n{output}");
        output
    }
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Output {
    call: String,
    /// `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "$ {}\nexit: {}\n--- stdout\n{}\n--- stderr\n{}",
            self.call,
            self.code.map_or("signal".to_owned(), |code| code.to_string()),
            self.stdout.trim_end(),
            self.stderr.trim_end()
        )
    }
}

impl Output {
    /// The text for a snapshot.
    pub(crate) fn snapshot(&self, sandbox: &Sandbox) -> String {
        sandbox.normalize(&self.to_string())
    }

    /// Standard error must hold each of these.
    pub(crate) fn says(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(self.stderr.contains(word), "it does not say {word:?}\n{self}");
        }
        self
    }

    /// Standard error must name a line of a file, as `FILE:LINE` or with the word `line`.
    pub(crate) fn names_line(&self, file: &str, line: usize) -> &Self {
        let places = [format!("{file}:{line}"), format!("line {line}")];
        assert!(
            self.stderr.contains(file) && places.iter().any(|place| self.stderr.contains(place)),
            "it does not name {file}, line {line}\n{self}"
        );
        self
    }

    /// A line of standard error begins with `error` and one with `help:`, and nothing is a panic.
    pub(crate) fn must_help(&self) -> &Self {
        assert!(
            self.is_helpful(),
            "no line begins with `error` or none with `help:`, or it is no plain text\n{self}"
        );
        self
    }

    /// Whether it is what every refusal is.
    pub(crate) fn is_helpful(&self) -> bool {
        let line = |start: &str| self.stderr.lines().any(|line| line.trim_start().starts_with(start));
        line("error") && line("help:") && !self.stderr.contains("panicked") && !self.stderr.contains('\u{1b}')
    }
}

/// Whether any file below `dir`, links followed, holds `text`.
pub(crate) fn any_file_holds(sandbox: &Sandbox, dir: &Path, text: &str) -> bool {
    let call = sandbox.call("grep", &["--recursive", "--quiet", "--fixed-strings", text, "."], dir);
    // 1 is grep's "nothing found", anything above a failure of grep's own.
    match call.run().code {
        Some(0) => true,
        Some(1) => false,
        other => panic!("grep ended with {other:?}"),
    }
}

/// Writes a file, making its folders.
pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The folders of the real cargo, git and C compiler, and nothing else of the machine's PATH but the system's own.
fn path_of_programs() -> OsString {
    let real = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = ["cargo", "git", "cc"]
        .iter()
        .filter_map(|name| find_program(&real, name))
        .map(|program| program.parent().unwrap().to_owned())
        .collect();
    folders.extend(["/usr/bin", "/bin"].map(PathBuf::from));
    let mut seen = Vec::new();
    folders.retain(|folder| {
        let new = !seen.contains(folder);
        seen.push(folder.clone());
        new
    });
    std::env::join_paths(folders).unwrap()
}

fn find_program(path: &OsStr, name: &str) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(name)).find(|program| {
        fs::metadata(program).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    })
}

/// The real home of rustup, since `cargo` on PATH may be rustup's proxy.
fn rustup_home() -> Option<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".rustup"));
    std::env::var_os("RUSTUP_HOME").map(PathBuf::from).or_else(home).filter(|path| path.is_dir())
}

/// Digests, ports and times in a text, each by its word.
fn normalize_words(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len())];
        if word.is_empty() {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let bare = word.trim_end_matches('.');
        rest = &rest[word.len()..];
        if bare == "127.0.0.1" && rest.starts_with(':') {
            out.push_str("127.0.0.1:[PORT]");
            rest = rest[1..].trim_start_matches(|c: char| c.is_ascii_digit());
        } else if bare.len() == 64 && bare.chars().all(|c| c.is_ascii_hexdigit()) {
            out.push_str("[SHA256]");
            out.push_str(&word[bare.len()..]);
        } else if is_time(bare) {
            out.push_str("[TIME]");
            out.push_str(&word[bare.len()..]);
        } else {
            out.push_str(word);
        }
    }
    out
}

/// `0.12s`, `3s`, `45ms`, `45.1ms`.
fn is_time(word: &str) -> bool {
    let digits = word.strip_suffix("ms").or_else(|| word.strip_suffix('s')).unwrap_or_default();
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.parse::<f64>().is_ok()
}

#[test]
fn what_differs_from_run_to_run_is_normalized() {
    let sandbox = Sandbox::new();
    let text = format!(
        "{0}/work/a: sha256:{1}. Took 0.12s, 45ms (3s) from {2} and {3}; 1.0.219s1 ves 1.2.3",
        sandbox.home().display(),
        "0a".repeat(32),
        sandbox.registry().index(),
        sandbox.empty().display(),
    );
    insta::assert_snapshot!(
        sandbox.normalize(&text),
        @"[HOME]/work/a: sha256:[SHA256]. Took [TIME], [TIME] ([TIME]) from sparse+http://127.0.0.1:[PORT]/index/ and [SANDBOX]/empty; 1.0.219s1 ves 1.2.3"
    );
}

/// Says that a test was left out, and why.
pub(crate) fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}
