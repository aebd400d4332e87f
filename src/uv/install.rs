//! Installing what is locked, and nothing else, into a virtual environment.

use std::path::{Path, PathBuf};

use super::Uv;
use super::resolve::only_wheels;
use crate::digest::Digest;
use crate::fault::Result;
use crate::fs;
use crate::module::ModuleId;
use crate::uv_words::Said;

/// One row of a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// Name and version.
    pub id: ModuleId,
    /// Where it is wanted; uv judges that.
    pub marker: Option<String>,
    /// The digests of the files that will do.
    pub sha256s: Vec<Digest>,
    /// Whether it is built from its source.
    pub build: bool,
}

impl Locked {
    /// As a line of a requirements file.
    fn line(&self) -> String {
        let mut line = format!("{}=={}", self.id.name, self.id.version);
        if let Some(marker) = &self.marker {
            line.push_str(&format!(" ; {marker}"));
        }
        for digest in &self.sha256s {
            line.push_str(&format!(" --hash={}", digest.prefixed()));
        }
        line + "\n"
    }
}

impl Uv {
    /// Installs `rows` into the environment at `venv`. With `offline_first` the cache is asked first, which then need
    /// not be compared with the index.
    pub fn install(&self, rows: &[Locked], venv: &Path, offline_first: bool) -> Result<()> {
        self.put(rows, venv, offline_first)?
            .map_err(|said| said.fault("could not install the Python packages"))
    }

    /// The same, what uv said where it failed being a value.
    pub fn put(
        &self,
        rows: &[Locked],
        venv: &Path,
        offline_first: bool,
    ) -> Result<std::result::Result<(), Said>> {
        if rows.is_empty() {
            return Ok(Ok(()));
        }
        let scratch = self.scratch()?;
        let text: String = rows.iter().map(Locked::line).collect();
        fs::write_new(&scratch.path().join("rows.txt"), text.as_bytes())?;
        let python = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
        let call = only_wheels(
            self.asking(&["pip", "install"]),
            rows.iter().filter(|row| row.build).map(|row| &row.id.name),
        );
        let call = call
            .args(["--require-hashes", "--no-deps", "--link-mode", self.link_mode(venv)?, "--python"])
            .arg(python)
            .args(["--requirements", "rows.txt"])
            .within(scratch.path());
        // What the store keeps as it was published needs neither cache nor index.
        if let Some(kept) = self.kept(rows, scratch.path())? {
            let mut alone = call.clone().arg("--find-links").arg(kept);
            if !self.settings.no_index.as_ref().is_some_and(|said| said.value) {
                alone = alone.arg("--no-index");
            }
            if alone.output()?.status.success() {
                return Ok(Ok(()));
            }
        }
        // What fails without a network is tried with one: a wheel that another Python needs, or one that is damaged.
        if offline_first && !self.offline && call.clone().arg("--offline").output()?.status.success() {
            return Ok(Ok(()));
        }
        let output = call.output()?;
        Ok(if output.status.success() { Ok(()) } else { Err(self.said(&output)) })
    }

    /// A folder with the files of all rows, where the store keeps some of each.
    fn kept(&self, rows: &[Locked], scratch: &Path) -> Result<Option<PathBuf>> {
        let folder = scratch.join("kept");
        fs::create_folders(&folder)?;
        for row in rows {
            let mut found = false;
            for sha256 in &row.sha256s {
                for file in self.store.wheels(sha256)? {
                    let link = folder.join(file.file_name().unwrap_or_default());
                    fs::remove_file(&link)?;
                    fs::link_file(&file, &link)?;
                    found = true;
                }
            }
            if !found {
                return Ok(None);
            }
        }
        Ok(Some(folder))
    }

    /// How files come from the cache: sharing their blocks where the file system can, else copied. Links would let an
    /// environment change the cache.
    fn link_mode(&self, venv: &Path) -> Result<&'static str> {
        let cache = self.store.layout().python_cache();
        fs::create_folders(&cache)?;
        let from = fs::temporary(&cache, ".envtool-", "", b"probe")?;
        let to = venv.join(".envtool-probe");
        let can = fs::reflink(&from, &to)?;
        fs::remove_file(&to)?;
        Ok(if can { "clone" } else { "copy" })
    }
}
