//! The still part of the scene: what stands where, how it reflects, and what it hides.

use super::light::{Light, SKY, band};
use crate::perceive::frame::Picture;

/// Where the camera hangs and how it looks: pinhole, horizontal, metres to pixels.
#[derive(Clone, Copy, Debug)]
pub struct Viewpoint {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Focal length, pixels.
    pub focal: f32,
    /// Row of the horizon, pixels.
    pub horizon: f32,
    /// Height of the lens above ground, metres.
    pub eye: f32,
}

impl Viewpoint {
    /// Pixel of a point `x` to the right, `y` above ground, `z` ahead, metres.
    pub fn project(&self, x: f32, y: f32, z: f32) -> (f32, f32) {
        let scale = self.scale(z);
        (self.width as f32 / 2.0 + x * scale, self.horizon + (self.eye - y) * scale)
    }

    /// Pixels a metre at a distance.
    pub fn scale(&self, z: f32) -> f32 {
        self.focal / z.max(0.5)
    }

    /// Distance of the ground that is seen in a row below the horizon.
    pub fn ground(&self, row: f32) -> f32 {
        self.focal * self.eye / (row - self.horizon).max(0.05)
    }

    /// How far to the side a column looks at distance `z`, metres.
    pub fn aside(&self, column: f32, z: f32) -> f32 {
        (column - self.width as f32 / 2.0) / self.scale(z)
    }
}

/// How something reflects: red, green, blue and near infrared, 0..1.
pub type Albedo = [f32; 4];

/// Scales an albedo, infrared included.
pub fn shade(albedo: Albedo, by: f32) -> Albedo {
    albedo.map(|a| a * by)
}

/// Between two albedos.
pub fn blend(a: Albedo, b: Albedo, t: f32) -> Albedo {
    std::array::from_fn(|i| super::noise::mix(a[i], b[i], t))
}

/// Reflectance, distance and occlusion of every pixel.
pub struct Canvas {
    /// How it is seen.
    pub view: Viewpoint,
    albedo: Vec<[u8; 4]>,
    bands: Vec<u8>,
    /// Band of the upright thing seen here; [`SKY`] where only ground or sky is, which hide nothing.
    upright: Vec<u8>,
}

impl Canvas {
    /// Empty sky.
    pub fn new(view: Viewpoint) -> Canvas {
        let pixels = view.width as usize * view.height as usize;
        Canvas { view, albedo: vec![[0; 4]; pixels], bands: vec![SKY; pixels], upright: vec![SKY; pixels] }
    }

    /// Paints sky or ground, which hide nothing.
    pub fn lay(&mut self, x: u32, y: u32, albedo: Albedo, band: u8) {
        let at = self.at(x, y);
        self.albedo[at] = albedo.map(|a| (a * 255.0).clamp(0.0, 255.0) as u8);
        self.bands[at] = band;
    }

    /// Paints something upright at distance `z`, unless something nearer stands there. Positions off the picture are ignored.
    pub fn put(&mut self, x: i32, y: i32, albedo: Albedo, z: f32) {
        if x < 0 || y < 0 || x >= self.view.width as i32 || y >= self.view.height as i32 {
            return;
        }
        let at = self.at(x as u32, y as u32);
        let b = band(z);
        if self.upright[at] >= b {
            self.lay(x as u32, y as u32, albedo, b);
            self.upright[at] = b;
        }
    }

    /// Paints a convex polygon that stands at distance `z`; corners in pixels, `paint` gives the albedo at a pixel.
    pub fn polygon(&mut self, corners: &[(f32, f32)], z: f32, paint: impl Fn(f32, f32) -> Albedo) {
        let rows = corners.iter().map(|c| c.1);
        let top = rows.clone().fold(f32::MAX, f32::min).max(0.0) as i32;
        let low = (rows.fold(f32::MIN, f32::max) as i32).min(self.view.height as i32 - 1);
        for y in top..=low {
            let Some((left, right)) = span(corners, y as f32 + 0.5) else { continue };
            for x in left.max(0.0).round() as i32..(right.round() as i32).min(self.view.width as i32) {
                self.put(x, y, paint(x as f32, y as f32), z);
            }
        }
    }

    /// Whether something upright and nearer than `band` covers a pixel.
    pub fn hides(&self, x: u32, y: u32, band: u8) -> bool {
        self.upright[self.at(x, y)] < band
    }

    /// Softens what is painted, as a cheap lens does (binomial 3×3).
    pub fn soften(&mut self) {
        let (w, h) = (self.view.width as usize, self.view.height as usize);
        for step in [1, w] {
            let before = self.albedo.clone();
            for at in w + 1..w * h - w - 1 {
                let (a, b, c) = (before[at - step], before[at], before[at + step]);
                self.albedo[at] = std::array::from_fn(|i| {
                    ((u16::from(a[i]) + 2 * u16::from(b[i]) + u16::from(c[i])) / 4) as u8
                });
            }
        }
    }

    /// Draws the canvas in a light, corners darkened by the lens.
    pub fn light(&self, light: &Light, picture: &mut Picture) {
        let (w, h) = (self.view.width, self.view.height);
        picture.resize(w, h);
        let tables: Vec<Tone> = (0..=255).map(|b| Tone::new(light, b)).collect();
        let columns: Vec<u32> = (0..w).map(|x| vignette(x, w, 0.22)).collect();
        for y in 0..h {
            let row = self.at(0, y)..self.at(0, y) + w as usize;
            let fall = vignette(y, h, 0.14);
            let lit = picture.data[row.start * 3..row.end * 3].chunks_exact_mut(3);
            for (((out, albedo), &b), &column) in
                lit.zip(&self.albedo[row.clone()]).zip(&self.bands[row]).zip(&columns)
            {
                let seen = tables[usize::from(b)].apply(albedo, (fall * column) >> 8);
                out.copy_from_slice(&seen);
            }
        }
    }

    fn at(&self, x: u32, y: u32) -> usize {
        y as usize * self.view.width as usize + x as usize
    }
}

/// One band of a [`Light`] in whole numbers.
struct Tone {
    gain: [u32; 3],
    haze: [u32; 3],
    channels: [usize; 3],
}

impl Tone {
    fn new(light: &Light, band: u8) -> Tone {
        Tone {
            gain: light.gain(band).map(|g| g as u32),
            haze: light.haze(band).map(|h| h as u32),
            channels: if light.infrared { [3; 3] } else { [0, 1, 2] },
        }
    }

    /// `fall` is the lens's factor, 256 for 1.
    fn apply(&self, albedo: &[u8; 4], fall: u32) -> [u8; 3] {
        std::array::from_fn(|c| {
            let a = u32::from(albedo[self.channels[c]]);
            ((((a * self.gain[c]) >> 8) + self.haze[c]) * fall / 256).min(255) as u8
        })
    }
}

/// How much light the lens keeps along one side, 256 for all; `loss` is missing at the ends.
pub fn vignette(at: u32, side: u32, loss: f32) -> u32 {
    let off = (at as f32 + 0.5) / side as f32 * 2.0 - 1.0;
    (256.0 * (1.0 - loss * off * off)) as u32
}

/// Where a row enters and leaves a convex polygon.
fn span(corners: &[(f32, f32)], row: f32) -> Option<(f32, f32)> {
    let mut ends: Option<(f32, f32)> = None;
    for (i, &(x0, y0)) in corners.iter().enumerate() {
        let (x1, y1) = corners[(i + 1) % corners.len()];
        if (y0 <= row) != (y1 <= row) {
            let x = x0 + (row - y0) / (y1 - y0) * (x1 - x0);
            ends = Some(ends.map_or((x, x), |(l, r)| (l.min(x), r.max(x))));
        }
    }
    ends
}
