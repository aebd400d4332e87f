//! `doctor` on what came from somebody else: an environment that was sent along with a project, records that name what
//! no executable is called, files that may not be read.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::doctor::{
    Before, CRATES_IO, findings, healthy, install, is_healthy, only, publish, script, state,
};
use crate::support::tools::{names, project, tool};
use crate::support::{Sandbox, write};

#[test]
fn a_receipt_that_names_a_file_of_the_user_removes_nothing() {
    let sandbox = Sandbox::new();
    let mine = sandbox.outside("mine");
    write(&mine.join("notes"), "mine");
    let project = project(&sandbox, "sent", "");
    project.envtool(&["init"]).ok();
    let zeros = "0".repeat(64);
    for name in [mine.join("notes").display().to_string(), "../../../../mine/notes".to_owned()] {
        let receipt = json!({
            "name": "evil", "version": "1.0.0", "source": "crates.io", "checksum": zeros, "row": zeros,
            "how": "adopted", "key": zeros, "bins": {(name): zeros},
        });
        project.write(".envtool/receipts/tools/evil-1.0.0.json", &receipt.to_string());
        // One cause, one finding.
        assert_eq!(only(&project, &["--fix"])["check"], json!("stale-lock"));
        project.envtool(&["sync"]).refused(1).says(&["evil-1.0.0.json", "no name of an executable"]);
        assert_eq!(fs::read_to_string(mine.join("notes")).unwrap(), "mine");
    }
}

#[test]
fn a_journal_takes_nothing_from_where_a_link_leads() {
    let sandbox = Sandbox::new();
    let mine = sandbox.outside("mine");
    write(&mine.join("bin/notes"), "mine");
    let project = project(&sandbox, "sent", "");
    project.envtool(&["init"]).ok();
    fs::remove_dir_all(project.path(".envtool/bin")).unwrap();
    std::os::unix::fs::symlink(&mine, project.path(".envtool/journal/fix-1")).unwrap();
    project.write(
        ".envtool/journal/sync.json",
        r#"{"drop_cargo_toml":false,"folders":[{"name":"bin","identity":null,"ours":["notes"]}],"receipts_gone":[],"folders_gone":[],"files":[],"from":1}"#,
    );
    for args in [["doctor"].as_slice(), &["doctor", "--undo"], &["sync"]] {
        project.envtool(args).refused(1).says(&["fix-1", "is in the way"]);
    }
    assert_eq!(fs::read_to_string(mine.join("bin/notes")).unwrap(), "mine");
}

#[test]
fn the_number_of_a_fix_has_no_end() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    let last = format!(".envtool/journal/fix-{}", u32::MAX);
    project.write(&format!("{last}/done"), "[]").write(&format!("{last}/fix.json"), "{}");
    fs::remove_file(project.path(".envtool/vendor/alpha-1.0.0")).unwrap();
    project.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&project);
    project.envtool(&["doctor", "--undo"]).ok();
}

#[test]
fn a_record_that_names_a_path_starts_and_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&tool("built", "1.0.0", "\"built\""));
    let home = sandbox.home().join(".cargo");
    let mine = sandbox.outside("mine");
    let program = format!("#!/bin/sh\necho ran > {}\n", mine.join("ran").display());
    script(&mine.join("deploy"), &program);
    install(&home, &[Before::new("built")]);
    let key = format!("built 1.0.0 ({CRATES_IO})");
    let deploy = mine.join("deploy").display().to_string();
    for bad in [deploy.as_str(), "../../../mine/deploy"] {
        write(&home.join(".crates.toml"), &format!("[v1]\n{key:?} = [{bad:?}, \"built\"]\n"));
        let project = project(&sandbox, &format!("p{}", bad.len()), "");
        project.write("justfile", "build:\n    built --all\n");
        project.envtool(&["sync"]).ok();
        let fix = project.envtool(&["doctor", "--fix"]).ok();
        assert!(fix.stderr.contains("no file's name"), "{fix}");
        assert_eq!(names(&mine), ["deploy"]);
        assert_eq!(fs::read_to_string(mine.join("deploy")).unwrap(), program);
    }
}

#[test]
fn a_file_that_may_not_be_read_hides_no_call() {
    let sandbox = Sandbox::new();
    let Some(stranger) = sandbox.as_stranger() else { return };
    sandbox.registry().publish(&tool("called", "1.0.0", "\"built\""));
    install(&sandbox.home().join(".cargo"), &[Before::new("called")]);
    let project = project(&sandbox, "app", "");
    project.write("secret.sh", "called\n").write("justfile", "build:\n    called --all\n");
    project.envtool(&["sync"]).ok();
    fs::set_permissions(project.path("secret.sh"), fs::Permissions::from_mode(0o000)).unwrap();
    let finding = only(&project, &[]);
    assert_eq!(finding["check"], json!("global-tool"));
    let output = project.envtool(&["doctor", "--json"]).through(&stranger).run();
    assert!(output.stdout.contains("called 1.0.0") && output.stdout.contains("justfile:2"), "{output}");
    output.says(&["secret.sh"]);
    assert_eq!(findings(&project, &[]).1.len(), 1);
}

#[test]
fn a_fix_writes_through_no_link_out_of_the_project() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let mine = sandbox.outside("mine");
    let project = healthy(&sandbox, "app");
    write(&mine.join("config.toml"), "# mine\n");
    fs::remove_file(project.path(".cargo/config.toml")).unwrap();
    std::os::unix::fs::symlink(mine.join("config.toml"), project.path(".cargo/config.toml")).unwrap();
    let before = state(&project);
    project.envtool(&["doctor", "--fix"]).refused(1).says(&["config.toml", "out of the project"]);
    assert_eq!(fs::read_to_string(mine.join("config.toml")).unwrap(), "# mine\n");
    assert_eq!(state(&project), before);
    project.envtool(&["doctor", "--undo"]).refused(1).says(&["no fix to take back"]);
}

#[test]
fn a_link_that_a_fix_did_not_write_through_hinders_no_undo() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let mine = sandbox.outside("mine");
    let project = healthy(&sandbox, "app");
    fs::rename(project.path("envtool.toml"), mine.join("envtool.toml")).unwrap();
    std::os::unix::fs::symlink(mine.join("envtool.toml"), project.path("envtool.toml")).unwrap();
    fs::remove_file(project.path(".envtool/vendor/alpha-1.0.0")).unwrap();
    let before = state(&project);
    project.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&project);
    project.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(state(&project), before);
}

#[test]
fn what_else_lies_among_the_receipts_hinders_no_undo() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    project.write(".envtool/receipts/mine/notes", "mine").write(".envtool/receipts/.DS_Store", "mine");
    fs::remove_file(project.path(".envtool/vendor/alpha-1.0.0")).unwrap();
    let before = state(&project);
    project.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&project);
    project.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(state(&project), before);
}

#[test]
fn what_is_no_file_ends_nothing_and_hides_no_other_home() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let one = healthy(&sandbox, "one");
    // A pipe where a record belongs: whoever reads it waits for nobody.
    let record = one.path(".envtool/.crates2.json");
    sandbox.call("mkfifo", &[&record.display().to_string()], one.dir()).ok();
    let output = one.envtool(&["doctor"]).run();
    assert!(format!("{output}").contains("it is a pipe and no file"), "{output}");
    fs::remove_file(record).unwrap();
    // A record of the home that cannot be read is a line, and no finding.
    fs::create_dir_all(sandbox.home().join(".cargo/.crates2.json")).unwrap();
    let output = one.envtool(&["doctor"]).ok();
    assert!(
        output.stderr.contains(".crates2.json") && output.stderr.contains("nothing is wrong"),
        "{output}"
    );
}
