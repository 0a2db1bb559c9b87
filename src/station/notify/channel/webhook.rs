//! Any program that takes JSON, signed as Standard Webhooks has it (standardwebhooks.com): there are libraries that check that in every language.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value, json};
use ureq::Agent;

use super::http::ask;
use super::{Item, Message, Outcome};
use crate::publish::message::rfc3339;
use crate::station::notify::settings::Webhook;

/// Version of what is sent.
const VERSION: u32 = 1;

pub fn send(to: &Webhook, agent: &Agent, message: &Message) -> Result<Outcome, Outcome> {
    let body = body(message).to_string();
    let at = message.now_ms.div_euclid(1000).to_string();
    let signature = to.key.as_ref().map(|key| signature(key, &message.key, &at, body.as_bytes()));
    let mut headers =
        vec![("Content-Type", "application/json"), ("webhook-id", &message.key), ("webhook-timestamp", &at)];
    headers.extend(signature.iter().map(|signature| ("webhook-signature", signature.as_str())));
    headers.extend(to.authorization.iter().map(|text| ("Authorization", text.as_str())));
    ask(agent, "POST", to.url.as_str(), &headers, body.as_bytes())?;
    Ok(Outcome::Delivered { answer: "it took it".into(), receipt: None })
}

/// `v1,` and HMAC-SHA256 over `id.timestamp.body`.
fn signature(key: &[u8], id: &str, at: &str, body: &[u8]) -> String {
    let signed = [id.as_bytes(), b".", at.as_bytes(), b".", body].concat();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &signed);
    format!("v1,{}", STANDARD.encode(tag))
}

fn body(message: &Message) -> Value {
    let alerts: Vec<Value> = message.items.iter().map(item).collect();
    json!({
        "v": VERSION,
        "type": "bearwatch.notification",
        "timestamp": rfc3339(message.now_ms),
        "title": message.title,
        "text": message.text,
        "link": message.link,
        "test": message.items.is_empty(),
        "alerts": alerts,
        "jpeg": message.picture.as_ref().map(|jpeg| STANDARD.encode(jpeg)),
    })
}

fn item(item: &Item) -> Value {
    let (cause, detail) = item.cause.parts();
    let (subject, alert) = (&item.subject, &item.subject.alert);
    json!({
        "cause": cause,
        "detail": detail,
        "id": alert.id,
        "site": subject.site,
        "camera": subject.camera,
        "class": alert.class,
        "state": alert.state,
        "severity": alert.severity,
        "score": alert.score,
        "regime": alert.regime,
        "captured": alert.captured_ms.filter(|_| alert.clock == "set").map(rfc3339),
        "heard": rfc3339(alert.heard_ms),
        "late_s": item.late_ms.map(|ms| ms / 1000),
        "drill": alert.drill,
        "simulated": alert.simulated,
        "escalation": alert.escalation,
        "verdict": subject.word.as_ref().map(|(verdict, _)| verdict),
        "acknowledged_by": subject.word.as_ref().map(|(_, by)| by),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::station::notify::channel::signing_key;

    /// The example of the specification of Standard Webhooks.
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!((signing_key("whsec_c2hvcnQ="), signing_key("too short")), (None, None));
    }
}
