//! cargo's registries: the sparse index and the archives (cargo reference, "Registry Index").

use serde::Deserialize;
use tame_index::KrateName;

use super::releases::{about_another, releases};
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::package::{PackageId, PackageName};

/// The sparse index of crates.io, where cargo is not told otherwise.
pub const CRATES_IO: &str = tame_index::CRATES_IO_HTTP_INDEX;

/// A sparse index, by its address without `sparse+`, a `/` at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SparseIndex {
    url: String,
}

impl SparseIndex {
    /// Takes an address as cargo's config writes it; `None` where it is not a sparse index (git, say).
    pub fn new(url: &str) -> Option<Self> {
        let url = url.strip_prefix("sparse+")?;
        is_http(url).then(|| Self { url: format!("{}/", url.trim_end_matches('/')) })
    }

    /// The address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The name under which its answers are cached: no two addresses share one.
    pub fn cache_name(&self) -> String {
        let host = self
            .url
            .split("://")
            .nth(1)
            .and_then(|rest| rest.split(['/', ':', '@']).next())
            .unwrap_or_default();
        let host: String =
            host.chars().filter(|c| c.is_ascii_alphanumeric() || "-.".contains(*c)).take(60).collect();
        format!("{}-{}", host.trim_start_matches('.'), Digest::of(self.url.as_bytes()).short(16))
    }

    /// The address of `config.json`.
    pub fn config_url(&self) -> String {
        format!("{}config.json", self.url)
    }

    /// The address of a package's rows.
    pub fn package_url(&self, name: &PackageName) -> Result<String> {
        let path =
            index_path(name).ok_or_else(|| Fault::bug(format!("could not ask the registry for {name}")))?;
        Ok(format!("{}{path}", self.url))
    }
}

/// The path of a package's rows in an index: `1/a`, `2/ab`, `3/a/abc`, `se/rd/serde`.
pub fn index_path(name: &PackageName) -> Option<String> {
    let krate = KrateName::cargo(name.as_str()).ok()?;
    Some(krate.relative_path(Some('/')).to_lowercase())
}

/// Whether `url` is an address that envtool asks: nothing but `http` and `https`.
fn is_http(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    (lower.starts_with("https://") || lower.starts_with("http://"))
        && !url.chars().any(|c| c.is_control() || c == ' ')
}

/// What `config.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IndexConfig {
    dl: String,
    /// Whether every request needs the token.
    #[serde(default)]
    pub auth_required: bool,
}

impl IndexConfig {
    /// Reads `config.json` of `index`.
    pub fn parse(bytes: &[u8], index: &SparseIndex) -> Result<Self> {
        let fault =
            || Fault::new(format!("the registry at {} gave an answer that makes no sense", index.url));
        let help =
            "check the address of the registry in cargo's config, and that no proxy answers in its place";
        let config: Self = serde_json::from_slice(bytes)
            .map_err(|error| fault().why(format!("config.json: {error}")).help(help))?;
        if !is_http(&config.dl) {
            let shown: String = config.dl.chars().take(200).collect();
            return Err(fault()
                .why(format!("config.json: `dl` is neither http nor https: {shown:?}"))
                .help(help));
        }
        if config.auth_required
            && index.url.starts_with("https:")
            && !config.dl.to_lowercase().starts_with("https:")
        {
            return Err(fault().why("config.json: `dl` would send the token over plain http").help(help));
        }
        Ok(config)
    }

    /// The address of an archive. Without a marker in `dl`, `/NAME/VERSION/download` follows it.
    pub fn archive_url(&self, package: &PackageId, checksum: &Digest) -> String {
        let name = package.name.as_str();
        // A `+` stands as it is: cargo asks so, and servers are made for cargo.
        let version = package.version.to_string();
        let prefix = prefix(name);
        let markers = [
            ("{crate}", name.to_owned()),
            ("{version}", version.clone()),
            ("{lowerprefix}", prefix.to_lowercase()),
            ("{prefix}", prefix),
            ("{sha256-checksum}", checksum.to_string()),
        ];
        if !markers.iter().any(|(marker, _)| self.dl.contains(marker)) {
            return format!("{}/{name}/{version}/download", self.dl.trim_end_matches('/'));
        }
        markers.iter().fold(self.dl.clone(), |url, (marker, value)| url.replace(marker, value))
    }
}

/// The folders of a package in an index: `1`, `2`, `3/a`, `ab/cd`.
fn prefix(name: &str) -> String {
    let part = |from: usize, to: usize| name.chars().skip(from).take(to - from).collect::<String>();
    match name.chars().count() {
        1 => "1".to_owned(),
        2 => "2".to_owned(),
        3 => format!("3/{}", part(0, 1)),
        _ => format!("{}/{}", part(0, 2), part(2, 4)),
    }
}

/// The checksum of `package` in its rows; `None` where the registry has no such version.
pub fn checksum_in(rows: &[u8], package: &PackageId) -> Result<Option<Digest>> {
    let (name, releases) = releases(rows, &package.name)?;
    if name != package.name {
        return Err(senseless(&package.name, about_another(name.as_str())));
    }
    Ok(releases.iter().find(|one| one.version == package.version).map(|one| one.checksum))
}

/// An answer about `name` that cannot be one.
pub(super) fn senseless(name: &PackageName, why: String) -> Fault {
    Fault::new(format!("the registry gave an answer for {name} that makes no sense"))
        .why(why)
        .help("check the address of the registry in cargo's config, and that no proxy answers in its place")
}

#[cfg(test)]
mod tests {
    use super::{IndexConfig, SparseIndex, checksum_in};
    use crate::digest::Digest;
    use crate::package::PackageId;

    fn index() -> SparseIndex {
        SparseIndex::new("sparse+http://127.0.0.1:9/index").unwrap()
    }

    fn package(name: &str) -> PackageId {
        PackageId { name: name.parse().unwrap(), version: "1.0.0+b".parse().unwrap() }
    }

    fn url(dl: &str, name: &str) -> String {
        let config = IndexConfig::parse(format!("{{\"dl\":\"{dl}\"}}").as_bytes(), &index()).unwrap();
        config.archive_url(&package(name), &Digest::of(b""))
    }

    #[test]
    fn addresses_follow_the_reference() {
        assert_eq!(index().config_url(), "http://127.0.0.1:9/index/config.json");
        assert_eq!(
            index().package_url(&"Serde".parse().unwrap()).unwrap(),
            "http://127.0.0.1:9/index/se/rd/serde"
        );
        assert_eq!(url("http://h.invalid/c", "a"), "http://h.invalid/c/a/1.0.0+b/download");
        assert_eq!(url("http://h.invalid/{prefix}/{crate}", "Abc"), "http://h.invalid/3/A/Abc");
        assert_eq!(url("http://h.invalid/{lowerprefix}-{version}", "AbCd"), "http://h.invalid/ab/cd-1.0.0+b");
        assert!(url("http://h.invalid/{sha256-checksum}", "ab").ends_with("52b855"));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["", "<html>", "{}", "{\"dl\":\"file:///etc/passwd\"}", "{\"dl\":\"http://a b\"}", "[]"] {
            let fault = IndexConfig::parse(bad.as_bytes(), &index()).unwrap_err();
            assert!(fault.to_string().contains("makes no sense"), "{bad}");
        }
        for bad in ["http://h.invalid", "sparse+file:///x", "registry+http://h.invalid", "sparse+"] {
            assert!(SparseIndex::new(bad).is_none(), "{bad}");
        }
        for bad in ["", "{}", "nonsense"] {
            assert!(checksum_in(bad.as_bytes(), &package("a")).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn rows_are_read_for_the_package_that_was_asked() {
        let row = |name: &str, version: &str| {
            format!(
                "{{\"name\":\"{name}\",\"vers\":\"{version}\",\"deps\":[],\"cksum\":\"{}\",\"features\":{{}},\"yanked\":false}}\n",
                Digest::of(b"")
            )
        };
        let rows = row("a", "0.9.0") + &row("a", "1.0.0+b");
        assert_eq!(checksum_in(rows.as_bytes(), &package("a")).unwrap(), Some(Digest::of(b"")));
        assert_eq!(checksum_in(row("a", "2.0.0").as_bytes(), &package("a")).unwrap(), None);
        assert!(checksum_in(rows.as_bytes(), &package("b")).unwrap_err().to_string().contains("about \"a\""));
    }

    #[test]
    fn cached_answers_of_two_registries_never_meet() {
        let name = |url: &str| SparseIndex::new(url).unwrap().cache_name();
        assert_ne!(name("sparse+http://h.invalid/a"), name("sparse+http://h.invalid/b"));
        assert!(
            name("sparse+http://u:p@../../x")
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
        );
    }
}
