//! How the floors below tell what they are doing, without knowing what a terminal is.

/// Takes what is going on. The edge draws it.
pub trait Progress: Sync {
    /// A stretch of work begins: `count` items of unknown size.
    fn begin(&self, what: &str, count: u64);
    /// So many bytes have arrived by now.
    fn bytes(&self, total: u64);
    /// One item is done.
    fn step(&self);
    /// The stretch ends.
    fn end(&self);
    /// One line of what was done, on standard error.
    fn note(&self, line: &str);
    /// One line that is worth a user's attention, on standard error.
    fn warn(&self, line: &str);
}
