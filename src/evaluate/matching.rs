//! Which predictions of one class on one picture are right, by the rules of the COCO tools.

use super::{PixelBox, Prediction, Sample, Truth};
use crate::perceive::model::Class;

/// At most so many predictions of a class are looked at on one picture, highest scores first (COCO `maxDets`).
pub const MOST_PREDICTIONS: usize = 100;

/// What became of a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It found the truth with this index in [`Sample::truths`].
    Right(usize),
    /// Nothing is there, or it was found already.
    Wrong,
    /// It lies on a crowd: neither right nor wrong.
    Ignored,
}

/// A prediction after matching.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// Score of the prediction.
    pub score: f64,
    /// What became of it.
    pub verdict: Verdict,
}

/// The predictions and truths of one class on one picture with their overlaps, ready to be matched at any threshold.
pub struct Pairing {
    scores: Vec<f64>,
    /// Index in the sample and whether it is a crowd; crowds last.
    truths: Vec<(usize, bool)>,
    /// Row by row: predictions × truths.
    overlaps: Vec<f64>,
}

impl Pairing {
    /// Sorts the predictions by score, highest first (equal scores keep their order), and measures the overlaps.
    pub fn new(sample: &Sample, class: Class) -> Pairing {
        let predictions = strongest(&sample.predictions, class);
        let of_class = |(_, t): &(usize, &Truth)| t.class == class;
        let mut truths: Vec<_> = sample.truths.iter().enumerate().filter(of_class).collect();
        truths.sort_by_key(|(_, t)| t.crowd);
        let overlap =
            |p: &Prediction, t: &Truth| if t.crowd { covered(p.bbox, t.bbox) } else { p.bbox.iou(t.bbox) };
        Pairing {
            scores: predictions.iter().map(|p| p.score).collect(),
            overlaps: predictions
                .iter()
                .flat_map(|p| truths.iter().map(move |(_, t)| overlap(p, t)))
                .collect(),
            truths: truths.iter().map(|(i, t)| (*i, t.crowd)).collect(),
        }
    }

    /// Truths that count: those that are no crowds.
    pub fn countable(&self) -> usize {
        self.truths.iter().filter(|(_, crowd)| !crowd).count()
    }

    /// Matches greedily: each prediction in turn takes the free truth that it overlaps best, at least by `iou`; a crowd, which
    /// is never used up, only if there is none.
    pub fn judge(&self, iou: f64) -> Vec<Judged> {
        let mut taken = vec![false; self.truths.len()];
        let judge = |(row, &score): (usize, &f64)| {
            let overlaps = &self.overlaps[row * self.truths.len()..][..self.truths.len()];
            let verdict = match self.best_free(overlaps, &taken, iou) {
                None => Verdict::Wrong,
                Some(at) => {
                    taken[at] = true;
                    if self.truths[at].1 { Verdict::Ignored } else { Verdict::Right(self.truths[at].0) }
                }
            };
            Judged { score, verdict }
        };
        self.scores.iter().enumerate().map(judge).collect()
    }

    /// The best overlap among free truths, the later of equal ones as the COCO tools have it; crowds only where no other was found.
    fn best_free(&self, overlaps: &[f64], taken: &[bool], iou: f64) -> Option<usize> {
        let mut best = None;
        let mut least = iou.min(1.0 - 1e-10);
        for (at, &(_, crowd)) in self.truths.iter().enumerate() {
            if taken[at] && !crowd {
                continue;
            }
            if crowd && best.is_some_and(|b: usize| !self.truths[b].1) {
                break;
            }
            if overlaps[at] >= least {
                least = overlaps[at];
                best = Some(at);
            }
        }
        best
    }
}

/// The predictions of a class, highest score first, at most [`MOST_PREDICTIONS`].
fn strongest(predictions: &[Prediction], class: Class) -> Vec<Prediction> {
    let mut of_class: Vec<Prediction> = predictions.iter().filter(|p| p.class == class).copied().collect();
    of_class.sort_by(|a, b| b.score.total_cmp(&a.score));
    of_class.truncate(MOST_PREDICTIONS);
    of_class
}

/// The share of a prediction that lies on a crowd, which stands in for the overlap.
fn covered(prediction: PixelBox, crowd: PixelBox) -> f64 {
    let shared = prediction.shared(crowd);
    if shared > 0.0 { shared / prediction.area() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(truths: &[([f64; 4], bool)], predictions: &[(f64, [f64; 4])]) -> Sample {
        let class = Class::Bear;
        Sample {
            file: String::new(),
            truths: truths.iter().map(|&(b, crowd)| Truth { class, bbox: PixelBox::new(b), crowd }).collect(),
            predictions: predictions
                .iter()
                .map(|&(score, b)| Prediction { class, score, bbox: PixelBox::new(b) })
                .collect(),
        }
    }

    fn verdicts(sample: &Sample, iou: f64) -> Vec<Verdict> {
        Pairing::new(sample, Class::Bear).judge(iou).iter().map(|j| j.verdict).collect()
    }

    #[test]
    fn a_truth_is_found_once_and_by_the_higher_score() {
        let bear = [10.0, 10.0, 20.0, 20.0];
        let twice = sample(&[(bear, false)], &[(0.3, bear), (0.8, [11.0, 10.0, 20.0, 20.0])]);
        assert_eq!(verdicts(&twice, 0.5), [Verdict::Right(0), Verdict::Wrong]);
        assert_eq!(Pairing::new(&twice, Class::Bear).judge(0.5)[0].score, 0.8);
    }

    #[test]
    fn an_overlap_of_exactly_the_threshold_is_enough() {
        let half = sample(&[([0.0, 0.0, 10.0, 10.0], false)], &[(0.9, [0.0, 0.0, 10.0, 5.0])]);
        assert_eq!(verdicts(&half, 0.5), [Verdict::Right(0)]);
        assert_eq!(verdicts(&half, 0.55), [Verdict::Wrong]);
    }

    #[test]
    fn a_prediction_takes_the_truth_that_fits_best() {
        let two = sample(
            &[([0.0, 0.0, 10.0, 10.0], false), ([2.0, 0.0, 10.0, 10.0], false)],
            &[(0.9, [2.0, 0.0, 10.0, 10.0]), (0.8, [1.0, 0.0, 10.0, 10.0])],
        );
        assert_eq!(verdicts(&two, 0.5), [Verdict::Right(1), Verdict::Right(0)]);
    }

    #[test]
    fn crowds_excuse_any_number_of_predictions_but_never_beat_a_truth() {
        let crowd = ([0.0, 0.0, 100.0, 100.0], true);
        let bear = ([10.0, 10.0, 20.0, 20.0], false);
        let herd = sample(&[crowd, bear], &[(0.9, bear.0), (0.8, bear.0), (0.7, [50.0, 50.0, 9.0, 9.0])]);
        assert_eq!(verdicts(&herd, 0.5), [Verdict::Right(1), Verdict::Ignored, Verdict::Ignored]);
        assert_eq!(Pairing::new(&herd, Class::Bear).countable(), 1);
    }

    #[test]
    fn other_classes_and_the_weakest_beyond_a_hundred_are_not_looked_at() {
        let bbox = [0.0, 0.0, 5.0, 5.0];
        let mut many = sample(&[(bbox, false)], &vec![(0.5, [50.0, 50.0, 5.0, 5.0]); 100]);
        many.predictions.push(Prediction { class: Class::Bear, score: 0.4, bbox: PixelBox::new(bbox) });
        assert_eq!(verdicts(&many, 0.5).len(), MOST_PREDICTIONS);
        assert!(Pairing::new(&many, Class::Animal).judge(0.5).is_empty());
    }
}
