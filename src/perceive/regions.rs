//! Which parts of a picture the model looks at, and how they become its input.

use super::frame::Picture;
use super::geometry::Rect;
use super::model::{ChannelOrder, InputSpec};
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

/// A still is looked at by tiles when its long side exceeds the input by this factor; below it, tiles add cost and no detail.
const WORTH_TILING: f32 = 1.5;

/// The regions of a single still: whole frame first, then tiles as `mode` says.
pub fn for_still(width: u32, height: u32, mode: RegionMode, input: &InputSpec) -> Vec<Region> {
    let large = width.max(height) as f32 > WORTH_TILING * input.width.max(input.height) as f32;
    let mut regions = vec![Region { rect: Rect::WHOLE }];
    match mode {
        RegionMode::Whole => {}
        RegionMode::Auto if !large => {}
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

/// Resamples a region into the model's input: `input` becomes 3 planes of `spec.height` × `spec.width`. Bilinear when
/// enlarging; area-weighted triangle filter when shrinking, so that small things do not flicker.
///
/// `tone` is applied to every channel value first (a table of 256 entries: the low-light enhancement).
pub fn fill_input(
    picture: &Picture,
    place: &Letterbox,
    spec: &InputSpec,
    tone: &[u8; 256],
    input: &mut Vec<f32>,
) {
    let plane = spec.width as usize * spec.height as usize;
    let scale = Channels::new(spec);
    input.clear();
    for c in 0..3 {
        input.resize((c + 1) * plane, scale.apply(c, f32::from(spec.fill)));
    }
    let columns = Taps::new(place.left, place.width, place.scaled_width);
    let rows = Taps::new(place.top, place.height, place.scaled_height);
    let mut band = vec![0.0f32; place.scaled_width as usize * 3];
    for (y, (first, weights)) in rows.iter().enumerate() {
        band.fill(0.0);
        for (source_row, &weight) in (first..).zip(weights) {
            add_row(picture, source_row, weight, &columns, tone, &mut band);
        }
        let at = y * spec.width as usize;
        for (x, rgb) in band.chunks_exact(3).enumerate() {
            for c in 0..3 {
                input[c * plane + at + x] = scale.apply(c, rgb[scale.source[c]]);
            }
        }
    }
}

/// Adds one resampled source row, weighted, to `band` (packed RGB).
fn add_row(picture: &Picture, row: u32, weight: f32, columns: &Taps, tone: &[u8; 256], band: &mut [f32]) {
    let stride = picture.width as usize * 3;
    let line = &picture.data[row as usize * stride..][..stride];
    for ((first, weights), out) in columns.iter().zip(band.chunks_exact_mut(3)) {
        let pixels = line[first as usize * 3..].chunks_exact(3);
        for (pixel, &column_weight) in pixels.zip(weights) {
            let w = weight * column_weight;
            for c in 0..3 {
                out[c] += w * f32::from(tone[pixel[c] as usize]);
            }
        }
    }
}

/// Mean and scale by plane, and which of R, G, B the plane takes.
struct Channels {
    source: [usize; 3],
    mean: [f32; 3],
    factor: [f32; 3],
}

impl Channels {
    fn new(spec: &InputSpec) -> Channels {
        let source = match spec.order {
            ChannelOrder::Rgb => [0, 1, 2],
            ChannelOrder::Bgr => [2, 1, 0],
        };
        Channels { source, mean: spec.mean, factor: spec.std.map(|s| 1.0 / s) }
    }

    fn apply(&self, plane: usize, value: f32) -> f32 {
        (value - self.mean[plane]) * self.factor[plane]
    }
}

/// For every output position along one side: the first source position and the weights from there on.
struct Taps {
    first: Vec<u32>,
    weights: Vec<f32>,
    per_output: usize,
}

impl Taps {
    /// Triangle filter of half-width max(1, scale), centred as image libraries do (pixel centres at half integers).
    fn new(offset: u32, source: u32, target: u32) -> Taps {
        let scale = source as f32 / target as f32;
        let reach = scale.max(1.0);
        let per_output = ((2.0 * reach).ceil() as usize + 1).min(source as usize);
        let (mut first, mut weights) = (Vec::new(), Vec::new());
        for i in 0..target {
            let centre = (i as f32 + 0.5) * scale - 0.5;
            let begin = ((centre - reach).ceil().max(0.0) as u32).min(source - per_output as u32);
            let at = weights.len();
            weights.extend(
                (0..per_output as u32).map(|k| (1.0 - ((begin + k) as f32 - centre).abs() / reach).max(0.0)),
            );
            let sum: f32 = weights[at..].iter().sum();
            weights[at..].iter_mut().for_each(|w| *w /= sum);
            first.push(offset + begin);
        }
        Taps { first, weights, per_output }
    }

    fn iter(&self) -> impl Iterator<Item = (u32, &[f32])> {
        self.first.iter().copied().zip(self.weights.chunks_exact(self.per_output))
    }
}

/// The tone table that changes nothing.
pub const IDENTITY_TONE: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = i as u8;
        i += 1;
    }
    table
};
