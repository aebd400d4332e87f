use super::{Added, Dependency, Kind, Manifests, add, remove};
use crate::fault::Result;

pub(super) const PACKAGE: &str = "[package]\nname = \"a\"\nversion = \"0.1.0\"\n";

fn dependency(asked: &str) -> Dependency {
    let mut words = asked.split_whitespace();
    let mut dependency = Dependency {
        package: words.next().unwrap().parse().unwrap(),
        requirement: "=2.0.1".to_owned(),
        features: Vec::new(),
        default_features: None,
        registry: None,
        kind: Kind::Normal,
    };
    for word in words {
        match word {
            "dev" => dependency.kind = Kind::Dev,
            "build" => dependency.kind = Kind::Build,
            "less" => dependency.default_features = Some(false),
            "more" => dependency.default_features = Some(true),
            word => match word.split_once(':') {
                Some((_, registry)) => dependency.registry = Some(registry.to_owned()),
                None => dependency.features.push(word.to_owned()),
            },
        }
    }
    dependency
}

fn added(member: &str, root: Option<&str>, asked: &str) -> Result<Added> {
    add(&Manifests { member, root }, &dependency(asked))
}

/// What is asked, the tables before, the tables after. `serde` is asked for at `=2.0.1`.
const PLACED: &[(&str, &str, &str)] = &[
    // Plain entries.
    ("serde", "[dependencies]\nserde = \"1\"\n", "[dependencies]\nserde = \"=2.0.1\"\n"),
    ("serde", "[dependencies]\nserde = '1' # why\n", "[dependencies]\nserde = '=2.0.1' # why\n"),
    (
        "serde",
        "[dependencies]\n# above\n  \"serde\"=\"1\"# why\n",
        "[dependencies]\n# above\n  \"serde\"=\"=2.0.1\"# why\n",
    ),
    (
        "serde derive rc derive",
        "[dependencies]\nserde = \"1\" # why\n",
        "[dependencies]\nserde = { version = \"=2.0.1\", features = [\"derive\", \"rc\"] } # why\n",
    ),
    (
        "serde derive less",
        "[dependencies]\nserde = '=2.0.1'\n",
        "[dependencies]\nserde = { version = '=2.0.1', default-features = false, features = [\"derive\"] }\n",
    ),
    ("serde more", "[dependencies]\nserde = \"=2.0.1\"\n", "[dependencies]\nserde = \"=2.0.1\"\n"),
    (
        "serde registry:own",
        "[dependencies]\nserde = \"1\"\n",
        "[dependencies]\nserde = { version = \"=2.0.1\", registry = \"own\" }\n",
    ),
    // Between braces.
    (
        "serde rc",
        "[dependencies]\nserde = { version = \"1\", features=['derive'] } # why\n",
        "[dependencies]\nserde = { version = \"=2.0.1\", features=['derive', \"rc\"] } # why\n",
    ),
    (
        "serde derive less",
        "[dependencies]\nserde = {version = \"1\", optional = true}\n",
        "[dependencies]\nserde = {version = \"=2.0.1\", optional = true, default-features = false, features = [\"derive\"]}\n",
    ),
    (
        "serde derive",
        "[dependencies]\nserde = { version = \"1\" }\n",
        "[dependencies]\nserde = { version = \"=2.0.1\", features = [\"derive\"] }\n",
    ),
    (
        "serde rc std",
        "[dependencies]\nserde = { version = \"1\", features = [\n    \"derive\", # yes\n] }\n",
        "[dependencies]\nserde = { version = \"=2.0.1\", features = [\n    \"derive\", # yes\n    \"rc\",\n    \"std\",\n] }\n",
    ),
    (
        "serde derive",
        "[dependencies]\nserde = { version = \"1\", features = [] }\n",
        "[dependencies]\nserde = { version = \"=2.0.1\", features = [\"derive\"] }\n",
    ),
    (
        "serde more",
        "[dependencies]\nserde = { version = \"1\", default-features = false }\n",
        "[dependencies]\nserde = { version = \"=2.0.1\", default-features = true }\n",
    ),
    (
        "serde less",
        "[dependencies]\nserde = { version = \"1\", default_features = true }\n",
        "[dependencies]\nserde = { version = \"=2.0.1\", default_features = false }\n",
    ),
    ("serde", "[dependencies]\nserde = {}\n", "[dependencies]\nserde = { version = \"=2.0.1\" }\n"),
    (
        "serde",
        "[dependencies]\nserde = { version = \"1\", registry = \"own\" }\n",
        "[dependencies]\nserde = { version = \"=2.0.1\", registry = \"own\" }\n",
    ),
    // A table of its own.
    (
        "serde",
        "[dependencies.serde]\n# the version\nversion = \"1\" # why\n\n[features]\n",
        "[dependencies.serde]\n# the version\nversion = \"=2.0.1\" # why\n\n[features]\n",
    ),
    (
        "serde derive less",
        "[dependencies.serde]\n  version = \"1\" # why\n# end\n\n[features]\n",
        "[dependencies.serde]\n  version = \"=2.0.1\" # why\n  default-features = false\n  features = [\"derive\"]\n# end\n\n[features]\n",
    ),
    (
        "serde derive",
        "[dependencies.serde]\nversion = \"1\"",
        "[dependencies.serde]\nversion = \"=2.0.1\"\nfeatures = [\"derive\"]",
    ),
    // Dotted keys, also where others stand between them.
    (
        "serde derive",
        "[dependencies]\nserde.version = \"1\" # why\nzed = \"1\"\n",
        "[dependencies]\nserde.version = \"=2.0.1\" # why\nserde.features = [\"derive\"]\nzed = \"1\"\n",
    ),
    (
        "serde derive",
        "[dependencies]\n  serde.version = \"1\"\n  abc = \"1\"\n  serde.optional = true\n",
        "[dependencies]\n  serde.version = \"=2.0.1\"\n  abc = \"1\"\n  serde.optional = true\n  serde.features = [\"derive\"]\n",
    ),
    (
        "serde less",
        "dependencies.serde.version = \"1\"\nother = 1\n",
        "dependencies.serde.version = \"=2.0.1\"\ndependencies.serde.default-features = false\nother = 1\n",
    ),
    // Renamed.
    (
        "serde_json",
        "[dependencies]\njson = { package = \"serde_json\", version = \"1\" }\nserde-json = \"1\"\n",
        "[dependencies]\njson = { package = \"serde_json\", version = \"=2.0.1\" }\nserde-json = \"1\"\n",
    ),
    (
        "serde",
        "[dependencies]\nold = { package = \"serde\", version = \"0.9\" }\nserde = \"1\"\n",
        "[dependencies]\nold = { package = \"serde\", version = \"0.9\" }\nserde = \"=2.0.1\"\n",
    ),
    // Targets.
    (
        "serde derive",
        "[target.'cfg(unix)'.dependencies]\nserde = \"1\"\n[target.x.dependencies.serde]\nversion = \"1\"\n[target.x.dev-dependencies]\nserde = \"1\"\n",
        "[target.'cfg(unix)'.dependencies]\nserde = { version = \"=2.0.1\", features = [\"derive\"] }\n[target.x.dependencies.serde]\nversion = \"=2.0.1\"\nfeatures = [\"derive\"]\n[target.x.dev-dependencies]\nserde = \"1\"\n",
    ),
    (
        "serde derive less",
        "[dependencies]\nserde = \"1\"\n[target.'cfg(unix)'.dependencies]\nserde = \"1\"\n",
        "[dependencies]\nserde = { version = \"=2.0.1\", default-features = false, features = [\"derive\"] }\n[target.'cfg(unix)'.dependencies]\nserde = { version = \"=2.0.1\", default-features = false }\n",
    ),
    // Kinds: each is its own, and the legacy names count.
    (
        "serde dev",
        "[dependencies]\nserde = \"1\"\n[dev_dependencies]\nserde = \"1\"\n",
        "[dependencies]\nserde = \"1\"\n[dev_dependencies]\nserde = \"=2.0.1\"\n",
    ),
    (
        "serde build",
        "[build_dependencies]\ncc = \"1\"\n",
        "[build_dependencies]\ncc = \"1\"\nserde = \"=2.0.1\"\n",
    ),
    (
        "serde dev",
        "[dependencies]\nserde = \"1\" # why\n# serde_json = \"1\"\n\n[features]\n",
        "[dependencies]\nserde = \"1\" # why\n# serde_json = \"1\"\n\n[dev-dependencies]\nserde = \"=2.0.1\"\n\n[features]\n",
    ),
    (
        "serde build",
        "[dependencies]\nabc = \"1\"\n# of the features\n[features]\n",
        "[dependencies]\nabc = \"1\"\n\n[build-dependencies]\nserde = \"=2.0.1\"\n\n# of the features\n[features]\n",
    ),
    (
        "serde build",
        "[dev-dependencies.abc]\nversion = \"1\"\n\n[features]\n[dependencies]\n\n[lib]\n",
        "[dev-dependencies.abc]\nversion = \"1\"\n\n[features]\n[dependencies]\n\n[build-dependencies]\nserde = \"=2.0.1\"\n\n[lib]\n",
    ),
    // New entries: in their order where there is one.
    ("serde", "", "\n[dependencies]\nserde = \"=2.0.1\"\n"),
    ("serde", "[features]\n", "[features]\n\n[dependencies]\nserde = \"=2.0.1\"\n"),
    ("serde", "[features]", "[features]\n\n[dependencies]\nserde = \"=2.0.1\""),
    ("serde", "[features]\n\n", "[features]\n\n[dependencies]\nserde = \"=2.0.1\"\n"),
    (
        "serde derive less registry:own",
        "[dependencies]\n\n[features]\n",
        "[dependencies]\nserde = { version = \"=2.0.1\", registry = \"own\", default-features = false, features = [\"derive\"] }\n\n[features]\n",
    ),
    (
        "serde more",
        "[dependencies]\n# one\nabc = '''1''' # why\n# two\nzed = \"1\"\n",
        "[dependencies]\n# one\nabc = '''1''' # why\nserde = \"=2.0.1\"\n# two\nzed = \"1\"\n",
    ),
    (
        "serde",
        "[dependencies] # all\n# one\n  zed = \"1\"\n",
        "[dependencies] # all\n  serde = \"=2.0.1\"\n# one\n  zed = \"1\"\n",
    ),
    (
        "serde",
        "[dependencies]\nzed = \"1\"\nabc = { version = \"1\", features = [\n  \"x\",\n] }\n# end\n\n[features]\n",
        "[dependencies]\nzed = \"1\"\nabc = { version = \"1\", features = [\n  \"x\",\n] }\nserde = \"=2.0.1\"\n# end\n\n[features]\n",
    ),
    (
        "serde",
        "[dependencies]\nabc = \"1\"\n[dependencies.zed]\nversion = \"1\"\n",
        "[dependencies]\nabc = \"1\"\nserde = \"=2.0.1\"\n[dependencies.zed]\nversion = \"1\"\n",
    ),
    (
        "serde",
        "# of zed\n[dependencies.zed]\nversion = \"1\"\n",
        "[dependencies]\nserde = \"=2.0.1\"\n\n# of zed\n[dependencies.zed]\nversion = \"1\"\n",
    ),
    (
        "serde",
        "[dependencies]\nabc.version = \"1\"\nzed.version = \"1\"\n",
        "[dependencies]\nabc.version = \"1\"\nserde = \"=2.0.1\"\nzed.version = \"1\"\n",
    ),
    ("größe", "[dependencies]\n", "[dependencies]\n\"größe\" = \"=2.0.1\"\n"),
    ("serde", "[dependencies]\nabc = \"1\"", "[dependencies]\nabc = \"1\"\nserde = \"=2.0.1\""),
    ("serde", "[dependencies]", "[dependencies]\nserde = \"=2.0.1\""),
    // A root that is a package inherits from itself.
    (
        "serde derive",
        "[dependencies]\nserde.workspace = true # why\n[workspace.dependencies]\nserde = \"1\"\n",
        "[dependencies]\nserde.workspace = true # why\nserde.features = [\"derive\"]\n[workspace.dependencies]\nserde = \"=2.0.1\"\n",
    ),
    (
        "serde",
        "[workspace.dependencies]\nserde = \"1\"\n",
        "[workspace.dependencies]\nserde = \"=2.0.1\"\n\n[dependencies]\nserde.workspace = true\n",
    ),
];

#[test]
fn an_entry_moves_in_the_form_it_has_and_every_other_byte_stays() {
    for (asked, before, after) in PLACED {
        // A dotted key of the root has to stand before the package.
        let whole = |tables: &str| match tables.starts_with('[')
            || tables.starts_with('#')
            || tables.trim().is_empty()
            || tables.starts_with('\n')
        {
            true => format!("{PACKAGE}{tables}"),
            false => format!("{tables}{PACKAGE}"),
        };
        for crlf in [false, true] {
            let ends =
                |text: String| if crlf { format!("\u{feff}{}", text.replace('\n', "\r\n")) } else { text };
            let (before, after) = (ends(whole(before)), ends(whole(after)));
            let made = added(&before, None, asked).unwrap_or_else(|fault| panic!("{fault}\n{before}"));
            let text = made.member.clone().unwrap_or_else(|| before.clone());
            assert_eq!(text, after, "{asked}\n{before}");
            assert_eq!(made.member.is_none(), before == after);
            assert_eq!(made.root, None);
            // Once more changes nothing.
            let again = added(&after, None, asked).unwrap();
            assert_eq!((again.member, again.root), (None, None), "{after}");
            assert_eq!((again.before.as_deref(), &again.key), (Some("=2.0.1"), &made.key));
        }
    }
}

#[test]
fn other_line_ends_in_the_same_file_stay() {
    let before = format!("{PACKAGE}[dependencies]\r\nabc = \"1\"\nserde = \"1\"\r\n\nx = '''\r\n\n'''\n");
    let made = added(&before, None, "serde derive").unwrap().member.unwrap();
    assert_eq!(
        made,
        before.replace("serde = \"1\"", "serde = { version = \"=2.0.1\", features = [\"derive\"] }")
    );
}

/// What is asked, the member and the root before, both after.
const INHERITED: &[(&str, [&str; 2], [&str; 2])] = &[
    (
        "serde",
        ["serde.workspace = true", "serde = \"1\" # all"],
        ["serde.workspace = true", "serde = \"=2.0.1\" # all"],
    ),
    (
        "serde rc",
        ["serde = { workspace = true, features = [\"derive\"] }", "serde.version = \"1\""],
        ["serde = { workspace = true, features = [\"derive\", \"rc\"] }", "serde.version = \"=2.0.1\""],
    ),
    (
        "serde_json raw less",
        ["json = { workspace = true }", "json = { package = \"serde_json\", version = \"1\" }"],
        [
            "json = { workspace = true, features = [\"raw\"] }",
            "json = { package = \"serde_json\", version = \"=2.0.1\", default-features = false }",
        ],
    ),
    (
        "serde less",
        ["serde = { workspace = true, default-features = true }", "serde = \"1\""],
        [
            "serde = { workspace = true, default-features = false }",
            "serde = { version = \"=2.0.1\", default-features = false }",
        ],
    ),
    (
        "serde more",
        ["serde.workspace = true", "serde = { version = \"1\", default-features = false }"],
        [
            "serde.workspace = true\nserde.default-features = true",
            "serde = { version = \"=2.0.1\", default-features = false }",
        ],
    ),
    // New in the member.
    ("serde", ["", "serde = \"1\""], ["serde.workspace = true", "serde = \"=2.0.1\""]),
    (
        "serde derive",
        ["abc = \"1\"", "serde = { version = \"1\", features = [\"derive\"] }"],
        [
            "abc = \"1\"\nserde = { workspace = true, features = [\"derive\"] }",
            "serde = { version = \"=2.0.1\", features = [\"derive\"] }",
        ],
    ),
    (
        "serde less",
        ["", "serde = \"1\""],
        ["serde.workspace = true", "serde = { version = \"=2.0.1\", default-features = false }"],
    ),
    (
        "serde more",
        ["", "serde = { version = \"1\", default-features = false }"],
        [
            "serde = { workspace = true, default-features = true }",
            "serde = { version = \"=2.0.1\", default-features = false }",
        ],
    ),
    (
        "serde_json",
        ["", "json = { package = \"serde_json\", version = \"1\" }"],
        ["json.workspace = true", "json = { package = \"serde_json\", version = \"=2.0.1\" }"],
    ),
    // Not inherited: the workspace's entry is another matter.
    ("serde", ["serde = \"1\"", "serde = \"1\""], ["serde = \"=2.0.1\"", "serde = \"1\""]),
    ("serde", ["", "serde_json = \"1\""], ["serde = \"=2.0.1\"", "serde_json = \"1\""]),
];

#[test]
fn an_inherited_entry_moves_in_the_root() {
    for (asked, before, after) in INHERITED {
        let line = |line: &str| if line.is_empty() { String::new() } else { format!("{line}\n") };
        let member = |lines: &str| format!("{PACKAGE}[dependencies]\n{}", line(lines));
        let root = |lines: &str| format!("[workspace]\n\n[workspace.dependencies]\n{}", line(lines));
        let (old_member, old_root) = (member(before[0]), root(before[1]));
        let made = added(&old_member, Some(&old_root), asked).unwrap();
        let (new_member, new_root) = (member(after[0]), root(after[1]));
        assert_eq!(made.member, (new_member != old_member).then_some(new_member.clone()), "{asked}");
        assert_eq!(made.root, (new_root != old_root).then_some(new_root.clone()), "{asked}");
        let again = added(&new_member, Some(&new_root), asked).unwrap();
        assert_eq!((again.member, again.root), (None, None), "{new_member}{new_root}");
        assert_eq!(again.before.as_deref(), Some("=2.0.1"));
    }
}

#[test]
fn what_was_there_is_told() {
    let text = format!(
        "{PACKAGE}[dependencies]\njson = {{ package = \"serde_json\", version = \"1.2\", registry = \"own\" }}\n"
    );
    let made = added(&text, None, "serde_json").unwrap();
    assert_eq!((made.before.as_deref(), made.key.as_str()), (Some("1.2"), "json"));
    assert_eq!(made.registry.as_deref(), Some("own"));
    let made = added(&text, None, "serde registry:new").unwrap();
    assert_eq!((made.before, made.key.as_str()), (None, "serde"));
    assert_eq!(made.registry.as_deref(), Some("new"));
}

#[test]
fn what_cannot_be_pinned_is_refused() {
    let cases = [
        ("[dependencies]\nserde = { path = \"x\" }\n", None, "`serde` comes from `path`"),
        ("[dependencies]\nserde = { version = \"1\", path = \"x\" }\n", None, "`serde` comes from `path`"),
        ("[dependencies.serde]\ngit = \"x\"\n", None, "`serde` comes from `git`"),
        ("[dependencies]\nserde.workspace = true\n", Some("serde = { path = \"x\" }"), "comes from `path`"),
        ("", Some("serde = { git = \"x\" }"), "so [workspace.dependencies] says"),
        ("[dependencies]\nserde.workspace = true\n", Some(""), "where it does not stand"),
        ("[dependencies]\nserde.workspace = false\n", None, "line 5 of the manifest"),
        (
            "[dependencies]\na = { package = \"serde\", version = \"1\" }\nb = { package = \"serde\", version = \"2\" }\n",
            None,
            "more than once in [dependencies]: `a`, `b`",
        ),
        (
            "[dependencies]\nserde = { package = \"other\", version = \"1\" }\n",
            None,
            "`serde` stands for the package `other`",
        ),
        ("[dependencies]\nserde = 1\n", None, "line 5 of the manifest: the dependency `serde` is neither"),
        ("[dependencies]\nserde = { version = 1 }\n", None, "line 5 of the manifest: `version`"),
        (
            "[dependencies]\nserde = { features = \"x\" }\n",
            None,
            "line 5 of the manifest: the features of `serde`",
        ),
        ("[[dependencies]]\nserde = \"1\"\n", None, "line 4 of the manifest: `dependencies` is no table"),
        ("[target]\nx = 1\n", None, "line 5 of the manifest: `x` is no table"),
        ("[dependencies]\nserde = \n", None, "the manifest is broken at line 5"),
    ];
    for (tables, root, wanted) in cases {
        let root = root.map(|entry| format!("[workspace.dependencies]\n{entry}\n"));
        let fault = added(&format!("{PACKAGE}{tables}"), root.as_deref(), "serde").unwrap_err();
        assert!(fault.to_string().contains(wanted), "{fault}");
        assert!(fault.help_text().is_some(), "{fault}");
    }
    let own = format!("{PACKAGE}[dependencies]\nserde = {{ version = \"1\", registry = \"own\" }}\n");
    assert!(added(&own, None, "serde registry:other").unwrap_err().to_string().contains("registry `own`"));
    let fault = added("[workspace]\nmembers = ['a']\n", None, "serde").unwrap_err();
    assert_eq!(
        (fault.what(), fault.help_text()),
        (
            "this Cargo.toml has no [package] that could depend on anything",
            Some("name the member of the workspace: `-p MEMBER`")
        )
    );
}

#[test]
fn tables_between_braces_are_edited_too() {
    let text = format!("dependencies = {{ abc = \"1\", serde.version = \"1\" }}\n{PACKAGE}");
    let made = added(&text, None, "serde derive").unwrap().member.unwrap();
    assert!(
        made.starts_with(
            "dependencies = { abc = \"1\", serde.version = \"=2.0.1\", serde.features = [\"derive\"] }\n"
        ),
        "{made}"
    );
    let less = |text: &str, name: &str| remove(text, None, &name.parse().unwrap()).unwrap().unwrap().text;
    assert!(less(&text, "serde").starts_with("dependencies = { abc = \"1\" }\n"), "{}", less(&text, "serde"));
    assert_eq!(less(&less(&text, "serde"), "abc"), PACKAGE);
}

#[test]
fn adding_and_removing_again_changes_nothing() {
    for tables in [
        "",
        "\n[dependencies]\nabc = \"1\"\n\n# two\nzed = \"1\" # z\n",
        "\n[features]\n# none\n",
        "\n# of zed\n[dependencies.zed]\nversion = \"1\"\n",
        "\n[dev-dependencies]\nzed = \"1\"\nabc = \"1\"\n\n[lib]\nname = \"a\"\n",
    ] {
        let text = format!("{PACKAGE}{tables}");
        for asked in ["serde", "serde derive dev", "serde build less"] {
            let more = added(&text, None, asked).unwrap().member.unwrap();
            let less = remove(&more, None, &"serde".parse().unwrap()).unwrap().unwrap();
            assert_eq!(less.text, text, "{asked}");
        }
    }
}
