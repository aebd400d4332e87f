//! The only place that prints: data to standard output, everything else to standard error.

mod bar;
mod github;
mod log;

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};

use anstream::ColorChoice;
use owo_colors::{OwoColorize, Style};
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::commands::Outcome;
use crate::context::variable;
use crate::fault::{Fault, Result};
use crate::progress::{Line, Manner, Progress, Tone, When};
use crate::quote::is_obeyed;
use bar::Bar;

/// The terminal, or what stands in for it.
pub struct Ui {
    manner: Manner,
    /// Whether GitHub Actions reads what is said.
    is_github: bool,
    stretch: Mutex<Option<Stretch>>,
}

/// A stretch of work that is going on, and how it is shown.
enum Stretch {
    /// On a terminal.
    Drawn(Bar),
    /// As a part of GitHub's log that is folded; it ends with the token.
    Folded(String),
}

impl Ui {
    /// Sets colour up for the process, and how much is said. It is an error where `ENVTOOL_LOG` cannot be followed.
    pub fn new(manner: Manner) -> (Self, Result<()>) {
        match manner.color {
            When::Auto => {}
            When::Always => ColorChoice::Always.write_global(),
            When::Never => ColorChoice::Never.write_global(),
        }
        let filter = variable("ENVTOOL_LOG");
        let is_logged = filter.is_some() || manner.log.is_some();
        let is_dumb = variable("TERM").is_some_and(|terminal| terminal == "dumb");
        let bars = manner.bars && !is_logged && !is_dumb && io::stderr().is_terminal();
        let is_github = variable("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        let started = match is_logged {
            true => {
                let filter = filter.map(|filter| filter.to_string_lossy().into_owned());
                log::start(filter.as_deref().or(manner.log).unwrap_or_default(), is_github)
            }
            false => Ok(()),
        };
        (Self { manner: Manner { bars, ..manner }, is_github, stretch: Mutex::new(None) }, started)
    }

    /// Says what a verb has to say, and gives its exit code. Whoever closed the pipe has read enough.
    pub fn outcome(&self, outcome: &Outcome) -> u8 {
        // What was asked for first: on a terminal both stand under one another.
        let written = write_data(&self.data(outcome));
        for note in &outcome.notes {
            self.note(note);
        }
        match written {
            Err(fault) => self.fault(&fault),
            Ok(()) => outcome.code,
        }
    }

    /// Says what failed, and gives the exit code. With `--json` it is data too, on standard output, where whoever reads
    /// the data finds it.
    pub fn fault(&self, fault: &Fault) -> u8 {
        self.end();
        let mut lines = lines(0, Some((Tone::Error, "error:")), fault.what());
        for cause in fault.causes() {
            lines.extend(self::lines(2, Some((Tone::Aside, "because")), cause));
        }
        if let Some(help) = fault.help_text() {
            lines.extend(self::lines(0, Some((Tone::Info, "help:")), help));
        }
        self.tell(&lines);
        if self.is_github {
            let help = fault.help_text().map_or(String::new(), |help| format!("\nhelp: {help}"));
            say(&github::annotation(&plain(&format!("{fault}{help}"))));
        }
        if self.manner.json
            && let Ok(outcome) = Outcome::json(&Failed::of(fault))
        {
            // Where standard output is closed too there is nobody left to tell.
            let _ = write_data(&self.data(&outcome));
        }
        fault.exit_code()
    }

    /// Says something for people, with the line that a stretch has on the terminal out of the way.
    fn tell(&self, lines: &[Line]) {
        let width = columns(&io::stderr());
        let text: String = lines.iter().map(|line| drawn(line, width)).collect();
        let mut stretch = self.stretch.lock().unwrap_or_else(PoisonError::into_inner);
        match stretch.as_mut() {
            Some(Stretch::Drawn(bar)) => {
                bar.clear();
                say(&text);
                bar.draw();
            }
            None if self.is_github => say(&github::harmless(&text)),
            // In what is folded no command is obeyed anyway.
            Some(Stretch::Folded(_)) | None => say(&text),
        }
    }

    /// Data as it may be written.
    fn data(&self, outcome: &Outcome) -> String {
        match (outcome.is_json, self.is_github) {
            (true, true) => github::defused_json(&outcome.data),
            (true, false) => outcome.data.clone(),
            (false, _) => self.lines(&plain(&outcome.data)),
        }
    }

    /// Lines as they may be written.
    fn lines(&self, text: &str) -> String {
        if self.is_github { github::defused(text) } else { text.to_owned() }
    }

    fn with_bar(&self, act: impl FnOnce(&mut Bar)) {
        if let Some(Stretch::Drawn(bar)) =
            self.stretch.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
        {
            act(bar);
        }
    }

    fn set(&self, stretch: Option<Stretch>) -> Option<Stretch> {
        let mut place = self.stretch.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut place, stretch)
    }
}

/// A failure as `--json` shows it. Fields are added, never renamed or taken away.
#[derive(Serialize)]
struct Failed<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    message: &'a str,
    why: &'a [String],
    help: Option<&'a str>,
}

impl<'a> Failed<'a> {
    fn of(fault: &'a Fault) -> Self {
        Self { error: Error { message: fault.what(), why: fault.causes(), help: fault.help_text() } }
    }
}

impl Progress for Ui {
    fn begin(&self, what: &str, count: u64, unit: &str) {
        self.end();
        if self.manner.bars {
            let mut bar = Bar::new(&plain(what), count, unit);
            bar.draw();
            self.set(Some(Stretch::Drawn(bar)));
        } else if unit.is_empty() {
            self.note(what);
        } else {
            self.note(&format!("{what} {count} {unit}"));
        }
    }

    fn begin_build(&self, what: &str) {
        if self.is_github && !self.manner.bars && !self.manner.quiet {
            self.end();
            let token = github::token();
            say(&github::opened(&plain(what), &token));
            self.set(Some(Stretch::Folded(token)));
        } else {
            self.begin(what, 0, "");
        }
    }

    fn bytes(&self, total: u64) {
        self.with_bar(|bar| bar.bytes(total));
    }

    fn step(&self) {
        self.with_bar(Bar::step);
    }

    fn far(&self, done: u64, count: u64, at: &str) {
        self.with_bar(|bar| bar.far(done, count, &plain(at)));
    }

    fn log(&self, line: &str) {
        if let Some(Stretch::Folded(_)) = self.stretch.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
        {
            say(&format!("{}\n", plain(line)));
        }
    }

    fn end(&self) {
        match self.set(None) {
            Some(Stretch::Drawn(mut bar)) => bar.clear(),
            Some(Stretch::Folded(token)) => say(&github::closed(&token)),
            None => {}
        }
    }

    fn note(&self, line: &str) {
        if !self.manner.quiet {
            self.tell(&lines(0, None, line));
        }
    }

    fn warn(&self, line: &str) {
        self.tell(&lines(0, Some((Tone::Warning, "warning:")), line));
    }

    fn show(&self, lines: &[Line]) -> Result<()> {
        self.end();
        let width = self.columns();
        write_data(&self.lines(&lines.iter().map(|line| drawn(line, width)).collect::<String>()))
    }

    fn columns(&self) -> Option<usize> {
        columns(&io::stdout())
    }

    fn can_ask(&self) -> bool {
        !self.manner.quiet && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    fn ask(&self, question: &str, answers: &[&str]) -> usize {
        self.end();
        let last = answers.len().saturating_sub(1);
        let letter = |answer: &&str| answer.chars().take(1).collect::<String>();
        let mut letters: Vec<String> = answers.iter().map(letter).collect();
        if let Some(default) = letters.last_mut() {
            *default = default.to_uppercase();
        }
        let shown = letters.join("/");
        // The terminal is left as it is: Ctrl-C ends envtool here as it does everywhere, and nothing has changed yet.
        loop {
            say(&format!("{} [{shown}] ", plain(question).replace('\n', "\\n").bold()));
            let mut answer = String::new();
            let read = io::stdin().read_line(&mut answer);
            // What Ctrl-D cuts short is no answer, and leaves the cursor behind the question.
            if read.is_err() || !answer.ends_with('\n') {
                say("\n");
                return last;
            }
            let answer = answer.trim().to_lowercase();
            if answer.is_empty() {
                return last;
            }
            if let Some(given) = answers.iter().position(|one| answer == *one || answer == letter(one)) {
                return given;
            }
            say(&format!("answer with one of: {}\n", answers.join(", ")));
        }
    }
}

/// Writes to standard output. Whoever closed the pipe has read enough.
fn write_data(text: &str) -> Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Fault::new("could not write to standard output")
                .because(&error)
                .help("see where it leads to: a full disk, perhaps"))
        }
        _ => Ok(()),
    }
}

/// How wide a stream's terminal is; `None` where it is none.
fn columns(stream: &(impl IsTerminal + AsFd)) -> Option<usize> {
    let (terminal_size::Width(width), _) = terminal_size::terminal_size_of(stream)?;
    Some(usize::from(width)).filter(|width| *width > 0 && stream.is_terminal())
}

/// A text with what announces it, line by line: each is broken for itself.
fn lines(indent: usize, label: Option<(Tone, &str)>, text: &str) -> Vec<Line> {
    let announced = |(number, line): (usize, &str)| {
        let label = label.filter(|_| number == 0);
        let label = label
            .into_iter()
            .flat_map(|(tone, label)| [(tone, label.to_owned()), (Tone::Plain, " ".to_owned())]);
        Line { indent, pieces: label.chain([(Tone::Plain, line.to_owned())]).collect() }
    };
    text.split('\n').enumerate().map(announced).collect()
}

/// How much further in a line goes on that was broken.
const FURTHER: usize = 2;

/// What is never broken: a word, or a command between backticks.
#[derive(Default)]
struct Word {
    begins_line: bool,
    pieces: Vec<(Tone, String)>,
    width: usize,
}

/// A line as text, broken between words where it is wider than `width`.
fn drawn(line: &Line, width: Option<usize>) -> String {
    let mut text = " ".repeat(line.indent);
    let (mut column, mut is_first) = (line.indent, true);
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(line.indent + FURTHER));
    for word in words(line, room) {
        if word.begins_line || !is_first && width.is_some_and(|width| column + 1 + word.width > width) {
            column = line.indent + FURTHER;
            text.push_str(&format!("\n{}", " ".repeat(column)));
        } else if !is_first {
            text.push(' ');
            column += 1;
        }
        for (tone, piece) in &word.pieces {
            text.push_str(&styled(*tone, piece));
        }
        column += word.width;
        is_first = false;
    }
    text.push('\n');
    text
}

fn words(line: &Line, room: usize) -> Vec<Word> {
    let (mut words, mut word) = (Vec::new(), Word::default());
    for (tone, piece) in &line.pieces {
        let text = plain(piece);
        let mut rest = text.as_str();
        // Between the backticks of a command that has no room.
        let mut inside = false;
        while let Some(first) = rest.chars().next() {
            if first == ' ' || first == '\n' {
                words.push(std::mem::take(&mut word));
                word.begins_line = first == '\n';
                rest = &rest[1..];
                continue;
            }
            let whole = if inside { None } else { whole_command(rest, room) };
            inside ^= first == '`' && whole.is_none();
            let (unit, after) = rest.split_at(whole.unwrap_or_else(|| {
                let begin = first.len_utf8();
                rest[begin..].find([' ', '\n', '`']).map_or(rest.len(), |at| begin + at)
            }));
            word.width += unit.width();
            word.pieces.push((*tone, unit.to_owned()));
            rest = after;
        }
    }
    words.push(word);
    words
}

/// The length of a command between backticks at the beginning of `text`: whole it can be copied.
fn whole_command(text: &str, room: usize) -> Option<usize> {
    let length = text.strip_prefix('`')?.find(['`', '\n'])? + 2;
    (text[..length].ends_with('`') && text[..length].width() <= room).then_some(length)
}

/// Each tone can be read on black and on white: of the eight colours only red and magenta can, whatever a terminal makes
/// of them (yellow, cyan and green vanish on white, blue on black).
fn styled(tone: Tone, text: &str) -> String {
    let style = match tone {
        Tone::Plain => return text.to_owned(),
        Tone::Subject | Tone::Info | Tone::Done => Style::new().bold(),
        Tone::Aside => Style::new().dimmed(),
        Tone::Error => Style::new().red().bold(),
        Tone::Warning => Style::new().magenta().bold(),
    };
    text.style(style).to_string()
}

/// Writes to standard error; where that is closed there is nobody to tell.
fn say(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Text from outside without what a terminal would obey.
fn plain(text: &str) -> String {
    let shown = |c: char| {
        if is_obeyed(c) && c != '\n' && c != '\t' { c.escape_default().to_string() } else { c.to_string() }
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::drawn;
    use crate::progress::{Line, Tone};

    fn line(indent: usize, text: &str) -> Line {
        Line { indent, pieces: vec![(Tone::Plain, text.to_owned())] }
    }

    #[test]
    fn a_line_is_broken_between_words_and_never_in_a_command() {
        let text = "it lies here, `rm -r a b` takes it away";
        assert_eq!(drawn(&line(2, text), None), format!("  {text}\n"));
        assert_eq!(drawn(&line(2, text), Some(20)), "  it lies here,\n    `rm -r a b`\n    takes it away\n");
        // Where there is no room for it, it is broken like all else; a word that is too long is not.
        let two = "say `rm -r a b` or `c d`";
        assert_eq!(drawn(&line(0, two), Some(9)), "say `rm\n  -r a b`\n  or\n  `c d`\n");
        assert_eq!(drawn(&line(0, "a verylongpath b"), Some(6)), "a\n  verylongpath\n  b\n");
        assert_eq!(drawn(&line(1, "one\ntwo ` three"), Some(80)), " one\n   two ` three\n");
        assert_eq!(drawn(&line(0, "ÄÖÜ 漢字 x"), Some(7)), "ÄÖÜ\n  漢字\n  x\n");
        assert_eq!(drawn(&line(0, ""), Some(7)), "\n");
    }

    #[test]
    fn what_stands_out_stays_one_word_with_what_follows_and_nothing_is_obeyed() {
        let pieces = vec![
            (Tone::Error, "id".to_owned()),
            (Tone::Plain, ": ".to_owned()),
            (Tone::Subject, "a\u{1b}[2J b".to_owned()),
        ];
        let text = drawn(&Line { indent: 0, pieces }, Some(5));
        assert_eq!(
            text,
            "\u{1b}[31;1mid\u{1b}[0m:\n  \u{1b}[1ma\\u{1b}[2J\u{1b}[0m\n  \u{1b}[1mb\u{1b}[0m\n"
        );
    }
}
