//! Files of Python packages as they are published, into the store.

use std::sync::atomic::AtomicU64;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Fetcher, Wanted, block_on};
use crate::digest::Digest;
use crate::fault::Result;
use crate::http::Http;
use crate::registry::Request;
use crate::signals;

/// A file of a Python package.
#[derive(Debug, Clone)]
pub struct Wheel {
    /// Its name.
    pub file: String,
    /// The SHA-256 that the lock gives.
    pub sha256: Digest,
    /// Its address.
    pub url: String,
}

impl Fetcher<'_> {
    /// Brings files into the store.
    pub fn wheels(&self, wheels: &[Wheel]) -> Result<()> {
        if wheels.is_empty() {
            return Ok(());
        }
        let http = &Http::new(&self.http)?;
        let _held = signals::hold()?;
        let unit = if wheels.len() == 1 { "wheel" } else { "wheels" };
        self.progress.begin("Downloading", wheels.len() as u64, unit);
        let bytes = &AtomicU64::new(0);
        let done = block_on(async {
            stream::iter(wheels)
                .map(|wheel| self.wheel(http, wheel, bytes))
                .buffer_unordered(self.downloads.max(1))
                .try_for_each(|()| {
                    self.progress.step();
                    std::future::ready(Ok(()))
                })
                .await
        });
        self.progress.end();
        signals::check()?;
        done
    }

    async fn wheel(&self, http: &Http, wheel: &Wheel, bytes: &AtomicU64) -> Result<()> {
        let request = Request { url: wheel.url.clone(), ..Request::default() };
        let wanted = Wanted { name: &wheel.file, kind: "", digest: &wheel.sha256 };
        let incoming = self.download_wanted(http, &wanted, &request, bytes).await?;
        self.store.keep_wheel(incoming, &wheel.sha256, &wheel.file, self.lock).map(drop)
    }
}
