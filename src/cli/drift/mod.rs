//! `bearwatch drift`: how often the station tells of a shift where there is none, and how soon where there is one; on simulated cameras.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{Exit, OrExit, Outcome};
use super::output::{check_parent, is_stdout, write_json, write_text};

mod calibrate;
pub mod chance;
mod measure;
pub mod park;
pub mod plant;

/// Measure how good the station is at telling that something has shifted at a camera.
///
/// Cameras with days, seasons, weather that lasts, visits and failures of their own are simulated as they count for telemetry (`drift`), and judged
/// as the station judges them: weeks in which nothing has shifted, and weeks with a shift that was planted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bearwatch drift                               some minutes; docs/drift.md has the figures
  bearwatch drift --cameras 20 --json -
  bearwatch drift --calibrate src/station/drift/null.json --weeks 400000

Exit codes: 0 measured · 73, 74 a file cannot be written")]
pub struct DriftArgs {
    /// Cameras in whose weeks nothing shifts, ten at each site
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    cameras: u32,
    /// Cameras for each kind of shift
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    planted: u32,
    /// Weeks that each camera is judged; with --calibrate, weeks that are drawn
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    weeks: u32,
    /// What happens when
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write the figures as JSON to FILE (- for standard output, instead of the words)
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the table by which evidence is judged anew, and write it to FILE
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    calibrate: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// See the exit codes in its help.
pub fn run(args: DriftArgs) -> Outcome {
    if let Some(path) = &args.calibrate {
        check_parent(path)?;
        let table = calibrate::table(args.weeks as usize, args.seed);
        write_text(path, &(serde_json::to_string(&table).or_exit(Exit::Bug)? + "\n"))?;
        return Ok(Exit::Ok);
    }
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
