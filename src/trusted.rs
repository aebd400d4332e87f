//! Whether a project is trusted: only then does entering its folder put anything of it on PATH (`crate::hook`).
//!
//! Trust is bound to the project's place, links resolved, and to what `envtool.toml` and `envtool.lock` hold: these two
//! decide what lies in `bin/`. `Cargo.lock` is left out. It decides on crates alone, which no activation puts on PATH
//! or runs, while cargo changes it daily: who is asked for nothing every day says yes when it counts. It lies in the
//! store and never in a project, which a stranger may have sent.

use std::path::Path;

use crate::context::Context;
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::ProjectLayout;
use crate::quote::shown;
use crate::store::{Store, Trusted};

/// Whether a project is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// It never was.
    Never,
    /// It was, with another file of this name.
    Changed(&'static str),
    /// It is.
    Given,
}

/// Looks whether a project is trusted as it is now. Nothing of one that never was is read.
pub fn look(project: &ProjectLayout, context: &Context<'_>) -> Result<Trust> {
    let (store, root) = (store(project, context)?, fs::canonical(project.root())?);
    let Some(then) = store.trusted(&root)? else { return Ok(Trust::Never) };
    let now = held(project)?;
    Ok(match () {
        () if then.manifest != now.manifest => Trust::Changed(crate::layout::MANIFEST),
        () if then.lock != now.lock => Trust::Changed(crate::layout::LOCK),
        () => Trust::Given,
    })
}

/// Trusts a project as it is now.
pub fn give(project: &ProjectLayout, context: &Context<'_>) -> Result<()> {
    let store = store(project, context)?;
    let tell = || context.tell_waiting();
    let lock = store.lock(&context.waiting(&tell))?;
    store.trust(&fs::canonical(project.root())?, &held(project)?, &lock)
}

/// Trusts a project no more. Says whether it was trusted, with whatever content.
pub fn take(project: &ProjectLayout, context: &Context<'_>) -> Result<bool> {
    store(project, context)?.distrust(&fs::canonical(project.root())?)
}

/// Does what the user asked for and what may change manifest or lock: who trusted a project until then need not be asked
/// after each own change. What others changed before stays in question.
pub fn keeping<T>(
    project: &ProjectLayout,
    context: &Context<'_>,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let is_given = || matches!(look(project, context), Ok(Trust::Given));
    let was = is_given();
    let done = work()?;
    if was
        && !is_given()
        && let Err(fault) = give(project, context)
    {
        context.progress.warn(&format!("{fault} (help: envtool trust)"));
    }
    Ok(done)
}

fn held(project: &ProjectLayout) -> Result<Trusted> {
    let digest = |path: &Path| Ok(fs::read(path)?.map(|bytes| Digest::of(&bytes)));
    Ok(Trusted {
        project: shown(project.root().as_os_str()),
        manifest: digest(&project.manifest())?,
        lock: digest(&project.lock())?,
    })
}

/// The store, which must not be the project's to write: who sends a project would send the trust along. (One whose
/// project is the home folder is the user's.)
fn store(project: &ProjectLayout, context: &Context<'_>) -> Result<Store> {
    let cache = context.cache()?;
    let root = fs::canonical(project.root())?;
    let is_inside = |path: &Path| path.starts_with(&root) || path.starts_with(project.root());
    let resolved = fs::metadata(cache)?.is_some().then(|| fs::canonical(cache)).transpose()?;
    let inside = is_inside(&fs::lexical(cache)) || resolved.is_some_and(|path| is_inside(&path));
    if inside && !context.home().is_some_and(|home| home.starts_with(&root)) {
        return Err(Fault::new(format!("could not look up whether {} is trusted", shown(root.as_os_str())))
            .why(format!(
                "the store lies in the project, in {}, and could have been sent with it",
                cache.display()
            ))
            .help("set ENVTOOL_CACHE_DIR to a folder outside it"));
    }
    Ok(Store::new(cache))
}
