//! What stands still and looks a little like a bear all night: a stump, a bush, a tarpaulin. Learned where it stands, shown to people, forgotten.
//!
//! Camera traps have their repeat-detection elimination afterwards and by hand (Beery et al. 2019, MegaDetector); here it is learned on line. The
//! danger is a bear that is taken for a ghost, so a ghost only keeps an alert from being *opened*, and only on a track that never left the place
//! and speaks no louder than the ghost did. Where a bear was seen to walk to, nothing is learned.

use super::evidence::Scales;
use super::geometry::Rect;
use super::model::Class;
use super::track::Track;

/// Boxes that share so much (IoU) are the same place.
const SAME_PLACE_IOU: f32 = 0.5;

/// A thing must have stood in sight for so long in all, seconds.
const LEARNED_S: f32 = 300.0;

/// One look proves no more than so many seconds of standing, however far apart frames are.
const MOST_A_LOOK_S: f32 = 5.0;

/// What was not seen for so long is forgotten, milliseconds: a day, for a stump looks like a bear in one light and not in the other.
const FORGOTTEN_MS: u64 = 24 * 3_600_000;

/// A track may have so much more evidence than the ghost had at its most, nats.
const LOUDER: f32 = 2.0;

/// Where a bear has walked to, nothing is learned for so long, milliseconds: bears rest.
const VISITED_MS: u64 = 3_600_000;

/// Most places that are kept, of either kind; the one that was not seen for longest gives way.
const MOST_PLACES: usize = 32;

/// Something that stands still, known as a ghost once it has stood for long enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ghost {
    /// Where, fractions of the frame.
    pub bbox: Rect,
    /// When it was first seen, milliseconds of uptime.
    pub since_ms: u64,
    /// Most evidence for a bear so far, nats.
    pub evidence: f32,
    seen_ms: u64,
    stood_s: f32,
}

/// A place and when a bear was seen there last.
#[derive(Clone, Copy, Debug)]
struct Visited {
    bbox: Rect,
    seen_ms: u64,
}

/// The ghosts of one camera.
#[derive(Clone, Debug, Default)]
pub struct Ghosts {
    places: Vec<Ghost>,
    visited: Vec<Visited>,
}

impl Ghosts {
    /// Takes in the tracks of a frame.
    pub fn step(&mut self, tracks: &[Track], scales: &Scales, now_ms: u64) {
        let old = |seen_ms: u64, after_ms: u64| now_ms.saturating_sub(seen_ms) >= after_ms;
        self.places.retain(|p| !old(p.seen_ms, FORGOTTEN_MS));
        self.visited.retain(|v| !old(v.seen_ms, VISITED_MS));
        for track in tracks.iter().filter(|t| t.seen && t.evidence.of(Class::Bear) > 0.0) {
            if track.moved() {
                let bear =
                    track.class() == Class::Bear && track.evidence.of(Class::Bear) >= scales.decision();
                self.visit(track, bear, now_ms);
            } else if !self.visited.iter().any(|v| v.bbox.iou(track.bbox) > 0.0) {
                self.stand(track, now_ms);
            }
        }
    }

    /// Whether a track shows nothing but what has always stood there.
    pub fn explains(&self, track: &Track) -> bool {
        let as_ever = |g: &Ghost| {
            g.bbox.iou(track.bbox) >= SAME_PLACE_IOU && track.evidence.of(Class::Bear) <= g.evidence + LOUDER
        };
        !track.moved() && self.known().any(as_ever)
    }

    /// Those that have stood for long enough.
    pub fn known(&self) -> impl Iterator<Item = &Ghost> {
        self.places.iter().filter(|p| p.stood_s >= LEARNED_S)
    }

    fn visit(&mut self, track: &Track, bear: bool, now_ms: u64) {
        let here = self.visited.iter_mut().find(|v| v.bbox.iou(track.bbox) >= SAME_PLACE_IOU);
        match here {
            Some(visited) => visited.seen_ms = now_ms,
            None if bear => {
                make_room(&mut self.visited, |v| v.seen_ms);
                self.visited.push(Visited { bbox: track.bbox, seen_ms: now_ms });
            }
            None => {}
        }
    }

    fn stand(&mut self, track: &Track, now_ms: u64) {
        let evidence = track.evidence.of(Class::Bear);
        let Some(place) = self.places.iter_mut().find(|p| p.bbox.iou(track.bbox) >= SAME_PLACE_IOU) else {
            make_room(&mut self.places, |p| p.seen_ms);
            let bbox = track.bbox;
            self.places.push(Ghost { bbox, since_ms: now_ms, evidence, seen_ms: now_ms, stood_s: 0.0 });
            return;
        };
        place.stood_s += (now_ms.saturating_sub(place.seen_ms) as f32 / 1e3).min(MOST_A_LOOK_S);
        place.seen_ms = now_ms;
        // What it becomes later, when it is known already, must not teach that louder things are ghosts, too.
        if place.stood_s < LEARNED_S {
            place.evidence = place.evidence.max(evidence);
        }
    }
}

/// Takes out the one that was not seen for longest where there is no room for another.
fn make_room<T>(places: &mut Vec<T>, seen_ms: impl Fn(&T) -> u64) {
    if places.len() >= MOST_PLACES {
        let oldest = (0..places.len()).min_by_key(|&i| seen_ms(&places[i]));
        oldest.map(|i| places.swap_remove(i));
    }
}

#[cfg(test)]
#[path = "ghost_tests.rs"]
mod tests;
