//! A path out of an archive that was checked: joined to a folder, it lies below that folder on every platform.
//!
//! It is the only type in `archive` that is joined to a destination, so no check can be forgotten further down.
//! The rules are the same everywhere, so that what is locked on one machine unpacks on the other; only the names
//! that Windows keeps for itself, which real crates do hold in their test data, are refused there alone.

use std::fmt;
use std::path::{Path, PathBuf};

/// The longest single name that the usual file systems take, in bytes.
const LONGEST_NAME: usize = 255;
/// The longest path, in bytes: the shortest `PATH_MAX` around (1,024, macOS). The system still has the last word.
const LONGEST_PATH: usize = 1024;

/// A relative path of plain names, separated by `/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafePath(String);

impl SafePath {
    /// Checks a raw name. One `/` at the end is the caller's to take off.
    pub fn new(raw: &[u8]) -> Result<Self, UnsafePath> {
        let text = std::str::from_utf8(raw).map_err(|_| UnsafePath("is not UTF-8"))?;
        if text.is_empty() {
            return Err(UnsafePath("is empty"));
        }
        if text.chars().any(char::is_control) {
            return Err(UnsafePath("holds a control character"));
        }
        if text.contains('\\') {
            return Err(UnsafePath("holds a backslash"));
        }
        if text.starts_with('/') {
            return Err(UnsafePath("is absolute"));
        }
        if text.len() > LONGEST_PATH {
            return Err(UnsafePath("is longer than 1024 bytes"));
        }
        for name in text.split('/') {
            check_name(name)?;
        }
        Ok(Self(text.to_owned()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, for a map's key.
    pub fn into_string(self) -> String {
        self.0
    }

    /// How many names the path has.
    pub fn depth(&self) -> usize {
        self.0.split('/').count()
    }

    /// The folder that the path lies in; `None` for the destination itself.
    pub fn folder(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(folder, _)| folder)
    }

    /// The folders above the path, outermost first.
    pub fn folders(&self) -> impl Iterator<Item = SafePath> + '_ {
        self.0.match_indices('/').map(|(at, _)| SafePath(self.0[..at].to_owned()))
    }

    /// Where the path lies below `dest`.
    pub fn below(&self, dest: &Path) -> PathBuf {
        let mut path = PathBuf::with_capacity(dest.as_os_str().len() + self.0.len() + 1);
        path.push(dest);
        // Name by name: where `dest` is a verbatim path, Windows takes a `/` for a part of the name.
        path.extend(self.0.split('/'));
        path
    }
}

fn check_name(name: &str) -> Result<(), UnsafePath> {
    let bytes = name.as_bytes();
    match bytes {
        [] => return Err(UnsafePath("has an empty name in it")),
        b"." | b".." => return Err(UnsafePath("has `.` or `..` in it")),
        // Joined on Windows, `C:x` replaces the path before it.
        [drive, b':', ..] if drive.is_ascii_alphabetic() => {
            return Err(UnsafePath("has a drive letter in it"));
        }
        _ => {}
    }
    if bytes.len() > LONGEST_NAME {
        return Err(UnsafePath("has a name of more than 255 bytes in it"));
    }
    if cfg!(windows) && is_special_on_windows(name) {
        return Err(UnsafePath("has a name in it that Windows keeps for itself"));
    }
    Ok(())
}

/// Whether Windows reads `name` as something else than a plain file: a device, a stream of another file,
/// a pattern, or a shorter name (it drops dots and spaces at the end).
fn is_special_on_windows(name: &str) -> bool {
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ').to_lowercase();
    let numbered = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt")).is_some_and(|n| {
        matches!(n, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³")
    });
    numbered
        || DEVICES.contains(&stem.as_str())
        || name.ends_with(['.', ' '])
        || name.contains([':', '<', '>', '"', '|', '?', '*'])
}

/// Why a name out of an archive is no [`SafePath`]. Reads on from the name: "is absolute".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsafePath(&'static str);

impl fmt::Display for UnsafePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for UnsafePath {}

/// A raw name as a message may show it: in quotes, escaped, cut where it is long. A name can hold what moves the
/// cursor, colours the terminal or turns the direction of writing.
pub(super) fn shown(raw: &[u8]) -> String {
    const MOST: usize = 120;
    let text = String::from_utf8_lossy(raw);
    match text.char_indices().nth(MOST) {
        None => format!("{text:?}"),
        Some((at, _)) => format!("{:?}…", &text[..at]),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{SafePath, is_special_on_windows, shown};

    #[test]
    fn a_plain_path_lies_below_the_folder_it_is_joined_to() {
        let long = format!("{}/b", "a".repeat(255));
        for good in ["a", "a/b", ".gitignore", "a/..b", "a/b..", "…/größe", "a b/c", "-", "~", &long] {
            let path = SafePath::new(good.as_bytes()).unwrap();
            assert_eq!(path.below(Path::new("/dest")), Path::new("/dest").join(good));
        }
        let path = SafePath::new(b"a/b/c").unwrap();
        let above: Vec<_> = path.folders().map(SafePath::into_string).collect();
        assert_eq!(above, ["a", "a/b"]);
        assert_eq!((path.folder(), path.depth()), (Some("a/b"), 3));
    }

    #[test]
    fn a_path_that_leads_elsewhere_is_refused() {
        let long_name = "a".repeat(256);
        let long_path = "a/".repeat(600) + "a";
        for bad in [
            "",
            ".",
            "..",
            "/",
            "/x",
            "//x",
            "../x",
            "a/../x",
            "a/..",
            "a/.",
            "./a",
            "a//b",
            "a/",
            "C:x",
            "c:/x",
            "a/C:x",
            "C:\\x",
            "\\\\host\\x",
            "a\\b",
            "..\\x",
            "a\0",
            "a\n",
            "a\u{1b}[31m",
            "a\u{9b}31m",
            "a\u{7f}",
            &long_name,
            &long_path,
        ] {
            assert!(SafePath::new(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(SafePath::new(b"a\xff").is_err());
    }

    #[test]
    fn names_that_windows_keeps_for_itself_are_known() {
        for special in [
            "con", "NUL", "nul.txt", "Com1", "lpt9.rs", "COM¹", "aux .rs", "a.", "a ", "ab:c", "a?", "conin$",
        ] {
            assert!(is_special_on_windows(special), "{special}");
            assert_eq!(SafePath::new(special.as_bytes()).is_err(), cfg!(windows), "{special}");
        }
        for plain in ["console", "com10", "com", "nulls.rs", ".con", "a.b", "a-b"] {
            assert!(!is_special_on_windows(plain), "{plain}");
        }
    }

    #[test]
    fn a_name_is_shown_without_what_a_terminal_obeys() {
        assert_eq!(shown(b"a\x1b[31m"), r#""a\u{1b}[31m""#);
        assert_eq!(shown("a\u{202e}b".as_bytes()), r#""a\u{202e}b""#);
        assert_eq!(shown(b"a\xff"), "\"a\u{fffd}\"");
        assert!(shown(&b"a".repeat(10_000)).len() < 200);
    }
}
