use super::{Kind, Row, Said, read, rows, yanked};

fn none(stderr: &str) -> (Kind, String, String) {
    match read(stderr, "PyPI") {
        Said::NoSolution(none) => (none.kind, none.why.join("; "), none.help),
        other => panic!("{other:?}"),
    }
}

/// Every message here was printed by a uv.
#[test]
fn why_there_is_no_solution() {
    let name = |name: &str| Some(name.parse().unwrap());
    for (stderr, kind, why) in [
        (
            "error: No solution found when resolving dependencies\n  cause: Because nonexistent-foo was not found in the \
             package registry and you require nonexistent-foo, we can conclude that your requirements are \
             unsatisfiable.\n",
            Kind::UnknownName(name("nonexistent-foo")),
            "there is no package nonexistent-foo on PyPI",
        ),
        (
            "error: No solution found when resolving dependencies\n  cause: Because there is no version of \
             requests==99.0 and you require requests==99.0, we can conclude that your requirements are unsatisfiable.\n",
            Kind::UnknownVersion(name("requests")),
            "there is no version of requests==99.0 and you ask for requests==99.0, so nothing fits",
        ),
        (
            "error: No solution found when resolving dependencies\n  cause: Because only requests<=2.34.2 is available \
             and you require requests>=99, we can conclude that your requirements are unsatisfiable.\n",
            Kind::UnknownVersion(name("requests")),
            "only requests<=2.34.2 is available and you ask for requests>=99, so nothing fits",
        ),
        (
            "error: No solution found when resolving dependencies\n  cause: Because docopt==0.6.2 has no usable wheels \
             and you require docopt==0.6.2, we can conclude that your requirements are unsatisfiable.\n\nhint: Wheels \
             are required for `docopt` because building from source is disabled for all packages (i.e., with \
             `--no-build`)\n",
            Kind::NoWheel(name("docopt")),
            "docopt 0.6.2 is published as source only",
        ),
        (
            // 0.9.0
            "  × No solution found when resolving dependencies:\n  ╰─▶ Because docopt==0.6.2 has no usable wheels and you \
             require docopt==0.6.2, we can conclude that your requirements are unsatisfiable.\n\n      hint: Wheels are \
             required for `docopt` because building from source is disabled for all packages (i.e., with `--no-build`)\n",
            Kind::NoWheel(name("docopt")),
            "docopt 0.6.2 is published as source only",
        ),
        (
            "error: No solution found when resolving dependencies\n  cause: Because tensorflow==2.3.0 has no wheels with \
             a matching Python version tag (e.g., `cp310`) and you require tensorflow==2.3.0, we can conclude that your \
             requirements are unsatisfiable.\n\nhint: Wheels are available for `tensorflow` (v2.3.0) with the following \
             Python ABI tags: `cp35m`, `cp36m`, `cp37m`, `cp38`\n",
            Kind::NoWheel(name("tensorflow")),
            "tensorflow 2.3.0 has no wheel for the Python or the platform at hand; there are wheels for cp35m, cp36m, \
             cp37m, cp38",
        ),
        (
            "error: No solution found when resolving dependencies for split (markers: python_full_version == '3.10.*')\n  \
             cause: Because the requested Python version (>=3.10) does not satisfy Python>=3.11 and numpy==2.3.0 depends \
             on Python>=3.11, we can conclude that numpy==2.3.0 cannot be used.\n         And because you require \
             numpy==2.3.0, we can conclude that your requirements are unsatisfiable.\n\nhint: While the active Python \
             version is 3.11, the resolution failed for other Python versions supported by your project. Consider \
             limiting your project's supported Python versions using `requires-python`.\n\nhint: The `requires-python` \
             value (>=3.10) includes Python versions that are not supported by your dependencies (e.g., numpy==2.3.0 \
             only supports >=3.11). Consider using a more restrictive `requires-python` value (like >=3.11).\n",
            Kind::Python(name("numpy")),
            "the lowest Python of this project (>=3.10) does not satisfy Python>=3.11 and numpy==2.3.0 depends on \
             Python>=3.11, so numpy==2.3.0 cannot be used; you ask for numpy==2.3.0, so nothing fits",
        ),
        (
            "error: No solution found when resolving dependencies\n  cause: Because requests==2.32.3 depends on \
             urllib3>=1.21.1,<3 and you require requests==2.32.3, we can conclude that you require urllib3>=1.21.1,<3.\n\
                      And because you require urllib3==1.0, we can conclude that your requirements are unsatisfiable.\n",
            Kind::Conflict,
            "requests==2.32.3 depends on urllib3>=1.21.1,<3 and you ask for requests==2.32.3, so you ask for \
             urllib3>=1.21.1,<3; you ask for urllib3==1.0, so nothing fits",
        ),
        (
            "error: No solution found when resolving dependencies\n  cause: you require requests<1 and requests>=2, which \
             are incompatible\n",
            Kind::Conflict,
            "you ask for requests<1 and requests>=2, which exclude each other",
        ),
    ] {
        let (found, said, help) = none(stderr);
        assert_eq!((&found, said.as_str()), (&kind, why), "{stderr}");
        let all = format!("{said} {help}");
        for theirs in ["--no-", "your project", "requires-python", "we can conclude", "unsatisfiable", "uv "]
        {
            assert!(!all.contains(theirs), "{all}");
        }
        assert!(!help.is_empty());
    }
}

#[test]
fn what_is_wrong_with_an_index_or_the_network() {
    let unknown = "error: No solution found when resolving dependencies\n  cause: Because requests was not found in the \
                   package registry and you require requests==2.32.3, we can conclude that your requirements are \
                   unsatisfiable.\n\n";
    let offline = "Because requests was not found in the cache and you require requests==2.32.3, we can conclude that \
                   your requirements are unsatisfiable.\n\nhint: Packages were unavailable because the network was \
                   disabled. When the network is disabled, registry packages may only be read from the cache.\n";
    for (stderr, words) in [
        (
            format!(
                "{unknown}hint: An index URL (http://u:s3cret@127.0.0.1:1/401/) could not be queried due to a lack of \
                 valid authentication credentials (401 Unauthorized)\n"
            ),
            ["http://***@127.0.0.1:1/401/ answered 401", "password"],
        ),
        (
            format!(
                "{unknown}hint: An index (http://127.0.0.1:1/403/) returned a 403 Forbidden error. Check that the index \
                 URL is correct and the credentials are valid.\n"
            ),
            ["http://127.0.0.1:1/403/ answered 403", "password"],
        ),
        (
            "error: Failed to fetch: http://127.0.0.1:1/500/requests/\n  cause: HTTP status server error (500 Internal \
             Server Error) for url (http://a:s3cret@127.0.0.1:1/500/requests/)\n"
                .to_owned(),
            ["500 Internal Server Error", "answers wrongly"],
        ),
        (
            "error: Failed to fetch: http://127.0.0.1:1/files/inside-1.0-py3-none-any.whl\n  cause: HTTP status client \
             error (401 Unauthorized) for url (http://127.0.0.1:1/files/inside-1.0-py3-none-any.whl)\n"
                .to_owned(),
            ["401 Unauthorized", "check the user and the password"],
        ),
        (
            "error: Missing `Content-Type` header for `http://127.0.0.1:1/200/requests/`\n".to_owned(),
            ["Missing `Content-Type`", "answers wrongly"],
        ),
        (
            "error: Failed to fetch: http://nohost.invalid/simple/requests/\n  cause: error sending request for url \
             (http://nohost.invalid/simple/requests/)\n  cause: client error (Connect)\n  cause: dns error\n"
                .to_owned(),
            ["dns error", "check the network"],
        ),
        (
            "error: Failed to fetch: `http://127.0.0.1:9/simple/requests/`\n  Caused by: error sending request for url \
             (http://127.0.0.1:9/simple/requests/)\n  Caused by: client error (Connect)\n"
                .to_owned(),
            ["client error (Connect)", "check the network"],
        ),
        (
            format!("error: No solution found when resolving dependencies\n  cause: {offline}"),
            ["requests is not in the store", "--offline"],
        ),
        (
            "error: Failed to download `idna==3.10`\n  cause: Network connectivity is disabled, but the requested data \
             wasn't found in the cache: http://127.0.0.1:1/idna-3.10-py3-none-any.whl\n"
                .to_owned(),
            ["idna==3.10 is not in the store", "--offline"],
        ),
    ] {
        let said = read(&stderr, "PyPI");
        assert!(!matches!(said, Said::NoSolution(_)), "{said:?}");
        let fault = said.fault("could not resolve");
        let all = format!("{fault} {}", fault.help_text().unwrap());
        assert!(words.iter().all(|word| all.contains(word)), "{all}");
        assert!(!all.contains("s3cret"), "{all}");
    }
}

#[test]
fn which_hash_differs() {
    let digits = "0".repeat(64);
    let other = "9".repeat(64);
    for stderr in [
        format!(
            "error: Failed to download `idna==3.10`\n  cause: Hash mismatch for `idna==3.10`\n\n         Expected:\n           \
             sha256:{digits}\n\n         Computed:\n           sha256:{other}\n"
        ),
        format!(
            "  × Failed to download `idna==3.10`\n  ╰─▶ Hash mismatch for `idna==3.10`\n\n      Expected:\n        \
             sha256:{digits}\n\n      Computed:\n        sha256:{other}\n"
        ),
    ] {
        let said = read(&stderr, "PyPI");
        let expected = Said::HashMismatch {
            package: "idna==3.10".to_owned(),
            expected: vec![format!("sha256:{digits}")],
            found: format!("sha256:{other}"),
        };
        assert_eq!(said, expected);
        let text = said.fault("could not install").to_string();
        assert!(text.contains(&digits) && text.contains(&other) && text.contains("idna==3.10"), "{text}");
    }
}

#[test]
fn rows_say_who_needs_them() {
    let text = "# header\ncertifi==2026.10.18\n    # via requests\ncolorama==0.4.6 ; sys_platform == 'win32'\n    # via -r \
                in.txt\nurllib3==2.8.0\n    # via\n    #   -r in.txt\n    #   requests[socks]\n    #   via-x\n";
    let row = |name: &str, version: &str, marker: Option<&str>, via: &[&str], asked: bool| Row {
        name: name.to_owned(),
        version: version.to_owned(),
        marker: marker.map(str::to_owned),
        via: via.iter().map(|name| (*name).to_owned()).collect(),
        asked,
    };
    assert_eq!(
        rows(text),
        [
            row("certifi", "2026.10.18", None, &["requests"], false),
            row("colorama", "0.4.6", Some("sys_platform == 'win32'"), &[], true),
            row("urllib3", "2.8.0", None, &["requests", "via-x"], true),
        ]
    );
}

#[test]
fn what_was_yanked_is_no_conflict() {
    let (kind, why, help) = none(
        "error: No solution found when resolving dependencies\n  cause: Because idna==3.11 was yanked (reason: broken) \
         and only idna<=3.11 is available, we can conclude that idna>=3.11 cannot be used.\n         And because you \
         require idna>=3.11, we can conclude that your requirements are unsatisfiable.\n",
    );
    assert_eq!(kind, Kind::Yanked(Some("idna".parse().unwrap())));
    assert!(
        why.starts_with("idna==3.11 was yanked (reason: broken) and only idna<=3.11 is available"),
        "{why}"
    );
    assert!(help.contains("envtool add pypi:idna"), "{help}");
    let said = "Resolved 2 packages in 9ms\nwarning: `idna==3.11` is yanked (reason: \"broken\")\nwarning: `x==1` is \
                yanked\n";
    assert_eq!(
        yanked(said),
        [("idna==3.11".to_owned(), Some("broken".to_owned())), ("x==1".to_owned(), None)]
    );
}

#[test]
fn the_causes_of_a_warning_are_not_those_of_the_error() {
    let (kind, why, help) = none(
        "warning: A managed Python is available, but could not be had\n  cause: dns error\nerror: No solution found when \
         resolving dependencies\n  cause: Because all versions of docopt have no usable wheels and you require docopt, we \
         can conclude that your requirements are unsatisfiable.\n",
    );
    assert_eq!(
        (kind, why.as_str()),
        (Kind::NoWheel(Some("docopt".parse().unwrap())), "docopt is published as source only")
    );
    assert!(help.contains("docopt = { version = \"VERSION\", build = true }"), "{help}");
}
