//! A path or text as one word of a shell: whatever it holds, the shell reads it as it is and runs none of it.
//!
//! What comes out holds no control character but a line's end, so that it can be shown and piped like all else.

use std::ffi::OsStr;

/// How a family of shells reads a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// As POSIX says: sh, bash, zsh, dash, ksh.
    Posix,
    /// As fish does.
    Fish,
    /// As csh and tcsh do.
    Csh,
}

impl Syntax {
    /// That of the shell of this name; `None` for nu, which reads no code that it is handed.
    pub fn of(shell: &str) -> Option<Self> {
        match shell {
            "nu" => None,
            "fish" => Some(Self::Fish),
            "csh" | "tcsh" => Some(Self::Csh),
            _ => Some(Self::Posix),
        }
    }

    /// The text as one word; `None` where these shells cannot be told it.
    pub fn quote(self, text: &OsStr) -> Option<String> {
        let mut word = Word { syntax: self, text: "'".to_owned(), run: String::new() };
        for chunk in text.as_encoded_bytes().utf8_chunks() {
            for c in chunk.valid().chars() {
                word.take(c)?;
            }
            chunk.invalid().iter().try_for_each(|byte| word.take_byte(*byte))?;
        }
        word.end_run();
        word.text.push('\'');
        Some(word.text)
    }
}

/// A word that is being written; it stands within single quotes.
struct Word {
    syntax: Syntax,
    text: String,
    /// The bytes that are said by their numbers, one after the other.
    run: String,
}

impl Word {
    fn take(&mut self, c: char) -> Option<()> {
        // A substitution would lose a line's end; within quotes POSIX shells keep it.
        if c.is_control() && !(c == '\n' && self.syntax == Syntax::Posix) {
            return c.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| self.take_byte(byte));
        }
        self.end_run();
        match (self.syntax, c) {
            (Syntax::Posix | Syntax::Csh, '\'') => self.text.push_str("'\\''"),
            (Syntax::Fish, '\'' | '\\') => self.text.extend(['\\', c]),
            // csh looks into its history within quotes too.
            (Syntax::Csh, '!') => self.text.push_str("\\!"),
            _ => self.text.push(c),
        }
        Some(())
    }

    fn take_byte(&mut self, byte: u8) -> Option<()> {
        match self.syntax {
            Syntax::Posix => self.run.push_str(&format!("\\{byte:03o}")),
            Syntax::Fish => self.run.push_str(&format!("\\X{byte:02x}")),
            Syntax::Csh => return None,
        }
        Some(())
    }

    fn end_run(&mut self) {
        let run = std::mem::take(&mut self.run);
        match self.syntax {
            _ if run.is_empty() => {}
            // dash knows no `$'…'`.
            Syntax::Posix => self.text.push_str(&format!("'\"$(\\printf '{run}')\"'")),
            Syntax::Fish | Syntax::Csh => self.text.push_str(&format!("'{run}'")),
        }
    }
}

/// Whether a terminal would obey it rather than show it: a control character, or one that turns the direction of what
/// stands beside it, so that a name reads as another one.
pub fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A path for people, in one line: what a terminal would obey is shown by its number.
pub fn shown(text: &OsStr) -> String {
    let escape = |c: char| if is_obeyed(c) { c.escape_default().to_string() } else { c.to_string() };
    text.to_string_lossy().chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::{OsStr, OsString};

    use super::{Syntax, shown};

    fn words(text: impl AsRef<OsStr>) -> [Option<String>; 3] {
        [Syntax::Posix, Syntax::Fish, Syntax::Csh].map(|syntax| syntax.quote(text.as_ref()))
    }

    fn three(posix: &str, fish: &str, csh: Option<&str>) -> [Option<String>; 3] {
        [Some(posix.to_owned()), Some(fish.to_owned()), csh.map(str::to_owned)]
    }

    #[test]
    fn a_word_is_one_word_in_every_shell() {
        assert_eq!(words("/p/a b"), three("'/p/a b'", "'/p/a b'", Some("'/p/a b'")));
        assert_eq!(words(""), three("''", "''", Some("''")));
        assert_eq!(
            words("it's $HOME`x`\\"),
            three("'it'\\''s $HOME`x`\\'", "'it\\'s $HOME`x`\\\\'", Some("'it'\\''s $HOME`x`\\'"))
        );
        assert_eq!(words("a!b"), three("'a!b'", "'a!b'", Some("'a\\!b'")));
        assert_eq!(words("a\nb"), three("'a\nb'", "'a'\\X0a'b'", None));
        assert_eq!(
            words("\u{1b}[31m\u{80}é"),
            three(
                "''\"$(\\printf '\\033')\"'[31m'\"$(\\printf '\\302\\200')\"'é'",
                "''\\X1b'[31m'\\Xc2\\X80'é'",
                None
            )
        );
        assert_eq!(Syntax::of("nu"), None);
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_no_text_are_said_by_their_numbers() {
        use std::os::unix::ffi::OsStringExt;
        let odd = OsString::from_vec(b"a\xff\xfe'".to_vec());
        assert_eq!(words(&odd), three("'a'\"$(\\printf '\\377\\376')\"''\\'''", "'a'\\Xff\\Xfe'\\''", None));
        assert_eq!(shown(&odd), "a\u{fffd}\u{fffd}'");
        assert_eq!(shown(OsStr::new("a\n\u{1b}[2Jb")), "a\\n\\u{1b}[2Jb");
        assert_eq!(shown(OsStr::new("\u{202e}sl\u{9b}é")), "\\u{202e}sl\\u{9b}é");
    }
}
