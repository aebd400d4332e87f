//! mise: a large closure.

use crate::sandbox;
use crate::support::{MISE, vendored};

/// The most memory that a sync may use, in bytes.
const MOST_MEMORY: u64 = 150_000_000;

#[test]
fn real_mise_is_what_cargo_vendor_writes() {
    vendored::compare(&sandbox(), &MISE);
}

/// The most memory that this process has used, in bytes: what it starts counts as having used at least that.
fn own_peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn real_mise_syncs_in_little_memory_and_comes_back_from_the_store() {
    let sandbox = sandbox();
    let project = sandbox.project(&MISE, "mise");
    let own = own_peak();
    assert!(own < MOST_MEMORY, "this process itself used {own} bytes, so nothing can be measured from it");
    let synced = sandbox.set_up(&project);
    assert!(synced.peak < MOST_MEMORY, "a cold sync used {} bytes of memory\n{synced}", synced.peak);

    let metadata = ["metadata", "--offline", "--locked", "--format-version", "1"];
    let empty = sandbox.empty("empty-home");
    sandbox.cargo(&metadata, &project).env("CARGO_HOME", &empty).without_network().ok();
    sandbox.envtool(&["sync"], &project).ok().says("nothing to do");

    let here = project.join(".envtool");
    std::fs::remove_dir_all(&here).unwrap();
    let again = sandbox.envtool(&["sync", "--offline"], &project).without_network().ok();
    again.says(&format!("({} from the store)", MISE.packages));
    assert_eq!(std::fs::read_dir(here.join("vendor")).unwrap().count(), MISE.packages);
    sandbox.cargo(&metadata, &project).env("CARGO_HOME", &empty).without_network().ok();
}
