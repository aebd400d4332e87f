//! What uv prints, in envtool's words: why there is no solution, what is wrong with the network, which hash differs.
//! And what it writes: the rows of a requirements file with their "via".
//!
//! The messages that this knows were collected from uv 0.9.0 to 0.13.9; one that it does not know is passed on. uv's
//! own advice names flags and files that no user of envtool has, so it is never passed on.

use crate::fault::Fault;
use crate::module::ModuleName;
use crate::secret::without_credentials;

/// What uv said when it failed.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// What was asked for cannot be had.
    NoSolution(NoSolution),
    /// A file is not what the lock says it is.
    HashMismatch {
        /// The package, as `idna==3.10`.
        package: String,
        /// The digests that would do.
        expected: Vec<String>,
        /// The digest that it has.
        found: String,
    },
    /// It lies in no cache, and the network was not to be used.
    NotCached(String),
    /// Anything else, an index that does not answer among it.
    Trouble {
        /// What went wrong.
        why: String,
        /// What to do.
        help: String,
    },
}

/// Why what was asked for cannot be had.
#[derive(Debug, PartialEq, Eq)]
pub struct NoSolution {
    /// Of which kind it is.
    pub kind: Kind,
    /// Why, in words, a sentence each.
    pub why: Vec<String>,
    /// What to do.
    pub help: String,
}

/// The kinds of [`NoSolution`].
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// No index knows the name.
    UnknownName(Option<ModuleName>),
    /// It was yanked: taken back by who published it.
    Yanked(Option<ModuleName>),
    /// There is no such version.
    UnknownVersion(Option<ModuleName>),
    /// There is a source, but no wheel.
    NoWheel(Option<ModuleName>),
    /// It needs another Python.
    Python(Option<ModuleName>),
    /// What is asked for excludes itself.
    Conflict,
}

impl NoSolution {
    /// The same as a failure of `what`.
    pub fn fault(self, what: impl Into<String>) -> Fault {
        let fault = Fault::new(what);
        self.why.into_iter().fold(fault, Fault::why).help(self.help)
    }
}

impl Said {
    /// The same as a failure of `what`.
    pub fn fault(self, what: impl Into<String>) -> Fault {
        match self {
            Self::NoSolution(none) => none.fault(what),
            Self::HashMismatch { package, expected, found } => Fault::new(what)
                .why(format!("{package} is not the one that was locked"))
                .why(format!("locked is {}; the index gave {found}", expected.join(" or ")))
                .help("find out who changed it before you trust it; the cache of your index may be damaged"),
            Self::NotCached(why) => Fault::new(what).why(why).help("run it again without `--offline`"),
            Self::Trouble { why, help } => Fault::new(what).why(why).help(help),
        }
    }
}

/// Reads what uv printed when it failed. `places` says where packages come from.
pub fn read(stderr: &str, places: &str) -> Said {
    let (causes, hints) = parts(stderr);
    let all = causes.join(" ");
    if let Some(mismatch) = hash_mismatch(&causes) {
        return mismatch;
    }
    let offline =
        |text: &str| text.contains("network was disabled") || text.contains("was not found in the cache");
    if offline(&all) || hints.iter().any(|hint| offline(hint)) || all.contains("connectivity is disabled") {
        let name = word_before(&all, " was not found in the cache");
        let name = name.or_else(|| quoted(&causes, "Failed to download "));
        let name = name.unwrap_or_else(|| "a package".to_owned());
        return Said::NotCached(format!("{name} is not in the store, and the network is not to be used"));
    }
    if let Some(hint) = hints.iter().find(|hint| {
        hint.contains("401 Unauthorized")
            || hint.contains("403 Forbidden")
            || hint.contains("could not be queried")
    }) {
        let address = between(hint, "(", ")").unwrap_or("the index");
        let status = if hint.contains("403") { "403 Forbidden" } else { "401 Unauthorized" };
        return Said::Trouble {
            why: format!("{} answered {status}", without_credentials(address)),
            help: format!(
                "check the user and the password of the index where pip and uv have them; asked was {places}"
            ),
        };
    }
    if all.contains("No solution found") || all.contains("unsatisfiable") || all.contains("incompatible") {
        return Said::NoSolution(no_solution(&causes, &hints, places));
    }
    trouble(&causes, places)
}

/// The sentences of a failure, frames and prefixes taken off, and the hints.
fn parts(stderr: &str) -> (Vec<String>, Vec<String>) {
    let (mut causes, mut hints): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    // A warning may have causes of its own.
    let mut in_warning = false;
    for line in stderr.lines() {
        let line = line.trim();
        in_warning = match line.split_whitespace().next() {
            Some("warning:") => true,
            Some("error:" | "×" | "hint:") => false,
            _ => in_warning,
        };
        let bare = ["× ", "╰─▶ ", "├─▶ ", "error: ", "cause: ", "Caused by: "]
            .iter()
            .fold(line, |line, mark| line.strip_prefix(mark).unwrap_or(line).trim_start());
        if let Some(at) = bare.find("hint: ").filter(|at| *at == 0) {
            hints.push(bare[at + 6..].to_owned());
        } else if !bare.is_empty() && !in_warning {
            causes.push(bare.to_owned());
        }
    }
    (causes, hints)
}

fn hash_mismatch(causes: &[String]) -> Option<Said> {
    let at = causes.iter().position(|line| line.contains("Hash mismatch for"))?;
    let package = between(&causes[at], "`", "`")?.to_owned();
    let (mut expected, mut found, mut computed) = (Vec::new(), None, false);
    for line in &causes[at + 1..] {
        match line.as_str() {
            "Computed:" => computed = true,
            line if line.starts_with("sha256:") && computed => found = Some(line.to_owned()),
            line if line.starts_with("sha256:") => expected.push(line.to_owned()),
            _ => {}
        }
    }
    Some(Said::HashMismatch { package, expected, found: found? })
}

fn no_solution(causes: &[String], hints: &[String], places: &str) -> NoSolution {
    let why: Vec<String> = causes
        .iter()
        .filter(|line| !line.starts_with("No solution found"))
        .map(|line| in_our_words(line))
        .collect();
    let all = causes.join(" ");
    let named = |mark: &str| word_before(&all, mark);
    let module =
        |text: &str| text.split(['=', '<', '>', '!', '~', '[']).next().and_then(|name| name.parse().ok());
    for mark in [" was not found in the package registry", " was not found in the provided package locations"]
    {
        if let Some(name) = named(mark) {
            let name: Option<ModuleName> = module(&name);
            let shown = name.as_ref().map_or("that package", ModuleName::as_str);
            return NoSolution {
                why: vec![format!("there is no package {shown} on {places}")],
                help: "check how it is spelled; where a package lies on an index of your own, name that index to pip \
                       (`pip config set global.extra-index-url URL`)"
                    .to_owned(),
                kind: Kind::UnknownName(name),
            };
        }
    }
    if let Some(package) = named(" has no usable wheels").or_else(|| named(" have no usable wheels")) {
        let mut lines = vec![format!("{} is published as source only", spaced(&package))];
        // Somebody else may need it.
        let needed = [" depend on ", " depends on "].iter().any(|words| all.contains(words));
        lines.extend(why.into_iter().filter(|_| needed));
        return NoSolution { help: build_words(&package), kind: Kind::NoWheel(module(&package)), why: lines };
    }
    if let Some(package) = ["has no wheels with a matching", "has no wheels that are compatible"]
        .iter()
        .find_map(|mark| word_before(&all, &format!(" {mark}")))
    {
        let tags = hints.iter().find_map(|hint| Some(hint.split_once(" tags: ")?.1.replace('`', "")));
        let mut line = format!("{} has no wheel for the Python or the platform at hand", spaced(&package));
        if let Some(tags) = tags {
            line.push_str(&format!("; there are wheels for {tags}"));
        }
        return NoSolution {
            why: vec![line],
            help: format!("choose another version of {}, or another Python", plain(&package)),
            kind: Kind::NoWheel(module(&package)),
        };
    }
    if all.contains("does not satisfy Python") {
        let needing = all.split(" depends on Python").next().and_then(|text| text.split(' ').next_back());
        let module: Option<ModuleName> = needing.and_then(module);
        let shown = module.as_ref().map_or("it", ModuleName::as_str);
        return NoSolution {
            why,
            help: format!("ask for an older version of {shown}, or for a newer Python in envtool.toml"),
            kind: Kind::Python(module),
        };
    }
    // Of several sentences the first says which was taken back.
    if let Some(package) = named(" was yanked") {
        return NoSolution {
            why,
            help: format!(
                "ask for another version; `envtool add pypi:{}@latest` takes the newest",
                plain(&package)
            ),
            kind: Kind::Yanked(module(&package)),
        };
    }
    let gone = between(&all, "there is no version of ", " and you require");
    let only = between(&all, "Because only ", " is available and you require");
    let only = only.or_else(|| between(&all, "Because only the following versions of ", " are available"));
    if let Some(package) = gone.or(only) {
        let name: Option<ModuleName> = module(package);
        let shown = name.as_ref().map_or("it", ModuleName::as_str).to_owned();
        return NoSolution {
            why,
            help: format!("ask for another version; `envtool add pypi:{shown}@latest` takes the newest"),
            kind: Kind::UnknownVersion(name),
        };
    }
    NoSolution {
        why,
        help:
            "two pins exclude each other: ask for other versions, or move both in one command (`envtool add \
               pypi:A@VERSION pypi:B@VERSION`)"
                .to_owned(),
        kind: Kind::Conflict,
    }
}

/// How a package that has no wheel may be installed all the same.
fn build_words(package: &str) -> String {
    let name = plain(package);
    let version = package.split_once("==").map_or("VERSION", |(_, version)| version);
    format!(
        "choose a version that has wheels; or let it run its code to build itself: write `{name} = {{ version = \
         \"{version}\", build = true }}` into [modules] of envtool.toml (of a tool: `\"pypi:{name}\" = …` into \
         [tools]), and run `envtool sync`"
    )
}

/// A sentence of uv's as envtool would say it.
fn in_our_words(line: &str) -> String {
    let mut text = line.to_owned();
    for (theirs, ours) in [
        ("And because ", ""),
        ("Because ", ""),
        (", we can conclude that your requirements are unsatisfiable", ", so nothing fits"),
        ("your requirements are unsatisfiable", "nothing fits"),
        (", we can conclude that ", ", so "),
        ("you require ", "you ask for "),
        ("you depend on ", "you ask for "),
        ("the requested Python version (", "the lowest Python of this project ("),
        ("the current Python version (", "the Python at hand ("),
        ("your project", "this project"),
        ("the package registry", "the index"),
        ("are incompatible", "exclude each other"),
    ] {
        text = text.replace(theirs, ours);
    }
    text.trim_end_matches('.').to_owned()
}

fn trouble(causes: &[String], places: &str) -> Said {
    let all = causes.join(": ");
    let why = without_credentials(&all);
    let lower = all.to_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let help = if any(&["401 unauthorized", "403 forbidden"]) {
        format!("check the user and the password of the index where pip and uv have them; asked was {places}")
    } else if any(&["certificate", "tls", "unknownissuer"]) {
        "name the certificate of your network in SSL_CERT_FILE".to_owned()
    } else if any(&["connect", "dns", "timed out", "timeout", "sending request"]) {
        format!("check the network and the address; asked was {places}")
    } else if any(&[
        "status server error",
        "status client error",
        "content-type",
        "failed to fetch",
        "failed to parse",
    ]) {
        format!("the index answers wrongly: try again later, or check its address; asked was {places}")
    } else if any(&["reserved name", "failed to install:", "invalid wheel"]) {
        "do not use this release: it does what a package must not do, or is damaged".to_owned()
    } else if any(&["python interpreter"]) {
        "make that Python run, or put another one first on PATH".to_owned()
    } else if any(&["no space left", "permission denied", "read-only"]) {
        "check the free space and who may write to the store (`envtool cache dir`)".to_owned()
    } else if any(&["failed to build", "build backend", "build_wheel"]) {
        "it could not be built from source: see what it needs, or choose a version that has wheels".to_owned()
    } else {
        "uv said so; `-vv` shows how it was called".to_owned()
    };
    Said::Trouble { why, help }
}

/// The word that ends where `mark` begins.
fn word_before(text: &str, mark: &str) -> Option<String> {
    let before = &text[..text.find(mark)?];
    before.split_whitespace().next_back().map(|word| word.trim_matches('`').to_owned())
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let rest = &text[text.find(start)? + start.len()..];
    rest.find(end).map(|at| &rest[..at])
}

fn quoted(lines: &[String], start: &str) -> Option<String> {
    lines.iter().find_map(|line| between(line.strip_prefix(start)?, "`", "`")).map(str::to_owned)
}

/// `docopt==0.6.2` as `docopt 0.6.2`.
fn spaced(package: &str) -> String {
    package.replacen("==", " ", 1)
}

/// The name in `docopt==0.6.2`.
fn plain(package: &str) -> &str {
    package.split(['=', '<', '>', '!', '~', '[']).next().unwrap_or(package)
}

/// The versions that uv warned of as yanked: each as `idna==3.11`, and why where that was said.
pub fn yanked(stderr: &str) -> Vec<(String, Option<String>)> {
    let lines =
        stderr.lines().filter_map(|line| line.trim().strip_prefix("warning: `")?.split_once("` is yanked"));
    lines
        .map(|(package, rest)| (package.to_owned(), between(rest, "(reason: \"", "\")").map(str::to_owned)))
        .collect()
}

/// One row of what `uv pip compile` writes.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it is wanted; `None` is everywhere.
    pub marker: Option<String>,
    /// Who needs it.
    pub via: Vec<String>,
    /// Whether it was asked for.
    pub asked: bool,
}

/// Reads the rows of a requirements file with annotations: `NAME==VERSION ; MARKER`, then `# via A` or `# via` with a
/// line each.
pub fn rows(text: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for line in text.lines() {
        let bare = line.trim();
        if let Some(comment) = bare.strip_prefix('#') {
            let Some(row) = rows.last_mut().filter(|_| line.starts_with(' ')) else { continue };
            let who = comment.trim();
            let who = who
                .strip_prefix("via")
                .filter(|rest| rest.is_empty() || rest.starts_with(' '))
                .unwrap_or(who);
            match who.trim() {
                "" => {}
                // The file of what is asked for.
                file if file.starts_with("-r ") => row.asked = true,
                name => row.via.push(name.split('[').next().unwrap_or(name).to_owned()),
            }
            continue;
        }
        let (pin, marker) = match bare.split_once(" ; ").or_else(|| bare.split_once(';')) {
            Some((pin, marker)) => (pin.trim(), Some(marker.trim().to_owned())),
            None => (bare, None),
        };
        if let Some((name, version)) = pin.split_once("==") {
            let name = name.split('[').next().unwrap_or(name).trim().to_owned();
            rows.push(Row {
                name,
                version: version.trim().to_owned(),
                marker,
                via: Vec::new(),
                asked: false,
            });
        }
    }
    rows
}

#[cfg(test)]
mod tests;
