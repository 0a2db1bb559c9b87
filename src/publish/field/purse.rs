//! How much may be written: an SD card bears only so much of it. PURE.

use std::time::Duration;

use super::Reason;

const DAY_S: f64 = 86_400.0;
/// A start brings this share of a day: a board that starts again and again writes little.
const AT_FIRST: f64 = 1.0 / 24.0;

/// Bytes that may be written now. They come in evenly, and a day's at most are saved up.
#[derive(Debug)]
pub struct Purse {
    a_day: f64,
    /// Of these, what is left to the random sample, which is bounded at its source (`audit.most_mb_a_day`): dropped for what else was written that day it
    /// would say less of days with bears.
    reserved: f64,
    left: f64,
    at: Duration,
}

impl Purse {
    /// Megabytes a day, and of these for the random sample.
    pub fn new(mb_a_day: f64, reserved_mb_a_day: f64) -> Purse {
        let bytes = |mb: f64| mb * 1024.0 * 1024.0;
        let (a_day, reserved) = (bytes(mb_a_day), bytes(reserved_mb_a_day.min(mb_a_day)));
        Purse { a_day, reserved, left: a_day * AT_FIRST, at: Duration::ZERO }
    }

    /// Whether so many bytes may be written.
    pub fn has(&mut self, reason: Reason, bytes: u64, now: Duration) -> bool {
        let came = now.saturating_sub(std::mem::replace(&mut self.at, now)).as_secs_f64() / DAY_S;
        self.left = (self.left + self.a_day * came).min(self.a_day);
        // The sample may run ahead of its share, for it is bounded in the mean alone, by a day at most.
        let least = if reason == Reason::Random { -self.a_day } else { self.share_of_sample() };
        self.left - bytes as f64 >= least
    }

    /// They were written.
    pub fn spend(&mut self, bytes: u64) {
        self.left -= bytes as f64;
    }

    /// What others leave to the sample: as large a part of what is saved up as of a day.
    fn share_of_sample(&self) -> f64 {
        self.left.max(0.0) * self.reserved / self.a_day.max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1024 * 1024;
    const HOUR: Duration = Duration::from_secs(3600);

    /// How many megabytes are written in a time by whoever always wants to.
    fn written(purse: &mut Purse, reason: Reason, hours: u32) -> u64 {
        let mut count = 0;
        for at in (0..hours * 60).map(|minute| HOUR * minute / 60) {
            while purse.has(reason, MB, at) {
                purse.spend(MB);
                count += 1;
            }
        }
        count
    }

    #[test]
    fn no_more_is_written_in_a_day_than_may_be() {
        let mut purse = Purse::new(24.0, 0.0);
        assert_eq!(written(&mut purse, Reason::Alert, 24), 24);
        let mut mostly_idle = Purse::new(24.0, 0.0);
        assert!(!mostly_idle.has(Reason::Alert, 25 * MB, 240 * HOUR), "no more than a day's is saved up");
        assert!(mostly_idle.has(Reason::Alert, 24 * MB, 240 * HOUR));
    }

    #[test]
    fn others_never_use_up_what_is_for_the_sample() {
        let mut purse = Purse::new(24.0, 12.0);
        purse.has(Reason::Alert, 0, 24 * HOUR);
        while purse.has(Reason::NearMiss, MB / 8, 24 * HOUR) {
            purse.spend(MB / 8);
        }
        assert!(purse.has(Reason::Random, 12 * MB, 24 * HOUR));
    }
}
