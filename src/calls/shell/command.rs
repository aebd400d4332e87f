//! What one command calls: itself, and what it starts.

use super::super::Form;
use super::super::kind::{base, is_shell};
use super::tables::{Wrapper, find_wrapper, is_builtin, is_keyword, is_program_of_cargo, is_toolchain};
use super::words::{assignment, is_assignment};
use super::{Script, UNKNOWN, Word, cargo};

/// What becomes of a command's input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    Data,
    /// It is read as a script.
    Script,
}

/// What is to be looked at behind a command.
pub(super) struct Ran {
    /// Texts that are scripts, one behind the other.
    pub(super) scripts: Vec<Word>,
    pub(super) input: Input,
}

impl Ran {
    fn nothing() -> Self {
        Self { scripts: Vec::new(), input: Input::Data }
    }

    pub(super) fn scripts(scripts: Vec<Word>) -> Self {
        Self { scripts, ..Self::nothing() }
    }
}

/// How many wrappers around one command are looked through.
const WRAPPED: usize = 16;

/// Notes what a command calls. `plain`: a function of the command's name would come first.
pub(super) fn run(script: &mut Script, words: &[Word], plain: bool) -> Ran {
    if script.wrappers >= WRAPPED {
        return Ran::nothing();
    }
    script.wrappers += 1;
    let ran = run_one(script, words, plain);
    script.wrappers -= 1;
    ran
}

fn run_one(script: &mut Script, words: &[Word], plain: bool) -> Ran {
    let Some((first, arguments)) = words.split_first() else { return Ran::nothing() };
    let name = base(&first.text).trim_end_matches(".exe");
    if name == "cargo" {
        return cargo::run(script, arguments, first.line);
    }
    let by_path = first.text.contains(['/', '\\']);
    if let Some(ran) = builtin(script, name, arguments).filter(|_| !by_path) {
        return ran;
    }
    if !by_path && (is_builtin(name) || (is_keyword(name) && !first.quoted)) {
        return Ran::nothing();
    }
    note(script, first, plain);
    if is_shell(name) {
        return shell(arguments);
    }
    if let Some(wrapper) = find_wrapper(name) {
        return wrapped(script, wrapper, arguments);
    }
    match name {
        "which" => {
            lookups(script, arguments);
            Ran::nothing()
        }
        "find" => behind(script, arguments, &["-exec", "-execdir", "-ok", "-okdir"]),
        "fd" | "fdfind" => behind(script, arguments, &["-x", "--exec", "-X", "--exec-batch"]),
        "hyperfine" | "concurrently" => {
            Ran::scripts(arguments.iter().filter(|word| is_line(word)).cloned().collect())
        }
        _ => Ran::nothing(),
    }
}

/// Notes the program that a variable gives to cargo.
pub(super) fn setting(script: &mut Script, name: &str, value: &str, line: usize) {
    if is_program_of_cargo(name)
        && let Some(program) = value.split_whitespace().next()
    {
        note(script, &Word { text: program.to_owned(), line, quoted: true }, false);
    }
}

/// Notes a program by its name, or by its path in cargo's own folder.
fn note(script: &mut Script, word: &Word, plain: bool) {
    let text = &word.text;
    let (name, plain) = match text.rsplit_once(['/', '\\']) {
        None => (text.as_str(), plain),
        Some((folder, name)) if folder.replace('\\', "/").ends_with(".cargo/bin") => (name, false),
        Some(_) => return,
    };
    let name = name.trim_end_matches(".exe");
    if !is_toolchain(name) {
        script.call(name, Form::Command, word.line, plain);
    }
}

/// Builtins that start or look up commands, or set variables.
fn builtin(script: &mut Script, name: &str, arguments: &[Word]) -> Option<Ran> {
    match name {
        "command" => {
            let options = arguments.iter().take_while(|word| word.text.starts_with('-')).count();
            let (options, rest) = arguments.split_at(options);
            if options.iter().any(|word| word.text.contains(['v', 'V'])) {
                lookups(script, rest);
                return Some(Ran::nothing());
            }
            return Some(run(script, rest, false));
        }
        "exec" => return Some(wrapped(script, find_wrapper("exec")?, arguments)),
        "type" | "hash" => lookups(script, arguments),
        "eval" => {
            let text: Vec<&str> = arguments.iter().map(|word| word.text.as_str()).collect();
            return Some(Ran::scripts(vec![line_of(arguments, &text.join(" "))?]));
        }
        "trap" => {
            let handler = arguments.iter().find(|word| word.text != "--");
            let handler = handler.filter(|word| !word.text.starts_with('-'));
            return Some(Ran::scripts(handler.into_iter().cloned().collect()));
        }
        "alias" => {
            let aliases = arguments.iter().filter_map(|word| Some((word, word.text.split_once('=')?)));
            let mut scripts = Vec::new();
            for (word, (name, value)) in aliases {
                script.functions.insert(name.to_owned());
                // The value is run by the shell, where an alias does not call itself.
                scripts.push(Word { text: format!("command {value}"), line: word.line, quoted: true });
            }
            return Some(Ran::scripts(scripts));
        }
        "export" | "declare" | "local" | "readonly" | "typeset" => {
            for word in arguments {
                if let Some((name, value)) = assignment(&word.text) {
                    setting(script, name, value, word.line);
                    script.assign(name, value);
                }
            }
        }
        _ => return None,
    }
    Some(Ran::nothing())
}

/// The names that a lookup asks for.
fn lookups(script: &mut Script, words: &[Word]) {
    for word in words.iter().filter(|word| !word.text.starts_with('-')) {
        if !is_builtin(&word.text) {
            note(script, word, false);
        }
    }
}

/// A shell: its `-c`, or its input.
fn shell(arguments: &[Word]) -> Ran {
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let text = word.text.as_str();
        let is_option = text.len() > 1 && text.starts_with(['-', '+']) && !text.starts_with("--");
        if is_option && text.contains('c') {
            let command = rest.find(|word| !word.text.starts_with(['-', '+']));
            return Ran::scripts(command.into_iter().cloned().collect());
        }
        if is_option && text.ends_with('s') {
            return Ran { input: Input::Script, ..Ran::nothing() };
        }
        if is_option && text.ends_with(['o', 'O']) {
            rest.next();
        } else if !is_option && !text.starts_with("--") && text != "-" {
            // A script, by its path: a file of its own. `bash <(…)` was looked into where it stands.
            return Ran::nothing();
        }
    }
    Ran { input: Input::Script, ..Ran::nothing() }
}

/// The command that a wrapper starts.
fn wrapped(script: &mut Script, wrapper: &Wrapper, arguments: &[Word]) -> Ran {
    let mut rest = arguments;
    if !wrapper.verb.is_empty() {
        let behind = skip_options(rest, wrapper.values);
        match behind.split_first() {
            Some((verb, behind)) if verb.text == wrapper.verb => rest = behind,
            _ => return Ran::nothing(),
        }
    }
    rest = skip_options(rest, wrapper.values);
    for _ in 0..wrapper.operands {
        rest = skip_options(rest.get(1..).unwrap_or_default(), wrapper.values);
    }
    match rest.first() {
        None => Ran::nothing(),
        Some(word) if wrapper.by_shell && is_line(word) => Ran::scripts(vec![word.clone()]),
        Some(_) => run(script, rest, false),
    }
}

/// What is left behind options, their values, assignments and `--`.
pub(super) fn skip_options<'a>(mut words: &'a [Word], values: &[&str]) -> &'a [Word] {
    while let Some((first, rest)) = words.split_first() {
        let text = first.text.as_str();
        if text == "--" {
            return rest;
        }
        if !text.starts_with('-') && !is_assignment(text) {
            break;
        }
        words = if values.contains(&text) { rest.get(1..).unwrap_or_default() } else { rest };
    }
    words
}

/// The commands behind these options, each to `;` or `+`.
fn behind(script: &mut Script, arguments: &[Word], options: &[&str]) -> Ran {
    let mut scripts = Vec::new();
    let mut rest = arguments;
    while let Some(at) = rest.iter().position(|word| options.contains(&word.text.as_str())) {
        let from = rest.get(at + 1..).unwrap_or_default();
        let end = from.iter().position(|word| matches!(word.text.as_str(), ";" | "+")).unwrap_or(from.len());
        let (command, behind) = from.split_at(end);
        scripts.extend(run(script, command, false).scripts);
        rest = behind;
    }
    Ran::scripts(scripts)
}

/// Whether a word is a line of a script, and not one name.
fn is_line(word: &Word) -> bool {
    word.text.trim().contains(char::is_whitespace)
}

fn line_of(words: &[Word], text: &str) -> Option<Word> {
    Some(Word { text: text.to_owned(), line: words.first()?.line, quoted: true })
}

/// Whether all of a word is known.
pub(super) fn is_known(word: &Word) -> bool {
    !word.text.contains(UNKNOWN)
}
