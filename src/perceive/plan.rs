//! Where to look on this frame, as far as the budget allows.
//!
//! Scaled to the model's input, a far bear is a dozen pixels; tiles at the picture's own resolution take turns, so that a bear that sits
//! still is found, too. Everything that may be worth a look has an interval in which it should have one; the looks of a frame go to what is
//! furthest behind, in parts of its interval. So the largest delay of all is as small as it can be (least stretch first, as Bender, Chakrabarti
//! and Muthukrishnan 1998 call it), and where there is time for all, all is looked at.

use std::collections::VecDeque;

use super::geometry::Rect;
use super::model::{Class, InputSpec};
use super::observation::Detection;
use super::regions::{Region, tiles, worth_tiling};
use super::settings::RegionMode;

/// Whoever is at least so large in the model's input is seen well enough there, pixels (root of the area).
const WELL_SEEN_PX: f32 = 48.0;

/// A close look shows a thing so large if it can, pixels of the input (root of the area): the model was taught on near animals. How much smaller a bear
/// may be in the frame by that, the card's `acuity` says: `close_px` beside `day_px`.
const SHOWN_PX: f32 = 80.0;

/// Input pixels per pixel of the frame at most; beyond it, blur grows and nothing else.
const MOST_ENLARGED: f32 = 3.0;

/// A closer look takes in so many times the thing's longer side at least, so that the model sees it in its surroundings.
const SURROUNDINGS: f32 = 2.5;

/// Share of a thing that must lie in a region to be found there.
const MOSTLY_INSIDE: f32 = 0.8;

/// The whole frame should be looked at so often, milliseconds: who is near is large, and matters most.
const WHOLE_MS: f32 = 1_000.0;

/// Likewise what is followed: as often as evidence gains by it.
const FOLLOWED_MS: f32 = 400.0;

/// Likewise what moves.
const MOVING_MS: f32 = 1_000.0;

/// Likewise every tile; a watched one in half the time.
const TILE_MS: f32 = 4_000.0;

/// Close looks at a still at most.
const MOST_SECOND_LOOKS: usize = 12;

/// Of a pair of close looks the second is moved by so much of its side: the thing stays in it with most of its surroundings.
const ASIDE: f32 = 0.2;

/// On stills: the score from which something gets a close look.
pub const WORTH_A_LOOK: f32 = 0.05;

/// On stills: the score from which a bear that is seen well is looked at again.
const WORTH_MORE: f32 = 0.2;

/// It is then also shown so many times smaller. Chosen on the calibration split by `training.views`: at 1 % of pictures that raise a bear for nothing, recall over six
/// conditions is 0.57 with one look, 0.59 with the mirror, 0.62 with this too. More sizes bring as much, parts of the frame, which show it larger, nothing.
const SMALLER: f32 = 1.25;

/// Looks are remembered for so long, milliseconds, and no more than so many of them: what was not looked at since counts as new.
const MEMORY: (u64, usize) = (10_000, 128);

/// Chooses regions frame by frame.
#[derive(Clone, Debug)]
pub struct Planner {
    mode: RegionMode,
    watch: Vec<Rect>,
    /// Of the frames that `tiles` are laid over, pixels.
    size: (u32, u32),
    /// When each tile was looked at, milliseconds of uptime; before the start for those that never were, the first longest ago.
    tiles: Vec<(Region, i64)>,
    looks: VecDeque<(u64, Region)>,
}

/// What deserves a look beside the frame and its tiles.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// Where undecided tracks should be.
    pub followed: &'a [Rect],
    /// Where something moves.
    pub moving: &'a [Rect],
}

/// A region that may be looked at.
struct Candidate {
    region: Region,
    /// What is to be seen by it; nothing for tiles and the whole, which are wanted for themselves.
    thing: Option<Rect>,
    /// Time since the last look in parts of its interval.
    behind: f32,
}

impl Planner {
    /// For one way of looking, with places that a person asked to watch.
    pub fn new(mode: RegionMode, watch: Vec<Rect>) -> Planner {
        Planner { mode, watch, size: (0, 0), tiles: Vec::new(), looks: VecDeque::new() }
    }

    /// Watches other places from now on.
    pub fn watch(&mut self, places: Vec<Rect>) {
        self.watch = places;
    }

    /// A frame as it is to be planned for.
    pub fn view<'a>(&self, size: (u32, u32), input: &'a InputSpec) -> View<'a> {
        View::new(size, input, self.mode)
    }

    /// The regions of a frame taken at `now_ms`: no more than `allowed` in mode `auto`, one at least.
    pub fn plan(&mut self, view: &View, now_ms: u64, allowed: usize, wanted: Wanted) -> Vec<Region> {
        let (width, height) = view.size;
        let whole = Region { rect: Rect::WHOLE };
        match self.mode {
            RegionMode::Tiles => [vec![whole], tiles(width, height, view.input)].concat(),
            RegionMode::Auto => {
                let mut candidates = self.candidates(view, now_ms, wanted);
                candidates.sort_by(|a, b| b.behind.total_cmp(&a.behind));
                let chosen = chosen(candidates, view, allowed.max(1));
                self.remember(&chosen, now_ms);
                chosen
            }
            RegionMode::Whole => vec![whole],
        }
    }

    fn candidates(&mut self, view: &View, now_ms: u64, wanted: Wanted) -> Vec<Candidate> {
        self.lay_tiles(view, now_ms);
        let whole = Region { rect: Rect::WHOLE };
        let place = |(places, interval_ms): (&'_ [Rect], f32)| -> Vec<Candidate> {
            let candidate = |&thing: &Rect| {
                let region = if view.sees(&[whole], thing) { whole } else { view.close_look(thing) };
                let behind = self.since(now_ms, |look| view.sees(&[*look], thing)) / interval_ms;
                Candidate { region, thing: Some(thing), behind }
            };
            places.iter().map(candidate).collect()
        };
        let mut candidates = place((wanted.followed, FOLLOWED_MS));
        candidates.extend(place((wanted.moving, MOVING_MS)));
        let behind = self.since(now_ms, |look| *look == whole) / WHOLE_MS;
        candidates.push(Candidate { region: whole, thing: None, behind });
        let watched = |tile: &Region| self.watch.iter().any(|place| tile.rect.intersection(*place) > 0.0);
        candidates.extend(self.tiles.iter().map(|(tile, looked_ms)| {
            let interval_ms = if watched(tile) { TILE_MS / 2.0 } else { TILE_MS };
            let behind = (now_ms as i64 - looked_ms) as f32 / interval_ms;
            Candidate { region: *tile, thing: None, behind }
        }));
        candidates
    }

    /// Time since the newest look that served, milliseconds.
    fn since(&self, now_ms: u64, serves: impl Fn(&Region) -> bool) -> f32 {
        let last = self.looks.iter().rev().find(|(_, look)| serves(look));
        last.map_or(MEMORY.0 as f32, |(at_ms, _)| now_ms.saturating_sub(*at_ms) as f32)
    }

    fn lay_tiles(&mut self, view: &View, now_ms: u64) {
        if self.size != view.size {
            self.size = view.size;
            let (width, height) = view.size;
            let worth = worth_tiling(width, height, view.input);
            let laid = if worth { tiles(width, height, view.input) } else { Vec::new() };
            // As if a round had just been made, so that the sweep begins with the first and leaves time for the rest.
            let round_ms = |i: usize| (TILE_MS as usize * (laid.len() - i) / laid.len()) as i64;
            self.tiles =
                laid.iter().enumerate().map(|(i, &tile)| (tile, now_ms as i64 - round_ms(i))).collect();
        }
    }

    fn remember(&mut self, chosen: &[Region], now_ms: u64) {
        for (_, looked_ms) in self.tiles.iter_mut().filter(|(tile, _)| chosen.contains(tile)) {
            *looked_ms = now_ms as i64;
        }
        self.looks.extend(chosen.iter().map(|&look| (now_ms, look)));
        let old = |look: &(u64, Region)| now_ms.saturating_sub(look.0) >= MEMORY.0;
        while self.looks.len() > MEMORY.1 || self.looks.front().is_some_and(old) {
            self.looks.pop_front();
        }
    }
}

/// The first `allowed` regions that show anything that those before them do not.
fn chosen(candidates: Vec<Candidate>, view: &View, allowed: usize) -> Vec<Region> {
    let mut regions = Vec::new();
    for candidate in candidates {
        let served = candidate.thing.is_some_and(|thing| view.sees(&regions, thing));
        if regions.len() < allowed && !served && !regions.contains(&candidate.region) {
            regions.push(candidate.region);
        }
    }
    regions
}

/// A region, and whether the model is shown it mirrored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Where.
    pub region: Region,
    /// Whether left and right are exchanged.
    pub mirrored: bool,
}

/// Second looks at what the first looks at a still, `found`, may have shown: at the best first. Who was too small to be known is looked at closely, and
/// twice, once in the middle and once aside and mirrored; a bear that was seen well is seen again, mirrored and smaller. What only looks like a bear
/// does so less often in all of them (averaging over such copies of the input: Krizhevsky, Sutskever and Hinton 2012).
pub fn second_looks(view: &View, first: &[Region], found: &[Detection]) -> Vec<Look> {
    let mut looks: Vec<Look> = Vec::new();
    let mut close: Vec<Region> = Vec::new();
    for thing in found.iter().filter(|d| d.class != Class::Person && d.score >= WORTH_A_LOOK) {
        if looks.len() >= MOST_SECOND_LOOKS {
            break;
        }
        let shown: Vec<Region> =
            first.iter().copied().filter(|region| view.sees(&[*region], thing.bbox)).collect();
        if shown.is_empty() && !view.sees(&close, thing.bbox) {
            let middle = view.close_look(thing.bbox);
            looks.push(Look { region: middle, mirrored: false });
            // In a corner of the frame there is no aside.
            let other = Some(aside(middle)).filter(|look| view.sees(&[*look], thing.bbox)).unwrap_or(middle);
            looks.push(Look { region: other, mirrored: true });
            close.extend([middle, other]);
        } else if thing.class == Class::Bear && thing.score >= WORTH_MORE {
            let again = shown.into_iter().flat_map(|region| looks_again(view, region, thing.bbox));
            let new: Vec<Look> = again.filter(|look| !looks.contains(look)).collect();
            looks.extend(new);
        }
    }
    looks
}

/// More looks at a thing that a region shows well: its mirror image, and a wider region, straight and mirrored, if that shows it well, too.
fn looks_again(view: &View, region: Region, thing: Rect) -> impl Iterator<Item = Look> {
    let wider = Some(region.widened(SMALLER)).filter(|wider| view.sees(&[*wider], thing));
    let both = |region| [false, true].map(|mirrored| Look { region, mirrored });
    std::iter::once(Look { region, mirrored: true }).chain(wider.into_iter().flat_map(both))
}

/// The region moved by a part of its size, towards the middle of the frame.
fn aside(region: Region) -> Region {
    let Rect { x, y, w, h } = region.rect;
    let moved = |at: f32, side: f32| {
        let by = ASIDE * side;
        let towards = if at + side / 2.0 < 0.5 { at + by } else { at - by };
        towards.clamp(0.0, (1.0 - side).max(0.0))
    };
    Region { rect: Rect { x: moved(x, w), y: moved(y, h), w, h } }
}

/// A frame as the planner needs to know it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Width and height of the picture, pixels.
    pub size: (u32, u32),
    /// What regions are scaled to.
    pub input: &'a InputSpec,
    /// Input pixels per pixel of the frame that close looks reach for what is small; 0 where there are none.
    pub closest: f32,
}

impl<'a> View<'a> {
    /// Of a size in pixels, where regions are chosen so.
    pub fn new(size: (u32, u32), input: &'a InputSpec, mode: RegionMode) -> View<'a> {
        let closest = match mode {
            RegionMode::Whole => 0.0,
            RegionMode::Tiles => 1.0,
            RegionMode::Auto => MOST_ENLARGED,
        };
        View { size, input, closest }
    }

    /// Input pixels per picture pixel in a region.
    fn scale(&self, region: &Region) -> f32 {
        let [_, _, w, h] = region.rect.to_pixels(self.size.0, self.size.1);
        (self.input.width as f32 / w.max(1.0)).min(self.input.height as f32 / h.max(1.0))
    }

    /// Whether a thing would be found if these regions are looked at: it lies in one that shows it large enough, or as large as a close look at it would.
    pub fn sees(&self, regions: &[Region], thing: Rect) -> bool {
        let thing = thing.clipped();
        let [_, _, w, h] = thing.to_pixels(self.size.0, self.size.1);
        let best = 0.95 * self.closest_scale(w, h);
        let large_enough = |scale: f32| scale >= best || (w * h).sqrt() * scale >= WELL_SEEN_PX;
        let inside = |r: &Region| r.rect.intersection(thing) >= MOSTLY_INSIDE * thing.area();
        regions.iter().any(|r| large_enough(self.scale(r)) && inside(r))
    }

    /// Input pixels per pixel of the frame in a close look at a thing of w × h pixels; 0 where there are no close looks.
    fn closest_scale(&self, w: f32, h: f32) -> f32 {
        let wanted = (SHOWN_PX / (w * h).sqrt().max(1.0)).max(1.0).min(self.closest);
        wanted.min(self.input.width.min(self.input.height) as f32 / (SURROUNDINGS * w.max(h).max(1.0)))
    }

    /// The region around a thing that shows it in its surroundings at [`SHOWN_PX`], enlarged where it is smaller, as far as that helps.
    fn close_look(&self, thing: Rect) -> Region {
        let (width, height) = self.size;
        let [x, y, w, h] = thing.clipped().to_pixels(width, height);
        let scale = self.closest_scale(w, h);
        let side = |input: u32, whole: u32| (input as f32 / scale).round().min(whole as f32);
        let (rw, rh) = (side(self.input.width, width), side(self.input.height, height));
        let left = (x + w / 2.0 - rw / 2.0).clamp(0.0, width as f32 - rw);
        let top = (y + h / 2.0 - rh / 2.0).clamp(0.0, height as f32 - rh);
        Region { rect: Rect::from_pixels([left.round(), top.round(), rw, rh], width, height) }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
