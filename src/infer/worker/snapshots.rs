//! Pictures that leave: the moment of an alert and what led to it, what is wrong with the camera, and those that somebody asked for. All go one
//! way, on which people are hidden.

use std::sync::mpsc::TrySendError;
use std::time::Duration;

use super::Worker;
use crate::capture::pixels::{encode_jpeg, shrunk, to_picture};
use crate::infer::annotate::{banner, caption, mark};
use crate::perceive::frame::{Frame, Picture, PixelFormat, Stamp};
use crate::perceive::geometry::Rect;
use crate::perceive::liveness::Impairment;
use crate::perceive::observation::{Alert, AlertState};
use crate::publish::{Draft, Subject};
use crate::system::metrics::count;

/// Pictures of what is wrong with the camera are sent no more often than this, milliseconds: a web that sways comes and goes.
const SHOWN_EVERY_MS: u64 = 600_000;

/// What a picture of a drill says of itself.
pub(super) const DRILL: &str = "DRILL: THIS BEAR IS DRAWN";

impl Worker {
    /// A picture of what is wrong with the camera: somebody decides by it whether to drive there.
    pub(super) fn show(&mut self, impairment: Impairment, stamp: Stamp) {
        let often = |last: u64| stamp.uptime_ms.saturating_sub(last) < SHOWN_EVERY_MS;
        if self.shown_ms.is_some_and(often) {
            return;
        }
        self.shown_ms = Some(stamp.uptime_ms);
        let mut drawn = shrunk(self.lens(), self.snapshots.max_side);
        self.hide(&mut drawn, &[], stamp);
        caption(&mut drawn, &self.caption_of(stamp));
        self.send_picture(&drawn, Subject::Impairment(impairment), stamp);
    }

    /// The moment with its box, and on opening what led to it.
    pub(super) fn send_snapshots(&mut self, alert: Alert, stamp: Stamp) {
        let drill = alert.id.is_of_drill();
        let source = if drill { &self.picture } else { self.lens() };
        let mut drawn = shrunk(source, self.snapshots.max_side);
        self.hide(&mut drawn, &[alert.bbox], stamp);
        mark(&mut drawn, alert.class, alert.score, alert.bbox);
        caption(&mut drawn, &self.caption_of(stamp));
        if drill {
            banner(&mut drawn, DRILL);
        }
        self.send_picture(&drawn, Subject::Alert(alert.id), stamp);
        // What the camera saw before shows nothing of a drawn bear.
        let told = alert.state == AlertState::Opened && !drill;
        let history = self.links.history.as_ref().filter(|_| told);
        for (captured, jpeg) in
            history.map(|h| h.before(stamp, self.snapshots.from_history)).unwrap_or_default()
        {
            if self.perception.is_masked() || self.discretion.is_asked_for() {
                self.send_earlier(alert, jpeg, captured);
            } else {
                self.send_snapshot(Subject::Before(alert.id), jpeg, captured);
            }
        }
    }

    /// The picture of the last frame, masked as ever; none where there was no frame yet.
    pub(super) fn send_last(&mut self, subject: Subject, word: &str) {
        if self.picture.width == 0 {
            tracing::warn!("no picture to send: no frame was seen yet");
            return;
        }
        let stamp = self.last_stamp();
        let mut drawn = shrunk(self.lens(), self.snapshots.max_side);
        self.hide(&mut drawn, &[], stamp);
        caption(&mut drawn, &format!("{}  {word}", self.caption_of(stamp)));
        self.send_picture(&drawn, subject, stamp);
    }

    /// Hides the people on a picture at the size at which it leaves.
    pub(super) fn hide(&mut self, picture: &mut Picture, bears: &[Rect], taken: Stamp) {
        self.discretion.apply(&self.engine, picture, bears, taken);
    }

    pub(super) fn caption_of(&self, stamp: Stamp) -> String {
        let time = std::time::UNIX_EPOCH + Duration::from_millis(stamp.unix_ms.max(0) as u64);
        let simulated = if self.simulated { "  SIMULATION" } else { "" };
        format!("{}  {}{simulated}", self.snapshots.place, humantime::format_rfc3339_seconds(time))
    }

    /// The history holds what the camera sent: what is not to be seen is taken out before it leaves.
    fn send_earlier(&mut self, alert: Alert, data: Vec<u8>, captured: Stamp) {
        let frame = Frame { format: PixelFormat::Jpeg, data, ..Frame::empty() };
        let mut picture = Picture::default();
        match to_picture(&frame, &mut picture) {
            Ok(()) => {
                self.perception.mask(&mut picture);
                let mut picture = shrunk(&picture, self.snapshots.max_side);
                self.hide(&mut picture, &[], captured);
                self.send_picture(&picture, Subject::Before(alert.id), captured);
            }
            Err(error) => tracing::error!("picture from before alert {}: {error}", alert.id.0),
        }
    }

    fn send_picture(&self, picture: &Picture, subject: Subject, captured: Stamp) {
        match encode_jpeg(picture, self.snapshots.quality, self.snapshots.max_side) {
            Ok(jpeg) => self.send_snapshot(subject, jpeg, captured),
            Err(error) => tracing::error!("snapshot of {subject:?}: {error}"),
        }
    }

    fn send_snapshot(&self, subject: Subject, jpeg: Vec<u8>, captured: Stamp) {
        let draft = Draft::Snapshot { subject, jpeg, captured };
        if let Err(TrySendError::Full(_)) = self.links.drafts.try_send(draft) {
            count(&self.links.metrics.counters.lost_snapshots);
        }
    }
}
