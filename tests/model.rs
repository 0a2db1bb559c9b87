//! A model that is not what its card says is refused with the reason, by the library and by the program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test program: what cannot be set up is a failure"
)]

#[path = "model/succession.rs"]
mod succession;
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use bearwatch::infer::bundle::{Bundle, ModelError};
use bearwatch::infer::engine::Engine;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const ONNX: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/bearwatch-nano.onnx");
const CARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/bearwatch-nano.json");

/// Writes `onnx` and the shipped card, changed by `change`, with the hash of `onnx`.
fn write(folder: &Path, onnx: &[u8], change: impl Fn(&mut Value)) -> PathBuf {
    let mut card: Value = serde_json::from_slice(&std::fs::read(CARD).unwrap()).unwrap();
    card["sha256"] = json!(Sha256::digest(onnx).iter().map(|b| format!("{b:02x}")).collect::<String>());
    change(&mut card);
    let path = folder.join("model.onnx");
    std::fs::write(&path, onnx).unwrap();
    std::fs::write(folder.join("model.json"), card.to_string()).unwrap();
    path
}

fn load_error(path: &Path) -> String {
    match Bundle::read(path) {
        Err(error) => error.to_string(),
        Ok(bundle) => Engine::load(&bundle).err().expect("the model was taken").to_string(),
    }
}

#[test]
fn the_embedded_model_loads_and_is_the_committed_file() {
    let bundle = Bundle::open(None).unwrap();
    let found: String =
        Sha256::digest(std::fs::read(ONNX).unwrap()).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(bundle.id.sha256, found);
    let engine = Engine::load(&bundle).unwrap();
    let spec = engine.spec();
    let mut output = Vec::new();
    engine.run(&vec![114; 3 * (spec.input.width * spec.input.height) as usize], &mut output).unwrap();
    assert_eq!(output.len(), spec.anchors() * (5 + spec.channels));
    assert!(output.iter().all(|v| v.is_finite()));
}

#[test]
fn a_truncated_model_is_told_from_its_hash() {
    let folder = tempfile::tempdir().unwrap();
    let onnx = std::fs::read(ONNX).unwrap();
    let path = write(folder.path(), &onnx, |_| {});
    std::fs::write(&path, &onnx[..onnx.len() / 2]).unwrap();
    assert!(matches!(Bundle::read(&path), Err(ModelError::Hash { .. })));
    assert!(load_error(&path).contains("copy it again"));
}

#[test]
fn a_truncated_model_whose_card_agrees_is_refused_by_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let onnx = std::fs::read(ONNX).unwrap();
    let path = write(folder.path(), &onnx[..onnx.len() / 2], |_| {});
    assert!(load_error(&path).contains("tract cannot load it"));
}

#[test]
fn what_is_no_onnx_at_all_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), b"not a model", |_| {});
    assert!(load_error(&path).contains("tract cannot load it"), "{}", load_error(&path));
}

type Change = fn(&mut Value);

#[test]
fn a_card_of_another_shape_or_other_classes_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let onnx = std::fs::read(ONNX).unwrap();
    let cases: [(&str, Change); 6] = [
        ("do not divide", |card| card["output"]["strides"] = json!([7])),
        ("its output is", |card| card["output"]["strides"] = json!([8, 16])),
        ("no class \"bear\"", |card| card["classes"][0]["name"] = json!("animal")),
        ("at least", |card| card["classes"][0]["channels"] = json!([70])),
        ("threshold", |card| card["classes"][0]["threshold"] = json!(1.5)),
        ("outside 32..2048", |card| card["input"]["width"] = json!(1)),
    ];
    for (reason, change) in cases {
        let path = write(folder.path(), &onnx, change);
        let error = load_error(&path);
        assert!(error.contains(reason) && error.contains("model.onnx"), "{reason}: {error}");
    }
}

#[test]
fn a_card_that_is_missing_or_no_json_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &std::fs::read(ONNX).unwrap(), |_| {});
    std::fs::write(folder.path().join("model.json"), "{").unwrap();
    assert!(matches!(Bundle::read(&path), Err(ModelError::Card { .. })));
    std::fs::remove_file(folder.path().join("model.json")).unwrap();
    assert!(load_error(&path).contains("model.json"));
}

#[test]
fn the_program_ends_with_bad_data_and_names_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), b"not a model", |_| {});
    let output = Command::new(env!("CARGO_BIN_EXE_bearwatch"))
        .args(["detect", "--model"])
        .arg(&path)
        .arg("any.jpg")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&output.stderr).contains("model.onnx"));
    assert!(output.stdout.is_empty(), "stdout is for results");
}
