//! What the detector has seen, for the threads that tell of it.

use std::collections::VecDeque;

use crate::perceive::drift::Histograms;
use crate::perceive::frame::Stamp;
use crate::perceive::ghost::Ghost;
use crate::perceive::governor::Effort;
use crate::perceive::histogram::ScoreHistograms;
use crate::perceive::liveness::Impairment;
use crate::perceive::observation::{AlertId, Detection, Regime, Scene};
use crate::perceive::regions::Region;

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
    /// What pictures and finds were like since the start.
    pub drift: Histograms,
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
    /// What it shows, best first; faint guesses are left out.
    pub found: Vec<Detection>,
    /// Parts of it that were looked at.
    pub regions: Vec<Region>,
    /// What the last frames took.
    pub spans: Spans,
    /// How much is done at present.
    pub effort: Effort,
    /// Why the last frame could not be used; `None` when it could.
    pub fault: Option<String>,
}

/// Frames whose times are remembered: a minute or two of a slow board's.
const SPANS: usize = 200;

/// What each of the last frames took from when it could be looked at to the decision.
#[derive(Clone, Debug, Default)]
pub struct Spans(VecDeque<f32>);

impl Spans {
    /// Adds the newest, milliseconds.
    pub fn add(&mut self, ms: f64) {
        if self.0.len() >= SPANS {
            self.0.pop_front();
        }
        self.0.push_back(ms as f32);
    }

    /// So many milliseconds or less was enough for `share` of them, 0..1; `None` before the first.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let mut sorted: Vec<f32> = self.0.iter().copied().collect();
        sorted.sort_by(f32::total_cmp);
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.max(1) - 1).map(|&ms| f64::from(ms))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_last_frames() {
        let mut spans = Spans::default();
        assert_eq!(spans.quantile(0.95), None);
        spans.add(7.0);
        assert_eq!((spans.quantile(0.5), spans.quantile(0.95)), (Some(7.0), Some(7.0)));
        (1..=300).for_each(|ms| spans.add(f64::from(ms)));
        assert_eq!((spans.quantile(0.5), spans.quantile(0.95)), (Some(200.0), Some(290.0)));
    }
}
