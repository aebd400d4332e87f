//! A mirror: an `envtool serve` that stands in for crates.io and PyPI, as `ENVTOOL_MIRROR` or `[env] mirror` names it.
//!
//! Its address holds no password: one of the two places is committed, and addresses are shown. A token is the user's
//! own to give, and goes to no mirror but the one that the user names: `[env] mirror` comes with a checkout, and may be
//! a stranger's.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};
use url::Url;

use crate::fault::{Fault, Result};
use crate::quote;
use crate::secret::without_credentials;

/// The variable that names a mirror, or switches off the one of the project.
pub const VARIABLE: &str = "ENVTOOL_MIRROR";
/// The variable of its token.
pub const TOKEN_VARIABLE: &str = "ENVTOOL_MIRROR_TOKEN";
/// What the variable says for no mirror at all.
pub const OFF: &str = "off";
/// What it is called in the settings that cargo and uv are handed.
pub const NAME: &str = "envtool-mirror";

/// How to write an address.
const FORM: &str = "write it as `envtool serve` says it, such as \"http://mirror.example:7878\"";

/// How envtool, cargo and uv say that a token is wanted, or another one. A crate may have `token` in its name.
const TOKEN_WORDS: [&str; 7] = [
    "wants a token",
    "refused the token",
    "no token found",
    "token rejected",
    "credential-provider",
    "Unauthorized",
    "Forbidden",
];

/// Where a mirror lies: `http` or `https`, a `/` at its end, no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorUrl(Url);

impl MirrorUrl {
    /// Its index of crates, as cargo's configuration writes it.
    pub fn crates(&self) -> String {
        format!("sparse+{}crates/index/", self.0)
    }

    /// Its index of Python packages.
    pub fn simple(&self) -> String {
        format!("{}pypi/simple/", self.0)
    }

    /// Its host where nothing encrypts what it says.
    pub fn plain_host(&self) -> Option<&str> {
        (self.0.scheme() == "http").then(|| self.0.host_str()).flatten()
    }

    /// Whether a text names an address of this host and port.
    fn is_in(&self, text: &str) -> bool {
        let start = format!("{}://{}", self.0.scheme(), self.0.authority());
        text.match_indices(&start).any(|(at, _)| {
            let rest = &text[at + start.len()..];
            let end =
                rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-:@.".contains(c)).unwrap_or(rest.len());
            // What ends a sentence is no part of it.
            rest[..end].trim_end_matches(['.', ':']).is_empty()
        })
    }
}

impl fmt::Display for MirrorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl FromStr for MirrorUrl {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            let shown: String = without_credentials(text).chars().take(200).collect();
            Err(Fault::new(format!("{shown:?} is not the address of a mirror")).why(why).help(FORM))
        };
        // What a parser would mend: cargo, uv and envtool must mean one place.
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || "\\\"'`<>{}|^".contains(c)) {
            return wrong("it holds a character that no address has");
        }
        let lower = text.to_ascii_lowercase();
        if !(lower.starts_with("http://") || lower.starts_with("https://")) {
            return wrong("it begins with neither http:// nor https://");
        }
        let mut url = match Url::parse(text) {
            Ok(url) => url,
            Err(error) => return wrong(&error.to_string()),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Fault::new(format!(
                "the address of a mirror holds a password: {}",
                without_credentials(text)
            ))
            .why("it would be shown, and read by whoever reads the file")
            .help(format!("leave it out, and set {TOKEN_VARIABLE} beside {VARIABLE}")));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return wrong("there is a `?` or `#` in it, and paths follow it");
        }
        let path = format!("{}/", url.path().trim_end_matches('/'));
        if ["/crates/index/", "/pypi/simple/"].iter().any(|registry| path.ends_with(registry)) {
            return wrong("it is that of one registry of the mirror, and envtool asks both");
        }
        url.set_path(&path);
        Ok(Self(url))
    }
}

impl<'de> Deserialize<'de> for MirrorUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // The failure of a manifest has a help of its own.
        text.parse().map_err(|fault: Fault| {
            de::Error::custom(format!("{fault}; {}", fault.help_text().unwrap_or_default()))
        })
    }
}

/// Who named a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// The user, by the variable.
    Variable,
    /// The project, by its manifest.
    Manifest(PathBuf),
}

/// The mirror that a command asks.
#[derive(Clone, PartialEq, Eq)]
pub struct Mirror {
    url: MirrorUrl,
    origin: Origin,
    token: Option<String>,
}

impl fmt::Debug for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (from {})", self.url, self.origin())
    }
}

impl Mirror {
    /// The one that the user names, and its token.
    pub fn of_the_user(url: MirrorUrl, token: Option<String>) -> Self {
        Self { url, origin: Origin::Variable, token }
    }

    /// The one that a project names in `manifest`.
    pub fn of_a_project(url: MirrorUrl, manifest: &Path) -> Self {
        Self { url, origin: Origin::Manifest(manifest.to_owned()), token: None }
    }

    /// Where it lies.
    pub fn url(&self) -> &MirrorUrl {
        &self.url
    }

    /// Its token, for a header or for the variable of a program.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Its index of Python packages with the token as a password, for a program that knows no other way.
    pub fn simple_with_token(&self) -> String {
        let simple = self.url.simple();
        let Some(token) = &self.token else { return simple };
        let Ok(mut url) = Url::parse(&simple) else { return simple };
        // Only an address without a host takes none.
        let _ = url.set_username("token").and_then(|()| url.set_password(Some(token)));
        url.into()
    }

    /// Who named it, in words.
    pub fn origin(&self) -> String {
        match &self.origin {
            Origin::Variable => VARIABLE.to_owned(),
            Origin::Manifest(path) => format!("[env] of {}", quote::shown(path.as_os_str())),
        }
    }

    /// What can be done where a text says that this mirror failed; `None` where the text is of something else.
    pub fn help(&self, text: &str) -> Option<String> {
        let Self { url, .. } = self;
        if !url.is_in(text) {
            return None;
        }
        let token = TOKEN_WORDS.iter().any(|words| text.contains(words));
        Some(match (&self.origin, token) {
            (Origin::Variable, true) => {
                format!("set {TOKEN_VARIABLE} to a token that the mirror {url} ({VARIABLE}) takes")
            }
            (Origin::Manifest(_), true) => format!(
                "set {VARIABLE}={url} and {TOKEN_VARIABLE}: a token goes to no mirror that a project alone names ({})",
                self.origin()
            ),
            (Origin::Variable, false) => format!(
                "see that the mirror {url} runs and can be reached; or unset {VARIABLE}, which names it, or use `--offline`"
            ),
            (Origin::Manifest(_), false) => format!(
                "see that the mirror {url} runs and can be reached; or correct `mirror` in {}, set {VARIABLE}={OFF}, or use `--offline`",
                self.origin()
            ),
        })
    }

    /// The failure with what can be done, where it is this mirror's.
    pub fn explain(&self, fault: Fault) -> Fault {
        match self.help(&fault.to_string()) {
            Some(help) => fault.help(help),
            None => fault,
        }
    }
}

/// A token as the variable gives it.
pub fn token(text: &str) -> Result<String> {
    // It stands in a header as it is, and as a password.
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err(Fault::usage(format!("{TOKEN_VARIABLE} holds no token"))
            .why("a token is letters, digits and signs of ASCII, without spaces")
            .help("set it to the token alone, without a word such as `Bearer` before it"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Mirror, MirrorUrl, token};
    use crate::fault::Fault;

    fn url(text: &str) -> MirrorUrl {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_leads_to_both_indexes() {
        for (text, crates) in [
            ("http://127.0.0.1:7878", "sparse+http://127.0.0.1:7878/crates/index/"),
            ("HTTPS://Mirror.Invalid/a/b//", "sparse+https://mirror.invalid/a/b/crates/index/"),
            ("http://[::1]:1/", "sparse+http://[::1]:1/crates/index/"),
        ] {
            assert_eq!(url(text).crates(), crates);
        }
        assert_eq!(url("http://h.invalid/m").simple(), "http://h.invalid/m/pypi/simple/");
        assert_eq!(url("http://h.invalid/m/").to_string(), "http://h.invalid/m");
        assert_eq!(url("http://h.invalid").plain_host(), Some("h.invalid"));
        assert_eq!(url("https://h.invalid").plain_host(), None);
    }

    #[test]
    fn what_is_no_address_is_refused_with_help_and_without_its_password() {
        for (text, why) in [
            ("", "neither http"),
            ("mirror:7878", "neither http"),
            ("file:///etc", "neither http"),
            ("sparse+http://h.invalid/", "neither http"),
            ("http://", "host"),
            ("http://h.invalid:99999", "port"),
            ("http://h.invalid/ x", "character"),
            ("http://h.invalid/\n", "character"),
            ("http://h.invalid\\@evil.invalid", "character"),
            ("http://h.invalid/\"x", "character"),
            ("http://h.invalid/?a=b", "`?`"),
            ("http://h.invalid/#x", "`?`"),
            ("http://me:s3cret@h.invalid/", "password"),
            ("http://s3cret@h.invalid/", "password"),
            ("http://me:s3cret@h.invalid/?", "password"),
            ("http://me:s3cret@h.invalid/ ", "character"),
        ] {
            let fault = text.parse::<MirrorUrl>().unwrap_err();
            assert!(fault.to_string().contains(why), "{text:?}: {fault}");
            assert!(fault.help_text().is_some() && !format!("{fault:?}").contains("s3cret"), "{fault:?}");
        }
        for bad in ["", "Bearer x", "a\nb", "ä"] {
            let fault = token(bad).unwrap_err();
            assert!(fault.help_text().is_some() && fault.exit_code() == 2);
        }
        assert_eq!(token("s3cret/+=").unwrap(), "s3cret/+=");
    }

    #[test]
    fn a_failure_of_the_mirror_says_who_named_it_and_what_to_do() {
        let user = Mirror::of_the_user(url("http://h.invalid:1/m"), Some("s3cret".to_owned()));
        let project = Mirror::of_a_project(url("http://h.invalid:1/m"), Path::new("/p/envtool.toml"));
        let help = |mirror: &Mirror, text: &str| {
            mirror.explain(Fault::new(text).help("other")).help_text().unwrap().to_owned()
        };
        let down = "could not get http://h.invalid:1/m/crates/index/config.json";
        assert!(help(&user, down).contains("unset ENVTOOL_MIRROR"));
        assert!(help(&project, down).contains("[env] of /p/envtool.toml"));
        let token = "the registry at http://h.invalid:1/m/crates/index/ refused the token";
        assert!(help(&user, token).starts_with("set ENVTOOL_MIRROR_TOKEN"));
        assert!(help(&project, token).starts_with("set ENVTOOL_MIRROR=http://h.invalid:1/m and"));
        for other in ["http://other.invalid/", "http://h.invalid:12/", "http://h.invalid:1.x/", "h.invalid:1"]
        {
            assert_eq!(help(&user, other), "other");
        }
        assert!(help(&user, "asked http://h.invalid:1: nothing").contains("unset"));
        // What is down may have any name.
        assert!(
            help(&user, "http://h.invalid:1/m/crates/index/to/ke/token").contains("unset ENVTOOL_MIRROR")
        );
        assert!(!format!("{user:?}").contains("s3cret"));
        assert_eq!(user.simple_with_token(), "http://token:s3cret@h.invalid:1/m/pypi/simple/");
        let odd = Mirror::of_the_user(url("http://h.invalid"), Some("a/b@c:%".to_owned()));
        assert_eq!(odd.simple_with_token(), "http://token:a%2Fb%40c%3A%@h.invalid/pypi/simple/");
    }
}
