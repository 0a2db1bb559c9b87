//! Whether a model that was promoted keeps within its limits. PURE: told counts, answers with why not.

use std::time::Duration;

use crate::publish::models::LookCounts;

/// How long a promoted model must do well.
pub const LASTS: Duration = Duration::from_secs(600);
/// Starts of the daemon within it: one more, and the model before runs again. The first is that of the promotion.
pub const MOST_STARTS: u64 = 3;
/// Frames of the trial are judged by the minute, and by so many at least.
pub const WINDOW: Duration = Duration::from_secs(60);
const LEAST_FRAMES: u64 = 20;
/// Share of a minute's frames that may be late.
const MOST_LATE: f64 = 0.5;
/// Frames on which the model may fail.
const MOST_ERRORS: u64 = 2;
/// Looks from which on the two are compared, and the share on which they may disagree.
const LEAST_LOOKS: u64 = 50;
const MOST_DISAGREEING: f64 = 0.25;
/// Looks on which the model before saw a bear and the new one never: it is blind.
const BLIND: u64 = 20;

/// What the detector counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that were looked at.
    pub frames: u64,
    /// Of these, too late.
    pub late: u64,
    /// Frames on which the model failed.
    pub errors: u64,
}

impl Counts {
    /// What came since.
    pub fn since(self, before: Counts) -> Counts {
        Counts {
            frames: self.frames - before.frames,
            late: self.late - before.late,
            errors: self.errors - before.errors,
        }
    }
}

/// Why a model must not go on, by what it did in its trial so far (`all`) and since the last full minute (`window`), and by the looks that it had together
/// with the model before, which is the challenger in `looks`.
pub fn objection(all: Counts, window: Counts, looks: LookCounts) -> Option<String> {
    let LookCounts { both, only_running, only_challenger, neither } = looks;
    let total = both + only_running + only_challenger + neither;
    let disagreeing = only_running + only_challenger;
    if all.errors > MOST_ERRORS {
        return Some(format!("it failed on {} frames", all.errors));
    }
    if window.frames >= LEAST_FRAMES && window.late as f64 > MOST_LATE * window.frames as f64 {
        return Some(format!("{} of {} frames came too late", window.late, window.frames));
    }
    if total >= LEAST_LOOKS && disagreeing as f64 > MOST_DISAGREEING * total as f64 {
        return Some(format!("it disagrees with the model before on {disagreeing} of {total} looks"));
    }
    (both + only_running == 0 && only_challenger >= BLIND)
        .then(|| format!("the model before saw a bear on {only_challenger} looks, and it saw none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: Counts = Counts { frames: 100, late: 10, errors: 0 };

    #[test]
    fn what_does_well_goes_on() {
        assert_eq!(objection(WELL, WELL, LookCounts::default()), None);
        let looks = LookCounts { both: 10, only_running: 5, only_challenger: 5, neither: 80 };
        assert_eq!(objection(WELL, WELL, looks), None);
        let few = Counts { frames: 5, late: 5, errors: 2 };
        assert_eq!(objection(few, few, LookCounts { only_running: 40, ..LookCounts::default() }), None);
    }

    #[test]
    fn what_fails_is_late_disagrees_or_is_blind_does_not() {
        let told = |all, window, looks| objection(all, window, looks).unwrap_or_default();
        assert!(
            told(Counts { errors: 3, ..WELL }, WELL, LookCounts::default()).contains("failed on 3 frames")
        );
        let late = Counts { frames: 20, late: 11, errors: 0 };
        assert!(told(WELL, late, LookCounts::default()).contains("11 of 20 frames"));
        let wild = LookCounts { only_running: 60, neither: 40, ..LookCounts::default() };
        assert!(told(WELL, WELL, wild).contains("disagrees with the model before on 60 of 100 looks"));
        let blind = LookCounts { only_challenger: 20, neither: 400, ..LookCounts::default() };
        assert!(told(WELL, WELL, blind).contains("it saw none"));
    }
}
