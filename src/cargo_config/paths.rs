//! The files and folders of this machine that a configuration builds with.

use std::path::PathBuf;

use super::CargoConfig;
use super::tree::{Node, Place, Scalar};
use crate::fault::Result;

/// A path that a configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The setting, such as `build.rustc-wrapper`.
    pub key: String,
    /// Where it leads; `..` is left in it.
    pub path: PathBuf,
    /// Where it is written.
    pub place: Place,
}

/// The settings whose paths bring code into a build: `*` is any name.
const KEYS: &[&[&str]] = &[
    &["paths"],
    &["patch", "*", "*", "path"],
    &["source", "*", "directory"],
    &["source", "*", "local-registry"],
    &["build", "rustc"],
    &["build", "rustc-wrapper"],
    &["build", "rustc-workspace-wrapper"],
    &["build", "rustdoc"],
    &["target", "*", "linker"],
    &["target", "*", "runner"],
];

impl CargoConfig {
    /// The paths that bring code into a build, in the files. A program that is looked up on PATH is none.
    pub fn named_paths(&self) -> Result<Vec<Named>> {
        let mut found = Vec::new();
        for key in KEYS {
            collect(&self.root, key, &mut Vec::new(), &mut found);
        }
        // An include counts from the folder of its file, and all else from that folder's parent.
        if let Some(Node::List(list, _)) = self.root.at(&["include"])? {
            for include in list.iter().map(super::include).collect::<Result<Vec<_>>>()? {
                let folder = include.place.file().and_then(std::path::Path::parent);
                let path = folder.map_or_else(PathBuf::new, PathBuf::from).join(&include.path);
                found.push(Named { key: "include".to_owned(), path, place: include.place });
            }
        }
        Ok(found)
    }
}

fn collect<'a>(node: &'a Node, key: &[&str], names: &mut Vec<&'a str>, found: &mut Vec<Named>) {
    match (node, key.split_first()) {
        (Node::Table(table, _), Some((wanted, rest))) => {
            for (name, node) in table.iter().filter(|(name, _)| *wanted == "*" || name == wanted) {
                names.push(name);
                collect(node, rest, names, found);
                names.pop();
            }
        }
        (Node::List(list, _), None) if names.last() == Some(&"runner") => {
            // A program, and its arguments.
            list.first().into_iter().for_each(|node| collect(node, &[], names, found));
        }
        (Node::List(list, _), None) => list.iter().for_each(|node| collect(node, &[], names, found)),
        (Node::Scalar(Scalar::Text(text), place), None) => {
            let text = match names.last() {
                Some(&"runner") => text.split_whitespace().next().unwrap_or_default(),
                _ => text,
            };
            let is_program = matches!(names.first(), Some(&("build" | "target")));
            if !is_program || text.contains('/') {
                found.push(Named { key: names.join("."), path: place.resolve(text), place: place.clone() });
            }
        }
        _ => {}
    }
}
