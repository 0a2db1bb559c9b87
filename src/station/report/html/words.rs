//! What the report says in words.

use crate::evaluate::audit::Recall;
use crate::station::report::{Report, SampleFacts};
use crate::station::review::Seen;

/// "88 %".
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
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

/// "1 camera", "12 cameras".
pub fn count(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// "1 bear", "5 pictures of a bear, 3 visits".
pub fn pictures(bears: usize, visits: usize) -> String {
    format!("{} of a bear, {}", count(bears as u64, "picture"), count(visits as u64, "visit"))
}

/// "12 min", "3.4 h".
pub fn span_h(hours: f64) -> String {
    if hours < 1.0 { format!("{:.0} min", hours * 60.0) } else { format!("{hours:.1} h") }
}

/// The light.
pub fn regime(name: &str) -> &str {
    match name {
        "infrared" => "night, infrared",
        other => other,
    }
}

/// What people saw.
pub fn seen(seen: Seen) -> &'static str {
    match seen {
        Seen::Bear => "a bear",
        Seen::Person => "a person",
        Seen::Animal => "another animal",
        Seen::Nothing => "nothing",
        Seen::CannotTell => "what they cannot tell",
    }
}

/// How far people agree.
pub fn agreement(sample: &SampleFacts) -> String {
    match sample.twice {
        0 => "How far people agree with each other is not known yet: none of the pictures that are shown to two were seen by both.".into(),
        twice => format!("Of {} that two people saw whatever the first said, they agreed on {} whether a bear is there.", count(twice as u64, "picture"), sample.agreed),
    }
}

/// What a superintendent reads: name, figure, and what it means.
pub fn headlines(report: &Report) -> Vec<(&'static str, String, String)> {
    vec![
        bears(report),
        missed(report),
        false_alarms(report),
        silence(report),
        latency(report),
        changed(report),
    ]
}

fn bears(report: &Report) -> (&'static str, String, String) {
    let outcome = &report.outcome;
    let before = match (outcome.bears_before, outcome.alerts_before) {
        (Some(bears), Some(_)) => format!("{bears} in the time before, which was as long"),
        _ => "nothing is kept of the time before".into(),
    };
    let night: u64 = outcome.hours[..6].iter().chain(&outcome.hours[20..]).sum();
    let all: u64 = outcome.hours.iter().sum();
    let when =
        if all > 0 { format!("; {night} of {all} came between 20 and 6 o'clock") } else { String::new() };
    let open = if outcome.open > 0 {
        format!("; of {} more nobody said for sure what they were", outcome.open)
    } else {
        String::new()
    };
    ("Bears", count(outcome.bears, "bear"), format!("by what people said of alerts{open}; {before}{when}."))
}

fn missed(report: &Report) -> (&'static str, String, String) {
    let name = "Told of";
    if report.sample.came == 0 {
        return (
            name,
            "not known".into(),
            "no camera sends a random sample, so nobody can know what was missed.".into(),
        );
    }
    match &report.missed.told {
        Recall::Unknown { bears, visits } => (
            name,
            "no estimate".into(),
            format!(
                "{} in the sample: too few to say how many bears were missed.",
                pictures(*bears, *visits)
            ),
        ),
        Recall::Known { value, low, high, bears, visits, .. } => (
            name,
            percent(*value),
            format!(
                "of the time with a bear in sight an alert was open; with 95 % confidence {} to {} ({}).",
                percent(*low),
                percent(*high),
                pictures(*bears, *visits)
            ),
        ),
    }
}

fn false_alarms(report: &Report) -> (&'static str, String, String) {
    let told = &report.false_alarms;
    let all = &told.all;
    let text = match (all.a_day, all.low, all.high) {
        (Some(a_day), Some(low), Some(high)) => format!(
            "in {} camera-days: {} a camera-day, with 95 % confidence {} to {}{}.",
            figure(all.camera_days),
            figure(a_day),
            figure(low),
            figure(high),
            if told.unsaid > 0 {
                format!("; {} not judged", count(told.unsaid, "alert"))
            } else {
                String::new()
            }
        ),
        _ => "how long cameras were at work is not kept for this time, so there is no rate.".into(),
    };
    ("False alarms", all.count.to_string(), text)
}

fn silence(report: &Report) -> (&'static str, String, String) {
    let watch = &report.watch;
    let worst = watch
        .cameras
        .iter()
        .filter(|(_, hours)| hours.silent_h >= 1.0)
        .max_by(|a, b| a.1.silent_h.total_cmp(&b.1.silent_h));
    let worst =
        worst.map_or_else(String::new, |(name, hours)| format!("; longest {name}, {:.0} h", hours.silent_h));
    let all = watch.watched_h + watch.silent_h;
    (
        "Not heard",
        span_h(watch.silent_h),
        format!(
            "of about {all:.0} camera-hours: of that time nobody knows at once whether bears came{worst}."
        ),
    )
}

fn latency(report: &Report) -> (&'static str, String, String) {
    let latency = &report.latency;
    let seconds = |ms: f64| format!("{:.1} s", ms / 1e3);
    let late = if latency.late > 0 {
        format!("; {} came late, after a time without connection", count(latency.late as u64, "alert"))
    } else {
        String::new()
    };
    match (latency.p50_ms, latency.p95_ms) {
        (Some(p50), Some(p95)) => (
            "From picture to desk",
            seconds(p50),
            format!(
                "in the middle, {} for the slowest of twenty, of {}{late}.",
                seconds(p95),
                count(latency.alerts as u64, "alert")
            ),
        ),
        _ => (
            "From picture to desk",
            "no alert".into(),
            format!("came at once from a camera with a true clock{late}."),
        ),
    }
}

fn changed(report: &Report) -> (&'static str, String, String) {
    let changes = report.changes.len() as u64;
    let text = if changes == 0 {
        "no version, model or operating point."
    } else {
        "of version, model or operating point: what is better or worse may come from these."
    };
    ("Changed", count(changes, "change"), text.into())
}
