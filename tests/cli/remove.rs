//! `remove`: a pin goes, with everything that nothing else needs, or nothing changes at all.

use crate::support::{Dep, Project, Sandbox, telling, tree};

/// `alpha` needs `beta`, which needs `deep`; `gamma` needs `beta` too.
fn publish(sandbox: &Sandbox) {
    let registry = sandbox.registry();
    registry.publish(&telling("deep", "1.0.0"));
    registry.publish(&telling("beta", "1.0.0").dep(Dep::new("deep", "1")));
    registry.publish(&telling("alpha", "1.0.0").dep(Dep::new("beta", "1")));
    registry.publish(&telling("gamma", "1.0.0").dep(Dep::new("beta", "1")));
    registry.publish(&telling("single", "1.0.0"));
}

fn vendor(project: &Project) -> String {
    let names: Vec<String> = tree(&project.path(".envtool/vendor"))
        .lines()
        .filter_map(|line| line.split_once(" -> ").map(|(name, _)| name.to_owned()))
        .collect();
    names.join(" ")
}

/// What is installed agrees everywhere.
fn agrees(project: &Project, names: &[&str]) {
    let folders: Vec<String> = names.iter().map(|name| format!("{name}-1.0.0")).collect();
    assert_eq!(vendor(project), folders.join(" "));
    let receipts = tree(&project.path(".envtool/receipts"));
    let listed = project.envtool(&["list", "--all"]).ok().stdout;
    assert_eq!(listed.lines().count(), names.len(), "{listed}");
    assert_eq!(receipts.matches(".json").count(), names.len(), "{receipts}");
    project.envtool(&["sync"]).ok().says(&["nothing to do"]);
}

#[test]
fn what_only_it_needed_goes_and_what_another_needs_stays() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    for name in ["app", "plain"] {
        let project = sandbox.project(name);
        if name == "app" {
            project.app("", "");
        }
        project.envtool(&["add", "alpha", "gamma", "single"]).ok();
        agrees(&project, &["alpha", "beta", "deep", "gamma", "single"]);
        project.envtool(&["remove", "alpha"]).ok().says(&["Took alpha out of"]);
        agrees(&project, &["beta", "deep", "gamma", "single"]);
        project.envtool(&["remove", "gamma", "cargo:single"]).ok();
        assert_eq!(project.envtool(&["list", "--all"]).ok().stdout, "");
        project.envtool(&["sync"]).ok();
        let text = project.read(if name == "app" { "Cargo.toml" } else { "envtool.toml" });
        assert!(!text.contains("gamma") && !text.contains("single"), "{text}");
        // There is nothing left to take.
        project
            .envtool(&["remove", "alpha"])
            .refused(1)
            .says(&["alpha is not pinned here", "envtool add NAME"]);
    }
}

#[test]
fn an_add_and_a_remove_leave_the_manifest_byte_for_byte() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = sandbox.project("app");
    let text = "# top\r\n[package]\r\nname = \"app\"\r\nversion = \"0.1.0\"\r\nedition = \"2021\"\r\n\r\n[dependencies]\r\n# of beta\r\nbeta = \"1\" # why\r\n";
    project.write("Cargo.toml", text).write("src/main.rs", "fn main() {}\n").lock();
    let lock = project.read("Cargo.lock");
    project.set_up();
    for more in [&[][..], &["--dev"], &["--build"]] {
        project.envtool(&[&["add", "single"][..], more].concat()).ok();
        assert_ne!(project.read("Cargo.toml"), text);
        project.envtool(&["remove", "single"]).ok();
        assert_eq!(project.read("Cargo.toml"), text, "{more:?}");
        assert_eq!(project.read("Cargo.lock"), lock);
    }
}

#[test]
fn it_goes_out_of_every_table_and_out_of_features() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = sandbox.project("app");
    let kept = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nbeta = \"1\"\n";
    project
        .write(
            "Cargo.toml",
            &format!(
                "{kept}single = {{ version = \"1\", optional = true }}\n\n[features]\ndefault = [\"one\", \"dep:single\"]\none = [\"single?/x\"]\n\n[dev-dependencies]\nsi = {{ package = \"single\", version = \"1\" }}\n\n[build-dependencies]\nsingle = \"1\"\n\n[target.'cfg(unix)'.dependencies]\nsingle = {{ version = \"1\", optional = true }}\n"
            ).replace("single?/x", "dep:single"),
        )
        .write("src/main.rs", "fn main() {}\n")
        .lock();
    project.set_up();
    project.envtool(&["remove", "single"]).ok();
    assert_eq!(project.read("Cargo.toml"), format!("{kept}\n[features]\ndefault = [\"one\"]\none = []\n"));
    agrees(&project, &["beta", "deep"]);
}

fn workspace(sandbox: &Sandbox) -> Project<'_> {
    publish(sandbox);
    let ws = sandbox.project("ws");
    ws.write(
        "Cargo.toml",
        "[workspace]\nresolver = \"2\"\nmembers = [\"one\", \"two\"]\n\n[workspace.dependencies]\nsi = { package = \"single\", version = \"1\" }\nbeta = \"1\"\n",
    );
    for name in ["one", "two"] {
        ws.write(
            &format!("{name}/Cargo.toml"),
            &format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nbeta.workspace = true\nsi.workspace = true\ngamma = \"1\"\n"),
        );
        ws.write(&format!("{name}/src/lib.rs"), "");
    }
    ws.lock();
    ws.set_up();
    ws
}

#[test]
fn it_goes_out_of_all_members_and_out_of_the_workspace() {
    let sandbox = Sandbox::new();
    let ws = workspace(&sandbox);
    let output = ws.envtool(&["remove", "single", "gamma"]).in_dir(&ws.path("one/src")).ok();
    output.says(&["one/Cargo.toml", "two/Cargo.toml", "[workspace.dependencies]"]);
    for name in ["one", "two"] {
        assert!(ws.read(&format!("{name}/Cargo.toml")).ends_with("[dependencies]\nbeta.workspace = true\n"));
    }
    assert!(ws.read("Cargo.toml").ends_with("[workspace.dependencies]\nbeta = \"1\"\n"));
    agrees(&ws, &["beta", "deep"]);
}

#[test]
fn out_of_one_member_and_out_of_the_workspace_with_the_last() {
    let sandbox = Sandbox::new();
    let ws = workspace(&sandbox);
    let root = ws.read("Cargo.toml");
    ws.envtool(&["remove", "single", "-p", "three"]).refused(1).says(&["one, two"]);
    ws.envtool(&["remove", "single", "-p", "one"]).ok();
    assert!(!ws.read("one/Cargo.toml").contains("si.") && ws.read("two/Cargo.toml").contains("si."));
    assert_eq!(ws.read("Cargo.toml"), root);
    ws.envtool(&["remove", "single", "-p", "one"]).refused(1).says(&["single is not pinned"]);
    ws.envtool(&["remove", "single", "-p", "two"]).ok().says(&["[workspace.dependencies]"]);
    assert!(ws.read("Cargo.toml").ends_with("[workspace.dependencies]\nbeta = \"1\"\n"));
    // What nobody inherits, and nobody that is named did, is left alone.
    ws.envtool(&["remove", "gamma", "-p", "two"]).ok();
    assert!(ws.has(".envtool/vendor/gamma-1.0.0"));
    agrees(&ws, &["beta", "deep", "gamma"]);
}

#[test]
fn what_is_no_pin_is_refused_with_what_is_near() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\nsingle = \"1\"\n", "").lock();
    project.set_up();
    project
        .envtool(&["remove", "alpah"])
        .refused(1)
        .says(&["alpah is not pinned here", "did you mean alpha?"]);
    project.envtool(&["remove", "single", "zebra"]).refused(1).says(&["zebra", "pinned are alpha, single"]);
    project.envtool(&["remove", "beta"]).refused(1).says(&["beta is not pinned here"]);
    for spec in ["alpha@1.0.0", "alpha@latest", "alpha@1"] {
        project.envtool(&["remove", spec]).refused(2).says(&["names a version", "`envtool remove alpha`"]);
    }
    project.envtool(&["remove", "pypi:alpha"]).refused(1);
    project.envtool(&["remove", "alpha", "--locked"]).refused(1).says(&["--locked"]);
    let plain = sandbox.project("plain");
    plain.envtool(&["remove", "alpha"]).refused(1).says(&["belongs to no project"]);
    plain.write("envtool.toml", "[env]\n");
    plain.envtool(&["remove", "alpha"]).refused(1).says(&["not pinned"]);
    plain.envtool(&["remove", "alpha", "-p", "x"]).refused(2);
}

#[test]
fn a_name_is_found_however_it_is_written() {
    let sandbox = Sandbox::new();
    let registry_name = "snake_case";
    sandbox.registry().publish(&telling(registry_name, "1.0.0"));
    let project = sandbox.project("app");
    project.app("snake_case = \"1\"\n", "").lock();
    project.set_up();
    project.envtool(&["remove", "snake-case"]).refused(1).says(&["did you mean snake_case?"]);
    project.envtool(&["remove", "snake_case"]).ok();
    assert!(!project.read("Cargo.toml").contains("snake"));
}
