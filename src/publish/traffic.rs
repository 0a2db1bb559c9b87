//! What goes over one connection: the status, then alerts, then snapshots, telemetry beside them; and what its acknowledgements mean.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;

use super::announcement::Announcement;
use super::delivery::{Delivery, Key, Lane, Parcel, Verdict};
use super::message::{Envelope, Kind, StatusMessage, topic};
use super::mqtt::{self, Happening, Message, Outgoings};
use super::record::{self, Record};
use super::reply::{StateDraft, StateMessage};
use super::shared::Shared;
use super::suspects::Suspects;
use super::{Health, State};
use crate::system::clock::Stopwatch;
use crate::system::metrics::{Stage, count};

/// Messages that the broker refused are offered again after this.
const SECOND_CHANCE: Duration = Duration::from_secs(30);
/// How long the broker may take to acknowledge our goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// A status as it goes out, and as it lies with the broker for our death.
pub fn status_message(shared: &Shared, status: &StatusMessage) -> Option<Message> {
    retained(shared, Kind::Status, &status.envelope, status)
}

/// A message that the broker keeps for those who come later.
fn retained(shared: &Shared, kind: Kind, envelope: &Envelope, body: &impl Serialize) -> Option<Message> {
    let payload = serde_json::to_vec(body).ok()?;
    let properties = record::properties(&envelope.boot, envelope.seq, false);
    Some(Message { retain: true, ..Message::json(topic(&shared.site, kind), payload, properties) })
}

/// What goes over one connection.
pub struct Traffic {
    shared: Arc<Shared>,
    outgoings: Outgoings,
    delivery: Delivery,
    suspects: Suspects,
    announcement: Announcement,
    /// The broker has let us in.
    pub up: bool,
    /// Largest packet that the broker takes, bytes.
    largest: Option<u32>,
    /// The outbox's count, as of the last look.
    returned: u64,
    /// Of the first status of this connection, which the last will belongs to.
    birth: Option<Envelope>,
    published: Option<Health>,
    published_state: Option<StateDraft>,
    /// Uptime of capture of the alerts on their way, by number.
    captured: HashMap<u64, u64>,
    since_start_over: Stopwatch,
    refusal_told: bool,
    goodbye: Option<Stopwatch>,
}

impl Traffic {
    /// For a fresh connection.
    pub fn new(shared: Arc<Shared>, outgoings: Outgoings, birth: Envelope, suspects: Suspects) -> Traffic {
        let returned = shared.outbox().returned();
        let announcement = Announcement::new(&shared.settings, &shared.site);
        Traffic {
            shared,
            outgoings,
            delivery: Delivery::new(mqtt::WINDOW),
            suspects,
            announcement,
            up: false,
            largest: None,
            returned,
            birth: Some(birth),
            published: None,
            published_state: None,
            captured: HashMap::new(),
            since_start_over: Stopwatch::start(),
            refusal_told: false,
            goodbye: None,
        }
    }

    /// The broker let us in.
    pub fn connected(&mut self, largest: Option<u32>) {
        self.up = true;
        self.largest = largest;
        if let Some(inbox) = &self.shared.inbox {
            self.outgoings.subscribe(&inbox.filter);
        }
        if let Some(topic) = self.announcement.birth_topic() {
            self.outgoings.subscribe(&topic);
        }
    }

    /// The connection is over; what was on its way when it `broke` is under suspicion. Gives back what outlives it, the number of a
    /// birth that was never sent among it.
    pub fn end(mut self, broke: bool) -> (Suspects, Option<u64>) {
        let on_their_way = if broke { self.delivery.on_their_way() } else { Vec::new() };
        if let Some(Key { lane, number }) = self.suspects.broke(&on_their_way, self.shared.clock.uptime()) {
            tracing::error!(
                "message {number} of the outbox ({lane:?}) breaks the connection each time it is sent; it is held back and the \
                 others go on; check what the broker's log says of it, and its limit on the size of messages \
                 (publish.snapshot_px makes pictures smaller)"
            );
        }
        (self.suspects, self.birth.map(|envelope| envelope.seq))
    }

    /// Whether nothing is gained by staying connected, once the daemon ends.
    pub fn is_over(&self) -> bool {
        !self.up || self.goodbye.is_some_and(|since| since.elapsed() > GOODBYE)
    }

    /// Hands telemetry over, or counts it as lost.
    pub fn telemetry(&mut self, message: Message) {
        if !self.outgoings.publish(message) {
            count(&self.shared.metrics.counters.lost_telemetry);
        }
    }

    /// Hands over what the present alone is interested in.
    pub fn present(&mut self, message: Message) {
        if self.outgoings.publish(message) {
            self.delivery.submitted(Parcel::Present);
        }
    }

    /// Hands over what there is room for: status and state when they changed, then alerts, then snapshots.
    pub fn feed(&mut self) {
        if !self.up {
            return;
        }
        if self.shared.finish.load(Ordering::Acquire) {
            return self.say_goodbye();
        }
        self.feed_status();
        self.feed_state();
        self.feed_announcement();
        self.feed_outbox();
    }

    fn feed_outbox(&mut self) {
        let returned = self.shared.outbox().returned();
        let disk_is_back = std::mem::replace(&mut self.returned, returned) != returned;
        if disk_is_back || self.since_start_over.elapsed() > SECOND_CHANCE {
            self.since_start_over = Stopwatch::start();
            self.delivery.start_over();
        }
        let now = self.shared.clock.uptime();
        self.delivery.set_window(if self.suspects.one_by_one(now) { 1 } else { mqtt::WINDOW });
        while self.delivery.room() > 0 {
            if !self.feed_stored(Lane::Alerts) && !self.feed_stored(Lane::Snapshots) {
                if self.delivery.is_idle() {
                    self.suspects.all_clear(now);
                }
                break;
            }
        }
    }

    fn feed_status(&mut self) {
        let health = self.shared.status();
        if self.published.as_ref() == Some(&health) {
            return;
        }
        // The birth goes out in any case, with what is true by now: the last will bears its number.
        let envelope = self.birth.take().unwrap_or_else(|| self.shared.envelope(Kind::Status));
        let status = StatusMessage::new(envelope, &health);
        if self.publish_status(&status) {
            self.published = Some(health);
        }
    }

    fn feed_state(&mut self) {
        let state = self.shared.state();
        let Some(draft) = state.filter(|state| self.published_state.as_ref() != Some(state)) else { return };
        let envelope = self.shared.envelope(Kind::State);
        let body = StateMessage::new(envelope.clone(), &draft);
        if let Some(message) = retained(&self.shared, Kind::State, &envelope, &body) {
            self.present(message);
            self.published_state = Some(draft);
        }
    }

    fn feed_announcement(&mut self) {
        while let Some(message) = self.announcement.due() {
            self.present(message);
        }
        if self.delivery.is_idle() {
            self.announcement.settled();
        }
    }

    fn publish_status(&mut self, status: &StatusMessage) -> bool {
        let handed_over =
            status_message(&self.shared, status).is_some_and(|message| self.outgoings.publish(message));
        if handed_over {
            self.delivery.submitted(Parcel::Present);
        }
        handed_over
    }

    /// The last status; the connection ends when it is acknowledged.
    fn say_goodbye(&mut self) {
        if self.goodbye.is_none() {
            let health = Health { state: State::Offline, reason: "stopped".into() };
            let status = StatusMessage::new(self.shared.envelope(Kind::Status), &health);
            self.publish_status(&status);
            self.goodbye = Some(Stopwatch::start());
        } else if self.delivery.is_idle() {
            self.outgoings.disconnect();
        }
    }

    /// Hands over the next stored message of a lane; `false` where there is none.
    fn feed_stored(&mut self, lane: Lane) -> bool {
        let Some((key, bytes)) = self.shared.outbox().next(lane, self.delivery.reached(lane)) else {
            return false;
        };
        let held = self.suspects.holds(key, self.shared.clock.uptime());
        if held || self.delivery.is_on_its_way(Parcel::Stored(key)) {
            self.delivery.pass(key);
            return true;
        }
        let Some(record) = Record::decode(&bytes) else {
            tracing::error!(
                "message {} of the outbox ({lane:?}) cannot be read and is passed over",
                key.number
            );
            self.delivery.pass(key);
            return true;
        };
        let captured = record.captured_uptime_ms(&self.shared.boot);
        let message =
            record.into_message(lane, &self.shared.site, &self.shared.boot, self.shared.clock.uptime_ms());
        if let Some(largest) = self.largest.filter(|largest| message.packet_bytes() > *largest as usize) {
            self.refused(&format!(
                "it takes at most {largest} bytes; publish.snapshot_px makes pictures smaller"
            ));
            self.delivery.pass(key);
            return true;
        }
        if !self.outgoings.publish(message) {
            return false;
        }
        self.delivery.submitted(Parcel::Stored(key));
        self.captured.extend(captured.map(|at| (key.number, at)));
        true
    }

    /// Takes in what happened to what is on its way.
    pub fn happened(&mut self, happening: Happening) {
        match happening {
            Happening::Sent(packet) => self.delivery.sent(packet),
            Happening::Acknowledged { packet, outcome } => {
                match self.delivery.acknowledged(packet, outcome.is_ok()) {
                    Verdict::Delivered(Parcel::Stored(key)) => self.delivered(key),
                    Verdict::Refused(_) => self.refused(&outcome.err().unwrap_or_default()),
                    Verdict::Delivered(Parcel::Present) | Verdict::Unknown => {}
                }
            }
            Happening::Received(message) => self.received(message),
            Happening::Subscribed(Err(reason)) => tracing::error!(
                "the broker refuses a subscription ({reason}): commands, or the birth of Home Assistant, do not reach this camera; check its access rules"
            ),
            _ => {}
        }
    }

    /// The connection never waits for whoever reads commands: what does not fit is counted there.
    fn received(&mut self, message: Message) {
        if self.announcement.hears(&message) {
            return;
        }
        let Some(inbox) = &self.shared.inbox else { return };
        if inbox.sender.try_send(message).is_err() {
            count(&self.shared.metrics.counters.lost_commands);
        }
    }

    fn delivered(&mut self, key: Key) {
        self.shared.outbox().remove(&[key]);
        self.suspects.cleared(key);
        count(&self.shared.metrics.counters.acknowledged);
        if let Some(captured) = self.captured.remove(&key.number) {
            let took = self.shared.clock.uptime_ms().saturating_sub(captured);
            self.shared.metrics.record(Stage::CaptureToPuback, Duration::from_millis(took));
        }
    }

    /// The message stays in the outbox. Said once a connection.
    fn refused(&mut self, reason: &str) {
        count(&self.shared.metrics.counters.refused);
        if !self.refusal_told {
            let base = topic(&self.shared.site, Kind::Alert);
            tracing::error!(
                "the broker refuses messages ({reason}); they wait; check its access rules for {base} and beside"
            );
            self.refusal_told = true;
        }
    }
}
