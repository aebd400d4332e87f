//! Makes git repositories on this machine, reached by `file://`, with the real git.

use std::fs;
use std::path::{Path, PathBuf};

use super::sandbox::Sandbox;

/// A repository below the sandbox's `HOME/git`, its first branch `main`.
pub(crate) struct GitRepo<'a> {
    sandbox: &'a Sandbox,
    dir: PathBuf,
}

impl<'a> GitRepo<'a> {
    /// An empty repository without a commit.
    pub(crate) fn new(sandbox: &'a Sandbox, name: &str) -> Self {
        let dir = sandbox.home().join("git").join(name);
        fs::create_dir_all(&dir).unwrap();
        let repo = Self { sandbox, dir };
        repo.git(&["init", "--quiet", "--initial-branch", "main"]);
        repo
    }

    /// Runs git in the repository; what it prints, trimmed.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.sandbox.git(&self.dir, args)
    }

    /// The address that a manifest names.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.dir.display())
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes a file, making its folders.
    pub(crate) fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Writes a crate into the folder `at` ("" for the root): its library's `id()` gives `text`.
    pub(crate) fn telling(&self, at: &str, name: &str, text: &str) -> &Self {
        let at = if at.is_empty() { String::new() } else { format!("{at}/") };
        self.write(
            &format!("{at}Cargo.toml"),
            &format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        )
        .write(&format!("{at}src/lib.rs"), &format!("pub fn id() -> &'static str {{ {text:?} }}\n"))
    }

    /// Commits everything; the commit's full hash.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Makes a branch here and goes to it.
    pub(crate) fn branch(&self, name: &str) -> &Self {
        self.git(&["checkout", "--quiet", "-b", name]);
        self
    }

    /// Goes to a branch that is there.
    pub(crate) fn checkout(&self, name: &str) -> &Self {
        self.git(&["checkout", "--quiet", name]);
        self
    }

    pub(crate) fn tag(&self, name: &str) -> &Self {
        self.git(&["tag", name]);
        self
    }
}
