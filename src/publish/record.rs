//! A message as it lies in the outbox, and as it goes out from there.

use serde::{Deserialize, Serialize};

use super::delivery::Lane;
use super::message::{AlertMessage, BootId, Envelope, Kind, alert_id, rfc3339, topic};
use super::mqtt::Message;
use super::reply::AckMessage;
use super::settings::Site;
use super::telemetry::TelemetryMessage;
use crate::perceive::frame::Stamp;
use crate::perceive::observation::{Alert, AlertState};
use crate::publish::{AlertDraft, Audience, Subject};

/// A message that is sent later than this after it was made is marked as late.
const LATE_AFTER_MS: u64 = 10_000;

/// A picture of the random sample is of use as long as a station may be away, seconds.
const AUDIT_USEFUL_S: u32 = 7 * 86_400;

/// What must be known of a stored message beside its payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    boot: BootId,
    seq: u64,
    made_uptime_ms: u64,
    captured_uptime_ms: u64,
    /// Unique id of the alert that it is or belongs to; empty for a picture of the camera's own state or by request.
    alert: String,
    /// What is wrong with the camera, for a picture of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    impairment: Option<String>,
    /// The command that asked for a picture, by its number in the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<u64>,
    /// Where it goes below the camera's topic, where that is not the lane's own topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    /// Further user properties of a picture.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    more: Vec<(String, String)>,
    /// RFC 3339.
    captured: String,
    /// Whether its way from capture to acknowledgement is a latency: the closing of an alert speaks of a frame long gone.
    timed: bool,
    /// The opening of an alert on a drawn bear.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    drill: bool,
}

/// A message as it lies in the outbox: length of the header (u32, little endian), header (JSON), payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    header: Header,
    body: Vec<u8>,
}

impl Record {
    /// An alert.
    pub fn alert(envelope: Envelope, draft: &AlertDraft) -> Result<Record, serde_json::Error> {
        let Alert { id, captured, state, .. } = draft.alert;
        let drill = draft.drill && state == AlertState::Opened;
        let timed = state != AlertState::Closed;
        let header = Header { drill, ..header(&envelope, Subject::Alert(id), captured, timed) };
        let body = serde_json::to_vec(&AlertMessage::new(envelope, draft))?;
        Ok(Record { header, body })
    }

    /// What speaks of an alert on another topic, or again, or of none at all (telemetry): nobody measures its way.
    pub fn other(
        envelope: &Envelope,
        topic: Option<String>,
        alert: &str,
        body: &impl Serialize,
    ) -> Result<Record, serde_json::Error> {
        let header = Header {
            boot: envelope.boot.clone(),
            seq: envelope.seq,
            made_uptime_ms: envelope.uptime_ms,
            captured_uptime_ms: envelope.uptime_ms,
            alert: alert.into(),
            impairment: None,
            request: None,
            topic,
            more: Vec::new(),
            captured: envelope.time.clone(),
            timed: false,
            drill: false,
        };
        Ok(Record { header, body: serde_json::to_vec(body)? })
    }

    /// A picture.
    pub fn snapshot(envelope: &Envelope, subject: Subject, captured: Stamp, jpeg: Vec<u8>) -> Record {
        Record { header: header(envelope, subject, captured, false), body: jpeg }
    }

    /// A picture of the random sample, with what goes beside it.
    pub fn audit(
        envelope: &Envelope,
        properties: Vec<(String, String)>,
        captured: Stamp,
        jpeg: Vec<u8>,
    ) -> Record {
        let header = Header {
            boot: envelope.boot.clone(),
            seq: envelope.seq,
            made_uptime_ms: envelope.uptime_ms,
            captured_uptime_ms: captured.uptime_ms,
            alert: String::new(),
            impairment: None,
            request: None,
            topic: None,
            more: properties,
            captured: rfc3339(captured.unix_ms),
            timed: false,
            drill: false,
        };
        Record { header, body: jpeg }
    }

    /// Says of a picture of the random sample that it was left with this probability when room ran out.
    pub fn thinned(mut self, share: f64) -> Record {
        if share < 1.0 {
            for (_, value) in self.header.more.iter_mut().filter(|(name, _)| name == "probability") {
                *value =
                    value.parse::<f64>().map_or_else(|_| value.clone(), |p| format!("{:.6e}", p * share));
            }
            self.header.more.push(("room".into(), format!("{share:.6e}")));
        }
        self
    }

    /// A further user property of a picture.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.header.more.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Says of a picture whom its alert is for.
    pub fn for_whom(mut self, audience: Audience) -> Record {
        if !audience.is_everybody() {
            self.header.more.push(("audience".into(), audience.name().into()));
        }
        self
    }

    /// Length of what goes out.
    pub fn bytes(&self) -> usize {
        self.body.len()
    }

    /// To bytes.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let header = serde_json::to_vec(&self.header)?;
        let mut bytes = Vec::with_capacity(4 + header.len() + self.body.len());
        bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(&self.body);
        Ok(bytes)
    }

    /// From bytes; `None` where they are not ours.
    pub fn decode(bytes: &[u8]) -> Option<Record> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (header, body) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        Some(Record { header: serde_json::from_slice(header).ok()?, body: body.to_vec() })
    }

    /// Unique id of the alert that it is or belongs to; empty where there is none.
    pub fn alert_id(&self) -> &str {
        &self.header.alert
    }

    /// Uptime at which its frame was taken, where the way from there to the acknowledgement tells something in this boot.
    pub fn captured_uptime_ms(&self, boot: &BootId) -> Option<u64> {
        (self.header.timed && self.header.boot == *boot).then_some(self.header.captured_uptime_ms)
    }

    /// Whether it opens an alert on a drawn bear.
    pub fn is_drill(&self) -> bool {
        self.header.drill
    }

    /// What goes over the wire at `uptime_ms` of `boot`.
    pub fn into_message(self, lane: Lane, site: &Site, boot: &BootId, uptime_ms: u64) -> Message {
        let late =
            self.header.boot != *boot || uptime_ms.saturating_sub(self.header.made_uptime_ms) > LATE_AFTER_MS;
        let mut properties = properties(&self.header.boot, self.header.seq, late);
        let (kind, content_type) = match lane {
            Lane::Alerts => (Kind::Alert, "application/json"),
            Lane::Snapshots | Lane::Audit => (Kind::Snapshot, "image/jpeg"),
            Lane::Telemetry => (Kind::Telemetry, "application/json"),
        };
        let picture = kind == Kind::Snapshot;
        if picture {
            properties.push(("alert".into(), self.header.alert));
            properties.push(("captured".into(), self.header.captured));
            properties.extend(self.header.impairment.map(|name| ("impairment".into(), name)));
            properties.extend(self.header.request.map(|number| ("request".into(), number.to_string())));
            properties.extend(self.header.more);
        }
        let payload = if late && !picture { marked_late(self.body) } else { self.body };
        let topic = match &self.header.topic {
            Some(below) => format!("bearwatch/v1/{}/{}/{below}", site.name, site.camera),
            None => topic(site, kind),
        };
        Message {
            topic,
            payload,
            acknowledged: true,
            retain: false,
            expiry_s: if lane == Lane::Audit { Some(AUDIT_USEFUL_S) } else { kind.useful_for_s() },
            content_type: content_type.into(),
            properties,
            response_topic: None,
            correlation: None,
        }
    }
}

/// User properties of every message: brokers and bridges can tell late from live without parsing the payload.
pub fn properties(boot: &BootId, seq: u64, late: bool) -> Vec<(String, String)> {
    vec![("boot".into(), boot.0.clone()), ("seq".into(), seq.to_string()), ("late".into(), late.to_string())]
}

fn header(envelope: &Envelope, subject: Subject, captured: Stamp, timed: bool) -> Header {
    let (alert, impairment, request) = match subject {
        Subject::Alert(id) | Subject::Before(id) => (alert_id(&envelope.boot, id), None, None),
        Subject::Impairment(impairment) => (String::new(), Some(impairment.name().to_owned()), None),
        Subject::Request(number) => (String::new(), None, Some(number)),
    };
    let marked = match subject {
        Subject::Alert(_) => Some("true"),
        Subject::Before(_) => Some("false"),
        _ => None,
    };
    let more = marked.map(|marked| ("marked".to_owned(), marked.to_owned())).into_iter().collect();
    Header {
        boot: envelope.boot.clone(),
        seq: envelope.seq,
        made_uptime_ms: envelope.uptime_ms,
        captured_uptime_ms: captured.uptime_ms,
        alert,
        impairment,
        request,
        topic: None,
        more,
        captured: rfc3339(captured.unix_ms),
        timed,
        drill: false,
    }
}

/// The same message with `late` set. What a newer or older daemon wrote and this one cannot read goes out as it is.
fn marked_late(body: Vec<u8>) -> Vec<u8> {
    late_alert(&body).or_else(|_| late_ack(&body)).or_else(|_| late_telemetry(&body)).unwrap_or(body)
}

fn late_alert(body: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let mut message: AlertMessage = serde_json::from_slice(body)?;
    message.envelope.late = true;
    serde_json::to_vec(&message)
}

fn late_ack(body: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let mut message: AckMessage = serde_json::from_slice(body)?;
    message.envelope.late = true;
    serde_json::to_vec(&message)
}

fn late_telemetry(body: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let mut message: TelemetryMessage = serde_json::from_slice(body)?;
    message.envelope.late = true;
    serde_json::to_vec(&message)
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
