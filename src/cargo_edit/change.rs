//! One change of a manifest's text: a value set, an element added to a list or taken from it, a key taken.
//!
//! Each cuts the text at the places that the parser names, and is then held against what it means: the new text has to
//! say what the old one said, with that one change. So a layout that this module does not foresee is refused, and
//! never written wrongly.

use std::ops::Range;

use toml_edit::{Document, Item, Key, Table, TableLike, Value};

use crate::fault::{Fault, Result};
use crate::toml_cut::{self as cut, Cut};

use super::place;

/// Reads a manifest.
pub(super) fn parse(text: &str) -> Result<Document<&str>> {
    Document::parse(text).map_err(|error| {
        let line = line_of(text, error.span());
        Fault::new(format!("the manifest is broken at line {line}"))
            .why(error.message().to_owned())
            .help(format!("correct line {line}, or restore the file from version control"))
    })
}

/// The number of the line in which a place begins.
pub(super) fn line_of(text: &str, span: Option<Range<usize>>) -> usize {
    let at = span.map_or(0, |span| span.start).min(text.len());
    text.get(..at).unwrap_or(text).matches('\n').count() + 1
}

/// The key and the item at a path below the root.
pub(super) fn find<'a, S: AsRef<str>>(root: &'a Table, path: &[S]) -> Option<(&'a Key, &'a Item)> {
    let (last, above) = path.split_last()?;
    let mut table: &dyn TableLike = root;
    for part in above {
        table = table.get(part.as_ref())?.as_table_like()?;
    }
    table.get_key_value(last.as_ref())
}

/// A path, and what stands below it.
pub(super) fn below(table: &[String], keys: &[&str]) -> Vec<String> {
    table.iter().map(String::as_str).chain(keys.iter().copied()).map(str::to_owned).collect()
}

/// Sets a value, given as TOML. Where nothing stands at `table` and `keys`, a line is added (or an element, in a table
/// between braces); where the table itself is absent, it is made, behind the last of the tables `near`.
pub(super) fn set(
    text: &str,
    table: &[String],
    keys: &[&str],
    value: &str,
    near: &[Vec<String>],
) -> Result<String> {
    let document = parse(text)?;
    let root = document.as_table();
    let path = below(table, keys);
    let edited = match find(root, &path) {
        Some((_, Item::Value(old))) => old.span().filter(|_| !place::is_dotted(old)).map(|span| {
            let mut cut = Cut::new(text);
            cut.replace(span, value);
            cut.finish()
        }),
        Some(_) => None,
        None => place::inserted(text, document.as_item(), table, keys, value, near),
    };
    let new = toml::from_str::<toml::Table>(&format!("new = {value}"));
    let new = new.ok().and_then(|mut table| table.remove("new"));
    held(text, edited, &path, |tree, last| {
        tree.insert(last.to_owned(), new?);
        Some(())
    })
}

/// Adds the last element, given as TOML, to the list at a path.
pub(super) fn push(text: &str, path: &[String], element: &str) -> Result<String> {
    let document = parse(text)?;
    let edited = place::list(document.as_table(), path)
        .map(|(brackets, spans)| cut::with_element(text, brackets, &spans, element));
    held(text, edited, path, |tree, last| {
        let new = toml::from_str::<toml::Table>(&format!("new = {element}")).ok()?.remove("new")?;
        tree.get_mut(last)?.as_array_mut()?.push(new);
        Some(())
    })
}

/// Takes one element from the list at a path.
pub(super) fn take_element(text: &str, path: &[String], at: usize) -> Result<String> {
    let document = parse(text)?;
    let edited = place::list(document.as_table(), path).and_then(|(brackets, spans)| {
        let last_one = spans.len() == 1 && !text.get(brackets.clone())?.contains('#');
        Some(if last_one {
            let mut cut = Cut::new(text);
            cut.replace(brackets, "[]");
            cut.finish()
        } else {
            cut::without_element(text, brackets, &spans, at)
        })
    });
    held(text, edited, path, |tree, last| {
        let list = tree.get_mut(last)?.as_array_mut()?;
        (at < list.len()).then(|| list.remove(at)).map(drop)
    })
}

/// Takes a key away: its lines, with the comment directly above them (`cargo remove` takes that too), or its table.
pub(super) fn take(text: &str, path: &[String]) -> Result<String> {
    let document = parse(text)?;
    let edited = place::without(text, document.as_item(), path);
    held(text, edited, path, |tree, last| tree.remove(last).map(drop))
}

/// Takes a table away that holds nothing, not even a comment; only its header where tables below it have their own.
/// Else the text stays as it is.
pub(super) fn take_empty(text: &str, path: &[String]) -> Result<String> {
    let document = parse(text)?;
    match find(document.as_table(), path) {
        Some((_, Item::Table(table))) if !table.is_dotted() && !table.is_implicit() => {
            match place::without_header(text, document.as_table(), table) {
                Some(edited) if table.is_empty() => {
                    held(text, Some(edited), path, |tree, last| tree.remove(last).map(drop))
                }
                Some(edited) => held(text, Some(edited), path, |_, _| Some(())),
                None => Ok(text.to_owned()),
            }
        }
        Some((_, Item::Value(Value::InlineTable(table)))) if table.is_empty() => take(text, path),
        _ => Ok(text.to_owned()),
    }
}

/// Holds that an edit changed what the text means as `change` does, and nothing else.
fn held(
    before: &str,
    after: Option<String>,
    path: &[String],
    change: impl FnOnce(&mut toml::Table, &str) -> Option<()>,
) -> Result<String> {
    let same = || -> Option<bool> {
        let mut wanted = meaning(before)?;
        let mut found = meaning(after.as_deref()?)?;
        let (last, above) = path.split_last()?;
        let mut table = &mut wanted;
        for part in above {
            table = table.entry(part.as_str()).or_insert_with(|| toml::Table::new().into()).as_table_mut()?;
        }
        change(table, last)?;
        prune(&mut wanted, above);
        prune(&mut found, above);
        Some(wanted == found)
    };
    let same = same() == Some(true);
    after.filter(|_| same).ok_or_else(|| {
        Fault::new(format!("could not edit `{}` without changing more of the manifest", place::dotted(path)))
            .help("write that entry as one line by hand, and run the command again")
    })
}

fn meaning(text: &str) -> Option<toml::Table> {
    toml::from_str(text.trim_start_matches('\u{feff}')).ok()
}

/// Takes away what is empty on a path: a table with no header of its own goes with the last that stood in it.
fn prune(table: &mut toml::Table, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    if let Some(toml::Value::Table(below)) = table.get_mut(first) {
        prune(below, rest);
        if below.is_empty() {
            table.remove(first);
        }
    }
}
