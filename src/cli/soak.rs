//! `bearwatch soak`: days at a campsite without bears, and how often they raise an alarm.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use serde::Serialize;

use super::eval::decide::Decide;
use super::eval::model_failure;
use super::exit::{Exit, OrExit, Outcome};
use super::number::within;
use super::output::{check_parent, command, is_stdout, write_json, write_text};
use crate::evaluate::intervals::poisson_upper95;
use crate::infer::bundle::{Bundle, ModelName};
use crate::infer::engine::Engine;

mod camp;

use camp::{Alarm, Camp};

/// Days at a simulated campsite without bears: how often is an alert raised for nothing?
#[derive(Debug, Args)]
#[command(after_help = "\
Persons and dogs walk by; insects, webs, snow, rain, headlights and wind are drawn over the scene; light goes from day over
dusk to infrared night and back. One frame a second is looked at, five while something moves. Every frame is DRAWN: this
finds what a night of weather and visitors does to the decision, no more.

Example:
  bearwatch soak --hours 24 --seed 7 --board-ms 114 --out alarms

Exit codes: 0, whatever was raised · 65 the model is unsuitable · 66 the model is not there · 73 an output cannot be written")]
pub struct SoakArgs {
    /// Hours of scene time; light and weather of a day are gone through in them
    #[arg(long, value_name = "H", default_value_t = 24.0, value_parser = within(0.05, 1000.0, "hours"))]
    hours: f64,
    /// Which campsite, and what happens there
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// As on a board on which one region takes MS milliseconds [default: measured here]
    #[arg(long, value_name = "MS", value_parser = within(0.01, 60_000.0, "milliseconds"))]
    board_ms: Option<f64>,
    /// Width of the frame, pixels
    #[arg(long, value_name = "PX", default_value_t = 1280, value_parser = clap::value_parser!(u32).range(64..=4096))]
    width: u32,
    /// Height of the frame, pixels
    #[arg(long, value_name = "PX", default_value_t = 720, value_parser = clap::value_parser!(u32).range(64..=4096))]
    height: u32,
    /// Model to run, NAME.onnx with its card NAME.json beside it
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Write the figures as JSON to FILE (- for standard output, instead of the words)
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Folder to be made for pictures of the moments that raised an alarm
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// What is told.
#[derive(Debug, Serialize)]
struct Report {
    model: ModelName,
    seed: u64,
    hours: f64,
    size: [u32; 2],
    board_ms: Option<f64>,
    /// Frames and regions that were looked at.
    frames: u64,
    regions: u64,
    deadline_misses: u64,
    alarms: Alarms,
    /// Most alarms a day of our own that these hours leave room for: exact one-sided 95 % bound.
    most_a_day: f64,
    /// Things that were learned to stand still and to look like a bear.
    ghosts: usize,
    each: Vec<Alarm>,
    version: &'static str,
    command: String,
}

/// Alerts for nothing, by who decided.
#[derive(Clone, Copy, Debug, Serialize)]
struct Alarms {
    track: u64,
    median: u64,
    frame: u64,
}

/// Plays the hours.
///
/// # Errors
/// See the exit codes in its help.
pub fn run(args: SoakArgs) -> Outcome {
    args.json.iter().try_for_each(|path| check_parent(path))?;
    if let Some(folder) = &args.out {
        let made = std::fs::create_dir_all(folder);
        made.map_err(|error| anyhow!("{}: {error}", folder.display())).or_exit(Exit::CannotCreate)?;
    }
    let bundle = Bundle::open(args.model.as_deref()).map_err(model_failure)?;
    let engine = Engine::load(&bundle).map_err(model_failure)?;
    let mut camp = Camp::new(&engine);
    camp.live(&args)?;
    let report = Report::new(&args, &bundle, camp);
    if let Some(path) = &args.json {
        write_json(path, &report)?;
    }
    if !args.json.as_deref().is_some_and(is_stdout) {
        write_text(Path::new("-"), &report.words())?;
    }
    Ok(Exit::Ok)
}

impl Report {
    fn new(args: &SoakArgs, bundle: &Bundle, camp: Camp) -> Report {
        let by = |decide| camp.alarms.iter().filter(|a| a.by == decide).count() as u64;
        let alarms =
            Alarms { track: by(Decide::Track), median: by(Decide::Median), frame: by(Decide::Frame) };
        Report {
            model: bundle.id.clone(),
            seed: args.seed,
            hours: args.hours,
            size: [args.width, args.height],
            board_ms: args.board_ms,
            frames: camp.frames,
            regions: camp.regions,
            deadline_misses: camp.deadline_misses,
            alarms,
            most_a_day: poisson_upper95(alarms.track) * 24.0 / args.hours,
            ghosts: camp.ghosts(),
            each: camp.alarms,
            version: env!("CARGO_PKG_VERSION"),
            command: command(),
        }
    }

    fn words(&self) -> String {
        let Report { hours, frames, regions, deadline_misses, alarms, most_a_day, ghosts, .. } = self;
        let each: String = self.each.iter().map(|alarm| format!("{alarm}\n")).collect();
        format!(
            "{hours} hours of scene time, {frames} frames, {regions} regions, {deadline_misses} past the deadline\n\
             alerts for nothing: {} by tracks and evidence (no more than {most_a_day:.2} a day with 95 % confidence), \
             {} by the median of three frames, {} by one frame\n\
             {ghosts} things known to stand still\n{each}",
            alarms.track, alarms.median, alarms.frame
        )
    }
}
