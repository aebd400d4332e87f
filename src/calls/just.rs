//! Justfiles (just's manual, "Grammar" and "Features"): the lines of recipes, backticks, and lookups by `which` and
//! `require`.

use std::collections::BTreeMap;

use super::Call;
use super::kind::{base, interpreter, is_shell};
use super::shell::{self, UNKNOWN, Variables};

/// What is known of a justfile before its recipes are read.
struct Justfile {
    /// Variables whose values are plain texts.
    values: BTreeMap<String, String>,
    /// Those of them that recipes see as variables of the environment.
    exported: Variables,
    /// Whether a shell reads the lines of recipes.
    is_shell: bool,
    /// Whether a shell reads recipes with `[script]`.
    is_script_shell: bool,
    recipes: Vec<Recipe>,
    calls: Vec<Call>,
}

struct Recipe {
    /// The interpreter that `[script(…)]` names; empty for a bare `[script]`.
    script: Option<String>,
    /// The lines of the body, with their numbers.
    body: Vec<(usize, String)>,
}

/// The calls of a justfile.
pub(super) fn calls(text: &str) -> Vec<Call> {
    let mut file = Justfile {
        values: BTreeMap::new(),
        exported: Variables::new(),
        is_shell: true,
        is_script_shell: true,
        recipes: Vec::new(),
        calls: shell::started_by(text.lines().next().unwrap_or_default(), 1),
    };
    file.items(text);
    let mut calls = std::mem::take(&mut file.calls);
    for recipe in &file.recipes {
        file.recipe(recipe, &mut calls);
    }
    calls
}

impl Justfile {
    /// Reads all but the bodies of recipes.
    fn items(&mut self, text: &str) {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let mut at = 0;
        let mut begin = 0;
        let mut counted = 0;
        let mut script = None;
        while let Some(line) = lines.get(at) {
            if line.trim().is_empty() || line.starts_with('#') || line.starts_with([' ', '\t']) {
                at += 1;
                continue;
            }
            begin += lines.iter().take(at).skip(counted).map(|line| line.len()).sum::<usize>();
            counted = at;
            let item = Expression::read(text.get(begin..).unwrap_or_default(), at + 1);
            at += item.lines;
            self.expression(&item);
            let head: String = item.head.trim().to_owned();
            if head.starts_with('[') {
                if head.starts_with("[script") || head.contains(", script") {
                    script = Some(item.texts.first().cloned().unwrap_or_default());
                }
                continue;
            }
            if self.setting(&head, &item) || !head.contains(':') {
                script = None;
                continue;
            }
            let mut body = Vec::new();
            while let Some(line) =
                lines.get(at).filter(|line| line.trim().is_empty() || line.starts_with([' ', '\t']))
            {
                body.push((at + 1, line.trim_end_matches(['\n', '\r']).to_owned()));
                at += 1;
            }
            self.recipes.push(Recipe { script: script.take(), body });
        }
    }

    /// Commands that an expression runs or looks up.
    fn expression(&mut self, item: &Expression) {
        for (command, line) in &item.commands {
            self.calls.extend(shell::read(command, *line, &Variables::new()));
        }
        for (name, line) in &item.lookups {
            self.calls.extend(shell::words(&[(name.clone(), *line)], &Variables::new()));
        }
    }

    /// Reads a setting, an assignment or what else is no recipe. Whether it was one.
    fn setting(&mut self, head: &str, item: &Expression) -> bool {
        let first = item.texts.first().map_or("", String::as_str);
        if let Some(setting) = head.strip_prefix("set ") {
            let name: String =
                setting.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect();
            match name.as_str() {
                "shell" => self.is_shell = is_shell(base(first)) || first.is_empty(),
                "script-interpreter" => self.is_script_shell = is_shell(base(first)) || first.is_empty(),
                _ => {}
            }
            return true;
        }
        let Some((name, value)) = head.split_once(":=") else {
            return ["import ", "mod ", "alias ", "import? ", "mod? "]
                .iter()
                .any(|word| head.starts_with(word));
        };
        let exported = name.strip_prefix("export ");
        let name = exported.unwrap_or(name).trim();
        let by_default = value.trim_start().starts_with("env") && item.texts.len() == 2;
        let is_plain = value.trim() == "\"\"" && item.texts.len() == 1;
        let value = match item.texts.last() {
            Some(text) if (is_plain || by_default) && text.len() <= shell::LONGEST_VALUE => text.clone(),
            _ => return true,
        };
        if exported.is_some() {
            let line = item.first;
            self.calls.extend(shell::setting(name, &value, line));
            self.exported.insert(name.to_owned(), value.clone());
        }
        self.values.insert(name.to_owned(), value);
        true
    }

    fn recipe(&self, recipe: &Recipe, calls: &mut Vec<Call>) {
        let mut body = recipe.body.iter().skip_while(|(_, line)| line.trim().is_empty());
        let Some((first, line)) = body.next() else { return };
        let shebang = line.trim_start();
        let is_whole = match &recipe.script {
            Some(program) if program.is_empty() => Some(self.is_script_shell),
            Some(program) => Some(is_shell(base(program))),
            None if shebang.starts_with("#!") => {
                calls.extend(shell::started_by(shebang, *first));
                Some(interpreter(shebang).is_some_and(|program| is_shell(&program)))
            }
            None => None,
        };
        let numbered = recipe.body.iter().skip_while(|(number, _)| number < first);
        match is_whole {
            Some(true) => {
                let lines: Vec<&str> = numbered.map(|(_, line)| line.trim_start()).collect();
                self.shell_text(&lines.join("\n"), *first, calls);
            }
            None if self.is_shell => self.by_line(numbered, calls),
            Some(false) | None => {}
        }
    }

    /// A recipe whose lines are run one by one.
    fn by_line<'a>(&self, body: impl Iterator<Item = &'a (usize, String)>, calls: &mut Vec<Call>) {
        let mut text = String::new();
        let mut begin = 0;
        for (number, line) in body {
            if text.is_empty() {
                begin = *number;
                text.push_str(line.trim_start().trim_start_matches(['@', '-', '?']));
            } else {
                text.push_str(line);
            }
            if line.ends_with('\\') {
                text.push('\n');
                continue;
            }
            self.shell_text(&std::mem::take(&mut text), begin, calls);
        }
        self.shell_text(&text, begin, calls);
    }

    /// A text that a shell gets, with its `{{ … }}` filled in.
    fn shell_text(&self, text: &str, line: usize, calls: &mut Vec<Call>) {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("{{") {
            out.push_str(before);
            if let Some(escaped) = behind.strip_prefix("{{") {
                out.push_str("{{");
                rest = escaped;
                continue;
            }
            let Some((inner, after)) = behind.split_once("}}") else {
                rest = behind;
                break;
            };
            let expression = Expression::read(inner, line + out.matches('\n').count());
            for (command, line) in &expression.commands {
                calls.extend(shell::read(command, *line, &Variables::new()));
            }
            match self.values.get(inner.trim()) {
                Some(value) => out.push_str(value),
                None if inner.trim() == "just_executable()" => out.push_str("just"),
                None => out.push(UNKNOWN),
            }
            rest = after;
        }
        out.push_str(rest);
        calls.extend(shell::read(&out, line, &self.exported));
    }
}

/// An item of a justfile that is no body.
#[derive(Default)]
struct Expression {
    first: usize,
    /// Its text, with the contents of strings and backticks left out.
    head: String,
    /// The contents of its strings.
    texts: Vec<String>,
    /// The contents of its backticks.
    commands: Vec<(String, usize)>,
    /// What `which(…)` and `require(…)` ask for.
    lookups: Vec<(String, usize)>,
    /// How many lines it takes.
    lines: usize,
}

impl Expression {
    /// Reads to the end of a line that lies in no string and no bracket.
    fn read(text: &str, first: usize) -> Self {
        let mut item = Self { first, ..Self::default() };
        let mut rest = text;
        let mut line = first;
        let mut open = 0_usize;
        while let Some(c) = rest.chars().next() {
            let quote =
                ["```", "'''", "\"\"\"", "`", "'", "\""].into_iter().find(|quote| rest.starts_with(quote));
            if let Some(quote) = quote {
                let (inner, behind) = quoted(rest.get(quote.len()..).unwrap_or_default(), quote);
                item.string(quote, inner, line);
                line += inner.matches('\n').count();
                rest = behind;
                continue;
            }
            match c {
                '#' => {
                    rest = rest.find('\n').and_then(|end| rest.get(end..)).unwrap_or_default();
                    continue;
                }
                '\n' if open == 0 && !item.head.ends_with('\\') => break,
                '\n' => line += 1,
                '(' | '[' | '{' => open += 1,
                ')' | ']' | '}' => open = open.saturating_sub(1),
                _ => {}
            }
            item.head.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
        item.lines = line - first + 1;
        item
    }

    fn string(&mut self, quote: &str, inner: &str, line: usize) {
        if quote.starts_with('`') {
            self.commands.push((inner.to_owned(), line));
            self.head.push_str("``");
            return;
        }
        let head = self.head.trim_end();
        if head.ends_with("require(") || head.ends_with("which(") {
            self.lookups.push((inner.to_owned(), line));
        } else if head.ends_with("shell(") {
            self.commands.push((inner.to_owned(), line));
        }
        self.texts.push(inner.to_owned());
        self.head.push_str("\"\"");
    }
}

/// What stands before the closing quote, and what behind.
fn quoted<'a>(text: &'a str, quote: &str) -> (&'a str, &'a str) {
    let escapes = quote.starts_with('"');
    let mut skip = false;
    for (at, c) in text.char_indices() {
        if skip {
            skip = false;
        } else if c == '\\' && escapes {
            skip = true;
        } else if text.get(at..).is_some_and(|rest| rest.starts_with(quote)) {
            return (text.get(..at).unwrap_or_default(), text.get(at + quote.len()..).unwrap_or_default());
        }
    }
    (text, "")
}
