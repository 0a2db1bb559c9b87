//! What an administrator may decide about seeing and alerting.

use super::zone::Polygon;

/// Which parts of a picture the model looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum RegionMode {
    /// The whole frame, scaled to the model's input.
    Whole,
    /// Overlapping tiles at the picture's own resolution, and the whole frame.
    Tiles,
    /// Whole frame and tiles as far as the budget allows; on stills: tiles where the picture is much larger than the input.
    Auto,
}

/// Settings of the core. Units stand in the names.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Which regions are looked at.
    pub regions: RegionMode,
    /// Time that one frame may take from capture to decision, milliseconds.
    pub budget_ms: f64,
    /// From this temperature of the processor on less is done, degrees Celsius.
    pub hot_c: f64,
    /// Operating point for bears on the score; the model card's where `None`.
    pub bear_threshold: Option<f32>,
    /// Brighten dark pictures before the model sees them.
    pub enhance: bool,
    /// Areas that are blackened before anything else is done with a picture: what is not to be seen, stored or sent.
    pub privacy: Vec<Polygon>,
    /// Areas that are looked at closely in turn, whether something moves there or not.
    pub watch: Vec<Polygon>,
    /// Areas to which no bear must come near: tents, paths. An alert on a bear that stands in one is of high severity.
    pub guard: Vec<Polygon>,
    /// Stated rate of false alarms that the evidence test is set for, per camera and day.
    pub false_alarms_per_day: f64,
    /// A bear must have been in sight at least so long, seconds; insects and flashes are gone sooner.
    pub min_visible_s: f64,
    /// An open alert is repeated as `updated` at most this often, seconds.
    pub update_s: f64,
    /// An alert is closed when its track was not seen for so long, seconds.
    pub close_after_s: f64,
    /// After closing, a bear at the same place reopens no new alert for so long, seconds.
    pub cooldown_s: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            regions: RegionMode::Auto,
            budget_ms: 500.0,
            hot_c: 78.0,
            bear_threshold: None,
            enhance: true,
            privacy: Vec::new(),
            watch: Vec::new(),
            guard: Vec::new(),
            false_alarms_per_day: 0.1,
            min_visible_s: 0.4,
            update_s: 10.0,
            close_after_s: 5.0,
            cooldown_s: 30.0,
        }
    }
}
