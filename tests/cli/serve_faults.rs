//! `envtool serve` where its registries or its store are not as they should be: nothing short or wrong is ever taken
//! for whole, what is held goes on being given, and what was taken back is marked.

use super::serve::{LARGE, archive, noise};
use super::support::crates::sha256;
use super::support::mirror::{bucket, grow_old, held, serve};
use super::support::{Fault, Gate, Mirror, Sandbox, krate, wheel, write};

/// How large a file is that is given once it is there whole.
const SMALL: usize = 10_000;

#[test]
fn what_is_cut_or_poisoned_upstream_is_refused_and_the_next_ask_succeeds() {
    let sandbox = Sandbox::new();
    let mirror = Mirror::start(&sandbox, "", &[]);
    let nothing = held(&sandbox);
    let mut refused = 0;
    for (name, size) in [("small", SMALL), ("large", LARGE)] {
        let bytes = noise(size);
        sandbox.registry().publish(&krate(name, "1.0.0").raw(bytes.clone()));
        let wheel = wheel(&format!("py-{name}"), "1.0").file("data", &bytes);
        sandbox.pypi().publish(&wheel);
        let file = format!("/pypi/files/py-{name}/{}/{}", sha256(&wheel.bytes()), wheel.file_name());
        let mut poisoned = wheel.bytes();
        poisoned[40] ^= 1;
        let mut wrong = bytes.clone();
        wrong[0] ^= 1;
        let (registry, pypi) = (sandbox.registry(), sandbox.pypi());
        for (server, path, upstream, right, wrong) in [
            (&*registry, archive(name, "1.0.0"), format!("/dl/{name}"), bytes, wrong),
            (pypi.server(), file, format!("{name}-1.0-py3-none-any.whl"), wheel.bytes(), poisoned),
        ] {
            let cuts = [1, right.len() / 2, right.len() - 1].map(|at| (Fault::Cut(at), "failed"));
            for (fault, said) in cuts.into_iter().chain([(Fault::Body(wrong.clone()), "refused")]) {
                let from = if path.starts_with("/crates") { "crates" } else { "pypi" };
                let counter =
                    format!("upstream_requests_total{{registry=\"{from}\",kind=\"file\",said=\"{said}\"}}");
                let before = mirror.metric(&counter);
                server.fault_times(1, &upstream, fault.clone());
                let reply = mirror.get(&path);
                let why = if said == "failed" { "cut" } else { "SHA-256" };
                // A large one has begun by then, unless the registry was quicker.
                if size == SMALL || reply.status == 502 {
                    reply.refuses(502, &[why]);
                } else {
                    // The client knows that it is not whole, even where the head did not get out any more.
                    assert!([0, 200].contains(&reply.status) && !reply.is_whole, "{fault:?}");
                    assert!(reply.body.len() < right.len(), "{fault:?}");
                }
                assert_eq!(held(&sandbox), nothing, "{path}, {fault:?}");
                assert_eq!(mirror.metric(&counter), before + 1, "{path}, {fault:?}");
                refused += 1;
            }
            mirror.get(&path).gives(&right);
            assert!(held(&sandbox).contains(&sha256(&right)));
            std::fs::remove_file(bucket(&sandbox, "archives").join(format!("{}.crate", sha256(&right)))).ok();
            std::fs::remove_dir_all(bucket(&sandbox, "files").join(sha256(&right))).ok();
        }
    }
    // A registry that sends another size than it has, or no end, or an index that is none.
    let bytes = noise(LARGE);
    sandbox.registry().publish(&krate("odd", "1.0.0").raw(bytes.clone()));
    for size in [LARGE + 5, LARGE - 5] {
        sandbox.registry().fault_times(1, "/dl/odd", Fault::Length(size));
        let reply = mirror.get(&archive("odd", "1.0.0"));
        assert!([0, 502].contains(&reply.status) || !reply.is_whole, "{size}: {}", reply.head);
    }
    mirror.get(&archive("odd", "1.0.0")).gives(&bytes);
    sandbox.registry().fault_times(1, "/index/be/ta/beta", Fault::Body(b"<html>Log in</html>".to_vec()));
    mirror.get("/crates/index/be/ta/beta").refuses(502, &["makes no sense"]);
    sandbox.registry().fault_times(2, "/dl/gone", Fault::Status(404));
    sandbox.registry().publish(&krate("gone", "1.0.0").raw(noise(9)));
    mirror.get(&archive("gone", "1.0.0")).refuses(404, &["gone 1.0.0"]);
    let log = mirror.end();
    let said = log.matches("was cut").count() + log.matches("refused").count();
    assert!(refused == 16 && said >= refused, "{log}");
}

#[test]
fn all_who_wait_for_a_file_that_is_poisoned_see_it_refused() {
    let sandbox = Sandbox::new();
    let (right, mut wrong) = (noise(LARGE), noise(LARGE));
    *wrong.last_mut().unwrap() ^= 1;
    // The index names what the registry does not send.
    sandbox.registry().publish(&krate("large", "1.0.0").raw(wrong).cksum(&sha256(&right)));
    let mirror = Mirror::start(&sandbox, "", &[]);
    let gate = Gate::new(2);
    sandbox.registry().fault_times(1, "/dl/large", Fault::Hold(LARGE / 2, gate.clone()));
    let mut clients: Vec<_> = (0..5).map(|_| mirror.connect()).collect();
    for client in &mut clients {
        client.ask(&archive("large", "1.0.0"), &[]);
        // All have the first half before the rest comes.
        client.sees(LARGE / 2);
    }
    gate.pass();
    for client in clients {
        let reply = client.reply();
        assert!(!reply.is_whole && reply.body.len() < LARGE && right.starts_with(&reply.body));
    }
    assert_eq!(sandbox.registry().asked("/dl/large").len(), 1);
    assert!(!held(&sandbox).contains(&sha256(&right)));
    // A client that leaves does not end the work for others.
    sandbox.registry().publish(&krate("other", "1.0.0").raw(right.clone()));
    let gate = Gate::new(2);
    sandbox.registry().fault_times(1, "/dl/other", Fault::Hold(LARGE / 2, gate.clone()));
    let (mut leaves, mut stays) = (mirror.connect(), mirror.connect());
    leaves.ask(&archive("other", "1.0.0"), &[]);
    leaves.sees(LARGE / 2);
    stays.ask(&archive("other", "1.0.0"), &[]);
    stays.sees(LARGE / 2);
    drop(leaves);
    gate.pass();
    stays.reply().gives(&right);
    assert_eq!(sandbox.registry().asked("/dl/other").len(), 1);
    mirror.end();
}

#[test]
fn what_is_damaged_in_the_store_is_fetched_again() {
    let sandbox = Sandbox::new();
    let sizes = [("small", SMALL), ("large", 5 << 20)];
    let files = sizes.map(|(name, size)| (name, noise(size)));
    for (name, bytes) in &files {
        sandbox.registry().publish(&krate(name, "1.0.0").raw(bytes.clone()));
    }
    let mirror = Mirror::start(&sandbox, "", &[]);
    for (name, bytes) in &files {
        mirror.get(&archive(name, "1.0.0")).gives(bytes);
    }
    let path = |bytes: &[u8]| bucket(&sandbox, "archives").join(format!("{}.crate", sha256(bytes)));
    let damage = |bytes: &[u8]| {
        let mut wrong = bytes.to_vec();
        wrong[1] ^= 1;
        std::fs::write(path(bytes), wrong).unwrap();
    };
    // One that is large is not kept in memory: it is found while the mirror runs.
    let (_, large) = &files[1];
    mirror.get(&archive("large", "1.0.0")).gives(large);
    assert_eq!(sandbox.registry().asked("/dl/large").len(), 1);
    damage(large);
    mirror.get(&archive("large", "1.0.0")).gives(large);
    assert_eq!(sandbox.registry().asked("/dl/large").len(), 2);
    assert!(mirror.end().contains("damaged"));
    for (_, bytes) in &files {
        damage(bytes);
    }
    let mirror = Mirror::start(&sandbox, "", &[]);
    for (name, bytes) in &files {
        mirror.get(&archive(name, "1.0.0")).gives(bytes);
        assert!(std::fs::read(path(bytes)).unwrap() == *bytes, "{name}");
    }
    // A part of a file, where it comes from disk.
    let part = mirror.ask(&archive("large", "1.0.0"), &[("Range", "bytes=1-3")]);
    assert_eq!((part.status, part.body.as_slice()), (206, &large[1..4]));
    let log = mirror.end();
    assert_eq!(log.matches("damaged").count(), 2, "{log}");
    // What is kept of an index and makes no sense is asked for again.
    for kept in ["{", "{\"asked\":9999999999,\"etag\":\"x\",\"body\":\"junk\"}"] {
        for folder in std::fs::read_dir(bucket(&sandbox, "mirror")).unwrap() {
            write(&folder.unwrap().path().join("small.json"), kept);
        }
        let mirror = Mirror::start(&sandbox, "", &[]);
        mirror.get("/crates/index/sm/al/small").gives(&sandbox.registry().rows("small"));
    }
}

/// The rows of a crate: each version, and whether it is yanked.
fn yanked_rows(text: &str) -> Vec<(String, bool)> {
    let rows = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    rows.map(|row| (row["vers"].as_str().unwrap().to_owned(), row["yanked"].as_bool().unwrap())).collect()
}

#[test]
fn old_answers_are_asked_about_again_and_what_was_taken_back_is_marked() {
    let sandbox = Sandbox::new();
    let bytes = noise(SMALL);
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        sandbox.registry().publish(&krate("alpha", version).raw([version.as_bytes(), &bytes].concat()));
        sandbox.pypi().publish(&wheel("py-alpha", version).file("data", &bytes));
    }
    sandbox.registry().publish(&krate("whole", "1.0.0").raw(bytes.clone()));
    sandbox.registry().publish(&krate("unheld", "1.0.0").raw(bytes[1..].to_vec()));
    sandbox.pypi().publish(&wheel("py-whole", "1.0").file("data", &bytes));
    sandbox.pypi().publish(&wheel("py-unheld", "1.0").file("data", &bytes[1..]));
    let index = "/crates/index/al/ph/alpha";
    let page = "/pypi/simple/py-alpha/";
    let json = [("Accept", "application/vnd.pypi.simple.v1+json")];
    let file = |name: &str, version: &str, bytes: &[u8]| {
        let wheel = wheel(name, version).file("data", bytes);
        (format!("/pypi/files/{name}/{}/{}", sha256(&wheel.bytes()), wheel.file_name()), wheel.bytes())
    };
    let mirror = Mirror::start(&sandbox, "", &[]);
    let first = mirror.get(index);
    let first_page = mirror.ask(page, &json);
    for version in ["1.0.0", "1.1.0"] {
        assert_eq!(mirror.get(&archive("alpha", version)).status, 200);
        let (path, bytes) = file("py-alpha", version, &bytes);
        mirror.get(&path).gives(&bytes);
    }
    assert_eq!(mirror.get(&archive("whole", "1.0.0")).status, 200);
    let (whole, whole_bytes) = file("py-whole", "1.0", &bytes);
    mirror.get(&whole).gives(&whole_bytes);
    assert_eq!(mirror.get("/crates/index/un/he/unheld").status, 200);
    assert_eq!(mirror.get("/pypi/simple/py-unheld/").status, 200);
    let asked = |path: &str| {
        let mut found = sandbox.registry().asked(path);
        found.extend(sandbox.pypi().server().asked(path));
        found
            .into_iter()
            .map(|request| (request.status, request.headers.contains_key("if-none-match")))
            .collect::<Vec<_>>()
    };
    assert_eq!(asked("/index/al/ph/alpha"), [(200, false)], "young answers are not asked about");
    mirror.end();

    // Old, and nothing changed: once for all until they are old again, and no archive needs it.
    grow_old(&sandbox);
    let mirror = Mirror::start(&sandbox, "", &[]);
    assert_eq!(mirror.get(&archive("alpha", "1.0.0")).status, 200);
    assert_eq!(asked("/index/al/ph/alpha").len(), 1);
    for _ in 0..2 {
        mirror.get(index).gives(&first.body);
        mirror.ask(page, &json).gives(&first_page.body);
    }
    assert_eq!(asked("/index/al/ph/alpha"), [(200, false), (304, true)]);
    assert_eq!(asked("/simple/py-alpha/"), [(200, false), (304, true)]);
    mirror.end();

    // Yanked, removed though held, removed and not held, removed as a whole.
    {
        let (registry, pypi) = (sandbox.registry(), sandbox.pypi());
        registry.yank("alpha", "1.1.0");
        registry.remove("alpha", "1.0.0");
        registry.remove("alpha", "1.2.0");
        registry.remove("whole", "1.0.0");
        registry.remove("unheld", "1.0.0");
        pypi.publish(&wheel("py-alpha", "2.0.0"));
        pypi.yank("py-alpha", "1.1.0");
        pypi.remove("py-alpha", "1.0.0");
        pypi.remove("py-alpha", "1.2.0");
        pypi.remove("py-whole", "1.0");
        pypi.remove("py-unheld", "1.0");
    }
    grow_old(&sandbox);
    // The same after a restart, from disk.
    for round in 0..2 {
        let mirror = Mirror::start(&sandbox, "", &[]);
        let rows = yanked_rows(&mirror.get(index).text());
        assert_eq!(rows, [("1.1.0".to_owned(), true), ("1.0.0".to_owned(), true)], "{round}");
        let rows = yanked_rows(&mirror.get("/crates/index/wh/ol/whole").text());
        assert_eq!(rows, [("1.0.0".to_owned(), true)], "{round}");
        assert_eq!(mirror.get(&archive("alpha", "1.0.0")).status, 200);
        mirror.get("/crates/index/un/he/unheld").refuses(404, &["unheld"]);
        mirror.get("/pypi/simple/py-unheld/").refuses(404, &["py-unheld"]);
        let read: serde_json::Value = serde_json::from_slice(&mirror.ask(page, &json).body).unwrap();
        let files: Vec<String> = read["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| format!("{} {}", file["filename"].as_str().unwrap(), file["yanked"]))
            .collect();
        assert_eq!(
            files,
            [
                "py_alpha-1.1.0-py3-none-any.whl true",
                "py_alpha-2.0.0-py3-none-any.whl false",
                "py_alpha-1.0.0-py3-none-any.whl \"removed from the upstream index\"",
            ],
            "{round}"
        );
        assert!(mirror.get("/pypi/simple/py-whole/").text().contains("data-yanked=\"removed"), "{round}");
        mirror.get(&whole).gives(&whole_bytes);
        mirror.end();
    }
    // What is gone as a whole and not held is forgotten on disk too.
    let mirror = Mirror::start(&sandbox, "", &["--offline"]);
    mirror.get("/crates/index/un/he/unheld").refuses(504, &[]);
}

#[test]
fn what_was_unsafe_is_not_brought_back_where_it_is_gone() {
    let sandbox = Sandbox::new();
    let wheel = wheel("py-bad", "1.0");
    sandbox.pypi().publish(&wheel);
    let file = format!("/pypi/files/py-bad/{}/{}", sha256(&wheel.bytes()), wheel.file_name());
    let mirror = Mirror::start(&sandbox, "", &[]);
    mirror.get(&file).gives(&wheel.bytes());
    mirror.end();
    let quarantined = r#"{"meta":{"api-version":"1.4"},"name":"py-bad","files":[],"versions":[],
        "project-status":{"status":"quarantined","reason":"malware"}}"#;
    for said in [Fault::Body(quarantined.into()), Fault::Status(404)] {
        sandbox.pypi().server().mend();
        sandbox.pypi().server().fault("/simple/py-bad/", said);
        grow_old(&sandbox);
        let mirror = Mirror::start(&sandbox, "", &[]);
        let page = mirror.get("/pypi/simple/py-bad/");
        assert!(page.status == 200 && !page.text().contains(".whl"), "{}", page.text());
        assert!(page.text().contains("quarantined"), "{}", page.text());
        mirror.get(&file).refuses(404, &["py-bad"]);
        mirror.end();
    }
    // Safe again, it is given.
    sandbox.pypi().server().mend();
    grow_old(&sandbox);
    let mirror = Mirror::start(&sandbox, "", &[]);
    assert!(mirror.get("/pypi/simple/py-bad/").text().contains(".whl"));
    mirror.get(&file).gives(&wheel.bytes());
}

#[test]
fn a_registry_that_is_away_leaves_what_is_held() {
    let sandbox = Sandbox::new();
    let bytes = noise(SMALL);
    sandbox.registry().publish(&krate("alpha", "1.0.0").raw(bytes.clone()));
    sandbox.pypi().publish(&wheel("py-alpha", "1.0.0"));
    let mirror = Mirror::start(&sandbox, "", &[]);
    let index = "/crates/index/al/ph/alpha";
    let rows = mirror.get(index).body;
    let page = mirror.get("/pypi/simple/py-alpha/").body;
    mirror.get(&archive("alpha", "1.0.0")).gives(&bytes);
    assert_eq!(mirror.metric("upstream_up{registry=\"crates\"}"), 1);
    mirror.end();
    grow_old(&sandbox);
    sandbox.registry().fault("", Fault::Refuse);
    sandbox.pypi().server().fault("", Fault::Status(503));
    let mirror = Mirror::start(&sandbox, "", &[]);
    for _ in 0..2 {
        mirror.get(index).gives(&rows);
        mirror.get("/pypi/simple/py-alpha/").gives(&page);
    }
    mirror.get(&archive("alpha", "1.0.0")).gives(&bytes);
    for registry in ["crates", "pypi"] {
        let stale = format!("answers_total{{registry=\"{registry}\",kind=\"index\",how=\"stale\"}}");
        assert_eq!(mirror.metric(&stale), 2, "{registry}");
        assert_eq!(mirror.metric(&format!("upstream_up{{registry=\"{registry}\"}}")), 0, "{registry}");
    }
    // What is not held cannot be had, and what is asked for once more was not asked upstream each time.
    assert!(sandbox.registry().requests().len() <= 2 + 3, "{:?}", sandbox.registry().requests());
    mirror.get("/crates/index/ga/mm/gamma").refuses(502, &["could not get"]);
    mirror.get("/pypi/simple/gamma/").refuses(502, &["503"]);
    assert_eq!(mirror.get("/healthz").text(), "ok\n");
    let page = mirror.get("/").text();
    assert!(page.contains("503"), "{page}");
    // It is back.
    sandbox.registry().mend();
    sandbox.registry().publish(&krate("gamma", "1.0.0"));
    assert_eq!(mirror.get("/crates/index/ga/mm/gamma").status, 200);
    assert_eq!(mirror.metric("upstream_up{registry=\"crates\"}"), 1);
    mirror.end();
}

#[test]
fn a_mirror_may_stand_behind_another_and_says_where_it_is_led_back_to_itself() {
    let sandbox = Sandbox::new();
    let mirror = Mirror::start(&sandbox, "", &[]);
    // One behind another is none of that.
    let (bytes, wheel) = (noise(LARGE), wheel("py-far", "1.0"));
    sandbox.registry().publish(&krate("far", "1.0.0").raw(bytes.clone()));
    sandbox.pypi().publish(&wheel);
    let config = format!(
        "[crates]\nindex = \"sparse+{0}/crates/index/\"\n[pypi]\nindex = \"{0}/pypi/simple/\"\n",
        mirror.url()
    );
    let call = serve(&sandbox, &config, &[]).env("ENVTOOL_CACHE_DIR", sandbox.outside("second"));
    let second = Mirror::of(&call);
    second.get(&archive("far", "1.0.0")).gives(&bytes);
    let file = format!("/pypi/files/py-far/{}/{}", sha256(&wheel.bytes()), wheel.file_name());
    second.get(&file).gives(&wheel.bytes());
    second.get(&format!("{file}.metadata")).gives(wheel.metadata().as_bytes());
    second.end();
    sandbox.registry().forget();
    sandbox.pypi().server().forget();
    let back = |path: &str| Fault::Redirect(format!("{}{path}", mirror.url()));
    sandbox.registry().fault("/index/", back("/crates/index/al/ph/alpha"));
    sandbox.pypi().server().fault("/simple/", back("/pypi/simple/alpha/"));
    mirror.get("/crates/index/al/ph/alpha").refuses(502, &["508"]);
    mirror.get("/pypi/simple/alpha/").refuses(502, &["508"]);
    assert!(sandbox.registry().requests().len() <= 2 && sandbox.pypi().server().requests().len() <= 2);
    let log = mirror.end();
    let loops = log.lines().filter(|line| line.contains(" GET ") && line.contains(" 508 "));
    assert!((2..=4).contains(&loops.count()), "{log}");
}
