//! What the scene looks like when nothing moves in it, and how it used to look: tells a lens that lost its focus or is half covered, and a
//! camera that was turned, from light, weather and animals that come and go.
//!
//! Noise and whatever moves are averaged away over some seconds. Edges are what light changes least: the picture's gradients, each cut to a
//! few levels so that no single shadow decides, are held against those of the last hour by their normalised correlation.

use super::thumbnail::Thumbnail;

/// Over so many seconds the picture is averaged: no animal stays part of it, and noise is a fifth of what it was.
const STEADY_S: f32 = 15.0;

/// After so many seconds the average says something.
const SETTLED_S: f32 = 45.0;

/// The reference follows the scene over so many seconds: shadows wander, snow falls.
const REFERENCE_S: f32 = 3600.0;

/// Gradients are cut to so many levels.
const MOST_GRADIENT: f32 = 16.0;

/// Cells across and down in which detail is compared.
const CELLS: (usize, usize) = (8, 6);

/// Levels of gradient from which on a cell has detail that could be lost.
const DETAILED: f32 = 2.0;

/// A cell has lost its detail when so little of it is left.
const LOST: f32 = 0.35;

/// Smaller pictures show no structure worth following, pixels of the averaged picture.
const LEAST_SIDE: usize = 16;

/// How the scene compares with what it was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Correlation of gradients, −1..1.
    pub likeness: f32,
    /// Mean gradient over what it was.
    pub detail: f32,
    /// Share of the cells with detail that have lost it, 0..1.
    pub lost: f32,
}

/// Follows one scene in one light.
#[derive(Clone, Debug, Default)]
pub struct Structure {
    size: (usize, usize),
    /// The averaged picture, levels, at half of the thumbnail's size.
    steady: Vec<f32>,
    /// Seconds that went into it.
    followed_s: f32,
    gradients: Vec<[f32; 2]>,
    reference: Vec<[f32; 2]>,
}

impl Structure {
    /// Takes in a picture, `passed_s` after the one before. What it shows now beside what it showed before, once both are known.
    pub fn observe(&mut self, small: &Thumbnail, passed_s: f32) -> Option<Comparison> {
        let size = (small.size.0 / 2, small.size.1 / 2);
        if size.0.min(size.1) < LEAST_SIDE {
            return None;
        }
        if self.size != size {
            *self = Structure { size, ..Structure::default() };
        }
        self.average(small, passed_s);
        if self.followed_s < SETTLED_S {
            return None;
        }
        self.differentiate();
        if self.reference.is_empty() {
            self.reference.clone_from(&self.gradients);
        }
        Some(self.compare())
    }

    /// The scene is as it should be: the reference follows it.
    pub fn approve(&mut self, passed_s: f32) {
        let share = 1.0 - (-passed_s / REFERENCE_S).exp();
        for (old, new) in self.reference.iter_mut().zip(&self.gradients) {
            *old = [0, 1].map(|i| old[i] + share * (new[i] - old[i]));
        }
    }

    /// What is seen from now on is seen anew, as after a change of light; the reference stays.
    pub fn look_anew(&mut self) {
        self.followed_s = 0.0;
    }

    /// The scene as it is now becomes the reference.
    pub fn forget(&mut self) {
        self.reference.clear();
    }

    fn average(&mut self, small: &Thumbnail, passed_s: f32) {
        let fresh = self.followed_s == 0.0;
        self.steady.resize(self.size.0 * self.size.1, 0.0);
        let share = if fresh { 1.0 } else { 1.0 - (-passed_s / STEADY_S).exp() };
        for (row, line) in self.steady.chunks_exact_mut(self.size.0).enumerate() {
            let [above, below] =
                [0, 1].map(|dy| &small.luma[(2 * row + dy) * small.size.0..][..small.size.0]);
            for ((pixel, a), b) in line.iter_mut().zip(above.chunks_exact(2)).zip(below.chunks_exact(2)) {
                let four = a.iter().chain(b).map(|&level| u16::from(level)).sum::<u16>();
                *pixel += share * (f32::from(four) / 4.0 - *pixel);
            }
        }
        // A first picture counts as a moment: nothing is averaged yet.
        self.followed_s += passed_s.clamp(1e-3, STEADY_S);
    }

    /// Central differences of the inner pixels.
    fn differentiate(&mut self) {
        let (width, height) = self.size;
        self.gradients.clear();
        for y in 1..height - 1 {
            let [above, here, below] = [y - 1, y, y + 1].map(|row| &self.steady[row * width..][..width]);
            for x in 1..width - 1 {
                let gradient = [here[x + 1] - here[x - 1], below[x] - above[x]];
                self.gradients.push(gradient.map(|g| g.clamp(-MOST_GRADIENT, MOST_GRADIENT)));
            }
        }
    }

    fn compare(&self) -> Comparison {
        let (mut shared, mut now, mut before) = (0.0f32, 1e-6f32, 1e-6f32);
        let mut cells = [[0.0f32; 2]; CELLS.0 * CELLS.1];
        let (width, height) = (self.size.0 - 2, self.size.1 - 2);
        for (at, (g, r)) in self.gradients.iter().zip(&self.reference).enumerate() {
            shared += g[0] * r[0] + g[1] * r[1];
            now += g[0] * g[0] + g[1] * g[1];
            before += r[0] * r[0] + r[1] * r[1];
            let cell = at / width * CELLS.1 / height * CELLS.0 + at % width * CELLS.0 / width;
            cells[cell][0] += g[0].abs() + g[1].abs();
            cells[cell][1] += r[0].abs() + r[1].abs();
        }
        let pixels = (width * height / cells.len()) as f32;
        let detailed = || cells.iter().filter(|cell| cell[1] >= DETAILED * pixels);
        let lost = detailed().filter(|cell| cell[0] < LOST * cell[1]).count();
        let [now_all, before_all] = [0, 1].map(|i| cells.iter().map(|cell| cell[i]).sum::<f32>());
        Comparison {
            likeness: shared / (now * before).sqrt(),
            detail: now_all / before_all.max(1e-6),
            lost: lost as f32 / detailed().count().max(1) as f32,
        }
    }
}
