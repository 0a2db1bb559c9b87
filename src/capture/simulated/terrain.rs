//! Sky, forest edge and ground, painted once for a scene.

use rand::RngExt;
use rand_pcg::Pcg32;

use super::canvas::{Albedo, Canvas, blend, shade};
use super::light::{SKY, band};
use super::noise::{cloudy, ease, speck, value};

/// What the ground is like.
#[derive(Clone, Copy, Debug)]
pub struct Ground {
    grass: Albedo,
    dry: Albedo,
    /// How much of it is dry, 0..1.
    dryness: f32,
    /// Where the trail runs: metres to the side at the camera, drift a metre ahead, bend.
    trail: [f32; 3],
    salt: u32,
}

const SOIL: Albedo = [0.40, 0.33, 0.25, 0.42];
const PINE: Albedo = [0.11, 0.17, 0.085, 0.46];
const LEAFY: Albedo = [0.17, 0.25, 0.10, 0.62];

impl Ground {
    /// By chance.
    pub fn random(rng: &mut Pcg32) -> Ground {
        let lush = rng.random_range(0.8..1.15);
        Ground {
            grass: shade([0.25, 0.33, 0.14, 0.55], lush),
            dry: shade([0.44, 0.37, 0.22, 0.52], rng.random_range(0.75..1.05)),
            dryness: rng.random_range(0.15..0.85),
            trail: [rng.random_range(-2.0..2.0), rng.random_range(-0.12..0.12), rng.random_range(0.5..2.0)],
            salt: rng.random(),
        }
    }

    /// Paints sky, forest and ground.
    pub fn paint(&self, canvas: &mut Canvas, rng: &mut Pcg32) {
        sky(canvas, self.salt);
        for (distance, height) in [(70.0, 17.0), (42.0, 13.0), (27.0, 9.0)] {
            forest(canvas, distance, height * rng.random_range(0.8..1.2), rng);
        }
        self.floor(canvas);
    }

    fn floor(&self, canvas: &mut Canvas) {
        let view = canvas.view;
        for y in view.horizon.ceil().max(0.0) as u32..view.height {
            let z = view.ground(y as f32 + 0.5);
            // The forest stands on the ground in front of its own feet.
            if z > 60.0 {
                continue;
            }
            for x in 0..view.width {
                if !canvas.hides(x, y, band(z)) {
                    canvas.lay(x, y, self.albedo(view.aside(x as f32, z), z, x, y), band(z));
                }
            }
        }
    }

    fn albedo(&self, x: f32, z: f32, column: u32, row: u32) -> Albedo {
        let patch = cloudy(x * 0.45, z * 0.3, self.salt);
        let dry = ease((patch - 0.62 + 0.5 * self.dryness) * 3.0);
        let mut albedo = blend(self.grass, self.dry, dry);
        let [at, drift, bend] = self.trail;
        let beside = (x - at - drift * z - bend * (z * 0.23).sin()).abs();
        let worn = 1.0 - ease((beside - 0.35 - 0.35 * value(x * 1.3, z * 1.3, self.salt + 5)) * 2.2);
        albedo = blend(albedo, SOIL, 0.85 * worn);
        // Blades and litter: fine near the camera, finer than a pixel far away.
        let fine = (4.0 / z).min(1.0);
        let blade = value(x * 22.0, z * 9.0, self.salt + 7) - 0.5;
        let litter = speck(column as i32, row as i32, self.salt) - 0.5;
        shade(albedo, 0.82 + 0.36 * patch + (0.55 * blade + 0.16 * litter) * fine * (1.0 - 0.5 * worn))
    }
}

fn sky(canvas: &mut Canvas, salt: u32) {
    let view = canvas.view;
    for y in 0..view.height {
        for x in 0..view.width {
            let cloud = ease(cloudy(x as f32 * 0.008, y as f32 * 0.02, salt) * 2.2 - 0.6);
            canvas.lay(x, y, blend([0.55, 0.68, 0.88, 0.3], [0.88, 0.89, 0.92, 0.5], cloud), SKY);
        }
    }
}

/// A row of trees too far to be walked behind.
fn forest(canvas: &mut Canvas, distance: f32, height_m: f32, rng: &mut Pcg32) {
    let view = canvas.view;
    let salt: u32 = rng.random();
    let scale = view.scale(distance);
    let foot = view.project(0.0, 0.0, distance).1;
    let leafy: f32 = rng.random_range(0.0..1.0);
    let spacing = 2.6 * scale;
    let count = (view.width as f32 / spacing) as i32 + 3;
    for i in -1..count {
        let tall = height_m * (0.6 + 0.6 * speck(i, 0, salt)) * scale;
        let middle = (i as f32 + 0.8 * speck(i, 1, salt)) * spacing;
        let broad = (0.16 + 0.14 * speck(i, 2, salt)) * tall;
        let base = blend(PINE, LEAFY, if speck(i, 3, salt) < leafy { 0.8 } else { 0.0 });
        crown(
            canvas,
            (middle, foot),
            (tall, broad),
            shade(base, 0.75 + 0.5 * speck(i, 4, salt)),
            distance,
            salt,
        );
    }
    for x in 0..view.width as i32 {
        let top = foot - (1.2 + 2.2 * value(x as f32 / scale * 0.8, 0.0, salt)) * scale;
        for y in top as i32..=foot as i32 {
            let leaf = 0.55 + 0.6 * value(x as f32 * 0.35, y as f32 * 0.35, salt);
            canvas.put(x, y, shade(LEAFY, leaf * 0.8), distance);
        }
    }
}

/// A tree's outline, ragged and darker below: `foot` and sizes in pixels.
pub fn crown(
    canvas: &mut Canvas,
    foot: (f32, f32),
    (tall, broad): (f32, f32),
    base: Albedo,
    z: f32,
    salt: u32,
) {
    let top = foot.1 - tall;
    for y in top.max(0.0) as i32..=foot.1 as i32 {
        let down = (y as f32 - top) / tall;
        let tier = 0.75 + 0.5 * (down * 11.0).fract();
        let half = broad * down.min(0.9) * tier;
        for x in (foot.0 - half * 1.3) as i32..=(foot.0 + half * 1.3) as i32 {
            let aside = (x as f32 - foot.0).abs() / half.max(1.0);
            if aside < 0.55 + 0.75 * value(x as f32 * 0.45, y as f32 * 0.45, salt) {
                let leaf = 0.5 + 0.75 * value(x as f32 * 0.5, y as f32 * 0.6, salt + 1);
                canvas.put(x, y, shade(base, leaf * (1.15 - 0.35 * down)), z);
            }
        }
    }
}
