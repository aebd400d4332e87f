//! What the checks look at: read once, and only what a check asks for.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use super::venvs::{self, Held};
use crate::cargo::config;
use crate::cargo_config::CargoConfig;
use crate::context::Context;
use crate::environment::Environment;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::CARGO_MANIFEST;
use crate::package::PackageId;
use crate::parallel;
use crate::plan::Wanted;
use crate::project::Project;
use crate::receipt::Receipt;
use crate::resolve;
use crate::store::{Store, TreeRecord};
use crate::sync::{Survey, survey};

/// A crate that the lock names.
#[derive(Debug)]
pub struct Crate<'s> {
    /// What is wanted of it.
    pub wanted: &'s Wanted,
    /// What the store holds of it.
    pub stored: &'s Stored,
    /// The receipt of this very release; `None` where it is not installed.
    pub receipt: Option<&'s Receipt>,
}

/// What the store holds of one crate.
#[derive(Debug)]
pub struct Stored {
    /// Whether its folder is there.
    pub folder: bool,
    /// What it was when it was unpacked; `None` where that is absent or cannot be read.
    pub record: Option<TreeRecord>,
}

/// A project with its environment, and the machine around it.
pub struct Scene<'a> {
    /// What the command found around it.
    pub context: &'a Context<'a>,
    /// The project.
    pub project: &'a Project,
    /// Its environment.
    pub environment: Environment,
    /// The store.
    pub store: Store,
    /// Whether names and sizes are enough.
    pub quick: bool,
    survey: OnceCell<std::result::Result<Survey, String>>,
    trees: OnceCell<Vec<Stored>>,
    config: OnceCell<CargoConfig>,
    venvs: OnceCell<Vec<Held>>,
}

impl<'a> Scene<'a> {
    /// The scene of a project whose environment is there.
    pub fn new(
        project: &'a Project,
        environment: Environment,
        context: &'a Context<'a>,
        quick: bool,
    ) -> Result<Self> {
        let store = Store::new(context.cache()?);
        Ok(Self {
            context,
            project,
            environment,
            store,
            quick,
            survey: OnceCell::new(),
            trees: OnceCell::new(),
            config: OnceCell::new(),
            venvs: OnceCell::new(),
        })
    }

    /// What the environment is to hold, and holds; `None` where a lock cannot be read, which `stale-lock` reports.
    pub fn survey(&self) -> Option<&Survey> {
        self.looked().as_ref().ok()
    }

    /// Why a lock cannot be read.
    pub fn unreadable(&self) -> Option<&str> {
        self.looked().as_ref().err().map(String::as_str)
    }

    fn looked(&self) -> &std::result::Result<Survey, String> {
        self.survey.get_or_init(|| {
            survey(self.project, &self.environment, &self.store).map_err(|fault: Fault| fault.to_string())
        })
    }

    /// The manifests of a cargo project: those of its members, and of every folder that one of them names by `path`.
    pub fn manifests(&self) -> Result<Vec<PathBuf>> {
        let root = self.project.layout.root();
        if !self.project.is_cargo {
            return Ok(Vec::new());
        }
        // Which members there are is cargo's to say; the last sync asked.
        let stamp = self.store.known(&self.environment.record().id)?.stamp;
        let inputs = stamp.into_iter().flat_map(|stamp| stamp.inputs).map(|input| root.join(input.path));
        let members: Vec<PathBuf> = inputs.filter(|path| path.ends_with(CARGO_MANIFEST)).collect();
        resolve::manifests(root, &members)
    }

    /// Every crate that the lock names; none where a lock cannot be read.
    pub fn crates(&self) -> Result<Vec<Crate<'_>>> {
        let Some(survey) = self.survey() else { return Ok(Vec::new()) };
        if self.trees.get().is_none() {
            let store = &self.store;
            let mut looked = parallel::each(survey.wanted.iter().enumerate().collect(), |(number, one)| {
                let record = one.key().map(|key| store.record(&key)).transpose()?.flatten();
                Ok((number, Stored { folder: fs::is_folder(&one.tree)?, record }))
            })?;
            looked.sort_unstable_by_key(|(number, _)| *number);
            let _ = self.trees.set(looked.into_iter().map(|(_, stored)| stored).collect());
        }
        let receipts: BTreeMap<(&str, &PackageId), &Receipt> = survey
            .receipts
            .iter()
            .map(|(folder, receipt)| ((folder.as_str(), &receipt.package), receipt))
            .collect();
        let trees = self.trees.get().into_iter().flatten();
        let crates = survey.wanted.iter().zip(trees).map(|(wanted, stored)| {
            let receipt = receipts.get(&(wanted.source.folder().as_str(), &wanted.package)).copied();
            Crate { wanted, stored, receipt: receipt.filter(|receipt| receipt.identity() == wanted.identity) }
        });
        Ok(crates.collect())
    }

    /// Its venvs; none where a lock cannot be read.
    pub fn venvs(&self) -> Result<&[Held]> {
        let Some(survey) = self.survey() else { return Ok(&[]) };
        if self.venvs.get().is_none() {
            let looked = venvs::look(self, survey)?;
            let _ = self.venvs.set(looked);
        }
        Ok(self.venvs.get().map_or(&[], Vec::as_slice))
    }

    /// cargo's configuration in the project, without that of environments.
    pub fn config(&self) -> Result<&CargoConfig> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let config = config::of_project(self.project.layout.root(), self.context)?;
        Ok(self.config.get_or_init(|| config))
    }
}
