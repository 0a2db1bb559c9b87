//! Cheap randomness: textures that are a function of place, and the grain of a poor sensor.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;

/// A hash of a lattice point, 0..1: the same on every platform and in every order of calls.
pub fn speck(x: i32, y: i32, salt: u32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x9E37_79B1)
        ^ (y as u32).wrapping_mul(0x85EB_CA77)
        ^ salt.wrapping_mul(0xC2B2_AE3D);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    (h ^ (h >> 15)) as f32 / u32::MAX as f32
}

/// Value noise (Perlin 1985, lattice form), 0..1, one bump a unit.
pub fn value(x: f32, y: f32, salt: u32) -> f32 {
    let (x0, y0) = (x.floor(), y.floor());
    let (tx, ty) = (ease(x - x0), ease(y - y0));
    let (ix, iy) = (x0 as i32, y0 as i32);
    let top = mix(speck(ix, iy, salt), speck(ix + 1, iy, salt), tx);
    let low = mix(speck(ix, iy + 1, salt), speck(ix + 1, iy + 1, salt), tx);
    mix(top, low, ty)
}

/// Three octaves of [`value`], 0..1.
pub fn cloudy(x: f32, y: f32, salt: u32) -> f32 {
    0.55 * value(x, y, salt)
        + 0.3 * value(2.1 * x, 2.1 * y, salt + 1)
        + 0.15 * value(4.3 * x, 4.3 * y, salt + 2)
}

/// Linear interpolation.
pub fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// Smooth step from 0 to 1.
pub fn ease(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A whole number that is `expected` on the average.
pub fn about(expected: f64, rng: &mut Pcg32) -> usize {
    expected.floor() as usize + usize::from(rng.random_bool(expected.fract().clamp(0.0, 1.0)))
}

/// Pixels of pre-drawn grain beyond the widest row, so that each row starts elsewhere.
const SPARE: usize = 4096;

/// Sensor noise, drawn once and added row by row from changing places: one addition a channel.
pub struct Grain {
    colour: Vec<i8>,
    grey: Vec<i8>,
    scaled: Vec<i16>,
    scaled_for: (i32, bool),
}

impl Grain {
    /// Standard deviation of the stored noise, grey levels.
    const SIGMA: f32 = 24.0;

    /// For rows of `width` pixels.
    pub fn new(width: u32) -> Grain {
        let mut rng = Pcg32::seed_from_u64(7);
        let (mut colour, mut grey) = (Vec::new(), Vec::new());
        let mut before = [0.0f32; 4];
        for _ in 0..width as usize + SPARE {
            // Neighbours share a part, as after a camera's own smoothing and compression.
            before = before.map(|b| 0.45 * b + 0.9 * gauss(&mut rng));
            let [luma, red, green, blue] = before;
            let level = |n: f32| (n * Self::SIGMA).clamp(-127.0, 127.0) as i8;
            colour.extend([red, green, blue].map(|c| level(0.8 * luma + 0.5 * c)));
            grey.extend([level(luma); 3]);
        }
        Grain { colour, grey, scaled: Vec::new(), scaled_for: (-1, false) }
    }

    /// Adds noise of standard deviation `sigma` grey levels; the same for all channels where `grey`. `moment` names the frame.
    pub fn add(&mut self, data: &mut [u8], width: u32, sigma: f32, grey: bool, moment: u32) {
        self.scale(sigma, grey);
        for (y, row) in data.chunks_exact_mut(width as usize * 3).enumerate() {
            let start = (speck(y as i32, moment as i32, 91) * (SPARE - 1) as f32) as usize * 3;
            for (value, noise) in row.iter_mut().zip(&self.scaled[start..]) {
                *value = (i16::from(*value) + noise).clamp(0, 255) as u8;
            }
        }
    }

    fn scale(&mut self, sigma: f32, grey: bool) {
        let factor = (sigma / Self::SIGMA * 256.0) as i32;
        if self.scaled_for == (factor, grey) {
            return;
        }
        let table = if grey { &self.grey } else { &self.colour };
        self.scaled.clear();
        self.scaled.extend(table.iter().map(|&n| ((i32::from(n) * factor) >> 8) as i16));
        self.scaled_for = (factor, grey);
    }
}

/// A normal deviate, by the sum of uniform ones.
fn gauss(rng: &mut Pcg32) -> f32 {
    (0..6).map(|_| rng.random_range(-1.0f32..1.0)).sum::<f32>() / 2.0f32.sqrt()
}
