//! A bear that walks: hump, low head, round ears, heavy legs that swing in the order of a walk.

use std::f32::consts::TAU;

use super::canvas::{Albedo, shade};
use super::figure::{Body, Skin};

const COAT: u8 = 0;
const LEGS: u8 = 1;
const MUZZLE: u8 = 2;
const BLACK: u8 = 3;
const EYE: u8 = 4;
const HUMP: u8 = 5;

/// What one bear is like.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// Height at the shoulder, metres.
    pub shoulder_m: f32,
    /// Colour of the coat.
    pub coat: Albedo,
    /// Lighter muzzle: 1 none … 2.
    pub muzzle: f32,
    /// Names its pattern of hair.
    pub salt: u32,
}

/// What it does at a moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pose {
    /// Of the walk, cycles; a standing bear keeps its value.
    pub phase: f32,
    /// 0 stands … 1 walks.
    pub stride: f32,
    /// How far the head hangs, radians: negative lifts it.
    pub nod: f32,
    /// How far the head turns to its right, radians.
    pub turn: f32,
}

/// The coats of brown and black bears.
pub const COATS: [Albedo; 5] = [
    [0.27, 0.17, 0.10, 0.46],
    [0.20, 0.125, 0.075, 0.40],
    [0.075, 0.068, 0.066, 0.33],
    [0.36, 0.235, 0.135, 0.52],
    [0.11, 0.09, 0.078, 0.36],
];

/// The posed body.
pub fn pose(build: &Build, pose: &Pose) -> Body {
    let mut body = Body { skins: skins(build), salt: build.salt, ..Body::default() };
    let bob = 0.012 * pose.stride * (pose.phase * 2.0 * TAU).sin();
    trunk(&mut body, bob);
    for (hind, side, shift) in [(true, 1.0, 0.0), (false, 1.0, 0.25), (true, -1.0, 0.5), (false, -1.0, 0.75)]
    {
        let step = Step::new(pose.phase + shift, pose.stride);
        if hind { hind_leg(&mut body, side, step) } else { fore_leg(&mut body, side, step) }
    }
    head(&mut body, pose, bob);
    body.scale(build.shoulder_m);
    body
}

fn skins(build: &Build) -> Vec<Skin> {
    let fur = |albedo, rough| Skin { albedo, rough, shine: 0.0 };
    let mut muzzle = shade(build.coat, build.muzzle);
    muzzle[0] = muzzle[0].max(0.17 * (build.muzzle - 0.6));
    muzzle[1] = muzzle[1].max(0.13 * (build.muzzle - 0.6));
    vec![
        fur(build.coat, 0.75),
        fur(shade(build.coat, 0.72), 0.6),
        fur(muzzle, 0.3),
        fur([0.03, 0.028, 0.028, 0.12], 0.1),
        Skin { albedo: [0.02, 0.02, 0.02, 0.1], rough: 0.0, shine: 255.0 },
        fur(shade(build.coat, 1.18), 0.8),
    ]
}

/// A foot's place within the walk: `reach` ahead of rest, `lift` off the ground, metres at a shoulder of 1 m.
#[derive(Clone, Copy)]
struct Step {
    reach: f32,
    lift: f32,
}

impl Step {
    /// On the ground for two thirds of the cycle, swinging for the rest.
    fn new(phase: f32, stride: f32) -> Step {
        const SWING: f32 = 0.36;
        let p = phase.rem_euclid(1.0);
        let (reach, lift) = if p < SWING {
            let t = p / SWING;
            (-(t * TAU / 2.0).cos(), (t * TAU / 2.0).sin())
        } else {
            (1.0 - 2.0 * (p - SWING) / (1.0 - SWING), 0.0)
        };
        Step { reach: 0.23 * reach * stride, lift: 0.11 * lift * stride }
    }
}

fn trunk(body: &mut Body, bob: f32) {
    body.limb([-0.56, 0.70 + bob, 0.0], 0.30, [-0.10, 0.66 + bob, 0.0], 0.335, COAT);
    body.limb([-0.10, 0.66 + bob, 0.0], 0.335, [0.40, 0.66 + bob, 0.0], 0.30, COAT);
    // Rump and belly.
    body.limb([-0.55, 0.78 + bob, 0.09], 0.23, [-0.55, 0.78 + bob, -0.09], 0.23, COAT);
    body.ball([-0.72, 0.70 + bob, 0.0], 0.22, COAT);
    body.limb([-0.30, 0.54, 0.0], 0.27, [0.20, 0.52, 0.0], 0.25, LEGS);
    // The hump over the shoulder blades.
    body.limb([0.16, 0.84 + bob, 0.0], 0.17, [0.40, 0.86 + bob, 0.0], 0.175, HUMP);
    body.ball([-0.94, 0.72 + bob, 0.0], 0.055, COAT);
}

fn fore_leg(body: &mut Body, side: f32, step: Step) {
    let w = 0.19 * side;
    let elbow = [0.37 + 0.35 * step.reach, 0.42 + 0.3 * step.lift, w];
    let wrist = [0.40 + 0.9 * step.reach, 0.15 + step.lift, w];
    body.limb([0.38, 0.66, 0.8 * w], 0.20, elbow, 0.135, COAT);
    body.limb(elbow, 0.132, wrist, 0.092, LEGS);
    body.limb(wrist, 0.09, [0.42 + step.reach, 0.07 + step.lift, w], 0.085, LEGS);
    body.limb(
        [0.42 + step.reach, 0.065 + step.lift, w],
        0.08,
        [0.52 + step.reach, 0.052 + step.lift, w],
        0.065,
        LEGS,
    );
}

fn hind_leg(body: &mut Body, side: f32, step: Step) {
    let w = 0.18 * side;
    let knee = [-0.44 + 0.4 * step.reach, 0.40 + 0.3 * step.lift, w];
    let hock = [-0.66 + 0.85 * step.reach, 0.19 + 1.1 * step.lift, w];
    body.limb([-0.56, 0.64, 0.8 * w], 0.24, knee, 0.165, COAT);
    body.limb(knee, 0.16, hock, 0.092, LEGS);
    body.limb(hock, 0.09, [-0.62 + step.reach, 0.07 + step.lift, w], 0.08, LEGS);
    body.limb(
        [-0.62 + step.reach, 0.065 + step.lift, w],
        0.078,
        [-0.49 + step.reach, 0.052 + step.lift, w],
        0.065,
        LEGS,
    );
}

/// Neck, skull, muzzle, ears and eyes, hung at the neck.
fn head(body: &mut Body, pose: &Pose, bob: f32) {
    let at = |ahead: f32, up: f32, side: f32| place([ahead, up, side], pose, bob);
    body.limb([0.42, 0.70 + bob, 0.0], 0.27, at(0.30, 0.02, 0.0), 0.20, COAT);
    body.limb(at(0.28, 0.03, 0.0), 0.195, at(0.40, 0.05, 0.0), 0.18, COAT);
    body.ball(at(0.43, 0.075, 0.0), 0.165, COAT);
    for side in [1.0, -1.0] {
        body.ball(at(0.38, 0.0, 0.085 * side), 0.13, COAT);
        body.limb(at(0.345, 0.20, 0.125 * side), 0.06, at(0.34, 0.235, 0.135 * side), 0.058, COAT);
        body.ball(at(0.385, 0.225, 0.14 * side), 0.036, BLACK);
        body.ball(at(0.553, 0.10, 0.075 * side), 0.025, EYE);
    }
    body.limb(at(0.50, 0.02, 0.0), 0.115, at(0.68, -0.02, 0.0), 0.078, MUZZLE);
    body.limb(at(0.50, -0.05, 0.0), 0.085, at(0.66, -0.065, 0.0), 0.05, MUZZLE);
    body.ball(at(0.742, 0.005, 0.0), 0.038, BLACK);
}

/// From the neck's frame (ahead, up, right of it) to the body's, after nod and turn.
fn place([ahead, up, side]: [f32; 3], pose: &Pose, bob: f32) -> [f32; 3] {
    let (st, ct) = pose.turn.sin_cos();
    let (ahead, side) = (ahead * ct - side * st, ahead * st + side * ct);
    let (sn, cn) = pose.nod.sin_cos();
    [0.52 + ahead * cn + up * sn, 0.74 + bob - ahead * sn + up * cn, side]
}
