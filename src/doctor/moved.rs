//! `moved`: paths of others that point to where the environment used to be.
//!
//! Nothing of envtool's own holds an absolute path. What others put into the environment may: a script whose first line
//! names an interpreter in the old place, a configuration with a path in its text, a program with one in its code.

use std::path::{Path, PathBuf};

use super::{Check, Finding, Remedy, Scene, Severity, Step};
use crate::environment::is_script;
use crate::fault::Result;
use crate::fs;
use crate::layout::{BIN, is_own};

/// The check.
pub(super) struct Moved;

/// The largest file that is looked into, and how many are.
const LARGEST: u64 = 64_000_000;
const MOST: usize = 50_000;

/// The longest first line that Linux reads (`BINPRM_BUF_SIZE`).
const FIRST_LINE: usize = 255;

impl Check for Moved {
    fn id(&self) -> &'static str {
        "moved"
    }

    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let here = fs::canonical(scene.environment.layout().root())?;
        let known = scene.store.known(&scene.environment.record().id)?;
        let mut before = Vec::new();
        for place in known.places {
            // One that is there is another environment, and may be meant.
            if place != here && !place.starts_with(&here) && !fs::is_folder(&place)? {
                before.push(place);
            }
        }
        let mut found = Vec::new();
        for file in if before.is_empty() { Vec::new() } else { theirs(&here) } {
            let Some(bytes) = fs::read(&here.join(&file))? else { continue };
            let Some(old) = before.iter().find(|old| names(&bytes, old)) else { continue };
            let text = String::from_utf8(bytes).ok();
            let rewrite = text.as_deref().and_then(|text| rewritten(text, old, &here));
            let remedy = match (rewrite, text) {
                (Some(_), _) => {
                    let rewrite = Step::Rewrite { file: file.clone(), from: old.clone(), to: here.clone() };
                    Remedy::Steps(vec![rewrite, Step::Sync])
                }
                (None, Some(_)) => Remedy::User(format!(
                    "write {} there by hand, quoted as that file needs it, or install again what it belongs to",
                    here.display()
                )),
                (None, None) => {
                    Remedy::User("install again what it belongs to: a program is not rewritten".to_owned())
                }
            };
            found.push(Finding {
                check: self.id(),
                severity: Severity::Warning,
                subject: Path::new(".envtool").join(&file).display().to_string(),
                message: format!("it names {}, where this environment used to be", old.display()),
                remedy,
            });
        }
        Ok(found)
    }
}

/// The files of an environment that are not envtool's own, by their path in it. No link is followed.
fn theirs(root: &Path) -> Vec<PathBuf> {
    let of_others = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        let in_bin = entry.path().parent().is_some_and(|parent| parent == root.join(BIN));
        match entry.depth() {
            1 => name == BIN || !is_own(&name),
            2 if in_bin => !is_script(&name),
            _ => true,
        }
    };
    let walk = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(of_others).flatten();
    let files = walk.take(MOST).filter(|entry| {
        entry.file_type().is_file() && entry.metadata().is_ok_and(|about| about.len() <= LARGEST)
    });
    files.filter_map(|entry| entry.path().strip_prefix(root).ok().map(Path::to_owned)).collect()
}

/// Whether bytes name a place. A program that was compiled in it names the sources of its crates: they do no harm.
fn names(bytes: &[u8], place: &Path) -> bool {
    let place = place.as_os_str().as_encoded_bytes();
    let is_text = std::str::from_utf8(bytes).is_ok();
    hits(bytes, place).any(|at| is_text || !bytes[at + place.len()..].starts_with(b"/vendor"))
}

/// Where a place is named, and not one whose name only begins like it.
fn hits<'a>(bytes: &'a [u8], place: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let first = place.first().copied().unwrap_or(b'/');
    let starts = bytes.iter().enumerate().filter(move |(_, byte)| **byte == first).map(|(at, _)| at);
    starts.filter(move |at| {
        let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || *byte >= 0x80 || b"-_.".contains(byte);
        bytes[*at..].starts_with(place) && !bytes.get(at + place.len()).is_some_and(goes_on)
    })
}

/// A text with one place instead of another; `None` where that would mean something else there.
pub(super) fn rewritten(text: &str, from: &Path, to: &Path) -> Option<String> {
    let (from, to) = (from.to_str()?, to.to_str()?);
    let is_program = text.starts_with("#!");
    let mut next = String::with_capacity(text.len());
    let mut done = 0;
    if let Some(rest) = text.strip_prefix("#!")
        && let Some(line) = rest.lines().next()
        && line.trim_start().starts_with(from)
    {
        next.push_str(&first_line(&line.trim_start()[from.len()..], to)?);
        done = 2 + line.len();
    }
    for at in hits(text.as_bytes(), from.as_bytes()).filter(|at| *at >= done).collect::<Vec<_>>() {
        if !can_stand(to, text[..at].chars().next_back(), is_program) {
            return None;
        }
        next.push_str(&text[done..at]);
        next.push_str(to);
        done = at + from.len();
    }
    (done > 0).then(|| next + &text[done..])
}

/// The first line of a script with its interpreter in another place, `rest` being what stands behind that. Such a line is
/// split at white space, so what has some goes through env, which knows quotes.
fn first_line(rest: &str, to: &str) -> Option<String> {
    let (program, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let line = if to.contains(char::is_whitespace) {
        let quoted = to.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
        format!("#!/usr/bin/env -S \"{quoted}{program}\" {arguments}").trim_end().to_owned()
    } else {
        format!("#!{to}{rest}")
    };
    (line.len() <= FIRST_LINE && !to.contains(char::is_control)).then_some(line)
}

/// Whether a path means itself in a text behind this character, in whatever language that is: in quotes, all but what
/// quotes give a meaning to; without them, what no language gives one to, and in what is no program spaces too.
fn can_stand(path: &str, before: Option<char>, is_program: bool) -> bool {
    let plain =
        |c: char| c.is_alphanumeric() || "/._-+@,=".contains(c) || (!c.is_ascii() && !c.is_whitespace());
    match before {
        Some('"') => !path.contains(['"', '\\', '$', '`', '%']) && !path.contains(char::is_control),
        Some('\'') => !path.contains(['\'', '\\']) && !path.contains(char::is_control),
        _ => path.chars().all(|c| plain(c) || (c == ' ' && !is_program)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::rewritten;

    fn moved(text: &str, to: &str) -> Option<String> {
        rewritten(text, Path::new("/old/.envtool"), Path::new(to))
    }

    #[test]
    fn a_place_is_written_where_it_means_itself() {
        for (text, to, next) in [
            ("#!/old/.envtool/bin/python\n", "/new", "#!/new/bin/python\n"),
            ("#! /old/.envtool/bin/python -u\n", "/new", "#!/new/bin/python -u\n"),
            (
                "#!/old/.envtool/bin/sh\nx=/old/.envtool/share y=/old/.envtool",
                "/é",
                "#!/é/bin/sh\nx=/é/share y=/é",
            ),
            (
                "#!/old/.envtool/bin/python -u\r\nx\r\n",
                "/a \"$b\" 'c'",
                "#!/usr/bin/env -S \"/a \\\"\\$b\\\" 'c'/bin/python\" -u\r\nx\r\n",
            ),
            ("#!/bin/sh\nexec \"/old/.envtool/x\"\n", "/it's a", "#!/bin/sh\nexec \"/it's a/x\"\n"),
            ("#!/bin/sh\nexec '/old/.envtool/x'\n", "/a \"$b\"", "#!/bin/sh\nexec '/a \"$b\"/x'\n"),
            ("home = /old/.envtool/bin\n", "/a b", "home = /a b/bin\n"),
            ("/old/.envtool2 /old/.envtool.old /old/.envtool", "/n", "/old/.envtool2 /old/.envtool.old /n"),
        ] {
            assert_eq!(moved(text, to).as_deref(), Some(next), "{text} {to}");
        }
    }

    #[test]
    fn where_it_would_mean_something_else_nothing_is_written() {
        let long = format!("/{}", "l".repeat(260));
        for (text, to) in [
            ("#!/bin/sh\nexec /old/.envtool/x\n", "/a b"),
            ("#!/bin/sh\nexec \"/old/.envtool/x\"\n", "/$(touch x)"),
            ("#!/bin/sh\nexec '/old/.envtool/x'\n", "/it's"),
            ("#!/bin/sh\nexec \"/old/.envtool/x\" /old/.envtool/y\n", "/a b"),
            ("home = /old/.envtool\n", "/$HOME"),
            ("#!/old/.envtool/bin/python\n", long.as_str()),
            ("nothing", "/new"),
            ("/older/.envtool /old/.envtool-2", "/new"),
        ] {
            assert_eq!(moved(text, to), None, "{text} {to}");
        }
    }
}
