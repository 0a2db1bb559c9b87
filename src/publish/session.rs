//! The connection's thread: connects, says who we are, sends what waits, removes what is acknowledged, and begins again when the
//! broker goes away.

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
use super::message::{Envelope, Kind, StatusMessage};
use super::mqtt::{self, Connection, Happening, Message, Options, Trouble};
use super::shared::{Link, Shared};
use super::suspects::Suspects;
use super::traffic::{Traffic, status_message};
use super::{Health, PublishError, State};
use crate::system::clock::Stopwatch;
use crate::system::metrics::count;
use crate::system::pulse::Pulse;

/// Longest pause before a connection is tried again.
const CAP: Duration = Duration::from_secs(4);
/// Likewise when the broker refuses us: somebody has to act first.
const CAP_REFUSED: Duration = Duration::from_secs(30);
/// A connection that held this long was a good one: the next pause is short again.
const GOOD: Duration = Duration::from_secs(5);
/// How often an idle connection looks around.
const TICK: Duration = Duration::from_millis(500);

/// Starts the thread.
pub fn spawn(
    shared: Arc<Shared>,
    telemetry: Receiver<Message>,
    answers: Receiver<Message>,
    life: Pulse,
) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let mut session =
        Session { shared, telemetry, answers, life, told: None, suspects: Suspects::default(), unborn: None };
    std::thread::Builder::new().name("mqtt".into()).spawn(move || {
        runtime.block_on(session.run());
        // A name server that never answers holds a thread of the runtime: nobody waits for it.
        runtime.shutdown_background();
    })
}

struct Session {
    shared: Arc<Shared>,
    telemetry: Receiver<Message>,
    answers: Receiver<Message>,
    life: Pulse,
    /// The trouble that was logged last.
    told: Option<Trouble>,
    suspects: Suspects,
    /// The number of a birth that was not sent, because the broker did not let us in: attempts leave no gaps.
    unborn: Option<u64>,
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
        // By the clock: what is told meanwhile wakes us early, and must not make the pause longer.
        let watch = Stopwatch::start();
        while watch.elapsed() < time && !self.is_finishing() {
            select! {
                () = sleep(TICK.min(time.saturating_sub(watch.elapsed()))) => {}
                () = self.shared.wake.notified() => {}
            }
            self.life.beat();
        }
        while self.telemetry.try_recv().is_ok() {
            count(&self.shared.metrics.counters.lost_telemetry);
        }
        // Who asked was cut off as well.
        while self.answers.try_recv().is_ok() {}
        self.is_finishing()
    }

    fn is_finishing(&self) -> bool {
        self.shared.finish.load(Ordering::Acquire)
    }

    /// One connection. `Ok` when it ended because we wanted it to.
    async fn connection(&mut self) -> Result<(), Trouble> {
        let (options, birth) = self.options()?;
        let (outgoings, connection) = mqtt::connect(options);
        let suspects = std::mem::take(&mut self.suspects);
        let mut traffic = Traffic::new(self.shared.clone(), outgoings, birth, suspects);
        let outcome = self.drive(connection, &mut traffic).await;
        (self.suspects, self.unborn) = traffic.end(outcome.is_err());
        outcome
    }

    async fn drive(&mut self, mut connection: Connection, traffic: &mut Traffic) -> Result<(), Trouble> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let happening = {
                let mut next = pin!(connection.next());
                loop {
                    select! {
                        happening = &mut next => break happening,
                        () = self.shared.wake.notified() => {}
                        _ = tick.tick() => self.life.beat(),
                    }
                    self.feed(traffic);
                    if self.is_finishing() && traffic.is_over() {
                        return Ok(());
                    }
                }
            };
            match happening {
                Ok(Happening::Left) => return Ok(()),
                Ok(Happening::Connected) => {
                    tracing::info!("connected to broker {}", self.shared.address);
                    self.told = None;
                    *self.shared.link() = Link::Up;
                    traffic.connected(connection.largest());
                }
                Ok(other) => traffic.happened(other),
                Err(_) if self.is_finishing() => return Ok(()),
                Err(trouble) => return Err(trouble),
            }
            self.feed(traffic);
        }
    }

    /// Hands over what there is; telemetry first, so that the last one goes out before the goodbye.
    fn feed(&mut self, traffic: &mut Traffic) {
        while traffic.up
            && let Ok(message) = self.telemetry.try_recv()
        {
            traffic.telemetry(message);
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
        let refused = |error: PublishError| Trouble { text: error.to_string(), refused: true };
        let login = Login::read(&shared.settings).map_err(refused)?;
        let tls = shared.tls().map_err(refused)?;
        let number = self.unborn.take().unwrap_or_else(|| shared.next_number(Kind::Status));
        let birth = shared.numbered(number);
        let reason = "connection lost: no power, no network, or the daemon died".into();
        let will = StatusMessage::new(birth.clone(), &Health { state: State::Offline, reason });
        let options = Options {
            client_id: format!("bearwatch-{}-{}", shared.site.name, shared.site.camera),
            address: shared.address.clone(),
            login,
            tls,
            keep_alive_s: shared.settings.keep_alive_s,
            will: status_message(shared, &will),
            memory_s: 0,
            largest: mqtt::COMMANDS,
        };
        Ok((options, birth))
    }
}
