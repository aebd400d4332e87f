//! `envtool completions`: what makes a shell complete envtool's command lines.
//!
//! The script asks envtool itself at each Tab, so it knows the names of the project, and serves the next version too.

use clap::builder::PossibleValuesParser;
use clap_complete::env::Shells;

use super::Outcome;
use crate::fault::{Fault, Result};

/// The variable by which a shell's script asks envtool what it offers.
pub const VARIABLE: &str = "ENVTOOL_COMPLETE";

/// The arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The shell
    #[arg(value_parser = PossibleValuesParser::new(Shells::builtins().names()))]
    shell: String,
}

/// Prints the script.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    let bad = |why: String| Fault::new("could not write the script").why(why).help("run it again");
    let shells = Shells::builtins();
    let shell = shells.completer(&arguments.shell).ok_or_else(|| bad("no such shell".to_owned()))?;
    let mut script = Vec::new();
    shell
        .write_registration(VARIABLE, "envtool", "envtool", "envtool", &mut script)
        .map_err(|error| bad(error.to_string()))?;
    Ok(Outcome::data(String::from_utf8_lossy(&script).into_owned()))
}
