//! `envtool serve` as cargo, pip and uv meet it: what it gives, once for all who ask, as it comes, and to the end.

use std::path::Path;
use std::sync::Barrier;
use std::thread;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::support::crates::sha256;
use super::support::mirror::{Client, bucket, held};
use super::support::{
    Call, Dep, Fault, Gate, Mirror, Sandbox, krate, saying, skipped, telling, uv_for_tests, wheel, write,
};

/// What the mirror gives on while it arrives, in bytes, and more.
pub(crate) const LARGE: usize = 600 << 10;

/// Bytes that are not all the same.
pub(crate) fn noise(count: usize) -> Vec<u8> {
    (0_u32..).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).take(count).collect()
}

/// Where a crate's archive lies on the mirror.
pub(crate) fn archive(name: &str, version: &str) -> String {
    format!("/crates/archives/{name}/{version}/download")
}

/// A call of cargo on a machine that knows only the mirror, with nothing cached, in a project that needs `alpha`.
pub(crate) fn cargo<'a>(sandbox: &'a Sandbox, mirror: &Mirror, name: &str, args: &[&str]) -> Call<'a> {
    let dir = sandbox.outside(name);
    write(&dir.join("home/config.toml"), &mirror.cargo_config());
    let manifest =
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nalpha = \"1\"\n";
    write(&dir.join("app/Cargo.toml"), manifest);
    write(&dir.join("app/src/main.rs"), "fn main() { println!(\"{}\", alpha::both()) }\n");
    sandbox.call("cargo", args, &dir.join("app")).env("CARGO_HOME", dir.join("home"))
}

/// `alpha`, which needs `beta`, in the registry.
pub(crate) fn publish(sandbox: &Sandbox) {
    let alpha = krate("alpha", "1.0.0")
        .dep(Dep::new("beta", "1"))
        .lib("pub fn both() -> String { format!(\"alpha over {}\", beta::id()) }\n");
    sandbox.registry().publish(&alpha);
    sandbox.registry().publish(&telling("beta", "1.2.0"));
}

/// `pip download` of a package with all that it needs, where the machine has a pip.
pub(crate) fn pip<'a>(sandbox: &'a Sandbox, index: &str, to: &str, package: &str) -> Option<Call<'a>> {
    let to = sandbox.outside(to);
    let is_there = sandbox.has_program("python3")
        && sandbox.call("python3", &["-m", "pip", "--version"], &to).run().code == Some(0);
    if !is_there {
        skipped("there is no pip on this machine");
        return None;
    }
    let words = ["-m", "pip", "download", "-q", "--no-cache-dir", "--disable-pip-version-check", "-i", index];
    Some(sandbox.call("python3", &[&words[..], &["--retries", "0", package]].concat(), &to))
}

/// `uv sync` of a project that needs a package.
pub(crate) fn uv<'a>(sandbox: &'a Sandbox, index: &str, name: &str, package: &str) -> Call<'a> {
    let dir = sandbox.outside(name);
    let project = format!(
        "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.8\"\ndependencies = [{package:?}]\n"
    );
    write(&dir.join("pyproject.toml"), &project);
    sandbox
        .call(uv_for_tests().to_str().unwrap(), &["sync", "--quiet", "--no-python-downloads"], &dir)
        .env("UV_DEFAULT_INDEX", index)
        .env("UV_CACHE_DIR", dir.join("cache"))
        .env("UV_HTTP_RETRIES", "0")
}

fn has_module(dir: &Path, file: &str) -> bool {
    let lib = std::fs::read_dir(dir.join(".venv/lib")).unwrap();
    lib.map(|entry| entry.unwrap().path().join("site-packages").join(file)).any(|path| path.is_file())
}

/// All clients, with nothing cached.
fn all_clients(sandbox: &Sandbox, mirror: &Mirror, round: &str) {
    let out = cargo(sandbox, mirror, &format!("cargo-{round}"), &["run", "--quiet"]).ok();
    assert_eq!(out.stdout, "alpha over beta 1.2.0\n");
    let index = format!("{}/pypi/simple/", mirror.url());
    uv(sandbox, &index, &format!("uv-{round}"), "py-one").ok();
    for module in ["Py_One.py", "py_two.py"] {
        assert!(has_module(&sandbox.outside(&format!("uv-{round}")), module), "{module}");
    }
    let to = format!("pip-{round}");
    if let Some(pip) = pip(sandbox, &index, &to, "Py_One") {
        pip.ok();
        for file in ["Py_One-1.0-py3-none-any.whl", "py_two-2.0-py3-none-any.whl"] {
            assert!(sandbox.outside(&to).join(file).is_file(), "{file}");
        }
    }
}

#[test]
fn cargo_pip_and_uv_are_served_and_again_where_nothing_is_asked_upstream() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let (one, two) = (saying("Py-One", "1.0").requires("py-two"), saying("py-two", "2.0"));
    sandbox.pypi().publish(&one);
    sandbox.pypi().publish(&two);
    sandbox.pypi().publish_sdist(&two);
    let mirror = Mirror::start(&sandbox, "", &[]);
    all_clients(&sandbox, &mirror, "online");
    let sdist = format!("/pypi/files/py-two/{}/py_two-2.0.tar.gz", sha256(&two.sdist()));
    mirror.get(&sdist).gives(&two.sdist());
    // cargo cannot have gone past it, and uv asked for metadata rather than for wheels (PEP 658).
    for path in ["/index/al/ph/alpha", "/dl/alpha/1.0.0/download", "/index/config.json"] {
        assert_eq!(sandbox.registry().asked(path).len(), 1, "{path}");
    }
    let asked = |path: &str| sandbox.pypi().server().asked(path).len();
    assert_eq!((asked("/simple/py-one/"), asked("py3-none-any.whl.metadata")), (1, 2));
    assert_eq!(
        sandbox.pypi().server().requests().len(),
        7,
        "two pages, two wheels, their metadata, an sdist"
    );

    the_index_of_crates_is_the_registrys(&sandbox, &mirror);
    the_simple_api_has_all_its_forms(&mirror, &one.metadata(), &sha256(&one.bytes()));
    let log = mirror.end();
    assert!(log.contains("GET /crates/index/al/ph/alpha 200 "), "{log}");

    // The same once more from what is held.
    sandbox.registry().forget();
    sandbox.pypi().server().forget();
    let mirror = Mirror::start(&sandbox, "", &["--offline"]);
    all_clients(&sandbox, &mirror, "offline");
    mirror.get(&sdist).gives(&two.sdist());
    mirror.get("/crates/index/ga/mm/gamma").refuses(504, &["gamma", "--offline"]);
    mirror.get(&archive("gamma", "1.0.0")).refuses(504, &["--offline"]);
    mirror.get("/pypi/simple/gamma/").refuses(504, &["gamma", "--offline"]);
    assert_eq!(mirror.metric("offline"), 1);
    assert_eq!(mirror.metric("upstream_up{registry=\"crates\"}"), 0);
    assert!(sandbox.registry().requests().is_empty() && sandbox.pypi().server().requests().is_empty());
}

fn the_index_of_crates_is_the_registrys(sandbox: &Sandbox, mirror: &Mirror) {
    let index = "/crates/index/al/ph/alpha";
    let rows = mirror.get(index);
    rows.gives(&sandbox.registry().rows("alpha"));
    let file = mirror.get(&archive("alpha", "1.0.0"));
    assert!(file.is_whole && file.header("cache-control").contains("immutable"), "{}", file.head);
    for (path, reply) in [(index, rows), (&archive("alpha", "1.0.0"), file)] {
        let tag = reply.header("etag").to_owned();
        let again = mirror.ask(path, &[("If-None-Match", &tag)]);
        assert_eq!((again.status, again.header("etag"), again.body.len()), (304, tag.as_str(), 0), "{path}");
        let weak = mirror.ask(path, &[("If-None-Match", &format!("\"other\", W/{tag}"))]);
        assert_eq!(weak.status, 304, "{path}");
        mirror.ask(path, &[("If-None-Match", "\"other\"")]).gives(&reply.body);
    }
    mirror.get("/crates/index/no/ne/none").refuses(404, &["no crate none"]);
    mirror.get(&archive("alpha", "9.9.9")).refuses(404, &["alpha 9.9.9"]);
    // As cargo writes a name with capitals, and as it does not.
    assert_eq!(mirror.get(&archive("ALPHA", "1.0.0")).status, 200);
    mirror.get("/crates/index/Al/ph/Alpha").refuses(404, &[]);
    mirror.get("/crates/index/alpha").refuses(404, &[]);
}

fn the_simple_api_has_all_its_forms(mirror: &Mirror, metadata: &str, digest: &str) {
    let json_type = "application/vnd.pypi.simple.v1+json";
    let page = mirror.ask("/pypi/simple/py-one/", &[("Accept", json_type)]);
    assert_eq!((page.status, page.header("content-type"), page.header("vary")), (200, json_type, "accept"));
    let read: Value = serde_json::from_slice(&page.body).unwrap();
    let name = "Py_One-1.0-py3-none-any.whl";
    let file = &read["files"][0];
    assert_eq!((&read["name"], &file["filename"]), (&json!("py-one"), &json!(name)));
    assert_eq!(file["url"], format!("../../files/py-one/{digest}/{name}"));
    assert_eq!(file["core-metadata"]["sha256"], sha256(metadata.as_bytes()));
    let at = format!("/pypi/files/py-one/{digest}/{name}");
    assert_eq!(sha256(&mirror.get(&at).body), digest);
    mirror.get(&format!("{at}.metadata")).gives(metadata.as_bytes());
    let html = mirror.ask("/pypi/simple/py-one/", &[("Accept", "text/html")]);
    assert!(html.header("content-type").starts_with("text/html"), "{}", html.head);
    assert!(html.text().contains(&format!("../../files/py-one/{digest}/{name}#sha256={digest}")), "{html:?}");
    assert_ne!(html.header("etag"), page.header("etag"), "two forms are two things");
    let again = [("Accept", "text/html"), ("If-None-Match", html.header("etag"))];
    assert_eq!(mirror.ask("/pypi/simple/py-one/", &again).status, 304);
    mirror.ask("/pypi/simple/py-one/", &[("Accept", "image/png")]).refuses(406, &["JSON", "HTML"]);
    for (asked, to) in [
        ("/pypi/simple/Py_One/", "../py-one/"),
        ("/pypi/simple/py.-_one/", "../py-one/"),
        ("/pypi/simple/PY-ONE", "py-one/"),
        ("/pypi/simple/py-one", "py-one/"),
    ] {
        let reply = mirror.get(asked);
        assert_eq!((reply.status, reply.header("location")), (301, to), "{asked}");
    }
    let all = mirror.ask("/pypi/simple/", &[("Accept", json_type)]);
    let all: Value = serde_json::from_slice(&all.body).unwrap();
    assert_eq!(all["projects"], json!([{"name": "py-one"}, {"name": "py-two"}]));
    // Another's digest, another's file, no file.
    let other = "0".repeat(64);
    mirror.get(&format!("/pypi/files/py-one/{other}/{name}")).refuses(404, &[]);
    mirror.get(&format!("/pypi/files/py-two/{digest}/{name}")).refuses(404, &[]);
    mirror.get("/pypi/simple/py-none/").refuses(404, &["py-none"]);
}

#[test]
fn fifty_clients_at_once_cause_one_request_of_each_kind() {
    const CLIENTS: usize = 50;
    let sandbox = Sandbox::new();
    let (small, large) = (noise(10_000), noise(LARGE));
    sandbox.registry().publish(&krate("small", "1.0.0").raw(small.clone()));
    sandbox.registry().publish(&krate("large", "1.0.0").raw(large.clone()));
    let wheel = wheel("py-one", "1.0").file("data", &large);
    sandbox.pypi().publish(&wheel);
    let mirror = Mirror::start(&sandbox, "", &[]);
    let file = format!("/pypi/files/py-one/{}/{}", sha256(&wheel.bytes()), wheel.file_name());
    for (path, upstream, asked, body) in [
        ("/crates/index/sm/al/small".to_owned(), "r", "/index/sm/al/small", sandbox.registry().rows("small")),
        (archive("small", "1.0.0"), "r", "/dl/small", small),
        // Its index too is cold: whoever asks for the archive has it asked.
        (archive("large", "1.0.0"), "r", "/dl/large", large),
        (format!("{file}.metadata"), "p", "whl.metadata", wheel.metadata().into_bytes()),
        (file, "p", "any.whl", wheel.bytes()),
    ] {
        // The registry answers when all have asked, and not before.
        let gate = Gate::new(2);
        let pypi = sandbox.pypi();
        let registry = sandbox.registry();
        let server = if upstream == "p" { pypi.server() } else { &*registry };
        server.mend();
        server.forget();
        server.fault(asked, Fault::Hold(1, gate.clone()));
        let (address, all) = (mirror.address(), Barrier::new(CLIENTS + 1));
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    let mut client = Client::to(address);
                    client.ask(&path, &[]);
                    all.wait();
                    client.reply().gives(&body);
                });
            }
            all.wait();
            gate.pass();
        });
        let upstream = server.asked(asked);
        assert_eq!(upstream.len(), 1, "{path}: {:?}", server.requests());
        // What is compressed once more on the way would have another checksum.
        let encoding = upstream[0].headers.get("accept-encoding").map(String::as_str);
        assert_eq!(encoding == Some("identity"), !path.contains("/index/"), "{path}: {encoding:?}");
    }
    let index = sandbox.registry().asked("/index/").len();
    assert_eq!(index, 1, "for all who asked for `large`, which nobody had asked the index about");
    mirror.end();
}

#[test]
fn two_wheels_with_one_metadata_are_asked_about_at_once() {
    let sandbox = Sandbox::new();
    let wheels = ["manylinux_2_17_x86_64", "win_amd64"].map(|platform| {
        wheel("py-two", "1.0").tag(&format!("py3-none-{platform}")).file("data", platform.as_bytes())
    });
    for wheel in &wheels {
        sandbox.pypi().publish(wheel);
    }
    let mirror = Mirror::start(&sandbox, "", &[]);
    // Both are under way before one arrives.
    sandbox.pypi().server().fault("whl.metadata", Fault::Meet(Gate::new(2)));
    thread::scope(|scope| {
        for wheel in &wheels {
            scope.spawn(|| {
                let file = format!("/pypi/files/py-two/{}/{}", sha256(&wheel.bytes()), wheel.file_name());
                mirror.get(&format!("{file}.metadata")).gives(wheel.metadata().as_bytes());
            });
        }
    });
}

#[test]
fn several_cargos_at_once_cause_one_request_of_each_kind() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let mirror = Mirror::start(&sandbox, "", &[]);
    let start = |number| {
        let mut command = cargo(&sandbox, &mirror, &format!("cargo-{number}"), &["fetch", "-q"]).command();
        command.stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let running: Vec<_> = (0..8).map(start).collect();
    for cargo in running {
        let output = cargo.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n{}", mirror.log());
    }
    let mut paths: Vec<String> = sandbox.registry().requests().into_iter().map(|r| r.path).collect();
    paths.sort();
    assert_eq!(
        paths,
        [
            "/dl/alpha/1.0.0/download",
            "/dl/beta/1.2.0/download",
            "/index/al/ph/alpha",
            "/index/be/ta/beta",
            "/index/config.json"
        ],
        "{}",
        mirror.log()
    );
}

#[test]
fn a_file_is_given_while_it_arrives_and_an_end_waits_for_it() {
    let sandbox = Sandbox::new();
    let bytes = noise(LARGE);
    sandbox.registry().publish(&krate("large", "1.0.0").raw(bytes.clone()));
    for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "Ctrl-C")] {
        let mirror = Mirror::start(&sandbox, "", &[]);
        let gate = Gate::new(2);
        sandbox.registry().fault_times(1, "/dl/large", Fault::Hold(LARGE - 1000, gate.clone()));
        let mut client = mirror.connect();
        client.ask(&archive("large", "1.0.0"), &[]);
        let came = client.sees(LARGE - 1000);
        assert!(
            (LARGE - 1000..LARGE).contains(&came),
            "{name}: the registry has not sent all, and {came} bytes came"
        );
        assert!(!held(&sandbox).contains(&sha256(&bytes)), "it is not held before it is verified");
        // One that has said nothing does not hold the end up, and nobody comes in any more.
        let mut idle = mirror.connect();
        let address = mirror.address();
        mirror.signal(signal);
        assert!(idle.is_let_go(), "{name}");
        let refused = std::net::TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused, "{name}");
        gate.pass();
        client.reply().gives(&bytes);
        let (code, log) = mirror.ended();
        assert_eq!(code, Some(0), "{name}: {log}");
        assert!(log.contains("Ended") && !log.contains("cut"), "{name}: {log}");
        assert!(held(&sandbox).contains(&sha256(&bytes)), "{name}");
        std::fs::remove_dir_all(bucket(&sandbox, "archives")).unwrap();
    }
    // Who asks twice for an end does not wait for it.
    let mirror = Mirror::start(&sandbox, "", &[]);
    let gate = Gate::new(2);
    sandbox.registry().fault_times(1, "/dl/large", Fault::Hold(LARGE - 1000, gate.clone()));
    let mut client = mirror.connect();
    client.ask(&archive("large", "1.0.0"), &[]);
    client.sees(LARGE - 1000);
    let mut idle = mirror.connect();
    mirror.signal(Signal::INT);
    assert!(idle.is_let_go());
    mirror.signal(Signal::INT);
    let (code, log) = mirror.ended();
    assert!(code == Some(0) && log.contains("answers that still ran were cut"), "{log}");
    assert!(!client.reply().is_whole);
    gate.pass();
}
