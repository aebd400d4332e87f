//! Shows that the ground of the other tests holds: the registry serves cargo itself, and spoils what it is told to.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::crates::bomb;
use crate::support::mirror::uninterrupted;
use crate::support::{Dep, Fault, Gate, GitRepo, Registry, Sandbox, krate, telling};

/// One request through a plain socket: status line and headers, and the body until the connection ends.
fn get(registry: &Registry, path: &str, headers: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(registry.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n").unwrap();
    let mut bytes = Vec::new();
    let mut block = [0; 4096];
    loop {
        let read = uninterrupted(|| stream.read(&mut block)).unwrap();
        bytes.extend_from_slice(&block[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let end = text.find("\r\n\r\n");
        let length = text
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
        let whole = matches!((end, length), (Some(end), Some(length)) if bytes.len() >= end + 4 + length);
        if read == 0 || whole || bytes.len() > 1_000_000 {
            let end = end.unwrap_or(text.len());
            let body = bytes.get(end + 4..).unwrap_or_default().to_vec();
            return (text[..end].to_owned(), body);
        }
    }
}

/// Three crates: `alpha` needs `beta` (renamed) and, to build, `gamma`.
fn publish_three(registry: &Registry) {
    registry.publish(
        &telling("alpha", "1.0.0")
            .lib("pub fn id() -> String { format!(\"alpha 1.0.0 on {} by {}\", b::id(), env!(\"MADE_BY\")) }")
            .dep(Dep::new("b", "^2").package("beta"))
            .dep(Dep::new("gamma", "^0.3").build())
            .dep(Dep::new("never", "^1").optional())
            .feature("all", &["dep:never"])
            .build_script("fn main() { println!(\"cargo:rustc-env=MADE_BY={}\", gamma::id()); }"),
    );
    registry.publish(&telling("beta", "2.0.0"));
    registry.publish(&telling("beta", "2.1.0"));
    registry.publish(&telling("gamma", "0.3.9"));
    registry.publish(&krate("never", "1.0.0").lib("compile_error!(\"nobody asked for this\");"));
    registry.yank("beta", "2.1.0");
}

#[test]
fn cargo_locks_builds_and_runs_from_the_local_registry() {
    let sandbox = Sandbox::new();
    publish_three(&sandbox.registry());
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    let lock = project.read("Cargo.lock");
    assert!(lock.contains("registry+https://github.com/rust-lang/crates.io-index"), "{lock}");
    assert!(lock.contains("2.0.0") && !lock.contains("2.1.0"), "a yanked version was locked\n{lock}");
    project.cargo(&["fetch", "--locked"]).ok();
    sandbox.cut_network();
    let output = project.cargo(&["run", "--quiet", "--offline"]).ok();
    assert_eq!(output.stdout, "alpha 1.0.0 on beta 2.0.0 by gamma 0.3.9\n");
}

#[test]
fn an_isolated_build_cannot_see_cargos_own_cache() {
    let sandbox = Sandbox::new();
    publish_three(&sandbox.registry());
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "println!(\"{}\", alpha::id());").lock();
    project.cargo(&["fetch", "--locked"]).ok();
    sandbox.cut_network();
    let output = project.isolated(&["build", "--offline", "--locked"]).run();
    assert_ne!(output.code, Some(0), "{output}");
}

#[test]
fn what_is_cached_is_answered_with_304() {
    let sandbox = Sandbox::new();
    publish_three(&sandbox.registry());
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "").lock();
    sandbox.registry().forget();
    project.cargo(&["update"]).ok();
    let again = sandbox.registry().asked("/index/al/ph/alpha");
    assert_eq!(again.len(), 1, "{again:?}");
    assert!(again[0].headers.contains_key("if-none-match"), "{again:?}");
    assert_eq!((again[0].status, again[0].method.as_str()), (304, "GET"));
}

#[test]
fn a_registry_with_a_token_serves_only_who_has_it() {
    let sandbox = Sandbox::new();
    let private = Registry::start();
    private.require_token("s3cret");
    private.publish(&telling("inside", "1.0.0"));
    sandbox.configure_cargo(&format!(
        "[registries.private]\nindex = {:?}\n\n[registry]\nglobal-credential-providers = [\"cargo:token\"]\n",
        private.index()
    ));
    let project = sandbox.project("app");
    project.app("inside = { version = \"1\", registry = \"private\" }\n", "println!(\"{}\", inside::id());");
    let refused = project.cargo(&["generate-lockfile"]).run();
    assert_ne!(refused.code, Some(0), "{refused}");
    let output = project.cargo(&["run", "--quiet"]).env("CARGO_REGISTRIES_PRIVATE_TOKEN", "s3cret").ok();
    assert_eq!(output.stdout, "inside 1.0.0\n");
    assert!(private.asked("/dl/inside").iter().all(|request| request.status == 200));
}

#[test]
fn cargo_sees_the_faults() {
    let sandbox = Sandbox::new();
    publish_three(&sandbox.registry());
    let project = sandbox.project("app");
    project.app("alpha = \"1\"\n", "").lock();
    // Twice 500, then right: cargo tries three times more.
    sandbox.registry().fault_times(2, "/dl/alpha/", Fault::Status(500));
    project.cargo(&["fetch", "--locked"]).ok();
    let statuses: Vec<u16> = sandbox.registry().asked("/dl/alpha/").iter().map(|r| r.status).collect();
    assert_eq!(statuses, [500, 500, 200]);
    for (fault, word) in
        [(Fault::Body(b"not a crate".to_vec()), "failed to verify the checksum"), (Fault::Status(404), "404")]
    {
        let project = sandbox.project("again");
        project.app("gamma = \"0.3\"\n", "").lock();
        sandbox.registry().fault("/dl/gamma/", fault);
        let home = sandbox.outside(&format!("home-{}", word.len()));
        let config = sandbox.home().join(".cargo/config.toml");
        let output = project
            .cargo(&["fetch", "--locked", "--config", config.to_str().unwrap()])
            .env("CARGO_HOME", home)
            .env("CARGO_NET_RETRY", "0")
            .run();
        assert_ne!(output.code, Some(0), "{output}");
        output.says(&[word]);
        sandbox.registry().mend();
    }
}

#[test]
fn every_fault_is_what_it_says() {
    let mut registry = Registry::start();
    registry.publish(&telling("alpha", "1.0.0"));
    let path = "/dl/alpha/1.0.0/download";
    let right = get(&registry, path, "").1;
    let whole = right.len();
    let spoiled = |fault: Fault| {
        registry.mend();
        registry.fault("/dl/", fault);
        get(&registry, path, "")
    };
    assert!(spoiled(Fault::Status(403)).0.starts_with("HTTP/1.1 403 "));
    let (head, _) = spoiled(Fault::TooMany(2));
    assert!(head.starts_with("HTTP/1.1 429 ") && head.contains("retry-after: 2"), "{head}");
    let (head, body) = spoiled(Fault::Cut(7));
    assert!(head.contains(&format!("content-length: {whole}")) && body.len() == 7, "{head}");
    assert_eq!(spoiled(Fault::Body(b"<html>".to_vec())).1, b"<html>");
    let drip = Fault::Drip { bytes: whole / 2, pause: Duration::from_millis(1) };
    assert_eq!(spoiled(drip).1, right);
    assert!(spoiled(Fault::Endless).1.len() > 900_000);
    let (head, _) = spoiled(Fault::Redirect(path.to_owned()));
    assert!(head.contains(&format!("location: {path}")), "{head}");
    assert_eq!(spoiled(Fault::Length(whole + 5)).1, right);
    assert_eq!(spoiled(Fault::Hold(3, Gate::new(1))).1, right);
    assert_eq!(spoiled(Fault::Refuse), (String::new(), Vec::new()));
    registry.mend();
    assert_eq!(get(&registry, path, "").1, right);
    assert_eq!(registry.asked("/dl/").last().unwrap().status, 200);
    registry.stop();
    assert!(TcpStream::connect(registry.address()).is_err(), "it still listens");
}

#[test]
fn git_repositories_serve_cargo() {
    let sandbox = Sandbox::new();
    let repo = GitRepo::new(&sandbox, "tools");
    repo.telling("", "tools", "on main").commit("first");
    repo.branch("feat/x+y").telling("", "tools", "on the branch");
    let commit = repo.commit("second");
    let project = sandbox.project("app");
    project
        .app(
            &format!("tools = {{ git = {:?}, branch = \"feat/x+y\" }}\n", repo.url()),
            "println!(\"{}\", tools::id());",
        )
        .lock();
    let lock = project.read("Cargo.lock");
    assert!(lock.contains(&format!("?branch=feat%2Fx%2By#{commit}")), "{lock}");
    assert_eq!(project.cargo(&["run", "--quiet"]).ok().stdout, "on the branch\n");
}

#[test]
fn a_fingerprint_sees_every_change() {
    let sandbox = Sandbox::new();
    let project = sandbox.project("app");
    project.write("a", "1").write("b/c", "2");
    let mut seen = vec![project.fingerprint()];
    let mut look = |what: &str| {
        let now = project.fingerprint();
        assert!(!seen.contains(&now), "{what} went unseen");
        seen.push(now);
    };
    project.write("a", "2");
    look("a content");
    project.write("d", "");
    look("a new file");
    std::fs::remove_file(project.path("d")).unwrap();
    std::os::unix::fs::symlink("a", project.path("d")).unwrap();
    look("a link in place of a file");
    std::fs::set_permissions(project.path("a"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    look("a mode");
    std::fs::remove_dir_all(project.path("b")).unwrap();
    look("a folder less");
}

#[test]
fn a_bomb_is_small_and_unpacks_to_what_it_says() {
    let bytes = bomb("alpha", "1.0.0", 40).bytes();
    assert!(bytes.len() < 100_000, "{}", bytes.len());
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
    let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
    assert_eq!(entry.path().unwrap().to_str(), Some("alpha-1.0.0/zeros"));
    assert_eq!(std::io::copy(&mut entry, &mut std::io::sink()).unwrap(), 40 << 20);
}

#[test]
fn a_call_sees_the_sandbox_and_nothing_else() {
    let sandbox = Sandbox::new();
    let script = "pwd; echo $HOME $CARGO_HOME $CARGO_MANIFEST_DIR; echo wrong >&2; exit 3";
    let output = sandbox.call("sh", &["-c", script], sandbox.project("app").dir()).run();
    insta::assert_snapshot!(output.snapshot(&sandbox), @r"
    $ sh -c pwd; echo $HOME $CARGO_HOME $CARGO_MANIFEST_DIR; echo wrong >&2; exit 3
    exit: 3
    --- stdout
    [HOME]/work/app
    [HOME] [HOME]/.cargo
    --- stderr
    wrong
    ");
}
