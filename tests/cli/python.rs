//! Python modules and tools from PyPI by the verbs: the real uv and the real Python against an index on this machine.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::crates::sha256;
use crate::support::tools::{bin, says as tool_says, tool};
use crate::support::{
    Call, Project, Pypi, Sandbox, fingerprint, saying, telling, uv_for_tests, wheel, write,
};

/// `requests`, which needs `idna`, on Windows `colorama`, with an extra and a program.
fn publish(pypi: &Pypi) {
    for version in ["2.31.0", "2.32.3"] {
        pypi.publish(
            &saying("requests", version)
                .module("requests_cli", "import requests, idna\ndef main(): print(requests.ID, idna.ID)\n")
                .requires("idna>=2")
                .requires("colorama ; sys_platform == 'win32'")
                .extra("socks", "pysocks")
                .entry_point("requests", "requests_cli:main"),
        );
    }
    for (name, version) in [
        ("idna", "3.9"),
        ("idna", "3.10"),
        ("pysocks", "1.7.1"),
        ("colorama", "0.4.5"),
        ("colorama", "0.4.6"),
    ] {
        pypi.publish(&saying(name, version));
    }
}

/// A sandbox with these, and a project without a Cargo.toml.
fn ground() -> Sandbox {
    let sandbox = Sandbox::new();
    publish(&sandbox.pypi());
    sandbox
}

fn project<'a>(sandbox: &'a Sandbox, name: &str, text: &str) -> Project<'a> {
    let project = sandbox.project(name);
    project.write("envtool.toml", text);
    project
}

/// What a line of Python prints inside the environment.
fn python(project: &Project<'_>, line: &str) -> String {
    project.envtool(&["run", "--", "python", "-c", line]).ok().stdout.trim_end().to_owned()
}

/// The `ID` of each module, and that it lies in the environment; `-` for one that cannot be imported.
fn ids(project: &Project<'_>, names: &[&str]) -> String {
    let line = format!(
        "import importlib\nfor name in {names:?}:\n    try: one = importlib.import_module(name)\n    except \
         ImportError: print('-', end=' ')\n    else:\n        assert '/.envtool/' in one.__file__, \
         one.__file__\n        print(one.ID.split()[1], end=' ')\n"
    );
    python(project, &line)
}

/// The packages of `list --json`.
fn listed(project: &Project<'_>, more: &[&str]) -> Vec<Value> {
    let args = [&["list", "--json"], more].concat();
    let mut all: Value = serde_json::from_str(&project.envtool(&args).ok().stdout).unwrap();
    serde_json::from_value(all["packages"].take()).unwrap()
}

/// A program that is a shell script.
fn script(path: &Path, text: &str) {
    write(path, &format!("#!/bin/sh\n{text}\n"));
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The call where uv and every Python of the machine write down that they were started.
fn watched<'a>(sandbox: &Sandbox, call: Call<'a>) -> (Call<'a>, PathBuf) {
    let folder = sandbox.outside("watched");
    let log = folder.join("started");
    for name in ["uv", "python", "python3", "pip", "pip3"] {
        script(&folder.join(name), &format!("echo {name} >> '{}'\nexit 1", log.display()));
    }
    let path = sandbox.path_after(&folder);
    (call.env("PATH", path).env("ENVTOOL_UV", folder.join("uv")), log)
}

#[test]
fn modules_come_move_and_go() {
    let sandbox = ground();
    let project = project(&sandbox, "plain", "# ours\n[env]\n");
    let add = |specs: &[&str]| project.envtool(&[&["add"], specs].concat()).ok();
    add(&["pypi:requests@2.31.0"]).says(&[
        "Pinned requests 2.31.0 (module)",
        "Locked",
        "Installed 2 modules, removed 0",
    ]);
    assert_eq!(project.read("envtool.toml"), "# ours\n[env]\n\n[modules]\nrequests = \"2.31.0\"\n");
    assert_eq!(ids(&project, &["requests", "idna", "colorama"]), "2.31.0 3.10 -");
    assert_eq!(bin(&project), ["python", "python3", "requests"]);
    assert_eq!(tool_says(&project, "requests"), "requests 2.31.0 idna 3.10");
    // What is pinned is kept by its bare name, and moved by a version.
    add(&["pypi:Requests"]).says(&["requests 2.31.0 is pinned already (module)", "nothing to do"]);
    add(&["pypi:requests@>=2.32,<3"])
        .says(&["Moved requests from 2.31.0 to 2.32.3 (module)", "Installed 1 module, removed 1"]);
    add(&["pypi:requests@==2.31.0"]).says(&["Moved requests from 2.32.3 to 2.31.0"]);
    add(&["pypi:requests@latest"]).says(&["Moved requests from 2.31.0 to 2.32.3"]);
    add(&["pypi:requests[socks]"]).says(&["Pinned requests 2.32.3 (module)", "Installed 1 module"]);
    assert_eq!(ids(&project, &["requests", "idna", "pysocks"]), "2.32.3 3.10 1.7.1");
    add(&["pypi:requests"]).says(&["requests 2.32.3 is pinned already"]);
    // Several at once; what the others need moves with them.
    add(&["pypi:idna@3.9", "pypi:colorama@~=0.4.5"]).says(&["Pinned idna 3.9", "Pinned colorama 0.4.6"]);
    assert_eq!(ids(&project, &["requests", "idna", "colorama"]), "2.32.3 3.9 0.4.6");
    project
        .envtool(&["add", "pypi:idna", "pypi:IDNA@3.10"])
        .refused(2)
        .says(&["pypi:idna is asked for twice"]);
    // Who is still needed stays, as it is locked.
    project.envtool(&["remove", "idna"]).ok().says(&["Took pypi:idna out of [modules] of envtool.toml"]);
    assert_eq!(ids(&project, &["requests", "idna", "colorama"]), "2.32.3 3.9 0.4.6");
    project.envtool(&["remove", "pypi:requests"]).ok().says(&["removed 3"]);
    assert_eq!(ids(&project, &["requests", "idna", "pysocks", "colorama"]), "- - - 0.4.6");
    assert_eq!(bin(&project), ["python", "python3"]);
    project.envtool(&["remove", "pypi:colrama"]).refused(1).says(&["help: did you mean colorama?"]);
    project.envtool(&["remove", "colorama"]).ok();
    assert!(
        !project.has(".envtool/python")
            && !project.has(".envtool/receipts/python")
            && bin(&project).is_empty()
    );
    assert_eq!(project.read("envtool.toml"), "# ours\n[env]\n");
    project.envtool(&["sync"]).ok().says(&["nothing to do"]);
}

#[test]
fn tools_have_their_own_modules_and_crates_come_in_the_same_command() {
    let sandbox = ground();
    let pypi = sandbox.pypi();
    for (name, version) in [("first", "1.0"), ("second", "2.0")] {
        let main = format!("import shared\ndef main(): print('{name}', shared.ID)\n");
        pypi.publish(
            &wheel(name, "1.0")
                .module(name, &main)
                .requires(&format!("shared=={version}"))
                .entry_point(name, &format!("{name}:main")),
        );
    }
    for version in ["1.0", "2.0", "3.0"] {
        pypi.publish(&saying("shared", version).entry_point("shared", "shared:main"));
    }
    drop(pypi);
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    let project = sandbox.project("app");
    project.app("", "println!(\"{}\", alpha::id());").envtool(&["init"]).ok();
    let output = project.envtool(&["add", "alpha", "pypi:shared", "pypi:requests@2.32.3"]).ok();
    output.says(&[
        "Pinned alpha 1.0.0 (crate)",
        "Pinned shared 3.0 (module)",
        "Synced 1 crate",
        "Installed 3 modules",
    ]);
    project
        .envtool(&["add", "--tool", "pypi:first", "pypi:second@1.0"])
        .ok()
        .says(&["Pinned first 1.0 (tool)"]);
    assert!(project.run_isolated().starts_with("alpha"));
    assert!(
        project
            .read("envtool.toml")
            .ends_with("[tools]\n\"pypi:first\" = \"1.0\"\n\"pypi:second\" = \"1.0\"\n")
    );
    assert_eq!(bin(&project), ["first", "python", "python3", "requests", "second", "shared"]);
    assert_eq!(tool_says(&project, "first"), "first shared 1.0");
    assert_eq!(tool_says(&project, "second"), "second shared 2.0");
    assert_eq!(ids(&project, &["shared", "first"]), "3.0 -");
    // What is shown of it.
    let name = |one: &Value| format!("{} {}", one["name"].as_str().unwrap(), one["kind"].as_str().unwrap());
    let names = |more: &[&str]| listed(&project, more).iter().map(name).collect::<Vec<_>>();
    assert_eq!(names(&[]), ["alpha crate", "first tool", "second tool", "requests module", "shared module"]);
    assert!(names(&["--all"]).contains(&"idna module".to_owned()));
    let all = listed(&project, &[]);
    let requests = all.iter().find(|one| one["name"] == "requests").unwrap();
    assert_eq!(requests["bins"], json!(["requests"]));
    assert_eq!((&requests["version"], &requests["registry"]), (&json!("2.32.3"), &json!("pypi")));
    let shared = all.iter().find(|one| one["name"] == "shared").unwrap();
    let digest = sha256(&saying("shared", "3.0").entry_point("shared", "shared:main").bytes());
    assert_eq!(shared["checksum"], json!(format!("sha256:{digest}")));
    for (name, words) in [
        ("first", ["(first 1.0, PyPI)", "a link to ../tools/first/bin/first"]),
        ("requests", ["(requests 2.32.3, PyPI)", "a link to ../python/bin/requests"]),
        ("python3", ["from the environment (Python 3.", "before /usr/bin/python3"]),
    ] {
        let output = project.envtool(&["which", name]).ok();
        assert_eq!(
            output.stdout.trim_end(),
            project.path(&format!(".envtool/bin/{name}")).display().to_string()
        );
        output.says(&words);
    }
    // One goes, and only it.
    project.envtool(&["remove", "pypi:first"]).ok().says(&["Took pypi:first out of [tools]"]);
    assert_eq!(bin(&project), ["python", "python3", "requests", "second", "shared"]);
    assert!(!project.has(".envtool/tools/first") && !project.has(".envtool/receipts/python-first"));
    // A pin that went changes the lock, which `--locked` forbids.
    let (manifest, lock) = (project.read("envtool.toml"), project.read("envtool.lock"));
    let without: Vec<&str> = manifest.lines().filter(|line| !line.contains("pypi:second")).collect();
    let without = format!("{}\n", without.join("\n"));
    assert_ne!(manifest, without);
    project.write("envtool.toml", &without);
    project.envtool(&["sync", "--locked"]).refused(1).says(&["`--locked` forbids it", "pypi:second"]);
    assert_eq!(project.read("envtool.lock"), lock);
    project.write("envtool.toml", &manifest);
    // Of a module and a tool of one name the tool has the executable.
    project
        .envtool(&["add", "--tool", "pypi:shared@2.0"])
        .ok()
        .says(&["warning", "`shared` of shared 3.0 is not in .envtool/bin"]);
    assert_eq!(
        fs::read_link(project.path(".envtool/bin/shared")).unwrap(),
        Path::new("../tools/shared/bin/shared")
    );
    // Of one version too.
    project
        .envtool(&["add", "pypi:shared@2.0"])
        .ok()
        .says(&["warning", "`shared` of shared 2.0 is not in .envtool/bin"]);
    assert_eq!(
        fs::read_link(project.path(".envtool/bin/shared")).unwrap(),
        Path::new("../tools/shared/bin/shared")
    );
    project.envtool(&["add", "--lib", "pypi:shared"]).refused(2).says(&["are for crates"]);
    project.envtool(&["add", "--features", "x", "pypi:shared"]).refused(2).says(&["'pypi:shared[EXTRA]'"]);
    project.envtool(&["remove", "pypi:shared@3.0"]).refused(2).says(&["envtool remove pypi:shared"]);
}

#[test]
fn a_lock_makes_the_same_environment_elsewhere_exactly() {
    let sandbox = ground();
    let project = project(&sandbox, "one", "[env]\n");
    project.envtool(&["add", "pypi:requests@2.32.3"]).ok();
    // With nothing to do nothing is started.
    for args in
        [&["sync"][..], &["sync", "--frozen"], &["add", "pypi:requests"], &["add", "pypi:requests@2.32.3"]]
    {
        let (call, log) = watched(&sandbox, project.envtool(args));
        call.ok().says(&["nothing to do"]);
        assert!(!log.exists(), "{args:?} started {}", fs::read_to_string(&log).unwrap());
    }
    // A colleague with a store of their own gets the same, and changes no lock.
    let clone = |name: &str| {
        let other = sandbox.project(name);
        other
            .write("envtool.toml", &project.read("envtool.toml"))
            .write("envtool.lock", &project.read("envtool.lock"));
        other
    };
    let other = clone("other");
    let theirs = |args: &[&str]| other.envtool(args).env("ENVTOOL_CACHE_DIR", sandbox.outside("their-store"));
    theirs(&["sync", "--frozen"])
        .refused(1)
        .says(&["is not in the store", "help: run it again without `--offline`"]);
    theirs(&["sync", "--locked"]).ok().says(&["Installed 2 modules"]);
    assert_eq!(other.read("envtool.lock"), project.read("envtool.lock"));
    assert_eq!(ids(&other, &["requests", "idna"]), "2.32.3 3.10");
    // What the manifest asks for and the lock does not say is refused with --locked.
    other.write("envtool.toml", "[modules]\nrequests = \"2.31.0\"\n");
    theirs(&["sync", "--locked"]).refused(1).says(&["envtool.lock would change, and `--locked` forbids it"]);
    theirs(&["sync"]).ok().says(&["Locked", "Installed 1 module, removed 1"]);
    assert_eq!(ids(&other, &["requests"]), "2.31.0");
    // A second project takes all of it from the store, and shares no file with anybody.
    sandbox.cut_network();
    let second = clone("second");
    second.envtool(&["sync", "--offline"]).ok().says(&["Installed 2 modules"]);
    let mut folders = vec![second.path(".envtool/python")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let found = fs::symlink_metadata(&path).unwrap();
            if found.is_dir() {
                folders.push(path);
            } else {
                assert!(found.is_symlink() || found.nlink() == 1, "{} is a hard link", path.display());
                files += 1;
            }
        }
    }
    assert!(files > 10);
    let fresh = self::project(&sandbox, "fresh", "");
    fresh.envtool(&["add", "--offline", "pypi:requests"]).ok().says(&["Pinned requests 2.32.3"]);
    fresh.envtool(&["add", "--offline", "pypi:pysocks"]).refused(1).says(&["pysocks is not in the store"]);
    // What others put into the venv goes, and is said.
    let site = PathBuf::from(python(&second, "import idna, os; print(os.path.dirname(idna.__file__))"));
    write(&site.join("stray-1.0.dist-info/METADATA"), "Metadata-Version: 2.1\nName: stray\nVersion: 1.0\n");
    write(&site.join("stray-1.0.dist-info/RECORD"), "stray.py,,\nstray-1.0.dist-info/METADATA,,\n");
    write(&site.join("stray.py"), "");
    second.write(".envtool/python/notes.txt", "mine").write(".envtool/python/bin/mytool", "#!/bin/sh\n");
    write(&site.join("mine.py"), "");
    let output = second.envtool(&["sync"]).ok();
    output.says(&["Took stray 1.0 out of .envtool/python", "Took mine.py out of .envtool/python"]);
    output.says(&["Took bin/mytool out of .envtool/python"]);
    assert_eq!(second.read(".envtool/python/notes.txt"), "mine");
    assert!(!output.stderr.contains("stray.py") && !output.stderr.contains("anew"), "{output}");
    assert_eq!(ids(&second, &["stray", "mine", "idna"]), "- - 3.10");
    // What Python compiles is no change.
    write(&site.join("__pycache__/x.pyc"), "x");
    second.envtool(&["sync"]).ok().says(&["nothing to do"]);
    // What is gone is made again, and said.
    fs::remove_dir_all(second.path(".envtool/python")).unwrap();
    second.envtool(&["sync"]).ok().says(&["Made .envtool/python anew: 2 modules in "]);
    assert_eq!(tool_says(&second, "requests"), "requests 2.32.3 idna 3.10");
    fs::remove_file(second.path(".envtool/bin/python")).unwrap();
    second.envtool(&["sync"]).ok();
    second.envtool(&["sync"]).ok().says(&["nothing to do"]);
    assert_eq!(bin(&second), ["python", "python3", "requests"]);
    // Moved, it goes on.
    let to = sandbox.home().join("work/a b'c\"d$e");
    fs::rename(second.dir(), &to).unwrap();
    let moved = sandbox.project("a b'c\"d$e");
    assert_eq!(ids(&moved, &["requests", "idna"]), "2.32.3 3.10");
    assert_eq!(tool_says(&moved, "requests"), "requests 2.32.3 idna 3.10");
    assert_eq!(
        sandbox.call(to.join(".envtool/bin/requests").to_str().unwrap(), &[""], Path::new("/")).ok().stdout,
        "requests 2.32.3 idna 3.10\n"
    );
    // The wrapper through links to it, from elsewhere, and by a relative path.
    let link = sandbox.outside("links").join("py");
    symlink(to.join(".envtool/bin/python"), &link).unwrap();
    let prefix = ["-c", "import sys, idna; print(sys.prefix)"];
    for (program, dir) in [
        (link.to_str().unwrap().to_owned(), PathBuf::from("/")),
        (to.join(".envtool/bin/python3").display().to_string(), sandbox.empty()),
        ("/usr/bin/env".to_owned(), to.clone()),
    ] {
        let args: Vec<&str> = match program.ends_with("env") {
            true => ["./.envtool/bin/python"].iter().chain(&prefix).copied().collect(),
            false => prefix.to_vec(),
        };
        let said = sandbox.call(&program, &args, &dir).ok().stdout;
        assert_eq!(fs::canonicalize(said.trim_end()).unwrap(), to.join(".envtool/python"), "{program}");
    }
    // A script that says `python3` gets it.
    script(&to.join("tool.py"), "");
    write(&to.join("tool.py"), "#!/usr/bin/env python3\nimport idna, sys\nprint(idna.ID, sys.argv[1:])\n");
    fs::set_permissions(to.join("tool.py"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(moved.envtool(&["run", "--", "./tool.py", "a b"]).ok().stdout, "idna 3.10 ['a b']\n");
}

#[test]
fn the_lock_is_for_every_platform_and_the_same_everywhere() {
    const OTHERS: [&str; 3] = [
        "cp311-cp311-win_amd64",
        "cp312-cp312-macosx_11_0_arm64",
        "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64",
    ];
    let locks = [(), ()].map(|()| {
        let sandbox = ground();
        let multi = saying("multi", "1.0").requires("requests");
        for tag in OTHERS {
            sandbox.pypi().publish(&multi.clone().tag(tag));
        }
        sandbox.pypi().publish(&multi);
        let project = project(&sandbox, "app", "");
        project.envtool(&["add", "pypi:multi", "pypi:idna"]).ok();
        let checksum = format!("sha256:{}", sha256(&multi.bytes()));
        assert_eq!(listed(&project, &[])[1]["checksum"], json!(checksum));
        assert_eq!(ids(&project, &["multi", "requests", "colorama"]), "1.0 2.32.3 -");
        project.read("envtool.lock")
    });
    let [lock, other] = &locks;
    assert_eq!(lock, other);
    for tag in OTHERS {
        assert!(
            lock.contains(&format!("\"multi-1.0-{tag}.whl\" = \"sha256:"))
                || lock.contains(&format!("\"multi-1.0-{tag}.whl\" = \"")),
            "{lock}"
        );
    }
    let rows: Vec<&str> = lock.lines().filter_map(|line| line.strip_prefix("name = ")).collect();
    assert_eq!(rows, ["\"colorama\"", "\"idna\"", "\"multi\"", "\"requests\""]);
    assert!(
        lock.contains("marker = \"sys_platform == 'win32'\"") && lock.contains("lowest = \"3.10\""),
        "{lock}"
    );
    assert!(!lock.contains("127.0.0.1") && !lock.contains("/tmp"), "{lock}");
}

#[test]
fn a_lock_that_somebody_spoiled_is_refused_or_made_right() {
    let sandbox = ground();
    let shared = saying("shared", "1.0").entry_point("shared", "shared:main");
    sandbox.pypi().publish(&shared);
    let project = project(&sandbox, "app", "");
    project.envtool(&["add", "pypi:requests@2.32.3"]).ok();
    project.envtool(&["add", "--tool", "pypi:shared"]).ok();
    let good = project.read("envtool.lock");
    // A row that nobody needs is not installed.
    let digest = "0".repeat(64);
    let evil = format!(
        "{good}\n[[module]]\nname = \"evil\"\nversion = \"1.0\"\n\n[module.files]\n\"evil-1.0-py3-none-any.whl\" = \"{digest}\"\n"
    );
    project.write("envtool.lock", &evil);
    project.envtool(&["sync", "--locked"]).refused(1).says(&["`--locked` forbids it"]);
    project.envtool(&["sync"]).ok();
    assert_eq!(project.read("envtool.lock"), good);
    // What cannot be read is named, and made again with nothing moved: newer releases are there by now.
    sandbox.pypi().publish(&saying("idna", "3.12"));
    sandbox.pypi().publish(&saying("shared", "2.0"));
    let conflict = format!(
        "<<<<<<< HEAD\n{good}=======\n{}>>>>>>> theirs\n",
        good.replace("\"3.10\"\n\n", "\"3.9\"\n\n").replace("idna-3.10", "idna-3.9")
    );
    for (what, text) in [
        ("a path for a name", good.replacen("name = \"idna\"", "name = \"../idna\"", 1)),
        ("no digest", good.replacen("py3-none-any.whl\" = \"", "py3-none-any.whl\" = \"x", 1)),
        ("a conflict", conflict),
        ("cut off", good[..good.len() - 40].to_owned()),
        ("empty", String::new()),
    ] {
        project.write("envtool.lock", &text);
        for args in [&["sync"][..], &["add", "pypi:idna"], &["remove", "requests"]] {
            project.envtool(args).refused(1).says(&["envtool.lock", "help: `envtool doctor --fix`"]);
        }
        project.envtool(&["doctor", "--fix", "--check", "stale-lock"]).ok();
        assert_eq!(project.read("envtool.lock"), good, "{what}");
        assert_eq!(ids(&project, &["requests", "idna"]), "2.32.3 3.10", "{what}");
    }
    // A marker that is none, and a digest that is another's.
    project.write("envtool.lock", &good.replacen("sys_platform == 'win32'", "x y z", 1));
    project.envtool(&["sync"]).refused(1).says(&["could not read the marker"]);
    project.write("envtool.lock", &good.replace(&sha256(&saying("idna", "3.10").bytes()), &digest));
    project.envtool(&["sync"]).refused(1).says(&["idna==3.10 is not the one that was locked", &digest]);
    // One of a newer release of the index than the lock names is left alone, also where it would be preferred.
    project.write("envtool.lock", &good);
    let newer = saying("idna", "3.10").module("idna", "ID = 'other 0'\n").tag("1-py3-none-any");
    sandbox.pypi().publish(&newer);
    fs::remove_dir_all(project.path(".envtool")).unwrap();
    project.envtool(&["sync", "--locked"]).ok();
    assert_eq!(ids(&project, &["idna"]), "3.10");
}

#[test]
fn sources_are_built_only_where_that_is_allowed() {
    let sandbox = ground();
    sandbox.pypi().publish_sdist(&saying("docopt", "0.6.2"));
    sandbox.pypi().publish_sdist(&saying("docopt", "0.6.1"));
    sandbox.pypi().publish(&saying("needy", "1.0").requires("docopt"));
    let project = project(&sandbox, "app", "");
    for spec in ["pypi:docopt", "pypi:docopt@0.6.2", "pypi:needy"] {
        let output = project.envtool(&["add", spec]).refused(1);
        output.says(&["is published as source only", "build = true }` into [modules] of envtool.toml"]);
        assert!(!output.stderr.contains("--no-build"), "{output}");
    }
    project.write("envtool.toml", "[modules]\ndocopt = { version = \"0.6.1\", build = true }\n");
    project.envtool(&["sync"]).ok().says(&["Installed 1 module"]);
    assert_eq!(ids(&project, &["docopt"]), "0.6.1");
    let checksum = format!("sha256:{}", sha256(&saying("docopt", "0.6.1").sdist()));
    assert_eq!(listed(&project, &[])[0]["checksum"], json!(checksum));
    // The leave stays with the pin, and serves who needs it.
    project
        .envtool(&["add", "pypi:docopt@latest", "pypi:needy"])
        .ok()
        .says(&["Moved docopt from 0.6.1 to 0.6.2"]);
    assert!(project.read("envtool.toml").contains("docopt = { version = \"0.6.2\", build = true }\n"));
    project.envtool(&["sync", "--locked"]).ok().says(&["nothing to do"]);
    // A yanked version is refused, unless it is in the lock already.
    project.envtool(&["add", "pypi:colorama@0.4.6"]).ok();
    sandbox.pypi().yank("colorama", "0.4.6");
    sandbox.pypi().yank("idna", "3.10");
    project.envtool(&["add", "pypi:requests@2.31.0"]).ok();
    assert_eq!(ids(&project, &["colorama", "idna"]), "0.4.6 3.9");
    for (spec, words) in [
        ("pypi:idna@3.10", ["who published idna 3.10 has yanked it: no reason is given", "pypi:idna@latest"]),
        ("pypi:idna@>=3.10", ["idna==3.10 was yanked", "envtool add pypi:idna"]),
    ] {
        project.envtool(&["add", spec]).refused(1).says(&words);
    }
    project.envtool(&["remove", "colorama", "requests"]).ok();
    project
        .envtool(&["add", "pypi:colorama@0.4.6"])
        .refused(1)
        .says(&["who published colorama 0.4.6 has yanked it"]);
}

#[test]
fn the_python_is_the_one_that_is_named_and_a_lost_one_is_replaced() {
    let sandbox = ground();
    let real = sandbox
        .call(
            "python3",
            &["-c", "import sys; print('%d.%d' % sys.version_info[:2]); print(sys.executable)"],
            Path::new("/"),
        )
        .ok()
        .stdout;
    let (minor, executable) = real.trim_end().split_once('\n').unwrap();
    let project = project(&sandbox, "app", &format!("[env]\npython = \"{minor}\"\n"));
    // A Python that goes away and comes back elsewhere, and changes in its place.
    let folder = sandbox.outside("theirs");
    let own = folder.join(format!("python{minor}"));
    fs::copy(executable, &own).unwrap();
    let with_own = |args: &[&str]| project.envtool(args).env("PATH", sandbox.path_after(&folder));
    with_own(&["add", "pypi:idna"]).ok();
    assert!(project.read(".envtool/python/pyvenv.cfg").contains(folder.to_str().unwrap()));
    assert!(project.read("envtool.lock").contains(&format!("lowest = \"{minor}\"")));
    fs::remove_file(&own).unwrap();
    project.envtool(&["sync"]).ok().says(&["Made .envtool/python anew: 1 module"]);
    assert_eq!(ids(&project, &["idna"]), "3.10");
    assert!(!project.read(".envtool/python/pyvenv.cfg").contains(folder.to_str().unwrap()));
    let version = python(&project, "import platform; print(platform.python_version())");
    for file in [".envtool/env.toml", ".envtool/python/pyvenv.cfg"] {
        project.write(file, &project.read(file).replace(&version, &format!("{minor}.999")));
    }
    project.envtool(&["sync"]).ok().says(&["Made .envtool/python anew: 1 module"]);
    project.envtool(&["sync"]).ok().says(&["nothing to do"]);
    // Who is not isolated sees the modules of the user.
    let site = sandbox.call("python3", &["-m", "site", "--user-site"], Path::new("/")).run().stdout;
    write(&Path::new(site.trim_end()).join("users.py"), "");
    let sees = |project: &Project<'_>| {
        project.envtool(&["run", "--", "python", "-c", "import users"]).run().code == Some(0)
    };
    assert!(!sees(&project));
    project.write("envtool.toml", "[env]\nisolate = false\n[modules]\nidna = \"3.10\"\n");
    project.envtool(&["sync"]).ok().says(&["Made .envtool/python anew: 1 module"]);
    assert!(sees(&project));
    project.write("envtool.toml", "[modules]\nidna = \"3.10\"\n");
    project.envtool(&["sync"]).ok().says(&["Made .envtool/python anew"]);
    assert!(!sees(&project));
    // One that is nowhere.
    project.write("envtool.toml", "[env]\npython = \"3.99\"\n[modules]\nidna = \"3.10\"\n");
    project
        .envtool(&["sync"])
        .refused(1)
        .says(&["could not find Python 3.99", "help: install it (`apt install python3.99`"]);
}

#[test]
fn names_in_bin_belong_to_who_was_asked_for() {
    let sandbox = ground();
    let pypi = sandbox.pypi();
    let main = "def main(): print('main')\n";
    let entry = |name: &str, as_: &str| {
        wheel(name, "1.0").module(name, main).entry_point(as_, &format!("{name}:main"))
    };
    pypi.publish(
        &wheel("brings", "1.0")
            .data_script("zsh", b"#!/bin/sh\n")
            .data_script("sh", b"#!/bin/sh\n")
            .data_script("brought", b"#!/bin/sh\necho brought\n"),
    );
    pypi.publish(&wheel("doubled", "1.0").data_script("top", b"#!/bin/sh\necho doubled\n"));
    for (name, as_) in [
        ("pipper", "pip"),
        ("cargoer", "cargo"),
        ("deep", "deep"),
        ("swap", "python"),
        ("acts", "activate"),
        ("runs", "runner"),
    ] {
        pypi.publish(&entry(name, as_));
    }
    pypi.publish(&entry("top", "top").requires("deep"));
    drop(pypi);
    sandbox.registry().publish(&tool("runner", "1.0.0", "\"crate\""));
    let project = project(&sandbox, "app", "");
    project.envtool(&["add", "pypi:top", "pypi:brings"]).ok();
    // Not of what is needed only, and not what a wheel dropped there.
    assert_eq!(bin(&project), ["python", "python3", "top"]);
    for name in bin(&project) {
        let target = fs::read_link(project.path(&format!(".envtool/bin/{name}")));
        assert!(
            target.map_or(name.starts_with("python"), |to| to == Path::new("../python/bin").join(&name)),
            "{name}"
        );
    }
    let output = project.envtool(&["add", "pypi:pipper", "pypi:cargoer"]).ok();
    output.says(&["warning", "`pip` of pipper 1.0 is not in .envtool/bin", "`cargo` of cargoer 1.0 is not"]);
    assert_eq!(bin(&project), ["python", "python3", "top"]);
    // What two of them put into one place is neither's.
    project
        .envtool(&["add", "pypi:doubled"])
        .ok()
        .says(&["`top` of top 1.0 is not in .envtool/bin: doubled 1.0 brings one too"]);
    assert_eq!(bin(&project), ["python", "python3"]);
    project.envtool(&["remove", "doubled"]).ok();
    assert_eq!(bin(&project), ["python", "python3", "top"]);
    for (name, words) in [
        ("cargoer", "called `cargo`"),
        ("pipper", "called `pip`"),
        ("brings", "called `sh`"),
        ("swap", "reserved name `python`"),
        ("acts", "it replaces bin/activate"),
    ] {
        project.envtool(&["add", "--tool", &format!("pypi:{name}")]).refused(1).says(&[
            "could not install",
            name,
            words,
        ]);
    }
    // A crate's tool has its name first.
    project.envtool(&["add", "--tool", "runner"]).ok();
    project
        .envtool(&["add", "pypi:runs"])
        .ok()
        .says(&["`runner` of runs 1.0 is not in .envtool/bin: runner 1.0.0 has an executable `runner` too"]);
    project
        .envtool(&["add", "--tool", "pypi:runs"])
        .refused(1)
        .says(&["runner 1.0.0 has an executable `runner` too", "help: keep one of them"]);
    assert_eq!(tool_says(&project, "runner"), "crate");
}

#[test]
fn what_lies_in_the_way_stays() {
    let sandbox = ground();
    for (name, program) in [("greper", "grep"), ("top", "top")] {
        let main = "def main(): print('main')\n";
        let wheel = wheel(name, "1.0").module(name, main).entry_point(program, &format!("{name}:main"));
        sandbox.pypi().publish(&wheel);
    }
    let other = project(&sandbox, "other", "");
    other.envtool(&["sync"]).ok();
    // A file of the user's stays.
    write(&other.path(".envtool/bin/grep"), "mine");
    other
        .envtool(&["add", "--tool", "pypi:greper"])
        .refused(1)
        .says(&[".envtool/bin/grep is there, and envtool did not put it there"]);
    write(&other.path(".envtool/bin/python"), "mine");
    other
        .envtool(&["add", "pypi:idna"])
        .refused(1)
        .says(&[".envtool/bin/python is there, and envtool did not put it there"]);
    // Also where there are tools of Python, but no `python` of ours.
    other.envtool(&["add", "--tool", "pypi:top"]).ok();
    other.envtool(&["add", "pypi:idna"]).refused(1);
    assert_eq!(other.read(".envtool/bin/python"), "mine");
    other.envtool(&["remove", "top"]).ok();
    other
        .envtool(&["add", "--tool", "pypi:idna"])
        .refused(1)
        .says(&["could not install idna 3.10 as a tool", "help: add it as a module"]);
    // So does a venv that somebody made in the place of ours.
    fs::remove_file(other.path(".envtool/bin/python")).unwrap();
    sandbox.call("python3", &["-m", "venv", "--without-pip", ".envtool/python"], other.dir()).ok();
    other
        .envtool(&["add", "pypi:idna"])
        .refused(1)
        .says(&["could not make .envtool/python", "help: move it away (`mv .envtool/python /tmp`)"]);
    other.envtool(&["sync"]).ok();
    assert!(other.has(".envtool/python/pyvenv.cfg"), "a sync took it away");
    let manifest = other.read("envtool.toml");
    other.write("envtool.toml", &format!("{manifest}\n[modules]\nidna = \"3.10\"\n"));
    other.envtool(&["doctor", "--fix"]).run();
    assert!(other.has(".envtool/python/pyvenv.cfg"), "a fix took it away");
    other.write("envtool.toml", &manifest);
    fs::remove_dir_all(other.path(".envtool/python")).unwrap();
    symlink(sandbox.empty(), other.path(".envtool/python")).unwrap();
    other.envtool(&["add", "pypi:idna"]).refused(1);
    assert_eq!(fs::read_dir(sandbox.empty()).unwrap().count(), 0);
    fs::remove_file(other.path(".envtool/python")).unwrap();
    other.envtool(&["add", "pypi:idna"]).ok();
}

#[test]
fn a_hostile_wheel_is_refused_and_everything_stays() {
    let sandbox = ground();
    let pypi = sandbox.pypi();
    pypi.publish(&saying("config", "1.0").file("config-1.0.data/data/pyvenv.cfg", b"home = /evil\n"));
    pypi.publish(&saying("shadow", "1.0").file("shadow-1.0.data/data/bin/python", b"#!/bin/sh\n"));
    pypi.publish(&saying("drops", "1.0").data_script("python", b"#!/bin/sh\necho evil\n"));
    pypi.publish(&saying("paths", "1.0").pth("paths", "/usr/lib/python3/dist-packages\n"));
    pypi.publish(&saying("climbs", "1.0").pth("climbs", "../../../../..\n"));
    pypi.publish(&saying("records", "1.0").record("../../../../../../victim,,"));
    pypi.publish(&saying("leaves", "1.0").file("../../../../../../climbed", b"x"));
    pypi.publish(&saying("headers", "1.0").file("headers-1.0.data/headers/../../../../../x.h", b"x"));
    pypi.lie(&saying("idna", "3.9"), &saying("idna", "3.9").module("idna", "ID = 'altered'\n").bytes());
    drop(pypi);
    write(&sandbox.home().join("victim"), "mine");
    let project = project(&sandbox, "app", "");
    project.envtool(&["add", "pypi:colorama"]).ok();
    let ours = [".cache", "work/app/.envtool", "work/app/envtool.toml", "work/app/envtool.lock"];
    let outside = || fingerprint(&sandbox.home(), &ours);
    let before = outside();
    for (name, words) in [
        ("config", "it replaces pyvenv.cfg"),
        ("shadow", "must not use the reserved name `python`"),
        ("drops", "must not use the reserved name `python`"),
        ("paths", "adds a folder outside the environment"),
        ("climbs", "adds a folder outside the environment"),
        ("idna@3.9", "idna==3.9 is not the one that was locked"),
    ] {
        for kind in [&["add"][..], &["add", "--tool"]] {
            let spec = format!("pypi:{name}");
            let output = project.envtool(&[kind, &[spec.as_str()]].concat()).refused(1);
            output.says(&[words, name.split('@').next().unwrap()]);
        }
    }
    assert_eq!(ids(&project, &["colorama"]), "0.4.6");
    project.envtool(&["sync"]).ok().says(&["nothing to do"]);
    // uv leaves out what climbs, and a line of RECORD that claims what is not its own: nothing comes, nothing goes.
    project.envtool(&["add", "pypi:leaves", "pypi:headers"]).ok();
    assert_eq!(ids(&project, &["leaves"]), "1.0");
    let found = sandbox.call("find", &[".", "-name", "climbed", "-o", "-name", "x.h"], &sandbox.home()).ok();
    assert_eq!(found.stdout, "");
    project.envtool(&["add", "pypi:records"]).ok();
    project.envtool(&["remove", "records", "leaves", "headers", "colorama"]).ok();
    assert_eq!(before, outside());
}

/// A uv that does something at its call number `at`, counted in a file, and is the real one else.
fn uv_that(sandbox: &Sandbox, at: usize, what: &str) -> PathBuf {
    let folder = sandbox.outside("odd-uv");
    let count = folder.join("count");
    let _ = fs::remove_file(&count);
    let text = format!(
        "echo x >> '{0}'\nif [ \"$(wc -l < '{0}')\" -eq {at} ]; then {what}; fi\nexec '{1}' \"$@\"",
        count.display(),
        uv_for_tests().display()
    );
    script(&folder.join("uv"), &text);
    folder.join("uv")
}

#[test]
fn killed_or_interrupted_at_any_moment_nothing_is_half_done() {
    let sandbox = ground();
    let project = project(&sandbox, "app", "");
    project.envtool(&["add", "pypi:requests@2.31.0"]).ok();
    let state = || fingerprint(project.dir(), &[".envtool/python/lib", ".envtool/staging"]);
    let old = state();
    // While uv works: before the change is decided, so all of it is as it was.
    let mut kills = 0;
    for at in 1.. {
        let call = project.envtool(&["add", "pypi:requests@2.32.3"]);
        let output = call.env("ENVTOOL_UV", uv_that(&sandbox, at, "kill -9 $PPID; exit 1")).run();
        if output.code == Some(0) {
            break;
        }
        kills += 1;
        assert_eq!(output.code, None, "{output}");
        project.envtool(&["list"]).ok();
        project.envtool(&["sync"]).ok();
        let new = state();
        let differs: Vec<&str> = new.lines().filter(|line| !old.contains(line)).collect();
        assert!(new == old, "killed at call {at} of uv: {differs:?}");
        assert_eq!(tool_says(&project, "requests"), "requests 2.31.0 idna 3.10");
    }
    assert!(kills >= 4, "uv was called {kills} times");
    project.envtool(&["add", "pypi:requests@2.31.0"]).ok();
    let old = state();
    // Ctrl-C.
    for at in [2, 4, 5] {
        let begin = Instant::now();
        let call = project.envtool(&["add", "pypi:requests@2.32.3"]);
        let output = call.env("ENVTOOL_UV", uv_that(&sandbox, at, "kill -INT $PPID; exec sleep 60")).run();
        assert_eq!(output.code, Some(130), "{output}");
        output.says(&["error: interrupted"]);
        assert!(begin.elapsed() < Duration::from_secs(20), "{output}");
        assert_eq!(state(), old, "interrupted at call {at}\n{output}");
    }
    // While the change is carried out.
    let begin = Instant::now();
    project.envtool(&["add", "pypi:requests@2.32.3"]).ok();
    let whole = begin.elapsed();
    for moment in 0..5_u32 {
        let is_new = project.read("envtool.toml").contains("2.32.3");
        let to = if is_new { "2.31.0" } else { "2.32.3" };
        let mut command = project.envtool(&["add", &format!("pypi:requests@{to}")]).command();
        let mut child = command.stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole * (15 + moment) / 20);
        child.kill().unwrap();
        child.wait().unwrap();
        project.envtool(&["list"]).ok();
        let (manifest, lock) = (project.read("envtool.toml"), project.read("envtool.lock"));
        for version in ["2.31.0", "2.32.3"] {
            let there = manifest.contains(version);
            assert_eq!(lock.contains(&format!("requests-{version}-py3")), there, "moment {moment}");
            assert_eq!(
                tool_says(&project, "requests") == format!("requests {version} idna 3.10"),
                there,
                "moment {moment}"
            );
        }
        project.envtool(&["sync"]).ok();
        assert_eq!((manifest, lock), (project.read("envtool.toml"), project.read("envtool.lock")));
    }
    // Killed before the last note of all.
    let record = project.read(".envtool/env.toml");
    project.write(".envtool/env.toml", record.split("[python]").next().unwrap());
    project.write("envtool.toml", &format!("{}# more\n", project.read("envtool.toml")));
    project.envtool(&["sync"]).ok();
    // Two at once.
    let start =
        |spec: &str| project.envtool(&["add", spec]).command().stderr(Stdio::piped()).spawn().unwrap();
    for child in [start("pypi:colorama"), start("pypi:pysocks")] {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(ids(&project, &["colorama", "pysocks", "idna"]), "0.4.6 1.7.1 3.10");
    project.envtool(&["sync", "--locked"]).ok().says(&["nothing to do"]);
}

#[test]
fn what_cannot_be_had_is_said_in_our_words_and_changes_nothing() {
    let sandbox = ground();
    let pypi = sandbox.pypi();
    pypi.publish(&saying("windows", "1.0").tag("cp311-cp311-win_amd64"));
    pypi.publish(&saying("future", "1.0").requires_python(">=3.99"));
    pypi.publish(&saying("bound", "1.0").requires("idna<3.10"));
    drop(pypi);
    let project = project(&sandbox, "app", "");
    project.envtool(&["add", "pypi:idna@3.10"]).ok();
    let mut said = Vec::new();
    for spec in
        ["pypi:nosuch", "pypi:requests@99", "pypi:requests@>=99", "pypi:windows", "pypi:future", "pypi:bound"]
    {
        said.push(project.envtool(&["add", spec]).env("ENVTOOL_QUIET", "1").refused(1).snapshot(&sandbox));
    }
    // A new project, so that nothing is known of a Python.
    let new = sandbox.project("new");
    let nothing = new.envtool(&["add", "pypi:idna"]).env("PATH", sandbox.empty());
    said.push(nothing.refused(1).snapshot(&sandbox));
    let all = said.join("\n\n");
    for theirs in
        ["--no-build", "requires-python", "unsatisfiable", "hint:", "your project", "we can conclude"]
    {
        assert!(!all.contains(theirs), "{theirs}: {all}");
    }
    let minor = sandbox
        .call("python3", &["-c", "import sys; print('>=%d.%d)' % sys.version_info[:2])"], Path::new("/"))
        .ok()
        .stdout;
    insta::assert_snapshot!(all.replace(minor.trim_end(), ">=[MINOR])"), @r"
    $ envtool add pypi:nosuch
    exit: 1
    --- stdout

    --- stderr
    error: could not choose releases of the Python packages
      because there is no package nosuch on http://127.0.0.1:[PORT]/simple/ (from [HOME]/.config/pip/pip.conf)
    help: check how it is spelled; where a package lies on an index of your own, name that index to pip (`pip config set global.extra-index-url URL`)

    $ envtool add pypi:requests@99
    exit: 1
    --- stdout

    --- stderr
    error: could not choose releases of the Python packages
      because there is no version of requests==99 and you ask for requests==99, so nothing fits
    help: ask for another version; `envtool add pypi:requests@latest` takes the newest

    $ envtool add pypi:requests@>=99
    exit: 1
    --- stdout

    --- stderr
    error: could not choose releases of the Python packages
      because only requests<=2.32.3 is available and you ask for requests>=99, so nothing fits
    help: ask for another version; `envtool add pypi:requests@latest` takes the newest

    $ envtool add pypi:windows
    exit: 1
    --- stdout

    --- stderr
    error: could not install the Python packages
      because windows 1.0 has no wheel for the Python or the platform at hand
    help: choose another version of windows, or another Python

    $ envtool add pypi:future
    exit: 1
    --- stdout

    --- stderr
    error: could not choose releases of the Python packages
      because the lowest Python of this project (>=[MINOR]) does not satisfy Python>=3.99 and future==1.0 depends on Python>=3.99, so future==1.0 cannot be used
      because only future==1.0 is available and you ask for future, so nothing fits
    help: ask for an older version of future, or for a newer Python in envtool.toml

    $ envtool add pypi:bound
    exit: 1
    --- stdout

    --- stderr
    error: could not choose releases of the Python packages
      because all versions of bound depend on idna<3.10 and you ask for bound, so you ask for idna<3.10
      because you ask for idna==3.10, so nothing fits
    help: two pins exclude each other: ask for other versions, or move both in one command (`envtool add pypi:A@VERSION pypi:B@VERSION`)

    $ envtool add pypi:idna
    exit: 1
    --- stdout

    --- stderr
    error: could not find Python
      because there is no `python3` or `python` on PATH
    help: install it (`apt install python3`, `brew install python@3`, `pyenv install 3` or from Python's own site), and see that `python3 -V` answers
    ");
    assert_eq!(ids(&project, &["idna"]), "3.10");
}
