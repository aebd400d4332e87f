//! The one error type: what happened to which file or package, why, and what to type next.
//!
//! Every floor returns it, so an error is written once, where it is understood, and rendered once, at the edge.
//! A union of one error enum a module was tried on paper first: nothing above ever matched on a variant, and each
//! message had to be repeated as a variant, a display line and a help line. Where a caller does decide on the
//! kind of a failure (absent or broken, say), the function returns that as its value and not as an error.

use std::error::Error;
use std::fmt;

/// What a fallible function of envtool returns.
pub type Result<T> = std::result::Result<T, Fault>;

/// A failure that a user reads.
#[derive(Debug, Clone)]
#[must_use]
pub struct Fault(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    what: String,
    why: Vec<String>,
    help: Option<String>,
    exit_code: u8,
}

impl Fault {
    /// A failure: `what` names the action and the file or package, without a full stop. Exit code 1.
    pub fn new(what: impl Into<String>) -> Self {
        Self(Box::new(Inner { what: what.into(), why: Vec::new(), help: None, exit_code: 1 }))
    }

    /// A wrong use of the command line. Exit code 2.
    pub fn usage(what: impl Into<String>) -> Self {
        let mut fault = Self::new(what);
        fault.0.exit_code = 2;
        fault
    }

    /// A failure that cannot be the user's: a mistake of envtool itself.
    pub fn bug(what: impl Into<String>) -> Self {
        Self::new(what)
            .help("this is a mistake of envtool: report it, with what the same command says with `-vv`")
    }

    /// Adds the cause, with every cause behind it. A cause that only repeats the one before it is left out.
    pub fn because(mut self, cause: &(dyn Error + 'static)) -> Self {
        let mut next = Some(cause);
        while let Some(cause) = next {
            let text = cause.to_string();
            if !self.0.why.last().is_some_and(|last| last.contains(&text)) {
                self.0.why.push(text);
            }
            next = cause.source();
        }
        self
    }

    /// Adds a cause in words.
    pub fn why(mut self, cause: impl Into<String>) -> Self {
        self.0.why.push(cause.into());
        self
    }

    /// Says what the user can do. The last one given counts.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Gives help only where none was given below.
    pub fn or_help(mut self, help: impl Into<String>) -> Self {
        self.0.help.get_or_insert_with(|| help.into());
        self
    }

    /// Puts a wider action before this failure: the old `what` becomes the first cause.
    pub fn while_doing(mut self, what: impl Into<String>) -> Self {
        let inner = std::mem::replace(&mut self.0.what, what.into());
        self.0.why.insert(0, inner);
        self
    }

    /// The exit code that the process ends with: 1 or 2, or what [`Fault::with_exit_code`] set.
    pub fn exit_code(&self) -> u8 {
        self.0.exit_code
    }

    /// Sets the exit code, for `run`, which owes 126 and 127 to its caller.
    pub fn with_exit_code(mut self, code: u8) -> Self {
        self.0.exit_code = code;
        self
    }

    /// What happened.
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// Why, outermost first.
    pub fn causes(&self) -> &[String] {
        &self.0.why
    }

    /// What to do next.
    pub fn help_text(&self) -> Option<&str> {
        self.0.help.as_deref()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)?;
        for why in &self.0.why {
            write!(f, ": {why}")?;
        }
        Ok(())
    }
}

impl Error for Fault {}

#[cfg(test)]
mod tests {
    use super::Fault;

    #[test]
    fn a_fault_says_what_why_and_what_to_do() {
        let io = std::io::Error::other("disk on fire");
        let fault =
            Fault::new("could not read a").because(&io).help("call somebody").while_doing("could not sync");
        assert_eq!(fault.to_string(), "could not sync: could not read a: disk on fire");
        assert_eq!(fault.help_text(), Some("call somebody"));
        assert_eq!(fault.exit_code(), 1);
        assert_eq!(Fault::usage("no").exit_code(), 2);
        assert_eq!(Fault::new("x").help("a").or_help("b").help_text(), Some("a"));
    }
}
