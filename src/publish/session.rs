//! The connection's thread: connects, says who we are, sends what waits, removes what is acknowledged, and begins again when the
//! broker goes away.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::select;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::address::{Address, Login};
use super::backoff::Backoff;
use super::message::{Envelope, Kind, StatusMessage};
use super::mqtt::{self, Connection, Happening, Message, Options, Redirection, Trouble};
use super::record::Record;
use super::servers::Servers;
use super::shared::{Link, Server, Shared};
use super::suspects::Suspects;
use super::traffic::{Traffic, status_message};
use super::{Health, PublishError, State};
use crate::system::clock::Stopwatch;
use crate::system::metrics::count;
use crate::system::pulse::Pulse;

/// A connection that held this long was a good one: the next pause is short again.
const GOOD: Duration = Duration::from_secs(5);
/// A preferred broker that does not take a connection within this time is not back.
const LOOK_LIMIT: Duration = Duration::from_secs(5);
/// How often an idle connection looks around.
const TICK: Duration = Duration::from_millis(500);

/// Starts the thread.
pub fn spawn(
    shared: Arc<Shared>,
    telemetry: Receiver<Record>,
    answers: Receiver<Message>,
    life: Pulse,
) -> std::io::Result<thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let mut session = Session {
        servers: Servers::new(shared.servers.len(), shared.settings.look_back),
        told: vec![None; shared.servers.len()],
        shared,
        telemetry,
        answers,
        life,
        suspects: Suspects::default(),
        unborn: None,
        aliases: true,
    };
    thread::Builder::new().name("mqtt".into()).spawn(move || {
        runtime.block_on(session.run());
        // A name server that never answers holds a thread of the runtime: nobody waits for it.
        runtime.shutdown_background();
    })
}

struct Session {
    shared: Arc<Shared>,
    telemetry: Receiver<Record>,
    answers: Receiver<Message>,
    life: Pulse,
    /// The trouble with each broker that was logged last.
    told: Vec<Option<Trouble>>,
    suspects: Suspects,
    /// The number of a birth that was not sent, because the broker did not let us in: attempts leave no gaps.
    unborn: Option<u64>,
    servers: Servers,
    /// Whether topics may be named by number.
    aliases: bool,
}

/// How a connection ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// The daemon ends.
    Finished,
    /// A more preferred broker answers again.
    GoesBack,
}

impl Session {
    /// For ever, around connections that may fail.
    async fn run(&mut self) {
        let mut backoff = Backoff::new();
        // The shortest of the pauses that the brokers of one round ask for.
        let mut rest: Option<Duration> = None;
        loop {
            let (watch, at) = (Stopwatch::start(), self.servers.current());
            let trouble = match self.connection().await {
                Ok(Ending::Finished) => return,
                Ok(Ending::GoesBack) => {
                    self.servers.go_back();
                    continue;
                }
                Err(trouble) => trouble,
            };
            rest = Some(rest.map_or(trouble.rest, |rest| rest.min(trouble.rest)));
            let all_tried = self.went_wrong(&trouble, watch.elapsed() > GOOD);
            if watch.elapsed() > GOOD {
                backoff.reset();
            }
            self.tell(at, trouble);
            if !all_tried && !self.is_finishing() {
                continue;
            }
            if self.pause(backoff.pause(rest.take().unwrap_or(mqtt::SOON))).await {
                return;
            }
        }
    }

    /// Chooses the broker to try next; tells whether a pause is due before.
    fn went_wrong(&mut self, trouble: &Trouble, was_good: bool) -> bool {
        let now = self.shared.clock.uptime();
        self.aliases &= !trouble.aliases;
        let rest = (trouble.rest > mqtt::SOON).then_some(trouble.rest);
        let to = trouble.redirected.as_ref().and_then(|redirection| self.redirected(redirection));
        if was_good && rest.is_none() {
            self.servers.broke(now);
            return true;
        }
        self.servers.failed(now, rest, to)
    }

    /// Who is sent to another broker goes there only where that is configured: its address came from a stranger, perhaps, and our password
    /// would go there.
    fn redirected(&self, redirection: &Redirection) -> Option<usize> {
        let word = if redirection.moved { "has moved" } else { "sends us to another broker" };
        let Some(to) = &redirection.to else {
            tracing::error!("the broker {word} and does not say where; ask whoever runs it");
            return None;
        };
        let known = self.shared.servers.iter().position(|server| server.address.is_named(to));
        match known {
            Some(_) if redirection.moved => {
                tracing::error!("the broker {word} to {to}; please write that into publish.broker")
            }
            Some(_) => tracing::info!("the broker {word}: {to}"),
            None => tracing::error!(
                "the broker {word}: {to:?}, which is not configured, and so not trusted; if it is right, write it into publish.broker or publish.fallback"
            ),
        }
        known
    }

    /// Says what is wrong once, until it changes.
    fn tell(&mut self, at: usize, trouble: Trouble) {
        count(&self.shared.metrics.counters.connection_failures);
        let down = Link::Down { why: trouble.text.clone(), refused: trouble.refused };
        *self.shared.link() = down;
        if self.told[at].as_ref() == Some(&trouble) {
            return;
        }
        let waiting = self.shared.outbox().depth();
        match trouble.refused {
            true => tracing::error!("{}; {waiting} messages wait, trying again", trouble.text),
            false => tracing::warn!("{}; {waiting} messages wait, trying again", trouble.text),
        }
        self.told[at] = Some(trouble);
    }

    /// Waits; `true` when the daemon ends meanwhile. Telemetry that the connection did not take any more is kept.
    async fn pause(&mut self, time: Duration) -> bool {
        // By the clock: what is told meanwhile wakes us early, and must not make the pause longer.
        let watch = Stopwatch::start();
        while watch.elapsed() < time && !self.is_finishing() {
            select! {
                () = sleep(TICK.min(time.saturating_sub(watch.elapsed()))) => {}
                () = self.shared.wake.notified() => {}
            }
            self.life.beat();
        }
        while let Ok(record) = self.telemetry.try_recv() {
            self.shared.keep_telemetry(&record);
        }
        // Who asked was cut off as well.
        while self.answers.try_recv().is_ok() {}
        self.is_finishing()
    }

    fn is_finishing(&self) -> bool {
        self.shared.finish.load(Ordering::Acquire)
    }

    /// One connection. `Ok` when it ended because we wanted it to.
    async fn connection(&mut self) -> Result<Ending, Trouble> {
        let (options, birth) = self.options()?;
        let (outgoings, connection) = mqtt::connect(options);
        let suspects = std::mem::take(&mut self.suspects);
        let mut traffic = Traffic::new(self.shared.clone(), outgoings, birth, suspects);
        let outcome = self.drive(connection, &mut traffic).await;
        self.shared.metrics.counters.connected.store(0, Ordering::Relaxed);
        let broke = outcome.as_ref().is_err_and(|trouble| !trouble.innocent);
        (self.suspects, self.unborn) = traffic.end(broke);
        outcome
    }

    async fn drive(&mut self, mut connection: Connection, traffic: &mut Traffic) -> Result<Ending, Trouble> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look = None;
        let watch = Stopwatch::start();
        loop {
            let happening = {
                let mut next = pin!(connection.next());
                loop {
                    select! {
                        happening = &mut next => break happening,
                        () = self.shared.wake.notified() => {}
                        _ = tick.tick() => {
                            self.life.beat();
                            self.look_back(&mut look, traffic, watch.elapsed()).await;
                        }
                    }
                    self.feed(traffic);
                    if let Some(ending) = self.ending(traffic).filter(|_| traffic.is_over()) {
                        return Ok(ending);
                    }
                    if traffic.is_stuck() {
                        return Err(self.stuck());
                    }
                }
            };
            match happening {
                Ok(Happening::Left) => return Ok(self.ending(traffic).unwrap_or(Ending::Finished)),
                Ok(Happening::Connected { .. }) => self.let_in(&connection, traffic),
                Ok(other) => traffic.happened(other),
                Err(_) if self.is_finishing() => return Ok(Ending::Finished),
                Err(trouble) => return Err(trouble),
            }
            if traffic.has_lost_count() {
                return Err(Trouble::passing("broker and camera lost count of each other's messages".into()));
            }
            // Acknowledgements that came together are taken together.
            if !connection.has_more() {
                self.feed(traffic);
            }
        }
    }

    fn let_in(&mut self, connection: &Connection, traffic: &mut Traffic) {
        let address = &self.server().address;
        match self.servers.is_preferred() {
            true => tracing::info!("connected to broker {address}"),
            false => tracing::warn!("connected to broker {address}, which is not the preferred one"),
        }
        self.told[self.servers.current()] = None;
        self.servers.connected(self.shared.clock.uptime());
        *self.shared.link() = Link::Up;
        let counters = &self.shared.metrics.counters;
        count(&counters.connections);
        counters.connected.store(1, Ordering::Relaxed);
        let mut limits = connection.limits();
        if !self.aliases {
            limits.aliases = 0;
        }
        traffic.connected(limits);
    }

    /// Why the connection is about to end, if it is.
    fn ending(&self, traffic: &Traffic) -> Option<Ending> {
        match (self.is_finishing(), traffic.is_leaving()) {
            (true, _) => Some(Ending::Finished),
            (false, true) => Some(Ending::GoesBack),
            (false, false) => None,
        }
    }

    /// Who is with another broker looks whether the preferred one takes connections again, and leaves for it between two messages.
    async fn look_back(
        &mut self,
        look: &mut Option<JoinHandle<bool>>,
        traffic: &mut Traffic,
        connected: Duration,
    ) {
        if connected > GOOD {
            self.servers.was_good();
        }
        let now = self.shared.clock.uptime();
        match look.take() {
            Some(taken) if !taken.is_finished() => *look = Some(taken),
            Some(taken) => {
                let preferred = &self.shared.servers[0].address;
                if taken.await.unwrap_or(false) {
                    tracing::info!("the preferred broker {preferred} takes connections again");
                    traffic.leave(format!("goes back to its preferred broker, {preferred}"));
                }
            }
            None if traffic.up && traffic.is_idle() && self.servers.is_look_due(now) => {
                self.servers.looked(now);
                let Address { host, port, .. } = self.shared.servers[0].address.clone();
                let host = host.trim_matches(['[', ']']).to_owned();
                *look = Some(tokio::spawn(async move {
                    let connecting = TcpStream::connect((host, port));
                    timeout(LOOK_LIMIT, connecting).await.is_ok_and(|connected| connected.is_ok())
                }));
            }
            None => {}
        }
    }

    fn server(&self) -> &Server {
        &self.shared.servers[self.servers.current()]
    }

    /// No message of ours is the reason where none is acknowledged.
    fn stuck(&self) -> Trouble {
        let text = format!("broker {}: it takes messages and acknowledges none", self.server().address);
        Trouble { innocent: true, ..Trouble::passing(text) }
    }

    /// Hands over what there is; telemetry first, so that the last one goes out before the goodbye.
    fn feed(&mut self, traffic: &mut Traffic) {
        while traffic.up
            && let Ok(record) = self.telemetry.try_recv()
        {
            traffic.telemetry(record);
        }
        while traffic.up
            && let Ok(message) = self.answers.try_recv()
        {
            traffic.present(message);
        }
        traffic.feed();
    }

    /// What the connection needs, and the envelope of the birth that its last will belongs to.
    fn options(&mut self) -> Result<(Options, Envelope), Trouble> {
        let shared = &self.shared;
        let server = self.server();
        let refused = |error: PublishError| Trouble::refusal(error.to_string());
        let login = Login::read(&shared.settings).map_err(refused)?;
        let (tls, address) = (server.tls(&shared.settings).map_err(refused)?, server.address.clone());
        let number = self.unborn.take().unwrap_or_else(|| shared.next_number(Kind::Status));
        let birth = shared.numbered(number);
        let reason = "connection lost: no power, no network, or the daemon died".into();
        let will =
            StatusMessage::new(birth.clone(), &Health { state: State::Offline, reason, cause: "lost" });
        let options = Options {
            client_id: format!("bearwatch-{}-{}", shared.site.name, shared.site.camera),
            address,
            login,
            tls,
            keep_alive_s: shared.settings.keep_alive_s,
            will: status_message(shared, &will),
            memory_s: 0,
            largest: mqtt::COMMANDS,
            custody: None,
        };
        Ok((options, birth))
    }
}
