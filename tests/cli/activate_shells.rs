//! Every row of [`SCRIPTS`] in every one of its shells, the real ones: in, a tool, out, and all as it was; from every
//! place, under every name, twice, and one environment inside another.
//!
//! A session is lines of that shell. What differs from shell to shell stands in [`DIALECTS`]: a row of the table without
//! a dialect fails every test here. What only one shell knows is at the end, and what only sh knows in `activate.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use envtool::environment::SCRIPTS;

use crate::activate::{LIVELY, NAMES, ready};
use crate::support::sandbox::Output;
use crate::support::{Project, Sandbox, skipped, write};

/// How a family of shells says what the tests have it do.
#[derive(Clone, Copy)]
struct Dialect {
    /// The script that it is for.
    script: &'static str,
    /// What stands before a session, which is a file, or an argument itself.
    args: &'static [&'static str],
    is_file: bool,
    /// What comes before it where the shell is to end with whatever fails.
    strict: Option<Strict>,
    /// A word that holds this text.
    quote: fn(&str) -> String,
    /// The line that a user types for the script of this name.
    enter: fn(&str) -> String,
    /// Lines, with `{}` for the name and the word.
    export: fn(&str, &str) -> String,
    /// Nothing where the shell brings back what it hid.
    unset: Option<fn(&str) -> String>,
    /// A variable that no program sees, where the shell knows such.
    own: Option<fn(&str, &str) -> String>,
    /// Makes the prompt `end> `.
    prompt: &'static str,
    /// Prints the prompt.
    show: &'static str,
    /// A `deactivate` of somebody else's, which prints `theirs`; nothing where it cannot be kept.
    theirs: Option<&'static str>,
    /// Prints all that the shell knows of itself.
    state: &'static str,
}

#[derive(Clone, Copy)]
enum Strict {
    Argument(&'static str),
    Line(&'static str),
}

const DIALECTS: &[Dialect] = &[
    Dialect {
        script: "activate",
        args: &[],
        is_file: true,
        strict: Some(Strict::Line("set -eu")),
        quote: |text| format!("'{}'", text.replace('\'', r"'\''")),
        enter: |path| format!(". {path}"),
        export: |name, word| format!("export {name}={word}"),
        unset: Some(|name| format!("unset {name}")),
        own: Some(|name, word| format!("unset {name}; {name}={word}")),
        prompt: "PS1='end> '",
        show: "printf '%s\\n' \"$PS1\"",
        theirs: None,
        state: "set; export -p; alias; set -o",
    },
    Dialect {
        script: "activate.fish",
        args: &["--no-config"],
        is_file: true,
        strict: None,
        quote: |text| format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'")),
        enter: |path| format!("source {path}"),
        export: |name, word| format!("set -gx {name} {word}"),
        unset: Some(|name| format!("set -e {name}")),
        own: Some(|name, word| format!("set -g --unexport {name} {word} 'and another'")),
        prompt: "function fish_prompt; echo 'end> '; end",
        show: "fish_prompt",
        theirs: Some("function deactivate; echo theirs; end"),
        state: "set --show; functions --all | string match --invert 'deactivate'; functions --no-details fish_prompt; functions -q deactivate; and functions --no-details deactivate; pwd",
    },
    Dialect {
        script: "activate.csh",
        args: &["-f"],
        is_file: true,
        strict: Some(Strict::Argument("-e")),
        quote: |text| format!("'{}'", text.replace('\'', r"'\''").replace('!', r"\!").replace('\n', "\\\n")),
        enter: |path| format!("source {path}"),
        export: |name, word| format!("setenv {name} {word}"),
        unset: Some(|name| format!("unsetenv {name}")),
        own: Some(|name, word| format!("unsetenv {name}\nset {name} = {word}")),
        prompt: "set prompt = 'end> '",
        show: "echo $prompt:q",
        theirs: Some("alias deactivate 'echo \"theirs\" ; echo $cwd:q'"),
        state: "set; alias; pwd",
    },
    Dialect {
        script: "activate.nu",
        args: &["--no-config-file", "-c"],
        is_file: false,
        strict: None,
        quote: |text| format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n")),
        enter: |path| format!("overlay use {path}"),
        export: |name, word| format!("$env.{name} = {word}"),
        unset: None,
        own: None,
        prompt: "$env.PROMPT_COMMAND = {|| \"end> \" }",
        show: "print (do $env.PROMPT_COMMAND)",
        theirs: None,
        state: "print ($env | reject config | transpose name value | sort-by name | each {|it| $\"($it.name)=($it.value | to nuon --serialize)\" } | to text); print (scope aliases | get name | to text) (scope modules | get name | to text) (overlay list | where active | get name | to text)",
    },
];

/// Calls `test` with every shell of every row that is installed.
fn every_shell(sandbox: &Sandbox, test: impl Fn(&Dialect, &str)) {
    for script in SCRIPTS {
        let dialect = DIALECTS
            .iter()
            .find(|dialect| dialect.script == script.name)
            .unwrap_or_else(|| panic!("{} has no dialect, so no test", script.name));
        for shell in script.shells {
            if sandbox.has_program(shell) {
                test(dialect, shell);
            } else {
                skipped(&format!("{shell} is not installed, so `{}` was not tried with it", script.name));
            }
        }
    }
}

impl Dialect {
    /// The line that activates by a path, which is quoted.
    fn enter(&self, path: impl AsRef<Path>) -> String {
        (self.enter)(&(self.quote)(path.as_ref().to_str().unwrap()))
    }

    fn export(&self, name: &str, value: &str) -> String {
        (self.export)(name, &(self.quote)(value))
    }

    /// The script of a project.
    fn script(&self, project: &Path) -> PathBuf {
        project.join(".envtool/bin").join(self.script)
    }

    /// Prints a headline, the variables that a program sees, and what the shell knows.
    fn look(&self, sandbox: &Sandbox, headline: &str) -> Vec<String> {
        vec![see(sandbox, headline), self.state.to_owned()]
    }

    /// Runs a session that must come to its end and have nothing to say on standard error.
    fn run(&self, sandbox: &Sandbox, shell: &str, dir: &Path, lines: &[String]) -> Said {
        self.run_with(sandbox, shell, dir, lines, &[], "")
    }

    fn run_with(
        &self,
        sandbox: &Sandbox,
        shell: &str,
        dir: &Path,
        lines: &[String],
        more: &[&str],
        stderr: &str,
    ) -> Said {
        let mut lines = lines.to_vec();
        lines.push(see(sandbox, "end"));
        let output = self.session(sandbox, shell, dir, &lines, more);
        let said = Said::new(output.stdout.clone());
        let context = format!("{shell} in {}\n{}\n{output}", dir.display(), lines.join("\n"));
        assert!(output.code == Some(0) && said.sections.contains_key("end"), "{context}");
        if stderr.is_empty() {
            assert_eq!(output.stderr, "", "{context}");
        }
        assert!(output.stderr.contains(stderr), "it does not say {stderr:?}\n{context}");
        said
    }

    fn session(&self, sandbox: &Sandbox, shell: &str, dir: &Path, lines: &[String], more: &[&str]) -> Output {
        let text = lines.join("\n") + "\n";
        let mut args: Vec<String> = self.args.iter().chain(more).map(|&arg| arg.to_owned()).collect();
        if self.is_file {
            let file = sandbox.home().join("session");
            fs::write(&file, text).unwrap();
            args.push(file.to_str().unwrap().to_owned());
        } else {
            args.push(text);
        }
        // fish and nu look for a home of their own.
        sandbox.call(shell, &args, dir).env("LC_ALL", "C.UTF-8").run()
    }
}

/// Calls a program that prints `== HEADLINE` and its environment, a line a variable.
fn see(sandbox: &Sandbox, headline: &str) -> String {
    let file = sandbox.home().join("see");
    if !file.exists() {
        let text = "#!/bin/sh\nprintf '== %s\\n' \"$1\"\n[ \"$1\" = end ] || /usr/bin/env -0 | /usr/bin/sort -z | /usr/bin/tr '\\0\\n' '\\n\\t'\necho '-- of the shell'\n";
        write(&file, text);
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    format!("{} {headline}", file.display())
}

/// What a session printed, by headline.
struct Said {
    sections: BTreeMap<String, (BTreeMap<String, String>, Vec<String>)>,
    text: String,
}

impl Said {
    fn new(text: String) -> Self {
        let mut sections: BTreeMap<String, (BTreeMap<String, String>, Vec<String>)> = BTreeMap::new();
        for section in format!("\n{text}").split("\n== ").skip(1) {
            let mut lines = section.lines();
            let headline = lines.next().unwrap().to_owned();
            let (mut variables, mut state, mut own) = (BTreeMap::new(), Vec::new(), false);
            for line in lines {
                if line == "-- of the shell" {
                    own = true;
                } else if own {
                    state.push(line.to_owned());
                } else if let Some((name, value)) = line.split_once('=')
                    && !is_lively(name)
                {
                    variables.insert(name.to_owned(), value.to_owned());
                }
            }
            sections.insert(headline, (variables, state));
        }
        Self { sections, text }
    }

    /// What a program saw.
    fn variables(&self, headline: &str) -> &BTreeMap<String, String> {
        &self.sections[headline].0
    }

    /// What was printed below a headline.
    fn printed(&self, headline: &str) -> Vec<&str> {
        self.sections[headline].1.iter().map(String::as_str).collect()
    }

    /// What the shell knew, without what it changes itself from line to line.
    fn state(&self, headline: &str) -> Vec<&str> {
        let lively = |line: &&str| {
            let line = line.trim_start_matches("export ").trim_start_matches('$');
            is_lively(line.split(['=', ':', '\t', '[']).next().unwrap_or_default())
        };
        self.printed(headline).into_iter().filter(|line| !lively(line)).collect()
    }

    /// Both headlines must be one, variables and all else.
    fn same(&self, one: &str, other: &str, context: &str) {
        assert_eq!(self.variables(one), self.variables(other), "{context}");
        let (one, other) = (self.state(one), self.state(other));
        assert!(one.len() > 4, "`state` saw nothing\n{context}\n{}", self.text);
        let lost = one.iter().filter(|line| !other.contains(line)).map(|line| format!("- {line}"));
        let left = other.iter().filter(|line| !one.contains(line)).map(|line| format!("+ {line}"));
        let differ: Vec<String> = lost.chain(left).collect();
        assert!(one == other, "{context}\n{}", differ.join("\n"));
    }
}

/// Variables that change from line to line, and nu's names of the file that it reads.
fn is_lively(name: &str) -> bool {
    let own = ["CURRENT_FILE", "FILE_PWD", "CMD_DURATION", "LAST_EXIT_CODE", "history", "fish_pid", "SHLVL"];
    LIVELY.contains(&name) || own.contains(&name) || name.starts_with("BASH_")
}

/// What a program must see inside, from what one saw outside.
fn inside(outside: &BTreeMap<String, String>, root: &Path, home: &Path) -> BTreeMap<String, String> {
    let root_text = root.to_str().unwrap().to_owned();
    let bin = format!("{root_text}/bin");
    let cargo = home.join(".cargo/bin").to_str().unwrap().to_owned();
    let mut folders: Vec<String> = vec![bin.clone()];
    if let Some(path) = outside.get("PATH") {
        folders.extend(path.split(':').filter(|folder| *folder != bin).map(str::to_owned));
    }
    if !folders.contains(&cargo) {
        folders.push(cargo);
    }
    let mut all = outside.clone();
    all.insert("PATH".to_owned(), folders.join(":"));
    all.insert("ENVTOOL_ENV".to_owned(), root_text.clone());
    all.insert("CARGO_INSTALL_ROOT".to_owned(), root_text.clone());
    if root.join("python/pyvenv.cfg").exists() {
        all.insert("VIRTUAL_ENV".to_owned(), format!("{root_text}/python"));
        all.remove("PYTHONHOME");
    }
    all
}

/// Lets a project have a Python of its own, or none.
fn python(project: &Project<'_>, there: bool) {
    if there {
        project.write(".envtool/python/pyvenv.cfg", "home = /usr/bin\n");
    } else {
        let _ = fs::remove_dir_all(project.path(".envtool/python"));
    }
}

#[test]
fn every_script_goes_in_and_out_in_every_shell_and_nothing_is_left() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    let root = project.path(".envtool");
    let twice_on_path = format!(
        "{0}/bin:/with blank:{0}/bin:{1}:/none:/none:/un*usual[$x]`y`",
        root.display(),
        sandbox.path().display()
    );
    every_shell(&sandbox, |dialect, shell| {
        let all = |set: fn(&str, &str) -> String| {
            vec![
                set("ENVTOOL_ENV", &(dialect.quote)("mine")),
                set("CARGO_INSTALL_ROOT", &(dialect.quote)("")),
                set("VIRTUAL_ENV", &(dialect.quote)("/my  \"own\" $venv `x` \\ \u{e9}t\u{e9}!")),
                set("PYTHONHOME", &(dialect.quote)("it's * one")),
            ]
        };
        let mut circumstances = vec![
            vec![],
            all(dialect.export),
            vec![dialect.export("PATH", &twice_on_path)],
            vec![dialect.export("PYTHONHOME", "a\nexport PATH=b"), dialect.prompt.to_owned()],
            vec![dialect.prompt.to_owned(), dialect.export("ENVTOOL_DISABLE_PROMPT", "1")],
            vec![dialect.prompt.to_owned(), dialect.export("ENVTOOL_DISABLE_PROMPT", "")],
        ];
        circumstances.extend(dialect.unset.map(|unset| vec![unset("PATH")]));
        circumstances.extend(dialect.own.map(all));
        circumstances.extend(dialect.theirs.map(|line| vec![line.to_owned()]));
        let mut ways: Vec<(Vec<String>, Vec<&str>)> =
            circumstances.into_iter().map(|lines| (lines, vec![])).collect();
        match dialect.strict {
            Some(Strict::Argument(argument)) => ways.push((vec![dialect.prompt.to_owned()], vec![argument])),
            Some(Strict::Line(line)) => ways.push((vec![line.to_owned()], vec![])),
            None => {}
        }
        for (number, (circumstance, more)) in ways.iter().enumerate() {
            python(&project, number != 2);
            let prompt = circumstance.iter().any(|line| line == dialect.prompt);
            let disabled = circumstance.contains(&dialect.export("ENVTOOL_DISABLE_PROMPT", "1"));
            let mut lines = circumstance.clone();
            lines.extend(dialect.look(&sandbox, "before"));
            lines.push(dialect.enter(dialect.script(project.dir())));
            lines.extend([see(&sandbox, "inside"), "tool".to_owned()]);
            if prompt {
                lines.extend([see(&sandbox, "prompt"), dialect.show.to_owned()]);
            }
            lines.push(dialect.enter(dialect.script(project.dir())));
            lines.push(see(&sandbox, "twice"));
            if prompt {
                lines.extend([see(&sandbox, "prompt-twice"), dialect.show.to_owned()]);
            }
            lines.push("deactivate".to_owned());
            lines.extend(dialect.look(&sandbox, "after"));
            let said = dialect.run_with(&sandbox, shell, &sandbox.empty(), &lines, more, "");
            let context = format!("{shell} {more:?} after {circumstance:?}");
            assert_eq!(
                *said.variables("inside"),
                inside(said.variables("before"), &root, &sandbox.home()),
                "{context}"
            );
            assert_eq!(said.variables("inside"), said.variables("twice"), "{context}");
            assert_eq!(said.printed("inside"), ["app"], "{context}");
            if prompt {
                let wanted = if disabled { "end> " } else { "(app) end> " };
                assert_eq!(said.printed("prompt"), [wanted], "{context}");
                assert_eq!(said.printed("prompt-twice"), [wanted], "{context}");
            }
            said.same("before", "after", &context);
            assert!(!said.text.contains("_envtool_active") || shell == "nu", "{context}");
        }
    });
}

#[test]
fn every_script_finds_its_folder_from_everywhere_whatever_it_is_called_and_moved_to() {
    let sandbox = Sandbox::new();
    let mut at = ready(&sandbox, "first").dir().to_owned();
    let long = "\u{e4}".repeat(100);
    for name in NAMES.iter().copied().chain([long.as_str()]) {
        // The environment is never told that it moved.
        let to = sandbox.home().join("work").join(name);
        fs::rename(&at, &to).unwrap();
        at = to;
        fs::create_dir_all(at.join("src")).unwrap();
        let shown: String =
            name.chars().map(|c| if c.is_control() || "$`\\%!'\"".contains(c) { '_' } else { c }).collect();
        every_shell(&sandbox, |dialect, shell| {
            // activate.rs holds sh to all names.
            if dialect.script == "activate" && name != NAMES[0] && name != long {
                return;
            }
            let relative = format!(".envtool/bin/{}", dialect.script);
            let mut places = vec![(
                at.join("src"),
                vec![
                    format!("../{relative}"),
                    format!(".././src//../{relative}"),
                    dialect.script(&at).to_str().unwrap().to_owned(),
                ],
            )];
            if name == NAMES[0] {
                places.push((at.clone(), vec![relative, dialect.script(&at).to_str().unwrap().to_owned()]));
                places.push((at.join(".envtool/bin"), vec![format!("./{}", dialect.script)]));
                places.push((PathBuf::from("/"), vec![dialect.script(&at).to_str().unwrap().to_owned()]));
            }
            for (dir, paths) in places {
                let mut lines = vec![dialect.prompt.to_owned()];
                for (number, path) in paths.iter().enumerate() {
                    lines.extend([
                        dialect.enter(path),
                        see(&sandbox, &format!("inside-{number}")),
                        "tool".to_owned(),
                        dialect.show.to_owned(),
                        "deactivate".to_owned(),
                        see(&sandbox, &format!("after-{number}")),
                    ]);
                }
                let said = dialect.run(&sandbox, shell, &dir, &lines);
                let root = at.join(".envtool").to_str().unwrap().replace('\n', "\t");
                for number in 0..paths.len() {
                    let (inside, after) = (format!("inside-{number}"), format!("after-{number}"));
                    let context = format!("{shell} in {}\n{}", dir.display(), said.text);
                    assert_eq!(said.variables(&inside)["ENVTOOL_ENV"], root, "{context}");
                    assert_eq!(said.printed(&inside), ["first", &format!("({shown}) end> ")], "{context}");
                    assert!(!said.variables(&after).contains_key("ENVTOOL_ENV"), "{context}");
                }
            }
            assert!(!at.join("hacked").exists() && !at.join("src/hacked").exists(), "{shell} ran {name:?}");
        });
    }
}

#[test]
fn every_script_leaves_the_environment_before_and_the_way_back_leads_outside() {
    let sandbox = Sandbox::new();
    let (one, other) = (ready(&sandbox, "one"), ready(&sandbox, "one/other"));
    // Where the first has a Python and the second none, the user's own variables are to be seen again.
    python(&one, true);
    every_shell(&sandbox, |dialect, shell| {
        let mut lines = vec![dialect.export("PYTHONHOME", "theirs"), dialect.prompt.to_owned()];
        lines.extend(dialect.look(&sandbox, "before"));
        lines.extend([
            dialect.enter(dialect.script(one.dir())),
            see(&sandbox, "one"),
            dialect.enter(dialect.script(other.dir())),
            see(&sandbox, "other"),
            "tool".to_owned(),
            dialect.show.to_owned(),
            dialect.export("PATH", "/changed"),
            // A project that is gone meanwhile.
            format!("/bin/mv {} {}", one.dir().display(), sandbox.home().join("gone").display()),
            "deactivate".to_owned(),
        ]);
        lines.extend(dialect.look(&sandbox, "after"));
        let said = dialect.run(&sandbox, shell, one.dir().parent().unwrap(), &lines);
        fs::rename(sandbox.home().join("gone"), one.dir()).unwrap();
        let before = said.variables("before");
        let home = sandbox.home();
        assert_eq!(*said.variables("one"), inside(before, &one.path(".envtool"), &home), "{shell}");
        assert_eq!(*said.variables("other"), inside(before, &other.path(".envtool"), &home), "{shell}");
        assert_eq!(said.printed("other"), ["one/other", "(other) end> "], "{shell}");
        said.same("before", "after", shell);
    });
}

#[test]
fn every_script_says_in_a_line_why_it_cannot_and_changes_nothing() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    every_shell(&sandbox, |dialect, shell| {
        let loose = sandbox.home().join("loose/bin").join(dialect.script);
        write(&loose, &project.read(&format!(".envtool/bin/{}", dialect.script)));
        let failing = match dialect.script {
            "activate.nu" => {
                format!(
                    "try {{ {} }} catch {{|error| print --stderr $error.rendered }}",
                    dialect.enter(&loose)
                )
            }
            _ => dialect.enter(&loose),
        };
        // Outside, and inside another, which stays.
        for active in [false, true] {
            let mut lines = Vec::new();
            if active && shell != "nu" {
                lines.push(dialect.enter(dialect.script(project.dir())));
            }
            lines.extend(dialect.look(&sandbox, "before"));
            lines.push(failing.clone());
            lines.extend(dialect.look(&sandbox, "after"));
            let said = dialect.run_with(&sandbox, shell, &sandbox.empty(), &lines, &[], "could not activate");
            said.same("before", "after", shell);
        }
        // Run, and not sourced.
        let file = dialect.script(project.dir());
        let output = sandbox.call(shell, &[&file], project.dir()).run();
        assert_eq!(output.code, Some(1), "{shell}\n{output}");
        output.says(&["could not activate: this file is to be ", "help: "]);
    });
}

#[test]
fn every_script_says_that_a_folder_cannot_stand_on_path() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    let to = sandbox.home().join("work/a:b");
    fs::rename(project.dir(), &to).unwrap();
    every_shell(&sandbox, |dialect, shell| {
        let mut lines = dialect.look(&sandbox, "before");
        lines.extend([dialect.enter(dialect.script(&to)), see(&sandbox, "inside"), "deactivate".to_owned()]);
        lines.extend(dialect.look(&sandbox, "after"));
        let warning = "warning: ";
        let said = dialect.run_with(&sandbox, shell, &sandbox.empty(), &lines, &[], warning);
        assert_eq!(said.variables("inside")["PATH"], said.variables("before")["PATH"], "{shell}");
        assert_eq!(said.variables("inside")["ENVTOOL_ENV"], to.join(".envtool").to_str().unwrap(), "{shell}");
        said.same("before", "after", shell);
    });
}

/// The shells of one script that are installed.
fn shells_of(sandbox: &Sandbox, script: &str, test: impl Fn(&Dialect, &str)) {
    every_shell(sandbox, |dialect, shell| {
        if dialect.script == script {
            test(dialect, shell);
        }
    });
}

#[test]
fn a_project_that_is_reached_through_a_link_keeps_the_name_that_the_user_gave_where_the_shell_tells() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    let (link, deep) = (sandbox.home().join("link"), sandbox.home().join("work/app/a/b"));
    symlink(project.dir(), &link).unwrap();
    fs::create_dir_all(&deep).unwrap();
    // `..` behind this link leads to `a`, and not to the folder of the link.
    symlink(&deep, sandbox.home().join("far")).unwrap();
    every_shell(&sandbox, |dialect, shell| {
        // These three ask for this file's name. activate.rs holds sh to the same.
        if dialect.script == "activate" {
            return;
        }
        let named = sandbox.home().join(format!("named.{shell}"));
        symlink(dialect.script(project.dir()), &named).unwrap();
        let there = dialect.script(&link);
        let relative = Path::new(".envtool/bin").join(dialect.script);
        let (real, linked) = (project.path(".envtool"), link.join(".envtool"));
        // csh learns where the file really lies, unless one stands in the project.
        let elsewhere = if dialect.script == "activate.csh" { &real } else { &linked };
        let change = format!("cd {}", link.display());
        let mut ways = vec![
            (vec![dialect.enter(&there)], elsewhere),
            (vec![dialect.enter(&named)], &real),
            (vec![change.clone(), dialect.enter(&there)], &linked),
        ];
        // nu reads all lines before it runs the first, and takes the words for what they say.
        if shell != "nu" {
            ways.push((vec![change, dialect.enter(&relative)], &linked));
            ways.push((vec!["cd".to_owned(), dialect.enter(Path::new("far/../..").join(&relative))], &real));
        }
        for (mut lines, root) in ways {
            lines.extend([see(&sandbox, "inside"), "tool".to_owned()]);
            let said = dialect.run(&sandbox, shell, &sandbox.empty(), &lines);
            assert_eq!(
                said.variables("inside")["ENVTOOL_ENV"],
                root.to_str().unwrap(),
                "{shell}\n{}",
                lines.join("\n")
            );
            assert_eq!(said.printed("inside"), ["app"], "{shell}");
        }
    });
}

#[test]
fn fish_shows_a_prompt_of_many_lines_with_the_status_and_hides_a_universal_variable() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    python(&project, true);
    shells_of(&sandbox, "activate.fish", |dialect, shell| {
        // Not without the user's files: there are no universal variables then.
        let dialect = Dialect { args: &[], ..*dialect };
        let lines = [
            "set -Ux PYTHONHOME universal; set -Ux VIRTUAL_ENV universal".to_owned(),
            "function fish_prompt; echo \"$status $pipestatus $argv\"; echo; echo 'end> '; end".to_owned(),
            "function contains; end; function printf; end; function realpath; end; function functions; end"
                .to_owned(),
            dialect.enter(dialect.script(project.dir())),
            see(&sandbox, "inside"),
            "false | true | sh -c 'exit 3'".to_owned(),
            "fish_prompt --an-argument".to_owned(),
            "deactivate".to_owned(),
            see(&sandbox, "after"),
            "fish_prompt".to_owned(),
            "builtin functions -q deactivate; or echo gone".to_owned(),
            "set --names | string match '_envtool*'; builtin functions --all | string match '_envtool*'"
                .to_owned(),
        ];
        let said = dialect.run(&sandbox, shell, &sandbox.empty(), &lines);
        assert_eq!(said.printed("inside"), ["(app) 3 1 0 3 --an-argument", "", "end> "]);
        assert_eq!(
            said.variables("inside")["VIRTUAL_ENV"],
            project.path(".envtool/python").to_str().unwrap()
        );
        assert_eq!(said.variables("inside")["PYTHONHOME"], "");
        assert_eq!(said.variables("after")["VIRTUAL_ENV"], "universal");
        assert_eq!(said.variables("after")["PYTHONHOME"], "universal");
        assert_eq!(said.printed("after"), ["0 0 ", "", "end> ", "gone"]);
        // Received, it has no name.
        let lines = [format!("cat {} | source; or echo failed", dialect.script(project.dir()).display())];
        let said = dialect.run_with(&sandbox, shell, project.dir(), &lines, &[], "help: source PROJECT");
        assert!(said.text.contains("failed"), "{}", said.text);
    });
}

#[test]
fn csh_is_found_in_every_way_to_read_a_file_and_under_its_own_options() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    let root = project.path(".envtool").to_str().unwrap().to_owned();
    let outer = sandbox.home().join("outer.csh");
    write(&outer, &format!("source {root}/bin/activate.csh\n"));
    write(&sandbox.home().join(".cshrc"), "");
    shells_of(&sandbox, "activate.csh", |dialect, shell| {
        let enter = dialect.enter(dialect.script(project.dir()));
        let copy = sandbox.home().join("copy.csh");
        write(&copy, &project.read(".envtool/bin/activate.csh"));
        let ways = [
            format!("source {}", outer.display()),
            format!("set histchars = '%,'\n{enter}"),
            format!("set noglob noclobber backslash_quote nonomatch\n{enter}"),
            format!("unset cwd\n{enter}"),
            format!("eval {}", (dialect.quote)(&enter)),
            // Under another name it is the environment of the folder.
            format!("cd {}/src\nsource {}", project.dir().display(), copy.display()),
        ];
        fs::create_dir_all(project.path("src")).unwrap();
        for way in ways {
            let mut lines = vec![way.clone(), see(&sandbox, "inside"), "tool".to_owned()];
            lines.extend(["deactivate".to_owned(), see(&sandbox, "after"), "set; alias".to_owned()]);
            let said = dialect.run(&sandbox, shell, &sandbox.empty(), &lines);
            assert_eq!(said.variables("inside")["ENVTOOL_ENV"], root, "{shell}: {way}");
            assert_eq!(said.printed("inside"), ["app"], "{shell}: {way}");
            assert!(!said.variables("after").contains_key("ENVTOOL_ENV"), "{shell}: {way}");
            assert!(!said.printed("after").join(" ").contains("_envtool"), "{shell}: {way}\n{}", said.text);
        }
        // A subshell and a shell's own first file.
        let lines = [
            format!("({enter}; printenv ENVTOOL_ENV)"),
            format!("setenv HOME {}/rc; mkdir -p $HOME; cp {} $HOME/.cshrc", root, outer.display()),
            format!("{shell} -c 'printenv ENVTOOL_ENV'"),
            format!("rm -r {root}/rc"),
        ];
        let said = dialect.run(&sandbox, shell, &sandbox.empty(), &lines);
        assert_eq!(said.text.matches(&format!("{root}\n")).count(), 2, "{shell}\n{}", said.text);
        // A long PATH, whole or not at all. (On many machines `csh` is tcsh.)
        let is_tcsh =
            sandbox.call(shell, &["-f", "-c", "echo $?tcsh"], &sandbox.empty()).ok().stdout == "1\n";
        for (folders, fits) in [(200, true), (2000, is_tcsh)] {
            let path: String = ":/a/folder".repeat(folders);
            let lines =
                [enter.clone(), see(&sandbox, "inside"), "deactivate".to_owned(), see(&sandbox, "after")];
            let file = sandbox.home().join("session");
            fs::write(&file, lines.join("\n") + "\n").unwrap();
            let path = format!("{}{path}", sandbox.path().display());
            let output = sandbox
                .call(
                    sandbox.which(shell).to_str().unwrap(),
                    &["-f", file.to_str().unwrap()],
                    &sandbox.empty(),
                )
                .env("PATH", &path)
                .run();
            let said = Said::new(output.stdout.clone());
            if fits {
                assert_eq!(said.variables("inside")["ENVTOOL_ENV"], root, "{output}");
                assert_eq!(said.variables("after")["PATH"], path, "{output}");
            } else {
                assert_ne!(output.code, Some(0), "{output}");
                output.says(&["too long"]);
            }
        }
        // The real prompt, on a terminal: twice.
        if !sandbox.has_program("script") {
            skipped(&format!("script is not installed, so no prompt of {shell} was looked at"));
            return;
        }
        let odd = sandbox.home().join("work/a^C %~!$b");
        fs::rename(project.dir(), &odd).unwrap();
        let input = sandbox.home().join("input");
        fs::write(&input, "set prompt = 'end> '\nsource .envtool/bin/activate.csh\necho\necho\nexit\n")
            .unwrap();
        let output = sandbox
            .call("script", &["-qec", &format!("{shell} -f"), "/dev/null"], &odd)
            .command()
            .stdin(fs::File::open(&input).unwrap())
            .output()
            .unwrap();
        fs::rename(&odd, project.dir()).unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.matches("(a_C _~__b) end> ").count() >= 2, "{shell}\n{said}");
    });
}

#[test]
fn nu_keeps_what_the_user_made_inside_and_says_how_it_is_to_be_used() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    shells_of(&sandbox, "activate.nu", |dialect, shell| {
        let lines = [
            "$env.PROMPT_COMMAND = 'a text> '".to_owned(),
            dialect.enter(dialect.script(project.dir())),
            see(&sandbox, "inside"),
            "print (do $env.PROMPT_COMMAND)".to_owned(),
            "$env.MINE = 'mine'; $env.PATH = []; def mine [] { 'my own' }; cd /usr".to_owned(),
            "deactivate".to_owned(),
            see(&sandbox, "after"),
            "print $env.MINE (mine) $env.PWD ($env.PATH | length | $in > 1) $env.PROMPT_COMMAND".to_owned(),
            "print ($env._envtool_outside? | describe) (scope aliases | where name == deactivate | length)"
                .to_owned(),
        ];
        let said = dialect.run(&sandbox, shell, &sandbox.empty(), &lines);
        assert_eq!(said.printed("inside"), ["(app) a text> "], "{}", said.text);
        assert_eq!(
            said.printed("after"),
            ["mine", "my own", "/usr", "true", "a text> ", "nothing", "0"],
            "{}",
            said.text
        );
        // PATH as a text, and none at all.
        let nu = sandbox.which(shell);
        let script = dialect.script(project.dir());
        let line = format!(
            "{}; print $env.PATH.0; deactivate; print ($env.PATH? | describe)",
            dialect.enter(&script)
        );
        let output =
            sandbox.call(nu.to_str().unwrap(), &["-n", "-c", &line], &sandbox.empty()).without("PATH").ok();
        assert_eq!(output.stdout, format!("{}\nnothing\n", project.path(".envtool/bin").display()));
        for (word, help) in [("source", "overlay use \""), ("use", "")] {
            let line =
                format!("{word} {}; print $env.ENVTOOL_ENV", (dialect.quote)(script.to_str().unwrap()));
            let output = sandbox.call(shell, &["-n", "-c", &line], &sandbox.empty()).run();
            if help.is_empty() {
                assert_eq!(output.code, Some(0), "{output}");
            } else {
                assert_eq!(output.code, Some(1), "{output}");
                output.says(&["could not activate", help]);
            }
        }
    });
}
