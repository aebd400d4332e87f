//! Changing the pins in a user's envtool.toml: comments, order and everything else stay.

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use super::{Pin, ToolPin};
use crate::fault::{Fault, Result};
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

/// The text with a pin. One that is there under this name keeps its place.
pub fn with_pin(text: &str, section: Section, name: &PackageName, pin: &ToolPin) -> Result<String> {
    let mut document = parse(text)?;
    let table = document.entry(section.key()).or_insert_with(|| Item::Table(Table::new()));
    let table = table.as_table_like_mut().ok_or_else(|| no_table(section))?;
    let sorted = table.iter().map(|(key, _)| key.to_owned()).is_sorted();
    if let Some(item) = table.get_mut(name.as_str()) {
        let decor = item.as_value().map(|value| value.decor().clone());
        let mut value = written(pin);
        if let Some(decor) = decor {
            *value.decor_mut() = decor;
        }
        *item = Item::Value(value);
    } else {
        table.insert(name.as_str(), Item::Value(written(pin)));
        if sorted {
            table.sort_values();
        }
    }
    Ok(document.to_string())
}

/// The text without a pin; `None` where there is none of that name. A section that is empty then goes with it, unless
/// a comment stands in it.
pub fn without_pin(text: &str, section: Section, name: &PackageName) -> Result<Option<String>> {
    let mut document = parse(text)?;
    let Some(item) = document.get_mut(section.key()) else { return Ok(None) };
    let table = item.as_table_like_mut().ok_or_else(|| no_table(section))?;
    if table.remove(name.as_str()).is_none() {
        return Ok(None);
    }
    let is_empty = table.iter().next().is_none();
    let comment = item.as_table().and_then(|table| table.decor().prefix()?.as_str()).unwrap_or_default();
    if is_empty && comment.trim().is_empty() {
        document.remove(section.key());
    }
    Ok(Some(document.to_string()))
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
            .help("correct it first")
    })
}

fn no_table(section: Section) -> Fault {
    Fault::new(format!("could not change envtool.toml: `{}` is no table", section.key()))
        .help("make it a table of pins")
}

#[cfg(test)]
mod tests {
    use super::{Section, with_pin, without_pin};
    use crate::manifest::{Manifest, NEW, Pin, ToolPin};
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
