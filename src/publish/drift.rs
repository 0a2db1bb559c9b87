//! What pictures and finds were like, in telemetry: see [`crate::perceive::drift`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::perceive::drift::{BINS, Counts, Histograms, Measure};
use crate::perceive::observation::Regime;

/// Counts since the start of the daemon. So what is lost on the way is told by the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Drift")]
pub struct DriftMessage {
    /// SHA-256 of the model that the scores are of.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub model: String,
    /// By light; a light that was not yet is left out.
    pub regimes: BTreeMap<Regime, DriftCounts>,
}

/// Of one light. A histogram has sixteen bins: equal over 0..1 for the score; equal over the square root for luma; half an octave each for the height, an
/// octave for sharpness and motion, the topmost ending at 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DriftCounts {
    /// For how long frames came, seconds.
    pub watched_s: u64,
    /// Visits by their best score: whatever of one class is seen with no more than a minute between, at half of its operating point or more.
    pub score: [u32; BINS],
    /// Visits by the height of the box that had it, share of the frame's.
    pub height: [u32; BINS],
    /// Frames, one in ten seconds, by their mean luma.
    pub luma: [u32; BINS],
    /// Frames by the variance of their Laplacian.
    pub sharpness: [u32; BINS],
    /// Frames by the share of them in which something moves.
    pub motion: [u32; BINS],
}

impl DriftMessage {
    /// Of a model; `None` before anything was seen.
    pub fn new(model: &str, histograms: &Histograms) -> Option<DriftMessage> {
        let lights = [Regime::Day, Regime::Dusk, Regime::Infrared];
        let seen = lights.map(|regime| (regime, &histograms[regime as usize]));
        let seen = seen.into_iter().filter(|(_, counts)| **counts != Counts::default());
        let regimes: BTreeMap<_, _> =
            seen.map(|(regime, counts)| (regime, DriftCounts::from(counts))).collect();
        (!regimes.is_empty()).then(|| DriftMessage { model: model.into(), regimes })
    }
}

impl DriftCounts {
    /// The histogram of one measure.
    pub fn of(&self, measure: Measure) -> &[u32; BINS] {
        match measure {
            Measure::Score => &self.score,
            Measure::Height => &self.height,
            Measure::Luma => &self.luma,
            Measure::Sharpness => &self.sharpness,
            Measure::Motion => &self.motion,
        }
    }
}

impl DriftCounts {
    /// Those of another time, too.
    pub fn add(&mut self, other: &DriftCounts) {
        self.join(other, u32::saturating_add);
        self.watched_s = self.watched_s.saturating_add(other.watched_s);
    }

    /// Without those of an earlier time, which are among them.
    pub fn less(mut self, earlier: &DriftCounts) -> DriftCounts {
        self.join(earlier, u32::saturating_sub);
        self.watched_s = self.watched_s.saturating_sub(earlier.watched_s);
        self
    }

    fn join(&mut self, other: &DriftCounts, join: fn(u32, u32) -> u32) {
        let own = [&mut self.score, &mut self.height, &mut self.luma, &mut self.sharpness, &mut self.motion];
        for (own, measure) in own.into_iter().zip(Measure::ALL) {
            own.iter_mut().zip(other.of(measure)).for_each(|(own, other)| *own = join(*own, *other));
        }
    }
}

impl From<&Counts> for DriftCounts {
    fn from(counts: &Counts) -> Self {
        let of = |measure| *counts.of(measure);
        DriftCounts {
            watched_s: counts.watched_ms / 1000,
            score: of(Measure::Score),
            height: of(Measure::Height),
            luma: of(Measure::Luma),
            sharpness: of(Measure::Sharpness),
            motion: of(Measure::Motion),
        }
    }
}
