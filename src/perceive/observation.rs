//! What was seen: the nouns that leave the core.

use super::frame::Stamp;
use super::geometry::Rect;
use super::governor::Effort;
use super::liveness::Impairment;
use super::model::Class;

/// One box that the model proposes on one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// What it is.
    pub class: Class,
    /// Objectness × class score, 0..1, not calibrated.
    pub score: f32,
    /// Where, in fractions of the frame.
    pub bbox: Rect,
    /// It ends where its region ends and the frame goes on: there may be more of it.
    pub cut: bool,
}

/// Names a track; never repeats within a boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackId(pub u64);

/// Names an alert; never repeats within a boot, and with the boot id never at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlertId(pub u64);

/// Alerts of drills have ids beyond this one: no camera raises so many others.
pub const DRILLS: u64 = 2_000_000_000;

impl AlertId {
    /// Whether it is of a bear that was drawn.
    pub fn is_of_drill(self) -> bool {
        self.0 > DRILLS
    }
}

/// The light that the scene is seen in.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Regime {
    /// Enough light for a picture without gain noise.
    #[default]
    Day,
    /// Colour, but dark.
    Dusk,
    /// No colour: infrared light or a black-and-white camera.
    Infrared,
}

impl Regime {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Regime::Day => "day",
            Regime::Dusk => "dusk",
            Regime::Infrared => "infrared",
        }
    }
}

/// Measures of the whole picture, before any enhancement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scene {
    /// Mean luma, 0..1.
    pub luma: f32,
    /// Standard deviation of luma, 0..1.
    pub contrast: f32,
    /// Mean distance of the two colour-difference channels from grey, 0..1.
    pub chroma: f32,
    /// Standard deviation of the sensor's noise, 0..1 (Immerkær 1996).
    pub noise: f32,
    /// Variance of the Laplacian of luma, scaled to 0..1; low means blurred or covered.
    pub sharpness: f32,
}

/// Where an alert stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum AlertState {
    /// First heard of.
    Opened,
    /// Still there, and something worth telling changed.
    Updated,
    /// Gone.
    Closed,
}

impl AlertState {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            AlertState::Opened => "opened",
            AlertState::Updated => "updated",
            AlertState::Closed => "closed",
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, schemars::JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum Severity {
    /// A bear is there, at hours at which nobody is to be woken for that alone.
    Low,
    /// A bear is there.
    #[default]
    Normal,
    /// A bear is where people are.
    High,
}

impl Severity {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Normal => "normal",
            Severity::High => "high",
        }
    }
}

/// A step in the life of an alert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alert {
    /// The same from opened to closed.
    pub id: AlertId,
    /// The step.
    pub state: AlertState,
    /// What is alerted on.
    pub class: Class,
    /// How bad it has been so far.
    pub severity: Severity,
    /// Best score of the track so far.
    pub score: f32,
    /// Accumulated evidence of the track, in nats of log-likelihood ratio; higher is surer.
    pub evidence: f32,
    /// Where it was last seen.
    pub bbox: Rect,
    /// When the frame was taken that brought this step about (for closed: when it was last seen).
    pub captured: Stamp,
}

/// A track as it stands after a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackView {
    /// Its name.
    pub id: TrackId,
    /// What it is.
    pub class: Class,
    /// Where it is believed to be.
    pub bbox: Rect,
    /// Score of the last detection that supported it.
    pub score: f32,
    /// Evidence so far, nats.
    pub evidence: f32,
    /// Whether it was looked for on this very frame.
    pub looked: bool,
    /// Whether this very frame supported it.
    pub seen: bool,
    /// Score of a bear in that detection.
    pub bear: f32,
}

/// All that a frame meant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observation {
    /// When the frame was taken.
    pub stamp: Stamp,
    /// Light measures.
    pub scene: Scene,
    /// The regime in force.
    pub regime: Regime,
    /// What keeps the camera from seeing, the worst of it.
    pub impairment: Option<Impairment>,
    /// Detections after suppression of doubles, sorted by score, highest first; low scores included.
    pub detections: Vec<Detection>,
    /// Tracks that are alive.
    pub tracks: Vec<TrackView>,
    /// Steps of alerts that this frame brought about.
    pub alerts: Vec<Alert>,
    /// Steps of alerts on a bear that was drawn for a drill; their ids are beyond [`DRILLS`].
    pub drills: Vec<Alert>,
    /// Whether something that was not drawn may be a bear: an alert is open on it, or half of what that takes speaks for it.
    pub bear: bool,
    /// Regions that were looked at.
    pub regions: usize,
    /// Whether the frame took longer than its budget.
    pub deadline_missed: bool,
    /// How much is done from now on, and why no more.
    pub effort: Effort,
}
