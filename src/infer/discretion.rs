//! Who is to be seen on pictures that are stored or sent: by default nobody but the bear.
//!
//! Each picture is looked at once more for people, at the size at which it leaves: whom the model does not find there is too small to be
//! known, or is missed. What the daemon saw of people around that time counts as well, for who is missed in one look is found in another.

use std::collections::VecDeque;

use super::engine::Engine;
use super::still::Glance;
use crate::perceive::frame::{Picture, Stamp};
use crate::perceive::geometry::Rect;
use crate::perceive::model::{Class, ModelSpec};
use crate::perceive::observation::{Detection, Observation};
use crate::perceive::settings::RegionMode;
use crate::perceive::veil::{least_score, veil, veil_all};
use crate::publish::settings::People;

/// Whom the daemon saw so shortly before or after a picture is hidden on it as well, milliseconds: a walker gets one metre further.
const AROUND_MS: u64 = 700;
/// Most people that are remembered: at 15 frames a second, four of them over two minutes. The oldest are forgotten first.
const MOST: usize = 8192;
/// A bear of a look at a picture stays clear from this share of the card's operating point on.
const CLEAR: f32 = 0.5;

/// Hides people.
pub struct Discretion {
    people: People,
    glance: Glance,
    seen: VecDeque<(u64, Detection)>,
    failed: bool,
}

impl Discretion {
    /// As configured.
    pub fn new(people: People) -> Discretion {
        Discretion { people, glance: Glance::default(), seen: VecDeque::new(), failed: false }
    }

    /// Whether anything is hidden.
    pub fn is_asked_for(&self) -> bool {
        self.people == People::Blurred
    }

    /// Remembers who was seen on a frame.
    pub fn remember(&mut self, observation: &Observation, spec: &ModelSpec) {
        if !self.is_asked_for() {
            return;
        }
        let least = least_score(spec);
        let people = observation.detections.iter().filter(|d| d.class == Class::Person && d.score >= least);
        self.seen.extend(people.map(|&person| (observation.stamp.uptime_ms, person)));
        self.seen.drain(..self.seen.len().saturating_sub(MOST));
    }

    /// Hides the people on a picture of that time; `bears` stay visible. Without a look, or with a model that knows no people, everything
    /// else is hidden.
    pub fn apply(&mut self, engine: &Engine, picture: &mut Picture, bears: &[Rect], taken: Stamp) {
        if !self.is_asked_for() {
            return;
        }
        let spec = engine.spec();
        let least = least_score(spec);
        if !least.is_finite() {
            return veil_all(picture, bears);
        }
        match self.glance.look(engine, picture, closeness(picture, spec), least) {
            Ok(found) => {
                self.failed = false;
                let of = |class| found.iter().filter(move |d| d.class == class);
                let sure = spec.threshold(Class::Bear) * CLEAR;
                let bears: Vec<Rect> = of(Class::Bear)
                    .filter(|bear| bear.score >= sure)
                    .map(|bear| bear.bbox)
                    .chain(bears.iter().copied())
                    .collect();
                let people: Vec<Detection> = of(Class::Person).copied().chain(self.around(taken)).collect();
                veil(picture, &people, &bears, spec);
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failed, true) {
                    tracing::error!("{error}; on pictures that are sent everything but the bear is hidden");
                }
                veil_all(picture, bears);
            }
        }
    }

    /// Whom the daemon saw near that time.
    fn around(&self, taken: Stamp) -> impl Iterator<Item = Detection> {
        let near = move |at: u64| at.abs_diff(taken.uptime_ms) <= AROUND_MS;
        self.seen.iter().filter(move |(at, _)| near(*at)).map(|(_, person)| *person)
    }
}

/// On a picture up to twice the model's input the whole shows everybody who is large enough to be known, and a look is not for nothing.
fn closeness(picture: &Picture, spec: &ModelSpec) -> RegionMode {
    let small = picture.width.max(picture.height) <= 2 * spec.input.width.max(spec.input.height);
    if small { RegionMode::Whole } else { RegionMode::Auto }
}
