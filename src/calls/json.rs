//! `package.json`: the scripts that npm and its like run (npm's docs, "scripts").

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::shell::{self, Variables};
use super::{Call, Form};

#[derive(Deserialize)]
struct Package<'a> {
    #[serde(borrow)]
    scripts: Option<BTreeMap<String, &'a RawValue>>,
    dependencies: Option<serde_json::Value>,
    #[serde(rename = "devDependencies")]
    development: Option<serde_json::Value>,
    #[serde(rename = "optionalDependencies")]
    optional: Option<serde_json::Value>,
}

/// The calls of all scripts. A name that a dependency brings is none: `node_modules/.bin` comes first on the scripts' PATH.
pub(super) fn calls(text: &str) -> Vec<Call> {
    let Ok(package) = serde_json::from_str::<Package>(text) else { return Vec::new() };
    let tables = [&package.dependencies, &package.development, &package.optional];
    let dependencies: Vec<&str> = tables
        .into_iter()
        .filter_map(|table| table.as_ref()?.as_object())
        .flat_map(|table| table.keys())
        .map(|name| name.rsplit('/').next().unwrap_or(name))
        .collect();
    let mut calls = Vec::new();
    for script in package.scripts.iter().flat_map(BTreeMap::values) {
        let Ok(command) = serde_json::from_str::<String>(script.get()) else { continue };
        // The value borrows from the text: where it lies there says its line.
        let at = script.get().as_ptr().addr().saturating_sub(text.as_ptr().addr());
        let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        let found = shell::read(&command.replace('\n', ";"), line, &Variables::new());
        calls.extend(
            found
                .into_iter()
                .filter(|call| call.form != Form::Command || !dependencies.contains(&call.name.as_str())),
        );
    }
    calls
}
