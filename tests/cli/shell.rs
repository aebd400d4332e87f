//! `shell` and `activate`: a shell of its own in the environment, and the line that puts another one into it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use envtool::environment::SCRIPTS;

use crate::support::shells::{Shell, program, write_rc};
use crate::support::{Project, Sandbox, skipped};

/// A project with an environment, whose `bin` holds `tool`, which prints the project's name.
fn ready<'a>(sandbox: &'a Sandbox, name: &str) -> Project<'a> {
    let project = sandbox.project(name);
    project.envtool(&["init"]).ok();
    project.envtool(&["sync"]).ok();
    program(&project.path(".envtool/bin/tool"), &format!("echo {name}"));
    project
}

#[test]
fn a_shell_is_inside_whatever_its_user_s_rc_file_does_and_its_code_is_passed_on() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    let root = project.path(".envtool").display().to_string();
    for (name, rc) in [
        ("bash", "PS1='mine> '; MINE=read; PATH=/usr/bin:/bin; return 0"),
        ("zsh", "PS1='mine> '; MINE=read; export PATH=/usr/bin:/bin; return 0"),
        ("fish", "function fish_prompt; echo -n 'mine> '; end; set MINE read; set -gx PATH /usr/bin /bin"),
    ] {
        if !sandbox.has_program(name) {
            skipped(&format!("{name} is not installed, so `shell` was not tried with it"));
            continue;
        }
        write_rc(&sandbox, name, rc);
        let call = project.envtool(&["shell"]).env("SHELL", sandbox.which(name)).env("TERM", "dumb");
        let mut shell = Shell::of(call.command(), name, &sandbox.home());
        let said = shell.types("echo \"+$MINE+$ENVTOOL_ENV+$CARGO_INSTALL_ROOT+$ENVTOOL_SHELL$ENVTOOL_HOOK$ENVTOOL_ZDOTDIR$ZDOTDIR+\"; tool");
        assert!(said.contains(&format!("+read+{root}+{root}++\napp\n")), "{name}: {said}");
        assert!(said.contains("(app) mine> "), "{name}: {said}");
        let said = shell.types("echo \"+$PATH+\"; cd /; tool");
        assert!(
            said.contains(&format!("+{root}/bin:/usr/bin:/bin:{}/.cargo/bin+\n", sandbox.home().display())),
            "{name}: {said}"
        );
        assert!(said.ends_with("app\n") || said.contains("\napp\n"), "{name}: {said}");
        // Once more in the same one is a mistake.
        let status = if name == "fish" { "$status" } else { "$?" };
        let said = shell.types(&format!(
            "{} -C '{}' shell; echo \"code-{status}\"",
            env!("CARGO_BIN_EXE_envtool"),
            project.dir().display()
        ));
        assert!(said.contains("is in the environment") && said.contains("code-1"), "{name}: {said}");
        assert_eq!(shell.exits("exit 7"), Some(7), "{name}");
        // Without a terminal it reads what it is handed.
        let piped = sandbox.call(
            "sh",
            &["-c", &format!("echo 'tool; exit 5' | {} shell", env!("CARGO_BIN_EXE_envtool"))],
            project.dir(),
        );
        let output = piped.env("SHELL", sandbox.which(name)).run();
        assert_eq!((output.code, &*output.stdout), (Some(5), "app\n"), "{name}: {output}");
        output.says(&[&format!("{name} in the environment {root}; `exit` leaves it")]);
    }
}

#[test]
fn zsh_reads_its_user_s_files_from_where_they_lie() {
    let sandbox = Sandbox::new();
    if !sandbox.has_program("zsh") {
        return skipped("zsh is not installed, so `shell` was not tried with it");
    }
    let project = ready(&sandbox, "app");
    let home = sandbox.home();
    let say = |what: &str| format!("SEEN=${{SEEN-}}+{what}:${{ZDOTDIR-none}}\n");
    let start = |zdotdir: Option<&Path>| {
        let mut call = project.envtool(&["shell"]).env("SHELL", sandbox.which("zsh")).env("TERM", "dumb");
        if let Some(zdotdir) = zdotdir {
            call = call.env("ZDOTDIR", zdotdir);
        }
        let mut shell = Shell::of(call.command(), "zsh", &home);
        let said = shell.types("echo \"$SEEN/$ZDOTDIR/$(zsh -c 'echo $SEEN')\"; tool");
        shell.ends();
        assert!(said.contains("\napp\n"), "{said}");
        said.lines().find(|line| line.starts_with('+')).unwrap_or_else(|| panic!("{said}")).to_owned()
    };
    let other = home.join("zsh files");
    for folder in [&home, &other] {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(".zshrc"), format!("unsetopt zle prompt_sp; PS1='> '\n{}", say("rc"))).unwrap();
        fs::write(folder.join(".zshenv"), say("env")).unwrap();
    }
    assert_eq!(start(None), "+env:none+rc:none//+env:none");
    let at = other.display();
    assert_eq!(start(Some(&other)), format!("+env:{at}+rc:{at}/{at}/+env:{at}"));
    fs::write(home.join(".zshenv"), format!("ZDOTDIR='{at}'\n{}", say("env"))).unwrap();
    assert_eq!(start(None), format!("+env:{at}+rc:{at}/{at}/+env:{at}"));
}

#[test]
fn a_shell_that_is_not_there_or_not_known_is_said_or_started_plainly() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    for shell in ["/nowhere/bash", "no-such-shell"] {
        let call = project.envtool(&["shell"]).env("SHELL", shell);
        call.refused(127).says(&["could not find the shell", shell, "SHELL=/bin/sh envtool shell"]);
    }
    let odd = sandbox.program("my shell", "#!/bin/sh\ntool\nexit 3\n").join("my shell");
    let output = project.envtool(&["shell"]).env("SHELL", odd).run();
    assert_eq!((output.code, &*output.stdout), (Some(3), "app\n"), "{output}");
    // None is named: the system's.
    let output = project.envtool(&["shell"]).run();
    assert_eq!(output.code, Some(0), "{output}");
    output.says(&["sh in the environment"]);
    project.envtool(&["shell"]).env("ENVTOOL_ENV", project.path(".envtool")).refused(1).says(&["already"]);
    // In another one is another matter.
    project.envtool(&["shell"]).env("ENVTOOL_ENV", "/another").ok();
    sandbox.envtool(&["shell"], &sandbox.empty()).refused(1);
    fs::remove_dir_all(project.path(".envtool")).unwrap();
    project.envtool(&["shell"]).refused(1).says(&["help: envtool sync"]);
}

/// Names of folders that a shell might take for something else.
const NAMES: &[&[u8]] = &[
    b"plain",
    b"a blank",
    b"quo'te\"s",
    b"$HOME `touch HACKED` $(touch HACKED); touch HACKED",
    b"glob*[a-z]?!x",
    b"back\\slash\\$(touch HACKED)",
    b"new\nline",
    b"\xc3\xbcn\x1b[31m",
    b"no \xff\xfe text",
];

#[test]
fn activate_prints_what_every_shell_evaluates_whatever_the_folder_is_called() {
    let sandbox = Sandbox::new();
    for name in NAMES {
        let dir = sandbox.home().join("work").join(OsString::from_vec(name.to_vec()));
        fs::create_dir_all(dir.join("src")).unwrap();
        sandbox.envtool(&["init"], &dir).ok();
        program(&dir.join(".envtool/bin/tool"), "echo it is");
        // What a stranger left there is not what is evaluated.
        fs::write(dir.join(".envtool/bin/activate"), "touch HACKED\n").unwrap();
        for shell in SCRIPTS.iter().flat_map(|script| script.shells) {
            let envtool = env!("CARGO_BIN_EXE_envtool");
            let script = match *shell {
                "nu" => {
                    let said = sandbox.envtool(&["activate", "nu"], &dir).refused(1);
                    said.says(&["overlay use"]);
                    continue;
                }
                "csh" | "tcsh" if name.iter().any(|byte| byte.is_ascii_control() || *byte > 0xf0) => {
                    sandbox.envtool(&["activate", shell], &dir).refused(1);
                    continue;
                }
                "fish" => format!("{envtool} activate fish | source; tool"),
                "csh" | "tcsh" => format!("eval \"`{envtool} activate {shell}`\"; tool"),
                _ => format!("eval \"$({envtool} activate {shell})\"; tool"),
            };
            if !sandbox.has_program(shell) {
                skipped(&format!("{shell} is not installed, so `activate` was not tried with it"));
                continue;
            }
            let output = sandbox.call(shell, &["-c", &script], &dir.join("src")).run();
            assert_eq!((output.code, &*output.stdout), (Some(0), "it is\n"), "{output}");
        }
        assert!(!dir.join("HACKED").exists() && !dir.join("src/HACKED").exists());
    }
}

#[test]
fn activate_takes_the_shell_from_its_variable_and_says_what_it_knows() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    let line = format!(". '{}'\n", project.path(".envtool/bin/activate").display());
    assert_eq!(project.envtool(&["activate"]).env("SHELL", "/usr/local/bin/zsh").ok().stdout, line);
    assert_eq!(project.envtool(&["activate", "/bin/dash"]).env("SHELL", "/bin/nu").ok().stdout, line);
    for call in [
        project.envtool(&["activate"]),
        project.envtool(&["activate", "cmd.exe"]),
        project.envtool(&["activate"]).env("SHELL", "/bin/false"),
    ] {
        call.refused(2).says(&["bash, zsh, dash, ksh"]);
    }
    sandbox.envtool(&["activate", "bash"], &sandbox.empty()).refused(1);
    fs::remove_dir_all(project.path(".envtool")).unwrap();
    project.envtool(&["activate", "bash"]).refused(1).says(&["help: envtool sync"]);
}

#[test]
fn the_line_for_direnv_works_with_direnv() {
    let sandbox = Sandbox::new();
    if !sandbox.has_program("direnv") {
        return skipped("direnv is not installed, so the line for .envrc was not tried");
    }
    let project = ready(&sandbox, "app");
    let bin =
        sandbox.program("envtool", &format!("#!/bin/sh\nexec {} \"$@\"\n", env!("CARGO_BIN_EXE_envtool")));
    project.write(".envrc", "eval \"$(envtool activate bash)\"\n");
    let direnv = |args: &[&str]| {
        let call = sandbox.call("direnv", args, project.dir());
        call.env("PATH", sandbox.path_after(&bin)).ok()
    };
    direnv(&["allow", "."]);
    assert_eq!(direnv(&["exec", ".", "tool"]).stdout, "app\n");
    let said = direnv(&["export", "json"]).stdout;
    let set: serde_json::Value = serde_json::from_str(&said).unwrap();
    let root = project.path(".envtool").display().to_string();
    assert_eq!(set["ENVTOOL_ENV"], root.as_str(), "{said}");
    assert!(set["PATH"].as_str().unwrap().starts_with(&format!("{root}/bin:")), "{said}");
    let ours = set.as_object().unwrap().keys().filter(|name| !name.starts_with("DIRENV_"));
    assert_eq!(ours.collect::<Vec<_>>(), ["CARGO_INSTALL_ROOT", "ENVTOOL_ENV", "PATH"], "{said}");
}
