//! The commands: one short file each.

use clap::{Parser, Subcommand};

pub mod exit;
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
    Simulate(simulate::SimulateArgs),
}

impl Cli {
    /// Runs the chosen command.
    pub fn run(self) -> Outcome {
        match self.command {
            Command::Simulate(args) => simulate::run(args),
        }
    }
}
