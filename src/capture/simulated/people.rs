//! What is no bear: a person who walks upright, and a dog-like animal on slender legs.

use std::f32::consts::TAU;

use super::canvas::{Albedo, shade};
use super::figure::{Body, Skin};

/// What one person is like.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// Metres.
    pub height_m: f32,
    /// Jacket.
    pub jacket: Albedo,
    /// Trousers.
    pub trousers: Albedo,
    /// Skin.
    pub face: Albedo,
    /// Whether a rucksack is carried.
    pub rucksack: bool,
    /// Names its pattern.
    pub salt: u32,
}

/// What one dog is like.
#[derive(Clone, Copy, Debug)]
pub struct Dog {
    /// Height at the shoulder, metres.
    pub shoulder_m: f32,
    /// Colour of the coat.
    pub coat: Albedo,
    /// Names its pattern of hair.
    pub salt: u32,
}

fn skin(albedo: Albedo, rough: f32, shine: f32) -> Skin {
    Skin { albedo, rough, shine }
}

impl Person {
    /// The posed body; `phase` counts double steps, `stride` is 0 standing … 1 walking.
    pub fn pose(&self, phase: f32, stride: f32) -> Body {
        let skins = vec![
            skin(self.jacket, 0.25, 0.0),
            skin(self.trousers, 0.2, 0.0),
            skin(self.face, 0.1, 0.0),
            skin([0.10, 0.07, 0.05, 0.35], 0.5, 0.0),
            skin([0.09, 0.08, 0.07, 0.2], 0.2, 0.0),
            skin(shade(self.jacket, 1.1), 0.1, 190.0),
            skin([0.16, 0.20, 0.14, 0.4], 0.2, 0.0),
        ];
        let mut body = Body { skins, salt: self.salt, ..Body::default() };
        let swing = (phase * TAU).sin() * stride;
        for side in [1.0, -1.0] {
            leg(&mut body, side, side * swing, (side * (phase * TAU).cos()).max(0.0) * stride);
            arm(&mut body, side, -side * swing);
        }
        torso(&mut body, self.rucksack);
        body.scale(self.height_m / 1.76);
        body
    }
}

fn leg(body: &mut Body, side: f32, swing: f32, lift: f32) {
    let w = 0.095 * side;
    let knee = [0.05 + 0.17 * swing + 0.08 * lift, 0.50 + 0.03 * lift, w];
    let ankle = [-0.02 + 0.34 * swing - 0.06 * lift, 0.10 + 0.10 * lift, w];
    body.limb([0.0, 0.90, w], 0.105, knee, 0.072, 1);
    body.limb(knee, 0.07, ankle, 0.05, 1);
    body.limb([ankle[0], ankle[1] - 0.04, w], 0.055, [ankle[0] + 0.15, ankle[1] - 0.06, w], 0.04, 4);
}

fn arm(body: &mut Body, side: f32, swing: f32) {
    let w = 0.22 * side;
    let elbow = [-0.03 + 0.12 * swing, 1.14, 1.12 * w];
    let hand = [0.05 + 0.30 * swing, 0.92, 1.1 * w];
    body.limb([0.0, 1.41, 0.85 * w], 0.068, elbow, 0.052, 0);
    body.limb(elbow, 0.05, hand, 0.04, 0);
    body.ball(hand, 0.045, 2);
}

fn torso(body: &mut Body, rucksack: bool) {
    for side in [1.0, -1.0] {
        body.limb([0.0, 1.38, 0.10 * side], 0.105, [0.0, 0.96, 0.07 * side], 0.115, 0);
    }
    body.limb([0.0, 1.40, 0.0], 0.11, [0.0, 0.95, 0.0], 0.12, 0);
    for i in -2..=2 {
        body.ball([0.075, 1.22, 0.055 * i as f32], 0.06, 5);
        body.ball([-0.075, 1.22, 0.055 * i as f32], 0.06, 5);
    }
    if rucksack {
        body.limb([-0.20, 1.38, 0.0], 0.13, [-0.20, 1.08, 0.0], 0.145, 6);
    }
    body.limb([0.0, 1.46, 0.0], 0.058, [0.01, 1.54, 0.0], 0.055, 2);
    body.limb([0.015, 1.60, 0.0], 0.088, [0.025, 1.655, 0.0], 0.095, 2);
    body.limb([-0.02, 1.66, 0.0], 0.10, [-0.005, 1.685, 0.0], 0.092, 3);
}

impl Dog {
    /// The posed body; `phase` counts strides.
    pub fn pose(&self, phase: f32, stride: f32) -> Body {
        let skins = vec![
            skin(self.coat, 0.5, 0.0),
            skin(shade(self.coat, 0.85), 0.4, 0.0),
            skin(shade(self.coat, 1.35), 0.3, 0.0),
            skin([0.03, 0.03, 0.03, 0.1], 0.0, 0.0),
            skin([0.03, 0.03, 0.03, 0.1], 0.0, 255.0),
        ];
        let mut body = Body { skins, salt: self.salt, ..Body::default() };
        for (hind, side, shift) in
            [(true, 1.0, 0.0), (false, -1.0, 0.05), (true, -1.0, 0.5), (false, 1.0, 0.55)]
        {
            let swing = ((phase + shift) * TAU).sin() * stride;
            let lift = ((phase + shift) * TAU).cos().max(0.0) * stride;
            dog_leg(&mut body, hind, side, 0.26 * swing, 0.12 * lift);
        }
        dog_trunk(&mut body, (phase * TAU * 2.0).sin() * 0.05);
        body.scale(self.shoulder_m);
        body
    }
}

fn dog_leg(body: &mut Body, hind: bool, side: f32, reach: f32, lift: f32) {
    let w = 0.12 * side;
    let (hip, bend, knee_r) = if hind { (-0.52, -0.12, 0.085) } else { (0.36, 0.03, 0.065) };
    let knee = [hip + 0.04 + 0.4 * reach, 0.46 + 0.3 * lift, w];
    let hock = [hip + bend + 0.8 * reach, 0.24 + lift, w];
    body.limb([hip, 0.74, 0.8 * w], if hind { 0.15 } else { 0.12 }, knee, knee_r, 0);
    body.limb(knee, knee_r, hock, 0.042, 1);
    body.limb(hock, 0.04, [hip - 0.03 + reach, 0.04 + lift, w], 0.036, 1);
    body.ball([hip + 0.03 + reach, 0.035 + lift, w], 0.042, 1);
}

fn dog_trunk(body: &mut Body, wag: f32) {
    body.limb([0.34, 0.76, 0.0], 0.205, [-0.05, 0.80, 0.0], 0.175, 0);
    body.limb([-0.05, 0.81, 0.0], 0.17, [-0.52, 0.83, 0.0], 0.145, 0);
    body.limb([0.44, 0.86, 0.0], 0.15, [0.68, 1.12, 0.0], 0.105, 0);
    body.ball([0.72, 1.18, 0.0], 0.125, 0);
    body.limb([0.80, 1.15, 0.0], 0.075, [0.98, 1.10, 0.0], 0.048, 2);
    body.ball([1.02, 1.12, 0.0], 0.028, 3);
    for side in [1.0, -1.0] {
        body.limb([0.66, 1.26, 0.075 * side], 0.045, [0.64, 1.42, 0.09 * side], 0.014, 1);
        body.ball([0.835, 1.205, 0.055 * side], 0.019, 4);
    }
    body.limb([-0.60, 0.86, 0.0], 0.055, [-0.86, 0.80, wag], 0.06, 0);
    body.limb([-0.86, 0.80, wag], 0.06, [-1.02, 0.66, 1.5 * wag], 0.03, 2);
}
