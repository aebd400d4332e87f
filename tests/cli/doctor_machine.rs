//! `doctor`, and `run`, on machines that have more, less or something else than the environment: tools that were
//! installed before, shells that were set up otherwise, compilers and libraries that came and went.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::doctor::{
    Before, findings, force, healthy, install, is_healthy, only, publish, script, state,
};
use crate::support::tools::{bare, project, says, tool, was_built};
use crate::support::{Project, Sandbox, skipped, write};

fn subjects(found: &[Value]) -> BTreeSet<String> {
    found.iter().filter_map(|finding| finding["subject"].as_str()).map(str::to_owned).collect()
}

// `run` of what is the machine's.

#[test]
fn run_says_that_a_tool_is_the_machines() {
    let sandbox = Sandbox::new();
    for name in ["just", "cargo-nextest"] {
        sandbox.registry().publish(&tool(name, "1.0.0", "\"built\""));
    }
    let home = sandbox.home().join(".cargo");
    let mut own = Before::new("own");
    own.source = format!("path+file://{}", sandbox.home().join("work/one").display());
    let mut from_git = Before::new("from-git");
    from_git.source = "git+http://127.0.0.1/x#0123456789012345678901234567890123456789".to_owned();
    from_git.text = "#!/bin/sh\nexit 3\n".to_owned();
    install(
        &home,
        &[Before::new("just"), Before::new("cargo-nextest"), Before::new("cargo-add"), own, from_git],
    );
    let one = project(&sandbox, "one", "");
    one.envtool(&["init"]).ok();
    one.envtool(&["sync"]).ok();
    let path = sandbox.path_after(&home.join("bin"));
    let line = |args: &[&str], code: i32| {
        let all: Vec<&str> = ["run", "--"].iter().chain(args).copied().collect();
        let output = one.envtool(&all).env("PATH", &path).run();
        assert_eq!(output.code, Some(code), "{output}");
        assert!(output.stderr.lines().count() <= 1, "{output}");
        output.stderr.trim_end().replace(&home.display().to_string(), "~")
    };
    let said = |called: &str, name: &str, help: &str| {
        format!("warning: `{called}` runs ~/bin/{name}, which is not the environment's (help: {help})")
    };
    assert_eq!(line(&["just", "--all"], 0), said("just", "just", "envtool add just@1.0.0"));
    let nextest = said("cargo nextest", "cargo-nextest", "envtool add cargo-nextest@1.0.0");
    assert_eq!(line(&["cargo", "nextest", "run"], 0), nextest);
    assert_eq!(line(&["cargo", "--quiet", "--color", "always", "nextest"], 0), nextest);
    assert_eq!(line(&["from-git"], 3), said("from-git", "from-git", "envtool doctor"));
    // What cargo's records do not name, what is asked for by its path, cargo's own commands and the project's program.
    let by_path = home.join("bin/just").display().to_string();
    for quiet in [
        ["sh", "-c", "just"].as_slice(),
        &[by_path.as_str()],
        &["cargo", "--version"],
        &["cargo", "add", "--help"],
        &["own"],
    ] {
        assert_eq!(line(quiet, 0), "", "{quiet:?}");
    }
    // A pin that is not installed yet, and one whose executable is gone.
    one.write("envtool.toml", "[tools]\njust = \"1.0.0\"\n");
    let run = || one.envtool(&["run", "--", "just"]).env("PATH", &path).ok();
    let line = format!("`just` runs {by_path}, which is not the environment's (help: envtool sync)");
    run().says(&["envtool.toml has changed", &line]);
    one.envtool(&["sync"]).ok();
    assert_eq!((run().stdout.as_str(), run().stderr.as_str()), ("built\n", ""));
    fs::remove_file(one.path(".envtool/bin/just")).unwrap();
    run().says(&["came or went", &line]);
    // Also where the machine has it from elsewhere than cargo.
    let elsewhere = sandbox.program("just", "#!/bin/sh\n");
    let output = one.envtool(&["run", "--", "just"]).env("PATH", sandbox.path_after(&elsewhere)).ok();
    output.says(&[&elsewhere.display().to_string(), "which is not the environment's"]);
    one.envtool(&["sync"]).ok();
    assert_eq!((run().stdout.as_str(), run().stderr.as_str()), ("built\n", ""));
}

// `outside-path`

#[test]
fn configuration_that_leaves_the_project_is_named_with_its_line() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let one = healthy(&sandbox, "one");
    for name in ["beside", "beside2"] {
        sandbox.project(name).write(
            "Cargo.toml",
            &format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\npath = \"lib.rs\"\n"),
        );
    }
    write(&sandbox.home().join("work/shared.toml"), "");
    write(&one.path("wrapper.sh"), "");
    one.write(
        "member/Cargo.toml",
        "[package]\nname = \"member\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\npath = \"lib.rs\"\n[dependencies]\nbeside2 = { path = \"../../beside2\" }\n",
    )
    .write("member/lib.rs", "");
    let manifest = one.read("Cargo.toml");
    one.write(
        "Cargo.toml",
        &format!("{manifest}\n[patch.crates-io]\nbeside = {{ path = '../beside' }}\n[workspace]\nmembers = [\"member\"]\n"),
    );
    for name in ["beside", "beside2"] {
        write(&sandbox.home().join("work").join(name).join("lib.rs"), "");
    }
    one.cargo(&["metadata", "--format-version", "1"]).ok();
    one.envtool(&["sync"]).ok();
    let check = || {
        let (_, found) = findings(&one, &["--check", "outside-path"]);
        for finding in &found {
            assert_eq!(finding["severity"], json!("info"));
            assert!(finding["message"].as_str().unwrap().contains("another machine does not have it"));
        }
        found
    };
    let line = |of: &str| one.read("Cargo.toml").lines().position(|line| line.contains(of)).unwrap() + 1;
    let patch = format!("Cargo.toml:{}: ../beside", line("'../beside'"));
    let member = "member/Cargo.toml:8: ../../beside2".to_owned();
    assert_eq!(subjects(&check()), BTreeSet::from([patch.clone(), member.clone()]));

    let config = one.read(".cargo/config.toml");
    let entry = config.lines().find(|line| line.contains(".envtool/cargo.toml")).unwrap();
    assert!(config.starts_with("include"), "{config}");
    let more = "\
paths = [\"../beside\", \"member\"]
[build]
rustc-wrapper = \"/opt/cache/sccache\"
rustc-workspace-wrapper = \"./wrapper.sh\"
target-dir = \"/tmp/out\"
[target.x86_64-unknown-none]
linker = \"ld.lld\"
runner = \"../emulator --fast\"
[patch.crates-io]
other = { path = \"../beside\" }
third = { path = \"member\" }
[source.gone]
directory = \"/opt/vendor\"
";
    one.write(".cargo/config.toml", &format!("{config}{more}"));
    let first = config.lines().count() + 1;
    let at = |of: &str| first + more.lines().position(|line| line.contains(of)).unwrap();
    let mut wanted = BTreeSet::from([
        patch,
        member,
        format!(".cargo/config.toml:{first}: paths"),
        format!(".cargo/config.toml:{}: build.rustc-wrapper", at("sccache")),
        format!(".cargo/config.toml:{}: target.x86_64-unknown-none.runner", at("emulator")),
        format!(".cargo/config.toml:{}: patch.crates-io.other.path", at("other")),
    ]);
    assert_eq!(subjects(&check()), wanted);
    // What stands in the user's own configuration is the user's; an include of the project's is not.
    sandbox.configure_cargo("paths = [\"/elsewhere\"]\n");
    one.write(".cargo/config.toml", &config.replace(entry, &entry.replace('[', "[\"../../shared.toml\", ")));
    wanted.retain(|line| line.contains("Cargo.toml"));
    wanted.insert(".cargo/config.toml:1: include".to_owned());
    assert_eq!(subjects(&check()), wanted);
}

// `shadowed`

/// What `doctor --json` finds in a shell of the user's, which ran this first.
fn in_a_shell(project: &Project<'_>, dir: &Path, before: &str) -> Vec<Value> {
    let text = format!(
        "set -e\n{before}\n{:?} doctor --json --check shadowed || true\n",
        env!("CARGO_BIN_EXE_envtool")
    );
    let output =
        project.cargo::<&str>(&[]).in_dir(dir).through(&["bash".into(), "-c".into(), text.into()]).ok();
    let answer: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}\n{output}"));
    answer["findings"].as_array().unwrap().clone()
}

#[test]
fn in_the_users_own_shell_what_comes_before_the_environment_is_named() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    if !sandbox.has_program("bash") {
        return skipped("bash is not installed");
    }
    let one = healthy(&sandbox, "one");
    let two = healthy(&sandbox, "two");
    let other = sandbox.program("cargo-hi", "#!/bin/sh\necho other\n");
    let cargo_bin = sandbox.home().join(".cargo/bin");
    script(&cargo_bin.join("cargo-hi"), "#!/bin/sh\necho home\n");
    let activate = ". .envtool/bin/activate";
    let none = |before: &str| {
        let found = in_a_shell(&one, one.dir(), before);
        assert!(found.is_empty(), "{before}: {found:?}");
    };
    // As it should be: before it is activated, activated, in a script that such a shell starts, and taken back.
    none("");
    none(&format!("PATH={}:$PATH", other.display()));
    none(&format!("{activate}; test \"$(cargo-hi) $(cargo hi)\" = 'hi hi'"));
    script(&one.path("build.sh"), "#!/bin/sh\ntest \"$(cargo-hi) $(cargo hi)\" = 'hi hi'\n");
    none(&format!("{activate}; ./build.sh"));
    none(&format!("{activate}; deactivate"));
    // Something came before it.
    let before = format!("{activate}; PATH={}:$PATH; hash -r; test \"$(cargo-hi)\" = other", other.display());
    let found = in_a_shell(&one, one.dir(), &before);
    assert_eq!(subjects(&found), BTreeSet::from(["cargo-hi".to_owned()]), "{found:?}");
    assert!(found[0]["message"].as_str().unwrap().contains(&other.display().to_string()), "{found:?}");
    assert!(found[0]["remedy"].as_str().unwrap().contains("activate again"), "{found:?}");
    let found = in_a_shell(
        &one,
        one.dir(),
        &format!("{activate}; PATH=$(dirname $(command -v cargo)):/usr/bin:/bin"),
    );
    assert_eq!(subjects(&found), BTreeSet::from(["cargo-hi".to_owned()]), "{found:?}");
    // cargo looks in its home first where that is not on PATH; the name alone is right.
    let before = format!(
        "{activate}; PATH=$PWD/.envtool/bin:$(dirname $(command -v cargo)):/usr/bin:/bin; test \"$(cargo-hi) $(cargo hi)\" = 'hi home'"
    );
    let found = in_a_shell(&one, one.dir(), &before);
    assert_eq!(subjects(&found), BTreeSet::from(["cargo hi".to_owned()]), "{found:?}");
    assert!(found[0]["message"].as_str().unwrap().contains(&cargo_bin.display().to_string()), "{found:?}");
    // Reached through a link, it is the same environment.
    std::os::unix::fs::symlink(one.dir(), sandbox.home().join("link")).unwrap();
    let found = in_a_shell(&one, &sandbox.home().join("link"), activate);
    assert!(found.is_empty(), "{found:?}");
    // Where another environment is active, its tools are what the shell runs, and `run` still means this one.
    let second = format!("cd {}; {activate}; cd {}", two.dir().display(), one.dir().display());
    none(&second);
    none(&format!("{second}; PATH={}:$PATH", other.display()));
}

// `modified`

#[test]
fn what_was_written_through_a_hard_link_is_found_in_both_places() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let linked = |name: &str| {
        let project = healthy(&sandbox, name);
        project.write("envtool.toml", "[env]\nlink = \"hardlink\"\n[tools]\ncargo-hi = \"1.0.0\"\n");
        fs::remove_dir_all(project.path(".envtool")).unwrap();
        project.envtool(&["sync"]).ok();
        is_healthy(&project);
        project
    };
    let (one, two) = (linked("one"), linked("two"));
    let file = ".envtool/vendor/alpha-1.0.0/src/lib.rs";
    let inode = |project: &Project<'_>| {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(project.path(file)).unwrap().ino()
    };
    if inode(&one) != inode(&two) {
        return skipped("this file system has no hard links");
    }
    let good = one.read(file);
    force(&one.path(file), "pub fn id() -> &'static str { \"ALPHA 1.0.0\" }\n");
    assert_ne!(two.read(file), good, "the store and the other environment have it too");
    let before = state(&one);
    let (_, found) = findings(&one, &[]);
    assert!(
        found.iter().any(|finding| finding["check"] == "modified" && finding["subject"] == "alpha 1.0.0"),
        "{found:?}"
    );
    one.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&one);
    assert_eq!(one.read(file), good);
    assert_eq!(one.run_isolated(), "alpha 1.0.0 beta 1.0.0\n");
    one.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(before, state(&one), "undo left something else");
    one.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&one);
    // The other environment's file is still the bad one, and the store's is not.
    assert_eq!(only(&two, &[])["check"], json!("modified"));
    two.envtool(&["doctor", "--fix"]).ok();
    is_healthy(&two);
    assert_eq!(two.read(file), good);
}

// `broken-executable`

#[test]
fn a_script_whose_interpreter_is_the_environments_is_not_broken() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let one = healthy(&sandbox, "one");
    let mine = one.path(".envtool/bin/mine");
    script(&mine, "#!/usr/bin/env cargo-hi\n");
    assert!(findings(&one, &["--check", "broken-executable"]).1.is_empty());
    script(&mine, "#!/usr/bin/env cargo-no\n");
    assert_eq!(only(&one, &["--check", "broken-executable"])["subject"], json!("mine"));
}

// `toolchain`

#[test]
fn an_old_cargo_that_the_project_selects_is_named() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let one = healthy(&sandbox, "one");
    // As rustup's proxy: which cargo it is depends on the folder, and unless told otherwise it installs what is missing.
    let installs = sandbox.home().join("installs");
    let proxy = sandbox.program(
        "cargo",
        &format!(
            "#!/bin/sh\n[ \"$RUSTUP_AUTO_INSTALL\" = 0 ] || echo \"$@\" >> {}\nif [ -f rust-toolchain.toml ]; then for arg; do case \"$arg\" in\n-V|--version|-vV|-Vv) printf 'cargo 1.80.0 (376290515 2024-07-16)\\nrelease: 1.80.0\\n'; exit 0;;\nesac; done; fi\nexec {} \"$@\"\n",
            installs.display(),
            sandbox.which("cargo").display()
        ),
    );
    let path = sandbox.path_after(&proxy);
    let dir = one.dir().display().to_string();
    // Asked from outside of the project, it is still the project's that counts.
    let look = || {
        let call = sandbox.envtool(&["--directory", &dir, "doctor", "--json"], &sandbox.home());
        let output = call.env("PATH", &path).env("RUSTUP_AUTO_INSTALL", "1").run();
        let answer: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}\n{output}"));
        answer["findings"].as_array().unwrap().clone()
    };
    assert!(look().is_empty());
    one.write("rust-toolchain.toml", "[toolchain]\nchannel = \"1.80.0\"\n");
    let found = look();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (&found[0]["check"], &found[0]["severity"], &found[0]["subject"]),
        (&json!("toolchain"), &json!("warning"), &json!("cargo 1.80.0"))
    );
    assert!(found[0]["message"].as_str().unwrap().contains("1.94"), "{found:?}");
    assert!(found[0]["remedy"].as_str().unwrap().contains("rust-toolchain.toml"), "{found:?}");
    assert!(!installs.exists(), "whoever only looks installs no toolchain");
    let quick = one.envtool(&["doctor", "--quick"]).env("PATH", &path).ok();
    assert_eq!(quick.stderr.trim(), "nothing is wrong", "a quick look starts no cargo");
    // Without crates there is nothing to isolate.
    let two = project(&sandbox, "two", "cargo-hi = \"1.0.0\"\n");
    two.envtool(&["init"]).ok();
    two.envtool(&["sync"]).ok();
    two.write("rust-toolchain.toml", "[toolchain]\nchannel = \"1.80.0\"\n");
    let output = two.envtool(&["doctor"]).env("PATH", &path).ok();
    assert_eq!(output.stderr.trim(), "nothing is wrong", "{output}");
}

#[test]
fn an_environment_of_another_platform_is_made_for_this_one() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let one = healthy(&sandbox, "one");
    let here = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let record = one.read(".envtool/env.toml");
    one.write(".envtool/env.toml", &record.replace(&here, "pdp11-unix"));
    let finding = only(&one, &["--quick"]);
    assert_eq!((&finding["check"], &finding["severity"]), (&json!("toolchain"), &json!("warning")));
    for word in ["pdp11-unix", &here] {
        assert!(finding["message"].as_str().unwrap().contains(word), "{finding}");
    }
    let output = one.envtool(&["doctor", "--fix"]).ok();
    assert!(output.stderr.contains("Installed cargo-hi 1.0.0 from the store"), "{output}");
    is_healthy(&one);
    assert!(one.read(".envtool/env.toml").contains(&here));
    one.write(".envtool/env.toml", &record.replace(&here, "pdp11-unix"));
    one.write("envtool.toml", &(one.read("envtool.toml") + "\n# changed\n"));
    one.envtool(&["sync"]).ok();
    is_healthy(&one);
}

// `broken-executable`

#[test]
fn a_shared_library_that_is_gone_is_named_and_the_tool_is_built_with_what_is_there() {
    let sandbox = Sandbox::new();
    if !cfg!(target_os = "linux") || !sandbox.has_program("cc") {
        return skipped("there is no C compiler, or no ELF");
    }
    let folder = sandbox.outside("lib");
    let library = |version: u8| {
        write(&folder.join("probe.c"), &format!("int probe(void) {{ return {version}; }}\n"));
        let name = format!("libprobe.so.{version}");
        let soname = format!("-Wl,-soname,{name}");
        sandbox.call("cc", &["-shared", "-fPIC", &soname, "-o", &name, "probe.c"], &folder).ok();
        fs::remove_file(folder.join("libprobe.so")).unwrap_or_default();
        std::os::unix::fs::symlink(&name, folder.join("libprobe.so")).unwrap();
        folder.join(name)
    };
    let main =
        "extern \"C\" { fn probe() -> i32; }\nfn main() { println!(\"probe {}\", unsafe { probe() }); }\n";
    let build = format!(
        "fn main() {{ println!(\"cargo:rustc-link-search=native={0}\\ncargo:rustc-link-lib=dylib=probe\\ncargo:rustc-link-arg=-Wl,-rpath,{0}\"); }}\n",
        folder.display()
    );
    sandbox.registry().publish(&bare("prober", "1.0.0").file("src/main.rs", main).build_script(&build));
    let first = library(1);
    let one = project(&sandbox, "one", "prober = \"1.0.0\"\n");
    one.envtool(&["init"]).ok();
    one.envtool(&["sync"]).ok();
    assert_eq!(says(&one, "prober"), "probe 1");
    is_healthy(&one);
    // It is gone, and there is no other: that is said, and what is there stays.
    fs::remove_file(&first).unwrap();
    let finding = only(&one, &[]);
    assert_eq!(
        (&finding["check"], &finding["severity"], &finding["subject"]),
        (&json!("broken-executable"), &json!("error"), &json!("prober 1.0.0 (prober)"))
    );
    assert!(finding["message"].as_str().unwrap().contains("libprobe.so.1 is gone"), "{finding}");
    assert_ne!(one.envtool(&["run", "--", "prober"]).run().code, Some(0), "it does start");
    let before = state(&one);
    let fix = one.envtool(&["doctor", "--fix"]).run();
    assert_eq!(fix.code, Some(1), "{fix}");
    assert_eq!(before, state(&one), "{fix}");
    // As after an upgrade of the system.
    library(2);
    let fix = one.envtool(&["doctor", "--fix"]).ok();
    was_built(&fix, "prober 1.0.0");
    assert_eq!(says(&one, "prober"), "probe 2");
    is_healthy(&one);
}

// `global-tool`

/// A file of each service that calls `NAME-tool`, and the line that does.
const CALLING: &[(&str, &str, usize)] = &[
    (
        ".pre-commit-config.yaml",
        "repos:\n  - repo: local\n    hooks:\n      - id: a\n        language: system\n        entry: NAME fmt\n",
        6,
    ),
    (".gitlab-ci.yml", "test:\n  script:\n    - NAME test\n", 3),
    (
        ".github/workflows/ci.yml",
        "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: |\n          NAME test\n",
        7,
    ),
    (".gitea/workflows/ci.yml", "jobs:\n  a:\n    steps:\n      - run: NAME test\n", 4),
    (".forgejo/workflows/ci.yml", "jobs:\n  a:\n    steps:\n      - run: NAME test\n", 4),
    (
        ".github/actions/x/action.yml",
        "runs:\n  using: composite\n  steps:\n    - run: NAME test\n      shell: bash\n",
        4,
    ),
    (".circleci/config.yml", "jobs:\n  a:\n    steps:\n      - run: NAME test\n", 4),
    (".woodpecker/ci.yml", "steps:\n  - name: a\n    commands:\n      - NAME test\n", 4),
    ("azure-pipelines.yml", "steps:\n  - script: NAME test\n", 2),
    (".travis.yml", "script:\n  - NAME test\n", 2),
    (".cirrus.yml", "task:\n  test_script: NAME test\n", 2),
    ("Taskfile.yml", "tasks:\n  a:\n    cmds:\n      - NAME test\n", 4),
    ("lefthook.yml", "pre-commit:\n  commands:\n    a:\n      run: NAME test\n", 4),
    ("Dockerfile", "FROM x\nRUN NAME test\n", 2),
    ("Makefile.toml", "[tasks.a]\ncommand = \"NAME\"\n", 2),
    ("bacon.toml", "[jobs.a]\ncommand = [\"NAME\", \"test\"]\n", 2),
    (".envrc", "NAME test\n", 1),
    (".husky/pre-commit", "NAME test\n", 1),
    ("scripts/run", "#!/bin/sh\n\nNAME test\n", 3),
    ("scripts/run.py", "import subprocess\nsubprocess.run([\"NAME\", \"test\"])\n", 2),
    ("tests/benchmarks/run.sh", "NAME test\n", 1),
];

#[test]
fn every_kind_of_file_that_calls_a_tool_is_looked_into() {
    let sandbox = Sandbox::new();
    let names: Vec<String> = (0..CALLING.len()).map(|at| format!("tool-{at}")).collect();
    install(&sandbox.home().join(".cargo"), &names.iter().map(|name| Before::new(name)).collect::<Vec<_>>());
    let one = project(&sandbox, "one", "");
    one.envtool(&["init"]).ok();
    one.envtool(&["sync"]).ok();
    for (name, (file, text, _)) in names.iter().zip(CALLING) {
        one.write(file, &text.replace("NAME", name));
    }
    let (output, found) = findings(&one, &["--check", "global-tool"]);
    for (name, (file, _, line)) in names.iter().zip(CALLING) {
        let place = format!("{file}:{line} calls it");
        let is_it = |finding: &&Value| finding["subject"] == json!(format!("{name} 1.0.0"));
        let finding = found.iter().find(is_it).unwrap_or_else(|| panic!("{file} calls {name}\n{output}"));
        assert!(finding["message"].as_str().unwrap().starts_with(&place), "{place}: {finding}");
    }
    assert_eq!(found.len(), CALLING.len(), "{output}");
}

/// What looks like a call and is none: a file, and the line in it.
const NO_CALLS: &[(&str, &[&str])] = &[
    (
        "a comment",
        &[
            "scripts/build.sh:# just build",
            "justfile:# just build",
            "Makefile:# just build",
            "Dockerfile:# RUN just build",
            ".github/workflows/ci.yml:      # - run: just build",
        ],
    ),
    (
        "a quoted string",
        &[
            "scripts/build.sh:echo \"just build\"",
            "scripts/build.sh:say=\"cargo nextest run\"",
            "justfile:    @echo 'bat'",
            ".gitlab-ci.yml:    - echo \"just build\"",
            "scripts/build.sh:git commit -m 'just build' && git add just",
        ],
    ),
    (
        "a builtin of the shell",
        &[
            "scripts/build.sh:echo just nextest",
            "scripts/build.sh:test -f just && [ -d bat ] && [[ fd == rg ]]",
            "scripts/build.sh:printf 'run bat %s\\n' \"$x\" # rg",
            "Makefile:\t@echo just",
        ],
    ),
    (
        "prose",
        &[
            "README.md:Run `just build`, or just read on: bat and rg help.",
            "README.md:    just build",
            "scripts/notes.txt:just build",
        ],
    ),
    (
        "a script of npm",
        &[
            "scripts/build.sh:npm run just; npx rg; yarn bat; pnpm exec fd",
            "package.json:    \"just\": \"npm run rg\",",
            "package.json:    \"rg\": \"node just.js && yarn bat && npx fd\",",
        ],
    ),
    (
        "a module of Python",
        &[
            "scripts/build.sh:python3 -m just build",
            "scripts/build.py:import just",
            "scripts/build.py:just.build()",
            "justfile:    just build",
        ],
    ),
    (
        "a heredoc",
        &[
            "scripts/build.sh:just build",
            "scripts/build.sh:$(just build)",
            "scripts/build.sh:`rg x`",
            "Dockerfile:RUN just build",
        ],
    ),
    (
        "a function or an alias of the file's own",
        &["scripts/build.sh:just all", "scripts/build.sh:bat file", "scripts/build.sh:rg x"],
    ),
    (
        "a program of the project's own or of another machine",
        &[
            "scripts/build.sh:./just x; /usr/bin/rg y; target/debug/bat; ../fd",
            "scripts/build.sh:ssh host just build",
            "scripts/build.sh:docker run image just build",
        ],
    ),
    (
        "a name of something else",
        &[
            "scripts/build.sh:for just in bat fd rg; do true; done",
            "scripts/build.sh:cd just; export just=1; unset bat",
            "scripts/build.sh:cargo uninstall just; cargo add bat; cargo search ripgrep; cargo install --path just",
            "Makefile:.PHONY: just bat rg",
            "justfile:alias rg := nextest",
            ".cargo/config.toml:rg = \"nextest bat\"",
        ],
    ),
];

#[test]
fn forty_lines_that_look_like_calls_are_none() {
    let sandbox = Sandbox::new();
    // The builtins are tools too: uutils installs programs of those names.
    let names =
        ["just", "bat", "rg", "fd", "cargo-nextest", "nextest", "ripgrep", "echo", "test", "printf", "cd"];
    install(&sandbox.home().join(".cargo"), &names.map(Before::new));
    let one = project(&sandbox, "one", "");
    one.envtool(&["init"]).ok();
    one.envtool(&["sync"]).ok();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/calls/none");
    sandbox.call("cp", &["-r", &format!("{}/.", fixture.display()), "."], one.dir()).ok();
    let mut lines = 0;
    for (what, places) in NO_CALLS {
        assert!(places.len() >= 3, "{what}");
        for place in *places {
            let (file, line) = place.split_once(':').unwrap();
            assert!(one.read(file).lines().any(|there| there == line), "{what}: {file} has no line {line:?}");
            lines += 1;
        }
    }
    assert!(lines >= 40, "{lines}");
    let (output, found) = findings(&one, &["--check", "global-tool"]);
    assert!(found.is_empty(), "{output}");
}

// `tracked`

fn tracked(project: &Project<'_>) -> BTreeSet<String> {
    let (_, found) = findings(project, &["--check", "tracked"]);
    assert!(found.iter().all(|finding| finding["severity"] == "warning"));
    subjects(&found)
}

#[test]
fn what_git_has_and_has_not_is_asked_of_git() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let one = healthy(&sandbox, "one");
    let is =
        |wanted: &[&str]| assert_eq!(tracked(&one), wanted.iter().map(|&name| name.to_owned()).collect());
    let git = |args: &[&str]| sandbox.git(one.dir(), args);
    // No repository.
    one.write(".gitignore", "envtool.lock\nCargo.lock\n");
    is(&[]);
    // The locks are ignored, by the project, by the user, and not where they are committed all the same.
    git(&["init", "--quiet"]);
    is(&["Cargo.lock", "envtool.lock"]);
    one.write(".gitignore", "target/\n");
    is(&[]);
    write(&sandbox.home().join(".config/git/ignore"), "*.lock\n");
    is(&["Cargo.lock", "envtool.lock"]);
    git(&["add", "--force", "Cargo.lock", "envtool.lock"]);
    is(&[]);
    git(&["commit", "--quiet", "-m", "locks"]);
    is(&[]);
    // The environment is committed; what the remedy says helps.
    git(&["add", "--force", ".envtool"]);
    git(&["commit", "--quiet", "-m", "environment"]);
    is(&[".envtool"]);
    let (_, found) = findings(&one, &["--check", "tracked"]);
    let words =
        found[0]["remedy"].as_str().unwrap().trim_matches('`').replace("git commit", "git commit -qm gone");
    sandbox.call("sh", &["-c", &words], one.dir()).ok();
    is(&[]);
    assert!(one.has(".envtool/env.toml"));
    // Credentials, with git and without one.
    one.write(".envtool/credentials.toml", "");
    is(&[".envtool/credentials.toml"]);
    let output = one.envtool(&["doctor", "--check", "tracked"]).env("PATH", sandbox.empty()).run();
    assert_eq!(output.stdout.matches("  tracked: ").count(), 1, "{output}");
    fs::remove_file(one.path(".envtool/credentials.toml")).unwrap();
    git(&["add", "--force", ".envtool"]);
    let output = one.envtool(&["doctor", "--check", "tracked"]).env("PATH", sandbox.empty()).ok();
    assert_eq!(
        (output.stdout.as_str(), output.stderr.trim()),
        ("", "nothing is wrong"),
        "without git it is silent"
    );
    is(&[".envtool"]);
}

#[test]
fn a_project_in_a_folder_of_a_repository_is_asked_about_as_such() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let one = healthy(&sandbox, "repo/one");
    let repo: PathBuf = sandbox.home().join("work/repo");
    sandbox.git(&repo, &["init", "--quiet"]);
    // A repository's own settings start nothing.
    let hook = sandbox.program("hook", "#!/bin/sh\ntouch \"$HOME/ran\"\n").join("hook");
    sandbox.git(&repo, &["config", "core.fsmonitor", &hook.display().to_string()]);
    write(&repo.join(".gitignore"), "one/envtool.lock\n");
    write(&repo.join(".envtool/x"), "");
    sandbox.git(&repo, &["-c", "core.fsmonitor=false", "add", "--force", ".envtool/x"]);
    assert_eq!(tracked(&one), BTreeSet::from(["envtool.lock".to_owned()]));
    assert!(!sandbox.home().join("ran").exists());
    sandbox.git(&repo, &["-c", "core.fsmonitor=false", "add", "--force", "one/.envtool/env.toml"]);
    assert_eq!(tracked(&one), BTreeSet::from([".envtool".to_owned(), "envtool.lock".to_owned()]));
}
