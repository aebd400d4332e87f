//! What cargo 1.95 was seen to do with the same files and variables.

use std::path::{Path, PathBuf};

use super::{CRATES_IO, CargoConfig, Layer, Secret, SourceKind, Variables, is_crates_io};
use crate::package::GitReference;

const PROJECT: &str = "/p/.cargo/config.toml";

fn config(files: &[(&str, &str)], variables: &[(&str, &str)]) -> CargoConfig {
    let layers = files.iter().map(|(file, text)| Layer::parse(*file, text).unwrap());
    CargoConfig::merge(layers.collect(), variables.iter().copied().collect::<Variables>()).unwrap()
}

fn project(text: &str) -> CargoConfig {
    config(&[(PROJECT, text)], &[])
}

#[test]
fn sources_know_what_they_are_and_where_they_are_replaced() {
    let text = "\
[source.crates-io]
replace-with = 'mirror'

[source]
mirror = { registry = 'sparse+http://127.0.0.1:1/' }
vendored.directory = \"vendor\"
[source.local]
local-registry = '/abs'
[source.\"git+http://example.invalid/x\"]
git = 'http://example.invalid/x'
rev = 'abc'
";
    let sources = project(&text.replace('\n', "\r\n")).sources().unwrap();
    let kinds: Vec<_> = sources.iter().map(|source| (source.name.as_str(), source.kind.clone())).collect();
    assert_eq!(
        kinds,
        [
            ("crates-io", None),
            (
                "git+http://example.invalid/x",
                Some(SourceKind::Git {
                    url: "http://example.invalid/x".to_owned(),
                    reference: GitReference::Rev("abc".to_owned()),
                })
            ),
            ("local", Some(SourceKind::LocalRegistry(PathBuf::from("/abs")))),
            ("mirror", Some(SourceKind::Registry("sparse+http://127.0.0.1:1/".to_owned()))),
            ("vendored", Some(SourceKind::Directory(PathBuf::from("/p/vendor")))),
        ]
    );
    let (name, place) = sources[0].replace_with.clone().unwrap();
    assert_eq!((name.as_str(), place.to_string().as_str()), ("mirror", "/p/.cargo/config.toml:2"));
    let lines: Vec<_> = sources.iter().map(|source| source.place.to_string()).collect();
    assert_eq!(lines, [1, 9, 7, 5, 6].map(|line| format!("{PROJECT}:{line}")), "each table's own line");
}

#[test]
fn a_path_counts_from_the_folder_above_the_files_by_its_name_alone() {
    let at = |file: &str| {
        let config = config(&[(file, "[source.v]\ndirectory = 'vend'\n")], &[]);
        config.sources().unwrap()[0].kind.clone()
    };
    let directory = |path: &str| Some(SourceKind::Directory(PathBuf::from(path)));
    assert_eq!(at("/p/.cargo/inc/x.toml"), directory("/p/.cargo/vend"));
    assert_eq!(at("/p/.cargo/../x.toml"), directory("/p/.cargo/vend"));
    assert_eq!(at("/p/.cargo/../.envtool/cargo.toml"), directory("/p/.cargo/../vend"));
}

#[test]
fn following_ends_at_the_source_that_is_asked() {
    let config = project(
        "[source.crates-io]\nreplace-with = 'a'\n[source.a]\nregistry = 'http://127.0.0.1:1'\nreplace-with = 'corp'\n\
         [registries.corp]\nindex = 'sparse+http://127.0.0.1:2/'\n",
    );
    let followed = config.follow(CRATES_IO).unwrap();
    assert_eq!(followed.name, "corp");
    assert_eq!(followed.kind, SourceKind::Registry("sparse+http://127.0.0.1:2/".to_owned()));
    let chain: Vec<_> = followed.chain.iter().map(|(name, place)| format!("{name} {place}")).collect();
    assert_eq!(chain, [format!("a {PROJECT}:2"), format!("corp {PROJECT}:5")]);

    let plain = project("").follow(CRATES_IO).unwrap();
    assert!(plain.chain.is_empty());
    assert_eq!(plain.kind, SourceKind::Registry(tame_index::CRATES_IO_HTTP_INDEX.to_owned()));
    let git = project("[registries.crates-io]\nprotocol = 'git'\n").follow(CRATES_IO).unwrap();
    assert_eq!(git.kind, SourceKind::Registry(tame_index::CRATES_IO_INDEX.to_owned()));
}

#[test]
fn no_variable_reaches_a_source() {
    let text = "[source.crates-io]\n[source.v]\ndirectory = 'vend'\n";
    let variables = [("CARGO_SOURCE_CRATES_IO_REPLACE_WITH", "v"), ("CARGO_SOURCE_V_DIRECTORY", "x")];
    let config = config(&[(PROJECT, text)], &variables);
    assert!(config.follow(CRATES_IO).unwrap().chain.is_empty());
    assert_eq!(config.follow("v").unwrap().kind, SourceKind::Directory(PathBuf::from("/p/vend")));
}

#[test]
fn what_leads_nowhere_is_a_failure_that_names_the_line() {
    let fault = |text: &str| {
        let fault = project(text).follow(CRATES_IO).unwrap_err();
        assert!(fault.help_text().is_some(), "{fault}");
        fault.to_string()
    };
    let circle = "[source.crates-io]\nreplace-with = 'a'\n[source.a]\ndirectory = 'x'\nreplace-with = ";
    assert_eq!(
        fault(&format!("{circle}'crates-io'\n")),
        "/p/.cargo/config.toml:5: source `crates-io` is replaced with itself: the way from `crates-io` leads back to it"
    );
    assert!(fault(&format!("{circle}'a'\n")).contains(":5: source `a`"));
    let unknown = "[source.crates-io]\nreplace-with = 'zz'\n";
    assert_eq!(
        fault(unknown),
        "/p/.cargo/config.toml:2: there is no source `zz`, which `crates-io` is replaced with: \
         neither `[source]` nor `[registries]` says where it is"
    );
    assert!(fault(&format!("{unknown}[source.zz]\n")).contains("no source `zz`"));
    assert!(
        fault(&format!("{unknown}[source.zz]\ndirectory = 'a'\ngit = 'b'\n"))
            .contains(":3: source `zz` is two")
    );
    assert!(
        fault(&format!("{unknown}[source.zz]\ndirectory = 1\n"))
            .contains(":4: `source.zz.directory` is an integer")
    );
    assert!(fault("source = 1\n").contains(":1: `source` is an integer"));
}

#[test]
fn nearer_files_count_more_and_variables_most() {
    let files = [
        (
            "/h/config.toml",
            "[http]\nproxy = 'http://home'\ntimeout = 1\nmultiplexing = false\n[net]\nretry = 4\n",
        ),
        (PROJECT, "[http]\nproxy = 'http://near'\ncainfo = 'ca.pem'\nssl-version = 'tlsv1.2'\n"),
    ];
    let http = config(&files, &[]).http().unwrap();
    let (proxy, place) = http.proxy.unwrap();
    assert_eq!((proxy.as_str(), place.to_string()), ("http://near", format!("{PROJECT}:2")));
    assert_eq!(http.cainfo.unwrap().0, Path::new("/p/ca.pem"));
    assert_eq!((http.timeout, http.multiplexing), (Some(1), Some(false)));

    let variables = [
        ("CARGO_HTTP_PROXY", "http://env"),
        ("CARGO_HTTP_CAINFO", "ca.pem"),
        ("CARGO_HTTP_TIMEOUT", "7"),
        ("CARGO_NET_OFFLINE", "true"),
        ("CARGO_NET_GIT_FETCH_WITH_CLI", "true"),
    ];
    let config = config(&files, &variables);
    let http = config.http().unwrap();
    let (proxy, place) = http.proxy.unwrap();
    assert_eq!(
        (proxy.as_str(), place.to_string().as_str()),
        ("http://env", "the environment variable CARGO_HTTP_PROXY")
    );
    assert_eq!(http.cainfo.unwrap().0, Path::new("ca.pem"));
    assert_eq!(http.timeout, Some(7));
    let net = config.net().unwrap();
    assert_eq!((net.offline, net.retry), (Some(true), Some(4)));
}

#[test]
fn a_setting_of_the_wrong_kind_is_a_failure() {
    for text in ["timeout = 'x'", "timeout = -1", "proxy = 1", "multiplexing = 'true'", "cainfo = []"] {
        let fault = project(&format!("[http]\n{text}\n")).http().unwrap_err();
        assert!(fault.what().starts_with("/p/.cargo/config.toml:2: "), "{fault}");
        assert!(fault.help_text().is_some());
    }
    for variable in ["CARGO_NET_OFFLINE", "CARGO_NET_RETRY"] {
        let fault = config(&[], &[(variable, "maybe")]).net().unwrap_err();
        assert!(fault.what().contains(variable), "{fault}");
    }
    for text in ["x = 1.5", "x = 1979-05-27", "[a]\nx = [{ y = 1.5 }]"] {
        let fault = Layer::parse(PROJECT, text).err().unwrap();
        assert!(fault.what().contains("which cargo's configuration does not take"), "{fault}");
    }
    let layers = [("/h/c.toml", "[http]\nx = []\n"), (PROJECT, "[http]\nx = {}\n")];
    let layers = layers.map(|(file, text)| Layer::parse(file, text).unwrap());
    let fault = CargoConfig::merge(layers.into(), Variables::default()).err().unwrap();
    assert_eq!(
        fault.to_string(),
        "cargo's configuration contradicts itself at `http.x`: it is a list in /h/c.toml:2 and a table in \
         /p/.cargo/config.toml:2"
    );
}

#[test]
fn lists_join_and_programs_replace() {
    let files = [
        (
            "/h/.cargo/config.toml",
            "[registry]\nglobal-credential-providers = ['cargo:token']\ncredential-provider = ['a', 'b']\n",
        ),
        (
            PROJECT,
            "[registry]\nglobal-credential-providers = ['./x y']\ncredential-provider = ['c']\n\
             [credential-alias]\nmine = 'prog arg'\n'cargo:token' = 'no'\n",
        ),
    ];
    let config = config(&files, &[("CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS", "one two")]);
    let global = config.global_credential_providers().unwrap();
    let words: Vec<_> = global.iter().map(|provider| provider.words.join(" ")).collect();
    assert_eq!(words, ["two", "one", "/p/./x y", "cargo:token"]);
    let own = config.registry(CRATES_IO).unwrap().unwrap().credential_provider.unwrap();
    assert_eq!(own.words, ["c"]);
    assert_eq!(config.credential_alias("mine").unwrap().unwrap().words, ["prog", "arg"]);
    assert_eq!(config.credential_alias("cargo:token").unwrap(), None);
}

#[test]
fn registries_come_from_files_and_variables() {
    let text = "[registries]\nmy-corp = { index = 'sparse+http://127.0.0.1:1/', token = 'file' }\n";
    let variables = [
        ("CARGO_REGISTRIES_MY_CORP_TOKEN", "env"),
        ("CARGO_REGISTRIES_OTHER_INDEX", "sparse+http://127.0.0.1:2/"),
        ("PATH", "not read"),
    ];
    let config = config(&[(PROJECT, text)], &variables);
    let registries = config.registries().unwrap();
    let names: Vec<_> = registries.iter().map(|registry| registry.name.as_str()).collect();
    assert_eq!(names, ["my-corp", "other"]);
    let (token, place) = registries[0].token.clone().unwrap();
    assert_eq!(token, Secret::new("env"));
    assert_eq!(place.to_string(), "the environment variable CARGO_REGISTRIES_MY_CORP_TOKEN");
    assert!(!format!("{registries:?}").contains("\"env\""));
    assert_eq!(config.registry("none").unwrap(), None);

    let name = |url| config.registry_by_index(url).unwrap().map(|registry| registry.name);
    assert_eq!(name("sparse+http://127.0.0.1:1/").as_deref(), Some("my-corp"));
    assert_eq!(name("sparse+http://127.0.0.1:2").as_deref(), Some("other"));
    assert_eq!(name("sparse+http://127.0.0.1:3/"), None);
    assert_eq!(name(tame_index::CRATES_IO_HTTP_INDEX).as_deref(), Some(CRATES_IO));
    assert!(is_crates_io(&format!("registry+{}", tame_index::CRATES_IO_INDEX)));

    let twice =
        "registries.a.index = 'http://127.0.0.1:1/x.git'\nregistries.b.index = 'http://127.0.0.1:1/x'\n";
    assert!(project(twice).registry_by_index("http://127.0.0.1:1/x").is_err());
}

#[test]
fn includes_are_listed_as_cargo_takes_them() {
    let includes = |text: &str| Layer::parse(PROJECT, text).unwrap().includes();
    let listed =
        includes("include = ['a.toml',\n { path = 'b.toml', optional = true, other = 1 }]\n").unwrap();
    let listed: Vec<_> = listed.iter().map(|i| format!("{} {} {}", i.path, i.optional, i.place)).collect();
    assert_eq!(listed, [format!("a.toml false {PROJECT}:1"), format!("b.toml true {PROJECT}:2")]);
    assert_eq!(
        includes("[[include]]\npath = 'a.toml'\n").unwrap()[0].place.to_string(),
        format!("{PROJECT}:1")
    );
    for bad in ["'a.toml'", "{ path = 'a.toml' }", "[1]", "['a.conf']", "['a?.toml']", "['{a}.toml']", "[{}]"]
    {
        assert!(includes(&format!("include = {bad}\n")).is_err(), "{bad}");
    }
}

#[test]
fn the_paths_that_bring_code_into_a_build_are_known_with_their_lines() {
    let text = "\
include = ['../../shared.toml', { path = 'own.toml', optional = true }]
paths = ['../one', '/two']
[patch.crates-io]
foo = { path = '../foo' }
bar = { git = 'http://example.invalid/bar' }
[source.v]
directory = '../v'
[build]
rustc-wrapper = '/opt/sccache'
rustc = 'rustc'
target-dir = '/tmp/t'
[target.'cfg(all())']
runner = ['../run', '/no/argument']
linker = 'clang'
[target.x]
runner = '../run --fast /x'
[env]
PATH_OF = '/x'
";
    let named = project(text).named_paths().unwrap();
    let found: Vec<String> =
        named.iter().map(|n| format!("{} {} {}", n.place, n.key, n.path.display())).collect();
    assert_eq!(
        found.iter().map(|line| line.trim_start_matches(PROJECT)).collect::<Vec<_>>(),
        [
            ":2 paths /p/../one",
            ":2 paths /two",
            ":4 patch.crates-io.foo.path /p/../foo",
            ":7 source.v.directory /p/../v",
            ":9 build.rustc-wrapper /opt/sccache",
            ":13 target.cfg(all()).runner /p/../run",
            ":16 target.x.runner /p/../run",
            ":1 include /p/.cargo/../../shared.toml",
            ":1 include /p/.cargo/own.toml",
        ]
    );
}
