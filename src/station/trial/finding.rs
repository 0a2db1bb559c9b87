//! What a trial shows against what was written down, each with its interval: met, not met, or too little to say. PURE.
//!
//! A criterion is met when the whole 95 % interval lies on its good side, and not met when all of it lies on the other one. How much longer it would take
//! where it does neither is told as if what was seen so far went on as it was.

use serde::Serialize;

use super::Trial;
use crate::evaluate::audit::{FEWEST_VISITS, Recall, wilson};
use crate::evaluate::intervals::poisson95;
use crate::publish::reply::Mode;
use crate::station::report::{Report, Told};
use crate::station::texts::t;

/// This share of the alerts must be told in time.
const IN_TIME: f64 = 0.9;
/// Beyond so many times the time so far nothing is said of how long it would take.
const FAR: f64 = 50.0;
/// The history of a camera has a row in five minutes: so much at the ends of a time is between rows, and not known to be silent, hours.
const EDGES_H: f64 = 1.0 / 6.0;
/// Steps of that search: a twentieth more each time.
const STEP: f64 = 1.05;

/// What came of a criterion.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Verdict {
    /// It is shown.
    Met,
    /// The contrary is shown.
    NotMet,
    /// Neither is.
    TooLittle {
        /// Days more, if it goes on as it was; `None` where no end can be told.
        more_days: Option<f64>,
    },
}

/// A criterion, and what was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// As in the plan.
    pub criterion: &'static str,
    /// What was asked for.
    pub wanted: f64,
    /// What was found.
    pub value: Option<f64>,
    /// Ends of its 95 % interval.
    pub low: Option<f64>,
    /// See above.
    pub high: Option<f64>,
    /// What that rests on, in words.
    pub basis: String,
    /// What came of it.
    pub verdict: Verdict,
}

/// All of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Findings {
    /// In the order of the plan.
    pub all: Vec<Finding>,
    /// Days that they rest on.
    pub days: f64,
    /// Days that cameras were heard.
    pub camera_days: f64,
}

/// How long it would take, in times of the time so far, until an interval lies on one side.
fn more(days: f64, is_clear: impl Fn(f64) -> bool) -> Option<f64> {
    let mut times = STEP;
    while times <= FAR {
        if is_clear(times) {
            return Some(days * (times - 1.0));
        }
        times *= STEP;
    }
    None
}

impl Findings {
    /// From the report of the trial's cameras and time, for those whom its alerts are for; `alerts` are these, exercises among them.
    pub fn of(trial: &Trial, report: &Report, alerts: &[&Told], now_ms: i64) -> Findings {
        let days = report.period.days();
        let criteria = &trial.plan.criteria;
        let all = [
            criteria.recall_least.map(|wanted| recall(trial, report, wanted, days)),
            criteria.false_alarms_most.map(|wanted| false_alarms(report, wanted, days)),
            criteria.told_within_s.map(|wanted| told_within(alerts, wanted, days)),
            criteria.silence_most_h.map(|wanted| silence(trial, report, wanted, now_ms)),
        ];
        let all = all.into_iter().flatten().collect();
        Findings { all, days, camera_days: report.watch.watched_h / 24.0 }
    }
}

fn recall(trial: &Trial, report: &Report, wanted: f64, days: f64) -> Finding {
    let found = if trial.plan.mode == Mode::Shadow { report.missed.seen } else { report.missed.told };
    let finding = |value, low, high, basis, verdict| Finding {
        criterion: "recall_least",
        wanted,
        value,
        low,
        high,
        basis,
        verdict,
    };
    let basis =
        |bears: usize, visits: usize| t("sheet.basis.recall", &[("bears", &bears), ("visits", &visits)]);
    match found {
        Recall::Unknown { bears, visits } => {
            // So many visits are needed before anything is said.
            let more_days =
                (visits > 0).then(|| days * (FEWEST_VISITS as f64 / visits as f64 - 1.0).max(0.5));
            finding(None, None, None, basis(bears, visits), Verdict::TooLittle { more_days })
        }
        Recall::Known { value, low, high, bears, visits, effective, .. } => {
            let verdict = match () {
                () if low >= wanted => Verdict::Met,
                () if high < wanted => Verdict::NotMet,
                () => Verdict::TooLittle {
                    more_days: more(days, |times| {
                        let [low, high] = wilson(value, effective * times);
                        low >= wanted || high < wanted
                    }),
                },
            };
            finding(Some(value), Some(low), Some(high), basis(bears, visits), verdict)
        }
    }
}

/// Any alert of which nobody said what it was may have been false: the upper end counts it as one.
fn false_alarms(report: &Report, wanted: f64, days: f64) -> Finding {
    let found = &report.false_alarms;
    let (sure, open, camera_days) = (found.all.count, found.unsaid + found.unsure, found.all.camera_days);
    let interval = |times: f64| {
        let count = |n: u64| (n as f64 * times).round() as u64;
        let time = camera_days * times;
        (poisson95(count(sure))[0] / time, poisson95(count(sure + open))[1] / time)
    };
    let is_known = camera_days > 0.0;
    let (low, high) = interval(1.0);
    let verdict = match () {
        () if !is_known => Verdict::TooLittle { more_days: None },
        () if high <= wanted => Verdict::Met,
        () if low > wanted => Verdict::NotMet,
        () => {
            let clear = |times| {
                let (low, high) = interval(times);
                high <= wanted || low > wanted
            };
            Verdict::TooLittle { more_days: more(days, clear) }
        }
    };
    let alerts = found.alerts;
    Finding {
        criterion: "false_alarms_most",
        wanted,
        value: found.all.a_day,
        low: is_known.then_some(low),
        high: is_known.then_some(high),
        basis: t(
            "sheet.basis.false",
            &[("alerts", &alerts), ("days", &format!("{camera_days:.1}")), ("false", &sure), ("open", &open)],
        ),
        verdict,
    }
}

/// One that came late is not in time, whatever its clock says; of one that came at once by a clock that is not set nothing is known.
fn told_within(alerts: &[&Told], wanted: f64, days: f64) -> Finding {
    let took = |alert: &&&Told| {
        let known = alert.captured_ms.filter(|_| alert.clock_set);
        match known {
            _ if alert.late => Some(f64::INFINITY),
            Some(captured_ms) => Some((alert.heard_ms - captured_ms).max(0) as f64 / 1e3),
            None => None,
        }
    };
    let times: Vec<f64> = alerts.iter().filter_map(|alert| took(&alert)).collect();
    let (count, in_time) = (times.len() as f64, times.iter().filter(|time| **time <= wanted).count());
    let share = (count > 0.0).then(|| in_time as f64 / count);
    let interval = share.map(|share| wilson(share, count));
    let verdict = match (share, interval) {
        (Some(_), Some([low, _])) if low >= IN_TIME => Verdict::Met,
        (Some(_), Some([_, high])) if high < IN_TIME => Verdict::NotMet,
        (Some(share), _) => Verdict::TooLittle {
            more_days: more(days, |times| {
                let [low, high] = wilson(share, count * times);
                low >= IN_TIME || high < IN_TIME
            }),
        },
        _ => Verdict::TooLittle { more_days: None },
    };
    Finding {
        criterion: "told_within_s",
        wanted,
        value: share,
        low: interval.map(|[low, _]| low),
        high: interval.map(|[_, high]| high),
        basis: t("sheet.basis.told", &[("in_time", &in_time), ("alerts", &times.len())]),
        verdict,
    }
}

/// Nothing is estimated here: it is counted, and what is still to come can be told from.
fn silence(trial: &Trial, report: &Report, wanted: f64, now_ms: i64) -> Finding {
    let cameras = trial.plan.cameras.len() as f64;
    let (days, all_days) =
        (report.period.days(), (trial.plan.end_ms - trial.plan.begin_ms) as f64 / 86_400_000.0);
    // A camera that was never heard was silent all the time.
    let missing = cameras - report.watch.cameras.len() as f64;
    let silent_h = report.watch.silent_h + missing.max(0.0) * days * 24.0 - cameras * EDGES_H;
    let silent_h = silent_h.max(0.0);
    let value = silent_h / (days * cameras);
    // One that was stopped shows nothing of the time that was left.
    let is_over = trial.stopped.is_none() && now_ms >= trial.plan.end_ms;
    let verdict = match () {
        () if silent_h > wanted * all_days * cameras => Verdict::NotMet,
        () if is_over && value > wanted => Verdict::NotMet,
        () if is_over => Verdict::Met,
        () => Verdict::TooLittle { more_days: Some(all_days - days) },
    };
    Finding {
        criterion: "silence_most_h",
        wanted,
        value: Some(value),
        low: None,
        high: None,
        basis: t(
            "sheet.basis.silence",
            &[("hours", &format!("{silent_h:.1}")), ("days", &format!("{:.1}", days * cameras))],
        ),
        verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::Audience;
    use crate::publish::reply::Judgement;
    use crate::station::report::{Camera, Evidence, Heard, Period, Wanted};
    use crate::station::trial::{Criteria, Plan};
    use jiff::tz::TimeZone;

    const DAY: i64 = 86_400_000;
    const BEGIN: i64 = 20_000 * DAY;

    fn trial(criteria: Criteria, days: i64) -> Trial {
        let plan = Plan {
            name: "spring".into(),
            mode: Mode::Assist,
            begin_ms: BEGIN,
            end_ms: BEGIN + days * DAY,
            cameras: vec!["creek/north".into()],
            criteria,
        };
        let sha256 = plan.text().1;
        let (stopped, members) = (None, vec![]);
        Trial {
            id: 1,
            plan,
            sha256,
            is_as_written: true,
            written_by: "maria".into(),
            written_ms: 0,
            stopped,
            members,
        }
    }

    fn alert(id: i64, at_ms: i64, said: Option<Judgement>, took_ms: i64) -> Told {
        Told {
            id: format!("b-{id}"),
            camera: 0,
            heard_ms: at_ms + took_ms,
            captured_ms: Some(at_ms),
            ended_ms: Some(at_ms),
            clock_set: true,
            late: false,
            drill: false,
            simulated: false,
            audience: Audience::Reviewers,
            regime: "day".into(),
            said,
        }
    }

    /// A camera that was heard all the time, but for so many hours at the end of it.
    fn findings(criteria: Criteria, days: i64, alerts: Vec<Told>, silent_h: i64) -> Vec<Finding> {
        let trial = trial(criteria, days);
        let (from_ms, to_ms) = (BEGIN, BEGIN + days * DAY);
        let heard_to = to_ms - silent_h * 3_600_000;
        let heard = (0..=(heard_to - from_ms) / 300_000).map(|i| Heard {
            camera: 0,
            at_ms: from_ms + i * 300_000,
            live: true,
        });
        let evidence = Evidence {
            cameras: vec![Camera { name: "creek/north".into(), first_ms: 0 }],
            alerts,
            heard: heard.collect(),
            ..Evidence::default()
        };
        let period = Period { from_ms, to_ms };
        let wanted = Wanted { period, zone: TimeZone::UTC, simulated: false, audience: Audience::Reviewers };
        let report = Report::of(&evidence, &wanted);
        let alerts: Vec<&Told> = evidence.alerts.iter().collect();
        Findings::of(&trial, &report, &alerts, to_ms).all
    }

    fn many(count: i64, said: Option<Judgement>) -> Vec<Told> {
        (0..count).map(|i| alert(i, BEGIN + i * 3_600_000, said, 2_000)).collect()
    }

    #[test]
    fn false_alarms_are_met_by_their_upper_end_alone() {
        let criteria = Criteria { false_alarms_most: Some(0.5), ..Criteria::default() };
        let verdict = |days, alerts| findings(criteria, days, alerts, 0)[0].verdict;
        assert_eq!(verdict(14, vec![]), Verdict::Met, "0 to 3.7 in 14 days");
        assert_eq!(verdict(14, many(30, Some(Judgement::NotBear))), Verdict::NotMet);
        let Verdict::TooLittle { more_days: Some(more_days) } = verdict(5, vec![]) else {
            panic!("5 days are too few")
        };
        assert!((2.3..3.2).contains(&more_days), "7.4 days are needed: {more_days}");
        // Thirty of which nobody said anything could all be false, and prove neither.
        let Verdict::TooLittle { .. } = verdict(14, many(30, None)) else {
            panic!("nobody said what they were")
        };
        assert!(matches!(
            verdict(14, many(7, Some(Judgement::NotBear))),
            Verdict::TooLittle { more_days: None }
        ));
    }

    #[test]
    fn nine_of_ten_alerts_in_time_take_some_alerts_to_be_shown() {
        let criteria = Criteria { told_within_s: Some(5.0), ..Criteria::default() };
        let of = |count| findings(criteria, 14, many(count, Some(Judgement::Bear)), 0)[0].clone();
        assert_eq!(of(40).verdict, Verdict::Met);
        assert!(matches!(of(10).verdict, Verdict::TooLittle { more_days: Some(_) }), "{:?}", of(10));
        assert_eq!(of(0).verdict, Verdict::TooLittle { more_days: None });
        let slow: Vec<Told> = (0..20).map(|i| alert(i, BEGIN + i * DAY / 2, None, 60_000)).collect();
        assert_eq!(findings(criteria, 14, slow, 0)[0].verdict, Verdict::NotMet);
    }

    #[test]
    fn hours_of_silence_are_counted() {
        let criteria = Criteria { silence_most_h: Some(1.0), ..Criteria::default() };
        let of = |silent_h| findings(criteria, 10, vec![], silent_h)[0].clone();
        assert_eq!(of(6).verdict, Verdict::Met);
        assert!((of(6).value.unwrap() - 0.6).abs() < 0.05, "{:?}", of(6));
        assert_eq!(of(30).verdict, Verdict::NotMet);
    }

    #[test]
    fn recall_without_bears_says_that_it_knows_nothing() {
        let criteria = Criteria { recall_least: Some(0.8), ..Criteria::default() };
        let found = &findings(criteria, 10, vec![], 0)[0];
        assert_eq!((found.value, found.verdict), (None, Verdict::TooLittle { more_days: None }));
    }
}
