//! `envtool pack`: writes the environment into one file.

use std::path::PathBuf;

use serde::Serialize;

use super::Outcome;
use super::sync::megabytes;
use crate::context::Context;
use crate::fault::{Fault, Result};
use crate::pack_list::{PackList, What};
use crate::packing;
use crate::project::Project;
use crate::quote::shown;

/// The arguments of `pack`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The file to write, such as env.tar.zst; one that is there is replaced
    file: PathBuf,
    /// Take the wheels of other platforms along (crates serve all; tools are built there from their sources)
    #[arg(long)]
    all_platforms: bool,
}

/// What was packed. Fields are added, never renamed or taken away.
#[derive(Serialize)]
struct Done {
    project: String,
    file: String,
    sha256: String,
    bytes: u64,
    platform: String,
    crates: usize,
    git: usize,
    wheels: usize,
    executables: usize,
    uv: bool,
}

/// Writes the environment into one file.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    // 1. Which project, and where to.
    let project = Project::find_or_fault(&context.folder)?;
    refuse_stream(&arguments.file, "written to standard output")?;
    let file = context.folder.join(&arguments.file);
    // 2. Write it.
    let packed = packing::pack(&project, &file, arguments.all_platforms, context)?;
    // 3. Say what is in it, and what it is known by.
    let count = |is: fn(&What) -> bool| count(&packed.list, is);
    let done = Done {
        project: project.layout.root().display().to_string(),
        file: file.display().to_string(),
        sha256: packed.sha256.prefixed(),
        bytes: packed.bytes,
        platform: packed.list.platform.clone(),
        crates: count(|what| matches!(what, What::Crate { .. })),
        git: count(|what| matches!(what, What::Git { .. })),
        wheels: count(|what| matches!(what, What::Wheel { .. })),
        executables: count(|what| matches!(what, What::Executable { .. })),
        uv: count(|what| matches!(what, What::Uv { .. })) > 0,
    };
    if context.flags.json {
        return Outcome::json(&done);
    }
    let mut parts = Vec::new();
    for (count, one, many) in [
        (done.crates, "crate", "crates"),
        (done.git, "crate from git", "crates from git"),
        (done.wheels, "wheel", "wheels"),
        (done.executables, "executable", "executables"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {}", if count == 1 { one } else { many }));
        }
    }
    parts.extend(done.uv.then(|| "uv".to_owned()));
    let parts = if parts.is_empty() { "nothing but the manifest".to_owned() } else { parts.join(", ") };
    let name = shown(arguments.file.as_os_str());
    let notes = vec![
        format!("Packed {parts}: {name}, {:.1} MB", megabytes(done.bytes)),
        format!("next, where there is no network: envtool unpack {name} --sha256 {}", packed.sha256),
    ];
    Ok(Outcome { notes, ..Outcome::default() })
}

fn count(list: &PackList, is: fn(&What) -> bool) -> usize {
    list.files.iter().filter(|file| is(&file.what)).count()
}

/// A pack is a file: it is put into place once it is whole, and not used before its last byte was looked at.
pub(super) fn refuse_stream(file: &std::path::Path, what: &str) -> Result<()> {
    if file == std::path::Path::new("-") {
        return Err(Fault::usage(format!("a pack is not {what}"))
            .why("it counts only as a whole")
            .help("name a file; one that is called `-` is `./-`"));
    }
    Ok(())
}
