//! A bear that walks into a picture which a camera took: for drills. It is lit as far as the picture tells, so that a lens which shows little
//! shows little of it, too.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;

use super::bear::{Build, COATS, Pose, pose};
use super::figure::{Aspect, Lamp, Sprite};
use super::noise::{mix, speck};
use super::scene::{Extent, SOLID};
use crate::perceive::frame::Picture;
use crate::perceive::geometry::Rect;

/// Coats that stand out from grass and snow as most bears do, by their place in [`COATS`].
const DARK_COATS: [usize; 3] = [1, 2, 4];

/// Walking speed, metres a second.
const SPEED: f32 = 1.1;

/// Half of its length, and a little more: so far beyond the edge it sets out, metres.
const BEYOND_M: f32 = 1.6;

/// What the ground around it is taken to reflect.
const GROUND: f32 = 0.36;

/// Most light that a picture is taken to be lit by, grey levels for full reflectance.
const MOST_LIGHT: f32 = 330.0;

/// A picture of so little contrast (standard deviation, grey levels) has no more light than this many times as much: fog, or a covered lens.
const LIGHT_PER_CONTRAST: f32 = 8.0;

/// Most grain that is added, grey levels.
const MOST_GRAIN: f32 = 8.0;

/// The bear, and where it is going.
pub struct Guest {
    build: Build,
    temper: f32,
    /// Comes from the left.
    from_left: bool,
    /// Where its feet come to rest, fractions of the picture.
    spot: (f32, f32),
    /// Height at the shoulder, fraction of the picture's height.
    height: f32,
    salt: u32,
    sprite: Sprite,
}

/// How the picture is lit around a place.
struct Lit {
    gain: [f32; 3],
    haze: [f32; 3],
    grain: f32,
}

impl Guest {
    /// By chance; the same seed gives the same bear.
    pub fn new(seed: u64) -> Guest {
        let mut rng = Pcg32::seed_from_u64(seed);
        let salt = rng.random();
        let build = Build {
            shoulder_m: rng.random_range(0.88..1.15),
            coat: COATS[DARK_COATS[rng.random_range(0..DARK_COATS.len())]],
            muzzle: rng.random_range(1.0..1.9),
            salt,
        };
        Guest {
            build,
            temper: rng.random(),
            from_left: rng.random_bool(0.5),
            spot: (rng.random_range(0.35..0.65), rng.random_range(0.68..0.82)),
            height: rng.random_range(0.2..0.28),
            salt,
            sprite: Sprite::default(),
        }
    }

    /// Where it will stand, about: fractions of a picture of `aspect` (width over height).
    pub fn place(&self, aspect: f32) -> Rect {
        let (h, w) = (1.25 * self.height, 2.1 * self.height / aspect.max(0.1));
        Rect { x: self.spot.0 - w / 2.0, y: self.spot.1 - h, w, h }
    }

    /// Draws it as it is so long after it set out: it walks in, stands, and looks about. Gives the box around what is seen of it; nothing
    /// before its nose is in the picture.
    pub fn draw(&mut self, time_s: f32, infrared: bool, picture: &mut Picture) -> Option<Rect> {
        let (width, height) = (picture.width as f32, picture.height as f32);
        let scale = self.height * height / self.build.shoulder_m;
        let way = if self.from_left { self.spot.0 } else { 1.0 - self.spot.0 };
        let way_m = BEYOND_M + way * width / scale;
        let walked = (SPEED * time_s).min(way_m);
        let off = (way_m - walked) * scale * if self.from_left { -1.0 } else { 1.0 };
        let foot = (self.spot.0 * width + off, self.spot.1 * height);
        let lit = Lit::around(picture, self.spot);
        let yaw = if self.from_left { 0.3 } else { std::f32::consts::PI - 0.3 };
        let body = pose(&self.build, &self.pose(walked, walked >= way_m, time_s));
        let directed = if infrared { 0.0 } else { 0.4 };
        let density = (0.85 * scale).clamp(4.0, 90.0);
        self.sprite.draw(&body, Aspect { yaw, pitch: 0.15 }, Lamp { infrared, directed }, density);
        shadow(picture, foot, scale);
        self.lay(picture, foot, scale / density, &lit, time_s)
    }

    fn pose(&self, walked: f32, stands: bool, time_s: f32) -> Pose {
        let sniff = if stands { 0.2 * (time_s * 1.7).sin() } else { 0.0 };
        Pose {
            phase: walked / (1.15 * self.build.shoulder_m) + self.temper,
            stride: if stands { 0.2 } else { 1.0 },
            nod: 0.05 + 0.2 * self.temper + sniff,
            turn: 0.25 * (time_s * 0.6 + self.temper * 6.0).sin(),
        }
    }

    /// Lays the drawn sprite onto the picture.
    fn lay(
        &self,
        picture: &mut Picture,
        foot: (f32, f32),
        zoom: f32,
        lit: &Lit,
        time_s: f32,
    ) -> Option<Rect> {
        let moment = (time_s * 1000.0) as u32 ^ self.salt;
        let (left, top) = (foot.0 - self.sprite.foot.0 * zoom, foot.1 - self.sprite.foot.1 * zoom);
        let (right, low) = (left + self.sprite.width as f32 * zoom, top + self.sprite.height as f32 * zoom);
        let mut seen = Extent::default();
        for y in top.max(0.0) as u32..(low.max(0.0).ceil() as u32).min(picture.height) {
            for x in left.max(0.0) as u32..(right.max(0.0).ceil() as u32).min(picture.width) {
                let at = ((x as f32 + 0.5 - left) / zoom, (y as f32 + 0.5 - top) / zoom);
                let (cell, _) = self.sprite.sample(at.0, at.1);
                if cell[3] < 0.02 {
                    continue;
                }
                let grain = lit.grain * (2.0 * speck(x as i32, y as i32, moment) - 1.0) * cell[3];
                let at = (y as usize * picture.width as usize + x as usize) * 3;
                for c in 0..3 {
                    let under = f32::from(picture.data[at + c]) * (1.0 - cell[3]);
                    let level = under + cell[c] * lit.gain[c] + lit.haze[c] * cell[3] + grain;
                    picture.data[at + c] = level.clamp(0.0, 255.0) as u8;
                }
                if cell[3] >= SOLID {
                    seen.add(x, y);
                }
            }
        }
        seen.rect(picture)
    }
}

impl Lit {
    /// Measures a quarter of the picture's width to each side of a place on the ground, mostly above it.
    fn around(picture: &Picture, (x, y): (f32, f32)) -> Lit {
        let (w, h) = (picture.width as f32, picture.height as f32);
        let columns = ((x - 0.25).max(0.0) * w) as u32..((x + 0.25).min(1.0) * w) as u32;
        let rows = ((y - 0.35).max(0.0) * h) as u32..((y + 0.15).min(1.0) * h) as u32;
        let step = (picture.width / 160).max(1) as usize;
        let (mut sum, mut luma_sum, mut square, mut rough, mut count) =
            ([0.0f32; 3], 0.0f32, 0.0f32, 0.0f32, 0u32);
        let luma = |[r, g, b]: [u8; 3]| 0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b);
        for row in rows.step_by(step) {
            for column in columns.clone().step_by(step) {
                let pixel = picture.pixel(column, row);
                let beside = picture.pixel((column + 1).min(picture.width - 1), row);
                (0..3).for_each(|c| sum[c] += f32::from(pixel[c]));
                let level = luma(pixel);
                (luma_sum, square) = (luma_sum + level, square + level * level);
                rough += (level - luma(beside)).abs();
                count += 1;
            }
        }
        let n = count.max(1) as f32;
        let contrast = (square / n - (luma_sum / n).powi(2)).max(0.0).sqrt();
        let gain = sum.map(|s| (s / n / GROUND).min(MOST_LIGHT).min(LIGHT_PER_CONTRAST * contrast));
        let haze = std::array::from_fn(|c| (sum[c] / n - GROUND * gain[c]).max(0.0));
        Lit { gain, haze, grain: (0.5 * rough / n).min(MOST_GRAIN) }
    }
}

/// Darkens the ground below it.
fn shadow(picture: &mut Picture, foot: (f32, f32), scale: f32) {
    let (half, deep) = (0.8 * scale, (0.12 * scale).max(2.0));
    for y in (foot.1 - deep).max(0.0) as u32..((foot.1 + deep).max(0.0) as u32).min(picture.height) {
        for x in (foot.0 - half).max(0.0) as u32..((foot.0 + half).max(0.0) as u32).min(picture.width) {
            let (u, v) = ((x as f32 - foot.0) / half, (y as f32 - foot.1) / deep);
            let left = mix(1.0, 0.6, (1.0 - u * u - v * v).clamp(0.0, 0.8));
            let at = (y as usize * picture.width as usize + x as usize) * 3;
            picture.data[at..at + 3].iter_mut().for_each(|value| *value = (f32::from(*value) * left) as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::settings::SceneSettings;
    use crate::capture::simulated::Scene;

    fn campsite(darkness: f32) -> Picture {
        let settings = SceneSettings {
            seed: 5,
            darkness_start: darkness,
            darkness_end: darkness,
            bears: 0,
            ..SceneSettings::default()
        };
        let mut picture = Picture::default();
        Scene::new(&settings).draw(59.0, &mut picture);
        picture
    }

    /// Share of the pixels of a box that were changed, and by how many grey levels.
    fn changed(before: &Picture, after: &Picture, within: Rect) -> (f32, f32) {
        let [x, y, w, h] = within.to_pixels(after.width, after.height).map(|side| side as u32);
        let pixels = (y..y + h).flat_map(|y| (x..x + w).map(move |x| (x, y)));
        let by: Vec<f32> = pixels
            .map(|(x, y)| (f32::from(before.pixel(x, y)[1]) - f32::from(after.pixel(x, y)[1])).abs())
            .filter(|by| *by > 0.0)
            .collect();
        (by.len() as f32 / (w * h).max(1) as f32, by.iter().sum::<f32>() / by.len().max(1) as f32)
    }

    #[test]
    fn it_walks_in_from_beyond_the_edge_and_stays_where_its_box_says() {
        for seed in 0..20 {
            let (clean, mut guest) = (campsite(0.0), Guest::new(seed));
            assert_eq!(
                guest.draw(0.0, false, &mut clean.clone()),
                None,
                "seed {seed}: it stands there at once"
            );
            let mut boxes = Vec::new();
            for tenth in 0..150 {
                let mut picture = clean.clone();
                let Some(bbox) = guest.draw(tenth as f32 / 10.0, false, &mut picture) else { continue };
                // While little of it is in the picture, most of that may be gaps between legs.
                let sliver = bbox.w < 0.5 * guest.place(640.0 / 360.0).w;
                let share = changed(&clean, &picture, bbox).0;
                assert!(sliver || share > 0.4, "seed {seed}: nothing is drawn in {bbox:?}: {share}");
                boxes.push(bbox);
            }
            let (first, last) = (boxes[0], boxes[boxes.len() - 1]);
            assert!(first.x < 0.01 || first.x + first.w > 0.99, "seed {seed}: it comes from {first:?}");
            assert!(last.iou(guest.place(640.0 / 360.0)) > 0.5, "seed {seed}: {last:?}");
            assert!(boxes.len() > 80, "seed {seed}");
        }
    }

    #[test]
    fn a_lens_that_shows_little_shows_little_of_it() {
        let drawn = |clean: &Picture, infrared| {
            let (mut picture, mut guest) = (clean.clone(), Guest::new(3));
            let bbox = guest.draw(15.0, infrared, &mut picture).unwrap();
            changed(clean, &picture, bbox).1
        };
        let flat = |level: u8| Picture { data: vec![level; 640 * 360 * 3], ..Picture::new(640, 360) };
        assert!(drawn(&campsite(0.0), false) > 25.0 && drawn(&campsite(0.9), true) > 5.0);
        assert!(drawn(&flat(3), true) < 3.0, "{}", drawn(&flat(3), true));
        assert!(drawn(&flat(110), false) < 45.0, "no more than a shadow: {}", drawn(&flat(110), false));
    }
}
