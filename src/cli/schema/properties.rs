//! User properties: what stands beside the payload, readable for brokers and bridges.

#![allow(dead_code, reason = "the types give their schemas and hold nothing")]

use schemars::JsonSchema;

use crate::perceive::liveness::Impairment;

/// The user properties of every message.
#[derive(JsonSchema)]
pub struct Common {
    /// Which life of the daemon this comes from.
    #[schemars(regex(pattern = r"^[0-9a-f]{16}$"))]
    boot: String,
    /// Its number on this topic in that life.
    #[schemars(regex(pattern = r"^[0-9]+$"))]
    seq: String,
    /// Whether it is history, not the present.
    late: Truth,
}

#[derive(JsonSchema)]
#[schemars(inline, rename_all = "lowercase")]
enum Truth {
    True,
    False,
}

/// The user properties of a picture.
#[derive(JsonSchema)]
pub struct Picture {
    #[schemars(flatten)]
    common: Common,
    /// Id of its alert; empty where it shows the camera's own state, or was asked for.
    #[schemars(regex(pattern = r"^([0-9a-f]+-[0-9]+)?$"))]
    alert: String,
    /// When it was taken, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    captured: String,
    /// What keeps the camera from seeing, where it shows that.
    #[schemars(with = "Impairment", skip_serializing_if = "Option::is_none")]
    impairment: Option<Impairment>,
    /// The `audit.seq` of the answer to the command that asked for it.
    #[schemars(with = "String", skip_serializing_if = "Option::is_none", regex(pattern = r"^[0-9]+$"))]
    request: Option<String>,
}

/// The user properties of a command: needed where the camera has keys.
#[derive(JsonSchema)]
pub struct Signed {
    /// The name of the key.
    #[schemars(with = "String", skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Base64 of an Ed25519 signature over the topic, a line feed and the payload.
    #[schemars(with = "String", skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
}
