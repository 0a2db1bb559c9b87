//! The report for people: first what a superintendent reads, then what it rests on. Drawn once, for a file of its own and for the station's page.

use std::fmt::{self, Write};

use jiff::tz::TimeZone;

use super::rates::Rate;
use super::{Mistake, Report, written};
use crate::evaluate::audit::{FEWEST_BEARS, FEWEST_VISITS, Recall};
use crate::station::texts::{LANGUAGES, t};
use crate::web::html::Escaped;

mod charts;
mod words;

use words::{headlines, span_h};

pub use words::percent;

/// How it looks, on the page and on paper.
pub const STYLE: &str = include_str!("../page/assets/report.css");

/// The report and what it is drawn with.
pub struct Drawing<'a> {
    /// What it tells.
    pub report: &'a Report,
    /// Whose hours.
    pub zone: &'a TimeZone,
    /// Where a picture is to be had, by its key; `None` where whoever shows the page fetches it.
    pub picture: &'a dyn Fn(&str) -> Option<String>,
}

/// A file of its own, with nothing beside it.
///
/// # Errors
/// Never: what is written to is a text.
pub fn document(drawing: &Drawing) -> Result<String, fmt::Error> {
    let Report { days: (first, last), .. } = drawing.report;
    let mut page = String::new();
    write!(
        page,
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body class=\"alone\">\n<main>\n",
        LANGUAGES[0].0,
        Escaped(&t("paper.file", &[("first", first), ("last", last)]))
    )?;
    body(&mut page, drawing)?;
    page.write_str("</main>\n</body>\n</html>\n")?;
    Ok(page)
}

/// What stands on it.
///
/// # Errors
/// Never: what is written to is a text.
pub fn body(page: &mut String, drawing: &Drawing) -> fmt::Result {
    let report = drawing.report;
    let (first, last) = &report.days;
    let title = t("paper.title", &[("first", first), ("last", last)]);
    writeln!(page, "<article class=\"report\">\n<h2>{}</h2>", Escaped(&title))?;
    let under = t("paper.under", &[("cameras", &words::cameras(report.cameras)), ("zone", &report.zone)]);
    paragraph(page, "quiet", &under)?;
    if report.simulated {
        paragraph(page, "warn", &t("paper.simulated", &[]))?;
    }
    page.write_str("<ul class=\"headlines\">\n")?;
    for (name, value, text) in headlines(report) {
        writeln!(
            page,
            "<li><span>{}</span> <strong>{}</strong> <span>{}</span></li>",
            Escaped(&name),
            Escaped(&value),
            Escaped(&text)
        )?;
    }
    page.write_str("</ul>\n")?;
    if report.apart.alerts > 0 {
        writeln!(page, "<p class=\"quiet\">{}</p>", Escaped(&words::apart(&report.apart)))?;
    }
    outcome(page, report)?;
    missed(page, report)?;
    false_alarms(page, report)?;
    confusion(page, report)?;
    worst(page, drawing)?;
    watch(page, report)?;
    changes(page, drawing)?;
    page.write_str("</article>\n")
}

/// What a superintendent reads, as lines.
pub fn lines(report: &Report) -> String {
    let (first, last) = &report.days;
    let told = headlines(report).into_iter().map(|(name, value, text)| format!("{name}: {value}, {text}"));
    std::iter::once(t("paper.title", &[("first", first), ("last", last)]))
        .chain(told)
        .collect::<Vec<_>>()
        .join("\n")
}

fn outcome(page: &mut String, report: &Report) -> fmt::Result {
    let outcome = &report.outcome;
    section(page, &t("paper.when", &[]))?;
    if outcome.bears + outcome.open == 0 {
        paragraph(page, "", &t("paper.when.none", &[]))?;
        return page.write_str("</section>\n");
    }
    charts::hours(page, &outcome.hours)?;
    let days: Vec<Vec<String>> = outcome
        .days
        .iter()
        .filter(|day| day.bears + day.open + day.none > 0)
        .map(|day| vec![day.date.clone(), day.bears.to_string(), day.open.to_string(), day.none.to_string()])
        .collect();
    let head =
        [t("paper.day", &[]), t("paper.day.bears", &[]), t("paper.day.open", &[]), t("paper.day.none", &[])];
    table(page, &t("paper.days", &[]), &head, &days)?;
    page.write_str("</section>\n")
}

fn missed(page: &mut String, report: &Report) -> fmt::Result {
    let (missed, sample) = (&report.missed, &report.sample);
    section(page, &t("paper.missed", &[]))?;
    if sample.came == 0 {
        paragraph(page, "", &t("paper.missed.none", &[]))?;
        return page.write_str("</section>\n");
    }
    let from = t(
        "paper.missed.from",
        &[
            ("pictures", &words::some_pictures(sample.came)),
            ("lost", &sample.lost),
            ("looked", &sample.looked_at),
            ("unclear", &sample.cannot_tell),
            ("agreement", &words::agreement(sample)),
        ],
    );
    paragraph(page, "", &from)?;
    let mut rows = vec![row(&t("paper.missed.told", &[]), &missed.told)];
    rows.extend(missed.told_by_regime.iter().map(|(regime, recall)| row(&words::regime(regime), recall)));
    rows.extend(missed.told_by_camera.iter().map(|(camera, recall)| row(camera, recall)));
    rows.push(row(&t("paper.missed.seen", &[]), &missed.seen));
    let head = [String::new(), t("paper.share", &[]), t("paper.interval", &[]), t("paper.from", &[])];
    table(page, &t("paper.shares", &[]), &head, &rows)?;
    let least = t("paper.missed.least", &[("bears", &FEWEST_BEARS), ("visits", &FEWEST_VISITS)]);
    paragraph(page, "quiet", &least)?;
    page.write_str("</section>\n")
}

fn row(name: &str, recall: &Recall) -> Vec<String> {
    let (share, between, from) = match recall {
        Recall::Unknown { bears, visits } => {
            (t("paper.no.estimate", &[]), String::new(), words::pictures(*bears, *visits))
        }
        Recall::Known { value, low, high, bears, visits, .. } => {
            (percent(*value), between(percent(*low), percent(*high)), words::pictures(*bears, *visits))
        }
    };
    vec![name.to_owned(), share, between, from]
}

fn false_alarms(page: &mut String, report: &Report) -> fmt::Result {
    let told = &report.false_alarms;
    section(page, &t("paper.nothing", &[]))?;
    let rate = |name: &str, rate: &Rate| {
        let days = format!("{:.1}", rate.camera_days);
        let (a_day, between) = match (rate.a_day, rate.low, rate.high) {
            (Some(a_day), Some(low), Some(high)) => {
                (words::figure(a_day), between(words::figure(low), words::figure(high)))
            }
            _ => (t("paper.no.estimate", &[]), String::new()),
        };
        vec![name.to_owned(), rate.count.to_string(), days, a_day, between]
    };
    let mut rows = vec![rate(&t("paper.all", &[]), &told.all)];
    rows.extend(told.by_regime.iter().map(|(regime, of)| rate(&words::regime(regime), of)));
    rows.extend(told.by_camera.iter().map(|(camera, of)| rate(camera, of)));
    let name = t("paper.false.name", &[]);
    let days = [t("paper.camera.days", &[]), t("paper.camera.day", &[]), t("paper.interval", &[])];
    let head: Vec<String> = [String::new(), name.clone()].into_iter().chain(days).collect();
    table(page, &name, &head, &rows)?;
    let open = t(
        "paper.false.open",
        &[("alerts", &words::alerts(told.alerts)), ("unsaid", &told.unsaid), ("unsure", &told.unsure)],
    );
    paragraph(page, "", &open)?;
    page.write_str("</section>\n")
}

fn confusion(page: &mut String, report: &Report) -> fmt::Result {
    let confusion = &report.confusion;
    if confusion.pictures.iter().flatten().all(|count| *count == 0) {
        return Ok(());
    }
    section(page, &t("paper.taken", &[]))?;
    let seen = |what: &str| t(&format!("seen.{what}"), &[]).to_lowercase();
    let rows: Vec<Vec<String>> = (0..4)
        .map(|truth| {
            let cell = |said: usize| match confusion.pictures[truth][said] {
                0 => "0".to_owned(),
                count => format!("{count} ({})", span_h(confusion.hours[truth][said])),
            };
            std::iter::once(t("paper.people.see", &[("what", &seen(confusion.names[truth]))]))
                .chain((0..4).map(cell))
                .collect()
        })
        .collect();
    let says = t("paper.model.says", &[("what", &seen("bear"))]);
    let head = [t("paper.sample", &[]), says, seen("person"), seen("animal"), seen("nothing")];
    table(page, &t("paper.confusion", &[]), &head, &rows)?;
    page.write_str("</section>\n")
}

fn worst(page: &mut String, drawing: &Drawing) -> fmt::Result {
    let worst = &drawing.report.worst;
    if worst.is_empty() {
        return Ok(());
    }
    section(page, &t("paper.worst", &[]))?;
    page.write_str("<div class=\"mistakes\">\n")?;
    for mistake in worst {
        let Mistake { key, camera, at_ms, regime, seen, score, .. } = mistake;
        let said = t(
            "paper.mistake",
            &[
                ("camera", camera),
                ("time", &written(*at_ms, drawing.zone)),
                ("regime", &words::regime(regime)),
                ("seen", &words::seen(*seen)),
                ("score", &percent(*score)),
            ],
        );
        page.write_str("<figure>")?;
        match (drawing.picture)(key) {
            Some(source) => write!(page, "<img src=\"{}\" alt=\"{}\">", Escaped(&source), Escaped(&said))?,
            None => write!(page, "<img data-key=\"{}\" alt=\"{}\">", Escaped(key), Escaped(&said))?,
        }
        writeln!(page, "<figcaption>{}</figcaption></figure>", Escaped(&said))?;
    }
    page.write_str("</div>\n</section>\n")
}

fn watch(page: &mut String, report: &Report) -> fmt::Result {
    section(page, &t("paper.watch", &[]))?;
    let mut cameras: Vec<_> = report.watch.cameras.iter().collect();
    cameras.sort_by(|a, b| b.1.silent_h.total_cmp(&a.1.silent_h));
    let row = |(name, hours): &(&String, &super::rates::Hours)| {
        vec![(*name).clone(), format!("{:.1}", hours.watched_h), format!("{:.1}", hours.silent_h)]
    };
    let rows: Vec<Vec<String>> = cameras.iter().take(100).map(row).collect();
    let head = [t("paper.watch.camera", &[]), t("paper.watch.hours", &[]), t("paper.watch.silent", &[])];
    table(page, &t("paper.watch.table", &[]), &head, &rows)?;
    paragraph(page, "quiet", &t("paper.watch.how", &[]))?;
    page.write_str("</section>\n")
}

fn changes(page: &mut String, drawing: &Drawing) -> fmt::Result {
    section(page, &t("paper.changed", &[]))?;
    let changes = &drawing.report.changes;
    if changes.is_empty() {
        paragraph(page, "", &t("paper.changed.nothing", &[]))?;
        return page.write_str("</section>\n");
    }
    let rows: Vec<Vec<String>> = changes
        .iter()
        .take(200)
        .map(|change| {
            let before = change.before.clone().unwrap_or_default();
            vec![
                written(change.at_ms, drawing.zone),
                change.camera.clone(),
                change.what.to_owned(),
                before,
                change.since.clone(),
            ]
        })
        .collect();
    let head = [
        t("paper.changed.since", &[]),
        t("paper.watch.camera", &[]),
        t("paper.changed.what", &[]),
        t("paper.changed.before", &[]),
        t("paper.changed.now", &[]),
    ];
    table(page, &t("paper.changed.table", &[]), &head, &rows)?;
    page.write_str("</section>\n")
}

fn section(page: &mut String, title: &str) -> fmt::Result {
    writeln!(page, "<section>\n<h3>{}</h3>", Escaped(title))
}

/// `class` is empty where it has none.
fn paragraph(page: &mut String, class: &str, text: &str) -> fmt::Result {
    match class {
        "" => writeln!(page, "<p>{}</p>", Escaped(text)),
        class => writeln!(page, "<p class=\"{class}\">{}</p>", Escaped(text)),
    }
}

/// "78 % to 95 %".
fn between(low: String, high: String) -> String {
    t("paper.between", &[("low", &low), ("high", &high)])
}

/// A table that may be wider than a telephone.
fn table(page: &mut String, name: &str, head: &[String], rows: &[Vec<String>]) -> fmt::Result {
    let name = Escaped(name);
    write!(
        page,
        "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"{name}\"><table>\n<thead><tr>"
    )?;
    for (at, title) in head.iter().enumerate() {
        match title.is_empty() && at == 0 {
            true => page.write_str("<td></td>")?,
            false => write!(page, "<th scope=\"col\">{}</th>", Escaped(title))?,
        }
    }
    page.write_str("</tr></thead>\n<tbody>\n")?;
    for row in rows {
        page.write_str("<tr>")?;
        for (at, cell) in row.iter().enumerate() {
            match at {
                0 => write!(page, "<th scope=\"row\">{}</th>", Escaped(cell))?,
                _ => write!(page, "<td>{}</td>", Escaped(cell))?,
            }
        }
        page.write_str("</tr>\n")?;
    }
    page.write_str("</tbody>\n</table></div>\n")
}
