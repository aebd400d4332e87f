//! What a Python file imports, read with a parser of Python (the language reference, "The import statement"; PEP 263
//! for how the bytes are text).
//!
//! Imports count wherever they stand: in functions, in `try`, under `TYPE_CHECKING`. So do `__import__("x")` and
//! `import_module("x")` where the name is written out. Relative imports are the file's own package and are left out;
//! what stands in strings, docstrings and comments is no import.
//!
//! The parser goes on behind a mistake. What it reads there counts, but a line with a mistake in it. A file of Python 2
//! has no imports here: no Python 3 runs it.

mod depth;
mod source;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{ExceptHandler, Expr, ExprCall, Stmt, StmtIf, StmtTry, StmtWith};
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};

pub use source::{Text, decode};

/// What a file imports.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imports {
    /// Every import, in the order of the lines.
    pub found: Vec<Import>,
    /// The first mistake of a file that is no Python 3: its line, and what it is.
    pub broken: Option<(usize, String)>,
}

/// One import.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The line that it stands on, from 1.
    pub line: usize,
    /// The module, with dots.
    pub module: String,
    /// For `from MODULE import NAME`: the name. It may be a module in that package, or something in that module.
    pub member: Option<String>,
    /// Whether the file goes on without it: in a `try` that catches its absence, or for a type checker only.
    pub guarded: bool,
}

/// The stack that a file may need which is as deep as [`depth::MOST`] allows.
const STACK: usize = 32 * 1024 * 1024;

/// What a file imports.
pub fn imports(bytes: &[u8]) -> Imports {
    let Text { text, strange } = decode(bytes);
    let strange = strange.map(|(line, why)| (line, why.to_owned()));
    if depth::too_deep(&text) {
        return Imports { found: Vec::new(), broken: Some((1, "it is nested too deep".to_owned())) };
    }
    // The tree is as deep as the file is nested, and what walks and drops it goes down with it.
    let mut imports = stacker::maybe_grow(STACK, STACK, || parsed(&text));
    imports.broken = strange.or(imports.broken);
    imports
}

fn parsed(text: &str) -> Imports {
    let lines = Lines::of(text);
    let parsed = parse_unchecked(text, ParseOptions::from(Mode::Module));
    let mistakes: Vec<(usize, usize, String)> = parsed
        .errors()
        .iter()
        .map(|error| {
            let (from, to) = (error.location.start().to_usize(), error.location.end().to_usize());
            // A range ends behind what it holds.
            (lines.at(from), lines.at(to.saturating_sub(1).max(from)), error.error.to_string())
        })
        .collect();
    let broken = mistakes.iter().min_by_key(|(from, ..)| *from).map(|(from, _, what)| (*from, what.clone()));
    let is_two = |line: usize| source::is_python_2(lines.text(line));
    if mistakes.iter().any(|(from, to, _)| is_two(*from) || is_two(*to)) {
        return Imports { found: Vec::new(), broken };
    }
    let mut seen = Seen { lines: &lines, guard: 0, found: Vec::new() };
    if let ruff_python_ast::Mod::Module(module) = parsed.syntax() {
        seen.visit_body(&module.body);
    }
    let mut found = seen.found;
    found.retain(|import| !mistakes.iter().any(|(from, to, _)| (*from..=*to).contains(&import.line)));
    found.sort();
    found.dedup();
    Imports { found, broken }
}

/// Where the lines of a text begin.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let ends = |at: usize| bytes[at] == b'\n' || bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
        let starts = (0..bytes.len()).filter(|at| ends(*at)).map(|at| at + 1);
        Self { text, starts: std::iter::once(0).chain(starts).collect() }
    }

    /// The number of the line that holds a byte.
    fn at(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).max(1)
    }

    fn text(&self, line: usize) -> &'a str {
        let from = self.starts.get(line - 1).copied().unwrap_or(self.text.len());
        let to = self.starts.get(line).copied().unwrap_or(self.text.len());
        self.text.get(from..to).unwrap_or_default()
    }
}

/// Walks the tree of a file.
struct Seen<'a> {
    lines: &'a Lines<'a>,
    /// How many guards are open.
    guard: usize,
    found: Vec<Import>,
}

impl Seen<'_> {
    fn add(&mut self, module: &str, member: Option<&str>, at: usize) {
        let is_name = |name: &str| source::is_identifier(name);
        if module.split('.').all(is_name) && member.is_none_or(is_name) {
            self.found.push(Import {
                line: self.lines.at(at),
                module: module.to_owned(),
                member: member.map(str::to_owned),
                guarded: self.guard > 0,
            });
        }
    }

    /// Walks a part that is behind one more guard where `guarded`.
    fn when(&mut self, guarded: bool, walk: impl FnOnce(&mut Self)) {
        self.guard += usize::from(guarded);
        walk(self);
        self.guard -= usize::from(guarded);
    }

    fn call(&mut self, call: &ExprCall) {
        let imports = matches!(last_name(&call.func), Some("import_module" | "__import__"));
        let name = call.arguments.args.first();
        if imports && let Some(Expr::StringLiteral(name)) = name {
            self.add(name.value.to_str(), None, call.range_start.to_usize());
        }
    }
}

/// `c` of `c` and of `a.b.c`.
fn last_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => Some(attribute.attr.as_str()),
        _ => None,
    }
}

/// Whether an exception is what an absent module raises, or one above it.
fn catches_absence(expr: &Expr) -> bool {
    match expr {
        Expr::Tuple(tuple) => tuple.elts.iter().any(catches_absence),
        _ => matches!(
            last_name(expr),
            Some("ImportError" | "ModuleNotFoundError" | "Exception" | "BaseException")
        ),
    }
}

fn is_for_type_checkers(test: &Expr) -> bool {
    last_name(test) == Some("TYPE_CHECKING")
}

impl<'a> Visitor<'a> for Seen<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => {
                for alias in &import.names {
                    self.add(alias.name.as_str(), None, import.range.start().to_usize());
                }
            }
            Stmt::ImportFrom(import) if import.level == 0 => {
                let module = import.module.as_deref().unwrap_or_default();
                for alias in &import.names {
                    let member = Some(alias.name.as_str()).filter(|name| *name != "*");
                    self.add(module, member, import.range.start().to_usize());
                }
            }
            Stmt::Try(StmtTry { body, handlers, orelse, finalbody, .. }) => {
                let caught = handlers.iter().any(|ExceptHandler::ExceptHandler(handler)| {
                    handler.type_.as_deref().is_none_or(catches_absence)
                });
                // What a handler imports takes the place of what was absent: one of the two is enough.
                let both = |seen: &mut Self| {
                    seen.visit_body(body);
                    for handler in handlers {
                        seen.visit_except_handler(handler);
                    }
                };
                self.when(caught, both);
                self.visit_body(orelse);
                self.visit_body(finalbody);
            }
            Stmt::With(StmtWith { items, body, .. }) => {
                for item in items {
                    self.visit_with_item(item);
                }
                let suppresses = items.iter().any(|item| match &item.context_expr {
                    Expr::Call(call) => {
                        last_name(&call.func) == Some("suppress")
                            && call.arguments.args.iter().any(catches_absence)
                    }
                    _ => false,
                });
                let walk = |seen: &mut Self| seen.visit_body(body);
                self.when(suppresses, walk);
            }
            Stmt::If(StmtIf { test, body, elif_else_clauses, .. }) => {
                self.visit_expr(test);
                let walk = |seen: &mut Self| seen.visit_body(body);
                self.when(is_for_type_checkers(test), walk);
                for clause in elif_else_clauses {
                    self.visit_elif_else_clause(clause);
                }
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Call(call) = expr {
            self.call(call);
        }
        visitor::walk_expr(self, expr);
    }
}

#[cfg(test)]
mod tests;
