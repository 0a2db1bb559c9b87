//! `bearwatch detect` as scripts use it: the JSON contract, and pictures as bad as they come.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be read is a failure")]

#[path = "support/drawn.rs"]
mod drawn;

use std::path::Path;
use std::process::{Command, Output};

use bearwatch::capture::pixels::encode_jpeg;
use bearwatch::perceive::frame::Picture;
use drawn::bear;
use serde_json::Value;

fn detect(arguments: &[&str], folder: &Path) -> (Output, Vec<Value>) {
    let output = Command::new(env!("CARGO_BIN_EXE_bearwatch"))
        .arg("detect")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    (output, lines)
}

#[test]
fn a_line_a_picture_in_input_order_by_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let (picture, truth) = bear();
    std::fs::write(folder.path().join("b.jpg"), encode_jpeg(&picture, 90, u32::MAX).unwrap()).unwrap();
    std::fs::write(folder.path().join("a.jpg"), encode_jpeg(&Picture::new(320, 200), 90, u32::MAX).unwrap())
        .unwrap();
    let (output, lines) = detect(&["--json", "b.jpg", "./a.jpg", "missing.jpg"], folder.path());
    assert_eq!(output.status.code(), Some(65), "one of them could not be read");
    let files: Vec<_> = lines.iter().map(|l| l["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["b.jpg", "./a.jpg", "missing.jpg"], "as given, in order");
    assert_eq!((lines[0]["width"].as_u64(), lines[0]["height"].as_u64()), (Some(640), Some(360)));
    assert!(lines[0]["ms"].as_f64().unwrap() > 0.0);
    let best = &lines[0]["detections"][0];
    assert_eq!(best["class"], "bear", "{}", lines[0]);
    let bbox: Vec<f32> = serde_json::from_value(best["bbox"].clone()).unwrap();
    let centre = (bbox[0] + bbox[2] / 2.0, bbox[1] + bbox[3] / 2.0);
    assert!(truth[0] < centre.0 && centre.0 < truth[0] + truth[2], "{bbox:?} is not on {truth:?}");
    assert!(lines[1]["detections"].as_array().unwrap().is_empty(), "nothing in the dark");
    assert!(lines[2]["error"].as_str().unwrap().contains("missing.jpg") && lines[2]["width"].is_null());
}

#[test]
fn scores_are_sorted_and_boxes_lie_inside_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("b.jpg"), encode_jpeg(&bear().0, 90, u32::MAX).unwrap()).unwrap();
    let (output, lines) = detect(&["--json", "--min-score", "0.001", "b.jpg"], folder.path());
    assert_eq!(output.status.code(), Some(0));
    let found = lines[0]["detections"].as_array().unwrap();
    assert!(found.len() > 3, "a score of 0.001 shows the doubtful ones too");
    let scores: Vec<f64> = found.iter().map(|d| d["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b) && scores.iter().all(|s| (0.001..=1.0).contains(s)));
    for detection in found {
        let [x, y, w, h]: [f64; 4] = serde_json::from_value(detection["bbox"].clone()).unwrap();
        assert!(
            x >= 0.0 && y >= 0.0 && w > 0.0 && h > 0.0 && x + w <= 640.01 && y + h <= 360.01,
            "{detection}"
        );
    }
}

#[test]
fn bad_pictures_are_told_one_by_one_and_the_good_ones_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let good = encode_jpeg(&bear().0, 90, u32::MAX).unwrap();
    write("1-empty.jpg", b"");
    write("2-text.png", b"this is no picture");
    write("3-cut.jpg", &good[..200]);
    write("4-pixel.jpg", &encode_jpeg(&Picture::new(1, 1), 90, u32::MAX).unwrap());
    write("5-thin.jpg", &encode_jpeg(&Picture::new(2000, 1), 90, u32::MAX).unwrap());
    write("6-huge.png", &huge_png());
    write("7-good.jpg", &good);
    let (output, lines) = detect(&["--json", "."], folder.path());
    assert_eq!(output.status.code(), Some(65));
    assert_eq!(lines.len(), 7);
    for bad in [0, 1, 2, 5] {
        let file = lines[bad]["file"].as_str().unwrap();
        assert!(lines[bad]["error"].as_str().is_some_and(|e| e.contains(file)), "{}", lines[bad]);
    }
    for readable in [3, 4, 6] {
        assert!(lines[readable]["detections"].is_array(), "{}", lines[readable]);
    }
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}

/// A PNG header that claims 60,000 × 60,000 pixels.
fn huge_png() -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    image::ImageEncoder::write_image(encoder, &[0], 1, 1, image::ExtendedColorType::L8).unwrap();
    bytes[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// The checksum of PNG chunks (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(!0u32, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

#[test]
fn copies_have_their_boxes_drawn_and_the_originals_stay() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    let jpeg = encode_jpeg(&bear().0, 90, u32::MAX).unwrap();
    std::fs::write(folder.path().join("in/b.jpg"), &jpeg).unwrap();
    let (output, _) = detect(&["--out", "copies", "in"], folder.path());
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("bear"));
    let copy = bearwatch::capture::pixels::read_picture(&folder.path().join("copies/b.jpg.jpg")).unwrap();
    assert_eq!((copy.width, copy.height), (640, 360));
    let orange = copy.data.chunks_exact(3).filter(|p| p[0] > 200 && p[1] > 120 && p[2] < 60).count();
    assert!(orange > 100, "no box of a bear is drawn: {orange} orange pixels");
    assert_eq!(std::fs::read(folder.path().join("in/b.jpg")).unwrap(), jpeg);
}

#[test]
fn a_recording_gives_a_line_a_frame_with_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut y4m = b"YUV4MPEG2 W64 H48 F5:1 Ip A1:1 C420jpeg\n".to_vec();
    for luma in [20u8, 120, 200] {
        y4m.extend(b"FRAME\n");
        y4m.extend(vec![luma; 64 * 48]);
        y4m.extend(vec![128; 64 * 48 / 2]);
    }
    std::fs::write(folder.path().join("night.y4m"), y4m).unwrap();
    let (output, lines) = detect(&["--json", "night.y4m"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let places: Vec<_> = lines.iter().map(|l| (l["frame"].as_u64(), l["time_s"].as_f64())).collect();
    assert_eq!(places, [(Some(0), Some(0.0)), (Some(1), Some(0.2)), (Some(2), Some(0.4))]);
}

#[test]
fn nothing_to_look_at_and_wrong_words_are_told_with_their_codes() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let (output, lines) = detect(&["--json", "empty"], folder.path());
    assert_eq!(output.status.code(), Some(65));
    assert!(lines[0]["error"].as_str().unwrap().contains("no picture"));
    let (output, _) = detect(&["--min-score", "7", "x.jpg"], folder.path());
    assert_eq!(output.status.code(), Some(64));
    let (output, _) = detect(&["--out", "/proc/nowhere", "x.jpg"], folder.path());
    assert_eq!(output.status.code(), Some(73));
}
