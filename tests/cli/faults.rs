//! What envtool must survive: bad files of the user, a bad network, bad archives, a bad machine. Each is a clear
//! error with a way out, and leaves everything as it was.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use tar::EntryType;

use crate::support::crates::{CrateBuilder, bomb, gzip};
use crate::support::{Dep, Fault, Project, Sandbox, krate, skipped, telling, tree};

/// A locked project that needs `alpha`, after `init`, with nothing of `alpha` on the machine.
fn project(sandbox: &Sandbox) -> Project<'_> {
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    project.envtool(&["init"]).ok();
    sandbox.registry().forget();
    project
}

/// The environment works and nothing else gave the crate.
fn works(sandbox: &Sandbox, project: &Project) {
    sandbox.cut_network();
    assert_eq!(project.run_isolated(), "alpha 1.0.0\n");
}

#[test]
fn a_manifest_that_is_no_toml_is_refused_with_its_place() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    for (text, line, column) in [
        ("[env]\nisolate = = true\n", 2, 11),
        ("[env\n", 1, 5),
        ("[env]\nisolate = true\nisolate = true\n", 3, 1),
        ("[env]\nisolate = 3\n", 2, 11),
        ("[env]\n\nisolat = true\n", 3, 1),
    ] {
        project.write("envtool.toml", text);
        for verb in [&["sync"][..], &["run", "--", "true"], &["list"], &["init"]] {
            let output = project.envtool(verb).refused(1);
            output.names_line("envtool.toml", line);
            assert!(
                output.stderr.contains(&format!("{line}:{column}"))
                    || output.stderr.contains(&format!("column {column}")),
                "{text:?}: the column {column} is not shown\n{output}"
            );
        }
    }
}

#[test]
fn a_name_in_the_manifest_that_is_a_path_is_refused() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("plain");
    for name in ["../x", "/x", "a/b", "C:x", ".."] {
        project.write("envtool.toml", &format!("[crates]\n{name:?} = \"1.0.0\"\n"));
        project.envtool(&["sync"]).refused(1).names_line("envtool.toml", 2);
    }
}

#[test]
fn a_cargo_manifest_that_is_no_toml_is_refused_with_its_place() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    project.write("Cargo.toml", "[package]\nname = = \"app\"\n");
    project.envtool(&["sync"]).refused(1).names_line("Cargo.toml", 2);
}

/// A project that was synced, so that a bad lock has something to lose.
fn synced(sandbox: &Sandbox) -> Project<'_> {
    let project = project(sandbox);
    project.envtool(&["sync"]).ok();
    project
}

#[test]
fn a_broken_lock_of_cargo_is_never_read_as_empty() {
    let sandbox = Sandbox::new();
    let project = synced(&sandbox);
    let lock = project.read("Cargo.lock");
    let half = lock.find("checksum").unwrap() + 20;
    let conflict = format!(
        "{}<<<<<<< HEAD\nversion = \"1.0.0\"\n=======\nversion = \"1.1.0\"\n>>>>>>> theirs\n",
        &lock[..lock.find("[[package]]").unwrap()]
    );
    for (what, text, words) in [
        ("truncated", lock[..half].to_owned(), &["Cargo.lock"][..]),
        ("conflict marks", conflict, &["Cargo.lock", "conflict"]),
        ("newer", lock.replace("version = 4", "version = 99"), &["Cargo.lock", "99"]),
        ("empty", String::new(), &["Cargo.lock"]),
        ("not text", "\u{0}\u{1}\u{2}".to_owned(), &["Cargo.lock"]),
        ("a name as a path", lock.replace("name = \"alpha\"", "name = \"../alpha\""), &["Cargo.lock"]),
        ("a bad checksum", lock.replace("checksum = \"", "checksum = \"zz"), &["Cargo.lock"]),
    ] {
        assert_ne!(text, lock, "{what}");
        project.write("Cargo.lock", &text);
        let output = project.envtool(&["sync"]).refused(1);
        output.says(words);
        assert!(project.has(".envtool/vendor/alpha-1.0.0"), "{what}");
    }
    project.write("Cargo.lock", &lock);
    works(&sandbox, &project);
}

#[test]
fn a_broken_lock_of_envtool_is_never_read_as_empty() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    let project = sandbox.project("plain");
    project.write("envtool.toml", "[crates]\nalpha = \"1.0.0\"\n");
    project.set_up();
    let lock = project.read("envtool.lock");
    for (what, text, words) in [
        ("truncated", lock[..lock.len() / 2].to_owned(), &["envtool.lock"][..]),
        (
            "conflict marks",
            format!("<<<<<<< HEAD\n{lock}=======\n{lock}>>>>>>> theirs\n"),
            &["envtool.lock", "conflict"],
        ),
        ("newer", lock.replace("version = 1\n", "version = 99\n"), &["envtool.lock", "99"]),
        ("empty", String::new(), &["envtool.lock"]),
    ] {
        assert_ne!(text, lock, "{what}");
        project.write("envtool.lock", &text);
        project.envtool(&["sync"]).refused(1).says(words);
        assert!(project.has(".envtool/vendor/alpha-1.0.0"), "{what}");
    }
}

#[test]
fn a_lock_that_names_another_checksum_is_refused_by_the_crates_name() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    let lock = project.read("Cargo.lock");
    let sum = lock.split("checksum = \"").nth(1).unwrap()[..64].to_owned();
    project.write("Cargo.lock", &lock.replace(&sum, &"0".repeat(64)));
    project.envtool(&["sync"]).refused(1).says(&["alpha", "1.0.0", &"0".repeat(64)]);
    assert!(!project.has(".envtool/cargo.toml"));
}

#[test]
fn what_the_network_mends_by_itself_is_tried_again() {
    for (what, times, fault) in [
        ("500", 2, Fault::Status(500)),
        ("503", 1, Fault::Status(503)),
        ("429", 1, Fault::TooMany(1)),
        ("cut", 1, Fault::Cut(50)),
        ("cut at once", 1, Fault::Cut(0)),
        ("no answer", 1, Fault::Refuse),
        ("too long", 1, Fault::Length(1_000_000)),
    ] {
        let sandbox = Sandbox::new();
        let project = project(&sandbox);
        sandbox.registry().fault_times(times, "/dl/alpha/", fault);
        let output = project.envtool(&["sync"]).run();
        assert_eq!(output.code, Some(0), "{what}\n{output}");
        assert_eq!(sandbox.registry().asked("/dl/alpha/").len(), times + 1, "{what}");
        works(&sandbox, &project);
    }
}

#[test]
fn what_the_network_does_not_mend_is_refused_by_the_crates_name() {
    for (what, fault, word) in [
        ("404", Fault::Status(404), "404"),
        ("403", Fault::Status(403), "403"),
        ("500 for ever", Fault::Status(500), "500"),
        ("cut for ever", Fault::Cut(50), ""),
        ("wrong bytes", Fault::Body(b"<html>please log in</html>".to_vec()), "SHA-256"),
        ("another crate's bytes", Fault::Body(telling("other", "1.0.0").bytes()), "SHA-256"),
        ("nothing", Fault::Body(Vec::new()), ""),
        ("a redirect loop", Fault::Redirect("/dl/alpha/1.0.0/download".to_owned()), "redirect"),
        ("a redirect to a file", Fault::Redirect("file:///etc/passwd".to_owned()), ""),
        ("too short", Fault::Length(10), ""),
        ("endless", Fault::Endless, ""),
    ] {
        let sandbox = Sandbox::new();
        let project = project(&sandbox);
        sandbox.registry().fault("/dl/alpha/", fault);
        let output = project.envtool(&["sync"]).refused(1);
        output.says(&["alpha", word]);
        assert!(!project.has(".envtool/cargo.toml"), "{what}");
        sandbox.registry().mend();
        project.envtool(&["sync"]).ok();
        works(&sandbox, &project);
    }
}

#[test]
fn a_404_is_not_asked_for_again() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    sandbox.registry().fault("/dl/alpha/", Fault::Status(404));
    project.envtool(&["sync"]).refused(1);
    assert_eq!(sandbox.registry().asked("/dl/alpha/").len(), 1);
}

#[test]
fn a_slow_download_arrives() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    let drip = Fault::Drip { bytes: 64, pause: Duration::from_millis(20) };
    sandbox.registry().fault("/dl/alpha/", drip);
    project.envtool(&["sync"]).ok();
    works(&sandbox, &project);
}

#[test]
fn a_registry_that_answers_nonsense_is_refused_by_its_address() {
    for fault in [
        Fault::Body(b"<html>please log in</html>".to_vec()),
        Fault::Body(b"{\"dl\": 7}".to_vec()),
        Fault::Body(b"{\"dl\": \"file:///etc\"}".to_vec()),
        Fault::Endless,
        Fault::Status(404),
        Fault::Redirect("/index/config.json".to_owned()),
    ] {
        let sandbox = Sandbox::new();
        let project = project(&sandbox);
        fs::remove_dir_all(sandbox.home().join(".cargo/registry")).unwrap();
        sandbox.registry().fault("/index/config.json", fault);
        let address = sandbox.registry().address().to_string();
        project.envtool(&["sync"]).refused(1).says(&[&address]);
    }
}

#[test]
fn an_index_that_answers_nonsense_stops_the_resolving() {
    for fault in [
        Fault::Body(b"<html>please log in</html>".to_vec()),
        Fault::Body(b"{\"name\":\"other\",\"vers\":\"1.0.0\",\"deps\":[],\"cksum\":\"00\",\"features\":{},\"yanked\":false}\n".to_vec()),
        Fault::Status(403),
    ] {
        let sandbox = Sandbox::new();
        sandbox.registry().publish(&telling("alpha", "1.0.0"));
        let project = sandbox.project("plain");
        project.write("envtool.toml", "[crates]\nalpha = \"1.0.0\"\n");
        project.envtool(&["init"]).ok();
        sandbox.registry().fault("/index/al/ph/alpha", fault);
        project.envtool(&["sync"]).refused(1).says(&["alpha"]);
        assert!(!project.has("envtool.lock"));
    }
}

#[test]
fn a_network_that_is_gone_is_said() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    sandbox.cut_network();
    project.envtool(&["sync"]).refused(1);
    assert!(!project.has(".envtool/cargo.toml"));
}

/// Archives that must not be taken, each under a word for what is wrong with it.
fn hostile() -> Vec<(&'static str, CrateBuilder)> {
    let base = || telling("alpha", "1.0.0");
    let long = "a/".repeat(40);
    vec![
        ("a link", base().entry("alpha-1.0.0/link", EntryType::Symlink, "/etc/passwd", 0o777, "")),
        ("a link inside", base().entry("alpha-1.0.0/link", EntryType::Symlink, "src/lib.rs", 0o777, "")),
        (
            "a hard link",
            base().entry("alpha-1.0.0/link", EntryType::Link, "alpha-1.0.0/src/lib.rs", 0o644, ""),
        ),
        ("a fifo", base().entry("alpha-1.0.0/pipe", EntryType::Fifo, "", 0o644, "")),
        ("a device", base().entry("alpha-1.0.0/null", EntryType::Char, "", 0o644, "")),
        ("a way up", base().entry("alpha-1.0.0/../../up", EntryType::Regular, "", 0o644, "x")),
        ("an absolute path", base().entry("/tmp/envtool-absolute", EntryType::Regular, "", 0o644, "x")),
        ("another folder", base().entry("beta-1.0.0/lib.rs", EntryType::Regular, "", 0o644, "x")),
        (
            "a folder that looks alike",
            base().entry("alpha-1.0.0-evil/lib.rs", EntryType::Regular, "", 0o644, "x"),
        ),
        ("a backslash", base().entry("alpha-1.0.0/..\\..\\x", EntryType::Regular, "", 0o644, "x")),
        ("an escape", base().entry("alpha-1.0.0/\u{1b}[31mred", EntryType::Regular, "", 0o644, "x")),
        (
            "the same file twice",
            base().entry("alpha-1.0.0/src/lib.rs", EntryType::Regular, "", 0o644, "other"),
        ),
        (
            "names that differ by case",
            base().entry("alpha-1.0.0/SRC/LIB.rs", EntryType::Regular, "", 0o644, "other"),
        ),
        ("a file where a folder is", base().entry("alpha-1.0.0/src", EntryType::Regular, "", 0o644, "other")),
        ("no manifest", krate("alpha", "1.0.0").raw(gzip(&[0; 1024]))),
        ("nothing", krate("alpha", "1.0.0").raw(Vec::new())),
        ("no archive", krate("alpha", "1.0.0").raw(b"not gzip".to_vec())),
        ("no tar", krate("alpha", "1.0.0").raw(gzip(&[b'x'; 700]))),
        ("half", {
            let whole = base().bytes();
            krate("alpha", "1.0.0").raw(whole[..whole.len() / 2].to_vec())
        }),
        ("a bomb", bomb("alpha", "1.0.0", 600)),
        (
            "a long way down",
            base().entry(&format!("alpha-1.0.0/{long}x"), EntryType::Regular, "", 0o644, "x"),
        ),
    ]
}

#[test]
fn hostile_archives_are_refused_and_write_nothing() {
    for (what, krate) in hostile() {
        let sandbox = Sandbox::new();
        sandbox.registry().publish(&krate);
        let project = sandbox.project("app");
        project.app("alpha = \"1\"\n", "").lock();
        project.envtool(&["init"]).ok();
        let before = tree(&sandbox.outside("."));
        let output = project.envtool(&["sync"]).run();
        if matches!(what, "a long way down" | "names that differ by case" | "the same file twice")
            && output.code == Some(0)
        {
            // Not all of these are attacks everywhere; what counts is that cargo would have taken them too.
            continue;
        }
        assert_eq!(output.code, Some(1), "{what}\n{output}");
        output.must_help().says(&["alpha"]);
        assert!(!project.has(".envtool/cargo.toml"), "{what}");
        assert!(!project.has(".envtool/vendor/alpha-1.0.0"), "{what}");
        // Only the store may have grown, and nothing of this crate may lie unpacked in it.
        let now = tree(&sandbox.outside("."));
        let grown: Vec<&str> = now
            .lines()
            .filter(|line| !before.lines().any(|old| old == *line))
            .filter(|line| {
                !line.contains("home/.cache/envtool")
                    && !line.contains("home/.cache/")
                    && !line.contains("/.cargo/")
            })
            .filter(|line| !line.contains(".envtool/.lock"))
            .collect();
        assert!(grown.is_empty(), "{what}: {grown:?}");
        let unpacked = tree(&sandbox.store());
        assert!(!unpacked.contains("alpha-1.0.0/"), "{what}: {unpacked}");
    }
    assert!(!std::path::Path::new("/tmp/envtool-absolute").exists());
}

#[test]
fn modes_that_would_harm_are_taken_away() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(
        &telling("alpha", "1.0.0").file_mode("tool", 0o6777, "#!/bin/sh\n").file_mode("open", 0o666, "x"),
    );
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    project.set_up();
    for (file, mode) in [("tool", 0o755), ("open", 0o644)] {
        let found = fs::metadata(project.path(".envtool/vendor/alpha-1.0.0").join(file)).unwrap();
        assert_eq!(found.permissions().mode() & 0o7777, mode, "{file}");
    }
    works(&sandbox, &project);
}

#[test]
fn a_crates_own_configuration_has_no_effect() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(
        &telling("alpha", "1.0.0")
            .file(".cargo/config.toml", "[build]\nrustc-wrapper = \"/no/such/wrapper\"\n")
            .file("rust-toolchain.toml", "[toolchain]\nchannel = \"1.0.0\"\n"),
    );
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    project.set_up();
    works(&sandbox, &project);
}

#[test]
fn what_is_no_environment_is_refused_by_every_verb() {
    let sandbox = Sandbox::new();
    let elsewhere = sandbox.outside("elsewhere");
    fs::write(elsewhere.join("precious"), "mine").unwrap();
    let project = project(&sandbox);
    fs::remove_dir_all(project.path(".envtool")).unwrap();
    let verbs = [&["sync"][..], &["run", "--", "true"], &["run", "--sync", "--", "true"], &["list"]];

    project.write(".envtool", "a file\n");
    for verb in verbs {
        project.envtool(verb).refused(1).says(&[".envtool"]);
    }
    fs::remove_file(project.path(".envtool")).unwrap();

    for target in [elsewhere.clone(), project.path("nowhere")] {
        symlink(&target, project.path(".envtool")).unwrap();
        for verb in verbs {
            project.envtool(verb).refused(1).says(&[".envtool"]);
        }
        fs::remove_file(project.path(".envtool")).unwrap();
    }
    assert_eq!(tree(&elsewhere).lines().count(), 2, "it wrote through a link");

    project.write(".envtool/vendor/notes.txt", "somebody else's\n");
    for verb in verbs {
        project.envtool(verb).refused(1).says(&[".envtool"]);
    }
    assert_eq!(project.read(".envtool/vendor/notes.txt"), "somebody else's\n");
}

#[test]
fn an_environment_of_a_newer_envtool_is_refused() {
    let sandbox = Sandbox::new();
    let project = synced(&sandbox);
    let env = project.read(".envtool/env.toml");
    let line = env.lines().find(|line| line.starts_with("format")).unwrap().to_owned();
    project.write(".envtool/env.toml", &env.replace(&line, "format = 99"));
    project.envtool(&["sync"]).refused(1).says(&["env.toml"]);
    project.write(".envtool/env.toml", &env[..env.len() / 2]);
    project.envtool(&["sync"]).refused(1).says(&["env.toml"]);
}

#[test]
fn a_folder_that_may_not_be_written_is_refused() {
    let sandbox = Sandbox::new();
    let Some(stranger) = sandbox.as_stranger() else {
        return;
    };
    let project = project(&sandbox);
    let closed = [project.dir().to_owned(), project.path(".envtool")];
    let mode = |mode: u32| {
        for folder in &closed {
            fs::set_permissions(folder, PermissionsExt::from_mode(mode)).unwrap();
        }
    };
    mode(0o555);
    project.envtool(&["sync"]).through(&stranger).refused(1).says(&[".envtool"]);
    mode(0o755);
    let fresh = sandbox.project("fresh");
    fresh.app("", "");
    fs::set_permissions(fresh.dir(), PermissionsExt::from_mode(0o555)).unwrap();
    fresh.envtool(&["init"]).through(&stranger).refused(1).says(&[&fresh.dir().display().to_string()]);
    fs::set_permissions(fresh.dir(), PermissionsExt::from_mode(0o755)).unwrap();
    project.envtool(&["sync"]).through(&stranger).ok();
    works(&sandbox, &project);
}

#[test]
fn a_store_that_may_not_be_written_is_refused() {
    let sandbox = Sandbox::new();
    let Some(stranger) = sandbox.as_stranger() else {
        return;
    };
    let project = project(&sandbox);
    let closed = sandbox.outside("closed");
    fs::set_permissions(&closed, PermissionsExt::from_mode(0o555)).unwrap();
    project
        .envtool(&["sync"])
        .env("ENVTOOL_CACHE_DIR", &closed)
        .through(&stranger)
        .refused(1)
        .says(&[&closed.display().to_string()]);
}

#[test]
fn without_a_home_the_store_has_to_be_named() {
    let sandbox = Sandbox::new();
    // The machine's list of users is the other place where a home stands, so the user must not be in it.
    let Some(stranger) = sandbox.as_stranger() else {
        return;
    };
    let project = project(&sandbox);
    project.envtool(&["sync"]).without("HOME").through(&stranger).refused(1).says(&["ENVTOOL_CACHE_DIR"]);
    project
        .envtool(&["sync"])
        .without("HOME")
        .env("ENVTOOL_CACHE_DIR", sandbox.store())
        .through(&stranger)
        .ok();
    works(&sandbox, &project);
}

#[test]
fn without_cargo_it_says_what_to_install() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("plain");
    // Only cargo can resolve this.
    project.write("envtool.toml", "[crates]\nalpha = \"1.0.0\"\n");
    let output = project.envtool(&["sync"]).env("PATH", sandbox.empty()).refused(1);
    output.says(&["cargo", "rustup"]);
}

#[test]
fn folders_with_odd_names_work() {
    for name in ["with space", "quo'te\"s", "ünï [x] {y} #1", "back\\slash", "$HOME;true"] {
        let sandbox = Sandbox::new();
        sandbox.registry().publish(&telling("alpha", "1.0.0"));
        let project = sandbox.project(name);
        project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
        project.set_up();
        works(&sandbox, &project);
    }
}

#[test]
fn wrong_usage_is_exit_2() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("app");
    for args in [&["no-such-verb"][..], &["sync", "--no-such-flag"], &["cache", "no-such"], &["which"]] {
        let output = project.envtool(args).run();
        assert_eq!(output.code, Some(2), "{output}");
        assert!(output.stderr.contains("Usage") || output.stderr.contains("--help"), "{output}");
    }
    let output = project.envtool(&["--help"]).ok();
    assert!(output.stdout.contains("sync"), "{output}");
    assert!(project.envtool(&["--version"]).ok().stdout.starts_with("envtool "));
}

#[test]
fn an_index_that_names_another_checksum_than_the_archive_has_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0").cksum(&"1".repeat(64)));
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "").lock();
    project.envtool(&["init"]).ok();
    project.envtool(&["sync"]).refused(1).says(&["alpha", &"1".repeat(64)]);
}

#[test]
fn a_crate_whose_manifest_this_cargo_cannot_read_is_named_and_the_rest_works() {
    let sandbox = Sandbox::new();
    sandbox
        .registry()
        .publish(&telling("alpha", "1.0.0").dep(Dep::new("future", "^1").target("cfg(windows)")));
    sandbox.registry().publish(&krate("future", "1.0.0").edition("2099"));
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    let output = project.set_up();
    output.says(&["future"]);
    works(&sandbox, &project);
}

#[test]
fn a_transfer_that_stalls_or_trickles_is_given_up() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    let hang = Fault::Drip { bytes: 1, pause: Duration::from_mins(1) };
    let trickle = Fault::Drip { bytes: 1, pause: Duration::from_millis(400) };
    for fault in [hang, trickle] {
        sandbox.registry().fault("/dl/alpha/", fault);
        let call = project.envtool(&["sync"]).env("CARGO_HTTP_TIMEOUT", "1").env("CARGO_NET_RETRY", "0");
        call.refused(1).says(&["alpha 1.0.0", "check the network"]);
        sandbox.registry().mend();
    }
    project.envtool(&["sync"]).ok();
    works(&sandbox, &project);
}

#[test]
fn a_proxy_or_certificate_that_cannot_be_used_fails_closed() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    project.write("bad.pem", "no certificate\n");
    let bad = project.path("bad.pem");
    for (name, value) in [
        ("CARGO_HTTP_PROXY", "127.0.0.1:1".to_owned()),
        ("http_proxy", "http://127.0.0.1:1".to_owned()),
        ("SSL_CERT_FILE", "/nonexistent.pem".to_owned()),
        ("SSL_CERT_FILE", bad.display().to_string()),
        ("CARGO_HTTP_CAINFO", bad.display().to_string()),
    ] {
        let output = project.envtool(&["sync"]).env(name, &value).env("CARGO_NET_RETRY", "0").refused(1);
        assert!(output.stderr.contains("prox"), "{name}={value}: the help names what to check\n{output}");
    }
    assert_eq!(sandbox.registry().asked("/dl/").len(), 0, "it went round what the user set");
    project.envtool(&["sync"]).ok();
    works(&sandbox, &project);
}

#[test]
fn a_full_disk_is_said_and_leaves_the_environment_as_it_was() {
    let sandbox = Sandbox::new();
    let project = project(&sandbox);
    sandbox.registry().publish(&krate("large", "1.0.0").file("data.bin", &noise(2 << 20)));
    project.app("alpha = \"1\"\nlarge = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    let store = sandbox.outside("small");
    let mount = format!("mount -t tmpfs -o size=512k tmpfs '{}' && exec \"$@\"", store.display());
    let prefix: Vec<_> = ["unshare", "--mount", "sh", "-c", &mount, "sh"].map(Into::into).to_vec();
    if sandbox.call("true", &[] as &[&str], &sandbox.home()).through(&prefix).run().code != Some(0) {
        skipped("this machine lets nobody mount a small disk");
        return;
    }
    let call = project.envtool(&["sync"]).env("ENVTOOL_CACHE_DIR", store.to_str().unwrap()).through(&prefix);
    call.refused(1).says(&["No space left", "ENVTOOL_CACHE_DIR"]);
    project.envtool(&["sync"]).ok();
    works(&sandbox, &project);
}

/// Bytes that do not compress.
fn noise(count: usize) -> String {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'!' + u8::try_from((state >> 33) % 90).unwrap())
    };
    (0..count).map(|_| next()).collect()
}
