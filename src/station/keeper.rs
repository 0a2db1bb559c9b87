//! Keeps what comes in: judged, filed, and only then acknowledged to the broker.
//!
//! A database that does not take it now is tried again; what waits for it is not acknowledged, so that the broker keeps it over a death of the station, and
//! sends no more than it may have on its way. Telemetry needs no database to be shown: who is heard is not silent, whatever the disk does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::select;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use super::claims::Claims;
use super::fleet::Fleet;
use super::judge::{Entry, Refusal, judge};
use super::live::Live;
use super::rollout::pieces::Bells;
use super::standing::Standing;
use super::store::{Changes, Filed, News, Store, StoreError};
use crate::publish::Message;
use crate::publish::incoming::Body;
use crate::publish::intake::{Intake, Keeping, Receipt, Sent, Taken};
use crate::system::clock::Clock;

/// Messages that one commit takes.
const BATCH: usize = 128;
/// A database that did not take them is tried again after this.
const RETRY: Duration = Duration::from_secs(1);
/// The database learns this often that the broker is heard.
const MARK: Duration = Duration::from_secs(30);
/// How often it looks around.
const TICK: Duration = Duration::from_millis(250);
/// Refusals that wait for the database; those beyond are counted and not kept.
const REFUSALS: usize = 1000;

/// What several parts of the station look at.
#[derive(Clone)]
pub struct Shared {
    /// The database.
    pub store: Arc<Store>,
    /// Cameras, now.
    pub fleet: Arc<Mutex<Fleet>>,
    /// The station itself, now.
    pub standing: Arc<Mutex<Standing>>,
    /// Who looks.
    pub live: Live,
    /// Rung when what is known of past days has changed.
    pub days: Arc<Notify>,
    /// Rung when somebody may have to be told of an alert.
    pub notices: Arc<Notify>,
    /// Rung when cameras have told of their models.
    pub models: Arc<Bells>,
    /// Clock of the process.
    pub clock: Clock,
}

/// What waits to be filed.
#[derive(Default)]
struct Pending {
    filed: Vec<Filed>,
    refusals: Vec<Refusal>,
    receipts: Vec<Receipt>,
}

/// The keeper.
pub struct Keeper {
    shared: Shared,
    intake: Intake,
    keeping: Keeping,
    claims: Claims,
    pending: Pending,
    /// When the database is tried again; `None` where it takes what comes.
    again_at: Option<Duration>,
    /// When the broker was heard last, milliseconds since 1970.
    heard_ms: Option<i64>,
    marked_at: Duration,
    /// Why the broker refused a word to a camera, as it was told last.
    objection: String,
}

impl Keeper {
    /// `heard_ms`: when an earlier start of the station heard the broker last.
    pub fn new(
        shared: Shared,
        intake: Intake,
        keeping: Keeping,
        claims: Claims,
        heard_ms: Option<i64>,
    ) -> Keeper {
        let (pending, marked_at, objection) = (Pending::default(), Duration::ZERO, String::new());
        Keeper { shared, intake, keeping, claims, pending, again_at: None, heard_ms, marked_at, objection }
    }

    /// Until the connection has ended for good.
    pub async fn run(mut self) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            select! {
                taken = self.intake.next() => match taken {
                    Some(taken) => self.take(taken).await,
                    None => break,
                },
                _ = tick.tick() => self.mark().await,
            }
            while self.pending.filed.len() < BATCH
                && let Some(taken) = self.intake.at_hand()
            {
                self.take(taken).await;
            }
            self.file().await;
        }
        self.again_at = None;
        self.file().await;
    }

    async fn take(&mut self, taken: Taken) {
        let now_ms = self.shared.clock.unix_ms();
        match taken {
            Taken::Connected { remembered } => self.connected(remembered, now_ms),
            Taken::Lost { why } => self.lost(&why, now_ms),
            Taken::Message(message, receipt) => self.message(*message, receipt, now_ms),
            Taken::Refused { sent, reason } => self.refused_by_broker(&sent, &reason).await,
        }
    }

    async fn refused_by_broker(&mut self, sent: &Sent, reason: &str) {
        let word = sent.topic.rsplit('/').next().unwrap_or_default();
        let objection = format!(
            "the broker lets the station send no {word} ({reason}): its access rules must allow …/set/{word}"
        );
        if self.objection != objection {
            tracing::error!("{objection}");
            self.objection.clone_from(&objection);
        }
        let Some(nonce) = sent.correlation.as_deref().and_then(|data| str::from_utf8(data).ok()) else {
            return;
        };
        if let Err(error) = self.shared.store.stopped(nonce, &objection, self.shared.clock.unix_ms()).await {
            tracing::debug!("a refused command is not told: {error}");
        }
        self.shared.store.announce(News::commands()).await;
        self.shared.live.tell("commands", &());
    }

    fn connected(&mut self, remembered: bool, now_ms: i64) {
        self.fleet(|fleet, now| fleet.connected(now));
        let heard_ms = self.heard_ms.replace(now_ms);
        self.standing(|standing| standing.connected(remembered, heard_ms, now_ms));
        if remembered || heard_ms.is_none() {
            tracing::info!("the broker is heard");
        } else {
            tracing::error!(
                "the broker is heard and has forgotten this station: what cameras said meanwhile may be missing; see its persistence"
            );
        }
    }

    /// What is not acknowledged comes again on the next connection, under another number: where it waits for the database it is not kept twice.
    fn lost(&mut self, why: &str, now_ms: i64) {
        if self.again_at.is_some() {
            let pending = std::mem::take(&mut self.pending);
            pending.filed.iter().flat_map(|filed| &filed.lives).for_each(|life| self.claims.forget(life));
        }
        self.fleet(|fleet, _| fleet.lost());
        if self.standing(|standing| standing.lost(why, now_ms)) {
            tracing::error!("{why}; trying again");
        }
    }

    fn message(&mut self, message: Message, receipt: Option<Receipt>, now_ms: i64) {
        self.pending.receipts.extend(receipt);
        let (topic, bytes) = (message.topic.clone(), message.payload.len());
        let judged = judge(message, now_ms).and_then(|entry| {
            let lives = self.claims.examine(&entry);
            let admitted =
                lives.and_then(|lives| self.fleet(|fleet, _| fleet.admits(&entry.site)).map(|()| lives));
            match admitted {
                Ok(lives) => Ok((entry, lives)),
                Err(reason) => {
                    let beginning = entry.text.chars().take(120).collect();
                    Err(Box::new(Refusal { topic, reason, bytes, beginning, heard_ms: now_ms }))
                }
            }
        });
        match judged {
            Ok((entry, lives)) => self.believe(entry, lives),
            Err(refusal) => self.refuse(*refusal),
        }
    }

    fn believe(&mut self, entry: Entry, lives: Vec<String>) {
        self.heard_ms = Some(entry.heard_ms);
        self.standing(|standing| standing.counts.believed += 1);
        for life in &lives {
            self.claims.enter(life.clone(), &entry.site);
        }
        let history = self.fleet(|fleet, now| fleet.hear(&entry, now));
        let counts = matches!(&entry.body, Body::Telemetry(telemetry) if telemetry.drift.is_some());
        // Telemetry of now is shown from memory; a row of it now and then goes into the history. What is counted since the start the next one tells again.
        let present = matches!(entry.body, Body::Telemetry(_)) && !entry.late;
        let kept = self.again_at.is_none() || self.pending.filed.len() < BATCH;
        if !present || !lives.is_empty() || ((history || counts) && kept) {
            self.pending.filed.push(Filed { entry, lives, history });
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        let first = self.standing(|standing| {
            standing.counts.refused += 1;
            standing.counts.refused == 1
        });
        if first {
            tracing::warn!(
                "a message on {:?} is not believed: {:?}; further ones stand on the page",
                refusal.topic,
                refusal.reason
            );
        }
        if self.pending.refusals.len() < REFUSALS {
            self.pending.refusals.push(refusal);
        }
    }

    /// Files what waits, where it is time to.
    async fn file(&mut self) {
        let now = self.shared.clock.uptime();
        let nothing = self.pending.filed.is_empty() && self.pending.refusals.is_empty();
        if nothing || self.again_at.is_some_and(|at| now < at) {
            if nothing && !self.pending.receipts.is_empty() {
                self.keeping.stored(std::mem::take(&mut self.pending.receipts)).await;
            }
            return;
        }
        match self.commit().await {
            Ok(changes) => {
                self.pending.filed.clear();
                self.pending.refusals.clear();
                self.keeping.stored(std::mem::take(&mut self.pending.receipts)).await;
                self.well();
                self.tell(changes).await;
            }
            Err(error) => self.unwell(&error, now),
        }
    }

    /// All at once; where the database objects to one of them, that one is told from the others, and refused.
    async fn commit(&mut self) -> Result<Changes, StoreError> {
        let Pending { filed, refusals, .. } = &self.pending;
        match self.shared.store.commit(filed, refusals).await {
            Err(StoreError::Data { .. }) => {}
            done => return done,
        }
        let mut all = self.shared.store.commit(&[], refusals).await?;
        for one in filed {
            match self.shared.store.commit(std::slice::from_ref(one), &[]).await {
                Ok(changes) => all.add(changes),
                Err(StoreError::Data { reason, .. }) => {
                    let refusal = unfit(one, &reason);
                    tracing::error!("{:?}: {}", refusal.topic, refusal.reason);
                    all.add(self.shared.store.commit(&[], &[refusal]).await?);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    fn well(&mut self) {
        if self.again_at.take().is_some() {
            self.standing(|standing| standing.trouble = None);
            tracing::info!("the database takes what comes again; nothing was lost");
        }
    }

    fn unwell(&mut self, error: &StoreError, now: Duration) {
        self.again_at = Some(now + RETRY);
        let now_ms = self.shared.clock.unix_ms();
        if self.standing(|standing| standing.troubled(error.to_string(), now_ms)) {
            tracing::error!("{error}; what comes in stays with the broker");
        }
    }

    /// Whoever looks sees it.
    async fn tell(&mut self, changes: Changes) {
        for (life, owner) in changes.owners {
            self.claims.correct(life, &owner);
        }
        self.standing(|standing| {
            standing.counts.repeated += changes.repeated;
            standing.counts.refused += changes.refused.len() as u64;
            standing.counts.dropped = self.keeping.dropped();
        });
        if changes.answers {
            self.shared.live.tell("commands", &());
        }
        if changes.days {
            self.shared.days.notify_one();
        }
        if !changes.alerts.is_empty() {
            self.shared.notices.notify_one();
        }
        self.shared.models.told(changes.models);
        for (id, change) in changes.alerts {
            self.shared.live.alert(&self.shared.store, &id, change.rings).await;
        }
    }

    async fn mark(&mut self) {
        let now = self.shared.clock.uptime();
        let connected = self.standing(|standing| standing.link.connected);
        if !connected || self.again_at.is_some() || now.saturating_sub(self.marked_at) < MARK {
            return;
        }
        self.marked_at = now;
        let now_ms = self.shared.clock.unix_ms();
        self.heard_ms = Some(now_ms);
        if let Err(error) = self.shared.store.broker_heard(now_ms).await {
            self.unwell(&error, now);
        }
    }

    fn fleet<T>(&self, look: impl FnOnce(&mut Fleet, Duration) -> T) -> T {
        let now = self.shared.clock.uptime();
        look(&mut self.shared.fleet.lock().unwrap_or_else(PoisonError::into_inner), now)
    }

    fn standing<T>(&self, look: impl FnOnce(&mut Standing) -> T) -> T {
        look(&mut self.shared.standing.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn unfit(filed: &Filed, reason: &str) -> Refusal {
    let Entry { site, heard_ms, body, text, .. } = &filed.entry;
    Refusal {
        topic: format!("bearwatch/v1/{}/{}/{}", site.name, site.camera, body.kind().name()),
        reason: format!("the database does not take it: {reason}"),
        bytes: text.len(),
        beginning: text.chars().take(120).collect(),
        heard_ms: *heard_ms,
    }
}
