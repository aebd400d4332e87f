//! `outdated`: what is pinned beside what there is.

use serde_json::{Value, json};

use crate::support::tools::tool;
use crate::support::{Dep, Fault, Gate, Project, Registry, Sandbox, Terminal, saying, telling};

fn ask(project: &Project<'_>, args: &[&str]) -> Value {
    let output = project.envtool(&[&["outdated", "--json"], args].concat()).run();
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}\n{output}"))
}

/// `NAME PINNED MATCHING NEWEST KIND` of each.
fn rows(json: &Value) -> Vec<String> {
    let word = |package: &Value, key: &str| package[key].as_str().unwrap().to_owned();
    let keys = ["name", "pinned", "matching", "newest", "kind"];
    let packages = json["packages"].as_array().unwrap();
    packages.iter().map(|package| keys.map(|key| word(package, key)).join(" ")).collect()
}

/// A crate that is pinned exactly, one with a requirement, one that is at its newest, a tool, one from PyPI, a module.
fn ready(sandbox: &Sandbox) -> Project<'_> {
    let registry = sandbox.registry();
    for version in ["1.0.0", "1.2.0", "2.0.0", "3.0.0-rc.1"] {
        registry.publish(&telling("alpha", version).published("2026-01-02T03:04:05Z"));
    }
    registry.publish(&telling("alpha", "1.3.0"));
    registry.yank("alpha", "1.3.0");
    for version in ["1.0.0", "1.0.5", "1.1.0", "2.0.0"] {
        registry.publish(&telling("beta", version));
    }
    registry.publish(&telling("beta", "3.0.0").rust_version("1.999"));
    registry.publish(&telling("still", "1.0.0"));
    for version in ["1.0.0", "1.1.0"] {
        registry.publish(&tool("saw", version, "1"));
    }
    let pypi = sandbox.pypi();
    for version in ["1.0", "1.1", "2.0", "2.1rc1"] {
        pypi.publish(&saying("one", version));
        pypi.publish(&saying("lint", version));
    }
    pypi.publish(&saying("one", "1.2"));
    pypi.yank("one", "1.2");
    drop((registry, pypi));
    let project = sandbox.project("app");
    project.app("alpha = \"=1.0.0\"\nbeta = \"~1.0\"\nstill = \"1\"\n", "");
    project.write(
        "envtool.toml",
        "[tools]\nsaw = \"1.0.0\"\n\"pypi:lint\" = \"1.1\"\n[modules]\none = \"1.0\"\nlint = \"2.0\"\n",
    );
    project.lock();
    project.cargo(&["update", "beta", "--precise", "1.0.0"]).ok();
    project
}

const ROWS: [&str; 5] = [
    "alpha 1.0.0 1.2.0 2.0.0 crate",
    "beta 1.0.0 1.0.5 2.0.0 crate",
    "lint 1.1 1.1 2.0 tool",
    "saw 1.0.0 1.1.0 1.1.0 tool",
    "one 1.0 1.1 2.0 module",
];

#[test]
fn what_is_newer_is_told_and_kept_for_when_there_is_no_network() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let before = sandbox.fingerprint();
    let json = ask(&project, &[]);
    assert_eq!(rows(&json), ROWS);
    assert_eq!(json["failed"], json!([]));
    let package = |at: usize, key: &str| json["packages"][at][key].clone();
    assert_eq!(package(0, "registry"), "cargo");
    assert_eq!(
        (package(0, "requirement"), package(0, "published")),
        (json!(null), json!("2026-01-02T03:04:05Z"))
    );
    assert_eq!((package(1, "requirement"), package(1, "published")), (json!("~1.0"), json!(null)));
    assert_eq!((package(1, "held"), package(0, "held")), (json!("3.0.0 needs Rust 1.999.0"), json!(null)));
    assert!(package(4, "published").as_str().unwrap().starts_with("2026-01-02T03:04:05"), "{json:#}");
    assert_eq!(rows(&ask(&project, &["--all"])).len(), 7);
    // A look changes nothing of the project, and makes no environment.
    assert_eq!(sandbox.fingerprint(), before);
    // For people.
    let output = project.envtool(&["outdated"]).ok();
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["name", "pinned", "matching", "newest", "age", "kind"]
    );
    assert!(lines[1].starts_with("alpha") && lines[1].contains(" 1.0.0   1.2.0     2.0.0 "), "{output}");
    assert!(lines[2].ends_with("crate (3.0.0 needs Rust 1.999.0)"), "{output}");
    assert!(lines[5].starts_with("pypi:one"), "{output}");
    assert_eq!(output.stderr, "");
    // On a terminal the table stands where it has room, and else a block a package: no row is torn.
    assert_eq!(Terminal::of(project.envtool(&["outdated"]).env("TERM", "dumb"), 100).ends(0), output.stdout);
    let narrow = Terminal::of(project.envtool(&["outdated"]).env("TERM", "dumb"), 40).ends(0);
    let lines: Vec<&str> = narrow.lines().collect();
    assert!(lines.iter().all(|line| line.len() <= 40), "{narrow}");
    assert_eq!(lines[0], "alpha 1.0.0 (crate)");
    assert!(lines[1].starts_with("  newest 2.0.0 (") && lines[2] == "    1.2.0", "{narrow}");
    assert!(narrow.contains("saw 1.0.0 (tool)\n  newest 1.1.0, matches\n"), "{narrow}");
    assert!(narrow.contains("(3.0.0\n    needs Rust 1.999.0)\n"), "{narrow}");
    assert!(narrow.contains("pypi:one 1.0 (module)\n  newest 2.0 ("), "{narrow}");
    // What was said is kept.
    sandbox.cut_network();
    let output = project.envtool(&["outdated", "--offline"]).ok();
    assert_eq!(output.stdout.lines().count(), 6);
    output.says(&["offline: as the registries answered when they were last asked"]);
    assert_eq!(rows(&ask(&project, &["--offline"])), ROWS);
    let empty = sandbox.outside("no-store");
    let output = project.envtool(&["outdated", "--offline"]).env("ENVTOOL_CACHE_DIR", empty).run();
    assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""), "{output}");
    output.says(&["alpha: the store does not know which releases", "`--offline`", "pypi:one: "]);
    assert_eq!(sandbox.fingerprint(), before);
}

#[test]
fn what_is_at_its_newest_is_said_and_nothing_pinned_too() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    let project = sandbox.project("plain");
    project.envtool(&["outdated"]).refused(1).says(&["envtool init"]);
    project.write("envtool.toml", "[env]\n");
    project.envtool(&["outdated"]).ok().says(&["nothing is pinned"]);
    project.write("envtool.toml", "[crates]\nalpha = \"1.0.0\"\n");
    let output = project.envtool(&["outdated"]).ok();
    assert_eq!(output.stdout, "");
    output.says(&["the one pin is at its newest"]);
    project.write("envtool.toml", "[crates]\nalpha = \"1.0\"\n");
    project.envtool(&["outdated"]).refused(1).says(&["envtool.toml"]);
}

/// Neither an unknown name nor a registry that is down hides the others.
#[test]
fn what_cannot_be_asked_about_does_not_hide_the_others() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let mut own = Registry::start();
    own.publish(&telling("secret", "1.0.0"));
    sandbox.configure_cargo(&format!("[registries.own]\nindex = {:?}\n[net]\nretry = 0\n", own.index()));
    project.app("alpha = \"=1.0.0\"\nsecret = { version = \"1\", registry = \"own\" }\n", "").lock();
    project.write(
        "envtool.toml",
        "[tools]\ngone = \"1.0.0\"\n[modules]\none = \"1.0\"\nmissing = \"1.0\"\n\"broken\" = \"1.0\"\n",
    );
    sandbox.pypi().publish(&saying("broken", "1.1"));
    sandbox.pypi().server().fault("/simple/broken/", Fault::Status(500));
    own.stop();
    sandbox.configure_pip(&format!("[global]\nindex-url = {}\nretries = 0\n", sandbox.pypi().index()));
    let output = project.envtool(&["outdated"]).run();
    assert_eq!(output.code, Some(1), "{output}");
    let names: Vec<&str> = output.stdout.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["name", "alpha", "pypi:one"], "{output}");
    output.says(&[
        "warning: secret: ",
        "warning: gone: there is no package gone",
        "warning: pypi:missing: ",
        "warning: pypi:broken: ",
    ]);
    let json = ask(&project, &[]);
    let failed: Vec<&str> =
        json["failed"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(failed, ["secret", "gone", "broken", "missing"], "{json:#}");
    assert_eq!(rows(&json), ["alpha 1.0.0 1.2.0 2.0.0 crate", "one 1.0 1.1 2.0 module"]);
}

/// The registry lets none of eight go before all eight are there.
#[test]
fn all_packages_are_asked_about_at_once() {
    let sandbox = Sandbox::new();
    let mut pins = "[crates]\n".to_owned();
    for name in ["a1", "b2", "c3", "d4", "e5", "f6", "g7", "h8"] {
        sandbox.registry().publish(&telling(name, "1.0.0"));
        sandbox.registry().publish(&telling(name, "1.0.1"));
        pins.push_str(&format!("{name} = \"1.0.0\"\n"));
    }
    let project = sandbox.project("plain");
    project.write("envtool.toml", &pins);
    sandbox.registry().fault_times(8, "/index/2/", Fault::Meet(Gate::new(8)));
    let output = project.envtool(&["outdated"]).ok();
    assert_eq!(output.stdout.lines().count(), 9, "{output}");
    assert_eq!(sandbox.registry().asked("/index/2/").len(), 8, "each once");
}

/// Names and answers that a stranger chose.
#[test]
fn hostile_answers_are_passed_by() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    sandbox
        .registry()
        .publish(&telling("alpha", "1.1.0").published("\u{1b}[2J2026").dep(Dep::new("x\u{1b}", "1")));
    sandbox.registry().publish(&telling("beta", "1.0.0"));
    let project = sandbox.project("plain");
    project.write("envtool.toml", "[crates]\nalpha = \"1.0.0\"\nbeta = \"1.0.0\"\n");
    sandbox.registry().fault("/be/ta/beta", Fault::Body(b"{\"name\":\"\\u001b[31mx\"}\n".to_vec()));
    let output = project.envtool(&["outdated"]).run();
    assert_eq!(output.code, Some(1), "{output}");
    assert!(!output.stdout.contains('\u{1b}') && !output.stderr.contains('\u{1b}'), "{output}");
    assert!(output.stdout.contains("alpha  1.0.0"), "{output}");
    output.says(&["beta: ", "makes no sense"]);
}
