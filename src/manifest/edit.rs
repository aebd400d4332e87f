//! Changing the pins in a user's envtool.toml: comments, order and everything else stay.

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use super::{ModulePin, Pin, ToolPin};
use crate::fault::{Fault, Result};
use crate::module::ModuleName;
use crate::package::PackageName;

/// A table of pins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `[crates]`.
    Crates,
    /// `[tools]`.
    Tools,
}

impl Section {
    fn key(self) -> &'static str {
        match self {
            Self::Crates => "crates",
            Self::Tools => "tools",
        }
    }
}

/// A table of pins of Python packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleSection {
    /// `[modules]`.
    Modules,
    /// `[tools]`, under the key `"pypi:NAME"`.
    Tools,
}

impl ModuleSection {
    fn key(self) -> &'static str {
        match self {
            Self::Modules => "modules",
            Self::Tools => "tools",
        }
    }

    /// The package that a key of the table names.
    fn names(self, key: &str) -> Option<ModuleName> {
        match self {
            Self::Modules => key.parse().ok(),
            Self::Tools => key.strip_prefix("pypi:")?.parse().ok(),
        }
    }

    fn key_of(self, name: &ModuleName) -> String {
        match self {
            Self::Modules => name.to_string(),
            Self::Tools => format!("pypi:{name}"),
        }
    }
}

/// The text with a pin. One that is there under this name keeps its place.
pub fn with_pin(text: &str, section: Section, name: &PackageName, pin: &ToolPin) -> Result<String> {
    with_value(text, section.key(), name.as_str(), written(pin))
}

/// The text without a pin; `None` where there is none of that name. A section that is empty then goes with it, unless
/// a comment stands in it.
pub fn without_pin(text: &str, section: Section, name: &PackageName) -> Result<Option<String>> {
    without_value(text, section.key(), |key| key == name.as_str())
}

/// The text with the pin of a Python package. One that is there, however its name is written, keeps its place.
pub fn with_module(text: &str, section: ModuleSection, name: &ModuleName, pin: &ModulePin) -> Result<String> {
    let document = parse(text)?;
    let keys = document.get(section.key()).and_then(Item::as_table_like);
    let same = |(key, _): &(&str, &Item)| section.names(key).as_ref() == Some(name);
    let key = keys.and_then(|table| table.iter().find(same)).map(|(key, _)| key.to_owned());
    with_value(text, section.key(), &key.unwrap_or_else(|| section.key_of(name)), written_module(pin))
}

/// The text without the pin of a Python package; `None` where there is none.
pub fn without_module(text: &str, section: ModuleSection, name: &ModuleName) -> Result<Option<String>> {
    without_value(text, section.key(), |key| section.names(key).as_ref() == Some(name))
}

fn with_value(text: &str, section: &str, key: &str, mut value: Value) -> Result<String> {
    let mut document = parse(text)?;
    let table = document.entry(section).or_insert_with(|| Item::Table(Table::new()));
    let table = table.as_table_like_mut().ok_or_else(|| no_table(section))?;
    let sorted = table.iter().map(|(key, _)| key.to_owned()).is_sorted();
    if let Some(item) = table.get_mut(key) {
        if let Some(decor) = item.as_value().map(|value| value.decor().clone()) {
            *value.decor_mut() = decor;
        }
        *item = Item::Value(value);
    } else {
        table.insert(key, Item::Value(value));
        if sorted {
            table.sort_values();
        }
    }
    Ok(document.to_string())
}

fn without_value(text: &str, section: &str, is_it: impl Fn(&str) -> bool) -> Result<Option<String>> {
    let mut document = parse(text)?;
    let Some(item) = document.get_mut(section) else { return Ok(None) };
    let table = item.as_table_like_mut().ok_or_else(|| no_table(section))?;
    let Some(key) = table.iter().map(|(key, _)| key.to_owned()).find(|key| is_it(key)) else {
        return Ok(None);
    };
    table.remove(&key);
    let is_empty = table.iter().next().is_none();
    let comment = item.as_table().and_then(|table| table.decor().prefix()?.as_str()).unwrap_or_default();
    if is_empty && comment.trim().is_empty() {
        document.remove(section);
    }
    Ok(Some(document.to_string()))
}

/// How the pin of a Python package is written.
fn written_module(pin: &ModulePin) -> Value {
    let ModulePin { version, extras, build } = pin;
    if extras.is_empty() && !build {
        return version.to_string().into();
    }
    let mut table = InlineTable::new();
    table.insert("version", version.to_string().into());
    if !extras.is_empty() {
        table.insert("extras", Value::Array(extras.iter().map(ModuleName::as_str).collect::<Array>()));
    }
    if *build {
        table.insert("build", true.into());
    }
    Value::InlineTable(table)
}

/// How a pin is written: its version alone where that is all it says.
fn written(pin: &ToolPin) -> Value {
    let ToolPin { pin: Pin { version, features, default_features }, bins, toolchain } = pin;
    if features.is_empty() && *default_features && bins.is_empty() && toolchain.is_none() {
        return version.to_string().into();
    }
    let mut table = InlineTable::new();
    table.insert("version", version.to_string().into());
    let mut list = |key: &str, items: &[String]| {
        if !items.is_empty() {
            table.insert(key, Value::Array(items.iter().collect::<Array>()));
        }
    };
    list("features", features);
    list("bins", bins);
    if !default_features {
        table.insert("default-features", false.into());
    }
    if let Some(toolchain) = toolchain {
        table.insert("toolchain", toolchain.as_str().into());
    }
    Value::InlineTable(table)
}

fn parse(text: &str) -> Result<DocumentMut> {
    text.parse().map_err(|error: toml_edit::TomlError| {
        Fault::new("could not change envtool.toml")
            .why(error.to_string().trim_end().to_owned())
            .help("correct the line that is named, then run it again")
    })
}

fn no_table(section: &str) -> Fault {
    Fault::new(format!("could not change envtool.toml: `{section}` is no table"))
        .help(format!("write it as `[{section}]`, with a line for each pin below it: `NAME = \"VERSION\"`"))
}

#[cfg(test)]
mod tests {
    use super::{ModuleSection, Section, with_module, with_pin, without_module, without_pin};
    use crate::manifest::{Manifest, ModulePin, NEW, Pin, ToolPin};
    use crate::package::PackageName;

    fn pin(version: &str) -> ToolPin {
        ToolPin { pin: Pin::new(version.parse().unwrap()), bins: Vec::new(), toolchain: None }
    }

    fn name(name: &str) -> PackageName {
        name.parse().unwrap()
    }

    #[test]
    fn a_pin_comes_and_goes_and_leaves_no_trace() {
        let with = with_pin(NEW, Section::Tools, &name("just"), &pin("1.42.4")).unwrap();
        assert!(with.starts_with(NEW) && with.ends_with("[tools]\njust = \"1.42.4\"\n"), "{with}");
        assert_eq!(without_pin(&with, Section::Tools, &name("just")).unwrap().as_deref(), Some(NEW));
        assert_eq!(without_pin(NEW, Section::Tools, &name("just")).unwrap(), None);
    }

    #[test]
    fn a_module_comes_and_goes_under_whatever_name_it_is_written() {
        let pin = |version: &str| ModulePin::new(version.parse().unwrap());
        let name = "pyyaml".parse().unwrap();
        let with = with_module(NEW, ModuleSection::Modules, &name, &pin("6.0.2")).unwrap();
        assert!(with.ends_with("[modules]\npyyaml = \"6.0.2\"\n"), "{with}");
        assert_eq!(without_module(&with, ModuleSection::Modules, &name).unwrap().as_deref(), Some(NEW));
        let theirs = "[modules]\nPyYAML = \"6.0.1\" # why\n";
        let moved = with_module(theirs, ModuleSection::Modules, &name, &pin("6.0.2")).unwrap();
        assert_eq!(moved, "[modules]\nPyYAML = \"6.0.2\" # why\n");
        let mut built = pin("1.2");
        built.build = true;
        built.extras.insert("a".parse().unwrap());
        let tool = with_module(NEW, ModuleSection::Tools, &name, &built).unwrap();
        assert!(
            tool.ends_with(
                "[tools]\n\"pypi:pyyaml\" = { version = \"1.2\", extras = [\"a\"], build = true }\n"
            ),
            "{tool}"
        );
        assert_eq!(Manifest::parse(&tool, "m").unwrap().module_tools[&name], built);
        assert_eq!(without_module(&tool, ModuleSection::Modules, &name).unwrap(), None);
        assert_eq!(without_module(&tool, ModuleSection::Tools, &name).unwrap().as_deref(), Some(NEW));
    }

    #[test]
    fn everything_else_stays() {
        let text = "# top\n[tools] # ours\nb = \"1.0.0\" # why b\n\n[crates]\n# c is old\nc = '1.0.0'\n";
        let moved = with_pin(text, Section::Tools, &name("b"), &pin("2.0.0")).unwrap();
        assert_eq!(moved, text.replace("\"1.0.0\"", "\"2.0.0\""));
        let more = with_pin(text, Section::Tools, &name("a"), &pin("3.0.0")).unwrap();
        assert!(more.contains("[tools] # ours\na = \"3.0.0\"\nb = \"1.0.0\" # why b\n"), "{more}");
        let mut full = pin("1.0.0");
        full.pin.features = vec!["x".into()];
        full.pin.default_features = false;
        full.bins = vec!["d".into()];
        let with = with_pin(text, Section::Tools, &name("d"), &full).unwrap();
        assert_eq!(Manifest::parse(&with, "m").unwrap().tools[&name("d")], full);
        let without =
            without_pin(&text.replace("b = ", "bb = "), Section::Crates, &name("c")).unwrap().unwrap();
        assert!(!without.contains("crates") && without.contains("# why b"), "{without}");
    }
}
