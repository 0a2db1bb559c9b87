//! The pictures that went worst: wrong labels and the model's weak sides both rise to the top.

use super::Sample;
use super::matching::{Pairing, Verdict};
use super::recall::FOUND_IOU;
use crate::perceive::model::Class;

/// A truth that no box found counts as if found with this score: bounds the loss of one box at 6.9 nats.
const LEAST_SCORE: f64 = 0.001;

/// How badly a picture went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// Index of the sample.
    pub sample: usize,
    /// Cross-entropy in nats: −ln(score) of the box that found each truth, −ln(1 − score) of each box that found none.
    pub loss: f64,
    /// Truths without a box at the operating point.
    pub missed: usize,
    /// Boxes at the operating point where there is no truth.
    pub imagined: usize,
}

impl Loss {
    /// The loss of one class on one picture.
    pub fn on(sample: &Sample, index: usize, class: Class, operating_point: f64) -> Loss {
        let pairing = Pairing::new(sample, class);
        let mut loss = Loss { sample: index, loss: 0.0, missed: pairing.countable(), imagined: 0 };
        let mut unfound = pairing.countable();
        for judged in pairing.judge(FOUND_IOU) {
            let reached = usize::from(judged.score >= operating_point);
            match judged.verdict {
                Verdict::Right(_) => {
                    loss.loss += cost(judged.score);
                    unfound -= 1;
                    loss.missed -= reached;
                }
                Verdict::Wrong => {
                    loss.loss += cost(1.0 - judged.score);
                    loss.imagined += reached;
                }
                Verdict::Ignored => {}
            }
        }
        loss.loss += unfound as f64 * cost(0.0);
        loss
    }
}

/// −ln(probability), bounded.
fn cost(probability: f64) -> f64 {
    -probability.clamp(LEAST_SCORE, 1.0).ln()
}

/// The `most` pictures with the highest loss for a class, worst first; pictures without any loss are left out.
pub fn worst(samples: &[Sample], class: Class, operating_point: f64, most: usize) -> Vec<Loss> {
    let losses = samples.iter().enumerate().map(|(i, s)| Loss::on(s, i, class, operating_point));
    let mut losses: Vec<Loss> = losses.filter(|l| l.loss > 0.0).collect();
    losses.sort_by(|a, b| b.loss.total_cmp(&a.loss));
    losses.truncate(most);
    losses
}

#[cfg(test)]
mod tests {
    use super::super::{PixelBox, Prediction, Truth};
    use super::*;

    const HERE: PixelBox = PixelBox { x: 0.0, y: 0.0, w: 10.0, h: 10.0 };
    const ELSEWHERE: PixelBox = PixelBox { x: 50.0, y: 50.0, w: 10.0, h: 10.0 };

    fn picture(bear: bool, predictions: &[(f64, PixelBox)]) -> Sample {
        let class = Class::Bear;
        let truths = if bear { vec![Truth { class, bbox: HERE, crowd: false }] } else { vec![] };
        let said = |&(score, bbox): &(f64, PixelBox)| Prediction { class, score, bbox };
        Sample { file: String::new(), truths, predictions: predictions.iter().map(said).collect() }
    }

    #[test]
    fn missed_and_imagined_bears_come_before_doubtful_ones() {
        let samples = [
            picture(true, &[(0.9, HERE)]),
            picture(true, &[]),
            picture(false, &[(0.95, ELSEWHERE)]),
            picture(false, &[]),
            picture(true, &[(0.4, HERE)]),
        ];
        let found = worst(&samples, Class::Bear, 0.5, 10);
        let order: Vec<usize> = found.iter().map(|l| l.sample).collect();
        assert_eq!(order, [1, 2, 4, 0]);
        assert!((found[0].loss - 1000f64.ln()).abs() < 1e-9);
        assert!((found[1].loss - 20f64.ln()).abs() < 1e-9);
        assert_eq!((found[0].missed, found[1].imagined, found[2].missed, found[3].missed), (1, 1, 1, 0));
        assert_eq!(worst(&samples, Class::Bear, 0.5, 1).len(), 1);
    }
}
