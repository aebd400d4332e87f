//! What envtool says of its work: how much of it, on a terminal and without one, on GitHub Actions, and as JSON.

use std::time::Duration;

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::support::tools::{bare, project, tool};
use crate::support::{Dep, Fault, Project, Sandbox, Terminal, krate, saying, telling};

/// A project that pins `alpha` and the tool `tool`, which needs `beta`; nothing of them is on the machine.
fn pinned<'a>(sandbox: &'a Sandbox, name: &str) -> Project<'a> {
    let registry = sandbox.registry();
    registry.publish(&telling("alpha", "1.0.0"));
    registry.publish(&krate("beta", "1.0.0"));
    registry.publish(&tool("tool", "1.0.0", "\"built\"").dep(Dep::new("beta", "^1")));
    drop(registry);
    let project = sandbox.project(name);
    project.write("envtool.toml", "[tools]\ntool = \"1.0.0\"\n[crates]\nalpha = \"1.0.0\"\n");
    project
}

#[test]
fn quiet_says_errors_alone_and_debug_all_that_is_done() {
    let sandbox = Sandbox::new();
    let project = pinned(&sandbox, "one");
    let output = project.envtool(&["sync", "-vv"]).env("ENVTOOL_JOBS", "3").ok();
    output.says(&[
        "said=\"ENVTOOL_JOBS=3\"",
        "from=\"default\"",
        "envtool::project: reads the manifest path=\"",
        "reads cargo's configuration file=\"",
        "envtool::process: starts program=\"",
        "\"--locked\", \"--offline\"",
        "ended program=",
        "envtool::http: GET url=\"http://127.0.0.1:",
        "status=\"200\" bytes=",
        "envtool::store: keeps a tree path=",
        "build{tool=tool 1.0.0}: envtool::compile: close time.busy=",
        "sync: envtool::sync: close",
        "+ alpha 1.0.0\n",
        "Synced 1 crate",
    ]);
    // Each event is one line, and none of it is data.
    assert_eq!(output.stdout, "");
    let list = |args: &[&str]| project.envtool(&[&["list"], args].concat());
    assert!(list(&["-v"]).ok().stderr.is_empty());
    // A filter alone shows what it takes; the filter counts more than -vv, and says so where it cannot be read.
    let filtered = list(&["-vv"]).env("ENVTOOL_LOG", "envtool::project=debug").ok();
    let lines: Vec<&str> = filtered.stderr.lines().collect();
    assert!(lines.len() == 1 && lines[0].contains("envtool::project"), "{filtered}");
    assert_eq!(list(&["-q"]).env("ENVTOOL_LOG", "envtool::project=debug").ok().stderr.lines().count(), 1);
    assert_eq!(list(&["-q", "-vv"]).ok().stderr, "");
    for wrong in ["envtool=loud", "a=b=c", "envtool[{"] {
        list(&[]).env("ENVTOOL_LOG", wrong).refused(2).says(&[
            "ENVTOOL_LOG",
            wrong,
            "ENVTOOL_LOG=envtool=debug",
        ]);
    }
    // What a child is given is shown without its secrets.
    let child =
        ["-vv", "run", "--", "true", "--token", "s3cret", "https://me:s3cret@localhost/x", "PASSWORD=s3cret"];
    let output = project.envtool(&child).ok();
    output.says(&["\"--token\", \"***\"", "https://***@localhost/x", "PASSWORD=***"]);
    assert!(!output.stderr.contains("s3cret"), "{output}");
    // Errors and warnings stay, data too; nothing else is said.
    project.write("envtool.toml", "[tools]\ntool = \"1.0.0\"\n");
    let output = project.envtool(&["-q", "run", "--", "echo", "data"]).ok();
    assert_eq!(
        (output.stdout.as_str(), output.stderr.starts_with("warning: ")),
        ("data\n", true),
        "{output}"
    );
    assert_eq!(project.envtool(&["sync", "--quiet"]).ok().stderr, "");
    project.envtool(&["-q", "remove", "nothing"]).refused(1);
}

#[test]
fn what_is_said_is_broken_between_words_where_the_terminal_ends() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("app");
    project.write("envtool.toml", "[env]\n");
    project.envtool(&["sync"]).ok();
    let on = |args: &[&str]| Terminal::of(project.envtool(args).env("TERM", "xterm"), 40);
    insta::assert_snapshot!(on(&["--color", "never", "which", "no-such-program"]).ends(1), @r#"
    error: could not find the command
      "no-such-program"
      because it is neither in the
        environment nor on PATH
    help: `envtool list` shows what the
      environment holds
    "#);
    insta::assert_snapshot!(on(&["--color", "never", "tree"]).ends(0), @"
    nothing is locked (`envtool add NAME`
      pins a package)
    ");
    let sizes = on(&["cache", "size"]).ends(0);
    assert!(sizes.lines().all(|line| line.len() <= 40), "{sizes}");
    // Data comes first, then what is said of it. No yellow, green or cyan, which vanish on white, nor blue on black.
    let which = on(&["which", "sh"]).ends(0);
    assert!(which.trim_start().starts_with('/') && which.contains("\nfrom the machine"), "{which}");
    let wrong = on(&["sync", "--loked"]).ends_raw(2);
    assert!(wrong.contains("\u{1b}[1m\u{1b}[31merror"), "{wrong:?}");
    assert!(!["32m", "33m", "34m", "36m"].iter().any(|colour| wrong.contains(colour)), "{wrong:?}");
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let sandbox = Sandbox::new();
    let names = [
        "COLOR",
        "JOBS",
        "VERBOSE",
        "DIRECTORY",
        "QUIET",
        "JSON",
        "LOG",
        "LOCKED",
        "NO_PROGRESS",
        "CACHE_DIR",
        "LOCK_TIMEOUT",
    ];
    let call = sandbox.envtool(&["cache", "dir"], &sandbox.home());
    let call = names.iter().fold(call, |call, name| call.env(&format!("ENVTOOL_{name}"), ""));
    let output = call.ok();
    assert_eq!(output.stdout, format!("{}\n", sandbox.store().display()), "{output}");
    for (name, value) in [("JOBS", "x"), ("COLOR", "red"), ("VERBOSE", "-1"), ("LOCK_TIMEOUT", "soon")] {
        let name = format!("ENVTOOL_{name}");
        let output = sandbox.envtool(&["cache", "dir"], &sandbox.home()).env(&name, value).run();
        assert_eq!(output.code, Some(2), "{output}");
    }
}

/// What stood on the line of progress, one after the other.
fn frames(raw: &str) -> Vec<&str> {
    raw.split("\r\u{1b}[J")
        .skip(1)
        .filter_map(|rest| rest.split('\r').next())
        .filter(|one| !one.is_empty())
        .collect()
}

#[test]
fn on_a_terminal_one_line_says_how_far_it_is_and_goes() {
    let sandbox = Sandbox::new();
    for (columns, bar) in [(80, true), (40, false)] {
        let name = format!("at-{columns}");
        let project = pinned(&sandbox, &name);
        let big = "// so that it takes a while\n".repeat(20_000);
        sandbox.registry().publish(&telling("alpha", "1.0.0").file("src/big.rs", &big));
        sandbox.registry().fault("/dl/alpha/", Fault::Drip { bytes: 400, pause: Duration::from_millis(100) });
        let call = project.envtool(&["sync"]).env("TERM", "xterm-256color");
        let store = sandbox.outside(&format!("store-{columns}"));
        let raw = Terminal::of(call.env("ENVTOOL_CACHE_DIR", &store), columns).ends_raw(0);
        let shown = frames(&raw);
        let wide = shown.iter().find(|frame| frame.width() >= columns);
        assert!(wide.is_none(), "{wide:?} is too wide for {columns}");
        let download = shown.iter().find(|frame| frame.contains("crate, 0.0 MB, ") && frame.contains("MB/s"));
        let download = download.unwrap_or_else(|| panic!("no bytes and no rate: {shown:#?}"));
        assert!(download.starts_with("Downloading ") && download.contains("0/1 crate"), "{download}");
        assert_eq!(download.contains("[>  "), bar, "{download}");
        // cargo's own count, and what it is at.
        let build = shown.iter().find(|frame| frame.starts_with("Building tool 1.0.0: "));
        let build = build.unwrap_or_else(|| panic!("no progress of the build: {shown:#?}"));
        assert!(["0/2 beta", "1/2 tool(bin)"].iter().any(|far| build.ends_with(far)), "{build}");
        // Nothing of it stays, and the cursor was never hidden.
        assert!(!raw.contains("\u{1b}[?25"), "{raw:?}");
        let after = raw.rsplit("\r\u{1b}[J").next().unwrap();
        assert!(after.contains("Built tool 1.0.0 in ") && after.contains("Synced 1 crate"), "{after:?}");
        assert!(!after.contains("Downloading") && !after.contains("Building"), "{after:?}");
    }
}

#[test]
fn ctrl_c_takes_the_line_of_progress_away() {
    let sandbox = Sandbox::new();
    let project = pinned(&sandbox, "one");
    project.write("envtool.toml", "[crates]\nalpha = \"1.0.0\"\n");
    sandbox.registry().fault("/dl/alpha/", Fault::Drip { bytes: 1, pause: Duration::from_millis(50) });
    let before = project.fingerprint();
    let call = project.envtool(&["sync"]).env("TERM", "xterm");
    // 130 is what the shell makes of it, which goes on.
    let mut terminal = Terminal::through(call, 80, "trap : INT; \"$0\" \"$@\"; echo \"code $?\"");
    terminal.sees("Downloading ").ctrl_c().sees("code 130");
    let raw = terminal.ends_raw(0);
    let after = raw.rsplit("\r\u{1b}[J").next().unwrap();
    assert!(after.starts_with("\u{1b}[31;1merror:\u{1b}[0m interrupted, and nothing was changed"), "{raw:?}");
    assert_eq!(before, project.fingerprint());
}

#[test]
fn without_a_terminal_there_are_plain_lines() {
    let sandbox = Sandbox::new();
    let project = pinned(&sandbox, "one");
    let output = project.envtool(&["sync"]).env("TERM", "xterm").ok();
    assert!(!output.stderr.contains(['\r', '\u{1b}']), "{output}");
    let lines: Vec<&str> = output.stderr.lines().collect();
    for line in ["Downloading 1 crate", "Building tool 1.0.0", "Locked"] {
        assert!(lines.contains(&line), "{line}\n{output}");
    }
    // Nor where nobody wants one, or the terminal can do nothing.
    for (args, term) in [(&["--no-progress"][..], "xterm"), (&[], "dumb")] {
        let store = sandbox.outside(&format!("store-{term}"));
        let call =
            project.envtool(&[&["sync"], args].concat()).env("TERM", term).env("ENVTOOL_CACHE_DIR", &store);
        let raw = Terminal::of(call, 80).ends_raw(0);
        assert!(!raw.contains("\u{1b}[J") && raw.contains("Downloading"), "{raw:?}");
    }
}

/// The commands that GitHub's runner would obey in a log, by its own rules (`ActionCommand.cs`): `::NAME …::` after
/// blanks, `##[` anywhere, and nothing until the token comes that ends what was stopped.
fn obeyed(log: &str) -> Vec<String> {
    let (mut found, mut stopped) = (Vec::new(), None::<String>);
    for line in log.lines() {
        let command = line.trim_start().strip_prefix("::");
        if let Some(token) = &stopped {
            if command == Some(&format!("{token}::")) {
                stopped = None;
            }
        } else if let Some(token) = command.and_then(|command| command.strip_prefix("stop-commands::")) {
            stopped = Some(token.to_owned());
        } else if command.is_some() || line.contains("##[") {
            found.push(line.to_owned());
        }
    }
    assert_eq!(stopped, None, "{log}");
    found
}

#[test]
fn on_github_builds_are_folded_errors_are_shown_and_nobody_else_commands() {
    let sandbox = Sandbox::new();
    let one = pinned(&sandbox, "one");
    let output = one.envtool(&["sync"]).env("GITHUB_ACTIONS", "true").env("CI", "true").ok();
    assert_eq!(obeyed(&output.stderr), ["::group::Building tool 1.0.0", "::endgroup::"], "{output}");
    let log = output.stderr.split("::group::Building tool 1.0.0\n").nth(1).unwrap();
    let log = log.split("::endgroup::").next().unwrap();
    assert!(log.contains("   Compiling beta v1.0.0\n") && log.contains("    Finished `release`"), "{output}");
    assert!(!output.stderr.contains(['\r', '\u{1b}']), "{output}");

    // A stranger's build script, and a stranger's names.
    let script = "fn main() { for line in [\"::set-output name=a::b\", \"  ::add-mask::x\", \"a ##[error]y\", \"100%\"] \
                  { eprintln!(\"{line}\"); println!(\"{line}\"); } std::process::exit(1); }";
    sandbox
        .registry()
        .publish(&bare("bad", "1.0.0").build_script(script).file("src/main.rs", "fn main() {}\n"));
    let two = project(&sandbox, "two", "");
    let output = two.envtool(&["add", "--tool", "bad@1.0.0"]).env("GITHUB_ACTIONS", "true").run();
    assert_eq!(output.code, Some(1), "{output}");
    output.must_help();
    output.says(&["::set-output name=a::b", "##[error]y"]);
    let commands = obeyed(&output.stderr);
    assert_eq!(commands.len(), 3, "{commands:#?}\n{output}");
    assert_eq!(commands[..2], ["::group::Building bad 1.0.0", "::endgroup::"]);
    assert!(commands[2].starts_with("::error title=envtool::could not build bad 1.0.0: "), "{commands:#?}");
    assert!(
        commands[2].contains("%0A") && commands[2].contains("100%25") && commands[2].contains("%0Ahelp: ")
    );
    // Names that a stranger chose, on both streams.
    two.envtool(&["init"]).ok();
    two.write(".envtool/bin/a\n::add-mask::b", "");
    for args in
        [&["doctor"][..], &["-vv", "which", "##[error]x"], &["run", "--", "a\n::x::"], &["-vv", "list"]]
    {
        let output = two.envtool(args).env("GITHUB_ACTIONS", "true").run();
        let mut commands = obeyed(&output.stderr);
        commands.retain(|command| !command.starts_with("::error title=envtool::"));
        assert!(commands.is_empty() && obeyed(&output.stdout).is_empty(), "{commands:#?}\n{output}");
    }
    // Whoever is quiet has no groups.
    let store = sandbox.outside("other-store");
    let call = one.envtool(&["sync", "-q"]).env("GITHUB_ACTIONS", "true").env("ENVTOOL_CACHE_DIR", &store);
    assert_eq!(call.ok().stderr, "");
}

/// What a verb prints as JSON, without the time that it took.
fn data(project: &Project<'_>, args: &[&str]) -> Value {
    let output = project.envtool(&[args, &["--json"]].concat()).ok();
    let mut value: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}\n{output}"));
    if let Some(seconds) = value.as_object_mut().and_then(|value| value.remove("seconds")) {
        assert!(seconds.as_f64().is_some_and(|seconds| seconds < 600.0), "{seconds}");
    }
    value
}

#[test]
fn every_verb_that_changes_something_reports_it_as_json() {
    let sandbox = Sandbox::new();
    let registry = sandbox.registry();
    for version in ["1.0.0", "1.1.0"] {
        registry.publish(&telling("alpha", version));
    }
    registry.publish(&tool("tool", "1.0.0", "\"built\""));
    drop(registry);
    sandbox.pypi().publish(&saying("mod", "2.0"));
    let project = sandbox.project("one");
    let (root, environment) =
        (project.dir().display().to_string(), project.path(".envtool").display().to_string());
    let done = |changed: bool, pins: Value, locked: bool, counts: [u64; 4]| {
        let [added, removed, built, downloaded] = counts;
        json!({
            "project": root, "environment": environment, "changed": changed, "pins": pins, "locked": locked,
            "added": added, "removed": removed, "built": built, "downloaded": downloaded,
        })
    };
    let run = |args: &[&str]| {
        let mut value = data(&project, args);
        let bytes = value.as_object_mut().unwrap().remove("downloaded_bytes").unwrap().as_u64().unwrap();
        assert_eq!(bytes > 0, value["downloaded"].as_u64().unwrap() > 0, "{value}");
        value
    };
    let pin = |name: &str, registry: &str, kind: &str, from: Value, to: Value| json!({ "name": name, "registry": registry, "kind": kind, "from": from, "to": to });
    let none = || Value::Null;
    assert_eq!(run(&["init"]), done(true, json!([]), false, [0; 4]));
    assert_eq!(run(&["init"]), done(false, json!([]), false, [0; 4]));
    let pins = json!([pin("alpha", "cargo", "crate", none(), "1.0.0".into())]);
    assert_eq!(run(&["add", "alpha@1.0.0"])["pins"], pins);
    let pins = json!([
        pin("alpha", "cargo", "crate", "1.0.0".into(), "1.1.0".into()),
        pin("tool", "cargo", "tool", none(), "1.0.0".into()),
        pin("mod", "pypi", "module", none(), "2.0".into()),
    ]);
    let added = run(&["add", "alpha@1.1.0", "tool", "pypi:mod"]);
    assert_eq!(added["pins"], pins);
    assert_eq!((&added["added"], &added["removed"], &added["built"]), (&json!(3), &json!(1), &json!(1)));
    assert_eq!(run(&["sync"]), done(false, json!([]), false, [0; 4]));
    std::fs::remove_dir_all(project.path(".envtool/vendor")).unwrap();
    let synced = run(&["sync"]);
    assert_eq!((&synced["changed"], &synced["locked"]), (&json!(true), &json!(false)));
    let pins = json!([
        pin("tool", "cargo", "tool", "1.0.0".into(), none()),
        pin("mod", "pypi", "module", "2.0".into(), none()),
    ]);
    assert_eq!(run(&["remove", "tool", "mod"]), done(true, pins, true, [0, 2, 0, 0]));

    let found = data(&project, &["which", "sh"]);
    assert_eq!((found["name"].as_str(), found["in_environment"].as_bool()), (Some("sh"), Some(false)));
    assert_eq!(data(&project, &["cache", "dir"]), json!({ "dir": sandbox.store().display().to_string() }));

    // What failed is data too, where the data is looked for; people read it where they always do.
    let output = project.envtool(&["add", "alpha@9", "--json"]).refused(1);
    let failed: Value = serde_json::from_str(&output.stdout).unwrap();
    assert!(failed["error"]["message"].as_str().unwrap().contains("alpha"), "{output}");
    assert!(failed["error"]["why"].is_array() && failed["error"]["help"].is_string(), "{output}");
    // `run` has nothing to report: its standard output is the command's.
    let output = project.envtool(&["--json", "run", "--", "no-such-command"]).refused(127);
    assert_eq!(output.stdout, "");
    let output = project.envtool(&["run", "--", "echo", "mine"]).env("ENVTOOL_JSON", "1").ok();
    assert_eq!(output.stdout, "mine\n");
}
