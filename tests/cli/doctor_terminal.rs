//! `doctor` on a terminal: what it looks like, what it asks, and what each answer does. The terminal is a real one.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::doctor::{Before, healthy, install, is_healthy, only, publish, script, state};
use crate::support::tools::{built, project, says, tool};
use crate::support::{Project, Sandbox, Terminal, fingerprint, krate, saying};

fn doctor(project: &Project<'_>, args: &[&str]) -> Terminal {
    let all: Vec<&str> = ["doctor"].iter().chain(args).copied().collect();
    Terminal::of(project.envtool(&all).env("TERM", "dumb"), 80)
}

/// A healthy project whose link to a crate is gone.
fn broken<'a>(sandbox: &'a Sandbox, name: &str) -> Project<'a> {
    let project = healthy(sandbox, name);
    fs::remove_file(project.path(".envtool/vendor/alpha-1.0.0")).unwrap();
    project
}

/// A project without a Cargo.toml, in whose environment `cargo install` has put `before`.
fn installed<'a>(sandbox: &'a Sandbox, name: &str) -> Project<'a> {
    sandbox
        .registry()
        .publish(&tool("before", "1.0.0", "\"built\"").feature("default", &[]).feature("loud", &[]));
    let project = project(sandbox, name, "");
    project.envtool(&["init"]).ok();
    project.envtool(&["sync"]).ok();
    is_healthy(&project);
    let mut before = Before::new("before");
    before.features = &["loud"];
    before.default_features = false;
    install(&project.path(".envtool"), &[before]);
    project
}

#[test]
fn whoever_says_yes_gets_what_fix_does() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = broken(&sandbox, "app");
    let before = state(&project);
    for answer in ["y\n", "YES\n", "perhaps\nx\u{7f}yes \n"] {
        let mut terminal = doctor(&project, &[]);
        terminal.sees("1 error, 0 warnings, 0 infos").sees("Mend this? [y/N] ").types(answer);
        let said = terminal.ends(0);
        assert_eq!(said.contains("answer with one of: yes, no"), answer.starts_with("perhaps"), "{said}");
        let after = said.split("fix: make the environment").nth(1).unwrap();
        assert!(after.contains("Fixed\n  missing: alpha 1.0.0\n"), "{said}");
        assert!(!after.contains("Errors"), "{said}");
        assert!(after.trim_end().ends_with("0 errors, 0 warnings, 0 infos; 1 fixed"), "{said}");
        is_healthy(&project);
        project.envtool(&["doctor", "--undo"]).ok();
        assert_eq!(before, state(&project));
    }
}

#[test]
fn whoever_says_anything_else_changes_nothing() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = broken(&sandbox, "app");
    let before = project.fingerprint();
    for answer in ["n\n", "no\n", "\n", "\u{4}", "yess\n\n", "y\u{4}\u{4}\u{15}\n", "\u{1b}[A\nn\n"] {
        let mut terminal = doctor(&project, &[]);
        terminal.sees("Mend this? [y/N] ").types(answer);
        let said = terminal.ends(1);
        assert!(!said.contains("fix:"), "{answer:?}: {said}");
        assert_eq!(before, project.fingerprint(), "{answer:?}: {said}");
    }
}

#[test]
fn ctrl_c_at_a_question_changes_nothing() {
    let sandbox = Sandbox::new();
    let project = installed(&sandbox, "one");
    let before = project.fingerprint();
    // 130 is what the shell makes of it, which goes on.
    for answers in [&[][..], &["y\n"]] {
        let call = project.envtool(&["doctor"]).env("TERM", "dumb");
        let mut terminal = Terminal::through(call, 80, "trap : INT; \"$0\" \"$@\"; echo \"code $?\"");
        terminal.sees("[y/N] ");
        for answer in answers {
            terminal.types(answer).sees("or leave it? [p/t/L] ");
        }
        terminal.ctrl_c();
        terminal.sees("code 130");
        terminal.ends(0);
        assert_eq!(before, project.fingerprint());
    }
}

#[test]
fn nobody_is_asked_who_cannot_or_need_not_answer() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = broken(&sandbox, "app");
    script(&project.path(".envtool/bin/stray"), "#!/bin/sh\n");
    let before = state(&project);
    let quiet = |terminal: Terminal, code: i32| {
        let said = terminal.ends(code);
        assert!(!said.contains("[y/N]") && !said.contains("/L]"), "{said}");
        said
    };
    quiet(doctor(&project, &["--json"]), 1);
    quiet(doctor(&project, &["--quiet"]), 1);
    let call = || project.envtool(&["doctor"]).env("TERM", "dumb");
    quiet(Terminal::of(call().env("CI", "true"), 80), 1);
    quiet(Terminal::through(call(), 80, "exec \"$0\" \"$@\" </dev/null"), 1);
    quiet(Terminal::through(call(), 80, "exec \"$0\" \"$@\" 2>/dev/null"), 1);
    let dry = quiet(doctor(&project, &["--fix", "--dry-run"]), 1);
    assert!(dry.contains("would ask: .envtool/bin/stray: take it away, or leave it?"), "{dry}");
    assert_eq!(before, state(&project));
    // What is piped away is no reason not to ask.
    let mut terminal = Terminal::through(call(), 80, "exec \"$0\" \"$@\" >report");
    terminal.sees("Mend these 2? [y/N] ").types("\n");
    terminal.ends(1);
    assert!(project.read("report").contains("missing: alpha 1.0.0\n"));
    fs::remove_file(project.path("report")).unwrap();
    // `--yes` is the answer; what has more than one stays, and is said with both commands.
    for (args, on_terminal) in
        [(&["--yes"][..], true), (&["--fix", "--yes"], true), (&["--yes"], false), (&["--fix"], false)]
    {
        let said = match on_terminal {
            true => quiet(doctor(&project, args), 1),
            false => project.envtool(&[&["doctor"], args].concat()).run().stdout,
        };
        assert!(said.contains("missing: alpha 1.0.0") && said.contains("Fixed"), "{args:?}: {said}");
        assert!(
            said.contains("`rm .envtool/bin/stray`") && said.contains("envtool add --tool NAME"),
            "{said}"
        );
        assert_eq!(only(&project, &[])["subject"], json!(".envtool/bin/stray"), "{said}");
        project.envtool(&["doctor", "--undo"]).ok();
        assert_eq!(before, state(&project));
    }
}

#[test]
fn where_nothing_can_be_mended_nothing_is_asked() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    let said = doctor(&project, &[]).ends(0);
    assert_eq!(said, "nothing is wrong\n");
    sandbox.git(project.dir(), &["init", "--quiet"]);
    sandbox.git(project.dir(), &["add", "--force", ".envtool/env.toml"]);
    let said = doctor(&project, &[]).ends(1);
    assert!(said.contains("tracked: ") && !said.contains("Mend"), "{said}");
}

#[test]
fn what_cargo_installed_is_pinned() {
    let sandbox = Sandbox::new();
    let project = installed(&sandbox, "one");
    let before = state(&project);
    let stays = only(&project, &["--fix"]);
    assert_eq!((&stays["subject"], &stays["fixed"]), (&json!("before 1.0.0"), &json!(false)));
    let uninstall = "envtool run -- cargo uninstall before";
    let add = "envtool add --tool before@1.0.0 --features loud --no-default-features";
    assert_eq!(
        stays["remedy"],
        json!(format!("pin it: `{uninstall} && {add}`; or take it away: `{uninstall}`"))
    );
    assert_eq!(before, state(&project));
    for args in [&[][..], &["--fix"]] {
        let mut terminal = doctor(&project, args);
        if args.is_empty() {
            terminal.sees("Mend this? [y/N] ").types("y\n");
        }
        terminal.sees("before 1.0.0: pin it, take it away, or leave it? [p/t/L] ").types("p\n");
        let said = terminal.ends(0);
        assert!(said.contains("Took before 1.0.0 over from this machine"), "{said}");
        is_healthy(&project);
        assert_eq!(says(&project, "before"), "before before");
        let link = fs::read_link(project.path(".envtool/bin/before")).unwrap();
        assert!(link.display().to_string().contains("/adopted/"), "{}", link.display());
        assert_eq!(project.read(".envtool/.crates.toml"), "[v1]\n");
        assert_eq!(project.read(".envtool/.crates2.json"), "{\"installs\":{}}");
        let manifest = project.read("envtool.toml");
        assert!(manifest.contains("before = ") && manifest.contains("loud"), "{manifest}");
        assert!(built(&sandbox).is_empty());
        project.envtool(&["sync"]).ok().says(&["nothing to do"]);
        project.envtool(&["doctor", "--undo"]).ok();
        assert_eq!(before, state(&project));
        assert_eq!(only(&project, &[])["subject"], json!("before 1.0.0"));
    }
}

#[test]
fn the_commands_that_are_said_do_what_they_say() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&tool("own", "1.0.0", "\"built\""));
    let project = project(&sandbox, "one", "");
    project.envtool(&["init"]).ok();
    project.envtool(&["sync"]).ok();
    project.envtool(&["run", "--", "cargo", "install", "own"]).ok();
    let remedy = only(&project, &[])["remedy"].as_str().unwrap().to_owned();
    let commands: Vec<&str> = remedy.split('`').skip(1).step_by(2).collect();
    let [pin, take] = commands.as_slice() else { panic!("{remedy}") };
    let envtool = std::path::Path::new(env!("CARGO_BIN_EXE_envtool")).parent().unwrap();
    let shell = |line: &str| {
        sandbox.call("sh", &["-c", line], project.dir()).env("PATH", sandbox.path_after(envtool)).ok();
    };
    shell(take);
    is_healthy(&project);
    project.envtool(&["run", "--", "cargo", "install", "own"]).ok();
    shell(pin);
    is_healthy(&project);
    assert_eq!(says(&project, "own"), "built");
    // And by envtool itself, of what cargo really did.
    project.envtool(&["remove", "own"]).ok();
    project.envtool(&["run", "--", "cargo", "install", "own"]).ok();
    let before = state(&project);
    for answer in ["t\n", "pin\n"] {
        let mut terminal = doctor(&project, &["--fix"]);
        terminal.sees("[p/t/L] ").types(answer);
        terminal.ends(0);
        is_healthy(&project);
        let listed = project.envtool(&["run", "--", "cargo", "install", "--list"]).ok();
        assert_eq!(listed.stdout, "");
        project.envtool(&["doctor", "--undo"]).ok();
        assert_eq!(before, state(&project));
    }
    assert_eq!(says(&project, "own"), "built");
}

#[test]
fn what_is_taken_away_comes_back_byte_for_byte() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    install(&project.path(".envtool"), &["before", "kept"].map(Before::new));
    script(&project.path(".envtool/bin/a b's"), "#!/bin/sh\n");
    fs::set_permissions(project.path(".envtool/bin/a b's"), fs::Permissions::from_mode(0o741)).unwrap();
    symlink("nowhere", project.path(".envtool/bin/link")).unwrap();
    project.write(".envtool/vendor/mine/Cargo.toml", "").write(".envtool/vendor/mine/src/lib.rs", "mine");
    fs::set_permissions(project.path(".envtool/vendor/mine/src"), fs::Permissions::from_mode(0o555)).unwrap();
    project.write(".envtool/vendor-mine/x", "");
    let before = state(&project);
    let mut terminal = doctor(&project, &["--fix"]);
    for (subject, answer) in [
        (".envtool/vendor/mine: take it away", "take\n"),
        (".envtool/vendor-mine/x: take it away", "t\n"),
        ("before 1.0.0: pin it, take it away, or leave it", "t\n"),
        ("kept 1.0.0: pin it, take it away, or leave it", "\n"),
        (".envtool/bin/a b's: take it away", "t\n"),
        (".envtool/bin/link: take it away", "T\n"),
    ] {
        terminal.sees(subject).sees("/L] ").types(answer);
    }
    let said = terminal.ends(1);
    assert!(said.contains("5 fixed"), "{said}");
    assert_eq!(only(&project, &[])["subject"], json!("kept 1.0.0"), "{said}");
    for gone in ["vendor/mine", "vendor-mine/x", "bin/before", "bin/a b's", "bin/link"] {
        assert!(!project.has(&format!(".envtool/{gone}")), "{gone}");
    }
    for record in [".crates.toml", ".crates2.json"] {
        let text = project.read(&format!(".envtool/{record}"));
        assert!(text.contains("kept 1.0.0") && !text.contains("before"), "{text}");
    }
    assert_eq!(project.envtool(&["run", "--", "cargo-hi"]).ok().stdout, "hi\n");
    assert_eq!(project.run_isolated(), "alpha 1.0.0 beta 1.0.0\n");
    project.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(before, state(&project));
    fs::set_permissions(project.path(".envtool/vendor/mine/src"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_was_put_at_the_place_of_what_went_is_not_lost() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    for place in ["bin/stray", "vendor/stray"] {
        let place = format!(".envtool/{place}");
        project.write(&place, "old");
        let before = state(&project);
        let mut terminal = doctor(&project, &["--fix"]);
        terminal.sees("/L] ").types("t\n");
        terminal.ends(0);
        project.write(&place, "new");
        project.envtool(&["doctor", "--undo"]).refused(1).says(&[&place, "was put there since"]);
        assert_eq!(project.read(&place), "new");
        fs::remove_file(project.path(&place)).unwrap();
        project.envtool(&["doctor", "--undo"]).ok();
        assert_eq!(before, state(&project));
        fs::remove_file(project.path(&place)).unwrap();
    }
}

#[test]
fn a_killed_take_away_is_finished_or_was_never_begun() {
    let sandbox = Sandbox::new();
    let project = installed(&sandbox, "one");
    let before = state(&project);
    let begun = Instant::now();
    let run = |wait: Option<Duration>| {
        let mut terminal = doctor(&project, &["--fix"]);
        terminal.sees("[p/t/L] ").types("t\n");
        match wait {
            None => drop(terminal.ends(0)),
            Some(wait) => {
                std::thread::sleep(wait);
                terminal.kill();
            }
        }
    };
    run(None);
    let whole = begun.elapsed();
    project.envtool(&["doctor", "--undo"]).ok();
    for moment in 0..8 {
        run(Some(whole * moment / 16));
        let left = project.envtool(&["doctor"]).run();
        let (records, there) = (project.read(".envtool/.crates.toml"), project.has(".envtool/bin/before"));
        assert_eq!(records.contains("before"), there, "moment {moment}: {left}");
        if !there {
            project.envtool(&["doctor", "--undo"]).ok();
        }
        assert_eq!(before, state(&project), "moment {moment}");
    }
}

#[test]
fn records_that_changed_since_stand_only_in_the_way_of_a_fix_that_wrote_them() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = broken(&sandbox, "app");
    project.envtool(&["doctor", "--fix"]).ok();
    install(&project.path(".envtool"), &[Before::new("before")]);
    project.envtool(&["doctor", "--undo"]).ok();
    project.envtool(&["doctor", "--fix"]).run();
    let mut terminal = doctor(&project, &["--fix"]);
    terminal.sees("[p/t/L] ").types("t\n");
    terminal.ends(0);
    project.write(".envtool/.crates.toml", "[v1]\n# another\n");
    project.envtool(&["doctor", "--undo"]).refused(1).says(&[".crates.toml has changed since"]);
}

#[test]
fn a_record_that_cannot_be_read_is_left_and_what_it_may_name_can_be_taken_away() {
    let sandbox = Sandbox::new();
    let project = installed(&sandbox, "one");
    for record in [".crates.toml", ".crates2.json"] {
        fs::write(project.path(&format!(".envtool/{record}")), b"<<<\xff").unwrap();
    }
    let before = state(&project);
    let mut terminal = doctor(&project, &["--fix"]);
    terminal.sees(".envtool/bin/before: take it away, or leave it? [t/L] ").types("t\n");
    terminal.ends(0);
    assert!(!project.has(".envtool/bin/before"));
    project.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(before, state(&project));
}

#[test]
fn a_python_package_that_nobody_pinned_is_pinned_or_taken_away() {
    let sandbox = Sandbox::new();
    for name in ["known", "spare"] {
        sandbox.pypi().publish(&saying(name, "1.0"));
    }
    let project = sandbox.project("app");
    project.write("envtool.toml", "[modules]\nknown = \"1.0\"\n").envtool(&["sync"]).ok();
    let lib = fs::read_dir(project.path(".envtool/python/lib")).unwrap().next().unwrap().unwrap();
    let site = lib.path().join("site-packages");
    let put = |file: &str, text: &str| crate::support::write(&site.join(file), text);
    put("spare.py", "ID = 'by hand'\n");
    put("spare-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: spare\nVersion: 1.0\n");
    put("spare-1.0.dist-info/RECORD", "spare.py,,\n");
    put("spare-1.0.dist-info/INSTALLER", "hand\n");
    let before = state(&project);
    let python = |code: &str| project.envtool(&["run", "--", "python", "-B", "-c", code]).run();
    for (answer, pinned) in [("p\n", true), ("t\n", false)] {
        let mut terminal = doctor(&project, &["--fix"]);
        terminal.sees("spare 1.0: pin it, take it away, or leave it? [p/t/L] ").types(answer);
        terminal.ends(0);
        is_healthy(&project);
        assert_eq!(project.read("envtool.toml").contains("spare = \"1.0\""), pinned);
        let output = python("import spare; print(spare.ID)");
        assert_eq!(output.stdout, if pinned { "spare 1.0\n" } else { "" }, "{output}");
        project.envtool(&["doctor", "--undo"]).ok();
        assert_eq!(before, state(&project));
    }
}

#[test]
fn a_folder_among_the_crates_is_pinned_where_it_says_what_it_is() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&krate("alpha", "1.0.0"));
    let one = project(&sandbox, "one", "");
    one.envtool(&["init"]).ok();
    one.envtool(&["sync"]).ok();
    one.write(".envtool/vendor/alpha-1.0.0/Cargo.toml", "[package]\nname = \"alpha\"\nversion = \"1.0.0\"\n");
    // The record notes the cargo that last looked at the environment.
    let without = [".envtool/journal", ".envtool/env.toml"];
    let before = fingerprint(one.dir(), &without);
    let mut terminal = doctor(&one, &["--fix"]);
    terminal.sees(".envtool/vendor/alpha-1.0.0: pin it, take it away, or leave it? [p/t/L] ").types("p\n");
    terminal.ends(0);
    is_healthy(&one);
    assert!(one.read("envtool.toml").contains("alpha = \"1.0.0\""));
    assert!(one.path(".envtool/vendor/alpha-1.0.0").is_symlink());
    one.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(before, fingerprint(one.dir(), &without));
    // In a cargo project it is said how; which manifest is to name it cannot be asked so.
    let app = sandbox.project("app");
    app.app("", "").lock().set_up();
    app.write(".envtool/vendor/mine/Cargo.toml", "[package]\nname = \"alpha\"\nversion = \"1.0.0\"\n");
    let finding = only(&app, &[]);
    let remedy = finding["remedy"].as_str().unwrap();
    assert!(remedy.contains("rm -r .envtool/vendor/mine && envtool add --lib alpha@1.0.0"), "{remedy}");
    let mut terminal = doctor(&app, &["--fix"]);
    terminal.sees(".envtool/vendor/mine: take it away, or leave it? [t/L] ").types("t\n");
    terminal.ends(0);
    is_healthy(&app);
}

#[test]
fn a_choice_that_cannot_be_done_changes_nothing() {
    let sandbox = Sandbox::new();
    let project = installed(&sandbox, "one");
    sandbox.cut_network();
    let before = state(&project);
    let mut terminal = doctor(&project, &["--fix"]);
    fs::remove_dir_all(sandbox.store().join("v1/index")).unwrap_or_default();
    terminal.sees("[p/t/L] ").types("p\n").sees("error: ").sees("help: ");
    terminal.ends(1);
    assert_eq!(before, state(&project));
}

#[test]
fn it_fits_the_terminal_and_stands_out_only_there() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = broken(&sandbox, "app");
    script(&project.path(".envtool/bin/stray"), "#!/bin/sh\n");
    let look = |columns: usize, term: &str, args: &[&str]| {
        let all: Vec<&str> = ["doctor"].iter().chain(args).copied().collect();
        let mut terminal = Terminal::of(project.envtool(&all).env("TERM", term), columns);
        terminal.sees("[y/N] ").types("\n");
        terminal.ends(1)
    };
    insta::assert_snapshot!(look(80, "dumb", &[]), @"
    Errors
      missing: alpha 1.0.0
        its place in .envtool is empty, or holds something else
        --fix would: make the environment what the lock says

    Warnings
      extra: .envtool/bin/stray
        nothing that is pinned owns it: a clone of the project will not have it
        to pin what it belongs to:
          `rm .envtool/bin/stray && envtool add --tool NAME`
        to take it away: `rm .envtool/bin/stray`
    1 error, 1 warning, 0 infos
    Mend these 2? [y/N]
    ");
    insta::assert_snapshot!(look(40, "dumb", &[]), @"
    Errors
      missing: alpha 1.0.0
        its place in .envtool is empty, or
          holds something else
        --fix would: make the environment
          what the lock says

    Warnings
      extra: .envtool/bin/stray
        nothing that is pinned owns it: a
          clone of the project will not have
          it
        to pin what it belongs to: `rm
          .envtool/bin/stray && envtool add
          --tool NAME`
        to take it away:
          `rm .envtool/bin/stray`
    1 error, 1 warning, 0 infos
    Mend these 2? [y/N]
    ");
    let coloured = look(80, "xterm", &[]);
    assert!(coloured.contains("\u{1b}[1malpha\u{1b}[0m \u{1b}[1m1.0.0\u{1b}[0m"), "{coloured:?}");
    let plain = look(80, "dumb", &[]);
    assert_eq!(look(80, "xterm", &["--color", "never"]), plain);
    let call = project.envtool(&["doctor"]).env("TERM", "xterm").env("NO_COLOR", "1");
    let mut terminal = Terminal::of(call, 80);
    terminal.sees("[y/N] ").types("\n");
    assert_eq!(terminal.ends(1), plain);
    // Without a terminal: a line a sentence, and colour only where it is asked for.
    let piped = project.envtool(&["doctor"]).run();
    insta::assert_snapshot!(format!("{}---\n{}", piped.stdout, piped.stderr), @"
    Errors
      missing: alpha 1.0.0
        its place in .envtool is empty, or holds something else
        --fix would: make the environment what the lock says

    Warnings
      extra: .envtool/bin/stray
        nothing that is pinned owns it: a clone of the project will not have it
        to pin what it belongs to: `rm .envtool/bin/stray && envtool add --tool NAME`
        to take it away: `rm .envtool/bin/stray`
    ---
    1 error, 1 warning, 0 infos; `envtool doctor --fix` mends 1
    ");
    let always = project.envtool(&["doctor", "--color", "always"]).run();
    assert!(always.stdout.contains("\u{1b}[1malpha"), "{always}");
    // What a name holds is shown and not obeyed.
    script(&project.path(".envtool/bin/x\u{1b}[31m"), "");
    assert!(!project.envtool(&["doctor"]).run().stdout.contains('\u{1b}'));
}
