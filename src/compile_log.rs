//! The log of a `cargo build` that failed: the error that counts, and what cures it.
//!
//! rustc and cargo begin a message at the left edge with `error`, and keep what belongs to it behind an empty line only
//! where that is indented or opens with `Caused by:`. What a build script printed is indented by two. Status lines have
//! their word right-aligned to the twelfth column. Tried with cargo 1.95.
//!
//! A log holds what strangers' build scripts printed, so all that leaves this file is free of control characters.

mod cures;

/// How many lines of a log are shown where no error is found in it.
const TAIL: usize = 20;

/// The words of cargo's status lines.
const STATUS: [&str; 14] = [
    "Adding",
    "Blocking",
    "Building",
    "Checking",
    "Compiling",
    "Dirty",
    "Downloaded",
    "Downloading",
    "Finished",
    "Fresh",
    "Installing",
    "Locking",
    "Running",
    "Updating",
];

/// Lines that only say that something failed.
const SUMMARIES: [&str; 5] = [
    "error: could not compile ",
    "error: aborting due to ",
    "error: build failed",
    "error: failed to compile ",
    "error: build script logged errors",
];

/// The log's last error in full: a compiler's message with its notes, what a build script printed before it failed, or
/// a linker's words. Lines that only say that the build failed are taken where there is nothing better; the directives
/// that a build script gave to cargo are left out. Empty for an empty log only.
pub fn last_error(log: &str) -> String {
    if log.is_empty() {
        return String::new();
    }
    let clean = plain(log);
    let lines: Vec<&str> = clean.lines().collect();
    let mut best: Option<String> = None;
    let mut at = 0;
    while at < lines.len() {
        if !is_error(lines[at]) {
            at += 1;
            continue;
        }
        let end = end_of(&lines, at);
        let block = &lines[at..end];
        if !is_summary(block) {
            best = Some(without_directives(block));
        }
        at = end;
    }
    best.unwrap_or_else(|| tail(&lines)).trim_end().to_owned()
}

/// What helps where the cause of a failed build is a known one: a package of the system that is missing, a full disk, a
/// Rust that is too old.
pub fn cure(log: &str) -> Option<String> {
    cures::of(&last_error(log)).or_else(|| cures::of(&plain(log)))
}

/// How far a build is, where a line of its log is what cargo draws of that: `    Building [==>  ] 112/160: syn, quote`, a
/// carriage return behind it.
pub fn progress(line: &str) -> Option<(u64, u64, &str)> {
    let (_, far) = line.trim().strip_prefix("Building [")?.split_once("] ")?;
    let (numbers, at) = far.split_once(':').unwrap_or((far, ""));
    let (done, count) = numbers.split_once('/')?;
    Some((done.trim().parse().ok()?, count.trim().parse().ok()?, at.trim()))
}

fn is_error(line: &str) -> bool {
    line.starts_with("error:") || line.starts_with("error[")
}

/// The line after the last of the message that begins at `start`.
fn end_of(lines: &[&str], start: usize) -> usize {
    let mut end = start + 1;
    let mut after_blank = false;
    for (at, line) in lines.iter().enumerate().skip(start + 1) {
        if line.trim().is_empty() {
            after_blank = true;
            continue;
        }
        let goes_on = if is_error(line) {
            !after_blank && package(line).is_some() && package(line) == package(lines[start])
        } else if line.starts_with("warning:") || line.starts_with("warning[") || is_status(line) {
            false
        } else {
            !after_blank
                || line.starts_with(char::is_whitespace)
                || ["Caused by:", "note:", "help:"].iter().any(|word| line.starts_with(word))
        };
        if !goes_on {
            break;
        }
        end = at + 1;
        after_blank = false;
    }
    end
}

/// The package of `error: NAME@VERSION: …`: one line of what its build script reported.
fn package(line: &str) -> Option<&str> {
    let (package, _) = line.strip_prefix("error: ")?.split_once(": ")?;
    (package.contains('@') && !package.contains(' ')).then_some(package)
}

fn is_status(line: &str) -> bool {
    let trimmed = line.trim_start();
    let word = trimmed.split(' ').next().unwrap_or_default();
    line.len() - trimmed.len() + word.len() == 12 && STATUS.contains(&word)
}

/// Whether a message says no more than that something failed. A compiler that was killed has no other message.
fn is_summary(block: &[&str]) -> bool {
    let summary = SUMMARIES.iter().any(|words| block[0].starts_with(words));
    let says_why = block.iter().any(|line| line.contains("(signal: ") || line.contains("(never executed)"));
    summary && !says_why
}

/// The message without the lines by which a build script directs cargo; its own warnings stay.
fn without_directives(block: &[&str]) -> String {
    let told = ["cargo:warning=", "cargo::warning=", "cargo::error="];
    let mut kept: Vec<&str> = Vec::new();
    let mut in_stdout = false;
    for line in block {
        let text = line.trim();
        if text == "--- stdout" || text == "--- stderr" {
            // A part that has nothing left goes with its heading.
            if in_stdout {
                drop_empty_stdout(&mut kept);
            }
            in_stdout = text == "--- stdout";
        }
        let directive = text.starts_with("cargo:") && !told.iter().any(|words| text.starts_with(words));
        if !(in_stdout && directive) {
            kept.push(line);
        }
    }
    if in_stdout {
        drop_empty_stdout(&mut kept);
    }
    kept.join("\n")
}

fn drop_empty_stdout(kept: &mut Vec<&str>) {
    let last = kept.iter().rposition(|line| !line.trim().is_empty());
    if let Some(at) = last.filter(|at| kept[*at].trim() == "--- stdout") {
        kept.truncate(at);
    }
}

/// The end of a log, its status lines left out where anything else is left.
fn tail(lines: &[&str]) -> String {
    let filled = || lines.iter().copied().filter(|line| !line.trim().is_empty());
    let mut shown: Vec<&str> = filled().filter(|line| !is_status(line)).collect();
    if shown.is_empty() {
        shown = filled().collect();
    }
    match shown.len() {
        0 => "the log holds nothing but blanks".to_owned(),
        length => shown.split_off(length.saturating_sub(TAIL)).join("\n"),
    }
}

/// The log without colours and other control characters, one kind of line break.
fn plain(log: &str) -> String {
    let mut plain = String::with_capacity(log.len());
    let mut chars = log.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' | '\n' => plain.push('\n'),
            '\t' => plain.push('\t'),
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain
}

/// Skips what follows an escape: `[…m` and its like, or a text for the terminal up to its end.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars>) {
    match chars.next() {
        Some('[') => {
            while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
            chars.next_if(|c| matches!(c, '@'..='~'));
        }
        Some(']') => while chars.next_if(|c| !matches!(c, '\u{7}' | '\u{1b}' | '\n')).is_some() {},
        _ => {}
    }
}

#[cfg(test)]
mod tests;
