//! The program `envtool`: parses, runs, renders, and returns the exit code.

use std::process::ExitCode;

use clap::Parser;
use envtool::cli::Cli;
use envtool::context::Context;
use envtool::ui::Ui;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ui = Ui::new(cli.color(), cli.quiet(), cli.progress());
    let outcome = Context::read(cli.flags(), &ui).and_then(|context| cli.run(&context));
    ExitCode::from(match outcome {
        Ok(outcome) => ui.outcome(&outcome),
        Err(fault) => ui.fault(&fault),
    })
}
