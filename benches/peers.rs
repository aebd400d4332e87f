//! `cargo bench --bench peers`: envtool beside cargo on the real registry, in one run, on the three real projects
//! that the tests use, and on tools that are built; `doctor` beside what the machine itself can do; Python modules beside
//! pip and uv. Prints a Markdown table; nothing passes or fails.
//!
//! Peers take turns (A B A B), each figure is the median of its rounds. No tree is removed before the end: on ext4,
//! files that are made right after others were removed can be ten times slower. So it needs some 26 GB in the folder
//! for temporary files (`TMPDIR` moves it), and a quarter of an hour. `cargo bench --bench peers -- ripgrep` takes only
//! that, `-- doctor` only `doctor`, `-- python` only Python modules, `-- prompt` only what a prompt costs.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a benchmark may fail loudly, prepares its files without envtool's own doors, and prints"
)]

#[path = "peers/doctor.rs"]
mod doctor;
#[path = "../tests/real/support/inputs.rs"]
mod inputs;
#[path = "peers/prompt.rs"]
mod prompt;
#[path = "peers/python.rs"]
mod python;
#[expect(dead_code, reason = "shared with the tests, which use more of it")]
#[path = "../tests/real/support/sandbox.rs"]
mod sandbox;
#[path = "peers/tools.rs"]
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use inputs::{CARGO_NEXTEST, Input, MISE, RIPGREP};
use sandbox::{Call, Sandbox};

const ENVTOOL: &str = env!("CARGO_BIN_EXE_envtool");
/// How often what takes seconds is measured; what takes milliseconds is so [`MANY`] times.
const ROUNDS: usize = 3;
const MANY: usize = 41;
/// What the trees of all rounds take for each package of an input, in bytes, with some to spare.
const ROOM: u64 = 15_000_000;

fn main() {
    // `cargo test --all-targets` starts benchmarks too, without this word.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("run it with `cargo bench --bench peers`");
        return;
    }
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let inputs = [&RIPGREP, &CARGO_NEXTEST, &MISE];
    let inputs: Vec<&Input> = inputs
        .into_iter()
        .filter(|input| asked.is_empty() || asked.iter().any(|name| name == input.name))
        .collect();
    let sandbox = Sandbox::with(ENVTOOL);
    let room = rustix::fs::statvfs(sandbox.root()).unwrap();
    let room = room.f_bavail * room.f_frsize;
    let wanted = inputs.iter().map(|input| input.packages as u64 * ROOM).sum();
    assert!(room > wanted, "{} has room for {room} bytes, {wanted} are wanted", sandbox.root().display());
    print_machine(sandbox.root());

    let mut table = Table::default();
    let bench = Bench { sandbox };
    for input in inputs {
        let cold = bench.cold(input, &mut table);
        bench.warm(input, &cold, &mut table);
        bench.small(input, &cold, &mut table);
    }
    if asked.is_empty() || asked.iter().any(|name| name == "doctor") {
        doctor::measure(&bench.sandbox, &mut table);
    }
    if asked.is_empty() || asked.iter().any(|name| name == "python") {
        python::measure(&bench.sandbox, &mut table);
    }
    if asked.is_empty() || asked.iter().any(|name| name == "prompt") {
        prompt::measure(&bench.sandbox, &mut table);
    }
    for tool in tools::TOOLS {
        if asked.is_empty() || asked.iter().any(|name| name == tool.name) {
            tools::measure(&bench.sandbox, tool, &mut table);
        }
    }
    table.print();
    eprintln!("removing what was made …");
}

/// What one round of the cold figures leaves for those that follow.
struct Cold {
    /// The store, full.
    store: PathBuf,
    /// A home of cargo, full.
    cargo_home: PathBuf,
    /// The project with its environment.
    project: PathBuf,
}

struct Bench {
    sandbox: Sandbox,
}

impl Bench {
    /// A new copy of the project, with or without `envtool init`.
    fn project(&self, input: &Input, name: &str, init: bool) -> PathBuf {
        let project = self.sandbox.project(input, &format!("{}-{name}", input.name));
        if init {
            self.sandbox.envtool(&["init"], &project).ok();
        }
        project
    }

    fn empty(&self, input: &Input, name: &str) -> PathBuf {
        self.sandbox.empty(&format!("{}-{name}", input.name))
    }

    fn sync(&self, project: &Path, store: &Path, cargo_home: &Path) -> Call {
        self.sandbox.envtool(&["sync"], project).env("ENVTOOL_CACHE_DIR", store).env("CARGO_HOME", cargo_home)
    }

    /// An empty store and an empty home of cargo, against `cargo fetch` into an empty home.
    fn cold(&self, input: &Input, table: &mut Table) -> Cold {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let (mut peak, mut their_peak) = (0, 0);
        let mut last = None;
        for round in 0..ROUNDS {
            eprintln!("{}: cold, round {} of {ROUNDS} …", input.name, round + 1);
            let (store, home) =
                (self.empty(input, &format!("store-{round}")), self.empty(input, &format!("home-{round}")));
            let project = self.project(input, &format!("cold-{round}"), true);
            settle();
            let synced = self.sync(&project, &store, &home).ok();
            synced.says(&format!("({} downloaded,", input.packages));
            ours.push(synced.took);
            peak = peak.max(synced.peak);

            let cargo_home = self.empty(input, &format!("cargo-home-{round}"));
            let plain = self.project(input, &format!("plain-{round}"), false);
            settle();
            let fetched =
                self.sandbox.cargo(&["fetch", "--locked"], &plain).env("CARGO_HOME", &cargo_home).ok();
            theirs.push(fetched.took);
            their_peak = their_peak.max(fetched.peak);
            last = Some(Cold { store, cargo_home, project });
        }
        table.ratio(&shown(input), "cold sync", &ours, "cargo fetch --locked", &theirs, 0.4);
        table.memory(input, peak, their_peak);
        last.unwrap()
    }

    /// A full store and no environment, as in a fresh clone, against `cargo vendor` with a full home of cargo.
    fn warm(&self, input: &Input, cold: &Cold, table: &mut Table) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let home = self.empty(input, "home-warm");
        let plain = self.project(input, "plain-warm", false);
        for round in 0..ROUNDS {
            eprintln!("{}: warm, round {} of {ROUNDS} …", input.name, round + 1);
            let project = self.project(input, &format!("warm-{round}"), true);
            settle();
            let synced = self.sync(&project, &cold.store, &home).ok();
            synced.says(&format!("({} from the store)", input.packages));
            ours.push(synced.took);

            let folder = self.sandbox.root().join(format!("{}-vendored-{round}", input.name));
            settle();
            let vendored = self
                .sandbox
                .cargo(&["vendor", "--versioned-dirs", "--locked", folder.to_str().unwrap()], &plain)
                .env("CARGO_HOME", &cold.cargo_home)
                .ok();
            theirs.push(vendored.took);
        }
        table.ratio(
            &shown(input),
            "warm sync",
            &ours,
            "cargo vendor --versioned-dirs --locked",
            &theirs,
            0.05,
        );
    }

    /// What takes milliseconds: a sync with nothing to do, and `run` over the command alone.
    fn small(&self, input: &Input, cold: &Cold, table: &mut Table) {
        eprintln!("{}: nothing to do, run …", input.name);
        settle();
        let home = self.empty(input, "home-small");
        let sync = self.sync(&cold.project, &cold.store, &home);
        sync.ok().says("nothing to do");
        let nothing: Vec<Duration> = (0..MANY).map(|_| sync.ok().took).collect();
        table.most(&shown(input), "nothing to do", median(&nothing), Duration::from_millis(10));

        let start = |program: &str, args: &[&str]| {
            let mut command = Command::new(program);
            command.args(args).current_dir(&cold.project).env("ENVTOOL_CACHE_DIR", &cold.store);
            command.env("CARGO_HOME", &home).stdin(Stdio::null());
            let begun = Instant::now();
            let status = command.status().unwrap();
            let took = begun.elapsed();
            assert!(status.success(), "{program} ended with {status}");
            took
        };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..MANY {
            ours.push(start(ENVTOOL, &["run", "--", "true"]));
            theirs.push(start("true", &[]));
        }
        let (run, alone) = (median(&ours), median(&theirs));
        table.over(&shown(input), run, alone, Duration::from_millis(6));
    }
}

/// Lets the disk catch up, so that nobody pays for what another wrote.
fn settle() {
    rustix::fs::sync();
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times[times.len() / 2]
}

/// What was measured, a row each.
#[derive(Default)]
struct Table {
    rows: Vec<[String; 7]>,
}

impl Table {
    fn ratio(
        &mut self,
        input: &str,
        what: &str,
        ours: &[Duration],
        peer: &str,
        theirs: &[Duration],
        most: f64,
    ) {
        let ratio = median(ours).as_secs_f64() / median(theirs).as_secs_f64();
        self.rows.push([
            input.to_owned(),
            what.to_owned(),
            span(ours),
            format!("`{peer}`: {}", span(theirs)),
            format!("{ratio:.3}"),
            format!("≤ {most}"),
            met(ratio <= most),
        ]);
    }

    fn memory(&mut self, input: &Input, ours: u64, theirs: u64) {
        let megabytes = |bytes: u64| format!("{} MB", bytes / 1_000_000);
        // The issue sets a target for the largest input only.
        let target = input.name == MISE.name;
        self.rows.push([
            shown(input),
            "cold sync, peak memory".to_owned(),
            megabytes(ours),
            format!("`cargo fetch --locked`: {}", megabytes(theirs)),
            String::new(),
            if target { "< 150 MB".to_owned() } else { String::new() },
            if target { met(ours < 150_000_000) } else { String::new() },
        ]);
    }

    fn most(&mut self, input: &str, what: &str, ours: Duration, most: Duration) {
        self.rows.push([
            input.to_owned(),
            what.to_owned(),
            milliseconds(ours),
            String::new(),
            String::new(),
            format!("< {} ms", most.as_millis()),
            met(ours < most),
        ]);
    }

    fn over(&mut self, input: &str, ours: Duration, alone: Duration, most: Duration) {
        let over = ours.saturating_sub(alone);
        self.rows.push([
            input.to_owned(),
            "`run -- true`".to_owned(),
            milliseconds(ours),
            format!("`true`: {}", milliseconds(alone)),
            format!("{} over", milliseconds(over)),
            format!("< {} ms over", most.as_millis()),
            met(over < most),
        ]);
    }

    fn print(&self) {
        println!("| input | what | envtool | peer | ratio | target | met |");
        println!("| --- | --- | --- | --- | --- | --- | --- |");
        for row in &self.rows {
            println!("| {} |", row.join(" | "));
        }
    }
}

fn shown(input: &Input) -> String {
    format!("{} ({} packages)", input.name, input.packages)
}

/// The median of some seconds, with the least and the most.
fn span(times: &[Duration]) -> String {
    let [least, most] = [times.iter().min(), times.iter().max()].map(|time| time.unwrap().as_secs_f64());
    format!("{:.2} s ({least:.2}–{most:.2})", median(times).as_secs_f64())
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn met(yes: bool) -> String {
    if yes { "yes" } else { "**no**" }.to_owned()
}

/// What the figures were measured on.
fn print_machine(folder: &Path) {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown", |p| p.1);
    let cores = std::thread::available_parallelism().unwrap();
    let version = |program: &str| {
        let output = Command::new(program).arg("-V").output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    println!(
        "Machine: {cores} cores, {cpu}; Linux {}; {}",
        read("/proc/sys/kernel/osrelease").trim(),
        file_system(folder)
    );
    println!("Versions: {}, {}", version(ENVTOOL), version("cargo"));
    println!(
        "Command: `cargo bench --bench peers`; medians of {ROUNDS} rounds ({} and {} for Python), of {MANY} where it is milliseconds\n",
        python::COLD,
        python::WARM
    );
}

/// The kind of file system that `folder` lies on.
fn file_system(folder: &Path) -> String {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let found = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (_, at, kind) = (words.next()?, words.next()?, words.next()?);
        folder.starts_with(at).then(|| (at.len(), kind.to_owned()))
    });
    // Of two mounts over each other the later one counts.
    found.max_by_key(|(length, _)| *length).map_or("unknown file system".to_owned(), |(_, kind)| kind)
}
