//! A configuration as cargo holds it in memory: values that know where they were written, and how two of them merge.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml_edit::{Item, Value as TomlValue};

use crate::fault::{Fault, Result};

/// Where a setting was made: `FILE:LINE`, or the name of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// In the environment variable of this name.
    Variable(String),
}

impl Place {
    /// The file that holds the setting; `None` for a variable.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File { file, .. } => Some(file),
            Self::Variable(_) => None,
        }
    }

    /// What a relative path found here counts from: the parent of the folder that holds the file, as cargo does
    /// it, by the file's name alone (`.cargo/../x.toml` lies in `.cargo/..`, whose parent is `.cargo`: tried).
    /// A path from a variable is left as it is: it counts from the current folder.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        match self.file().and_then(Path::parent).and_then(Path::parent) {
            Some(base) => base.join(path),
            None => PathBuf::from(path),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line } => write!(f, "{}:{line}", file.display()),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
        }
    }
}

/// A value that is no container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Text(String),
    Integer(i64),
    Boolean(bool),
}

/// A value and where it was written.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Node {
    Scalar(Scalar, Place),
    List(Vec<Node>, Place),
    Table(BTreeMap<String, Node>, Place),
}

/// The lists that a nearer file replaces instead of making them longer (tried; they are programs with arguments).
fn is_replaced(key: &[String]) -> bool {
    let key: Vec<&str> = key.iter().map(String::as_str).collect();
    matches!(
        key.as_slice(),
        ["credential-alias", _]
            | ["registry", "credential-provider"]
            | ["registries", _, "credential-provider"]
            | ["doc", "browser"]
            | ["host", "runner"]
            | ["target", _, "runner"]
    )
}

impl Node {
    /// An empty table.
    pub(super) fn empty() -> Self {
        Self::Table(BTreeMap::new(), Place::Variable(String::new()))
    }

    pub(super) fn place(&self) -> &Place {
        match self {
            Self::Scalar(_, place) | Self::List(_, place) | Self::Table(_, place) => place,
        }
    }

    /// What it is, in words.
    pub(super) fn is_a(&self) -> &'static str {
        match self {
            Self::Scalar(Scalar::Text(_), _) => "a string",
            Self::Scalar(Scalar::Integer(_), _) => "an integer",
            Self::Scalar(Scalar::Boolean(_), _) => "true or false",
            Self::List(..) => "a list",
            Self::Table(..) => "a table",
        }
    }

    /// Puts `over` on top of this: tables by key, lists joined with the higher behind, else the higher counts.
    pub(super) fn merge(&mut self, over: Self) -> Result<()> {
        self.merge_at(over, &mut Vec::new())
    }

    fn merge_at(&mut self, over: Self, key: &mut Vec<String>) -> Result<()> {
        match (&mut *self, over) {
            (Self::Table(below, _), Self::Table(above, _)) => {
                for (name, value) in above {
                    match below.get_mut(&name) {
                        Some(found) => {
                            key.push(name);
                            found.merge_at(value, key)?;
                            key.pop();
                        }
                        None => {
                            below.insert(name, value);
                        }
                    }
                }
            }
            (Self::List(below, _), Self::List(above, _)) if !is_replaced(key) => below.extend(above),
            (Self::List(..), above @ Self::List(..)) | (Self::Scalar(..), above @ Self::Scalar(..)) => {
                *self = above;
            }
            (below, above) => {
                return Err(Fault::new(format!(
                    "cargo's configuration contradicts itself at `{}`",
                    key.join(".")
                ))
                .why(format!(
                    "it is {} in {} and {} in {}",
                    below.is_a(),
                    below.place(),
                    above.is_a(),
                    above.place()
                ))
                .help("make both the same kind, or remove one of them"));
            }
        }
        Ok(())
    }

    /// The value behind `key`, through tables.
    pub(super) fn at(&self, key: &[&str]) -> Result<Option<&Self>> {
        let mut node = self;
        for (depth, part) in key.iter().enumerate() {
            let Self::Table(table, _) = node else {
                return Err(node.unexpected(&key[..depth].join("."), "a table"));
            };
            match table.get(*part) {
                Some(found) => node = found,
                None => return Ok(None),
            }
        }
        Ok(Some(node))
    }

    /// The names in the table behind `key`; none where it is absent.
    pub(super) fn names(&self, key: &[&str]) -> Result<Vec<&str>> {
        match self.at(key)? {
            None => Ok(Vec::new()),
            Some(Self::Table(table, _)) => Ok(table.keys().map(String::as_str).collect()),
            Some(other) => Err(other.unexpected(&key.join("."), "a table")),
        }
    }

    /// The failure that this value is not what `key` takes.
    pub(super) fn unexpected(&self, key: &str, wanted: &str) -> Fault {
        Fault::new(format!("{}: `{key}` is {}", self.place(), self.is_a()))
            .why(format!("cargo takes {wanted} there"))
            .help(format!("make it {wanted}, or remove it"))
    }
}

/// Reads the text of one file.
pub(super) fn parse(file: &Path, text: &str) -> Result<Node> {
    let document = toml_edit::Document::parse(text).map_err(|error| {
        let at = error.span().unwrap_or(0..0).start;
        let (line, column) = position(text, at);
        Fault::new(format!("could not read cargo's configuration {}:{line}:{column}", file.display()))
            .why(error.message().to_owned())
            .help(format!("correct line {line}, or restore the file from version control"))
    })?;
    Reader { file, text }.item(document.as_item(), "", None)
}

/// Line and column of a byte, both from 1; a byte order mark takes no column.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before[start..].trim_start_matches('\u{feff}').chars().count() + 1;
    (line, column)
}

struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn place(&self, span: Option<Range<usize>>) -> Place {
        Place::File {
            file: self.file.to_owned(),
            line: position(self.text, span.map_or(0, |span| span.start)).0,
        }
    }

    /// `span` is the key's, for what has none of its own.
    fn item(&self, item: &Item, key: &str, span: Option<Range<usize>>) -> Result<Node> {
        let place = self.place(item.span().or(span));
        match item {
            Item::None => Ok(Node::Table(BTreeMap::new(), place)),
            Item::Value(value) => self.value(value, key),
            Item::Table(table) => Ok(Node::Table(
                table
                    .iter()
                    .map(|(name, item)| {
                        let span = table.key(name).and_then(toml_edit::Key::span);
                        Ok((name.to_owned(), self.item(item, &under(key, name), span)?))
                    })
                    .collect::<Result<_>>()?,
                place,
            )),
            Item::ArrayOfTables(tables) => Ok(Node::List(
                tables
                    .iter()
                    .map(|table| self.item(&Item::Table(table.clone()), key, table.span()))
                    .collect::<Result<_>>()?,
                place,
            )),
        }
    }

    fn value(&self, value: &TomlValue, key: &str) -> Result<Node> {
        let place = self.place(value.span());
        Ok(match value {
            TomlValue::String(text) => Node::Scalar(Scalar::Text(text.value().clone()), place),
            TomlValue::Integer(number) => Node::Scalar(Scalar::Integer(*number.value()), place),
            TomlValue::Boolean(flag) => Node::Scalar(Scalar::Boolean(*flag.value()), place),
            TomlValue::Array(array) => {
                let items = array.iter().map(|value| self.value(value, key));
                Node::List(items.collect::<Result<_>>()?, place)
            }
            TomlValue::InlineTable(table) => Node::Table(
                table
                    .iter()
                    .map(|(name, value)| Ok((name.to_owned(), self.value(value, &under(key, name))?)))
                    .collect::<Result<_>>()?,
                place,
            ),
            TomlValue::Float(_) | TomlValue::Datetime(_) => {
                return Err(Fault::new(format!(
                    "{place}: `{key}` is a {}, which cargo's configuration does not take",
                    value.type_name()
                ))
                .help("make it a string or an integer, or remove it"));
            }
        })
    }
}

fn under(key: &str, name: &str) -> String {
    if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") }
}
