//! Which parts of a picture the model looks at, and how they become its input.

use super::geometry::Rect;
use super::model::InputSpec;
pub use super::resample::{IDENTITY_TONE, fill_input};
use super::settings::RegionMode;

/// A part of the frame that is scaled (aspect ratio kept, placed top left) into the model's input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Where, in fractions of the frame.
    pub rect: Rect,
}

/// A region as it lies in the input: pixels of the source, and the scale to input pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Letterbox {
    /// Left edge of the region in the picture, pixels.
    pub left: u32,
    /// Top edge, pixels.
    pub top: u32,
    /// Width of the region, pixels, at least 1.
    pub width: u32,
    /// Height of the region, pixels, at least 1.
    pub height: u32,
    /// Width that it takes in the input, pixels.
    pub scaled_width: u32,
    /// Height that it takes in the input, pixels.
    pub scaled_height: u32,
}

impl Letterbox {
    /// Fits `region` of a picture of `width` × `height` into the input.
    pub fn new(region: Region, width: u32, height: u32, input: &InputSpec) -> Letterbox {
        let [x, y, w, h] = region.rect.clipped().to_pixels(width, height);
        let (left, top) = ((x.round() as u32).min(width - 1), (y.round() as u32).min(height - 1));
        let w = (w.round() as u32).clamp(1, width - left);
        let h = (h.round() as u32).clamp(1, height - top);
        let scale = (input.width as f32 / w as f32).min(input.height as f32 / h as f32);
        let fit = |side: u32, most: u32| ((side as f32 * scale).round() as u32).clamp(1, most);
        Letterbox {
            left,
            top,
            width: w,
            height: h,
            scaled_width: fit(w, input.width),
            scaled_height: fit(h, input.height),
        }
    }

    /// From `[x, y, w, h]` in input pixels to fractions of a frame of `width` × `height`.
    pub fn to_frame(&self, [x, y, w, h]: [f32; 4], width: u32, height: u32) -> Rect {
        let sx = self.width as f32 / self.scaled_width as f32;
        let sy = self.height as f32 / self.scaled_height as f32;
        Rect::from_pixels(
            [self.left as f32 + x * sx, self.top as f32 + y * sy, w * sx, h * sy],
            width,
            height,
        )
    }
}

/// Share of a tile that overlaps with its neighbour, so that an animal on the seam is whole in one of them.
const OVERLAP: f32 = 0.25;

/// A picture is looked at by tiles when its long side exceeds the input by this factor; below it, tiles add cost and no detail.
const WORTH_TILING: f32 = 1.5;

/// Whether tiles show more of a picture than the whole frame does.
pub fn worth_tiling(width: u32, height: u32, input: &InputSpec) -> bool {
    width.max(height) as f32 > WORTH_TILING * input.width.max(input.height) as f32
}

/// The regions of a single still: whole frame first, then tiles as `mode` says.
pub fn for_still(width: u32, height: u32, mode: RegionMode, input: &InputSpec) -> Vec<Region> {
    let mut regions = vec![Region { rect: Rect::WHOLE }];
    match mode {
        RegionMode::Whole => {}
        RegionMode::Auto if !worth_tiling(width, height, input) => {}
        RegionMode::Auto | RegionMode::Tiles => regions.extend(tiles(width, height, input)),
    }
    regions
}

/// Overlapping tiles at the picture's own resolution, of the input's size, that cover the whole frame; none where one tile would be
/// the frame.
pub fn tiles(width: u32, height: u32, input: &InputSpec) -> Vec<Region> {
    let (xs, ys) = (starts(width, input.width), starts(height, input.height));
    if xs.len() * ys.len() == 1 {
        return Vec::new();
    }
    let (w, h) = (input.width.min(width) as f32, input.height.min(height) as f32);
    let tile = |x: f32, y: f32| Region { rect: Rect::from_pixels([x, y, w, h], width, height) };
    ys.iter().flat_map(|&y| xs.iter().map(move |&x| tile(x, y))).collect()
}

/// Where tiles begin along one side: evenly spread, overlapping by [`OVERLAP`] or more.
fn starts(side: u32, tile: u32) -> Vec<f32> {
    if side <= tile {
        return vec![0.0];
    }
    let free = (side - tile) as f32;
    let gaps = (free / (tile as f32 * (1.0 - OVERLAP))).ceil();
    (0..=gaps as u32).map(|i| (free * i as f32 / gaps).round()).collect()
}
