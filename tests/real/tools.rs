//! Tools of the real registry, built from source: one pin of each kind that the README names.

use std::fs;
use std::path::Path;

use crate::sandbox;
use crate::support::Sandbox;

/// Each tool: its pin, its executable, and how what `--version` prints begins.
const TOOLS: [(&str, &str, &str); 3] = [
    ("just@1.42.4", "just", "just 1.42.4"),
    ("ripgrep@15.1.0", "rg", "ripgrep 15.1.0"),
    ("hexyl@0.16.0", "hexyl", "hexyl 0.16.0"),
];

/// Where a text stands in an executable, with what is around it.
fn finds(file: &Path, text: &str) -> Option<String> {
    let bytes = fs::read(file).unwrap();
    let at = bytes.windows(text.len()).position(|window| window == text.as_bytes())?;
    let around = &bytes[at.saturating_sub(60)..bytes.len().min(at + 120)];
    Some(String::from_utf8_lossy(around).into_owned())
}

/// The executables run, and hold no path of the machine.
fn all_run(sandbox: &Sandbox, project: &Path) {
    for (_, name, version) in TOOLS {
        let said = sandbox.envtool(&["run", "--", name, "--version"], project).without_network().ok();
        assert!(said.stdout.starts_with(version), "{said}");
        let home = std::env::var("HOME").unwrap();
        let root = sandbox.root().display().to_string();
        for path in [&root, &format!("{home}/"), env!("CARGO_MANIFEST_DIR")] {
            assert_eq!(finds(&project.join(".envtool/bin").join(name), path), None, "{name} holds {path}");
        }
    }
}

#[test]
fn real_tools_are_built_run_and_are_built_again_without_a_network() {
    let sandbox = sandbox();
    let project = sandbox.home().join("work/tools");
    fs::create_dir(&project).unwrap();
    let mut args = vec!["add"];
    args.extend(TOOLS.map(|(pin, ..)| pin));
    let added = sandbox.envtool(&args, &project).ok();
    for (pin, ..) in TOOLS {
        added.says(&format!("Built {} in ", pin.replace('@', " ")));
    }
    all_run(&sandbox, &project);
    assert!(!sandbox.home().join(".cargo/bin").exists(), "cargo's own bin was touched");

    // A second project has them at once.
    let second = sandbox.home().join("work/second");
    fs::create_dir(&second).unwrap();
    for file in ["envtool.toml", "envtool.lock"] {
        fs::copy(project.join(file), second.join(file)).unwrap();
    }
    let synced = sandbox.envtool(&["sync", "--frozen"], &second).without_network().ok();
    synced.says("Installed hexyl 0.16.0 from the store").does_not_say("Built");
    all_run(&sandbox, &second);

    // Without what was built, from the sources in the store alone: the same bytes.
    let hexyl = fs::read(second.join(".envtool/bin/hexyl")).unwrap();
    let store = sandbox.home().join(".cache/envtool/v1");
    for bucket in ["built", "building"] {
        fs::remove_dir_all(store.join(bucket)).unwrap();
    }
    let third = sandbox.home().join("work/third");
    fs::create_dir(&third).unwrap();
    fs::write(third.join("envtool.toml"), "[tools]\nhexyl = \"0.16.0\"\n").unwrap();
    let built = sandbox.envtool(&["sync", "--offline"], &third).without_network().ok();
    built.says("Built hexyl 0.16.0 in ");
    assert!(fs::read(third.join(".envtool/bin/hexyl")).unwrap() == hexyl, "the executables differ");
}
