//! The alerts that a desk knows of: which are news, and which nobody has acknowledged. PURE.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::publish::message::AlertMessage;
use crate::publish::settings::Site;

/// Open alerts that are remembered. Those of daemons that died are never closed; beyond this all are forgotten, and some ring again.
const OPEN: usize = 10_000;
/// Alerts that may be acknowledged from here; the oldest go.
const UNACKNOWLEDGED: usize = 500;

/// What is known of alerts.
#[derive(Debug, Default)]
pub struct Alerts {
    /// Heard of and not closed; those of quiet hours stand here without a bell.
    open: HashMap<String, Told>,
    /// Newest last.
    unacknowledged: VecDeque<Heard>,
    /// Those that need nobody any more, whatever further steps of them come.
    acknowledged: VecDeque<String>,
}

/// How an alert was told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Quietly,
    Aloud,
}

#[derive(Debug)]
struct Heard {
    site: Site,
    alert: String,
    at: Duration,
}

/// An alert that nobody has acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Waiting<'a> {
    /// Whose it is.
    pub site: &'a Site,
    /// Its id.
    pub alert: &'a str,
    /// When it was heard of first.
    pub heard_at: Duration,
    /// Whether there is no other.
    pub is_only: bool,
}

impl Alerts {
    /// Takes in a step; tells whether it is news (also what is told aloud after it was told quietly), or nobody has acknowledged it in time. What is for
    /// reviewers is no news here, until it is told to everybody.
    pub fn step(&mut self, message: &AlertMessage, site: &Site, now: Duration) -> bool {
        if message.is_for_reviewers() {
            return false;
        }
        let closed = message.state == "closed";
        let known = self.acknowledged.contains(&message.id)
            || self.unacknowledged.iter().any(|heard| heard.alert == message.id);
        if !closed && !known {
            let (site, alert) = (site.clone(), message.id.clone());
            self.unacknowledged.push_back(Heard { site, alert, at: now });
        }
        if self.unacknowledged.len() > UNACKNOWLEDGED {
            self.unacknowledged.pop_front();
        }
        if self.open.len() >= OPEN {
            self.open.clear();
        }
        let told = if message.is_quiet() { Told::Quietly } else { Told::Aloud };
        let before = self.open.remove(&message.id);
        if !closed {
            // A message that comes twice does not take back what was told since.
            self.open.insert(message.id.clone(), before.map_or(told, |before| before.max(told)));
        }
        let first = !closed && before.is_none_or(|before| told > before);
        first || message.escalation.is_some()
    }

    /// Somebody has seen it.
    pub fn acknowledged(&mut self, alert: &str) {
        self.unacknowledged.retain(|heard| heard.alert != alert);
        if self.acknowledged.len() >= UNACKNOWLEDGED {
            self.acknowledged.pop_front();
        }
        self.acknowledged.push_back(alert.to_owned());
    }

    /// The alert whose id ends so, or the newest one, that nobody has acknowledged.
    pub fn waiting(&self, id: Option<&str>) -> Option<Waiting<'_>> {
        let wanted = |known: &str| id.is_none_or(|id| known.ends_with(id));
        let Heard { site, alert, at } =
            self.unacknowledged.iter().rev().find(|heard| wanted(&heard.alert))?;
        Some(Waiting { site, alert, heard_at: *at, is_only: self.unacknowledged.len() == 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::message::parse_topic;
    use serde_json::json;

    fn message(id: &str, state: &str) -> AlertMessage {
        let text = json!({ "v": 1, "boot": "b1", "seq": 0, "uptime_ms": 0, "time": "", "clock_synced": true, "late": false,
            "id": id, "state": state, "class": "bear", "score": 0.9, "evidence": 8.0, "bbox": [0, 0, 1, 1],
            "frame": { "width": 640, "height": 360 }, "regime": "day", "model": { "name": "m", "sha256": "00" },
            "captured": "", "latency_ms": 0, "simulated": false, "drill": false });
        serde_json::from_value(text).unwrap()
    }

    fn step(alerts: &mut Alerts, id: &str, state: &str) -> bool {
        let (site, _) = parse_topic("bearwatch/v1/creek/north/alert").unwrap();
        alerts.step(&message(id, state), &site, Duration::ZERO)
    }

    #[test]
    fn the_newest_alert_waits_until_somebody_has_seen_it() {
        let mut alerts = Alerts::default();
        assert!(alerts.waiting(None).is_none());
        assert!(step(&mut alerts, "b1-1", "opened") && step(&mut alerts, "b1-2", "opened"));
        assert!(!step(&mut alerts, "b1-1", "updated"), "no news");
        let newest = alerts.waiting(None).unwrap();
        assert_eq!((newest.alert, newest.is_only), ("b1-2", false));
        assert_eq!(alerts.waiting(Some("-1")).unwrap().alert, "b1-1");
        alerts.acknowledged("b1-2");
        assert!(!step(&mut alerts, "b1-2", "updated"));
        let newest = alerts.waiting(None).unwrap();
        assert_eq!((newest.alert, newest.is_only), ("b1-1", true), "further steps need nobody any more");
        assert!(!step(&mut alerts, "b1-1", "closed"));
        assert!(alerts.waiting(None).is_some(), "closed, and nobody has seen it");
    }
}
