//! How long nothing is sent after a message that the broker has no room for. PURE.

use std::time::Duration;

/// The first rest; doubled each time.
const FIRST: Duration = Duration::from_secs(10);
/// The longest one.
const LONGEST: Duration = Duration::from_secs(300);

/// The present rest and the next one. Time is the daemon's uptime.
#[derive(Clone, Copy, Debug)]
pub struct Rest {
    until: Duration,
    next: Duration,
}

impl Default for Rest {
    fn default() -> Self {
        Rest { until: Duration::ZERO, next: FIRST }
    }
}

impl Rest {
    /// The broker has no room. Messages that were on their way when it first said so are of the same occasion: a burst of them does not make the rest
    /// longer.
    pub fn begin(&mut self, now: Duration) {
        if !self.is_over(now) {
            return;
        }
        self.until = now + self.next;
        self.next = (self.next * 2).min(LONGEST);
    }

    /// Whether messages may be sent.
    pub fn is_over(&self, now: Duration) -> bool {
        now >= self.until
    }

    /// The broker has taken a message: the next rest is a short one.
    pub fn reset(&mut self) {
        self.next = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_burst_of_refusals_is_one_rest_and_the_next_one_is_longer() {
        let mut rest = Rest::default();
        assert!(rest.is_over(s(0)));
        (0..5).for_each(|_| rest.begin(s(100)));
        assert!(!rest.is_over(s(109)) && rest.is_over(s(110)));
        rest.begin(s(110));
        assert!(!rest.is_over(s(129)) && rest.is_over(s(130)));
        (0..9).for_each(|i| rest.begin(s(1000 * (i + 1))));
        assert!(!rest.is_over(s(9299)) && rest.is_over(s(9300)));
        rest.reset();
        rest.begin(s(10_000));
        assert!(rest.is_over(s(10_010)));
    }
}
