//! Who has heard of an alert? One that nobody acknowledges climbs a ladder of levels. PURE: told what was sent and how much time has
//! passed, answers with what is due.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::message::{AlertMessage, Escalation};

/// Alerts that wait for somebody; beyond this the oldest is given up.
const MOST_WAITING: usize = 500;
/// Acknowledged ones that are remembered, so that a verdict can be corrected.
const MOST_ACKNOWLEDGED: usize = 500;

/// A step of the ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Time since the alert was told, seconds.
    pub after_s: u64,
    /// Whom it reaches: `[a-z0-9-]{1,40}`, the last level of a topic.
    pub level: String,
}

/// An alert that nobody has acknowledged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Waiting {
    /// Its newest step.
    message: AlertMessage,
    /// Time in which somebody could have acknowledged it, milliseconds.
    waited_ms: u64,
    /// Steps of the ladder that are behind it.
    climbed: usize,
}

/// What must outlive a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Memory {
    waiting: VecDeque<Waiting>,
    /// Ids.
    acknowledged: VecDeque<String>,
}

/// The ladder, and the alerts on it.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    rungs: Vec<Rung>,
    memory: Memory,
}

impl Ladder {
    /// With the alerts of an earlier life; the error says why they cannot be read.
    pub fn restored(rungs: Vec<Rung>, text: &[u8]) -> Result<Ladder, serde_json::Error> {
        Ok(Ladder { rungs, memory: serde_json::from_slice(text)? })
    }

    /// With no alert on it.
    pub fn new(rungs: Vec<Rung>) -> Ladder {
        Ladder { rungs, memory: Memory::default() }
    }

    /// Whether anybody is asked to acknowledge.
    pub fn is_used(&self) -> bool {
        !self.rungs.is_empty()
    }

    /// What must outlive a restart.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(&self.memory).unwrap_or_default()
    }

    /// A step of an alert is told. Gives whether there is something to write down. An exercise waits for a ranger, too, and climbs nowhere.
    pub fn told(&mut self, message: &AlertMessage) -> bool {
        if !self.is_used() {
            return false;
        }
        if let Some(waiting) = self.memory.waiting.iter_mut().find(|w| w.message.id == message.id) {
            let changed = waiting.message.state != message.state;
            waiting.message = message.clone();
            return changed;
        }
        if self.memory.acknowledged.contains(&message.id) {
            return false;
        }
        if self.memory.waiting.len() >= MOST_WAITING {
            let given_up = self.memory.waiting.pop_front();
            let id = given_up.map_or(String::new(), |waiting| waiting.message.id);
            tracing::error!("more than {MOST_WAITING} alerts wait for somebody; {id} is given up");
        }
        let climbed = if message.drill { self.rungs.len() } else { 0 };
        self.memory.waiting.push_back(Waiting { message: message.clone(), waited_ms: 0, climbed });
        true
    }

    /// Time has passed in which somebody could have acknowledged. Gives what is due: each alert with the rung that it has reached.
    pub fn wait(&mut self, time: Duration) -> Vec<AlertMessage> {
        let mut due = Vec::new();
        for waiting in &mut self.memory.waiting {
            waiting.waited_ms += time.as_millis() as u64;
            while let Some(rung) = self.rungs.get(waiting.climbed)
                && waiting.waited_ms >= rung.after_s * 1000
            {
                waiting.climbed += 1;
                let escalation = Escalation {
                    level: rung.level.clone(),
                    step: waiting.climbed,
                    of: self.rungs.len(),
                    after_s: rung.after_s,
                };
                due.push(AlertMessage { escalation: Some(escalation), ..waiting.message.clone() });
            }
        }
        due
    }

    /// Whether somebody may acknowledge this one.
    pub fn knows(&self, alert: &str) -> bool {
        let waits = self.memory.waiting.iter().any(|waiting| waiting.message.id == alert);
        waits || self.memory.acknowledged.iter().any(|id| id == alert)
    }

    /// Somebody has heard of it. Gives how long that took, milliseconds; `None` where it was acknowledged before.
    pub fn acknowledge(&mut self, alert: &str) -> Option<u64> {
        let at = self.memory.waiting.iter().position(|waiting| waiting.message.id == alert)?;
        let waiting = self.memory.waiting.remove(at)?;
        if self.memory.acknowledged.len() >= MOST_ACKNOWLEDGED {
            self.memory.acknowledged.pop_front();
        }
        self.memory.acknowledged.push_back(waiting.message.id);
        Some(waiting.waited_ms)
    }
}

#[cfg(test)]
#[path = "ladder_tests.rs"]
mod tests;
