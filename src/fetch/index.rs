//! What registries say of themselves and of their packages, kept with its tag and asked again with it.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use super::{Fetcher, block_on};
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::http::{Answer, Http};
use crate::package::{PackageId, PackageName};
use crate::registry::cargo::{IndexConfig, SparseIndex, checksum_in};
use crate::registry::{Request, Token};

/// What an index has of a package, a row a release; `None` where it does not know it.
pub type Rows = Option<Vec<u8>>;

impl Fetcher<'_> {
    /// What each registry says of itself, asked once, by address.
    pub(super) async fn index_configs<'i>(
        &self,
        http: &Http,
        indexes: impl Iterator<Item = &'i SparseIndex>,
    ) -> Result<BTreeMap<&'i str, (IndexConfig, Option<Token>)>> {
        let mut configs = BTreeMap::new();
        for index in indexes {
            if !configs.contains_key(index.url()) {
                configs.insert(index.url(), self.index_config(http, index).await?);
            }
        }
        Ok(configs)
    }

    /// What the registry says of itself, and the token where it wants one. Kept with its tag.
    async fn index_config(&self, http: &Http, index: &SparseIndex) -> Result<(IndexConfig, Option<Token>)> {
        let (bytes, used) = self.index_file(http, index, "config.json", index.config_url(), None).await?;
        let bytes = bytes.ok_or_else(|| {
            Fault::new(format!("there is no registry at {}", index.url()))
                .why("it has no config.json")
                .help("check the address of the registry in cargo's config")
        })?;
        let config = IndexConfig::parse(&bytes, index)?;
        // Where the registry does not ask for it, the place of its archives has no business with the token.
        let token = match (config.auth_required, used) {
            (false, _) => None,
            (true, None) => Some((self.token)(index)?),
            (true, used) => used,
        };
        Ok((config, token))
    }

    /// A file of an index, asked again with its tag; `None` where the index has none. With it the token that the
    /// index turned out to want.
    async fn index_file(
        &self,
        http: &Http,
        index: &SparseIndex,
        file: &str,
        url: String,
        token: Option<Token>,
    ) -> Result<(Option<Vec<u8>>, Option<Token>)> {
        let path = self.store.layout().index(&index.cache_name(), file);
        let kept = kept_answer(&path)?;
        let etag = kept.as_ref().and_then(|kept| kept.etag.clone());
        let mut request = Request { url, token, etag, ..Request::default() };
        let mut answer = http.get(&request).await?;
        if matches!(answer, Answer::Unauthorized) {
            request.token = Some((self.token)(index)?);
            answer = http.get(&request).await?;
        }
        match answer {
            Answer::Body { bytes, etag, .. } => {
                keep_answer(&path, &bytes, etag)?;
                Ok((Some(bytes), request.token))
            }
            Answer::NotModified => Ok((kept.map(|kept| kept.body.into_bytes()), request.token)),
            Answer::Absent => Ok((None, request.token)),
            Answer::Unauthorized => Err(refused_token(index)),
        }
    }

    /// Asks the index for the checksums of packages whose lock gives none.
    pub fn checksums(&self, asked: &[(PackageId, SparseIndex)]) -> Result<Vec<Digest>> {
        let names: Vec<_> =
            asked.iter().map(|(package, index)| (package.name.clone(), index.clone())).collect();
        let rows = self.rows(&names)?;
        asked
            .iter()
            .zip(rows)
            .map(|((package, index), rows)| {
                let found = rows.map(|rows| checksum_in(&rows, package)).transpose()?.flatten();
                found.ok_or_else(|| {
                    Fault::new(format!("the registry {} has no {package}", index.url())).help(
                        "correct its version where it is pinned; a [[package]] of Cargo.lock may be taken out, and `envtool sync` locks it again",
                    )
                })
            })
            .collect()
    }

    /// Asks the index for what it has of packages: their rows; `None` for a package that it does not know. Without a
    /// network: what it said last.
    pub fn rows(&self, asked: &[(PackageName, SparseIndex)]) -> Result<Vec<Rows>> {
        self.rows_of_each(asked)?.into_iter().collect()
    }

    /// The same where one that cannot be asked about does not hide the others.
    pub fn rows_of_each(&self, asked: &[(PackageName, SparseIndex)]) -> Result<Vec<Result<Rows>>> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        if self.offline {
            return Ok(asked.iter().map(|(name, index)| self.rows_kept(name, index)).collect());
        }
        let http = &Http::new(&self.http)?;
        // Each index is asked about itself once, while others already answer.
        let configs: BTreeMap<&str, OnceCell<Result<Option<Token>>>> =
            asked.iter().map(|(_, index)| (index.url(), OnceCell::new())).collect();
        let configs = &configs;
        block_on(async {
            let answers = stream::iter(asked).map(|(name, index)| async move {
                let token = match configs.get(index.url()) {
                    Some(known) => known
                        .get_or_init(async || self.index_config(http, index).await.map(|(_, token)| token))
                        .await
                        .clone()?,
                    None => None,
                };
                let url = index.package_url(name)?;
                self.index_file(http, index, &rows_file(name), url, token).await.map(|(rows, _)| rows)
            });
            Ok(answers.buffered(self.downloads.max(1)).collect().await)
        })
    }

    fn rows_kept(&self, name: &PackageName, index: &SparseIndex) -> Result<Rows> {
        let path = self.store.layout().index(&index.cache_name(), &rows_file(name));
        let kept = kept_answer(&path)?.ok_or_else(|| {
            Fault::new(format!("the store does not know which releases of {name} there are"))
                .why("the registry must be asked, and `--offline` forbids it")
                .help("run it once without `--offline`")
        })?;
        Ok(Some(kept.body.into_bytes()))
    }
}

/// The file that a package's rows are kept in.
fn rows_file(name: &PackageName) -> String {
    format!("rows-{}.json", name.as_str().to_lowercase())
}

/// An answer of an index, as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    etag: Option<String>,
    body: String,
}

/// What is kept at `path`; what cannot be read is asked for again.
fn kept_answer(path: &Path) -> Result<Option<Kept>> {
    Ok(fs::read(path)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

fn keep_answer(path: &Path, bytes: &[u8], etag: Option<String>) -> Result<()> {
    let Ok(body) = String::from_utf8(bytes.to_vec()) else {
        return Ok(());
    };
    let Ok(text) = serde_json::to_vec(&Kept { etag, body }) else {
        return Ok(());
    };
    if let Some(folder) = path.parent() {
        fs::create_folders(folder)?;
    }
    fs::write(path, &text)
}

fn refused_token(index: &SparseIndex) -> Fault {
    Fault::new(format!("the registry at {} refused the token", index.url()))
        .help("give cargo a new one: `cargo login --registry NAME`")
}
