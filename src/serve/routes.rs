//! What is answered where. A path is read into names, versions, digests and file names before anything is looked up.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use hyper::body::Bytes;
use serde_json::json;
use tower::ServiceExt;
use tower_http::services::ServeFile;

use super::book::broke;
use super::files::{Arriving, Given};
use super::guard;
use super::listen::Peer;
use super::modules::Modules;
use super::refusal::Refusal;
use super::{Mirror, address};
use crate::digest::Digest;
use crate::module::ModuleName;
use crate::package::{PackageId, PackageName};
use crate::registry::cargo::index_path;
use crate::registry::simple::{FileName, Format, Part};

type Answer = Result<Response, Refusal>;

/// Every route.
pub(super) fn router(mirror: Arc<Mirror>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/metrics", get(metrics))
        .route("/crates/index/config.json", get(crates_config))
        .route("/crates/index/{*path}", get(crates_index))
        .route("/crates/archives/{name}/{version}/download", get(crates_archive))
        .route("/pypi/simple/", get(pypi_names))
        .route("/pypi/simple/{name}", get(pypi_moved))
        .route("/pypi/simple/{name}/", get(pypi_project))
        .route("/pypi/files/{name}/{digest}/{file}", get(pypi_file))
        .fallback(|| async { Refusal::absent("there is nothing at this address") })
        .method_not_allowed_fallback(|| async { Refusal::method() })
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&mirror), guard::watch))
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(|_| broke().into_response()))
        .with_state(mirror)
}

async fn page(
    State(mirror): State<Arc<Mirror>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
) -> Answer {
    let base = address::of(&mirror.config, mirror.bound, &headers, peer.ip())?;
    let html = tokio::task::spawn_blocking(move || mirror.page(base)).await.map_err(|_| broke())?;
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, Html(html.map_err(Refusal::own)?)).into_response())
}

async fn metrics(State(mirror): State<Arc<Mirror>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], mirror.metrics.text()).into_response()
}

async fn crates_config(
    State(mirror): State<Arc<Mirror>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
) -> Answer {
    let base = address::of(&mirror.config, mirror.bound, &headers, peer.ip())?;
    let config =
        json!({ "dl": format!("{base}/crates/archives"), "auth-required": mirror.config.access.is_needed() });
    // It depends on who asks: nobody between may keep it.
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, config.to_string()).into_response())
}

async fn crates_index(
    State(mirror): State<Arc<Mirror>>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let nothing = || Refusal::absent("that is no path of a cargo index");
    let name = path.rsplit('/').next().unwrap_or_default().to_lowercase();
    let name: PackageName = name.parse().map_err(|_| nothing())?;
    if index_path(&name).as_deref() != Some(path.as_str()) {
        return Err(nothing());
    }
    if mirror.config.crates.private.matches(name.as_str()) {
        return Err(Refusal::private(&name));
    }
    let page = mirror.crates.page(&name).await?;
    let rows =
        page.body.as_ref().ok_or_else(|| Refusal::absent(format!("the registry has no crate {name}")))?;
    Ok(text(&headers, rows.bytes.clone(), &rows.etag, "text/plain; charset=utf-8"))
}

async fn crates_archive(
    State(mirror): State<Arc<Mirror>>,
    Path((name, version)): Path<(String, String)>,
    request: Request,
) -> Answer {
    let nothing = || Refusal::absent("that is neither the name of a crate nor its version");
    let asked: PackageName = name.to_lowercase().parse().map_err(|_| nothing())?;
    let version: semver::Version = version.parse().map_err(|_| nothing())?;
    // A name that no index has a place for: asking would fail, as if the registry were away.
    if index_path(&asked).is_none() {
        return Err(nothing());
    }
    if mirror.config.crates.private.matches(asked.as_str()) {
        return Err(Refusal::private(&asked));
    }
    let crates = &mirror.crates;
    let known = |page: &super::book::Page<super::crates::Rows>| {
        let rows = page.body.as_ref()?;
        Some((rows.name.clone(), *rows.releases.get(&version)?))
    };
    // What a release is does not change: only one that is not known yet is a reason to ask again.
    let found = match known(&*crates.old_page(&asked).await?) {
        Some(found) => Some(found),
        None => known(&*crates.page(&asked).await?),
    };
    let (name, digest) =
        found.ok_or_else(|| Refusal::absent(format!("the registry has no crate {asked} {version}")))?;
    let package = PackageId { name, version };
    let wanted = mirror.files.of_crate(digest, package.to_string());
    let book = Arc::clone(crates);
    let ask = async move { book.speaks.archive(&package, &digest).await };
    let given = mirror.files.give(wanted, &crates.upstream, ask).await?;
    file(given, &digest, "application/gzip", request, &mirror).await
}

async fn pypi_names(State(mirror): State<Arc<Mirror>>, headers: HeaderMap) -> Answer {
    let book = Arc::clone(mirror.pypi()?);
    let names = tokio::task::spawn_blocking(move || book.names()).await.map_err(|_| broke())?;
    let names: Vec<ModuleName> =
        names.map_err(Refusal::own)?.iter().filter_map(|name| name.parse().ok()).collect();
    let (format, kind) = form(&headers)?;
    let bytes = match format {
        Format::Json => crate::registry::simple::names_to_json(&names),
        Format::Html => crate::registry::simple::names_to_html(&names).into_bytes(),
    };
    let etag = format!("\"{}\"", Digest::of(&bytes).short(32));
    Ok(text(&headers, bytes.into(), &etag, kind))
}

async fn pypi_moved(Path(name): Path<String>) -> Answer {
    let name = module(&name)?;
    Ok((StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, format!("{name}/"))]).into_response())
}

async fn pypi_project(
    State(mirror): State<Arc<Mirror>>,
    Path(asked): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let name = module(&asked)?;
    if asked != name.as_str() {
        let to = format!("../{name}/");
        return Ok((StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, to)]).into_response());
    }
    let (format, kind) = form(&headers)?;
    if mirror.config.pypi.private.matches(name.as_str()) {
        return Err(Refusal::private(&name));
    }
    let page = mirror.pypi()?.page(&name).await?;
    let pages =
        page.body.as_ref().ok_or_else(|| Refusal::absent(format!("the index has no project {name}")))?;
    let (bytes, etag) = pages.text(format);
    let mut response = text(&headers, bytes, &etag, kind);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}

async fn pypi_file(
    State(mirror): State<Arc<Mirror>>,
    Path((name, digest, asked)): Path<(String, String, String)>,
    request: Request,
) -> Answer {
    let nothing = || Refusal::absent("that is no file of a Python package");
    let name = module(&name)?;
    let digest: Digest = digest.parse().map_err(|_| nothing())?;
    let (file_name, part) = FileName::asked(&asked).ok_or_else(nothing)?;
    if mirror.config.pypi.private.matches(name.as_str()) {
        return Err(Refusal::private(&name));
    }
    let book = mirror.pypi()?;
    let find = |page: &super::book::Page<super::modules::Pages>| {
        let found = page.body.as_ref()?.file(&file_name).cloned();
        found.filter(|found| found.sha256 == Some(digest))
    };
    let found = match find(&*book.old_page(&name).await?) {
        Some(found) => Some(found),
        None => find(&*book.page(&name).await?),
    };
    let found = found.ok_or_else(|| Refusal::absent(format!("the index has no such file of {name}")))?;
    let digest = match part {
        Part::Archive => digest,
        Part::Metadata => found.metadata.ok_or_else(nothing)?,
    };
    let wanted = mirror.files.of_python(digest, &asked);
    let ask = Modules::request(&book.speaks, &found, part).ok_or_else(nothing)?;
    let given = mirror.files.give(wanted, &book.upstream, std::future::ready(Ok(ask))).await?;
    file(given, &digest, "application/octet-stream", request, &mirror).await
}

fn module(text: &str) -> Result<ModuleName, Refusal> {
    text.parse().map_err(|_| Refusal::absent("that is no name of a Python package"))
}

fn form(headers: &HeaderMap) -> Result<(Format, &'static str), Refusal> {
    let accept: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let accept = if headers.contains_key(header::ACCEPT) { Some(accept.join(",")) } else { None };
    Format::of_accept(accept.as_deref()).ok_or_else(Refusal::not_acceptable)
}

/// A text that clients keep and ask about again by its tag.
fn text(headers: &HeaderMap, bytes: Bytes, etag: &str, kind: &'static str) -> Response {
    let own = [
        (header::ETAG, HeaderValue::from_str(etag).unwrap_or(HeaderValue::from_static("\"\""))),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
    ];
    if has_tag(headers, etag) {
        return (StatusCode::NOT_MODIFIED, own).into_response();
    }
    (own, bytes).into_response()
}

/// Whether the client says that it has what this tag names (RFC 9110, 13.1.2: tags are compared weakly).
fn has_tag(headers: &HeaderMap, etag: &str) -> bool {
    let said = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = said.flat_map(|value| value.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
    tags.any(|tag| tag == etag || tag == "*")
}

/// A file, which never changes.
async fn file(
    given: Given,
    digest: &Digest,
    kind: &'static str,
    request: Request,
    mirror: &Mirror,
) -> Answer {
    let etag = format!("\"{}\"", digest.short(32));
    // What wants a token is not for caches that others share.
    let caching = match mirror.config.access.is_needed() {
        true => "private, max-age=31536000, immutable",
        false => "public, max-age=31536000, immutable",
    };
    let own = [
        (header::ETAG, HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("\"\""))),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    if has_tag(request.headers(), &etag) {
        return Ok((StatusCode::NOT_MODIFIED, own).into_response());
    }
    match given {
        Given::Bytes(bytes) => Ok((own, bytes).into_response()),
        Given::File(path) => {
            let served = ServeFile::new(path).with_buf_chunk_size(256 << 10).oneshot(request).await;
            let mut response = served.map_err(|_| broke())?.map(Body::new);
            if [StatusCode::NOT_FOUND, StatusCode::INTERNAL_SERVER_ERROR].contains(&response.status()) {
                // It was there a moment ago.
                return Err(broke());
            }
            response.headers_mut().extend(own);
            Ok(response)
        }
        Given::Arriving(size, arriving) => {
            let next = |mut arriving: Arriving| async move {
                arriving.next().await.map(|piece| piece.map(|piece| (piece, arriving)))
            };
            let body = Body::from_stream(stream::try_unfold(arriving, next));
            Ok((own, [(header::CONTENT_LENGTH, size)], body).into_response())
        }
    }
}
