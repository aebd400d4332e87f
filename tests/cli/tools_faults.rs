//! Tools: builds that fail, that are interrupted, that meet a full disk or each other.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::tools::{bare, built, from_the_store, project, says, tool, was_built};
use crate::support::{Dep, Project, Sandbox, krate, skipped};

/// Looks until `there` gives something, for a minute at most.
fn wait<T>(what: &str, mut there: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = there() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_build_that_fails_says_all_that_is_needed() {
    let sandbox = Sandbox::new();
    let registry = sandbox.registry();
    registry.publish(&tool("tool", "1.0.0", "1"));
    registry
        .publish(&bare("broken", "1.0.0").file("src/main.rs", "fn main() {\n    let x: u8 = \"text\";\n}\n"));
    // What openssl-sys says, shortened.
    let script = "fn main() { println!(\"cargo:rerun-if-env-changed=OPENSSL_DIR\"); eprintln!(\"\\n\\nCould not find directory of OpenSSL installation, and this `-sys` crate cannot\\nproceed without this knowledge. If OpenSSL is installed and this crate had\\ntrouble finding it,  you can set the `OPENSSL_DIR` environment variable for the\\ncompilation process.\\n\\nMake sure you also have the development packages of openssl installed.\\n\"); std::process::exit(101); }\n";
    registry.publish(&krate("openssl-sys", "0.9.100").build_script(script).links("openssl"));
    registry.publish(&tool("needs-ssl", "1.0.0", "1").dep(Dep::new("openssl-sys", "^0.9")));
    drop(registry);
    let project = project(&sandbox, "one", "tool = \"1.0.0\"\n");
    project.envtool(&["sync"]).ok();
    let before = project.fingerprint();

    let output = project.envtool(&["add", "--tool", "broken@1.0.0"]).refused(1);
    output.says(&[
        "could not build broken 1.0.0",
        "error[E0308]: mismatched types",
        "src/main.rs:2:17",
        "expected `u8`, found `&str`",
        "tried: cargo build --release --locked --offline --bins",
    ]);
    assert_eq!(project.fingerprint(), before);
    let log = output.stderr.lines().find_map(|line| line.split("the whole log: ").nth(1)).unwrap();
    assert!(fs::read_to_string(log).unwrap().contains("mismatched types"), "{log}");

    let output = project.envtool(&["add", "--tool", "needs-ssl@1.0.0"]).refused(1);
    output.says(&[
        "could not build needs-ssl 1.0.0",
        "openssl-sys v0.9.100",
        "apt install libssl-dev",
        "brew install openssl",
    ]);
    assert_eq!(project.fingerprint(), before);

    // Also where one of two can be built.
    project.write("envtool.toml", "[tools]\nbroken = \"1.0.0\"\nneeds-ssl = \"1.0.0\"\ntool = \"1.0.0\"\n");
    project.envtool(&["sync"]).refused(1);
    assert_eq!(says(&project, "tool"), "1");
}

/// A tool whose build script tells its process, and that of a child that does not listen to SIGTERM, and then waits
/// until there is a file `go`.
fn publish_slow(sandbox: &Sandbox) {
    let script = "use std::{env, fs, process, thread, time::Duration};\nfn main() {\n let dir = env::var(\"PIDS\").unwrap();\n let _child = process::Command::new(\"sh\").args([\"-c\", \"trap '' TERM INT HUP; echo $$ > $PIDS/child.new; mv $PIDS/child.new $PIDS/child; while [ ! -e $PIDS/go ]; do sleep 0.05; done\"]).spawn().unwrap();\n fs::write(format!(\"{dir}/script.new\"), process::id().to_string()).unwrap();\n fs::rename(format!(\"{dir}/script.new\"), format!(\"{dir}/script\")).unwrap();\n while !std::path::Path::new(&format!(\"{dir}/go\")).exists() { thread::sleep(Duration::from_millis(20)); }\n}\n";
    sandbox.registry().publish(
        &bare("tool", "1.0.0")
            .build_script(script)
            .file("src/main.rs", "fn main() { println!(\"slow\"); }\n"),
    );
}

/// Starts a sync that hangs in the build script, and gives it with the processes that the script told.
fn hang(project: &Project<'_>, pids: &Path) -> (Child, [u32; 2]) {
    let mut command = project.envtool(&["sync"]).env("PIDS", pids).command();
    let child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let told = ["script", "child"].map(|name| {
        wait("the build script", || fs::read_to_string(pids.join(name)).ok()?.trim().parse().ok())
    });
    (child, told)
}

fn send(sandbox: &Sandbox, signal: &str, id: u32) {
    sandbox.call("sh", &["-c", &format!("kill -{signal} {id}")], &sandbox.home()).ok();
}

/// Whether a process runs: neither gone nor a zombie.
fn runs(id: u32) -> bool {
    fs::read_to_string(format!("/proc/{id}/stat"))
        .is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or_default().starts_with('Z'))
}

/// The processes that have this text in their command line.
fn processes_with(text: &str) -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(text))
        .collect()
}

#[test]
#[cfg(target_os = "linux")]
fn an_interrupt_leaves_no_compiler_and_installs_nothing() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let sandbox = Sandbox::new();
        publish_slow(&sandbox);
        let project = project(&sandbox, "one", "tool = \"1.0.0\"\n");
        let before = project.fingerprint();
        let pids = sandbox.outside("pids");
        let (child, told) = hang(&project, &pids);
        send(&sandbox, signal, child.id());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{signal}\n{said}");
        assert!(said.contains("interrupted") && said.contains("help:"), "{said}");
        for id in told {
            wait("the end of what was started", || (!runs(id)).then_some(()));
        }
        let root = sandbox.store().display().to_string();
        wait("the end of the compilers", || processes_with(&root).is_empty().then_some(()));
        assert_eq!(project.fingerprint(), before, "{signal}");
        assert!(built(&sandbox).is_empty());
        fs::write(pids.join("go"), "").unwrap();
        was_built(&project.envtool(&["sync"]).env("PIDS", &pids).ok(), "tool 1.0.0");
        assert_eq!(says(&project, "tool"), "slow");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn after_a_kill_in_the_middle_of_a_build_the_next_command_works() {
    let sandbox = Sandbox::new();
    publish_slow(&sandbox);
    let project = project(&sandbox, "one", "tool = \"1.0.0\"\n");
    let pids = sandbox.outside("pids");
    let (mut child, _) = hang(&project, &pids);
    child.kill().unwrap();
    child.wait().unwrap();
    fs::remove_file(pids.join("script")).unwrap();
    // The cargo that nobody waits for still holds its folder; the next one waits for it.
    let mut command = project.envtool(&["sync"]).env("PIDS", &pids).command();
    let next = command.stderr(Stdio::piped()).spawn().unwrap();
    fs::write(pids.join("go"), "").unwrap();
    let output = next.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(says(&project, "tool"), "slow");
}

#[test]
fn killed_at_any_moment_the_next_sync_finishes() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&krate("dep", "1.0.0").build_script("fn main() {}\n"));
    for version in ["1.0.0", "2.0.0"] {
        sandbox
            .registry()
            .publish(&tool("tool", version, &format!("\"{version}\"")).dep(Dep::new("dep", "^1")));
    }
    let project = project(&sandbox, "one", "tool = \"1.0.0\"\n");
    let begun = Instant::now();
    project.envtool(&["sync"]).ok();
    let whole = begun.elapsed();
    for moment in 0..5_u32 {
        let version = if moment % 2 == 0 { "2.0.0" } else { "1.0.0" };
        let other = if moment % 2 == 0 { "1.0.0" } else { "2.0.0" };
        fs::remove_dir_all(sandbox.store().join("v1/built")).unwrap();
        project.envtool(&["sync"]).ok();
        project.write("envtool.toml", &format!("[tools]\ntool = {version:?}\n"));
        let mut child = project.envtool(&["sync"]).command().stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole * moment / 5);
        child.kill().unwrap();
        child.wait().unwrap();
        // The old one or the new one runs.
        let output = project.envtool(&["run", "--", "tool"]).run();
        assert!([version, other].contains(&output.stdout.trim()), "moment {moment}\n{output}");
        project.envtool(&["sync"]).ok();
        assert_eq!(says(&project, "tool"), version, "moment {moment}");
    }
}

#[test]
fn a_full_disk_in_the_middle_of_a_build_is_said() {
    let sandbox = Sandbox::new();
    // Far more than any of the disks below.
    let script = "fn main() { let out = std::env::var(\"OUT_DIR\").unwrap(); if let Err(error) = std::fs::write(out + \"/large\", vec![7; 64 << 20]) { eprintln!(\"{error}\"); std::process::exit(1); } }\n";
    sandbox.registry().publish(
        &bare("tool", "1.0.0")
            .build_script(script)
            .file("src/main.rs", "fn main() { println!(\"large\"); }\n"),
    );
    let project = project(&sandbox, "one", "tool = \"1.0.0\"\n");
    let store = sandbox.outside("small");
    let through = |size: &str| -> Vec<std::ffi::OsString> {
        let mount = format!("mount -t tmpfs -o size={size} tmpfs '{}' && exec \"$@\"", store.display());
        ["unshare", "--mount", "sh", "-c", &mount, "sh"].map(Into::into).to_vec()
    };
    if sandbox.call("true", &[] as &[&str], &sandbox.home()).through(&through("1m")).run().code != Some(0) {
        skipped("this machine lets nobody mount a small disk");
        return;
    }
    for size in ["32k", "100k", "1m", "8m"] {
        let call = project.envtool(&["sync"]).env("ENVTOOL_CACHE_DIR", &store).through(&through(size));
        let output = call.refused(1);
        output.says(&["No space left"]);
        assert!(output.stderr.contains("free some space"), "{size}\n{output}");
        assert!(!project.has(".envtool") && !project.has("envtool.lock"), "{size}");
    }
    project.envtool(&["sync"]).ok();
    assert_eq!(says(&project, "tool"), "large");
}

#[test]
fn a_store_that_may_not_be_written_is_named() {
    let sandbox = Sandbox::new();
    let Some(stranger) = sandbox.as_stranger() else {
        return;
    };
    sandbox.registry().publish(&tool("tool", "1.0.0", "1"));
    let project = project(&sandbox, "one", "tool = \"1.0.0\"\n");
    project.envtool(&["sync"]).ok();
    let second = crate::support::tools::project(&sandbox, "two", "tool = \"1.0.0\"\n");
    let buckets = ["", "v1", "v1/built", "v1/building", "v1/tmp", "v1/environments"];
    let mode = |mode: u32| {
        for bucket in buckets {
            let folder = sandbox.store().join(bucket);
            fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        }
    };
    mode(0o555);
    let output = second.envtool(&["sync"]).env("RUSTFLAGS", "--cfg new").through(&stranger).run();
    mode(0o755);
    assert_eq!(output.code, Some(1), "{output}");
    output.must_help().says(&[sandbox.store().to_str().unwrap()]);
    assert!(!second.has(".envtool/bin/tool"));
    from_the_store(&second.envtool(&["sync"]).ok(), "tool 1.0.0");
}

#[test]
fn eight_at_once_build_it_once() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&krate("dep", "1.0.0").build_script("fn main() {}\n"));
    sandbox.registry().publish(&tool("tool", "1.0.0", "\"one for all\"").dep(Dep::new("dep", "^1")));
    let log = sandbox.outside("log").join("compiled");
    let wrapper = format!("#!/bin/sh\necho \"$*\" >> '{}'\nexec \"$@\"\n", log.display());
    let wrapper = sandbox.program("wrapper", &wrapper).join("wrapper");
    let projects: Vec<Project<'_>> = (0..4).map(|n| project(&sandbox, &format!("p{n}"), "")).collect();
    for project in &projects {
        project.envtool(&["init"]).ok();
    }
    for round in 0..3 {
        for bucket in ["built", "building"] {
            fs::remove_dir_all(sandbox.store().join("v1").join(bucket)).unwrap_or_default();
        }
        fs::write(&log, "").unwrap();
        let children: Vec<_> = projects
            .iter()
            .chain(&projects)
            .map(|project| {
                let call = match round {
                    0 => project.envtool(&["add", "--tool", "tool@1.0.0"]),
                    _ => project.envtool(&["sync"]),
                };
                let mut command = call.env("RUSTC_WRAPPER", &wrapper).command();
                command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
            })
            .collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let compiled = fs::read_to_string(&log).unwrap().matches("--crate-name tool ").count();
        assert_eq!(compiled, 1, "round {round}");
        for project in &projects {
            assert_eq!(says(project, "tool"), "one for all");
        }
    }
    let locks: Vec<String> = projects.iter().map(|project| project.read("envtool.lock")).collect();
    assert!(locks.iter().all(|lock| *lock == locks[0]));
}
