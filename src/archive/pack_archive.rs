//! A file of `envtool pack`: a zstd stream with a tar archive of plain files in it.
//!
//! Nothing in it is joined to a folder: who reads it has a list of what comes next, and gives each file a place of his
//! own. Until that list was read the limits are those of a list.

use std::io::Read;

use super::Limits;
use super::entries::{Entries, EntryKind, Flaw, Zstd, zstd};
use super::safe_path::{SafePath, shown};
use crate::fault::{Fault, Result};

/// The entries of a pack, in their order.
pub struct PackEntries<R: Read> {
    entries: Entries<Zstd<R>>,
    name: String,
}

impl<R: Read> PackEntries<R> {
    /// The entries of `pack`, which errors call `name`.
    pub fn new(pack: R, name: &str, limits: &Limits) -> Result<Self> {
        let name = name.to_owned();
        let stream = zstd(pack).map_err(|error| refused(&name, format!("it could not be read: {error}")))?;
        Ok(Self { entries: Entries::of(stream, limits), name })
    }

    /// From here on these limits count, for all that comes out of the pack from its beginning.
    pub fn limit(&mut self, limits: &Limits) {
        self.entries.limit(limits);
    }

    /// The next file, by its path and its size; `None` when the pack ended as it should, to its last byte.
    pub fn next_file(&mut self) -> Result<Option<(SafePath, u64)>> {
        let Some(entry) = self.entries.next().map_err(|flaw| self.flawed(flaw))? else { return Ok(None) };
        let refuse = |what: &str| refused(&self.name, format!("its entry {} {what}", shown(&entry.name)));
        if entry.kind != EntryKind::File {
            return Err(refuse("is a folder, and a pack holds files alone"));
        }
        let path = SafePath::new(&entry.name).map_err(|why| refuse(&why.to_string()))?;
        Ok(Some((path, entry.size)))
    }

    /// The next piece of the current file; `None` behind the last.
    pub fn data(&mut self) -> Result<Option<&[u8]>> {
        let name = &self.name;
        self.entries.data().map_err(|Flaw(what)| refused(name, what))
    }

    /// What is wrong with it.
    pub fn refuse(&self, what: impl Into<String>) -> Fault {
        refused(&self.name, what.into())
    }

    fn flawed(&self, Flaw(what): Flaw) -> Fault {
        refused(&self.name, what)
    }
}

fn refused(name: &str, what: String) -> Fault {
    Fault::new(format!("refused the pack {name}")).why(what).help(
        "nothing of it was used; fetch it once more from where it was made, and compare the SHA-256 that `envtool pack` printed there",
    )
}
