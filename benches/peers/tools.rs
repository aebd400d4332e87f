//! Tools: the first build of one, one that the store has, and another version of one, beside `cargo install --locked`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::sandbox::Sandbox;
use super::{MANY, Table, median, settle};

/// A tool, with the version before.
pub(super) struct Tool {
    pub(super) name: &'static str,
    version: &'static str,
    before: &'static str,
    /// How often each build is measured: a build takes a minute or more.
    rounds: usize,
}

/// The tools that are measured.
pub(super) const TOOLS: &[Tool] = &[
    Tool { name: "hexyl", version: "0.16.0", before: "0.15.0", rounds: 3 },
    Tool { name: "just", version: "1.42.4", before: "1.42.3", rounds: 1 },
];

/// Measures one.
pub(super) fn measure(sandbox: &Sandbox, tool: &Tool, table: &mut Table) {
    let (mut first, mut first_of_cargo) = (Vec::new(), Vec::new());
    let (mut other, mut other_of_cargo) = (Vec::new(), Vec::new());
    let mut last = None;
    for round in 0..tool.rounds {
        eprintln!("{}: round {} of {} …", tool.name, round + 1, tool.rounds);
        let place = |what: &str| sandbox.empty(&format!("{}-{what}-{round}", tool.name));
        let store = place("store");
        let ours = |version: &str| {
            let project = place(&format!("project-{version}"));
            pin(&project, tool.name, version);
            let time = sync(sandbox, &project, &store, &place(&format!("home-{version}")));
            (time, project)
        };
        let cargo_home = place("cargo-home");
        let theirs = |version: &str| {
            let spec = format!("{}@{version}", tool.name);
            let root = place(&format!("root-{version}"));
            settle();
            sandbox
                .cargo(&["install", "--locked", "--root", root.to_str().unwrap(), &spec], sandbox.root())
                .env("CARGO_HOME", &cargo_home)
                .ok()
                .took
        };
        // The version before first: the other one is what a project moves to.
        first.push(ours(tool.before).0);
        first_of_cargo.push(theirs(tool.before));
        let (time, project) = ours(tool.version);
        other.push(time);
        other_of_cargo.push(theirs(tool.version));
        last = Some((store, project));
    }
    let name = |version: &str| format!("{} {version}", tool.name);
    let peer = "cargo install --locked";
    table.ratio(&name(tool.before), "first build", &first, peer, &first_of_cargo, 1.05);
    let what = format!("after {}", tool.before);
    table.ratio(&name(tool.version), &what, &other, peer, &other_of_cargo, 0.7);

    // In clones of the last project.
    let (store, project) = last.unwrap();
    let times: Vec<Duration> = (0..MANY)
        .map(|number| {
            let clone = sandbox.empty(&format!("{}-clone-{number}", tool.name));
            for file in ["envtool.toml", "envtool.lock"] {
                fs::copy(project.join(file), clone.join(file)).unwrap();
            }
            sync(sandbox, &clone, &store, &sandbox.empty(&format!("{}-clone-home-{number}", tool.name)))
        })
        .collect();
    table.most(&name(tool.version), "from the store", median(&times), Duration::from_millis(100));

    // Where no project is, and beside the executable itself.
    let spec = format!("{}@{}", tool.name, tool.version);
    let elsewhere = sandbox.empty(&format!("{}-elsewhere", tool.name));
    let cargo_home = sandbox.empty(&format!("{}-exec-home", tool.name));
    let exec = || {
        let call = sandbox.envtool(&["exec", &spec, "--", "--version"], &elsewhere);
        call.env("ENVTOOL_CACHE_DIR", &store).env("CARGO_HOME", &cargo_home).ok().took
    };
    exec();
    let ours: Vec<Duration> = (0..MANY).map(|_| exec()).collect();
    let file = project.join(".envtool/bin").join(tool.name);
    let alone = || sandbox.call(file.to_str().unwrap(), &["--version"], &elsewhere).ok().took;
    let alone: Vec<Duration> = (0..MANY).map(|_| alone()).collect();
    let over = median(&ours).saturating_sub(median(&alone));
    table.most(
        &name(tool.version),
        "`exec`, second call, over the tool itself",
        over,
        Duration::from_millis(30),
    );
}

/// Makes a project that pins a tool.
fn pin(project: &Path, name: &str, version: &str) {
    fs::write(project.join("envtool.toml"), format!("[tools]\n{name} = \"{version}\"\n")).unwrap();
}

/// How long a sync takes that brings the tool in.
fn sync(sandbox: &Sandbox, project: &Path, store: &Path, home: &Path) -> Duration {
    settle();
    let sync = sandbox.envtool(&["sync"], project).env("ENVTOOL_CACHE_DIR", store).env("CARGO_HOME", home);
    let synced = sync.ok();
    assert!(project.join(".envtool/receipts/tools").is_dir(), "{synced}");
    synced.took
}
