//! Pictures of the random sample: as the camera saw them, without boxes and words, so that whoever says what is on them is told nothing; what the
//! model saw goes beside them. People and masked areas are hidden as on every picture that leaves.

use super::Worker;
use crate::capture::pixels::{encode_jpeg, shrunk};
use crate::perceive::model::Class;
use crate::perceive::observation::{Detection, Observation};
use crate::publish::{AuditDraft, Draft};
use crate::system::metrics::count;

/// From this share of the operating point on, the model suspects a bear.
const SUSPECTED: f32 = 0.5;
/// What is told of a picture, the surest first.
const MOST_DETECTIONS: usize = 16;

impl Worker {
    /// Sends the frame, where it was chosen. After all else: nothing waits for it.
    pub(super) fn audit(&mut self, observation: &Observation) {
        let uptime_ms = observation.stamp.uptime_ms;
        // A drawn bear says nothing of real ones.
        if self.drill.is_some() || self.lens.is_some() {
            return self.audit.pause(uptime_ms);
        }
        let threshold = self.perception.bear_threshold();
        let suspects = |d: &Detection| d.class == Class::Bear && d.score >= SUSPECTED * threshold;
        let suspected = observation.bear || observation.detections.iter().any(suspects);
        let Some(chosen) = self.audit.look(uptime_ms, suspected) else { return };
        let mut shown = shrunk(&self.picture, self.snapshots.max_side);
        let sure = |d: &&Detection| d.class == Class::Bear && d.score >= threshold;
        let bears: Vec<_> = observation.detections.iter().filter(sure).map(|bear| bear.bbox).collect();
        self.hide(&mut shown, &bears, observation.stamp);
        let jpeg = match encode_jpeg(&shown, self.snapshots.quality, self.snapshots.max_side) {
            Ok(jpeg) => jpeg,
            Err(error) => return tracing::error!("picture of the random sample: {error}"),
        };
        self.audit.made(jpeg.len());
        let draft = AuditDraft {
            jpeg,
            captured: observation.stamp,
            chosen,
            size: (shown.width, shown.height),
            regime: observation.regime,
            model: self.model.sha256.clone(),
            threshold,
            detections: observation.detections.iter().take(MOST_DETECTIONS).copied().collect(),
            simulated: self.simulated,
            challenger: None,
        };
        if self.links.drafts.try_send(Draft::Audit(Box::new(draft))).is_err() {
            count(&self.links.metrics.counters.lost_audits);
        }
        // What the next frame waits for it is no miss.
        self.rested_ms = self.links.clock.uptime_ms();
    }
}
