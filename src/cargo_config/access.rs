//! Single settings: the variable first, then the files.

use std::path::PathBuf;

use super::{CRATES_IO, CargoConfig, Node, Place, Provider, Scalar, platform, variable_part};
use crate::fault::{Fault, Result};

/// The table `[http]`. What is `None` is left to the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Http {
    /// `http.proxy`, in cargo's (libcurl's) form, and where it was set.
    pub proxy: Option<(String, Place)>,
    /// `http.cainfo`: a file of certificates, and where it was set.
    pub cainfo: Option<(PathBuf, Place)>,
    /// `http.timeout`, in seconds.
    pub timeout: Option<u64>,
    /// `http.low-speed-limit`: bytes a second below which a transfer counts as dead.
    pub low_speed_limit: Option<u64>,
    /// `http.multiplexing`: whether HTTP/2 is tried.
    pub multiplexing: Option<bool>,
    /// `http.user-agent`.
    pub user_agent: Option<String>,
}

/// The table `[net]`. What is `None` is left to the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Net {
    /// `net.offline`.
    pub offline: Option<bool>,
    /// `net.retry`: how often a failed request is made again.
    pub retry: Option<u32>,
}

impl CargoConfig {
    /// The table `[http]`.
    pub fn http(&self) -> Result<Http> {
        Ok(Http {
            proxy: self.text(&["http", "proxy"])?,
            cainfo: self.text(&["http", "cainfo"])?.map(|(path, place)| (place.resolve(&path), place)),
            timeout: self.number(&["http", "timeout"])?,
            low_speed_limit: self.number(&["http", "low-speed-limit"])?,
            multiplexing: self.flag(&["http", "multiplexing"])?,
            user_agent: self.text(&["http", "user-agent"])?.map(|(text, _)| text),
        })
    }

    /// The table `[net]`.
    pub fn net(&self) -> Result<Net> {
        Ok(Net { offline: self.flag(&["net", "offline"])?, retry: self.number(&["net", "retry"])? })
    }

    /// The index that cargo asks for crates.io where nothing replaces it: `registries.crates-io.protocol` chooses
    /// between its two forms.
    pub fn crates_io_index(&self) -> Result<&'static str> {
        match self.text(&["registries", CRATES_IO, "protocol"])? {
            None => Ok(tame_index::CRATES_IO_HTTP_INDEX),
            Some((protocol, _)) if protocol == "sparse" => Ok(tame_index::CRATES_IO_HTTP_INDEX),
            Some((protocol, _)) if protocol == "git" => Ok(tame_index::CRATES_IO_INDEX),
            Some((protocol, place)) => {
                Err(Fault::new(format!("{place}: crates.io has no protocol `{protocol}`"))
                    .help("make `registries.crates-io.protocol` \"sparse\" or \"git\", or remove it"))
            }
        }
    }

    /// `registry.global-credential-providers` in the order in which they are asked: the last written first.
    pub fn global_credential_providers(&self) -> Result<Vec<Provider>> {
        let key = ["registry", "global-credential-providers"];
        let mut providers = Vec::new();
        match self.root.at(&key)? {
            None => {}
            Some(Node::List(list, _)) => {
                for node in list {
                    let (text, place) = as_text(node, &key.join("."))?;
                    providers.push(provider(split(&text), place)?);
                }
            }
            Some(other) => return Err(other.unexpected(&key.join("."), "a list of strings")),
        }
        if let Some((text, place)) = self.variable(&key) {
            for word in split(&text) {
                providers.push(provider(vec![word], place.clone())?);
            }
        }
        providers.reverse();
        Ok(providers)
    }

    /// The tables of these names as one text: the same for the same settings, wherever they were written. What stands
    /// in `without`, a table and a key of it, does not count.
    pub fn text_of(&self, tables: &[&str], without: &[(&str, &str)]) -> Result<String> {
        let mut text = String::new();
        for name in tables {
            match self.root.at(&[name])? {
                None => {}
                Some(Node::Table(table, _)) => {
                    for (key, node) in
                        table.iter().filter(|(key, _)| !without.contains(&(name, key.as_str())))
                    {
                        text.push_str(&format!("{name}.{key:?}={}\n", canonical(node)));
                    }
                }
                Some(node) => text.push_str(&format!("{name}={}\n", canonical(node))),
            }
        }
        Ok(text)
    }

    /// Where `[alias]` defines a name; `None` where it does not.
    pub fn alias(&self, name: &str) -> Result<Option<Place>> {
        if let Some((_, place)) = self.variable(&["alias", name]) {
            return Ok(Some(place));
        }
        Ok(self.root.at(&["alias", name])?.map(|node| node.place().clone()))
    }

    /// Whether `build.target` names a platform to build for.
    pub fn builds_for(&self) -> Result<bool> {
        Ok(self.variable(&["build", "target"]).is_some() || self.root.at(&["build", "target"])?.is_some())
    }

    /// `build.rustc`, where it is a path.
    pub fn build_rustc(&self) -> Result<Option<PathBuf>> {
        let found = self.text(&["build", "rustc"])?;
        Ok(found.map(|(path, place)| if path.contains('/') { place.resolve(&path) } else { path.into() }))
    }

    /// The flags that the configuration gives rustc for the platform `host`: those of each `[target]` that is about it,
    /// else those of `[build]` (cargo reference, "build.rustflags"). `cfgs` is what `rustc --print cfg` says.
    pub fn rustflags(&self, host: &str, cfgs: &str) -> Result<Vec<String>> {
        let mut names = self.root.names(&["target"])?;
        names.retain(|name| *name != host && platform::is_about(name, host, cfgs));
        names.insert(0, host);
        let mut flags = Vec::new();
        for name in names {
            flags.extend(self.list(&["target", name, "rustflags"])?);
        }
        if flags.is_empty() { self.list(&["build", "rustflags"]) } else { Ok(flags) }
    }

    /// A list, or a text split at white space, and then what a variable says.
    fn list(&self, key: &[&str]) -> Result<Vec<String>> {
        let mut words = match self.root.at(key)? {
            None => Vec::new(),
            Some(Node::List(list, _)) => list
                .iter()
                .map(|node| as_text(node, &key.join(".")).map(|(word, _)| word))
                .collect::<Result<_>>()?,
            Some(node) => split(&as_text(node, &key.join("."))?.0),
        };
        words.extend(self.variable(key).iter().flat_map(|(text, _)| split(text)));
        Ok(words)
    }

    /// What `[credential-alias]` says for a name; the names of cargo's own providers have no alias.
    pub fn credential_alias(&self, name: &str) -> Result<Option<Provider>> {
        if name.starts_with("cargo:") {
            return Ok(None);
        }
        self.words(&["credential-alias", name])
    }

    /// A program with arguments: a list, or a text split at white space.
    pub(super) fn words(&self, key: &[&str]) -> Result<Option<Provider>> {
        if let Some((text, place)) = self.variable(key) {
            return provider(split(&text), place).map(Some);
        }
        match self.root.at(key)? {
            None => Ok(None),
            Some(Node::List(list, place)) => {
                let words = list.iter().map(|node| as_text(node, &key.join(".")).map(|(word, _)| word));
                provider(words.collect::<Result<_>>()?, place.clone()).map(Some)
            }
            Some(node) => {
                let (text, place) = as_text(node, &key.join("."))?;
                provider(split(&text), place).map(Some)
            }
        }
    }

    fn variable(&self, key: &[&str]) -> Option<(String, Place)> {
        let parts: Vec<String> = key.iter().map(|part| variable_part(part)).collect();
        let name = format!("CARGO_{}", parts.join("_"));
        let value = self.variables.0.get(&name)?.clone();
        Some((value, Place::Variable(name)))
    }

    pub(super) fn text(&self, key: &[&str]) -> Result<Option<(String, Place)>> {
        match self.variable(key) {
            Some(found) => Ok(Some(found)),
            None => self.file_text(key),
        }
    }

    /// A text that no variable can set.
    pub(super) fn file_text(&self, key: &[&str]) -> Result<Option<(String, Place)>> {
        self.root.at(key)?.map(|node| as_text(node, &key.join("."))).transpose()
    }

    fn flag(&self, key: &[&str]) -> Result<Option<bool>> {
        if let Some((text, place)) = self.variable(key) {
            return text.parse().map(Some).map_err(|_| bad(&place, &text, "true or false"));
        }
        match self.root.at(key)? {
            None => Ok(None),
            Some(Node::Scalar(Scalar::Boolean(flag), _)) => Ok(Some(*flag)),
            Some(other) => Err(other.unexpected(&key.join("."), "true or false")),
        }
    }

    fn number<N: TryFrom<i64>>(&self, key: &[&str]) -> Result<Option<N>> {
        let wanted = "a whole number, not below 0";
        let (number, place) = match self.variable(key) {
            Some((text, place)) => {
                let number: i64 = text.parse().map_err(|_| bad(&place, &text, wanted))?;
                (number, place)
            }
            None => match self.root.at(key)? {
                None => return Ok(None),
                Some(Node::Scalar(Scalar::Integer(number), place)) => (*number, place.clone()),
                Some(other) => return Err(other.unexpected(&key.join("."), wanted)),
            },
        };
        N::try_from(number).map(Some).map_err(|_| bad(&place, &number.to_string(), wanted))
    }
}

fn bad(place: &Place, value: &str, wanted: &str) -> Fault {
    Fault::new(format!("{place}: cargo does not take {value:?} there"))
        .help(format!("make it {wanted}, or remove it"))
}

fn as_text(node: &Node, key: &str) -> Result<(String, Place)> {
    match node {
        Node::Scalar(Scalar::Text(text), place) => Ok((text.clone(), place.clone())),
        other => Err(other.unexpected(key, "a string")),
    }
}

fn split(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A program that is named with a folder counts from the place it is written in, as other paths do.
fn provider(mut words: Vec<String>, place: Place) -> Result<Provider> {
    let Some(program) = words.first_mut() else {
        return Err(Fault::new(format!("{place}: the credential provider has no name"))
            .help("name a provider such as \"cargo:token\", or remove the line"));
    };
    let has_folder = program.contains('/') || (cfg!(windows) && program.contains('\\'));
    if has_folder {
        *program = place.resolve(program).to_string_lossy().into_owned();
    }
    Ok(Provider { words, place })
}

fn canonical(node: &Node) -> String {
    match node {
        Node::Scalar(scalar, _) => format!("{scalar:?}"),
        Node::List(list, _) => format!("[{}]", list.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Node::Table(table, _) => {
            let entries: Vec<String> =
                table.iter().map(|(key, node)| format!("{key:?}:{}", canonical(node))).collect();
            format!("{{{}}}", entries.join(","))
        }
    }
}
