//! The only place that prints: data to standard output, everything else to standard error.

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;

use anstream::ColorChoice;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use owo_colors::OwoColorize;

use crate::commands::Outcome;
use crate::fault::Fault;
use crate::progress::Progress;

/// The terminal, or what stands in for it.
pub struct Ui {
    quiet: bool,
    bars: bool,
    bar: Mutex<Option<ProgressBar>>,
}

impl Ui {
    /// Sets colour up for the process, and how much is said.
    pub fn new(color: ColorChoice, quiet: bool, bars: bool) -> Self {
        if color != ColorChoice::Auto {
            color.write_global();
        }
        Self { quiet, bars: bars && io::stderr().is_terminal(), bar: Mutex::new(None) }
    }

    /// Says what a verb has to say, and gives its exit code. Whoever closed the pipe has read enough.
    pub fn outcome(&self, outcome: &Outcome) -> u8 {
        for note in &outcome.notes {
            self.note(note);
        }
        let mut out = anstream::stdout().lock();
        let data = if outcome.is_json { outcome.data.clone() } else { plain(&outcome.data) };
        match out.write_all(data.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.fault(&Fault::new("could not write to standard output").because(&error))
            }
            _ => outcome.code,
        }
    }

    /// Says what failed, and gives the exit code.
    pub fn fault(&self, fault: &Fault) -> u8 {
        self.end();
        let mut text = format!("{} {}\n", "error:".red().bold(), plain(fault.what()));
        for cause in fault.causes() {
            let mut lines = cause.lines();
            text.push_str(&format!("  {} {}\n", "because".dimmed(), plain(lines.next().unwrap_or_default())));
            for line in lines {
                text.push_str(&format!("  {}\n", plain(line)));
            }
        }
        if let Some(help) = fault.help_text() {
            text.push_str(&format!("{} {}\n", "help:".cyan().bold(), plain(help)));
        }
        say(&text);
        fault.exit_code()
    }

    fn with_bar(&self, act: impl FnOnce(&ProgressBar)) {
        if let Ok(bar) = self.bar.lock()
            && let Some(bar) = bar.as_ref()
        {
            act(bar);
        }
    }
}

impl Progress for Ui {
    fn begin(&self, what: &str, count: u64) {
        if !self.bars {
            return;
        }
        let bar = ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::stderr_with_hz(10));
        // The template is a constant; where it is wrong, a plain bar is drawn.
        if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len} {prefix}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what.to_owned());
        if let Ok(mut place) = self.bar.lock() {
            *place = Some(bar);
        }
    }

    fn bytes(&self, total: u64) {
        self.with_bar(|bar| {
            let rate = total / bar.elapsed().as_secs().max(1);
            bar.set_prefix(format!("{}  {}/s", indicatif::HumanBytes(total), indicatif::HumanBytes(rate)));
        });
    }

    fn step(&self) {
        self.with_bar(|bar| bar.inc(1));
    }

    fn end(&self) {
        if let Ok(mut bar) = self.bar.lock()
            && let Some(bar) = bar.take()
        {
            bar.finish_and_clear();
        }
    }

    fn note(&self, line: &str) {
        if !self.quiet {
            say(&format!("{}\n", plain(line)));
        }
    }

    fn warn(&self, line: &str) {
        let text = format!("{} {}", "warning:".yellow().bold(), plain(line));
        match self.bar.lock() {
            Ok(bar) if bar.is_some() => {
                if let Some(bar) = bar.as_ref() {
                    bar.suspend(|| say(&format!("{text}\n")));
                }
            }
            _ => say(&format!("{text}\n")),
        }
    }
}

/// Writes to standard error; where that is closed there is nobody to tell.
fn say(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Text from outside without what a terminal would obey.
fn plain(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() && c != '\n' && c != '\t' { c.escape_default().to_string() } else { c.to_string() }
    };
    text.chars().map(shown).collect()
}
