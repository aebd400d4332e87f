//! Looks at files: what lies below a folder, as text that two moments can be compared by.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::crates::sha256;

/// Everything below `dir`, a line each, sorted: kind, mode, name and where a link points. Links are not followed.
pub(crate) fn tree(dir: &Path) -> String {
    list(dir, &[], false)
}

/// As [`tree`], with the digest of every file; an absent folder is a value too. `without` names what is left out, by
/// path from `dir`.
///
/// `.envtool/.lock` is never looked at: taking a lock is no change.
pub(crate) fn fingerprint(dir: &Path, without: &[&str]) -> String {
    list(dir, without, true)
}

fn list(dir: &Path, without: &[&str], contents: bool) -> String {
    let mut lines = Vec::new();
    describe(dir, dir, without, contents, &mut lines);
    lines.sort();
    lines.join("\n")
}

fn describe(root: &Path, path: &Path, without: &[&str], contents: bool, lines: &mut Vec<String>) {
    let name = path.strip_prefix(root).unwrap().display().to_string();
    if without.contains(&name.as_str()) || name.ends_with(".envtool/.lock") {
        return;
    }
    let Ok(found) = fs::symlink_metadata(path) else {
        lines.push(format!("{name} absent"));
        return;
    };
    let mode = found.permissions().mode() & 0o7777;
    if found.is_symlink() {
        lines.push(format!("{name} -> {}", fs::read_link(path).unwrap().display()));
    } else if found.is_dir() {
        lines.push(format!("{name}/ {mode:o}"));
        for entry in fs::read_dir(path).unwrap() {
            describe(root, &entry.unwrap().path(), without, contents, lines);
        }
    } else {
        let digest =
            if contents && found.is_file() { sha256(&fs::read(path).unwrap()) } else { String::new() };
        lines.push(format!("{name} {mode:o} {digest}").trim_end().to_owned());
    }
}
