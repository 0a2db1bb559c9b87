//! The report for people: first what a superintendent reads, then what it rests on. Drawn once, for a file of its own and for the station's page.

use std::fmt::{self, Write};

use jiff::tz::TimeZone;

use super::rates::Rate;
use super::{Apart, Mistake, Report, written};
use crate::evaluate::audit::{FEWEST_BEARS, FEWEST_VISITS, Recall};
use crate::web::html::Escaped;

mod charts;
mod words;

use words::{headlines, percent, span_h};

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
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>bearwatch: {} to {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body class=\"alone\">\n<main>\n",
        Escaped(first),
        Escaped(last)
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
    writeln!(
        page,
        "<article class=\"report\">\n<h2>Bears from {} to {}</h2>",
        Escaped(first),
        Escaped(last)
    )?;
    writeln!(
        page,
        "<p class=\"quiet\">{}. Times are those of {}.</p>",
        words::count(report.cameras as u64, "camera"),
        Escaped(&report.zone)
    )?;
    if report.simulated {
        page.write_str(
            "<p class=\"warn\">What the simulator drew is counted: nothing here is about real bears.</p>\n",
        )?;
    }
    page.write_str("<ul class=\"headlines\">\n")?;
    for (name, value, text) in headlines(report) {
        writeln!(
            page,
            "<li><span>{name}</span> <strong>{}</strong> <span>{}</span></li>",
            Escaped(&value),
            Escaped(&text)
        )?;
    }
    page.write_str("</ul>\n")?;
    if report.apart.alerts > 0 {
        let Apart { alerts, bears, none } = report.apart;
        writeln!(
            page,
            "<p class=\"quiet\">Apart from all of this {} went to reviewers alone (assist mode): {bears} bears, {none} none.</p>",
            words::count(alerts, "alert")
        )?;
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
    std::iter::once(format!("Bears from {first} to {last}")).chain(told).collect::<Vec<_>>().join("\n")
}

fn outcome(page: &mut String, report: &Report) -> fmt::Result {
    let outcome = &report.outcome;
    page.write_str("<section>\n<h3>When bears came</h3>\n")?;
    if outcome.bears + outcome.open == 0 {
        return page.write_str("<p>No alert was a bear, and none is left open.</p>\n</section>\n");
    }
    charts::hours(page, &outcome.hours)?;
    let days: Vec<Vec<String>> = outcome
        .days
        .iter()
        .filter(|day| day.bears + day.open + day.none > 0)
        .map(|day| vec![day.date.clone(), day.bears.to_string(), day.open.to_string(), day.none.to_string()])
        .collect();
    table(page, "Alerts by day", &["Day", "Bears", "Not said or not sure", "No bear"], &days)?;
    page.write_str("</section>\n")
}

fn missed(page: &mut String, report: &Report) -> fmt::Result {
    let (missed, sample) = (&report.missed, &report.sample);
    page.write_str("<section>\n<h3>What was missed</h3>\n")?;
    if sample.came == 0 {
        return page.write_str(
            "<p>No estimate: no camera sends a random sample. Set <code>[audit] per_day</code> on the cameras; without it nobody can know what they miss.</p>\n</section>\n",
        );
    }
    writeln!(
        page,
        "<p>From a random sample of all that the cameras looked at: {} came, {} were lost on their way; people looked at {} and could not tell of {}. {}</p>",
        words::count(sample.came as u64, "picture"),
        sample.lost,
        sample.looked_at,
        sample.cannot_tell,
        words::agreement(sample)
    )?;
    let mut rows = vec![row("Alerts covered, of the time with a bear in sight", &missed.told)];
    rows.extend(missed.told_by_regime.iter().map(|(regime, recall)| row(words::regime(regime), recall)));
    rows.extend(missed.told_by_camera.iter().map(|(camera, recall)| row(camera, recall)));
    rows.push(row("The model saw it, of single frames with a bear", &missed.seen));
    table(page, "Share of the time with a bear in sight", &["", "Share", "95 % interval", "From"], &rows)?;
    writeln!(
        page,
        "<p class=\"quiet\">Nothing is said with fewer than {FEWEST_BEARS} pictures of a bear or {FEWEST_VISITS} visits. What is blackened by privacy areas, and what \
         people cannot see on a picture either, is in no estimate.</p>\n</section>"
    )
}

fn row(name: &str, recall: &Recall) -> Vec<String> {
    let (share, between, from) = match recall {
        Recall::Unknown { bears, visits } => {
            ("no estimate".into(), String::new(), words::pictures(*bears, *visits))
        }
        Recall::Known { value, low, high, bears, visits, .. } => (
            percent(*value),
            format!("{} to {}", percent(*low), percent(*high)),
            words::pictures(*bears, *visits),
        ),
    };
    vec![name.to_owned(), share, between, from]
}

fn false_alarms(page: &mut String, report: &Report) -> fmt::Result {
    let told = &report.false_alarms;
    page.write_str("<section>\n<h3>What was told for nothing</h3>\n")?;
    let rate = |name: &str, rate: &Rate| {
        let days = format!("{:.1}", rate.camera_days);
        let (a_day, between) = match (rate.a_day, rate.low, rate.high) {
            (Some(a_day), Some(low), Some(high)) => {
                (words::figure(a_day), format!("{} to {}", words::figure(low), words::figure(high)))
            }
            _ => ("no estimate".into(), String::new()),
        };
        vec![name.to_owned(), rate.count.to_string(), days, a_day, between]
    };
    let mut rows = vec![rate("All", &told.all)];
    rows.extend(told.by_regime.iter().map(|(regime, of)| rate(words::regime(regime), of)));
    rows.extend(told.by_camera.iter().map(|(camera, of)| rate(camera, of)));
    table(
        page,
        "False alarms",
        &["", "False alarms", "Camera-days", "A camera-day", "95 % interval"],
        &rows,
    )?;
    writeln!(
        page,
        "<p>{} in all; of {} nobody said what it was, and of {} people were not sure: any of these may have been false, too.</p>\n</section>",
        words::count(told.alerts, "alert"),
        told.unsaid,
        told.unsure
    )
}

fn confusion(page: &mut String, report: &Report) -> fmt::Result {
    let confusion = &report.confusion;
    if confusion.pictures.iter().flatten().all(|count| *count == 0) {
        return Ok(());
    }
    page.write_str("<section>\n<h3>What was taken for what</h3>\n")?;
    let rows: Vec<Vec<String>> = (0..4)
        .map(|truth| {
            let cell = |said: usize| match confusion.pictures[truth][said] {
                0 => "0".to_owned(),
                count => format!("{count} ({})", span_h(confusion.hours[truth][said])),
            };
            std::iter::once(format!("people see: {}", confusion.names[truth]))
                .chain((0..4).map(cell))
                .collect()
        })
        .collect();
    let head = [
        "Pictures of the sample (time that they stand for)",
        "model says: bear",
        "person",
        "animal",
        "nothing",
    ];
    table(page, "Pictures by what people and the model say", &head, &rows)?;
    page.write_str("</section>\n")
}

fn worst(page: &mut String, drawing: &Drawing) -> fmt::Result {
    let worst = &drawing.report.worst;
    if worst.is_empty() {
        return Ok(());
    }
    page.write_str("<section>\n<h3>The worst mistakes of the model</h3>\n<div class=\"mistakes\">\n")?;
    for mistake in worst {
        let Mistake { key, camera, at_ms, regime, seen, score, .. } = mistake;
        let said = format!(
            "{camera}, {}, {}: people see {}, the model is {} sure of a bear",
            written(*at_ms, drawing.zone),
            words::regime(regime),
            words::seen(*seen),
            percent(*score)
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
    page.write_str("<section>\n<h3>Who was watching</h3>\n")?;
    let mut cameras: Vec<_> = report.watch.cameras.iter().collect();
    cameras.sort_by(|a, b| b.1.silent_h.total_cmp(&a.1.silent_h));
    let row = |(name, hours): &(&String, &super::rates::Hours)| {
        vec![(*name).clone(), format!("{:.1}", hours.watched_h), format!("{:.1}", hours.silent_h)]
    };
    let rows: Vec<Vec<String>> = cameras.iter().take(100).map(row).collect();
    table(
        page,
        "Hours by camera, the most silent first",
        &["Camera", "At work, hours", "Not heard at the time, hours"],
        &rows,
    )?;
    page.write_str(
        "<p class=\"quiet\">By the station's history of telemetry, a row in five minutes; what a camera told afterwards of a time without connection counts as \
         at work.</p>\n</section>\n",
    )
}

fn changes(page: &mut String, drawing: &Drawing) -> fmt::Result {
    page.write_str("<section>\n<h3>What changed</h3>\n")?;
    let changes = &drawing.report.changes;
    if changes.is_empty() {
        return page.write_str(
            "<p>No version, model or operating point is known to have changed.</p>\n</section>\n",
        );
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
    table(page, "Changes", &["Since", "Camera", "What", "Before", "Now"], &rows)?;
    page.write_str("</section>\n")
}

/// A table that may be wider than a telephone.
fn table(page: &mut String, name: &str, head: &[&str], rows: &[Vec<String>]) -> fmt::Result {
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
