//! A project: the folder that holds `envtool.toml`, found by walking up, as git finds its own.

use std::path::Path;

use crate::context::Context;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::layout::{MANIFEST, ProjectLayout};
use crate::manifest::Manifest;
use crate::mirror::Mirror;

/// A project.
#[derive(Debug)]
pub struct Project {
    /// Its paths.
    pub layout: ProjectLayout,
    /// The text of its manifest.
    pub text: String,
    /// Where that is to become the text: what lies there until then.
    pub before: Option<String>,
    /// What that asks for.
    pub manifest: Manifest,
    /// Whether it is a cargo package or workspace, which keeps its crates where cargo keeps them.
    pub is_cargo: bool,
}

impl Project {
    /// The project that `folder` belongs to; `None` where neither it nor one above it holds a manifest.
    pub fn find(folder: &Path) -> Result<Option<Self>> {
        for above in folder.ancestors() {
            if fs::is_file(&above.join(MANIFEST))? {
                return Self::at(above).map(Some);
            }
        }
        Ok(None)
    }

    /// The project that `folder` belongs to, for the commands that need one.
    pub fn find_or_fault(folder: &Path) -> Result<Self> {
        Self::find(folder)?.ok_or_else(|| {
            Fault::new(format!("{} belongs to no project", folder.display()))
                .why(format!("neither it nor a folder above it holds {MANIFEST}"))
                .help("`envtool init` makes one here")
        })
    }

    /// The project in `root`, whose manifest is there.
    pub fn at(root: &Path) -> Result<Self> {
        let layout = ProjectLayout::new(root.to_owned());
        let path = layout.manifest();
        tracing::debug!(?path, "reads the manifest");
        let text = fs::read_text(&path)?.unwrap_or_default();
        Self::of(layout, text, None)
    }

    /// The same project with another manifest, which is not written yet.
    pub fn with_manifest(&self, text: String) -> Result<Self> {
        let before = self.before.as_ref().unwrap_or(&self.text).clone();
        let before = (before != text).then_some(before);
        Self::of(self.layout.clone(), text, before)
    }

    /// The mirror that stands in for crates.io and PyPI here: the one that the user names, else the project's.
    pub fn mirror(&self, context: &Context<'_>) -> Result<Option<Mirror>> {
        let own = || {
            let url = self.manifest.env.mirror.clone()?;
            Some(Mirror::of_a_project(url, &self.layout.manifest()))
        };
        let mirror = context.mirror()?.unwrap_or_else(own);
        if let Some(mirror) = &mirror {
            tracing::debug!(?mirror, "stands in for crates.io and PyPI");
        }
        Ok(mirror)
    }

    fn of(layout: ProjectLayout, text: String, before: Option<String>) -> Result<Self> {
        let path = layout.manifest();
        let manifest = Manifest::parse(&text, &path.display().to_string())?;
        let is_cargo = fs::is_file(&layout.cargo_manifest())?;
        if is_cargo && !manifest.crates.is_empty() {
            return Err(Fault::new(format!("could not use [crates] of {}", path.display()))
                .why("beside a Cargo.toml the crates of a project stand in that")
                .help("write them into [dependencies] of Cargo.toml (`NAME = \"=VERSION\"`), remove [crates], and run `envtool sync`"));
        }
        Ok(Self { layout, text, before, manifest, is_cargo })
    }
}
