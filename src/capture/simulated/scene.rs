//! The scene as a whole: the painted campsite, its light at a moment, who walks there, weather and grain.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;

use super::camp;
use super::canvas::{Canvas, Viewpoint};
use super::figure::{Lamp, Sprite};
use super::happening::{self, Happening};
use super::light::{Light, Weather, band};
use super::noise::{Grain, mix, speck};
use super::script::{self, Actor, Standing, cast};
use super::terrain::Ground;
use crate::capture::settings::SceneSettings;
use crate::perceive::frame::Picture;
use crate::perceive::geometry::Rect;
use crate::perceive::model::Class;

/// What is really there: one figure in one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    /// What it is.
    pub class: Class,
    /// Around its visible pixels, fractions of the frame.
    pub bbox: Rect,
    /// Share of the figure that is seen, 0..1: the rest is hidden or outside the frame.
    pub visible: f32,
}

/// One walk through the scene, seconds of scene time. In between, the figure can be hidden for a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visit {
    /// What comes.
    pub class: Class,
    /// When its first part is inside the frame.
    pub enters_s: f64,
    /// When its last part has left.
    pub leaves_s: f64,
}

/// A campsite with its visitors. The same settings give the same pictures.
pub struct Scene {
    view: Viewpoint,
    canvas: Canvas,
    weather: Weather,
    actors: Vec<Actor>,
    visits: Vec<Visit>,
    happenings: Vec<Happening>,
    darkness: [f32; 2],
    duration_s: f64,
    seed: u32,
    lit: Picture,
    light: Light,
    lit_step: Option<i32>,
    sprite: Sprite,
    grain: Grain,
}

/// From this darkness on, what comes near the lens is brighter than the scene.
const DARK: f32 = 0.45;

/// The campsite is lit anew when darkness has changed by 1 / so much.
const LIGHT_STEPS: f32 = 60.0;

impl Scene {
    /// Paints the campsite and draws up the visits.
    pub fn new(settings: &SceneSettings) -> Scene {
        let mut rng = Pcg32::seed_from_u64(settings.seed);
        let view = viewpoint(settings, &mut rng);
        let weather = weather(&mut rng);
        let mut canvas = Canvas::new(view);
        let ground = Ground::random(&mut rng);
        ground.paint(&mut canvas, &mut rng);
        camp::furnish(&mut canvas, &mut rng);
        canvas.soften();
        let actors = cast(settings.bears, settings.duration_s, &view, &mut rng);
        let visits = actors.iter().filter_map(|a| visit(a, &view)).collect();
        Scene {
            view,
            canvas,
            weather,
            actors,
            visits,
            happenings: Vec::new(),
            darkness: [settings.darkness_start, settings.darkness_end],
            duration_s: settings.duration_s,
            seed: rng.random(),
            lit: Picture::default(),
            light: Light::new(0.0, weather),
            lit_step: None,
            sprite: Sprite::default(),
            grain: Grain::new(view.width),
        }
    }

    /// The same campsite without bears: persons and dogs come by, and whatever else has been taken for a bear happens, so many times an hour
    /// each.
    pub fn without_bears(settings: &SceneSettings, an_hour: f64) -> Scene {
        let mut scene = Scene::new(settings);
        let mut rng = Pcg32::seed_from_u64(settings.seed ^ u64::from(scene.darkness[0].to_bits()));
        scene.actors = script::passers_by(an_hour, settings.duration_s, &scene.view, &mut rng);
        scene.visits = scene.actors.iter().filter_map(|a| visit(a, &scene.view)).collect();
        scene.happenings = happening::schedule(an_hour, settings.duration_s, &mut rng);
        scene
    }

    /// Whether anything moves that is gone in some seconds.
    pub fn is_lively(&self, time_s: f64) -> bool {
        self.visits.iter().any(|v| (v.enters_s..=v.leaves_s).contains(&time_s))
            || self.happenings.iter().any(|h| h.is_lively(time_s))
    }

    /// Who comes when, in order.
    pub fn visits(&self) -> &[Visit] {
        &self.visits
    }

    /// Draws the moment `time_s` into `picture` and tells what is there, farthest first.
    pub fn draw(&mut self, time_s: f64, picture: &mut Picture) -> Vec<Truth> {
        self.relight(time_s);
        picture.width = self.lit.width;
        picture.height = self.lit.height;
        picture.data.clone_from(&self.lit.data);
        let mut there: Vec<(Class, Standing)> =
            self.actors.iter().filter_map(|a| Some((a.class, a.at(time_s, &self.view)?))).collect();
        there.sort_by(|a, b| b.1.z.total_cmp(&a.1.z));
        let truths =
            there.iter().filter_map(|(class, standing)| self.place(*class, standing, picture)).collect();
        let moment = (time_s * 1000.0) as u32 ^ self.seed;
        self.rain(picture, moment);
        let dark = self.light.infrared || self.darkness(time_s) > DARK;
        self.happenings.iter().filter(|h| h.goes_on(time_s)).for_each(|h| h.draw(time_s, dark, picture));
        self.grain.add(&mut picture.data, picture.width, self.light.grain, self.light.infrared, moment);
        truths
    }

    /// How dark it is, 0 noon … 1 infrared night.
    pub fn darkness(&self, time_s: f64) -> f32 {
        mix(self.darkness[0], self.darkness[1], (time_s / self.duration_s.max(0.1)).clamp(0.0, 1.0) as f32)
    }

    fn relight(&mut self, time_s: f64) {
        let step = (self.darkness(time_s) * LIGHT_STEPS).round() as i32;
        if self.lit_step != Some(step) {
            self.light = Light::new(step as f32 / LIGHT_STEPS, self.weather);
            self.canvas.light(&self.light, &mut self.lit);
            self.lit_step = Some(step);
        }
    }

    /// Draws one figure with its shadow; `None` where nothing of it is seen.
    fn place(&mut self, class: Class, standing: &Standing, picture: &mut Picture) -> Option<Truth> {
        let scale = self.view.scale(standing.z);
        let (foot_x, foot_y) = self.view.project(standing.x, 0.0, standing.z);
        let lamp = Lamp { infrared: self.light.infrared, directed: self.light.directed };
        // Drawn a little coarser than the picture: a cheap lens is soft, and near figures cost no more than far ones.
        let density = (0.85 * scale).min(MOST_CELLS_A_METRE);
        self.sprite.draw(&standing.body, standing.aspect, lamp, density);
        let stamp = Stamp { foot: (foot_x, foot_y), zoom: scale / density, band: band(standing.z) };
        self.shadow(standing, picture);
        self.stamp(&stamp, picture).map(|(bbox, visible)| Truth { class, bbox, visible })
    }

    /// Lays the drawn sprite onto the picture where nothing nearer stands.
    fn stamp(&self, stamp: &Stamp, picture: &mut Picture) -> Option<(Rect, f32)> {
        let (gain, haze) = (self.light.gain(stamp.band), self.light.haze(stamp.band));
        let left = stamp.foot.0 - self.sprite.foot.0 * stamp.zoom;
        let top = stamp.foot.1 - self.sprite.foot.1 * stamp.zoom;
        let (right, low) =
            (left + self.sprite.width as f32 * stamp.zoom, top + self.sprite.height as f32 * stamp.zoom);
        let mut seen = Extent::default();
        let mut covered = 0u32;
        for y in top.floor() as i32..low.ceil() as i32 {
            for x in left.floor() as i32..right.ceil() as i32 {
                let (cell, shine) = self
                    .sprite
                    .sample((x as f32 + 0.5 - left) / stamp.zoom, (y as f32 + 0.5 - top) / stamp.zoom);
                if cell[3] < 0.02 {
                    continue;
                }
                let solid = cell[3] >= SOLID;
                covered += u32::from(solid);
                let inside = x >= 0 && y >= 0 && x < picture.width as i32 && y < picture.height as i32;
                if !inside || self.canvas.hides(x as u32, y as u32, stamp.band) {
                    continue;
                }
                let at = (y as usize * picture.width as usize + x as usize) * 3;
                let shine = if self.light.infrared { shine } else { 0.0 };
                for c in 0..3 {
                    let under = f32::from(picture.data[at + c]) * (1.0 - cell[3]);
                    picture.data[at + c] =
                        (under + cell[c] * gain[c] + haze[c] * cell[3] + shine).min(255.0) as u8;
                }
                if solid {
                    seen.add(x as u32, y as u32);
                }
            }
        }
        seen.rect(picture).map(|bbox| (bbox, seen.pixels as f32 / covered.max(1) as f32))
    }

    /// Darkens the ground below a figure.
    fn shadow(&self, standing: &Standing, picture: &mut Picture) {
        let [left, _, right, _] = standing.aspect.extent(&standing.body);
        let scale = self.view.scale(standing.z);
        let (middle, foot) = self.view.project(standing.x + (left + right) / 2.0, 0.0, standing.z);
        let (half, deep) =
            ((right - left) * 0.5 * scale, (0.32 * self.view.eye / standing.z * scale).max(2.0));
        let depth = if self.light.infrared { 0.35 } else { 0.5 };
        for y in (foot - deep).max(0.0) as u32..((foot + deep).max(0.0) as u32).min(picture.height) {
            for x in (middle - half).max(0.0) as u32..((middle + half).max(0.0) as u32).min(picture.width) {
                let (u, v) = ((x as f32 - middle) / half, (y as f32 - foot) / deep);
                let dark = depth * (1.0 - u * u - v * v).clamp(0.0, 0.8);
                if dark > 0.0 && !self.canvas.hides(x, y, band(standing.z)) {
                    let at = (y as usize * picture.width as usize + x as usize) * 3;
                    for value in &mut picture.data[at..at + 3] {
                        *value = (f32::from(*value) * (1.0 - dark)) as u8;
                    }
                }
            }
        }
    }

    /// Streaks of falling rain, brighter before the lamp.
    fn rain(&self, picture: &mut Picture, moment: u32) {
        let (w, h) = (picture.width as f32, picture.height as f32);
        let light = if self.light.infrared { 70.0 } else { 0.16 * self.light.gain(60)[1] };
        for i in 0..(self.weather.rain * w * 0.6) as i32 {
            let near = speck(i, 2, moment);
            let (x, y) = (speck(i, 0, moment) * w, speck(i, 1, moment) * h);
            for k in 0..(4.0 + near * 0.08 * h) as u32 {
                let (x, y) = ((x + k as f32 * 0.12) as u32, y as u32 + k);
                if x < picture.width && y < picture.height {
                    let at = (y as usize * picture.width as usize + x as usize) * 3;
                    for value in &mut picture.data[at..at + 3] {
                        *value = (f32::from(*value) + light * (0.3 + 0.7 * near)).min(255.0) as u8;
                    }
                }
            }
        }
    }
}

/// Finer cells than this cost time and show nothing.
const MOST_CELLS_A_METRE: f32 = 90.0;

/// Cover from which a pixel belongs to the figure.
pub(super) const SOLID: f32 = 0.4;

/// How a sprite lies on the picture.
struct Stamp {
    foot: (f32, f32),
    zoom: f32,
    band: u8,
}

/// Grows around pixels.
pub(super) struct Extent {
    left: u32,
    top: u32,
    right: u32,
    low: u32,
    pixels: u32,
}

impl Default for Extent {
    fn default() -> Self {
        Extent { left: u32::MAX, top: u32::MAX, right: 0, low: 0, pixels: 0 }
    }
}

impl Extent {
    pub(super) fn add(&mut self, x: u32, y: u32) {
        (self.left, self.top) = (self.left.min(x), self.top.min(y));
        (self.right, self.low) = (self.right.max(x + 1), self.low.max(y + 1));
        self.pixels += 1;
    }

    pub(super) fn rect(&self, picture: &Picture) -> Option<Rect> {
        let [x, y] = [self.left as f32, self.top as f32];
        let sides = [x, y, self.right as f32 - x, self.low as f32 - y];
        (self.pixels > 0).then(|| Rect::from_pixels(sides, picture.width, picture.height))
    }
}

fn viewpoint(settings: &SceneSettings, rng: &mut Pcg32) -> Viewpoint {
    let (w, h) = (settings.width as f32, settings.height as f32);
    Viewpoint {
        width: settings.width,
        height: settings.height,
        focal: w.min(h * 16.0 / 9.0) * rng.random_range(0.85..1.05),
        horizon: h * rng.random_range(0.22..0.40),
        eye: rng.random_range(1.2..1.9),
    }
}

fn weather(rng: &mut Pcg32) -> Weather {
    let fog =
        if rng.random_bool(0.15) { rng.random_range(0.015..0.05) } else { rng.random_range(0.002..0.008) };
    let rain = if rng.random_bool(0.18) { rng.random_range(0.2..1.0) } else { 0.0 };
    Weather { fog, rain }
}

/// When any part of an actor is inside the frame.
fn visit(actor: &Actor, view: &Viewpoint) -> Option<Visit> {
    let seconds = actor.ends_s - actor.starts_s;
    let steps = (seconds * 20.0).ceil().max(1.0) as u32;
    let time = |i: u32| actor.starts_s + seconds * f64::from(i) / f64::from(steps);
    let inside = |&i: &u32| actor.at(time(i), view).is_some_and(|s| in_frame(&s, view));
    let first = (0..=steps).find(inside)?;
    let last = (0..=steps).rev().find(inside)?;
    Some(Visit { class: actor.class, enters_s: time(first), leaves_s: time((last + 1).min(steps)) })
}

fn in_frame(standing: &Standing, view: &Viewpoint) -> bool {
    let [left, _, right, _] = standing.aspect.extent(&standing.body);
    let scale = view.scale(standing.z);
    let foot = view.project(standing.x, 0.0, standing.z).0;
    foot + right * scale > 0.0 && foot + left * scale < view.width as f32
}

#[cfg(test)]
#[path = "scene_tests.rs"]
mod tests;
