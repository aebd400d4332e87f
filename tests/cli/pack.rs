//! `pack` and `unpack`: an environment in one file, on a machine that has nothing else. `pack_hostile.rs` has the packs
//! that were made to do harm.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::crates::sha256;
use crate::support::packs::Pack;
use crate::support::tools::{names, project, says, tool, was_built};
use crate::support::{Call, Dep, GitRepo, Project, Sandbox, fingerprint, saying, telling, wheel};

/// Another machine: its own home, home of cargo and store, and the sandbox's programs.
pub(crate) struct Machine<'a> {
    sandbox: &'a Sandbox,
    home: PathBuf,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(sandbox: &'a Sandbox, name: &str) -> Self {
        Self { sandbox, home: sandbox.outside(name) }
    }

    /// A call of envtool there.
    pub(crate) fn envtool(&self, args: &[&str], dir: &Path) -> Call<'a> {
        self.at_home(self.sandbox.envtool(args, dir))
    }

    fn at_home(&self, call: Call<'a>) -> Call<'a> {
        call.env("HOME", &self.home).env("CARGO_HOME", self.home.join("cargo")).without("ENVTOOL_UV")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.home.join(".cache/envtool/v1")
    }

    /// A folder there with what a checkout of `project` holds.
    pub(crate) fn checkout(&self, project: &Project<'_>) -> PathBuf {
        let to = self.home.join("app");
        copy(project.dir(), &to);
        to
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name == ".envtool" || name == "target" {
            continue;
        }
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(name)),
            false => drop(fs::copy(entry.path(), to.join(name)).unwrap()),
        }
    }
}

/// The digest that `pack` printed for the user to hand on.
fn printed(stderr: &str) -> String {
    stderr.split("--sha256 ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned()
}

/// A tool that needs a crate, with the lock that it ships.
fn publish_tool(sandbox: &Sandbox) {
    sandbox.registry().publish(&telling("dep", "1.0.0"));
    sandbox.registry().publish(&tool("tool", "1.0.0", "dep::id()").dep(Dep::new("dep", "^1")));
}

#[test]
fn everything_that_an_environment_needs_goes_over_in_one_file() {
    let sandbox = Sandbox::new();
    publish_tool(&sandbox);
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    let repo = GitRepo::new(&sandbox, "beta");
    repo.telling("", "beta", "beta from git").commit("first");
    let pypi = sandbox.pypi();
    pypi.publish(
        &saying("requests", "2.32.3")
            .module("requests_cli", "import requests, idna\ndef main(): print(requests.ID, idna.ID)\n")
            .requires("idna>=2")
            .entry_point("requests", "requests_cli:main"),
    );
    pypi.publish(&saying("idna", "3.10"));
    pypi.publish_uv();
    drop(pypi);
    let project = sandbox.project("app");
    project.app(
        &format!("alpha = \"1\"\nbeta = {{ git = {:?} }}\n", repo.url()),
        "println!(\"{} {}\", alpha::id(), beta::id());",
    );
    project.lock();
    project.write("envtool.toml", "[tools]\ntool = \"1.0.0\"\n[modules]\nrequests = \"2.32.3\"\n");
    project.set_up();

    // The same bytes each time; what was there is replaced as a whole.
    let pack = project.path("env.tar.zst");
    fs::write(&pack, "old").unwrap();
    let packed = project.envtool(&["pack", "env.tar.zst"]).ok();
    packed.says(&["Packed 3 crates, 1 crate from git, 2 wheels, 1 executable, uv: env.tar.zst"]);
    let first = fs::read(&pack).unwrap();
    let digest = printed(&packed.stderr);
    assert_eq!(digest, sha256(&first));
    project.envtool(&["pack", "again.tar.zst", "--offline"]).ok();
    assert!(fs::read(project.path("again.tar.zst")).unwrap() == first, "two packs differ");
    fs::remove_file(project.path("again.tar.zst")).unwrap();
    assert!(!names(project.dir()).iter().any(|name| name.starts_with(".envtool-")), "something is left");

    // Elsewhere, with no network. Nothing but its commit says what a crate from git is: the pack has to be vouched for.
    sandbox.cut_network();
    fs::rename(repo.dir(), repo.dir().with_extension("gone")).unwrap();
    let there = Machine::new(&sandbox, "there");
    let app = there.checkout(&project);
    let pack = pack.to_str().unwrap();
    let before = fingerprint(&app, &[]);
    there.envtool(&["unpack", pack], &app).refused(1).says(&["beta 0.1.0", "comes from git", "--sha256"]);
    let wrong = digest.replace(|c: char| c.is_ascii_digit(), "0");
    let refused = there.envtool(&["unpack", pack, "--sha256", &wrong], &app).refused(1);
    refused.says(&["refused the pack", &digest, &wrong]);
    assert_eq!(fingerprint(&app, &[]), before);
    for bucket in ["archives", "trees", "adopted", "tmp"] {
        assert_eq!(names(&there.store().join(bucket)), Vec::<String>::new(), "{bucket}");
    }

    let unpacked = there.envtool(&["unpack", pack, "--sha256", &digest], &app).ok();
    unpacked.says(&["Took tool 1.0.0 as it was built from the pack: tool", "Installed 2 modules"]);
    assert!(!unpacked.stderr.contains("this machine"), "{unpacked}");
    let run = |args: &[&str]| {
        let words = [&["run", "--"], args].concat();
        there.envtool(&words, &app).ok().stdout.trim_end().to_owned()
    };
    assert_eq!(run(&["cargo", "run", "--quiet", "--offline", "--locked"]), "alpha 1.0.0 beta from git");
    assert_eq!(run(&["tool"]), "dep 1.0.0");
    assert_eq!(run(&["requests"]), "requests 2.32.3 idna 3.10");
    assert_eq!(run(&["python", "-c", "import idna; print(idna.ID)"]), "idna 3.10");
    // What was built elsewhere is this environment's alone: nobody finds it by the key of what it is said to be.
    assert_eq!(names(&there.store().join("built")), Vec::<String>::new());
    there.envtool(&["sync"], &app).ok().says(&["nothing to do"]);
    there.envtool(&["doctor"], &app).ok().says(&["nothing is wrong"]);
    there.envtool(&["unpack", pack, "--sha256", &digest], &app).ok().says(&["nothing to do"]);
    // A venv that has to be made anew is made from what came with the pack.
    fs::remove_dir_all(app.join(".envtool/python")).unwrap();
    fs::remove_dir_all(there.store().join("python/cache")).unwrap();
    there.envtool(&["sync", "--offline"], &app).ok();
    assert_eq!(run(&["requests"]), "requests 2.32.3 idna 3.10");

    // A project that has moved on since.
    let lock = app.join("envtool.lock");
    let text = fs::read_to_string(&lock).unwrap();
    fs::write(&lock, text.replace("\"3.10\"", "\"3.9\"")).unwrap();
    let refused = there.envtool(&["unpack", pack, "--sha256", &digest], &app).refused(1);
    refused.says(&["envtool.lock of the pack has idna 3.10", "idna 3.9"]);
}

/// A project of pins, packed: the pack, and the digest that was printed.
fn pinned(sandbox: &Sandbox) -> (Project<'_>, PathBuf, String) {
    publish_tool(sandbox);
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    let project = project(sandbox, "pins", "tool = \"1.0.0\"\n[crates]\nalpha = \"1.0.0\"\n");
    project.envtool(&["sync"]).ok();
    let packed = project.envtool(&["pack", "env.tar.zst"]).ok();
    let pack = sandbox.outside("stick").join("env.tar.zst");
    fs::rename(project.path("env.tar.zst"), &pack).unwrap();
    (project, pack, printed(&packed.stderr))
}

#[test]
fn a_project_of_pins_comes_out_of_its_pack_whole_where_nothing_is() {
    let sandbox = Sandbox::new();
    let (project, pack, digest) = pinned(&sandbox);
    let text = project.read("envtool.toml");
    // From another place and another store: the same bytes, and no path of a machine among them.
    let moved = sandbox.project("elsewhere/moved");
    for file in ["envtool.toml", "envtool.lock"] {
        moved.write(file, &project.read(file));
    }
    let other = sandbox.outside("other-store");
    moved.envtool(&["sync"]).env("ENVTOOL_CACHE_DIR", &other).ok();
    let json = moved.envtool(&["pack", "env.tar.zst", "--json"]).env("ENVTOOL_CACHE_DIR", &other).ok();
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["crates"], &json["executables"], &json["git"]), (&3.into(), &1.into(), &0.into()));
    assert_eq!(json["sha256"], format!("sha256:{digest}"));
    let read = Pack::read(&pack);
    let root = sandbox.home().parent().unwrap().to_str().unwrap().to_owned();
    let whole = [read.list.to_string().into_bytes(), read.files.concat_bytes()].concat();
    assert!(!whole.windows(root.len()).any(|window| window == root.as_bytes()), "it holds {root}");
    let [row] = read.rows("executable")[..] else { panic!("one executable") };
    assert!(row["rustc"].as_str().unwrap().starts_with("rustc "), "{row}");
    assert_eq!(row["platform"], read.list["platform"]);

    // Where nothing is that vouches for it, nothing is made.
    sandbox.cut_network();
    let there = Machine::new(&sandbox, "there");
    let home = sandbox.outside("there");
    let (pack, dir) = (pack.to_str().unwrap(), home.join("new"));
    let refused = there.envtool(&["unpack", pack, "new"], &home).refused(1);
    refused.says(&["no envtool.toml, no envtool.lock there that would vouch", "--sha256"]);
    assert!(!dir.exists());

    // A machine without cargo, and with nothing else than this program.
    let words = ["unpack", pack, "new", "--sha256", &digest];
    let call = || there.envtool(&words, &home).env("PATH", sandbox.empty());
    call().ok().says(&["Wrote", "envtool.toml", "Took tool 1.0.0 as it was built from the pack"]);
    assert_eq!(fs::read_to_string(dir.join("envtool.toml")).unwrap(), text);
    let said = there.envtool(&["run", "--", "tool"], &dir).env("PATH", sandbox.empty()).ok();
    assert_eq!(said.stdout, "dep 1.0.0\n");
    // A cargo project below it builds against the crates.
    let below = dir.join("below");
    copy(project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").dir(), &below);
    for file in ["envtool.toml", "envtool.lock"] {
        fs::remove_file(below.join(file)).unwrap();
    }
    let built = there.envtool(&["run", "--", "cargo", "run", "--quiet", "--offline"], &below).ok();
    assert_eq!(built.stdout, "alpha 1.0.0\n");
    call().ok().says(&["nothing to do"]);

    // A sync that fails leaves nothing.
    let cut = sandbox.outside("there").join("cut");
    let mut broken = Pack::read(Path::new(pack));
    let rows = broken.list["files"].as_array_mut().unwrap();
    let at = rows.iter().position(|row| row["name"] == "alpha").unwrap();
    rows.remove(at);
    broken.files.remove(at);
    let path = sandbox.outside("stick").join("broken.tar.zst");
    fs::write(&path, broken.bytes()).unwrap();
    let last = Machine::new(&sandbox, "last");
    let digest = sha256(&broken.bytes());
    let words = ["unpack", path.to_str().unwrap(), cut.to_str().unwrap(), "--sha256", &digest];
    last.envtool(&words, &home).refused(1).says(&["could not make the environment from the pack"]);
    assert!(!cut.exists(), "{:?}", names(&cut));
}

trait ConcatBytes {
    fn concat_bytes(&self) -> Vec<u8>;
}

impl ConcatBytes for Vec<(String, Vec<u8>)> {
    /// The bytes of all files, archives unpacked no further.
    fn concat_bytes(&self) -> Vec<u8> {
        self.iter().flat_map(|(_, bytes)| bytes.clone()).collect()
    }
}

#[test]
fn what_nobody_vouches_for_is_built_from_its_source_and_never_serves_another_project() {
    let sandbox = Sandbox::new();
    let (project, pack, _) = pinned(&sandbox);
    sandbox.cut_network();
    // Another executable under the right key, and a list that agrees.
    let mut evil = Pack::read(&pack);
    let path = evil.rows("executable")[0]["path"].as_str().unwrap().to_owned();
    evil.replace(&path, b"#!/bin/sh\necho owned\n");
    let (bytes, path) = (evil.bytes(), sandbox.outside("stick").join("evil.tar.zst"));
    fs::write(&path, &bytes).unwrap();
    let (evil, digest) = (path.to_str().unwrap(), sha256(&bytes));

    let there = Machine::new(&sandbox, "there");
    let app = there.checkout(&project);
    let unpacked = there.envtool(&["unpack", evil], &app).ok();
    unpacked.says(&["no lock vouches for what was built: tool 1.0.0", "--sha256"]);
    was_built(&unpacked, "tool 1.0.0");
    let tool = |dir: &Path| there.envtool(&["run", "--", "tool"], dir).ok().stdout;
    assert_eq!(tool(&app), "dep 1.0.0\n");
    assert_eq!(names(&there.store().join("adopted")), Vec::<String>::new());

    // Who vouches for it has it in this one environment; the next project builds its own.
    let there = Machine::new(&sandbox, "trusting");
    let app = there.checkout(&project);
    there.envtool(&["unpack", evil, "--sha256", &digest], &app).ok();
    let tool = |dir: &Path| there.envtool(&["run", "--", "tool"], dir).ok().stdout;
    assert_eq!(tool(&app), "owned\n");
    let second = sandbox.outside("trusting").join("second");
    copy(project.dir(), &second);
    was_built(&there.envtool(&["sync", "--frozen"], &second).ok(), "tool 1.0.0");
    assert_eq!(tool(&second), "dep 1.0.0\n");
    let one_off = there.envtool(&["exec", "--offline", "tool"], &second).ok();
    assert_eq!(one_off.stdout, "dep 1.0.0\n");
}

#[test]
fn a_pack_from_another_platform_says_what_serves_here() {
    let sandbox = Sandbox::new();
    publish_tool(&sandbox);
    let pypi = sandbox.pypi();
    let tags = ["cp39-abi3-win_amd64", "py3-none-manylinux_2_17_x86_64.manylinux_2_17_aarch64"];
    for tag in tags {
        pypi.publish(&saying("native", "1.0").tag(tag));
    }
    pypi.publish(&saying("plain", "1.0").requires("only-there ; sys_platform == 'win32'"));
    pypi.publish(&wheel("only-there", "1.0").module("only_there", ""));
    drop(pypi);
    let text = "tool = \"1.0.0\"\n[modules]\nnative = \"1.0\"\nplain = \"1.0\"\n";
    let project = project(&sandbox, "app", text);
    project.envtool(&["sync"]).ok();
    let wheels = |name: &str| -> Vec<String> {
        let pack = Pack::read(&project.path(name));
        let files = pack.rows("wheel").into_iter().map(|row| row["file"].as_str().unwrap().to_owned());
        let mut files: Vec<String> = files.collect();
        files.sort();
        files
    };
    // The index has no uv: what is missing is said, and the rest is packed.
    project.envtool(&["pack", "here.zst"]).ok().says(&["uv is not in the pack"]);
    assert_eq!(
        wheels("here.zst"),
        [format!("native-1.0-{}.whl", tags[1]), "plain-1.0-py3-none-any.whl".into()]
    );
    project.envtool(&["pack", "all.zst", "--all-platforms"]).ok();
    assert_eq!(wheels("all.zst").len(), 4, "{:?}", wheels("all.zst"));

    sandbox.cut_network();
    let mut pack = Pack::read(&project.path("here.zst"));
    pack.list["platform"] = "riscv64-plan9".into();
    let path = sandbox.outside("stick").join("other.zst");
    fs::write(&path, pack.bytes()).unwrap();
    let there = Machine::new(&sandbox, "there");
    let app = there.checkout(&project);
    let call = || {
        let uv = crate::support::uv_for_tests();
        there.envtool(&["unpack", path.to_str().unwrap()], &app).env("ENVTOOL_UV", uv)
    };
    let unpacked = call().ok();
    unpacked.says(&["the pack was made on riscv64-", "crates serve everywhere", "not used: tool 1.0.0"]);
    was_built(&unpacked, "tool 1.0.0");
    let said = there.envtool(&["run", "--", "python", "-c", "import native; print(native.ID)"], &app).ok();
    assert_eq!(said.stdout, "native 1.0\n");

    // Wheels for Windows alone: the error says where the pack comes from.
    let mut pack = Pack::read(&project.path("all.zst"));
    pack.list["platform"] = "x86_64-windows".into();
    let at = pack.files.iter().position(|(name, _)| name.contains("manylinux")).unwrap();
    pack.files.remove(at);
    pack.list["files"].as_array_mut().unwrap().remove(at);
    fs::write(&path, pack.bytes()).unwrap();
    let there = Machine::new(&sandbox, "last");
    let app = there.checkout(&project);
    let uv = crate::support::uv_for_tests();
    let refused = there.envtool(&["unpack", path.to_str().unwrap()], &app).env("ENVTOOL_UV", uv).refused(1);
    refused.says(&["native", "made on x86_64-windows"]);
}

#[test]
fn what_cannot_be_packed_or_unpacked_is_said() {
    let sandbox = Sandbox::new();
    let (project, pack, digest) = pinned(&sandbox);
    let call = |args: &[&str]| project.envtool(args);
    call(&["pack", "-"]).refused(2).says(&["standard output"]);
    call(&["unpack", "-"]).refused(2).says(&["standard input"]);
    call(&["unpack", "absent.zst"]).refused(1).says(&["there is no pack", "absent.zst"]);
    call(&["unpack", "x.zst", "--sha256", "abc"]).run().says(&["--sha256"]);
    call(&["pack", "."]).refused(1).says(&["it is a folder"]);
    call(&["unpack", "."]).refused(1).says(&["it is a folder"]);
    // A pipe or a device is not replaced, a file behind a link is.
    let fifo = project.path("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    std::os::unix::fs::symlink("fifo", project.path("link")).unwrap();
    call(&["pack", "fifo"]).refused(1).says(&["a device or a pipe"]);
    call(&["pack", "link"]).refused(1).says(&["leads to no file"]);
    call(&["unpack", "fifo"]).refused(1).says(&["it is a pipe"]);
    for name in ["fifo", "link"] {
        fs::remove_file(project.path(name)).unwrap();
    }
    project.write("real.zst", "old");
    std::os::unix::fs::symlink("real.zst", project.path("link")).unwrap();
    call(&["pack", "link"]).ok();
    assert_eq!(sha256(&fs::read(project.path("real.zst")).unwrap()), digest);
    assert!(project.path("link").is_symlink());
    call(&["pack", "no/such/folder.zst"]).refused(1).says(&["no/such/folder.zst"]);
    let nowhere = sandbox.outside("nowhere");
    sandbox.envtool(&["pack", "x.zst"], &nowhere).refused(1).says(&["belongs to no project"]);
    call(&["unpack", pack.to_str().unwrap(), "envtool.toml"]).refused(1).says(&["it is not a folder"]);
    if let Some(stranger) = sandbox.as_stranger() {
        fs::create_dir(nowhere.join("closed")).unwrap();
        fs::set_permissions(nowhere.join("closed"), std::os::unix::fs::PermissionsExt::from_mode(0o555))
            .unwrap();
        let path = nowhere.join("closed/x.zst");
        call(&["pack", path.to_str().unwrap()]).through(&stranger).refused(1).says(&["closed/x.zst"]);
    }
    // Of another kind of project.
    let app = sandbox.project("cargo");
    app.app("", "").lock();
    let refused = app.envtool(&["unpack", pack.to_str().unwrap(), "--sha256", &digest]).refused(1);
    refused.says(&["without a Cargo.toml, and there is one"]);
    app.set_up();
    app.envtool(&["pack", "env.zst"]).ok().says(&["Packed nothing but the manifest"]);
    let from = app.path("env.zst");
    let refused = sandbox.envtool(&["unpack", from.to_str().unwrap(), "--sha256", &digest], &nowhere);
    refused.refused(1).says(&["whose sources are not in it"]);
    // Of the same project, whose manifest is another by now: nobody gave `--locked`, so nobody is told to leave it out.
    let drifted = sandbox.project("drifted");
    drifted.app("alpha = \"1\"\n", "");
    let digest_of_it = sha256(&fs::read(&from).unwrap());
    let refused = drifted.envtool(&["unpack", from.to_str().unwrap(), "--sha256", &digest_of_it]).refused(1);
    refused.says(&["help: bring the project here as it was packed"]);
    assert!(!refused.stderr.contains("run it again without"), "{}", refused.stderr);

    // What was changed in the store, or is gone from it, is fetched once more; without a network it is said.
    let archives = sandbox.store().join("v1/archives");
    let archive = archives.join(&names(&archives)[0]);
    let bytes = fs::read(&archive).unwrap();
    let mut other = bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    for damage in [Some(other), Some(bytes[..9].to_vec()), None] {
        match &damage {
            Some(bytes) => fs::write(&archive, bytes).unwrap(),
            None => fs::remove_file(&archive).unwrap(),
        }
        call(&["pack", "x.zst", "--offline"]).refused(1).says(&["the store lacks", "--offline"]);
        assert!(!project.has("x.zst"));
        call(&["pack", "x.zst"]).ok();
        assert_eq!(sha256(&fs::read(project.path("x.zst")).unwrap()), digest, "it is what it was");
        fs::remove_file(project.path("x.zst")).unwrap();
    }
    let built = sandbox.store().join("v1/built");
    let executable = built.join(&names(&built)[0]).join("bin/tool");
    let (bytes, mode) = (fs::read(&executable).unwrap(), fs::metadata(&executable).unwrap().permissions());
    fs::remove_file(&executable).unwrap();
    fs::write(&executable, [&bytes[..], b"x"].concat()).unwrap();
    let refused = call(&["pack", "x.zst"]).refused(1);
    refused.says(&["could not pack executables/tool-1.0.0/tool", "envtool doctor --fix"]);
    fs::write(&executable, &bytes).unwrap();
    fs::set_permissions(&executable, mode).unwrap();

    // A manifest that has changed since, and an address with a password.
    let text = project.read("envtool.toml");
    project.write("envtool.toml", &format!("{text}# http://me:secret@host.invalid/\n"));
    call(&["pack", "x.zst"]).refused(1).says(&["envtool sync"]);
    call(&["sync"]).ok();
    let refused = call(&["pack", "x.zst"]).refused(1);
    refused.says(&["envtool.toml has a user or a password"]);
    assert!(!refused.stderr.contains("secret"), "{refused}");
    assert_eq!(says(&project, "tool"), "dep 1.0.0");
}
