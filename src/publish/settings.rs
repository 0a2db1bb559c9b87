//! What an administrator may decide about delivery and the store.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::field::Reason;
use super::ladder::Rung;
use crate::system::hours::Hours;

/// Who we are on the wire: the two middle levels of every topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// `[a-z0-9-]{1,40}`.
    pub name: String,
    /// `[a-z0-9-]{1,40}`.
    pub camera: String,
}

/// Settings of delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `mqtt://host[:1883]` or `mqtts://host[:8883]`.
    pub broker: String,
    /// Others of that form, in order of preference, where that one is away.
    pub fallback: Vec<String>,
    /// Who is with another one looks after the first one this often, at first.
    pub look_back: Duration,
    /// User name.
    pub user: Option<String>,
    /// File that holds the password; the systemd credential of that name where it is not absolute.
    pub password_file: Option<PathBuf>,
    /// PEM file of the certificate authority; the system's where `None`.
    pub ca_file: Option<PathBuf>,
    /// PEM file of our certificate chain.
    pub cert_file: Option<PathBuf>,
    /// PEM file of our private key.
    pub key_file: Option<PathBuf>,
    /// The broker declares us dead after 1.5 times this silence, seconds.
    pub keep_alive_s: u16,
    /// Telemetry is sent this often, seconds.
    pub telemetry_s: f64,
    /// Pictures from before the alert that are sent with it.
    pub history_snapshots: usize,
    /// Long side of a snapshot, pixels.
    pub snapshot_px: u32,
    /// JPEG quality of a snapshot, 1..100.
    pub snapshot_quality: u8,
    /// Whether people are to be seen on pictures that are stored or sent.
    pub snapshot_people: People,
    /// What happens to an alert that nobody acknowledges; empty where nobody is asked to.
    pub ladder: Vec<Rung>,
    /// Whether it happens to exercises, too.
    pub drills_climb: bool,
    /// What Home Assistant is told; `None` where it is told nothing.
    pub home_assistant: Option<HomeAssistant>,
    /// Where messages wait: the outbox and its folder.
    pub store: StoreSettings,
    /// What is kept for training and review.
    pub field: FieldSettings,
}

/// What is kept for training and review, and when it is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldSettings {
    /// Most room, megabytes; 0 keeps nothing.
    pub mb: u64,
    /// Most that is written for it in a day, megabytes.
    pub mb_a_day: f64,
    /// Of that, what is left to the random sample.
    pub reserved_mb_a_day: f64,
    /// Pictures of alerts in an hour, at most.
    pub alerts_per_hour: f64,
    /// Pictures in an hour on which a bear is nearly seen, at most.
    pub near_misses_per_hour: f64,
    /// Score from which a bear is nearly seen; up to the operating point.
    pub near_from: f32,
    /// Pictures in an hour on which another model says something else, at most.
    pub challenger_per_hour: f64,
    /// Pictures in an hour that somebody asked for, at most.
    pub asked_per_hour: f64,
    /// When it is sent.
    pub send: When,
    /// The hours of [`When::Hours`].
    pub hours: Hours,
}

/// When what is kept is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// As soon as nothing else waits.
    #[default]
    Always,
    /// In certain hours, where the clock is set.
    Hours,
    /// When somebody asks for it.
    Asked,
}

impl FieldSettings {
    /// Pictures in an hour, at most; the random sample has rates of its own.
    pub fn per_hour(&self, reason: Reason) -> f64 {
        match reason {
            Reason::NearMiss => self.near_misses_per_hour,
            Reason::Challenger => self.challenger_per_hour,
            Reason::Alert => self.alerts_per_hour,
            Reason::Asked => self.asked_per_hour,
            Reason::Random => 0.0,
        }
    }
}

impl Default for FieldSettings {
    fn default() -> Self {
        FieldSettings {
            mb: 0,
            mb_a_day: 50.0,
            reserved_mb_a_day: 0.0,
            alerts_per_hour: 12.0,
            near_misses_per_hour: 4.0,
            near_from: 0.2,
            challenger_per_hour: 4.0,
            asked_per_hour: 60.0,
            send: When::default(),
            hours: Hours::default(),
        }
    }
}

/// What becomes of people on pictures that are stored or sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum People {
    /// They are pixelated.
    #[default]
    Blurred,
    /// They are left as the camera sees them.
    Shown,
}

/// What Home Assistant is told of the camera.
#[derive(Clone, Debug, PartialEq)]
pub struct HomeAssistant {
    /// The first level of the topics of its discovery.
    pub prefix: String,
    /// Whether commands without a signature are taken: only then are there buttons.
    pub unsigned_commands: bool,
    /// Whether the camera tells what was ordered.
    pub state: bool,
    /// An open alert is repeated at most this often, seconds.
    pub update_s: f64,
    /// Telemetry is sent this often, seconds.
    pub telemetry_s: f64,
}

/// Settings of the store.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreSettings {
    /// Folder of the outbox and of what changes at run time.
    pub path: PathBuf,
    /// Most room that waiting messages may take, megabytes. Telemetry gives way first, then snapshots, alerts last.
    pub max_mb: u64,
    /// Most room that alerts and pictures may take that are kept for review, megabytes; 0 keeps none.
    pub review_mb: u64,
}

/// What may be ordered over the network, and by whom.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandSettings {
    /// Whether commands are taken at all.
    pub accept: bool,
    /// Whose signatures count. Where there is one, unsigned commands are refused.
    pub keys: Vec<TrustedKey>,
    /// Longest time that anything may be ordered for, seconds.
    pub longest_s: u64,
    /// Longest time that a trial may last, days; 0 where the camera takes part in none.
    pub longest_trial_days: u64,
    /// Operating points for bears that may be ordered.
    pub threshold: RangeInclusive<f32>,
}

/// When drills are given, and what is expected of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrillSettings {
    /// Time from one to the next; zero where none is given but by order.
    pub every: Duration,
    /// Hours in which one may begin by the schedule; all where there are none.
    pub hours: Hours,
    /// The broker must have the alert so long after the beginning.
    pub within: Duration,
}

impl Default for DrillSettings {
    fn default() -> Self {
        DrillSettings { every: Duration::ZERO, hours: Hours::default(), within: Duration::from_secs(60) }
    }
}

/// A public key whose signatures count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKey {
    /// Whose it is: `[a-z0-9-]{1,40}`.
    pub name: String,
    /// Ed25519.
    pub key: [u8; 32],
}

impl Default for CommandSettings {
    fn default() -> Self {
        CommandSettings {
            accept: false,
            keys: Vec::new(),
            longest_s: 28_800,
            longest_trial_days: 60,
            threshold: 0.1..=0.95,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            broker: "mqtt://127.0.0.1:1883".into(),
            fallback: Vec::new(),
            look_back: Duration::from_secs(600),
            user: None,
            password_file: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
            keep_alive_s: 30,
            telemetry_s: 10.0,
            history_snapshots: 3,
            snapshot_px: 640,
            snapshot_quality: 80,
            snapshot_people: People::Blurred,
            ladder: Vec::new(),
            drills_climb: false,
            home_assistant: None,
            store: StoreSettings { path: PathBuf::from("/var/lib/bearwatch"), max_mb: 64, review_mb: 16 },
            field: FieldSettings::default(),
        }
    }
}
