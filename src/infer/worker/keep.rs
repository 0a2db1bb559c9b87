//! Pictures that are kept for training and review, beside the random sample: of alerts, of what is nearly one, and what somebody asked for. As the camera
//! saw them, without boxes and words; people and masked areas are hidden as on every picture that leaves or comes to a disk.

use super::Worker;
use crate::capture::pixels::{encode_jpeg, shrunk};
use crate::perceive::frame::Stamp;
use crate::perceive::model::Class;
use crate::perceive::observation::{AlertState, Detection, Observation, Regime};
use crate::publish::Draft;
use crate::publish::field::{KeptDraft, Reason};
use crate::publish::settings::FieldSettings;

/// What is told of a picture, the surest first.
pub(super) const MOST_DETECTIONS: usize = 16;

/// Which pictures are kept. What stands before the camera for hours is not kept again and again: each reason has its pace.
#[derive(Debug)]
pub(super) struct Keeper {
    settings: FieldSettings,
    /// When one was kept last, by reason, milliseconds of uptime.
    last_ms: [Option<u64>; Reason::ALL.len()],
}

impl Keeper {
    pub(super) fn new(settings: FieldSettings) -> Keeper {
        Keeper { settings, last_ms: [None; Reason::ALL.len()] }
    }

    /// Why a frame is worth keeping.
    fn reason(&self, observation: &Observation, threshold: f32) -> Option<Reason> {
        if observation.alerts.iter().any(|alert| alert.state != AlertState::Closed) {
            return Some(Reason::Alert);
        }
        let bears = observation.detections.iter().filter(|d| d.class == Class::Bear);
        let best = bears.map(|bear| bear.score).fold(0.0, f32::max);
        (self.settings.near_from..threshold).contains(&best).then_some(Reason::NearMiss)
    }

    /// Whether it is time for another one.
    fn is_due(&mut self, reason: Reason, now_ms: u64) -> bool {
        let per_hour = self.settings.per_hour(reason);
        if self.settings.mb == 0 || per_hour <= 0.0 {
            return false;
        }
        let last = &mut self.last_ms[reason as usize];
        let rests = last.is_some_and(|last| (now_ms.saturating_sub(last) as f64) < 3.6e6 / per_hour);
        if !rests {
            *last = Some(now_ms);
        }
        !rests
    }
}

impl Worker {
    /// Keeps the frame, where it is worth it. After all else: nothing waits for it.
    pub(super) fn keep(&mut self, observation: &Observation) {
        let threshold = self.perception.bear_threshold();
        if let Some(reason) = self.keeper.reason(observation, threshold) {
            self.keep_for(reason, &observation.detections, observation.regime, observation.stamp);
        }
    }

    /// Keeps the present picture, where it is time for one of this reason. A drawn bear says nothing of real ones.
    pub(super) fn keep_for(&mut self, reason: Reason, seen: &[Detection], regime: Regime, stamp: Stamp) {
        let drawn = self.drill.is_some() || self.lens.is_some();
        if drawn || self.picture.width == 0 || !self.keeper.is_due(reason, stamp.uptime_ms) {
            return;
        }
        let Some((jpeg, size)) = self.plain(seen, stamp) else { return };
        let draft = KeptDraft {
            reason,
            jpeg,
            captured: stamp,
            size,
            regime,
            model: self.model.sha256.clone(),
            threshold: self.perception.bear_threshold(),
            detections: seen.iter().take(MOST_DETECTIONS).copied().collect(),
            simulated: self.simulated,
        };
        // A queue that is full has alerts in it.
        let _ = self.links.drafts.try_send(Draft::Kept(Box::new(draft)));
        // What the next frame waits for it is no miss.
        self.rested_ms = self.links.clock.uptime_ms();
    }

    /// The present picture without boxes and words, and its size.
    pub(super) fn plain(&mut self, seen: &[Detection], stamp: Stamp) -> Option<(Vec<u8>, (u32, u32))> {
        let mut shown = shrunk(&self.picture, self.snapshots.max_side);
        let threshold = self.perception.bear_threshold();
        let sure = |d: &&Detection| d.class == Class::Bear && d.score >= threshold;
        let bears: Vec<_> = seen.iter().filter(sure).map(|bear| bear.bbox).collect();
        self.hide(&mut shown, &bears, stamp);
        let jpeg = encode_jpeg(&shown, self.snapshots.quality, self.snapshots.max_side);
        let jpeg = jpeg.inspect_err(|error| tracing::error!("picture that was to be kept: {error}")).ok()?;
        Some((jpeg, (shown.width, shown.height)))
    }
}
