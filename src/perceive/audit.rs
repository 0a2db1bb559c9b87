//! A random sample of what was looked at, whether or not anything was seen on it: by it people can tell what was missed, which no alert tells.
//!
//! What is sampled is time. A frame stands for the time since the one before it, and is chosen with the probability that a Poisson process of the
//! configured rate has a point in that time, 1 − exp(−rate · time): Bernoulli draws of known, unequal probabilities (Poisson sampling: Särndal,
//! Swensson, Wretman 1992, section 3.5). So a camera that looks twice as often sends no more pictures, and each of its frames stands for half as
//! much: sums of time over probability (Horvitz and Thompson 1952) are hours of the camera, whatever its frame rate was.
//!
//! One number is drawn for each frame before anything is known of it. What the model saw only decides which of two known probabilities it is held
//! against: the ordinary one, or a higher one where the model suspects a bear, so that bears are not as rare in the sample as they are outside.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// The longest time that one frame stands for, seconds: what nobody looked at for longer is not part of what is sampled.
const MOST_STANDS_S: f64 = 10.0;
/// Size of a picture while none was made, bytes.
const FIRST_BYTES: f64 = 60_000.0;
/// Weight of the newest picture in the mean of sizes.
const NEWEST: f64 = 0.1;
const DAY_S: f64 = 86_400.0;
const HOUR_S: f64 = 3600.0;

/// How much is sampled.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Settings {
    /// Pictures of a day on which everything is looked at, in the mean; 0 for none.
    pub per_day: f64,
    /// Further pictures of each hour in which the model suspects a bear, in the mean; 0 for none.
    pub suspected_per_hour: f64,
    /// Megabytes a day that the pictures may take, in the mean: the rates are lowered for it.
    pub most_mb_a_day: f64,
}

/// What chose a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// The rate that holds for all frames.
    Random,
    /// The higher one, since the model suspects a bear.
    Suspected,
}

impl Draw {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Draw::Random => "random",
            Draw::Suspected => "suspected",
        }
    }
}

/// A frame that was chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chosen {
    /// By what.
    pub draw: Draw,
    /// How probable it was that this frame is chosen, by either; above 0, at most 1.
    pub probability: f64,
    /// Time that it stands for, seconds.
    pub stands_s: f64,
    /// Sum of the times of all frames since the start, chosen or not, up to this one, seconds.
    pub watched_s: f64,
    /// Counts those that were chosen since the start, from 1: a gap is one that was lost on its way.
    pub number: u64,
}

/// The sampler.
#[derive(Clone, Debug)]
pub struct Audit {
    settings: Settings,
    draws: Pcg64Mcg,
    looked_ms: Option<u64>,
    watched_s: f64,
    suspected_s: f64,
    number: u64,
    picture_bytes: f64,
}

impl Audit {
    /// The same seed draws the same numbers.
    pub fn new(settings: Settings, seed: u64) -> Audit {
        let draws = Pcg64Mcg::seed_from_u64(seed);
        Audit {
            settings,
            draws,
            looked_ms: None,
            watched_s: 0.0,
            suspected_s: 0.0,
            number: 0,
            picture_bytes: FIRST_BYTES,
        }
    }

    /// A frame was looked at that was taken at `uptime_ms`; `suspected` where the model suspects a bear on it.
    pub fn look(&mut self, uptime_ms: u64, suspected: bool) -> Option<Chosen> {
        let drawn = self.draws.random_range(0.0..1.0f64);
        let before = self.looked_ms.replace(uptime_ms).unwrap_or(uptime_ms);
        let stands_s = (uptime_ms.saturating_sub(before) as f64 / 1e3).min(MOST_STANDS_S);
        // By what was known before this frame: a rate that looked ahead would make the probabilities untrue.
        let (random, more) = self.rates();
        self.watched_s += stands_s;
        self.suspected_s += if suspected { stands_s } else { 0.0 };
        let ordinary = probability(random, stands_s);
        let probability = if suspected { probability(random + more, stands_s) } else { ordinary };
        if drawn >= probability {
            return None;
        }
        self.number += 1;
        let draw = if drawn < ordinary { Draw::Random } else { Draw::Suspected };
        Some(Chosen { draw, probability, stands_s, watched_s: self.watched_s, number: self.number })
    }

    /// Frames from now on stand for no time before this: what was looked at meanwhile was not sampled.
    pub fn pause(&mut self, uptime_ms: u64) {
        self.looked_ms = Some(uptime_ms);
    }

    /// Learns how large pictures are.
    pub fn made(&mut self, bytes: usize) {
        self.picture_bytes += NEWEST * (bytes as f64 - self.picture_bytes);
    }

    /// Pictures a second, for all frames and for those under suspicion in addition, lowered to the room that they may take.
    fn rates(&self) -> (f64, f64) {
        let Settings { per_day, suspected_per_hour, most_mb_a_day } = self.settings;
        // Until something is known, a bear is suspected all the time.
        let share = (self.suspected_s + HOUR_S) / (self.watched_s + HOUR_S);
        let bytes_a_day = (per_day + 24.0 * suspected_per_hour * share) * self.picture_bytes;
        let lowered = (most_mb_a_day * 1e6 / bytes_a_day.max(1.0)).min(1.0);
        (lowered * per_day / DAY_S, lowered * suspected_per_hour / HOUR_S)
    }
}

/// That a Poisson process of this rate has a point within a time.
fn probability(a_second: f64, seconds: f64) -> f64 {
    -(-a_second * seconds).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings { per_day: 2000.0, suspected_per_hour: 400.0, most_mb_a_day: 1e6 };

    /// Ten days at so many frames a second, of which every tenth minute is under suspicion.
    fn days(settings: Settings, fps: u64) -> (Audit, Vec<(Chosen, bool)>) {
        let mut audit = Audit::new(settings, 7);
        let mut chosen = Vec::new();
        for frame in 0..10 * 86_400 * fps {
            let at_ms = frame * 1000 / fps;
            let suspected = (at_ms / 60_000).is_multiple_of(10);
            chosen.extend(audit.look(at_ms, suspected).map(|one| (one, suspected)));
        }
        (audit, chosen)
    }

    /// Time over probability.
    fn hours(chosen: &[(Chosen, bool)], of: impl Fn(bool) -> bool) -> f64 {
        let of = chosen.iter().filter(|(_, suspected)| of(*suspected));
        of.map(|(one, _)| one.stands_s / one.probability / 3600.0).sum()
    }

    #[test]
    fn sums_of_time_over_probability_are_hours_whatever_the_frame_rate() {
        for fps in [1, 4] {
            let (audit, chosen) = days(SETTINGS, fps);
            let (all, suspected) = (hours(&chosen, |_| true), hours(&chosen, |suspected| suspected));
            assert!((audit.watched_s - 864_000.0).abs() < 2.0);
            // 20,000 and 9,600 in the mean, a hundredth of that as standard deviation.
            assert!((all - 240.0).abs() < 7.0 && (suspected - 24.0).abs() < 1.2, "{fps}: {all} {suspected}");
            // A frame is chosen once, however many points of the process fall into its time.
            let (random, more, time_s) = (2000.0 / DAY_S, 400.0 / HOUR_S, 1.0 / fps as f64);
            let of = |a_second: f64, share: f64| 864_000.0 * share / time_s * probability(a_second, time_s);
            let expected = of(random, 0.9) + of(random + more, 0.1);
            assert!(
                (chosen.len() as f64 - expected).abs() < 5.0 * expected.sqrt(),
                "{fps}: {}",
                chosen.len()
            );
            let numbers: Vec<u64> = chosen.iter().map(|(one, _)| one.number).collect();
            assert_eq!(numbers, (1..=chosen.len() as u64).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_the_model_saw_changes_nothing_of_the_random_draw() {
        let random = |suspected: bool| {
            let mut audit = Audit::new(SETTINGS, 3);
            let looks =
                (0..200_000u64).map(|second| audit.look(second * 1000, suspected).map(|one| one.draw));
            looks.map(|draw| draw == Some(Draw::Random)).collect::<Vec<_>>()
        };
        assert_eq!(random(false), random(true));
    }

    #[test]
    fn the_room_that_is_given_lowers_the_rates_and_the_probabilities_say_so() {
        let (_, chosen) = days(Settings { most_mb_a_day: 12.0, ..SETTINGS }, 1);
        // 200 pictures of 60 kB a day.
        assert!((1800..2200).contains(&chosen.len()), "{}", chosen.len());
        assert!((hours(&chosen, |_| true) - 240.0).abs() < 30.0, "{}", hours(&chosen, |_| true));
        let mut audit = Audit::new(Settings { most_mb_a_day: 12.0, ..SETTINGS }, 1);
        (0..100).for_each(|_| audit.made(600_000));
        let (random, _) = audit.rates();
        assert!(random < 2000.0 / DAY_S / 50.0, "larger pictures are sent less often: {random}");
    }

    #[test]
    fn a_camera_that_did_not_look_stands_for_nothing_and_none_is_sampled_unasked() {
        let mut audit = Audit::new(Settings { per_day: 1e9, ..SETTINGS }, 1);
        assert_eq!(audit.look(5_000, false), None, "nothing is known of the time before the first");
        assert_eq!(audit.look(3_600_000, false).map(|one| one.stands_s), Some(MOST_STANDS_S));
        audit.pause(7_200_000);
        assert_eq!(audit.look(7_200_500, false).map(|one| (one.stands_s, one.watched_s)), Some((0.5, 10.5)));
        let mut off = Audit::new(Settings::default(), 1);
        assert!((0..100_000u64).all(|second| off.look(second * 1000, true).is_none()));
    }
}
