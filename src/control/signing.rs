//! The sender's half: a key pair of Ed25519 in a PEM file (PKCS#8), as OpenSSL makes it, too.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;

use super::trust::signed_bytes;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not a file, or not PEM.
    #[error("key {}: {reason}; `bearwatch command key {}` makes a new one", path.display(), path.display())]
    Unreadable {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The system gives no randomness.
    #[error("no randomness for a new key; try again later")]
    NoRandomness,
}

/// A key pair.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// A new one, and the PEM text that keeps it.
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn generate() -> Result<(SigningKey, String), KeyError> {
        let document =
            Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| KeyError::NoRandomness)?;
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(|_| KeyError::NoRandomness)?;
        let text = BASE64_STANDARD.encode(document.as_ref());
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).filter_map(|line| str::from_utf8(line).ok()).collect();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
        Ok((SigningKey(pair), pem))
    }

    /// Reads a PEM file.
    ///
    /// # Errors
    /// Where it is none, or holds another kind of key.
    pub fn read(path: &Path) -> Result<SigningKey, KeyError> {
        let wrong = |reason: String| KeyError::Unreadable { path: path.into(), reason };
        let der = PrivatePkcs8KeyDer::from_pem_file(path).map_err(|error| wrong(error.to_string()))?;
        // OpenSSL leaves out the public key, which is computed anew in any case.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der());
        pair.map(SigningKey).map_err(|_| wrong("it is no Ed25519 key".into()))
    }

    /// The public key, base64.
    pub fn public(&self) -> String {
        BASE64_STANDARD.encode(self.0.public_key())
    }

    /// The signature over a command, base64.
    pub fn sign(&self, topic: &str, payload: &[u8]) -> String {
        BASE64_STANDARD.encode(self.0.sign(&signed_bytes(topic, payload)))
    }
}

/// A text that nobody has used before: 128 random bits, hexadecimal.
///
/// # Errors
/// Where the system gives no randomness.
pub fn nonce() -> Result<String, KeyError> {
    use ring::rand::SecureRandom;
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| KeyError::NoRandomness)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
