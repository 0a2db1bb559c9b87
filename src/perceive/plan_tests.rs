use super::*;
use proptest::prelude::*;

const SIZE: (u32, u32) = (1280, 720);

fn far(x: f32, y: f32) -> Rect {
    Rect { x, y, w: 0.03, h: 0.04 }
}

fn of<'a>(followed: &'a [Rect], moving: &'a [Rect]) -> Wanted<'a> {
    Wanted { followed, moving }
}

proptest! {
    #[test]
    fn auto_never_exceeds_what_is_allowed_and_never_stays_blind(
        size in (1u32..4000, 1u32..3000),
        frames in proptest::collection::vec(
            (0usize..12, 0u64..3000, proptest::collection::vec((0.0f32..1.0, 0.0f32..1.0), 0..8)),
            1..30,
        ),
    ) {
        let input = InputSpec::square(416);
        let view = View { size, input: &input, closest: MOST_ENLARGED };
        let mut planner = Planner::new(RegionMode::Auto, Vec::new());
        let mut now_ms = 0;
        for (allowed, passed_ms, places) in frames {
            now_ms += passed_ms;
            let places: Vec<Rect> = places.iter().map(|&(x, y)| far(x, y)).collect();
            let regions = planner.plan(&view, now_ms, allowed, of(&places, &places));
            prop_assert!((1..=allowed.max(1)).contains(&regions.len()));
            for region in regions {
                let r = region.rect;
                prop_assert!(r.x >= 0.0 && r.y >= 0.0 && r.area() > 0.0, "{:?}", r);
                prop_assert!(r.x + r.w <= 1.0 + 1e-5 && r.y + r.h <= 1.0 + 1e-5, "{:?}", r);
            }
        }
    }
}

/// Frames of 200 ms until every tile and the whole were looked at, with so many regions a frame and places that want a close look on each.
fn sweep(allowed: usize, moving: &[Rect]) -> usize {
    let input = InputSpec::square(416);
    let view = View { size: SIZE, input: &input, closest: MOST_ENLARGED };
    let mut planner = Planner::new(RegionMode::Auto, Vec::new());
    let mut left = tiles(SIZE.0, SIZE.1, &input);
    left.push(Region { rect: Rect::WHOLE });
    for frame in 1..1000 {
        let regions = planner.plan(&view, 200 * frame as u64, allowed, of(&[], moving));
        left.retain(|tile| !regions.contains(tile));
        if left.is_empty() {
            return frame;
        }
    }
    panic!("{} tiles were never looked at", left.len());
}

#[test]
fn the_sweep_comes_round_even_where_much_moves() {
    let tiles = tiles(SIZE.0, SIZE.1, &InputSpec::square(416)).len();
    assert_eq!(tiles, 8);
    let crowd: Vec<Rect> = (0..9).map(|i| far(0.1 * i as f32, 0.3 + 0.4 * (i % 2) as f32)).collect();
    assert!(sweep(1, &[]) <= 20, "four seconds, in which the whole is looked at four times");
    assert!(sweep(1, &crowd) <= 80);
    assert!(sweep(3, &crowd) <= 25);
    assert_eq!(sweep(9, &[]), 1);
    assert_eq!(sweep(50, &crowd), 1);
}

#[test]
fn nothing_is_further_behind_than_all_must_be() {
    let input = InputSpec::square(416);
    let view = View { size: SIZE, input: &input, closest: MOST_ENLARGED };
    let mut planner = Planner::new(RegionMode::Auto, Vec::new());
    let (bear, bush) = ([far(0.7, 0.5)], [far(0.2, 0.2)]);
    let (mut followed, mut moving, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for now_ms in (0..60_000).step_by(200) {
        let regions = planner.plan(&view, now_ms, 1, of(&bear, &bush));
        let note = |seen: bool, times: &mut Vec<u64>| {
            if seen {
                times.push(now_ms)
            }
        };
        note(view.sees(&regions, bear[0]), &mut followed);
        note(view.sees(&regions, bush[0]), &mut moving);
        note(regions[0].rect == Rect::WHOLE, &mut whole);
    }
    let longest = |times: &[u64]| times[1..].windows(2).map(|w| w[1] - w[0]).max().unwrap();
    // 5 looks a second have to do for 2.5 + 1 + 1 + 2 a second: all are late by the same share, and by a frame.
    assert!(longest(&followed) <= 800, "{} ms", longest(&followed));
    assert!(longest(&moving) <= 1600 && longest(&whole) <= 1600, "{} {}", longest(&moving), longest(&whole));
}

#[test]
fn what_is_new_is_looked_at_closely_at_once() {
    let input = InputSpec::square(416);
    let view = View { size: SIZE, input: &input, closest: MOST_ENLARGED };
    let mut planner = Planner::new(RegionMode::Auto, Vec::new());
    (0..50).for_each(|frame| drop(planner.plan(&view, 200 * frame, 1, Wanted::default())));
    let thing = [far(0.7, 0.5)];
    assert!(view.sees(&planner.plan(&view, 10_000, 1, of(&[], &thing)), thing[0]));
    // A bear that is large in the whole frame is looked at there.
    let large = [Rect { x: 0.3, y: 0.3, w: 0.3, h: 0.5 }];
    assert_eq!(planner.plan(&view, 11_000, 1, of(&large, &[])), [Region { rect: Rect::WHOLE }]);
}

#[test]
fn what_a_region_shows_already_needs_no_other() {
    let input = InputSpec::square(416);
    let view = View { size: SIZE, input: &input, closest: MOST_ENLARGED };
    let mut planner = Planner::new(RegionMode::Auto, Vec::new());
    let close = planner.plan(&view, 0, 4, of(&[far(0.5, 0.5), far(0.51, 0.5)], &[far(0.5, 0.51)]));
    let tiles = tiles(SIZE.0, SIZE.1, &input);
    assert_eq!(
        close.iter().filter(|r| !tiles.contains(r)).count(),
        2,
        "the whole and one close look: {close:?}"
    );
}

#[test]
fn a_thing_counts_as_seen_only_where_it_is_large_enough_and_mostly_inside() {
    let input = InputSpec::square(416);
    let view = View { size: SIZE, input: &input, closest: MOST_ENLARGED };
    let whole = [Region { rect: Rect::WHOLE }];
    assert!(!view.sees(&whole, far(0.2, 0.2)));
    assert!(view.sees(&whole, Rect { x: 0.2, y: 0.2, w: 0.2, h: 0.4 }));
    let tile = [tiles(SIZE.0, SIZE.1, &input)[0]];
    let near = |x: f32| Rect { x, y: 0.1, w: 0.04, h: 0.08 };
    assert!(view.sees(&tile, near(0.1)));
    assert!(!view.sees(&tile, near(0.315)), "half of it is outside");
    assert!(!view.sees(&[], near(0.1)));
    assert!(!view.sees(&tile, far(0.1, 0.1)), "38 by 29 pixels can be enlarged");
    assert!(view.sees(&[view.close_look(far(0.1, 0.1))], far(0.1, 0.1)));
    let tiled = View { closest: 1.0, ..view };
    assert!(
        tiled.sees(&tile, far(0.1, 0.1)),
        "where nothing is enlarged, its own resolution is all there is"
    );
}

#[test]
fn a_close_look_enlarges_who_is_small_but_not_beyond_what_helps() {
    let input = InputSpec::square(416);
    let view = View { size: (2048, 1536), input: &input, closest: MOST_ENLARGED };
    let square = |px: f32| Rect::from_pixels([900.0, 700.0, px, px], 2048, 1536);
    for (px, scale) in [(10.0, 3.0), (26.0, 3.0), (40.0, 2.0), (80.0, 1.0), (150.0, 1.0), (208.0, 0.8)] {
        assert!((view.scale(&view.close_look(square(px))) - scale).abs() < 0.03, "{px} px");
    }
}

#[test]
fn a_close_look_keeps_the_animal_in_its_surroundings() {
    let input = InputSpec::square(416);
    let view = View { size: SIZE, input: &input, closest: MOST_ENLARGED };
    for thing in [far(0.0, 0.0), far(0.97, 0.96), Rect { x: 0.4, y: 0.2, w: 0.25, h: 0.6 }] {
        let region = view.close_look(thing);
        assert!(region.rect.intersection(thing) > 0.999 * thing.area(), "{thing:?} in {region:?}");
        let clipped = region.rect.clipped();
        assert!((clipped.area() - region.rect.area()).abs() < 1e-5, "{region:?} leaves the frame");
    }
}

#[test]
fn the_other_modes_look_as_they_are_told() {
    let input = InputSpec::square(416);
    let view = View { size: SIZE, input: &input, closest: MOST_ENLARGED };
    let plan = |mode, allowed| {
        Planner::new(mode, Vec::new()).plan(&view, 0, allowed, of(&[far(0.5, 0.5)], &[])).len()
    };
    assert_eq!(plan(RegionMode::Whole, 9), 1);
    assert_eq!(plan(RegionMode::Tiles, 1), 9);
    // A frame that the input shows as it is has no tiles; who is small in it is enlarged all the same.
    let mut planner = Planner::new(RegionMode::Auto, Vec::new());
    let small = planner.view((600, 400), &input);
    assert_eq!(planner.plan(&small, 0, 9, of(&[far(0.5, 0.5)], &[])).len(), 2);
    assert_eq!(planner.plan(&small, 200, 9, Wanted::default()).len(), 1);
}

#[test]
fn what_is_watched_comes_twice_as_often_as_the_rest() {
    let place = Rect { x: 0.02, y: 0.02, w: 0.01, h: 0.01 };
    let input = InputSpec::square(416);
    let view = View { size: (2048, 1536), input: &input, closest: MOST_ENLARGED };
    let all = tiles(2048, 1536, &input);
    let mut planner = Planner::new(RegionMode::Auto, vec![place]);
    let mut seen = vec![0; all.len()];
    for frame in 0..1000 {
        for region in planner.plan(&view, 200 * frame, 2, Wanted::default()) {
            seen.iter_mut().zip(&all).filter(|(_, tile)| **tile == region).for_each(|(times, _)| *times += 1);
        }
    }
    let watched = |tile: &Region| tile.rect.intersection(place) > 0.0;
    let times = |wanted: bool| {
        seen.iter().zip(&all).filter(move |(_, tile)| watched(tile) == wanted).map(|(&times, _)| times)
    };
    let (least, most) = (times(true).min().unwrap(), times(false).max().unwrap());
    assert!(f64::from(least) > 1.7 * f64::from(most), "{seen:?}");
}

#[test]
fn a_still_is_looked_at_again_where_something_is_too_small_to_be_known() {
    let input = InputSpec::square(416);
    let view = View::new((640, 480), &input, RegionMode::Auto);
    let whole = [Region { rect: Rect::WHOLE }];
    let found = |class, score, bbox| Detection { class, score, bbox, cut: false };
    let (small, corner) =
        (Rect { x: 0.4, y: 0.5, w: 0.05, h: 0.05 }, Rect { x: 0.0, y: 0.0, w: 0.04, h: 0.05 });
    let large = Rect { x: 0.2, y: 0.2, w: 0.4, h: 0.5 };
    for bbox in [small, corner] {
        let looks = second_looks(&view, &whole, &[found(Class::Bear, 0.3, bbox)]);
        assert_eq!(looks.iter().map(|look| look.mirrored).collect::<Vec<_>>(), [false, true], "{looks:?}");
        assert!(looks.iter().all(|look| view.sees(&[look.region], bbox)), "{looks:?}");
        // But for the last bit of a sum.
        let inside = |look: &Look| look.region.rect.clipped().iou(look.region.rect) > 0.9999;
        assert!(looks.iter().all(inside), "{looks:?}");
    }
    let aside = second_looks(&view, &whole, &[found(Class::Bear, 0.3, small)]);
    assert_ne!(aside[0].region, aside[1].region);
    let two = [found(Class::Bear, 0.3, large), found(Class::Bear, 0.25, Rect { x: 0.5, ..large })];
    let again = second_looks(&view, &whole, &two);
    let shown = |look: &Look| (look.region.rect.w, look.mirrored);
    let wanted = [(1.0, true), (SMALLER, false), (SMALLER, true)];
    assert_eq!(again.iter().map(shown).collect::<Vec<_>>(), wanted, "once for both");
    let barely = Rect { w: 0.13, h: 0.15, ..large };
    let again = second_looks(&view, &whole, &[found(Class::Bear, 0.3, barely)]);
    assert!(view.sees(&whole, barely) && again.len() == 1, "smaller it would be too small: {again:?}");
    let nothing = [
        found(Class::Bear, 0.1, large),
        found(Class::Animal, 0.9, large),
        found(Class::Person, 0.9, small),
        found(Class::Bear, 0.01, small),
    ];
    assert_eq!(second_looks(&view, &whole, &nothing), []);
    let crowd: Vec<Detection> =
        (0..20).map(|i| found(Class::Bear, 0.5, Rect { x: 0.05 * i as f32, ..small })).collect();
    assert!(second_looks(&view, &whole, &crowd).len() <= MOST_SECOND_LOOKS + 1);
}

proptest! {
    #[test]
    fn a_close_look_at_whatever_it_is_counts_as_one(
        size in (200u32..4000, 200u32..3000),
        side in 32u32..700,
        [x, y, w, h] in [0.0f32..1.0, 0.0f32..1.0, 0.002f32..1.0, 0.002f32..1.0],
    ) {
        let input = InputSpec::square(side);
        let thing = Rect { x, y, w, h }.clipped();
        for mode in [RegionMode::Whole, RegionMode::Tiles, RegionMode::Auto] {
            let view = View::new(size, &input, mode);
            let look = if mode == RegionMode::Whole { Region { rect: Rect::WHOLE } } else { view.close_look(thing) };
            prop_assert!(view.sees(&[look], thing), "{:?} by {:?}: missing it would never count", thing, look);
        }
    }
}
