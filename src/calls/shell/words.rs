//! Words of a script: quotes, expansions, comments.

use super::{SEPARATOR, Script, UNKNOWN, Word};

/// How deep substitutions are looked into. Deeper ones are passed over.
pub(super) const DEEPEST: usize = 24;

/// How far a look ahead goes for the end of `((…))`.
const ARITHMETIC: usize = 2_000;

/// How long a word gets by expansions, in bytes.
const LONGEST_WORD: usize = 10_000;

/// Where the reading of a text stands.
pub(super) struct Reader<'s> {
    pub(super) script: &'s mut Script,
    pub(super) chars: Vec<char>,
    pub(super) at: usize,
    pub(super) line: usize,
    pub(super) depth: usize,
    pub(super) heredocs: Vec<Heredoc>,
}

/// A heredoc whose body is still to come.
pub(super) struct Heredoc {
    pub(super) end: String,
    /// `<<-`: tabs before its lines don't count.
    pub(super) indented: bool,
    /// A quoted delimiter: nothing in the body is expanded.
    pub(super) quoted: bool,
    /// A shell reads the body.
    pub(super) is_script: bool,
}

impl<'s> Reader<'s> {
    pub(super) fn new(script: &'s mut Script, text: &str, line: usize, depth: usize) -> Self {
        Self { script, chars: text.chars().collect(), at: 0, line, depth, heredocs: Vec::new() }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, by: usize) -> Option<char> {
        self.chars.get(self.at + by).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    /// Takes this text where it comes next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let there = text.chars().enumerate().all(|(by, c)| self.ahead(by) == Some(c));
        if there {
            for _ in text.chars() {
                self.next();
            }
        }
        there
    }

    /// Passes over blanks, continued line ends and a comment.
    pub(super) fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r') => self.next(),
                Some('\\') if self.ahead(1) == Some('\n') => {
                    self.next();
                    self.next()
                }
                Some('\\') if self.ahead(1) == Some('\r') && self.ahead(2) == Some('\n') => {
                    self.next();
                    self.next();
                    self.next()
                }
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.next();
                    }
                    return;
                }
                _ => return,
            };
        }
    }

    /// The word that begins here, as the words that its expansions make of it; none where an unquoted one is empty.
    pub(super) fn word(&mut self) -> Vec<Word> {
        let line = self.line;
        let mut text = String::new();
        let mut quoted = false;
        let mut has_quotes = false;
        let start = self.at;
        while let Some(c) = self.peek() {
            match c {
                '(' if text.ends_with('=') && !quoted => self.array(&mut text),
                '(' if text.ends_with(['@', '?', '*', '+', '!']) && text.len() > 1 => {
                    self.balanced(&mut text);
                }
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                '\\' => {
                    self.next();
                    match self.next() {
                        None | Some('\n') => {}
                        Some(c) => {
                            quoted = true;
                            text.push(c);
                        }
                    }
                }
                '\'' | '"' | '$' | '`' => {
                    let in_assignment = is_assignment(&text);
                    let at_start = self.at == start;
                    self.part(&mut text, in_assignment);
                    // The value of an assignment may be quoted: it stays one.
                    quoted |= (c != '$' || at_start) && !in_assignment;
                    has_quotes |= c != '$';
                }
                c => {
                    self.next();
                    text.push(c);
                }
            }
        }
        if self.at == start {
            // Nothing that begins a word: passed over, so that whoever reads goes on.
            self.next();
            return Vec::new();
        }
        if is_assignment(&text) && !quoted {
            return vec![Word { text, line, quoted }];
        }
        let parts = text.split(SEPARATOR).filter(|part| !part.is_empty());
        let words: Vec<Word> = parts.map(|part| Word { text: part.to_owned(), line, quoted }).collect();
        if words.is_empty() && has_quotes { vec![Word { text: String::new(), line, quoted }] } else { words }
    }

    /// A quoted or expanded part of a word.
    fn part(&mut self, text: &mut String, in_assignment: bool) {
        match self.next() {
            Some('\'') => self.single(text),
            Some('"') => self.double(text),
            Some('`') => self.backticks(text),
            Some(_) => self.dollar(text, in_assignment),
            None => {}
        }
    }

    fn single(&mut self, text: &mut String) {
        while let Some(c) = self.next() {
            if c == '\'' {
                return;
            }
            text.push(c);
        }
    }

    fn double(&mut self, text: &mut String) {
        while let Some(c) = self.next() {
            match c {
                '"' => return,
                '\\' => match self.next() {
                    Some('\n') | None => {}
                    Some(c @ ('$' | '`' | '"' | '\\')) => text.push(c),
                    Some(c) => text.extend(['\\', c]),
                },
                '$' => self.dollar(text, true),
                '`' => self.backticks(text),
                c => text.push(c),
            }
        }
    }

    /// What a `$` that was just read leads to. `whole`: white space in a value makes no words of it.
    pub(super) fn dollar(&mut self, text: &mut String, whole: bool) {
        if self.depth >= DEEPEST {
            text.push(UNKNOWN);
            return;
        }
        self.depth += 1;
        match self.peek() {
            Some('(') => {
                if !self.arithmetic() {
                    self.next();
                    self.commands(true);
                }
                text.push(UNKNOWN);
            }
            Some('{') => self.parameter(text, whole),
            Some('\'') if !whole => {
                self.next();
                self.escaped(text);
            }
            Some('"') if !whole => {
                self.next();
                self.double(text);
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let name = self.name();
                let value = self.value(&name);
                push_value(text, value.as_deref(), whole);
            }
            Some(c) if c.is_ascii_digit() || "@*#?-$!".contains(c) => {
                self.next();
                text.push(UNKNOWN);
            }
            _ => text.push('$'),
        }
        self.depth -= 1;
    }

    /// `$'…'`, behind its first quote.
    fn escaped(&mut self, text: &mut String) {
        while let Some(c) = self.next() {
            match c {
                '\'' => return,
                '\\' => match self.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some(c @ ('\'' | '"' | '\\' | '?')) => text.push(c),
                    _ => text.push(UNKNOWN),
                },
                c => text.push(c),
            }
        }
    }

    /// `${…}`, at its brace.
    fn parameter(&mut self, text: &mut String, whole: bool) {
        self.next();
        let name = self.name();
        if self.take("[") {
            while self.next().is_some_and(|c| c != ']' && c != '\n') {}
        }
        let operator = match (self.peek(), self.ahead(1)) {
            (Some(':'), Some(c)) => {
                self.next();
                c
            }
            (Some(c), _) => c,
            (None, _) => return,
        };
        let mut other = String::new();
        if operator != '}' {
            self.next();
        }
        self.until_brace(&mut other);
        match operator {
            '}' => {
                let value = self.value(&name);
                push_value(text, value.as_deref(), whole);
            }
            '-' | '=' if !name.is_empty() => {
                let value = self.value(&name).unwrap_or(other);
                push_value(text, Some(&value), whole);
            }
            _ => text.push(UNKNOWN),
        }
    }

    /// Reads to the `}` that closes a parameter.
    fn until_brace(&mut self, text: &mut String) {
        while let Some(c) = self.next() {
            match c {
                '}' => return,
                '\\' => text.extend(self.next()),
                '\'' => self.single(text),
                '"' => self.double(text),
                '`' => self.backticks(text),
                '$' => self.dollar(text, true),
                c => text.push(c),
            }
        }
    }

    /// `…`, behind its first backtick.
    pub(super) fn backticks(&mut self, text: &mut String) {
        let line = self.line;
        let mut inner = String::new();
        while let Some(c) = self.next() {
            match c {
                '`' => break,
                '\\' => match self.next() {
                    Some(c @ ('`' | '\\' | '$')) => inner.push(c),
                    Some(c) => inner.extend(['\\', c]),
                    None => {}
                },
                c => inner.push(c),
            }
        }
        super::script::read(self.script, &inner, line, self.depth + 1);
        text.push(UNKNOWN);
    }

    /// `NAME=( … )`, at its parenthesis: the elements, as a value.
    fn array(&mut self, text: &mut String) {
        self.next();
        if self.depth >= DEEPEST {
            return;
        }
        self.depth += 1;
        loop {
            self.blanks();
            match self.peek() {
                None => break,
                Some(')') => {
                    self.next();
                    break;
                }
                Some('\n') => {
                    self.next();
                }
                Some(_) => {
                    for word in self.word() {
                        if !text.ends_with('=') {
                            text.push(SEPARATOR);
                        }
                        text.push_str(&word.text);
                    }
                }
            }
        }
        self.depth -= 1;
    }

    /// `(…)` of a pattern.
    fn balanced(&mut self, text: &mut String) {
        let mut open = 0;
        while let Some(c) = self.peek() {
            match c {
                '(' => open += 1,
                ')' => open -= 1,
                '\n' => return,
                _ => {}
            }
            self.next();
            if open == 0 {
                text.push(UNKNOWN);
                return;
            }
        }
    }

    /// Passes over `((…))` where that is what begins here; commands in it are looked at.
    pub(super) fn arithmetic(&mut self) -> bool {
        if self.ahead(1) != Some('(') || !self.is_arithmetic() {
            return false;
        }
        let mut open = 0;
        let mut ignored = String::new();
        while let Some(c) = self.next() {
            match c {
                '(' => open += 1,
                ')' => open -= 1,
                '$' => self.dollar(&mut ignored, true),
                '`' => self.backticks(&mut ignored),
                _ => {}
            }
            if open == 0 {
                break;
            }
        }
        true
    }

    /// Whether the parentheses that open here side by side close side by side.
    fn is_arithmetic(&self) -> bool {
        let mut open = 0;
        let ahead = self.chars.iter().skip(self.at).take(ARITHMETIC);
        let mut before = ' ';
        for c in ahead {
            match c {
                '(' => open += 1,
                ')' => open -= 1,
                _ => {}
            }
            if open == 0 {
                return before == ')';
            }
            before = if open == 1 && *c == ')' { ')' } else { ' ' };
        }
        false
    }

    /// The letters, digits and `_` that come next.
    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
            self.next();
        }
        name
    }

    /// The value of a variable: what the script says, else what is the same everywhere.
    fn value(&self, name: &str) -> Option<String> {
        let usual = match name {
            "CARGO" => "cargo",
            "MAKE" => "make",
            "HOME" => "~",
            "CARGO_HOME" => "~/.cargo",
            _ => "",
        };
        self.script.variables.get(name).cloned().or_else(|| (!usual.is_empty()).then(|| usual.to_owned()))
    }
}

fn push_value(text: &mut String, value: Option<&str>, whole: bool) {
    match value.filter(|_| text.len() < LONGEST_WORD) {
        None => text.push(UNKNOWN),
        Some(value) if whole => text.push_str(value),
        Some(value) => text.extend(value.chars().map(|c| if c.is_whitespace() { SEPARATOR } else { c })),
    }
}

/// Whether this text begins as `NAME=` or `NAME+=`.
pub(super) fn is_assignment(text: &str) -> bool {
    assignment(text).is_some()
}

/// The name and the value of an assignment; none where it appends.
pub(super) fn assignment(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    let name = name.strip_suffix('+').unwrap_or(name);
    let first = name.chars().next()?;
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (plain && !first.is_ascii_digit()).then_some((name, value))
}
