//! The only HTTP client: retries, limits, proxies and certificates in one place.
//!
//! An answer that says "not now" (429, 5xx), a connection that is refused or cut, and a transfer that stalls are tried
//! again, with growing pauses or after what `Retry-After` asks (RFC 9110, 10.2.3). A redirect to another host loses
//! the token.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use hyper::body::Bytes;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER,
};
use reqwest::{Client, RequestBuilder, Response, StatusCode};

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
        /// Its `Content-Type`.
        kind: Option<String>,
        /// Where it came from in the end, redirects followed: what addresses in it count from.
        url: String,
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
            // Where a redirect comes from is not the next server's business: an address may be a secret.
            .referer(false)
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

    /// Asks for a file: it is compressed as it is, and its bytes are what a checksum was made of.
    async fn send_for_file(&self, request: &Request) -> std::result::Result<Response, Failed> {
        let builder = self.ask(request).header(ACCEPT_ENCODING, "identity");
        builder.send().await.map_err(|error| transport(&shown(request), error))
    }

    async fn send(&self, request: &Request) -> std::result::Result<Response, Failed> {
        self.ask(request).send().await.map_err(|error| transport(&shown(request), error))
    }

    fn ask(&self, request: &Request) -> RequestBuilder {
        let mut builder = self.client.get(&request.url);
        if let Some(token) = &request.token {
            builder = builder.header(AUTHORIZATION, token.header());
        }
        if let Some(etag) = &request.etag {
            builder = builder.header(IF_NONE_MATCH, etag);
        }
        if let Some(accept) = request.accept {
            builder = builder.header(ACCEPT, accept);
        }
        builder
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
        let text = |name| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let (etag, kind, url) = (text(ETAG), text(CONTENT_TYPE), response.url().to_string());
        let mut body = self.body(told, response, INDEX_LIMIT)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = body.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(Answer::Body { bytes, etag, kind, url })
    }

    /// Asks for a file whose bytes are taken as they come; `None` where the registry has no such thing.
    pub async fn open(&self, request: &Request, limit: u64) -> Result<Option<Body>> {
        self.with_retries(|| async {
            let mut told = Told::of(request);
            let response = told.answered(self.send_for_file(request).await?);
            match response.status() {
                StatusCode::OK => self.body(told, response, limit).map(Some),
                StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => {
                    Ok(None)
                }
                status => Err(refused(request, status, &response)),
            }
        })
        .await
    }

    async fn download_once(
        &self,
        request: &Request,
        path: &Path,
        arrived: &dyn Fn(u64),
    ) -> std::result::Result<Arrived, Failed> {
        let mut told = Told::of(request);
        let response = told.answered(self.send_for_file(request).await?);
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
        let mut body = self.body(told, response, ARCHIVE_LIMIT)?;
        // Writing goes to the page cache and takes microseconds: a thread of its own for it costs more than it saves.
        while let Some(chunk) = body.chunk().await? {
            hasher.update(&chunk);
            arrived(chunk.len() as u64);
            file.write_all(&chunk).map_err(|error| Failed::now(cannot_write(&error)))?;
        }
        Ok(Arrived { digest: hasher.finish(), bytes: body.total })
    }

    fn body(&self, told: Told, response: Response, limit: u64) -> std::result::Result<Body, Failed> {
        let (timeout, slowest) = (self.timeout, self.slowest);
        let body =
            Body { told, response, limit, timeout, slowest, total: 0, window: 0, since: Instant::now() };
        match body.response.content_length() {
            Some(length) if length > limit => Err(body.too_large()),
            _ => Ok(body),
        }
    }
}

/// The bytes of an answer as they come. One that is larger than its limit is refused, and one that trickles is given up.
pub struct Body {
    told: Told,
    response: Response,
    limit: u64,
    timeout: Duration,
    slowest: u64,
    total: u64,
    window: u64,
    since: Instant,
}

impl Body {
    /// How many bytes there will be, where the registry says so.
    pub fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        self.chunk().await.map_err(|failed| failed.fault)
    }

    async fn chunk(&mut self) -> std::result::Result<Option<Bytes>, Failed> {
        let chunk = self.response.chunk().await.map_err(|error| transport(&self.told.url, error))?;
        let Some(chunk) = chunk else { return Ok(None) };
        let count = chunk.len() as u64;
        self.total += count;
        self.window += count;
        self.told.bytes += count;
        if self.total > self.limit {
            return Err(self.too_large());
        }
        if self.since.elapsed() > self.timeout {
            if self.window < self.slowest * self.timeout.as_secs() {
                let why = format!("{} bytes came in {} s", self.window, self.since.elapsed().as_secs());
                return Err(Failed::again(
                    Fault::new(format!("gave up on {}", self.told.url)).why(why).help(NETWORK),
                ));
            }
            (self.window, self.since) = (0, Instant::now());
        }
        Ok(Some(chunk))
    }

    fn too_large(&self) -> Failed {
        Failed::now(
            Fault::new(format!("gave up on {}", self.told.url))
                .why(format!("the answer is larger than {} MiB", self.limit >> 20))
                .help("check the address of the registry in cargo's config"),
        )
    }
}

/// One request, said to whoever wants to know (`-vv`) once it is over, however it ended.
struct Told {
    /// The address, as it may be shown.
    url: String,
    since: Instant,
    status: Option<StatusCode>,
    bytes: u64,
}

impl Told {
    fn of(request: &Request) -> Self {
        Self { url: without_secrets(&request.url), since: Instant::now(), status: None, bytes: 0 }
    }

    fn answered(&mut self, response: Response) -> Response {
        self.status = Some(response.status());
        response
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        tracing::debug!(
            url = self.url,
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
fn transport(url: &str, error: reqwest::Error) -> Failed {
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
    let fault = Fault::new(format!("could not get {url}")).why(format!("{what}: {cause}")).help(NETWORK);
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
