//! `source .envtool/bin/activate` and `deactivate`, in the real shells: what they set, that they take all of it back,
//! and under which names, from which places and with which options of a user they do.
//!
//! A test here is a shell script that every shell of the row runs. Its helpers stand in [`PRELUDE`].

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use envtool::environment::SCRIPTS;

use crate::support::{Project, Sandbox, skipped};

/// What every script begins with. `is GOT WANTED WHAT` ends it where two texts differ; `state FILE` writes down all
/// that the shell knows: variables with their attributes, functions, aliases, traps and options.
const PRELUDE: &str = r#"
is() { [ "$1" = "$2" ] || { printf 'FAILED: %s\n   is [%s]\nnot [%s]\n' "$3" "$1" "$2"; exit 99; }; }
gone() { case $(command -V "$1" 2>&1) in *unction*) printf 'FAILED: the function %s is left\n' "$1"; exit 99;; esac; }
state() {
    {
        if [ -n "${BASH_VERSION-}" ]; then declare -p; declare -f; shopt -p
        elif [ -n "${ZSH_VERSION-}" ]; then typeset -p; functions
        elif [ -n "${KSH_VERSION-}" ]; then typeset -p; typeset +f
        else set; fi
        export -p; alias; trap; set -o; umask; pwd
    } >|"$HOME/$1"
}
"#;

/// Variables that a shell itself changes from line to line.
pub(crate) const LIVELY: &[&str] = &[
    "_",
    "?",
    "!",
    "$",
    "0",
    "#",
    "BASHPID",
    "BASH_ARGC",
    "BASH_ARGV",
    "BASH_COMMAND",
    "BASH_LINENO",
    "BASH_SOURCE",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "FUNCNAME",
    "HISTCMD",
    "LINENO",
    "PIPESTATUS",
    "RANDOM",
    "SECONDS",
    "SRANDOM",
    "TTYIDLE",
    "_AST_FEATURES",
    "funcfiletrace",
    "funcsourcetrace",
    "functrace",
    "pipestatus",
    "status",
    "argv",
];

/// The lines of what `state` wrote, without those of [`LIVELY`] variables.
fn state(sandbox: &Sandbox, file: &str) -> String {
    let text = String::from_utf8_lossy(&fs::read(sandbox.home().join(file)).unwrap()).into_owned();
    let lively = |line: &&str| {
        let name = line.split('=').next().unwrap_or_default().split(' ').next_back().unwrap_or_default();
        !LIVELY.contains(&name)
    };
    text.lines().filter(lively).collect::<Vec<_>>().join("\n")
}

/// Two states must be one; what differs is said by the line.
fn same(sandbox: &Sandbox, what: &str) {
    let (before, after) = (state(sandbox, "before"), state(sandbox, "after"));
    assert!(before.lines().count() > 20, "`state` saw nothing\n{before}");
    let lost = before.lines().filter(|line| !after.lines().any(|other| other == *line));
    let left = after.lines().filter(|line| !before.lines().any(|other| other == *line));
    let differ: Vec<String> =
        lost.map(|line| format!("- {line}")).chain(left.map(|line| format!("+ {line}"))).collect();
    assert!(before == after, "{what}\n{}", differ.join("\n"));
}

/// The shells of `activate` that are installed here.
fn shells(sandbox: &Sandbox) -> Vec<&'static str> {
    let row = SCRIPTS.iter().find(|script| script.name == "activate").unwrap();
    let there = |shell: &&&str| {
        let there = sandbox.has_program(shell);
        if !there {
            skipped(&format!("{shell} is not installed, so `activate` was not tried with it"));
        }
        there
    };
    row.shells.iter().filter(there).copied().collect()
}

/// A project with an environment, whose `bin` holds `tool`, which prints the project's name.
pub(crate) fn ready<'a>(sandbox: &'a Sandbox, name: &str) -> Project<'a> {
    let project = sandbox.project(name);
    project.write("envtool.toml", "").envtool(&["init"]).ok();
    program(&project.path(".envtool/bin/tool"), name);
    project
}

pub(crate) fn program(file: &Path, word: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, format!("#!/bin/sh\necho {word}\n")).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs a script in one shell; it must come to its end. `values` are variables that it is handed, not exported.
fn run(sandbox: &Sandbox, shell: &str, dir: &Path, values: &[(&str, &Path)], script: &str) -> String {
    let mut text = PRELUDE.to_owned();
    for (name, value) in values {
        text.push_str(&format!("{name}='{}'\n", value.to_str().unwrap().replace('\'', r"'\''")));
    }
    text.push_str(script);
    text.push_str("\n\\printf 'to the end\\n'\n");
    let file = sandbox.home().join("script.sh");
    fs::write(&file, &text).unwrap();
    let output = sandbox.call(shell, &[file.as_os_str()], dir).run();
    assert!(
        output.code == Some(0)
            && output.stdout.ends_with("to the end\n")
            && !output.stdout.contains("FAILED"),
        "{shell} in {}\n{script}\n{output}",
        dir.display()
    );
    assert_eq!(output.stderr, "", "{shell} in {}\n{script}", dir.display());
    output.stdout.strip_suffix("to the end\n").unwrap().to_owned()
}

/// What a user may have set, and the shells that know it (all, where none is named).
const CIRCUMSTANCES: &[(&[&str], &str)] = &[
    (&[], ":"),
    (&[], "set -eu"),
    (&["bash", "zsh", "ksh"], "set -euo pipefail"),
    // ksh itself exports IFS then, with the first substitution.
    (&[], "set -a; : \"$(/bin/true)\""),
    (&[], "set -f"),
    (&[], "set -C"),
    (&[], "IFS=/:ep"),
    (&[], "IFS="),
    (&[], "unset PS1"),
    (&[], "PS1="),
    (&[], "PS1='$(tool) > '"),
    (&[], "export PS1='exported> '"),
    (&[], "PS1='left alone> '; export ENVTOOL_DISABLE_PROMPT=1"),
    (&[], "ENVTOOL_ENV=mine CARGO_INSTALL_ROOT="),
    (&[], "export ENVTOOL_ENV=mine CARGO_INSTALL_ROOT="),
    (&[], "export OTHER='a\nexport PATH=b\nexport ENVTOOL_ENV=c'"),
    (&[], "PATH=:$PATH:"),
    (&[], "PATH=$PATH::/none:/none"),
    (&[], "PATH=/with\\ blank:/with\\*star:$PATH"),
    (&[], "not_exported=$PATH; unset PATH; PATH=$not_exported"),
    (&[], "unset HOME CARGO_HOME; HOME=$HOME_OF_TEST"),
    (&[], "CDPATH=/:/usr; export CDPATH"),
    (&[], "cd() { echo cd; }; pwd() { echo pwd; }; readlink() { echo readlink; }; ls() { echo ls; }"),
    (
        &[],
        "alias cd=false unset=false export=false printf=false set=false hash=false eval=false read=false command=false typeset=false",
    ),
    (
        &["bash"],
        "shopt -s expand_aliases; alias cd=false unset=false export=false printf=false set=false eval=false typeset=false",
    ),
    (&["bash"], "shopt -s nocasematch extglob nullglob failglob dotglob nocaseglob; set -P"),
    (&["bash"], "trap 'echo ERR' ERR; trap 'echo RETURN >/dev/null' RETURN; set -E"),
    (&["bash"], "set -o posix; set -eu"),
    (&["bash"], "set +h; shopt -u promptvars"),
    (&["bash", "zsh"], "deactivate() { echo \"somebody else's $1\"; }"),
    (&["zsh"], "setopt shwordsplit noclobber nomatch ksharrays globsubst"),
    (&["zsh"], "setopt extendedglob nullglob cshnullglob globassign rcquotes rcexpandparam cshjunkiequotes"),
    (
        &["zsh"],
        "setopt warncreateglobal warnnestedvar typesetsilent kshtypeset posixidentifiers posixbuiltins",
    ),
    (&["zsh"], "setopt nopromptpercent promptsubst promptbang errreturn nounset nofunctionargzero"),
    (&["zsh"], "setopt autopushd chaselinks chasedots pushdtohome autocd posixcd noglobalexport allexport"),
    (&["zsh"], "emulate sh"),
    (&["zsh"], "emulate ksh"),
    (&["zsh"], "chpwd() { echo moved; }; typeset -U path; alias -g D=done"),
    (&["ksh"], "set -o nounset -o errexit -o globstar -o markdirs"),
    (&["ksh"], "trap 'echo ERR' ERR"),
];

#[test]
fn it_sets_what_run_sets_and_takes_all_of_it_back_under_whatever_a_user_has_set() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    let values = [
        ("ACT", &*project.path(".envtool/bin/activate")),
        ("ROOT", &*project.path(".envtool")),
        ("HOME_OF_TEST", &*sandbox.home()),
    ];
    for shell in shells(&sandbox) {
        for (_, circumstance) in
            CIRCUMSTANCES.iter().filter(|(own, _)| own.is_empty() || own.contains(&shell))
        {
            let script = format!(
                r#"
{circumstance}
HELD=unset
[ -z "${{PS1+set}}" ] || HELD=$PS1
OUTSIDE=$PATH
state before
. "$ACT"
is "$?" 0 status
is "$(tool)" app tool
is "$PATH" "$ROOT/bin:$OUTSIDE:$HOME/.cargo/bin" PATH
is "$ENVTOOL_ENV" "$ROOT" ENVTOOL_ENV
is "$(/bin/sh -c 'echo "$ENVTOOL_ENV+$CARGO_INSTALL_ROOT+$PATH"')" "$ROOT+$ROOT+$PATH" 'what a program sees'
if [ "$HELD" = unset ]; then is "${{PS1+set}}" '' PS1
elif [ -n "${{ENVTOOL_DISABLE_PROMPT-}}" ]; then is "$PS1" "$HELD" PS1
else is "$PS1" "(app) $HELD" PS1; fi
deactivate
is "$?" 0 'status of deactivate'
state after
"#
            );
            run(&sandbox, shell, project.dir(), &values, &script);
            same(&sandbox, &format!("{shell} after `{circumstance}`"));
        }
    }
}

#[test]
fn where_there_is_a_python_it_is_the_environments_and_all_comes_back() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    let values = [("ACT", &*project.path(".envtool/bin/activate")), ("ROOT", &*project.path(".envtool"))];
    let cfg = project.path(".envtool/python/pyvenv.cfg");
    fs::create_dir_all(cfg.parent().unwrap()).unwrap();
    let circumstances = [
        "unset VIRTUAL_ENV PYTHONHOME",
        "export VIRTUAL_ENV=/mine PYTHONHOME='/the irs'",
        "VIRTUAL_ENV=/mine; PYTHONHOME=",
        "export VIRTUAL_ENV=; PYTHONHOME=/theirs",
        "set -eu; export PYTHONHOME=/theirs",
        "set -a; : \"$(/bin/true)\"; VIRTUAL_ENV=/mine",
    ];
    for shell in shells(&sandbox) {
        for circumstance in circumstances {
            fs::write(&cfg, "home = /usr/bin\n").unwrap();
            let script = format!(
                r#"
{circumstance}
state before
. "$ACT"
. "$ACT"
is "$VIRTUAL_ENV" "$ROOT/python" VIRTUAL_ENV
is "${{PYTHONHOME-none}}" none PYTHONHOME
is "$(/bin/sh -c 'echo "$VIRTUAL_ENV+${{PYTHONHOME-none}}"')" "$ROOT/python+none" 'what a program sees'
deactivate
state after
"#
            );
            run(&sandbox, shell, project.dir(), &values, &script);
            same(&sandbox, &format!("{shell} after `{circumstance}`"));
            // Without one of its own it leaves both alone.
            fs::remove_file(&cfg).unwrap();
            let script = format!(
                r#"
{circumstance}
HELD=${{VIRTUAL_ENV-none}}+${{PYTHONHOME-none}}
. "$ACT"
is "${{VIRTUAL_ENV-none}}+${{PYTHONHOME-none}}" "$HELD" 'what is left alone'
deactivate
is "${{VIRTUAL_ENV-none}}+${{PYTHONHOME-none}}" "$HELD" 'what is left alone'
"#
            );
            run(&sandbox, shell, project.dir(), &values, &script);
        }
    }
    for (cfg_there, seen) in [
        (true, format!("{}+none\n", project.path(".envtool/python").display())),
        (false, "/mine+/theirs\n".to_owned()),
    ] {
        if cfg_there {
            fs::write(&cfg, "home = /usr/bin\n").unwrap();
        } else {
            fs::remove_file(&cfg).unwrap();
        }
        let call = project.envtool(&["run", "--", "sh", "-c", "echo \"$VIRTUAL_ENV+${PYTHONHOME-none}\""]);
        let call = call.env("VIRTUAL_ENV", "/mine").env("PYTHONHOME", "/theirs");
        assert_eq!(call.ok().stdout, seen);
    }
}

#[test]
fn a_path_that_is_unset_or_empty_comes_back_as_it_was() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    let values = [("ACT", &*project.path(".envtool/bin/activate")), ("ROOT", &*project.path(".envtool"))];
    for shell in shells(&sandbox) {
        for (circumstance, after) in [("unset PATH", ""), ("PATH=", "set"), ("PATH=; export PATH", "set")] {
            let script = format!(
                r#"{circumstance}
. "$ACT"
is "$PATH" "$ROOT/bin:$HOME/.cargo/bin" PATH
deactivate
is "${{PATH+set}}${{PATH-}}" "{after}" 'PATH afterwards'"#
            );
            // Nothing on PATH helps a shell to find itself, wherever it stands.
            run(&sandbox, shell, &sandbox.empty(), &values, &script);
        }
    }
}

#[test]
fn no_function_and_no_variable_of_its_own_is_left() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    let values = [("ACT", &*project.path(".envtool/bin/activate"))];
    let text = project.read(".envtool/bin/activate");
    let functions: Vec<&str> =
        text.lines().filter_map(|line| line.strip_suffix("() {")).map(str::trim).collect();
    assert!(functions.contains(&"deactivate") && functions.len() > 5, "{functions:?}");
    for shell in shells(&sandbox) {
        let script = format!(
            r#"
. "$ACT"
. "$ACT"
deactivate
for name in {}; do gone "$name"; done
is "$(set | grep -i '^_envtool')" '' 'what is left'"#,
            functions.join(" ")
        );
        run(&sandbox, shell, project.dir(), &values, &script);
    }
}

/// Names of folders that a shell or its prompt might take for something else.
pub(crate) const NAMES: &[&str] = &[
    "plain",
    "a blank",
    "quo'te\"s",
    "$HOME `touch hacked` $(touch hacked)",
    "glob*[a-z]?",
    "new\nline",
    "-dash",
    "per%cent%n%d!",
    "back\\slash\\$(touch hacked)\\u\\[",
    "tilde~#{a,b}",
    "\u{fc}n\u{ef}\u{1b}[31m",
];

#[test]
fn it_finds_its_folder_from_everywhere_whatever_it_is_called_and_moved_to() {
    let sandbox = Sandbox::new();
    let mut at = ready(&sandbox, "first").dir().to_owned();
    for name in NAMES {
        // The environment is never told that it moved.
        let to = sandbox.home().join("work").join(name);
        fs::rename(&at, &to).unwrap();
        at = to;
        fs::create_dir_all(at.join("src")).unwrap();
        let values = [("ROOT", &*at.join(".envtool"))];
        let places: [(PathBuf, &str); 6] = [
            (at.clone(), ". .envtool/bin/activate"),
            (at.join("src"), ". ../.envtool/bin/activate"),
            (at.join("src"), ". .././src//../.envtool/bin/activate"),
            (at.join(".envtool/bin"), ". ./activate"),
            (sandbox.empty(), ". \"$ROOT/bin/activate\""),
            (
                PathBuf::from("/"),
                "set -eu; (. \"$ROOT/bin/activate\"; is \"$(tool)\" first tool); . \"$ROOT/bin/activate\"",
            ),
        ];
        for shell in shells(&sandbox) {
            for (dir, source) in &places {
                let script = format!(
                    "{source}\nis \"$ENVTOOL_ENV\" \"$ROOT\" ENVTOOL_ENV\nis \"$(tool)\" first tool\ndeactivate\nis \"${{ENVTOOL_ENV-}}\" '' ENVTOOL_ENV"
                );
                run(&sandbox, shell, dir, &values, &script);
            }
        }
    }
}

#[test]
fn a_prompt_never_runs_the_name_of_a_project() {
    let sandbox = Sandbox::new();
    let mut at = ready(&sandbox, "first").dir().to_owned();
    for name in NAMES {
        let to = sandbox.home().join("work").join(name);
        fs::rename(&at, &to).unwrap();
        at = to;
        let shown: String =
            name.chars().map(|c| if c.is_control() || "$`\\%!'\"".contains(c) { '_' } else { c }).collect();
        for shell in shells(&sandbox) {
            let begin = "PS1='end> '\n. .envtool/bin/activate\n";
            let (input, call) = match shell {
                "bash" => ("echo \"[${PS1@P}]\"\nshopt -u promptvars\necho \"[${PS1@P}]\"\n", vec!["bash"]),
                "zsh" => (
                    "print -P -- \"[$PS1]\"\nsetopt promptsubst promptbang\nprint -P -- \"[$PS1]\"\n",
                    vec!["zsh"],
                ),
                // These have no word for it: they show their prompt on a terminal, twice.
                "dash" => (":\n:\nexit\n", vec!["script", "-qec", "dash -i", "/dev/null"]),
                _ => (":\n:\nexit\n", vec!["script", "-qec", "ksh -i", "/dev/null"]),
            };
            if !sandbox.has_program(call[0]) {
                skipped(&format!("{} is not installed, so no prompt of {shell} was looked at", call[0]));
                continue;
            }
            let file = sandbox.home().join("input");
            fs::write(&file, format!("{begin}{input}")).unwrap();
            let output = sandbox
                .call(call[0], &call[1..], &at)
                .env("LC_ALL", "C.UTF-8")
                .command()
                .stdin(fs::File::open(&file).unwrap())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            let wanted = format!("({shown}) end> ");
            assert!(said.matches(&wanted).count() >= 2, "{shell} does not show {wanted:?}\n{said}");
        }
        assert!(!at.join("hacked").exists(), "a prompt ran {name:?}");
    }
}

#[test]
fn a_project_that_is_reached_through_a_link_keeps_the_name_that_the_user_gave() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    let (link, deep) = (sandbox.home().join("link"), sandbox.home().join("work/app/a/b"));
    symlink(project.dir(), &link).unwrap();
    fs::create_dir_all(&deep).unwrap();
    // `..` behind this link leads to `a`, and not to the folder of the link.
    symlink(&deep, sandbox.home().join("far")).unwrap();
    let named = sandbox.home().join("named");
    symlink(project.path(".envtool/bin/activate"), &named).unwrap();
    let (root, real) = (link.join(".envtool"), project.path(".envtool"));
    for shell in shells(&sandbox) {
        let values = [("ROOT", &*root), ("REAL", &*real), ("LINK", &*link), ("NAMED", &*named)];
        for source in
            ["cd \"$LINK\"; . .envtool/bin/activate", "cd \"$LINK/src/..\"; . ./.envtool/bin/activate"]
        {
            let script =
                format!("{source}\nis \"$ENVTOOL_ENV\" \"$ROOT\" ENVTOOL_ENV\nis \"$(tool)\" app tool");
            fs::create_dir_all(project.path("src")).unwrap();
            run(&sandbox, shell, &sandbox.empty(), &values, &script);
        }
        for source in ["cd; . far/../../.envtool/bin/activate", ". \"$NAMED\""] {
            // ksh tells the words without `..`, and there is nothing.
            if shell == "ksh" && source.contains("far") {
                continue;
            }
            let script =
                format!("{source}\nis \"$ENVTOOL_ENV\" \"$REAL\" ENVTOOL_ENV\nis \"$(tool)\" app tool");
            run(&sandbox, shell, &sandbox.empty(), &values, &script);
        }
        // From elsewhere dash can only learn where the file really lies.
        let wanted = if shell == "dash" { "$REAL" } else { "$ROOT" };
        let script =
            format!(". \"$LINK/.envtool/bin/activate\"\nis \"$ENVTOOL_ENV\" \"{wanted}\" ENVTOOL_ENV");
        run(&sandbox, shell, &sandbox.empty(), &values, &script);
    }
}

#[test]
fn one_environment_at_a_time_is_active_and_the_way_back_leads_outside() {
    let sandbox = Sandbox::new();
    let (one, other) = (ready(&sandbox, "one"), ready(&sandbox, "one/other"));
    let values = [("ONE", &*one.path(".envtool")), ("OTHER", &*other.path(".envtool"))];
    for shell in shells(&sandbox) {
        let script = r#"
PS1='end> '
OUTSIDE=$PATH
state before
. "$ONE/bin/activate"
ONCE=$PATH
. "$ONE/bin/activate"
is "$PATH" "$ONCE" 'twice'
is "$PS1" '(one) end> ' PS1
. "$OTHER/bin/activate"
is "$(tool)" one/other tool
is "$PATH" "$OTHER/bin:$OUTSIDE:$HOME/.cargo/bin" PATH
is "$PS1" '(other) end> ' PS1
PATH=$PATH:/added
deactivate
unset ONCE
state after
is "$PATH" "$OUTSIDE" 'PATH afterwards'
"#;
        run(&sandbox, shell, one.dir(), &values, script);
        same(&sandbox, shell);
        // A shell that was started inside has the variables, and no `deactivate`.
        for child in shells(&sandbox) {
            let inner =
                r#". "$ENVTOOL_ENV/bin/activate"; echo "$PATH"; deactivate; echo "$PATH $ENVTOOL_ENV""#;
            let script = format!(
                ". \"$ONE/bin/activate\"\nis \"$({child} -c '{inner}')\" \"$PATH\n$PATH $ONE\" 'in a shell inside'"
            );
            run(&sandbox, shell, &sandbox.empty(), &values, &script);
        }
    }
}

#[test]
fn it_works_in_a_function_and_in_a_subshell_and_leaves_arguments_alone() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    let values = [("ACT", &*project.path(".envtool/bin/activate")), ("ROOT", &*project.path(".envtool"))];
    for shell in shells(&sandbox) {
        let mut script = r#"
set -- 'a b' '*'
enter() { . "$ACT"; is "$#+$1" '2+x y' arguments; }
leave() { deactivate; }
state before
enter 'x y' '?'
is "$#+$1+$2" '2+a b+*' arguments
is "$(tool)+$ENVTOOL_ENV" "app+$ROOT" tool
leave
state after
(. "$ACT"; is "$(tool)" app 'tool in a subshell'; deactivate; is "${ENVTOOL_ENV-}" '' ENVTOOL_ENV; . "$ACT")
is "${ENVTOOL_ENV-}" '' 'outside the subshell'
. "$ACT"
(deactivate; is "${ENVTOOL_ENV-}" '' ENVTOOL_ENV)
is "$(tool)" app tool
is "$(deactivate; echo "${ENVTOOL_ENV-}")" '' ENVTOOL_ENV
deactivate
"#
        .to_owned();
        if shell != "dash" {
            script.push_str(
                "function enter_it { . \"$ACT\"; }\nenter_it\nis \"$(tool)\" app tool\ndeactivate\n",
            );
        }
        run(&sandbox, shell, &sandbox.empty(), &values, &script);
        same(&sandbox, shell);
    }
}

#[test]
fn where_it_cannot_be_done_a_line_says_so_and_nothing_changes() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    let loose = sandbox.home().join("loose/bin/activate");
    fs::create_dir_all(loose.parent().unwrap()).unwrap();
    fs::copy(project.path(".envtool/bin/activate"), &loose).unwrap();
    let values = [("LOOSE", &*loose), ("ACT", &*project.path(".envtool/bin/activate"))];
    for shell in shells(&sandbox) {
        for (source, word) in [
            (". \"$LOOSE\"", "activate"),
            ("shopt -s expand_aliases 2>/dev/null; alias deactivate=x; . \"$ACT\"", "unalias deactivate"),
        ] {
            let (before, last) = source.rsplit_once("; ").unwrap_or((":", source));
            let script = format!(
                "{before}\nstate before\n{last} 2>\"$HOME/said\"\nis \"$?\" 1 status\nstate after\nis \"$(grep -c . \"$HOME/said\")\" 1 'lines that it says'"
            );
            run(&sandbox, shell, &sandbox.empty(), &values, &script);
            same(&sandbox, &format!("{shell}: {source}"));
            let said = fs::read_to_string(sandbox.home().join("said")).unwrap();
            assert!(said.starts_with("error: ") && said.contains(word), "{shell}: {said}");
        }
        // Inside an active environment it stays the one that it was.
        let script = ". \"$ACT\"\nWAS=$PATH\n. \"$LOOSE\" 2>/dev/null\nis \"$PATH\" \"$WAS\" PATH\ndeactivate\nis \"${ENVTOOL_ENV-}\" '' ENVTOOL_ENV";
        run(&sandbox, shell, &sandbox.empty(), &values, script);
        // Not sourced but run.
        for dir in [project.dir(), &sandbox.empty(), &project.path(".envtool/bin")] {
            let file = if dir == project.dir() {
                ".envtool/bin/activate".into()
            } else {
                project.path(".envtool/bin/activate")
            };
            let output = sandbox.call(shell, &[&file], dir).run();
            assert_eq!(output.code, Some(1), "{output}");
            assert_eq!(output.stderr.lines().count(), 1, "{output}");
            output.says(&["error: ", "sourced", "help: . "]);
        }
    }
}

#[test]
fn a_folder_that_cannot_stand_on_path_is_said() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    let to = sandbox.home().join("work/a:b");
    fs::rename(project.dir(), &to).unwrap();
    for shell in shells(&sandbox) {
        let script = r#"
OUTSIDE=$PATH
. .envtool/bin/activate 2>|"$HOME/said"
is "$PATH" "$OUTSIDE" PATH
is "$(grep -c 'warning: .*separator' "$HOME/said")" 1 'lines that it says'
deactivate
is "$PATH" "$OUTSIDE" PATH"#;
        run(&sandbox, shell, &to, &[], script);
    }
}

#[test]
fn cargo_finds_the_environments_own_command_before_that_of_its_home() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    program(&project.path(".envtool/bin/cargo-hello"), "mine");
    program(&sandbox.home().join(".cargo/bin/cargo-hello"), "a decoy");
    let script = r#"
OUTSIDE=$PATH
for PATH in "$OUTSIDE" "$HOME/.cargo/bin:$OUTSIDE" "$OUTSIDE:$HOME/.cargo/bin/"; do
    WAS=$PATH
    . .envtool/bin/activate
    is "$(cargo hello)" mine 'cargo hello'
    deactivate
    is "$PATH" "$WAS" PATH
done
PATH=$OUTSIDE
unset CARGO_HOME
. .envtool/bin/activate
is "$PATH" "$ENVTOOL_ENV/bin:$OUTSIDE:$HOME/.cargo/bin" PATH
deactivate
CARGO_HOME=/elsewhere/ PATH=/elsewhere/bin:$PATH
. .envtool/bin/activate
is "$PATH" "$ENVTOOL_ENV/bin:/elsewhere/bin:$OUTSIDE" PATH
deactivate
"#;
    for shell in shells(&sandbox) {
        run(&sandbox, shell, project.dir(), &[], script);
    }
}

#[test]
fn the_scripts_are_written_and_put_back_and_no_link_is_followed() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("app");
    project.write("envtool.toml", "").set_up();
    let file = project.path(".envtool/bin/activate");
    for script in SCRIPTS {
        assert_eq!(project.read(&format!(".envtool/bin/{}", script.name)), script.text);
        assert!(!script.text.contains(sandbox.home().to_str().unwrap()), "it names a folder");
    }
    assert_eq!(fs::symlink_metadata(&file).unwrap().permissions().mode() & 0o7777, 0o644);
    project.envtool(&["sync"]).ok().says(&["nothing to do"]);
    // What a user puts beside it is no reason for a sync.
    program(&project.path(".envtool/bin/mine"), "mine");
    project.envtool(&["sync"]).ok().says(&["nothing to do"]);
    fs::remove_file(&file).unwrap();
    assert!(!project.envtool(&["sync"]).ok().stderr.contains("nothing to do"));
    assert_eq!(fs::read_to_string(&file).unwrap(), SCRIPTS[0].text);
    project.envtool(&["sync"]).ok().says(&["nothing to do"]);
    // As an archive of a stranger may bring it.
    let theirs = sandbox.home().join("theirs");
    fs::write(&theirs, "keep\n").unwrap();
    fs::remove_file(&file).unwrap();
    symlink(&theirs, &file).unwrap();
    project.envtool(&["sync"]).ok();
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "keep\n");
    assert_eq!(fs::read_to_string(&file).unwrap(), SCRIPTS[0].text);
    assert!(!fs::symlink_metadata(&file).unwrap().is_symlink());
    assert!(project.has(".envtool/bin/mine"));
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    project.envtool(&["sync"]).refused(1).says(&["bin/activate", "in the way"]);
}

#[test]
fn what_a_killed_init_left_in_bin_is_taken_up() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("app");
    project
        .write("envtool.toml", "")
        .write(".envtool/bin/activate", "# ha")
        .write(".envtool/bin/.envtool-x1", "");
    project.envtool(&["init"]).ok();
    assert_eq!(project.read(".envtool/bin/activate"), SCRIPTS[0].text);
    project.envtool(&["sync"]).ok();
    assert!(!project.has(".envtool/bin/.envtool-x1"));
}
