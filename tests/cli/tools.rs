//! Tools: built from source by the user's cargo, put into the environment's `bin/`, shared by the store.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::support::tools::{
    bare, bin, built, from_the_store, lock, names, project, row, says, tool, was_built,
};
use crate::support::{Dep, Sandbox, fingerprint, krate, telling, tree, write};

#[test]
fn it_is_built_with_the_lock_that_it_ships() {
    let sandbox = Sandbox::new();
    let old = telling("dep", "1.0.0");
    let shipped = lock(("tool", "1.0.0"), "\"dep\"", &row(&old, ""));
    sandbox.registry().publish(&old);
    sandbox.registry().publish(&telling("dep", "1.5.0"));
    sandbox
        .registry()
        .publish(&tool("tool", "1.0.0", "dep::id()").dep(Dep::new("dep", "^1")).file("Cargo.lock", &shipped));
    let project = project(&sandbox, "one", "tool = \"1.0.0\"\n");
    was_built(&project.envtool(&["sync"]).ok(), "tool 1.0.0");
    assert_eq!(says(&project, "tool"), "dep 1.0.0");
    let lock = project.read("envtool.lock");
    assert!(!lock.contains("dep"), "the archive's lock is the closure\n{lock}");
    assert!(!sandbox.home().join(".cargo/bin").exists());

    // Without a network, from what the store has.
    sandbox.cut_network();
    fs::remove_dir_all(sandbox.home().join(".cargo/registry")).unwrap_or_default();
    fs::remove_dir_all(sandbox.store().join("v1/built")).unwrap();
    fs::remove_dir_all(sandbox.store().join("v1/building")).unwrap();
    was_built(&project.envtool(&["sync", "--frozen"]).ok(), "tool 1.0.0");
    assert_eq!(says(&project, "tool"), "dep 1.0.0");
}

#[test]
fn one_that_ships_no_lock_is_built_from_the_same_closure_everywhere() {
    let first = Sandbox::new();
    let publish = |sandbox: &Sandbox, versions: &[&str]| {
        for version in versions {
            sandbox.registry().publish(&telling("dep", version));
        }
        sandbox.registry().publish(&tool("tool", "1.0.0", "dep::id()").dep(Dep::new("dep", "^1")));
    };
    publish(&first, &["1.0.0", "1.1.0"]);
    let one = project(&first, "one", "tool = \"1.0.0\"\n");
    was_built(&one.envtool(&["sync"]).ok(), "tool 1.0.0");
    assert_eq!(says(&one, "tool"), "dep 1.1.0");
    let locked = one.read("envtool.lock");
    assert!(locked.contains("name = \"dep\"\nversion = \"1.1.0\""), "{locked}");

    // Another machine, where a newer release is there by now.
    let second = Sandbox::new();
    publish(&second, &["1.0.0", "1.1.0", "1.2.0"]);
    let two = project(&second, "elsewhere/two", "tool = \"1.0.0\"\n");
    two.write("envtool.lock", &locked);
    was_built(&two.envtool(&["sync", "--locked"]).ok(), "tool 1.0.0");
    assert_eq!(says(&two, "tool"), "dep 1.1.0");
    assert_eq!(two.read("envtool.lock"), locked);
}

#[test]
fn one_without_dependencies_and_without_a_lock_is_built() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&tool("tool", "1.0.0", "\"alone\""));
    let project = project(&sandbox, "one", "tool = \"1.0.0\"\n");
    project.envtool(&["sync"]).ok();
    assert_eq!(says(&project, "tool"), "alone");
    project.envtool(&["sync"]).ok().says(&["nothing to do"]);
}

#[test]
fn a_shipped_lock_that_names_another_source_is_not_used() {
    let sandbox = Sandbox::new();
    let row = "[[package]]\nname = \"dep\"\nversion = \"0.9.0\"\nsource = \"git+https://example.invalid/dep#0123456789012345678901234567890123456789\"\n";
    let shipped = lock(("tool", "1.0.0"), "\"dep\"", row);
    sandbox.registry().publish(&telling("dep", "1.0.0"));
    sandbox
        .registry()
        .publish(&tool("tool", "1.0.0", "dep::id()").dep(Dep::new("dep", "^1")).file("Cargo.lock", &shipped));
    let project = project(&sandbox, "one", "tool = \"1.0.0\"\n");
    project.envtool(&["sync"]).ok().says(&["Cargo.lock that tool 1.0.0 ships", "example.invalid"]);
    assert_eq!(says(&project, "tool"), "dep 1.0.0");
    assert!(project.read("envtool.lock").contains("name = \"dep\""));
}

#[test]
fn a_shipped_lock_that_does_not_serve_is_where_the_resolving_begins() {
    let sandbox = Sandbox::new();
    let (old, kept) = (telling("dep", "0.9.0"), telling("kept", "1.0.0"));
    let rows = row(&old, "") + &row(&kept, "");
    let shipped = lock(("tool", "1.0.0"), "\"dep\", \"kept\"", &rows);
    for krate in [old, kept, telling("dep", "1.0.0"), telling("kept", "1.1.0")] {
        sandbox.registry().publish(&krate);
    }
    sandbox.registry().publish(
        &tool("tool", "1.0.0", "format!(\"{}, {}\", dep::id(), kept::id())")
            .dep(Dep::new("dep", "^1"))
            .dep(Dep::new("kept", "^1"))
            .file("Cargo.lock", &shipped),
    );
    let one = project(&sandbox, "one", "tool = \"1.0.0\"\n");
    // So does cargo.
    one.cargo(&["install", "--locked", "tool"]).ok();
    let theirs =
        sandbox.call(sandbox.home().join(".cargo/bin/tool").to_str().unwrap(), &[""; 0], one.dir()).ok();
    one.envtool(&["sync"]).ok().says(&["the Cargo.lock of tool 1.0.0 does not serve"]);
    assert_eq!(says(&one, "tool"), theirs.stdout.trim_end());
    assert_eq!(says(&one, "tool"), "dep 1.0.0, kept 1.0.0");
    one.envtool(&["sync"]).ok().says(&["nothing to do"]);
    let two = project(&sandbox, "two", "tool = \"1.0.0\"\n");
    two.write("envtool.lock", &one.read("envtool.lock"));
    from_the_store(&two.envtool(&["sync", "--locked"]).ok(), "tool 1.0.0");
}

#[test]
fn features_executables_and_what_they_require() {
    let sandbox = Sandbox::new();
    let manifest = "[package]\nname = \"many\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\n[features]\ndefault = [\"loud\"]\nloud = []\nextra = []\n\n[[bin]]\nname = \"one\"\npath = \"src/bin/one.rs\"\n\n[[bin]]\nname = \"two\"\npath = \"src/bin/two.rs\"\n\n[[bin]]\nname = \"three\"\npath = \"src/bin/three.rs\"\nrequired-features = [\"extra\"]\n";
    let main = "fn main() { println!(\"{} {}\", cfg!(feature = \"loud\"), cfg!(feature = \"extra\")); }\n";
    let many = ["one", "two", "three"]
        .iter()
        .fold(bare("many", "1.0.0"), |many, name| many.file(&format!("src/bin/{name}.rs"), main));
    let many = many.feature("default", &["loud"]).feature("loud", &[]).feature("extra", &[]);
    sandbox.registry().publish(&many.file("Cargo.toml", manifest));
    let plain = project(&sandbox, "plain", "many = \"1.0.0\"\n");
    plain.envtool(&["sync"]).ok().says(&["Built many 1.0.0 in", ": one, two"]);
    assert_eq!((bin(&plain), says(&plain, "two").as_str()), (vec!["one".into(), "two".into()], "true false"));

    let other = project(
        &sandbox,
        "other",
        "many = { version = \"1.0.0\", default-features = false, features = [\"extra\"] }\n",
    );
    was_built(&other.envtool(&["sync"]).ok(), "many 1.0.0");
    assert_eq!(bin(&other), ["one", "three", "two"]);
    assert_eq!(says(&other, "three"), "false true");

    let single = project(&sandbox, "single", "");
    single.envtool(&["add", "many@1.0.0", "--bin", "two"]).ok();
    assert_eq!(bin(&single), ["two"]);
    assert!(single.read("envtool.toml").contains("bins = [\"two\"]"), "{}", single.read("envtool.toml"));
    // Another choice later: what is no longer wanted goes.
    single.write("envtool.toml", "[tools]\nmany = { version = \"1.0.0\", bins = [\"one\"] }\n");
    single.envtool(&["sync"]).ok();
    assert_eq!(bin(&single), ["one"]);

    let unmet = project(&sandbox, "unmet", "many = { version = \"1.0.0\", bins = [\"three\"] }\n");
    unmet.envtool(&["sync"]).refused(1).says(&["many 1.0.0", "extra", "correct `features`"]);
    let unknown = project(&sandbox, "unknown", "many = { version = \"1.0.0\", bins = [\"four\"] }\n");
    unknown.envtool(&["sync"]).refused(1).says(&["many 1.0.0", "four", "correct `features` and `bins`"]);
    let wrong = project(&sandbox, "wrong", "many = { version = \"1.0.0\", features = [\"none\"] }\n");
    wrong.envtool(&["sync"]).refused(1).says(&["many 1.0.0", "none", "correct `features`"]);
}

#[test]
fn names_that_belong_to_somebody_else_are_refused() {
    let sandbox = Sandbox::new();
    let registry = sandbox.registry();
    let named = |package: &str, bin: &str| {
        bare(package, "1.0.0").file(&format!("src/bin/{bin}.rs"), "fn main() {}\n")
    };
    registry.publish(&named("one", "same"));
    registry.publish(&named("two", "same"));
    for name in ["cargo", "sh", "python3", "activate"] {
        registry.publish(&named(&format!("is-{name}"), name));
    }
    drop(registry);
    let both = project(&sandbox, "both", "one = \"1.0.0\"\ntwo = \"1.0.0\"\n");
    both.envtool(&["sync"]).refused(1).says(&["one 1.0.0", "two 1.0.0", "`same`"]);
    assert!(!both.has(".envtool"));
    for name in ["cargo", "sh", "python3", "activate"] {
        let project = project(&sandbox, &format!("with-{name}"), &format!("is-{name} = \"1.0.0\"\n"));
        project.envtool(&["sync"]).refused(1).says(&[&format!("is-{name} 1.0.0"), &format!("`{name}`")]);
    }
    let own = project(&sandbox, "own", "");
    own.envtool(&["init"]).ok();
    own.write(".envtool/bin/same", "mine\n");
    own.write("envtool.toml", "[tools]\none = \"1.0.0\"\n");
    own.envtool(&["sync"]).refused(1).says(&["one 1.0.0", ".envtool/bin/same"]);
    assert_eq!(own.read(".envtool/bin/same"), "mine\n");
    fs::remove_file(own.path(".envtool/bin/same")).unwrap();
    own.envtool(&["sync"]).ok();
    assert_eq!(bin(&own), ["same"]);
}

#[test]
fn what_cargo_install_puts_there_stays_and_what_is_no_longer_wanted_goes() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&tool("tool", "1.0.0", "1"));
    sandbox.registry().publish(&tool("tool", "2.0.0", "2"));
    sandbox.registry().publish(&tool("mine", "1.0.0", "\"mine\""));
    let project = project(&sandbox, "one", "tool = \"1.0.0\"\n");
    project.envtool(&["sync"]).ok();
    project.envtool(&["run", "--", "cargo", "install", "mine"]).ok();
    let kept = [".crates.toml", ".crates2.json"].map(|name| project.read(&format!(".envtool/{name}")));
    project.write("envtool.toml", "[tools]\ntool = \"2.0.0\"\n");
    project.envtool(&["sync"]).ok().says(&["Removed tool 1.0.0"]);
    assert_eq!((says(&project, "tool"), says(&project, "mine")), ("2".into(), "mine".into()));
    project.write("envtool.toml", "");
    project.envtool(&["sync"]).ok().says(&["Removed tool 2.0.0"]);
    assert_eq!(bin(&project), ["mine"]);
    assert_eq!(names(&project.path(".envtool/receipts/tools")), [""; 0]);
    assert_eq!(kept, [".crates.toml", ".crates2.json"].map(|name| project.read(&format!(".envtool/{name}"))));
    assert_eq!(says(&project, "mine"), "mine");
    project.envtool(&["run", "--", "cargo", "uninstall", "mine"]).ok();
    assert_eq!(bin(&project), [""; 0]);
}

#[test]
fn a_cargo_project_has_tools_beside_its_crates() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("dep", "1.0.0"));
    sandbox.registry().publish(&telling("dep", "1.1.0"));
    sandbox.registry().publish(&tool("tool", "1.0.0", "dep::id()").dep(Dep::new("dep", "^1")));
    let app = sandbox.project("app");
    app.app("dep = \"=1.0.0\"\n", "println!(\"{}\", dep::id());").lock();
    app.envtool(&["add", "tool@1.0.0"]).ok().says(&["Pinned tool 1.0.0 (tool)"]);
    assert_eq!(says(&app, "tool"), "dep 1.1.0");
    sandbox.cut_network();
    assert_eq!(app.run_isolated(), "dep 1.0.0\n");
    app.envtool(&["sync"]).ok().says(&["nothing to do"]);
    let json: serde_json::Value =
        serde_json::from_str(&app.envtool(&["list", "--json"]).ok().stdout).unwrap();
    let one = json["packages"].as_array().unwrap().iter().find(|one| one["kind"] == "tool").unwrap();
    assert_eq!((one["name"].as_str(), &one["bins"]), (Some("tool"), &serde_json::json!(["tool"])));
}

#[test]
fn its_own_configuration_has_no_effect() {
    let sandbox = Sandbox::new();
    let config = "[build]\nrustc-wrapper = \"/no/such/wrapper\"\ntarget-dir = \"/no/such/folder\"\n[source.crates-io]\nreplace-with = \"evil\"\n[source.evil]\ndirectory = \"/no/such/folder\"\n";
    let ships = |name: &str| {
        tool(name, "1.0.0", "dep::id()")
            .dep(Dep::new("dep", "^1"))
            .file(".cargo/config.toml", config)
            .file("rust-toolchain.toml", "[toolchain]\nchannel = \"1.0.0\"\n")
    };
    let registry = sandbox.registry();
    registry
        .publish(&telling("dep", "1.0.0").file(".cargo/config.toml", config).file("rust-toolchain", "1.0.0"));
    registry.publish(&ships("plain"));
    let workspace = ships("roots").manifest();
    registry.publish(
        &ships("roots").file("Cargo.toml", &format!("{workspace}\n[workspace]\nmembers = [\"gone\"]\n")),
    );
    drop(registry);
    let project = project(&sandbox, "one", "plain = \"1.0.0\"\nroots = \"1.0.0\"\n");
    // What lies above the store has none either.
    let above = sandbox.home().join(".cache");
    for (file, text) in [
        (".cargo/config.toml", config),
        ("rust-toolchain.toml", "[toolchain]\nchannel = \"1.0.0\"\n"),
        ("Cargo.toml", "[workspace]\nmembers = [\"nothing\"]\n"),
    ] {
        write(&above.join(file), text);
    }
    project.write(".cargo/config.toml", "[build]\nrustc-wrapper = \"/no/such/wrapper\"\n");
    let before = tree(&above.join(".cargo"));
    project.envtool(&["sync"]).ok();
    assert_eq!((says(&project, "plain"), says(&project, "roots")), ("dep 1.0.0".into(), "dep 1.0.0".into()));
    assert_eq!(before, tree(&above.join(".cargo")));
}

#[test]
fn a_project_that_moved_keeps_its_tools_and_a_deleted_store_is_mended() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&tool("tool", "1.0.0", "\"here\""));
    let project = project(&sandbox, "one", "tool = \"1.0.0\"\n");
    project.envtool(&["sync"]).ok();
    let moved = sandbox.home().join("work/moved");
    fs::rename(project.dir(), &moved).unwrap();
    let there = sandbox.envtool(&["run", "--", "tool"], &moved).ok();
    assert_eq!(there.stdout, "here\n");
    sandbox.envtool(&["sync"], &moved).ok();
    fs::rename(&moved, project.dir()).unwrap();

    fs::remove_dir_all(sandbox.store()).unwrap();
    // The machine has one of the same name, which must not be taken for it.
    let path = sandbox.path_after(&sandbox.program("tool", "#!/bin/sh\necho the machine\n"));
    for (args, code) in [(&["run", "--", "tool"][..], 127), (&["which", "tool"], 1)] {
        let gone = project.envtool(args).env("PATH", &path).refused(code);
        gone.says(&[".envtool/bin/tool leads to", "which is gone", "help: envtool sync"]);
        assert_eq!(gone.stdout, "");
    }
    assert!(project.envtool(&["list"]).ok().stdout.contains("tool  1.0.0"));
    was_built(&project.envtool(&["sync"]).ok(), "tool 1.0.0");
    assert_eq!(says(&project, "tool"), "here");

    // An entry that lost a part.
    let entry = built(&sandbox).into_iter().next().unwrap();
    let entry = sandbox.store().join("v1/built").join(entry);
    for part in ["bin/tool", "record.json", "bin"] {
        let part = entry.join(part);
        let executable = part.file_name().unwrap() != "record.json";
        if part.is_dir() {
            fs::remove_dir_all(&part).unwrap();
        } else {
            fs::remove_file(&part).unwrap();
        }
        let other = project.envtool(&["run", "--", "true"]).ok();
        assert_eq!(other.stderr.contains("envtool sync"), executable, "{other}");
        project.envtool(&["sync"]).ok();
        assert_eq!(says(&project, "tool"), "here", "{}", part.display());
    }
    fs::write(entry.join("record.json"), "{").unwrap();
    fs::remove_file(project.path(".envtool/bin/tool")).unwrap();
    project.envtool(&["sync"]).ok();
    assert_eq!(says(&project, "tool"), "here");
    symlink("/nowhere", project.path(".envtool/bin/other")).unwrap();
    project.envtool(&["sync"]).ok();
    assert_eq!(bin(&project), ["other", "tool"]);
}

#[test]
fn cargo_finds_the_environments_subcommand_before_any_other() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&tool("cargo-hello", "1.0.0", "\"the environment's\""));
    let project = project(&sandbox, "one", "cargo-hello = \"1.0.0\"\n");
    project.envtool(&["sync"]).ok();
    let decoys = sandbox.home().join(".cargo/bin");
    let decoy = decoys.join("cargo-hello");
    write(&decoy, "#!/bin/sh\necho the decoy\n");
    fs::set_permissions(&decoy, PermissionsExt::from_mode(0o755)).unwrap();
    let join = |folders: Vec<std::path::PathBuf>| std::env::join_paths(folders).unwrap();
    let plain: Vec<_> = std::env::split_paths(sandbox.path()).collect();
    let before: Vec<_> = [decoys.clone()].into_iter().chain(plain.clone()).collect();
    let behind: Vec<_> = plain.iter().cloned().chain([decoys]).collect();
    // As rustup starts it, and the plain program.
    let plain_cargo = sandbox.call("rustup", &["which", "cargo"], project.dir());
    let mut cargos = vec!["cargo".to_owned()];
    if sandbox.has_program("rustup") {
        cargos.push(plain_cargo.ok().stdout.trim().to_owned());
    }
    for path in [plain, before, behind] {
        let path = join(path);
        for cargo in &cargos {
            let call = project.envtool(&["run", "--", cargo, "hello"]).env("PATH", &path);
            assert_eq!(call.ok().stdout, "the environment's\n", "{cargo} {}", path.display());
        }
        let script = ". .envtool/bin/activate; cargo hello; deactivate";
        let call = sandbox.call("sh", &["-c", script], project.dir()).env("PATH", &path);
        assert_eq!(call.ok().stdout, "the environment's\n", "{}", path.display());
    }
}

#[test]
fn a_crate_of_another_platform_that_cannot_be_read_does_not_stop_the_build() {
    let sandbox = Sandbox::new();
    let registry = sandbox.registry();
    registry.publish(&krate("future", "1.0.0").edition("2099"));
    registry
        .publish(&tool("tool", "1.0.0", "\"built\"").dep(Dep::new("future", "^1").target("cfg(windows)")));
    drop(registry);
    let project = project(&sandbox, "one", "tool = \"1.0.0\"\n");
    project.envtool(&["sync"]).ok();
    assert_eq!(says(&project, "tool"), "built");

    sandbox.registry().publish(&tool("needs", "1.0.0", "\"built\"").dep(Dep::new("future", "=1.0.0")));
    project.write("envtool.toml", "[tools]\nneeds = \"1.0.0\"\n");
    project.envtool(&["sync"]).refused(1).says(&["needs 1.0.0", "future 1.0.0"]);
}

#[test]
fn a_lock_that_does_not_hold_it_stops_locked_and_frozen() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&tool("tool", "1.0.0", "1"));
    let project = project(&sandbox, "one", "tool = \"1.0.0\"\n");
    for flag in ["--locked", "--frozen"] {
        project.envtool(&["sync", flag]).refused(1).says(&["envtool.lock", "tool"]);
    }
    project.envtool(&["sync"]).ok();
    project.write("envtool.toml", "[tools]\n");
    for flag in ["--locked", "--frozen"] {
        project.envtool(&["sync", flag]).refused(1).says(&["envtool.lock", "tool"]);
    }
    assert_eq!(bin(&project), ["tool"]);
}

#[test]
fn a_hostile_lock_or_manifest_reaches_no_path() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&tool("tool", "1.0.0", "1"));
    let project = project(&sandbox, "one", "tool = \"1.0.0\"\n");
    project.envtool(&["sync"]).ok();
    let lock = project.read("envtool.lock");
    let sum = lock.split("checksum = \"").nth(1).unwrap().split('"').next().unwrap();
    for (what, text) in [
        ("a name", lock.replace("name = \"tool\"", "name = \"../x\"")),
        ("a version", lock.replace("version = \"1.0.0\"", "version = \"../1\"")),
        ("a checksum", lock.replace(sum, "../../x")),
        ("unknown", lock.replace("[tool.asked]", "[tool.asked]\nevil = 1")),
        ("a conflict", format!("<<<<<<< HEAD\n{lock}")),
    ] {
        assert_ne!(text, lock, "{what}");
        project.write("envtool.lock", &text);
        project.envtool(&["sync"]).refused(1).says(&["envtool.lock"]);
    }
    for (what, text) in [
        ("bins", lock.replace("[tool.asked]", "[tool.asked]\nbins = [\"../../x\"]")),
        ("a toolchain", lock.replace("[tool.asked]", "[tool.asked]\ntoolchain = \"../../x\"")),
    ] {
        assert_ne!(text, lock, "{what}");
        project.write("envtool.lock", &text);
        project.envtool(&["sync", "--locked"]).refused(1).says(&["envtool.lock"]);
    }
    let other = lock.replace(sum.trim_start_matches("sha256:"), &"0".repeat(64));
    project.write("envtool.lock", &other);
    project.envtool(&["sync"]).refused(1).says(&["tool 1.0.0", &"0".repeat(64)]);
    project.write("envtool.lock", &lock);
    for (line, says) in [
        ("tool = { version = \"1.0.0\", bins = [\"../x\"] }", "../x"),
        ("tool = { version = \"1.0.0\", toolchain = \"../x\" }", "../x"),
        ("tool = { version = \"1.0.0\", toolchain = \"-V\" }", "-V"),
        ("tool = { version = \"1.0.0\", features = [\"--config\", \"a b\"] }", "a b"),
        ("\"../tool\" = \"1.0.0\"", "../tool"),
    ] {
        project.write("envtool.toml", &format!("[tools]\n{line}\n"));
        project.envtool(&["sync"]).refused(1).says(&["envtool.toml", says]);
    }
}

#[test]
fn a_receipt_that_names_another_tools_build_is_not_believed() {
    let sandbox = Sandbox::new();
    for name in ["one", "two"] {
        sandbox.registry().publish(&tool(name, "1.0.0", &format!("{name:?}")));
    }
    let project = project(&sandbox, "project", "one = \"1.0.0\"\ntwo = \"1.0.0\"\n");
    project.envtool(&["sync"]).ok();
    let receipt = |name: &str| format!(".envtool/receipts/tools/{name}-1.0.0.json");
    let key = |name: &str| {
        let text = project.read(&receipt(name));
        text.split("\"key\": \"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let swapped = project.read(&receipt("one")).replace(&key("one"), &key("two"));
    project.write(&receipt("one"), &swapped).write("envtool.toml", "[tools]\none = \"1.0.0\"\n");
    project.envtool(&["sync"]).ok();
    assert_eq!(bin(&project), ["one"]);
    assert_eq!(says(&project, "one"), "one");
}

#[test]
fn a_toolchain_that_is_not_there_is_named() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&tool("tool", "1.0.0", "1"));
    let project = project(&sandbox, "one", "tool = { version = \"1.0.0\", toolchain = \"nonexistent\" }\n");
    project.envtool(&["sync"]).refused(1).says(&["tool 1.0.0", "nonexistent"]);
    assert!(!project.has(".envtool"));
}

#[test]
fn the_rust_that_builds_a_tool_is_that_of_its_pin_and_not_the_projects() {
    let sandbox = Sandbox::new();
    for (version, rust) in [("1.0.0", "1.50"), ("1.1.0", "1.70")] {
        sandbox.registry().publish(&tool("tool", version, "1").rust_version(rust));
    }
    // A rustup with the toolchain `old`, whose Rust is 1.60.
    let rustc = sandbox.which("rustc");
    let shim = sandbox.program(
        "rustc",
        &format!(
            "#!/bin/sh\nif [ \"$RUSTUP_TOOLCHAIN\" = old ]; then\n  printf 'rustc 1.60.0\\nrelease: 1.60.0\\nhost: x\\n'\nelse\n  exec {} \"$@\"\nfi\n",
            rustc.display()
        ),
    );
    let mut path = sandbox.path_after(&shim);
    if !sandbox.has_program("rustup") {
        let rustup = sandbox.program("rustup", "#!/bin/sh\necho any\n");
        path = std::env::join_paths([rustup].into_iter().chain(std::env::split_paths(&path))).unwrap();
    }
    let project = project(&sandbox, "one", "tool = { version = \"1.0.0\", toolchain = \"old\" }\n");
    let refused = project.envtool(&["add", "tool@1.1.0"]).env("PATH", &path).refused(1);
    refused.says(&["it needs Rust 1.70, and the toolchain that builds it is 1.60", "tool@1.0.0"]);
    assert!(!refused.stderr.contains("rust-version"), "{refused}");
}

#[test]
fn a_machine_without_a_compiler_of_its_own_takes_crates() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    sandbox.registry().publish(&tool("tool", "1.0.0", "1"));
    let project = sandbox.project("app");
    project.app("", "println!(\"app\");").lock();
    let none = "#!/bin/sh\necho 'error: no default is configured' >&2\nexit 1\n";
    let path = sandbox.path_after(&sandbox.program("rustc", none));
    project.envtool(&["add", "alpha"]).env("PATH", &path).ok().says(&["Pinned alpha 1.0.0 (crate)"]);
    let refused = project.envtool(&["add", "tool"]).env("PATH", &path).refused(1);
    refused.says(&["the compiler does not answer", "no default is configured"]);
}

#[test]
fn the_same_executable_comes_from_two_machines_and_names_neither() {
    let library = "pub fn id() -> String { let at = std::panic::Location::caller(); format!(\"{} {}\", include!(concat!(env!(\"OUT_DIR\"), \"/made.rs\")), at) }\n";
    let script = "fn main() { let out = std::env::var(\"OUT_DIR\").unwrap(); std::fs::write(out + \"/made.rs\", \"{ if std::env::args().count() > 7 { panic!(\\\"made\\\") }; 7 }\").unwrap(); }\n";
    let make = |name: &str, flags: &str, debug: &str| {
        let sandbox = Sandbox::new();
        sandbox.registry().publish(&krate("dep", "1.0.0").lib(library).build_script(script));
        // One without a build script is not copied.
        sandbox.registry().publish(
            &telling("plain", "1.0.0").lib(
                "#[inline(never)] pub fn id() -> String { std::panic::Location::caller().to_string() }\n",
            ),
        );
        if name.starts_with("some") {
            // The store lies behind a link.
            symlink(sandbox.outside("disk"), sandbox.home().join(".cache")).unwrap();
        }
        sandbox.registry().publish(
            &bare("tool", "1.0.0")
                .dep(Dep::new("dep", "^1"))
                .dep(Dep::new("plain", "^1"))
                .build_script(script)
                .file("src/main.rs", "fn main() { if std::env::args().count() > 5 { panic!(\"many\") } println!(\"{} {} {}\", dep::id(), plain::id(), include!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"))); }\n"),
        );
        let project = project(&sandbox, name, "tool = \"1.0.0\"\n");
        let call = project.envtool(&["sync"]).env("RUSTFLAGS", flags);
        call.env("CARGO_PROFILE_RELEASE_DEBUG", debug).ok();
        let bytes = fs::read(project.path(".envtool/bin/tool")).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let root = sandbox.outside(".").canonicalize().unwrap().display().to_string();
        for path in [root.as_str(), "envtool-test-", &std::env::var("HOME").unwrap_or(root.clone())] {
            let at =
                text.find(path).map(|at| text[at.saturating_sub(80)..].chars().take(200).collect::<String>());
            assert_eq!(at, None, "{flags}: {path}");
        }
        assert_eq!(says(&project, "tool").split_whitespace().next(), Some("7"));
        (bytes, project.read("envtool.lock"))
    };
    for (flags, debug) in [("", "false"), ("-g", "full")] {
        let (one, two) = (make("one", flags, debug), make("some/where else/two", flags, debug));
        assert_eq!(one.1, two.1);
        assert!(one.0 == two.0, "{flags}: the executables differ");
    }
}

#[test]
fn a_build_script_that_writes_into_its_source_is_told_of_and_the_store_stays_whole() {
    let sandbox = Sandbox::new();
    let script = "fn main() { std::fs::write(\"src/made.rs\", \"pub const N: u8 = 7;\").unwrap(); std::fs::write(\"data.txt\", \"other\").unwrap(); }\n";
    let lib = "mod made; pub fn n() -> u8 { made::N }\n";
    sandbox
        .registry()
        .publish(&krate("dep", "1.0.0").lib(lib).build_script(script).file("data.txt", "first"));
    sandbox.registry().publish(
        &bare("tool", "1.0.0")
            .dep(Dep::new("dep", "^1"))
            .build_script(script)
            .file("src/main.rs", "mod made; fn main() { println!(\"{}\", made::N + dep::n()); }\n")
            .file("data.txt", "first"),
    );
    sandbox.registry().publish(&tool("next", "1.0.0", "dep::n()").dep(Dep::new("dep", "^1")));
    let project = project(&sandbox, "one", "");
    project.envtool(&["sync"]).ok();
    // Everything lies in the store before the build: a lock that is made without one.
    project.write("envtool.toml", "[tools]\ntool = \"1.0.0\"\n");
    let trees = sandbox.store().join("v1/trees");
    let output = project.envtool(&["sync"]).ok();
    output.says(&["build script of tool 1.0.0", "build script of dep 1.0.0", "data.txt"]);
    assert_eq!(says(&project, "tool"), "14");
    for entry in fs::read_dir(&trees).unwrap() {
        let entry = entry.unwrap().path();
        assert!(!any(&entry, "made.rs") && !any(&entry, "other"), "{}", entry.display());
    }
    let before = fingerprint(&trees, &[]);
    project.write("envtool.toml", "[tools]\ntool = \"1.0.0\"\nnext = \"1.0.0\"\n");
    project.envtool(&["sync"]).ok();
    assert_eq!(says(&project, "next"), "7");
    let next = format!("{}/next", trees.display());
    let after = fingerprint(&trees, &[]);
    for line in before.lines() {
        assert!(after.contains(line), "{next}: {line}");
    }
}

/// Whether a file below a folder is called so, or holds just this text.
fn any(folder: &Path, word: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            any(&path, word)
        } else {
            path.file_name().is_some_and(|name| name == word)
                || fs::read(&path).is_ok_and(|b| b == word.as_bytes())
        }
    })
}
