//! uv's settings: `uv.toml` of the user and of the machine, and variables `UV_*`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Address, Index, IndexSettings, Setting};
use crate::fault::{Fault, Result};

/// What counts in a `uv.toml`; the rest is uv's own matter.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct File {
    index: Vec<FileIndex>,
    allow_insecure_host: Vec<String>,
    trusted_host: Vec<String>,
    system_certs: Option<bool>,
    native_tls: Option<bool>,
    pip: Places,
    #[serde(flatten)]
    places: Places,
}

/// What stands at the top, and again in `[pip]`, where it counts more.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Places {
    index_url: Option<String>,
    extra_index_url: Vec<String>,
    find_links: Vec<String>,
    no_index: Option<bool>,
    index_strategy: Option<String>,
    keyring_provider: Option<String>,
}

#[derive(Debug, Deserialize)]
struct FileIndex {
    name: Option<String>,
    url: String,
    #[serde(default)]
    default: bool,
    /// Serves only packages that a project assigns to it.
    #[serde(default)]
    explicit: bool,
}

/// Reads files, the nearest to the user first, below the variables.
pub(super) fn read(
    files: &[(PathBuf, String)],
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<IndexSettings> {
    let mut settings = variables(variable);
    for (path, text) in files {
        let file: File = toml::from_str(text).map_err(|error| {
            Fault::new(format!("could not read {}", path.display()))
                .because(&error)
                .help("correct it until uv reads it (`uv pip list` says so)")
        })?;
        settings = join(settings, file, path);
    }
    Ok(settings)
}

/// Whether a variable holds a part of an index's credentials.
pub(super) fn is_credential(name: &str) -> bool {
    name.starts_with("UV_INDEX_") && (name.ends_with("_USERNAME") || name.ends_with("_PASSWORD"))
}

/// An index as it stands in a variable: `URL` or `NAME=URL`.
fn index(text: &str, origin: &str) -> Index {
    let (name, url) = match text.split_once('=') {
        Some((name, url)) if !name.contains([':', '/']) => (Some(name.to_owned()), url),
        _ => (None, text),
    };
    Index { name, url: Address::new(url), origin: origin.to_owned() }
}

fn variables(variable: &dyn Fn(&str) -> Option<String>) -> IndexSettings {
    let said = |name: &str| variable(name).map(|value| Setting { value, origin: name.to_owned() });
    let flag = |name: &str| {
        let setting = said(name)?;
        let value = ["1", "true", "yes", "on", "t", "y"].contains(&setting.value.to_lowercase().as_str());
        Some(Setting { value, origin: setting.origin })
    };
    let words = |name: &str, part: fn(char) -> bool| {
        let text = variable(name).unwrap_or_default();
        let words = text.split(part).map(str::trim).filter(|word| !word.is_empty());
        words.map(|word| (word.to_owned(), name.to_owned())).collect::<Vec<_>>()
    };
    let one = |name: &str| variable(name).map(|text| index(&text, name));
    let space: fn(char) -> bool = char::is_whitespace;
    let more = words("UV_INDEX", space).into_iter().chain(words("UV_EXTRA_INDEX_URL", space));
    let links = words("UV_FIND_LINKS", |c| c == ',').into_iter();
    let hosts = words("UV_INSECURE_HOST", space).into_iter();
    IndexSettings {
        default: one("UV_DEFAULT_INDEX").or_else(|| one("UV_INDEX_URL")),
        extra: more.map(|(text, origin)| index(&text, &origin)).collect(),
        find_links: links.map(|(text, origin)| Setting { value: Address(text), origin }).collect(),
        no_index: flag("UV_NO_INDEX"),
        trusted_hosts: hosts.map(|(value, origin)| Setting { value, origin }).collect(),
        timeout: said("UV_HTTP_TIMEOUT").or_else(|| said("UV_REQUEST_TIMEOUT")),
        retries: said("UV_HTTP_RETRIES"),
        strategy: said("UV_INDEX_STRATEGY"),
        keyring: said("UV_KEYRING_PROVIDER"),
        system_certs: flag("UV_SYSTEM_CERTS").or_else(|| flag("UV_NATIVE_TLS")),
        ..IndexSettings::default()
    }
}

/// What a file says, below what is known already. uv joins lists and takes the nearest of all else.
fn join(mut above: IndexSettings, file: File, path: &Path) -> IndexSettings {
    let origin = path.display().to_string();
    let said = |value: String| Setting { value, origin: origin.clone() };
    let flag = |value: bool| Setting { value, origin: origin.clone() };
    let from = |name: Option<String>, url: String| Index { name, url: Address(url), origin: origin.clone() };
    let (own, top) = (file.pip, file.places);
    let (defaults, others): (Vec<_>, Vec<_>) =
        file.index.into_iter().filter(|index| !index.explicit).partition(|index| index.default);
    let default = defaults.into_iter().next().map(|index| from(index.name, index.url));
    let url = own.index_url.or(top.index_url).map(|url| from(None, url));
    let list = |own: Vec<String>, top: Vec<String>| if own.is_empty() { top } else { own };
    above.default = above.default.or(default).or(url);
    above.extra.extend(others.into_iter().map(|index| from(index.name, index.url)));
    above.extra.extend(list(own.extra_index_url, top.extra_index_url).into_iter().map(|url| from(None, url)));
    // A folder counts from the file that names it.
    let folder = path.parent().unwrap_or(Path::new("/"));
    let links = list(own.find_links, top.find_links).into_iter().map(|link| match link.contains("://") {
        true => link,
        false => folder.join(link).to_string_lossy().into_owned(),
    });
    above.find_links.extend(links.map(|link| Setting { value: Address(link), origin: origin.clone() }));
    above.trusted_hosts.extend(file.allow_insecure_host.into_iter().chain(file.trusted_host).map(said));
    above.no_index = above.no_index.or(own.no_index.or(top.no_index).map(flag));
    above.strategy = above.strategy.or(own.index_strategy.or(top.index_strategy).map(said));
    above.keyring = above.keyring.or(own.keyring_provider.or(top.keyring_provider).map(said));
    above.system_certs = above.system_certs.or(file.system_certs.or(file.native_tls).map(flag));
    above
}
