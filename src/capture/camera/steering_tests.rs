use std::collections::VecDeque;

use super::*;

/// A sensor: light × exposure × gain, clipped, with a monitor's gamma; what is set shows three frames later.
struct Sensor {
    /// Luma of a frame is 0.4 where light × exposure (in 100 µs) × amplification is 1.
    light: f64,
    /// What a gain of so many units amplifies by.
    amplifies: fn(i64) -> f64,
    pipe: VecDeque<Setting>,
    now_ms: u64,
    fps: u64,
    steering: Steering,
    /// Each setting that was asked for, and when.
    steps: Vec<(u64, Setting)>,
    luma: f64,
}

const REACH: [Span; 2] = [Span { least: 1, most: 5000 }, Span { least: 0, most: 255 }];

/// 1/30 s while there is gain left, 15 frames a second.
fn reach() -> Reach {
    Reach::new(REACH[0], Some(REACH[1]), 333, 666)
}

/// Up to a factor of 16, in proportion.
fn linear(gain: i64) -> f64 {
    1.0 + 15.0 * gain as f64 / 255.0
}

/// In decibels, up to 48: eight stops over the range, and not the four that are assumed.
fn decibels(gain: i64) -> f64 {
    10f64.powf(48.0 / 20.0 * gain as f64 / 255.0)
}

impl Sensor {
    fn new(light: f64, reach: Reach, amplifies: fn(i64) -> f64) -> Sensor {
        let steering = Steering::new(reach, Setting { exposure: 100, gain: Some(0) });
        let pipe = VecDeque::from([steering.setting(); 3]);
        Sensor { light, amplifies, pipe, now_ms: 0, fps: 15, steering, steps: Vec::new(), luma: 0.0 }
    }

    fn frame(&mut self) {
        let Setting { exposure, gain } = self.pipe[0];
        let charge = self.light * exposure as f64 * gain.map_or(1.0, self.amplifies);
        self.luma = (0.01 + 0.4 * charge.powf(1.0 / GAMMA)).min(1.0);
        let seen = Seen { taken_ms: self.now_ms, luma: self.luma as f32 };
        let set = self.steering.observe(seen, self.now_ms + 80);
        self.steps.extend(set.map(|setting| (self.now_ms, setting)));
        self.pipe.pop_front();
        self.pipe.push_back(set.unwrap_or(*self.pipe.back().unwrap()));
        self.now_ms += 1000 / self.fps;
    }

    fn show(&mut self, seconds: u64) {
        (0..seconds * self.fps).for_each(|_| self.frame());
    }

    fn is_well_exposed(&self) -> bool {
        (GAMMA * (self.luma / TARGET).log2()).abs() <= BAND_STOPS + 0.1
    }

    /// How often the way was changed.
    fn turns(&self) -> usize {
        let brightness =
            |s: &(u64, Setting)| self.steering.reach.stops_of(s.1) + (s.1.exposure as f64).log2();
        let levels: Vec<f64> = self.steps.iter().map(brightness).collect();
        let ways: Vec<bool> = levels.windows(2).map(|pair| pair[1] > pair[0]).collect();
        ways.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }
}

/// What the sensor can just be set to by the darkest and by the brightest light, with a margin of a stop.
fn in_reach(light: f64, amplifies: fn(i64) -> f64) -> bool {
    (1.0 / (666.0 * amplifies(255) / 2.0)..1.0 / 2.0).contains(&light)
}

#[test]
fn every_light_in_reach_is_exposed_well_within_half_a_minute_and_then_left_alone() {
    for amplifies in [linear as fn(i64) -> f64, decibels] {
        for light in (0..=40).map(|i| 10f64.powf(1.0 - f64::from(i) * 0.15)) {
            let mut sensor = Sensor::new(light, reach(), amplifies);
            sensor.show(30);
            let settled = sensor.steps.len();
            assert!(settled <= 20 && sensor.turns() <= 2, "{light}: {:?}", sensor.steps);
            assert!(!in_reach(light, amplifies) || sensor.is_well_exposed(), "{light}: {}", sensor.luma);
            sensor.show(600);
            assert_eq!(sensor.steps.len(), settled, "{light}: {:?}", sensor.steps);
        }
    }
}

#[test]
fn from_noon_to_starlight_and_back_it_follows_without_hunting() {
    for amplifies in [linear as fn(i64) -> f64, decibels] {
        let mut sensor = Sensor::new(0.4, reach(), amplifies);
        sensor.show(60);
        sensor.steps.clear();
        // Six orders of magnitude in an hour and a half, which is faster than any dusk.
        let go = |sensor: &mut Sensor, factor: f64| {
            for _ in 0..5400 {
                sensor.light *= factor;
                sensor.show(1);
                assert!(
                    !in_reach(sensor.light, amplifies) || sensor.is_well_exposed(),
                    "{}: {}",
                    sensor.light,
                    sensor.luma
                );
            }
        };
        let (fall, rise) = (1e-6f64.powf(1.0 / 5400.0), 1e6f64.powf(1.0 / 5400.0));
        go(&mut sensor, fall);
        assert_eq!(sensor.turns(), 0, "{:?}", sensor.steps);
        assert_eq!(sensor.steering.setting(), Setting { exposure: 666, gain: Some(255) }, "all that it can");
        go(&mut sensor, rise);
        assert_eq!(sensor.turns(), 1, "{:?}", sensor.steps);
        assert!(sensor.steps.len() < 150, "{}", sensor.steps.len());
    }
}

#[test]
fn exposure_comes_first_up_to_the_limit_then_gain_then_the_rest_of_the_frame() {
    let reach = reach();
    let settings: Vec<Setting> = (0..=140).map(|i| reach.setting(f64::from(i) / 10.0)).collect();
    for pair in settings.windows(2) {
        assert!(pair[1].exposure >= pair[0].exposure && pair[1].gain >= pair[0].gain, "{pair:?}");
    }
    let beyond = |s: &&Setting| s.exposure > 333;
    assert!(settings.iter().filter(beyond).all(|s| s.gain == Some(255)));
    assert!(settings.iter().filter(|s| s.gain > Some(0)).all(|s| s.exposure >= 333));
    assert_eq!(settings.last(), Some(&Setting { exposure: 666, gain: Some(255) }));
    assert_eq!(settings[0], Setting { exposure: 1, gain: Some(0) });
}

#[test]
fn a_camera_without_gain_and_one_that_can_do_nothing_are_steered_as_far_as_they_go() {
    let mut sensor = Sensor::new(1e-9, Reach::new(REACH[0], None, 333, 666), linear);
    sensor.show(60);
    assert_eq!(sensor.steering.setting(), Setting { exposure: 666, gain: None });
    let stiff = Reach::new(Span { least: 10, most: 10 }, Some(Span { least: 3, most: 3 }), 333, 666);
    let mut sensor = Sensor::new(1e-9, stiff, linear);
    sensor.show(60);
    assert_eq!((sensor.steps.len(), sensor.steering.setting().exposure), (0, 10));
    let odd = Reach::new(Span { least: -5, most: 0 }, None, 0, 0);
    assert_eq!(odd.setting(odd.length()).exposure, 1, "whatever a camera answers");
}

#[test]
fn lightning_and_headlights_move_nothing_and_a_lamp_that_stays_does() {
    let mut sensor = Sensor::new(1e-3, reach(), linear);
    sensor.show(30);
    let settled = sensor.steps.len();
    for _ in 0..50 {
        sensor.light *= 64.0;
        sensor.show(1);
        sensor.light /= 64.0;
        sensor.show(3);
    }
    assert_eq!(sensor.steps.len(), settled);
    sensor.light *= 64.0;
    sensor.show(30);
    assert!(sensor.steps.len() > settled && sensor.is_well_exposed());
}

#[test]
fn rare_frames_are_enough_and_frames_from_before_a_step_do_not_count() {
    let mut steering = Steering::new(reach(), Setting { exposure: 10, gain: Some(0) });
    let dark = |taken_ms| Seen { taken_ms, luma: 0.1 };
    assert_eq!(steering.observe(dark(0), 100), None);
    let set = steering.observe(dark(5000), 7000).unwrap();
    assert!(set.exposure > 20 && set.exposure <= 40 && set.gain == Some(0), "two stops at most: {set:?}");
    assert_eq!(steering.observe(dark(7100), 7200), None, "taken before it shows");
    assert_eq!(steering.observe(dark(10_000), 10_100), None, "the first that shows it");
    assert!(steering.observe(dark(15_000), 15_100).is_some());
    assert_eq!(steering.observe(Seen { taken_ms: 20_000, luma: f32::NAN }, 20_100), None);
}

#[test]
fn it_begins_where_the_camera_stands() {
    for stops in [0.0, 3.3, 8.0, 9.5, 11.0] {
        let setting = reach().setting(stops);
        let begun = Steering::new(reach(), setting).setting();
        assert!((begun.exposure - setting.exposure).abs() <= 1, "{setting:?} {begun:?}");
        assert!((begun.gain.unwrap() - setting.gain.unwrap()).abs() <= 1, "{setting:?} {begun:?}");
    }
    let long = Steering::new(reach(), Setting { exposure: 2000, gain: Some(0) }).setting();
    assert_eq!(long, Setting { exposure: 333, gain: Some(0) }, "what smears is ended at once");
}
