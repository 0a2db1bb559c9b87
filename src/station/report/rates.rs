//! Rates and times: false alarms a camera-day, how long an alert takes, who was watching and when not.

use std::collections::BTreeMap;

use serde::Serialize;

use super::sampled::Weighed;
use super::{Camera, Evidence, Period, Told};
use crate::evaluate::intervals::{poisson95, quantile};
use crate::publish::reply::Judgement;

/// Between two measurements that are no further apart its camera was at work, milliseconds: the history has one in five minutes.
const GAP_MS: i64 = 1_200_000;
/// With fewer pictures of a light nothing is said of how long it was.
const FEWEST: usize = 20;

/// A count over time, with its exact 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// How often.
    pub count: u64,
    /// In so many days of a camera.
    pub camera_days: f64,
    /// Count over days; `None` where there is no time.
    pub a_day: Option<f64>,
    /// Lower end of its interval (Garwood 1936).
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

impl Rate {
    fn of(count: u64, camera_days: f64) -> Rate {
        let [low, high] = poisson95(count);
        let over = |count: f64| (camera_days > 0.0).then(|| count / camera_days);
        Rate { count, camera_days, a_day: over(count as f64), low: over(low), high: over(high) }
    }
}

/// What was told for nothing.
#[derive(Clone, Debug, Serialize)]
pub struct FalseAlarms {
    /// Alerts that people said were no bear, over all.
    pub all: Rate,
    /// Alerts of which nobody said what they were: any of them may have been false, too.
    pub unsaid: u64,
    /// Alerts of which people could not tell.
    pub unsure: u64,
    /// Alerts.
    pub alerts: u64,
    /// By the camera.
    pub by_camera: BTreeMap<String, Rate>,
    /// By the light, of which the random sample tells how long it was.
    pub by_regime: BTreeMap<String, Rate>,
}

impl FalseAlarms {
    /// Of the alerts of the period.
    pub fn of(
        alerts: &[&Told],
        weighed: &[Weighed],
        watch: &Watch,
        cameras: &[Camera],
        period: Period,
    ) -> FalseAlarms {
        let alerts: Vec<&&Told> = alerts.iter().filter(|alert| period.has(alert.at_ms())).collect();
        let said = |said: Option<Judgement>| alerts.iter().filter(|alert| alert.said == said).count() as u64;
        let of = |is: &dyn Fn(&Told) -> bool| {
            alerts.iter().filter(|alert| alert.said == Some(Judgement::NotBear) && is(alert)).count() as u64
        };
        let by_camera = cameras.iter().enumerate().filter_map(|(at, camera)| {
            let hours = watch.cameras.get(&camera.name)?.watched_h;
            Some((camera.name.clone(), Rate::of(of(&|alert| alert.camera == at), hours / 24.0)))
        });
        let by_regime = ["day", "dusk", "infrared"].map(|regime| {
            let pictures: Vec<f64> =
                weighed.iter().filter(|one| one.sample.regime == regime).map(|one| one.whole_s).collect();
            let days = if pictures.len() >= FEWEST { pictures.iter().sum::<f64>() / 86_400.0 } else { 0.0 };
            (regime.to_owned(), Rate::of(of(&|alert| alert.regime == regime), days))
        });
        FalseAlarms {
            all: Rate::of(said(Some(Judgement::NotBear)), watch.watched_h / 24.0),
            unsaid: said(None),
            unsure: said(Some(Judgement::Unsure)),
            alerts: alerts.len() as u64,
            by_camera: by_camera.collect(),
            by_regime: by_regime
                .into_iter()
                .filter(|(_, rate)| rate.count > 0 || rate.a_day.is_some())
                .collect(),
        }
    }
}

/// From the frame to the station, milliseconds, of alerts that came at once from cameras with a true clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// Alerts.
    pub alerts: usize,
    /// Median.
    pub p50_ms: Option<f64>,
    /// 95th percentile.
    pub p95_ms: Option<f64>,
    /// The longest.
    pub longest_ms: Option<f64>,
    /// Alerts that came late, from a time without connection.
    pub late: usize,
}

impl Latency {
    /// Of the alerts of the period.
    pub fn of(alerts: &[&Told], period: Period) -> Latency {
        let all = || alerts.iter().filter(|alert| period.has(alert.at_ms()));
        let timed = all().filter(|alert| alert.clock_set && !alert.late);
        let mut times: Vec<f64> =
            timed.filter_map(|alert| Some((alert.heard_ms - alert.captured_ms?).max(0) as f64)).collect();
        times.sort_by(f64::total_cmp);
        Latency {
            alerts: times.len(),
            p50_ms: quantile(&times, 0.5),
            p95_ms: quantile(&times, 0.95),
            longest_ms: times.last().copied(),
            late: all().filter(|alert| alert.late).count(),
        }
    }
}

/// How long one camera was at work, hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Hours {
    /// At work, by its measurements, those that came late among them.
    pub watched_h: f64,
    /// Not heard at the time: from when it was first heard of.
    pub silent_h: f64,
}

/// Who was watching.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Watch {
    /// Over all cameras.
    pub watched_h: f64,
    /// Over all cameras.
    pub silent_h: f64,
    /// By camera.
    pub cameras: BTreeMap<String, Hours>,
}

impl Watch {
    /// From the measurements that came in.
    pub fn of(evidence: &Evidence, period: Period) -> Watch {
        let mut watch = Watch::default();
        for (at, camera) in
            evidence.cameras.iter().enumerate().filter(|(_, camera)| camera.first_ms < period.to_ms)
        {
            let from_ms = period.from_ms.max(camera.first_ms);
            let times = |live: bool| {
                let of = evidence.heard.iter().filter(|one| one.camera == at && (one.live || !live));
                of.map(|one| one.at_ms).filter(|at_ms| period.has(*at_ms)).collect::<Vec<i64>>()
            };
            let watched_h = covered(times(false));
            let silent_h = ((period.to_ms - from_ms) as f64 / 3.6e6 - covered(times(true))).max(0.0);
            watch.watched_h += watched_h;
            watch.silent_h += silent_h;
            watch.cameras.insert(camera.name.clone(), Hours { watched_h, silent_h });
        }
        watch
    }
}

/// Hours between times that are near enough to each other.
fn covered(mut times_ms: Vec<i64>) -> f64 {
    times_ms.sort_unstable();
    let near = times_ms.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap <= GAP_MS);
    near.sum::<i64>() as f64 / 3.6e6
}
