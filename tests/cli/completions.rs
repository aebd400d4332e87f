//! `completions` and `man`: both come from the definition of the command line, and a shell is offered the names of the
//! project. The shells are the real ones.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use rexpect::process::Signal;
use rexpect::session::spawn_command;

use crate::support::tools::{project, tool};
use crate::support::{Project, Sandbox, skipped, telling};

/// The verbs, as the help names them.
fn verbs(project: &Project<'_>) -> BTreeSet<String> {
    let help = project.envtool(&["--help"]).ok().stdout;
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let indented = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    indented.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// What a shell is offered for the last of these words; flags only where that begins one.
fn offered(project: &Project<'_>, words: &[&str]) -> BTreeSet<String> {
    let all = [&["--", "envtool"], words].concat();
    let output = project.envtool(&all).env("ENVTOOL_COMPLETE", "fish").ok();
    let names = output.stdout.lines().map(|line| line.split('\t').next().unwrap());
    let flags = words.last().is_some_and(|word| word.starts_with('-'));
    names.filter(|name| flags || !name.starts_with('-')).map(str::to_owned).collect()
}

/// A project that pins a crate and two tools, one of them installed.
fn ground(sandbox: &Sandbox) -> Project<'_> {
    sandbox.registry().publish(&telling("serde", "1.0.0"));
    sandbox.registry().publish(&tool("shout", "1.0.0", "\"built\""));
    let project = project(sandbox, "app", "shout = \"1.0.0\"\n[crates]\nserde = \"1.0.0\"\n");
    project.envtool(&["sync"]).ok();
    project
        .write("envtool.toml", &format!("{}[modules]\nrequests = \"2.0\"\n", project.read("envtool.toml")));
    project
}

#[test]
fn verbs_flags_and_the_projects_names_are_offered() {
    let sandbox = Sandbox::new();
    let project = ground(&sandbox);
    let all = verbs(&project);
    assert!(all.contains("add") && all.len() > 10, "{all:?}");
    assert_eq!(offered(&project, &[""]), all);
    assert!(offered(&project, &["sync", "--"]).contains("--offline"));
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(offered(&project, &["remove", ""]), set(&["pypi:requests", "serde", "shout"]));
    assert_eq!(offered(&project, &["remove", "s"]), set(&["serde", "shout"]));
    assert_eq!(offered(&project, &["exec", ""]), set(&["shout"]));
    assert_eq!(offered(&project, &["why", ""]), set(&["pypi:requests", "serde", "shout"]));
    assert_eq!(offered(&project, &["upgrade", "--exclude", "se"]), set(&["serde"]));
    assert_eq!(offered(&project, &["which", ""]), set(&["shout"]));
    assert_eq!(offered(&project, &["run", "sh"]), set(&["shout"]));
    assert!(offered(&project, &["doctor", "--check", "global-"]).contains("global-tool"));
    // Of another folder's project where that is named.
    let elsewhere = sandbox.outside("elsewhere");
    let named = project.path("").display().to_string();
    for flag in ["-C", "--directory"] {
        let call = project.envtool(&["--", "envtool", flag, &named, "remove", "sh"]).in_dir(&elsewhere);
        assert_eq!(call.env("ENVTOOL_COMPLETE", "fish").ok().stdout.trim(), "shout");
    }
    // What cannot be read, and no project at all, offer nothing and say nothing.
    project.write("envtool.toml", "<<<");
    assert_eq!(offered(&project, &["remove", ""]), set(&[]));
    let empty = sandbox.outside("nowhere");
    let call = project.envtool(&["--", "envtool", "remove", "x"]).in_dir(&empty);
    let output = call.env("ENVTOOL_COMPLETE", "fish").ok();
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("", ""));
    let unknown = project.envtool(&["completions", "tcsh"]).run();
    assert_eq!(unknown.code, Some(2));
    unknown.says(&["possible values", "bash", "fish", "zsh"]);
}

#[test]
fn real_shells_complete_with_the_script() {
    let sandbox = Sandbox::new();
    let project = ground(&sandbox);
    let envtool = Path::new(env!("CARGO_BIN_EXE_envtool")).parent().unwrap();
    let path = sandbox.path_after(envtool);
    for (shell, line) in [
        (
            "bash",
            "source completions.bash; COMP_WORDS=(envtool remove sh); COMP_CWORD=2; COMP_TYPE=9; \
             $(complete -p envtool | sed 's/.*-F \\([^ ]*\\).*/\\1/') envtool sh remove; printf '%s\\n' \"${COMPREPLY[@]}\"",
        ),
        ("fish", "source completions.fish; complete -C 'envtool remove sh'"),
    ] {
        if !sandbox.has_program(shell) {
            skipped(&format!("{shell} is not installed"));
            continue;
        }
        let script = project.envtool(&["completions", shell]).ok().stdout;
        project.write(&format!("completions.{shell}"), &script);
        let output = sandbox.call(shell, &["-c", line], project.dir()).env("PATH", &path).ok();
        assert_eq!(output.stdout.trim(), "shout", "{shell}: {output}");
    }
}

/// zsh completes only where somebody types.
#[test]
fn zsh_completes_on_a_terminal() {
    let sandbox = Sandbox::new();
    if !sandbox.has_program("zsh") {
        return skipped("zsh is not installed");
    }
    let project = ground(&sandbox);
    project.write("completions.zsh", &project.envtool(&["completions", "zsh"]).ok().stdout);
    let envtool = Path::new(env!("CARGO_BIN_EXE_envtool")).parent().unwrap();
    let call = sandbox.call("zsh", &["-f", "-i"], project.dir()).env("PATH", sandbox.path_after(envtool));
    let mut command = call.env("TERM", "dumb").command();
    command.stdin(Stdio::inherit());
    let mut shell = spawn_command(command, Some(60_000)).unwrap();
    shell.send_line("autoload -U compinit; compinit -D; source completions.zsh; print rea''dy").unwrap();
    shell.exp_string("ready").unwrap();
    // To the start of the line, so that it is printed and not run.
    shell.send("envtool remove sh\t\x01print -r -- \n").unwrap();
    shell.flush().unwrap();
    shell.exp_string("\nenvtool remove shout").unwrap();
    shell.process_mut().kill(Signal::SIGKILL).unwrap();
}

#[test]
fn every_verb_has_its_page() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("app");
    let main = project.envtool(&["man"]).ok().stdout;
    assert!(main.contains(".TH envtool 1") && main.contains("offline"), "{main}");
    project.envtool(&["man", "--dir", "pages/man1"]).ok();
    let pages = fs::read_dir(project.path("pages/man1")).unwrap();
    let pages: BTreeSet<String> =
        pages.map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    let mut verbs = verbs(&project);
    verbs.remove("help");
    let more = ["cache-dir", "cache-size"].map(str::to_owned);
    let mut wanted: BTreeSet<String> =
        verbs.iter().chain(&more).map(|verb| format!("envtool-{verb}.1")).collect();
    wanted.insert("envtool.1".to_owned());
    assert_eq!(pages, wanted);
    for verb in &verbs {
        let page = project.envtool(&["man", verb]).ok().stdout;
        assert_eq!(page, project.read(&format!("pages/man1/envtool-{verb}.1")));
        assert!(page.contains(concat!("\"envtool ", env!("CARGO_PKG_VERSION"), "\"")), "{page}");
        assert!(main.contains(&format!("envtool\\-{verb}(1)")), "{verb}");
    }
    project.envtool(&["man", "../x"]).refused(2).says(&["no verb"]);
    project.write("file", "");
    project.envtool(&["man", "--dir", "file/x"]).refused(1);
}
