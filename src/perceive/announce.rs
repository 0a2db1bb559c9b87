//! Alerts on what is seen and, apart from them, alerts on what was drawn for a drill: neither knows of the other, so that a drill neither speaks
//! for a real bear that comes near nor lets its place cool down.

use super::alert::Alerts;
use super::evidence::Scales;
use super::frame::Stamp;
use super::geometry::Rect;
use super::ghost::Ghosts;
use super::model::Class;
use super::observation::{Alert, DRILLS};
use super::settings::Settings;
use super::staged::Staged;
use super::track::Track;
use super::zone::Polygon;

/// Both kinds of alerts of one camera.
#[derive(Clone, Debug)]
pub struct Announcer {
    alerts: Alerts,
    drills: Alerts,
    staged: Staged,
}

/// What a frame brought about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Announced {
    /// Steps of alerts.
    pub alerts: Vec<Alert>,
    /// Steps of alerts on what was drawn.
    pub drills: Vec<Alert>,
    /// Whether something that was not drawn may be a bear: an alert is open on it, or half of what that takes speaks for it.
    pub bear: bool,
}

impl Announcer {
    /// Nothing was seen yet.
    pub fn new(settings: &Settings) -> Announcer {
        let (alerts, drills) = (Alerts::new(settings), Alerts::new(settings).numbered_after(DRILLS));
        Announcer { alerts, drills, staged: Staged::default() }
    }

    /// Whether the frames from now on are of quiet hours; see [`Alerts::quieten`].
    pub fn quieten(&mut self, quiet: bool) {
        self.alerts.quieten(quiet);
        self.drills.quieten(quiet);
    }

    /// Guards other areas from now on.
    pub fn guard(&mut self, areas: &[Polygon]) {
        self.alerts.guard(areas);
        self.drills.guard(areas);
    }

    /// Nearly the whole picture has changed at once; see [`Alerts::hold`].
    pub fn hold(&mut self, now_ms: u64) {
        self.alerts.hold(now_ms);
        self.drills.hold(now_ms);
    }

    /// Takes in the tracks of a frame on which a bear was `drawn`, or none. The drawn ones are told as if nothing else were there, all others
    /// as if nothing had been drawn; only of these anything is learned.
    pub fn step(
        &mut self,
        drawn: Option<Rect>,
        tracks: &[Track],
        ghosts: &mut Ghosts,
        stamp: Stamp,
        scales: &Scales,
    ) -> Announced {
        self.staged.step(drawn, tracks);
        let parted: (Vec<Track>, Vec<Track>);
        let (staged, real): (&[Track], &[Track]) = if self.staged.is_empty() {
            (&[], tracks)
        } else {
            parted = tracks.iter().cloned().partition(|track| self.staged.is(track.id));
            (&parted.0, &parted.1)
        };
        ghosts.step(real, scales, stamp.uptime_ms);
        let alerts = self.alerts.step(real, ghosts, stamp, scales);
        let drills = self.drills.step(staged, &Ghosts::default(), stamp, scales);
        let likely = |track: &Track| track.evidence.of(Class::Bear) >= scales.decision() / 2.0;
        let may_be = |track: &Track| track.class() == Class::Bear && likely(track) && !ghosts.explains(track);
        Announced { alerts, drills, bear: self.alerts.is_open() || real.iter().any(may_be) }
    }

    /// Closes whatever is open: the stream ends.
    pub fn close_all(&mut self) -> Vec<Alert> {
        let mut closed = self.alerts.close_all();
        closed.extend(self.drills.close_all());
        closed
    }
}

#[cfg(test)]
#[path = "announce_tests.rs"]
mod tests;
