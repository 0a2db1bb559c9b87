//! The figures as a table for the terminal.

use std::fmt::Write;

use super::report::{ClassReport, RATES, Report};
use crate::evaluate::recall::Recall;

/// Worst pictures that are listed on the terminal; the JSON and the page have them all.
const LISTED: usize = 10;

/// Draws all of it.
pub fn draw(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = head(&mut text, report)
        .and_then(|()| classes(&mut text, report))
        .and_then(|()| confusion(&mut text, report))
        .and_then(|()| worst(&mut text, report));
    text
}

fn head(text: &mut String, report: &Report) -> std::fmt::Result {
    let (model, data) = (&report.model, &report.data);
    let hash = model.sha256.get(..12).unwrap_or(&model.sha256);
    writeln!(text, "{} ({hash}) on {}", model.name, data.folder)?;
    writeln!(text, "{} pictures, {} of them without a bear\n", data.images, data.negatives)?;
    match report.unreadable.len() {
        0 => Ok(()),
        n => writeln!(text, "{n} more could not be judged and are in none of these figures\n"),
    }
}

fn classes(text: &mut String, report: &Report) -> std::fmt::Result {
    write!(text, "{:<8}{:>6}{:>8}{:>8}", "class", "boxes", "AP", "AP50")?;
    RATES.iter().try_for_each(|(_, rate)| write!(text, "{:>24}", format!("recall at {} %", rate * 100.0)))?;
    writeln!(text, "{:>26}", "at the operating point")?;
    for (class, figures) in &report.classes {
        write!(
            text,
            "{:<8}{:>6}{:>8}{:>8}",
            class.name(),
            figures.boxes,
            share(figures.ap),
            share(figures.ap50)
        )?;
        let recalls = figures.recall_at.values();
        recalls.map(|r| interval(r.as_ref())).try_for_each(|cell| write!(text, "{cell:>24}"))?;
        writeln!(text, "{:>26}", operating(figures))?;
    }
    Ok(())
}

/// A share with three digits, or a dash where there is none.
pub fn share(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |v| format!("{v:.3}"))
}

/// Recall with its interval.
pub fn interval(recall: Option<&Recall>) -> String {
    recall.map_or_else(|| "–".into(), |r| format!("{:.3} [{:.3}, {:.3}]", r.recall, r.ci95[0], r.ci95[1]))
}

/// "0.412, 3 false at 0.55"
pub fn operating(figures: &ClassReport) -> String {
    let point = figures.operating_point;
    format!("{}, {} false at {:.3}", share(point.recall), point.false_alarm_pictures, point.threshold)
}

fn confusion(text: &mut String, report: &Report) -> std::fmt::Result {
    let confusion = &report.confusion;
    writeln!(text, "\nBoxes at the operating points: truth down, taken for across")?;
    write!(text, "{:<12}", "")?;
    confusion.labels.iter().try_for_each(|label| write!(text, "{label:>12}"))?;
    writeln!(text)?;
    for (label, row) in confusion.labels.iter().zip(&confusion.counts.0) {
        write!(text, "{label:<12}")?;
        row.iter().try_for_each(|count| write!(text, "{count:>12}"))?;
        writeln!(text)?;
    }
    Ok(())
}

fn worst(text: &mut String, report: &Report) -> std::fmt::Result {
    if report.worst.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "\nWorst pictures for bears\n{:>8}{:>8}{:>10}{:>8}  file",
        "loss", "missed", "imagined", "best"
    )?;
    for w in report.worst.iter().take(LISTED) {
        writeln!(
            text,
            "{:>8.2}{:>8}{:>10}{:>8}  {}",
            w.loss,
            w.missed,
            w.imagined,
            share(w.best_score),
            w.file
        )?;
    }
    Ok(())
}
