//! Evidence over time: is this track a bear? A sequential test on calibrated scores instead of a threshold on one frame.
//!
//! Each look adds its log-likelihood ratio (Wald 1945). Three things keep the sum honest:
//!
//! * Neighbouring frames are not independent: a look counts by the share of [`INDEPENDENT_AFTER_S`] that passed since the last one,
//!   so that 15 frames a second prove no more than 5.
//! * The sum leaks: what was believed is forgotten over [`MEMORY_LOOKS`] independent looks, and a look at the operating point is worth
//!   just so much that a sum of such looks settles at the decision. A track that scores below the operating point for ever therefore
//!   settles below the decision and never alerts, however long it stays (a stump that looks a bit like a bear).
//! * One look can add no more than [`MOST_PER_LOOK`]: a flash is never enough.

use super::model::{Calibration, Class, ModelSpec};
use super::settings::Settings;

/// Looks so far apart are independent, seconds. About the time in which a walking animal changes its pose.
const INDEPENDENT_AFTER_S: f32 = 0.5;

/// Independent looks after which an old one counts 1/e.
const MEMORY_LOOKS: f32 = 6.0;

/// Most that one look may add or take, nats. The sum of such looks settles at 19.5, above every decision.
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
    /// What an independent look at the operating point is worth, nats.
    at_operating_point: f32,
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
        let decision = (CANDIDATES_PER_DAY / rate).ln().max(4.0) as f32;
        Scales { classes: Class::ALL.map(point), decision, at_operating_point: decision * forgotten(1.0) }
    }

    /// Evidence at which a track is believed, nats.
    pub fn decision(&self) -> f32 {
        self.decision
    }

    /// Log-likelihood ratio of one independent look with this score; `None` where the model does not know the class.
    pub fn look(&self, class: Class, score: f32) -> Option<f32> {
        let (_, at_threshold) = self.classes[class as usize]?;
        Some(self.odds(class, score)? - at_threshold + self.at_operating_point)
    }

    /// Calibrated log-odds of a score: what classes are compared by, for operating points say how often a class may be wrong, not how
    /// likely it is.
    fn odds(&self, class: Class, score: f32) -> Option<f32> {
        let (calibration, _) = self.classes[class as usize]?;
        Some(log_odds(calibration, score))
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
        let odds = Class::ALL.map(|class| scales.odds(class, scores[class as usize]));
        let likeliest = odds.into_iter().flatten().fold(f32::NEG_INFINITY, f32::max);
        for class in Class::ALL {
            let (Some(look), Some(own)) = (scales.look(class, scores[class as usize]), odds[class as usize])
            else {
                continue;
            };
            // What looks more like a dog than like a bear is no evidence for a bear by the margin. The margin counts in full beside
            // what one look may add: two scores near 1 would else be worth the same, and which of them leads would be lost.
            self.add(class, look.min(MOST_PER_LOOK) - (likeliest - own), since_s);
        }
    }

    /// A look found nothing where it should be.
    pub fn missed(&mut self, since_s: f32) {
        Class::ALL.into_iter().for_each(|class| self.add(class, -MISS, Some(since_s)));
    }

    fn add(&mut self, class: Class, ratio: f32, since_s: Option<f32>) {
        let weight = since_s.map_or(1.0, |s| (s / INDEPENDENT_AFTER_S).clamp(0.0, 1.0));
        let lost = forgotten(weight);
        // Worth as much less than a whole look as it forgets less, so that sums settle at the same value at every frame rate.
        let gained = ratio.clamp(-MOST_PER_LOOK, MOST_PER_LOOK) * lost / forgotten(1.0);
        self.nats[class as usize] = (self.of(class) * (1.0 - lost) + gained).max(0.0);
    }
}

/// Share of the sum that is forgotten over so many independent looks.
fn forgotten(looks: f32) -> f32 {
    1.0 - (-looks / MEMORY_LOOKS).exp()
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
