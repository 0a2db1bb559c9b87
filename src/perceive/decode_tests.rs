use super::*;
use crate::perceive::model::Class;
use crate::perceive::regions::Region;
use proptest::prelude::*;

fn whole(spec: &ModelSpec, width: u32, height: u32) -> Letterbox {
    Letterbox::new(Region { rect: Rect::WHOLE }, width, height, &spec.input)
}

fn decoded(spec: &ModelSpec, output: &[f32], size: (u32, u32), min_score: f32) -> Vec<Detection> {
    let mut found = Vec::new();
    decode(output, spec, &whole(spec, size.0, size.1), size, Regime::Day, min_score, &mut found);
    found
}

/// YOLOX as its paper states it, in f64, cell by cell, without any short cut.
fn reference(
    spec: &ModelSpec,
    output: &[f32],
    (width, height): (u32, u32),
    min_score: f64,
) -> Vec<(Class, f64, [f64; 4])> {
    let mut found = Vec::new();
    let mut at = 0;
    let scale = (f64::from(spec.input.width) / f64::from(width))
        .min(f64::from(spec.input.height) / f64::from(height));
    for &stride in &spec.output.strides {
        for line in 0..spec.input.height / stride {
            for column in 0..spec.input.width / stride {
                let row: Vec<f64> = output[at..at + 8].iter().map(|&v| f64::from(v)).collect();
                at += 8;
                let (cx, cy) = (
                    (row[0] + f64::from(column)) * f64::from(stride),
                    (row[1] + f64::from(line)) * f64::from(stride),
                );
                let (w, h) = (row[2].exp() * f64::from(stride), row[3].exp() * f64::from(stride));
                let best = (0..3).max_by(|&a, &b| row[5 + a].total_cmp(&row[5 + b])).unwrap();
                let score = row[4] * row[5 + best];
                if score >= min_score {
                    let edge = |v: f64, side: u32| (v / scale / f64::from(side)).clamp(0.0, 1.0);
                    let (left, right) = (edge(cx - w / 2.0, width), edge(cx + w / 2.0, width));
                    let (top, low) = (edge(cy - h / 2.0, height), edge(cy + h / 2.0, height));
                    if right > left && low > top {
                        found.push((Class::ALL[best], score, [left, top, right - left, low - top]));
                    }
                }
            }
        }
    }
    found
}

/// A row of the head: offset within the cell, log size, objectness, three class scores.
fn plausible_row() -> impl Strategy<Value = Vec<f32>> {
    (-1.0f32..2.0, -1.0f32..2.0, -2.0f32..2.0, -2.0f32..2.0, proptest::array::uniform4(0.0f32..1.0))
        .prop_map(|(x, y, w, h, scores)| [vec![x, y, w, h], scores.to_vec()].concat())
}

fn detections() -> impl Strategy<Value = Detection> {
    let bbox =
        [0.0f32..0.8, 0.0f32..0.8, 0.01f32..0.5, 0.01f32..0.5].prop_map(|[x, y, w, h]| Rect { x, y, w, h });
    let class = proptest::sample::select(Class::ALL.to_vec());
    (class, 0.0f32..1.0, bbox, any::<bool>()).prop_map(|(class, score, bbox, cut)| Detection {
        class,
        score,
        bbox,
        cut,
    })
}

fn wild() -> impl Strategy<Value = f32> {
    let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 0.0, -0.0];
    prop_oneof![3 => -10.0f32..10.0, 1 => proptest::sample::select(odd.to_vec())]
}

proptest! {
    #[test]
    fn equals_the_formula(rows in proptest::collection::vec(plausible_row(), 84)) {
        let spec = ModelSpec::small();
        let output = rows.concat();
        let found = decoded(&spec, &output, (128, 128), 0.2);
        let wanted = reference(&spec, &output, (128, 128), 0.2);
        prop_assert_eq!(found.len(), wanted.len());
        for (got, (class, score, bbox)) in found.iter().zip(wanted) {
            prop_assert_eq!(got.class, class);
            prop_assert!((f64::from(got.score) - score).abs() < 1e-5);
            let sides = [got.bbox.x, got.bbox.y, got.bbox.w, got.bbox.h];
            prop_assert!(sides.iter().zip(bbox).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-4), "{:?} {:?}", got, bbox);
        }
    }

    #[test]
    fn a_model_gone_wild_gives_only_boxes_in_the_frame(output in proptest::collection::vec(wild(), 84 * 8)) {
        let spec = ModelSpec::small();
        for found in decoded(&spec, &output, (640, 360), 0.05) {
            let b = found.bbox;
            prop_assert!((0.05..=1.0).contains(&found.score));
            prop_assert!(b.x >= 0.0 && b.y >= 0.0 && b.area() > 0.0);
            prop_assert!(b.x + b.w <= 1.0 + 1e-6 && b.y + b.h <= 1.0 + 1e-6);
        }
    }

    #[test]
    fn suppression_leaves_no_doubles_and_loses_no_place(before in proptest::collection::vec(detections(), 0..60)) {
        let mut after = before.clone();
        suppress(&mut after);
        prop_assert!(after.is_sorted_by(|a, b| a.score >= b.score));
        for (i, kept) in after.iter().enumerate() {
            prop_assert!(before.contains(kept));
            prop_assert!(!after[..i].iter().any(|better| better.class == kept.class && before_it(better, kept) && same(better.bbox, *kept)));
        }
        for gone in before.iter().filter(|d| !after.contains(d)) {
            let covered = |k: &&Detection| k.class == gone.class && before_it(k, gone) && same(k.bbox, *gone);
            prop_assert!(after.iter().any(|k| covered(&k)), "{:?} vanished without a better one", gone);
        }
    }
}

/// Whole ones before those that are cut off, then by score.
fn before_it(one: &Detection, other: &Detection) -> bool {
    (one.cut, -one.score) <= (other.cut, -other.score)
}

/// One cell of stride 8 speaks; everything else is silent.
fn one_voice(row: [f32; 8]) -> Vec<f32> {
    let mut output = vec![0.0; 84 * 8];
    output[8 * (3 * 8 + 2)..][..8].copy_from_slice(&row);
    output
}

#[test]
fn a_box_stands_where_its_cell_says() {
    let spec = ModelSpec::small();
    // Column 2, line 3: centre at (20, 28) of 64; a picture of 128 × 64 takes the upper half at scale 0.5.
    let output = one_voice([0.5, 0.5, 0.0, 0.0, 0.9, 0.8, 0.1, 0.2]);
    let found = decoded(&spec, &output, (128, 64), 0.1);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].class, found[0].score), (Class::Bear, 0.9 * 0.8));
    let [x, y, w, h] = found[0].bbox.to_pixels(128, 64);
    assert_eq!([x, y, w, h], [32.0, 48.0, 16.0, 16.0]);
}

#[test]
fn a_class_may_have_several_channels() {
    let mut spec = ModelSpec::small();
    spec.classes[0].channels = vec![0, 2];
    spec.classes.truncate(2);
    let found = decoded(&spec, &one_voice([0.5, 0.5, 0.0, 0.0, 1.0, 0.1, 0.3, 0.7]), (64, 64), 0.1);
    assert_eq!((found[0].class, found[0].score), (Class::Bear, 0.7));
}

#[test]
fn a_size_that_is_no_number_is_no_box() {
    let spec = ModelSpec::small();
    for at in 0..6 {
        let mut row = [0.5, 0.5, 0.0, 0.0, 0.9, 0.8, 0.1, 0.2];
        row[at] = f32::NAN;
        let found = decoded(&spec, &one_voice(row), (64, 64), 0.3);
        assert!(found.is_empty(), "NaN at {at}: {found:?}");
    }
}

#[test]
fn boxes_in_the_letterbox_margin_are_not_on_the_picture() {
    let spec = ModelSpec::small();
    // The picture of 128 × 32 fills 16 lines of the input; the cell stands at 28.
    assert!(decoded(&spec, &one_voice([0.5, 0.5, 0.0, 0.0, 0.9, 0.9, 0.0, 0.0]), (128, 32), 0.1).is_empty());
}

fn bear(score: f32, x: f32, w: f32) -> Detection {
    Detection { class: Class::Bear, score, bbox: Rect { x, y: 0.2, w, h: 0.4 }, cut: false }
}

#[test]
fn two_bears_stay_two_and_an_ear_is_no_bear() {
    let mut detections =
        vec![bear(0.6, 0.5, 0.2), bear(0.9, 0.1, 0.2), bear(0.7, 0.12, 0.2), bear(0.5, 0.25, 0.04)];
    suppress(&mut detections);
    assert_eq!(detections, [bear(0.9, 0.1, 0.2), bear(0.6, 0.5, 0.2)]);
}

#[test]
fn halves_that_tiles_cut_make_room_for_the_whole_bear_and_stay_where_there_is_none() {
    let half = |score, x| Detection { cut: true, ..bear(score, x, 0.15) };
    let mut detections = vec![half(0.95, 0.1), half(0.9, 0.22), bear(0.6, 0.1, 0.3), half(0.8, 0.7)];
    suppress(&mut detections);
    assert_eq!(detections, [half(0.8, 0.7), bear(0.6, 0.1, 0.3)]);
}

#[test]
fn a_box_at_a_tiles_inner_edge_is_cut_and_one_at_the_frames_edge_is_not() {
    let spec = ModelSpec::small();
    // Cell (0, 0), centre at (4, 4) of 64, 8 wide: it touches the left and the upper edge.
    let mut output = vec![0.0; 84 * 8];
    output[..8].copy_from_slice(&[0.5, 0.5, 0.0, 0.0, 0.9, 0.8, 0.1, 0.2]);
    let cut = |x, y| {
        let place = Letterbox::new(Region { rect: Rect { x, y, w: 0.5, h: 0.5 } }, 128, 128, &spec.input);
        let mut found = Vec::new();
        decode(&output, &spec, &place, (128, 128), Regime::Day, 0.1, &mut found);
        found[0].cut
    };
    assert_eq!([cut(0.0, 0.0), cut(0.5, 0.0), cut(0.0, 0.5), cut(0.25, 0.25)], [false, true, true, true]);
}

#[test]
fn a_person_in_front_of_a_bear_is_kept() {
    let person = Detection { class: Class::Person, ..bear(0.5, 0.1, 0.2) };
    let mut detections = vec![person, bear(0.9, 0.1, 0.2)];
    suppress(&mut detections);
    assert_eq!(detections.len(), 2);
}
