//! One value a day of each feature.

use serde::{Deserialize, Serialize};

use super::days::{Days, Light, total};
use crate::perceive::drift::Measure;
use crate::publish::drift::DriftCounts;

/// Frames that make a day's mean; there is one in ten seconds.
const LEAST_FRAMES: u32 = 60;
/// Visits that make a day's mean.
const LEAST_VISITS: u32 = 2;
/// Time of one light that makes a day's count of visits, seconds.
const LEAST_WATCHED_S: u64 = 1800;

/// What may shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Feature {
    /// Best scores of visits.
    Score,
    /// Heights of their boxes.
    Height,
    /// How bright frames are.
    Luma,
    /// How sharp they are.
    Sharpness,
    /// How much moves.
    Motion,
    /// How many visits there are.
    Visits,
}

impl Feature {
    /// All of them.
    pub const ALL: [Feature; 6] = [
        Feature::Score,
        Feature::Height,
        Feature::Luma,
        Feature::Sharpness,
        Feature::Motion,
        Feature::Visits,
    ];

    /// What is judged of one light, or of all together: there only what comes by, for pictures differ by light.
    pub fn of(light: Light) -> &'static [Feature] {
        if light.is_some() { &Feature::ALL } else { &[Feature::Score, Feature::Height, Feature::Visits] }
    }

    /// The name in the database and on the page.
    pub fn name(self) -> &'static str {
        match self {
            Feature::Score => "score",
            Feature::Height => "height",
            Feature::Luma => "luma",
            Feature::Sharpness => "sharpness",
            Feature::Motion => "motion",
            Feature::Visits => "visits",
        }
    }

    /// The histogram that it is the mean of; visits are a count.
    pub fn measure(self) -> Option<Measure> {
        match self {
            Feature::Score => Some(Measure::Score),
            Feature::Height => Some(Measure::Height),
            Feature::Luma => Some(Measure::Luma),
            Feature::Sharpness => Some(Measure::Sharpness),
            Feature::Motion => Some(Measure::Motion),
            Feature::Visits => None,
        }
    }

    /// Whether a day is like the day before, as light, weather and the traffic on a path are; what animals look like is not.
    pub fn lasts(self) -> bool {
        !matches!(self, Feature::Score | Feature::Height)
    }

    /// Values by day, for days of which enough is known: mean place in the bins of a measure; logarithm of the visits and one, for as long as is
    /// watched on an average day.
    pub fn values(self, days: &Days) -> Vec<(i64, f64)> {
        match self.measure() {
            Some(measure) => days.iter().filter_map(|(&day, c)| Some((day, mean(c, measure)?))).collect(),
            None => visits(days),
        }
    }

    /// A value as people read it: a score, a share, visits a day.
    pub fn shown(self, value: f64) -> f64 {
        match self.measure() {
            Some(measure) => measure.value(value),
            None => (value.exp() - 1.0).max(0.0),
        }
    }

    /// A reference whose mean is below this is not judged: where something comes by once in a while, nobody can say that it has stopped.
    pub fn least(self) -> f64 {
        if self == Feature::Visits { 2.0_f64.ln() } else { 0.0 }
    }
}

fn mean(counts: &DriftCounts, measure: Measure) -> Option<f64> {
    let least = match measure {
        Measure::Score | Measure::Height => LEAST_VISITS,
        Measure::Luma | Measure::Sharpness | Measure::Motion => LEAST_FRAMES,
    };
    let all = total(counts, measure);
    let sum: f64 = counts.of(measure).iter().enumerate().map(|(i, &n)| (i as f64 + 0.5) * f64::from(n)).sum();
    (all >= least).then(|| sum / f64::from(all))
}

fn visits(days: &Days) -> Vec<(i64, f64)> {
    let watched: Vec<_> = days.iter().filter(|(_, counts)| counts.watched_s >= LEAST_WATCHED_S).collect();
    let usual_s = watched.iter().map(|(_, c)| c.watched_s as f64).sum::<f64>() / watched.len().max(1) as f64;
    let value = |counts: &DriftCounts| {
        (1.0 + f64::from(total(counts, Measure::Score)) * usual_s / counts.watched_s as f64).ln()
    };
    watched.into_iter().map(|(&day, counts)| (day, value(counts))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perceive::drift::BINS;

    fn day(watched_s: u64, bin: usize, count: u32) -> DriftCounts {
        let mut bins = [0; BINS];
        bins[bin] = count;
        DriftCounts { watched_s, score: bins, luma: bins, ..DriftCounts::default() }
    }

    #[test]
    fn a_mean_is_the_middle_of_its_bin_and_needs_enough() {
        let days = Days::from([(1, day(9, 9, 60)), (2, day(9, 9, 1))]);
        assert_eq!(Feature::Luma.values(&days), [(1, 9.5)]);
        assert!((Feature::Score.shown(Feature::Score.values(&days)[0].1) - 9.5 / 16.0).abs() < 1e-9);
    }

    #[test]
    fn visits_are_of_as_much_time_as_is_usual() {
        let days = Days::from([
            (1, day(36_000, 3, 10)),
            (2, day(18_000, 3, 5)),
            (3, day(600, 3, 5)),
            (4, day(27_000, 3, 0)),
        ]);
        let values = Feature::Visits.values(&days);
        let shown: Vec<_> =
            values.iter().map(|&(day, value)| (day, Feature::Visits.shown(value).round())).collect();
        assert_eq!(shown, [(1, 8.0), (2, 8.0), (4, 0.0)]);
    }
}
