use std::path::Path;

use serde_json::Value;

use super::*;
use crate::capture::pixels::read_picture;
use crate::capture::settings::SceneSettings;
use crate::capture::simulated::Scene;
use crate::infer::bundle::Bundle;

fn engine() -> Engine {
    Engine::load(&Bundle::open(None).unwrap()).unwrap()
}

/// Share of the pixels of a box that are not as they were.
fn changed(before: &Picture, after: &Picture, bbox: Rect) -> f32 {
    let [x, y, w, h] = bbox.clipped().to_pixels(before.width, before.height).map(|v| v as u32);
    let pixels = (y..y + h).flat_map(|y| (x..x + w).map(move |x| (x, y)));
    let differ = pixels.filter(|&(x, y)| before.pixel(x, y) != after.pixel(x, y)).count();
    differ as f32 / (w * h).max(1) as f32
}

/// The part that tells who somebody is.
fn head(person: Rect) -> Rect {
    Rect { h: person.h / 6.0, x: person.x + person.w * 0.25, w: person.w * 0.5, ..person }
}

/// Moments of passers-by at a drawn campsite, with where they are.
fn passers_by(darkness: f32) -> Vec<(Picture, Rect)> {
    let settings = SceneSettings {
        seed: 11,
        darkness_start: darkness,
        darkness_end: darkness,
        duration_s: 900.0,
        ..SceneSettings::default()
    };
    let mut scene = Scene::without_bears(&settings, 240.0);
    let visits: Vec<_> = scene.visits().iter().filter(|v| v.class == Class::Person).copied().collect();
    let mut moments = Vec::new();
    for visit in visits {
        for share in [0.3, 0.7] {
            let mut picture = Picture::default();
            let truths = scene.draw(visit.enters_s + share * (visit.leaves_s - visit.enters_s), &mut picture);
            let seen = |h: f32, visible: f32| h * picture.height as f32 >= 40.0 && visible > 0.6;
            let person = truths.iter().find(|t| t.class == Class::Person && seen(t.bbox.h, t.visible));
            moments.extend(person.map(|truth| truth.bbox).map(|bbox| (picture.clone(), bbox)));
        }
    }
    moments
}

#[test]
fn people_at_a_drawn_campsite_lose_their_faces_by_day_and_at_night() {
    let engine = engine();
    for (darkness, least) in [(0.0, 0.95), (1.0, 0.8)] {
        let moments = passers_by(darkness);
        assert!(moments.len() > 25, "{}", moments.len());
        let mut discretion = Discretion::new(People::Blurred);
        let hidden = moments.iter().filter(|(picture, person)| {
            let mut after = picture.clone();
            discretion.apply(&engine, &mut after, &[], Stamp::default());
            changed(picture, &after, head(*person)) > 0.9
        });
        let share = hidden.count() as f32 / moments.len() as f32;
        println!("darkness {darkness}: {share} of {} people", moments.len());
        assert!(share >= least, "{share} of {} at darkness {darkness}", moments.len());
    }
}

#[test]
fn who_was_seen_a_moment_before_is_hidden_where_this_look_misses_him() {
    let engine = engine();
    let mut discretion = Discretion::new(People::Blurred);
    // Nothing is there to be found: a plain picture with faint noise.
    let mut picture = Picture::new(320, 240);
    picture.data.iter_mut().enumerate().for_each(|(i, value)| *value = 100 + (i * 31 % 7) as u8);
    let bbox = Rect { x: 0.4, y: 0.3, w: 0.1, h: 0.4 };
    let person = Detection { class: Class::Person, score: 0.05, bbox, cut: false };
    let stamp = |uptime_ms| Stamp { uptime_ms, ..Stamp::default() };
    let seen = Observation { stamp: stamp(5_000), detections: vec![person], ..Observation::default() };
    discretion.remember(&seen, engine.spec());
    let mut at = |uptime_ms: u64| {
        let mut after = picture.clone();
        discretion.apply(&engine, &mut after, &[], stamp(uptime_ms));
        changed(&picture, &after, bbox)
    };
    assert!(at(4_500) > 0.5 && at(5_600) > 0.5);
    assert!(at(3_000) < 0.1 && at(7_000) < 0.1);
}

#[test]
fn people_are_shown_where_that_is_configured_and_a_model_that_knows_none_shows_the_bear_alone() {
    let mut bundle = Bundle::open(None).unwrap();
    let picture = passers_by(0.0).remove(0).0;
    let applied = |bundle: &Bundle, people: People, bears: &[Rect]| {
        let mut after = picture.clone();
        Discretion::new(people).apply(&Engine::load(bundle).unwrap(), &mut after, bears, Stamp::default());
        after
    };
    assert_eq!(applied(&bundle, People::Shown, &[]), picture);
    bundle.spec.classes.retain(|class| class.name != Class::Person);
    let bear = Rect { x: 0.5, y: 0.5, w: 0.2, h: 0.2 };
    let after = applied(&bundle, People::Blurred, &[bear]);
    assert_eq!(changed(&picture, &after, bear), 0.0);
    assert!(changed(&picture, &after, Rect { h: 0.4, ..Rect::WHOLE }) > 0.9);
}

/// Real people on real pictures, and real bears that must stay to be seen.
#[test]
fn real_people_are_hidden_and_real_bears_are_not() {
    let Some(data) = std::env::var_os("BEARWATCH_DATA") else {
        println!("not run: BEARWATCH_DATA not set");
        return;
    };
    let folder = Path::new(&data).join("bears/val");
    let text = std::fs::read_to_string(folder.join("annotations.json")).unwrap();
    let annotations: Value = serde_json::from_str(&text).unwrap();
    let engine = engine();
    let mut discretion = Discretion::new(People::Blurred);
    let (mut people, mut hidden, mut bears, mut touched) = (0, 0, 0, 0.0);
    for image in annotations["images"].as_array().unwrap() {
        let of_image = |a: &&Value| a["image_id"] == image["id"];
        let here: Vec<&Value> =
            annotations["annotations"].as_array().unwrap().iter().filter(of_image).collect();
        let picture =
            read_picture(&folder.join("images").join(image["file_name"].as_str().unwrap())).unwrap();
        let rect = |a: &Value| {
            let at = |i: usize| a["bbox"][i].as_f64().unwrap() as f32;
            Rect::from_pixels([at(0), at(1), at(2), at(3)], picture.width, picture.height)
        };
        let of = |category: u64| here.iter().filter(move |a| a["category_id"] == category).map(|a| rect(a));
        if of(2).next().is_none() && (of(1).next().is_none() || bears >= 60) {
            continue;
        }
        let mut after = picture.clone();
        discretion.apply(&engine, &mut after, &of(1).collect::<Vec<_>>(), Stamp::default());
        for person in of(2) {
            people += 1;
            hidden += u32::from(changed(&picture, &after, head(person)) > 0.9);
        }
        for bear in of(1) {
            bears += 1;
            touched += changed(&picture, &after, bear);
        }
    }
    println!("{hidden} of {people} people hidden; {touched} of {bears} bears");
    assert!(people >= 30 && f64::from(hidden) >= 0.85 * f64::from(people), "{hidden} of {people}");
    assert!(touched <= 0.05 * bears as f32, "{touched} of {bears}");
}
