//! How the camera is, in one answer: health, light, times, reach, what is seen, alerts, the drill.

use std::sync::{Arc, PoisonError};

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::{Desk, Page, json};
use crate::infer::sight::{Sight, Spans};
use crate::perceive::model::Class;
use crate::perceive::observation::{Detection, Regime};
use crate::perceive::reach::{BEAR_M, Lens, Reach};
use crate::publish::State;
use crate::publish::drill::DrillMessage;
use crate::publish::message::rfc3339;
use crate::publish::recent::RecentAlert;

/// The answer.
#[derive(Debug, Serialize)]
struct Told {
    site: String,
    camera: String,
    version: &'static str,
    /// By the camera's clock, RFC 3339, and whether that can be trusted.
    time: String,
    clock_synced: bool,
    uptime_ms: u64,
    health: Health,
    /// Width and height of the frames, pixels; null before the first.
    frame: Option<(u32, u32)>,
    frame_age_ms: Option<u64>,
    regime: Option<Regime>,
    times: Times,
    reach: Distance,
    seen: Vec<Seen>,
    alerts: Vec<RecentAlert>,
    drill: Option<DrillMessage>,
}

#[derive(Debug, Serialize)]
struct Health {
    state: State,
    reason: String,
    broker: String,
}

/// What the last frames took, milliseconds.
#[derive(Debug, Serialize)]
struct Times {
    budget_ms: f64,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    frames: usize,
}

/// How far a bear is seen, or what is missing to say so.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Distance {
    Known { lens_degrees: Option<f64>, bear_m: f64, reach: Reach },
    Unknown { missing: &'static str },
}

/// One thing on the last frame, its middle in fractions of the frame.
#[derive(Debug, Serialize)]
struct Seen {
    class: Class,
    score: f32,
    x: f32,
    y: f32,
}

pub async fn state(Shared(desk): Shared<Arc<Desk>>) -> Response {
    json(StatusCode::OK, &told(&desk.page))
}

fn told(page: &Page) -> Told {
    let sight = page.sight.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let status = page.standing.status();
    let clock = page.clock;
    let frame = sight.last.map(|_| sight.size);
    Told {
        site: page.site.name.clone(),
        camera: page.site.camera.clone(),
        version: env!("CARGO_PKG_VERSION"),
        time: rfc3339(clock.unix_ms()),
        clock_synced: clock.is_synchronised(),
        uptime_ms: clock.uptime_ms(),
        health: Health { state: status.state, reason: status.reason, broker: page.standing.sentence() },
        frame,
        frame_age_ms: sight.last.map(|stamp| clock.uptime_ms().saturating_sub(stamp.uptime_ms)),
        regime: sight.regime,
        times: times(&sight.spans, page.budget_ms),
        reach: distance(&page.lens, frame),
        seen: seen(&sight),
        alerts: page.standing.alerts(),
        drill: page.notice.lock().unwrap_or_else(PoisonError::into_inner).drill.clone(),
    }
}

fn times(spans: &Spans, budget_ms: f64) -> Times {
    let (p50_ms, p95_ms) = (spans.quantile(0.5), spans.quantile(0.95));
    Times { budget_ms, p50_ms, p95_ms, frames: spans.count() }
}

fn distance(lens: &Lens, frame: Option<(u32, u32)>) -> Distance {
    let known = |reach| Distance::Known { lens_degrees: lens.degrees, bear_m: BEAR_M, reach };
    lens.reach(frame).map_or_else(|missing| Distance::Unknown { missing }, known)
}

fn seen(sight: &Sight) -> Vec<Seen> {
    let told = |detection: &Detection| {
        let (x, y) = detection.bbox.centre();
        Seen { class: detection.class, score: detection.score, x, y }
    };
    sight.found.iter().map(told).collect()
}
