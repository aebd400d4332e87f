//! Scripts in Python: what they start by `subprocess` and by `os` (The Python Standard Library, "subprocess"). What a name
//! holds is not known here: a program has to stand there as a text.

use std::collections::BTreeMap;

use super::Call;
use super::shell::{self, UNKNOWN, Variables};

/// The functions of `subprocess` and of `os` that start a program.
const SUBPROCESS: &[&str] =
    &["run", "call", "check_call", "check_output", "Popen", "getoutput", "getstatusoutput"];
const OS: &[&str] = &["system", "popen"];

/// A piece of the text, with its line.
#[derive(Debug, PartialEq)]
enum Piece {
    Name(String),
    /// A string; `None` where values are put into it.
    Text(Option<String>),
    Sign(char),
}

pub(super) fn calls(text: &str) -> Vec<Call> {
    let pieces = pieces(text);
    let name = |at: usize| match pieces.get(at) {
        Some((Piece::Name(name), _)) => Some(name.as_str()),
        _ => None,
    };
    let sign = |at: usize, wanted: &str| matches!(pieces.get(at), Some((Piece::Sign(sign), _)) if wanted.contains(*sign));
    // What the modules are called here, and the functions that were imported by themselves.
    let mut modules = BTreeMap::from([("subprocess", SUBPROCESS), ("os", OS)]);
    let mut functions = Vec::new();
    let mut calls = Vec::new();
    for at in 0..pieces.len() {
        let from = |module: &str| if module == "subprocess" { SUBPROCESS } else { OS };
        match (name(at), name(at + 1), name(at + 2)) {
            (Some("import"), Some(module @ ("subprocess" | "os")), Some("as")) => {
                modules.extend(name(at + 3).map(|alias| (alias, from(module))));
            }
            (Some("from"), Some(module @ ("subprocess" | "os")), Some("import")) => {
                let names = (at + 3..).step_by(2).map_while(name);
                functions.extend(names.filter(|name| from(module).contains(name)));
            }
            _ => {}
        }
        let of_module = name(at)
            .and_then(|module| modules.get(module))
            .is_some_and(|known| sign(at + 1, ".") && name(at + 2).is_some_and(|name| known.contains(&name)));
        let alone = name(at).is_some_and(|name| functions.contains(&name));
        let is_member = at > 0 && (sign(at - 1, ".") || name(at - 1) == Some("def"));
        let behind = if of_module { at + 3 } else { at + 1 };
        if (of_module || alone) && !is_member && sign(behind, "(") {
            let in_list = sign(behind + 1, "[(");
            calls.extend(started(&pieces[behind + 1 + usize::from(in_list)..], in_list));
        }
    }
    calls
}

/// What the first argument starts: the words of a list, or a text.
fn started(pieces: &[(Piece, usize)], in_list: bool) -> Vec<Call> {
    let mut words = Vec::new();
    for (piece, line) in pieces {
        match piece {
            Piece::Text(text) => words.push((text.clone().unwrap_or_else(|| UNKNOWN.to_string()), *line)),
            Piece::Sign(',') if in_list => {}
            _ => break,
        }
        if !in_list {
            break;
        }
    }
    match words.first() {
        Some((text, line)) if !in_list => shell::read(text, *line, &Variables::new()),
        _ => shell::words(&words, &Variables::new()),
    }
}

/// The names, strings and signs of a text, without comments.
fn pieces(text: &str) -> Vec<(Piece, usize)> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let mut length = first.len_utf8();
        if first == '#' {
            length = rest.find('\n').unwrap_or(rest.len());
        } else if first.is_alphabetic() || first == '_' {
            length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (word, behind) = rest.split_at(length);
            let is_prefix = length <= 2 && word.chars().all(|c| "rbfuRBFU".contains(c));
            if is_prefix && behind.starts_with(['"', '\'']) {
                let (content, end) = string(behind);
                let plain = !word.contains(['f', 'F']);
                found.push((Piece::Text(plain.then(|| content.to_owned())), line));
                length += end;
            } else {
                found.push((Piece::Name(word.to_owned()), line));
            }
        } else if first == '"' || first == '\'' {
            let (content, end) = string(rest);
            found.push((Piece::Text((!content.contains('\\')).then(|| content.to_owned())), line));
            length = end;
        } else if !first.is_whitespace() {
            found.push((Piece::Sign(first), line));
        }
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    found
}

/// The content of the string that a text begins with, and where it ends.
fn string(text: &str) -> (&str, usize) {
    let quote = &text[..1];
    let triple = quote.repeat(3);
    let fence = if text.starts_with(&triple) { triple.as_str() } else { quote };
    let mut at = fence.len();
    while let Some(c) = text[at..].chars().next() {
        if text[at..].starts_with(fence) {
            return (&text[fence.len()..at], at + fence.len());
        }
        // A string of one line ends with it.
        if c == '\n' && fence.len() == 1 {
            break;
        }
        at += c.len_utf8();
        if c == '\\' {
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    (&text[fence.len()..at], at)
}
