//! User properties: what stands beside the payload, readable for brokers and bridges.

#![allow(dead_code, reason = "the types give their schemas and hold nothing")]

use schemars::JsonSchema;

use crate::perceive::liveness::Impairment;
use crate::perceive::observation::Regime;
use crate::publish::reply::Mode;

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
    /// On a picture of an alert: whether its box and words are drawn on it.
    #[schemars(with = "Truth", skip_serializing_if = "Option::is_none")]
    marked: Option<Truth>,
    #[schemars(flatten)]
    audit: Audit,
}

/// Of a picture of the random sample: all of these but those of a challenger, and an empty `alert`.
#[derive(JsonSchema)]
pub struct Audit {
    /// What chose it: the rate for all frames, or the higher one for those on which the model suspects a bear.
    #[schemars(with = "Draw", skip_serializing_if = "Option::is_none")]
    audit: Option<Draw>,
    /// How probable it was that this frame is chosen, by either: above 0, at most 1.
    #[schemars(with = "String", skip_serializing_if = "Option::is_none", regex(pattern = DECIMAL))]
    probability: Option<String>,
    /// Time that the frame stands for, since the frame before it, seconds: 10 at most.
    #[schemars(with = "String", skip_serializing_if = "Option::is_none", regex(pattern = DECIMAL))]
    stands_s: Option<String>,
    /// Sum of the times of all frames that were looked at since the start of the daemon, up to this one, seconds.
    #[schemars(with = "String", skip_serializing_if = "Option::is_none", regex(pattern = DECIMAL))]
    watched_s: Option<String>,
    /// Counts those that were chosen since the start of the daemon, from 1: a gap is one that was lost.
    #[schemars(with = "String", skip_serializing_if = "Option::is_none", regex(pattern = r"^[0-9]+$"))]
    number: Option<String>,
    /// What alerts were subject to.
    #[schemars(with = "Mode", skip_serializing_if = "Option::is_none")]
    mode: Option<Mode>,
    /// The light.
    #[schemars(with = "Regime", skip_serializing_if = "Option::is_none")]
    regime: Option<Regime>,
    /// SHA-256 of the model's file, hexadecimal.
    #[schemars(with = "String", skip_serializing_if = "Option::is_none", regex(pattern = r"^[0-9a-f]{64}$"))]
    model: Option<String>,
    /// Operating point for bears that was in force, 0 to 1.
    #[schemars(with = "String", skip_serializing_if = "Option::is_none", regex(pattern = DECIMAL))]
    threshold: Option<String>,
    /// Width and height of the picture, pixels.
    #[schemars(
        with = "String",
        skip_serializing_if = "Option::is_none",
        regex(pattern = r"^[0-9]+x[0-9]+$")
    )]
    size: Option<String>,
    /// Whether the wall clock was synchronised when it was taken.
    #[schemars(with = "Truth", skip_serializing_if = "Option::is_none")]
    clock_synced: Option<Truth>,
    /// The simulator drew the frame.
    #[schemars(with = "Truth", skip_serializing_if = "Option::is_none")]
    simulated: Option<Truth>,
    /// What the model saw, low scores included, the surest first, 16 at most: JSON, `[{"class","score","bbox":[x,y,w,h]}]` in pixels of the picture.
    #[schemars(with = "String", skip_serializing_if = "Option::is_none")]
    detections: Option<String>,
    /// Of a picture on which running model and challenger disagree: SHA-256 of the challenger's file, hexadecimal.
    #[schemars(with = "String", skip_serializing_if = "Option::is_none", regex(pattern = r"^[0-9a-f]{64}$"))]
    challenger: Option<String>,
    /// The same: what the challenger saw, as `detections`.
    #[schemars(with = "String", skip_serializing_if = "Option::is_none")]
    challenger_detections: Option<String>,
    /// The same: its operating point, 0 to 1.
    #[schemars(with = "String", skip_serializing_if = "Option::is_none", regex(pattern = DECIMAL))]
    challenger_threshold: Option<String>,
}

/// A number as it is written here.
const DECIMAL: &str = r"^[0-9]+(\.[0-9]+)?(e-?[0-9]+)?$";

#[derive(JsonSchema)]
#[schemars(inline, rename_all = "lowercase")]
enum Draw {
    Random,
    Suspected,
    Challenger,
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

/// The user properties of a piece of a bundle.
#[derive(JsonSchema)]
#[schemars(rename = "PieceProperties")]
pub struct Piece {
    /// SHA-256 of the whole bundle, hexadecimal.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    bundle: String,
    /// First byte, from 0.
    #[schemars(regex(pattern = r"^[0-9]+$"))]
    offset: String,
}
