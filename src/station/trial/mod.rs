//! Trials: for a time cameras are in another mode, and what that must show is written down before it begins. PURE.
//!
//! A plan is never changed. Its text stands in the database, and its hash in the audit log since it was written; the result is held against it. Cameras
//! are told the end when they join and end it themselves: neither this station nor the network is needed for that.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::report::Period;
use crate::publish::reply::Mode;

mod conduct;
mod finding;
pub mod sheet;

pub use conduct::Conduct;
pub use finding::Findings;

/// Longest name, characters: cameras take no longer one.
const NAME: usize = 80;
/// Longest reason, characters.
pub const REASON: usize = 300;
/// Cameras of one trial.
const CAMERAS: usize = 1000;
/// Shortest and longest trial, milliseconds. Cameras may allow less.
const SHORTEST_MS: i64 = 60_000;
const LONGEST_MS: i64 = 366 * 86_400_000;

/// What a trial must show. What is not asked for is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criteria {
    /// Share of the time with a bear in sight in which an alert was open, at least; in observe mode, in which the model saw it.
    pub recall_least: Option<f64>,
    /// False alarms a camera-day, at most.
    pub false_alarms_most: Option<f64>,
    /// Nine of ten alerts are told within so many seconds.
    pub told_within_s: Option<f64>,
    /// Hours a camera-day in which a camera was not heard, at most.
    pub silence_most_h: Option<f64>,
}

/// What is written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Names it for ever: cameras know it by that.
    pub name: String,
    /// What alerts are subject to.
    pub mode: Mode,
    /// Its time, milliseconds since 1970.
    pub begin_ms: i64,
    /// The first moment that does not belong to it.
    pub end_ms: i64,
    /// "site/camera", in the order of the alphabet.
    pub cameras: Vec<String>,
    /// What it must show.
    pub criteria: Criteria,
}

impl Plan {
    /// What is wrong with it when it is written at `now_ms`.
    pub fn objection(&self, now_ms: i64) -> Option<String> {
        let Plan { name, mode, begin_ms, end_ms, cameras, .. } = self;
        if !(1..=NAME).contains(&name.chars().count())
            || name.trim() != name
            || name.chars().any(char::is_control)
        {
            return Some(format!("give it a name of at most {NAME} characters on one line"));
        }
        if *mode == Mode::Disarmed {
            return Some("a trial needs a mode: observe, assist or live".into());
        }
        if *begin_ms < now_ms {
            return Some("it begins in the past: what it must show is written before it begins".into());
        }
        if !(SHORTEST_MS..=LONGEST_MS).contains(&(end_ms - begin_ms)) {
            return Some("it ends before it begins, or lasts longer than a year".into());
        }
        if cameras.is_empty() || cameras.len() > CAMERAS || !cameras.is_sorted_by(|a, b| a < b) {
            return Some(format!("name its cameras, each once, {CAMERAS} at most"));
        }
        self.criteria_objection()
    }

    fn criteria_objection(&self) -> Option<String> {
        let Criteria { recall_least, false_alarms_most, told_within_s, silence_most_h } = self.criteria;
        let asked = [recall_least, false_alarms_most, told_within_s, silence_most_h];
        if asked.iter().all(Option::is_none) {
            return Some("say what it must show: without that it proves nothing".into());
        }
        let within = |value: Option<f64>, least: f64, most: f64| value.is_none_or(|v| v > least && v <= most);
        let good = [
            within(recall_least, 0.0, 0.999),
            within(false_alarms_most, 0.0, 1000.0),
            within(told_within_s, 0.0, 86_400.0),
            within(silence_most_h, 0.0, 24.0),
        ];
        if good.contains(&false) {
            return Some("what it must show is no share below 100 %, no rate or no time above 0".into());
        }
        (self.mode == Mode::Shadow && (false_alarms_most.is_some() || told_within_s.is_some())).then(|| {
            "in observe mode nothing is told: ask for recall or silence alone, or take the assist mode".into()
        })
    }

    /// The text that is kept, and its SHA-256, hexadecimal.
    pub fn text(&self) -> (String, String) {
        let text = serde_json::to_string(self).unwrap_or_default();
        let sha256 = hash(&text);
        (text, sha256)
    }
}

/// SHA-256 of a text, hexadecimal.
pub fn hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where a trial is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It has not begun.
    Written,
    /// It is on.
    Running,
    /// It had its time.
    Ended,
    /// It was ended before.
    Stopped,
    /// It was taken back before it began.
    Withdrawn,
}

/// That somebody ended it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A camera of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// "site/camera".
    pub camera: String,
    /// When it was first seen to take part.
    pub joined_ms: Option<i64>,
    /// When it was seen to take part no more.
    pub left_ms: Option<i64>,
}

/// A trial as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Its number here.
    pub id: i64,
    /// What was written.
    pub plan: Plan,
    /// Its hash when it was written.
    pub sha256: String,
    /// Whether what is kept still has that hash.
    pub is_as_written: bool,
    /// Who wrote it.
    pub written_by: String,
    /// When.
    pub written_ms: i64,
    /// Ended by somebody.
    pub stopped: Option<Stopped>,
    /// Its cameras.
    pub members: Vec<Member>,
}

impl Trial {
    /// Where it is.
    pub fn phase(&self, now_ms: i64) -> Phase {
        match &self.stopped {
            Some(stopped) if stopped.at_ms <= self.plan.begin_ms => Phase::Withdrawn,
            Some(_) => Phase::Stopped,
            None if now_ms < self.plan.begin_ms => Phase::Written,
            None if now_ms < self.plan.end_ms => Phase::Running,
            None => Phase::Ended,
        }
    }

    /// The time that it speaks of so far; `None` before it began.
    pub fn period(&self, now_ms: i64) -> Option<Period> {
        let stopped_ms = self.stopped.as_ref().map_or(i64::MAX, |stopped| stopped.at_ms);
        let to_ms = self.plan.end_ms.min(stopped_ms).min(now_ms);
        (self.plan.begin_ms < to_ms).then_some(Period { from_ms: self.plan.begin_ms, to_ms })
    }

    /// Whether cameras that take part in it still are to leave: a stop that they have not heard of.
    pub fn is_to_be_left(&self, now_ms: i64) -> bool {
        self.stopped.is_some() && now_ms < self.plan.end_ms
    }

    /// Whether the two want one camera at one time.
    pub fn clashes(&self, plan: &Plan) -> bool {
        let Plan { begin_ms, end_ms, cameras, .. } = &self.plan;
        let over = self.stopped.is_some();
        !over
            && *begin_ms < plan.end_ms
            && plan.begin_ms < *end_ms
            && cameras.iter().any(|c| plan.cameras.contains(c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    fn plan() -> Plan {
        Plan {
            name: "spring".into(),
            mode: Mode::Assist,
            begin_ms: 10 * DAY,
            end_ms: 24 * DAY,
            cameras: vec!["creek/north".into()],
            criteria: Criteria { false_alarms_most: Some(0.2), ..Criteria::default() },
        }
    }

    #[test]
    fn a_plan_is_complete_or_says_what_is_missing() {
        let told = |plan: Plan| plan.objection(9 * DAY).unwrap_or_default();
        assert_eq!(told(plan()), "");
        assert!(told(Plan { name: "a\nb".into(), ..plan() }).contains("name"));
        assert!(told(Plan { begin_ms: DAY, ..plan() }).contains("in the past"));
        assert!(told(Plan { end_ms: 10 * DAY, ..plan() }).contains("ends before it begins"));
        assert!(told(Plan { cameras: vec![], ..plan() }).contains("cameras"));
        assert!(told(Plan { criteria: Criteria::default(), ..plan() }).contains("must show"));
        assert!(told(Plan { mode: Mode::Shadow, ..plan() }).contains("observe mode nothing is told"));
        let criteria = Criteria { recall_least: Some(1.2), ..Criteria::default() };
        assert!(told(Plan { criteria, ..plan() }).contains("no share"));
    }

    #[test]
    fn a_trial_has_its_time_and_clashes_with_what_wants_its_cameras_then() {
        let trial = Trial {
            id: 1,
            sha256: plan().text().1,
            is_as_written: true,
            plan: plan(),
            written_by: "maria".into(),
            written_ms: 0,
            stopped: None,
            members: vec![],
        };
        let phases = [9, 10, 23, 24].map(|day| trial.phase(day * DAY));
        assert_eq!(phases, [Phase::Written, Phase::Running, Phase::Running, Phase::Ended]);
        assert_eq!(trial.period(9 * DAY), None);
        assert_eq!(trial.period(12 * DAY).map(|period| period.days()), Some(2.0));
        assert!(trial.clashes(&Plan {
            name: "other".into(),
            begin_ms: 23 * DAY,
            end_ms: 30 * DAY,
            ..plan()
        }));
        assert!(!trial.clashes(&Plan { begin_ms: 24 * DAY, end_ms: 30 * DAY, ..plan() }));
        let stopped = Stopped { at_ms: 12 * DAY, by: "maria".into(), reason: "snow".into() };
        let stopped = Trial { stopped: Some(stopped), ..trial };
        assert_eq!((stopped.phase(20 * DAY), stopped.is_to_be_left(20 * DAY)), (Phase::Stopped, true));
        assert!(!stopped.is_to_be_left(24 * DAY), "they have left by themselves");
        assert_eq!(stopped.period(20 * DAY).map(|period| period.days()), Some(2.0));
    }

    #[test]
    fn one_changed_figure_is_another_hash() {
        let criteria = Criteria { false_alarms_most: Some(0.3), ..Criteria::default() };
        assert_ne!(plan().text().1, Plan { criteria, ..plan() }.text().1);
        let (text, sha256) = plan().text();
        assert_eq!((serde_json::from_str::<Plan>(&text).unwrap(), hash(&text)), (plan(), sha256));
    }
}
