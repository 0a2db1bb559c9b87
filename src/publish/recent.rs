//! The last alerts of this life of the daemon, for whoever stands at the camera: in memory alone, for those who must know have been told.

use std::collections::VecDeque;

use serde::Serialize;

use super::gate::Passage;
use super::message::AlertMessage;
use super::reply::{AckDraft, Judgement};
use crate::perceive::model::Class;

/// Alerts that are remembered; the oldest are forgotten.
const MOST: usize = 12;

/// What became of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It lies on disk until the broker takes it.
    Waits,
    /// The broker has it.
    Heard,
    /// Nobody was told: shadow mode keeps it here.
    Kept,
    /// Nobody was told: the camera is disarmed.
    Dropped,
}

impl From<Passage> for Fate {
    fn from(passage: Passage) -> Fate {
        match passage {
            Passage::Told => Fate::Waits,
            Passage::Kept => Fate::Kept,
            Passage::Dropped => Fate::Dropped,
        }
    }
}

/// An alert as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecentAlert {
    /// Unique for ever.
    pub id: String,
    /// `opened`, `updated` or `closed`.
    pub state: String,
    /// What is alerted on.
    pub class: Class,
    /// `low`, `normal` or `high`.
    pub severity: String,
    /// Best score so far, 0..1.
    pub score: f32,
    /// When the frame was taken that opened it, RFC 3339.
    pub opened: String,
    /// The same, milliseconds since the start of the daemon: no truer clock is needed to say how long ago.
    pub opened_uptime_ms: u64,
    /// An exercise.
    pub drill: bool,
    /// What became of it.
    pub fate: Fate,
    /// What a ranger said of it, and who.
    pub acknowledged: Option<Acknowledged>,
}

/// What a ranger said of an alert.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Acknowledged {
    /// What it was.
    pub verdict: Judgement,
    /// Who says so.
    pub by: String,
}

/// The last alerts, newest first.
#[derive(Debug, Default)]
pub struct Recent(VecDeque<RecentAlert>);

impl Recent {
    /// Takes in a step of an alert.
    pub fn step(&mut self, message: &AlertMessage, fate: Fate) {
        let AlertMessage { id, state, severity, score, .. } = message.clone();
        if let Some(known) = self.find(&id) {
            (known.state, known.severity, known.score) = (state, severity, score);
            // What was heard once is known; what was withheld may be told later.
            if known.fate != Fate::Heard {
                known.fate = fate;
            }
            return;
        }
        let opened_uptime_ms = message.envelope.uptime_ms.saturating_sub(message.latency_ms);
        let (class, opened, drill) = (message.class, message.captured.clone(), message.drill);
        self.0.truncate(MOST - 1);
        self.0.push_front(RecentAlert {
            id,
            state,
            class,
            severity,
            score,
            opened,
            opened_uptime_ms,
            drill,
            fate,
            acknowledged: None,
        });
    }

    /// The broker has a step of it.
    pub fn heard(&mut self, alert: &str) {
        if let Some(known) = self.find(alert) {
            known.fate = Fate::Heard;
        }
    }

    /// Somebody has acknowledged it.
    pub fn acknowledged(&mut self, draft: &AckDraft) {
        if let Some(known) = self.find(&draft.alert) {
            known.acknowledged = Some(Acknowledged { verdict: draft.verdict, by: draft.by.clone() });
        }
    }

    /// All of them, newest first.
    pub fn all(&self) -> Vec<RecentAlert> {
        self.0.iter().cloned().collect()
    }

    fn find(&mut self, alert: &str) -> Option<&mut RecentAlert> {
        self.0.iter_mut().find(|known| known.id == alert)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perceive::frame::Stamp;
    use crate::perceive::geometry::Rect;
    use crate::perceive::observation::{Alert, AlertId, AlertState, Regime, Severity};
    use crate::publish::message::{BootId, Envelope};
    use crate::publish::{AlertDraft, Audience};
    use crate::system::clock::Clock;

    fn message(id: u64, state: AlertState, score: f32) -> AlertMessage {
        let (class, severity, captured) = (Class::Bear, Severity::Normal, Stamp::default());
        let bbox = Rect { x: 0.1, y: 0.1, w: 0.2, h: 0.2 };
        let alert = Alert { id: AlertId(id), state, class, severity, score, evidence: 8.0, bbox, captured };
        let draft = AlertDraft {
            alert,
            regime: Regime::Day,
            frame: (640, 360),
            model: ("m".into(), "00".into()),
            inferred_at_uptime_ms: 0,
            simulated: false,
            drill: false,
            open: 0,
            audience: Audience::default(),
        };
        AlertMessage::new(Envelope::now(Clock::start(), &BootId("b".into()), 0), &draft)
    }

    #[test]
    fn an_alert_is_followed_and_the_oldest_are_forgotten() {
        let mut recent = Recent::default();
        recent.step(&message(1, AlertState::Opened, 0.5), Fate::Waits);
        recent.heard("b-1");
        recent.step(&message(1, AlertState::Closed, 0.8), Fate::Waits);
        let draft = AckDraft {
            alert: "b-1".into(),
            verdict: Judgement::NotBear,
            by: "anna".into(),
            signed: true,
            note: None,
        };
        recent.acknowledged(&draft);
        let first = recent.all().remove(0);
        assert_eq!((first.state.as_str(), first.score, first.fate), ("closed", 0.8, Fate::Heard));
        assert_eq!(first.acknowledged.unwrap().by, "anna");
        (2..40).for_each(|id| recent.step(&message(id, AlertState::Opened, 0.5), Fate::Dropped));
        recent.heard("b-1");
        let ids: Vec<String> = recent.all().into_iter().map(|alert| alert.id).collect();
        assert_eq!((ids.len(), ids[0].as_str(), ids[11].as_str()), (MOST, "b-39", "b-28"));
    }
}
