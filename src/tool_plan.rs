//! From the tools that are wanted and what lies in `bin/` to what is to be done: pure.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

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

/// The executables that a venv shows in `bin/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenvBins {
    /// Whose they are: name and version.
    pub owner: String,
    /// Whether that is a tool. A module is there to be imported: an executable that cannot be shown is left out.
    pub is_tool: bool,
    /// Each name, and where it leads from `bin/`.
    pub links: BTreeMap<String, PathBuf>,
}

/// The venvs of an environment, as far as they count in `bin/`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Venvs {
    /// What they are to show, tools first.
    pub bins: Vec<VenvBins>,
    /// The names that they show as it is.
    pub shown: BTreeSet<String>,
    /// Whether there is to be a `python`.
    pub python: bool,
    /// Whether there is one as it is.
    pub had_python: bool,
}

/// What is to be done to `bin/`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ToolPlan {
    /// Every link that `bin/` is to hold for a tool or a module.
    pub links: BTreeMap<String, PathBuf>,
    /// Whether `bin/` is to hold `python`.
    pub python: bool,
    /// What is not shown, and why.
    pub hidden: Vec<String>,
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

/// Decides what leads from what is there to `wanted` and to what `venvs` show.
pub fn plan(
    wanted: Vec<WantedTool>,
    receipts: &[ToolReceipt],
    venvs: &Venvs,
    bin: &BTreeMap<OsString, Option<PathBuf>>,
) -> Result<ToolPlan> {
    let mut plan = ToolPlan { python: venvs.python, ..ToolPlan::default() };
    let mut owners: BTreeMap<String, Owner> = BTreeMap::new();
    let mut kept = BTreeSet::new();
    plan.ours.extend(receipts.iter().flat_map(|receipt| receipt.bins.keys().cloned()));
    plan.ours.extend(venvs.shown.iter().cloned());
    // 1. Links into the store.
    for (at, one) in wanted.into_iter().enumerate() {
        let (who, owner) = ((false, at), one.receipt.package.to_string());
        for (name, file) in &one.files {
            refused(name, who, &owners)
                .map_or(Ok(()), |refused| Err(refused.of_crate(&one.receipt.package)))?;
            plan.link(name, file, &owner, bin)?;
            owners.insert(name.clone(), (who, owner.clone()));
        }
        kept.insert(one.receipt.package.clone());
        if !one.installed {
            plan.added.push(one.receipt);
        }
    }
    // 2. Links into venvs.
    for (at, VenvBins { owner, is_tool, links }) in venvs.bins.iter().enumerate() {
        let who = (true, at);
        for (name, file) in links {
            match refused(name, who, &owners) {
                Some(refused) if *is_tool => return Err(refused.of_module(owner)),
                Some(refused) => {
                    plan.hidden.push(format!("`{name}` of {owner} is not in .envtool/bin: {}", refused.why));
                }
                None => {
                    plan.link(name, file, owner, bin)?;
                    owners.insert(name.clone(), (who, owner.clone()));
                }
            }
        }
    }
    // 3. Python itself.
    for name in environment::PYTHON_NAMES {
        let there = bin.contains_key(OsStr::new(name));
        if venvs.python && there && !venvs.had_python {
            return Err(in_the_way(name, "Python modules"));
        }
        plan.changed |= venvs.python != there && (venvs.python || venvs.had_python);
        if venvs.had_python {
            plan.ours.insert(name.to_owned());
        }
    }
    // 4. What goes.
    plan.removed = receipts
        .iter()
        .map(|receipt| &receipt.package)
        .filter(|package| !kept.contains(package))
        .cloned()
        .collect();
    let stays =
        |name: &String| plan.links.contains_key(name) || environment::PYTHON_NAMES.contains(&name.as_str());
    plan.changed |= plan.ours.iter().any(|name| !stays(name) && bin.contains_key(OsStr::new(name)));
    plan.ours.extend(plan.links.keys().cloned());
    Ok(plan)
}

impl ToolPlan {
    fn link(
        &mut self,
        name: &str,
        file: &Path,
        owner: &str,
        bin: &BTreeMap<OsString, Option<PathBuf>>,
    ) -> Result<()> {
        // Links into the store whose receipt was lost are ours too.
        let target = bin.get(OsStr::new(name));
        if target.is_some_and(|target| target.as_deref() != Some(file)) && !self.ours.contains(name) {
            return Err(in_the_way(name, owner));
        }
        self.changed |= target.and_then(Option::as_deref) != Some(file);
        self.links.insert(name.to_owned(), file.to_owned());
        Ok(())
    }
}

/// Why an executable may not have its name.
struct Refused {
    why: String,
    /// Whether another package has an executable of this name.
    doubled: bool,
}

impl Refused {
    fn of_crate(self, package: &PackageId) -> Fault {
        let name = &package.name;
        let help = if self.doubled {
            format!(
                "keep one of them, or name the executables that you want with `bins = […]` of {name} in [tools]"
            )
        } else {
            format!("name the executables that you want with `--bin` (`bins = […]` of {name} in [tools])")
        };
        Fault::new(format!("could not install {package}")).why(self.why).help(help)
    }

    fn of_module(self, owner: &str) -> Fault {
        let help = if self.doubled {
            "keep one of them"
        } else {
            "add it as a module, without `--tool`: `envtool run -- python -m MODULE` runs it"
        };
        Fault::new(format!("could not install {owner}")).why(self.why).help(help)
    }
}

/// Who has an executable: the number of a crate (`false`) or of what a venv shows (`true`), since a crate, a tool and a
/// module may have one name and version; and that name and version.
type Owner = ((bool, usize), String);

fn refused(name: &str, who: (bool, usize), owners: &BTreeMap<String, Owner>) -> Option<Refused> {
    if let Some(why) = reserved(name) {
        return Some(Refused { why: format!("its executable is called `{name}`: {why}"), doubled: false });
    }
    // Some file systems take two names for one that differ in case.
    let same = |(other, _): &(&String, &Owner)| other.to_lowercase() == name.to_lowercase();
    let (other, (whose, theirs)) = owners.iter().find(same)?;
    (*whose != who)
        .then(|| Refused { why: format!("{theirs} has an executable `{other}` too"), doubled: true })
}

fn in_the_way(name: &str, package: &str) -> Fault {
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

    use super::{ToolPlan, VenvBins, Venvs, WantedTool, reserved};
    use crate::digest::Digest;
    use crate::package::PackageId;
    use crate::receipt::{How, ToolReceipt};

    type Bin = BTreeMap<OsString, Option<PathBuf>>;

    fn plan(wanted: Vec<WantedTool>, receipts: &[ToolReceipt], bin: &Bin) -> crate::fault::Result<ToolPlan> {
        super::plan(wanted, receipts, &Venvs::default(), bin)
    }

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

    fn shows(owner: &str, is_tool: bool, names: &[&str]) -> VenvBins {
        let link = |name: &&str| ((*name).to_owned(), PathBuf::from(format!("../python/bin/{name}")));
        VenvBins { owner: owner.to_owned(), is_tool, links: names.iter().map(link).collect() }
    }

    #[test]
    fn what_venvs_show_comes_after_tools_and_never_in_place_of_others() {
        let venvs = |bins: Vec<VenvBins>| Venvs { bins, python: true, ..Venvs::default() };
        let modules = venvs(vec![shows("pip 25.0", false, &["pip", "pipx"]), shows("x 1.0", false, &["a"])]);
        let first = super::plan(vec![wanted("a", &["a"])], &[], &modules, &Bin::new()).unwrap();
        assert!(first.changed && first.python);
        assert_eq!(first.links.keys().collect::<Vec<_>>(), ["a", "pipx"]);
        assert!(
            first.hidden[0].contains("`pip` of pip 25.0") && first.hidden[1].contains("a 1.0.0 has"),
            "{first:?}"
        );
        let tool = venvs(vec![shows("evil 1.0", true, &["cargo"])]);
        assert!(
            super::plan(Vec::new(), &[], &tool, &Bin::new()).unwrap_err().to_string().contains("`cargo`")
        );
        // Somebody's own `python` is not replaced; ours stays, and goes with the modules.
        let there = Bin::from([("python".into(), None), ("python3".into(), None)]);
        let fault = super::plan(Vec::new(), &[], &venvs(Vec::new()), &there).unwrap_err();
        assert!(fault.to_string().contains(".envtool/bin/python is there"), "{fault}");
        let again = Venvs { had_python: true, ..venvs(Vec::new()) };
        assert!(!super::plan(Vec::new(), &[], &again, &there).unwrap().changed);
        let gone =
            super::plan(Vec::new(), &[], &Venvs { had_python: true, ..Venvs::default() }, &there).unwrap();
        assert!(gone.changed && gone.ours.contains("python3"));
    }
}
