//! `fixtures/hello`, the project that the README's first command runs on.

use std::fs;
use std::path::{Path, PathBuf};

use crate::sandbox;
use crate::support::Sandbox;

const PRINTED: &str = "{\"hello\":\"from an environment\",\"answer\":\"42\",\"ratio\":\"0.4\"}\n";

/// A copy of the fixture's own files.
fn hello(sandbox: &Sandbox, name: &str) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hello");
    let to = sandbox.home().join("work").join(name);
    fs::create_dir_all(to.join("src")).unwrap();
    for file in ["Cargo.toml", "Cargo.lock", "src/main.rs"] {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
    to
}

#[test]
fn real_hello_prints_its_line_as_the_readme_says() {
    let sandbox = sandbox();
    let project = hello(&sandbox, "hello");
    let added = sandbox.envtool(&["add", "serde_json@1.0.140", "hexyl@0.16.0"], &project).ok();
    added.says("Pinned serde_json 1.0.140 (crate)").says("Pinned hexyl 0.16.0 (tool)").says("downloaded");
    let piped = ["run", "--", "sh", "-c", "cargo run --quiet | hexyl --plain"];
    let dump = sandbox.envtool(&piped, &project).ok().stdout;
    assert!(dump.contains("7b 22 68 65 6c 6c 6f 22"), "{dump}");
    let run = |name: &str| {
        let empty = sandbox.empty(name);
        let args = ["run", "--", "cargo", "run", "--quiet"];
        sandbox.envtool(&args, &project).env("CARGO_HOME", empty).without_network().ok()
    };
    assert_eq!(run("home-1").stdout, PRINTED);
    sandbox.envtool(&["sync"], &project).ok().says("nothing to do");

    fs::remove_dir_all(project.join(".envtool")).unwrap();
    sandbox.envtool(&["sync", "--offline"], &project).without_network().ok().says("from the store");
    fs::remove_dir_all(project.join("target")).unwrap();
    assert_eq!(run("home-2").stdout, PRINTED);
}

#[test]
fn real_hello_comes_from_cargo_s_own_cache_without_a_network() {
    let sandbox = sandbox();
    let project = hello(&sandbox, "hello");
    sandbox.cargo(&["add", "--quiet", "serde_json@=1.0.140"], &project).ok();
    let control = sandbox.envtool(&["init"], &project).ok();
    let control = (control, sandbox.envtool(&["sync"], &project).without_network().run()).1;
    assert_eq!(
        control.code,
        Some(1),
        "without a network and a cache there is nothing to sync from\n{control}"
    );

    sandbox.cargo(&["fetch", "--locked"], &project).ok();
    sandbox.envtool(&["sync"], &project).without_network().ok().says("from cargo's cache");
    let empty = sandbox.empty("empty-home");
    let built = sandbox.cargo(&["run", "--quiet"], &project).env("CARGO_HOME", empty).without_network().ok();
    assert_eq!(built.stdout, PRINTED);
}
