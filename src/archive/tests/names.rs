//! Names that lead elsewhere, that are no names, or that come twice.

use super::{LIMITS, bad, good, tar, unpack};
use crate::archive::{CHECKSUM_FILE, checksum_json};
use crate::digest::Digest;

fn bad_name(name: &[u8], message: &str) {
    bad(&tar().long_name(name).file("foo-1.0.0/x", b"x").end(), message);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    bad_name(b"foo-1.0.0/../../evil", "has `.` or `..` in it");
    bad_name(b"foo-1.0.0/..", "has `.` or `..` in it");
    bad_name(b"foo-1.0.0/./x", "has `.` or `..` in it");
    bad_name(b"/foo-1.0.0/x", "is absolute");
    bad_name(b"/etc/passwd", "is absolute");
    bad_name(b"foo-1.0.0//etc/passwd", "has an empty name in it");
    bad_name(b"foo-1.0.0/C:x", "drive letter");
    bad_name(b"C:/foo-1.0.0/x", "drive letter");
    bad_name(b"foo-1.0.0\\x", "backslash");
    bad_name(b"foo-1.0.0/..\\..\\x", "backslash");
    bad_name(b"foo-1.0.0-evil/x", "outside foo-1.0.0/");
    bad_name(b"foo-1.0.0evil", "outside foo-1.0.0/");
    bad_name(b"bar-1.0.0/x", "outside foo-1.0.0/");
    bad_name(b"x", "outside foo-1.0.0/");
    bad_name(b"foo-1.0.0", "outside foo-1.0.0/");
    bad_name(b"FOO-1.0.0/x", "outside foo-1.0.0/");
}

#[test]
fn names_that_are_no_names_are_refused_and_shown_escaped() {
    bad_name(b"", "is empty");
    bad_name(b"foo-1.0.0/", "empty name");
    bad_name(b"foo-1.0.0/x/", "empty name");
    bad_name(b"foo-1.0.0/a\nb", r"a\nb");
    bad_name(b"foo-1.0.0/\x1b[31mred", "control character");
    bad_name("foo-1.0.0/\u{9b}31m".as_bytes(), r"\u{9b}");
    bad_name(b"foo-1.0.0/a\0b", "control character");
    bad_name(b"foo-1.0.0/\xff", "is not UTF-8");
    bad_name(format!("foo-1.0.0/{}", "a".repeat(256)).as_bytes(), "more than 255 bytes");
    bad_name(format!("foo-1.0.0/{}a", "a/".repeat(700)).as_bytes(), "longer than 1024");
    bad_name(&b"a".repeat(70_000), "longer than 65536 bytes");
    // The same by a plain header.
    bad(&tar().entry(b'0', b"foo-1.0.0/\x1b[31m", b"", |_| {}).end(), "control character");
    good(&tar().long_name(format!("foo-1.0.0/{}", "a".repeat(255)).as_bytes()).file("x", b"x").end());
}

#[test]
fn no_name_comes_twice() {
    bad(&tar().file("foo-1.0.0/x", b"1").file("foo-1.0.0/x", b"2").end(), "is there twice");
    bad(&tar().file("foo-1.0.0/x", b"").folder("foo-1.0.0/x/").end(), "as a folder");
    bad(&tar().file("foo-1.0.0/x", b"").file("foo-1.0.0/x/y", b"").end(), "as a folder");
    bad(&tar().folder("foo-1.0.0/x").file("foo-1.0.0/x", b"").end(), "is a file and a folder");
    bad(&tar().file("foo-1.0.0/x/y/z", b"").file("foo-1.0.0/x/y", b"").end(), "is a file and a folder");
    // Where the file system tells them apart, these are two files; `disk` has the test for where it does not.
    if cfg!(target_os = "linux") {
        assert_eq!(good(&tar().file("foo-1.0.0/a", b"").file("foo-1.0.0/A", b"").end()).files.len(), 2);
        let forms = tar().file("foo-1.0.0/\u{e9}", b"").file("foo-1.0.0/e\u{301}", b"");
        assert_eq!(good(&forms.end()).files.len(), 2);
    }
}

#[test]
fn the_marks_of_the_unpacker_are_never_the_archives() {
    let archive = tar()
        .file("foo-1.0.0/.cargo-checksum.json", b"theirs")
        .file("foo-1.0.0/.cargo-checksum.json", b"again")
        .file("foo-1.0.0/.cargo-ok", b"ok")
        .file("foo-1.0.0/a/.cargo-ok", b"ok")
        .file("foo-1.0.0/a/.cargo-checksum.json", b"a test's own")
        .end();
    let (contents, json) =
        unpack(&archive, &LIMITS, |dest| std::fs::read_to_string(dest.join(CHECKSUM_FILE)).unwrap()).unwrap();
    assert_eq!(contents.files.keys().collect::<Vec<_>>(), ["a/.cargo-checksum.json"]);
    assert_eq!(json, checksum_json(&contents, Digest::of(&archive)));
    bad(&tar().file("foo-1.0.0/.cargo-checksum.json/x", b"").end(), "as a folder");
    bad(&tar().folder("foo-1.0.0/.cargo-checksum.json/").end(), "as a folder");
}

#[test]
fn names_of_windows_are_refused_on_windows_only() {
    let archive = tar().file("foo-1.0.0/aux.rs", b"x").end();
    assert_eq!(unpack(&archive, &LIMITS, |_| ()).is_err(), cfg!(windows));
}
