//! Which release a wish leads to, and where it leads to none, what would work.
//!
//! The newest release that matches, as cargo sees it: no pre-release unless the wish names one, none that was yanked
//! unless the lock has it already, none that needs a newer Rust than the one that builds it. Build metadata counts for
//! nothing (cargo reference, "Version Requirements"), and cargo's own resolver has the last word on what it gets.

use semver::{Prerelease, VersionReq};

use crate::fault::{Fault, Result};
use crate::near::nearest;
use crate::package::PackageName;
use crate::registry::releases::Release;
use crate::spec::Version;

/// How many versions are named where one is not there.
const NAMED: usize = 4;
/// How many features are named where one is not there.
const FEATURES: usize = 20;

/// What is wished for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The package, as its registry spells it.
    pub name: &'a PackageName,
    /// The version that was asked for.
    pub version: &'a Version,
    /// A requirement that the manifest will hold: the choice must match it too.
    pub requirement: Option<&'a VersionReq>,
    /// The Rust that builds it: what needs a newer one is not chosen. `None` where nobody knows.
    pub rust: Option<&'a semver::Version>,
    /// Whether it is to be a tool, so that this Rust is not the project's.
    pub is_tool: bool,
    /// The versions that the lock has already: these may be yanked.
    pub locked: &'a [semver::Version],
}

/// The release that a wish leads to.
pub fn choose<'r>(wish: &Wish, releases: &'r [Release]) -> Result<&'r Release> {
    let matching: Vec<&Release> = releases.iter().filter(|release| wish.matches(release)).collect();
    let fits = || matching.iter().copied().filter(|release| wish.is_there(release) && wish.builds(release));
    let to_the_letter = fits().find(|release| wish.is_to_the_letter(release));
    to_the_letter
        .or_else(|| newest(fits()))
        .ok_or_else(|| Refusal { wish, releases, matching: &matching }.fault())
}

/// Whether `release` of `name` has every feature that is asked for.
pub fn check_features(name: &PackageName, release: &Release, features: &[String]) -> Result<()> {
    let missing: Vec<&str> =
        features.iter().map(String::as_str).filter(|feature| !release.features.contains(*feature)).collect();
    let Some(first) = missing.first() else { return Ok(()) };
    let listed: Vec<String> =
        missing.iter().take(FEATURES).map(|feature| format!("`{}`", shown(feature))).collect();
    let fault = Fault::new(format!(
        "{name} {} has no feature{} {}",
        release.version,
        if missing.len() == 1 { "" } else { "s" },
        listed.join(", ")
    ));
    let known = || release.features.iter().map(String::as_str);
    let mut near: Vec<String> = missing.iter().flat_map(|feature| nearest(feature, known())).collect();
    near.dedup();
    Err(if first.contains(['/', ':', '?']) {
        fault.help(format!("name features of {name} itself; those of another package are asked for there"))
    } else if !near.is_empty() {
        fault.help(format!("the nearest that it has: {}", near.join(", ")))
    } else if release.features.is_empty() {
        fault.help(format!("{name} {} has no features at all", release.version))
    } else {
        let names: Vec<&str> = known().collect();
        let more = match names.len().saturating_sub(FEATURES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let first: Vec<&str> = names.into_iter().take(FEATURES).collect();
        fault.help(format!("it has {}{more}", first.join(", ")))
    })
}

impl Wish<'_> {
    /// Whether the version is one that was asked for.
    fn matches(&self, release: &Release) -> bool {
        self.asks_for(&release.version) && self.requirement_allows(&release.version)
    }

    fn asks_for(&self, version: &semver::Version) -> bool {
        match self.version {
            // A pre-release is named by the requirement or not at all.
            Version::Newest => self.requirement.is_some() || version.pre.is_empty(),
            Version::Exact(exact) => same(exact, version),
            Version::Matching(requirement, _) => requirement.matches(version),
        }
    }

    fn requirement_allows(&self, version: &semver::Version) -> bool {
        self.requirement.is_none_or(|requirement| requirement.matches(version))
    }

    fn is_to_the_letter(&self, release: &Release) -> bool {
        matches!(self.version, Version::Exact(exact) if *exact == release.version)
    }

    /// Whether the release may be chosen, yanked or not.
    fn is_there(&self, release: &Release) -> bool {
        !release.yanked || self.locked.contains(&release.version)
    }

    /// Whether the Rust that builds it is new enough. A nightly of 1.70 counts as 1.70, as to cargo.
    fn builds(&self, release: &Release) -> bool {
        match (self.rust, &release.rust_version) {
            (Some(has), Some(needs)) => {
                (needs.major, needs.minor, needs.patch) <= (has.major, has.minor, has.patch)
            }
            _ => true,
        }
    }
}

/// Whether two versions differ at most in build metadata.
fn same(one: &semver::Version, other: &semver::Version) -> bool {
    one.cmp_precedence(other).is_eq()
}

fn newest<'r>(releases: impl Iterator<Item = &'r Release>) -> Option<&'r Release> {
    releases.max_by(|one, other| one.version.cmp(&other.version))
}

/// A wish that leads nowhere.
struct Refusal<'a> {
    wish: &'a Wish<'a>,
    releases: &'a [Release],
    matching: &'a [&'a Release],
}

impl Refusal<'_> {
    fn fault(&self) -> Fault {
        let name = self.wish.name;
        let what = match self.wish.version {
            Version::Newest => format!("there is no release of {name} to choose"),
            Version::Exact(version) => format!("could not choose {name} {version}"),
            Version::Matching(_, written) => {
                format!("there is no release of {name} that `{written}` leads to")
            }
        };
        let fault = Fault::new(what);
        if self.releases.is_empty() {
            return fault
                .why("the registry lists none that this envtool can read")
                .help(format!("check the name `{name}`, and whether there is a newer envtool"));
        }
        let there: Vec<&Release> =
            self.matching.iter().copied().filter(|release| self.wish.is_there(release)).collect();
        if self.matching.is_empty() {
            self.absent(fault)
        } else if there.is_empty() {
            self.yanked(fault)
        } else {
            self.too_new(fault, &there)
        }
    }

    /// No release matches.
    fn absent(&self, fault: Fault) -> Fault {
        let Wish { name, version, requirement, .. } = self.wish;
        let asked: Vec<&Release> = self.releases.iter().filter(|r| self.wish.asks_for(&r.version)).collect();
        if let (Some(requirement), false) = (requirement, asked.is_empty()) {
            return self.suggest(fault.why(match version {
                Version::Exact(_) => format!("the requirement `{requirement}` does not allow it"),
                _ => format!("none matches the requirement `{requirement}`"),
            }));
        }
        if let Some(pre) = newest(self.releases.iter().filter(|r| self.wish.is_there(r) && self.is_ahead(r)))
        {
            return fault
                .why("there are only pre-releases, and these are chosen by name alone")
                .help(format!("ask for `{name}@{}`, the newest{}", pre.version, self.but_for_rust(pre)));
        }
        let fault = match version {
            Version::Exact(exact) => self.nearest_to(exact, fault),
            _ => fault.why("no version of it matches"),
        };
        self.suggest(fault)
    }

    /// Whether a pre-release would match if it were the release that it leads to.
    fn is_ahead(&self, release: &Release) -> bool {
        let mut version = release.version.clone();
        version.pre = Prerelease::EMPTY;
        !matches!(self.wish.version, Version::Exact(_))
            && !release.version.pre.is_empty()
            && self.wish.asks_for(&version)
            && self.wish.requirement_allows(&release.version)
    }

    /// Names the versions that are nearest to one that is not there.
    fn nearest_to(&self, exact: &semver::Version, fault: Fault) -> Fault {
        let mut near: Vec<&semver::Version> = self
            .releases
            .iter()
            .filter(|release| self.wish.is_there(release) && release.version.major == exact.major)
            .map(|release| &release.version)
            .collect();
        near.sort_unstable_by_key(|version| {
            let far = (version.minor.abs_diff(exact.minor), version.patch.abs_diff(exact.patch));
            (far, std::cmp::Reverse(*version))
        });
        near.truncate(NAMED);
        if near.is_empty() {
            return fault.why("there is no such version");
        }
        let near: Vec<String> = near.iter().map(ToString::to_string).collect();
        fault.why(format!("there is no such version; near it {} {}", are(near.len()), near.join(", ")))
    }

    /// All that matches was taken back.
    fn yanked(&self, fault: Fault) -> Fault {
        let kept = "a yanked release is kept only where the lock has it already";
        self.suggest(fault.why(match self.wish.version {
            Version::Exact(_) => format!("it was yanked, and {kept}"),
            Version::Newest => format!("every release was yanked, and {kept}"),
            Version::Matching(..) => format!("every release that matches was yanked, and {kept}"),
        }))
    }

    /// All that is left needs a newer Rust.
    fn too_new(&self, fault: Fault, there: &[&Release]) -> Fault {
        let needs = there.iter().filter_map(|release| release.rust_version.as_ref()).min();
        let (Some(needs), Some(has)) = (needs, self.wish.rust) else {
            return self.suggest(fault);
        };
        let (whose, raise) = if self.wish.is_tool {
            (
                format!("the toolchain that builds it is {}", short(has)),
                "take a newer toolchain (`rustup update`)",
            )
        } else {
            let has = format!("the project has {} (by its rust-version or its toolchain)", short(has));
            (has, "raise `rust-version`, or the toolchain")
        };
        let fault = fault.why(format!(
            "{} Rust {}, and {whose}",
            if there.len() == 1 { "it needs" } else { "the least that they need is" },
            short(needs)
        ));
        match self.usable() {
            Some(release) => fault.help(format!(
                "ask for `{}@{}`, the newest for Rust {}, or {raise}",
                self.wish.name,
                release.version,
                short(has)
            )),
            None => fault.help(format!("{raise}, to {} at least", short(needs))),
        }
    }

    /// The newest release that could be chosen if another version were asked for; a pre-release where there is
    /// nothing else.
    fn usable(&self) -> Option<&Release> {
        let fits = |release: &&Release| {
            self.wish.is_there(release)
                && self.wish.builds(release)
                && self.wish.requirement_allows(&release.version)
        };
        newest(self.releases.iter().filter(fits).filter(|release| release.version.pre.is_empty()))
            .or_else(|| newest(self.releases.iter().filter(fits)))
    }

    fn suggest(&self, fault: Fault) -> Fault {
        let name = self.wish.name;
        match self.usable() {
            Some(release) => {
                fault.help(format!("ask for `{name}@{}`, the newest that can be chosen", release.version))
            }
            None if self.wish.requirement.is_some() => fault.help("ask for another requirement"),
            None => fault.help(format!("no release of {name} can be chosen here; look for another package")),
        }
    }

    fn but_for_rust(&self, release: &Release) -> String {
        match &release.rust_version {
            Some(needs) if !self.wish.builds(release) => format!(" (it needs Rust {})", short(needs)),
            _ => String::new(),
        }
    }
}

fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// A version of Rust as people write it: `1.70` for `1.70.0`.
fn short(rust: &semver::Version) -> String {
    match rust.patch {
        0 => format!("{}.{}", rust.major, rust.minor),
        patch => format!("{}.{}.{patch}", rust.major, rust.minor),
    }
}

/// A text that may be anything, short and without anything that a terminal would obey.
fn shown(text: &str) -> String {
    text.escape_debug().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::{Wish, check_features, choose};
    use crate::fault::Fault;
    use crate::registry::releases::{Release, written as releases};
    use crate::spec::Spec;

    /// `VERSION [requirement REQ] [rust VERSION] [locked VERSION] [tool]` against releases.
    fn chosen(wish: &str, of: &str) -> Result<String, Fault> {
        let words: Vec<&str> = wish.split_whitespace().collect();
        let Ok(Spec::Crate(spec)) = format!("x@{}", words[0]).parse() else { panic!("{wish}") };
        let word = |key: &str| words.iter().position(|word| *word == key).map(|at| words[at + 1]);
        let requirement = word("requirement").map(|text| text.parse().unwrap());
        let rust = word("rust").map(|text| text.parse().unwrap());
        let locked: Vec<semver::Version> = word("locked").iter().map(|text| text.parse().unwrap()).collect();
        let wish = Wish {
            name: &spec.name,
            version: &spec.version,
            requirement: requirement.as_ref(),
            rust: rust.as_ref(),
            is_tool: words.contains(&"tool"),
            locked: &locked,
        };
        choose(&wish, &releases(of)).map(|release| release.version.to_string())
    }

    #[test]
    fn the_newest_that_fits_is_chosen() {
        for (wish, of, expected) in [
            ("latest", "1.0.0 1.10.0 1.9.0", "1.10.0"),
            ("latest", "1.0.0 !1.1.0 1.2.0-rc.1", "1.0.0"),
            ("latest locked 1.1.0", "1.0.0 !1.1.0 !1.2.0", "1.1.0"),
            ("latest rust 1.70.0", "1.0.0/1.60 1.1.0/1.70 1.2.0/1.70.1", "1.1.0"),
            ("latest rust 1.71.0-nightly", "1.0.0 1.1.0/1.71", "1.1.0"),
            ("latest", "1.0.0 1.1.0/1.99", "1.1.0"),
            ("latest requirement ^1", "1.0.0 1.5.0 2.0.0", "1.5.0"),
            ("latest requirement >=2.0.0-rc.1", "1.0.0 2.0.0-rc.1 2.0.0-rc.2", "2.0.0-rc.2"),
            ("^1", "0.9.0 1.0.0 1.5.0 2.0.0", "1.5.0"),
            ("^1 requirement ^1.0,<1.5", "1.0.0 1.5.0", "1.0.0"),
            ("^1", "1.0.0 1.1.0-rc.1", "1.0.0"),
            ("^1.1.0-rc.1", "1.0.0 1.1.0-rc.1 1.1.0-rc.2 1.2.0-rc.1", "1.1.0-rc.2"),
            ("1.1.0-rc.1", "1.0.0 1.1.0-rc.1", "1.1.0-rc.1"),
            ("1.0.0", "1.0.0+b", "1.0.0+b"),
            ("1.0.0+a", "1.0.0+b", "1.0.0+b"),
            ("1.0.0+a", "1.0.0+a 1.0.0+b", "1.0.0+a"),
            ("1.0.0+a", "!1.0.0+a 1.0.0+b", "1.0.0+b"),
            ("=1.0.0 locked 1.0.0", "!1.0.0 1.1.0", "1.0.0"),
        ] {
            let found = chosen(wish, of).unwrap_or_else(|fault| panic!("{wish} of {of}: {fault}"));
            assert_eq!(found, expected, "{wish} of {of}");
        }
    }

    #[test]
    fn where_nothing_is_chosen_it_is_said_why_and_what_would_be() {
        for (wish, of, why, help) in [
            (
                "1.2.9",
                "1.0.0 1.2.0 1.2.5 1.2.8 1.3.0 2.0.0",
                "near it are 1.2.8, 1.2.5, 1.2.0, 1.3.0",
                "`x@2.0.0`",
            ),
            ("9.0.0", "1.0.0 !2.0.0", "there is no such version", "`x@1.0.0`"),
            ("1.0.0", "1.0.1 2.0.0-a", "near it is 1.0.1", "`x@1.0.1`"),
            ("^3", "1.0.0 2.0.0/1.99", "no version of it matches", "`x@2.0.0`"),
            ("^3 rust 1.70.0", "1.0.0 2.0.0/1.99", "no version of it matches", "`x@1.0.0`"),
            (
                "1.1.0",
                "1.0.0 !1.1.0",
                "it was yanked, and a yanked release is kept only where the lock",
                "`x@1.0.0`",
            ),
            ("1.1.0 locked 1.0.0", "!1.0.0 !1.1.0", "it was yanked", "`x@1.0.0`"),
            ("latest", "!1.0.0 !1.1.0", "every release was yanked", "another package"),
            ("^1", "!1.0.0 !1.1.0 2.0.0", "every release that matches was yanked", "`x@2.0.0`"),
            ("latest", "1.0.0-a !1.0.0-c 1.0.0-b", "only pre-releases", "`x@1.0.0-b`"),
            (
                "latest rust 1.70.0",
                "1.0.0-a/1.80",
                "only pre-releases",
                "`x@1.0.0-a`, the newest (it needs Rust 1.80)",
            ),
            ("^2", "1.0.0 2.0.0-rc.1 3.0.0-rc.1", "only pre-releases", "`x@2.0.0-rc.1`"),
            (
                "latest requirement ^2",
                "1.0.0 2.0.0-rc.1",
                "none matches the requirement `^2`",
                "another requirement",
            ),
            ("^1 requirement ^2", "1.0.0 2.0.0", "none matches the requirement `^2`", "`x@2.0.0`"),
            ("1.0.0 requirement ^2", "1.0.0 2.0.0", "the requirement `^2` does not allow it", "`x@2.0.0`"),
            (
                "1.1.0 rust 1.70.0",
                "1.0.0/1.65 1.1.0/1.80.1 1.2.0/1.80",
                "it needs Rust 1.80.1, and the project has 1.70 (by its rust-version or its toolchain)",
                "`x@1.0.0`, the newest for Rust 1.70, or raise `rust-version`, or the toolchain",
            ),
            (
                "1.1.0 rust 1.70.0 tool",
                "1.0.0/1.65 1.1.0/1.80",
                "it needs Rust 1.80, and the toolchain that builds it is 1.70",
                "`x@1.0.0`, the newest for Rust 1.70, or take a newer toolchain (`rustup update`)",
            ),
            (
                "latest rust 1.50.2",
                "1.0.0/1.65 1.1.0/1.80",
                "the least that they need is Rust 1.65, and the project has 1.50.2",
                "to 1.65 at least",
            ),
            ("^1 rust 1.70.0", "0.9.0 1.0.0/1.80 !1.0.1/1.60", "it needs Rust 1.80", "`x@0.9.0`"),
            ("latest", "", "none that this envtool can read", "newer envtool"),
        ] {
            let fault = chosen(wish, of).expect_err(wish);
            assert!(fault.to_string().contains(why), "{wish} of {of}: {fault}");
            assert!(
                fault.help_text().is_some_and(|text| text.contains(help)),
                "{wish} of {of}: {:?}",
                fault.help_text()
            );
            assert_eq!(fault.exit_code(), 1);
        }
    }

    #[test]
    fn features_that_are_not_there_are_named_with_what_is_near() {
        let mut release = releases("1.0.0").remove(0);
        let name = "x".parse().unwrap();
        let check = |release: &Release, asked: &[&str]| {
            let asked: Vec<String> = asked.iter().map(|feature| (*feature).to_owned()).collect();
            check_features(&name, release, &asked)
                .map_err(|f| format!("{f}; {}", f.help_text().unwrap_or_default()))
        };
        let fault = check(&release, &["derive"]).unwrap_err();
        assert_eq!(fault, "x 1.0.0 has no feature `derive`; x 1.0.0 has no features at all");
        release.features = ["default", "derive", "std"].map(ToOwned::to_owned).into();
        assert_eq!(check(&release, &["derive", "default"]), Ok(()));
        assert_eq!(check(&release, &[]), Ok(()));
        let fault = check(&release, &["dreive", "std", "sdt"]).unwrap_err();
        assert_eq!(fault, "x 1.0.0 has no features `dreive`, `sdt`; the nearest that it has: derive, std");
        let fault = check(&release, &["banana\u{1b}"]).unwrap_err();
        assert_eq!(fault, "x 1.0.0 has no feature `banana\\u{1b}`; it has default, derive, std");
        let fault = check(&release, &["serde/std"]).unwrap_err();
        assert!(fault.contains("name features of x itself"), "{fault}");
        release.features = (0..100).map(|n| format!("f{n:02}")).collect();
        let fault = check(&release, &["zzzzzzzzz"]).unwrap_err();
        assert!(fault.ends_with("f19 and 80 more"), "{fault}");
    }
}
