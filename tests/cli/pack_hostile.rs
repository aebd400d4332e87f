//! Packs that were made to do harm, or were damaged on the way: each is refused with a word on what is wrong, and
//! neither the project nor the store has anything of it.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json::json;
use tar::EntryType;

use crate::pack::Machine;
use crate::support::crates::sha256;
use crate::support::packs::{Pack, compressed, entry};
use crate::support::tools::names;
use crate::support::{Sandbox, telling};

/// Where hostile packs are tried.
struct Ground<'a> {
    sandbox: &'a Sandbox,
    there: Machine<'a>,
    app: std::path::PathBuf,
    wrong: Vec<String>,
}

impl Ground<'_> {
    /// Tries one: it must be refused in these words, and nothing may be left of it.
    fn refuses(&mut self, what: &str, bytes: &[u8], said: &str) {
        let path = self.sandbox.outside("stick").join("hostile.tar.zst");
        fs::write(&path, bytes).unwrap();
        let digest = sha256(bytes);
        // Vouched for, so that nothing but what is wrong with it keeps it out.
        let words = ["unpack", path.to_str().unwrap(), "--sha256", &digest];
        let output = self.there.envtool(&words, &self.app).refused(1);
        if !output.stderr.contains(said) || output.stderr.len() > 2000 {
            self.wrong.push(format!("{what} does not say {said:?}: {output}"));
        }
        for bucket in ["archives", "trees", "built", "adopted", "tmp"] {
            let left = names_in(&self.there.store().join(bucket));
            if !left.is_empty() {
                self.wrong.push(format!("{what} left {left:?} in {bucket}"));
            }
        }
        if self.app.join(".envtool").exists() {
            self.wrong.push(format!("{what} made an environment"));
        }
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    if folder.is_dir() { names(folder) } else { Vec::new() }
}

/// Adds an archive, in its place among the two others.
fn add_crate(pack: &mut Pack, name: &str, bytes: &[u8]) {
    let digest = sha256(bytes);
    let path = format!("crates/{digest}.crate");
    let at = if pack.files[2].0 < path { 3 } else { 2 };
    let row = json!({
        "path": path, "size": bytes.len(), "sha256": digest, "kind": "crate", "name": name, "version": "1.0.0",
    });
    pack.list["files"].as_array_mut().unwrap().insert(at, row);
    pack.files.insert(at, (path, bytes.to_vec()));
}

#[test]
fn hostile_packs_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.registry().publish(&telling("alpha", "1.0.0"));
    sandbox.registry().publish(&telling("other", "1.0.0"));
    let project = sandbox.project("app");
    project.write("envtool.toml", "[crates]\nalpha = \"1.0.0\"\n");
    project.envtool(&["sync"]).ok();
    project.envtool(&["pack", "env.zst"]).ok();
    let good = Pack::read(&project.path("env.zst"));
    let whole = good.bytes();
    let there = Machine::new(&sandbox, "there");
    let app = there.checkout(&project);
    let mut ground = Ground { sandbox: &sandbox, there, app, wrong: Vec::new() };
    let tar = good.tar();
    let with = |change: &dyn Fn(&mut Pack)| {
        let mut pack = good.clone();
        change(&mut pack);
        pack.bytes()
    };

    // Not a pack, not all of it, or more than it.
    ground.refuses("nothing", b"", "ends in the middle");
    ground.refuses("text", b"hello, this is no pack at all", "not zstd");
    ground.refuses("gzip", &crate::support::crates::gzip(&tar), "not zstd");
    ground.refuses("zstd of text", &zstd::encode_all(&[b'x'; 2000][..], 1).unwrap(), "no tar archive");
    for cut in [10, whole.len() / 2, whole.len() - 1] {
        ground.refuses("a part", &whole[..cut], "ends in the middle");
    }
    let behind = "something follows behind";
    ground.refuses("more", &[&whole[..], b"x"].concat(), behind);
    ground.refuses("two packs", &[&whole[..], &whole[..]].concat(), behind);
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    ground.refuses("a flipped bit", &flipped, "refused the pack");
    let ended =
        zstd::encode_all(&[&tar[..], &[0; 1024], &entry(EntryType::Regular, "x", b"")].concat()[..], 1);
    ground.refuses("more behind the end", &ended.unwrap(), "behind its end");

    // The list.
    let no_list = compressed(&entry(EntryType::Regular, "x", b"{}"));
    ground.refuses("no list", &no_list, "does not begin with envtool-pack.json");
    let link = compressed(&entry(EntryType::Symlink, "envtool-pack.json", b""));
    ground.refuses("a link as list", &link, "a symbolic link");
    let huge = compressed(&entry(EntryType::Regular, "envtool-pack.json", &vec![b' '; 20 << 20]));
    ground.refuses("a huge list", &huge, "more than");
    let deep = compressed(&entry(EntryType::Regular, "envtool-pack.json", &vec![b'['; 1 << 20]));
    ground.refuses("a deep list", &deep, "cannot be read");
    ground.refuses("a newer format", &with(&|pack| pack.list["format"] = json!(2)), "format 2");
    ground.refuses(
        "a list that says too much",
        &with(&|pack| pack.list["files"][0]["size"] = json!(u64::MAX)),
        "no disk has",
    );

    ground.refuses(
        "a list that would fill the disk",
        &with(&|pack| pack.list["files"][2]["size"] = json!(1_u64 << 40)),
        "it would unpack to",
    );
    for odd in ["x\nhelp: run `evil`", "riscv64-\u{1b}[31mplan9"] {
        let bytes = with(&|pack| pack.list["platform"] = json!(odd));
        ground.refuses("a platform that is none", &bytes, "where a platform or a version belongs");
    }

    // What the list and the files say of each other. Its files: lock, manifest, the archive of alpha.
    ground.refuses("a file too few", &with(&|pack| drop(pack.files.pop())), "in its list and not in it");
    let more = |name: &str, kind: EntryType| compressed(&[&tar[..], &entry(kind, name, b"x")].concat());
    ground.refuses("a file too many", &more("x", EntryType::Regular), "which its list does not name");
    ground.refuses("a path above", &more("../x", EntryType::Regular), "has `.` or `..`");
    ground.refuses("an absolute path", &more("/tmp/x", EntryType::Regular), "is absolute");
    ground.refuses("a name for a terminal", &more("\u{1b}[31mx", EntryType::Regular), "control character");
    ground.refuses("a hard link", &more("x", EntryType::Link), "a hard link");
    ground.refuses("a device", &more("x", EntryType::Char), "a device");
    ground.refuses("a folder", &more("x", EntryType::Directory), "folder");
    let last = good.files.last().unwrap().clone();
    ground.refuses("one twice", &more(&last.0, EntryType::Regular), "which its list does not name");
    ground.refuses("another order", &with(&|pack| pack.files.swap(0, 1)), "where its list has");
    ground.refuses("other bytes", &with(&|pack| pack.files[2].1[100] ^= 1), "in the list");
    ground.refuses("more bytes", &with(&|pack| pack.files[2].1.push(0)), "bytes, and");
    let rows = |pack: &mut Pack, change: &dyn Fn(&mut serde_json::Value)| change(&mut pack.list["files"][2]);
    for (what, key, value) in [
        ("a path in the list", "path", "../../x"),
        ("a name in the list", "name", "../x"),
        ("a kind", "kind", "script"),
    ] {
        let bytes = with(&|pack| rows(pack, &|row| row[key] = json!(value)));
        ground.refuses(what, &bytes, "its list");
    }

    // Bombs: in a file, behind the end, and in the window that a decoder is to keep.
    let zeros = vec![0; 200 << 20];
    ground.refuses("a large file", &with(&|pack| pack.files[2].1.clone_from(&zeros)), "bytes");
    ground.refuses("zeros behind the end", &compressed(&[&tar[..], &zeros].concat()), "more than");
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&[&tar[..], &[0; 1024]].concat()).unwrap();
    ground.refuses("a wide window", &encoder.finish().unwrap(), "refused the pack");

    // Right in itself, and nothing that the locks name.
    let other = telling("other", "1.0.0").bytes();
    let path = sandbox.outside("stick").join("foreign.zst");
    fs::write(&path, with(&|pack| add_crate(pack, "other", &other))).unwrap();
    let refused = ground.there.envtool(&["unpack", path.to_str().unwrap()], &ground.app).refused(1);
    refused.says(&["it holds other 1.0.0", "no lock of the project names"]);
    let digest = sha256(&other);
    assert!(!ground.there.store().join(format!("archives/{digest}.crate")).exists());
    assert!(!ground.app.join(".envtool").exists());
    assert!(ground.wrong.is_empty(), "{}", ground.wrong.join("\n\n"));

    // And the good one is good.
    fs::write(&path, &whole).unwrap();
    ground.there.envtool(&["unpack", path.to_str().unwrap()], &ground.app).ok().says(&["1 added"]);
}
