//! Average precision as the COCO tools count it: ten overlaps from 0.50 to 0.95, precision read off at 101 recalls, all sizes.

use super::Sample;
use super::intervals::{Draw, bootstrap};
use super::matching::{Judged, Pairing, Verdict};
use crate::perceive::model::Class;

/// Recalls at which the precision is read off.
pub const RECALL_POINTS: usize = 101;

/// Overlaps (IoU) at which predictions are matched.
const OVERLAPS: usize = 10;

/// How well one class is found and told apart over all thresholds of the score.
#[derive(Clone, Debug, PartialEq)]
pub struct Precision {
    /// Mean over the ten overlaps.
    pub ap: f64,
    /// At an overlap of 0.5.
    pub ap50: f64,
    /// Precision at an overlap of 0.5 for recalls 0, 0.01 … 1; 0 beyond the highest recall that is reached.
    pub curve50: Vec<f64>,
    /// Truths that count.
    pub truths: usize,
}

impl Precision {
    /// Over pictures in the order of their COCO ids; `None` where there is no truth of the class.
    pub fn measure(samples: &[Sample], class: Class) -> Option<Precision> {
        let pairings: Vec<Pairing> = samples.iter().map(|s| Pairing::new(s, class)).collect();
        let truths: usize = pairings.iter().map(Pairing::countable).sum();
        if truths == 0 {
            return None;
        }
        let curves: Vec<Vec<f64>> = (0..OVERLAPS).map(|i| curve(&pairings, overlap(i), truths)).collect();
        let average = |curve: &Vec<f64>| curve.iter().sum::<f64>() / RECALL_POINTS as f64;
        let ap = curves.iter().map(average).sum::<f64>() / OVERLAPS as f64;
        Some(Precision {
            ap,
            ap50: average(&curves[0]),
            curve50: curves.into_iter().next().unwrap_or_default(),
            truths,
        })
    }
}

/// 0.50, 0.55 … 0.95 with the very digits of numpy's `linspace`, which the COCO tools use: a box may lie exactly on one.
fn overlap(i: usize) -> f64 {
    if i + 1 == OVERLAPS { 0.95 } else { 0.5 + i as f64 * ((0.95 - 0.5) / (OVERLAPS - 1) as f64) }
}

/// Precision at each of the recall points, made non-increasing from the right.
fn curve(pairings: &[Pairing], iou: f64, truths: usize) -> Vec<f64> {
    let mut judged: Vec<Judged> = pairings.iter().flat_map(|p| p.judge(iou)).collect();
    judged.retain(|j| j.verdict != Verdict::Ignored);
    judged.sort_by(|a, b| b.score.total_cmp(&a.score));
    read_off(judged.iter().map(|j| (j.verdict != Verdict::Wrong, 1)), truths)
}

/// The curve of predictions in the order of their scores: whether each is right, and how often it stands there.
fn read_off(judged: impl Iterator<Item = (bool, usize)>, truths: usize) -> Vec<f64> {
    let (recalls, precisions) = running(judged, truths);
    let at = |i: usize| {
        let wanted = if i + 1 == RECALL_POINTS { 1.0 } else { i as f64 * 0.01 };
        precisions.get(recalls.partition_point(|r| *r < wanted)).copied().unwrap_or(0.0)
    };
    (0..RECALL_POINTS).map(at).collect()
}

/// Recall and best precision still to come after each prediction.
fn running(judged: impl Iterator<Item = (bool, usize)>, truths: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut right, mut all, mut recalls, mut precisions) = (0, 0, Vec::new(), Vec::new());
    for (is_right, times) in judged {
        right += if is_right { times } else { 0 };
        all += times;
        recalls.push(right as f64 / truths as f64);
        // Plus epsilon as in cocoeval.py: kept for equal digits.
        precisions.push(right as f64 / (all as f64 + f64::EPSILON));
    }
    for i in (1..precisions.len()).rev() {
        precisions[i - 1] = precisions[i - 1].max(precisions[i]);
    }
    (recalls, precisions)
}

/// 95 % bootstrap interval of AP50 over pictures; those with and without the class are drawn apart, so that their shares stay.
/// `None` where there is no truth of the class.
pub fn ap50_ci95(samples: &[Sample], class: Class, seed: u64) -> Option<[f64; 2]> {
    let (with, without): (Vec<&Sample>, Vec<&Sample>) = samples.iter().partition(|s| s.shows(class));
    let resampled = Resampled::new(with, without, class);
    resampled.truths.iter().any(|t| *t > 0).then(|| bootstrap(seed, |draw| Some(resampled.ap50(draw))))?
}

/// Matched once: what a prediction matches does not depend on other pictures.
struct Resampled {
    /// Pictures that hold the class; they come first.
    with: usize,
    /// Truths of each picture.
    truths: Vec<usize>,
    /// Picture of each prediction, highest score first, and whether it is right.
    judged: Vec<(usize, bool)>,
}

impl Resampled {
    fn new(with: Vec<&Sample>, without: Vec<&Sample>, class: Class) -> Resampled {
        let count = with.len();
        let pairings: Vec<Pairing> =
            with.into_iter().chain(without).map(|s| Pairing::new(s, class)).collect();
        let judge = |(at, pairing): (usize, &Pairing)| {
            pairing.judge(overlap(0)).into_iter().map(move |judged| (at, judged))
        };
        let mut judged: Vec<(usize, Judged)> = pairings.iter().enumerate().flat_map(judge).collect();
        judged.retain(|(_, j)| j.verdict != Verdict::Ignored);
        judged.sort_by(|a, b| b.1.score.total_cmp(&a.1.score));
        Resampled {
            with: count,
            truths: pairings.iter().map(Pairing::countable).collect(),
            judged: judged.into_iter().map(|(at, j)| (at, j.verdict != Verdict::Wrong)).collect(),
        }
    }

    /// A resample of crowds alone has no truth: nothing to find, nothing missed.
    fn ap50(&self, draw: &mut Draw) -> f64 {
        let mut times = vec![0; self.truths.len()];
        draw.indices(self.with).for_each(|at| times[at] += 1);
        draw.indices(times.len() - self.with).for_each(|at| times[self.with + at] += 1);
        let truths = self.truths.iter().zip(&times).map(|(truths, times)| truths * times).sum();
        let drawn = self.judged.iter().map(|&(at, right)| (right, times[at])).filter(|(_, times)| *times > 0);
        match truths {
            0 => 1.0,
            _ => read_off(drawn, truths).iter().sum::<f64>() / RECALL_POINTS as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PixelBox, Prediction, Truth};
    use super::*;

    const BEAR: [f64; 4] = [10.0, 10.0, 20.0, 20.0];

    fn picture(bears: usize, predictions: &[(f64, [f64; 4])]) -> Sample {
        let class = Class::Bear;
        let bbox = PixelBox::new(BEAR);
        Sample {
            file: String::new(),
            truths: vec![Truth { class, bbox, crowd: false }; bears],
            predictions: predictions
                .iter()
                .map(|&(score, b)| Prediction { class, score, bbox: PixelBox::new(b) })
                .collect(),
        }
    }

    #[test]
    fn all_found_and_nothing_else_is_one() {
        let samples = [picture(1, &[(0.9, BEAR)]), picture(0, &[]), picture(1, &[(0.2, BEAR)])];
        let found = Precision::measure(&samples, Class::Bear).unwrap();
        assert!((found.ap - 1.0).abs() < 1e-9 && (found.ap50 - 1.0).abs() < 1e-9);
        assert_eq!(found.truths, 2);
    }

    #[test]
    fn a_false_box_before_the_only_bear_halves_precision() {
        let samples = [picture(1, &[(0.5, BEAR)]), picture(0, &[(0.9, BEAR)])];
        let found = Precision::measure(&samples, Class::Bear).unwrap();
        assert!((found.ap50 - 0.5).abs() < 1e-9, "{}", found.ap50);
    }

    #[test]
    fn one_of_two_found_reaches_half_the_recall_points() {
        let samples = [picture(1, &[(0.5, BEAR)]), picture(1, &[])];
        let found = Precision::measure(&samples, Class::Bear).unwrap();
        assert!((found.ap50 - 51.0 / 101.0).abs() < 1e-9, "{}", found.ap50);
        assert_eq!(found.curve50[50..52], [1.0 / (1.0 + f64::EPSILON), 0.0]);
    }

    #[test]
    fn without_a_truth_there_is_no_figure_and_without_predictions_it_is_nought() {
        assert_eq!(Precision::measure(&[picture(0, &[(0.9, BEAR)])], Class::Bear), None);
        assert_eq!(Precision::measure(&[picture(1, &[])], Class::Bear).unwrap().ap, 0.0);
    }

    #[test]
    fn the_interval_holds_the_figure_and_is_nought_wide_where_every_picture_is_alike() {
        let mut samples = vec![picture(1, &[(0.9, BEAR)]); 30];
        samples.extend(vec![picture(0, &[]); 30]);
        let [low, high] = ap50_ci95(&samples, Class::Bear, 1).unwrap();
        assert!(low > 1.0 - 1e-9 && high <= 1.0, "{low} {high}");
        samples.extend(vec![picture(1, &[]); 30]);
        let found = Precision::measure(&samples, Class::Bear).unwrap();
        let [low, high] = ap50_ci95(&samples, Class::Bear, 1).unwrap();
        // About ± 1.96 · √(0.5 · 0.5 / 60) around one half.
        assert!((low - (found.ap50 - 0.126)).abs() < 0.03 && (high - (found.ap50 + 0.126)).abs() < 0.03);
        assert_eq!(ap50_ci95(&[picture(0, &[(0.9, BEAR)])], Class::Bear, 1), None);
    }
}
