//! Precision against recall as a drawing.

use std::fmt::{self, Write};

use crate::cli::eval::report::ClassReport;

/// The plot inside the drawing: left, top, width, height.
const PLOT: [f64; 4] = [74.0, 16.0, 548.0, 320.0];

/// Draws the curve, its axes, and the operating point on it.
pub fn draw(page: &mut String, figures: &ClassReport) -> fmt::Result {
    let reached = figures.curve50.iter().rposition(|p| *p > 0.0).unwrap_or(0) as f64 / 100.0;
    write!(
        page,
        "<figure class=\"curve\">\n<svg viewBox=\"0 0 640 400\" role=\"img\" aria-labelledby=\"curve-title curve-text\">\n\
         <title id=\"curve-title\">Precision against recall for bears</title>\n<desc id=\"curve-text\">{}</desc>\n",
        described(&figures.curve50, reached)
    )?;
    axes(page)?;
    let line: Vec<String> =
        figures.curve50.iter().enumerate().map(|(i, p)| at(i as f64 / 100.0, *p)).collect();
    let line = line.join(" L");
    writeln!(page, "<path class=\"area\" d=\"M{} L{line} L{}Z\"/>", at(0.0, 0.0), at(1.0, 0.0))?;
    writeln!(page, "<path class=\"line\" d=\"M{line}\"/>")?;
    operating_point(page, figures)?;
    page.write_str("</svg>\n</figure>\n")
}

/// The curve in words, for those who do not see it.
fn described(curve: &[f64], reached: f64) -> String {
    let at = |i: usize| curve.get(i).copied().unwrap_or(0.0);
    format!(
        "Precision is {:.2} at a recall of 0.25, {:.2} at 0.5 and {:.2} at 0.75; the highest recall reached is {reached:.2}.",
        at(25),
        at(50),
        at(75)
    )
}

fn axes(page: &mut String) -> fmt::Result {
    let [left, top, width, height] = PLOT;
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let (x, y) = (left + share * width, top + (1.0 - share) * height);
        writeln!(
            page,
            "<path class=\"grid\" d=\"M{x:.1} {top}V{:.1}M{left} {y:.1}H{:.1}\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{share}</text>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{share}</text>",
            top + height,
            left + width,
            top + height + 20.0,
            left - 8.0,
            y + 5.0
        )?;
    }
    writeln!(
        page,
        "<text x=\"{:.1}\" y=\"394\" text-anchor=\"middle\">recall: share of the bears that are found</text>\
         <text transform=\"translate(14 {:.1}) rotate(-90)\" text-anchor=\"middle\">precision</text>",
        left + width / 2.0,
        top + height / 2.0
    )
}

fn operating_point(page: &mut String, figures: &ClassReport) -> fmt::Result {
    let point = figures.operating_point;
    let Some(recall) = point.recall.filter(|r| *r > 0.0) else { return Ok(()) };
    let precision = figures.curve50.get((recall * 100.0).floor() as usize).copied().unwrap_or(0.0);
    let place = at(recall, precision);
    let (x, y) = place.split_once(' ').unwrap_or_default();
    // Below the curve and towards the middle of the plot there is room for words.
    let (anchor, shift) = if recall > 0.5 { ("end", -12) } else { ("start", 0) };
    writeln!(
        page,
        "<circle class=\"point\" cx=\"{x}\" cy=\"{y}\" r=\"6\"/>\
         <text class=\"point-text\" x=\"{x}\" y=\"{y}\" dx=\"{shift}\" dy=\"44\" text-anchor=\"{anchor}\">operating point {:.3}</text>",
        point.threshold
    )
}

/// "x y" of a point of the plot.
fn at(recall: f64, precision: f64) -> String {
    let [left, top, width, height] = PLOT;
    format!("{:.1} {:.1}", left + recall * width, top + (1.0 - precision) * height)
}
