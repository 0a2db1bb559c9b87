//! The wire contract: what stands on which topic. Receivers in other languages rely on every name here.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AlertDraft, Health};
use crate::perceive::model::Class;
use crate::perceive::observation::{AlertId, AlertState, Regime, Severity};
use crate::publish::settings::Site;
use crate::system::clock::Clock;

/// Version of the contract: the `v` of every message and the `v1` of every topic.
pub const VERSION: u32 = 1;

/// The last level of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// How the daemon is; retained.
    Status,
    /// A step in the life of an alert.
    Alert,
    /// A JPEG that belongs to an alert.
    Snapshot,
    /// Measurements.
    Telemetry,
    /// What was ordered and is in force; retained.
    State,
    /// What became of a command.
    Answer,
    /// Somebody has acknowledged an alert.
    Ack,
    /// Which models are here and how they do; retained.
    Models,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 8] = [
        Kind::Status,
        Kind::Alert,
        Kind::Snapshot,
        Kind::Telemetry,
        Kind::State,
        Kind::Answer,
        Kind::Ack,
        Kind::Models,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Status => "status",
            Kind::Alert => "alert",
            Kind::Snapshot => "snapshot",
            Kind::Telemetry => "telemetry",
            Kind::State => "state",
            Kind::Answer => "answer",
            Kind::Ack => "ack",
            Kind::Models => "models",
        }
    }

    /// How long it is of use, seconds: a broker that could not hand it on for so long forgets it. What is retained is never forgotten, for a
    /// camera that nobody knows of would be taken for none.
    pub fn useful_for_s(self) -> Option<u32> {
        match self {
            Kind::Status | Kind::State | Kind::Models => None,
            Kind::Alert | Kind::Ack => Some(86_400),
            Kind::Snapshot => Some(6 * 3600),
            Kind::Telemetry => Some(3600),
            Kind::Answer => Some(60),
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|k| k.name() == name)
    }
}

/// `bearwatch/v1/<site>/<camera>/<kind>`.
pub fn topic(site: &Site, kind: Kind) -> String {
    format!("bearwatch/v1/{}/{}/{}", site.name, site.camera, kind.name())
}

/// `bearwatch/v1/<site>/<camera>/set/<word>`: where a command goes, by its word (`+`: all of them).
pub fn command_topic(site: &Site, word: &str) -> String {
    format!("bearwatch/v1/{}/{}/set/{word}", site.name, site.camera)
}

/// Reads a topic back; `None` where it is not one of ours.
pub fn parse_topic(topic: &str) -> Option<(Site, Kind)> {
    let mut levels = topic.strip_prefix("bearwatch/v1/")?.split('/');
    let (name, camera, kind) = (levels.next()?, levels.next()?, Kind::from_name(levels.next()?)?);
    let site = Site { name: name.into(), camera: camera.into() };
    levels.next().is_none().then_some((site, kind))
}

/// Names one life of the daemon: with it, sequence numbers and alert ids never repeat.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct BootId(#[schemars(regex(pattern = r"^[0-9a-f]{16}$"))] pub String);

impl BootId {
    /// A new one: 64 bits from the system's randomness (the seed of the standard library's hash tables), hexadecimal.
    pub fn new() -> BootId {
        BootId(format!("{:016x}", RandomState::new().hash_one("boot")))
    }
}

impl Default for BootId {
    fn default() -> Self {
        BootId::new()
    }
}

/// What every JSON message begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Envelope {
    /// Version of the contract.
    #[schemars(extend("const" = VERSION))]
    pub v: u32,
    /// Which life of the daemon this comes from.
    pub boot: BootId,
    /// Counts the messages of this boot on this topic from 0: a gap is a message that did not arrive. A last will carries the
    /// number of the birth that it belongs to.
    pub seq: u64,
    /// When the message was made, milliseconds since the daemon started.
    pub uptime_ms: u64,
    /// When the message was made, RFC 3339 in UTC; no truer than `clock_synced` says.
    #[schemars(extend("format" = "date-time"))]
    pub time: String,
    /// Whether the wall clock was synchronised.
    pub clock_synced: bool,
    /// Sent long after it was made, or by a later boot: history, not the present.
    pub late: bool,
}

impl Envelope {
    /// As of now.
    pub fn now(clock: Clock, boot: &BootId, seq: u64) -> Envelope {
        Envelope {
            v: VERSION,
            boot: boot.clone(),
            seq,
            uptime_ms: clock.uptime_ms(),
            time: rfc3339(clock.unix_ms()),
            clock_synced: clock.is_synchronised(),
            late: false,
        }
    }
}

/// A wall-clock time as people and receivers read it; times before 1970 (a board without a clock) become 1970.
pub fn rfc3339(unix_ms: i64) -> String {
    let since = Duration::from_millis(unix_ms.max(0).unsigned_abs());
    humantime::format_rfc3339_millis(UNIX_EPOCH + since).to_string()
}

/// Reads [`rfc3339`] back.
pub fn parse_rfc3339(text: &str) -> Option<SystemTime> {
    humantime::parse_rfc3339(text).ok()
}

/// A step in the life of an alert, on `…/alert`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertMessage {
    /// Number, time, boot.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// The same from opened to closed, unique for ever.
    #[schemars(regex(pattern = r"^[0-9a-f]+-[0-9]+$"))]
    pub id: String,
    /// `opened`, `updated` or `closed`.
    #[schemars(with = "AlertState")]
    pub state: String,
    /// What is alerted on.
    pub class: Class,
    /// `normal`, `low` where that falls into quiet hours, or `high` where a bear is where people are; what an older daemon wrote has
    /// none.
    #[serde(default)]
    #[schemars(with = "Severity")]
    pub severity: String,
    /// Best score so far, 0..1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub score: f32,
    /// Accumulated evidence, nats.
    pub evidence: f32,
    /// `[x, y, w, h]` in pixels of the frame, origin top left.
    pub bbox: [f32; 4],
    /// Size of the frame that `bbox` refers to.
    pub frame: FrameSize,
    /// `day`, `dusk` or `infrared`.
    #[schemars(with = "Regime")]
    pub regime: String,
    /// What decided.
    pub model: ModelName,
    /// When the frame was taken, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub captured: String,
    /// From the capture of the frame to the decision.
    pub latency_ms: u64,
    /// The simulator drew the frame.
    pub simulated: bool,
    /// An exercise.
    pub drill: bool,
    /// Alerts of this camera that are open after this step, exercises left out; what an older daemon wrote has none.
    #[serde(default)]
    pub open: usize,
    /// Nobody has acknowledged it in time: it is told once more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<Escalation>,
}

/// A step of the ladder that an alert has reached which nobody acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Escalation {
    /// Whom it reaches now.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,40}$"))]
    pub level: String,
    /// Counts from 1.
    #[schemars(range(min = 1))]
    pub step: usize,
    /// Steps of the ladder.
    pub of: usize,
    /// Seconds after the alert was told.
    pub after_s: u64,
}

/// Size of a frame, pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FrameSize {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// Which model decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelName {
    /// From its card.
    pub name: String,
    /// Of the file, hexadecimal.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: String,
}

/// `<boot>-<number>`: unique for ever.
pub fn alert_id(boot: &BootId, id: AlertId) -> String {
    format!("{}-{}", boot.0, id.0)
}

impl AlertMessage {
    /// Whether it is of quiet hours, and nobody is to be woken by it.
    pub fn is_quiet(&self) -> bool {
        self.severity == Severity::Low.name()
    }

    /// Puts a draft into its envelope.
    pub fn new(envelope: Envelope, draft: &AlertDraft) -> AlertMessage {
        let (width, height) = draft.frame;
        let alert = &draft.alert;
        AlertMessage {
            id: alert_id(&envelope.boot, alert.id),
            envelope,
            state: alert.state.name().into(),
            class: alert.class,
            severity: alert.severity.name().into(),
            score: alert.score,
            evidence: alert.evidence,
            bbox: alert.bbox.clipped().to_pixels(width, height),
            frame: FrameSize { width, height },
            regime: draft.regime.name().into(),
            model: ModelName { name: draft.model.0.clone(), sha256: draft.model.1.clone() },
            captured: rfc3339(alert.captured.unix_ms),
            latency_ms: draft.inferred_at_uptime_ms.saturating_sub(alert.captured.uptime_ms),
            simulated: draft.simulated,
            drill: draft.drill,
            open: draft.open,
            escalation: None,
        }
    }
}

/// How the daemon is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All is well.
    Online,
    /// Alive, but something that matters does not work.
    Degraded,
    /// Ended, or not heard of any more.
    Offline,
}

impl State {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            State::Online => "online",
            State::Degraded => "degraded",
            State::Offline => "offline",
        }
    }
}

/// The retained status: birth, last will and what happens in between, on `…/status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusMessage {
    /// Number, time, boot.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// The word.
    pub state: State,
    /// Why, for people; when online, what frames come from.
    pub reason: String,
    /// Version of the daemon.
    pub version: String,
}

impl StatusMessage {
    /// Puts a state of health into its envelope.
    pub fn new(envelope: Envelope, health: &Health) -> StatusMessage {
        StatusMessage {
            envelope,
            state: health.state,
            reason: health.reason.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
        }
    }
}
