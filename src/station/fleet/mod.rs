//! What is known of every camera now, and which of them needs a person first. PURE: told what was heard and when, asked at a time.
//!
//! Silence is never taken for all quiet. A camera that is not heard is named so; and while the station itself is deaf it says nothing of any camera but
//! what it last heard.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::judge::Entry;
use super::store::KnownCamera;
use crate::publish::drill::DrillMessage;
use crate::publish::incoming::Body;
use crate::publish::message::{BootId, State};
use crate::publish::reply::{Mode, TrialMessage};
use crate::publish::settings::Site;

mod camera;

use camera::Camera;
pub use camera::{Figures, Need};

/// Telemetry that is missing so many times in a row is silence.
const MISSED: f64 = 3.5;
/// Cameras that are known; strangers who invent more are not believed.
const MOST: usize = 20_000;
/// All cameras.
#[derive(Debug)]
pub struct Fleet {
    cameras: BTreeMap<(String, String), Camera>,
    /// Since when the broker is heard without a break.
    connected_at: Option<Duration>,
    silence: Duration,
}

/// How a camera is to whoever looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// It says nothing, and did not say that it would.
    Silent,
    /// It ended, or the broker lost it.
    Offline,
    /// Alive, and something that matters does not work.
    Degraded,
    /// The station does not hear the broker: nothing is known.
    Unknown,
    /// All is well.
    Online,
}

/// A camera as the page shows it.
#[derive(Clone, Debug, Serialize)]
pub struct CameraView {
    /// Its site.
    pub site: String,
    /// Its name.
    pub camera: String,
    /// How it is.
    pub presence: Presence,
    /// What needs a person, the most urgent first.
    pub needs: Vec<Need>,
    /// Seconds since it was heard; `None` where it never was, or before the station began.
    pub silent_s: Option<u64>,
    /// When it was heard last, milliseconds since 1970; 0 for never.
    pub heard_ms: i64,
    /// Its own word, and why.
    pub state: Option<State>,
    /// Why, in plain words.
    pub reason: String,
    /// Of its daemon.
    pub version: String,
    /// Whether it tells of bears.
    pub mode: Option<Mode>,
    /// When that ends by itself (RFC 3339), and who ordered it.
    pub until: Option<String>,
    /// See above.
    pub ordered_by: String,
    /// The mode where nothing is ordered.
    pub usual: Option<Mode>,
    /// The trial that it takes part in.
    pub trial: Option<TrialMessage>,
    /// The score from which it takes something for a bear; the model's own where `None`.
    pub bear_threshold: Option<f32>,
    /// What it measured last.
    pub figures: Option<Figures>,
    /// Its last drill.
    pub drill: Option<DrillMessage>,
}

/// How many cameras are how, and those that need somebody.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RollCall {
    /// Watching.
    pub online: usize,
    /// Alive, and something does not work.
    pub degraded: usize,
    /// Not heard.
    pub silent: usize,
    /// Off or lost.
    pub offline: usize,
    /// Nothing is known of them while the station is deaf.
    pub unknown: usize,
    /// The first of those that are not watching, the most urgent first.
    pub first: Vec<Absent>,
}

/// A camera that is not watching.
#[derive(Clone, Debug, Serialize)]
pub struct Absent {
    site: String,
    camera: String,
    presence: Presence,
    silent_s: Option<u64>,
    reason: String,
}

/// Cameras that a roll call names.
const NAMED: usize = 12;

impl Fleet {
    /// As an earlier start of the station left it; a camera is silent after `silence`, or so many of its own intervals if that is longer.
    pub fn new(known: Vec<KnownCamera>, silence: Duration) -> Fleet {
        let cameras = known.into_iter().map(|camera| (camera.name.clone(), Camera::from(camera))).collect();
        Fleet { cameras, connected_at: None, silence }
    }

    /// The broker is heard from now on.
    pub fn connected(&mut self, now: Duration) {
        self.connected_at = Some(now);
    }

    /// The broker is not heard any more.
    pub fn lost(&mut self) {
        self.connected_at = None;
    }

    /// Whether there is room for this one.
    ///
    /// # Errors
    /// Why there is none.
    pub fn admits(&self, site: &Site) -> Result<(), String> {
        match self.cameras.len() < MOST || self.cameras.contains_key(&key(site)) {
            true => Ok(()),
            false => Err(format!("{MOST} cameras are known: nobody has so many; somebody invents them")),
        }
    }

    /// Takes in a message that is believed. Tells whether it is telemetry that goes into the history.
    pub fn hear(&mut self, entry: &Entry, now: Duration) -> bool {
        let camera = self.cameras.entry(key(&entry.site)).or_default();
        if !entry.retained {
            camera.heard_at = Some(now);
            camera.heard_ms = entry.heard_ms;
        }
        match &entry.body {
            Body::Status(status) => camera.status(status),
            Body::Telemetry(telemetry) if !entry.late => return camera.telemetry(telemetry, now),
            Body::State(state) => camera.orders = Some(state.clone()),
            _ => {}
        }
        false
    }

    /// Cameras at which something has shifted; at the others nothing has.
    pub fn shifted(&mut self, places: &BTreeSet<(String, String)>) {
        self.cameras.iter_mut().for_each(|(name, camera)| camera.shifted = places.contains(name));
    }

    /// The present life of a camera, where it is known.
    pub fn boot(&self, site: &Site) -> Option<BootId> {
        self.cameras.get(&key(site)).and_then(|camera| camera.boot.clone())
    }

    /// One camera, where it is known.
    pub fn one(&self, site: &Site, now: Duration, now_ms: i64) -> Option<CameraView> {
        let (name, camera) = self.cameras.get_key_value(&key(site))?;
        Some(self.view(name, camera, now, now_ms))
    }

    /// Every camera, those that need a person first.
    pub fn views(&self, now: Duration, now_ms: i64) -> Vec<CameraView> {
        let mut views: Vec<CameraView> =
            self.cameras.iter().map(|(name, camera)| self.view(name, camera, now, now_ms)).collect();
        views.sort_by(|a, b| {
            rank(a).cmp(&rank(b)).then_with(|| (&a.site, &a.camera).cmp(&(&b.site, &b.camera)))
        });
        views
    }

    /// Who watches and who does not.
    pub fn roll_call(&self, now: Duration, now_ms: i64) -> RollCall {
        let mut call = RollCall::default();
        let mut absent = Vec::new();
        for (name, camera) in &self.cameras {
            let (presence, silent) = self.presence(camera, now);
            *match presence {
                Presence::Online => &mut call.online,
                Presence::Degraded => &mut call.degraded,
                Presence::Silent => &mut call.silent,
                Presence::Offline => &mut call.offline,
                Presence::Unknown => &mut call.unknown,
            } += 1;
            if matches!(presence, Presence::Silent | Presence::Offline | Presence::Degraded) {
                let silent_s = silent.map(|time| time.as_secs()).or_else(|| since_s(camera.heard_ms, now_ms));
                let (site, camera) = (name.0.clone(), (name.1.clone(), camera.reason()));
                absent.push(Absent { site, camera: camera.0, presence, silent_s, reason: camera.1 });
            }
        }
        absent.sort_by_key(|absent| absent.presence);
        absent.truncate(NAMED);
        RollCall { first: absent, ..call }
    }

    /// How a camera is, and how long it was not heard.
    fn presence(&self, camera: &Camera, now: Duration) -> (Presence, Option<Duration>) {
        let silent = camera.heard_at.map(|at| now.saturating_sub(at));
        let Some(connected_at) = self.connected_at else { return (Presence::Unknown, silent) };
        if camera.state() == Some(State::Offline) {
            return (Presence::Offline, silent);
        }
        // While we were deaf nobody could be heard: everybody's time begins anew.
        let waited = now.saturating_sub(camera.heard_at.unwrap_or_default().max(connected_at));
        if waited >= self.silence.max(camera.every.mul_f64(MISSED)) {
            return (Presence::Silent, silent);
        }
        match camera.state() {
            Some(State::Degraded) => (Presence::Degraded, silent),
            _ => (Presence::Online, silent),
        }
    }

    fn view(
        &self,
        (site, name): &(String, String),
        camera: &Camera,
        now: Duration,
        now_ms: i64,
    ) -> CameraView {
        let (presence, silent) = self.presence(camera, now);
        let orders = camera.orders.as_ref();
        CameraView {
            site: site.clone(),
            camera: name.clone(),
            presence,
            needs: camera.needs(presence, now_ms),
            silent_s: silent.map(|time| time.as_secs()).or_else(|| since_s(camera.heard_ms, now_ms)),
            heard_ms: camera.heard_ms,
            state: camera.state(),
            reason: camera.reason(),
            version: camera
                .status
                .as_ref()
                .map(|status| status.version.chars().take(40).collect())
                .unwrap_or_default(),
            mode: orders.map(|orders| orders.mode),
            until: orders.and_then(|orders| orders.until.clone()),
            ordered_by: orders.map(|orders| orders.by.chars().take(80).collect()).unwrap_or_default(),
            usual: orders.map(|orders| orders.usual),
            trial: orders.and_then(|orders| orders.trial.clone()),
            bear_threshold: orders.and_then(|orders| orders.bear_threshold),
            figures: camera.figures(),
            drill: camera.drill().cloned(),
        }
    }
}

fn key(site: &Site) -> (String, String) {
    (site.name.clone(), site.camera.clone())
}

fn since_s(heard_ms: i64, now_ms: i64) -> Option<u64> {
    (heard_ms > 0).then(|| now_ms.saturating_sub(heard_ms).max(0).unsigned_abs() / 1000)
}

/// The most urgent need first, of two alike the one with more of them; who needs nobody comes last.
fn rank(view: &CameraView) -> (bool, Option<Need>, std::cmp::Reverse<usize>) {
    (view.needs.is_empty(), view.needs.first().copied(), std::cmp::Reverse(view.needs.len()))
}

#[cfg(test)]
mod tests;
