//! `action.yml`: its own `run:` steps, in a real bash, with the files that GitHub gives a step. What stands in for the
//! rest is small: expressions are looked up in a table, and `cargo install` copies the program under test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use saphyr_parser::{Event, Parser};
use serde_json::{Map, Value};

use crate::support::crates::krate;
use crate::support::sandbox::Output;
use crate::support::tools::{lock, tool};
use crate::support::{Project, Sandbox};

/// The text of the action, as the values of JSON.
fn action() -> Value {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml")).unwrap();
    let mut open: Vec<(bool, Vec<Value>)> = Vec::new();
    for event in Parser::new_from_str(&text) {
        let done = match event.unwrap().0 {
            Event::Scalar(text, ..) => Value::String(text.into_owned()),
            Event::MappingStart(..) => {
                open.push((true, Vec::new()));
                continue;
            }
            Event::SequenceStart(..) => {
                open.push((false, Vec::new()));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop().unwrap() {
                (true, children) => {
                    let pair = |pair: &[Value]| (pair[0].as_str().unwrap().to_owned(), pair[1].clone());
                    Value::Object(children.chunks(2).map(pair).collect::<Map<_, _>>())
                }
                (false, children) => Value::Array(children),
            },
            _ => continue,
        };
        match open.last_mut() {
            Some((_, siblings)) => siblings.push(done),
            None => return done,
        }
    }
    panic!("action.yml is empty")
}

fn steps(action: &Value) -> &Vec<Value> {
    action["runs"]["steps"].as_array().unwrap()
}

/// One run of the action on a machine of GitHub's.
struct Job<'a> {
    sandbox: &'a Sandbox,
    /// Where the workflow begins.
    workspace: PathBuf,
    inputs: BTreeMap<&'a str, String>,
    /// What steps gave to others and to the job.
    outputs: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
    path: Vec<PathBuf>,
}

impl<'a> Job<'a> {
    fn new(sandbox: &'a Sandbox, workspace: &Path, inputs: &[(&'a str, &str)]) -> Self {
        Self {
            sandbox,
            workspace: workspace.to_owned(),
            inputs: inputs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            outputs: BTreeMap::new(),
            variables: BTreeMap::new(),
            path: Vec::new(),
        }
    }

    /// What a text with expressions says.
    fn evaluate(&self, action: &Value, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${{") {
            let (expression, behind) = after.split_once("}}").unwrap();
            out.push_str(before);
            let words: Vec<&str> = expression.trim().split('.').collect();
            out.push_str(&match words[..] {
                ["inputs", name] => {
                    let default = action["inputs"][name]["default"].as_str();
                    self.inputs.get(name).map_or_else(|| default.unwrap().to_owned(), Clone::clone)
                }
                ["steps", "prepare", "outputs", name] => self.outputs[name].clone(),
                ["github", "action_path"] => env!("CARGO_MANIFEST_DIR").to_owned(),
                ["runner", "temp"] => self.sandbox.outside("runner temp").display().to_string(),
                ["runner", "os"] => "Linux".to_owned(),
                ["runner", "arch"] => "X64".to_owned(),
                _ => panic!("this test knows no {expression}"),
            });
            rest = behind;
        }
        out + rest
    }

    /// Runs the steps until one fails; what the last one said. A cache holds nothing and keeps nothing.
    fn run(&mut self) -> Output {
        let action = action();
        let mut last = None;
        for step in steps(&action).iter().filter(|step| step.get("run").is_some()) {
            assert_eq!(step["shell"], "bash", "{step}");
            let variables = step["env"].as_object().unwrap().iter();
            let variables = variables
                .map(|(name, value)| (name.as_str(), self.evaluate(&action, value.as_str().unwrap())));
            let ended = self.step(step["run"].as_str().unwrap(), &variables.collect::<Vec<_>>());
            let failed = ended.code != Some(0);
            last = Some(ended);
            if failed {
                break;
            }
        }
        last.unwrap()
    }

    /// One script, as GitHub runs it: `bash --noprofile --norc -eo pipefail FILE`, its files taken in afterwards.
    fn step(&mut self, script: &str, variables: &[(&str, String)]) -> Output {
        let files = self.sandbox.outside("runner files");
        let file = files.join("script.sh");
        fs::write(&file, script).unwrap();
        let mut call = self.sandbox.call(
            "bash",
            &["--noprofile", "--norc", "-eo", "pipefail", file.to_str().unwrap()],
            &self.workspace,
        );
        for (name, value) in &self.variables {
            call = call.env(name, value);
        }
        for (name, value) in variables {
            call = call.env(name, value);
        }
        let names = ["GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_ENV"];
        for name in names {
            fs::write(files.join(name), "").unwrap();
            call = call.env(name, files.join(name));
        }
        let rest = std::env::split_paths(self.sandbox.path());
        let cargo = self.sandbox.outside("programs-cargo");
        let path = self.path.iter().cloned().chain([cargo]).chain(rest);
        let ended = call.env("PATH", std::env::join_paths(path).unwrap()).run();
        let [outputs, path, set] = names.map(|name| fs::read_to_string(files.join(name)).unwrap());
        let pairs = |text: String| -> Vec<(String, String)> {
            let pair =
                |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
            text.lines().map(|line| pair(line).unwrap()).collect()
        };
        self.outputs.extend(pairs(outputs));
        self.variables.extend(pairs(set));
        for line in path.lines() {
            self.path.insert(0, PathBuf::from(line));
        }
        ended
    }

    /// A cargo that installs the program under test, notes where it was started, and else is the real one.
    fn stand_in_for_the_build(&self) {
        let real = self.sandbox.which("cargo");
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = install ] || exec '{}' \"$@\"\npwd >>'{}'\nwhile [ \"$1\" != --root ]; do shift; done\n\
             mkdir -p \"$2/bin\" && cp '{}' \"$2/bin/envtool\"\n",
            real.display(),
            self.sandbox.outside("runner files").join("installed").display(),
            env!("CARGO_BIN_EXE_envtool")
        );
        self.sandbox.program("cargo", &script);
    }

    fn installs(&self) -> usize {
        let text =
            fs::read_to_string(self.sandbox.outside("runner files").join("installed")).unwrap_or_default();
        assert!(text.lines().all(|line| line == env!("CARGO_MANIFEST_DIR")), "{text}");
        text.lines().count()
    }
}

/// A project with a crate and a tool, its locks made, and nothing of it on this machine.
fn cloned<'a>(sandbox: &'a Sandbox, name: &str) -> Project<'a> {
    sandbox
        .registry()
        .publish(&krate("leaf", "1.0.0").file("src/lib.rs", "pub const ID: &str = \"leaf 1.0.0\";\n"));
    let greet = tool("greet", "1.0.0", "\"greet 1.0.0\"");
    sandbox.registry().publish(&greet.file("Cargo.lock", &lock(("greet", "1.0.0"), "", "")));
    let project = sandbox.project(name);
    project
        .app("leaf = \"=1.0.0\"", "println!(\"{}\", leaf::ID);")
        .write("envtool.toml", "[tools]\ngreet = \"1.0.0\"\n");
    project.set_up();
    for gone in [project.path(".envtool"), sandbox.store()] {
        fs::remove_dir_all(gone).unwrap();
    }
    project
}

#[test]
fn its_steps_sync_and_the_next_step_runs_the_tools() {
    let sandbox = Sandbox::new();
    let workspace = sandbox.home().join("work");
    // A name that is a program wherever it is pasted into a script.
    let name = "a \"b\" 'c' $(touch pwned) `touch pwned`; touch pwned";
    let project = cloned(&sandbox, name);
    let mut job =
        Job::new(&sandbox, &workspace, &[("working-directory", name), ("args", "--no-progress  -v")]);
    job.stand_in_for_the_build();
    let ended = job.run();
    assert_eq!(ended.code, Some(0), "{ended}");
    assert_eq!(job.installs(), 1);
    assert!(sandbox.outside("runner temp").join("envtool-store/v1").is_dir() && !sandbox.store().exists());
    let then = job.step(
        "cd \"$HERE\"; greet; envtool sync --locked; cargo run -q --offline --locked",
        &[("HERE", project.dir().display().to_string())],
    );
    assert_eq!(then.stdout, "greet 1.0.0\nleaf 1.0.0\n", "{then}");
    assert!(then.stderr.contains("nothing to do"), "{then}");
    assert_eq!(job.variables["ENVTOOL_ENV"], project.path(".envtool").display().to_string());
    // Again, as with a cache: nothing is installed, and the keys are the same; they move with a lock.
    let before = job.outputs.clone();
    assert_eq!(job.run().code, Some(0));
    assert_eq!((job.installs(), &job.outputs), (1, &before));
    project.write("Cargo.lock", &format!("# another\n{}", project.read("Cargo.lock")));
    assert_eq!(job.run().code, Some(0));
    assert_ne!(job.outputs["locks"], before["locks"]);
    assert_eq!(job.outputs["sources"], before["sources"]);
    // Arguments are words; a lock that does not serve the manifest ends the job, and so does a newline in a path.
    for (inputs, says) in [
        (
            vec![("working-directory", name), ("args", "; touch pwned $(touch pwned) *")],
            "unexpected argument ';'",
        ),
        (vec![("working-directory", "a\nlocks=mine")], "::error::"),
    ] {
        let ended = Job::new(&sandbox, &workspace, &inputs).run();
        assert!(ended.code != Some(0) && ended.stderr.contains(says), "{ended}");
    }
    project.write("envtool.toml", "[tools]\ngreet = \"1.0.1\"\n");
    let ended = Job::new(&sandbox, &workspace, &[("working-directory", name)]).run();
    assert!(ended.code == Some(1) && ended.stderr.contains("help:"), "{ended}");
    // An envtool that is there is used, from a path that counts from the workspace.
    fs::copy(env!("CARGO_BIN_EXE_envtool"), workspace.join("mine")).unwrap();
    project.write("envtool.toml", "[tools]\ngreet = \"1.0.0\"\n");
    let mut given = Job::new(&sandbox, &workspace, &[("working-directory", name), ("path", "mine")]);
    assert_eq!(given.run().code, Some(0));
    assert_eq!(given.outputs["envtool"], workspace.join("mine").display().to_string());
    assert!(!project.has("pwned") && !workspace.join("pwned").exists());
}

#[test]
fn no_script_of_it_holds_an_expression_and_its_caches_are_keyed_by_digests() {
    let action = action();
    let mut caches = Vec::new();
    for step in steps(&action) {
        if let Some(script) = step.get("run") {
            assert!(!script.as_str().unwrap().contains("${{"), "{script}");
        } else {
            assert_eq!(step["uses"], "actions/cache@v4");
            caches.push((step["with"]["path"].as_str().unwrap(), step["with"]["key"].as_str().unwrap()));
        }
    }
    let ends = |suffix: &str| caches.iter().any(|(_, key)| key.ends_with(suffix));
    assert!(caches.len() == 2 && ends(".sources }}") && ends(".locks }}"), "{caches:?}");
}
