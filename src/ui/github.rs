//! What GitHub Actions reads in the log of a step: a line that begins with `::` is a command to the runner, on standard
//! output and on standard error, and so is anything behind `##[`, which is the older form (actions/toolkit,
//! `packages/core/src/command.ts`; actions/runner, `ActionCommand.cs`).
//!
//! What others wrote must not become one. Between `::stop-commands::TOKEN` and `::TOKEN::` the runner obeys nothing, and
//! the token is one that nobody can know before.

use std::hash::{BuildHasher, RandomState};

use anstream::adapter::strip_str;

/// A word that nobody can know before: the standard library's hash keys are random.
pub(super) fn token() -> String {
    let part = |salt: u8| RandomState::new().hash_one(salt);
    format!("envtool-{:016x}{:016x}", part(1), part(2))
}

/// A stretch of the log that is folded, in which no command is obeyed; `token` ends it.
pub(super) fn opened(title: &str, token: &str) -> String {
    format!("::group::{}\n::stop-commands::{token}\n", escaped(title))
}

/// The end of such a stretch.
pub(super) fn closed(token: &str) -> String {
    format!("::{token}::\n::endgroup::\n")
}

/// A text for people in which no command is obeyed. It ends with a line break.
pub(super) fn harmless(text: &str) -> String {
    if !text.lines().any(is_command) {
        return text.to_owned();
    }
    let token = token();
    format!("::stop-commands::{token}\n{}\n::{token}::\n", text.trim_end_matches('\n'))
}

/// Data, which has to stay lines of data: what would be a command is shown with a backslash.
pub(super) fn defused(text: &str) -> String {
    let line = |line: &str| {
        if !is_command(line) {
            return line.to_owned();
        }
        let line = strip_str(line).to_string().replace("##[", "#\\#[");
        match line.trim_start().strip_prefix("::") {
            Some(rest) => format!("{}\\::{rest}", &line[..line.len() - line.trim_start().len()]),
            None => line,
        }
    };
    text.split_inclusive('\n').map(line).collect()
}

/// The same of JSON: it begins no line with a command, and the other form can stand in nothing but a string of it.
pub(super) fn defused_json(text: &str) -> String {
    text.replace("##[", "#\\u0023[")
}

/// An error as the runner shows it beside the step.
pub(super) fn annotation(message: &str) -> String {
    format!("::error title=envtool::{}\n", escaped(message))
}

/// Colours do not count: they are gone when the runner reads the line.
fn is_command(line: &str) -> bool {
    let line = strip_str(line).to_string();
    line.trim_start().starts_with("::") || line.contains("##[")
}

/// The text of a command, on one line (`escapeData` of the toolkit).
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::{annotation, defused, defused_json, harmless, opened, token};

    #[test]
    fn what_others_wrote_starts_no_command() {
        for text in ["plain\n", "a::b\n", "std::fs:: and x ::y\n", "## [x]\n"] {
            assert_eq!(harmless(text), text);
            assert_eq!(defused(text), text);
        }
        for text in ["::add-mask::x\n", "a\n \t::set-output name=a::b\n", "so ##[error]x\n", "::x"] {
            let shown = harmless(text);
            let token = shown.strip_prefix("::stop-commands::").unwrap().lines().next().unwrap();
            assert_eq!(shown, format!("::stop-commands::{token}\n{}\n::{token}::\n", text.trim_end()));
            let data = defused(text);
            assert!(!data.lines().any(super::is_command), "{data}");
        }
        assert_eq!(defused("a\n  ::b\n"), "a\n  \\::b\n");
        assert_eq!(defused("  \u{1b}[1m::b\u{1b}[0m c\n"), "  \\::b c\n");
        assert_eq!(defused_json("{\"a\": \"##[x]\\\\##[\"}"), "{\"a\": \"#\\u0023[x]\\\\#\\u0023[\"}");
        assert_ne!(token(), token());
    }

    #[test]
    fn the_text_of_a_command_stays_on_its_line() {
        assert_eq!(annotation("50%\r\n::x"), "::error title=envtool::50%25%0D%0A::x\n");
        assert_eq!(opened("a\n::b", "T"), "::group::a%0A::b\n::stop-commands::T\n");
    }
}
