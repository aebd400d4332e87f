//! `doctor`'s `global-module`: Python packages that lie on the machine, and first lines of scripts that start a Python
//! outside. The machine's packages are folders written here; the Python that is asked is the machine's own.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::doctor::{findings, is_healthy, only, script, state};
use crate::support::{Project, Sandbox, skipped};

/// A sandbox whose user has packages, or `None` where the machine has no Python.
struct User {
    sandbox: Sandbox,
    site: std::path::PathBuf,
}

impl User {
    fn new() -> Option<Self> {
        let sandbox = Sandbox::new();
        if !sandbox.has_program("python3") {
            skipped("there is no python3 here");
            return None;
        }
        let ask = "import site; print(site.getusersitepackages())";
        let site = sandbox.call("python3", &["-c", ask], &sandbox.home()).ok().stdout.trim().into();
        Some(Self { sandbox, site })
    }

    /// Installs a package as pip does: its files, and what it records of them.
    fn install(&self, name: &str, version: &str, modules: &[&str], more: &[(&str, &str)]) {
        install(&self.site, name, version, modules, more);
    }

    fn project(&self, name: &str) -> Project<'_> {
        let project = self.sandbox.project(name);
        project.write("envtool.toml", "").envtool(&["sync"]).ok();
        project
    }
}

fn install(site: &std::path::Path, name: &str, version: &str, modules: &[&str], more: &[(&str, &str)]) {
    let info = site.join(format!("{}-{version}.dist-info", name.replace('-', "_")));
    fs::create_dir_all(&info).unwrap();
    let mut record = String::new();
    for module in modules {
        let path = site.join(module);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "VERSION = 'the user's'\n").unwrap();
        record.push_str(&format!("{module},,\n"));
    }
    fs::write(info.join("METADATA"), format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"))
        .unwrap();
    fs::write(info.join("RECORD"), record).unwrap();
    fs::write(info.join("INSTALLER"), "pip\n").unwrap();
    for (file, text) in more {
        fs::write(info.join(file), text).unwrap();
    }
}

fn field<'a>(finding: &'a Value, key: &str) -> &'a str {
    finding[key].as_str().unwrap()
}

fn subjects(found: &[Value]) -> Vec<&str> {
    found.iter().map(|finding| field(finding, "subject")).collect()
}

const CHECK: &[&str] = &["--check", "global-module"];

#[test]
fn packages_of_the_user_are_named_with_their_place_and_age() {
    let Some(user) = User::new() else { return };
    user.install("PyYAML", "6.0.1.7", &["yaml/__init__.py", "_yaml/__init__.py"], &[]);
    user.install("opencv-python", "4.9.0.80", &["cv2/__init__.py"], &[]);
    user.install("protobuf", "5.0", &["google/protobuf/__init__.py"], &[]);
    user.install("google-cloud-storage", "2.1", &["google/cloud/storage/__init__.py"], &[]);
    user.install("unused-thing", "1.0", &["unused_thing.py"], &[]);
    let dated = |name: &str, time: std::time::SystemTime| {
        let installer = user.site.join(format!("{name}.dist-info/INSTALLER"));
        fs::File::options().write(true).open(installer).unwrap().set_modified(time).unwrap();
    };
    dated("PyYAML-6.0.1.7", std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000));
    dated("opencv_python-4.9.0.80", std::time::SystemTime::now() + std::time::Duration::from_hours(1));
    let project = user.project("app");
    project
        .write("tools/run.py", "import os\n\ndef f():\n    import yaml.nodes\n")
        .write("a.py", "try:\n    import cv2\nexcept ImportError:\n    cv2 = None\n")
        .write("b.py", "from google import protobuf\nimport google\nif TYPE_CHECKING:\n  import yaml\n")
        .write("gone.py", "import nowhere_at_all\n");
    let before = state(&project);
    let (output, found) = findings(&project, CHECK);
    assert_eq!(
        subjects(&found).into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from(["PyYAML 6.0.1.7", "opencv-python 4.9.0.80", "protobuf 5.0"]),
        "{output}"
    );
    let by = |name: &str| found.iter().find(|finding| field(finding, "subject").starts_with(name)).unwrap();
    let site = user.site.display().to_string();
    for (name, words) in [
        (
            "PyYAML",
            &[
                "tools/run.py:4 imports yaml.nodes (and another file), ",
                "the user's",
                &site,
                "since 2020-09-13",
                "before this",
            ][..],
        ),
        ("opencv", &["a.py:2 imports cv2 (optional)", "after this environment"]),
        ("protobuf", &["b.py:1 imports google"]),
    ] {
        for word in words {
            assert!(field(by(name), "message").contains(word), "{word}: {}", by(name));
        }
    }
    assert_eq!(field(by("PyYAML"), "severity"), "warning");
    let dry = project.envtool(&["doctor", "--check", "global-module", "--fix", "--dry-run"]).run();
    for id in ["pyyaml 6.0.1.7", "opencv-python 4.9.0.80", "protobuf 5.0"] {
        assert!(dry.stderr.contains(&format!("would pin the Python package {id}\n")), "{dry}");
    }
    assert_eq!(before, state(&project));
}

#[test]
fn what_no_pin_leads_to_is_said() {
    let Some(user) = User::new() else { return };
    let project = user.project("app");
    let editable = |path: &str| format!("{{\"url\":\"file://{path}\",\"dir_info\":{{\"editable\":true}}}}");
    user.install(
        "theirs",
        "1.0",
        &["__editable___theirs_1_0_finder.py"],
        &[("direct_url.json", &editable("/home/somebody/theirs"))],
    );
    user.install(
        "from-git",
        "1.0",
        &["from_git.py"],
        &[("direct_url.json", "{\"url\":\"https://me:secret@127.0.0.1/x\",\"vcs_info\":{\"vcs\":\"git\"}}")],
    );
    user.install("patched", "1.0+mine", &["patched.py"], &[]);
    let own = editable(project.dir().to_str().unwrap());
    user.install("this-project", "1.0", &["this_project.py"], &[("direct_url.json", &own)]);
    project.write("a.py", "import theirs, from_git, patched, this_project\n");
    let (output, found) = findings(&project, CHECK);
    assert_eq!(
        subjects(&found).into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from(["theirs 1.0", "from-git 1.0", "patched 1.0+mine"]),
        "{output}"
    );
    assert!(!output.stdout.contains("secret"), "{output}");
    let dry = project.envtool(&["doctor", "--check", "global-module", "--fix", "--dry-run"]).run();
    assert!(!dry.stderr.contains("would"), "{dry}");
}

#[test]
fn what_is_no_import_or_is_the_projects_own_is_no_finding() {
    let Some(user) = User::new() else { return };
    for name in ["yaml", "helper", "lib", "inner", "requests"] {
        user.install(name, "1.0", &[&format!("{name}/__init__.py")], &[]);
    }
    // A name of the standard library that somebody installed all the same.
    user.install("enum", "1.0", &["enum.py", "dataclasses.py"], &[]);
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("stdlib", &[("a.py", "import os, sys, json, enum\nfrom dataclasses import x\n")]),
        ("strings", &[("a.py", "'import yaml'\nx = '''\nimport yaml\n'''\n")]),
        ("comments", &[("a.py", "# import yaml\nx = 1 # import yaml\n")]),
        ("docstring", &[("a.py", "def f():\n  \"\"\"\n  >>> import yaml\n  import yaml\n  \"\"\"\n")]),
        ("relative", &[("p/__init__.py", "from . import yaml\nfrom .yaml import x\n")]),
        ("own-file", &[("yaml.py", ""), ("a.py", "import yaml\n")]),
        ("own-package", &[("yaml/__init__.py", ""), ("deep/er/a.py", "from yaml.x import y\n")]),
        ("own-src", &[("src/lib/__init__.py", ""), ("tests/a.py", "import lib\n")]),
        ("own-beside", &[("tools/helper.py", ""), ("tools/a.py", "import helper\n")]),
        ("own-monorepo", &[("x/y/src/inner/__init__.py", ""), ("x/y/tests/a.py", "import inner\n")]),
        ("vendored", &[("vendor/a.py", "import yaml\n"), ("node_modules/n/a.py", "import yaml\n")]),
        ("built", &[("build/a.py", "import yaml\n"), ("dist/a.py", "import yaml\n")]),
        ("venv", &[("my-env/pyvenv.cfg", ""), ("my-env/lib/a.py", "import yaml\n")]),
        (
            "in-venv",
            &[
                ("my-env/pyvenv.cfg", ""),
                ("my-env/lib/python3.11/site-packages/y-1.dist-info/METADATA", "Name: y\nVersion: 1\n"),
                ("my-env/lib/python3.11/site-packages/y-1.dist-info/RECORD", "yaml/__init__.py,,\n"),
                ("a.py", "import yaml\n"),
            ],
        ),
        (
            "in-environment",
            &[
                (
                    ".envtool/python/lib/python3.11/site-packages/y-1.dist-info/METADATA",
                    "Name: y\nVersion: 1\n",
                ),
                (".envtool/python/lib/python3.11/site-packages/y-1.dist-info/RECORD", "yaml/__init__.py,,\n"),
                ("a.py", "import yaml\n"),
            ],
        ),
        ("uv-script", &[("a.py", "#!/usr/bin/env -S uv run --script\nimport yaml\n")]),
        ("setup", &[("setup.py", "import yaml\n")]),
        ("python-2", &[("a.py", "import yaml\nprint 'x'\n")]),
        (
            "no-python",
            &[("a.txt", "import yaml\n"), ("b", "#!/bin/sh\nimport yaml\n"), ("c.rs", "import yaml")],
        ),
        ("not-text", &[("a.py", "\u{0}\u{1}import yaml\u{0}\n")]),
        ("absent", &[("a.py", "import nothing_has_this\n")]),
        ("data", &[("tests/fixtures/a.py", "import yaml\n")]),
    ];
    for (name, files) in cases {
        let project = user.project(name);
        for (file, text) in *files {
            project.write(file, text);
        }
        let (output, found) = findings(&project, CHECK);
        assert!(found.is_empty(), "{name}\n{output}");
    }
    // The same names where they are not the project's.
    let project = user.project("outside");
    project.write("a.py", "import yaml, helper, lib, inner\n").write("requests/notes.txt", "");
    project.write("b", "#!/usr/bin/env python3\nimport requests\n");
    assert_eq!(findings(&project, CHECK).1.len(), 5);
}

#[test]
fn a_project_without_imports_from_outside_starts_no_python() {
    let sandbox = Sandbox::new();
    let log = sandbox.outside("log").join("asked");
    let python = sandbox.program("python3", &format!("#!/bin/sh\necho asked >> {}\nexit 3\n", log.display()));
    let project = sandbox.project("app");
    project.write("envtool.toml", "").envtool(&["sync"]).ok();
    let doctor = || project.envtool(&["doctor"]).env("PATH", sandbox.path_after(&python)).run();
    project.write("a.py", "import os\nimport b\n").write("b.py", "");
    assert_eq!(doctor().stderr.trim(), "nothing is wrong");
    assert!(!log.exists());
    // One that came with the project is not started.
    project.write("a.py", "import yaml\n");
    script(&project.path("bin/python3"), &format!("#!/bin/sh\necho asked >> {}\n", log.display()));
    let theirs = sandbox.path_after(&project.path("bin"));
    project.envtool(&["doctor"]).env("PATH", theirs).run();
    assert!(!log.exists());
    // One that cannot answer is said, and nothing else fails.
    let output = doctor();
    assert!(log.exists() && output.code == Some(0), "{output}");
    assert!(output.stderr.contains("modules on the machine are not looked at"), "{output}");
}

#[test]
fn nothing_of_the_users_runs_and_broken_records_are_passed_over() {
    let Some(user) = User::new() else { return };
    user.install("yaml", "1.0", &["yaml.py"], &[]);
    let evil = user.sandbox.outside("evil").join("ran");
    let line = format!("import os; open({:?}, 'w')\n", evil.display().to_string());
    fs::write(user.site.join("evil.pth"), &line).unwrap();
    fs::write(user.site.join("usercustomize.py"), &line).unwrap();
    fs::create_dir_all(user.site.join("broken-1.dist-info")).unwrap();
    fs::write(user.site.join("broken-1.dist-info/METADATA"), b"\xff\xfe").unwrap();
    let project = user.project("app");
    project.write("a.py", "import yaml\n").write("json.py", &line).write("site.py", &line);
    let output = project.envtool(&["doctor", "--check", "global-module"]).run();
    assert!(output.stdout.contains("yaml 1.0") && !evil.exists(), "{output}");
    assert!(output.stderr.contains("broken-1.dist-info is passed over"), "{output}");
}

#[test]
fn pythonpath_and_its_order_count() {
    let Some(user) = User::new() else { return };
    user.install("yaml", "1.0", &["yaml.py"], &[]);
    let other = user.sandbox.outside("other");
    install(&other, "yaml", "2.0", &["yaml.py"], &[]);
    let project = user.project("app");
    project.write("a.py", "import yaml\n");
    let said = |path: &str, no_user: &str| {
        let call = project.envtool(&["doctor", "--check", "global-module"]);
        call.env("PYTHONPATH", path).env("PYTHONNOUSERSITE", no_user).run().stdout
    };
    assert!(said("", "").contains("yaml 1.0"));
    let first = said(other.to_str().unwrap(), "");
    assert!(
        first.contains("yaml 2.0") && first.contains("PYTHONPATH's") && !first.contains("yaml 1.0"),
        "{first}"
    );
    assert!(!said("", "1").contains("yaml 1.0"));
}

#[test]
fn a_first_line_of_one_machine_becomes_one_of_every() {
    let sandbox = Sandbox::new();
    let mine = sandbox.home().join(".local/bin/python3.9");
    script(&mine, "#!/bin/sh\n");
    let project = sandbox.project("app");
    project.write("envtool.toml", "").envtool(&["sync"]).ok();
    let cases = [
        ("absent.py", "#!/no/such/bin/python3.9".to_owned(), "\nx = 1\n", "#!/usr/bin/env python3"),
        ("mine", format!("#!{}", mine.display()), "\n", "#!/usr/bin/env python3"),
        ("flags", "#!/home/nobody-here/python3 -u".to_owned(), "\nx\n", "#!/usr/bin/env -S python3 -u"),
        ("windows.py", "#! /no/such/python3".to_owned(), "\r\nx\r\n", "#!/usr/bin/env python3"),
        ("short.py", "#!/no/such/python".to_owned(), "", "#!/usr/bin/env python3"),
    ];
    for (file, line, rest, _) in &cases {
        script(&project.path(file), &format!("{line}{rest}"));
    }
    fs::set_permissions(project.path("mine"), fs::Permissions::from_mode(0o750)).unwrap();
    // What stays: env, Python 2, other programs, and a link that leads out.
    let outside = sandbox.outside("theirs").join("x.py");
    script(&outside, "#!/no/such/python3\n");
    std::os::unix::fs::symlink(&outside, project.path("link.py")).unwrap();
    for (file, line) in
        [("env.py", "#!/usr/bin/env python3"), ("two.py", "#!/no/such/python2"), ("sh", "#!/no/such/sh")]
    {
        script(&project.path(file), &format!("{line}\nprint 1\n"));
    }
    let before = state(&project);
    let (output, found) = findings(&project, CHECK);
    assert_eq!(subjects(&found), ["absent.py", "flags", "mine", "short.py", "windows.py"], "{output}");
    assert!(field(&found[0], "message").contains("`#!/no/such/bin/python3.9`"), "{output}");
    assert!(field(&found[0], "message").contains("not on this machine"), "{output}");
    assert!(field(&found[2], "message").contains("of one user"), "{output}");
    project.envtool(&["doctor", "--fix"]).ok();
    for (file, _, rest, to) in &cases {
        assert_eq!(project.read(file), format!("{to}{rest}"), "{file}");
    }
    let mode = |file: &str| fs::metadata(project.path(file)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("mine"), mode("absent.py")), (0o750, 0o755));
    assert_eq!(fs::read_to_string(&outside).unwrap(), "#!/no/such/python3\n");
    is_healthy(&project);
    project.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(before, state(&project));
    // A script that somebody changed since is theirs.
    project.envtool(&["doctor", "--fix"]).ok();
    project.write("flags", "#!/bin/sh\n");
    let mixed = state(&project);
    project.envtool(&["doctor", "--undo"]).refused(1).says(&["flags has changed since"]);
    assert_eq!(mixed, state(&project));
}

#[test]
fn the_systems_python_counts_where_a_script_needs_the_environment() {
    let Some(user) = User::new() else { return };
    user.install("yaml", "1.0", &["yaml.py"], &[]);
    user.install("patched", "1.0+mine", &["patched.py"], &[]);
    let python = "/usr/bin/python3";
    if !std::path::Path::new(python).is_file() {
        return skipped("there is no /usr/bin/python3 here");
    }
    let project = user.project("app");
    let line = format!("#!{python}\n");
    script(&project.path("plain.py"), &format!("{line}import os\n"));
    script(&project.path("only_here.py"), &format!("{line}import patched, yaml\n"));
    project.write("module.py", &format!("{line}import yaml\n"));
    assert_eq!(findings(&project, CHECK).1.len(), 2);
    script(&project.path("tool.py"), &format!("{line}import os\nimport yaml\n"));
    let (output, found) = findings(&project, CHECK);
    assert_eq!(found.iter().filter(|finding| finding["subject"] == "tool.py").count(), 1, "{output}");
    assert_eq!(found.len(), 3, "{output}");
    let message = field(found.last().unwrap(), "message");
    assert!(message.contains("line 3 imports yaml"), "{output}");
    // Before anything is known of it, and without a Python on PATH.
    let alone = user.project("alone");
    script(&alone.path("tool.py"), &format!("{line}import nowhere_at_all\n"));
    assert_eq!(only(&alone, CHECK)["subject"], "tool.py");
}
