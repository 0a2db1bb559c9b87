//! Holds the rules against alerts, as they change and as time passes, and puts into the outbox what is due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::rule::{Cause, Plan, Rule, Subject, plan};
use super::settings::{Channel, Settings, To};
use crate::station::keeper::Shared;
use crate::station::store::{ChannelView, Overdue, StoreError};
use crate::system::stop::Stop;

/// How often it looks whether a step is due.
const TICK: Duration = Duration::from_secs(1);
/// Alerts that are older than this are told no more; what waits for them goes its way, milliseconds.
const HORIZON_MS: i64 = 12 * 3_600_000;
/// What was tried in vain for so long is told to the other channels, milliseconds.
const OVERDUE_MS: i64 = 5 * 60_000;
/// A clock that is further from where it should be was set, milliseconds.
const SET_MS: i64 = 2000;

/// The planner.
pub struct Planner {
    shared: Shared,
    rules: Vec<Rule>,
    channels: BTreeMap<String, Channel>,
    bells: BTreeMap<String, Arc<Notify>>,
    /// Wall clock less uptime, milliseconds, at the last look.
    offset_ms: i64,
}

impl Planner {
    /// With the bell of each channel's lane.
    pub fn new(settings: Settings, shared: Shared, bells: BTreeMap<String, Arc<Notify>>) -> Planner {
        let offset_ms = offset(&shared);
        let Settings { channels, rules, .. } = settings;
        Planner { shared, rules, channels, bells, offset_ms }
    }

    /// Until it is to end.
    pub async fn run(mut self, stop: Stop) {
        while !stop.is_raised() {
            if let Err(error) = self.look().await {
                tracing::debug!("nothing is planned: {error}");
            }
            let _ = timeout(TICK, self.shared.notices.notified()).await;
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        self.follow_the_clock().await?;
        let now_ms = self.shared.clock.unix_ms();
        let mut changed = BTreeSet::new();
        let mut plans = Vec::new();
        for (subject, told) in self.shared.store.to_tell(now_ms).await? {
            let plan = plan(&self.rules, &subject, &told, now_ms);
            if !plan.due.is_empty() || !plan.ahead.is_empty() || !told.is_empty() {
                changed.insert(subject.alert.id.clone());
            }
            plans.push((subject, plan));
        }
        self.shared.store.plan(&plans, now_ms, |channel| self.expires(channel, now_ms)).await?;
        plans.iter().for_each(|(_, plan)| self.ring(plan));
        if self.shared.store.give_up(now_ms, now_ms - HORIZON_MS).await? {
            self.shared.live.tell("notices", &());
        }
        for overdue in self.shared.store.overdue(now_ms - OVERDUE_MS).await? {
            self.warn(&overdue, now_ms).await?;
            changed.insert(overdue.alert);
        }
        for alert in changed {
            self.shared.live.alert(&self.shared.store, &alert, false).await;
        }
        let channels = self.shared.store.channels(now_ms).await?;
        let failing = channels.into_iter().filter(ChannelView::is_in_trouble).collect();
        self.shared.standing.lock().unwrap_or_else(PoisonError::into_inner).channels = failing;
        Ok(())
    }

    fn expires(&self, channel: &str, now_ms: i64) -> i64 {
        self.channels.get(channel).map_or(now_ms, |channel| now_ms + channel.expire_ms)
    }

    fn ring(&self, plan: &Plan) {
        for bell in plan.due.iter().filter_map(|(channel, _)| self.bells.get(channel)) {
            bell.notify_one();
        }
    }

    /// Somebody has set the clock: what waits must neither be told too early nor given up.
    async fn follow_the_clock(&mut self) -> Result<(), StoreError> {
        let offset_ms = offset(&self.shared);
        let by_ms = offset_ms - self.offset_ms;
        if by_ms.abs() >= SET_MS {
            self.shared.store.clock_was_set(by_ms).await?;
            tracing::warn!(
                "the clock was set by {:.0} s: notifications wait on as before",
                by_ms as f64 / 1e3
            );
        }
        self.offset_ms = offset_ms;
        Ok(())
    }

    /// The others hear of it, unless somebody has dealt with the alert.
    async fn warn(&self, overdue: &Overdue, now_ms: i64) -> Result<(), StoreError> {
        let Some(subject) = self.shared.store.subject(&overdue.alert).await? else {
            return Ok(());
        };
        let others =
            if subject.word.is_some() { Vec::new() } else { self.others(&subject, &overdue.channel) };
        let cause = Cause::Undelivered(overdue.channel.clone());
        let plan =
            Plan { due: others.into_iter().map(|name| (name, cause.clone())).collect(), ..Plan::default() };
        tracing::error!(
            "{}: of alert {} nobody was told by {}; see Notifications on the page",
            subject.place(),
            subject.alert.id,
            overdue.channel
        );
        let told = (subject, plan);
        self.shared.store.warned(overdue, &told, now_ms, |channel| self.expires(channel, now_ms)).await?;
        self.ring(&told.1);
        Ok(())
    }

    /// Those who are told of alerts like this one, or, where there are none, all.
    fn others(&self, subject: &Subject, failed: &str) -> Vec<String> {
        let takes = |name: &String| {
            name != failed && self.channels.get(name).is_some_and(|one| !matches!(one.to, To::EarthRanger(_)))
        };
        let fitting: BTreeSet<&String> = self
            .rules
            .iter()
            .filter(|rule| rule.fits(subject))
            .flat_map(|rule| &rule.channels)
            .filter(|name| takes(name))
            .collect();
        let all = || self.channels.keys().filter(|name| takes(name)).collect();
        let others: BTreeSet<&String> = if fitting.is_empty() { all() } else { fitting };
        others.into_iter().cloned().collect()
    }
}

/// Where the wall clock stands against the one that never jumps.
fn offset(shared: &Shared) -> i64 {
    shared.clock.unix_ms() - i64::try_from(shared.clock.uptime_ms()).unwrap_or(i64::MAX)
}
