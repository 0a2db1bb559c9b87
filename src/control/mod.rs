//! What people tell the camera: commands are read, authorised, written down, carried out and answered; what was ordered for a time ends
//! by itself.
//!
//! A thread of its own, since each command costs a signature's check and a write to the disk. Commands come from the connection's thread
//! by a bounded queue; what must be done goes to the detector and to publishing as orders and drafts.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::config::{Config, HeldMode, HeldTrial};
use crate::infer::sight::Sight;
use crate::infer::succession::Desk;
use crate::infer::worker::Order;
use crate::perceive::settings::Settings as Perceive;
use crate::publish::drill::DrillMessage;
use crate::publish::message::BootId;
use crate::publish::settings::CommandSettings;
use crate::publish::{Acknowledger, Draft, Message, Mode, StateDraft};
use crate::system::clock::Clock;
use crate::system::metrics::Metrics;
use crate::system::pulse::Pulse;
use crate::system::stop::Stop;

pub mod areas;
pub mod audit;
pub mod chain;
pub mod command;
mod conduct;
mod drill;
pub mod errand;
mod execute;
pub mod flood;
pub mod form;
mod keep;
mod orders;
mod receive;
pub mod request;
pub mod signing;
mod term;
mod trust;

pub use term::Now;
pub use trust::{KEY, SIGNATURE};

use areas::Areas;
use audit::Audit;
use drill::Drills;
use errand::Errand;
use flood::Allowance;
use orders::{Expired, Held, Orders};
use term::Term;
use trust::Trust;

/// Commands that may wait; what comes beyond is counted and told.
pub const INBOX: usize = 32;
/// How often what runs out is looked for.
const TICK: Duration = Duration::from_millis(250);
/// What is left of a mode is written down this often. A board without a clock that starts anew takes so much off, so that one that
/// starts again and again is armed in the end.
const WRITTEN_EVERY: Duration = Duration::from_secs(300);

/// What the watch over the camera has to tell of orders and drills.
#[derive(Clone, Debug, Default)]
pub struct Notice {
    /// For the status: why nobody is told of bears, or may not be.
    pub warning: Option<Warning>,
    /// For the telemetry.
    pub drill: Option<DrillMessage>,
}

/// Why nobody is told of bears, or may not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// For people.
    pub text: String,
    /// In a word for programs: `ordered`, `planned` where the file or a trial wants it, or `drill-failed`, which weighs more.
    pub cause: &'static str,
}

/// What the thread needs of the others.
pub struct Links {
    /// Commands come in here.
    pub inbox: Receiver<Message>,
    /// And here what is asked on the page.
    pub errands: Receiver<Errand>,
    /// Answers, states and modes go to publishing.
    pub drafts: SyncSender<Draft>,
    /// Orders go to the detector.
    pub orders: SyncSender<Order>,
    /// Alerts that wait for somebody.
    pub acknowledger: Acknowledger,
    /// What the detector saw last.
    pub sight: Arc<Mutex<Sight>>,
    /// What is to be told of orders and drills.
    pub notice: Arc<Mutex<Notice>>,
    /// The areas in force.
    pub areas: Arc<Mutex<Areas>>,
    /// Who keeps models.
    pub models: Desk,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Clock of the process.
    pub clock: Clock,
    /// Sign of life.
    pub pulse: Pulse,
}

/// Orders in force, and all that decides on new ones.
pub struct Control {
    store: PathBuf,
    limits: CommandSettings,
    perceive: Perceive,
    usual_threshold: Option<f32>,
    /// Whether anything is kept for training and review.
    keeps: bool,
    links: Links,
    orders: Orders,
    drills: Drills,
    trust: Trust,
    audit: Audit,
    unproven: Allowance,
    signed: Allowance,
    errands: Allowance,
    /// Commands that were not looked at.
    flooded: u64,
    /// Of these, and of those that the queue did not take, so many were told.
    flood_told: u64,
    flood_told_at: Duration,
    written_at: Duration,
    told: Option<StateDraft>,
}

/// Whether there is anything to do: commands or acknowledgements are taken, a command is in force still, drills are given, or a page may ask for
/// something.
pub fn is_wanted(config: &Config) -> bool {
    let switched = config.mode.is_some() || config.trial.is_some() || config.usual_mode != Mode::Armed;
    heard(config).is_some() || switched || !config.drill.every.is_zero() || config.page.is_some()
}

/// The last level of the topics that are listened to, as a filter; `None` where there are none.
pub fn heard(config: &Config) -> Option<&'static str> {
    match (config.commands.accept, config.publish.ladder.is_empty()) {
        (true, _) => Some("+"),
        (false, false) => Some("ack"),
        (false, true) => None,
    }
}

impl Control {
    /// Takes up what was in force when the daemon ended.
    pub fn new(config: &Config, boot: &BootId, links: Links) -> Control {
        let now = now(links.clock);
        let store = config.publish.store.path.clone();
        let trust = Trust::new(config.commands.keys.clone(), &store, &boot.0);
        let audit = Audit::new(&store, &boot.0, &now);
        let drills = Drills::new(config.drill.clone(), boot, &conduct::memory(&store), &now);
        let mut control = Control {
            store,
            drills,
            limits: config.commands.clone(),
            perceive: config.perceive.clone(),
            usual_threshold: config.usual_threshold,
            keeps: config.publish.field.mb > 0,
            orders: Orders {
                usual: config.usual_mode,
                bear_threshold: config.perceive.bear_threshold,
                ..Orders::default()
            },
            trust,
            audit,
            unproven: Allowance::new(now.uptime, flood::UNPROVEN),
            signed: Allowance::new(now.uptime, flood::SIGNED),
            errands: Allowance::new(now.uptime, flood::SIGNED),
            flooded: 0,
            flood_told: 0,
            flood_told_at: Duration::ZERO,
            written_at: now.uptime,
            told: None,
            links,
        };
        control.note("start", format!("version {}", env!("CARGO_PKG_VERSION")), &now);
        control.resume(config, &now);
        control.tell_areas();
        control.look_around();
        control
    }

    /// Works until asked to end.
    pub fn run(mut self, stop: &Stop) {
        while !stop.is_raised() {
            match self.links.inbox.recv_timeout(TICK) {
                Ok(message) => self.receive(&message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    stop.sleep(TICK);
                }
            }
            self.run_errands();
            self.look_around();
            self.links.pulse.beat();
        }
        if self.is_timed() {
            self.keep_mode(&self.now());
        }
    }

    fn is_timed(&self) -> bool {
        self.orders.mode.is_some() || self.orders.trial.is_some()
    }

    /// What an earlier life was ordered goes on for what is left of it.
    fn resume(&mut self, config: &Config, now: &Now) {
        let longest_trial = Duration::from_secs(self.limits.longest_trial_days * 86_400);
        let mode = config.mode.as_ref().map(|held| {
            let term = remaining(held, Duration::from_secs(self.limits.longest_s), now);
            Held { what: held.mode, term, by: held.by.clone() }
        });
        let trial = config.trial.as_ref().map(|HeldTrial { name, held }| {
            let what = orders::Trial { name: name.clone(), mode: held.mode };
            Held { what, term: remaining(held, longest_trial, now), by: held.by.clone() }
        });
        (self.orders.mode, self.orders.trial) = (mode, trial);
        // What is over already ends by the first look around, and is told then.
        let goes_on = |term: Option<&Term>| term.is_some_and(|term| !term.is_over(now));
        let ordered = self.orders.mode.as_ref().map(|held| &held.term);
        if goes_on(ordered) || goes_on(self.orders.trial.as_ref().map(|trial| &trial.term)) {
            self.keep_mode(now);
        }
        if let Some(warning) = self.orders.warning() {
            self.send(Draft::Mode(self.orders.mode()));
            tracing::warn!("{warning}");
        }
    }

    /// Ends what has run out, tells what was not looked at and what is in force.
    fn look_around(&mut self) {
        let now = self.now();
        for expired in self.orders.expire(&now) {
            self.expired(expired, &now);
        }
        if self.is_timed() && now.uptime.saturating_sub(self.written_at) >= WRITTEN_EVERY {
            self.keep_mode(&now);
        }
        self.look_after_drills(&now);
        self.tell_flood(&now);
        self.tell_state();
    }

    fn expired(&mut self, expired: Expired, now: &Now) {
        match expired {
            Expired::Mode(mode) => self.fell_back(mode.name(), now),
            Expired::Trial(name) => self.fell_back(&format!("the trial \"{name}\""), now),
            Expired::Log(level) => {
                crate::system::log::set(None);
                tracing::info!("the log is as usual again");
                self.note("expired", format!("log level {} has run out", level.name()), now);
            }
        }
    }

    /// Something over the mode has run out.
    fn fell_back(&mut self, what: &str, now: &Now) {
        let then = self.orders.mode();
        self.send(Draft::Mode(then));
        self.keep_mode(now);
        tracing::info!("{what} has run out: the camera is {}", then.name());
        self.note("expired", format!("{what} has run out; {}", then.name()), now);
    }

    /// Told when it changes.
    fn tell_state(&mut self) {
        self.tell_watch();
        let state = StateDraft {
            mode: self.orders.mode(),
            until: self.orders.until(),
            by: self.orders.by(),
            usual: self.orders.usual,
            trial: self.orders.trial_draft(),
            bear_threshold: self.orders.bear_threshold,
            log: self.orders.log_words(),
            signed_only: self.trust.signed_only(),
            drill: self.drills.last().cloned(),
            audit: self.audit.head().clone(),
        };
        if self.told.as_ref() != Some(&state) && self.send(Draft::State(state.clone())) {
            self.told = Some(state);
        }
    }

    fn tell_watch(&self) {
        let (ordered, failed) = (self.orders.warning(), self.drills.warning());
        let cause = match &failed {
            Some(_) => "drill-failed",
            // What the file or a trial wants is no order that somebody may have forgotten.
            None if self.orders.mode.is_some() => "ordered",
            None => "planned",
        };
        let texts: Vec<String> = [ordered, failed].into_iter().flatten().collect();
        let warning = (!texts.is_empty()).then(|| Warning { text: texts.join("; "), cause });
        let notice = Notice { warning, drill: self.drills.last().cloned() };
        *self.links.notice.lock().unwrap_or_else(PoisonError::into_inner) = notice;
    }

    fn tell_areas(&self) {
        let areas = Areas::of(&self.perceive);
        *self.links.areas.lock().unwrap_or_else(PoisonError::into_inner) = areas;
    }

    fn send(&self, draft: Draft) -> bool {
        self.links.drafts.send(draft).is_ok()
    }

    fn now(&self) -> Now {
        now(self.links.clock)
    }
}

/// A board without a clock starts again and again: each start takes off what may have passed since it was written down.
fn remaining(held: &HeldMode, longest: Duration, now: &Now) -> Term {
    let left = Duration::from_secs(held.left_s).min(longest);
    let left = if now.synced { left } else { left.saturating_sub(WRITTEN_EVERY) };
    Term::restored(left, held.until_unix_ms, now)
}

fn now(clock: Clock) -> Now {
    Now { uptime: clock.uptime(), unix_ms: clock.unix_ms(), synced: clock.is_synchronised() }
}
