//! `docs/docker/Dockerfile`: its own lines, in plain folders. What COPY copies is copied, and what RUN runs is run, with
//! an empty HOME. A folder stands for the root of a stage, so no script here may name an absolute path; a cache mount
//! is an empty folder, and `--network=none` a registry that has gone.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::crates::krate;
use crate::support::tools::{lock, tool};
use crate::support::{Project, Sandbox};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/docker");

/// The instructions of the stage with this name: the word and the rest of its line.
fn stage(name: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(Path::new(FOLDER).join("Dockerfile")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let begins = |line: &&str| line.starts_with("FROM ") && line.ends_with(&format!(" AS {name}"));
    lines
        .skip_while(|line| !begins(line))
        .skip(1)
        .take_while(|line| !line.starts_with("FROM "))
        .map(|line| line.split_once(' ').map(|(word, rest)| (word.to_owned(), rest.to_owned())).unwrap())
        .collect()
}

/// What `COPY . .` leaves out.
fn ignored() -> Vec<String> {
    let text = fs::read_to_string(Path::new(FOLDER).join(".dockerignore")).unwrap();
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned).collect()
}

fn copy(from: &Path, to: &Path, ignored: &[String]) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            if !ignored.iter().any(|other| name == other.as_str()) {
                copy(&from.join(&name), &to.join(&name), &[]);
            }
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}

/// Carries out the stage `build` on this project in a new root; what the lines said, and the folder of the app.
fn build(sandbox: &Sandbox, project: &Project<'_>) -> (String, PathBuf) {
    let root = sandbox.outside("image");
    let (mut folder, mut said) = (root.clone(), String::new());
    let home = root.join("root");
    fs::create_dir_all(home.join(".cargo")).unwrap();
    // Where the image has its registry from.
    fs::copy(sandbox.home().join(".cargo/config.toml"), home.join(".cargo/config.toml")).unwrap();
    for (word, rest) in stage("build") {
        let mut flags: Vec<&str> = rest.split(' ').take_while(|word| word.starts_with("--")).collect();
        let words: Vec<&str> = rest.split(' ').skip(flags.len()).collect();
        match word.as_str() {
            "WORKDIR" => folder = root.join(words[0].trim_start_matches('/')),
            "COPY" if flags == ["--from=envtool"] => {
                copy(Path::new(env!("CARGO_BIN_EXE_envtool")), &root.join("usr/local/bin/envtool"), &[]);
            }
            "COPY" => {
                let (to, from) = words.split_last().unwrap();
                for name in from {
                    let from = project.dir().join(name);
                    let to = if to.ends_with('/') { folder.join(to).join(name) } else { folder.join(to) };
                    let left_out = if *name == "." { ignored() } else { Vec::new() };
                    copy(&from, &to, &left_out);
                }
            }
            "RUN" => {
                if flags.contains(&"--network=none") {
                    sandbox.cut_network();
                    flags.retain(|flag| *flag != "--network=none");
                }
                let mounts =
                    flags.iter().map(|flag| flag.strip_prefix("--mount=type=cache,target=/").unwrap());
                let mounts: Vec<PathBuf> = mounts.map(|target| root.join(target)).collect();
                for mount in &mounts {
                    fs::create_dir_all(mount).unwrap();
                }
                let script = words.join(" ");
                assert!(!script.contains(" /"), "a path of the image: {script}");
                let run = sandbox
                    .call("sh", &["-c", &script], &folder)
                    .env("HOME", &home)
                    .env("CARGO_HOME", home.join(".cargo"))
                    .env("PATH", sandbox.path_after(&root.join("usr/local/bin")))
                    .ok();
                said.push_str(&run.stderr);
                // What lay in a cache mount is not in the image.
                for mount in mounts {
                    fs::remove_dir_all(mount).unwrap();
                }
            }
            other => panic!("this test knows no {other}"),
        }
    }
    (said, folder)
}

#[test]
fn its_lines_sync_from_the_locks_alone_and_build_without_a_network() {
    let sandbox = Sandbox::new();
    sandbox
        .registry()
        .publish(&krate("leaf", "1.0.0").file("src/lib.rs", "pub const ID: &str = \"leaf 1.0.0\";\n"));
    let greet = tool("greet", "1.0.0", "\"greet 1.0.0\"");
    sandbox.registry().publish(&greet.file("Cargo.lock", &lock(("greet", "1.0.0"), "", "")));
    let project = sandbox.project("hello");
    project
        .app("leaf = \"=1.0.0\"", "println!(\"{}\", leaf::ID);")
        .write("envtool.toml", "[tools]\ngreet = \"1.0.0\"\n");
    project.set_up();
    fs::remove_dir_all(sandbox.store()).unwrap();
    let (said, app) = build(&sandbox, &project);
    assert!(said.contains("Built greet 1.0.0 in ") && said.contains("Synced 1 crate"), "{said}");
    let program = app.join("target/release/app");
    assert_eq!(sandbox.call(program.to_str().unwrap(), &[""; 0], &app).ok().stdout, "leaf 1.0.0\n");
    // Nothing leads out of the image, the mount's folder among it, so the tools run in it too.
    let tool = app.join(".envtool/bin/greet");
    assert!(tool.canonicalize().unwrap().starts_with(sandbox.outside("image")));
    assert_eq!(sandbox.call(tool.to_str().unwrap(), &[""; 0], &app).ok().stdout, "greet 1.0.0\n");
}

#[test]
fn envtool_itself_is_built_from_a_context_that_the_first_lines_name() {
    let text = fs::read_to_string(Path::new(FOLDER).join("Dockerfile")).unwrap();
    let lines = stage("envtool");
    assert!(
        lines.contains(&("RUN".to_owned(), "cargo install --locked --path . --root /usr/local".to_owned())),
        "{lines:?}"
    );
    assert!(lines.contains(&("COPY".to_owned(), "--from=envtool-sources . .".to_owned())), "{lines:?}");
    assert!(text.contains("--build-context envtool-sources="));
}
