//! `tracked`: the environment is committed to git, a lock is ignored, or credentials lie in the environment.

use std::ffi::OsStr;

use super::{Check, Finding, Remedy, Scene, Severity};
use crate::fault::Result;
use crate::fs;
use crate::layout::{CARGO_LOCK, ENVIRONMENT, LOCK};
use crate::process::{self, Program};

/// The check.
pub(super) struct Tracked;

impl Check for Tracked {
    fn id(&self) -> &'static str {
        "tracked"
    }

    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let finding = |subject: &str, message: &str, words: String| Finding {
            check: self.id(),
            severity: Severity::Warning,
            subject: subject.to_owned(),
            message: message.to_owned(),
            remedy: Remedy::User(words),
        };
        let mut found = Vec::new();
        for name in ["credentials.toml", "credentials"] {
            if fs::is_file(&scene.environment.layout().root().join(name))? {
                found.push(finding(
                    &format!("{ENVIRONMENT}/{name}"),
                    "tokens lie in the environment, which is copied, packed and thrown away freely",
                    format!("`mv {ENVIRONMENT}/{name} ~/.cargo/`, and replace the tokens in it if anybody else had the folder"),
                ));
            }
        }
        let root = scene.project.layout.root();
        let Some(git) = process::find(OsStr::new("git"), &scene.context.path, root) else { return Ok(found) };
        let git = |arguments: &[&str]| {
            // Looking at somebody's repository must not run what it names (fsmonitor, hooks).
            let safe = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"];
            let program = Program::new(&git).args(safe).args(arguments).within(root);
            // Nor fetch what a partial clone lacks.
            program.set("GIT_NO_LAZY_FETCH", "1").set("GIT_OPTIONAL_LOCKS", "0").output()
        };
        let listed = git(&["ls-files", "-z", "--", ENVIRONMENT])?;
        if !listed.status.success() {
            return Ok(found);
        }
        if !listed.stdout.is_empty() {
            found.push(finding(
                ENVIRONMENT,
                "it is committed to git: it holds links to the store of this machine, which nobody else has",
                format!("`git rm -r -q --cached {ENVIRONMENT} && git commit`"),
            ));
        }
        for lock in [LOCK, CARGO_LOCK] {
            if fs::is_file(&root.join(lock))? && git(&["check-ignore", "-q", "--", lock])?.status.success() {
                found.push(finding(
                    lock,
                    "git ignores it: a clone gets other versions",
                    format!("take its line out of .gitignore (`git check-ignore -v {lock}` shows it), and commit {lock}"),
                ));
            }
        }
        Ok(found)
    }
}
