//! Dockerfiles: `RUN` (Docker's docs, "Dockerfile reference"). What an image starts later (`CMD`) runs elsewhere.

use super::Call;
use super::kind::{base, interpreter, is_shell};
use super::shell::{self, Variables};

/// The calls of every `RUN`.
pub(super) fn calls(text: &str) -> Vec<Call> {
    let lines: Vec<&str> = text.lines().collect();
    let mut calls = Vec::new();
    let mut variables = Variables::new();
    let mut is_read = true;
    let mut at = 0;
    while at < lines.len() {
        let first = at + 1;
        let (instruction, behind) = instruction(&lines, at);
        at = behind;
        let (word, rest) = split(&instruction);
        let (word, rest) = if word.eq_ignore_ascii_case("onbuild") { split(rest) } else { (word, rest) };
        let (body, behind) = body(&lines, at, rest, word);
        at = behind;
        match word.to_ascii_uppercase().as_str() {
            "SHELL" => {
                let program = serde_json::from_str::<Vec<String>>(rest).unwrap_or_default();
                is_read = program.first().is_none_or(|program| is_shell(base(program)));
            }
            "ENV" | "ARG" => {
                if let Some((name, value)) = rest.split_once('=') {
                    calls.extend(shell::setting(name, value, first));
                    if !value.contains(['$', '"', '\'', ' ', '=']) && value.len() <= shell::LONGEST_VALUE {
                        variables.insert(name.to_owned(), value.to_owned());
                    }
                }
            }
            "RUN" => calls.extend(run(rest, first, body.as_deref(), behind, is_read, &variables)),
            _ => {}
        }
    }
    calls
}

/// One `RUN`: a list of words, a heredoc or a script.
fn run(
    rest: &str,
    line: usize,
    body: Option<&str>,
    end: usize,
    is_read: bool,
    variables: &Variables,
) -> Vec<Call> {
    let mut rest = rest;
    let mut line = line;
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if let Some(behind) = rest.strip_prefix("\\\n") {
            rest = behind;
            line += 1;
        } else if rest.starts_with("--") {
            rest = rest.find(char::is_whitespace).map_or("", |end| &rest[end..]);
        } else {
            break;
        }
    }
    if let Ok(words) = serde_json::from_str::<Vec<String>>(rest) {
        let words: Vec<_> = words.into_iter().map(|word| (word, line)).collect();
        return shell::words(&words, variables);
    }
    match body {
        _ if !is_read => Vec::new(),
        Some(body) if rest.starts_with("<<") => {
            let first = body.lines().next().unwrap_or_default();
            if interpreter(first).is_none_or(|program| is_shell(&program)) {
                // The body ends right before its delimiter.
                shell::read(body, end - body.lines().count(), variables)
            } else {
                Vec::new()
            }
        }
        Some(body) => {
            let end = rest.split_once("<<").map_or("", |(_, end)| end).trim_start_matches('-');
            let end = end.split_whitespace().next().unwrap_or_default().trim_matches(['"', '\'']);
            shell::read(&format!("{rest}\n{body}{end}\n"), line, variables)
        }
        None => shell::read(rest, line, variables),
    }
}

/// The instruction that begins on a line, its continued lines with it, and the line behind. Comments between are blanked.
fn instruction(lines: &[&str], from: usize) -> (String, usize) {
    let mut text = String::new();
    let mut at = from;
    while let Some(line) = lines.get(at) {
        at += 1;
        let shown = line.trim_end();
        let is_comment = shown.trim_start().starts_with('#');
        if is_comment && text.is_empty() {
            break;
        }
        if is_comment || (shown.is_empty() && !text.is_empty()) {
            text.push_str("\\\n");
            continue;
        }
        text.push_str(shown);
        if !shown.ends_with('\\') {
            break;
        }
        text.push('\n');
    }
    (text.trim_start().to_owned(), at)
}

/// The first word, and what follows it.
fn split(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start_matches([' ', '\t']))
}

/// The body of a heredoc that `RUN`, `COPY` or `ADD` names, and the line behind.
fn body(lines: &[&str], from: usize, rest: &str, word: &str) -> (Option<String>, usize) {
    let takes_one = ["RUN", "COPY", "ADD"].iter().any(|taker| word.eq_ignore_ascii_case(taker));
    let delimiter = rest.split_once("<<").filter(|(_, behind)| takes_one && !behind.starts_with('<'));
    let Some((_, delimiter)) = delimiter else { return (None, from) };
    let indented = delimiter.starts_with('-');
    let delimiter = delimiter.trim_start_matches('-').split_whitespace().next().unwrap_or_default();
    let delimiter = delimiter.trim_matches(['"', '\'']);
    let is_name = !delimiter.is_empty() && delimiter.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return (None, from);
    }
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate().skip(from) {
        let shown = if indented { line.trim_start_matches('\t') } else { line };
        if shown.trim_end() == delimiter {
            return (Some(text), at + 1);
        }
        text.push_str(shown);
        text.push('\n');
    }
    (Some(text), lines.len() + 1)
}
