//! Driving uv: where it comes from, what it is told, and what its answers become. The library is called, in a process of
//! its own ([`worker`]), since what it reads of the surroundings is the process's; `python.rs` has the verbs.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use envtool::context::{Context, Flags};
use envtool::digest::Digest;
use envtool::module::{ModuleId, ModuleName};
use envtool::progress::{Line, Progress};
use envtool::python::Interpreter;
use envtool::store::Store;
use envtool::uv::{Locked, Requirement, Uv};

use crate::support::{
    Call, Fault, Pypi, Sandbox, fingerprint, saying, uv_for_tests, uv_wheel_for_tests, wheel, write,
};

/// The variable that holds the steps of a worker, a line each.
const STEPS: &str = "ENVTOOL_TEST_STEPS";

struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _: &str, _: u64, _: &str) {}
    fn begin_build(&self, _: &str) {}
    fn far(&self, _: u64, _: u64, _: &str) {}
    fn log(&self, _: &str) {}
    fn bytes(&self, _: u64) {}
    fn step(&self) {}
    fn end(&self) {}
    fn note(&self, line: &str) {
        say(line);
    }
    fn warn(&self, line: &str) {
        say(line);
    }
    fn show(&self, _: &[Line]) -> envtool::fault::Result<()> {
        Ok(())
    }
    fn columns(&self) -> Option<usize> {
        None
    }
    fn can_ask(&self) -> bool {
        false
    }
    fn ask(&self, _: &str, answers: &[&str]) -> usize {
        answers.len().saturating_sub(1)
    }
}

/// One line that the test sees.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n@ {}", line.replace('\n', "\n@ ")).unwrap();
}

/// Not a test: what [`work`] starts.
#[test]
#[ignore = "started by the other tests of this file"]
fn worker() {
    let Ok(steps) = std::env::var(STEPS) else { return };
    if let Err(fault) = carry_out(&steps) {
        say(&format!("error: {fault}\nhelp: {}", fault.help_text().unwrap_or_default()));
    }
}

fn carry_out(steps: &str) -> envtool::fault::Result<()> {
    let offline = steps.lines().any(|line| line == "offline");
    let context = Context::read(Flags { offline, ..Flags::default() }, &Quiet)?;
    let store = Store::new(context.cache()?);
    let mut rows: Vec<Locked> = Vec::new();
    let (mut prefer, mut lowest, mut build) = (Vec::new(), "3.8".to_owned(), BTreeSet::new());
    let uv = || Uv::find(&context, &store, None);
    let python = || Interpreter::find(&context, &store, None);
    for line in steps.lines() {
        let mut words = line.split(' ');
        let step = words.next().unwrap();
        let words: Vec<&str> = words.collect();
        let path = || PathBuf::from(words[0]);
        match step {
            "offline" => {}
            "find" => {
                let uv = uv()?;
                say(&format!("uv {} {}", uv.version(), uv.program().display()));
            }
            "python" => {
                let found = Interpreter::find(&context, &store, words.first().copied())?;
                say(&format!("python {} {}", found.version, found.executable.display()));
                say(&format!(
                    "json {} sys {} win {} old {}",
                    found.modules.contains("json"),
                    found.modules.contains("sys"),
                    found.applies(Some("sys_platform == 'win32'"))?,
                    found.applies(Some("python_full_version < '3.0'"))?,
                ));
            }
            "prefer" => prefer = words.iter().map(|word| id(word)).collect(),
            "lowest" => words[0].clone_into(&mut lowest),
            "build" => build = words.iter().map(|word| word.parse::<ModuleName>().unwrap()).collect(),
            "resolve" => {
                let asked: Vec<Requirement> = words.iter().map(|word| requirement(word)).collect();
                match uv()?.resolve(&asked, &prefer, &python()?, &lowest, &build)? {
                    Err(none) => {
                        say(&format!("none: {:?}: {}\nhelp: {}", none.kind, none.why.join("; "), none.help));
                    }
                    Ok(resolved) => {
                        for one in &resolved {
                            let files: Vec<&str> = one.files.iter().map(|file| file.name.as_str()).collect();
                            let marker = one.marker.as_deref().unwrap_or("everywhere");
                            let asked = if one.asked { " asked" } else { "" };
                            say(&format!(
                                "{} {marker} {files:?} needs {:?}{asked}",
                                one.id, one.dependencies
                            ));
                        }
                        let locked = resolved.into_iter().map(|one| Locked {
                            build: build.contains(&one.id.name),
                            id: one.id,
                            marker: one.marker,
                            sha256s: one.files.into_iter().map(|file| file.sha256).collect(),
                        });
                        rows = locked.collect();
                    }
                }
            }
            "spoil" => rows[0].sha256s = vec![Digest::from_bytes([0; 32])],
            "venv" => uv()?.venv(&python()?, &path(), false)?,
            "install" => uv()?.install(&rows, &path(), true)?,
            "forget" => uv()?.forget(&words[0].parse().unwrap())?,
            other => panic!("no step {other}"),
        }
    }
    say("done");
    Ok(())
}

fn id(text: &str) -> ModuleId {
    let (name, version) = text.split_once("==").unwrap();
    ModuleId { name: name.parse().unwrap(), version: version.parse().unwrap() }
}

fn requirement(text: &str) -> Requirement {
    let at = text.find(['=', '<', '>', '!', '~']).unwrap_or(text.len());
    let (name, extras) = text[..at].split_once('[').unwrap_or((&text[..at], ""));
    Requirement {
        name: name.parse().unwrap(),
        extras: extras
            .trim_end_matches(']')
            .split(',')
            .filter(|e| !e.is_empty())
            .map(str::to_owned)
            .collect(),
        specifier: text[at..].to_owned(),
    }
}

/// A call of the worker in `dir`.
fn call<'a>(sandbox: &'a Sandbox, dir: &Path, steps: &str) -> Call<'a> {
    let own = std::env::current_exe().unwrap();
    let args = ["python_uv::worker", "--exact", "--ignored", "--nocapture"];
    sandbox.call(own.to_str().unwrap(), &args, dir).env(STEPS, steps)
}

/// What the worker said.
fn said(call: &Call<'_>) -> String {
    let output = call.ok();
    let lines: Vec<&str> = output.stdout.lines().filter_map(|line| line.strip_prefix("@ ")).collect();
    assert!(!lines.is_empty(), "{output}");
    lines.join("\n")
}

fn work(sandbox: &Sandbox, steps: &str) -> String {
    said(&call(sandbox, &sandbox.home(), steps))
}

/// The worker must say each of `words`.
fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "it does not say {word:?}:\n{text}");
    }
}

/// A program that is a shell script.
fn script(path: &Path, text: &str) {
    write(path, &format!("#!/bin/sh\n{text}\n"));
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// `requests`, which needs `idna`, with an extra and a program.
fn publish_requests(pypi: &Pypi) {
    pypi.publish(
        &saying("requests", "2.32.3")
            .module("requests_cli", "import requests, idna\ndef main(): print(requests.ID, idna.ID)\n")
            .requires("idna>=2")
            .requires("colorama ; sys_platform == 'win32'")
            .extra("socks", "pysocks")
            .entry_point("requests", "requests_cli:main"),
    );
    pypi.publish(&saying("idna", "3.9"));
    pypi.publish(&saying("idna", "3.10"));
    pypi.publish(&saying("idna", "3.11"));
    pypi.yank("idna", "3.11");
    pypi.publish(&saying("colorama", "0.4.6"));
    pypi.publish(&saying("pysocks", "1.7.1"));
}

#[test]
fn the_uv_that_is_named_counts_first_then_one_on_path_that_was_tried() {
    let sandbox = Sandbox::new();
    let fake = sandbox.outside("fake");
    script(&fake.join("uv"), "echo uv 0.12.3");
    let other = sandbox.outside("other");
    script(&other.join("uv"), "echo 'uv 0.13.2 (abc 2026-01-01)'");
    let with = |path: &[&Path]| {
        let path = path.iter().map(|path| path.to_path_buf()).chain(std::env::split_paths(sandbox.path()));
        call(&sandbox, &sandbox.home(), "find").env("PATH", std::env::join_paths(path).unwrap())
    };
    let found = |version: &str, folder: &Path| format!("uv {version} {}\ndone", folder.join("uv").display());
    assert_eq!(said(&with(&[&fake, &other])), found("0.12.3", &fake));
    assert_eq!(said(&with(&[&fake, &other]).env("ENVTOOL_UV", other.join("uv"))), found("0.13.2", &other));
    // One that was not tried is passed by, and one in an environment is not looked at.
    let old = sandbox.outside("old");
    script(&old.join("uv"), "echo uv 0.4.0");
    let inside = sandbox.outside("app/.envtool/bin");
    script(&inside.join("uv"), "echo uv 0.13.1");
    assert_eq!(said(&with(&[&old, &inside, &other])), found("0.13.2", &other));
    let broken = sandbox.outside("broken");
    script(&broken.join("uv"), "exit 3");
    assert_eq!(said(&with(&[&broken, &other])), found("0.13.2", &other));
    // The one that is named has to do.
    for (named, word) in
        [(&old, "uv 0.4.0, which was not tried"), (&broken, "failed"), (&sandbox.empty(), "no such file")]
    {
        let text = said(&with(&[&fake]).env("ENVTOOL_UV", named.join("uv")));
        says(
            &text,
            &["error: could not use the uv that ENVTOOL_UV names", word, "help: name one from 0.12.0"],
        );
        assert!(text.contains(&named.display().to_string()), "{text}");
    }
}

#[test]
fn pip_brings_uv_once_and_it_must_be_the_one_that_was_tried() {
    let sandbox = Sandbox::new();
    let wheel = uv_wheel_for_tests();
    let given = sandbox.outside("given");
    let name = wheel.file_name().unwrap();
    let bin = sandbox.outside("bin");
    // The first has no pip; the second copies what lies in `given`, and notes where and with what it was called.
    script(&bin.join("python3"), "echo 'No module named pip' >&2; exit 1");
    let log = sandbox.outside("log").join("pip");
    script(
        &bin.join("pip3"),
        &format!(
            "echo \"$(/bin/pwd) $*\" >> {}\nwhile [ $# -gt 1 ]; do shift; done\n/bin/cp {}/* \"$1\"",
            log.display(),
            given.display()
        ),
    );
    let find = |steps: &str| call(&sandbox, &sandbox.home(), steps).env("PATH", &bin);

    // Another file under the right name.
    let mut bytes = fs::read(&wheel).unwrap();
    let right = Digest::of(&bytes);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(given.join(name), &bytes).unwrap();
    let text = said(&find("find"));
    let other = Digest::of(&bytes);
    says(
        &text,
        &["error: could not bring uv", "not the one that was tried", &right.to_string(), &other.to_string()],
    );
    assert!(!sandbox.store().join("v1/python/uv").exists(), "it was kept");

    fs::copy(&wheel, given.join(name)).unwrap();
    fs::remove_file(&log).unwrap();
    says(
        &said(&find("offline\nfind")),
        &["error: could not find uv", "help: run it once without `--offline`"],
    );
    assert!(!log.exists(), "it asked pip without a network");
    let version = envtool::uv::BROUGHT;
    says(&said(&find("find")), &["bringing uv", &format!("uv {version} {}", sandbox.store().display())]);
    let calls = fs::read_to_string(&log).unwrap();
    says(&calls, &[&format!("download uv=={version} --no-deps --only-binary :all:")]);
    assert!(!calls.starts_with(&sandbox.home().join("work").display().to_string()));
    // What it found is the real one, and stays; pip is asked once.
    let text =
        said(&find("offline\nfind\npython").env("PATH", sandbox.path_after(&bin)).env("ENVTOOL_UV", ""));
    says(&text, &[&format!("uv {version} {}", sandbox.store().display())]);
    assert_eq!(fs::read_to_string(&log).unwrap(), calls);
    assert_eq!(
        fs::read_dir(sandbox.store().join("v1/tmp")).unwrap().count(),
        0,
        "something was left in tmp/"
    );
}

#[test]
fn without_uv_and_pip_it_says_what_to_install() {
    let sandbox = Sandbox::new();
    let find = || call(&sandbox, &sandbox.home(), "find");
    let text = said(&find().env("PATH", sandbox.empty()));
    says(
        &text,
        &["error: could not bring uv", "neither uv nor pip is on PATH", "help: install uv", "ENVTOOL_UV"],
    );
    // What pip says is passed on.
    let bin = sandbox.outside("bin");
    script(
        &bin.join("pip"),
        "echo 'WARNING: x' >&2; echo 'ERROR: No matching distribution found' >&2; exit 1",
    );
    let text = said(&find().env("PATH", &bin));
    says(&text, &["could not bring uv", "ERROR: No matching distribution found"]);
    assert!(!text.contains("WARNING"), "{text}");
}

#[test]
fn what_is_resolved_is_installed_and_again_without_a_network() {
    let sandbox = Sandbox::new();
    publish_requests(&sandbox.pypi());
    let (one, two) = (sandbox.home().join("one"), sandbox.home().join("two"));
    let resolve = "resolve requests==2.32.3";
    let text = work(&sandbox, &format!("{resolve}\nvenv {}\ninstall {}", one.display(), one.display()));
    assert_eq!(
        text,
        "colorama 0.4.6 sys_platform == 'win32' [\"colorama-0.4.6-py3-none-any.whl\"] needs []\n\
         idna 3.10 everywhere [\"idna-3.10-py3-none-any.whl\"] needs []\n\
         requests 2.32.3 everywhere [\"requests-2.32.3-py3-none-any.whl\"] needs [\"colorama\", \"idna\"] asked\n\
         done"
    );
    let runs = |venv: &Path| {
        let program = venv.join("bin/requests");
        sandbox.call(program.to_str().unwrap(), &[] as &[&str], &sandbox.home()).ok().stdout
    };
    assert_eq!(runs(&one), "requests 2.32.3 idna 3.10\n");
    // It survives a move.
    let moved = sandbox.home().join("moved");
    fs::rename(&one, &moved).unwrap();
    assert_eq!(runs(&moved), "requests 2.32.3 idna 3.10\n");
    let python = fs::read_link(moved.join("bin/python")).unwrap();
    assert!(python.starts_with("/usr") || !python.starts_with(sandbox.home()), "{}", python.display());

    // The same from the cache, which then serves nobody else's links.
    sandbox.pypi().server().forget();
    let again = format!("{resolve}\nvenv {0}\ninstall {0}", two.display());
    says(&work(&sandbox, &again), &["done"]);
    let asked = sandbox.pypi().server().requests();
    let installing = |agent: &String| agent.contains("\"install\"");
    assert!(
        !asked.iter().any(|request| request.headers.get("user-agent").is_some_and(installing)),
        "{asked:?}"
    );
    sandbox.cut_network();
    fs::remove_dir_all(&two).unwrap();
    says(&work(&sandbox, &format!("offline\n{again}")), &["done"]);
    assert_eq!(runs(&two), "requests 2.32.3 idna 3.10\n");
    for file in walk(&two.join("lib")) {
        let found = fs::symlink_metadata(&file).unwrap();
        assert!(!found.is_symlink() && found.nlink() == 1, "{} is a link", file.display());
    }
    // What is not there is said so.
    says(
        &work(&sandbox, "offline\nresolve pysocks"),
        &["error: could not resolve", "pysocks is not in the store"],
    );
}

/// The files of site-packages below `lib`.
fn walk(lib: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![lib.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() { folders.push(path) } else { files.push(path) }
        }
    }
    assert!(files.iter().any(|file| file.ends_with("idna.py")), "{files:?}");
    files
}

#[test]
fn what_is_preferred_stays_and_extras_count() {
    let sandbox = Sandbox::new();
    publish_requests(&sandbox.pypi());
    let text = work(&sandbox, "prefer idna==3.9\nresolve requests[socks]");
    says(
        &text,
        &["idna 3.9 everywhere", "pysocks 1.7.1", "needs [\"colorama\", \"idna\", \"pysocks\"] asked"],
    );
    let text = work(&sandbox, "prefer idna==3.9\nresolve requests idna>=3.10");
    says(&text, &["idna 3.10 everywhere [\"idna-3.10-py3-none-any.whl\"] needs [] asked"]);
    // A yanked version is taken where it is asked for by number.
    says(&work(&sandbox, "resolve idna==3.11"), &["idna 3.11 everywhere"]);
}

#[test]
fn what_cannot_be_had_is_said_in_our_words() {
    let sandbox = Sandbox::new();
    let pypi = sandbox.pypi();
    publish_requests(&pypi);
    pypi.publish_sdist(&saying("docopt", "0.6.2"));
    pypi.publish(&saying("new", "1.0").requires_python(">=3.99"));
    pypi.publish(&saying("bound", "1.0").requires("idna<3.10"));
    pypi.publish(&saying("windows", "1.0").tag("cp27-cp27m-manylinux1_x86_64"));
    drop(pypi);
    for (asked, words) in [
        ("nosuch", ["UnknownName(Some(\"nosuch\"))", "there is no package nosuch on http://127.0.0.1"]),
        ("requests==99", ["UnknownVersion(Some(\"requests\"))", "requests==99"]),
        ("docopt==0.6.2", ["NoWheel(Some(\"docopt\"))", "docopt 0.6.2 is published as source only"]),
        ("new==1.0", ["Python(Some(\"new\"))", "help: ask for an older version of new"]),
        ("windows==1.0", ["NoWheel(Some(\"windows\"))", "windows 1.0 has no wheel"]),
        ("bound==1.0 idna==3.10", ["Conflict", "help: two pins exclude each other"]),
    ] {
        let text = work(&sandbox, &format!("resolve {asked}"));
        says(&text, &["none: ", "help: "]);
        says(&text, &words);
        for theirs in ["--no-build", "your project", "requires-python", "unsatisfiable", "hint"] {
            assert!(!text.contains(theirs), "{text}");
        }
    }
}

#[test]
fn a_source_is_built_where_that_is_allowed() {
    let sandbox = Sandbox::new();
    sandbox.pypi().publish_sdist(&saying("docopt", "0.6.2"));
    let venv = sandbox.home().join("venv");
    let steps = format!("build docopt\nresolve docopt\nvenv {0}\ninstall {0}", venv.display());
    let text = work(&sandbox, &steps);
    says(&text, &["docopt 0.6.2 everywhere [\"docopt-0.6.2.tar.gz\"] needs [] asked", "done"]);
    let python = venv.join("bin/python");
    let output =
        sandbox.call(python.to_str().unwrap(), &["-c", "import docopt; print(docopt.ID)"], &venv).ok();
    assert_eq!(output.stdout, "docopt 0.6.2\n");
}

#[test]
fn a_file_that_is_not_the_locked_one_is_refused() {
    let sandbox = Sandbox::new();
    publish_requests(&sandbox.pypi());
    let altered = saying("idna", "3.10").module("idna", "ID = 'altered'\n");
    sandbox.pypi().lie(&saying("idna", "3.10"), &altered.bytes());
    let venv = sandbox.home().join("venv");
    let steps = format!("resolve idna==3.10\nvenv {0}\ninstall {0}", venv.display());
    let right = Digest::of(&saying("idna", "3.10").bytes()).to_string();
    let wrong = Digest::of(&altered.bytes()).to_string();
    let text = work(&sandbox, &steps);
    says(&text, &["error: could not install", "idna==3.10 is not the one that was locked", &right, &wrong]);
    let before = fingerprint(&venv.join("lib"), &[]);
    assert!(!before.contains("idna"), "{before}");
    // Mended, it is installed: nothing of the other was kept.
    sandbox.pypi().publish(&saying("idna", "3.10"));
    fs::remove_dir_all(&venv).unwrap();
    says(&work(&sandbox, &steps), &["done"]);
    // And what the cache holds is held against the lock too.
    fs::remove_dir_all(&venv).unwrap();
    let text = work(&sandbox, &steps.replacen("\nvenv", "\nspoil\nvenv", 1));
    says(
        &text,
        &["error: could not install", "idna==3.10 is not the one that was locked", &"0".repeat(64), &right],
    );
}

#[test]
fn what_a_project_says_to_uv_has_no_effect() {
    let sandbox = Sandbox::new();
    publish_requests(&sandbox.pypi());
    let elsewhere = sandbox.outside("elsewhere");
    let project = sandbox.project("app");
    let toml = format!(
        "[pip]\ntarget = {0:?}\nlink-mode = \"symlink\"\nindex-url = \"http://127.0.0.1:9/\"\n",
        elsewhere.display().to_string()
    );
    project.write("uv.toml", &toml).write(
        "pyproject.toml",
        &toml.replace(
            "[pip]",
            "[project]\nname = \"x\"\nversion = \"1\"\nrequires-python = \">=3.99\"\n[tool.uv.pip]",
        ),
    );
    project.write(".python-version", "3.99\n").write("in.txt", "nosuch\n");
    let venv = project.path("venv");
    let steps = format!("resolve requests\nvenv {0}\ninstall {0}", venv.display());
    let call = call(&sandbox, project.dir(), &steps)
        .env("UV_TARGET", &elsewhere)
        .env("UV_LINK_MODE", "symlink")
        .env("UV_CONSTRAINT", "/nowhere")
        .env("UV_PYTHON", "3.99")
        .env("UV_OFFLINE", "1")
        .env("PIP_TARGET", &elsewhere)
        .env("VIRTUAL_ENV", &elsewhere)
        .env("PYTHONPATH", &elsewhere)
        .env("PYTHONHOME", &elsewhere);
    says(&said(&call), &["requests 2.32.3", "done"]);
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    let text = fingerprint(&venv.join("lib"), &[]);
    assert!(text.contains("idna.py") && !text.contains("idna.py ->"), "{text}");
}

#[test]
fn settings_of_pip_and_uv_reach_uv() {
    let sandbox = Sandbox::new();
    publish_requests(&sandbox.pypi());
    let own = Pypi::start_html();
    own.publish(&saying("inside", "1.0").requires("idna"));
    own.server().require_token("Basic bWU6czNjcmV0");
    let index = own.index().replace("http://", "http://me:s3cret@");
    sandbox.configure_pip(&format!(
        "[global]\nindex-url = {}\nextra-index-url =\n    {index}\n",
        sandbox.pypi().index()
    ));
    // Every user of the machine can read what a program is called with.
    let log = sandbox.outside("log").join("calls");
    let uv = sandbox.outside("log").join("uv");
    script(&uv, &format!("echo \"$*\" >> {}\nexec {} \"$@\"", log.display(), uv_for_tests().display()));
    let text = said(&call(&sandbox, &sandbox.home(), "resolve inside").env("ENVTOOL_UV", &uv));
    says(&text, &["inside 1.0", "idna 3.10"]);
    let calls = fs::read_to_string(&log).unwrap();
    assert!(calls.contains("pip compile --no-config") && !calls.contains("s3cret"), "{calls}");
    assert!(own.server().asked("/simple/inside/").iter().all(|request| request.status == 200));
    // Without the password the index says no, and so do we; no message holds one.
    let wrong = index.replace("s3cret", "wr0ng");
    sandbox.configure_pip(&format!("[global]\nindex-url = {wrong}\n"));
    let text = work(&sandbox, "resolve inside==1.1");
    says(
        &text,
        &["error: could not resolve", "answered 401", "help: check the user and the password", "pip.conf"],
    );
    assert!(!text.contains("wr0ng"), "{text}");
    // uv's own words count more; PIP_CONFIG_FILE takes the place of the user's file.
    write(&sandbox.home().join(".config/uv/uv.toml"), &format!("index-url = {:?}\n", sandbox.pypi().index()));
    says(&work(&sandbox, "resolve idna"), &["idna 3.10"]);
    fs::remove_file(sandbox.home().join(".config/uv/uv.toml")).unwrap();
    write(
        &sandbox.home().join("other.conf"),
        &format!("[install]\nindex-url = {}\n", sandbox.pypi().index()),
    );
    let with =
        |name: &str, value: &str| said(&call(&sandbox, &sandbox.home(), "resolve idna").env(name, value));
    says(&with("PIP_CONFIG_FILE", "other.conf"), &["idna 3.10"]);
    says(&with("UV_DEFAULT_INDEX", &sandbox.pypi().index()), &["idna 3.10"]);
    // A folder is as good as an index; its path counts from where the user stands.
    let local = saying("local", "3.0");
    let folder = sandbox.outside("wheels,all");
    fs::write(folder.join(local.file_name()), local.bytes()).unwrap();
    sandbox.configure_pip("[global]\nno-index = true\n");
    let with =
        |links: &str| said(&call(&sandbox, &sandbox.home(), "resolve local").env("PIP_FIND_LINKS", links));
    says(&with("../wheels,all"), &["local 3.0 everywhere [\"local-3.0-py3-none-any.whl\"]"]);
    says(&with("../empty"), &["none: UnknownName", "../empty (from PIP_FIND_LINKS)"]);
}

#[test]
fn an_index_that_fails_is_no_missing_package() {
    let sandbox = Sandbox::new();
    publish_requests(&sandbox.pypi());
    let resolve = || said(&call(&sandbox, &sandbox.home(), "resolve requests").env("UV_HTTP_RETRIES", "0"));
    for (fault, words) in [
        (Fault::Status(500), ["500 Internal Server Error", "the index answers wrongly"]),
        (Fault::Status(403), ["403 Forbidden", "check the user and the password"]),
        (Fault::Body(b"<html>hotel</html>".to_vec()), ["Content-Type", "the index answers wrongly"]),
    ] {
        sandbox.pypi().server().mend();
        sandbox.pypi().server().fault("/simple/requests/", fault);
        let text = resolve();
        says(&text, &["error: could not resolve the Python packages", "help: "]);
        says(&text, &words);
    }
    sandbox.cut_network();
    says(&resolve(), &["error: could not resolve", "help: check the network and the address", "pip.conf"]);
}

#[test]
fn a_hostile_wheel_writes_nothing_outside() {
    let sandbox = Sandbox::new();
    let pypi = sandbox.pypi();
    pypi.publish(&saying("climbs", "1.0").file("../../../../../climbed", b"x"));
    pypi.publish(
        &saying("records", "1.0").record("../../../../../home/victim,,").data_script("run", b"#!/bin/sh\n"),
    );
    pypi.publish(
        &wheel("absolute", "1.0").file("/tmp/envtool-test-absolute", b"x").pth("absolute", "import os\n"),
    );
    drop(pypi);
    write(&sandbox.home().join("victim"), "mine");
    let before = fingerprint(&sandbox.home(), &[".cache", "venv"]);
    for name in ["climbs", "records", "absolute"] {
        let venv = sandbox.home().join("venv");
        let text = work(&sandbox, &format!("resolve {name}\nvenv {0}\ninstall {0}", venv.display()));
        assert!(text.ends_with("done") || text.contains("error: could not install"), "{text}");
        assert!(!Path::new("/tmp/envtool-test-absolute").exists());
        fs::remove_dir_all(&venv).unwrap();
        assert_eq!(before, fingerprint(&sandbox.home(), &[".cache", "venv"]), "{name}");
    }
}

#[test]
fn what_is_forgotten_is_fetched_again() {
    let sandbox = Sandbox::new();
    publish_requests(&sandbox.pypi());
    let venv = |name: &str| sandbox.home().join(name).display().to_string();
    let steps = |name: &str| format!("resolve idna\nvenv {0}\ninstall {0}", venv(name));
    says(&work(&sandbox, &steps("one")), &["done"]);
    sandbox.pypi().server().forget();
    says(&work(&sandbox, &format!("forget idna\n{}", steps("two"))), &["done"]);
    assert_eq!(
        sandbox.pypi().server().asked("/files/idna-3.10-py3-none-any.whl").last().unwrap().status,
        200
    );
}

#[test]
fn a_python_is_found_and_never_that_of_an_environment() {
    let sandbox = Sandbox::new();
    sandbox.pypi();
    let real = sandbox.which("python3");
    let text = work(&sandbox, "python");
    says(&text, &[&format!(" {}\n", real.display()), "json true sys true win false old false"]);
    // A virtual environment of the user's first on PATH: what it stands on is found.
    let venv = sandbox.home().join("venv");
    says(&work(&sandbox, &format!("venv {}", venv.display())), &["done"]);
    let on_path = |folder: &Path, steps: &str| {
        said(&call(&sandbox, &sandbox.home(), steps).env("PATH", sandbox.path_after(folder)))
    };
    let text = on_path(&venv.join("bin"), "python");
    assert!(!text.contains(&sandbox.home().display().to_string()), "{text}");
    // One in an environment of ours is not even looked at; nor one that does not run, or is too old.
    for (folder, body) in [
        ("app/.envtool/python/bin", "echo looked > looked; exit 1"),
        ("broken", "echo 'Fatal Python error: no module named encodings' >&2; exit 1"),
        (
            "two",
            "[ \"$1\" = -I ] && { echo 'Unknown option: -I' >&2; exit 2; }\necho '{\"version\": [2, 7, 18], \
                 \"executable\": \"/x\", \"own\": \"/x\"}'",
        ),
    ] {
        let folder = sandbox.outside(folder);
        script(&folder.join("python3"), body);
        says(&on_path(&folder, "python"), &[&format!(" {}\n", real.display())]);
        assert!(!sandbox.home().join("looked").exists());
        let alone = said(&call(&sandbox, &sandbox.home(), "python").env("PATH", &folder));
        says(&alone, &["error: could not find Python", "help: install it"]);
        let why = match folder.file_name().unwrap().to_str().unwrap() {
            "broken" => "no module named encodings",
            "two" => "is Python 2.7.18",
            _ => "there is no `python3` or `python` on PATH",
        };
        says(&alone, &[why]);
    }
    let text = work(&sandbox, "python 3.99");
    says(
        &text,
        &["error: could not find Python 3.99", " is Python 3.", "help: install it (`apt install python3.99`"],
    );
    let minor = work(&sandbox, "python").split_whitespace().nth(1).unwrap().to_owned();
    says(&work(&sandbox, &format!("python {minor}")), &[&format!("python {minor} ")]);
}
