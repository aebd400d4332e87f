//! How a change is decided by the journal and carried out step by step.
//!
//! The journal is the point of no return. Before it is written, a change that ends early leaves nothing but `staging/`,
//! which the next change removes. After it, [`Environment::recover`] carries out what is left of it: each step looks
//! whether it was done already, so it may be repeated from the start.
//!
//! The order keeps plain `cargo` working at every moment: a folder is exchanged in one step, `cargo.toml` is replaced
//! when all that it names is there, and a folder that it no longer names goes after it.

use super::change::Change;
use super::journal::{Folder, Journal};
use super::{Environment, EnvironmentLock};
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::RESOLVING;

impl Environment {
    /// Whether an earlier change was decided and not finished.
    pub fn is_interrupted(&self) -> Result<bool> {
        fs::is_file(&self.layout.journal())
    }

    /// Carries a change out.
    pub fn commit(&self, mut change: Change, lock: &EnvironmentLock) -> Result<()> {
        self.refuse_writes_outside(&change)?;
        for folder in change.journal.folders.iter_mut().filter(|folder| folder.identity.is_none()) {
            folder.identity = fs::identity(&change.staging.join(&folder.name))?;
        }
        let text = serde_json::to_vec(&change.journal)
            .map_err(|error| Fault::bug("could not write the journal").because(&error))?;
        fs::create_folders(&self.layout.journals())?;
        fs::write(&self.layout.journal(), &text)?;
        change.decided = true;
        self.carry_out(&change.journal, lock)
    }

    /// Refuses a change that writes through a link out of the project, as whoever finished it would.
    pub(super) fn refuse_writes_outside(&self, change: &Change) -> Result<()> {
        let mut files = change.journal.files.iter().chain(&change.journal.files_gone);
        files.try_for_each(|file| self.refuse_outside(&file.path(&self.project)))
    }

    /// Finishes a change that was decided, and takes back what one that was not has left.
    pub fn recover(&self, lock: &EnvironmentLock) -> Result<()> {
        self.refuse_linked_records()?;
        self.finish(lock)?;
        self.refuse_strange_undo()?;
        self.put_back(lock)
    }

    pub(super) fn finish(&self, lock: &EnvironmentLock) -> Result<()> {
        let path = self.layout.journal();
        match fs::read(&path)? {
            None => fs::remove_tree(&self.layout.staging()),
            Some(bytes) => {
                let unreadable = || {
                    Fault::new(format!("could not read the journal {}", path.display()))
                        .help(format!("remove {} and run `envtool sync`", path.display()))
                };
                let journal: Journal =
                    serde_json::from_slice(&bytes).map_err(|error| unreadable().because(&error))?;
                if !journal.is_ours() {
                    return Err(unreadable().why("it names what envtool never puts into an environment"));
                }
                self.refuse_links()?;
                if let Some(number) = journal.from {
                    let kept = self.fix_folder(number);
                    journal.folders.iter().try_for_each(|one| self.refuse_link(&kept.join(&one.name)))?;
                }
                for file in journal.files.iter().chain(&journal.files_gone) {
                    self.refuse_outside(&file.path(&self.project))?;
                }
                journal.lines.iter().try_for_each(|line| self.refuse_link_on_the_way(&line.file))?;
                self.carry_out(&journal, lock)
            }
        }
    }

    /// Removes what a killed envtool was writing aside: configurations for cargo, and files not yet renamed.
    pub fn clear_leftovers(&self, _lock: &EnvironmentLock) -> Result<()> {
        for folder in [self.layout.root().to_owned(), self.layout.bin(), self.layout.journals()] {
            for name in fs::names(&folder)?.unwrap_or_default() {
                if name
                    .to_str()
                    .is_some_and(|name| name.starts_with(RESOLVING) || name.starts_with(fs::ASIDE))
                {
                    fs::remove_file(&folder.join(name))?;
                }
            }
        }
        self.clear_unfinished_fixes()
    }

    fn carry_out(&self, journal: &Journal, _lock: &EnvironmentLock) -> Result<()> {
        let staging = self.layout.staging();
        // From here on there is no way back.
        fs::remove_file(&self.layout.undo())?;
        if let Some(number) = journal.from {
            self.bring_back(number, &journal.folders)?;
        }
        if journal.drop_cargo_toml {
            fs::remove_file(&self.layout.cargo_toml())?;
        }
        for folder in &journal.folders {
            self.put_in_place(folder)?;
        }
        self.exchange_receipts(journal)?;
        let cargo_toml = staging.join("cargo.toml");
        if fs::is_file(&cargo_toml)? {
            fs::rename(&cargo_toml, &self.layout.cargo_toml())?;
        }
        for name in journal.folders_gone.iter().filter(|_| journal.keep.is_none()) {
            fs::remove_tree(&self.layout.folder(name))?;
        }
        for file in &journal.files_gone {
            fs::remove_file(&file.path(&self.project))?;
        }
        let cargo = self.project.cargo_folder();
        if journal.cargo_folder_gone
            && fs::kind(&cargo)? == fs::Kind::Folder
            && fs::names(&cargo)?.is_some_and(|names| names.is_empty())
        {
            fs::remove_tree(&cargo)?;
        }
        for file in &journal.files {
            if let Some(bytes) = fs::read(&staging.join(file.staged()))? {
                let to = file.path(&self.project);
                fs::create_folders(to.parent().unwrap_or(&to))?;
                fs::write(&to, &bytes)?;
            }
        }
        journal.lines.iter().try_for_each(|line| self.put_line(line))?;
        if let Some(number) = journal.keep {
            self.keep(number, journal)?;
        }
        if let Some(number) = journal.from {
            self.forget(number)?;
        }
        fs::remove_file(&self.layout.journal())?;
        fs::remove_tree(&staging)
    }

    fn put_in_place(&self, folder: &Folder) -> Result<()> {
        let staged = self.layout.staging().join(&folder.name);
        let live = self.layout.folder(&folder.name);
        let aside = self.layout.staging().join(format!("old-{}", folder.name));
        let pending = folder.identity.is_some() && fs::identity(&staged)? == folder.identity;
        if !pending && fs::is_folder(&staged)? && fs::identity(&live)? != folder.identity {
            return Err(Fault::new(format!("could not finish the change of {}", live.display()))
                .why("the environment was copied in the middle of it")
                .help(format!("remove {} and run `envtool sync`", self.layout.root().display())));
        }
        if pending {
            if !fs::is_folder(&live)? {
                // The venv of a tool lies in a folder with others.
                fs::create_folders(live.parent().unwrap_or(&live))?;
                fs::rename(&staged, &live)?;
            } else if !(self.exchange)(&staged, &live)? {
                // Two renames: a cargo that starts between them must not meet a folder that is named and absent.
                let cargo_toml = self.layout.cargo_toml();
                let next = self.layout.staging().join("cargo.toml");
                if fs::is_file(&next)? {
                    fs::remove_file(&cargo_toml)?;
                } else if fs::is_file(&cargo_toml)? {
                    fs::rename(&cargo_toml, &next)?;
                }
                fs::rename(&live, &aside)?;
                fs::rename(&staged, &live)?;
            }
        }
        for old in [staged, aside] {
            for entry in fs::names(&old)?.unwrap_or_default() {
                let is_ours = entry.to_str().is_some_and(|name| folder.ours.contains(name));
                let to = live.join(&entry);
                if !is_ours && fs::kind(&to)? == fs::Kind::Absent {
                    fs::rename(&old.join(&entry), &to)?;
                }
            }
        }
        Ok(())
    }

    fn exchange_receipts(&self, journal: &Journal) -> Result<()> {
        let staged = self.layout.staging().join("receipts");
        for (folder, file) in &journal.receipts_gone {
            fs::remove_file(&self.layout.receipts().join(folder).join(file))?;
        }
        for folder in fs::names(&staged)?.unwrap_or_default() {
            let live = self.layout.receipts().join(&folder);
            fs::create_folders(&live)?;
            let staged = staged.join(folder);
            for file in fs::names(&staged)?.unwrap_or_default() {
                fs::rename(&staged.join(&file), &live.join(&file))?;
            }
        }
        for folder in &journal.folders_gone {
            // Receipts may come back where what they speak of was gone before the fix that is taken back.
            if !fs::is_folder(&staged.join(folder))? {
                fs::remove_tree(&self.layout.receipts().join(folder))?;
            }
        }
        for folder in &journal.receipt_folders_gone {
            let folder = self.layout.receipts().join(folder);
            if fs::names(&folder)?.is_some_and(|names| names.is_empty()) {
                fs::remove_tree(&folder)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use tempfile::TempDir;

    use crate::environment::Environment;
    use crate::fault::{Fault, Result};
    use crate::fs::{self, Waiting};
    use crate::layout::ProjectLayout;

    const WAITING: Waiting<'_> = Waiting { at_most: std::time::Duration::ZERO, tell: &|| () };

    #[expect(clippy::unnecessary_wraps, reason = "it stands in for one that can fail")]
    fn cannot(_: &Path, _: &Path) -> Result<bool> {
        Ok(false)
    }

    fn dies(_: &Path, _: &Path) -> Result<bool> {
        Err(Fault::new("killed"))
    }

    fn names(environment: &Environment, folder: &str) -> BTreeSet<String> {
        let names = fs::names(&environment.layout().folder(folder)).unwrap().unwrap_or_default();
        names.into_iter().map(|name| name.into_string().unwrap()).collect()
    }

    /// An environment whose `vendor` holds `old` and `mine`, and a change that puts `new` in the place of `old`.
    fn change(exchange: fn(&Path, &Path) -> Result<bool>) -> (TempDir, Environment, Result<()>) {
        let project = tempfile::tempdir().unwrap();
        let mut environment = Environment::create(&ProjectLayout::new(project.path().to_owned())).unwrap();
        let vendor = environment.layout().folder("vendor");
        fs::create_folders(&vendor).unwrap();
        for name in ["old", "mine"] {
            fs::write_new(&vendor.join(name), b"").unwrap();
        }
        fs::write(&environment.layout().cargo_toml(), b"old").unwrap();
        environment.exchange = exchange;
        let lock = environment.lock(&WAITING).unwrap();
        let mut change = environment.begin(&lock).unwrap();
        let staged = change.folder("vendor").unwrap();
        fs::write_new(&staged.join("new"), b"").unwrap();
        change.ours("vendor", ["old".to_owned()]);
        change.cargo_toml(Some("new")).unwrap();
        change.file(crate::environment::Beside::Lock, b"lock").unwrap();
        let done = environment.commit(change, &lock);
        (project, environment, done)
    }

    fn is_new(project: &TempDir, environment: &Environment) {
        assert_eq!(names(environment, "vendor"), BTreeSet::from(["mine".to_owned(), "new".to_owned()]));
        assert_eq!(fs::read_text(&environment.layout().cargo_toml()).unwrap().as_deref(), Some("new"));
        assert!(fs::is_file(&project.path().join("envtool.lock")).unwrap());
        assert!(!environment.is_interrupted().unwrap());
        assert_eq!(fs::kind(&environment.layout().staging()).unwrap(), fs::Kind::Absent);
    }

    #[test]
    fn a_change_is_carried_out_with_one_step_or_with_two_renames() {
        for exchange in [fs::exchange, cannot] {
            let (project, environment, done) = change(exchange);
            done.unwrap();
            is_new(&project, &environment);
        }
    }

    #[test]
    fn a_change_that_was_decided_is_finished_by_the_next() {
        for next in [fs::exchange, cannot] {
            let (project, mut environment, done) = change(dies);
            assert_eq!(done.unwrap_err().what(), "killed");
            assert!(environment.is_interrupted().unwrap());
            assert!(names(&environment, "vendor").contains("old"));
            environment.exchange = next;
            let lock = environment.lock(&WAITING);
            environment.recover(&lock.unwrap()).unwrap();
            is_new(&project, &environment);
        }
    }

    #[test]
    fn a_change_between_two_renames_is_finished_by_the_next() {
        let (project, mut environment, _) = change(dies);
        let live = environment.layout().folder("vendor");
        fs::rename(&live, &environment.layout().staging().join("old-vendor")).unwrap();
        environment.exchange = cannot;
        let lock = environment.lock(&WAITING).unwrap();
        environment.recover(&lock).unwrap();
        is_new(&project, &environment);
    }

    #[test]
    fn a_journal_of_a_stranger_is_refused_and_nothing_is_touched() {
        for journal in [
            r#"{"drop_cargo_toml":false,"folders":[],"receipts_gone":[],"folders_gone":["../victim"],"files":[]}"#,
            r#"{"drop_cargo_toml":false,"folders":[],"receipts_gone":[],"folders_gone":[],"files":["/etc/passwd"]}"#,
            r#"{"drop_cargo_toml":false,"folders":[{"name":"journal","identity":1,"ours":[]}],"receipts_gone":[],"folders_gone":[],"files":[]}"#,
            r#"{"drop_cargo_toml":false,"folders":[],"receipts_gone":[],"folders_gone":[],"files":[{"theirs":"../victim/x"}]}"#,
            r#"{"drop_cargo_toml":false,"folders":[],"receipts_gone":[],"folders_gone":[],"files":[{"theirs":"/etc/passwd"}]}"#,
            r#"{"drop_cargo_toml":false,"folders":[],"receipts_gone":[],"folders_gone":[],"files":[{"theirs":"env.toml"}]}"#,
        ] {
            let (project, environment, done) = change(fs::exchange);
            done.unwrap();
            fs::create_folders(&project.path().join("victim")).unwrap();
            fs::write(&environment.layout().journal(), journal.as_bytes()).unwrap();
            let lock = environment.lock(&WAITING).unwrap();
            assert!(environment.recover(&lock).unwrap_err().help_text().is_some(), "{journal}");
            assert!(fs::is_folder(&project.path().join("victim")).unwrap());
        }
    }

    #[test]
    fn a_change_that_was_not_decided_leaves_nothing() {
        let (_project, environment, done) = change(fs::exchange);
        done.unwrap();
        let lock = environment.lock(&WAITING).unwrap();
        let mut change = environment.begin(&lock).unwrap();
        change.folder("vendor").unwrap();
        drop(change);
        assert!(names(&environment, "vendor").contains("new"));
        assert_eq!(fs::kind(&environment.layout().staging()).unwrap(), fs::Kind::Absent);
    }
}
