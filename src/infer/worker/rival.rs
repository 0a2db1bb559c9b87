//! Frames are lent to a challenger where there is time to spare, and what it disagrees on is shown to people. Without one nothing of this is done.

use super::Worker;
use crate::capture::pixels::{encode_jpeg, shrunk};
use crate::infer::succession::port::{Disagreement, Look, Looked};
use crate::perceive::audit::{Chosen, Draw};
use crate::perceive::governor::Level;
use crate::perceive::model::Class;
use crate::perceive::observation::Observation;
use crate::perceive::regions::Region;
use crate::publish::audit::Challenged;
use crate::publish::{AuditDraft, Draft};
use crate::system::metrics::count;

/// What is told of a picture by each of the two, the surest first.
const MOST_DETECTIONS: usize = 16;

impl Worker {
    /// Keeps what the model was given and what it answered, while a challenger waits for a frame and no bear is drawn on it.
    pub(super) fn note_looks(&mut self, regions: &[Region]) {
        let wanted = self.port.as_ref().is_some_and(|port| port.wants());
        if !wanted || self.drill.is_some() || self.lens.is_some() {
            return;
        }
        for (lane, &region) in self.lanes.iter().zip(regions) {
            let place = self.perception.place(region);
            self.looks.push(Look { place, input: lane.input.clone(), output: lane.output.clone() });
        }
    }

    /// Lends the frame. A board that is hot, short of power, late or slow has nothing to spare: it is counted.
    pub(super) fn lend(&mut self, observation: &Observation, look_ms: f64) {
        let Some(port) = &self.port else { return };
        port.frame(observation.deadline_missed);
        let looks = std::mem::take(&mut self.looks);
        let effort = observation.effort;
        let spare = effort.level == Level::Full && effort.strain.is_none() && !observation.deadline_missed;
        let looked = (spare && !looks.is_empty()).then(|| Looked {
            stamp: observation.stamp,
            regime: observation.regime,
            picture: self.picture.clone(),
            simulated: self.simulated,
            looks,
            threshold: self.perception.bear_threshold(),
            detections: observation.detections.clone(),
            look_ms,
        });
        port.give(looked);
    }

    /// Sends a frame on which the two disagree, as those of the random sample go; people are hidden on it.
    pub(super) fn judge(&mut self, disagreement: Disagreement) {
        let Disagreement { looked, model, threshold, detections, number } = disagreement;
        let mut shown = shrunk(&looked.picture, self.snapshots.max_side);
        // Areas may have been drawn since.
        self.perception.mask(&mut shown);
        let sure = |found: &[crate::perceive::observation::Detection], least: f32| {
            let bears = found.iter().filter(|d| d.class == Class::Bear && d.score >= least);
            bears.map(|d| d.bbox).collect::<Vec<_>>()
        };
        let mut bears = sure(&looked.detections, looked.threshold);
        bears.extend(sure(&detections, threshold));
        self.hide(&mut shown, &bears, looked.stamp);
        let jpeg = match encode_jpeg(&shown, self.snapshots.quality, self.snapshots.max_side) {
            Ok(jpeg) => jpeg,
            Err(error) => return tracing::error!("picture on which two models disagree: {error}"),
        };
        let draft = AuditDraft {
            jpeg,
            captured: looked.stamp,
            chosen: Chosen { draw: Draw::Random, probability: 1.0, stands_s: 0.0, watched_s: 0.0, number },
            size: (shown.width, shown.height),
            regime: looked.regime,
            model: self.model.sha256.clone(),
            threshold: looked.threshold,
            detections: looked.detections.into_iter().take(MOST_DETECTIONS).collect(),
            simulated: looked.simulated,
            challenger: Some(Challenged {
                model,
                threshold,
                detections: detections.into_iter().take(MOST_DETECTIONS).collect(),
            }),
        };
        if self.links.drafts.try_send(Draft::Audit(Box::new(draft))).is_err() {
            count(&self.links.metrics.counters.lost_audits);
        }
        // What the next frame waits for it is no miss.
        self.rested_ms = self.links.clock.uptime_ms();
    }
}
