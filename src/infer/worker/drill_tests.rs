use super::*;
use crate::capture::settings::SceneSettings;
use crate::capture::simulated::Scene;
use crate::infer::worker::tests::worker;
use crate::perceive::frame::{Frame, PixelFormat};

/// Ten seconds of a campsite to which nobody comes at five frames a second, then a drill of at most `seconds`; how it stood at its end.
fn played(seed: u64, light: f32, seconds: u64) -> Played {
    let (darkness_start, darkness_end) = (light, light);
    let settings = SceneSettings { seed, darkness_start, darkness_end, bears: 0, ..SceneSettings::default() };
    let mut scene = Scene::new(&settings);
    let (mut worker, _drafts) = worker(10_000, None);
    let mut last = Played::default();
    for i in 0..(10 + seconds) * 5 {
        if i == 50 {
            worker.begin_drill(seed);
        }
        let mut picture = Picture::default();
        // The passer-by has gone by then.
        scene.draw(60.0 + i as f64 / 5.0, &mut picture);
        let stamp = Stamp { uptime_ms: i * 200, unix_ms: 1_780_000_000_000, synchronised: true };
        let (width, height) = (picture.width, picture.height);
        worker.frame(&Frame {
            format: PixelFormat::Rgb,
            width,
            height,
            data: picture.data,
            stamp,
            ..Frame::empty()
        });
        last = worker.links.sight.lock().unwrap().drill.unwrap_or_default();
        if last.alert.is_some() || last.broken_off {
            break;
        }
    }
    last
}

#[test]
fn a_drawn_bear_is_told_by_day_at_dusk_and_by_infrared_light() {
    for (seed, light) in [(3, 0.0), (4, 0.5), (9, 0.9)] {
        let played = played(seed, light, 40);
        assert!(played.alert.is_some() && !played.broken_off, "seed {seed}, light {light}: {played:?}");
        assert_eq!(played.impairment, None);
    }
}

#[test]
#[ignore = "some minutes: cargo test --lib drill::tests -- --ignored --nocapture"]
#[allow(clippy::print_stdout, reason = "it is there to be read")]
fn how_many_drills_pass() {
    for light in [0.0, 0.5, 0.9] {
        let all: Vec<Played> = (20..40).map(|seed| played(seed, light, 50)).collect();
        let passed = all.iter().filter(|played| played.alert.is_some()).count();
        let broken_off = all.iter().filter(|played| played.broken_off).count();
        println!("light {light}: {passed} of {} passed, {broken_off} broken off", all.len());
    }
}
