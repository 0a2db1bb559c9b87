//! People are made unrecognisable on pictures that are stored or sent: whoever camps did not ask to be photographed.
//!
//! A person's box becomes a few large cells of one colour each, so few that a head is one or two of them: that somebody is there, how tall, in
//! which colours, is seen; who it is cannot be computed back, for it is not there any more. A bear stays visible: inside its box nothing is
//! touched but the heads of those who are persons by the card's own operating point. (The alternative, persons before bears, would
//! let a bear that the model half takes for a person vanish from the picture that a ranger decides by.)

use super::frame::Picture;
use super::geometry::Rect;
use super::model::{Class, ModelSpec};
use super::observation::Detection;

/// From this share of the card's operating point on something counts as a person: a bush that is pixelated harms nobody, a person who
/// is not pixelated is harmed. `cargo test --test people -- --nocapture` with `BEARWATCH_DATA` set counts how many heads of real people are hidden, and what
/// of bears; a model that is less sure of people needs a lower share.
pub const DOUBT: f32 = 0.1;
/// Cells along the longer side of a person's box.
const CELLS: f32 = 6.0;
/// Boxes are off by some pixels: they are grown by this share of their sides, each way.
const MARGIN: f32 = 0.12;
/// Part of a person's box that holds the head, from the top: generous, for who crouches or is seen from the chest up.
const HEAD: f32 = 0.34;

/// The score from which a detection is treated as a person; 1 and more where the model knows none.
pub fn least_score(spec: &ModelSpec) -> f32 {
    spec.threshold(Class::Person) * DOUBT
}

/// Pixelates `people`, and leaves what lies in `bears` clear but for heads.
pub fn veil(picture: &mut Picture, people: &[Detection], bears: &[Rect], spec: &ModelSpec) {
    for person in people {
        let whole = grown(person.bbox);
        coarsen(picture, whole, bears);
        if person.score >= spec.threshold(Class::Person) {
            coarsen(picture, Rect { h: whole.h * HEAD, ..whole }, &[]);
        }
    }
}

/// Pixelates everything outside `bears`: for pictures on which nobody could look for people.
pub fn veil_all(picture: &mut Picture, bears: &[Rect]) {
    // The whole frame in cells as large as those of a person that fills it.
    coarsen(picture, Rect::WHOLE, bears);
}

fn grown(bbox: Rect) -> Rect {
    let (dx, dy) = (bbox.w * MARGIN, bbox.h * MARGIN);
    Rect { x: bbox.x - dx, y: bbox.y - dy, w: bbox.w + 2.0 * dx, h: bbox.h + 2.0 * dy }.clipped()
}

/// Pixels from the first of a rectangle to before the last, whole ones.
fn edges(rect: Rect, picture: &Picture) -> [usize; 4] {
    let [x, y, w, h] = rect.clipped().to_pixels(picture.width, picture.height);
    let (right, bottom) = ((x + w).ceil() as usize, (y + h).ceil() as usize);
    [x as usize, y as usize, right.min(picture.width as usize), bottom.min(picture.height as usize)]
}

fn coarsen(picture: &mut Picture, area: Rect, clear: &[Rect]) {
    let [left, top, right, bottom] = edges(area, picture);
    let longer = (right.saturating_sub(left)).max(bottom.saturating_sub(top));
    if longer == 0 {
        return;
    }
    let cell = ((longer as f32 / CELLS).ceil() as usize).max(1);
    let clear: Vec<[usize; 4]> = clear.iter().map(|&rect| edges(rect, picture)).collect();
    for y in (top..bottom).step_by(cell) {
        for x in (left..right).step_by(cell) {
            level(picture, [x, y, (x + cell).min(right), (y + cell).min(bottom)], &clear);
        }
    }
}

/// One cell takes its mean colour, where nothing is to stay clear.
fn level(picture: &mut Picture, [left, top, right, bottom]: [usize; 4], clear: &[[usize; 4]]) {
    let width = picture.width as usize;
    let mut sum = [0u64; 3];
    for y in top..bottom {
        for pixel in picture.data[(y * width + left) * 3..(y * width + right) * 3].chunks_exact(3) {
            sum.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += u64::from(value));
        }
    }
    let count = ((right - left) * (bottom - top)) as u64;
    let mean = sum.map(|sum| (sum / count) as u8);
    for y in top..bottom {
        let rows: Vec<&[usize; 4]> = clear.iter().filter(|c| (c[1]..c[3]).contains(&y)).collect();
        for x in left..right {
            if !rows.iter().any(|c| (c[0]..c[2]).contains(&x)) {
                picture.data[(y * width + x) * 3..][..3].copy_from_slice(&mean);
            }
        }
    }
}

#[cfg(test)]
#[path = "veil_tests.rs"]
mod tests;
