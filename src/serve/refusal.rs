//! What a client is told where it does not get what it asked for: a status, and in the body what envtool says anywhere
//! else, for cargo, pip and uv show it.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::fault::Fault;
use crate::secret::without_secrets;

/// Why a request is not answered.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) fault: Fault,
}

impl Refusal {
    /// There is no such thing.
    pub(super) fn absent(what: impl Into<String>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            fault: Fault::new(what).help("see `/` for what this mirror answers"),
        }
    }

    /// A name that the configuration keeps from the registry.
    pub(super) fn private(name: &impl std::fmt::Display) -> Self {
        let what = format!("{name} is a private name here, and the registry is never asked about it");
        let fault = Fault::new(what)
            .help("have it come from your own registry, or change `private` of the mirror's configuration");
        Self { status: StatusCode::NOT_FOUND, fault }
    }

    /// A mirror is there to be read.
    pub(super) fn method() -> Self {
        let fault = Fault::new("a mirror answers GET and HEAD alone")
            .help("publish where the registry itself takes what is published");
        Self { status: StatusCode::METHOD_NOT_ALLOWED, fault }
    }

    /// No form of an answer that the client takes (RFC 9110, 15.5.7).
    pub(super) fn not_acceptable() -> Self {
        let fault = Fault::new("the client takes neither JSON nor HTML of PyPI's Simple API, version 1")
            .help("ask with `Accept: application/vnd.pypi.simple.v1+json` or `text/html`");
        Self { status: StatusCode::NOT_ACCEPTABLE, fault }
    }

    /// The mirror does not hold it and may not ask: what a cache answers that is not to ask (RFC 9111, 5.2.1.7). pip
    /// does not try that again, as it does with 503.
    pub(super) fn offline(what: &str) -> Self {
        let fault = Fault::new(format!("this mirror does not hold {what}"))
            .why("it was started with `--offline`")
            .help("have it asked once while the mirror runs without `--offline`");
        Self { status: StatusCode::GATEWAY_TIMEOUT, fault }
    }

    /// The registry behind the mirror could not be asked, or what it sent is not what it should be.
    pub(super) fn upstream(fault: Fault) -> Self {
        Self { status: StatusCode::BAD_GATEWAY, fault }
    }

    /// The mirror itself cannot go on. Why stands in its log: where it keeps its files is not its clients' business.
    pub(super) fn own(fault: Fault) -> Self {
        tracing::error!(target: super::ACCESS, "{fault}");
        drop(fault);
        let fault = Fault::new("the mirror could not go on").help("its log says why: ask who runs it");
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, fault }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let help = self.fault.help_text().map_or(String::new(), |help| format!("help: {help}\n"));
        let text = without_secrets(&format!("error: {}\n{help}", self.fault));
        let headers = [
            (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        (self.status, headers, text).into_response()
    }
}
