//! The pictures of the README: they are what their programs make, they keep to themselves, and they are there.

use std::fs;
use std::path::Path;

#[path = "../../examples/chart/draw.rs"]
mod draw;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_chart_says_what_the_tables_of_the_readme_say() {
    let readme = read("README.md");
    assert!(draw::chart(&readme) == read("docs/speed.svg"), "help: cargo run --example chart");
    // The other way round: another figure is another chart.
    let other = readme.replacen("| cold sync | ", "| cold sync | 1", 1);
    assert!(other != readme && draw::chart(&other) != draw::chart(&readme));
}

#[test]
fn the_pictures_are_small_and_ask_for_nothing_and_know_light_and_dark() {
    let readme = read("README.md");
    for picture in ["docs/terminal.svg", "docs/speed.svg"] {
        let text = read(picture);
        assert!(text.len() < 200_000, "{picture}: {}", text.len());
        assert!(text.contains("prefers-color-scheme:dark"), "{picture}");
        let asks = ["href", "url(", "<script", "@import", "<foreignObject", "<image"];
        assert!(!asks.iter().any(|word| text.contains(word)), "{picture}");
        assert_eq!(text.matches("://").count(), 1, "{picture} names an address beside its xmlns");
        assert!(readme.contains(&format!("]({picture})")), "{picture}");
    }
    let terminal = read("docs/terminal.svg");
    for words in ["envtool init", "envtool add serde_json@", "envtool run -- ", "envtool doctor --fix"] {
        assert!(terminal.contains(words), "{words}");
    }
    let first = readme.lines().find(|line| !line.is_empty() && !line.starts_with('#')).unwrap();
    assert!(first.starts_with("![") && first.ends_with("](docs/terminal.svg)"), "{first}");
    assert!(terminal.contains("prefers-reduced-motion:reduce"));
}
