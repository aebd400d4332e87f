//! cargo-nextest: a closure of middle size, with crates for other platforms.

use std::path::PathBuf;

use serde::Deserialize;

use crate::sandbox;
use crate::support::{CARGO_NEXTEST, vendored};

#[test]
fn real_cargo_nextest_is_what_cargo_vendor_writes() {
    vendored::compare(&sandbox(), &CARGO_NEXTEST);
}

/// The part of what `cargo metadata` answers that counts here; all of it would take a lot of memory.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    manifest_path: PathBuf,
}

#[test]
fn real_cargo_nextest_is_checked_without_a_network() {
    let sandbox = sandbox();
    let project = sandbox.project(&CARGO_NEXTEST, "cargo-nextest");
    sandbox.set_up(&project);
    let empty = sandbox.empty("empty-home");
    let cargo = |args: &[&str]| sandbox.cargo(args, &project).env("CARGO_HOME", &empty).without_network();
    let metadata =
        cargo(&["metadata", "--offline", "--locked", "--all-features", "--format-version", "1"]).ok();
    let Metadata { packages } = serde_json::from_str(&metadata.stdout).unwrap();
    assert_eq!(packages.len(), CARGO_NEXTEST.packages + 1);
    for package in packages {
        let manifest = package.manifest_path;
        assert!(manifest.starts_with(&project), "{} lies outside the project", manifest.display());
    }
    cargo(&["check", "--offline", "--locked"]).ok().says("Checking nextest-runner");
}
