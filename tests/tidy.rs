//! Holds what nobody should have to look for in a review: the floors of the house (ARCHITECTURE.md), the length of a
//! file, and words that have no place in the tree.
//!
//! A file below `src/` may import only from floors below its own. Two files on one floor do not know each other: the
//! floor above joins them. The files of a folder that is one row here may use their own folder.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may fail loudly and reads the tree as it lies"
)]

mod code;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use code::{Failure, code_only, ends_in_word, failures, root, sources, without_tests};

/// A floor and what stands on it. A name with `/` at its end is a folder: its `mod.rs` and everything below it.
/// A floor is a number in steps of ten, so that a floor can be split without renumbering the house.
const FLOORS: &[(u32, &str, &[&str])] = &[
    (0, "words", &["fault", "digest", "package", "module", "secret"]),
    (5, "words that use words", &["layout", "progress", "parallel", "near", "toml_cut", "quote"]),
    (7, "words that use those", &["mirror"]),
    (
        10,
        "formats",
        &[
            "spec/",
            "manifest/",
            "cargo_lock",
            "cargo_manifest/",
            "cargo_edit/",
            "cargo_config/",
            "cargo_include/",
            "registry/",
            "compile_log/",
            "executable",
            "calls/",
            "cargo_installed",
            "python_imports/",
            "distribution/",
            "python_index/",
            "uv_words/",
            "serve_config/",
            "pack_list",
        ],
    ),
    (15, "formats that use formats", &["lock/", "receipt", "cargo_replacement", "choose"]),
    (20, "hands", &["fs/", "signals"]),
    (25, "hands that use hands", &["http", "process"]),
    (30, "unpacking, and the frame", &["archive/", "context"]),
    (40, "holders", &["store/", "environment/", "cargo/", "project"]),
    (42, "the Python that the store remembers", &["python/"]),
    (43, "what the user trusts", &["trusted"]),
    (44, "uv, which is given one", &["uv/"]),
    (50, "deciding", &["graph/", "resolve", "plan", "fetch/", "export", "stub", "sources", "tool_plan"]),
    (60, "doing", &["apply", "compile/"]),
    (70, "services", &["sync/", "hook/"]),
    (75, "services that use services", &["adding/", "doctor/", "serve/", "packing/"]),
    (80, "services that use those", &["one_off"]),
    (90, "verbs", &["commands/"]),
    (100, "edge", &["cli", "ui/"]),
    (110, "the program", &["main", "lib"]),
];

/// The most lines that a file below `src/` may have, its tests not counted.
const LONGEST: usize = 500;

/// The row of the table that a file belongs to, as its module's name: `store` for `store/mod.rs` and `store/lock.rs`.
fn row_of(file: &str) -> &str {
    file.split_once('/').map_or_else(|| file.trim_end_matches(".rs"), |(folder, _)| folder)
}

/// The floor of a module, and whether its row is a folder.
fn floor_of(module: &str) -> Option<(u32, bool)> {
    FLOORS.iter().find_map(|(floor, _, rows)| {
        rows.iter().find(|row| row.trim_end_matches('/') == module).map(|row| (*floor, row.ends_with('/')))
    })
}

/// Every module of this crate that code names as `crate::MODULE` or inside `crate::{…}`, with its line.
fn imports(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if ends_in_word(&code[..at]) || code[..at].ends_with('$') {
            continue;
        }
        let line = code[..at].lines().count().max(1);
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut name = String::new();
            let mut names = Vec::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => names.push(std::mem::take(&mut name)),
                    _ if depth == 0 => name.push(c),
                    _ => {}
                }
            }
            names.push(name);
            for name in names {
                let first = name.trim().split("::").next().unwrap_or_default();
                let first = first.split_whitespace().next().unwrap_or_default();
                if !first.is_empty() {
                    found.push((line, first.to_owned()));
                }
            }
        } else {
            found.push((line, rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()));
        }
    }
    found
}

/// What is wrong with one file's imports.
fn faults_of(file: &str, text: &str) -> Vec<String> {
    let own = row_of(file);
    let Some((floor, is_folder)) = floor_of(own) else {
        return vec![format!(
            "src/{file} stands on no floor: add `{own}` to FLOORS in tests/tidy.rs, on the lowest floor above all that it imports"
        )];
    };
    let mut faults = Vec::new();
    if file.contains('/') && !is_folder {
        faults.push(format!(
            "src/{file} lies in a folder: its row in FLOORS in tests/tidy.rs wants to be `{own}/`"
        ));
    }
    for (line, module) in imports(&code_only(text)) {
        match floor_of(&module) {
            _ if module == own && is_folder => {}
            Some((other, _)) if other < floor => {}
            Some((other, _)) => faults.push(format!(
                "src/{file}:{line} (floor {floor}) imports `{module}` (floor {other}): only floors below are open to it"
            )),
            // `main` and `lib` may re-export what they like; anything else has to be a module of the table.
            None if floor >= 110 => {}
            None => faults.push(format!(
                "src/{file}:{line} imports `crate::{module}`, which is no row of FLOORS in tests/tidy.rs"
            )),
        }
    }
    faults
}

fn report(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn a_file_imports_only_from_floors_below_its_own() {
    let faults: Vec<String> = sources().iter().flat_map(|(file, text)| faults_of(file, text)).collect();
    report(&faults);
}

#[test]
fn the_reader_of_imports_sees_what_it_must() {
    for (file, text, wrong) in [
        ("fs.rs", "use crate::fault::Fault;", false),
        ("fs.rs", "use crate::http;", true),
        ("fs.rs", "use crate::{\n    fault::{Fault, Result},\n    process,\n};", true),
        ("fs.rs", "fn f() { crate::store::open() }", true),
        ("fs.rs", "/// See [`crate::store`].\nfn f() {}", false),
        ("fs.rs", "/* a /* b */ crate::store */", false),
        ("fs.rs", r#"const A: &str = "a \" crate::store";"#, false),
        ("fs.rs", r##"const A: &str = r#"a " crate::store"#;"##, false),
        ("fs.rs", "const A: char = '\"'; use crate::store::Store; const B: char = '\"';", true),
        ("fs.rs", "#[cfg(test)]\nmod tests { use crate::store::Store; }", true),
        ("process.rs", "use crate::process::Program;", true),
        ("fs.rs", "use crate::fs::read;", false),
        ("layout.rs", "use crate::digest::Digest;", false),
        ("layout.rs", "use crate::progress::Progress;", true),
        ("digest.rs", "use crate::fault::Fault;", true),
        ("store/lock.rs", "use crate::store::Store;", false),
        ("store/mod.rs", "use crate::environment::Environment;", true),
        ("store/mod.rs", "use tool_crate::environment;", false),
        ("process/unix.rs", "", true),
        ("fs/lock.rs", "use crate::process::Program;", true),
        ("commands/sync.rs", "use crate::commands::Outcome; use crate::plan::plan;", false),
        ("commands/sync.rs", "use crate::ui::say;", true),
        ("main.rs", "use crate::cli::Cli;", false),
        ("nowhere.rs", "", true),
    ] {
        let faults = faults_of(file, text);
        assert_eq!(!faults.is_empty(), wrong, "{file}: {text}\n{faults:?}");
    }
}

#[test]
fn no_file_is_long() {
    let faults: Vec<String> = sources()
        .iter()
        .map(|(file, text)| (file, without_tests(text).lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(file, lines)| {
            format!(
                "src/{file} has {lines} lines without its tests, {LONGEST} is the most: make it two files"
            )
        })
        .collect();
    report(&faults);
}

/// Failures that are made without a help line, by a piece of their text, and where the help comes from.
const HELPED_ELSEWHERE: &[(&str, &str, &str)] = &[
    ("cargo/config.rs", "Fault::new(match entry {", "both that call `named` give it"),
    ("http.rs", "there is no certificate file", "it is the cause in `cannot`, which gives it"),
    ("http.rs", "holds no certificate", "it is the cause in `cannot`, which gives it"),
    ("uv/mod.rs", "there is no such file", "it is the reason in `wrong`, which gives it"),
    ("uv/mod.rs", "`uv --version` failed", "it is the reason in `wrong`, which gives it"),
    ("uv/mod.rs", "it is no uv", "it is the reason in `wrong`, which gives it"),
    ("uv/bring.rs", "could not bring uv", "both that call `failed` give it"),
];

#[test]
fn every_failure_says_what_to_do_next() {
    let sources = sources();
    let mut faults = Vec::new();
    let mut used = vec![false; HELPED_ELSEWHERE.len()];
    for (file, text) in sources.iter().filter(|(file, _)| *file != "fault.rs") {
        for Failure { line, call, text, .. } in failures(text).into_iter().filter(|failure| !failure.helps) {
            match HELPED_ELSEWHERE.iter().position(|(at, piece, _)| at == file && call.contains(piece)) {
                Some(place) => used[place] = true,
                None => faults.push(format!(
                    "src/{file}:{line} says no way out: `.help(…)`, or `Fault::bug`\n    {text}"
                )),
            }
        }
    }
    let stale = HELPED_ELSEWHERE.iter().zip(used).filter(|(_, used)| !used);
    faults.extend(
        stale.map(|((file, piece, _), _)| format!("HELPED_ELSEWHERE: src/{file} has no {piece:?} any more")),
    );
    report(&faults);
}

#[test]
fn the_reader_of_failures_sees_what_it_must() {
    for (text, bad) in [
        ("fn f() { Err(Fault::new(\"a\").help(\"b\")) }", false),
        ("fn f() { Err(Fault::new(format!(\"(a {}\", 1)).why(\"x\").help(\"b\")) }", false),
        ("fn f() { Err(Fault::new(\"a.help(\").why(\"b\")) }", true),
        ("fn f() { g.ok_or_else(|| Fault::usage(\"a\"))?; h.help(\"b\") }", true),
        (
            "fn f() {\n    let bad = |why: &str| Fault::new(\"ä\").why(why);\n    bad(\"x\").help(\"y\")\n}\n",
            false,
        ),
        ("fn f() {\n    let bad = || Fault::new(\"a\");\n    bad()\n}\nfn g() { x.help(\"\") }\n", true),
        ("fn f() {}\n#[cfg(test)]\nmod tests { fn g() { Fault::new(\"a\"); } }", false),
    ] {
        assert_eq!(failures(text).iter().any(|failure| !failure.helps), bad, "{text}");
    }
}

#[test]
fn nothing_is_allowed_or_left_undone() {
    // In parts, so that this file would pass its own test.
    let words = [["#[al", "low("], ["#![al", "low("], ["to", "do!"], ["FIX", "ME"], ["XX", "X"]]
        .map(|parts| parts.concat());
    let mut faults = Vec::new();
    for (file, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(word.as_str())) {
                faults.push(format!(
                    "src/{file}:{} holds `{word}`: `#[expect(…, reason = …)]`, an issue, or the work itself",
                    number + 1
                ));
            }
        }
    }
    report(&faults);
}

/// Every file that git tracks or would track; where git is not there, every file but what is built.
fn tracked() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output();
    if let Ok(output) = listed
        && output.status.success()
        && !output.stdout.is_empty()
    {
        return output
            .stdout
            .split(|b| *b == 0)
            .filter(|name| !name.is_empty())
            .map(|name| root().join(std::str::from_utf8(name).unwrap()))
            .collect();
    }
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            let skipped = ["target", ".git", ".envtool"].iter().any(|name| entry.file_name() == *name);
            if kind.is_dir() && !skipped {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found
}

fn show(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

#[test]
fn no_address_of_a_public_registry_is_written_down() {
    let io = ["crates", "io"].join(".");
    let hosts = [
        format!("index.{io}"),
        format!("static.{io}"),
        ["pypi", "org"].join("."),
        ["files", "pythonhosted", "org"].join("."),
        ["registry", "npmjs", "org"].join("."),
    ];
    let files = tracked();
    assert!(files.len() > 5, "this test does not see the tree");
    let mut faults = Vec::new();
    for path in files {
        // A file that is deleted and not yet committed is still listed.
        let Ok(bytes) = fs::read(&path) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        for (number, line) in text.lines().enumerate() {
            for host in hosts.iter().filter(|host| line.contains(host.as_str())) {
                faults.push(format!(
                    "{}:{} names {host}: cargo, pip and tame-index know where the registries lie",
                    show(&path),
                    number + 1
                ));
            }
        }
    }
    report(&faults);
}
