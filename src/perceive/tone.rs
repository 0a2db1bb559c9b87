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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scene(luma: f32, noise: f32) -> Scene {
        Scene { luma, noise, ..Scene::default() }
    }

    #[test]
    fn a_bright_picture_is_left_alone() {
        assert_eq!(exponent(&scene(0.25, 0.0)), 1.0);
        assert_eq!(exponent(&scene(1.0, 0.1)), 1.0);
        assert_eq!(table(1.0), crate::perceive::regions::IDENTITY_TONE);
    }

    #[test]
    fn a_clean_dark_picture_is_brought_to_the_target() {
        let luma: f32 = 0.15;
        let lifted = luma.powf(exponent(&scene(luma, 0.0)));
        assert!((lifted - TARGET_LUMA).abs() < 0.01, "{lifted}");
        assert_eq!(exponent(&scene(0.0, 0.0)), STRONGEST, "black has no logarithm");
    }

    #[test]
    fn noise_limits_how_far_a_picture_is_lifted() {
        let clean = exponent(&scene(0.05, 0.001));
        let noisy = exponent(&scene(0.05, 0.05));
        let wild = exponent(&scene(0.05, 0.5));
        assert!(clean < noisy && noisy < 1.0 && wild == 1.0, "{clean} {noisy} {wild}");
    }

    proptest! {
        #[test]
        fn the_curve_rises_from_black_to_white_and_never_darkens(luma in 0.0f32..1.0, noise in 0.0f32..0.3) {
            let g = exponent(&scene(luma, noise));
            prop_assert!((STRONGEST..=1.0).contains(&g));
            let table = table(g);
            prop_assert_eq!((table[0], table[255]), (0, 255));
            prop_assert!(table.is_sorted());
            prop_assert!(table.iter().enumerate().all(|(from, &to)| usize::from(to) >= from));
        }
    }
}
