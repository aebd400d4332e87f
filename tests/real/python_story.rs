//! The README's story with the real packages: pip puts requests and `PyYAML` into the user's folder, a script runs because
//! of that, fails inside an environment, and `doctor --fix` brings in what it needs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::sandbox;

const SCRIPT: &str = include_str!("../../fixtures/report/report.py");

/// What pip and uv need to reach the index: whatever the machine says of it.
const INDEX: &[&str] =
    &["PIP_CONFIG_FILE", "PIP_INDEX_URL", "PIP_FIND_LINKS", "PIP_CERT", "UV_INDEX_URL", "UV_DEFAULT_INDEX"];

#[test]
fn real_story_of_requests_and_pyyaml_is_as_the_readme_tells_it() {
    let sandbox = sandbox();
    let project = sandbox.home().join("work/report");
    fs::create_dir_all(&project).unwrap();
    let file = project.join("report.py");
    fs::write(&file, SCRIPT).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let call = |program: &str, args: &[&str]| {
        let known = INDEX.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let call = sandbox.call(program, args, &project).env("PIP_BREAK_SYSTEM_PACKAGES", "1");
        known.fold(call, |call, (name, value)| call.env(name, value)).env("PYTHONDONTWRITEBYTECODE", "1")
    };
    let envtool = |args: &[&str]| call(env!("CARGO_BIN_EXE_envtool"), args);
    let pip = ["-m", "pip", "install", "--user", "--quiet", "requests==2.32.3", "PyYAML==6.0.2"];
    call("python3", &pip).ok();
    let outside = call("python3", &["report.py"]).ok().stdout;
    assert!(outside.starts_with("0.0 1.0 2.0 3.0\nrequests 2.32.3 from "), "{outside}");
    assert_eq!(outside.matches("/.local/lib/").count(), 2, "{outside}");

    envtool(&["init"]).ok();
    envtool(&["add", "pypi:tabulate@0.9.0"]).ok().says("Pinned");
    let fails = envtool(&["run", "--", "python", "report.py"]).run();
    assert_eq!(fails.code, Some(1), "{fails}");
    fails.says("ModuleNotFoundError: No module named 'requests'");

    let why = envtool(&["doctor"]).run();
    assert_eq!(why.code, Some(1), "{why}");
    for words in ["PyYAML 6.0.2", "requests 2.32.3", "report.py", "the user's"] {
        assert!(why.stdout.contains(words), "{words}\n{why}");
    }
    assert!(why.stdout.lines().count() <= 24, "{why}");
    envtool(&["doctor", "--fix"]).ok().says("pin the Python package requests 2.32.3");
    let runs = envtool(&["run", "--", "./report.py"]).ok();
    assert_eq!(runs.stdout.lines().next(), outside.lines().next(), "{runs}");
    let inside = project.join(".envtool/python/lib").display().to_string();
    assert_eq!(runs.stdout.matches(&inside).count(), 2, "{runs}");
    assert!(runs.stdout.contains("requests 2.32.3 ") && runs.stdout.contains("yaml 6.0.2 "), "{runs}");
    assert_eq!(envtool(&["doctor"]).run().code, Some(0));

    envtool(&["doctor", "--undo"]).ok();
    assert_eq!(fs::read_to_string(&file).unwrap(), SCRIPT);
    assert_eq!(envtool(&["run", "--", "python", "report.py"]).run().code, Some(1));
}
