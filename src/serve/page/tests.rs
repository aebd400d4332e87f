use std::time::Duration;

use super::{Count, Page, State, Upstream, bytes, grouped, span};

fn page(base: &str, needs_token: bool) -> Page {
    let upstream = |address: &str, state| Upstream { address: address.to_owned(), state };
    Page {
        base: base.to_owned(),
        version: "0.1.0",
        crates: upstream("sparse+http://127.0.0.1:1/index/", State::Up),
        pypi: Some(upstream(
            "http://***@127.0.0.1:2/simple/",
            State::Down { since: Duration::from_secs(190), why: "<b>no route</b> & \"so\"".to_owned() },
        )),
        held: vec![
            ("crates", Count { number: 1234, bytes: 300 << 20 }),
            ("index answers", Count { number: 56, bytes: 78_901 }),
            ("Python files", Count { number: 0, bytes: 0 }),
        ],
        hits: 12_345,
        misses: 200,
        stale: 3,
        uptime: Duration::from_secs(93_784),
        needs_token,
        held_crates: (0..230).map(|n| format!("a-crate-{n} 1.0.{n}")).collect(),
        held_files: vec!["six-1.17.0-py2.py3-none-any.whl".to_owned(), "<img src=x>.whl".to_owned()],
    }
}

/// The text of a block, as a browser copies it.
fn blocks(html: &str) -> String {
    let texts = html.split("<pre>").skip(1).filter_map(|rest| rest.split("</pre>").next());
    html_escape::decode_html_entities(&texts.collect::<Vec<_>>().join("---\n")).into_owned()
}

#[test]
fn each_client_is_told_its_lines() {
    let text = blocks(&page("http://127.0.0.1:7878", false).html());
    assert_eq!(
        text,
        "export ENVTOOL_MIRROR=http://127.0.0.1:7878\n---\n\
         [source.crates-io]\nreplace-with = \"envtool-mirror\"\n\n\
         [registries.envtool-mirror]\nindex = \"sparse+http://127.0.0.1:7878/crates/index/\"\n---\n\
         [global]\nindex-url = http://127.0.0.1:7878/pypi/simple/\n---\n\
         export PIP_INDEX_URL=http://127.0.0.1:7878/pypi/simple/\n---\n\
         [[index]]\nname = \"envtool-mirror\"\nurl = \"http://127.0.0.1:7878/pypi/simple/\"\ndefault = true\n---\n\
         export UV_DEFAULT_INDEX=http://127.0.0.1:7878/pypi/simple/\n---\n\
         curl -fsS http://127.0.0.1:7878/crates/index/se/rd/serde\n---\n\
         curl -fsS -o serde.crate http://127.0.0.1:7878/crates/archives/serde/1.0.219/download\n---\n\
         curl -fsS -H 'Accept: application/vnd.pypi.simple.v1+json' http://127.0.0.1:7878/pypi/simple/requests/\n"
    );
    let text = blocks(&page("https://m.example/a", true).html());
    for line in [
        "export ENVTOOL_MIRROR=https://m.example/a\nexport ENVTOOL_MIRROR_TOKEN=TOKEN\n",
        "index = \"sparse+https://m.example/a/crates/index/\"\ncredential-provider = \"cargo:token\"\n",
        "export CARGO_REGISTRIES_ENVTOOL_MIRROR_TOKEN=TOKEN\n",
        "index-url = https://token:TOKEN@m.example/a/pypi/simple/\n",
        "url = \"https://m.example/a/pypi/simple/\"\ndefault = true\nauthenticate = \"always\"\n",
        "export UV_INDEX_ENVTOOL_MIRROR_USERNAME=token\nexport UV_INDEX_ENVTOOL_MIRROR_PASSWORD=TOKEN\n",
        "curl -fsS -H 'Authorization: Bearer TOKEN' https://m.example/a/crates/index/se/rd/serde\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    // Without a registry of Python packages nobody is told of one.
    let text = blocks(&Page { pypi: None, ..page("http://h", false) }.html());
    assert!(!text.contains("pypi") && text.contains("sparse+http://h/"), "{text}");
}

#[test]
fn pip_is_told_to_trust_a_host_only_where_it_has_to_be() {
    for (base, host) in [
        ("http://mirror:7878", Some("mirror")),
        ("http://10.0.0.1", Some("10.0.0.1")),
        ("http://[fe80::1]:1", Some("'[fe80::1]'")),
        ("https://mirror:7878", None),
        ("http://localhost:7878", None),
        ("http://127.0.0.9", None),
        ("http://[::1]:7878", None),
    ] {
        let text = blocks(&page(base, true).html());
        let line = host.map(|host| format!("export PIP_TRUSTED_HOST={host}\n"));
        assert_eq!(text.contains("TRUSTED_HOST"), host.is_some(), "{text}");
        assert!(line.is_none_or(|line| text.contains(&line)), "{text}");
    }
}

#[test]
fn nothing_on_the_page_is_obeyed() {
    let html = page("http://h/'\"><script>x</script>&", true).html();
    assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("<b>no"), "{html}");
    assert!(
        html.contains("&lt;b&gt;no route&lt;/b&gt; &amp; \"so\"") && html.contains("down for 3 min 10 s")
    );
    assert!(!html.contains("href=\"http://h/'\">"), "{html}");
    // The shell reads one word, whatever the address.
    assert!(blocks(&html).contains("export ENVTOOL_MIRROR='http://h/'\\''\"><script>x</script>&'\n"));
    // Nothing comes from elsewhere.
    assert!(!html.contains("src=\"") && !html.contains("url(") && !html.contains("@import"));
    assert!(html.contains("1,234 · 300 MiB") && html.contains("and 30 more") && html.contains("98 % held"));
    assert!(html.contains("up for 1 d 2 h"));
}

#[test]
fn numbers_are_for_people() {
    for (number, text) in
        [(0, "0"), (999, "999"), (1000, "1,000"), (12_345_678, "12,345,678"), (100_000, "100,000")]
    {
        assert_eq!(grouped(number), text);
    }
    for (number, text) in [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.00 KiB"),
        (1_048_575, "1023 KiB"),
        (1 << 20, "1.00 MiB"),
        (15 << 29, "7.50 GiB"),
        (12 << 30, "12.0 GiB"),
        (u64::MAX, "15.9 EiB"),
    ] {
        assert_eq!(bytes(number), text);
    }
    for (seconds, text) in
        [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3_661, "1 h 1 min"), (86_400, "1 d"), (86_461, "1 d")]
    {
        assert_eq!(span(Duration::from_secs(seconds)), text);
    }
}
