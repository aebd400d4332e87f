use super::{decode, imports};

/// `LINE MODULE[:MEMBER][?]`, `?` for one that is guarded.
fn found(text: &str) -> Vec<String> {
    let shown = |import: &super::Import| {
        let member = import.member.as_ref().map(|member| format!(":{member}")).unwrap_or_default();
        format!("{} {}{member}{}", import.line, import.module, if import.guarded { "?" } else { "" })
    };
    imports(text.as_bytes()).found.iter().map(shown).collect()
}

#[test]
fn imports_are_found_wherever_they_stand_and_nowhere_else() {
    let cases: &[(&str, &[&str])] = &[
        ("import a", &["1 a"]),
        ("import a.b.c as d, e", &["1 a.b.c", "1 e"]),
        ("from a.b import c, d as e", &["1 a.b:c", "1 a.b:d"]),
        ("from a import (\n  b,\n  c,\n)", &["1 a:b", "1 a:c"]),
        ("from a import *", &["1 a"]),
        ("from . import a\nfrom .b import c\nfrom .. import d\nfrom ...e import f", &[]),
        ("import a; import b\r\nimport c\r\n", &["1 a", "1 b", "2 c"]),
        ("import \\\n  a", &["1 a"]),
        ("def f():\n  async def g():\n    class C:\n      import a", &["4 a"]),
        ("if x: import a\nelif y: import b\nelse: import c", &["1 a", "2 b", "3 c"]),
        ("match x:\n  case 1:\n    import a", &["3 a"]),
        ("with x as y:\n  import a", &["2 a"]),
        ("for x in y:\n  import a\nelse:\n  import b\nwhile 1: import c", &["2 a", "4 b", "5 c"]),
        ("import a # import b\n# import c\n\"import d\"\n'''\nimport e\n'''", &["1 a"]),
        ("def f():\n  \"\"\"\n  >>> import a\n  import b\n  \"\"\"\n  return f'{x!r} import c'", &[]),
        ("x = b'import a'; y = r\"\"\"\nimport b\"\"\"", &[]),
        ("importlib.import_module('a.b'); import_module(\"c\"); __import__('d')", &["1 a.b", "1 c", "1 d"]),
        ("import_module('.a', 'b'); import_module(name); import_module(f'{x}'); __import__('a b')", &[]),
        ("x = f'{__import__(\"a\")}'", &["1 a"]),
        ("print('import a', file=x)\nexec('import b')", &[]),
        ("from __future__ import annotations", &["1 __future__:annotations"]),
        ("type X = int\nasync def f[T](x: T): await x\nimport a", &["3 a"]),
        ("import größe", &["1 größe"]),
        ("", &[]),
        ("\x0c\nimport a", &["2 a"]),
    ];
    for (text, expected) in cases {
        assert_eq!(found(text), *expected, "{text}");
        assert_eq!(imports(text.as_bytes()).broken, None, "{text}");
    }
}

#[test]
fn an_import_that_may_fail_is_guarded() {
    let cases: &[(&str, &[&str])] = &[
        ("try:\n  import a\nexcept ImportError:\n  import b\nelse:\n  import c", &["2 a?", "4 b?", "6 c"]),
        ("try:\n  import a\nexcept (ValueError, ModuleNotFoundError) as e: pass", &["2 a?"]),
        ("try:\n  import a\nexcept: pass", &["2 a?"]),
        ("try:\n  import a\nexcept ValueError: import b\nfinally: import c", &["2 a", "3 b", "4 c"]),
        ("try:\n  from a import b\nfinally: pass", &["2 a:b"]),
        ("if TYPE_CHECKING:\n  import a\nelse:\n  import b", &["2 a?", "4 b"]),
        ("if typing.TYPE_CHECKING:\n  from a import b", &["2 a:b?"]),
        (
            "with contextlib.suppress(ImportError):\n  import a\nwith suppress(OSError): import b",
            &["2 a?", "3 b"],
        ),
        ("try:\n  try:\n    import a\n  except KeyError: pass\nexcept ImportError: pass", &["3 a?"]),
    ];
    for (text, expected) in cases {
        assert_eq!(found(text), *expected, "{text}");
    }
}

#[test]
fn a_mistake_is_told_and_hides_only_its_own_line() {
    let cases: &[(&str, usize, &[&str])] = &[
        ("import a\nx = = 1\nimport b\n", 2, &["1 a", "3 b"]),
        ("import a\nimport b c\nfrom d import\nimport e\n", 2, &["1 a", "4 e"]),
        ("import a\ndef f(:\n  pass\nimport b", 2, &["1 a", "4 b"]),
        ("import a\nx = '''never\nimport b\n", 2, &["1 a"]),
        ("import a\n{{ template }} import b\n", 2, &["1 a"]),
        ("import a\n<<<<<<< HEAD\nimport b\n=======\nimport c\n>>>>>>> x\n", 2, &["1 a", "3 b", "5 c"]),
    ];
    for (text, line, expected) in cases {
        let read = imports(text.as_bytes());
        assert_eq!(read.broken.as_ref().map(|(line, _)| *line), Some(*line), "{text} {read:?}");
        assert_eq!(found(text), *expected, "{text}");
    }
    // Not Python at all.
    for text in ["\0\0\0", "import", "from x", "MZ\u{90}\0import a", ")", "\"", "import a b c", "import 1"] {
        let read = imports(text.as_bytes());
        assert!(read.broken.is_some() && read.found.is_empty(), "{text:?} {read:?}");
    }
}

#[test]
fn python_2_has_no_imports() {
    for line in
        ["print \"x\"", "print x, y", "exec \"x\" in y", "raise E, \"x\"", "x = `y`", "if a <> b: pass"]
    {
        let read = imports(format!("import urllib2\nimport yaml\n{line}\nimport os\n").as_bytes());
        assert_eq!(read.found, [], "{line}");
        assert_eq!(read.broken.map(|(line, _)| line), Some(3), "{line}");
    }
}

#[test]
fn bytes_are_text_as_python_reads_them() {
    let mark = b"\xef\xbb\xbfimport a\n";
    assert_eq!(decode(mark).text, "import a\n");
    let latin = b"#!/usr/bin/python3\n# -*- coding: ISO-8859-1 -*-\nimport a # gr\xf6\xdfe\n";
    assert!(decode(latin).text.contains("größe") && decode(latin).strange.is_none());
    assert_eq!(imports(latin).found[0].line, 3);
    // The declaration counts on the first two lines only, and behind comments only.
    for late in
        [&b"\n\n# coding: latin-1\nx = '\xf6'"[..], b"x = 1\n# coding: latin-1\nx = '\xf6'", b"x = '\xf6'"]
    {
        assert!(decode(late).strange.is_some(), "{late:?}");
        assert!(imports(late).broken.is_some());
    }
    assert!(decode(b"# vim: set fileencoding=cp1252 :\nx = '\x80'").strange.is_none());
    assert!(decode("# coding: utf-8\nx = 'ö'".as_bytes()).text.contains('ö'));
    assert!(imports(b"# coding: utf-16\nimport a").broken.is_none());
}

#[test]
fn a_file_that_is_made_to_be_deep_ends_nothing() {
    for (deep, close) in [
        ("(", ")"),
        ("[", "]"),
        ("-", ""),
        ("not ", ""),
        ("f(0,", ")"),
        ("lambda a,b:", ""),
        ("x.", ""),
        ("x+", ""),
        ("{0:", "}"),
        ("if x: ", ""),
    ] {
        let count = 200_000 / deep.len();
        let text = format!("import a\n{}x{}\n", deep.repeat(count), close.repeat(count));
        assert!(imports(text.as_bytes()).broken.is_some(), "{deep}");
    }
    // What is long and not deep is read.
    let list = format!("x = [{}]\nimport a\n", "-1, a.b, lambda: 0, 'x' + 'y', ".repeat(900));
    assert_eq!(found(&list), ["2 a"]);
    let dict = format!("x = {{{}}}\nimport a\n", "'k': f(-1, [2]), ".repeat(50_000));
    assert_eq!(found(&dict), ["2 a"]);
}
