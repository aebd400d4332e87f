//! The only place that starts a program.
#![expect(clippy::disallowed_methods, reason = "this is the door that the other files are sent to")]

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::fault::{Fault, Result};
use crate::secret;
use crate::signals;

/// A program that is to be started, with what differs from our own surroundings.
#[derive(Debug, Clone)]
#[must_use]
pub struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
    /// What is set, or taken away.
    variables: Vec<(OsString, Option<OsString>)>,
    folder: Option<PathBuf>,
    name: Option<OsString>,
}

impl Program {
    /// The program at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), arguments: Vec::new(), variables: Vec::new(), folder: None, name: None }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    pub fn args<T: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Calls itself `name` (its `argv[0]`), where the system lets it.
    pub fn named(mut self, name: impl Into<OsString>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets a variable.
    pub fn set(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), Some(value.into())));
        self
    }

    /// Takes a variable away.
    pub fn unset(mut self, name: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), None));
        self
    }

    /// Starts it in `folder`.
    pub fn within(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments);
        for (name, value) in &self.variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        #[cfg(unix)]
        if let Some(name) = &self.name {
            use std::os::unix::process::CommandExt;
            command.arg0(name);
        }
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }

    fn fault(&self, error: &io::Error) -> Fault {
        Fault::new(format!("could not start {}", self.path.display()))
            .because(error)
            .help("see that it is a program for this machine, and that you may run it")
    }

    /// Says to whoever wants to know (`-vv`) that it starts, and gives what tells how it ended.
    fn starts(&self) -> Started {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return Started(None);
        }
        let words: Vec<_> = self.arguments.iter().map(|word| word.to_string_lossy()).collect();
        let variables: Vec<String> = self
            .variables
            .iter()
            .map(|(name, value)| match value {
                Some(value) => secret::without_secrets(&format!("{}={}", name.display(), value.display())),
                None => format!("without {}", name.display()),
            })
            .collect();
        let name = self.path.display().to_string();
        tracing::debug!(
            program = ?name,
            arguments = ?secret::arguments_without_secrets(words.iter().map(AsRef::as_ref)),
            folder = ?self.folder,
            ?variables,
            "starts"
        );
        Started(Some((name, Instant::now())))
    }

    /// Runs it to its end, without input, and takes what it prints. Where signals are held, one that comes ends it, and
    /// is the fault.
    pub fn output(&self) -> Result<Output> {
        let started = self.starts();
        let output = self.run_to_end();
        started.ended(output.as_ref().ok().map(|output| output.status));
        output
    }

    fn run_to_end(&self) -> Result<Output> {
        let mut command = self.command();
        command.stdin(Stdio::null());
        if !signals::are_held() {
            return command.output().map_err(|error| self.fault(&error));
        }
        signals::check()?;
        // It stays in our group: it may ask for a passphrase on the terminal.
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.map_err(|error| self.fault(&error))?;
        let (id, done) = (child.id(), AtomicBool::new(false));
        let output = std::thread::scope(|scope| {
            let watcher = scope.spawn(|| end_when_asked(id, &done, end_one));
            let output = child.wait_with_output();
            done.store(true, Ordering::Relaxed);
            watcher.thread().unpark();
            output
        });
        signals::check()?;
        output.map_err(|error| self.fault(&error))
    }

    /// Starts it without input or output, and gives how it ended within `limit`; `None` where it goes on, and then it
    /// is ended.
    pub fn ends_within(&self, limit: Duration) -> Result<Option<ExitStatus>> {
        let begun = Instant::now();
        let started = self.starts();
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| self.fault(&error))?;
        let ended = loop {
            match child.try_wait() {
                Ok(None) if begun.elapsed() < limit && signals::check().is_ok() => std::thread::sleep(LOOK),
                ended => break ended,
            }
        };
        if !matches!(ended, Ok(Some(_))) {
            // One that has ended meanwhile is what is wanted.
            let _ = child.kill();
            let _ = child.wait();
        }
        started.ended(ended.as_ref().ok().copied().flatten());
        signals::check()?;
        ended.map_err(|error| self.fault(&error))
    }

    /// Runs it to its end with `input`, its errors passed through, and gives what it prints.
    pub fn talk(&self, input: &str) -> Result<String> {
        let run = || -> io::Result<Output> {
            let mut child = self.command().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
            if let Some(mut stdin) = child.stdin.take() {
                stdin.write_all(input.as_bytes())?;
            }
            child.wait_with_output()
        };
        let started = self.starts();
        let output = run().map_err(|error| self.fault(&error))?;
        started.ended(Some(output.status));
        if !output.status.success() {
            return Err(Fault::new(format!("{} failed", self.path.display()))
                .why(output.status.to_string())
                .help("what it says of the reason stands above; correct it, then run this again"));
        }
        String::from_utf8(output.stdout).map_err(|_| {
            Fault::new(format!("{} printed something that is not UTF-8 text", self.path.display()))
                .help("see what it prints by itself")
        })
    }

    /// Runs it to its end, without input: `line` is handed each line that it prints, and `said` each that it says of
    /// errors and of its progress, both with what ends it. Whoever presses Ctrl-C meanwhile ends it and all that it started, and that is the
    /// fault.
    pub fn watch(
        &self,
        line: &mut dyn FnMut(&str),
        said: &mut (dyn FnMut(&str) + Send),
    ) -> Result<ExitStatus> {
        let held = signals::hold()?;
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own, so that all of it can be ended.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let started = self.starts();
        let mut child = command.spawn().map_err(|error| self.fault(&error))?;
        let (id, done) = (child.id(), AtomicBool::new(false));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let status = std::thread::scope(|scope| {
            scope.spawn(|| {
                // The compilers of a cargo that has ended may go on for a moment.
                if end_when_asked(id, &done, end_group) {
                    end_group(id, true);
                }
            });
            scope.spawn(|| {
                if let Some(stderr) = stderr {
                    each_line(stderr, said);
                }
            });
            if let Some(stdout) = stdout {
                each_line(stdout, line);
            }
            let status = child.wait();
            done.store(true, Ordering::Relaxed);
            status
        });
        started.ended(status.as_ref().ok().copied());
        signals::check()?;
        drop(held);
        status.map_err(|error| self.fault(&error))
    }

    /// Puts it in our own place: nothing stays between it and whoever started us. Returns only when it cannot.
    #[cfg(unix)]
    pub fn exec(&self) -> io::Error {
        use std::os::unix::process::CommandExt;
        self.starts();
        self.command().exec()
    }

    /// Runs it with our own input and output, and gives its exit code.
    #[cfg(not(unix))]
    pub fn run(&self) -> io::Result<u8> {
        let status = self.command().status()?;
        Ok(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))
    }
}

/// A program that was said to start, and when.
struct Started(Option<(String, Instant)>);

impl Started {
    fn ended(self, status: Option<ExitStatus>) {
        if let Some((program, since)) = self.0 {
            let status = status.map_or("none".to_owned(), |status| status.to_string());
            tracing::debug!(?program, status, seconds = since.elapsed().as_secs_f64(), "ended");
        }
    }
}

/// Hands on each line with what ends it, until nobody writes any more. A carriage return ends one too: such a line is
/// written over by the next.
fn each_line(from: impl io::Read, take: &mut dyn FnMut(&str)) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        let buffer = match from.fill_buf() {
            Ok(buffer) if !buffer.is_empty() => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            _ => break,
        };
        let end = buffer.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let length = end.map_or(buffer.len(), |at| at + 1);
        line.extend_from_slice(&buffer[..length]);
        from.consume(length);
        if end.is_some() {
            take(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }
    if !line.is_empty() {
        take(&String::from_utf8_lossy(&line));
    }
}

/// How often it is looked whether the user asked for an end.
const LOOK: Duration = Duration::from_millis(25);
/// How long a group has to end by itself before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// Ends `id` with `end` once the user asks for it, or returns once it is done. Says whether it ended it.
fn end_when_asked(id: u32, done: &AtomicBool, end: fn(u32, bool)) -> bool {
    let mut asked: Option<Instant> = None;
    while !done.load(Ordering::Relaxed) {
        std::thread::park_timeout(LOOK);
        if signals::check().is_ok() {
            continue;
        }
        match asked {
            None => {
                asked = Some(Instant::now());
                end(id, false);
            }
            Some(since) if since.elapsed() > GRACE => end(id, true),
            Some(_) => {}
        }
    }
    asked.is_some()
}

#[cfg(unix)]
fn end_group(id: u32, kill: bool) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // A group that is gone already is what was wanted.
        let _ = kill_process_group(group, if kill { Signal::KILL } else { Signal::TERM });
    }
}

#[cfg(not(unix))]
fn end_group(_: u32, _: bool) {}

#[cfg(unix)]
fn end_one(id: u32, kill: bool) {
    use rustix::process::{Pid, Signal, kill_process};
    if let Some(process) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // One that is gone already is what was wanted.
        let _ = kill_process(process, if kill { Signal::KILL } else { Signal::TERM });
    }
}

#[cfg(not(unix))]
fn end_one(_: u32, _: bool) {}

/// Where `name` would run from: looked up in `path` (a `PATH` value), or from `folder` when it holds a separator.
pub fn find(name: &OsStr, path: &OsStr, folder: &Path) -> Option<PathBuf> {
    which::which_in(name, Some(path), folder).ok()
}

/// Every place that `name` would run from, first one first.
pub fn find_all(name: &OsStr, path: &OsStr, folder: &Path) -> Vec<PathBuf> {
    which::which_in_all(name, Some(path), folder).map(Iterator::collect).unwrap_or_default()
}
