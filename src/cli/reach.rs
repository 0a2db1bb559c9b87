//! `bearwatch reach`: how far a camera with this lens and these settings sees a bear.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Failure, OrExit, Outcome};
use super::number::within;
use super::say::{say, say_json};
use crate::capture::settings::SourceSettings;
use crate::config::Config;
use crate::infer::bundle::Bundle;
use crate::infer::engine::Engine;
use crate::perceive::budget::{Budget, Spent};
use crate::perceive::model::InputSpec;
use crate::perceive::plan::{Planner, Wanted};
use crate::perceive::reach::{Acuity, BEAR_M, Limit, Optics, Reach};
use crate::perceive::regions::tiles;
use crate::perceive::settings::Settings;
use crate::system::clock::Stopwatch;

/// Field of view of an ordinary camera's lens, degrees.
const LENS_DEGREES: f64 = 62.0;
/// Frames after which the budget has found its effort.
const SETTLED_FRAMES: usize = 200;
/// The sweep is given up as endless after so many frames: settings under which parts are never looked at closely.
const MOST_FRAMES: usize = 10_000;
/// Runs of the model whose median is its time here.
const TIMED_RUNS: usize = 5;

/// Say how far a camera sees a bear, by day and by infrared light.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bearwatch reach --width 1920 --height 1080 --lens 62
  bearwatch reach --config /etc/bearwatch.toml --lens 62     as this camera is set
  bearwatch reach --lens 62 --board-ms 114                   as on a board where one look takes so long

How to read it: the model's card says at what size it finds every second bear. \"Whole frame\" is looked
at with every frame; \"close look\" is a part of it, enlarged where that helps: wherever something moves
or may be a bear, and part by part in turn. Distances are for a bear seen from the side that nothing
hides; in infrared light the lamp must reach as far.

Exit codes: 0 · 65 the model's card does not say what it sees, or the model is unsuitable · 78 the
configuration is wrong")]
pub struct ReachArgs {
    /// Horizontal field of view of the lens, degrees, as its data sheet says [default: the configuration's capture.lens_degrees, or 62]
    #[arg(long, value_name = "DEGREES", value_parser = within(1.0, 170.0, "degrees"))]
    lens: Option<f64>,
    /// Length of the bear from nose to rump, metres
    #[arg(long, value_name = "METRES", default_value_t = BEAR_M, value_parser = within(0.1, 5.0, "metres"))]
    bear: f64,
    /// Take size, rate, budget and model from this configuration
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Width of the frame, pixels [default: the configuration's, or 1280]
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(32..=16_384))]
    width: Option<u32>,
    /// Height of the frame, pixels [default: the configuration's, or 720]
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(32..=16_384))]
    height: Option<u32>,
    /// Time that one look of the model takes, milliseconds [default: measured on this machine]
    #[arg(long, value_name = "MS", value_parser = within(0.01, 60_000.0, "milliseconds"))]
    board_ms: Option<f64>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What is told.
#[derive(Debug, Serialize)]
struct Report {
    frame: [u32; 2],
    lens_degrees: f64,
    bear_m: f64,
    /// One look of the model.
    look_ms: f64,
    /// Parts in which the frame is looked at closely, and how long one round over all of them takes, seconds; null where it is not.
    parts: usize,
    round_s: Option<f64>,
    #[serde(flatten)]
    reach: Reach,
}

/// Runs the command.
///
/// # Errors
/// 65 for a model without acuity in its card, 78 for a wrong configuration.
pub fn run(args: ReachArgs) -> Outcome {
    let config =
        args.config.as_deref().map(|path| Config::load(path, &[])).transpose().or_exit(Exit::Config)?;
    let model = config.as_ref().and_then(|config| config.model.path.as_deref());
    let bundle = Bundle::open(model).or_exit(Exit::BadData)?;
    let acuity: Acuity = serde_json::from_value(bundle.card["acuity"].clone()).map_err(|_| {
        let what = "its card has no \"acuity\" {day_px, infrared_px}: nobody measured what it sees; training.card writes it";
        Failure::new(Exit::BadData, anyhow!("{}: {what}", bundle.path.display()))
    })?;
    let look_ms = match args.board_ms {
        Some(ms) => ms,
        None => timed(&Engine::load(&bundle).or_exit(Exit::BadData)?).or_exit(Exit::Bug)?,
    };
    let settings = config.as_ref().map(|config| config.perceive.clone()).unwrap_or_default();
    let report = Report::of(&args, config.as_ref(), &settings, &bundle.spec.input, acuity, look_ms);
    match args.json {
        true => say_json(&report),
        false => say(&report.to_string()),
    }?;
    Ok(Exit::Ok)
}

/// Median time of a look at a grey picture, milliseconds.
fn timed(engine: &Engine) -> Result<f64, crate::infer::engine::RunError> {
    let InputSpec { width, height, fill, .. } = engine.spec().input;
    let (input, mut output) = (vec![fill; (3 * width * height) as usize], Vec::new());
    let mut times = Vec::with_capacity(TIMED_RUNS);
    for _ in 0..TIMED_RUNS {
        let watch = Stopwatch::start();
        engine.run(&input, &mut output)?;
        times.push(watch.elapsed_ms());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[TIMED_RUNS / 2])
}

impl Report {
    fn of(
        args: &ReachArgs,
        config: Option<&Config>,
        settings: &Settings,
        input: &InputSpec,
        acuity: Acuity,
        look_ms: f64,
    ) -> Report {
        let (width, height, fps) = frame(config);
        let (width, height) = (args.width.unwrap_or(width), args.height.unwrap_or(height));
        let lens_degrees =
            args.lens.or(config.and_then(|config| config.lens_degrees)).unwrap_or(LENS_DEGREES);
        let optics = Optics { frame: (width, height), lens_degrees, bear_m: args.bear };
        Report {
            frame: [width, height],
            lens_degrees,
            bear_m: args.bear,
            look_ms,
            parts: tiles(width, height, input).len(),
            round_s: round_s(settings, (width, height), input, look_ms, fps),
            reach: Reach::new(&optics, &acuity, input, settings.regions),
        }
    }
}

/// Size and rate of the frames that a configuration asks for, or those of an ordinary camera.
fn frame(config: Option<&Config>) -> (u32, u32, f64) {
    match config.map(|config| &config.capture.source) {
        Some(SourceSettings::Camera(camera)) => (camera.width, camera.height, f64::from(camera.fps)),
        Some(SourceSettings::Simulated(scene)) => (scene.width, scene.height, scene.fps),
        Some(SourceSettings::Files(files)) => (1280, 720, files.fps),
        _ => (1280, 720, 15.0),
    }
}

/// How long the daemon's own planner takes until every part was looked at closely once, seconds; `None` where it never is.
fn round_s(settings: &Settings, size: (u32, u32), input: &InputSpec, look_ms: f64, fps: f64) -> Option<f64> {
    let mut left = tiles(size.0, size.1, input);
    let mut budget = Budget::new(settings.budget_ms);
    let mut planner = Planner::new(settings.regions, Vec::new());
    let view = planner.view(size, input);
    let (mut now_s, mut begun_s) = (0.0, 0.0);
    for frame in 0..SETTLED_FRAMES + MOST_FRAMES {
        let regions = planner.plan(&view, (now_s * 1e3) as u64, budget.regions(), Wanted::default());
        let total_ms = look_ms * regions.len() as f64;
        budget.learn(regions.len(), Spent { total_ms, per_region_ms: look_ms, ..Spent::default() });
        if frame < SETTLED_FRAMES {
            begun_s = now_s;
        } else {
            left.retain(|tile| !regions.contains(tile));
        }
        now_s += (total_ms / 1e3).max(1.0 / fps);
        if left.is_empty() {
            return Some(now_s - begun_s);
        }
    }
    None
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [width, height] = self.frame;
        let Report { bear_m, lens_degrees, look_ms, parts, .. } = self;
        writeln!(
            f,
            "bear of {bear_m} m, {width}×{height} pixels, lens of {lens_degrees}°, one look {look_ms:.1} ms\n"
        )?;
        writeln!(f, "{:<22}{:>22}{:>26}", "", "by day", "in infrared light")?;
        for (name, sight) in [("whole frame", self.reach.whole), ("close look", self.reach.close)] {
            let limit = |l: Limit| format!("{:.0} px, {:.0} m", l.px, l.m);
            writeln!(f, "{name:<22}{:>22}{:>26}", limit(sight.day), limit(sight.infrared))?;
        }
        match self.round_s {
            Some(s) => write!(
                f,
                "\nevery part of {parts} is looked at closely once in {s:.1} s; what moves, at once"
            ),
            None => write!(
                f,
                "\nno part is looked at closely: perceive.regions or perceive.budget_ms do not allow it"
            ),
        }
    }
}
