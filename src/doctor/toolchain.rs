//! `toolchain`: a cargo that does not read the environment, a Python that is gone or another, another platform, a newer
//! compiler than the tools'.

use super::{Check, Finding, Remedy, Scene, Severity, Step, venvs};
use crate::cargo::program::ISOLATES_FROM;
use crate::compile::Toolchain;
use crate::environment::Record;
use crate::fault::Result;
use crate::receipt::How;
use crate::sync::session::find_cargo_to_look;

/// The check.
pub(super) struct ToolchainCheck;

impl Check for ToolchainCheck {
    fn id(&self) -> &'static str {
        "toolchain"
    }

    fn detect(&self, scene: &Scene<'_>) -> Result<Vec<Finding>> {
        let finding = |severity: Severity, subject: String, message: String, remedy: Remedy| Finding {
            check: self.id(),
            severity,
            subject,
            message,
            remedy,
        };
        let mut found = Vec::new();
        let (made, here) = (&scene.environment.record().platform, Record::new().platform);
        if *made != here {
            found.push(finding(
                Severity::Warning,
                ".envtool".to_owned(),
                format!("it was made on {made}, and this is {here}: its tools do not run here"),
                Remedy::step(Step::Sync),
            ));
        }
        found.extend(venvs::wrong_pythons(self.id(), scene)?);
        if scene.quick {
            return Ok(found);
        }
        let Some(survey) = scene.survey() else { return Ok(found) };
        if !survey.sources.is_empty() {
            let version = find_cargo_to_look(scene.project.layout.root(), scene.context)?.version()?;
            if (version.major, version.minor) < ISOLATES_FROM {
                found.push(finding(
                    Severity::Warning,
                    format!("cargo {version}"),
                    format!(
                        "it is older than {}.{} and does not read the environment: crates are not isolated",
                        ISOLATES_FROM.0, ISOLATES_FROM.1
                    ),
                    Remedy::User(
                        "`rustup update`, or another toolchain in the project's rust-toolchain.toml"
                            .to_owned(),
                    ),
                ));
            }
        }
        if !survey.tool_receipts.is_empty() {
            let toolchain = Toolchain::find(scene.context, None)?;
            let built = survey.tool_receipts.iter().filter(|receipt| receipt.how == How::Built);
            for receipt in built.filter(|receipt| receipt.rustc != toolchain.rustc()) {
                found.push(finding(
                    Severity::Info,
                    receipt.package.to_string(),
                    format!("it was built by {}, and this machine has {}", receipt.rustc, toolchain.rustc()),
                    Remedy::User(format!("nothing needs to be done; to build it anew: `envtool remove {0} && envtool add {0}@{1}`", receipt.package.name, receipt.package.version)),
                ));
            }
        }
        Ok(found)
    }
}
