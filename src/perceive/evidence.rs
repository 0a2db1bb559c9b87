//! Evidence over time: is this track a bear? A sequential test on calibrated scores instead of a threshold on one frame.
//!
//! Each look adds its log-likelihood ratio (Wald 1945). Three things keep the sum honest:
//!
//! * Neighbouring frames are not independent: a look counts by the share of [`INDEPENDENT_AFTER_S`] that passed since the last one,
//!   so that 15 frames a second prove no more than 5.
//! * The sum leaks: what was believed is forgotten over [`MEMORY_LOOKS`] independent looks. A track that scores below the operating
//!   point for ever therefore settles below the decision and never alerts, however long it stays (a stump that looks a bit like a bear).
//! * One look can add no more than [`MOST_PER_LOOK`]: a flash is never enough.

use super::model::{Calibration, Class, ModelSpec};
use super::settings::Settings;

/// Looks so far apart are independent, seconds. About the time in which a walking animal changes its pose.
const INDEPENDENT_AFTER_S: f32 = 0.5;

/// Independent looks after which an old one counts 1/e.
const MEMORY_LOOKS: f32 = 6.0;

/// What an independent look at the operating point is worth, nats. The sum over [`MEMORY_LOOKS`] of it settles at 9: just above the
/// decision at the default rate of false alarms.
const AT_OPERATING_POINT: f32 = 1.5;

/// Most that one look may add or take, nats.
const MOST_PER_LOOK: f32 = 3.0;

/// What is taken by a look that finds nothing where the track should be, nats.
const MISS: f32 = 1.5;

/// Tracks of things that are no bears but look a little like one, per camera and day, that the test is laid out for.
const CANDIDATES_PER_DAY: f64 = 100.0;

/// Weighs scores: the model's calibration and operating points, and the level of decision.
#[derive(Clone, Debug)]
pub struct Scales {
    classes: [Option<(Calibration, f32)>; Class::ALL.len()],
    decision: f32,
}

impl Scales {
    /// The decision follows from the stated rate: with N candidates a day, each crossing falsely with probability e^−A at most
    /// (Wald's bound), N · e^−A alarms a day are to be expected.
    pub fn new(spec: &ModelSpec, settings: &Settings) -> Scales {
        let point = |class: Class| {
            let class_spec = spec.classes.iter().find(|c| c.name == class)?;
            let chosen = settings.bear_threshold.filter(|_| class == Class::Bear);
            let threshold = chosen.unwrap_or(class_spec.threshold);
            Some((class_spec.calibration, log_odds(class_spec.calibration, threshold)))
        };
        let rate = settings.false_alarms_per_day.max(1e-6);
        Scales { classes: Class::ALL.map(point), decision: (CANDIDATES_PER_DAY / rate).ln().max(4.0) as f32 }
    }

    /// Evidence at which a track is believed, nats.
    pub fn decision(&self) -> f32 {
        self.decision
    }

    /// Log-likelihood ratio of one independent look with this score; `None` where the model does not know the class.
    pub fn look(&self, class: Class, score: f32) -> Option<f32> {
        let (calibration, at_threshold) = self.classes[class as usize]?;
        Some(log_odds(calibration, score) - at_threshold + AT_OPERATING_POINT)
    }
}

/// Calibrated log-odds of a score; finite for every score.
fn log_odds(calibration: Calibration, score: f32) -> f32 {
    let p = if score.is_nan() { 0.0 } else { score }.clamp(1e-4, 1.0 - 1e-4);
    calibration.slope * (p / (1.0 - p)).ln() + calibration.intercept
}

/// Scores of one thing on one frame, by class; 0 where the model did not propose the class.
pub type Scores = [f32; Class::ALL.len()];

/// The evidence of one track, nats by class; never negative, so that a bear that steps out of a bush starts from nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    nats: [f32; Class::ALL.len()],
}

impl Evidence {
    /// Evidence for a class, nats.
    pub fn of(&self, class: Class) -> f32 {
        self.nats[class as usize]
    }

    /// The class with the most evidence.
    pub fn leader(&self) -> Option<Class> {
        let best = Class::ALL.into_iter().max_by(|a, b| self.of(*a).total_cmp(&self.of(*b)))?;
        (self.of(best) > 0.0).then_some(best)
    }

    /// A look found it. `since_s`: seconds since the last look; `None` for the first.
    pub fn seen(&mut self, scales: &Scales, scores: &Scores, since_s: Option<f32>) {
        let ratios = Class::ALL.map(|class| scales.look(class, scores[class as usize]));
        for class in Class::ALL {
            let Some(own) = ratios[class as usize] else { continue };
            let rival = Class::ALL.into_iter().filter(|c| *c != class).filter_map(|c| ratios[c as usize]);
            // What looks more like a dog than like a bear is no evidence for a bear by the margin.
            let lead = rival.fold(0.0f32, |worst, r| worst.max(r - own));
            self.add(class, own - lead, since_s);
        }
    }

    /// A look found nothing where it should be.
    pub fn missed(&mut self, since_s: f32) {
        Class::ALL.into_iter().for_each(|class| self.add(class, -MISS, Some(since_s)));
    }

    fn add(&mut self, class: Class, ratio: f32, since_s: Option<f32>) {
        let weight = since_s.map_or(1.0, |s| (s / INDEPENDENT_AFTER_S).clamp(0.0, 1.0));
        let kept = self.of(class) * (-weight / MEMORY_LOOKS).exp();
        self.nats[class as usize] = (kept + weight * ratio.clamp(-MOST_PER_LOOK, MOST_PER_LOOK)).max(0.0);
    }
}
