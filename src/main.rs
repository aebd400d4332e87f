//! The program `envtool`.
fn main() {}
