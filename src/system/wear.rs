//! What we write to disk: an SD card bears only so much of it.

use std::collections::VecDeque;
use std::time::Duration;

/// The rate is that of this time.
const DAY: Duration = Duration::from_secs(86_400);
/// Between two marks.
const STEP: Duration = Duration::from_secs(3_600);
/// Before this nothing is said of a day: the start writes more than the hours after it.
const SETTLED: Duration = Duration::from_secs(600);

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Written {
    /// Since the start, megabytes.
    pub mb: f64,
    /// In the last day, megabytes; within the first day as much as a day would have at the rate so far, and null at first.
    pub mb_a_day: Option<f64>,
}

/// Marks of the last day.
#[derive(Debug, Default)]
pub struct Wear {
    marks: VecDeque<(Duration, f64)>,
}

impl Wear {
    /// Takes in what was `written_mb` since the start at this uptime.
    pub fn enter(&mut self, uptime: Duration, written_mb: f64) -> Written {
        if self.marks.back().is_none_or(|(at, _)| uptime.saturating_sub(*at) >= STEP) {
            self.marks.push_back((uptime, written_mb));
        }
        while self.marks.get(1).is_some_and(|(at, _)| uptime.saturating_sub(*at) >= DAY) {
            self.marks.pop_front();
        }
        let (since, before) = self.marks.front().copied().unwrap_or((uptime, written_mb));
        let time = uptime.saturating_sub(since);
        let rate = (written_mb - before) * DAY.as_secs_f64() / time.as_secs_f64();
        Written { mb: written_mb, mb_a_day: (time >= SETTLED).then_some(rate) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: u64) -> Duration {
        Duration::from_secs(60 * minutes)
    }

    #[test]
    fn a_rate_is_told_once_it_means_something_and_is_that_of_the_last_day() {
        let mut wear = Wear::default();
        assert_eq!(wear.enter(at(0), 2.0), Written { mb: 2.0, mb_a_day: None });
        assert_eq!(wear.enter(at(9), 3.0).mb_a_day, None);
        assert_eq!(wear.enter(at(30), 3.0).mb_a_day, Some(48.0), "a megabyte in half an hour");
        // A megabyte an hour for two days, then nothing more.
        for hour in 1..=48 {
            wear.enter(at(60 * hour), 2.0 + hour as f64);
        }
        assert_eq!(wear.enter(at(48 * 60), 50.0).mb_a_day, Some(24.0));
        for hour in 49..=80 {
            wear.enter(at(60 * hour), 50.0);
        }
        assert_eq!(wear.enter(at(80 * 60), 50.0).mb_a_day, Some(0.0));
        assert!(wear.marks.len() <= 26);
    }
}
