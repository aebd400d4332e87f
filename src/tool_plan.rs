//! From the tools that are wanted and what lies in `bin/` to what is to be done: pure.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::environment;
use crate::fault::{Fault, Result};
use crate::package::PackageId;
use crate::receipt::ToolReceipt;

/// One tool that the environment is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedTool {
    /// What its receipt is to say.
    pub receipt: ToolReceipt,
    /// Where each of its executables lies in the store.
    pub files: BTreeMap<String, PathBuf>,
    /// Whether it is installed already.
    pub installed: bool,
}

/// What is to be done to `bin/`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ToolPlan {
    /// Every link that `bin/` is to hold for a tool.
    pub links: BTreeMap<String, PathBuf>,
    /// Whether `bin/` is to be made anew.
    pub changed: bool,
    /// Receipts to write.
    pub added: Vec<ToolReceipt>,
    /// Tools that go.
    pub removed: Vec<PackageId>,
    /// What of `bin/` as it is belongs to tools; everything else in it stays.
    pub ours: BTreeSet<String>,
}

/// Names that a tool may not have: what a shell, a build or the environment itself is started by.
const RESERVED: [&str; 21] = [
    "ar", "bash", "c++", "cargo", "cc", "csh", "dash", "env", "envtool", "fish", "git", "ksh", "ld", "pip",
    "python", "rustc", "rustdoc", "rustup", "sh", "tcsh", "zsh",
];

/// Why a tool may not have an executable of this name; `None` where it may.
pub fn reserved(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let bare = lower.strip_suffix(".exe").unwrap_or(&lower);
    // `python3.11`, `pip3`.
    let plain = bare.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if environment::is_reserved(bare) {
        Some("it is a name of the environment's own scripts")
    } else if RESERVED.contains(&bare) || ["python", "pip"].contains(&plain) {
        Some("inside the environment it would run in place of the program that everybody means by it")
    } else {
        None
    }
}

/// Decides what leads from what is there to `wanted`.
pub fn plan(
    wanted: Vec<WantedTool>,
    receipts: &[ToolReceipt],
    bin: &BTreeMap<OsString, Option<PathBuf>>,
) -> Result<ToolPlan> {
    let mut plan = ToolPlan::default();
    let mut owners: BTreeMap<String, PackageId> = BTreeMap::new();
    plan.ours.extend(receipts.iter().flat_map(|receipt| receipt.bins.keys().cloned()));
    for one in wanted {
        let package = &one.receipt.package;
        for (name, file) in &one.files {
            check(name, package, &owners)?;
            // Links into the store whose receipt was lost are ours too.
            let target = bin.get(OsStr::new(name));
            if target.is_some_and(|target| target.as_ref() != Some(file)) && !plan.ours.contains(name) {
                return Err(in_the_way(name, package));
            }
            owners.insert(name.clone(), package.clone());
            plan.changed |= target.and_then(Option::as_ref) != Some(file);
            plan.links.insert(name.clone(), file.clone());
        }
        if !one.installed {
            plan.added.push(one.receipt.clone());
        }
    }
    let kept: BTreeSet<&PackageId> = owners.values().collect();
    plan.removed = receipts
        .iter()
        .map(|receipt| &receipt.package)
        .filter(|package| !kept.contains(package))
        .cloned()
        .collect();
    plan.changed |=
        plan.ours.iter().any(|name| !plan.links.contains_key(name) && bin.contains_key(OsStr::new(name)));
    plan.ours.extend(plan.links.keys().cloned());
    Ok(plan)
}

fn check(name: &str, package: &PackageId, owners: &BTreeMap<String, PackageId>) -> Result<()> {
    let refused = || Fault::new(format!("could not install {package}"));
    if let Some(why) = reserved(name) {
        return Err(refused().why(format!("its executable is called `{name}`: {why}")).help(format!(
            "name the executables that you want with `--bin` (`bins = […]` of {} in [tools])",
            package.name
        )));
    }
    // Some file systems take two names for one that differ in case.
    let same = |(other, _): &(&String, &PackageId)| other.to_lowercase() == name.to_lowercase();
    match owners.iter().find(same) {
        Some((other, owner)) if owner != package => {
            Err(refused().why(format!("{owner} has an executable `{other}` too")).help(format!(
                "keep one of them, or name the executables that you want with `bins = […]` of {} in [tools]",
                package.name
            )))
        }
        _ => Ok(()),
    }
}

fn in_the_way(name: &str, package: &PackageId) -> Fault {
    let path = format!(".envtool/bin/{name}");
    Fault::new(format!("could not install {package}"))
        .why(format!("{path} is there, and envtool did not put it there"))
        .help(format!("move it away (`mv {path} /tmp`; what `cargo install` put there goes with `envtool run -- cargo uninstall`), then run it again"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsString;
    use std::path::PathBuf;

    use super::{ToolPlan, WantedTool, plan, reserved};
    use crate::digest::Digest;
    use crate::package::PackageId;
    use crate::receipt::{How, ToolReceipt};

    type Bin = BTreeMap<OsString, Option<PathBuf>>;

    fn wanted(name: &str, bins: &[&str]) -> WantedTool {
        let digest = Digest::of(name.as_bytes());
        let bins = bins.iter().map(|bin| ((*bin).to_owned(), digest)).collect::<BTreeMap<_, _>>();
        let files =
            bins.keys().map(|bin| (bin.clone(), PathBuf::from(format!("/store/{name}/{bin}")))).collect();
        let package = PackageId { name: name.parse().unwrap(), version: "1.0.0".parse().unwrap() };
        let receipt = ToolReceipt {
            package,
            source: "crates.io".into(),
            checksum: digest,
            row: digest,
            how: How::Built,
            key: digest,
            bins,
            rustc: "rustc".into(),
        };
        WantedTool { receipt, files, installed: false }
    }

    fn bin(tools: &[WantedTool]) -> Bin {
        let files = tools.iter().flat_map(|tool| &tool.files);
        files.map(|(name, file)| (name.into(), Some(file.clone()))).collect()
    }

    fn receipts(tools: &[WantedTool]) -> Vec<ToolReceipt> {
        tools.iter().map(|tool| tool.receipt.clone()).collect()
    }

    #[test]
    fn tools_come_stay_and_go_and_other_files_stay() {
        let (a, b) = (wanted("a", &["a", "cargo-a"]), wanted("b", &["b"]));
        let first = plan(vec![a.clone(), b.clone()], &[], &Bin::new()).unwrap();
        assert_eq!((first.links.len(), first.added.len(), first.changed), (3, 2, true));
        let both = [a.clone(), b.clone()];
        let installed = both.clone().map(|tool| WantedTool { installed: true, ..tool }).to_vec();
        let mut now = bin(&both);
        now.insert("mine".into(), None);
        let again = plan(installed, &receipts(&both), &now).unwrap();
        assert!(!again.changed && again.added.is_empty() && again.removed.is_empty(), "{again:?}");
        let fewer = plan(vec![a], &receipts(&both), &now).unwrap();
        assert_eq!((fewer.removed.len(), fewer.changed, fewer.ours.contains("b")), (1, true, true));
        assert!(!fewer.ours.contains("mine"));
        assert_eq!(plan(Vec::new(), &[], &now).unwrap(), ToolPlan::default());
    }

    #[test]
    fn a_lost_link_or_receipt_is_made_again() {
        let tool = wanted("a", &["a"]);
        assert!(
            plan(vec![tool.clone()], &receipts(std::slice::from_ref(&tool)), &Bin::new()).unwrap().changed
        );
        let adopted = plan(vec![tool.clone()], &[], &bin(&[tool])).unwrap();
        assert_eq!((adopted.changed, adopted.added.len()), (false, 1));
    }

    #[test]
    fn names_that_belong_to_others_are_refused() {
        let fault = |tools: Vec<WantedTool>, bin: &Bin| {
            let fault = plan(tools, &[], bin).unwrap_err();
            assert!(fault.help_text().is_some());
            fault.to_string()
        };
        for name in ["cargo", "sh", "Python3.11", "pip3", "activate.fish", "deactivate", "rustc.exe"] {
            assert!(fault(vec![wanted("x", &[name])], &Bin::new()).contains(name), "{name}");
        }
        for name in ["cargo-nextest", "rg", "just", "pipx", "pythonic", "environ"] {
            assert_eq!(reserved(name), None, "{name}");
        }
        let two = fault(vec![wanted("x", &["run"]), wanted("y", &["Run"])], &Bin::new());
        assert!(two.contains("x 1.0.0 has an executable `run` too") && two.contains("y 1.0.0"), "{two}");
        let theirs = Bin::from([("run".into(), None)]);
        assert!(fault(vec![wanted("x", &["run"])], &theirs).contains(".envtool/bin/run is there"));
    }
}
