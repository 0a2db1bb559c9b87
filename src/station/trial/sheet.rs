//! The result of a trial for people: what was written down, what was found, and which cameras took part. Drawn here, shown and printed by the page.

use std::fmt::{self, Write};

use jiff::tz::TimeZone;

use super::finding::{Finding, Findings, Verdict};
use super::{Phase, Trial};
use crate::publish::reply::Mode;
use crate::station::report::{Report, written};
use crate::web::html::Escaped;

/// What stands on it.
pub struct Sheet<'a> {
    /// The trial.
    pub trial: &'a Trial,
    /// What was found.
    pub findings: &'a Findings,
    /// The report of its cameras and time.
    pub report: &'a Report,
    /// Whose hours.
    pub zone: &'a TimeZone,
    /// Now, milliseconds since 1970.
    pub now_ms: i64,
}

/// Draws it.
///
/// # Errors
/// Never: what is written to is a text.
pub fn body(page: &mut String, sheet: &Sheet) -> fmt::Result {
    let Sheet { trial, zone, .. } = sheet;
    let plan = &trial.plan;
    writeln!(page, "<article class=\"report\">\n<h2>Trial: {}</h2>", Escaped(&plan.name))?;
    let time = |ms| written(ms, zone);
    writeln!(
        page,
        "<p>{} mode, {} to {}. Written by {} on {}, before it began.</p>",
        mode(plan.mode),
        time(plan.begin_ms),
        time(plan.end_ms),
        Escaped(&trial.written_by),
        time(trial.written_ms)
    )?;
    course(page, sheet)?;
    findings(page, sheet)?;
    cameras(page, sheet)?;
    told(page, sheet)?;
    writeln!(
        page,
        "<p class=\"quiet\">SHA-256 of what was written, as it stands in the audit log: {}</p>",
        Escaped(&trial.sha256)
    )?;
    if !trial.is_as_written {
        page.write_str("<p class=\"warn\">What is kept is not what was written: the database was changed. This result is worth nothing.</p>\n")?;
    }
    page.write_str("</article>\n")
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Armed => "Live",
        Mode::Assist => "Assist",
        Mode::Shadow => "Observe",
        Mode::Disarmed => "Disarmed",
    }
}

fn course(page: &mut String, sheet: &Sheet) -> fmt::Result {
    let Sheet { trial, findings, zone, now_ms, .. } = sheet;
    match (trial.phase(*now_ms), &trial.stopped) {
        (Phase::Running, _) => writeln!(
            page,
            "<p class=\"warn\">It is still running: what stands here is of {:.1} of {:.1} days.</p>",
            findings.days,
            (trial.plan.end_ms - trial.plan.begin_ms) as f64 / 86_400_000.0
        ),
        (_, Some(stopped)) => writeln!(
            page,
            "<p class=\"warn\">{} ended it on {}, after {:.1} days: {}</p>",
            Escaped(&stopped.by),
            written(stopped.at_ms, zone),
            findings.days,
            Escaped(&stopped.reason)
        ),
        _ => Ok(()),
    }
}

fn findings(page: &mut String, sheet: &Sheet) -> fmt::Result {
    page.write_str("<section>\n<h3>What it had to show</h3>\n")?;
    for finding in &sheet.findings.all {
        let (asked, found) = words(finding);
        writeln!(
            page,
            "<h4>{asked}</h4>\n<p class=\"verdict {}\"><strong>{}</strong></p>\n<p>{found}</p>\n<p class=\"quiet\">{}.</p>",
            class(finding.verdict),
            verdict(finding.verdict),
            Escaped(&finding.basis)
        )?;
    }
    page.write_str("</section>\n")
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::NotMet => "not-met",
        Verdict::TooLittle { .. } => "too-little",
    }
}

/// For people.
fn verdict(verdict: Verdict) -> String {
    match verdict {
        Verdict::Met => "Met".into(),
        Verdict::NotMet => "Not met".into(),
        Verdict::TooLittle { more_days: Some(days) } => {
            let days = days.ceil().max(1.0);
            let plural = if days > 1.0 { "s" } else { "" };
            format!("Not enough data: about {days:.0} day{plural} more, if it goes on like this")
        }
        Verdict::TooLittle { more_days: None } => "Not enough data, and no end of that can be told".into(),
    }
}

/// What was asked for, and what was found.
fn words(finding: &Finding) -> (String, String) {
    let wanted = finding.wanted;
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let number = |value: f64| format!("{value:.2}");
    let within = |text: &dyn Fn(f64) -> String| match (finding.value, finding.low, finding.high) {
        (Some(value), Some(low), Some(high)) => {
            format!("{} (95 % interval {} to {})", text(value), text(low), text(high))
        }
        (Some(value), _, _) => text(value),
        _ => "nothing can be said yet".into(),
    };
    match finding.criterion {
        "recall_least" => (
            format!("Of the time with a bear in sight it is found in {} at least", percent(wanted)),
            format!("Found: {}.", within(&percent)),
        ),
        "false_alarms_most" => (
            format!("At most {wanted} false alarms a camera-day"),
            format!("False alarms a camera-day: {}.", within(&number)),
        ),
        "told_within_s" => (
            format!("Nine of ten alerts are told within {wanted} s"),
            format!("Told in that time: {}.", within(&percent)),
        ),
        _ => (
            format!("A camera is silent for at most {wanted} h a day"),
            format!("Hours a camera-day: {}.", within(&number)),
        ),
    }
}

fn cameras(page: &mut String, sheet: &Sheet) -> fmt::Result {
    let Sheet { trial, report, zone, .. } = sheet;
    page.write_str("<section>\n<h3>Cameras</h3>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Cameras\"><table>\n<thead><tr><th scope=\"col\">Camera</th><th scope=\"col\">Took part from</th><th scope=\"col\">Heard, h</th><th scope=\"col\">Silent, h</th></tr></thead>\n<tbody>\n")?;
    for member in &trial.members {
        let hours = report.watch.cameras.get(&member.camera).copied().unwrap_or_default();
        let joined = member.joined_ms.map_or_else(|| "never".into(), |ms| written(ms, zone));
        writeln!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{joined}</td><td>{:.1}</td><td>{:.1}</td></tr>",
            Escaped(&member.camera),
            hours.watched_h,
            hours.silent_h
        )?;
    }
    page.write_str("</tbody></table></div>\n")?;
    if trial.members.iter().any(|member| member.joined_ms.is_none()) {
        page.write_str(
            "<p class=\"warn\">Of a camera that never took part nothing here is known but its silence.</p>\n",
        )?;
    }
    page.write_str("</section>\n")
}

fn told(page: &mut String, sheet: &Sheet) -> fmt::Result {
    let (outcome, found) = (&sheet.report.outcome, &sheet.report.false_alarms);
    let whom = match sheet.trial.plan.mode {
        Mode::Assist => "Alerts to reviewers",
        Mode::Armed => "Alerts",
        _ => return Ok(()),
    };
    writeln!(
        page,
        "<section>\n<h3>What was told</h3>\n<p>{whom}: {}. Bears: {}; false: {}; of {} nobody said for sure what they were.</p>\n</section>",
        found.alerts, outcome.bears, found.all.count, outcome.open
    )
}
