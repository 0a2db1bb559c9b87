//! A command as it comes in: a word as the topic's last level, and a JSON object. PURE.
//!
//! What is not understood to the last field is refused: a field that we do not know could be the one that matters to the sender.

use std::time::UNIX_EPOCH;

use serde_json::{Map, Value};

use crate::publish::message::{VERSION, parse_rfc3339};
use crate::publish::models::{Do, ModelOrder};
use crate::publish::reply::Judgement;
use crate::system::log::Level;

/// Largest payload, bytes.
pub const MOST_BYTES: usize = 4096;
/// The last levels of their topics.
pub(super) const KNOWN: &str = "arm, disarm, shadow, test, drill, snapshot, threshold, log, ack, model";
/// Longest name, id or nonce, characters.
const NAME: usize = 80;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Tell of bears again.
    Arm,
    /// Tell nobody, for so many seconds.
    Disarm(u64),
    /// Tell nobody but keep what would have been told, for so many seconds.
    Shadow(u64),
    /// Send an exercise the whole way of an alert.
    Test,
    /// Draw a bear into the picture, which must come out as an alert.
    Drill,
    /// Send a picture.
    Snapshot,
    /// Another operating point for bears; that of the file or the model card where `None`.
    Threshold(Option<f32>),
    /// Log more or less, for so many seconds.
    Log(Level, u64),
    /// Somebody has seen an alert.
    Ack {
        /// Its id.
        alert: String,
        /// What it was.
        verdict: Judgement,
        /// What else there is to say.
        note: Option<String>,
    },
    /// Another model.
    Model(ModelOrder),
}

impl Action {
    /// What must be possible even where nothing can be written down: nobody is the worse for it if it comes twice.
    pub fn is_always_possible(&self) -> bool {
        matches!(self, Action::Arm | Action::Ack { .. })
    }
}

/// What came in, as far as it was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// What is to be done.
    pub action: Action,
    /// Given back in the answer.
    pub id: Option<String>,
    /// Who sends it, by its own word.
    pub by: Option<String>,
    /// The life of the daemon that it is meant for.
    pub boot: Option<String>,
    /// Makes it unlike every other one.
    pub nonce: Option<String>,
    /// When it is too late, milliseconds since 1970.
    pub expires_unix_ms: Option<i64>,
}

/// What a refused command said of itself: the answer bears it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Given back in the answer.
    pub id: Option<String>,
    /// Who sent it.
    pub by: Option<String>,
}

/// Reads a command; the error says in plain words what is wrong with it.
pub fn read(word: &str, payload: &[u8]) -> Result<Command, String> {
    let mut fields = Fields::read(payload)?;
    let version = fields.whole("v")?;
    if version != Some(u64::from(VERSION)) {
        return Err(format!("\"v\" must be {VERSION}"));
    }
    let action = action(word, &mut fields)?;
    let command = Command {
        action,
        id: fields.text("id")?,
        by: fields.text("by")?,
        boot: fields.text("boot")?,
        nonce: fields.text("nonce")?,
        expires_unix_ms: fields.time("expires")?,
    };
    fields.finish()?;
    Ok(command)
}

/// Id and sender of what may otherwise be anything.
pub fn labels(payload: &[u8]) -> Labels {
    let Ok(mut fields) = Fields::read(payload) else { return Labels::default() };
    Labels { id: fields.text("id").unwrap_or_default(), by: fields.text("by").unwrap_or_default() }
}

fn action(word: &str, fields: &mut Fields) -> Result<Action, String> {
    Ok(match word {
        "arm" => Action::Arm,
        "disarm" => Action::Disarm(fields.length()?),
        "shadow" => Action::Shadow(fields.length()?),
        "test" => Action::Test,
        "drill" => Action::Drill,
        "snapshot" => Action::Snapshot,
        "threshold" => Action::Threshold(fields.threshold()?),
        "log" => Action::Log(fields.level()?, fields.length()?),
        "ack" => Action::Ack {
            alert: fields.text("alert")?.ok_or("\"alert\" must be the id of an alert")?,
            verdict: fields.verdict()?,
            note: fields.text("note")?,
        },
        "model" => Action::Model(ModelOrder {
            what: fields.what()?,
            version: fields.maybe_whole("version")?,
            bundle: fields.hash("bundle")?,
            bytes: fields.maybe_whole("bytes")?,
        }),
        _ => return Err(format!("no such command; known are {KNOWN}")),
    })
}

/// The fields that nobody has asked for yet.
struct Fields(Map<String, Value>);

impl Fields {
    fn read(payload: &[u8]) -> Result<Fields, String> {
        if payload.len() > MOST_BYTES {
            return Err(format!("larger than {MOST_BYTES} bytes"));
        }
        match serde_json::from_slice(payload) {
            Ok(Value::Object(fields)) => Ok(Fields(fields)),
            Ok(_) => Err("not a JSON object".into()),
            Err(error) => Err(format!("not JSON: {error}")),
        }
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if is_plain(&text) => Ok(Some(text)),
            Some(_) => Err(format!("\"{name}\" must be text of 1 to {NAME} characters on one line")),
        }
    }

    fn whole(&mut self, name: &str) -> Result<Option<u64>, String> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(value) => {
                value.as_u64().map(Some).ok_or_else(|| format!("\"{name}\" must be a whole number"))
            }
        }
    }

    fn maybe_whole(&mut self, name: &str) -> Result<Option<u64>, String> {
        if self.0.get(name).is_some_and(Value::is_null) {
            self.0.remove(name);
        }
        self.whole(name)
    }

    fn hash(&mut self, name: &str) -> Result<Option<String>, String> {
        let digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        match self.text(name)? {
            Some(text) if text.len() != 64 || !text.chars().all(digit) => {
                Err(format!("\"{name}\" must be a SHA-256, 64 hexadecimal digits"))
            }
            other => Ok(other),
        }
    }

    fn what(&mut self) -> Result<Do, String> {
        let named = self.text("do")?.and_then(|name| Do::from_name(&name));
        named.ok_or_else(|| "\"do\" must be shadow, wait, promote, revert or stop".into())
    }

    fn time(&mut self, name: &str) -> Result<Option<i64>, String> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let since = parse_rfc3339(&text).and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let unix_ms = since.and_then(|since| i64::try_from(since.as_millis()).ok());
        unix_ms.map(Some).ok_or_else(|| format!("\"{name}\" must be a time as 2026-11-26T20:00:00Z"))
    }

    /// How long it is to last: nothing is ordered for ever.
    fn length(&mut self) -> Result<u64, String> {
        match self.whole("for_s")? {
            Some(seconds) if seconds > 0 => Ok(seconds),
            _ => Err("\"for_s\" must say for how many seconds; nothing is ordered for ever".into()),
        }
    }

    fn threshold(&mut self) -> Result<Option<f32>, String> {
        match self.0.remove("bear") {
            Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => Ok(number.as_f64().map(|number| number as f32)),
            _ => Err("\"bear\" must be a score from 0 to 1, or null for the usual one".into()),
        }
    }

    fn level(&mut self) -> Result<Level, String> {
        let named = self.text("level")?.and_then(|name| Level::from_name(&name));
        named.ok_or_else(|| "\"level\" must be error, warn, info, debug or trace".into())
    }

    fn verdict(&mut self) -> Result<Judgement, String> {
        let named = self.text("verdict")?.and_then(|name| Judgement::from_name(&name));
        named.ok_or_else(|| "\"verdict\" must be bear, not-bear or unsure".into())
    }

    fn finish(self) -> Result<(), String> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => {
                let name: String = name.chars().filter(|c| !c.is_control()).take(NAME).collect();
                Err(format!("the field \"{name}\" is not known here"))
            }
        }
    }
}

/// Fit for a line of a log or a terminal.
fn is_plain(text: &str) -> bool {
    (1..=NAME).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(word: &str, payload: &str) -> String {
        read(word, payload.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_whole_command_is_read() {
        let payload = br#"{"v":1,"for_s":3600,"id":"7","by":"anna","boot":"b1","nonce":"n","expires":"2026-11-26T20:00:00Z"}"#;
        let command = read("disarm", payload).unwrap();
        assert_eq!(command.action, Action::Disarm(3600));
        assert_eq!((command.id.as_deref(), command.by.as_deref()), (Some("7"), Some("anna")));
        assert_eq!((command.boot.as_deref(), command.nonce.as_deref()), (Some("b1"), Some("n")));
        assert_eq!(command.expires_unix_ms, Some(1_795_723_200_000));
        assert_eq!(read("threshold", br#"{"v":1,"bear":null}"#).unwrap().action, Action::Threshold(None));
        let log = read("log", br#"{"v":1,"level":"debug","for_s":60}"#).unwrap();
        assert_eq!(log.action, Action::Log(Level::Debug, 60));
    }

    #[test]
    fn what_is_not_understood_to_the_last_field_is_refused_in_plain_words() {
        assert_eq!(refused("arm", r#"{"v":1,"fro":2}"#), "the field \"fro\" is not known here");
        assert_eq!(refused("arm", r#"{"v":1,"for_s":2}"#), "the field \"for_s\" is not known here");
        assert_eq!(refused("arm", "{}"), "\"v\" must be 1");
        assert_eq!(refused("arm", r#"{"v":2}"#), "\"v\" must be 1");
        assert_eq!(refused("arm", "[1]"), "not a JSON object");
        assert!(refused("arm", "{").starts_with("not JSON: "));
        assert!(
            refused("arm", &format!(r#"{{"v":1,"id":"{}"}}"#, "x".repeat(81))).contains("1 to 80 characters")
        );
        assert!(refused("arm", r#"{"v":1,"by":"a\nb"}"#).contains("on one line"));
        assert!(refused("arm", r#"{"v":1,"expires":"soon"}"#).contains("2026-11-26T20:00:00Z"));
        assert!(refused("reboot", r#"{"v":1}"#).starts_with("no such command"));
        assert!(refused("threshold", r#"{"v":1}"#).contains("\"bear\""));
        assert!(refused("log", r#"{"v":1,"level":"loud","for_s":1}"#).contains("error, warn"));
        assert!(refused("ack", r#"{"v":1,"verdict":"bear"}"#).contains("id of an alert"));
        assert!(refused("ack", r#"{"v":1,"alert":"b1-1","verdict":"wolf"}"#).contains("not-bear or unsure"));
        assert!(refused("model", r#"{"v":1,"do":"burn"}"#).contains("shadow, wait, promote"));
        assert!(refused("model", r#"{"v":1,"do":"promote","bundle":"AB"}"#).contains("64 hexadecimal"));
        for length in ["", r#","for_s":0"#, r#","for_s":-1"#, r#","for_s":1e99"#, r#","for_s":"ever""#] {
            assert!(refused("disarm", &format!(r#"{{"v":1{length}}}"#)).contains("for_s"), "{length}");
        }
        assert_eq!(refused("arm", &" ".repeat(5000)), "larger than 4096 bytes");
        assert!(refused("arm", &"[".repeat(4000)).starts_with("not JSON"));
    }

    proptest::proptest! {
        #[test]
        fn junk_is_refused_and_never_breaks_anything(word in ".{0,20}", payload in proptest::collection::vec(0u8.., 0..300)) {
            proptest::prop_assert!(read(&word, &payload).is_err());
            labels(&payload);
        }

        /// Whatever is done to one byte of a command, nothing comes out that does not stand in it.
        #[test]
        fn a_command_with_one_byte_changed_is_read_as_it_stands_or_refused(at in 0usize..40, byte in 0u8..) {
            let mut payload = br#"{"v":1,"for_s":3600,"id":"7","by":"anna"}"#.to_vec();
            payload[at] = byte;
            if let Ok(command) = read("disarm", &payload) {
                let fields: Value = serde_json::from_slice(&payload).unwrap();
                proptest::prop_assert_eq!(&command.action, &Action::Disarm(fields["for_s"].as_u64().unwrap()));
                proptest::prop_assert_eq!(fields["v"].as_u64(), Some(1));
                proptest::prop_assert_eq!(command.by.as_deref(), fields["by"].as_str());
            }
        }
    }

    #[test]
    fn the_answer_to_junk_bears_what_it_said_of_itself() {
        let labels = labels(br#"{"v":9,"id":"7","by":"anna","x":[]}"#);
        assert_eq!((labels.id.as_deref(), labels.by.as_deref()), (Some("7"), Some("anna")));
        assert_eq!(super::labels(b"\xff"), Labels::default());
    }
}
