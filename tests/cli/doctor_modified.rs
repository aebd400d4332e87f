//! `doctor` and files that are not what was installed, however well that was hidden.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::crates::sha256;
use crate::support::doctor::{findings, force, healthy, is_healthy, only, open_folder, publish};
use crate::support::{GitRepo, Project, Sandbox, any_file_holds};

const BAD: &str = "pub fn id() -> &'static str { \"ALPHA 1.0.0\" }\n";

type Breaks = fn(&Path);

/// What is done to the folder of alpha 1.0.0.
const WAYS: &[(&str, Breaks)] = &[
    ("changed", |at| force(&at.join("src/lib.rs"), BAD)),
    ("added", |at| {
        open_folder(&at.join("src"));
        fs::write(at.join("src/more.rs"), "").unwrap();
    }),
    ("removed", |at| {
        open_folder(&at.join("src"));
        fs::remove_file(at.join("src/lib.rs")).unwrap();
    }),
    ("mode", |at| fs::set_permissions(at.join("src/lib.rs"), fs::Permissions::from_mode(0o755)).unwrap()),
    ("link", |at| {
        open_folder(&at.join("src"));
        fs::remove_file(at.join("src/lib.rs")).unwrap();
        symlink("../Cargo.toml.orig", at.join("src/lib.rs")).unwrap();
    }),
    ("with its list", |at| {
        force(&at.join("src/lib.rs"), BAD);
        let list = at.join(".cargo-checksum.json");
        let mut json: Value = serde_json::from_slice(&fs::read(&list).unwrap()).unwrap();
        json["files"]["src/lib.rs"] = json!(sha256(BAD.as_bytes()));
        force(&list, &json.to_string());
    }),
    ("the list alone", |at| {
        let list = at.join(".cargo-checksum.json");
        let mut json: Value = serde_json::from_slice(&fs::read(&list).unwrap()).unwrap();
        json["package"] = json!("0".repeat(64));
        force(&list, &json.to_string());
    }),
];

fn linked<'a>(sandbox: &'a Sandbox, name: &str, link: &str) -> Project<'a> {
    let project = healthy(sandbox, name);
    project.write("envtool.toml", &format!("[env]\nlink = \"{link}\"\n[tools]\ncargo-hi = \"1.0.0\"\n"));
    fs::remove_dir_all(project.path(".envtool")).unwrap();
    project.envtool(&["sync"]).ok();
    is_healthy(&project);
    project
}

fn alpha(project: &Project<'_>) -> PathBuf {
    project.path(".envtool/vendor/alpha-1.0.0").canonicalize().unwrap()
}

fn mended(project: &Project<'_>, why: &str) {
    let finding = only(project, &[]);
    assert_eq!(
        (&finding["check"], &finding["subject"]),
        (&json!("modified"), &json!("alpha 1.0.0")),
        "{why}: {finding}"
    );
    assert!(finding["message"].as_str().unwrap().contains("cargo itself does not notice"), "{finding}");
    let fix = project.envtool(&["doctor", "--fix"]).run();
    assert_eq!(fix.code, Some(0), "{why}\n{fix}");
    is_healthy(project);
    let text = fs::read_to_string(alpha(project).join("src/lib.rs")).unwrap();
    assert!(text.contains("alpha 1.0.0"), "{why}: {text}");
}

#[test]
fn every_way_is_found_and_mended_without_a_network() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let projects = ["symlink", "copy"].map(|link| linked(&sandbox, link, link));
    sandbox.cut_network();
    fs::remove_dir_all(sandbox.home().join(".cargo/registry")).unwrap_or_default();
    for project in &projects {
        for (why, breaks) in WAYS {
            breaks(&alpha(project));
            mended(project, why);
        }
    }
    for project in &projects {
        assert_eq!(project.run_isolated(), "alpha 1.0.0 beta 1.0.0\n");
    }
}

/// The record of the store's tree that a project links to.
fn record(project: &Project<'_>) -> PathBuf {
    alpha(project).parent().unwrap().join("record.json")
}

#[test]
fn records_that_were_changed_together_with_the_file_do_not_hide_it() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    // What a tree with the bad file is called, told by envtool itself: another registry's alpha has it.
    let evil = Sandbox::new();
    evil.registry().publish(&crate::support::krate("alpha", "1.0.0").lib(BAD));
    evil.registry().publish(&crate::support::telling("beta", "1.0.0"));
    evil.registry().publish(&crate::support::tools::tool("cargo-hi", "1.0.0", "1"));
    let other = linked(&evil, "evil", "symlink");
    let receipt = |project: &Project<'_>| -> Value {
        serde_json::from_str(&project.read(".envtool/receipts/vendor/alpha-1.0.0.json")).unwrap()
    };
    let bad = receipt(&other)["tree"].clone();
    assert!(bad.is_string(), "{}", receipt(&other));

    let project = linked(&sandbox, "app", "symlink");
    // 1. With the store's record.
    force(&alpha(&project).join("src/lib.rs"), BAD);
    let mut json: Value = serde_json::from_slice(&fs::read(record(&project)).unwrap()).unwrap();
    assert!(json["tree"].is_string(), "{json}");
    json["tree"] = bad.clone();
    force(&record(&project), &json.to_string());
    mended(&project, "with the record");
    // 2. With the receipt.
    let with_receipt = || {
        let at = alpha(&project);
        WAYS.iter().find(|(why, _)| *why == "with its list").unwrap().1(&at);
        let mut json = receipt(&project);
        json["tree"] = bad.clone();
        force(&project.path(".envtool/receipts/vendor/alpha-1.0.0.json"), &json.to_string());
    };
    with_receipt();
    mended(&project, "with the receipt");
}

#[test]
fn a_quick_look_sees_sizes_and_names() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = linked(&sandbox, "app", "copy");
    let quick = |found: bool, why: &str| {
        let (output, list) = findings(&project, &["--quick"]);
        assert_eq!(list.iter().any(|finding| finding["check"] == "modified"), found, "{why}\n{output}");
    };
    quick(false, "healthy");
    for (why, breaks) in WAYS {
        let found = !matches!(*why, "changed" | "with its list" | "mode" | "the list alone");
        breaks(&alpha(&project));
        quick(found, why);
        project.envtool(&["doctor", "--fix"]).ok();
    }
    force(&alpha(&project).join("src/lib.rs"), "longer than it was");
    quick(true, "size");
}

#[test]
fn in_a_copy_both_the_copy_and_the_store_may_be_damaged() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let linked_one = linked(&sandbox, "linked", "symlink");
    let copied = linked(&sandbox, "copied", "copy");
    for at in [alpha(&linked_one), alpha(&copied)] {
        force(&at.join("src/lib.rs"), BAD);
    }
    mended(&copied, "copy and store");
    // What the store's tree was is none of the copy's; the project that links to it finds it.
    let (_, found) = findings(&linked_one, &[]);
    if !found.is_empty() {
        mended(&linked_one, "store");
    }
    assert!(!any_file_holds(&sandbox, &sandbox.store(), "ALPHA"));
}

#[test]
fn a_git_crate_is_looked_at_too() {
    let sandbox = Sandbox::new();
    let repo = GitRepo::new(&sandbox, "tools");
    repo.telling("", "tools", "first").commit("first");
    let project = sandbox.project("app");
    project
        .app(&format!("tools = {{ git = {:?} }}\n", repo.url()), "println!(\"{}\", tools::id());")
        .lock()
        .set_up();
    is_healthy(&project);
    let folder = fs::read_dir(project.path(".envtool"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("vendor-"))
        .unwrap();
    let tree = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path().canonicalize().unwrap();
    force(&tree.join("src/lib.rs"), BAD);
    let finding = only(&project, &[]);
    assert_eq!((&finding["check"], &finding["severity"]), (&json!("modified"), &json!("error")));
    project.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&project);
    assert_eq!(project.cargo(&["run", "--quiet"]).ok().stdout, "first\n");
    // At another commit, as after a pull.
    repo.telling("", "tools", "second").commit("second");
    let config = project.read(".cargo/config.toml");
    project.write(".cargo/config.toml", "").cargo(&["update"]).ok();
    project.write(".cargo/config.toml", &config);
    let finding = only(&project, &[]);
    assert_eq!((&finding["check"], &finding["severity"]), (&json!("missing"), &json!("error")));
    assert!(finding["message"].as_str().unwrap().contains("another release"), "{finding}");
    project.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&project);
    assert_eq!(project.cargo(&["run", "--quiet"]).ok().stdout, "second\n");
}
