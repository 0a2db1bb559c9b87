//! Evidence over time: is this track a bear? A sequential test on calibrated scores instead of a threshold on one frame.
//!
//! Each look adds its log-likelihood ratio (Wald 1945), as the model's card has it from sequences. Three things keep the sum honest:
//!
//! * Neighbouring frames are not independent: a look counts by the share of [`INDEPENDENT_AFTER_S`] that passed since the last one,
//!   so that 15 frames a second prove no more than 5.
//! * However long it lasts, a track is worth no more than some looks, since what looks a bit like a bear does so for ever: the sum leaks over
//!   [`MEMORY_LOOKS`]. Looks at a score below some point therefore settle below the decision and never alert (a stump).
//! * One look can add no more than [`MOST_PER_LOOK`], less than half of the usual decision: a flash is never enough.

use super::model::{Calibration, Class, ClassSpec, LookRatio, ModelSpec};
use super::settings::Settings;

/// Looks so far apart are independent, seconds. About the time in which a walking animal changes its pose.
const INDEPENDENT_AFTER_S: f32 = 0.4;

/// Independent looks after which an old one counts 1/e. The sum settles at 3.5 looks: with an intraclass correlation ρ a track is worth 1/ρ looks
/// (Kish 1965), 2.4 where it is a bear and 4.6 where it is none (`training.looks`).
const MEMORY_LOOKS: f32 = 3.0;

/// Most that one look may add, nats. The sum of such looks settles at 12, above every decision.
const MOST_PER_LOOK: f32 = 3.4;

/// Most that one look may take by a low score, nats: below some score it says little how low it is.
const MOST_TAKEN: f32 = 1.3;

/// What is taken by a look that finds nothing where the track should be, nats.
const MISS: f32 = 1.75;

/// Tracks of things that are no bears but look a little like one, per camera and day, that the test is laid out for.
const CANDIDATES_PER_DAY: f64 = 100.0;

/// Lower rates of false alarms cannot be stated: the sum of the surest looks must stay above the decision.
pub const LEAST_RATE_PER_DAY: f64 = 0.001;

/// Weighs scores: the model's calibration and what its looks prove, and the level of decision.
#[derive(Clone, Debug)]
pub struct Scales {
    classes: [Option<(Calibration, LookRatio)>; Class::ALL.len()],
    decision: f32,
}

impl Scales {
    /// The decision follows from the stated rate: with N candidates a day, each crossing falsely with probability e^−A at most
    /// (Wald's bound), N · e^−A alarms a day are to be expected.
    pub fn new(spec: &ModelSpec, settings: &Settings) -> Scales {
        let rate = settings.false_alarms_per_day.max(LEAST_RATE_PER_DAY);
        let decision = (CANDIDATES_PER_DAY / rate).ln().max(4.0) as f32;
        let of = |class: Class| {
            let spec = spec.classes.iter().find(|c| c.name == class)?;
            let chosen = settings.bear_threshold.filter(|_| class == Class::Bear);
            Some((spec.calibration, ratio(spec, chosen, decision)))
        };
        Scales { classes: Class::ALL.map(of), decision }
    }

    /// Evidence at which a track is believed, nats.
    pub fn decision(&self) -> f32 {
        self.decision
    }

    /// Log-likelihood ratio of one independent look with this score; `None` where the model does not know the class.
    pub fn look(&self, class: Class, score: f32) -> Option<f32> {
        let (_, LookRatio { slope, intercept }) = self.classes[class as usize]?;
        Some(slope * logit(score) + intercept)
    }

    /// Calibrated log-odds of a score: what classes are compared by, for operating points say how often a class may be wrong, not how
    /// likely it is. `None` where the model does not know the class.
    pub fn odds(&self, class: Class, score: f32) -> Option<f32> {
        let (Calibration { slope, intercept }, _) = self.classes[class as usize]?;
        Some(slope * logit(score) + intercept)
    }
}

/// What a look proves. An operating point of the administrator's own (`chosen`) moves the scale by as much as it is off the card's. Where the card does
/// not know what looks at tracks prove, looks at the operating point settle at the decision.
fn ratio(spec: &ClassSpec, chosen: Option<f32>, decision: f32) -> LookRatio {
    let threshold = chosen.unwrap_or(spec.threshold);
    match spec.look {
        Some(LookRatio { slope, intercept }) => {
            LookRatio { slope, intercept: intercept + slope * (logit(spec.threshold) - logit(threshold)) }
        }
        None => {
            let slope = spec.calibration.slope;
            LookRatio { slope, intercept: decision * forgotten(1.0) - slope * logit(threshold) }
        }
    }
}

/// Log-odds of a score; finite for every score.
fn logit(score: f32) -> f32 {
    let p = if score.is_nan() { 0.0 } else { score }.clamp(1e-4, 1.0 - 1e-4);
    (p / (1.0 - p)).ln()
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
            self.add(class, look.clamp(-MOST_TAKEN, MOST_PER_LOOK) - (likeliest - own), since_s);
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
