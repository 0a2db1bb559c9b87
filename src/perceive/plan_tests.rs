use super::*;
use proptest::prelude::*;

const SIZE: (u32, u32) = (1280, 720);

fn far(x: f32, y: f32) -> Rect {
    Rect { x, y, w: 0.03, h: 0.04 }
}

proptest! {
    #[test]
    fn auto_never_exceeds_what_is_allowed_and_always_sees_the_whole(
        size in (1u32..4000, 1u32..3000),
        frames in proptest::collection::vec((0usize..12, proptest::collection::vec((0.0f32..1.0, 0.0f32..1.0), 0..8)), 1..30),
    ) {
        let input = InputSpec::square(416);
        let view = View { size, input: &input };
        let mut planner = Planner::new(RegionMode::Auto, Vec::new());
        for (allowed, wanted) in frames {
            let regions = planner.plan(&view, allowed, wanted.iter().map(|&(x, y)| far(x, y)));
            prop_assert_eq!(regions[0].rect, Rect::WHOLE);
            prop_assert!(regions.len() <= allowed.max(1));
            for region in regions {
                let r = region.rect;
                prop_assert!(r.x >= 0.0 && r.y >= 0.0 && r.area() > 0.0, "{:?}", r);
                prop_assert!(r.x + r.w <= 1.0 + 1e-5 && r.y + r.h <= 1.0 + 1e-5, "{:?}", r);
            }
        }
    }
}

/// Frames until every tile was looked at, with so many regions a frame and places that want a close look on each.
fn sweep(allowed: usize, wanted: &[Rect]) -> usize {
    let input = InputSpec::square(416);
    let view = View { size: SIZE, input: &input };
    let mut planner = Planner::new(RegionMode::Auto, Vec::new());
    let mut left = tiles(SIZE.0, SIZE.1, &input);
    for frame in 1..1000 {
        let regions = planner.plan(&view, allowed, wanted.iter().copied());
        left.retain(|tile| !regions.contains(tile));
        if left.is_empty() {
            return frame;
        }
    }
    panic!("{} tiles were never looked at", left.len());
}

#[test]
fn the_sweep_comes_round_even_where_much_deserves_a_close_look() {
    let tiles = tiles(SIZE.0, SIZE.1, &InputSpec::square(416)).len();
    assert_eq!(tiles, 8);
    let crowd: Vec<Rect> = (0..9).map(|i| far(0.1 * i as f32, 0.3 + 0.4 * (i % 2) as f32)).collect();
    assert_eq!(sweep(2, &[]), tiles, "one region to give, nothing else to look at");
    assert!(sweep(2, &crowd) <= 2 * tiles, "every other frame");
    for allowed in 3..12 {
        assert!(sweep(allowed, &crowd) <= tiles, "{allowed} allowed: at least one a frame");
    }
    assert_eq!(sweep(9, &[]), 1);
    assert_eq!(sweep(50, &[]), 1);
}

#[test]
fn a_place_is_looked_at_closely_as_soon_as_there_is_a_region_for_it() {
    let input = InputSpec::square(416);
    let view = View { size: SIZE, input: &input };
    let mut planner = Planner::new(RegionMode::Auto, Vec::new());
    let thing = far(0.7, 0.5);
    assert_eq!(planner.plan(&view, 1, [thing].into_iter()).len(), 1, "no room");
    let looked = |regions: &[Region]| view.sees(regions, thing);
    assert!(looked(&planner.plan(&view, 3, [thing].into_iter())));
    let two: Vec<bool> = (0..4).map(|_| looked(&planner.plan(&view, 2, [thing].into_iter()))).collect();
    assert!(two.windows(2).all(|w| w[0] || w[1]), "every other frame at least: {two:?}");
}

#[test]
fn what_a_region_shows_already_needs_no_other() {
    let input = InputSpec::square(416);
    let view = View { size: SIZE, input: &input };
    let mut planner = Planner::new(RegionMode::Auto, Vec::new());
    let close = planner.plan(&view, 4, [far(0.5, 0.5), far(0.51, 0.5)].into_iter());
    let tiles = tiles(SIZE.0, SIZE.1, &input);
    assert_eq!(
        close.iter().filter(|r| !tiles.contains(r)).count(),
        2,
        "the whole and one close look: {close:?}"
    );
    // A bear that is large in the whole frame needs none.
    let large = Rect { x: 0.3, y: 0.3, w: 0.3, h: 0.5 };
    let regions = planner.plan(&view, 4, [large].into_iter());
    assert!(regions[1..].iter().all(|r| tiles.contains(r)));
}

#[test]
fn a_thing_counts_as_seen_only_where_it_is_large_enough_and_mostly_inside() {
    let input = InputSpec::square(416);
    let view = View { size: SIZE, input: &input };
    let whole = [Region { rect: Rect::WHOLE }];
    assert!(!view.sees(&whole, far(0.2, 0.2)));
    assert!(view.sees(&whole, Rect { x: 0.2, y: 0.2, w: 0.2, h: 0.4 }));
    let tile = [tiles(SIZE.0, SIZE.1, &input)[0]];
    assert!(view.sees(&tile, far(0.1, 0.1)));
    assert!(!view.sees(&tile, far(0.315, 0.1)), "half of it is outside");
    assert!(!view.sees(&[], far(0.1, 0.1)));
}

#[test]
fn a_close_look_keeps_the_animal_in_its_surroundings() {
    let input = InputSpec::square(416);
    let view = View { size: SIZE, input: &input };
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
    let view = View { size: SIZE, input: &input };
    let plan = |mode, allowed| {
        Planner::new(mode, Vec::new()).plan(&view, allowed, [far(0.5, 0.5)].into_iter()).len()
    };
    assert_eq!(plan(RegionMode::Whole, 9), 1);
    assert_eq!(plan(RegionMode::Tiles, 1), 9);
    let small = View { size: (600, 400), input: &input };
    assert_eq!(
        Planner::new(RegionMode::Auto, Vec::new()).plan(&small, 9, [far(0.5, 0.5)].into_iter()).len(),
        1
    );
}

#[test]
fn what_is_watched_comes_twice_a_round_and_everything_else_once() {
    let place = Rect { x: 0.02, y: 0.02, w: 0.01, h: 0.01 };
    let input = InputSpec::square(416);
    let view = View { size: (2048, 1536), input: &input };
    let all = tiles(2048, 1536, &input);
    let watched = all.iter().filter(|tile| tile.rect.intersection(place) > 0.0).count();
    let mut planner = Planner::new(RegionMode::Auto, vec![place]);
    let mut seen = vec![0; all.len()];
    for _ in 0..all.len() + watched {
        for region in &planner.plan(&view, 3, std::iter::empty())[1..] {
            seen[all.iter().position(|tile| tile == region).unwrap()] += 1;
        }
    }
    for (tile, &times) in all.iter().zip(&seen) {
        let wanted = if tile.rect.intersection(place) > 0.0 { 4 } else { 2 };
        assert_eq!(times, wanted, "{tile:?}");
    }
}
