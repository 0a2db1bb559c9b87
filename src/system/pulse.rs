//! Signs of life of the stages. The watchdog is fed only while every one of them is fresh.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::clock::Clock;

/// One stage's sign of life. Clones share it.
#[derive(Clone, Debug)]
pub struct Pulse {
    clock: Clock,
    last_ms: Arc<AtomicU64>,
}

impl Pulse {
    /// Alive as of now.
    pub fn new(clock: Clock) -> Pulse {
        Pulse { clock, last_ms: Arc::new(AtomicU64::new(clock.uptime_ms())) }
    }

    /// Shows life.
    pub fn beat(&self) {
        self.last_ms.store(self.clock.uptime_ms(), Ordering::Relaxed);
    }

    /// Time since the last sign of life.
    pub fn age(&self) -> Duration {
        Duration::from_millis(self.clock.uptime_ms().saturating_sub(self.last_ms.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_counted_from_the_last_beat_of_any_clone() {
        let pulse = Pulse::new(Clock::start());
        // As if the last sign of life lay ahead: clocks are read by several threads, one of them a moment later.
        pulse.last_ms.store(60_000, Ordering::Relaxed);
        assert_eq!(pulse.age(), Duration::ZERO);
        pulse.clone().beat();
        assert!(pulse.last_ms.load(Ordering::Relaxed) < 60_000);
    }
}
