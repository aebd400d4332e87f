//! `doctor` and tools that were installed before the environment: found where the project calls them, taken over as they
//! are, and built by everybody else.

use std::fs;

use serde_json::{Value, json};

use crate::support::doctor::{Before, findings, install, is_healthy, only, script, state};
use crate::support::tools::{built, project, says, tool, was_built};
use crate::support::{Project, Sandbox, fingerprint, write};

/// A project without anything, with these files beside it, in an environment of its own.
fn calling<'a>(sandbox: &'a Sandbox, name: &str, file: &str, text: &str) -> Project<'a> {
    let project = project(sandbox, name, "");
    project.envtool(&["init"]).ok();
    project.envtool(&["sync"]).ok();
    is_healthy(&project);
    project.write(file, text);
    project
}

fn receipt(project: &Project<'_>, package: &str) -> Value {
    serde_json::from_str(&project.read(&format!(".envtool/receipts/tools/{package}.json"))).unwrap()
}

#[test]
fn it_is_taken_over_wherever_it_is_called() {
    let sandbox = Sandbox::new();
    let names = ["by-just", "by-make", "by-script", "by-npm", "cargo-by-alias", "cargo-by-ci", "by-install"];
    for name in names {
        let tool = tool(name, "1.0.0", "\"built\"").feature("default", &[]).feature("loud", &[]);
        sandbox.registry().publish(&tool);
    }
    let home = sandbox.home().join(".cargo");
    let mut all: Vec<Before> = names.iter().map(|name| Before::new(name)).collect();
    all[0].features = &["loud"];
    all[0].default_features = false;
    install(&home, &all);
    let before = fingerprint(&home.join("bin"), &[]);
    for (at, (file, text)) in [
        ("justfile", "build:\n    by-just --all\n"),
        ("Makefile", "build:\n\tby-make --all\n"),
        ("scripts/build.sh", "#!/bin/sh\nset -e\nby-script --all\n"),
        ("package.json", "{\"scripts\": {\"build\": \"by-npm --all\"}}\n"),
        (".cargo/config.toml", "[alias]\nb = [\"by-alias\", \"--all\"]\n"),
        (
            ".github/workflows/ci.yml",
            "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: cargo by-ci\n",
        ),
        ("ci.sh", "cargo install by-install --locked\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = names[at];
        let one = calling(&sandbox, name, file, text);
        let untouched = state(&one);
        let finding = only(&one, &[]);
        assert_eq!(
            (&finding["check"], &finding["subject"]),
            (&json!("global-tool"), &json!(format!("{name} 1.0.0")))
        );
        let message = finding["message"].as_str().unwrap();
        let lies = home.join("bin").join(name).display().to_string();
        for word in [file, lies.as_str(), "since 20", "this environment was made"] {
            assert!(message.contains(word), "{word}: {message}");
        }
        let fix = one.envtool(&["doctor", "--fix"]).ok();
        assert!(!fix.stderr.contains("Built"), "{fix}");
        is_healthy(&one);
        assert_eq!(says(&one, name), format!("{name} before"));
        let digest = all[at].digest();
        let link = fs::read_link(one.path(&format!(".envtool/bin/{name}"))).unwrap();
        let text = link.display().to_string();
        assert!(text.contains("/adopted/") && text.contains(&digest), "{text}");
        assert_eq!(receipt(&one, &format!("{name}-1.0.0"))["how"], json!("adopted"));
        let manifest = one.read("envtool.toml");
        assert!(manifest.contains(&format!("{name} = ")) && manifest.contains("1.0.0"), "{manifest}");
        assert_eq!(manifest.contains("loud"), at == 0, "{manifest}");
        assert_eq!(manifest.contains("default-features = false"), at == 0, "{manifest}");
        assert!(built(&sandbox).is_empty(), "{name} was built");
        one.envtool(&["sync"]).ok().says(&["nothing to do"]);
        // Taken back, it is as it was.
        one.envtool(&["doctor", "--undo"]).ok();
        assert_eq!(untouched, state(&one));
        assert_eq!(only(&one, &[])["subject"], json!(format!("{name} 1.0.0")));
        one.envtool(&["doctor", "--fix"]).ok();
        is_healthy(&one);
    }
    assert_eq!(before, fingerprint(&home.join("bin"), &[]), "the originals stay");
}

#[test]
fn the_lock_is_that_of_a_tool_that_was_built_and_a_colleague_builds() {
    let sandbox = Sandbox::new();
    let publish = |sandbox: &Sandbox| {
        let tool = tool("before", "1.0.0", "\"built\"").feature("default", &[]).feature("loud", &[]);
        sandbox.registry().publish(&tool);
    };
    publish(&sandbox);
    let mut one = Before::new("before");
    one.features = &["loud"];
    install(&sandbox.home().join(".cargo"), &[one]);
    let adopting = calling(&sandbox, "adopting", "build.sh", "before\n");
    adopting.envtool(&["doctor", "--fix"]).ok();
    assert_eq!(says(&adopting, "before"), "before before");
    let (manifest, lock) = (adopting.read("envtool.toml"), adopting.read("envtool.lock"));

    let colleague = Sandbox::new();
    publish(&colleague);
    let theirs = colleague.project("theirs");
    theirs.write("envtool.toml", &manifest).write("envtool.lock", &lock);
    was_built(&theirs.envtool(&["sync", "--locked"]).ok(), "before 1.0.0");
    assert_eq!(says(&theirs, "before"), "built");
    let fresh = colleague.project("fresh");
    fresh.write("envtool.toml", &manifest);
    fresh.envtool(&["sync"]).ok();
    assert_eq!(fresh.read("envtool.lock"), lock);

    // In the same home another project builds too, unless asked to adopt.
    let other = calling(&sandbox, "other", "build.sh", "before\n");
    let dry = other.envtool(&["doctor", "--fix", "--rebuild", "--dry-run"]).run();
    assert!(dry.stderr.contains("would pin before 1.0.0, and build it\n"), "{dry}");
    let fix = other.envtool(&["doctor", "--fix", "--rebuild"]).ok();
    assert!(fix.stderr.contains("fix: pin before 1.0.0, and build it\n"), "{fix}");
    was_built(&fix, "before 1.0.0");
    assert_eq!(says(&other, "before"), "built");
    assert_eq!(other.read("envtool.lock"), lock);
    assert_eq!(receipt(&other, "before-1.0.0")["how"], json!("built"));
    is_healthy(&other);
}

#[test]
fn one_whose_receipt_was_lost_is_built() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&tool("before", "1.0.0", "\"built\""));
    install(&sandbox.home().join(".cargo"), &[Before::new("before")]);
    for args in [["doctor", "--fix"].as_slice(), &["sync"]] {
        let one = calling(&sandbox, args[0], "build.sh", "before\n");
        one.envtool(&["doctor", "--fix"]).ok();
        assert_eq!(says(&one, "before"), "before before");
        fs::remove_file(one.path(".envtool/receipts/tools/before-1.0.0.json")).unwrap();
        one.envtool(args).ok();
        is_healthy(&one);
        assert_eq!(says(&one, "before"), "built");
    }
}

#[test]
fn one_that_changed_after_it_was_adopted_is_found_and_built() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&tool("before", "1.0.0", "\"built\""));
    install(&sandbox.home().join(".cargo"), &[Before::new("before")]);
    for (name, text, checks) in [
        ("changed", "#!/bin/sh\necho evil\n", ["modified"].as_slice()),
        ("broken", "#!/no/such/interpreter\n", &["broken-executable", "modified"]),
    ] {
        let one = calling(&sandbox, name, "build.sh", "before\n");
        one.envtool(&["doctor", "--fix"]).ok();
        is_healthy(&one);
        let file = one.path(".envtool/bin/before").canonicalize().unwrap();
        crate::support::doctor::force(&file, text);
        let (output, found) = findings(&one, &[]);
        let mut seen: Vec<&str> = found.iter().filter_map(|finding| finding["check"].as_str()).collect();
        seen.sort_unstable();
        assert_eq!(seen, checks, "{output}");
        one.envtool(&["doctor", "--fix"]).ok();
        is_healthy(&one);
        assert_eq!(says(&one, "before"), "built");
    }
}

#[test]
fn what_does_not_start_is_built() {
    let sandbox = Sandbox::new();
    for name in ["bad-interpreter", "not-a-program", "no-library"] {
        sandbox.registry().publish(&tool(name, "1.0.0", "\"built\""));
    }
    let mut all = ["bad-interpreter", "not-a-program", "no-library"].map(Before::new);
    all[0].text = "#!/no/such/interpreter\n".to_owned();
    all[1].text = "\u{7f}ELF and no more".to_owned();
    all[2].text =
        "#!/bin/sh\necho 'error while loading shared libraries: libnone.so.1' >&2; exit 127\n".to_owned();
    install(&sandbox.home().join(".cargo"), &all);
    let one = calling(&sandbox, "one", "build.sh", "bad-interpreter\nnot-a-program\nno-library\n");
    let fix = one.envtool(&["doctor", "--fix"]).ok();
    for name in ["bad-interpreter", "not-a-program", "no-library"] {
        was_built(&fix, &format!("{name} 1.0.0"));
        fix.says(&[&format!("{name} 1.0.0 cannot be taken over")]);
        assert_eq!(says(&one, name), "built");
        assert_eq!(receipt(&one, &format!("{name}-1.0.0"))["how"], json!("built"));
    }
    is_healthy(&one);
}

#[test]
fn what_envtool_cannot_pin_is_said_in_words_and_what_nobody_calls_is_not_said() {
    let sandbox = Sandbox::new();
    let mut all = ["of-git", "of-path", "of-registry", "never-called"].map(Before::new);
    all[0].source =
        "git+https://example.invalid/x?branch=main#0123456789012345678901234567890123456789".to_owned();
    all[1].source = format!("path+file://{}", sandbox.home().join("x").display());
    all[2].source = "registry+https://example.invalid/index".to_owned();
    install(&sandbox.home().join(".cargo"), &all);
    let one = calling(
        &sandbox,
        "one",
        "build.sh",
        "of-git\nof-path\nof-registry\n# never-called\necho never-called\n",
    );
    let before = one.fingerprint();
    let (output, found) = findings(&one, &["--fix"]);
    assert_eq!(found.len(), 3, "{output}");
    for finding in &found {
        assert_eq!((&finding["check"], &finding["fixed"]), (&json!("global-tool"), &json!(false)));
        assert!(finding["remedy"].as_str().unwrap().contains("it came from"), "{finding}");
    }
    assert_eq!(before, one.fingerprint());
    // Where it is no longer there, a record is no tool.
    for name in ["of-git", "of-path", "of-registry"] {
        fs::remove_file(sandbox.home().join(".cargo/bin").join(name)).unwrap();
    }
    is_healthy(&one);
}

#[test]
fn other_homes_of_cargo_count_and_the_environment_itself_does_not() {
    let sandbox = Sandbox::new();
    for name in ["here", "there", "own"] {
        sandbox.registry().publish(&tool(name, "1.0.0", "\"built\""));
    }
    let root = sandbox.outside("root");
    install(&root, &[Before::new("there")]);
    let one = calling(&sandbox, "one", "build.sh", "there\nown\n");
    is_healthy(&one);
    let with = one.envtool(&["doctor", "--json"]).env("CARGO_INSTALL_ROOT", &root).run();
    assert!(with.stdout.contains("there 1.0.0") && with.code == Some(1), "{with}");
    let fix = one.envtool(&["doctor", "--fix"]).env("CARGO_INSTALL_ROOT", &root).run();
    assert_eq!(fix.code, Some(0), "{fix}");
    assert_eq!(says(&one, "there"), "there before");
    // Installed into the environment it is `extra`, and not on the machine.
    one.envtool(&["run", "--", "cargo", "install", "own"]).ok();
    let (output, found) = findings(&one, &[]);
    assert!(found.iter().all(|finding| finding["check"] == "extra") && found.len() == 1, "{output}");
    // A record that cannot be read costs a warning.
    write(&sandbox.home().join(".cargo/.crates.toml"), "<<<<<<<");
    let (output, _) = findings(&one, &[]);
    output.says(&[".crates.toml"]);
}

#[test]
fn by_cargo_itself_and_with_more_executables() {
    let sandbox = Sandbox::new();
    let main =
        "fn main() { println!(\"{}\", std::env::args().next().unwrap().rsplit('/').next().unwrap()); }\n";
    let many = crate::support::tools::bare("many", "1.0.0").file("src/bin/one.rs", main);
    sandbox.registry().publish(&many.file("src/bin/two.rs", main));
    let one = calling(&sandbox, "one", "build.sh", "two\n");
    one.cargo(&["install", "many"]).in_dir(&sandbox.home()).ok();
    one.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&one);
    assert_eq!((says(&one, "one"), says(&one, "two")), ("one".to_owned(), "two".to_owned()));
    assert!(built(&sandbox).is_empty());
    let adopted = fs::canonicalize(one.path(".envtool/bin/two")).unwrap();
    assert_eq!(fs::read(adopted).unwrap(), fs::read(sandbox.home().join(".cargo/bin/two")).unwrap());
    // Of two executables one is gone: it cannot be taken over whole.
    let other = calling(&sandbox, "other", "build.sh", "two\n");
    fs::remove_file(sandbox.home().join(".cargo/bin/one")).unwrap();
    let fix = other.envtool(&["doctor", "--fix"]).ok();
    was_built(&fix, "many 1.0.0");
    is_healthy(&other);
}

#[test]
fn a_word_that_is_no_call_is_no_finding() {
    let sandbox = Sandbox::new();
    let names = ["just", "bat", "rg", "fd", "cargo-nextest", "nextest", "ripgrep"];
    install(&sandbox.home().join(".cargo"), &names.map(Before::new));
    let one = project(&sandbox, "one", "");
    one.envtool(&["init"]).ok();
    one.envtool(&["sync"]).ok();
    let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/calls/none");
    sandbox.call("cp", &["-r", &format!("{}/.", fixture.display()), "."], one.dir()).ok();
    assert!(one.has("Makefile") && one.has(".github"));
    let (output, found) = findings(&one, &["--check", "global-tool"]);
    assert!(found.is_empty(), "{output}");
    // The same names, called; `cargo nextest` is an alias of the fixture's.
    script(&one.path("really.sh"), "#!/bin/sh\njust\nbat\nrg\nfd\ncargo nextest run\n");
    assert_eq!(findings(&one, &["--check", "global-tool"]).1.len(), 4);
    one.write(".cargo/config.toml", "");
    assert_eq!(findings(&one, &["--check", "global-tool"]).1.len(), 5);
}

#[test]
fn one_that_no_environment_may_hold_does_not_hinder_the_others() {
    let sandbox = Sandbox::new();
    for name in ["good", "python3"] {
        sandbox.registry().publish(&tool(name, "1.0.0", "\"built\""));
    }
    install(&sandbox.home().join(".cargo"), &["good", "python3"].map(Before::new));
    let one = calling(&sandbox, "one", "build.sh", "good\npython3\n");
    one.envtool(&["doctor", "--fix"]).run();
    let finding = only(&one, &[]);
    assert_eq!(finding["subject"], json!("python3 1.0.0"));
    assert!(finding["remedy"].as_str().unwrap().contains("--bin"), "{finding}");
    assert_eq!(says(&one, "good"), "good before");
}

#[test]
fn one_that_cannot_be_pinned_hinders_nothing_else() {
    let sandbox = Sandbox::new();
    for name in ["good", "yanked", "unfeatured", "breaks"] {
        let text = if name == "breaks" { "nonsense()" } else { "\"built\"" };
        sandbox.registry().publish(&tool(name, "1.0.0", text));
    }
    sandbox.registry().publish(&tool("gone", "2.0.0", "\"built\""));
    sandbox.registry().yank("yanked", "1.0.0");
    let mut all = ["gone", "unfeatured", "breaks", "good", "yanked"].map(Before::new);
    all[1].features = &["loud"];
    all[2].text = "#!/no/such/interpreter\n".to_owned();
    install(&sandbox.home().join(".cargo"), &all);
    let one = calling(&sandbox, "one", "build.sh", "gone\nunfeatured\nbreaks\ngood\nyanked\n");
    let before = state(&one);
    let (output, found) = findings(&one, &["--fix", "--check", "global-tool"]);
    let left: Vec<&str> = found
        .iter()
        .filter(|finding| finding["fixed"] == false)
        .filter_map(|finding| finding["subject"].as_str())
        .collect();
    assert_eq!(left, ["breaks 1.0.0", "gone 1.0.0", "unfeatured 1.0.0"], "{output}");
    output.says(&[
        "gone 1.0.0 stays as it is, since it cannot be pinned: ",
        "has no gone 1.0.0",
        "unfeatured 1.0.0 stays as it is, since it cannot be pinned: unfeatured 1.0.0 has no feature `loud`",
        "breaks 1.0.0 stays as it is, since it cannot be pinned: ",
    ]);
    assert_eq!(
        (says(&one, "good"), says(&one, "yanked")),
        ("good before".to_owned(), "yanked before".to_owned())
    );
    let manifest = one.read("envtool.toml");
    assert!(!["gone", "breaks", "unfeatured"].iter().any(|name| manifest.contains(name)), "{manifest}");
    // All of it was one fix.
    one.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(before, state(&one));
    one.envtool(&["doctor", "--undo"]).refused(1);
    // Without a network no tool comes in that has to be asked for, and what the store has is put right.
    crate::support::doctor::publish(&sandbox);
    let two = crate::support::doctor::healthy(&sandbox, "two");
    two.write("build.sh", "good\n");
    let link = two.path(".envtool/vendor/alpha-1.0.0");
    fs::remove_file(&link).unwrap();
    sandbox.cut_network();
    fs::remove_dir_all(sandbox.store().join("v1/index")).unwrap();
    let manifest = two.read("envtool.toml");
    let fix = two.envtool(&["doctor", "--fix", "--offline"]).run();
    assert_eq!(fix.code, Some(1), "{fix}");
    fix.says(&["good 1.0.0 stays as it is, since it cannot be pinned: ", "--offline", "1 fixed"]);
    assert!(link.exists(), "{fix}");
    assert_eq!(two.read("envtool.toml"), manifest);
    assert_eq!(only(&two, &[])["subject"], json!("good 1.0.0"));
}

#[test]
fn a_pin_names_the_executables_where_some_were_installed() {
    let main = "fn main() { println!(\"built\"); }\n";
    let publish = |sandbox: &Sandbox| {
        let more =
            "[[bin]]\nname = \"wants\"\npath = \"src/bin/wants.rs\"\nrequired-features = [\"extra\"]\n";
        let many = crate::support::tools::bare("many", "1.0.0").feature("extra", &[]);
        let many =
            many.file("src/bin/one.rs", main).file("src/bin/two.rs", main).file("src/bin/wants.rs", main);
        let manifest = format!("{}\n{more}", many.manifest());
        sandbox.registry().publish(&many.file("Cargo.toml", &manifest));
    };
    let sandbox = Sandbox::new();
    publish(&sandbox);
    for (name, arguments, pinned) in [
        ("some", &["install", "many", "--bin", "one"][..], Some("bins = [\"one\"]")),
        ("all", &["install", "many", "--force"], None),
    ] {
        sandbox.project("x").cargo(arguments).in_dir(&sandbox.home()).ok();
        let one = calling(&sandbox, name, "build.sh", "one\n");
        one.envtool(&["doctor", "--fix"]).ok();
        is_healthy(&one);
        assert!(built(&sandbox).is_empty(), "it was built");
        let manifest = one.read("envtool.toml");
        match pinned {
            Some(pinned) => assert!(manifest.contains(pinned), "{manifest}"),
            None => assert!(manifest.contains("many = \"1.0.0\""), "{manifest}"),
        }
        let bins = crate::support::tools::bin(&one);
        assert_eq!(bins, if pinned.is_some() { &["one"][..] } else { &["one", "two"] });
        // A colleague gets the same executables.
        let colleague = Sandbox::new();
        publish(&colleague);
        let theirs = colleague.project("theirs");
        theirs.write("envtool.toml", &manifest).write("envtool.lock", &one.read("envtool.lock"));
        was_built(&theirs.envtool(&["sync", "--locked"]).ok(), "many 1.0.0");
        assert_eq!(crate::support::tools::bin(&theirs), bins);
    }
}

#[test]
fn what_lies_on_path_without_a_record_is_said_where_it_is_a_tool_of_cargo() {
    let sandbox = Sandbox::new();
    let folder = sandbox.outside("by-hand");
    for name in
        ["just", "rg", "cargo-nextest", "cargo-clippy", "cargo-of-the-toolchain", "mine", "cargo-pinned"]
    {
        script(&folder.join(name), "#!/bin/sh\ntouch \"$HOME/was-started\"\n");
    }
    // A proxy is the same file as rustup; a toolchain has a folder of its own.
    script(&folder.join("rustup"), "#!/bin/sh\n");
    fs::hard_link(folder.join("rustup"), folder.join("cargo-proxy")).unwrap();
    let toolchain = sandbox.outside("rustup/toolchains/some/bin");
    fs::rename(folder.join("cargo-of-the-toolchain"), toolchain.join("cargo-of-the-toolchain")).unwrap();
    let path = sandbox.path_after(&toolchain);
    let path =
        std::env::join_paths(std::iter::once(folder.clone()).chain(std::env::split_paths(&path))).unwrap();
    let calls = "cargo install just\njust\nrg\ncargo nextest run\ncargo clippy\ncargo proxy\n\
                 cargo of-the-toolchain\ncargo install mine\ncargo absent\ncargo install absent\ncargo pinned\n";
    let one = sandbox.project("one");
    one.write("Cargo.toml", "[package]\nname = \"mine\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
        .write("src/main.rs", "fn main() {}\n")
        .write("build.sh", calls);
    one.lock().set_up();
    let look = |one: &Project<'_>| -> Vec<Value> {
        // rustup's own is asked for the toolchain, and the one of this test does not answer.
        let output = one.envtool(&["doctor", "--json", "--check", "global-tool"]).env("PATH", &path).run();
        let answer: Value =
            serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}\n{output}"));
        answer["findings"].as_array().unwrap().clone()
    };
    let subjects = |found: &[Value]| -> Vec<String> {
        found.iter().map(|finding| finding["subject"].as_str().unwrap().to_owned()).collect()
    };
    let found = look(&one);
    assert_eq!(subjects(&found), ["cargo-nextest", "cargo-pinned", "just"], "{found:?}");
    for (finding, words) in found.iter().zip([
        ["build.sh:4", "cargo-nextest", "cargo nextest --version", "envtool add cargo-nextest@VERSION"],
        ["build.sh:11", "cargo-pinned", "cargo pinned --version", "envtool add cargo-pinned@VERSION"],
        ["build.sh:1", "just", "just --version", "envtool add just@VERSION"],
    ]) {
        let text = format!("{} {}", finding["message"], finding["remedy"]);
        for word in
            words.into_iter().chain([folder.to_str().unwrap(), "since 20", "this environment was made"])
        {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
    // What is pinned is another check's, and what a record knows is said once.
    one.write("envtool.toml", "[tools]\ncargo-pinned = \"1.0.0\"\n");
    install(&sandbox.home().join(".cargo"), &[Before::new("just")]);
    let found = look(&one);
    assert_eq!(subjects(&found), ["just 1.0.0", "cargo-nextest"], "{found:?}");
    assert!(!sandbox.home().join("was-started").exists(), "a check started a program that it does not know");
}
