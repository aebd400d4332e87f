//! Which commands a project's files call: the question behind doctor's `global-tool`.
//!
//! A *call* is a word that stands where a shell, make, just, cargo or a CI service looks for a program. A comment, a
//! string that is only said, a builtin, a function of the file's own, the body of a heredoc, a word in prose, an npm
//! script or a Python module of the same name is none. Where a word can't be known (`$1`, `{{arg}}`), nothing is said.
//!
//! Decisions:
//! - A lookup (`command -v NAME`, `which NAME`, `type`, `hash`; `which()` and `require()` of just) is a call: such a
//!   script does one thing on a machine that has the tool and another where it is missing, which is what a user of an
//!   environment wants to know.
//! - `sh -c STRING`, `eval`, `trap`, `bash <<EOF` and the like are read as scripts. What goes to another machine or to
//!   another provider of programs (`ssh`, `docker run`, `npx`, `nix`, `uv run`, `mise exec`) is not looked into.
//! - A program by its path is none, since no environment can stand in for `/usr/bin/just`; but for cargo's own folder:
//!   `~/.cargo/bin/just` is a tool of the machine.
//! - A setting that makes cargo start a program is a call: `rustc-wrapper`, `linker` and `runner` in cargo's config,
//!   `RUSTC_WRAPPER` and its like where they are set.
//! - What rustup brings (`cargo fmt`, `rustc`, …) is the toolchain and no tool.
//! - A step of a CI service counts whatever it runs on. `uses: taiki-e/install-action` and a few of its kind name
//!   packages, and count as `cargo install`.
//! - A script in Python calls what it hands to `subprocess` or `os.system` as a text, and nothing else.
//! - What lies below `tests` in a folder of inputs (`data`, `source`, `expected`, …) is read by tests and run by nobody.
//! - A wrapper (`sudo`, `xargs`, `watchexec`) is a call, and so is what it starts.
//!
//! An alias of cargo's (`.cargo/config.toml`) or a function that another file defines can't be seen from here: whoever
//! looks at all files leaves out [`cargo_aliases`].
//!
//! The shell is read by `shell/`, which is ours. brush-parser 0.4 was weighed: 67 more crates, and it fails on
//! the whole of a script with one error, of which there are many in templates of CI services. Here a word that is not
//! understood costs a call and no more. YAML is read by saphyr-parser, which knows lines and brings one crate.

mod ci;
mod docker;
mod json;
mod just;
mod kind;
mod make;
mod python;
mod shell;
#[cfg(test)]
mod tests;
mod toml;
mod yaml;

pub use self::toml::cargo_aliases;
pub use kind::{Kind, is_foreign, kind_of};

/// The command that `cargo` with these arguments starts beside itself, `NAME` of `cargo-NAME`; `None` for what is
/// cargo's own or the toolchain's.
pub fn cargo_subcommand<'a>(arguments: &[&'a str]) -> Option<&'a str> {
    shell::cargo_subcommand(arguments)
}

/// How a command is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// `NAME …`: the executable is NAME.
    Command,
    /// `cargo NAME …`: the executable is cargo-NAME.
    CargoSubcommand,
    /// `cargo install NAME`: NAME is a package.
    CargoInstall,
}

/// One place where a file calls a command.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// The line, from 1.
    pub line: usize,
    /// The name as it is written: `just`, `nextest`, `cargo-nextest`.
    pub name: String,
    /// What the name is.
    pub form: Form,
    /// The version or requirement that `cargo install` is given, as it is written.
    pub version: Option<String>,
}

/// The calls in the text of a file of this kind, by line, each once. What can't be read holds none.
pub fn calls(kind: Kind, text: &str) -> Vec<Call> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut calls = match kind {
        Kind::Shell => shell::file(text),
        Kind::Just => just::calls(text),
        Kind::Make => make::calls(text),
        Kind::PackageJson => json::calls(text),
        Kind::CargoConfig => toml::cargo_config(text),
        Kind::CargoMake => toml::cargo_make(text),
        Kind::Bacon => toml::bacon(text),
        Kind::Dockerfile => docker::calls(text),
        Kind::PreCommit => ci::pre_commit(text),
        Kind::GithubActions => ci::github(text),
        Kind::GitlabCi => ci::GITLAB.calls(text),
        Kind::Woodpecker => ci::WOODPECKER.calls(text),
        Kind::CircleCi => ci::CIRCLE.calls(text),
        Kind::AzurePipelines => ci::AZURE.calls(text),
        Kind::Travis => ci::TRAVIS.calls(text),
        Kind::Cirrus => ci::CIRRUS.calls(text),
        Kind::Taskfile => ci::TASKFILE.calls(text),
        Kind::Lefthook => ci::LEFTHOOK.calls(text),
        Kind::Python => python::calls(text),
    };
    calls.sort();
    calls.dedup();
    calls
}
