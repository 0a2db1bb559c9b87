//! What is known of an alert from its steps. PURE.
//!
//! Steps come in any order: after a time without connection the newest goes before what waited longer. So nothing here depends on the order but the
//! first hearing.

use super::judge::{Entry, Worth};
use crate::publish::Audience;
use crate::publish::message::{AlertMessage, Escalation};

/// States in the order of an alert's life.
const STATES: [&str; 3] = ["opened", "updated", "closed"];
/// From what wakes nobody to what wakes everybody.
const SEVERITIES: [&str; 3] = ["low", "normal", "high"];

/// An alert, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Unique for ever.
    pub id: String,
    /// When it was first heard of, and last, milliseconds since 1970 by our clock.
    pub heard_ms: i64,
    /// When it was last heard of.
    pub changed_ms: i64,
    /// When the first frame that told of it was taken, by the camera's clock.
    pub captured_ms: Option<i64>,
    /// What that is worth.
    pub clock: String,
    /// `opened`, `updated`, `closed`.
    pub state: String,
    /// What was seen.
    pub class: String,
    /// The worst that it was.
    pub severity: String,
    /// The best that it was, 0..1.
    pub score: f64,
    /// The light.
    pub regime: String,
    /// From the frame to the decision, milliseconds, of the first step.
    pub latency_ms: i64,
    /// It was history when it was first heard of.
    pub late: bool,
    /// An exercise.
    pub drill: bool,
    /// The simulator drew it.
    pub simulated: bool,
    /// Whom it is for: everybody, once a step of it was.
    pub audience: Audience,
    /// The highest step of the ladder that it has reached.
    pub escalation: Option<Escalation>,
}

/// What a step tells that was not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// It is told for the first time, or aloud for the first time, or more severely, or to further people: worth a bell.
    pub rings: bool,
}

impl Alert {
    /// From its first step that is heard.
    pub fn new(message: &AlertMessage, entry: &Entry) -> Alert {
        Alert {
            id: message.id.clone(),
            heard_ms: entry.heard_ms,
            changed_ms: entry.heard_ms,
            captured_ms: entry.captured_ms,
            clock: entry.clock.name().into(),
            state: message.state.clone(),
            class: message.class.name().into(),
            severity: severity(message).into(),
            score: f64::from(message.score),
            regime: message.regime.clone(),
            latency_ms: i64::try_from(message.latency_ms).unwrap_or(i64::MAX),
            late: entry.late,
            drill: message.drill,
            simulated: message.simulated,
            audience: message.audience,
            escalation: message.escalation.clone(),
        }
    }

    /// Takes in a further step.
    pub fn step(&mut self, message: &AlertMessage, entry: &Entry) -> News {
        let severity = severity(message);
        let worse = rank(&SEVERITIES, severity) > rank(&SEVERITIES, &self.severity);
        if worse {
            self.severity = severity.into();
        }
        if rank(&STATES, &message.state) > rank(&STATES, &self.state) {
            self.state.clone_from(&message.state);
        }
        let wider = message.audience > self.audience;
        self.audience = self.audience.max(message.audience);
        let higher = message.escalation.as_ref().map(|escalation| escalation.step)
            > self.escalation.as_ref().map(|known| known.step);
        if higher {
            self.escalation.clone_from(&message.escalation);
        }
        if let (Some(earlier), Some(known)) = (entry.captured_ms, self.captured_ms)
            && entry.clock == Worth::Set
            && earlier < known
        {
            self.captured_ms = Some(earlier);
        }
        self.score = self.score.max(f64::from(message.score));
        self.changed_ms = entry.heard_ms;
        News { rings: (worse || higher || wider) && self.may_ring() }
    }

    /// Whether anybody on duty is to be called.
    pub fn may_ring(&self) -> bool {
        self.severity != "low" && self.audience.is_everybody()
    }
}

/// An older daemon does not tell.
fn severity(message: &AlertMessage) -> &str {
    if message.severity.is_empty() { "normal" } else { &message.severity }
}

fn rank(order: &[&str], word: &str) -> usize {
    order.iter().position(|known| *known == word).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::publish::Message;
    use crate::publish::incoming::Body;
    use crate::station::judge::judge;

    fn step(seq: u64, state: &str, severity: &str, more: serde_json::Value) -> (AlertMessage, Entry) {
        let mut message = json!({ "v": 1, "boot": "b1", "seq": seq, "uptime_ms": 60_000, "time": "2026-11-25T02:14:07.000Z",
            "clock_synced": true, "late": false, "id": "b1-1", "state": state, "class": "bear", "severity": severity,
            "score": 0.5 + seq as f64 / 100.0, "evidence": 7.5, "bbox": [10.0, 20.0, 30.0, 40.0],
            "frame": { "width": 640, "height": 360 }, "regime": "day", "model": { "name": "m", "sha256": "00" },
            "captured": format!("2026-11-25T02:14:{:02}.000Z", 6 + seq), "latency_ms": 412, "simulated": false, "drill": false, "open": 1 });
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let topic = "bearwatch/v1/creek/north/alert".into();
        let entry =
            judge(Message::json(topic, message.to_string().into_bytes(), Vec::new()), 1_795_572_850_000);
        let entry = entry.unwrap();
        let Body::Alert(alert) = entry.body.clone() else { panic!("no alert") };
        (alert, entry)
    }

    #[test]
    fn an_alert_is_the_same_whatever_the_order_of_its_steps() {
        let escalation =
            json!({ "escalation": { "level": "headquarters", "step": 1, "of": 2, "after_s": 60 } });
        let steps = [
            step(0, "opened", "low", json!({})),
            step(1, "updated", "high", json!({})),
            step(2, "updated", "high", escalation),
            step(3, "closed", "normal", json!({})),
        ];
        let told = |order: [usize; 4]| {
            let (first, entry) = &steps[order[0]];
            let mut alert = Alert::new(first, entry);
            for at in &order[1..] {
                let (message, entry) = &steps[*at];
                alert.step(message, entry);
            }
            (alert.state, alert.severity, alert.score, alert.captured_ms, alert.escalation.map(|e| e.step))
        };
        let forward = told([0, 1, 2, 3]);
        assert_eq!(forward, told([3, 2, 1, 0]));
        assert_eq!(forward, told([2, 0, 3, 1]));
        assert_eq!((forward.0.as_str(), forward.1.as_str(), forward.4), ("closed", "high", Some(1)));
    }

    #[test]
    fn what_reviewers_alone_were_told_rings_once_everybody_is() {
        let reviewers = || json!({ "audience": "reviewers" });
        let (first, entry) = step(0, "opened", "high", reviewers());
        let mut alert = Alert::new(&first, &entry);
        assert!(!alert.may_ring());
        let mut rings = |seq, more| {
            let (message, entry) = step(seq, "updated", "high", more);
            alert.step(&message, &entry).rings
        };
        assert_eq!([rings(1, reviewers()), rings(2, json!({})), rings(3, json!({}))], [false, true, false]);
    }

    #[test]
    fn a_bell_is_for_what_is_worse_than_before() {
        let (first, entry) = step(0, "opened", "low", json!({}));
        let mut alert = Alert::new(&first, &entry);
        let mut rings = |seq, severity: &str| {
            let (message, entry) = step(seq, "updated", severity, json!({}));
            alert.step(&message, &entry).rings
        };
        assert_eq!(
            [rings(1, "low"), rings(2, "normal"), rings(3, "normal"), rings(4, "high")],
            [false, true, false, true]
        );
    }
}
