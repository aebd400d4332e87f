//! What goes into a pack, each file with the SHA-256 that it is known by; what the store lacks is fetched first.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::locks::{Locks, shipped};
use crate::archive::{Limits, read_crate};
use crate::cargo_lock::Source;
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::fetch::{Fetcher, Wheel};
use crate::fs;
use crate::http::Settings;
use crate::layout::{CARGO_LOCK, LOCK, MANIFEST};
use crate::lock::ModuleRow;
use crate::pack_list::{PackFile, What, is_file_name};
use crate::package::PackageId;
use crate::python_index::IndexSettings;
use crate::receipt::{How, ModuleReceipt, ToolReceipt};
use crate::secret::without_credentials;
use crate::store::{Found, Tree};
use crate::sync::Session;
use crate::sync::modules::Asking;
use crate::uv::{self, Place, Placed};

/// What to do where uv cannot be packed.
const UV_HELP: &str = "see that uv is there where the pack is unpacked";

/// What a file of a pack is made of.
pub(super) enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// This file.
    File(PathBuf),
}

/// A file of a pack.
pub(super) struct Item {
    pub(super) file: PackFile,
    pub(super) content: Content,
}

impl Item {
    /// What is to be said where the file is not what it should be.
    pub(super) fn damaged(&self) -> Fault {
        let place = match &self.content {
            Content::File(path) => format!("{} is gone, or is not what it was", path.display()),
            Content::Bytes(_) => "it changed while it was read".to_owned(),
        };
        Fault::new(format!("could not pack {}", self.file.path)).why(place).help("envtool doctor --fix")
    }
}

/// Gathers.
struct Gathering<'s, 'a> {
    session: &'s Session<'a>,
    platform: String,
    items: Vec<Item>,
}

/// Every file of the pack of the session's environment, sorted.
pub(super) fn gather(session: &Session<'_>, all_platforms: bool) -> Result<Vec<Item>> {
    let platform = session.environment.record().platform.clone();
    let mut gathering = Gathering { session, platform, items: Vec::new() };
    let locks = gathering.project()?;
    gathering.crates(&locks)?;
    gathering.git(&locks)?;
    gathering.python(&locks, all_platforms)?;
    gathering.executables()?;
    let mut items = gathering.items;
    items.sort_by(|a, b| a.file.order().cmp(&b.file.order()));
    // What is needed for two things is packed once.
    items.dedup_by(|a, b| a.file.path == b.file.path);
    Ok(items)
}

impl Gathering<'_, '_> {
    fn add_bytes(&mut self, what: What, bytes: Vec<u8>) -> Result<()> {
        let file = PackFile::new(what, bytes.len() as u64, Digest::of(&bytes), &self.platform)?;
        self.items.push(Item { file, content: Content::Bytes(bytes) });
        Ok(())
    }

    /// Adds a file that is known to have this digest; it is looked at when it is written.
    fn add_file(&mut self, what: What, path: PathBuf, sha256: Digest) -> Result<()> {
        let size = fs::metadata(&path)?.map_or(0, |found| found.len());
        let file = PackFile::new(what, size, sha256, &self.platform)?;
        self.items.push(Item { file, content: Content::File(path) });
        Ok(())
    }

    /// Manifest and locks: what envtool reads of a project, but for what cargo's manifests and sources are.
    fn project(&mut self) -> Result<Locks> {
        let layout = &self.session.project.layout;
        let mut texts = BTreeMap::new();
        for (name, path) in
            [(MANIFEST, layout.manifest()), (LOCK, layout.lock()), (CARGO_LOCK, layout.cargo_lock())]
        {
            if name == CARGO_LOCK && !self.session.project.is_cargo {
                continue;
            }
            let Some(bytes) = fs::read(&path)? else { continue };
            refuse_secrets(&bytes, &path.display().to_string())?;
            self.add_bytes(What::Project { file: name.to_owned() }, bytes.clone())?;
            texts.insert(name, bytes);
        }
        let text = |name: &str| texts.get(name).map(Vec::as_slice);
        Locks::read(text(CARGO_LOCK), text(LOCK))
    }

    /// The archives of crates and of tools with all that they are built from.
    fn crates(&mut self, locks: &Locks) -> Result<()> {
        let mut archives = locks.archives()?;
        let tools: Vec<(PackageId, Digest)> =
            locks.with_shipped_locks().map(|row| (row.id(), row.checksum)).collect();
        let trees = self.session.trees(&tools)?;
        for (row, tree) in locks.with_shipped_locks().zip(&trees) {
            if let Some(text) = fs::read(&tree.path.join(CARGO_LOCK))? {
                archives.extend(shipped(row, &text)?);
            }
        }
        let mut by_source: BTreeMap<Source, Vec<(PackageId, Digest)>> = BTreeMap::new();
        for (source, package, digest) in archives {
            by_source.entry(source).or_default().push((package, digest));
        }
        for (source, packages) in by_source {
            self.session.archives_from(&source, &packages)?;
            for (package, digest) in packages {
                let path = self.session.store.layout().archive(&digest);
                self.add_file(What::Crate { package }, path, digest)?;
            }
        }
        Ok(())
    }

    /// The crates from git, as the store has them.
    fn git(&mut self, locks: &Locks) -> Result<()> {
        for (key, package) in locks.git() {
            let lost = || {
                Fault::new(format!("could not pack {package}, which comes from git"))
                    .why("the store no longer has what cargo exported, or it was changed")
                    .help("envtool doctor --fix")
            };
            let tree = self.session.store.tree(&key, &package)?.ok_or_else(lost)?;
            let found = Found::look(&tree.path)?.filter(|found| found.odd.is_empty()).ok_or_else(lost)?;
            if found.contents.tree_digest() != tree.record.tree {
                return Err(lost());
            }
            let bytes = archive_of(&tree, &package, &found)?;
            let limits = Limits::for_archive(bytes.len() as u64);
            let digest = read_crate(&bytes[..], &package, &limits)?.tree_digest();
            self.add_bytes(What::Git { package, key, tree: digest }, bytes)?;
        }
        Ok(())
    }

    /// The wheels of Python packages and of uv.
    fn python(&mut self, locks: &Locks, all_platforms: bool) -> Result<()> {
        if locks.modules().next().is_none() {
            return Ok(());
        }
        let receipts: Vec<ModuleReceipt> =
            self.session.environment.all_module_receipts()?.into_iter().map(|(_, receipt)| receipt).collect();
        let mut wanted: BTreeMap<Digest, String> = BTreeMap::new();
        let mut rows: Vec<&ModuleRow> = Vec::new();
        for row in locks.modules() {
            let files = files_of(row, &receipts, all_platforms);
            if row.build() {
                self.session.context.progress.warn(&format!(
                    "{} is built from its source, and what that build needs is in no lock: it is not in the pack",
                    row.id()
                ));
            }
            let mut is_missing = false;
            for (file, digest) in files {
                if !is_file_name(&file) {
                    return Err(Fault::new(format!("could not pack {}", row.id()))
                        .why(format!("{LOCK} has a file {file:?}, which is no name of a wheel"))
                        .help(format!("restore {LOCK}, or remove it and run `envtool sync`")));
                }
                is_missing |= self.session.store.wheel(&digest, &file)?.is_none();
                wanted.insert(digest, file);
            }
            if is_missing && !rows.iter().any(|other| other.id() == row.id()) {
                rows.push(row);
            }
        }
        if !rows.is_empty() {
            let asking = Asking::new(self.session)?;
            let lowest = locks.own.python.as_ref().map_or("3.8", |python| python.lowest.as_str());
            let placed = asking.places(&rows, lowest)?;
            self.bring(&wanted, placed, asking.uv.settings())?;
        }
        for (digest, file) in wanted {
            let path = self.session.store.wheel(&digest, &file)?.ok_or_else(|| {
                Fault::new(format!("could not pack {file}"))
                    .why(format!("the index has no file with the SHA-256 that the lock gives it, {digest}"))
                    .help("see whether it was taken back; `envtool upgrade` moves the pin")
            })?;
            self.add_file(What::Wheel { file }, path, digest)?;
        }
        if let Err(fault) = self.uv() {
            crate::signals::check()?;
            self.session.context.progress.warn(&format!(
                "uv is not in the pack ({fault}): where it is unpacked, uv has to be on PATH"
            ));
        }
        Ok(())
    }

    /// uv, by which the modules are installed there, as its wheel.
    fn uv(&mut self) -> Result<()> {
        let store = &self.session.store;
        for digest in uv::digests_here()? {
            for path in store.wheels(&digest)? {
                let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if uv::is_of_uv(&file, &digest) {
                    return self.add_file(What::Uv { file }, path, digest);
                }
            }
        }
        let asking = Asking::new(self.session)?;
        let placed = asking.places_of_uv()?.into_iter().next().ok_or_else(|| {
            Fault::new(format!("the index has no wheel of uv {} for this platform", uv::BROUGHT))
                .help(UV_HELP)
        })?;
        let (digest, file) = (placed.file.sha256, placed.file.name.clone());
        if !uv::is_of_uv(&file, &digest) {
            return Err(
                Fault::new(format!("the index calls it {file:?}, which is not its name")).help(UV_HELP)
            );
        }
        self.bring(&BTreeMap::from([(digest, file.clone())]), vec![placed], asking.uv.settings())?;
        let path = self.session.store.wheel(&digest, &file)?;
        let path = path.ok_or_else(|| Fault::new(format!("could not fetch {file}")).help(UV_HELP))?;
        self.add_file(What::Uv { file }, path, digest)
    }

    /// Brings the files among `placed` that are `wanted` into the store.
    fn bring(
        &self,
        wanted: &BTreeMap<Digest, String>,
        placed: Vec<Placed>,
        settings: &IndexSettings,
    ) -> Result<()> {
        let Session { store, store_lock, context, .. } = self.session;
        let (mut wheels, mut seen) = (Vec::new(), BTreeSet::new());
        for Placed { file, place } in placed {
            let Some(name) = wanted.get(&file.sha256).filter(|_| seen.insert(file.sha256)) else { continue };
            if store.wheel(&file.sha256, name)?.is_some() {
                continue;
            }
            match place {
                Place::Url(url) => wheels.push(Wheel {
                    file: name.clone(),
                    sha256: file.sha256,
                    url: settings.with_credentials(&url),
                }),
                Place::Here(path) => {
                    let incoming = store.incoming(store_lock)?;
                    fs::copy(&path, incoming.path())?;
                    let digest = fs::open(incoming.path())?.map(crate::digest::of_reader).transpose();
                    let digest = digest.map_err(|error| fs::failed("read", &path, &error))?;
                    if digest == Some(file.sha256) {
                        store.keep_wheel(incoming, &file.sha256, name, store_lock)?;
                    }
                }
            }
        }
        if context.flags.offline && !wheels.is_empty() {
            return Err(Fault::new(format!("the store lacks {}", wheels[0].file))
                .why("what is installed lies unpacked in uv's cache, and `--offline` forbids to fetch the file")
                .help("run `envtool pack` once with a network"));
        }
        self.session.fetching(|fetcher| {
            let proxy = settings.proxy.as_ref().map(|proxy| proxy.value.secret().to_owned());
            let cainfo = settings.cert.as_ref().map(|cert| cert.value.clone());
            let http = Settings { proxy, cainfo, ..fetcher.http.clone() };
            Fetcher { http, ..*fetcher }.wheels(&wheels)
        })
    }

    /// The executables of tools, as they are installed.
    fn executables(&mut self) -> Result<()> {
        for receipt in self.session.environment.tool_receipts()? {
            let ToolReceipt { package, how, key, bins, rustc, .. } = &receipt;
            for (name, digest) in bins {
                let path = match how {
                    How::Built => {
                        crate::layout::StoreLayout::executable(&self.session.store.layout().built(key), name)
                    }
                    How::Adopted => self.session.store.layout().adopted(digest, name),
                };
                let what = What::Executable {
                    package: package.clone(),
                    executable: name.clone(),
                    adopted: *how == How::Adopted,
                    key: *key,
                    rustc: rustc.clone(),
                };
                self.add_file(what, path, *digest)?;
            }
        }
        Ok(())
    }
}

/// The files of a row that go into a pack: the one that is installed here, or all that may be.
fn files_of(row: &ModuleRow, receipts: &[ModuleReceipt], all_platforms: bool) -> Vec<(String, Digest)> {
    let is_wheel = |name: &str| name.strip_suffix(".whl").is_some();
    let may_be = row.files.iter().filter(|(name, _)| is_wheel(name) != row.build());
    let all = may_be.map(|(name, digest)| (name.clone(), *digest));
    let receipt = receipts.iter().find(|receipt| receipt.module == row.id() && receipt.row == row.digest());
    match receipt {
        _ if all_platforms => all.collect(),
        // Of another platform or another Python.
        None => Vec::new(),
        Some(receipt) => match receipt.checksum {
            Some(digest) => all.filter(|(_, other)| *other == digest).collect(),
            None => all.collect(),
        },
    }
}

/// A crate from git as an archive like that of a registry; not compressed, since the pack is.
fn archive_of(tree: &Tree, package: &PackageId, found: &Found) -> Result<Vec<u8>> {
    let bug = |error: &std::io::Error| Fault::bug(format!("could not pack {package}")).because(error);
    let mut archive = Builder::new(GzEncoder::new(Vec::new(), Compression::none()));
    for (path, record) in &found.contents.files {
        let at = tree.path.join(path);
        let file = fs::open(&at)?.ok_or_else(|| {
            Fault::new(format!("{} is gone", at.display())).help("run `envtool pack` again")
        })?;
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(record.size);
        header.set_mode(record.mode & 0o755);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        archive
            .append_data(&mut header, format!("{}/{path}", package.folder()), file)
            .map_err(|error| fs::failed("read", &at, &error))?;
    }
    let mut stream = archive.into_inner().map_err(|error| bug(&error))?;
    stream.flush().map_err(|error| bug(&error))?;
    stream.finish().map_err(|error| bug(&error))
}

/// A pack is handed on: no password may be in it, not even one that is committed.
fn refuse_secrets(bytes: &[u8], name: &str) -> Result<()> {
    let text = String::from_utf8_lossy(bytes);
    let hidden = without_credentials(&text);
    for (line, (plain, hidden)) in text.lines().zip(hidden.lines()).enumerate() {
        // `git@` of an address for SSH is no secret.
        let ssh = plain.contains("ssh://") && !plain.split("ssh://").skip(1).any(has_password);
        if plain != hidden && !ssh {
            return Err(Fault::new("could not pack the environment")
                .why(format!("line {} of {name} has a user or a password in an address", line + 1))
                .help("take it out of the file (cargo and pip read credentials from files of the user), then pack again"));
        }
    }
    Ok(())
}

/// Whether what follows `://` begins with `USER:PASSWORD@`.
fn has_password(rest: &str) -> bool {
    let end = rest.find(['/', '?', '#', '"']).unwrap_or(rest.len());
    rest[..end].rfind('@').is_some_and(|at| rest[..at].contains(':'))
}

#[cfg(test)]
mod tests {
    use super::refuse_secrets;

    #[test]
    fn a_password_in_a_lock_is_no_part_of_a_pack() {
        for bad in [
            "source = \"git+https://user:pw@host.invalid/x#0\"",
            "\n\nmirror = \"http://token@host.invalid\"",
            "source = \"git+ssh://git:pw@host.invalid/x\"",
        ] {
            let fault = refuse_secrets(bad.as_bytes(), "Cargo.lock").unwrap_err();
            assert!(fault.to_string().contains("Cargo.lock") && !fault.to_string().contains("pw"), "{fault}");
        }
        for good in ["source = \"git+ssh://git@host.invalid/x#0\"", "a = \"https://host.invalid/@x\"", ""] {
            refuse_secrets(good.as_bytes(), "Cargo.lock").unwrap();
        }
    }
}
