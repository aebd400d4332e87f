//! Reads the sources as text: what of them is code, and where failures are made.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every `.rs` file below `src/`: its path from there with `/`, and its text.
pub(crate) fn sources() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root().join("src")).unwrap();
                let name = name.to_str().unwrap().replace('\\', "/");
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    assert!(found.contains_key("lib.rs"), "this test does not see src/");
    found
}

/// The text with comments and the contents of strings and characters blanked, its lines kept.
pub(crate) fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
    while at < chars.len() {
        let rest = &chars[at..];
        let length = match rest {
            ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => block_comment(rest),
            ['"', ..] => quoted(rest),
            ['r', '"' | '#', ..] if !ends_in_word(&out) => raw_string(rest),
            ['\'', '\\', _, ..] => 3 + rest[3..].iter().position(|c| *c == '\'').map_or(0, |n| n + 1),
            ['\'', _, '\'', ..] => 3,
            _ => 0,
        };
        if length == 0 {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(rest[..length].iter().map(|c| blank(*c)));
            at += length;
        }
    }
    out
}

pub(crate) fn ends_in_word(text: &str) -> bool {
    text.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_') && !text.ends_with('b')
}

fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// The length of `r"…"` or `r#"…"#`; 0 where it is a raw identifier.
fn raw_string(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let mut at = 2 + hashes;
    while at < rest.len() {
        if rest[at] == '"' && rest[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes {
            return at + 1 + hashes;
        }
        at += 1;
    }
    rest.len()
}

/// The lines before the file's `#[cfg(test)] mod`.
pub(crate) fn without_tests(code: &str) -> String {
    let lines: Vec<&str> = code.lines().collect();
    let end = (0..lines.len()).find(|&at| {
        lines[at].trim() == "#[cfg(test)]"
            && lines[at + 1..]
                .iter()
                .find(|line| !line.trim().is_empty() && !line.trim().starts_with("#["))
                .is_some_and(|line| line.trim().starts_with("mod "))
    });
    lines[..end.unwrap_or(lines.len())].join("\n")
}

/// The end of the group that `open`, the place behind its bracket, begins; `code` has no strings any more.
fn end_of_group(code: &[u8], open: usize) -> usize {
    let (mut depth, mut at) = (1, open);
    while depth > 0 && at < code.len() {
        depth += match code[at] {
            b'(' | b'[' | b'{' => 1,
            b')' | b']' | b'}' => -1,
            _ => 0,
        };
        at += 1;
    }
    at
}

/// The methods that are called on what ends at `at`, one after the other, and where the last one ends.
fn methods(code: &str, mut at: usize) -> (Vec<&str>, usize) {
    let mut found = Vec::new();
    loop {
        let rest = &code[at..];
        let trimmed = rest.trim_start();
        let Some(name) = trimmed.strip_prefix('.') else { return (found, at) };
        let length = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
        if !name[length..].starts_with('(') {
            return (found, at);
        }
        found.push(&name[..length]);
        let open = at + (rest.len() - trimmed.len()) + 1 + length + 1;
        at = end_of_group(code.as_bytes(), open);
    }
}

/// What is left of the function that `at` lies in: as far as the brace that stands as far in as its `fn`.
fn rest_of_function(code: &str, at: usize) -> &str {
    let is_head = |line: &&str| line.trim_start().split(' ').take(4).any(|word| word == "fn");
    let head = code[..at].lines().rev().find(is_head).unwrap_or_default();
    let end = format!("\n{}}}", &head[..head.len() - head.trim_start().len()]);
    &code[at..at + code[at..].find(&end).unwrap_or(code.len() - at)]
}

/// A place where a failure is made: `Fault::new(…)` and its like, with all that is called on it.
pub(crate) struct Failure {
    pub(crate) line: usize,
    /// The call alone, what is not ASCII replaced.
    pub(crate) call: String,
    /// The call with the methods that are called on it, as it stands in the source.
    pub(crate) text: String,
    /// Whether it says what to do next, here or, where it is kept under a name, where it is used.
    pub(crate) helps: bool,
}

/// Where in a file failures are made, its tests left out.
pub(crate) fn failures(text: &str) -> Vec<Failure> {
    // One byte a character, so that places in the code are places in the text.
    let chars: Vec<char> = text.chars().collect();
    let ascii: String = chars.iter().map(|c| if c.is_ascii() { *c } else { '?' }).collect();
    let code = without_tests(&code_only(&ascii));
    let mut found = Vec::new();
    for call in ["Fault::new(", "Fault::usage(", "Fault::bug("] {
        for (at, _) in code.match_indices(call) {
            let end = end_of_group(code.as_bytes(), at + call.len());
            let (names, last) = methods(&code, end);
            let helps = call.contains("bug") || names.iter().any(|name| ["help", "or_help"].contains(name));
            // What is kept under a name gets its help where it is used.
            let before = code[..at].trim_end().trim_end_matches(['{', ' ', '\n']);
            let closure = before.strip_suffix('|').and_then(|head| head.rsplit_once('|'));
            let closure = closure.is_some_and(|(head, _)| head.trim_end().ends_with('='));
            let is_kept = before.ends_with('=') || before.ends_with("=>") || closure;
            let later = is_kept
                && [".help(", ".or_help("].iter().any(|call| rest_of_function(&code, at).contains(call));
            found.push(Failure {
                line: code[..at].lines().count(),
                call: ascii[at..end.min(ascii.len())].to_owned(),
                text: chars[at..last.min(chars.len())].iter().collect(),
                helps: helps || later,
            });
        }
    }
    found
}
