//! `bearwatch eval`: is the model any good on these pictures or sequences?

use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use clap::Args;
use sha2::{Digest, Sha256};

use super::exit::{Exit, Failure, OrExit, Outcome};
use crate::infer::bundle::{Bundle, ModelError, ModelName};
use crate::perceive::settings::RegionMode;

mod coco;
mod model;
mod report;
mod table;

use coco::Dataset;
use report::{Report, Unreadable};

/// Says how good a model is on labelled pictures.
#[derive(Debug, Args)]
#[command(after_help = "\
DIR holds images/ and annotations.json (COCO; categories bear, person, animal).

Examples:
  bearwatch eval data/bears/val --json val.json --html val.html
  bearwatch eval data/bears/val --model models/new.onnx --save-predictions new.json
  bearwatch eval data/bears/val --predictions new.json     judges them again, no model is run

How to read it: AP and AP50 are those of the COCO tools. \"Recall at 1 %\" is the share of bears found when
the threshold is set so that 1 % of the pictures without a bear raise one; in brackets the 95 % interval.")]
pub struct EvalArgs {
    /// Folder with images/ and annotations.json
    dir: PathBuf,
    /// Write the figures as JSON to FILE (- for standard output, instead of the table)
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
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
pub fn run(args: EvalArgs) -> Outcome {
    let outputs = [&args.json, &args.save_predictions];
    outputs.into_iter().flatten().try_for_each(|path| check_parent(path))?;
    let mut data = Dataset::read(&args.dir)?;
    let (model, card, unreadable) = match &args.predictions {
        Some(file) => judge_file(&mut data, file, &args)?,
        None => run_model(&mut data, &args)?,
    };
    let points = |class| card.as_ref().map(|bundle| f64::from(bundle.spec.threshold(class)));
    let mut report = Report::measure(&data, model, points, args.seed, args.worst);
    report.regions = args.predictions.is_none().then_some(args.regions);
    report.unreadable = unreadable;
    deliver(&report, &data, &args)?;
    Ok(if report.unreadable.is_empty() { Exit::Ok } else { Exit::BadData })
}

/// What was judged: its name, its card where there is one, and pictures that could not be looked at.
type Judged = (ModelName, Option<Bundle>, Vec<Unreadable>);

fn judge_file(data: &mut Dataset, file: &Path, args: &EvalArgs) -> Result<Judged, Failure> {
    data.add_predictions(file)?;
    let bytes = std::fs::read(file).or_exit(Exit::NoInput)?;
    let sha256 = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    let name = file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let card = args.model.as_deref().map(|path| open_model(Some(path))).transpose()?;
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
    let bundle = open_model(args.model.as_deref())?;
    let threads = args.threads.unwrap_or_else(|| available_parallelism().map_or(1, |n| n.get()));
    let seen = model::see(&bundle, data, args.regions, threads).map_err(model_failure)?;
    let unreadable = data.take_predictions(seen);
    for picture in &unreadable {
        tracing::warn!("left out: {}", picture.error);
    }
    if data.pictures.is_empty() {
        return Err(Failure::new(
            Exit::BadData,
            anyhow::anyhow!("no picture in {} could be judged", images.display()),
        ));
    }
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
    if args.json.as_deref() != Some(Path::new("-")) {
        write_text(Path::new("-"), &table::draw(report))?;
    }
    Ok(())
}

/// A model file.
fn open_model(path: Option<&Path>) -> Result<Bundle, Failure> {
    Bundle::read(path.unwrap_or(Path::new("models/bearwatch-nano.onnx"))).map_err(model_failure)
}

fn model_failure(error: ModelError) -> Failure {
    let exit = if matches!(error, ModelError::Read { .. }) { Exit::NoInput } else { Exit::BadData };
    Failure::new(exit, error)
}

/// An output whose folder is missing should be known before the model has run for minutes.
fn check_parent(path: &Path) -> Result<(), Failure> {
    match path.parent().filter(|p| !p.as_os_str().is_empty() && !p.is_dir()) {
        None => Ok(()),
        Some(parent) => {
            let error =
                anyhow::anyhow!("{}: no such folder {}; create it first", path.display(), parent.display());
            Err(Failure::new(Exit::CannotCreate, error))
        }
    }
}

/// Writes JSON to a file, or to standard output where the path is `-`.
fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).or_exit(Exit::Bug)?;
    write_text(path, &(text + "\n"))
}

/// Writes text to a file, or to standard output where the path is `-`.
fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    let (written, exit) = match path == Path::new("-") {
        true => (std::io::stdout().lock().write_all(text.as_bytes()), Exit::Io),
        false => (std::fs::write(path, text), Exit::CannotCreate),
    };
    written.map_err(|error| anyhow::anyhow!("{}: {error}", path.display())).or_exit(exit)
}
