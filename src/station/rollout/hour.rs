//! What an hour of a camera says of a challenger. PURE.
//!
//! A bear that stands before a camera for twenty minutes is seen, or missed, a thousand times; that is one observation. So looks are counted by the hour,
//! and an hour of a camera in one light is one observation, however many looks it has.

use serde::{Deserialize, Serialize};

use crate::perceive::observation::Regime;

/// Looks at a bear that are one: fewer are a flicker.
const LEAST_SEEN: u64 = 3;
/// Looks without which nothing was watched.
const LEAST_LOOKS: u64 = 30;

/// Looks of two models at the same frames, by who saw a bear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looks {
    /// Both.
    pub both: u64,
    /// The running model alone.
    pub only_running: u64,
    /// The challenger alone.
    pub only_challenger: u64,
    /// Neither.
    pub neither: u64,
}

/// Disagreements of an hour that people have judged, by who saw a bear and whether there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The running model alone, rightly.
    pub missed: u32,
    /// The running model alone, wrongly.
    pub ghosts: u32,
    /// The challenger alone, rightly.
    pub found: u32,
    /// The challenger alone, wrongly.
    pub invented: u32,
}

/// Which of the two models decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The new one looks on, in shadow.
    Beside,
    /// The new one decides; whether people called one of its alerts no bear.
    Decides {
        /// They did.
        false_alarm: bool,
    },
}

/// An hour of a camera in one light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hour {
    /// Number of the camera.
    pub camera: i64,
    /// The light.
    pub light: Regime,
    /// Of the new model.
    pub part: Part,
    /// At the same frames: by the model that was there before (`running`), and by the new one (`challenger`), whichever of them decides.
    pub looks: Looks,
    /// What people say.
    pub judged: Judged,
    /// Whether the new model took longer than it may; `None` where nobody measured that.
    pub slow: Option<bool>,
}

impl Looks {
    /// All.
    pub fn all(&self) -> u64 {
        self.both + self.only_running + self.only_challenger + self.neither
    }

    /// At what the running model takes for a bear.
    pub fn running(&self) -> u64 {
        self.both + self.only_running
    }

    /// At what the challenger takes for one.
    pub fn challenger(&self) -> u64 {
        self.both + self.only_challenger
    }

    /// Those of another hour, too.
    pub fn add(&mut self, other: &Looks) {
        self.both += other.both;
        self.only_running += other.only_running;
        self.only_challenger += other.only_challenger;
        self.neither += other.neither;
    }
}

impl Judged {
    /// Disagreements in which the running model was right.
    fn running(&self) -> u32 {
        self.missed + self.invented
    }

    /// All.
    pub fn all(&self) -> u32 {
        self.missed + self.ghosts + self.found + self.invented
    }
}

impl Hour {
    /// Whether the new model decides.
    pub fn decides(&self) -> bool {
        self.part != Part::Beside
    }

    /// Of what the running model saw of bears, the part that the challenger saw less: 0 as much or more, 1 nothing. `None` where there was no bear, or
    /// people say that there was none.
    pub fn missed(&self) -> Option<f64> {
        let Hour { looks, judged, .. } = self;
        let was_one = looks.running() >= LEAST_SEEN && judged.ghosts <= judged.missed;
        was_one.then(|| (1.0 - looks.challenger() as f64 / looks.running() as f64).max(0.0))
    }

    /// Whether the new model alone saw a bear, and nobody confirms it: 0 or 1.
    pub fn invented(&self) -> Option<f64> {
        let Hour { looks, judged, .. } = self;
        let alone = looks.challenger() >= LEAST_SEEN && looks.running() < LEAST_SEEN;
        let invented = alone && (judged.invented > 0 || judged.found == 0);
        let is_watched = self.decides() || looks.all() >= LEAST_LOOKS;
        let false_alarm = self.part == Part::Decides { false_alarm: true };
        is_watched.then_some(f64::from(u8::from(invented || false_alarm)))
    }

    /// Share of the judged disagreements in which the running model was right.
    pub fn wrong(&self) -> Option<f64> {
        let judged = &self.judged;
        (judged.all() > 0).then(|| f64::from(judged.running()) / f64::from(judged.all()))
    }

    /// Whether it was too slow: 0 or 1.
    pub fn slow(&self) -> Option<f64> {
        self.slow.map(|slow| f64::from(u8::from(slow)))
    }

    /// Whether the two disagree on whether there was a bear.
    pub fn disagrees(&self) -> bool {
        (self.looks.running() >= LEAST_SEEN) != (self.looks.challenger() >= LEAST_SEEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(both: u64, only_running: u64, only_challenger: u64, judged: Judged) -> Hour {
        let looks = Looks { both, only_running, only_challenger, neither: 500 };
        Hour { camera: 1, light: Regime::Infrared, part: Part::Beside, looks, judged, slow: None }
    }

    #[test]
    fn an_hour_with_a_bear_is_one_observation_however_long_it_stays() {
        let none = Judged::default();
        for n in [1, 10, 100] {
            let half = hour(5 * n, 5 * n, 0, none);
            assert_eq!((half.missed(), half.invented(), half.disagrees()), (Some(0.5), Some(0.0), false));
        }
        assert_eq!(hour(10, 0, 90, none).missed(), Some(0.0), "what it sees more makes up for nothing");
        assert_eq!(hour(0, 2, 0, none).missed(), None, "a flicker is no bear");
        assert_eq!((hour(0, 0, 2, none).invented(), hour(0, 0, 3, none).invented()), (Some(0.0), Some(1.0)));
    }

    #[test]
    fn what_people_say_decides() {
        let ghost = Judged { ghosts: 1, ..Judged::default() };
        assert_eq!((hour(0, 50, 0, ghost).missed(), hour(0, 50, 0, ghost).wrong()), (None, Some(0.0)));
        let missed = Judged { missed: 2, ghosts: 1, ..Judged::default() };
        assert_eq!(
            (hour(0, 50, 0, missed).missed(), hour(0, 50, 0, missed).wrong()),
            (Some(1.0), Some(2.0 / 3.0))
        );
        let found = Judged { found: 1, ..Judged::default() };
        assert_eq!(hour(0, 0, 50, found).invented(), Some(0.0));
        let both = Judged { found: 1, invented: 1, ..Judged::default() };
        assert_eq!((hour(0, 0, 50, both).invented(), hour(0, 0, 50, both).wrong()), (Some(1.0), Some(0.5)));
    }

    #[test]
    fn an_hour_in_which_the_new_model_decides_tells_of_false_alarms_too() {
        let decides = |false_alarm| Hour {
            part: Part::Decides { false_alarm },
            looks: Looks::default(),
            ..hour(0, 0, 0, Judged::default())
        };
        assert_eq!((decides(true).invented(), decides(false).invented()), (Some(1.0), Some(0.0)));
        assert_eq!((decides(true).missed(), decides(true).wrong()), (None, None));
        let short =
            Hour { looks: Looks { neither: 20, ..Looks::default() }, ..hour(0, 0, 0, Judged::default()) };
        assert_eq!(short.invented(), None, "twenty looks are no hour");
    }
}
