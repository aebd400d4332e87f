//! Where Python packages come from: what the user has told pip and uv of indexes, proxies and certificates, as uv is
//! to be told it. Pure: the texts and variables are read elsewhere.
//!
//! pip's files and variables come from the chapter "Configuration" of pip's documentation, uv's from the chapters
//! "Configuration files", "Package indexes" and "Environment variables" of uv's. A project's own `pyproject.toml` and
//! `uv.toml` are never among them: they come with a checkout, and could send every name elsewhere.
//!
//! An address may hold a password. It is never shown ([`Address`]), and goes to uv in a variable: the arguments of a
//! program can be read by every user of the machine.

mod pip;
mod uv;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::fault::Result;
use crate::mirror::{self, Mirror};

/// One value, and which file or variable said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// What was said.
    pub value: T,
    /// Where: a path, or the name of a variable.
    pub origin: String,
}

/// An address that may hold a password: shown without it.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// The address as it was said.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The address with its password, for a program alone.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// An address, with the user and password of this one where it is one of the same server and has none itself.
    pub fn lend_credentials(&self, url: &str) -> String {
        let own = || {
            let range = self.credentials()?;
            let (server, rest) = (&self.0[..range.start], &self.0[range.end + 1..]);
            let host = rest.split(['/', '?', '#']).next()?;
            let behind = url.strip_prefix(server)?.strip_prefix(host)?;
            behind.starts_with('/').then(|| format!("{}@{host}{behind}", &self.0[..range.end]))
        };
        own().unwrap_or_else(|| url.to_owned())
    }

    /// Where the user and password in it lie.
    fn credentials(&self) -> Option<std::ops::Range<usize>> {
        let start = self.0.find("://").map_or(0, |at| at + 3);
        let rest = &self.0[start..];
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        rest[..end].rfind('@').map(|at| start..start + at)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.credentials() {
            Some(range) => write!(f, "{}***{}", &self.0[..range.start], &self.0[range.end..]),
            None => f.write_str(&self.0),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One package index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// What the user calls it: its credentials may stand in variables of that name.
    pub name: Option<String>,
    /// Where it lies.
    pub url: Address,
    /// Which file or variable named it.
    pub origin: String,
}

impl Index {
    /// `NAME=URL`, as uv reads it.
    fn for_uv(&self) -> String {
        // A space would part two indexes.
        let url = self.url.secret().replace(' ', "%20");
        self.name.as_ref().map_or(url.clone(), |name| format!("{name}={url}"))
    }
}

/// What pip and uv were told. What is absent was not said, and uv decides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexSettings {
    /// The index that stands in for PyPI.
    pub default: Option<Index>,
    /// Indexes that are asked before it.
    pub extra: Vec<Index>,
    /// Folders and pages with archives.
    pub find_links: Vec<Setting<Address>>,
    /// Whether no index is to be asked.
    pub no_index: Option<Setting<bool>>,
    /// Certificates to trust, in place of the built-in ones.
    pub cert: Option<Setting<PathBuf>>,
    /// The certificate to show.
    pub client_cert: Option<Setting<PathBuf>>,
    /// Hosts whose certificates are not looked at.
    pub trusted_hosts: Vec<Setting<String>>,
    /// The proxy.
    pub proxy: Option<Setting<Address>>,
    /// How many seconds an answer may take.
    pub timeout: Option<Setting<String>>,
    /// How often it is tried again.
    pub retries: Option<Setting<String>>,
    /// uv's strategy for several indexes.
    pub strategy: Option<Setting<String>>,
    /// Where passwords come from.
    pub keyring: Option<Setting<String>>,
    /// Whether the system's certificates count.
    pub system_certs: Option<Setting<bool>>,
    /// `UV_INDEX_<NAME>_USERNAME` and `_PASSWORD`.
    credentials: BTreeMap<String, OsString>,
}

/// The texts to read.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// pip's files, path and text, least precedence first.
    pub pip: Vec<(PathBuf, String)>,
    /// uv's files, most precedence first.
    pub uv: Vec<(PathBuf, String)>,
    /// Variables: all of `PIP_*` and `UV_*`, and those of certificates.
    pub variables: BTreeMap<String, OsString>,
    /// What relative paths count from.
    pub folder: PathBuf,
}

/// Whether a variable is one that [`Sources`] wants.
pub fn is_wanted(name: &str) -> bool {
    name.starts_with("PIP_")
        || name.starts_with("UV_")
        || ["SSL_CERT_FILE", "SSL_CLIENT_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"].contains(&name)
}

impl IndexSettings {
    /// Reads what was said. Where pip and uv both say one thing, uv's counts.
    pub fn read(sources: &Sources) -> Result<Self> {
        let text = |name: &str| {
            let value = sources.variables.get(name)?.to_str()?.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        let mut settings = pip::read(&sources.pip, &sources.variables)?.below(uv::read(&sources.uv, &text)?);
        settings.credentials = sources
            .variables
            .iter()
            .filter(|(name, _)| uv::is_credential(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        for name in ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"] {
            if let (None, Some(value)) = (&settings.cert, text(name)) {
                settings.cert = Some(Setting { value: value.into(), origin: name.to_owned() });
            }
        }
        // uv reads these itself, and they are nearer to it than what pip was told.
        if text("SSL_CERT_FILE").is_some() {
            settings.cert = None;
        }
        if text("SSL_CLIENT_CERT").is_some() {
            settings.client_cert = None;
        }
        settings.make_absolute(&sources.folder);
        Ok(settings)
    }

    /// The same where a mirror stands in for PyPI, and for what stood in for it. What is asked besides stays, and where
    /// no index is to be asked, this one is not either. A token is the password of any user.
    #[must_use]
    pub fn with_mirror(mut self, mirror: Option<&Mirror>) -> Self {
        let Some(mirror) = mirror else { return self };
        self.default = Some(Index {
            name: Some(mirror::NAME.to_owned()),
            url: Address::new(mirror.url().simple()),
            origin: mirror.origin(),
        });
        if let Some(token) = mirror.token() {
            self.credentials.insert("UV_INDEX_ENVTOOL_MIRROR_USERNAME".to_owned(), "token".into());
            self.credentials.insert("UV_INDEX_ENVTOOL_MIRROR_PASSWORD".to_owned(), token.into());
        }
        self
    }

    /// These settings where `above` says nothing.
    fn below(self, above: Self) -> Self {
        let list = |above: Vec<_>, own: Vec<_>| if above.is_empty() { own } else { above };
        Self {
            default: above.default.or(self.default),
            extra: if above.extra.is_empty() { self.extra } else { above.extra },
            find_links: if above.find_links.is_empty() { self.find_links } else { above.find_links },
            no_index: above.no_index.or(self.no_index),
            cert: above.cert.or(self.cert),
            client_cert: above.client_cert.or(self.client_cert),
            trusted_hosts: list(above.trusted_hosts, self.trusted_hosts),
            proxy: above.proxy.or(self.proxy),
            timeout: above.timeout.or(self.timeout),
            retries: above.retries.or(self.retries),
            strategy: above.strategy.or(self.strategy),
            keyring: above.keyring.or(self.keyring),
            system_certs: above.system_certs.or(self.system_certs),
            credentials: above.credentials,
        }
    }

    /// uv is started elsewhere: relative paths count from where the user stands.
    fn make_absolute(&mut self, folder: &Path) {
        for path in self.cert.iter_mut().chain(&mut self.client_cert) {
            path.value = folder.join(&path.value);
        }
        for link in self.find_links.iter_mut().filter(|link| !link.value.0.contains("://")) {
            link.value = Address(folder.join(&link.value.0).to_string_lossy().into_owned());
        }
    }

    /// The links as uv reads them: it parts them at commas, among arguments too.
    fn links(&self) -> impl Iterator<Item = String> {
        self.find_links.iter().map(|link| {
            let text = link.value.secret();
            match (text.contains(','), text.contains("://")) {
                (false, _) => text.to_owned(),
                (true, true) => text.replace(',', "%2C"),
                (true, false) => {
                    let coded = [('%', "%25"), (',', "%2C"), (' ', "%20"), ('#', "%23"), ('?', "%3F")];
                    let path = coded.iter().fold(text.to_owned(), |path, (from, to)| path.replace(*from, to));
                    format!("file://{path}")
                }
            }
        })
    }

    /// Whether links can stand among the arguments.
    fn links_are_open(&self) -> bool {
        self.find_links.iter().all(|link| link.value.credentials().is_none())
    }

    /// The arguments that tell uv; nothing secret is among them.
    pub fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut say = |flag: &str, value: &str| {
            arguments.push(flag.into());
            arguments.push(value.into());
        };
        self.trusted_hosts.iter().for_each(|host| say("--allow-insecure-host", &host.value));
        self.strategy.iter().for_each(|strategy| say("--index-strategy", &strategy.value));
        self.keyring.iter().for_each(|keyring| say("--keyring-provider", &keyring.value));
        if self.links_are_open() {
            self.links().for_each(|link| say("--find-links", &link));
        }
        if self.no_index.as_ref().is_some_and(|no_index| no_index.value) {
            arguments.push("--no-index".into());
        }
        arguments
    }

    /// The variables that tell uv what may be secret, and what it has no argument for (tried with uv 0.9.0 to 0.13.9:
    /// `--no-config` leaves variables alone).
    pub fn variables(&self) -> Vec<(String, OsString)> {
        let mut variables: Vec<(String, OsString)> =
            self.credentials.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let mut set = |name: &str, value: OsString| variables.push((name.to_owned(), value));
        if let Some(index) = &self.default {
            set("UV_DEFAULT_INDEX", index.for_uv().into());
        }
        if !self.extra.is_empty() {
            let all: Vec<String> = self.extra.iter().map(Index::for_uv).collect();
            set("UV_INDEX", all.join(" ").into());
        }
        if !self.links_are_open() {
            set("UV_FIND_LINKS", self.links().collect::<Vec<_>>().join(",").into());
        }
        if let Some(cert) = &self.cert {
            set("SSL_CERT_FILE", cert.value.clone().into());
        }
        if let Some(cert) = &self.client_cert {
            set("SSL_CLIENT_CERT", cert.value.clone().into());
        }
        if let Some(timeout) = &self.timeout {
            set("UV_HTTP_TIMEOUT", timeout.value.clone().into());
        }
        if let Some(retries) = &self.retries {
            set("UV_HTTP_RETRIES", retries.value.clone().into());
        }
        if self.system_certs.as_ref().is_some_and(|setting| setting.value) {
            // The first is the name up to 0.12, and all since know it; the second says it without a warning.
            set("UV_NATIVE_TLS", "1".into());
            set("UV_SYSTEM_CERTS", "1".into());
        }
        if let Some(proxy) = &self.proxy {
            let text = proxy.value.secret();
            let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
            for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
                set(name, url.clone().into());
            }
        }
        variables
    }

    /// The address of a file with what its index wants to be told: user and password, where it lies on the index's own
    /// host and names none itself.
    pub fn with_credentials(&self, url: &str) -> String {
        let origin = |url: &str| {
            let host = url.find("://")? + 3;
            let end = url[host..].find(['/', '?', '#']).map_or(url.len(), |at| host + at);
            Some((host, end))
        };
        let Some((host, end)) = origin(url).filter(|(host, end)| !url[*host..*end].contains('@')) else {
            return url.to_owned();
        };
        let told = self.default.iter().chain(&self.extra).find_map(|index| {
            let (range, text) = (index.url.credentials()?, index.url.secret());
            let (_, index_end) = origin(text)?;
            let same = text[..range.start] == url[..host] && text[range.end + 1..index_end] == url[host..end];
            same.then(|| text[range].to_owned())
        });
        told.map_or(url.to_owned(), |told| format!("{}{told}@{}", &url[..host], &url[host..]))
    }

    /// Where packages come from, in words for a message.
    pub fn places(&self) -> String {
        let mut places: Vec<String> = self
            .extra
            .iter()
            .chain(&self.default)
            .map(|index| format!("{} (from {})", index.url, index.origin))
            .collect();
        let no_index = self.no_index.as_ref().is_some_and(|no_index| no_index.value);
        if self.default.is_none() && !no_index {
            places.push("PyPI".to_owned());
        }
        places.extend(self.find_links.iter().map(|link| format!("{} (from {})", link.value, link.origin)));
        match places.is_empty() {
            true => "no index at all".to_owned(),
            false => places.join(", "),
        }
    }
}

#[cfg(test)]
mod tests;
