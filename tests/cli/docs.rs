//! The pages of `docs/`: every command of envtool that they name is one, with the flags that they give it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::support::Sandbox;

/// The commands of envtool between backticks.
fn commands(page: &str) -> Vec<Vec<String>> {
    let spans = page.split("```").step_by(2).flat_map(|prose| prose.split('`').skip(1).step_by(2));
    let words = |span: &str| span.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    spans.map(words).filter(|words| words.len() > 1 && words[0] == "envtool").collect()
}

#[test]
fn the_commands_of_the_pages_exist_with_their_flags() {
    let sandbox = Sandbox::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut helps: BTreeMap<String, String> = BTreeMap::new();
    let mut seen = 0;
    for page in ["coming-from.md", "editors.md", "docker/README.md"] {
        for command in commands(&fs::read_to_string(folder.join(page)).unwrap()) {
            let help = helps.entry(command[1].clone()).or_insert_with(|| {
                let asked = sandbox.envtool(&[command[1].as_str(), "--help"], &sandbox.empty()).run();
                assert_eq!(asked.code, Some(0), "{page}: no verb {command:?}");
                asked.stdout
            });
            // What stands behind `--` is the program's that is run.
            let flags =
                command[2..].iter().take_while(|word| *word != "--").filter(|word| word.starts_with("--"));
            for flag in flags {
                assert!(help.contains(flag.as_str()), "{page}: no {flag} of {command:?}");
            }
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
    assert_eq!(
        commands("a `envtool add x --lib` and ```\n`envtool no`\n``` `cargo y`"),
        [["envtool", "add", "x", "--lib"]]
    );
}
