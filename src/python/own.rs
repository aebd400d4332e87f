//! The Python of a project: its files, and the modules that it is itself.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::fault::Result;
use crate::fs;

/// The largest file that is read, and how many entries of folders are looked at.
const LARGEST: u64 = 1_000_000;
const MOST: usize = 50_000;

/// Folders that are no source of the project: what was made, what is somebody else's, and data of tests.
const NOT_OURS: &[&str] = &[
    "target",
    "node_modules",
    "vendor",
    "__pycache__",
    "site-packages",
    "dist-packages",
    "build",
    "dist",
    "fixtures",
    "snapshots",
    "testdata",
    "test-data",
    "venv",
    ".venv",
    ".envtool",
    ".git",
    ".tox",
    ".nox",
    ".eggs",
];

/// The Python files of a project.
#[derive(Debug, Default)]
pub struct Sources {
    /// Every file, its path from the root.
    pub files: Vec<PathBuf>,
    /// Virtual environments in the project, from the root.
    pub venvs: Vec<PathBuf>,
}

/// Finds the Python files of a project: `*.py`, and files without an ending whose first line calls a Python. No link is
/// followed.
pub fn sources(root: &Path) -> Result<Sources> {
    let mut sources = Sources::default();
    let venvs = RefCell::new(Vec::new());
    let own = |entry: &walkdir::DirEntry| {
        if entry.depth() == 0 || !entry.file_type().is_dir() {
            return true;
        }
        if fs::is_file(&entry.path().join("pyvenv.cfg")).unwrap_or(false) {
            venvs.borrow_mut().extend(entry.path().strip_prefix(root).map(Path::to_owned));
            return false;
        }
        !NOT_OURS.contains(&entry.file_name().to_string_lossy().as_ref())
    };
    let walk =
        walkdir::WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(own).flatten().take(MOST);
    for entry in walk.filter(|entry| entry.file_type().is_file()) {
        let path = entry.path();
        let is_python = match path.extension() {
            Some(ending) => ending == "py",
            None => first_line(path)?.is_some_and(|line| calls_python(&line)),
        };
        if is_python && entry.metadata().is_ok_and(|about| about.len() <= LARGEST) {
            sources.files.extend(path.strip_prefix(root).map(Path::to_owned));
        }
    }
    sources.venvs = venvs.into_inner();
    Ok(sources)
}

/// The first line of a file that begins with `#!`.
fn first_line(path: &Path) -> Result<Option<String>> {
    let Some(file) = fs::open(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    let read = file.take(512).read_to_end(&mut bytes);
    read.map_err(|error| fs::failed("read", path, &error))?;
    Ok(bytes.starts_with(b"#!").then(|| {
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        String::from_utf8_lossy(line).into_owned()
    }))
}

/// Whether a first line calls a Python, by a word that is `python`, `python3`, `/usr/bin/python3.11`.
pub fn calls_python(line: &str) -> bool {
    let names_it = |word: &str| {
        let name = word.rsplit('/').next().unwrap_or(word);
        name.strip_prefix("python").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
    };
    line.strip_prefix("#!").is_some_and(|rest| rest.split_whitespace().any(names_it))
}

/// Tells the modules that a project is from those of others.
pub struct Own<'a> {
    root: &'a Path,
    /// What was looked up: folder and names in it.
    known: RefCell<BTreeMap<(PathBuf, String), bool>>,
}

impl<'a> Own<'a> {
    /// The modules of the project in `root`.
    pub fn new(root: &'a Path) -> Self {
        Self { root, known: RefCell::default() }
    }

    /// Whether a module is the project's own for a file in it: it lies beside the file, which is where Python looks
    /// first, or in a folder above it up to the root, each with its `src`.
    pub fn holds(&self, module: &str, file: &Path) -> Result<bool> {
        for folder in file.ancestors().skip(1) {
            for folder in [self.root.join(folder), self.root.join(folder).join("src")] {
                if self.is_in(&folder, module)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn is_in(&self, folder: &Path, module: &str) -> Result<bool> {
        let key = (folder.to_owned(), module.to_owned());
        if let Some(known) = self.known.borrow().get(&key) {
            return Ok(*known);
        }
        let found = is_in(folder, module)?;
        self.known.borrow_mut().insert(key, found);
        Ok(found)
    }
}

/// Whether a module lies in a folder. A folder without `__init__.py` is one where Python files are in it, but what is
/// deeper has to be there: others may have a part of it.
fn is_in(folder: &Path, module: &str) -> Result<bool> {
    let (first, rest) = module.split_once('.').unwrap_or((module, ""));
    let package = folder.join(first);
    if fs::is_file(&folder.join(format!("{first}.py")))? || fs::is_file(&package.join("__init__.py"))? {
        return Ok(true);
    }
    // An extension that was built in place.
    if !fs::is_folder(&package)? {
        let begins = format!("{first}.");
        let is_it = |name: &std::ffi::OsString| {
            let name = name.to_string_lossy();
            name.starts_with(&begins)
                && (name.ends_with(".so") || name.ends_with(".pyd") || name.ends_with(".pyx"))
        };
        return Ok(fs::names(folder)?.unwrap_or_default().iter().any(is_it));
    }
    if rest.is_empty() {
        let names = fs::names(&package)?.unwrap_or_default();
        return Ok(names.iter().any(|name| Path::new(name).extension().is_some_and(|ending| ending == "py")));
    }
    is_in(&package, rest)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Own, calls_python, sources};
    use crate::fs;

    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = folder.path().join(file);
            fs::create_folders(path.parent().unwrap()).unwrap();
            fs::write(&path, text.as_bytes()).unwrap();
        }
        folder
    }

    #[test]
    fn the_files_of_a_project_are_those_that_somebody_wrote() {
        let folder = project(&[
            ("a.py", ""),
            ("pkg/b.py", ""),
            ("tool", "#!/usr/bin/env -S python3 -u\n"),
            ("shell", "#!/bin/sh\n"),
            ("plain", "import x\n"),
            ("notes.txt", "#!/usr/bin/python3\n"),
            ("mine/pyvenv.cfg", ""),
            ("mine/lib/x.py", ""),
            ("node_modules/x.py", ""),
            ("x/site-packages/x.py", ""),
            ("vendor/x.py", ""),
            ("tests/fixtures/x.py", ""),
            ("build/x.py", ""),
            (".envtool/x.py", ""),
        ]);
        let found = sources(folder.path()).unwrap();
        assert_eq!(found.files, ["a.py", "pkg/b.py", "tool"].map(Path::new));
        assert_eq!(found.venvs, [Path::new("mine")]);
        for yes in ["#!/usr/bin/python", "#! /home/me/.local/bin/python3.9 -u", "#!/usr/bin/env python3\r"] {
            assert!(calls_python(yes), "{yes}");
        }
        for no in ["#!/bin/sh # pythonic", "#!/usr/bin/env ipython", "# python3", "#!/usr/bin/pythonw-x", ""]
        {
            assert!(!calls_python(no), "{no}");
        }
    }

    #[test]
    fn a_projects_own_modules_are_found_from_where_the_file_lies() {
        let folder = project(&[
            ("top.py", ""),
            ("package/__init__.py", ""),
            ("loose/one.py", ""),
            ("google/ours.py", ""),
            ("data/config.yaml", ""),
            ("src/lib/__init__.py", ""),
            ("tools/script.py", ""),
            ("tools/helper.py", ""),
            ("packages/foo/src/foo/__init__.py", ""),
            ("fast.cpython-311-x86_64-linux-gnu.so", ""),
        ]);
        let own = Own::new(folder.path());
        let holds = |module: &str, file: &str| own.holds(module, Path::new(file)).unwrap();
        for module in ["top", "package.deep.er", "loose", "loose.one", "google.ours", "lib.x", "fast"] {
            assert!(holds(module, "tools/script.py"), "{module}");
        }
        assert!(holds("helper", "tools/script.py") && !holds("helper", "top.py"));
        assert!(holds("foo", "packages/foo/tests/test_foo.py") && !holds("foo", "top.py"));
        for module in ["yaml", "google.protobuf", "data", "loose.two", "packages", "config", "src.none"] {
            assert!(!holds(module, "top.py"), "{module}");
        }
    }
}
