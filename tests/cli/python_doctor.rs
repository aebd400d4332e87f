//! `doctor` and the Python packages of an environment: every check finds what it is for and nothing else, what can be
//! mended is, and that can be taken back byte for byte.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::doctor::{findings, force, is_healthy, only, script, state};
use crate::support::{Project, Sandbox, fingerprint, saying, skipped, wheel, write};

/// What every project here is made from: a module that needs another, with an executable, and a tool with its own.
fn publish(sandbox: &Sandbox) {
    let pypi = sandbox.pypi();
    pypi.publish(&saying("inner", "1.0"));
    pypi.publish(
        &saying("outer", "1.0")
            .requires("inner>=1")
            .file("outer_data/deep/note.txt", b"a note\n")
            // As that of PyYAML.
            .file("outer.libs/", b"")
            .module("outer_cli", "def main():\n    print('outer runs')\n")
            .entry_point("outer", "outer_cli:main"),
    );
    pypi.publish(&saying("spare", "1.0"));
    for version in ["1.0", "1.1"] {
        pypi.publish(
            &saying("hammer", version)
                .module("hammer_cli", "def main():\n    print('hammer runs')\n")
                .entry_point("hammer", "hammer_cli:main"),
        );
    }
}

const MANIFEST: &str = "[modules]\nouter = \"1.0\"\n\n[tools]\n\"pypi:hammer\" = \"1.0\"\n";

fn healthy<'a>(sandbox: &'a Sandbox, name: &str) -> Project<'a> {
    let project = sandbox.project(name);
    project.write("envtool.toml", MANIFEST).envtool(&["sync"]).ok();
    is_healthy(&project);
    project
}

fn site(project: &Project<'_>) -> PathBuf {
    site_of(&project.path(".envtool/python"))
}

fn site_of(venv: &Path) -> PathBuf {
    let lib = fs::read_dir(venv.join("lib")).unwrap().next().unwrap().unwrap();
    lib.path().join("site-packages")
}

fn field<'a>(finding: &'a Value, key: &str) -> &'a str {
    finding[key].as_str().unwrap()
}

/// What the environment's Python and the executables say.
fn works(project: &Project<'_>) {
    let says = |args: &[&str]| {
        let all: Vec<&str> =
            ["run", "--", "env", "PYTHONDONTWRITEBYTECODE=1"].iter().chain(args).copied().collect();
        project.envtool(&all).ok().stdout
    };
    assert_eq!(
        says(&["python", "-c", "import outer, inner; print(outer.ID, inner.ID)"]),
        "outer 1.0 inner 1.0\n"
    );
    assert_eq!((says(&["outer"]).as_str(), says(&["hammer"]).as_str()), ("outer runs\n", "hammer runs\n"));
}

/// One way to break an environment: the one finding that comes of it, and words of its message.
struct Row {
    name: &'static str,
    check: &'static str,
    subject: &'static str,
    words: &'static str,
    /// Whether `--quick` finds it too.
    quick: bool,
    broken: fn(&Project<'_>),
}

fn append(path: &Path, text: &str) {
    let before = fs::read_to_string(path).unwrap();
    force(path, &format!("{before}{text}"));
}

fn receipt(project: &Project<'_>) -> PathBuf {
    project.path(".envtool/receipts/python/outer-1.0.json")
}

const ROWS: &[Row] = &[
    Row {
        name: "venv gone",
        check: "missing",
        subject: ".envtool/python",
        words: "2 Python packages",
        quick: true,
        broken: |project| fs::remove_dir_all(project.path(".envtool/python")).unwrap(),
    },
    Row {
        name: "no venv",
        check: "missing",
        subject: ".envtool/python",
        words: "pyvenv.cfg is gone",
        quick: true,
        broken: |project| fs::remove_file(project.path(".envtool/python/pyvenv.cfg")).unwrap(),
    },
    Row {
        name: "tool gone",
        check: "missing",
        subject: ".envtool/tools/hammer",
        words: "not there",
        quick: true,
        broken: |project| fs::remove_dir_all(project.path(".envtool/tools/hammer")).unwrap(),
    },
    Row {
        name: "receipt gone",
        check: "missing",
        subject: "outer 1.0",
        words: "does not hold it",
        quick: true,
        broken: |project| fs::remove_file(receipt(project)).unwrap(),
    },
    Row {
        name: "file gone",
        check: "missing",
        subject: "inner 1.0",
        words: "inner.py is gone",
        quick: true,
        broken: |project| fs::remove_file(site(project).join("inner.py")).unwrap(),
    },
    Row {
        name: "link gone",
        check: "missing",
        subject: "outer 1.0 (outer)",
        words: "`outer` is gone",
        quick: true,
        broken: |project| fs::remove_file(project.path(".envtool/bin/outer")).unwrap(),
    },
    Row {
        name: "script gone",
        check: "modified",
        subject: "outer 1.0",
        words: "bin/outer is missing",
        quick: true,
        broken: |project| fs::remove_file(project.path(".envtool/python/bin/outer")).unwrap(),
    },
    Row {
        name: "tool's link gone",
        check: "missing",
        subject: "hammer 1.0 (hammer)",
        words: "gone",
        quick: true,
        broken: |project| fs::remove_file(project.path(".envtool/bin/hammer")).unwrap(),
    },
    Row {
        name: "python gone",
        check: "missing",
        subject: ".envtool/bin/python",
        words: "not there",
        quick: true,
        broken: |project| fs::remove_file(project.path(".envtool/bin/python")).unwrap(),
    },
    Row {
        name: "changed",
        check: "modified",
        subject: "inner 1.0",
        words: "inner.py was changed",
        quick: true,
        broken: |project| append(&site(project).join("inner.py"), "# mine\n"),
    },
    Row {
        name: "same size",
        check: "modified",
        subject: "inner 1.0",
        words: "inner.py was changed",
        quick: false,
        broken: |project| {
            let path = site(project).join("inner.py");
            let text = fs::read_to_string(&path).unwrap();
            force(&path, &text.replace("inner 1.0", "inner 6.6"));
        },
    },
    Row {
        name: "deep",
        check: "modified",
        subject: "outer 1.0",
        words: "note.txt is missing",
        quick: true,
        broken: |project| fs::remove_file(site(project).join("outer_data/deep/note.txt")).unwrap(),
    },
    Row {
        name: "added",
        check: "modified",
        subject: "outer 1.0",
        words: "deep/more.py was added",
        quick: false,
        broken: |project| write(&site(project).join("outer_data/deep/more.py"), ""),
    },
    Row {
        name: "script",
        check: "modified",
        subject: "outer 1.0",
        words: "bin/outer was changed",
        quick: true,
        broken: |project| append(&project.path(".envtool/python/bin/outer"), "# mine\n"),
    },
    Row {
        name: "interpreter of a script",
        check: "modified",
        subject: "outer 1.0",
        words: "bin/outer was changed",
        quick: true,
        broken: |project| force(&project.path(".envtool/python/bin/outer"), "#!/no/such/python\n"),
    },
    Row {
        name: "tool changed",
        check: "modified",
        subject: "hammer 1.0",
        words: "hammer.py was changed",
        quick: true,
        broken: |project| {
            append(&site_of(&project.path(".envtool/tools/hammer")).join("hammer.py"), "# mine\n");
        },
    },
    Row {
        name: "with its record",
        check: "modified",
        subject: "inner 1.0",
        words: "its RECORD was changed",
        quick: false,
        broken: |project| {
            let path = site(project).join("inner.py");
            let text = fs::read_to_string(&path).unwrap().replace("inner 1.0", "inner 6.6");
            force(&path, &text);
            let record = site(project).join("inner-1.0.dist-info/RECORD");
            let rows = fs::read_to_string(&record).unwrap();
            let rows: Vec<&str> = rows
                .lines()
                .map(|row| if row.starts_with("inner.py,") { "inner.py,," } else { row })
                .collect();
            force(&record, &format!("{}\n", rows.join("\n")));
        },
    },
    Row {
        name: "link",
        check: "modified",
        subject: ".envtool/bin/outer",
        words: "not what envtool put there",
        quick: true,
        broken: |project| {
            let link = project.path(".envtool/bin/outer");
            fs::remove_file(&link).unwrap();
            script(&link, "#!/bin/sh\necho mine\n");
        },
    },
    Row {
        name: "python",
        check: "modified",
        subject: ".envtool/bin/python",
        words: "not what envtool put there",
        quick: true,
        broken: |project| {
            force(&project.path(".envtool/bin/python"), "#!/bin/sh\nexec /usr/bin/python3 \"$@\"\n");
        },
    },
    Row {
        name: "leads nowhere",
        check: "toolchain",
        subject: ".envtool/python",
        words: "bin/python is not",
        quick: true,
        broken: |project| {
            let link = project.path(".envtool/python/bin/python");
            fs::remove_file(&link).unwrap();
            symlink("/no/such/python", &link).unwrap();
        },
    },
    Row {
        name: "leads elsewhere",
        check: "toolchain",
        subject: ".envtool/python",
        words: "bin/python is not",
        quick: true,
        broken: |project| {
            let link = project.path(".envtool/python/bin/python");
            fs::remove_file(&link).unwrap();
            symlink("/bin/sh", &link).unwrap();
        },
    },
    Row {
        name: "stale",
        check: "stale-lock",
        subject: "envtool.lock",
        words: "not what envtool.toml asks for",
        quick: true,
        broken: |project| {
            project.write("envtool.toml", &MANIFEST.replace("[tools]", "spare = \"1.0\"\n\n[tools]"));
        },
    },
    Row {
        name: "stale tool",
        check: "stale-lock",
        subject: "envtool.lock",
        words: "not what envtool.toml asks for",
        quick: true,
        broken: |project| {
            project.write("envtool.toml", &MANIFEST.replace("hammer\" = \"1.0", "hammer\" = \"1.1"));
        },
    },
];

#[test]
fn what_is_broken_is_one_finding_is_mended_and_taken_back() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    for Row { name, check, subject, words, quick, broken } in ROWS {
        let project = healthy(&sandbox, &name.replace(' ', "-"));
        broken(&project);
        let home = fingerprint(&sandbox.home(), &[]);
        let before = state(&project);
        let finding = only(&project, &[]);
        assert_eq!(
            (field(&finding, "check"), field(&finding, "subject")),
            (*check, *subject),
            "{name}: {finding}"
        );
        assert!(field(&finding, "message").contains(words), "{name}: {finding}");
        let (output, hasty) = findings(&project, &["--quick"]);
        assert_eq!(hasty.len(), usize::from(*quick), "{name}\n{output}");
        project.envtool(&["doctor", "--fix", "--dry-run"]).run();
        assert_eq!(home, fingerprint(&sandbox.home(), &[]), "{name}: looking changed something");
        let around = around(&sandbox, &project);
        project.envtool(&["doctor", "--fix"]).ok();
        assert_eq!(around, self::around(&sandbox, &project), "{name}: the fix left the project");
        is_healthy(&project);
        works(&project);
        project.envtool(&["doctor", "--undo"]).ok();
        assert_eq!(before, state(&project), "{name}: undo left something else");
        project.envtool(&["doctor", "--fix"]).ok();
        is_healthy(&project);
    }
}

/// HOME but the project and the store.
fn around(sandbox: &Sandbox, project: &Project<'_>) -> String {
    let own = format!("{}/", project.dir().strip_prefix(sandbox.home()).unwrap().display());
    sandbox.fingerprint().lines().filter(|line| !line.contains(&own)).collect::<Vec<_>>().join("\n")
}

#[test]
fn another_isolation_makes_the_environment_anew() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    project.write("envtool.toml", &format!("[env]\nisolate = false\n\n{MANIFEST}"));
    let (output, found) = findings(&project, &[]);
    assert_eq!(found.len(), 2, "{output}");
    for finding in &found {
        assert_eq!(finding["check"], "missing", "{output}");
        assert!(field(finding, "message").contains("`isolate = true`"), "{output}");
    }
    project.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&project);
    works(&project);
}

#[test]
fn a_lock_that_cannot_be_read_is_made_again_and_no_version_moves() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    let lock = project.read("envtool.lock");
    for version in ["1.5", "3.0"] {
        sandbox.pypi().publish(&saying("inner", version));
    }
    let conflict = format!("<<<<<<< HEAD\n{lock}=======\n{lock}>>>>>>> theirs\n");
    let spoiled = lock.replacen("name = \"inner\"", "name = \"in", 1);
    for (broken, says) in [
        (conflict, "no version moves"),
        (spoiled, "as installed, since it has no row that can be read: inner 1.0"),
        (String::from("half"), "as installed, since it has no row that can be read: inner 1.0, outer 1.0"),
    ] {
        project.write("envtool.lock", &broken);
        let before = state(&project);
        let finding = only(&project, &[]);
        assert_eq!(field(&finding, "check"), "stale-lock");
        assert!(field(&finding, "remedy").contains(says), "{says}: {finding}");
        project.envtool(&["doctor", "--fix"]).ok();
        assert_eq!(project.read("envtool.lock"), lock, "{says}");
        works(&project);
        is_healthy(&project);
        project.envtool(&["doctor", "--undo"]).ok();
        assert_eq!(before, state(&project));
    }
}

#[test]
fn looking_starts_neither_uv_nor_python_and_asks_nobody() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    sandbox.cut_network();
    let look = || {
        let call = project.envtool(&["doctor"]).env("PATH", sandbox.empty());
        call.env("ENVTOOL_UV", "/no/such/uv").run()
    };
    let home = fingerprint(&sandbox.home(), &[]);
    let output = look();
    assert_eq!((output.code, output.stderr.trim()), (Some(0), "nothing is wrong"), "{output}");
    append(&site(&project).join("inner.py"), "# mine\n");
    let output = look();
    assert!(output.stdout.contains("modified: inner 1.0"), "{output}");
    force(&site(&project).join("inner.py"), "ID = \"inner 1.0\"\n");
    assert_eq!(look().code, Some(0));
    assert_eq!(home, fingerprint(&sandbox.home(), &[]));
}

#[test]
fn what_python_compiles_is_no_finding() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    project.envtool(&["run", "--", "python", "-c", "import outer, inner, outer_cli"]).ok();
    project.envtool(&["run", "--", "hammer"]).ok();
    assert!(site(&project).join("__pycache__").is_dir());
    write(&site(&project).join("outer_data/__pycache__/note.pyc"), "not even that");
    is_healthy(&project);
    assert!(findings(&project, &["--quick"]).1.is_empty());
}

/// Changes a file of a package in everything that uv keeps.
fn change_in_cache(folder: &Path, name: &str, text: &str) -> usize {
    let mut changed = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            changed += change_in_cache(&path, name, text);
        } else if path.file_name().is_some_and(|own| own == name) {
            force(&path, text);
            changed += 1;
        }
    }
    changed
}

#[test]
fn a_module_that_was_changed_in_uv_s_cache_too_is_downloaded_again() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    let evil = "ID = \"evil\"\n";
    force(&site(&project).join("inner.py"), evil);
    assert!(change_in_cache(&sandbox.store(), "inner.py", evil) > 0, "uv keeps it nowhere");
    assert_eq!(only(&project, &[])["subject"], "inner 1.0");
    // Without a network it stays what it is, and says so.
    let before = state(&project);
    let offline = project.envtool(&["doctor", "--fix", "--offline"]).run();
    offline.must_help();
    assert_eq!(before, state(&project), "{offline}");
    project.envtool(&["doctor", "--fix"]).ok();
    works(&project);
    is_healthy(&project);
    // Nor does the next environment get it.
    works(&healthy(&sandbox, "other"));
}

#[test]
fn what_the_lock_no_longer_names_goes_by_a_sync() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let (project, other) = (healthy(&sandbox, "app"), sandbox.project("other"));
    other.write("envtool.toml", "[modules]\ninner = \"1.0\"\n").envtool(&["sync"]).ok();
    for file in ["envtool.toml", "envtool.lock"] {
        project.write(file, &other.read(file));
    }
    let before = state(&project);
    let (output, found) = findings(&project, &[]);
    let subjects: Vec<&str> = found.iter().map(|finding| field(finding, "subject")).collect();
    assert!(found.iter().all(|finding| finding["check"] == "extra"), "{output}");
    assert_eq!(subjects, ["outer 1.0", "hammer 1.0"], "{output}");
    project.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&project);
    assert!(!project.has(".envtool/bin/outer") && !project.has(".envtool/tools/hammer"));
    project.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(before, state(&project));
}

#[test]
fn what_pip_put_into_the_environment_is_pinned_or_taken_away() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    let python = project.path(".envtool/python/bin/python").display().to_string();
    let pip = [
        "-m",
        "pip",
        "--python",
        &python,
        "install",
        "-q",
        "--no-compile",
        "--disable-pip-version-check",
        "spare",
    ];
    let output = sandbox.call("python3", &pip, project.dir()).run();
    if output.code != Some(0) {
        return skipped(&format!("pip does not install into another environment here: {output}"));
    }
    let finding = only(&project, &[]);
    assert_eq!((field(&finding, "check"), field(&finding, "subject")), ("extra", "spare 1.0"));
    assert!(field(&finding, "message").starts_with("pip put it into .envtool/python"), "{finding}");
    let words = field(&finding, "remedy");
    assert!(words.contains("envtool add pypi:spare@1.0") && words.contains("`envtool sync`"), "{finding}");
    // Without a terminal nothing is done.
    let before = state(&project);
    project.envtool(&["doctor", "--fix"]).run();
    assert_eq!(before, state(&project));
    // What is said is what helps.
    project.envtool(&["add", "pypi:spare@1.0"]).ok();
    is_healthy(&project);
    // Another version of what is pinned is one finding, and goes.
    sandbox.pypi().publish(&saying("spare", "2.0"));
    let newer = [
        "-m",
        "pip",
        "--python",
        &python,
        "install",
        "-q",
        "--no-compile",
        "--disable-pip-version-check",
        "spare==2.0",
    ];
    sandbox.call("python3", &newer, project.dir()).ok();
    let finding = only(&project, &[]);
    assert_eq!((field(&finding, "check"), field(&finding, "subject")), ("missing", "spare 1.0"));
    assert!(field(&finding, "message").contains("2.0"), "{finding}");
    project.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&project);
    // What nobody owns.
    write(&site(&project).join("stray.py"), "");
    let finding = only(&project, &[]);
    assert_eq!(field(&finding, "check"), "extra");
    assert!(field(&finding, "subject").ends_with("site-packages/stray.py"), "{finding}");
    project.envtool(&["sync"]).ok();
    is_healthy(&project);
}

#[test]
fn another_python_makes_the_environment_anew() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    // A Python that goes away: a launcher of its own for the machine's.
    let real =
        sandbox.call("python3", &["-c", "import sys; print(sys._base_executable)"], &sandbox.home()).ok();
    let real = real.stdout.trim().to_owned();
    let here = sandbox.outside("own");
    let own = here.join("python3");
    symlink(&real, &own).unwrap();
    let project = sandbox.project("app");
    project.write("envtool.toml", MANIFEST);
    let path = sandbox.path_after(&here);
    project.envtool(&["sync"]).env("PATH", &path).ok();
    let record = project.read(".envtool/env.toml");
    if !record.contains(here.to_str().unwrap()) {
        return skipped("this Python does not stay where it was called");
    }
    is_healthy(&project);
    fs::remove_file(&own).unwrap();
    let finding = only(&project, &[]);
    assert_eq!((&finding["check"], &finding["severity"]), (&json!("toolchain"), &json!("warning")));
    assert_eq!(field(&finding, "subject"), ".envtool/python, .envtool/tools/hammer");
    assert!(field(&finding, "message").contains("gone from this machine"), "{finding}");
    let before = state(&project);
    project.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&project);
    works(&project);
    assert!(!project.read(".envtool/env.toml").contains(here.to_str().unwrap()));
    project.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(before, state(&project));
    project.envtool(&["doctor", "--fix"]).ok();
    // One that says another version by now.
    let record = project.read(".envtool/env.toml");
    let version = record.split("version = \"3.").nth(1).unwrap().split('"').next().unwrap();
    project.write(
        ".envtool/env.toml",
        &record.replace(&format!("version = \"3.{version}\""), "version = \"3.8.1\""),
    );
    let finding = only(&project, &[]);
    assert_eq!(field(&finding, "check"), "toolchain");
    assert!(field(&finding, "message").contains("Python 3.8.1"), "{finding}");
    project.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&project);
    assert_eq!(record, project.read(".envtool/env.toml"));
    // One that the manifest asks for and that is not here.
    project.write("envtool.toml", &format!("[env]\npython = \"3.99\"\n\n{MANIFEST}"));
    let (output, found) = findings(&project, &["--check", "toolchain"]);
    assert_eq!(found.len(), 1, "{output}");
    assert!(field(&found[0], "message").contains("asks for 3.99"), "{output}");
    assert!(field(&found[0], "remedy").contains("python3.99"), "{output}");
    let dry = project.envtool(&["doctor", "--check", "toolchain", "--fix", "--dry-run"]).run();
    assert!(!dry.stderr.contains("would"), "{dry}");
}

#[test]
fn a_python_that_a_strangers_environment_names_is_not_started() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    let record = project.read(".envtool/env.toml");
    let own = record.lines().find(|line| line.starts_with("executable")).unwrap();
    let started = project.path("started").display().to_string();
    let theirs = project.path("theirs.sh");
    script(&theirs, &format!("#!/bin/sh\n: > '{started}'\nexec python3 \"$@\"\n"));
    for place in ["./theirs.sh".to_owned(), theirs.display().to_string()] {
        project.write(".envtool/env.toml", &record.replace(own, &format!("executable = {place:?}")));
        let (output, found) = findings(&project, &["--check", "toolchain"]);
        assert_eq!(found.len(), 1, "{output}");
        project.envtool(&["sync"]).ok();
        assert!(!project.has("started"), "{place} was started");
        assert_eq!(project.read(".envtool/env.toml"), record);
    }
}

#[test]
fn an_executable_as_the_package_brings_it_may_lack_its_interpreter() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let interpreter = sandbox.outside("bin").join("lua");
    script(&interpreter, "#!/bin/sh\necho ran\n");
    let text = format!("#!{}\n", interpreter.display());
    sandbox.pypi().publish(&saying("scripted", "1.0").data_script("scripted", text.as_bytes()));
    let project = sandbox.project("app");
    project.write("envtool.toml", "[tools]\n\"pypi:scripted\" = \"1.0\"\n").envtool(&["sync"]).ok();
    assert_eq!(project.envtool(&["run", "--", "scripted"]).ok().stdout, "ran\n");
    is_healthy(&project);
    fs::remove_file(&interpreter).unwrap();
    let finding = only(&project, &[]);
    assert_eq!(
        (field(&finding, "check"), field(&finding, "subject")),
        ("broken-executable", "scripted 1.0 (scripted)")
    );
    assert!(field(&finding, "message").contains("lua is gone"), "{finding}");
    assert!(field(&finding, "remedy").contains("install"), "{finding}");
}

#[test]
fn what_hides_a_module_is_named() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    // A file that hides nothing, a package that is the project, a file in a package.
    project.write("scripts/other.py", "import outer\n").write("inner.py", "").write("outer/__init__.py", "");
    project
        .write("use.py", "import outer\n")
        .write("pack/__init__.py", "")
        .write("pack/inner.py", "")
        .write("pack/use.py", "import inner\n");
    is_healthy(&project);
    project.write("scripts/outer.py", "");
    let finding = only(&project, &[]);
    assert_eq!((field(&finding, "check"), field(&finding, "subject")), ("shadowed", "scripts/outer.py"));
    assert!(field(&finding, "message").contains("scripts/other.py:1 imports outer"), "{finding}");
    assert!(field(&finding, "message").contains("outer 1.0"), "{finding}");
    fs::remove_file(project.path("scripts/outer.py")).unwrap();
    // PYTHONPATH.
    let theirs = sandbox.outside("theirs");
    write(&theirs.join("inner.py"), "ID = 'theirs'\n");
    let with = |path: &Path| project.envtool(&["doctor"]).env("PYTHONPATH", path).run();
    assert_eq!(with(&sandbox.outside("nothing")).code, Some(0));
    let output = with(&theirs);
    assert_eq!(output.code, Some(1), "{output}");
    assert!(
        output.stdout.contains("shadowed: PYTHONPATH") && output.stdout.contains("inner (inner 1.0)"),
        "{output}"
    );
    let says = project.envtool(&["run", "--", "python", "-c", "import inner; print(inner.ID)"]);
    assert_eq!(
        says.in_dir(&project.path("scripts")).env("PYTHONPATH", &theirs).ok().stdout,
        "theirs\n",
        "then it is no finding"
    );
    // In a shell where the environment is activated, another Python comes first.
    let other = sandbox.program("python3", "#!/bin/sh\n");
    let activated = |path: String| {
        let env = project.path(".envtool");
        project.envtool(&["doctor"]).env("ENVTOOL_ENV", env).env("PATH", path).run()
    };
    let (bin, path) =
        (project.path(".envtool/bin").display().to_string(), sandbox.path().display().to_string());
    let output = activated(format!("{}:{bin}:{path}", other.display()));
    assert!(
        output.stdout.contains("shadowed: python3") && !output.stdout.contains("shadowed: python\n"),
        "{output}"
    );
    assert_eq!(activated(format!("{bin}:{path}")).code, Some(0));
}

#[test]
fn a_project_that_moved_goes_on_with_nothing_to_do() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "before");
    project.envtool(&["run", "--", "hammer"]).ok();
    project.envtool(&["run", "--", "python", "-c", "import outer_cli"]).ok();
    let to = sandbox.project("another place 'é'");
    fs::remove_dir(to.dir()).unwrap();
    fs::rename(project.dir(), to.dir()).unwrap();
    works(&to);
    is_healthy(&to);
    to.envtool(&["sync"]).ok();
    is_healthy(&to);
    let activated = sandbox
        .call(
            "sh",
            &["-c", ". .envtool/bin/activate && python -c 'import outer; print(outer.__file__)' && outer"],
            to.dir(),
        )
        .ok();
    assert!(
        activated.stdout.contains("another place 'é'/.envtool/python/")
            && activated.stdout.contains("outer runs"),
        "{activated}"
    );
}

#[test]
fn the_user_s_modules_come_in_with_what_can_be_had() {
    let sandbox = Sandbox::new();
    if !sandbox.has_program("python3") {
        return skipped("there is no python3 here");
    }
    publish(&sandbox);
    {
        let pypi = sandbox.pypi();
        pypi.publish(&saying("inner", "2.0"));
        pypi.publish(&wheel("Old-Fashioned", "1.0").module("old", "ID = 'old'\n").requires("inner<2"));
        pypi.publish(&wheel("new-fashioned", "1.0").module("newer", "ID = 'newer'\n").requires("inner>=2"));
        pypi.publish_sdist(&saying("only-source", "1.0"));
    }
    let ask = "import site; print(site.getusersitepackages())";
    let user = sandbox.call("python3", &["-c", ask], &sandbox.home()).ok().stdout;
    let user = Path::new(user.trim());
    let have = |name: &str, version: &str, module: &str| {
        let info = user.join(format!("{}-{version}.dist-info", name.replace('-', "_")));
        write(&user.join(format!("{module}.py")), "ID = 'the user'\n");
        write(&info.join("METADATA"), &format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"));
        write(&info.join("RECORD"), &format!("{module}.py,,\n"));
    };
    have("spare", "1.0", "spare");
    have("outer", "1.0", "outer");
    have("inner", "1.0", "inner");
    have("gone", "1.0", "gone");
    have("spoon", "9.0", "spoon");
    have("Old-Fashioned", "1.0", "old");
    have("new-fashioned", "1.0", "newer");
    have("only-source", "1.0", "only_source");
    sandbox.pypi().publish(&saying("spoon", "1.0"));
    // What the environment has is no finding, at whatever version.
    let project = healthy(&sandbox, "app");
    project.write("a.py", "import outer, inner\n");
    is_healthy(&project);
    let before = (project.read("envtool.toml"), project.read("envtool.lock"));
    project.write("a.py", "import outer, inner, spare, gone, spoon, old, newer, only_source\n");
    let broken = state(&project);
    let (output, found) = findings(&project, &[]);
    assert_eq!(found.len(), 6, "{output}");
    let fix = project.envtool(&["doctor", "--fix"]).run();
    assert_eq!(fix.code, Some(1), "{fix}");
    for name in ["gone 1.0", "spoon 9.0", "old-fashioned 1.0", "only-source 1.0"] {
        let line = fix
            .stderr
            .lines()
            .find(|line| line.contains(&format!("{name} stays as it is")))
            .unwrap_or_default();
        assert!(line.contains("cannot be pinned: "), "{name}\n{fix}");
    }
    let left = findings(&project, &[]).1;
    assert_eq!(left.len(), 4, "{left:?}");
    let manifest = project.read("envtool.toml");
    assert!(
        manifest.contains("spare = \"1.0\"") && manifest.contains("new-fashioned = \"1.0\""),
        "{manifest}"
    );
    let code = "import spare, newer, inner; print(spare.ID, newer.ID, inner.ID)";
    let says = project.envtool(&["run", "--", "python", "-B", "-c", code]).ok();
    assert_eq!(says.stdout, "spare 1.0 newer inner 2.0\n");
    project.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(broken, state(&project));
    assert_eq!(before, (project.read("envtool.toml"), project.read("envtool.lock")));
    // Where nothing of it can be had, it is an error and no fix.
    project.write("a.py", "import gone\n").envtool(&["sync"]).ok();
    let alone = state(&project);
    project.envtool(&["doctor", "--fix"]).refused(1).says(&["gone"]);
    assert_eq!(alone, state(&project));
    project.envtool(&["doctor", "--undo"]).refused(1).says(&["no fix to take back"]);
    // Whoever wants to see the machine's packages is told nothing of them.
    project.write("envtool.toml", &format!("[env]\nisolate = false\n\n{MANIFEST}")).envtool(&["sync"]).ok();
    is_healthy(&project);
    let says = project.envtool(&["run", "--", "python", "-B", "-c", "import gone; print(gone.ID)"]).ok();
    assert_eq!(says.stdout, "the user\n");
    fs::set_permissions(user, fs::Permissions::from_mode(0o755)).unwrap();
}
