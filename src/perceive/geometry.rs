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
