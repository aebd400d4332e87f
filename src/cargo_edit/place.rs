//! The places in a manifest's text: where a new line belongs, which lines an entry takes, what goes with them.

use std::ops::Range;

use toml_edit::{InlineTable, Item, Key, RawString, Table, TableLike, Value};

use crate::toml_cut::{self as cut, Cut};

use super::change::{below, find};

/// The text without the header of a table that has no lines of its own. `None` where it has some, or where a comment
/// stands above the header, behind it, or in what follows up to the next one's own comment.
pub(super) fn without_header(text: &str, root: &Table, table: &Table) -> Option<String> {
    let header = table.span()?;
    let mut own = Vec::new();
    each(table, &mut own);
    let mut headers = Vec::new();
    collect_headers(root, &mut headers);
    let next = headers.into_iter().filter(|at| *at > header.start).min();
    let end = next.map_or(text.len(), |at| comment_start(text, cut::line_start(text, at), 0));
    let start = cut::line_start(text, header.start);
    let has_comment = comment_start(text, start, 0) < start || text.get(header.end..end)?.contains('#');
    let bare = own.is_empty() && !has_comment;
    bare.then(|| without_lines(text, start..cut::next_line(text, header.end)))
}

fn collect_headers(table: &Table, found: &mut Vec<usize>) {
    for (_, item) in table {
        match item {
            Item::Table(below) => {
                if !below.is_dotted() && !below.is_implicit() {
                    found.extend(below.span().map(|span| span.start));
                }
                collect_headers(below, found);
            }
            Item::ArrayOfTables(tables) => {
                for below in tables {
                    found.extend(below.span().map(|span| span.start));
                    collect_headers(below, found);
                }
            }
            _ => {}
        }
    }
}

/// Whether a value stands for the dotted keys of a table between braces.
pub(super) fn is_dotted(value: &Value) -> bool {
    value.as_inline_table().is_some_and(InlineTable::is_dotted)
}

/// The brackets of a list and its elements.
pub(super) fn list(root: &Table, path: &[String]) -> Option<(Range<usize>, Vec<Range<usize>>)> {
    let array = find(root, path)?.1.as_array()?;
    Some((array.span()?, array.iter().map(Value::span).collect::<Option<_>>()?))
}

/// The places, from key to value, that an item of a table takes in the table's own lines. A dotted key has several.
fn places(key: &Key, item: &Item, found: &mut Vec<Range<usize>>) {
    match item {
        Item::Table(table) if table.is_dotted() => each(table, found),
        Item::Value(Value::InlineTable(table)) if table.is_dotted() => each(table, found),
        Item::Value(value) => {
            if let (Some(key), Some(value)) = (key.span(), value.span()) {
                found.push(key.start..value.end);
            }
        }
        _ => {}
    }
}

fn each(table: &dyn TableLike, found: &mut Vec<Range<usize>>) {
    for (name, _) in table.iter() {
        if let Some((key, item)) = table.get_key_value(name) {
            places(key, item, found);
        }
    }
}

/// How many parts of a path lead to the table that its last part is written in: not one of dotted keys.
fn written_in(root: &Item, path: &[String]) -> Option<usize> {
    let root = root.as_table()?;
    let is_own = |depth: &usize| match find(root, path.get(..*depth).unwrap_or(&[])) {
        Some((_, Item::Table(table))) => !table.is_dotted(),
        Some((_, Item::Value(value))) => !is_dotted(value),
        _ => *depth == 0,
    };
    (0..path.len()).rev().find(is_own)
}

/// The item at a path, which may be the root's own.
fn at<'a>(root: &'a Item, path: &[String]) -> Option<&'a Item> {
    if path.is_empty() { Some(root) } else { find(root.as_table()?, path).map(|(_, item)| item) }
}

/// The text with a value where nothing stood, in the form that its table has.
pub(super) fn inserted(
    text: &str,
    root: &Item,
    table: &[String],
    keys: &[&str],
    value: &str,
    near: &[Vec<String>],
) -> Option<String> {
    let path = below(table, keys);
    // The deepest table that stands already.
    let Some(depth) = (table.len()..path.len()).rev().find(|depth| at(root, &path[..*depth]).is_some())
    else {
        let line = format!("{} = {value}", dotted(&path[table.len()..]));
        let anchor = near.iter().filter_map(|path| end_of(root.as_table()?, path)).max();
        return Some(with_table(text, &format!("[{}]", dotted(table)), &line, anchor));
    };
    let depth = written_in(root, &path[..=depth])?;
    let (parent, own) = path.split_at(depth);
    let line = format!("{} = {value}", dotted(own));
    match at(root, parent)? {
        Item::Value(Value::InlineTable(inline)) => {
            let mut elements = Vec::new();
            each(inline, &mut elements);
            elements.sort_by_key(|place| place.start);
            let braces = inline.span()?;
            let line = if elements.is_empty() { format!(" {line} ") } else { line };
            Some(cut::with_element(text, braces, &elements, &line))
        }
        Item::Table(implicit) if implicit.is_implicit() && !parent.is_empty() => {
            let header = cut::line_start(text, cut::first_header(implicit)?);
            let at = comment_start(text, header, 0);
            let end = cut::line_end(text);
            let (before, behind) = text.split_at(at);
            Some(format!("{before}[{}]{end}{line}{end}{end}{behind}", dotted(parent)))
        }
        Item::Table(lines) => {
            let header = lines.span().filter(|_| !parent.is_empty());
            let first = header.map_or(cut::begin(text), |span| cut::next_line(text, span.start));
            let is_list = parent.last().is_some_and(|name| name.ends_with("dependencies"));
            let (at, indent) = place_for(text, lines, &own[0], is_list).unwrap_or((first, ""));
            Some(with_line(text, at, &format!("{indent}{line}")))
        }
        _ => None,
    }
}

/// The end of a table that has a header, with all below it.
fn end_of(root: &Table, path: &[String]) -> Option<usize> {
    let table = find(root, path)?.1.as_table().filter(|table| !table.is_dotted())?;
    let header = table.span().filter(|_| !table.is_implicit()).map_or(0, |span| span.end);
    Some(cut::last_end(table).max(header))
}

/// Where a key goes among the lines of its table: behind its other lines, else in its order where the table is a list
/// of names in order, else behind the last one. With how the line beside it is indented.
fn place_for<'a>(text: &'a str, table: &Table, new: &str, is_list: bool) -> Option<(usize, &'a str)> {
    let mut lines: Vec<(usize, usize, &str)> = Vec::new();
    for (name, _) in table {
        let mut found = Vec::new();
        if let Some((key, item)) = table.get_key_value(name) {
            places(key, item, &mut found);
        }
        let start = found.iter().map(|place| place.start).min();
        let end = found.iter().map(|place| place.end).max();
        lines.extend(start.zip(end).map(|(start, end)| (start, end, name)));
    }
    lines.sort_unstable();
    let indent = |start: usize| {
        let line = &text[cut::line_start(text, start)..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    };
    let behind = |line: &(usize, usize, &str)| (cut::next_line(text, line.1), indent(line.0));
    if let Some(same) = lines.iter().find(|line| line.2 == new) {
        return Some(behind(same));
    }
    let in_order = is_list && lines.is_sorted_by_key(|line| line.2);
    if !in_order {
        return lines.last().map(behind);
    }
    match lines.iter().rfind(|line| line.2 < new) {
        Some(before) => Some(behind(before)),
        // Before the first one, but behind the header: the comment above that one stays with it.
        None => lines.first().and_then(|first| {
            let header = cut::next_line(text, table.span()?.start);
            Some((header, indent(first.0)))
        }),
    }
}

/// A key as TOML.
pub(super) fn dotted(path: &[String]) -> String {
    path.iter().map(|part| Key::new(part).to_string()).collect::<Vec<_>>().join(".")
}

/// Adds a line. A text without a last line end has none afterwards.
fn with_line(text: &str, at: usize, line: &str) -> String {
    let end = cut::line_end(text);
    let (before, behind) = text.split_at(at);
    if before.ends_with('\n') || at == cut::begin(text) {
        format!("{before}{line}{end}{behind}")
    } else {
        format!("{before}{end}{line}{behind}")
    }
}

/// Adds a table of one line behind the line that `anchor` lies in, else at the end, with empty lines around it.
fn with_table(text: &str, header: &str, line: &str, anchor: Option<usize>) -> String {
    let end = cut::line_end(text);
    let at = anchor.map_or(text.len(), |anchor| behind_comments(text, cut::next_line(text, anchor)));
    let (before, behind) = text.split_at(at);
    let last = if before.ends_with('\n') || at == cut::begin(text) { "" } else { end };
    let above = if last.is_empty() && cut::blank_before(text, at) { "" } else { end };
    let next = &behind[..cut::next_line(behind, 0)];
    let under = if next.trim().is_empty() { "" } else { end };
    let closing = if last.is_empty() { end } else { "" };
    format!("{before}{last}{above}{header}{end}{line}{closing}{under}{behind}")
}

/// Behind the comment that follows directly, unless it stands directly above something else.
fn behind_comments(text: &str, at: usize) -> usize {
    let mut end = at;
    while text[end..].trim_start_matches([' ', '\t']).starts_with('#') {
        end = cut::next_line(text, end);
    }
    if text[end..cut::next_line(text, end)].trim().is_empty() { end } else { at }
}

/// Where the comment begins that stands directly above a line, not before `bound`.
fn comment_start(text: &str, line: usize, bound: usize) -> usize {
    let mut at = line;
    while at > cut::begin(text) {
        let above = cut::line_start(text, at - 1);
        if above < bound || !text[above..at].trim_start().starts_with('#') {
            break;
        }
        at = above;
    }
    at
}

/// The text without an entry.
pub(super) fn without(text: &str, root: &Item, path: &[String]) -> Option<String> {
    let (key, item) = find(root.as_table()?, path)?;
    if let Item::Table(table) = item
        && !table.is_dotted()
    {
        let header = table.span().filter(|_| !table.is_implicit())?;
        let bound = table.decor().prefix().and_then(RawString::span);
        let start = comment_start(text, cut::line_start(text, header.start), bound.map_or(0, |at| at.start));
        return Some(without_lines(text, start..cut::next_line(text, cut::last_end(table).max(header.end))));
    }
    let mut own = Vec::new();
    places(key, item, &mut own);
    own.sort_by_key(|place| place.start);
    let depth = written_in(root, path)?;
    let parent = at(root, &path[..depth])?;
    if let Item::Value(Value::InlineTable(inline)) = parent {
        return without_elements(text, inline, find(root.as_table()?, &path[..=depth])?.0, &own);
    }
    let mut text = text.to_owned();
    for place in own.into_iter().rev() {
        let line = cut::line_start(&text, place.start);
        let start = comment_start(&text, line, last_before(parent, place.start));
        let end = cut::next_line(&text, place.end);
        text = without_lines(&text, start..end);
    }
    Some(text)
}

/// The end of the last value of a table before a place: what looks like a comment before it is inside a string.
fn last_before(table: &Item, at: usize) -> usize {
    let mut found = Vec::new();
    if let Some(table) = table.as_table() {
        each(table, &mut found);
    }
    found.into_iter().map(|place| place.end).filter(|end| *end <= at).max().unwrap_or(0)
}

/// Takes an entry from between braces. A dotted one can be taken where it is a single element.
fn without_elements(text: &str, inline: &InlineTable, key: &Key, own: &[Range<usize>]) -> Option<String> {
    let [place] = own else { return None };
    let mut elements = Vec::new();
    each(inline, &mut elements);
    elements.sort_by_key(|place| place.start);
    let at = elements.iter().position(|element| element == place)?;
    let braces = inline.span()?;
    elements[at].start = key.span()?.start;
    if elements.len() == 1 {
        let mut cut = Cut::new(text);
        cut.replace(braces, "{}");
        return Some(cut.finish());
    }
    Some(cut::without_element(text, braces, &elements, at))
}

/// Takes whole lines away, and one of two empty lines that would then meet.
fn without_lines(text: &str, lines: Range<usize>) -> String {
    let Range { mut start, mut end } = lines;
    if cut::blank_before(text, start) {
        if end < text.len() {
            let next = cut::next_line(text, end);
            if text[end..next].trim().is_empty() {
                end = next;
            }
        } else if start > cut::begin(text) {
            start = cut::line_start(text, start - 1);
        }
    }
    let (mut before, behind) = (&text[..start], &text[end..]);
    if behind.is_empty() && !text.ends_with('\n') {
        before = before.strip_suffix('\n').unwrap_or(before);
        before = before.strip_suffix('\r').unwrap_or(before);
    }
    format!("{before}{behind}")
}
