//! Tools: what decides on an executable is compiled again, and everything else is taken from the store.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::tools::{bare, from_the_store, project, says, tool, was_built};
use crate::support::{Call, Dep, Project, Sandbox, krate, telling, write};

/// The machine's platform, as rustc names it.
fn host(sandbox: &Sandbox) -> String {
    let said = sandbox.call("rustc", &["-vV"], &sandbox.empty()).ok().stdout;
    said.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

/// A tool that says with which flags it was built, and that could say where.
fn publish_flagged(sandbox: &Sandbox) {
    let text =
        "{ if std::env::args().count() > 9 { panic!(\"tool\") } format!(\"{} {}\", cfg!(seen), cfg!(also)) }";
    sandbox.registry().publish(&tool("tool", "1.0.0", text));
}

/// The executable holds no path of the sandbox.
fn names_no_path(sandbox: &Sandbox, project: &Project<'_>, what: &str) {
    let bytes = fs::read(project.path(".envtool/bin/tool")).unwrap();
    let root = sandbox.outside(".").canonicalize().unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.contains(root.to_str().unwrap()), "{what}: a path of the machine");
}

/// What cargo's configuration says, the variables, and what a program says that cargo 1.95 built so (tried).
type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], &'c str);

#[test]
fn the_users_own_flags_stay_in_force() {
    let sandbox = Sandbox::new();
    publish_flagged(&sandbox);
    let host = host(&sandbox);
    let by_host = format!("CARGO_TARGET_{}_RUSTFLAGS", host.replace('-', "_").to_uppercase());
    let flags = "rustflags = [\"--cfg\", \"seen\"]\n";
    let also = "rustflags = \"--cfg also\"\n";
    let (build, by_name) = (format!("[build]\n{flags}"), format!("[target.{host}]\n{flags}"));
    let (unix, windows) =
        (format!("[target.'cfg(unix)']\n{flags}"), format!("[target.'cfg(windows)']\n{also}"));
    let cases: &[Case<'_>] = &[
        ("", &[("RUSTFLAGS", " --cfg seen  --cfg also ")], "true true"),
        ("", &[("CARGO_ENCODED_RUSTFLAGS", "--cfg\u{1f}seen"), ("RUSTFLAGS", "--cfg also")], "true false"),
        ("", &[("CARGO_BUILD_RUSTFLAGS", "--cfg seen")], "true false"),
        ("", &[(&by_host, "--cfg seen")], "true false"),
        (&format!("[build]\n{also}"), &[("CARGO_BUILD_RUSTFLAGS", "--cfg seen")], "true true"),
        (&format!("[build]\n{also}"), &[(&by_host, "--cfg seen")], "true false"),
        (&build, &[], "true false"),
        (&build, &[("RUSTFLAGS", "--cfg also")], "false true"),
        (&build, &[("RUSTFLAGS", "")], "false false"),
        (&by_name, &[], "true false"),
        (&format!("{by_name}[build]\n{also}"), &[], "true false"),
        (&unix, &[], "true false"),
        (&format!("{unix}[target.{host}]\n{also}"), &[], "true true"),
        (&format!("{build}{windows}"), &[], "true false"),
        (&format!("{build}{windows}"), &[("CARGO_BUILD_TARGET", &host)], "true false"),
    ];
    for (number, (config, variables, expected)) in cases.iter().enumerate() {
        sandbox.configure_cargo(config);
        let what = format!("{config:?} {variables:?}");
        let project = project(&sandbox, &format!("p{number}"), "tool = \"1.0.0\"\n");
        let call =
            variables.iter().fold(project.envtool(&["sync"]), |call, (name, value)| call.env(name, value));
        was_built(&call.ok(), "tool 1.0.0");
        assert_eq!(says(&project, "tool"), *expected, "{what}");
        names_no_path(&sandbox, &project, &what);
    }
}

/// Syncs a new project that pins the tool.
fn sync_with<'a>(
    sandbox: &'a Sandbox,
    pin: &str,
    change: impl Fn(Call<'a>) -> Call<'a>,
) -> (Project<'a>, String) {
    let number = fs::read_dir(sandbox.home().join("work")).unwrap().count();
    let project = project(sandbox, &format!("p{number}"), pin);
    let output = change(project.envtool(&["sync"])).ok();
    (project, output.stderr)
}

#[test]
fn what_decides_on_code_is_compiled_again_and_nothing_else() {
    let sandbox = Sandbox::new();
    let registry = sandbox.registry();
    registry.publish(&telling("dep", "1.0.0"));
    registry.publish(&tool("tool", "1.0.0", "dep::id()").dep(Dep::new("dep", "^1")).feature("loud", &[]));
    drop(registry);
    let pin = "tool = \"1.0.0\"\n";
    // A compiler that answers as it is told, and counts what it compiles.
    let (real, count) = (sandbox.which("rustc"), sandbox.outside("count"));
    let script = |hash: &str| {
        format!(
            "#!/bin/sh\ncase \"$*\" in\n-vV) exec '{}' -vV | sed 's/^commit-hash: .*/commit-hash: {hash}/';;\n*--crate-name\\ tool*) echo x >> '{}/tool';;\nesac\nexec '{}' \"$@\"\n",
            real.display(),
            count.display(),
            real.display()
        )
    };
    let compiler = sandbox.program("rustc", &script("aaaa")).join("rustc");
    let count_now = || fs::read_to_string(count.join("tool")).map_or(0, |text| text.lines().count());
    let sync = |pin: &str, variables: &[(&str, &str)]| {
        let (_, said) = sync_with(&sandbox, pin, |call| {
            variables.iter().fold(call.env("RUSTC", &compiler), |call, (name, value)| call.env(name, value))
        });
        said
    };
    let host = host(&sandbox);
    let elsewhere = sandbox.outside("elsewhere").display().to_string();
    let same = |config: &str, variables: &[(&str, &str)]| {
        sandbox.configure_cargo(config);
        let before = count_now();
        let said = sync(pin, variables);
        assert!(said.contains("Installed tool 1.0.0 from the store"), "{config} {variables:?}\n{said}");
        assert_eq!(count_now(), before, "{config} {variables:?}");
    };
    let another = |config: &str, pin: &str, variables: &[(&str, &str)]| {
        sandbox.configure_cargo(config);
        let before = count_now();
        let said = sync(pin, variables);
        assert!(said.contains("Built tool 1.0.0 in"), "{config} {pin} {variables:?}\n{said}");
        assert_eq!(count_now(), before + 1, "{config} {pin} {variables:?}");
    };
    another("", pin, &[]);
    same("", &[]);
    same(
        "[net]\nretry = 7\n[http]\ntimeout = 7\n[registry]\ntoken = \"secret\"\n[term]\nverbose = true\n[alias]\nbuild = \"check\"\n[registries.other]\nindex = \"sparse+http://127.0.0.1:9/\"\n",
        &[],
    );
    same(
        "[build]\njobs = 1\nincremental = true\ntarget-dir = \"elsewhere\"\nbuild-dir = \"elsewhere\"\n",
        &[],
    );
    same(
        "",
        &[
            ("CARGO_BUILD_JOBS", "1"),
            ("CARGO_TARGET_DIR", &elsewhere),
            ("CARGO_BUILD_TARGET_DIR", &elsewhere),
            ("CARGO_BUILD_BUILD_DIR", &elsewhere),
            ("CARGO_INCREMENTAL", "1"),
            ("CARGO_BUILD_INCREMENTAL", "true"),
            ("CARGO_TERM_VERBOSE", "true"),
            ("CARGO_REGISTRY_TOKEN", "secret"),
            ("CARGO_MANIFEST_DIR", "/somewhere"),
            ("CARGO_TARGET_TMPDIR", "/somewhere"),
        ],
    );
    another("", pin, &[("RUSTFLAGS", "--cfg other")]);
    another("", pin, &[("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")]);
    another("", pin, &[("CARGO_BUILD_TARGET", &host)]);
    another("[profile.release]\nopt-level = 2\n", pin, &[]);
    another("[build]\nrustflags = \"--cfg other\"\n", pin, &[]);
    another("", "tool = { version = \"1.0.0\", features = [\"loud\"] }\n", &[]);
    sandbox.registry().publish(&telling("dep", "1.1.0"));
    another("", pin, &[]);
    write(&compiler, &script("bbbb"));
    another("", pin, &[]);
}

#[test]
fn folders_that_the_user_chose_for_builds_do_not_matter() {
    let sandbox = Sandbox::new();
    publish_flagged(&sandbox);
    let elsewhere = sandbox.outside("elsewhere");
    let host = host(&sandbox);
    let folder = elsewhere.to_str().unwrap();
    for (number, (name, value)) in [
        ("CARGO_TARGET_DIR", folder),
        ("CARGO_BUILD_BUILD_DIR", folder),
        ("CARGO_BUILD_TARGET", &host),
        ("CARGO_BUILD_TARGET", "wasm32-unknown-unknown"),
        ("CARGO_INCREMENTAL", "1"),
    ]
    .into_iter()
    .enumerate()
    {
        let project = project(&sandbox, &format!("p{number}"), "tool = \"1.0.0\"\n");
        fs::remove_dir_all(sandbox.store().join("v1/built")).unwrap_or_default();
        was_built(&project.envtool(&["sync"]).env(name, value).ok(), "tool 1.0.0");
        assert_eq!(says(&project, "tool"), "false false");
        names_no_path(&sandbox, &project, name);
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0, "{name}");
    }
}

#[test]
fn another_version_takes_over_what_is_compiled_already() {
    let sandbox = Sandbox::new();
    let registry = sandbox.registry();
    registry.publish(&telling("dep", "1.0.0"));
    // A build script that would run again where the times of its files moved.
    registry.publish(&krate("made", "1.0.0").build_script("fn main() {}\n").lib("pub fn n() -> u8 { 1 }\n"));
    for version in ["1.0.0", "1.1.0"] {
        registry.publish(
            &tool("tool", version, "format!(\"{} {}\", dep::id(), made::n())")
                .dep(Dep::new("dep", "^1"))
                .dep(Dep::new("made", "^1")),
        );
    }
    drop(registry);
    let log = sandbox.outside("log").join("compiled");
    let wrapper = format!("#!/bin/sh\necho \"$*\" >> '{}'\nexec \"$@\"\n", log.display());
    let wrapper = sandbox.program("wrapper", &wrapper).join("wrapper");
    let sync = |version: &str| {
        fs::write(&log, "").unwrap();
        let project = project(&sandbox, version, &format!("tool = {version:?}\n"));
        project.envtool(&["sync"]).env("RUSTC_WRAPPER", &wrapper).ok();
        assert_eq!(says(&project, "tool"), "dep 1.0.0 1");
        let text = fs::read_to_string(&log).unwrap();
        ["dep", "made", "build_script_build", "tool"]
            .map(|name| text.matches(&format!("--crate-name {name} ")).count())
    };
    assert_eq!(sync("1.0.0"), [1, 1, 1, 1]);
    assert_eq!(sync("1.1.0"), [0, 0, 0, 1]);
}

#[test]
fn a_git_repository_around_the_store_is_not_the_tools() {
    let sandbox = Sandbox::new();
    let script = "fn main() { let out = std::process::Command::new(\"git\").args([\"rev-parse\", \"HEAD\"]).output().unwrap(); println!(\"cargo:rustc-env=REV={}\", String::from_utf8_lossy(&out.stdout).trim()); }\n";
    sandbox.registry().publish(
        &bare("tool", "1.0.0")
            .build_script(script)
            .file("src/main.rs", "fn main() { println!(\"[{}]\", env!(\"REV\")); }\n"),
    );
    let home = sandbox.home();
    sandbox.git(&home, &["init", "--quiet"]);
    sandbox.git(&home, &["add", ".gitconfig"]);
    sandbox.git(&home, &["commit", "--quiet", "-m", "dotfiles"]);
    let project = project(&sandbox, "one", "tool = \"1.0.0\"\n");
    // As in a hook of git.
    project.envtool(&["sync"]).env("GIT_DIR", home.join(".git")).ok();
    assert_eq!(says(&project, "tool"), "[]");
}

#[test]
fn odd_places_for_the_store_work() {
    for name in ["with space", "quo'te\"s", "ünï [x] {y} #1=2", "back\\slash"] {
        let sandbox = Sandbox::new();
        publish_flagged(&sandbox);
        let store = sandbox.outside(name);
        let project = project(&sandbox, name, "tool = \"1.0.0\"\n");
        project.envtool(&["sync"]).env("ENVTOOL_CACHE_DIR", &store).ok();
        let run = project.envtool(&["run", "--", "tool"]).env("ENVTOOL_CACHE_DIR", &store);
        assert_eq!(run.ok().stdout, "false false\n", "{name}");
        names_no_path(&sandbox, &project, name);
        let second = crate::support::tools::project(&sandbox, "second", "tool = \"1.0.0\"\n");
        from_the_store(&second.envtool(&["sync"]).env("ENVTOOL_CACHE_DIR", &store).ok(), "tool 1.0.0");
        fs::set_permissions(&store, PermissionsExt::from_mode(0o755)).unwrap();
    }
}
