//! What stands on the campsite: trunks, bushes, tents, a table. Things a bear may walk behind.

use rand::RngExt;
use rand_pcg::Pcg32;

use super::canvas::{Albedo, Canvas, blend, shade};
use super::noise::{mix, value};
use super::terrain::crown;

const BARK: [Albedo; 3] = [[0.26, 0.20, 0.15, 0.36], [0.36, 0.31, 0.26, 0.44], [0.17, 0.14, 0.11, 0.30]];
const CLOTH: [Albedo; 5] = [
    [0.70, 0.33, 0.10, 0.62],
    [0.20, 0.36, 0.22, 0.50],
    [0.16, 0.28, 0.48, 0.52],
    [0.62, 0.58, 0.47, 0.66],
    [0.62, 0.14, 0.12, 0.60],
];
const WOOD: Albedo = [0.42, 0.33, 0.23, 0.50];
/// So bright to the lamp that it stands out as a retro-reflector does.
const REFLECTOR: Albedo = [0.75, 0.75, 0.72, 1.0];

/// Puts things on the ground by chance, the middle left free enough to see what walks.
pub fn furnish(canvas: &mut Canvas, rng: &mut Pcg32) {
    for _ in 0..rng.random_range(4..10) {
        let z = rng.random_range(11.0..24.0);
        let x = rng.random_range(-0.7f32..0.7) * z;
        if rng.random_bool(0.5) { conifer(canvas, rng, x, z) } else { trunk(canvas, rng, x, z) }
    }
    if rng.random_bool(0.75) {
        let z = rng.random_range(7.5..11.0);
        let side = if rng.random_bool(0.5) { -1.0 } else { 1.0 };
        let x = side * rng.random_range(0.18f32..0.42) * z;
        tent(canvas, rng, x, z);
    }
    if rng.random_bool(0.5) {
        let z = rng.random_range(6.5..10.0);
        table(canvas, rng.random_range(-0.4f32..0.4) * z, z);
    }
    for _ in 0..rng.random_range(0..5) {
        let z = rng.random_range(4.5..12.0);
        let x = rng.random_range(-0.6f32..0.6) * z;
        bush(canvas, rng, x, z);
    }
    // A near trunk or two, mostly towards the sides.
    for _ in 0..rng.random_range(0..3) {
        let z = rng.random_range(2.6..6.0);
        let side = if rng.random_bool(0.5) { -1.0 } else { 1.0 };
        let x = side * rng.random_range(0.25f32..0.55) * z;
        trunk(canvas, rng, x, z);
    }
}

fn trunk(canvas: &mut Canvas, rng: &mut Pcg32, x: f32, z: f32) {
    let bark = shade(BARK[rng.random_range(0..BARK.len())], rng.random_range(0.8..1.2));
    let radius = rng.random_range(0.10..0.24);
    let lean = rng.random_range(-0.03f32..0.03);
    let salt: u32 = rng.random();
    let scale = canvas.view.scale(z);
    let (middle, foot) = canvas.view.project(x, 0.0, z);
    for y in 0..=foot as i32 {
        let above = (foot - y as f32) / scale;
        let half = radius * scale * (1.0 + 0.7 * (-4.0 * above).exp()) * (1.0 - 0.03 * above).max(0.3);
        let centre = middle + lean * above * scale;
        for px in (centre - half) as i32..=(centre + half) as i32 {
            let round = (px as f32 - centre) / half;
            let ridge =
                value(round * 6.0, above * 2.5, salt) * value(round * 14.0, above * 6.0, salt + 1).sqrt();
            let side = 1.0 - 0.45 * round * round - 0.2 * round;
            canvas.put(px, y, shade(bark, side * (0.55 + 0.9 * ridge)), z);
        }
    }
}

fn conifer(canvas: &mut Canvas, rng: &mut Pcg32, x: f32, z: f32) {
    let scale = canvas.view.scale(z);
    let foot = canvas.view.project(x, 0.3, z);
    let tall = rng.random_range(4.0..11.0);
    let base = blend([0.10, 0.16, 0.09, 0.48], [0.16, 0.22, 0.10, 0.58], rng.random_range(0.0..1.0));
    crown(canvas, foot, (tall * scale, rng.random_range(0.17..0.26) * tall * scale), base, z, rng.random());
}

fn bush(canvas: &mut Canvas, rng: &mut Pcg32, x: f32, z: f32) {
    let scale = canvas.view.scale(z);
    let (middle, foot) = canvas.view.project(x, 0.0, z);
    let (half, tall) = (rng.random_range(0.3..0.9) * scale, rng.random_range(0.25..0.75) * scale);
    let base = shade([0.19, 0.27, 0.11, 0.62], rng.random_range(0.7..1.2));
    let salt: u32 = rng.random();
    for y in (foot - tall) as i32..=foot as i32 {
        for px in (middle - half) as i32..=(middle + half) as i32 {
            let (u, v) = ((px as f32 - middle) / half, (foot - y as f32) / tall);
            let leaf = value(px as f32 * 0.4, y as f32 * 0.4, salt);
            if u * u + v * v < 0.45 + 0.7 * leaf {
                let detail = value(px as f32 * 0.8, y as f32 * 0.8, salt + 1);
                canvas.put(px, y, shade(base, mix(0.45, 1.1, v.min(1.0)) * (0.6 + 0.7 * detail)), z);
            }
        }
    }
}

/// A ridge tent seen from a corner: lit front with a dark door, flank, guy lines with reflectors.
fn tent(canvas: &mut Canvas, rng: &mut Pcg32, x: f32, z: f32) {
    let cloth = CLOTH[rng.random_range(0..CLOTH.len())];
    let flip = if rng.random_bool(0.5) { -1.0 } else { 1.0 };
    let (high, salt): (f32, u32) = (rng.random_range(1.15..1.5), rng.random());
    let view = canvas.view;
    let at = |dx: f32, y: f32, dz: f32| view.project(x + flip * dx, y, z + dz);
    let fold = |px: f32, py: f32| 0.88 + 0.24 * value(px * 0.06, py * 0.11, salt);
    let flank = [at(0.5, 0.0, 0.0), at(2.4, 0.0, 1.6), at(1.9, high * 0.95, 1.6), at(-0.2, high, 0.2)];
    canvas.polygon(&flank, z + 0.5, |px, py| shade(cloth, 0.8 * fold(px, py)));
    let front = [at(-0.95, 0.0, 0.2), at(0.5, 0.0, 0.0), at(-0.2, high, 0.2)];
    canvas.polygon(&front, z, |px, py| shade(cloth, 1.05 * fold(px, py)));
    let door = [at(-0.45, 0.0, 0.15), at(0.05, 0.0, 0.1), at(-0.2, high * 0.72, 0.2)];
    canvas.polygon(&door, z - 0.05, |_, _| shade(cloth, 0.28));
    for (dx, y) in [(-1.3, 0.25), (-0.7, 0.65), (0.9, 0.3), (-0.2, high)] {
        let (px, py) = at(dx, y, 0.1);
        canvas.put(px as i32, py as i32, REFLECTOR, z - 0.1);
        canvas.put(px as i32 + 1, py as i32, REFLECTOR, z - 0.1);
    }
}

/// A picnic table with two benches, from its long side.
fn table(canvas: &mut Canvas, x: f32, z: f32) {
    let view = canvas.view;
    let plank = |px: f32, py: f32| shade(WOOD, 0.8 + 0.4 * value(px * 0.05, py * 0.9, 33));
    for (y, thick, half, dz) in [(0.75, 0.09, 0.95, 0.0), (0.45, 0.07, 0.95, -0.55), (0.45, 0.07, 0.95, 0.55)]
    {
        let depth = if dz == 0.0 { 0.38 } else { 0.14 };
        let at = |dx: f32, y: f32, dz: f32| view.project(x + dx, y, z + dz);
        let top = [
            at(-half, y, dz - depth),
            at(half, y, dz - depth),
            at(half, y, dz + depth),
            at(-half, y, dz + depth),
        ];
        canvas.polygon(&top, z + dz, |px, py| shade(plank(px, py), 1.15));
        let edge = [
            at(-half, y, dz - depth),
            at(half, y, dz - depth),
            at(half, y - thick, dz - depth),
            at(-half, y - thick, dz - depth),
        ];
        canvas.polygon(&edge, z + dz - 0.1, |px, py| shade(plank(px, py), 0.7));
    }
    for side in [-0.7, 0.7] {
        for lean in [-0.5, 0.5] {
            let (a, b) =
                (view.project(x + side - 0.05, 0.0, z + lean), view.project(x + side + 0.05, 0.0, z + lean));
            let (c, d) = (view.project(x + side + 0.05, 0.72, z), view.project(x + side - 0.05, 0.72, z));
            canvas.polygon(&[a, b, c, d], z + lean, |px, py| shade(plank(px, py), 0.55));
        }
    }
}
