//! What it came to: bears by day and by hour, against the time before; and what was not so before.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::{Evidence, Period, Told};
use crate::publish::reply::Judgement;

/// Alerts of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// "2026-11-25".
    pub date: String,
    /// That people said were bears.
    pub bears: u64,
    /// Of which nobody said what they were, or could not tell.
    pub open: u64,
    /// That were none.
    pub none: u64,
}

/// Bears by day and hour.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Alerts that people said were bears.
    pub bears: u64,
    /// Of which nobody said what they were, or could not tell.
    pub open: u64,
    /// Each day of the period.
    pub days: Vec<Day>,
    /// Bears by hour of the day, and what nobody said anything of with them.
    pub hours: [u64; 24],
    /// Bears of the time before, which was as long; `None` where no alert of that time is kept.
    pub bears_before: Option<u64>,
    /// Alerts of the time before.
    pub alerts_before: Option<u64>,
}

impl Outcome {
    /// From the alerts.
    pub fn of(alerts: &[&Told], period: Period, zone: &TimeZone) -> Outcome {
        let mut outcome = Outcome {
            bears: 0,
            open: 0,
            days: days(period, zone),
            hours: [0; 24],
            bears_before: None,
            alerts_before: None,
        };
        for alert in alerts {
            let at_ms = alert.at_ms();
            if period.before().has(at_ms) {
                *outcome.alerts_before.get_or_insert(0) += 1;
                *outcome.bears_before.get_or_insert(0) += u64::from(alert.said == Some(Judgement::Bear));
            }
            if !period.has(at_ms) {
                continue;
            }
            let at = local(at_ms, zone);
            let date = at.date().to_string();
            let day = outcome.days.iter_mut().find(|day| day.date == date);
            let (bear, none) = (alert.said == Some(Judgement::Bear), alert.said == Some(Judgement::NotBear));
            if let Some(day) = day {
                day.bears += u64::from(bear);
                day.none += u64::from(none);
                day.open += u64::from(!bear && !none);
            }
            outcome.bears += u64::from(bear);
            outcome.open += u64::from(!bear && !none);
            if !none {
                outcome.hours[usize::from(at.hour().unsigned_abs()).min(23)] += 1;
            }
        }
        outcome
    }
}

fn days(period: Period, zone: &TimeZone) -> Vec<Day> {
    let (mut date, last) = (local(period.from_ms, zone).date(), local(period.to_ms - 1, zone).date());
    let mut days = Vec::new();
    // Ten years are enough for a page.
    while date <= last && days.len() < 3660 {
        days.push(Day { date: date.to_string(), bears: 0, open: 0, none: 0 });
        match date.tomorrow() {
            Ok(tomorrow) => date = tomorrow,
            Err(_) => break,
        }
    }
    days
}

/// The clock on the wall.
pub fn local(ms: i64, zone: &TimeZone) -> DateTime {
    zone.to_datetime(Timestamp::from_millisecond(ms).unwrap_or_default())
}

/// The day on the wall's calendar: "2026-11-25".
pub fn local_date(ms: i64, zone: &TimeZone) -> String {
    local(ms, zone).date().to_string()
}

/// Something that was not so before the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// "site/camera".
    pub camera: String,
    /// `version`, `model` or `threshold`.
    pub what: &'static str,
    /// What it was before, where something is known.
    pub before: Option<String>,
    /// What it is since.
    pub since: String,
    /// When it was first heard of.
    pub at_ms: i64,
}

/// In the order of time. What a camera came with is no change.
pub fn changes(evidence: &Evidence, period: Period) -> Vec<Change> {
    let mut firsts: Vec<_> = evidence.firsts.iter().collect();
    firsts.sort_by_key(|first| first.at_ms);
    let change = |at: usize| {
        let first = firsts[at];
        let earlier =
            firsts[..at].iter().rev().find(|one| one.camera == first.camera && one.what == first.what);
        let camera = evidence.cameras.get(first.camera)?.name.clone();
        let before = Some(earlier?.value.clone());
        period.has(first.at_ms).then(|| Change {
            camera,
            what: first.what,
            before,
            since: first.value.clone(),
            at_ms: first.at_ms,
        })
    };
    (0..firsts.len()).filter_map(change).collect()
}
