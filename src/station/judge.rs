//! What is believed of a message, before it is stored. PURE: told the message and the time, answers with an entry or with why there is none.
//!
//! An alert is never refused for its time: a camera whose clock is wrong may see a bear all the same. Its time is then not believed.

use std::time::{Duration, UNIX_EPOCH};

use crate::publish::Message;
use crate::publish::incoming::{self, Body, Received};
use crate::publish::message::{AlertMessage, Envelope, parse_rfc3339};
use crate::publish::settings::Site;

/// A time so far ahead of ours cannot be true.
const AHEAD_MS: i64 = 120_000;
/// What was taken so long before it is heard is history, whatever the camera says of it.
const LATE_MS: i64 = 120_000;
/// Largest JSON message. An alert takes one kilobyte, telemetry three.
const MOST_JSON: usize = 64 * 1024;
/// Largest picture.
const MOST_JPEG: usize = 4 * 1024 * 1024;
/// Longest id, or word for a state.
const MOST_WORD: usize = 80;
/// What is kept of a refused message's beginning, characters.
const BEGINNING: usize = 120;
/// Longest topic that is kept of a refused message, characters.
const TOPIC: usize = 160;

/// A message that is believed.
#[derive(Clone, Debug)]
pub struct Entry {
    /// By its topic.
    pub site: Site,
    /// When it came in, milliseconds since 1970 by our clock.
    pub heard_ms: i64,
    /// The broker had kept it.
    pub retained: bool,
    /// It speaks of the past.
    pub late: bool,
    /// When its frame was taken, by the camera's clock; `None` where it has no such time.
    pub captured_ms: Option<i64>,
    /// What that time is worth.
    pub clock: Worth,
    /// What it says.
    pub body: Body,
    /// As it came; empty for pictures.
    pub text: String,
}

/// What a camera's time is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// Its clock is synchronised, and agrees with ours.
    Set,
    /// Its clock is not synchronised.
    Unset,
    /// It says that it is, and is ahead of ours.
    Ahead,
}

impl Worth {
    /// The name in the database and on the page.
    pub fn name(self) -> &'static str {
        match self {
            Worth::Set => "set",
            Worth::Unset => "unset",
            Worth::Ahead => "ahead",
        }
    }
}

/// A message that is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Where it came in.
    pub topic: String,
    /// Why.
    pub reason: String,
    /// Its size.
    pub bytes: usize,
    /// How it began; what is no text is replaced.
    pub beginning: String,
    /// When it came in, milliseconds since 1970.
    pub heard_ms: i64,
}

impl Refusal {
    fn of(message: &Message, reason: &str, heard_ms: i64) -> Refusal {
        let shown = &message.payload[..message.payload.len().min(4 * BEGINNING)];
        Refusal {
            topic: message.topic.chars().take(TOPIC).collect(),
            reason: reason.into(),
            bytes: message.payload.len(),
            beginning: String::from_utf8_lossy(shown).chars().take(BEGINNING).collect(),
            heard_ms,
        }
    }
}

/// Reads a message that came in at `now_ms`.
pub fn judge(message: Message, now_ms: i64) -> Result<Entry, Box<Refusal>> {
    // Of a picture nothing is shown but its size.
    let shown = Refusal::of(&message, "", now_ms);
    let refused = |reason: String| Box::new(Refusal { reason, ..shown });
    match size(&message).map_or_else(|| incoming::read(message), Err) {
        Err(reason) => Err(refused(reason)),
        Ok(received) => match objection(&received) {
            Some(reason) => Err(refused(reason)),
            None => Ok(entry(received, now_ms)),
        },
    }
}

/// Whether it is too large.
fn size(message: &Message) -> Option<String> {
    let most = if message.topic.ends_with("/snapshot") { MOST_JPEG } else { MOST_JSON };
    (message.payload.len() > most)
        .then(|| format!("is larger than any camera's: {most} bytes are allowed here"))
}

/// Why a message of the right form is not believed.
fn objection(received: &Received) -> Option<String> {
    if received.retained && !matches!(received.body, Body::Status(_) | Body::State(_) | Body::Models(_)) {
        return Some(
            "the broker had kept it, and cameras ask for that with status, state and models alone: a replay"
                .into(),
        );
    }
    let words: Vec<&str> = match &received.body {
        Body::Alert(alert) => return alert_objection(alert),
        Body::Snapshot(picture) => vec![&picture.alert, &picture.captured, &picture.boot.0],
        Body::Ack(ack) => vec![&ack.alert, &ack.by, &ack.envelope.boot.0],
        other => other.envelope().map(|envelope| envelope.boot.0.as_str()).into_iter().collect(),
    };
    too_long(&words)
}

fn alert_objection(alert: &AlertMessage) -> Option<String> {
    if !["opened", "updated", "closed"].contains(&alert.state.as_str()) {
        return Some("its state is none of opened, updated, closed".into());
    }
    if !["", "low", "normal", "high"].contains(&alert.severity.as_str()) {
        return Some("its severity is none of low, normal, high".into());
    }
    if !(0.0..=1.0).contains(&alert.score) {
        return Some("its score is not between 0 and 1".into());
    }
    let level = alert.escalation.as_ref().map(|escalation| escalation.level.as_str());
    let words = [alert.id.as_str(), &alert.regime, &alert.envelope.boot.0, level.unwrap_or_default()];
    if alert.id.is_empty() { Some("it has no id".into()) } else { too_long(&words) }
}

fn too_long(words: &[&str]) -> Option<String> {
    let long = words.iter().any(|word| word.len() > MOST_WORD);
    long.then(|| format!("an id or a word in it is longer than {MOST_WORD} bytes"))
}

fn entry(received: Received, heard_ms: i64) -> Entry {
    let Received { site, retained, body, json } = received;
    let captured_ms = captured(&body).and_then(unix_ms);
    let clock = worth(body.envelope(), captured_ms, heard_ms);
    let old = clock == Worth::Set && captured_ms.is_some_and(|ms| heard_ms - ms > LATE_MS);
    let late = old || is_late(&body);
    let text = if json.is_null() { String::new() } else { json.to_string() };
    Entry { site, heard_ms, retained, late, captured_ms, clock, body, text }
}

fn captured(body: &Body) -> Option<&str> {
    match body {
        Body::Alert(alert) => Some(&alert.captured),
        Body::Snapshot(picture) => Some(&picture.captured),
        _ => None,
    }
}

/// Pictures do not say whether the clock was synchronised.
fn worth(envelope: Option<&Envelope>, captured_ms: Option<i64>, heard_ms: i64) -> Worth {
    match captured_ms {
        _ if envelope.is_some_and(|envelope| !envelope.clock_synced) => Worth::Unset,
        Some(ms) if ms - heard_ms > AHEAD_MS => Worth::Ahead,
        _ => Worth::Set,
    }
}

fn is_late(body: &Body) -> bool {
    match body {
        Body::Snapshot(picture) => picture.late,
        other => other.envelope().is_some_and(|envelope| envelope.late),
    }
}

/// Milliseconds since 1970 of a time on the wire; `None` where it is none.
pub fn unix_ms(time: &str) -> Option<i64> {
    let since: Duration = parse_rfc3339(time)?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
