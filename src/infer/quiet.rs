//! Whether a frame falls into the quiet hours, and what the log says of it.

use crate::perceive::frame::Stamp;
use crate::system::hours::Hours;

/// The quiet hours of one camera.
#[derive(Debug)]
pub struct Quiet {
    hours: Hours,
    quiet: bool,
    /// That the clock is not set was told.
    unset_told: bool,
}

impl Quiet {
    /// No frame yet.
    pub fn new(hours: Hours) -> Quiet {
        Quiet { hours, quiet: false, unset_told: false }
    }

    /// Whether alerts of a frame are to be demoted. A clock that nobody has set demotes nothing: a ranger who is woken without need is
    /// the lesser evil.
    pub fn at(&mut self, stamp: Stamp) -> bool {
        if self.hours.are_none() {
            return false;
        }
        let quiet = stamp.synchronised && self.hours.cover(stamp.unix_ms);
        if !stamp.synchronised && !std::mem::replace(&mut self.unset_told, true) {
            tracing::warn!(
                "alert.quiet demotes nothing until the clock is synchronised; give the board a time server (timedatectl set-ntp true)"
            );
        }
        if std::mem::replace(&mut self.quiet, quiet) != quiet {
            let word = if quiet { "begin: normal alerts are told as low" } else { "end" };
            tracing::info!("quiet hours ({}) {word}", self.hours);
        }
        quiet
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::hours::Stretch;
    use jiff::tz::TimeZone;

    /// 2026-06-01, 22:00 UTC.
    const TEN_PM_MS: i64 = 1_780_351_200_000;

    fn at(quiet: &mut Quiet, unix_ms: i64, synchronised: bool) -> bool {
        quiet.at(Stamp { uptime_ms: 0, unix_ms, synchronised })
    }

    #[test]
    fn a_clock_that_is_not_set_demotes_nothing() {
        let mut quiet = Quiet::new(Hours::new(TimeZone::UTC, vec![Stretch::parse("22:00-06:00").unwrap()]));
        assert!(!at(&mut quiet, TEN_PM_MS, false) && !at(&mut quiet, TEN_PM_MS, false));
        assert!(quiet.unset_told);
        assert!(!at(&mut quiet, TEN_PM_MS - 1, true) && at(&mut quiet, TEN_PM_MS, true));
        assert!(!at(&mut quiet, TEN_PM_MS, false), "it was lost again");
    }

    #[test]
    fn without_quiet_hours_the_clock_is_of_no_concern() {
        let mut quiet = Quiet::new(Hours::default());
        assert!(!at(&mut quiet, TEN_PM_MS, false) && !quiet.unset_told);
    }
}
