//! EarthRanger by Gundi's sensors API, version 2: an event for each alert, what becomes of it, and its picture.

use serde_json::{Value, json};
use ureq::Agent;

use super::http::ask;
use super::{Item, Message, Outcome};
use crate::publish::message::rfc3339;
use crate::station::notify::rule::Cause;
use crate::station::notify::settings::EarthRanger;

/// Between the parts of a form; nothing of a JPEG that a camera sends looks like it, for it begins with a line of its own.
const BOUNDARY: &str = "bearwatch-5f2b9c1e7d3a";

pub fn send(to: &EarthRanger, agent: &Agent, message: &Message) -> Result<Outcome, Outcome> {
    let events = format!("{}/v2/events/", to.url.as_str().trim_end_matches('/'));
    let headers = [("apikey", to.key.as_str()), ("Content-Type", "application/json")];
    let Some(item) = message.items.first() else {
        ask(agent, "POST", &events, &headers, json!([test(to, message)]).to_string().as_bytes())?;
        return Ok(Outcome::Delivered { answer: "an event is made".into(), receipt: None });
    };
    if item.cause == Cause::Opened {
        let answer =
            ask(agent, "POST", &events, &headers, json!([event(to, message, item)]).to_string().as_bytes())?;
        let answer = serde_json::from_str::<Value>(&answer).unwrap_or_default();
        let receipt = answer[0]["object_id"].as_str().map(str::to_owned);
        return Ok(Outcome::Delivered { answer: "an event is made".into(), receipt });
    }
    let Some(receipt) =
        message.receipt.as_ref().filter(|id| id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
    else {
        return Err(Outcome::Configuration {
            why: "Gundi gave no id of the event, so that nothing can be added to it".into(),
        });
    };
    match &message.picture {
        Some(jpeg) => {
            let kind = format!("multipart/form-data; boundary={BOUNDARY}");
            let headers = [("apikey", to.key.as_str()), ("Content-Type", kind.as_str())];
            ask(agent, "POST", &format!("{events}{receipt}/attachments/"), &headers, &form(jpeg))?;
        }
        None => {
            let told = json!({ "event_details": details(item) });
            ask(agent, "PATCH", &format!("{events}{receipt}/"), &headers, told.to_string().as_bytes())?;
        }
    }
    Ok(Outcome::Delivered { answer: "the event is changed".into(), receipt: None })
}

fn event(to: &EarthRanger, message: &Message, item: &Item) -> Value {
    let (place, alert) = (item.subject.place(), &item.subject.alert);
    let at = alert.captured_ms.filter(|_| alert.clock == "set").unwrap_or(alert.heard_ms);
    let mut event = json!({
        "source": place,
        "title": message.title,
        "event_type": to.event_type,
        "recorded_at": rfc3339(at),
        "event_details": details(item),
    });
    if let Some((lat, lon)) = to.places.get(&place) {
        event["location"] = json!({ "lat": lat, "lon": lon });
    }
    event
}

fn test(to: &EarthRanger, message: &Message) -> Value {
    json!({
        "source": "bearwatch-station", "title": message.title, "event_type": to.event_type, "recorded_at": rfc3339(message.now_ms),
        "event_details": { "test": true },
    })
}

/// All that is known of it: what is sent takes the place of what was there.
fn details(item: &Item) -> Value {
    let (subject, alert) = (&item.subject, &item.subject.alert);
    let mut details = json!({
        "species": alert.class,
        "camera": subject.place(),
        "score": (alert.score * 1000.0).round() / 1000.0,
        "severity": alert.severity,
        "light": alert.regime,
        "late": alert.late,
        "alert_id": alert.id,
    });
    if alert.state == "closed" {
        details["ended"] = json!(rfc3339(alert.changed_ms));
    }
    if let Some((verdict, by)) = &subject.word {
        details["verdict"] = json!(verdict);
        details["acknowledged_by"] = json!(by);
    }
    details
}

fn form(jpeg: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"bear.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n"
    );
    [head.as_bytes(), jpeg, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat()
}
