//! The other end: receives what cameras publish, as a ranger's desk would. Serves `bearwatch watch`, `demo`, `check` and the tests.

use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::select;
use tokio::time::{MissedTickBehavior, interval};

use super::address::{Address, Login};
use super::backoff::Backoff;
use super::message::{AlertMessage, BootId, Kind, StatusMessage, parse_topic};
use super::mqtt::{self, Happening, Message, Options, Trouble};
use super::settings::{Settings, Site};
use super::telemetry::TelemetryMessage;
use super::{PublishError, tls};
use crate::system::stop::Stop;

/// Messages that may wait for the reader. When it is full the connection waits too, and the broker keeps what is QoS 1.
const QUEUE: usize = 256;
/// Longest pause before a connection is tried again: people are waiting in front of it.
const CAP: Duration = Duration::from_secs(2);
/// How often it looks whether it is to end.
const TICK: Duration = Duration::from_millis(50);

/// What a subscriber hears.
#[derive(Clone, Debug)]
pub enum Heard {
    /// The broker agreed to the subscription: from now on nothing is missed.
    Connected,
    /// No connection; it is tried again. What cameras send meanwhile is not heard.
    Lost(String),
    /// A message on one of our topics.
    Message(Received),
    /// Something on our topics that is not of the contract.
    Unreadable {
        /// Where it came in.
        topic: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A message as it came in.
#[derive(Clone, Debug)]
pub struct Received {
    /// Who sent it.
    pub site: Site,
    /// The broker had kept it: it speaks of the past.
    pub retained: bool,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[derive(Clone, Debug)]
pub enum Body {
    /// How a camera is.
    Status(StatusMessage),
    /// A step in the life of an alert.
    Alert(AlertMessage),
    /// A picture that belongs to an alert.
    Snapshot(Snapshot),
    /// Measurements.
    Telemetry(Box<TelemetryMessage>),
}

/// A picture with the user properties that came with it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Id of its alert.
    pub alert: String,
    /// When it was taken, RFC 3339.
    pub captured: String,
    /// Which life of the daemon sent it.
    pub boot: BootId,
    /// Its number on its topic.
    pub seq: u64,
    /// The picture.
    pub jpeg: Vec<u8>,
}

/// A running subscription; ends when dropped.
pub struct Subscriber {
    heard: Receiver<Heard>,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Subscriber {
    /// Begins to listen on `filter` ("bearwatch/v1/+/+/alert"). A broker that is away is told as [`Heard::Lost`] and tried again.
    ///
    /// # Errors
    /// Only mistakes of configuration: the address, or files that cannot be read.
    pub fn start(settings: &Settings, filter: &str) -> Result<Subscriber, PublishError> {
        let address = Address::parse(&settings.broker)?;
        Login::read(settings)?;
        let tls = address.tls.then(|| tls::client_config(settings)).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (sender, heard) = sync_channel(QUEUE);
        let stop = Stop::default();
        let listener = Listener {
            settings: settings.clone(),
            address,
            tls,
            client_id: format!("bearwatch-desk-{}", BootId::new().0),
            filter: filter.into(),
            sender,
            stop: stop.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("listen".into())
            .spawn(move || runtime.block_on(listener.run()))?;
        Ok(Subscriber { heard, stop, thread: Some(thread) })
    }

    /// What was heard next; `None` after `timeout`.
    pub fn next(&self, timeout: Duration) -> Option<Heard> {
        match self.heard.recv_timeout(timeout) {
            Ok(heard) => Some(heard),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.stop.raise();
        while self.heard.recv_timeout(TICK).is_ok() {}
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the listening thread panicked");
        }
    }
}

struct Listener {
    settings: Settings,
    address: Address,
    tls: Option<Arc<rustls::ClientConfig>>,
    client_id: String,
    filter: String,
    sender: SyncSender<Heard>,
    stop: Stop,
}

impl Listener {
    async fn run(self) {
        let mut backoff = Backoff::new();
        while !self.stop.is_raised() {
            let Err(trouble) = self.connection(&mut backoff).await else { return };
            if !self.tell(Heard::Lost(trouble.text)) || self.stop.sleep(backoff.pause(CAP)) {
                return;
            }
        }
    }

    /// One connection. `Ok` when nobody listens any more.
    async fn connection(&self, backoff: &mut Backoff) -> Result<(), Trouble> {
        let login =
            Login::read(&self.settings).map_err(|e| Trouble { text: e.to_string(), refused: true })?;
        let (outgoings, mut connection) = mqtt::connect(Options {
            client_id: self.client_id.clone(),
            address: self.address.clone(),
            login,
            tls: self.tls.clone(),
            keep_alive_s: self.settings.keep_alive_s,
            will: None,
        });
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let mut next = pin!(connection.next());
            let happening = loop {
                select! {
                    happening = &mut next => break happening?,
                    _ = tick.tick() => if self.stop.is_raised() { return Ok(()) },
                }
            };
            let heard = match happening {
                Happening::Connected => {
                    backoff.reset();
                    outgoings.subscribe(&self.filter);
                    continue;
                }
                Happening::Subscribed(Ok(())) => Heard::Connected,
                Happening::Subscribed(Err(reason)) => {
                    let filter = &self.filter;
                    let text = format!(
                        "broker {} refuses the subscription to {filter} ({reason}); check its access rules",
                        self.address
                    );
                    return Err(Trouble { text, refused: true });
                }
                Happening::Received(message) => heard(message),
                Happening::Sent(_) | Happening::Acknowledged { .. } | Happening::Left => continue,
            };
            if !self.tell(heard) {
                return Ok(());
            }
        }
    }

    /// Waits while the queue is full; `false` when nobody listens any more.
    fn tell(&self, heard: Heard) -> bool {
        self.sender.send(heard).is_ok() && !self.stop.is_raised()
    }
}

fn heard(message: Message) -> Heard {
    let topic = message.topic.clone();
    match read(message) {
        Ok(received) => Heard::Message(received),
        Err(reason) => Heard::Unreadable { topic, reason },
    }
}

fn read(message: Message) -> Result<Received, String> {
    let (site, kind) = parse_topic(&message.topic).ok_or("not a topic of bearwatch/v1")?;
    let body = match kind {
        Kind::Status => Body::Status(json(&message.payload)?),
        Kind::Alert => Body::Alert(json(&message.payload)?),
        Kind::Telemetry => Body::Telemetry(Box::new(json(&message.payload)?)),
        Kind::Snapshot => Body::Snapshot(snapshot(&message)?),
    };
    Ok(Received { site, retained: message.retain, body })
}

fn json<T: DeserializeOwned>(payload: &[u8]) -> Result<T, String> {
    serde_json::from_slice(payload).map_err(|error| error.to_string())
}

fn snapshot(message: &Message) -> Result<Snapshot, String> {
    let property = |name: &str| {
        let found = message.properties.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).ok_or_else(|| format!("has no user property {name:?}"))
    };
    Ok(Snapshot {
        alert: property("alert")?,
        captured: property("captured")?,
        boot: BootId(property("boot")?),
        seq: property("seq")?.parse().map_err(|_| "its seq is no number")?,
        jpeg: message.payload.clone(),
    })
}
