//! Scripts for sh, bash, zsh, ksh and dash, as far as it takes to know which words are commands (POSIX, "Shell Command
//! Language", and bash's manual).
//!
//! `words` reads characters, `script` the grammar around commands, `command` what a command with its arguments calls,
//! `cargo` what a `cargo` does; `tables` are the names they know. Nothing fails: what makes no sense is passed over, and
//! what is nested deeper than anybody writes is not looked into.

mod cargo;
mod command;
mod script;
mod tables;
mod words;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use cargo::subcommand as cargo_subcommand;

use super::kind::interpreter;
use super::{Call, Form};
use crate::package::is_executable_name;

/// A character that stands for what only a run can tell: the value of `$1`, the output of `$(…)`.
pub(super) const UNKNOWN: char = '\0';

/// A character between the words that an expansion makes.
const SEPARATOR: char = '\u{1}';

/// The longest value that is kept, in bytes.
pub(super) const LONGEST_VALUE: usize = 300;

/// Variables whose values are known, those of arrays with [`SEPARATOR`] between their elements.
pub(super) type Variables = BTreeMap<String, String>;

/// A word of a command, quotes taken away.
#[derive(Debug, Clone)]
struct Word {
    text: String,
    line: usize,
    /// Whether it was quoted or came from a variable: such a word is no keyword and no assignment.
    quoted: bool,
}

/// What has been seen of a script.
struct Script {
    found: Vec<Found>,
    /// Names of functions and aliases.
    functions: BTreeSet<String>,
    variables: Variables,
    /// How many wrappers are being looked through.
    wrappers: usize,
}

struct Found {
    call: Call,
    /// Whether a function of this name would be called instead.
    plain: bool,
}

impl Script {
    fn new(variables: &Variables) -> Self {
        Self { found: Vec::new(), functions: BTreeSet::new(), variables: variables.clone(), wrappers: 0 }
    }

    /// Gives a variable its value, where that is no text of its own: values made of values grow without end.
    fn assign(&mut self, name: &str, value: &str) {
        let value = if value.len() <= LONGEST_VALUE { value.to_owned() } else { UNKNOWN.to_string() };
        self.variables.insert(name.to_owned(), value);
    }

    /// Notes a call, where the name can be one.
    fn call(&mut self, name: &str, form: Form, line: usize, plain: bool) {
        self.install(name, form, line, plain, None);
    }

    fn install(&mut self, name: &str, form: Form, line: usize, plain: bool, version: Option<&str>) {
        if is_executable_name(name) && !name.chars().all(|c| c.is_ascii_digit()) {
            let version =
                version.filter(|text| !text.is_empty() && !text.contains(UNKNOWN)).map(str::to_owned);
            self.found.push(Found { call: Call { line, name: name.to_owned(), form, version }, plain });
        }
    }

    fn finish(self) -> Vec<Call> {
        let Self { found, functions, .. } = self;
        let called = found.into_iter().filter(|found| {
            !(found.plain && found.call.form == Form::Command && functions.contains(&found.call.name))
        });
        called.map(|found| found.call).collect()
    }
}

/// The calls of a script. Its first line is line `line` of the file.
pub(super) fn read(text: &str, line: usize, variables: &Variables) -> Vec<Call> {
    let mut script = Script::new(variables);
    script::read(&mut script, text, line, 0);
    script.finish()
}

/// The calls of a file that is a script, what its first line starts by `env` included.
pub(super) fn file(text: &str) -> Vec<Call> {
    let mut calls = started_by(text.lines().next().unwrap_or_default(), 1);
    calls.extend(read(text, 1, &Variables::new()));
    calls
}

/// The call that a `#!` line makes: only `env` looks for a name.
pub(super) fn started_by(first_line: &str, line: usize) -> Vec<Call> {
    let by_env = first_line.split_whitespace().next().is_some_and(|word| word.ends_with("/env"));
    match interpreter(first_line) {
        Some(_) if by_env => read(first_line.trim_start_matches("#!"), line, &Variables::new()),
        _ => Vec::new(),
    }
}

/// The calls of a command whose words are given one by one.
pub(super) fn words(words: &[(String, usize)], variables: &Variables) -> Vec<Call> {
    let words: Vec<Word> =
        words.iter().map(|(text, line)| Word { text: text.clone(), line: *line, quoted: true }).collect();
    let mut script = Script::new(variables);
    script::run(&mut script, &words);
    script.finish()
}

/// The call that a variable makes which names a program for cargo to start.
pub(super) fn setting(name: &str, value: &str, line: usize) -> Vec<Call> {
    let mut script = Script::new(&Variables::new());
    command::setting(&mut script, name, value, line);
    script.finish()
}

/// The call that installs a package.
pub(super) fn package(name: &str, version: Option<&str>, line: usize) -> Vec<Call> {
    let mut script = Script::new(&Variables::new());
    script.install(name, Form::CargoInstall, line, false, version);
    script.finish()
}
