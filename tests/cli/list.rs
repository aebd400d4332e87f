//! `list`: what was asked for, and with `--all` what that needs.

use crate::support::{Dep, Project, Sandbox, telling};

/// A project that asks for `alpha`, which needs `beta`.
fn ready(sandbox: &Sandbox) -> Project<'_> {
    sandbox.registry().publish(&telling("alpha", "1.0.0").dep(Dep::new("beta", "^2")));
    sandbox.registry().publish(&telling("beta", "2.0.0"));
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    project.set_up();
    project
}

fn names(json: &serde_json::Value) -> Vec<String> {
    json["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            format!("{} {}", package["name"].as_str().unwrap(), package["version"].as_str().unwrap())
        })
        .collect()
}

#[test]
fn json_holds_what_the_contract_says() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let output = project.envtool(&["list", "--json"]).ok();
    let json: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(names(&json), ["alpha 1.0.0"]);
    let package = &json["packages"][0];
    assert_eq!(package["kind"], "crate");
    // The registry by its package-url name.
    assert_eq!(package["registry"], "cargo");
    let lock = project.read("Cargo.lock");
    let checksum = package["checksum"].as_str().unwrap().strip_prefix("sha256:").unwrap();
    assert!(lock.contains(&format!("name = \"alpha\"\nversion = \"1.0.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"{checksum}\"")), "{checksum}\n{lock}");
    assert_eq!(package["bins"], serde_json::json!([]));
    assert_eq!(output.stderr, "");
}

#[test]
fn all_is_the_closure_without_the_project_itself() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let output = project.envtool(&["list", "--all", "--json"]).ok();
    assert_eq!(names(&serde_json::from_str(&output.stdout).unwrap()), ["alpha 1.0.0", "beta 2.0.0"]);
    let output = project.envtool(&["list", "--all"]).ok();
    for word in ["alpha", "1.0.0", "beta", "2.0.0"] {
        assert!(output.stdout.contains(word), "{output}");
    }
    let output = project.envtool(&["list"]).ok();
    assert!(output.stdout.contains("alpha") && !output.stdout.contains("beta"), "{output}");
}

#[test]
fn it_works_without_network_cargo_and_store() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    sandbox.cut_network();
    let before = sandbox.fingerprint();
    let output = project.envtool(&["list", "--json"]).env("PATH", sandbox.empty()).ok();
    assert_eq!(names(&serde_json::from_str(&output.stdout).unwrap()), ["alpha 1.0.0"]);
    assert_eq!(sandbox.fingerprint(), before);
}

#[test]
fn without_an_environment_it_says_how_to_make_one() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("app");
    project.app("", "");
    project.envtool(&["list"]).refused(1).says(&["envtool init"]);
}
