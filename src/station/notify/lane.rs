//! One channel's way out: takes what waits for it, one message after the other, and notes what came of each.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::channel::{Message, Outcome, Sender};
use super::rule::Cause;
use super::settings::Channel;
use super::text::{Topic, Voice};
use crate::station::keeper::Shared;
use crate::station::store::{Ended, Notice, StoreError};
use crate::system::stop::Stop;

/// How often it looks whether something waits.
const TICK: Duration = Duration::from_secs(1);
/// Pause after the first failure; each further one doubles it, up to the longest. One that the service asks for may be longer.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
const ASKED: Duration = Duration::from_secs(600);
/// Messages are counted over this.
const WINDOW: Duration = Duration::from_secs(60);

/// The lane.
pub struct Lane {
    name: String,
    channel: Channel,
    voice: Voice,
    shared: Shared,
    bell: Arc<Notify>,
    /// Failures in a row, and when it may be tried again (by uptime).
    failures: u32,
    again_at: Duration,
    /// When messages went out, by uptime: those of the last [`WINDOW`].
    sent: VecDeque<Duration>,
}

/// A storm is gathered when nothing new has come for so long, or the first of it has waited for so long, milliseconds.
const CALM_MS: i64 = 2000;
const ENOUGH_MS: i64 = 10_000;

/// What is sent next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Nothing now.
    Nothing,
    /// These, as one message.
    Send(Vec<Notice>),
}

impl Lane {
    /// Rung when something waits.
    pub fn new(name: String, channel: Channel, voice: Voice, shared: Shared, bell: Arc<Notify>) -> Lane {
        let (failures, again_at, sent) = (0, Duration::ZERO, VecDeque::new());
        Lane { name, channel, voice, shared, bell, failures, again_at, sent }
    }

    /// Until it is to end.
    pub async fn run(mut self, stop: Stop) {
        let sender = match Sender::new(self.channel.clone()) {
            Ok(sender) => Arc::new(sender),
            Err(error) => return tracing::error!("channel {}: {error}", self.name),
        };
        while !stop.is_raised() {
            match self.turn(&sender, &stop).await {
                Ok(true) => {}
                Ok(false) => drop(timeout(TICK, self.bell.notified()).await),
                Err(error) => {
                    tracing::debug!("channel {}: {error}", self.name);
                    sleep(TICK).await;
                }
            }
        }
    }

    /// Tells whether something was sent.
    async fn turn(&mut self, sender: &Arc<Sender>, stop: &Stop) -> Result<bool, StoreError> {
        let now = self.shared.clock.uptime();
        if now < self.again_at {
            return Ok(false);
        }
        while self.sent.front().is_some_and(|at| now.saturating_sub(*at) >= WINDOW) {
            self.sent.pop_front();
        }
        let now_ms = self.shared.clock.unix_ms();
        let waiting = self.shared.store.queued(&self.name, now_ms).await?;
        let Next::Send(notices) = next(waiting, self.channel.most_a_minute, self.sent.len(), now_ms) else {
            return Ok(false);
        };
        let ids: Vec<i64> = notices.iter().map(|notice| notice.id).collect();
        let ids = self.shared.store.going_out(&ids, now_ms).await?;
        let going: Vec<Notice> = notices.into_iter().filter(|notice| ids.contains(&notice.id)).collect();
        if going.is_empty() {
            return Ok(true);
        }
        self.show(&going).await;
        let outcome = match self.message(&going, now_ms).await? {
            Some(message) => {
                self.sent.push_back(now);
                let sender = sender.clone();
                let sending = tokio::task::spawn_blocking(move || sender.send(&message));
                sending.await.unwrap_or_else(|error| Outcome::Passing { why: error.to_string(), pause: None })
            }
            None => Outcome::Configuration { why: "the alert is not kept any more".into() },
        };
        self.judge(&outcome);
        self.note(&going, &outcome, stop).await;
        self.show(&going).await;
        Ok(true)
    }

    async fn message(&self, going: &[Notice], now_ms: i64) -> Result<Option<Message>, StoreError> {
        let mut topics = Vec::with_capacity(going.len());
        for Notice { alert, cause, .. } in going {
            if let Some(subject) = self.shared.store.subject(alert).await? {
                topics.push(Topic { cause: cause.clone(), subject });
            }
        }
        let Some(first) = going.first().filter(|_| !topics.is_empty()) else { return Ok(None) };
        let mut message = self.voice.message(first.id, topics, now_ms);
        if let [only] = going {
            message.receipt = self.shared.store.receipt(&only.alert, &self.name).await?;
            let picture = message.items.first().and_then(|item| item.subject.picture);
            if let (Cause::Picture, Some(picture)) = (&only.cause, picture) {
                message.picture = self.shared.store.jpeg(picture).await?;
            }
        }
        Ok(Some(message))
    }

    fn judge(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Delivered { .. } => {
                if self.failures > 0 {
                    tracing::info!("channel {}: gets through again", self.name);
                }
                self.failures = 0;
            }
            Outcome::Passing { why, pause } => {
                if self.failures == 0 {
                    tracing::warn!("channel {}: {why}; trying again", self.name);
                }
                let usual = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
                self.failures = self.failures.saturating_add(1);
                let pause = pause.map_or(usual, |asked| asked.clamp(usual, ASKED));
                self.again_at = self.shared.clock.uptime() + pause;
            }
            Outcome::Configuration { why } => {
                tracing::error!("channel {}: {why}; not tried again", self.name)
            }
        }
    }

    /// What was sent must be noted, or it would be sent again: a database that is away is waited for.
    async fn note(&self, going: &[Notice], outcome: &Outcome, stop: &Stop) {
        let ids: Vec<i64> = going.iter().map(|notice| notice.id).collect();
        let (fate, receipt) = match outcome {
            Outcome::Delivered { receipt, .. } => (Some("delivered"), receipt.clone()),
            Outcome::Configuration { .. } => (Some("refused"), None),
            Outcome::Passing { .. } => (None, None),
        };
        let ended = Ended { fate, words: outcome.words().chars().take(300).collect(), receipt };
        while let Err(error) =
            self.shared.store.went_out(&self.name, &ids, &ended, self.shared.clock.unix_ms()).await
        {
            tracing::debug!("channel {}: {error}", self.name);
            if stop.is_raised() {
                return;
            }
            sleep(TICK).await;
        }
    }

    /// Whoever looks sees it.
    async fn show(&self, going: &[Notice]) {
        for notice in going.iter().take(10) {
            self.shared.live.alert(&self.shared.store, &notice.alert, false).await;
        }
        self.shared.live.tell("notices", &());
    }
}

/// Each by itself while there is room; the last place in a minute takes all that wait. Pictures go when nothing else waits, and leave half of the places.
fn next(waiting: Vec<Notice>, most: Option<usize>, sent: usize, now_ms: i64) -> Next {
    let room = most.map_or(usize::MAX, |most| most.saturating_sub(sent));
    let (pictures, mut others): (Vec<_>, Vec<_>) =
        waiting.into_iter().partition(|notice| notice.cause == Cause::Picture);
    let first =
        |list: Vec<Notice>| list.into_iter().next().map_or(Next::Nothing, |notice| Next::Send(vec![notice]));
    match room {
        0 => Next::Nothing,
        _ if others.is_empty() && room > most.unwrap_or_default() / 2 => first(pictures),
        1 if others.len() > 1 => {
            others.sort_by_key(|notice| notice.id);
            let made = || others.iter().map(|notice| now_ms - notice.made_ms);
            let is_calm = made().min() >= Some(CALM_MS) || made().max() >= Some(ENOUGH_MS);
            if is_calm { Next::Send(others) } else { Next::Nothing }
        }
        _ => first(others),
    }
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
