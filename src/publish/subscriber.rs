//! The other end: receives what cameras publish and sends them commands, as a ranger's desk would. Serves `bearwatch watch`, `command`,
//! `demo`, `check` and the tests.

use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::select;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::address::{Address, Login};
use super::backoff::Backoff;
use super::certificates::Certificates;
use super::incoming;
pub use super::incoming::{Body, Received, Snapshot};
use super::message::BootId;
use super::mqtt::{self, Connection, Happening, Message, Options, Outgoings, Trouble};
use super::settings::Settings;
use super::{PublishError, tls};
use crate::system::stop::Stop;

/// Messages that may wait for the reader. When it is full the connection waits too, and the broker keeps what is QoS 1.
const QUEUE: usize = 256;
/// Messages that may wait to be sent.
const POSTS: usize = 16;
/// Longest pause before a connection is tried again: people are waiting in front of it.
const CAP: Duration = Duration::from_secs(2);
/// How often it looks whether it is to end.
const TICK: Duration = Duration::from_millis(50);
/// The broker keeps alerts and pictures for us over a broken connection, for so long.
const MEMORY_S: u32 = 900;
/// Likewise for one of a group (`$share/…`): the broker gives it its share of the work as long as it remembers it.
const MEMORY_OF_ONE_S: u32 = 60;
/// How long the goodbye to the broker may take.
const GOODBYE: Duration = Duration::from_millis(500);

/// What a subscriber hears.
#[derive(Clone, Debug)]
pub enum Heard {
    /// The broker let us in and agreed to the subscription: from now on nothing is missed.
    Connected,
    /// No connection; it is tried again. The broker keeps alerts and pictures meanwhile (QoS 1), for a quarter of an hour; what is
    /// sent while the broker itself is away waits at the cameras.
    Lost {
        /// What happened and what to do.
        why: String,
        /// The broker or the certificates refuse us: somebody has to act.
        refused: bool,
    },
    /// A message on one of our topics.
    Message(Box<Received>),
    /// The broker will not take what we sent.
    Refused {
        /// Its reason.
        reason: String,
    },
    /// Something on our topics that is not of the contract.
    Unreadable {
        /// Where it came in.
        topic: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A running subscription; ends when dropped.
pub struct Subscriber {
    heard: Receiver<Heard>,
    posts: mpsc::Sender<Message>,
    certificates: Certificates,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Subscriber {
    /// Begins to listen on `filter` ("bearwatch/v1/+/+/alert"). A broker that is away is told as [`Heard::Lost`] and tried again.
    ///
    /// # Errors
    /// Only mistakes of configuration: the address, or files that cannot be read.
    pub fn start(settings: &Settings, filter: &str) -> Result<Subscriber, PublishError> {
        Subscriber::begin(settings, Some(filter.into()))
    }

    /// Connects and listens to nothing: does the broker let us in?
    ///
    /// # Errors
    /// As [`Subscriber::start`].
    pub fn knock(settings: &Settings) -> Result<Subscriber, PublishError> {
        Subscriber::begin(settings, None)
    }

    fn begin(settings: &Settings, filter: Option<String>) -> Result<Subscriber, PublishError> {
        let address = Address::parse(&settings.broker)?;
        Login::read(settings)?;
        let certificates = Certificates::default();
        let tls = address.tls.then(|| tls::client_config(settings, &certificates)).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (sender, heard) = sync_channel(QUEUE);
        let (posts, posts_out) = mpsc::channel(POSTS);
        let stop = Stop::default();
        let listener = Listener {
            settings: settings.clone(),
            address,
            tls,
            client_id: format!("bearwatch-desk-{}", BootId::new().0),
            filter,
            sender,
            posts: posts_out,
            stop: stop.clone(),
        };
        let thread = std::thread::Builder::new().name("listen".into()).spawn(move || {
            runtime.block_on(listener.run());
            // A look-up of a name may still be under way and cannot be interrupted: it is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Subscriber { heard, posts, certificates, stop, thread: Some(thread) })
    }

    /// When the certificates end; the broker's once it has let us in.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// Sends a message once the broker has let us in; `false` where too many wait.
    pub fn send(&self, message: Message) -> bool {
        self.posts.try_send(message).is_ok()
    }

    /// What was heard next; `None` after `timeout`.
    pub fn next(&self, timeout: Duration) -> Option<Heard> {
        match self.heard.recv_timeout(timeout) {
            Ok(heard) => Some(heard),
            Err(RecvTimeoutError::Timeout) => None,
            // The thread is gone: whoever asks in a loop is not to spin.
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(timeout);
                None
            }
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
    filter: Option<String>,
    sender: SyncSender<Heard>,
    posts: mpsc::Receiver<Message>,
    stop: Stop,
}

impl Listener {
    async fn run(mut self) {
        let mut backoff = Backoff::new();
        while !self.stop.is_raised() {
            let Err(Trouble { text: why, refused, .. }) = self.connection(&mut backoff).await else { return };
            if !self.tell(Heard::Lost { why, refused }) || self.stop.sleep(backoff.pause(CAP)) {
                return;
            }
        }
    }

    /// One connection. `Ok` when nobody listens any more.
    async fn connection(&mut self, backoff: &mut Backoff) -> Result<(), Trouble> {
        let (mut outgoings, mut connection) = mqtt::connect(self.options()?);
        let mut let_in = false;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let mut next = pin!(connection.next());
            let happening = loop {
                select! {
                    happening = &mut next => break Some(happening?),
                    Some(message) = self.posts.recv(), if let_in => { outgoings.publish(message); }
                    _ = tick.tick() => if self.stop.is_raised() { break None },
                }
            };
            let Some(happening) = happening else { break };
            if matches!(happening, Happening::Connected { .. }) {
                let_in = true;
                backoff.reset();
            }
            if self.heard(happening, &outgoings)?.is_some_and(|heard| !self.tell(heard)) {
                break;
            }
        }
        if let_in {
            let _ = timeout(GOODBYE, self.leave(&outgoings, &mut connection)).await;
        }
        Ok(())
    }

    fn options(&self) -> Result<Options, Trouble> {
        let login = Login::read(&self.settings).map_err(|e| Trouble::refusal(e.to_string()))?;
        Ok(Options {
            client_id: self.client_id.clone(),
            address: self.address.clone(),
            login,
            tls: self.tls.clone(),
            keep_alive_s: self.settings.keep_alive_s,
            will: None,
            memory_s: self.filter.as_deref().map_or(0, memory_s),
            largest: mqtt::PICTURES,
            custody: None,
        })
    }

    /// What is to be told of a happening; asks for the topics once we are let in.
    fn heard(&self, happening: Happening, outgoings: &Outgoings) -> Result<Option<Heard>, Trouble> {
        Ok(match (happening, &self.filter) {
            (Happening::Connected { .. }, Some(filter)) => {
                outgoings.subscribe(filter);
                None
            }
            (Happening::Connected { .. }, None) | (Happening::Subscribed(Ok(())), _) => {
                Some(Heard::Connected)
            }
            (Happening::Subscribed(Err(reason)), filter) => {
                let (broker, filter) = (&self.address, filter.as_deref().unwrap_or_default());
                let text = format!(
                    "broker {broker}: refuses the subscription to {filter} ({reason}); check its access rules"
                );
                return Err(Trouble::refusal(text));
            }
            (Happening::Received { message, .. }, _) => Some(heard(message)),
            (Happening::Acknowledged { outcome: Err(objection), .. }, _) => {
                Some(Heard::Refused { reason: objection.code })
            }
            (Happening::Sent(_) | Happening::Acknowledged { .. } | Happening::Left, _) => None,
        })
    }

    /// Says goodbye, so that the broker neither waits for us nor keeps anything.
    async fn leave(&self, outgoings: &Outgoings, connection: &mut Connection) {
        if let Some(filter) = &self.filter {
            outgoings.unsubscribe(filter);
        }
        outgoings.disconnect();
        while let Ok(happening) = connection.next().await {
            if matches!(happening, Happening::Left) {
                return;
            }
        }
    }

    /// Waits while the queue is full; `false` when nobody listens any more.
    fn tell(&self, heard: Heard) -> bool {
        self.sender.send(heard).is_ok() && !self.stop.is_raised()
    }
}

fn memory_s(filter: &str) -> u32 {
    if filter.starts_with("$share/") { MEMORY_OF_ONE_S } else { MEMORY_S }
}

fn heard(message: Message) -> Heard {
    let topic = message.topic.clone();
    match incoming::read(message) {
        Ok(received) => Heard::Message(Box::new(received)),
        Err(reason) => Heard::Unreadable { topic, reason },
    }
}
