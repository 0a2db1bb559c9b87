//! Simulated cameras, as they count for telemetry: sun and season, weather that lasts and is one for all cameras of a site, wind, animals that come
//! more on some days than on others, days without a camera.

use std::f64::consts::{PI, SQRT_2, TAU};

use super::chance::{Chance, Lasting};
use super::plant::{Change, Plant};
use crate::perceive::drift::{BINS, Measure};
use crate::perceive::observation::Regime;
use crate::publish::drift::DriftCounts;

/// The lights, in the order of a day's counts.
pub const LIGHTS: [Regime; 3] = [Regime::Day, Regime::Dusk, Regime::Infrared];
/// Frames in an hour that are counted.
const FRAMES: f64 = 360.0;
/// Dusk and dawn of a day, hours.
const DUSK_H: f64 = 1.5;
/// Share of the visits by light.
const SHARES: [f64; 3] = [0.4, 0.2, 0.4];

/// Cloud and wind over a site, by day.
pub struct Sky {
    days: Vec<(f64, f64)>,
}

impl Sky {
    /// Of so many days; clouds of one day and the next are correlated by something within `lasting`.
    pub fn new(days: i64, lasting: (f64, f64), seed: u64) -> Sky {
        let chance = &mut Chance::new(seed);
        let lasts = chance.even(lasting.0, lasting.1);
        let (mut cloud, mut wind) =
            (Lasting::new(lasts, chance), Lasting::new(chance.even(0.0, 0.5), chance));
        Sky { days: (0..days).map(|_| (cloud.next(chance), wind.next(chance))).collect() }
    }
}

/// How clouds last in most places, from day to day.
pub const USUAL: (f64, f64) = (0.2, 0.7);

/// One camera under a sky.
pub struct Camera<'a> {
    sky: &'a Sky,
    chance: Chance,
    /// Of the year, on its first day.
    season: f64,
    /// Its own places in the bins.
    luma: f64,
    sharpness: f64,
    motion: f64,
    score: f64,
    height: f64,
    /// Visits a day.
    visits: f64,
    busy: Lasting,
    plant: Option<(Plant, i64)>,
}

/// An hour of one light.
struct Hour {
    light: usize,
    length: f64,
    /// Height of the sun over the scene, 0..1.
    sun: f64,
    cloud: f64,
    wind: f64,
}

/// A day's own.
struct Today {
    visits: f64,
    score: f64,
    height: f64,
}

impl<'a> Camera<'a> {
    /// With a shift from a day on, where one is planted.
    pub fn new(sky: &'a Sky, seed: u64, plant: Option<(Plant, i64)>) -> Camera<'a> {
        let mut chance = Chance::new(seed);
        let lasts = chance.even(0.0, 0.6);
        Camera {
            sky,
            season: chance.even(0.0, 365.0),
            luma: 9.0 + chance.normal(),
            sharpness: 8.0 + chance.normal(),
            motion: 5.0 + chance.normal(),
            score: 10.0 + 0.7 * chance.normal(),
            height: 9.0 + chance.normal(),
            visits: 9.0 * (0.6 * chance.normal()).exp(),
            busy: Lasting::new(lasts, &mut chance),
            plant,
            chance,
        }
    }

    /// What it counts on a day, by light; `None` where it was off.
    pub fn day(&mut self, day: i64) -> Option<[DriftCounts; 3]> {
        let (cloud, wind) = self.sky.days[day as usize];
        let busy = self.busy.next(&mut self.chance);
        let off = self.chance.even(0.0, 1.0);
        let today = Today {
            visits: self.visits * (0.4 * busy - 0.15 * cloud).exp(),
            score: 0.5 * self.chance.normal(),
            height: 0.5 * self.chance.normal(),
        };
        let share = if off < 0.04 {
            return None;
        } else if off < 0.1 {
            off * 10.0
        } else {
            1.0
        };
        let light_h = 12.0 + 3.0 * (TAU * (day as f64 + self.season) / 365.0).sin();
        let mut drawn = Drawn::default();
        let lengths = [light_h, DUSK_H, 24.0 - DUSK_H - light_h];
        let mut passing = Lasting::new(0.8, &mut self.chance);
        for (light, all_h) in lengths.into_iter().enumerate() {
            let change = self.change(day, light == 2);
            let mut hour_h = 0.0;
            while hour_h < all_h * share {
                let length = (all_h * share - hour_h).min(1.0);
                let passing = 0.6 * passing.next(&mut self.chance);
                let sun =
                    if light == 0 { (PI * (hour_h + 0.5 * length) / all_h).sin().max(0.0) } else { 0.0 };
                let hour = Hour { light, length, sun, cloud: cloud + passing, wind: wind + passing };
                self.look(&hour, &change, &mut drawn);
                let visits = today.visits * change.visits * SHARES[light] * length / all_h;
                self.meet(light, visits, &today, &change, &mut drawn);
                hour_h += 1.0;
            }
            drawn.watched_s[light] = (all_h * share * 3600.0) as u64;
        }
        Some(drawn.counts())
    }

    fn change(&self, day: i64, infrared: bool) -> Change {
        self.plant.map_or(Change::NONE, |(plant, from)| plant.change(day - from, infrared))
    }

    fn look(&self, hour: &Hour, change: &Change, drawn: &mut Drawn) {
        let Hour { light, length, sun, cloud, wind } = *hour;
        let frames = FRAMES * length;
        let bright = [
            self.luma + 2.0 * sun - 0.8 * cloud,
            self.luma - 3.5 - 0.5 * cloud,
            self.luma - 4.5 + 0.2 * cloud,
        ];
        drawn.spread(light, Measure::Luma, frames, bright[light] + change.luma, 0.5);
        let clear = self.sharpness - 0.4 * cloud - [0.0, 0.5, 1.0][light];
        drawn.spread(light, Measure::Sharpness, frames, clear + change.sharpness, 0.6);
        let moves = self.motion + 0.8 * wind - [0.0, 0.5, 1.0][light];
        drawn.spread(light, Measure::Motion, frames, moves + change.motion, 1.8);
    }

    fn meet(&mut self, light: usize, visits: f64, today: &Today, change: &Change, drawn: &mut Drawn) {
        let night = if light == 2 { -0.8 } else { 0.0 };
        for _ in 0..self.chance.poisson(visits) {
            let score = self.score + today.score + night + 2.2 * self.chance.normal() + change.score;
            // What is below half of the operating point is no visit.
            if score < 3.0 {
                continue;
            }
            let height = self.height + today.height + 1.5 * self.chance.normal() + change.height;
            drawn.add(light, Measure::Score, score, 1.0);
            drawn.add(light, Measure::Height, height, 1.0);
        }
    }
}

/// Counts before they are rounded.
#[derive(Default)]
struct Drawn {
    watched_s: [u64; 3],
    bins: [[[f64; BINS]; Measure::ALL.len()]; 3],
}

impl Drawn {
    fn add(&mut self, light: usize, measure: Measure, place: f64, count: f64) {
        let bin = (place.max(0.0) as usize).min(BINS - 1);
        self.bins[light][measure as usize][bin] += count;
    }

    /// Frames whose places are normally distributed.
    fn spread(&mut self, light: usize, measure: Measure, frames: f64, place: f64, deviation: f64) {
        let mut below = 0.0;
        for bin in 0..BINS {
            let end = if bin + 1 < BINS { normal((bin as f64 + 1.0 - place) / deviation) } else { 1.0 };
            self.bins[light][measure as usize][bin] += frames * (end - below);
            below = end;
        }
    }

    fn counts(&self) -> [DriftCounts; 3] {
        std::array::from_fn(|light| {
            let of = |measure: Measure| self.bins[light][measure as usize].map(|count| count.round() as u32);
            DriftCounts {
                watched_s: self.watched_s[light],
                score: of(Measure::Score),
                height: of(Measure::Height),
                luma: of(Measure::Luma),
                sharpness: of(Measure::Sharpness),
                motion: of(Measure::Motion),
            }
        })
    }
}

/// Share of a standard normal distribution below a value, within 1e-7 (Abramowitz and Stegun 1964, 7.1.26).
fn normal(value: f64) -> f64 {
    let x = value.abs() / SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly = t
        * (0.254_829_592
            + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let half = 0.5 * poly * (-x * x).exp();
    if value > 0.0 { 1.0 - half } else { half }
}
