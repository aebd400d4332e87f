//! The `.crate` format: a gzip'd tar archive with everything below `NAME-VERSION/`.
//!
//! Two entries are the unpacker's and not the package's, as cargo has it: `.cargo-ok`, at any depth, is cargo's own
//! mark that it unpacked a folder whole, and cargo passes over an archive's; `.cargo-checksum.json` beside the
//! manifest is what makes a folder a package of a directory source, and `cargo vendor` writes its own over an
//! archive's. Here both are passed over: they are neither written nor in the [`Contents`].

use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

use super::disk::Disk;
use super::entries::{Entries, Entry, EntryKind, Flaw};
use super::safe_path::{SafePath, shown};
use super::{Contents, FileRecord, Limits};
use crate::digest::{Digest, Hasher};
use crate::fault::{Fault, Result};
use crate::package::PackageId;

/// The file that lists a vendored package's files with their digests.
pub const CHECKSUM_FILE: &str = ".cargo-checksum.json";
/// cargo's mark of an unpacked folder.
const MARK: &str = ".cargo-ok";

/// What becomes of the files and folders of an archive. Each folder comes once, and before what lies in it.
pub(super) trait Sink {
    fn folder(&mut self, path: &SafePath) -> Result<()>;
    fn begin(&mut self, path: &SafePath, mode: u32) -> Result<()>;
    fn write(&mut self, bytes: &[u8]) -> Result<()>;
    fn end(&mut self, mtime: u64) -> Result<()>;
}

/// Keeps nothing.
struct Nothing;

impl Sink for Nothing {
    fn folder(&mut self, _: &SafePath) -> Result<()> {
        Ok(())
    }
    fn begin(&mut self, _: &SafePath, _: u32) -> Result<()> {
        Ok(())
    }
    fn write(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }
    fn end(&mut self, _: u64) -> Result<()> {
        Ok(())
    }
}

/// Unpacks a `.crate` into `dest`, a folder that must not be there yet and becomes `NAME-VERSION/`'s contents, and
/// writes [`CHECKSUM_FILE`] into it, last, with `archive_digest` as the package's.
///
/// The caller has compared `archive_digest` with the lock. Files get the archive's mode less setuid and less what
/// lets group and others write, whatever the umask is, and the archive's time. Folders below `dest` end up as 0555.
/// `dest` itself stays 0755: only a folder that its owner may write can be renamed into another folder, and that
/// is what the caller does next; [`crate::fs::set_mode`] afterwards.
///
/// A failure leaves nothing outside `dest`. What was written into it until then stays: `dest` lies in a temporary
/// folder of the caller, who removes that.
pub fn unpack_crate(
    archive: impl Read,
    package: &PackageId,
    archive_digest: Digest,
    dest: &Path,
    limits: &Limits,
) -> Result<Contents> {
    let mut disk = Disk::new(dest).map_err(|fault| not_unpacked(fault, package))?;
    let contents = walk(archive, package, limits, &mut disk)?;
    disk.finish(CHECKSUM_FILE, checksum_json(&contents, archive_digest).as_bytes())
        .map_err(|fault| not_unpacked(fault, package))?;
    Ok(contents)
}

/// What [`unpack_crate`] would put on disk: the same walk, the same checks, and nothing is written.
pub fn read_crate(archive: impl Read, package: &PackageId, limits: &Limits) -> Result<Contents> {
    walk(archive, package, limits, &mut Nothing)
}

/// The bytes of [`CHECKSUM_FILE`] as `cargo vendor` shapes it.
pub fn checksum_json(contents: &Contents, package_digest: Digest) -> String {
    use serde_json::{Map, Value};
    let files: Map<_, _> = contents
        .files
        .iter()
        .map(|(path, file)| (path.clone(), Value::from(file.digest.to_string())))
        .collect();
    let mut whole = Map::new();
    whole.insert("files".to_owned(), Value::Object(files));
    whole.insert("package".to_owned(), Value::from(package_digest.to_string()));
    Value::Object(whole).to_string()
}

fn walk(archive: impl Read, package: &PackageId, limits: &Limits, sink: &mut impl Sink) -> Result<Contents> {
    let refuse = |Flaw(what): Flaw| refused(package, what);
    let mut entries = Entries::new(archive, limits);
    let mut tree = Tree {
        package,
        limits,
        root: package.folder(),
        contents: Contents::default(),
        folders: HashSet::new(),
    };
    while let Some(entry) = entries.next().map_err(refuse)? {
        let Some(path) = tree.place(&entry, sink)? else {
            continue;
        };
        // As cargo: the owner's bits and what others may read and run. Unreadable files would only fail later.
        let mode = entry.mode & 0o755 | 0o400;
        let written = |fault| not_unpacked(fault, package);
        sink.begin(&path, mode).map_err(written)?;
        let mut hasher = Hasher::default();
        while let Some(piece) = entries.data().map_err(|Flaw(what)| tree.refuse_entry(&entry, &what))? {
            hasher.update(piece);
            sink.write(piece).map_err(written)?;
        }
        sink.end(entry.mtime).map_err(written)?;
        let record = FileRecord { digest: hasher.finish(), mode, size: entry.size };
        tree.contents.files.insert(path.into_string(), record);
    }
    if tree.contents.files.is_empty() {
        return Err(refused(package, "it holds no file"));
    }
    Ok(tree.contents)
}

/// The tree as far as the walk has come: what decides whether one more name has a place in it.
struct Tree<'a> {
    package: &'a PackageId,
    limits: &'a Limits,
    root: String,
    contents: Contents,
    folders: HashSet<String>,
}

impl Tree<'_> {
    /// Where a file goes, its folders made; `None` for a folder and for what is passed over.
    fn place(&mut self, entry: &Entry, sink: &mut impl Sink) -> Result<Option<SafePath>> {
        let Some(path) = self.path(entry)? else {
            return Ok(None);
        };
        let text = path.as_str();
        let (first, is_mark) = match text.rsplit_once('/') {
            None => (text, text == MARK),
            Some((_, name)) => (text.split('/').next().unwrap_or(text), name == MARK),
        };
        if is_mark && entry.kind == EntryKind::File {
            return Ok(None);
        }
        if first == CHECKSUM_FILE {
            if text == CHECKSUM_FILE && entry.kind == EntryKind::File {
                return Ok(None);
            }
            return Err(self.refuse_entry(entry, "has cargo's list of checksums as a folder"));
        }
        if path.depth() > self.limits.depth {
            return Err(
                self.refuse_entry(entry, &format!("lies more than {} folders deep", self.limits.depth))
            );
        }
        if path.folder().is_some_and(|folder| !self.folders.contains(folder)) {
            for folder in path.folders() {
                self.add_folder(entry, folder, sink)?;
            }
        }
        if entry.kind == EntryKind::Folder {
            self.add_folder(entry, path, sink)?;
            return Ok(None);
        }
        if self.contents.files.contains_key(text) {
            return Err(self.refuse_entry(entry, "is there twice"));
        }
        if self.folders.contains(text) {
            return Err(self.refuse_entry(entry, "is a file and a folder"));
        }
        Ok(Some(path))
    }

    /// The entry's path inside `NAME-VERSION/`; `None` for that folder itself.
    fn path(&self, entry: &Entry) -> Result<Option<SafePath>> {
        let whole = SafePath::new(&entry.name).map_err(|why| self.refuse_entry(entry, &why.to_string()))?;
        let inside = match whole.as_str().strip_prefix(self.root.as_str()) {
            Some("") if entry.kind == EntryKind::Folder => return Ok(None),
            Some(rest) => rest.strip_prefix('/'),
            None => None,
        };
        let Some(inside) = inside else {
            return Err(self.refuse_entry(entry, &format!("lies outside {}/", self.root)));
        };
        SafePath::new(inside.as_bytes()).map(Some).map_err(|why| self.refuse_entry(entry, &why.to_string()))
    }

    fn add_folder(&mut self, entry: &Entry, folder: SafePath, sink: &mut impl Sink) -> Result<()> {
        if self.folders.contains(folder.as_str()) {
            return Ok(());
        }
        if self.contents.files.contains_key(folder.as_str()) {
            return Err(self.refuse_entry(entry, &format!("has the file {:?} as a folder", folder.as_str())));
        }
        // A header each is counted already; the folders that one header implies are counted here.
        if self.folders.len() as u64 >= self.limits.entries {
            return Err(refused(self.package, format!("it has more than {} folders", self.limits.entries)));
        }
        sink.folder(&folder).map_err(|fault| not_unpacked(fault, self.package))?;
        self.folders.insert(folder.into_string());
        Ok(())
    }

    fn refuse_entry(&self, entry: &Entry, what: &str) -> Fault {
        refused(self.package, format!("its entry {} {what}", shown(&entry.name)))
    }
}

/// The archive is at fault.
fn refused(package: &PackageId, what: impl Into<String>) -> Fault {
    Fault::new(format!("refused the archive of {package}")).why(what).help(format!(
        "it is broken or was made to do harm: pin another version of {}, and tell those who publish it",
        package.name
    ))
}

/// The disk is at fault.
fn not_unpacked(fault: Fault, package: &PackageId) -> Fault {
    fault
        .while_doing(format!("could not unpack {package}"))
        .or_help("check the disk that the store lies on (`envtool cache dir` says where), then try again")
}
