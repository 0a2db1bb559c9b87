//! What the detector has seen, for the threads that tell of it.

use crate::perceive::frame::Stamp;
use crate::perceive::ghost::Ghost;
use crate::perceive::governor::Effort;
use crate::perceive::histogram::ScoreHistograms;
use crate::perceive::liveness::Impairment;
use crate::perceive::observation::{Regime, Scene};

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
    /// What stands still and is not told of for that.
    pub ghosts: Vec<Ghost>,
    /// Width and height of that frame, pixels.
    pub size: (u32, u32),
    /// How much is done at present.
    pub effort: Effort,
    /// Why the last frame could not be used; `None` when it could.
    pub fault: Option<String>,
}
