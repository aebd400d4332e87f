//! The file of `envtool serve --config FILE`, read: where a mirror listens, whom it asks, and what it refuses.
//!
//! A key that this envtool does not know is an error and not a silence, as in `envtool.toml`. No secret lies in it: of
//! a token it has the SHA-256, and what a registry wants of its users stays with cargo, pip and uv.

mod access;
mod private;

pub use access::Access;
pub use private::Private;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use url::Url;

use crate::fault::{Fault, Result};
use crate::near::key_meant;
use crate::quote;
use crate::secret::without_credentials;

/// Bytes of a MiB.
const MIB: u64 = 1024 * 1024;

/// What a mirror was told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeConfig {
    /// Where it listens.
    #[serde(deserialize_with = "socket")]
    pub bind: SocketAddr,
    /// Its address for clients, without a `/` at the end; `None`: what the request says.
    #[serde(deserialize_with = "own_address")]
    pub url: Option<String>,
    /// Whose `X-Forwarded-*` headers are believed.
    #[serde(deserialize_with = "addresses")]
    pub proxies: Vec<IpAddr>,
    /// Where crates come from.
    pub crates: Crates,
    /// Where Python packages come from.
    pub pypi: Pypi,
    /// Who may read.
    pub access: Access,
    /// What is kept, and for how long.
    pub cache: Cache,
    /// What a client may ask for at most.
    pub limits: Limits,
}

/// `[crates]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Crates {
    /// The sparse index that is asked: `sparse+http…/`. `None`: what cargo asks.
    #[serde(deserialize_with = "sparse_index")]
    pub index: Option<String>,
    /// What it is never asked about.
    pub private: Private,
}

/// `[pypi]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pypi {
    /// The index that is asked: `http…/`. `None`: what uv or pip asks.
    #[serde(deserialize_with = "simple_index")]
    pub index: Option<String>,
    /// What it is never asked about.
    pub private: Private,
}

/// `[cache]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// How old an answer of an index may be before the upstream is asked whether it still holds.
    #[serde(deserialize_with = "seconds::<_, 2_592_000>")]
    pub revalidate: Duration,
    /// How many bytes of answers and archives are kept in memory.
    #[serde(deserialize_with = "mebibytes::<_, 65_536>")]
    pub memory: u64,
}

impl Default for Cache {
    fn default() -> Self {
        Self { revalidate: Duration::from_mins(10), memory: 256 * MIB }
    }
}

/// `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How many connections are open at once.
    #[serde(deserialize_with = "count::<_, 65_536>")]
    pub connections: usize,
    /// How many bytes an archive may have.
    #[serde(deserialize_with = "mebibytes::<_, 65_536>")]
    pub file: u64,
    /// How long the head of a request may take, and a transfer may stall.
    #[serde(deserialize_with = "seconds::<_, 3_600>")]
    pub seconds: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 512, file: 4096 * MIB, seconds: Duration::from_secs(30) }
    }
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 7878)),
            url: None,
            // A proxy on this machine is the user's own.
            proxies: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            crates: Crates::default(),
            pypi: Pypi::default(),
            access: Access::default(),
            cache: Cache::default(),
            limits: Limits::default(),
        }
    }
}

impl ServeConfig {
    /// Reads the text of the file at `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            let help = key_meant(error.message())
                .unwrap_or_else(|| "correct that line; what is left out has a default".to_owned());
            Fault::new(format!("could not read {}", quote::shown(path.as_os_str())))
                .why(said(&error, text))
                .help(help)
        })
    }

    /// Whether what this peer says of the client's own request is believed.
    pub fn believes(&self, peer: IpAddr) -> bool {
        self.proxies.contains(&peer.to_canonical())
    }
}

/// What is wrong with a text; without what stands there, where that may be a token.
fn said(error: &toml::de::Error, text: &str) -> String {
    let message = error.message();
    if !message.contains("SHA-256") {
        return without_credentials(error.to_string().trim_end());
    }
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}: {}", before.matches('\n').count() + 1, access::FORM)
}

fn socket<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    listening(&text).map_err(de::Error::custom)
}

/// Where to listen, as `--bind` and `bind` have it.
pub fn listening(text: &str) -> std::result::Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("{text:?} is not an IP address with a port, such as \"127.0.0.1:7878\" or \"[::1]:7878\"")
    })
}

fn addresses<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Vec<IpAddr>, D::Error> {
    let read = |text: &String| match text.parse::<IpAddr>() {
        Ok(address) => Ok(address.to_canonical()),
        Err(_) => {
            Err(de::Error::custom(format!("{text:?} is not an IP address, such as \"127.0.0.1\" or \"::1\"")))
        }
    };
    Vec::<String>::deserialize(deserializer)?.iter().map(read).collect()
}

fn own_address<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let url = web_address(&text, "https://mirror.example/envtool").map_err(de::Error::custom)?;
    Ok(Some(url.trim_end_matches('/').to_owned()))
}

fn sparse_index<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let form = "sparse+https://registry.example/index/";
    let Some(address) = text.strip_prefix("sparse+") else {
        return Err(de::Error::custom(format!(
            "{:?} is no sparse index, such as \"{form}\"",
            without_credentials(&text)
        )));
    };
    Ok(Some(format!("sparse+{}", web_address(address, form).map_err(de::Error::custom)?)))
}

fn simple_index<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    web_address(&text, "https://registry.example/simple/").map(Some).map_err(de::Error::custom)
}

/// An address of the web, with a `/` at its end.
fn web_address(text: &str, form: &str) -> std::result::Result<String, String> {
    let wrong = |why: &str| format!("{:?} {why}, such as \"{form}\"", without_credentials(text));
    let url = Url::parse(text).map_err(|_| wrong("is not an address"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("is not an address of http or https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "holds a user or a password, which belong to cargo's credentials or into uv's or pip's own settings; write it without them",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has something behind a `?` or `#`; write it without"));
    }
    Ok(format!("{}/", url.as_str().trim_end_matches('/')))
}

/// A whole number of at least 1 and at most `MOST`.
fn number<'de, D: Deserializer<'de>, const MOST: u32>(deserializer: D) -> std::result::Result<u32, D::Error> {
    match i64::deserialize(deserializer)? {
        0 => Err(de::Error::custom(format!("0 would leave nothing: from 1 to {MOST}"))),
        number => u32::try_from(number)
            .ok()
            .filter(|number| *number <= MOST)
            .ok_or_else(|| de::Error::custom(format!("{number} is out of bounds: from 1 to {MOST}"))),
    }
}

fn seconds<'de, D: Deserializer<'de>, const MOST: u32>(
    deserializer: D,
) -> std::result::Result<Duration, D::Error> {
    number::<D, MOST>(deserializer).map(|seconds| Duration::from_secs(seconds.into()))
}

fn mebibytes<'de, D: Deserializer<'de>, const MOST: u32>(
    deserializer: D,
) -> std::result::Result<u64, D::Error> {
    number::<D, MOST>(deserializer).map(|mebibytes| u64::from(mebibytes) * MIB)
}

fn count<'de, D: Deserializer<'de>, const MOST: u32>(
    deserializer: D,
) -> std::result::Result<usize, D::Error> {
    let number = number::<D, MOST>(deserializer)?;
    usize::try_from(number).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::ServeConfig;

    fn read(text: &str) -> crate::fault::Result<ServeConfig> {
        ServeConfig::parse(Path::new("mirror.toml"), text)
    }

    #[test]
    fn an_empty_file_is_the_default() {
        for text in ["", "[crates]\n[pypi]\n[cache]\n[limits]\n"] {
            assert_eq!(read(text).unwrap(), ServeConfig::default(), "{text}");
        }
        let config = ServeConfig::default();
        assert_eq!((config.bind.to_string().as_str(), config.limits.file), ("127.0.0.1:7878", 4096 << 20));
        assert!(!config.access.is_needed() && !config.crates.private.matches("a"));
    }

    #[test]
    fn a_whole_file_is_read() {
        let text = format!(
            "bind = \"[::]:80\"\nurl = \"https://mirror.example/envtool/\"\nproxies = [\"127.0.0.1\", \"::1\"]\n\
             [crates]\nindex = \"sparse+http://127.0.0.1:1/index\"\nprivate = [\"acme-*\", \"internal\"]\n\
             [pypi]\nindex = \"http://127.0.0.1:1/simple\"\nprivate = []\n\
             [access]\ntokens = [{{ name = \"ci\", sha256 = \"{}\" }}]\n\
             [cache]\nrevalidate = 60\nmemory = 1\n[limits]\nconnections = 2\nfile = 3\nseconds = 4\n",
            crate::digest::Digest::of(b"secret")
        );
        let config = read(&text).unwrap();
        assert_eq!(config.bind.port(), 80);
        assert_eq!(config.url.as_deref(), Some("https://mirror.example/envtool"));
        assert_eq!(config.crates.index.as_deref(), Some("sparse+http://127.0.0.1:1/index/"));
        assert_eq!(config.pypi.index.as_deref(), Some("http://127.0.0.1:1/simple/"));
        assert!(config.crates.private.matches("Acme_x") && !config.pypi.private.matches("acme-x"));
        assert_eq!((config.access.allows("secret"), config.access.allows("Secret")), (Some("ci"), None));
        assert_eq!((config.cache.revalidate, config.cache.memory), (Duration::from_mins(1), 1 << 20));
        assert_eq!((config.limits.connections, config.limits.file), (2, 3 << 20));
        for (peer, believed) in
            [("127.0.0.1", true), ("::ffff:127.0.0.1", true), ("::1", true), ("10.0.0.1", false)]
        {
            assert_eq!(config.believes(peer.parse().unwrap()), believed, "{peer}");
        }
    }

    #[test]
    fn what_is_wrong_is_shown_with_its_place_and_a_way_out() {
        let digest = crate::digest::Digest::of(b"x").to_string();
        let token = |name: &str, digest: &str| format!("{{ name = {name:?}, sha256 = {digest:?} }}");
        let tokens = |list: &[String]| format!("[access]\ntokens = [{}]\n", list.join(", "));
        let cases = [
            ("[cache\n".to_owned(), "line 1", "correct that line"),
            ("\n[chache]\n".to_owned(), "line 2, column 2", "did you mean `cache`?"),
            (
                "[cache]\nrevalidat = 1\n".to_owned(),
                "unknown field `revalidat`",
                "did you mean `revalidate`?",
            ),
            ("[crates]\nprivat = []\n".to_owned(), "line 2, column 1", "did you mean `private`?"),
            ("banana = 1\n".to_owned(), "unknown field `banana`", "correct that line"),
            ("bind = \"localhost:7878\"\n".to_owned(), "not an IP address with a port", "correct"),
            ("bind = \"127.0.0.1\"\n".to_owned(), "line 1, column 8", "correct"),
            ("bind = 7878\n".to_owned(), "expected a string", "correct"),
            ("url = \"mirror.example\"\n".to_owned(), "is not an address", "correct"),
            ("url = \"file:///x\"\n".to_owned(), "http or https", "correct"),
            ("url = \"http://h/?a=b\"\n".to_owned(), "behind a `?`", "correct"),
            ("proxies = [\"10.0.0.0/8\"]\n".to_owned(), "\"10.0.0.0/8\" is not an IP address", "correct"),
            ("[crates]\nindex = \"https://h/index\"\n".to_owned(), "is no sparse index", "correct"),
            ("[crates]\nindex = \"sparse+git://h/index\"\n".to_owned(), "http or https", "correct"),
            (
                "[pypi]\nindex = \"https://me:pa55@h/simple\"\n".to_owned(),
                "holds a user or a password",
                "correct",
            ),
            ("[pypi]\nprivate = [\"../x\"]\n".to_owned(), "line 2, column 1", "correct"),
            ("[pypi]\nprivate = [\"\"]\n".to_owned(), "is no name", "correct"),
            ("[cache]\nrevalidate = 0\n".to_owned(), "from 1 to 2592000", "correct"),
            ("[cache]\nmemory = 99999999\n".to_owned(), "out of bounds: from 1 to 65536", "correct"),
            ("[limits]\nconnections = -1\n".to_owned(), "-1 is out of bounds", "correct"),
            ("[limits]\nseconds = 1.5\n".to_owned(), "line 2, column 11", "correct"),
            ("[limits]\nfile = \"1G\"\n".to_owned(), "line 2, column 8", "correct"),
            ("[access]\n".to_owned(), "no token", "correct"),
            (tokens(&[]), "no token", "correct"),
            (tokens(&[token("ci", "pa55")]), "64 hexadecimal digits", "correct"),
            ("[access]\ntokens = [\"pa55\"]\n".to_owned(), "line 2: a token is", "correct"),
            (tokens(&[token("", &digest)]), "\"\" is no name for a token", "correct"),
            (tokens(&[token("a b", &digest)]), "is no name for a token", "correct"),
            (tokens(&[token("a", &digest), token("b", &digest)]), "`a` and `b` are one token", "correct"),
            (
                tokens(&[token("a", &digest), token("a", &"0".repeat(64))]),
                "two tokens are named `a`",
                "correct",
            ),
            (tokens(&[token("a", &crate::digest::Digest::of(b"").to_string())]), "empty", "correct"),
            (
                "[access]\ntokens = [{ name = \"a\", token = \"x\" }]\n".to_owned(),
                "unknown field `token`",
                "correct",
            ),
        ];
        for (text, expected, help) in cases {
            let fault = read(&text).unwrap_err();
            assert!(fault.to_string().contains(expected), "{expected}: {fault}");
            assert!(fault.help_text().unwrap().contains(help), "{text}: {:?}", fault.help_text());
            assert!(
                fault.what() == "could not read mirror.toml" && !fault.to_string().contains("pa55"),
                "{fault}"
            );
        }
    }
}
