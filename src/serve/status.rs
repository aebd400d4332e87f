//! What the page for people shows.

use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime};

use super::Mirror;
use super::book::{Book, Speaks};
use super::metrics::How;
use super::page::{Count, Page, State, Upstream};
use super::upstream;
use crate::digest::Digest;
use crate::fault::Result;
use crate::fs;
use crate::parallel::locked;

/// For how long what is held is not counted again.
const GLANCE: Duration = Duration::from_secs(10);
/// How many names of each kind are looked for, and for how long: a mirror may hold answers of 100,000 packages, and
/// whoever reaches it can open its page.
const NAMES: usize = 200;
const LOOK: Duration = Duration::from_secs(1);

/// What is held.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    counts: Vec<(&'static str, Count)>,
    crates: Vec<String>,
    files: Vec<String>,
}

impl Mirror {
    /// The page, for a client that reaches the mirror at `base`.
    pub(super) fn page(&self, base: String) -> Result<String> {
        let Held { counts, crates, files } = self.held()?;
        let page = Page {
            base,
            version: env!("CARGO_PKG_VERSION"),
            crates: self.state_of(&self.crates.upstream),
            pypi: self.pypi.as_ref().ok().map(|book| self.state_of(&book.upstream)),
            held: counts,
            hits: self.metrics.count(How::Hit),
            misses: self.metrics.count(How::Miss),
            stale: self.metrics.count(How::Stale),
            uptime: self.metrics.started.elapsed().unwrap_or_default(),
            needs_token: self.config.access.is_needed(),
            held_crates: crates,
            held_files: files,
        };
        Ok(page.html())
    }

    fn state_of(&self, upstream: &upstream::Upstream) -> Upstream {
        let state = match upstream.state() {
            _ if self.offline => State::Offline,
            upstream::State::Unasked => State::Unasked,
            upstream::State::Up => State::Up,
            upstream::State::Down { since, why, .. } => {
                State::Down { since: SystemTime::now().duration_since(since).unwrap_or_default(), why }
            }
        };
        Upstream { address: upstream.shown.clone(), state }
    }

    /// What is held, counted once for all who look within a while.
    fn held(&self) -> Result<Held> {
        let mut shown = locked(&self.shown);
        if let Some((when, held)) = shown.as_ref()
            && when.elapsed() < GLANCE
        {
            return Ok(held.clone());
        }
        let count = |bucket| {
            let usage = self.store.usage_of(bucket)?;
            Ok(Count { number: usage.entries, bytes: usage.bytes })
        };
        let mut held = Held {
            counts: vec![
                ("archives of crates", count("archives")?),
                ("files of Python packages", count("files")?),
            ],
            ..Held::default()
        };
        held.crates = self.names(&self.crates, "archives")?;
        if let Ok(book) = &self.pypi {
            held.files = self.names(book, "files")?;
        }
        *shown = Some((Instant::now(), held.clone()));
        Ok(held)
    }

    /// The releases in a book whose files lie in a bucket, in order.
    fn names<S: Speaks>(&self, book: &Book<S>, bucket: &str) -> Result<Vec<String>> {
        let there = fs::names(&self.store.layout().bucket(bucket))?.unwrap_or_default();
        let digest = |name: &std::ffi::OsString| name.to_str()?.trim_end_matches(".crate").parse().ok();
        let there: HashSet<Digest> = there.iter().filter_map(digest).collect();
        let (mut names, since) = (Vec::new(), Instant::now());
        for file in book.names()? {
            if names.len() >= NAMES || since.elapsed() > LOOK {
                break;
            }
            names.extend(book.held_of(&file, &there)?);
        }
        Ok(names)
    }
}
