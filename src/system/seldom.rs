//! Lines that a fault which comes and goes would write again and again: a card bears only so much of it.

use std::time::Duration;

/// At least between two lines.
const PAUSE: Duration = Duration::from_secs(60);

/// Lets a line into the log once in a while. What is kept back is counted elsewhere.
#[derive(Debug, Default)]
pub struct Seldom {
    last: Option<Duration>,
}

impl Seldom {
    /// Whether the line may be written, at this uptime.
    pub fn may(&mut self, now: Duration) -> bool {
        let may = self.last.is_none_or(|last| now.saturating_sub(last) >= PAUSE);
        if may {
            self.last = Some(now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_comes_and_goes_all_day_writes_a_line_a_minute() {
        let mut seldom = Seldom::default();
        let lines = (0..86_400 * 2).filter(|half| seldom.may(Duration::from_millis(half * 500))).count();
        assert_eq!(lines, 24 * 60);
    }
}
