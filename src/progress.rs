//! How the floors below tell what they are doing, without knowing what a terminal is.

/// Takes what is going on. The edge draws it; tests and `--quiet` take [`Silent`].
pub trait Progress: Sync {
    /// A stretch of work begins: `count` items of unknown size.
    fn begin(&self, what: &str, count: u64);
    /// `bytes` more arrived.
    fn bytes(&self, bytes: u64);
    /// One item is done.
    fn step(&self);
    /// The stretch ends.
    fn end(&self);
    /// One line that is worth a user's attention, on standard error.
    fn warn(&self, line: &str);
}

/// Says nothing.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: u64) {}
    fn bytes(&self, _: u64) {}
    fn step(&self) {}
    fn end(&self) {}
    fn warn(&self, _: &str) {}
}
