//! When rangers are told: an alert is opened, updated while it lasts, and closed.

use super::evidence::Scales;
use super::frame::Stamp;
use super::geometry::Rect;
use super::ghost::Ghosts;
use super::model::Class;
use super::observation::{Alert, AlertId, AlertState, Severity, TrackId};
use super::settings::Settings;
use super::track::{Track, UNWATCHED};
use super::zone::Polygon;

/// What is alerted on. Persons and other animals are tracked so that they are not mistaken for bears.
const ALERTED: Class = Class::Bear;

/// Frames that must have shown it, whatever the evidence: one frame is never enough.
const LEAST_HITS: u32 = 3;

/// A box whose centre is within so many of its sides is at the same place.
const SAME_PLACE_SIDES: f32 = 1.5;

/// A person within so many of the bear's sides, each way, is together with it: some steps, as far as one picture tells distances.
const TOGETHER_SIDES: f32 = 3.0;

/// While the infrared filter switches or lightning strikes, no alert is opened for so long, milliseconds…
const HOLD_MS: u64 = 1_000;

/// …and no more often than this: lights that flicker all night hold up nothing.
const HOLD_EVERY_MS: u64 = 10_000;

/// An alert that has been opened, and the track it follows.
#[derive(Clone, Debug)]
struct Open {
    alert: Alert,
    track: TrackId,
    told_ms: u64,
    told: Severity,
    seen_ms: u64,
}

/// Where an alert was closed, and since when nothing was there.
#[derive(Clone, Copy, Debug)]
struct Closed {
    bbox: Rect,
    at_ms: u64,
    severity: Severity,
}

/// The alerts of one camera.
#[derive(Clone, Debug)]
pub struct Alerts {
    open: Vec<Open>,
    cooling: Vec<Closed>,
    next: u64,
    settings: Settings,
    /// Since when nothing is opened, the last time.
    held_ms: Option<u64>,
    /// Whether these are hours at which nobody is to be woken without need.
    quiet: bool,
}

impl Alerts {
    /// No alerts yet.
    pub fn new(settings: &Settings) -> Alerts {
        Alerts {
            open: Vec::new(),
            cooling: Vec::new(),
            next: 1,
            settings: settings.clone(),
            held_ms: None,
            quiet: false,
        }
    }

    /// Whose ids begin after `last`.
    #[must_use]
    pub fn numbered_after(self, last: u64) -> Alerts {
        Alerts { next: last + 1, ..self }
    }

    /// Whether one is open.
    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether the frames from now on are of quiet hours: what is of normal severity is then told as low, and told again as normal
    /// when they end and it is still there. High severity is never demoted, and nothing is left out.
    pub fn quieten(&mut self, quiet: bool) {
        self.quiet = quiet;
    }

    /// Guards other areas from now on.
    pub fn guard(&mut self, areas: &[Polygon]) {
        self.settings.guard = areas.to_vec();
    }

    /// Takes in the tracks of a frame, returns the steps that follow from it.
    pub fn step(&mut self, tracks: &[Track], ghosts: &Ghosts, stamp: Stamp, scales: &Scales) -> Vec<Alert> {
        let mut steps = Vec::new();
        // Before anything else: whatever stands there after so long a gap in the frames is told anew.
        self.close_unseen_for(f64::from(UNWATCHED) * self.settings.close_after_s, stamp, &mut steps);
        for at in 0..self.open.len() {
            let followed: Vec<TrackId> = self.open.iter().map(|o| o.track).collect();
            let open = &mut self.open[at];
            open.follow(tracks, &followed, stamp, Rules { guard: &self.settings.guard, quiet: self.quiet });
            steps.extend(open.update(stamp, self.settings.update_s));
        }
        self.close_unseen_for(self.settings.close_after_s, stamp, &mut steps);
        let cooldown_s = self.settings.cooldown_s;
        self.cooling.retain(|c| seconds(c.at_ms, stamp.uptime_ms) < cooldown_s);
        if self.held_ms.is_some_and(|held| stamp.uptime_ms.saturating_sub(held) < HOLD_MS) {
            return steps;
        }
        for track in tracks.iter().filter(|t| !ghosts.explains(t)) {
            steps.extend(self.consider(track, tracks, stamp, scales));
        }
        steps
    }

    /// Nearly the whole picture has changed at once: what is seen in the next moment is not believed.
    pub fn hold(&mut self, now_ms: u64) {
        if self.held_ms.is_none_or(|held| now_ms.saturating_sub(held) >= HOLD_EVERY_MS) {
            self.held_ms = Some(now_ms);
        }
    }

    /// Closes whatever is open: the stream ends.
    pub fn close_all(&mut self) -> Vec<Alert> {
        self.open.drain(..).map(Open::closed).collect()
    }

    fn close_unseen_for(&mut self, patience_s: f64, stamp: Stamp, steps: &mut Vec<Alert>) {
        let gone = |o: &mut Open| seconds(o.seen_ms, stamp.uptime_ms) > patience_s;
        let close_after_ms = (self.settings.close_after_s * 1e3) as u64;
        for open in self.open.extract_if(.., gone) {
            // Counted from when it was due, for the frame that shows it may come much later.
            let Alert { bbox, severity, .. } = open.alert;
            self.cooling.push(Closed { bbox, severity, at_ms: open.seen_ms + close_after_ms });
            steps.push(open.closed());
        }
    }

    /// Opens an alert on a track that has become certain, unless one speaks of it already or its place is cooling down.
    fn consider(&mut self, track: &Track, all: &[Track], stamp: Stamp, scales: &Scales) -> Option<Alert> {
        let certain = track.evidence.of(ALERTED) >= scales.decision() && track.class() == ALERTED;
        let long_enough = track.hits >= LEAST_HITS && track.visible_s() >= self.settings.min_visible_s;
        let told = self.open.iter().any(|o| o.track == track.id || same_place(o.alert.bbox, track.bbox));
        let severity = Rules { guard: &self.settings.guard, quiet: self.quiet }.severity(track, all);
        // One that returns comes from where it went, and what comes from elsewhere is another bear. Worse than before is news.
        let returned = |c: &Closed| {
            severity <= c.severity && same_place(c.bbox, track.came) && same_place(c.bbox, track.bbox)
        };
        let cooling = self.cooling.iter().any(returned);
        if !(track.seen && certain && long_enough) || told || cooling {
            return None;
        }
        let alert = Alert {
            id: AlertId(self.next),
            state: AlertState::Opened,
            class: ALERTED,
            severity,
            score: track.best(ALERTED),
            evidence: track.evidence.of(ALERTED),
            bbox: track.bbox.clipped(),
            captured: stamp,
        };
        self.next += 1;
        let now_ms = stamp.uptime_ms;
        self.open.push(Open { alert, track: track.id, told_ms: now_ms, told: severity, seen_ms: now_ms });
        Some(alert)
    }
}

impl Open {
    /// Takes over what its track says; when the track was lost, another bear at the same place is taken for it, unless an alert
    /// speaks of that one already (`followed`).
    fn follow(&mut self, tracks: &[Track], followed: &[TrackId], stamp: Stamp, rules: Rules) {
        let supports = |t: &&Track| t.seen && t.evidence.of(ALERTED) > 0.0 && t.class() == ALERTED;
        let own = tracks.iter().filter(supports).find(|t| t.id == self.track);
        let free = |t: &&Track| !followed.contains(&t.id) && same_place(self.alert.bbox, t.bbox);
        let heir = || tracks.iter().filter(supports).find(free);
        let Some(track) = own.or_else(heir) else { return };
        self.track = track.id;
        self.seen_ms = stamp.uptime_ms;
        self.alert.score = self.alert.score.max(track.score(ALERTED));
        self.alert.evidence = track.evidence.of(ALERTED);
        self.alert.bbox = track.bbox.clipped();
        self.alert.captured = stamp;
        self.alert.severity = self.alert.severity.max(rules.severity(track, tracks));
    }

    /// The next `updated`, where it is due and there is something to tell; at once where it has become worse.
    fn update(&mut self, stamp: Stamp, update_s: f64) -> Option<Alert> {
        let due = seconds(self.told_ms, stamp.uptime_ms) >= update_s || self.alert.severity > self.told;
        (due && self.seen_ms == stamp.uptime_ms).then(|| {
            (self.told_ms, self.told) = (stamp.uptime_ms, self.alert.severity);
            Alert { state: AlertState::Updated, ..self.alert }
        })
    }

    fn closed(self) -> Alert {
        Alert { state: AlertState::Closed, ..self.alert }
    }
}

/// What decides, beside the tracks, how bad a bear is.
#[derive(Clone, Copy)]
struct Rules<'a> {
    guard: &'a [Polygon],
    quiet: bool,
}

impl Rules<'_> {
    /// High where a bear stands in a guarded area (its feet do: the middle of the box's lower side) or is together with a person.
    fn severity(self, bear: &Track, tracks: &[Track]) -> Severity {
        let bbox = bear.bbox.clipped();
        let feet = (bbox.x + bbox.w / 2.0, bbox.y + bbox.h);
        let guarded = self.guard.iter().any(|area| area.contains(feet));
        let person = |t: &&Track| t.class() == Class::Person && t.evidence.of(Class::Person) > 0.0;
        let near = |t: &Track| {
            let (across, down) = gaps(bbox, t.bbox.clipped());
            across <= TOGETHER_SIDES * bbox.w && down <= TOGETHER_SIDES * bbox.h
        };
        match guarded || tracks.iter().filter(person).any(near) {
            true => Severity::High,
            false if self.quiet => Severity::Low,
            false => Severity::Normal,
        }
    }
}

/// How far two boxes are apart, across and down; 0 where they overlap.
fn gaps(a: Rect, b: Rect) -> (f32, f32) {
    let gap = |a: f32, a_side: f32, b: f32, b_side: f32| (b - a - a_side).max(a - b - b_side).max(0.0);
    (gap(a.x, a.w, b.x, b.w), gap(a.y, a.h, b.y, b.h))
}

/// Whether two boxes are about the same place.
fn same_place(a: Rect, b: Rect) -> bool {
    let ((ax, ay), (bx, by)) = (a.centre(), b.centre());
    (ax - bx).abs() <= SAME_PLACE_SIDES * a.w.max(b.w) && (ay - by).abs() <= SAME_PLACE_SIDES * a.h.max(b.h)
}

fn seconds(then_ms: u64, now_ms: u64) -> f64 {
    now_ms.saturating_sub(then_ms) as f64 / 1e3
}

#[cfg(test)]
#[path = "alert_tests.rs"]
mod tests;
