//! `sync`: the environment becomes exactly what the lock says.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Dep, Fault, Project, Sandbox, any_file_holds, fingerprint, krate, telling};

/// Publishes `alpha`, which needs `beta`, a proc macro and a build script, and makes a locked project that prints
/// what both say.
fn project<'a>(sandbox: &'a Sandbox, name: &str) -> Project<'a> {
    let registry = sandbox.registry();
    if registry.requests().is_empty() {
        registry.publish(
            &telling("alpha", "1.0.0")
                .lib("pub fn id() -> String { format!(\"alpha 1.0.0 on {}\", beta::id()) }")
                .dep(Dep::new("beta", "^2"))
                .file_mode("tools/run.sh", 0o755, "#!/bin/sh\n")
                .file(".hidden", "yes\n")
                .file("dir with space/ünï.txt", "odd\n")
                .file(".gitignore", "target\n"),
        );
        registry.publish(
            &telling("beta", "2.0.0")
                .lib("pub fn id() -> String { format!(\"beta 2.0.0 {}\", mac::number!()) }")
                .dep(Dep::new("mac", "^0.1"))
                .dep(Dep::new("gone", "^9").target("cfg(windows)"))
                .dep(Dep::new("for-tests", "*").dev()),
        );
        registry.publish(
            &krate("mac", "0.1.0")
                .proc_macro(
                    "#[proc_macro] pub fn number(_: proc_macro::TokenStream) -> proc_macro::TokenStream { env!(\"N\").parse().unwrap() }",
                )
                .build_script("fn main() { println!(\"cargo:rustc-env=N=7\"); }"),
        );
        registry.publish(&krate("gone", "9.9.9").lib("compile_error!(\"only for windows\");"));
        registry.publish(&krate("for-tests", "1.0.0"));
    }
    let project = sandbox.project(name);
    project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    project
}

const SAID: &str = "alpha 1.0.0 on beta 2.0.0 7\n";

/// Every file below a folder of crates, links followed: its mode and its bytes, but for what cargo vendor leaves out
/// and for the lists of checksums.
fn files(dir: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                folders.push(path);
            } else if name != ".cargo-checksum.json" && name != ".gitignore" {
                let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
                let name = path.strip_prefix(dir).unwrap().display().to_string();
                found.insert(name, (mode, fs::read(&path).unwrap()));
            }
        }
    }
    found
}

#[test]
fn a_project_builds_from_its_environment_alone() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "app");
    let lock = project.read("Cargo.lock");
    let output = project.set_up();
    assert_eq!(output.stdout, "", "progress and summaries belong to standard error");
    assert_eq!(project.read("Cargo.lock"), lock);
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), SAID);
    // The user's own cargo too: without a network it has nothing but the environment.
    fs::remove_dir_all(sandbox.home().join(".cargo/registry")).unwrap();
    assert_eq!(project.cargo(&["run", "--quiet"]).ok().stdout, SAID);
}

#[test]
fn the_crates_are_what_cargo_vendor_writes() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "app");
    let other = sandbox.project("vendored");
    other.app("alpha = \"1\"\n", "").write("Cargo.lock", &project.read("Cargo.lock"));
    other.cargo(&["vendor", "--versioned-dirs", "--locked", "--respect-source-config"]).ok();
    project.set_up();
    let ours = files(&project.path(".envtool/vendor"));
    let theirs = files(&other.path("vendor"));
    let names = |of: &BTreeMap<String, (u32, Vec<u8>)>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&ours), names(&theirs));
    for (name, (mode, bytes)) in &theirs {
        assert_eq!(ours[name].0, *mode, "the mode of {name}");
        assert!(ours[name].1 == *bytes, "the bytes of {name}");
    }
    assert_eq!(ours["alpha-1.0.0/tools/run.sh"].0, 0o755);
}

#[test]
fn the_list_of_checksums_names_every_file() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "app");
    project.set_up();
    let lock = project.read("Cargo.lock");
    for name in ["alpha-1.0.0", "beta-2.0.0", "mac-0.1.0", "gone-9.9.9"] {
        let folder = project.path(".envtool/vendor").join(name);
        let list: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(folder.join(".cargo-checksum.json")).unwrap()).unwrap();
        let listed = list["files"].as_object().unwrap();
        for (file, (_, bytes)) in files(&folder) {
            assert_eq!(listed[&file], crate::support::crates::sha256(&bytes), "{name}/{file}");
        }
        assert!(lock.contains(list["package"].as_str().unwrap()), "{list}");
    }
}

#[test]
fn a_second_sync_asks_nobody_and_changes_nothing() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "app");
    project.set_up();
    assert!(project.has(".envtool/vendor/alpha-1.0.0"));
    let before = (project.fingerprint(), fingerprint(&sandbox.store(), &[]));
    sandbox.registry().forget();
    project.envtool(&["sync"]).ok();
    assert_eq!((project.fingerprint(), fingerprint(&sandbox.store(), &[])), before);
    assert!(sandbox.registry().requests().is_empty(), "{:?}", sandbox.registry().requests());
}

#[test]
fn a_second_project_takes_everything_from_the_store() {
    let sandbox = Sandbox::new();
    project(&sandbox, "first").set_up();
    let second = project(&sandbox, "second");
    sandbox.registry().forget();
    sandbox.cut_network();
    second.envtool(&["init"]).ok();
    second.envtool(&["sync", "--offline"]).ok();
    assert_eq!(second.run_isolated(), SAID);
}

#[test]
fn what_the_lock_no_longer_names_goes_and_what_has_no_receipt_stays() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "app");
    project.set_up();
    project.write(".envtool/mine.txt", "a user's\n").write(".envtool/bin/mine", "#!/bin/sh\n");
    sandbox.registry().publish(&telling("single", "1.0.0"));
    let other = sandbox.project("colleague");
    other.app("single = \"1\"\n", "println!(\"{}\", single::id());").lock();
    for file in ["Cargo.toml", "Cargo.lock", "src/main.rs"] {
        project.write(file, &other.read(file));
    }
    project.envtool(&["sync"]).ok();
    assert!(project.has(".envtool/vendor/single-1.0.0"));
    assert!(!project.has(".envtool/vendor/alpha-1.0.0"), "it is still there");
    assert_eq!(project.read(".envtool/mine.txt"), "a user's\n");
    assert_eq!(project.read(".envtool/bin/mine"), "#!/bin/sh\n");
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "single 1.0.0\n");
}

#[test]
fn a_crate_that_was_taken_out_of_the_environment_comes_back() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "app");
    project.set_up();
    let before = project.fingerprint();
    let lost = project.path(".envtool/vendor/beta-2.0.0");
    fs::remove_file(&lost).or_else(|_| fs::remove_dir_all(&lost)).unwrap();
    project.envtool(&["sync"]).ok();
    assert_eq!(project.fingerprint(), before);
}

#[test]
fn the_environment_comes_back_whole_when_it_was_deleted() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "app");
    project.set_up();
    fs::remove_dir_all(project.path(".envtool")).unwrap();
    sandbox.cut_network();
    project.envtool(&["sync"]).ok();
    assert_eq!(project.run_isolated(), SAID);
}

#[test]
fn cargos_own_archives_are_used_where_their_checksum_agrees() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "app");
    project.cargo(&["fetch", "--locked"]).ok();
    sandbox.registry().forget();
    project.set_up();
    let downloads = sandbox.registry().asked("/dl/");
    // cargo fetch takes what this platform and others need, so nothing is left to download.
    assert!(downloads.is_empty(), "{downloads:?}");
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), SAID);
}

#[test]
fn a_poisoned_cache_of_cargo_is_never_read() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "app");
    project.cargo(&["fetch", "--locked"]).ok();
    let registry = sandbox.home().join(".cargo/registry");
    let mut poisoned = 0;
    for kind in ["cache", "src"] {
        for source in fs::read_dir(registry.join(kind)).unwrap() {
            for entry in fs::read_dir(source.unwrap().path()).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    fs::write(path.join("src/lib.rs"), "compile_error!(\"poison\");").unwrap();
                } else {
                    fs::write(&path, b"poison").unwrap();
                }
                poisoned += 1;
            }
        }
    }
    assert!(poisoned > 5, "only {poisoned} were poisoned");
    project.set_up();
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), SAID);
    assert_eq!(project.cargo(&["run", "--quiet", "--offline"]).ok().stdout, SAID);
    assert!(!any_file_holds(&sandbox, &project.path(".envtool/vendor"), "poison"));
}

#[test]
fn a_changed_manifest_is_resolved_first_and_locked_forbids_it() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "app");
    project.set_up();
    sandbox.registry().publish(&telling("single", "1.0.0"));
    project.app("alpha = \"1\"\nsingle = \"1\"\n", "println!(\"{} {}\", alpha::id(), single::id());");
    project.envtool(&["sync", "--locked"]).refused(1).says(&["Cargo.lock"]);
    project.envtool(&["sync", "--frozen"]).refused(1).says(&["Cargo.lock"]);
    project.envtool(&["sync"]).ok();
    assert!(project.read("Cargo.lock").contains("name = \"single\""));
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), format!("{} single 1.0.0\n", SAID.trim()));
}

#[test]
fn a_project_without_a_lock_gets_one() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "app");
    fs::remove_file(project.path("Cargo.lock")).unwrap();
    project.set_up();
    assert!(project.has("Cargo.lock"));
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), SAID);
}

#[test]
fn offline_with_an_empty_store_names_what_is_missing() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "app");
    project.envtool(&["init"]).ok();
    fs::remove_dir_all(sandbox.home().join(".cargo/registry")).unwrap();
    sandbox.registry().forget();
    let output = project.envtool(&["sync", "--offline"]).refused(1);
    assert!(["alpha", "beta", "mac", "gone"].iter().any(|name| output.stderr.contains(name)), "{output}");
    assert!(sandbox.registry().requests().is_empty(), "it asked the network");
}

#[test]
fn a_project_that_needs_nothing_has_an_environment_too() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("bare");
    project.app("", "println!(\"bare\");").lock();
    project.set_up();
    assert!(project.has(".envtool/env.toml"));
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "bare\n");
}

#[test]
fn an_environment_that_is_moved_or_copied_goes_on_working() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "app");
    project.set_up();
    sandbox.cut_network();
    let moved = sandbox.home().join("work/moved here");
    fs::rename(project.dir(), &moved).unwrap();
    let moved = sandbox.project("moved here");
    assert_eq!(moved.run_isolated(), SAID);
    moved.envtool(&["sync", "--offline"]).ok();
    let copy = sandbox.home().join("work/copy");
    sandbox.call("cp", &["-a", moved.dir().to_str().unwrap(), copy.to_str().unwrap()], &sandbox.home()).ok();
    let copy = sandbox.project("copy");
    assert_eq!(copy.run_isolated(), SAID);
    assert!(
        !any_file_holds(&sandbox, &copy.path(".envtool"), "work/moved here"),
        "a path of the first place is in the environment"
    );
}

#[test]
fn crates_without_a_cargo_project_are_resolved_into_envtool_lock() {
    let sandbox = Sandbox::new();
    // Publishes; the project itself is not used.
    project(&sandbox, "unused");
    let plain = sandbox.project("plain");
    plain.write(
        "envtool.toml",
        "[env]\n\n[crates]\nalpha = \"1.0.0\"\nmac = { version = \"0.1.0\", features = [] }\n",
    );
    plain.set_up();
    let lock = plain.read("envtool.lock");
    for name in ["alpha", "beta", "mac"] {
        assert!(lock.contains(&format!("\"{name}\"")), "{name} is not locked\n{lock}");
    }
    assert!(lock.starts_with("version = 1") || lock.contains("\nversion = 1\n"), "{lock}");
    assert!(!lock.contains(sandbox.home().to_str().unwrap()), "a path of this machine\n{lock}");
    assert!(!lock.contains("127.0.0.1"), "the mirror of this machine\n{lock}");
    assert!(!plain.has("Cargo.toml") && !plain.has("Cargo.lock"));
    sandbox.cut_network();
    // A cargo project made below that folder builds against them.
    let below = sandbox.project("plain/tries/one");
    below.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());");
    assert_eq!(below.isolated(&["run", "--quiet", "--offline"]).ok().stdout, SAID);
    // Again: nothing to do, the same bytes.
    let before = plain.fingerprint();
    plain.envtool(&["sync"]).ok();
    assert_eq!(plain.fingerprint(), before);
    assert_eq!(plain.read("envtool.lock"), lock);
}

#[test]
fn envtool_lock_is_the_same_bytes_in_another_place() {
    let locks = ["here", "elsewhere/deeper"].map(|name| {
        let sandbox = Sandbox::new();
        project(&sandbox, "unused");
        let plain = sandbox.project(name);
        plain.write("envtool.toml", "[crates]\nalpha = \"1.0.0\"\n");
        plain.set_up();
        plain.read("envtool.lock")
    });
    assert_eq!(locks[0], locks[1]);
}

#[test]
fn a_killed_sync_leaves_the_old_environment_and_the_next_one_finishes() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "app");
    project.set_up();
    sandbox.registry().publish(&telling("single", "1.0.0"));
    let other = sandbox.project("colleague");
    other.app("alpha = \"1\"\nsingle = \"1\"\n", "println!(\"{} {}\", alpha::id(), single::id());").lock();
    let pulled = |project: &Project| {
        for file in ["Cargo.toml", "Cargo.lock", "src/main.rs"] {
            project.write(file, &other.read(file));
        }
    };
    let old: Vec<String> =
        ["Cargo.toml", "Cargo.lock", "src/main.rs"].map(|file| project.read(file)).to_vec();
    let drip = Fault::Drip { bytes: 1, pause: Duration::from_mins(1) };
    sandbox.registry().fault("/dl/single/", drip);
    pulled(&project);
    let mut child =
        project.envtool(&["sync"]).command().stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while sandbox.registry().asked("/dl/single/").is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it downloaded");
        assert!(Instant::now() < deadline, "it never asked for the crate");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // The old environment is whole: with the old lock the project builds as before.
    for (file, text) in ["Cargo.toml", "Cargo.lock", "src/main.rs"].iter().zip(&old) {
        project.write(file, text);
    }
    assert_eq!(project.run_isolated(), SAID);
    pulled(&project);
    sandbox.registry().mend();
    project.envtool(&["sync"]).ok();
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), format!("{} single 1.0.0\n", SAID.trim()));
}

#[test]
fn killed_at_any_moment_it_is_the_old_or_the_new_environment() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "app");
    project.set_up();
    sandbox.registry().publish(&telling("alpha", "1.1.0"));
    let old = project.read("Cargo.lock");
    let other = sandbox.project("colleague");
    other.app("alpha = \"1\"\n", "").lock();
    let new = other.read("Cargo.lock");
    assert_ne!(old, new);
    // How long a whole one takes, there and back, sets the moments.
    let begin = Instant::now();
    project.write("Cargo.lock", &new).envtool(&["sync"]).ok();
    let whole = begin.elapsed();
    let mut now_new = true;
    for moment in 0..24_u32 {
        let (lock, vendor) = if now_new { (&old, "alpha-1.0.0") } else { (&new, "alpha-1.1.0") };
        project.write("Cargo.lock", lock);
        let mut child =
            project.envtool(&["sync"]).command().stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole * moment / 24);
        child.kill().unwrap();
        child.wait().unwrap();
        // Before any other command of envtool: plain cargo goes on with the old lock or with the new one.
        let works = [&old, &new].map(|lock| {
            project.write("Cargo.lock", lock);
            project.cargo(&["metadata", "--locked", "--format-version", "1"]).run()
        });
        assert!(
            works.iter().any(|output| output.code == Some(0)),
            "moment {moment}: cargo works with neither lock\n{}\n{}",
            works[0],
            works[1]
        );
        project.write("Cargo.lock", lock);
        project.envtool(&["sync"]).ok();
        assert!(project.has(&format!(".envtool/vendor/{vendor}")), "moment {moment}");
        now_new = !now_new;
    }
    assert_eq!(fs::read_dir(project.path(".envtool/journal")).map_or(0, Iterator::count), 0);
}

#[test]
fn eight_at_once_on_one_project_and_on_one_store_agree() {
    let sandbox = Sandbox::new();
    let projects: Vec<Project> = (0..4).map(|n| project(&sandbox, &format!("app{n}"))).collect();
    for project in &projects {
        project.envtool(&["init"]).ok();
    }
    let children: Vec<_> = projects
        .iter()
        .chain(&projects)
        .map(|project| {
            project.envtool(&["sync"]).command().stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    sandbox.cut_network();
    for project in &projects {
        assert_eq!(project.run_isolated(), SAID);
    }
}

#[test]
fn a_deleted_store_is_filled_again() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox, "app");
    project.set_up();
    // Folders of the store may not be written, and that must not keep a user from deleting it.
    sandbox.call("chmod", &["-R", "u+w", "."], &sandbox.store()).ok();
    fs::remove_dir_all(sandbox.store()).unwrap();
    fs::remove_dir_all(sandbox.home().join(".cargo/registry")).unwrap();
    project.envtool(&["sync"]).ok();
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), SAID);
}

#[test]
fn a_new_member_of_a_workspace_is_noticed_though_no_file_changed() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    sandbox.registry().publish(&telling("beta", "1.0.0"));
    let project = sandbox.project("ws");
    let member = |name: &str, dep: &str| {
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\n{dep} = \"1\"\n"
        );
        project.write(&format!("crates/{name}/Cargo.toml"), &manifest);
        project.write(&format!("crates/{name}/src/lib.rs"), "");
    };
    project.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n");
    member("one", "alpha");
    project.set_up();
    project.envtool(&["sync"]).ok().says(&["nothing to do"]);
    member("two", "beta");
    project.envtool(&["sync"]).ok();
    assert!(project.has(".envtool/vendor/beta-1.0.0/Cargo.toml"));
    assert!(project.read("Cargo.lock").contains("name = \"beta\""));
    project.envtool(&["sync"]).ok().says(&["nothing to do"]);
}

#[test]
fn what_is_half_lost_or_damaged_in_the_store_is_fetched_again() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    project.set_up();
    let trees = sandbox.store().join("v1/trees");
    let archives = sandbox.store().join("v1/archives");
    let only = |dir: &Path| fs::read_dir(dir).unwrap().next().unwrap().unwrap().path();
    let take_environment = || fs::remove_dir_all(project.path(".envtool")).unwrap();

    take_environment();
    fs::remove_file(only(&trees).join("record.json")).unwrap();
    fs::write(only(&trees).join("alpha-1.0.0/src/lib.rs"), "compile_error!();").unwrap();
    project.envtool(&["sync"]).ok();
    assert!(!project.read(".envtool/vendor/alpha-1.0.0/src/lib.rs").contains("compile_error"));

    take_environment();
    fs::remove_dir_all(only(&trees)).unwrap();
    fs::write(only(&archives), "damaged").unwrap();
    sandbox.registry().forget();
    project.envtool(&["sync"]).ok();
    assert_eq!(sandbox.registry().asked("/dl/alpha/").len(), 1, "the damaged archive was not fetched again");
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "alpha 1.0.0\n");
}

#[test]
fn what_a_killed_envtool_left_behind_goes() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "").lock();
    project.set_up();
    let aside = [".envtool/resolving-dead.toml", ".envtool/.envtool-dead", ".envtool/journal/.envtool-dead"];
    for file in aside {
        project.write(file, "");
    }
    project.write(".envtool/staging/vendor/half", "");
    let tmp = sandbox.store().join("v1/tmp/tree-dead");
    fs::create_dir_all(&tmp).unwrap();
    project.write("Cargo.toml", &project.read("Cargo.toml").replace("0.1.0", "0.1.1"));
    project.envtool(&["sync"]).ok();
    let left = aside.map(|file| project.path(file)).into_iter();
    for left in left.chain([project.path(".envtool/staging"), tmp]) {
        assert!(!left.exists(), "{} is still there", left.display());
    }
    // Whoever only reads clears away what was being made ready, where nobody is at work on it.
    project.write(".envtool/staging/vendor/half", "");
    let at_work = fs::File::open(project.path(".envtool/.lock")).unwrap();
    at_work.lock().unwrap();
    project.envtool(&["list"]).ok();
    assert!(project.has(".envtool/staging/vendor/half"));
    drop(at_work);
    project.envtool(&["list"]).ok();
    assert!(!project.has(".envtool/staging"));
}

#[test]
fn the_summary_counts_each_crate_where_it_came_from() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    sandbox.registry().publish(&telling("beta", "1.0.0"));
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "").lock();
    project.envtool(&["init"]).ok();
    // cargo locks once more in the middle of the sync, and what was fetched before is met again.
    project.app("alpha = \"1\"\nbeta = \"1\"\n", "");
    let output = project.envtool(&["sync"]).ok();
    assert!(output.stderr.contains("2 crates: 2 added, 0 removed (2 downloaded"), "{output}");
    assert!(!output.stderr.contains("from the store"), "{output}");
    fs::remove_dir_all(project.path(".envtool")).unwrap();
    let output = project.envtool(&["sync"]).ok();
    assert!(output.stderr.contains("(2 from the store)"), "{output}");
}

#[test]
fn what_somebody_else_puts_into_the_environment_stays() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    sandbox.registry().publish(&telling("beta", "1.0.0"));
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "").lock();
    project.set_up();
    for file in ["vendor-notes.txt", "vendor-mine/notes", "vendor/mine/notes", "bin/mytool", ".crates2.json"]
    {
        project.write(&format!(".envtool/{file}"), "mine");
    }
    project.app("beta = \"1\"\n", "");
    project.envtool(&["sync"]).ok();
    assert!(!project.has(".envtool/vendor/alpha-1.0.0") && project.has(".envtool/vendor/beta-1.0.0"));
    for file in ["vendor-notes.txt", "vendor-mine/notes", "vendor/mine/notes", "bin/mytool", ".crates2.json"]
    {
        assert_eq!(project.read(&format!(".envtool/{file}")), "mine");
    }
    // What stands under the name of a folder of crates and is none is refused, and not taken away.
    fs::rename(project.path(".envtool/vendor-notes.txt"), project.path(".envtool/vendor-notes")).unwrap();
    project.app("alpha = \"1\"\n", "");
    project.envtool(&["sync"]).refused(1).says(&["vendor-notes", "move it away"]);
}

#[test]
fn a_lost_receipt_is_written_again_and_a_lost_crate_is_said_by_run() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "").lock();
    project.set_up();
    fs::remove_dir_all(project.path(".envtool/receipts/vendor")).unwrap();
    project.envtool(&["sync"]).ok();
    assert!(project.has(".envtool/receipts/vendor/alpha-1.0.0.json"));
    assert_eq!(project.envtool(&["run", "--", "true"]).ok().stderr, "");
    fs::remove_dir_all(project.path(".envtool/vendor")).unwrap();
    project.envtool(&["run", "--", "true"]).ok().says(&["envtool sync"]);
    project.envtool(&["sync"]).ok();
    assert!(project.has(".envtool/vendor/alpha-1.0.0/Cargo.toml"));
}

#[test]
fn a_lock_with_another_crates_checksum_costs_nobody_his_crates() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    sandbox.registry().publish(&telling("beta", "1.0.0"));
    let one = sandbox.project("one");
    one.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    one.set_up();
    let other = sandbox.project("other");
    other.app("alpha = \"1\"\nbeta = \"1\"\n", "").lock();
    let lock = other.read("Cargo.lock");
    let sums: Vec<&str> = lock.lines().filter(|line| line.starts_with("checksum")).collect();
    other.write("Cargo.lock", &lock.replace(sums[1], sums[0]));
    other.envtool(&["init"]).ok();
    other.envtool(&["sync"]).refused(1).says(&["beta 1.0.0"]);
    sandbox.cut_network();
    assert_eq!(one.run_isolated(), "alpha 1.0.0\n");
}
