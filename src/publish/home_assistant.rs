//! What Home Assistant is told of this camera: one device with its entities, by its MQTT discovery, on a retained topic. PURE.
//!
//! Its templates pick the words out of the messages that everybody gets; nothing is sent for it but this. What is late, an exercise or a
//! repetition switches no sensor: the present must not be overwritten by the past.

use serde_json::{Map, Value, json};

use super::message::{Kind, VERSION, command_topic, topic};
use super::mqtt::Message;
use super::settings::{HomeAssistant, Site};

/// What it says when it has started.
const BORN: &[u8] = b"online";
/// An alert that was never closed, because the camera lost its power, is taken for closed after this, seconds, and two updates.
const FORGOTTEN_S: f64 = 300.0;
/// Telemetry that was not heard for so many of its intervals is no measurement of now…
const STALE_INTERVALS: f64 = 5.0;
/// …but no sooner than after this, seconds.
const STALE_S: f64 = 60.0;
/// A state of Home Assistant has at most 255 characters.
const REASON: &str = "{{ value_json.reason[:250] }}";
/// As commands say who gives them.
const BY: &str = "home-assistant";

/// Where it says that it has started.
pub fn birth_topic(told: &HomeAssistant) -> String {
    format!("{}/status", told.prefix)
}

/// Whether this is its birth. One that the broker kept is an old one.
pub fn is_birth(told: &HomeAssistant, message: &Message) -> bool {
    !message.retain && message.payload == BORN && message.topic == birth_topic(told)
}

/// Where the device is described.
pub fn config_topic(told: &HomeAssistant, site: &Site) -> String {
    format!("{}/device/{}/config", told.prefix, device_id(site))
}

/// The description, as it goes out.
pub fn announcement(told: &HomeAssistant, site: &Site) -> Message {
    let payload = device(told, site).to_string().into_bytes();
    Message { retain: true, ..Message::json(config_topic(told, site), payload, Vec::new()) }
}

/// Takes a description back that was sent to this topic.
pub fn removal(topic: String) -> Message {
    Message { retain: true, ..Message::json(topic, Vec::new(), Vec::new()) }
}

/// Site and camera cannot hold an underscore: no two cameras have the same.
fn device_id(site: &Site) -> String {
    format!("bearwatch_{}_{}", site.name, site.camera)
}

fn device(told: &HomeAssistant, site: &Site) -> Value {
    let id = device_id(site);
    let version = env!("CARGO_PKG_VERSION");
    let mut components = Map::new();
    for (name, mut entity) in entities(told, site) {
        entity["unique_id"] = format!("{id}_{name}").into();
        components.insert(name.into(), entity);
    }
    json!({
        "device": {
            "identifiers": [id],
            "name": format!("{} {}", site.name, site.camera),
            "manufacturer": "bearwatch",
            "model": "bearwatch camera",
            "sw_version": version,
            "suggested_area": site.name,
        },
        "origin": { "name": "bearwatch", "sw_version": version },
        "availability": [{
            "topic": topic(site, Kind::Status),
            "value_template": "{{ 'offline' if value_json.state == 'offline' else 'online' }}",
        }],
        "qos": 1,
        "components": components,
    })
}

fn entities(told: &HomeAssistant, site: &Site) -> Vec<(&'static str, Value)> {
    let mut all = of_alerts(told, site);
    all.extend(of_health(site));
    all.extend(of_telemetry(told, site));
    if told.state {
        all.push(("mode", sensor("Mode", &topic(site, Kind::State), "{{ value_json.mode }}")));
    }
    if told.unsigned_commands {
        let buttons =
            [("test", "Test alert"), ("drill", "Drill"), ("snapshot-now", "Snapshot now"), ("arm", "Arm")];
        all.extend(buttons.map(|(name, label)| (name, button(label, site, name.trim_end_matches("-now")))));
    }
    all
}

fn of_alerts(told: &HomeAssistant, site: &Site) -> Vec<(&'static str, Value)> {
    let alerts = topic(site, Kind::Alert);
    let present = "not (value_json.late or value_json.drill or value_json.escalation is defined or value_json.audience is defined)";
    let bear = json!({
        "platform": "binary_sensor",
        "name": "Bear",
        "icon": "mdi:paw",
        "state_topic": alerts,
        "value_template": format!("{{% if {present} %}}{{{{ 'ON' if value_json.open > 0 else 'OFF' }}}}{{% endif %}}"),
        "off_delay": (FORGOTTEN_S + 2.0 * told.update_s).ceil() as u64,
    });
    let event_type = "'escalated' if value_json.escalation is defined else value_json.state";
    let steps = json!({
        "platform": "event",
        "name": "Alert",
        "icon": "mdi:paw",
        "state_topic": alerts,
        "event_types": ["opened", "updated", "closed", "escalated"],
        // What is for reviewers is no event: whatever rings here rings by this.
        "value_template": format!(
            "{{% if value_json.audience is not defined %}}{{{{ dict(value_json, event_type={event_type}) | to_json }}}}{{% endif %}}"
        ),
    });
    let picture = json!({
        "platform": "image",
        "name": "Snapshot",
        "image_topic": topic(site, Kind::Snapshot),
        "content_type": "image/jpeg",
    });
    let mut score = sensor("Score", &alerts, "{{ (value_json.score * 100) | round(1) }}");
    extend(
        &mut score,
        json!({ "unit_of_measurement": "%", "state_class": "measurement", "icon": "mdi:percent" }),
    );
    let mut latency = sensor("Latency", &alerts, "{{ value_json.latency_ms }}");
    extend(
        &mut latency,
        json!({ "device_class": "duration", "unit_of_measurement": "ms", "state_class": "measurement" }),
    );
    extend(&mut latency, json!({ "entity_category": "diagnostic" }));
    vec![("bear", bear), ("alert", steps), ("snapshot", picture), ("score", score), ("latency", latency)]
}

fn of_health(site: &Site) -> Vec<(&'static str, Value)> {
    let status = topic(site, Kind::Status);
    let trouble = json!({
        "platform": "binary_sensor",
        "name": "Trouble",
        "device_class": "problem",
        "entity_category": "diagnostic",
        "state_topic": status,
        "value_template": "{{ 'OFF' if value_json.state == 'online' else 'ON' }}",
    });
    let mut reason = sensor("Status", &status, REASON);
    extend(&mut reason, json!({ "entity_category": "diagnostic", "icon": "mdi:cctv" }));
    vec![("trouble", trouble), ("status", reason)]
}

fn of_telemetry(told: &HomeAssistant, site: &Site) -> Vec<(&'static str, Value)> {
    let telemetry = topic(site, Kind::Telemetry);
    let stale = (told.telemetry_s * STALE_INTERVALS).max(STALE_S).ceil() as u64;
    // An empty value leaves a number as it was.
    let present =
        |value: &str| format!("{{% if not value_json.late %}}{{{{ value_json.{value} }}}}{{% endif %}}");
    let measured = |label: &str, value: &str, more: Value| {
        let mut entity = sensor(label, &telemetry, &present(value));
        extend(&mut entity, json!({ "entity_category": "diagnostic", "expire_after": stale }));
        extend(&mut entity, more);
        entity
    };
    let total = || json!({ "state_class": "total_increasing" });
    let degrees =
        json!({ "device_class": "temperature", "unit_of_measurement": "°C", "state_class": "measurement" });
    let megabytes =
        json!({ "device_class": "data_size", "unit_of_measurement": "MB", "state_class": "measurement" });
    let waiting = json!({ "state_class": "measurement" });
    vec![
        ("temperature", measured("Temperature", "temperature_c", degrees)),
        ("memory", measured("Memory", "memory_mb", megabytes)),
        ("dropped", measured("Dropped frames", "frames.dropped", total())),
        ("missed", measured("Missed deadlines", "frames.deadline_misses", total())),
        ("waiting", measured("Waiting messages", "messages.waiting", waiting)),
        ("lost-alerts", measured("Lost alerts", "messages.lost_alerts", total())),
    ]
}

fn sensor(label: &str, topic: &str, template: &str) -> Value {
    json!({ "platform": "sensor", "name": label, "state_topic": topic, "value_template": template })
}

/// One touch: so nothing that silences the camera.
fn button(label: &str, site: &Site, word: &str) -> Value {
    json!({
        "platform": "button",
        "name": label,
        "command_topic": command_topic(site, word),
        "payload_press": json!({ "v": VERSION, "by": BY }).to_string(),
        "retain": false,
    })
}

fn extend(entity: &mut Value, more: Value) {
    if let (Value::Object(entity), Value::Object(more)) = (entity, more) {
        entity.extend(more);
    }
}
