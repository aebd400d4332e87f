//! What the hook adds to a prompt: in no project, in a folder that is not trusted, and inside an environment.

use std::fs;
use std::time::Duration;

use super::sandbox::Sandbox;
use super::{ENVTOOL, Table};

/// How many prompts are measured.
const PROMPTS: u32 = 200;
/// What one may cost.
const MOST: Duration = Duration::from_millis(5);

/// Measures it.
pub(super) fn measure(sandbox: &Sandbox, table: &mut Table) {
    let home = sandbox.root().join("prompt");
    for name in ["trusted", "sent"] {
        let project = home.join(name);
        fs::create_dir_all(&project).unwrap();
        sandbox.envtool(&["init"], &project).ok();
    }
    sandbox.envtool(&["untrust"], &home.join("sent")).ok();
    let is_there = |shell: &&str| {
        sandbox.call("sh", &["-c", &format!("command -v {shell}")], &home).run().code == Some(0)
    };
    for shell in ["bash", "zsh", "fish"].into_iter().filter(is_there) {
        for (folder, what) in [("", "in no project"), ("sent", "not trusted"), ("trusted", "inside")] {
            let count = format!("{PROMPTS}");
            let script = match shell {
                "fish" => format!(
                    "{ENVTOOL} hook fish | source; cd {folder}; _envtool_hook; set s (date +%s%N); for i in (seq {count}); _envtool_hook; end; math (date +%s%N) - $s"
                ),
                _ => format!(
                    "eval \"$({ENVTOOL} hook {shell})\"; cd ./{folder}; _envtool_hook; s=$(date +%s%N); for i in $(seq {count}); do _envtool_hook; done; echo $(( $(date +%s%N) - s ))"
                ),
            };
            let text = sandbox.call(shell, &["-c", &script], &home).ok().stdout;
            let took = Duration::from_nanos(text.trim().parse().unwrap());
            table.most(shell, &format!("a prompt, {what}"), took / PROMPTS, MOST);
        }
    }
}
