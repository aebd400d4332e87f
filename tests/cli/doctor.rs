//! `doctor`: every check finds what it is for and nothing else, what can be mended is, and that can be taken back.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::doctor::{
    Before, findings, force, healthy, install, is_healthy, only, open_folder, publish, script, state,
};
use crate::support::tools::tool;
use crate::support::{Project, Sandbox, fingerprint, saying, telling, write};

/// One row: the check, its severity, whether `--fix` mends what `broken` breaks.
struct Row {
    id: &'static str,
    severity: &'static str,
    mends: bool,
    broken: for<'a> fn(&'a Sandbox, Project<'a>) -> Project<'a>,
}

const ROWS: &[Row] = &[
    Row { id: "stale-lock", severity: "error", mends: true, broken: stale_lock },
    Row { id: "missing", severity: "error", mends: true, broken: missing },
    Row { id: "modified", severity: "error", mends: true, broken: modified },
    Row { id: "store", severity: "error", mends: true, broken: store },
    Row { id: "broken-executable", severity: "error", mends: true, broken: broken_executable },
    Row { id: "bypassed", severity: "warning", mends: true, broken: bypassed },
    Row { id: "global-tool", severity: "warning", mends: true, broken: global_tool },
    Row { id: "global-module", severity: "warning", mends: true, broken: global_module },
    Row { id: "extra", severity: "warning", mends: true, broken: extra },
    Row { id: "shadowed", severity: "warning", mends: false, broken: shadowed },
    Row { id: "moved", severity: "warning", mends: true, broken: moved },
    Row { id: "toolchain", severity: "warning", mends: true, broken: toolchain },
    Row { id: "tracked", severity: "warning", mends: false, broken: tracked },
    Row { id: "outside-path", severity: "info", mends: false, broken: outside_path },
];

fn stale_lock<'a>(_: &'a Sandbox, project: Project<'a>) -> Project<'a> {
    project.write("envtool.toml", "");
    project
}

fn missing<'a>(_: &'a Sandbox, project: Project<'a>) -> Project<'a> {
    fs::remove_file(project.path(".envtool/vendor/alpha-1.0.0")).unwrap();
    fs::remove_file(project.path(".envtool/bin/cargo-hi")).unwrap();
    project
}

fn modified<'a>(_: &'a Sandbox, project: Project<'a>) -> Project<'a> {
    force(&project.path(".envtool/vendor/alpha-1.0.0/src/lib.rs"), "pub fn id() -> u8 { 0 }\n");
    project
}

/// Every file of a kind below a folder.
fn files_below(folder: &Path, ending: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path, ending));
        } else if path.to_str().unwrap().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn store<'a>(sandbox: &'a Sandbox, project: Project<'a>) -> Project<'a> {
    let archives = files_below(&sandbox.store().join("v1/archives"), "");
    assert!(!archives.is_empty());
    for archive in archives {
        force(&archive, "half");
    }
    project
}

fn broken_executable<'a>(_: &'a Sandbox, project: Project<'a>) -> Project<'a> {
    let file = project.path(".envtool/bin/cargo-hi").canonicalize().unwrap();
    force(&file, "#!/no/such/interpreter\n");
    project
}

fn bypassed<'a>(_: &'a Sandbox, project: Project<'a>) -> Project<'a> {
    project.write(".cargo/config.toml", "# mine\n[build]\njobs = 1\n");
    project
}

fn global_tool<'a>(sandbox: &'a Sandbox, project: Project<'a>) -> Project<'a> {
    sandbox.registry().publish(&tool("before", "1.0.0", "\"built\""));
    install(&sandbox.home().join(".cargo"), &[Before::new("before")]);
    project.write("build.sh", "#!/bin/sh\nbefore --all\n");
    project
}

fn global_module<'a>(sandbox: &'a Sandbox, project: Project<'a>) -> Project<'a> {
    script(&project.path("tools/run"), "#!/home/nobody/.local/bin/python3.9\nimport os\n");
    if sandbox.has_program("python3") {
        sandbox.pypi().publish(&saying("theirs", "1.0"));
        let ask = "import site; print(site.getusersitepackages())";
        let user = sandbox.call("python3", &["-c", ask], project.dir()).ok().stdout;
        let info = Path::new(user.trim()).join("theirs-1.0.dist-info");
        write(&info.with_file_name("theirs.py"), "");
        write(&info.join("METADATA"), "Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n");
        write(&info.join("RECORD"), "theirs.py,,\n");
        project.write("use.py", "import theirs\n");
    }
    project
}

fn extra<'a>(_: &'a Sandbox, project: Project<'a>) -> Project<'a> {
    project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    project
}

fn shadowed<'a>(_: &'a Sandbox, project: Project<'a>) -> Project<'a> {
    let config = project.read(".cargo/config.toml");
    project.write(".cargo/config.toml", &format!("{config}\n[alias]\nhi = \"check\"\n"));
    project
}

fn moved<'a>(sandbox: &'a Sandbox, project: Project<'a>) -> Project<'a> {
    let old = project.path(".envtool");
    script(&project.path(".envtool/bin/theirs"), &format!("#!{}/bin/python\n", old.display()));
    let to = sandbox.project("another place $HOME 'é'");
    fs::remove_dir(to.dir()).unwrap();
    let from = project;
    fs::rename(from.dir(), to.dir()).unwrap();
    to
}

fn toolchain<'a>(_: &'a Sandbox, project: Project<'a>) -> Project<'a> {
    let here = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let record = project.read(".envtool/env.toml");
    assert!(record.contains(&here), "{record}");
    project.write(".envtool/env.toml", &record.replace(&here, "pdp11-unix"));
    project
}

fn tracked<'a>(sandbox: &'a Sandbox, project: Project<'a>) -> Project<'a> {
    project.write(".gitignore", "envtool.lock\n").write(".envtool/credentials.toml", "");
    sandbox.git(project.dir(), &["init", "--quiet"]);
    sandbox.git(project.dir(), &["add", "--force", ".envtool/env.toml"]);
    project
}

fn outside_path<'a>(sandbox: &'a Sandbox, project: Project<'a>) -> Project<'a> {
    sandbox.project("beside").write(
        "Cargo.toml",
        "[package]\nname = \"beside\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\npath = \"lib.rs\"\n",
    );
    project.app("beside = { path = \"../beside\" }\n", "").lock();
    project.envtool(&["sync"]).ok();
    project
}

/// The steps that lines of standard error speak of.
fn steps(stderr: &str, before: &str) -> BTreeSet<String> {
    stderr.lines().filter_map(|line| line.trim_start().strip_prefix(before)).map(str::to_owned).collect()
}

/// HOME but the project, the store and what cargo keeps of registries.
fn around(sandbox: &Sandbox, project: &Project<'_>) -> String {
    let own = project.dir().strip_prefix(sandbox.home()).unwrap().display().to_string();
    let own = format!("{own}/");
    let own = own.trim_end_matches('/');
    sandbox
        .fingerprint()
        .lines()
        .filter(|line| !line.starts_with(&format!("{own}/")))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn every_check_finds_says_mends_and_takes_back() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let first = healthy(&sandbox, "first");
    let unknown = first.envtool(&["doctor", "--check", "nonsense"]).refused(2);
    let list = unknown.stderr.split("the checks are ").nth(1).unwrap().lines().next().unwrap().to_owned();
    let ids: Vec<&str> = list.trim().split(", ").collect();
    assert!(ids.len() > 10, "{unknown}");
    for id in ids {
        let row = ROWS.iter().find(|row| row.id == id).unwrap_or_else(|| panic!("nothing breaks {id}"));
        let project = healthy(&sandbox, id);
        is_healthy(&project);
        let project = (row.broken)(&sandbox, project);
        let home = fingerprint(&sandbox.home(), &[]);
        let before = state(&project);
        // 1. It is found, and said.
        let (output, found) = findings(&project, &["--check", id]);
        assert!(!found.is_empty(), "{id}: nothing found\n{output}");
        for finding in &found {
            assert_eq!(
                (&finding["check"], &finding["severity"]),
                (&json!(id), &json!(row.severity)),
                "{output}"
            );
            assert!(finding["remedy"].is_string() && finding["fixed"] == false, "{id}\n{output}");
        }
        let text = project.envtool(&["doctor"]).run();
        assert_eq!(text.code, Some(i32::from(row.severity != "info")), "{id}\n{text}");
        for finding in &found {
            let line = format!("  {id}: {}\n", finding["subject"].as_str().unwrap());
            assert!(text.stdout.contains(&line), "{id}: {line}\n{text}");
        }
        // 2. A dry run says what would be done, and does nothing.
        let dry = project.envtool(&["doctor", "--check", id, "--fix", "--dry-run"]).run();
        assert_eq!(dry.code, Some(i32::from(row.severity != "info")), "{id}\n{dry}");
        let would = steps(&dry.stderr, "would ");
        assert_eq!(home, fingerprint(&sandbox.home(), &[]), "{id}: looking changed something");
        assert_eq!(!would.is_empty(), row.mends, "{id}\n{dry}");
        // 3. The fix does that, in the project and in the store.
        let others = around(&sandbox, &project);
        let fix = project.envtool(&["doctor", "--check", id, "--fix"]).run();
        assert_eq!(steps(&fix.stderr, "fix: "), would, "{id}\n{fix}");
        assert_eq!(others, around(&sandbox, &project), "{id}: the fix left the project\n{fix}");
        if !row.mends {
            assert_eq!(before, state(&project), "{id}\n{fix}");
            continue;
        }
        assert_eq!(fix.code, Some(0), "{id}\n{fix}");
        let (output, left) = findings(&project, &["--check", id]);
        assert!(left.is_empty(), "{id} is still there\n{output}");
        project.envtool(&["sync"]).ok();
        // 4. And takes it back.
        let undo = project.envtool(&["doctor", "--undo"]).ok();
        assert_eq!(before, state(&project), "{id}: undo left something else\n{undo}");
        project.envtool(&["doctor", "--undo"]).refused(1).says(&["no fix to take back"]);
        assert_eq!(others, around(&sandbox, &project), "{id}: undo left the project");
        // What undo brought back can be mended again; the store is whole for the next one.
        project.envtool(&["doctor", "--check", id, "--fix"]).ok();
    }
}

#[test]
fn two_fixes_are_taken_back_one_after_the_other() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = bypassed(&sandbox, healthy(&sandbox, "app"));
    let first = state(&project);
    project.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&project);
    project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    let second = state(&project);
    project.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&project);
    project.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(second, state(&project));
    // The user's own change stands in the way, and is named.
    let lock = project.read("Cargo.lock");
    let old = healthy(&sandbox, "other").read("Cargo.lock");
    project.envtool(&["doctor", "--undo"]).refused(1).says(&["Cargo.lock has changed since"]);
    project.write("Cargo.lock", &old);
    project.envtool(&["doctor", "--undo"]).ok();
    project.app("alpha = \"1\"\nbeta = \"1\"\n", "println!(\"{} {}\", alpha::id(), beta::id());");
    assert_eq!(first, state(&project));
    assert_ne!(lock, old);
    project.envtool(&["doctor", "--undo"]).refused(1).says(&["no fix to take back"]);
}

#[test]
fn without_an_environment_or_with_an_unknown_check_it_helps() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("app");
    project.envtool(&["doctor"]).refused(1);
    project.app("", "").lock();
    project.envtool(&["doctor"]).refused(1).says(&["envtool"]);
    project.envtool(&["init"]).ok();
    fs::remove_dir_all(project.path(".envtool")).unwrap();
    project.write("envtool.toml", "");
    for args in [["doctor"].as_slice(), &["doctor", "--fix"], &["doctor", "--undo"], &["doctor", "--json"]] {
        project.envtool(args).refused(1);
        assert!(!project.has(".envtool"), "{args:?}");
    }
    project.envtool(&["doctor", "--check", "missing", "--check", "nonsense"]).refused(2).says(&["nonsense"]);
    assert_eq!(project.envtool(&["doctor", "--dry-run"]).run().code, Some(2));
}

#[test]
fn a_lock_with_conflict_marks_is_one_finding_that_helps() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    for file in ["envtool.lock", "Cargo.lock"] {
        let project = healthy(&sandbox, file);
        let lock = project.read(file);
        project.write(file, &format!("<<<<<<< HEAD\n{lock}=======\n{lock}>>>>>>> theirs\n"));
        let before = project.fingerprint();
        let finding = only(&project, &[]);
        assert_eq!((&finding["check"], &finding["severity"]), (&json!("stale-lock"), &json!("error")));
        assert!(finding["message"].as_str().unwrap().contains(file), "{finding}");
        assert!(finding["subject"].as_str().unwrap().contains(file), "{finding}");
        assert!(finding["remedy"].as_str().unwrap().contains("receipts"), "{finding}");
        assert_eq!(before, project.fingerprint());
        project.envtool(&["doctor", "--fix"]).ok();
        assert_eq!(project.read(file), lock);
        is_healthy(&project);
    }
}

#[test]
fn looking_needs_no_network_and_changes_nothing() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    let project = missing(&sandbox, bypassed(&sandbox, global_tool(&sandbox, project)));
    sandbox.registry().forget();
    sandbox.cut_network();
    fs::remove_dir_all(sandbox.home().join(".cargo/registry")).unwrap_or_default();
    let home = fingerprint(&sandbox.home(), &[]);
    let (_, found) = findings(&project, &[]);
    let checks: BTreeSet<&str> = found.iter().filter_map(|finding| finding["check"].as_str()).collect();
    assert_eq!(checks, BTreeSet::from(["missing", "bypassed", "global-tool"]), "{found:?}");
    findings(&project, &["--quick"]);
    project.envtool(&["doctor", "--fix", "--dry-run"]).run();
    assert_eq!(home, fingerprint(&sandbox.home(), &[]));
    // What the store has is put right without one.
    let fix = project.envtool(&["doctor", "--check", "missing", "--check", "bypassed", "--fix"]).ok();
    assert_eq!(findings(&project, &[]).1.len(), 1, "{fix}");
    // What needs one says so, and changes nothing.
    let before = state(&project);
    let fix = project.envtool(&["doctor", "--fix"]).run();
    assert_eq!(fix.code, Some(1), "{fix}");
    fix.must_help();
    assert_eq!(before, state(&project), "{fix}");
}

#[test]
fn what_somebody_put_there_is_named_and_left() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    script(&project.path(".envtool/bin/stray"), "#!/bin/sh\n");
    project.write(".envtool/vendor/mine/Cargo.toml", "");
    let before = state(&project);
    let (output, found) = findings(&project, &["--fix"]);
    let subjects: Vec<&str> = found.iter().filter_map(|finding| finding["subject"].as_str()).collect();
    assert_eq!(subjects, [".envtool/vendor/mine", ".envtool/bin/stray"], "{output}");
    assert!(found.iter().all(|finding| finding["check"] == "extra"), "{output}");
    assert_eq!(before, state(&project));
    // A fix of something else, and its undo, leave it where it is.
    fs::remove_file(project.path(".envtool/vendor/alpha-1.0.0")).unwrap();
    fs::remove_file(project.path(".envtool/bin/cargo-hi")).unwrap();
    let broken = state(&project);
    project.envtool(&["doctor", "--fix"]).run();
    assert_eq!(before, state(&project));
    project.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(broken, state(&project));
}

#[test]
fn a_project_that_was_moved_goes_on_and_nothing_is_wrong() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let mut project = healthy(&sandbox, "app");
    for name in ["a b", "it's \"$HOME\" `x`", "ünïcödé ★", &"l".repeat(200)] {
        let to = sandbox.project(name);
        fs::remove_dir(to.dir()).unwrap();
        fs::rename(project.dir(), to.dir()).unwrap();
        project = to;
        is_healthy(&project);
        assert_eq!(project.envtool(&["run", "--", "cargo-hi"]).ok().stdout, "hi\n");
    }
}

#[test]
fn a_killed_fix_is_finished_or_rolled_back_by_the_next_command() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    project.write("envtool.toml", "[env]\nlink = \"copy\"\n[tools]\ncargo-hi = \"1.0.0\"\n");
    fs::remove_dir_all(project.path(".envtool")).unwrap();
    project.envtool(&["sync"]).ok();
    is_healthy(&project);
    let good = project.read(".envtool/vendor/alpha-1.0.0/src/lib.rs");
    let vendor = project.path(".envtool/vendor/alpha-1.0.0/src/lib.rs");
    let broken = || {
        force(&vendor, "broken");
        fs::remove_file(project.path(".envtool/bin/cargo-hi")).unwrap();
    };
    broken();
    let begin = Instant::now();
    project.envtool(&["doctor", "--fix"]).ok();
    let whole = begin.elapsed();
    for moment in 0..9_u32 {
        broken();
        let before = state(&project);
        let mut child = project.envtool(&["doctor", "--fix"]).command();
        let mut child = child.stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole * moment / 9);
        child.kill().unwrap();
        child.wait().unwrap();
        if moment % 2 == 0 {
            project.envtool(&["sync"]).ok();
        }
        project.envtool(&["doctor", "--fix"]).ok();
        is_healthy(&project);
        assert_eq!(fs::read_to_string(&vendor).unwrap(), good, "moment {moment}");
        let leftovers = files_below(&project.path(".envtool/journal"), "fix.json");
        assert!(leftovers.iter().all(|file| file.with_file_name("done").exists()), "{leftovers:?}");
        // What is taken back is what was there before, or what the killed one had left to do.
        if moment % 4 == 1 {
            project.envtool(&["doctor", "--undo"]).ok();
            assert_eq!(before, state(&project), "moment {moment}");
            project.envtool(&["doctor", "--fix"]).ok();
        }
    }
    // What one left that was killed at its very end goes with the next change.
    broken();
    project.envtool(&["doctor", "--fix"]).ok();
    assert!(!project.has(".envtool/staging"));
    let number = fs::read_dir(project.path(".envtool/journal")).unwrap().count();
    assert!(number <= 10, "{number} fixes are kept");
}

#[test]
fn a_fix_of_any_check_that_is_killed_is_finished_or_rolled_back() {
    const MOMENTS: u32 = 3;
    for (number, row) in (0..).zip(ROWS.iter().filter(|row| row.mends)) {
        let mut whole = Duration::ZERO;
        // Not killed, for how long it takes; then at one moment, another one for each check.
        for moment in [0, 1 + number % MOMENTS] {
            let sandbox = Sandbox::new();
            publish(&sandbox);
            let project = (row.broken)(&sandbox, healthy(&sandbox, &format!("{}-{moment}", row.id)));
            let (before, others) = (state(&project), around(&sandbox, &project));
            let fix = project.envtool(&["doctor", "--check", row.id, "--fix"]);
            let begin = Instant::now();
            if moment == 0 {
                fix.ok();
                whole = begin.elapsed();
                continue;
            }
            let mut child = fix.command().stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
            std::thread::sleep(whole * moment / (MOMENTS + 1));
            child.kill().unwrap();
            child.wait().unwrap();
            // By all checks: what was taken out of the store before is `missing` now.
            project.envtool(&["doctor", "--fix"]).run();
            let (output, left) = findings(&project, &["--check", row.id]);
            assert!(left.is_empty(), "{} at {moment}\n{output}", row.id);
            // The killed one, where it was decided, is a fix too; where it only put the store right, none is needed.
            let mut undone = 0;
            while project.envtool(&["doctor", "--undo"]).run().code == Some(0) {
                undone += 1;
            }
            assert!(undone <= 2, "{} at {moment}: {undone}", row.id);
            assert_eq!(before, state(&project), "{} at {moment}", row.id);
            assert_eq!(others, around(&sandbox, &project), "{} at {moment}: it left the project", row.id);
            assert!(
                !project.has(".envtool/staging") && !project.has(".envtool/journal/sync.json"),
                "{}",
                row.id
            );
            project.envtool(&["doctor", "--check", row.id, "--fix"]).ok();
        }
    }
}

#[test]
fn a_fix_names_a_tool_that_changed() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    sandbox.registry().publish(&telling("gamma", "1.0.0"));
    let project = healthy(&sandbox, "app");
    let file = project.path(".envtool/bin/cargo-hi").canonicalize().unwrap();
    open_folder(file.parent().unwrap());
    let good = fs::read(&file).unwrap();
    force(&file, "#!/bin/sh\necho bad\n");
    let finding = only(&project, &[]);
    assert_eq!(
        (&finding["check"], &finding["subject"]),
        (&json!("modified"), &json!("cargo-hi 1.0.0 (cargo-hi)"))
    );
    project.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&project);
    assert_eq!(fs::read(&file).unwrap().len(), good.len());
}

#[test]
fn two_at_once_do_not_meet() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = missing(&sandbox, bypassed(&sandbox, healthy(&sandbox, "app")));
    let children: Vec<_> = (0..4)
        .map(|_| {
            let mut call = project.envtool(&["doctor", "--fix"]).command();
            call.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    is_healthy(&project);
}

#[test]
fn a_fix_keeps_what_was_written_beside_it_meanwhile() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    sandbox.registry().publish(&tool("before", "1.0.0", "\"built\""));
    // A manifest with comments, a config with lines of its own and a mode that is not the usual one.
    let project = healthy(&sandbox, "app");
    let config = project.read(".cargo/config.toml");
    project
        .write(
            "envtool.toml",
            "# mine\n[tools] # theirs\ncargo-hi = \"1.0.0\" # the tool\n\n[env]\n# nothing\n",
        )
        .write(".cargo/config.toml", &format!("# mine\n[build]\njobs = 1 # one\n{config}"));
    let mode = |file: &str| fs::metadata(project.path(file)).unwrap().permissions().mode() & 0o7777;
    for file in ["envtool.toml", "envtool.lock", ".cargo/config.toml"] {
        fs::set_permissions(project.path(file), fs::Permissions::from_mode(0o640)).unwrap();
    }
    project.write("build.sh", "before\n");
    install(&sandbox.home().join(".cargo"), &[Before::new("before")]);
    let before = state(&project);
    let fix = project.envtool(&["doctor", "--fix"]).run();
    let manifest = project.read("envtool.toml");
    for line in
        ["# mine", "[tools] # theirs", "cargo-hi = \"1.0.0\" # the tool", "# nothing", "before = \"1.0.0\""]
    {
        assert!(manifest.contains(line), "{line}\n{manifest}\n{fix}");
    }
    for file in ["envtool.toml", "envtool.lock", ".cargo/config.toml"] {
        assert_eq!(mode(file), 0o640, "{file}");
    }
    project.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(before, state(&project));
}

#[test]
fn a_manifest_that_is_a_link_stays_one() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    fs::create_dir_all(project.path("config")).unwrap();
    for file in ["envtool.toml", "envtool.lock", "Cargo.lock"] {
        fs::rename(project.path(file), project.path(&format!("config/{file}"))).unwrap();
        std::os::unix::fs::symlink(format!("config/{file}"), project.path(file)).unwrap();
    }
    sandbox.registry().publish(&tool("before", "1.0.0", "\"built\""));
    install(&sandbox.home().join(".cargo"), &[Before::new("before")]);
    project.write("build.sh", "before\n");
    let before = state(&project);
    let fix = project.envtool(&["doctor", "--fix"]).ok();
    for file in ["envtool.toml", "envtool.lock", "Cargo.lock"] {
        assert!(project.path(file).is_symlink(), "{file}\n{fix}");
    }
    project.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(before, state(&project));
}

#[test]
fn a_fix_that_is_taken_back_goes_where_no_lock_was() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    for file in ["envtool.lock", "Cargo.lock"] {
        let text = project.read(file);
        fs::remove_file(project.path(file)).unwrap();
        let before = state(&project);
        let (output, found) = findings(&project, &["--check", "stale-lock"]);
        assert_eq!(found.len(), 1, "{file}\n{output}");
        project.envtool(&["doctor", "--check", "stale-lock", "--fix"]).ok();
        is_healthy(&project);
        assert_eq!(project.read(file), text);
        project.envtool(&["doctor", "--undo"]).ok();
        assert_eq!(before, state(&project), "{file}");
        project.write(file, &text);
        is_healthy(&project);
    }
}

#[test]
fn a_manifest_of_cargo_that_asks_for_more_than_is_locked_is_a_stale_lock() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    sandbox.registry().publish(&telling("gamma", "1.0.0"));
    let project = healthy(&sandbox, "app");
    project.app("alpha = \"1\"\nbeta = \"1\"\ngamma = \"1\"\n", "println!(\"{}\", gamma::id());");
    let before = state(&project);
    let finding = only(&project, &[]);
    assert_eq!((&finding["check"], &finding["subject"]), (&json!("stale-lock"), &json!("Cargo.lock")));
    project.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&project);
    assert_eq!(project.run_isolated(), "gamma 1.0.0\n");
    project.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(before, state(&project));
    // The same, where the environment is that of the lock and only the manifest is older.
    project.envtool(&["doctor", "--fix"]).ok();
    project.app("alpha = \"=1.0.0\"\nbeta = \"1\"\n# gamma\n", "println!(\"{}\", alpha::id());");
    project.cargo(&["metadata", "--format-version", "1", "--offline"]).ok();
    project.envtool(&["sync"]).ok();
    is_healthy(&project);
    // A description is no dependency.
    let text = project.read("Cargo.toml");
    project.write("Cargo.toml", &text.replace("edition = ", "description = \"x\"\nedition = "));
    is_healthy(&project);
}
