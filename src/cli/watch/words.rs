//! What the desk says: one line for people a notice, in local time.

use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::desk::{Notice, RollCall};
use super::ledger::{Finding, Sums};
use crate::cli::say::{Paint, plain};
use crate::perceive::observation::Severity;
use crate::publish::message::{AlertMessage, Kind, State, StatusMessage, parse_rfc3339};
use crate::publish::reply::{AckMessage, AnswerMessage, Verdict};

/// Characters of a stranger's word, and of a stranger's sentence.
const WORD: usize = 24;
const SENTENCE: usize = 300;
/// Width of the column of cameras.
const PLACE: usize = 20;

/// Puts notices into words.
pub struct Words {
    paint: Paint,
    zone: TimeZone,
}

impl Words {
    /// In this machine's time zone.
    pub fn new(paint: Paint) -> Words {
        Words { paint, zone: TimeZone::system() }
    }

    /// "UTC+01:00", for the greeting.
    pub fn zone(&self, unix_ms: i64) -> String {
        let seconds = Timestamp::from_millisecond(unix_ms).map_or(0, |at| self.zone.to_offset(at).seconds());
        let minutes = seconds.unsigned_abs() / 60;
        let sign = if seconds < 0 { '-' } else { '+' };
        if minutes == 0 { "UTC".into() } else { format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60) }
    }

    /// A line that begins with the time and the place.
    pub fn line(&self, unix_ms: i64, place: &str, text: &str) -> String {
        format!("{}  {place:<PLACE$}  {text}", self.time(unix_ms, "%H:%M:%S"))
    }

    /// What a notice says, and where it belongs.
    pub fn notice(&self, notice: &Notice, unix_ms: i64) -> String {
        let (place, text) = match notice {
            Notice::Alert { place, message, .. } => (place.as_str(), self.alert(message, unix_ms)),
            Notice::Status { place, message, retained } => (place.as_str(), self.status(message, *retained)),
            Notice::Answer { place, message } => (place.as_str(), self.answer(message)),
            Notice::Ack { place, message } => (place.as_str(), self.ack(message)),
            Notice::Silent { place, time } => (place.as_str(), self.silent(*time)),
            Notice::Back { place, time } => {
                (place.as_str(), self.paint.good(&format!("heard again after {}", span(*time))))
            }
            other => ("desk", self.desk(other)),
        };
        self.line(unix_ms, place, &text)
    }

    fn desk(&self, notice: &Notice) -> String {
        match notice {
            Notice::Connected { again: false } => self.paint.good("connected"),
            Notice::Connected { again: true } => {
                self.paint.good("connected again")
                    + "; alerts sent meanwhile follow, as far as the broker kept them"
            }
            Notice::Lost { why, .. } => {
                self.paint.bad("NOT CONNECTED: nothing is heard")
                    + &format!("; {}; trying again", plain(why, SENTENCE))
            }
            Notice::Unreadable { topic, reason, count } => {
                let times = if *count > 1 { format!(" ({count} so far)") } else { String::new() };
                let text =
                    format!("unreadable message on {}: {}", plain(topic, SENTENCE), plain(reason, SENTENCE));
                self.paint.warn(&(text + &times))
            }
            Notice::Nobody { time } => self.paint.bad(&format!(
                "no camera heard for {}: nobody is watching, or the broker does not let us read its topics",
                span(*time)
            )),
            Notice::RollCall(call) => self.roll_call(call),
            _ => String::new(),
        }
    }

    fn alert(&self, alert: &AlertMessage, now_ms: i64) -> String {
        let mut parts = vec![format!("score {:.2}", alert.score), plain(&alert.regime, WORD)];
        parts.push(format!("{} ms", alert.latency_ms));
        if let Some(escalation) = &alert.escalation {
            let (level, time) =
                (plain(&escalation.level, WORD), span(Duration::from_secs(escalation.after_s)));
            parts.push(self.paint.alarm(&format!("NOBODY HAS ACKNOWLEDGED IT after {time}: to {level}")));
        }
        if alert.severity == Severity::High.name() {
            parts.push(self.paint.alarm("NEAR PEOPLE"));
        }
        if alert.is_for_reviewers() {
            parts.push(self.paint.faint("for reviewers, nobody is called"));
        }
        if alert.is_quiet() {
            parts.push(self.paint.faint("quiet hours"));
        }
        if alert.envelope.late {
            parts.push(self.paint.warn(&self.late(&alert.captured, now_ms)));
        }
        if !alert.envelope.clock_synced && alert.envelope.late {
            parts.push("by a clock that is not set".into());
        }
        if alert.simulated && !alert.drill {
            parts.push(self.paint.warn("SIMULATION"));
        }
        let what = if alert.drill { "DRILL, NO BEAR".into() } else { alert.class.name().to_uppercase() };
        let head = format!("{what} {:<7}", plain(&alert.state, WORD));
        let head = match alert.state.as_str() {
            _ if alert.drill => self.paint.warn(&head),
            _ if alert.is_quiet() || alert.is_for_reviewers() => head,
            "opened" => self.paint.alarm(&head),
            "updated" => self.paint.bad(&head),
            _ => head,
        };
        format!("{head}  {}", parts.join(" · "))
    }

    /// "LATE: taken 2026-11-24 23:10:02, 3 h 4 min ago".
    fn late(&self, captured: &str, now_ms: i64) -> String {
        let Some(at) = parse_rfc3339(captured).and_then(|at| at.duration_since(UNIX_EPOCH).ok()) else {
            return "LATE: taken nobody knows when".into();
        };
        let at_ms = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
        let ago = Duration::from_millis(now_ms.saturating_sub(at_ms).max(0).unsigned_abs());
        format!("LATE: taken {}, {} ago", self.time(at_ms, "%Y-%m-%d %H:%M:%S"), span(ago))
    }

    fn status(&self, status: &StatusMessage, retained: bool) -> String {
        let word = match status.state {
            State::Online => self.paint.good("online"),
            State::Degraded => self.paint.bad("DEGRADED"),
            State::Offline => self.paint.bad("OFFLINE"),
        };
        let reason = plain(&status.reason, SENTENCE);
        let reason = if reason.is_empty() { reason } else { format!(": {reason}") };
        let since =
            match parse_rfc3339(&status.envelope.time).and_then(|at| at.duration_since(UNIX_EPOCH).ok()) {
                Some(at) if retained => {
                    let at_ms = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
                    self.paint.faint(&format!(" (so since {})", self.time(at_ms, "%Y-%m-%d %H:%M:%S")))
                }
                _ => String::new(),
            };
        format!("{word}{reason}{since}")
    }

    fn ack(&self, ack: &AckMessage) -> String {
        let waited = ack.waited_s.and_then(|s| Duration::try_from_secs_f64(s).ok());
        let after = waited.map_or(String::new(), |time| format!(" after {}", span(time)));
        let note = ack.note.as_deref().map_or(String::new(), |note| format!(" ({})", plain(note, SENTENCE)));
        let (alert, by, verdict) = (plain(&ack.alert, SENTENCE), plain(&ack.by, WORD), ack.verdict.name());
        self.paint.good(&format!("acknowledged by {by}{after}: {verdict}")) + &format!("{note}  {alert}")
    }

    /// Not of much weight: who gave the command has the answer, everybody else knows that it was given.
    fn answer(&self, answer: &AnswerMessage) -> String {
        let (command, by) = (plain(&answer.command, WORD), plain(&answer.by, WORD));
        let proof = if answer.signed { "" } else { ", unsigned" };
        let text = format!(
            "command {command} by {by}{proof}: {}: {}",
            answer.verdict.name(),
            plain(&answer.reason, SENTENCE)
        );
        if answer.verdict == Verdict::Refused { self.paint.warn(&text) } else { text }
    }

    fn silent(&self, time: Duration) -> String {
        self.paint.bad(&format!("SILENT for {}", span(time)))
            + "; no alert from there does not mean that all is quiet"
    }

    fn roll_call(&self, call: &RollCall) -> String {
        let lists = [
            ("watching", &call.watching),
            ("DEGRADED", &call.degraded),
            ("SILENT", &call.silent),
            ("OFFLINE", &call.offline),
        ];
        let told = lists.iter().filter(|(_, places)| !places.is_empty());
        let told: Vec<String> =
            told.map(|(word, places)| format!("{} {word}: {}", places.len(), places.join(", "))).collect();
        let told = if told.is_empty() { "no camera is known".into() } else { told.join("; ") };
        let deaf = if call.connected { "" } else { " (NOT CONNECTED: as last heard)" };
        let all_well =
            call.connected && [&call.degraded, &call.silent, &call.offline].iter().all(|l| l.is_empty());
        let text = format!("roll call: {told}{deaf}");
        if all_well { self.paint.faint(&text) } else { self.paint.warn(&text) }
    }

    /// What a sequence number told.
    pub fn finding(&self, finding: Finding, kind: Kind) -> String {
        let name = kind.name();
        match finding {
            Finding::Gap { first, last } if first == last => {
                self.paint.warn(&format!("MISSING: {name} number {first}"))
            }
            Finding::Gap { first, last } => {
                self.paint.warn(&format!("MISSING: {name} numbers {first} to {last}"))
            }
            Finding::Filled { first, last } if first == last => {
                format!("{name} number {first}, missing before, has come after all")
            }
            Finding::Filled { first, last } => {
                format!("{name} numbers {first} to {last}, missing before, have all come after all")
            }
            Finding::Doubled(number) => format!("{name} number {number} came again"),
        }
    }

    /// The last word on sequence numbers.
    pub fn sums(&self, sums: Sums) -> String {
        let Sums { heard, missing, missing_telemetry, doubled } = sums;
        let rest = format!(
            "{missing_telemetry} telemetry messages (sent once, kept nowhere) missing, {doubled} messages came twice"
        );
        match missing {
            0 => self.paint.good(&format!("nothing is missing of {heard} numbered messages")) + "; " + &rest,
            _ => self.paint.bad(&format!("{missing} alerts or pictures are MISSING")) + "; " + &rest,
        }
    }

    fn time(&self, unix_ms: i64, format: &str) -> String {
        let at = Timestamp::from_millisecond(unix_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        at.to_zoned_datetime(self.zone.clone()).strftime(format).to_string()
    }
}

/// "45 s", "12 min", "3 h 4 min", "2 days".
pub fn span(time: Duration) -> String {
    match time.as_secs() {
        s @ 0..120 => format!("{s} s"),
        s @ 120..7200 => format!("{} min", s / 60),
        s @ 7200..172_800 => format!("{} h {} min", s / 3600, s / 60 % 60),
        s => format!("{} days", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_words_that_people_use() {
        let told = [0, 119, 120, 7199, 11_040, 172_800].map(|s| span(Duration::from_secs(s)));
        assert_eq!(told, ["0 s", "119 s", "2 min", "119 min", "3 h 4 min", "2 days"]);
    }

    #[test]
    fn an_old_alert_says_when_it_was_taken() {
        let words = Words { paint: Paint::of_stdout(), zone: TimeZone::UTC };
        let now_ms = 1_795_578_847_000; // 2026-11-25T03:54:07Z
        assert_eq!(words.time(now_ms, "%Y-%m-%d %H:%M:%S"), "2026-11-25 03:54:07");
        let told = words.late("2026-11-25T00:50:07.000Z", now_ms);
        assert_eq!(told, "LATE: taken 2026-11-25 00:50:07, 3 h 4 min ago");
        assert_eq!(words.late("yesterday", now_ms), "LATE: taken nobody knows when");
    }
}
