use std::path::Path;

use super::{State, for_resolving, meaning, state, with_entry, without_entry};

const LINE: &str = r#"include = [{ path = "../.envtool/cargo.toml", optional = true }]"#;
const ENTRY: &str = r#"{ path = "../.envtool/cargo.toml", optional = true }"#;

/// `@` stands for the entry, `@@` for its line.
fn text(short: &str) -> String {
    short.replace("@@", LINE).replace('@', ENTRY)
}

/// Before and after.
const PLACED: &[(&str, &str)] = &[
    ("", "@@\n"),
    ("\n", "\n@@\n"),
    ("# a comment\n", "# a comment\n@@\n"),
    ("# no line end", "# no line end\n@@"),
    ("\u{feff}", "\u{feff}@@\n"),
    ("[alias]\nx = 'y'\n", "@@\n\n[alias]\nx = 'y'\n"),
    ("\u{feff}[alias]\nx = 'y'\n", "\u{feff}@@\n\n[alias]\nx = 'y'\n"),
    ("[alias]\r\nx = 'y'\r\n", "@@\r\n\r\n[alias]\r\nx = 'y'\r\n"),
    ("[alias]\nx = 'y'", "@@\n\n[alias]\nx = 'y'"),
    ("# mine\n[alias]\n", "@@\n\n# mine\n[alias]\n"),
    ("# licence\n\n# mine\n# too\n[alias]\n", "# licence\n\n@@\n\n# mine\n# too\n[alias]\n"),
    ("  [source.a]\n  directory = 'x'\n", "@@\n\n  [source.a]\n  directory = 'x'\n"),
    ("[[bin]]\n[a]\n", "@@\n\n[[bin]]\n[a]\n"),
    ("a = 1", "a = 1\n@@"),
    ("a = 1 # why\nb.c = 2 # too\n\n[d]\n", "a = 1 # why\nb.c = 2 # too\n@@\n\n[d]\n"),
    ("a = [\n  1,\n]\n# of d\n[d]\n", "a = [\n  1,\n]\n@@\n# of d\n[d]\n"),
    ("a = '''\n[x]\n'''\n", "a = '''\n[x]\n'''\n@@\n"),
    ("[a]\nb = '''\n[[include]]\n'''\n", "@@\n\n[a]\nb = '''\n[[include]]\n'''\n"),
    ("include = ['a.toml']\n", "include = ['a.toml', @]\n"),
    ("include = [ 'a.toml', ] # c\n", "include = [ 'a.toml', @, ] # c\n"),
    ("\"include\" = [{ path = 'a.toml' }]", "\"include\" = [{ path = 'a.toml' }, @]"),
    (
        "include = [\n  'a.toml', # one, two\n  # more\n]\n[b]\n",
        "include = [\n  'a.toml', # one, two\n  @,\n  # more\n]\n[b]\n",
    ),
    (
        "include = [\r\n\t'a.toml',\r\n\t'b.toml' # c, d\r\n]\r\n",
        "include = [\r\n\t'a.toml',\r\n\t'b.toml', # c, d\r\n\t@\r\n]\r\n",
    ),
    ("include = [\n  'a.toml']\n", "include = [\n  'a.toml', @]\n"),
    ("include = ['a.toml'\n  , ]\n", "include = ['a.toml', @\n  , ]\n"),
    ("include = ['a.toml',\n 'b.toml',\n]\n", "include = ['a.toml',\n 'b.toml',\n @,\n]\n"),
    (
        "a = 1\n[[include]]\npath = 'a.toml'\n\n[b]\n",
        "a = 1\n[[include]]\npath = 'a.toml'\n\n[b]\n\n[[include]]\npath = \"../.envtool/cargo.toml\"\noptional = true\n",
    ),
    (
        "[[include]]\r\npath = 'a.toml'\r\nx.y = 1",
        "[[include]]\r\npath = 'a.toml'\r\nx.y = 1\r\n\r\n[[include]]\r\npath = \"../.envtool/cargo.toml\"\r\noptional = true",
    ),
];

#[test]
fn the_entry_goes_where_cargo_reads_it_and_every_other_byte_stays() {
    for (before, after) in PLACED {
        let after = text(after);
        let edited = with_entry(before).unwrap();
        assert_eq!(edited, after, "{before:?}");
        assert_eq!(state(before).unwrap(), State::Absent, "{before:?}");
        assert_eq!(state(&edited).unwrap(), State::Present, "{before:?}");
        assert_eq!(with_entry(&edited).unwrap(), edited, "{before:?}");
        assert_eq!(meaning(&edited).unwrap(), meaning(before).unwrap(), "{before:?}");
        let back = without_entry(&edited).unwrap();
        let bare = before.trim_start_matches('\u{feff}').trim().is_empty();
        assert_eq!(back.as_deref(), (!bare).then_some(*before), "{before:?}");
    }
}

#[test]
fn an_empty_list_takes_the_entry_too() {
    for (before, after) in [
        ("include = []\na = 1\n", "include = [@]\na = 1\n"),
        ("include = [ # c\n]\n", "include = [@ # c\n]\n"),
    ] {
        assert_eq!(with_entry(before).unwrap(), text(after));
    }
    assert_eq!(without_entry(&text("include = [@]\na = 1\n")).unwrap().unwrap(), "a = 1\n");
}

#[test]
fn a_wrong_entry_is_put_right() {
    for (before, found, after) in [
        ("include = [@, 'a.toml']\n", State::NotLast, "include = ['a.toml', @]\n"),
        ("include = ['../.envtool/cargo.toml']\n", State::NotOptional, "@@\n"),
        ("include = ['./../.envtool/./cargo.toml', 'b.toml']\n", State::NotLast, "include = ['b.toml', @]\n"),
        (
            "a = 1\ninclude = [{ path = '../.envtool/cargo.toml' }]\nb = 1\n",
            State::NotOptional,
            "a = 1\nb = 1\n@@\n",
        ),
        ("include = [@, 'a.toml', @]\n", State::Twice, "include = ['a.toml', @]\n"),
        ("include = [\n  @,\n  'a.toml',\n]\n", State::NotLast, "include = [\n  'a.toml',\n  @,\n]\n"),
        ("include = [\n  @, # ours\n  'a.toml'\n]\n", State::NotLast, "include = [\n  'a.toml',\n  @\n]\n"),
        (
            "include = [\n  @ # ours\n  , 'a.toml'\n]\n",
            State::NotLast,
            "include = [\n   # ours\n  'a.toml',\n  @\n]\n",
        ),
        ("[alias]\nx = 'y'\n@@\n", State::InTable("alias".to_owned()), "@@\n\n[alias]\nx = 'y'\n"),
        ("[a.b]\ninclude = ['q', @]\n", State::InTable("a.b".to_owned()), "@@\n\n[a.b]\ninclude = ['q']\n"),
        (
            "[[include]]\npath = '../.envtool/cargo.toml'\noptional = true\n\n[[include]]\npath = 'a.toml'\n",
            State::NotLast,
            "\n[[include]]\npath = 'a.toml'\n\n[[include]]\npath = \"../.envtool/cargo.toml\"\noptional = true\n",
        ),
    ] {
        let before = text(before);
        assert_eq!(state(&before).unwrap(), found, "{before:?}");
        assert_eq!(with_entry(&before).unwrap(), text(after), "{before:?}");
    }
}

#[test]
fn a_copy_for_resolving_reaches_the_same_files() {
    let copy = |text_: &str| for_resolving(&text(text_), Path::new("../.cargo")).unwrap();
    assert_eq!(copy("@@\n"), "");
    assert_eq!(
        copy("include = ['a.toml', { path = '../b.toml' }, '/c.toml', @] # x\n[net]\n"),
        "include = [\"../.cargo/a.toml\", { path = \"../.cargo/../b.toml\" }, '/c.toml'] # x\n[net]\n"
    );
    assert_eq!(
        copy("[[include]]\npath = 'a.toml'\noptional = true\n"),
        "[[include]]\npath = \"../.cargo/a.toml\"\noptional = true\n"
    );
    let odd = for_resolving("include = ['a.toml']", Path::new("/x \"y\\z")).unwrap();
    let odd: toml::Table = toml::from_str(&odd).unwrap();
    assert_eq!(odd["include"][0].as_str(), Some("/x \"y\\z/a.toml"));
}

#[test]
fn what_cannot_be_read_is_refused_with_its_line() {
    for (bad, what) in [
        ("[a\n", "line 1, column 3"),
        ("\u{feff}[a\n", "line 1, column 3"),
        ("a = 1\r\nb = = 2\r\n", "line 2, column 5"),
        ("a = 1\na = 2\n", "line 2, column 1"),
        ("\ninclude = 'a.toml'\n", "line 2 "),
        ("include = { path = 'a.toml' }\n", "line 1 "),
        ("[include]\npath = 'a.toml'\n", "line 1 "),
        ("include = [1]\n", "line 1 "),
        ("include = [\n{ optional = true }]\n", "line 2 "),
    ] {
        for fault in [with_entry(bad).unwrap_err(), without_entry(bad).unwrap_err(), state(bad).unwrap_err()]
        {
            assert!(fault.what().contains(what), "{bad:?}: {fault}");
            assert!(fault.help_text().is_some());
        }
    }
}

/// Heads, lists and tails put together in every way: what was there is there again.
#[test]
fn adding_and_taking_away_restores_the_text() {
    let heads = ["", "# c\n", "# c\n\n", "x = 1\n", "x.y = [\n 1,\n]\n\n", "\u{feff}# c\n"];
    let lists = [
        "",
        "include = ['a.toml']\n",
        "include = ['a.toml',]\n",
        "include = [\n'a.toml', # ]\n  {path='b.toml',optional=true} # ,\n]\n",
        "include = [ 'a.toml'\n]\n",
        "include = [\n  'a.toml',\n\n  # end\n]\n",
    ];
    let tails =
        ["", "\n", "y = '''\n\n'''\n", "[t]\n", "\n# of t\n[t]\nz = 1", "[t.u]\n[[v]]\nq = {}\n# end\n"];
    for head in heads {
        for list in lists {
            for tail in tails {
                for windows in [false, true] {
                    let before = format!("{head}{list}{tail}");
                    let before = if windows { before.replace('\n', "\r\n") } else { before };
                    let edited = with_entry(&before).unwrap();
                    assert_eq!(meaning(&edited).unwrap(), meaning(&before).unwrap(), "{before:?}");
                    let back = without_entry(&edited).unwrap().unwrap_or_default();
                    let bare = before.trim_start_matches('\u{feff}').trim().is_empty();
                    assert_eq!(back, if bare { "" } else { &before }, "{edited:?}");
                }
            }
        }
    }
}
