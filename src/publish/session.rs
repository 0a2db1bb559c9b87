//! The connection's thread: connects, says who we are, sends what waits, removes what is acknowledged, and begins again when the
//! broker goes away.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::select;
use tokio::sync::mpsc::Receiver;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::address::Login;
use super::backoff::Backoff;
use super::delivery::{Delivery, Key, Lane, Parcel, Verdict};
use super::message::{Kind, StatusMessage, topic};
use super::mqtt::{self, Happening, Message, Options, Outgoings, Trouble};
use super::record::{self, Record};
use super::worker::{Link, Shared};
use super::{Health, State};
use crate::system::clock::Stopwatch;
use crate::system::metrics::{Stage, count};
use crate::system::pulse::Pulse;

/// Longest pause before a connection is tried again.
const CAP: Duration = Duration::from_secs(4);
/// Likewise when the broker refuses us: somebody has to act first.
const CAP_REFUSED: Duration = Duration::from_secs(30);
/// A connection that held this long was a good one: the next pause is short again.
const GOOD: Duration = Duration::from_secs(5);
/// How often an idle connection looks around.
const TICK: Duration = Duration::from_millis(500);
/// Messages that the broker refused are offered again after this.
const SECOND_CHANCE: Duration = Duration::from_secs(30);
/// How long the broker may take to acknowledge our goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// Starts the thread.
pub fn spawn(
    shared: Arc<Shared>,
    telemetry: Receiver<Message>,
    life: Pulse,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let mut session = Session { shared, telemetry, life, told: None };
    std::thread::Builder::new().name("mqtt".into()).spawn(move || runtime.block_on(session.run()))
}

struct Session {
    shared: Arc<Shared>,
    telemetry: Receiver<Message>,
    life: Pulse,
    /// The trouble that was logged last.
    told: Option<Trouble>,
}

impl Session {
    /// For ever, around connections that may fail.
    async fn run(&mut self) {
        let mut backoff = Backoff::new();
        loop {
            let watch = Stopwatch::start();
            let trouble = match self.connection().await {
                Ok(()) => return,
                Err(trouble) => trouble,
            };
            if watch.elapsed() > GOOD {
                backoff.reset();
            }
            let pause = backoff.pause(if trouble.refused { CAP_REFUSED } else { CAP });
            self.tell(trouble);
            if self.pause(pause).await {
                return;
            }
        }
    }

    /// Says what is wrong once, until it changes.
    fn tell(&mut self, trouble: Trouble) {
        let down = Link::Down { why: trouble.text.clone(), refused: trouble.refused };
        *self.shared.link() = down;
        if self.told.as_ref() == Some(&trouble) {
            return;
        }
        let waiting = self.shared.outbox().depth();
        match trouble.refused {
            true => tracing::error!("{}; {waiting} messages wait, trying again", trouble.text),
            false => tracing::warn!("{}; {waiting} messages wait, trying again", trouble.text),
        }
        self.told = Some(trouble);
    }

    /// Waits; `true` when the daemon ends meanwhile. Telemetry that comes in speaks of a time without connection and is dropped.
    async fn pause(&mut self, time: Duration) -> bool {
        let mut rest = time;
        while !rest.is_zero() && !self.is_finishing() {
            let step = rest.min(TICK);
            select! {
                () = sleep(step) => rest -= step,
                () = self.shared.wake.notified() => {}
            }
            self.life.beat();
        }
        while self.telemetry.try_recv().is_ok() {
            count(&self.shared.metrics.counters.lost_telemetry);
        }
        self.is_finishing()
    }

    fn is_finishing(&self) -> bool {
        self.shared.finish.load(Ordering::Acquire)
    }

    /// One connection. `Ok` when it ended because we wanted it to.
    async fn connection(&mut self) -> Result<(), Trouble> {
        let (options, birth) = self.options()?;
        let (outgoings, mut connection) = mqtt::connect(options);
        let mut traffic = Traffic::new(self.shared.clone(), outgoings, birth);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let mut next = pin!(connection.next());
            let happening = loop {
                select! {
                    happening = &mut next => break happening,
                    () = self.shared.wake.notified() => {}
                    Some(message) = self.telemetry.recv(), if traffic.up => traffic.telemetry(message),
                    _ = tick.tick() => self.life.beat(),
                }
                traffic.feed();
                if self.is_finishing() && traffic.is_over() {
                    return Ok(());
                }
            };
            match happening {
                Ok(Happening::Left) => return Ok(()),
                Ok(Happening::Connected) => {
                    tracing::info!("connected to broker {}", self.shared.address);
                    self.told = None;
                    *self.shared.link() = Link::Up;
                    traffic.up = true;
                }
                Ok(other) => traffic.happened(other),
                Err(_) if self.is_finishing() => return Ok(()),
                Err(trouble) => return Err(trouble),
            }
            traffic.feed();
        }
    }

    /// What the connection needs, and the birth message that its last will belongs to.
    fn options(&self) -> Result<(Options, StatusMessage), Trouble> {
        let shared = &self.shared;
        let login = Login::read(&shared.settings)
            .map_err(|error| Trouble { text: error.to_string(), refused: true })?;
        let birth = StatusMessage::new(shared.envelope(Kind::Status), &shared.status());
        let mut will = birth.clone();
        will.state = State::Offline;
        will.reason = "connection lost: no power, no network, or the daemon died".into();
        let options = Options {
            client_id: format!("bearwatch-{}-{}", shared.site.name, shared.site.camera),
            address: shared.address.clone(),
            login,
            tls: shared.tls.clone(),
            keep_alive_s: shared.settings.keep_alive_s,
            will: status_message(shared, &will),
            memory_s: 0,
        };
        Ok((options, birth))
    }
}

fn status_message(shared: &Shared, status: &StatusMessage) -> Option<Message> {
    let payload = serde_json::to_vec(status).ok()?;
    Some(Message {
        topic: topic(&shared.site, Kind::Status),
        payload,
        acknowledged: true,
        retain: true,
        content_type: "application/json".into(),
        properties: record::properties(&status.envelope.boot, status.envelope.seq, false),
    })
}

/// What goes over one connection.
struct Traffic {
    shared: Arc<Shared>,
    outgoings: Outgoings,
    delivery: Delivery,
    up: bool,
    /// Sent first; its health is what the broker was told.
    birth: Option<StatusMessage>,
    published: Option<Health>,
    /// Uptime of capture of the alerts on their way, by number.
    captured: HashMap<u64, u64>,
    since_start_over: Stopwatch,
    refusal_told: bool,
    goodbye: Option<Stopwatch>,
}

impl Traffic {
    fn new(shared: Arc<Shared>, outgoings: Outgoings, birth: StatusMessage) -> Traffic {
        Traffic {
            shared,
            outgoings,
            delivery: Delivery::new(mqtt::WINDOW),
            up: false,
            birth: Some(birth),
            published: None,
            captured: HashMap::new(),
            since_start_over: Stopwatch::start(),
            refusal_told: false,
            goodbye: None,
        }
    }

    /// Whether nothing is gained by staying connected, once the daemon ends.
    fn is_over(&self) -> bool {
        !self.up || self.goodbye.is_some_and(|since| since.elapsed() > GOODBYE)
    }

    fn telemetry(&mut self, message: Message) {
        if !self.outgoings.publish(message) {
            count(&self.shared.metrics.counters.lost_telemetry);
        }
    }

    /// Hands over what there is room for: the status when it changed, then alerts, then snapshots.
    fn feed(&mut self) {
        if !self.up {
            return;
        }
        if self.shared.finish.load(Ordering::Acquire) {
            return self.say_goodbye();
        }
        self.feed_status();
        if self.since_start_over.elapsed() > SECOND_CHANCE {
            self.since_start_over = Stopwatch::start();
            self.delivery.start_over();
        }
        while self.delivery.room() > 0
            && (self.feed_stored(Lane::Alerts) || self.feed_stored(Lane::Snapshots))
        {}
    }

    fn feed_status(&mut self) {
        let health = self.shared.status();
        if self.published.as_ref() == Some(&health) {
            return;
        }
        let status = match self.birth.take() {
            Some(birth) if birth.state == health.state && birth.reason == health.reason => birth,
            _ => StatusMessage::new(self.shared.envelope(Kind::Status), &health),
        };
        if self.publish_status(&status) {
            self.published = Some(health);
        }
    }

    fn publish_status(&mut self, status: &StatusMessage) -> bool {
        let handed_over =
            status_message(&self.shared, status).is_some_and(|message| self.outgoings.publish(message));
        if handed_over {
            self.delivery.submitted(Parcel::Status);
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
        if self.delivery.is_on_its_way(Parcel::Stored(key)) {
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
        if !self.outgoings.publish(message) {
            return false;
        }
        self.delivery.submitted(Parcel::Stored(key));
        self.captured.extend(captured.map(|at| (key.number, at)));
        true
    }

    fn happened(&mut self, happening: Happening) {
        match happening {
            Happening::Sent(packet) => self.delivery.sent(packet),
            Happening::Acknowledged { packet, outcome } => {
                match self.delivery.acknowledged(packet, outcome.is_ok()) {
                    Verdict::Delivered(Parcel::Stored(key)) => self.delivered(key),
                    Verdict::Refused(_) => self.refused(&outcome.err().unwrap_or_default()),
                    Verdict::Delivered(Parcel::Status) | Verdict::Unknown => {}
                }
            }
            _ => {}
        }
    }

    fn delivered(&mut self, key: Key) {
        self.shared.outbox().remove(&[key]);
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
