//! What comes in on the topics of cameras, read and checked: whatever is not of the contract goes no further.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::audit::AuditNote;
use super::message::{AlertMessage, BootId, Envelope, Kind, StatusMessage, VERSION, parse_topic};
use super::models::ModelsMessage;
use super::mqtt::Message;
use super::reply::{AckMessage, AnswerMessage, StateMessage};
use super::settings::Site;
use super::telemetry::TelemetryMessage;

/// A message as it came in.
#[derive(Clone, Debug)]
pub struct Received {
    /// Who sent it.
    pub site: Site,
    /// The broker had kept it: it speaks of the past.
    pub retained: bool,
    /// What it says.
    pub body: Body,
    /// The message as it was sent, with whatever a newer daemon adds to it; null for pictures.
    pub json: Value,
}

/// What a message says.
#[derive(Clone, Debug)]
pub enum Body {
    /// How a camera is.
    Status(StatusMessage),
    /// A step in the life of an alert.
    Alert(AlertMessage),
    /// A picture that belongs to an alert.
    Snapshot(Snapshot),
    /// Measurements.
    Telemetry(Box<TelemetryMessage>),
    /// What is in force of what was ordered.
    State(StateMessage),
    /// What became of a command.
    Answer(AnswerMessage),
    /// Somebody has acknowledged an alert.
    Ack(AckMessage),
    /// Which models are here and how they do.
    Models(Box<ModelsMessage>),
}

impl Body {
    /// On which topic it came.
    pub fn kind(&self) -> Kind {
        match self {
            Body::Status(_) => Kind::Status,
            Body::Alert(_) => Kind::Alert,
            Body::Snapshot(_) => Kind::Snapshot,
            Body::Telemetry(_) => Kind::Telemetry,
            Body::State(_) => Kind::State,
            Body::Answer(_) => Kind::Answer,
            Body::Ack(_) => Kind::Ack,
            Body::Models(_) => Kind::Models,
        }
    }

    /// Number, time and boot; pictures have them as properties.
    pub fn envelope(&self) -> Option<&Envelope> {
        match self {
            Body::Status(status) => Some(&status.envelope),
            Body::Alert(alert) => Some(&alert.envelope),
            Body::Telemetry(telemetry) => Some(&telemetry.envelope),
            Body::State(state) => Some(&state.envelope),
            Body::Answer(answer) => Some(&answer.envelope),
            Body::Ack(ack) => Some(&ack.envelope),
            Body::Models(models) => Some(&models.envelope),
            Body::Snapshot(_) => None,
        }
    }
}

/// A picture with the user properties that came with it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Id of its alert; empty where it shows what is wrong with the camera.
    pub alert: String,
    /// What is wrong with the camera, where it shows that.
    pub impairment: Option<String>,
    /// The command that asked for it, by its number in the camera's audit log.
    pub request: Option<String>,
    /// Whether a box and words are drawn on it; an older daemon does not tell.
    pub marked: Option<bool>,
    /// How it was chosen, where it is of the random sample.
    pub audit: Option<Box<AuditNote>>,
    /// When it was taken, RFC 3339.
    pub captured: String,
    /// Which life of the daemon sent it.
    pub boot: BootId,
    /// Its number on its topic.
    pub seq: u64,
    /// Sent long after it was made.
    pub late: bool,
    /// The picture; begins as a JPEG does, which is all that is known of it.
    pub jpeg: Vec<u8>,
}

/// Reads a message; the error says what is wrong with it.
pub fn read(message: Message) -> Result<Received, String> {
    let (site, kind) =
        parse_topic(&message.topic).filter(|(site, _)| is_ours(site)).ok_or("not a topic of bearwatch/v1")?;
    let retained = message.retain;
    if kind == Kind::Snapshot {
        let body = Body::Snapshot(snapshot(message)?);
        return Ok(Received { site, retained, body, json: Value::Null });
    }
    let json: Value = serde_json::from_slice(&message.payload).map_err(|error| error.to_string())?;
    let body = match kind {
        Kind::Alert => Body::Alert(parsed(&json)?),
        Kind::Telemetry => Body::Telemetry(Box::new(parsed(&json)?)),
        Kind::State => Body::State(parsed(&json)?),
        Kind::Answer => Body::Answer(parsed(&json)?),
        Kind::Ack => Body::Ack(parsed(&json)?),
        Kind::Models => Body::Models(Box::new(parsed(&json)?)),
        Kind::Status | Kind::Snapshot => Body::Status(parsed(&json)?),
    };
    match body.envelope() {
        Some(envelope) if envelope.v != VERSION => {
            Err(format!("speaks version {} of the contract, this is version {VERSION}", envelope.v))
        }
        _ => Ok(Received { site, retained, body, json }),
    }
}

/// Names become parts of file names and of lines on a terminal: whatever is not of the contract goes no further.
fn is_ours(site: &Site) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    [&site.name, &site.camera].iter().all(|name| (1..=40).contains(&name.len()) && name.chars().all(good))
}

fn parsed<T: DeserializeOwned>(json: &Value) -> Result<T, String> {
    T::deserialize(json).map_err(|error| error.to_string())
}

fn snapshot(message: Message) -> Result<Snapshot, String> {
    let property = |name: &str| {
        let found = message.properties.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).ok_or_else(|| format!("has no user property {name:?}"))
    };
    if !message.payload.starts_with(&[0xff, 0xd8]) {
        return Err("is no JPEG".into());
    }
    Ok(Snapshot {
        alert: property("alert")?,
        impairment: property("impairment").ok(),
        request: property("request").ok(),
        marked: property("marked").ok().and_then(|marked| marked.parse().ok()),
        audit: AuditNote::read(&message.properties)?.map(Box::new),
        captured: property("captured")?,
        boot: BootId(property("boot")?),
        seq: property("seq")?.parse().map_err(|_| "its seq is no number")?,
        late: property("late").is_ok_and(|late| late == "true"),
        jpeg: message.payload,
    })
}
