//! `doctor` on an environment where nothing is wrong: beside what the machine itself takes to look at the same files,
//! and beside SHA-256 over the same bytes in memory. Each on as many threads as there are cores.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use envtool::digest::{Digest, of_reader};
use envtool::fs::{Kind, walk};
use envtool::parallel::{each, threads};

use super::inputs::CARGO_NEXTEST;
use super::sandbox::Sandbox;
use super::{MANY, Table, median, met, milliseconds, settle, shown, span};

/// How often what reads every file is measured.
const ROUNDS: usize = 11;

/// Measures it.
pub(super) fn measure(sandbox: &Sandbox, table: &mut Table) {
    eprintln!("doctor: sync …");
    let project = sandbox.project(&CARGO_NEXTEST, "doctor");
    let (store, home) = (sandbox.empty("doctor-store"), sandbox.empty("doctor-home"));
    let envtool = |args: &[&str]| {
        sandbox.envtool(args, &project).env("ENVTOOL_CACHE_DIR", &store).env("CARGO_HOME", &home).ok()
    };
    envtool(&["init"]);
    envtool(&["sync"]);
    settle();
    let trees: Vec<PathBuf> = inside(&store.join("v1/trees"))
        .iter()
        .flat_map(|entry| inside(entry))
        .filter(|path| path.is_dir())
        .collect();
    let archives = inside(&store.join("v1/archives"));
    let doctor = |args: &[&str]| {
        let all: Vec<&str> = ["doctor"].iter().chain(args).copied().collect();
        let output = envtool(&all);
        output.says("nothing is wrong");
        output.took
    };

    eprintln!("doctor: names and sizes …");
    let expected = sizes(&trees);
    let (mut quick, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..MANY {
        quick.push(doctor(&["--quick"]));
        bare.push(timed(|| assert_eq!(sizes(&trees), expected)));
    }
    let most = Duration::from_millis(30);
    let (files, _) = expected;
    table.rows.push([
        shown(&CARGO_NEXTEST),
        "`doctor --quick`".to_owned(),
        milliseconds(median(&quick)),
        format!("names and sizes of the {files} files, and no more: {}", milliseconds(median(&bare))),
        format!("{:.2}", median(&quick).as_secs_f64() / median(&bare).as_secs_f64()),
        format!("< {} ms", most.as_millis()),
        met(median(&quick) < most),
    ]);

    eprintln!("doctor: contents …");
    let memory = read(&trees, &archives);
    let megabytes = memory.iter().map(Vec::len).sum::<usize>() / 1_000_000;
    let megabytes = u32::try_from(megabytes).unwrap();
    let (mut full, mut hashing, mut reading, mut in_memory) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        full.push(doctor(&[]));
        hashing.push(doctor(&["--check", "modified", "--check", "store"]));
        reading.push(timed(|| digest_files(&trees, &archives)));
        in_memory.push(timed(|| drop(each(memory.iter().collect(), |file| Ok(Digest::of(file))).unwrap())));
    }
    let rate = |times: &[Duration]| f64::from(megabytes) / 1e3 / median(times).as_secs_f64();
    table.rows.push([
        shown(&CARGO_NEXTEST),
        "`doctor`".to_owned(),
        span(&full),
        String::new(),
        String::new(),
        "< 1 s".to_owned(),
        met(median(&full) < Duration::from_secs(1)),
    ]);
    for (what, times, least) in [
        ("`doctor --check modified --check store`", &hashing, Some(0.7)),
        ("the same files, opened, read and digested, and no more", &reading, None),
    ] {
        let ratio = rate(times) / rate(&in_memory);
        table.rows.push([
            shown(&CARGO_NEXTEST),
            what.to_owned(),
            format!("{:.2} GB/s", rate(times)),
            format!(
                "SHA-256 of the {megabytes} MB in memory, {} threads: {:.2} GB/s",
                threads(),
                rate(&in_memory)
            ),
            format!("{ratio:.2}"),
            least.map_or(String::new(), |least: f64| format!("≥ {least}")),
            least.map_or(String::new(), |least| met(ratio >= least)),
        ]);
    }
}

fn inside(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// How many files lie in these trees, and their size.
fn sizes(trees: &[PathBuf]) -> (u64, u64) {
    let looked = each(trees.iter().collect(), |tree| {
        let (mut files, mut bytes) = (0, 0);
        walk(tree, &mut |entry| {
            files += 1;
            bytes += entry.size()?;
            Ok(())
        })?;
        Ok((files, bytes))
    });
    looked.unwrap().into_iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

/// Every file, in memory.
fn read(trees: &[PathBuf], archives: &[PathBuf]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = archives.iter().map(|file| fs::read(file).unwrap()).collect();
    for tree in trees {
        walk(tree, &mut |entry| {
            assert_eq!(entry.kind(), Kind::File);
            let mut bytes = Vec::new();
            entry.open()?.read_to_end(&mut bytes).unwrap();
            all.push(bytes);
            Ok(())
        })
        .unwrap();
    }
    all
}

/// Digests every file.
fn digest_files(trees: &[PathBuf], archives: &[PathBuf]) {
    each(archives.iter().collect(), |file| Ok(of_reader(fs::File::open(file).unwrap()).unwrap())).unwrap();
    each(trees.iter().collect(), |tree| {
        walk(tree, &mut |entry| {
            of_reader(entry.open()?).unwrap();
            Ok(())
        })
    })
    .unwrap();
}
