//! Every topic: who sends on it, how, and what.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::properties::{Common, Picture, Piece, Signed};
use crate::control::form::{FORMS, Form};
use crate::publish::message::{AlertMessage, Kind, StatusMessage};
use crate::publish::models::{ModelsMessage, PIECE_WORD};
use crate::publish::reply::{AckMessage, AnswerMessage, StateMessage};
use crate::publish::telemetry::TelemetryMessage;

/// Makes the schema of a type.
pub type SchemaOf = fn(SchemaGenerator) -> Schema;

/// One topic.
pub struct Channel {
    /// Names it, and the file of its schema.
    pub name: String,
    /// With `{site}` and `{camera}`.
    pub topic: String,
    /// In a sentence.
    pub summary: &'static str,
    /// Whether the camera takes messages in here; it sends them else.
    pub taken: bool,
    /// 0 or 1.
    pub qos: u8,
    /// Whether the broker keeps the newest one.
    pub retained: bool,
    /// What is sent.
    pub payload: Payload,
    /// User properties beside it.
    pub properties: Option<SchemaOf>,
}

/// What is sent.
pub enum Payload {
    /// A JSON object.
    Json {
        /// Its schema.
        schema: SchemaOf,
        /// The channel that has the same messages.
        shared: Option<&'static str>,
    },
    /// A picture.
    Jpeg,
    /// JSON of a form that is not ours.
    Foreign(&'static str),
    /// A word.
    Text(&'static [&'static str]),
    /// Bytes that are no text.
    Bytes(&'static str),
}

/// Of a message that a type describes.
fn json<T: JsonSchema>() -> Payload {
    Payload::Json { schema: SchemaGenerator::into_root_schema_for::<T>, shared: None }
}

/// Of user properties that a type describes.
fn beside<T: JsonSchema>() -> Option<SchemaOf> {
    Some(SchemaGenerator::into_root_schema_for::<T>)
}

impl Channel {
    /// The schema of its messages on its own, where they are JSON: draft 2020-12.
    pub fn schema(&self) -> Option<Value> {
        let Payload::Json { schema, .. } = self.payload else { return None };
        let mut schema = schema(self.settings(SchemaSettings::draft2020_12()).into_generator());
        schema.insert("title".into(), self.title().into());
        schema.insert("description".into(), format!("{} Topic {}", self.summary, self.topic).into());
        Some(schema.to_value())
    }

    /// What is sent is described as it is sent, what is taken in as it may be.
    pub fn settings(&self, settings: SchemaSettings) -> SchemaSettings {
        let settings = if self.taken { settings.for_deserialize() } else { settings.for_serialize() };
        settings.with_transform(RecursiveTransform(plain))
    }

    /// `command-arm` → `bearwatch command-arm`.
    fn title(&self) -> String {
        format!("bearwatch {}", self.name)
    }
}

/// Takes out the names of Rust's own numbers, which are no formats of JSON Schema.
fn plain(schema: &mut Schema) {
    let numbers = ["uint", "uint8", "uint32", "uint64", "int64", "float", "double"];
    if schema.get("format").and_then(Value::as_str).is_some_and(|format| numbers.contains(&format)) {
        schema.remove("format");
    }
}

/// Every topic, in the order of `docs/messages.md`.
pub fn all() -> Vec<Channel> {
    let own = Kind::ALL.map(of_kind);
    let escalation = Channel {
        name: "escalation".into(),
        topic: "bearwatch/v1/{site}/{camera}/escalation/{level}".into(),
        summary: "An alert that nobody has acknowledged, once more, to the next level of the ladder.",
        payload: Payload::Json {
            schema: SchemaGenerator::into_root_schema_for::<AlertMessage>,
            shared: Some("alert"),
        },
        ..of_kind(Kind::Alert)
    };
    own.into_iter()
        .chain([escalation])
        .chain(FORMS.iter().map(of_command))
        .chain([of_pieces()])
        .chain(of_home_assistant())
        .collect()
}

fn of_kind(kind: Kind) -> Channel {
    let (summary, payload) = match kind {
        Kind::Status => {
            ("How the daemon is: birth, last will, and each change between them.", json::<StatusMessage>())
        }
        Kind::Alert => ("An alert is opened, updated or closed.", json::<AlertMessage>()),
        Kind::Snapshot => (
            "A picture: of an alert, of what keeps the camera from seeing, one that was asked for, or one of the random sample.",
            Payload::Jpeg,
        ),
        Kind::Telemetry => {
            ("Measurements, as often as publish.telemetry_s says.", json::<TelemetryMessage>())
        }
        Kind::State => (
            "What was ordered and is in force, where commands or acknowledgements are taken.",
            json::<StateMessage>(),
        ),
        Kind::Answer => ("What became of a command; on its response topic, too.", json::<AnswerMessage>()),
        Kind::Ack => ("Somebody has acknowledged an alert.", json::<AckMessage>()),
        Kind::Models => (
            "Which models are here, how they do, and which piece of a bundle is wanted.",
            json::<ModelsMessage>(),
        ),
    };
    Channel {
        name: kind.name().into(),
        topic: format!("bearwatch/v1/{{site}}/{{camera}}/{}", kind.name()),
        summary,
        taken: false,
        qos: u8::from(kind != Kind::Telemetry),
        retained: matches!(kind, Kind::Status | Kind::State | Kind::Models),
        properties: if kind == Kind::Snapshot { beside::<Picture>() } else { beside::<Common>() },
        payload,
    }
}

fn of_command(form: &Form) -> Channel {
    Channel {
        name: format!("command-{}", form.word),
        topic: format!("bearwatch/v1/{{site}}/{{camera}}/set/{}", form.word),
        summary: form.summary,
        taken: true,
        qos: 1,
        retained: false,
        payload: Payload::Json { schema: form.schema, shared: None },
        properties: beside::<Signed>(),
    }
}

/// What a camera has asked for by `…/models`.
fn of_pieces() -> Channel {
    Channel {
        name: "command-piece".into(),
        topic: format!("bearwatch/v1/{{site}}/{{camera}}/set/{PIECE_WORD}"),
        summary: "A piece of a bundle, as download.want of …/models has asked for it.",
        taken: true,
        qos: 1,
        retained: false,
        payload: Payload::Bytes("Bytes of the bundle, from the offset in the user properties on."),
        properties: beside::<Piece>(),
    }
}

/// With `home_assistant.discovery`.
fn of_home_assistant() -> [Channel; 2] {
    let device = Channel {
        name: "home-assistant-device".into(),
        topic: "{prefix}/device/bearwatch_{site}_{camera}/config".into(),
        summary: "The camera as a device of Home Assistant; nothing where it is to be forgotten.",
        taken: false,
        qos: 1,
        retained: true,
        payload: Payload::Foreign(
            "A device of Home Assistant's discovery over MQTT, as its documentation has it.",
        ),
        properties: None,
    };
    let birth = Channel {
        name: "home-assistant-birth".into(),
        topic: "{prefix}/status".into(),
        summary: "Home Assistant has started, and is told of the camera again; or has ended.",
        taken: true,
        qos: 0,
        retained: false,
        payload: Payload::Text(&["online", "offline"]),
        properties: None,
    };
    [device, birth]
}
