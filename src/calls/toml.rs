//! TOML that holds commands: cargo's configuration (cargo reference, "Configuration"), cargo-make's `Makefile.toml` and
//! `bacon.toml` (their books).

use toml_edit::{Document, Item, TableLike, Value};

use super::kind::{base, is_shell};
use super::shell::{self, Variables};
use super::{Call, Form};

/// A command, word by word, each with its line.
type Words = Vec<(String, usize)>;

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn line(&self, value: &Value) -> usize {
        let at = value.span().map_or(0, |span| span.start);
        self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
    }

    /// The words of a string that is split at white space, or of a list.
    fn words(&self, item: &Item) -> Words {
        let Some(value) = item.as_value() else { return Vec::new() };
        if let Value::Array(list) = value {
            return list
                .iter()
                .filter_map(|word| Some((word.as_str()?.to_owned(), self.line(word))))
                .collect();
        }
        let line = self.line(value);
        let text = value.as_str().unwrap_or_default();
        text.split_whitespace().map(|word| (word.to_owned(), line)).collect()
    }

    /// The one program that a setting names.
    fn program(&self, item: &Item) -> Words {
        let value = item.as_value().and_then(|value| Some((value.as_str()?.to_owned(), self.line(value))));
        value.into_iter().collect()
    }

    /// The lines of a script: a string, or a list of strings.
    fn script(&self, item: &Item) -> Vec<Call> {
        let Some(value) = item.as_value() else { return Vec::new() };
        let read = |value: &Value| {
            let text = value.as_str().unwrap_or_default();
            // A line end right behind the opening quotes is no part of the value.
            let written = value.span().and_then(|span| self.text.get(span)).unwrap_or_default();
            let skipped = usize::from(
                written.trim_start_matches(['"', '\'']).starts_with(['\n', '\r'])
                    && (written.starts_with("'''") || written.starts_with("\"\"\"")),
            );
            shell::read(text, self.line(value) + skipped, &Variables::new())
        };
        match value {
            Value::Array(list) => list.iter().flat_map(read).collect(),
            _ => read(value),
        }
    }
}

/// The tables below a key.
fn tables<'a>(root: &'a dyn TableLike, key: &str) -> Vec<&'a dyn TableLike> {
    let below = root.get(key).and_then(Item::as_table_like);
    below.into_iter().flat_map(|table| table.iter().filter_map(|(_, item)| item.as_table_like())).collect()
}

/// `.cargo/config.toml`: aliases, and what cargo starts around rustc and around programs.
pub(super) fn cargo_config(text: &str) -> Vec<Call> {
    let Ok(document) = Document::parse(text) else { return Vec::new() };
    let reader = Reader { text };
    let root = document.as_table();
    let mut commands: Vec<Words> = Vec::new();
    if let Some(build) = root.get("build").and_then(Item::as_table_like) {
        for key in ["rustc-wrapper", "rustc-workspace-wrapper"] {
            commands.extend(build.get(key).map(|item| reader.program(item)));
        }
    }
    for target in tables(root, "target") {
        commands.extend(target.get("linker").map(|item| reader.program(item)));
        commands.extend(target.get("runner").map(|item| reader.words(item)));
    }
    let mut calls: Vec<Call> =
        commands.iter().flat_map(|words| shell::words(words, &Variables::new())).collect();
    let aliases = root.get("alias").and_then(Item::as_table_like);
    for (_, item) in aliases.into_iter().flat_map(TableLike::iter) {
        let words = reader.words(item);
        let line = words.first().map_or(1, |(_, line)| *line);
        let words = [vec![("cargo".to_owned(), line)], words].concat();
        calls.extend(shell::words(&words, &Variables::new()));
    }
    let names = aliases_of(root);
    calls.retain(|call| call.form != Form::CargoSubcommand || !names.contains(&call.name));
    calls
}

/// The names that a cargo configuration gives to commands of cargo's: calls of these are no calls of tools, since cargo
/// looks for an alias before it looks for a program.
pub fn cargo_aliases(text: &str) -> Vec<String> {
    Document::parse(text).map(|document| aliases_of(document.as_table())).unwrap_or_default()
}

fn aliases_of(root: &dyn TableLike) -> Vec<String> {
    let aliases = root.get("alias").and_then(Item::as_table_like);
    aliases.into_iter().flat_map(TableLike::iter).map(|(name, _)| name.to_owned()).collect()
}

/// cargo-make: `command` with `args`, `script`, `install_crate`, of tasks and of what they say for one platform.
pub(super) fn cargo_make(text: &str) -> Vec<Call> {
    let Ok(document) = Document::parse(text) else { return Vec::new() };
    let reader = Reader { text };
    let mut calls = Vec::new();
    for task in tables(document.as_table(), "tasks") {
        calls.extend(task_calls(&reader, task));
        for platform in ["linux", "mac", "windows"] {
            let table = task.get(platform).and_then(Item::as_table_like);
            calls.extend(table.into_iter().flat_map(|table| task_calls(&reader, table)));
        }
    }
    calls
}

fn task_calls(reader: &Reader, task: &dyn TableLike) -> Vec<Call> {
    let mut calls = Vec::new();
    if let Some(command) = task.get("command") {
        let mut words = reader.program(command);
        words.extend(task.get("args").map(|item| reader.words(item)).unwrap_or_default());
        calls.extend(shell::words(&words, &Variables::new()));
    }
    let runner = task.get("script_runner").and_then(Item::as_str);
    if let Some(script) = task.get("script")
        && runner.is_none_or(|runner| runner == "@shell" || is_shell(base(runner)))
        && !task.get("script").and_then(first_text).is_some_and(|text| text.trim_start().starts_with("#!"))
    {
        calls.extend(reader.script(script));
    }
    if let Some(item) = task.get("install_crate") {
        let table = item.as_table_like();
        let name = table.map_or(Some(item), |table| table.get("crate_name"));
        let version = table.and_then(|table| table.get("version")).and_then(Item::as_str);
        if let Some((name, line)) = name.and_then(|name| reader.program(name).pop()) {
            calls.extend(shell::package(&name, version, line));
        }
    }
    calls
}

fn first_text(item: &Item) -> Option<&str> {
    let value = item.as_value()?;
    value.as_str().or_else(|| value.as_array()?.iter().next()?.as_str())
}

/// `bacon.toml`: the commands of its jobs.
pub(super) fn bacon(text: &str) -> Vec<Call> {
    let Ok(document) = Document::parse(text) else { return Vec::new() };
    let reader = Reader { text };
    let commands = tables(document.as_table(), "jobs").into_iter().filter_map(|job| job.get("command"));
    commands.flat_map(|command| shell::words(&reader.words(command), &Variables::new())).collect()
}
