//! The picture of the simulated campsite is impaired as cameras on masts are: each fault is named in time, goes when it is mended, and
//! nothing is told of evenings, nights, people and dogs.

#![allow(clippy::unwrap_used, reason = "a test program")]

use bearwatch::capture::settings::SceneSettings;
use bearwatch::capture::simulated::Scene;
use bearwatch::perceive::condition::Condition;
use bearwatch::perceive::frame::{Picture, Stamp};
use bearwatch::perceive::liveness::{Impairment, Liveness};
use bearwatch::perceive::thumbnail::Thumbnail;
use bearwatch::perceive::zone::Polygon;

const SIZE: (u32, u32) = (320, 180);

/// A camera at the simulated campsite, from one darkness to another over some hours.
struct Camera {
    scene: Scene,
    condition: Condition,
    liveness: Liveness,
    small: Thumbnail,
    now_ms: u64,
}

impl Camera {
    fn new(seed: u64, darkness: [f32; 2], hours: f64) -> Camera {
        let settings = SceneSettings {
            seed,
            width: SIZE.0,
            height: SIZE.1,
            darkness_start: darkness[0],
            darkness_end: darkness[1],
            duration_s: hours * 3600.0,
            bears: (hours * 12.0) as u32,
            ..SceneSettings::default()
        };
        Camera {
            scene: Scene::new(&settings),
            condition: Condition::new(true),
            liveness: Liveness::default(),
            small: Thumbnail::default(),
            now_ms: 0,
        }
    }

    /// One frame, taken `passed_ms` after the one before, through what is wrong with the lens.
    fn frame(&mut self, passed_ms: u64, wrong: &mut dyn FnMut(&mut Picture)) -> Option<Impairment> {
        self.now_ms += passed_ms;
        let mut picture = Picture::default();
        self.scene.draw(self.now_ms as f64 / 1e3, &mut picture);
        wrong(&mut picture);
        self.small.take(&picture);
        let stamp = Stamp { uptime_ms: self.now_ms, ..Stamp::default() };
        let scene = self.condition.observe(&picture, stamp);
        self.liveness.observe(&self.small, &scene, self.condition.regime(), self.now_ms)
    }

    /// Seconds until something is told, with its name.
    fn finds(
        &mut self,
        passed_ms: u64,
        within_s: u64,
        wrong: &mut dyn FnMut(&mut Picture),
    ) -> Option<(u64, Impairment)> {
        let begun_ms = self.now_ms;
        while self.now_ms - begun_ms < within_s * 1000 {
            if let Some(told) = self.frame(passed_ms, wrong) {
                return Some(((self.now_ms - begun_ms) / 1000, told));
            }
        }
        None
    }

    /// Goes on, whatever is told.
    fn passes(&mut self, passed_ms: u64, seconds: u64) {
        (0..seconds * 1000 / passed_ms + 1).for_each(|_| {
            self.frame(passed_ms, &mut |_| {});
        });
    }

    /// Nothing is told for so long.
    fn is_well(&mut self, passed_ms: u64, seconds: u64) {
        assert_eq!(self.finds(passed_ms, seconds, &mut |_| {}), None, "at {} s", self.now_ms / 1000);
    }
}

fn every_byte(picture: &mut Picture, change: impl Fn(f32) -> f32) {
    picture.data.iter_mut().for_each(|byte| *byte = change(f32::from(*byte)) as u8);
}

/// Means over squares around each pixel of a part of the picture.
fn smeared(picture: &mut Picture, radius: usize, part: impl Fn(usize, usize) -> bool) {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let sharp = picture.data.clone();
    // Every fourth pixel of the square will do.
    for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).filter(|&(x, y)| part(x, y)) {
        let (mut sums, mut count) = ([0u32; 3], 0);
        for near_y in (y.saturating_sub(radius)..(y + radius).min(height)).step_by(4) {
            for near_x in (x.saturating_sub(radius)..(x + radius).min(width)).step_by(4) {
                let at = (near_y * width + near_x) * 3;
                (0..3).for_each(|c| sums[c] += u32::from(sharp[at + c]));
                count += 1;
            }
        }
        (0..3).for_each(|c| picture.data[(y * width + x) * 3 + c] = (sums[c] / count) as u8);
    }
}

/// As if the camera had been turned: the picture goes around, `right` and `down` pixels.
fn turned(picture: &mut Picture, right: usize, down: usize) {
    let row = picture.width as usize * 3;
    picture.data.rotate_right(down * row);
    picture.data.chunks_exact_mut(row).for_each(|line| line.rotate_right(right * 3));
}

/// Noon, dusk and infrared night.
const LIGHTS: [f32; 3] = [0.0, 0.45, 1.0];

#[test]
fn what_blinds_a_camera_is_told_within_ten_seconds_at_every_rate_and_light() {
    for light in LIGHTS {
        for passed_ms in [40, 1000, 5000] {
            let mut camera = Camera::new(3, [light; 2], 1.0);
            camera.is_well(passed_ms, 20);
            let mut first = None;
            let mut frozen = |picture: &mut Picture| {
                *picture = first.get_or_insert_with(|| picture.clone()).clone();
            };
            let told = |found: Option<(u64, Impairment)>, meant| {
                let (after_s, impairment) = found.unwrap();
                assert_eq!(impairment, meant, "light {light}, a frame every {passed_ms} ms");
                // What stands still begins with a picture that does not: counted from there it is ten seconds, too.
                let late = meant == Impairment::Frozen && passed_ms == 5000;
                assert!(after_s <= if late { 15 } else { 10 }, "{meant:?} after {after_s} s");
            };
            told(camera.finds(passed_ms, 20, &mut frozen), Impairment::Frozen);
            camera.passes(passed_ms, 6);
            camera.is_well(passed_ms, 20);
            told(camera.finds(passed_ms, 20, &mut |p| every_byte(p, |b| b / 60.0)), Impairment::Black);
            camera.passes(passed_ms, 6);
            camera.is_well(passed_ms, 20);
            told(
                camera.finds(passed_ms, 20, &mut |p| every_byte(p, |b| 245.0 + b / 60.0)),
                Impairment::White,
            );
        }
    }
}

#[test]
fn a_covered_lens_is_told_within_half_a_minute() {
    for light in LIGHTS {
        let mut camera = Camera::new(4, [light; 2], 1.0);
        camera.is_well(500, 60);
        let told = camera.finds(500, 40, &mut |p| every_byte(p, |b| 70.0 + b / 60.0)).unwrap();
        assert_eq!(told.1, Impairment::Covered);
        assert!(told.0 <= 30, "{told:?}");
    }
}

#[test]
fn a_dirty_lens_and_a_turned_camera_are_told_within_ten_minutes_and_no_longer_when_mended() {
    type Fault = (Impairment, fn(&mut Picture));
    let faults: [Fault; 4] = [
        (Impairment::Blurred, |p| smeared(p, 12, |_, _| true)),
        // A web is pale and smooth, and hangs over a part of the lens.
        (Impairment::Obstructed, |p| {
            smeared(p, 12, |x, _| x > 200);
        }),
        (Impairment::Moved, |p| turned(p, 75, 0)),
        (Impairment::Moved, |p| turned(p, 10, 30)),
    ];
    for light in LIGHTS {
        for (meant, fault) in faults {
            let mut camera = Camera::new(5, [light; 2], 2.0);
            camera.is_well(5000, 300);
            let told = camera.finds(5000, 600, &mut |p| fault(p));
            assert_eq!(told.map(|t| t.1), Some(meant), "light {light}");
            // A minute until the average has forgotten it.
            camera.passes(5000, 90);
            camera.is_well(5000, 300);
        }
    }
}

#[test]
fn what_a_person_blackens_is_no_web_on_the_lens_and_what_is_black_all_over_stays_told() {
    let area = Polygon::parse("0,0 0.6,0 0.6,1 0,1").unwrap();
    let mut masked = |picture: &mut Picture| area.black_out(picture, &mut Vec::new());
    let well = || {
        let mut camera = Camera::new(5, [0.0; 2], 2.0);
        camera.is_well(5000, 300);
        camera
    };
    let told = well().finds(5000, 600, &mut masked).map(|told| told.1);
    assert_eq!(
        told,
        Some(Impairment::Obstructed),
        "the area is too small to be told of: this test is of no use"
    );
    let mut camera = well();
    camera.liveness.look_anew();
    assert_eq!(camera.finds(5000, 900, &mut masked), None);
    let mut black = |picture: &mut Picture| every_byte(picture, |b| b / 60.0);
    assert_eq!(camera.finds(1000, 20, &mut black).map(|told| told.1), Some(Impairment::Black));
    camera.liveness.look_anew();
    assert_eq!(camera.frame(1000, &mut black), Some(Impairment::Black));
}

#[test]
fn a_view_that_was_told_of_for_a_day_is_how_it_is() {
    let mut camera = Camera::new(6, [0.0; 2], 30.0);
    camera.is_well(5000, 300);
    let mut well = || camera.frame(60_000, &mut |p| turned(p, 75, 0)).is_none();
    let first = (0..10).find(|_| !well());
    assert!(first.is_some());
    let (day, minutes) = (24 * 60, 15);
    assert!((0..day - minutes).all(|_| !well()));
    let accepted = (0..2 * minutes).filter(|_| well()).count();
    assert!(accepted > 0 && (0..60).all(|_| well()));
}

#[test]
fn a_turned_camera_stays_told_from_day_to_night_and_back_and_is_accepted_in_each_light() {
    // Noon and infrared night of one place, twelve hours each in turn.
    let mut lights = [0.0, 1.0].map(|light| Camera::new(6, [light; 2], 200.0));
    let mut liveness = Liveness::default();
    let mut half_day = |half: usize, minutes: usize, shift: usize| {
        let camera = &mut lights[half % 2];
        std::mem::swap(&mut liveness, &mut camera.liveness);
        camera.now_ms = camera.now_ms.max(half as u64 * 43_200_000);
        let told = |_| camera.frame(60_000, &mut |p| turned(p, shift, 0)).is_some();
        let told = (0..minutes).map(told).filter(|&told| told).count();
        std::mem::swap(&mut liveness, &mut camera.liveness);
        told
    };
    assert_eq!(half_day(0, 60, 0) + half_day(1, 60, 0), 0);
    // From one light to the next it is never taken back; the first minutes are its patience.
    let told: Vec<usize> = (2..5).map(|half| half_day(half, 720, 75)).collect();
    assert!(told.iter().all(|&minutes| minutes >= 710), "{told:?}");
    let accepted: Vec<usize> = (5..10).map(|half| half_day(half, 720, 75)).collect();
    assert_eq!(accepted[3..], [0, 0], "{accepted:?}");
}

/// Days at a frame every five seconds, evening and morning in each.
fn quiet(seed: u64, hours: f64) {
    let mut camera = Camera::new(seed, [0.0, 1.0], hours / 2.0);
    camera.is_well(5000, (hours * 1800.0) as u64);
    let liveness = std::mem::take(&mut camera.liveness);
    let mut morning = Camera::new(seed, [1.0, 0.0], hours / 2.0);
    morning.liveness = liveness;
    morning.is_well(5000, (hours * 1800.0) as u64);
}

#[test]
fn an_evening_and_a_morning_raise_nothing() {
    (10..13).for_each(|seed| quiet(seed, 4.0));
}

#[test]
#[ignore = "a week of scene time at 0.2 fps: three minutes; run it by `cargo test --test liveness -- --ignored`"]
fn a_week_raises_nothing() {
    (20..27).for_each(|seed| quiet(seed, 24.0));
}
