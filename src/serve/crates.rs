//! cargo's registry as the mirror answers for it: rows of the sparse index, and archives by what the rows say.

use std::collections::HashMap;
use std::sync::Arc;

use hyper::body::Bytes;
use semver::Version;
use tokio::sync::OnceCell;

use super::book::Speaks;
use super::files::Files;
use super::upstream::Upstream;
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::http::Answer;
use crate::package::{PackageId, PackageName};
use crate::registry::cargo::{IndexConfig, SparseIndex};
use crate::registry::releases::releases;
use crate::registry::{Request, Token, rows};

/// cargo's registry.
pub(super) struct Crates {
    pub(super) index: SparseIndex,
    pub(super) upstream: Arc<Upstream>,
    /// What it is asked with, once it wants that; a failure where there is none.
    pub(super) token: Result<Token>,
    pub(super) files: Arc<Files>,
    pub(super) config: OnceCell<(IndexConfig, Option<Token>)>,
}

/// The rows of a package.
pub(super) struct Rows {
    pub(super) bytes: Bytes,
    pub(super) etag: String,
    /// The registry's spelling of the name, and the SHA-256 of each release's archive.
    pub(super) name: PackageName,
    pub(super) releases: HashMap<Version, Digest>,
}

impl Crates {
    /// What the registry says of itself, asked once.
    async fn config(&self) -> Result<&(IndexConfig, Option<Token>)> {
        self.config
            .get_or_try_init(|| async {
                let mut request = Request { url: self.index.config_url(), ..Request::default() };
                let mut answer = self.upstream.http.get(&request).await?;
                if matches!(answer, Answer::Unauthorized) {
                    request.token = Some(self.token.clone()?);
                    answer = self.upstream.http.get(&request).await?;
                }
                let Answer::Body { bytes, .. } = answer else {
                    return Err(Fault::new(format!("there is no registry at {}", self.index.url()))
                        .why("it gives no config.json")
                        .help("check `index` of [crates] in the mirror's configuration, and cargo's"));
                };
                let config = IndexConfig::parse(&bytes, &self.index)?;
                let token = match (config.auth_required, request.token) {
                    (false, _) => None,
                    (true, None) => Some(self.token.clone()?),
                    (true, used) => used,
                };
                Ok((config, token))
            })
            .await
    }

    /// What to ask for an archive.
    pub(super) async fn archive(&self, package: &PackageId, checksum: &Digest) -> Result<Request> {
        let (config, token) = self.config().await?;
        Ok(Request { url: config.archive_url(package, checksum), token: token.clone(), ..Request::default() })
    }
}

impl Speaks for Crates {
    type Name = PackageName;
    type Record = String;
    type Body = Rows;

    fn file(name: &PackageName) -> String {
        format!("{}.json", name.as_str().to_lowercase())
    }

    async fn ask(&self, name: &PackageName) -> Result<Request> {
        let (_, token) = self.config().await?;
        Ok(Request { url: self.index.package_url(name)?, token: token.clone(), ..Request::default() })
    }

    fn read(&self, name: &PackageName, bytes: &[u8], _: (Option<&str>, &str)) -> Result<String> {
        releases(bytes, name)?;
        String::from_utf8(bytes.to_vec()).map_err(|error| {
            Fault::new(format!("the registry gave an answer for {name} that makes no sense"))
                .because(&error)
                .help("check the address of the registry, and that no proxy answers in its place")
        })
    }

    fn keep(&self, _: &PackageName, before: String, now: Option<String>) -> Option<String> {
        let now = now.unwrap_or_default();
        let kept = rows::keeping(before.as_bytes(), now.as_bytes(), |_, digest| {
            self.files.of_crate(*digest, String::new()).is_held()
        });
        String::from_utf8(kept).ok().filter(|rows| !rows.is_empty())
    }

    fn body(&self, name: &PackageName, record: String) -> Result<Rows> {
        let (spelled, releases) = releases(record.as_bytes(), name)?;
        let releases = releases.into_iter().map(|release| (release.version, release.checksum)).collect();
        let etag = format!("\"{}\"", Digest::of(record.as_bytes()).short(32));
        Ok(Rows { bytes: record.into(), etag, name: spelled, releases })
    }

    fn files(record: &String) -> Vec<(String, Digest)> {
        rows::archives(record.as_bytes()).collect()
    }

    fn weight(rows: &Rows) -> usize {
        rows.bytes.len() + 120 * rows.releases.len()
    }
}
