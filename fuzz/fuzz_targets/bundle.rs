//! A model's card and its network, as a download that went wrong or somebody's trick: the hash is made to fit, for whoever can write the
//! network can write the card.

#![no_main]

use std::borrow::Cow;
use std::path::Path;

use bearwatch::infer::bundle::Bundle;
use bearwatch::infer::engine::Engine;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

fuzz_target!(|data: &[u8]| {
    let at = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (card, onnx) = (&data[..at], data[at..].get(1..).unwrap_or_default());
    let Ok(mut card) = serde_json::from_slice::<serde_json::Value>(card) else { return };
    if let Some(fields) = card.as_object_mut() {
        let hash: String = Sha256::digest(onnx).iter().map(|byte| format!("{byte:02x}")).collect();
        fields.insert("sha256".into(), hash.into());
    }
    let path = Path::new("fuzzed");
    if let Ok(bundle) = Bundle::check(path, Cow::Owned(onnx.to_vec()), path, card.to_string().as_bytes()) {
        assert!(bundle.spec.anchors() > 0 && bundle.spec.channels > 0);
        let _ = Engine::load(&bundle);
    }
});
