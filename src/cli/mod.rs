//! The commands: one short file each.

use clap::{Parser, Subcommand};

pub mod bench;
pub mod broker;
pub mod check;
pub mod command;
pub mod connection;
pub mod demo;
pub mod detect;
pub mod eval;
pub mod exit;
pub mod input;
pub mod models;
pub mod number;
pub mod progress;
pub mod reach;
pub mod reset;
pub mod run;
pub mod say;
pub mod simulate;
pub mod watch;

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
    Run(run::RunArgs),
    Demo(demo::DemoArgs),
    Watch(watch::WatchArgs),
    Command(command::CommandArgs),
    Check(check::CheckArgs),
    Reset(reset::ResetArgs),
    Models(models::ModelsArgs),
    Reach(reach::ReachArgs),
    Detect(detect::DetectArgs),
    Eval(eval::EvalArgs),
    Bench(bench::BenchArgs),
    Simulate(simulate::SimulateArgs),
}

impl Cli {
    /// Runs the chosen command.
    pub fn run(self) -> Outcome {
        match self.command {
            Command::Run(args) => run::run(args),
            Command::Demo(args) => demo::run(args),
            Command::Watch(args) => watch::run(args),
            Command::Command(args) => command::run(args),
            Command::Check(args) => check::run(args),
            Command::Reset(args) => reset::run(args),
            Command::Models(args) => models::run(args),
            Command::Bench(args) => bench::run(args),
            Command::Reach(args) => reach::run(args),
            Command::Detect(args) => detect::run(args),
            Command::Eval(args) => eval::run(args),
            Command::Simulate(args) => simulate::run(args),
        }
    }
}
