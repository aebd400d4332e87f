//! `envtool serve` against who asks: names that are private, tokens, limits, paths that are none; and what it tells
//! those who run it.

use std::io::Write as _;
use std::time::{Duration, Instant};

use base64::Engine as _;

use super::serve::{archive, cargo, noise, pip, publish, uv};
use super::support::crates::sha256;
use super::support::mirror::{Client, serve};
use super::support::{Fault, Mirror, Pypi, Sandbox, any_file_holds, krate, saying, write};

/// The token of these tests.
const TOKEN: &str = "s3cret-of-the-house";

#[test]
fn private_names_are_never_asked_upstream() {
    let sandbox = Sandbox::new();
    let config = format!(
        "[crates]\nprivate = [\"acme-*\", \"internal\"]\n[pypi]\nindex = {:?}\nprivate = [\"acme-*\", \"internal\"]\n",
        sandbox.pypi().index()
    );
    let mirror = Mirror::start(&sandbox, &config, &[]);
    for (name, path) in
        [("acme-x", "ac/me/acme-x"), ("acme_x", "ac/me/acme_x"), ("internal", "in/te/internal")]
    {
        mirror.get(&format!("/crates/index/{path}")).refuses(404, &[name, "private"]);
        mirror.get(&archive(name, "1.0.0")).refuses(404, &["private"]);
        mirror.get(&archive(&name.to_uppercase(), "1.0.0")).refuses(404, &["private"]);
        let digest = "0".repeat(64);
        for spelled in
            [name.to_owned(), name.to_uppercase(), name.replace(['-', '_'], "."), name.replace('-', "-_.")]
        {
            let file = format!("/pypi/files/{spelled}/{digest}/{spelled}-1.0.tar.gz");
            mirror.get(&file).refuses(404, &["private"]);
            let page = mirror.get(&format!("/pypi/simple/{spelled}/"));
            let page = match page.status {
                301 => {
                    mirror.get(&format!("/pypi/simple/{}", page.header("location").trim_start_matches("../")))
                }
                _ => page,
            };
            page.refuses(404, &["private"]);
        }
    }
    let asked = [sandbox.registry().requests(), sandbox.pypi().server().requests()].concat();
    assert!(asked.is_empty(), "{asked:?}");
    // Only those: `acme` is anybody's.
    mirror.get("/crates/index/ac/me/acme").refuses(404, &["no crate"]);
    mirror.get("/pypi/simple/acme/").refuses(404, &["no project"]);
    assert_eq!(sandbox.registry().asked("/index/ac/me/acme").len(), 1);
}

#[test]
fn a_mirror_with_tokens_is_read_with_one() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    sandbox.pypi().publish(&saying("py-one", "1.0"));
    // The registry wants one too, which is cargo's own on this machine and never the client's.
    sandbox.registry().require_token("upstream-s3cret");
    let index = sandbox.registry().index();
    sandbox
        .configure_cargo(&format!("[registries.upstream]\nindex = {index:?}\ntoken = \"upstream-s3cret\"\n"));
    let config =
        format!("[access]\ntokens = [{{ name = \"ci\", sha256 = \"{}\" }}]\n", sha256(TOKEN.as_bytes()));
    let mirror = Mirror::start(&sandbox, &config, &[]);
    assert_eq!(mirror.get("/healthz").text(), "ok\n");
    let basic = |text: &str| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text));
    for path in [
        "/",
        "/metrics",
        "/crates/index/config.json",
        "/crates/index/al/ph/alpha",
        "/pypi/simple/py-one/",
        "/x",
    ] {
        let refused = mirror.get(path);
        refused.refuses(401, &["wants a token"]);
        // A header each, else chromium asks for no password.
        for way in ["www-authenticate: basic realm=\"envtool mirror\"", "www-authenticate: bearer"] {
            assert!(refused.head.lines().any(|line| line == way), "{way}: {}", refused.head);
        }
        for wrong in [
            "Bearer wrong",
            "Bearer",
            "wrong",
            "Basic !!",
            &basic("me:wrong"),
            &basic(&format!("{TOKEN}:wrong")),
        ] {
            mirror.ask(path, &[("Authorization", wrong)]).refuses(401, &["token"]);
        }
        let expected = if path == "/x" { 404 } else { 200 };
        for right in [
            TOKEN.to_owned(),
            format!("Bearer {TOKEN}"),
            basic(&format!("me:{TOKEN}")),
            basic(&format!("{TOKEN}:")),
        ] {
            assert_eq!(mirror.ask(path, &[("Authorization", &right)]).status, expected, "{path}, {right}");
        }
    }
    let told = mirror.ask("/crates/index/config.json", &[("Authorization", TOKEN)]).text();
    assert!(told.contains("\"auth-required\":true"), "{told}");
    let file = mirror.ask(&archive("beta", "1.2.0"), &[("Authorization", TOKEN)]);
    assert!(file.status == 200 && file.header("cache-control").starts_with("private"), "{}", file.head);

    // cargo with the page's own lines, uv and pip.
    let page = mirror.ask("/", &[("Authorization", TOKEN)]).text();
    let cargos = page.split("<h3 id=\"cargo\">").nth(1).unwrap_or_else(|| panic!("{page}"));
    let lines: Vec<&str> =
        cargos.split("<pre>").skip(1).map(|rest| rest.split("</pre>").next().unwrap()).collect();
    let (config, variable) = (lines[0].replace("&quot;", "\""), lines[1]);
    let (name, _) = variable.trim().trim_start_matches("export ").split_once('=').unwrap();
    let fetch = |token| {
        let call = cargo(&sandbox, &mirror, "cargo", &["fetch", "-q"]).env(name, token);
        write(&sandbox.outside("cargo").join("home/config.toml"), &config);
        call.run()
    };
    let out = fetch("wrong");
    assert!(out.code == Some(101) && out.stderr.contains("token"), "{out}");
    let out = fetch(TOKEN);
    assert_eq!(out.code, Some(0), "{out}");
    let address = |password: &str| format!("http://me:{password}@{}/pypi/simple/", mirror.address());
    uv(&sandbox, &address(TOKEN), "uv", "py-one").ok();
    assert_ne!(uv(&sandbox, &address("wrong"), "uv-wrong", "py-one").run().code, Some(0));
    if let Some(call) = pip(&sandbox, &address(TOKEN), "pip", "py-one") {
        call.ok();
    }
    let upstream = sandbox.registry().requests();
    assert!(upstream.iter().all(|request| !format!("{request:?}").contains(TOKEN)), "{upstream:?}");
    let log = mirror.end();
    assert!(!log.contains("s3cret") && log.contains(" ci GET /crates/index/al/ph/alpha 200 "), "{log}");
    assert!(log.contains(" - GET /metrics 401 "), "{log}");
}

#[test]
fn clients_that_stall_are_let_go_and_those_beyond_the_limit_are_served_later() {
    let sandbox = Sandbox::new();
    let bytes = noise(24 << 20);
    sandbox.registry().publish(&krate("huge", "1.0.0").raw(bytes.clone()));
    let mirror = Mirror::start(&sandbox, "[limits]\nconnections = 2\nseconds = 1\nfile = 25\n", &[]);
    mirror.get(&archive("huge", "1.0.0")).gives(&bytes);
    // Half a head, and not a word: they hold both places, until they are let go.
    let since = Instant::now();
    let (mut half, mut mute) = (mirror.connect(), mirror.connect());
    half.send(b"GET /healthz HTTP/1.1\r\nHos");
    assert_eq!(mirror.get("/healthz").text(), "ok\n");
    let waited = since.elapsed();
    assert!(waited >= Duration::from_millis(900), "the third was served after {waited:?}");
    assert!(half.is_let_go() && mute.is_let_go());
    // One that keeps its connection and asks nothing more, and one that reads nothing.
    let (mut idle, mut deaf) = (mirror.connect(), mirror.connect());
    idle.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
    idle.sees(1);
    deaf.ask(&archive("huge", "1.0.0"), &[]);
    let since = Instant::now();
    assert_eq!(mirror.get("/healthz").text(), "ok\n");
    assert!(since.elapsed() >= Duration::from_millis(900));
    assert_eq!(idle.reply().text(), "ok\n");
    mirror.comes_to("connections", 1);
    assert!(!deaf.reply().is_whole);
    // A file that is too large, or has no end.
    sandbox.registry().publish(&krate("endless", "1.0.0"));
    for fault in [Fault::Length(26 << 20), Fault::Endless] {
        sandbox.registry().fault_times(1, "/dl/endless/1.0.0", fault);
        mirror.get(&archive("endless", "1.0.0")).refuses(502, &["larger than 25 MiB"]);
    }
    // A body that is promised and does not come.
    let mut promises = mirror.connect();
    promises.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
    let reply = promises.reply();
    assert_eq!((reply.status, reply.text().as_str()), (200, "ok\n"));
    mirror.end();
}

#[test]
fn no_request_reaches_a_file_or_breaks_the_mirror() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let mirror = Mirror::start(&sandbox, "", &[]);
    assert_eq!(mirror.get(&archive("beta", "1.2.0")).status, 200);
    let digest = "0".repeat(64);
    let endless = "a".repeat(20 << 10);
    let store = sandbox.store().join("envtool.lock").display().to_string();
    let mut paths: Vec<String> = [
        "/crates/index/../../etc/passwd",
        "/crates/index/..%2f..%2f..%2fetc%2fpasswd",
        "/crates/index/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/crates/index/pa/ss/../../../../etc/passwd",
        "/crates/index//etc/passwd",
        "/crates/index/al/ph/alpha%00",
        "/crates/index/al/ph/alpha%0d%0aX-Injected:%20yes",
        "/crates/index/al/ph/%ff%fe",
        "/crates/index/al/ph/alpha/",
        "/crates/index/",
        "/crates/index/co/n-/con",
        "/crates/index/al/ph/alpha.json",
        "/crates/archives/..%2f..%2fetc/1.0.0/download",
        "/crates/archives/alpha/..%2f..%2fpasswd/download",
        "/crates/archives/alpha/1.0.0%00/download",
        "/crates/archives/alpha/1/download",
        "/crates/archives/../archives/beta/1.2.0/download",
        "/pypi/simple/../../etc/passwd",
        "/pypi/simple/..%2f..%2fetc%2fpasswd/",
        "/pypi/simple/%2e%2e/",
        "/pypi/simple/../",
        "/pypi/simple/-/",
        "/pypi/simple/%00/",
        "/pypi/simple/a%5c..%5cb/",
        "/pypi/simple//",
        "/pypi/files/a/b/c",
        "//",
        "/%",
        "/%zz",
        "/*",
        "/?/../etc/passwd",
        "//etc/passwd",
        "/.git/config",
        "/index.html",
    ]
    .map(str::to_owned)
    .into();
    for file in [
        "..%2f..%2fetc%2fpasswd",
        "..",
        "x.whl%00",
        ".whl",
        "a%2fb.whl",
        "a%0ab.whl",
        "x.txt",
        "%ff.whl",
        "a.whl.metadata.metadata",
    ] {
        paths.push(format!("/pypi/files/alpha/{digest}/{file}"));
        paths.push(format!("/pypi/files/alpha/..%2f..%2f/{file}"));
    }
    paths.extend([
        format!("/crates/index/{endless}"),
        format!("/pypi/simple/{endless}/"),
        format!("/{endless}"),
    ]);
    paths.push(format!("/crates/index/{store}"));
    paths.push(format!("/pypi/files/alpha/{}/alpha-1.0.tar.gz", "../".repeat(21) + "/"));
    paths.extend([64, 65, 200, 250, 260].map(|length| format!("/pypi/simple/{}/", "b".repeat(length))));
    sandbox.registry().forget();
    for path in &paths {
        let reply = mirror.get(path);
        let shown = &path[..path.len().min(80)];
        // `/?…` is the page itself.
        let allowed: &[u16] = if path.starts_with("/?") { &[200] } else { &[400, 404, 414, 431] };
        assert!(allowed.contains(&reply.status), "{shown}: {}", reply.head);
        assert!(
            !reply.head.contains("x-injected") && !String::from_utf8_lossy(&reply.body).contains("root:"),
            "{shown}"
        );
    }
    let asked = sandbox.registry().requests();
    assert!(asked.is_empty(), "{asked:?}");
    // Names that a registry may be asked about, at any length and in any script.
    for name in
        ["c".repeat(64), "c".repeat(65), "c".repeat(255), "c".repeat(300), "ä".repeat(30), "中".repeat(90)]
    {
        let path: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
        let part = |at: usize| name.chars().skip(at).take(2).collect::<String>();
        for path in [format!("{}/{}/{path}", part(0), part(2)), path.clone()] {
            let reply = mirror.get(&format!("/crates/index/{path}"));
            assert!([400, 404].contains(&reply.status), "{name}: {}", reply.head);
        }
        let reply = mirror.get(&archive(&path, "1.0.0"));
        assert_eq!(reply.status, 404, "{name}: {}", reply.head);
    }
    let version = format!("1.0.0-{}", "a".repeat(2000));
    mirror.get(&archive("alpha", &version)).refuses(404, &[]);
    // What is no HTTP, or too much of it.
    let many: Vec<String> = (0..100).map(|n| format!("h{n}: x\r\n")).collect();
    let many = many.concat();
    let large = format!("GET / HTTP/1.1\r\nHost: h\r\nx: {}\r\n\r\n", "x".repeat(32 << 10));
    let raw: [(&[u8], &[u16]); 8] = [
        (b"GET /\xff\xfe HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", &[400, 404]),
        (b"GET /\x7f\xc2\x9b31m\xe2\x80\xae HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", &[400, 404]),
        (b"GET /\x1b[31m HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", &[400]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", &[400]),
        (b"GET /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", &[200]),
        (b"GET /crates/index/config.json HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n", &[400]),
        (large.as_bytes(), &[431]),
        (&[b"GET / HTTP/1.1\r\nHost: h\r\n", many.as_bytes(), b"\r\n"].concat(), &[431]),
    ];
    for (request, statuses) in raw {
        let mut client = mirror.connect();
        client.send(request);
        let reply = client.reply();
        let shown = String::from_utf8_lossy(&request[..request.len().min(60)]).into_owned();
        assert!(statuses.contains(&reply.status), "{shown:?}: {} {}", reply.status, reply.head);
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        for path in ["/", "/crates/index/al/ph/alpha", "/pypi/simple/py/"] {
            let mut client = mirror.connect();
            client.send(
                format!(
                    "{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
                )
                .as_bytes(),
            );
            let reply = client.reply();
            reply.refuses(405, &["GET"]);
            assert!(reply.header("allow").contains("get"), "{}", reply.head);
        }
    }
    let mut head = mirror.connect();
    head.send(b"HEAD /crates/index/al/ph/alpha HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    let reply = head.reply();
    let rows = sandbox.registry().rows("alpha");
    assert_eq!(
        (reply.status, reply.header("content-length"), reply.body.len()),
        (200, rows.len().to_string().as_str(), 0)
    );
    assert_eq!(mirror.get("/healthz").text(), "ok\n");
    let log = mirror.end();
    assert!(log.contains("GET /*") && !log.contains(" 500 "), "{log}");
    let odd = |c: char| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
    assert!(!log.contains(odd), "{:?}", log.lines().find(|line| line.contains(odd)));
}

#[test]
fn it_knows_its_own_address_and_tells_people_and_programs_how_it_is() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let mirror = Mirror::start(&sandbox, "", &[]);
    let dl = |mirror: &Mirror, headers: &[(&str, &str)]| {
        let reply = mirror.ask("/crates/index/config.json", headers);
        assert_eq!((reply.status, reply.header("cache-control")), (200, "no-store"), "{}", reply.head);
        let read: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(read["auth-required"], false);
        read["dl"].as_str().unwrap().to_owned()
    };
    let forwarded = [
        ("Host", "inner:1"),
        ("X-Forwarded-Host", "mirror.test"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Prefix", "/cache/"),
    ];
    assert_eq!(dl(&mirror, &[]), format!("{}/crates/archives", mirror.url()));
    assert_eq!(dl(&mirror, &[("Host", "other.test:81")]), "http://other.test:81/crates/archives");
    assert_eq!(dl(&mirror, &forwarded), "https://mirror.test/cache/crates/archives");
    for bad in ["a<b", "a\"b", "a/b", "x@y", ""] {
        for path in ["/", "/crates/index/config.json"] {
            mirror.ask(path, &[("Host", "h"), ("X-Forwarded-Host", bad)]).refuses(400, &["Host"]);
        }
    }

    // The page and the numbers.
    let index = "/crates/index/al/ph/alpha";
    for _ in 0..3 {
        assert_eq!(mirror.get(index).status, 200);
    }
    assert_eq!(mirror.get(&archive("alpha", "1.0.0")).status, 200);
    mirror.get(&archive("beta", "9.9.9")).refuses(404, &[]);
    let page = mirror.ask("/", &forwarded);
    assert!(page.header("content-security-policy").contains("default-src 'none'"), "{}", page.head);
    assert!(page.header("content-type").starts_with("text/html"), "{}", page.head);
    let text = page.text();
    for line in [
        "replace-with",
        "sparse+https://mirror.test/cache/crates/index/",
        "https://mirror.test/cache/pypi/simple/",
        "ENVTOOL_MIRROR",
        "alpha 1.0.0",
        &format!("{}/index/", sandbox.registry().url()),
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let metrics = mirror.get("/metrics");
    assert!(metrics.header("content-type").starts_with("application/openmetrics-text"), "{}", metrics.head);
    is_open_metrics(&metrics.text());
    for (line, count) in [
        ("answers_total{registry=\"crates\",kind=\"index\",how=\"miss\"}", 2),
        ("answers_total{registry=\"crates\",kind=\"file\",how=\"miss\"}", 1),
        ("upstream_requests_total{registry=\"crates\",kind=\"index\",said=\"body\"}", 2),
        ("upstream_requests_total{registry=\"crates\",kind=\"file\",said=\"body\"}", 1),
        ("requests_total{status=\"404\"}", 1),
        ("requests_total{status=\"400\"}", 10),
    ] {
        assert_eq!(mirror.metric(line), count, "{line}\n{}", metrics.text());
    }
    // The one that asks: the others end a moment later than their answers.
    mirror.comes_to("connections", 1);
    assert!(mirror.metric("answers_total{registry=\"crates\",kind=\"index\",how=\"hit\"}") >= 2);
    assert!(mirror.metric("upstream_bytes_total{registry=\"crates\"}") > 100);
    mirror.end();

    // Nobody is believed, and its address is a fixed one.
    let quiet = Mirror::start(&sandbox, "proxies = []\n", &[]);
    assert_eq!(dl(&quiet, &forwarded), "http://inner:1/crates/archives");
    drop(quiet);
    let verbose = Mirror::start(&sandbox, "url = \"https://fixed.test/m/\"\n", &["-v"]);
    assert_eq!(dl(&verbose, &forwarded), "https://fixed.test/m/crates/archives");
    assert!(verbose.end().contains("GET /crates/index/config.json 200 "));
}

/// An address that no other test listens at.
#[cfg(target_os = "linux")]
fn nobodys_address() -> std::net::SocketAddr {
    std::net::TcpListener::bind("127.0.0.77:0").unwrap().local_addr().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn a_quiet_one_says_nothing_and_its_configuration_says_where_it_listens() {
    let sandbox = Sandbox::new();
    let at = nobodys_address();
    let file = sandbox.outside("mirror").join("mirror.toml");
    write(&file, &format!("bind = \"{at}\"\n[pypi]\nindex = \"http://127.0.0.1:9/simple\"\n"));
    let call = sandbox.envtool(&["serve", "-q", "--config", file.to_str().unwrap()], &sandbox.empty());
    let child = call.command().stderr(std::process::Stdio::piped()).spawn().unwrap();
    let since = Instant::now();
    while std::net::TcpStream::connect(at).is_err() {
        assert!(since.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut client = Client::to(at);
    client.ask("/healthz", &[]);
    assert_eq!(client.reply().text(), "ok\n");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

/// The text format of `OpenMetrics` 1.0: each line is about a family that was told before, and the end is said.
fn is_open_metrics(text: &str) {
    let body = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("no end: {text}"));
    let mut family = (String::new(), String::new());
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let words: Vec<&str> = rest.splitn(3, ' ').collect();
            assert!(["HELP", "TYPE", "UNIT"].contains(&words[0]) && words.len() == 3, "{line}");
            if words[0] == "TYPE" {
                family = (words[1].to_owned(), words[2].to_owned());
            }
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let (name, labels) = name.split_once('{').unwrap_or((name, "}"));
        assert!(labels.ends_with('}'), "{line}");
        let ending = if family.1 == "counter" { "_total" } else { "" };
        assert_eq!(name, format!("{}{ending}", family.0), "{line}");
        assert!(name.starts_with("envtool_mirror_"), "{line}");
    }
}

#[test]
fn what_keeps_it_from_starting_is_said() {
    let sandbox = Sandbox::new();
    let mirror = Mirror::start(&sandbox, "", &[]);
    let address = mirror.address().to_string();
    let taken = sandbox
        .envtool(&["serve", "--bind", &address], &sandbox.empty())
        .env("PIP_INDEX_URL", "http://127.0.0.1:9/");
    taken.refused(1).says(&[&address, "in use", "--bind"]);
    mirror.end();
    for nonsense in ["banana", "localhost:1", "127.0.0.1", "127.0.0.1:99999", ""] {
        let out = sandbox.envtool(&["serve", "--bind", nonsense], &sandbox.empty()).run();
        assert_eq!(out.code, Some(2), "{out}");
        out.says(&["error: ", "--bind <ADDR:PORT>"]);
    }
    let file = sandbox.outside("mirror").join("other.toml");
    let with = ["serve", "--config", file.to_str().unwrap()];
    sandbox.envtool(&with, &sandbox.empty()).refused(2).says(&["other.toml", "--config"]);
    write(&file, "[cache]\nrevalidat = 1\n");
    sandbox.envtool(&with, &sandbox.empty()).refused(1).says(&["other.toml", "line 2", "`revalidate`"]);
    std::fs::File::create(&file).unwrap().write_all(b"url = \"\xff\"\n").unwrap();
    sandbox.envtool(&with, &sandbox.empty()).refused(1).says(&["other.toml", "UTF-8"]);
    let folder = ["serve", "--config", "."];
    sandbox.envtool(&folder, &sandbox.empty()).refused(1);
    // No place for its files.
    let blocked = sandbox.outside("mirror").join("file");
    write(&blocked, "");
    let at = blocked.join("store");
    serve(&sandbox, "", &[]).env("ENVTOOL_CACHE_DIR", &at).refused(1).says(&[at.to_str().unwrap()]);
    if let Some(stranger) = sandbox.as_stranger() {
        use std::os::unix::fs::PermissionsExt;
        let at = sandbox.outside("read-only");
        std::fs::set_permissions(&at, std::fs::Permissions::from_mode(0o555)).unwrap();
        let call = serve(&sandbox, "", &[]).env("ENVTOOL_CACHE_DIR", &at).through(&stranger);
        call.refused(1).says(&[at.to_str().unwrap(), "whether you may write there"]);
    }
}

#[test]
fn the_index_that_pip_knows_is_asked_with_its_password_which_nobody_sees() {
    let sandbox = Sandbox::new();
    // It speaks HTML alone.
    let pypi = Pypi::start_html();
    let wheel = saying("py-one", "1.0");
    pypi.publish(&wheel);
    // `me:p455`
    pypi.server().require_token("Basic bWU6cDQ1NQ==");
    let index = pypi.index().replace("://", "://me:p455@");
    sandbox.configure_pip(&format!("[global]\nindex-url = {index}\n"));
    let mirror = Mirror::start(&sandbox, "[pypi]\n", &["-vv"]);
    let page = mirror.ask("/pypi/simple/py-one/", &[("Accept", "application/vnd.pypi.simple.v1+json")]);
    let read: serde_json::Value = serde_json::from_slice(&page.body).unwrap();
    assert_eq!(read["files"][0]["hashes"]["sha256"], sha256(&wheel.bytes()));
    let file = read["files"][0]["url"].as_str().unwrap().trim_start_matches("../..");
    mirror.get(&format!("/pypi{file}")).gives(&wheel.bytes());
    let people = mirror.get("/").text();
    assert!(people.contains("/simple/") && !people.contains("p455"), "{people}");
    // Where the index sends on to somebody else, that one learns neither the password nor where it was sent from.
    sandbox.pypi().publish(&saying("py-moved", "1.0"));
    let elsewhere = format!("{}py-moved/", sandbox.pypi().index());
    pypi.server().fault("/simple/py-moved/", Fault::Redirect(elsewhere));
    assert!(mirror.get("/pypi/simple/py-moved/").text().contains("py_moved-1.0"));
    let moved = sandbox.pypi().server().asked("/simple/py-moved/");
    let told = |name: &str| moved.iter().any(|request| request.headers.contains_key(name));
    assert!(moved.len() == 1 && !told("authorization") && !told("referer"), "{moved:?}");
    // Another password is a failure, and is not told either.
    pypi.server().change_token("Basic other");
    mirror.get("/pypi/simple/py-two/").refuses(502, &["wants a token, or another"]);
    let log = mirror.end();
    assert!(log.contains("GET /pypi/simple/py-one/ 200") && !log.contains("p455"), "{log}");
    assert!(!any_file_holds(&sandbox, &sandbox.store(), "p455"));
}
