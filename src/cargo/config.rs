//! Finds and reads cargo's configuration files as cargo does (cargo reference, "Configuration": "Hierarchical
//! structure" and "Including extra configuration files"), and merges them.
//!
//! In each folder from the start to the root `.cargo/config.toml`, or the legacy `.cargo/config`, which wins where
//! both are there; below them `$CARGO_HOME/config.toml`. What a file includes lies below it, later entries
//! over earlier ones. Tried with cargo 1.95: a file that one configuration file reaches twice is a "cycle" even where
//! it is none, a dangling link counts as absent, a folder under that name is an error.

use std::path::{Path, PathBuf};

use super::entry;
use crate::cargo_config::{CargoConfig, Include, Layer, Variables};
use crate::context::Context;
use crate::fault::{Fault, Result};
use crate::fs;

/// The configuration that cargo has in a project, without that of environments.
pub fn of_project(root: &Path, context: &Context<'_>) -> Result<CargoConfig> {
    load(root, context.cargo_home()?, context.cargo_variables(), &entry::is_of_an_environment)
}

/// The configuration that cargo has when it is started in `start`. An `include` of a file that `skip` names is not followed.
pub fn load(
    start: &Path,
    cargo_home: &Path,
    variables: Variables,
    skip: &dyn Fn(&Path) -> bool,
) -> Result<CargoConfig> {
    let mut found = walk(start)?;
    if let Some(home) = config_in(cargo_home)?
        && !found.contains(&home)
    {
        found.insert(0, home);
    }
    let mut layers = Vec::new();
    for file in found {
        let mut reading = Reading { skip, seen: Vec::new(), layers: &mut layers };
        reading.file(&file, None)?;
    }
    CargoConfig::merge(layers, variables)
}

/// The configuration files from the root down to `start`, each to be handed to `cargo --config FILE` in this order.
/// The one of cargo's home is not among them, also where it lies on the way: cargo reads it anyway, and
/// twice would double its lists.
///
/// Tried with cargo 1.95: what is handed over so counts more than `CARGO_*` variables, which count more than files
/// that cargo finds; and a file that two of them include is a "cycle" there, though it is none when cargo finds them.
pub fn files(start: &Path, cargo_home: &Path) -> Result<Vec<PathBuf>> {
    let home = config_in(cargo_home)?;
    let mut found = Vec::new();
    for file in walk(start)? {
        let is_home = match &home {
            Some(home) => same_file(home, &file)?,
            None => false,
        };
        if !is_home {
            found.push(file);
        }
    }
    Ok(found)
}

/// Every place where cargo looks for a configuration, whether a file is there or not.
pub fn candidates(start: &Path, cargo_home: &Path) -> Vec<PathBuf> {
    let folders = start.ancestors().map(|folder| folder.join(".cargo")).chain([cargo_home.to_owned()]);
    folders.flat_map(|folder| ["config", "config.toml"].map(|name| folder.join(name))).collect()
}

/// The configuration files above and in `start`, outermost first.
fn walk(start: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in start.ancestors() {
        found.extend(config_in(&folder.join(".cargo"))?);
    }
    found.reverse();
    Ok(found)
}

/// The configuration file in a `.cargo` folder or in cargo's home.
fn config_in(folder: &Path) -> Result<Option<PathBuf>> {
    for name in ["config", "config.toml"] {
        let file = folder.join(name);
        if fs::metadata(&file)?.is_some() {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// One configuration file and what it includes.
struct Reading<'a> {
    skip: &'a dyn Fn(&Path) -> bool,
    seen: Vec<PathBuf>,
    layers: &'a mut Vec<Layer>,
}

impl Reading<'_> {
    fn file(&mut self, file: &Path, entry: Option<&Include>) -> Result<()> {
        let clean = fs::lexical(file);
        if self.seen.contains(&clean) {
            return Err(named(entry, file, "is included a second time")
                .why("cargo takes that for a cycle")
                .help("include each file once"));
        }
        self.seen.push(clean);
        let Some(text) = fs::read_text(file)? else {
            return Err(named(entry, file, "is not there")
                .help("restore the file, remove the entry, or write `optional = true` beside its path"));
        };
        tracing::debug!(?file, "reads cargo's configuration");
        let layer = Layer::parse(file, &text)?;
        let folder = file.parent().unwrap_or(file);
        for include in layer.includes()? {
            let path = folder.join(&include.path);
            if (self.skip)(&path) || (include.optional && fs::metadata(&path)?.is_none()) {
                continue;
            }
            self.file(&path, Some(&include))?;
        }
        self.layers.push(layer);
        Ok(())
    }
}

fn named(entry: Option<&Include>, file: &Path, what: &str) -> Fault {
    Fault::new(match entry {
        Some(entry) => format!("{}: the included file {} {what}", entry.place, fs::lexical(file).display()),
        None => format!("cargo's configuration {} {what}", file.display()),
    })
}

/// Whether two paths lead to one file: the same text without `..`, or the same place once links are resolved.
fn same_file(one: &Path, other: &Path) -> Result<bool> {
    if fs::lexical(one) == fs::lexical(other) {
        return Ok(true);
    }
    if fs::metadata(one)?.is_none() || fs::metadata(other)?.is_none() {
        return Ok(false);
    }
    Ok(fs::canonical(one)? == fs::canonical(other)?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{files, load};
    use crate::cargo_config::{CargoConfig, SourceKind, Variables};
    use crate::fault::Result;

    struct Sandbox(tempfile::TempDir);

    impl Sandbox {
        fn new(files: &[(&str, &str)]) -> Self {
            let sandbox = Self(tempfile::tempdir().unwrap());
            for (name, text) in files {
                let path = sandbox.0.path().join(name);
                crate::fs::create_folders(path.parent().unwrap()).unwrap();
                crate::fs::write(&path, text.as_bytes()).unwrap();
            }
            sandbox
        }

        fn path(&self, name: &str) -> std::path::PathBuf {
            self.0.path().join(name)
        }

        fn load(&self, start: &str, skip: Option<&Path>) -> Result<CargoConfig> {
            let skip =
                |path: &Path| skip.is_some_and(|skip| super::fs::lexical(path) == super::fs::lexical(skip));
            load(&self.path(start), &self.path("home"), Variables::default(), &skip)
        }
    }

    fn names(config: &CargoConfig, sandbox: &Sandbox) -> Vec<String> {
        let root = sandbox.0.path();
        let here = config.files().iter().filter_map(|file| file.strip_prefix(root).ok());
        here.map(|file| file.display().to_string()).collect()
    }

    #[test]
    fn nearer_files_count_more_and_the_home_least() {
        let sandbox = Sandbox::new(&[
            ("home/config.toml", "[http]\ntimeout = 1\nuser-agent = 'home'\n"),
            ("a/.cargo/config.toml", "[http]\ntimeout = 2\n"),
            ("a/b/.cargo/config.toml", "[http]\ntimeout = 9\n"),
            ("a/b/.cargo/config", "[http]\ntimeout = 3\n"),
        ]);
        let config = sandbox.load("a/b/c", None).unwrap();
        assert_eq!(
            names(&config, &sandbox),
            ["home/config.toml", "a/.cargo/config.toml", "a/b/.cargo/config"]
        );
        let http = config.http().unwrap();
        assert_eq!(http.timeout, Some(3));
        assert_eq!(http.user_agent.as_deref(), Some("home"));
        assert_eq!(
            files(&sandbox.path("a/b/c"), &sandbox.path("home")).unwrap(),
            [sandbox.path("a/.cargo/config.toml"), sandbox.path("a/b/.cargo/config")]
        );
    }

    #[test]
    fn a_home_on_the_way_is_read_once() {
        let sandbox = Sandbox::new(&[(
            ".cargo/config.toml",
            "[registry]\nglobal-credential-providers = ['cargo:token']\n",
        )]);
        let home = sandbox.path(".cargo");
        let config = load(&sandbox.path("p"), &home, Variables::default(), &|_| false).unwrap();
        assert_eq!(config.global_credential_providers().unwrap().len(), 1);
        assert!(files(&sandbox.path("p"), &home).unwrap().is_empty());
    }

    #[test]
    fn includes_lie_below_and_later_ones_count_more() {
        let sandbox = Sandbox::new(&[
            (
                "p/.cargo/config.toml",
                "include = ['a.toml', { path = 'sub/b.toml' }, { path = 'none.toml', optional = true }]\n[net]\nretry = 3\n",
            ),
            ("p/.cargo/a.toml", "[net]\nretry = 1\n[http]\ntimeout = 1\n"),
            (
                "p/.cargo/sub/b.toml",
                "include = ['c.toml']\n[http]\ntimeout = 2\n[source.v]\ndirectory = 'vend'\n",
            ),
            ("p/.cargo/sub/c.toml", "[http]\ntimeout = 4\nuser-agent = 'c'\n"),
        ]);
        let config = sandbox.load("p", None).unwrap();
        assert_eq!(
            names(&config, &sandbox),
            ["p/.cargo/a.toml", "p/.cargo/sub/c.toml", "p/.cargo/sub/b.toml", "p/.cargo/config.toml"]
        );
        let http = config.http().unwrap();
        assert_eq!((http.timeout, http.user_agent.as_deref()), (Some(2), Some("c")));
        assert_eq!(config.net().unwrap().retry, Some(3));
        let directory = SourceKind::Directory(sandbox.path("p/.cargo/vend"));
        assert_eq!(config.sources().unwrap()[0].kind, Some(directory));
    }

    #[test]
    fn envtools_own_entry_can_be_left_out() {
        let sandbox = Sandbox::new(&[
            ("p/.cargo/config.toml", "include = ['../.envtool/cargo.toml']\n"),
            ("p/.envtool/cargo.toml", "[source.crates-io]\nreplace-with = 'envtool-crates-io'\n"),
        ]);
        assert_eq!(sandbox.load("p", None).unwrap().sources().unwrap().len(), 1);
        let own = sandbox.path("p/.envtool/cargo.toml");
        assert!(sandbox.load("p", Some(&own)).unwrap().sources().unwrap().is_empty());
    }

    #[test]
    fn what_cargo_refuses_is_refused_with_its_place() {
        let fault = |files: &[(&str, &str)]| {
            let sandbox = Sandbox::new(files);
            let fault = sandbox.load("p", None).err().unwrap();
            assert!(fault.help_text().is_some(), "{fault}");
            fault.to_string().replace(&format!("{}/", sandbox.0.path().display()), "")
        };
        let config = "p/.cargo/config.toml";
        assert_eq!(
            fault(&[(config, "[net]\nretry = 1\n[http\n")]),
            "could not read cargo's configuration p/.cargo/config.toml:3:6: unclosed table, expected `]`"
        );
        assert_eq!(
            fault(&[(config, "\ninclude = ['a.toml']\n")]),
            "p/.cargo/config.toml:2: the included file p/.cargo/a.toml is not there"
        );
        assert_eq!(
            fault(&[(config, "include = ['../.cargo/config.toml']\n")]),
            "p/.cargo/config.toml:1: the included file p/.cargo/config.toml is included a second time: cargo takes that for a cycle"
        );
        assert_eq!(
            fault(&[(config, "include = 'a.toml'\n")]),
            "p/.cargo/config.toml:1: `include` is a string: cargo takes a list of strings or of tables there"
        );
        assert!(fault(&[(config, "include = ['a*.toml']\n")]).contains("a*.toml"));
    }
}
