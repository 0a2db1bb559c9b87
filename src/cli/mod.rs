//! The commands: one short file each.

use clap::{Parser, Subcommand};

pub mod detect;
pub mod eval;
pub mod exit;
pub mod input;
pub mod progress;
pub mod simulate;

use exit::Outcome;

/// Sees bears at campsites and tells rangers.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Detect(detect::DetectArgs),
    Eval(eval::EvalArgs),
    Simulate(simulate::SimulateArgs),
}

impl Cli {
    /// Runs the chosen command.
    pub fn run(self) -> Outcome {
        match self.command {
            Command::Detect(args) => detect::run(args),
            Command::Eval(args) => eval::run(args),
            Command::Simulate(args) => simulate::run(args),
        }
    }
}
