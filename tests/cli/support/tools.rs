//! What the tests of tools have in common: packages with executables, their locks, and a look at what came of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::crates::{CrateBuilder, krate, sha256};
use super::sandbox::{Output, Project, Sandbox};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A package with one executable of its name, whose `main` prints what `text`, an expression, gives.
pub(crate) fn tool(name: &str, version: &str, text: &str) -> CrateBuilder {
    bare(name, version).file("src/main.rs", &format!("fn main() {{ println!(\"{{}}\", {text}); }}\n"))
}

/// A package without a library.
pub(crate) fn bare(name: &str, version: &str) -> CrateBuilder {
    krate(name, version).without_file("src/lib.rs")
}

/// The row of a crate of the registry in a Cargo.lock.
pub(crate) fn row(krate: &CrateBuilder, dependencies: &str) -> String {
    format!(
        "[[package]]\nname = {:?}\nversion = {:?}\nsource = {CRATES_IO:?}\nchecksum = {:?}\ndependencies = [{dependencies}]\n\n",
        krate.name(),
        krate.version(),
        sha256(&krate.bytes())
    )
}

/// A Cargo.lock for the package `root`, with these rows beside its own.
pub(crate) fn lock(root: (&str, &str), dependencies: &str, rows: &str) -> String {
    format!(
        "version = 4\n\n[[package]]\nname = {:?}\nversion = {:?}\ndependencies = [{dependencies}]\n\n{rows}",
        root.0, root.1
    )
}

/// A project without a Cargo.toml, with these lines below `[tools]`.
pub(crate) fn project<'a>(sandbox: &'a Sandbox, name: &str, tools: &str) -> Project<'a> {
    let project = sandbox.project(name);
    project.write("envtool.toml", &format!("[tools]\n{tools}"));
    project
}

/// What an executable of the environment prints.
pub(crate) fn says(project: &Project<'_>, name: &str) -> String {
    project.envtool(&["run", "--", name]).ok().stdout.trim_end().to_owned()
}

/// The names in a folder, without the environment's own scripts.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("activate"))
        .collect();
    found.sort();
    found
}

pub(crate) fn bin(project: &Project<'_>) -> Vec<String> {
    names(&project.path(".envtool/bin"))
}

/// The folders of the tools that the store holds.
pub(crate) fn built(sandbox: &Sandbox) -> BTreeSet<String> {
    let folder = sandbox.store().join("v1/built");
    if folder.is_dir() { names(&folder).into_iter().collect() } else { BTreeSet::new() }
}

pub(crate) fn was_built(output: &Output, package: &str) {
    assert!(output.stderr.contains(&format!("Built {package} in ")), "{output}");
}

pub(crate) fn from_the_store(output: &Output, package: &str) {
    assert!(output.stderr.contains(&format!("Installed {package} from the store")), "{output}");
}
