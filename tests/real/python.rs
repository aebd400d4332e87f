//! Python packages of the real registry: what every platform has in one file (requests), what has a wheel a platform
//! (`PyYAML`, numpy) and an executable in a wheel (ruff). uv is brought by the machine's own pip.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::sandbox;
use crate::support::Sandbox;
use crate::support::sandbox::Call;

const PINS: [&str; 4] =
    ["pypi:requests@2.32.3", "pypi:PyYAML@6.0.2", "pypi:numpy@2.2.6", "pypi:charset-normalizer@3.4.2"];
const SCRIPT: &str = "import numpy, requests, yaml
print(requests.__version__, yaml.safe_load('[1, 2]'), int(numpy.arange(4).sum()))
for module in numpy, requests, yaml: print(module.__file__)
";

/// PATH without folders that hold a uv: it is to be brought.
fn path_without_uv() -> OsString {
    let path = std::env::var_os("PATH").unwrap();
    let folders = std::env::split_paths(&path).filter(|folder| !folder.join("uv").exists());
    std::env::join_paths(folders).unwrap()
}

fn envtool(sandbox: &Sandbox, args: &[&str], project: &Path) -> Call {
    sandbox.envtool(args, project).env("PATH", path_without_uv())
}

fn empty(sandbox: &Sandbox, name: &str) -> PathBuf {
    let project = sandbox.home().join("work").join(name);
    fs::create_dir(&project).unwrap();
    project
}

/// A new project with the manifest and the lock of another.
fn clone(sandbox: &Sandbox, project: &Path, name: &str) -> PathBuf {
    let clone = empty(sandbox, name);
    for file in ["envtool.toml", "envtool.lock"] {
        fs::copy(project.join(file), clone.join(file)).unwrap();
    }
    clone
}

/// The script runs without a network, by modules that lie in the environment alone, and so does an entry point.
fn works(sandbox: &Sandbox, project: &Path) {
    fs::write(project.join("script.py"), SCRIPT).unwrap();
    let ran = envtool(sandbox, &["run", "--", "python", "script.py"], project).without_network().ok();
    let mut lines = ran.stdout.lines();
    assert_eq!(lines.next(), Some("2.32.3 [1, 2] 6"), "{ran}");
    let inside = format!("{}/.envtool/python/", project.display());
    assert!(lines.all(|line| line.starts_with(&inside)), "a module lies outside\n{ran}");
    let entry = envtool(sandbox, &["run", "--", "normalizer", "--version"], project).without_network().ok();
    assert!(entry.stdout.contains("3.4.2"), "{entry}");
}

#[test]
fn real_modules_are_locked_for_all_and_come_from_the_store_without_a_network() {
    let sandbox = sandbox();
    let project = empty(&sandbox, "modules");
    let mut args = vec!["add"];
    args.extend(PINS);
    envtool(&sandbox, &args, &project).ok().says("bringing uv").says("Pinned requests 2.32.3 (module)");
    let store = sandbox.home().join(".cache/envtool/v1");
    assert!(fs::read_dir(store.join("python/uv")).unwrap().count() == 1, "uv lies in the store");
    works(&sandbox, &project);
    envtool(&sandbox, &["sync"], &project).without_network().ok().says("nothing to do");

    // The lock is for a colleague on another system too.
    let lock: toml::Table = fs::read_to_string(project.join("envtool.lock")).unwrap().parse().unwrap();
    let rows = lock["module"].as_array().unwrap();
    for name in ["numpy", "pyyaml"] {
        let row = rows.iter().find(|row| row["name"].as_str() == Some(name)).unwrap();
        let files: Vec<&String> = row["files"].as_table().unwrap().keys().collect();
        for platform in ["win_amd64", "macosx", "manylinux", "aarch64", "cp310", "cp313"] {
            assert!(files.iter().any(|file| file.contains(platform)), "{platform}: {files:?}");
        }
        assert!(files.iter().all(|file| file.strip_suffix(".whl").is_some()), "{files:?}");
    }

    // A second project has them at once; without the store there is nothing to have.
    let second = clone(&sandbox, &project, "second");
    let frozen = ["sync", "--frozen"];
    envtool(&sandbox, &frozen, &second).without_network().ok().says("Installed");
    works(&sandbox, &second);
    let control = clone(&sandbox, &project, "control");
    let control = envtool(&sandbox, &frozen, &control)
        .env("ENVTOOL_CACHE_DIR", sandbox.empty("empty-store"))
        .without_network()
        .run();
    assert_eq!(
        control.code,
        Some(1),
        "without a network and a store there is nothing to sync from\n{control}"
    );

    // Moved, it goes on working.
    let moved = sandbox.home().join("work/moved here");
    fs::rename(&second, &moved).unwrap();
    works(&sandbox, &moved);

    // What goes, goes with all that only it needed.
    envtool(&sandbox, &["remove", "numpy", "PyYAML"], &project).without_network().ok();
    let list = envtool(&sandbox, &["list", "--all"], &project).ok().stdout;
    assert!(list.contains("requests") && list.contains("urllib3") && !list.contains("numpy"), "{list}");
}

#[test]
fn real_ruff_is_a_tool_of_its_own() {
    let sandbox = sandbox();
    let project = empty(&sandbox, "ruff");
    envtool(&sandbox, &["add", "--tool", "pypi:ruff@0.12.0"], &project)
        .ok()
        .says("Pinned ruff 0.12.0 (tool)");
    let says = |project: &Path| {
        let said = envtool(&sandbox, &["run", "--", "ruff", "--version"], project).without_network().ok();
        assert_eq!(said.stdout, "ruff 0.12.0\n");
    };
    says(&project);
    let manifest = fs::read_to_string(project.join("envtool.toml")).unwrap();
    assert!(manifest.contains("\"pypi:ruff\" = \"0.12.0\""), "{manifest}");
    assert!(!project.join(".envtool/bin/python").exists(), "a tool's Python is not the project's");

    let second = clone(&sandbox, &project, "second");
    envtool(&sandbox, &["sync", "--frozen"], &second).without_network().ok();
    let moved = sandbox.home().join("work/moved");
    fs::rename(&second, &moved).unwrap();
    says(&moved);
}
