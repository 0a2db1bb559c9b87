//! Does the detector take the drawn bear of a drill for one in real pictures, whatever their light? A drill that fails for the drawing's sake
//! costs trust.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test program: what cannot be set up is a failure"
)]

use std::path::Path;

use bearwatch::capture::pixels::to_picture;
use bearwatch::capture::simulated::Guest;
use bearwatch::infer::bundle::Bundle;
use bearwatch::infer::still::StillDetector;
use bearwatch::perceive::condition::of_still;
use bearwatch::perceive::frame::{Frame, Picture, PixelFormat};
use bearwatch::perceive::geometry::Rect;
use bearwatch::perceive::model::Class;
use bearwatch::perceive::observation::Regime;
use bearwatch::perceive::settings::RegionMode;
use bearwatch::perceive::staged::is_at;
use serde_json::Value;

/// Pictures of a set that show no bear and are large enough for a camera's.
fn pictures(set: &Path) -> Vec<Picture> {
    let text = std::fs::read_to_string(set.join("annotations.json")).unwrap();
    let coco: Value = serde_json::from_str(&text).unwrap();
    let shown: Vec<&Value> = coco["annotations"].as_array().unwrap().iter().map(|a| &a["image_id"]).collect();
    let large =
        |image: &&Value| image["width"].as_u64().unwrap() >= 400 && image["height"].as_u64().unwrap() >= 300;
    let images = coco["images"].as_array().unwrap().iter().filter(large);
    let empty = images.filter(|image| !shown.contains(&&image["id"]));
    let read = |image: &Value| {
        let data = std::fs::read(set.join("images").join(image["file_name"].as_str().unwrap())).unwrap();
        let mut picture = Picture::default();
        let frame = Frame { format: PixelFormat::Jpeg, data, ..Frame::empty() };
        to_picture(&frame, &mut picture).ok().map(|()| picture)
    };
    empty.filter_map(read).collect()
}

#[test]
#[ignore = "some minutes over BEARWATCH_DATA: cargo test --test drill_sight -- --ignored --nocapture"]
fn the_drawn_bear_is_found_in_most_real_pictures() {
    let Some(data) = std::env::var_os("BEARWATCH_DATA") else {
        println!("not run: BEARWATCH_DATA not set");
        return;
    };
    let bundle = Bundle::open(None).unwrap();
    let mut detector = StillDetector::load(&bundle).unwrap();
    let threshold = detector.spec().classes.iter().find(|class| class.name == Class::Bear).unwrap().threshold;
    let (mut found, mut all, mut without) = (0, 0, 0);
    for (seed, clean) in pictures(&Path::new(&data).join("bears/val")).into_iter().enumerate() {
        let mut picture = clean.clone();
        let infrared = of_still(&clean) == Regime::Infrared;
        let drawn = Guest::new(seed as u64).draw(30.0, infrared, &mut picture).unwrap();
        let mut bear = |picture: &Picture, at: Rect| {
            let detections = detector.detect(picture, RegionMode::Auto, threshold).unwrap();
            detections.iter().any(|d| d.class == Class::Bear && is_at(at, d.bbox))
        };
        (all, found, without) =
            (all + 1, found + usize::from(bear(&picture, drawn)), without + usize::from(bear(&clean, drawn)));
    }
    println!(
        "the drawn bear is found in {found} of {all} real pictures; a bear was seen there before in {without}"
    );
    assert!(all > 30 && found * 10 >= all * 7, "{found} of {all}");
}
