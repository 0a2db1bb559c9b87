//! Nobody but the bear is to be known on pictures that are sent or stored: the real model on drawn and on real people, and the daemon.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

#[path = "support/page.rs"]
mod camera;
mod support;

use std::path::Path;

use bearwatch::capture::pixels::{encode_jpeg, read_picture, to_picture};
use bearwatch::capture::settings::SceneSettings;
use bearwatch::capture::simulated::Scene;
use bearwatch::infer::bundle::Bundle;
use bearwatch::infer::discretion::Discretion;
use bearwatch::infer::engine::Engine;
use bearwatch::perceive::frame::{Frame, Picture, PixelFormat, Stamp};
use bearwatch::perceive::geometry::Rect;
use bearwatch::perceive::model::Class;
use bearwatch::perceive::observation::{Detection, Observation};
use bearwatch::publish::settings::People;
use camera::Camera;
use serde_json::Value;
use support::Broker;
use support::daemon::{Home, Listener, Post};
use support::orders::{ACCEPT, command, started};

// ---- the model ---------------------------------------------------------------------------------------------------------------

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

// ---- the daemon --------------------------------------------------------------------------------------------------------------

/// Mean difference of two pictures of one size over a box, levels of 255.
fn distance(one: &Picture, other: &Picture, bbox: Rect) -> f64 {
    let [x, y, w, h] = bbox.clipped().to_pixels(one.width, one.height).map(|v| v as u32);
    let pixels = (y..y + h).flat_map(|y| (x..x + w).map(move |x| (x, y)));
    let between = |(x, y)| {
        one.pixel(x, y).iter().zip(other.pixel(x, y)).map(|(a, b)| f64::from(a.abs_diff(b))).sum::<f64>()
    };
    pixels.map(between).sum::<f64>() / f64::from((w * h * 3).max(1))
}

fn picture_of(jpeg: &[u8]) -> Picture {
    let frame = Frame { format: PixelFormat::Jpeg, data: jpeg.to_vec(), ..Frame::empty() };
    let mut picture = Picture::default();
    to_picture(&frame, &mut picture).unwrap();
    picture
}

/// A camera before which somebody stands still; everything counts as a bear, so that alerts come with pictures of before.
struct Campsite {
    broker: Broker,
    desk: Listener,
    home: Home,
    before: Picture,
    person: Rect,
}

impl Campsite {
    fn new() -> Campsite {
        let broker = Broker::start();
        let (desk, home) = (
            Listener::start(&broker),
            Home::new(&broker.url, "source = \"files\"\npath = \"PICTURES\"\nfps = 5\nloop = true\n"),
        );
        let config = std::fs::read_to_string(home.path("bearwatch.toml")).unwrap();
        let config = config.replace("PICTURES", &home.pictures().display().to_string());
        std::fs::write(home.path("bearwatch.toml"), config).unwrap();
        let tall = |(_, person): &(Picture, Rect)| (0.2..0.6).contains(&person.h);
        let (before, person) = passers_by(0.0).into_iter().find(tall).unwrap();
        std::fs::create_dir_all(home.pictures()).unwrap();
        for i in 0..20 {
            // A little more light each time, or the camera would count as frozen.
            let mut picture = before.clone();
            picture.data.iter_mut().for_each(|value| *value = value.saturating_add(i % 3));
            std::fs::write(
                home.pictures().join(format!("{i:03}.jpg")),
                encode_jpeg(&picture, 95, 640).unwrap(),
            )
            .unwrap();
        }
        Campsite { broker, desk, home, before, person }
    }

    fn head_differs(&self, jpeg: &[u8]) -> f64 {
        distance(&self.before, &picture_of(jpeg), head(self.person))
    }

    /// Pictures that somebody asked for, and those of an exercise.
    fn ask(&mut self) -> Vec<Post> {
        for words in [&["snapshot"][..], &["test"]] {
            assert_eq!(command(&self.broker, words).0, 0);
        }
        self.desk.until("pictures", |posts| posts.iter().filter(|post| post.kind == "snapshot").count() >= 2);
        self.desk.of("snapshot").into_iter().cloned().collect()
    }
}

#[test]
fn no_picture_of_the_daemon_shows_a_face_sent_or_stored_unless_that_is_configured() {
    let mut camp = Campsite::new();
    let mut daemon = started(
        &camp.home,
        &mut camp.desk,
        &[ACCEPT, "publish.snapshot_quality=95", "perceive.bear_threshold=0.9"],
    );
    camp.desk.hears("telemetry", |post| post.json()["frames"]["inferred"].as_u64() > Some(5));
    for post in camp.ask() {
        let differs = camp.head_differs(&post.payload);
        assert!(differs > 6.0, "a face was sent: {differs}");
    }
    assert_eq!(daemon.stop(), 0, "{}", daemon.log());
    let mut shown = Campsite::new();
    let mut daemon = started(
        &shown.home,
        &mut shown.desk,
        &[
            ACCEPT,
            "publish.snapshot_quality=95",
            "publish.snapshot_people=shown",
            "perceive.bear_threshold=0.9",
        ],
    );
    shown.desk.hears("telemetry", |post| post.json()["frames"]["inferred"].as_u64() > Some(5));
    for post in shown.ask() {
        let differs = shown.head_differs(&post.payload);
        assert!(differs < 5.0, "shown as configured: {differs}");
    }
    assert_eq!(daemon.stop(), 0, "{}", daemon.log());
}

#[test]
fn the_page_shows_no_face_unless_that_is_configured() {
    let differs = |people: &str| {
        let Campsite { broker: _broker, home, before, person, .. } = Campsite::new();
        let camera = Camera::at(home);
        let mut daemon = camera.start(&["perceive.bear_threshold=0.9", people]);
        let (picture, _) = camera.picture(640);
        assert_eq!(daemon.stop(), 0, "{}", daemon.log());
        distance(&before, &picture, head(person))
    };
    let (hidden, shown) =
        (differs("publish.snapshot_people=blurred"), differs("publish.snapshot_people=shown"));
    assert!(hidden > 6.0 && shown < hidden / 2.0, "hidden {hidden}, shown {shown}");
}

/// A bear walks by while somebody stands in the corner: the alert's picture, and those of before.
#[test]
fn the_pictures_of_an_alert_and_of_what_led_to_it_show_the_bear_and_no_face() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 4, true);
    let tall = |(_, person): &(Picture, Rect)| (0.25..0.6).contains(&person.h);
    let (patch, person) = passers_by(0.0).into_iter().find(tall).unwrap();
    let around = Rect { x: person.x - 0.02, y: person.y - 0.03, w: person.w + 0.04, h: person.h + 0.05 };
    let [left, top, w, h] = around.clipped().to_pixels(640, 360).map(|v| v as u32);
    for entry in std::fs::read_dir(home.pictures()).unwrap() {
        let path = entry.unwrap().path();
        let mut picture = read_picture(&path).unwrap();
        for (x, y) in (top..top + h).flat_map(|y| (left..left + w).map(move |x| (x, y))) {
            let at = ((y * 640 + x) * 3) as usize;
            picture.data[at..at + 3].copy_from_slice(&patch.pixel(x, y));
        }
        std::fs::write(path, encode_jpeg(&picture, 95, 640).unwrap()).unwrap();
    }
    let sets =
        ["publish.snapshot_quality=95", "perceive.bear_threshold=0.5", "acknowledge.ladder=[\"600 duty\"]"];
    let mut daemon = started(&home, &mut desk, &sets);
    let alert = desk.hears("alert", |post| post.json()["state"] == "opened").json();
    let of_alert =
        |post: &&Post| post.kind == "snapshot" && post.properties["alert"] == alert["id"].as_str().unwrap();
    desk.until("pictures of before", |posts| posts.iter().filter(of_alert).count() >= 3);
    assert_eq!(daemon.stop(), 0, "{}", daemon.log());
    let sent: Vec<Vec<u8>> = desk.posts.iter().filter(of_alert).map(|post| post.payload.clone()).collect();
    let kept = std::fs::read_dir(home.store().join("review")).unwrap().map(|entry| entry.unwrap().path());
    let kept: Vec<Vec<u8>> = kept
        .filter(|path| path.extension().is_some_and(|end| end == "jpg"))
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    assert!(!kept.is_empty(), "the opening's picture is kept for the ranger's verdict");
    for jpeg in sent.iter().chain(&kept) {
        let differs = distance(&patch, &picture_of(jpeg), head(person));
        assert!(differs > 6.0, "a face was sent or kept: {differs}");
    }
}
