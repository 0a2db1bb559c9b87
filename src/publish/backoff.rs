//! How long to wait before trying again: doubling, capped, and with full jitter, so that a fleet does not knock all at once (Brooker 2015,
//! Exponential Backoff And Jitter).

use std::hash::BuildHasher;
use std::time::Duration;

/// First pause.
const FIRST: Duration = Duration::from_millis(250);

/// The pauses of one row of failures.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
}

impl Backoff {
    /// From the shortest pause.
    pub fn new() -> Backoff {
        Backoff { next: FIRST }
    }

    /// Starts over: it worked.
    pub fn reset(&mut self) {
        self.next = FIRST;
    }

    /// The next pause: anything up to what doubling gives, never above `cap`.
    pub fn pause(&mut self, cap: Duration) -> Duration {
        let whole = self.next.min(cap);
        self.next = (self.next * 2).min(cap);
        whole.mul_f64(unit())
    }
}

/// A random number in 0..1 from the standard library's seeded hasher: jitter needs no better one.
fn unit() -> f64 {
    std::collections::hash_map::RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_cap_and_starts_over() {
        let cap = Duration::from_secs(4);
        let mut backoff = Backoff::new();
        let pauses: Vec<Duration> = (0..200).map(|_| backoff.pause(cap)).collect();
        assert!(pauses[0] <= FIRST && pauses.iter().all(|pause| *pause <= cap), "{pauses:?}");
        let mean = pauses[10..].iter().sum::<Duration>() / 190;
        assert!(mean > cap.mul_f64(0.35) && mean < cap.mul_f64(0.65), "{mean:?}");
        let early = pauses[10..].iter().filter(|pause| **pause < cap / 4).count();
        assert!(early > 20, "the whole of the time is used: {early} of 190 in its first quarter");
        backoff.reset();
        assert!(backoff.pause(cap) <= FIRST);
    }
}
