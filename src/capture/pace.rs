//! Keeping a stated rate.

use std::time::Duration;

use super::CaptureError;
use crate::system::clock::Stopwatch;
use crate::system::stop::Stop;

/// Lets one frame through each period. A frame that comes late does not make the next ones hurry.
#[derive(Debug)]
pub struct Pace {
    period: Duration,
    since_last: Option<Stopwatch>,
    owed: Duration,
}

impl Pace {
    /// `fps` frames a second.
    ///
    /// # Errors
    /// [`CaptureError::Hopeless`] for rates that are not above 0 and at most 1000.
    pub fn new(source_name: &str, fps: f64) -> Result<Pace, CaptureError> {
        if !(fps.is_finite() && fps > 1e-6 && fps <= 1000.0) {
            return Err(CaptureError::Hopeless {
                source_name: source_name.to_owned(),
                what: format!("{fps} frames a second is not a rate"),
                remedy: "set capture.fps above 0 and at most 1000".to_owned(),
            });
        }
        Ok(Pace { period: Duration::from_secs_f64(1.0 / fps), since_last: None, owed: Duration::ZERO })
    }

    /// The time between two frames.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// Sleeps until the next frame is due; tells whether it was asked to stop. The first is due at once.
    pub fn wait(&mut self, stop: &Stop) -> bool {
        let Some(since_last) = &self.since_last else {
            self.since_last = Some(Stopwatch::start());
            return stop.is_raised();
        };
        let early = self.period.saturating_sub(since_last.elapsed() + self.owed);
        let stopped = stop.sleep(early);
        // What sleeping took too long is taken off the next pause, up to one period: the rate holds on average.
        self.owed = (since_last.elapsed() + self.owed).saturating_sub(self.period).min(self.period);
        self.since_last = Some(Stopwatch::start());
        stopped
    }
}

/// Growing pauses between attempts: half a second, doubled up to half a minute.
#[derive(Debug)]
pub struct Backoff(Duration);

impl Backoff {
    const FIRST: Duration = Duration::from_millis(500);
    const LONGEST: Duration = Duration::from_secs(30);

    /// Begins with the shortest pause.
    pub fn new() -> Backoff {
        Backoff(Backoff::FIRST)
    }

    /// The pause to make now; the next is twice as long. `lived` is how long the last attempt went well: one that outlived the
    /// pause before it begins anew with the shortest.
    pub fn pause(&mut self, lived: Duration) -> Duration {
        if lived > self.0 {
            self.0 = Backoff::FIRST;
        }
        let pause = self.0;
        self.0 = (pause * 2).min(Backoff::LONGEST);
        pause
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_holds_on_average_and_the_first_frame_comes_at_once() {
        let (mut pace, stop) = (Pace::new("test", 100.0).unwrap(), Stop::default());
        let watch = Stopwatch::start();
        for _ in 0..11 {
            assert!(!pace.wait(&stop));
        }
        let took = watch.elapsed_ms();
        assert!((99.0..200.0).contains(&took), "{took} ms for ten periods of 10 ms");
    }

    #[test]
    fn waiting_can_be_broken_off() {
        let (mut pace, stop) = (Pace::new("test", 0.001).unwrap(), Stop::default());
        pace.wait(&stop);
        stop.raise();
        assert!(pace.wait(&stop));
    }

    #[test]
    fn rates_that_are_none_are_refused() {
        for fps in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert!(matches!(Pace::new("test", fps), Err(CaptureError::Hopeless { .. })), "{fps}");
        }
    }

    #[test]
    fn pauses_grow_to_a_limit_and_shrink_after_a_good_time() {
        let mut backoff = Backoff::new();
        let pauses: Vec<u128> = (0..8).map(|_| backoff.pause(Duration::ZERO).as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(backoff.pause(Duration::from_secs(60)), Duration::from_millis(500));
    }
}
