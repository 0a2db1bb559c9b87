//! Two models on the same looks, counted. PURE.
//!
//! Scores of two models cannot be compared by their size, so the counts are given twice: at the operating points at which each would decide, and at the
//! threshold of the challenger at which both see a bear on as many looks (MegaDetector's releases are compared so). That threshold is known only
//! afterwards; so what is kept are two histograms of the challenger's scores, of the looks on which the running model sees a bear and of the others.

use serde::{Deserialize, Serialize};

use crate::infer::sight::Spans;
use crate::perceive::observation::Regime;
use crate::publish::models::{ByRegime, Comparison, EqualRate, Latency, LookCounts};

/// Bins over the log-odds of a score, from −[`REACH`] to [`REACH`].
const BINS: usize = 128;
const REACH: f32 = 8.0;
/// Looks with a bear, by the running model, from which on rates can be made equal.
const KNOWN: u64 = 10;

/// One look, by the best bear that each of the two sees on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// The light.
    pub regime: Regime,
    /// Whether the running model's reaches its operating point.
    pub running: bool,
    /// The challenger's score, 0 where it sees none at all.
    pub score: f32,
    /// Whether that reaches its operating point.
    pub challenger: bool,
}

/// The counts so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    frames: u64,
    passed_over: u64,
    sampled: u64,
    lights: [Light; 3],
    #[serde(skip)]
    running_ms: Spans,
    #[serde(skip)]
    challenger_ms: Spans,
}

/// Of one light.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Light {
    card: LookCounts,
    /// Challenger's scores where the running model sees a bear.
    seen: Histogram,
    /// And where it sees none.
    unseen: Histogram,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Histogram(Vec<u64>);

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram(vec![0; BINS])
    }
}

impl Histogram {
    fn add(&mut self, score: f32) {
        let odds = (score / (1.0 - score)).ln().clamp(-REACH, REACH);
        let bin = if odds.is_nan() { 0 } else { ((odds + REACH) / (2.0 * REACH) * BINS as f32) as usize };
        self.0[bin.min(BINS - 1)] += 1;
    }

    /// Those in this bin and above.
    fn from(&self, bin: usize) -> u64 {
        self.0.iter().skip(bin).sum()
    }

    fn all(&self) -> u64 {
        self.from(0)
    }
}

/// The lowest score of a bin.
fn score_of(bin: usize) -> f32 {
    let odds = bin as f32 / BINS as f32 * 2.0 * REACH - REACH;
    1.0 / (1.0 + (-odds).exp())
}

impl Tally {
    /// Counts a look.
    pub fn look(&mut self, pair: Pair) {
        let light = &mut self.lights[pair.regime as usize];
        *match (pair.running, pair.challenger) {
            (true, true) => &mut light.card.both,
            (true, false) => &mut light.card.only_running,
            (false, true) => &mut light.card.only_challenger,
            (false, false) => &mut light.card.neither,
        } += 1;
        if pair.running { light.seen.add(pair.score) } else { light.unseen.add(pair.score) }
    }

    /// Counts a frame that was shown, and what a look at it took, milliseconds.
    pub fn frame(&mut self, running_ms: f64, challenger_ms: f64) {
        self.frames += 1;
        self.running_ms.add(running_ms);
        self.challenger_ms.add(challenger_ms);
    }

    /// Frames for which there was no time.
    pub fn passed_over(&mut self, frames: u64) {
        self.passed_over += frames;
    }

    /// Counts a frame that was sent for people to judge.
    pub fn sampled(&mut self) {
        self.sampled += 1;
    }

    /// All looks, by who sees a bear at the operating points.
    pub fn at_card(&self) -> LookCounts {
        self.lights.iter().fold(LookCounts::default(), |sum, Light { card, .. }| LookCounts {
            both: sum.both + card.both,
            only_running: sum.only_running + card.only_running,
            only_challenger: sum.only_challenger + card.only_challenger,
            neither: sum.neither + card.neither,
        })
    }

    /// As it is told; `None` before the first frame.
    pub fn told(&self) -> Option<Comparison> {
        let LookCounts { both, only_running, only_challenger, neither } = self.at_card();
        let latency = |spans: &Spans| {
            let at = |share| spans.quantile(share).map(|ms| (ms * 100.0).round() / 100.0);
            Some(Latency { p50: at(0.5)?, p95: at(0.95)? })
        };
        (self.frames + self.passed_over > 0).then(|| Comparison {
            looks: both + only_running + only_challenger + neither,
            frames: self.frames,
            passed_over: self.passed_over,
            card: self.by_regime(|light| light.card),
            equal_rate: self.equal_rate(),
            running_ms: latency(&self.running_ms),
            challenger_ms: latency(&self.challenger_ms),
            sampled: self.sampled,
        })
    }

    fn by_regime(&self, counts: impl Fn(&Light) -> LookCounts) -> ByRegime {
        let of = |regime: Regime| counts(&self.lights[regime as usize]);
        ByRegime { day: of(Regime::Day), dusk: of(Regime::Dusk), infrared: of(Regime::Infrared) }
    }

    /// At the bin at which the challenger's looks with a bear are nearest in number to the running model's.
    fn equal_rate(&self) -> Option<EqualRate> {
        let wanted: u64 = self.lights.iter().map(|light| light.seen.all()).sum();
        if wanted < KNOWN {
            return None;
        }
        let got =
            |bin: usize| -> u64 { self.lights.iter().map(|l| l.seen.from(bin) + l.unseen.from(bin)).sum() };
        let bin = (0..=BINS).min_by_key(|&bin| got(bin).abs_diff(wanted))?;
        let looks = self.by_regime(|light| LookCounts {
            both: light.seen.from(bin),
            only_running: light.seen.all() - light.seen.from(bin),
            only_challenger: light.unseen.from(bin),
            neither: light.unseen.all() - light.unseen.from(bin),
        });
        Some(EqualRate { threshold: score_of(bin), looks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A running model that sees a bear on every tenth look, and a challenger that scores what it is told to.
    fn tally(score: impl Fn(bool, u32) -> f32) -> Tally {
        let mut tally = Tally::default();
        for look in 0..1000u32 {
            let running = look % 10 == 0;
            let score = score(running, look);
            tally.look(Pair { regime: Regime::Day, running, score, challenger: score >= 0.4 });
        }
        tally.frame(10.0, 12.0);
        tally
    }

    #[test]
    fn a_challenger_that_only_scores_higher_agrees_at_equal_rates() {
        let told = tally(|bear, look| if bear { 0.9 } else { 0.5 + 0.0001 * look as f32 }).told().unwrap();
        assert_eq!((told.card.day.both, told.card.day.only_challenger), (100, 900), "its card is senseless");
        let equal = told.equal_rate.unwrap();
        assert!((0.6..0.9).contains(&equal.threshold), "{}", equal.threshold);
        let expected = LookCounts { both: 100, neither: 900, ..LookCounts::default() };
        assert_eq!((equal.looks.day, equal.looks.dusk), (expected, LookCounts::default()));
    }

    #[test]
    fn one_that_sees_other_things_disagrees_at_every_threshold() {
        let told = tally(|bear, look| {
            if bear {
                0.1
            } else if look % 10 == 1 {
                0.9
            } else {
                0.01
            }
        })
        .told()
        .unwrap();
        assert_eq!(
            (told.card.day.both, told.card.day.only_running, told.card.day.only_challenger),
            (0, 100, 100)
        );
        let equal = told.equal_rate.unwrap().looks.day;
        assert_eq!(
            (equal.both, equal.only_running, equal.only_challenger, equal.neither),
            (0, 100, 100, 800)
        );
    }

    #[test]
    fn without_bears_no_rate_is_known_and_before_the_first_frame_nothing_is() {
        assert_eq!(Tally::default().told(), None);
        let mut tally = Tally::default();
        for score in [f32::NAN, 0.0, 1.0, 2.0, -1.0] {
            tally.look(Pair { regime: Regime::Infrared, running: false, score, challenger: false });
        }
        tally.passed_over(3);
        let told = tally.told().unwrap();
        assert_eq!((told.equal_rate, told.card.infrared.neither, told.passed_over), (None, 5, 3));
        assert_eq!(told.running_ms, None);
    }

    #[test]
    fn it_outlives_a_restart() {
        let tally = tally(|bear, _| if bear { 0.8 } else { 0.1 });
        let again: Tally = serde_json::from_str(&serde_json::to_string(&tally).unwrap()).unwrap();
        assert_eq!(again.told().unwrap().card, tally.told().unwrap().card);
        assert_eq!(again.told().unwrap().equal_rate, tally.told().unwrap().equal_rate);
    }
}
