//! Challengers: what each is better or worse at than the running model.

use serde::Serialize;

/// A challenger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Challenger {
    /// As good as the running one.
    Equal,
    /// Sees more of bears, and half as many ghosts.
    Better,
    /// Sees the same, and a third of the ghosts.
    Quieter,
    /// Sees no bear in infrared light.
    NightBlind,
    /// Sees no bear that is far away.
    FarBlind,
    /// Takes every third animal for a bear.
    Dogs,
    /// Takes rain for a bear, in one hour of twelve of infrared light.
    Rain,
    /// Its scores are shifted: of looks at which the running one sees a bear it sees half.
    Shifted,
    /// Sees nothing at every fourth camera: another lens.
    Lens,
    /// Takes too long.
    Slow,
    /// Crashes where it decides, once in two days.
    Crashes,
    /// On the limit below which it passes: misses just so many bears, all of them at one half of the cameras.
    OnMissed,
    /// On the limit below which it passes: sees bears alone in just so many hours, most of them at one half of the cameras.
    OnInvented,
    /// On each limit above which it is stopped, at every camera.
    OnStop,
}

/// What becomes of a challenger that is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Worth {
    /// It should be promoted.
    Good,
    /// It should be stopped, in shadow or as a canary.
    Bad,
    /// It lies on a limit, for the rates that are stated.
    Edge,
}

/// How it sees.
#[derive(Clone, Copy, Debug)]
pub struct Eye {
    /// Added to the logit of the share of looks at a bear that it recognises.
    pub bears: f64,
    /// The same of far ones, in addition.
    pub far: f64,
    /// In infrared light.
    pub infrared: f64,
    /// At every fourth camera.
    pub fourth: f64,
    /// Share of the hours with another animal in which it sees a bear.
    pub animals: f64,
    /// Share of the other hours of infrared light.
    pub rain: f64,
    /// Share of the hours in which it is too slow.
    pub slow: f64,
    /// Crashes a day and camera at which it decides.
    pub crashes: f64,
}

/// Share of the hours with another animal in which the running model sees a bear.
pub const GHOSTS: f64 = 0.015;

impl Eye {
    /// As the running model's.
    const EQUAL: Eye = Eye {
        bears: 0.0,
        far: 0.0,
        infrared: 0.0,
        fourth: 0.0,
        animals: GHOSTS,
        rain: 0.0,
        slow: 0.01,
        crashes: 0.0,
    };
}

impl Challenger {
    /// All of them.
    pub const ALL: [Challenger; 14] = [
        Challenger::Equal,
        Challenger::Better,
        Challenger::Quieter,
        Challenger::NightBlind,
        Challenger::FarBlind,
        Challenger::Dogs,
        Challenger::Rain,
        Challenger::Shifted,
        Challenger::Lens,
        Challenger::Slow,
        Challenger::Crashes,
        Challenger::OnMissed,
        Challenger::OnInvented,
        Challenger::OnStop,
    ];

    /// What should become of it.
    pub fn worth(self) -> Worth {
        match self {
            Challenger::Equal | Challenger::Better | Challenger::Quieter => Worth::Good,
            Challenger::OnMissed | Challenger::OnInvented | Challenger::OnStop => Worth::Edge,
            _ => Worth::Bad,
        }
    }

    /// How it sees.
    pub fn eye(self) -> Eye {
        match self {
            Challenger::Better => Eye { bears: 0.9, animals: 0.5 * GHOSTS, ..Eye::EQUAL },
            Challenger::Quieter => Eye { animals: GHOSTS / 3.0, ..Eye::EQUAL },
            Challenger::NightBlind => Eye { infrared: -6.0, ..Eye::EQUAL },
            Challenger::FarBlind => Eye { far: -6.0, ..Eye::EQUAL },
            Challenger::Dogs => Eye { animals: 0.33, ..Eye::EQUAL },
            Challenger::Rain => Eye { rain: 0.08, ..Eye::EQUAL },
            Challenger::Shifted => Eye { bears: -2.0, ..Eye::EQUAL },
            Challenger::Lens => Eye { fourth: -9.0, ..Eye::EQUAL },
            Challenger::Slow => Eye { slow: 0.95, ..Eye::EQUAL },
            Challenger::Crashes => Eye { crashes: 0.5, ..Eye::EQUAL },
            _ => Eye::EQUAL,
        }
    }
}
