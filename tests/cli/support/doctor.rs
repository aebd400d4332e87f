//! What the tests of `doctor` have in common: a healthy project, its findings, and tools that cargo installed before.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use super::crates::{sha256, telling};
use super::files::fingerprint;
use super::sandbox::{Output, Project, Sandbox, write};
use super::tools::tool;

/// The source of a package of crates.io in cargo's records.
pub(crate) const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Publishes what a [`healthy`] project takes.
pub(crate) fn publish(sandbox: &Sandbox) {
    for name in ["alpha", "beta"] {
        sandbox.registry().publish(&telling(name, "1.0.0"));
    }
    sandbox.registry().publish(&tool("cargo-hi", "1.0.0", "\"hi\""));
}

/// A project with two crates and one tool, made and synced.
pub(crate) fn healthy<'a>(sandbox: &'a Sandbox, name: &str) -> Project<'a> {
    let project = sandbox.project(name);
    project
        .app("alpha = \"1\"\nbeta = \"1\"\n", "println!(\"{} {}\", alpha::id(), beta::id());")
        .write("envtool.toml", "[tools]\ncargo-hi = \"1.0.0\"\n");
    project.lock().set_up();
    project
}

/// What `doctor --json` says with these arguments, held to the contract.
pub(crate) fn findings(project: &Project<'_>, args: &[&str]) -> (Output, Vec<Value>) {
    let all: Vec<&str> = ["doctor", "--json"].iter().chain(args).copied().collect();
    let output = project.envtool(&all).run();
    let answer: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}\n{output}"));
    let list = answer["findings"].as_array().unwrap().clone();
    for finding in &list {
        for key in ["check", "severity", "subject", "message"] {
            assert!(finding[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {finding}");
        }
        assert!(["error", "warning", "info"].contains(&finding["severity"].as_str().unwrap()), "{finding}");
        assert!(finding["remedy"].is_string() || finding["remedy"].is_null(), "{finding}");
        assert!(finding["fixed"].is_boolean(), "{finding}");
    }
    let fixed = list.iter().filter(|finding| finding["fixed"] == true).count();
    assert_eq!(answer["fixed"], json!(fixed), "{output}");
    assert_eq!(answer["remaining"], json!(list.len() - fixed), "{output}");
    let open = list.iter().any(|finding| finding["fixed"] == false && finding["severity"] != "info");
    assert_eq!(output.code, Some(i32::from(open)), "{output}");
    (output, list)
}

/// Nothing is wrong, and it says so.
pub(crate) fn is_healthy(project: &Project<'_>) {
    let output = project.envtool(&["doctor"]).run();
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), ""), "{output}");
    assert_eq!(output.stderr.trim(), "nothing is wrong", "{output}");
}

/// The one finding that there is.
pub(crate) fn only(project: &Project<'_>, args: &[&str]) -> Value {
    let (output, mut list) = findings(project, args);
    assert_eq!(list.len(), 1, "{output}");
    list.remove(0)
}

/// The project, without what a fix is kept in.
pub(crate) fn state(project: &Project<'_>) -> String {
    fingerprint(project.dir(), &[".envtool/journal", "target"])
}

/// Changes a file that nobody may write.
pub(crate) fn force(path: &Path, text: &str) {
    let mode = fs::metadata(path).unwrap().permissions().mode();
    fs::set_permissions(path, fs::Permissions::from_mode(mode | 0o200)).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A folder that may be written.
pub(crate) fn open_folder(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A file that can be started.
pub(crate) fn script(path: &Path, text: &str) {
    write(path, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// What cargo would have recorded of one package.
pub(crate) struct Before {
    pub(crate) name: String,
    pub(crate) version: &'static str,
    pub(crate) source: String,
    pub(crate) features: &'static [&'static str],
    pub(crate) default_features: bool,
    /// The text of its executable, which has the package's name.
    pub(crate) text: String,
}

impl Before {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: "1.0.0",
            source: CRATES_IO.to_owned(),
            features: &[],
            default_features: true,
            text: format!("#!/bin/sh\necho '{name} before'\n"),
        }
    }

    fn key(&self) -> String {
        format!("{} {} ({})", self.name, self.version, self.source)
    }

    pub(crate) fn digest(&self) -> String {
        sha256(self.text.as_bytes())
    }
}

/// Puts packages into a root as `cargo install` does it.
pub(crate) fn install(root: &Path, all: &[Before]) {
    let mut toml = "[v1]\n".to_owned();
    let mut installs = serde_json::Map::new();
    for one in all {
        script(&root.join("bin").join(&one.name), &one.text);
        toml.push_str(&format!("{:?} = [{:?}]\n", one.key(), one.name));
        let record = json!({
            "version_req": null, "bins": [one.name], "features": one.features, "all_features": false,
            "no_default_features": !one.default_features, "profile": "release",
            "target": "x86_64-unknown-linux-gnu", "rustc": "rustc 1.80.0 (051478957 2024-07-21)\n",
        });
        installs.insert(one.key(), record);
    }
    write(&root.join(".crates.toml"), &toml);
    write(&root.join(".crates2.json"), &json!({ "installs": installs }).to_string());
}
