//! A project that is moved, copied or renamed, to names of every kind: all goes on working, and what others wrote down is
//! found, written anew and taken back.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::doctor::{findings, healthy, is_healthy, only, publish, script, state};
use crate::support::{Project, Sandbox, skipped, write};

/// Names that a shell, a quote, TOML or a URL would trip over.
fn names() -> Vec<String> {
    let odd = [
        "with some  spaces",
        "it's",
        "a \"quoted\" one",
        "$HOME and ${PATH} and $(touch ran)",
        "`touch ran`",
        "ünïcödé ★ 日本語",
        "back\\slash",
        "#100 & more; {a,b} [c]? *!",
        "-n",
    ];
    let long = ["l".repeat(200), format!("{} {}", "ü".repeat(60), "$x".repeat(35))];
    odd.into_iter().map(str::to_owned).chain(long).collect()
}

/// The project under another name, moved or copied there.
fn to<'a>(sandbox: &'a Sandbox, from: &Project<'a>, name: &str, copies: bool) -> Project<'a> {
    let to = sandbox.project(name);
    fs::remove_dir(to.dir()).unwrap();
    if copies {
        let args = ["-a".as_ref(), "--".as_ref(), from.dir().as_os_str(), to.dir().as_os_str()];
        sandbox.call("cp", &args, &sandbox.home()).ok();
    } else {
        fs::rename(from.dir(), to.dir()).unwrap();
    }
    to
}

/// Everything works: cargo builds with the environment alone, the tool runs, a shell is set up, and nothing is wrong.
fn works(sandbox: &Sandbox, project: &Project<'_>) {
    is_healthy(project);
    assert_eq!(project.run_isolated(), "alpha 1.0.0 beta 1.0.0\n");
    assert_eq!(project.envtool(&["run", "--", "cargo-hi"]).ok().stdout, "hi\n");
    assert_eq!(project.envtool(&["run", "--", "cargo", "hi"]).ok().stdout, "hi\n");
    if sandbox.has_program("bash") {
        let text = ". .envtool/bin/activate && cargo-hi && cargo hi && deactivate && ! command -v cargo-hi";
        assert_eq!(sandbox.call("bash", &["-c", text], project.dir()).ok().stdout, "hi\nhi\n");
    }
    is_healthy(project);
    assert!(!project.has("ran") && !sandbox.home().join("ran").exists(), "a name was run");
}

#[test]
fn moved_and_renamed_it_works_without_a_fix() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    if !sandbox.has_program("bash") {
        skipped("bash is not installed, so `activate` was not tried");
    }
    let mut project = healthy(&sandbox, "app");
    for name in names() {
        project = to(&sandbox, &project, &name, false);
        works(&sandbox, &project);
    }
    // Into another folder, and back to where it began.
    project = to(&sandbox, &project, "app", false);
    works(&sandbox, &project);
    fs::create_dir_all(sandbox.home().join("work/other folder/below")).unwrap();
    project = to(&sandbox, &project, "other folder/below/app", false);
    works(&sandbox, &project);
    project.envtool(&["sync"]).ok();
    works(&sandbox, &project);
}

#[test]
fn a_copy_works_beside_the_original() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    for name in names() {
        let copy = to(&sandbox, &project, &name, true);
        works(&sandbox, &copy);
        copy.envtool(&["sync"]).ok();
        is_healthy(&copy);
    }
    works(&sandbox, &project);
}

/// What programs leave in an environment: scripts with the place in their first line and in their text, and
/// configurations. `{}` is the environment.
const THEIRS: &[(&str, &str)] = &[
    ("bin/first-line", "#!{}/bin/interpreter\necho text\n"),
    ("bin/both", "#!{}/bin/interpreter\necho \"{}/share\"\n. '{}/share/x.conf'\n"),
    ("share/x.conf", "home = {}/share\npath = \"{}/bin\"\n"),
    ("lib/deep/er/settings.json", "{\"prefix\": \"{}\", \"near\": \"{}2/x\"}\n"),
];

/// The interpreter of those scripts: it runs them by `sh`, and says that it was it.
fn put_theirs(project: &Project<'_>) {
    let place = project.path(".envtool").display().to_string();
    let shown = |text: &str| text.replace("{}", &place);
    write(&project.path(".envtool/share/x.conf"), "");
    for (file, text) in THEIRS {
        script(&project.path(".envtool").join(file), &shown(text));
    }
    // By a link, so that it names no place itself.
    std::os::unix::fs::symlink("/bin/sh", project.path(".envtool/bin/interpreter")).unwrap();
}

fn names_place(text: &str, place: &Path) -> bool {
    let place = place.join(".envtool").display().to_string();
    ["/", "\""].iter().any(|end| text.contains(&format!("{place}{end}")))
}

#[test]
fn what_others_wrote_down_is_found_rewritten_and_taken_back() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    for name in ["plain-1.0_b", "ünïcödé-★", "with spaces", "it's", "a \"b\" $HOME", &"l".repeat(120)] {
        let project = healthy(&sandbox, "app");
        put_theirs(&project);
        let old = project.dir().to_owned();
        // In its place nothing is wrong but that nobody knows these files.
        let checks = ["--check", "moved", "--check", "broken-executable"];
        assert!(findings(&project, &checks).1.is_empty());
        let project = to(&sandbox, &project, name, false);
        let before = state(&project);
        let (output, found) = findings(&project, &["--check", "moved"]);
        let mut subjects: Vec<&str> =
            found.iter().filter_map(|finding| finding["subject"].as_str()).collect();
        subjects.sort_unstable();
        let mut wanted: Vec<String> = THEIRS.iter().map(|(file, _)| format!(".envtool/{file}")).collect();
        wanted.sort_unstable();
        assert_eq!(subjects, wanted, "{output}");
        // Where the name would mean something else in a file, the user is told; the others are written.
        let by_hand: Vec<&str> = found
            .iter()
            .filter(|finding| finding["remedy"].as_str().unwrap().contains("by hand"))
            .filter_map(|finding| finding["subject"].as_str())
            .collect();
        let expected: &[&str] = match name {
            "it's" => &[".envtool/bin/both"],
            "a \"b\" $HOME" => {
                &[".envtool/bin/both", ".envtool/lib/deep/er/settings.json", ".envtool/share/x.conf"]
            }
            _ => &[],
        };
        let mut by_hand_sorted = by_hand.clone();
        by_hand_sorted.sort_unstable();
        // `home = it's` outside of quotes is nothing that can be written either.
        let mut expected = expected.to_vec();
        if name == "it's" {
            expected.push(".envtool/share/x.conf");
        }
        assert_eq!(by_hand_sorted, expected, "{name}\n{output}");
        let fix = project.envtool(&["doctor", "--check", "moved", "--fix"]).run();
        assert_eq!(fix.code, Some(i32::from(!expected.is_empty())), "{fix}");
        assert_eq!(findings(&project, &["--check", "moved"]).1.len(), expected.len());
        for (file, _) in THEIRS {
            let text = project.read(&format!(".envtool/{file}"));
            let is_by_hand = expected.iter().any(|path| path.ends_with(file));
            assert_eq!(names_place(&text, &old), is_by_hand, "{name}: {text}");
        }
        // The script runs again, and what only begins like the old place is as it was.
        let ran = sandbox.call(
            &project.path(".envtool/bin/first-line").display().to_string(),
            &[""],
            project.dir(),
        );
        assert_eq!(ran.ok().stdout, "text\n", "{name}");
        let near = project.read(".envtool/lib/deep/er/settings.json");
        assert!(near.contains(&format!("\"{}/.envtool2/x\"", old.display())), "{near}");
        assert!(findings(&project, &["--check", "broken-executable"]).1.is_empty() || expected.len() > 1);
        project.envtool(&["doctor", "--undo"]).ok();
        assert_eq!(before, state(&project), "{name}: undo left something else");
        project.envtool(&["doctor", "--undo"]).refused(1).says(&["no fix to take back"]);
        // A file that was changed after a fix is the user's.
        project.envtool(&["doctor", "--check", "moved", "--fix"]).run();
        script(&project.path(".envtool/bin/first-line"), "#!/bin/sh\n# mine\n");
        project.envtool(&["doctor", "--undo"]).refused(1).says(&["first-line has changed since"]);
        fs::remove_dir_all(project.dir()).unwrap();
    }
}

#[test]
fn a_program_is_never_rewritten_and_a_place_that_is_there_may_be_meant() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    let place = project.path(".envtool").display().to_string();
    let binary = |text: &str| [b"\x7fELF\xff\xfe\0", text.as_bytes(), b"\0\xff"].concat();
    for (name, text) in [
        ("by-place", format!("{place}/lib")),
        // Where the sources lay that it was compiled from, which panics name.
        ("by-source", format!("{place}/vendor/alpha-1.0.0/src/lib.rs")),
        ("by-neighbour", format!("{place}-2/lib")),
    ] {
        fs::write(project.path(&format!(".envtool/bin/{name}")), binary(&text)).unwrap();
    }
    script(&project.path(".envtool/bin/text"), &format!("#!/bin/sh\necho {place}\n"));
    // A copy, whose original is still there.
    let copy = to(&sandbox, &project, "copy", true);
    assert!(findings(&copy, &["--check", "moved"]).1.is_empty());
    let project = to(&sandbox, &project, "moved", false);
    fs::remove_file(project.path(".envtool/bin/text")).unwrap();
    let before = state(&project);
    let finding = only(&project, &["--check", "moved"]);
    assert_eq!(finding["subject"], json!(".envtool/bin/by-place"));
    assert!(finding["remedy"].as_str().unwrap().contains("a program is not rewritten"), "{finding}");
    assert_eq!(project.envtool(&["doctor", "--check", "moved", "--fix"]).run().code, Some(1));
    assert_eq!(before, state(&project));
}
