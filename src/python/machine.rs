//! What the machine's Python knows: the modules of its standard library, and where it looks for others.
//!
//! It is asked with `-I -S`, so that nothing of the user's runs: no `.pth`, no `sitecustomize`, nothing of the current
//! folder. The places are worked out by its own `site` module, which is imported and does nothing by itself then.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::fault::{Fault, Result};
use crate::process::Program;

/// What a Python says.
#[derive(Debug, Deserialize)]
pub struct Facts {
    /// Its version, such as `3.11.2`.
    pub version: String,
    /// The names of its standard library.
    pub stdlib: BTreeSet<String>,
    /// The user's own folder of distributions, where this Python looks there.
    pub user: Option<PathBuf>,
    /// The folders of distributions of the system, or of the virtual environment that it is of.
    pub system: Vec<PathBuf>,
    /// `PYTHONPATH`.
    pub path: Vec<PathBuf>,
}

const QUESTION: &str = r#"
import sys, os, json, site
names = set(sys.builtin_module_names) | set(getattr(sys, "stdlib_module_names", ()))
if not hasattr(sys, "stdlib_module_names"):
    for folder in (os.path.dirname(os.__file__), os.path.join(os.path.dirname(os.__file__), "lib-dynload")):
        if os.path.isdir(folder):
            names.update(entry.split(".")[0] for entry in os.listdir(folder))
    names -= {"site-packages", "dist-packages", "__pycache__", "lib-dynload"}
user = not os.environ.get("PYTHONNOUSERSITE")
prefixes = [sys.prefix, sys.exec_prefix]
for above in (os.path.dirname(sys.executable), os.path.dirname(os.path.dirname(sys.executable))):
    config = os.path.join(above, "pyvenv.cfg")
    if os.path.isfile(config):
        with open(config, encoding="utf-8") as lines:
            pairs = [line.partition("=") for line in lines]
        shared = any(k.strip().lower() == "include-system-site-packages" and v.strip().lower() == "true" for k, _, v in pairs)
        user = user and shared
        prefixes = [above] + (prefixes if shared else [])
        break
print(json.dumps({
    "version": "%d.%d.%d" % sys.version_info[:3],
    "stdlib": sorted(names),
    "user": site.getusersitepackages() if user else None,
    "system": site.getsitepackages(prefixes),
    "path": [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(entry)],
}))
"#;

/// Asks a Python, in the folder of a project: a version manager's `python3` chooses by that.
pub fn ask(python: &Path, folder: &Path) -> Result<Facts> {
    let could_not = || {
        Fault::new(format!("could not ask {} where it looks for modules", python.display()))
            .help(format!("see that `{} -V` answers", python.display()))
    };
    let output = Program::new(python).args(["-I", "-S", "-B", "-c", QUESTION]).within(folder).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.trim().lines().last().unwrap_or_default().to_owned();
        return Err(could_not().why(format!("{}: {last}", output.status)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| could_not().because(&error))
}

/// Whether a name is in the standard library of every Python since 3.10, or new in a later one: what no Python has to be
/// asked about. What some Pythons have no longer (`distutils`, `imp`) is left to the one that is asked.
pub fn is_stdlib(name: &str) -> bool {
    STDLIB.split_whitespace().any(|known| known == name)
}

/// `sys.stdlib_module_names` of Python 3.11 without the names that begin with `_`, with the new ones of 3.14, without
/// those that are gone there.
const STDLIB: &str = "
    __future__ __main__ abc annotationlib antigravity argparse array ast asyncio atexit base64 bdb binascii
    bisect builtins bz2 cProfile calendar cmath cmd code codecs codeop collections colorsys compileall
    compression concurrent configparser contextlib contextvars copy copyreg csv ctypes curses dataclasses
    datetime dbm decimal difflib dis doctest email encodings ensurepip enum errno faulthandler fcntl filecmp
    fileinput fnmatch fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip
    hashlib heapq hmac html http idlelib imaplib importlib inspect io ipaddress itertools json keyword
    linecache locale logging lzma mailbox marshal math mimetypes mmap modulefinder msvcrt multiprocessing
    netrc nt ntpath nturl2path numbers opcode operator optparse os pathlib pdb pickle pickletools pkgutil
    platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data
    pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors
    shelve shlex shutil signal site smtplib socket socketserver sqlite3 sre_compile sre_constants sre_parse
    ssl stat statistics string stringprep struct subprocess symtable sys sysconfig syslog tabnanny tarfile
    tempfile termios textwrap this threading time timeit tkinter token tokenize tomllib trace traceback
    tracemalloc tty turtle turtledemo types typing unicodedata unittest urllib uuid venv warnings wave weakref
    webbrowser winreg winsound wsgiref xml xmlrpc zipapp zipfile zipimport zlib zoneinfo";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{ask, is_stdlib};

    #[test]
    fn names_of_the_standard_library_are_known_without_a_python() {
        for name in ["os", "tomllib", "__future__", "zoneinfo", "abc"] {
            assert!(is_stdlib(name), "{name}");
        }
        for name in ["yaml", "", "o", "setuptools", "distutils"] {
            assert!(!is_stdlib(name), "{name}");
        }
    }

    #[test]
    fn a_python_says_where_it_looks() {
        let python = Path::new("/usr/bin/python3");
        if !crate::fs::is_file(python).unwrap() {
            return;
        }
        let facts = ask(python, Path::new("/")).unwrap();
        assert!(
            facts.version.starts_with("3.") && facts.stdlib.contains("os") && !facts.stdlib.contains("yaml")
        );
        assert!(facts.system.iter().all(|folder| folder.is_absolute()), "{facts:?}");
        assert!(
            ask(Path::new("/bin/true"), Path::new("/")).is_err()
                && ask(Path::new("/no/such"), Path::new("/")).is_err()
        );
    }
}
