//! Making a bundle: golden pictures are drawn, looked at, listed and signed. The same model, version and time give the same bytes, but for the two signatures:
//! minisign's crate mixes chance into each, so that a fault of the machine does not give the key away.

use std::io::Cursor;

use minisign::SecretKey;

use super::archive::{self, File};
use super::examine::{GOLDEN_SCORE, see};
use super::signed::{CARD, COMMENT, FORM, Golden, Listed, MANIFEST, Manifest, ONNX, SIGNATURE, sha256};
use crate::capture::pixels::encode_jpeg;
use crate::capture::settings::SceneSettings;
use crate::capture::simulated::Scene;
use crate::infer::bundle::Bundle;
use crate::infer::engine::Engine;
use crate::perceive::frame::Picture;
use crate::perceive::model::Class;

/// Lights of the golden pictures, 0 noon … 1 infrared night.
const LIGHTS: [(&str, f32); 3] = [("day", 0.0), ("dusk", 0.5), ("infrared", 1.0)];
/// Moments of a scene of this length, seconds, that are tried until the drawn bear is well in sight.
const SCENE_S: f64 = 40.0;
const MOMENTS: u32 = 40;
/// A bear of this share of the frame's height, of which so much is seen, is well in sight.
const WELL_SEEN: (f32, f32) = (0.25, 0.95);
/// Seed of the scenes: beyond those of demos and of training.
const SEED: u64 = 9_000_000;
const SIDE_PX: u32 = 640;
const QUALITY: u8 = 90;

/// What a bundle says of itself.
#[derive(Clone, Debug)]
pub struct Label {
    /// Its counter.
    pub version: u64,
    /// When it is packed, RFC 3339.
    pub created: String,
    /// The boards it is for.
    pub boards: Vec<String>,
}

/// Packs a model with its card, `card` being the card's bytes.
///
/// # Errors
/// Where the model does not run, sees no bear on any golden picture, or the key cannot sign.
pub fn pack(model: &Bundle, card: &[u8], label: &Label, key: &SecretKey) -> Result<Vec<u8>, String> {
    let engine = Engine::load(model).map_err(|error| error.to_string())?;
    let mut files = vec![
        File { name: ONNX.into(), bytes: model.onnx.to_vec() },
        File { name: CARD.into(), bytes: card.to_vec() },
    ];
    let mut golden = Vec::new();
    for (name, darkness) in LIGHTS {
        let jpeg = encode_jpeg(&draw(darkness), QUALITY, SIDE_PX).map_err(|error| error.to_string())?;
        let detections = see(&engine, &jpeg)?;
        let file = format!("golden/{name}.jpg");
        files.push(File { name: file.clone(), bytes: jpeg });
        golden.push(Golden { file, detections });
    }
    let bear =
        |golden: &Golden| golden.detections.iter().any(|d| d.class == Class::Bear && d.score >= GOLDEN_SCORE);
    if !golden.iter().any(bear) {
        return Err("it sees no bear on any of the golden pictures: such a model is not worth sending".into());
    }
    let listed = |file: &File| Listed {
        name: file.name.clone(),
        sha256: sha256(&file.bytes),
        bytes: file.bytes.len() as u64,
    };
    let manifest = Manifest {
        form: FORM,
        name: model.id.name.clone(),
        version: label.version,
        created: label.created.clone(),
        boards: label.boards.clone(),
        files: files.iter().map(listed).collect(),
        golden,
    };
    let manifest = serde_json::to_vec_pretty(&manifest).map_err(|error| error.to_string())?;
    let signature = sign(&manifest, model, label, key)?;
    files.insert(0, File { name: MANIFEST.into(), bytes: manifest });
    files.insert(1, File { name: SIGNATURE.into(), bytes: signature.into_bytes() });
    archive::write(&files).map_err(|error| error.to_string())
}

/// The signature in its one form.
fn sign(manifest: &[u8], model: &Bundle, label: &Label, key: &SecretKey) -> Result<String, String> {
    let trusted = format!("bearwatch model {} version {}", model.id.name, label.version);
    let signed = minisign::sign(None, key, Cursor::new(manifest), Some(&trusted), None);
    let text = signed.map_err(|error| format!("the manifest cannot be signed: {error}"))?.into_string();
    let rest: Vec<&str> = text.lines().skip(1).collect();
    Ok(format!("{COMMENT}\n{}\n", rest.join("\n")))
}

/// A bear well in sight, or the last moment that was tried.
fn draw(darkness: f32) -> Picture {
    let settings = SceneSettings {
        seed: SEED + (100.0 * darkness) as u64,
        darkness_start: darkness,
        darkness_end: darkness,
        duration_s: SCENE_S,
        bears: 2,
        ..SceneSettings::default()
    };
    let (mut scene, mut picture) = (Scene::new(&settings), Picture::default());
    for moment in 0..MOMENTS {
        let truths = scene.draw(SCENE_S * f64::from(moment) / f64::from(MOMENTS), &mut picture);
        let clear =
            |class, bbox: f32, visible| class == Class::Bear && bbox >= WELL_SEEN.0 && visible >= WELL_SEEN.1;
        if truths.iter().any(|truth| clear(truth.class, truth.bbox.h, truth.visible)) {
            break;
        }
    }
    picture
}
