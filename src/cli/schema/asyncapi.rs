//! All topics as one AsyncAPI 3 document, from the camera's point of view: it sends, and it receives commands.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::channel::{Channel, Payload, SchemaOf};

/// Version of the MQTT bindings.
const BINDING: &str = "0.2.0";
/// Where schemas that several messages share stand in the document.
const SHARED: [&str; 2] = ["components", "schemas"];

/// The document.
pub fn document(channels: &[Channel]) -> Value {
    let mut parts = Parts::default();
    for channel in channels {
        parts.add(channel);
    }
    json!({
        "asyncapi": "3.0.0",
        "id": "urn:bearwatch:v1",
        "info": {
            "title": "bearwatch",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What a bearwatch camera says over MQTT v5, and what it takes in. Names and meanings do not change within v1 of the \
                topics; more may be added, so let pass what you do not know. The words to it are in docs/messages.md.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": { "broker": broker() },
        "channels": parts.channels,
        "operations": parts.operations,
        "components": { "messages": parts.messages, "schemas": parts.schemas },
    })
}

fn broker() -> Value {
    let will = json!({
        "topic": "bearwatch/v1/{site}/{camera}/status",
        "qos": 1,
        "retain": true,
        "message": "A status whose state is offline; boot and seq are those of the birth that it belongs to.",
    });
    json!({
        "host": "broker.example:8883",
        "protocol": "secure-mqtt",
        "protocolVersion": "5.0",
        "description": "Any broker that speaks MQTT v5; mqtt:// without TLS as well.",
        "bindings": { "mqtt": {
            "clientId": "bearwatch-{site}-{camera}",
            "cleanSession": true,
            "keepAlive": 30,
            "lastWill": will,
            "bindingVersion": BINDING,
        } },
    })
}

/// The document as it grows.
#[derive(Default)]
struct Parts {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl Parts {
    fn add(&mut self, channel: &Channel) {
        let name = channel.name.as_str();
        let message = match channel.payload {
            Payload::Json { shared: Some(shared), .. } => shared,
            _ => {
                let message = self.message(channel);
                self.messages.insert(name.into(), message);
                name
            }
        };
        self.channels.insert(
            name.into(),
            json!({
                "address": channel.topic,
                "summary": channel.summary,
                "parameters": parameters(&channel.topic),
                "messages": { message: { "$ref": format!("#/components/messages/{message}") } },
            }),
        );
        let operation = operation(channel, message);
        self.operations.insert(format!("{}-{name}", if channel.taken { "take" } else { "send" }), operation);
    }

    fn message(&mut self, channel: &Channel) -> Value {
        let (content_type, text, payload) = match channel.payload {
            Payload::Json { schema, .. } => {
                ("application/json", 1, self.schema(channel.settings(SchemaSettings::draft07()), schema))
            }
            Payload::Jpeg => (
                "image/jpeg",
                0,
                json!({ "type": "string", "contentMediaType": "image/jpeg", "description": "The bytes of a JPEG." }),
            ),
            Payload::Foreign(description) => {
                ("application/json", 1, json!({ "type": "object", "description": description }))
            }
            Payload::Bytes(description) => {
                ("application/octet-stream", 0, json!({ "type": "string", "description": description }))
            }
            Payload::Text(words) => ("text/plain", 0, json!({ "type": "string", "enum": words })),
        };
        let mut message = json!({
            "name": channel.name,
            "summary": channel.summary,
            "contentType": content_type,
            "payload": payload,
            "bindings": { "mqtt": { "payloadFormatIndicator": text, "contentType": content_type, "bindingVersion": BINDING } },
        });
        if let Some(properties) = channel.properties {
            message["headers"] =
                self.schema(channel.settings(SchemaSettings::draft07()).for_serialize(), properties);
        }
        message
    }

    /// A schema of draft 7, which AsyncAPI builds on; what it shares with others goes where all find it.
    fn schema(&mut self, settings: SchemaSettings, schema: SchemaOf) -> Value {
        let settings = settings.with(|settings| {
            settings.definitions_path = format!("/{}", SHARED.join("/")).into();
            settings.meta_schema = None;
        });
        let mut schema = schema(settings.into_generator()).to_value();
        if let Some(Value::Object(mut shared)) =
            schema.as_object_mut().and_then(|schema| schema.remove(SHARED[0]))
            && let Some(Value::Object(shared)) = shared.remove(SHARED[1])
        {
            for (name, part) in shared {
                // Two types of one name would be taken for each other: give one of them another by #[schemars(rename = "…")].
                let known = self.schemas.insert(name.clone(), part.clone());
                debug_assert!(known.is_none_or(|known| known == part), "two schemas are called {name}");
            }
        }
        schema
    }
}

/// What the levels in braces are.
fn parameters(topic: &str) -> Value {
    let known = [
        ("site", "Name of the site, [a-z0-9-]{1,40}.", "yellow-creek"),
        ("camera", "Name of the camera at its site, [a-z0-9-]{1,40}.", "north"),
        ("prefix", "home_assistant.discovery_prefix.", "homeassistant"),
        ("level", "A level of acknowledge.ladder, [a-z0-9-]{1,40}.", "duty"),
    ];
    let used = known.into_iter().filter(|(name, ..)| topic.contains(&format!("{{{name}}}")));
    let described = |(name, description, example): (&str, _, _)| {
        (name.to_owned(), json!({ "description": description, "examples": [example] }))
    };
    used.map(described).collect::<Map<_, _>>().into()
}

fn operation(channel: &Channel, message: &str) -> Value {
    let name = &channel.name;
    let mut operation = json!({
        "action": if channel.taken { "receive" } else { "send" },
        "channel": { "$ref": format!("#/channels/{name}") },
        "summary": channel.summary,
        "messages": [{ "$ref": format!("#/channels/{name}/messages/{message}") }],
        "bindings": { "mqtt": { "qos": channel.qos, "retain": channel.retained, "bindingVersion": BINDING } },
    });
    if name.starts_with("command-") && !matches!(channel.payload, Payload::Bytes(_)) {
        operation["reply"] = json!({
            "channel": { "$ref": "#/channels/answer" },
            "messages": [{ "$ref": "#/channels/answer/messages/answer" }],
        });
    }
    operation
}
