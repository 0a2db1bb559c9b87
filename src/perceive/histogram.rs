//! How often the model gave which score, by class: a drifting camera or model shows here before it shows in alerts.

use super::model::Class;
use super::observation::Detection;

/// Buckets of equal width over 0..1.
pub const BUCKETS: usize = 10;

/// Counts of detection scores since the start, by class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScoreHistograms([[u64; BUCKETS]; Class::ALL.len()]);

impl ScoreHistograms {
    /// Counts one detection.
    pub fn add(&mut self, detection: &Detection) {
        let bucket = (detection.score * BUCKETS as f32) as usize;
        self.0[detection.class as usize][bucket.min(BUCKETS - 1)] += 1;
    }

    /// Counts of one class: bucket `i` holds scores from `i / BUCKETS` up to `(i + 1) / BUCKETS`, the last one includes 1.
    pub fn of(&self, class: Class) -> &[u64; BUCKETS] {
        &self.0[class as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perceive::geometry::Rect;

    #[test]
    fn scores_fall_into_their_buckets_and_classes_are_apart() {
        let mut histograms = ScoreHistograms::default();
        for score in [0.0, 0.09, 0.55, 0.999, 1.0] {
            histograms.add(&Detection { class: Class::Bear, score, bbox: Rect::WHOLE, cut: false });
        }
        assert_eq!(histograms.of(Class::Bear), &[2, 0, 0, 0, 0, 1, 0, 0, 0, 2]);
        assert_eq!(histograms.of(Class::Person), &[0; BUCKETS]);
    }
}
