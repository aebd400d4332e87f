//! `which`: the file that would run, and why.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Project, Sandbox};

fn ready(sandbox: &Sandbox) -> Project<'_> {
    let project = sandbox.project("app");
    project.app("", "").lock();
    project.set_up();
    project
}

#[test]
fn a_program_of_the_machine_is_found_behind_the_environment() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let real = sandbox.which("sh");
    let output = project.envtool(&["which", "sh"]).ok();
    assert!(output.stdout.contains(&real.display().to_string()), "{output}");
}

#[test]
fn a_program_in_the_environment_comes_first() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let program = project.path(".envtool/bin/sh");
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    std::fs::write(&program, "#!/bin/false\n").unwrap();
    // What may not be executed is passed by, as a shell does it.
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o644)).unwrap();
    let output = project.envtool(&["which", "sh"]).ok();
    assert!(!output.stdout.contains(&program.display().to_string()), "{output}");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let output = project.envtool(&["which", "sh"]).ok();
    assert!(output.stdout.starts_with(&program.display().to_string()), "{output}");
}

#[test]
fn a_name_that_nothing_answers_to_is_exit_1() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let output = project.envtool(&["which", "no-such-program"]).refused(1);
    output.says(&["no-such-program"]);
    assert_eq!(output.stdout, "");
}
