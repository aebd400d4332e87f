//! What stands behind a mirror, put together: the registries as the configuration names them, else as cargo, pip and uv
//! of the user know them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use tokio::sync::OnceCell;

use super::Mirror;
use super::book::{Book, Shelf};
use super::crates::Crates;
use super::files::Files;
use super::metrics::{From, Metrics};
use super::modules::Modules;
use super::upstream::Upstream;
use crate::cargo::config as cargo_config;
use crate::cargo_lock::crates_io;
use crate::context::Context;
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::http::{Http, Settings};
use crate::python_index::Address;
use crate::registry::Token;
use crate::registry::cargo::SparseIndex;
use crate::secret::without_secrets;
use crate::serve_config::ServeConfig;
use crate::sources::{self, Reach};
use crate::store::Store;
use crate::sync::session::{http_settings, token_for};
use crate::uv;

/// The registries, and how they are asked.
pub(super) struct Upstreams {
    crates: (SparseIndex, Result<Token>),
    pypi: Result<Address>,
    http: Settings,
    pypi_http: Settings,
    offline: bool,
    id: String,
}

/// Finds out what the registries are.
pub(super) fn upstreams(config: &ServeConfig, context: &Context<'_>) -> Result<Upstreams> {
    let id = format!(
        "mirror {}",
        Digest::of(format!("{} {:?}", std::process::id(), SystemTime::now()).as_bytes()).short(16)
    );
    let cargo = cargo_config::of_project(&context.folder, context)?;
    let index = match &config.crates.index {
        Some(url) => SparseIndex::new(url),
        None => match sources::reach(&cargo, &crates_io())? {
            Reach::Sparse(index) => Some(index),
            Reach::Folder(_) | Reach::Cargo => None,
        },
    };
    let index = index.ok_or_else(|| {
        Fault::new("could not find an index of crates to stand in for")
            .why("cargo's configuration replaces crates.io by something that is no sparse index")
            .help("name one in the mirror's configuration: `index = \"sparse+https://…/\"` in [crates]")
    })?;
    let token = token_for(&cargo, &index, context.cargo_home()?, context);
    let mut http = http_settings(&cargo, context)?;
    http.user_agent = format!("{} ({id})", http.user_agent);
    // Clients try again by themselves; a mirror that does so for each keeps them waiting.
    http.retries = http.retries.min(1);
    let known = uv::index_settings(context)?;
    let mut pypi_http = http.clone();
    if let Some(cert) = &known.cert {
        pypi_http.cainfo = Some(cert.value.clone());
    }
    if let Some(proxy) = &known.proxy {
        pypi_http.proxy = Some(proxy.value.secret().to_owned());
    }
    let pypi = match (&config.pypi.index, known.default) {
        (Some(url), _) => Ok(Address::new(url.clone())),
        (None, Some(index)) => Ok(index.url),
        (None, None) => uv::known_index(context),
    };
    let pypi = pypi.map(|address| Address::new(format!("{}/", address.secret().trim_end_matches('/'))));
    let offline = context.flags.offline || cargo.net()?.offline.unwrap_or(false);
    Ok(Upstreams { crates: (index, token), pypi, http, pypi_http, offline, id })
}

/// Puts a mirror together.
pub(super) fn mirror(
    config: ServeConfig,
    context: &Context<'_>,
    upstreams: Upstreams,
    bound: SocketAddr,
) -> Result<Mirror> {
    let offline = upstreams.offline;
    let store = Store::new(context.cache()?);
    // A store that cannot be written is found out now and not by the first client.
    let tell = || context.tell_waiting();
    drop(store.lock(&context.waiting(&tell))?);
    let metrics = Arc::new(Metrics::new(offline));
    // Most of what is asked for often is small: answers of an index.
    let (answers, archives) = (config.cache.memory / 3, config.cache.memory / 3);
    let files = Arc::new(Files::new(store.clone(), Arc::clone(&metrics), config.limits.file, archives));
    let shelf = |registry: String| Shelf {
        folder: store.layout().mirror(&registry),
        fresh: config.cache.revalidate.as_secs(),
        memory: answers,
    };
    let Upstreams { crates: (index, token), pypi, http, pypi_http, id, .. } = upstreams;
    let upstream = |from, shown: &str, http: &Settings| {
        Ok(Arc::new(Upstream::new(from, without_secrets(shown), Http::new(http)?, offline)))
    };
    let behind = upstream(From::Crates, index.url(), &http)?;
    let shelf_of_crates = shelf(index.cache_name());
    let crates = Crates {
        index,
        upstream: Arc::clone(&behind),
        token,
        files: Arc::clone(&files),
        config: OnceCell::new(),
    };
    let crates = Arc::new(Book::new(crates, behind, Arc::clone(&metrics), shelf_of_crates));
    let pypi = match pypi {
        Ok(index) => {
            let behind = upstream(From::Pypi, &index.to_string(), &pypi_http)?;
            // Without its password: a new one is no other index.
            let shelf = shelf(format!("pypi-{}", Digest::of(index.to_string().as_bytes()).short(16)));
            let modules = Modules { index, files: Arc::clone(&files) };
            Ok(Arc::new(Book::new(modules, behind, Arc::clone(&metrics), shelf)))
        }
        Err(fault) => Err(fault),
    };
    Ok(Mirror { config, bound, offline, id, metrics, files, store, shown: Mutex::default(), crates, pypi })
}
