//! Twenty minutes of scene time at the drawn campsite without bears, day to night and back: nobody is woken.

#![allow(clippy::unwrap_used, reason = "a test program")]

mod support;

use serde_json::Value;
use support::bearwatch;

fn soak(more: &[&str]) -> std::process::Output {
    let size = ["--width", "640", "--height", "360", "--board-ms", "114"];
    bearwatch().arg("soak").args(size).args(more).output().unwrap()
}

#[test]
fn weather_and_visitors_of_a_day_raise_nothing() {
    let output = soak(&["--hours", "0.3334", "--seed", "5", "--json", "-"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["alarms"]["track"], 0, "{:#}", report["each"]);
    let frames = report["frames"].as_u64().unwrap();
    assert!(frames > 1250, "{frames}: one a second, and five while something moves");
    assert!(
        report["most_a_day"].as_f64().unwrap() > 200.0,
        "20 minutes prove little: {}",
        report["most_a_day"]
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_told_before_the_day_begins() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let output = soak(&["--hours", "1", "--out", file.join("alarms").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(73));
    assert!(String::from_utf8_lossy(&output.stderr).contains("alarms"));
}
