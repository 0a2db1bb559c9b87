//! The publish thread: drafts become messages and are committed; and the handle by which the daemon holds both threads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use super::address::{Address, Login};
use super::delivery::Lane;
use super::message::{BootId, Envelope, Kind, topic};
use super::mqtt::Message;
use super::outbox::Outbox;
use super::record::{self, Record};
use super::settings::{Settings, Site};
use super::telemetry::TelemetryMessage;
use super::{AlertDraft, Draft, Health, PublishError, State, Subject, TelemetryDraft, session, tls};
use crate::perceive::frame::Stamp;
use crate::system::clock::{Clock, Stopwatch};
use crate::system::metrics::{Metrics, Stage, count};
use crate::system::pulse::Pulse;

/// Drafts that may wait; a sender waits when it is full, since alerts are not to be dropped. At most one draft a frame and stage.
const QUEUE: usize = 64;
/// Drafts that are committed together.
const BATCH: usize = 32;
/// Telemetry that may wait for the connection's thread.
const TELEMETRY_QUEUE: usize = 4;
/// How often an idle publish thread shows life.
const IDLE: Duration = Duration::from_millis(100);
/// A connection's thread that shows no life for this long is stuck.
const STUCK: Duration = Duration::from_secs(60);
/// How long the goodbye to the broker may take.
const GOODBYE: Duration = Duration::from_secs(3);

/// How the connection to the broker stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Not tried yet.
    Connecting,
    /// The broker let us in.
    Up,
    /// No connection; it is tried again.
    Down {
        /// What happened and what to do.
        why: String,
        /// The broker or the certificates refuse us: somebody has to act.
        refused: bool,
    },
}

/// What both threads and the handle share.
pub(super) struct Shared {
    pub site: Site,
    pub settings: Settings,
    pub address: Address,
    pub tls: Option<Arc<rustls::ClientConfig>>,
    pub clock: Clock,
    pub boot: BootId,
    pub metrics: Arc<Metrics>,
    /// Something may be there to send.
    pub wake: Notify,
    /// The queue is closed: what is in it is still taken.
    closing: AtomicBool,
    /// The connection is to be ended with a goodbye.
    pub finish: AtomicBool,
    sequences: [AtomicU64; 4],
    outbox: Mutex<Outbox>,
    health: Mutex<Health>,
    link: Mutex<Link>,
}

impl Shared {
    pub fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the status says: the daemon's own word, made worse by trouble with the outbox.
    pub fn status(&self) -> Health {
        let said = self.health().clone();
        match self.outbox().trouble() {
            Some(trouble) if said.state == State::Online => {
                Health { state: State::Degraded, reason: trouble }
            }
            Some(trouble) => Health { state: said.state, reason: format!("{}; {trouble}", said.reason) },
            None => said,
        }
    }

    /// An envelope with the next number of that topic.
    pub fn envelope(&self, kind: Kind) -> Envelope {
        self.numbered(self.next_number(kind))
    }

    /// The next number of that topic, which must be used.
    pub fn next_number(&self, kind: Kind) -> u64 {
        self.sequences[kind as usize].fetch_add(1, Ordering::Relaxed)
    }

    /// An envelope as of now with that number.
    pub fn numbered(&self, seq: u64) -> Envelope {
        Envelope::now(self.clock, &self.boot, seq)
    }
}

/// Holds the publish thread and the connection's thread.
pub struct Handle {
    shared: Arc<Shared>,
    sender: SyncSender<Draft>,
    worker: JoinHandle<()>,
    session: JoinHandle<()>,
}

/// Starts both threads. Fails only on mistakes of configuration: a broker that is away is waited for, a disk that does not work is
/// told as degraded health.
pub fn spawn(
    site: Site,
    settings: Settings,
    clock: Clock,
    metrics: Arc<Metrics>,
    pulse: Pulse,
) -> Result<Handle, PublishError> {
    let address = Address::parse(&settings.broker)?;
    Login::read(&settings)?;
    let tls = address.tls.then(|| tls::client_config(&settings)).transpose()?;
    let outbox = Outbox::open(&settings.store, clock, metrics.clone())?;
    let shared = Arc::new(Shared {
        site,
        settings,
        address,
        tls,
        clock,
        boot: BootId::new(),
        metrics,
        wake: Notify::new(),
        closing: AtomicBool::new(false),
        finish: AtomicBool::new(false),
        sequences: Default::default(),
        outbox: Mutex::new(outbox),
        health: Mutex::new(Health { state: State::Online, reason: String::new() }),
        link: Mutex::new(Link::Connecting),
    });
    let (sender, drafts) = sync_channel(QUEUE);
    let (telemetry, telemetry_out) = mpsc::channel(TELEMETRY_QUEUE);
    let life = Pulse::new(clock);
    let session = session::spawn(shared.clone(), telemetry_out, life.clone())?;
    let worker = Worker { shared: shared.clone(), drafts, telemetry, pulse, session_life: life };
    let worker = std::thread::Builder::new().name("publish".into()).spawn(move || worker.run())?;
    Ok(Handle { shared, sender, worker, session })
}

impl Handle {
    /// Where drafts go. Sending waits while the queue is full.
    pub fn sender(&self) -> SyncSender<Draft> {
        self.sender.clone()
    }

    /// Names this life of the daemon on the wire.
    pub fn boot(&self) -> &BootId {
        &self.shared.boot
    }

    /// How the connection stands.
    pub fn link(&self) -> Link {
        self.shared.link().clone()
    }

    /// Whether the broker has let us in.
    pub fn is_connected(&self) -> bool {
        self.link() == Link::Up
    }

    /// Messages that the broker does not have.
    pub fn waiting(&self) -> u64 {
        self.shared.outbox().depth()
    }

    /// Takes what is in the queue, waits until the broker has everything, says goodbye (status `offline`) and ends both threads.
    /// `false` where something is left after `timeout` or once it `is_enough`; it stays on disk and is sent by the next boot. A
    /// broker that refuses us is not waited for: somebody has to act first.
    pub fn drain(&self, timeout: Duration, is_enough: impl Fn() -> bool) -> bool {
        self.shared.closing.store(true, Ordering::Release);
        let refused = || matches!(self.link(), Link::Down { refused: true, .. });
        wait(timeout, || self.worker.is_finished() && (self.waiting() == 0 || refused() || is_enough()));
        self.shared.finish.store(true, Ordering::Release);
        self.shared.wake.notify_one();
        wait(GOODBYE, || self.session.is_finished());
        let mut outbox = self.shared.outbox();
        outbox.sync();
        self.worker.is_finished() && outbox.depth() == 0
    }

    /// Waits for both threads to end; call [`Handle::drain`] first.
    pub fn join(self) {
        drop(self.sender);
        for thread in [self.worker, self.session] {
            if thread.join().is_err() {
                tracing::error!("a publish thread panicked");
            }
        }
    }
}

/// Waits until `done` or `timeout`.
fn wait(timeout: Duration, done: impl Fn() -> bool) {
    let watch = Stopwatch::start();
    while !done() && watch.elapsed() < timeout {
        std::thread::sleep(Duration::from_millis(5));
    }
}

struct Worker {
    shared: Arc<Shared>,
    drafts: Receiver<Draft>,
    telemetry: mpsc::Sender<Message>,
    pulse: Pulse,
    session_life: Pulse,
}

impl Worker {
    fn run(self) {
        loop {
            match self.drafts.recv_timeout(IDLE) {
                Ok(first) => self.take(first),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) if self.shared.closing.load(Ordering::Acquire) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.shared.outbox().maintain();
            if self.session_life.age() < STUCK {
                self.pulse.beat();
            }
        }
    }

    /// Takes a batch of drafts and commits what must not be lost at once, so that a burst costs one sync.
    fn take(&self, first: Draft) {
        let mut records = Vec::new();
        let mut decided = Vec::new();
        for draft in std::iter::once(first).chain(self.drafts.try_iter().take(BATCH - 1)) {
            match draft {
                Draft::Alert(alert) => {
                    decided.push(alert.inferred_at_uptime_ms);
                    records.extend(self.alert(&alert));
                }
                Draft::Snapshot { subject, jpeg, captured } => {
                    records.extend(self.snapshot(subject, jpeg, captured))
                }
                Draft::Telemetry(telemetry) => self.send_telemetry(&telemetry),
                Draft::Health(health) => *self.shared.health() = health,
            }
        }
        if !records.is_empty() {
            self.shared.outbox().put(records);
        }
        for at in decided {
            let took = self.shared.clock.uptime_ms().saturating_sub(at);
            self.shared.metrics.record(Stage::Publish, Duration::from_millis(took));
        }
        self.shared.wake.notify_one();
    }

    fn alert(&self, draft: &AlertDraft) -> Option<(Lane, Vec<u8>)> {
        let record =
            Record::alert(self.shared.envelope(Kind::Alert), draft).and_then(|record| record.encode());
        self.encoded(Lane::Alerts, record)
    }

    fn snapshot(&self, subject: Subject, jpeg: Vec<u8>, captured: Stamp) -> Option<(Lane, Vec<u8>)> {
        let record = Record::snapshot(&self.shared.envelope(Kind::Snapshot), subject, captured, jpeg);
        self.encoded(Lane::Snapshots, record.encode())
    }

    fn encoded(&self, lane: Lane, record: Result<Vec<u8>, serde_json::Error>) -> Option<(Lane, Vec<u8>)> {
        match record {
            Ok(bytes) => Some((lane, bytes)),
            Err(error) => {
                tracing::error!("cannot write a message of {lane:?} as JSON: {error}");
                None
            }
        }
    }

    /// Telemetry speaks of the present: without a connection it is not kept, only counted.
    fn send_telemetry(&self, draft: &TelemetryDraft) {
        let shared = &self.shared;
        let envelope = shared.envelope(Kind::Telemetry);
        let properties = record::properties(&envelope.boot, envelope.seq, false);
        let message = TelemetryMessage::new(envelope, draft, &shared.metrics);
        let sent = *shared.link() == Link::Up
            && serde_json::to_vec(&message).is_ok_and(|payload| {
                let message = Message {
                    topic: topic(&shared.site, Kind::Telemetry),
                    payload,
                    acknowledged: false,
                    retain: false,
                    content_type: "application/json".into(),
                    properties,
                };
                self.telemetry.try_send(message).is_ok()
            });
        if !sent {
            count(&shared.metrics.counters.lost_telemetry);
        }
    }
}
