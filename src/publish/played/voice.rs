//! What a played camera says: numbers, messages, and what waits for an acknowledgement.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::{Company, Happened};
use crate::publish::delivery::Lane;
use crate::publish::message::{BootId, Envelope, Kind, StatusMessage, rfc3339, topic};
use crate::publish::models::{ModelsDraft, ModelsMessage};
use crate::publish::mqtt::{Message, Outgoings};
use crate::publish::record::{self, Record};
use crate::publish::reply::{AnswerDraft, AnswerMessage, Head, StateMessage, Verdict};
use crate::publish::settings::Site;
use crate::publish::telemetry::{TelemetryDraft, TelemetryMessage};
use crate::publish::{Draft, Health, State};

/// A message that the broker does not have.
enum Parked {
    Stored(Lane, Record),
    Present(Message),
}

/// What one camera says.
pub struct Voice {
    company: Arc<Company>,
    number: usize,
    /// Who it is.
    pub site: Site,
    boot: BootId,
    sequences: [u64; Kind::ALL.len()],
    parked: BTreeMap<u64, Parked>,
    last: u64,
    /// When telemetry went out.
    pub telemetry_at: Duration,
}

impl Voice {
    /// That has said nothing.
    pub fn new(company: Arc<Company>, number: usize, site: Site) -> Voice {
        Voice {
            company,
            number,
            site,
            boot: BootId::new(),
            sequences: Default::default(),
            parked: BTreeMap::new(),
            last: 0,
            telemetry_at: Duration::ZERO,
        }
    }

    /// Tells whoever watches.
    pub fn tell(&self, happened: Happened) {
        (self.company.tell)(self.number, happened);
    }

    /// Messages that the broker does not have.
    pub fn waiting(&self) -> usize {
        self.parked.len()
    }

    /// The first of them with a number from `from` on, as it goes out now.
    pub fn next(&self, from: u64, uptime_ms: u64) -> Option<(u64, Message)> {
        let (&number, parked) = self.parked.range(from..).next()?;
        let message = match parked {
            Parked::Stored(lane, record) => {
                record.clone().into_message(*lane, &self.site, &self.boot, uptime_ms)
            }
            Parked::Present(message) => message.clone(),
        };
        Some((number, message))
    }

    /// The broker has it, or does not want it.
    pub fn is_done_with(&mut self, number: u64) {
        self.parked.remove(&number);
    }

    /// What waits for an acknowledgement. Of the rest nothing is played.
    pub fn say(&mut self, draft: Draft) {
        match draft {
            Draft::Alert(alert) => {
                let envelope = self.envelope(Kind::Alert);
                let seq = envelope.seq;
                if let Ok(record) = Record::alert(envelope, &alert) {
                    self.park(Kind::Alert, seq, record.bytes(), Parked::Stored(Lane::Alerts, record));
                }
            }
            Draft::Snapshot { subject, jpeg, captured } => {
                let envelope = self.envelope(Kind::Snapshot);
                let bytes = jpeg.len();
                let record = Record::snapshot(&envelope, subject, captured, jpeg);
                self.park(Kind::Snapshot, envelope.seq, bytes, Parked::Stored(Lane::Snapshots, record));
            }
            Draft::State(state) => {
                let envelope = self.envelope(Kind::State);
                let seq = envelope.seq;
                let message = self.json(Kind::State, seq, &StateMessage::new(envelope, &state));
                self.park(Kind::State, seq, message.payload.len(), Parked::Present(message));
            }
            _ => {}
        }
    }

    /// Hands telemetry over; where there is no room it was never said.
    pub fn telemetry(&mut self, draft: &TelemetryDraft, now: Duration, outgoings: &mut Outgoings) {
        let envelope = self.envelope(Kind::Telemetry);
        let seq = envelope.seq;
        let body = TelemetryMessage::new(envelope, draft, &self.company.metrics);
        let message =
            Message { acknowledged: false, retain: false, ..self.json(Kind::Telemetry, seq, &body) };
        let bytes = message.payload.len();
        if outgoings.publish(message) {
            self.telemetry_at = now;
            self.tell(Happened::Said { kind: Kind::Telemetry, seq, bytes });
        } else {
            self.take_back(Kind::Telemetry);
        }
    }

    /// Telemetry of so long ago; it waits for an acknowledgement, as what was kept does.
    pub fn remember(&mut self, ago: Duration, draft: &TelemetryDraft) {
        let mut envelope = self.envelope(Kind::Telemetry);
        let seq = envelope.seq;
        envelope.time = rfc3339(self.company.clock.unix_ms() - ago.as_millis() as i64);
        // Of a past that is played the time is known, whatever this machine's clock is worth.
        (envelope.late, envelope.clock_synced) = (true, true);
        let body = TelemetryMessage::new(envelope, draft, &self.company.metrics);
        let properties = record::properties(&self.boot, seq, true);
        let message = Message { retain: false, properties, ..self.json(Kind::Telemetry, seq, &body) };
        self.park(Kind::Telemetry, seq, message.payload.len(), Parked::Present(message));
    }

    /// A status, with the envelope of a birth where it is one.
    pub fn status(&mut self, state: State, reason: &str, birth: Option<Envelope>) {
        let envelope = birth.unwrap_or_else(|| self.envelope(Kind::Status));
        let (seq, health) = (envelope.seq, Health { state, reason: reason.into(), cause: "ok" });
        let message = self.json(Kind::Status, seq, &StatusMessage::new(envelope, &health));
        self.park(Kind::Status, seq, message.payload.len(), Parked::Present(message));
    }

    /// Which models are here, retained.
    pub fn models(&mut self, models: &ModelsDraft) {
        let envelope = self.envelope(Kind::Models);
        let seq = envelope.seq;
        let message = self.json(Kind::Models, seq, &ModelsMessage { envelope, models: models.clone() });
        self.park(Kind::Models, seq, message.payload.len(), Parked::Present(message));
    }

    /// What became of a command.
    pub fn answer(&mut self, command: &str, fields: &Value, done: Result<&str, &str>) {
        let envelope = self.envelope(Kind::Answer);
        let seq = envelope.seq;
        let draft = AnswerDraft {
            command: command.into(),
            id: fields["id"].as_str().map(str::to_owned),
            verdict: if done.is_ok() { Verdict::Applied } else { Verdict::Refused },
            reason: done.unwrap_or_else(|reason| reason).into(),
            by: fields["by"].as_str().unwrap_or_default().into(),
            signed: false,
            until: None,
            audit: Head::default(),
            response_topic: None,
            correlation: None,
        };
        let body = AnswerMessage::new(envelope, &draft);
        let message = Message { retain: false, ..self.json(Kind::Answer, seq, &body) };
        self.park(Kind::Answer, seq, message.payload.len(), Parked::Present(message));
    }

    fn park(&mut self, kind: Kind, seq: u64, bytes: usize, parked: Parked) {
        self.last += 1;
        self.parked.insert(self.last, parked);
        self.tell(Happened::Said { kind, seq, bytes });
    }

    /// As of now, with the next number of that topic.
    pub fn envelope(&mut self, kind: Kind) -> Envelope {
        let seq = self.sequences[kind as usize];
        self.sequences[kind as usize] += 1;
        Envelope::now(self.company.clock, &self.boot, seq)
    }

    /// The last number of that topic was not used: attempts leave no gaps.
    pub fn take_back(&mut self, kind: Kind) {
        self.sequences[kind as usize] -= 1;
    }

    /// Retained, as status and state are.
    pub fn json(&self, kind: Kind, seq: u64, body: &impl Serialize) -> Message {
        let payload = serde_json::to_vec(body).unwrap_or_default();
        let properties = record::properties(&self.boot, seq, false);
        Message { retain: true, ..Message::json(topic(&self.site, kind), payload, properties) }
    }
}
