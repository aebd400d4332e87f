//! `hook`, `trust` and `untrust`: entering a project's folder in the real shells, on a real terminal.
//!
//! What a shell is typed here, it runs with the prompt that its user's rc file has made; a mark after each line says
//! that the prompt after it has been reached.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::support::shells::{Shell, program};
use crate::support::tools::tool;
use crate::support::{Project, Sandbox, skipped};

/// The shells with a hook that are installed here.
fn shells(sandbox: &Sandbox) -> Vec<&'static str> {
    let there = |shell: &&str| {
        let there = sandbox.has_program(shell);
        if !there {
            skipped(&format!("{shell} is not installed, so `hook` was not tried with it"));
        }
        there
    };
    ["bash", "zsh", "fish"].into_iter().filter(there).collect()
}

/// The rc file of a user who has the hook, twice, and a prompt that shows the status; something else of theirs is done
/// before each prompt.
fn rc(shell: &str, envtool: &str) -> String {
    match shell {
        "fish" => format!(
            "function fish_prompt; printf '[%s]> ' $status; end\n\
             function theirs --on-event fish_prompt; echo x >>$HOME/prompts; end\n\
             {envtool} hook fish | source\n{envtool} hook fish | source\n"
        ),
        "zsh" => format!(
            "set -u\nPS1='[%?]> '\nprecmd() {{ echo x >>$HOME/prompts; }}\n\
             eval \"$({envtool} hook zsh)\"\neval \"$({envtool} hook zsh)\"\n"
        ),
        _ => format!(
            "set -u\nPS1='[$?]> '\nPROMPT_COMMAND='echo x >>$HOME/prompts'\n\
             eval \"$({envtool} hook bash)\"\neval \"$({envtool} hook bash)\"\n"
        ),
    }
}

/// A shell of a user who has the hook.
fn hooked(sandbox: &Sandbox, shell: &str, values: &[(&str, &Path)]) -> Shell {
    Shell::start(sandbox, shell, &rc(shell, env!("CARGO_BIN_EXE_envtool")), values)
}

/// A project with an environment, whose `bin` holds `tool`, which prints the project's name.
fn ready<'a>(sandbox: &'a Sandbox, name: &str) -> Project<'a> {
    let project = sandbox.project(name);
    project.envtool(&["init"]).ok();
    program(&project.path(".envtool/bin/tool"), &format!("echo {name}"));
    project
}

/// The same, as somebody sent it: every file in it that could run says so in HOME.
fn sent<'a>(sandbox: &'a Sandbox, name: &str) -> Project<'a> {
    let project = ready(sandbox, name);
    project.envtool(&["untrust"]).ok();
    let hostile = format!("touch '{}/HACKED'", sandbox.home().display());
    for name in ["activate", "activate.fish", "ls", "cat", "envtool", "touch", "python", "hash"] {
        program(&project.path(&format!(".envtool/bin/{name}")), &hostile);
    }
    for name in [".envtool/python/bin/python", ".envtool/journal/hook", ".envrc"] {
        program(&project.path(name), &hostile);
    }
    project.write(".envtool/python/pyvenv.cfg", "home = $(touch HACKED)\n");
    project
}

/// What says that a project is not trusted.
fn untrusted(project: &Project<'_>) -> String {
    format!(
        "envtool: {} is not trusted, so it is not activated (help: envtool trust)",
        project.dir().display()
    )
}

#[test]
fn a_folder_that_somebody_sent_is_entered_only_once_it_is_trusted_and_left_without_a_trace() {
    let sandbox = Sandbox::new();
    for name in shells(&sandbox) {
        let project = sent(&sandbox, &format!("sent-{name}"));
        fs::create_dir_all(project.path("src")).unwrap();
        let values = [("AT", project.dir()), ("ENVTOOL", Path::new(env!("CARGO_BIN_EXE_envtool")))];
        let mut shell = hooked(&sandbox, name, &values);
        let before = shell.state("before");
        let said = shell.types("cd \"$AT\"");
        assert_eq!(said.matches(&untrusted(&project)).count(), 1, "{name}: {said}");
        // Once, and not at each prompt, nor further in.
        for line in ["cd src", "false", "cd ..", ":"] {
            let said = shell.types(line);
            assert!(!said.contains("envtool:"), "{name}, {line}: {said}");
            assert!(line != "false" || said.contains("[1]> "), "{name}: {said}");
        }
        assert_eq!(shell.state("untrusted"), before, "{name}: an untrusted project changed something");
        assert!(!sandbox.home().join("HACKED").exists(), "{name} ran what a stranger wrote");
        // Trusted, at the very next prompt.
        let said = shell.types("\"$ENVTOOL\" trust");
        assert!(
            said.contains("Trusted ") && said.contains(&format!("(sent-{name}) [0]> ")),
            "{name}: {said}"
        );
        let root = project.path(".envtool");
        let said = shell.types("tool; echo \"$ENVTOOL_ENV+$CARGO_INSTALL_ROOT+$VIRTUAL_ENV\"");
        let (root, at) = (root.display(), project.path(".envtool/python"));
        assert!(said.contains(&format!("sent-{name}\n")), "{name}: {said}");
        assert!(said.contains(&format!("{root}+{root}+{}\n", at.display())), "{name}: {said}");
        assert!(shell.types("false").contains(&format!("(sent-{name}) [1]> ")));
        // Another lock is another project.
        project.write("envtool.lock", "version = 1\n");
        let said = shell.types(":");
        let line = format!(
            "envtool: envtool.lock of {} has changed since it was trusted, so it is not activated (help: envtool trust)",
            project.dir().display()
        );
        assert_eq!(said.matches(&line).count(), 1, "{name}: {said}");
        assert_eq!(shell.state("changed"), before, "{name}: an untrusted project changed something");
        fs::remove_file(project.path("envtool.lock")).unwrap();
        assert!(shell.types(":").contains("(sent-"), "{name}");
        assert!(shell.types("\"$ENVTOOL\" untrust").contains(&untrusted(&project)), "{name}");
        assert_eq!(shell.state("distrusted"), before, "{name}");
        // Left and entered again, it is said again; left, nothing remains.
        assert!(!shell.types("cd /").contains("envtool:"), "{name}");
        assert!(shell.types("cd \"$AT/src\"").contains(&untrusted(&project)), "{name}");
        shell.types("\"$ENVTOOL\" trust");
        assert!(shell.types("tool").contains(&format!("sent-{name}\n")), "{name}");
        shell.types("cd \"$HOME\"");
        assert_eq!(shell.state("after"), before, "{name}: something is left");
        let prompts = fs::read_to_string(sandbox.home().join("prompts")).unwrap();
        assert!(prompts.lines().count() > 20, "{name}: what the user does before each prompt was lost");
        fs::remove_file(sandbox.home().join("prompts")).unwrap();
        shell.ends();
    }
}

#[test]
fn the_innermost_project_counts_and_a_shell_that_is_started_inside_leaves_too() {
    let sandbox = Sandbox::new();
    let outer = ready(&sandbox, "outer");
    let inner = ready(&sandbox, "outer/inner");
    let strange = sent(&sandbox, "outer/strange");
    program(&outer.path(".envtool/bin/only-outer"), "echo only");
    let user = sandbox.outside("user");
    let at = [("OUTER", outer.dir()), ("INNER", inner.dir()), ("STRANGE", strange.dir()), ("MY", &*user)];
    for name in shells(&sandbox) {
        let mut shell = hooked(&sandbox, name, &at);
        let before = shell.state("before");
        shell.types("cd \"$OUTER\"");
        assert!(shell.types("tool; only-outer").contains("outer\nonly\n"), "{name}");
        let inside = shell.state("inside");
        let said = shell.types("cd \"$INNER\"");
        assert!(said.contains("(inner) [0]> "), "{name}: {said}");
        assert!(shell.types("tool; only-outer; :").contains("outer/inner\n"), "{name}");
        assert!(!shell.types("only-outer; :").contains("only\n"), "{name}: the outer one is left");
        let said = shell.types("cd \"$STRANGE\"");
        assert!(said.contains(&untrusted(&strange)), "{name}: {said}");
        assert_eq!(shell.state("strange"), before, "{name}");
        shell.types("cd \"$OUTER\"");
        assert_eq!(shell.state("again"), inside, "{name}");
        // In a shell of its own, whose rc file makes another prompt.
        let said = shell.enters(name);
        assert!(said.contains("(outer) "), "{name}: {said}");
        assert!(shell.types("tool").contains("outer\n"), "{name}");
        shell.types("cd /");
        assert_eq!(shell.state("left"), before, "{name}: what a shell inside cannot leave");
        shell.leaves();
        // What the user did to PATH meanwhile is theirs.
        let change = if name == "fish" { "set -gx PATH $MY $PATH" } else { "PATH=$MY:$PATH" };
        shell.types(change);
        let said = shell.types("tool; cd /");
        assert!(said.contains("outer\n"), "{name}: {said}");
        let said = shell.types("echo \"+$PATH+\"");
        let wanted = format!("+{}:{}+\n", user.display(), sandbox.path().display());
        assert!(said.contains(&wanted), "{name}: {said}, not {wanted}");
        shell.ends();
    }
    assert!(!sandbox.home().join("HACKED").exists());
}

#[test]
fn an_activation_by_hand_and_a_shell_of_its_own_are_left_alone() {
    let sandbox = Sandbox::new();
    let (one, other) = (ready(&sandbox, "one"), ready(&sandbox, "other"));
    let envtool = Path::new(env!("CARGO_BIN_EXE_envtool"));
    let at = [("ONE", one.dir()), ("OTHER", other.dir()), ("ENVTOOL", envtool)];
    // fish has a script of its own.
    for name in shells(&sandbox).into_iter().filter(|name| *name != "fish") {
        let mut shell = hooked(&sandbox, name, &at);
        let before = shell.state("before");
        shell.types("cd \"$ONE\"");
        let inside = shell.state("inside");
        shell.types(". \"$OTHER/.envtool/bin/activate\"");
        for line in ["cd /", "cd \"$ONE\"", ":"] {
            shell.types(line);
            assert!(shell.types("tool").contains("other\n"), "{name} after {line}");
        }
        shell.types("deactivate");
        assert_eq!(shell.state("again"), inside, "{name}");
        shell.types(". .envtool/bin/activate; cd /; :");
        assert!(shell.types("tool").contains("one\n"), "{name}");
        shell.types("deactivate");
        assert_eq!(shell.state("after"), before, "{name}");
        shell.ends();
    }
    for name in shells(&sandbox) {
        // One of envtool's other ways in: what it started stays inside wherever it goes.
        let mut shell = hooked(&sandbox, name, &at);
        shell.enters(&format!("cd \"$ONE\"; \"$ENVTOOL\" run -- {name}"));
        assert!(shell.types("tool").contains("one\n"), "{name}");
        shell.types("cd \"$OTHER\"");
        assert!(shell.types("cd /; tool").contains("one\n"), "{name}");
        shell.leaves();
        shell.ends();
    }
}

/// Names of folders that a shell, or its prompt, might take for something else.
const NAMES: &[&[u8]] = &[
    b"a blank",
    b"quo'te\"s",
    b"$HOME `touch HACKED` $(touch HACKED); touch HACKED",
    b"glob*[a-z]?",
    b"new\nline",
    b"-dash",
    b"per%cent%n%d!",
    b"back\\slash\\$(touch HACKED)\\u\\[",
    b"tilde~#{a,b}",
    b"\xc3\xbcn\x1b[31m\xc2\x80",
    b"no \xff\xfe text'",
    b"line at its end\n",
];

#[test]
fn a_project_may_be_called_whatever_it_likes() {
    let sandbox = Sandbox::new();
    let work = sandbox.home().join("work");
    let places: Vec<_> = NAMES.iter().map(|name| work.join(OsString::from_vec(name.to_vec()))).collect();
    for (number, place) in places.iter().enumerate() {
        fs::create_dir_all(place).unwrap();
        sandbox.envtool(&["init"], place).ok();
        program(&place.join(".envtool/bin/tool"), &format!("echo \"ran-{number}\""));
        // By a name that can be typed.
        symlink(place, work.join(format!("n{number}"))).unwrap();
    }
    let colon = sandbox.project("a:b");
    colon.envtool(&["init"]).ok();
    for name in shells(&sandbox) {
        let mut shell = hooked(&sandbox, name, &[("ENVTOOL", Path::new(env!("CARGO_BIN_EXE_envtool")))]);
        let before = shell.state("before");
        for (number, place) in places.iter().enumerate() {
            shell.types(&format!("cd \"$HOME/work/n{number}\""));
            let said = shell.types("tool; env >$HOME/seen; \"$ENVTOOL\" untrust");
            assert!(said.contains(&format!("ran-{number}\n")), "{name} in {}: {said}", place.display());
            assert!(said.contains(" is not trusted, so "), "{name} in {}: {said}", place.display());
            let seen = fs::read(sandbox.home().join("seen")).unwrap();
            let wanted = [b"ENVTOOL_ENV=", place.as_os_str().as_encoded_bytes(), b"/.envtool\n"].concat();
            assert!(seen.windows(wanted.len()).any(|at| at == wanted), "{name} in {}", place.display());
            sandbox.envtool(&["trust"], place).ok();
        }
        let said = shell.types("cd \"$HOME/work/a:b\"");
        assert!(said.contains("envtool: ") && said.contains("/a:b cannot stand on PATH"), "{name}: {said}");
        shell.types("cd");
        assert_eq!(shell.state("after"), before, "{name}");
        shell.ends();
    }
    for (folder, names) in walk(&sandbox.home()) {
        assert!(!names.iter().any(|name| name == "HACKED"), "something ran in {}", folder.display());
    }
}

/// A folder and each below it, with the names in it.
fn walk(folder: &Path) -> Vec<(PathBuf, Vec<OsString>)> {
    let mut found = vec![(folder.to_owned(), Vec::new())];
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        found[0].1.push(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            found.extend(walk(&entry.path()));
        }
    }
    found
}

#[test]
fn whatever_is_broken_a_prompt_is_a_prompt() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    let away = sandbox.outside("away");
    let envtool = away.join("envtool");
    for name in shells(&sandbox) {
        fs::copy(env!("CARGO_BIN_EXE_envtool"), &envtool).unwrap();
        let rc = rc(name, envtool.to_str().unwrap());
        let mut shell = Shell::start(&sandbox, name, &rc, &[("AT", project.dir())]);
        shell.types("cd \"$AT\"");
        // An environment of a format to come; once, and what else holds still does.
        let record = project.read(".envtool/env.toml");
        project.write(".envtool/env.toml", &record.replace("format = 1", "format = 9"));
        let said = shell.types(":");
        assert!(said.contains("envtool: could not read ") && said.contains("(help: "), "{name}: {said}");
        assert!(!shell.types(":").contains("envtool:"), "{name}");
        project.write(".envtool/env.toml", &record);
        assert!(shell.types(":").contains("(app) [0]> "), "{name}");
        // The environment is gone, and comes back; so is the folder itself; so is envtool.
        fs::rename(project.path(".envtool"), project.path("kept")).unwrap();
        let said = shell.types(":");
        assert!(said.contains("there is no environment in "), "{name}: {said}");
        fs::rename(project.path("kept"), project.path(".envtool")).unwrap();
        let said = shell.types("mkdir gone; cd gone; rmdir ../gone; false");
        assert!(said.contains("[1]> ") && !said.contains("error"), "{name}: {said}");
        shell.types("cd \"$AT\"");
        fs::remove_file(&envtool).unwrap();
        let said = shell.types("false");
        assert!(said.contains("(app) [1]> ") && !said.contains("envtool"), "{name}: {said}");
        assert!(shell.types("tool").contains("app\n"), "{name}");
        shell.ends();
    }
}

#[test]
fn the_user_s_own_changes_need_no_new_trust_and_others_do() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&tool("hello", "1.0.0", "\"hi\""));
    let project = sandbox.project("app");
    let is_trusted = |wanted: bool| {
        let said = project.envtool(&["trust"]).ok().stderr;
        assert_eq!(said.contains("is trusted already"), wanted, "{said}");
    };
    // One that `add` made is the user's own, also with what was added.
    project.envtool(&["add", "hello"]).ok();
    is_trusted(true);
    project.envtool(&["remove", "hello"]).ok();
    is_trusted(true);
    // What others changed before is not trusted by a change of one's own.
    project.write("envtool.toml", &format!("# theirs\n{}", project.read("envtool.toml")));
    project.envtool(&["add", "hello"]).ok();
    is_trusted(false);
    is_trusted(true);
    project.envtool(&["untrust"]).ok().says(&["is not trusted any more"]);
    project.envtool(&["untrust"]).ok().says(&["was not trusted"]);
    project.envtool(&["remove", "hello"]).ok();
    is_trusted(false);
    // A manifest that was there is somebody's, whoever makes the environment.
    let theirs = sandbox.project("theirs");
    theirs.write("envtool.toml", "").envtool(&["init"]).ok();
    let said = theirs.envtool(&["trust"]).ok();
    said.says(&["Trusted ", "it holds no executable"]);
    // A moved project is another place.
    fs::rename(theirs.dir(), sandbox.home().join("work/moved")).unwrap();
    let said = sandbox.envtool(&["-C", "work/moved", "trust"], &sandbox.home()).ok();
    said.says(&["Trusted ", "/moved"]);
    sandbox.envtool(&["trust"], &sandbox.empty()).refused(1);
}

#[test]
fn trust_cannot_be_sent_along() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    let prompt = |cache: &Path| {
        let call = project.envtool(&["hook", "bash", "--prompt="]).env("ENVTOOL_CACHE_DIR", cache);
        call.ok().stdout
    };
    let store = sandbox.store();
    assert!(prompt(&store).contains("export PATH="));
    // A store in the project, by its name or by where that leads.
    for place in
        [project.path("cache"), Path::new("cache").to_owned(), Path::new("../app/./cache").to_owned()]
    {
        sandbox.call("cp", &["-r".as_ref(), store.as_os_str(), "cache".as_ref()], project.dir()).ok();
        let said = prompt(&place);
        assert!(!said.contains("export") && said.contains("could have been sent with it"), "{said}");
        let call = project.envtool(&["trust"]).env("ENVTOOL_CACHE_DIR", &place);
        call.refused(1).says(&["could have been sent with it", "ENVTOOL_CACHE_DIR"]);
        fs::remove_dir_all(project.path("cache")).unwrap();
    }
    symlink(&store, project.path("cache")).unwrap();
    assert!(!prompt(Path::new("cache")).contains("export"));
    // A link to a record that lies elsewhere is none.
    let record = fs::read_dir(store.join("v1/trusted")).unwrap().next().unwrap().unwrap().path();
    fs::rename(&record, project.path("record")).unwrap();
    symlink(project.path("record"), &record).unwrap();
    let said = prompt(&store);
    assert!(!said.contains("export") && said.contains("is not trusted"), "{said}");
    fs::remove_file(&record).unwrap();
    fs::write(&record, "{}").unwrap();
    assert!(!prompt(&store).contains("export"));
    project.envtool(&["trust"]).ok();
    assert!(prompt(&store).contains("export PATH="));
}

#[test]
fn shells_without_a_hook_are_told_which_have_one() {
    let sandbox = Sandbox::new();
    for shell in ["tcsh", "nu", "", "BASH", "../bash"] {
        let said = sandbox.envtool(&["hook", shell], &sandbox.empty()).refused(2);
        said.says(&["bash, zsh, fish"]);
    }
}

#[test]
fn what_has_no_end_holds_no_prompt_up_and_a_link_makes_nothing_elsewhere() {
    let sandbox = Sandbox::new();
    let project = ready(&sandbox, "app");
    // After trust, as a pull may bring it.
    for (name, to) in [("envtool.lock", "/dev/zero"), (".envtool/python/pyvenv.cfg", "/dev/zero")] {
        let path = project.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(to, &path).unwrap();
        let said = project.envtool(&["hook", "bash", "--prompt="]).ok().stdout;
        assert!(said.contains("it is a device and no file") && !said.contains("PATH="), "{name}: {said}");
        fs::remove_file(path).unwrap();
    }
    fs::File::create(project.path("envtool.lock")).unwrap().set_len(1 << 42).unwrap();
    let said = project.envtool(&["hook", "bash", "--prompt="]).ok().stdout;
    assert!(said.contains("larger than 1 GiB") && !said.contains("PATH="), "{said}");
    fs::remove_file(project.path("envtool.lock")).unwrap();
    // A lock of the environment that leads out of it.
    let mine = sandbox.outside("mine");
    fs::create_dir_all(&mine).unwrap();
    fs::remove_file(project.path(".envtool/.lock")).ok();
    symlink(mine.join("made"), project.path(".envtool/.lock")).unwrap();
    project.envtool(&["sync"]).refused(1).says(&[".envtool/.lock", "it is a link"]);
    assert!(!mine.join("made").exists());
}
