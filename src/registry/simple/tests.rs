use super::{File, FileName, Part, Project, REMOVED, State, names_to_html, names_to_json, read};
use crate::digest::Digest;
use crate::fault::Result;

const BASE: &str = "http://127.0.0.1:9/simple/six/";
const JSON: Option<&str> = Some("application/vnd.pypi.simple.v1+json");
const HTML: Option<&str> = Some("text/html; charset=utf-8");

fn answer(text: &str, content_type: Option<&str>) -> Result<Project> {
    read(text.as_bytes(), content_type, BASE, &"six".parse().unwrap())
}

fn sha256(n: u8) -> Digest {
    Digest::of(&[n])
}

/// One file of an answer in JSON, with more keys.
fn entry(name: &str, url: &str, more: &str) -> String {
    format!("{{\"filename\":\"{name}\",\"url\":\"{url}\",\"hashes\":{{\"sha256\":\"{}\"}}{more}}}", sha256(1))
}

fn page(files: &[String]) -> String {
    format!(
        "{{\"meta\":{{\"api-version\":\"1.1\",\"_last-serial\":7}},\"name\":\"Six\",\"files\":[{}],\"versions\":[\"1.0\",\"1.1\",\"\\u0007\"]}}",
        files.join(",")
    )
}

fn names(project: &Project) -> Vec<&str> {
    project.files.iter().map(|file| file.name.as_str()).collect()
}

fn at_mirror(file: &File) -> String {
    format!("http://m/pypi/files/six/{}", file.name)
}

#[test]
fn names_of_files_are_plain() {
    for good in ["six-1.0.tar.gz", "a_b-1!1.0+local.1-py3-none-any.whl", "x-1.zip", "x-1.0-py2.7.egg"] {
        assert_eq!(FileName::asked(good), Some((good.parse().unwrap(), Part::Archive)), "{good}");
        let metadata = format!("{good}.metadata");
        assert_eq!(FileName::asked(&metadata), Some((good.parse().unwrap(), Part::Metadata)));
    }
    let long = format!("{}.whl", "a".repeat(243));
    for bad in [
        "",
        ".whl",
        ".metadata",
        "..",
        "../six-1.0.zip",
        "a/b.zip",
        "a\\b.zip",
        "C:x.zip",
        "a\0.zip",
        "a\n.zip",
        "\u{1b}[31m.zip",
        "a\u{202e}.zip",
        "a b.zip",
        "a%2f.zip",
        "-r.zip",
        "x.exe",
        "x.whl.asc",
        "x.ZIP",
        &long,
    ] {
        assert!(bad.parse::<FileName>().is_err() && FileName::asked(bad).is_none(), "{bad:?}");
        assert!(serde_json::from_value::<FileName>(bad.into()).is_err(), "{bad:?}");
    }
    assert!(long[1..].parse::<FileName>().is_ok());
}

#[test]
fn what_can_be_checked_of_json_is_taken_over() {
    let full = entry(
        "six-1.0-py3-none-any.whl",
        "../../packages/six-1.0-py3-none-any.whl#x",
        &format!(
            ",\"size\":7,\"requires-python\":\">=3, <4\",\"yanked\":\"bad\\nidea \\u001b[31m\",\"core-metadata\":{{\"sha256\":\"{}\"}},\"upload-time\":\"2024-02-29T23:59:59.1Z\",\"provenance\":null",
            sha256(2)
        ),
    );
    let project = answer(
        &page(&[
            full,
            entry("six-1.1.tar.gz", "http://user:pw@127.0.0.1:9/six-1.1.tar.gz", ",\"yanked\":true,\"size\":null,\"core-metadata\":true,\"upload-time\":\"2023-02-29T00:00:00Z\""),
            entry("six-1.2.tar.gz", "http://h:1/six?token=1", ",\"yanked\":false,\"dist-info-metadata\":{\"sha256\":\"zz\"}"),
            entry("six-1.3.tar.gz", "six-1.3.tar.gz", ",\"yanked\":null").replace("sha256", "md5"),
        ]),
        JSON,
    )
    .unwrap();
    assert_eq!((project.name.as_str(), project.versions.join(" ").as_str()), ("six", "1.0 1.1"));
    let [first, second, third, fourth] = project.files.as_slice() else { panic!("{project:?}") };
    assert_eq!(first.url, "http://127.0.0.1:9/packages/six-1.0-py3-none-any.whl");
    assert_eq!(first.metadata_url().unwrap(), first.url.clone() + ".metadata");
    assert_eq!((first.sha256, first.size, first.metadata), (Some(sha256(1)), Some(7), Some(sha256(2))));
    assert_eq!(first.requires_python.as_deref(), Some(">=3, <4"));
    assert_eq!(first.yanked.as_deref(), Some("bad idea [31m"));
    assert_eq!(first.uploaded.as_deref(), Some("2024-02-29T23:59:59.1Z"));
    assert_eq!(second.url, "http://127.0.0.1:9/six-1.1.tar.gz");
    assert_eq!(
        (second.yanked.as_deref(), second.metadata, second.uploaded.as_deref()),
        (Some(""), None, None)
    );
    assert_eq!((third.yanked.as_deref(), third.metadata, third.metadata_url()), (None, None, None));
    let third = File { metadata: Some(sha256(3)), ..third.clone() };
    assert_eq!(third.metadata_url().unwrap(), "http://h:1/six.metadata?token=1");
    assert_eq!(fourth.sha256, None);
    assert_eq!(project.offered().count(), 3);
    assert!(project.file(&fourth.name).is_none() && project.file(&first.name).is_some());
    let kept = serde_json::to_vec(&project).unwrap();
    assert_eq!(serde_json::from_slice::<Project>(&kept).unwrap(), project);
}

#[test]
fn a_file_that_is_odd_is_left_out_and_the_others_stay() {
    let good = || entry("six-1.0.zip", "six-1.0.zip", "");
    for odd in [
        entry("../six-1.0.zip", "x.zip", ""),
        entry("a/b.zip", "x.zip", ""),
        entry("a\\u0000.zip", "x.zip", ""),
        entry("x.zip", "javascript:alert(1)", ""),
        entry("x.zip", "file:///etc/passwd", ""),
        entry("x.zip", "data:text/plain,x", ""),
        entry("x.zip", "ftp://h/x.zip", ""),
        entry("x.zip", "http://", ""),
        entry("x.zip", "x.zip", ",\"size\":-1"),
        entry("x.zip", "x.zip", ",\"requires-python\":\">=3\\u0000\""),
        entry("x.zip", "x.zip", ",\"yanked\":[]"),
        "{}".to_owned(),
        "7".to_owned(),
        entry("x.zip", "x.zip", "").replace(&sha256(1).to_string(), "zz"),
    ] {
        let page = page(&[odd.clone(), good(), entry("six-1.0.zip", "twice.zip", "")]);
        let project = answer(&page, JSON).unwrap_or_else(|fault| panic!("{odd}: {fault}"));
        let offered: Vec<&File> = project.offered().collect();
        assert_eq!((offered.len(), offered[0].url.as_str()), (1, &*format!("{BASE}six-1.0.zip")), "{odd}");
    }
}

#[test]
fn html_says_the_same() {
    let (one, two) = (sha256(1), sha256(2));
    let text = format!(
        "<!doctype html><head><meta name=pypi:repository-version content=1.3>\
         <META NAME=\"pypi:project-status\" CONTENT=\"deprecated\"><meta name='pypi:project-status-reason' content='use &#x27;b&#x27;'>\
         <base href='../../files/'><base href='http://other/'></head><!-- <a href=a-9.zip#sha256={one}> -->\
         <script>'<a href=b-9.zip#sha256={one}>'</script>\
         <a href=\"six-1.0%2Bx.tar.gz#egg=six&amp;sha256={one}\" data-requires-python=\"&gt;=3\" data-yanked>x</a>\
         <A HREF = 'http://127.0.0.1:9/six-1.1-py3-none-any.whl#sha256={one}' data-dist-info-metadata='sha256={two}' data-yanked=\"a&quot;b\">\
         <a href='/six-1.2.zip#md5=00' data-core-metadata=true data-requires-python=''>six</a>\
         <a href='javascript:six-1.3.zip'><a href='../'>up</a><a>no</a><a href='..%2fsix-1.4.zip'>no</a><a href='six-1.5.zip' data-requires-python='&#7;'>"
    );
    let project = answer(&text, HTML).unwrap();
    assert_eq!(names(&project), ["six-1.0+x.tar.gz", "six-1.1-py3-none-any.whl", "six-1.2.zip"]);
    let [first, second, third] = project.files.as_slice() else { panic!("{project:?}") };
    assert_eq!(first.url, "http://127.0.0.1:9/files/six-1.0%2Bx.tar.gz");
    assert_eq!((first.sha256, first.requires_python.as_deref()), (Some(one), Some(">=3")));
    assert_eq!((first.yanked.as_deref(), second.yanked.as_deref()), (Some(""), Some("a\"b")));
    assert_eq!((second.metadata, third.metadata), (Some(two), None));
    assert_eq!((third.sha256, third.requires_python.as_deref()), (None, None));
    let status = project.status.as_ref().unwrap();
    assert_eq!((status.state, status.reason.as_deref()), (State::Deprecated, Some("use 'b'")));
    assert_eq!(answer(&text, None).unwrap(), project);
    // An index may hold a project without files; then it says that it is one.
    let empty = "<meta name=\"pypi:repository-version\" content=\"1.0\">";
    assert_eq!(answer(empty, HTML).unwrap(), Project::empty("six".parse().unwrap()));
}

#[test]
fn an_answer_that_is_none_is_refused() {
    let good = page(&[]);
    for (text, content_type, why) in [
        ("<a href='/login'>log in</a>", HTML, "names no file"),
        ("", HTML, "names no file"),
        ("", None, "neither JSON nor HTML"),
        ("PK", Some("application/zip"), "neither JSON nor HTML"),
        ("x", Some("a\u{1b}[31m"), "\\u{1b}[31m"),
        ("<html>", JSON, "no such JSON"),
        ("{}", JSON, "no such JSON"),
        (&good[..good.len() - 1], JSON, "no such JSON"),
        (&good.replace("Six", "seven"), JSON, "it is about \"seven\""),
        (&good.replace("Six", "../six"), JSON, "it is about \"../six\""),
        (&good.replace("1.1\",\"_", "2.0\",\"_"), JSON, "version \"2.0\""),
        (&good.replace("1.1\",\"_", "\",\"_"), JSON, "version \"\""),
        ("<meta name='pypi:repository-version' content='2.0'><a href=x-1.zip>", HTML, "version \"2.0\""),
        (&"[".repeat(100_000), JSON, "no such JSON"),
    ] {
        let fault = answer(text, content_type).unwrap_err();
        let message = fault.to_string();
        assert!(message.contains(why) && message.contains("for six that makes no sense"), "{message}");
        assert!(message.len() < 500 && !message.contains(char::is_control) && fault.help_text().is_some());
    }
    assert!(answer(&good, None).is_ok() && answer(&good.replace("1.1\",\"_", "1.99\",\"_"), JSON).is_ok());
    assert!(read(b"{}", JSON, "six", &"six".parse().unwrap()).is_err());
    assert!(read(b"\xff\xfe<a href=\xff.zip>", HTML, BASE, &"six".parse().unwrap()).is_err());
}

#[test]
fn what_is_written_is_what_clients_read() {
    let text = page(&[
        entry(
            "six-1.0-py3-none-any.whl",
            "six-1.0-py3-none-any.whl",
            &format!(
                ",\"size\":7,\"requires-python\":\">=3,<\\\"4&\",\"yanked\":\"<b>\",\"upload-time\":\"2024-01-01T00:00:00Z\",\"core-metadata\":{{\"sha256\":\"{}\"}}",
                sha256(2)
            ),
        ),
        entry("six-1.1.tar.gz", "six-1.1.tar.gz", ",\"size\":8,\"yanked\":true"),
        entry("six-1.2.tar.gz", "six-1.2.tar.gz", "").replace("sha256", "md5"),
    ]);
    let project = answer(&text, JSON).unwrap();
    let (one, two) = (sha256(1), sha256(2));
    assert_eq!(
        String::from_utf8(project.to_json(at_mirror)).unwrap(),
        format!(
            "{{\"meta\":{{\"api-version\":\"1.1\"}},\"name\":\"six\",\"files\":[\
             {{\"filename\":\"six-1.0-py3-none-any.whl\",\"url\":\"http://m/pypi/files/six/six-1.0-py3-none-any.whl\",\
             \"hashes\":{{\"sha256\":\"{one}\"}},\"size\":7,\"requires-python\":\">=3,<\\\"4&\",\
             \"upload-time\":\"2024-01-01T00:00:00Z\",\"yanked\":\"<b>\",\"core-metadata\":{{\"sha256\":\"{two}\"}}}},\
             {{\"filename\":\"six-1.1.tar.gz\",\"url\":\"http://m/pypi/files/six/six-1.1.tar.gz\",\
             \"hashes\":{{\"sha256\":\"{one}\"}},\"size\":8,\"yanked\":true}}],\"versions\":[\"1.0\",\"1.1\"]}}"
        )
    );
    let html = project.to_html(at_mirror);
    assert!(html.contains("<meta name=\"pypi:repository-version\" content=\"1.1\">"), "{html}");
    assert!(
        html.contains(&format!(
            "<a href=\"http://m/pypi/files/six/six-1.0-py3-none-any.whl#sha256={one}\" \
             data-requires-python=\"&gt;=3,&lt;&quot;4&amp;\" data-yanked=\"&lt;b&gt;\" \
             data-core-metadata=\"sha256={two}\" data-dist-info-metadata=\"sha256={two}\">six-1.0-py3-none-any.whl</a>"
        )),
        "{html}"
    );
    assert!(html.contains("data-yanked=\"\">six-1.1.tar.gz</a>") && !html.contains("six-1.2"), "{html}");
    // What is written is read again as it was, but for what HTML cannot say.
    let at = |file: &File| file.url.clone();
    let mut again = answer(&String::from_utf8(project.to_json(at)).unwrap(), JSON).unwrap();
    assert_eq!(again.files, project.files[..2]);
    for file in &mut again.files {
        (file.size, file.uploaded) = (None, None);
    }
    again.versions.clear();
    let from_html = answer(&project.to_html(at), HTML).unwrap();
    assert_eq!(from_html, again);
    assert!(
        String::from_utf8(from_html.to_json(at)).unwrap().starts_with("{\"meta\":{\"api-version\":\"1.0\"}")
    );
}

#[test]
fn what_the_upstream_took_back_stays_for_those_who_locked_it() {
    let file = |version: &str| entry(&format!("six-{version}.tar.gz"), "x.zip", "");
    let before = answer(&page(&[file("1.0"), file("1.1"), file("1.2")]), JSON).unwrap();
    let now = answer(&page(&[file("1.2")]).replace("\"1.0\",\"1.1\"", "\"1.2\""), JSON).unwrap();
    let kept = now.clone().keeping(before.clone(), |file| file.name.as_str() != "six-1.0.tar.gz");
    assert_eq!(names(&kept), ["six-1.2.tar.gz", "six-1.1.tar.gz"]);
    assert_eq!((&kept.files[0].yanked, kept.files[1].yanked.as_deref()), (&None, Some(REMOVED)));
    assert_eq!(kept.versions, ["1.2", "1.1"]);
    assert_eq!(now.clone().keeping(kept.clone(), |_| true), kept);
    // It comes back.
    assert_eq!(before.clone().keeping(kept, |_| true), before);
    let gone = Project::empty("six".parse().unwrap()).keeping(before.clone(), |_| true);
    assert!(gone.files.len() == 3 && gone.files.iter().all(|file| file.yanked.as_deref() == Some(REMOVED)));
    // In quarantine nothing is offered, whatever the mirror holds.
    let text = page(&[]).replace(
        "\"versions\"",
        "\"project-status\":{\"status\":\"quarantined\",\"reason\":\"x\\ny\"},\"versions\"",
    );
    let quarantined = answer(&text, JSON).unwrap().keeping(before, |_| true);
    assert_eq!((quarantined.files.len(), quarantined.offered().count()), (3, 0));
    let json = String::from_utf8(quarantined.to_json(at_mirror)).unwrap();
    assert!(json.contains("\"project-status\":{\"status\":\"quarantined\",\"reason\":\"x y\"}"), "{json}");
    assert!(
        quarantined.to_html(at_mirror).contains("<meta name=\"pypi:project-status-reason\" content=\"x y\">")
    );
}

#[test]
fn the_list_of_projects_is_written_in_both_forms() {
    let names = ["A.b", "six"].map(|name| name.parse().unwrap());
    let json = "{\"meta\":{\"api-version\":\"1.1\"},\"projects\":[{\"name\":\"a-b\"},{\"name\":\"six\"}]}";
    assert_eq!(String::from_utf8(names_to_json(&names)).unwrap(), json);
    let html = names_to_html(&names);
    assert!(html.contains("content=\"1.1\">") && html.contains("<a href=\"a-b/\">a-b</a>"), "{html}");
}

#[test]
fn an_answer_of_millions_of_things_is_not_read_to_its_end() {
    let many = |one: &str| vec![one; read::MOST + 1].join(",");
    let page = |files: &str, versions: &str| {
        format!(
            "{{\"meta\":{{\"api-version\":\"1.1\"}},\"name\":\"six\",\"files\":[{files}],\"versions\":[{versions}]}}"
        )
    };
    for text in [page(&many("{}"), ""), page("", &many("\"1\""))] {
        let why = answer(&text, JSON).unwrap_err().to_string();
        assert!(why.contains("more than 500000"), "{why}");
    }
}
