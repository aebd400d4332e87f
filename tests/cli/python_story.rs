//! The story that envtool began with: modules that pip put into the user's own folder, a script that runs because of
//! that, an environment in which it does not, and the way out. With the real Python, pip and uv; the index is this
//! machine's, and its packages stand for those of their names.

use std::path::Path;

use crate::support::doctor::{findings, is_healthy, script, state};
use crate::support::{Sandbox, saying, skipped, wheel};

/// What the story's script is: threads that use both packages.
pub(crate) const SCRIPT: &str = "\
#!/home/me/.local/bin/python3.9
import threading
import requests, yaml

def work(n, out):
    out[n] = yaml.safe_dump({\"thread\": n}).strip()

out = {}
threads = [threading.Thread(target=work, args=(n, out)) for n in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*sorted(out.values()), sep=\", \")
print(requests.__version__, requests.__file__)
print(yaml.__version__, yaml.__file__)
";

fn publish(sandbox: &Sandbox) {
    let pypi = sandbox.pypi();
    pypi.publish(&saying("idna", "3.10"));
    pypi.publish(
        &wheel("requests", "2.32.3")
            .requires("idna<4,>=2.5")
            .file("requests/__init__.py", b"import idna\n__version__ = '2.32.3'\n"),
    );
    let dump = "__version__ = '6.0.2'\n\ndef safe_dump(data):\n    \
                return ''.join('%s: %s\\n' % pair for pair in data.items())\n";
    pypi.publish(&wheel("PyYAML", "6.0.2").file("yaml/__init__.py", dump.as_bytes()));
    pypi.publish(&saying("tabulate", "0.9.0"));
    // Newer ones, which nobody asked for.
    pypi.publish(&wheel("requests", "2.99.0").file("requests/__init__.py", b"__version__ = '2.99.0'\n"));
    pypi.publish(&wheel("PyYAML", "7.0").file("yaml/__init__.py", b"__version__ = '7.0'\n"));
}

#[test]
fn the_story_from_the_user_s_folder_into_the_environment() {
    let sandbox = Sandbox::new();
    if !sandbox.has_program("python3") {
        return skipped("there is no python3 here");
    }
    publish(&sandbox);
    let project = sandbox.project("report");
    // 1. Modules are downloaded, and a script runs with them.
    let index = sandbox.pypi().index();
    let install = [
        "-m",
        "pip",
        "install",
        "--user",
        "--quiet",
        "--no-warn-script-location",
        "requests==2.32.3",
        "PyYAML==6.0.2",
    ];
    sandbox
        .call("python3", &install, project.dir())
        .env("PIP_CONFIG_FILE", "/dev/null")
        .env("PIP_INDEX_URL", index)
        .env("PIP_BREAK_SYSTEM_PACKAGES", "1")
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        .ok();
    script(&project.path("report.py"), SCRIPT);
    // That was an hour ago.
    for package in ["requests-2.32.3", "PyYAML-6.0.2"] {
        let user = sandbox
            .call("python3", &["-c", "import site; print(site.getusersitepackages())"], project.dir())
            .ok();
        let file = Path::new(user.stdout.trim()).join(format!("{package}.dist-info/INSTALLER"));
        let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(1);
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(hour_ago).unwrap();
    }
    let user = sandbox.home().join(".local/lib").display().to_string();
    let outside = sandbox.call("python3", &["-B", "report.py"], project.dir()).ok();
    assert!(outside.stdout.starts_with("thread: 0, thread: 1, thread: 2\n2.32.3 "), "{outside}");
    assert_eq!(outside.stdout.matches(&user).count(), 2, "{outside}");
    // 2. An environment without a Python of its own changes nothing yet; with its first module it has one, and there
    //    the script fails.
    let run = || project.envtool(&["run", "--", "python3", "-B", "report.py"]);
    project.envtool(&["init"]).ok();
    assert_eq!(run().ok().stdout, outside.stdout);
    project.envtool(&["add", "pypi:tabulate@0.9.0"]).ok();
    let fails = run().run();
    assert_eq!(fails.code, Some(1), "{fails}");
    assert!(fails.stderr.contains("ModuleNotFoundError: No module named 'requests'"), "{fails}");
    // 3. `doctor` says why, in one screen.
    let before = state(&project);
    let home = home(&sandbox);
    let why = project.envtool(&["doctor"]).run();
    assert_eq!(why.code, Some(1), "{why}");
    assert!(why.stdout.lines().count() + why.stderr.lines().count() <= 24, "{why}");
    assert!(why.stdout.lines().all(|line| line.len() < 300), "{why}");
    let (output, found) = findings(&project, &[]);
    let subjects: Vec<&str> = found.iter().map(|finding| finding["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["PyYAML 6.0.2", "requests 2.32.3", "report.py"], "{output}");
    for words in [
        "report.py:3 imports requests",
        "the user's",
        &user,
        "before this environment",
        "`#!/home/me/.local/bin/python3.9`",
    ] {
        assert!(why.stdout.contains(words), "{words}\n{why}");
    }
    // 4. It mends that, and the script runs with what lies in the environment.
    let fix = project.envtool(&["doctor", "--fix"]).ok();
    for line in [
        "pin the Python package requests 2.32.3",
        "pin the Python package pyyaml 6.0.2",
        "#!/usr/bin/env python3",
    ] {
        assert!(fix.stderr.contains(line), "{line}\n{fix}");
    }
    let runs = run().ok();
    assert_eq!(runs.stdout.lines().next(), outside.stdout.lines().next(), "{runs}");
    let inside = project.path(".envtool/python/lib").display().to_string();
    assert_eq!(runs.stdout.matches(&inside).count(), 2, "{runs}");
    assert!(runs.stdout.contains("\n2.32.3 ") && runs.stdout.contains("\n6.0.2 "), "{runs}");
    // By its own first line too.
    let itself = project.envtool(&["run", "--", "./report.py"]).env("PYTHONDONTWRITEBYTECODE", "1").ok();
    assert_eq!(itself.stdout, runs.stdout);
    is_healthy(&project);
    let manifest = project.read("envtool.toml");
    assert!(
        manifest.contains("requests = \"2.32.3\"") && manifest.contains("pyyaml = \"6.0.2\""),
        "{manifest}"
    );
    assert!(!manifest.contains("idna"), "{manifest}");
    // 5. Nothing outside the project was touched, and it can be taken back.
    assert_eq!(home, self::home(&sandbox));
    assert_eq!(sandbox.call("python3", &["-B", "report.py"], project.dir()).ok().stdout, outside.stdout);
    project.envtool(&["doctor", "--undo"]).ok();
    assert_eq!(before, state(&project));
    assert_eq!(project.read("report.py"), SCRIPT);
    // 6. A colleague has it all from the two files.
    project.envtool(&["doctor", "--fix"]).ok();
    let colleague = sandbox.project("colleague");
    for file in ["envtool.toml", "envtool.lock", "report.py"] {
        std::fs::copy(project.path(file), colleague.path(file)).unwrap();
    }
    colleague.envtool(&["sync"]).ok();
    std::fs::remove_dir_all(sandbox.home().join(".local")).unwrap();
    let there = colleague.envtool(&["run", "--", "./report.py"]).ok();
    assert!(there.stdout.contains(&colleague.path(".envtool/python").display().to_string()), "{there}");
}

/// HOME but the project and the store.
fn home(sandbox: &Sandbox) -> String {
    let of_project = |line: &&str| !line.contains("work/report");
    let text = sandbox.fingerprint();
    assert!(text.lines().any(|line| line.contains("requests/__init__.py")), "{}", Path::new(&text).display());
    text.lines().filter(of_project).collect::<Vec<_>>().join("\n")
}
