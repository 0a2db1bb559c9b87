//! What is taken for what at the operating points.

use super::recall::FOUND_IOU;
use super::{Prediction, Sample, Truth};
use crate::perceive::model::Class;

/// Rows and columns: the classes and, last, the background.
pub const SIDE: usize = Class::ALL.len() + 1;

/// Index of the background: as a row "nothing was there", as a column "nothing was said".
pub const BACKGROUND: usize = Class::ALL.len();

/// Counts of boxes: `[truth][prediction]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Confusion(pub [[u64; SIDE]; SIDE]);

impl Confusion {
    /// Matches boxes whatever their class (IoU ≥ 0.5, highest score first) and counts pairs. Predictions below the operating point of
    /// their class are left out; so are crowds, and what lies on them.
    pub fn count(samples: &[Sample], operating_point: impl Fn(Class) -> f64) -> Confusion {
        let mut confusion = Confusion::default();
        for sample in samples {
            confusion.add(sample, &operating_point);
        }
        confusion
    }

    fn add(&mut self, sample: &Sample, operating_point: impl Fn(Class) -> f64) {
        let mut said: Vec<&Prediction> =
            sample.predictions.iter().filter(|p| p.score >= operating_point(p.class)).collect();
        said.sort_by(|a, b| b.score.total_cmp(&a.score));
        let (crowds, mut missed): (Vec<&Truth>, Vec<&Truth>) = sample.truths.iter().partition(|t| t.crowd);
        for prediction in said {
            if let Some(at) = best(prediction, &missed) {
                let truth = missed.swap_remove(at);
                self.0[truth.class as usize][prediction.class as usize] += 1;
            } else if best(prediction, &crowds).is_none() {
                self.0[BACKGROUND][prediction.class as usize] += 1;
            }
        }
        for truth in missed {
            self.0[truth.class as usize][BACKGROUND] += 1;
        }
    }
}

/// The truth that a prediction means: of its own class before others, then the best overlap.
fn best(prediction: &Prediction, truths: &[&Truth]) -> Option<usize> {
    let overlap = |t: &Truth| {
        let shared = prediction.bbox.shared(t.bbox);
        if t.crowd && shared > 0.0 { shared / prediction.bbox.area() } else { prediction.bbox.iou(t.bbox) }
    };
    let rated = truths.iter().enumerate().map(|(at, t)| (at, t.class == prediction.class, overlap(t)));
    rated
        .filter(|(_, _, overlap)| *overlap >= FOUND_IOU)
        .max_by(|a, b| a.1.cmp(&b.1).then(a.2.total_cmp(&b.2)))
        .map(|(at, _, _)| at)
}

#[cfg(test)]
mod tests {
    use super::super::PixelBox;
    use super::*;

    fn boxed(x: f64) -> PixelBox {
        PixelBox::new([x, 0.0, 10.0, 10.0])
    }

    fn truth(class: Class, x: f64) -> Truth {
        Truth { class, bbox: boxed(x), crowd: false }
    }

    fn said(class: Class, score: f64, x: f64) -> Prediction {
        Prediction { class, score, bbox: boxed(x) }
    }

    #[test]
    fn found_missed_confused_and_imagined_are_counted_apart() {
        let sample = Sample {
            file: String::new(),
            truths: vec![truth(Class::Bear, 0.0), truth(Class::Bear, 50.0), truth(Class::Animal, 100.0)],
            predictions: vec![
                said(Class::Bear, 0.9, 1.0),
                said(Class::Bear, 0.8, 100.0),
                said(Class::Person, 0.7, 150.0),
                said(Class::Bear, 0.1, 50.0),
            ],
        };
        let Confusion(counts) = Confusion::count(&[sample], |_| 0.5);
        let mut expected = [[0; SIDE]; SIDE];
        expected[Class::Bear as usize][Class::Bear as usize] = 1;
        expected[Class::Bear as usize][BACKGROUND] = 1;
        expected[Class::Animal as usize][Class::Bear as usize] = 1;
        expected[BACKGROUND][Class::Person as usize] = 1;
        assert_eq!(counts, expected);
    }

    #[test]
    fn a_box_goes_to_the_truth_of_its_class_where_two_stand_together() {
        let sample = Sample {
            file: String::new(),
            truths: vec![truth(Class::Animal, 0.0), truth(Class::Bear, 1.0)],
            predictions: vec![said(Class::Bear, 0.9, 0.0), said(Class::Animal, 0.8, 0.0)],
        };
        let Confusion(counts) = Confusion::count(&[sample], |_| 0.5);
        assert_eq!(counts[Class::Bear as usize][Class::Bear as usize], 1);
        assert_eq!(counts[Class::Animal as usize][Class::Animal as usize], 1);
    }

    #[test]
    fn what_lies_on_a_crowd_is_not_counted() {
        let herd = Truth { class: Class::Animal, bbox: PixelBox::new([0.0, 0.0, 100.0, 100.0]), crowd: true };
        let sample = Sample {
            file: String::new(),
            truths: vec![herd],
            predictions: vec![said(Class::Bear, 0.9, 50.0)],
        };
        assert_eq!(Confusion::count(&[sample], |_| 0.5), Confusion::default());
    }
}
