//! `doctor` and entries of the store that are damaged or half-written: one finding each, mended, and never used by a sync.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::doctor::{
    Before, findings, force, healthy, install, is_healthy, only, open_folder, publish,
};
use crate::support::tools::{built, project, says, tool, was_built};
use crate::support::{GitRepo, Project, Sandbox};

/// The entry of alpha's tree in the store.
fn entry(project: &Project<'_>) -> PathBuf {
    entry_of(project, ".envtool/vendor/alpha-1.0.0")
}

/// The folder in the store that a link of the environment leads into.
fn entry_of(project: &Project<'_>, link: &str) -> PathBuf {
    fs::read_link(project.path(link)).unwrap().parent().unwrap().to_owned()
}

/// The folder of what was built of cargo-hi.
fn built_entry(project: &Project<'_>) -> PathBuf {
    entry_of(project, ".envtool/bin/cargo-hi").parent().unwrap().to_owned()
}

/// Writes other text for a value of a record.
fn edit(record: &Path, change: impl FnOnce(&mut Value)) {
    let mut json: Value = serde_json::from_slice(&fs::read(record).unwrap()).unwrap();
    change(&mut json);
    force(record, &json.to_string());
}

fn remove(folder: &Path) {
    let inner: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    open_folder(folder);
    inner.iter().filter(|path| path.is_dir()).for_each(|path| remove(path));
    inner.iter().filter(|path| path.is_file()).for_each(|path| fs::remove_file(path).unwrap());
    fs::remove_dir(folder).unwrap();
}

/// What is done to the store, by whom it is found, and about what.
struct Way {
    what: &'static str,
    breaks: fn(&Project<'_>),
    check: &'static str,
    subject: &'static str,
    /// Whether names and sizes tell it.
    quick: bool,
}

const ALPHA: &str = "alpha 1.0.0";
const HI: &str = "cargo-hi 1.0.0";
const HI_FILE: &str = "cargo-hi 1.0.0 (cargo-hi)";

const WAYS: &[Way] = &[
    Way {
        what: "a tree without its record",
        breaks: |project| fs::remove_file(entry(project).join("record.json")).unwrap(),
        check: "store",
        subject: ALPHA,
        quick: true,
    },
    Way {
        what: "a record that was cut off",
        breaks: |project| force(&entry(project).join("record.json"), "{\"tree\":\"sha256:"),
        check: "store",
        subject: ALPHA,
        quick: true,
    },
    Way {
        what: "a record of another tree",
        breaks: |project| {
            edit(&entry(project).join("record.json"), |json| {
                json["tree"] = json!(format!("sha256:{}", "0".repeat(64)));
            });
        },
        check: "store",
        subject: ALPHA,
        quick: false,
    },
    Way {
        what: "a record without its tree",
        breaks: |project| remove(&entry(project).join("alpha-1.0.0")),
        check: "missing",
        subject: ALPHA,
        quick: true,
    },
    Way {
        what: "no entry at all",
        breaks: |project| remove(&entry(project)),
        check: "missing",
        subject: ALPHA,
        quick: true,
    },
    Way {
        what: "a tree without some of its files",
        breaks: |project| {
            let folder = entry(project).join("alpha-1.0.0/src");
            open_folder(&folder);
            fs::remove_file(folder.join("lib.rs")).unwrap();
        },
        check: "modified",
        subject: ALPHA,
        quick: true,
    },
    Way {
        what: "files that changed places",
        breaks: |project| {
            let folder = entry(project).join("alpha-1.0.0");
            open_folder(&folder);
            open_folder(&folder.join("src"));
            fs::rename(folder.join("src/lib.rs"), folder.join("src/bil.rs")).unwrap();
        },
        check: "modified",
        subject: ALPHA,
        quick: true,
    },
    Way {
        what: "an archive that was cut off",
        breaks: |project| {
            let key = entry(project).file_name().unwrap().to_str().unwrap().to_owned();
            let archive = entry(project).join(format!("../../archives/{key}.crate"));
            let bytes = fs::read(&archive).unwrap();
            fs::write(&archive, &bytes[..bytes.len() / 2]).unwrap();
        },
        check: "store",
        subject: ALPHA,
        quick: false,
    },
    Way {
        what: "a tool without its record",
        breaks: |project| {
            open_folder(&built_entry(project));
            fs::remove_file(built_entry(project).join("record.json")).unwrap();
        },
        check: "store",
        subject: HI,
        quick: true,
    },
    Way {
        what: "a tool's record that was cut off",
        breaks: |project| force(&built_entry(project).join("record.json"), "{"),
        check: "store",
        subject: HI,
        quick: true,
    },
    Way {
        what: "a tool's record that is another's",
        breaks: |project| {
            edit(&built_entry(project).join("record.json"), |json| json["name"] = json!("cargo-ho"));
        },
        check: "store",
        subject: HI,
        quick: true,
    },
    Way {
        what: "a tool's record with another digest",
        breaks: |project| {
            edit(&built_entry(project).join("record.json"), |json| {
                json["bins"]["cargo-hi"] = json!(format!("sha256:{}", "0".repeat(64)));
            });
        },
        check: "store",
        subject: HI,
        quick: false,
    },
    Way {
        what: "a tool's record with an executable that is gone",
        breaks: |project| {
            edit(&built_entry(project).join("record.json"), |json| {
                json["bins"]["cargo-ho"] = json!(format!("sha256:{}", "0".repeat(64)));
            });
        },
        check: "store",
        subject: HI,
        quick: true,
    },
    Way {
        what: "an executable that is gone",
        breaks: |project| {
            let file = built_entry(project).join("bin/cargo-hi");
            open_folder(file.parent().unwrap());
            fs::remove_file(file).unwrap();
        },
        check: "missing",
        subject: HI_FILE,
        quick: true,
    },
    Way {
        what: "an executable that was cut off",
        breaks: |project| force(&built_entry(project).join("bin/cargo-hi"), "#!/bin/sh\necho half\n"),
        check: "modified",
        subject: HI_FILE,
        quick: false,
    },
];

#[test]
fn every_way_is_one_finding_and_is_mended() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    for Way { what, breaks, check, subject, quick } in WAYS {
        breaks(&project);
        let (output, found) = findings(&project, &["--quick"]);
        assert_eq!(found.len(), usize::from(*quick), "{what}, quick\n{output}");
        let finding = only(&project, &[]);
        assert_eq!(
            (&finding["check"], &finding["subject"], &finding["severity"]),
            (&json!(check), &json!(subject), &json!("error")),
            "{what}: {finding}"
        );
        let fix = project.envtool(&["doctor", "--fix"]).run();
        assert_eq!(fix.code, Some(0), "{what}\n{fix}");
        is_healthy(&project);
        assert_eq!(findings(&project, &["--quick"]).1.len(), 0, "{what}");
        assert_eq!(project.run_isolated(), "alpha 1.0.0 beta 1.0.0\n", "{what}");
        assert_eq!(says(&project, "cargo-hi"), "hi", "{what}");
    }
}

/// What `sync` cannot see without reading every file of every crate: that is what `doctor` does.
const UNSEEN: &[&str] =
    &["a record of another tree", "a tree without some of its files", "files that changed places"];

#[test]
fn a_sync_does_not_use_it() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let first = healthy(&sandbox, "first");
    for (number, Way { what, breaks, .. }) in WAYS.iter().enumerate() {
        if UNSEEN.contains(what) {
            continue;
        }
        breaks(&first);
        if what.contains("archive") {
            // Where the tree is whole nobody needs the archive.
            remove(&entry(&first));
        }
        let other = healthy(&sandbox, &format!("other-{number}"));
        assert_eq!(other.run_isolated(), "alpha 1.0.0 beta 1.0.0\n", "{what}");
        assert_eq!(says(&other, "cargo-hi"), "hi", "{what}");
        is_healthy(&other);
        // What the other one put there again serves the first one too, but for a tool that was built anew.
        first.envtool(&["doctor", "--fix"]).run();
        is_healthy(&first);
    }
}

#[test]
fn a_copy_of_its_own_is_found_as_well() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let linked = healthy(&sandbox, "linked");
    let copied = healthy(&sandbox, "copied");
    copied.write("envtool.toml", "[env]\nlink = \"copy\"\n[tools]\ncargo-hi = \"1.0.0\"\n");
    fs::remove_dir_all(copied.path(".envtool")).unwrap();
    copied.envtool(&["sync"]).ok();
    let entry = entry(&linked);
    for (what, breaks) in [
        ("record", (|entry| fs::remove_file(entry.join("record.json")).unwrap()) as fn(&Path)),
        ("tree", |entry| remove(&entry.join("alpha-1.0.0"))),
    ] {
        linked.envtool(&["doctor", "--fix"]).ok();
        is_healthy(&copied);
        breaks(&entry);
        let finding = only(&copied, &[]);
        assert_eq!((&finding["check"], &finding["subject"]), (&json!("store"), &json!(ALPHA)), "{what}");
        copied.envtool(&["doctor", "--fix"]).ok();
        is_healthy(&copied);
    }
    // What is gone as a whole is nothing that the copy needs.
    linked.envtool(&["doctor", "--fix"]).ok();
    remove(&entry);
    is_healthy(&copied);
}

#[test]
fn a_tree_from_git_is_looked_at_too() {
    let sandbox = Sandbox::new();
    let repo = GitRepo::new(&sandbox, "tools");
    repo.telling("", "tools", "first").commit("first");
    let project = sandbox.project("app");
    project
        .app(&format!("tools = {{ git = {:?} }}\n", repo.url()), "println!(\"{}\", tools::id());")
        .lock()
        .set_up();
    let mut folders = fs::read_dir(project.path(".envtool")).unwrap().map(|entry| entry.unwrap().path());
    let is_git = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("vendor-");
    let folder = folders.find(is_git).unwrap();
    let link = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let record = fs::read_link(link).unwrap().parent().unwrap().join("record.json");
    for text in ["", "[]", "{\"tree\": 1}"] {
        force(&record, text);
        let finding = only(&project, &[]);
        assert_eq!((&finding["check"], &finding["severity"]), (&json!("store"), &json!("error")), "{text}");
        project.envtool(&["doctor", "--fix"]).ok();
        is_healthy(&project);
    }
    assert_eq!(project.cargo(&["run", "--quiet"]).ok().stdout, "first\n");
}

#[test]
fn an_executable_that_was_taken_over() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&tool("before", "1.0.0", "\"built\""));
    install(&sandbox.home().join(".cargo"), &[Before::new("before")]);
    let one = project(&sandbox, "one", "");
    one.envtool(&["init"]).ok();
    one.envtool(&["sync"]).ok();
    one.write("build.sh", "before\n");
    for (what, check) in [("gone", "missing"), ("cut off", "modified")] {
        one.write("envtool.toml", "");
        one.envtool(&["sync"]).ok();
        one.envtool(&["doctor", "--fix"]).ok();
        assert_eq!(says(&one, "before"), "before before");
        let file = fs::read_link(one.path(".envtool/bin/before")).unwrap();
        match what {
            "gone" => fs::remove_file(&file).unwrap(),
            _ => force(&file, "#!/bin/sh\necho half\n"),
        }
        let finding = only(&one, &[]);
        assert_eq!((&finding["check"], &finding["severity"]), (&json!(check), &json!("error")), "{what}");
        // Another project that takes it over gets what lies on the machine, and not that.
        let other = project(&sandbox, &format!("other {what}"), "");
        other.envtool(&["init"]).ok();
        other.envtool(&["sync"]).ok();
        other.write("build.sh", "before\n");
        other.envtool(&["doctor", "--fix"]).ok();
        assert_eq!(says(&other, "before"), "before before", "{what}");
        match what {
            "gone" => fs::remove_file(&file).unwrap(),
            _ => force(&file, "#!/bin/sh\necho half\n"),
        }
        was_built(&one.envtool(&["doctor", "--fix"]).ok(), "before 1.0.0");
        is_healthy(&one);
        assert_eq!(says(&one, "before"), "built", "{what}");
        for folder in built(&sandbox) {
            fs::remove_dir_all(sandbox.store().join("v1/built").join(folder)).unwrap();
        }
    }
}

#[test]
fn what_no_environment_uses_is_no_finding() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    let store = sandbox.store().join("v1");
    // Half-written leftovers, answers of an index, and another project's entries.
    fs::create_dir_all(store.join("tmp/tree-x/y-1.0.0")).unwrap();
    fs::write(store.join("tmp/archive-x"), "half").unwrap();
    for number in ["0", "1", "2"] {
        let key = number.repeat(64);
        fs::create_dir_all(store.join("trees").join(&key).join("y-1.0.0")).unwrap();
        fs::create_dir_all(store.join("built").join(&key).join("bin")).unwrap();
        fs::write(store.join(format!("archives/{key}.crate")), "half").unwrap();
    }
    let mut answers = 0;
    for host in fs::read_dir(store.join("index")).unwrap() {
        for file in fs::read_dir(host.unwrap().path()).unwrap() {
            force(&file.unwrap().path(), "{\"etag\":");
            answers += 1;
        }
    }
    assert!(answers > 0);
    is_healthy(&project);
    // The index is asked again, and the next sync clears what is left.
    project.envtool(&["add", "--build", "alpha"]).run();
    let other = healthy(&sandbox, "other");
    is_healthy(&other);
    assert_eq!(fs::read_dir(store.join("tmp")).unwrap().count(), 0);
}

#[test]
fn records_of_an_earlier_envtool_are_enough() {
    let sandbox = Sandbox::new();
    publish(&sandbox);
    let project = healthy(&sandbox, "app");
    let record = entry(&project).join("record.json");
    edit(&record, |json| {
        assert!(json.as_object_mut().unwrap().remove("names").is_some(), "{json}");
    });
    is_healthy(&project);
    let quick = |count: usize| assert_eq!(findings(&project, &["--quick"]).1.len(), count);
    quick(0);
    force(&entry(&project).join("alpha-1.0.0/src/lib.rs"), "longer than it was, or shorter");
    quick(1);
}
