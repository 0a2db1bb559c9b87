//! One camera: its newest words, and what of them needs a person. PURE.

use std::time::Duration;

use serde::Serialize;

use super::Presence;
use crate::publish::drill::{Course, DrillMessage};
use crate::publish::message::{BootId, State, StatusMessage};
use crate::publish::reply::{Mode, StateMessage};
use crate::publish::telemetry::{ReachMessage, TelemetryMessage};
use crate::station::judge::unix_ms;
use crate::station::store::KnownCamera;

/// Longest interval of telemetry that a configuration allows.
const LONGEST: Duration = Duration::from_secs(86_400);
/// One row of telemetry goes into the history so often.
const HISTORY: Duration = Duration::from_secs(300);
/// A processor hotter than this is told of, °C: most boards slow down at 80 or 85.
const HOT_C: f32 = 80.0;
/// More frames than this beyond their budget are told of, share.
const TOO_SLOW: f64 = 0.05;

/// What needs a person, by its key among the page's words, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// Nothing is heard of it.
    Silent,
    /// It is off, or lost.
    Offline,
    /// Its last drill failed: a real bear might not be told of either.
    DrillFailed,
    /// Something that matters does not work; its reason says what.
    Degraded,
    /// It tells nobody of bears, by order.
    NotArmed,
    /// Messages were lost for want of room.
    Lost,
    /// Frames take longer than they may.
    Slow,
    /// Its pictures or finds are not what they were.
    Shifted,
    /// It is hot, throttled or does not get enough power.
    Strained,
    /// Its clock is not set: its times mean nothing.
    ClockUnset,
    /// A certificate ends within two weeks.
    Certificate,
}

/// What a camera measured last.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    inference_p95_ms: Option<f64>,
    puback_p95_ms: Option<f64>,
    /// Share of the frames beyond their budget, of the last interval.
    slow: Option<f64>,
    temperature_c: Option<f32>,
    memory_mb: Option<f32>,
    written_mb_a_day: Option<f64>,
    waiting: u64,
    lost: u64,
    refused: u64,
    strain: Option<String>,
    effort: Option<String>,
    regime: Option<String>,
    reach: Option<ReachMessage>,
    clock_synced: bool,
}

/// What is known of a camera.
#[derive(Debug, Default)]
pub(super) struct Camera {
    pub(super) status: Option<StatusMessage>,
    pub(super) telemetry: Option<TelemetryMessage>,
    /// Share of the frames of the last interval that took longer than their budget.
    pub(super) slow: Option<f64>,
    pub(super) orders: Option<StateMessage>,
    pub(super) boot: Option<BootId>,
    /// When it was heard by us, monotonic; `None` where that was before we began.
    pub(super) heard_at: Option<Duration>,
    /// The same by the wall clock, milliseconds since 1970; 0 where it was never heard.
    pub(super) heard_ms: i64,
    pub(super) every: Duration,
    pub(super) history_at: Option<Duration>,
    /// Its pictures or finds are not what they were.
    pub(super) shifted: bool,
}

impl Camera {
    pub(super) fn from(known: KnownCamera) -> Camera {
        let mut camera = Camera { heard_ms: known.heard_ms, ..Camera::default() };
        if let Some(status) = known.status.and_then(|text| serde_json::from_str(&text).ok()) {
            camera.status(&status);
        }
        camera.telemetry = known.telemetry.and_then(|text| serde_json::from_str(&text).ok());
        camera.every = camera.telemetry.as_ref().map(every).unwrap_or_default();
        camera.orders = known.orders.and_then(|text| serde_json::from_str(&text).ok());
        camera
    }

    pub(super) fn status(&mut self, status: &StatusMessage) {
        let boot = &status.envelope.boot;
        let outlived = self.boot.as_ref().is_some_and(|known| known != boot);
        if status.state == State::Offline && outlived && self.state() != Some(State::Offline) {
            // The last will of an earlier life: a later one is already up.
            return;
        }
        self.boot = Some(boot.clone());
        self.status = Some(status.clone());
    }

    pub(super) fn telemetry(&mut self, telemetry: &TelemetryMessage, now: Duration) -> bool {
        let before = self.telemetry.as_ref().filter(|before| before.envelope.boot == telemetry.envelope.boot);
        let (misses, frames) = before.map_or((0, 0), |b| (b.frames.deadline_misses, b.frames.inferred));
        let frames = telemetry.frames.inferred.saturating_sub(frames);
        let misses = telemetry.frames.deadline_misses.saturating_sub(misses);
        self.slow = (frames > 0).then(|| misses as f64 / frames as f64);
        self.every = every(telemetry);
        self.boot = Some(telemetry.envelope.boot.clone());
        self.telemetry = Some(telemetry.clone());
        let due = self.history_at.is_none_or(|at| now.saturating_sub(at) >= HISTORY);
        if due {
            self.history_at = Some(now);
        }
        due
    }

    pub(super) fn state(&self) -> Option<State> {
        self.status.as_ref().map(|status| status.state)
    }

    pub(super) fn reason(&self) -> String {
        self.status.as_ref().map(|status| status.reason.chars().take(300).collect()).unwrap_or_default()
    }

    pub(super) fn drill(&self) -> Option<&DrillMessage> {
        let told = self.telemetry.as_ref().and_then(|telemetry| telemetry.drill.as_ref());
        told.or_else(|| self.orders.as_ref().and_then(|orders| orders.drill.as_ref()))
    }

    pub(super) fn figures(&self) -> Option<Figures> {
        let told = self.telemetry.as_ref()?;
        let p95 = |stage: &str| told.stages.get(stage).copied().flatten().map(|quantiles| quantiles.p95_ms);
        let messages = &told.messages;
        Some(Figures {
            inference_p95_ms: p95("inference"),
            puback_p95_ms: p95("capture_to_puback"),
            slow: self.slow,
            temperature_c: told.temperature_c,
            memory_mb: told.memory_mb,
            written_mb_a_day: told.written.and_then(|written| written.mb_a_day),
            waiting: messages.waiting,
            lost: messages.lost_alerts.saturating_add(messages.lost_snapshots),
            refused: messages.refused,
            strain: told.strain.clone(),
            effort: told.effort.clone(),
            regime: told.regime.clone(),
            reach: told.reach,
            clock_synced: told.envelope.clock_synced,
        })
    }

    pub(super) fn needs(&self, presence: Presence, now_ms: i64) -> Vec<Need> {
        let telemetry = self.telemetry.as_ref();
        let hot =
            telemetry.is_some_and(|t| t.strain.is_some() || t.temperature_c.is_some_and(|c| c >= HOT_C));
        let ends = telemetry.is_some_and(|t| t.certificates.iter().any(|end| ends_soon(&end.until, now_ms)));
        let asked: [(Need, bool); 11] = [
            (Need::Silent, presence == Presence::Silent),
            (Need::Offline, presence == Presence::Offline),
            (Need::DrillFailed, self.drill().is_some_and(|drill| drill.course == Course::Failed)),
            (Need::Degraded, self.state() == Some(State::Degraded)),
            (Need::NotArmed, self.orders.as_ref().is_some_and(|orders| orders.mode != Mode::Armed)),
            (Need::Lost, telemetry.is_some_and(|t| t.messages.lost_alerts > 0)),
            (Need::Slow, self.slow.is_some_and(|share| share > TOO_SLOW)),
            (Need::Shifted, self.shifted),
            (Need::Strained, hot),
            (Need::ClockUnset, telemetry.is_some_and(|t| !t.envelope.clock_synced)),
            (Need::Certificate, ends),
        ];
        asked.into_iter().filter(|(_, is)| *is).map(|(need, _)| need).collect()
    }
}

fn every(telemetry: &TelemetryMessage) -> Duration {
    Duration::try_from_secs_f64(telemetry.interval_s).unwrap_or_default().min(LONGEST)
}

fn ends_soon(until: &str, now_ms: i64) -> bool {
    const SOON_MS: i64 = 14 * 86_400_000;
    unix_ms(until).is_some_and(|ms| ms - now_ms < SOON_MS)
}
