//! The only HTTP client: retries, limits, proxies and certificates in one place.
//!
//! An answer that says "not now" (429, 5xx), a connection that is refused or cut, and a transfer that stalls are tried
//! again, with growing pauses or after what `Retry-After` asks (RFC 9110, 10.2.3). A redirect to another host loses
//! the token.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use futures_util::StreamExt;
use reqwest::header::{AUTHORIZATION, ETAG, IF_NONE_MATCH, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};

use crate::digest::{Digest, Hasher};
use crate::fault::{Fault, Result};
use crate::fs;
use crate::registry::Request;
use crate::secret::without_secrets;

/// The most that an answer of an index may hold, in bytes.
const INDEX_LIMIT: u64 = 64 << 20;
/// The most that an archive may hold, in bytes.
const ARCHIVE_LIMIT: u64 = 512 << 20;
/// The longest pause that a registry can ask for.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// How the client is set up; from cargo's `[http]` and `[net]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// A proxy for everything, besides those of the variables.
    pub proxy: Option<String>,
    /// Certificates in PEM, instead of the system's.
    pub cainfo: Option<PathBuf>,
    /// The system's certificates in PEM, where the user says that they lie elsewhere (`SSL_CERT_FILE`). The client
    /// finds it by itself, but goes on without it where it is broken.
    pub system_certificates: Option<PathBuf>,
    /// How long a connection may take to be made, and a transfer may stall.
    pub timeout: Duration,
    /// A transfer slower than this over a whole timeout is given up, in bytes a second.
    pub slowest: u64,
    /// What the client calls itself.
    pub user_agent: String,
    /// Whether HTTP/2 may be spoken.
    pub multiplexing: bool,
    /// How often a request that failed is tried again.
    pub retries: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            proxy: None,
            cainfo: None,
            system_certificates: None,
            timeout: Duration::from_secs(30),
            slowest: 10,
            user_agent: concat!("envtool/", env!("CARGO_PKG_VERSION")).to_owned(),
            multiplexing: true,
            retries: 3,
        }
    }
}

/// The client.
pub struct Http {
    client: Client,
    timeout: Duration,
    slowest: u64,
    retries: u32,
}

/// An answer of an index.
#[derive(Debug)]
pub enum Answer {
    /// A body, with its tag.
    Body {
        /// The bytes.
        bytes: Vec<u8>,
        /// Its `ETag`.
        etag: Option<String>,
    },
    /// What the request's tag names still holds.
    NotModified,
    /// The registry has no such thing (404, 410, 451).
    Absent,
    /// The registry wants a token (401).
    Unauthorized,
}

/// A file that arrived.
#[derive(Debug)]
pub struct Arrived {
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Why one attempt failed.
struct Failed {
    fault: Fault,
    /// Whether another attempt may succeed, and after which pause at least.
    again: Option<Duration>,
}

impl Failed {
    fn now(fault: Fault) -> Self {
        Self { fault, again: None }
    }

    fn again(fault: Fault) -> Self {
        Self { fault, again: Some(Duration::ZERO) }
    }
}

impl Http {
    /// Builds the client. A certificate file that cannot be used is an error, not a silence.
    pub fn new(settings: &Settings) -> Result<Self> {
        let mut builder = Client::builder()
            .user_agent(&settings.user_agent)
            .connect_timeout(settings.timeout)
            .read_timeout(settings.timeout)
            .redirect(reqwest::redirect::Policy::limited(5))
            // What a server may send ahead of what was taken, in bytes: wide enough for a fast line, and a bound on memory.
            .http2_initial_stream_window_size(1 << 20)
            .http2_initial_connection_window_size(8 << 20);
        if !settings.multiplexing {
            builder = builder.http1_only();
        }
        if let Some(proxy) = &settings.proxy {
            let proxy = if proxy.contains("://") { proxy.clone() } else { format!("http://{proxy}") };
            let proxy = reqwest::Proxy::all(proxy).map_err(|error| cannot(&error))?;
            builder = builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_env()));
        }
        if let Some(path) = &settings.cainfo {
            builder = builder.tls_certs_only(certificates(path)?);
        }
        if let Some(path) = &settings.system_certificates {
            certificates(path)?;
        }
        let client = builder.build().map_err(|error| cannot(&error))?;
        let Settings { timeout, slowest, retries, .. } = *settings;
        Ok(Self { client, timeout, slowest, retries })
    }

    /// Asks an index.
    pub async fn get(&self, request: &Request) -> Result<Answer> {
        self.with_retries(|| self.get_once(request)).await
    }

    /// Brings an archive into `file`, hashing while it streams.
    pub async fn download(&self, request: &Request, file: &Path, arrived: &dyn Fn(u64)) -> Result<Arrived> {
        self.with_retries(|| self.download_once(request, file, arrived)).await
    }

    async fn with_retries<T, F>(&self, attempt: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = std::result::Result<T, Failed>>,
    {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(250))
            .with_max_delay(Duration::from_secs(10))
            .with_max_times(self.retries as usize)
            .with_jitter();
        attempt
            .retry(pauses)
            .when(|failed: &Failed| failed.again.is_some())
            .notify(|failed: &Failed, pause| {
                let why = without_secrets(&failed.fault.to_string());
                tracing::debug!(?why, pause = pause.as_secs_f64(), "tries again");
            })
            .adjust(|failed, pause| pause.map(|pause| pause.max(failed.again.unwrap_or_default())))
            .await
            .map_err(|failed| failed.fault)
    }

    async fn send(&self, request: &Request) -> std::result::Result<Response, Failed> {
        let mut builder = self.client.get(&request.url);
        if let Some(token) = &request.token {
            builder = builder.header(AUTHORIZATION, token.header());
        }
        if let Some(etag) = &request.etag {
            builder = builder.header(IF_NONE_MATCH, etag);
        }
        builder.send().await.map_err(|error| transport(request, error))
    }

    async fn get_once(&self, request: &Request) -> std::result::Result<Answer, Failed> {
        let mut told = Told::of(request);
        let response = told.answered(self.send(request).await?);
        match response.status() {
            StatusCode::NOT_MODIFIED => return Ok(Answer::NotModified),
            StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => {
                return Ok(Answer::Absent);
            }
            StatusCode::UNAUTHORIZED => return Ok(Answer::Unauthorized),
            StatusCode::OK => {}
            status => return Err(refused(request, status, &response)),
        }
        let etag = response.headers().get(ETAG).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let mut bytes = Vec::new();
        self.stream(request, response, INDEX_LIMIT, |chunk| {
            told.bytes += chunk.len();
            bytes.extend_from_slice(chunk);
            Ok(())
        })
        .await?;
        Ok(Answer::Body { bytes, etag })
    }

    async fn download_once(
        &self,
        request: &Request,
        path: &Path,
        arrived: &dyn Fn(u64),
    ) -> std::result::Result<Arrived, Failed> {
        let mut told = Told::of(request);
        let response = told.answered(self.send(request).await?);
        if response.status() != StatusCode::OK {
            let status = response.status();
            return Err(refused(request, status, &response));
        }
        fs::remove_file(path).map_err(Failed::now)?;
        let cannot_write = |error: &std::io::Error| {
            Fault::new(format!("could not write {}", path.display()))
                .because(error)
                .help("free some space, or move the store with ENVTOOL_CACHE_DIR")
        };
        let mut file = fs::create_new(path, 0o644).map_err(|error| Failed::now(cannot_write(&error)))?;
        let mut hasher = Hasher::default();
        // Writing goes to the page cache and takes microseconds: a thread of its own for it costs more than it saves.
        let bytes = self
            .stream(request, response, ARCHIVE_LIMIT, |chunk| {
                told.bytes += chunk.len();
                hasher.update(chunk);
                arrived(chunk.len() as u64);
                file.write_all(chunk).map_err(|error| cannot_write(&error))
            })
            .await?;
        Ok(Arrived { digest: hasher.finish(), bytes })
    }

    /// Hands a body on as it comes; refuses one that is larger than `limit`, and gives up one that trickles.
    async fn stream(
        &self,
        request: &Request,
        response: Response,
        limit: u64,
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> std::result::Result<u64, Failed> {
        let too_large = || {
            Failed::now(
                Fault::new(format!("gave up on {}", shown(request)))
                    .why(format!("the answer is larger than {} MiB", limit >> 20))
                    .help("check the address of the registry in cargo's config"),
            )
        };
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut total = 0u64;
        let (mut window, mut since) = (0u64, Instant::now());
        let mut body = response.bytes_stream();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| transport(request, error))?;
            total += chunk.len() as u64;
            window += chunk.len() as u64;
            if total > limit {
                return Err(too_large());
            }
            if since.elapsed() > self.timeout {
                if window < self.slowest * self.timeout.as_secs() {
                    let why = format!("{window} bytes came in {} s", since.elapsed().as_secs());
                    return Err(Failed::again(
                        Fault::new(format!("gave up on {}", shown(request))).why(why).help(NETWORK),
                    ));
                }
                (window, since) = (0, Instant::now());
            }
            take(&chunk).map_err(Failed::now)?;
        }
        Ok(total)
    }
}

/// One request, said to whoever wants to know (`-vv`) once it is over, however it ended.
struct Told<'a> {
    request: &'a Request,
    since: Instant,
    status: Option<StatusCode>,
    bytes: usize,
}

impl<'a> Told<'a> {
    fn of(request: &'a Request) -> Self {
        Self { request, since: Instant::now(), status: None, bytes: 0 }
    }

    fn answered(&mut self, response: Response) -> Response {
        self.status = Some(response.status());
        response
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        tracing::debug!(
            url = shown(self.request),
            status = self.status.map_or("none".to_owned(), |status| status.as_str().to_owned()),
            bytes = self.bytes,
            seconds = self.since.elapsed().as_secs_f64(),
            "GET"
        );
    }
}

/// The address of a request, for people.
fn shown(request: &Request) -> String {
    without_secrets(&request.url)
}

const NETWORK: &str = "check the network and the proxy; `--offline` works with what the store holds";

fn cannot(why: &(dyn std::error::Error + 'static)) -> Fault {
    Fault::new("could not set up the connection to the registries")
        .because(why)
        .help("check `http.cainfo` and `http.proxy` in cargo's config, SSL_CERT_FILE and the proxy variables")
}

/// The certificates in a file; none at all is a failure.
fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>> {
    let pem = fs::read(path)?
        .ok_or_else(|| cannot(&Fault::new(format!("there is no certificate file {}", path.display()))))?;
    let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| cannot(&error))?;
    if certificates.is_empty() {
        return Err(cannot(&Fault::new(format!("{} holds no certificate", path.display()))));
    }
    Ok(certificates)
}

/// A failure below HTTP: no connection, a cut one, too many redirects.
fn transport(request: &Request, error: reqwest::Error) -> Failed {
    let again = !(error.is_redirect() || error.is_builder());
    let what = match () {
        () if error.is_redirect() => "its redirects lead nowhere",
        () if error.is_timeout() => "nothing came in time",
        () if error.is_connect() => "no connection could be made",
        () => "the transfer was cut",
    };
    // The innermost cause says it: the address stands above, and reqwest would repeat it with what it may hold of
    // credentials.
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let fault =
        Fault::new(format!("could not get {}", shown(request))).why(format!("{what}: {cause}")).help(NETWORK);
    if again { Failed::again(fault) } else { Failed::now(fault) }
}

/// An answer that is not the thing that was asked for.
fn refused(request: &Request, status: StatusCode, response: &Response) -> Failed {
    let fault = Fault::new(format!("could not get {}", shown(request)))
        .why(format!("the registry answered {status}"));
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        let wait =
            response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
        let wait = Duration::from_secs(wait.unwrap_or(0)).min(LONGEST_PAUSE);
        return Failed {
            fault: fault.help("the registry is busy or broken: try again later"),
            again: Some(wait),
        };
    }
    Failed::now(match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            fault.help("check the token of this registry (`cargo login --registry NAME`)")
        }
        _ => fault.help("check that the lock names a release that the registry still has"),
    })
}
