//! `bearwatch reach` as whoever hangs a camera uses it.

#![allow(clippy::unwrap_used, reason = "a test program")]

mod support;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::bearwatch;

/// The embedded model beside a card that says what it sees, and a configuration that names it.
fn camera(folder: &Path, acuity: Value, perceive: &str) -> PathBuf {
    let model = folder.join("nano.onnx");
    std::fs::write(&model, include_bytes!("../models/bearwatch-nano.onnx")).unwrap();
    let mut card: Value = serde_json::from_slice(include_bytes!("../models/bearwatch-nano.json")).unwrap();
    card["acuity"] = acuity;
    std::fs::write(model.with_extension("json"), card.to_string()).unwrap();
    let config = format!(
        "[site]\nname = \"creek\"\ncamera = \"north\"\n[capture]\nsource = \"camera\"\nwidth = 1920\nheight = 1080\nfps = 5\n\
         [model]\npath = {model:?}\n[perceive]\n{perceive}\n"
    );
    let path = folder.join("bearwatch.toml");
    std::fs::write(&path, config).unwrap();
    path
}

fn reach(config: &Path, more: &[&str]) -> Value {
    let output = bearwatch().args(["reach", "--json", "--config"]).arg(config).args(more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn distances_are_those_of_a_pinhole_camera() {
    let folder = tempfile::tempdir().unwrap();
    let config = camera(folder.path(), json!({"day_px": 26.0, "infrared_px": 52.0}), "budget_ms = 500");
    // At 90° half of the frame's width is the focal length: 960 pixels.
    let told = reach(&config, &["--lens", "90", "--bear", "1.5", "--board-ms", "20"]);
    let close = |kind: &str, light: &str| {
        let limit = &told[kind][light];
        (limit["px"].as_f64().unwrap(), limit["m"].as_f64().unwrap())
    };
    let (px, m) = close("close", "day");
    assert!((px - 26.0).abs() < 1e-9 && (m - 960.0 * 1.5 / 26.0).abs() < 1e-6, "{told}");
    let (px, m) = close("whole", "infrared");
    assert!((px - 240.0).abs() < 1e-6 && (m - 6.0).abs() < 1e-6, "{told}");
    assert_eq!(told["frame"], json!([1920, 1080]));
}

#[test]
fn close_looks_that_enlarge_reach_farther() {
    let folder = tempfile::tempdir().unwrap();
    let acuity = json!({"day_px": 40.0, "infrared_px": 50.0, "close_px": 16.0});
    let px = |perceive: &str, light: &str| {
        let config = camera(folder.path(), acuity.clone(), perceive);
        reach(&config, &["--board-ms", "20"])["close"][light]["px"].as_f64().unwrap()
    };
    assert_eq!((px("", "day"), px("", "infrared")), (16.0, 20.0));
    assert_eq!(px("regions = \"tiles\"", "day"), 40.0, "tiles show the frame's own pixels");
}

#[test]
fn a_slower_board_takes_longer_for_a_round_and_one_that_may_not_look_closely_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let acuity = json!({"day_px": 26.0, "infrared_px": 52.0});
    let config = camera(folder.path(), acuity.clone(), "budget_ms = 500");
    let round = |ms: &str| reach(&config, &["--board-ms", ms])["round_s"].as_f64();
    let (fast, slow) = (round("10").unwrap(), round("114").unwrap());
    assert!(fast <= 0.6 && slow > 2.0 * fast, "{fast} {slow}");
    let whole = camera(folder.path(), acuity, "regions = \"whole\"");
    assert_eq!(reach(&whole, &["--board-ms", "10"])["round_s"], Value::Null);
}

#[test]
fn a_card_that_does_not_say_what_it_sees_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = camera(folder.path(), Value::Null, "");
    let output = bearwatch().args(["reach", "--config"]).arg(config).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(65), "{told}");
    assert!(told.contains("nano.onnx") && told.contains("\"acuity\""), "{told}");
}
