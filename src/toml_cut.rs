//! Cuts in a TOML text of the user's by the places that the parser names: comments, order, line ends and the rest of
//! the bytes stay.

use std::ops::Range;

use toml_edit::{Item, Table};

/// Replacements in a text, made all at once.
pub struct Cut<'a> {
    text: &'a str,
    changes: Vec<(Range<usize>, String)>,
}

impl<'a> Cut<'a> {
    /// No replacement yet.
    pub fn new(text: &'a str) -> Self {
        let changes = Vec::new();
        Self { text, changes }
    }

    /// Puts `new` where `old` is. The places must not overlap.
    pub fn replace(&mut self, old: Range<usize>, new: impl Into<String>) {
        self.changes.push((old, new.into()));
    }

    /// The text with all of them made.
    pub fn finish(mut self) -> String {
        self.changes.sort_by_key(|(range, _)| (range.start, range.end));
        let mut text = self.text.to_owned();
        for (range, new) in self.changes.into_iter().rev() {
            text.replace_range(range, &new);
        }
        text
    }
}

/// The line end that the text uses.
pub fn line_end(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// Where the text begins, behind a byte order mark.
pub fn begin(text: &str) -> usize {
    if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

/// Where the line begins that `at` lies in.
pub fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or_else(|| begin(text), |newline| newline + 1)
}

/// The place behind the line that `at` lies in, its line end included.
pub fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}

/// Whether the line that ends before `at` is empty, or there is none.
pub fn blank_before(text: &str, at: usize) -> bool {
    at <= begin(text) || text[line_start(text, at - 1)..at].trim().is_empty()
}

/// The end of the last value in a table and those below it; 0 where it has none.
pub fn last_end(table: &Table) -> usize {
    let ends = table.iter().map(|(_, item)| match item {
        Item::Table(below) => last_end(below).max(below.span().map_or(0, |span| span.end)),
        other => other.span().map_or(0, |span| span.end),
    });
    ends.max().unwrap_or(0)
}

/// The end of the last key of the root itself (dotted keys are its own); 0 where it has none.
fn last_root_end(root: &Table) -> usize {
    let ends = root.iter().map(|(_, item)| match item {
        Item::Value(value) => value.span().map_or(0, |span| span.end),
        Item::Table(below) if below.is_dotted() => last_root_end(below),
        _ => 0,
    });
    ends.max().unwrap_or(0)
}

/// The start of the first table header.
pub fn first_header(table: &Table) -> Option<usize> {
    let starts = table.iter().filter_map(|(_, item)| match item {
        Item::Table(below) if below.is_dotted() => None,
        Item::Table(below) => {
            let own = if below.is_implicit() { None } else { below.span().map(|span| span.start) };
            own.into_iter().chain(first_header(below)).min()
        }
        Item::ArrayOfTables(tables) => tables.iter().filter_map(|table| Some(table.span()?.start)).min(),
        _ => None,
    });
    starts.min()
}

/// Adds a line of the root: behind its last key, else before the first table and the comment that belongs to it.
pub fn with_root_key(text: &str, root: &Table, line: &str) -> String {
    let end = line_end(text);
    let last = last_root_end(root);
    let (at, after) = match first_header(root) {
        _ if last > 0 => (next_line(text, last), ""),
        Some(header) => {
            let mut at = line_start(text, header);
            while at > begin(text) && text[line_start(text, at - 1)..at].trim_start().starts_with('#') {
                at = line_start(text, at - 1);
            }
            (at, end)
        }
        None => (text.len(), ""),
    };
    let (before, behind) = text.split_at(at);
    if before.ends_with('\n') || at == begin(text) {
        format!("{before}{line}{end}{after}{behind}")
    } else {
        format!("{before}{end}{line}{behind}")
    }
}

/// Adds lines at the end, behind an empty one.
pub fn with_block(text: &str, lines: &[&str]) -> String {
    let end = line_end(text);
    let block = lines.join(end);
    if text.ends_with('\n') { format!("{text}{end}{block}{end}") } else { format!("{text}{end}{end}{block}") }
}

/// Where the first comma lies in what follows an element, comments left out.
fn comma(text: &str, range: Range<usize>) -> Option<usize> {
    let mut in_comment = false;
    text[range.clone()].char_indices().find_map(|(at, c)| {
        in_comment = c == '#' || (in_comment && c != '\n');
        (c == ',' && !in_comment).then_some(range.start + at)
    })
}

/// Adds the last element of a list: on a line of its own where the list is written so, else behind the last one.
pub fn with_element(text: &str, brackets: Range<usize>, elements: &[Range<usize>], element: &str) -> String {
    let mut cut = Cut::new(text);
    let Some(last) = elements.last() else {
        cut.replace(brackets.start + 1..brackets.start + 1, element);
        return cut.finish();
    };
    let comma = comma(text, last.end..brackets.end);
    let next = next_line(text, last.end);
    let on_its_line = comma.is_none_or(|comma| comma < next);
    if next >= brackets.end || !on_its_line {
        cut.replace(last.end..last.end, format!(", {element}"));
        return cut.finish();
    }
    let line = line_start(text, last.start);
    let indent: String = text[line..].chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
    let indent = if text[line..last.start].trim().is_empty() { indent } else { "    ".to_owned() };
    let end = line_end(text);
    if comma.is_none() {
        cut.replace(last.end..last.end, ",");
    }
    let tail = if comma.is_some() { "," } else { "" };
    cut.replace(next..next, format!("{indent}{element}{tail}{end}"));
    cut.finish()
}

/// Takes one of several elements away: its line where it has one to itself, else it and one comma.
pub fn without_element(text: &str, brackets: Range<usize>, elements: &[Range<usize>], at: usize) -> String {
    let own = elements[at].clone();
    let following = elements.get(at + 1).map_or(brackets.end, |next| next.start);
    let after = comma(text, own.end..following);
    let before = at.checked_sub(1).and_then(|at| {
        let previous = elements[at].end;
        comma(text, previous..own.start)
    });
    let mut cut = Cut::new(text);
    let line = line_start(text, own.start);
    let next = next_line(text, own.end);
    let behind = text[own.end..next].trim().trim_start_matches(',').trim();
    let alone = text[line..own.start].trim().is_empty()
        && next <= following
        && (behind.is_empty() || behind.starts_with('#'))
        && after.is_none_or(|comma| comma < next);
    match (alone, after, before) {
        (true, Some(_), _) => cut.replace(line..next, ""),
        (true, None, Some(comma)) => {
            cut.replace(comma..comma + 1, "");
            cut.replace(line..next, "");
        }
        (false, _, Some(comma)) if text[comma..own.start].trim_start_matches(',').trim().is_empty() => {
            cut.replace(comma..own.end, "");
        }
        (_, Some(comma), _) => {
            let spaces = text[comma + 1..following].chars().take_while(|c| *c == ' ').count();
            cut.replace(own, "");
            cut.replace(comma..comma + 1 + spaces, "");
        }
        (_, None, Some(comma)) => {
            cut.replace(comma..comma + 1, "");
            cut.replace(own, "");
        }
        (_, None, None) => cut.replace(own, ""),
    }
    cut.finish()
}

/// Takes the lines of a key away, with the empty line that came with it.
pub fn without_lines(text: &str, range: Range<usize>) -> String {
    let start = line_start(text, range.start);
    let mut end = next_line(text, range.end);
    let next = next_line(text, end);
    if blank_before(text, start) && end < text.len() && text[end..next].trim().is_empty() {
        end = next;
    }
    without(text, start, end)
}

/// Takes the lines of a table away, with the empty line before it.
pub fn without_block(text: &str, range: Range<usize>) -> String {
    let mut start = line_start(text, range.start);
    if start > begin(text) && blank_before(text, start) {
        start = line_start(text, start - 1);
    }
    without(text, start, next_line(text, range.end))
}

/// Where the last line goes that had no line end, the one before it had none either.
fn without(text: &str, start: usize, end: usize) -> String {
    let (mut before, behind) = (&text[..start], &text[end..]);
    if behind.is_empty() && !text.ends_with('\n') {
        before = before.strip_suffix('\n').unwrap_or(before);
        before = before.strip_suffix('\r').unwrap_or(before);
    }
    format!("{before}{behind}")
}
