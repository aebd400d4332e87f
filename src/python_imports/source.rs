//! From a Python file's bytes to its text.

use std::borrow::Cow;

/// A file's text.
#[derive(Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// The text, without a byte order mark.
    pub text: Cow<'a, str>,
    /// Why Python does not read it so: a line, and a reason.
    pub strange: Option<(usize, &'static str)>,
}

/// The text of a Python file: UTF-8, or what its first two lines declare (PEP 263). Of what is neither UTF-8 nor
/// latin-1, such as cp1251 or euc-jp, the letters beyond ASCII are guessed wrong; names of modules have none.
pub fn decode(bytes: &[u8]) -> Text<'_> {
    let (bytes, marked) = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => (rest, true),
        None => (bytes, false),
    };
    let declared = declared(bytes).map(|name| name.to_ascii_lowercase().replace('_', "-"));
    let is_utf_8 =
        marked || declared.as_deref().is_none_or(|name| name == "utf8" || name.starts_with("utf-8"));
    match std::str::from_utf8(bytes) {
        Ok(text) if is_utf_8 || text.is_ascii() => Text { text: Cow::Borrowed(text), strange: None },
        Err(error) if is_utf_8 => {
            let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
            let strange = Some((line, "it is not UTF-8, and declares no other encoding"));
            Text { text: latin_1(bytes), strange }
        }
        _ => Text { text: latin_1(bytes), strange: None },
    }
}

fn latin_1(bytes: &[u8]) -> Cow<'static, str> {
    Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect())
}

/// The encoding that a comment on the first line declares, or on the second where the first is a comment or empty.
fn declared(bytes: &[u8]) -> Option<&str> {
    for line in bytes.split(|byte| *byte == b'\n').take(2) {
        let code = line.trim_ascii_start();
        let Some(comment) = code.strip_prefix(b"#") else {
            if code.is_empty() {
                continue;
            }
            return None;
        };
        let at = comment.windows(7).position(|word| word == b"coding:" || word == b"coding=");
        if let Some(at) = at {
            let rest = comment[at + 7..].trim_ascii_start();
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
            let end = rest.iter().position(|byte| !plain(byte)).unwrap_or(rest.len());
            return std::str::from_utf8(&rest[..end]).ok().filter(|name| !name.is_empty());
        }
    }
    None
}

/// Whether a text may be the name of a module (the language reference, "Identifiers"; wider for letters that are not
/// ASCII).
pub(super) fn is_identifier(text: &str) -> bool {
    let begins = text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    begins && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Whether a line that is no Python 3 is one of Python 2.
pub(super) fn is_python_2(line: &str) -> bool {
    let line = line.trim();
    let after =
        |word: &str| line.strip_prefix(word).filter(|rest| rest.starts_with([' ', '"', '\'', '>', '`']));
    let caught = |word: &str| {
        let rest = line.strip_prefix(word).filter(|rest| rest.starts_with([' ', '(']));
        rest.is_some_and(|rest| rest.contains(','))
    };
    after("print").is_some()
        || after("exec").is_some()
        || caught("except")
        || caught("raise")
        || line.contains('`')
        || line.contains("<>")
        || line.starts_with("def ") && line.contains("((")
}
