use super::*;
use crate::perceive::geometry::Rect;
use crate::perceive::governor::Level;

/// Frames of 640 × 360, all grey but for a dark square of 16 pixels; whether each had a closer look at its place.
fn closer_looks(perception: &mut Perception, squares: impl Iterator<Item = Option<(u32, u32)>>) -> Vec<bool> {
    const SIZE: (u32, u32) = (640, 360);
    let mut now_ms = 0;
    let mut look = |square: Option<(u32, u32)>| {
        let mut picture = Picture::new(SIZE.0, SIZE.1);
        picture.data.fill(120);
        for (x, y) in square.iter().flat_map(|&(x, y)| (0..256).map(move |i| (x + i % 16, y + i / 16))) {
            picture.data[((y * SIZE.0 + x) * 3) as usize..][..3].fill(20);
        }
        let regions = perception.begin(&picture, Stamp { uptime_ms: now_ms, ..Stamp::default() });
        // Two regions are all that this board can afford: the whole frame and one more.
        perception.finish(Spent {
            total_ms: 80.0 * regions.len() as f64,
            per_region_ms: 80.0,
            ..Spent::default()
        });
        now_ms += 200;
        let (x, y) = square.unwrap_or_default();
        let place = Rect::from_pixels([x as f32, y as f32, 16.0, 16.0], SIZE.0, SIZE.1);
        let closely = |r: &&Region| r.rect != Rect::WHOLE;
        regions.iter().filter(closely).any(|r| r.rect.intersection(place) >= 0.99 * place.area())
    };
    squares.map(&mut look).collect()
}

#[test]
fn what_moves_is_looked_at_closely_long_before_the_sweep_comes_there() {
    let settings = Settings { budget_ms: 300.0, ..Settings::default() };
    let mut perception = Perception::new(ModelSpec::small(), settings);
    // Until the board is known, and the sweep has made up for it.
    let settled = std::iter::repeat_n(None, 150);
    let walk = (0..20).map(|step| Some((300 + step * 8, 200)));
    let looks = closer_looks(&mut perception, settled.chain(walk));
    let walking = &looks[150..];
    // Once a second at least, beside a sweep of sixty tiles: what sits still must be found, too.
    assert!(walking.windows(5).all(|second| second.contains(&true)), "{walking:?}");
    assert!(walking[..2].contains(&true), "at once: {walking:?}");
}

#[test]
fn a_hot_board_is_given_half_of_the_regions_that_it_could_afford() {
    let mut perception = Perception::new(ModelSpec::small(), Settings { hot_c: 78.0, ..Settings::default() });
    let picture = Picture::new(640, 360);
    let mut now_ms = 0;
    let mut frames = |perception: &mut Perception, degrees: f32| {
        perception.feel(Board { temperature_c: Some(degrees), throttled: None });
        let look = |_| {
            now_ms += 200;
            let regions = perception.begin(&picture, Stamp { uptime_ms: now_ms, ..Stamp::default() }).len();
            let spent = Spent { total_ms: 40.0 * regions as f64, per_region_ms: 40.0, ..Spent::default() };
            (regions, perception.finish(spent).effort)
        };
        (0..60).map(look).last().unwrap_or_default()
    };
    // 70 % of 500 ms at 40 ms each.
    assert_eq!(frames(&mut perception, 77.0).0, 8);
    let (regions, effort) = frames(&mut perception, 79.0);
    assert_eq!((regions, effort.level), (4, Level::Half));
    assert_eq!(frames(&mut perception, 79.0).0, 2, "it did not help");
}

#[test]
fn areas_that_are_drawn_later_hold_from_the_next_frame_on() {
    let mut perception = Perception::new(ModelSpec::small(), Settings::default());
    let place = Rect { x: 0.1, y: 0.1, w: 0.2, h: 0.2 };
    assert!(!perception.is_masked() && !perception.hides(place));
    let privacy = vec![Polygon::parse("0,0 0.5,0 0.5,0.5 0,0.5").unwrap()];
    perception.redraw(&Settings { privacy, ..Settings::default() });
    let mut picture = Picture::new(64, 36);
    picture.data.fill(200);
    perception.mask(&mut picture);
    assert!(perception.hides(place) && perception.seen_share() == 0.75);
    assert_eq!((picture.pixel(10, 10), picture.pixel(50, 30)), ([0; 3], [200; 3]));
    perception.redraw(&Settings::default());
    assert!(!perception.is_masked());
}
