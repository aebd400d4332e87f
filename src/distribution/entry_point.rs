//! `entry_points.txt`: the commands that a distribution makes. As INI: `NAME = MODULE:ATTRIBUTE [EXTRAS]` below
//! `[console_scripts]` and `[gui_scripts]`.

use super::record::is_module_name;
use crate::package::is_executable_name;

/// A command of a distribution: a function that is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPoint {
    /// The command; a plain file name.
    pub name: String,
    /// The module, with dots.
    pub module: String,
    /// The function in it, with dots.
    pub attribute: String,
    /// Whether it opens windows, and has no terminal.
    pub is_gui: bool,
}

/// The commands. What is no plain name or no function is passed over.
pub(super) fn parse(text: &str) -> Vec<EntryPoint> {
    let mut section = "";
    let mut found = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim();
            continue;
        }
        let is_gui = match section {
            "console_scripts" => false,
            "gui_scripts" => true,
            _ => continue,
        };
        let Some((name, reference)) = line.split_once('=') else { continue };
        let (name, reference) = (name.trim(), reference.split('[').next().unwrap_or_default());
        let Some((module, attribute)) = reference.split_once(':') else { continue };
        let (module, attribute) = (module.trim(), attribute.trim());
        let dotted = |text: &str| text.split('.').all(is_module_name);
        if is_executable_name(name) && dotted(module) && dotted(attribute) {
            found.push(EntryPoint {
                name: name.to_owned(),
                module: module.to_owned(),
                attribute: attribute.to_owned(),
                is_gui,
            });
        }
    }
    found
}
