//! A mirror before the real registries, and the clients that it is for: cargo, pip, uv, envtool, curl, a browser, and
//! those behind nginx. Then all of them once more where there is no way out.

use std::fs;
use std::path::{Path, PathBuf};

use crate::sandbox;
use crate::support::Sandbox;

/// Each client of `clients.sh`, and the mirror's own end.
const ALL: &str = "cargo ok\npip ok\nuv ok\nenvtool ok\ncurl ok\nchromium ok\nnginx ok\nmirror ok\n";

/// The words that run the script in a folder of its own.
fn script(sandbox: &Sandbox, name: &str) -> (PathBuf, Vec<String>) {
    let folder = sandbox.empty(name);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/serve/clients.sh");
    let words = [script.as_path(), Path::new(env!("CARGO_BIN_EXE_envtool")), &folder];
    let words = words.map(|word| word.display().to_string()).to_vec();
    (folder, words)
}

/// The value of a counter.
fn counter(metrics: &str, name: &str) -> u64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim().parse().unwrap_or_default()
}

#[test]
fn real_clients_are_served_and_again_where_there_is_no_way_out() {
    let sandbox = sandbox();
    let (folder, words) = script(&sandbox, "with");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let served = sandbox.call("bash", &words, &folder).ok();
    assert_eq!(served.stdout, ALL, "{served}");
    let metrics = fs::read_to_string(folder.join("metrics")).unwrap();
    // What several clients asked for came once: every file that came was kept.
    let came = |registry| {
        let name = format!(
            "envtool_mirror_upstream_requests_total{{registry=\"{registry}\",kind=\"file\",said=\"body\"}}"
        );
        counter(&metrics, &name)
    };
    let held = |bucket: &str| {
        let bucket = sandbox.home().join(".cache/envtool/v1").join(bucket);
        fs::read_dir(bucket).unwrap().count() as u64
    };
    assert!(came("crates") > 10 && came("pypi") > 3, "{metrics}");
    assert_eq!((came("crates"), came("pypi")), (held("archives"), held("files")), "{metrics}");

    let (folder, words) = script(&sandbox, "without");
    // In a new namespace the machine's own address is down too.
    let words = format!("ip link set lo up && exec bash {} --offline", words.join(" "));
    let served = sandbox.call("bash", &["-c", &words], &folder).without_network().ok();
    assert_eq!(served.stdout, ALL, "{served}");
    let metrics = fs::read_to_string(folder.join("metrics")).unwrap();
    assert!(!metrics.contains("upstream_requests_total{"), "{metrics}");
    assert_eq!(counter(&metrics, "envtool_mirror_offline"), 1, "{metrics}");
}
