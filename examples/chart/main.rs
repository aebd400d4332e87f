//! Draws `docs/speed.svg` from the tables below "Speed" in README.md, so that the two cannot differ (a test holds them
//! to that): `cargo run --example chart`.
#![expect(clippy::disallowed_methods, reason = "it draws for the repository, and is no part of envtool")]

mod draw;

use std::fs;
use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::write(root.join("docs/speed.svg"), draw::chart(&fs::read_to_string(root.join("README.md"))?))
}
