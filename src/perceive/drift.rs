//! What pictures and finds are like, as counts since the start: so that whoever compares them week by week sees a lens that clouds over, a lamp that
//! fails, a camera that was turned, a model that finds less, before a bear is missed for it.
//!
//! Counted are frames, one in ten seconds, and visits: whatever of one class is seen with no more than a minute between is one visit, and tells its
//! best score. So neither the speed of a board nor an animal that stays for an hour weighs more than another.

use super::frame::Stamp;
use super::model::{Class, ModelSpec};
use super::observation::{Detection, Regime, Scene};

/// Bins of each histogram; see [`Measure::bin`].
pub const BINS: usize = 16;

/// A frame is counted so often, milliseconds.
const SAMPLE_MS: u64 = 10_000;

/// What is not seen for so long has gone; what comes then is another visit, milliseconds.
const GONE_MS: u64 = 60_000;

/// Longer than this between two frames nobody watched, milliseconds.
const WATCHED_MS: u64 = 60_000;

/// Of an operating point, from where a detection counts: a model whose scores fall is to be seen falling.
const CLEAR: f32 = 0.5;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Best score of a visit, 0..1.
    Score,
    /// Height of the box that had it, share of the frame's.
    Height,
    /// Mean luma of a frame, 0..1.
    Luma,
    /// Variance of the Laplacian of a frame, 0..1.
    Sharpness,
    /// Share of a frame in which something moves, 0..1.
    Motion,
}

impl Measure {
    /// All of them.
    pub const ALL: [Measure; 5] =
        [Measure::Score, Measure::Height, Measure::Luma, Measure::Sharpness, Measure::Motion];

    /// The bin of a value. Widths are equal for the score and, for luma, on the scale of its square root (as eyes have it); a bin is half an octave
    /// of height and an octave of sharpness and of motion, the topmost ending at 1. What lies below the bins is counted in the lowest.
    pub fn bin(self, value: f32) -> usize {
        let top = BINS as f32;
        let place = match self {
            Measure::Score => top * value,
            Measure::Luma => top * value.max(0.0).sqrt(),
            Measure::Height => top + 2.0 * value.max(0.0).log2(),
            Measure::Sharpness | Measure::Motion => top + value.max(0.0).log2(),
        };
        // What is no number falls into the lowest.
        (place.max(0.0) as usize).min(BINS - 1)
    }

    /// The value that lies at a place on the scale of the bins: `value(3.0)` is where the fourth bin begins.
    pub fn value(self, place: f64) -> f64 {
        let below = place - BINS as f64;
        match self {
            Measure::Score => place / BINS as f64,
            Measure::Luma => (place / BINS as f64).powi(2),
            Measure::Height => (below / 2.0).exp2(),
            Measure::Sharpness | Measure::Motion => below.exp2(),
        }
    }
}

/// Counts of one light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// For how long frames came, milliseconds.
    pub watched_ms: u64,
    bins: [[u32; BINS]; Measure::ALL.len()],
}

impl Counts {
    /// The histogram of one measure.
    pub fn of(&self, measure: Measure) -> &[u32; BINS] {
        &self.bins[measure as usize]
    }

    fn add(&mut self, measure: Measure, value: f32) {
        let count = &mut self.bins[measure as usize][measure.bin(value)];
        *count = count.saturating_add(1);
    }
}

/// Counts since the start, by light.
pub type Histograms = [Counts; 3];

/// Something that is seen, or was within a minute.
#[derive(Clone, Copy, Debug)]
struct Visit {
    /// Where its best score was had.
    regime: Regime,
    best: f32,
    height: f32,
    last_ms: u64,
}

/// A frame, as far as it is counted.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// When it was taken.
    pub stamp: Stamp,
    /// Its light.
    pub regime: Regime,
    /// Its measures.
    pub scene: Scene,
    /// Share of it in which something moves, 0..1.
    pub motion: f32,
}

/// Counts what one camera sees. Nothing is allocated.
#[derive(Clone, Debug, Default)]
pub struct Drift {
    histograms: Histograms,
    visits: [Option<Visit>; Class::ALL.len()],
    last_ms: Option<u64>,
    sampled_ms: Option<u64>,
}

impl Drift {
    /// Takes in a frame and what was found on it.
    pub fn observe<'a>(&mut self, seen: &Seen, spec: &ModelSpec, found: impl Iterator<Item = &'a Detection>) {
        let (now_ms, counts) = (seen.stamp.uptime_ms, &mut self.histograms[seen.regime as usize]);
        let passed_ms = self.last_ms.replace(now_ms).map_or(0, |last| now_ms.saturating_sub(last));
        counts.watched_ms += if passed_ms <= WATCHED_MS { passed_ms } else { 0 };
        if self.sampled_ms.is_none_or(|last| now_ms.saturating_sub(last) >= SAMPLE_MS) {
            self.sampled_ms = Some(now_ms);
            counts.add(Measure::Luma, seen.scene.luma);
            counts.add(Measure::Sharpness, seen.scene.sharpness);
            counts.add(Measure::Motion, seen.motion);
        }
        self.part(now_ms);
        found
            .filter(|d| d.score >= spec.threshold(d.class) * CLEAR)
            .for_each(|d| self.meet(d, seen.regime, now_ms));
    }

    /// Since the start, by light: `Regime as usize`.
    pub fn histograms(&self) -> &Histograms {
        &self.histograms
    }

    fn meet(&mut self, detection: &Detection, regime: Regime, now_ms: u64) {
        let Detection { class, score, bbox, .. } = *detection;
        let new = Visit { regime, best: score, height: bbox.h, last_ms: now_ms };
        let visit = self.visits[class as usize].get_or_insert(new);
        visit.last_ms = now_ms;
        if score > visit.best {
            *visit = new;
        }
    }

    /// Counts visits that are over.
    fn part(&mut self, now_ms: u64) {
        for open in &mut self.visits {
            if let Some(visit) = open.take_if(|visit| now_ms.saturating_sub(visit.last_ms) > GONE_MS) {
                let counts = &mut self.histograms[visit.regime as usize];
                counts.add(Measure::Score, visit.best);
                counts.add(Measure::Height, visit.height);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perceive::geometry::Rect;

    fn at(uptime_ms: u64, luma: f32) -> Seen {
        let (stamp, scene) =
            (Stamp { uptime_ms, ..Stamp::default() }, Scene { luma, sharpness: 0.3, ..Scene::default() });
        Seen { stamp, regime: Regime::Day, scene, motion: 0.0 }
    }

    fn bear(score: f32, h: f32) -> Detection {
        Detection { class: Class::Bear, score, bbox: Rect { x: 0.4, y: 0.4, w: 0.1, h }, cut: false }
    }

    fn total(drift: &Drift, measure: Measure) -> u32 {
        drift.histograms.iter().map(|counts| counts.of(measure).iter().sum::<u32>()).sum()
    }

    #[test]
    fn every_value_has_a_bin_and_lies_within_it() {
        for measure in Measure::ALL {
            for place in 0..BINS {
                let middle = measure.value(place as f64 + 0.5) as f32;
                assert_eq!(measure.bin(middle), place, "{measure:?} {middle}");
            }
            for (value, bin) in [(0.0, 0), (-1.0, 0), (f32::NAN, 0), (1.0, BINS - 1), (7.0, BINS - 1)] {
                assert_eq!(measure.bin(value), bin, "{measure:?} {value}");
            }
        }
    }

    #[test]
    fn a_fast_camera_counts_no_more_frames_than_a_slow_one() {
        let spec = ModelSpec::small();
        let counted = |every_ms: usize| {
            let mut drift = Drift::default();
            (0..=100_000).step_by(every_ms).for_each(|ms| drift.observe(&at(ms, 0.5), &spec, [].iter()));
            (total(&drift, Measure::Luma), drift.histograms[0].watched_ms)
        };
        assert_eq!(counted(100), (11, 100_000));
        assert_eq!(counted(100), counted(5_000));
        let mut drift = Drift::default();
        [0, 600_000, 610_000].iter().for_each(|&ms| drift.observe(&at(ms, 0.5), &spec, [].iter()));
        assert_eq!(drift.histograms[0].watched_ms, 10_000, "nobody watched for ten minutes");
    }

    #[test]
    fn an_animal_that_stays_is_one_visit_with_its_best_score() {
        let spec = ModelSpec::small();
        let mut drift = Drift::default();
        for second in 0..3_600 {
            let found = [bear(if second == 40 { 0.9 } else { 0.5 }, if second == 40 { 0.3 } else { 0.1 })];
            drift.observe(&at(second * 1_000, 0.5), &spec, found.iter());
        }
        assert_eq!(total(&drift, Measure::Score), 0, "it is still there");
        drift.observe(&at(3_700_000, 0.5), &spec, [bear(0.5, 0.1)].iter());
        let day = &drift.histograms[Regime::Day as usize];
        assert_eq!(day.of(Measure::Score)[Measure::Score.bin(0.9)], 1);
        assert_eq!(day.of(Measure::Height)[Measure::Height.bin(0.3)], 1);
        drift.observe(&at(3_800_000, 0.5), &spec, [].iter());
        assert_eq!((total(&drift, Measure::Score), total(&drift, Measure::Height)), (2, 2));
    }

    #[test]
    fn guesses_are_no_visits_and_fallen_scores_are() {
        let spec = ModelSpec::small();
        let mut drift = Drift::default();
        drift.observe(&at(0, 0.5), &spec, [bear(0.19, 0.1)].iter());
        drift.observe(&at(100_000, 0.5), &spec, [bear(0.21, 0.1)].iter());
        drift.observe(&at(200_000, 0.5), &spec, [].iter());
        assert_eq!(total(&drift, Measure::Score), 1);
    }
}
