//! The figures of one evaluation, in the form of the JSON that other programs read.

use std::collections::BTreeMap;

use serde::Serialize;

use super::coco::Dataset;
use crate::evaluate::confusion::Confusion;
use crate::evaluate::precision::{Precision, ap50_ci95};
use crate::evaluate::recall::{Alarms, Recall};
use crate::evaluate::worst::{Loss, worst};
use crate::infer::bundle::ModelName;
use crate::perceive::model::Class;
use crate::perceive::settings::RegionMode;

/// Shares of pictures without the class that may hold a box of it, as they are named in the JSON.
pub const RATES: [(&str, f64); 3] = [("0.001", 0.001), ("0.01", 0.01), ("0.05", 0.05)];

/// Everything that is known after an evaluation.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was judged; name and hash of the predictions file where no model was run.
    pub model: ModelName,
    /// What it was judged on.
    pub data: Data,
    /// Figures of each class of the annotations.
    pub classes: BTreeMap<Class, ClassReport>,
    /// What was taken for what.
    pub confusion: ConfusionReport,
    /// Pictures with the highest loss for bears, worst first.
    pub worst: Vec<WorstPicture>,
    /// Pictures that could not be judged and are in none of the figures.
    pub unreadable: Vec<Unreadable>,
    /// Parts of the pictures that the model looked at; absent where no model was run.
    pub regions: Option<RegionMode>,
    /// Seed of the intervals.
    pub seed: u64,
    /// Version of bearwatch.
    pub version: &'static str,
    /// The command that was given.
    pub command: String,
}

/// The pictures.
#[derive(Debug, Serialize)]
pub struct Data {
    /// Folder, as given.
    pub folder: String,
    /// Pictures judged.
    pub images: usize,
    /// Those without a bear.
    pub negatives: usize,
}

/// Figures of one class; `None` (null) where the pictures cannot show them.
#[derive(Debug, Serialize)]
pub struct ClassReport {
    /// COCO average precision.
    pub ap: Option<f64>,
    /// At an overlap of 0.5.
    pub ap50: Option<f64>,
    /// 95 % bootstrap interval of `ap50` over pictures.
    pub ap50_ci95: Option<[f64; 2]>,
    /// By the share of false-alarm pictures, one of [`RATES`].
    pub recall_at: BTreeMap<&'static str, Option<Recall>>,
    /// True boxes, crowds left out.
    pub boxes: usize,
    /// Pictures without the class.
    pub negatives: usize,
    /// At the threshold in use.
    pub operating_point: OperatingPoint,
    /// Precision at recalls 0, 0.01 … 1.
    #[serde(skip)]
    pub curve50: Vec<f64>,
}

/// What a threshold brings.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct OperatingPoint {
    /// From the model's card; without one, that of 1 % false-alarm pictures.
    pub threshold: f64,
    /// Share of the true boxes that are found.
    pub recall: Option<f64>,
    /// 95 % bootstrap interval of `recall`, the threshold held.
    pub ci95: Option<[f64; 2]>,
    /// Pictures without the class that hold a box of it.
    pub false_alarm_pictures: usize,
}

/// Boxes at the operating points, matched whatever their class.
#[derive(Debug, Serialize)]
pub struct ConfusionReport {
    /// Of rows and columns.
    pub labels: Vec<&'static str>,
    /// `[truth][prediction]`.
    pub counts: Confusion,
}

/// A picture that went badly.
#[derive(Debug, Serialize)]
pub struct WorstPicture {
    /// As the annotations name it.
    pub file: String,
    /// Nats.
    pub loss: f64,
    /// Bears without a box at the operating point.
    pub missed: usize,
    /// Bear boxes at the operating point without a bear.
    pub imagined: usize,
    /// Highest score for a bear.
    pub best_score: Option<f64>,
    /// Index of the picture in the data.
    #[serde(skip)]
    pub index: usize,
}

/// A picture that could not be judged.
#[derive(Debug, Serialize)]
pub struct Unreadable {
    /// As the annotations name it.
    pub file: String,
    /// Why.
    pub error: String,
}

impl Report {
    /// Measures everything. `card` gives the operating point of a class where a card states it.
    pub fn measure(
        data: &Dataset,
        model: ModelName,
        card: impl Fn(Class) -> Option<f64>,
        seed: u64,
        most_worst: usize,
    ) -> Report {
        let classes: BTreeMap<Class, ClassReport> =
            data.classes().into_iter().map(|c| (c, ClassReport::measure(data, c, card(c), seed))).collect();
        let point = |class| classes.get(&class).map_or(f64::INFINITY, |c| c.operating_point.threshold);
        let losses = worst(&data.samples, Class::Bear, point(Class::Bear), most_worst);
        Report {
            model,
            data: Data {
                folder: data.folder.display().to_string(),
                images: data.samples.len(),
                negatives: data.samples.iter().filter(|s| !s.shows(Class::Bear)).count(),
            },
            confusion: ConfusionReport {
                labels: Class::ALL.iter().map(|c| c.name()).chain(["background"]).collect(),
                counts: Confusion::count(&data.samples, point),
            },
            worst: losses.iter().map(|l| WorstPicture::new(data, l)).collect(),
            classes,
            unreadable: Vec::new(),
            regions: None,
            seed,
            version: env!("CARGO_PKG_VERSION"),
            command: crate::cli::output::command(),
        }
    }
}

impl ClassReport {
    fn measure(data: &Dataset, class: Class, card: Option<f64>, seed: u64) -> ClassReport {
        let precision = Precision::measure(&data.samples, class);
        let alarms = Alarms::collect(&data.samples, class);
        let recall_at: BTreeMap<_, _> =
            RATES.iter().map(|&(name, rate)| (name, alarms.recall_at(rate, seed))).collect();
        let threshold = card.unwrap_or_else(|| fallback_point(&recall_at));
        let (recall, false_alarm_pictures) = alarms.at(threshold);
        ClassReport {
            ap: precision.as_ref().map(|p| p.ap),
            ap50: precision.as_ref().map(|p| p.ap50),
            ap50_ci95: ap50_ci95(&data.samples, class, seed),
            recall_at,
            boxes: precision.as_ref().map_or(0, |p| p.truths),
            negatives: alarms.negatives(),
            operating_point: OperatingPoint {
                threshold,
                recall,
                ci95: alarms.ci95_at(threshold, seed),
                false_alarm_pictures,
            },
            curve50: precision.map_or_else(Vec::new, |p| p.curve50),
        }
    }
}

/// The operating point of a class that no card states: that of 1 % false-alarm pictures, else one half.
fn fallback_point(recall_at: &BTreeMap<&'static str, Option<Recall>>) -> f64 {
    recall_at.get("0.01").copied().flatten().map(|r| r.threshold).filter(|t| *t > 0.0).unwrap_or(0.5)
}

impl WorstPicture {
    fn new(data: &Dataset, loss: &Loss) -> WorstPicture {
        let sample = &data.samples[loss.sample];
        WorstPicture {
            file: sample.file.clone(),
            loss: loss.loss,
            missed: loss.missed,
            imagined: loss.imagined,
            best_score: sample.best(Class::Bear),
            index: loss.sample,
        }
    }
}
