//! What the tests against the real registry stand on: the inputs, a machine of one's own for each test, and the
//! comparison with `cargo vendor`.

pub(crate) mod inputs;
pub(crate) mod sandbox;
pub(crate) mod vendored;

pub(crate) use inputs::{CARGO_NEXTEST, MISE, RIPGREP};
pub(crate) use sandbox::Sandbox;
