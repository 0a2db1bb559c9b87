//! What a desk knows of its cameras, and what of that is worth a line. PURE: told what was heard and when, answers with notices.
//!
//! Silence is never taken for all quiet: a camera that is not heard is named, so is a desk without a connection, and a roll call now
//! and then says who is watching, so that a quiet desk can be told from a dead one.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::alerts::{Alerts, Waiting};
use crate::publish::message::{AlertMessage, BootId, State, StatusMessage};
use crate::publish::reply::{AckMessage, AnswerMessage};
use crate::publish::settings::Site;
use crate::publish::subscriber::{Body, Heard, Received};

/// A quiet desk says so this often.
const ROLL_CALL: Duration = Duration::from_secs(600);
/// Telemetry that is missing so many times in a row is silence.
const MISSED: f64 = 3.5;
/// Longest interval of telemetry that a configuration allows.
const LONGEST: Duration = Duration::from_secs(86_400);
/// Topics whose unreadable messages are counted one by one; what strangers invent beyond that is not remembered.
const TOPICS: usize = 1000;
/// Something worth a line.
#[derive(Clone, Debug)]
pub enum Notice {
    /// Listening; `again` after a broken connection.
    Connected {
        /// Whether it was lost before.
        again: bool,
    },
    /// Not listening: what happens at the cameras now is not heard.
    Lost {
        /// What happened and what to do.
        why: String,
        /// Somebody has to act.
        refused: bool,
    },
    /// A step of an alert.
    Alert {
        /// "site/camera".
        place: String,
        /// The step.
        message: Box<AlertMessage>,
        /// Whether it is news, or nobody has acknowledged it in time.
        first: bool,
    },
    /// A camera is otherwise than before.
    Status {
        /// "site/camera".
        place: String,
        /// How it is.
        message: StatusMessage,
        /// As the broker remembers it.
        retained: bool,
    },
    /// What became of a command that somebody gave a camera.
    Answer {
        /// "site/camera".
        place: String,
        /// What became of it.
        message: Box<AnswerMessage>,
    },
    /// Somebody has acknowledged an alert.
    Ack {
        /// "site/camera".
        place: String,
        /// Who, and what it was.
        message: Box<AckMessage>,
    },
    /// A message that is not of the contract; told at the 1st, 10th, 100th … of a topic.
    Unreadable {
        /// Where it came in.
        topic: String,
        /// What is wrong.
        reason: String,
        /// How many there were.
        count: u64,
    },
    /// A camera that should be heard is not.
    Silent {
        /// "site/camera".
        place: String,
        /// For how long.
        time: Duration,
    },
    /// It is heard again.
    Back {
        /// "site/camera".
        place: String,
        /// How long it was silent.
        time: Duration,
    },
    /// Nobody at all is heard.
    Nobody {
        /// For how long.
        time: Duration,
    },
    /// Who watches and who does not.
    RollCall(RollCall),
}

/// Every camera under the heading that it belongs to; names in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct RollCall {
    /// Whether the desk hears anything at all.
    pub connected: bool,
    /// Heard, and well.
    pub watching: Vec<String>,
    /// Heard, but something does not work.
    pub degraded: Vec<String>,
    /// Not heard.
    pub silent: Vec<String>,
    /// Gone, and told so.
    pub offline: Vec<String>,
}

#[derive(Debug)]
struct Camera {
    state: Option<State>,
    reason: String,
    boot: Option<BootId>,
    /// Last sign of life; of a camera that is only known from what the broker kept, when we came to know it.
    heard_at: Duration,
    silent: bool,
    /// Its telemetry comes this often.
    every: Duration,
}

/// The desk.
#[derive(Debug)]
pub struct Desk {
    silence: Duration,
    cameras: BTreeMap<String, Camera>,
    alerts: Alerts,
    unreadable: HashMap<String, u64>,
    connected_at: Option<Duration>,
    was_connected: bool,
    lost: Option<String>,
    nobody_told: bool,
    called_at: Duration,
}

/// "site/camera".
pub fn place(site: &Site) -> String {
    format!("{}/{}", site.name, site.camera)
}

impl Desk {
    /// A camera that is not heard for `silence`, or for 3.5 times its own telemetry's interval, is silent.
    pub fn new(silence: Duration) -> Desk {
        Desk {
            silence,
            cameras: BTreeMap::new(),
            alerts: Alerts::default(),
            unreadable: HashMap::new(),
            connected_at: None,
            was_connected: false,
            lost: None,
            nobody_told: false,
            called_at: Duration::ZERO,
        }
    }

    /// How many cameras are known.
    pub fn cameras(&self) -> usize {
        self.cameras.len()
    }

    /// Whether the broker ever let us listen.
    pub fn was_connected(&self) -> bool {
        self.was_connected
    }

    /// Since when we have been listening without a break.
    pub fn connected_at(&self) -> Option<Duration> {
        self.connected_at
    }

    /// Takes in what was heard at `now`.
    pub fn hear(&mut self, heard: &Heard, now: Duration) -> Vec<Notice> {
        match heard {
            Heard::Connected => vec![self.connected(now)],
            Heard::Lost { why, refused } => self.lost(why, *refused).into_iter().collect(),
            Heard::Unreadable { topic, reason } => self.unreadable(topic, reason).into_iter().collect(),
            Heard::Message(received) => self.message(received, now),
            // The desk sends nothing that it would have to be told of.
            Heard::Refused { .. } => Vec::new(),
        }
    }

    /// Looks around: who is not heard any more, and is it time for a roll call?
    pub fn look(&mut self, now: Duration) -> Vec<Notice> {
        let mut notices = self.silences(now);
        if now.saturating_sub(self.called_at) >= ROLL_CALL {
            self.called_at = now;
            notices.push(Notice::RollCall(self.roll_call()));
        }
        notices
    }

    /// Who watches and who does not.
    pub fn roll_call(&self) -> RollCall {
        let mut call = RollCall { connected: self.connected_at.is_some(), ..RollCall::default() };
        for (place, camera) in &self.cameras {
            let list = match camera.state {
                Some(State::Offline) => &mut call.offline,
                _ if camera.silent => &mut call.silent,
                Some(State::Degraded) => &mut call.degraded,
                _ => &mut call.watching,
            };
            list.push(place.clone());
        }
        call
    }

    fn connected(&mut self, now: Duration) -> Notice {
        let again = self.was_connected;
        self.connected_at = Some(now);
        self.was_connected = true;
        self.lost = None;
        // While we were deaf nobody could be heard: everybody's time begins anew.
        self.cameras.values_mut().for_each(|camera| camera.heard_at = camera.heard_at.max(now));
        Notice::Connected { again }
    }

    /// Told once, until the reason changes.
    fn lost(&mut self, why: &str, refused: bool) -> Option<Notice> {
        self.connected_at = None;
        if self.lost.as_deref() == Some(why) {
            return None;
        }
        self.lost = Some(why.into());
        Some(Notice::Lost { why: why.into(), refused })
    }

    fn unreadable(&mut self, topic: &str, reason: &str) -> Option<Notice> {
        if self.unreadable.len() >= TOPICS && !self.unreadable.contains_key(topic) {
            return None;
        }
        let count = self.unreadable.entry(topic.into()).or_default();
        *count += 1;
        let told = count.checked_ilog10().is_some_and(|digits| *count == 10u64.pow(digits));
        told.then(|| Notice::Unreadable { topic: topic.into(), reason: reason.into(), count: *count })
    }

    fn message(&mut self, received: &Received, now: Duration) -> Vec<Notice> {
        let place = place(&received.site);
        let camera = self.cameras.entry(place.clone()).or_insert_with(|| Camera::known_at(now));
        let mut notices: Vec<Notice> =
            if received.retained { None } else { camera.lives(now, &place) }.into_iter().collect();
        match &received.body {
            Body::Status(status) => notices.extend(camera.status(status, received.retained, place)),
            // History says nothing of the present.
            Body::Telemetry(telemetry) if telemetry.envelope.late => {}
            Body::Telemetry(telemetry) => {
                camera.boot = Some(telemetry.envelope.boot.clone());
                camera.every =
                    Duration::try_from_secs_f64(telemetry.interval_s).unwrap_or_default().min(LONGEST);
            }
            Body::Alert(alert) => {
                let first = self.alerts.step(alert, &received.site, now);
                notices.push(Notice::Alert { place, message: Box::new(alert.clone()), first });
            }
            Body::Answer(answer) => notices.push(Notice::Answer { place, message: Box::new(answer.clone()) }),
            Body::Ack(ack) => {
                self.alerts.acknowledged(&ack.alert);
                notices.push(Notice::Ack { place, message: Box::new(ack.clone()) });
            }
            Body::Snapshot(_) | Body::State(_) | Body::Models(_) => {}
        }
        notices
    }

    /// The alert whose id ends so, or the newest one, that nobody has acknowledged; and the present life of its camera.
    pub fn unacknowledged(&self, id: Option<&str>) -> Option<(Waiting<'_>, Option<&BootId>)> {
        let waiting = self.alerts.waiting(id)?;
        let camera = self.cameras.get(&place(waiting.site));
        Some((waiting, camera.and_then(|camera| camera.boot.as_ref())))
    }

    fn silences(&mut self, now: Duration) -> Vec<Notice> {
        // Who is deaf cannot say that others are silent.
        let Some(connected_at) = self.connected_at else { return Vec::new() };
        let mut notices = Vec::new();
        for (place, camera) in &mut self.cameras {
            let time = now.saturating_sub(camera.heard_at);
            let limit = self.silence.max(camera.every.mul_f64(MISSED));
            if !camera.silent && camera.state != Some(State::Offline) && time >= limit {
                camera.silent = true;
                notices.push(Notice::Silent { place: place.clone(), time });
            }
        }
        let time = now.saturating_sub(connected_at);
        if self.cameras.is_empty() && !self.nobody_told && time >= self.silence {
            self.nobody_told = true;
            notices.push(Notice::Nobody { time });
        }
        notices
    }
}

impl Camera {
    fn known_at(now: Duration) -> Camera {
        let (state, boot, every) = (None, None, Duration::ZERO);
        Camera { state, reason: String::new(), boot, heard_at: now, silent: false, every }
    }

    /// A sign of life.
    fn lives(&mut self, now: Duration, place: &str) -> Option<Notice> {
        let time = now.saturating_sub(self.heard_at);
        self.heard_at = now;
        std::mem::take(&mut self.silent).then(|| Notice::Back { place: place.into(), time })
    }

    /// Told when it changes.
    fn status(&mut self, status: &StatusMessage, retained: bool, place: String) -> Option<Notice> {
        let boot = &status.envelope.boot;
        let outlived = self.boot.as_ref().is_some_and(|known| known != boot);
        if status.state == State::Offline && outlived && self.state != Some(State::Offline) {
            // The last will of an earlier life: a later one is already up.
            return None;
        }
        self.boot = Some(boot.clone());
        if self.state == Some(status.state) && self.reason == status.reason {
            return None;
        }
        self.state = Some(status.state);
        self.reason.clone_from(&status.reason);
        Some(Notice::Status { place, message: status.clone(), retained })
    }
}

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
