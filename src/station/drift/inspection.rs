//! Judges every camera when a day is over, or when what is known of past days has changed.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::days::{DAY_MS, Days, Light, by_day};
use super::family::{Question, chances, limit};
use super::series::Feature;
use super::shift::Reading;
use super::{BETWEEN, REFERENCE, STATED, WEEK, judge, week_of};
use crate::perceive::observation::Regime;
use crate::publish::settings::Site;
use crate::station::keeper::Shared;
use crate::station::store::{Duty, StoreError};
use crate::system::stop::Stop;

/// How often it looks whether a day has passed.
const TICK: Duration = Duration::from_secs(1);
/// At least so long between two inspections; and so many times as long as one takes, so that it never is what the station is busy with.
const REST: (Duration, u32) = (Duration::from_secs(2), 20);
/// Days of a shift by which is seen that it is over.
const RETURNED: usize = 2;

/// The name of all lights together, in the database and on the page.
pub const ALL: &str = "all";

/// What is judged: a feature of one camera by one light with one model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Its number in the database.
    pub camera: i64,
    /// SHA-256.
    pub model: String,
    /// Light.
    pub light: Light,
    /// Feature.
    pub feature: Feature,
}

/// Something that has shifted.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    /// Its number in the database.
    pub id: i64,
    /// Where.
    pub site: Site,
    /// What.
    pub key: Key,
    /// From this day on, days since 1970.
    pub since: i64,
    /// When it was found, milliseconds since 1970.
    pub told_ms: i64,
    /// Mean of the reference, on the scale of the values.
    pub was: f64,
    /// Mean since then.
    pub became: f64,
    /// How often a week like that comes by chance.
    pub p: f64,
    /// Why it holds no more.
    pub ended: Option<Ended>,
    /// Since when.
    pub ended_ms: Option<i64>,
}

/// Why a shift is no more told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is again as it was.
    Returned,
    /// Somebody said that this is how the camera is now.
    Accepted,
    /// It has been so for as long as a reference is.
    Old,
}

impl Ended {
    /// All of them.
    pub const ALL: [Ended; 3] = [Ended::Returned, Ended::Accepted, Ended::Old];

    /// The name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Ended::Returned => "returned",
            Ended::Accepted => "accepted",
            Ended::Old => "old",
        }
    }
}

impl Shift {
    /// Whether it holds no more, as far as the days before `today` tell.
    pub fn over(&self, values: &[(i64, f64)], today: i64) -> Option<Ended> {
        if today - self.since >= REFERENCE {
            return Some(Ended::Old);
        }
        let after: Vec<f64> =
            values.iter().filter(|(day, _)| *day >= self.since).map(|&(_, value)| value).collect();
        let newest = after.len().checked_sub(RETURNED).map(|from| &after[from..])?;
        let mean = newest.iter().sum::<f64>() / RETURNED as f64;
        ((mean - self.was).abs() < (mean - self.became).abs()).then_some(Ended::Returned)
    }

    /// Whether a day is left out where its series is judged again: what was before a shift that stays tells nothing any more, nor does what was amid
    /// one that has passed.
    pub fn bars(&self, day: i64) -> bool {
        match self.ended {
            None => true,
            Some(Ended::Accepted | Ended::Old) => day < self.since,
            Some(Ended::Returned) => {
                day >= self.since
                    && day * DAY_MS < self.ended_ms.unwrap_or(i64::MAX) - DAY_MS * RETURNED as i64
            }
        }
    }
}

/// Until it is to end.
pub async fn run(shared: Shared, stop: Stop) {
    while !stop.is_raised() {
        let (begun, today) = (shared.clock.uptime(), today(&shared));
        let inspected =
            shared.store.on_duty(Duty::Inspect, inspect(&shared)).await.and_then(Option::transpose);
        if let Err(error) = &inspected {
            tracing::debug!("cameras are not inspected for shifts: {error}");
        }
        let rest = REST.0.max((shared.clock.uptime() - begun) * REST.1);
        let rested = shared.clock.uptime() + rest;
        while !stop.is_raised() && shared.clock.uptime() < rested {
            sleep(TICK.min(rest)).await;
        }
        while matches!(inspected, Ok(Some(()))) && !stop.is_raised() && self::today(&shared) == today {
            if timeout(TICK, shared.days.notified()).await.is_ok() {
                break;
            }
        }
    }
}

fn today(shared: &Shared) -> i64 {
    shared.clock.unix_ms().div_euclid(DAY_MS)
}

/// A look at every camera.
async fn inspect(shared: &Shared) -> Result<(), StoreError> {
    let (now_ms, today) = (shared.clock.unix_ms(), today(shared));
    let known = shared.store.shifts(now_ms - (REFERENCE + BETWEEN + WEEK) * DAY_MS).await?;
    let (mut answers, mut over) = (Vec::new(), Vec::new());
    for (camera, site) in shared.store.counted().await? {
        let own: Vec<&Shift> = known.iter().filter(|shift| shift.key.camera == camera).collect();
        for ((model, light), days) in by_day(shared.store.tellings(camera, today).await?) {
            let of = |feature| Key { camera, model: model.clone(), light, feature };
            answers.extend(asked(light, &days, &own, &of, &site, today, now_ms));
            over.extend(ended(&days, &own, &of, today));
        }
        tokio::task::yield_now().await;
    }
    let questions: Vec<Question> = answers
        .iter()
        .map(|(shift, reading)| Question {
            sky: &shift.site.name,
            feature: shift.key.feature,
            reading: *reading,
        })
        .collect();
    let chances = chances(&questions);
    let limit = limit(chances.clone(), STATED);
    let told = answers.into_iter().zip(chances).filter(|(_, p)| limit.is_some_and(|limit| *p <= limit));
    let new: Vec<Shift> = told.map(|((shift, _), p)| Shift { p, ..shift }).collect();
    if !new.is_empty() || !over.is_empty() {
        shared.store.shifted(&new, &over, now_ms).await?;
    }
    tell(shared, &new).await
}

/// Every series that can be judged, as if it had shifted.
fn asked(
    light: Light,
    days: &Days,
    own: &[&Shift],
    of: &impl Fn(Feature) -> Key,
    site: &Site,
    today: i64,
    now_ms: i64,
) -> Vec<(Shift, Reading)> {
    let passes = |feature: Feature, day: i64| {
        let key = of(feature);
        !own.iter().any(|shift| shift.key == key && shift.bars(day))
    };
    let shift = |(feature, reading): (Feature, Reading)| {
        let Reading { since, was, became, .. } = reading;
        let (site, key) = (site.clone(), of(feature));
        let shift = Shift {
            id: 0,
            site,
            key,
            since,
            told_ms: now_ms,
            was,
            became,
            p: 1.0,
            ended: None,
            ended_ms: None,
        };
        (shift, reading)
    };
    judge(light, days, week_of(today), passes).into_iter().map(shift).collect()
}

/// Shifts that are over.
fn ended(days: &Days, own: &[&Shift], of: &impl Fn(Feature) -> Key, today: i64) -> Vec<(i64, Ended)> {
    let open = own.iter().filter(|shift| shift.ended.is_none() && shift.key == of(shift.key.feature));
    open.filter_map(|shift| Some((shift.id, shift.over(&shift.key.feature.values(days), today)?))).collect()
}

/// The fleet knows which cameras need somebody for it.
async fn tell(shared: &Shared, new: &[Shift]) -> Result<(), StoreError> {
    for shift in new {
        let Key { light, feature, .. } = &shift.key;
        let shown = |value| feature.shown(value);
        tracing::warn!(
            "something has shifted at {}/{}: {} ({}), {:.3} → {:.3}; see the fleet's page",
            shift.site.name,
            shift.site.camera,
            feature.name(),
            light.map_or(ALL, Regime::name),
            shown(shift.was),
            shown(shift.became)
        );
    }
    let open = shared.store.shifts(i64::MAX).await?;
    let places: BTreeSet<_> = open.into_iter().map(|shift| (shift.site.name, shift.site.camera)).collect();
    shared.fleet.lock().unwrap_or_else(PoisonError::into_inner).shifted(&places);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shift() -> Shift {
        let key = Key { camera: 1, model: "m".into(), light: Some(Regime::Day), feature: Feature::Score };
        let site = Site { name: "creek".into(), camera: "north".into() };
        Shift {
            id: 7,
            site,
            key,
            since: 100,
            told_ms: 103 * DAY_MS,
            was: 10.0,
            became: 6.0,
            p: 1e-5,
            ended: None,
            ended_ms: None,
        }
    }

    #[test]
    fn a_shift_is_over_when_two_days_are_as_before_or_it_has_become_how_it_is() {
        let values = [(99, 10.0), (100, 6.0), (101, 5.0), (102, 9.5), (103, 9.0)];
        assert_eq!(shift().over(&values[..4], 103), None, "one day");
        assert_eq!(shift().over(&values, 104), Some(Ended::Returned));
        assert_eq!(shift().over(&[], 104), None, "nothing is known");
        assert_eq!(shift().over(&values[..3], 128), Some(Ended::Old));
    }

    #[test]
    fn what_was_before_a_shift_that_stays_or_amid_one_that_passed_is_left_out() {
        let barred = |shift: &Shift| (95..110).filter(|day| shift.bars(*day)).collect::<Vec<_>>();
        assert_eq!(barred(&shift()).len(), 15, "it is told already");
        let accepted = Shift { ended: Some(Ended::Accepted), ended_ms: Some(105 * DAY_MS), ..shift() };
        assert_eq!(barred(&accepted), [95, 96, 97, 98, 99]);
        let returned = Shift { ended: Some(Ended::Returned), ..accepted };
        assert_eq!(barred(&returned), [100, 101, 102]);
    }
}
