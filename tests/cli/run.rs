//! `run`: a command in the environment, as if nothing stood between.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use crate::support::{Project, Sandbox, telling};

/// A project whose environment is in order.
fn ready(sandbox: &Sandbox) -> Project<'_> {
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    project.set_up();
    project
}

#[test]
fn the_command_finds_the_environment_in_its_variables() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let env = project.path(".envtool");
    let script = "echo $PATH; echo $ENVTOOL_ENV; echo $CARGO_INSTALL_ROOT; echo $CARGO_HOME; echo $HOME";
    let output = project.envtool(&["run", "--", "sh", "-c", script]).ok();
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert!(lines[0].starts_with(&format!("{}:", env.join("bin").display())), "{output}");
    let rest: Vec<_> = std::env::split_paths(sandbox.path()).collect();
    let now: Vec<_> = std::env::split_paths(lines[0]).collect();
    assert!(rest.iter().all(|folder| now.contains(folder)), "a folder of PATH is lost\n{output}");
    assert!(
        now.contains(&sandbox.home().join(".cargo/bin")),
        "cargo's own bin folder is not on PATH\n{output}"
    );
    assert_eq!(lines[1], env.display().to_string());
    assert_eq!(lines[2], env.display().to_string());
    assert_eq!(lines[3], sandbox.home().join(".cargo").display().to_string());
    assert_eq!(lines[4], sandbox.home().display().to_string());
    assert_eq!(output.stderr, "", "nothing differs, so nothing is said");
}

#[test]
fn the_commands_exit_code_is_its_own() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    for code in [0, 1, 2, 42, 126, 127, 255] {
        let script = format!("exit {code}");
        let output = project.envtool(&["run", "--", "sh", "-c", &script]).run();
        assert_eq!(output.code, Some(code), "{output}");
    }
}

#[test]
fn nothing_stays_between_the_caller_and_the_command() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let child = project
        .envtool(&["run", "--", "sh", "-c", "echo $$; kill -TERM $$"])
        .command()
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), pid.to_string());
    assert_eq!(output.status.signal(), Some(15), "{:?}", output.status);
}

#[test]
fn a_command_that_is_not_there_is_127_and_one_that_cannot_run_is_126() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    project.write("plain.txt", "no program\n");
    project.envtool(&["run", "--", "no-such-command"]).refused(127).says(&["no-such-command"]);
    project.envtool(&["run", "--", "./plain.txt"]).refused(126).says(&["plain.txt"]);
}

#[test]
fn arguments_reach_the_command_as_they_are() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    for before in [&["run", "--"][..], &["run"][..]] {
        let mut args = before.to_vec();
        args.extend(["printf", "[%s]", "--sync", "-q", "a b", "", "--", "*"]);
        assert_eq!(project.envtool(&args).ok().stdout, "[--sync][-q][a b][][--][*]");
    }
}

#[test]
fn it_works_from_a_folder_below() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let below = project.path("src");
    let output = project.envtool(&["run", "--", "sh", "-c", "pwd; echo $ENVTOOL_ENV"]).in_dir(&below).ok();
    assert_eq!(output.stdout, format!("{}\n{}\n", below.display(), project.path(".envtool").display()));
}

#[test]
fn the_environments_programs_come_first() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let program = project.path(".envtool/bin/git");
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    std::fs::write(&program, "#!/bin/sh\necho mine\n").unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(project.envtool(&["run", "--", "git"]).ok().stdout, "mine\n");
}

#[test]
fn without_an_environment_it_says_how_to_make_one() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("app");
    project.app("", "").write("envtool.toml", "[env]\n");
    project.envtool(&["run", "--", "true"]).refused(1).says(&["help: envtool sync"]);
}

#[test]
fn outside_any_project_it_is_refused() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("nothing");
    project.envtool(&["run", "--", "true"]).refused(1).says(&["envtool.toml", "envtool init"]);
}

#[test]
fn with_sync_it_makes_the_environment_first() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    project.envtool(&["init"]).ok();
    std::fs::remove_dir_all(project.path(".envtool")).unwrap();
    let output = project.envtool(&["run", "--sync", "--", "echo", "done"]).ok();
    assert_eq!(output.stdout, "done\n");
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "alpha 1.0.0\n");
}

#[test]
fn a_lock_that_moved_on_is_said_in_one_line_and_the_command_runs() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    sandbox.registry().publish(&telling("alpha", "1.1.0"));
    // What a pull does: a colleague's lock names another version.
    let other = sandbox.project("colleague");
    other.app("alpha = \"1\"\n", "").lock();
    project.write("Cargo.lock", &other.read("Cargo.lock"));
    let output = project.envtool(&["run", "--", "echo", "ran"]).ok();
    assert_eq!(output.stdout, "ran\n");
    assert_eq!(output.stderr.trim_end().lines().count(), 1, "{output}");
    output.says(&["envtool sync"]);
    project.envtool(&["run", "--sync", "--", "true"]).ok();
    assert_eq!(project.envtool(&["run", "--", "true"]).ok().stderr, "");
}

#[test]
fn cargo_called_from_outside_the_project_is_said() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let dir = project.dir().to_owned();
    let outside = sandbox.outside("outside");
    // -C says which project; the command runs where the user stands, and there cargo reads other configurations.
    let output = project
        .envtool(&["-C", dir.to_str().unwrap(), "run", "--", "cargo", "--version"])
        .in_dir(&outside)
        .ok();
    assert!(output.stdout.starts_with("cargo "), "{output}");
    assert_eq!(output.stderr.trim_end().lines().count(), 1, "{output}");
    let other = project.envtool(&["-C", dir.to_str().unwrap(), "run", "--", "pwd"]).in_dir(&outside).ok();
    assert_eq!((other.stdout.trim(), other.stderr.as_str()), (outside.to_str().unwrap(), ""));
}

#[test]
fn without_a_command_it_is_wrong_usage() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let output = project.envtool(&["run"]).run();
    assert_eq!(output.code, Some(2), "{output}");
}

#[test]
fn a_file_on_path_that_is_not_executable_is_126_and_a_path_is_not_looked_up() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("plain");
    project.write("envtool.toml", "");
    project.set_up();
    project.write(".envtool/bin/nx", "no program");
    assert_eq!(project.envtool(&["run", "--", "nx"]).run().code, Some(126));
    assert_eq!(project.envtool(&["run", "--", "./nx"]).run().code, Some(127));
    assert_eq!(project.envtool(&["run", "--", ".envtool/bin/nx"]).run().code, Some(126));
}
