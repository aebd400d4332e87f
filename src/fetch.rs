//! From a lock to the store: what is missing is taken from cargo's own cache or downloaded, many at once, hashed while
//! it streams and unpacked while others still arrive. Nothing is used whose SHA-256 is not the lock's.
//!
//! One thread waits on the network; as many as the machine has cores unpack.

mod index;
mod wheels;

pub use index::Rows;
pub use wheels::Wheel;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

use futures_util::future::{Either, select};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::http::{Http, Settings};
use crate::package::PackageId;
use crate::parallel::{self, locked, threads};
use crate::progress::Progress;
use crate::registry::cargo::SparseIndex;
use crate::registry::{Request, Token};
use crate::secret::without_secrets;
use crate::signals;
use crate::store::{Incoming, Store, StoreLock, Tree};

/// How many downloads run at once where `--jobs` does not say.
pub const DOWNLOADS: usize = 32;

/// An archive that is to lie in the store, unpacked.
#[derive(Debug, Clone)]
pub struct Archive {
    /// The package.
    pub package: PackageId,
    /// The SHA-256 that the lock gives.
    pub checksum: Digest,
    /// Where it may lie on this machine, outside the store: looked at first.
    pub nearby: Vec<PathBuf>,
    /// Which registry has it; `None` for one that only lies nearby.
    pub index: Option<SparseIndex>,
}

/// What fetching needs.
pub struct Fetcher<'a> {
    /// Where things go.
    pub store: &'a Store,
    /// Shows that nobody empties it meanwhile.
    pub lock: &'a StoreLock,
    /// How the client is set up.
    pub http: Settings,
    /// The token for an index, asked for once it turns out to be needed.
    pub token: &'a (dyn Fn(&SparseIndex) -> Result<Token> + Sync),
    /// How many downloads run at once.
    pub downloads: usize,
    /// Whether the network must not be used.
    pub offline: bool,
    /// Who is told.
    pub progress: &'a dyn Progress,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Fetched {
    /// The trees, by their folders.
    pub trees: BTreeMap<PathBuf, Tree>,
    /// How many lay in the store already.
    pub from_store: u64,
    /// How many came from cargo's own cache.
    pub from_nearby: u64,
    /// How many were downloaded.
    pub downloaded: u64,
    /// The bytes that were downloaded.
    pub bytes: u64,
}

impl Fetched {
    fn take(&mut self, tree: Tree) {
        self.trees.insert(tree.path.clone(), tree);
    }
}

/// What became of an archive before the network was asked.
enum Local {
    Stored(Tree),
    Nearby(Tree),
    Missing(Archive),
}

impl Fetcher<'_> {
    /// Brings every archive into the store and unpacks it.
    pub fn fetch(&self, archives: Vec<Archive>) -> Result<Fetched> {
        let _step = tracing::debug_span!("fetch").entered();
        let mut fetched = Fetched::default();
        let mut missing = Vec::new();
        for local in parallel::each(archives, |archive| self.local(archive))? {
            match local {
                Local::Stored(tree) => {
                    fetched.from_store += 1;
                    fetched.take(tree);
                }
                Local::Nearby(tree) => {
                    fetched.from_nearby += 1;
                    fetched.take(tree);
                }
                Local::Missing(archive) => missing.push(archive),
            }
        }
        if missing.is_empty() {
            return Ok(fetched);
        }
        if self.offline {
            return Err(not_offline(&missing));
        }
        // Ctrl-C is looked for while the network is waited for: the line on the terminal goes before envtool ends.
        let _held = signals::hold()?;
        let unit = if missing.len() == 1 { "crate" } else { "crates" };
        self.progress.begin("Downloading", missing.len() as u64, unit);
        let done = self.download_and_unpack(&missing, &mut fetched);
        self.progress.end();
        signals::check()?;
        done.map(|()| fetched)
    }

    /// Brings archives into the store, whatever trees there are of them.
    pub fn archives(&self, archives: Vec<Archive>) -> Result<()> {
        let mut missing = Vec::new();
        'next: for archive in archives {
            for path in &archive.nearby {
                if self.store.accept_copy(path, &archive.checksum, self.lock)?.is_some() {
                    continue 'next;
                }
            }
            missing.push(archive);
        }
        if missing.is_empty() {
            return Ok(());
        }
        if self.offline {
            return Err(not_offline(&missing));
        }
        let _held = signals::hold()?;
        let unit = if missing.len() == 1 { "crate" } else { "crates" };
        self.progress.begin("Downloading", missing.len() as u64, unit);
        let (bytes, failed) = (AtomicU64::new(0), AtomicBool::new(false));
        let done = Http::new(&self.http)
            .and_then(|http| self.download(&http, &missing, (&bytes, &failed), &|_| self.progress.step()));
        self.progress.end();
        signals::check()?;
        done
    }

    fn local(&self, archive: Archive) -> Result<Local> {
        let Archive { package, checksum, nearby, .. } = &archive;
        if let Some(tree) = self.store.tree(checksum, package)? {
            return Ok(Local::Stored(tree));
        }
        if self.store.archive(checksum)?.is_some() {
            match self.store.unpack(package, checksum, self.lock) {
                Ok(tree) => return Ok(Local::Stored(tree)),
                // It was damaged and is dropped: it is looked for as if it had never been there.
                Err(_) if self.store.archive(checksum)?.is_none() => {}
                Err(fault) => return Err(fault),
            }
        }
        for path in nearby {
            if self.store.accept_copy(path, checksum, self.lock)?.is_some() {
                return self.store.unpack(package, checksum, self.lock).map(Local::Nearby);
            }
        }
        Ok(Local::Missing(archive))
    }

    fn download_and_unpack(&self, missing: &[Archive], fetched: &mut Fetched) -> Result<()> {
        let http = Http::new(&self.http)?;
        let bytes = AtomicU64::new(0);
        let failed = AtomicBool::new(false);
        let trees = Mutex::new(Vec::new());
        let faults = Mutex::new(Vec::new());
        let fail = |fault| {
            failed.store(true, Ordering::Relaxed);
            locked(&faults).push(fault);
        };
        let (sender, receiver) = mpsc::channel::<&Archive>();
        let receiver = Mutex::new(receiver);
        let unpack = || {
            while let Some(archive) = next(&receiver) {
                if failed.load(Ordering::Relaxed) {
                    return;
                }
                match self.store.unpack(&archive.package, &archive.checksum, self.lock) {
                    Ok(tree) => locked(&trees).push(tree),
                    Err(fault) => fail(fault),
                }
                self.progress.step();
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..threads() {
                scope.spawn(unpack);
            }
            let arrived = |archive| {
                // Nobody receives once an archive could not be unpacked; the fault is told below.
                let _ = sender.send(archive);
            };
            if let Err(fault) = self.download(&http, missing, (&bytes, &failed), &arrived) {
                fail(fault);
            }
            drop(sender);
        });
        let mut faults = faults.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !faults.is_empty() {
            return Err(faults.swap_remove(0));
        }
        for tree in trees.into_inner().unwrap_or_else(PoisonError::into_inner) {
            fetched.downloaded += 1;
            fetched.take(tree);
        }
        fetched.bytes += bytes.into_inner();
        Ok(())
    }

    fn download<'m>(
        &self,
        http: &Http,
        missing: &'m [Archive],
        (bytes, failed): (&AtomicU64, &AtomicBool),
        arrived: &dyn Fn(&'m Archive),
    ) -> Result<()> {
        block_on(async {
            let configs = &self.index_configs(http, missing.iter().filter_map(|a| a.index.as_ref())).await?;
            stream::iter(missing)
                .map(|archive| async move {
                    if failed.load(Ordering::Relaxed) {
                        return Err(Fault::bug("stopped, since another archive could not be unpacked"));
                    }
                    let known = archive.index.as_ref().and_then(|index| configs.get(index.url()));
                    let Some((config, token)) = known else {
                        return Err(not_nearby(archive));
                    };
                    let url = config.archive_url(&archive.package, &archive.checksum);
                    let request = Request { url, token: token.clone(), ..Request::default() };
                    self.download_one(http, archive, &request, bytes).await.map(|()| archive)
                })
                .buffer_unordered(self.downloads.max(1))
                .try_for_each(|archive| {
                    arrived(archive);
                    std::future::ready(Ok(()))
                })
                .await
        })
    }

    async fn download_one(
        &self,
        http: &Http,
        archive: &Archive,
        request: &Request,
        bytes: &AtomicU64,
    ) -> Result<()> {
        let name = archive.package.to_string();
        let wanted = Wanted { name: &name, kind: "the archive of ", digest: &archive.checksum };
        let incoming = self.download_wanted(http, &wanted, request, bytes).await?;
        self.store.accept(incoming, &archive.checksum).map(drop)
    }

    /// Downloads a file, and refuses one that is not what the lock names.
    async fn download_wanted(
        &self,
        http: &Http,
        wanted: &Wanted<'_>,
        request: &Request,
        bytes: &AtomicU64,
    ) -> Result<Incoming> {
        let Wanted { name, kind, digest } = wanted;
        let incoming = self.store.incoming(self.lock)?;
        let count = |n| self.progress.bytes(bytes.fetch_add(n, Ordering::Relaxed) + n);
        let arrived = http
            .download(request, incoming.path(), &count)
            .await
            .map_err(|fault| fault.while_doing(format!("could not download {name}")))?;
        if arrived.digest != **digest {
            return Err(Fault::new(format!("refused {kind}{name}"))
                .why(format!("the lock gives it the SHA-256 {digest}, and what came has {}", arrived.digest))
                .help(format!(
                    "find out who is right before you use it: the lock, or {} ({} bytes came)",
                    without_secrets(&request.url),
                    arrived.bytes
                )));
        }
        Ok(incoming)
    }
}

/// A file that a lock names.
struct Wanted<'a> {
    name: &'a str,
    /// What it is, before the name.
    kind: &'static str,
    digest: &'a Digest,
}

fn not_nearby(archive: &Archive) -> Fault {
    Fault::new(format!("could not find the archive of {}", archive.package))
        .why(
            "its registry speaks a protocol that envtool leaves to cargo, and cargo's cache does not hold it",
        )
        .help("run `cargo fetch` outside the environment, then `envtool sync`")
}

fn not_offline(missing: &[Archive]) -> Fault {
    let names: Vec<String> = missing.iter().take(5).map(|archive| archive.package.to_string()).collect();
    let more = missing.len().saturating_sub(names.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Fault::new(format!("the store lacks {}{more}", names.join(", ")))
        .why("`--offline` forbids to fetch them")
        .help("run `envtool sync` once with a network")
}

fn next<T>(receiver: &Mutex<mpsc::Receiver<T>>) -> Option<T> {
    locked(receiver).recv().ok()
}

/// How often it is looked whether the user asked for an end.
const LOOK: std::time::Duration = std::time::Duration::from_millis(25);

/// Returns once the user has asked for an end.
async fn interrupted() -> Fault {
    loop {
        if let Err(fault) = signals::check() {
            return fault;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Runs what waits on the network, or ends it where the user asks for that.
fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Fault::new("could not set up the network")
                .because(&error)
                .help("see how many files may be open at once (`ulimit -n`)")
        })?
        .block_on(async {
            match select(std::pin::pin!(future), std::pin::pin!(interrupted())).await {
                Either::Left((done, _)) => done,
                Either::Right((fault, _)) => Err(fault),
            }
        })
}
