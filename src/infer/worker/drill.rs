//! A drill as the detector plays it: a bear is drawn into each picture before anything looks at it, and whether it comes out as an alert is
//! told. Nothing on the way from there knows of it but who tells drawn bears from real ones.

use std::sync::PoisonError;

use super::Worker;
use crate::capture::simulated::Guest;
use crate::infer::sight::Played;
use crate::perceive::frame::{Picture, Stamp};
use crate::perceive::geometry::Rect;
use crate::perceive::liveness::Impairment;
use crate::perceive::observation::{AlertState, Observation, Regime};

/// Whatever becomes of who ordered it: no bear is drawn for longer than this, milliseconds.
const LONGEST_MS: u64 = 660_000;

/// So many bears are thought of until one does not walk to where nothing is to be seen.
const TRIES: u64 = 32;

/// A drill that is on.
pub(super) struct Drill {
    guest: Guest,
    /// Capture of the first frame that it was drawn on, or would have been had it been in sight.
    set_out_ms: Option<u64>,
    played: Played,
}

impl Worker {
    /// Something of the picture must be known before a bear is drawn into it: it is placed by the first frame.
    pub(super) fn begin_drill(&mut self, number: u64) {
        let guest = self.guest(number ^ self.links.clock.unix_ms().unsigned_abs());
        let played = Played { number, ..Played::default() };
        self.drill = Some(Drill { guest, set_out_ms: None, played });
        self.tell_drill(played);
    }

    /// One that stays where it can be seen, whatever is blackened.
    fn guest(&self, seed: u64) -> Guest {
        let aspect = self.picture.width.max(1) as f32 / self.picture.height.max(1) as f32;
        let seen = |guest: &Guest| !self.perception.hides(guest.place(aspect));
        let tried = (0..TRIES).map(|i| Guest::new(seed.wrapping_add(i)));
        tried.into_iter().find(seen).unwrap_or_else(|| Guest::new(seed))
    }

    /// The last frame as the lens gave it.
    pub(super) fn lens(&self) -> &Picture {
        self.lens.as_ref().unwrap_or(&self.picture)
    }

    /// Draws the bear of the drill that is on; gives where something of it is seen.
    pub(super) fn draw(&mut self, stamp: Stamp) -> Option<Rect> {
        let spare = self.lens.take();
        let drill = self.drill.as_mut()?;
        let now_ms = stamp.uptime_ms;
        let since_ms = now_ms.saturating_sub(*drill.set_out_ms.get_or_insert(now_ms));
        if since_ms > LONGEST_MS {
            self.drill = None;
            return None;
        }
        let mut lens = spare.unwrap_or_default();
        lens.clone_from(&self.picture);
        self.lens = Some(lens);
        let infrared = self.perception.regime() == Regime::Infrared;
        let drawn = drill.guest.draw(since_ms as f32 / 1e3, infrared, &mut self.picture);
        if drawn.is_some() {
            drill.played.first_ms.get_or_insert(now_ms);
        }
        // What is not to be seen hides a drawn bear as it would a real one.
        self.perception.mask(&mut self.picture);
        drawn
    }

    /// What a frame means for the drill. Where anything else may be a bear, nothing is drawn any more: it could stand before it.
    pub(super) fn follow_drill(&mut self, observation: &Observation) {
        let Some(drill) = &mut self.drill else { return };
        let opened = observation.drills.iter().find(|alert| alert.state == AlertState::Opened);
        let played = &mut drill.played;
        played.alert = played.alert.or(opened.map(|alert| alert.id));
        let hinders = |impairment: &Impairment| *impairment != Impairment::Moved;
        played.impairment = observation.impairment.filter(hinders).or(played.impairment);
        played.broken_off |= observation.bear;
        let played = *played;
        if played.broken_off {
            self.drill = None;
        }
        self.tell_drill(played);
    }

    fn tell_drill(&self, played: Played) {
        self.links.sight.lock().unwrap_or_else(PoisonError::into_inner).drill = Some(played);
    }
}

#[cfg(test)]
#[path = "drill_tests.rs"]
mod tests;
