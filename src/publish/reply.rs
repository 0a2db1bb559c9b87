//! What the camera says of commands: what became of one, on `…/answer`, and what is in force, retained on `…/state`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::drill::DrillMessage;
use super::message::{BootId, Envelope, rfc3339};
use super::pending::boot_of;

/// Whether anybody is told of bears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Alerts are told.
    #[default]
    Armed,
    /// Nobody is told, nothing is kept.
    Disarmed,
    /// Nobody is told; what would have been is kept on the device. To people: "observe".
    Shadow,
    /// Reviewers alone are told: nobody on duty hears of it.
    Assist,
}

impl Mode {
    /// The name on the wire and in the overrides.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Armed => "armed",
            Mode::Disarmed => "disarmed",
            Mode::Shadow => "shadow",
            Mode::Assist => "assist",
        }
    }

    /// The mode of that name on the wire.
    pub fn from_name(name: &str) -> Option<Mode> {
        [Mode::Armed, Mode::Disarmed, Mode::Shadow, Mode::Assist].into_iter().find(|mode| mode.name() == name)
    }
}

/// A trial that a camera takes part in: another mode until a time that it knows itself.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialDraft {
    /// Names it.
    pub trial: String,
    /// What alerts are subject to while nothing else is ordered.
    pub mode: Mode,
    /// When it ends by itself.
    pub until: Until,
}

/// A trial, in `…/state`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrialMessage {
    /// Names it, as the command did that began it.
    pub trial: String,
    /// What alerts are subject to in it while nothing else is ordered.
    pub mode: Mode,
    /// When it ends by itself, RFC 3339; null while the clock is not synchronised.
    #[schemars(extend("format" = "date-time"))]
    pub until: Option<String>,
    /// The same by the uptime of this boot.
    pub until_uptime_ms: u64,
}

impl From<&TrialDraft> for TrialMessage {
    fn from(draft: &TrialDraft) -> TrialMessage {
        let TrialDraft { trial, mode, until } = draft.clone();
        TrialMessage { trial, mode, until: until.unix_ms.map(rfc3339), until_uptime_ms: until.uptime_ms }
    }
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Done.
    Applied,
    /// Not done.
    Refused,
}

impl Verdict {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Applied => "applied",
            Verdict::Refused => "refused",
        }
    }
}

/// The last line of the audit log as of a message: who keeps it can tell later whether lines were taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Head {
    /// Its number; 0 where there is none.
    pub seq: u64,
    /// Its SHA-256, hexadecimal.
    #[schemars(regex(pattern = r"^([0-9a-f]{64})?$"))]
    pub sha256: String,
}

/// A time at which something ends, as far as the clocks allow to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Until {
    /// By the wall clock, milliseconds since 1970; `None` while that is not synchronised.
    pub unix_ms: Option<i64>,
    /// By the uptime of this boot, milliseconds.
    pub uptime_ms: u64,
}

/// What became of a command, before it has an envelope.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerDraft {
    /// The last level of the command's topic.
    pub command: String,
    /// As the command said.
    pub id: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
    /// What was done, or why not, in plain words.
    pub reason: String,
    /// Whose command it was: the name of the key, or what the command said of itself.
    pub by: String,
    /// Whether a signature proves that.
    pub signed: bool,
    /// When it ends by itself.
    pub until: Option<Until>,
    /// The audit log with this command in it.
    pub audit: Head,
    /// Where else the answer is wanted, and what it is to bear.
    pub response_topic: Option<String>,
    /// Correlation data of the command.
    pub correlation: Option<Vec<u8>>,
}

/// On `…/answer`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerMessage {
    /// Number, time, boot.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// The last level of the command's topic.
    pub command: String,
    /// As the command said; null where it did not.
    pub id: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
    /// What was done, or why not, in plain words.
    pub reason: String,
    /// The name of the key, or what the command said of itself.
    pub by: String,
    /// Whether a signature proves that.
    pub signed: bool,
    /// When it ends by itself, RFC 3339; null where it does not, or the clock is not synchronised.
    #[schemars(extend("format" = "date-time"))]
    pub until: Option<String>,
    /// The same by the uptime of this boot.
    pub until_uptime_ms: Option<u64>,
    /// The audit log with this command in it.
    pub audit: Head,
}

impl AnswerMessage {
    /// Puts a draft into its envelope.
    pub fn new(envelope: Envelope, draft: &AnswerDraft) -> AnswerMessage {
        AnswerMessage {
            envelope,
            command: draft.command.clone(),
            id: draft.id.clone(),
            verdict: draft.verdict,
            reason: draft.reason.clone(),
            by: draft.by.clone(),
            signed: draft.signed,
            until: draft.until.and_then(|until| until.unix_ms).map(rfc3339),
            until_uptime_ms: draft.until.map(|until| until.uptime_ms),
            audit: draft.audit.clone(),
        }
    }
}

/// What is in force, before it has an envelope.
#[derive(Clone, Debug, PartialEq)]
pub struct StateDraft {
    /// Whether anybody is told of bears.
    pub mode: Mode,
    /// When the mode ends by itself.
    pub until: Option<Until>,
    /// Who ordered the mode; empty where nobody did.
    pub by: String,
    /// The mode where nothing is ordered: `site.mode` of the file.
    pub usual: Mode,
    /// The trial that is on.
    pub trial: Option<TrialDraft>,
    /// Operating point for bears; the model card's where `None`.
    pub bear_threshold: Option<f32>,
    /// What is logged.
    pub log: String,
    /// Whether commands must be signed.
    pub signed_only: bool,
    /// The last drill.
    pub drill: Option<DrillMessage>,
    /// The audit log.
    pub audit: Head,
}

/// On `…/state`, retained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StateMessage {
    /// Number, time, boot.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// Whether anybody is told of bears.
    pub mode: Mode,
    /// When the mode ends by itself, RFC 3339; null where it does not, or the clock is not synchronised.
    #[schemars(extend("format" = "date-time"))]
    pub until: Option<String>,
    /// The same by the uptime of this boot.
    pub until_uptime_ms: Option<u64>,
    /// Who ordered the mode; empty where nobody did.
    pub by: String,
    /// The mode where nothing is ordered. An older daemon, which does not tell, is armed then.
    #[serde(default)]
    pub usual: Mode,
    /// The trial that is on; null where none is.
    #[serde(default)]
    pub trial: Option<TrialMessage>,
    /// Operating point for bears; null for the model card's.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub bear_threshold: Option<f32>,
    /// What is logged.
    pub log: String,
    /// Whether commands must be signed.
    pub signed_only: bool,
    /// The last drill; null where there was none. An older daemon does not tell.
    #[serde(default)]
    pub drill: Option<DrillMessage>,
    /// The audit log.
    pub audit: Head,
}

impl StateMessage {
    /// Puts a draft into its envelope.
    pub fn new(envelope: Envelope, draft: &StateDraft) -> StateMessage {
        StateMessage {
            envelope,
            mode: draft.mode,
            until: draft.until.and_then(|until| until.unix_ms).map(rfc3339),
            until_uptime_ms: draft.until.map(|until| until.uptime_ms),
            by: draft.by.clone(),
            usual: draft.usual,
            trial: draft.trial.as_ref().map(TrialMessage::from),
            bear_threshold: draft.bear_threshold,
            log: draft.log.clone(),
            signed_only: draft.signed_only,
            drill: draft.drill.clone(),
            audit: draft.audit.clone(),
        }
    }
}

/// What a ranger says of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// It is one.
    Bear,
    /// It is none.
    NotBear,
    /// It cannot be told.
    Unsure,
}

impl Judgement {
    const ALL: [Judgement; 3] = [Judgement::Bear, Judgement::NotBear, Judgement::Unsure];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Judgement::Bear => "bear",
            Judgement::NotBear => "not-bear",
            Judgement::Unsure => "unsure",
        }
    }

    /// The judgement of that name.
    pub fn from_name(name: &str) -> Option<Judgement> {
        Judgement::ALL.into_iter().find(|judgement| judgement.name() == name)
    }
}

/// An acknowledgement, before it has an envelope.
#[derive(Clone, Debug, PartialEq)]
pub struct AckDraft {
    /// Id of the alert.
    pub alert: String,
    /// What it was.
    pub verdict: Judgement,
    /// Who has seen it: the name of the key, or what the command said of itself.
    pub by: String,
    /// Whether a signature proves that.
    pub signed: bool,
    /// What else there is to say.
    pub note: Option<String>,
}

/// On `…/ack`: somebody has acknowledged an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AckMessage {
    /// Number, time (that of the acknowledgement), boot.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// Id of the alert.
    pub alert: String,
    /// The life of the daemon that saw it.
    pub alert_boot: BootId,
    /// What it was.
    pub verdict: Judgement,
    /// Who has seen it.
    pub by: String,
    /// Whether a signature proves that.
    pub signed: bool,
    /// What else there is to say; null where nothing.
    pub note: Option<String>,
    /// How long it had waited, seconds; null where it was acknowledged before.
    pub waited_s: Option<f64>,
}

impl AckMessage {
    /// Puts a draft into its envelope.
    pub fn new(envelope: Envelope, draft: &AckDraft, waited_ms: Option<u64>) -> AckMessage {
        AckMessage {
            envelope,
            alert: draft.alert.clone(),
            alert_boot: boot_of(&draft.alert),
            verdict: draft.verdict,
            by: draft.by.clone(),
            signed: draft.signed,
            note: draft.note.clone(),
            waited_s: waited_ms.map(|ms| ms as f64 / 1e3),
        }
    }
}
