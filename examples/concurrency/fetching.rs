//! A mirror on this machine that answers after a while, and two ways to fetch everything from it: threads that each wait
//! for one answer, and envtool's own client, which waits for all of them on one thread.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::extract::{self, State};
use axum::http::StatusCode;
use axum::routing::get;
use envtool::digest::Digest;
use envtool::http::{Http, Settings};
use envtool::registry::Request;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

/// What goes wrong is for whoever runs the example to read.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The archives: the same bytes in each run, which nothing compresses.
pub(crate) fn archives(count: usize, bytes: usize) -> Vec<Vec<u8>> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut byte = || {
        // xorshift: any bytes will do.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..count).map(|_| (0..bytes).map(|_| byte()).collect()).collect()
}

/// A mirror that gives each archive only after `latency`, as one does that is far away.
pub(crate) struct Mirror {
    pub(crate) address: SocketAddr,
    /// What the archives must be.
    digests: Vec<Digest>,
    shared: Arc<Shared>,
    /// It answers as long as this is there.
    _runtime: tokio::runtime::Runtime,
}

struct Shared {
    archives: Vec<Vec<u8>>,
    latency: Duration,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Mirror {
    pub(crate) fn start(archives: Vec<Vec<u8>>, latency: Duration) -> Result<Self> {
        let digests = archives.iter().map(|archive| Digest::of(archive)).collect();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared =
            Arc::new(Shared { archives, latency, now: AtomicUsize::new(0), most: AtomicUsize::new(0) });
        let app = Router::new().route("/archives/{number}", get(answer)).with_state(Arc::clone(&shared));
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        // It goes on until the runtime is dropped; nobody is there to be told of a failure.
        runtime.spawn(async move { axum::serve(listener, app).await });
        Ok(Self { address, digests, shared, _runtime: runtime })
    }

    /// How many archives there are.
    pub(crate) fn count(&self) -> usize {
        self.digests.len()
    }

    /// How many requests waited for their answer at the same time, at most, since this was asked last.
    pub(crate) fn most_at_once(&self) -> usize {
        self.shared.most.swap(0, Ordering::SeqCst)
    }

    fn check(&self, number: usize, found: Digest) -> Result<()> {
        if found == self.digests[number] { Ok(()) } else { Err(format!("archive {number} is not it").into()) }
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    extract::Path(number): extract::Path<usize>,
) -> (StatusCode, Vec<u8>) {
    let now = shared.now.fetch_add(1, Ordering::SeqCst) + 1;
    shared.most.fetch_max(now, Ordering::SeqCst);
    tokio::time::sleep(shared.latency).await;
    shared.now.fetch_sub(1, Ordering::SeqCst);
    shared.archives.get(number).map_or((StatusCode::NOT_FOUND, Vec::new()), |a| (StatusCode::OK, a.clone()))
}

/// Fetches every archive with `at_once` threads. Each takes the next number, asks over its one connection, waits.
pub(crate) fn with_threads(mirror: &Mirror, at_once: usize) -> Result<()> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        let mut connection = BufReader::new(TcpStream::connect(mirror.address)?);
        connection.get_ref().set_nodelay(true)?;
        loop {
            let number = next.fetch_add(1, Ordering::SeqCst);
            if number >= mirror.count() {
                return Ok(());
            }
            let body = ask(&mut connection, number)?;
            mirror.check(number, Digest::of(&body))?;
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err("a thread ended early".into())))
    })
}

/// One request and its answer, as little of HTTP/1.1 as this mirror speaks.
fn ask(connection: &mut BufReader<TcpStream>, number: usize) -> Result<Vec<u8>> {
    let request = format!("GET /archives/{number} HTTP/1.1\r\nHost: mirror\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes())?;
    let (mut length, mut line) = (None, String::new());
    while {
        line.clear();
        connection.read_line(&mut line)?
    } > 2
    {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = Some(value.trim().parse()?);
        }
    }
    let mut body = vec![0; length.ok_or("the answer has no length")?];
    connection.read_exact(&mut body)?;
    Ok(body)
}

/// Fetches every archive into `folder` as `envtool sync` does: one thread, `at_once` requests under way.
pub(crate) fn as_envtool(mirror: &Mirror, at_once: usize, folder: &Path) -> Result<()> {
    let http = &Http::new(&Settings::default())?;
    let fetch = |number: usize| async move {
        let url = format!("http://{}/archives/{number}", mirror.address);
        let request = Request { url, ..Request::default() };
        let arrived = http.download(&request, &folder.join(number.to_string()), &|_| {}).await?;
        mirror.check(number, arrived.digest)
    };
    let all = stream::iter((0..mirror.count()).map(fetch)).buffer_unordered(at_once).try_collect::<Vec<()>>();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(all)?;
    Ok(())
}
