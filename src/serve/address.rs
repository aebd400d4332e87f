//! The mirror's own address, as the client that asks reaches it: cargo's registry has to name it (`dl` of
//! `config.json`), and the page for people shows it.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, StatusCode, header};

use super::refusal::Refusal;
use crate::fault::Fault;
use crate::serve_config::ServeConfig;

/// The address for a client, without a `/` at its end. A proxy that is believed says it with `X-Forwarded-Proto`,
/// `-Host` and `-Prefix`, as nginx, Apache and Traefik can; else it is what the client itself said, and where the
/// mirror is `bound` for one that does not.
pub(super) fn of(
    config: &ServeConfig,
    bound: SocketAddr,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Result<String, Refusal> {
    if let Some(fixed) = &config.url {
        return Ok(fixed.clone());
    }
    let is_proxy = config.believes(peer);
    // Each proxy on the way may have added its own; the first is the one that the client met.
    let said = |name: &str| {
        let value = headers.get(name).filter(|_| is_proxy)?.to_str().ok()?;
        Some(value.split(',').next().unwrap_or_default().trim().to_owned())
    };
    let host = said("x-forwarded-host").or_else(|| {
        headers.get(header::HOST).map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned())
    });
    let host = host.unwrap_or_else(|| bound.to_string());
    let scheme = said("x-forwarded-proto").unwrap_or_else(|| "http".to_owned());
    let prefix = said("x-forwarded-prefix").unwrap_or_default();
    let prefix = prefix.trim_matches('/');
    let plain = |text: &str, more: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c));
    let is_sound = !host.is_empty() && plain(&host, "-._:[]") && ["http", "https"].contains(&scheme.as_str());
    if !is_sound || !plain(prefix, "-._~/") || prefix.split('/').any(|part| [".", ".."].contains(&part)) {
        return Err(Refusal {
            status: StatusCode::BAD_REQUEST,
            fault: Fault::new("could not read whom this request was sent to")
                .why("Host, or what a proxy says in its place, is no name of a host")
                .help("ask by the address that the mirror printed when it was started"),
        });
    }
    let slash = if prefix.is_empty() { "" } else { "/" };
    Ok(format!("{scheme}://{host}{slash}{prefix}"))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName};

    use crate::serve_config::ServeConfig;

    fn of(headers: &[(&str, &str)], peer: &str, fixed: Option<&str>) -> Option<String> {
        let config = ServeConfig { url: fixed.map(str::to_owned), ..ServeConfig::default() };
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        super::of(&config, "127.0.0.1:7878".parse().unwrap(), &headers, peer.parse().unwrap()).ok()
    }

    #[test]
    fn it_is_what_the_client_asked_for() {
        let shown = |headers: &[(&str, &str)], peer, address: &str| {
            assert_eq!(of(headers, peer, None).as_deref(), Some(address), "{headers:?}");
        };
        shown(&[("host", "mirror:7878")], "10.0.0.9", "http://mirror:7878");
        shown(&[("host", "[::1]:80")], "::1", "http://[::1]:80");
        shown(&[], "10.0.0.9", "http://127.0.0.1:7878");
        let proxied = [
            ("host", "127.0.0.1:7878"),
            ("x-forwarded-host", "m.example, inner"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-prefix", "/a/b/"),
        ];
        shown(&proxied, "127.0.0.1", "https://m.example/a/b");
        shown(&proxied, "::ffff:127.0.0.1", "https://m.example/a/b");
        // Anybody could say so.
        shown(&proxied, "10.0.0.9", "http://127.0.0.1:7878");
        assert_eq!(of(&proxied, "10.0.0.9", Some("https://x/y")).as_deref(), Some("https://x/y"));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for host in ["", "a b", "a/b", "a\"b", "x@y", "a<b"] {
            assert_eq!(of(&[("host", host)], "10.0.0.9", None), None, "{host}");
        }
        for header in
            [("x-forwarded-proto", "file"), ("x-forwarded-prefix", "/../x"), ("x-forwarded-host", "a?b")]
        {
            assert_eq!(of(&[("host", "h"), header], "127.0.0.1", None), None, "{header:?}");
        }
    }
}
