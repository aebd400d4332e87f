//! What can be read of a lock that cannot: the rows of one that was cut off, merged with marks of a conflict, or spoiled
//! in a line.
//!
//! A row counts where all of it can be read, and is checked as in a whole lock. A conflict has two sides, which are read
//! one beside the other; what both have in common stands in both.

use crate::cargo_lock::{self, CargoLock, LockedPackage};
use crate::lock::{self, Lock};

/// The rows of a broken `Cargo.lock`, on each side of its conflicts.
pub(super) fn cargo_rows(text: &str) -> Vec<Vec<LockedPackage>> {
    let version = version(text).unwrap_or(cargo_lock::NEWEST);
    let row = |block: &str| CargoLock::parse(&format!("version = {version}\n{block}"), "").ok();
    sides(text)
        .iter()
        .map(|side| {
            blocks(side).iter().filter_map(|block| row(block)).flat_map(|lock| lock.packages).collect()
        })
        .collect()
}

/// The rows of a broken `envtool.lock`, on each side of its conflicts.
pub(super) fn envtool_rows(text: &str) -> Vec<Lock> {
    let row = |block: &str| Lock::parse(&format!("version = {}\n{block}", lock::VERSION), "").ok();
    let read = |side: &String| {
        let mut all = Lock::default();
        for lock in blocks(side).iter().filter_map(|block| row(block)) {
            all.packages.extend(lock.packages);
            all.tools.extend(lock.tools);
            all.modules.extend(lock.modules);
            all.module_tools.extend(lock.module_tools);
            all.python = all.python.or(lock.python);
        }
        all
    };
    sides(text).iter().map(read).collect()
}

/// The version of the format: the line before all rows that says it.
pub(super) fn version(text: &str) -> Option<u32> {
    let mut head = text.lines().take_while(|line| !line.starts_with('['));
    head.find_map(|line| line.strip_prefix("version")?.trim_start().strip_prefix('=')?.trim().parse().ok())
}

/// The text on each side of its conflicts; once where there are none.
fn sides(text: &str) -> Vec<String> {
    let (mut ours, mut theirs) = (String::new(), String::new());
    // In which part of a conflict a line stands: ours, what both began from, theirs.
    let mut part = None;
    for line in text.lines() {
        part = match line {
            _ if line.starts_with("<<<<<<< ") => Some(0),
            _ if line.starts_with("||||||| ") => Some(1),
            "=======" => Some(2),
            _ if line.starts_with(">>>>>>> ") => None,
            _ => {
                for (side, other) in [(&mut ours, 2), (&mut theirs, 0)] {
                    if part.is_none_or(|part| part != 1 && part != other) {
                        side.push_str(line);
                        side.push('\n');
                    }
                }
                part
            }
        };
    }
    if ours == theirs { vec![ours] } else { vec![ours, theirs] }
}

/// Each row with what belongs to it.
fn blocks(side: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    for line in side.lines() {
        if ["[[package]]", "[[tool]]", "[[module]]", "[[module-tool]]", "[python]"].contains(&line.trim_end())
        {
            blocks.push(String::new());
        } else if line.trim_end() == "[metadata]" {
            break;
        }
        if let Some(block) = blocks.last_mut() {
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::{cargo_rows, envtool_rows, version};

    const DIGITS: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn row(name: &str, version: &str) -> String {
        format!(
            "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = \"registry+x\"\nchecksum = \"{DIGITS}\"\n\n"
        )
    }

    /// The rows of each side.
    fn read(text: &str) -> Vec<String> {
        let side = |rows: Vec<crate::cargo_lock::LockedPackage>| {
            rows.iter().map(|row| row.id.to_string()).collect::<Vec<_>>().join(", ")
        };
        cargo_rows(text).into_iter().map(side).collect()
    }

    #[test]
    fn rows_of_a_broken_lock_are_read_one_by_one() {
        let whole = format!("version = 4\n\n{}{}{}", row("a", "1.0.0"), row("b", "1.0.0"), row("c", "1.0.0"));
        assert_eq!(read(&whole), ["a 1.0.0, b 1.0.0, c 1.0.0"]);
        assert_eq!(read(&whole[..whole.len() - 20]), ["a 1.0.0, b 1.0.0"]);
        assert_eq!(read(&whole.replace("\"b\"", "\"../b\"")), ["a 1.0.0, c 1.0.0"]);
        assert_eq!(read(&whole.replacen("[[package]]", "[[pack", 1)), ["b 1.0.0, c 1.0.0"]);
        assert_eq!(read(""), [""]);
        assert_eq!(read("\0\u{1}"), [""]);
        for end in 0..whole.len() {
            read(&whole[..end]);
            envtool_rows(&whole[..end]);
        }
        assert_eq!((version(&whole), version("[[package]]\nversion = 1\n")), (Some(4), None));
        assert_eq!(version("<<<<<<< a\nversion = 99\n"), Some(99));
    }

    #[test]
    fn a_conflict_has_two_sides() {
        let inside = "[[package]]\nname = \"a\"\n<<<<<<< HEAD\nversion = \"1.0.0\"\n||||||| base\nversion = \"0.9.0\"\n=======\nversion = \"1.1.0\"\n>>>>>>> theirs\nsource = \"registry+x\"\n";
        assert_eq!(read(inside), ["a 1.0.0", "a 1.1.0"]);
        let (a, b) = (row("a", "1.0.0"), row("b", "1.0.0"));
        let rows = format!("{a}<<<<<<< HEAD\n=======\n{b}>>>>>>> theirs\n{}", row("c", "1.0.0"));
        assert_eq!(read(&rows), ["a 1.0.0, c 1.0.0", "a 1.0.0, b 1.0.0, c 1.0.0"]);
        assert_eq!(read(&format!("<<<<<<< HEAD\n{a}=======\n{a}>>>>>>> theirs\n")), ["a 1.0.0"]);
    }
}
