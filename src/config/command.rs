//! `[command]`: what may be ordered over the network, and by whom; and what of it was in force when the daemon ended.

use std::time::UNIX_EPOCH;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::reader::Reader;
use super::{HeldMode, HeldTrial};
use crate::publish::Mode;
use crate::publish::message::parse_rfc3339;
use crate::publish::settings::{CommandSettings, TrustedKey};

const KEYS: &str = "command.keys";
const LEAST: &str = "command.threshold_min";
const MOST: &str = "command.threshold_max";

/// `[command]`.
pub fn commands(reader: &mut Reader) -> CommandSettings {
    let default = CommandSettings::default();
    let threshold =
        score(reader, LEAST, *default.threshold.start())..=score(reader, MOST, *default.threshold.end());
    if threshold.is_empty() {
        reader.wrong(LEAST, "is above threshold_max", "give the lower one here");
    }
    CommandSettings {
        accept: reader.flag("command.accept", default.accept),
        keys: keys(reader),
        longest_s: reader.whole("command.longest_s", default.longest_s, 60..=604_800),
        longest_trial_days: reader.whole("command.longest_trial_days", default.longest_trial_days, 0..=366),
        threshold,
    }
}

fn score(reader: &mut Reader, key: &str, default: f32) -> f32 {
    reader.maybe_number(key, 0.01..=0.99, &default.to_string()).map_or(default, |score| score as f32)
}

/// Each `name:key`. One that is wrong is refused, for a key that is left out in silence could be the last one.
fn keys(reader: &mut Reader) -> Vec<TrustedKey> {
    let mut keys: Vec<TrustedKey> = Vec::new();
    for text in reader.texts(KEYS, "a list of keys, [\"anna:BASE64\"]").unwrap_or_default() {
        match key(&text) {
            Some(key) if keys.iter().any(|known| known.name == key.name) => {
                reader.wrong(KEYS, format!("has two keys of {}", key.name), "give each a name of its own");
            }
            Some(key) => keys.push(key),
            None => {
                let shown: String = text.chars().take(60).collect();
                reader.wrong(
                    KEYS,
                    format!("\"{shown}\" is no key"),
                    "write name:key as `bearwatch command key` prints it",
                );
            }
        }
    }
    keys
}

fn key(text: &str) -> Option<TrustedKey> {
    let (name, key) = text.split_once(':')?;
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = (1..=40).contains(&name.len()) && name.chars().all(good);
    let key = BASE64_STANDARD.decode(key).ok()?.try_into().ok()?;
    fits.then(|| TrustedKey { name: name.to_owned(), key })
}

/// `site.mode`, in the words of people.
pub fn usual_mode(reader: &mut Reader) -> Mode {
    let words = [("live", Mode::Armed), ("assist", Mode::Assist), ("observe", Mode::Shadow)];
    reader.choice("site.mode", &words).unwrap_or_default()
}

const MODES: [(&str, Mode); 4] = [
    ("armed", Mode::Armed),
    ("disarmed", Mode::Disarmed),
    ("shadow", Mode::Shadow),
    ("assist", Mode::Assist),
];

/// `[mode]` of the overrides.
pub fn mode(reader: &mut Reader) -> Option<HeldMode> {
    let mode = reader.choice("mode.alerts", &MODES)?;
    Some(HeldMode {
        mode,
        by: by(reader, "mode.by"),
        until_unix_ms: time(reader, "mode.until"),
        left_s: reader.whole("mode.left_s", 0, 0..=604_800),
    })
}

/// The trial in `[mode]` of the overrides.
pub fn trial(reader: &mut Reader) -> Option<HeldTrial> {
    let name = reader.text("mode.trial")?;
    let mode = reader.choice("mode.trial_alerts", &MODES)?;
    let held = HeldMode {
        mode,
        by: by(reader, "mode.trial_by"),
        until_unix_ms: time(reader, "mode.trial_until"),
        left_s: reader.whole("mode.trial_left_s", 0, 0..=366 * 86_400),
    };
    Some(HeldTrial { name, held })
}

fn by(reader: &mut Reader, key: &str) -> String {
    reader.text(key).unwrap_or_else(|| "somebody".into())
}

/// Milliseconds since 1970.
fn time(reader: &mut Reader, key: &'static str) -> Option<i64> {
    let text = reader.text(key)?;
    let since = parse_rfc3339(&text).and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let unix_ms = since.and_then(|since| i64::try_from(since.as_millis()).ok());
    if unix_ms.is_none() {
        reader.wrong(key, "is no time", "write it as 2026-11-26T20:00:00Z");
    }
    unix_ms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layer::Layer;

    fn read(text: &str) -> (CommandSettings, Vec<String>) {
        let mut reader = Reader::new(&[&Layer::file(text, "x.toml")], "x.toml", None);
        let settings = commands(&mut reader);
        (settings, reader.finish().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn keys_are_read_with_their_names_and_wrong_ones_are_told() {
        let key = BASE64_STANDARD.encode([7; 32]);
        let (settings, mistakes) = read(&format!("[command]\nkeys = [\"anna:{key}\", \"desk-2:{key}\"]\n"));
        assert_eq!(mistakes, [""; 0]);
        assert_eq!(settings.keys[1], TrustedKey { name: "desk-2".into(), key: [7; 32] });
        let (_, mistakes) = read(&format!(
            "[command]\nkeys = [\"anna\", \"A B:{key}\", \"anna:AAAA\", \"bob:{key}\", \"bob:{key}\"]\n"
        ));
        assert_eq!(mistakes.len(), 4, "{mistakes:?}");
        assert!(mistakes[0].contains("x.toml:2: command.keys: \"anna\" is no key"), "{mistakes:?}");
        assert!(mistakes[3].contains("has two keys of bob"), "{mistakes:?}");
    }

    #[test]
    fn limits_must_be_limits() {
        let (_, mistakes) = read("[command]\nthreshold_min = 0.5\nthreshold_max = 0.4\nlonges_s = 3\n");
        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
        assert!(mistakes[0].contains("threshold_min: is above"), "{mistakes:?}");
    }
}
