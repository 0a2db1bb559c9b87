//! The publish thread: drafts become messages and are committed; and the handle by which the daemon holds both threads.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::{self, error::TrySendError};

use super::certificates::Ending;
use super::delivery::Lane;
use super::field::Feed;
use super::gate::{Gate, Passage};
use super::message::{AlertMessage, BootId, Kind, alert_id, rfc3339, topic};
use super::mqtt::Message;
use super::pending::{Acknowledger, Pending};
use super::recent::Fate;
use super::record::{self, Record};
use super::reply::{AnswerDraft, AnswerMessage};
use super::review::Review;
use super::settings::{Settings, Site};
use super::shared::{Inbox, Link, Shared, Standing};
use super::telemetry::TelemetryMessage;
use super::{AlertDraft, Draft, PublishError, Subject, TelemetryDraft, session};
use crate::perceive::frame::Stamp;
use crate::system::clock::{Clock, Stopwatch};
use crate::system::metrics::{Metrics, Stage, count};
use crate::system::pulse::Pulse;

mod keeping;

/// Drafts that may wait; a sender waits when it is full, since alerts are not to be dropped. At most one draft a frame and stage.
const QUEUE: usize = 64;
/// Drafts that are committed together.
const BATCH: usize = 32;
/// Telemetry that may wait for the connection's thread.
const TELEMETRY_QUEUE: usize = 4;
/// Answers that may wait for it.
const ANSWER_QUEUE: usize = 32;
/// How often an idle publish thread shows life.
const IDLE: Duration = Duration::from_millis(100);
/// A connection's thread that shows no life for this long is stuck.
const STUCK: Duration = Duration::from_secs(60);
/// How long the goodbye to the broker may take.
const GOODBYE: Duration = Duration::from_secs(3);

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
    inbox: Option<Inbox>,
) -> Result<Handle, PublishError> {
    let shared = Arc::new(Shared::open(site, settings, clock, metrics, inbox)?);
    let (sender, drafts) = sync_channel(QUEUE);
    let (telemetry, telemetry_out) = mpsc::channel(TELEMETRY_QUEUE);
    let life = Pulse::new(clock);
    let (answers, answers_out) = mpsc::channel(ANSWER_QUEUE);
    let session = session::spawn(shared.clone(), telemetry_out, answers_out, life.clone())?;
    let store = &shared.settings.store;
    let worker = Worker {
        drafts,
        telemetry,
        answers,
        gate: Gate::default(),
        review: Review::new(&store.path, store.review_mb),
        feed: Feed::new(&shared),
        waited_at: clock.uptime(),
        ending: None,
        pulse,
        session_life: life,
        shared: shared.clone(),
    };
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

    /// Takes acknowledgements.
    pub fn acknowledger(&self) -> Acknowledger {
        Acknowledger(self.shared.clone())
    }

    /// How the connection stands, in words, for others to ask.
    pub fn standing(&self) -> Standing {
        Standing(self.shared.clone())
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

    /// Of these, what no disk has taken: lost when the process ends.
    pub fn unwritten(&self) -> u64 {
        self.shared.outbox().unwritten()
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
    telemetry: mpsc::Sender<Record>,
    answers: mpsc::Sender<Message>,
    gate: Gate,
    review: Review,
    /// What is kept for training and review; `None` where nothing is.
    feed: Option<Feed>,
    /// Up to when the ladder's time was counted.
    waited_at: Duration,
    /// What was logged of certificates that end.
    ending: Option<Ending>,
    pulse: Pulse,
    session_life: Pulse,
}

impl Worker {
    fn run(mut self) {
        loop {
            match self.drafts.recv_timeout(IDLE) {
                Ok(first) => self.take(first),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) if self.shared.closing.load(Ordering::Acquire) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.escalate();
            if let Some(feed) = &mut self.feed {
                feed.go_on(&self.shared);
            }
            self.tell_endings();
            self.shared.outbox().maintain();
            if self.session_life.age() < STUCK {
                self.pulse.beat();
            }
        }
    }

    /// Says once that a certificate ends; the status says it as long as that is so.
    fn tell_endings(&mut self) {
        let ending = self.shared.certificates.ending(self.shared.clock.unix_ms());
        if ending == self.ending {
            return;
        }
        match &ending {
            Some(Ending { text, urgent: true }) => tracing::error!("{text}"),
            Some(Ending { text, .. }) => tracing::warn!("{text}"),
            None => tracing::info!("the certificates were renewed"),
        }
        let urgent = ending.as_ref().is_some_and(|ending| ending.urgent);
        self.shared.metrics.counters.certificate_ending.store(urgent.into(), Ordering::Relaxed);
        self.ending = ending;
        self.shared.wake.notify_one();
    }

    /// Takes a batch of drafts and commits what must not be lost at once, so that a burst costs one sync.
    fn take(&mut self, first: Draft) {
        let mut records = Vec::new();
        let mut decided = Vec::new();
        let batch: Vec<Draft> =
            std::iter::once(first).chain(self.drafts.try_iter().take(BATCH - 1)).collect();
        for draft in batch {
            match draft {
                Draft::Alert(mut alert) => {
                    let passage = self.gate.alert(&mut alert);
                    if passage == Passage::Told {
                        decided.push(alert.inferred_at_uptime_ms);
                    }
                    records.extend(self.alert(&alert, passage));
                }
                Draft::Snapshot { subject, jpeg, captured } => {
                    records.extend(self.snapshot(subject, jpeg, captured));
                }
                Draft::Audit(draft) => records.extend(self.audit(*draft)),
                Draft::Kept(draft) => self.keep(&draft),
                present => self.take_present(present),
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

    /// What is not stored.
    fn take_present(&mut self, draft: Draft) {
        match draft {
            Draft::Telemetry(telemetry) => self.send_telemetry(&telemetry),
            Draft::Health(health) => *self.shared.health() = health,
            Draft::Mode(mode) => self.gate.set(mode),
            Draft::Send(time) => {
                let now = self.shared.clock.uptime();
                self.feed.iter_mut().for_each(|feed| feed.ask(time, now));
            }
            Draft::State(state) => {
                *self.shared.state.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
            }
            Draft::Models(models) => {
                *self.shared.models.lock().unwrap_or_else(PoisonError::into_inner) = Some(*models);
            }
            Draft::Answer(answer) => self.send_answer(*answer),
            Draft::Alert(_) | Draft::Snapshot { .. } | Draft::Audit(_) | Draft::Kept(_) => {}
        }
    }

    /// On the topic of answers, and where else it is wanted. Without a connection nobody waits for it.
    fn send_answer(&self, draft: AnswerDraft) {
        let shared = &self.shared;
        let envelope = shared.envelope(Kind::Answer);
        let properties = record::properties(&envelope.boot, envelope.seq, false);
        let body = AnswerMessage::new(envelope, &draft);
        let Ok(payload) = serde_json::to_vec(&body) else { return };
        let own = topic(&shared.site, Kind::Answer);
        let elsewhere = draft.response_topic.filter(|topic| *topic != own);
        for topic in std::iter::once(own).chain(elsewhere) {
            let message = Message::json(topic, payload.clone(), properties.clone());
            let expiry_s = Kind::Answer.useful_for_s();
            let message = Message { correlation: draft.correlation.clone(), expiry_s, ..message };
            if self.answers.try_send(message).is_err() {
                tracing::warn!("too many answers wait for the connection; one is dropped");
            }
        }
    }

    fn alert(&mut self, draft: &AlertDraft, passage: Passage) -> Option<(Lane, Vec<u8>)> {
        // Numbers are for what is sent: a gap in them is a message that did not arrive.
        let told = passage == Passage::Told;
        let envelope = if told { self.shared.envelope(Kind::Alert) } else { self.shared.numbered(0) };
        let message = AlertMessage::new(envelope.clone(), draft);
        self.shared.recent().step(&message, Fate::from(passage));
        // Nobody is to judge a drawn bear, or to learn from it.
        if self.is_kept(passage) && !draft.alert.id.is_of_drill() {
            self.review.alert(&message);
        }
        if !told {
            return None;
        }
        let alert = &draft.alert;
        let steps = &self.shared.metrics.counters.alerts[usize::from(draft.drill)];
        count(&steps[alert.state as usize][alert.severity as usize]);
        // Nobody on duty hears of what is for reviewers: nobody is called for it either.
        if !message.is_for_reviewers() {
            self.pending().told(&message);
        }
        let record = Record::alert(envelope, draft).and_then(|record| record.encode());
        self.encoded(Lane::Alerts, record)
    }

    /// What a ranger is asked to judge is kept as well.
    fn is_kept(&self, passage: Passage) -> bool {
        passage == Passage::Kept || (passage == Passage::Told && self.pending().is_used())
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.shared.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends on what nobody has acknowledged. Time counts while the broker hears us and alerts are told: nobody can acknowledge what
    /// nobody has heard.
    fn escalate(&mut self) {
        let now = self.shared.clock.uptime();
        let time = now.saturating_sub(std::mem::replace(&mut self.waited_at, now));
        if *self.shared.link() != Link::Up || !self.gate.is_open() {
            return;
        }
        let due = self.pending().wait(time, &self.shared);
        if !due.is_empty() {
            self.shared.outbox().put(due);
            self.shared.wake.notify_one();
        }
    }

    fn snapshot(&mut self, subject: Subject, jpeg: Vec<u8>, captured: Stamp) -> Option<(Lane, Vec<u8>)> {
        let passage = self.gate.picture(subject);
        if let (true, Subject::Alert(id) | Subject::Before(id)) = (self.is_kept(passage), subject)
            && !id.is_of_drill()
        {
            let id = alert_id(&self.shared.boot, id);
            match passage {
                Passage::Told => self.review.first_picture(&id, &jpeg),
                _ => self.review.picture(&id, &rfc3339(captured.unix_ms), &jpeg),
            }
        }
        if passage != Passage::Told {
            return None;
        }
        let audience = self.gate.audience(subject);
        let record = Record::snapshot(&self.shared.envelope(Kind::Snapshot), subject, captured, jpeg);
        let record = record.for_whom(audience);
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

    /// At once where there is a connection; else it is history, and kept as such.
    fn send_telemetry(&self, draft: &TelemetryDraft) {
        let shared = &self.shared;
        let envelope = shared.envelope(Kind::Telemetry);
        let field = self.feed.as_ref().map(|feed| feed.field.message());
        let message = TelemetryMessage::new(envelope.clone(), draft, &shared.metrics)
            .with(shared.status(), &shared.certificates.known());
        let message = TelemetryMessage { field, ..message };
        let Ok(record) = Record::other(&envelope, None, "", &message) else {
            return count(&shared.metrics.counters.lost_telemetry);
        };
        let unsent = match *shared.link() == Link::Up {
            true => self.telemetry.try_send(record).err().map(TrySendError::into_inner),
            false => Some(record),
        };
        if let Some(record) = unsent {
            shared.keep_telemetry(&record);
        }
    }
}
