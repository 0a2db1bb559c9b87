//! A command as it goes out: its word, its fields, and the signature.

use serde_json::{Map, Value, json};

use super::signing::{KeyError, SigningKey, nonce};
use super::{KEY, SIGNATURE};
use crate::publish::Message;
use crate::publish::message::{BootId, VERSION, command_topic, rfc3339};
use crate::publish::reply::Judgement;
use crate::publish::settings::Site;

/// A signed command is good for so long, milliseconds: clocks differ, and a command is for now.
const LIFE_MS: i64 = 300_000;

/// And lies with a broker no longer than this, seconds.
const LIFE_S: u32 = 60;

/// What is asked for.
pub struct Request {
    /// Last level of the topic.
    pub word: &'static str,
    fields: Map<String, Value>,
}

/// Who signs.
pub struct Signer {
    /// The pair.
    pub key: SigningKey,
    /// Its name in the camera's configuration.
    pub name: String,
}

impl Request {
    /// That somebody has seen an alert.
    pub fn acknowledge(alert: &str, verdict: Judgement, note: Option<&str>, by: Option<String>) -> Request {
        Request::new("ack", &json!({ "alert": alert, "verdict": verdict.name(), "note": note }), by)
    }

    /// By the command's word and what it has beside those of every command; `by` is who gives it.
    pub fn new(word: &'static str, fields: &Value, by: Option<String>) -> Request {
        let mut fields = fields.as_object().cloned().unwrap_or_default();
        fields.extend(by.map(|by| ("by".to_owned(), json!(by))));
        Request { word, fields }
    }

    /// The message to a camera whose present life is `boot`; `id` comes back in the answer.
    pub fn message(
        &self,
        site: &Site,
        boot: Option<&BootId>,
        id: &str,
        signer: Option<&Signer>,
        unix_ms: i64,
    ) -> Result<Message, KeyError> {
        let mut fields = self.fields.clone();
        fields.extend([("v".into(), json!(VERSION)), ("id".into(), json!(id))]);
        fields.extend(boot.map(|boot| ("boot".to_owned(), json!(boot))));
        if signer.is_some() {
            fields.extend([
                ("nonce".into(), json!(nonce()?)),
                ("expires".into(), json!(rfc3339(unix_ms.saturating_add(LIFE_MS)))),
            ]);
        }
        let topic = command_topic(site, self.word);
        let payload = Value::Object(fields).to_string().into_bytes();
        let properties = signer.map(|signer| {
            let signature = signer.key.sign(&topic, &payload);
            vec![(KEY.into(), signer.name.clone()), (SIGNATURE.into(), signature)]
        });
        let message = Message::json(topic, payload, properties.unwrap_or_default());
        Ok(Message { expiry_s: Some(LIFE_S), ..message })
    }
}
