use super::*;
use crate::perceive::geometry::Rect;
use crate::perceive::regions::Region;
use crate::perceive::tone;
use proptest::prelude::*;

/// Grain of every contrast: the hardest picture to average right.
fn grain(width: u32, height: u32, seed: u32) -> Picture {
    let mut picture = Picture::new(width, height);
    let mut state = seed | 1;
    for value in &mut picture.data {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *value = (state >> 24) as u8;
    }
    picture
}

/// The triangle filter in f64 by its definition, one output value at a time.
fn reference(picture: &Picture, place: &Letterbox, (x, y): (u32, u32), channel: usize) -> f64 {
    let weights = |at: u32, source: u32, target: u32| -> Vec<f64> {
        let scale = f64::from(source) / f64::from(target);
        let centre = (f64::from(at) + 0.5) * scale - 0.5;
        let all = (0..source).map(|s| (1.0 - (f64::from(s) - centre).abs() / scale.max(1.0)).max(0.0));
        all.collect()
    };
    let across = weights(x, place.width, place.scaled_width);
    let down = weights(y, place.height, place.scaled_height);
    let (mut sum, mut weight) = (0.0, 0.0);
    for (line, wy) in (place.top..).zip(&down) {
        for (column, wx) in (place.left..).zip(&across) {
            if wx * wy > 0.0 {
                sum += wx * wy * f64::from(picture.pixel(column, line)[channel]);
                weight += wx * wy;
            }
        }
    }
    sum / weight
}

/// Largest difference from the reference, grey levels.
fn worst(picture: &Picture, region: Rect, spec: &InputSpec) -> f64 {
    let place = Letterbox::new(Region { rect: region }, picture.width, picture.height, spec);
    let mut input = Vec::new();
    Resampler::default().fill(picture, &place, spec, &IDENTITY_TONE, &mut input);
    assert_eq!(input.len(), 3 * (spec.width * spec.height) as usize);
    let mut worst = 0.0f64;
    for y in 0..place.scaled_height {
        for x in 0..place.scaled_width {
            for channel in 0..3 {
                let got = f64::from(input[(y * spec.width + x) as usize * 3 + channel]);
                worst = worst.max((got - reference(picture, &place, (x, y), channel)).abs());
            }
        }
    }
    worst
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn equals_the_triangle_filter_within_two_and_a_half_grey_levels(
        (width, height, iw, ih) in (1u32..150, 1u32..150, 10u32..70, 10u32..70),
        [x, y, w, h] in [0.0f32..0.9, 0.0f32..0.9, 0.05f32..1.0, 0.05f32..1.0],
        seed in 0u32..1000,
    ) {
        let spec = InputSpec { width: iw, height: ih, ..InputSpec::square(1) };
        let off = worst(&grain(width, height, seed), Rect { x, y, w, h }, &spec);
        prop_assert!(off <= 2.5, "{off}");
    }

    #[test]
    fn a_mirrored_region_is_the_same_from_right_to_left(
        (width, height, iw, ih) in (1u32..150, 1u32..150, 10u32..70, 10u32..70),
        [x, y, w, h] in [0.0f32..0.9, 0.0f32..0.9, 0.05f32..1.0, 0.05f32..1.0],
    ) {
        let (spec, picture) = (InputSpec { width: iw, height: ih, ..InputSpec::square(1) }, grain(width, height, 7));
        let place = Letterbox::new(Region { rect: Rect { x, y, w, h } }, width, height, &spec);
        let filled = |mirrored| {
            let mut input = Vec::new();
            Resampler::default().fill(&picture, &place.mirrored(mirrored), &spec, &IDENTITY_TONE, &mut input);
            input
        };
        let (straight, mirrored) = (filled(false), filled(true));
        let pixel = |input: &[u8], x: u32, y: u32| <[u8; 3]>::try_from(&input[(y * iw + x) as usize * 3..][..3]).unwrap();
        for (x, y) in (0..iw).flat_map(|x| (0..ih).map(move |y| (x, y))) {
            let from = if x < place.scaled_width { place.scaled_width - 1 - x } else { x };
            prop_assert_eq!(pixel(&mirrored, x, y), pixel(&straight, from, y));
        }
    }

    #[test]
    fn a_flat_picture_stays_exactly_flat(level in 0u8..=255, width in 1u32..300, side in 1u32..100) {
        let mut picture = Picture::new(width, 33);
        picture.data.fill(level);
        let spec = InputSpec { fill: level, ..InputSpec::square(side) };
        let place = Letterbox::new(Region { rect: Rect::WHOLE }, width, 33, &spec);
        let mut input = Vec::new();
        Resampler::default().fill(&picture, &place, &spec, &IDENTITY_TONE, &mut input);
        prop_assert!(input.iter().all(|&v| v == level));
    }
}

#[test]
fn a_large_picture_is_as_right_as_a_small_one() {
    assert!(worst(&grain(1280, 720, 5), Rect::WHOLE, &InputSpec::square(24)) <= 2.5);
    assert!(worst(&grain(4096, 3, 6), Rect::WHOLE, &InputSpec::square(416)) <= 2.5);
    // Hundreds of pixels in one, more than any lens is worth: weights of 1/256 are coarse there.
    assert!(worst(&grain(4096, 300, 7), Rect::WHOLE, &InputSpec::square(3)) <= 6.5);
}

#[test]
fn at_its_own_size_a_picture_is_copied() {
    let spec = InputSpec::square(16);
    let picture = grain(16, 16, 3);
    assert_eq!(worst(&picture, Rect::WHOLE, &spec), 0.0);
}

#[test]
fn one_pixel_fills_the_input() {
    let mut picture = Picture::new(1, 1);
    picture.data.copy_from_slice(&[10, 20, 30]);
    let spec = InputSpec::square(8);
    let place = Letterbox::new(Region { rect: Rect::WHOLE }, 1, 1, &spec);
    let mut input = Vec::new();
    Resampler::default().fill(&picture, &place, &spec, &IDENTITY_TONE, &mut input);
    assert_eq!(input, [10, 20, 30].repeat(64));
}

#[test]
fn order_and_margin_are_as_the_card_says() {
    let mut picture = Picture::new(4, 2);
    picture.data.chunks_exact_mut(3).for_each(|p| p.copy_from_slice(&[100, 150, 200]));
    let spec = InputSpec { order: ChannelOrder::Bgr, ..InputSpec::square(4) };
    let place = Letterbox::new(Region { rect: Rect::WHOLE }, 4, 2, &spec);
    let mut input = vec![7; 999];
    Resampler::default().fill(&picture, &place, &spec, &IDENTITY_TONE, &mut input);
    assert_eq!(input, [[200, 150, 100].repeat(8), vec![114; 24]].concat());
}

#[test]
fn shadows_are_lifted_after_averaging_and_the_margin_is_not() {
    let mut picture = Picture::new(8, 4);
    // Stripes of 0 and 40: their mean is 20, whatever the curve makes of 0 and 40.
    picture.data.chunks_exact_mut(3).enumerate().for_each(|(i, p)| p.fill(if i % 2 == 0 { 0 } else { 40 }));
    let table = tone::table(0.5);
    let spec = InputSpec::square(4);
    let place = Letterbox::new(Region { rect: Rect::WHOLE }, 8, 4, &spec);
    let mut input = Vec::new();
    Resampler::default().fill(&picture, &place, &spec, &table, &mut input);
    assert!(input[3].abs_diff(table[20]) <= 1, "{} is not {}", input[3], table[20]);
    assert_eq!(input[45], 114);
}
