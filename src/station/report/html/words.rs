//! What the report says in words. All of them stand in the file of the page's.

use std::fmt::Display;

use crate::evaluate::audit::Recall;
use crate::station::report::{Apart, Report, SampleFacts};
use crate::station::review::Seen;
use crate::station::texts::t;

/// "88 %".
pub fn percent(share: f64) -> String {
    t("paper.percent", &[("n", &format!("{:.0}", share * 100.0))])
}

/// Two digits that count.
pub fn figure(value: f64) -> String {
    match value {
        0.0 => "0".into(),
        v if v < 0.1 => format!("{v:.3}"),
        v if v < 10.0 => format!("{v:.2}"),
        v => format!("{v:.0}"),
    }
}

/// One thing has words of its own: "1 camera", "12 cameras".
fn number(
    n: u64,
    one: fn(&[(&str, &dyn Display)]) -> String,
    many: fn(&[(&str, &dyn Display)]) -> String,
) -> String {
    let values: [(&str, &dyn Display); 1] = [("n", &n)];
    if n == 1 { one(&values) } else { many(&values) }
}

/// "1 camera", "12 cameras".
pub fn cameras(n: usize) -> String {
    number(n as u64, |n| t("paper.camera", n), |n| t("paper.cameras", n))
}

/// "1 picture", "12 pictures".
pub fn some_pictures(n: usize) -> String {
    number(n as u64, |n| t("paper.picture", n), |n| t("paper.pictures", n))
}

/// "1 alert", "12 alerts".
pub fn alerts(n: u64) -> String {
    number(n, |n| t("paper.alert", n), |n| t("paper.alerts", n))
}

/// Of alerts that were for reviewers alone.
pub fn apart(apart: &Apart) -> String {
    let bears = number(apart.bears, |n| t("paper.bear", n), |n| t("paper.bears", n));
    t("paper.apart", &[("alerts", &alerts(apart.alerts)), ("bears", &bears), ("none", &apart.none)])
}

/// "1 picture of a bear, 1 visit", "5 pictures of a bear, 3 visits".
pub fn pictures(bears: usize, visits: usize) -> String {
    let visits = number(visits as u64, |n| t("paper.visit", n), |n| t("paper.visits", n));
    t("paper.of.a.bear", &[("pictures", &some_pictures(bears)), ("visits", &visits)])
}

/// "12 min", "3.4 h".
pub fn span_h(hours: f64) -> String {
    if hours < 1.0 {
        t("paper.minutes", &[("n", &format!("{:.0}", hours * 60.0))])
    } else {
        t("paper.hours", &[("n", &format!("{hours:.1}"))])
    }
}

/// The light.
pub fn regime(name: &str) -> String {
    t(&format!("regime.{name}"), &[])
}

/// What people saw.
pub fn seen(seen: Seen) -> String {
    t(&format!("paper.seen.{}", seen.name()), &[])
}

/// How far people agree.
pub fn agreement(sample: &SampleFacts) -> String {
    match sample.twice {
        0 => t("paper.agreement.none", &[]),
        twice => t("paper.agreement", &[("pictures", &some_pictures(twice)), ("agreed", &sample.agreed)]),
    }
}

/// What a superintendent reads: name, figure, and what it means.
pub fn headlines(report: &Report) -> Vec<(String, String, String)> {
    vec![
        bears(report),
        missed(report),
        false_alarms(report),
        silence(report),
        latency(report),
        changed(report),
    ]
}

fn bears(report: &Report) -> (String, String, String) {
    let outcome = &report.outcome;
    let before = match (outcome.bears_before, outcome.alerts_before) {
        (Some(bears), Some(_)) => t("paper.bears.before", &[("n", &bears)]),
        _ => t("paper.bears.before.none", &[]),
    };
    let night: u64 = outcome.hours[..6].iter().chain(&outcome.hours[20..]).sum();
    let all: u64 = outcome.hours.iter().sum();
    let when =
        if all > 0 { t("paper.bears.night", &[("night", &night), ("all", &all)]) } else { String::new() };
    let open = if outcome.open > 0 { t("paper.bears.open", &[("n", &outcome.open)]) } else { String::new() };
    let count = number(outcome.bears, |n| t("paper.bear", n), |n| t("paper.bears", n));
    (
        t("paper.bears.name", &[]),
        count,
        t("paper.bears.text", &[("open", &open), ("before", &before), ("when", &when)]),
    )
}

fn missed(report: &Report) -> (String, String, String) {
    let name = t("paper.told.name", &[]);
    if report.sample.came == 0 {
        return (name, t("paper.told.unknown", &[]), t("paper.told.none", &[]));
    }
    match &report.missed.told {
        Recall::Unknown { bears, visits } => {
            (name, t("paper.no.estimate", &[]), t("paper.told.few", &[("from", &pictures(*bears, *visits))]))
        }
        Recall::Known { value, low, high, bears, visits, .. } => {
            let (low, high, from) = (percent(*low), percent(*high), pictures(*bears, *visits));
            (name, percent(*value), t("paper.told.text", &[("low", &low), ("high", &high), ("from", &from)]))
        }
    }
}

fn false_alarms(report: &Report) -> (String, String, String) {
    let told = &report.false_alarms;
    let all = &told.all;
    let unsaid = if told.unsaid > 0 {
        t("paper.false.unsaid", &[("alerts", &alerts(told.unsaid))])
    } else {
        String::new()
    };
    let text = match (all.a_day, all.low, all.high) {
        (Some(a_day), Some(low), Some(high)) => t(
            "paper.false.text",
            &[
                ("days", &figure(all.camera_days)),
                ("rate", &figure(a_day)),
                ("low", &figure(low)),
                ("high", &figure(high)),
                ("unsaid", &unsaid),
            ],
        ),
        _ => t("paper.false.none", &[]),
    };
    (t("paper.false.name", &[]), all.count.to_string(), text)
}

fn silence(report: &Report) -> (String, String, String) {
    let watch = &report.watch;
    let worst = watch
        .cameras
        .iter()
        .filter(|(_, hours)| hours.silent_h >= 1.0)
        .max_by(|a, b| a.1.silent_h.total_cmp(&b.1.silent_h));
    let worst = worst.map_or_else(String::new, |(name, hours)| {
        t("paper.silent.worst", &[("camera", name), ("n", &format!("{:.0}", hours.silent_h))])
    });
    let all = format!("{:.0}", watch.watched_h + watch.silent_h);
    let text = t("paper.silent.text", &[("all", &all), ("worst", &worst)]);
    (t("paper.silent.name", &[]), span_h(watch.silent_h), text)
}

fn latency(report: &Report) -> (String, String, String) {
    let latency = &report.latency;
    let seconds = |ms: f64| t("paper.seconds", &[("n", &format!("{:.1}", ms / 1e3))]);
    let late = if latency.late > 0 {
        t("paper.latency.late", &[("alerts", &alerts(latency.late as u64))])
    } else {
        String::new()
    };
    let name = t("paper.latency.name", &[]);
    match (latency.p50_ms, latency.p95_ms) {
        (Some(p50), Some(p95)) => {
            let of = alerts(latency.alerts as u64);
            (
                name,
                seconds(p50),
                t("paper.latency.text", &[("p95", &seconds(p95)), ("alerts", &of), ("late", &late)]),
            )
        }
        _ => (name, t("paper.latency.no", &[]), t("paper.latency.none", &[("late", &late)])),
    }
}

fn changed(report: &Report) -> (String, String, String) {
    let changes = report.changes.len() as u64;
    let text = if changes == 0 { t("paper.changed.none", &[]) } else { t("paper.changed.text", &[]) };
    let count = number(changes, |n| t("paper.change", n), |n| t("paper.changes", n));
    (t("paper.changed.name", &[]), count, text)
}
