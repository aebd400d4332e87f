//! `init`: makes the environment and one entry in cargo's configuration, and changes nothing about how the project
//! builds.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::{Project, Sandbox, telling};

/// The entry as it stands in `.cargo/config.toml` of a project that had none.
const ENTRY: &str = "include = [{ path = \"../.envtool/cargo.toml\", optional = true }]\n";

/// A project with one crate, locked and fetched by cargo.
fn project(sandbox: &Sandbox) -> Project<'_> {
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    project.cargo(&["fetch"]).ok();
    project
}

#[test]
fn it_makes_the_manifest_the_environment_and_the_entry() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    project.envtool(&["init"]).ok();
    assert_eq!(project.read(".cargo/config.toml"), ENTRY);
    assert_eq!(project.read(".envtool/.gitignore").trim(), "*");
    assert!(project.read("envtool.toml").contains("[env]"));
    assert!(project.has(".envtool/env.toml"));
    assert!(!project.has(".envtool/cargo.toml"), "it replaces sources before the first sync");
}

#[test]
fn run_again_it_says_so_and_changes_nothing() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    project.envtool(&["init"]).ok();
    let before = project.fingerprint();
    let output = project.envtool(&["init"]).ok();
    assert!(!output.stderr.trim().is_empty() || !output.stdout.trim().is_empty(), "{output}");
    assert_eq!(project.fingerprint(), before);
}

#[test]
fn what_built_before_builds_the_same_until_the_first_sync() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    project.envtool(&["init"]).ok();
    assert!(project.has(".cargo/config.toml"));
    sandbox.registry().publish(&telling("beta", "1.0.0"));
    // cargo still resolves by itself, from its own registry.
    project.app("alpha = \"1\"\nbeta = \"1\"\n", "println!(\"{} {}\", alpha::id(), beta::id());");
    assert_eq!(project.cargo(&["run", "--quiet"]).ok().stdout, "alpha 1.0.0 beta 1.0.0\n");
}

#[test]
fn it_takes_a_folder() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    sandbox.envtool(&["init", "app"], &sandbox.home().join("work")).ok();
    assert!(project.has(".envtool/env.toml"));
    assert!(!sandbox.home().join("work/.envtool").exists());
}

#[test]
fn a_manifest_that_is_there_is_kept() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    let text = "# ours\n[env]\nlink = \"copy\"\n";
    project.write("envtool.toml", text).envtool(&["init"]).ok();
    assert_eq!(project.read("envtool.toml"), text);
    assert!(project.has(".envtool/env.toml"));
}

#[test]
fn the_entry_is_a_root_key_before_the_first_table() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    let text = "# our aliases\n[alias]\nhi = \"version\" # greets\n\n[build]\njobs = 1\n";
    project.write(".cargo/config.toml", text).envtool(&["init"]).ok();
    let now = project.read(".cargo/config.toml");
    let table = now.find("[alias]").unwrap();
    assert!(now.find(ENTRY.trim()).is_some_and(|at| at < table), "{now}");
    for line in text.lines() {
        assert!(now.contains(line), "{line:?} is gone\n{now}");
    }
    assert!(project.cargo(&["hi"]).ok().stdout.starts_with("cargo "));
    project.envtool(&["sync"]).ok();
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "alpha 1.0.0\n");
}

#[test]
fn the_entry_is_the_last_of_an_include_that_is_there() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    project
        .write(".cargo/config.toml", "include = [\n    \"ours.toml\", # team\n]\n")
        .write(".cargo/ours.toml", "[alias]\nhi = \"version\"\n")
        .envtool(&["init"])
        .ok();
    let now = project.read(".cargo/config.toml");
    let ours = now.find("\"ours.toml\"").unwrap();
    assert!(now.find("../.envtool/cargo.toml").is_some_and(|at| at > ours), "{now}");
    assert_eq!(now.matches("include").count(), 1, "{now}");
    assert!(now.contains("# team"), "{now}");
    project.cargo(&["hi"]).ok();
    project.envtool(&["sync"]).ok();
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "alpha 1.0.0\n");
}

#[test]
fn a_legacy_config_gets_the_entry() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    project.write(".cargo/config", "[build]\njobs = 1\n").envtool(&["init"]).ok();
    assert!(project.read(".cargo/config").contains("../.envtool/cargo.toml"));
    assert!(!project.has(".cargo/config.toml"), "cargo reads only one of the two");
    project.envtool(&["sync"]).ok();
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "alpha 1.0.0\n");
}

#[test]
fn in_a_member_it_makes_the_environment_at_the_workspace_root() {
    let sandbox = Sandbox::new();
    let root = sandbox.project("ws");
    root.write("Cargo.toml", "[workspace]\nmembers = [\"member\"]\nresolver = \"2\"\n");
    let member = sandbox.project("ws/member");
    member.app("", "");
    let output = member.envtool(&["init"]).ok();
    output.says(&["workspace"]);
    assert!(root.has(".envtool/env.toml") && root.has("envtool.toml"));
    assert!(!member.has(".envtool") && !member.has("envtool.toml") && !member.has(".cargo"));
}

#[test]
fn inside_another_environments_folder_it_makes_a_nested_one_and_says_so() {
    let sandbox = Sandbox::new();
    let outer = project(&sandbox);
    outer.set_up();
    let before = outer.fingerprint();
    sandbox.registry().publish(&telling("alpha", "2.0.0"));
    let inner = sandbox.project("app/inner");
    inner.app("alpha = \"2\"\n\n[workspace]\n", "println!(\"{}\", alpha::id());");
    let output = inner.envtool(&["init"]).ok();
    output.says(&[&outer.dir().display().to_string()]);
    inner.envtool(&["sync"]).ok();
    sandbox.cut_network();
    assert_eq!(inner.run_isolated(), "alpha 2.0.0\n");
    assert_eq!(outer.run_isolated(), "alpha 1.0.0\n");
    let after = outer.fingerprint();
    for line in before.lines().filter(|line| line.contains(".envtool")) {
        assert!(after.contains(line), "the outer environment lost {line}");
    }
}

#[test]
fn a_replacement_left_over_from_cargo_vendor_is_refused_with_its_line() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    project.write(
        ".cargo/config.toml",
        "[build]\njobs = 1\n\n[source.crates-io]\nreplace-with = \"vendored-sources\"\n\n[source.vendored-sources]\ndirectory = \"vendor\"\n",
    );
    let output = project.envtool(&["init"]).refused(1);
    assert!(
        output.stderr.contains(".cargo/config.toml:4") || output.stderr.contains(".cargo/config.toml:5"),
        "it does not name the line\n{output}"
    );
}

#[test]
fn a_members_config_that_would_bypass_the_environment_is_refused_with_its_line() {
    let sandbox = Sandbox::new();
    let root = sandbox.project("ws");
    root.write("Cargo.toml", "[workspace]\nmembers = [\"member\"]\nresolver = \"2\"\n");
    let member = sandbox.project("ws/member");
    member.app("", "").write(
        ".cargo/config.toml",
        "[source.crates-io]\nreplace-with = \"mine\"\n\n[source.mine]\ndirectory = \"vendor\"\n",
    );
    let output = root.envtool(&["init"]).refused(1);
    assert!(
        output.stderr.contains("member/.cargo/config.toml:1")
            || output.stderr.contains("member/.cargo/config.toml:2"),
        "it does not name the line\n{output}"
    );
}

#[test]
fn a_config_that_is_no_toml_is_refused_with_its_line() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    project.write(".cargo/config.toml", "[build]\njobs = = 1\n");
    project.envtool(&["init"]).refused(1).names_line(".cargo/config.toml", 2);
}

#[test]
fn what_is_no_environment_is_never_taken_for_one() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    let elsewhere = sandbox.outside("elsewhere");
    fs::write(elsewhere.join("precious"), "mine").unwrap();

    project.write(".envtool", "a file\n");
    project.envtool(&["init"]).refused(1).says(&[".envtool"]);
    fs::remove_file(project.path(".envtool")).unwrap();

    symlink(project.path("nowhere"), project.path(".envtool")).unwrap();
    project.envtool(&["init"]).refused(1).says(&[".envtool"]);
    fs::remove_file(project.path(".envtool")).unwrap();

    symlink(&elsewhere, project.path(".envtool")).unwrap();
    project.envtool(&["init"]).refused(1).says(&[".envtool"]);
    fs::remove_file(project.path(".envtool")).unwrap();

    project.write(".envtool/notes.txt", "somebody else's\n");
    project.envtool(&["init"]).refused(1).says(&[".envtool"]);
    assert_eq!(project.read(".envtool/notes.txt"), "somebody else's\n");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1, "it wrote through a link");
}

#[test]
fn a_folder_that_is_not_there_is_made() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    project.envtool(&["init", "new/one"]).ok();
    assert!(project.has("new/one/envtool.toml") && project.has("new/one/.envtool/env.toml"));
    project.write("a-file", "").envtool(&["init", "a-file/below"]).refused(1).says(&["a-file/below"]);
}

#[test]
fn a_workspace_that_takes_every_folder_for_a_member_is_not_broken() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("ws");
    project.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\n");
    project.write("one/Cargo.toml", "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    project.write("one/src/lib.rs", "");
    project.envtool(&["init"]).refused(1).says(&["exclude", ".envtool"]);
    project.cargo(&["build", "--offline"]).ok();
    let excluded = "[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\nexclude = [\".cargo\", \".envtool\", \"target\"]\n";
    project.write("Cargo.toml", excluded).envtool(&["init"]).ok();
    project.cargo(&["build", "--offline"]).ok();
}

#[test]
fn what_a_killed_init_left_is_taken_up() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    for half in [&["bin"][..], &["bin", "receipts", "journal"]] {
        for folder in half {
            fs::create_dir_all(project.path(&format!(".envtool/{folder}"))).unwrap();
        }
        project.write(".envtool/.gitignore", "*\n");
        project.envtool(&["init"]).ok();
        assert!(project.has(".envtool/env.toml"));
        fs::remove_file(project.path(".envtool/env.toml")).unwrap();
    }
    project.write(".envtool/bin/mine", "").envtool(&["init"]).refused(1);
}

#[test]
fn a_folder_given_by_the_way_up_is_the_folder_itself() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    project.envtool(&["init"]).ok();
    let other = sandbox.project("other");
    other.write("file", "");
    project.envtool(&["-C", "../other", "list"]).refused(1).says(&["other", "envtool init"]);
}
