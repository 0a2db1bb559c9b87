//! The core as a whole, by plain calls: frames and the model's output go in, observations come out. What the model says is written
//! by hand into the rows of a YOLOX head; time is an argument.

#![allow(clippy::unwrap_used, reason = "a test program")]

use std::collections::BTreeMap;

use bearwatch::perceive::frame::{Picture, Stamp};
use bearwatch::perceive::geometry::Rect;
use bearwatch::perceive::model::{
    Calibration, ChannelOrder, Class, ClassSpec, InputSpec, ModelSpec, OutputLayout, OutputSpec,
};
use bearwatch::perceive::observation::{Alert, AlertState, Observation};
use bearwatch::perceive::perception::{Perception, Spent};
use bearwatch::perceive::regions::{Letterbox, Region};
use bearwatch::perceive::settings::Settings;
use proptest::prelude::*;

const SIDE: u32 = 64;
const STRIDES: [u32; 3] = [8, 16, 32];
const ANCHORS: usize = 64 + 16 + 4;
/// Bears score above this on a frame that is to count for them.
const OPERATING_POINT: f32 = 0.4;
/// The model knows nothing that is smaller in its input, pixels.
const ACUITY_PX: f32 = 5.0;

fn spec() -> ModelSpec {
    let class = |(channel, name)| ClassSpec {
        name,
        channels: vec![channel],
        threshold: OPERATING_POINT,
        calibration: Calibration::default(),
        look: None,
        regimes: Vec::new(),
        stills: None,
    };
    let order = ChannelOrder::Bgr;
    ModelSpec {
        input: InputSpec { width: SIDE, height: SIDE, order, mean: [0.0; 3], std: [1.0; 3], fill: 114 },
        output: OutputSpec { layout: OutputLayout::Yolox, strides: STRIDES.to_vec() },
        classes: Class::ALL.into_iter().enumerate().map(class).collect(),
        channels: 3,
    }
}

/// What stands before the camera: a box and the model's scores for bear, person and animal.
#[derive(Clone, Copy, Debug)]
struct Thing(Rect, [f32; 3]);

fn bear(x: f32, score: f32) -> Thing {
    Thing(Rect { x, y: 0.3, w: 0.2, h: 0.4 }, [score, 0.0, 0.0])
}

/// A camera with a model that sees what it is told to.
struct Camera {
    perception: Perception,
    picture: Picture,
    now_ms: f64,
    fps: f64,
    spent: Spent,
    alerts: Vec<Alert>,
}

impl Camera {
    fn new(fps: f64) -> Camera {
        Camera::with(Settings::default(), fps)
    }

    fn with(settings: Settings, fps: f64) -> Camera {
        let perception = Perception::new(spec(), settings);
        let picture = Picture::new(80, 45);
        Camera { perception, picture, now_ms: 1000.0, fps, spent: Spent::default(), alerts: Vec::new() }
    }

    /// One frame: begin, fill and read each region, finish.
    fn frame(&mut self, things: &[Thing]) -> Observation {
        let stamp = Stamp { uptime_ms: self.now_ms as u64, ..Stamp::default() };
        let regions = self.perception.begin(&self.picture, stamp);
        let mut input = Vec::new();
        for region in regions {
            self.perception.fill(&self.picture, region, &mut input);
            assert_eq!(input.len(), (3 * SIDE * SIDE) as usize);
            self.perception.read(region, &self.output(region, things));
        }
        let observation = self.perception.finish(self.spent);
        self.alerts.extend(&observation.alerts);
        self.now_ms += 1000.0 / self.fps;
        observation
    }

    fn show(&mut self, seconds: f64, things: &[Thing]) -> Observation {
        (1..(seconds * self.fps).round() as u32).for_each(|_| drop(self.frame(things)));
        self.frame(things)
    }

    /// The head's rows for what lies in a region; each class speaks through a stride of its own.
    fn output(&self, region: Region, things: &[Thing]) -> Vec<f32> {
        let mut rows = vec![0.0; ANCHORS * 8];
        let place = self.perception.place(region);
        for Thing(rect, scores) in things {
            let Some((cx, cy, w, h)) = self.in_input(&place, *rect) else { continue };
            let mut first = 0;
            for (class, &stride) in STRIDES.iter().enumerate() {
                let (s, across) = (stride as f32, SIDE / stride);
                let (column, line) = ((cx / s) as u32, (cy / s) as u32);
                let row = &mut rows[(first + (line * across + column) as usize) * 8..][..8];
                if row[5 + class] < scores[class] {
                    let offset = (cx / s - column as f32, cy / s - line as f32);
                    row[..5].copy_from_slice(&[offset.0, offset.1, (w / s).ln(), (h / s).ln(), 1.0]);
                    row[5 + class] = scores[class];
                }
                first += (across * across) as usize;
            }
        }
        rows
    }

    /// Centre and size in input pixels, where the middle lies in the region and the thing is not too small.
    fn in_input(&self, place: &Letterbox, rect: Rect) -> Option<(f32, f32, f32, f32)> {
        let [x, y, w, h] = rect.to_pixels(self.picture.width, self.picture.height);
        let scale = place.scaled_width as f32 / place.width as f32;
        let (cx, cy) = ((x + w / 2.0 - place.left as f32) * scale, (y + h / 2.0 - place.top as f32) * scale);
        let cx = if place.mirrored { place.scaled_width as f32 - cx } else { cx };
        let inside =
            (0.0..place.scaled_width as f32).contains(&cx) && (0.0..place.scaled_height as f32).contains(&cy);
        (inside && (w * h).sqrt() * scale >= ACUITY_PX).then_some((cx, cy, w * scale, h * scale))
    }

    fn steps(&self) -> Vec<(u64, AlertState)> {
        self.alerts.iter().map(|a| (a.id.0, a.state)).collect()
    }
}

use AlertState::{Closed, Opened, Updated};

#[test]
fn a_bear_seen_for_a_second_opens_one_alert_that_is_updated_and_closed() {
    for fps in [2.0, 5.0, 15.0] {
        let mut camera = Camera::new(fps);
        camera.show(0.3, &[bear(0.4, 0.9)]);
        assert_eq!(camera.steps(), [], "{fps} fps: too early");
        camera.show(1.2, &[bear(0.4, 0.9)]);
        assert_eq!(camera.steps(), [(1, Opened)], "{fps} fps");
        let seen = camera.show(12.0, &[bear(0.4, 0.9)]);
        assert_eq!(camera.steps(), [(1, Opened), (1, Updated)], "{fps} fps");
        assert_eq!((seen.tracks.len(), seen.tracks[0].class), (1, Class::Bear));
        camera.show(5.0, &[]);
        assert_eq!(camera.steps().len(), 2, "{fps} fps: closed too early");
        camera.show(1.0, &[]);
        assert_eq!(camera.steps(), [(1, Opened), (1, Updated), (1, Closed)], "{fps} fps");
        let told = camera.alerts[0];
        assert!(told.bbox.iou(bear(0.4, 0.9).0) > 0.95, "{:?}", told.bbox);
        assert_eq!((told.class, told.score), (Class::Bear, 0.9));
    }
}

#[test]
fn a_flash_or_an_insect_is_never_an_alert() {
    // In a frame that the input shows as it is, and in one with tiles and close looks.
    for (width, height) in [(80, 45), (320, 180)] {
        let mut camera = Camera::new(5.0);
        camera.picture = Picture::new(width, height);
        for i in 0..100 {
            camera.show(0.2 * f64::from(1 + i % 2), &[bear(0.1 + 0.006 * i as f32, 1.0)]);
            camera.show(1.4, &[]);
        }
        assert_eq!(camera.steps(), [], "{width} × {height}");
    }
}

#[test]
fn a_dog_that_looks_a_little_like_a_bear_is_never_an_alert() {
    let mut camera = Camera::new(5.0);
    let dog = |bear: f32, animal: f32| Thing(Rect { x: 0.4, y: 0.4, w: 0.15, h: 0.25 }, [bear, 0.0, animal]);
    for (bear, animal) in [(0.6, 0.7), (0.9, 0.95), (0.3, 0.9), (0.97, 0.99)] {
        let seen = camera.show(30.0, &[dog(bear, animal)]);
        assert_eq!(seen.tracks[0].class, Class::Animal);
    }
    assert_eq!(camera.steps(), []);
    // The other way round it is a bear.
    camera.show(10.0, &[dog(0.9, 0.6)]);
    assert_eq!(camera.steps(), [(1, Opened)]);
}

#[test]
fn a_stump_that_scores_below_the_operating_point_for_ever_is_never_an_alert() {
    let mut camera = Camera::new(5.0);
    let seen = camera.show(1200.0, &[bear(0.4, 0.95 * OPERATING_POINT)]);
    assert_eq!(camera.steps(), []);
    assert!(seen.tracks[0].evidence > 1.0, "it is followed all the time");
    let mut camera = Camera::new(5.0);
    camera.show(30.0, &[bear(0.4, 1.1 * OPERATING_POINT)]);
    assert_eq!(camera.steps()[0], (1, Opened), "and just above it is one");
}

#[test]
fn a_bear_hidden_for_two_seconds_keeps_its_alert() {
    let mut camera = Camera::new(5.0);
    for i in 0..60 {
        let there = bear(0.05 + 0.01 * i as f32, 0.85);
        camera.frame(if (20..30).contains(&i) { &[] } else { std::slice::from_ref(&there) });
    }
    assert_eq!(camera.steps().iter().filter(|s| s.1 == Opened).count(), 1, "{:?}", camera.steps());
    assert!(camera.alerts.iter().all(|a| a.state != Closed));
}

#[test]
fn fifteen_frames_a_second_prove_no_more_than_two_or_five() {
    let evidence = |fps, score| {
        let mut camera = Camera::new(fps);
        camera.show(4.0, &[bear(0.4, score)]).tracks[0].evidence
    };
    for score in [0.45, 0.6, 0.9] {
        let slow = evidence(2.0, score);
        for fps in [5.0, 15.0] {
            let fast = evidence(fps, score);
            // 4 s hold one look more at 2 fps than the time between first and last frame counts; hence the tenth.
            assert!((fast - slow).abs() < 0.1 * slow, "score {score}: {fast} at {fps} fps, {slow} at 2");
        }
    }
}

#[test]
fn a_place_that_has_just_been_told_of_cools_down() {
    let mut camera = Camera::new(5.0);
    camera.show(3.0, &[bear(0.4, 0.9)]);
    camera.show(6.0, &[]);
    camera.show(20.0, &[bear(0.4, 0.9)]);
    assert_eq!(camera.steps(), [(1, Opened), (1, Closed)]);
    camera.show(12.0, &[bear(0.4, 0.9)]);
    assert_eq!(camera.steps()[2], (2, Opened));
}

#[test]
fn a_change_of_frame_size_in_mid_stream_changes_nothing_for_the_rangers() {
    let mut camera = Camera::new(5.0);
    for (width, height) in [(80, 45), (640, 360), (64, 64), (33, 91), (80, 45)] {
        camera.picture = Picture::new(width, height);
        let seen = camera.show(3.0, &[bear(0.4, 0.9)]);
        assert!(seen.tracks[0].bbox.iou(bear(0.4, 0.9).0) > 0.9, "{width} × {height}: {:?}", seen.tracks);
    }
    assert_eq!(camera.steps(), [(1, Opened), (1, Updated)]);
}

#[test]
fn a_far_bear_is_found_by_the_sweep_and_looked_at_closely_from_then_on() {
    let mut camera = Camera::new(5.0);
    camera.picture = Picture::new(400, 225);
    camera.spent = Spent { total_ms: 150.0, per_region_ms: 50.0, ..Spent::default() };
    let far = Thing(Rect { x: 0.62, y: 0.5, w: 0.04, h: 0.06 }, [0.9, 0.0, 0.0]);
    let first = (1..200).find(|_| !camera.frame(&[far]).tracks.is_empty()).unwrap();
    assert!(first > 1, "in the whole frame it is too small");
    let seen: Vec<bool> = (0..20).map(|_| camera.frame(&[far]).tracks[0].seen).collect();
    assert!(seen.windows(2).all(|w| w[0] || w[1]), "at least every other frame: {seen:?}");
    assert_eq!(camera.steps(), [(1, Opened)]);
}

#[test]
fn a_missed_deadline_costs_regions_at_once_and_they_come_back() {
    let mut camera = Camera::new(5.0);
    camera.picture = Picture::new(400, 225);
    let calm = Spent { total_ms: 100.0, per_region_ms: 20.0, ..Spent::default() };
    camera.spent = calm;
    let before = camera.show(12.0, &[]);
    assert!(before.regions > 4 && !before.deadline_missed);
    camera.spent = Spent { total_ms: 2_000.0, per_region_ms: 20.0, ..Spent::default() };
    assert!(camera.frame(&[]).deadline_missed);
    camera.spent = calm;
    assert!(camera.frame(&[]).regions <= before.regions / 2);
    assert_eq!(camera.show(60.0, &[]).regions, before.regions);
    camera.spent = Spent { total_ms: 4_000.0, per_region_ms: 4_000.0, ..Spent::default() };
    assert_eq!(camera.show(5.0, &[]).regions, 1, "never none");
}

#[test]
fn the_smallest_picture_goes_through() {
    let mut camera = Camera::new(5.0);
    for (width, height) in [(1, 1), (1, 2000), (2000, 1), (2, 3)] {
        camera.picture = Picture::new(width, height);
        let seen = camera.show(1.0, &[bear(0.4, 0.9)]);
        assert!(seen.detections.iter().all(|d| d.bbox.clipped() == d.bbox), "{width} × {height}");
    }
}

#[test]
fn the_end_closes_what_is_open_and_scores_were_counted() {
    let mut camera = Camera::new(5.0);
    camera.show(3.0, &[bear(0.4, 0.95)]);
    assert_eq!(camera.perception.histograms().of(Class::Bear)[9], 15);
    let closed = camera.perception.close();
    assert_eq!(closed.iter().map(|a| (a.id.0, a.state)).collect::<Vec<_>>(), [(1, Closed)]);
    assert!(camera.perception.close().is_empty());
}

#[test]
fn a_model_gone_wild_does_not_stall_the_frame() {
    let mut camera = Camera::new(5.0);
    camera.picture = Picture::new(400, 225);
    let regions = camera.perception.begin(&camera.picture, Stamp::default());
    let everywhere: Vec<f32> =
        (0..ANCHORS).flat_map(|_| [0.5, 0.5, -3.0, -3.0, 1.0, 0.9, 0.8, 0.7]).collect();
    for _ in 0..40 {
        camera.perception.read(regions[0], &everywhere);
    }
    let seen = camera.perception.finish(Spent::default());
    // The picture takes 36 of 64 lines of the input: 5 · 8, 2 · 4 and 1 · 2 cells have their middle on it.
    assert_eq!(seen.detections.len(), 50, "one box a place");
}

/// Every alert is opened once, then updated, then closed at most once, and its number never comes again.
fn assert_lives_are_whole(alerts: &[Alert]) {
    let mut lives: BTreeMap<u64, AlertState> = BTreeMap::new();
    for alert in alerts {
        let before = lives.insert(alert.id.0, alert.state);
        match alert.state {
            Opened => assert_eq!(before, None, "{alert:?} was opened before"),
            Updated | Closed => {
                assert!(matches!(before, Some(Opened | Updated)), "{alert:?} after {before:?}")
            }
        }
        assert!(alert.evidence.is_finite() && (0.0..=1.0).contains(&alert.score), "{alert:?}");
        assert_in_frame(alert.bbox);
    }
}

fn assert_in_frame(b: Rect) {
    let fits = b.x >= 0.0
        && b.y >= 0.0
        && b.w >= 0.0
        && b.h >= 0.0
        && b.x + b.w <= 1.0 + 1e-5
        && b.y + b.h <= 1.0 + 1e-5;
    assert!(fits, "{b:?} leaves the frame");
}

fn wild() -> impl Strategy<Value = f32> {
    let odd = vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN_POSITIVE, 1.0, 0.0];
    prop_oneof![4 => 0.0f32..1.0, 2 => -12.0f32..12.0, 1 => proptest::sample::select(odd)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_of_lost_frames_and_gaps_is_survived(
        film in proptest::collection::vec((0.0f64..9.0, 0usize..4, 0.0f32..1.0, 0.0f32..0.8), 1..120)
    ) {
        let mut camera = Camera::new(10.0);
        for (gap, what, score, x) in film {
            // Mostly none, now and then seconds, seldom minutes.
            camera.now_ms += if gap > 8.9 { 600_000.0 } else if gap > 8.0 { gap * 1000.0 } else { 0.0 };
            let things = [bear(x, score), Thing(Rect { x, y: 0.1, w: 0.1, h: 0.6 }, [0.2, score, 0.3]), bear(0.4, 0.9)];
            let seen = camera.frame(&things[what.min(2)..]);
            seen.tracks.iter().for_each(|t| assert_in_frame(t.bbox));
        }
        let end = camera.perception.close();
        camera.alerts.extend(end);
        assert_lives_are_whole(&camera.alerts);
        let opened: Vec<u64> = camera.alerts.iter().filter(|a| a.state == Opened).map(|a| a.id.0).collect();
        let closed = camera.alerts.iter().filter(|a| a.state == Closed).count();
        prop_assert!(opened.is_sorted_by(|a, b| a < b));
        prop_assert_eq!(opened.len(), closed, "every alert ends");
    }

    #[test]
    fn whatever_the_model_says_boxes_stay_in_the_frame_and_nothing_panics(
        outputs in proptest::collection::vec(proptest::collection::vec(wild(), ANCHORS * 8), 1..12),
        size in (1u32..300, 1u32..300),
        spent in (any::<f64>(), any::<f64>()),
    ) {
        let mut camera = Camera::new(5.0);
        camera.picture = Picture::new(size.0, size.1);
        for (i, output) in outputs.iter().enumerate() {
            let stamp = Stamp { uptime_ms: 200 * i as u64, ..Stamp::default() };
            for region in camera.perception.begin(&camera.picture, stamp) {
                camera.perception.read(region, output);
            }
            let seen = camera.perception.finish(Spent { total_ms: spent.0, per_region_ms: spent.1, ..Spent::default() });
            for d in &seen.detections {
                assert_in_frame(d.bbox);
                prop_assert!(d.score > 0.0 && d.score <= 1.0);
            }
            for t in &seen.tracks {
                assert_in_frame(t.bbox);
                prop_assert!(t.evidence.is_finite());
            }
            prop_assert!(seen.detections.is_sorted_by(|a, b| a.score >= b.score));
            camera.alerts.extend(&seen.alerts);
        }
        assert_lives_are_whole(&camera.alerts);
    }
}
