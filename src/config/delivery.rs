//! `[publish]`, `[acknowledge]` and `[store]`: the broker, who we are to it, who must have heard, and where messages wait.

use std::time::Duration;

use url::Url;

use super::Config;
use super::field::field;
use super::reader::Reader;
use super::sections::store;
use crate::publish::Mode;
use crate::publish::ladder::Rung;
use crate::publish::settings::{HomeAssistant, People, Settings};

const BROKER: &str = "publish.broker";
const FALLBACK: &str = "publish.fallback";
const PREFIX: &str = "home_assistant.discovery_prefix";
/// Steps of a ladder.
const MOST_RUNGS: usize = 10;

/// `[publish]` and `[store]`.
pub fn publish(reader: &mut Reader) -> Settings {
    let default = Settings::default();
    let broker = reader.text(BROKER).unwrap_or(default.broker);
    let fallback =
        reader.texts(FALLBACK, "a list of brokers, [\"mqtts://second.example\"]").unwrap_or_default();
    let encrypted = check_broker(reader, BROKER, "", &broker);
    let others: Vec<Option<bool>> = (1..)
        .zip(&fallback)
        .map(|(number, broker)| check_broker(reader, FALLBACK, &format!("entry {number} "), broker))
        .collect();
    // TLS files are of use where any of them is addressed with it.
    check_partners(reader, if others.contains(&Some(true)) { Some(true) } else { encrypted });
    check_mixture(reader, encrypted, &others);
    Settings {
        broker,
        fallback,
        look_back: Duration::from_secs(reader.whole(
            "publish.look_back_s",
            default.look_back.as_secs(),
            5..=86_400,
        )),
        user: reader.text("publish.user"),
        password_file: reader.secret("publish.password_file"),
        ca_file: reader.secret("publish.ca_file"),
        cert_file: reader.secret("publish.cert_file"),
        key_file: reader.secret("publish.key_file"),
        keep_alive_s: reader.whole("publish.keep_alive_s", default.keep_alive_s, 5..=3600),
        telemetry_s: reader.number("publish.telemetry_s", default.telemetry_s, 0.5..=86_400.0),
        history_snapshots: reader.whole("publish.history_snapshots", default.history_snapshots, 0..=20),
        snapshot_px: reader.whole("publish.snapshot_px", default.snapshot_px, 64..=4096),
        snapshot_quality: reader.whole("publish.snapshot_quality", default.snapshot_quality, 1..=100),
        snapshot_people: reader
            .choice("publish.snapshot_people", &[("blurred", People::Blurred), ("shown", People::Shown)])
            .unwrap_or(default.snapshot_people),
        ladder: ladder(reader),
        drills_climb: reader.flag("acknowledge.drills", default.drills_climb),
        home_assistant: None,
        store: store(reader),
        field: field(reader),
    }
}

/// `[home_assistant]`, with what the rest of the file means for it.
pub fn home_assistant(reader: &mut Reader, config: &Config) -> Option<HomeAssistant> {
    let prefix = reader.text(PREFIX).unwrap_or_else(|| "homeassistant".into());
    let good =
        |level: &str| !level.is_empty() && !level.contains(['+', '#', '\0']) && !level.starts_with('$');
    if prefix.len() > 100 || !prefix.split('/').all(good) {
        reader.wrong(
            PREFIX,
            "is no beginning of a topic",
            "write it as Home Assistant has it, \"homeassistant\" where nobody changed it",
        );
    }
    let taken = config.commands.accept;
    reader.flag("home_assistant.discovery", false).then(|| HomeAssistant {
        prefix,
        unsigned_commands: taken && config.commands.keys.is_empty(),
        state: taken
            || !config.publish.ladder.is_empty()
            || !config.drill.every.is_zero()
            || config.page.is_some()
            || config.usual_mode != Mode::Armed,
        update_s: config.perceive.update_s,
        telemetry_s: config.publish.telemetry_s,
    })
}

/// `[acknowledge]`: each rung "seconds level". One that is wrong is refused, for somebody would not be called.
fn ladder(reader: &mut Reader) -> Vec<Rung> {
    let key = "acknowledge.ladder";
    let texts = reader.texts(key, "a list of steps, [\"60 duty\", \"300 chief\"]").unwrap_or_default();
    let rungs: Vec<Rung> = texts.iter().filter_map(|text| rung(text)).collect();
    if rungs.len() < texts.len() {
        reader.wrong(
            key,
            "holds what is no step",
            "write each as \"seconds level\", the level of a to z, 0 to 9 and -, at most a day",
        );
    } else if !rungs.is_sorted_by(|a, b| a.after_s < b.after_s) || rungs.len() > MOST_RUNGS {
        let remedy = format!("give at most {MOST_RUNGS} steps, each later than the one before");
        reader.wrong(key, "is no ladder", remedy);
    }
    rungs
}

fn rung(text: &str) -> Option<Rung> {
    let (after, level) = text.split_once(' ')?;
    let after_s = after.parse().ok().filter(|after_s| (1..=86_400).contains(after_s))?;
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = (1..=40).contains(&level.len()) && level.chars().all(good);
    fits.then(|| Rung { after_s, level: level.to_owned() })
}

/// Tells whether the connection is encrypted, `None` where the address says nothing. Never shows the address: it may hold a
/// password.
fn check_broker(reader: &mut Reader, key: &str, which: &str, broker: &str) -> Option<bool> {
    let form = "write it as mqtt://host[:1883], or mqtts://host[:8883] for TLS";
    let Ok(url) = Url::parse(broker) else {
        reader.wrong(key, format!("{which}is not an address"), form);
        return None;
    };
    if url.password().is_some() {
        reader.wrong(
            key,
            format!("{which}holds a password"),
            "write the password into a file that only bearwatch may read, and give user and password_file",
        );
    } else if !url.username().is_empty() {
        reader.wrong(key, format!("{which}holds a user"), "give it as user");
    }
    if url.host_str().is_none_or(str::is_empty) {
        reader.wrong(key, format!("{which}names no host"), form);
    } else if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        reader.wrong(key, format!("{which}goes on after the host"), form);
    }
    match url.scheme() {
        "mqtt" => Some(false),
        "mqtts" => Some(true),
        other => {
            reader.wrong(key, format!("{which}{other:?} is not spoken here"), form);
            None
        }
    }
}

/// Who is shut out of an encrypted broker must not give its password to one that is not.
fn check_mixture(reader: &mut Reader, encrypted: Option<bool>, others: &[Option<bool>]) {
    if encrypted == Some(true) && others.contains(&Some(false)) && reader.has("publish.user") {
        reader.wrong(
            FALLBACK,
            "holds a broker without TLS, the preferred one is with it",
            "write mqtts://, or the password would go over the network for everybody to read",
        );
    }
}

/// Keys that are of use only together.
fn check_partners(reader: &mut Reader, encrypted: Option<bool>) {
    for (key, partner) in [("password_file", "user"), ("cert_file", "key_file"), ("key_file", "cert_file")] {
        let (key, partner_key) = (format!("publish.{key}"), format!("publish.{partner}"));
        if reader.has(&key) && !reader.has(&partner_key) {
            reader.wrong(&key, format!("is given without {partner}"), format!("add {partner} to [publish]"));
        }
    }
    for key in ["publish.ca_file", "publish.cert_file", "publish.key_file"] {
        if encrypted == Some(false) && reader.has(key) {
            reader.wrong(
                key,
                "is for TLS, the broker is addressed without",
                "write mqtts:// in broker, or remove it",
            );
        }
    }
}
