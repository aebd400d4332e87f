//! `tree` and `why`: what depends on what, from the locks alone.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::tools::{lock, row, tool};
use crate::support::{Dep, Project, Sandbox, saying, telling, tree};

/// `app` asks for `alpha` and `beta`; both need `deep`, `alpha` an older one. `alpha` tests itself with `beta`. A tool
/// that ships no lock and needs `deep`, one that ships one, one from PyPI, and modules that need each other.
fn ready(sandbox: &Sandbox) -> Project<'_> {
    let registry = sandbox.registry();
    for version in ["1.0.0", "2.0.0"] {
        registry.publish(&telling("deep", version).dep(Dep::new("deeper", "1")));
    }
    registry.publish(&telling("deeper", "1.0.0"));
    registry.publish(&telling("alpha", "1.0.0").dep(Dep::new("deep", "1")));
    registry.publish(&telling("beta", "1.0.0").dep(Dep::new("deep", "2")).dep(Dep::new("deeper", "1")));
    registry.publish(&tool("saw", "1.0.0", "deep::id()").dep(Dep::new("deep", "1")));
    let deeper = telling("deeper", "1.0.0");
    let shipped = lock(("axe", "1.0.0"), "\"deeper\"", &row(&deeper, ""));
    registry.publish(
        &tool("axe", "1.0.0", "deeper::id()").dep(Dep::new("deeper", "1")).file("Cargo.lock", &shipped),
    );
    let pypi = sandbox.pypi();
    pypi.publish(&saying("one", "1.0").requires("two").requires("win ; sys_platform == 'win32'"));
    pypi.publish(&saying("two", "1.0").requires("one"));
    pypi.publish(&saying("win", "1.0"));
    pypi.publish(
        &saying("lint", "1.0")
            .module("lint_cli", "def main(): pass\n")
            .requires("two")
            .entry_point("lint", "lint_cli:main"),
    );
    drop((registry, pypi));
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\nbeta = \"1\"\n", "").lock();
    project.write(
        "envtool.toml",
        "[tools]\nsaw = \"1.0.0\"\naxe = \"1.0.0\"\n\"pypi:lint\" = \"1.0\"\n[modules]\none = \"1.0\"\n",
    );
    project.envtool(&["sync"]).ok();
    project
}

/// The same files as somebody else has them who never synced: no environment, no network, no cargo, no store.
fn cloned<'a>(sandbox: &'a Sandbox, project: &Project<'_>) -> Project<'a> {
    let clone = sandbox.project("clone");
    for file in ["Cargo.toml", "Cargo.lock", "envtool.toml", "envtool.lock"] {
        clone.write(file, &project.read(file));
    }
    sandbox.cut_network();
    clone
}

#[test]
fn a_clone_that_was_never_synced_is_drawn_and_asked_why() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let clone = cloned(&sandbox, &project);
    let before = sandbox.fingerprint();
    let ask = |args: &[&str]| {
        let output =
            clone.envtool(args).env("PATH", sandbox.empty()).env("ENVTOOL_CACHE_DIR", sandbox.empty()).ok();
        assert_eq!(output.stderr, "", "{output}");
        output.stdout
    };
    insta::assert_snapshot!(ask(&["tree"]), @r"
    crates
    app 0.1.0
    ├── alpha 1.0.0
    │   └── deep 1.0.0
    │       └── deeper 1.0.0
    └── beta 1.0.0
        ├── deep 2.0.0
        │   └── deeper 1.0.0
        └── deeper 1.0.0

    tools
    axe 1.0.0
    saw 1.0.0
    └── deep 1.0.0
        └── deeper 1.0.0
    lint 1.0
    └── two 1.0
        └── one 1.0
            ├── two 1.0 (*)
            └── win 1.0 (where sys_platform == 'win32')

    modules
    one 1.0
    ├── two 1.0
    │   └── one 1.0 (*)
    └── win 1.0 (where sys_platform == 'win32')
    ");
    // From one package on, and so many steps.
    insta::assert_snapshot!(ask(&["tree", "deep"]), @r"
    crates
    deep 1.0.0
    └── deeper 1.0.0
    deep 2.0.0
    └── deeper 1.0.0

    tools
    deep 1.0.0
    └── deeper 1.0.0
    ");
    assert_eq!(ask(&["tree", "deep@2", "--depth", "0"]), "crates\ndeep 2.0.0\n");
    assert_eq!(
        ask(&["tree", "cargo:app", "--depth", "1"]),
        "crates\napp 0.1.0\n├── alpha 1.0.0\n└── beta 1.0.0\n"
    );
    // Why: each of several versions for itself, and a Python package by its bare name.
    insta::assert_snapshot!(ask(&["why", "deeper"]), @r"
    deeper 1.0.0 (crate)
    app 0.1.0
    ├── beta 1.0.0
    │   └── deeper 1.0.0
    └── alpha 1.0.0
        └── deep 1.0.0
            └── deeper 1.0.0

    deeper 1.0.0 (tool)
    saw 1.0.0
    └── deep 1.0.0
        └── deeper 1.0.0
    ");
    insta::assert_snapshot!(ask(&["why", "deep@2.0.0"]), @r"
    deep 2.0.0 (crate)
    app 0.1.0
    └── beta 1.0.0
        └── deep 2.0.0
    ");
    insta::assert_snapshot!(ask(&["why", "win"]), @r"
    win 1.0 (where sys_platform == 'win32') (tool)
    lint 1.0
    └── two 1.0
        └── one 1.0
            └── win 1.0 (where sys_platform == 'win32')

    win 1.0 (where sys_platform == 'win32') (module)
    one 1.0
    └── win 1.0 (where sys_platform == 'win32')
    ");
    assert_eq!(ask(&["why", "axe"]), "axe 1.0.0: pinned as a tool\n");
    assert_eq!(ask(&["why", "app"]), "app 0.1.0: a package of the project itself\n");
    assert_eq!(ask(&["why", "pypi:One@>=1"]).lines().next(), Some("one 1.0 (tool)"));
    assert_eq!(sandbox.fingerprint(), before);
    // What is not there.
    for (name, help) in [
        ("depe", "did you mean deep?"),
        ("deep@3", "there is deep 1.0.0 and 2.0.0"),
        ("pypi:alpha", "there is alpha 1.0.0"),
        ("elephant", "`envtool tree` shows all"),
    ] {
        for verb in ["why", "tree"] {
            clone.envtool(&[verb, name]).refused(1).says(&["nothing in the lock is", help]);
        }
    }
    for name in ["", "../x", "a b", "\u{1b}[31mx", "npm:x", "x@y"] {
        clone.envtool(&["why", name]).refused(2);
    }
}

#[test]
fn json_holds_what_the_readme_says() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let ask = |args: &[&str]| -> Value {
        serde_json::from_str(&project.envtool(&[args, &["--json"]].concat()).ok().stdout).unwrap()
    };
    let all = ask(&["tree"]);
    let trees = all["trees"].as_array().unwrap();
    let kinds: Vec<&str> = trees.iter().map(|tree| tree["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["crate", "tool", "tool", "tool", "module"]);
    for tree in trees {
        let packages = tree["packages"].as_array().unwrap();
        let places = |value: &Value| {
            value.as_array().unwrap().iter().all(|n| n.as_u64().unwrap() < packages.len() as u64)
        };
        assert!(
            places(&tree["roots"]) && packages.iter().all(|package| places(&package["dependencies"])),
            "{tree:#}"
        );
    }
    let one = ask(&["tree", "deep@2"]);
    let package = |name: &str, version: &str, below: &Value| json!({"name": name, "version": version, "registry": "cargo", "kind": "crate", "source": null, "marker": null, "dependencies": below});
    assert_eq!(
        one,
        json!({"trees": [{"kind": "crate", "roots": [0], "packages": [
            package("deep", "2.0.0", &json!([1])),
            package("deeper", "1.0.0", &json!([])),
        ]}]})
    );
    let why = ask(&["why", "deep@2"]);
    let way = &why["packages"][0]["ways"][0];
    assert_eq!((&why["packages"][0]["version"], &why["packages"][0]["more"]), (&json!("2.0.0"), &json!(0)));
    let names: Vec<&str> = way.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["app", "beta", "deep"]);
    assert_eq!((&way[0]["registry"], &way[0]["kind"]), (&json!(null), &json!("own")));
    assert_eq!(ask(&["why", "win"])["packages"][0]["marker"], "sys_platform == 'win32'");
}

/// A lock that a stranger sent.
#[test]
fn a_hostile_lock_is_shown_without_what_a_terminal_obeys() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("app");
    project.app("", "");
    let commit = "0123456789abcdef0123456789abcdef01234567";
    project.write("envtool.toml", "[env]\n").write(
        "Cargo.lock",
        &format!(
            "version = 4\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\"evil\", \"nobody 1.0.0\", \"app\"]\n\
             [[package]]\nname = \"evil\"\nversion = \"1.0.0\"\nsource = \"git+http://x.invalid/\\u001b[2Jx\\nforged 1.0.0?branch=%0Aa#{commit}\"\ndependencies = [\"evil\"]\n"
        ),
    );
    for args in [&["tree"][..], &["why", "evil"], &["tree", "evil"]] {
        let output = project.envtool(args).ok();
        assert!(
            !output.stdout.contains('\u{1b}') && output.stdout.contains("\\u{1b}[2Jx\\nforged"),
            "{output}"
        );
        assert!(output.stdout.lines().all(|line| !line.starts_with("forged") && !line.starts_with('a') || line.starts_with("app ")), "{output}");
    }
    let mut deep = String::new();
    for n in 0..20_000 {
        deep.push_str(&format!("[[package]]\nname = \"n{n}\"\nversion = \"1.0.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\ndependencies = [\"n{}\"]\n", (n + 1) % 20_000));
    }
    project.write(
        "Cargo.lock",
        &format!(
            "version = 4\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\"n0\"]\n{deep}"
        ),
    );
    let begun = Instant::now();
    assert_eq!(project.envtool(&["tree"]).ok().stdout.lines().count(), 102);
    project.envtool(&["why", "n19999"]).ok();
    assert!(begun.elapsed() < Duration::from_secs(20), "looking rows up takes {:?}", begun.elapsed());
    for broken in [
        "",
        "version = 9",
        "<<<<<<< ours\n",
        "not toml",
        "[[package]]\nname = \"../x\"\nversion = \"1.0.0\"\n",
    ] {
        project.write("Cargo.lock", broken);
        for verb in [&["tree"][..], &["why", "x"]] {
            project.envtool(verb).refused(1).says(&["Cargo.lock"]);
        }
    }
}

#[test]
fn without_a_lock_it_says_how_to_make_one() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("app");
    project.envtool(&["tree"]).refused(1).says(&["envtool init"]);
    project.write("envtool.toml", "[env]\n");
    let output = project.envtool(&["tree"]).ok();
    assert_eq!(output.stdout, "");
    output.says(&["nothing is locked"]);
    project.write("envtool.toml", "[tools]\nx = \"1.0.0\"\n");
    project.envtool(&["tree"]).refused(1).says(&["there is no", "envtool.lock", "help: `envtool sync`"]);
    project.app("", "");
    project.envtool(&["why", "x"]).refused(1).says(&["there is no", "Cargo.lock", "`envtool sync`"]);
    project.lock();
    let output = project.envtool(&["tree"]).ok();
    output.says(&["warning: there is no", "envtool.lock"]);
    assert_eq!(output.stdout, "crates\napp 0.1.0\n");
    assert_eq!(tree(&project.path("")).matches(".envtool").count(), 0);
}
