//! Until somebody has heard it: wire messages, the outbox on disk, delivery over MQTT.
//!
//! A [`Draft`] is what the rest of the daemon hands over. The [`worker`] turns it into a [`message`], commits what must
//! not be lost to the [`outbox`], and the session sends it. What the broker acknowledged leaves the outbox, never before.

mod address;
mod announcement;
pub mod audit;
mod backoff;
pub mod certificates;
mod delivery;
mod disk;
pub mod drift;
pub mod drill;
mod gate;
mod handshake;
mod home_assistant;
pub mod incoming;
pub mod intake;
mod journal;
pub mod ladder;
pub mod message;
pub mod models;
mod mqtt;
mod outbox;
mod pending;
pub mod played;
pub mod recent;
pub mod record;
pub mod reply;
pub mod review;
mod servers;
mod session;
pub mod settings;
mod shared;
pub mod subscriber;
mod suspects;
pub mod telemetry;
mod tls;
mod traffic;
pub mod worker;

use std::path::PathBuf;

use crate::perceive::frame::Stamp;
use crate::perceive::liveness::Impairment;
use crate::perceive::observation::{Alert, AlertId, Regime};

pub use audit::AuditDraft;
pub use message::{Kind, State};
pub use models::ModelsDraft;
pub use mqtt::Message;
pub use pending::Acknowledger;
pub use reply::{AckDraft, AnswerDraft, Mode, StateDraft};
pub use shared::{Inbox, Link, Standing};
pub use telemetry::TelemetryDraft;
pub use worker::Handle;

/// What the daemon wants somebody to hear; becomes a message with number, time and boot id.
#[derive(Clone, Debug)]
pub enum Draft {
    /// A step in the life of an alert. Kept until the broker has it.
    Alert(AlertDraft),
    /// A picture that belongs to an alert, or shows what is wrong with the camera. Kept like an alert, but gives way when room runs out.
    Snapshot {
        /// What it shows.
        subject: Subject,
        /// The picture.
        jpeg: Vec<u8>,
        /// When it was taken.
        captured: Stamp,
    },
    /// A picture of the random sample. Kept as long as there is room for all else.
    Audit(Box<AuditDraft>),
    /// Measurements. Kept as a bounded history while there is no connection.
    Telemetry(Box<TelemetryDraft>),
    /// How the daemon is. The latest one is kept and retained by the broker.
    Health(Health),
    /// Whether alerts are told from now on.
    Mode(Mode),
    /// What is in force of what was ordered. The latest one is kept and retained by the broker.
    State(StateDraft),
    /// Which models are here. The latest one is kept and retained by the broker.
    Models(Box<ModelsDraft>),
    /// What became of a command. Sent when there is a connection, else nobody waits for it any more.
    Answer(Box<AnswerDraft>),
}

/// What a snapshot shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The bear of an alert, with its box drawn.
    Alert(AlertId),
    /// What led to an alert: nothing is drawn on it.
    Before(AlertId),
    /// What keeps the camera from seeing.
    Impairment(Impairment),
    /// What the camera sees just now: somebody asked for it, by the command of this number in the audit log.
    Request(u64),
}

/// An alert with what the model and the frame add to it.
#[derive(Clone, Debug)]
pub struct AlertDraft {
    /// The step itself.
    pub alert: Alert,
    /// The light in which it was seen.
    pub regime: Regime,
    /// Width and height of the frame, pixels: the box is given in them.
    pub frame: (u32, u32),
    /// Name and SHA-256 (hexadecimal) of the model.
    pub model: (String, String),
    /// When the decision was made, milliseconds of the monotonic clock.
    pub inferred_at_uptime_ms: u64,
    /// Whether the simulator drew the frame.
    pub simulated: bool,
    /// Whether it is an exercise.
    pub drill: bool,
    /// Alerts that were told and are open after this step, exercises left out. The gate counts them.
    pub open: usize,
}

/// How the daemon is, for the retained status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The word.
    pub state: State,
    /// Why, for people; when online, what frames come from.
    pub reason: String,
    /// Why, in a word for programs; "ok" when online. An impairment or a strain by its name on the wire.
    pub cause: &'static str,
}

/// Why delivery cannot be set up at all. A broker that is away is no error: it is waited for.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The address of the broker makes no sense: a mistake of configuration.
    #[error("broker address {address:?}: {reason}; write mqtt://host:1883 or mqtts://host:8883")]
    Address {
        /// As configured.
        address: String,
        /// What is wrong.
        reason: String,
    },
    /// Password, certificate or key cannot be read: a mistake of configuration.
    #[error("{what} {}: {reason}", path.display())]
    Credential {
        /// What it should hold.
        what: &'static str,
        /// Where it was looked for.
        path: PathBuf,
        /// What is wrong, and the remedy.
        reason: String,
    },
    /// Another process uses the outbox: two daemons would send everything twice.
    #[error("outbox {}: in use by another bearwatch; stop it, or give this one another [store] path", .0.display())]
    InUse(PathBuf),
    /// The machine gives us no thread or no runtime.
    #[error("cannot start the publish threads: {0}")]
    Thread(#[from] std::io::Error),
}
