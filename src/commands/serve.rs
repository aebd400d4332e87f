//! `envtool serve`: a mirror of the registries for other machines.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Outcome;
use crate::context::Context;
use crate::fault::{Fault, Result};
use crate::fs;
use crate::serve;
use crate::serve_config::{ServeConfig, listening};

/// The arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where to listen [default: 127.0.0.1:7878]
    #[arg(long, value_name = "ADDR:PORT", value_parser = listening)]
    bind: Option<SocketAddr>,
    /// What else the mirror is told: registries, private names, tokens, limits
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    config: Option<PathBuf>,
}

/// Answers until it is asked to end.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome> {
    // 1. What it is told.
    let mut config = match &arguments.config {
        Some(file) => {
            let path = context.folder.join(file);
            let text = fs::read_text(&path)?.ok_or_else(|| {
                Fault::usage(format!("there is no file {}", path.display()))
                    .help("name the mirror's configuration, or leave `--config` out")
            })?;
            ServeConfig::parse(&path, &text)?
        }
        None => ServeConfig::default(),
    };
    config.bind = arguments.bind.unwrap_or(config.bind);
    if !config.bind.ip().is_loopback() && !config.access.is_needed() {
        context.progress.warn(&format!(
            "everyone who reaches {} may read from this mirror; [access] of its configuration names tokens",
            config.bind
        ));
    }
    // 2. Answer.
    serve::run(config, context, |bound| {
        context.progress.note(&format!("Serving http://{bound} (Ctrl-C ends it)"));
    })?;
    Ok(Outcome { notes: vec!["Ended".to_owned()], ..Outcome::default() })
}
