//! How far a journal is followed that lies on disk: it may come from a stranger, and so may a link beside it that leads
//! elsewhere. What it names lies in the project; so has to do what that is on this machine.

use std::path::{Path, PathBuf};

use super::Environment;
use crate::fault::{Fault, Result};
use crate::fs::{self, Kind};
use crate::layout::{BIN, PYTHON, is_crate_folder};

impl Environment {
    /// Refuses where a folder of the environment, or of what is staged, is a link: envtool never makes such.
    pub(super) fn refuse_links(&self) -> Result<()> {
        let (receipts, staging) = (self.layout.receipts(), self.layout.staging());
        let tools = self.layout.tool_venvs();
        let mut folders = vec![
            self.layout.journals(),
            receipts.clone(),
            staging.clone(),
            staging.join("receipts"),
            tools.clone(),
        ];
        for name in fs::names(self.layout.root())?.unwrap_or_default() {
            if name.to_str().is_some_and(|name| name == BIN || name == PYTHON || is_crate_folder(name)) {
                folders.push(self.layout.root().join(name));
            }
        }
        // From the outermost in, so that no link is followed to look.
        for folder in &folders {
            self.refuse_link(folder)?;
        }
        for folder in [&receipts, &staging, &staging.join("receipts"), &tools] {
            for name in fs::names(folder)?.unwrap_or_default() {
                self.refuse_link(&folder.join(name))?;
            }
        }
        Ok(())
    }

    /// Refuses where the records of the environment lie elsewhere: what is kept of fixes, and receipts. These are
    /// written, moved and removed by every change, whatever a journal says; so are the folders in `tools/`.
    pub(super) fn refuse_linked_records(&self) -> Result<()> {
        self.refuse_link(&self.layout.tool_venvs())?;
        for folder in [self.layout.journals(), self.layout.receipts()] {
            self.refuse_link(&folder)?;
            for name in fs::names(&folder)?.unwrap_or_default() {
                self.refuse_link(&folder.join(name))?;
            }
        }
        Ok(())
    }

    pub(super) fn refuse_link(&self, path: &Path) -> Result<()> {
        match fs::kind(path)? {
            Kind::Link => Err(self.refused(path, "it is a link, and envtool made none there")),
            _ => Ok(()),
        }
    }

    /// Refuses where a file beside the environment leads out of the project. Where `.envtool` itself is a link, cargo's
    /// records lie where that leads.
    pub(super) fn refuse_outside(&self, file: &Path) -> Result<()> {
        let homes = [fs::canonical(self.project.root())?, fs::canonical(self.layout.root())?];
        let mut there: PathBuf = file.to_owned();
        while fs::metadata(&there)?.is_none() && there.pop() {}
        let there = fs::canonical(&there)?;
        match there.starts_with(&homes[0])
            || file.starts_with(self.layout.root()) && there.starts_with(&homes[1])
        {
            true => Ok(()),
            false => Err(self
                .refused(file, "it leads out of the project")
                .help("put the file itself in the place of the link, and run it again")),
        }
    }

    fn refused(&self, path: &Path, why: &str) -> Fault {
        Fault::new(format!("could not change the environment: {} is in the way", path.display()))
            .why(why.to_owned())
            .help(format!(
                "see what it is; to begin anew, remove {} and run `envtool sync`",
                self.layout.root().display()
            ))
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use crate::digest::Digest;
    use crate::environment::{Beside, Environment};
    use crate::fs::{self, Waiting};
    use crate::layout::ProjectLayout;

    const WAITING: Waiting<'_> = Waiting { at_most: std::time::Duration::ZERO, tell: &|| () };
    const UNDO: &str = r#"{"lock":"evil","manifests":[]}"#;

    fn sync(files: &str) -> String {
        format!(
            r#"{{"drop_cargo_toml":false,"folders":[{{"name":"vendor","identity":null,"ours":[]}}],"receipts_gone":[],"folders_gone":[],"files":[{files}]}}"#
        )
    }

    /// A stranger's project: a journal, what is staged, and a link to the victim's folder or file.
    fn refuses(journal: (&str, &str), link: &str, to: &str, staged: &[(&str, &str)]) {
        let folder = tempfile::tempdir().unwrap();
        let (root, home) = (folder.path().join("p"), folder.path().join("home"));
        fs::create_folders(&root).unwrap();
        fs::create_folders(&home).unwrap();
        fs::write(&home.join("file"), b"mine").unwrap();
        let environment = Environment::create(&ProjectLayout::new(root.clone())).unwrap();
        for (name, text) in staged.iter().chain([&journal]) {
            let path = root.join(".envtool").join(name);
            fs::create_folders(path.parent().unwrap()).unwrap();
            fs::write(&path, text.as_bytes()).unwrap();
        }
        let link = root.join(link);
        fs::remove_tree(&link).unwrap();
        symlink(Path::new(to), &link).unwrap();
        let lock = environment.lock(&WAITING).unwrap();
        let fault = environment.recover(&lock).unwrap_err();
        assert!(fault.to_string().contains("is in the way"), "{fault}");
        assert!(fault.help_text().is_some());
        assert_eq!(fs::names(&home).unwrap().unwrap(), ["file"], "{}", link.display());
        assert_eq!(fs::read(&home.join("file")).unwrap().unwrap(), b"mine", "{}", link.display());
    }

    #[test]
    fn a_strangers_journal_reaches_nothing_through_a_link() {
        let undo = ("journal/undo.json", UNDO);
        refuses(undo, "Cargo.lock", "../home/file", &[]);
        let lock = sync(r#""lock""#);
        refuses(
            ("journal/sync.json", &lock),
            "envtool.lock",
            "../home/file",
            &[("staging/beside-lock", "evil")],
        );
        let config = sync(r#""cargo-config""#);
        let staged = [("staging/beside-cargo-config", "evil")];
        refuses(("journal/sync.json", &config), ".cargo", "../home", &staged);
        let theirs = Beside::Theirs("share/x".into());
        let staged = format!("staging/{}", theirs.staged());
        let theirs = sync(&serde_json::to_string(&theirs).unwrap());
        for (link, to) in [(".envtool/share", "../../home"), (".envtool/share/x", "../../../home/file")] {
            let folder = [(".gitkeep", ""), ("share/y", ""), (staged.as_str(), "evil")];
            refuses(("journal/sync.json", &theirs), link, to, &folder);
        }
        let none = sync("");
        let receipt = [("staging/receipts/vendor/x", "evil"), ("receipts/vendor/y", "")];
        refuses(("journal/sync.json", &none), ".envtool/receipts/vendor", "../../../home", &receipt);
        refuses(("journal/sync.json", &none), ".envtool/staging", "../../home", &[]);
        refuses(
            ("journal/sync.json", &none),
            ".envtool/vendor",
            "../../home",
            &[("staging/old-vendor/x", "evil")],
        );
        // What an undo takes from, and a fix is kept in.
        let from = r#"{"drop_cargo_toml":false,"folders":[{"name":"bin","identity":null,"ours":["file"]}],"receipts_gone":[],"folders_gone":[],"files":[],"from":1}"#;
        refuses(("journal/sync.json", from), ".envtool/journal/fix-1", "../../../home", &[]);
        refuses(
            ("journal/sync.json", from),
            ".envtool/journal/fix-1/bin",
            "../../../../home",
            &[("journal/fix-1/done", "")],
        );
        let keep = from.replace("from", "keep");
        refuses(
            ("journal/sync.json", &keep),
            ".envtool/journal/fix-1",
            "../../../home",
            &[("staging/bin/x", "")],
        );
        // The venvs of tools lie one folder deeper.
        let gone = r#"{"drop_cargo_toml":false,"folders":[],"receipts_gone":[],"folders_gone":["python-file"],"files":[]}"#;
        refuses(("journal/sync.json", gone), ".envtool/tools", "../../home", &[]);
        refuses(("journal/sync.json", &none), ".envtool/tools/x", "../../../home", &[("tools/y", "")]);
        refuses(("journal/sync.json", &none), ".envtool/python", "../../home", &[]);
        // With no journal at all.
        for (link, to) in [
            (".envtool/tools", "../../home"),
            (".envtool/receipts", "../../home"),
            (".envtool/receipts/tools", "../../../home"),
            (".envtool/journal", "../../home"),
        ] {
            refuses(("share/x", ""), link, to, &[("receipts/vendor/x", "")]);
        }
        let vendor = [("staging/receipts/x", ""), ("vendor/x", "")];
        refuses(("journal/sync.json", &none), ".envtool/staging/vendor", "../../../home", &vendor);
    }

    #[test]
    fn a_strangers_journal_writes_no_manifest_through_a_members_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (root, home) = (folder.path().join("p"), folder.path().join("home"));
        fs::create_folders(&root).unwrap();
        fs::create_folders(&home).unwrap();
        fs::write(&home.join("Cargo.toml"), b"mine").unwrap();
        let environment = Environment::create(&ProjectLayout::new(root.clone())).unwrap();
        symlink("../home", root.join("sub")).unwrap();
        let undo = format!(
            r#"{{"lock":null,"manifests":[{{"path":"sub/Cargo.toml","before":"evil","written":"{}"}}]}}"#,
            Digest::of(b"mine")
        );
        fs::write(&environment.layout().undo(), undo.as_bytes()).unwrap();
        let lock = environment.lock(&WAITING).unwrap();
        assert!(environment.recover(&lock).is_err());
        assert_eq!(fs::read(&home.join("Cargo.toml")).unwrap().unwrap(), b"mine");
    }
}
