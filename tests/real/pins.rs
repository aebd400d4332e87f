//! A project without a Cargo.toml: pins in envtool.toml, resolved against the real registry.

use std::fs;
use std::path::{Path, PathBuf};

use crate::sandbox;
use crate::support::Sandbox;

/// A project with serde pinned, synced.
fn pinned(sandbox: &Sandbox, name: &str) -> PathBuf {
    let project = sandbox.home().join("work").join(name);
    sandbox.envtool(&["init", name], &sandbox.home().join("work")).ok();
    let manifest = fs::read_to_string(project.join("envtool.toml")).unwrap();
    let pins = "\n[crates]\nserde = { version = \"1.0.219\", features = [\"derive\"] }\n";
    fs::write(project.join("envtool.toml"), manifest + pins).unwrap();
    sandbox.envtool(&["sync"], &project).ok().says("Locked");
    project
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn real_pins_are_locked_and_built_against() {
    let sandbox = sandbox();
    let project = pinned(&sandbox, "pins");
    let lock = fs::read_to_string(project.join("envtool.lock")).unwrap();
    let lock: toml::Table = lock.parse().unwrap();
    assert_eq!(lock["version"].as_integer(), Some(1));
    let hello = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hello/Cargo.lock");
    let hello: toml::Table = fs::read_to_string(hello).unwrap().parse().unwrap();
    let serde = |lock: &toml::Table| {
        let packages = lock["package"].as_array().unwrap();
        let row = packages.iter().find(|row| row["name"].as_str() == Some("serde")).unwrap();
        let checksum = row["checksum"].as_str().unwrap();
        (row["version"].as_str().unwrap().to_owned(), checksum.trim_start_matches("sha256:").to_owned())
    };
    assert_eq!(serde(&lock), serde(&hello), "cargo locked the same serde in fixtures/hello");

    let app = project.join("below/app");
    write(
        &app.join("Cargo.toml"),
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nserde = { version = \"1\", features = [\"derive\"] }\n",
    );
    write(
        &app.join("src/main.rs"),
        "#[derive(serde::Serialize)]\nstruct S;\nfn is<T: serde::Serialize>(_: T) {}\nfn main() { is(S); println!(\"built\"); }\n",
    );
    let empty = sandbox.empty("empty-home");
    let built = sandbox.cargo(&["run"], &app).env("CARGO_HOME", empty).without_network().ok();
    assert_eq!(built.stdout, "built\n");
    built.says("Compiling serde v1.0.219").says("Compiling serde_derive v1.0.219");
    sandbox.envtool(&["sync", "--locked"], &project).ok().says("nothing to do");
}

#[test]
fn real_pins_lock_to_the_same_bytes_elsewhere() {
    let (one, two) = (sandbox(), sandbox());
    let lock = |sandbox: &Sandbox, name| fs::read(pinned(sandbox, name).join("envtool.lock")).unwrap();
    assert_eq!(lock(&one, "one"), lock(&two, "another-folder"));
}
