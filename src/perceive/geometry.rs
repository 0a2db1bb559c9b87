//! Rectangles on a frame, normalised to 0..1 so that they outlive any change of resolution.

/// A rectangle in fractions of the frame: `x`, `y` is the top left corner, all four in 0..1 once clipped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// Left edge, fraction of the frame's width.
    pub x: f32,
    /// Top edge, fraction of the frame's height.
    pub y: f32,
    /// Width, fraction of the frame's width.
    pub w: f32,
    /// Height, fraction of the frame's height.
    pub h: f32,
}

impl Rect {
    /// The whole frame.
    pub const WHOLE: Rect = Rect { x: 0.0, y: 0.0, w: 1.0, h: 1.0 };

    /// From `[x, y, w, h]` in pixels of a frame of `width` × `height`.
    pub fn from_pixels([x, y, w, h]: [f32; 4], width: u32, height: u32) -> Rect {
        let (fw, fh) = (width as f32, height as f32);
        Rect { x: x / fw, y: y / fh, w: w / fw, h: h / fh }
    }

    /// To `[x, y, w, h]` in pixels of a frame of `width` × `height`.
    pub fn to_pixels(self, width: u32, height: u32) -> [f32; 4] {
        let (fw, fh) = (width as f32, height as f32);
        [self.x * fw, self.y * fh, self.w * fw, self.h * fh]
    }

    /// The part of this rectangle that lies on the frame; of zero size where none does.
    pub fn clipped(self) -> Rect {
        let (x0, y0) = (self.x.clamp(0.0, 1.0), self.y.clamp(0.0, 1.0));
        let (x1, y1) = ((self.x + self.w).clamp(0.0, 1.0), (self.y + self.h).clamp(0.0, 1.0));
        Rect { x: x0, y: y0, w: (x1 - x0).max(0.0), h: (y1 - y0).max(0.0) }
    }

    /// Fraction of the frame that is covered.
    pub fn area(self) -> f32 {
        self.w.max(0.0) * self.h.max(0.0)
    }

    /// Area shared with `other`.
    pub fn intersection(self, other: Rect) -> f32 {
        let w = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let h = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        w.max(0.0) * h.max(0.0)
    }

    /// Intersection over union, 0..1; 0 for empty rectangles.
    pub fn iou(self, other: Rect) -> f32 {
        let shared = self.intersection(other);
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// Centre point.
    pub fn centre(self) -> (f32, f32) {
        (self.x + self.w / 2.0, self.y + self.h / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rects() -> impl Strategy<Value = Rect> {
        [-2.0f32..2.0, -2.0f32..2.0, 0.0f32..3.0, 0.0f32..3.0].prop_map(|[x, y, w, h]| Rect { x, y, w, h })
    }

    #[test]
    fn overlap_is_counted_by_area() {
        let left = Rect { x: 0.0, y: 0.0, w: 0.5, h: 1.0 };
        let middle = Rect { x: 0.25, y: 0.0, w: 0.5, h: 1.0 };
        assert_eq!(left.intersection(middle), 0.25);
        assert_eq!(left.iou(middle), 0.25 / 0.75);
        assert_eq!(left.iou(left), 1.0);
        let beyond = Rect { x: 0.5, ..left };
        assert_eq!(left.iou(beyond), 0.0, "touching is not overlapping");
        let nothing = Rect { w: 0.0, ..left };
        assert_eq!(nothing.iou(nothing), 0.0, "no area, no number that is none");
    }

    #[test]
    fn what_lies_outside_the_frame_is_cut_off() {
        let half_out = Rect { x: -0.25, y: 0.5, w: 0.5, h: 2.0 };
        assert_eq!(half_out.clipped(), Rect { x: 0.0, y: 0.5, w: 0.25, h: 0.5 });
        assert_eq!(Rect { x: 1.5, y: 0.0, w: 1.0, h: 1.0 }.clipped().area(), 0.0);
    }

    proptest! {
        #[test]
        fn overlap_is_symmetric_and_never_more_than_all(a in rects(), b in rects()) {
            prop_assert_eq!(a.iou(b), b.iou(a));
            prop_assert!((0.0..=1.001).contains(&a.iou(b)));
            prop_assert!(a.intersection(b) <= a.area().min(b.area()) * 1.001 + 1e-6);
        }

        #[test]
        fn pixels_and_fractions_tell_the_same(rect in rects(), width in 1u32..5000, height in 1u32..5000) {
            let back = Rect::from_pixels(rect.to_pixels(width, height), width, height);
            for (a, b) in [(back.x, rect.x), (back.y, rect.y), (back.w, rect.w), (back.h, rect.h)] {
                prop_assert!((a - b).abs() < 1e-5);
            }
        }

        #[test]
        fn a_clipped_rectangle_lies_in_the_frame(rect in rects()) {
            let c = rect.clipped();
            prop_assert!(c.x >= 0.0 && c.y >= 0.0 && c.w >= 0.0 && c.h >= 0.0);
            prop_assert!(c.x + c.w <= 1.0 + 1e-6 && c.y + c.h <= 1.0 + 1e-6);
        }
    }
}
