//! A picture that is kept for training and review, and what goes beside it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::perceive::frame::Stamp;
use crate::perceive::observation::{Detection, Regime};
use crate::publish::audit::Sighting;
use crate::publish::reply::Mode;

/// Why a picture is kept, from what is given up first to what is given up last; the random sample has a part of the room of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A score for a bear that is nearly enough.
    NearMiss,
    /// Another model says something else.
    Challenger,
    /// An alert.
    Alert,
    /// Somebody asked for a picture.
    Asked,
    /// Chosen at random.
    Random,
}

impl Reason {
    /// All of them.
    pub const ALL: [Reason; 5] =
        [Reason::NearMiss, Reason::Challenger, Reason::Alert, Reason::Asked, Reason::Random];

    /// The name on the wire and in names of files.
    pub fn name(self) -> &'static str {
        match self {
            Reason::NearMiss => "near-miss",
            Reason::Challenger => "challenger",
            Reason::Alert => "alert",
            Reason::Asked => "asked",
            Reason::Random => "random",
        }
    }

    /// The reason of that name.
    pub fn from_name(name: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// Why a picture is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// There was no room, and others were worth more.
    Room,
    /// So much had been written that day.
    Wear,
    /// The disk did not take it, or not give it back.
    Disk,
}

impl Cause {
    /// For people, with what to do.
    pub fn words(self) -> &'static str {
        match self {
            Cause::Room => {
                "there is no room (store.field_mb), until what is kept was sent (store.field_send)"
            }
            Cause::Wear => "enough was written for a day (store.field_mb_a_day)",
            Cause::Disk => "the disk does not take it; look at the medium and at the folder's owner",
        }
    }
}

/// A picture to be kept: as the camera saw it, without boxes and words.
#[derive(Clone, Debug)]
pub struct KeptDraft {
    /// Why.
    pub reason: Reason,
    /// The picture.
    pub jpeg: Vec<u8>,
    /// When it was taken.
    pub captured: Stamp,
    /// Width and height, pixels.
    pub size: (u32, u32),
    /// The light.
    pub regime: Regime,
    /// SHA-256 (hexadecimal) of the model.
    pub model: String,
    /// Operating point for bears that was in force.
    pub threshold: f32,
    /// What the model saw, the surest first, low scores included.
    pub detections: Vec<Detection>,
    /// Whether the simulator drew the frame.
    pub simulated: bool,
}

impl KeptDraft {
    /// The user properties; `mode` is what alerts were subject to.
    pub fn properties(&self, mode: Mode) -> Vec<(String, String)> {
        let (width, height) = self.size;
        let boxes: Vec<Sighting> = self.detections.iter().map(|d| Sighting::of(d, self.size)).collect();
        [
            ("kept", self.reason.name().to_owned()),
            ("mode", mode.name().to_owned()),
            ("regime", self.regime.name().to_owned()),
            ("model", self.model.clone()),
            ("threshold", format!("{:.4}", self.threshold)),
            ("size", format!("{width}x{height}")),
            ("clock_synced", self.captured.synchronised.to_string()),
            ("simulated", self.simulated.to_string()),
            ("detections", serde_json::to_string(&boxes).unwrap_or_else(|_| "[]".into())),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }
}

/// The field store, in the telemetry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FieldMessage {
    /// Pictures that are kept and not sent, by reason.
    pub pictures: BTreeMap<Reason, u64>,
    /// What they take, megabytes.
    pub mb: f64,
    /// What they may take, megabytes.
    pub most_mb: f64,
    /// Written for them since the start, megabytes.
    pub written_mb: f64,
    /// Pictures that the broker has, since the start.
    pub sent: u64,
    /// Pictures that were not kept since the start, by reason and cause.
    pub dropped: BTreeMap<Reason, BTreeMap<Cause, u64>>,
}
