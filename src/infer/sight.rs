//! What the detector has seen, for the threads that tell of it.

use crate::perceive::frame::Stamp;
use crate::perceive::ghost::Ghost;
use crate::perceive::governor::Effort;
use crate::perceive::histogram::ScoreHistograms;
use crate::perceive::liveness::Impairment;
use crate::perceive::observation::{AlertId, Regime, Scene};

/// What the detector saw last: read by telemetry and by the watch over the camera.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// When the last frame was taken that the model saw; `None` before the first.
    pub last: Option<Stamp>,
    /// Light measures of that frame.
    pub scene: Scene,
    /// Regime of that frame.
    pub regime: Option<Regime>,
    /// Scores since the start of the interval.
    pub histograms: ScoreHistograms,
    /// What the last frames show to be wrong with the picture.
    pub impairment: Option<Impairment>,
    /// Whether something that was not drawn for a drill may be a bear.
    pub bear: bool,
    /// How the last drill went, as far as the detector knows.
    pub drill: Option<Played>,
    /// What stands still and is not told of for that.
    pub ghosts: Vec<Ghost>,
    /// Width and height of that frame, pixels.
    pub size: (u32, u32),
    /// How much is done at present.
    pub effort: Effort,
    /// Why the last frame could not be used; `None` when it could.
    pub fault: Option<String>,
}

/// A drill, as the detector saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Its number.
    pub number: u64,
    /// Capture of the first frame on which something of the drawn bear is seen, milliseconds of uptime.
    pub first_ms: Option<u64>,
    /// The alert that was opened on it.
    pub alert: Option<AlertId>,
    /// What was wrong with the picture meanwhile, so that a real bear would not be seen well.
    pub impairment: Option<Impairment>,
    /// Something that was not drawn may be a bear: nothing is drawn any more.
    pub broken_off: bool,
}
