//! What goes over one connection: the status, then alerts, then snapshots, then telemetry of a time without connection, the present one
//! beside them; and what comes back: see [`heard`].

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;

use super::announcement::Announcement;
use super::delivery::{Delivery, Key, Lane, Parcel};
use super::message::{BootId, Envelope, Kind, StatusMessage, topic};
use super::models::{ModelsDraft, ModelsMessage};
use super::mqtt::{Limits, Message, Outgoings, WINDOW};
use super::outbox::Foremost;
use super::record::{self, Record};
use super::reply::{StateDraft, StateMessage};
use super::shared::Shared;
use super::suspects::Suspects;
use super::{Health, State};
use crate::system::clock::Stopwatch;
use crate::system::metrics::{Sort, count};

mod heard;
mod rest;

use rest::Rest;

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

/// What there is to tell when an alert's message has arrived.
struct Arriving {
    alert: String,
    /// It opens an alert on a drawn bear.
    is_drill: bool,
    /// Uptime of its frame, where the way from there tells something.
    captured_ms: Option<u64>,
}

impl Arriving {
    fn of(record: &Record, boot: &BootId) -> Arriving {
        Arriving {
            alert: record.alert_id().to_owned(),
            is_drill: record.is_drill(),
            captured_ms: record.captured_uptime_ms(boot),
        }
    }
}

/// What goes over one connection.
pub struct Traffic {
    shared: Arc<Shared>,
    outgoings: Outgoings,
    delivery: Delivery,
    foremost: Foremost,
    suspects: Suspects,
    announcement: Announcement,
    /// The broker has let us in.
    pub up: bool,
    /// Largest packet that the broker takes, bytes.
    largest: Option<u32>,
    /// After a message that the broker had no room for.
    rest: Rest,
    /// Broker and client have lost count of each other's messages.
    lost_count: bool,
    /// Why we leave although the daemon goes on.
    leaving: Option<String>,
    /// The outbox's count, as of the last look.
    returned: u64,
    /// Of the first status of this connection, which the last will belongs to.
    birth: Option<Envelope>,
    published: Option<Health>,
    published_state: Option<StateDraft>,
    published_models: Option<ModelsDraft>,
    /// What the broker has acknowledged and the outbox still holds: removed together, for each removal is a transaction.
    arrived: Vec<Key>,
    /// What the arrival of a stored message tells, by number.
    telling: HashMap<u64, Arriving>,
    since_start_over: Stopwatch,
    /// Since the last packet that went out or was acknowledged.
    progress: Stopwatch,
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
            delivery: Delivery::new(WINDOW),
            foremost: Foremost::default(),
            suspects,
            announcement,
            up: false,
            largest: None,
            rest: Rest::default(),
            lost_count: false,
            leaving: None,
            returned,
            birth: Some(birth),
            published: None,
            published_state: None,
            published_models: None,
            arrived: Vec::new(),
            telling: HashMap::new(),
            since_start_over: Stopwatch::start(),
            progress: Stopwatch::start(),
            refusal_told: false,
            goodbye: None,
        }
    }

    /// The broker let us in, and allows so much.
    pub fn connected(&mut self, limits: Limits) {
        self.up = true;
        self.largest = limits.largest;
        self.delivery.set_window(limits.window);
        self.outgoings.allow_aliases(limits.aliases);
        Lane::ALL.iter().for_each(|&lane| self.shared.object(lane, None));
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
        self.forget_arrived();
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

    /// We go to another broker: this one is told why it hears no more.
    pub fn leave(&mut self, reason: String) {
        self.leaving.get_or_insert(reason);
    }

    /// Whether we go to another broker.
    pub fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    /// Whether nothing is on its way to the broker.
    pub fn is_idle(&self) -> bool {
        self.delivery.is_idle()
    }

    /// Whether only a new connection helps.
    pub fn has_lost_count(&self) -> bool {
        self.lost_count
    }

    /// Whether nothing is gained by staying connected, once we leave.
    pub fn is_over(&self) -> bool {
        !self.up || self.goodbye.is_some_and(|since| since.elapsed() > GOODBYE)
    }

    /// Whether the broker has acknowledged nothing for longer than it may be silent, though something waits for it. One that answers
    /// pings and nothing else looks alive and keeps every alert from the rangers.
    pub fn is_stuck(&self) -> bool {
        let limit = 2 * Duration::from_secs(self.shared.settings.keep_alive_s.into());
        !self.delivery.is_idle() && self.progress.elapsed() > limit
    }

    /// Hands over telemetry of the present, or keeps it for later.
    pub fn telemetry(&mut self, record: Record) {
        let Shared { site, boot, clock, .. } = &*self.shared;
        let message = record.clone().into_message(Lane::Telemetry, site, boot, clock.uptime_ms());
        if self.outgoings.publish(Message { acknowledged: false, ..message }) {
            count(self.shared.metrics.counters.published.of(Sort::Telemetry));
        } else {
            self.shared.keep_telemetry(&record);
        }
    }

    /// Hands over what the present alone is interested in.
    pub fn present(&mut self, message: Message) {
        if self.outgoings.publish(message) {
            self.submitted(Parcel::Present);
        }
    }

    /// Hands over what there is room for: status and state when they changed, then alerts, then snapshots.
    pub fn feed(&mut self) {
        self.forget_arrived();
        if !self.up {
            return;
        }
        if self.shared.finish.load(Ordering::Acquire) {
            return self.say_goodbye("stopped");
        }
        if let Some(reason) = self.leaving.clone() {
            return self.say_goodbye(&reason);
        }
        self.feed_status();
        self.feed_state();
        self.feed_models();
        self.feed_announcement();
        self.feed_outbox();
    }

    fn forget_arrived(&mut self) {
        if !self.arrived.is_empty() {
            self.shared.outbox().remove(&std::mem::take(&mut self.arrived));
        }
    }

    fn feed_outbox(&mut self) {
        let returned = self.shared.outbox().returned();
        let disk_is_back = std::mem::replace(&mut self.returned, returned) != returned;
        if disk_is_back || self.since_start_over.elapsed() > SECOND_CHANCE {
            self.since_start_over = Stopwatch::start();
            self.delivery.start_over();
            self.foremost = Foremost::default();
        }
        let now = self.shared.clock.uptime();
        if !self.rest.is_over(now) {
            return;
        }
        while self.delivery.room() > 0 && !self.waits_for_suspect() {
            if !self.feed_stored() {
                if self.delivery.is_idle() {
                    self.suspects.all_clear(now);
                }
                break;
            }
        }
    }

    /// Whether a message that goes alone is on its way.
    fn waits_for_suspect(&self) -> bool {
        self.delivery.on_their_way().into_iter().any(|key| self.suspects.goes_alone(key))
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

    fn feed_models(&mut self) {
        let models = self.shared.models();
        let Some(draft) = models.filter(|models| self.published_models.as_ref() != Some(models)) else {
            return;
        };
        let envelope = self.shared.envelope(Kind::Models);
        let body = ModelsMessage { envelope: envelope.clone(), models: draft.clone() };
        if let Some(message) = retained(&self.shared, Kind::Models, &envelope, &body) {
            self.present(message);
            self.published_models = Some(draft);
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
            self.submitted(Parcel::Present);
        }
        handed_over
    }

    /// The last status; the connection ends when it is acknowledged.
    fn say_goodbye(&mut self, reason: &str) {
        if self.goodbye.is_none() {
            let health = Health { state: State::Offline, reason: reason.into(), cause: "stopped" };
            let status = StatusMessage::new(self.shared.envelope(Kind::Status), &health);
            self.publish_status(&status);
            self.goodbye = Some(Stopwatch::start());
        } else if self.delivery.is_idle() {
            self.outgoings.disconnect();
        }
    }

    /// The next stored message. All lanes are looked at in one go: between two looks an alert and its picture may be committed, and the
    /// picture would go first.
    fn next_stored(&mut self) -> Option<(Key, Vec<u8>)> {
        let mut outbox = self.shared.outbox();
        let mut lanes = Lane::ALL.into_iter().filter(|lane| self.delivery.has_room(*lane));
        let next = lanes.find_map(|lane| outbox.next(lane, self.delivery.reached(lane)))?;
        let alert = (next.0.lane == Lane::Alerts).then_some(next.0.number);
        alert.and_then(|number| self.foremost.before(number, &mut outbox)).or(Some(next))
    }

    /// The message needs no more thought on this connection.
    fn pass(&mut self, key: Key) {
        if !self.foremost.passed(key) {
            self.delivery.pass(key);
        }
    }

    /// Hands over the next stored message; `false` where there is none, or no room for it.
    fn feed_stored(&mut self) -> bool {
        let Some((key, bytes)) = self.next_stored() else { return false };
        let lane = key.lane;
        let held = self.suspects.holds(key, self.shared.clock.uptime());
        if held || self.delivery.is_on_its_way(Parcel::Stored(key)) {
            self.pass(key);
            return true;
        }
        if self.suspects.goes_alone(key) && !self.delivery.is_idle() {
            return false;
        }
        let Some(record) = Record::decode(&bytes) else {
            tracing::error!(
                "message {} of the outbox ({lane:?}) cannot be read and is passed over",
                key.number
            );
            self.pass(key);
            return true;
        };
        let arriving = (lane == Lane::Alerts).then(|| Arriving::of(&record, &self.shared.boot));
        let message =
            record.into_message(lane, &self.shared.site, &self.shared.boot, self.shared.clock.uptime_ms());
        if let Some(largest) = self.largest.filter(|largest| message.packet_bytes() > *largest as usize) {
            count(self.shared.metrics.counters.refused.of(lane.sort()));
            let remedy = "publish.snapshot_px makes pictures smaller";
            self.object(lane, format!("the broker takes at most {largest} bytes at once; {remedy}"));
            self.pass(key);
            return true;
        }
        if !self.outgoings.publish(message) {
            return false;
        }
        self.submitted(Parcel::Stored(key));
        self.pass(key);
        self.telling.extend(arriving.map(|arriving| (key.number, arriving)));
        true
    }

    fn submitted(&mut self, parcel: Parcel) {
        if self.delivery.is_idle() {
            self.progress = Stopwatch::start();
        }
        count(self.shared.metrics.counters.published.of(parcel.sort()));
        self.delivery.submitted_ahead(parcel);
    }
}
