//! Which models a camera has and how they do, retained on `…/models`; and the pieces in which a bundle comes to it, on `…/set/piece`.
//!
//! The camera asks: `download.want` names the piece that it lacks, and whoever has the bundle sends that one and no other. So flow is controlled by the
//! camera, what is asked for is known to a sender that starts anew (the message is retained), and nothing waits at the broker for a camera that is away.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::message::Envelope;
use super::mqtt::Message;
use super::settings::Site;

/// Largest bundle, bytes: some times that of today, and nothing for a card to be afraid of.
pub const MOST_BUNDLE: u64 = 16 * 1024 * 1024;
/// Bytes of a piece, but for the last one: a camera takes in packets of 64 KiB.
pub const PIECE: u64 = 32 * 1024;
/// Last level of the topic of pieces, below `…/set/`.
pub const PIECE_WORD: &str = "piece";

/// What a command does with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ModelDo")]
pub enum Do {
    /// Fetch the bundle where it is not here, check it, and let its model look beside the running one.
    Shadow,
    /// Fetch no more of it until `shadow` is ordered again.
    Wait,
    /// Let the challenger run.
    Promote,
    /// Let the model before run again.
    Revert,
    /// Forget the challenger, or what was fetched of it.
    Stop,
}

impl Do {
    /// All of them.
    pub const ALL: [Do; 5] = [Do::Shadow, Do::Wait, Do::Promote, Do::Revert, Do::Stop];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Do::Shadow => "shadow",
            Do::Wait => "wait",
            Do::Promote => "promote",
            Do::Revert => "revert",
            Do::Stop => "stop",
        }
    }

    /// That of this name.
    pub fn from_name(name: &str) -> Option<Do> {
        Do::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// What a model command says; what of it is needed depends on what is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelOrder {
    /// What is to be done.
    pub what: Do,
    /// Counter of the bundle.
    pub version: Option<u64>,
    /// SHA-256 of the bundle, hexadecimal.
    pub bundle: Option<String>,
    /// Its length, bytes.
    pub bytes: Option<u64>,
}

/// A model that runs or has run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelStand {
    /// From its card.
    pub name: String,
    /// SHA-256 of its ONNX file, hexadecimal: as on alerts.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// Counter of its bundle; null for the one that the program carries, and for one that the administrator has named.
    pub version: Option<u64>,
    /// SHA-256 of its bundle; null likewise.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub bundle: Option<String>,
}

/// How it stands with a challenger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ChallengerCourse")]
pub enum Course {
    /// It is held against its golden pictures and the time that it takes here.
    #[default]
    Checking,
    /// It looks at what the running model looks at, and decides nothing.
    Shadow,
    /// It is not taken, or was taken back; `reason` says why.
    Refused,
}

/// A model that would run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChallengerMessage {
    /// Counter of its bundle; null where that could not be read.
    pub version: Option<u64>,
    /// SHA-256 of its bundle.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub bundle: String,
    /// From its card; null where that is not known.
    pub name: Option<String>,
    /// SHA-256 of its ONNX file; null where that is not known.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub sha256: Option<String>,
    /// How it stands.
    pub course: Course,
    /// Why it is refused, or how it does, in plain words.
    pub reason: String,
    /// What it saw beside the running model; null before its first look.
    pub comparison: Option<Comparison>,
}

/// The promoted model on its trial: the one before looks on, and runs again where the new one does badly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProbationMessage {
    /// Seconds until it is over, well.
    pub left_s: u64,
    /// Starts of the daemon since the promotion.
    pub starts: u64,
    /// The model before (`challenger` in it) against the running one; null before its first look.
    pub comparison: Option<Comparison>,
}

/// Two models on the same looks: the same pixels, as the running one was given them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Looks that both had.
    pub looks: u64,
    /// Frames of which it was shown all looks.
    pub frames: u64,
    /// Frames of which it was shown none, for there was no time to spare.
    pub passed_over: u64,
    /// Looks on which each sees a bear, at the operating point of its own card: what promoting it would bring.
    pub card: ByRegime,
    /// The same at a threshold of the challenger that gives both the same number of looks with a bear; null while the running one has seen too few.
    pub equal_rate: Option<EqualRate>,
    /// Of the running model, a look.
    pub running_ms: Option<Latency>,
    /// Of the challenger, a look: processor time, since it works at low priority.
    pub challenger_ms: Option<Latency>,
    /// Looks on which they disagree whose frame was sent for people to judge.
    pub sampled: u64,
}

/// A comparison at equal rates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EqualRate {
    /// Score of the challenger, 0..1.
    pub threshold: f32,
    /// Looks on which each sees a bear.
    pub looks: ByRegime,
}

/// Looks by light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ByRegime {
    /// By day.
    pub day: LookCounts,
    /// At dusk.
    pub dusk: LookCounts,
    /// In infrared light.
    pub infrared: LookCounts,
}

/// Who sees a bear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LookCounts {
    /// Both.
    pub both: u64,
    /// The running model alone.
    pub only_running: u64,
    /// The challenger alone.
    pub only_challenger: u64,
    /// Neither.
    pub neither: u64,
}

/// Quantiles, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "LookLatency")]
pub struct Latency {
    /// Median.
    pub p50: f64,
    /// 95 of a hundred are shorter.
    pub p95: f64,
}

/// A bundle on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DownloadMessage {
    /// Its counter, as the command said.
    pub version: u64,
    /// Its SHA-256, as the command said.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub bundle: String,
    /// Its length, as the command said, bytes.
    pub of: u64,
    /// Bytes that are here, from the beginning.
    pub have: u64,
    /// The piece that is to be sent now; null while it is to wait.
    pub want: Option<Want>,
}

/// A piece that a camera lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Want {
    /// First byte of the bundle, from 0.
    pub offset: u64,
    /// So many.
    pub bytes: u64,
    /// How often it was asked for before: a piece that does not come is asked for again, at growing intervals.
    pub again: u32,
}

/// What models are here, before it has an envelope.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelsDraft {
    /// What decides.
    pub running: ModelStand,
    /// What `revert` goes back to; null where there is nothing.
    pub previous: Option<ModelStand>,
    /// What would run; null where there is none.
    pub challenger: Option<ChallengerMessage>,
    /// The trial of the running one; null where it is over.
    pub trial: Option<ProbationMessage>,
    /// What is on its way; null where nothing is.
    pub download: Option<DownloadMessage>,
    /// Bundles of this version and older ones are not taken: the newest that has run here. 0 where none has.
    pub newest: u64,
    /// For which boards bundles must be made to be taken here: `amd64`, `arm64` or `armhf`.
    pub board: String,
    /// Why no command changes the model; null where commands do.
    pub fixed: Option<String>,
    /// Why a promoted model was taken back, until somebody orders another; the status says so, too. Null where none was.
    #[serde(default)]
    pub trouble: Option<String>,
    /// What happened last, in plain words; empty where nothing did.
    pub event: String,
}

/// On `…/models`, retained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelsMessage {
    /// Number, time, boot.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// The models.
    #[serde(flatten)]
    pub models: ModelsDraft,
}

/// A piece of a bundle on its way to a camera. The bytes are the payload, the rest are user properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// SHA-256 of the whole bundle.
    pub bundle: String,
    /// First byte.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Piece {
    /// The piece of a bundle that a camera wants; `None` where it wants none, another bundle's, or one that is not there.
    pub fn wanted(download: &DownloadMessage, bundle: &str, whole: &[u8]) -> Option<Piece> {
        let want = download.want.filter(|_| download.bundle == bundle)?;
        let (from, bytes) = (usize::try_from(want.offset).ok()?, usize::try_from(want.bytes).ok()?);
        let bytes = whole.get(from..from.checked_add(bytes)?)?.to_vec();
        Some(Piece { bundle: bundle.to_owned(), offset: want.offset, bytes })
    }

    /// As a message to a camera, of use for a minute.
    pub fn message(self, site: &Site) -> Message {
        let properties = [("bundle", self.bundle), ("offset", self.offset.to_string())];
        let properties = properties.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let topic = super::message::command_topic(site, PIECE_WORD);
        Message {
            content_type: "application/octet-stream".into(),
            expiry_s: Some(60),
            ..Message::json(topic, self.bytes, properties)
        }
    }

    /// Reads it again; `None` where it is none.
    pub fn read(message: &Message) -> Option<Piece> {
        let fits = !message.retain && message.payload.len() as u64 <= PIECE;
        let (bundle, offset) = (message.property("bundle")?, message.property("offset")?.parse().ok()?);
        fits.then(|| Piece { bundle: bundle.to_owned(), offset, bytes: message.payload.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn download(want: Option<Want>) -> DownloadMessage {
        DownloadMessage { version: 3, bundle: "ab".into(), of: 10, have: 4, want }
    }

    #[test]
    fn the_piece_that_is_wanted_is_sent_and_read_again() {
        let whole: Vec<u8> = (0..10).collect();
        let want = |offset, bytes| Some(Want { offset, bytes, again: 0 });
        let site = Site { name: "creek".into(), camera: "north".into() };
        let piece = Piece::wanted(&download(want(4, 6)), "ab", &whole).unwrap();
        let message = piece.clone().message(&site);
        assert_eq!(message.topic, "bearwatch/v1/creek/north/set/piece");
        assert_eq!(Piece::read(&message), Some(piece));
        assert_eq!(Piece::read(&Message { retain: true, ..message }), None);
        for (want, bundle) in
            [(None, "ab"), (want(4, 7), "ab"), (want(u64::MAX, 7), "ab"), (want(4, 6), "cd")]
        {
            assert_eq!(Piece::wanted(&download(want), bundle, &whole), None);
        }
    }
}
