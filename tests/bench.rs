//! `bearwatch bench` as scripts use it: a short run of the daemon against a Mosquitto of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test program: what cannot be read is a failure"
)]

#[path = "support/drawn.rs"]
mod drawn;

use std::process::Command;

use bearwatch::capture::pixels::encode_jpeg;
use serde_json::Value;

const STAGES: [&str; 6] = ["decode", "prepare", "inference", "perceive", "publish", "capture_to_puback"];

fn bench(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_bearwatch")).arg("bench").args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_bear_that_stays_gives_figures_for_every_stage_from_capture_to_puback() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bear.jpg");
    std::fs::write(&file, encode_jpeg(&drawn::bear().0, 90, u32::MAX).unwrap()).unwrap();
    let (code, stdout, stderr) = bench(&["--json", "--seconds", "8", "--source", file.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{stderr}");
    let report: Value = serde_json::from_str(&stdout).expect("nothing but JSON on stdout");
    for stage in STAGES {
        let quantiles = ["p50_ms", "p95_ms", "p99_ms"].map(|key| report["stages"][stage][key].as_f64());
        assert!(quantiles.iter().all(|q| q.is_some_and(|q| q > 0.0)), "{stage}: {report}");
        assert!(quantiles.is_sorted(), "{stage}: {report}");
    }
    assert_eq!(report["stages"].as_object().unwrap().len(), STAGES.len());
    assert!((10.0..2000.0).contains(&report["memory_mb"].as_f64().unwrap()), "{report}");
    assert!((1..60_000).contains(&report["start_ms"].as_u64().unwrap()), "{report}");
    assert_eq!(report["model"]["sha256"].as_str().unwrap().len(), 64);
    assert!(
        !report["model"]["name"].as_str().unwrap().is_empty() && !report["cpu"].as_str().unwrap().is_empty()
    );
    let frames = |key: &str| report["frames"][key].as_u64().unwrap();
    assert!(frames("seen") > 30 && frames("inferred") > 3, "the picture is shown again and again: {report}");
    assert!(report["seconds"].as_f64().unwrap() < 30.0, "{report}");
}

#[test]
fn the_drawn_camera_of_1280_by_720_is_what_is_measured_where_nothing_else_is_asked_for() {
    let (code, stdout, stderr) = bench(&["--seconds", "3"]);
    assert_eq!(code, Some(0), "{stderr}");
    for part in ["simulated", "inference", "capture_to_puback", "memory:", "ready after"] {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
}

#[test]
fn the_roofline_is_of_the_model_alone_and_of_this_core() {
    let (code, stdout, stderr) = bench(&["--roofline", "--json"]);
    assert_eq!(code, Some(0), "{stderr}");
    let report: Value = serde_json::from_str(&stdout).expect("nothing but JSON on stdout");
    let number = |key: &str| report[key].as_f64().unwrap_or_else(|| panic!("{key} of {report}"));
    assert!((0.3..1.0).contains(&number("gmac")), "{report}");
    let quartiles = ["p25_ms", "p50_ms", "p75_ms"].map(number);
    assert!(quartiles[0] > 0.0 && quartiles.is_sorted(), "{report}");
    if report["kernels"] == "portable" {
        assert!(report["percent_of_peak"].is_null(), "{report}");
    } else {
        assert!((0.0..100.0).contains(&number("percent_of_peak")), "{report}");
    }
    let (code, stdout, _) = bench(&["--roofline"]);
    assert!(code == Some(0) && stdout.contains("GMAC/s"), "{stdout}");
}

#[test]
fn a_source_or_a_model_that_is_not_there_is_told() {
    let (code, stdout, stderr) = bench(&["--seconds", "2", "--source", "/nowhere/at/all"]);
    assert_eq!((code, stdout.as_str()), (Some(66), ""), "{stderr}");
    assert!(stderr.contains("/nowhere/at/all"), "{stderr}");
    let (code, _, stderr) = bench(&["--seconds", "2", "--model", "/nowhere/m.onnx"]);
    assert_eq!(code, Some(78), "{stderr}");
    assert!(stderr.contains("/nowhere/m.onnx"), "{stderr}");
}
