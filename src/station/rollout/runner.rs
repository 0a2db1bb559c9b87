//! Carries rollouts out: judges what was watched, moves them on, and tells cameras what each of them lacks.
//!
//! What is done follows from the database and from what cameras say of themselves, each time anew. So nothing is forgotten where the station or a camera
//! is away in between, and nothing is told twice that was done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::course::{self, Bundle, Event, Need, Place, Stage, Want, need, unwell, wanted};
use super::decision::{self, judge};
use super::verdict::{Judgement, Verdict};
use crate::control::signing::nonce;
use crate::perceive::observation::Regime;
use crate::publish::models::Do;
use crate::publish::settings::Site;
use crate::station::fleet::Presence;
use crate::station::keeper::Shared;
use crate::station::people::Pen;
use crate::station::store::{Asked, Duty, Given, ModelStanding, Rollout, StoreError, Told};
use crate::system::stop::Stop;

/// Who moves rollouts where no person does.
pub const STATION: &str = "station";
/// It looks around this often, where nothing rings.
const TICK: Duration = Duration::from_secs(5);
/// At least so long between two rounds; and so many times as long as one takes, so that it never is what the station is busy with.
const REST: (Duration, u32) = (Duration::from_secs(1), 20);
/// A camera that was told something and did not do it is told again after this, milliseconds; twice as long each time.
const AGAIN_MS: i64 = 60_000;
const DOUBLED: u32 = 6;
/// Commands of the past that this counts from.
const PAST_MS: i64 = 86_400_000;
const DAY_MS: f64 = 86_400_000.0;

/// Carries them out.
pub struct Runner {
    shared: Shared,
    pen: Pen,
    /// Rung when there is something to send.
    dispatch: Arc<Notify>,
    /// Hours of cameras at which the new model decides that were entered: rollout, camera, hour.
    entered: BTreeSet<(i64, i64, i64)>,
}

/// All that a round looks at.
struct Sight {
    bundles: BTreeMap<String, Given>,
    standings: Vec<ModelStanding>,
    commands: BTreeMap<i64, Vec<Told>>,
    now_ms: i64,
}

impl Runner {
    /// Whose commands go out by whoever hears `dispatch`.
    pub fn new(shared: Shared, dispatch: Arc<Notify>) -> Runner {
        Runner { pen: Pen::new(shared.clock), shared, dispatch, entered: BTreeSet::new() }
    }

    /// Until it is to end.
    pub async fn run(mut self, stop: Stop) {
        while !stop.is_raised() {
            let begun = self.shared.clock.uptime();
            let store = self.shared.store.clone();
            if let Err(error) = store.on_duty(Duty::Rollout, self.round()).await.and_then(Option::transpose) {
                tracing::debug!("rollouts wait: {error}");
            }
            sleep(REST.0.max((self.shared.clock.uptime() - begun) * REST.1)).await;
            let _ = timeout(TICK, self.shared.models.judge.notified()).await;
        }
    }

    async fn round(&mut self) -> Result<(), StoreError> {
        let rollouts = self.shared.store.rollouts().await?;
        if rollouts.is_empty() {
            return Ok(());
        }
        let now_ms = self.shared.clock.unix_ms();
        let sight = Sight {
            bundles: self
                .shared
                .store
                .bundles()
                .await?
                .into_iter()
                .map(|one| (one.sha256.clone(), one))
                .collect(),
            standings: self.shared.store.standings().await?,
            commands: self.shared.store.model_commands(now_ms - PAST_MS).await?,
            now_ms,
        };
        for rollout in live(&rollouts) {
            let Some(given) = sight.bundles.get(&rollout.bundle) else { continue };
            let rollout = if rollout.stage.ring().is_some() {
                self.judged(rollout, given, &sight).await?
            } else {
                rollout.clone()
            };
            self.bring(&rollout, given, &sight).await?;
        }
        Ok(())
    }

    /// Judges a rollout, and moves it on where that says so.
    async fn judged(
        &mut self,
        rollout: &Rollout,
        given: &Given,
        sight: &Sight,
    ) -> Result<Rollout, StoreError> {
        self.enter(rollout, sight).await?;
        let judgement = judgement(&self.shared, rollout, given, &sight.standings).await?;
        let event = Event::Judged(&judgement.verdict);
        let to = rollout
            .stage
            .after(&event, rollout.rings.len(), rollout.criteria.by_itself)
            .unwrap_or(rollout.stage);
        if to == rollout.stage {
            return Ok(rollout.clone());
        }
        let reason = match &judgement.verdict {
            Verdict::Stop(stop) => stop.to_string(),
            Verdict::Pass => "all that was asked for is shown".into(),
            Verdict::Open { .. } => "something that was asked for is not shown any more".into(),
        };
        self.moved(rollout, given, to, &reason).await
    }

    async fn moved(
        &self,
        rollout: &Rollout,
        given: &Given,
        to: Stage,
        reason: &str,
    ) -> Result<Rollout, StoreError> {
        let what = format!("{} {} version {}", named(to), given.name, given.version);
        let deed = self.pen.deed("rollout", STATION, &what, reason);
        if to == Stage::Stopped {
            tracing::error!("{} version {} is taken back: {reason}", given.name, given.version);
        }
        if !self.shared.store.move_rollout(rollout, to, &deed).await? {
            return Ok(rollout.clone());
        }
        self.shared.live.tell("rollouts", &());
        Ok(Rollout { stage: to, moved_by: STATION.into(), reason: reason.into(), ..rollout.clone() })
    }

    /// Hours of cameras at which the new model decides: nobody counts there, and they were watched all the same.
    async fn enter(&mut self, rollout: &Rollout, sight: &Sight) -> Result<(), StoreError> {
        let hour = sight.now_ms.div_euclid(3_600_000);
        self.entered.retain(|(.., known)| *known == hour);
        for one in &sight.standings {
            let runs =
                one.told.as_ref().is_some_and(|told| told.running.bundle.as_ref() == Some(&rollout.bundle));
            if runs && self.is_heard(&one.site) && self.entered.insert((rollout.id, one.camera, hour)) {
                self.shared.store.decides(rollout.id, one.camera, Regime::Day, sight.now_ms).await?;
            }
        }
        Ok(())
    }

    /// Tells cameras what they lack. One that is away is waited for.
    async fn bring(&self, rollout: &Rollout, given: &Given, sight: &Sight) -> Result<(), StoreError> {
        let bundle = Bundle::from(given);
        for one in &sight.standings {
            let want = wanted(&rollout.rings, rollout.stage, &place(&one.site));
            let Need::Tell { word } = need(want, one.told.as_ref(), &bundle) else { continue };
            let told = sight.commands.get(&one.camera).map_or(&[][..], Vec::as_slice);
            if is_due(told, word, sight.now_ms) && self.is_heard(&one.site) {
                self.ask(rollout, &bundle, &one.site, word).await?;
            }
        }
        Ok(())
    }

    async fn ask(&self, rollout: &Rollout, bundle: &Bundle, site: &Site, word: Do) -> Result<(), StoreError> {
        let Ok(nonce) = nonce() else { return Ok(()) };
        let fields = match word {
            Do::Shadow => {
                json!({ "do": word, "version": bundle.version, "bundle": bundle.sha256, "bytes": bundle.bytes })
            }
            Do::Promote => json!({ "do": word, "version": bundle.version, "bundle": bundle.sha256 }),
            _ => json!({ "do": word }),
        };
        let place = place(site);
        let reason = format!("rollout {}, id {nonce}", rollout.id);
        let mut deed = self.pen.deed("command", &rollout.moved_by, &format!("model {place}"), &reason);
        deed.entry.payload = fields.to_string();
        let asked =
            Asked { nonce, site: site.clone(), word: "model".into(), fields, by: rollout.moved_by.clone() };
        self.shared.store.ask(&asked, &deed).await?;
        self.dispatch.notify_one();
        Ok(())
    }

    fn is_heard(&self, site: &Site) -> bool {
        let (now, now_ms) = (self.shared.clock.uptime(), self.shared.clock.unix_ms());
        let view = self.shared.fleet.lock().unwrap_or_else(PoisonError::into_inner).one(site, now, now_ms);
        view.is_some_and(|view| matches!(view.presence, Presence::Online | Presence::Degraded))
    }
}

/// "site/camera".
pub fn place(site: &Site) -> String {
    format!("{}/{}", site.name, site.camera)
}

/// Rollouts that are carried out, the newest first: of each bundle the newest, and of those that are done the last that began.
pub fn live(rollouts: &[Rollout]) -> impl Iterator<Item = &Rollout> {
    let begun = |one: &&Rollout| one.started_ms.is_some();
    let newest = move |at: usize, one: &Rollout| {
        rollouts[..at].iter().filter(begun).all(|later| later.bundle != one.bundle)
    };
    let last = move |at: usize| rollouts[..at].iter().filter(begun).count() == 0;
    let all = rollouts.iter().enumerate().filter(|(_, one)| one.started_ms.is_some());
    all.filter(move |(at, one)| newest(*at, one) && (one.stage != Stage::Done || last(*at)))
        .map(|(_, one)| one)
}

/// Judges what was watched so far.
///
/// # Errors
/// Where the database is away.
pub async fn judgement(
    shared: &Shared,
    rollout: &Rollout,
    given: &Given,
    standings: &[ModelStanding],
) -> Result<Judgement, StoreError> {
    let watched = shared.store.watched(rollout, &given.model).await?;
    let wants: Vec<Want> =
        standings.iter().map(|one| wanted(&rollout.rings, rollout.stage, &place(&one.site))).collect();
    let places = standings.iter().zip(&wants);
    let places = places.map(|(one, want)| Place { site: &one.site, want: *want, told: one.told.as_ref() });
    let names: BTreeSet<&String> = rollout.rings.iter().flat_map(|ring| &ring.cameras).collect();
    let ring = decision::Ring {
        days: (shared.clock.unix_ms() - rollout.ring_ms) as f64 / DAY_MS,
        cameras: names.len(),
        decides: wants.contains(&Want::Decide),
        unjudged: watched.unjudged,
        unwell: unwell(&places.collect::<Vec<_>>(), &Bundle::from(given)),
    };
    Ok(judge(&rollout.criteria, &ring, &watched.hours))
}

/// Whether a camera may be told a word, by what became of that when it was told last. Another word waits for nothing: what takes back comes at once.
fn is_due(told: &[Told], word: Do, now_ms: i64) -> bool {
    let same = || told.iter().rev().take_while(|one| one.word == word);
    let Some(last) = same().next() else { return true };
    let failed = same().take_while(|one| one.fate != "applied").count() as u32;
    let pause = AGAIN_MS << failed.saturating_sub(1).min(DOUBLED);
    !matches!(last.fate.as_str(), "waits" | "sent") && now_ms - last.asked_ms >= pause
}

/// What is done by moving there.
pub fn named(to: Stage) -> &'static str {
    match to {
        Stage::Written => "write",
        Stage::Watching { ring: 0 } => "start",
        Stage::Watching { .. } => "next ring of",
        Stage::Ready { .. } => "passed:",
        Stage::Done => "done:",
        Stage::Stopped => "stop",
    }
}

/// What a camera is to do, and what that needs.
pub fn stands(rollout: &Rollout, given: &Given, one: &ModelStanding) -> (Want, Need) {
    let want = wanted(&rollout.rings, rollout.stage, &place(&one.site));
    (want, course::need(want, one.told.as_ref(), &Bundle::from(given)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::station::rollout::criteria::Criteria;

    fn rollout(id: i64, bundle: &str, stage: Stage, started: bool) -> Rollout {
        Rollout {
            id,
            bundle: bundle.into(),
            criteria: Criteria::default(),
            rings: Vec::new(),
            stage,
            made_by: "maria".into(),
            made_ms: 0,
            started_ms: started.then_some(1),
            ring_ms: 1,
            since_ms: 1,
            moved_by: "maria".into(),
            reason: String::new(),
        }
    }

    #[test]
    fn of_a_bundle_the_newest_rollout_counts_and_of_those_done_the_last() {
        let (watching, written) = (Stage::Watching { ring: 0 }, Stage::Written);
        let ids = |all: &[Rollout]| live(all).map(|one| one.id).collect::<Vec<_>>();
        let all = [
            rollout(5, "d", written, false),
            rollout(4, "c", watching, true),
            rollout(3, "c", Stage::Stopped, true),
        ];
        assert_eq!(ids(&all), [4], "what is tried again is not taken back");
        let all = [
            rollout(3, "c", Stage::Stopped, true),
            rollout(2, "b", Stage::Done, true),
            rollout(1, "a", Stage::Stopped, true),
        ];
        assert_eq!(ids(&all), [3, 1], "what was stopped stays so wherever it is met");
        assert_eq!(ids(&all[1..]), [2, 1]);
    }

    #[test]
    fn who_does_not_do_it_is_told_again_later_and_later() {
        let told = |fates: &[(&str, i64)]| -> Vec<Told> {
            let one =
                |&(fate, asked_ms): &(&str, i64)| Told { word: Do::Shadow, fate: fate.into(), asked_ms };
            fates.iter().map(one).collect()
        };
        let due = |fates: &[(&str, i64)], now_ms| is_due(&told(fates), Do::Shadow, now_ms);
        assert!(is_due(&told(&[("sent", 0)]), Do::Stop, 1), "what takes back comes at once");
        assert!(due(&[], 0) && !due(&[("sent", 0)], 900_000) && !due(&[("waits", 0)], 900_000));
        assert!(!due(&[("applied", 0)], 59_999) && due(&[("applied", 0)], 60_000));
        assert!(due(&[("refused", 0)], 60_000) && !due(&[("refused", 0), ("refused", 0)], 119_999));
        assert!(due(&[("refused", 0); 30], 3_840_000));
        assert!(due(&[("refused", 0), ("refused", 0), ("applied", 0), ("unanswered", 0)], 60_000));
    }
}
