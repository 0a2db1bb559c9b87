//! `bearwatch eval`: is the model any good on these pictures or sequences?

use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use clap::Args;
use sha2::{Digest, Sha256};

use super::exit::{Exit, Failure, OrExit, Outcome};
use super::number::within;
use crate::infer::bundle::{Bundle, ModelError, ModelName};
use crate::perceive::settings::{RegionMode, Settings};

mod coco;
pub mod decide;
mod events;
mod model;
mod page;
pub mod play;
mod report;
mod sequences;
mod table;

use super::output::{check_parent, is_stdout, write_json, write_text};
use coco::Dataset;
use decide::Decide;
use play::Haste;
use report::{Report, Unreadable};

/// Say how good a model is on labelled pictures, or on sequences of them.
#[derive(Debug, Args)]
#[command(after_help = "\
DIR holds images/ and annotations.json (COCO; categories bear, person, animal). With --events it
holds a folder of .jpg for each sequence, numbered so that their names are in order, and
events.json:
  [{\"sequence\": \"meadow\", \"fps\": 5,
    \"events\": [{\"class\": \"bear\", \"start_s\": 3.2, \"end_s\": 9.0}],
    \"boxes\": {\"000016.jpg\": [[120, 80, 60, 40]]}}]
Boxes are those of bears, in pixels; where a picture has them, an alert must lie on one of them.

Examples:
  bearwatch eval data/bears/val --json val.json --html val.html
  bearwatch eval data/bears/val --model models/new.onnx --save-predictions new.json
  bearwatch eval data/bears/val --predictions new.json     judges them again, no model is run
  bearwatch eval data/nights --events --json nights.json   as the daemon would have seen them

How to read it: AP and AP50 are those of the COCO tools. \"Recall at 1 %\" is the share of bears
found when the threshold is set so that 1 % of the pictures without a bear raise one; in brackets
the 95 % interval. Sequences go through tracking and evidence as in the daemon; the time to alert is
that of the picture that decided. Every picture is looked at, its measured time chooses the effort
for the next one, and times over the budget are counted; --realtime also gives up what this machine
would be too late for, --board-ms what a board of that speed would. --decide frame and median are
how others decide: by the score of one frame, or of two in three.

Exit codes: 0 all judged · 65 some pictures could not be read (the rest is reported), or files are
wrong · 66 DIR, events.json or the model is not there · 73 an output cannot be written")]
pub struct EvalArgs {
    /// Folder with images/ and annotations.json, or with sequences and events.json
    dir: PathBuf,
    /// Write the figures as JSON to FILE (- for standard output, instead of the table)
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the figures as one HTML page with the worst pictures in it
    #[arg(long, value_name = "FILE", conflicts_with = "events")]
    html: Option<PathBuf>,
    /// Play sequences through the core of the daemon and judge its alerts
    #[arg(long, conflicts_with_all = ["predictions", "save_predictions"])]
    events: bool,
    /// With --events: give up pictures that are taken while the model is busy on this machine
    #[arg(long, requires = "events")]
    realtime: bool,
    /// With --events: as on a board on which one region takes MS milliseconds; what it would be too late for is given up
    #[arg(long, value_name = "MS", requires = "events", conflicts_with = "realtime", value_parser = within(0.01, 60_000.0, "milliseconds"))]
    board_ms: Option<f64>,
    /// With --events: time that one picture may take, milliseconds [default: the daemon's]
    #[arg(long, value_name = "MS", requires = "events", value_parser = within(0.01, 60_000.0, "milliseconds"))]
    budget_ms: Option<f64>,
    /// With --events: who decides that a bear is there
    #[arg(long, value_enum, default_value = "track", requires = "events")]
    decide: Decide,
    /// With --events: write each look at what was followed, a JSON object a line (training.looks makes evidence of them)
    #[arg(long, value_name = "FILE", requires = "events")]
    save_looks: Option<PathBuf>,
    /// Judge these predictions (COCO results) instead of running a model
    #[arg(long, value_name = "FILE")]
    predictions: Option<PathBuf>,
    /// Write the model's predictions as COCO results
    #[arg(long, value_name = "FILE", conflicts_with = "predictions")]
    save_predictions: Option<PathBuf>,
    /// Model to run, NAME.onnx with its card NAME.json beside it
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Parts of a picture that the model looks at
    #[arg(long, value_enum, default_value = "auto")]
    regions: RegionMode,
    /// Pictures looked at side by side [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// How many of the worst pictures to list
    #[arg(long, value_name = "N", default_value_t = 24)]
    worst: usize,
    /// Seed of the bootstrap intervals
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Runs the command.
///
/// # Errors
/// See the exit codes in its help.
pub fn run(args: EvalArgs) -> Outcome {
    let outputs = [&args.json, &args.html, &args.save_predictions, &args.save_looks];
    outputs.into_iter().flatten().try_for_each(|path| check_parent(path))?;
    if args.events { run_events(&args) } else { run_pictures(&args) }
}

fn run_events(args: &EvalArgs) -> Outcome {
    let bundle = Bundle::open(args.model.as_deref()).map_err(model_failure)?;
    let measured = if args.realtime { Haste::RealTime } else { Haste::EveryPicture };
    let haste = args.board_ms.map_or(measured, Haste::Board);
    let default = Settings::default();
    let budget_ms = args.budget_ms.unwrap_or(default.budget_ms);
    let settings = Settings { regions: args.regions, budget_ms, ..default };
    let (report, looks) = events::play(&args.dir, &bundle, settings, haste, args.decide)?;
    if let Some(path) = &args.save_looks {
        let lines: Result<Vec<String>, _> = looks.iter().map(serde_json::to_string).collect();
        write_text(path, &(lines.or_exit(Exit::Bug)?.join("\n") + "\n"))?;
    }
    if let Some(path) = &args.json {
        write_json(path, &report)?;
    }
    if !args.json.as_deref().is_some_and(is_stdout) {
        write_text(Path::new("-"), &report.to_string())?;
    }
    Ok(ended(&report.unreadable))
}

fn run_pictures(args: &EvalArgs) -> Outcome {
    let mut data = Dataset::read(&args.dir)?;
    let (model, card, unreadable) = match &args.predictions {
        Some(file) => judge_file(&mut data, file, args)?,
        None => run_model(&mut data, args)?,
    };
    let points = |class| card.as_ref().map(|bundle| f64::from(bundle.spec.threshold(class)));
    let mut report = Report::measure(&data, model, points, args.seed, args.worst);
    report.regions = args.predictions.is_none().then_some(args.regions);
    report.unreadable = unreadable;
    deliver(&report, &data, args)?;
    Ok(ended(&report.unreadable))
}

/// The rest was judged; what was not is told, and makes another exit code.
fn ended(unreadable: &[Unreadable]) -> Exit {
    for picture in unreadable {
        tracing::warn!("left out: {}", picture.error);
    }
    if unreadable.is_empty() { Exit::Ok } else { Exit::BadData }
}

/// What was judged: its name, its card where there is one, and pictures that could not be looked at.
type Judged = (ModelName, Option<Bundle>, Vec<Unreadable>);

fn judge_file(data: &mut Dataset, file: &Path, args: &EvalArgs) -> Result<Judged, Failure> {
    data.add_predictions(file)?;
    let bytes = std::fs::read(file).or_exit(Exit::NoInput)?;
    let sha256 = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    let name = file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let card = args.model.as_deref().map(Bundle::read).transpose().map_err(model_failure)?;
    Ok((ModelName { name, sha256 }, card, Vec::new()))
}

fn run_model(data: &mut Dataset, args: &EvalArgs) -> Result<Judged, Failure> {
    let images = args.dir.join("images");
    if !images.is_dir() {
        let error = anyhow::anyhow!(
            "{}: no such folder; it must hold the pictures of annotations.json",
            images.display()
        );
        return Err(Failure::new(Exit::NoInput, error));
    }
    let bundle = Bundle::open(args.model.as_deref()).map_err(model_failure)?;
    let threads = args.threads.unwrap_or_else(|| available_parallelism().map_or(1, |n| n.get()));
    let seen = model::see(&bundle, data, args.regions, threads).map_err(model_failure)?;
    let unreadable = data.take_predictions(seen);
    Ok((bundle.id.clone(), Some(bundle), unreadable))
}

/// Writes everything that was asked for.
fn deliver(report: &Report, data: &Dataset, args: &EvalArgs) -> Result<(), Failure> {
    if let Some(path) = &args.save_predictions {
        data.save_predictions(path)?;
    }
    if let Some(path) = &args.json {
        write_json(path, report)?;
    }
    if let Some(path) = &args.html {
        write_text(path, &page::draw(report, data))?;
    }
    if ![&args.json, &args.html].into_iter().flatten().any(|path| is_stdout(path)) {
        write_text(Path::new("-"), &table::draw(report))?;
    }
    Ok(())
}

/// What is wrong with a model, as a failure of the command.
pub fn model_failure(error: ModelError) -> Failure {
    let exit = if matches!(error, ModelError::Read { .. }) { Exit::NoInput } else { Exit::BadData };
    Failure::new(exit, error)
}
