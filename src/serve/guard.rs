//! What every request passes: who may ask, what is counted, and a line of the log.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Mirror;
use super::listen::Peer;
use super::refusal::Refusal;
use crate::fault::Fault;

/// Lets a request pass or not, counts it and logs it.
pub(super) async fn watch(
    State(mirror): State<Arc<Mirror>>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let since = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (mut response, who) = match admit(&mirror, &request) {
        Ok(who) => (next.run(request).await, who),
        Err(refusal) => (refusal.into_response(), None),
    };
    if response.status() == StatusCode::UNAUTHORIZED {
        // A browser asks for a password; pip and uv send the one in the address. One header each: chromium takes
        // two ways in one header for none.
        for ask in ["Basic realm=\"envtool mirror\"", "Bearer"] {
            response.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static(ask));
        }
    }
    let status = response.status().as_u16();
    let length =
        response.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let length = length.or_else(|| hyper::body::Body::size_hint(response.body()).exact());
    mirror.metrics.status(status, length.unwrap_or_default());
    tracing::info!(
        target: super::ACCESS,
        "{} {} {method} {path} {status} {} {:.1} ms",
        peer.ip(),
        who.unwrap_or("-"),
        length.map_or("-".to_owned(), |length| length.to_string()),
        since.elapsed().as_secs_f64() * 1000.0,
    );
    response
}

/// Who asks, where tokens are wanted.
fn admit<'m>(mirror: &'m Mirror, request: &Request) -> Result<Option<&'m str>, Refusal> {
    let agent = request.headers().get(header::USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
    if agent.windows(mirror.id.len()).any(|part| part == mirror.id.as_bytes()) {
        return Err(Refusal {
            status: StatusCode::LOOP_DETECTED,
            fault: Fault::new("this mirror asks itself")
                .why("the registry that it was told to stand in for leads back to it")
                .help("set `index` of [crates] and [pypi] in its configuration to the registries themselves"),
        });
    }
    if !mirror.config.access.is_needed() || request.uri().path() == "/healthz" {
        return Ok(None);
    }
    let presented = presented(request.headers());
    match presented.iter().find_map(|token| mirror.config.access.allows(token)) {
        Some(who) => Ok(Some(who)),
        None => Err(Refusal {
            status: StatusCode::UNAUTHORIZED,
            fault: Fault::new(match presented.is_empty() {
                true => "this mirror wants a token",
                false => "this mirror does not know that token",
            })
            .help("in a browser the token is the password, and any user will do; the page then shows where each client has it"),
        }),
    }
}

/// What may be the token: after `Bearer` (RFC 6750), the password after `Basic` (RFC 7617), or all of it, as cargo
/// sends what it was given.
fn presented(headers: &HeaderMap) -> Vec<String> {
    let Some(value) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
        return Vec::new();
    };
    let value = value.trim();
    let mut found = vec![value.to_owned()];
    if let Some((scheme, rest)) = value.split_once(' ') {
        if scheme.eq_ignore_ascii_case("bearer") {
            found.push(rest.trim().to_owned());
        } else if scheme.eq_ignore_ascii_case("basic") {
            found.extend(password(rest.trim()));
        }
    }
    found
}

/// The password in `USER:PASSWORD`, in base64; the user where the password is empty, as addresses with one word alone
/// have it.
fn password(text: &str) -> Option<String> {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(if password.is_empty() { user } else { password }.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::presented;

    #[test]
    fn a_token_may_come_in_three_ways() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            presented(&headers)
        };
        assert_eq!(of("abc"), ["abc"]);
        assert_eq!(of("Bearer abc"), ["Bearer abc", "abc"]);
        assert_eq!(of("bearer  abc"), ["bearer  abc", "abc"]);
        assert_eq!(of("Basic dXNlcjphYmM="), ["Basic dXNlcjphYmM=", "abc"]);
        assert_eq!(of("Basic YWJjOg=="), ["Basic YWJjOg==", "abc"]);
        for bad in ["Basic", "Basic !!", "Basic YWJj", "Basic /w=="] {
            assert_eq!(of(bad), [bad]);
        }
        assert!(presented(&HeaderMap::new()).is_empty());
    }
}
