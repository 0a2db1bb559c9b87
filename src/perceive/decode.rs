//! From the model's output to detections on the frame.

use super::geometry::Rect;
use super::model::{ClassSpec, ModelSpec};
use super::observation::{Detection, Regime};
use super::regions::Letterbox;

/// Boxes of one class that overlap more than this are one animal (greedy non-maximum suppression).
pub const SAME_BOX_IOU: f32 = 0.5;

/// A box that lies inside a better one of its class by this share is a part of it (an ear).
const INSIDE_SHARE: f32 = 0.8;

/// The same for a box that a region's edge cut off. What nobody saw whole stays.
const CUT_SHARE: f32 = 0.5;

/// Reads a YOLOX head: rows of centre x, y, log size, objectness, class scores; anchors of each stride row by row.
/// Boxes with a score of `min_score` or more are appended to `found`, in fractions of a frame of `width` × `height`; scores count as
/// those of day, whatever the `regime`.
///
/// `output.len()` is `spec.anchors() * (5 + spec.channels)`, checked when the model was loaded.
pub fn decode(
    output: &[f32],
    spec: &ModelSpec,
    place: &Letterbox,
    (width, height): (u32, u32),
    regime: Regime,
    min_score: f32,
    found: &mut Vec<Detection>,
) {
    // Where the night's scores count for more, lower ones are of interest.
    let raised = spec.classes.iter().any(|c| c.by_day(min_score, regime) > min_score);
    let least = if raised { min_score / 4.0 } else { min_score };
    let mut rows = output.chunks_exact(5 + spec.channels);
    for &stride in &spec.output.strides {
        let (columns, lines) = (spec.input.width / stride, spec.input.height / stride);
        for (cell, row) in (0..columns * lines).zip(&mut rows) {
            // Objectness bounds every class score: most anchors end here, before any exponential.
            if row[4] < least {
                continue;
            }
            let Some((class, raw)) = best_class(row, spec).filter(|best| best.1 >= least) else {
                continue;
            };
            let score = class.by_day(raw.min(1.0), regime);
            if score < min_score {
                continue;
            }
            let cell_xy = ((cell % columns) as f32, (cell / columns) as f32);
            let at = anchor_box(row, cell_xy, stride as f32);
            let bbox = place.to_frame(at, width, height).clipped();
            // A size that is no number would pass for the largest one.
            let numbers = raw.is_finite() && row[..4].iter().all(|v| !v.is_nan());
            if numbers && bbox.area() > 0.0 {
                let cut = place.cuts(at, width, height);
                found.push(Detection { class: class.name, score, bbox, cut });
            }
        }
    }
}

/// `[x, y, w, h]` in input pixels.
fn anchor_box(row: &[f32], (cx, cy): (f32, f32), stride: f32) -> [f32; 4] {
    // e^8 cells is far more than any input; keeps a wild output finite.
    let (w, h) = (row[2].min(8.0).exp() * stride, row[3].min(8.0).exp() * stride);
    [(row[0] + cx) * stride - w / 2.0, (row[1] + cy) * stride - h / 2.0, w, h]
}

/// The class with the highest objectness × class score.
fn best_class<'a>(row: &[f32], spec: &'a ModelSpec) -> Option<(&'a ClassSpec, f32)> {
    let score = |channels: &[usize]| channels.iter().map(|&c| row[5 + c]).fold(0.0f32, f32::max) * row[4];
    spec.classes.iter().map(|c| (c, score(&c.channels))).max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Keeps the best of boxes of one class that mean the same animal; the rest is removed. Result sorted by score, highest first.
///
/// Boxes that are cut off come last, however high their scores: a tile's edge through a bear leaves two confident halves, and the whole
/// bear of the whole frame must not make room for them.
pub fn suppress(detections: &mut Vec<Detection>) {
    detections.sort_by(|a, b| a.cut.cmp(&b.cut).then(b.score.total_cmp(&a.score)));
    let mut kept: Vec<Detection> = Vec::with_capacity(detections.len().min(64));
    for candidate in detections.drain(..) {
        if !kept.iter().any(|k| k.class == candidate.class && same(k.bbox, candidate)) {
            kept.push(candidate);
        }
    }
    kept.sort_by(|a, b| b.score.total_cmp(&a.score));
    *detections = kept;
}

fn same(better: Rect, worse: Detection) -> bool {
    let share = if worse.cut { CUT_SHARE } else { INSIDE_SHARE };
    better.iou(worse.bbox) > SAME_BOX_IOU || better.intersection(worse.bbox) > share * worse.bbox.area()
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
