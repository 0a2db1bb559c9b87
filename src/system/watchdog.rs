//! Whether all stages are alive. systemd's watchdog is fed only then: a daemon of which one thread hangs is started anew, instead
//! of looking well while it sees nothing.

use std::fmt;
use std::time::Duration;

use super::pulse::Pulse;

/// One stage's last sign of life, as the decision sees it.
#[derive(Clone, Copy, Debug)]
struct Sign {
    stage: &'static str,
    age: Duration,
    limit: Duration,
}

/// A stage that has been silent for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silent {
    /// Its name.
    pub stage: &'static str,
    /// How long it has been silent.
    pub age: Duration,
}

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has shown no life for {} s", self.stage, self.age.as_secs())
    }
}

/// Watches the pulses of all stages.
#[derive(Debug, Default)]
pub struct Watchdog {
    stages: Vec<(&'static str, Pulse, Duration)>,
}

impl Watchdog {
    /// Adds a stage that beats at least every `limit` while it is well: also while it waits for a camera or a broker that is
    /// away, for that is ordinary and no reason to start anew.
    pub fn watch(&mut self, stage: &'static str, pulse: Pulse, limit: Duration) {
        self.stages.push((stage, pulse, limit));
    }

    /// The stage that is longest past its limit; `None` while every stage is fresh and the watchdog may be fed.
    pub fn silent(&self) -> Option<Silent> {
        judge(self.stages.iter().map(|(stage, pulse, limit)| Sign { stage, age: pulse.age(), limit: *limit }))
    }
}

/// The decision alone, told what it needs.
fn judge(signs: impl Iterator<Item = Sign>) -> Option<Silent> {
    let late = signs.filter(|sign| sign.age > sign.limit);
    late.max_by_key(|sign| sign.age - sign.limit).map(|sign| Silent { stage: sign.stage, age: sign.age })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::clock::Clock;

    fn sign(stage: &'static str, age_s: u64, limit_s: u64) -> Sign {
        Sign { stage, age: Duration::from_secs(age_s), limit: Duration::from_secs(limit_s) }
    }

    #[test]
    fn fed_only_while_every_stage_is_fresh() {
        assert_eq!(judge([].into_iter()), None);
        assert_eq!(judge([sign("capture", 5, 5), sign("infer", 0, 10)].into_iter()), None);
        let silent = judge([sign("capture", 1, 5), sign("infer", 11, 10)].into_iter()).unwrap();
        assert_eq!(silent, Silent { stage: "infer", age: Duration::from_secs(11) });
        assert_eq!(silent.to_string(), "infer has shown no life for 11 s");
    }

    #[test]
    fn the_stage_furthest_past_its_limit_is_named() {
        let silent = judge([sign("publish", 60, 50), sign("capture", 40, 5)].into_iter());
        assert_eq!(silent.map(|s| s.stage), Some("capture"));
    }

    #[test]
    fn a_beat_makes_a_stage_fresh_again() {
        let pulse = Pulse::new(Clock::start());
        let mut watchdog = Watchdog::default();
        watchdog.watch("infer", pulse.clone(), Duration::from_millis(20));
        std::thread::sleep(Duration::from_millis(40));
        assert_eq!(watchdog.silent().map(|s| s.stage), Some("infer"));
        pulse.beat();
        assert_eq!(watchdog.silent(), None);
    }
}
