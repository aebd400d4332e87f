//! The verbs against the real registries, on real projects, each with a home, a home of cargo and a store of its own.
//! Only `cargo test --features real-registry --test real` builds it: plain `cargo test` does not leave the machine.
//!
//! Where a test says that something works without a network, the program runs in a network namespace that has no way
//! out, and a control shows that it fails there without the environment.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test may fail loudly, and prepares its files and programs without envtool's own doors"
)]
#![cfg(target_os = "linux")]

mod cargo_nextest;
mod hello;
mod mise;
mod outdated;
mod pack;
mod pins;
mod python;
mod python_story;
mod ripgrep;
mod serve;
mod support;
mod tools;

use support::Sandbox;

/// A machine with the program under test.
fn sandbox() -> Sandbox {
    Sandbox::with(env!("CARGO_BIN_EXE_envtool"))
}
