//! Whatever a test hears from a camera is held against docs/asyncapi.json: topic, payload and user properties.

#![allow(dead_code, reason = "every test program uses a part")]

use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::Path;

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde_json::{Value, json};

const DOCUMENT: &str = "asyncapi.json";

/// The committed document.
pub fn document() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(DOCUMENT);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// What a camera sends, by the address of its topic.
pub struct Contract {
    schemas: Schemas,
    addresses: Vec<(String, String)>,
    payloads: HashMap<String, SchemaIndex>,
    headers: HashMap<String, SchemaIndex>,
}

thread_local! {
    static CONTRACT: OnceCell<Contract> = const { OnceCell::new() };
}

/// What is wrong with a message of a camera; `None` where nothing is, or it is not a camera's.
pub fn fault(topic: &str, payload: &[u8], properties: &HashMap<String, String>) -> Option<String> {
    CONTRACT.with(|contract| contract.get_or_init(Contract::read).fault(topic, payload, properties))
}

impl Contract {
    fn read() -> Contract {
        let mut document = document();
        close(&mut document["components"]);
        let sent = |(name, _): &(&String, &Value)| {
            !name.starts_with("command-") && !name.starts_with("home-assistant-")
        };
        let channels = document["channels"].as_object().unwrap().iter().filter(sent);
        let named = |(name, channel): (&String, &Value)| {
            let message = channel["messages"].as_object().unwrap().keys().next().unwrap().clone();
            assert!(document["operations"][format!("send-{name}")]["action"] == "send", "{name}");
            (channel["address"].as_str().unwrap().to_owned(), message)
        };
        let addresses: Vec<(String, String)> = channels.map(named).collect();
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.set_default_draft(Draft::V7);
        compiler.enable_format_assertions();
        compiler.add_resource(DOCUMENT, document).unwrap();
        let (mut payloads, mut headers) = (HashMap::new(), HashMap::new());
        for (_, message) in &addresses {
            for (part, of) in [("payload", &mut payloads), ("headers", &mut headers)] {
                let place = format!("{DOCUMENT}#/components/messages/{message}/{part}");
                of.insert(message.clone(), compiler.compile(&place, &mut schemas).unwrap());
            }
        }
        Contract { schemas, addresses, payloads, headers }
    }

    fn fault(&self, topic: &str, payload: &[u8], properties: &HashMap<String, String>) -> Option<String> {
        // Commands of tests are often wrong on purpose.
        if !topic.starts_with("bearwatch/v1/") || topic.contains("/set/") {
            return None;
        }
        let Some((_, message)) = self.addresses.iter().find(|(address, _)| matches(address, topic)) else {
            return Some(format!("{topic} is not in docs/{DOCUMENT}"));
        };
        let said = json!(properties);
        let mut fault =
            self.schemas.validate(&said, self.headers[message]).err().map(|error| format!("{error:#}"));
        if message != "snapshot" {
            let Ok(body) = serde_json::from_slice::<Value>(payload) else {
                return Some(format!("{topic} is no JSON"));
            };
            fault = self
                .schemas
                .validate(&body, self.payloads[message])
                .err()
                .map(|error| format!("{error:#}"))
                .or(fault);
        } else if !payload.starts_with(&[0xff, 0xd8]) {
            fault = Some("no JPEG".into());
        }
        fault.map(|fault| format!("{topic}: {fault}"))
    }
}

/// Level by level; one in braces is any.
fn matches(address: &str, topic: &str) -> bool {
    let (address, topic): (Vec<_>, Vec<_>) = (address.split('/').collect(), topic.split('/').collect());
    address.len() == topic.len() && address.iter().zip(topic).all(|(a, t)| a.starts_with('{') || *a == t)
}

/// The published schemas let pass what a later version may add; this version is held to what it says of itself.
fn close(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let is_open =
                fields.get("type") == Some(&json!("object")) && !fields.contains_key("additionalProperties");
            if is_open && fields.get("properties").is_some_and(Value::is_object) {
                fields.insert("additionalProperties".into(), json!(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
