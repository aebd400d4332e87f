//! ripgrep: small enough to be built whole.

use std::fs;
use std::path::Path;

use crate::sandbox;
use crate::support::{RIPGREP, vendored};

#[test]
fn real_ripgrep_is_what_cargo_vendor_writes() {
    vendored::compare(&sandbox(), &RIPGREP);
}

#[test]
fn real_ripgrep_builds_without_a_network() {
    let sandbox = sandbox();
    let plain = sandbox.project(&RIPGREP, "plain");
    let empty = sandbox.empty("empty-home-1");
    let control = sandbox.cargo(&["build"], &plain).env("CARGO_HOME", empty).without_network().run();
    assert_eq!(control.code, Some(101), "without the environment it must not build\n{control}");
    control.does_not_say("Compiling");

    let project = sandbox.project(&RIPGREP, "ripgrep");
    sandbox.set_up(&project);
    let empty = sandbox.empty("empty-home-2");
    sandbox
        .cargo(&["build"], &project)
        .env("CARGO_HOME", &empty)
        .without_network()
        .ok()
        .says("Compiling regex");
    assert!(!empty.join("registry").exists(), "cargo asked its registry");
    let built = sandbox.call("target/debug/rg", &["--version"], &project).ok();
    assert!(built.stdout.starts_with("ripgrep 15.1.0"), "{built}");
}

#[test]
fn real_ripgrep_does_not_read_a_poisoned_registry() {
    let sandbox = sandbox();
    let plain = sandbox.project(&RIPGREP, "plain");
    sandbox.cargo(&["fetch", "--locked"], &plain).ok();
    let registry = sandbox.home().join(".cargo/registry");
    let (sources, archives) = (poison(&registry.join("src"), "rs"), poison(&registry.join("cache"), "crate"));
    assert!(sources > 1000 && archives == RIPGREP.packages, "{sources} sources, {archives} archives");
    let check = ["check", "--offline", "--locked"];
    let control = sandbox.cargo(&check, &plain).run();
    assert_eq!(control.code, Some(101), "without the environment it must meet the poison\n{control}");
    control.says("poisoned");

    let project = sandbox.project(&RIPGREP, "ripgrep");
    let synced = sandbox.set_up(&project);
    synced.says(&format!("{} downloaded", RIPGREP.packages)).does_not_say("from cargo's cache");
    sandbox.cargo(&check, &project).without_network().ok().says("Checking regex").does_not_say("poisoned");
}

/// Overwrites every file of this kind below `dir`; how many.
fn poison(dir: &Path, extension: &str) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            count += poison(&path, extension);
        } else if path.extension().is_some_and(|found| found == extension) {
            fs::write(&path, "compile_error!(\"poisoned\");\n").unwrap();
            count += 1;
        }
    }
    count
}
