use super::{Distribution, Place, Texts};

const METADATA: &str =
    "Metadata-Version: 2.1\nName: PyYAML\nVersion: 6.0.1\nSummary: YAML\n\nName: not this\n";

fn read(record: &str, more: impl FnOnce(&mut Texts)) -> Distribution {
    let mut texts =
        Texts { metadata: METADATA.to_owned(), record: Some(record.to_owned()), ..Texts::default() };
    more(&mut texts);
    Distribution::read(&texts).unwrap()
}

fn provides(record: &str) -> Vec<String> {
    read(record, |_| ()).provides.names().map(str::to_owned).collect()
}

#[test]
fn metadata_names_it() {
    let read =
        |metadata: &str| Distribution::read(&Texts { metadata: metadata.to_owned(), ..Texts::default() });
    let one = read(METADATA).unwrap();
    assert_eq!((one.id.to_string().as_str(), one.written.as_str()), ("pyyaml 6.0.1", "PyYAML"));
    let folded =
        "\u{feff}DESCRIPTION: x\r\n        Name: no\r\nname:  zope.interface \r\nVERSION: 1.0.0.RC1\r\n";
    assert_eq!(read(folded).unwrap().id.to_string(), "zope-interface 1.0.0rc1");
    for bad in [
        "",
        "Name: x\n",
        "Version: 1\n",
        "\nName: x\nVersion: 1\n",
        "Name: ../x\nVersion: 1\n",
        "Name: x\nVersion: new\n",
        "Name:\nVersion: 1",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_can_be_imported_is_told_by_the_files() {
    let cases: &[(&str, &[&str])] = &[
        (
            "yaml/__init__.py,sha256=x,1\n_yaml/__init__.py,,\nyaml/_yaml.cpython-311-x86_64-linux-gnu.so,,\n",
            &["_yaml", "yaml"],
        ),
        ("cv2/__init__.py,,\ncv2/data/__init__.py,,\nopencv_python.libs/libx.so,,\n", &["cv2"]),
        ("six.py,,\n__pycache__/six.cpython-311.pyc,,\nsix-1.16.0.dist-info/RECORD,,\n", &["six"]),
        ("_cffi_backend.cpython-311-x86_64-linux-gnu.so,,\ncffi/__init__.py,,\n", &["_cffi_backend", "cffi"]),
        (
            "google/protobuf/__init__.py,,\ngoogle/protobuf/x.py,,\ngoogle/_upb/_message.abi3.so,,\n",
            &["google._upb._message", "google.protobuf"],
        ),
        ("google/cloud/storage/__init__.py,,\ngoogle/cloud/storage/blob.py,,\n", &["google.cloud.storage"]),
        ("../../../bin/x.py,,\n/etc/y.py,,\n../z.py,,\na/../b.py,,\nc\\d.py,,\nC:/e.py,,\n", &[]),
        ("my-data/x.py,,\nx.data/scripts/y.py,,\n1x.py,,\n", &[]),
        ("\"a,b/x.py\",,\n\"quoted.py\",,\n", &["quoted"]),
        ("typed/py.typed,,\ntyped/x.pyi,,\n", &[]),
    ];
    for (record, expected) in cases {
        assert_eq!(provides(record), *expected, "{record}");
    }
    // A shared namespace with a file of its own.
    let old = read("ns/__init__.py,,\nns/a/__init__.py,,\nns/b.py,,\n", |texts| {
        texts.namespace_packages = Some("ns\n".to_owned());
    });
    assert_eq!(old.provides.names().collect::<Vec<_>>(), ["ns.a", "ns.b"]);
}

#[test]
fn older_lists_serve_where_there_is_no_record() {
    let files = read("", |texts| {
        texts.installed_files = Some("../yaml/__init__.py\n../../../bin/x\nPKG-INFO\n".into());
    });
    assert_eq!(files.provides.names().collect::<Vec<_>>(), ["yaml"]);
    assert!(files.files.iter().any(|file| file.place == Place::Outside("../../bin/x".into())), "{files:?}");
    let top = read("", |texts| texts.top_level = Some("yaml\n_yaml\n../x\n\n".into()));
    assert_eq!(top.provides.names().collect::<Vec<_>>(), ["_yaml", "yaml"]);
    let both = read("google/protobuf/__init__.py,,\n", |texts| texts.top_level = Some("google\n".into()));
    assert_eq!(both.provides.names().collect::<Vec<_>>(), ["google.protobuf"]);
}

#[test]
fn an_import_is_held_by_what_it_begins_with() {
    let one = read("google/protobuf/__init__.py,,\n", |_| ()).provides;
    assert!(one.holds("google.protobuf") && one.holds("google.protobuf.message"));
    assert!(!one.holds("google") && !one.holds("google.protobuf2") && !one.holds("protobuf"));
    assert!(one.is_below("google") && !one.is_below("google.protobuf") && !one.is_below("goo"));
}

#[test]
fn a_record_keeps_outside_and_inside_apart() {
    let one = read("a.py,sha256=abc,12\n../../../bin/a,sha256=def,\n\n", |_| ());
    assert_eq!(one.files.len(), 2);
    assert!(matches!(&one.files[0].place, Place::Inside(path) if path.as_str() == "a.py"));
    assert_eq!((one.files[0].digest.as_deref(), one.files[0].size), (Some("sha256=abc"), Some(12)));
    assert_eq!(one.files[1].place, Place::Outside("../../../bin/a".to_owned()));
    for bad in ["/a", "a//b", "a/", "./a", "..", "a\0", "a\u{1b}[31m"] {
        assert!(super::Inside::new(bad).is_none(), "{bad:?}");
    }
}

#[test]
fn entry_points_are_plain_names_of_functions() {
    let text = "# all\n[console_scripts]\nrun = a.b:main\npip3.11 = pip._internal.cli.main:main [extra,more]\n../x = a:b\n-x = a:b\nbad = a b:c\nnone = a\ninject = os:system('x')\n\n[gui_scripts]\nwin=a:C.start\n[pytest11]\nplug = a:b\n";
    let found = read("", |texts| texts.entry_points = Some(text.to_owned())).entry_points;
    let shown: Vec<_> =
        found.iter().map(|e| format!("{} {}:{} {}", e.name, e.module, e.attribute, e.is_gui)).collect();
    assert_eq!(
        shown,
        ["run a.b:main false", "pip3.11 pip._internal.cli.main:main false", "win a:C.start true"]
    );
}

#[test]
fn what_came_from_no_index_says_where_from() {
    let of =
        |text: &str| read("", |texts| texts.direct_url = Some(text.to_owned())).direct.unwrap().to_string();
    assert_eq!(
        of("{\"url\":\"file:///home/me/x\",\"dir_info\":{\"editable\":true}}"),
        "the folder of an editable install, file:///home/me/x"
    );
    assert_eq!(of("{\"url\":\"file:///x\",\"dir_info\":{}}"), "the folder file:///x");
    assert_eq!(
        of("{\"url\":\"https://me:secret@host/x@y.git\",\"vcs_info\":{\"vcs\":\"git\"}}"),
        "the repository https://host/x@y.git"
    );
    assert_eq!(of("{\"url\":\"https://host/x.whl\",\"archive_info\":{}}"), "the archive https://host/x.whl");
    assert!(of("{").contains("cannot be read"));
    assert_eq!(read("", |texts| texts.installer = Some("pip\n".into())).installer.as_deref(), Some("pip"));
    let conda = read("x.py,,\n", |texts| {
        texts.installer = Some("conda\n".into());
        texts.direct_url = Some("{\"url\":\"file:///croot/x\",\"dir_info\":{}}".into());
    });
    assert_eq!(conda.direct, None);
    let editable = |top_level: Option<&str>| {
        let one = read("__editable___PyYAML_6_0_1_finder.py,,\n__editable__.PyYAML-6.0.1.pth,,\n", |texts| {
            texts.top_level = top_level.map(str::to_owned);
            texts.direct_url = Some("{\"url\":\"file:///x\",\"dir_info\":{\"editable\":true}}".into());
        });
        one.provides.names().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!((editable(Some("yaml\n")), editable(None)), (vec!["yaml".into()], vec!["pyyaml".into()]));
}
