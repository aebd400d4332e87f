//! Makefiles (GNU make's manual, "Writing Recipes in Rules" and "Functions for Transforming Text").

use std::collections::BTreeMap;

use super::Call;
use super::kind::{base, is_shell};
use super::shell::{self, LONGEST_VALUE, UNKNOWN, Variables};

/// How deep variables of variables are followed.
const DEEPEST: usize = 8;

struct Makefile {
    variables: BTreeMap<String, String>,
    calls: Vec<Call>,
    /// A letter other than a tab before the lines of recipes.
    prefix: char,
    is_one_shell: bool,
    /// Recipes that `is_one_shell` joins.
    recipe: Option<(usize, String)>,
    /// The bodies of `define`, until a recipe runs them: what none runs may be text of any kind.
    defined: BTreeMap<String, Vec<(usize, String)>>,
}

/// The calls of a makefile.
pub(super) fn calls(text: &str) -> Vec<Call> {
    let mut file = Makefile {
        variables: BTreeMap::new(),
        calls: Vec::new(),
        prefix: '\t',
        is_one_shell: text.lines().any(|line| line.starts_with(".ONESHELL")),
        recipe: None,
        defined: BTreeMap::new(),
    };
    let lines = file.without_defined(logical_lines(text));
    // Variables first: a recipe sees what is set behind it.
    for (number, line) in &lines {
        file.variable(*number, line);
    }
    let mut in_rule = false;
    for (number, line) in &lines {
        let bare = line.trim();
        if line.starts_with(file.prefix) && in_rule {
            file.line(*number, line);
            continue;
        }
        if bare.starts_with('#') || bare.is_empty() {
            continue;
        }
        let word = bare.split_whitespace().next().unwrap_or_default();
        match word {
            "ifeq" | "ifneq" | "ifdef" | "ifndef" | "else" | "endif" | "include" | "-include"
            | "sinclude" => {
                file.expand(bare, *number, 0);
            }
            _ => in_rule |= file.item(*number, line),
        }
    }
    file.flush();
    file.calls
}

/// Lines with those that continue them, and their numbers. The line ends between stay.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut is_open = false;
    for (at, line) in text.lines().enumerate() {
        match found.last_mut() {
            Some((_, text)) if is_open => {
                text.push('\n');
                text.push_str(line);
            }
            _ => found.push((at + 1, line.to_owned())),
        }
        is_open = line.ends_with('\\') && !line.ends_with("\\\\");
    }
    found
}

/// A line as an assignment: the name, the operator and the value.
fn assignment(line: &str) -> Option<(&str, &str, &str)> {
    let at = line.find(['=', ':'])?;
    let (before, rest) = line.split_at(at);
    let operator = [":::=", "::=", ":=", "="].into_iter().find(|operator| rest.starts_with(operator))?;
    let value = rest.get(operator.len()..)?;
    let (name, operator) = match before.chars().last() {
        Some('?' | '+' | '!') if operator == "=" => before.split_at(before.len() - 1),
        _ => (before, operator),
    };
    let name = ["export", "override", "private"].iter().fold(name.trim(), |name, word| {
        name.strip_prefix(word).filter(|rest| rest.starts_with(char::is_whitespace)).unwrap_or(name).trim()
    });
    let is_name = !name.is_empty() && !name.contains(char::is_whitespace);
    is_name.then_some((name, operator, value.split(" #").next().unwrap_or_default().trim()))
}

impl Makefile {
    /// Puts the bodies of `define` aside.
    fn without_defined(&mut self, lines: Vec<(usize, String)>) -> Vec<(usize, String)> {
        let mut rest = Vec::new();
        let mut open: Option<String> = None;
        for (number, line) in lines {
            let mut words = line.split_whitespace().skip_while(|word| matches!(*word, "export" | "override"));
            match (words.next(), &open) {
                (Some("endef"), _) => open = None,
                (_, Some(name)) => self.defined.entry(name.clone()).or_default().push((number, line)),
                (Some("define"), None) => open = Some(words.next().unwrap_or_default().to_owned()),
                _ => rest.push((number, line)),
            }
        }
        rest
    }

    /// Notes the value of a variable.
    fn variable(&mut self, number: usize, line: &str) {
        if line.starts_with('\t') || line.trim_start().starts_with('#') {
            return;
        }
        // `target: NAME = value` counts like `NAME = value`.
        let own = line.split_once(':').filter(|(_, rest)| !rest.starts_with([':', '=']));
        let Some((name, operator, value)) = assignment(own.map_or(line, |(_, rest)| rest)) else { return };
        let value = match operator {
            "!" | "+" => UNKNOWN.to_string(),
            _ if value.len() > LONGEST_VALUE => UNKNOWN.to_string(),
            _ => value.to_owned(),
        };
        match name {
            ".RECIPEPREFIX" => self.prefix = value.chars().next().unwrap_or('\t'),
            _ => self.calls.extend(shell::setting(name, &value, number)),
        }
        if operator != "+" && !(operator == "?" && self.variables.contains_key(name)) {
            self.variables.insert(name.to_owned(), value);
        }
    }

    /// A line that is no recipe. Whether it begins a rule.
    fn item(&mut self, number: usize, line: &str) -> bool {
        self.flush();
        if let Some((_, operator, value)) = assignment(line) {
            if operator == "!" {
                let command = self.expand(value, number, 0);
                self.shell(&command, number);
            } else {
                self.expand(value, number, 0);
            }
            return false;
        }
        self.expand(line.split(" #").next().unwrap_or_default(), number, 0);
        let Some((_, rest)) = line.split_once(':') else { return false };
        if let Some((_, recipe)) = rest.split_once(';').filter(|_| !rest.contains('=')) {
            self.line(number, recipe);
        }
        true
    }

    /// A line of a recipe, or the lines of the `define` that it runs: `$(NAME)` or `$(call NAME,…)` alone.
    fn line(&mut self, number: usize, line: &str) {
        let mut lines = vec![(number, line.to_owned())];
        while let Some((number, line)) = lines.pop() {
            let bare = line.trim_start_matches([' ', '\t', '@', '-', '+', self.prefix]);
            let inner = bare.strip_prefix("$(").or_else(|| bare.strip_prefix("${")).unwrap_or_default();
            let inner = inner.strip_prefix("call ").unwrap_or(inner).trim_start();
            let name = inner.split([')', '}', ',']).next().unwrap_or_default();
            match self.defined.remove(name) {
                Some(body) => lines.extend(body.into_iter().rev()),
                None => self.command(number, &line),
            }
        }
    }

    fn command(&mut self, number: usize, line: &str) {
        let text = self.expand(line, number, 0);
        let text = text.trim_start_matches([' ', '\t', '@', '-', '+', self.prefix]);
        if !self.is_one_shell {
            return self.shell(text, number);
        }
        let (first, recipe) = self.recipe.get_or_insert((number, String::new()));
        let missing = number - *first - recipe.matches('\n').count().min(number - *first);
        recipe.push_str(&"\n".repeat(missing));
        recipe.push_str(text);
    }

    /// Reads the recipe that has been joined.
    fn flush(&mut self) {
        if let Some((number, recipe)) = self.recipe.take() {
            self.shell(&recipe, number);
        }
    }

    fn shell(&mut self, text: &str, number: usize) {
        let shell = self.variables.get("SHELL").map_or("sh", String::as_str);
        let program = shell.split_whitespace().next().unwrap_or_default();
        // `$(shell which bash)` is one, as is what can't be told.
        if is_shell(base(program)) || shell.contains('$') {
            self.calls.extend(shell::read(text, number, &Variables::new()));
        }
    }

    /// Fills in variables; commands in `$(shell …)` are noted on the way.
    fn expand(&mut self, text: &str, number: usize, depth: usize) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('$') {
            out.push_str(before);
            let line = number + out.matches('\n').count();
            let Some(c) = behind.chars().next() else {
                rest = "";
                break;
            };
            rest = behind.get(c.len_utf8()..).unwrap_or_default();
            match c {
                '$' => out.push('$'),
                '(' | '{' => {
                    let (inner, after) = closed(rest, c);
                    rest = after;
                    let value = self.reference(inner, line, depth);
                    if out.len() < 4 * text.len() + LONGEST_VALUE {
                        out.push_str(&value);
                    }
                    for _ in inner.matches('\n') {
                        out.push_str("\\\n");
                    }
                }
                _ => out.push(UNKNOWN),
            }
        }
        out.push_str(rest);
        out
    }

    /// What `$(…)` stands for.
    fn reference(&mut self, inner: &str, line: usize, depth: usize) -> String {
        if depth >= DEEPEST {
            return UNKNOWN.to_string();
        }
        if let Some((function, arguments)) = inner.split_once([' ', '\t']) {
            let arguments = self.expand(arguments, line, depth + 1);
            if function == "shell" {
                self.shell(&arguments, line);
            }
            return UNKNOWN.to_string();
        }
        let usual = match inner {
            "MAKE" => "make",
            "CARGO" => "cargo",
            "HOME" => "~",
            _ => return self.known(inner, line, depth),
        };
        if self.variables.contains_key(inner) { self.known(inner, line, depth) } else { usual.to_owned() }
    }

    /// The value of a variable, if this file sets it. What `$(shell …)` it holds is noted where it is set.
    fn known(&mut self, name: &str, line: usize, depth: usize) -> String {
        let Some(value) = self.variables.get(name).cloned() else { return UNKNOWN.to_string() };
        if !value.contains('$') {
            return value;
        }
        let noted = self.calls.len();
        let value = self.expand(&value, line, depth + 1);
        self.calls.truncate(noted);
        if value.len() > LONGEST_VALUE { UNKNOWN.to_string() } else { value }
    }
}

/// What stands before the parenthesis or brace that closes, and what behind.
fn closed(text: &str, opened: char) -> (&str, &str) {
    let close = if opened == '(' { ')' } else { '}' };
    let mut open = 1;
    for (at, c) in text.char_indices() {
        if c == opened {
            open += 1;
        } else if c == close {
            open -= 1;
        }
        if open == 0 {
            return (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
        }
    }
    (text, "")
}
