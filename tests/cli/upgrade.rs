//! `upgrade`: pins move to newer releases, all of them or none.

use serde_json::{Value, json};

use crate::support::tools::{says, tool};
use crate::support::{Dep, Fault, Project, Sandbox, saying, telling, wheel};

/// Releases of crates, a tool and Python packages.
fn publish(sandbox: &Sandbox) {
    let registry = sandbox.registry();
    for version in ["1.0.0", "1.2.0", "2.0.0"] {
        registry.publish(&telling("alpha", version));
        registry.publish(&tool("saw", version, &format!("\"saw {version}\"")));
    }
    for version in ["1.0.0", "1.0.5", "1.1.0", "2.3.0"] {
        registry.publish(&telling("beta", version).dep(Dep::new("deep", "1")));
    }
    for version in ["1.0.0", "1.0.1"] {
        registry.publish(&telling("deep", version));
    }
    let pypi = sandbox.pypi();
    for version in ["1.0", "1.1", "2.0"] {
        pypi.publish(&saying("one", version).requires("two"));
        pypi.publish(
            &saying("lint", version)
                .module("cli", &format!("def main(): print('lint {version}')\n"))
                .entry_point("lint", "cli:main"),
        );
    }
    pypi.publish(&saying("two", "1.0"));
}

/// `app` with an exact pin, a requirement, a tool, one from PyPI and a module, all at their oldest; synced.
fn ready(sandbox: &Sandbox) -> Project<'_> {
    publish(sandbox);
    let project = sandbox.project("app");
    project
        .app("alpha = \"=1.0.0\" # why\nbeta = \"~1.0\"\n", "println!(\"{} {}\", alpha::id(), beta::id());")
        .lock();
    project.cargo(&["update", "beta", "--precise", "1.0.0"]).ok();
    project.cargo(&["update", "deep", "--precise", "1.0.0"]).ok();
    project.write(
        "envtool.toml",
        "[tools] # mine\nsaw = \"1.0.0\"\n\"pypi:lint\" = \"1.0\"\n[modules]\none = \"1.0\"\n",
    );
    project.set_up();
    project
}

fn locked(project: &Project<'_>, name: &str) -> String {
    let lock = project.read("Cargo.lock");
    let row = lock.split("[[package]]").find(|row| row.contains(&format!("name = \"{name}\"\n"))).unwrap();
    row.split("version = \"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// Nothing it can be compared by has changed: manifests, locks, environment.
fn unchanged(sandbox: &Sandbox, act: impl FnOnce()) {
    let before = sandbox.fingerprint();
    act();
    assert_eq!(sandbox.fingerprint(), before);
}

#[test]
fn crate_requirement_tool_and_modules_move_in_one_go() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let lines = [
        "alpha 1.0.0 → 1.2.0 (crate)",
        "beta 1.0.0 → 1.0.5 (crate)",
        "saw 1.0.0 → 1.2.0 (tool)",
        "pypi:lint 1.0 → 1.1 (tool)",
        "pypi:one 1.0 → 1.1 (module)",
    ];
    // Said only: not a byte changes, and the environment of a fresh clone is not made either.
    unchanged(&sandbox, || {
        let output = project.envtool(&["upgrade", "--dry-run"]).ok();
        let mut said: Vec<&str> = output.stdout.lines().collect();
        said.sort_by_key(|line| lines.iter().position(|known| known == line));
        assert_eq!(said, lines, "{output}");
        output.says(&["nothing was changed: this is a dry run (cargo's resolver has the last word"]);
        let json: Value =
            serde_json::from_str(&project.envtool(&["upgrade", "--dry-run", "--json"]).ok().stdout).unwrap();
        assert_eq!(json["moved"].as_array().unwrap().len(), 5);
        assert_eq!(json["dry_run"], true);
    });
    let clone = sandbox.project("clone");
    for file in ["Cargo.toml", "Cargo.lock", "src/main.rs", "envtool.toml", "envtool.lock"] {
        clone.write(file, &project.read(file));
    }
    unchanged(&sandbox, || {
        clone.envtool(&["upgrade", "--dry-run"]).ok();
    });
    // Done.
    let output = project.envtool(&["upgrade"]).ok();
    output.says(&lines).says(&["there are newer releases that are not compatible", "Built saw 1.2.0"]);
    assert_eq!(output.stdout, "");
    let text = project.read("Cargo.toml");
    assert!(text.ends_with("alpha = \"=1.2.0\" # why\nbeta = \"~1.0\"\n"), "{text}");
    assert_eq!(
        (locked(&project, "alpha"), locked(&project, "beta")),
        ("1.2.0".to_owned(), "1.0.5".to_owned())
    );
    // What only they need stays where it is.
    assert_eq!(locked(&project, "deep"), "1.0.0");
    assert_eq!(
        project.read("envtool.toml"),
        "[tools] # mine\nsaw = \"1.2.0\"\n\"pypi:lint\" = \"1.1\"\n[modules]\none = \"1.1\"\n"
    );
    assert_eq!(
        (says(&project, "saw"), says(&project, "lint")),
        ("saw 1.2.0".to_owned(), "lint 1.1".to_owned())
    );
    let line = "import one; print(one.ID)";
    assert_eq!(project.envtool(&["run", "python", "-c", line]).ok().stdout, "one 1.1\n");
    project.envtool(&["sync", "--locked"]).ok().says(&["nothing to do"]);
    // Again there is nothing to do; then one that only others need, and further.
    unchanged(&sandbox, || {
        project
            .envtool(&["upgrade"])
            .ok()
            .says(&["there is nothing newer that matches to move to", "nothing to do"]);
    });
    project.envtool(&["upgrade", "deep"]).ok().says(&["deep 1.0.0 → 1.0.1 (crate)"]);
    assert_eq!(locked(&project, "deep"), "1.0.1");
    project
        .envtool(&["upgrade", "deep"])
        .ok()
        .says(&["deep stays at 1.0.1 (crate): what needs it takes no newer one"]);
    let output = project.envtool(&["upgrade", "--latest", "--exclude", "pypi:lint", "--json"]).ok();
    let json: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(
        json["moved"][0],
        json!({"name": "alpha", "registry": "cargo", "kind": "crate", "from": "1.2.0", "to": "2.0.0"})
    );
    let names: Vec<&str> =
        json["moved"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["alpha", "beta", "saw", "one"]);
    let text = project.read("Cargo.toml");
    assert!(text.ends_with("alpha = \"=2.0.0\" # why\nbeta = \"~2.3\"\n"), "{text}");
    assert!(project.read("envtool.toml").contains("\"pypi:lint\" = \"1.1\""));
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "alpha 2.0.0 beta 2.3.0\n");
}

#[test]
fn only_what_is_named_moves() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let moved = |args: &[&str]| {
        let output = project.envtool(&[&["upgrade", "--dry-run"], args].concat()).ok();
        output
            .stdout
            .lines()
            .map(|line| line.split(' ').next().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(moved(&["alpha"]), "alpha");
    assert_eq!(moved(&["one", "cargo:saw"]), "saw pypi:one");
    assert_eq!(moved(&["--exclude", "beta", "--exclude", "pypi:one", "--exclude", "alpha"]), "saw pypi:lint");
    assert_eq!(moved(&["alpha", "--exclude", "alpha"]), "");
    for (args, code, help) in [
        (&["upgrade", "alhpa"][..], 1, "did you mean alpha?"),
        (&["upgrade", "pypi:oen"], 1, "did you mean one?"),
        (&["upgrade", "--exclude", "elephant"], 1, "`envtool outdated --all`"),
        (
            &["upgrade", "alpha@2"],
            2,
            "`envtool add alpha@2` pins that one; `envtool upgrade alpha` the newest",
        ),
        (&["upgrade", "../x"], 2, "a path dependency is written"),
        (&["upgrade", "--locked"], 1, "run it again without `--locked`"),
        (&["upgrade", "--locked", "beta"], 1, "run it again without `--locked`"),
    ] {
        project.envtool(args).refused(code).says(&[help]);
    }
}

/// Where one cannot move, nothing does, and it is named.
#[test]
fn what_fails_leaves_everything_as_it_was_and_is_named() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    // The next alpha wants another beta than the one that is asked for.
    sandbox.registry().publish(&telling("alpha", "1.9.0").dep(Dep::new("beta", "=1.1.0")));
    let output = project.envtool(&["upgrade"]).refused(1);
    output.says(&["and so nothing was upgraded", "or leave alpha out: `envtool upgrade --exclude alpha`"]);
    project
        .envtool(&["upgrade", "--exclude", "alpha", "--exclude", "saw"])
        .ok()
        .says(&["beta 1.0.0 → 1.0.5"]);
    // A tool that does not build.
    sandbox.registry().publish(&tool("saw", "1.9.0", "nonsense"));
    project.envtool(&["upgrade", "saw"]).refused(1).says(&["could not build saw 1.9.0"]);
    sandbox.registry().publish(&telling("alpha", "1.9.1"));
    project
        .envtool(&["upgrade"])
        .refused(1)
        .says(&["could not upgrade saw", "`envtool upgrade --exclude saw`"]);
    // A registry that does not answer for one.
    sandbox.registry().fault("/al/ph/alpha", Fault::Status(403));
    project.envtool(&["upgrade"]).refused(1).says(&["could not upgrade alpha", "--exclude alpha`"]);
    sandbox.registry().mend();
    project.envtool(&["upgrade", "--exclude", "saw"]).ok().says(&["alpha 1.0.0 → 1.9.1"]);
    sandbox.configure_cargo("[net]\nretry = 0\n");
    sandbox.cut_network();
    project.envtool(&["upgrade", "--offline", "alpha"]).ok().says(&["nothing newer that matches"]);
    project.envtool(&["upgrade", "alpha"]).refused(1);
    project.envtool(&["sync"]).ok().says(&["nothing to do"]);
}

#[test]
fn what_stays_says_why() {
    let sandbox = Sandbox::new();
    let registry = sandbox.registry();
    registry.publish(&telling("old", "1.0.0"));
    registry.publish(&telling("old", "1.1.0").rust_version("1.999"));
    for version in ["1.0.0", "1.5.0", "2.0.0"] {
        registry.publish(&telling("held", version));
        registry.publish(&telling("range", version));
    }
    registry.publish(&telling("holder", "1.0.0").dep(Dep::new("held", "=1.0.0")));
    drop(registry);
    let project = sandbox.project("app");
    project.app("old = \"=1.0.0\"\nheld = \"1\"\nholder = \"1\"\nrange = \">=1, <1.5\"\n", "").lock();
    project.envtool(&["init"]).ok();
    let output = project.envtool(&["upgrade"]).ok();
    output.says(&[
        "old stays at 1.0.0 (crate): 1.1.0 needs Rust 1.999.0",
        "held stays at 1.0.0 (crate): 1.5.0 matches too, and does not go with what else is locked",
    ]);
    let output = project.envtool(&["upgrade", "--latest", "range"]).ok();
    output.says(&["range stays at 1.0.0 (crate): `>=1, <1.5` in Cargo.toml is for you to change"]);
}

/// An exact version in `[workspace.dependencies]`, in a member and for a target moves in each.
#[test]
fn a_workspace_moves_in_every_manifest() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = sandbox.project("ws");
    project.write(
        "Cargo.toml",
        "[workspace]\nresolver = \"2\"\nmembers = [\"one\", \"two\"]\n[workspace.dependencies]\nalpha = { version = \"=1.0.0\" } # shared\n",
    );
    let package = |name: &str, more: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n{more}")
    };
    project
        .write("one/Cargo.toml", &package("one", "[dependencies]\nalpha.workspace = true\n"))
        .write(
            "two/Cargo.toml",
            &package("two", "[target.'cfg(unix)'.dev-dependencies]\nalpha = \"=1.0.0\"\n"),
        )
        .write("one/src/lib.rs", "")
        .write("two/src/lib.rs", "");
    project.lock();
    project.envtool(&["init"]).ok();
    let output = project.envtool(&["upgrade"]).in_dir(&project.path("two")).ok();
    assert_eq!(output.stderr.matches("alpha 1.0.0 → 1.2.0 (crate)").count(), 1, "{output}");
    assert!(project.read("Cargo.toml").ends_with("alpha = { version = \"=1.2.0\" } # shared\n"));
    assert!(project.read("two/Cargo.toml").ends_with("alpha = \"=1.2.0\"\n"));
    assert_eq!(locked(&project, "alpha"), "1.2.0");
}

/// `[crates]`, and modules whose releases differ by Python: the one that serves all is taken.
#[test]
fn pins_of_envtool_toml_move_and_a_release_for_newer_pythons_does_not_part_a_pin() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    sandbox.pypi().publish(&wheel("two", "1.1").module("two", "").requires_python(">=3.10"));
    sandbox.pypi().publish(&wheel("two", "1.2").module("two", "").requires_python(">=3.11"));
    let project = sandbox.project("plain");
    project.write(
        "envtool.toml",
        "[crates]\nbeta = { version = \"1.0.0\", features = [] }\n[modules]\ntwo = \"1.0\"\n",
    );
    project.envtool(&["sync"]).ok();
    let output = project.envtool(&["upgrade"]).ok();
    output.says(&["beta 1.0.0 → 1.1.0 (crate)", "pypi:two 1.0 → 1.1 (module)"]);
    let text = project.read("envtool.toml");
    assert!(text.contains("beta = \"1.1.0\"") && text.contains("two = \"1.1\""), "{text}");
    project.envtool(&["upgrade", "--dry-run"]).ok().says(&["nothing newer that matches"]);
    project.envtool(&["sync", "--locked"]).ok().says(&["nothing to do"]);
}
