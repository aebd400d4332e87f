//! Hostile archives, built here byte by byte: each is refused with a message that names the package and shows the
//! entry without what a terminal obeys, and nothing appears outside the destination.

#![expect(clippy::disallowed_methods, reason = "a test looks behind the doors")]

mod names;
mod streams;

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

use super::{CHECKSUM_FILE, Contents, Limits, checksum_json, read_crate, unpack_crate};
use crate::digest::Digest;
use crate::fault::Result;
use crate::package::PackageId;

const LIMITS: Limits = Limits { bytes: 1 << 20, entries: 100, depth: 10 };

fn foo() -> PackageId {
    PackageId { name: "foo".parse().unwrap(), version: "1.0.0".parse().unwrap() }
}

/// A tar archive that is written header by header; nothing in it has to make sense.
#[derive(Default)]
struct Tar(Vec<u8>);

impl Tar {
    fn entry(mut self, kind: u8, name: &[u8], data: &[u8], change: impl FnOnce(&mut Header)) -> Self {
        let mut header = Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.set_entry_type(EntryType::new(kind));
        header.set_mode(0o644);
        header.set_mtime(1_153_704_088);
        header.set_size(data.len() as u64);
        change(&mut header);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn file(self, name: &str, data: &[u8]) -> Self {
        self.entry(b'0', name.as_bytes(), data, |_| {})
    }

    fn mode(self, name: &str, mode: u32) -> Self {
        self.entry(b'0', name.as_bytes(), b"x", |header| header.set_mode(mode))
    }

    fn folder(self, name: &str) -> Self {
        self.entry(b'5', name.as_bytes(), b"", |_| {})
    }

    fn long_name(self, name: &[u8]) -> Self {
        self.entry(b'L', b"././@LongLink", &[name, b"\0"].concat(), |_| {})
    }

    fn pax(self, kind: u8, lines: &[(&str, &str)]) -> Self {
        let mut data = String::new();
        for (key, value) in lines {
            let rest = format!(" {key}={value}\n");
            let mut length = rest.len();
            while length != rest.len() + length.to_string().len() {
                length = rest.len() + length.to_string().len();
            }
            data.extend([length.to_string(), rest]);
        }
        self.entry(kind, b"pax", data.as_bytes(), |_| {})
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        gzip(&self.0)
    }
}

fn tar() -> Tar {
    Tar::default()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Unpacks in an otherwise empty folder and hands the tree over before it goes.
fn unpack<T>(archive: &[u8], limits: &Limits, look: impl FnOnce(&Path) -> T) -> Result<(Contents, T)> {
    let folder = tempfile::tempdir().unwrap();
    let dest = folder.path().join("dest");
    let read = read_crate(archive, &foo(), limits);
    let unpacked = unpack_crate(archive, &foo(), Digest::of(archive), &dest, limits);
    let around: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(around, ["dest"], "something lies beside the destination");
    let result = match (read, unpacked) {
        (Ok(read), Ok(unpacked)) => {
            assert_eq!(read, unpacked);
            Ok((read, look(&dest)))
        }
        (Err(read), Err(unpacked)) => {
            assert_eq!(read.to_string(), unpacked.to_string());
            assert!(!dest.join(CHECKSUM_FILE).exists(), "a failed tree must not look whole");
            Err(read)
        }
        (read, unpacked) => panic!("reading and unpacking disagree: {read:?}, {unpacked:?}"),
    };
    crate::fs::remove_tree(&dest).unwrap();
    result
}

#[track_caller]
fn good(archive: &[u8]) -> Contents {
    unpack(archive, &LIMITS, |_| ()).unwrap().0
}

#[track_caller]
fn bad(archive: &[u8], message: &str) {
    let fault = unpack(archive, &LIMITS, |_| ()).unwrap_err();
    let text = fault.to_string();
    assert!(text.contains(message), "{text}");
    assert!(text.contains("foo 1.0.0"), "{text}");
    assert!(fault.help_text().is_some());
    assert!(!text.contains(|c: char| c.is_control()), "{text:?}");
    assert!(text.len() < 800, "{text}");
}

#[track_caller]
#[test]
fn a_plain_crate_becomes_a_tree_and_a_list() {
    let large = vec![7; 700_000];
    let archive = tar()
        .file("foo-1.0.0/src/lib.rs", b"lib")
        .file("foo-1.0.0/Cargo.toml", b"")
        .entry(b'0', b"foo-1.0.0/src/large", &large, |header| header.set_mtime(0))
        .folder("foo-1.0.0/")
        .folder("foo-1.0.0/src/")
        .folder("foo-1.0.0/empty")
        .end();
    let (contents, json) = unpack(&archive, &LIMITS, |dest| {
        assert_eq!(std::fs::read(dest.join("src/large")).unwrap(), large);
        let time = |path| std::fs::metadata(dest.join(path)).unwrap().modified().unwrap();
        let seconds = |path| time(path).duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        assert_eq!((seconds("src/lib.rs"), seconds("src/large")), (1_153_704_088, 1));
        assert!(dest.join("empty").is_dir());
        std::fs::read_to_string(dest.join(CHECKSUM_FILE)).unwrap()
    })
    .unwrap();
    let names: Vec<_> = contents.files.keys().map(String::as_str).collect();
    assert_eq!(names, ["Cargo.toml", "src/large", "src/lib.rs"]);
    assert_eq!(contents.bytes(), 700_003);
    let [manifest, big, lib] = [Digest::of(b""), Digest::of(&large), Digest::of(b"lib")];
    let whole = Digest::of(&archive);
    assert_eq!(
        json,
        format!(
            r#"{{"files":{{"Cargo.toml":"{manifest}","src/large":"{big}","src/lib.rs":"{lib}"}},"package":"{whole}"}}"#
        )
    );
    assert_eq!(json, checksum_json(&contents, whole));
    let lines =
        format!("644 {manifest} 0 Cargo.toml\x00644 {big} 700000 src/large\x00644 {lib} 3 src/lib.rs\0");
    assert_eq!(contents.tree_digest(), Digest::of(lines.as_bytes()));
}

#[test]
fn a_destination_that_is_there_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let archive = tar().file("foo-1.0.0/x", b"x").end();
    let fault = unpack_crate(&archive[..], &foo(), Digest::of(b""), folder.path(), &LIMITS).unwrap_err();
    assert!(fault.to_string().contains("could not unpack foo 1.0.0"), "{fault}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn only_files_and_folders_get_through() {
    let link = |kind| {
        tar()
            .entry(kind, b"foo-1.0.0/x", b"", |header| {
                header.set_link_name_literal("/etc/passwd").unwrap();
            })
            .end()
    };
    bad(&link(b'1'), "a hard link");
    bad(&link(b'2'), "a symbolic link");
    bad(&link(b'3'), "a device");
    bad(&link(b'4'), "a device");
    bad(&link(b'6'), "a pipe");
    bad(&link(b'7'), "unknown type '7'");
    bad(&link(b'S'), "a sparse file");
    bad(&link(b'V'), "unknown type 'V'");
    bad(&link(0x1b), "unknown type");
    bad(&tar().entry(b'K', b"././@LongLink", b"/etc\0", |_| {}).end(), "a link");
    // A link and then a file through it.
    let through = tar()
        .entry(b'2', b"foo-1.0.0/x", b"", |header| {
            header.set_link_name_literal("/tmp").unwrap();
        })
        .file("foo-1.0.0/x/y", b"");
    bad(&through.end(), "a symbolic link");
}

#[test]
fn bombs_are_refused() {
    bad(&tar().file(&format!("foo-1.0.0/{}x", "d/".repeat(10)), b"").end(), "more than 10 folders deep");
    good(&tar().file(&format!("foo-1.0.0/{}x", "d/".repeat(9)), b"").end());
    // Bytes: as a header says, as they come, and behind the end.
    let promise = tar().entry(b'0', b"foo-1.0.0/x", b"", |header| header.set_size(1 << 40));
    bad(&promise.end(), "more than 1048576 bytes");
    let giant = tar().entry(b'0', b"foo-1.0.0/x", b"", |header| header.set_size(u64::MAX));
    bad(&giant.end(), "more than 1048576 bytes");
    let half = vec![0; 600_000];
    bad(&tar().file("foo-1.0.0/a", &half).file("foo-1.0.0/b", &half).end(), "more than 1048576 bytes");
    let mut zeros = tar().file("foo-1.0.0/a", b"");
    zeros.0.resize(2 << 20, 0);
    bad(&zeros.end(), "more than 1048576 bytes");
    // Entries, and the folders that few entries imply.
    let many = |from: usize, to: usize, name: &dyn Fn(usize) -> String| {
        (from..to).fold(tar(), |tar, n| tar.file(&name(n), b"")).end()
    };
    bad(&many(0, 101, &|n| format!("foo-1.0.0/{n}")), "more than 100 entries");
    good(&many(0, 100, &|n| format!("foo-1.0.0/{n}")));
    bad(&many(0, 20, &|n| format!("foo-1.0.0/{n}/a/b/c/d/e/f/x")), "more than 100 folders");
    let comments = (0..101).fold(tar(), |tar, _| tar.pax(b'g', &[("comment", "x")]));
    bad(&comments.end(), "more than 100 entries");
}

#[test]
fn the_limits_are_those_of_cargo() {
    assert_eq!(Limits::for_archive(0).bytes, 512 << 20);
    assert_eq!(Limits::for_archive(100 << 20).bytes, 2000 << 20);
    assert_eq!(Limits::for_archive(u64::MAX).bytes, u64::MAX);
}

#[cfg(unix)]
#[test]
fn modes_are_the_archives_less_what_is_dangerous() {
    use std::os::unix::fs::PermissionsExt;
    let archive = tar()
        .mode("foo-1.0.0/setuid", 0o4755)
        .mode("foo-1.0.0/open", 0o7777)
        .mode("foo-1.0.0/none", 0)
        .mode("foo-1.0.0/group", 0o664)
        .mode("foo-1.0.0/own", 0o600)
        .mode("foo-1.0.0/sub/own", 0o600)
        .mode("foo-1.0.0/sub/run", 0o755)
        .end();
    let look = |dest: &Path| {
        let mode = |path: &str| dest.join(path).metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("sub"), mode(""), mode(CHECKSUM_FILE)), (0o555, 0o755, 0o644));
        ["setuid", "open", "none", "group", "own", "sub/own", "sub/run"].map(|path| (path, mode(path)))
    };
    let (contents, modes) = unpack(&archive, &LIMITS, look).unwrap();
    let wanted = [0o755, 0o755, 0o400, 0o644, 0o600, 0o600, 0o755];
    assert_eq!(modes.map(|(_, mode)| mode), wanted);
    assert_eq!(modes.map(|(path, _)| contents.files[path].mode), wanted);
}

/// The umask belongs to the whole process, so the test above runs again in one of its own.
#[cfg(unix)]
#[test]
fn modes_do_not_depend_on_the_umask() {
    for umask in ["000", "027", "077"] {
        let output = std::process::Command::new("sh")
            .args(["-c", &format!(r#"umask {umask}; exec "$0" "$@""#)])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "archive::tests::modes_are_the_archives_less_what_is_dangerous"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "umask {umask}: {said}");
    }
}
