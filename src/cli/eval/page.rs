//! The figures as one HTML page: pictures and style inside, no script, nothing loaded from elsewhere.

use std::fmt::{self, Write};

use super::coco::Dataset;
use super::report::{ClassReport, RATES, Report};
use crate::evaluate::confusion::BACKGROUND;
use crate::evaluate::recall::Recall;
use crate::perceive::model::Class;
use crate::web::html::Escaped;

mod curve;
mod pictures;
mod text;

use pictures::Gallery;
use text::{part, plural, share};

const STYLE: &str = include_str!("page/style.css");

/// Draws all of it. Reads the worst pictures anew; one that is gone leaves a note in its place.
pub fn draw(report: &Report, data: &Dataset) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = head(&mut page, report)
        .and_then(|()| headline(&mut page, report))
        .and_then(|()| classes(&mut page, report))
        .and_then(|()| curve(&mut page, report))
        .and_then(|()| confusion(&mut page, report))
        .and_then(|()| Gallery { report, data }.write(&mut page))
        .and_then(|()| unreadable(&mut page, report))
        .and_then(|()| facts(&mut page, report));
    page
}

fn head(page: &mut String, report: &Report) -> fmt::Result {
    let (model, folder) = (Escaped(&report.model.name), Escaped(&report.data.folder));
    let (images, negatives) = (report.data.images, report.data.negatives);
    write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{model} on {folder} – bearwatch eval</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n\
         <h1>How well {model} finds bears</h1>\n\
         <p class=\"quiet\">Judged on <code>{folder}</code>: {images} pictures, {negatives} of them without a bear.</p>\n"
    )?;
    if !report.unreadable.is_empty() {
        let count = plural(report.unreadable.len(), "picture");
        writeln!(
            page,
            "<p class=\"warning\">{count} more could not be judged and stand in none of these figures: \
             <a href=\"#unreadable\">the list</a>.</p>"
        )?;
    }
    page.write_str("</header>\n<main>\n")
}

/// What most readers come for.
fn headline(page: &mut String, report: &Report) -> fmt::Result {
    let Some(bear) = report.classes.get(&Class::Bear) else { return Ok(()) };
    page.write_str("<dl class=\"tiles\">\n")?;
    let interval = bear.ap50_ci95.map_or("no interval".into(), |ci| between(ci, 1.0, ""));
    tile(page, "AP50 for bears", &share(bear.ap50), &interval)?;
    let name = "Bears found at 1 % false alarms";
    match bear.recall_at.get("0.01").copied().flatten() {
        Some(found) => {
            let note =
                format!("{}; at scores of {:.3} or more", between(found.ci95, 100.0, " %"), found.threshold);
            tile(page, name, &part(found.recall, bear.boxes), &note)?;
        }
        None => tile(page, name, "–", &format!("cannot be shown on {}", short_of(bear)))?,
    }
    let point = bear.operating_point;
    let interval = point.ci95.map_or("no interval".into(), |ci| between(ci, 100.0, " %"));
    let note = format!(
        "{interval}; at scores of {:.3} or more, where {} of {} pictures without a bear raise one",
        point.threshold, point.false_alarm_pictures, bear.negatives
    );
    let found = point.recall.map_or("–".into(), |recall| part(recall, bear.boxes));
    tile(page, "Bears found as it is set", &found, &note)?;
    page.write_str("</dl>\n")
}

/// "95 % interval 0.739 to 0.841", or in hundredths with their sign.
fn between([low, high]: [f64; 2], times: f64, unit: &str) -> String {
    let digits = if times > 1.0 { 1 } else { 3 };
    format!("95 % interval {:.digits$} to {:.digits$}{unit}", low * times, high * times)
}

/// Why there is no recall at 1 %.
fn short_of(figures: &ClassReport) -> String {
    match figures.boxes {
        0 => "pictures without any bear".into(),
        _ => format!("{} without a bear: it takes 100", plural(figures.negatives, "picture")),
    }
}

fn tile(page: &mut String, name: &str, value: &str, note: &str) -> fmt::Result {
    writeln!(
        page,
        "<div class=\"tile\"><dt>{}</dt><dd class=\"value\">{}</dd><dd class=\"quiet\">{}</dd></div>",
        Escaped(name),
        Escaped(value),
        Escaped(note)
    )
}

fn classes(page: &mut String, report: &Report) -> fmt::Result {
    page.write_str(
        "<section>\n<h2>Every class</h2>\n\
         <p>AP and AP50 are those of the COCO tools. Recall at a rate is the share of boxes that are found (IoU ≥ 0.5) when the \
         threshold lets at most that share of the pictures without the class hold a box of it; below it the 95 % bootstrap \
         interval. A dash stands where there are too few pictures to show so low a rate.</p>\n\
         <div class=\"scroll\" role=\"region\" aria-label=\"Figures of every class\" tabindex=\"0\"><table>\n<thead><tr>\
         <th scope=\"col\">Class</th><th scope=\"col\">Boxes</th><th scope=\"col\">AP</th><th scope=\"col\">AP50</th>",
    )?;
    for (_, rate) in RATES {
        write!(page, "<th scope=\"col\">Recall at {} %</th>", rate * 100.0)?;
    }
    page.write_str("<th scope=\"col\">At the operating point</th></tr></thead>\n<tbody>\n")?;
    report.classes.iter().try_for_each(|(class, figures)| class_row(page, *class, figures))?;
    page.write_str("</tbody></table></div>\n</section>\n")
}

fn class_row(page: &mut String, class: Class, figures: &ClassReport) -> fmt::Result {
    let between = |ci: [f64; 2]| format!("<small>{:.3} to {:.3}</small>", ci[0], ci[1]);
    write!(
        page,
        "<tr><th scope=\"row\">{class}</th><td>{}</td><td>{}</td><td>{}{}</td>",
        figures.boxes,
        share(figures.ap),
        share(figures.ap50),
        figures.ap50_ci95.map_or_else(String::new, between)
    )?;
    for (name, _) in RATES {
        let cell = |r: Recall| format!("{:.3}{}", r.recall, between(r.ci95));
        let found = figures.recall_at.get(name).copied().flatten();
        write!(page, "<td>{}</td>", found.map_or("–".into(), cell))?;
    }
    let point = figures.operating_point;
    writeln!(
        page,
        "<td>{}<small>{} of {} false at {:.3}</small></td></tr>",
        share(point.recall),
        point.false_alarm_pictures,
        figures.negatives,
        point.threshold
    )
}

fn curve(page: &mut String, report: &Report) -> fmt::Result {
    let Some(bear) = report.classes.get(&Class::Bear).filter(|c| !c.curve50.is_empty()) else {
        return Ok(());
    };
    page.write_str(
        "<section>\n<h2>Precision against recall for bears</h2>\n\
         <p>Each threshold of the score is a point: further right, more bears are found; further up, fewer boxes are wrong \
         (IoU ≥ 0.5). AP50 is the area below the line.</p>\n",
    )?;
    curve::draw(page, bear)?;
    page.write_str("</section>\n")
}

fn confusion(page: &mut String, report: &Report) -> fmt::Result {
    page.write_str(
        "<section>\n<h2>What is taken for what</h2>\n\
         <p>Boxes at the operating points, matched whatever their class. A row is what was there, a column what was said; the \
         tint is the share of the row.</p>\n\
         <div class=\"scroll\" role=\"region\" aria-label=\"Confusion matrix\" tabindex=\"0\"><table>\n\
         <thead><tr><th scope=\"col\">There was</th>",
    )?;
    let labels = &report.confusion.labels;
    for (at, label) in labels.iter().enumerate() {
        let said = if at == BACKGROUND { "nothing said" } else { label };
        write!(page, "<th scope=\"col\">{said}</th>")?;
    }
    page.write_str("</tr></thead>\n<tbody>\n")?;
    for (at, (label, row)) in labels.iter().zip(&report.confusion.counts.0).enumerate() {
        let there = if at == BACKGROUND { "nothing" } else { label };
        write!(page, "<tr><th scope=\"row\">{there}</th>")?;
        confusion_row(page, row, at == BACKGROUND)?;
        page.write_str("</tr>\n")?;
    }
    page.write_str("</tbody></table></div>\n</section>\n")
}

fn confusion_row(page: &mut String, row: &[u64], of_background: bool) -> fmt::Result {
    let whole = row.iter().sum::<u64>().max(1) as f64;
    for (column, &count) in row.iter().enumerate() {
        if of_background && column == BACKGROUND {
            page.write_str("<td>–</td>")?;
            continue;
        }
        let share = count as f64 / whole;
        // At most 0.45 of the tint, so that the number on it stays legible in both modes.
        write!(
            page,
            "<td class=\"share\" style=\"--part:{:.3}\">{count}<small>{:.0} %</small></td>",
            share * 0.45,
            share * 100.0
        )?;
    }
    Ok(())
}

fn unreadable(page: &mut String, report: &Report) -> fmt::Result {
    if report.unreadable.is_empty() {
        return Ok(());
    }
    page.write_str("<section id=\"unreadable\">\n<h2>Pictures that could not be judged</h2>\n<ul>\n")?;
    for picture in &report.unreadable {
        writeln!(page, "<li><code>{}</code>: {}</li>", Escaped(&picture.file), Escaped(&picture.error))?;
    }
    page.write_str("</ul>\n</section>\n")
}

/// What it takes to get the same page again.
fn facts(page: &mut String, report: &Report) -> fmt::Result {
    page.write_str("</main>\n<footer>\n<h2>How this page was made</h2>\n<dl class=\"facts\">\n")?;
    let mut fact =
        |name: &str, value: &dyn fmt::Display| writeln!(page, "<dt>{name}</dt><dd><code>{value}</code></dd>");
    fact("Command", &Escaped(&report.command))?;
    fact("Model", &Escaped(&report.model.name))?;
    fact("SHA-256", &Escaped(&report.model.sha256))?;
    fact("Pictures", &Escaped(&report.data.folder))?;
    if let Some(regions) = report.regions {
        fact("Regions", &format!("{regions:?}").to_lowercase())?;
    }
    fact("Seed of intervals", &report.seed)?;
    fact("bearwatch", &report.version)?;
    page.write_str("</dl>\n</footer>\n</body>\n</html>\n")
}
