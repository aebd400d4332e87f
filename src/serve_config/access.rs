//! Who may read from a mirror.

use std::fmt;

use serde::Deserialize;

use crate::digest::Digest;

/// The tokens that open a mirror. None: it is open to everyone who reaches it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Access(Vec<Token>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    tokens: Vec<Token>,
}

/// A token, by what cannot be sent in its place.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "{ name = \"…\", sha256 = \"…\" }, with the SHA-256 of a token and not the token"
)]
struct Token {
    name: String,
    sha256: Digest,
}

impl Access {
    /// Whether a token is needed at all.
    pub fn is_needed(&self) -> bool {
        !self.0.is_empty()
    }

    /// The name of the token that was presented; `None`: it is none of them.
    ///
    /// Digests are compared, so the time that it takes tells nothing about a token.
    pub fn allows(&self, presented: &str) -> Option<&str> {
        let digest = Digest::of(presented.as_bytes());
        self.0.iter().find(|token| token.sha256 == digest).map(|token| token.name.as_str())
    }
}

/// How a token is written.
pub(super) const FORM: &str = "a token is { name = \"…\", sha256 = \"…\" } with the 64 hexadecimal digits of its SHA-256, and not the token itself";

/// Why tokens are refused.
struct Bad(String);

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<Written> for Access {
    type Error = Bad;

    fn try_from(Written { tokens }: Written) -> Result<Self, Bad> {
        if tokens.is_empty() {
            return Err(Bad("no token in it would leave the mirror open to everyone; if that is meant, leave [access] out".to_owned()));
        }
        for (at, token) in tokens.iter().enumerate() {
            let name = &token.name;
            if name.is_empty()
                || name.len() > 60
                || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.@".contains(c))
            {
                return Err(Bad(format!(
                    "{name:?} is no name for a token: up to 60 letters and digits of ASCII, `-`, `_`, `.` and `@`"
                )));
            }
            if token.sha256 == Digest::of(b"") {
                return Err(Bad(format!("the sha256 of `{name}` is that of an empty token")));
            }
            for other in &tokens[..at] {
                if other.name == *name {
                    return Err(Bad(format!("two tokens are named `{name}`")));
                }
                if other.sha256 == token.sha256 {
                    return Err(Bad(format!("`{}` and `{name}` are one token", other.name)));
                }
            }
        }
        Ok(Self(tokens))
    }
}
