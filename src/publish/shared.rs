//! What the publish thread, the connection's thread and their handle share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::address::{Address, Login};
use super::certificates::{Certificates, Ending};
use super::delivery::Lane;
use super::drill::Arrival;
use super::message::{BootId, Envelope, Kind};
use super::models::ModelsDraft;
use super::mqtt::Message;
use super::outbox::Outbox;
use super::pending::Pending;
use super::recent::{Recent, RecentAlert};
use super::record::Record;
use super::reply::StateDraft;
use super::settings::{Settings, Site};
use super::{Health, PublishError, State, tls};
use crate::system::clock::Clock;
use crate::system::metrics::{Metrics, count};

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

    /// How the camera is, as the retained status says it.
    pub fn status(&self) -> Health {
        self.0.status()
    }

    /// The last alerts of this life, newest first.
    pub fn alerts(&self) -> Vec<RecentAlert> {
        self.0.recent().all()
    }
}

/// What is listened to, and where it goes. A full queue drops and counts.
pub struct Inbox {
    /// Topics, as a filter of MQTT.
    pub filter: String,
    /// Takes each message.
    pub sender: SyncSender<Message>,
}

/// A broker that may be connected to.
#[derive(Clone)]
pub struct Server {
    pub address: Address,
    /// Where it notes when its certificates end.
    certificates: Certificates,
}

impl Server {
    /// The preferred one, then the others in order. Fails on mistakes of configuration.
    pub fn all(settings: &Settings, certificates: &Certificates) -> Result<Vec<Server>, PublishError> {
        let addresses = std::iter::once(&settings.broker).chain(&settings.fallback);
        let addresses: Vec<Address> = addresses.map(|text| Address::parse(text)).collect::<Result<_, _>>()?;
        let alone = addresses.len() == 1;
        let server = |address: Address| {
            let certificates =
                if alone { certificates.clone() } else { certificates.at(&address.to_string()) };
            Server { address, certificates }
        };
        let servers: Vec<Server> = addresses.into_iter().map(server).collect();
        servers.iter().try_for_each(|server| server.tls(settings).map(drop))?;
        Ok(servers)
    }

    /// Encryption by the files as they are now, so that a new certificate needs no restart; `None` where the address asks for none.
    pub fn tls(&self, settings: &Settings) -> Result<Option<Arc<rustls::ClientConfig>>, PublishError> {
        self.address.tls.then(|| tls::client_config(settings, &self.certificates)).transpose()
    }
}

/// What both threads and the handle share.
pub struct Shared {
    pub site: Site,
    pub settings: Settings,
    /// In order of preference, at least one.
    pub servers: Vec<Server>,
    /// When the certificates of the newest connection to each of them end.
    pub certificates: Certificates,
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
    pub models: Mutex<Option<ModelsDraft>>,
    /// Alerts that wait for somebody.
    pub pending: Mutex<Pending>,
    pub link: Mutex<Link>,
    /// Why the broker does not take what waits, by lane.
    pub objections: Mutex<[Option<String>; Lane::ALL.len()]>,
    /// The last alert on a drawn bear that the broker has.
    pub last_drill: Mutex<Option<Arrival>>,
    /// The last alerts.
    pub recent: Mutex<Recent>,
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
        let certificates = Certificates::default();
        let servers = Server::all(&settings, &certificates)?;
        Login::read(&settings)?;
        let outbox = Outbox::open(&settings.store, clock, metrics.clone())?;
        let pending = Pending::new(&settings);
        Ok(Shared {
            site,
            settings,
            servers,
            certificates,
            clock,
            boot: BootId::new(),
            metrics,
            wake: Notify::new(),
            closing: AtomicBool::new(false),
            finish: AtomicBool::new(false),
            inbox,
            sequences: Default::default(),
            outbox: Mutex::new(outbox),
            // Until the first word of the daemon: a connection that is quicker than that must not call a camera well that nobody has looked at.
            health: Mutex::new(Health {
                state: State::Degraded,
                reason: "no picture yet".into(),
                cause: "no-picture",
            }),
            state: Mutex::default(),
            models: Mutex::default(),
            pending: Mutex::new(pending),
            link: Mutex::new(Link::Connecting),
            objections: Mutex::default(),
            last_drill: Mutex::default(),
            recent: Mutex::default(),
        })
    }

    pub fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps telemetry until there is a connection.
    pub fn keep_telemetry(&self, record: &Record) {
        match record.encode() {
            Ok(bytes) => self.outbox().keep_telemetry(bytes),
            Err(_) => count(&self.metrics.counters.lost_telemetry),
        }
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

    /// Which models are here; `None` before anybody has said so.
    pub fn models(&self) -> Option<ModelsDraft> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the status says: the daemon's own word, made worse by trouble with the outbox, by a broker that does not take what waits, and by
    /// certificates that are about to end. Of those that end later it tells, and nothing is worse for it.
    pub fn status(&self) -> Health {
        let said = self.health().clone();
        let objection = self.objections().iter().flatten().next().cloned();
        let (pressing, told) = match self.certificates.ending(self.clock.unix_ms()) {
            Some(Ending { text, urgent: true }) => (Some(text), None),
            ending => (None, ending.map(|ending| ending.text)),
        };
        let worse = [("outbox", self.outbox().trouble()), ("refused", objection), ("certificate", pressing)];
        let worse = worse.into_iter().filter_map(|(cause, trouble)| Some((cause, trouble?)));
        let said = worse.fold(said, |said, (cause, trouble)| match said.state {
            State::Online => Health { state: State::Degraded, reason: trouble, cause },
            _ => Health { reason: format!("{}; {trouble}", said.reason), ..said },
        });
        let taken_back = self.models().and_then(|models| models.trouble);
        told.into_iter()
            .chain(taken_back)
            .fold(said, |said, text| Health { reason: format!("{}; {text}", said.reason), ..said })
    }

    /// Notes why the broker does not take what waits of a lane; `None` where it does.
    pub fn object(&self, lane: Lane, why: Option<String>) {
        let mut objections = self.objections();
        objections[lane as usize] = why;
        let refusing = objections.iter().any(Option::is_some);
        self.metrics.counters.refusing.store(refusing.into(), Ordering::Relaxed);
    }

    fn objections(&self) -> MutexGuard<'_, [Option<String>; Lane::ALL.len()]> {
        self.objections.lock().unwrap_or_else(PoisonError::into_inner)
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
