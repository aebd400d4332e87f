//! Archives: those of the store, verified before they are given, and those that it lacks, fetched once for all who ask.
//!
//! While one arrives it is given on as it comes, but for its last byte, which waits until the checksum agrees: so
//! nobody can take for whole what is short, or what is not what the index promised.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use hyper::body::Bytes;
use moka::sync::Cache;
use tokio::sync::watch;

use super::book::broke;
use super::flights::Flights;
use super::metrics::{How, Kind, Metrics, Said};
use super::refusal::Refusal;
use super::upstream::Upstream;
use crate::digest::{self, Digest, Hasher};
use crate::fault::{Fault, Result};
use crate::fs::{self, Waiting};
use crate::http::Body;
use crate::registry::Request;
use crate::secret::without_secrets;
use crate::store::Store;

/// A file of at most so many bytes is kept in memory.
const SMALL: u64 = 4 << 20;
/// A file of at most so many bytes is given once it is there whole, so that what is wrong with it can still be said.
const WHOLE: u64 = 256 << 10;
/// How much is given at a time, in bytes.
const PIECE: usize = 256 << 10;

/// A file that somebody asks for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// What it is, for people: `serde 1.0.219`.
    pub(super) what: String,
    pub(super) digest: Digest,
    /// Where it lies in the store.
    pub(super) path: PathBuf,
}

impl Wanted {
    /// Whether the store has it. Where that cannot be told it is taken to have it: nothing is forgotten for it.
    pub(super) fn is_held(&self) -> bool {
        fs::is_file(&self.path).unwrap_or(true)
    }
}

/// A file as it can be given.
pub(super) enum Given {
    /// From memory.
    Bytes(Bytes),
    /// From disk.
    File(PathBuf),
    /// While it arrives: its size, and where it is read.
    Arriving(u64, Arriving),
}

/// How far a file has arrived.
#[derive(Clone, Default)]
struct Progress {
    /// The file, once the registry has answered, and its size where the registry says so.
    file: Option<(Arc<File>, Option<u64>)>,
    written: u64,
    end: Option<std::result::Result<(), Refusal>>,
}

impl Progress {
    /// Whether a client may be answered: it is over, or there is so much to come that waiting for it would be long.
    fn can_be_given(&self) -> bool {
        self.end.is_some() || matches!(self.file, Some((_, Some(size))) if size > WHOLE)
    }
}

/// A file that arrives, as one client reads it.
pub(super) struct Arriving {
    progress: watch::Receiver<Progress>,
    file: Arc<File>,
    size: u64,
    given: u64,
}

/// What a file was when its checksum was found to agree.
#[derive(Clone, PartialEq, Eq)]
struct Seen {
    size: u64,
    changed: Option<SystemTime>,
    identity: Option<u64>,
}

/// All files.
pub(super) struct Files {
    store: Store,
    metrics: Arc<Metrics>,
    /// The most that one may hold, in bytes.
    limit: u64,
    memory: Cache<Digest, Bytes>,
    seen: Cache<Digest, Seen>,
    /// By path and not by digest: one METADATA is that of several wheels, and each has its own place.
    flights: Arc<Flights<PathBuf, Progress>>,
}

impl Files {
    pub(super) fn new(store: Store, metrics: Arc<Metrics>, limit: u64, memory: u64) -> Self {
        let weigh = |_: &Digest, bytes: &Bytes| u32::try_from(bytes.len() + 200).unwrap_or(u32::MAX);
        let memory = Cache::builder().weigher(weigh).max_capacity(memory).build();
        let seen = Cache::new(100_000);
        Self { store, metrics, limit, memory, seen, flights: Arc::default() }
    }

    /// The archive of a crate.
    pub(super) fn of_crate(&self, digest: Digest, what: String) -> Wanted {
        Wanted { what, digest, path: self.store.layout().archive(&digest) }
    }

    /// A file of a Python package.
    pub(super) fn of_python(&self, digest: Digest, name: &str) -> Wanted {
        Wanted { what: name.to_owned(), digest, path: self.store.layout().wheel(&digest).join(name) }
    }

    /// The file, from memory, from disk, or from the registry, whose address `request` finds out once it is needed.
    pub(super) async fn give(
        self: &Arc<Self>,
        wanted: Wanted,
        upstream: &Arc<Upstream>,
        request: impl Future<Output = Result<Request>> + Send + 'static,
    ) -> std::result::Result<Given, Refusal> {
        let counted = |how| self.metrics.answered(upstream.from, Kind::File, how);
        if let Some(bytes) = self.memory.get(&wanted.digest) {
            counted(How::Hit);
            return Ok(Given::Bytes(bytes));
        }
        if let Some(given) = self.look(wanted.clone()).await? {
            counted(How::Hit);
            return Ok(given);
        }
        if upstream.offline {
            counted(How::Refused);
            return Err(Refusal::offline(&wanted.what));
        }
        let given = self.fetch(wanted, upstream, request).await;
        counted(if given.is_ok() { How::Miss } else { How::Refused });
        given
    }

    /// What the store has, while other threads answer.
    async fn look(self: &Arc<Self>, wanted: Wanted) -> std::result::Result<Option<Given>, Refusal> {
        let own = Arc::clone(self);
        let held = tokio::task::spawn_blocking(move || own.held(&wanted)).await.map_err(|_| broke())?;
        held.map_err(Refusal::own)
    }

    /// What the store has, if its bytes are what they should be; what they are not is dropped.
    fn held(&self, wanted: &Wanted) -> Result<Option<Given>> {
        let path = wanted.path.clone();
        let Some(file) = fs::open(&path)? else { return Ok(None) };
        let found = file.metadata().map_err(|error| fs::failed("look at", &path, &error))?;
        let size = found.len();
        let seen = Seen { size, changed: found.modified().ok(), identity: fs::identity(&path)? };
        if size > SMALL && self.seen.get(&wanted.digest).as_ref() == Some(&seen) {
            return Ok(Some(Given::File(path)));
        }
        let (digest, given) = if size > SMALL {
            (
                digest::of_reader(file).map_err(|error| fs::failed("read", &path, &error))?,
                Given::File(path.clone()),
            )
        } else {
            let bytes = Bytes::from(fs::read(&path)?.unwrap_or_default());
            (Digest::of(&bytes), Given::Bytes(bytes))
        };
        if digest != wanted.digest {
            // Whoever found it too may have put the right one there.
            if fs::identity(&path)? == seen.identity {
                tracing::warn!(target: super::ACCESS, "{} was damaged and is dropped", path.display());
                fs::remove_file(&path)?;
            }
            return Ok(None);
        }
        match &given {
            Given::Bytes(bytes) => self.memory.insert(digest, bytes.clone()),
            _ => self.seen.insert(digest, seen),
        }
        Ok(Some(given))
    }

    async fn fetch(
        self: &Arc<Self>,
        wanted: Wanted,
        upstream: &Arc<Upstream>,
        request: impl Future<Output = Result<Request>> + Send + 'static,
    ) -> std::result::Result<Given, Refusal> {
        let (own, asked, upstream) = (Arc::clone(self), wanted.clone(), Arc::clone(upstream));
        let begin = || {
            let (tell, told) = watch::channel(Progress::default());
            // The flight lasts as long as the file arrives; what its clients share is how far it is.
            let work = async move {
                // It may have come between the look into the store and this one.
                let end = match asked.is_held() {
                    true => Ok(()),
                    false => own.bring(&asked, &upstream, request, &tell).await,
                };
                if let Err(refusal) = &end {
                    let why = without_secrets(&refusal.fault.to_string());
                    tracing::warn!(target: super::ACCESS, "{why}");
                }
                tell.send_modify(|progress| progress.end = Some(end));
            };
            (told, work)
        };
        let mut progress = self.flights.watch(&wanted.path, begin);
        let far = progress.wait_for(Progress::can_be_given).await.map_err(|_| broke())?.clone();
        match (far.end, far.file) {
            (Some(Err(refusal)), _) => Err(refusal),
            (None, Some((file, Some(size)))) => {
                Ok(Given::Arriving(size, Arriving { progress, file, size, given: 0 }))
            }
            _ => self.look(wanted).await?.ok_or_else(broke),
        }
    }

    /// Fetches a file into the store.
    async fn bring(
        &self,
        wanted: &Wanted,
        upstream: &Upstream,
        request: impl Future<Output = Result<Request>>,
        tell: &watch::Sender<Progress>,
    ) -> std::result::Result<(), Refusal> {
        let said = |said| self.metrics.said(upstream.from, Kind::File, said);
        let failed = |fault: Fault| {
            said(Said::Failed);
            upstream.is_down(without_secrets(&fault.to_string()));
            Refusal::upstream(fault.while_doing(format!("could not fetch {}", wanted.what)))
        };
        let request = request.await.map_err(failed)?;
        let body = upstream.http.open(&request, self.limit).await.map_err(failed)?;
        upstream.is_up();
        let Some(mut body) = body else {
            said(Said::Absent);
            return Err(Refusal::absent(format!(
                "{} lists {}, and does not have it",
                upstream.shown, wanted.what
            )));
        };
        let store = self.store.clone();
        let lock = tokio::task::spawn_blocking(move || {
            let waiting = Waiting { at_most: std::time::Duration::from_mins(1), tell: &|| {} };
            store.lock(&waiting)
        });
        let lock = lock.await.map_err(|_| broke())?.map_err(Refusal::own)?;
        let incoming = self.store.incoming(&lock).map_err(Refusal::own)?;
        let arrived = self.write(&mut body, incoming.path(), tell).await;
        let (arrived, bytes) = arrived.map_err(|wrong| match wrong {
            Wrong::Upstream(fault) => failed(fault),
            Wrong::Own(fault) => Refusal::own(fault),
        })?;
        self.metrics.arrived(upstream.from, bytes);
        if arrived != wanted.digest {
            said(Said::Refused);
            let fault = Fault::new(format!("refused {}", wanted.what))
                .why(format!("the index gives it the SHA-256 {}, and what came has {arrived}", wanted.digest))
                .help("nothing of it was kept; find out who changed it, the registry or something on the way to it");
            return Err(Refusal::upstream(fault));
        }
        said(Said::Body);
        self.store.keep(incoming, &wanted.path).map_err(Refusal::own)?;
        Ok(())
    }

    async fn write(
        &self,
        body: &mut Body,
        path: &std::path::Path,
        tell: &watch::Sender<Progress>,
    ) -> std::result::Result<(Digest, u64), Wrong> {
        let cannot = |error: &std::io::Error| Wrong::Own(fs::failed("write", path, error));
        let file = fs::read_and_write(path).map_err(Wrong::Own)?;
        let file = Arc::new(file);
        tell.send_modify(|progress| progress.file = Some((Arc::clone(&file), body.length())));
        let mut hasher = Hasher::default();
        let mut written = 0;
        while let Some(chunk) = body.next().await.map_err(Wrong::Upstream)? {
            hasher.update(&chunk);
            (&*file).write_all(&chunk).map_err(|error| cannot(&error))?;
            written += chunk.len() as u64;
            tell.send_modify(|progress| progress.written = written);
        }
        Ok((hasher.finish(), written))
    }
}

/// Whose fault it is that a file did not arrive.
enum Wrong {
    Upstream(Fault),
    Own(Fault),
}

impl Arriving {
    /// The next piece; `None` at the end.
    pub(super) async fn next(&mut self) -> std::result::Result<Option<Bytes>, std::io::Error> {
        if self.given == self.size {
            return Ok(None);
        }
        let (given, size) = (self.given, self.size);
        let ready = |progress: &Progress| match progress.end {
            Some(_) => true,
            None => progress.written.min(size - 1) > given,
        };
        let far = self.progress.wait_for(ready).await.map_err(std::io::Error::other)?.clone();
        let until = match far.end {
            Some(Ok(())) => size,
            Some(Err(refusal)) => return Err(std::io::Error::other(refusal.fault)),
            None => far.written.min(size - 1),
        };
        let count = usize::try_from(until - given).unwrap_or(PIECE).min(PIECE);
        let mut piece = vec![0; count];
        let count = fs::read_at(&self.file, &mut piece, given)?;
        if count == 0 {
            return Err(std::io::Error::other("the registry promised more bytes than it sent"));
        }
        piece.truncate(count);
        self.given += count as u64;
        Ok(Some(piece.into()))
    }
}
