//! Light and air: how bright a thing at a distance is, from noon to the camera's own infrared lamp.

use super::noise::{ease, mix};

/// Above this darkness the camera swings its infrared filter away and lights its lamp: pictures turn grey.
pub const INFRARED_FROM: f32 = 0.62;

/// Darkness at which the sky gives no more than a fifth of noon's light. Cameras swing their filter a little before, while they still see.
const NIGHTFALL: f32 = 0.72;

/// Distances are kept as one byte: steps of equal ratio from [`NEAREST_M`] to [`FARTHEST_M`].
const NEAREST_M: f32 = 1.5;
const FARTHEST_M: f32 = 150.0;

/// The last band: the sky.
pub const SKY: u8 = 255;

/// Band of a distance in metres: a step is 1.8 %.
pub fn band(distance_m: f32) -> u8 {
    let part = (distance_m.max(NEAREST_M) / NEAREST_M).ln() / (FARTHEST_M / NEAREST_M).ln();
    (part * 254.0).min(254.0) as u8
}

/// Distance in metres of a band.
pub fn distance(band: u8) -> f32 {
    NEAREST_M * (FARTHEST_M / NEAREST_M).powf(f32::from(band) / 254.0)
}

/// What the air does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weather {
    /// Extinction, 1/m: 0.003 is clear, 0.06 thick fog.
    pub fog: f32,
    /// Streaks in the picture, 0 none … 1 heavy rain.
    pub rain: f32,
}

/// The light of one moment. `seen = albedo × gain(band) + haze(band)`, in grey levels.
#[derive(Clone, Debug)]
pub struct Light {
    /// Whether the picture is grey and lit by the lamp.
    pub infrared: bool,
    /// Share of light that comes from one side (the sun), for figures.
    pub directed: f32,
    /// Standard deviation of the sensor's noise, grey levels.
    pub grain: f32,
    gain: Vec<[f32; 3]>,
    haze: Vec<[f32; 3]>,
}

impl Light {
    /// For a darkness of 0 noon … 0.5 dusk … 1 infrared night.
    pub fn new(darkness: f32, weather: Weather) -> Light {
        let infrared = darkness >= INFRARED_FROM;
        let (mut gain, mut haze) = (Vec::with_capacity(256), Vec::with_capacity(256));
        for b in 0..=255u8 {
            let (g, h) = if infrared { by_lamp(b, darkness, weather) } else { by_sky(b, darkness, weather) };
            gain.push(g);
            haze.push(h);
        }
        let dusk = ease(darkness / NIGHTFALL);
        let grain =
            if infrared { 4.5 + 4.0 * (darkness - INFRARED_FROM) } else { mix(1.2, 9.0, dusk * dusk) };
        Light { infrared, directed: 1.0 - ease(darkness * 2.2), grain, gain, haze }
    }

    /// Factor on albedo 0..1, to grey levels.
    pub fn gain(&self, band: u8) -> [f32; 3] {
        self.gain[usize::from(band)]
    }

    /// Added, grey levels.
    pub fn haze(&self, band: u8) -> [f32; 3] {
        self.haze[usize::from(band)]
    }
}

/// Daylight: full at noon, a fifth and bluish at nightfall.
fn by_sky(b: u8, darkness: f32, weather: Weather) -> ([f32; 3], [f32; 3]) {
    let dusk = ease(darkness / NIGHTFALL);
    let level = 255.0 * mix(1.0, 0.2, dusk);
    let warm = 4.0 * dusk * (1.0 - dusk);
    let colour =
        [mix(1.02, 0.80, dusk) + 0.10 * warm, mix(1.0, 0.88, dusk), mix(0.95, 1.12, dusk) - 0.06 * warm];
    if b == SKY {
        return (colour.map(|c| c * level * mix(1.0, 1.35, dusk)), [0.0; 3]);
    }
    let clear = (-weather.fog * distance(b)).exp();
    let air = mix(200.0, 34.0, dusk);
    (colour.map(|c| c * level * clear), colour.map(|c| c * air * (1.0 - clear)))
}

/// The lamp beside the lens: falls off with the square of the distance, tamed by the camera's own exposure; fog shines back.
fn by_lamp(b: u8, darkness: f32, weather: Weather) -> ([f32; 3], [f32; 3]) {
    let rest = ease((1.0 - darkness) / (1.0 - INFRARED_FROM));
    if b == SKY {
        return ([2.0 + 22.0 * rest; 3], [5.0; 3]);
    }
    let d = distance(b);
    let lamp = 300.0 / (1.0 + (d / 6.5) * (d / 6.5));
    let clear = (-2.0 * weather.fog * d).exp();
    ([(lamp + 22.0 * rest) * clear; 3], [6.0 + 55.0 * (1.0 - clear) * (weather.fog * 20.0).min(1.0); 3])
}
