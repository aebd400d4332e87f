//! The door to sockets that clients come through: so many at once, none that keeps one open without a word, and an end
//! that lets running answers finish.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

use super::metrics::Metrics;
use crate::fault::{Fault, Result};

/// How large the head of a request may be, in bytes.
const HEAD: usize = 16 << 10;
/// How many headers it may have.
const HEADERS: usize = 64;
/// How long running answers may take to finish once an end was asked for.
const LAST: Duration = Duration::from_secs(30);

/// How clients are let in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How many at once; more wait to be let in.
    pub(super) connections: usize,
    /// How long a request's head may take, and how long a client may neither send nor take anything.
    pub(super) patience: Duration,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// A socket that listens.
pub(super) async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    let cannot = |error: std::io::Error| {
        Fault::new(format!("could not listen on {address}"))
            .because(&error)
            .help("choose another address or port: `envtool serve --bind 127.0.0.1:7879`")
    };
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let bound = listener.local_addr().map_err(cannot)?;
    Ok((listener, bound))
}

/// Lets clients in until an end is asked for; then those whose request was taken get their answers.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    metrics: &Arc<Metrics>,
    limits: Limits,
    mut end: End,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = end.asked() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many files are open, say: what is under way goes on, and ends some of them.
                tracing::warn!(target: super::ACCESS, "could not let a client in: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let service =
            TowerToHyperService::new(router.clone().map_request(move |request: Request<Incoming>| {
                let mut request = request;
                request.extensions_mut().insert(Peer(peer));
                request
            }));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.patience)
            .max_buf_size(HEAD)
            .max_headers(HEADERS)
            .serve_connection(TokioIo::new(Box::pin(patient(stream, limits.patience))), service);
        let connection = graceful.watch(connection);
        let metrics = Arc::clone(metrics);
        tokio::spawn(async move {
            metrics.connections.inc();
            if let Err(error) = connection.await {
                tracing::debug!(target: super::ACCESS, %peer, %error, "a connection broke");
            }
            metrics.connections.dec();
            drop(place);
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(LAST) => {
            tracing::warn!(target: super::ACCESS, "answers that still ran after {} s were cut", LAST.as_secs());
        }
        // Who asks again does not wait.
        () = end.asked() => tracing::warn!(target: super::ACCESS, "answers that still ran were cut"),
    }
}

/// A client that neither sends nor takes anything for so long is let go.
fn patient(stream: TcpStream, patience: Duration) -> TimeoutStream<TcpStream> {
    // Small answers go out at once; where it is refused they go out a little later.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_read_timeout(None);
    stream.set_write_timeout(Some(patience));
    stream
}

/// The wishes of the user and of the system that the mirror ends. From when it is made on they do not kill it.
pub(super) struct End {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl End {
    pub(super) fn new() -> Result<Self> {
        Self::listen().map_err(|error| {
            Fault::new("could not listen for Ctrl-C").because(&error).help("start the mirror in another way")
        })
    }

    #[cfg(unix)]
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    #[cfg(windows)]
    fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: tokio::signal::windows::ctrl_c()? })
    }

    /// Returns at the next one.
    #[cfg(unix)]
    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Returns at the next one.
    #[cfg(windows)]
    async fn asked(&mut self) {
        self.interrupt.recv().await;
    }
}
