//! A model is a bundle on disk: `NAME.onnx` and its card `NAME.json` beside it. Everything the rest of the program trusts is
//! checked here: hash, classes, scales; shapes are checked by the engine when it loads the graph.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::perceive::model::{Class, ClassSpec, InputSpec, ModelSpec, OutputSpec};

/// Why a model is not used. All of these are mistakes of whoever installed it: exit code 65 for `detect` and `eval`, 78 for `run`.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file is not there or cannot be read.
    #[error("model {path}: {error}; check the path and the permissions")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The card is not JSON of the right form.
    #[error("model card {path}: {error}; take the card that came with the model")]
    Card {
        /// The card.
        path: PathBuf,
        /// What is wrong.
        error: serde_json::Error,
    },
    /// The bytes are not those that the card speaks of.
    #[error(
        "model {path}: SHA-256 is {found}, the card says {expected}; the file is truncated or altered: copy it again"
    )]
    Hash {
        /// The file.
        path: PathBuf,
        /// Hash of the bytes.
        found: String,
        /// Hash in the card.
        expected: String,
    },
    /// The card contradicts itself or lacks what bearwatch needs.
    #[error("model {path}: {what}; take a model made for bearwatch")]
    Unsuitable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// Name and hash: what messages and reports say of a model.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, Deserialize)]
pub struct ModelName {
    /// From the card.
    pub name: String,
    /// SHA-256 of the ONNX file, hexadecimal.
    pub sha256: String,
}

/// A model whose hash and card are right.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// Where it came from, for messages: a path or "embedded".
    pub path: PathBuf,
    /// Name and hash.
    pub id: ModelName,
    /// What the core needs.
    pub spec: ModelSpec,
    /// What the card says of the numbers ("int8 QDQ, weights per channel").
    pub format: String,
    /// The ONNX file.
    pub onnx: Cow<'static, [u8]>,
    /// The whole card, with what only people read: training, figures, licence.
    pub card: Value,
}

/// The machine-readable card.
#[derive(Debug, Deserialize)]
struct Card {
    name: String,
    sha256: String,
    #[serde(default)]
    format: String,
    input: InputSpec,
    output: OutputSpec,
    classes: Vec<ClassSpec>,
}

/// The model that the binary carries, so that it runs without any file.
const EMBEDDED_ONNX: &[u8] = include_bytes!("../../models/bearwatch-nano.onnx");
const EMBEDDED_CARD: &[u8] = include_bytes!("../../models/bearwatch-nano.json");

impl Bundle {
    /// The model in `path`, or the embedded one.
    ///
    /// # Errors
    /// See [`ModelError`]; the embedded one passes the same checks.
    pub fn open(path: Option<&Path>) -> Result<Bundle, ModelError> {
        let embedded = Path::new("embedded");
        match path {
            Some(path) => Bundle::read(path),
            None => Bundle::check(embedded, Cow::Borrowed(EMBEDDED_ONNX), embedded, EMBEDDED_CARD),
        }
    }

    /// The card of the embedded one, as it is.
    pub fn carried_card() -> &'static [u8] {
        EMBEDDED_CARD
    }

    /// Reads `NAME.onnx` and `NAME.json`.
    pub fn read(path: &Path) -> Result<Bundle, ModelError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| ModelError::Read { path: path.to_owned(), error })
        };
        let onnx = read(path)?;
        let card_path = path.with_extension("json");
        let card = read(&card_path)?;
        Bundle::check(path, Cow::Owned(onnx), &card_path, &card)
    }

    /// Checks a card and the bytes that it speaks of; `path` and `card_path` are their names in messages.
    ///
    /// # Errors
    /// See [`ModelError`].
    pub fn check(
        path: &Path,
        onnx: Cow<'static, [u8]>,
        card_path: &Path,
        card: &[u8],
    ) -> Result<Bundle, ModelError> {
        let wrong = |error| ModelError::Card { path: card_path.to_owned(), error };
        let whole: Value = serde_json::from_slice(card).map_err(wrong)?;
        let card: Card = serde_json::from_slice(card).map_err(wrong)?;
        let found = hex(&Sha256::digest(&onnx));
        if found != card.sha256 {
            return Err(ModelError::Hash { path: path.to_owned(), found, expected: card.sha256 });
        }
        if let Some(what) = fault(&card) {
            return Err(ModelError::Unsuitable { path: path.to_owned(), what });
        }
        let channels = card.classes.iter().flat_map(|c| &c.channels).max().map_or(0, |c| c + 1);
        Ok(Bundle {
            path: path.to_owned(),
            id: ModelName { name: card.name, sha256: found },
            spec: ModelSpec { input: card.input, output: card.output, classes: card.classes, channels },
            format: card.format,
            onnx,
            card: whole,
        })
    }
}

/// The first thing in a card that bearwatch cannot work with.
fn fault(card: &Card) -> Option<String> {
    let side = |s: u32| (32..=2048).contains(&s);
    if !side(card.input.width) || !side(card.input.height) {
        return Some(format!(
            "input of {}×{} pixels is outside 32..2048",
            card.input.width, card.input.height
        ));
    }
    let divides =
        |s: &u32| *s > 0 && card.input.width.is_multiple_of(*s) && card.input.height.is_multiple_of(*s);
    if card.output.strides.is_empty() || !card.output.strides.iter().all(divides) {
        return Some(format!("strides {:?} do not divide the input", card.output.strides));
    }
    if card.input.std.iter().any(|s| !s.is_normal()) || card.input.mean.iter().any(|m| !m.is_finite()) {
        return Some("mean or std of the input is not a usable number".into());
    }
    if !card.classes.iter().any(|c| c.name == Class::Bear) {
        return Some("it has no class \"bear\"".into());
    }
    card.classes.iter().find_map(class_fault)
}

fn class_fault(class: &ClassSpec) -> Option<String> {
    let name = class.name;
    if class.channels.is_empty() {
        return Some(format!("class \"{name}\" has no channels"));
    }
    if class.channels.iter().any(|&c| c >= 1000) {
        return Some(format!("class \"{name}\" has a channel number of 1000 or more"));
    }
    if !(class.threshold > 0.0 && class.threshold < 1.0) {
        return Some(format!("threshold {} of class \"{name}\" is not between 0 and 1", class.threshold));
    }
    let in_light = class.regimes.iter().map(|r| (r.regime.name(), r.counts()));
    let of_stills = class.stills.iter().flat_map(|s| [("well_seen", s.well_seen), ("close", s.close)]);
    if let Some((of, c)) = in_light.chain(of_stills).find(|(_, counts)| !counts.is_usable()) {
        return Some(format!(
            "the scores of class \"{name}\", {of} (slope {}, intercept {}), are not usable",
            c.slope, c.intercept
        ));
    }
    let c = class.calibration;
    (!(c.slope > 0.0 && c.slope.is_finite() && c.intercept.is_finite())).then(|| {
        format!(
            "calibration of class \"{name}\" is not usable (slope {}, intercept {})",
            c.slope, c.intercept
        )
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
