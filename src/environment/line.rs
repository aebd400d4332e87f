//! The first line of a script of the project, which names the program that starts it: the one thing of a user's file
//! that a fix of `doctor` changes. The rest of the file, its line ends and its mode stay.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Environment, EnvironmentLock, changed_meanwhile};
use crate::fault::Result;
use crate::fs::{self, Kind};
use crate::layout::ENVIRONMENT;

/// How a line begins that names no place of one machine.
const PORTABLE: &str = "#!/usr/bin/env ";

/// A first line, and what is to stand in its place; neither with its line end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The file, from the project's folder.
    pub file: PathBuf,
    /// What stands there.
    pub from: String,
    /// What is to stand there.
    pub to: String,
}

impl Line {
    /// The same, the other way round.
    #[must_use]
    pub(super) fn back(self) -> Self {
        Self { file: self.file, from: self.to, to: self.from }
    }

    /// What lies on disk may come from a stranger: a line is one of a script, a file one of the project, and one of the
    /// two lines names no place.
    pub(super) fn is_ours(&self) -> bool {
        let is_line = |line: &str| line.starts_with("#!") && !line.contains(char::is_control);
        is_line(&self.from)
            && is_line(&self.to)
            && (self.from.starts_with(PORTABLE) || self.to.starts_with(PORTABLE))
            && self.file.components().all(|part| matches!(part, Component::Normal(_)))
            && self.file.components().next().is_some_and(|first| {
                ![ENVIRONMENT, ".git"].iter().any(|name| first.as_os_str().eq_ignore_ascii_case(name))
            })
    }
}

/// The first line of a file's bytes, without its end.
fn first(bytes: &[u8]) -> &[u8] {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The first line of a script; `None` where the file is none, or it is no text.
pub fn first_line(bytes: &[u8]) -> Option<&str> {
    bytes.starts_with(b"#!").then(|| std::str::from_utf8(first(bytes)).ok()).flatten()
}

impl Environment {
    /// Fails where a line that is to be replaced stands there no more, or in a file that may not be written.
    pub fn line_stands(&self, line: &Line, _lock: &EnvironmentLock) -> Result<()> {
        let path = self.project.root().join(&line.file);
        self.refuse_link_on_the_way(&line.file)?;
        match fs::read(&path)? {
            Some(bytes) if first(&bytes) == line.from.as_bytes() => fs::may_be_changed(&path),
            _ => Err(changed_meanwhile(&path)),
        }
    }

    /// Refuses where a file, or a folder that it lies in, is a link: it may lead out of the project.
    pub(super) fn refuse_link_on_the_way(&self, file: &Path) -> Result<()> {
        let mut path = self.project.root().to_owned();
        for part in file.components() {
            path.push(part);
            self.refuse_link(&path)?;
        }
        Ok(())
    }

    /// What the first line of a file is now; `None` where the file is gone.
    pub(super) fn line_now(&self, file: &Path) -> Result<Option<Vec<u8>>> {
        Ok(fs::read(&self.project.root().join(file))?.map(|bytes| first(&bytes).to_owned()))
    }

    /// Puts a line in place. What is neither the one nor the other is somebody else's by now, and stays. May be
    /// repeated.
    pub(super) fn put_line(&self, line: &Line) -> Result<()> {
        let path = self.project.root().join(&line.file);
        self.refuse_link_on_the_way(&line.file)?;
        if fs::kind(&path)? != Kind::File {
            return Ok(());
        }
        let Some(bytes) = fs::read(&path)? else { return Ok(()) };
        let old = first(&bytes);
        if old != line.from.as_bytes() {
            return Ok(());
        }
        let next = [line.to.as_bytes(), &bytes[old.len()..]].concat();
        fs::write(&path, &next)
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, first_line};
    use crate::environment::Environment;
    use crate::fault::Result;
    use crate::fs::{self, Waiting};
    use crate::layout::ProjectLayout;

    const WAITING: Waiting<'_> = Waiting { at_most: std::time::Duration::ZERO, tell: &|| () };
    const OLD: &str = "#!/home/me/bin/python3";
    const NEW: &str = "#!/usr/bin/env python3";

    fn line(file: &str) -> Line {
        Line { file: file.into(), from: OLD.to_owned(), to: NEW.to_owned() }
    }

    fn fix(environment: &Environment, line: &Line) -> Result<()> {
        let lock = environment.lock(&WAITING).unwrap();
        environment.line_stands(line, &lock)?;
        let mut change = environment.begin(&lock)?;
        change.line(line.clone());
        environment.commit_kept(change, None, &lock)
    }

    fn undo(environment: &Environment) -> Result<bool> {
        environment.undo(&environment.lock(&WAITING).unwrap())
    }

    fn project() -> (tempfile::TempDir, Environment) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("p");
        fs::create_folders(&root.join("bin")).unwrap();
        let environment = Environment::create(&ProjectLayout::new(root)).unwrap();
        (folder, environment)
    }

    #[test]
    fn a_first_line_is_changed_alone_and_taken_back() {
        let (folder, environment) = project();
        let path = folder.path().join("p/bin/tool");
        for rest in ["\nimport x\n", "\r\nimport x\r\n", "", "\n\u{e9}\0", "\r"] {
            let text = format!("{OLD}{rest}");
            fs::write(&path, text.as_bytes()).unwrap();
            fs::set_mode(&path, 0o750).unwrap();
            fix(&environment, &line("bin/tool")).unwrap();
            let fixed = fs::read(&path).unwrap().unwrap();
            assert_eq!(fixed, format!("{NEW}{rest}").as_bytes());
            #[cfg(unix)]
            assert_eq!(fs::mode(&fs::metadata(&path).unwrap().unwrap()), 0o750);
            // What was written below it since stays.
            let more = [fixed.as_slice(), b"\nmore"].concat();
            fs::write(&path, &more).unwrap();
            assert!(undo(&environment).unwrap());
            assert_eq!(fs::read(&path).unwrap().unwrap(), format!("{text}\nmore").as_bytes());
            assert!(!undo(&environment).unwrap());
        }
        assert_eq!(first_line(b"#!/x\r\ny"), Some("#!/x"));
        assert_eq!(first_line(b"x"), None);
    }

    #[test]
    fn a_line_that_somebody_changed_is_theirs() {
        let (folder, environment) = project();
        let path = folder.path().join("p/tool");
        assert!(fix(&environment, &line("tool")).is_err());
        fs::write(&path, b"#!/bin/sh\n").unwrap();
        assert!(fix(&environment, &line("tool")).unwrap_err().to_string().contains("changed meanwhile"));
        fs::write(&path, OLD.as_bytes()).unwrap();
        fix(&environment, &line("tool")).unwrap();
        fs::write(&path, b"#!/bin/sh\n").unwrap();
        let fault = undo(&environment).unwrap_err();
        assert!(
            fault.to_string().contains("tool has changed since") && fault.help_text().is_some(),
            "{fault}"
        );
        // A script that is gone has no line to take back.
        fs::remove_file(&path).unwrap();
        assert!(undo(&environment).unwrap());
        assert_eq!(fs::kind(&path).unwrap(), fs::Kind::Absent);
    }

    #[test]
    fn a_change_that_was_cut_short_is_finished() {
        let (folder, environment) = project();
        let path = folder.path().join("p/tool");
        let root = folder.path().join("p/.envtool");
        let journal = |line: &Line| {
            let lines = serde_json::to_string(&[line]).unwrap();
            format!(
                "{{\"drop_cargo_toml\":false,\"folders\":[],\"receipts_gone\":[],\"folders_gone\":[],\"files\":[],\"lines\":{lines}}}"
            )
        };
        let recover = |line: &Line| {
            fs::create_folders(&root.join("journal")).unwrap();
            fs::write(&root.join("journal/sync.json"), journal(line).as_bytes()).unwrap();
            environment.recover(&environment.lock(&WAITING).unwrap())
        };
        for before in [OLD, NEW, "#!/bin/sh"] {
            fs::write(&path, format!("{before}\nx\n").as_bytes()).unwrap();
            recover(&line("tool")).unwrap();
            let expected = if before == OLD { NEW } else { before };
            assert_eq!(fs::read_text(&path).unwrap().unwrap(), format!("{expected}\nx\n"));
        }
        // One that a stranger sent.
        let home = folder.path().join("home");
        fs::create_folders(&home).unwrap();
        fs::write(&home.join("tool"), OLD.as_bytes()).unwrap();
        fs::write(&path, OLD.as_bytes()).unwrap();
        let refused = |line: &Line| {
            assert!(recover(line).unwrap_err().help_text().is_some(), "{line:?}");
            fs::remove_file(&root.join("journal/sync.json")).unwrap();
            for path in [&home.join("tool"), &path] {
                assert_eq!(fs::read_text(path).unwrap().unwrap(), OLD, "{line:?}");
            }
        };
        for file in [
            "../home/tool",
            "",
            ".",
            "..",
            ".envtool/bin/x",
            ".GIT/hooks/x",
            home.join("tool").to_str().unwrap(),
        ] {
            refused(&line(file));
        }
        refused(&Line { to: "#!/tmp/evil".to_owned(), ..line("tool") });
        refused(&Line { to: format!("{NEW}\nevil"), ..line("tool") });
        refused(&Line { from: "x".to_owned(), ..line("tool") });
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("../home", folder.path().join("p/sub")).unwrap();
            std::os::unix::fs::symlink("../home/tool", folder.path().join("p/link")).unwrap();
            refused(&line("sub/tool"));
            refused(&line("link"));
        }
    }
}
