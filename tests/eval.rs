//! `bearwatch eval` as scripts use it: the figures of the COCO tools, bad files, and sequences drawn by the simulator.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test program: what cannot be read is a failure"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bearwatch::capture::pixels::encode_jpeg;
use bearwatch::capture::settings::SceneSettings;
use bearwatch::capture::simulated::Scene;
use bearwatch::perceive::frame::Picture;
use bearwatch::perceive::model::Class;
use serde_json::{Value, json};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/coco");

fn eval(arguments: &[&str], folder: &Path) -> Output {
    // Not in the repository's folder: the model is the embedded one.
    Command::new(env!("CARGO_BIN_EXE_bearwatch"))
        .arg("eval")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn write(path: PathBuf, value: &Value) {
    std::fs::write(path, value.to_string()).unwrap();
}

/// The keys of an object, in the order of the alphabet.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn close(found: &Value, expected: &Value, tolerance: f64) -> bool {
    match (found.as_f64(), expected.as_f64()) {
        (Some(found), Some(expected)) => (found - expected).abs() <= tolerance,
        _ => found.is_null() && expected.is_null(),
    }
}

/// The fixtures' annotations in a folder of their own, as `eval` wants them.
fn fixtures() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["annotations.json", "predictions.json"] {
        std::fs::copy(Path::new(FIXTURES).join(file), folder.path().join(file)).unwrap();
    }
    folder
}

#[test]
fn the_figures_are_those_of_pycocotools_on_the_same_predictions() {
    let folder = fixtures();
    let output = eval(&[".", "--predictions", "predictions.json", "--json", "out.json"], folder.path());
    assert_eq!(code(&output), Some(0), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("AP50"), "people get a table");
    let (found, expected) =
        (read(&folder.path().join("out.json")), read(&Path::new(FIXTURES).join("expected.json")));
    for class in ["bear", "person", "animal"] {
        let (found, expected) = (&found["classes"][class], &expected[class]);
        for figure in ["ap", "ap50"] {
            assert!(close(&found[figure], &expected[figure], 1e-6), "{class} {figure}: {found}");
        }
        for rate in ["0.001", "0.01", "0.05"] {
            let (found, expected) = (&found["recall_at"][rate], &expected["recall_at"][rate]);
            assert_eq!(found.is_null(), expected.is_null(), "{class} at {rate}: {found}");
            assert!(close(&found["recall"], &expected["recall"], 1e-9), "{class} at {rate}: {found}");
            assert!(close(&found["threshold"], &expected["threshold"], 1e-6), "{class} at {rate}: {found}");
        }
    }
}

#[test]
fn the_json_has_the_keys_of_the_contract() {
    let folder = fixtures();
    let output = eval(&[".", "--predictions", "predictions.json", "--json", "-"], folder.path());
    let report: Value = serde_json::from_slice(&output.stdout).expect("nothing but JSON on stdout");
    assert_eq!(report["model"]["name"], "predictions");
    assert_eq!(report["model"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(report["data"]["images"], 300);
    assert!((240..300).contains(&report["data"]["negatives"].as_u64().unwrap()));
    let recall = &report["classes"]["bear"]["recall_at"]["0.01"];
    assert_eq!(keys(recall), ["ci95", "recall", "threshold"]);
    let (low, high) = (recall["ci95"][0].as_f64().unwrap(), recall["ci95"][1].as_f64().unwrap());
    assert!(low <= recall["recall"].as_f64().unwrap() && recall["recall"].as_f64().unwrap() <= high);
    for key in ["confusion", "worst", "classes", "data", "model"] {
        assert!(report.get(key).is_some(), "{key}");
    }
    let again = eval(&[".", "--predictions", "predictions.json", "--json", "-"], folder.path());
    assert_eq!(again.stdout, output.stdout, "the same seed gives the same digits");
}

#[test]
fn fewer_pictures_than_the_rate_needs_give_null() {
    let folder = tempfile::tempdir().unwrap();
    let negatives = 99;
    let images: Vec<Value> =
        (0..=negatives).map(|id| json!({ "id": id, "file_name": format!("{id}.jpg") })).collect();
    let annotations = json!([{ "image_id": 0, "category_id": 1, "bbox": [0, 0, 9, 9], "iscrowd": 0 }]);
    let categories = json!([{ "id": 1, "name": "bear" }]);
    write(
        folder.path().join("annotations.json"),
        &json!({ "images": images, "annotations": annotations, "categories": categories }),
    );
    let found = json!([{ "image_id": 0, "category_id": 1, "bbox": [0, 0, 9, 9], "score": 0.9 }]);
    write(folder.path().join("p.json"), &found);
    let output = eval(&[".", "--predictions", "p.json", "--json", "-"], folder.path());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let recall_at = &report["classes"]["bear"]["recall_at"];
    assert!(recall_at["0.01"].is_null(), "99 pictures show no rate of 1 in 100");
    assert_eq!(recall_at["0.05"]["recall"], 1.0);
}

#[test]
fn files_that_are_missing_or_wrong_are_named_with_their_codes() {
    let folder = fixtures();
    let here = folder.path();
    let put = |name: &str, text: &str| std::fs::write(here.join(name), text).unwrap();
    std::fs::create_dir(here.join("bad")).unwrap();
    put("bad/annotations.json", "{\"images\": [");
    put("cut.json", "[{\"image_id\": 1,");
    put("stranger.json", "[{\"image_id\": 424242, \"category_id\": 1, \"bbox\": [0,0,1,1], \"score\": 0.5}]");
    let cases: [(&[&str], i32, &str); 7] = [
        (&["nowhere"], 66, "nowhere/annotations.json"),
        (&["bad"], 65, "bad/annotations.json"),
        (&[".", "--predictions", "none.json"], 66, "none.json"),
        (&[".", "--predictions", "cut.json"], 65, "cut.json"),
        (&[".", "--predictions", "stranger.json"], 65, "image_id 424242"),
        (&["."], 66, "images"),
        (&[".", "--predictions", "predictions.json", "--json", "no/such/out.json"], 73, "no/such"),
    ];
    for (arguments, expected, told) in cases {
        let output = eval(arguments, here);
        assert_eq!(code(&output), Some(expected), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(told), "{arguments:?}: {}", said(&output));
        assert!(output.stdout.is_empty(), "stdout is for results");
    }
    assert_eq!(code(&eval(&[".", "--events", "--html", "x.html"], here)), Some(64));
}

/// A daylight scene in which a bear walks through.
fn daylight(bears: u32) -> Scene {
    Scene::new(&SceneSettings {
        seed: 7,
        darkness_end: 0.0,
        duration_s: 30.0,
        bears,
        ..SceneSettings::default()
    })
}

fn jpeg(picture: &Picture) -> Vec<u8> {
    encode_jpeg(picture, 90, u32::MAX).unwrap()
}

#[test]
fn the_model_sees_pictures_and_those_it_cannot_see_are_told_beside_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    std::fs::create_dir(&images).unwrap();
    let mut scene = daylight(1);
    let visit = *scene.visits().iter().find(|v| v.class == Class::Bear).unwrap();
    let mut picture = Picture::default();
    let truths = scene.draw((visit.enters_s + visit.leaves_s) / 2.0, &mut picture);
    let bear = truths.iter().find(|t| t.class == Class::Bear).unwrap();
    let bbox = bear.bbox.to_pixels(picture.width, picture.height);
    std::fs::write(images.join("<bear>.jpg"), jpeg(&picture)).unwrap();
    std::fs::write(images.join("cut.jpg"), &jpeg(&picture)[..300]).unwrap();
    std::fs::write(images.join("thin.jpg"), jpeg(&Picture::new(900, 1))).unwrap();
    let image = |id: u32, name: &str| json!({ "id": id, "file_name": name });
    write(
        folder.path().join("annotations.json"),
        &json!({
            "images": [image(1, "<bear>.jpg"), image(2, "cut.jpg"), image(3, "gone.jpg"), image(4, "thin.jpg")],
            "annotations": [
                { "image_id": 1, "category_id": 1, "bbox": bbox },
                { "image_id": 1, "category_id": 1, "bbox": [0, 0, 20, 20] },
                { "image_id": 4, "category_id": 1, "bbox": [0, 0, 20, 1] },
            ],
            "categories": [{ "id": 1, "name": "bear" }],
        }),
    );
    let outputs = ["--json", "o.json", "--html", "o.html", "--save-predictions", "p.json"];
    let output = eval(&[&["."], &outputs[..]].concat(), folder.path());
    assert_eq!(code(&output), Some(65), "{}", said(&output));
    let report = read(&folder.path().join("o.json"));
    assert_eq!(report["data"]["images"], 2);
    assert_eq!(report["classes"]["bear"]["boxes"], 3);
    let unreadable: Vec<_> =
        report["unreadable"].as_array().unwrap().iter().map(|u| u["file"].as_str().unwrap()).collect();
    assert_eq!(unreadable, ["cut.jpg", "gone.jpg"]);
    let predictions = read(&folder.path().join("p.json"));
    assert!(
        predictions
            .as_array()
            .unwrap()
            .iter()
            .any(|p| p["image_id"] == 1 && p["score"].as_f64().unwrap() > 0.3)
    );
    page_is_whole(&std::fs::read_to_string(folder.path().join("o.html")).unwrap());
}

/// Self-contained, harmless, and with the pictures inside.
fn page_is_whole(page: &str) {
    for part in [
        "<title>",
        "data:image/jpeg;base64,",
        "&lt;bear&gt;.jpg",
        "Precision against recall",
        "gone.jpg",
        "bearwatch eval .",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for foreign in ["<bear>", "<script", "http://", "https://", "url(", "<link"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("2 bears missed") || page.contains("1 bear missed"), "the reason is told");
    let svgs = page.matches("<svg").count();
    assert_eq!(page.matches("role=\"img\"").count(), svgs, "every drawing has words beside it");
}

const FPS: f64 = 5.0;

/// The embedded model with a card that is content with less: how alerts are judged is shown here, not how good the model is.
fn content_with_less(folder: &Path) {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    std::fs::copy(models.join("bearwatch-nano.onnx"), folder.join("model.onnx")).unwrap();
    let mut card = read(&models.join("bearwatch-nano.json"));
    card["classes"][0]["threshold"] = json!(0.1);
    write(folder.join("model.json"), &card);
}

/// Plays `length_s` of a scene into a folder; gives the boxes of the bears by file, where they are fully seen.
fn draw_sequence(folder: &Path, scene: &mut Scene, from_s: f64, length_s: f64) -> Value {
    std::fs::create_dir_all(folder).unwrap();
    let mut boxes = serde_json::Map::new();
    let mut picture = Picture::default();
    for at in 0..(length_s * FPS) as usize {
        let truths = scene.draw(from_s + at as f64 / FPS, &mut picture);
        let name = format!("{at:05}.jpg");
        std::fs::write(folder.join(&name), jpeg(&picture)).unwrap();
        let bears = truths.iter().filter(|t| t.class == Class::Bear);
        let bears: Vec<_> = bears.map(|t| t.bbox.to_pixels(picture.width, picture.height)).collect();
        boxes.insert(name, json!(bears));
    }
    Value::Object(boxes)
}

#[test]
fn sequences_go_through_the_core_and_the_bear_is_told_of_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = daylight(1);
    let visit = *scene.visits().iter().find(|v| v.class == Class::Bear).unwrap();
    let length_s = (visit.leaves_s - visit.enters_s).min(9.0) + 1.0;
    let boxes = draw_sequence(&folder.path().join("meadow"), &mut scene, visit.enters_s - 1.0, length_s);
    draw_sequence(&folder.path().join("empty"), &mut daylight(0), 0.0, 2.0);
    std::fs::write(folder.path().join("empty/00003.jpg"), b"no picture").unwrap();
    let event = json!({ "class": "bear", "start_s": 1.0, "end_s": length_s });
    write(
        folder.path().join("events.json"),
        &json!([
            { "sequence": "meadow", "fps": FPS, "events": [event], "boxes": boxes },
            { "sequence": "empty", "fps": FPS, "events": [] },
        ]),
    );
    content_with_less(folder.path());
    let output = eval(&[".", "--events", "--model", "model.onnx", "--json", "-"], folder.path());
    assert_eq!(code(&output), Some(65), "one picture could not be read: {}", said(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["events"], &report["found"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(report["false_alarms"], 0, "{report}");
    let time = report["time_to_alert_s"]["p50"].as_f64().unwrap();
    assert!((0.4..length_s).contains(&time), "{time} s");
    assert_eq!(report["time_to_alert_s"]["p95"], report["time_to_alert_s"]["p50"]);
    let pictures = (length_s * FPS) as u64 + 10;
    assert!((report["hours"].as_f64().unwrap() - pictures as f64 / FPS / 3600.0).abs() < 1e-9);
    let rate = &report["false_alarms_per_day"];
    assert!(rate["value"] == 0.0 && rate["upper95"].as_f64().unwrap() > 0.0, "{rate}");
    assert!(report["deadline_misses"].is_u64());
    assert_eq!(report["pictures"], json!({ "seen": pictures, "dropped": 0, "inferred": pictures - 1 }));
    assert_eq!(report["unreadable"][0]["file"], "empty/00003.jpg");
}

#[test]
fn in_real_time_what_comes_while_the_model_is_busy_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    draw_sequence(&folder.path().join("fast"), &mut daylight(0), 0.0, 6.0);
    // A thousand pictures a second are too many for any machine.
    write(folder.path().join("events.json"), &json!([{ "sequence": "fast", "fps": 1000, "events": [] }]));
    let output = eval(&[".", "--events", "--realtime", "--json", "-"], folder.path());
    assert_eq!(code(&output), Some(0), "{}", said(&output));
    let pictures = serde_json::from_slice::<Value>(&output.stdout).unwrap()["pictures"].clone();
    let of = |key: &str| pictures[key].as_u64().unwrap();
    assert_eq!((of("seen"), of("dropped") + of("inferred")), (30, 30));
    assert!(of("inferred") >= 1 && of("dropped") > 15, "{pictures}");
}

#[test]
fn what_is_wrong_with_events_json_is_told_with_its_field() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("a")).unwrap();
    std::fs::write(folder.path().join("a/1.jpg"), jpeg(&Picture::new(64, 64))).unwrap();
    let entry = |key: &str, value: Value| {
        let mut entry = json!({ "sequence": "a", "fps": 1, "events": [] });
        entry[key] = value;
        json!([entry])
    };
    let event = |class: &str, start_s: f64, end_s: Value| {
        entry("events", json!([{ "class": class, "start_s": start_s, "end_s": end_s }]))
    };
    let cases = [
        (json!({}), 65, "a list of"),
        (json!([]), 65, "a list of"),
        (json!([{ "fps": 1, "events": [] }]), 65, "[0].sequence: is missing"),
        (entry("sequence", json!("../a")), 65, "[0].sequence: must be the name of a folder"),
        (entry("sequence", json!("b")), 66, "b"),
        (entry("fps", json!(0)), 65, "[0].fps: must be a number from 0.001 to 1000, it is 0"),
        (
            event("wolf", 0.0, json!(1)),
            65,
            "[0].events[0].class: must be bear, person or animal, it is \"wolf\"",
        ),
        (event("bear", 2.0, json!(3)), 65, "[0].events[0].start_s: must be a number from 0 to 1, it is 2"),
        (event("bear", 0.5, json!("x")), 65, "[0].events[0].end_s: must be a number of 0.5 or more"),
        (entry("boxes", json!({ "2.jpg": [] })), 65, "[0].boxes[\"2.jpg\"]: there is no such picture"),
        (
            entry("boxes", json!({ "1.jpg": [[1, 2, 3]] })),
            65,
            "[0].boxes[\"1.jpg\"][0]: must be [x, y, width, height]",
        ),
    ];
    for (file, expected, told) in cases {
        write(folder.path().join("events.json"), &file);
        let output = eval(&[".", "--events"], folder.path());
        assert_eq!(code(&output), Some(expected), "{file}: {}", said(&output));
        assert!(said(&output).contains(told), "{file}: {}", said(&output));
    }
    std::fs::remove_file(folder.path().join("events.json")).unwrap();
    let output = eval(&[".", "--events"], folder.path());
    assert_eq!(code(&output), Some(66));
    assert!(said(&output).contains("events.json"), "{}", said(&output));
}
