//! Where something moves: a hint for the planner where a closer look may pay, never a condition. A bear that sits still is found without it.
//!
//! Σ-Δ background (Manzanera and Richefeu 2007, "A new motion detection algorithm based on Σ-Δ background estimation") on a small luma
//! picture: each pixel follows its own level and its own restlessness by one step a frame. So noise, rain and swaying bushes raise their own
//! thresholds and fall silent, and what has come to rest is scenery after some seconds. A camera that shakes is put back by the shift that
//! makes row and column sums fit (Alliney and Morandi 1986), light that changes everywhere is taken off, and where nearly everything changes at
//! once, as when the infrared filter switches or a headlight sweeps by, the scene is learned anew instead.

use super::geometry::Rect;
use super::thumbnail::Thumbnail;

/// Side of a cell, pixels of the small picture: what moves is told cell by cell.
const CELL: usize = 4;

/// Pixels of a cell that must move; fewer are drops, sparks and noise.
const LEAST_MOVING: u16 = 3;

/// A pixel's restlessness follows so many times its distance from its level.
const AMPLIFIED: u8 = 3;

/// Restlessness rises so many times faster than it fades: leaves that sway one frame in five are restless for good.
const RISE: u8 = 4;

/// Levels that a pixel may be off without being restless: the noise of a decent sensor by day.
const LEAST_SPREAD: u8 = 10;

/// Restlessness that a pixel begins with: high, for nothing is known yet.
const FIRST_SPREAD: u8 = 40;

/// It fades so many times faster over the first frames: a bear may come as soon as the camera is on.
const FIRST_FADE: (u8, u32) = (4, 12);

/// Share of the cells that may move; more is a change of light or of the camera.
const FLOOD: f32 = 0.4;

/// The camera may shake by so many pixels of the small picture each way.
const MOST_SHIFT: isize = 6;

/// A shift is believed where it takes off so much of the misfit.
const SHIFT_GAIN: f32 = 0.7;

/// Places that are told, at most.
const MOST_PLACES: usize = 8;

/// Follows the background of one camera. Buffers are kept: no allocation once they have grown.
#[derive(Clone, Debug, Default)]
pub struct Motion {
    /// Of the camera's frame, pixels.
    frame: (u32, u32),
    /// Of the small picture, pixels.
    size: (usize, usize),
    level: Vec<u8>,
    spread: Vec<u8>,
    moving: Vec<u8>,
    cells: Vec<u16>,
    pending: Vec<usize>,
    sums: [Vec<i32>; 4],
    places: Vec<(usize, Rect)>,
    /// Frames since everything was learned anew.
    frames: u32,
    flooded: bool,
    share: f32,
}

impl Motion {
    /// Takes in a frame; says where something moves, most of it first, in fractions of the frame.
    pub fn observe(&mut self, small: &Thumbnail) -> impl Iterator<Item = Rect> {
        self.places.clear();
        (self.flooded, self.share) = (false, 0.0);
        if self.frame == small.frame {
            let shift = self.shift(&small.luma);
            self.compare(&small.luma, shift);
            self.count();
            self.gather(&small.luma);
        } else {
            (self.frame, self.size) = (small.frame, small.size);
            self.learn_anew(&small.luma);
        }
        self.places.iter().map(|place| place.1)
    }

    /// Whether nearly everything changed at once on the newest frame: the light or the camera did.
    pub fn flooded(&self) -> bool {
        self.flooded
    }

    /// Share of the newest frame in which something moves, 0..1.
    pub fn share(&self) -> f32 {
        self.share
    }

    fn learn_anew(&mut self, luma: &[u8]) {
        self.level.clear();
        self.level.extend_from_slice(luma);
        self.spread.clear();
        self.spread.resize(luma.len(), FIRST_SPREAD);
        self.frames = 0;
    }

    /// How far the picture lies right of and below the background, pixels.
    fn shift(&mut self, luma: &[u8]) -> (isize, isize) {
        let [columns, rows, old_columns, old_rows] = &mut self.sums;
        sum(luma, self.size.0, columns, rows);
        sum(&self.level, self.size.0, old_columns, old_rows);
        (agreed_shift(columns, old_columns), agreed_shift(rows, old_rows))
    }

    /// Marks what is off its level by more than its restlessness, and lets both follow.
    fn compare(&mut self, luma: &[u8], (right, down): (isize, isize)) {
        let (width, height) = self.size;
        let brighter = brightening(luma, &self.level);
        let fade = if self.frames < FIRST_FADE.1 { FIRST_FADE.0 } else { 1 };
        self.frames = self.frames.saturating_add(1);
        self.moving.clear();
        self.moving.resize(luma.len(), 0);
        let overlap = |shift: isize, side: usize| shift.unsigned_abs().min(side);
        let (across, over) = (width - overlap(right, width), height - overlap(down, height));
        let (new_x, new_y) = (right.max(0) as usize, down.max(0) as usize);
        let (old_x, old_y) = ((-right).max(0) as usize, (-down).max(0) as usize);
        for row in 0..over {
            let old = (old_y + row) * width + old_x;
            let now = &luma[(new_y + row) * width + new_x..][..across];
            let pixels = self.level[old..old + across].iter_mut().zip(&mut self.spread[old..old + across]);
            for ((&now, (level, spread)), moving) in
                now.iter().zip(pixels).zip(&mut self.moving[old..old + across])
            {
                let now = (i16::from(now) - brighter).clamp(0, 255) as u8;
                let off = now.abs_diff(*level);
                *moving = u8::from(off > (*spread).max(LEAST_SPREAD));
                let amplified = off.saturating_mul(AMPLIFIED);
                let (more, less) = (u8::from(amplified > *spread), u8::from(amplified < *spread));
                *spread = spread.saturating_add(more * RISE).saturating_sub(less * fade);
                *level = *level + u8::from(now > *level) - u8::from(now < *level);
            }
        }
    }

    /// Moving pixels by cell.
    fn count(&mut self) {
        let (width, height) = self.size;
        let (across, down) = (width.div_ceil(CELL), height.div_ceil(CELL));
        self.cells.clear();
        self.cells.resize(across * down, 0);
        for (row, line) in self.moving.chunks_exact(width).enumerate() {
            let cells = &mut self.cells[row / CELL * across..][..across];
            for (cell, pixels) in cells.iter_mut().zip(line.chunks(CELL)) {
                *cell += pixels.iter().map(|&m| u16::from(m)).sum::<u16>();
            }
        }
    }

    /// Neighbouring cells that move are one place.
    fn gather(&mut self, luma: &[u8]) {
        let moving = self.cells.iter().filter(|&&cell| cell >= LEAST_MOVING).count();
        self.share = moving as f32 / self.cells.len().max(1) as f32;
        if self.share > FLOOD {
            self.flooded = true;
            return self.learn_anew(luma);
        }
        let across = self.size.0.div_ceil(CELL);
        for begin in 0..self.cells.len() {
            if self.cells[begin] >= LEAST_MOVING {
                let place = self.flood(begin, across);
                self.places.push(place);
            }
        }
        self.places.sort_by_key(|place| std::cmp::Reverse(place.0));
        self.places.truncate(MOST_PLACES);
    }

    /// Cells that hang together with `begin`: how many, and the rectangle around them. They are taken out.
    fn flood(&mut self, begin: usize, across: usize) -> (usize, Rect) {
        let (mut count, mut low, mut high) = (0, (usize::MAX, usize::MAX), (0, 0));
        self.pending.push(begin);
        self.cells[begin] = 0;
        while let Some(cell) = self.pending.pop() {
            let (x, y) = (cell % across, cell / across);
            count += 1;
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x + 1), high.1.max(y + 1));
            for next_y in y.saturating_sub(1)..=y + 1 {
                for next_x in x.saturating_sub(1)..=(x + 1).min(across - 1) {
                    let next = next_y * across + next_x;
                    if self.cells.get(next).is_some_and(|&pixels| pixels >= LEAST_MOVING) {
                        self.cells[next] = 0;
                        self.pending.push(next);
                    }
                }
            }
        }
        let (width, height) = (self.size.0 as f32 / CELL as f32, self.size.1 as f32 / CELL as f32);
        let [x, y, right, bottom] = [low.0, low.1, high.0, high.1].map(|side| side as f32);
        let rect = Rect { x: x / width, y: y / height, w: (right - x) / width, h: (bottom - y) / height };
        (count, rect.clipped())
    }
}

/// Mean difference of two pictures, levels.
fn brightening(now: &[u8], level: &[u8]) -> i16 {
    let total = |pixels: &[u8]| pixels.iter().map(|&p| u64::from(p)).sum::<u64>() as i64;
    ((total(now) - total(level)) / now.len().max(1) as i64) as i16
}

/// Sums of the columns and of the rows of a picture.
fn sum(pixels: &[u8], width: usize, columns: &mut Vec<i32>, rows: &mut Vec<i32>) {
    columns.clear();
    columns.resize(width, 0);
    rows.clear();
    for line in pixels.chunks_exact(width) {
        rows.push(line.iter().map(|&p| i32::from(p)).sum());
        for (column, &pixel) in columns.iter_mut().zip(line) {
            *column += i32::from(pixel);
        }
    }
}

/// The shift on which both halves agree: a camera that shakes moves both, a large animal or bush only one.
fn agreed_shift(now: &[i32], old: &[i32]) -> isize {
    let half = now.len() / 2;
    let shift = best_shift(&now[..half], &old[..half]);
    if shift != 0 && best_shift(&now[half..], &old[half..]) == shift { shift } else { 0 }
}

/// The shift of `now` against `old` that fits best; none where it gains too little to be believed.
fn best_shift(now: &[i32], old: &[i32]) -> isize {
    if now.len() < 4 * MOST_SHIFT as usize {
        return 0;
    }
    let misfit = |shift: isize| {
        let (skip_now, skip_old) = (shift.max(0) as usize, (-shift).max(0) as usize);
        let pairs = || now[skip_now..].iter().zip(&old[skip_old..]);
        let count = now.len() - shift.unsigned_abs();
        // Light that changed everywhere is no shift.
        let mean = pairs().map(|(a, b)| i64::from(a - b)).sum::<i64>() / count as i64;
        pairs().map(|(a, b)| (i64::from(a - b) - mean).abs()).sum::<i64>() as f32 / count as f32
    };
    let still = misfit(0);
    let shifts = (-MOST_SHIFT..=MOST_SHIFT).map(|shift| (shift, misfit(shift)));
    match shifts.min_by(|a, b| a.1.total_cmp(&b.1)) {
        Some((shift, least)) if least < SHIFT_GAIN * still => shift,
        _ => 0,
    }
}

#[cfg(test)]
#[path = "motion_tests.rs"]
mod tests;
