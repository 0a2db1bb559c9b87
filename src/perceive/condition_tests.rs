use super::*;
use proptest::prelude::*;

fn painted(width: u32, height: u32, paint: impl Fn(u32, u32) -> [u8; 3]) -> Picture {
    let mut picture = Picture::new(width, height);
    for (i, pixel) in picture.data.chunks_exact_mut(3).enumerate() {
        pixel.copy_from_slice(&paint(i as u32 % width, i as u32 / width));
    }
    picture
}

fn flat(rgb: [u8; 3]) -> Picture {
    painted(64, 48, |_, _| rgb)
}

/// Normal noise of a deviation in grey levels (sum of twelve uniform numbers), grey.
fn noisy(width: u32, height: u32, mean: f64, deviation: f64) -> Picture {
    let mut state = 12_345u32;
    let mut uniform = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1u32 << 24)
    };
    let mut picture = Picture::new(width, height);
    for pixel in picture.data.chunks_exact_mut(3) {
        let normal = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        pixel.fill((mean + deviation * normal).round().clamp(0.0, 255.0) as u8);
    }
    picture
}

#[test]
fn a_flat_picture_has_luma_and_nothing_else() {
    let scene = measure(&flat([128; 3]));
    assert!((scene.luma - 128.0 / 255.0).abs() < 1e-6);
    assert_eq!((scene.contrast, scene.chroma, scene.sharpness), (0.0, 0.0, 0.0));
    assert!(scene.noise < 0.001, "{}", scene.noise);
}

#[test]
fn luma_weighs_green_most_and_colour_is_seen() {
    let luma = |rgb| measure(&flat(rgb)).luma;
    assert!(luma([0, 200, 0]) > luma([200, 0, 0]) && luma([200, 0, 0]) > luma([0, 0, 200]));
    assert!(measure(&flat([120, 90, 60])).chroma > 0.03);
}

#[test]
fn noise_is_measured_and_is_no_sharpness() {
    for deviation in [2.0, 5.0, 12.0] {
        let scene = measure(&noisy(640, 360, 100.0, deviation));
        let got = f64::from(scene.noise) * 255.0;
        assert!((got - deviation).abs() < 0.12 * deviation + 0.3, "{got} instead of {deviation}");
        let alone = (20.0 * deviation * deviation / (255.0 * 255.0)) as f32;
        assert!(scene.sharpness < 0.2 * alone, "{} of {alone}", scene.sharpness);
    }
}

#[test]
fn texture_is_sharp_and_hardly_noise() {
    let stripes = painted(640, 360, |x, _| if x / 6 % 2 == 0 { [60; 3] } else { [180; 3] });
    let scene = measure(&stripes);
    assert!(scene.sharpness > 0.02 && scene.noise < 0.004, "{scene:?}");
    let soft = painted(640, 360, |x, _| [(120.0 + 60.0 * (x as f32 * 0.05).sin()) as u8; 3]);
    assert!(measure(&soft).sharpness < scene.sharpness / 100.0);
    assert!((scene.contrast - 60.0 / 255.0).abs() < 0.02);
}

#[test]
fn every_size_of_picture_can_be_measured() {
    for (width, height) in [(1, 1), (1, 500), (2, 2), (3, 3), (500, 1), (97, 65)] {
        let scene = measure(&painted(width, height, |_, _| [10, 20, 30]));
        assert!(scene.luma > 0.0 && scene.chroma > 0.0, "{width} × {height}: {scene:?}");
    }
    assert_eq!(measure(&Picture::default()), Scene::default());
}

proptest! {
    #[test]
    fn measures_stay_within_their_ranges(
        (width, height) in (1u32..40, 1u32..40),
        bytes in proptest::collection::vec(any::<u8>(), 1..97),
    ) {
        let scene = measure(&painted(width, height, |x, y| {
            [0, 1, 2].map(|c| bytes[(x * 3 + y * 7 + c) as usize % bytes.len()])
        }));
        for share in [scene.luma, scene.contrast, scene.chroma, scene.noise, scene.sharpness] {
            prop_assert!((0.0..=1.0).contains(&share), "{:?}", scene);
        }
    }
}

const BRIGHT: [u8; 3] = [110, 140, 90];
const DIM: [u8; 3] = [22, 30, 20];
const GREY: [u8; 3] = [70; 3];

/// Plays colours at 5 frames a second, each for its seconds; tells the regime after each of them.
fn regimes(played: &[([u8; 3], f64)]) -> Vec<Regime> {
    let mut condition = Condition::new(true);
    let mut now_ms = 0;
    let mut seen = Vec::new();
    for &(rgb, seconds) in played {
        for _ in 0..(seconds * 5.0) as u32 {
            condition.observe(&flat(rgb), Stamp { uptime_ms: now_ms, ..Stamp::default() });
            now_ms += 200;
        }
        seen.push(condition.regime());
    }
    seen
}

#[test]
fn the_first_frame_tells_the_regime_at_once() {
    assert_eq!(Condition::new(true).regime(), Regime::Day);
    assert_eq!(regimes(&[(BRIGHT, 0.2)]), [Regime::Day]);
    assert_eq!(regimes(&[(DIM, 0.2)]), [Regime::Dusk]);
    assert_eq!(regimes(&[(GREY, 0.2)]), [Regime::Infrared]);
}

#[test]
fn a_headlight_of_a_second_changes_nothing_and_one_of_three_does() {
    assert_eq!(regimes(&[(DIM, 5.0), (BRIGHT, 1.0), (DIM, 1.0)]), [Regime::Dusk; 3]);
    assert_eq!(regimes(&[(DIM, 5.0), (BRIGHT, 3.0)]), [Regime::Dusk, Regime::Day]);
    // Three short ones are not a long one.
    let blinking = [(DIM, 5.0), (BRIGHT, 1.4), (DIM, 0.4), (BRIGHT, 1.4), (DIM, 0.4), (BRIGHT, 1.4)];
    assert!(regimes(&blinking).iter().all(|&r| r == Regime::Dusk));
}

#[test]
fn the_infrared_filter_is_known_by_its_lack_of_colour() {
    assert_eq!(
        regimes(&[(DIM, 3.0), (GREY, 3.0), (DIM, 3.0)]),
        [Regime::Dusk, Regime::Infrared, Regime::Dusk]
    );
    // Bright or dark: without colour it is infrared.
    assert_eq!(regimes(&[([200; 3], 1.0)]), [Regime::Infrared]);
    assert_eq!(regimes(&[([0; 3], 1.0)]), [Regime::Infrared]);
}

#[test]
fn between_the_bounds_the_regime_stays_what_it_is() {
    // Luma of 0.235: above the bound of dusk, below that of day.
    let between = [55, 65, 45];
    let luma = measure(&flat(between)).luma;
    assert!(luma > DARK.0 && luma < DARK.1, "{luma}");
    assert_eq!(regimes(&[(BRIGHT, 2.0), (between, 9.0)])[1], Regime::Day);
    assert_eq!(regimes(&[(DIM, 2.0), (between, 9.0)])[1], Regime::Dusk);
}

#[test]
fn only_dark_pictures_are_brightened_and_only_where_it_is_wanted() {
    let tone = |enhance, rgb| {
        let mut condition = Condition::new(enhance);
        condition.observe(&flat(rgb), Stamp::default());
        *condition.tone()
    };
    assert_eq!(tone(true, BRIGHT), IDENTITY_TONE);
    assert_eq!(tone(false, DIM), IDENTITY_TONE);
    assert!(tone(true, DIM)[25] > 50);
}
