//! A real terminal that a program of the sandbox runs on.

use std::ffi::OsString;
use std::process::Stdio;

use rexpect::process::{Signal, WaitStatus};
use rexpect::session::{PtySession, spawn_command};

use super::sandbox::Call;

/// How long an answer is waited for, in milliseconds.
const PATIENCE: u64 = 120_000;

/// A call on a terminal.
pub(crate) struct Terminal {
    session: PtySession,
    raw: String,
}

impl Terminal {
    pub(crate) fn of(call: Call<'_>, columns: usize) -> Self {
        Self::through(call, columns, "exec \"$0\" \"$@\"")
    }

    /// The same, started by this line of shell.
    pub(crate) fn through(call: Call<'_>, columns: usize, line: &str) -> Self {
        let line = format!("stty cols {columns} rows 50; {line}");
        let shell = ["/bin/sh", "-c", &line].map(OsString::from);
        let mut command = call.through(&shell).command();
        command.stdin(Stdio::inherit());
        Self { session: spawn_command(command, Some(PATIENCE)).unwrap(), raw: String::new() }
    }

    pub(crate) fn sees(&mut self, text: &str) -> &mut Self {
        let before =
            self.session.exp_string(text).unwrap_or_else(|e| panic!("no {text:?}: {e}\n{}", self.raw));
        self.raw.push_str(&before);
        self.raw.push_str(text);
        self
    }

    pub(crate) fn types(&mut self, keys: &str) -> &mut Self {
        self.session.send(keys).unwrap();
        self.session.flush().unwrap();
        self
    }

    /// Presses Ctrl-C.
    pub(crate) fn ctrl_c(&mut self) -> &mut Self {
        self.session.send_control('c').unwrap();
        self
    }

    /// Kills it without a chance to clear away.
    pub(crate) fn kill(mut self) {
        self.session.process_mut().kill(Signal::SIGKILL).unwrap();
    }

    /// All that it said, with every control character; the test fails where it ends otherwise.
    pub(crate) fn ends_raw(mut self, code: i32) -> String {
        let rest = self.session.exp_eof().unwrap_or_else(|e| panic!("it goes on: {e}\n{}", self.raw));
        self.raw.push_str(&rest);
        let status = self.session.process().wait().unwrap();
        assert!(matches!(status, WaitStatus::Exited(_, found) if found == code), "{status:?}\n{}", self.raw);
        self.raw
    }

    /// All that it said; the test fails where it ends otherwise.
    pub(crate) fn ends(self, code: i32) -> String {
        self.ends_raw(code).replace('\r', "")
    }
}
