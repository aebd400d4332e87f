//! `extra`: in the environment without a receipt, or with one that the lock no longer names.
//!
//! What nobody pinned is somebody's all the same: it goes only where the user says so.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

use super::{Check, Finding, Remedy, Scene, Severity, Step, Way, extra_module, global_tool};
use crate::cargo_installed::{self, Installed};
use crate::environment;
use crate::fault::Result;
use crate::fs;
use crate::layout::{BIN, CARGO_MANIFEST, VENDOR};
use crate::package::PackageId;
use crate::sync::Survey;

/// The check.
pub(super) struct Extra;

impl Check for Extra {
    fn id(&self) -> &'static str {
        "extra"
    }

    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let Some(survey) = scene.survey() else { return Ok(Vec::new()) };
        let modules = extra_module::found(scene)?;
        let found =
            [unlocked(survey), among_crates(scene, survey)?, modules, in_bin(scene, survey)?].concat();
        let finding = |(subject, message, remedy): Found| Finding {
            check: self.id(),
            severity: Severity::Warning,
            subject,
            message,
            remedy,
        };
        Ok(found.into_iter().map(finding).collect())
    }
}

/// Subject, message and remedy.
pub(super) type Found = (String, String, Remedy);

/// What a sync would take away.
fn unlocked(survey: &Survey) -> Vec<Found> {
    let found = |package: &PackageId, why: &str| {
        (package.to_string(), format!("the lock no longer names {why}"), Remedy::step(Step::Sync))
    };
    let crates = survey.plan.iter().flat_map(|plan| &plan.removed).map(|package| found(package, "it"));
    let is_locked = |package: &PackageId| survey.tools.iter().any(|row| row.name == package.name);
    let tools = survey.tool_receipts.iter().map(|receipt| &receipt.package);
    crates
        .chain(tools.filter(|package| !is_locked(package)).map(|package| found(package, "this tool")))
        .collect()
}

/// What lies in folders of crates and nobody put there.
fn among_crates(scene: &Scene<'_>, survey: &Survey) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for (folder, entries) in &survey.listing.folders {
        let owned = survey.receipts.iter().filter(|(at, _)| at == folder);
        let wanted = survey.wanted.iter().filter(|one| one.source.folder() == *folder);
        let ours: BTreeSet<OsString> = owned
            .map(|(_, receipt)| receipt.entry().into())
            .chain(wanted.map(|one| one.entry().into()))
            .collect();
        for name in entries.keys().filter(|name| !ours.contains(*name)) {
            let path = format!(".envtool/{folder}/{}", name.display());
            let remove = format!("rm -r {}", quoted(&path));
            let remedy = match name.to_str() {
                None => Remedy::User(format!("take it away: `{remove}`")),
                Some(name) => {
                    let aside = Step::PutAside { folder: folder.clone(), entry: name.to_owned() };
                    let mut ways = Vec::new();
                    if folder == VENDOR
                        && let Some(package) = package_in(scene, folder, name)?
                    {
                        let command =
                            format!("{remove} && envtool add --lib {}@{}", package.name, package.version);
                        // Which member of a cargo project is to depend on it is more than a question can ask.
                        let steps = match scene.project.is_cargo {
                            true => Vec::new(),
                            false => vec![Step::PinCrate(package), aside.clone(), Step::Sync],
                        };
                        ways.push(Way { answer: "pin", words: "pin it", steps, command });
                    }
                    ways.push(take_away(vec![aside], remove));
                    Remedy::Choice(ways)
                }
            };
            let message = "it lies among the crates, and envtool did not put it there: cargo reads it";
            found.push((path, message.to_owned(), remedy));
        }
    }
    Ok(found)
}

/// What a folder among the crates calls itself.
fn package_in(scene: &Scene<'_>, folder: &str, entry: &str) -> Result<Option<PackageId>> {
    let file = scene.environment.layout().folder(folder).join(entry).join(CARGO_MANIFEST);
    if !fs::is_file(&file)? {
        return Ok(None);
    }
    let table = fs::read_lossy(&file)?.parse::<toml::Table>().ok();
    let package = table.as_ref().and_then(|table| table.get("package"));
    let text = |key: &str| package.and_then(|package| package.get(key)?.as_str());
    let (Some(name), Some(version)) = (text("name"), text("version")) else { return Ok(None) };
    Ok(name.parse().ok().zip(version.parse().ok()).map(|(name, version)| PackageId { name, version }))
}

/// What lies in `bin/` and belongs to no receipt: with all that cargo's records say of it, else by itself.
fn in_bin(scene: &Scene<'_>, survey: &Survey) -> Result<Vec<Found>> {
    let pinned: BTreeSet<&str> =
        survey.tool_receipts.iter().flat_map(|receipt| receipt.bins.keys().map(String::as_str)).collect();
    let of_modules = extra_module::in_bin(scene)?;
    let mut stray: BTreeMap<OsString, Option<PathBuf>> = scene.environment.bin()?;
    stray.retain(|name, _| {
        let name = name.to_string_lossy();
        !pinned.contains(name.as_ref())
            && !of_modules.contains(name.as_ref())
            && !environment::is_script(&name)
    });
    let mut found = Vec::new();
    for tool in installed(scene)? {
        let bins: Vec<&String> =
            tool.bins.iter().filter(|bin| stray.remove(&OsString::from(bin.as_str())).is_some()).collect();
        if !bins.is_empty() {
            let message = "`cargo install` put it into the environment, and nothing pins it: a clone of the project will not have it";
            found.push((tool.package.to_string(), message.to_owned(), by_cargo(scene, &tool, &bins)));
        }
    }
    let bin = scene.environment.layout().bin();
    for name in stray.keys() {
        let path = format!(".envtool/bin/{}", name.display());
        let is_folder = fs::kind(&bin.join(name))? == fs::Kind::Folder;
        let remove = format!("rm {}{}", if is_folder { "-r " } else { "" }, quoted(&path));
        let remedy = match name.to_str() {
            None => Remedy::User(format!("take it away: `{remove}`")),
            Some(name) => {
                let aside = Step::PutAside { folder: BIN.to_owned(), entry: name.to_owned() };
                let command = format!("{remove} && envtool add --tool NAME");
                let pin = Way { answer: "pin", words: "pin what it belongs to", steps: Vec::new(), command };
                Remedy::Choice(vec![pin, take_away(vec![aside], remove)])
            }
        };
        let message = "nothing that is pinned owns it: a clone of the project will not have it";
        found.push((path, message.to_owned(), remedy));
    }
    Ok(found)
}

/// What cargo's records of the environment say; nothing where one cannot be read.
fn installed(scene: &Scene<'_>) -> Result<Vec<Installed>> {
    let layout = scene.environment.layout();
    let text = |path: PathBuf| -> Result<Option<String>> {
        Ok(fs::read(&path)?.and_then(|bytes| String::from_utf8(bytes).ok()))
    };
    let (newer, older) = (text(layout.cargo_record())?, text(layout.old_cargo_record())?);
    let records = cargo_installed::parse(newer.as_deref(), older.as_deref(), ".envtool");
    for line in &records.unread {
        scene.context.progress.warn(line);
    }
    Ok(records.installed)
}

/// A tool that `cargo install` put here: its executables and its rows go in both cases, since a pin brings its own.
fn by_cargo(scene: &Scene<'_>, tool: &Installed, bins: &[&String]) -> Remedy {
    let name = &tool.package.name;
    let mut away: Vec<Step> =
        bins.iter().map(|bin| Step::PutAside { folder: BIN.to_owned(), entry: (*bin).clone() }).collect();
    away.push(Step::Forget { package: tool.package.clone(), source: tool.source.clone() });
    let uninstall = format!("envtool run -- cargo uninstall {name}");
    let mut add = format!("{uninstall} && envtool add --tool {name}@{}", tool.package.version);
    let steps = match global_tool::remedy(scene.environment.layout().root(), tool) {
        Remedy::Steps(adopt) => {
            for step in &adopt {
                if let Step::Adopt { features, default_features, .. } = step {
                    if !features.is_empty() {
                        add.push_str(&format!(" --features {}", features.join(",")));
                    }
                    if !default_features {
                        add.push_str(" --no-default-features");
                    }
                }
            }
            adopt.into_iter().chain(away.clone()).collect()
        }
        // More than a pin can say, or than envtool can build.
        Remedy::Choice(_) | Remedy::User(_) => Vec::new(),
    };
    let pin = Way { answer: "pin", words: "pin it", steps, command: add };
    Remedy::Choice(vec![pin, take_away(away, uninstall)])
}

pub(super) fn take_away(steps: Vec<Step>, command: String) -> Way {
    Way { answer: "take", words: "take it away", steps, command }
}

/// A path as a shell reads it.
pub(super) fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}
