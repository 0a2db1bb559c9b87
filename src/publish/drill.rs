//! How the last drill went: part of `…/state` and `…/telemetry`, and on disk.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a drill stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Course {
    /// It is on.
    Running,
    /// The broker has an alert on the drawn bear.
    Passed,
    /// It has none: nor would it have one on a real bear.
    Failed,
    /// Called off, because something else may have been a bear or the daemon ended; it tells nothing.
    BrokenOff,
}

impl Course {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Course::Running => "running",
            Course::Passed => "passed",
            Course::Failed => "failed",
            Course::BrokenOff => "broken-off",
        }
    }
}

/// A drill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DrillMessage {
    /// How it stands.
    pub course: Course,
    /// When it began, RFC 3339; no truer than `clock_synced` says.
    #[schemars(extend("format" = "date-time"))]
    pub began: String,
    /// Whether the wall clock was synchronised then.
    pub clock_synced: bool,
    /// From the first frame with something of the drawn bear to the broker's acknowledgement of its alert; null where there was none.
    pub seconds: Option<f64>,
    /// Id of the alert; null where there was none.
    #[schemars(regex(pattern = r"^[0-9a-f]+-[0-9]+$"))]
    pub alert: Option<String>,
    /// The command that asked for it, by its number in the audit log; null where the schedule did.
    pub request: Option<u64>,
    /// What came of it, in plain words.
    pub reason: String,
}

/// The alert of a drill that the broker has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its id.
    pub alert: String,
    /// When the broker acknowledged its opening, milliseconds of uptime.
    pub uptime_ms: u64,
}
