//! The half of `modified` that looks at Python packages.
//!
//! Every file is hashed again, and the receipt says what all of a package's files were when uv had put them there; their
//! `RECORD` names the one that differs. Who changes a file together with its `RECORD` is found by the receipt. Who
//! changes the receipt too is not: the lock's digests are those of wheels, and uv keeps what was in a wheel, not the wheel.
//! What Python compiles (`__pycache__`) never counts.

use std::collections::BTreeMap;
use std::path::Path;

use super::venvs::{Held, shown};
use super::{Finding, Remedy, Scene, Severity};
use crate::digest::Digest;
use crate::distribution::Recorded;
use crate::environment::{PYTHON_NAMES, PYTHON_SCRIPT, Venv};
use crate::fault::Result;
use crate::fs;
use crate::layout::BIN;
use crate::module::ModuleName;
use crate::python::installed::{self, Found};

/// The packages of every venv.
pub(super) fn findings(check: &'static str, scene: &Scene<'_>) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for held in scene.venvs()? {
        let Some(venv) = held.venv.as_ref().filter(|_| !held.is_gone()) else { continue };
        let mut report = |subject: String, message: String, modules: Vec<ModuleName>| {
            found.push(finding(check, subject, message, held.again(modules)));
        };
        match packages(held, venv, scene.quick) {
            Ok(modified) => {
                for (module, why) in modified {
                    let id = held.receipt(&module).map(|receipt| held.subject(&receipt.module));
                    report(id.unwrap_or_default(), why, vec![module]);
                }
            }
            // What a package says of itself reaches out of the venv, or cannot be read.
            Err(fault) => {
                let all = held.rows.iter().map(|row| row.name.clone()).collect();
                report(held.shown(), fault.to_string(), all);
            }
        }
        for (name, module) in links(held, scene)? {
            let subject = shown(&Path::new(BIN).join(&name));
            report(subject, format!("`{name}` is not what envtool put there"), module.into_iter().collect());
        }
    }
    Ok(found)
}

fn finding(check: &'static str, subject: String, message: String, remedy: Remedy) -> Finding {
    Finding { check, severity: Severity::Error, subject, message, remedy }
}

/// The packages of a venv whose files are not those that were installed, and how they differ.
fn packages(held: &Held, venv: &Venv, quick: bool) -> Result<Vec<(ModuleName, String)>> {
    let is_there = |name: &ModuleName| !held.absent.iter().any(|one| one.module.as_ref() == Some(name));
    let mut modified = Vec::new();
    if quick && !differs_in_size(held, venv)? {
        return Ok(modified);
    }
    for found in installed::look(venv)? {
        let name = &found.distribution.id.name;
        let Some(receipt) = held.receipt(name).filter(|_| is_there(name)) else { continue };
        // The receipt judges: what a wheel brings as its RECORD may be wrong from the start.
        if receipt.files != found.digest {
            let with_record = || {
                "its files are not those that were installed, and its RECORD was changed with them".to_owned()
            };
            modified.push((name.clone(), differs(&found, venv).unwrap_or_else(with_record)));
        }
    }
    Ok(modified)
}

/// Whether a file of a venv is missing or has another size than its package says: then it is worth reading.
fn differs_in_size(held: &Held, venv: &Venv) -> Result<bool> {
    for one in &held.installed {
        for (path, recorded) in installed::recorded(venv, &one.distribution) {
            let about = fs::metadata(&venv.root.join(path))?;
            if about.is_none_or(|about| recorded.size.is_some_and(|size| about.len() != size)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The first file that is not what the package's `RECORD` says.
fn differs(found: &Found, venv: &Venv) -> Option<String> {
    let recorded: BTreeMap<String, &Recorded> = installed::recorded(venv, &found.distribution);
    for (path, one) in &recorded {
        match found.files.get(path) {
            None => return Some(format!("{path} is missing")),
            Some(now) => {
                let expected = one.digest.as_deref().and_then(|text| text.strip_prefix("sha256="));
                if expected.is_some_and(|expected| expected.trim_end_matches('=') != base64(now)) {
                    return Some(format!("{path} was changed"));
                }
            }
        }
    }
    found.files.keys().find(|path| !recorded.contains_key(*path)).map(|path| format!("{path} was added"))
}

/// As a `RECORD` writes a digest: base64 for URLs, without padding.
fn base64(digest: &Digest) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in digest.as_bytes().chunks(3) {
        let bits =
            chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            text.push(char::from(LETTERS[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
    text
}

/// The names in `bin/` that should lead into a venv, or start it, and do not: each with its package.
fn links(held: &Held, scene: &Scene<'_>) -> Result<Vec<(String, Option<ModuleName>)>> {
    let bin = scene.environment.layout().bin();
    let mut found = Vec::new();
    for (name, receipt) in held.links() {
        let path = bin.join(name);
        // What is gone is `missing`.
        if fs::kind(&path)? != fs::Kind::Absent
            && fs::link_target(&path)?.as_deref() != Some(held.target(name).as_path())
        {
            found.push((name.to_owned(), Some(receipt.module.name.clone())));
        }
    }
    for name in PYTHON_NAMES.iter().filter(|_| !held.is_tools()) {
        if fs::read(&bin.join(name))?.is_some_and(|bytes| bytes != PYTHON_SCRIPT.as_bytes()) {
            found.push(((*name).to_owned(), None));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::base64;
    use crate::digest::Digest;

    #[test]
    fn a_digest_is_written_as_a_record_has_it() {
        assert_eq!(base64(&Digest::of(b"")), "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
    }
}
