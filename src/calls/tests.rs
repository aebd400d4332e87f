//! The fixtures below `fixtures/calls`: in `all` every call is counted, in `none` no tool is called.

use super::{Call, Form, Kind, calls, cargo_aliases, kind_of};

macro_rules! files {
    ($folder:literal: $($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../fixtures/calls/", $folder, "/", $path)))),*]
    };
}

const ALL: &[(&str, &str)] = files!("all": "scripts/build.sh", "justfile", "Makefile", "package.json",
    ".cargo/config.toml", "Makefile.toml", "bacon.toml", "Dockerfile", ".pre-commit-config.yaml",
    ".github/workflows/ci.yml", "action.yml", ".gitlab-ci.yml", ".woodpecker/ci.yml", ".circleci/config.yml",
    "azure-pipelines.yml", "Taskfile.yml", "lefthook.yml", "scripts/build.py");

const NONE: &[(&str, &str)] = files!("none": "scripts/build.sh", "scripts/build.py", "justfile", "Makefile", "package.json",
    ".cargo/config.toml", "Dockerfile", ".pre-commit-config.yaml", ".github/workflows/ci.yml", ".gitlab-ci.yml",
    ".circleci/config.yml");

/// The tools that `none` speaks of.
const TOOLS: &[&str] = &["just", "bat", "rg", "fd", "nextest", "ripgrep"];

fn kind(path: &str, text: &str) -> Kind {
    kind_of(path, text.lines().next().unwrap_or_default()).unwrap()
}

fn show(call: &Call) -> String {
    let form = match call.form {
        Form::Command => "",
        Form::CargoSubcommand => "cargo ",
        Form::CargoInstall => "cargo install ",
    };
    let version = call.version.as_ref().map(|version| format!("@{version}")).unwrap_or_default();
    format!("{} {form}{}{version}", call.line, call.name)
}

fn shown(kind: Kind, text: &str) -> Vec<String> {
    calls(kind, text).iter().map(show).collect()
}

#[test]
fn every_call_is_found_once_on_its_line() {
    let mut out = String::new();
    for (path, text) in ALL {
        out.push_str(&format!("# {path}\n{}\n", shown(kind(path, text), text).join("\n")));
    }
    assert!(out.lines().count() > 100);
    insta::assert_snapshot!(out);
}

#[test]
fn words_that_are_no_commands_are_no_calls() {
    let mut lines = 0;
    for (path, text) in NONE {
        let found = calls(kind(path, text), text);
        let tools: Vec<String> =
            found.iter().filter(|call| TOOLS.contains(&call.name.as_str())).map(show).collect();
        assert!(tools.is_empty(), "{path}: {tools:?}");
        let is_tool = |word: &str| TOOLS.contains(&word);
        lines +=
            text.lines().filter(|line| line.split(|c: char| !c.is_ascii_alphanumeric()).any(is_tool)).count();
    }
    assert!(lines > 100, "{lines}");
}

#[test]
fn scripts_of_one_line() {
    for (text, wanted) in [
        ("just", "1 just"),
        ("a&&just", "1 a|1 just"),
        ("cargo", ""),
        ("\"just\" 'x'", "1 just"),
        ("\\just", "1 just"),
        ("just.exe", "1 just"),
        ("just() { command just; }\njust", "1 just"),
        ("if just; then :; fi", "1 just"),
        ("x=1 && just", "1 just"),
        ("x=$(just", "1 just"),
        ("$(echo \"$(just \"$(rg)\")\")", "1 just|1 rg"),
        ("env -i -u X A=1 just", "1 env|1 just"),
        ("env -S 'just -f x'", "1 env|1 just"),
        ("sudo sudo just", "1 just|1 sudo"),
        ("xargs -I {} sh -c 'just {}'", "1 just|1 sh|1 xargs"),
        ("echo a |& just", "1 just"),
        ("just &> x; rg 2>&1 >&2", "1 just|1 rg"),
        ("<in just >out", "1 just"),
        ("a=b; $a", "1 b"),
        ("a=(b c); ${a[0]}", "1 b"),
        ("b='just x'; $b; \"$b\"", "1 just"),
        ("${X:-just} x; ${Y-} x", "1 just|1 x"),
        ("cat <<A | bash\njust\nA\nrg", "1 bash|1 cat|2 just|4 rg"),
        ("bash -s <<-A\n\tjust\n\tA\nrg", "1 bash|2 just|4 rg"),
        ("bash <<< 'just x'", "1 bash|1 just"),
        ("x <<A <<'B'\n$(just)\nA\n$(no)\nB\nrg", "1 x|2 just|6 rg"),
        ("case x in a) just;; *) rg; esac; fd", "1 fd|1 just|1 rg"),
        ("x=$(case a in a) just;; esac); fd", "1 fd|1 just"),
        ("for x; do just; done", "1 just"),
        ("for ((i=0;i<3;i++)); do just; done", "1 just"),
        ("until just\ndo rg\ndone", "1 just|2 rg"),
        ("[[ a =~ ^(x|y)$ ]] && just", "1 just"),
        ("! just", "1 just"),
        ("time just", "1 just"),
        ("( just ) && { rg; }", "1 just|1 rg"),
        ("((just)) && rg", "1 rg"),
        ("f() ( just )\nf", "1 just"),
        ("type -p just; hash rg", "1 just|1 rg"),
        ("just; exit 0; # rg\n", "1 just"),
        ("x#y just", ""),
        ("echo ${#x} # rg", ""),
        ("just \\\n  --x\nrg", "1 just|3 rg"),
        ("cargo install", ""),
        ("cargo install just rg@1 -j 4 --vers 2", "1 cargo install just@2|1 cargo install rg@1"),
        ("cargo install just@$V", "1 cargo install just"),
        ("V=1.2; cargo install just@$V", "1 cargo install just@1.2"),
        ("cargo install --path . just", ""),
        ("cargo install --git https://x/y", ""),
        ("cargo --color always -Z a +x", ""),
        ("cargo --version", ""),
        ("cargo hack nextest run -p nextest", "1 cargo hack|1 cargo nextest"),
        ("rustfmt x; rustup update; cargo fmt", ""),
        ("trap - EXIT; trap '' INT", ""),
        ("CARGO_TARGET_X86_RUNNER='qemu -x' cargo test", "1 qemu"),
        ("find . -exec rg x {} + -exec bat {} \\;", "1 bat|1 find|1 rg"),
        ("`just \\`rg\\``", "1 just|1 rg"),
        ("echo $'it\\'s just' && rg", "1 rg"),
        ("\u{feff}just", "1 just"),
        ("just\r\nrg\r\n", "1 just|2 rg"),
        ("größe; jüst", ""),
    ] {
        assert_eq!(shown(Kind::Shell, text).join("|"), wanted, "{text}");
    }
}

#[test]
fn files_are_known_by_place_name_and_first_line() {
    for (path, first, wanted) in [
        ("justfile", "", Some(Kind::Just)),
        ("a/.justfile", "", Some(Kind::Just)),
        ("ci.just", "", Some(Kind::Just)),
        ("Makefile", "", Some(Kind::Make)),
        ("Makefile.toml", "", Some(Kind::CargoMake)),
        ("a/rules.mk", "", Some(Kind::Make)),
        ("run.sh", "", Some(Kind::Shell)),
        ("run.sh", "#!/usr/bin/env python3", None),
        ("run", "#!/bin/sh -e", Some(Kind::Shell)),
        ("run", "#!/usr/bin/env -S bash -e", Some(Kind::Shell)),
        ("run", "#!/usr/bin/env -S just --justfile", Some(Kind::Just)),
        ("run", "", None),
        ("run.py", "#!/usr/bin/env python3", Some(Kind::Python)),
        ("run", "#!/usr/bin/python3.12 -u", Some(Kind::Python)),
        ("tests/benchmarks/run.sh", "", Some(Kind::Shell)),
        ("tests/syntax/source/Bash/run.sh", "", None),
        ("data/tests/run.sh", "", Some(Kind::Shell)),
        ("source/run.sh", "", Some(Kind::Shell)),
        (".husky/pre-commit", "", Some(Kind::Shell)),
        (".envrc", "", Some(Kind::Shell)),
        ("node_modules/x/run.sh", "", None),
        (".git/hooks/pre-commit", "#!/bin/sh", None),
        ("sub/.cargo/config.toml", "", Some(Kind::CargoConfig)),
        ("config.toml", "", None),
        (".github/workflows/ci.yml", "", Some(Kind::GithubActions)),
        (".github/dependabot.yml", "", None),
        (".github/actions/x/action.yaml", "", Some(Kind::GithubActions)),
        (".gitlab-ci.yml", "", Some(Kind::GitlabCi)),
        (".gitlab/ci/test.yml", "", Some(Kind::GitlabCi)),
        ("docker/Dockerfile.dev", "", Some(Kind::Dockerfile)),
        ("src/main.rs", "", None),
        ("", "", None),
        ("/", "", None),
    ] {
        assert_eq!(kind_of(path, first), wanted, "{path} {first}");
    }
}

#[test]
fn aliases_are_named() {
    assert_eq!(cargo_aliases("[alias]\nx = 'a'\ny = ['b']"), ["x", "y"]);
    assert!(cargo_aliases("[alias").is_empty());
}

#[test]
fn a_make_recipe_is_joined_where_one_shell_runs_it() {
    let text = ".ONESHELL:\na:\n\tcat <<E\n\tjust\n\tE\n\trg\n";
    assert_eq!(shown(Kind::Make, text), ["3 cat", "6 rg"]);
    let text = "SHELL := /usr/bin/python3\na:\n\tjust\n";
    assert!(calls(Kind::Make, text).is_empty());
}

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % end.max(1)
    }
}

#[test]
fn mangled_files_neither_panic_nor_hang() {
    let pieces = [
        "$(",
        "${",
        "`",
        "\"",
        "'",
        "((",
        "))",
        ")",
        "(",
        "<<E\n",
        "<(",
        "case x in ",
        "esac",
        "\\",
        "\n",
        "\t",
        "{{",
        "}}",
        "[[",
        "]]",
        "=(",
        "$((",
        "\0",
        "\u{1}",
        "é",
        "#",
        ";;",
        "sudo ",
        "eval '",
        "find -exec ",
        "x=$x$x;",
        "<<",
        "|",
        "- ",
        ": ",
        "&a ",
        "*a",
        "```",
        "\"\"\"",
        "$'",
        "define\n",
        "endef\n",
        "RUN <<E\n",
        "cargo watch -x '",
        "\r\n",
    ];
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let files: Vec<_> = ALL.iter().chain(NONE).map(|(path, text)| (kind(path, text), *text)).collect();
    for round in 0..4_000 {
        let (kind, text) = files[round % files.len()];
        let mut chars: Vec<char> = text.chars().collect();
        let from = numbers.below(chars.len());
        chars.drain(..from);
        chars.truncate(1 + numbers.below(300));
        for _ in 0..numbers.below(12) {
            let at = numbers.below(chars.len() + 1);
            let piece = pieces[numbers.below(pieces.len())];
            if numbers.below(4) == 0 && at < chars.len() {
                chars.remove(at);
            } else {
                chars.splice(at..at, piece.chars());
            }
        }
        let text: String = chars.into_iter().collect();
        let lines = text.lines().count().max(1);
        for call in calls(kind, &text) {
            assert!(call.line >= 1 && call.line <= lines + 1, "{call:?} of {lines} lines: {text:?}");
        }
    }
}

#[test]
fn what_nests_or_repeats_without_end_is_passed_over() {
    let began = std::time::Instant::now();
    for piece in [
        "$(",
        "`",
        "\"$(",
        "${x:-",
        "((",
        "(",
        "a=(",
        "sudo ",
        "find -exec ",
        "<(",
        "$((",
        "{ ",
        "case x in ",
        "\"",
        "x=$x$x;",
        "eval \"",
        "[",
        "{",
        "- ",
        "? ",
        "&a [*a,",
        "x=y; $x ",
        "<<E\n",
        "RUN <<E\n",
        "a: ;",
        "$(shell ",
        "{{`",
        "[[ ",
        "cargo watch -- ",
        "\\\n",
        "xargs -I ",
        "{\"scripts\":",
        "a=\"$a$a$a\";",
    ] {
        let text = format!("x: run: \n\t{}", piece.repeat(4_000));
        for (path, first) in ALL {
            let _ = calls(kind(path, first), &text);
            let _ = calls(kind(path, first), &text[6..]);
        }
    }
    assert!(began.elapsed().as_secs() < 120, "{:?}", began.elapsed());
}

#[test]
fn the_subcommand_of_cargo_stands_behind_its_options() {
    let sub = |line: &str| super::cargo_subcommand(&line.split(' ').collect::<Vec<_>>()).map(str::to_owned);
    assert_eq!(sub("nextest run"), Some("nextest".to_owned()));
    assert_eq!(sub("+nightly --color always -C x -q nextest --help"), Some("nextest".to_owned()));
    for none in ["build", "fmt", "add x", "--version", "+nightly", "--config x"] {
        assert_eq!(sub(none), None, "{none}");
    }
}

#[test]
fn a_script_in_python_calls_what_it_starts() {
    for (text, wanted) in [
        ("import subprocess\nsubprocess.run(['just', 'x'])", "2 just"),
        ("import subprocess as sp\nx = sp.check_output(\n  [\n    \"fd\",\n    x,\n  ])", "4 fd"),
        ("from subprocess import run, Popen as p\nrun(('cargo', 'nextest', 'run'))", "2 cargo nextest"),
        ("from os import system\nsystem('just a && rg b')", "2 just|2 rg"),
        ("os.system(\"\"\"\njust a\n\"\"\")", "2 just"),
        ("subprocess.run(r'just x', shell=True)", "1 just"),
        ("subprocess.run([f'just{x}', 'rg'])", ""),
        ("subprocess.run([tool, 'just'])", ""),
        ("subprocess.run(just)", ""),
        ("# subprocess.run(['just'])\n'subprocess.run([\"just\"])'\n\"\"\"\nos.system('just')\n\"\"\"", ""),
        ("import just\njust.run(['just'])\nrun(['rg'])\nself.run(['fd'])", ""),
        ("def run(x): pass\nfrom subprocess import run\nx.run(['just'])", ""),
        ("os.system('just", "1 just"),
        ("subprocess.run(['just\nrg", "1 just"),
        ("subprocess.run(['a\\tb', '\\", ""),
    ] {
        assert_eq!(shown(Kind::Python, text).join("|"), wanted, "{text}");
    }
}
