//! A shell of a user on a real terminal, and programs for it to run.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rexpect::session::{PtySession, spawn_command};

use super::{Sandbox, write};

/// How long a line is waited for, in milliseconds.
const PATIENCE: u64 = 30_000;

/// A shell on a terminal, which is typed one line after the other.
pub(crate) struct Shell {
    name: String,
    home: PathBuf,
    session: PtySession,
    /// How many lines it was typed.
    lines: usize,
    all: String,
}

impl Shell {
    /// An interactive shell whose user has this rc file; `values` are exported.
    pub(crate) fn start(sandbox: &Sandbox, name: &str, rc: &str, values: &[(&str, &Path)]) -> Self {
        write_rc(sandbox, name, rc);
        let home = sandbox.home();
        let mut call = sandbox.call(name, &["-i"], &home).env("TERM", "dumb").env("LANG", "C.UTF-8");
        for (name, value) in values {
            call = call.env(name, value);
        }
        Self::of(call.command(), name, &home)
    }

    /// A program that becomes an interactive shell of this name.
    pub(crate) fn of(mut command: std::process::Command, name: &str, home: &Path) -> Self {
        command.stdin(Stdio::inherit());
        let mut session = spawn_command(command, Some(PATIENCE)).unwrap();
        // What is typed before a shell has set its terminal up may be lost. Every prompt of the tests ends so.
        session.exp_string("> ").unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self { name: name.to_owned(), home: home.to_owned(), session, lines: 0, all: String::new() }
    }

    /// Types a line, and gives what is seen until the prompt after it is through.
    pub(crate) fn types(&mut self, line: &str) -> String {
        self.lines += 1;
        // In two pieces, so that what is typed is not what is waited for.
        let mark = format!("echo mark-''{}-end", self.lines);
        self.session.send(&format!("{line}\n")).unwrap();
        self.session.send(&format!("{mark}\n")).unwrap();
        self.session.flush().unwrap();
        let wanted = format!("mark-{}-end", self.lines);
        let seen = self
            .session
            .exp_string(&wanted)
            .unwrap_or_else(|error| panic!("{} after `{line}`: {error}\n{}", self.name, self.all));
        // While the line still runs, it is the terminal that shows what is typed, in the midst of what the line prints.
        let seen = seen.replace('\r', "").replace(&format!("\n{mark}\n"), "\n");
        self.all.push_str(&seen);
        seen
    }

    /// Starts another shell by this line, in which it is typed from then on.
    pub(crate) fn enters(&mut self, line: &str) -> String {
        self.types(&format!("{line}; echo ba''ck"))
    }

    /// Leaves such a shell.
    pub(crate) fn leaves(&mut self) {
        // What is typed ahead would be the inner shell's.
        self.session.send("exit\n").unwrap();
        self.session.flush().unwrap();
        self.session
            .exp_string("back")
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", self.name, self.all));
    }

    /// Every exported variable, and the prompt, by way of a file; without what a shell changes by itself.
    pub(crate) fn state(&mut self, file: &str) -> String {
        let path = self.home.join(format!("{}-{file}", self.name));
        let prompt = match self.name.as_str() {
            "fish" => "functions fish_prompt",
            _ => "echo \"PS1=$PS1\"",
        };
        self.types(&format!("env >{0}; {prompt} >>{0}", path.display()));
        let text = fs::read_to_string(path).unwrap();
        let lively = ["_", "PWD", "OLDPWD", "SHLVL"];
        // fish says of a function where it was defined.
        let lines = text.lines().filter(|line| {
            !line.starts_with("# Defined") && !lively.contains(&line.split('=').next().unwrap_or_default())
        });
        let mut lines: Vec<&str> = lines.collect();
        lines.sort_unstable();
        lines.join("\n")
    }

    /// It leaves, with the code that it gives.
    pub(crate) fn exits(mut self, line: &str) -> Option<i32> {
        self.session.send(&format!("{line}\n")).unwrap();
        self.session.flush().unwrap();
        self.session.exp_eof().unwrap_or_else(|error| panic!("{} goes on: {error}\n{}", self.name, self.all));
        match self.session.process().wait().unwrap() {
            rexpect::process::WaitStatus::Exited(_, code) => Some(code),
            _ => None,
        }
    }

    /// It leaves, and nothing went wrong.
    pub(crate) fn ends(self) {
        assert_eq!(self.exits("exit 0"), Some(0));
    }
}

/// Writes the rc file of the user of a shell, whose prompt ends in `> `.
pub(crate) fn write_rc(sandbox: &Sandbox, name: &str, text: &str) {
    // No line editor, where that can be: what is typed is not drawn again and again, and nothing is lost of it.
    let (file, plain) = match name {
        "fish" => (".config/fish/config.fish", "function fish_greeting; end"),
        "zsh" => (".zshrc", "unsetopt zle prompt_sp"),
        _ => (".bashrc", "set +o emacs"),
    };
    write(&sandbox.home().join(file), &format!("{plain}\n{text}"));
    if name == "fish" {
        // Else a fish that starts for the first time has Python read every manual page of the machine, on this terminal.
        fs::create_dir_all(sandbox.home().join(".local/share/fish/generated_completions")).unwrap();
    }
}

/// Makes a program that runs this line of shell.
pub(crate) fn program(file: &Path, line: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, format!("#!/bin/sh\n{line}\n")).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}
