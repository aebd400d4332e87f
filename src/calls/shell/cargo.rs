//! What `cargo …` calls: a subcommand that is another program, or packages to install.

use super::super::Form;
use super::command::{Ran, is_known, run as run_command, skip_options};
use super::tables::{CARGO_VALUES, INSTALL_VALUES, NAME_VALUES, is_cargos_own, is_toolchain};
use super::{Script, UNKNOWN, Word};

/// Notes what `cargo` with these arguments calls.
pub(super) fn run(script: &mut Script, arguments: &[Word], line: usize) -> Ran {
    let is_toolchain_choice = arguments.first().is_some_and(|word| word.text.starts_with('+'));
    let rest = arguments.get(usize::from(is_toolchain_choice)..).unwrap_or_default();
    let Some((subcommand, rest)) = skip_options(rest, CARGO_VALUES).split_first() else {
        return Ran::scripts(Vec::new());
    };
    let name = subcommand.text.as_str();
    if name == "install" {
        install(script, rest, line);
        return Ran::scripts(Vec::new());
    }
    if is_cargos_own(name) || is_toolchain(name) || !is_known(subcommand) {
        return Ran::scripts(Vec::new());
    }
    script.call(name, Form::CargoSubcommand, subcommand.line, false);
    match name {
        "binstall" | "quickinstall" => install(script, rest, line),
        "llvm-cov" | "hack" | "careful" => nextest(script, rest),
        "watch" => return watch(script, rest),
        _ => {}
    }
    Ran::scripts(Vec::new())
}

/// What [`run`] would note of words that nobody has to read: cargo's options, then the name.
pub(in crate::calls) fn subcommand<'a>(arguments: &[&'a str]) -> Option<&'a str> {
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        if CARGO_VALUES.contains(word) {
            rest.next();
        } else if !word.starts_with(['-', '+']) {
            return Some(*word).filter(|name| !is_cargos_own(name) && !is_toolchain(name));
        }
    }
    None
}

/// Notes the packages that `cargo install` is given. What lies on a path has no name here.
fn install(script: &mut Script, arguments: &[Word], line: usize) {
    let mut packages = Vec::new();
    let mut version = None;
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let (option, attached) = match word.text.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value)),
            _ => (word.text.as_str(), None),
        };
        if !option.starts_with('-') {
            packages.push(word);
            continue;
        }
        let value = match attached {
            Some(value) => Some(value),
            None if INSTALL_VALUES.contains(&option) => rest.next().map(|word| word.text.as_str()),
            None => None,
        };
        match option {
            "--path" | "--list" | "--help" | "-h" => return,
            "--version" | "--vers" => version = value,
            _ => {}
        }
    }
    for word in packages {
        let (name, own) = word.text.split_once('@').map_or((word.text.as_str(), None), |(n, v)| (n, Some(v)));
        // An address without a name: what lies there is not known.
        if !name.contains([UNKNOWN, '/', ':', '.']) {
            script.install(name, Form::CargoInstall, line, false, own.or(version));
        }
    }
}

/// Subcommands that start `cargo nextest` when told to.
fn nextest(script: &mut Script, arguments: &[Word]) {
    let own = arguments.iter().take_while(|word| word.text != "--");
    let mut before = "";
    for word in own {
        if word.text == "nextest" && !NAME_VALUES.contains(&before) {
            script.call("nextest", Form::CargoSubcommand, word.line, false);
        }
        before = &word.text;
    }
}

/// `cargo watch`: `-x` is a command of cargo's, `-s` and what stands behind `--` one of the shell's.
fn watch(script: &mut Script, arguments: &[Word]) -> Ran {
    let mut scripts = Vec::new();
    let mut rest = arguments.iter().enumerate();
    while let Some((at, word)) = rest.next() {
        let text = word.text.as_str();
        match text {
            "--" => {
                let command = arguments.get(at + 1..).unwrap_or_default();
                scripts.extend(run_command(script, command, false).scripts);
                break;
            }
            "-x" | "--exec" | "-s" | "--shell" => {
                let Some((_, value)) = rest.next() else { break };
                let before = if text.ends_with('s') || text.ends_with("shell") { "" } else { "cargo " };
                scripts.push(Word { text: format!("{before}{}", value.text), ..value.clone() });
            }
            _ => {}
        }
    }
    Ran::scripts(scripts)
}
