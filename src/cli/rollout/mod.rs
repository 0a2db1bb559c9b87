//! `bearwatch rollout`: how often the station lets a bad model through, and stops a good one; on simulated cameras.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{Exit, Outcome};
use super::output::{check_parent, is_stdout, write_json, write_text};

mod challenger;
mod measure;
mod park;

/// Measure how well the station decides on new models.
///
/// Cameras with bears, other animals and lights of their own are simulated as they count for `models`, people as they judge disagreements, and challengers that are
/// bad or good in several ways; the station's own rules let each of them from ring to ring, or stop it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bearwatch rollout                             a minute or two; docs/rollout.md has the figures
  bearwatch rollout --runs 20 --edges 0 --json -

Exit codes: 0 measured · 73, 74 a file cannot be written")]
pub struct RolloutArgs {
    /// Rollouts of each challenger
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    runs: u32,
    /// Rollouts of each challenger that lies on a limit
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    edges: u32,
    /// What happens when
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write the figures as JSON to FILE (- for standard output, instead of the words)
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// See the exit codes in its help.
pub fn run(args: RolloutArgs) -> Outcome {
    args.json.iter().try_for_each(|path| check_parent(path))?;
    let report = measure::report(&args);
    if let Some(path) = &args.json {
        write_json(path, &report)?;
    }
    if !args.json.as_deref().is_some_and(is_stdout) {
        write_text(Path::new("-"), &report.words())?;
    }
    Ok(Exit::Ok)
}
