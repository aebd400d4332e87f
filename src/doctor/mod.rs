//! `envtool doctor`: what was installed before the environment existed, and everything else that is not where it
//! should be.
//!
//! A check looks and reports [`Finding`]s; it changes nothing and asks no network. What is to be done is data
//! ([`Step`]), which [`fix`] carries out. One file a check, one row in [`CHECKS`].

mod age;
mod broken_executable;
mod bypassed;
mod damaged;
mod extra;
mod extra_module;
mod finding;
pub mod fix;
mod global_module;
mod global_tool;
mod missing;
mod modified;
mod modified_module;
mod moved;
mod outside_path;
mod pinning;
mod scene;
mod shadowed;
mod shadowed_module;
mod shebang;
mod stale_lock;
mod toolchain;
mod tracked;
mod venvs;

pub use finding::{Finding, Remedy, Severity, Step, Way};
pub use scene::Scene;

use crate::fault::Result;

/// Looks for one kind of thing that is not as it should be.
pub trait Check: Sync {
    /// Its id, as the command line and JSON know it.
    fn id(&self) -> &'static str;

    /// Looks.
    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>>;
}

/// Every check, in the order in which findings are shown.
pub const CHECKS: &[&dyn Check] = &[
    &stale_lock::StaleLock,
    &missing::Missing,
    &modified::Modified,
    &damaged::Damaged,
    &broken_executable::BrokenExecutable,
    &bypassed::Bypassed,
    &global_tool::GlobalTool,
    &global_module::GlobalModule,
    &extra::Extra,
    &shadowed::Shadowed,
    &moved::Moved,
    &toolchain::ToolchainCheck,
    &tracked::Tracked,
    &outside_path::OutsidePath,
];

/// What the checks find, the worst first; `only` names those that look, none: all. A check that cannot look is a
/// finding itself.
pub fn examine(scene: &Scene<'_>, only: &[String]) -> Vec<Finding> {
    let asked = CHECKS.iter().filter(|check| only.is_empty() || only.iter().any(|id| id == check.id()));
    let mut found: Vec<Finding> = asked.flat_map(|check| look(*check, scene)).collect();
    found.sort_by_key(|finding| finding.severity);
    found
}

fn look(check: &dyn Check, scene: &Scene<'_>) -> Vec<Finding> {
    let _step = tracing::debug_span!("check", id = check.id()).entered();
    check.detect(scene).unwrap_or_else(|fault| {
        vec![Finding {
            check: check.id(),
            severity: Severity::Error,
            subject: fault.what().to_owned(),
            message: fault.causes().join(": "),
            remedy: Remedy::User(fault.help_text().unwrap_or("see what it says").to_owned()),
        }]
    })
}
