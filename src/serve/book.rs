//! What a registry says of its packages, kept in memory and on disk, and asked again with its tag once it is old.
//!
//! On disk an answer is `mirror/REGISTRY/NAME.json` of the store. What was taken back upstream stays where the mirror
//! holds its archive, marked as yanked: whoever has it locked goes on, and nobody chooses it anew.

use std::collections::HashSet;
use std::hash::Hash;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use moka::sync::Cache;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::flights::Flights;
use super::metrics::{How, Kind, Metrics, Said};
use super::refusal::Refusal;
use super::upstream::Upstream;
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::http::Answer;
use crate::registry::Request;
use crate::secret::without_secrets;

/// How a registry is spoken to.
pub(super) trait Speaks: Send + Sync + 'static {
    /// What its packages are called.
    type Name: Clone + Eq + Hash + Send + Sync + std::fmt::Display + 'static;
    /// What it says of one, as it is kept on disk.
    type Record: Serialize + DeserializeOwned + Clone + Send + Sync;
    /// The same as it is used and sent.
    type Body: Send + Sync + 'static;

    /// The file that an answer is kept in.
    fn file(name: &Self::Name) -> String;
    /// What to ask.
    fn ask(&self, name: &Self::Name) -> impl Future<Output = Result<Request>> + Send;
    /// Reads what came; `place` is its type and where it came from.
    fn read(&self, name: &Self::Name, bytes: &[u8], place: (Option<&str>, &str)) -> Result<Self::Record>;
    /// What is to be told, given what was told before; `None` for a package that is gone.
    fn keep(
        &self,
        name: &Self::Name,
        before: Self::Record,
        now: Option<Self::Record>,
    ) -> Option<Self::Record>;
    /// Makes an answer ready.
    fn body(&self, name: &Self::Name, record: Self::Record) -> Result<Self::Body>;
    /// Which releases, and files of releases, it has, and the SHA-256 of each.
    fn files(record: &Self::Record) -> Vec<(String, Digest)>;
    /// How much memory one takes, in bytes.
    fn weight(body: &Self::Body) -> usize;
}

/// What is known of a package.
pub(super) struct Page<B> {
    /// `None` where the registry has no such package.
    pub(super) body: Option<B>,
    /// When the registry was last asked, in seconds since 1970.
    asked: AtomicU64,
    etag: Option<String>,
}

/// The same on disk.
#[derive(Serialize, Deserialize)]
struct Kept<R> {
    asked: u64,
    etag: Option<String>,
    body: R,
}

/// How long the registry is waited for where something old can be given instead.
const PATIENCE: Duration = Duration::from_secs(5);

type Found<B> = std::result::Result<(Arc<Page<B>>, How), Refusal>;
/// What is being asked of a registry, by name.
type Asking<S> = Flights<<S as Speaks>::Name, Option<Found<<S as Speaks>::Body>>>;

/// All answers of one registry.
pub(super) struct Book<S: Speaks> {
    pub(super) speaks: S,
    pub(super) upstream: Arc<Upstream>,
    metrics: Arc<Metrics>,
    folder: PathBuf,
    /// For how many seconds an answer is given without asking again.
    fresh: u64,
    memory: Cache<S::Name, Arc<Page<S::Body>>>,
    flights: Arc<Asking<S>>,
}

/// Where and for how long a book keeps its answers.
pub(super) struct Shelf {
    pub(super) folder: PathBuf,
    /// In seconds.
    pub(super) fresh: u64,
    /// How much memory may be used, in bytes.
    pub(super) memory: u64,
}

impl<S: Speaks> Book<S> {
    pub(super) fn new(speaks: S, upstream: Arc<Upstream>, metrics: Arc<Metrics>, shelf: Shelf) -> Self {
        let weigh = |_: &S::Name, page: &Arc<Page<S::Body>>| {
            let bytes = page.body.as_ref().map_or(0, S::weight) + 200;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let memory = Cache::builder().weigher(weigh).max_capacity(shelf.memory).build();
        let Shelf { folder, fresh, .. } = shelf;
        Self { speaks, upstream, metrics, folder, fresh, memory, flights: Arc::default() }
    }

    /// What the registry says of a package, as new as it is to be.
    pub(super) async fn page(
        self: &Arc<Self>,
        name: &S::Name,
    ) -> std::result::Result<Arc<Page<S::Body>>, Refusal> {
        self.look(name, self.fresh).await
    }

    /// The same, however old it is.
    pub(super) async fn old_page(
        self: &Arc<Self>,
        name: &S::Name,
    ) -> std::result::Result<Arc<Page<S::Body>>, Refusal> {
        self.look(name, u64::MAX).await
    }

    async fn look(
        self: &Arc<Self>,
        name: &S::Name,
        fresh: u64,
    ) -> std::result::Result<Arc<Page<S::Body>>, Refusal> {
        if let Some(page) = self.memory.get(name).filter(|page| page.age() < fresh) {
            self.metrics.answered(self.upstream.from, Kind::Index, How::Hit);
            return Ok(page);
        }
        let found = loop {
            let (own, asked) = (Arc::clone(self), name.clone());
            let found = self.flights.join(name, || async move { own.find(&asked, fresh).await }).await;
            match found.unwrap_or_else(|| Err(broke())) {
                // It was somebody's who takes older ones.
                Ok((page, How::Hit)) if page.age() >= fresh => {}
                found => break found,
            }
        };
        let how = found.as_ref().map_or(How::Refused, |(_, how)| *how);
        self.metrics.answered(self.upstream.from, Kind::Index, how);
        found.map(|(page, _)| page)
    }

    async fn find(&self, name: &S::Name, fresh: u64) -> Found<S::Body> {
        let upstream = &self.upstream;
        let kept = self.kept(name).map_err(Refusal::own)?;
        let before = match self.memory.get(name) {
            Some(page) => Some(page),
            None => match &kept {
                // One that makes no sense any more is asked for again, as one that cannot be read.
                Some(kept) => {
                    self.remember(name, kept.asked, kept.etag.clone(), Some(kept.body.clone())).ok()
                }
                None => None,
            },
        };
        if let Some(page) = &before {
            if page.age() < fresh {
                return Ok((Arc::clone(page), How::Hit));
            }
            if upstream.offline || upstream.rests() {
                return Ok((Arc::clone(page), How::Stale));
            }
        }
        if upstream.offline {
            return Err(Refusal::offline(&format!("what there is of {name}")));
        }
        let kept = kept.map(|kept| kept.body);
        match (self.ask(name, before.as_deref(), kept).await, before) {
            (Ok(None), Some(page)) => {
                page.asked.store(now(), Ordering::Relaxed);
                Ok((page, How::Miss))
            }
            (Ok(Some(page)), _) => Ok((page, How::Miss)),
            (Ok(None), None) => Err(Refusal::upstream(
                Fault::new(format!("{} says that nothing changed of {name}", upstream.shown))
                    .why("it was not told what is held")
                    .help("see that no proxy answers in its place"),
            )),
            (Err(fault), before) => {
                let why = without_secrets(&fault.to_string());
                tracing::warn!(target: super::ACCESS, "{why}");
                match before {
                    Some(page) => Ok((page, How::Stale)),
                    None => Err(Refusal::upstream(fault)),
                }
            }
        }
    }

    /// Asks the registry; `None` where what is held still holds.
    async fn ask(
        &self,
        name: &S::Name,
        before: Option<&Page<S::Body>>,
        kept: Option<S::Record>,
    ) -> Result<Option<Arc<Page<S::Body>>>> {
        let upstream = &self.upstream;
        let said = |said| self.metrics.said(upstream.from, Kind::Index, said);
        let answer = async {
            let ask = async {
                let mut request = self.speaks.ask(name).await?;
                request.etag = before.and_then(|page| page.etag.clone());
                upstream.http.get(&request).await
            };
            let answer = match before {
                Some(_) => tokio::time::timeout(PATIENCE, ask).await.map_err(|_| {
                    Fault::new(format!("{} did not answer within {} s", upstream.shown, PATIENCE.as_secs()))
                        .help("see that it can be reached from this machine")
                })?,
                None => ask.await,
            };
            match answer? {
                Answer::Unauthorized => {
                    Err(Fault::new(format!("{} wants a token, or another", upstream.shown))
                        .help("give cargo, pip or uv on this machine one for it, and start the mirror again"))
                }
                answer => Ok(answer),
            }
        };
        let answer = answer.await.inspect_err(|fault| {
            said(Said::Failed);
            upstream.is_down(without_secrets(&fault.to_string()));
        })?;
        upstream.is_up();
        // An index may be large: meanwhile other threads answer.
        tokio::task::block_in_place(|| self.take(name, kept, answer, &said))
    }

    /// Takes in what the registry said; `None` where what is held still holds.
    fn take(
        &self,
        name: &S::Name,
        kept: Option<S::Record>,
        answer: Answer,
        said: &dyn Fn(Said),
    ) -> Result<Option<Arc<Page<S::Body>>>> {
        let (record, etag) = match answer {
            Answer::NotModified => {
                said(Said::NotModified);
                return Ok(None);
            }
            Answer::Body { bytes, etag, kind, url } => {
                let read = self.speaks.read(name, &bytes, (kind.as_deref(), &url));
                (Some(read.inspect_err(|_| said(Said::Refused))?), etag)
            }
            Answer::Absent | Answer::Unauthorized => (None, None),
        };
        said(if record.is_some() { Said::Body } else { Said::Absent });
        let record = match kept {
            Some(kept) => self.speaks.keep(name, kept, record),
            None => record,
        };
        let asked = now();
        self.write(name, record.as_ref().map(|body| Kept { asked, etag: etag.clone(), body: body.clone() }));
        self.remember(name, asked, etag, record).map(Some).map_err(|refusal| refusal.fault)
    }

    fn remember(
        &self,
        name: &S::Name,
        asked: u64,
        etag: Option<String>,
        record: Option<S::Record>,
    ) -> std::result::Result<Arc<Page<S::Body>>, Refusal> {
        let body =
            record.map(|record| self.speaks.body(name, record)).transpose().map_err(Refusal::upstream)?;
        let page = Arc::new(Page { body, asked: asked.into(), etag });
        self.memory.insert(name.clone(), Arc::clone(&page));
        Ok(page)
    }

    /// What lies on disk; what cannot be read is asked for again.
    fn kept(&self, name: &S::Name) -> Result<Option<Kept<S::Record>>> {
        self.read(&S::file(name))
    }

    fn read(&self, file: &str) -> Result<Option<Kept<S::Record>>> {
        let bytes = fs::read(&self.folder.join(file))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// The releases in one of [`Book::names`] whose files are `there`.
    pub(super) fn held_of(&self, name: &str, there: &HashSet<Digest>) -> Result<Vec<String>> {
        let files = self.read(&format!("{name}.json"))?.map(|kept| S::files(&kept.body)).unwrap_or_default();
        Ok(files.into_iter().filter(|(_, digest)| there.contains(digest)).map(|(name, _)| name).collect())
    }

    /// Where it cannot be written it is in memory all the same.
    fn write(&self, name: &S::Name, kept: Option<Kept<S::Record>>) {
        let path = self.folder.join(S::file(name));
        let write = |kept| {
            let text = serde_json::to_vec(&kept)
                .map_err(|error| Fault::bug("could not write an answer").because(&error))?;
            fs::create_folders(&self.folder)?;
            fs::write(&path, &text)
        };
        let written = match kept {
            Some(kept) => write(kept),
            None => fs::remove_file(&path),
        };
        if let Err(fault) = written {
            tracing::warn!(target: super::ACCESS, "{fault}");
        }
    }

    /// The names of all packages whose answers lie on disk, in order, as their files are called.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        let names = fs::names(&self.folder)?.unwrap_or_default();
        let name = |name: std::ffi::OsString| Some(name.to_str()?.strip_suffix(".json")?.to_owned());
        let mut names: Vec<String> = names.into_iter().filter_map(name).collect();
        names.sort();
        Ok(names)
    }
}

impl<B> Page<B> {
    /// How many seconds ago the registry was asked. A clock that was put back makes it old.
    fn age(&self) -> u64 {
        now().checked_sub(self.asked.load(Ordering::Relaxed)).unwrap_or(u64::MAX - 1)
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// What a client is told whose answer broke.
pub(super) fn broke() -> Refusal {
    Refusal::own(Fault::bug("the mirror broke over this request"))
}
