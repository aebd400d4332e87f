//! `outdated` and `why` about pins that are old on the real registries.

use std::fs;

use serde_json::Value;

use crate::sandbox;

#[test]
fn real_old_pins_are_outdated_and_the_locks_say_why() {
    let sandbox = sandbox();
    let project = sandbox.home().join("work/old");
    fs::create_dir_all(&project).unwrap();
    fs::write(
        project.join("envtool.toml"),
        "[crates]\nserde_json = \"1.0.100\"\n[modules]\nrequests = \"2.31.0\"\n",
    )
    .unwrap();
    let output = sandbox.envtool(&["outdated", "--json"], &project).ok();
    let json: Value = serde_json::from_str(&output.stdout).unwrap();
    let packages = json["packages"].as_array().unwrap();
    let text = |at: usize, key: &str| packages[at][key].as_str().unwrap().to_owned();
    let numbers =
        |at: usize| text(at, "newest").split('.').map(|part| part.parse().unwrap()).collect::<Vec<u64>>();
    assert_eq!((text(0, "name"), text(1, "name")), ("serde_json".to_owned(), "requests".to_owned()));
    assert!(numbers(0) > vec![1, 0, 140], "{output}");
    assert!(numbers(1) >= vec![2, 32, 3], "{output}");
    for at in 0..2 {
        assert_eq!(text(at, "matching").split('.').next(), text(at, "pinned").split('.').next());
        // Both registries say when.
        assert!(text(at, "published")[..10] > *"2023-06-30", "{output}");
    }
    let table = sandbox.envtool(&["outdated", "--offline"], &project).without_network().ok();
    assert!(table.stdout.contains("pypi:requests") && table.stdout.contains("serde_json"), "{table}");

    // What they need, once they are locked.
    sandbox.envtool(&["sync"], &project).ok();
    let why = |name: &str| sandbox.envtool(&["why", name], &project).without_network().ok().stdout;
    assert!(why("itoa").contains("serde_json 1.0.100\n└── itoa 1."), "{}", why("itoa"));
    assert!(why("urllib3").contains("requests 2.31.0\n└── urllib3 "), "{}", why("urllib3"));
    let tree = sandbox.envtool(&["tree"], &project).without_network().ok().stdout;
    assert!(tree.contains("├── certifi ") && tree.contains("── ryu 1."), "{tree}");
}
