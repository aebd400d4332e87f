//! A mirror: a server that answers what the registries answer, from the store, and fetches what it lacks once.
//!
//! ```text
//! GET /                                        a page for people            page
//!     /healthz  /metrics                       for who watches it           metrics
//!     /crates/index/…                          cargo's sparse index         routes → crates → book
//!     /crates/archives/NAME/VERSION/download   archives of crates           routes → crates → files
//!     /pypi/simple/NAME/                       PyPI's Simple API            routes → modules → book
//!     /pypi/files/NAME/SHA256/FILE             files of Python packages     routes → modules → files
//! ```
//!
//! `listen` lets clients in, `guard` says who may ask, `routes` reads paths into names. A `book` holds what a registry
//! says of its packages, `files` are archives; both ask an `upstream`, once for all who want the same at the same time
//! (`flights`). Nothing is given of a file before its checksum, which the index promised, has been found to agree, but
//! all of it without its last byte.

mod address;
mod book;
mod crates;
mod files;
mod flights;
mod guard;
mod listen;
mod metrics;
mod modules;
mod page;
mod refusal;
mod routes;
mod setup;
mod status;
mod upstream;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use book::Book;
use crates::Crates;
use files::Files;
use listen::{End, Limits};
use metrics::Metrics;
use modules::Modules;
use refusal::Refusal;
use status::Held;

use crate::context::Context;
use crate::fault::{Fault, Result};
use crate::serve_config::ServeConfig;
use crate::store::Store;

/// Where the log of requests comes from, for who filters it.
pub(crate) const ACCESS: &str = "envtool::access";

/// A mirror.
struct Mirror {
    config: ServeConfig,
    bound: SocketAddr,
    offline: bool,
    /// By which it knows itself where it is asked.
    id: String,
    metrics: Arc<Metrics>,
    files: Arc<Files>,
    store: Store,
    /// What the page showed last.
    shown: Mutex<Option<(Instant, Held)>>,
    crates: Arc<Book<Crates>>,
    /// `None` where nobody on this machine knows where PyPI lies, and why.
    pypi: std::result::Result<Arc<Book<Modules>>, Fault>,
}

impl Mirror {
    fn pypi(&self) -> std::result::Result<&Arc<Book<Modules>>, Refusal> {
        self.pypi.as_ref().map_err(|fault| Refusal::upstream(fault.clone()))
    }
}

/// Runs a mirror until the user or the system asks for an end. `ready` is told its address once it listens.
pub fn run(config: ServeConfig, context: &Context<'_>, ready: impl FnOnce(SocketAddr)) -> Result<()> {
    // 1. What the registries are, asked of cargo's, pip's and uv's settings while nobody waits.
    let upstreams = setup::upstreams(&config, context)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Fault::new("could not set up the network")
            .because(&error)
            .help("see how many files may be open at once (`ulimit -n`)")
    })?;
    runtime.block_on(async {
        // 2. Listen.
        let (listener, bound) = listen::bind(config.bind).await?;
        let limits = Limits { connections: config.limits.connections, patience: config.limits.seconds };
        let mirror = Arc::new(setup::mirror(config, context, upstreams, bound)?);
        if let Err(fault) = &mirror.pypi {
            let help = fault.help_text().unwrap_or_default();
            context.progress.warn(&format!("Python packages are not served: {fault}; {help}"));
        }
        // 3. Answer.
        let end = End::new()?;
        ready(bound);
        let metrics = Arc::clone(&mirror.metrics);
        listen::serve(listener, routes::router(mirror), &metrics, limits, end).await;
        Ok(())
    })
}
