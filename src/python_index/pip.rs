//! pip's settings: files in the words of Python's `configparser`, and variables `PIP_*`.
//!
//! pip's own order (its `_internal/configuration.py`): files from the machine's to the user's fill sections; then
//! `[global]` counts less than the command's own section, and variables count most.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Address, Index, IndexSettings, Setting};
use crate::fault::{Fault, Result};

/// The sections that count, least first: what is done here is what `pip download` and `pip install` do.
const SECTIONS: [&str; 3] = ["global", "download", "install"];

/// The settings, by name: value and origin.
type Values = BTreeMap<String, Setting<String>>;

pub(super) fn read(
    files: &[(PathBuf, String)],
    variables: &BTreeMap<String, OsString>,
) -> Result<IndexSettings> {
    let mut sections: BTreeMap<String, Values> = BTreeMap::new();
    for (path, text) in files {
        for (section, name, value) in entries(path, text)? {
            let setting = Setting { value, origin: path.display().to_string() };
            sections.entry(section).or_default().insert(name, setting);
        }
    }
    let mut values = Values::new();
    for section in SECTIONS {
        values.extend(sections.remove(section).unwrap_or_default());
    }
    for (variable, value) in variables {
        if let (Some(name), Some(value)) = (variable.strip_prefix("PIP_"), value.to_str())
            && !value.is_empty()
        {
            let setting = Setting { value: value.to_owned(), origin: variable.clone() };
            values.insert(plain(name), setting);
        }
    }
    settings(&values)
}

/// A name as pip compares it.
fn plain(name: &str) -> String {
    name.trim().trim_start_matches("--").to_lowercase().replace('_', "-")
}

fn settings(values: &Values) -> Result<IndexSettings> {
    let one = |name: &str| values.get(name).filter(|setting| !setting.value.is_empty()).cloned();
    let words = |name: &str| {
        let split = |setting: &Setting<String>| {
            let word = |word: &str| Setting { value: word.to_owned(), origin: setting.origin.clone() };
            setting.value.split_whitespace().map(word).collect::<Vec<_>>()
        };
        values.get(name).map(split).unwrap_or_default()
    };
    let index =
        |setting: Setting<String>| Index { name: None, url: Address(setting.value), origin: setting.origin };
    let address =
        |setting: Setting<String>| Setting { value: Address(setting.value), origin: setting.origin };
    let path =
        |setting: Setting<String>| Setting { value: PathBuf::from(setting.value), origin: setting.origin };
    Ok(IndexSettings {
        // pip knows older names of both.
        default: one("index-url").or_else(|| one("pypi-url")).map(index),
        extra: words("extra-index-url").into_iter().map(index).collect(),
        find_links: words("find-links").into_iter().map(address).collect(),
        no_index: one("no-index").map(|setting| truth("no-index", setting)).transpose()?,
        cert: one("cert").map(path),
        client_cert: one("client-cert").map(path),
        trusted_hosts: words("trusted-host"),
        proxy: one("proxy").map(address),
        timeout: one("timeout").or_else(|| one("default-timeout")).map(whole_seconds),
        retries: one("retries"),
        keyring: one("keyring-provider").and_then(|setting| match setting.value.as_str() {
            // uv starts the program `keyring`; it imports no module.
            "import" | "subprocess" => {
                Some(Setting { value: "subprocess".to_owned(), origin: setting.origin })
            }
            _ => None,
        }),
        ..IndexSettings::default()
    })
}

/// pip takes a fraction of a second, uv does not.
fn whole_seconds(setting: Setting<String>) -> Setting<String> {
    let whole = setting.value.split('.').next().unwrap_or_default();
    let value = if whole.is_empty() || whole.trim_matches('0').is_empty() { "1" } else { whole };
    Setting { value: value.to_owned(), origin: setting.origin }
}

/// A flag in pip's words (`_internal/utils/misc.py`, `strtobool`).
fn truth(name: &str, setting: Setting<String>) -> Result<Setting<bool>> {
    let value = match setting.value.to_lowercase().as_str() {
        "y" | "yes" | "t" | "true" | "on" | "1" => true,
        "n" | "no" | "f" | "false" | "off" | "0" => false,
        _ => {
            return Err(Fault::new(format!("could not read `{name}` of {}", setting.origin))
                .why(format!("`{}` is neither true nor false", setting.value.escape_debug()))
                .help("set it to `true` or `false`"));
        }
    };
    Ok(Setting { value, origin: setting.origin })
}

/// Every `name = value` of a file with its section, as `configparser.RawConfigParser` reads it: comments begin a line,
/// what is indented goes on with the value above, nothing is replaced.
fn entries(path: &Path, text: &str) -> Result<Vec<(String, String, String)>> {
    let mut found: Vec<(String, String, String)> = Vec::new();
    let mut section: Option<String> = None;
    let mut indent: Option<usize> = None;
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        let depth = line.len() - line.trim_start().len();
        if let (Some(above), Some(last)) = (indent, found.last_mut())
            && depth > above
        {
            last.2.push('\n');
            last.2.push_str(content);
            continue;
        }
        if let Some(rest) = content.strip_prefix('[') {
            section = rest.split_once(']').map(|(name, _)| name.to_owned());
            indent = None;
            continue;
        }
        let broken = |why: &str| {
            Fault::new(format!("could not read {}", path.display()))
                .why(format!("line {}: {why}", number + 1))
                .help("correct it until `pip config list` answers")
        };
        let section =
            section.as_ref().ok_or_else(|| broken("there is no section, such as `[global]`, above it"))?;
        let (name, value) =
            content.split_once(['=', ':']).ok_or_else(|| broken("it is no `name = value`"))?;
        found.push((section.clone(), plain(name), value.trim().to_owned()));
        indent = Some(depth);
    }
    Ok(found)
}
