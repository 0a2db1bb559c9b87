//! The thread "models": takes bundles in, examines them, lets a challenger look on, and exchanges models. Nothing waits for it, and it works at the lowest
//! priority: while it checks, decodes and compares, the detector goes on as if it were not there.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::choice::{Choice, Settings, stand, take_down};
use super::comparison::Tally;
use super::examine::examine;
use super::fetch::{self, Fetching};
use super::port::{Looked, Port};
use super::rival::Rival;
use super::shelf::{Challenger, Fetch, Memory, Placed, Shelf};
use super::signed::{Keys, SignedBundle, sha256};
use super::trial::{self, Counts};
use super::{Word, order};
use crate::infer::bundle::Bundle;
use crate::infer::engine::Engine;
use crate::infer::worker::Order;
use crate::perceive::model::ModelSpec;
use crate::publish::models::{Do, MOST_BUNDLE, ModelOrder, ModelStand, Piece};
use crate::publish::{Draft, ModelsDraft};
use crate::system::clock::Clock;
use crate::system::stop::Stop;

mod telling;

/// How often it looks around.
const TICK: Duration = Duration::from_millis(250);
/// How often a bundle that is put there by hand is looked for.
const INCOMING_EVERY: Duration = Duration::from_secs(2);
/// What the challenger has seen is written down so often.
const KEPT_EVERY: Duration = Duration::from_secs(600);
/// After a frame it rests so many times as long as that took: a quarter of one core is what it may have, and a board grows no hotter than by that.
const REST: u32 = 3;
/// Starts of the daemon with a challenger that it does not outlive.
const MOST_TRIES: u64 = 3;

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
            tracing::warn!("the keeper of models works at ordinary priority: {error}");
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

    // ---- what looks on ----------------------------------------------------------------------------------------------------

    /// Takes up what an earlier life had begun.
    fn begin(&mut self) {
        self.previous = self.memory.previous.clone().and_then(|before| self.stand_of(before.as_ref()));
        if self.memory.trial.is_some() {
            self.watch_by_the_one_before();
        } else if let Some(Challenger { version: Some(version), bundle, refused: None, tries }) =
            self.memory.challenger.clone()
        {
            self.resume(Placed { version, bundle }, tries);
        }
        self.tell();
    }

    fn stand_of(&self, placed: Option<&Placed>) -> Option<ModelStand> {
        match placed {
            None => Bundle::open(None).ok().map(|bundle| stand(&bundle, None)),
            Some(placed) => {
                let signed = take_down(&self.shelf, placed, &self.keys).ok()?;
                Some(stand(&signed.model, Some(placed)))
            }
        }
    }

    /// On a trial the model before is the measure.
    fn watch_by_the_one_before(&mut self) {
        let Some(before) = self.memory.previous.clone() else { return };
        let model = match &before {
            None => Bundle::open(None).map_err(|error| error.to_string()),
            Some(placed) => take_down(&self.shelf, placed, &self.keys).map(|signed| signed.model),
        };
        let loaded = model.and_then(|model| {
            let engine = Engine::load(&model).map_err(|error| error.to_string())?;
            Ok(Rival::new(engine, stand(&model, before.as_ref()), Tally::default()))
        });
        match loaded {
            Ok(rival) => self.rival = Some(rival),
            Err(why) => tracing::warn!(
                "the model before cannot look on: {why}; the trial goes by time and errors alone"
            ),
        }
    }

    /// A challenger of an earlier life. One that the daemon did not outlive is not tried for ever.
    fn resume(&mut self, placed: Placed, tries: u64) {
        if tries >= MOST_TRIES {
            let why =
                format!("the daemon ended {tries} times while it was looked at: it may break the program");
            return self.refuse(Some(placed.version), placed.bundle, why);
        }
        self.set_tries(tries + 1);
        match take_down(&self.shelf, &placed, &self.keys) {
            Ok(signed) => self.try_out(&signed),
            Err(why) => self.refuse(Some(placed.version), placed.bundle, why),
        }
    }

    fn set_tries(&mut self, tries: u64) {
        if let Some(challenger) = &mut self.memory.challenger {
            challenger.tries = tries;
            self.keep();
        }
    }

    /// Whether it does here what it did where it was packed; then it looks on.
    fn try_out(&mut self, signed: &SignedBundle) {
        let placed = Placed { version: signed.manifest.version, bundle: signed.sha256.clone() };
        let stand = stand(&signed.model, Some(&placed));
        self.challenger = Some(stand.clone());
        self.tell();
        match examine(signed, self.limits.budget_ms) {
            Ok(engine) => {
                let tally = self.shelf.tally(&placed.bundle);
                self.note(format!("version {} looks beside the running model", placed.version));
                self.rival = Some(Rival::new(engine, stand, tally));
                self.keep();
            }
            Err(why) => self.refuse(Some(placed.version), placed.bundle, why),
        }
    }

    fn look(&mut self, looked: Looked) {
        let Some(rival) = &mut self.rival else { return };
        let now = self.links.clock.uptime();
        match rival.look(looked, &self.spec, now) {
            Ok(judged) => {
                self.rests_until = self.now() + REST * judged.cost;
                let wanted = judged.disagreement.filter(|_| self.memory.trial.is_none());
                if let Some(disagreement) = wanted {
                    // Where the detector is busy the next one is due in an hour.
                    let _ = self.links.orders.try_send(Order::Judge(disagreement));
                }
            }
            Err(error) => {
                self.rival = None;
                match self.memory.challenger.clone().filter(|_| self.memory.trial.is_none()) {
                    Some(one) => self.refuse(one.version, one.bundle, error.to_string()),
                    None => tracing::warn!("the model before cannot look on any more: {error}"),
                }
            }
        }
    }

    // ---- what comes in ----------------------------------------------------------------------------------------------------

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

    fn fetch(&mut self, order: &ModelOrder) {
        let ModelOrder { version: Some(version), bundle: Some(bundle), bytes: Some(of), .. } = order.clone()
        else {
            return;
        };
        if self.fetching.as_ref().is_some_and(|fetching| fetching.of().bundle == bundle) {
            return self.wait(false);
        }
        let part = self.shelf.part();
        let fetch = Fetch { version, bundle, of, waits: false };
        match fetch::begin(&part) {
            Ok(()) => {
                self.memory.fetch = Some(fetch.clone());
                self.fetching = Some(Fetching::new(fetch, &part, self.now()));
                self.note(format!("version {version} is being fetched"));
                self.keep();
            }
            Err(error) => {
                self.note(format!("version {version} cannot be fetched: {}: {error}", part.display()))
            }
        }
    }

    fn wait(&mut self, waits: bool) {
        let now = self.now();
        let Some(fetching) = &mut self.fetching else { return };
        fetching.wait(waits, now);
        self.memory.fetch = Some(fetching.of().clone());
        self.keep();
    }

    fn piece(&mut self, piece: &Piece) {
        let now = self.now();
        let Some(fetching) = &mut self.fetching else { return };
        let part = self.shelf.part();
        match fetching.take(piece, now).and_then(|taken| if taken { fetching.whole() } else { Ok(None) }) {
            Ok(None) => {}
            Ok(Some(bytes)) => self.fetched(&bytes),
            Err(error) => tracing::warn!("{}: {error}; the piece is asked for again", part.display()),
        }
        self.tell();
    }

    fn fetched(&mut self, bytes: &[u8]) {
        let Some(fetching) = self.fetching.take() else { return };
        self.memory.fetch = None;
        let Fetch { version, bundle, .. } = fetching.of().clone();
        match sha256(bytes) == bundle {
            true => self.receive(bytes),
            false => {
                self.refuse(Some(version), bundle, "what came has another SHA-256: send it again".into())
            }
        }
    }

    /// A bundle is here, whole. Nothing of it was looked at yet.
    fn receive(&mut self, bytes: &[u8]) {
        match self.judge(bytes) {
            Ok(signed) => self.place(&signed, bytes),
            Err((version, why)) => self.refuse(version, sha256(bytes), why),
        }
    }

    fn judge(&self, bytes: &[u8]) -> Result<SignedBundle, (Option<u64>, String)> {
        let signed = SignedBundle::read(bytes, &self.keys).map_err(|why| (None, why))?;
        let version = signed.manifest.version;
        let on_trial =
            || self.memory.trial.map(|_| "the running model is on trial: try again when that is over".into());
        let objection = order::old(version, self.memory.newest)
            .or_else(on_trial)
            .or_else(|| signed.manifest.objection(&signed.model, &self.spec));
        objection.map_or(Ok(signed), |why| Err((Some(version), why)))
    }

    fn place(&mut self, signed: &SignedBundle, bytes: &[u8]) {
        let version = signed.manifest.version;
        self.rival = None;
        if let Err(error) = self.shelf.put(version, bytes) {
            let why = format!("{}: {error}", self.shelf.bundle(version).display());
            return self.refuse(Some(version), signed.sha256.clone(), why);
        }
        let bundle = signed.sha256.clone();
        self.memory.challenger = Some(Challenger { version: Some(version), bundle, refused: None, tries: 1 });
        self.keep();
        self.try_out(signed);
    }

    /// Says why it is not taken. A challenger that does well is not put aside for another bundle that does not.
    fn refuse(&mut self, version: Option<u64>, bundle: String, why: String) {
        let name = version
            .map_or(format!("bundle {}…", &bundle[..12.min(bundle.len())]), |v| format!("version {v}"));
        self.note(format!("{name} is refused: {why}"));
        let stays = |one: &Challenger| one.refused.is_none() && one.bundle != bundle;
        if !self.memory.challenger.as_ref().is_some_and(stays) {
            let known = self.challenger.take().filter(|stand| stand.bundle.as_deref() == Some(&bundle));
            (self.rival, self.challenger) = (None, known);
            self.memory.challenger = Some(Challenger { version, bundle, refused: Some(why), tries: 0 });
        }
        self.keep();
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

    // ---- what passes ------------------------------------------------------------------------------------------------------

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

    fn judge_trial(&mut self, now: Duration) {
        let counts = self.links.port.counts();
        let looks = self.rival.as_ref().map(|rival| rival.tally.at_card()).unwrap_or_default();
        let (before, since) = self.window;
        let full = now.saturating_sub(since) >= trial::WINDOW;
        let window = if full { counts.since(before) } else { Counts::default() };
        if full {
            self.window = (counts, now);
        }
        let version = self.memory.running.as_ref().map_or(0, |placed| placed.version);
        if let Some(why) = trial::objection(counts, window, looks) {
            tracing::error!("version {version} is taken back: {why}");
            self.exchange(
                Memory::revert,
                &format!("runs again: version {version} was taken back on its trial, for {why}"),
            );
        } else if now.saturating_sub(self.began) >= trial::LASTS {
            self.memory.trial = None;
            self.rival = None;
            self.note(format!("version {version} has done well on its trial"));
            self.keep();
        }
    }

    fn take_incoming(&mut self) {
        let path = self.shelf.incoming();
        let Ok(found) = std::fs::metadata(&path) else { return };
        let bytes = match found.len() <= MOST_BUNDLE {
            true => std::fs::read(&path),
            false => Err(std::io::Error::other("larger than any bundle")),
        };
        let removed = std::fs::remove_file(&path);
        match (bytes, removed) {
            (Ok(bytes), Ok(())) => self.receive(&bytes),
            (Err(error), _) | (_, Err(error)) => {
                self.note(format!("{}: {error}; install it as the user that runs bearwatch", path.display()));
            }
        }
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
