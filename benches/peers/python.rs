//! Python modules: requests into a new environment, beside `python -m venv` with pip and beside the very uv that envtool
//! drives, told by the same settings of this machine. Each has a cache of its own; who begins a round changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use envtool::python_index::{IndexSettings, Sources, is_wanted};

use super::sandbox::{Call, Sandbox};
use super::{ENVTOOL, MANY, Table, median, met, milliseconds, settle, span};

const PIN: &str = "requests==2.32.3";
/// How often what asks the network is measured, and how often what does not.
pub(super) const COLD: usize = 5;
pub(super) const WARM: usize = 15;

/// Who installs.
struct Peers<'s> {
    sandbox: &'s Sandbox,
    /// The uv that all use.
    uv: PathBuf,
    /// What this machine says of indexes, as uv is told it.
    variables: Vec<(String, std::ffi::OsString)>,
    arguments: Vec<String>,
    /// How files come from a cache here.
    link_mode: &'static str,
}

/// Measures it.
pub(super) fn measure(sandbox: &Sandbox, table: &mut Table) {
    let peers = Peers::new(sandbox);
    let (project, store) = peers.cold(table);
    peers.warm(&project, &store, table);
    peers.nothing(&project, &store, table);
}

impl<'s> Peers<'s> {
    fn new(sandbox: &'s Sandbox) -> Self {
        let pip = PathBuf::from("/etc/pip.conf");
        let text = fs::read_to_string(&pip).ok();
        let settings = IndexSettings::read(&Sources {
            pip: text.map(|text| (pip, text)).into_iter().collect(),
            uv: Vec::new(),
            variables: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
                .filter(|(name, _)| is_wanted(name))
                .collect(),
            folder: sandbox.root().to_owned(),
        })
        .unwrap();
        let (from, to) = (sandbox.root().join("probe"), sandbox.root().join("probe-2"));
        fs::write(&from, "probe").unwrap();
        let link_mode = if envtool::fs::reflink(&from, &to).unwrap() { "clone" } else { "copy" };
        Self {
            sandbox,
            uv: uv(sandbox),
            variables: settings.variables(),
            arguments: settings.arguments().iter().map(|word| word.to_string_lossy().into_owned()).collect(),
            link_mode,
        }
    }

    /// envtool, with this store.
    fn envtool(&self, args: &[&str], project: &Path, store: &Path) -> Call {
        let call = self.sandbox.envtool(args, project).env("ENVTOOL_CACHE_DIR", store);
        call.env("ENVTOOL_UV", &self.uv)
    }

    fn uv(&self, verb: &[&str], folder: &Path, cache: &Path, asks: bool) -> Call {
        let mut args: Vec<&str> = verb.to_vec();
        args.extend([
            "--no-config",
            "--no-python-downloads",
            "--quiet",
            "--cache-dir",
            cache.to_str().unwrap(),
        ]);
        if asks {
            args.extend(["--link-mode", self.link_mode]);
            args.extend(self.arguments.iter().map(String::as_str));
        }
        let call = self.sandbox.call(self.uv.to_str().unwrap(), &args, folder);
        self.variables.iter().fold(call, |call, (name, value)| call.env(name, value))
    }

    /// `uv venv`, then `uv pip install` of the rows of a lock.
    fn uv_alone(&self, rows: &Path, folder: &Path, cache: &Path, more: &[&str]) -> Duration {
        let venv = self.uv(&["venv", "v"], folder, cache, false).ok().took;
        let args = [
            "pip",
            "install",
            "--require-hashes",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--python",
            "v",
            "-r",
        ];
        let rows = [rows.to_str().unwrap()];
        let args: Vec<&str> = args.iter().chain(&rows).chain(more).copied().collect();
        venv + self.uv(&args, folder, cache, true).ok().took
    }

    /// `python -m venv`, then pip.
    fn pip(&self, what: &[&str], folder: &Path, cache: &Path) -> Duration {
        let venv = self.sandbox.call("python3", &["-m", "venv", "v"], folder).ok().took;
        let pip = folder.join("v/bin/pip");
        let args: Vec<&str> = ["install", "--quiet"].iter().chain(what).copied().collect();
        venv + self.sandbox.call(pip.to_str().unwrap(), &args, folder).env("PIP_CACHE_DIR", cache).ok().took
    }

    fn empty(&self, name: &str) -> PathBuf {
        self.sandbox.empty(&format!("python-{name}"))
    }

    /// Empty caches: `add`, which chooses releases and locks them for every platform, and `sync` of that lock.
    fn cold(&self, table: &mut Table) -> (PathBuf, PathBuf) {
        let mut add = [const { Vec::new() }; 3];
        let mut sync = [const { Vec::new() }; 2];
        let mut last = None;
        for round in 0..COLD {
            eprintln!("python: cold, round {} of {COLD} …", round + 1);
            let place = |what: &str| self.empty(&format!("cold-{what}-{round}"));
            let (project, store) = (place("project"), place("store"));
            in_turn(round, &mut add, |who| match who {
                0 => self.envtool(&["add", "pypi:requests@2.32.3"], &project, &store).ok().took,
                1 => {
                    let (folder, cache) = (place("uv-add"), place("uv-add-cache"));
                    let init = self.uv(&["init", "--bare", "--name", "p"], &folder, &cache, false).ok().took;
                    let mut call = self.uv(&["add", PIN], &folder, &cache, true);
                    call = call.env("UV_PROJECT_ENVIRONMENT", folder.join("v"));
                    init + call.ok().took
                }
                _ => self.pip(&[PIN], &place("pip"), &place("pip-cache")),
            });
            let rows = self.sandbox.root().join(format!("python-rows-{round}.txt"));
            fs::write(&rows, requirements(&project)).unwrap();
            in_turn(round, &mut sync, |who| match who {
                0 => self.sync(&self.clone_of(&project, &format!("cold-{round}")), &place("sync-store")),
                _ => self.uv_alone(&rows, &place("uv"), &place("uv-cache"), &[]),
            });
            last = Some((project, store));
        }
        let [ours, uv, pip] = &add;
        row(table, "cold `add`", ours, "`uv init` + `uv add`", uv, None);
        row(table, "cold `add`", ours, "`python -m venv` + `pip install`", pip, None);
        row(table, "cold `sync`", &sync[0], "`uv venv` + `uv pip install` of the lock", &sync[1], None);
        last.unwrap()
    }

    /// Full caches, no environment, as in a fresh clone.
    fn warm(&self, project: &Path, store: &Path, table: &mut Table) {
        let rows = self.sandbox.root().join("python-rows.txt");
        fs::write(&rows, requirements(project)).unwrap();
        let (cache, pip_cache) = (self.empty("warm-uv-cache"), self.empty("warm-pip-cache"));
        self.uv_alone(&rows, &self.empty("warm-uv-first"), &cache, &[]);
        let pinned = ["--require-hashes", "-r", rows.to_str().unwrap()];
        self.pip(&pinned, &self.empty("warm-pip-first"), &pip_cache);
        let mut times = [const { Vec::new() }; 4];
        for round in 0..WARM {
            eprintln!("python: warm, round {} of {WARM} …", round + 1);
            settle();
            in_turn(round, &mut times, |who| match who {
                0 => self.sync(&self.clone_of(project, &format!("warm-{round}")), store),
                1 => self.uv_alone(&rows, &self.empty(&format!("warm-uv-{round}")), &cache, &[]),
                2 => {
                    let folder = self.empty(&format!("warm-uv-offline-{round}"));
                    self.uv_alone(&rows, &folder, &cache, &["--offline"])
                }
                _ if round < COLD => self.pip(&pinned, &self.empty(&format!("warm-pip-{round}")), &pip_cache),
                _ => Duration::ZERO,
            });
        }
        let [ours, uv, offline, pip] = &times;
        let uv_words = format!("`uv venv` + `uv pip install` of the lock, `--link-mode {}`", self.link_mode);
        row(table, "warm `sync`", ours, &uv_words, uv, Some(1.3));
        row(table, "warm `sync`", ours, "the same with `--offline`", offline, None);
        let pip: Vec<Duration> = pip.iter().copied().filter(|time| !time.is_zero()).collect();
        row(table, "warm `sync`", ours, "`python -m venv` + `pip install` of the lock", &pip, None);
    }

    /// Nothing to do: neither uv nor Python can be found, and nobody notices.
    fn nothing(&self, project: &Path, store: &Path, table: &mut Table) {
        eprintln!("python: nothing to do …");
        let (folder, cache) = (self.empty("nothing-uv"), self.empty("nothing-uv-cache"));
        self.uv(&["init", "--bare", "--name", "p"], &folder, &cache, false).ok();
        self.uv(&["add", PIN], &folder, &cache, true).ok();
        let uv = self.uv(&["sync"], &folder, &cache, true);
        let ours = self.envtool(&["sync"], project, store).env("ENVTOOL_UV", "/none").env("PATH", "");
        ours.ok().says("nothing to do");
        let mut times = [const { Vec::new() }; 2];
        for round in 0..MANY {
            in_turn(round, &mut times, |who| if who == 0 { ours.ok().took } else { uv.ok().took });
        }
        let (ours, most) = (median(&times[0]), Duration::from_millis(10));
        table.rows.push([
            "requests 2.32.3".to_owned(),
            "nothing to do".to_owned(),
            milliseconds(ours),
            format!("`uv sync`: {}", milliseconds(median(&times[1]))),
            format!("{:.2}", ours.as_secs_f64() / median(&times[1]).as_secs_f64()),
            format!("< {} ms", most.as_millis()),
            met(ours < most),
        ]);
        let run = self.envtool(&["run", "--", "true"], project, store);
        let alone = self.sandbox.call("true", &[], project);
        let mut times = [const { Vec::new() }; 2];
        for round in 0..MANY {
            in_turn(round, &mut times, |who| if who == 0 { run.ok().took } else { alone.ok().took });
        }
        table.over("requests 2.32.3", median(&times[0]), median(&times[1]), Duration::from_millis(6));
    }

    /// A new project with this one's manifest and lock.
    fn clone_of(&self, project: &Path, name: &str) -> PathBuf {
        let clone = self.empty(&format!("clone-{name}"));
        for file in ["envtool.toml", "envtool.lock"] {
            fs::copy(project.join(file), clone.join(file)).unwrap();
        }
        clone
    }

    fn sync(&self, project: &Path, store: &Path) -> Duration {
        let synced = self.envtool(&["sync"], project, store).ok();
        synced.says("Installed 5 modules");
        synced.took
    }
}

/// The uv that envtool uses here: the one that is named, else one on PATH, else the one that pip brings.
fn uv(sandbox: &Sandbox) -> PathBuf {
    if let Some(named) = std::env::var_os("ENVTOOL_UV") {
        return named.into();
    }
    let (project, store) = (sandbox.empty("python-bring"), sandbox.empty("python-bring-store"));
    sandbox.call(ENVTOOL, &["add", "pypi:idna@3.10"], &project).env("ENVTOOL_CACHE_DIR", &store).ok();
    let brought = fs::read_dir(store.join("v1/python/uv")).into_iter().flatten().next();
    brought.map_or_else(|| "uv".into(), |folder| folder.unwrap().path().join("uv"))
}

/// Each of some measured once; who begins, and who follows, changes with the round.
fn in_turn<const N: usize>(
    round: usize,
    times: &mut [Vec<Duration>; N],
    mut work: impl FnMut(usize) -> Duration,
) {
    for place in 0..N {
        let who = (round + place) % N;
        times[who].push(work(who));
    }
}

/// The rows of a lock as a file of requirements.
fn requirements(project: &Path) -> String {
    let lock: toml::Table = fs::read_to_string(project.join("envtool.lock")).unwrap().parse().unwrap();
    let rows = lock["module"].as_array().unwrap().iter().map(|row| {
        let text = |key: &str| row[key].as_str().unwrap();
        let digests = row["files"].as_table().unwrap().values();
        let digests: Vec<String> =
            digests.map(|digest| format!(" --hash={}", digest.as_str().unwrap())).collect();
        let digests = digests.concat();
        format!("{}=={}{digests}\n", text("name"), text("version"))
    });
    rows.collect()
}

fn row(table: &mut Table, what: &str, ours: &[Duration], peer: &str, theirs: &[Duration], most: Option<f64>) {
    let ratio = median(ours).as_secs_f64() / median(theirs).as_secs_f64();
    table.rows.push([
        "requests 2.32.3".to_owned(),
        what.to_owned(),
        span(ours),
        format!("{peer}: {}", span(theirs)),
        format!("{ratio:.2}"),
        most.map_or(String::new(), |most| format!("≤ {most}")),
        most.map_or(String::new(), |most| met(ratio <= most)),
    ]);
}
