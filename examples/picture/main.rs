//! Records the picture at the head of the README: `docs/pictures.sh` builds envtool and calls this.
//!
//! A real bash in a real terminal of 80 columns types the commands of [`SCENES`] in a home of its own, with the real
//! registries; what it prints is drawn as it came. Only the waiting is shortened, to [`LONGEST`] a command.
//!
//! Weighed against libraries: termtosvg (PyPI) and svg-term-cli (npm) draw a recording too, but neither has been kept for
//! years, and neither knows light and dark; term-transcript (crates) scrolls through a session and does not play it. What
//! a terminal makes of escapes is vt100's work.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "it draws for the repository, and is no part of envtool"
)]

mod svg;

use std::error::Error;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rexpect::process::PtyProcess;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What is typed, and how many milliseconds its output is left to be read.
const SCENES: &[(&str, u64)] = &[
    ("envtool init", 700),
    ("envtool add serde_json@1.0.140 hexyl@0.16.0 pypi:tabulate@0.9.0", 1800),
    ("envtool run -- sh -c 'cargo run -q | hexyl'", 2200),
    ("clear", 0),
    ("./report.py                 # pip once put it here", 1000),
    ("envtool run -- ./report.py  # and elsewhere?", 1800),
    ("envtool doctor --fix", 2600),
    ("envtool run -- ./report.py", 3500),
];

/// A script that uses what is installed for the user.
const REPORT: &str = "#!/usr/bin/env python3\nimport requests\nprint(requests.__path__[0])\n";

/// The home of the recording. It stands in the picture, so it is short, and one that is there already is left alone.
const HOME: &str = "/tmp/me";

/// The end of the prompt as the terminal gets it: a title, which shows nothing.
const READY: &[u8] = b"\x1b]0;ready\x07";

/// How long the waiting of one command may take in the picture, and how long a key takes, in milliseconds.
const LONGEST: u64 = 1600;
const KEY: u64 = 25;

/// How long a command may take in truth.
const PATIENCE: Duration = Duration::from_mins(5);

/// What the terminal got at once, so many milliseconds after what came before.
struct Piece {
    after: u64,
    bytes: Vec<u8>,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(envtool), Some(picture)) = (arguments.next(), arguments.next()) else {
        return Err("usage: cargo run --example picture -- ENVTOOL SVG".into());
    };
    let envtool = Path::new(&envtool).canonicalize()?;
    fs::create_dir(HOME).map_err(|error| format!("{HOME} would be the home of the recording: {error}"))?;
    let recorded = prepare(&envtool).and_then(|path| record(&path));
    let removed = fs::remove_dir_all(HOME);
    let pieces = recorded?;
    removed?;
    let drawn = svg::draw(&frames(&pieces));
    fs::write(&picture, &drawn)?;
    println!("{}: {} kB", Path::new(&picture).display(), drawn.len() / 1000);
    Ok(())
}

/// The small project of the README's first command, with a script beside it; what that needs is the user's. Gives the
/// PATH to work with.
fn prepare(envtool: &Path) -> Result<String> {
    let home = Path::new(HOME);
    let hello = home.join("hello");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hello");
    done(Command::new("cp").arg("-r").arg(fixture).arg(&hello))?;
    fs::write(hello.join("report.py"), REPORT)?;
    fs::set_permissions(hello.join("report.py"), fs::Permissions::from_mode(0o755))?;
    // Only the envtool that is to be shown, and the real Python behind a shim that asks HOME.
    let bin = home.join(".local/bin");
    fs::create_dir_all(&bin)?;
    std::os::unix::fs::symlink(envtool, bin.join("envtool"))?;
    let python = Command::new("python3").args(["-c", "import sys; print(sys.prefix + '/bin')"]).output()?;
    let python = String::from_utf8(python.stdout)?.trim().to_owned();
    let path = format!("{}:{python}:{}", bin.display(), std::env::var("PATH")?);
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--user", "--no-warn-script-location", "requests==2.32.3"]);
    done(user(&mut pip, &path)?.env("PIP_BREAK_SYSTEM_PACKAGES", "1"))?;
    Ok(path)
}

fn done(command: &mut Command) -> Result<()> {
    if command.status()?.success() { Ok(()) } else { Err(format!("{command:?} failed").into()) }
}

/// As the user whose home that is.
fn user<'a>(command: &'a mut Command, path: &str) -> Result<&'a mut Command> {
    let real_home = PathBuf::from(std::env::var("HOME")?);
    let rustup = std::env::var_os("RUSTUP_HOME").map_or(real_home.join(".rustup"), PathBuf::from);
    for variable in
        ["CI", "NO_COLOR", "CARGO_TARGET_DIR", "ENVTOOL_CACHE_DIR", "VIRTUAL_ENV", "XDG_CACHE_HOME"]
    {
        command.env_remove(variable);
    }
    Ok(command
        .env("HOME", HOME)
        .env("CARGO_HOME", Path::new(HOME).join(".cargo"))
        .env("RUSTUP_HOME", rustup)
        .env("PATH", path)
        .env("TERM", "xterm-256color")
        .current_dir(HOME))
}

/// Plays [`SCENES`] to a shell.
fn record(path: &str) -> Result<Vec<Piece>> {
    let mut shell = Command::new("bash");
    shell.args(["--noprofile", "--norc", "-i"]);
    user(&mut shell, path)?.env("PS1", r"\[\e[1;34m\]\w\[\e[0m\] $ \[\e]0;ready\a\]");
    let mut terminal = PtyProcess::new(shell)?;
    // An interactive shell does not end on a mere request.
    terminal.set_kill_timeout(Some(500));
    let mut keys = terminal.get_file_handle()?;
    let output = listen(terminal.get_file_handle()?);
    until_ready(&output, 1)?;
    keys.write_all(b"stty echo cols 80 rows 24; bind 'set enable-bracketed-paste off'; cd hello; clear\n")?;
    until_ready(&output, 1)?;
    let mut pieces = vec![Piece { after: 0, bytes: b"\x1b[2J\x1b[H".to_vec() }];
    keys.write_all(b"\n")?;
    let first = until_ready(&output, 1)?;
    let prompt: Vec<u8> =
        first.into_iter().flat_map(|piece| piece.bytes).skip_while(|b| b"\r\n".contains(b)).collect();
    pieces.push(Piece { after: 0, bytes: prompt });
    for (line, pause) in SCENES {
        pieces.push(Piece { after: 400, bytes: Vec::new() });
        for key in line.chars() {
            keys.write_all(key.to_string().as_bytes())?;
            // The echo is at once there; where it comes in two pieces, the second goes with the next key.
            let echo =
                output.recv_timeout(Duration::from_millis(300)).map(|(_, bytes)| bytes).unwrap_or_default();
            pieces.push(Piece { after: KEY, bytes: echo });
        }
        keys.write_all(b"\n")?;
        pieces.extend(shortened(until_ready(&output, 1)?));
        pieces.push(Piece { after: *pause, bytes: Vec::new() });
    }
    Ok(pieces)
}

/// What the terminal shows, with the moment at which it came.
fn listen(mut terminal: fs::File) -> Receiver<(Instant, Vec<u8>)> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = terminal.read(&mut buffer) {
            if sender.send((Instant::now(), buffer[..read].to_vec())).is_err() {
                return;
            }
        }
    });
    receiver
}

/// All output until so many prompts have come.
fn until_ready(output: &Receiver<(Instant, Vec<u8>)>, prompts: usize) -> Result<Vec<Piece>> {
    let (mut pieces, mut all, mut last) = (Vec::new(), Vec::new(), Instant::now());
    while all.windows(READY.len()).filter(|window| *window == READY).count() < prompts {
        let (at, bytes) = output.recv_timeout(PATIENCE)?;
        all.extend_from_slice(&bytes);
        let after = u64::try_from(at.saturating_duration_since(last).as_millis())?;
        pieces.push(Piece { after, bytes });
        last = at;
    }
    Ok(pieces)
}

/// The same in at most [`LONGEST`].
fn shortened(mut pieces: Vec<Piece>) -> Vec<Piece> {
    let whole: u64 = pieces.iter().map(|piece| piece.after).sum();
    if whole > LONGEST {
        for piece in &mut pieces {
            piece.after = piece.after * LONGEST / whole;
        }
    }
    pieces
}

/// The screen after each piece, the last of those that stand too short to be seen.
fn frames(pieces: &[Piece]) -> Vec<svg::Frame> {
    let mut terminal = vt100::Parser::default();
    let (mut at, mut frames) = (0, Vec::<svg::Frame>::new());
    for piece in pieces {
        at += piece.after;
        terminal.process(&piece.bytes);
        let frame = svg::Frame::of(at, terminal.screen());
        match frames.last_mut() {
            Some(last) if at < last.at + svg::SHORTEST => last.rows = frame.rows,
            _ => frames.push(frame),
        }
    }
    frames
}
