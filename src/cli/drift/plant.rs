//! What can shift at a camera, and what it does to what the camera counts.

use serde::Serialize;

/// A shift. What it changes is in places on the scales of the histograms' bins: see [`crate::perceive::drift::Measure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Plant {
    /// A spider webs the lens over, in eight days: three octaves less sharp, and brighter by the lamp's own light.
    Web,
    /// The camera is turned: another scene, other distances, other paths.
    Turned,
    /// The infrared lamp fails: nights are darker, and less is found in them.
    Lamp,
    /// The model's scores fall: 0.62 becomes 0.41, and a third is not found any more.
    Scores,
    /// Nothing comes by any more.
    Nobody,
    /// Something smaller comes by, and three times as often.
    Others,
}

/// Days that a web takes.
const WEB_DAYS: f64 = 8.0;

/// What a shift changes.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// Added to the places of scores.
    pub score: f64,
    /// Of heights.
    pub height: f64,
    /// Of luma.
    pub luma: f64,
    /// Of sharpness.
    pub sharpness: f64,
    /// Of motion.
    pub motion: f64,
    /// What visits are multiplied by.
    pub visits: f64,
}

impl Change {
    /// None.
    pub const NONE: Change =
        Change { score: 0.0, height: 0.0, luma: 0.0, sharpness: 0.0, motion: 0.0, visits: 1.0 };
}

impl Plant {
    /// All of them.
    pub const ALL: [Plant; 6] =
        [Plant::Web, Plant::Turned, Plant::Lamp, Plant::Scores, Plant::Nobody, Plant::Others];

    /// What it changes so many days after it began, by infrared light or not.
    pub fn change(self, days: i64, infrared: bool) -> Change {
        let none = Change::NONE;
        match self {
            _ if days < 0 => none,
            Plant::Web => {
                let share = ((days + 1) as f64 / WEB_DAYS).min(1.0);
                let glare = if infrared { 1.5 * share } else { 0.0 };
                Change { sharpness: -3.0 * share, luma: glare, score: -share, ..none }
            }
            Plant::Turned => {
                Change { luma: 1.0, sharpness: -0.7, motion: 1.0, height: -1.5, visits: 0.6, ..none }
            }
            Plant::Lamp if infrared => Change { luma: -1.5, score: -1.5, visits: 0.4, ..none },
            Plant::Lamp => none,
            Plant::Scores => Change { score: -3.4, visits: 0.67, ..none },
            Plant::Nobody => Change { visits: 0.0, ..none },
            Plant::Others => Change { visits: 3.0, height: -1.5, ..none },
        }
    }
}
