//! Where to look on this frame: the whole picture always, and what the budget leaves for a closer look.
//!
//! Scaled to the model's input, a far bear is a dozen pixels. Tiles at the picture's own resolution take turns, so that a bear that
//! sits still is found within one round; what was found small is looked at closely from then on.

use super::geometry::Rect;
use super::model::InputSpec;
use super::regions::{Region, tiles, worth_tiling};
use super::settings::RegionMode;

/// Whoever is at least so large in the model's input is seen well enough there, pixels (root of the area).
const WELL_SEEN_PX: f32 = 48.0;

/// A closer look takes in so many times the thing's longer side at least, so that the model sees it in its surroundings.
const SURROUNDINGS: f32 = 2.5;

/// Share of a thing that must lie in a region to be found there.
const MOSTLY_INSIDE: f32 = 0.8;

/// Chooses regions frame by frame.
#[derive(Clone, Debug)]
pub struct Planner {
    mode: RegionMode,
    /// Tiles that show a part of these come twice in each round of the sweep.
    watch: Vec<Rect>,
    next_tile: usize,
    sweep_first: bool,
}

impl Planner {
    /// For one way of looking, with places that a person asked to watch.
    pub fn new(mode: RegionMode, watch: Vec<Rect>) -> Planner {
        Planner { mode, watch, next_tile: 0, sweep_first: true }
    }

    /// The regions of a frame of `width` × `height`: no more than `allowed` in mode `auto`. `wanted`: places that deserve a close look,
    /// most urgent first.
    pub fn plan(&mut self, view: &View, allowed: usize, wanted: impl Iterator<Item = Rect>) -> Vec<Region> {
        let (width, height) = view.size;
        let mut regions = vec![Region { rect: Rect::WHOLE }];
        match self.mode {
            RegionMode::Whole => {}
            RegionMode::Tiles => regions.extend(tiles(width, height, view.input)),
            RegionMode::Auto if !worth_tiling(width, height, view.input) => {}
            RegionMode::Auto => self.spend(view, allowed.saturating_sub(1), wanted, &mut regions),
        }
        regions
    }

    /// Gives `extra` regions to close looks and to the sweep. The sweep always has a share: every other frame where there is one region
    /// to give, at least one region a frame where there are more.
    fn spend(
        &mut self,
        view: &View,
        extra: usize,
        wanted: impl Iterator<Item = Rect>,
        regions: &mut Vec<Region>,
    ) {
        let tiles = self.round(view);
        let for_sweep = match extra {
            0 => return,
            1 => usize::from(self.sweep_first),
            more => (more / 3).max(1),
        };
        self.sweep_first = !self.sweep_first;
        for rect in wanted {
            if regions.len() > extra - for_sweep {
                break;
            }
            if !view.sees(regions, rect) {
                regions.push(view.close_look(rect));
            }
        }
        let mut left = extra + 1 - regions.len();
        for _ in 0..tiles.len() {
            let tile = tiles[self.next_tile % tiles.len()];
            if left == 0 {
                break;
            }
            self.next_tile = (self.next_tile + 1) % tiles.len();
            if !regions.contains(&tile) {
                regions.push(tile);
                left -= 1;
            }
        }
    }

    /// One round of the sweep: every tile, and once more those that are watched.
    fn round(&self, view: &View) -> Vec<Region> {
        let mut round = tiles(view.size.0, view.size.1, view.input);
        let watched = |tile: &Region| self.watch.iter().any(|place| tile.rect.intersection(*place) > 0.0);
        let again: Vec<Region> = round.iter().copied().filter(watched).collect();
        round.extend(again);
        round
    }
}

/// A frame as the planner needs to know it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Width and height of the picture, pixels.
    pub size: (u32, u32),
    /// What regions are scaled to.
    pub input: &'a InputSpec,
}

impl View<'_> {
    /// Input pixels per picture pixel in a region.
    fn scale(&self, region: &Region) -> f32 {
        let [_, _, w, h] = region.rect.to_pixels(self.size.0, self.size.1);
        (self.input.width as f32 / w.max(1.0)).min(self.input.height as f32 / h.max(1.0))
    }

    /// Whether a thing would be found if these regions are looked at: it lies in one that shows it large enough, or as large as the
    /// picture can.
    pub fn sees(&self, regions: &[Region], thing: Rect) -> bool {
        let thing = thing.clipped();
        let [_, _, w, h] = thing.to_pixels(self.size.0, self.size.1);
        let large_enough = |scale: f32| scale >= 0.95 || (w * h).sqrt() * scale >= WELL_SEEN_PX;
        let inside = |r: &Region| r.rect.intersection(thing) >= MOSTLY_INSIDE * thing.area();
        regions.iter().any(|r| large_enough(self.scale(r)) && inside(r))
    }

    /// The region around a thing at the picture's own resolution; coarser for what is larger than the input.
    fn close_look(&self, thing: Rect) -> Region {
        let (width, height) = self.size;
        let [x, y, w, h] = thing.clipped().to_pixels(width, height);
        let stretch = (SURROUNDINGS * w.max(h) / self.input.width.min(self.input.height) as f32).max(1.0);
        let side = |input: u32, whole: u32| (input as f32 * stretch).min(whole as f32);
        let (rw, rh) = (side(self.input.width, width), side(self.input.height, height));
        let left = (x + w / 2.0 - rw / 2.0).clamp(0.0, width as f32 - rw);
        let top = (y + h / 2.0 - rh / 2.0).clamp(0.0, height as f32 - rh);
        Region { rect: Rect::from_pixels([left.round(), top.round(), rw, rh], width, height) }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
