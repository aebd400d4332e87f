//! The one entry that envtool has in a project's `.cargo/config.toml` (or the legacy `.cargo/config`):
//!
//! ```toml
//! include = [{ path = "../.envtool/cargo.toml", optional = true }]
//! ```
//!
//! The format is cargo's: cargo reference, "Configuration", "Including extra configuration files". cargo 1.95 takes
//! a list of strings and tables, also as `[[include]]`; one string or one table is an error (tried). Later elements
//! count more, so the entry is the last one; after a table header it would belong to that table and cargo would ignore it.
//!
//! The file is the user's. So nothing is written anew: the text is cut at the places that the parser names, and every
//! other byte stays. What an edit means is checked by reading the result again.

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::Path;

use toml_edit::{Array, ArrayOfTables, Document, Item, Key, Table, Value};

use crate::fault::{Fault, Result};
use crate::toml_cut::{self as cut, Cut};

/// The path of the entry, as it is written.
pub const PATH: &str = "../.envtool/cargo.toml";

/// The element of `include`.
const ELEMENT: &str = r#"{ path = "../.envtool/cargo.toml", optional = true }"#;

/// How the entry stands in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should.
    Present,
    /// Nowhere.
    Absent,
    /// Another include comes after it and counts more.
    NotLast,
    /// Without `optional = true`: where the environment is absent, cargo stops.
    NotOptional,
    /// More than once, which cargo takes for a cycle.
    Twice,
    /// Only in the table of this name, where cargo does not see it.
    InTable(String),
}

/// Reads how the entry stands in the text of a configuration file.
pub fn state(text: &str) -> Result<State> {
    let document = parse(text)?;
    let list = elements(&document, text)?;
    let own: Vec<usize> = (0..list.len()).filter(|at| list[*at].own).collect();
    Ok(match own.as_slice() {
        [] => misplaced(document.as_table(), "").map_or(State::Absent, |found| State::InTable(found.table)),
        [at] if at + 1 < list.len() => State::NotLast,
        [at] if !list[*at].optional => State::NotOptional,
        [_] => State::Present,
        _ => State::Twice,
    })
}

/// The text with the entry where it belongs. A text that has it there comes back as it is.
pub fn with_entry(text: &str) -> Result<String> {
    if state(text)? == State::Present {
        return Ok(text.to_owned());
    }
    let bare = removed(text)?;
    let document = parse(&bare)?;
    let edited = match document.get("include") {
        None => cut::with_root_key(&bare, document.as_table(), &format!("include = [{ELEMENT}]")),
        Some(Item::ArrayOfTables(_)) => {
            cut::with_block(&bare, &["[[include]]", &format!("path = \"{PATH}\""), "optional = true"])
        }
        Some(_) => {
            let spans: Vec<_> = elements(&document, &bare)?.into_iter().map(|e| e.span).collect();
            cut::with_element(&bare, list_span(&document), &spans, ELEMENT)
        }
    };
    checked(text, edited).and_then(|edited| match state(&edited)? {
        State::Present => Ok(edited),
        _ => Err(not_editable()),
    })
}

/// The text without the entry; `None` where nothing else is left.
#[cfg(test)]
fn without_entry(text: &str) -> Result<Option<String>> {
    let bare = checked(text, removed(text)?)?;
    let blank = bare.trim_start_matches('\u{feff}').trim().is_empty();
    Ok((!blank).then_some(bare))
}

/// The text for a copy that lies elsewhere: without the entry, and with other relative includes counting from
/// `folder`, which is how the copy's folder reaches the file's own (`../.cargo`, or its absolute path).
pub fn for_resolving(text: &str, folder: &Path) -> Result<String> {
    let bare = checked(text, removed(text)?)?;
    let document = parse(&bare)?;
    let mut cut = Cut::new(&bare);
    for element in elements(&document, &bare)? {
        if !element.path.starts_with('/') && !Path::new(&element.path).is_absolute() {
            let path = format!("{}/{}", folder.display(), element.path);
            cut.replace(element.path_span, Value::from(path).to_string());
        }
    }
    Ok(cut.finish())
}

/// One element of the root `include`.
struct Element {
    path: String,
    path_span: Range<usize>,
    span: Range<usize>,
    own: bool,
    optional: bool,
}

/// The entry in a table that cargo does not read includes from.
struct Misplaced<'a> {
    table: String,
    key: &'a Key,
    array: &'a Array,
}

fn parse(text: &str) -> Result<Document<&str>> {
    Document::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let before = text.get(..at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column =
            before.rsplit('\n').next().unwrap_or("").trim_start_matches('\u{feff}').chars().count() + 1;
        Fault::new(format!("cargo's configuration is broken at line {line}, column {column}"))
            .why(error.message().to_owned())
            .help(format!("correct line {line}, or restore the file from version control"))
    })
}

fn is_own(path: &str) -> bool {
    path.split('/').filter(|part| *part != ".").eq(PATH.split('/'))
}

fn elements(document: &Document<&str>, text: &str) -> Result<Vec<Element>> {
    let refuse = |span: Option<Range<usize>>, why: &str| {
        let before = text.get(..span.map_or(0, |span| span.start)).unwrap_or("");
        Fault::new(format!(
            "line {} of cargo's configuration: `include` cannot be read",
            before.matches('\n').count() + 1
        ))
        .why(why.to_owned())
        .help("write it as a list: include = [\"one.toml\", { path = \"two.toml\", optional = true }]")
    };
    let element = |path: Option<&Value>, optional: Option<&Value>, span: Option<Range<usize>>| {
        let path_span = path.and_then(Value::span);
        match (path.and_then(Value::as_str), path_span, span.clone()) {
            (Some(path), Some(path_span), Some(span)) => Ok(Element {
                own: is_own(path),
                path: path.to_owned(),
                path_span,
                span,
                optional: optional.and_then(Value::as_bool).unwrap_or(false),
            }),
            _ => Err(refuse(span, "cargo takes a string, or a table with a `path`, as its element")),
        }
    };
    match document.get("include") {
        None => Ok(Vec::new()),
        Some(Item::Value(Value::Array(array))) => array
            .iter()
            .map(|value| match value {
                Value::InlineTable(table) => element(table.get("path"), table.get("optional"), value.span()),
                other => element(Some(other), None, value.span()),
            })
            .collect(),
        Some(Item::ArrayOfTables(tables)) => tables
            .iter()
            .map(|table| {
                let value = |key| table.get(key).and_then(Item::as_value);
                element(value("path"), value("optional"), table.span())
            })
            .collect(),
        Some(other) => Err(refuse(other.span(), "cargo takes a list there, not one string or one table")),
    }
}

/// The span of the root `include` where it is written as a list.
fn list_span(document: &Document<&str>) -> Range<usize> {
    document.get("include").and_then(Item::span).unwrap_or(0..0)
}

/// Looks for the entry in the tables below the root.
fn misplaced<'a>(table: &'a Table, name: &str) -> Option<Misplaced<'a>> {
    table.iter().find_map(|(key, item)| {
        let below = item.as_table()?;
        let name = if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
        let here = below.get_key_value("include").and_then(|(key, item)| {
            let array = item.as_array()?;
            array.iter().any(is_own_value).then(|| Misplaced { table: name.clone(), key, array })
        });
        here.or_else(|| misplaced(below, &name))
    })
}

fn is_own_value(value: &Value) -> bool {
    let path = match value {
        Value::InlineTable(table) => table.get("path").and_then(Value::as_str),
        other => other.as_str(),
    };
    path.is_some_and(is_own)
}

/// Takes every entry of ours away, also from tables.
fn removed(text: &str) -> Result<String> {
    let mut text = text.to_owned();
    while let Some(less) = removed_once(&text)? {
        if less.len() >= text.len() {
            return Err(not_editable());
        }
        text = less;
    }
    Ok(text)
}

fn removed_once(text: &str) -> Result<Option<String>> {
    let document = parse(text)?;
    let list = elements(&document, text)?;
    let root = document.as_table();
    let (key, array) = if let Some(at) = list.iter().position(|element| element.own) {
        match root.get_key_value("include") {
            Some((_, Item::ArrayOfTables(tables))) => return Ok(Some(without_table(text, tables, at))),
            Some((key, Item::Value(Value::Array(array)))) => (key, array),
            _ => return Err(not_editable()),
        }
    } else {
        match misplaced(root, "") {
            Some(found) => (found.key, found.array),
            None => return Ok(None),
        }
    };
    without_element(text, key, array).map(Some)
}

fn without_table(text: &str, tables: &ArrayOfTables, at: usize) -> String {
    let Some(table) = tables.get(at) else {
        return text.to_owned();
    };
    let start = table.span().map_or(0, |span| span.start);
    let end = cut::last_end(table).max(table.span().map_or(0, |span| span.end));
    cut::without_block(text, start..end)
}

fn without_element(text: &str, key: &Key, array: &Array) -> Result<String> {
    let spans: Option<Vec<_>> = array.iter().map(Value::span).collect();
    let at = array.iter().position(is_own_value);
    match (spans, at, key.span(), array.span()) {
        (Some(spans), Some(0), Some(key), Some(array)) if spans.len() == 1 => {
            Ok(cut::without_lines(text, key.start..array.end))
        }
        (Some(spans), Some(at), _, Some(array)) => Ok(cut::without_element(text, array, &spans, at)),
        _ => Err(not_editable()),
    }
}

/// Holds that an edit changed nothing but the entry.
fn checked(before: &str, after: String) -> Result<String> {
    if meaning(before)? == meaning(&after)? { Ok(after) } else { Err(not_editable()) }
}

fn not_editable() -> Fault {
    Fault::new("could not edit `include` in cargo's configuration without changing more of the file")
        .help(format!("write this by hand before the first table: include = [{ELEMENT}]"))
}

/// What a text says without the entry.
fn meaning(text: &str) -> Result<toml::Table> {
    let broken =
        |error: toml::de::Error| Fault::bug("could not read cargo's configuration once more").because(&error);
    let mut table: toml::Table = toml::from_str(text.trim_start_matches('\u{feff}')).map_err(broken)?;
    strip(&mut table);
    Ok(table)
}

fn strip(table: &mut toml::Table) {
    let own = |value: &toml::Value| {
        let path = value.get("path").unwrap_or(value).as_str();
        path.is_some_and(is_own)
    };
    if let Some(toml::Value::Array(list)) = table.get_mut("include") {
        list.retain(|value| !own(value));
        if list.is_empty() {
            table.remove("include");
        }
    }
    for (_, value) in table.iter_mut() {
        if let toml::Value::Table(below) = value {
            strip(below);
        }
    }
}
