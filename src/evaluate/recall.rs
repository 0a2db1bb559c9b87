//! Recall at a stated rate of false alarms: how many bears are found when only so many pictures without a bear may raise one.

use super::Sample;
use super::intervals::{Draw, bootstrap};
use super::matching::{Pairing, Verdict};
use crate::perceive::model::Class;

/// A truth counts as found when a prediction overlaps it so much (IoU).
pub const FOUND_IOU: f64 = 0.5;

/// Recall at one rate of false-alarm pictures.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Recall {
    /// Share of the truths that are found at the threshold.
    pub recall: f64,
    /// Lowest threshold that keeps the rate, as an `f32`, in which the daemon compares; predictions of this score or more count.
    pub threshold: f64,
    /// 95 % bootstrap interval of the recall, the threshold found anew in every resample.
    pub ci95: [f64; 2],
}

/// What recall and false alarms of one class are counted from.
pub struct Alarms {
    /// Best score on each picture without the class; minus infinity where nothing was predicted.
    negatives: Vec<f64>,
    /// Each picture with the class.
    positives: Vec<Found>,
}

/// The truths of one picture.
struct Found {
    truths: usize,
    /// Scores of the predictions that found one of them.
    scores: Vec<f64>,
}

impl Alarms {
    /// Matches once; thresholds are then cheap, since what a prediction matches does not depend on weaker ones.
    pub fn collect(samples: &[Sample], class: Class) -> Alarms {
        let (with, without): (Vec<&Sample>, Vec<&Sample>) = samples.iter().partition(|s| s.shows(class));
        Alarms {
            negatives: without.iter().map(|s| s.best(class).unwrap_or(f64::NEG_INFINITY)).collect(),
            positives: with.iter().map(|s| Found::on(s, class)).collect(),
        }
    }

    /// Pictures without the class.
    pub fn negatives(&self) -> usize {
        self.negatives.len()
    }

    /// Recall where at most ⌊rate · N⌋ of the N pictures without the class hold a box of it. `None` where N < 1 / rate: so few pictures
    /// cannot show so low a rate; nor where there is no truth.
    pub fn recall_at(&self, rate: f64, seed: u64) -> Option<Recall> {
        // 0.29 · 100 is 28.999…: what is within rounding of a whole number is one.
        let allowed = (rate * self.negatives.len() as f64 + 1e-9) as usize;
        if allowed == 0 {
            return None;
        }
        let threshold = lowest_threshold(self.negatives.clone(), allowed);
        let recall = share_found(self.positives.iter(), threshold)?;
        let ci95 = bootstrap(seed, |draw| self.resampled(draw, allowed))?;
        Some(Recall { recall, threshold, ci95 })
    }

    /// What a given threshold brings: the share of truths found (`None` where there are none) and the pictures without the class that hold
    /// a box of it.
    pub fn at(&self, threshold: f64) -> (Option<f64>, usize) {
        let false_pictures = self.negatives.iter().filter(|s| **s >= threshold).count();
        (share_found(self.positives.iter(), threshold), false_pictures)
    }

    /// 95 % bootstrap interval of the share found at a given threshold. `None` where there is no truth.
    pub fn ci95_at(&self, threshold: f64, seed: u64) -> Option<[f64; 2]> {
        share_found(self.positives.iter(), threshold)?;
        bootstrap(seed, |draw| Some(self.found_by_chance(draw, threshold)))
    }

    /// The recall of a resample. Pictures with and without the class are drawn apart, so that N stays what the rate was set for.
    fn resampled(&self, draw: &mut Draw, allowed: usize) -> Option<f64> {
        let negatives = draw.indices(self.negatives.len()).map(|i| self.negatives[i]).collect();
        Some(self.found_by_chance(draw, lowest_threshold(negatives, allowed)))
    }

    /// The share found in as many pictures with the class, drawn with replacement.
    fn found_by_chance(&self, draw: &mut Draw, threshold: f64) -> f64 {
        let drawn = draw.indices(self.positives.len()).map(|i| &self.positives[i]);
        // A resample of crowds alone has no truth: nothing to find, nothing missed.
        share_found(drawn, threshold).unwrap_or(1.0)
    }
}

impl Found {
    fn on(sample: &Sample, class: Class) -> Found {
        let pairing = Pairing::new(sample, class);
        let right = pairing.judge(FOUND_IOU).into_iter().filter(|j| matches!(j.verdict, Verdict::Right(_)));
        Found { truths: pairing.countable(), scores: right.map(|j| j.score).collect() }
    }
}

/// The lowest threshold that at most `allowed` of these scores reach.
fn lowest_threshold(mut scores: Vec<f64>, allowed: usize) -> f64 {
    if allowed >= scores.len() {
        return 0.0;
    }
    let (_, &mut first_refused, _) = scores.select_nth_unstable_by(allowed, |a, b| b.total_cmp(a));
    if first_refused < 0.0 { 0.0 } else { next_f32_above(first_refused) }
}

/// The lowest `f32` above a number.
fn next_f32_above(value: f64) -> f64 {
    let nearest = value as f32;
    f64::from(if f64::from(nearest) > value { nearest } else { nearest.next_up() })
}

/// `None` without truths.
fn share_found<'a>(pictures: impl Iterator<Item = &'a Found>, threshold: f64) -> Option<f64> {
    let (mut truths, mut found) = (0usize, 0usize);
    for picture in pictures {
        truths += picture.truths;
        found += picture.scores.iter().filter(|s| **s >= threshold).count();
    }
    (truths > 0).then(|| found as f64 / truths as f64)
}

#[cfg(test)]
mod tests {
    use super::super::{PixelBox, Prediction, Truth};
    use super::*;
    use proptest::prelude::*;

    const BEAR: PixelBox = PixelBox { x: 10.0, y: 10.0, w: 20.0, h: 20.0 };

    fn picture(shows: bool, score: f64) -> Sample {
        let class = Class::Bear;
        let truths = if shows { vec![Truth { class, bbox: BEAR, crowd: false }] } else { vec![] };
        Sample { file: String::new(), truths, predictions: vec![Prediction { class, score, bbox: BEAR }] }
    }

    /// `negatives` and `positives`, one prediction each.
    fn recall(negatives: &[f64], positives: &[f64], rate: f64) -> Option<Recall> {
        let without = negatives.iter().map(|&s| picture(false, s));
        let samples: Vec<Sample> = without.chain(positives.iter().map(|&s| picture(true, s))).collect();
        Alarms::collect(&samples, Class::Bear).recall_at(rate, 7)
    }

    #[test]
    fn one_in_ten_may_be_false_and_ties_with_the_next_are_out() {
        let negatives = [0.9, 0.6, 0.5, 0.4, 0.3, 0.3, 0.2, 0.2, 0.1, 0.1];
        let found = recall(&negatives, &[0.95, 0.7, 0.6, 0.5], 0.1).unwrap();
        assert_eq!(found.recall, 0.5);
        let samples = [picture(true, 0.7), picture(true, 0.2), picture(false, 0.7), picture(false, 0.1)];
        assert_eq!(Alarms::collect(&samples, Class::Bear).at(0.7), (Some(0.5), 1));
        assert!(found.threshold > 0.6 && found.threshold < 0.6000001);
        assert!(found.ci95[0] <= 0.5 && found.ci95[1] >= 0.5);
        let alarms = Alarms::collect(&samples, Class::Bear);
        assert_eq!(alarms.ci95_at(0.1, 7), Some([1.0, 1.0]), "both are found in every resample");
        assert_eq!(Alarms::collect(&samples[2..], Class::Bear).ci95_at(0.1, 7), None);
    }

    #[test]
    fn too_few_pictures_show_no_low_rate() {
        assert_eq!(recall(&[0.1; 99], &[0.9], 0.01), None);
        assert_eq!(recall(&[0.1; 100], &[0.9], 0.01).map(|r| r.recall), Some(1.0));
        assert_eq!(recall(&[0.1; 100], &[], 0.01), None);
    }

    #[test]
    fn rates_that_floats_round_down_are_whole() {
        let negatives: Vec<f64> = (0..100).map(|i| f64::from(i) / 100.0).collect();
        let found = recall(&negatives, &[0.705], 0.29).unwrap();
        assert_eq!(found.recall, 1.0, "29 false pictures are allowed: 0.71 to 0.99");
    }

    #[test]
    fn silence_on_pictures_without_a_bear_allows_every_score() {
        let mut samples: Vec<Sample> = (0..100).map(|_| Sample::default()).collect();
        samples.push(picture(true, 0.001));
        let found = Alarms::collect(&samples, Class::Bear).recall_at(0.01, 7).unwrap();
        assert_eq!((found.recall, found.threshold, found.ci95), (1.0, 0.0, [1.0, 1.0]));
    }

    proptest! {
        #[test]
        fn the_threshold_keeps_the_rate_and_a_lower_one_does_not(
            scores in prop::collection::vec(0.0f64..1.0, 1..60), allowed in 1usize..10,
        ) {
            let threshold = lowest_threshold(scores.clone(), allowed);
            let reached = |t: f64| scores.iter().filter(|s| **s >= t).count();
            prop_assert!(reached(threshold) <= allowed);
            prop_assert!(threshold == 0.0 || reached(threshold - 1e-7) > allowed);
        }
    }
}
