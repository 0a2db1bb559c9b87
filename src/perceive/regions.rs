//! Which parts of a picture the model looks at, and how they become its input.

use super::geometry::Rect;
use super::model::InputSpec;
pub use super::resample::{IDENTITY_TONE, Resampler};
use super::settings::RegionMode;

/// A part of the frame that is scaled (aspect ratio kept, placed top left) into the model's input. One that reaches beyond the frame has the scale of all of
/// it; what of the frame lies in it is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Where, in fractions of the frame.
    pub rect: Rect,
}

impl Region {
    /// With the same middle and sides so many times as long: shows everything so many times smaller.
    pub fn widened(self, times: f32) -> Region {
        let Rect { x, y, w, h } = self.rect;
        let (more_w, more_h) = (w * (times - 1.0), h * (times - 1.0));
        Region { rect: Rect { x: x - more_w / 2.0, y: y - more_h / 2.0, w: w + more_w, h: h + more_h } }
    }
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
    /// Whether left and right are exchanged in the input.
    pub mirrored: bool,
}

impl Letterbox {
    /// Fits `region` of a picture of `width` × `height` into the input.
    pub fn new(region: Region, width: u32, height: u32, input: &InputSpec) -> Letterbox {
        let shown = region.rect.clipped();
        let [x, y, w, h] = shown.to_pixels(width, height);
        let (left, top) = ((x.round() as u32).min(width - 1), (y.round() as u32).min(height - 1));
        let w = (w.round() as u32).clamp(1, width - left);
        let h = (h.round() as u32).clamp(1, height - top);
        // Of all of the region, also beyond the frame.
        let whole =
            |side: u32, all: f32, shown: f32| side as f32 * if shown > 0.0 { all / shown } else { 1.0 };
        let (all_w, all_h) = (whole(w, region.rect.w, shown.w), whole(h, region.rect.h, shown.h));
        let scale = (input.width as f32 / all_w).min(input.height as f32 / all_h);
        let fit = |side: u32, most: u32| ((side as f32 * scale).round() as u32).clamp(1, most);
        Letterbox {
            left,
            top,
            width: w,
            height: h,
            scaled_width: fit(w, input.width),
            scaled_height: fit(h, input.height),
            mirrored: false,
        }
    }

    /// The same, with left and right exchanged or not.
    pub fn mirrored(self, mirrored: bool) -> Letterbox {
        Letterbox { mirrored, ..self }
    }

    /// Where a box of the input that is `w` wide and begins at `x` begins where nothing is exchanged.
    fn unmirrored(&self, x: f32, w: f32) -> f32 {
        if self.mirrored { self.scaled_width as f32 - x - w } else { x }
    }

    /// Whether a box, `[x, y, w, h]` in input pixels, ends at an edge of the region beyond which a frame of `width` × `height` goes on.
    pub fn cuts(&self, [x, y, w, h]: [f32; 4], width: u32, height: u32) -> bool {
        let near = |at: f32| at < EDGE_PX;
        let x = self.unmirrored(x, w);
        (self.left > 0 && near(x))
            || (self.top > 0 && near(y))
            || (self.left + self.width < width && near(self.scaled_width as f32 - x - w))
            || (self.top + self.height < height && near(self.scaled_height as f32 - y - h))
    }

    /// From `[x, y, w, h]` in input pixels to fractions of a frame of `width` × `height`.
    pub fn to_frame(&self, [x, y, w, h]: [f32; 4], width: u32, height: u32) -> Rect {
        let x = self.unmirrored(x, w);
        let sx = self.width as f32 / self.scaled_width as f32;
        let sy = self.height as f32 / self.scaled_height as f32;
        Rect::from_pixels(
            [self.left as f32 + x * sx, self.top as f32 + y * sy, w * sx, h * sy],
            width,
            height,
        )
    }
}

/// A box that comes so near to the edge of its region, pixels of the input, may go on beyond it: boxes are off by a few pixels.
const EDGE_PX: f32 = 6.0;

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shapes() -> impl Strategy<Value = (u32, u32, u32, u32)> {
        (1u32..4200, 1u32..4200, 32u32..700, 32u32..700)
    }

    fn input(width: u32, height: u32) -> InputSpec {
        InputSpec { width, height, ..InputSpec::square(1) }
    }

    proptest! {
        #[test]
        fn a_box_goes_into_the_input_and_back(
            (width, height, iw, ih) in shapes(),
            [x, y, w, h] in [0.0f32..1.0, 0.0f32..1.0, 0.01f32..1.0, 0.01f32..1.0],
            seen in [0.0f32..0.9, 0.0f32..0.9, 0.01f32..0.1, 0.01f32..0.1],
            mirrored in proptest::bool::ANY,
        ) {
            let place = Letterbox::new(Region { rect: Rect { x, y, w, h } }, width, height, &input(iw, ih));
            let place = place.mirrored(mirrored);
            prop_assert!(place.width >= 1 && place.left + place.width <= width);
            prop_assert!(place.height >= 1 && place.top + place.height <= height);
            prop_assert!((1..=iw).contains(&place.scaled_width) && (1..=ih).contains(&place.scaled_height));
            let beyond = x + w > 1.0 || y + h > 1.0;
            prop_assert!(beyond || place.scaled_width == iw || place.scaled_height == ih, "as large as it fits");
            let (long, high) = (place.width as f32, place.height as f32);
            let (sx, sy) = (place.scaled_width as f32 / long, place.scaled_height as f32 / high);
            let [px, py, pw, ph] = [seen[0] * long, seen[1] * high, seen[2] * long, seen[3] * high];
            let left = if mirrored { place.scaled_width as f32 - (px + pw) * sx } else { px * sx };
            let back = place.to_frame([left, py * sy, pw * sx, ph * sy], width, height).to_pixels(width, height);
            for (got, wanted) in back.into_iter().zip([place.left as f32 + px, place.top as f32 + py, pw, ph]) {
                prop_assert!((got - wanted).abs() < 0.02, "{:?}", back);
            }
        }

        #[test]
        fn a_wider_region_shows_everything_smaller((width, height, iw, ih) in shapes(), times in 1.0f32..3.0) {
            let whole = Region { rect: Rect::WHOLE };
            let place = |region| Letterbox::new(region, width, height, &input(iw, ih));
            let (near, wide) = (place(whole), place(whole.widened(times)));
            prop_assert_eq!((wide.left, wide.top, wide.width, wide.height), (0, 0, width, height));
            let smaller = |side: u32, than: u32| (side as f32 * times - than as f32).abs() <= 0.51 * (1.0 + times) || side == 1;
            prop_assert!(smaller(wide.scaled_width, near.scaled_width), "{:?} {:?}", wide, near);
            prop_assert!(smaller(wide.scaled_height, near.scaled_height), "{:?} {:?}", wide, near);
        }

        #[test]
        fn every_pixel_lies_in_a_tile_at_full_resolution((width, height, iw, ih) in shapes()) {
            let spec = input(iw, ih);
            let place = |tile| Letterbox::new(tile, width, height, &spec);
            let places: Vec<Letterbox> = tiles(width, height, &spec).into_iter().map(place).collect();
            if places.is_empty() {
                prop_assert!(width <= iw && height <= ih);
                return Ok(());
            }
            for p in &places {
                prop_assert_eq!((p.width, p.height), (iw.min(width), ih.min(height)));
            }
            prop_assert!((0..width).all(|x| places.iter().any(|p| (p.left..p.left + p.width).contains(&x))));
            prop_assert!((0..height).all(|y| places.iter().any(|p| (p.top..p.top + p.height).contains(&y))));
            let grid: std::collections::BTreeSet<(u32, u32)> = places.iter().map(|p| (p.left, p.top)).collect();
            let columns: std::collections::BTreeSet<u32> = places.iter().map(|p| p.left).collect();
            let rows: std::collections::BTreeSet<u32> = places.iter().map(|p| p.top).collect();
            prop_assert_eq!(grid.len(), columns.len() * rows.len(), "every column in every row");
        }

        #[test]
        fn an_animal_of_a_quarter_tile_is_whole_in_one(width in 500u32..4200, at in 0.0f32..1.0) {
            let spec = input(416, 416);
            let animal = (at * (width as f32 - 102.0)).max(0.0);
            let whole = |t: &Region| {
                let [x, _, w, _] = t.rect.to_pixels(width, 300);
                x <= animal + 0.5 && animal + 102.0 <= x + w + 0.5
            };
            prop_assert!(tiles(width, 300, &spec).iter().any(whole));
        }
    }

    #[test]
    fn a_still_is_tiled_where_that_shows_more() {
        let spec = input(416, 416);
        let count = |mode, width, height| for_still(width, height, mode, &spec).len();
        assert_eq!(count(RegionMode::Auto, 624, 400), 1);
        assert_eq!(count(RegionMode::Auto, 1280, 720), 1 + 4 * 2);
        assert_eq!(count(RegionMode::Whole, 1280, 720), 1);
        assert_eq!(count(RegionMode::Tiles, 500, 400), 1 + 2);
        assert_eq!(count(RegionMode::Tiles, 416, 416), 1);
        assert_eq!(count(RegionMode::Tiles, 1, 1), 1);
    }
}
