//! A signed bundle: what must be right before anything of it is used. PURE but for the keys' files.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use minisign_verify::{PublicKey, Signature};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::archive::{self, File};
use crate::infer::bundle::Bundle;
use crate::publish::audit::Sighting;
use crate::publish::models::MOST_BUNDLE;

/// Version of the form of a bundle.
pub const FORM: u32 = 1;
/// Names of its files; golden pictures stand in a folder beside them.
pub const MANIFEST: &str = "manifest.json";
/// The signature of the manifest.
pub const SIGNATURE: &str = "manifest.json.minisig";
/// The network.
pub const ONNX: &str = "model.onnx";
/// Its card.
pub const CARD: &str = "model.json";
/// First line of each signature: what nobody signs shall not vary.
pub const COMMENT: &str = "untrusted comment: signature of a bearwatch model";
/// Largest counter: what JSON numbers and databases hold exactly.
pub const MOST_VERSION: u64 = 1 << 53;

/// What is in a bundle, as it is signed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORM`].
    pub form: u32,
    /// Of the model, as its card has it.
    pub name: String,
    /// Counts the bundles of a park: a camera takes none that is older than the newest that it has run.
    pub version: u64,
    /// When it was packed, RFC 3339; for people.
    pub created: String,
    /// The boards it is for: `amd64`, `arm64`, `armhf`.
    pub boards: Vec<String>,
    /// Every other file of the bundle but the signature, in their order.
    pub files: Vec<Listed>,
    /// What the model sees on the golden pictures.
    pub golden: Vec<Golden>,
}

/// A file as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its name in the bundle.
    pub name: String,
    /// Hexadecimal.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
}

/// A golden picture, drawn by the simulator, never a real one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// Its name in the bundle.
    pub file: String,
    /// What the model saw on it where it was packed, in pixels.
    pub detections: Vec<Sighting>,
}

/// A bundle whose every byte is accounted for.
#[derive(Clone, Debug)]
pub struct SignedBundle {
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// What is in it.
    pub manifest: Manifest,
    /// The model.
    pub model: Bundle,
    /// The golden pictures, in the order of the manifest.
    pub pictures: Vec<Vec<u8>>,
}

/// Whose signatures count.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<PublicKey>);

/// The board class of this program.
pub fn board() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "armhf",
        other => other,
    }
}

/// SHA-256, hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Keys {
    /// Reads the files that `model.trusted_keys` names.
    ///
    /// # Errors
    /// The first that cannot be read or holds no key; then none counts.
    pub fn read(files: &[PathBuf]) -> Result<Keys, String> {
        files.iter().map(|file| key(file)).collect::<Result<_, _>>().map(Keys)
    }

    /// Whether the text was signed by one of them.
    fn have_signed(&self, text: &[u8], signature: &Signature) -> bool {
        self.0.iter().any(|key| key.verify(text, signature, false).is_ok())
    }
}

fn key(file: &Path) -> Result<PublicKey, String> {
    let told = |what: String| {
        format!(
            "model.trusted_keys: {}: {what}; name the .pub file that minisign has written",
            file.display()
        )
    };
    let text = std::fs::read_to_string(file).map_err(|error| told(error.to_string()))?;
    PublicKey::decode(text.trim_end()).map_err(|error| told(format!("no public key of minisign ({error})")))
}

impl SignedBundle {
    /// Reads a bundle that one of `keys` has signed.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub fn read(bytes: &[u8], keys: &Keys) -> Result<SignedBundle, String> {
        let broken =
            "it is cut off, altered, or no bundle: send it again, or pack it anew by `bearwatch models pack`";
        if bytes.len() as u64 > MOST_BUNDLE {
            return Err(format!("it is larger than the {MOST_BUNDLE} bytes that a bundle may have"));
        }
        let mut files = archive::read(bytes).ok_or(broken)?.into_iter();
        let mut next = |name: &str| files.next().filter(|file| file.name == name).ok_or(broken);
        let (manifest, signature) = (next(MANIFEST)?.bytes, next(SIGNATURE)?.bytes);
        signed(&manifest, &signature, keys)?;
        let manifest: Manifest = serde_json::from_slice(&manifest).map_err(|error| {
            format!(
                "its manifest cannot be read here ({error}): pack it anew, or install a newer bearwatch first"
            )
        })?;
        manifest.check()?;
        let files: Vec<File> = files.collect();
        let alike = |(file, listed): (&File, &Listed)| {
            file.name == listed.name
                && file.bytes.len() as u64 == listed.bytes
                && sha256(&file.bytes) == listed.sha256
        };
        if files.len() != manifest.files.len() || !files.iter().zip(&manifest.files).all(alike) {
            return Err(format!("its files are not those of its manifest: {broken}"));
        }
        let model = manifest.model(&files)?;
        let picture = |golden: &Golden| files.iter().find(|file| file.name == golden.file);
        let pictures = manifest.golden.iter().map(|golden| picture(golden).map(|file| file.bytes.clone()));
        let pictures =
            pictures.collect::<Option<_>>().ok_or("a golden picture is missing in it: pack it anew")?;
        Ok(SignedBundle { sha256: sha256(bytes), manifest, model, pictures })
    }
}

/// Holds a signature against the keys. Of its text every byte is bound: by the signatures, or by having one form.
fn signed(text: &[u8], signature: &[u8], keys: &Keys) -> Result<(), String> {
    let malformed = "its signature is not in the form that `bearwatch models pack` gives it: pack it anew";
    let lines = std::str::from_utf8(signature).map_err(|_| malformed)?;
    let parts: Vec<&str> = lines.split('\n').collect();
    let [COMMENT, first, trusted, second, ""] = parts[..] else { return Err(malformed.into()) };
    let strict = |line: &str| BASE64_STANDARD.decode(line).is_ok();
    if !strict(first) || !strict(second) || !trusted.starts_with("trusted comment: ") {
        return Err(malformed.into());
    }
    let signature = Signature::decode(lines).map_err(|_| malformed)?;
    let trusted = "none of model.trusted_keys has signed it: have it signed by whoever keeps that key, or let the administrator name another key";
    keys.have_signed(text, &signature).then_some(()).ok_or_else(|| trusted.into())
}

impl Manifest {
    /// Of a bundle, whoever has signed it: to be believed by nobody but who holds it in hand.
    pub fn peek(bytes: &[u8]) -> Option<Manifest> {
        let manifest = archive::read(bytes)?.into_iter().find(|file| file.name == MANIFEST)?;
        serde_json::from_slice(&manifest.bytes).ok()
    }

    fn check(&self) -> Result<(), String> {
        if self.form != FORM {
            return Err(format!(
                "it is of form {}, this program knows form {FORM}: install a newer bearwatch first",
                self.form
            ));
        }
        if self.version == 0 || self.version > MOST_VERSION {
            return Err(format!(
                "its version {} is not from 1 to {MOST_VERSION}: pack it anew",
                self.version
            ));
        }
        match self.golden.is_empty() {
            true => {
                Err("it has no golden pictures, so nobody can tell whether it runs rightly: pack it anew"
                    .into())
            }
            false => Ok(()),
        }
    }

    fn model(&self, files: &[File]) -> Result<Bundle, String> {
        let find = |name: &str| {
            let file = files.iter().find(|file| file.name == name);
            file.map(|file| file.bytes.clone()).ok_or(format!("it has no {name}: pack it anew"))
        };
        let named = |file: &str| PathBuf::from(format!("version {}, {file}", self.version));
        let (onnx, card) = (find(ONNX)?, find(CARD)?);
        let model = Bundle::check(&named(ONNX), Cow::Owned(onnx), &named(CARD), &card);
        let model = model.map_err(|error| error.to_string())?;
        match model.id.name == self.name {
            true => Ok(model),
            false => Err(format!(
                "its card speaks of {:?}, its manifest of {:?}: pack it anew",
                model.id.name, self.name
            )),
        }
    }

    /// Why it cannot run beside a model that runs here; `None` where it can.
    pub fn objection(&self, model: &Bundle, running: &crate::perceive::model::ModelSpec) -> Option<String> {
        let board = board();
        if !self.boards.iter().any(|known| known == board) {
            let boards = self.boards.join(", ");
            return Some(format!("it is made for {boards}, this board is {board}: pack one for it"));
        }
        let classes = |spec: &crate::perceive::model::ModelSpec| {
            let mut names: Vec<_> = spec.classes.iter().map(|class| class.name).collect();
            names.sort_unstable();
            names
        };
        if model.spec.input != running.input || model.spec.output != running.output {
            return Some("its input or output has another shape than the running model's, so the two cannot be compared: \
                         install it by hand ([model] path)".into());
        }
        (classes(&model.spec) != classes(running)).then(|| {
            "it knows other classes than the running model, so the two cannot be compared: install it by hand ([model] path)".into()
        })
    }
}
