//! `pack` and `unpack`: a whole environment as one file, for a machine without a network.
//!
//! A *pack* is a zstd stream with a tar archive of plain files in it. The first is the list ([`crate::pack_list`]): what
//! made the pack, and of every other file path, size, SHA-256, kind and platform. Then, sorted: the project's
//! `envtool.toml` and locks; the archives of all crates, those that tools are built from among them; crates from git;
//! wheels as published; uv's wheel; the executables of tools. The same environment gives the same bytes.
//!
//! **Who vouches.** A pack may be a stranger's, and its own list proves nothing but that it came over whole. What the
//! project's own locks name by SHA-256 (archives, wheels), and uv, whose digests are written in this program, is taken
//! whoever made the pack. What no lock that lies here vouches for is taken only where the user gives the SHA-256 of the
//! pack itself, as `envtool pack` printed it: executables, crates from git (a lock names their commit and no content),
//! and the manifest and locks of a project that is not here yet. Without it tools are built from their sources.
//!
//! An executable never becomes an entry of the store's `built/`, by whose keys every project of the machine finds its
//! tools: it is taken over into this one environment (`adopted/`, by its own digest), as `doctor --fix` takes over what
//! `cargo install` left.

mod fill;
mod gather;
mod locks;
mod take;
mod unpack;
mod write;

pub use unpack::{Asked, Unpacked, unpack};

use std::path::Path;

use crate::context::Context;
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::layout::{LOCK, MANIFEST};
use crate::pack_list::{FORMAT, PackList};
use crate::project::Project;
use crate::sync::{self, Session};

/// A pack that was written.
#[derive(Debug)]
pub struct Packed {
    /// Its list.
    pub list: PackList,
    /// The SHA-256 of the file.
    pub sha256: Digest,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Writes the environment of `project` to `file`; with `all_platforms` also the wheels of others.
pub fn pack(project: &Project, file: &Path, all_platforms: bool, context: &Context<'_>) -> Result<Packed> {
    let root = project.layout.root();
    if !sync::is_current(project, context)? {
        return Err(Fault::new(format!("could not pack the environment of {}", root.display()))
            .why(format!("it is not what {MANIFEST} and the locks say, or {LOCK} is not there yet"))
            .help("envtool sync"));
    }
    // Held to the end, so that nobody changes it meanwhile.
    let session = Session::open(project, context)?;
    let items = gather::gather(&session, all_platforms)?;
    let record = session.environment.record();
    let list = PackList {
        format: FORMAT,
        platform: record.platform.clone(),
        cargo: record.cargo.clone(),
        python: record.python.as_ref().map(|python| python.version.clone()),
        cargo_project: project.is_cargo,
        all_platforms,
        files: items.iter().map(|item| item.file.clone()).collect(),
    };
    let (sha256, bytes) = write::write(file, &list, &items, context)?;
    Ok(Packed { list, sha256, bytes })
}
