//! Measurements for whoever looks after the cameras, on `…/telemetry`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::certificates::{Expiry, Holder};
use super::drift::DriftMessage;
use super::drill::DrillMessage;
use super::field::FieldMessage;
use super::message::{Envelope, FrameSize, rfc3339};
use super::{Health, State};
use crate::perceive::ghost::Ghost;
use crate::perceive::governor::{Effort, Level, Strain};
use crate::perceive::histogram::ScoreHistograms;
use crate::perceive::model::Class;
use crate::perceive::observation::{Regime, Scene};
use crate::perceive::reach::{BEAR_M, Reach, Sight};
use crate::system::metrics::{Metrics, Quantiles, Sort, Stage};
use crate::system::wear::Written;

/// What the daemon adds to the counters and latencies in [`Metrics`].
#[derive(Clone, Debug, Default)]
pub struct TelemetryDraft {
    /// Time since the telemetry before, seconds: the latencies are those of this interval.
    pub interval_s: f64,
    /// The light, once a frame was seen.
    pub regime: Option<Regime>,
    /// Measures of the last frame.
    pub scene: Option<Scene>,
    /// Scores that the model gave since the start.
    pub scores: ScoreHistograms,
    /// What pictures and finds were like since the start; not in every telemetry.
    pub drift: Option<DriftMessage>,
    /// What stands still and looks like a bear.
    pub ghosts: Vec<Ghost>,
    /// Width and height of the last frame, pixels.
    pub size: (u32, u32),
    /// How far a bear is seen, where the lens is known.
    pub reach: Option<Reach>,
    /// How much is done, and why no more.
    pub effort: Effort,
    /// The last drill.
    pub drill: Option<DrillMessage>,
    /// Temperature of the processor, °C, where the board tells.
    pub temperature_c: Option<f32>,
    /// Resident memory of the daemon, megabytes.
    pub memory_mb: Option<f32>,
    /// What the daemon has written to disk, where the kernel tells.
    pub written: Option<Written>,
}

/// The message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TelemetryMessage {
    /// Number, time, boot.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// Time since the telemetry before, seconds.
    pub interval_s: f64,
    /// How the camera was: in telemetry of a time without connection the only word on what has passed since. An older daemon does not tell.
    #[serde(default)]
    pub health: Option<HealthThen>,
    /// Latency of each stage over the interval; null where nothing went through it.
    #[schemars(with = "BTreeMap<Stage, Option<Quantiles>>")]
    pub stages: BTreeMap<String, Option<Quantiles>>,
    /// Frames since the start.
    pub frames: FrameCounts,
    /// Messages since the start.
    pub messages: MessageCounts,
    /// Scores by class: ten buckets of equal width over 0..1, counted since the start.
    pub scores: BTreeMap<Class, Vec<u64>>,
    /// What pictures and finds were like, counted since the start: told every ten minutes and at the end, null else. An older daemon does not tell.
    #[serde(default)]
    pub drift: Option<DriftMessage>,
    /// What stands still and looks like a bear: no alert is opened on it while it does not move.
    #[serde(default)]
    pub ghosts: Vec<GhostMessage>,
    /// `day`, `dusk` or `infrared`; null before the first frame.
    #[schemars(with = "Option<Regime>")]
    pub regime: Option<String>,
    /// Measures of the last frame; null before the first one.
    pub scene: Option<SceneMeasures>,
    /// How far a bear is seen; null where `capture.lens_degrees` is not set, before the first frame, and from an older daemon.
    #[serde(default)]
    pub reach: Option<ReachMessage>,
    /// `full`, `half` or `quarter`: share of the time that may be worked. An older daemon does not tell.
    #[serde(default)]
    #[schemars(with = "Option<Level>")]
    pub effort: Option<String>,
    /// `hot`, `throttled`, `undervolted` or `busy`: what the board suffers from; null where it is well.
    #[serde(default)]
    #[schemars(with = "Option<Strain>")]
    pub strain: Option<String>,
    /// The last drill; null where there was none.
    #[serde(default)]
    pub drill: Option<DrillMessage>,
    /// Temperature of the processor, °C.
    pub temperature_c: Option<f32>,
    /// Resident memory, megabytes.
    pub memory_mb: Option<f32>,
    /// What the daemon writes to disk; null where the board does not tell, and from an older daemon.
    #[serde(default)]
    pub written: Option<Written>,
    /// When the certificates of the connections end; empty without TLS.
    #[serde(default)]
    pub certificates: Vec<CertificateEnd>,
    /// What is kept for training and review; null where nothing is, and from an older daemon.
    #[serde(default)]
    pub field: Option<FieldMessage>,
}

/// What the status said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HealthThen {
    /// The word.
    pub state: State,
    /// Why, for people.
    pub reason: String,
}

/// How far a bear from nose to rump is seen that nothing hides, by the lens, the size of the frame and what the model's card says: metres, by a close look.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Reach")]
pub struct ReachMessage {
    /// By day.
    #[schemars(range(min = 0.0))]
    pub day_m: f64,
    /// By infrared light, as far as the lamp reaches.
    #[schemars(range(min = 0.0))]
    pub infrared_m: f64,
    /// Length of the bear from nose to rump.
    #[schemars(range(min = 0.0))]
    pub bear_m: f64,
}

impl From<Reach> for ReachMessage {
    fn from(reach: Reach) -> ReachMessage {
        // Tenths of a metre: more nobody knows.
        let tenths = |m: f64| (m * 10.0).round() / 10.0;
        let Sight { day, infrared } = reach.close;
        ReachMessage { day_m: tenths(day.m), infrared_m: tenths(infrared.m), bear_m: BEAR_M }
    }
}

/// When a certificate ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CertificateEnd {
    /// `broker`, `camera` (ours) or `authority` (the pinned one).
    #[schemars(with = "Holder")]
    pub of: String,
    /// RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    pub until: String,
    /// Address of the broker whose it is, where several are configured.
    #[serde(default)]
    pub broker: Option<String>,
}

/// One thing that stands still and looks like a bear.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GhostMessage {
    /// `[x, y, w, h]`, pixels.
    pub bbox: [f32; 4],
    /// Size of the frame that `bbox` refers to.
    pub frame: FrameSize,
    /// Most evidence for a bear that it ever had, nats.
    pub evidence: f32,
    /// When it was first seen, milliseconds of uptime.
    pub since_uptime_ms: u64,
}

/// Frames since the start of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FrameCounts {
    /// That the source delivered: the sum of dropped, bad and inferred, and at most three on their way.
    pub seen: u64,
    /// That gave way to newer ones.
    pub dropped: u64,
    /// That could not be used: cut off, not decodable, or failed in the model.
    pub bad: u64,
    /// That the model saw.
    pub inferred: u64,
    /// That took longer than their budget.
    pub deadline_misses: u64,
    /// Times that the source was opened anew.
    pub reopens: u64,
}

/// Messages since the start of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageCounts {
    /// Waiting in the outbox now.
    pub waiting: u64,
    /// That the broker acknowledged.
    pub acknowledged: u64,
    /// That the broker refused.
    pub refused: u64,
    /// Telemetry of a time without connection that the history has no room for.
    pub lost_telemetry: u64,
    /// Snapshots that gave way when room ran out.
    pub lost_snapshots: u64,
    /// Alerts that were lost when even that did not help.
    pub lost_alerts: u64,
    /// Telemetry of a time without connection that waits; it is not in `waiting`.
    #[serde(default)]
    pub history: u64,
}

/// Measures of a frame before any enhancement, 0..1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SceneMeasures {
    /// Mean luma.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub luma: f32,
    /// Standard deviation of luma.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub contrast: f32,
    /// Mean distance from grey.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub chroma: f32,
    /// Standard deviation of the noise.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub noise: f32,
    /// Variance of the Laplacian.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub sharpness: f32,
}

impl TelemetryMessage {
    /// Gathers the message and starts a new interval of latencies.
    pub fn new(envelope: Envelope, draft: &TelemetryDraft, metrics: &Metrics) -> TelemetryMessage {
        let stages = Stage::ALL.map(|stage| (stage.name().to_string(), metrics.quantiles(stage)));
        metrics.reset_stages();
        TelemetryMessage {
            envelope,
            interval_s: draft.interval_s,
            health: None,
            stages: stages.into_iter().collect(),
            frames: frame_counts(metrics),
            messages: message_counts(metrics),
            scores: Class::ALL.iter().map(|&class| (class, draft.scores.of(class).to_vec())).collect(),
            drift: draft.drift.clone(),
            ghosts: draft.ghosts.iter().map(|ghost| GhostMessage::new(ghost, draft.size)).collect(),
            regime: draft.regime.map(|regime| regime.name().into()),
            scene: draft.scene.map(SceneMeasures::from),
            reach: draft.reach.map(ReachMessage::from),
            effort: Some(draft.effort.level.name().into()),
            strain: draft.effort.strain.map(|strain| strain.name().into()),
            drill: draft.drill.clone(),
            temperature_c: draft.temperature_c,
            memory_mb: draft.memory_mb,
            written: draft.written,
            certificates: Vec::new(),
            field: None,
        }
    }

    /// Adds how the camera is, and when certificates end.
    pub fn with(mut self, health: Health, known: &[Expiry]) -> TelemetryMessage {
        let end = |expiry: &Expiry| CertificateEnd {
            of: expiry.holder.name().into(),
            until: rfc3339(expiry.until_ms),
            broker: expiry.broker.as_deref().map(str::to_owned),
        };
        self.health = Some(HealthThen { state: health.state, reason: health.reason });
        self.certificates = known.iter().map(end).collect();
        self
    }
}

impl GhostMessage {
    fn new(ghost: &Ghost, (width, height): (u32, u32)) -> GhostMessage {
        GhostMessage {
            bbox: ghost.bbox.clipped().to_pixels(width, height),
            frame: FrameSize { width, height },
            evidence: ghost.evidence,
            since_uptime_ms: ghost.since_ms,
        }
    }
}

impl From<Scene> for SceneMeasures {
    fn from(scene: Scene) -> Self {
        let Scene { luma, contrast, chroma, noise, sharpness } = scene;
        SceneMeasures { luma, contrast, chroma, noise, sharpness }
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn frame_counts(metrics: &Metrics) -> FrameCounts {
    let c = &metrics.counters;
    FrameCounts {
        seen: read(&c.frames_seen),
        dropped: read(&c.frames_dropped),
        bad: read(&c.frames_bad),
        inferred: read(&c.frames_inferred),
        deadline_misses: read(&c.deadline_misses),
        reopens: read(&c.capture_reopens),
    }
}

fn message_counts(metrics: &Metrics) -> MessageCounts {
    let c = &metrics.counters;
    MessageCounts {
        waiting: c.waiting.stored(),
        acknowledged: c.acknowledged.stored() + read(c.acknowledged.of(Sort::Telemetry)),
        refused: c.refused.all(),
        lost_telemetry: read(&c.lost_telemetry),
        lost_snapshots: read(&c.lost_snapshots),
        lost_alerts: read(&c.lost_alerts),
        history: read(c.waiting.of(Sort::Telemetry)),
    }
}
