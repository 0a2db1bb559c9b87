//! What a week was like: what was told, what was missed, what was told for nothing, and when nobody was watching. PURE: told what stands in the database,
//! answers with figures. Where the data are too few to say something it says that.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::evaluate::audit::Recall;
use crate::publish::Audience;
use crate::publish::audit::Sighting;
use crate::publish::reply::Judgement;
use crate::station::review::{Label, Seen};

pub mod html;
mod outcome;
mod rates;
mod sampled;

pub use outcome::{Change, Outcome, local_date};
pub use rates::{FalseAlarms, Latency, Watch};
pub use sampled::{Confusion, Mistake, SampleFacts};

/// A stretch of time, milliseconds since 1970: the first that belongs to it, and the first that does not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Period {
    /// Belongs to it.
    pub from_ms: i64,
    /// Does not.
    pub to_ms: i64,
}

impl Period {
    /// Whether a time belongs to it.
    pub fn has(&self, at_ms: i64) -> bool {
        (self.from_ms..self.to_ms).contains(&at_ms)
    }

    /// Its length.
    pub fn days(&self) -> f64 {
        (self.to_ms - self.from_ms).max(0) as f64 / 86_400_000.0
    }

    /// From a first and a last day, which belongs to it, as "2026-11-23"; the last seven days where nothing is said.
    ///
    /// # Errors
    /// Why that is no time.
    pub fn parse(from: &str, to: &str, zone: &TimeZone, now_ms: i64) -> Result<Period, String> {
        let day = |text: &str| {
            text.parse::<Date>().map_err(|_| format!("{text:?} is no day; write it as 2026-11-23"))
        };
        let last = if to.is_empty() { outcome::local(now_ms, zone).date() } else { day(to)? };
        let first = if from.is_empty() { last.saturating_sub(6.days()) } else { day(from)? };
        let begin = |date: Date| zone.to_timestamp(date.at(0, 0, 0, 0)).map(|at| at.as_millisecond());
        let end = last.tomorrow().and_then(begin);
        match (begin(first), end) {
            // Nothing is known of what is still to come.
            (Ok(from_ms), Ok(to_ms)) if from_ms < to_ms.min(now_ms) => {
                Ok(Period { from_ms, to_ms: to_ms.min(now_ms) })
            }
            _ => Err(format!("{first} to {last} is no time that has been; the first day comes first")),
        }
    }

    /// As long, right before.
    pub fn before(&self) -> Period {
        Period { from_ms: 2 * self.from_ms - self.to_ms, to_ms: self.from_ms }
    }
}

/// An alert as it stands in the database.
#[derive(Clone, Debug)]
pub struct Told {
    /// Unique for ever.
    pub id: String,
    /// Index among the cameras.
    pub camera: usize,
    /// When it was first heard of.
    pub heard_ms: i64,
    /// When its first and its last frame were taken, by the camera's clock.
    pub captured_ms: Option<i64>,
    /// The last one.
    pub ended_ms: Option<i64>,
    /// Whether that clock can be believed.
    pub clock_set: bool,
    /// It was history when it was heard.
    pub late: bool,
    /// An exercise.
    pub drill: bool,
    /// The simulator drew it.
    pub simulated: bool,
    /// Whom it was for.
    pub audience: Audience,
    /// The light.
    pub regime: String,
    /// What people said it was, the newest word.
    pub said: Option<Judgement>,
}

impl Told {
    /// When it was, as well as is known: what came late belongs to its own time.
    pub fn at_ms(&self) -> i64 {
        self.captured_ms.filter(|_| self.clock_set).unwrap_or(self.heard_ms)
    }
}

/// A picture of the random sample.
#[derive(Clone, Debug)]
pub struct Sampled {
    /// Names the picture.
    pub key: String,
    /// Index among the cameras.
    pub camera: usize,
    /// Life of its daemon, and its number among those that were chosen there.
    pub boot: String,
    /// From 1.
    pub number: i64,
    /// When it was taken, by the camera's clock, and when it came in.
    pub captured_ms: Option<i64>,
    /// By the station's.
    pub heard_ms: i64,
    /// How probable it was that it is chosen.
    pub probability: f64,
    /// Of that, that the camera still had it when it could be sent; 1 where it had room for all.
    pub room: f64,
    /// Seconds that its frame stands for.
    pub stands_s: f64,
    /// What alerts were subject to.
    pub mode: String,
    /// The light.
    pub regime: String,
    /// SHA-256 of the model.
    pub model: String,
    /// Operating point.
    pub threshold: f64,
    /// Width and height, pixels.
    pub size: (i64, i64),
    /// The simulator drew it.
    pub simulated: bool,
    /// What the model saw.
    pub detections: Vec<Sighting>,
    /// What holds of what people said.
    pub label: Option<Label>,
    /// Another person is still to look at it.
    pub another: bool,
    /// What each person said, where it was looked at twice in any case.
    pub twice: Vec<Seen>,
}

impl Sampled {
    /// When it was taken, as well as is known.
    pub fn at_ms(&self) -> i64 {
        self.captured_ms.unwrap_or(self.heard_ms)
    }
}

/// A measurement that came in: its camera was at work.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// Index among the cameras.
    pub camera: usize,
    /// When it was made, milliseconds since 1970.
    pub at_ms: i64,
    /// It came at once.
    pub live: bool,
}

/// Something that was not so before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    /// Index among the cameras.
    pub camera: usize,
    /// `version`, `model` or `threshold`.
    pub what: &'static str,
    /// Its name.
    pub value: String,
    /// When it was first heard of.
    pub at_ms: i64,
}

/// A camera.
#[derive(Clone, Debug)]
pub struct Camera {
    /// "site/camera".
    pub name: String,
    /// When it was first heard of.
    pub first_ms: i64,
}

/// All that the report is made from: of the period, and of the one before it.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Cameras.
    pub cameras: Vec<Camera>,
    /// Alerts.
    pub alerts: Vec<Told>,
    /// The random sample, of the period alone.
    pub samples: Vec<Sampled>,
    /// Measurements.
    pub heard: Vec<Heard>,
    /// What changed.
    pub firsts: Vec<First>,
}

/// How the report is to be made.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Of which time.
    pub period: Period,
    /// Whose hours and days.
    pub zone: TimeZone,
    /// Also of what the simulator drew.
    pub simulated: bool,
    /// Alerts to whom it is about.
    pub audience: Audience,
}

/// Estimates of what was missed, over all and apart.
#[derive(Clone, Debug, Serialize)]
pub struct Missed {
    /// Share of the time with a bear in sight in which an alert was open; of cameras that were armed.
    pub told: Recall,
    /// Share of that time in which the model saw the bear on the very frame.
    pub seen: Recall,
    /// The first by the light.
    pub told_by_regime: BTreeMap<String, Recall>,
    /// The first by the camera.
    pub told_by_camera: BTreeMap<String, Recall>,
}

/// Alerts that are not what the report is about, since they were for others: counted apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Apart {
    /// Alerts.
    pub alerts: u64,
    /// That people said were bears.
    pub bears: u64,
    /// That were none.
    pub none: u64,
}

/// The report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Of which time.
    pub period: Period,
    /// Whose hours and days: a name of the IANA database.
    pub zone: String,
    /// First and last day, as people write them.
    pub days: (String, String),
    /// Cameras that were heard of by its end.
    pub cameras: usize,
    /// What the simulator drew is in it.
    pub simulated: bool,
    /// Bears by day and hour.
    pub outcome: Outcome,
    /// Alerts for reviewers, where the report is about those for everybody, and the other way round.
    pub apart: Apart,
    /// What was missed.
    pub missed: Missed,
    /// How the sample was.
    pub sample: SampleFacts,
    /// What was told for nothing.
    pub false_alarms: FalseAlarms,
    /// Pictures by what people and the model say.
    pub confusion: Confusion,
    /// What went worst.
    pub worst: Vec<Mistake>,
    /// From the picture to the station.
    pub latency: Latency,
    /// Who was watching, and when not.
    pub watch: Watch,
    /// What was not so before.
    pub changes: Vec<Change>,
}

impl Report {
    /// From what stands in the database.
    pub fn of(evidence: &Evidence, wanted: &Wanted) -> Report {
        let Wanted { period, zone, simulated, audience } = wanted;
        let real = |drawn: bool| *simulated || !drawn;
        let (alerts, others): (Vec<&Told>, Vec<&Told>) = evidence
            .alerts
            .iter()
            .filter(|alert| !alert.drill && real(alert.simulated))
            .partition(|alert| alert.audience == *audience);
        let samples: Vec<&Sampled> =
            evidence.samples.iter().filter(|sample| real(sample.simulated)).collect();
        let weighed = sampled::weigh(&samples);
        let watch = Watch::of(evidence, *period);
        let day = |ms: i64| outcome::local(ms, zone).strftime("%-d %B %Y").to_string();
        Report {
            period: *period,
            zone: zone.iana_name().unwrap_or("local time").to_owned(),
            days: (day(period.from_ms), day(period.to_ms - 1)),
            cameras: evidence.cameras.iter().filter(|camera| camera.first_ms < period.to_ms).count(),
            simulated: *simulated,
            outcome: Outcome::of(&alerts, *period, zone),
            apart: Apart::of(&others, *period),
            missed: sampled::missed(&weighed, &alerts, &evidence.cameras, *audience),
            sample: SampleFacts::of(&samples, &weighed),
            false_alarms: FalseAlarms::of(&alerts, &weighed, &watch, &evidence.cameras, *period),
            confusion: Confusion::of(&weighed),
            worst: sampled::worst(&weighed, &evidence.cameras),
            latency: Latency::of(&alerts, *period),
            watch,
            changes: outcome::changes(evidence, *period),
        }
    }
}

impl Apart {
    fn of(alerts: &[&Told], period: Period) -> Apart {
        let of = |said: Judgement| {
            alerts.iter().filter(|alert| period.has(alert.at_ms()) && alert.said == Some(said)).count() as u64
        };
        let all = alerts.iter().filter(|alert| period.has(alert.at_ms())).count() as u64;
        Apart { alerts: all, bears: of(Judgement::Bear), none: of(Judgement::NotBear) }
    }
}

impl Evidence {
    /// What is known of some cameras alone, by their names.
    pub fn only(self, names: &[String]) -> Evidence {
        let Evidence { cameras, alerts, samples, heard, firsts } = self;
        let mut kept = Vec::new();
        let index: Vec<Option<usize>> = cameras
            .into_iter()
            .map(|camera| {
                names.contains(&camera.name).then(|| {
                    kept.push(camera);
                    kept.len() - 1
                })
            })
            .collect();
        let new = |camera: usize| index.get(camera).copied().flatten();
        Evidence {
            alerts: alerts.into_iter().filter_map(|a| Some(Told { camera: new(a.camera)?, ..a })).collect(),
            samples: samples
                .into_iter()
                .filter_map(|s| Some(Sampled { camera: new(s.camera)?, ..s }))
                .collect(),
            heard: heard.into_iter().filter_map(|h| Some(Heard { camera: new(h.camera)?, ..h })).collect(),
            firsts: firsts.into_iter().filter_map(|f| Some(First { camera: new(f.camera)?, ..f })).collect(),
            cameras: kept,
        }
    }
}

/// A time as people write it.
pub fn written(ms: i64, zone: &TimeZone) -> String {
    outcome::local(ms, zone).strftime("%-d %b %Y, %H:%M").to_string()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
