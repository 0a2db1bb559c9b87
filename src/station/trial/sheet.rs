//! The result of a trial for people: what was written down, what was found, and which cameras took part. Drawn here, shown and printed by the page, in
//! whose file the words stand.

use std::fmt::{self, Display, Write};

use jiff::tz::TimeZone;

use super::finding::{Finding, Findings, Verdict};
use super::{Phase, Trial};
use crate::publish::reply::Mode;
use crate::station::report::html::percent;
use crate::station::report::{Report, written};
use crate::station::texts::t;
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
    let title = t("sheet.title", &[("name", &plan.name)]);
    writeln!(page, "<article class=\"report\">\n<h2>{}</h2>", Escaped(&title))?;
    let time = |ms| written(ms, zone);
    let mode = t(&format!("mode.name.{}", plan.mode.name()), &[]);
    let (from, to, on) = (time(plan.begin_ms), time(plan.end_ms), time(trial.written_ms));
    let values: [(&str, &dyn Display); 5] =
        [("mode", &mode), ("from", &from), ("to", &to), ("by", &trial.written_by), ("time", &on)];
    paragraph(page, "", &t("sheet.written", &values))?;
    course(page, sheet)?;
    findings(page, sheet)?;
    cameras(page, sheet)?;
    told(page, sheet)?;
    paragraph(page, "quiet", &t("sheet.hash", &[("sha256", &trial.sha256)]))?;
    if !trial.is_as_written {
        paragraph(page, "warn", &t("trials.changed", &[]))?;
    }
    page.write_str("</article>\n")
}

/// A paragraph of a class, of none where that is empty.
fn paragraph(page: &mut String, class: &str, text: &str) -> fmt::Result {
    match class {
        "" => writeln!(page, "<p>{}</p>", Escaped(text)),
        class => writeln!(page, "<p class=\"{class}\">{}</p>", Escaped(text)),
    }
}

fn course(page: &mut String, sheet: &Sheet) -> fmt::Result {
    let Sheet { trial, findings, zone, now_ms, .. } = sheet;
    let days = format!("{:.1}", findings.days);
    let text = match (trial.phase(*now_ms), &trial.stopped) {
        (Phase::Running, _) => {
            let all = format!("{:.1}", (trial.plan.end_ms - trial.plan.begin_ms) as f64 / 86_400_000.0);
            t("sheet.running", &[("days", &days), ("all", &all)])
        }
        (_, Some(stopped)) => {
            let time = written(stopped.at_ms, zone);
            let values: [(&str, &dyn Display); 4] =
                [("by", &stopped.by), ("time", &time), ("days", &days), ("reason", &stopped.reason)];
            t("sheet.stopped", &values)
        }
        _ => return Ok(()),
    };
    paragraph(page, "warn", &text)
}

fn findings(page: &mut String, sheet: &Sheet) -> fmt::Result {
    writeln!(page, "<section>\n<h3>{}</h3>", t("sheet.shown", &[]))?;
    for finding in &sheet.findings.all {
        let asked = t(
            &format!("trials.asked.{}", finding.criterion),
            &[("value", &in_words(finding, finding.wanted))],
        );
        writeln!(
            page,
            "<h4>{asked}</h4>\n<p class=\"verdict {}\"><strong>{}</strong></p>",
            class(finding.verdict),
            verdict(finding.verdict)
        )?;
        let found = t(&format!("sheet.found.{}", finding.criterion), &[("value", &found(finding))]);
        paragraph(page, "", &found)?;
        paragraph(page, "quiet", &finding.basis)?;
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
        Verdict::Met => t("sheet.met", &[]),
        Verdict::NotMet => t("sheet.not-met", &[]),
        Verdict::TooLittle { more_days: Some(days) } if days <= 1.0 => t("sheet.one-day", &[]),
        Verdict::TooLittle { more_days: Some(days) } => {
            t("sheet.more-days", &[("days", &format!("{:.0}", days.ceil()))])
        }
        Verdict::TooLittle { more_days: None } => t("sheet.no-end", &[]),
    }
}

/// What was asked for, in the unit of its question: shares in percent, the rest as people have written it.
fn in_words(finding: &Finding, wanted: f64) -> String {
    match finding.criterion {
        "recall_least" => format!("{:.0}", wanted * 100.0),
        _ => wanted.to_string(),
    }
}

/// What was found, with its interval where there is one.
fn found(finding: &Finding) -> String {
    let text = |value: f64| match finding.criterion {
        "recall_least" | "told_within_s" => percent(value),
        _ => format!("{value:.2}"),
    };
    match (finding.value.map(text), finding.low.map(text), finding.high.map(text)) {
        (Some(value), Some(low), Some(high)) => {
            t("sheet.interval", &[("value", &value), ("low", &low), ("high", &high)])
        }
        (Some(value), _, _) => value,
        _ => t("sheet.nothing", &[]),
    }
}

fn cameras(page: &mut String, sheet: &Sheet) -> fmt::Result {
    let Sheet { trial, report, zone, .. } = sheet;
    let [title, from, heard, silent] =
        [t("sheet.cameras", &[]), t("sheet.from", &[]), t("sheet.heard", &[]), t("sheet.silent", &[])];
    writeln!(
        page,
        "<section>\n<h3>{title}</h3>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\"><table>"
    )?;
    page.write_str("<thead><tr>")?;
    for head in [&t("sheet.camera", &[]), &from, &heard, &silent] {
        write!(page, "<th scope=\"col\">{head}</th>")?;
    }
    page.write_str("</tr></thead>\n<tbody>\n")?;
    for member in &trial.members {
        let hours = report.watch.cameras.get(&member.camera).copied().unwrap_or_default();
        let joined = member.joined_ms.map_or_else(|| t("sheet.never", &[]), |ms| written(ms, zone));
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
        paragraph(page, "warn", &t("sheet.absent", &[]))?;
    }
    page.write_str("</section>\n")
}

fn told(page: &mut String, sheet: &Sheet) -> fmt::Result {
    let (outcome, found) = (&sheet.report.outcome, &sheet.report.false_alarms);
    let values: [(&str, &dyn Display); 4] = [
        ("alerts", &found.alerts),
        ("bears", &outcome.bears),
        ("false", &found.all.count),
        ("open", &outcome.open),
    ];
    let told = match sheet.trial.plan.mode {
        Mode::Assist => t("sheet.told.reviewers", &values),
        Mode::Armed => t("sheet.told", &values),
        _ => return Ok(()),
    };
    writeln!(page, "<section>\n<h3>{}</h3>", t("sheet.told.title", &[]))?;
    paragraph(page, "", &told)?;
    page.write_str("</section>\n")
}
