//! Who has heard of an alert? One that nobody acknowledges climbs a ladder of levels. PURE: told what was sent and how much time has
//! passed, answers with what is due.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::message::{AlertMessage, Escalation};

/// Alerts on their way up; beyond this the oldest is given up.
const MOST_WAITING: usize = 100;
/// Those that were acknowledged or have reached the top: a verdict may still be given, or corrected. Few, for all of it is written anew
/// with each change.
const MOST_ENDED: usize = 64;

/// A step of the ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Time since the alert was told, seconds.
    pub after_s: u64,
    /// Whom it reaches: `[a-z0-9-]{1,40}`, the last level of a topic.
    pub level: String,
}

/// An alert on its way up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Waiting {
    /// Its newest step.
    message: AlertMessage,
    /// Time in which somebody could have acknowledged it, milliseconds.
    waited_ms: u64,
    /// Steps of the ladder that are behind it.
    climbed: usize,
}

/// An alert that goes no further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ended {
    id: String,
    waited_ms: u64,
    acknowledged: bool,
}

/// What must outlive a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Memory {
    waiting: VecDeque<Waiting>,
    ended: VecDeque<Ended>,
}

impl Memory {
    fn end(&mut self, id: String, waited_ms: u64, acknowledged: bool) {
        if self.ended.len() >= MOST_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(Ended { id, waited_ms, acknowledged });
    }
}

/// The ladder, and the alerts on it.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    rungs: Vec<Rung>,
    /// Exercises climb, too.
    drills: bool,
    memory: Memory,
}

impl Ladder {
    /// With the alerts of an earlier life; the error says why they cannot be read.
    pub fn restored(rungs: Vec<Rung>, text: &[u8]) -> Result<Ladder, serde_json::Error> {
        Ok(Ladder { rungs, drills: false, memory: serde_json::from_slice(text)? })
    }

    /// With no alert on it.
    pub fn new(rungs: Vec<Rung>) -> Ladder {
        Ladder { rungs, drills: false, memory: Memory::default() }
    }

    /// Whether exercises climb like any alert.
    #[must_use]
    pub fn with_drills(self, drills: bool) -> Ladder {
        Ladder { drills, ..self }
    }

    /// Whether anybody is asked to acknowledge.
    pub fn is_used(&self) -> bool {
        !self.rungs.is_empty()
    }

    /// What must outlive a restart.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(&self.memory).unwrap_or_default()
    }

    /// A step of an alert is told. Gives whether it begins to wait, which is to be written down. An exercise waits for a ranger, too, and
    /// climbs nowhere unless that is wanted.
    pub fn told(&mut self, message: &AlertMessage) -> bool {
        let Memory { waiting, ended } = &mut self.memory;
        if let Some(waiting) = waiting.iter_mut().find(|waiting| waiting.message.id == message.id) {
            waiting.message = message.clone();
            return false;
        }
        if self.rungs.is_empty() || ended.iter().any(|ended| ended.id == message.id) {
            return false;
        }
        if message.drill && !self.drills {
            self.memory.end(message.id.clone(), 0, false);
            return true;
        }
        if waiting.len() >= MOST_WAITING {
            let given_up = waiting.pop_front().map_or(String::new(), |waiting| waiting.message.id);
            tracing::error!("more than {MOST_WAITING} alerts wait for somebody; {given_up} is given up");
        }
        waiting.push_back(Waiting { message: message.clone(), waited_ms: 0, climbed: 0 });
        true
    }

    /// Time has passed in which somebody could have acknowledged. Gives what is due: each alert with the rung that it has reached.
    pub fn wait(&mut self, time: Duration) -> Vec<AlertMessage> {
        let Memory { waiting, ended } = &mut self.memory;
        let passed_ms = time.as_millis() as u64;
        ended.iter_mut().filter(|ended| !ended.acknowledged).for_each(|ended| ended.waited_ms += passed_ms);
        let mut due = Vec::new();
        for waiting in waiting.iter_mut() {
            waiting.waited_ms += passed_ms;
            due.extend(waiting.climb(&self.rungs));
        }
        let (at_top, on_the_way): (Vec<_>, Vec<_>) =
            waiting.drain(..).partition(|waiting| waiting.climbed >= self.rungs.len());
        waiting.extend(on_the_way);
        for Waiting { message, waited_ms, .. } in at_top {
            self.memory.end(message.id, waited_ms, false);
        }
        due
    }

    /// Whether somebody may acknowledge this one.
    pub fn knows(&self, alert: &str) -> bool {
        let Memory { waiting, ended } = &self.memory;
        waiting.iter().any(|waiting| waiting.message.id == alert)
            || ended.iter().any(|ended| ended.id == alert)
    }

    /// Somebody has heard of it. Gives how long that took, milliseconds; `None` where it was acknowledged before.
    pub fn acknowledge(&mut self, alert: &str) -> Option<u64> {
        let Memory { waiting, ended } = &mut self.memory;
        if let Some(at) = waiting.iter().position(|waiting| waiting.message.id == alert) {
            let waited_ms = waiting.remove(at)?.waited_ms;
            self.memory.end(alert.to_owned(), waited_ms, true);
            return Some(waited_ms);
        }
        let ended = ended.iter_mut().find(|ended| ended.id == alert && !ended.acknowledged)?;
        ended.acknowledged = true;
        Some(ended.waited_ms)
    }
}

impl Waiting {
    /// The rungs that it has reached since it was last looked at.
    fn climb(&mut self, rungs: &[Rung]) -> Vec<AlertMessage> {
        let mut due = Vec::new();
        while let Some(rung) = rungs.get(self.climbed).filter(|rung| self.waited_ms >= rung.after_s * 1000) {
            self.climbed += 1;
            let (level, step, of) = (rung.level.clone(), self.climbed, rungs.len());
            let escalation = Some(Escalation { level, step, of, after_s: rung.after_s });
            due.push(AlertMessage { escalation, ..self.message.clone() });
        }
        due
    }
}

#[cfg(test)]
#[path = "ladder_tests.rs"]
mod tests;
