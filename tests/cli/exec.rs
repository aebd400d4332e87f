//! `exec`: a tool is run without a pin, and the project stays what it was.

use std::fs;

use crate::support::tools::{built, lock, project, tool};
use crate::support::{Sandbox, saying, telling};

/// What it prints: its name, its arguments and where it was started.
const TELLS: &str =
    "std::env::args().skip(1).chain(std::env::var(\"ENVTOOL_ENV\")).collect::<Vec<_>>().join(\" \")";

#[test]
fn a_tool_is_run_and_the_project_stays_as_it_was() {
    let sandbox = Sandbox::new();
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        let text = format!("format!(\"tell {version} {{}}\", {TELLS})");
        sandbox.registry().publish(&tool("tell", version, &text));
    }
    let project = project(&sandbox, "app", "");
    let before = sandbox.fingerprint();
    let run = |args: &[&str]| project.envtool(&[&["exec"], args].concat()).ok();
    let first = run(&["tell@1.0.0", "--", "--version", "-x", "--", "y z"]);
    assert_eq!(first.stdout, "tell 1.0.0 --version -x -- y z\n", "{first}");
    // What it costs is said; a lock that nobody sees is not.
    assert!(first.stderr.contains("Built tell 1.0.0 in ") && !first.stderr.contains("Locked"), "{first}");
    // Without `--` too, and flags that envtool has itself are the tool's behind its name.
    let second = run(&["tell@1.0.0", "--json", "-q"]);
    assert_eq!((second.stdout.as_str(), second.stderr.as_str()), ("tell 1.0.0 --json -q\n", ""));
    // What matches, the newest of the store, the newest of the registry.
    assert_eq!(run(&["tell@1"]).stdout, "tell 1.1.0 \n");
    assert_eq!(run(&["tell"]).stdout, "tell 1.1.0 \n");
    // A lock that cannot be read stands in nobody's way who runs what the project does not pin.
    project.write("envtool.lock", "<<<<<<< ours\n");
    assert_eq!(run(&["tell"]).stdout, "tell 1.1.0 \n");
    fs::remove_file(project.path("envtool.lock")).unwrap();
    assert_eq!(run(&["tell@latest"]).stdout, "tell 2.0.0 \n");
    assert_eq!(before, sandbox.fingerprint());
    assert!(!project.has(".envtool"));
    // Where no project is, in an environment, and without a network.
    sandbox.cut_network();
    let elsewhere = sandbox.outside("elsewhere");
    for spec in ["tell", "tell@2.0.0", "tell@1"] {
        let output = project.envtool(&["exec", "--offline", spec]).in_dir(&elsewhere).ok();
        assert!(output.stdout.starts_with("tell ") && !output.stderr.contains("Built"), "{output}");
    }
    let inside = project.envtool(&["exec", "tell@1.0.0"]).env("ENVTOOL_ENV", "/x/.envtool").ok();
    assert_eq!(inside.stdout, "tell 1.0.0 /x/.envtool\n");
    let store = fs::read_dir(sandbox.store().join("v1/one-off")).unwrap().count();
    assert_eq!(store, 5, "one a spec: 1.0.0, 1, 1.1.0 (the store's), latest and 2.0.0");
}

#[test]
fn what_the_project_pins_is_what_runs() {
    let sandbox = Sandbox::new();
    let with = |version: &str| {
        tool("tell", version, "if cfg!(feature = \"loud\") { \"LOUD\" } else { \"quiet\" }")
            .feature("loud", &[])
            .file("Cargo.lock", &lock(("tell", version), "", ""))
    };
    sandbox.registry().publish(&with("1.0.0"));
    sandbox.registry().publish(&with("2.0.0"));
    let project = project(&sandbox, "app", "tell = { version = \"1.0.0\", features = [\"loud\"] }\n");
    project.envtool(&["sync"]).ok();
    let known = built(&sandbox);
    let before = sandbox.fingerprint();
    // The same row, and so the same executable: nothing is built and nobody is asked.
    sandbox.cut_network();
    let output = project.envtool(&["exec", "tell"]).env("ENVTOOL_LOCKED", "1").ok();
    assert_eq!(output.stdout, "LOUD\n", "{output}");
    assert!(output.stderr.contains("Installed tell 1.0.0 from the store"), "{output}");
    assert_eq!((built(&sandbox), sandbox.fingerprint()), (known, before));
}

#[test]
fn a_tool_of_pypi_is_run_and_kept() {
    let sandbox = Sandbox::new();
    let with = |version: &str| {
        let main = format!("def main(): print('tell {version}')\n");
        saying("tell", version).module("tell_cli", &main).entry_point("tell", "tell_cli:main")
    };
    sandbox.pypi().publish(&with("1.0"));
    sandbox.pypi().publish(&with("2.0"));
    let project = sandbox.project("app");
    assert_eq!(project.envtool(&["exec", "pypi:tell@1.0"]).ok().stdout, "tell 1.0\n");
    let again = project.envtool(&["exec", "pypi:tell"]).ok();
    assert_eq!((again.stdout.as_str(), again.stderr.as_str()), ("tell 1.0\n", ""), "the newest of the store");
    assert_eq!(project.envtool(&["exec", "pypi:tell@latest"]).ok().stdout, "tell 2.0\n");
    assert_eq!(project.envtool(&["exec", "pypi:tell"]).ok().stdout, "tell 2.0\n");
}

#[test]
fn what_cannot_be_run_is_said() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("library", "1.0.0"));
    let two = tool("two", "1.0.0", "\"two\"")
        .without_file("src/main.rs")
        .file("src/bin/one.rs", "fn main() { println!(\"one\"); std::process::exit(3) }\n")
        .file("src/bin/other.rs", "fn main() { println!(\"other\") }\n");
    sandbox.registry().publish(&two);
    let project = sandbox.project("app");
    for (args, code, words) in [
        (&["two"][..], 1, &["two has more than one executable", "one, other", "exec --bin NAME two"][..]),
        (&["--bin", "oter", "two"], 1, &["no executable \"oter\"", "--bin other"]),
        (&["library"], 1, &["has no executable"]),
        (&["no-such-tool"], 1, &["no-such-tool"]),
        (&["../x"], 2, &["it is a path"]),
        (&["two@9"], 1, &["two"]),
        (&[""], 2, &["it is empty"]),
    ] {
        project.envtool(&[&["exec"], args].concat()).refused(code).says(words);
    }
    let output = project.envtool(&["exec", "--bin", "one", "two", "x"]).run();
    assert_eq!((output.code, output.stdout.as_str()), (Some(3), "one\n"), "{output}");
}
