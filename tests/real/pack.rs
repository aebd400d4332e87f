//! A pack on its way: made with the real registries, unpacked where there is no network, no home and no store.

use std::fs;
use std::path::Path;

use crate::sandbox;

/// What a checkout of the project holds.
const FILES: [&str; 6] =
    ["Cargo.toml", "Cargo.lock", "envtool.toml", "envtool.lock", ".cargo/config.toml", "src/main.rs"];

#[test]
fn real_environment_goes_to_a_machine_without_a_network_in_one_file() {
    let sandbox = sandbox();
    let project = sandbox.home().join("work/app");
    fs::create_dir_all(project.join("src")).unwrap();
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\n";
    fs::write(project.join("Cargo.toml"), manifest).unwrap();
    fs::write(
        project.join("src/main.rs"),
        "fn main() { println!(\"{}\", serde_json::json!({\"a\": 1})); }\n",
    )
    .unwrap();
    let add = ["add", "serde_json@1.0.140", "hexyl@0.16.0", "pypi:requests@2.32.3"];
    sandbox.envtool(&add, &project).ok();
    let pack = sandbox.root().join("env.tar.zst");
    let packed = sandbox.envtool(&["pack", pack.to_str().unwrap()], &project).ok();
    packed.says("1 executable, uv: ");
    let digest = packed.stderr.split("--sha256 ").nth(1).unwrap().trim().to_owned();

    let there = sandbox.empty("there");
    let app = there.join("app");
    for file in FILES {
        fs::create_dir_all(app.join(file).parent().unwrap()).unwrap();
        fs::copy(project.join(file), app.join(file)).unwrap();
    }
    let home = sandbox.empty("empty-home");
    let call = |args: &[&str], dir: &Path| {
        let call = sandbox.envtool(args, dir).env("HOME", &home).env("CARGO_HOME", home.join(".cargo"));
        // What only leads to the registry is not there either.
        call.env("PIP_FIND_LINKS", "").without_network()
    };
    // The control: without the pack nothing can be had.
    assert_ne!(call(&["sync"], &app).run().code, Some(0));
    let unpacked = call(&["unpack", pack.to_str().unwrap(), "--sha256", &digest], &app).ok();
    unpacked.says("Took hexyl 0.16.0 as it was built from the pack: hexyl");
    assert_eq!(call(&["run", "--", "cargo", "run", "--offline", "--quiet"], &app).ok().stdout, "{\"a\":1}\n");
    assert!(call(&["run", "--", "hexyl", "--version"], &app).ok().stdout.starts_with("hexyl 0.16.0"));
    let line = "import requests; print(requests.__version__)";
    assert_eq!(call(&["run", "--", "python", "-c", line], &app).ok().stdout, "2.32.3\n");
    call(&["sync"], &app).ok().says("nothing to do");
}
