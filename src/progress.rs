//! How the floors below tell what they are doing, without knowing what a terminal is.

use crate::fault::Result;

/// How a piece of a line is to stand out; without a terminal, or without colour, it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// What the line is about.
    Subject,
    /// Beside the point.
    Aside,
    /// An error.
    Error,
    /// A warning.
    Warning,
    /// Worth knowing.
    Info,
    /// Well done.
    Done,
}

/// A line, which a terminal breaks where it is too long. Data: the edge alone knows what a terminal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How far in it begins.
    pub indent: usize,
    /// Its pieces, one after the other.
    pub pieces: Vec<(Tone, String)>,
}

/// How it is to be said, as the command line asks for it.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// When to use colour.
    pub color: When,
    /// Whether only errors and warnings are said.
    pub quiet: bool,
    /// What is said of each program, request and setting, as a filter of events; `None` for nothing.
    pub log: Option<&'static str>,
    /// Whether a bar may be drawn.
    pub bars: bool,
    /// Whether an error is data too.
    pub json: bool,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Takes what is going on. The edge draws it.
pub trait Progress: Sync {
    /// A stretch of work begins: so many items of unknown size, `unit` being what they are (`crates`). A count of 0
    /// stands for one that is not known.
    fn begin(&self, what: &str, count: u64, unit: &str);
    /// The same for a program that says itself how far it is, and keeps a log that people read.
    fn begin_build(&self, what: &str);
    /// So many bytes have arrived by now.
    fn bytes(&self, total: u64);
    /// One item is done.
    fn step(&self);
    /// So many of so many items are done, and this is at work.
    fn far(&self, done: u64, count: u64, at: &str);
    /// A line of the log of a build.
    fn log(&self, line: &str);
    /// The stretch ends.
    fn end(&self);
    /// One line of what was done, on standard error.
    fn note(&self, line: &str);
    /// One line that is worth a user's attention, on standard error.
    fn warn(&self, line: &str);
    /// Lines of data, on standard output, before the verb has ended.
    fn show(&self, lines: &[Line]) -> Result<()>;
    /// How many columns the terminal has that data goes to; `None` where it goes elsewhere.
    fn columns(&self) -> Option<usize>;
    /// Whether somebody sits at a terminal and may be asked.
    fn can_ask(&self) -> bool;
    /// Asks for one of `answers`, and gives its number. The last is that of one who says nothing.
    fn ask(&self, question: &str, answers: &[&str]) -> usize;
}
