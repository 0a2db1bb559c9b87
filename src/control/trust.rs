//! Whose commands count: Ed25519 signatures over the topic and the exact payload, each good for a short time and once.
//!
//! Where the wall clock is synchronised, `expires` decides what is too late, and nonces are remembered until then, also over restarts.
//! Where it is not, a command must name the life of the daemon (`boot`) that it is meant for, which nobody knows before it began and
//! which ends with it; nonces are remembered for all of that life.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::command::Command;
use super::term::Now;
use crate::publish::Message;
use crate::publish::message::rfc3339;
use crate::publish::settings::TrustedKey;
use crate::system::file;

/// User property with the name of the key.
pub const KEY: &str = "key";
/// User property with the signature, base64.
pub const SIGNATURE: &str = "signature";

/// A command may be good for no longer than this, milliseconds: so long its nonce is remembered.
const LONGEST_LIFE_MS: i64 = 3_600_000;
/// Nonces that are remembered; only who has a key adds one.
const NONCES: usize = 4096;
const FILE: &str = "nonces.json";

/// What is signed: the topic, a line feed, the payload. The topic names camera and command, so that neither can be exchanged.
pub fn signed_bytes(topic: &str, payload: &[u8]) -> Vec<u8> {
    [topic.as_bytes(), b"\n", payload].concat()
}

/// Who a command comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Name of the key, or what the command says of itself.
    pub name: String,
    /// Whether a signature proves it.
    pub signed: bool,
}

/// A nonce that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Used {
    key: String,
    nonce: String,
    expires_unix_ms: i64,
    /// The life of the daemon that the command named.
    boot: Option<String>,
}

/// Whose command it is, and what must be remembered of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Who.
    pub who: Who,
    used: Option<Used>,
}

/// The keys, and what they have signed.
pub struct Trust {
    keys: Vec<TrustedKey>,
    boot: String,
    path: PathBuf,
    used: Vec<Used>,
}

impl Trust {
    /// With the nonces that are remembered in a state directory.
    pub fn new(keys: Vec<TrustedKey>, store: &Path, boot: &str) -> Trust {
        let path = store.join(FILE);
        let mut used: Vec<Used> = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                tracing::error!("{}: {error}; nonces of earlier commands are forgotten", path.display());
                Vec::new()
            }),
            Err(_) => Vec::new(),
        };
        used.retain(|used| used.boot.as_ref().is_none_or(|own| own == boot));
        Trust { keys, boot: boot.into(), path, used }
    }

    /// Whether commands must be signed.
    pub fn signed_only(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Who a command comes from, where it is good; else why it is not. Nothing is remembered yet.
    pub fn examine(&self, command: &Command, message: &Message, now: &Now) -> Result<Credentials, String> {
        if command.boot.as_ref().is_some_and(|boot| *boot != self.boot) {
            return Err("it is meant for another life of the daemon; look at …/state and send it anew".into());
        }
        if !self.signed_only() {
            let name = command.by.clone().unwrap_or_else(|| "somebody".into());
            return Ok(Credentials { who: Who { name, signed: false }, used: None });
        }
        let key = self.signer(message)?;
        let expires_unix_ms = self.in_time(command, now)?;
        let nonce = command.nonce.clone().ok_or("a signed command needs a \"nonce\"")?;
        if self.used.iter().any(|used| (&used.key, &used.nonce) == (&key, &nonce)) {
            return Err("it was used before: each command needs a new \"nonce\"".into());
        }
        let used = Used { key: key.clone(), nonce, expires_unix_ms, boot: command.boot.clone() };
        Ok(Credentials { who: Who { name: key, signed: true }, used: Some(used) })
    }

    /// Remembers a command on the medium, so that it counts once; tells who gave it. Where it must be possible without a disk it is
    /// `urgent`.
    pub fn admit(&mut self, credentials: Credentials, urgent: bool, now: &Now) -> Result<Who, String> {
        let Credentials { who, used } = credentials;
        let Some(used) = used else { return Ok(who) };
        let boot = &self.boot;
        self.used.retain(|used| used.counts(boot, now));
        if self.used.len() >= NONCES {
            return Err(format!("{NONCES} signed commands are remembered already; wait until they expire"));
        }
        self.used.push(used);
        let text = serde_json::to_vec(&self.used).map_err(|error| error.to_string())?;
        match file::replace(&self.path, &text) {
            Err(error) if !urgent => {
                self.used.pop();
                Err(format!("the camera cannot remember it: {}: {error}", self.path.display()))
            }
            _ => Ok(who),
        }
    }

    /// The name of the key whose signature is on the message.
    fn signer(&self, message: &Message) -> Result<String, String> {
        let (Some(name), Some(signature)) = (message.property(KEY), message.property(SIGNATURE)) else {
            return Err("it is not signed, and this camera takes signed commands only".into());
        };
        let key = self.keys.iter().find(|key| key.name == name);
        let key = key.ok_or("it is signed with a key that this camera does not know")?;
        let signature = BASE64_STANDARD.decode(signature).unwrap_or_default();
        let signed = signed_bytes(&message.topic, &message.payload);
        match UnparsedPublicKey::new(&ED25519, key.key).verify(&signed, &signature) {
            Ok(()) => Ok(name.to_owned()),
            Err(_) => Err(format!("its signature is not one of {name}")),
        }
    }

    fn in_time(&self, command: &Command, now: &Now) -> Result<i64, String> {
        let expires = command.expires_unix_ms.ok_or("a signed command needs a time in \"expires\"")?;
        if !now.synced {
            return match command.boot {
                Some(_) => Ok(expires),
                None => Err("the camera's clock is not set: the command must name its \"boot\", which stands in …/state".into()),
            };
        }
        let time = rfc3339(now.unix_ms);
        if expires <= now.unix_ms {
            return Err(format!("it came too late: by the camera's clock it is {time}"));
        }
        if expires - now.unix_ms > LONGEST_LIFE_MS {
            return Err(format!("it expires more than an hour ahead: by the camera's clock it is {time}"));
        }
        Ok(expires)
    }
}

impl Used {
    /// Whether it could be used again if it were forgotten. What names a life of the daemon is good for nothing in another one; what
    /// has expired, for nothing at all, but only a clock that is set can tell.
    fn counts(&self, boot: &str, now: &Now) -> bool {
        let good = (1..=LONGEST_LIFE_MS).contains(&(self.expires_unix_ms.saturating_sub(now.unix_ms)));
        self.boot.as_ref().is_none_or(|own| own == boot) && (good || !now.synced)
    }
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
