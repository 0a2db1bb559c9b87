//! Times that run out, on boards whose wall clock may be wrong. PURE.
//!
//! A term ends when its length has passed by the uptime of this boot, and also when a synchronised wall clock says so: a clock that is
//! set back makes nothing last longer. Over a restart the wall clock counts where it is synchronised; otherwise what was left.

use std::time::Duration;

use crate::publish::message::rfc3339;
use crate::publish::reply::Until;

/// The clocks as they are read.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Since the start of the daemon.
    pub uptime: Duration,
    /// Of the wall clock, milliseconds since 1970.
    pub unix_ms: i64,
    /// Whether the wall clock can be trusted.
    pub synced: bool,
}

/// A time that runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    ends: Duration,
    until_unix_ms: Option<i64>,
}

impl Term {
    /// Begins now.
    pub fn new(length: Duration, now: &Now) -> Term {
        let mut term = Term { ends: now.uptime + length, until_unix_ms: None };
        term.observe(now);
        term
    }

    /// Begins now and ends, for a wall clock that is set, no later than at `until_unix_ms`.
    pub fn with_end(length: Duration, until_unix_ms: Option<i64>, now: &Now) -> Term {
        let by_length = Term::new(length, now);
        let until_unix_ms = match (until_unix_ms, by_length.until_unix_ms) {
            (Some(end), Some(by_length)) => Some(end.min(by_length)),
            (end, by_length) => end.or(by_length),
        };
        Term { until_unix_ms, ..by_length }
    }

    /// Of an earlier boot, which wrote down what was `left` and, where it knew, the end by the wall clock.
    pub fn restored(left: Duration, until_unix_ms: Option<i64>, now: &Now) -> Term {
        let mut term = Term { ends: now.uptime + left, until_unix_ms };
        term.observe(now);
        term
    }

    /// What is left of it by the clock that gives it less.
    pub fn left(&self, now: &Now) -> Duration {
        let by_uptime = self.ends.saturating_sub(now.uptime);
        let by_wall = self
            .until_unix_ms
            .filter(|_| now.synced)
            .map(|until| Duration::from_millis(until.saturating_sub(now.unix_ms).max(0).unsigned_abs()));
        by_wall.map_or(by_uptime, |by_wall| by_wall.min(by_uptime))
    }

    /// Whether it has run out.
    pub fn is_over(&self, now: &Now) -> bool {
        self.left(now).is_zero()
    }

    /// Learns its end by the wall clock once that one is synchronised.
    pub fn observe(&mut self, now: &Now) {
        if now.synced && self.until_unix_ms.is_none() {
            let left = i64::try_from(self.left(now).as_millis()).unwrap_or(i64::MAX);
            self.until_unix_ms = Some(now.unix_ms.saturating_add(left));
        }
    }

    /// Its end for receivers.
    pub fn until(&self) -> Until {
        Until { unix_ms: self.until_unix_ms, uptime_ms: self.ends.as_millis() as u64 }
    }

    /// Its end for people.
    pub fn words(&self) -> String {
        match self.until_unix_ms {
            Some(unix_ms) => {
                format!("until {}", rfc3339(unix_ms - unix_ms.rem_euclid(1000)).replace(".000Z", "Z"))
            }
            None => format!(
                "until {} s after the start of the daemon (the clock is not set)",
                self.ends.as_secs()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(uptime_s: u64, unix_s: i64, synced: bool) -> Now {
        Now { uptime: Duration::from_secs(uptime_s), unix_ms: unix_s * 1000, synced }
    }

    #[test]
    fn a_term_ends_by_whichever_clock_comes_first() {
        let term = Term::new(HOUR, &at(10, 1_000_000, true));
        assert_eq!(term.left(&at(1_810, 1_001_800, true)), HOUR / 2);
        assert!(term.is_over(&at(20, 1_003_600, true)), "the wall clock was set forward");
        assert!(term.is_over(&at(3_610, 0, true)), "the wall clock was set back two weeks");
        assert!(!term.is_over(&at(20, 1_003_600, false)), "a clock that is not set says nothing");
    }

    #[test]
    fn a_clock_that_is_set_later_neither_ends_nor_stretches_a_term() {
        let mut term = Term::new(HOUR, &at(0, 86_400, false));
        assert_eq!(term.until().unix_ms, None);
        assert!(term.words().contains("3600 s after the start"));
        let now = at(1_800, 1_800_000_000, true);
        assert!(!term.is_over(&now));
        term.observe(&now);
        assert_eq!(term.until().unix_ms, Some(1_800_001_800_000));
        assert_eq!(term.words(), "until 2027-01-15T08:30:00Z");
        assert_eq!(term.left(&now), HOUR / 2);
    }

    #[test]
    fn an_end_by_the_wall_clock_counts_once_that_one_is_set() {
        let unset = at(0, 86_400, false);
        let term = Term::with_end(HOUR, Some(1_800_000_600_000), &unset);
        assert_eq!(term.left(&at(60, 86_460, false)), HOUR - Duration::from_secs(60));
        assert_eq!(term.left(&at(60, 1_800_000_000, true)), Duration::from_secs(600), "it was late already");
        let set = at(0, 1_800_000_000, true);
        assert_eq!(Term::with_end(HOUR, Some(1_800_009_000_000), &set).left(&set), HOUR, "never longer");
        assert!(Term::with_end(HOUR, Some(1_799_000_000_000), &set).is_over(&set));
    }

    #[test]
    fn over_a_restart_the_wall_clock_counts_where_it_is_set_and_else_what_was_left() {
        let (left, until) = (HOUR / 2, Some(2_000_000_000));
        assert!(Term::restored(left, until, &at(0, 2_000_001, true)).is_over(&at(0, 2_000_001, true)));
        let unset = at(0, 0, false);
        assert_eq!(Term::restored(left, until, &unset).left(&unset), left);
        let long_before = at(0, 1_000, true);
        assert_eq!(Term::restored(left, until, &long_before).left(&long_before), left, "never longer");
    }
}
