//! What files of the project held before cargo was to resolve others: `journal/undo.json`.
//!
//! cargo resolves what lies on disk. So `add` and `remove` write the next manifests where they belong, have cargo lock,
//! and only then is the change of the environment decided. Until it is, this file is the way back: a verb that fails
//! takes it at once, one that is killed leaves it to the next.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::journal::Content;
use super::{Environment, EnvironmentLock};
use crate::digest::Digest;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::{CARGO_LOCK, CARGO_MANIFEST};

#[derive(Debug, Serialize, Deserialize)]
struct Undo {
    /// What `Cargo.lock` held; absent where there was none.
    lock: Option<Content>,
    manifests: Vec<Kept>,
}

/// A manifest of cargo that is to hold another text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// Its path in the project.
    pub path: PathBuf,
    /// What it held when the new text was made from it.
    pub before: String,
    /// What it is to hold.
    pub text: String,
}

/// One manifest.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// Its path in the project.
    path: PathBuf,
    before: String,
    /// The digest of what was written in its place: what is there and is not this is somebody else's.
    written: Digest,
}

impl Kept {
    /// What lies on disk may come from a stranger: nothing but a manifest inside the project is written.
    fn is_ours(&self) -> bool {
        self.path.file_name() == Some(CARGO_MANIFEST.as_ref())
            && self.path.components().all(|part| matches!(part, Component::Normal(_)))
    }
}

impl Environment {
    /// Writes manifests of cargo in a way that [`Environment::put_back`] takes back. One that somebody has changed
    /// since it was read is theirs, and the fault.
    pub fn write_manifests(&self, manifests: &[Rewrite], _lock: &EnvironmentLock) -> Result<()> {
        let root = self.project.root();
        let mut kept = Vec::new();
        for Rewrite { path, before, text } in manifests {
            let file = root.join(path);
            if fs::read(&file)?.as_deref() != Some(before.as_bytes()) {
                return Err(changed_meanwhile(&file));
            }
            fs::may_be_changed(&file)?;
            let written = Digest::of(text.as_bytes());
            kept.push(Kept { path: path.clone(), before: before.clone(), written });
        }
        let lock = fs::read(&self.project.cargo_lock())?.map(Content::from);
        let undo = Undo { lock, manifests: kept };
        if let Some(bad) = undo.manifests.iter().find(|kept| !kept.is_ours()) {
            return Err(Fault::new(format!("could not change {}", bad.path.display()))
                .why(format!("it lies outside the project {}", root.display()))
                .help("change it by hand, then run `envtool sync`"));
        }
        let text = serde_json::to_vec(&undo)
            .map_err(|error| Fault::bug("could not write the journal").because(&error))?;
        fs::create_folders(&self.layout.journals())?;
        fs::write(&self.layout.undo(), &text)?;
        manifests.iter().try_for_each(|rewrite| fs::write(&root.join(&rewrite.path), rewrite.text.as_bytes()))
    }

    /// Fails where a manifest that was written no longer holds that: somebody has saved it in an editor meanwhile.
    pub fn manifests_stand(&self, _lock: &EnvironmentLock) -> Result<()> {
        let Some(bytes) = fs::read(&self.layout.undo())? else { return Ok(()) };
        let undo: Undo = serde_json::from_slice(&bytes).map_err(|error| {
            Fault::new(format!("could not read {}", self.layout.undo().display()))
                .because(&error)
                .help("somebody wrote to it while envtool was at work: run it again")
        })?;
        for Kept { path, written, .. } in &undo.manifests {
            let path = self.project.root().join(path);
            if fs::read(&path)?.as_deref().map(Digest::of) != Some(*written) {
                return Err(changed_meanwhile(&path));
            }
        }
        Ok(())
    }

    /// Whether manifests stand changed, or a change is being made ready: an envtool is at work, or was killed.
    pub fn has_leftovers(&self) -> Result<bool> {
        Ok(fs::is_file(&self.layout.undo())? || fs::kind(&self.layout.staging())? != fs::Kind::Absent)
    }

    /// What there is to take back; `None` where there is nothing.
    fn read_undo(&self) -> Result<Option<Undo>> {
        let path = self.layout.undo();
        let Some(bytes) = fs::read(&path)? else { return Ok(None) };
        let unreadable = || {
            Fault::new(format!("could not read the journal {}", path.display()))
                .help(format!("compare Cargo.toml with your last commit, then remove {}", path.display()))
        };
        let undo: Undo = serde_json::from_slice(&bytes).map_err(|error| unreadable().because(&error))?;
        if !undo.manifests.iter().all(Kept::is_ours) {
            return Err(unreadable().why("it names what envtool never changes"));
        }
        Ok(Some(undo))
    }

    /// Refuses what an earlier envtool left, or a stranger, where it would write outside of the project.
    pub(super) fn refuse_strange_undo(&self) -> Result<()> {
        let Some(undo) = self.read_undo()? else { return Ok(()) };
        self.refuse_outside(&self.project.cargo_lock())?;
        undo.manifests.iter().try_for_each(|kept| self.refuse_outside(&self.project.root().join(&kept.path)))
    }

    /// Takes back what [`Environment::write_manifests`] wrote, and what cargo made of `Cargo.lock` for it. Where
    /// somebody has changed a manifest since, that one and the lock are theirs.
    pub fn put_back(&self, _lock: &EnvironmentLock) -> Result<()> {
        let path = self.layout.undo();
        let Some(undo) = self.read_undo()? else { return Ok(()) };
        let mut all_ours = true;
        for Kept { path, before, written } in &undo.manifests {
            let path = self.project.root().join(path);
            match fs::read(&path)? {
                Some(now) if Digest::of(&now) == *written => fs::write(&path, before.as_bytes())?,
                Some(now) if now == before.as_bytes() => {}
                _ => all_ours = false,
            }
        }
        if all_ours {
            put_lock_back(&self.project.root().join(CARGO_LOCK), undo.lock.as_ref().map(Content::bytes))?;
        }
        fs::remove_file(&path)
    }
}

/// The fault that a file is no longer what a change was made from.
pub fn changed_meanwhile(path: &Path) -> Fault {
    Fault::new(format!("{} has changed meanwhile", path.display()))
        .why("somebody else wrote it, and what they wrote stays")
        .help("run it again: what was fetched and built so far is kept")
}

fn put_lock_back(path: &Path, before: Option<&[u8]>) -> Result<()> {
    match before {
        Some(bytes) => fs::write_if_changed(path, bytes).map(drop),
        None => fs::remove_file(path),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::environment::{Environment, Rewrite};
    use crate::fs::{self, Waiting};
    use crate::layout::ProjectLayout;

    const WAITING: Waiting<'_> = Waiting { at_most: std::time::Duration::ZERO, tell: &|| () };

    fn read(root: &Path, name: &str) -> Option<String> {
        fs::read_text(&root.join(name)).unwrap()
    }

    #[test]
    fn a_change_that_was_not_decided_is_taken_back() {
        for (theirs, lock_before) in [(false, Some("before")), (false, None), (true, Some("before"))] {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path();
            let environment = Environment::create(&ProjectLayout::new(root.to_owned())).unwrap();
            fs::write(&root.join("Cargo.toml"), b"old").unwrap();
            if let Some(text) = lock_before {
                fs::write(&root.join("Cargo.lock"), text.as_bytes()).unwrap();
            }
            let lock = environment.lock(&WAITING).unwrap();
            let rewrite = |before: &str| Rewrite {
                path: "Cargo.toml".into(),
                before: before.to_owned(),
                text: "new".to_owned(),
            };
            let fault = environment.write_manifests(&[rewrite("older")], &lock).unwrap_err();
            assert!(fault.to_string().contains("changed meanwhile"), "{fault}");
            assert!(!environment.has_leftovers().unwrap());
            environment.write_manifests(&[rewrite("old")], &lock).unwrap();
            environment.manifests_stand(&lock).unwrap();
            fs::write(&root.join("Cargo.lock"), b"cargo's").unwrap();
            assert_eq!(read(root, "Cargo.toml").as_deref(), Some("new"));
            if theirs {
                fs::write(&root.join("Cargo.toml"), b"theirs").unwrap();
                assert!(environment.manifests_stand(&lock).is_err());
            }
            environment.recover(&lock).unwrap();
            assert!(!environment.has_leftovers().unwrap());
            assert_eq!(read(root, "Cargo.toml").as_deref(), Some(if theirs { "theirs" } else { "old" }));
            assert_eq!(
                read(root, "Cargo.lock").as_deref(),
                if theirs { Some("cargo's") } else { lock_before }
            );
        }
    }

    #[test]
    fn a_journal_of_a_stranger_writes_nothing_outside() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("p");
        fs::create_folders(&root).unwrap();
        let environment = Environment::create(&ProjectLayout::new(root)).unwrap();
        let lock = environment.lock(&WAITING).unwrap();
        for path in ["../Cargo.toml", "/etc/Cargo.toml", "src/main.rs"] {
            let rewrite = Rewrite { path: path.into(), before: String::new(), text: String::new() };
            assert!(environment.write_manifests(&[rewrite], &lock).is_err(), "{path}");
            let journal = format!(
                "{{\"lock\":null,\"manifests\":[{{\"path\":{path:?},\"before\":\"evil\",\"written\":\"{}\"}}]}}",
                "0".repeat(64)
            );
            fs::write(&environment.layout().undo(), journal.as_bytes()).unwrap();
            assert!(environment.recover(&lock).unwrap_err().help_text().is_some(), "{path}");
            assert_eq!(read(folder.path(), "Cargo.toml"), None);
        }
    }
}
