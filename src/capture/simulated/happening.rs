//! What happens before a camera where no animal is, and has been taken for one: insects and webs at the lens, snow, headlights, wind in the
//! bushes. Drawn over the lit scene, before the sensor's grain.

use std::f32::consts::TAU;

use rand::RngExt;
use rand_pcg::Pcg32;

use super::noise::{about, mix, speck};
use crate::perceive::frame::Picture;

/// One of them, for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Happening {
    kind: Kind,
    /// Seconds of scene time.
    starts_s: f64,
    ends_s: f64,
    salt: u32,
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Insects,
    Web,
    Snow,
    Headlights,
    Wind,
}

impl Kind {
    const ALL: [Kind; 5] = [Kind::Insects, Kind::Web, Kind::Snow, Kind::Headlights, Kind::Wind];

    /// Shortest and longest, seconds.
    fn lasts(self) -> (f64, f64) {
        match self {
            Kind::Insects => (5.0, 60.0),
            Kind::Web => (60.0, 600.0),
            Kind::Snow => (120.0, 900.0),
            Kind::Headlights => (2.0, 5.0),
            Kind::Wind => (20.0, 180.0),
        }
    }
}

/// By chance, as many as fit to `an_hour`, over `duration_s`.
pub fn schedule(an_hour: f64, duration_s: f64, rng: &mut Pcg32) -> Vec<Happening> {
    let count = about(an_hour * duration_s / 3600.0, rng);
    let one = |_| {
        let kind = Kind::ALL[rng.random_range(0..Kind::ALL.len())];
        let (shortest, longest) = kind.lasts();
        let starts_s = rng.random_range(0.0..duration_s);
        let ends_s = starts_s + rng.random_range(shortest..longest);
        Happening { kind, starts_s, ends_s, salt: rng.random() }
    };
    (0..count).map(one).collect()
}

impl Happening {
    /// Whether it goes on at a time.
    pub fn goes_on(&self, time_s: f64) -> bool {
        (self.starts_s..self.ends_s).contains(&time_s)
    }

    /// Whether it is gone in some seconds: a camera that looks more often where something moves does so then.
    pub fn is_lively(&self, time_s: f64) -> bool {
        matches!(self.kind, Kind::Insects | Kind::Headlights | Kind::Wind) && self.goes_on(time_s)
    }

    /// Draws it. `dark`: the camera sees by its own lamp or by the last light.
    pub fn draw(&self, time_s: f64, dark: bool, picture: &mut Picture) {
        let moment = (time_s * 1000.0) as u32 ^ self.salt;
        match self.kind {
            Kind::Insects => self.insects(moment, dark, picture),
            Kind::Web => self.web(time_s as f32, dark, picture),
            Kind::Snow => snow(moment, dark, picture),
            Kind::Headlights if dark => {
                headlights(
                    ((time_s - self.starts_s) / (self.ends_s - self.starts_s)) as f32,
                    self.salt,
                    picture,
                );
            }
            Kind::Headlights => {}
            Kind::Wind => self.wind(time_s as f32, picture),
        }
    }

    /// Up to three, each on every second frame or so: near to the lens, out of focus, elsewhere on every frame.
    fn insects(&self, moment: u32, dark: bool, picture: &mut Picture) {
        for insect in 0..3 {
            if speck(insect, 0, moment) < 0.45 {
                let at = (speck(insect, 1, moment), speck(insect, 2, moment));
                let radius = mix(0.01, 0.08, speck(insect, 3, moment).powi(3));
                spot(
                    picture,
                    at,
                    radius,
                    if dark { mix(60.0, 200.0, speck(insect, 4, moment)) } else { -70.0 },
                );
            }
        }
    }

    /// Threads that glint as they sway.
    fn web(&self, time_s: f32, dark: bool, picture: &mut Picture) {
        let glow = if dark { 70.0 } else { 25.0 }
            * (1.0 + 0.4 * (time_s * TAU * mix(0.3, 1.0, speck(0, 9, self.salt))).sin());
        for thread in 0..6 {
            let end = |i: i32| (speck(thread, i, self.salt), speck(thread, i + 1, self.salt));
            let ((x0, y0), (x1, y1)) = (end(0), end(2));
            let sway = 0.004 * (time_s * 2.0 + thread as f32).sin();
            for step in 0..160 {
                let along = step as f32 / 160.0;
                let sag = 0.1 * along * (1.0 - along);
                spot(picture, (mix(x0, x1, along) + sway, mix(y0, y1, along) + sag), 0.004, glow / 4.0);
            }
        }
    }

    /// A bush leans to and fro: a round part of the picture is moved sideways, its top farthest.
    fn wind(&self, time_s: f32, picture: &mut Picture) {
        let (w, h) = (picture.width as f32, picture.height as f32);
        let (cx, cy) =
            (w * mix(0.1, 0.9, speck(1, 0, self.salt)), h * mix(0.45, 0.9, speck(2, 0, self.salt)));
        let radius = w * mix(0.03, 0.14, speck(3, 0, self.salt));
        let lean = 0.12 * radius * (time_s * TAU * mix(0.25, 0.7, speck(4, 0, self.salt))).sin();
        let row_bytes = picture.width as usize * 3;
        for y in (cy - radius).max(0.0) as usize..(cy + radius).clamp(0.0, h) as usize {
            let up = ((cy + radius - y as f32) / (2.0 * radius)).clamp(0.0, 1.0);
            let half = (radius * radius - (y as f32 - cy).powi(2)).max(0.0).sqrt();
            let left = (cx - half).clamp(0.0, w - 1.0) as usize;
            let right = (cx + half).clamp(0.0, w) as usize;
            let shift = ((lean * up).round() as isize)
                .clamp(-(left as isize), (picture.width as usize - right) as isize);
            let row = &mut picture.data[y * row_bytes..(y + 1) * row_bytes];
            row.copy_within(left * 3..right * 3, (left as isize + shift) as usize * 3);
        }
    }
}

/// Flakes, larger and brighter the nearer they are.
fn snow(moment: u32, dark: bool, picture: &mut Picture) {
    for flake in 0..160 {
        let near = speck(flake, 2, moment).powi(4);
        let at = (speck(flake, 0, moment), speck(flake, 1, moment));
        spot(picture, at, mix(0.0012, 0.008, near), if dark { mix(70.0, 160.0, near) } else { 60.0 });
    }
}

/// A car passes: two lamps and the ground that they light. `along`: share of its way, 0..1.
fn headlights(along: f32, salt: u32, picture: &mut Picture) {
    let x = if salt.is_multiple_of(2) { along } else { 1.0 - along };
    let y = mix(0.4, 0.6, speck(7, 0, salt));
    let (w, h) = (picture.width as f32, picture.height as f32);
    let across: Vec<f32> = (0..picture.width).map(|i| bell((i as f32 / w - x) / 0.25)).collect();
    for (row, line) in picture.data.chunks_exact_mut(picture.width as usize * 3).enumerate() {
        let down = bell((row as f32 / h - y) / 0.25);
        for (pixel, lit) in line.chunks_exact_mut(3).zip(&across) {
            let gain = 1.0 + 4.0 * lit * down;
            pixel.iter_mut().for_each(|v| *v = (f32::from(*v) * gain).min(255.0) as u8);
        }
    }
    for side in [-0.012, 0.012] {
        spot(picture, (x + side, y), 0.012, 255.0);
    }
}

fn bell(x: f32) -> f32 {
    (-x * x).exp()
}

/// A soft disc of so much light (grey levels in its middle) at a place and of a radius in fractions of the frame's size and width.
fn spot(picture: &mut Picture, (x, y): (f32, f32), radius: f32, light: f32) {
    let (w, h) = (picture.width as f32, picture.height as f32);
    let (cx, cy, r) = (x * w, y * h, (radius * w).max(0.7));
    for row in (cy - r).clamp(0.0, h) as usize..(cy + r + 1.0).clamp(0.0, h) as usize {
        for column in (cx - r).clamp(0.0, w) as usize..(cx + r + 1.0).clamp(0.0, w) as usize {
            let apart = ((column as f32 + 0.5 - cx).powi(2) + (row as f32 + 0.5 - cy).powi(2)) / (r * r);
            let added = light * (1.0 - apart).max(0.0).powi(2);
            let at = (row * picture.width as usize + column) * 3;
            for value in &mut picture.data[at..at + 3] {
                *value = (f32::from(*value) + added).clamp(0.0, 255.0) as u8;
            }
        }
    }
}
