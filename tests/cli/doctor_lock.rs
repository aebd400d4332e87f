//! `doctor` and a lock that cannot be read: made again from the receipts, told before, and taken back byte for byte.

use std::fs;

use serde_json::json;

use crate::support::doctor::{findings, healthy, is_healthy, only, publish, state};
use crate::support::tools::{project, says, tool};
use crate::support::{Dep, Project, Sandbox, fingerprint, telling};

/// What a lock may become, with its name: each cannot be read.
fn broken(lock: &str) -> Vec<(&'static str, Vec<u8>)> {
    let conflict = format!("<<<<<<< HEAD\n{lock}=======\n{lock}>>>>>>> theirs\n");
    let mut bytes = lock.as_bytes().to_vec();
    bytes.insert(lock.len() / 2, 0xff);
    vec![
        ("cut off", lock.as_bytes()[..lock.rfind("checksum = ").unwrap() + 20].to_vec()),
        ("a conflict", conflict.into_bytes()),
        ("no TOML", lock.replacen("name = ", "name = = ", 1).into_bytes()),
        ("empty", Vec::new()),
        ("no text", bytes),
    ]
}

/// The steps of a dry run, which changes nothing.
fn plan(sandbox: &Sandbox, project: &Project<'_>) -> String {
    let before = fingerprint(&sandbox.home(), &[]);
    let dry = project.envtool(&["doctor", "--fix", "--dry-run"]).run();
    assert_eq!(dry.code, Some(1), "{dry}");
    assert_eq!(before, fingerprint(&sandbox.home(), &[]), "{dry}");
    dry.stderr.split("would ").skip(1).collect()
}

/// Nothing goes on with a lock that cannot be read, and each verb says what does.
fn is_refused(project: &Project<'_>, file: &str) {
    for args in [&["sync"][..], &["add", "alpha"], &["remove", "alpha"], &["sync", "--locked"]] {
        project.envtool(args).refused(1).says(&[file, "help: `envtool doctor --fix`"]);
    }
}

/// Mends, takes back, and mends again: the lock is `good` then.
fn mends(project: &Project<'_>, file: &str, good: &str) {
    let before = state(project);
    let fix = project.envtool(&["doctor", "--fix"]).ok();
    assert_eq!(project.read(file), good, "{fix}");
    is_healthy(project);
    project.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(before, state(project), "{file}");
    project.envtool(&["doctor", "--fix"]).ok();
    is_healthy(project);
    project.envtool(&["sync"]).ok().says(&["nothing to do"]);
}

#[test]
fn a_lock_of_cargo_is_made_again_from_what_is_installed() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    let good = project.read("Cargo.lock");
    // What is newer by now moves nothing, and no network is needed.
    sandbox.registry().publish(&telling("alpha", "1.1.0"));
    sandbox.cut_network();
    for (what, bytes) in broken(&good) {
        fs::write(project.path("Cargo.lock"), bytes).unwrap();
        is_refused(&project, "Cargo.lock");
        let finding = only(&project, &[]);
        assert_eq!(
            (&finding["check"], &finding["subject"]),
            (&json!("stale-lock"), &json!("Cargo.lock")),
            "{what}"
        );
        let plan = plan(&sandbox, &project);
        assert!(plan.contains("make Cargo.lock again") && !plan.contains('→'), "{what}: {plan}");
        assert_eq!(plan.contains("no version moves"), what == "a conflict", "{what}: {plan}");
        mends(&project, "Cargo.lock", &good);
    }
    // The other lock stays what it is, and both may be broken at once.
    let other = project.read("envtool.lock");
    for file in ["Cargo.lock", "envtool.lock"] {
        project.write(file, "<<<<<<< HEAD\n");
    }
    let (output, found) = findings(&project, &[]);
    assert_eq!(found.len(), 2, "{output}");
    mends(&project, "Cargo.lock", &good);
    assert_eq!(project.read("envtool.lock"), other);
}

#[test]
fn every_version_that_moves_is_said_before() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    let good = project.read("Cargo.lock");
    for name in ["alpha", "gamma"] {
        sandbox.registry().publish(&telling(name, "1.1.0"));
    }
    sandbox.registry().publish(&telling("gamma", "1.0.0"));
    // A colleague moved alpha and added gamma; Cargo.toml was merged, Cargo.lock was not.
    let theirs = {
        let other = sandbox.project("theirs");
        other.app("alpha = \"1\"\nbeta = \"1\"\ngamma = \"1\"\n", "").lock();
        other.cargo(&["update", "gamma", "--precise", "1.0.0"]).ok();
        other.read("Cargo.lock")
    };
    assert!(theirs.contains("1.1.0"), "{theirs}");
    project.write("Cargo.lock", &format!("<<<<<<< HEAD\n{good}=======\n{theirs}>>>>>>> theirs\n"));
    let manifest = project.read("Cargo.toml");
    project.write("Cargo.toml", &format!("{manifest}gamma = \"1\"\n"));
    let plan = plan(&sandbox, &project);
    let lines: Vec<&str> = plan.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert_eq!(
        lines,
        [
            "alpha 1.0.0 or 1.1.0 → 1.0.0",
            "gamma none or 1.0.0: not installed, and kept where the manifests ask for it"
        ],
        "{plan}"
    );
    // What fails leaves what was there.
    let before = state(&project);
    let offline = project.envtool(&["doctor", "--fix", "--offline"]).run();
    assert_eq!(offline.code, Some(1), "{offline}");
    offline.must_help().says(&["--offline"]);
    assert_eq!(before, state(&project), "{offline}");
    let locked = project.envtool(&["doctor", "--fix", "--locked"]).run();
    assert_eq!(locked.code, Some(1), "{locked}");
    locked.must_help().says(&["--locked"]);
    assert_eq!(before, state(&project), "{locked}");
    project.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&project);
    let lock = project.read("Cargo.lock");
    assert_eq!(lock.matches("version = \"1.0.0\"").count(), 3, "{lock}");
    assert!(!lock.contains("1.1.0"), "{lock}");
    project.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(before, state(&project));
}

#[test]
fn a_row_that_is_not_whole_and_what_does_not_fit_is_locked_anew() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    let good = project.read("Cargo.lock");
    sandbox.registry().publish(&telling("alpha", "2.0.0"));
    // The only row names a crate that nobody has; the manifest has gone on meanwhile.
    project.app("alpha = \"2\"\nbeta = \"1\"\n", "println!(\"{}\", alpha::id());");
    let row = good.find("checksum").unwrap();
    project.write(
        "Cargo.lock",
        &format!("{}\n[[package]]\nname = \"be", &good[..row].replace("\"alpha\"", "\"omega\"")),
    );
    let plan = plan(&sandbox, &project);
    assert!(plan.contains("omega 1.0.0 → the newest that fits"), "{plan}");
    assert!(plan.contains("no row that can be read: alpha 1.0.0, beta 1.0.0"), "{plan}");
    project.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&project);
    let lock = project.read("Cargo.lock");
    assert!(lock.contains("\"2.0.0\"") && !lock.contains("omega"), "{lock}");
    assert_eq!(project.run_isolated(), "alpha 2.0.0\n");
}

#[test]
fn one_that_is_killed_leaves_the_bytes_that_were_there() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    let good = project.read("Cargo.lock");
    let bad = [good.as_bytes(), &[0xff]].concat();
    fs::write(project.path("Cargo.lock"), &bad).unwrap();
    let real = sandbox.which("cargo");
    let dies =
        format!("#!/bin/sh\ncase \"$*\" in update*) kill -9 $PPID;; esac\nexec {} \"$@\"\n", real.display());
    let path = sandbox.path_after(&sandbox.program("cargo", &dies));
    let killed = project.envtool(&["doctor", "--fix"]).env("PATH", &path).run();
    assert_eq!(killed.code, None, "{killed}");
    assert_ne!(fs::read(project.path("Cargo.lock")).unwrap(), bad, "it was killed too early");
    project.envtool(&["list"]).run();
    assert_eq!(fs::read(project.path("Cargo.lock")).unwrap(), bad);
    project.envtool(&["doctor", "--fix"]).ok();
    assert_eq!(project.read("Cargo.lock"), good);
    is_healthy(&project);
}

#[test]
fn crates_of_git_keep_their_commit() {
    let sandbox = Sandbox::new();
    let repository = sandbox.project("repository");
    repository
        .write("Cargo.toml", "[package]\nname = \"from-git\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\npath = \"lib.rs\"\n")
        .write("lib.rs", "pub fn id() -> u8 { 1 }\n");
    let commit = |message: &str| {
        sandbox.git(repository.dir(), &["add", "."]);
        sandbox.git(repository.dir(), &["commit", "--quiet", "-m", message]);
    };
    sandbox.git(repository.dir(), &["init", "--quiet", "-b", "feat/x+y"]);
    commit("one");
    let project = sandbox.project("app");
    let url = format!("file://{}", repository.dir().display());
    project.app(
        &format!("from-git = {{ git = {url:?}, branch = \"feat/x+y\" }}\n"),
        "println!(\"{}\", from_git::id());",
    );
    project.lock().set_up();
    is_healthy(&project);
    let good = project.read("Cargo.lock");
    repository.write("lib.rs", "pub fn id() -> u8 { 2 }\n");
    commit("two");
    project.write("Cargo.lock", &good[..good.find("source = ").unwrap() + 20]);
    mends(&project, "Cargo.lock", &good);
    assert_eq!(project.run_isolated(), "1\n");
}

#[test]
fn a_lock_of_a_newer_version_is_not_made_again() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    for (file, version) in [("Cargo.lock", "version = 4"), ("envtool.lock", "version = 1")] {
        let project = healthy(&sandbox, file);
        let lock = project.read(file);
        assert!(lock.contains(version), "{lock}");
        project.write(file, &lock.replacen(version, "version = 99", 1));
        let before = state(&project);
        let finding = only(&project, &["--fix"]);
        assert_eq!((&finding["check"], &finding["subject"]), (&json!("stale-lock"), &json!(file)));
        assert!(finding["remedy"].as_str().unwrap().contains("newer envtool"), "{finding}");
        assert_eq!(before, state(&project));
    }
}

#[test]
fn without_receipts_it_is_locked_anew() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    sandbox.registry().publish(&telling("alpha", "1.1.0"));
    for (at, (lock, version)) in [("", "1.1.0"), ("rows", "1.0.0")].into_iter().enumerate() {
        let project = sandbox.project(&format!("app{at}"));
        project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
        project.cargo(&["update", "alpha", "--precise", "1.0.0"]).ok();
        let good = project.read("Cargo.lock");
        project.write("Cargo.lock", if lock.is_empty() { "" } else { "<<<<<<< HEAD\n" });
        if !lock.is_empty() {
            let text = format!("{}{good}", project.read("Cargo.lock"));
            project.write("Cargo.lock", &text);
        }
        project.envtool(&["init"]).ok();
        let plan = plan(&sandbox, &project);
        assert_eq!(plan.contains("may move to the newest"), lock.is_empty(), "{plan}");
        project.envtool(&["doctor", "--fix"]).ok();
        is_healthy(&project);
        assert_eq!(project.run_isolated(), format!("alpha {version}\n"));
    }
    // Without a network either there is nothing to lock from.
    let project = sandbox.project("offline");
    project.app("gamma = \"1\"\n", "").write("Cargo.lock", "").envtool(&["init"]).ok();
    let before = state(&project);
    let fix = project.envtool(&["doctor", "--fix", "--offline"]).run();
    assert_eq!(fix.code, Some(1), "{fix}");
    fix.must_help().says(&["without `--offline`"]);
    assert_eq!(before, state(&project));
}

#[test]
fn a_lock_of_envtool_is_made_again_from_what_is_installed() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0").dep(Dep::new("beta", "1")));
    sandbox.registry().publish(&telling("beta", "1.0.0"));
    let ships = {
        let shipped = crate::support::tools::lock(("ships", "1.0.0"), "", "");
        tool("ships", "1.0.0", "\"ships\"").file("Cargo.lock", &shipped)
    };
    sandbox.registry().publish(&ships);
    // One has its closure in its row.
    sandbox.registry().publish(&tool("resolved", "1.0.0", "beta::id()").dep(Dep::new("beta", "1")));
    let project = project(&sandbox, "plain", "resolved = \"1.0.0\"\nships = \"1.0.0\"\n");
    let manifest = project.read("envtool.toml");
    project.write("envtool.toml", &format!("{manifest}\n[crates]\nalpha = \"1.0.0\"\n"));
    project.set_up();
    is_healthy(&project);
    let good = project.read("envtool.lock");
    assert!(good.contains("[[tool.package]]"), "{good}");
    sandbox.registry().publish(&telling("beta", "1.1.0"));
    for (what, bytes) in broken(&good) {
        fs::write(project.path("envtool.lock"), &bytes).unwrap();
        is_refused(&project, "envtool.lock");
        let plan = plan(&sandbox, &project);
        assert!(plan.contains("make envtool.lock again"), "{what}: {plan}");
        // The closure of one tool stands in no receipt.
        let lost = plan.contains("resolved 1.0.0 is locked again");
        match what {
            "empty" => assert!(lost, "{what}: {plan}"),
            "cut off" | "a conflict" => assert!(plan.contains("no version moves"), "{what}: {plan}"),
            _ => {}
        }
        if lost {
            let before = state(&project);
            let fix = project.envtool(&["doctor", "--fix"]).ok();
            let lock = project.read("envtool.lock");
            assert!(lock.contains("[[tool.package]]"), "{lock}\n{fix}");
            let crates = |lock: &str| lock[..lock.find("[[tool]]").unwrap()].to_owned();
            assert_eq!(crates(&lock), crates(&good), "no crate moves");
            is_healthy(&project);
            project.envtool(&["doctor", "--undo"]).ok();
            assert_eq!(before, state(&project));
            project.write("envtool.lock", &good);
            is_healthy(&project);
        } else {
            mends(&project, "envtool.lock", &good);
        }
        assert_eq!(
            (says(&project, "ships"), says(&project, "resolved")),
            ("ships".to_owned(), "beta 1.0.0".to_owned())
        );
    }
    // A side of a conflict that is what is installed needs no network.
    project.write("envtool.lock", &format!("<<<<<<< HEAD\n{good}=======\n>>>>>>> theirs\n"));
    sandbox.cut_network();
    mends(&project, "envtool.lock", &good);
}
