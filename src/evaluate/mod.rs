//! Is it any good? Matching, average precision, recall at a stated rate of false alarms, intervals, confusion, worst pictures, and
//! events in sequences, and what a random sample says of all that was not looked at. Pure: told the truth and the predictions, answers with figures; nothing here reads a file or a clock.
//!
//! Everything is counted in `f64` and in pixels, in the order of the COCO tools (Lin et al. 2014, pycocotools `cocoeval.py`), so
//! that the same predictions give the same digits.

use crate::perceive::model::Class;

pub mod audit;
pub mod confusion;
pub mod events;
pub mod intervals;
pub mod matching;
pub mod precision;
pub mod recall;
pub mod worst;

/// `[x, y, w, h]` in pixels, origin top left, as COCO has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelBox {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

impl PixelBox {
    /// From `[x, y, w, h]`.
    pub fn new([x, y, w, h]: [f64; 4]) -> PixelBox {
        PixelBox { x, y, w, h }
    }

    /// Square pixels.
    pub fn area(self) -> f64 {
        self.w * self.h
    }

    /// Area shared with `other`; 0 where they only touch.
    pub fn shared(self, other: PixelBox) -> f64 {
        let w = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let h = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        if w > 0.0 && h > 0.0 { w * h } else { 0.0 }
    }

    /// Intersection over union, 0..1.
    pub fn iou(self, other: PixelBox) -> f64 {
        let shared = self.shared(other);
        if shared > 0.0 { shared / (self.area() + other.area() - shared) } else { 0.0 }
    }
}

/// What really is on a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    /// What it is.
    pub class: Class,
    /// Where.
    pub bbox: PixelBox,
    /// A box around many (COCO `iscrowd`): neither finding nor missing it counts.
    pub crowd: bool,
}

/// What a model says is on a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// What it is taken for.
    pub class: Class,
    /// 0..1, finite.
    pub score: f64,
    /// Where.
    pub bbox: PixelBox,
}

/// One picture: the truth and what was predicted. Evaluations take samples in the order of their COCO ids, which settles ties between
/// equal scores.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// The picture's file, as the annotations name it.
    pub file: String,
    /// What is there.
    pub truths: Vec<Truth>,
    /// What was predicted, in any order.
    pub predictions: Vec<Prediction>,
}

impl Sample {
    /// Whether the picture holds a truth of this class, crowds included.
    pub fn shows(&self, class: Class) -> bool {
        self.truths.iter().any(|t| t.class == class)
    }

    /// The highest score predicted for a class.
    pub fn best(&self, class: Class) -> Option<f64> {
        self.predictions.iter().filter(|p| p.class == class).map(|p| p.score).max_by(f64::total_cmp)
    }
}
