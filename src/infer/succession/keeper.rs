//! The thread "models": takes bundles in, examines them, lets a challenger look on, and exchanges models. Nothing waits for it. It works at the lowest
//! priority where it may (systemd's unit does not let it), and after each look it rests three times as long as that took, so that the detector goes on as if it
//! were not there.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::choice::{Choice, Settings};
use super::fetch::Fetching;
use super::port::Port;
use super::rival::Rival;
use super::shelf::{Memory, Placed, Shelf};
use super::signed::Keys;
use super::trial::Counts;
use super::{Word, order};
use crate::infer::engine::Engine;
use crate::infer::worker::Order;
use crate::perceive::model::ModelSpec;
use crate::publish::models::{Do, ModelOrder, ModelStand};
use crate::publish::{Draft, ModelsDraft};
use crate::system::clock::Clock;
use crate::system::stop::Stop;

mod arriving;
mod looking;
mod telling;

/// How often it looks around.
const TICK: Duration = Duration::from_millis(250);
/// How often a bundle that is put there by hand is looked for.
const INCOMING_EVERY: Duration = Duration::from_secs(2);
/// What the challenger has seen is written down so often.
const KEPT_EVERY: Duration = Duration::from_secs(600);

/// What it shares with the other threads.
pub struct Links {
    /// Words come in here.
    pub heard: Receiver<Word>,
    /// The detector's end.
    pub port: Port,
    /// What it tells goes to publishing.
    pub drafts: SyncSender<Draft>,
    /// Pictures for people to judge go to the detector, which hides people on them.
    pub orders: SyncSender<Order>,
    /// How it stands, for whoever takes commands.
    pub standing: Arc<Mutex<ModelsDraft>>,
    /// Raised where the daemon is to start anew.
    pub again: Stop,
    /// Clock of the process.
    pub clock: Clock,
}

/// What holds for this camera.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Time that a frame may take, milliseconds.
    pub budget_ms: f64,
    /// Counts are told so often; all else at once.
    pub told_every: Duration,
}

/// The keeper.
pub struct Keeper {
    links: Links,
    limits: Limits,
    shelf: Shelf,
    keys: Keys,
    memory: Memory,
    /// Why nothing can be changed.
    fixed: Option<String>,
    running: ModelStand,
    spec: ModelSpec,
    previous: Option<ModelStand>,
    challenger: Option<ModelStand>,
    /// The challenger, or on a trial the model before.
    rival: Option<Rival>,
    fetching: Option<Fetching>,
    rests_until: Duration,
    incoming_at: Duration,
    kept_at: Duration,
    began: Duration,
    /// What the running model had done when the present minute of a trial began, and when that was.
    window: (Counts, Duration),
    told: Option<(ModelsDraft, Duration)>,
}

impl Keeper {
    /// For what the daemon has chosen to run; gives back the engine of that.
    pub fn new(choice: Choice, settings: &Settings, limits: Limits, links: Links) -> (Engine, Keeper) {
        let Choice { engine, stand, memory, keys, fixed, .. } = choice;
        let spec = engine.spec().clone();
        let shelf = Shelf::new(&settings.store);
        let now = links.clock.uptime();
        let fetching = memory.fetch.clone().map(|fetch| Fetching::new(fetch, &shelf.part(), now));
        let mut keeper = Keeper {
            links,
            limits,
            shelf,
            keys,
            memory,
            fixed,
            running: stand,
            spec,
            previous: None,
            challenger: None,
            rival: None,
            fetching,
            rests_until: now,
            incoming_at: now,
            kept_at: now,
            began: now,
            window: (Counts::default(), now),
            told: None,
        };
        keeper.tell();
        (engine, keeper)
    }

    /// Works until asked to end; where nobody can change the model it has told so already.
    pub fn run(mut self, stop: &Stop) {
        if self.fixed.is_some() {
            return;
        }
        if let Err(error) = rustix::process::nice(19) {
            // The service's own unit allows no change of priorities; then the rests alone keep out of the way.
            tracing::debug!("the keeper of models works at ordinary priority: {error}");
        }
        self.begin();
        while !stop.is_raised() {
            let patience =
                TICK.min(self.rests_until.saturating_sub(self.now()).max(Duration::from_millis(1)));
            let patience = if self.rival.is_some() { patience } else { TICK };
            match self.links.heard.recv_timeout(patience) {
                Ok(Word::Order(order)) => self.order(&order),
                Ok(Word::Piece(piece)) => self.piece(&piece),
                Ok(Word::Looked(looked)) => self.look(*looked),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    stop.sleep(TICK);
                }
            }
            self.look_around();
        }
        self.links.port.mark(false, false);
        self.keep_tally();
    }

    fn now(&self) -> Duration {
        self.links.clock.uptime()
    }

    /// Judged when it was ordered, and again now: much may have happened since.
    fn order(&mut self, order: &ModelOrder) {
        if let Some(objection) = order::objection(order, &self.draft(), false) {
            return self.note(format!("{} was not done: {objection}", order.what.name()));
        }
        match order.what {
            Do::Shadow => self.fetch(order),
            Do::Wait => self.wait(true),
            Do::Promote => self.exchange(Memory::promote, "was promoted and is on trial"),
            Do::Revert => self.exchange(Memory::revert, "runs again, as ordered"),
            Do::Stop => {
                (self.memory.challenger, self.memory.fetch) = (None, None);
                (self.rival, self.challenger, self.fetching) = (None, None, None);
                self.note("the challenger was put aside, as ordered".into());
                self.keep();
            }
        }
        self.tell();
    }

    /// Another model runs from now on, which takes a start. What cannot be written down is not done.
    fn exchange(&mut self, change: impl Fn(&mut Memory) -> bool, what: &str) {
        let before = self.memory.clone();
        if !change(&mut self.memory) {
            return;
        }
        let name = |placed: &Option<Placed>| {
            placed
                .as_ref()
                .map_or("the model that the program carries".into(), |one| format!("version {}", one.version))
        };
        let event = format!("{} {what}", name(&self.memory.running));
        self.note(event);
        if let Err(error) = self.shelf.keep(&self.memory) {
            self.memory = before;
            return self.note(format!("nothing was changed: it cannot be written down: {error}"));
        }
        self.links.again.raise();
    }

    fn look_around(&mut self) {
        let now = self.now();
        if let Some(fetching) = &mut self.fetching {
            fetching.look(now);
        }
        if now.saturating_sub(self.incoming_at) >= INCOMING_EVERY {
            self.incoming_at = now;
            self.take_incoming();
        }
        let passed = self.links.port.passed_over();
        if let Some(rival) = &mut self.rival {
            rival.tally.passed_over(passed);
        }
        if self.memory.trial.is_some() {
            self.judge_trial(now);
        } else if now.saturating_sub(self.kept_at) >= KEPT_EVERY {
            self.kept_at = now;
            self.keep_tally();
            if self.rival.is_some() && self.memory.challenger.as_ref().is_some_and(|one| one.tries > 0) {
                self.set_tries(0);
            }
        }
        self.links.port.mark(self.rival.is_some(), now >= self.rests_until);
        self.tell();
    }

    fn note(&mut self, event: String) {
        if self.memory.event != event {
            tracing::info!("models: {event}");
            self.memory.event = event;
        }
    }

    /// A disk that fails is told; what is in force goes on until the next start.
    fn keep(&mut self) {
        if let Err(error) = self.shelf.keep(&self.memory) {
            tracing::error!("models: {error}; a restart forgets what was changed last");
        }
    }

    fn keep_tally(&self) {
        if let Some(rival) = self.rival.as_ref().filter(|_| self.memory.trial.is_none()) {
            self.shelf.keep_tally(rival.stand.bundle.as_deref().unwrap_or_default(), &rival.tally);
        }
    }
}
