//! `cache dir` and `cache size`: where the store lies, and how large it is.

use std::fmt::Write as _;

use crate::support::{Project, Sandbox, telling, tree};

fn ready(sandbox: &Sandbox) -> Project<'_> {
    // A body that does not pack well, so that the store's size is more than noise.
    let body = (0..20_000_u64).fold(String::new(), |mut text, n| {
        writeln!(text, "// {:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).unwrap();
        text
    });
    sandbox.registry().publish(&telling("alpha", "1.0.0").file("src/body.rs", &body));
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    project
}

#[test]
fn dir_is_the_users_cache_folder_and_can_be_moved() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("app");
    let dir = project.envtool(&["cache", "dir"]).ok();
    assert_eq!(dir.stdout, format!("{}\n", sandbox.store().display()));
    let moved = sandbox.outside("moved");
    let dir = project.envtool(&["cache", "dir"]).env("ENVTOOL_CACHE_DIR", &moved).ok();
    assert_eq!(dir.stdout, format!("{}\n", moved.display()));
    let xdg = sandbox.outside("xdg");
    let dir = project.envtool(&["cache", "dir"]).env("XDG_CACHE_HOME", &xdg).ok();
    assert_eq!(dir.stdout, format!("{}\n", xdg.join("envtool").display()));
    assert!(!sandbox.store().exists(), "asking where it lies made it");
}

#[test]
fn size_of_a_store_that_is_not_there_is_nothing_and_makes_none() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("app");
    let output = project.envtool(&["cache", "size"]).ok();
    assert!(output.stdout.contains('0'), "{output}");
    assert!(!sandbox.store().exists(), "{}", tree(&sandbox.store()));
}

#[test]
fn size_grows_with_what_is_stored() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let empty = project.envtool(&["cache", "size"]).ok().stdout;
    project.set_up();
    let full = project.envtool(&["cache", "size"]).ok().stdout;
    assert_ne!(empty, full);
}

#[test]
fn a_moved_store_takes_everything() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox);
    let moved = sandbox.outside("moved");
    project.envtool(&["init"]).env("ENVTOOL_CACHE_DIR", &moved).ok();
    project.envtool(&["sync"]).env("ENVTOOL_CACHE_DIR", &moved).ok();
    assert!(!sandbox.store().exists(), "{}", tree(&sandbox.store()));
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "alpha 1.0.0\n");
}
