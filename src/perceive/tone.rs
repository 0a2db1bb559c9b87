//! Brightening of dark pictures before the model sees them: one table for all pixels.

use super::observation::Scene;

/// Mean luma that a dark picture is brought towards: what the pictures have that detectors are trained on.
const TARGET_LUMA: f32 = 0.40;

/// Pictures at least so bright are left alone, luma 0..1.
const BRIGHT_ENOUGH: f32 = 0.25;

/// No exponent below this: beyond it banding and sensor noise grow faster than the detector gains.
const STRONGEST: f32 = 0.45;

/// Noise (standard deviation, 0..1) that may stand in the brightened picture; it limits how far a noisy one is lifted.
const NOISE_LIMIT: f32 = 0.08;

/// The exponent of the tone curve for a picture: 1 leaves it as it is, smaller ones lift the shadows.
pub fn exponent(scene: &Scene) -> f32 {
    if scene.luma >= BRIGHT_ENOUGH {
        return 1.0;
    }
    let luma = scene.luma.max(0.01);
    let wanted = (TARGET_LUMA.ln() / luma.ln()).clamp(STRONGEST, 1.0);
    // The curve's slope at the mean is what noise is multiplied by.
    let gain = |g: f32| g * luma.powf(g - 1.0);
    let steps = (0..=10).map(|i| wanted + (1.0 - wanted) * i as f32 / 10.0);
    steps.into_iter().find(|&g| gain(g) * scene.noise <= NOISE_LIMIT).unwrap_or(1.0)
}

/// Table of v → v^exponent over 0..255. Monotone; black stays black and white white, so nothing is clipped.
pub fn table(exponent: f32) -> [u8; 256] {
    std::array::from_fn(|v| ((v as f32 / 255.0).powf(exponent) * 255.0).round() as u8)
}
