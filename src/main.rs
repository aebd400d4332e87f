//! The program `envtool`: parses, runs, renders, and returns the exit code.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::CompleteEnv;
use envtool::cli::Cli;
use envtool::commands::completions;
use envtool::context::Context;
use envtool::ui::Ui;

fn main() -> ExitCode {
    // Where a shell asks what it may offer, that is all; without the variable nothing is done here.
    CompleteEnv::with_factory(Cli::command).var(completions::VARIABLE).complete();
    let cli = Cli::read();
    let (ui, ready) = Ui::new(cli.manner());
    let outcome = ready.and_then(|()| Context::read(cli.flags(), &ui)).and_then(|context| cli.run(&context));
    ExitCode::from(match outcome {
        Ok(outcome) => ui.outcome(&outcome),
        Err(fault) => ui.fault(&fault),
    })
}
