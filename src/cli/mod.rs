//! The commands: one short file each.

use clap::{Parser, Subcommand};

pub mod bench;
pub mod broker;
pub mod check;
pub mod command;
pub mod connection;
pub mod demo;
pub mod detect;
#[cfg(feature = "station")]
pub mod drift;
pub mod eval;
pub mod exit;
pub mod input;
pub mod models;
pub mod number;
pub mod output;
pub mod progress;
pub mod reach;
pub mod reset;
#[cfg(feature = "station")]
pub mod rollout;
pub mod run;
pub mod say;
pub mod schema;
pub mod simulate;
pub mod soak;
#[cfg(feature = "station")]
pub mod station;
pub mod swarm;
pub mod watch;

use exit::Outcome;

/// Sees bears at campsites and tells rangers.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    Run(run::RunArgs),
    Demo(demo::DemoArgs),
    Watch(watch::WatchArgs),
    Command(command::CommandArgs),
    #[cfg(feature = "station")]
    // Most of all options are its.
    Station(Box<station::StationArgs>),
    #[cfg(feature = "station")]
    Drift(drift::DriftArgs),
    #[cfg(feature = "station")]
    Rollout(rollout::RolloutArgs),
    Check(check::CheckArgs),
    Reset(reset::ResetArgs),
    Models(models::ModelsArgs),
    Reach(reach::ReachArgs),
    Schema(schema::SchemaArgs),
    Detect(detect::DetectArgs),
    Eval(eval::EvalArgs),
    Bench(bench::BenchArgs),
    Simulate(simulate::SimulateArgs),
    Soak(soak::SoakArgs),
    Swarm(swarm::SwarmArgs),
}

impl Cli {
    /// Runs the chosen command.
    pub fn run(self) -> Outcome {
        match self.task {
            Task::Run(args) => run::run(args),
            Task::Demo(args) => demo::run(args),
            Task::Watch(args) => watch::run(args),
            Task::Command(args) => command::run(args),
            #[cfg(feature = "station")]
            Task::Station(args) => station::run(*args),
            #[cfg(feature = "station")]
            Task::Drift(args) => drift::run(args),
            #[cfg(feature = "station")]
            Task::Rollout(args) => rollout::run(args),
            Task::Check(args) => check::run(args),
            Task::Reset(args) => reset::run(args),
            Task::Models(args) => models::run(args),
            Task::Bench(args) => bench::run(args),
            Task::Reach(args) => reach::run(args),
            Task::Schema(args) => schema::run(args),
            Task::Detect(args) => detect::run(args),
            Task::Eval(args) => eval::run(args),
            Task::Simulate(args) => simulate::run(args),
            Task::Soak(args) => soak::run(args),
            Task::Swarm(args) => swarm::run(args),
        }
    }
}
