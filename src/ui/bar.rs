//! The line on a terminal that says how far a stretch of work is.
//!
//! After each drawing the cursor goes back to the line's first column, as cargo has it: what a terminal breaks or joins
//! when it is made narrower or wider lies behind the cursor then, so that the next drawing takes all of it away; and
//! the `^C` of whoever has had enough does not stay. (indicatif 0.18 leaves the cursor behind a line that it has filled
//! up with blanks: read in its source. This one was watched in tmux.)

use std::io::{self, Write};
use std::time::{Duration, Instant};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How wide the bar itself is.
const BAR: usize = 20;
/// No drawing follows another more quickly, where many come.
const PAUSE: Duration = Duration::from_millis(100);

/// How far a stretch of work is.
pub(super) struct Bar {
    what: String,
    unit: String,
    count: u64,
    done: u64,
    bytes: Option<u64>,
    at: String,
    since: Instant,
    drawn: Option<Instant>,
}

impl Bar {
    pub(super) fn new(what: &str, count: u64, unit: &str) -> Self {
        Self {
            what: what.to_owned(),
            unit: unit.to_owned(),
            count,
            done: 0,
            bytes: None,
            at: String::new(),
            since: Instant::now(),
            drawn: None,
        }
    }

    pub(super) fn step(&mut self) {
        self.done += 1;
        self.draw_in_time();
    }

    pub(super) fn bytes(&mut self, total: u64) {
        // Told by several threads: one that comes late counts nothing back.
        self.bytes = self.bytes.max(Some(total));
        self.draw_in_time();
    }

    pub(super) fn far(&mut self, done: u64, count: u64, at: &str) {
        (self.done, self.count) = (done, count);
        at.clone_into(&mut self.at);
        self.draw();
    }

    fn draw_in_time(&mut self) {
        if self.drawn.is_none_or(|drawn| drawn.elapsed() > PAUSE) {
            self.draw();
        }
    }

    /// Draws it over what stands there.
    pub(super) fn draw(&mut self) {
        let width = terminal_size::terminal_size_of(io::stderr())
            .map_or(80, |(terminal_size::Width(width), _)| usize::from(width));
        // A terminal breaks a line already where the last column is filled.
        let line = self.line(self.since.elapsed(), width.saturating_sub(1));
        write(&format!("\r\u{1b}[J{line}\r"));
        self.drawn = Some(Instant::now());
    }

    /// Takes it away.
    pub(super) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            write("\r\u{1b}[J");
        }
    }

    /// The line, in so many columns: what does not fit is left out, the least telling first.
    fn line(&self, took: Duration, width: usize) -> String {
        let Self { what, unit, count, done, at, .. } = self;
        if *count == 0 {
            return cut(what, width);
        }
        if unit.is_empty() {
            return cut(format!("{what}: {done}/{count} {at}").trim_end(), width);
        }
        let mut parts = vec![format!("{done}/{count} {unit}")];
        parts.extend(self.bytes.map(megabytes));
        parts.extend(self.bytes.and_then(|bytes| rate(bytes, took)));
        let bar = drawn_bar(*done, *count);
        for (bar, parts) in [(bar.as_str(), parts.len()), ("", parts.len()), ("", 2), ("", 1)]
            .map(|(bar, length)| (bar, &parts[..length.min(parts.len())]))
        {
            let line = format!("{what} {bar}{}", parts.join(", "));
            if line.width() <= width {
                return line;
            }
        }
        cut(&format!("{what} {}", parts[0]), width)
    }
}

fn drawn_bar(done: u64, count: u64) -> String {
    let full = usize::try_from(BAR as u64 * done.min(count) / count.max(1)).unwrap_or(BAR);
    let head = if full < BAR { ">" } else { "" };
    format!("[{:BAR$}] ", format!("{}{head}", "=".repeat(full)))
}

#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn rate(bytes: u64, took: Duration) -> Option<String> {
    // Before that it is chance.
    let seconds = took.as_secs_f64();
    (seconds > 0.2).then(|| format!("{:.1} MB/s", bytes as f64 / 1e6 / seconds))
}

/// As much of a text as `width` columns hold.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let fits = |c: &char| {
        let wide = c.width().unwrap_or(0);
        let fits = wide <= room;
        room = room.saturating_sub(wide);
        fits
    };
    let mut kept: String = text.chars().take_while(fits).collect();
    if width > 0 {
        kept.push('…');
    }
    kept
}

/// To the terminal as it is: colours may be unwanted, but a cursor has to move.
fn write(text: &str) {
    let mut terminal = io::stderr().lock();
    // Where it is gone there is nobody to tell.
    let _ = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Bar, cut};

    #[test]
    fn a_line_fits_whatever_the_terminal_is_wide() {
        let mut bar = Bar::new("Downloading", 489, "crates");
        (bar.done, bar.bytes) = (12, Some(34_100_000));
        let took = Duration::from_millis(4159);
        for (width, line) in [
            (120, "Downloading [>                   ] 12/489 crates, 34.1 MB, 8.2 MB/s"),
            (79, "Downloading [>                   ] 12/489 crates, 34.1 MB, 8.2 MB/s"),
            (60, "Downloading 12/489 crates, 34.1 MB, 8.2 MB/s"),
            (39, "Downloading 12/489 crates, 34.1 MB"),
            (26, "Downloading 12/489 crates"),
            (12, "Downloading…"),
            (1, "…"),
            (0, ""),
        ] {
            assert_eq!(bar.line(took, width), line);
        }
        bar.done = 489;
        assert!(
            bar.line(Duration::ZERO, 120).starts_with("Downloading [====================] 489/489 crates")
        );

        let mut bar = Bar::new("Building just 1.42.4", 0, "");
        assert_eq!(bar.line(took, 40), "Building just 1.42.4");
        (bar.done, bar.count, bar.at) = (112, 160, "serde_derive, syn".to_owned());
        assert_eq!(bar.line(took, 79), "Building just 1.42.4: 112/160 serde_derive, syn");
        assert_eq!(bar.line(took, 39), "Building just 1.42.4: 112/160 serde_de…");
    }

    #[test]
    fn a_wide_letter_is_left_out_where_half_of_it_fits() {
        assert_eq!(cut("漢字漢字", 8), "漢字漢字");
        assert_eq!(cut("漢字漢字", 7), "漢字漢…");
        assert_eq!(cut("漢字漢字", 6), "漢字…");
    }
}
