//! How many commands are looked at: each costs a signature's check and a page of the disk, and a flood that lasts for days must not wear
//! out an SD card. PURE.

use std::time::Duration;

/// So many at once.
const BURST: f64 = 30.0;
/// And then so many a second of those that prove nothing: 35 MB of pages a day.
pub const UNPROVEN: f64 = 0.1;
/// And of those that are signed, which no flood of others keeps out.
pub const SIGNED: f64 = 1.0;

/// A bucket that commands are paid from.
#[derive(Debug)]
pub struct Allowance {
    left: f64,
    at: Duration,
    a_second: f64,
}

impl Allowance {
    /// Full; so many flow in a second.
    pub fn new(now: Duration, a_second: f64) -> Allowance {
        Allowance { left: BURST, at: now, a_second }
    }

    /// Takes one; `false` where there is none.
    pub fn take(&mut self, now: Duration) -> bool {
        self.left = (self.left + now.saturating_sub(self.at).as_secs_f64() * self.a_second).min(BURST);
        self.at = now;
        let enough = self.left >= 1.0;
        self.left -= f64::from(u8::from(enough));
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_a_flood_is_not() {
        let mut allowance = Allowance::new(Duration::ZERO, UNPROVEN);
        let taken = (0..1000).filter(|_| allowance.take(Duration::ZERO)).count();
        assert_eq!(taken, 30);
        assert!(!allowance.take(Duration::from_secs(9)));
        assert!(allowance.take(Duration::from_secs(11)));
        let later = (0..1000).filter(|_| allowance.take(Duration::from_secs(3600))).count();
        assert_eq!(later, 30, "it does not fill beyond its size");
    }
}
