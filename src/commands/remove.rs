//! `envtool remove`: takes pins away.

use super::done::{Done, Pin};
use super::{Outcome, candidates, sync as sync_verb};
use crate::adding::{self, Gone, Named};
use crate::context::Context;
use crate::fault::{Fault, Result};
use crate::project::Project;
use crate::spec::Spec;
use crate::trusted;

/// The arguments of `remove`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Packages: NAME or REGISTRY:NAME
    #[arg(required = true, value_name = "NAME", add = candidates::pins())]
    names: Vec<String>,
    /// Only from this member of the workspace
    #[arg(short, long, value_name = "MEMBER")]
    package: Option<String>,
}

/// Takes pins away, their rows of the lock and their files, and nothing that another pin needs.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    // 1. Which pins.
    let names = arguments.names.iter().map(|text| name(text)).collect::<Result<Vec<_>>>()?;
    let project = Project::find_or_fault(&context.folder)?;
    // 2. Without them, and in order.
    let member = arguments.package.as_deref();
    let removed =
        trusted::keeping(&project.layout, context, || adding::remove(&project, &names, member, context))?;
    // 3. Say what was done.
    if context.flags.json {
        let pins = removed.pins.iter().map(Pin::from).collect();
        return Done::of(&project.layout, pins, &removed.report).outcome();
    }
    let mut notes: Vec<String> =
        removed.pins.iter().map(|Gone { name, place, .. }| format!("Took {name} out of {place}")).collect();
    notes.extend(sync_verb::notes(&removed.report, context));
    Ok(Outcome { notes, ..Outcome::default() })
}

fn name(text: &str) -> Result<Named> {
    let spec: Spec = text.parse()?;
    if spec.names_version() {
        return Err(Fault::usage(format!("{spec} names a version"))
            .help(format!("`envtool remove {}`", spec.without_version())));
    }
    Ok(match spec {
        Spec::Crate(spec) => Named::Any(spec.name),
        Spec::Module(spec) => Named::Module(spec.name),
    })
}
