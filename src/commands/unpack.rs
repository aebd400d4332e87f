//! `envtool unpack`: makes an environment from a pack, without a network.

use std::path::PathBuf;

use super::Outcome;
use super::done::Done;
use super::pack::refuse_stream;
use super::sync;
use crate::context::Context;
use crate::digest::Digest;
use crate::fault::Result;
use crate::packing::{self, Asked};
use crate::sync::Came;

/// The arguments of `unpack`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The file that `envtool pack` wrote
    file: PathBuf,
    /// The project's folder; made where it is absent. Without it, the project that the current folder belongs to
    dir: Option<PathBuf>,
    /// Vouch for the pack, by the SHA-256 that `envtool pack` printed: then its executables, its crates from git and, in
    /// an empty folder, its manifest and locks are used
    #[arg(long, value_name = "HEX")]
    sha256: Option<Digest>,
}

/// Makes an environment from a pack.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    // 1. What is asked for.
    refuse_stream(&arguments.file, "read from standard input")?;
    let file = context.folder.join(&arguments.file);
    let asked = Asked { file, dir: arguments.dir.clone(), sha256: arguments.sha256 };
    // 2. Fill the store, and make the environment.
    let done = packing::unpack(&asked, context)?;
    // 3. Say what was done.
    if context.flags.json {
        return Done::of(&done.layout, Vec::new(), &done.report)
            .or_changed(!done.written.is_empty())
            .outcome();
    }
    let mut notes: Vec<String> =
        done.written.iter().map(|path| format!("Wrote {}", path.display())).collect();
    let from_pack = |line: &String| {
        done.report.tools.iter().any(|tool| {
            tool.how == Came::Adopted
                && line.starts_with(&format!("Took {} over from this machine", tool.package))
        })
    };
    let lines = sync::notes(&done.report, context);
    notes.extend(lines.into_iter().map(|line| match from_pack(&line) {
        true => line.replacen("over from this machine", "as it was built from the pack", 1),
        false => line,
    }));
    Ok(Outcome { notes, ..Outcome::default() })
}
