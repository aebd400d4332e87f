use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::{IndexSettings, Sources};

fn sources(pip: &[(&str, &str)], uv: &[(&str, &str)], variables: &[(&str, &str)]) -> Sources {
    let files = |files: &[(&str, &str)]| {
        files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect()
    };
    Sources {
        pip: files(pip),
        uv: files(uv),
        variables: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), OsString::from(value)))
            .collect(),
        folder: "/here".into(),
    }
}

fn read(pip: &[(&str, &str)], uv: &[(&str, &str)], variables: &[(&str, &str)]) -> IndexSettings {
    IndexSettings::read(&sources(pip, uv, variables)).unwrap()
}

fn told(settings: &IndexSettings) -> BTreeMap<String, String> {
    settings.variables().into_iter().map(|(name, value)| (name, value.into_string().unwrap())).collect()
}

#[test]
fn pip_files_are_read_as_pip_reads_them() {
    let settings = read(
        &[(
            "/etc/pip.conf",
            "# a comment\n[global]\nindex-url = http://one/simple\nextra_index_url =\n    http://two/simple\n  ; not this\n    \
             http://three/simple\ntrusted-host: one:80 two\nfind-links = wheels http://four/page\nno-index = off\n\
             timeout = 2.5\nretries = 3\nproxy = me:pw@proxy:3128\nclient-cert = c.pem\n[list]\nindex-url = http://no\n",
        )],
        &[],
        &[],
    );
    assert_eq!(settings.default.as_ref().unwrap().url.to_string(), "http://one/simple");
    assert_eq!(settings.default.as_ref().unwrap().origin, "/etc/pip.conf");
    let told = told(&settings);
    assert_eq!(told["UV_DEFAULT_INDEX"], "http://one/simple");
    assert_eq!(told["UV_INDEX"], "http://two/simple http://three/simple");
    assert_eq!((told["UV_HTTP_TIMEOUT"].as_str(), told["UV_HTTP_RETRIES"].as_str()), ("2", "3"));
    assert_eq!(told["HTTPS_PROXY"], "http://me:pw@proxy:3128");
    assert_eq!(told["SSL_CLIENT_CERT"], "/here/c.pem");
    let arguments: Vec<String> =
        settings.arguments().into_iter().map(|argument| argument.into_string().unwrap()).collect();
    assert_eq!(
        arguments.join(" "),
        "--allow-insecure-host one:80 --allow-insecure-host two --find-links /here/wheels --find-links http://four/page"
    );
}

#[test]
fn the_nearest_word_counts() {
    let index = |settings: &IndexSettings| settings.default.as_ref().unwrap().url.to_string();
    let machine =
        ("/etc/pip.conf", "[global]\nindex-url = http://machine\n[install]\nindex-url = http://install\n");
    let user = ("/home/pip.conf", "[global]\nindex-url = http://user\n");
    // pip's own rule: the command's section counts more than [global], whatever the file.
    assert_eq!(index(&read(&[machine, user], &[], &[])), "http://install");
    assert_eq!(index(&read(&[user], &[], &[])), "http://user");
    let variable = ("PIP_INDEX_URL", "http://variable");
    assert_eq!(index(&read(&[machine, user], &[], &[variable])), "http://variable");
    let uv = ("/etc/uv/uv.toml", "index-url = \"http://toml\"\n");
    assert_eq!(index(&read(&[machine], &[uv], &[variable])), "http://toml");
    let own = ("/home/uv.toml", "[pip]\nindex-url = \"http://own\"\n");
    assert_eq!(index(&read(&[machine], &[own, uv], &[variable])), "http://own");
    let old = ("UV_INDEX_URL", "http://old");
    assert_eq!(index(&read(&[machine], &[own, uv], &[variable, old])), "http://old");
    let new = ("UV_DEFAULT_INDEX", "http://new");
    assert_eq!(index(&read(&[machine], &[own, uv], &[variable, old, new])), "http://new");
    // What is empty is not said.
    assert_eq!(index(&read(&[user], &[], &[("PIP_INDEX_URL", ""), ("UV_INDEX_URL", " ")])), "http://user");
    assert_eq!(read(&[], &[], &[]), IndexSettings::default());
}

#[test]
fn uv_files_and_variables_are_read_as_uv_reads_them() {
    let text = "native-tls = true\nallow-insecure-host = [\"h\"]\nindex-strategy = \"first-index\"\nno-index = true\n\
                find-links = [\"w\"]\nresolution = \"lowest\"\n[[index]]\nname = \"corp\"\nurl = \"http://corp/s\"\n\
                [[index]]\nurl = \"http://main\"\ndefault = true\n[[index]]\nname = \"x\"\nurl = \"http://never\"\n\
                explicit = true\n[pip]\nkeyring-provider = \"subprocess\"\ntarget = \"/tmp/elsewhere\"\n";
    let settings = read(
        &[],
        &[("/home/uv/uv.toml", text)],
        &[
            ("UV_INDEX", "a=http://a/?x=y http://b"),
            ("UV_EXTRA_INDEX_URL", "http://c"),
            ("UV_INDEX_CORP_PASSWORD", "s3cret"),
            ("UV_TARGET", "/x"),
        ],
    );
    let told = told(&settings);
    assert_eq!(told["UV_DEFAULT_INDEX"], "http://main");
    assert_eq!(told["UV_INDEX"], "a=http://a/?x=y http://b http://c corp=http://corp/s");
    assert_eq!(told["UV_INDEX_CORP_PASSWORD"], "s3cret");
    assert_eq!(told["UV_SYSTEM_CERTS"], "1");
    assert!(!told.keys().any(|name| name == "UV_TARGET"), "{told:?}");
    let arguments = settings.arguments().join(std::ffi::OsStr::new(" ")).into_string().unwrap();
    assert_eq!(
        arguments,
        "--allow-insecure-host h --index-strategy first-index --keyring-provider subprocess --find-links \
         /home/uv/w --no-index"
    );
}

#[test]
fn a_password_is_neither_shown_nor_an_argument() {
    let pip = "[global]\nindex-url = https://me:s3cret@one/simple\nfind-links = https://tok_s3cret@two/page\n\
               proxy = me:s3cret@proxy:1\n";
    let settings = read(&[("/pip.conf", pip)], &[], &[("UV_INDEX", "corp=https://u:s3cret%40x@three/s")]);
    let shown = format!("{settings:?} {} {:?}", settings.places(), settings.arguments());
    assert!(!shown.contains("s3cret"), "{shown}");
    assert_eq!(
        settings.places(),
        "https://***@three/s (from UV_INDEX), https://***@one/simple (from /pip.conf), https://***@two/page (from \
         /pip.conf)"
    );
    assert_eq!(told(&settings)["UV_FIND_LINKS"], "https://tok_s3cret@two/page");
}

#[test]
fn a_comma_in_a_folder_does_not_part_it() {
    let settings = read(&[], &[], &[("PIP_FIND_LINKS", "a,b http://x/c,d /e")]);
    let arguments = settings.arguments().join(std::ffi::OsStr::new(" ")).into_string().unwrap();
    assert_eq!(arguments, "--find-links file:///here/a%2Cb --find-links http://x/c%2Cd --find-links /e");
}

#[test]
fn certificates_of_the_surroundings_count_more_than_pips() {
    let pip = ("/pip.conf", "[global]\ncert = /pip.pem\n");
    let cert = |variables: &[(&str, &str)]| told(&read(&[pip], &[], variables)).get("SSL_CERT_FILE").cloned();
    assert_eq!(cert(&[("REQUESTS_CA_BUNDLE", "/requests.pem")]).as_deref(), Some("/pip.pem"));
    assert_eq!(cert(&[("PIP_CERT", "/var.pem")]).as_deref(), Some("/var.pem"));
    // uv finds that one itself.
    assert_eq!(cert(&[("SSL_CERT_FILE", "/own.pem")]), None);
    let told = told(&read(&[], &[], &[("REQUESTS_CA_BUNDLE", "/requests.pem")]));
    assert_eq!(told["SSL_CERT_FILE"], "/requests.pem");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    for (pip, uv, word) in [
        (vec![("/p", "index-url = x\n")], vec![], "/p: line 1"),
        (vec![("/p", "[global]\n\nindex-url\n")], vec![], "/p: line 3"),
        (vec![("/p", "[global]\nno-index = maybe\n")], vec![], "neither true nor false"),
        (vec![], vec![("/u", "index-url = \n")], "/u"),
    ] {
        let fault = IndexSettings::read(&sources(&pip, &uv, &[])).unwrap_err();
        assert!(fault.to_string().contains(word) && fault.help_text().is_some(), "{fault}");
    }
}

#[test]
fn a_file_on_the_host_of_an_index_is_asked_for_as_the_index_is() {
    let settings = read(
        &[(
            "pip.conf",
            "[global]\nindex-url = https://me:pw@one.invalid:8443/simple/\nextra-index-url = https://two.invalid/simple/\n",
        )],
        &[],
        &[],
    );
    for (url, asked) in [
        ("https://one.invalid:8443/files/a.whl", "https://me:pw@one.invalid:8443/files/a.whl"),
        ("https://one.invalid:8443/a@1.whl", "https://me:pw@one.invalid:8443/a@1.whl"),
        ("https://other:x@one.invalid:8443/a.whl", "https://other:x@one.invalid:8443/a.whl"),
        // Another port, host or protocol is another place: it is told nothing.
        ("https://one.invalid/a.whl", "https://one.invalid/a.whl"),
        ("http://one.invalid:8443/a.whl", "http://one.invalid:8443/a.whl"),
        ("https://one.invalid:8443.evil.invalid/a.whl", "https://one.invalid:8443.evil.invalid/a.whl"),
        ("https://two.invalid/a.whl", "https://two.invalid/a.whl"),
        ("a.whl", "a.whl"),
    ] {
        assert_eq!(settings.with_credentials(url), asked);
    }
}
