//! The errors that a user can meet, read together: `docs/errors.md` is what this test provokes in one sandbox, as it
//! is said, and below it those that it cannot provoke, as they stand in the source.
//!
//! After a change of any of them: `ENVTOOL_TEST_UPDATE=1 cargo test --locked --test cli errors` writes the page anew.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::code::{failures, root, sources};
use crate::support::crates::gzip;
use crate::support::tools::{bare, tool};
use crate::support::{Call, Fault, Project, Registry, Sandbox, krate, saying, telling};

/// The page, as it grows.
struct Page<'a> {
    sandbox: &'a Sandbox,
    text: String,
    /// All that was said, as it was said.
    said: String,
    /// What did not fail, or not as it should.
    wrong: Vec<String>,
}

impl<'a> Page<'a> {
    fn section(&mut self, title: &str) {
        self.text.push_str(&format!("\n## {title}\n"));
    }

    /// One error: how it comes to it, in a line, and what is said.
    fn shows(&mut self, when: &str, call: Call<'_>) {
        // Quiet, so that nothing but the error is said, and the warnings before it.
        let output = call.env("ENVTOOL_QUIET", "1").run();
        let code = output.code.unwrap_or_default();
        if code == 0 || !output.is_helpful() {
            self.wrong.push(format!("{when}: {output}"));
            return;
        }
        self.said.push_str(&output.stderr);
        let call = output.to_string();
        let call = call.lines().next().unwrap_or_default();
        let call =
            call.split_once("/envtool ").map_or(call.to_owned(), |(_, rest)| format!("$ envtool {rest}"));
        self.text.push_str(&format!(
            "\n{when}:\n\n```console\n{}\n{}\n```\n",
            self.normal(&call),
            self.normal(output.stderr.trim_end()).trim_end()
        ));
        if code != 1 {
            self.text.push_str(&format!("\nExit code {code}.\n"));
        }
    }

    /// A project of its own for one error.
    fn project(&self, name: &str) -> Project<'a> {
        self.sandbox.project(name)
    }

    fn normal(&self, text: &str) -> String {
        let cargo = self.sandbox.which("cargo");
        let text = text.replace(&cargo.parent().unwrap().display().to_string(), "[BIN]");
        let lines = text.lines().map(|line| {
            let line = ["with rustc ", "the project has "].iter().fold(line.to_owned(), |line, start| {
                let Some(at) = line.find(start).map(|at| at + start.len()) else { return line };
                let length = line[at..].find(" (by").unwrap_or(line.len() - at);
                format!("{}[VERSION]{}", &line[..at], &line[at + length..])
            });
            hashes(&random_names(&line))
        });
        self.sandbox.normalize(&lines.collect::<Vec<_>>().join("\n"))
    }
}

/// A line without the digests that name workshops and what cargo makes in them.
fn hashes(line: &str) -> String {
    let is_hash = |word: &str| word.len() == 16 && word.chars().all(|c| c.is_ascii_hexdigit());
    let mut out = line.to_owned();
    for word in line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| is_hash(word)) {
        out = out.replace(word, "[HASH]");
    }
    out
}

/// A line without the random end of a temporary name.
fn random_names(line: &str) -> String {
    let mut line = line.to_owned();
    for start in ["scratch-", "resolving-", "archive-", "tree-"] {
        let mut from = 0;
        while let Some(at) = line[from..].find(start).map(|at| from + at + start.len()) {
            let length = line[at..].find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(line.len() - at);
            if length == 6 {
                line.replace_range(at..at + length, "[RANDOM]");
            }
            from = at;
        }
    }
    line
}

/// The errors that are made in the sources and that nobody met, with what they say there.
fn not_met(said: &str) -> String {
    let mut page = String::new();
    for (file, text) in sources() {
        let mut shown: Vec<(usize, String)> = Vec::new();
        for failure in failures(&text) {
            // Every piece of the message between what is put into it.
            let literal = failure.text.split('"').nth(1).unwrap_or_default();
            let pieces = literal.split(['{', '}']).step_by(2).filter(|piece| piece.trim().len() > 3);
            let pieces: Vec<String> = pieces.map(|piece| piece.replace("\\\"", "\"")).collect();
            let is_met = !pieces.is_empty()
                && said.lines().any(|line| pieces.iter().all(|piece| line.contains(piece.as_str())));
            if is_met {
                continue;
            }
            let words: Vec<&str> = failure.text.split_whitespace().collect();
            let elsewhere = if failure.text.contains("help(") || failure.call.contains("bug(") {
                ""
            } else if failure.helps {
                " // its help is given where it is used"
            } else {
                " // its help is given by who calls"
            };
            shown.push((failure.line, format!("{}{elsewhere}\n", words.join(" "))));
        }
        shown.sort();
        if !shown.is_empty() {
            let calls: String = shown.into_iter().map(|(_, call)| call).collect();
            page.push_str(&format!("\n`src/{file}`:\n\n```rust\n{calls}```\n"));
        }
    }
    page
}

#[test]
fn every_error_reads_as_it_stands_in_the_docs() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let mut page = Page { sandbox: &sandbox, text: String::new(), said: String::new(), wrong: Vec::new() };
    command_line(&mut page);
    surroundings(&mut page);
    manifests(&mut page);
    locks(&mut page);
    environments(&mut page);
    choosing(&mut page);
    cargo_configuration(&mut page);
    builds(&mut page);
    python(&mut page);
    network(&mut page);
    assert!(page.wrong.is_empty(), "{}", page.wrong.join("\n\n"));
    let text = format!(
        "# Every error\n\nWritten by `tests/cli/errors.rs`, which provokes them: `ENVTOOL_TEST_UPDATE=1 cargo test --locked --test cli errors`\n\
         writes it anew. What differs from run to run stands in brackets.\n{}\n## Not provoked\n\n\
         Not here: these need a broken disk, a race, another system, a registry that wants a token, or a mistake of envtool\n\
         itself. Most have tests of their own. As they stand in the source:\n{}",
        page.text,
        not_met(&page.said)
    );
    let path = root().join("docs/errors.md");
    if std::env::var_os("ENVTOOL_TEST_UPDATE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    let differs = text.lines().zip(there.lines()).find(|(now, there)| now != there);
    assert!(
        text == there,
        "docs/errors.md is not what is said now; first at {differs:#?}\n(ENVTOOL_TEST_UPDATE=1 writes it anew)"
    );
}

fn publish(sandbox: &Sandbox) {
    let registry = sandbox.registry();
    for version in ["1.0.0", "1.1.0"] {
        registry.publish(&telling("alpha", version).feature("extra", &[]));
    }
    registry.publish(&telling("gone", "1.0.0"));
    registry.yank("gone", "1.0.0");
    registry.publish(&telling("later", "1.0.0").rust_version("1.999"));
    registry.publish(&telling("early", "1.0.0-rc.1"));
    registry.publish(&tool("tool", "1.0.0", "\"built\""));
    registry.publish(&tool("other", "1.0.0", "1").file("src/bin/tool.rs", "fn main() {}\n"));
    registry.publish(&bare("nothing", "1.0.0"));
    registry.publish(&krate("fresh", "1.0.0"));
    registry.publish(&bare("cargo", "1.0.0").file("src/main.rs", "fn main() {}\n"));
}

fn command_line(page: &mut Page<'_>) {
    page.section("The command line");
    let home = page.sandbox.home();
    let sandbox = page.sandbox;
    let one = page.project("command-line");
    one.envtool(&["init"]).ok();
    page.shows("no project", sandbox.envtool(&["sync"], &home));
    page.shows("a folder that is not there", sandbox.envtool(&["-C", "no/such", "list"], &home));
    page.shows("a filter that cannot be read", one.envtool(&["list"]).env("ENVTOOL_LOG", "envtool=loud"));
    page.shows("a time that is none", one.envtool(&["list"]).env("ENVTOOL_LOCK_TIMEOUT", "soon"));
    for (when, spec) in [
        ("a name that is none", "../alpha"),
        ("a version that is none", "alpha@one"),
        ("a registry that is not known", "gem:rails"),
        ("a Python version that is none", "pypi:mod@one"),
    ] {
        page.shows(when, one.envtool(&["add", spec]));
    }
    page.shows("twice the same", one.envtool(&["add", "alpha@1.0.0", "alpha@1.1.0"]));
    page.shows("twice the same of PyPI", one.envtool(&["add", "pypi:mod", "pypi:mod"]));
    page.shows("one requirement for two", one.envtool(&["add", "alpha", "tool", "--requirement", "1"]));
    page.shows("a flag for Cargo.toml without one", one.envtool(&["add", "alpha", "--dev"]));
    page.shows("a flag for crates with a module", one.envtool(&["add", "pypi:mod", "--features", "a"]));
    page.shows("a removal with a version", one.envtool(&["remove", "alpha@1.0.0"]));
    page.shows("a removal in a member where there is none", one.envtool(&["remove", "alpha", "-p", "a"]));
    page.shows("a removal of what is not pinned", one.envtool(&["remove", "alpha"]));
    page.shows("a check that is none", one.envtool(&["doctor", "--check", "weather"]));
    page.shows("nothing to take back", one.envtool(&["doctor", "--undo"]));
    page.shows("a command that nobody has", one.envtool(&["run", "--", "no-such-command"]));
    page.shows("a name that nobody has", one.envtool(&["which", "no-such-command"]));
    one.write("data.txt", "no program\n");
    page.shows("a file that is no program", one.envtool(&["run", "--", "./data.txt"]));
    one.write("script", "#!/no/such/interpreter\n");
    fs::set_permissions(one.path("script"), fs::Permissions::from_mode(0o755)).unwrap();
    page.shows("a script whose interpreter is gone", one.envtool(&["run", "--", "./script"]));
}

fn surroundings(page: &mut Page<'_>) {
    page.section("The machine");
    let sandbox = page.sandbox;
    let gone =
        ["/bin/sh", "-c", "mkdir gone; cd gone; rmdir ../gone; exec \"$0\" \"$@\""].map(OsString::from);
    page.shows(
        "a current folder that is gone",
        sandbox.envtool(&["list"], &sandbox.outside("here")).through(&gone),
    );
    let one = page.project("machine");
    one.app("alpha = \"1\"\n", "").lock();
    page.shows("no cargo", one.envtool(&["init"]).env("PATH", sandbox.empty()));
    one.envtool(&["init"]).ok();
    let no_home = |args: &[&str]| one.envtool(args).env("HOME", "relative").without("CARGO_HOME");
    page.shows("no place for the store", no_home(&["cache", "dir"]));
    page.shows(
        "no home for cargo",
        no_home(&["sync"]).env("ENVTOOL_CACHE_DIR", sandbox.outside("another-store")),
    );
    one.write("a-file", "");
    page.shows(
        "a store in a file",
        one.envtool(&["sync"]).env("ENVTOOL_CACHE_DIR", one.path("a-file/store")),
    );
    page.shows("cargo's home in the project", one.envtool(&["sync"]).env("CARGO_HOME", one.path(".cargo")));
    let folder = sandbox.program("cargo", "#!/bin/sh\necho hello\n");
    let two = page.project("no-cargo");
    two.app("alpha = \"1\"\n", "").write("envtool.toml", "");
    page.shows("a cargo that is none", two.envtool(&["sync"]).env("PATH", sandbox.path_after(&folder)));
}

fn manifests(page: &mut Page<'_>) {
    page.section("Manifests");
    let one = page.project("manifests");
    for (when, text) in [
        ("no TOML", "[env]\nisolate = = true\n"),
        ("an unknown key", "[env]\n\nisolat = true\n"),
        ("another kind of value", "[env]\nisolate = 3\n"),
        ("a mirror with a password", "[env]\nmirror = \"http://me:pa55@mirror.invalid\"\n"),
        ("a name that is a path", "[crates]\n\"../x\" = \"1.0.0\"\n"),
        ("a version that is not exact", "[crates]\nalpha = \"1\"\n"),
        ("a tool of a registry that is not known", "[tools]\n\"gem:rails\" = \"1.0.0\"\n"),
    ] {
        one.write("envtool.toml", text);
        page.shows(when, one.envtool(&["sync"]));
    }
    fs::write(one.path("envtool.toml"), b"# \xff\n").unwrap();
    page.shows("a manifest that is not UTF-8", one.envtool(&["sync"]));

    let two = page.project("cargo-manifests");
    two.app("", "").write("envtool.toml", "[crates]\nalpha = \"1.0.0\"\n");
    page.shows("crates beside a Cargo.toml", two.envtool(&["sync"]));
    two.write("envtool.toml", "");
    two.envtool(&["sync"]).ok();
    two.write(
        "Cargo.toml",
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\n\n[dependencies]\nalpha = { path = \"x\" }\n",
    );
    two.write("x/Cargo.toml", "[package]\nname = \"alpha\"\nversion = \"9.0.0\"\n").write("x/src/lib.rs", "");
    page.shows("a dependency that comes from a folder", two.envtool(&["add", "alpha"]));

    let three = page.project("workspace");
    three.write("Cargo.toml", "[workspace]\nmembers = [\"a\", \"b\"]\nresolver = \"2\"\n");
    for name in ["a", "b"] {
        let manifest = format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\n[dependencies]\n");
        three.write(&format!("{name}/Cargo.toml"), &manifest).write(&format!("{name}/src/lib.rs"), "");
    }
    three.envtool(&["init"]).ok();
    page.shows("a workspace where nobody says which member", three.envtool(&["add", "alpha"]));
    page.shows("a member that is none", three.envtool(&["add", "alpha", "-p", "c"]));
    three.write(
        "a/Cargo.toml",
        "[package]\nname = \"a\"\nversion = \"0.1.0\"\n[dependencies]\nalpha.workspace = true\n",
    );
    page.shows("a Cargo.toml that cargo refuses", three.envtool(&["add", "alpha", "-p", "a"]));

    three.write("a/Cargo.toml", "[package]\nname = \"a\"\nversion = \"0.1.0\"\n").write("a/envtool.toml", "");
    page.shows("a member of a workspace", three.envtool(&["sync"]).in_dir(&three.path("a")));

    let four = page.project("above");
    four.envtool(&["init"]).ok();
    four.write("below/Cargo.toml", "[package]\nname = \"below\"\nversion = \"0.1.0\"\n")
        .write("below/src/lib.rs", "");
    four.write("below/Cargo.lock", "version = 4\n");
    page.shows("a cargo project below that would be cut off", four.envtool(&["add", "alpha"]));
}

fn locks(page: &mut Page<'_>) {
    page.section("Locks");
    let one = page.project("envtool-lock");
    one.write("envtool.toml", "[crates]\nalpha = \"1.0.0\"\n");
    page.shows("a lock that would change", one.envtool(&["sync", "--locked"]));
    one.set_up();
    let lock = one.read("envtool.lock");
    for (when, text) in [
        ("a conflict in it", format!("<<<<<<< HEAD\n{lock}=======\n{lock}>>>>>>> theirs\n")),
        ("one that is cut off", lock[..lock.len() / 2].to_owned()),
        ("one of a newer envtool", lock.replace("version = 1\n", "version = 99\n")),
        ("another checksum", lock.replace(&sum(&lock), &"0".repeat(64))),
    ] {
        one.write("envtool.lock", &text);
        fs::remove_dir_all(one.path(".envtool")).ok();
        page.shows(when, one.envtool(&["sync"]));
    }
    let two = page.project("cargo-lock");
    two.app("alpha = \"=1.0.0\"\n", "").lock();
    two.envtool(&["init"]).ok();
    let lock = two.read("Cargo.lock");
    for (when, text) in [
        ("a conflict in Cargo.lock", format!("<<<<<<< HEAD\n{lock}=======\n>>>>>>> theirs\n")),
        ("a Cargo.lock that is empty", String::new()),
        ("a Cargo.lock that is newer than envtool", lock.replace("version = 4", "version = 99")),
        ("a name in it that is a path", lock.replace("name = \"alpha\"", "name = \"../alpha\"")),
    ] {
        two.write("Cargo.lock", &text);
        page.shows(when, two.envtool(&["sync"]));
    }
    two.write("Cargo.lock", &lock);
    two.app("alpha = \"=1.1.0\"\n", "");
    page.shows("a Cargo.lock that would change", two.envtool(&["sync", "--locked"]));
}

/// The first checksum in a lock.
fn sum(lock: &str) -> String {
    lock.split('"')
        .find(|word| word.len() == 64)
        .map_or_else(|| lock.split("sha256:").nth(1).unwrap()[..64].to_owned(), str::to_owned)
}

fn environments(page: &mut Page<'_>) {
    page.section("The environment");
    let one = page.project("environment");
    one.write("envtool.toml", "[tools]\ntool = \"1.0.0\"\n[crates]\nalpha = \"1.0.0\"\n");
    page.shows("none yet", one.envtool(&["list"]));
    one.set_up();
    let env = one.read(".envtool/env.toml");
    one.write(".envtool/env.toml", &env.replace("format = 1", "format = 99"));
    page.shows("one of a newer envtool", one.envtool(&["sync"]));
    one.write(".envtool/env.toml", "format\n");
    page.shows("an env.toml that is no TOML", one.envtool(&["sync"]));
    fs::remove_file(one.path(".envtool/env.toml")).unwrap();
    page.shows("a folder that is no environment", one.envtool(&["sync"]));
    one.write(".envtool/env.toml", &env);
    one.write(".envtool/journal/sync.json", "{}");
    page.shows("a journal that nobody can read", one.envtool(&["sync"]));
    fs::remove_file(one.path(".envtool/journal/sync.json")).unwrap();
    one.write(".envtool/journal/undo.json", "half");
    page.shows("one of a change of Cargo.toml", one.envtool(&["remove", "alpha"]));
    fs::remove_file(one.path(".envtool/journal/undo.json")).unwrap();
    let file = one.path(".envtool/bin/tool");
    let target = fs::read_link(&file).unwrap();
    fs::remove_file(&file).unwrap();
    symlink(target.with_file_name("lost"), &file).unwrap();
    page.shows("an executable that is gone from the store", one.envtool(&["run", "--", "tool"]));

    let two = page.project("in-the-way");
    two.envtool(&["init"]).ok();
    two.write(".envtool/bin/tool", "mine");
    page.shows("a file of somebody else's in the way of a tool", two.envtool(&["add", "tool"]));
    two.write(".envtool/vendor/alpha-1.0.0/mine", "");
    page.shows("one in the way of a crate", two.envtool(&["add", "alpha@1.0.0"]));
    let four = page.project("a-file");
    four.write(".envtool", "").write("envtool.toml", "");
    page.shows("an environment that is a file", four.envtool(&["sync"]));
}

fn choosing(page: &mut Page<'_>) {
    page.section("Choosing a release");
    let one = page.project("choosing");
    one.envtool(&["init"]).ok();
    for (when, args) in [
        ("a package that is not there", &["add", "nosuch"][..]),
        ("a name that is nearly right", &["add", "alpah"]),
        ("a version that is not there", &["add", "alpha@1.0.7"]),
        ("a requirement that nothing matches", &["add", "alpha@^9"]),
        ("a yanked version", &["add", "gone@1.0.0"]),
        ("nothing but yanked versions", &["add", "gone"]),
        ("one that wants a newer Rust", &["add", "later"]),
        ("nothing but pre-releases", &["add", "early"]),
        ("a feature that is not there", &["add", "alpha", "--features", "extre"]),
        ("neither a library nor an executable", &["add", "nothing"]),
        ("a library where a tool is asked for", &["add", "--tool", "alpha"]),
        ("a tool where a library is asked for", &["add", "--lib", "tool"]),
        ("an executable that it does not have", &["add", "tool", "--bin", "toll"]),
        ("an executable that belongs to somebody else", &["add", "--tool", "cargo"]),
        ("two tools with one executable", &["add", "tool", "other"]),
        ("what is not in the store, offline", &["add", "fresh", "--offline"]),
    ] {
        page.shows(when, one.envtool(args));
    }
}

fn cargo_configuration(page: &mut Page<'_>) {
    page.section("cargo's configuration");
    let sandbox = page.sandbox;
    let one = page.project("configuration");
    one.app("alpha = \"1\"\n", "").lock();
    one.envtool(&["init"]).ok();
    let own = one.read(".cargo/config.toml");
    for (when, more) in [
        ("no TOML", "[net\n"),
        ("a value of another kind", "[net]\nretry = \"often\"\n"),
        ("a file that is not there", "include = [\"none.toml\"]\n"),
        ("a name that cargo does not include", "include = [\"*.toml\"]\n"),
        (
            "a source that is replaced by itself",
            "[source.crates-io]\nreplace-with = \"a\"\n[source.a]\nreplace-with = \"crates-io\"\n",
        ),
        ("a source that is nowhere", "[source.crates-io]\nreplace-with = \"nowhere\"\n"),
        (
            "a source that is two things",
            "[source.two]\ndirectory = \"a\"\nregistry = \"sparse+http://localhost/\"\n",
        ),
        (
            "what `cargo vendor` left",
            "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"vendor\"\n",
        ),
    ] {
        one.write(
            ".cargo/config.toml",
            &if more.starts_with("include") { more.to_owned() } else { format!("{own}\n{more}") },
        );
        page.shows(when, one.envtool(&["sync"]));
    }
    one.write(".cargo/config.toml", &own);
    sandbox.configure_cargo("[registries.private]\nindex = \"sparse+http://127.0.0.1:1/\"\n");
    one.write("Cargo.toml", "[package]\nname = \"app\"\nversion = \"0.1.0\"\n\n[dependencies]\ninside = { version = \"1\", registry = \"elsewhere\" }\n");
    page.shows("a registry that the configuration does not know", one.envtool(&["sync"]));
    sandbox.configure_cargo("");
}

fn builds(page: &mut Page<'_>) {
    page.section("Builds");
    let sandbox = page.sandbox;
    let script = "fn main() { eprintln!(\"no wind today\"); std::process::exit(1); }";
    let registry = sandbox.registry();
    registry.publish(&bare("broken", "1.0.0").build_script(script).file("src/main.rs", "fn main() {}\n"));
    registry.publish(&bare("optional", "1.0.0").feature("cli", &[]).file("src/lib.rs", ""));
    drop(registry);
    let one = page.project("builds");
    one.envtool(&["init"]).ok();
    page.shows("a build that fails", one.envtool(&["add", "broken"]));
    page.shows("a compiler that is not there", one.envtool(&["add", "tool"]).env("RUSTC", "/no/such/rustc"));
    let two = page.project("toolchain");
    two.write("envtool.toml", "[tools]\ntool = { version = \"1.0.0\", toolchain = \"0.0.1\" }\n");
    two.envtool(&["init"]).ok();
    if sandbox.has_program("rustup") {
        let only_cargo = sandbox
            .program("cargo", &format!("#!/bin/sh\nexec {} \"$@\"\n", sandbox.which("cargo").display()));
        let path = std::env::join_paths([only_cargo, "/usr/bin".into(), "/bin".into()]).unwrap();
        page.shows("a toolchain without rustup", two.envtool(&["sync"]).env("PATH", path));
    }
}

fn python(page: &mut Page<'_>) {
    page.section("Python");
    let sandbox = page.sandbox;
    sandbox.pypi().publish(&saying("mod", "1.0"));
    let one = page.project("python");
    one.envtool(&["init"]).ok();
    page.shows("a module that is not there", one.envtool(&["add", "pypi:nosuch"]));
    page.shows("a version that is not there", one.envtool(&["add", "pypi:mod@9.0"]));
    page.shows("a module where a tool is asked for", one.envtool(&["add", "--tool", "pypi:mod"]));
    page.shows("a uv that is not there", one.envtool(&["add", "pypi:mod"]).env("ENVTOOL_UV", "/no/such/uv"));
    let no_uv = sandbox.program("no-uv", "#!/bin/sh\necho uv 0.1.0\n").join("no-uv");
    page.shows("a uv that was not tried", one.envtool(&["add", "pypi:mod"]).env("ENVTOOL_UV", &no_uv));
    sandbox.configure_pip("[global]\nno-index = perhaps\n");
    page.shows("a pip.conf that makes no sense", one.envtool(&["add", "pypi:mod"]));
    sandbox.configure_pip(&format!("[global]\nindex-url = {}\n", sandbox.pypi().index()));
    one.write("envtool.toml", "[modules]\nmod = \"1.0\"\n");
    page.shows("no Python", one.envtool(&["sync"]).env("PATH", sandbox.empty()));
}

fn network(page: &mut Page<'_>) {
    page.section("The network");
    let sandbox = page.sandbox;
    sandbox.configure_cargo("[net]\nretry = 0\n");
    let one = page.project("network");
    one.write("envtool.toml", "[crates]\nalpha = \"1.0.0\"\n");
    let store = |name: &str| sandbox.outside(&format!("store-{name}"));
    one.set_up();
    for (when, name, path, fault) in [
        ("a registry that is busy", "busy", "/dl/alpha/", Fault::Status(503)),
        ("one that refuses", "refuses", "/dl/alpha/", Fault::Status(403)),
        ("an archive that is gone", "absent", "/dl/alpha/", Fault::Status(404)),
        ("an archive that is another", "another", "/dl/alpha/", Fault::Body(gzip(b"another"))),
        ("an answer that is none", "none", "/index/config.json", Fault::Body(b"<html>".to_vec())),
        ("no index", "index", "/index/config.json", Fault::Status(404)),
        (
            "a redirect that leads round",
            "round",
            "/dl/alpha/",
            Fault::Redirect("/dl/alpha/1.0.0/download".to_owned()),
        ),
    ] {
        sandbox.registry().fault(path, fault);
        page.shows(when, one.envtool(&["sync"]).env("ENVTOOL_CACHE_DIR", store(name)));
        sandbox.registry().mend();
    }
    for (when, file) in
        [("certificates that are not there", "none.pem"), ("certificates that are none", "envtool.toml")]
    {
        let call = one.envtool(&["sync"]).env("SSL_CERT_FILE", one.path(file));
        page.shows(when, call.env("ENVTOOL_CACHE_DIR", store("certificates")));
    }
    sandbox.registry().publish(&krate("evil", "1.0.0").entry(
        "../../outside",
        tar::EntryType::Regular,
        "",
        0o644,
        "x",
    ));
    page.shows("an archive that writes outside", one.envtool(&["add", "evil"]));
    page.shows(
        "no network and an empty store",
        one.envtool(&["sync", "--offline"]).env("ENVTOOL_CACHE_DIR", store("offline")),
    );
    let mirror = Registry::start();
    let url = mirror.url();
    mirror.require_token("s3cret");
    let add = || one.envtool(&["add", "beta"]).env("ENVTOOL_MIRROR", &url);
    page.shows("a mirror that wants a token", add());
    page.shows("a mirror's token that is none", add().env("ENVTOOL_MIRROR_TOKEN", "Bearer x"));
    let named = page.project("named");
    named.write("envtool.toml", &format!("[env]\nmirror = \"{url}\"\n"));
    page.shows("a token for a mirror that a project alone names", named.envtool(&["add", "beta"]));
    drop(mirror);
    page.shows("a mirror that is down", add());
    page.shows("a project's mirror that is down", named.envtool(&["add", "beta"]));
    page.shows("a mirror that is none", one.envtool(&["add", "beta"]).env("ENVTOOL_MIRROR", "mirror:7878"));
    sandbox.cut_network();
    page.shows("nobody answers", one.envtool(&["sync"]).env("ENVTOOL_CACHE_DIR", store("cut")));
}
