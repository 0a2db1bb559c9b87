use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// No two pixels are alike, so that whatever was touched shows.
fn speckled(width: u32, height: u32) -> Picture {
    let mut picture = Picture::new(width, height);
    for (i, pixel) in picture.data.chunks_exact_mut(3).enumerate() {
        pixel.copy_from_slice(&[(i % 251) as u8, (i / 251 % 256) as u8, (i * 7 % 256) as u8]);
    }
    picture
}

fn person(score: f32, bbox: [f32; 4]) -> Detection {
    let [x, y, w, h] = bbox;
    Detection { class: Class::Person, score, bbox: Rect { x, y, w, h }, cut: false }
}

fn colours(picture: &Picture, [left, top, right, bottom]: [u32; 4]) -> usize {
    let pixels = (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y)));
    pixels.map(|(x, y)| picture.pixel(x, y)).collect::<BTreeSet<_>>().len()
}

fn differs(a: &Picture, b: &Picture, x: u32, y: u32) -> bool {
    a.pixel(x, y) != b.pixel(x, y)
}

#[test]
fn of_a_person_a_handful_of_colours_is_left_and_the_rest_of_the_picture_as_it_was() {
    let before = speckled(640, 360);
    let mut after = before.clone();
    veil(&mut after, &[person(0.03, [0.25, 0.25, 0.1, 0.5])], &[], &ModelSpec::small());
    // 64 × 180 pixels, grown: 6 cells high, 3 wide at most.
    assert!(colours(&before, [160, 90, 224, 270]) > 5_000);
    let left = colours(&after, [160, 90, 224, 270]);
    assert!((6..=18).contains(&left), "{left} colours");
    // A head, a seventh of the height, is one cell or two, high and wide.
    assert!(colours(&after, [182, 92, 202, 116]) <= 4);
    for (x, y) in [(140, 180), (250, 180), (192, 50), (192, 320)] {
        assert!(!differs(&before, &after, x, y), "{x},{y}");
    }
}

#[test]
fn a_bear_stays_clear_where_somebody_stands_before_it_but_for_a_certain_person_s_head() {
    let before = speckled(640, 360);
    let bear = Rect { x: 0.3, y: 0.3, w: 0.4, h: 0.5 };
    let standing = [0.45, 0.25, 0.1, 0.5];
    let spec = ModelSpec::small();
    let mut doubtful = before.clone();
    veil(&mut doubtful, &[person(0.1, standing)], &[bear], &spec);
    let mut certain = before.clone();
    veil(&mut certain, &[person(0.9, standing)], &[bear], &spec);
    let (head, legs, above) = ((320, 130), (320, 250), (320, 95));
    assert!(!differs(&before, &doubtful, head.0, head.1), "what may be the bear's own head");
    assert!(differs(&before, &certain, head.0, head.1));
    for veiled in [&doubtful, &certain] {
        assert!(!differs(&before, veiled, legs.0, legs.1), "the bear behind the legs");
        assert!(differs(&before, veiled, above.0, above.1), "what is not before the bear");
        assert!(!differs(&before, veiled, 220, 200), "the bear");
    }
}

#[test]
fn where_nobody_could_look_only_the_bear_is_left() {
    let before = speckled(640, 360);
    let mut after = before.clone();
    veil_all(&mut after, &[Rect { x: 0.5, y: 0.5, w: 0.25, h: 0.25 }]);
    assert!(colours(&after, [0, 0, 640, 180]) <= 40);
    assert!(!differs(&before, &after, 400, 220) && differs(&before, &after, 10, 10));
}

proptest! {
    #[test]
    fn boxes_of_any_kind_are_pixelated_without_panic_and_touch_nothing_far_away(
        [x, y, w, h] in [-1.0f32..2.0, -1.0f32..2.0, 0.0f32..2.0, 0.0f32..2.0],
        (width, height) in (1u32..90, 1u32..90),
    ) {
        let before = speckled(width, height);
        let mut after = before.clone();
        let found = person(0.9, [x, y, w, h]);
        veil(&mut after, &[found], &[], &ModelSpec::small());
        let reach = grown(found.bbox);
        for (px, py) in [(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1), (width / 2, height / 2)] {
            let at = Rect::from_pixels([px as f32, py as f32, 1.0, 1.0], width, height);
            let near = Rect { x: reach.x - 0.1, y: reach.y - 0.1, w: reach.w + 0.2, h: reach.h + 0.2 };
            if reach.area() == 0.0 || near.intersection(at) == 0.0 {
                prop_assert!(!differs(&before, &after, px, py) || width < 20 || height < 20);
            }
        }
    }
}
