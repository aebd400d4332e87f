//! What registries speak, without a socket: requests are built here and answers are read here; `http.rs` carries them.
//!
//! One file a registry: [`cargo`] for crates.io and those that speak as it does; [`releases`] reads its rows whole;
//! [`rows`] hands them on as they are. [`simple`] is what PyPI speaks.

pub mod cargo;
pub mod releases;
pub mod rows;
pub mod simple;

use std::fmt;

/// A token. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token as the registry gave it.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The value of the `Authorization` header.
    pub fn header(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What is asked of a registry: one GET.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The address, `http` or `https`.
    pub url: String,
    /// Sent as `Authorization` where the registry asks for it.
    pub token: Option<Token>,
    /// The tag of the answer that is there already: the registry may say that it still holds (RFC 9110, 13.1.2).
    pub etag: Option<String>,
    /// Sent as `Accept` where it matters.
    pub accept: Option<&'static str>,
}
