//! What the publish thread, the connection's thread and their handle share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::address::{Address, Login};
use super::message::{BootId, Envelope, Kind};
use super::mqtt::Message;
use super::outbox::Outbox;
use super::pending::Pending;
use super::reply::StateDraft;
use super::settings::{Settings, Site};
use super::{Health, PublishError, State, tls};
use crate::system::clock::Clock;
use crate::system::metrics::Metrics;

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

/// How the connection stands, for whoever watches the daemon on the board itself. Clones share it.
#[derive(Clone)]
pub struct Standing(pub(super) Arc<Shared>);

impl Standing {
    /// In words for people; alerts of a broker that is away wait on disk.
    pub fn sentence(&self) -> String {
        match &*self.0.link() {
            Link::Connecting => "the broker is being asked".into(),
            Link::Up => "the broker hears us".into(),
            Link::Down { why, .. } => format!("alerts wait: {why}"),
        }
    }
}

/// What is listened to, and where it goes. A full queue drops and counts.
pub struct Inbox {
    /// Topics, as a filter of MQTT.
    pub filter: String,
    /// Takes each message.
    pub sender: SyncSender<Message>,
}

/// What both threads and the handle share.
pub struct Shared {
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
    pub closing: AtomicBool,
    /// The connection is to be ended with a goodbye.
    pub finish: AtomicBool,
    /// Where commands go, in a daemon that takes any.
    pub inbox: Option<Inbox>,
    pub sequences: [AtomicU64; Kind::ALL.len()],
    pub outbox: Mutex<Outbox>,
    pub health: Mutex<Health>,
    pub state: Mutex<Option<StateDraft>>,
    /// Alerts that wait for somebody.
    pub pending: Mutex<Pending>,
    pub link: Mutex<Link>,
}

impl Shared {
    /// A new life of the daemon. Fails only on mistakes of configuration.
    pub fn open(
        site: Site,
        settings: Settings,
        clock: Clock,
        metrics: Arc<Metrics>,
        inbox: Option<Inbox>,
    ) -> Result<Shared, PublishError> {
        let address = Address::parse(&settings.broker)?;
        Login::read(&settings)?;
        let tls = address.tls.then(|| tls::client_config(&settings)).transpose()?;
        let outbox = Outbox::open(&settings.store, clock, metrics.clone())?;
        let pending = Pending::new(&settings.ladder, &settings.store);
        Ok(Shared {
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
            inbox,
            sequences: Default::default(),
            outbox: Mutex::new(outbox),
            health: Mutex::new(Health { state: State::Online, reason: String::new() }),
            state: Mutex::default(),
            pending: Mutex::new(pending),
            link: Mutex::new(Link::Connecting),
        })
    }

    pub fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in force of what was ordered; `None` in a daemon that takes no orders.
    pub fn state(&self) -> Option<StateDraft> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
