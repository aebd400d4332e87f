//! Holds the crates of an environment to those that `cargo vendor --versioned-dirs` writes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::inputs::Input;
use super::sandbox::Sandbox;

/// What `cargo vendor` leaves out wherever it lies.
const LEFT_OUT: [&str; 2] = [".gitignore", ".gitattributes"];
const CHECKSUM: &str = ".cargo-checksum.json";

/// `.cargo-checksum.json`.
#[derive(Deserialize)]
struct Checksums {
    files: BTreeMap<String, String>,
    package: Option<String>,
}

/// The part of a Cargo.lock that counts here.
#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// Vendors with cargo, which gets a home of its own, and syncs with envtool; both must come to the same.
pub(crate) fn compare(sandbox: &Sandbox, input: &Input) {
    let project = sandbox.project(input, input.name);
    let lock = fs::read_to_string(project.join("Cargo.lock")).unwrap();
    let theirs = sandbox.root().join("vendored");
    sandbox
        .cargo(&["vendor", "--versioned-dirs", "--locked", theirs.to_str().unwrap()], &project)
        .env("CARGO_HOME", sandbox.empty("home-of-cargo-vendor"))
        .ok();
    sandbox.set_up(&project).says(&format!("({} downloaded,", input.packages));
    assert_eq!(fs::read_to_string(project.join("Cargo.lock")).unwrap(), lock, "sync changed the lock");

    let ours = project.join(".envtool/vendor");
    let names = names(&ours);
    assert_eq!(names, self::names(&theirs));
    assert_eq!(names.len(), input.packages);
    let archives = archives(&lock);
    let mut faults = Vec::new();
    for name in &names {
        compare_crate(&ours.join(name), &theirs.join(name), &archives[name], &mut faults);
    }
    assert!(faults.is_empty(), "{} faults, the first:\n{}", faults.len(), first(&faults));
}

fn first(faults: &[String]) -> String {
    faults.iter().take(20).fold(String::new(), |text, fault| text + fault + "\n")
}

fn compare_crate(ours: &Path, theirs: &Path, archive: &str, faults: &mut Vec<String>) {
    let (mine, other) = (files(ours), files(theirs));
    for file in other.difference(&mine) {
        faults.push(format!("{}: {file} is missing", ours.display()));
    }
    for file in mine.difference(&other) {
        if !LEFT_OUT.iter().any(|name| Path::new(file).file_name() == Some(name.as_ref())) {
            faults.push(format!("{}: {file} is not there with cargo vendor", ours.display()));
        }
    }
    for file in mine.intersection(&other).filter(|file| *file != CHECKSUM) {
        let (one, two) = (ours.join(file), theirs.join(file));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        if mode(&one) != mode(&two) {
            faults.push(format!("{} has the mode {:o}, not {:o}", one.display(), mode(&one), mode(&two)));
        }
        if !same_bytes(&one, &two) {
            faults.push(format!("{} differs", one.display()));
        }
    }
    check_checksums(ours, &mine, archive, faults);
}

/// `.cargo-checksum.json` lists every other file with its digest, and the digest of the archive.
fn check_checksums(ours: &Path, mine: &BTreeSet<String>, archive: &str, faults: &mut Vec<String>) {
    let text = fs::read(ours.join(CHECKSUM)).unwrap();
    let checksums: Checksums = serde_json::from_slice(&text).unwrap();
    if checksums.package.as_deref() != Some(archive) {
        faults.push(format!("{}: `package` is {:?}, not {archive}", ours.display(), checksums.package));
    }
    let listed: BTreeSet<String> = checksums.files.keys().cloned().chain([CHECKSUM.to_owned()]).collect();
    for file in listed.symmetric_difference(mine) {
        faults.push(format!("{}: {file} stands in one of folder and {CHECKSUM}", ours.display()));
    }
    for (file, digest) in checksums.files.iter().filter(|(file, _)| mine.contains(*file)) {
        if sha256(&ours.join(file)) != *digest {
            faults.push(format!("{}: the digest of {file} is wrong", ours.display()));
        }
    }
}

/// The archive's checksum that the lock gives, by `NAME-VERSION`.
fn archives(lock: &str) -> BTreeMap<String, String> {
    let lock: Lock = toml::from_str(lock).unwrap();
    let row = |row: Locked| Some((format!("{}-{}", row.name, row.version), row.checksum?));
    lock.package.into_iter().filter_map(row).collect()
}

fn names(dir: &Path) -> BTreeSet<String> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Every file below `dir`, by its path from there. Anything that is neither a file nor a folder fails the test.
fn files(dir: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(dir.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let (name, kind) = (folder.join(entry.file_name()), entry.file_type().unwrap());
            if kind.is_dir() {
                folders.push(name);
            } else {
                assert!(kind.is_file(), "{} is no file", entry.path().display());
                found.insert(name.into_os_string().into_string().unwrap());
            }
        }
    }
    found
}

/// Reads in pieces: how much memory this process has used counts as used by those that it starts.
fn same_bytes(one: &Path, two: &Path) -> bool {
    let [mut one, mut two] = [one, two].map(|path| BufReader::new(File::open(path).unwrap()));
    let (mut a, mut b) = ([0; 16384], [0; 16384]);
    loop {
        let count = one.read(&mut a).unwrap();
        if count == 0 {
            return two.read(&mut b).unwrap() == 0;
        }
        if two.read_exact(&mut b[..count]).is_err() || a[..count] != b[..count] {
            return false;
        }
    }
}

fn sha256(path: &Path) -> String {
    let mut file = File::open(path).unwrap();
    let mut hasher = Sha256::new();
    let mut piece = [0; 16384];
    loop {
        let count = file.read(&mut piece).unwrap();
        if count == 0 {
            break;
        }
        hasher.update(&piece[..count]);
    }
    hasher.finalize().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
