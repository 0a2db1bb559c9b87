//! The worst pictures with what is there and what was said.

use std::fmt::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::text::plural;
use crate::capture::pixels::{encode_jpeg, read_picture};
use crate::cli::eval::coco::Dataset;
use crate::cli::eval::report::{Report, WorstPicture};
use crate::evaluate::{PixelBox, Prediction};
use crate::perceive::model::Class;
use crate::web::html::Escaped;

/// Longer side of a picture inside the page, pixels: sharp on a telephone, 20 to 40 kB each.
const LONG_SIDE: u32 = 480;
const QUALITY: u8 = 70;

/// About how large a picture is shown, CSS pixels: letters are sized for it.
const SHOWN: (f64, f64) = (330.0, 240.0);
/// Height of the letters there.
const LETTERS: f64 = 13.0;

/// All of them.
pub struct Gallery<'a> {
    /// Names them.
    pub report: &'a Report,
    /// Holds the boxes and the files.
    pub data: &'a Dataset,
}

impl Gallery<'_> {
    /// Writes the section; nothing where every picture went well.
    pub fn write(&self, page: &mut String) -> fmt::Result {
        if self.report.worst.is_empty() {
            return Ok(());
        }
        page.write_str(
            "<section>\n<h2>The worst pictures</h2>\n\
             <p>Highest loss for bears first. White and dashed: what is there. In colour, with class and score: what was said \
             at the operating point; dotted: the best score for a bear where that was not enough.</p>\n<div class=\"worst\">\n",
        )?;
        self.report.worst.iter().try_for_each(|picture| self.figure(page, picture))?;
        page.write_str("</div>\n</section>\n")
    }

    fn figure(&self, page: &mut String, picture: &WorstPicture) -> fmt::Result {
        page.write_str("<figure>\n")?;
        match read_picture(&self.data.path(picture.index)) {
            Ok(pixels) => match encode_jpeg(&pixels, QUALITY, LONG_SIDE) {
                Ok(jpeg) => self.drawing(page, picture, &jpeg, (pixels.width, pixels.height))?,
                Err(error) => missing(page, &error.to_string())?,
            },
            Err(error) => missing(page, &error.to_string())?,
        }
        writeln!(
            page,
            "<figcaption><b>{}</b><br>{} · loss {:.2}</figcaption>\n</figure>",
            reason(picture),
            Escaped(&picture.file),
            picture.loss
        )
    }

    fn drawing(
        &self,
        page: &mut String,
        picture: &WorstPicture,
        jpeg: &[u8],
        (width, height): (u32, u32),
    ) -> fmt::Result {
        write!(
            page,
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}: {}\">\n\
             <image width=\"{width}\" height=\"{height}\" href=\"data:image/jpeg;base64,{}\"/>\n",
            Escaped(&picture.file),
            reason(picture),
            STANDARD.encode(jpeg)
        )?;
        let scale = (SHOWN.0 / f64::from(width)).min(SHOWN.1 / f64::from(height));
        let size = (f64::from(width), f64::from(height));
        let mut labels = Labels { letters: LETTERS / scale, size, placed: Vec::new() };
        let sample = &self.data.samples[picture.index];
        let shown = self.shown(&sample.predictions);
        sample.truths.iter().try_for_each(|truth| outline(page, "truth", truth.bbox))?;
        for (said, kind) in &shown {
            outline(page, &format!("{}{kind}", said.class), said.bbox)?;
        }
        // Words last, so that no line goes through them.
        for truth in &sample.truths {
            let label =
                if truth.crowd { format!("{}s, a crowd", truth.class) } else { truth.class.to_string() };
            labels.write(page, &label, truth.bbox.x, truth.bbox.y + truth.bbox.h + labels.letters)?;
        }
        for (said, _) in &shown {
            let label = format!("{} {:.2}", said.class, said.score);
            labels.write(page, &label, said.bbox.x, said.bbox.y - labels.letters * 0.35)?;
        }
        page.write_str("</svg>\n")
    }

    /// What reached its operating point; and the best of the bears where none did.
    fn shown<'a>(&self, predictions: &'a [Prediction]) -> Vec<(&'a Prediction, &'static str)> {
        let point = |class| self.report.classes.get(&class).map_or(1.0, |c| c.operating_point.threshold);
        let mut shown: Vec<_> =
            predictions.iter().filter(|p| p.score >= point(p.class)).map(|p| (p, "")).collect();
        if !shown.iter().any(|(p, _)| p.class == Class::Bear) {
            let bears = predictions.iter().filter(|p| p.class == Class::Bear);
            shown.extend(bears.max_by(|a, b| a.score.total_cmp(&b.score)).map(|p| (p, " doubtful")));
        }
        shown
    }
}

/// A dark line below the light one, so that it is seen on every ground.
fn outline(page: &mut String, kind: &str, bbox: PixelBox) -> fmt::Result {
    let PixelBox { x, y, w, h } = bbox;
    let rect = format!("x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\"");
    writeln!(page, "<rect class=\"casing\" {rect}/><rect class=\"{kind}\" {rect}/>")
}

/// Words on one picture, kept apart from each other.
struct Labels {
    /// Height of a letter, pixels of the picture.
    letters: f64,
    /// Of the picture.
    size: (f64, f64),
    /// Where words stand already.
    placed: Vec<(f64, f64)>,
}

impl Labels {
    /// At a place or, where others stand there, below them.
    fn write(&mut self, page: &mut String, label: &str, x: f64, y: f64) -> fmt::Result {
        let letters = self.letters;
        // "animal 0.53" is about six letter heights wide.
        let wide = letters * 6.2;
        let x = x.min(self.size.0 - wide).max(0.0) + letters * 0.2;
        let mut y = y.min(self.size.1 - letters * 0.3).max(letters);
        while self.placed.iter().any(|p| (p.0 - x).abs() < wide && (p.1 - y).abs() < letters) {
            y += letters;
        }
        self.placed.push((x, y));
        let edge = letters * 0.25;
        writeln!(
            page,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{letters:.1}\" stroke-width=\"{edge:.1}\">{label}</text>"
        )
    }
}

fn missing(page: &mut String, why: &str) -> fmt::Result {
    writeln!(page, "<div class=\"missing quiet\">The picture cannot be shown: {}</div>", Escaped(why))
}

/// Why it stands here, in words.
fn reason(picture: &WorstPicture) -> String {
    let mut told = Vec::new();
    if picture.missed > 0 {
        told.push(format!("{} missed", plural(picture.missed, "bear")));
    }
    if picture.imagined > 0 {
        told.push(format!("{} imagined", plural(picture.imagined, "bear")));
    }
    if told.is_empty() {
        told.push("right, but not sure".into());
    }
    match picture.best_score {
        Some(best) => told.push(format!("best score {best:.2}")),
        None => told.push("no score at all".into()),
    }
    told.join(", ")
}
