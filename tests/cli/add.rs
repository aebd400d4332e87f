//! `add`: a release is chosen, pinned, locked and installed, or nothing changes at all.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tar::EntryType;

use crate::support::{Dep, Fault, Project, Registry, Sandbox, krate, telling, tree};

const SPLIT: &str = "[package]\nname = \"NAME\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";

/// Three releases of `alpha`, of which 2.0.0 needs `beta`, and one of `beta`.
fn publish(sandbox: &Sandbox) {
    let registry = sandbox.registry();
    for version in ["1.0.0", "1.1.0"] {
        registry.publish(&telling("alpha", version));
    }
    registry.publish(&telling("alpha", "2.0.0").dep(Dep::new("beta", "^1")));
    registry.publish(&telling("beta", "1.0.0"));
}

/// A locked cargo project after `init`, with nothing to depend on.
fn app(sandbox: &Sandbox) -> Project<'_> {
    publish(sandbox);
    let project = sandbox.project("app");
    project.app("", "println!(\"app\");").lock();
    project.envtool(&["init"]).ok();
    project
}

/// A workspace without a package of its own: `one`, which has a program, and `two`. After `init`.
fn workspace<'a>(sandbox: &'a Sandbox, shared: &str, one: &str, two: &str) -> Project<'a> {
    publish(sandbox);
    let project = sandbox.project("ws");
    project.write(
        "Cargo.toml",
        &format!("[workspace]\nresolver = \"2\"\nmembers = [\"one\", \"two\"]\n{shared}"),
    );
    for (name, more) in [("one", one), ("two", two)] {
        project.write(&format!("{name}/Cargo.toml"), &format!("{}{more}", SPLIT.replace("NAME", name)));
    }
    project.write("one/src/main.rs", "fn main() {}\n").write("two/src/lib.rs", "");
    project.lock();
    project.envtool(&["init"]).ok();
    project
}

/// The version of a package that Cargo.lock names last.
fn locked(project: &Project, name: &str) -> String {
    let lock = project.read("Cargo.lock");
    let row = lock.split("[[package]]").filter(|row| row.contains(&format!("name = \"{name}\"\n"))).last();
    let row = row.unwrap_or_else(|| panic!("{name} is not in\n{lock}"));
    row.split("version = \"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

fn dependencies(project: &Project) -> String {
    project.read("Cargo.toml").split("[dependencies]\n").nth(1).unwrap_or_default().to_owned()
}

#[test]
fn what_is_chosen_is_pinned_exactly_locked_installed_and_said() {
    let sandbox = Sandbox::new();
    let project = app(&sandbox);
    project.write("src/main.rs", "fn main() { println!(\"{}\", alpha::id()); }\n");
    let mut before = None;
    for (spec, version) in [
        ("alpha@1.0.0", "1.0.0"),
        ("alpha@1", "1.1.0"),
        ("alpha@=1.0.0", "1.0.0"),
        ("alpha@latest", "2.0.0"),
        ("cargo:alpha@~1.0", "1.0.0"),
        ("Alpha@>=1,<3", "2.0.0"),
        ("alpha@1.1.0", "1.1.0"),
    ] {
        let output = project.envtool(&["add", spec]).ok();
        match before {
            None => output.says(&[&format!("Pinned alpha {version} (crate)")]),
            Some(old) => output.says(&[&format!("Moved alpha from {old} to {version} (crate)")]),
        };
        assert_eq!(output.stdout, "");
        assert_eq!(dependencies(&project), format!("alpha = \"={version}\"\n"), "{spec}");
        assert_eq!(locked(&project, "alpha"), version);
        assert!(project.has(&format!(".envtool/vendor/alpha-{version}/Cargo.toml")));
        assert_eq!(project.has(".envtool/vendor/beta-1.0.0"), version == "2.0.0");
        before = Some(version);
    }
    assert_eq!(project.envtool(&["list"]).ok().stdout, "alpha  1.1.0\n");
    assert!(!project.has("envtool.lock") && !project.has(".envtool/journal/undo.json"));
    // Again: it says so, and nothing changes. The name alone is content with what is there.
    let now = project.fingerprint();
    for spec in ["alpha@1.1.0", "alpha", "alpha@1"] {
        project
            .envtool(&["add", spec])
            .ok()
            .says(&["alpha 1.1.0 is pinned already (crate)", "nothing to do"]);
        assert_eq!(project.fingerprint(), now, "{spec}");
    }
    sandbox.cut_network();
    project.envtool(&["add", "--offline", "alpha"]).ok();
    assert_eq!(project.run_isolated(), "alpha 1.1.0\n");
}

#[test]
fn several_are_added_in_one_command_or_none() {
    let sandbox = Sandbox::new();
    let project = app(&sandbox);
    project.envtool(&["add", "beta", "gamma"]).refused(1).says(&["there is no package gamma"]);
    project.envtool(&["add", "beta", "beta@1"]).refused(2).says(&["beta is asked for twice\n"]);
    project.envtool(&["add", "beta", "alpha"]).ok();
    assert_eq!(dependencies(&project), "alpha = \"=2.0.0\"\nbeta = \"=1.0.0\"\n");
    project.write("src/main.rs", "fn main() { println!(\"{} {}\", alpha::id(), beta::id()); }\n");
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "alpha 2.0.0 beta 1.0.0\n");
}

#[test]
fn features_are_asked_for_and_added_to_those_that_are_there() {
    let sandbox = Sandbox::new();
    let project = app(&sandbox);
    for version in ["1.0.0", "1.1.0"] {
        sandbox.registry().publish(
            &telling("gamma", version)
                .feature("default", &["std"])
                .feature("std", &[])
                .feature("more", &["dep:beta"])
                .dep(Dep::new("beta", "1").optional()),
        );
    }
    project.envtool(&["add", "gamma@1.0.0", "-F", "mroe"]).refused(1).says(&["no feature `mroe`", "more"]);
    project.envtool(&["add", "gamma@1.0.0", "--features", "std"]).ok();
    assert_eq!(dependencies(&project), "gamma = { version = \"=1.0.0\", features = [\"std\"] }\n");
    // A feature alone moves no version.
    project.envtool(&["add", "gamma", "-F", "more,std"]).ok().says(&["gamma 1.0.0"]);
    assert_eq!(dependencies(&project), "gamma = { version = \"=1.0.0\", features = [\"std\", \"more\"] }\n");
    assert!(project.has(".envtool/vendor/beta-1.0.0"));
    project.envtool(&["add", "gamma@1.1.0", "--no-default-features"]).ok();
    assert_eq!(
        dependencies(&project),
        "gamma = { version = \"=1.1.0\", features = [\"std\", \"more\"], default-features = false }\n"
    );
}

#[test]
fn tables_of_every_kind_and_for_targets_are_found_again() {
    let sandbox = Sandbox::new();
    let project = app(&sandbox);
    project.envtool(&["add", "alpha@1.0.0", "--dev"]).ok();
    project.envtool(&["add", "beta", "--build"]).ok();
    let text = project.read("Cargo.toml");
    assert!(text.contains("[dev-dependencies]\nalpha = \"=1.0.0\"\n"), "{text}");
    assert!(text.contains("[build-dependencies]\nbeta = \"=1.0.0\"\n"), "{text}");
    assert!(!project.has(".envtool/vendor/alpha-1.1.0"));
    project.write(
        "Cargo.toml",
        &format!(
            "{}\n[target.'cfg(unix)'.dependencies]\nal = {{ package = \"alpha\", version = '1.0' }} # here\n",
            SPLIT.replace("NAME", "app")
        ),
    );
    project.envtool(&["add", "alpha@1.1.0"]).ok().says(&["Moved alpha from 1.0 to 1.1.0"]);
    assert!(project.read("Cargo.toml").contains("al = { package = \"alpha\", version = '=1.1.0' } # here\n"));
    project.write("src/main.rs", "fn main() { println!(\"{}\", al::id()); }\n");
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "alpha 1.1.0\n");
}

#[test]
fn a_name_alone_pins_what_cargo_has_locked() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = sandbox.project("app");
    project.app("alpha = \"1.0\"\n", "println!(\"{}\", alpha::id());").lock();
    project.envtool(&["init"]).ok();
    project.envtool(&["add", "alpha"]).ok().says(&["Moved alpha from 1.0 to 1.1.0"]);
    assert_eq!(dependencies(&project), "alpha = \"=1.1.0\"\n");
}

#[test]
fn comments_order_and_line_ends_stay() {
    let sandbox = Sandbox::new();
    let project = app(&sandbox);
    let before = "# top\r\n[package]\r\nname = \"app\" # name\r\nversion = \"0.1.0\"\r\nedition = \"2021\"\r\n\r\n[dependencies]\r\n# of beta\r\nbeta = '1' # why\r\n\r\n# end";
    project.write("Cargo.toml", before).lock();
    project.envtool(&["add", "beta", "alpha@1.0.0"]).ok();
    assert_eq!(
        project.read("Cargo.toml"),
        before.replace("# of beta\r\nbeta = '1'", "alpha = \"=1.0.0\"\r\n# of beta\r\nbeta = '=1.0.0'")
    );
}

#[test]
fn the_member_is_the_named_one_or_the_folders() {
    let sandbox = Sandbox::new();
    let ws = workspace(&sandbox, "", "", "");
    ws.envtool(&["add", "alpha@1.0.0"]).refused(1).says(&["-p one", "one, two"]);
    ws.envtool(&["add", "alpha", "-p", "three"]).refused(1).says(&["no member \"three\"", "one, two"]);
    ws.envtool(&["add", "alpha@1.0.0", "-p", "one"]).ok();
    assert!(ws.read("one/Cargo.toml").contains("[dependencies]\nalpha = \"=1.0.0\"\n"));
    ws.envtool(&["add", "beta"]).in_dir(&ws.path("two/src")).ok();
    assert!(ws.read("two/Cargo.toml").contains("[dependencies]\nbeta = \"=1.0.0\"\n"));
    // Through a link, and by --directory.
    std::os::unix::fs::symlink(ws.path("two"), sandbox.home().join("link")).unwrap();
    ws.envtool(&["add", "alpha@1.0.0", "-C", sandbox.home().join("link").to_str().unwrap()])
        .in_dir(&sandbox.home())
        .run();
    ws.envtool(&["add", "alpha@1.0.0"]).in_dir(&sandbox.home().join("link")).ok();
    assert!(ws.read("two/Cargo.toml").contains("alpha = \"=1.0.0\"\nbeta"), "{}", ws.read("two/Cargo.toml"));
    assert_eq!(ws.read("Cargo.toml"), "[workspace]\nresolver = \"2\"\nmembers = [\"one\", \"two\"]\n");
    ws.write("one/src/main.rs", "fn main() { println!(\"{}\", alpha::id()); }\n");
    sandbox.cut_network();
    assert_eq!(ws.run_isolated(), "alpha 1.0.0\n");
}

#[test]
fn what_is_inherited_is_pinned_in_the_workspace() {
    let sandbox = Sandbox::new();
    let ws = workspace(
        &sandbox,
        "\n[workspace.dependencies]\nal = { package = \"alpha\", version = \"1.0\" } # shared\nbeta = \"1\"\n",
        "\n[dependencies]\nal.workspace = true\n",
        "",
    );
    let one = ws.read("one/Cargo.toml");
    ws.envtool(&["add", "alpha@1.0.0"]).in_dir(&ws.path("one")).ok();
    assert_eq!(ws.read("one/Cargo.toml"), one);
    assert!(
        ws.read("Cargo.toml")
            .contains("al = { package = \"alpha\", version = \"=1.0.0\" } # shared\nbeta = \"1\"\n")
    );
    // A new entry inherits too.
    ws.envtool(&["add", "beta", "-p", "two"]).ok();
    assert!(
        ws.read("two/Cargo.toml").ends_with("[dependencies]\nbeta.workspace = true\n"),
        "{}",
        ws.read("two/Cargo.toml")
    );
    assert!(ws.read("Cargo.toml").ends_with("beta = \"=1.0.0\"\n"));
    assert_eq!(locked(&ws, "alpha"), "1.0.0");
    // A later one fails, and both files are what they were.
    ws.envtool(&["add", "beta@9", "-p", "two"]).refused(1);
}

#[test]
fn a_requirement_is_written_as_typed_and_the_lock_is_exact() {
    let sandbox = Sandbox::new();
    let project = app(&sandbox);
    project.envtool(&["add", "alpha", "--requirement", "1"]).ok().says(&["Pinned alpha 1.1.0"]);
    assert_eq!(dependencies(&project), "alpha = \"1\"\n");
    for version in ["1.0.0", "1.1.0", "1.0.0"] {
        project.envtool(&["add", &format!("alpha@{version}"), "--requirement", ">=1, <2"]).ok();
        assert_eq!(dependencies(&project), "alpha = \">=1, <2\"\n");
        assert_eq!(locked(&project, "alpha"), version);
        assert!(project.has(&format!(".envtool/vendor/alpha-{version}")));
    }
    // What is there already needs no change of the lock.
    project.envtool(&["add", "alpha@1.0.0", "--requirement", ">=1, <2", "--locked"]).ok();
    project
        .envtool(&["add", "alpha@1.1.0", "--requirement", ">=1, <2", "--locked"])
        .refused(1)
        .says(&["--locked"]);
    project.envtool(&["add", "alpha@2.0.0", "--requirement", "1"]).refused(1).says(&["does not allow it"]);
    project.envtool(&["add", "alpha", "beta", "--requirement", "1"]).refused(2);
    project.envtool(&["add", "alpha", "--requirement", "banana"]).run().says(&["--requirement"]);
}

#[test]
fn a_requirement_moves_the_release_that_it_is_about() {
    let sandbox = Sandbox::new();
    let ws =
        workspace(&sandbox, "", "\n[dependencies]\nalpha = \"1\"\n", "\n[dependencies]\nalpha = \"2\"\n");
    sandbox.registry().publish(&telling("alpha", "2.0.1"));
    ws.envtool(&["add", "alpha@2.0.1", "--requirement", "2", "-p", "two"]).ok();
    let lock = ws.read("Cargo.lock");
    assert!(lock.contains("version = \"1.1.0\"") && lock.contains("version = \"2.0.1\""), "{lock}");
    assert!(!lock.contains("version = \"2.0.0\""), "{lock}");
}

#[test]
fn a_library_that_is_to_be_published_is_told_once_of_the_requirement() {
    let sandbox = Sandbox::new();
    let project = app(&sandbox);
    project.write("src/lib.rs", "");
    let note = "`envtool add alpha --requirement 1` leaves the exactness to Cargo.lock";
    project.envtool(&["add", "alpha@1.0.0"]).ok().says(&[note]);
    let again = project.envtool(&["add", "alpha@1.0.0"]).ok();
    assert!(!again.stderr.contains("--requirement"), "{again}");
    // It works when typed, and keeps the version.
    project.envtool(&["add", "alpha", "--requirement", "1"]).ok();
    assert_eq!(
        (dependencies(&project).as_str(), locked(&project, "alpha").as_str()),
        ("alpha = \"1\"\n", "1.0.0")
    );
    project.write("Cargo.toml", &project.read("Cargo.toml").replace("edition", "publish = false\nedition"));
    let private = project.envtool(&["add", "alpha@1.1.0"]).ok();
    assert!(!private.stderr.contains("--requirement"), "{private}");
}

#[test]
fn the_requirement_that_a_library_is_told_of_is_compatible_and_goes_where_the_pin_went() {
    let sandbox = Sandbox::new();
    for version in ["0.0.7", "0.3.5", "1.2.0-rc.1"] {
        sandbox.registry().publish(&telling("gamma", version));
    }
    let ws = workspace(&sandbox, "", "", "");
    for (version, requirement) in [("0.0.7", "0.0.7"), ("0.3.5", "0.3"), ("1.2.0-rc.1", "1.2.0-rc.1")] {
        let added = ws.envtool(&["add", &format!("gamma@{version}"), "--build", "-p", "two"]).ok();
        added.says(&[&format!("`envtool add gamma --build -p two --requirement {requirement}`")]);
        ws.envtool(&["add", "gamma", "--build", "-p", "two", "--requirement", requirement]).ok();
        assert!(ws.read("two/Cargo.toml").ends_with(&format!("gamma = \"{requirement}\"\n")));
        assert_eq!(locked(&ws, "gamma"), version);
    }
    // What only tests need ties nobody.
    let dev = ws.envtool(&["add", "alpha@1.0.0", "--dev", "-p", "two"]).ok();
    assert!(!dev.stderr.contains("tied"), "{dev}");
}

#[test]
fn where_there_is_nothing_it_makes_the_environment_or_leaves_no_trace() {
    for name in ["plain", "package"] {
        let sandbox = Sandbox::new();
        publish(&sandbox);
        let project = sandbox.project(name);
        if name == "package" {
            project.app("", "println!(\"{}\", alpha::id());");
        }
        sandbox.registry().fault("/dl/alpha/", Fault::Status(403));
        project.envtool(&["add", "alpha@1.0.0"]).refused(1);
        sandbox.registry().mend();
        for bad in [&["add", "alpha@9"][..], &["add", "nothing-like-it"], &["add", "alpha", "--bin", "x"]] {
            project.envtool(bad).refused(1);
        }
        assert!(!project.has("envtool.toml") && !project.has(".envtool") && !project.has(".cargo"));
        assert!(!project.has("Cargo.lock"));
        project.envtool(&["add", "alpha@1.0.0"]).ok();
        assert!(project.has(".envtool/vendor/alpha-1.0.0") && project.has("envtool.toml"));
        let text = project.read("envtool.toml");
        sandbox.cut_network();
        if name == "package" {
            assert!(!text.contains("alpha") && !project.has("envtool.lock"));
            assert_eq!(project.run_isolated(), "alpha 1.0.0\n");
        } else {
            assert!(text.contains("[crates]\nalpha = \"1.0.0\"\n"), "{text}");
            let below = sandbox.project("plain/below");
            below.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());");
            assert_eq!(below.isolated(&["run", "--quiet", "--offline"]).ok().stdout, "alpha 1.0.0\n");
        }
    }
}

#[test]
fn from_a_folder_below_it_finds_the_package() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    for (verb, name) in [(&["init"][..], "one"), (&["add", "alpha@1.0.0"], "two")] {
        let project = sandbox.project(name);
        project.app("", "");
        project.envtool(verb).in_dir(&project.path("src")).ok();
        assert!(project.has("envtool.toml") && project.has(".envtool/env.toml"), "{name}");
        assert!(!project.has("src/envtool.toml") && !project.has("src/.envtool"), "{name}");
    }
    assert_eq!(dependencies(&sandbox.project("two")), "alpha = \"=1.0.0\"\n");
}

#[test]
fn a_project_of_pins_takes_them_moves_them_and_refuses_what_would_be_cut_off() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    sandbox.registry().publish(&telling("gamma", "1.0.0").feature("default", &[]).feature("more", &[]));
    let plain = sandbox.project("plain");
    plain.write("envtool.toml", "# mine\n[env] # first\n");
    plain
        .envtool(&["add", "alpha@1.0.0", "gamma", "--features", "more"])
        .refused(1)
        .says(&["alpha 1.0.0 has no feature"]);
    plain.envtool(&["add", "alpha@1.0.0"]).ok();
    plain.envtool(&["add", "gamma", "--features", "more", "--no-default-features"]).ok();
    let text = plain.read("envtool.toml");
    assert!(text.starts_with("# mine\n[env] # first\n"), "{text}");
    assert!(text.contains("alpha = \"1.0.0\"\n"), "{text}");
    assert!(
        text.contains("gamma = { version = \"1.0.0\", features = [\"more\"], default-features = false }\n"),
        "{text}"
    );
    plain.envtool(&["add", "alpha@2"]).ok().says(&["Moved alpha from 1.0.0 to 2.0.0"]);
    assert!(plain.has(".envtool/vendor/beta-1.0.0") && !plain.has(".envtool/vendor/alpha-1.0.0"));
    plain.envtool(&["add", "alpha"]).ok().says(&["alpha 2.0.0 is pinned already"]);
    for only in [&["--dev"][..], &["--build"], &["-p", "x"], &["--requirement", "1"]] {
        plain.envtool(&[&["add", "alpha"][..], only].concat()).refused(2).says(&["[crates]"]);
    }
    // A second project below that has a lock of its own.
    let below = sandbox.project("plain/deep/below");
    below.app("", "").write("Cargo.lock", "version = 4\n");
    plain.envtool(&["add", "beta"]).refused(1).says(&["deep/below", "envtool init"]);
    below.envtool(&["add", "beta"]).refused(1).says(&["deep/below", "envtool init"]);
}

#[test]
fn the_newest_is_chosen_that_may_be() {
    let sandbox = Sandbox::new();
    let project = app(&sandbox);
    for version in ["1.0.0", "1.1.0", "1.2.0", "2.0.0-rc.1"] {
        sandbox.registry().publish(&telling("gamma", version));
    }
    sandbox.registry().publish(&telling("gamma", "1.3.0").rust_version("1.99999"));
    sandbox.registry().yank("gamma", "1.2.0");
    project.envtool(&["add", "gamma"]).ok().says(&["gamma 1.1.0"]);
    project.envtool(&["add", "gamma@1.2.0"]).refused(1).says(&["it was yanked", "gamma@1.1.0"]);
    project.envtool(&["add", "gamma@1.3.0"]).refused(1).says(&["it needs Rust 1.99999", "gamma@1.1.0"]);
    project.envtool(&["add", "gamma@9.9.9"]).refused(1).says(&["there is no such version", "gamma@1.1.0"]);
    project.envtool(&["add", "gamma@1.1.1"]).refused(1).says(&["near it are 1.1.0"]);
    project.envtool(&["add", "gamma@2.0.0-rc.1"]).ok();
    // In the lock already.
    sandbox.registry().yank("gamma", "2.0.0-rc.1");
    project.envtool(&["add", "gamma@2.0.0-rc.1", "--dev"]).ok();
    project.envtool(&["add", "gamam"]).refused(1).says(&["there is no package gamam", "did you mean gamma?"]);
}

#[test]
fn the_rust_of_the_package_counts_inherited_or_not() {
    let sandbox = Sandbox::new();
    for (version, rust) in [("1.0.0", "1.60"), ("1.1.0", "1.70"), ("1.2.0", "1.80.1"), ("1.3.0", "1.99999")] {
        sandbox.registry().publish(&telling("gamma", version).rust_version(rust));
    }
    let own = sandbox.project("own");
    own.app("", "");
    own.write("Cargo.toml", &own.read("Cargo.toml").replace("edition", "rust-version = \"1.70\"\nedition"));
    own.envtool(&["add", "gamma"]).ok().says(&["gamma 1.1.0"]);
    let ws = workspace(
        &sandbox,
        "\n[workspace.package]\nrust-version = \"1.65\"\n",
        "rust-version.workspace = true\n",
        "rust-version = \"1.75\"\n",
    );
    ws.envtool(&["add", "gamma", "-p", "one"]).ok().says(&["gamma 1.0.0"]);
    ws.envtool(&["add", "gamma@1.1.0", "-p", "one"]).refused(1).says(&["needs Rust 1.70", "has 1.65"]);
    // In the member's folder, the member's own.
    ws.envtool(&["remove", "gamma"]).ok();
    ws.envtool(&["add", "gamma"]).in_dir(&ws.path("two")).ok().says(&["gamma 1.1.0"]);
}

#[test]
fn a_crate_or_a_tool_by_what_it_has_and_by_what_is_said() {
    let sandbox = Sandbox::new();
    let project = app(&sandbox);
    let main = "fn main() { println!(\"gamma runs\"); }\n";
    for version in ["1.0.0", "1.0.1"] {
        let lock = format!("version = 4\n\n[[package]]\nname = \"gamma\"\nversion = \"{version}\"\n");
        let gamma = telling("gamma", version).file("src/main.rs", main).file("Cargo.lock", &lock);
        sandbox.registry().publish(&gamma);
    }
    let guarded = "[package]\nname = \"guarded\"\nversion = \"1.0.0\"\nedition = \"2021\"\n[features]\ncli = []\n[[bin]]\nname = \"guard\"\npath = \"src/guard.rs\"\nrequired-features = [\"cli\"]\n";
    sandbox.registry().publish(
        &krate("guarded", "1.0.0").feature("cli", &[]).file("Cargo.toml", guarded).file("src/guard.rs", main),
    );
    let empty = "[package]\nname = \"empty\"\nversion = \"1.0.0\"\nedition = \"2021\"\nautolib = false\n";
    sandbox.registry().publish(&krate("empty", "1.0.0").file("Cargo.toml", empty));
    // Never both by accident.
    project.envtool(&["add", "--lib", "gamma@1.0.0"]).ok().says(&["gamma 1.0.0 (crate)"]);
    assert!(!project.has(".envtool/bin/gamma") && !project.read("envtool.toml").contains("gamma"));
    // What is a crate here is moved as one.
    project.envtool(&["add", "gamma@1.0.1"]).ok().says(&["Moved gamma from 1.0.0 to 1.0.1 (crate)"]);
    project.envtool(&["add", "--tool", "gamma"]).ok().says(&["gamma 1.0.1 (tool)"]);
    assert_eq!(project.envtool(&["run", "gamma"]).ok().stdout, "gamma runs\n");
    assert_eq!(dependencies(&project), "gamma = \"=1.0.1\"\n");
    project.envtool(&["remove", "gamma"]).ok();
    assert!(!project.has(".envtool/bin/gamma") && !project.read("Cargo.toml").contains("gamma"));
    let output = project.envtool(&["add", "gamma@1.0.1"]).ok();
    output.says(&["gamma 1.0.1 (tool)"]);
    assert!(!output.stderr.contains("has a library"), "{output}");
    project.envtool(&["add", "--tool", "alpha"]).refused(1).says(&["has no executable", "--lib alpha@2.0.0"]);
    project.envtool(&["add", "guarded", "--tool"]).refused(1).says(&["--features cli"]);
    // One that is a tool by an executable of another name alone may have been meant as a library.
    let output = project.envtool(&["add", "guarded", "--features", "cli"]).ok();
    output.says(&["guarded 1.0.0 (tool)", "guarded has a library too", "envtool add --lib guarded@1.0.0"]);
    project.envtool(&["add", "empty"]).refused(1).says(&["neither a library nor an executable"]);
    project.envtool(&["add", "--lib", "--tool", "gamma"]).run().says(&["cannot be used with"]);
}

#[test]
fn what_is_no_package_is_refused() {
    let sandbox = Sandbox::new();
    let project = app(&sandbox);
    let fresh = sandbox.project("fresh");
    let (long, long_version) = ("a".repeat(10_000), format!("alpha@{}", "1".repeat(10_000)));
    for spec in [
        "serde@",
        "@1",
        "../x@1",
        "pip:x@1",
        "a\u{1b}[31mb",
        "alpha@1\n2",
        &long,
        &long_version,
        "",
        " ",
        "alpha@1@2",
        "alpha beta",
        "$(rm -rf .)",
        "alpha@^",
        "alpha@99999999999999999999.0.0",
        "\u{202e}ahpla",
        "con/../alpha",
        "cargo:",
        "alpha@=",
    ] {
        for project in [&project, &fresh] {
            let output = project.envtool(&["add", "--", spec]).refused(2);
            assert!(output.stderr.len() < 700, "{output}");
        }
        project.envtool(&["remove", "--", spec]).refused(2);
    }
    assert!(sandbox.registry().requests().iter().all(|asked| !asked.path.contains("rm")));
}

#[test]
fn whatever_fails_leaves_all_files_as_they_were() {
    let sandbox = Sandbox::new();
    let project = app(&sandbox);
    project.envtool(&["sync"]).ok();
    sandbox.registry().publish(&telling("gamma", "1.0.0").dep(Dep::new("alpha", "=1.0.0")));
    sandbox.registry().publish(&telling("delta", "1.0.0").dep(Dep::new("alpha", "=1.1.0")));
    sandbox.registry().publish(&telling("lost", "1.0.0").dep(Dep::new("nowhere", "1")));
    sandbox.registry().publish(&telling("forged", "1.0.0").cksum(&"0".repeat(64)));
    sandbox.registry().publish(&telling("evil", "1.0.0").entry(
        "evil-1.0.0/../../out",
        EntryType::Regular,
        "",
        0o644,
        "x",
    ));
    sandbox.registry().publish(&krate("broken", "1.0.0").file("Cargo.toml", "[package\n"));
    sandbox.registry().publish(&telling("needs-forged", "1.0.0").dep(Dep::new("forged", "1")));
    let conflict = ["failed to select a version", "help:"];
    for lock in [true, false] {
        if !lock {
            fs::remove_file(project.path("Cargo.lock")).unwrap();
        }
        for (specs, words) in [
            (&["gamma", "delta"][..], &conflict[..]),
            (&["gamma", "alpha@1.1.0"], &conflict),
            (&["lost"], &["nowhere"]),
            (&["forged"], &["forged 1.0.0", "SHA-256"]),
            (&["needs-forged"], &["forged 1.0.0", "SHA-256"]),
            (&["evil"], &["evil"]),
            (&["broken"], &["broken 1.0.0"]),
            (&["alpha", "--offline"], &["--offline"]),
            (&["alpha", "--frozen"], &["--"]),
            (&["alpha@1.0.0", "--locked"], &["--locked"]),
        ] {
            // What fails before anything is locked fails alike without a lock.
            if lock || ["gamma", "lost", "needs-forged", "alpha@1.0.0"].contains(&specs[0]) {
                project.envtool(&[&["add"][..], specs].concat()).refused(1).says(words);
            }
        }
        for (asked, fault) in [
            ("/dl/beta/", Fault::Status(403)),
            ("/dl/beta/", Fault::Body(b"no archive".to_vec())),
            ("/index/be/ta/beta", Fault::Status(404)),
        ] {
            sandbox.registry().fault(asked, fault);
            project.envtool(&["add", "alpha@2.0.0"]).refused(1).says(&["beta"]);
            sandbox.registry().mend();
        }
    }
    // And now it goes.
    project.envtool(&["add", "alpha@2.0.0"]).ok();
}

#[test]
fn what_may_not_be_written_is_not_replaced() {
    let sandbox = Sandbox::new();
    let Some(stranger) = sandbox.as_stranger() else { return };
    for name in ["app", "plain"] {
        let project = if name == "app" { app(&sandbox) } else { sandbox.project(name) };
        let file = if name == "app" { "Cargo.toml" } else { "envtool.toml" };
        if name == "plain" {
            project.write(file, "[env]\n");
        }
        sandbox.call("chmod", &["-R", "a+rwX", "."], &sandbox.home()).ok();
        fs::set_permissions(project.path(file), fs::Permissions::from_mode(0o444)).unwrap();
        let before = (project.read(file), project.has("Cargo.lock"));
        let output = project.envtool(&["add", "alpha@1.0.0"]).through(&stranger).run();
        assert_eq!(output.code, Some(1), "{output}");
        output.must_help().says(&[file, "ermission denied"]);
        assert_eq!((project.read(file), project.has("Cargo.lock")), before);
        assert!(!project.has("envtool.lock") && !project.has(".envtool/vendor/alpha-1.0.0"));
        assert!(!project.has(".envtool/journal/sync.json") && !project.has(".envtool/journal/undo.json"));
    }
}

/// Starts an `add` and waits until the registry was asked for something.
fn started(sandbox: &Sandbox, project: &Project, args: &[&str], asked: &str) -> Child {
    let call = project.envtool(&[&["add"], args].concat());
    let mut child = call.command().stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while sandbox.registry().asked(asked).is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it asked for {asked}");
        assert!(Instant::now() < deadline, "it never asked for {asked}");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn ctrl_c_puts_everything_back() {
    let sandbox = Sandbox::new();
    let project = app(&sandbox);
    project.envtool(&["sync"]).ok();
    let fresh = sandbox.project("fresh");
    fresh.app("", "");
    let plain = sandbox.project("plain");
    fs::remove_file(fresh.path("src/main.rs")).unwrap();
    fresh.write("src/lib.rs", "");
    // The index as envtool asks it, as cargo asks it for what is needed besides, and archives.
    for (asked, projects) in [
        ("/index/al/ph/alpha", &[&fresh][..]),
        ("/index/be/ta/beta", &[&project, &plain]),
        ("/dl/alpha/", &[&plain]),
        ("/dl/beta/", &[&project, &fresh, &plain]),
    ] {
        for project in projects {
            let before = project.fingerprint();
            // Nothing of it in the store, nor in cargo's cache.
            for kept in [sandbox.store().join("v1/index"), sandbox.home().join(".cargo/registry")] {
                let _ = fs::remove_dir_all(kept);
            }
            for kept in ["archives", "trees"] {
                let kept = sandbox.store().join("v1").join(kept);
                sandbox.call("chmod", &["-R", "u+w", "."], &sandbox.store()).ok();
                let _ = fs::remove_dir_all(kept);
            }
            sandbox.registry().forget();
            sandbox.registry().fault(asked, Fault::Drip { bytes: 1, pause: Duration::from_mins(1) });
            let child = started(&sandbox, project, &["alpha@2.0.0"], asked);
            let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
            assert!(status.success());
            let begin = Instant::now();
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(130), "{asked}: {said}");
            assert!(said.contains("error: interrupted") && said.contains("help:"), "{said}");
            assert!(begin.elapsed() < Duration::from_secs(10), "{asked}: it took {:?}", begin.elapsed());
            sandbox.registry().mend();
            assert_eq!(project.fingerprint(), before, "{asked}: {}", tree(project.dir()));
        }
    }
}

#[test]
fn killed_at_any_moment_it_is_the_old_or_the_new_project() {
    let sandbox = Sandbox::new();
    let project = app(&sandbox);
    let plain = sandbox.project("plain");
    plain.write("envtool.toml", "[env]\n");
    for (project, file, lock) in
        [(&project, "Cargo.toml", "Cargo.lock"), (&plain, "envtool.toml", "envtool.lock")]
    {
        let add = |version: &str| project.envtool(&["add", &format!("alpha@{version}")]);
        add("1.0.0").ok();
        let begin = Instant::now();
        let state = || [project.read(file), project.read(lock)];
        let old = state();
        add("1.1.0").ok();
        let (whole, new) = (begin.elapsed(), state());
        let mut seen = [0, 0];
        for moment in 0..7_u32 {
            let now_new = state() == new;
            let (to, vendor) =
                if now_new { ("1.0.0", ["1.1.0", "1.0.0"]) } else { ("1.1.0", ["1.0.0", "1.1.0"]) };
            let mut child = add(to).command().stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
            std::thread::sleep(whole * moment / 6);
            child.kill().unwrap();
            child.wait().unwrap();
            // The first command after it: one that looks, one that runs something, one that syncs.
            match moment % 3 {
                0 => project.envtool(&["list"]).ok(),
                1 => project.envtool(&["run", "--", "true"]).ok(),
                _ => project.envtool(&["sync"]).ok(),
            };
            let found = state();
            assert!(found == old || found == new, "moment {moment}: {found:#?}");
            let changed = (found == new) != now_new;
            seen[usize::from(changed)] += 1;
            let there = vendor.map(|version| project.has(&format!(".envtool/vendor/alpha-{version}")));
            assert_eq!(there, [!changed, changed], "moment {moment}");
            assert!(!project.has(".envtool/journal/undo.json") && !project.has(".envtool/journal/sync.json"));
            project.envtool(&["sync"]).ok();
            assert_eq!(state(), found, "moment {moment}: a sync moved something");
        }
        assert!(seen[0] > 0, "no moment was early enough");
    }
}

#[test]
fn what_somebody_else_writes_meanwhile_is_not_lost() {
    let sandbox = Sandbox::new();
    let project = app(&sandbox);
    let plain = sandbox.project("plain");
    plain.write("envtool.toml", "[env]\n");
    for (project, file) in [(&project, "Cargo.toml"), (&plain, "envtool.toml")] {
        sandbox.registry().forget();
        let before = project.read(file);
        // beta is fetched after the manifests were read, and after Cargo.toml was written.
        sandbox.registry().fault_times(
            1,
            "/dl/beta/",
            Fault::Drip { bytes: 100, pause: Duration::from_millis(150) },
        );
        let child = started(&sandbox, project, &["alpha@2.0.0"], "/dl/beta/");
        let edited = format!("# mine\n{before}");
        project.write(file, &edited);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains(file) && said.contains("changed meanwhile") && said.contains("help:"),
            "{said}"
        );
        assert_eq!(project.read(file), edited);
        assert!(!project.has(".envtool/vendor/alpha-2.0.0") && !project.has("envtool.lock"));
        project.envtool(&["add", "alpha@2.0.0"]).ok();
        assert!(project.read(file).starts_with("# mine\n") && project.read(file).contains("2.0.0"));
        sandbox.call("chmod", &["-R", "u+w", "."], &sandbox.store()).ok();
        fs::remove_dir_all(sandbox.store()).unwrap();
        let _ = fs::remove_dir_all(sandbox.home().join(".cargo/registry"));
    }
}

#[test]
fn two_at_once_both_end_up_there() {
    let sandbox = Sandbox::new();
    let project = app(&sandbox);
    for name in ["gamma", "delta"] {
        sandbox.registry().publish(&telling(name, "1.0.0"));
    }
    // One without anything: all of them make it.
    let plain = sandbox.project("plain");
    for (project, file) in [(&project, "Cargo.toml"), (&plain, "envtool.toml")] {
        let names = ["alpha@1.0.0", "beta", "gamma", "delta"];
        let children = names.map(|spec| {
            let call = project.envtool(&["add", spec]);
            call.command().stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
        });
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let text = project.read(file);
        for name in ["alpha", "beta", "gamma", "delta"] {
            assert!(text.contains(&format!("{name} = ")), "{name} is lost\n{text}");
        }
        assert_eq!(project.envtool(&["list"]).ok().stdout.lines().count(), 4);
        project.envtool(&["sync"]).ok().says(&["nothing to do"]);
    }
}

#[test]
fn what_comes_from_another_registry_is_asked_for_there() {
    let sandbox = Sandbox::new();
    let own = Registry::start();
    for version in ["1.0.0", "1.5.0"] {
        own.publish(
            &telling("alpha", version).lib(&format!("pub fn id() -> &'static str {{ \"own {version}\" }}")),
        );
    }
    publish(&sandbox);
    sandbox.configure_cargo(&format!("[registries.own]\nindex = {:?}\n", own.index()));
    let project = sandbox.project("app");
    project
        .app(
            "alpha = { version = \"=1.0.0\", registry = \"own\" } # ours\n",
            "println!(\"{}\", alpha::id());",
        )
        .lock();
    project.set_up();
    sandbox.registry().forget();
    project.envtool(&["add", "alpha@latest"]).ok().says(&["Moved alpha from 1.0.0 to 1.5.0"]);
    assert_eq!(dependencies(&project), "alpha = { version = \"=1.5.0\", registry = \"own\" } # ours\n");
    assert!(sandbox.registry().requests().is_empty(), "crates.io was asked for a crate that is not its own");
    project.envtool(&["add", "alpha@2.0.0"]).refused(1).says(&["alpha@1.5.0"]);
    // In another table it is the same package.
    project.envtool(&["add", "alpha@1.5.0", "--build"]).ok();
    assert!(
        project
            .read("Cargo.toml")
            .contains("[build-dependencies]\nalpha = { version = \"=1.5.0\", registry = \"own\" }\n")
    );
    assert_eq!(project.run_isolated(), "own 1.5.0\n");
    // One that nobody knows, and one that only cargo can ask.
    project.app("alpha = { version = \"1\", registry = \"other\" }\n", "");
    fs::remove_file(project.path("Cargo.lock")).unwrap();
    let output = project.envtool(&["add", "alpha@1"]).run();
    assert_eq!(output.code, Some(1), "{output}");
    output.must_help();
    sandbox.configure_cargo("[registries.other]\nindex = \"https://git.invalid/index\"\n");
    project.envtool(&["add", "alpha@1"]).refused(1).says(&["`other`", "no sparse index"]);
}

#[test]
fn what_it_says_reads_well() {
    let sandbox = Sandbox::new();
    let project = app(&sandbox);
    let said = |args: &[&str]| project.envtool(args).refused(1).snapshot(&sandbox);
    insta::assert_snapshot!(said(&["add", "alpah"]), @r"
    $ envtool add alpah
    exit: 1
    --- stdout

    --- stderr
    error: there is no package alpah on crates.io
    help: did you mean alpha?
    ");
    insta::assert_snapshot!(said(&["add", "alpha@1.0.1"]), @r"
    $ envtool add alpha@1.0.1
    exit: 1
    --- stdout

    --- stderr
    error: could not choose alpha 1.0.1
      because there is no such version; near it are 1.0.0, 1.1.0
    help: ask for `alpha@2.0.0`, the newest that can be chosen
    ");
}
