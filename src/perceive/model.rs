//! What the core must know of a model: shapes, classes and scales. Checked once by `infer::bundle`, trusted afterwards.

use serde::{Deserialize, Serialize};

use super::observation::Regime;

/// What bearwatch tells apart. The domain is fixed; a model maps its outputs onto it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Any bear but a giant panda.
    Bear,
    /// A human being.
    Person,
    /// Any animal that is not a bear.
    Animal,
}

impl Class {
    /// All classes, in the order of the model's card.
    pub const ALL: [Class; 3] = [Class::Bear, Class::Person, Class::Animal];

    /// The name on the wire and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Class::Bear => "bear",
            Class::Person => "person",
            Class::Animal => "animal",
        }
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The picture that the network takes: 1 × 3 × `height` × `width`, float32.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Order of the three planes.
    pub order: ChannelOrder,
    /// Subtracted from 0..255, by channel in `order`.
    pub mean: [f32; 3],
    /// Divides afterwards.
    pub std: [f32; 3],
    /// Grey level (0..255) of what the letterbox leaves uncovered, right and below.
    pub fill: u8,
}

/// Order of colour planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelOrder {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
}

/// How the output is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputSpec {
    /// `yolox`: 1 × N × (5 + channels) of centre, size (log), objectness and class scores; anchors of each stride row by row.
    pub layout: OutputLayout,
    /// Pixels of the input that one anchor cell covers, in the order of the rows.
    pub strides: Vec<u32>,
}

/// Known output layouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputLayout {
    /// Anchor-free YOLOX head (Ge et al. 2021).
    Yolox,
}

/// One class of the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassSpec {
    /// What it means to us.
    pub name: Class,
    /// Class channels of the output that are this class (the highest counts), counted after the first five.
    pub channels: Vec<usize>,
    /// Operating point on the score.
    pub threshold: f32,
    /// From score to probability.
    #[serde(default)]
    pub calibration: Calibration,
    /// What one look at a track proves; by the operating point where the card does not say.
    #[serde(default)]
    pub look: Option<LookRatio>,
    /// What a score of other light than day's counts as: so that one operating point and one calibration hold in all.
    #[serde(default)]
    pub regimes: Vec<InRegime>,
    /// What the scores on which several looks at a still agree count as, for the same reason.
    #[serde(default)]
    pub stills: Option<Stills>,
}

/// Log-likelihood ratio of one look at a track, nats: `slope · log-odds of the score + intercept`. Fitted on sequences, for what is followed is
/// not what single pictures hold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookRatio {
    /// Nats by log-odds of the score.
    pub slope: f32,
    /// Nats of a score of ½.
    pub intercept: f32,
}

/// How scores of one light become those of day: by their log-odds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InRegime {
    /// The light.
    pub regime: Regime,
    /// Factor on the log-odds.
    pub slope: f32,
    /// Added to the log-odds.
    pub intercept: f32,
}

/// How scores of looks at a still become those of one look by day. Second looks are had by what may be a bear, so they say more of it than one look, and what
/// was small enough for a close look is less of a bear by the same score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stills {
    /// Of what the first looks show well.
    pub well_seen: Counts,
    /// Of what only close looks show well.
    pub close: Counts,
}

/// A line over the log-odds of a score that makes another score of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Factor on the log-odds.
    pub slope: f32,
    /// Added to the log-odds.
    pub intercept: f32,
}

impl Counts {
    /// What a score counts as.
    pub fn score(self, score: f32) -> f32 {
        let odds = (score / (1.0 - score)).ln();
        1.0 / (1.0 + (-(self.slope * odds + self.intercept)).exp())
    }

    /// Whether it keeps the order of scores.
    pub fn is_usable(self) -> bool {
        self.slope > 0.0 && self.slope.is_finite() && self.intercept.is_finite()
    }
}

impl ClassSpec {
    /// The score of day that is as sure as this one is in another light.
    pub fn by_day(&self, score: f32, regime: Regime) -> f32 {
        self.regimes.iter().find(|r| r.regime == regime).map_or(score, |r| r.counts().score(score))
    }

    /// The score of one look that is as sure as this one, on which looks at a still agree.
    pub fn of_still(&self, score: f32, well_seen: bool) -> f32 {
        let counts = |stills: Stills| if well_seen { stills.well_seen } else { stills.close };
        self.stills.map_or(score, |stills| counts(stills).score(score))
    }
}

impl InRegime {
    /// What a score in this light counts as by day.
    pub fn counts(&self) -> Counts {
        Counts { slope: self.slope, intercept: self.intercept }
    }
}

/// Platt scaling: P(correct | score) = sigmoid(slope · logit(score) + intercept) (Platt 1999).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Factor on the log-odds.
    pub slope: f32,
    /// Added to the log-odds.
    pub intercept: f32,
}

impl Default for Calibration {
    fn default() -> Self {
        Calibration { slope: 1.0, intercept: 0.0 }
    }
}

/// Everything the core needs of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {
    /// Input shape and scaling.
    pub input: InputSpec,
    /// Output layout.
    pub output: OutputSpec,
    /// Classes; bear is always among them.
    pub classes: Vec<ClassSpec>,
    /// Class channels in the output (columns after the first five).
    pub channels: usize,
}

impl ModelSpec {
    /// Rows of the output: anchors over all strides.
    pub fn anchors(&self) -> usize {
        let cells = |s: &u32| (self.input.width / s) as usize * (self.input.height / s) as usize;
        self.output.strides.iter().map(cells).sum()
    }

    /// As [`ClassSpec::of_still`].
    pub fn of_still(&self, class: Class, score: f32, well_seen: bool) -> f32 {
        let spec = self.classes.iter().find(|c| c.name == class);
        spec.map_or(score, |spec| spec.of_still(score, well_seen))
    }

    /// Operating point of a class; above every score where the model lacks the class.
    pub fn threshold(&self, class: Class) -> f32 {
        self.classes.iter().find(|c| c.name == class).map_or(f32::INFINITY, |c| c.threshold)
    }
}

#[cfg(test)]
impl ModelSpec {
    /// A YOLOX model of 64 × 64 pixels (84 anchors) with three classes, every one with its operating point at 0.4.
    pub fn small() -> ModelSpec {
        let class = |name, channel| ClassSpec {
            name,
            channels: vec![channel],
            threshold: 0.4,
            calibration: Calibration::default(),
            look: None,
            regimes: Vec::new(),
            stills: None,
        };
        ModelSpec {
            input: InputSpec::square(64),
            output: OutputSpec { layout: OutputLayout::Yolox, strides: vec![8, 16, 32] },
            classes: vec![class(Class::Bear, 0), class(Class::Person, 1), class(Class::Animal, 2)],
            channels: 3,
        }
    }
}

#[cfg(test)]
impl InputSpec {
    /// Takes grey levels as they are, red first.
    pub fn square(side: u32) -> InputSpec {
        let order = ChannelOrder::Rgb;
        InputSpec { width: side, height: side, order, mean: [0.0; 3], std: [1.0; 3], fill: 114 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_the_cells_of_all_strides() {
        assert_eq!(ModelSpec::small().anchors(), 64 + 16 + 4);
    }

    #[test]
    fn a_score_of_the_night_counts_as_the_card_says_and_keeps_its_order() {
        let mut class = ModelSpec::small().classes.remove(0);
        class.regimes = vec![InRegime { regime: Regime::Infrared, slope: 1.0, intercept: 3.0f32.ln() }];
        assert_eq!(class.by_day(0.5, Regime::Day), 0.5);
        assert!((class.by_day(0.5, Regime::Infrared) - 0.75).abs() < 1e-6);
        assert_eq!((class.by_day(0.0, Regime::Infrared), class.by_day(1.0, Regime::Infrared)), (0.0, 1.0));
    }

    #[test]
    fn what_looks_at_a_still_agree_on_counts_as_the_card_says() {
        let mut class = ModelSpec::small().classes.remove(0);
        assert_eq!(class.of_still(0.7, false), 0.7, "the card says nothing");
        let by = |intercept: f32| Counts { slope: 1.0, intercept: intercept.ln() };
        class.stills = Some(Stills { well_seen: by(3.0), close: by(1.0 / 3.0) });
        assert!((class.of_still(0.5, true) - 0.75).abs() < 1e-6);
        assert!((class.of_still(0.5, false) - 0.25).abs() < 1e-6);
    }

    #[test]
    fn a_class_that_the_model_lacks_is_never_reached() {
        let mut spec = ModelSpec::small();
        spec.classes.retain(|c| c.name != Class::Person);
        assert_eq!(spec.threshold(Class::Bear), 0.4);
        assert_eq!(spec.threshold(Class::Person), f32::INFINITY);
    }
}
